"""Loops over time as native code, generated from a cell's program and adjoint.

In: a program and its adjoint.  Out: C++, compiled once for a cell and kept, whose sizes are values
of run time.  It reads `lang` and knows no library: a backend hands it pointers.

    plan         a loop as groups of operations on rows in memory; `planner`, a program -> its plan
    operations   operations in C++
    write        a plan -> C++, behind `prelude.h`
    arguments    what a loop is called with that is not yet an array
    build        C++ -> functions of this process, compiled once and kept
"""
