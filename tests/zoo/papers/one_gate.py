"""Cells with one gate."""

from __future__ import annotations

import numpy as np

from tests.zoo.papers import Values, Vector, Weights, sigmoid


def mgu(w: Weights, x: Vector, h: Vector) -> Values:
    """Zhou, Wu, Zhang and Zhou 2016, arXiv:1603.09420, equations (9) to (11)."""
    f = sigmoid(w["R_f"] @ h + w["W_f"] @ x + w["b_f"])
    candidate = np.tanh(w["R_n"] @ (f * h) + w["W_n"] @ x + w["b_n"])
    return {"h": (1 - f) * h + f * candidate}


def janet(w: Weights, x: Vector, h: Vector, *, beta: float) -> Values:
    """Van der Westhuizen and Lasenby 2018, arXiv:1804.04849, equations (4) to (7)."""
    s = w["R_f"] @ h + w["W_f"] @ x + w["b_f"]
    c_tilde = np.tanh(w["R_g"] @ h + w["W_g"] @ x + w["b_g"])
    return {"h": sigmoid(s) * h + (1 - sigmoid(s - beta)) * c_tilde}
