"""TensorFlow and XLA: the only folder that imports TensorFlow.

backend     the contract, fulfilled
buffers     where a loop keeps what its steps yield
cache       what is not whole in XLA's cache is set aside
clockwork   an engine that computes due units only
emit        instructions of a program -> tensors, as `keras.ops`
engine      a step's program and its adjoint -> a function with a backward pass of its own
scan        the time loop, compiled and as plain operations
shapes      lengths and batch sizes go up to the next of a few, so that little is compiled
training    compiled functions, loops over batches, gradients
"""
