"""Loops over time as kernels for a GPU, generated from a cell's program and adjoint.

In: a plan of `backends.native`.  Out: C++ that nvcc compiles for the card, and any compiler for a
CPU, where its threads take turns: so it is tested.  It knows no library: a backend hands it
pointers.

    build      what compiles kernels, and for which card
    barriers   where threads wait for each other
    homes      what lies in registers, and what threads share
    layout     how a kernel is spread over a card, and whether it fits
    resources  what a kernel uses of memory and registers
    step       a step as parts that all threads go through
    kernel     both, with the barriers between the parts
    write      a kernel -> C++, behind `kernel.h` and `device.h` or `host.h`
"""
