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
