"""Cells as their papers print them, one step each, in NumPy: not written from our YAML, which is
tested against them (`tests/zoo/test_papers.py`).

A function has the name of its cell, and names paper and equations.  It takes the weights under our
names and this step's `x`; then values of the step before, under the names of our equations, each of
which begins with 0; and by keyword options of the cell, inputs beside x, `t` and `units`.  It
returns the new values by name.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Vector = np.ndarray
Weights = Mapping[str, np.ndarray]
Values = dict[str, Vector]


def sigmoid(a: Vector) -> Vector:
    return 1 / (1 + np.exp(-a))
