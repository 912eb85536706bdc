"""Simple networks whose memory is a sum or a number for each unit."""

from __future__ import annotations

import numpy as np

from tests.zoo.papers import Values, Vector, Weights, sigmoid


def scrn(w: Weights, x: Vector, h: Vector, s: Vector, *, alpha: float) -> Values:
    """Mikolov et al. 2015, arXiv:1412.7753: the equations of the SCRN, before the softmax."""
    s = (1 - alpha) * (w["W_s"] @ x) + alpha * s
    h = sigmoid(w["P"] @ s + w["W"] @ x + w["R"] @ h)
    return {"y": w["U"] @ h + w["V"] @ s, "h": h, "s": s}


def fastrnn(w: Weights, x: Vector, h: Vector) -> Values:
    """Kusupati et al. 2018, arXiv:1901.02358: the equations of FastRNN; alpha and beta are kept
    between 0 and 1 as in its authors' program.
    """
    h_tilde = np.tanh(w["W"] @ x + w["R"] @ h + w["b"])
    return {"h": sigmoid(w["alpha"]) * h_tilde + sigmoid(w["beta"]) * h}


def indrnn(w: Weights, x: Vector, h: Vector) -> Values:
    """Li, Li, Cook, Zhu and Gao 2018, arXiv:1803.04831: the equation of the IndRNN, with ReLU."""
    return {"h": np.maximum(w["W"] @ x + w["w"] * h + w["b"], 0)}


def dilated_rnn(
    w: Weights, x: Vector, before_1: Vector, before_2: Vector, before_3: Vector, before_4: Vector
) -> Values:
    """Chang et al. 2017, arXiv:1710.02224: equation 1, with the cell of a simple network and a skip
    of 4 steps.
    """
    h = np.tanh(w["W"] @ x + w["R"] @ before_4 + w["b"])
    past = {"before_2": before_1, "before_3": before_2, "before_4": before_3}
    return {"h": h, "before_1": h, **past}
