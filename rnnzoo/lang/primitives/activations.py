"""Activations.  To add one, add an object here."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rnnzoo.lang.greek import GREEK
from rnnzoo.lang.primitives.base import Array, Elementwise

Tensor = Any
LEAK = 0.01  # of leaky_relu, as in Maas et al. 2013
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
    # `where` computes both branches, and expm1 of a large number overflows
    value: Array = np.where(a > 0, a, np.expm1(np.minimum(a, 0.0)))
    return value


def _hard_sigmoid(a: Array) -> Array:
    return np.clip(a / 6.0 + 0.5, 0.0, 1.0)


def _slope_of_erf(a: Array) -> Array:
    slope: Array = 2 / math.sqrt(math.pi) * np.exp(-(a * a))
    return slope


def _gelu(a: Array) -> Array:
    value: Array = a * 0.5 * (1.0 + _erf(a / math.sqrt(2.0)))
    return value


def _lowered_gelu(ops: Any, a: Tensor) -> Tensor:
    return a * 0.5 * (1.0 + ops.erf(a / math.sqrt(2.0)))  # that of Keras is inexact in float64


def _leaky_relu(a: Array) -> Array:
    return np.maximum(a, LEAK * a)


def _lowered_leaky_relu(ops: Any, a: Tensor) -> Tensor:
    return ops.maximum(a, LEAK * a)


def _clip(a: Array, low: Array, high: Array) -> Array:
    return np.minimum(np.maximum(a, low), high)


def _lowered_clip(ops: Any, a: Tensor, low: Tensor, high: Tensor) -> Tensor:
    return ops.minimum(ops.maximum(a, low), high)  # `ops.clip` wants bounds that are no larger


_erf = np.vectorize(math.erf, otypes=[float])


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
silu = Elementwise(
    "silu", 1, lambda a: a * _sigmoid(a), "silu", r"\mathrm{{silu}}\left({}\right)",
    ("sigmoid(a) * (1 + a * (1 - sigmoid(a)))",), costly=True, note="a times sigmoid(a), or swish",
)  # fmt: skip
gelu = Elementwise(
    "gelu", 1, _gelu, _lowered_gelu, r"\mathrm{{gelu}}\left({}\right)",
    ("0.5 + 0.5 * erf(0.7071067811865476 * a) + 0.3989422804014327 * a * exp(-0.5 * a * a)",),
    costly=True, note="a times the normal distribution's share below a",
)  # fmt: skip
leaky_relu = Elementwise(
    "leaky_relu", 1, _leaky_relu, _lowered_leaky_relu, r"\mathrm{{leaky\ relu}}\left({}\right)",
    (f"where(a > 0, 1, {LEAK})",), label="leaky relu",
    note=f"{LEAK} a below 0; `maximum(a, 0.2 * a)` for another slope",
)  # fmt: skip
log_sigmoid = Elementwise(
    "log_sigmoid", 1, lambda a: -np.logaddexp(-a, 0.0), "log_sigmoid",
    r"\log\sigma\left({}\right)", ("sigmoid(-a)",), costly=True, range=(-np.inf, 0.0),
    label=f"log {GREEK['sigma']}",
)  # fmt: skip
erf = Elementwise(
    "erf", 1, _erf, "erf", r"\mathrm{{erf}}\left({}\right)",
    ("1.1283791670955126 * exp(-a * a)",), costly=True, slope=_slope_of_erf, range=(-1.0, 1.0),
)  # fmt: skip
sign = Elementwise(
    "sign", 1, np.sign, "sign", r"\mathrm{{sign}}\left({}\right)", ("0",), range=(-1.0, 1.0),
    note="-1, 0 or 1; its gradient is 0, as a comparison's",
)  # fmt: skip
clip = Elementwise(
    "clip", 3, _clip, _lowered_clip, r"\mathrm{{clip}}\left({}, {}, {}\right)",
    (
        "where((a >= b) * (a <= c), 1, 0)", "where((a < b) * (b <= c), 1, 0)",
        "where(maximum(a, b) > c, 1, 0)",
    ),
    tame="clip({a}, -0.5, {b})",
    note="a from b to c; beyond, the gradient is 0 for a and goes to b or c",
)  # fmt: skip
