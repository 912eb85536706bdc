"""Keras: a layer for any cell, and how a model around it is trained.

What computes is a backend (`rnnzoo.backends`).

    arguments     what a user hands to a layer, checked
    layer         `Recurrent`, a Keras layer for any cell; `stack`, its layers, which it runs
    initial       with which numbers its weights begin
    initializers  the same initial weights under every backend
    losses        a task's loss and metric as tensors
    network       a trial's layers, from its inputs to its logits; `parts`, those that are not
                  recurrent
    train         Trial -> Outcome: the compiled training loop; `data`, what it reads batches from;
                  `packing`, batches without padding
    population    many trials together, those of one shape in one executable (`lanes`)
    buckets       models of different sizes in networks of one; `spare`, the layer for it
    epochs        what a training goes through, whoever runs its epochs
    checkpoint    all that a training needs to go on in another process
    carry         states that go on from one window of a text to the next
    schedule      how the learning rate changes from epoch to epoch
    update        how weights follow their gradients: one after the other, or as one vector
    predictions   what a trained model answers
    served        a kept model as MLflow loads it
    introspect    a trained model -> what its cell does, in float64

Importing this package registers the layers, so that plain `keras.saving.load_model` finds them.
"""

import sys

from rnnzoo.spec import settings

if "keras" in sys.modules:
    settings.check_layer_backend(sys.modules["keras"].config.backend(), "this program")
else:
    settings.check_layer_backend(*settings.keras_backend())

import rnnzoo.nn.parts  # noqa: F401  # registers its layers
from rnnzoo.nn.layer import Recurrent  # Keras fails on import where its backend is not installed

__all__ = ["Recurrent"]
