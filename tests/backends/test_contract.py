"""The contract of a backend suffices: one of fifty lines, which is no TensorFlow, runs every
layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import rnnzoo
from rnnzoo import backends, lang
from rnnzoo.backends.contract import PADDING, LayerStep, Named, Results
from rnnzoo.lang import interpret, reference
from rnnzoo.lang.widen import compile_step

BATCH, TIME, INPUTS, UNITS = 2, 6, 3, 8


@dataclass(frozen=True)
class InNumpy:
    """A step that is run by NumPy, one step after the other."""

    layer: LayerStep

    def run(self, given: Mapping[Named, object], plain: bool) -> Results:
        layer, arrays = (
            self.layer,
            {name: np.asarray(tensor, float) for name, tensor in given.items()},
        )
        program = compile_step(layer.step, layer.carried, drops=layer.drops > 0)
        values = {("constant", name): value for name, value in layer.constants.items()}
        # no kernels
        values |= {
            (kind, name): value.T for (kind, name), value in arrays.items() if kind == "weight"
        }
        time, batch = arrays["input", "x"].shape[:2]
        last = {name: arrays["start", name] for name in layer.states}
        last |= {name: np.zeros((batch, layer.width(name))) for name in layer.shown}
        rows: dict[str, list[np.ndarray]] = {name: [] for name in layer.wanted}
        for t in range(time):
            row = {
                key: value[t : t + 1]
                for key, value in arrays.items()
                if key[0] in ("input", "below")
            }
            # of one step that is number t: a run of NumPy's begins to count at 0
            new = _step(program, layer, {**values, **row}, last, t, batch)
            real = arrays[PADDING][t] > 0 if layer.masked else np.ones((batch, 1), bool)
            last = {name: np.where(real, new[name], last[name]) for name in layer.carried}
            for name in layer.wanted:
                rows[name].append(last[name])
        return Results(
            {
                name: keras.ops.convert_to_tensor(np.stack(steps), layer.dtype)
                for name, steps in rows.items()
            },
            {name: keras.ops.convert_to_tensor(value, layer.dtype) for name, value in last.items()},
        )


def _step(program, layer: LayerStep, values, last, t: int, batch: int) -> dict[str, np.ndarray]:  # type: ignore[no-untyped-def]
    now = interpret.evaluate(program.once, dict(values), layer.sizes)
    now = interpret.evaluate(program.before, now, layer.sizes)
    now = {
        key: value[0] if key[0] in ("input", "below", "value") and value.ndim == 3 else value
        for key, value in now.items()
    }
    now |= {("previous", name): last[name] for name in layer.states} | {
        ("time", "t"): np.asarray(float(t))
    }
    interpret.evaluate(program.loop, now, layer.sizes)
    return {
        name: interpret.value_of(program.results[name], now, layer.sizes, batch)
        for name in layer.carried
    }


def in_numpy() -> SimpleNamespace:
    return SimpleNamespace(
        prepare=lambda: None,
        compiled_step=InNumpy,
        packs=lambda step: False,
        needs_plain_operations=lambda: False,
        fit=lambda x: None,
    )


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    ("name", "layers"), [("lstm", 1), ("clockwork", 2), ("depth_gated", 2), ("gru", 1)]
)
def test_a_layer_runs_on_another_backend(
    name: str, layers: int, masked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "for_layers", in_numpy)
    cell = lang.load(name)
    weights = reference.random_weights(cell, INPUTS, UNITS, layers, np.random.default_rng(0))
    layer = rnnzoo.nn.Recurrent(cell, UNITS, layers=layers, return_sequences=True, dtype="float64")
    layer.build((BATCH, TIME, INPUTS))
    for number, of_layer in enumerate(weights, start=1):
        layer.set_weights_by_name(
            {f"{number}.{key}" if layers > 1 else key: value for key, value in of_layer.items()}
        )
    x = np.random.default_rng(1).normal(size=(BATCH, TIME, INPUTS))
    keep = np.array([[1, 1, 0, 1, 1, 0], [1, 1, 1, 1, 1, 1]], bool) if masked else None
    outputs = layer(x, mask=None if keep is None else keras.ops.convert_to_tensor(keep))
    np.testing.assert_allclose(
        outputs, reference.run(cell, weights, x, UNITS, keep=keep).outputs, atol=1e-12
    )
