"""Features of speech: what a recording sounds like, every ten milliseconds.

In: samples from -1 to 1.  Out: (frames, features) float32, frames of 25 ms, each begun 10 ms after
the one before.

`log_mel` is the natural logarithm of the power in 26 triangular bands whose edges are equally far
apart in mel, 2595 log10(1 + f / 700); `mfcc` is its discrete cosine transform (DCT-II,
orthonormal), coefficients 0 to 12 (Davis and Mermelstein 1980).  Frames are weighted by a Hann
window; nothing is filtered before, and no frame is left out.
"""

from __future__ import annotations

from functools import cache

import numpy as np

FRAME, STEP = 0.025, 0.01  # seconds
BANDS, COEFFICIENTS = 26, 13
SILENCE = 1e-10  # the least power


def log_mel(samples: np.ndarray, rate: int) -> np.ndarray:
    """(frames, 26); what is shorter than a frame is one, filled with zeros.

    Args:
        samples: (how many,), from -1 to 1.
        rate: samples a second.
    """
    length, step = round(FRAME * rate), round(STEP * rate)
    filled = np.pad(samples, (0, max(0, length - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(filled, length)[::step]
    size = 1 << (length - 1).bit_length()  # the next power of 2
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    power = np.abs(np.fft.rfft(frames * hann, size)) ** 2
    bands = power @ mel_filters(rate, size).T
    features: np.ndarray = np.log(np.maximum(bands, SILENCE)).astype(np.float32)
    return features


def mfcc(samples: np.ndarray, rate: int) -> np.ndarray:
    """(frames, 13); see `log_mel`."""
    features: np.ndarray = (log_mel(samples, rate) @ _cosines().T).astype(np.float32)
    return features


@cache
def mel_filters(rate: int, size: int) -> np.ndarray:
    """(26, size // 2 + 1): how much of the power at each frequency each band takes, at most 1."""
    highest = 2595 * np.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, highest, BANDS + 2) / 2595) - 1)
    frequencies = np.arange(size // 2 + 1) * rate / size
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (frequencies - low) / (middle - low)
    falling = (high - frequencies) / (high - middle)
    filters: np.ndarray = np.maximum(0, np.minimum(rising, falling))
    return filters


@cache
def _cosines() -> np.ndarray:
    """(13, 26)"""
    places = (np.arange(BANDS) + 0.5) / BANDS
    cosines = np.cos(np.pi * np.arange(COEFFICIENTS)[:, None] * places)
    cosines *= np.sqrt(2 / BANDS)
    cosines[0] /= np.sqrt(2)
    return cosines
