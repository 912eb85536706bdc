"""TensorFlow and XLA: the only folder that imports TensorFlow.

backend     the contract, fulfilled
buffers     where a loop keeps what its steps yield
cache       XLA's persistent cache of compiled code
cut_entries  what is not whole in that cache is set aside
engine      a step's program and its adjoint -> a function with a backward pass of its own
process     what the processes of a sweep need
scan        the time loop, compiled and as plain operations
shapes      lengths and batch sizes go up to the next of a few, so that little is compiled
training    compiled functions, loops over batches, gradients
"""
