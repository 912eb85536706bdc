"""Cells that add what depends on the inputs alone."""

from __future__ import annotations

import numpy as np

from tests.zoo.papers import Values, Vector, Weights, sigmoid


def minimal_rnn(w: Weights, x: Vector, h: Vector) -> Values:
    """Chen 2017, arXiv:1711.06788: the equations of the MinimalRNN, whose input network is one
    layer with tanh.
    """
    z = np.tanh(w["W_n"] @ x + w["b_n"])
    u = sigmoid(w["R_u"] @ h + w["W_u"] @ z + w["b_u"])
    return {"h": u * h + (1 - u) * z}


def light_ru(w: Weights, x: Vector, h: Vector) -> Values:
    """Ye et al. 2024, Electronics 13(16): the equations of the LightRU."""
    h_tilde = np.tanh(w["W_n"] @ x)
    f = sigmoid(w["W_f"] @ x + w["R_f"] @ h + w["b_f"])
    return {"h": (1 - f) * h + f * h_tilde}


def ran(w: Weights, x: Vector, h: Vector, c: Vector) -> Values:
    """Lee, Levy and Zettlemoyer 2017, arXiv:1705.07393: the equations of the RAN, with tanh for
    g.
    """
    content = w["W_n"] @ x
    i = sigmoid(w["R_i"] @ h + w["W_i"] @ x + w["b_i"])
    f = sigmoid(w["R_f"] @ h + w["W_f"] @ x + w["b_f"])
    c = i * content + f * c
    return {"h": np.tanh(c), "c": c}


def cfn(w: Weights, x: Vector, h: Vector) -> Values:
    """Laurent and von Brecht 2017, arXiv:1612.06212: the equations of the CFN."""
    theta = sigmoid(w["R_f"] @ h + w["W_f"] @ x + w["b_f"])
    eta = sigmoid(w["R_i"] @ h + w["W_i"] @ x + w["b_i"])
    return {"h": theta * np.tanh(h) + eta * np.tanh(w["W_n"] @ x)}


def atr(w: Weights, x: Vector, h: Vector) -> Values:
    """Zhang, Xiong, Su, Lin and Zhang 2018, arXiv:1810.12546: the equations of the ATR."""
    p, q = w["W"] @ x, w["R"] @ h
    return {"h": sigmoid(p + q) * p + sigmoid(p - q) * h}


def star(w: Weights, x: Vector, h: Vector) -> Values:
    """Turkoglu, D'Aronco, Wegner and Schindler 2022, arXiv:1911.11033: the equations of the
    STAR.
    """
    z = np.tanh(w["W_n"] @ x + w["b_n"])
    k = sigmoid(w["W_k"] @ x + w["R_k"] @ h + w["b_k"])
    return {"h": np.tanh((1 - k) * h + k * z)}


def sgrn(w: Weights, x: Vector, h: Vector) -> Values:
    """Zu et al. 2020, doi:10.1049/gtd2.12056: the equations of the SGRN."""
    f = sigmoid(w["W"] @ x + w["R"] @ h + w["b"])
    i = 1 - f
    return {"h": np.tanh(i * (w["W"] @ x) + f * h)}
