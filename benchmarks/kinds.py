"""What the kind of a recurrence is worth: a training step in several forms, which take turns.

`python -m benchmarks.kinds [ROUNDS]`: one core, one thread; medians over the rounds in
milliseconds.  A step is a forward and a backward pass and a change of all weights, compiled as a
whole, on sequences of one length or with padding at their ends.

    loop   every state in the loop over time
    auto   what the engine does: delays are computed for all steps at once
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from itertools import product
from typing import Any
from unittest import mock

from benchmarks.training import PIN, ROOT
from rnnzoo import backends
from rnnzoo.spec.settings import BACKENDS, is_installed

CELLS = ("qrnn", "typed_lstm", "rwkv4")
SHAPES = ((32, 100, 32, 64), (16, 100, 88, 32), (1, 512, 32, 64))  # batch, steps, inputs, units
FORMS = ("loop", "auto")
REPEATS = 5  # steps of one form before the other has its turn


@dataclass(frozen=True)
class Case:
    """A training step that is timed in every form."""

    cell: str
    shape: tuple[int, int, int, int]
    masked: bool


CASES = tuple(Case(cell, shape, masked=False) for cell, shape in product(CELLS, SHAPES))
CASES += tuple(Case(cell, SHAPES[1], masked=True) for cell in CELLS)


def main(rounds: int) -> None:
    """Print a table of every installed backend."""
    for backend in (name for name in BACKENDS if is_installed(name)):
        print(f"\n| {backend} | B x T x D x H | padding | {' | '.join(FORMS)} | loop / auto |")
        print(f"| --- | --- | --- |{' --- |' * (len(FORMS) + 1)}")
        for case in CASES:
            medians = _alone(backend, case, rounds)
            shape = "x".join(map(str, case.shape))
            times = " | ".join(f"{medians[form]:.2f}" for form in FORMS)
            gain = medians["loop"] / medians["auto"]
            padding = "yes" if case.masked else "no"
            print(f"| {case.cell} | {shape} | {padding} | {times} | {gain:.2f} |", flush=True)


def _alone(backend: str, case: Case, rounds: int) -> dict[str, float]:
    """Medians of each form, in a process on one core."""
    asked = json.dumps([case.cell, case.shape, case.masked, rounds])
    environment = {**backends.processes(backend).environment(), "KERAS_BACKEND": backend}
    done = subprocess.run(
        [*PIN, sys.executable, "-m", "benchmarks.kinds", "timed", asked],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    medians: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return medians


def timed(case: Case, rounds: int) -> dict[str, float]:
    """Medians of each form, which take turns."""
    backends.current().one_thread()
    steps = {form: _training_step(case, form) for form in FORMS}
    taken: dict[str, list[float]] = {form: [] for form in FORMS}
    for _ in range(rounds):
        for form, step in steps.items():
            taken[form] += list(_times(step))
    return {form: statistics.median(times) for form, times in taken.items()}


def _times(step: Callable[[], float]) -> Iterator[float]:
    for _ in range(REPEATS):
        began = time.perf_counter()
        step()
        yield (time.perf_counter() - began) * 1e3


def _training_step(case: Case, form: str) -> Callable[[], float]:
    """An update of all weights; it returns the loss, so that it is done by then."""
    import keras
    import numpy as np

    import rnnzoo

    keras.utils.set_random_seed(0)
    batch, steps, inputs, units = case.shape
    rng = np.random.default_rng(0)
    x = keras.ops.convert_to_tensor(rng.standard_normal((batch, steps, inputs)), "float32")
    lengths = rng.integers(steps // 2, steps + 1, batch)
    lengths[0] = steps
    keep = np.arange(steps) < lengths[:, None]
    mask = keras.ops.convert_to_tensor(keep) if case.masked else None
    layer, read_out = rnnzoo.layer(case.cell, units), keras.layers.Dense(1)
    read_out(layer(x, mask=mask))
    current = backends.current()
    weights = [*layer.trainable_variables, *read_out.trainable_variables]

    def loss() -> tuple[Any, Any]:
        error = keras.ops.mean(keras.ops.square(read_out(layer(x, mask=mask))))
        return error, error

    def update() -> tuple[Any, ...]:
        def step(number: Any, _: Any) -> list[Any]:
            error, slopes = current.gradients(loss, weights)
            for weight, slope in zip(weights, slopes, strict=True):
                weight.assign(weight - 1e-3 * slope)
            return [error]

        return current.repeat(keras.ops.convert_to_tensor(1), step, [0.0])

    compiled = current.compiled(update, weights)
    with ExitStack() as stack:
        if form == "loop":
            backend = import_module(f"rnnzoo.backends.{keras.config.backend()}.backend")
            stack.enter_context(mock.patch.object(backend, "without_delays", _as_it_is))
        layer._steps.clear()
        compiled()  # traces and compiles it, and with it the step of the layer
    return lambda: float(compiled()[0])


def _as_it_is(layer: Any, kind: Any, loop: Callable[[Any], Any]) -> Any:
    """In place of `backends.delays.without_delays`."""
    return loop(layer)


def command(arguments: Sequence[str]) -> None:
    """What the command line asks for."""
    match arguments:
        case ["timed", asked]:
            cell, shape, masked, rounds = json.loads(asked)
            print(json.dumps(timed(Case(cell, tuple(shape), masked), rounds)))
        case _:
            main(int(arguments[0]) if arguments else 20)


if __name__ == "__main__":
    command(sys.argv[1:])
