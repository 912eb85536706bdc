"""The only folder that imports Keras and TensorFlow.

    emit      IR -> tensors: one step's equations as `keras.ops`, products on one operand stacked into one
    scan      the time loop (the one place that speaks TensorFlow's loops)
    layer     `Recurrent`, a Keras layer for any cell
    train     Trial -> Outcome: the compiled training loop

Importing this package registers the layer, so that plain `keras.saving.load_model` finds it.
"""

from rnnzoo.nn.layer import Recurrent

__all__ = ["Recurrent"]
