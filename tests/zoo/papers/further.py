"""Cells that scale their own weights, look back several steps, or have more than one pace."""

from __future__ import annotations

import math

import numpy as np

from tests.zoo.papers import Values, Vector, Weights, sigmoid


def _normalised(a: Vector) -> Vector:
    """Ba et al. 2016, equation (3) with gain 1 and bias 0, and with 1e-5 as their code has it."""
    return (a - a.mean()) / np.sqrt(a.var() + 1e-5)


def mi_lstm(w: Weights, x: Vector, h: Vector, c: Vector) -> Values:
    """Wu et al. 2016, arXiv:1606.06630: the equation (4), general multiplicative integration, in
    each sum of an LSTM.
    """

    def block(gate: str) -> Vector:
        alpha, beta_1, beta_2 = (w[f"p_{kind}{gate}"] for kind in "asu")
        of_x, of_h = w[f"W_{gate}"] @ x, w[f"R_{gate}"] @ h
        return alpha * of_x * of_h + beta_1 * of_h + beta_2 * of_x + w[f"b_{gate}"]

    c = sigmoid(block("f")) * c + sigmoid(block("i")) * np.tanh(block("g"))
    return {"h": sigmoid(block("o")) * np.tanh(c), "c": c}


def hyper_lstm(w: Weights, x: Vector, h: Vector, e: Vector, m: Vector, c: Vector) -> Values:
    """Ha, Dai and Le 2017, arXiv:1609.09106: the equations of the HyperLSTM in their appendix A.2,
    with layer normalisation; e and m are output and memory of the smaller LSTM.
    """
    joined = np.concatenate([e, h, x])

    def inner(gate: str) -> Vector:
        matrix = np.concatenate([w[f"S_{gate}"], w[f"U_{gate}"], w[f"V_{gate}"]], axis=1)
        return w[f"w_{gate}"] * _normalised(matrix @ joined) + w[f"b_{gate}"]

    j, k, n, q = map(inner, "jknq")
    m = sigmoid(k) * m + sigmoid(j) * np.tanh(n)
    e = sigmoid(q) * np.tanh(w["w_m"] * _normalised(m) + w["b_m"])

    def gate(name: str) -> Vector:
        z_x = w[f"Z_{name}"] @ e + w[f"b_d{name}"]
        z_h = w[f"Y_{name}"] @ e + w[f"b_p{name}"]
        z_b = w[f"X_{name}"] @ e
        input_matrix = (w[f"D_{name}"] @ z_x)[:, None] * w[f"W_{name}"]
        state_matrix = (w[f"P_{name}"] @ z_h)[:, None] * w[f"R_{name}"]
        bias = w[f"B_{name}"] @ z_b + w[f"b_e{name}"]
        total = input_matrix @ x + state_matrix @ h + bias
        return w[f"w_{name}"] * _normalised(total) + w[f"b_{name}"]

    c = sigmoid(gate("f")) * c + sigmoid(gate("i")) * np.tanh(gate("g"))
    h = sigmoid(gate("o")) * np.tanh(w["w_c"] * _normalised(c) + w["b_c"])
    return {"h": h, "e": e, "m": m, "c": c}


def s4d(w: Weights, x: Vector, a: Vector, c: Vector, *, pairs: int) -> Values:
    """Gu et al. 2022, arXiv:2206.11893: the equations (2) and (3), in complex numbers and
    discretised by zero-order hold, with B = 1; then GELU and a gated linear unit.
    """
    u = w["E"] @ x
    matrix = -np.exp(w["w_re"]) + 1j * w["w_im"]
    step = np.repeat(np.exp(w["w_dt"]), pairs)
    kept = np.exp(step * matrix)
    written = (kept - 1) / matrix
    state = kept * (a + 1j * c) + np.repeat(u, pairs)
    read = (w["w_a"] + 1j * w["w_c"]) * written * state
    y = 2 * read.real.reshape(-1, pairs).sum(axis=1) + w["w"] * u
    z = y * _below(y)
    h = (w["W_h"] @ z + w["b_h"]) * sigmoid(w["W_g"] @ z + w["b_g"])
    return {"h": h, "a": state.real, "c": state.imag}


def _below(numbers: Vector) -> Vector:
    """The normal distribution's share below each number."""
    return np.array([(1 + math.erf(number / math.sqrt(2))) / 2 for number in numbers])


def narx(
    w: Weights, x: Vector, before_1: Vector, before_2: Vector, before_3: Vector, before_4: Vector
) -> Values:
    """DiPietro et al. 2017, arXiv:1702.07805: their equation of a simple NARX network, with 4
    delays; Lin et al. 1996.
    """
    total = w["W"] @ x + w["b"]
    past = [before_1, before_2, before_3, before_4]
    for delay, before in enumerate(past, start=1):
        total = total + w[f"R{delay}"] @ before
    h = np.tanh(total)
    return {"h": h, **_moved_on(h, past)}


def _moved_on(h: Vector, past: list[Vector]) -> Values:
    """What was k steps before, as what is k + 1 steps before."""
    return {f"before_{delay}": value for delay, value in enumerate([h, *past[:-1]], start=1)}


def mist(w: Weights, x: Vector, past: Vector) -> Values:
    """DiPietro et al. 2017, arXiv:1702.07805: the equations of the MIST network, with the delays 1,
    2, 4 and 8; past are the outputs of 8 steps.
    """
    outputs = np.zeros((8, len(w["b_h"]))) if past.shape == w["b_h"].shape else past
    exponentials = np.exp(w["W_a"] @ x + w["R_a"] @ outputs[0] + w["b_a"])
    shares = exponentials / exponentials.sum()
    history = outputs[2 ** np.arange(4) - 1]
    r = sigmoid(w["W_r"] @ x + w["R_r"] @ outputs[0] + w["b_r"])
    h = np.tanh(w["W_h"] @ x + w["R_h"] @ (r * (shares @ history)) + w["b_h"])
    return {"h": h, "past": np.concatenate([h[None], outputs[:-1]])}


def residual_lstm(w: Weights, x: Vector, h: Vector, c: Vector) -> Values:
    """Kim, El-Khamy and Lee 2017, arXiv:1701.03360: the equations of the first layer, whose inputs
    are of another size.
    """
    i = sigmoid(w["W_i"] @ x + w["R_i"] @ h + w["p_i"] * c + w["b_i"])
    f = sigmoid(w["W_f"] @ x + w["R_f"] @ h + w["p_f"] * c + w["b_f"])
    c = f * c + i * np.tanh(w["W_g"] @ x + w["R_g"] @ h + w["b_g"])
    o = sigmoid(w["W_o"] @ x + w["R_o"] @ h + w["p_o"] * c + w["b_o"])
    return {"h": o * (w["P"] @ np.tanh(c) + w["W_h"] @ x), "c": c}


def tau_gru(w: Weights, x: Vector, past: Vector) -> Values:
    """Erichson, Lim and Mahoney 2022, arXiv:2212.00228: the equations of the tau-GRU, whose state
    of this step is our last one, with a delay of 4; past are the outputs of 5 steps.
    """
    units = len(w["R_u"])
    outputs = np.zeros((5, units)) if past.shape == (units,) else past
    h, delayed = outputs[0], outputs[-1]
    u = np.tanh(w["R_u"] @ h + w["W_u"] @ x)
    z = np.tanh(w["R_z"] @ delayed + w["W_z"] @ x)
    g = sigmoid(w["R_g"] @ h + w["W_g"] @ x)
    a = sigmoid(w["R_a"] @ h + w["W_a"] @ x)
    h = (1 - g) * h + g * (u + a * z)
    return {"h": h, "past": np.concatenate([h[None], outputs[:-1]])}


def _hard_sigmoid(a: Vector) -> Vector:
    return np.clip(a / 6 + 0.5, 0, 1)


def sgu(w: Weights, x: Vector, h: Vector) -> Values:
    """Gao and Glowacka 2016, arXiv:1604.02910: the equations of the SGU."""
    z_g = np.tanh(w["R_g"] @ ((w["W_s"] @ x + w["b_s"]) * h))
    z_out = np.log1p(np.exp(z_g * h))
    z = _hard_sigmoid(w["W_z"] @ x + w["R_z"] @ h + w["b_z"])
    return {"h": (1 - z) * h + z * z_out}


def dsgu(w: Weights, x: Vector, h: Vector) -> Values:
    """Gao and Glowacka 2016, arXiv:1604.02910: the equations of the DSGU."""
    z_g = np.tanh(w["R_g"] @ ((w["W_s"] @ x + w["b_s"]) * h))
    z_out = sigmoid(w["R_n"] @ (z_g * h))
    z = _hard_sigmoid(w["W_z"] @ x + w["R_z"] @ h + w["b_z"])
    return {"h": (1 - z) * h + z * z_out}


def lipschitz_rnn(
    w: Weights, x: Vector, h: Vector, *, epsilon: float, beta: float, gamma: float
) -> Values:
    """Erichson et al. 2021, arXiv:2006.12070: the equations (1) and (2), by a step of Euler's
    method, with one beta and one gamma.
    """

    def matrix(m: np.ndarray) -> np.ndarray:
        return (1 - beta) * (m + m.T) + beta * (m - m.T) - gamma * np.eye(len(m))

    slope = matrix(w["P"]) @ h + np.tanh(matrix(w["R"]) @ h + w["W"] @ x + w["b"])
    return {"h": h + epsilon * slope}


def fast_slow_lstm(w: Weights, x: Vector, h: Vector, c: Vector, s: Vector, m: Vector) -> Values:
    """Mujika, Meier and Steger 2017, arXiv:1705.08639: the equations of a fast-slow network of two
    fast cells, all of which are LSTMs.
    """

    def lstm(inputs: Vector, h: Vector, c: Vector, sums: tuple[tuple[str, str, str], ...]):
        i, f, g, o = (w[u] @ inputs + w[r] @ h + w[b] for u, r, b in sums)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    h, c = lstm(x, h, c, tuple((f"W_{k}", f"R_{k}1", f"b_{k}1") for k in "ifgo"))
    s, m = lstm(h, s, m, tuple((f"U_{k}", f"V_{k}", f"b_{k}") for k in "jknq"))
    h, c = lstm(s, h, c, tuple((f"U_{k}", f"R_{k}2", f"b_{k}2") for k in "ifgo"))
    return {"h": h, "c": c, "s": s, "m": m}


def ltc(w: Weights, x: Vector, h: Vector, *, unfolds: float) -> Values:
    """Hasani et al. 2021, arXiv:2006.04439: algorithm 1 and the equation (3) of its fused solver,
    with a logistic f and time constants that are exponentials.
    """
    tau, dt = np.exp(w["p_tau"]), 1 / unfolds
    for _ in range(int(unfolds)):
        f = sigmoid(w["R"] @ h + w["W"] @ x + w["b"])
        h = (h + dt * f * w["p_a"]) / (1 + dt * (1 / tau + f))
    return {"h": h}


def zoneout_lstm(
    w: Weights, x: Vector, h: Vector, c: Vector, *, zoneout_c: float, zoneout_h: float
) -> Values:
    """Krueger et al. 2017, arXiv:1606.01305: the equations of the LSTM with zoneout, and its
    expectation, which counts after training.
    """
    i, f, o, g = (w[f"W_{k}"] @ x + w[f"R_{k}"] @ h + w[f"b_{k}"] for k in "ifog")
    memory = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    output = sigmoid(o) * np.tanh(memory)
    return {
        "c": zoneout_c * c + (1 - zoneout_c) * memory,
        "h": zoneout_h * h + (1 - zoneout_h) * output,
    }
