"""Samples of WAV files."""

from __future__ import annotations

import wave
from typing import BinaryIO

import numpy as np

Form = tuple[int, int, int]  # channels, bytes a sample, samples a second


def read(file: BinaryIO) -> tuple[Form, np.ndarray]:
    """The form of a recording and its samples, from -32,768 to 32,767; none where a sample has not
    two bytes.

    Raises:
        ValueError: it is none, or it is damaged; with the reason.
    """
    try:
        with wave.open(file) as recording:
            form = (recording.getnchannels(), recording.getsampwidth(), recording.getframerate())
            content = recording.readframes(recording.getnframes())
            promised = recording.getnframes() * form[0] * form[1]
        if form[1] != 2:
            content = b""
        elif len(content) < promised:  # of which `wave` says nothing
            raise EOFError
        return form, np.frombuffer(content, "<i2")
    # `wave` raises a RuntimeError where a chunk ends behind its file
    except (wave.Error, EOFError, RuntimeError, ValueError) as error:
        raise ValueError(str(error) or "it ends too soon") from None
