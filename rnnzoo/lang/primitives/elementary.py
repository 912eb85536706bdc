"""Elementary functions, and the smaller and the larger of two values."""

from __future__ import annotations

import numpy as np

from rnnzoo.lang.primitives.base import Elementwise

exp = Elementwise(
    "exp", 1, np.exp, "exp", r"\exp\left({}\right)", ("y",),
    costly=True, range=(0.0, np.inf), tame="exp(tanh({a}))",
)  # fmt: skip
log = Elementwise(
    "log", 1, np.log, "log", r"\log\left({}\right)", ("1 / a",),
    costly=True, singular=True, tame="log(1 + abs({a}))",
)  # fmt: skip
sqrt = Elementwise(
    "sqrt", 1, np.sqrt, "sqrt", r"\sqrt{{{}}}", ("1 / (2 * y)",),
    singular=True, range=(0.0, np.inf), tame="sqrt(0.1 + abs({a}))",
)  # fmt: skip
abs = Elementwise(  # its name in the language
    "abs", 1, np.abs, "abs", r"\left|{}\right|", ("where(a > 0, 1, where(a < 0, -1, 0))",),
    range=(0.0, np.inf),
)  # fmt: skip
sin = Elementwise(
    "sin", 1, np.sin, "sin", r"\sin\left({}\right)", ("cos(a)",), costly=True, range=(-1.0, 1.0)
)
cos = Elementwise(
    "cos", 1, np.cos, "cos", r"\cos\left({}\right)", ("-sin(a)",), costly=True, range=(-1.0, 1.0)
)
floor = Elementwise(
    "floor", 1, np.floor, "floor", r"\left\lfloor {} \right\rfloor",
    tame="({a}) * floor(t / 2)",
)  # fmt: skip
minimum = Elementwise(
    "minimum", 2, np.minimum, "minimum", r"\min\left({}, {}\right)",
    ("where(a <= b, 1, 0)", "where(a <= b, 0, 1)"), label="min", commutative=True,
)  # fmt: skip
maximum = Elementwise(
    "maximum", 2, np.maximum, "maximum", r"\max\left({}, {}\right)",
    ("where(a >= b, 1, 0)", "where(a >= b, 0, 1)"), label="max", commutative=True,
)  # fmt: skip
