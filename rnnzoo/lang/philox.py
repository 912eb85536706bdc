"""Random numbers that are TensorFlow's, in NumPy: a training begins with the same weights under
every backend.

In: a seed and a shape.  Out: float32 numbers equal to those of Keras' initialisers under TensorFlow
on a CPU: uniform ones to the bit, normal ones to the accuracy of a logarithm and a sine.

Source:
    Salmon, Moraes, Dror and Shaw 2011, Parallel random numbers: as easy as 1, 2, 3 (Philox
    4x32-10); TensorFlow's stateless operations, for how a seed becomes key and counter, and words
    become numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
ROUNDS = 10
MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))  # the paper's, for words of 32 bits
WEYL = (0x9E3779B9, 0xBB67AE85)  # added to the key between rounds
SCRAMBLE = (0x3EC8F720, 0x02461E29)  # the key with which a seed is made into a key and a counter
LOW, SHIFT = np.uint64(0xFFFFFFFF), np.uint64(32)
SEEDS = 2**31 - 2  # Keras wraps a seed at this number
WORDS = 4  # of a counter
# counters for every four truncated numbers, however many are thrown away: TensorFlow's number
RESERVED = 256
SMALLEST = np.float32(1e-7)  # of a uniform number whose logarithm is taken
CUT = np.float32(2.0)  # standard deviations at which a truncated normal number is thrown away
# standard deviation of a normal distribution that is cut at two of its own
CUT_DEVIATION = 0.87962566103423978


def uniform(seed: int, shape: Sequence[int], low: float, high: float) -> Array:
    """Numbers from `low` on and below `high`."""
    count = math.prod(shape)
    numbers = _unit(_words(seed, np.arange(_groups(count))).ravel())[:count]
    return (numbers * np.float32(high - low) + np.float32(low)).reshape(shape)


def open_uniform(seed: int, shape: Sequence[int]) -> Array:
    """Numbers between 0 and 1, in float64, of which none is either."""
    # half of the distance between two numbers of `uniform`, which have 23 bits
    return uniform(seed, shape, 0.0, 1.0).astype(float) + 2.0**-24


def normal(seed: int, shape: Sequence[int], deviation: float) -> Array:
    """Normal numbers around 0."""
    count = math.prod(shape)
    numbers = _box_muller(_words(seed, np.arange(_groups(count)))).ravel()[:count]
    return (numbers * np.float32(deviation)).reshape(shape)


def truncated_normal(seed: int, shape: Sequence[int], deviation: float) -> Array:
    """Normal numbers around 0, drawn again where they lie two deviations away or more."""
    count, groups = math.prod(shape), _groups(math.prod(shape))
    tries = 8  # counters looked at: of 32 numbers, 4 nearly always count
    counters = np.arange(groups)[:, None] * RESERVED + np.arange(tries)
    drawn = _box_muller(_words(seed, counters.ravel())).reshape(groups, tries * WORDS)
    counts = np.abs(drawn) < CUT
    order = np.argsort(~counts, axis=1, kind="stable")[:, :WORDS]
    numbers = np.take_along_axis(drawn, order, axis=1).ravel()[:count]
    return (numbers * np.float32(deviation)).reshape(shape)


def scaled(seed: int, shape: Sequence[int], scale: float, fan: str, distribution: str) -> Array:
    """Numbers whose variance depends on the size of the matrix (Glorot and Bengio 2010; He et al.
    2015), as Keras' `VarianceScaling` has them.

    Args:
        fan: `fan_in`, `fan_out` or `fan_avg`: by which number of columns and rows of a kernel
            (columns, rows) the scale is divided.
        distribution: `uniform`, `truncated_normal` or `untruncated_normal`.
    """
    inputs, outputs = (shape[0], shape[-1]) if len(shape) == 2 else (math.prod(shape),) * 2
    fans = {"fan_in": inputs, "fan_out": outputs, "fan_avg": (inputs + outputs) / 2}
    variance = scale / max(1.0, fans[fan])
    if distribution == "uniform":
        limit = math.sqrt(3.0 * variance)
        return uniform(seed, shape, -limit, limit)
    if distribution == "untruncated_normal":
        return normal(seed, shape, math.sqrt(variance))
    return truncated_normal(seed, shape, math.sqrt(variance) / CUT_DEVIATION)


def orthogonal(seed: int, shape: Sequence[int], gain: float) -> Array:
    """A matrix with orthonormal columns, or rows where those are fewer (Saxe et al. 2014)."""
    rows, columns = math.prod(shape[:-1]), shape[-1]
    drawn = normal(seed, (max(rows, columns), min(rows, columns)), 1.0)
    q, r = np.linalg.qr(drawn)
    q = q * np.sign(np.diagonal(r))
    matrix: Array = np.float32(gain) * (q.T if rows < columns else q)
    return matrix.reshape(shape)


def _groups(count: int) -> int:
    return -(-count // WORDS)


def _words(seed: int, numbers: Array) -> Array:
    """(numbers, 4) of uint32: what a seed yields for each number of a counter."""
    wrapped = seed % SEEDS
    mixed = _philox(np.array([[wrapped, 0, 0, 0]], np.uint64), SCRAMBLE)[0]
    counters = np.empty((len(numbers), WORDS), np.uint64)
    counters[:, 0], counters[:, 1] = (
        numbers.astype(np.uint64) & LOW,
        numbers.astype(np.uint64) >> SHIFT,
    )
    counters[:, 2:] = mixed[2:]
    return _philox(counters, (int(mixed[0]), int(mixed[1])))


def _philox(counters: Array, key: tuple[int, int]) -> Array:
    first, second, third, fourth = counters.T
    even, odd = key
    for _ in range(ROUNDS):
        left, right = first * MULTIPLIERS[0], third * MULTIPLIERS[1]
        first, second = (right >> SHIFT) ^ second ^ np.uint64(even), right & LOW
        third, fourth = (left >> SHIFT) ^ fourth ^ np.uint64(odd), left & LOW
        even, odd = (even + WEYL[0]) & int(LOW), (odd + WEYL[1]) & int(LOW)
    return np.stack([first, second, third, fourth], axis=1).astype(np.uint32)


def _unit(words: Array) -> Array:
    """float32 in [0, 1), from the lower 23 bits of each word."""
    mantissa = (words & np.uint32(0x7FFFFF)) | np.uint32(127 << 23)
    numbers: Array = mantissa.view(np.float32) - np.float32(1)
    return numbers


def _box_muller(words: Array) -> Array:
    """(counters, 4) normal numbers from as many words, two from each pair (Box and Muller 1958)."""
    radius = np.sqrt(np.float32(-2) * np.log(np.maximum(_unit(words[:, 0::2]), SMALLEST)))
    angle = np.float32(2 * math.pi) * _unit(words[:, 1::2])
    pairs = np.stack([np.sin(angle) * radius, np.cos(angle) * radius], axis=2)
    return pairs.reshape(len(words), WORDS)
