"""Networks whose matrices are transposed, constant, made of weights or never trained."""

from __future__ import annotations

import numpy as np
from scipy import linalg, signal

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


def goru(w: Weights, x: Vector, h: Vector, *, units: int) -> Values:
    """Jing et al. 2019, arXiv:1706.02761: the equations of the GORU, whose orthogonal matrix is a
    product of two layers of rotations in planes of neighbouring units.
    """
    matrix = np.eye(units)
    for first in (0, 1):
        for pair, unit in enumerate(range(first, units - 1, 2)):
            angle = w[f"w_a{first + 1}"][pair]
            plane = np.eye(units)
            plane[unit : unit + 2, unit : unit + 2] = [
                [np.cos(angle), -np.sin(angle)],
                [np.sin(angle), np.cos(angle)],
            ]
            matrix = plane @ matrix
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(units), atol=1e-12)
    r = sigmoid(w["W_r"] @ x + w["R_r"] @ h + w["b_r"])
    z = sigmoid(w["W_z"] @ x + w["R_z"] @ h + w["b_z"])
    n = w["W_n"] @ x + r * (matrix @ h)
    candidate = n / np.abs(n) * np.maximum(np.abs(n) + w["b_n"], 0)
    return {"h": z * h + (1 - z) * candidate}


def exprnn(w: Weights, x: Vector, h: Vector) -> Values:
    """Lezcano-Casado and Martinez-Rubio 2019, arXiv:1901.08428: the equation of the RNN with
    B = exp(A) of an antisymmetric A, and modReLU; as in the authors' code (Lezcano/expRNN), the
    entries of A above its diagonal are trained.
    """
    upper = np.triu(w["A"], 1)
    rotation = linalg.expm(upper - upper.T)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(len(h)), atol=1e-12)
    u = w["W"] @ x + rotation @ h
    return {"h": u / np.abs(u) * np.maximum(np.abs(u) + w["b"], 0)}


def mclstm(w: Weights, x: Vector, c: Vector, *, mass: Vector) -> Values:
    """Hoedt et al. 2021, arXiv:2101.05186: the equations of the MC-LSTM with a redistribution that
    depends on time, for one mass input and auxiliary inputs x; as in the authors' code
    (ml-jku/mc-lstm), what is stored is divided by its sum unless that is 0.
    """
    units = len(c)
    shares = c / (c.sum() if c.sum() > 0 else 1)
    r = np.zeros((units, units))
    for source in range(units):
        own = slice(source * units, (source + 1) * units)
        logits = w["W_r"][own] @ x + w["U_r"][own] @ shares + w["B_r"][source]
        r[source] = np.exp(logits) / np.exp(logits).sum()
    return _mass_conserving(w, x, c, shares, r, mass)


def mclstm_static(w: Weights, x: Vector, c: Vector, *, mass: Vector) -> Values:
    """Hoedt et al. 2021, arXiv:2101.05186: the equations of the MC-LSTM with the redistribution
    matrix softmax(B_r).
    """
    shares = c / (c.sum() if c.sum() > 0 else 1)
    e = np.exp(w["B_r"])
    return _mass_conserving(w, x, c, shares, e / e.sum(axis=1, keepdims=True), mass)


def _mass_conserving(
    w: Weights, x: Vector, c: Vector, shares: Vector, r: np.ndarray, mass: Vector
) -> Values:
    """The gates, the memory and the output, given the redistribution matrix."""
    logits = w["W_i"] @ x + w["U_i"] @ shares + w["b_i"]
    i = np.exp(logits) / np.exp(logits).sum()
    o = sigmoid(w["W_o"] @ x + w["U_o"] @ shares + w["b_o"])
    total = c @ r + mass[0] * i
    np.testing.assert_allclose(total.sum(), c.sum() + mass[0], atol=1e-12)
    return {"h": o * total, "c": (1 - o) * total}
