"""The only folder that imports Keras and TensorFlow.

    emit      lines of a program -> tensors, as `keras.ops`
    rooms     where a loop keeps what its steps yield
    scan      the time loop (the one place that speaks TensorFlow's loops)
    engine    a step's program and its adjoint -> a function with a backward pass of its own; `ticked` for cells of clocks
    cache     what is not whole in XLA's cache is set aside
    arguments what a user hands to a layer, checked
    layer     `Recurrent`, a Keras layer for any cell
    data      a task's splits as tensors that stay on the device
    train     Trial -> Outcome: the compiled training loop
    look      a trained model -> what its cell does, in float64

Importing this package registers the layer, so that plain `keras.saving.load_model` finds it.
"""

from rnnzoo.nn.layer import Recurrent

__all__ = ["Recurrent"]
