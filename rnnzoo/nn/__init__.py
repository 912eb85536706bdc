"""The only folder that imports Keras and TensorFlow.

    emit      instructions of a program -> tensors, as `keras.ops`
    buffers   where a loop keeps what its steps yield
    scan      the time loop, compiled and as plain operations; functions with a backward pass of their own
    engine    a step's program and its adjoint -> such a function; `clockwork` computes due units only
    shapes    lengths and batch sizes go up to the next of a few, so that little is compiled
    cache     what is not whole in XLA's cache is set aside
    arguments what a user hands to a layer, checked
    layer     `Recurrent`, a Keras layer for any cell
    train     Trial -> Outcome: the compiled training loop; `data`, what it reads batches from
    look      a trained model -> what its cell does, in float64

Importing this package registers the layer, so that plain `keras.saving.load_model` finds it.
"""

import sys

from rnnzoo.spec import settings

if "keras" in sys.modules:
    settings.check_keras_backend(sys.modules["keras"].config.backend(), "this program")
else:
    settings.check_keras_backend(*settings.keras_backend())

from rnnzoo.nn.layer import Recurrent  # Keras fails on import where its backend is not installed

__all__ = ["Recurrent"]
