"""Networks whose matrices are transposed, constant or never trained."""

from __future__ import annotations

import numpy as np
from scipy import signal

from tests.zoo.papers import Values, Vector, Weights, sigmoid


def antisymmetric(w: Weights, x: Vector, h: Vector, *, epsilon: float, gamma: float) -> Values:
    """Chang et al. 2019, arXiv:1902.09689: the equation of the AntisymmetricRNN."""
    matrix = w["R"] - w["R"].T - gamma * np.eye(len(h))
    return {"h": h + epsilon * np.tanh(matrix @ h + w["W"] @ x + w["b"])}


def gated_antisymmetric(
    w: Weights, x: Vector, h: Vector, *, epsilon: float, gamma: float
) -> Values:
    """Chang et al. 2019, arXiv:1902.09689: the equations with gating."""
    matrix = w["R"] - w["R"].T - gamma * np.eye(len(h))
    z = sigmoid(matrix @ h + w["W_z"] @ x + w["b_z"])
    return {"h": h + epsilon * z * np.tanh(matrix @ h + w["W"] @ x + w["b"])}


def echo_state(w: Weights, x: Vector, h: Vector, *, leak: float) -> Values:
    """Jaeger 2001, GMD report 148: the equation of the internal units, without feedback, and that
    of leaky integrators.
    """
    return {"h": (1 - leak) * h + leak * np.tanh(w["W"] @ x + w["R"] @ h)}


def lmu(w: Weights, x: Vector, h: Vector, m: Vector, *, order: int, theta: float) -> Values:
    """Voelker, Kajic and Eliasmith 2019: the equations of the memory cell, discretised by Euler's
    method, and of the nonlinear state.
    """
    a, b = np.empty((order, order)), np.empty(order)
    for i in range(order):
        b[i] = (2 * i + 1) * (-1) ** i
        for j in range(order):
            a[i, j] = (2 * i + 1) * (-1 if i < j else (-1) ** (i - j + 1))
    u = w["E_x"] @ x + w["E_h"] @ h + w["E_m"] @ m
    m = (np.eye(order) + a / theta) @ m + b / theta * u
    return {"h": np.tanh(w["W"] @ x + w["R"] @ h + w["W_m"] @ m), "m": m}


def lmu_zoh(w: Weights, x: Vector, h: Vector, m: Vector, *, order: int, theta: float) -> Values:
    """Voelker, Kajic and Eliasmith 2019: the same equations, discretised by zero-order hold."""
    a, b = np.empty((order, order)), np.empty((order, 1))
    for i in range(order):
        b[i] = (2 * i + 1) * (-1) ** i
        for j in range(order):
            a[i, j] = (2 * i + 1) * (-1 if i < j else (-1) ** (i - j + 1))
    system = a / theta, b / theta, np.ones((1, order)), np.zeros((1, 1))
    kept, written, *_ = signal.cont2discrete(system, dt=1.0, method="zoh")
    u = w["E_x"] @ x + w["E_h"] @ h + w["E_m"] @ m
    m = kept @ m + written @ u
    return {"h": np.tanh(w["W"] @ x + w["R"] @ h + w["W_m"] @ m), "m": m}
