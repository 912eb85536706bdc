"""What the kind of a recurrence is worth: a training step in several forms, which take turns.

`python -m benchmarks.kinds [--rounds N] [--backends NAME ...] [--cells CELL ...]`: one core, one
thread; medians over the rounds, in milliseconds that the process had the core for.  A step is a
forward and a backward pass and a change of all weights, compiled as a whole, on sequences of one
length or with padding at their ends.  `RNNZOO_LOOPS=scan` has XLA's loops under JAX, else they are
native.

    loop   every state in the loop over time
    auto   what the engine does: delays are computed for all steps at once
    scan   no loop: linear states are scanned, nonlinear ones found by Newton's method; under JAX
"""

from __future__ import annotations

import argparse
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

from benchmarks.protocol import cpu_ms
from benchmarks.training import PIN, ROOT
from rnnzoo import backends
from rnnzoo.spec.settings import BACKENDS, is_installed

CELLS = ("qrnn", "typed_lstm", "rwkv4")
SHAPES = ((32, 100, 32, 64), (16, 100, 88, 32), (1, 512, 32, 64))  # batch, steps, inputs, units
LINEAR = ("mingru", "lru")
NONLINEAR = ("indrnn", "sru", "brc", "unicornn")
LENGTHS = ((64, 1), (64, 16), (512, 1), (512, 16), (4096, 1), (4096, 16))  # steps, batch
DELAYS, SCANS = ("loop", "auto"), ("auto", "scan")  # forms that are compared
REPEATS = 5  # steps of one form before the other has its turn


@dataclass(frozen=True)
class Case:
    """A training step that is timed in two forms."""

    cell: str
    shape: tuple[int, int, int, int]
    masked: bool = False
    forms: tuple[str, str] = DELAYS


CASES = tuple(Case(cell, shape) for cell, shape in product(CELLS, SHAPES))
CASES += tuple(Case(cell, SHAPES[1], masked=True) for cell in CELLS)
SCANNED = tuple(
    Case(cell, (batch, steps, 32, 64), forms=SCANS)
    for cell, (steps, batch) in (*product(LINEAR, LENGTHS), *product(NONLINEAR, LENGTHS[:5]))
)


def main(arguments: Sequence[str]) -> None:
    """Print tables of every installed backend."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.kinds", description=__doc__)
    installed = [name for name in BACKENDS if is_installed(name)]
    asked.add_argument("--rounds", type=int, default=20)
    asked.add_argument("--backends", nargs="+", default=installed, choices=installed)
    asked.add_argument("--cells", nargs="+", default=(*CELLS, *LINEAR, *NONLINEAR), metavar="CELL")
    given = asked.parse_args(arguments)
    for backend in given.backends:
        for cases in (CASES, SCANNED) if backend == "jax" else (CASES,):
            chosen = [case for case in cases if case.cell in given.cells]
            if chosen:
                _print_table(backend, chosen, given.rounds)


def _print_table(backend: str, cases: Sequence[Case], rounds: int) -> None:
    before, after = cases[0].forms
    print(f"\n| {backend} | B x T x D x H | padding | {before} | {after} | {before} / {after} |")
    print("| --- | --- | --- | --- | --- | --- |")
    for case in cases:
        medians = _alone(backend, case, rounds)
        shape, padding = "x".join(map(str, case.shape)), "yes" if case.masked else "no"
        times = [medians[form] for form in case.forms]
        numbers = f"{times[0]:.2f} | {times[1]:.2f} | {times[0] / times[1]:.2f}"
        print(f"| {case.cell} | {shape} | {padding} | {numbers} |", flush=True)


def _alone(backend: str, case: Case, rounds: int) -> dict[str, float]:
    """Medians of each form, in a process on one core."""
    asked = json.dumps([case.cell, case.shape, case.masked, case.forms, rounds])
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
    steps = {form: _training_step(case, form) for form in case.forms}
    taken: dict[str, list[float]] = {form: [] for form in case.forms}
    for _ in range(rounds):
        for form, step in steps.items():
            taken[form] += list(_times(step))
    return {form: statistics.median(times) for form, times in taken.items()}


def _times(step: Callable[[], float]) -> Iterator[float]:
    for _ in range(REPEATS):
        began = time.process_time()
        step()
        yield cpu_ms(began)


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
    engine = "scan" if form == "scan" else "auto"
    layer, read_out = rnnzoo.layer(case.cell, units, engine=engine), keras.layers.Dense(1)
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
        layer._built().compiled.clear()
        compiled()  # traces and compiles it, and with it the step of the layer
    return lambda: float(compiled()[0])


def _as_it_is(layer: Any, kind: Any, loop: Callable[[Any], Any]) -> Any:
    """In place of `backends.delays.without_delays`."""
    return loop(layer)


def command(arguments: Sequence[str]) -> None:
    """What the command line asks for."""
    match arguments:
        case ["timed", asked]:
            cell, shape, masked, forms, rounds = json.loads(asked)
            print(json.dumps(timed(Case(cell, tuple(shape), masked, tuple(forms)), rounds)))
        case _:
            main(arguments)


if __name__ == "__main__":
    command(sys.argv[1:])
