"""GRUs with less than a GRU has, and LSTMs with less than an LSTM has."""

from __future__ import annotations

import numpy as np

from tests.zoo.papers import Values, Vector, Weights, sigmoid


def mgu(w: Weights, x: Vector, h: Vector) -> Values:
    """Zhou, Wu, Zhang and Zhou 2016, arXiv:1603.09420: the equations of the unit."""
    f = sigmoid(w["R_f"] @ h + w["W_f"] @ x + w["b_f"])
    return {"h": _mgu(w, x, h, f)}


def mgu1(w: Weights, x: Vector, h: Vector) -> Values:
    """Heck and Salem 2017, arXiv:1701.03452: the equation of the gate of MGU1."""
    return {"h": _mgu(w, x, h, sigmoid(w["R_f"] @ h + w["b_f"]))}


def mgu2(w: Weights, x: Vector, h: Vector) -> Values:
    """Heck and Salem 2017, arXiv:1701.03452: the equation of the gate of MGU2."""
    return {"h": _mgu(w, x, h, sigmoid(w["R_f"] @ h))}


def mgu3(w: Weights, x: Vector, h: Vector) -> Values:
    """Heck and Salem 2017, arXiv:1701.03452: the equation of the gate of MGU3."""
    return {"h": _mgu(w, x, h, sigmoid(w["b_f"]))}


def _mgu(w: Weights, x: Vector, h: Vector, f: Vector) -> Vector:
    candidate = np.tanh(w["R_n"] @ (f * h) + w["W_n"] @ x + w["b_n"])
    return (1 - f) * h + f * candidate


def janet(w: Weights, x: Vector, h: Vector, *, beta: float) -> Values:
    """Van der Westhuizen and Lasenby 2018, arXiv:1804.04849: the equations of JANET."""
    s = w["R_f"] @ h + w["W_f"] @ x + w["b_f"]
    c_tilde = np.tanh(w["R_g"] @ h + w["W_g"] @ x + w["b_g"])
    return {"h": sigmoid(s) * h + (1 - sigmoid(s - beta)) * c_tilde}


def ugrnn(w: Weights, x: Vector, h: Vector) -> Values:
    """Collins, Sohl-Dickstein and Sussillo 2017, arXiv:1611.09913: the equations of the UGRNN."""
    c = np.tanh(w["R_n"] @ h + w["W_n"] @ x + w["b_n"])
    g = sigmoid(w["R_z"] @ h + w["W_z"] @ x + w["b_z"])
    return {"h": g * h + (1 - g) * c}


def intersection(w: Weights, x: Vector, h: Vector) -> Values:
    """Collins, Sohl-Dickstein and Sussillo 2017, arXiv:1611.09913: the equations of the +RNN, on
    embedded inputs.
    """
    x = w["E"] @ x
    y_in = np.maximum(w["R_y"] @ h + w["W_y"] @ x + w["b_y"], 0)
    h_in = np.tanh(w["R_n"] @ h + w["W_n"] @ x + w["b_n"])
    g_y = sigmoid(w["R_d"] @ h + w["W_d"] @ x + w["b_d"])
    g_h = sigmoid(w["R_z"] @ h + w["W_z"] @ x + w["b_z"])
    return {"y": g_y * x + (1 - g_y) * y_in, "h": g_h * h + (1 - g_h) * h_in}


def ligru(w: Weights, x: Vector, h: Vector) -> Values:
    """Ravanelli, Brakel, Omologo and Bengio 2018, arXiv:1803.10225: the equations of Li-GRU, with
    biases in place of batch normalisation.
    """
    z = sigmoid(w["W_z"] @ x + w["R_z"] @ h + w["b_z"])
    candidate = np.maximum(w["W_n"] @ x + w["R_n"] @ h + w["b_n"], 0)
    return {"h": z * h + (1 - z) * candidate}


def fastgrnn(w: Weights, x: Vector, h: Vector) -> Values:
    """Kusupati et al. 2018, arXiv:1901.02358: the equations of FastGRNN."""
    z = sigmoid(w["W"] @ x + w["R"] @ h + w["b_z"])
    h_tilde = np.tanh(w["W"] @ x + w["R"] @ h + w["b_n"])
    zeta, nu = sigmoid(w["zeta"]), sigmoid(w["nu"])
    return {"h": (zeta * (1 - z) + nu) * h_tilde + z * h}


def brc(w: Weights, x: Vector, h: Vector) -> Values:
    """Vecoven, Ernst and Drion 2021, arXiv:2006.05252: the equations of the BRC."""
    a = 1 + np.tanh(w["W_a"] @ x + w["w_a"] * h)
    c = sigmoid(w["W_c"] @ x + w["w_c"] * h)
    return {"h": c * h + (1 - c) * np.tanh(w["W"] @ x + a * h)}


def nbrc(w: Weights, x: Vector, h: Vector) -> Values:
    """Vecoven, Ernst and Drion 2021, arXiv:2006.05252: the equations of the nBRC."""
    a = 1 + np.tanh(w["W_a"] @ x + w["R_a"] @ h)
    c = sigmoid(w["W_c"] @ x + w["R_c"] @ h)
    return {"h": c * h + (1 - c) * np.tanh(w["W"] @ x + a * h)}


def miru(w: Weights, x: Vector, h: Vector, *, keep: float) -> Values:
    """Zyarah and Kudithipudi 2025, arXiv:2503.06175: the equations of a GRU whose update gate is a
    fixed coefficient.
    """
    r = sigmoid(w["W_r"] @ x + w["R_r"] @ h + w["b_r"])
    candidate = np.tanh(w["W_n"] @ x + w["R_n"] @ (r * h) + w["b_n"])
    return {"h": keep * h + (1 - keep) * candidate}


def miru2(w: Weights, x: Vector, h: Vector, *, keep: float, reset: float) -> Values:
    """Zyarah and Kudithipudi 2025, arXiv:2503.06175: the equations of a GRU both of whose gates are
    fixed coefficients.
    """
    candidate = np.tanh(w["W_n"] @ x + w["R_n"] @ (reset * h) + w["b_n"])
    return {"h": keep * h + (1 - keep) * candidate}


def lstm1997(w: Weights, x: Vector, h: Vector, c: Vector) -> Values:
    """Hochreiter and Schmidhuber 1997, section 4, with the equations of the squashing functions g
    and h of the appendix.
    """
    y_in = sigmoid(w["W_i"] @ x + w["R_i"] @ h + w["b_i"])
    y_out = sigmoid(w["W_o"] @ x + w["R_o"] @ h + w["b_o"])
    net_c = w["W_g"] @ x + w["R_g"] @ h + w["b_g"]
    s_c = c + y_in * (4 / (1 + np.exp(-net_c)) - 2)
    return {"h": y_out * (2 / (1 + np.exp(-s_c)) - 1), "c": s_c}
