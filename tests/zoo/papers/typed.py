"""Strongly typed cells, whose states meet their inputs only unit by unit."""

from __future__ import annotations

import numpy as np

from tests.zoo.papers import Values, Vector, Weights, sigmoid


def typed_rnn(w: Weights, x: Vector, h: Vector) -> Values:
    """Balduzzi and Ghifary 2016, arXiv:1602.02218: the equations of the T-RNN."""
    z = w["W_z"] @ x
    f = sigmoid(w["W_f"] @ x + w["b_f"])
    return {"h": f * h + (1 - f) * z}


def typed_gru(w: Weights, x: Vector, h: Vector, of_z: Vector, of_f: Vector, of_o: Vector) -> Values:
    """Balduzzi and Ghifary 2016, arXiv:1602.02218: the equations of the T-GRU."""
    z, f, o = _typed(w, x, of_z, of_f, of_o)
    return {"h": f * h + z * o, **_of_inputs(w, x)}


def typed_lstm(
    w: Weights, x: Vector, c: Vector, of_z: Vector, of_f: Vector, of_o: Vector
) -> Values:
    """Balduzzi and Ghifary 2016, arXiv:1602.02218: the equations of the T-LSTM."""
    z, f, o = _typed(w, x, of_z, of_f, of_o)
    c = f * c + (1 - f) * z
    return {"h": c * o, "c": c, **_of_inputs(w, x)}


def _typed(
    w: Weights, x: Vector, of_z: Vector, of_f: Vector, of_o: Vector
) -> tuple[Vector, Vector, Vector]:
    z = of_z + w["W_z"] @ x + w["b_z"]
    f = sigmoid(of_f + w["W_f"] @ x + w["b_f"])
    return z, f, np.tanh(of_o + w["W_o"] @ x + w["b_o"])


def _of_inputs(w: Weights, x: Vector) -> Values:
    """What the next step reads of these inputs, of which there are none before the first."""
    return {f"of_{gate}": w[f"V_{gate}"] @ x for gate in "zfo"}
