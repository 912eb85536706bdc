"""Cells whose state is a matrix.  The matrices of all heads, row by row, are one vector."""

from __future__ import annotations

import numpy as np

from tests.zoo.papers import Values, Vector, Weights, sigmoid


def mlstm(
    w: Weights, x: Vector, C: Vector, n: Vector, m: Vector, *, heads: float, units: int
) -> Values:
    """Beck et al. 2024, arXiv:2405.04517: equations (19) to (27) of each head, with the stabiliser
    (15) to (17), and the lower bound of the normaliser in what the stabiliser scales.
    """
    heads, width = int(heads), units // int(heads)
    memories = C.reshape(heads, width, width).copy()
    h, n, m = np.zeros(units), n.copy(), m.copy()
    for head in range(heads):
        own = slice(head * width, (head + 1) * width)
        q = (w["W_q"] @ x + w["b_q"])[own]
        k = (w["W_k"] @ x / np.sqrt(width) + w["b_k"])[own]
        v = (w["W_v"] @ x + w["b_v"])[own]
        log_i = w["W_i"][head] @ x + w["b_i"][head]
        log_f = np.log(sigmoid(w["W_f"][head] @ x + w["b_f"][head]))
        before = m[own][0]
        m[own] = largest = max(log_f + before, log_i)
        i, f = np.exp(log_i - largest), np.exp(log_f + before - largest)
        memories[head] = f * memories[head] + i * np.outer(v, k)
        n[own] = f * n[own] + i * k
        o = sigmoid(w["W_o"] @ x + w["b_o"])[own]
        h[own] = o * (memories[head] @ q) / max(abs(n[own] @ q), np.exp(-largest))
    return {"h": h, "C": memories.ravel(), "n": n, "m": m}
