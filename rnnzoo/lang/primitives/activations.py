"""Activations.  To add one, add an object here."""

from __future__ import annotations

import numpy as np

from rnnzoo.lang.greek import GREEK
from rnnzoo.lang.primitives.base import Array, Elementwise

FLAT = 350.0  # a slope there is as good as 0; cosh of more than 355 overflows when squared


def _sigmoid(a: Array) -> Array:
    e = np.exp(-np.abs(a))  # of the absolute value, so that nothing overflows
    return np.where(a >= 0, 1.0, e) / (1.0 + e)


def _slope_of_sigmoid(a: Array) -> Array:
    slope: Array = 0.25 / np.cosh(np.clip(a / 2, -FLAT, FLAT)) ** 2
    return slope


def _slope_of_tanh(a: Array) -> Array:
    slope: Array = 1 / np.cosh(np.clip(a, -FLAT, FLAT)) ** 2
    return slope


def _slope_of_hard_sigmoid(a: Array) -> Array:
    slope: Array = (np.abs(a) < 3) / 6
    return slope


def _elu(a: Array) -> Array:
    value: Array = np.where(a > 0, a, np.expm1(np.minimum(a, 0.0)))
    return value


def _hard_sigmoid(a: Array) -> Array:
    return np.clip(a / 6.0 + 0.5, 0.0, 1.0)


sigmoid = Elementwise(
    "sigmoid", 1, _sigmoid, "sigmoid", r"\sigma\left({}\right)", ("y * (1 - y)",), costly=True,
    slope=_slope_of_sigmoid, range=(0.0, 1.0), label=GREEK["sigma"], unicode=GREEK["sigma"],
)  # fmt: skip
tanh = Elementwise(
    "tanh", 1, np.tanh, "tanh", r"\tanh\left({}\right)", ("1 - y * y",),
    costly=True, slope=_slope_of_tanh, range=(-1.0, 1.0),
)  # fmt: skip
relu = Elementwise(
    "relu", 1, lambda a: np.maximum(a, 0.0), "relu", r"\mathrm{{relu}}\left({}\right)",
    ("where(a > 0, 1, 0)",),
)  # fmt: skip
softplus = Elementwise(
    "softplus", 1, lambda a: np.logaddexp(a, 0.0), "softplus",
    r"\mathrm{{softplus}}\left({}\right)", ("sigmoid(a)",), costly=True,
)  # fmt: skip
softsign = Elementwise(
    "softsign", 1, lambda a: a / (1.0 + np.abs(a)), "softsign",
    r"\mathrm{{softsign}}\left({}\right)", ("1 / (1 + abs(a)) ** 2",), range=(-1.0, 1.0),
)  # fmt: skip
elu = Elementwise(
    "elu", 1, _elu, "elu", r"\mathrm{{elu}}\left({}\right)", ("where(a > 0, 1, y + 1)",),
    costly=True,
)  # fmt: skip
hard_sigmoid = Elementwise(
    "hard_sigmoid", 1, _hard_sigmoid, "hard_sigmoid", r"\mathrm{{hard\ sigmoid}}\left({}\right)",
    ("where(abs(a) < 3, 1 / 6, 0)",), slope=_slope_of_hard_sigmoid, range=(0.0, 1.0),
    label="hard sigmoid",
)  # fmt: skip
