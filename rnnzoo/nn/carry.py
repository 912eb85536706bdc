"""States that go on from one window of a text to the next: truncated backpropagation through time.

In: how many windows there are, or the recurrent layer.  Out: the order in which windows are read,
so many streams side by side; and what each stream has in memory.  Gradients end where a window
begins (Williams and Peng 1990; Mikolov et al. 2010, Recurrent neural network based language model).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from rnnzoo.nn.layer import Recurrent

Tensor = Any


def side_by_side(windows: int, streams: int) -> np.ndarray:
    """The numbers of all windows in the order in which they are read: the first of each stream,
    then the second of each.

    Each stream is a piece of the text, in order; the first streams may be one window longer.
    """
    pieces = np.array_split(np.arange(windows), streams)
    steps = -(-windows // streams)

    def read_together(step: int) -> list[int]:
        return [piece[step] for piece in pieces if step < len(piece)]

    return np.concatenate([read_together(step) for step in range(steps)])


class Streams:
    """What a recurrent layer has in memory of each stream, between two windows.

    Args:
        layer: built, and with `return_state`.
        count: of streams.
    """

    def __init__(self, layer: Recurrent, count: int) -> None:
        self.layer, self.count = layer, count
        self.going_on = keras.Variable(0.0, trainable=False)  # 0 where streams begin
        self.states = [
            keras.Variable(keras.ops.zeros_like(state), trainable=False, dtype=state.dtype)
            for state in layer.get_initial_state(count)
        ]

    @property
    def variables(self) -> list[keras.Variable]:
        return [self.going_on, *self.states]

    def begin(self) -> None:
        """Forget: the next window is the first of each stream."""
        self.going_on.assign(0.0)

    def start(self) -> list[Tensor]:
        """The states with which the next window is read, (streams, size) each."""
        begun, first = self.going_on > 0, self.layer.get_initial_state(self.count)
        return [
            keras.ops.where(begun, keras.ops.convert_to_tensor(kept), initial)
            for kept, initial in zip(self.states, first, strict=True)
        ]

    def keep(self, states: Sequence[Tensor]) -> None:
        """Remember the states after a window; no gradient goes through a variable."""
        for kept, state in zip(self.states, states, strict=True):
            kept.assign(state)
        self.going_on.assign(1.0)
