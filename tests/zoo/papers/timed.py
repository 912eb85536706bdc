"""Cells that read how much time has passed, and what of the input is missing."""

from __future__ import annotations

import numpy as np

from tests.zoo.papers import Values, Vector, Weights, sigmoid


def phased_lstm(
    w: Weights, x: Vector, h: Vector, c: Vector, time: Vector, *, dt: Vector, ratio: float,
    leak: float,
) -> Values:  # fmt: skip
    """Neil, Pfeiffer and Liu 2016, arXiv:1610.09513: the equations of the peephole LSTM, and the
    time gate k, which the authors' code (dannyneil/public_plstm) writes in times and not in phases.
    """
    i = sigmoid(w["W_i"] @ x + w["R_i"] @ h + w["p_i"] * c + w["b_i"])
    f = sigmoid(w["W_f"] @ x + w["R_f"] @ h + w["p_f"] * c + w["b_f"])
    proposed = f * c + i * np.tanh(w["W_g"] @ x + w["R_g"] @ h + w["b_g"])
    o = sigmoid(w["W_o"] @ x + w["R_o"] @ h + w["p_o"] * proposed + w["b_o"])
    now, tau = time + dt, np.abs(w["p_t"])
    within = np.mod(now - w["p_s"], tau)
    opened, middle = ratio * tau, ratio * tau / 2
    rising, falling = within / middle, (opened - within) / middle
    k = np.where(within < middle, rising, np.where(within < opened, falling, leak * within / tau))
    return {
        "h": k * o * np.tanh(proposed) + (1 - k) * h, "c": k * proposed + (1 - k) * c, "time": now,
    }  # fmt: skip


def tlstm(w: Weights, x: Vector, h: Vector, c: Vector, *, dt: Vector) -> Values:
    """Baytas et al. 2017, the equations of T-LSTM: memory is a short-term part, which is discounted
    by g(dt) = 1 / log(e + dt), and the rest.
    """
    short = np.tanh(w["W_s"] @ c + w["b_s"])
    long = c - short
    adjusted = long + short / np.log(np.e + dt)
    i = sigmoid(w["W_i"] @ x + w["R_i"] @ h + w["b_i"])
    f = sigmoid(w["W_f"] @ x + w["R_f"] @ h + w["b_f"])
    o = sigmoid(w["W_o"] @ x + w["R_o"] @ h + w["b_o"])
    c = f * adjusted + i * np.tanh(w["W_g"] @ x + w["R_g"] @ h + w["b_g"])
    return {"h": o * np.tanh(c), "c": c}


def gru_d(
    w: Weights,
    x: Vector,
    h: Vector,
    q: Vector,
    last: Vector,
    *,
    dt: Vector,
    mask: Vector,
) -> Values:
    """Che et al. 2018, arXiv:1606.01865, the equations of GRU-D, with an empirical mean of 0; as in
    the authors' code (PeterChe1990/GRU-D), delta is the time since an input was observed last.
    """
    delta = np.zeros(len(x)) + dt + q
    gamma_x = np.exp(-np.maximum(0, w["w_x"] * delta + w["b_x"]))
    gamma_h = np.exp(-np.maximum(0, w["W_k"] @ delta + w["b_k"]))
    filled = np.where(mask == 1, x, gamma_x * last)
    decayed = gamma_h * h
    z = sigmoid(w["W_z"] @ filled + w["R_z"] @ decayed + w["V_z"] @ mask + w["b_z"])
    r = sigmoid(w["W_r"] @ filled + w["R_r"] @ decayed + w["V_r"] @ mask + w["b_r"])
    new = np.tanh(w["W_n"] @ filled + w["R_n"] @ (r * decayed) + w["V_n"] @ mask + w["b_n"])
    return {
        "h": (1 - z) * decayed + z * new,
        "q": np.where(mask == 1, 0, delta),
        "last": np.where(mask == 1, x, last),
    }


def cfc_dt(w: Weights, x: Vector, h: Vector, *, dt: Vector) -> Values:
    """Hasani et al. 2022, arXiv:2106.13898: the equations of `cfc`, with time that has passed."""
    backbone = 1.7159 * np.tanh(0.666 * (w["W"] @ x + w["R"] @ h + w["b"]))
    time_a, time_b = w["V_u"] @ backbone + w["b_u"], w["V_v"] @ backbone + w["b_v"]
    passed = sigmoid(time_a * dt + time_b)
    first, second = (np.tanh(w[f"V_{head}"] @ backbone + w[f"b_{head}"]) for head in "gk")
    return {"h": first * (1 - passed) + passed * second}
