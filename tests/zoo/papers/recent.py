"""Cells of linear recurrences, exponential gates, oscillators, and of several layers a step."""

from __future__ import annotations

import numpy as np

from tests.zoo.papers import Values, Vector, Weights, sigmoid


def slstm(w: Weights, x: Vector, h: Vector, c: Vector, n: Vector, m: Vector) -> Values:
    """Beck et al. 2024, arXiv:2405.04517: the equations of the stabilised sLSTM with a sigmoid
    forget gate, without the input gate's bias.
    """
    z = np.tanh(w["W_z"] @ x + w["R_z"] @ h + w["b_z"])
    i_tilde = w["W_i"] @ x + w["R_i"] @ h
    forget = sigmoid(w["W_f"] @ x + w["R_f"] @ h + w["b_f"])
    o = sigmoid(w["W_o"] @ x + w["R_o"] @ h + w["b_o"])
    stabiliser = np.maximum(np.log(forget) + m, i_tilde)
    i = np.exp(i_tilde - stabiliser)
    f = np.exp(np.log(forget) + m - stabiliser)
    c, n = f * c + i * z, f * n + i
    return {"h": o * c / n, "c": c, "n": n, "m": stabiliser}


def slstm_heads(
    w: Weights, x: Vector, h: Vector, c: Vector, n: Vector, m: Vector, *, heads: float
) -> Values:
    """Beck et al. 2024, arXiv:2405.04517: the same equations for each head by itself, whose rows
    and columns of the recurrent matrices are its own.
    """
    of_heads = []
    for units in np.split(np.arange(len(h)), int(heads)):
        own = {key: value[units] for key, value in w.items()}
        recurrent = {key: own[key][:, units] for key in own if key.startswith("R_")}
        of_heads.append(slstm({**own, **recurrent}, x, h[units], c[units], n[units], m[units]))
    return {key: np.concatenate([head[key] for head in of_heads]) for key in of_heads[0]}


def mingru(w: Weights, x: Vector, h: Vector) -> Values:
    """Feng et al. 2024, arXiv:2410.01201: the equations of the minGRU."""
    z = sigmoid(w["W_z"] @ x + w["b_z"])
    return {"h": (1 - z) * h + z * (w["W_n"] @ x + w["b_n"])}


def minlstm(w: Weights, x: Vector, h: Vector) -> Values:
    """Feng et al. 2024, arXiv:2410.01201: the equations of the minLSTM, gates normalised."""
    f = sigmoid(w["W_f"] @ x + w["b_f"])
    i = sigmoid(w["W_i"] @ x + w["b_i"])
    kept, written = f / (f + i), i / (f + i)
    return {"h": kept * h + written * (w["W_n"] @ x + w["b_n"])}


def lru(w: Weights, x: Vector, a: Vector, c: Vector) -> Values:
    """Orvieto et al. 2023, arXiv:2303.06349: the equations of the LRU with exponential
    parametrisation and a trained normalisation, exp(gamma_log), in complex numbers; the output
    matrices are real and imaginary parts.
    """
    eigenvalues = np.exp(-np.exp(w["p_nu"]) + 1j * np.exp(w["p_theta"]))
    inputs = w["W_a"] @ x + 1j * (w["W_c"] @ x)
    state = eigenvalues * (a + 1j * c) + np.exp(w["p_gamma"]) * inputs
    read = (w["C_a"] + 1j * w["C_c"]) @ state
    return {"h": read.real + w["D"] @ x, "a": state.real, "c": state.imag}


def rglru(w: Weights, x: Vector, h: Vector, *, power: float) -> Values:
    """De et al. 2024, arXiv:2402.19427: the equations (1) to (4) of the RG-LRU."""
    r = sigmoid(w["W_r"] @ x + w["b_r"])
    i = sigmoid(w["W_i"] @ x + w["b_i"])
    a = sigmoid(w["p"]) ** (power * r)
    return {"h": a * h + np.sqrt(1 - a**2) * (i * (w["E"] @ x))}


def sru(w: Weights, x: Vector, c: Vector) -> Values:
    """Lei et al. 2018, arXiv:1709.02755: the equations (1) to (4) of the SRU."""
    same_size = w["E"] @ x
    f = sigmoid(w["W_f"] @ x + w["p_f"] * c + w["b_f"])
    r = sigmoid(w["W_r"] @ x + w["p_r"] * c + w["b_r"])
    c = f * c + (1 - f) * (w["W"] @ x)
    return {"h": r * c + (1 - r) * same_size, "c": c}


def qrnn(w: Weights, x: Vector, c: Vector, u: Vector, v: Vector, s: Vector) -> Values:
    """Bradbury et al. 2017, arXiv:1611.01576: the equations of a convolution of width 2 and of
    fo-pooling; u, v and s are what the last input adds to z, f and o.
    """
    z = np.tanh(w["W_z"] @ x + u + w["b_z"])
    f = sigmoid(w["W_f"] @ x + v + w["b_f"])
    o = sigmoid(w["W_o"] @ x + s + w["b_o"])
    c = f * c + (1 - f) * z
    last = {"u": w["V_z"] @ x, "v": w["V_f"] @ x, "s": w["V_o"] @ x}
    return {"h": o * c, "c": c, **last}


def rhn(w: Weights, x: Vector, h: Vector) -> Values:
    """Zilly et al. 2017, arXiv:1607.03474: the equations (6) to (9) of a recurrent highway layer
    of depth 3, with carry gates that are 1 less the transform gates.
    """
    s = h
    for depth in (1, 2, 3):
        of_input = {name: w[f"W_{name}"] @ x if depth == 1 else 0 for name in ("n", "z")}
        transformed = np.tanh(of_input["n"] + w[f"R_n{depth}"] @ s + w[f"b_n{depth}"])
        gate = sigmoid(of_input["z"] + w[f"R_z{depth}"] @ s + w[f"b_z{depth}"])
        s = transformed * gate + s * (1 - gate)
    return {"h": s}


def mogrifier(w: Weights, x: Vector, h: Vector, c: Vector) -> Values:
    """Melis et al. 2020, arXiv:1909.01792: the equations (1) and (2) of 5 rounds, then an LSTM."""
    for number in range(1, 6):
        if number % 2:
            x = 2 * sigmoid(w[f"Q{number}"] @ h) * x
        else:
            h = 2 * sigmoid(w[f"Q{number}"] @ x) * h
    return _lstm(w, x, h, c)


def cornn(
    w: Weights, x: Vector, h: Vector, z: Vector, *, dt: float, gamma: float, epsilon: float
) -> Values:
    """Rusch and Mishra 2021, arXiv:2010.00951: the equations (3) of the coRNN, with the damping of
    the last step.
    """
    force = np.tanh(w["R"] @ h + w["V"] @ z + w["W"] @ x + w["b"])
    z = z + dt * force - dt * gamma * h - dt * epsilon * z
    return {"h": h + dt * z, "z": z}


def unicornn(w: Weights, x: Vector, h: Vector, z: Vector, *, dt: float, alpha: float) -> Values:
    """Rusch and Mishra 2021, arXiv:2103.05487: the equations (5) of one layer."""
    steps = dt * sigmoid(w["p"])
    z = z - steps * (np.tanh(w["w"] * h + w["W"] @ x + w["b"]) + alpha * h)
    return {"h": h + steps * z, "z": z}


def lem(w: Weights, x: Vector, h: Vector, z: Vector, *, dt: float) -> Values:
    """Rusch et al. 2022, arXiv:2110.04744: the equations (3) of the LEM; its y is our h."""
    first = dt * sigmoid(w["R_u"] @ h + w["W_u"] @ x + w["b_u"])
    second = dt * sigmoid(w["R_v"] @ h + w["W_v"] @ x + w["b_v"])
    z = (1 - first) * z + first * np.tanh(w["R_z"] @ h + w["W_z"] @ x + w["b_z"])
    return {
        "h": (1 - second) * h + second * np.tanh(w["R_h"] @ z + w["W_h"] @ x + w["b_h"]),
        "z": z,
    }


def multiplicative_lstm(w: Weights, x: Vector, h: Vector, c: Vector) -> Values:
    """Krause et al. 2016, arXiv:1609.07959: the equations of the mLSTM."""
    return _lstm(w, x, (w["W_m"] @ x) * (w["R_m"] @ h), c)


def lstmp(w: Weights, x: Vector, y: Vector, c: Vector) -> Values:
    """Sak, Senior and Beaufays 2014, arXiv:1402.1128: the equations (7) to (12); the recurrent
    projection r is our y.
    """
    i = sigmoid(w["W_i"] @ x + w["R_i"] @ y + w["p_i"] * c + w["b_i"])
    f = sigmoid(w["W_f"] @ x + w["R_f"] @ y + w["p_f"] * c + w["b_f"])
    c = f * c + i * np.tanh(w["W_g"] @ x + w["R_g"] @ y + w["b_g"])
    o = sigmoid(w["W_o"] @ x + w["R_o"] @ y + w["p_o"] * c + w["b_o"])
    return {"y": w["P"] @ (o * np.tanh(c)), "c": c}


def nested_lstm(w: Weights, x: Vector, h: Vector, c: Vector, s: Vector) -> Values:
    """Moniz and Krueger 2017, arXiv:1801.10308: the equations of the Nested LSTM; s is the inner
    memory.
    """
    i = sigmoid(w["W_i"] @ x + w["R_i"] @ h + w["b_i"])
    f = sigmoid(w["W_f"] @ x + w["R_f"] @ h + w["b_f"])
    o = sigmoid(w["W_o"] @ x + w["R_o"] @ h + w["b_o"])
    written = i * np.tanh(w["W_g"] @ x + w["R_g"] @ h + w["b_g"])
    kept = f * c
    inner_i = sigmoid(w["V_i"] @ written + w["U_i"] @ kept + w["b_j"])
    inner_f = sigmoid(w["V_f"] @ written + w["U_f"] @ kept + w["b_k"])
    inner_o = sigmoid(w["V_o"] @ written + w["U_o"] @ kept + w["b_q"])
    s = inner_f * s + inner_i * np.tanh(w["V_g"] @ written + w["U_g"] @ kept + w["b_s"])
    c = inner_o * np.tanh(s)
    return {"h": o * np.tanh(c), "c": c, "s": s}


def nas(w: Weights, x: Vector, h: Vector, c: Vector) -> Values:
    """Zoph and Le 2017, arXiv:1611.01578, the cell of their appendix, by the equations of NASCell
    in TensorFlow.
    """
    of_x = [w[f"W_{number}"] @ x for number in range(8)]
    of_h = [w[f"R_{number}"] @ h for number in range(8)]
    sums = [first + second for first, second in zip(of_x, of_h)]
    leaves = [
        sigmoid(sums[0]), np.maximum(sums[1], 0), sigmoid(sums[2]),
        np.maximum(of_x[3] * of_h[3], 0), np.tanh(sums[4]), sigmoid(sums[5]), np.tanh(sums[6]),
        sigmoid(sums[7]),
    ]  # fmt: skip
    second = [
        np.tanh(np.tanh(leaves[0] * leaves[1]) + c),
        np.tanh(leaves[2] + leaves[3]),
        np.tanh(leaves[4] * leaves[5]),
        sigmoid(leaves[6] + leaves[7]),
    ]
    c = second[0] * second[1]
    return {"h": np.tanh(c * np.tanh(second[2] + second[3])), "c": c}


def ctrnn(w: Weights, x: Vector, h: Vector, *, dt: float, tau: float) -> Values:
    """Hasani et al. 2021, arXiv:2006.04439: their differential equation of the CT-RNN, by one step
    of Euler's method, with f = tanh(...) / tau.
    """
    slope = (np.tanh(w["W"] @ x + w["R"] @ h + w["b"]) - h) / tau
    return {"h": h + dt * slope}


def rwkv4(w: Weights, x: Vector, e: Vector, a: Vector, d: Vector, m: Vector) -> Values:
    """Peng et al. 2023, arXiv:2305.13048: the equations of time mixing, with sums that are not
    stabilised; m is how ours are scaled.
    """
    now = w["E"] @ x

    def mixed(share: Vector) -> Vector:
        return share * now + (1 - share) * e

    r = sigmoid(w["W_r"] @ mixed(w["p_r"]))
    k = w["W_k"] @ mixed(w["p_k"])
    v = w["W_v"] @ mixed(w["p_v"])
    sums, counts = np.exp(m) * a, np.exp(m) * d
    bonus = np.exp(w["w_now"] + k)
    wkv = (sums + bonus * v) / (counts + bonus)
    decay = np.exp(-np.exp(w["w_decay"]))
    sums, counts = decay * sums + np.exp(k) * v, decay * counts + np.exp(k)
    scale = np.maximum(m - np.exp(w["w_decay"]), k)
    return {
        "h": w["W_o"] @ (r * wkv),
        "e": now,
        "a": sums / np.exp(scale),
        "d": counts / np.exp(scale),
        "m": scale,
    }


def darts(w: Weights, x: Vector, h: Vector) -> Values:
    """Liu, Simonyan and Yang 2019, arXiv:1806.09055: the recurrent cell of second order, by the
    equations of its authors' program: nodes are highways from one before, and their mean is the
    output.
    """
    nodes = (
        ("sigmoid", 0), ("relu", 1), ("relu", 1), ("identity", 1), ("tanh", 2), ("sigmoid", 5),
        ("tanh", 3), ("relu", 5),
    )  # fmt: skip
    functions = {
        "sigmoid": sigmoid,
        "relu": lambda a: np.maximum(a, 0),
        "identity": lambda a: a,
        "tanh": np.tanh,
    }
    carry = sigmoid(w["V_0"] @ x + w["U_0"] @ h)
    states = [h + carry * (np.tanh(w["W_0"] @ x + w["R_0"] @ h) - h)]
    for number, (function, before) in enumerate(nodes, start=1):
        last = states[before]
        carry = sigmoid(w[f"U_{number}"] @ last)
        states.append(last + carry * (functions[function](w[f"R_{number}"] @ last) - last))
    return {"h": np.mean(states[1:], axis=0)}


def mi_rnn(w: Weights, x: Vector, h: Vector) -> Values:
    """Wu et al. 2016, arXiv:1606.06630: the equation (4), general multiplicative integration."""
    of_x, of_h = w["W"] @ x, w["R"] @ h
    return {"h": np.tanh(w["p_a"] * of_x * of_h + w["p_s"] * of_h + w["p_u"] * of_x + w["b"])}


def wmc_lstm(w: Weights, x: Vector, h: Vector, c: Vector) -> Values:
    """Landi et al. 2021, arXiv:2109.00020: the equations of working memory connections."""
    i = sigmoid(w["W_i"] @ x + w["R_i"] @ h + np.tanh(w["M_i"] @ c) + w["b_i"])
    f = sigmoid(w["W_f"] @ x + w["R_f"] @ h + np.tanh(w["M_f"] @ c) + w["b_f"])
    c = f * c + i * np.tanh(w["W_g"] @ x + w["R_g"] @ h + w["b_g"])
    o = sigmoid(w["W_o"] @ x + w["R_o"] @ h + np.tanh(w["M_o"] @ c) + w["b_o"])
    return {"h": o * np.tanh(c), "c": c}


def cfc(w: Weights, x: Vector, h: Vector, *, dt: float) -> Values:
    """Hasani et al. 2022, arXiv:2106.13898: the equations of the authors' cell with a backbone of
    one layer (LeCun's tanh), gated between two heads by the time that has passed.
    """
    backbone = 1.7159 * np.tanh(0.666 * (w["W"] @ x + w["R"] @ h + w["b"]))
    first = np.tanh(w["V_g"] @ backbone + w["b_g"])
    second = np.tanh(w["V_k"] @ backbone + w["b_k"])
    rate = w["V_u"] @ backbone + w["b_u"]
    offset = w["V_v"] @ backbone + w["b_v"]
    gate = sigmoid(rate * dt + offset)
    return {"h": first * (1 - gate) + gate * second}


def _lstm(w: Weights, x: Vector, h: Vector, c: Vector) -> Values:
    """The LSTM with forget gate that several cells change something before."""
    i = sigmoid(w["W_i"] @ x + w["R_i"] @ h + w["b_i"])
    f = sigmoid(w["W_f"] @ x + w["R_f"] @ h + w["b_f"])
    o = sigmoid(w["W_o"] @ x + w["R_o"] @ h + w["b_o"])
    c = f * c + i * np.tanh(w["W_g"] @ x + w["R_g"] @ h + w["b_g"])
    return {"h": o * np.tanh(c), "c": c}
