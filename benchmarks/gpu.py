"""What this version takes on a GPU: `make bench-gpu`, one command, under 8 minutes on an H100.

Each part is in one run with what it is compared to:

- gradients: how far those of our kernels are from JAX's scan of the same program, both in float32,
  as a share of the largest;
- layers: forward, backward and gradients of weights of one layer, in ms: our kernels, JAX's scan of
  the same program, and cuDNN (`torch.nn`, in a CUDA graph, in tf32 and in bf16) where torch is
  installed;
- populations: one update of many models at once, in us a model, by their number, and of one model
  on a core of this machine's processor;
- study: trials of the main job by the launcher `population`, in s, twice: their outcomes have to be
  the same to the bit.

It prints a table and writes all figures as JSON (`--json FILE`).  Our products are in the precision
that `--precision` names, float32 or tf32; the time loop is in float32 in any case.  `--rehearse`
runs everything once, tiny, on whatever JAX computes on: to see that it works.

`--column` measures one thing instead, the column JSB Chorales of Greff et al. 2015: nine variants
with 200 trials each, from the command to the report, in s.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.training import PIN
from rnnzoo.launchers.local import ONE_THREAD

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
os.environ["KERAS_BACKEND"] = "jax"

NO_CARD = (
    "There is no GPU that JAX computes on here: install rnnzoo[cuda] on a machine with an NVIDIA "
    "card, and run this there."
)
MINUTES = 7.5  # after which nothing more is begun
PRECISIONS = {"float32": "highest", "tf32": "tensorfloat32"}
TORCH = {"lstm": "LSTM", "gru_reset_after": "GRU"}
REPEATS, LONG_ENOUGH = 5, 0.05  # clocks; seconds that each runs


@dataclass(frozen=True)
class Shape:
    batch: int
    time: int
    inputs: int
    units: int

    def __str__(self) -> str:
        return f"{self.batch}x{self.time}x{self.inputs}x{self.units}"


SHAPES = (
    Shape(1, 60, 88, 64), Shape(16, 60, 88, 64), Shape(32, 100, 128, 128), Shape(32, 60, 88, 200),
    Shape(64, 200, 256, 256),
)  # fmt: skip
# beside those that cuDNN has: three weights of states, a clock, a sum over units
MORE = tuple((name, Shape(16, 60, 88, 64)) for name in ("peephole", "clockwork", "on_lstm"))
COUNTS = (1, 8, 32, 128, 512)
CHECKED = Shape(3, 11, 7, 64)  # on which gradients are compared, for all of `layers`
# The column of a paper: what `extends` cannot take away is written anew.
COLUMN = """
extends: greff2015.yaml
experiment: column
tasks: [jsb_chorales]
variants: [peephole, nig, nfg, nog, niaf, noaf, cifg, np, fgr]
controls: false
claims: [no variant better than peephole]
"""
GREFF = Path(__file__).parent.parent / "experiments" / "studies" / "greff2015.yaml"
OF_POPULATIONS = (Shape(1, 60, 88, 64), Shape(16, 60, 88, 64))
TRIALS = 512
TINY = Shape(2, 3, 3, 4)


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    layers: tuple[tuple[str, Shape], ...]
    populations: tuple[Shape, ...]
    counts: tuple[int, ...]
    trials: int


ALL = Plan(
    (*((name, shape) for shape in SHAPES for name in TORCH), *MORE), OF_POPULATIONS, COUNTS, TRIALS
)
REHEARSED = Plan((("lstm", TINY),), (TINY,), (1, 2), 2)


def main() -> int:
    """Measure; 1 without a card."""
    arguments = _arguments()
    if arguments.cudnn:
        print(json.dumps(list(cudnn())))
        return 0
    import jax

    if arguments.core:
        print(json.dumps([update(shape, 1, "native") for shape in OF_POPULATIONS]))
        return 0
    if jax.default_backend() != "gpu" and not arguments.rehearse:
        print(NO_CARD, file=sys.stderr)
        return 1
    if arguments.column:
        print(f"{column(arguments.precision, arguments.rehearse):.1f} s")
        return 0
    jax.config.update("jax_default_matmul_precision", PRECISIONS[arguments.precision])
    plan, until = REHEARSED if arguments.rehearse else ALL, time.monotonic() + 60 * MINUTES
    figures: list[dict[str, Any]] = [about(arguments.precision)]
    print(*(f"{name}: {value}" for name, value in figures[0].items()), sep="\n", flush=True)
    for measure in measures(plan, arguments.precision):
        if time.monotonic() > until:
            print(f"over {MINUTES:g} minutes: what is left was not begun")
            break
        for figure in measure():
            figures.append(figure)
            print(line(figure), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, help="a file for all figures")
    parser.add_argument("--precision", choices=PRECISIONS, default="tf32", help="of products")
    parser.add_argument("--rehearse", action="store_true", help="once, tiny, on any machine")
    parser.add_argument(
        "--column", action="store_true", help="the study of a paper instead: up to 20 minutes"
    )
    parser.add_argument("--core", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--cudnn", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def about(precision: str) -> dict[str, Any]:
    """The machine, and what computes."""
    import jax

    from rnnzoo import __version__
    from rnnzoo.backends.cuda import build

    return {
        "rnnzoo": __version__, "jax": jax.__version__, "card": jax.devices()[0].device_kind,
        "loops": build.told(), "products": precision,
    }  # fmt: skip


def line(figure: dict[str, Any]) -> str:
    """A figure as a row of the table."""
    value = "failed: " + figure["failed"] if "failed" in figure else f"{figure['value']:10.4g}"
    return f"{figure['part']:12}{figure['what']:32}{figure['how']:24}{value} {figure['unit']}"


def measures(plan: Plan, precision: str) -> Iterator[Callable[[], Iterator[dict[str, Any]]]]:
    """What is measured, one after the other: what fails is a figure, too."""
    for name in dict.fromkeys(name for name, _ in plan.layers):
        what = f"{name} {CHECKED}"
        yield partial(attempted, "gradients", what, "kernels", "of the scan's", apart, name)
    for name, shape in plan.layers:
        for how in ("kernels", "scan"):
            yield partial(attempted, "layer", f"{name} {shape}", how, "ms", layer, name, shape, how)
    yield of_cudnn
    for shape in plan.populations:
        for count in plan.counts:
            for how in ("kernels", "scan"):
                what = f"lstm {shape}, {count} at once"
                yield partial(attempted, "population", what, how, "us", update, shape, count, how)
    yield partial(on_a_core, plan.populations)
    yield partial(studies, plan.trials, precision)


def attempted(
    part: str, what: str, how: str, unit: str, measure: Callable[..., float], *arguments: Any
) -> Iterator[dict[str, Any]]:
    """A figure, or why there is none."""
    figure: dict[str, Any] = {"part": part, "what": what, "how": how, "unit": unit}
    try:
        yield {**figure, "value": measure(*arguments)}
    except Exception as error:  # the other figures are measured all the same
        yield {**figure, "failed": f"{type(error).__name__}: {str(error)[:200]}"}


# -- with JAX


def layer(name: str, shape: Shape, how: str) -> float:
    """ms of one layer."""
    import jax

    loss, values, x = _layer(name, shape, how)
    return 1e3 * _seconds(jax.jit(jax.grad(loss)), values, x)


def update(shape: Shape, count: int, how: str) -> float:
    """us of one update of one model, of so many at once, each with batches of its own."""
    import jax
    import numpy as np

    loss, values, x = _layer("lstm", shape, how)

    def of_model(values: list[Any], x: Any) -> list[Any]:
        slopes = jax.grad(loss)(values, x)
        return [value - 0.01 * slope for value, slope in zip(values, slopes, strict=True)]

    of_all = [np.stack([value] * count) for value in values]
    rows = np.stack([x] * count)
    return 1e6 * _seconds(jax.jit(jax.vmap(of_model)), of_all, rows) / count


def _layer(name: str, shape: Shape, how: str) -> tuple[Callable[..., Any], list[Any], Any]:
    """A number of a layer's weights and inputs, the weights, and inputs."""
    import keras
    import numpy as np

    from rnnzoo import lang
    from rnnzoo.backends.native.build import SCAN, SWITCH
    from rnnzoo.nn import Recurrent

    os.environ.pop(SWITCH, None)
    if how == "scan":
        os.environ[SWITCH] = SCAN
    recurrent = Recurrent(lang.load(name), shape.units, return_sequences=True, seed=1)
    x = np.random.default_rng(0).normal(size=(shape.batch, shape.time, shape.inputs))
    x = x.astype("float32")
    recurrent.build(x.shape)
    variables = recurrent.trainable_variables

    def loss(values: list[Any], x: Any) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return (recurrent(x) ** 2).sum()

    return loss, [np.asarray(variable.value) for variable in variables], x


def _seconds(function: Callable[..., Any], *arguments: Any) -> float:
    """The median of several clocks of one call; what it reads lies on the card."""
    import jax

    placed = jax.device_put(arguments)
    jax.block_until_ready(function(*placed))
    began = time.perf_counter()
    jax.block_until_ready(function(*placed))
    count = max(1, int(LONG_ENOUGH / (time.perf_counter() - began)))
    clocks = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        for _ in range(count):
            result = function(*placed)
        jax.block_until_ready(result)
        clocks.append((time.perf_counter() - began) / count)
    return statistics.median(clocks)


def apart(name: str) -> float:
    """How far gradients of our kernels are from the scan's, as a share of the largest of each."""
    import jax
    import numpy as np

    slopes = []
    with jax.default_matmul_precision("highest"):
        for how in ("kernels", "scan"):
            loss, values, x = _layer(name, CHECKED, how)
            slopes.append([np.asarray(slope) for slope in jax.jit(jax.grad(loss))(values, x)])
    kernels, scan = slopes
    return max(
        float(np.abs(own - other).max() / max(np.abs(other).max(), 1e-30))
        for own, other in zip(kernels, scan, strict=True)
    )


def on_a_core(shapes: Sequence[Shape]) -> Iterator[dict[str, Any]]:
    """us of one update of one model on one core of the processor."""
    command = [*PIN, sys.executable, "-m", "benchmarks.gpu", "--core"]
    environment = {**os.environ, **ONE_THREAD, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=environment)
    figure: dict[str, Any] = {"part": "population", "how": "a core", "unit": "us"}
    if done.returncode:
        yield {**figure, "what": "lstm", "failed": "see above"}
        return
    took = dict(zip(OF_POPULATIONS, json.loads(done.stdout.splitlines()[-1]), strict=True))
    for shape in shapes:
        if shape in took:
            yield {**figure, "what": f"lstm {shape}, 1 at once", "value": took[shape]}


def studies(trials: int, precision: str) -> Iterator[dict[str, Any]]:
    """Seconds of so many trials of the main job with the launcher `population`, twice; and in how
    many of them the two differ, which has to be 0.
    """
    outcomes = []
    figure = {"part": "study", "what": f"{trials} trials", "how": "population"}
    for _ in range(2):
        seconds, ended = study(trials, precision)
        outcomes.append(ended)
        yield {**figure, "value": seconds, "unit": "s"}
    differing = sum(first != second for first, second in zip(*outcomes, strict=True))
    yield {**figure, "how": "the same twice", "value": differing, "unit": "trials differ"}


def study(trials: int, precision: str) -> tuple[float, list[Any]]:
    """Seconds and outcomes of so many trials of the main job with the launcher `population`."""
    command = [sys.executable, "-m", "benchmarks.together", "population", str(trials), str(trials)]
    done = subprocess.run([*command, precision], stdout=subprocess.PIPE, text=True, check=True)
    seconds, outcomes = json.loads(done.stdout.splitlines()[-1])
    return float(seconds), outcomes


def column(precision: str, rehearse: bool) -> float:
    """Seconds of a column of Greff et al. 2015, from the command to the report."""
    size = 2 if rehearse else TRIALS
    tiny = ("--trials=3", "--set=select.keep=3", "--set=training.epochs=1") if rehearse else ()
    with tempfile.TemporaryDirectory() as folder:
        spec, project = Path(folder) / "column.yaml", Path(folder) / "mlflow.yml"
        spec.write_text(COLUMN)
        shutil.copy(GREFF, folder)
        shutil.copytree(GREFF.parent.parent / "cells", Path(folder) / "experiments" / "cells")
        project.write_text(
            f"launcher: {{name: population, size: {size}, precision: {precision}}}\n"
        )
        began = time.perf_counter()
        subprocess.run(
            [
                sys.executable,
                "-m",
                "rnnzoo",
                "sweep",
                str(spec),
                "--set=training.backend=jax",
                *tiny,
            ],
            cwd=folder,
            check=True,
        )
        return time.perf_counter() - began


# -- with torch, in a process of its own


def of_cudnn() -> Iterator[dict[str, Any]]:
    """Figures of cuDNN, where torch is installed and has a card."""
    if importlib.util.find_spec("torch") is None:
        print("torch is not installed: nothing to compare with of cuDNN")
        return
    command = [sys.executable, "-m", "benchmarks.gpu", "--cudnn"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"cuDNN was not measured: {done.stderr.strip().splitlines()[-1][:200]}")
        return
    yield from json.loads(done.stdout.splitlines()[-1])


def cudnn() -> Iterator[dict[str, Any]]:
    """ms of a layer of cuDNN, eager calls caught in a CUDA graph."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    for shape in SHAPES:
        for name, of_torch in TORCH.items():
            for dtype in (torch.float32, torch.bfloat16):
                how = "cuDNN " + ("tf32" if dtype is torch.float32 else "bf16")
                what = f"{name} {shape}"
                yield from attempted("layer", what, how, "ms", _of_torch, of_torch, shape, dtype)


def _of_torch(name: str, shape: Shape, dtype: Any) -> float:
    import torch

    net = getattr(torch.nn, name)(shape.inputs, shape.units).cuda().to(dtype)
    x = torch.randn(shape.time, shape.batch, shape.inputs, device="cuda", dtype=dtype)
    upstream = torch.randn(shape.time, shape.batch, shape.units, device="cuda", dtype=dtype)
    weights = list(net.parameters())

    def step() -> Sequence[Any]:
        return torch.autograd.grad(net(x)[0], weights, upstream)

    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    clocks = []
    for _ in range(REPEATS):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(30):
            graph.replay()
        end.record()
        torch.cuda.synchronize()
        clocks.append(begin.elapsed_time(end) / 30)
    return statistics.median(clocks)


if __name__ == "__main__":
    sys.exit(main())
