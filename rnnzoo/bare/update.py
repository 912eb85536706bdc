"""How weights follow their gradients, as Keras' optimisers compute it.

In: a training.  Out: an object that changes a vector of weights by its gradient, in place.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnzoo.spec.hyperparameters import Training

Array = np.ndarray[Any, Any]
BETA_1, BETA_2 = np.float32(0.9), np.float32(0.999)  # of Adam
RHO = np.float32(0.9)  # of RMSprop
EPSILON = np.float32(1e-7)
ONE = np.float32(1)


class Update:
    """An optimiser and what it remembers.

    Attributes:
        count: how many updates it made.
    """

    def __init__(self, training: Training, size: int) -> None:
        self.training, self.count = training, 0
        momentum = training.momentum or 0.0
        share = 1 - momentum if training.effective_rate else 1
        self.rate, self.momentum = np.float32(training.learning_rate * share), np.float32(momentum)
        self.mean, self.square = np.zeros((2, size), np.float32)
        self.step = {"sgd": self._sgd, "adam": self._adam, "rmsprop": self._rmsprop}[
            training.optimizer
        ]

    def apply(self, weights: Array, gradient: Array) -> None:
        """Change weights by their gradient, which is clipped; both are changed in place."""
        training = self.training
        if training.clip_value:
            np.clip(gradient, -training.clip_value, training.clip_value, out=gradient)
        if training.clip:
            norm = np.sqrt(np.dot(gradient, gradient))
            if not norm <= training.clip:  # likewise where it is no number
                gradient *= np.float32(training.clip) / norm
        self.count += 1
        self.step(weights, gradient)

    def _sgd(self, weights: Array, gradient: Array) -> None:
        gradient *= self.rate
        if not self.momentum:
            weights -= gradient
            return
        self.mean *= self.momentum
        self.mean -= gradient
        weights += self.mean * self.momentum - gradient if self.training.nesterov else self.mean

    def _adam(self, weights: Array, gradient: Array) -> None:
        """Kingma and Ba 2015."""
        number = np.float32(self.count)
        rate = self.rate * np.sqrt(ONE - BETA_2**number) / (ONE - BETA_1**number)
        self.mean += (gradient - self.mean) * (ONE - BETA_1)
        np.square(gradient, out=gradient)
        gradient -= self.square
        gradient *= ONE - BETA_2
        self.square += gradient
        divisor = np.sqrt(self.square, out=gradient)
        divisor += EPSILON
        weights -= self.mean * rate / divisor

    def _rmsprop(self, weights: Array, gradient: Array) -> None:
        """Tieleman and Hinton 2012."""
        self.square *= RHO
        self.square += (ONE - RHO) * np.square(gradient)
        gradient *= self.rate
        gradient /= np.sqrt(self.square + EPSILON)
        if self.momentum:
            self.mean *= self.momentum
            self.mean += gradient
            gradient = self.mean
        weights -= gradient
