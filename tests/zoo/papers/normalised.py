"""Cells whose sums are normalised over units, and cells that rank their units."""

from __future__ import annotations

import numpy as np

from tests.zoo.papers import Values, Vector, Weights, sigmoid


def _normalised(a: Vector) -> Vector:
    """Ba et al. 2016, equation (3) with gain 1 and bias 0, and with 1e-5 as their code has it."""
    return (a - a.mean()) / np.sqrt(a.var() + 1e-5)


def _of_root_mean_square_1(a: Vector) -> Vector:
    """Zhang and Sennrich 2019, equation (4) with gain 1, and with 1e-5 as their code has it."""
    return a / np.sqrt(np.square(a).mean() + 1e-5)


def _joined(w: Weights, kind: str, gates: str) -> np.ndarray:
    """Weights of several gates below each other, which a paper has as one."""
    return np.concatenate([w[f"{kind}_{gate}"] for gate in gates])


def layer_norm_lstm(w: Weights, x: Vector, h: Vector, c: Vector) -> Values:
    """Ba et al. 2016, arXiv:1607.06450: the equations (20) to (22); beta_1, beta_2 and b are one
    bias.
    """
    gates = "fiog"
    sums = _joined(w, "p", gates) * _normalised(_joined(w, "R", gates) @ h)
    sums += _joined(w, "w", gates) * _normalised(_joined(w, "W", gates) @ x)
    f, i, o, g = np.split(sums + _joined(w, "b", gates), 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return {"h": sigmoid(o) * np.tanh(w["w_c"] * _normalised(c) + w["b_c"]), "c": c}


def layer_norm_gru(w: Weights, x: Vector, h: Vector) -> Values:
    """Ba et al. 2016, arXiv:1607.06450: the equations of the GRU in the supplement; beta_1 and
    beta_2 are one bias.
    """
    sums = _joined(w, "p", "zr") * _normalised(_joined(w, "R", "zr") @ h)
    sums += _joined(w, "w", "zr") * _normalised(_joined(w, "W", "zr") @ x)
    z, r = np.split(sums + _joined(w, "b", "zr"), 2)
    recurrent = w["p_n"] * _normalised(w["R_n"] @ h) + w["b_m"]
    candidate = np.tanh(w["w_n"] * _normalised(w["W_n"] @ x) + w["b_n"] + sigmoid(r) * recurrent)
    return {"h": (1 - sigmoid(z)) * h + sigmoid(z) * candidate}


def rms_norm_gru(w: Weights, x: Vector, h: Vector) -> Values:
    """Zhang and Sennrich 2019, arXiv:1910.07467: equation (4) in the equations of the GRU of Ba et
    al. 2016, with a bias for each gate and the candidate.
    """
    norm = _of_root_mean_square_1
    sums = _joined(w, "p", "zr") * norm(_joined(w, "R", "zr") @ h)
    sums += _joined(w, "w", "zr") * norm(_joined(w, "W", "zr") @ x)
    z, r = np.split(sums + _joined(w, "b", "zr"), 2)
    candidate = w["w_n"] * norm(w["W_n"] @ x) + w["b_n"]
    candidate = np.tanh(candidate + sigmoid(r) * w["p_n"] * norm(w["R_n"] @ h))
    return {"h": (1 - sigmoid(z)) * h + sigmoid(z) * candidate}


def _cumax(a: Vector) -> Vector:
    """Shen et al. 2019, equation (6)."""
    return np.array([np.exp(a[: k + 1]).sum() for k in range(len(a))]) / np.exp(a).sum()


def on_lstm(w: Weights, x: Vector, h: Vector, c: Vector) -> Values:
    """Shen et al. 2019, arXiv:1810.09536: the equations (1) to (5) and (9) to (14), with a level
    for each unit.
    """

    def sums(gate: str) -> Vector:
        return w[f"W_{gate}"] @ x + w[f"R_{gate}"] @ h + w[f"b_{gate}"]

    master_forget, master_input = _cumax(sums("l")), 1 - _cumax(sums("k"))
    overlap = master_forget * master_input
    forget = sigmoid(sums("f")) * overlap + (master_forget - overlap)
    write = sigmoid(sums("i")) * overlap + (master_input - overlap)
    c = forget * c + write * np.tanh(sums("g"))
    return {"h": sigmoid(sums("o")) * np.tanh(c), "c": c}


def weight_norm_lstm(w: Weights, x: Vector, h: Vector, c: Vector) -> Values:
    """Salimans and Kingma 2016, arXiv:1602.07868: equation (2), of each row of each matrix of an
    LSTM.
    """
    sums = _joined(w, "b", "ifgo")
    for gains, matrices, operand in (("w", "W", x), ("p", "R", h)):
        directions = _joined(w, matrices, "ifgo")
        for row, (gain, direction) in enumerate(zip(_joined(w, gains, "ifgo"), directions)):
            sums[row] += gain * (direction @ operand) / np.sqrt(np.square(direction).sum())
    i, f, g, o = np.split(sums, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return {"h": sigmoid(o) * np.tanh(c), "c": c}
