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


def _silu(a: Vector) -> Vector:
    return a * sigmoid(a)


def _softplus(a: Vector) -> Vector:
    return np.log1p(np.exp(a))


def _normalised(a: Vector, epsilon: float = 1e-5) -> Vector:
    return (a - a.mean()) / np.sqrt(a.var() + epsilon)


def _heads(heads: float, units: int) -> list[slice]:
    """The units of each head."""
    width = units // int(heads)
    return [slice(first, first + width) for first in range(0, units, width)]


def linear_transformer(
    w: Weights, x: Vector, C: Vector, n: Vector, *, heads: float, units: int
) -> Values:
    """Katharopoulos et al. 2020, arXiv:2006.16236: equations (7), and (16) to (20) of the attention
    of each head, whose memory has keys as rows.
    """
    h, z, memories = np.zeros(units), np.zeros(units), []
    parts = _heads(heads, units)
    for own, before in zip(parts, C.reshape(len(parts), -1)):
        k, q = (
            np.where(a > 0, a + 1, np.exp(np.minimum(a, 0)))
            for a in (w["W_k"][own] @ x, w["W_q"][own] @ x)
        )
        memory = before.reshape(len(k), len(k)).T + np.outer(k, w["W_v"][own] @ x)
        z[own] = n[own] + k
        h[own] = q @ memory / (q @ z[own])
        memories.append(memory.T.ravel())
    return {"h": h, "C": np.concatenate(memories), "n": z}


def fast_weights(
    w: Weights, x: Vector, h: Vector, C: Vector, *, decay: float, rate: float
) -> Values:
    """Ba et al. 2016, arXiv:1610.06258: equations (1) and (2), with one step of the inner loop,
    normalised.
    """
    fast = decay * C.reshape(len(h), len(h)) + rate * np.outer(h, h)
    summed = w["W"] @ x + w["R"] @ h
    preliminary = np.maximum(summed, 0)
    inner = _normalised(summed + fast @ preliminary)
    return {"h": np.maximum(w["w"] * inner + w["b"], 0), "C": fast.ravel()}


def plastic(w: Weights, x: Vector, h: Vector, C: Vector) -> Values:
    """Miconi, Clune and Stanley 2018, arXiv:1804.02464: equations (1) and (2), of connections from
    i to j.
    """
    trace = C.reshape(len(h), len(h)).T
    summed = np.array(
        [
            sum((w["R"][j, i] + w["A"][j, i] * trace[i, j]) * h[i] for i in range(len(h)))
            for j in range(len(h))
        ]
    )
    now = np.tanh(summed + w["W"] @ x + w["b"])
    rate = float(w["rate"])
    return {"h": now, "C": (rate * np.outer(h, now) + (1 - rate) * trace).T.ravel()}


def retnet(w: Weights, x: Vector, C: Vector, *, heads: float, units: int, t: float) -> Values:
    """Sun et al. 2023, arXiv:2307.08621: equations (5), (6) and (8), recurrent, whose turning is
    that of complex numbers, two units each.
    """
    memories, outputs = [], []
    parts = _heads(heads, units)
    for head, (own, before) in enumerate(zip(parts, C.reshape(len(parts), -1))):
        width = own.stop - own.start
        gamma = 1 - 2.0 ** (-5 - head)

        def turned(a: Vector, width: int = width) -> Vector:
            result = a.copy()
            for first in range(0, width, 2):
                angle = t * 10000.0 ** (-first / width)
                if first + 1 == width:  # a unit without another
                    result[first] = a[first] * np.cos(angle)
                    continue
                number = complex(a[first], a[first + 1]) * np.exp(1j * angle)
                result[first], result[first + 1] = number.real, number.imag
            return result

        q = turned(w["W_q"][own] @ x)
        k = turned(w["W_k"][own] @ x / np.sqrt(width))
        memory = gamma * before.reshape(width, width).T + np.outer(k, w["W_v"][own] @ x)
        outputs.append(_normalised(q @ memory))
        memories.append(memory.T.ravel())
    gate = _silu(w["W_g"] @ x)
    return {"h": w["W_o"] @ (gate * np.concatenate(outputs)), "C": np.concatenate(memories)}


def gla(w: Weights, x: Vector, C: Vector, *, heads: float, units: int, tau: float) -> Values:
    """Yang et al. 2023, arXiv:2312.06635: equation (3), with the gates and the output of section
    4.4.
    """
    alpha = sigmoid(w["U_a"] @ w["V_a"] @ x + w["b_a"]) ** (1 / tau)
    memories, outputs = [], []
    parts = _heads(heads, units)
    for own, before in zip(parts, C.reshape(len(parts), -1)):
        width = own.stop - own.start
        memory = np.diag(alpha[own]) @ before.reshape(width, width)
        memory = memory + np.outer(w["W_k"][own] @ x, w["W_v"][own] @ x)
        outputs.append(_normalised(w["W_q"][own] @ x @ memory))
        memories.append(memory.ravel())
    gate = _silu(w["W_r"] @ x + w["b_r"])
    return {"h": w["W_o"] @ (gate * np.concatenate(outputs)), "C": np.concatenate(memories)}


def delta_net(w: Weights, x: Vector, C: Vector, *, heads: float, units: int) -> Values:
    """Schlag, Irie and Schmidhuber 2021, arXiv:2102.11174, equation (24) as Yang et al. 2024,
    arXiv:2406.06484, have it: keys of length 1, S (I - beta k k^T) + beta v k^T.
    """
    return _delta(w, x, C, _heads(heads, units), np.ones(int(heads)), np.ones(units))


def gated_delta_net(w: Weights, x: Vector, C: Vector, *, heads: float, units: int) -> Values:
    """Yang, Kautz and Hatamizadeh 2024, arXiv:2412.06464: equation (10), with a gate as in Mamba-2
    and a gated output.
    """
    alpha = np.exp(-np.exp(w["w_f"]) * _softplus(w["W_f"] @ x + w["b_f"]))
    return _delta(w, x, C, _heads(heads, units), alpha, _silu(w["W_g"] @ x))


def _delta(
    w: Weights, x: Vector, C: Vector, parts: list[slice], alpha: Vector, gate: Vector
) -> Values:
    memories, outputs = [], []
    for head, (own, before) in enumerate(zip(parts, C.reshape(len(parts), -1))):
        width = own.stop - own.start
        q, k, v = (_silu(w[f"W_{name}"][own] @ x) for name in "qkv")
        q, k = q / np.linalg.norm(q), k / np.linalg.norm(k)
        beta = sigmoid(w["W_s"][head] @ x)
        kept = alpha[head] * (np.eye(width) - beta * np.outer(k, k))
        memory = before.reshape(width, width) @ kept + beta * np.outer(v, k)
        read = memory @ q
        outputs.append(read / np.sqrt((read**2).mean() + 1e-5))
        memories.append(memory.ravel())
    output = w["W_o"] @ (w["w"] * np.concatenate(outputs) * gate)
    return {"h": output, "C": np.concatenate(memories)}


def mamba(w: Weights, x: Vector, C: Vector, *, units: int) -> Values:
    """Gu and Dao 2023, arXiv:2312.00752: equation (2) with algorithm 2, each unit by itself; A is
    -exp, and B is discretised as in the authors' program.
    """
    u = w["E"] @ x
    delta = _softplus(w["U_d"] @ (w["V_d"] @ u) + w["b_d"])
    into, out = w["W_k"] @ u, w["W_q"] @ u
    state, y = C.reshape(units, -1).copy(), np.zeros(units)
    for unit in range(units):
        kept = np.exp(delta[unit] * -np.exp(w["A"][unit]))
        state[unit] = kept * state[unit] + delta[unit] * into * u[unit]
        y[unit] = out @ state[unit] + w["p"][unit] * u[unit]
    return {"h": y, "C": state.ravel()}


def rwkv7(w: Weights, x: Vector, e: Vector, C: Vector, *, heads: float, units: int) -> Values:
    """Peng et al. 2025, arXiv:2503.14456: the equations of time mixing in a first layer, by the
    authors' program, where the decay is exp(-exp(-softplus(-w) - 0.5)).
    """
    now = w["E"] @ x
    mixed = {name: now + (e - now) * w[f"p_{name}"] for name in "rkvfag"}
    r, k, v = (w[f"W_{name}"] @ mixed[name] for name in "rkv")
    speed = w["U_f"] @ np.tanh(w["V_f"] @ mixed["f"]) + w["b_f"]
    decay = np.exp(-np.exp(-_softplus(-speed) - 0.5))
    a = sigmoid(w["U_a"] @ w["V_a"] @ mixed["a"] + w["b_a"])
    gate = w["U_g"] @ sigmoid(w["V_g"] @ mixed["g"])
    removed, written = k * w["w_c"], k * (1 + (a - 1) * w["w_k"])
    memories, outputs = [], []
    parts = _heads(heads, units)
    for own, before in zip(parts, C.reshape(len(parts), -1)):
        width = own.stop - own.start
        key = removed[own] / np.linalg.norm(removed[own])
        transition = np.diag(decay[own]) - np.outer(key, a[own] * key)
        memory = before.reshape(width, width) @ transition + np.outer(v[own], written[own])
        read = w["w_z"][own] * _normalised(memory @ r[own], 64e-5) + w["b_z"][own]
        bonus = (r[own] * written[own] * w["w_u"][own]).sum()
        outputs.append(read + bonus * v[own])
        memories.append(memory.ravel())
    output = w["W_o"] @ (gate * np.concatenate(outputs))
    return {"h": output, "C": np.concatenate(memories), "e": now}
