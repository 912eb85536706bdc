"""The zoo's cells as a Keras user writes them by hand, for `keras.layers.RNN`: stacked kernels, one
product each for x and h.

They are the peers of the benchmark.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

Tensor = Any


class Cell(keras.layers.Layer):
    """What all of them share: sizes, and one stacked kernel for x, one for h, one bias."""

    gates = 1
    states = 1

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.state_size = [units] * self.states
        self.output_size = units

    def matrix(self, columns: int, rows: int) -> Any:
        return self.add_weight(shape=(columns, rows * self.units), initializer="glorot_uniform")

    def vectors(self, count: int) -> Any:
        return self.add_weight(shape=(count * self.units,), initializer="zeros")

    def build(self, shape: Any) -> None:
        self.kernel = self.matrix(shape[-1], self.gates)
        self.recurrent = self.matrix(self.units, self.gates)
        self.bias = self.vectors(self.gates)

    def project(self, x: Tensor, h: Tensor) -> list[Tensor]:
        z = ops.matmul(x, self.kernel) + ops.matmul(h, self.recurrent) + self.bias
        return ops.split(z, self.gates, axis=-1) if self.gates > 1 else [z]


class RNN(Cell):
    def call(self, x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        (z,) = self.project(x, states[0])
        h = ops.tanh(z)
        return h, [h]


class Clockwork(Cell):
    modules = 8

    def build(self, shape: Any) -> None:
        super().build(shape)
        module = ops.floor(ops.arange(self.units, dtype="float32") / (self.units / self.modules))
        self.period = 2.0**module
        self.mask = ops.cast(self.period[:, None] >= self.period[None, :], "float32")

    states = 2

    def call(self, x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        h, t = states
        z = ops.matmul(x, self.kernel) + ops.matmul(h, self.recurrent * self.mask) + self.bias
        new = ops.where(ops.equal(ops.mod(t, self.period), 0.0), ops.tanh(z), h)
        return new, [new, t + 1.0]


class LSTM(Cell):
    """All of Greff's variants and Olah's coupled gates: `without` names what is taken away."""

    states = 2
    peepholes = False
    coupled = ""
    without = ""
    gates = 4

    def __init__(self, units: int, **kwargs: Any) -> None:
        self.names = [gate for gate in "ifog" if gate not in (self.without, self.coupled)]
        self.gates = len(self.names)
        super().__init__(units, **kwargs)

    def build(self, shape: Any) -> None:
        super().build(shape)
        if self.peepholes:
            self.peep = {gate: self.vectors(1) for gate in self.names if gate != "g"}

    def call(self, x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        h, c = states[:2]
        z = dict(zip(self.names, self.pre(x, states)))
        if self.peepholes:
            for gate in "if":
                if gate in z:
                    z[gate] = z[gate] + self.peep[gate] * c
        gate = {name: ops.sigmoid(z[name]) for name in "if" if name in z}
        i = gate.get("i", 1.0 if self.without == "i" else None)
        f = gate.get("f", 1.0 if self.without == "f" else None)
        i = 1.0 - f if self.coupled == "i" else i
        f = 1.0 - i if self.coupled == "f" else f
        g = self.squash_in(z["g"])
        c = f * c + i * g
        o = 1.0
        if "o" in z:
            o = ops.sigmoid(z["o"] + self.peep["o"] * c if self.peepholes else z["o"])
        h = o * self.squash_out(c)
        return h, self.new_states(h, c, i, f, o)

    def pre(self, x: Tensor, states: list[Tensor]) -> list[Tensor]:
        return self.project(x, states[0])

    def new_states(self, h: Tensor, c: Tensor, i: Tensor, f: Tensor, o: Tensor) -> list[Tensor]:
        return [h, c]

    def squash_in(self, z: Tensor) -> Tensor:
        return ops.tanh(z)

    def squash_out(self, c: Tensor) -> Tensor:
        return ops.tanh(c)


class Coupled(LSTM):
    coupled = "i"


class Peephole(LSTM):
    peepholes = True


class Cifg(Peephole):
    coupled = "f"


class Nig(Peephole):
    without = "i"


class Nfg(Peephole):
    without = "f"


class Nog(Peephole):
    without = "o"


class Niaf(Peephole):
    def squash_in(self, z: Tensor) -> Tensor:
        return z


class Noaf(Peephole):
    def squash_out(self, c: Tensor) -> Tensor:
        return c


class Fgr(Peephole):
    states = 5

    def build(self, shape: Any) -> None:
        super().build(shape)
        self.between = self.matrix(3 * self.units, 3)

    def pre(self, x: Tensor, states: list[Tensor]) -> list[Tensor]:
        i, f, o, g = self.project(x, states[0])
        more = ops.split(
            ops.matmul(ops.concatenate(list(states[2:]), axis=-1), self.between), 3, axis=-1
        )
        return [i + more[0], f + more[1], o + more[2], g]

    def new_states(self, h: Tensor, c: Tensor, i: Tensor, f: Tensor, o: Tensor) -> list[Tensor]:
        return [h, c, i, f, o]


class DepthGated(Peephole):
    """The first layer, which has nothing below it."""

    def build(self, shape: Any) -> None:
        super().build(shape)
        self.lower, self.depth, self.depth_peep = (
            self.matrix(shape[-1], 2),
            self.vectors(1),
            self.vectors(1),
        )

    def call(self, x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        h, c = states[:2]
        i, f, o, g = self.project(x, h)
        d, low = ops.split(ops.matmul(x, self.lower), 2, axis=-1)
        i, f = ops.sigmoid(i + self.peep["i"] * c), ops.sigmoid(f + self.peep["f"] * c)
        d = ops.sigmoid(d + self.depth_peep * c + self.depth)
        c = f * c + i * ops.tanh(g) + d * low
        h = ops.sigmoid(o + self.peep["o"] * c) * ops.tanh(c)
        return h, [h, c]


class GRU(Cell):
    gates = 3

    def build(self, shape: Any) -> None:
        self.kernel = self.matrix(shape[-1], 3)
        self.recurrent, self.candidate = self.matrix(self.units, 2), self.matrix(self.units, 1)
        self.bias = self.vectors(3)

    def call(self, x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        (h,) = states
        zx = ops.matmul(x, self.kernel) + self.bias
        gates = ops.sigmoid(zx[:, : 2 * self.units] + ops.matmul(h, self.recurrent))
        r, z = ops.split(gates, 2, axis=-1)
        n = ops.tanh(zx[:, 2 * self.units :] + ops.matmul(r * h, self.candidate))
        h = (1.0 - z) * h + z * n
        return h, [h]


class GRUResetAfter(Cell):
    gates = 3

    def build(self, shape: Any) -> None:
        super().build(shape)
        self.second = self.vectors(3)

    def call(self, x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        (h,) = states
        xr, xz, xn = ops.split(ops.matmul(x, self.kernel) + self.bias, 3, axis=-1)
        hr, hz, hn = ops.split(ops.matmul(h, self.recurrent) + self.second, 3, axis=-1)
        r, z = ops.sigmoid(xr + hr), ops.sigmoid(xz + hz)
        n = ops.tanh(xn + r * hn)
        h = z * h + (1.0 - z) * n
        return h, [h]


class Mut(Cell):
    """MUT1 to MUT3: x is embedded once as e."""

    number = 1

    def build(self, shape: Any) -> None:
        self.embed = self.matrix(shape[-1], 1)
        self.w_z, self.r_r, self.r_h = (self.matrix(self.units, 1) for _ in range(3))
        self.r_z = self.matrix(self.units, 1) if self.number > 1 else None
        self.w_r = self.matrix(self.units, 1) if self.number != 2 else None
        self.w_h = self.matrix(self.units, 1) if self.number > 1 else None
        self.b_z, self.b_r, self.b_h = (self.vectors(1) for _ in range(3))

    def call(self, x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        (h,) = states
        e = ops.matmul(x, self.embed)
        z = ops.matmul(e, self.w_z) + self.b_z
        if self.number > 1:
            z = z + ops.matmul(ops.tanh(h) if self.number == 3 else h, self.r_z)
        z = ops.sigmoid(z)
        r = ops.sigmoid(
            (e if self.number == 2 else ops.matmul(e, self.w_r))
            + ops.matmul(h, self.r_r)
            + self.b_r
        )
        into = ops.tanh(e) if self.number == 1 else ops.matmul(e, self.w_h)
        new = ops.tanh(ops.matmul(r * h, self.r_h) + into + self.b_h) * z + h * (1.0 - z)
        return new, [new]


class Mut2(Mut):
    number = 2


class Mut3(Mut):
    number = 3


CELLS = {
    "rnn": RNN, "lstm": LSTM, "np": LSTM, "peephole": Peephole, "coupled": Coupled, "cifg": Cifg,
    "nig": Nig, "nfg": Nfg, "nog": Nog, "niaf": Niaf, "noaf": Noaf, "fgr": Fgr, "gru": GRU,
    "gru_reset_after": GRUResetAfter, "mut1": Mut, "mut2": Mut2, "mut3": Mut3,
    "clockwork": Clockwork, "depth_gated": DepthGated,
}  # fmt: skip
