"""JAX and XLA: the only folder that imports JAX.

backend     the contract, fulfilled
engine      a step's program and its adjoint -> a scan with a backward pass of its own
calls       C++ that XLA calls
lanes       many models in one executable
losses      what losses are computed with
cuda        the engine with its loops as kernels, on a GPU
newton      nonlinear states at all steps by Newton's method
native      the engine with its loops in native code, on a CPU
pieces      weights side by side, and cut
process     what the processes of a sweep need
training    compiled functions, loops over batches, gradients
"""
