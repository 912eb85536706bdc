"""Networks whose matrices are transposed, constant or never trained."""

from __future__ import annotations

import numpy as np

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
