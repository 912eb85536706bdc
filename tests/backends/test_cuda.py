"""Kernels without a card: their text runs on a CPU, where the threads take turns, and equals the
interpreter; nvcc compiles it, and what the kernels use is read.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.backends.cuda import build as cuda_build
from rnnzoo.backends.cuda.barriers import barriers
from rnnzoo.backends.cuda.kernel import Kernel, fitted
from rnnzoo.backends.cuda.layout import Layout, TooLarge
from rnnzoo.backends.cuda.step import Part
from rnnzoo.backends.cuda.write import Machine, text_of, written
from rnnzoo.backends.native import build
from rnnzoo.backends.native.plan import Named
from rnnzoo.backends.native.write import Layout as Rows
from rnnzoo.lang import ir
from rnnzoo.spec.cell import built_in_names
from tests.backends.host_kernels import Array, Values, called
from tests.backends.test_jax import NATIVE, OF_SUMS
from tests.backends.test_native import (
    NEAR,
    OF_NUMBERS,
    ONE_NUMBER,
    REAL,
    STEEP,
    Case,
    check,
    check_padding,
    known,
    layers,
    planned,
)
from tests.keras_process import printed, returned
from tests.lang import test_adjoint

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).with_name("golden_kernel.cu")
on_a_cpu = pytest.mark.skipif(
    shutil.which(build.COMPILER) is None, reason=f"needs {build.COMPILER}"
)
by_nvcc = pytest.mark.skipif(shutil.which("nvcc") is None, reason="needs nvcc")
# not optimised: a cell takes a second or two to compile, and no time to run
FLAGS = ("-O0", "-std=c++17", "-shared", "-fPIC", "-x", "c++")


@dataclass(frozen=True)
class Way:
    """How a cell's kernels are printed.

    Attributes:
        rows: sequences of a block.
        layout: None for the one that fits.
    """

    name: str
    padding: Rows = Rows.MASKED
    rows: int = 2
    layout: Layout | None = None
    number: int = 1

    @property
    def label(self) -> str:
        spread = self.layout or Layout(0, 0)
        return (
            f"{self.name}_{self.number}_{self.padding.value}_{self.rows}_{spread.cluster}"
            f"_{spread.slices}_{spread.buffers}_{spread.holds:d}"
        )

    def kernels(self) -> dict[str, Kernel]:
        """Forward and backward."""
        cell = lang.load(self.name)
        sizes = ir.Sizes(test_adjoint.UNITS, test_adjoint.INPUTS, cell.options)
        _, *plans = planned(self.name, self.number)
        kernels = [fitted(plan, sizes, self.padding) for plan in plans]
        kernels = [
            replace(each, layout=replace(self.layout or each.layout, rows=(self.rows,)))
            for each in kernels
        ]
        return dict(zip(("forward", "backward"), kernels, strict=True))


CLUSTER, PACKED = Layout(2, 4), Layout(1, 4, holds=False)
# a clock; a sum of softmax; a matrix that the step computes; a vector that is not as long as there
# are units, with a product; two states in a cluster, and packed; one of the layers that differ
SAMPLE = (
    Way("lstm", layout=CLUSTER),
    Way("lstm", Rows.PACKED, 4, PACKED),
    Way("clockwork"),
    Way("on_lstm"),
    Way("fast_weights", rows=1),
    Way("lstmp", layout=Layout(2, 4, buffers=1)),
    Way("depth_gated", number=2),
)


@cache
def library(ways: tuple[Way, ...]) -> ctypes.CDLL:
    """The kernels of all these, for a CPU."""
    kernels = {
        f"{way.label}_{direction}": kernel
        for way in ways
        for direction, kernel in way.kernels().items()
    }
    tool = replace(build.for_processor(), flags=FLAGS)
    return build.load(written(kernels, Machine.CPU), tool=tool)


class Hosted(Case):
    """A layer's kernels on a CPU."""

    def __init__(self, way: Way, ways: tuple[Way, ...]) -> None:
        super().__init__(way.name, way.number, library(ways))
        self.way, self.kernels = way, way.kernels()

    def run(
        self, direction: str, values: Mapping[Named, Array], real: Array | None = None
    ) -> dict[Named, Array]:
        time, batch = values["above", next(iter(self.loops.carried))].shape[:2]
        if real is None and self.way.padding is Rows.MASKED:
            real = np.ones((time, batch))
        function = f"{self.way.label}_{direction}"
        return called(self.compiled, function, self.kernels[direction], values, (time, batch), real)

    def threads_go(self, in_reverse: bool) -> None:
        ctypes.c_int.in_dll(self.compiled, "in_reverse").value = in_reverse


@on_a_cpu
@pytest.mark.parametrize("in_reverse", [False, True])
@pytest.mark.parametrize("way", [way for way in SAMPLE if way.padding is Rows.MASKED], ids=str)
def test_kernels_equal_the_interpreter_in_either_order_of_their_threads(
    way: Way, in_reverse: bool
) -> None:
    """A barrier that is missing would show in one of the orders."""
    case = Hosted(way, SAMPLE)
    case.threads_go(in_reverse)
    check(case)


@on_a_cpu
@pytest.mark.parametrize("batch", [1, 5])
def test_a_block_may_have_fewer_sequences_than_it_takes(
    batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(test_adjoint, "BATCH", batch)
    check(Hosted(SAMPLE[0], SAMPLE))


@on_a_cpu
def test_padding_repeats_what_is_carried_and_hands_its_adjoint_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(test_adjoint, "BATCH", 4)
    case, alone = (Hosted(SAMPLE[0], SAMPLE) for _ in range(2))
    rng = np.random.default_rng(3)
    for name in case.loops.carried:
        case.values["last", name] = rng.normal(size=(4, case.sizes.units))
    forward = case.run("forward", case.values, REAL)
    values = {**case.values, **forward}
    backward = case.run("backward", values, REAL)
    for sequence in range(4):
        check_padding(case, alone, values, forward, backward, sequence)


LENGTHS = np.array([5, 5, 3, 2, 2, 0])  # the first block goes on while the second one has ended


def in_a_row(value: Array, rows: int) -> Array:
    """The real steps of sequences, packed; what lies behind them is no number."""
    steps = [value[t, : (t < LENGTHS).sum()] for t in range(len(value))]
    packed = np.concatenate(steps)[:, None]
    rest = np.full((rows - len(packed), *packed.shape[1:]), np.nan)
    return np.concatenate([packed, rest])


@on_a_cpu
def test_packed_sequences_are_computed_as_those_with_padding_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(test_adjoint, "BATCH", len(LENGTHS))
    masked, packed = (Hosted(way, SAMPLE) for way in SAMPLE[:2])
    values, rows = masked.values, LENGTHS.sum() + 3
    real = np.arange(5)[:, None] < LENGTHS
    for name in masked.loops.carried:  # what comes from above at padding, packed ones do not have
        values["above", name] *= real[..., None]
    offsets = np.concatenate([[0], np.cumsum(real.sum(axis=1))])
    for direction in ("forward", "backward"):
        expected = masked.run(direction, values, real)
        of_rows = {
            key: in_a_row(value, rows) if value.ndim == 3 else value
            for key, value in values.items()
        }
        kernel = packed.kernels[direction]
        function = f"{packed.way.label}_{direction}"
        results = called(packed.compiled, function, kernel, of_rows, (5, len(LENGTHS)), offsets)
        for key, value in results.items():
            if key[0] == "first":
                np.testing.assert_allclose(value, expected[key], atol=1e-6)
                continue
            np.testing.assert_array_equal(value[LENGTHS.sum() :], 0)
            own = in_a_row(expected[key], rows)
            np.testing.assert_allclose(
                value[: LENGTHS.sum()], own[: LENGTHS.sum()], atol=1e-6, err_msg=str(key)
            )
        values = {**values, **expected}


@on_a_cpu
def test_each_model_has_its_own_weights_and_what_all_share_is_there_once() -> None:
    way = SAMPLE[0]
    case = Hosted(way, SAMPLE)
    rng = np.random.default_rng(5)
    weights = [key for key, value in case.values.items() if value.shape == (36, 9)]
    of_models: Values = {
        key: [value, value * 0.5, rng.normal(size=value.shape)] if key in weights else value
        for key, value in case.values.items()
    }
    kernel, function = case.kernels["forward"], f"{way.label}_forward"
    assert weights
    real = np.ones((5, 2))
    together = called(case.compiled, function, kernel, of_models, (5, 2), real, models=3)
    for model in range(3):
        own = {
            key: value[model] if isinstance(value, list) else value
            for key, value in of_models.items()
        }
        for key, value in called(case.compiled, function, kernel, own, (5, 2), real).items():
            np.testing.assert_array_equal(together[key][model], value)


@pytest.mark.slow
@on_a_cpu
@pytest.mark.parametrize(("name", "number"), layers(tuple(built_in_names())))
def test_kernels_of_every_cell_equal_the_interpreter(name: str, number: int) -> None:
    way = Way(name, number=number)
    case = Hosted(way, (way,))
    check(case, STEEP.get(name, NEAR))
    case.threads_go(in_reverse=True)
    check(case, STEEP.get(name, NEAR))


@pytest.mark.slow
@on_a_cpu
@pytest.mark.parametrize("name", ["lstm", "on_lstm", "lstmp", "goru"])
def test_how_a_kernel_is_spread_changes_no_value_but_in_its_last_digits(name: str) -> None:
    layouts = [Layout(1, 8), Layout(2, 4, buffers=1), Layout(4, 4, holds=False), Layout(8, 16)]
    ways = tuple(Way(name, rows=4, layout=layout) for layout in layouts)
    for way in ways:
        check(Hosted(way, ways))


@on_a_cpu
@pytest.mark.parametrize("text", [ONE_NUMBER, OF_NUMBERS], ids=["one number", "of numbers"])
def test_kernels_read_constants_of_one_number_and_compute_numbers_of_scalar_weights_and_the_step(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = Way(known(text, monkeypatch))
    check(Hosted(way, (way,)))


@on_a_cpu
def test_how_many_sequences_a_block_takes_changes_no_bit() -> None:
    """So a population of any size computes the same."""
    ways = tuple(Way("rnn", rows=rows) for rows in (1, 4))
    cases = [Hosted(way, ways) for way in ways]
    for direction in ("forward", "backward"):
        one, four = (case.run(direction, case.values) for case in cases)
        for key, value in one.items():
            np.testing.assert_array_equal(value, four[key])


@pytest.mark.slow
@on_a_cpu
def test_without_its_barriers_a_kernel_computes_something_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So these tests would show that one is missing."""
    monkeypatch.setattr(Kernel, "barriers", frozenset())
    way = Way("fast_weights", rows=1)
    case = Hosted(way, (way,))
    with pytest.raises(AssertionError, match="Not equal"):
        check(case)


# -- barriers, layouts


def parts(*accesses: tuple[Sequence[str], Sequence[str]]) -> list[Part]:
    return [
        Part((), frozenset((name, 0) for name in reads), frozenset((name, 0) for name in writes))
        for reads, writes in accesses
    ]


def test_threads_wait_between_what_one_writes_and_another_reads() -> None:
    step = parts(((), ("z",)), (("z",), ()))
    # with one buffer they also wait before it is written again
    assert barriers(step, {"z": 1}) == {0, 1}
    assert barriers(step, {"z": 2}) == {1}
    assert barriers(parts((("z",), ()), (("z", "y"), ())), {"z": 1, "y": 1}) == set()


def test_a_state_with_two_buffers_costs_one_barrier_a_step() -> None:
    read, write = frozenset({("h", 0)}), frozenset({("h", 1)})
    assert barriers([Part((), read), Part((), writes=write)], {"h": 2}) == {0}
    assert len(barriers([Part((), read), Part((), writes=read)], {"h": 1})) == 2


@pytest.mark.parametrize(
    ("units", "expected"),
    [(64, Layout(1, 4, (1, 2, 4))), (128, Layout(4, 8, (1, 2, 4, 8))), (512, None)],
)
def test_an_lstm_takes_as_many_blocks_as_its_weights_need(
    units: int, expected: Layout | None
) -> None:
    _, forward, _ = planned("lstm", 1)
    sizes = ir.Sizes(units, 88, {})
    if expected is None:  # a megabyte of weights a gate
        with pytest.raises(TooLarge, match="512 units do not fit 8 of the multiproc"):
            fitted(forward, sizes, Rows.PACKED)
    else:
        assert fitted(forward, sizes, Rows.PACKED).layout == expected


# cells whose scan runs instead from 64 units on, and from 128: matrices of units x units that a
# step computes do not fit shared memory, nor do the weights of many products
TOO_LARGE = {
    64: {"mclstm"},
    128: {
        "delta_net", "fast_weights", "gated_delta_net", "gla", "linear_transformer", "mclstm",
        "mlstm", "plastic", "retnet", "rwkv7",
    },
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("units", TOO_LARGE)
def test_few_cells_do_not_fit(units: int) -> None:
    assert {name for name in built_in_names() if not has_kernels(name, units)} == TOO_LARGE[units]


def has_kernels(name: str, units: int) -> bool:
    _, *plans = planned(name, 1)
    sizes = ir.Sizes(units, 88, lang.load(name).options)
    try:
        return all(fitted(plan, sizes, Rows.PACKED) for plan in plans)
    except TooLarge:
        return False


# -- text, and what nvcc makes of it


def test_the_text_of_a_small_kernel() -> None:
    _, forward, _ = planned("rnn", 1)
    text = text_of("forward", fitted(forward, ir.Sizes(64, 88, {}), Rows.PACKED))
    if os.environ.get("RNNZOO_ACCEPT"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def used(name: str, units: int, rows: tuple[int, ...]) -> list[tuple[int, int]]:
    """Registers, and bytes that are spilled, of each kernel of a cell, as ptxas prints them."""
    _, *plans = planned(name, 1)
    sizes = ir.Sizes(units, 88, lang.load(name).options)
    kernels = [fitted(plan, sizes, Rows.PACKED) for plan in plans]
    named = {
        f"kernel_{number}": replace(each, layout=replace(each.layout, rows=rows))
        for number, each in enumerate(kernels)
    }
    command = ["nvcc", "-x", "cu", "-O3", "-std=c++17", "-arch=sm_90", "-Xptxas", "-v", "-cubin"]
    done = subprocess.run(
        [*command, "-o", os.devnull, "-"],
        input=written(named, Machine.CARD), capture_output=True, text=True, check=True,
    )  # fmt: skip
    spilled = re.findall(r"(\d+) bytes spill stores", done.stderr)
    registers = re.findall(r"Used (\d+) registers", done.stderr)
    return [(int(each), int(bytes_)) for each, bytes_ in zip(registers, spilled, strict=True)]


@by_nvcc
@pytest.mark.parametrize(
    ("name", "units"),
    [("rnn", 64)]
    + [
        pytest.param(name, units, marks=pytest.mark.slow)
        for name in ("lstm", "gru", "peephole")
        for units in (64, 128)
    ],
)
def test_nvcc_keeps_weights_in_registers_and_spills_nothing(name: str, units: int) -> None:
    kernels = used(name, units, (1,) if name == "rnn" else (1, 4))
    assert kernels
    for registers, spilled in kernels:
        assert registers <= 255
        assert not spilled


# -- in JAX


@pytest.fixture
def asked(tmp_path: Path) -> Callable[..., Any]:
    """What a function of `host_engine` returns in a process in which Keras is set to JAX."""
    if importlib.util.find_spec("jax") is None:
        pytest.skip("JAX is not installed")

    def asked(function: str, *arguments: object) -> Any:
        return returned(f"tests.backends.host_engine.{function}", arguments, tmp_path)

    return asked


@pytest.mark.slow
@on_a_cpu
def test_models_side_by_side_are_one_launch_and_compute_what_each_computes_alone(
    asked: Callable[..., Any],
) -> None:
    assert max(asked("models", "rnn", 3, True)) < 1e-4


def test_a_population_is_lowered_for_a_card_as_two_calls(asked: Callable[..., Any]) -> None:
    text = asked("lowered", "lstm", 64)
    assert text.count("@rnnzoo_forward") == text.count("@rnnzoo_backward") == 1
    assert "stablehlo.while" not in text


@pytest.mark.slow
@on_a_cpu
def test_layers_with_kernels_equal_the_reference(asked: Callable[..., Any]) -> None:
    few = [("lstm", 2, True), ("clockwork", 1, True), ("on_lstm", 1, False), ("mlstm", 1, True)]
    for outputs, gradients in asked("layers", *few):
        assert outputs < NATIVE
        assert gradients < NATIVE


@pytest.mark.slow
@on_a_cpu
def test_packed_sequences_through_jax_equal_those_with_padding(asked: Callable[..., Any]) -> None:
    for errors in asked("packed_layers", ("lstm", 2), ("on_lstm", 1)):
        assert max(errors) < OF_SUMS


@on_a_cpu
def test_without_a_card_nothing_of_kernels_is_read(tmp_path: Path) -> None:
    if importlib.util.find_spec("jax") is None:
        pytest.skip("JAX is not installed")
    program = """
import sys
import numpy as np
from rnnzoo import lang
from rnnzoo.nn import Recurrent
Recurrent(lang.load("rnn"), 4)(np.zeros((1, 2, 3), "float32"))
print([name for name in sys.modules if name.startswith("rnnzoo.backends.cuda")])
"""
    assert printed(program, tmp_path, backend="jax").splitlines()[-1] == "[]"


def test_the_benchmark_says_that_there_is_no_card() -> None:
    if importlib.util.find_spec("jax") is None:
        pytest.skip("JAX is not installed")
    command = [sys.executable, "-m", "benchmarks.gpu"]
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("There is no GPU that JAX computes on here: ")


# -- what compiles, and for which card

SCRIPT = "#!/bin/sh\necho '{}'\n"


def on_path(folder: Path, **printed_: str) -> None:
    for name, text in printed_.items():
        script = folder / name.replace("_", "-")
        script.write_text(SCRIPT.format(text))
        script.chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is all of PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("NVCC", raising=False)
    monkeypatch.delenv(build.SWITCH, raising=False)
    for kept in (cuda_build.first_card, build.version):
        kept.cache_clear()
    yield tmp_path
    for kept in (cuda_build.first_card, build.version):
        kept.cache_clear()


def test_what_computes_loops_on_a_card_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path(path, nvidia_smi="9.0, NVIDIA H100 80GB HBM3", nvcc="tools, release 13.0, V13.0.88")
    told = "kernels for NVIDIA H100 80GB HBM3 (sm_90) by tools, release 13.0, V13.0.88"
    assert cuda_build.told() == told
    monkeypatch.setenv(build.SWITCH, build.SCAN)
    assert cuda_build.told() == "no kernels: RNNZOO_LOOPS=scan"


@pytest.mark.parametrize(
    ("driver", "why"),
    [
        (None, "there is no card: nvidia-smi does not run"),
        ("", "there is no card: nvidia-smi lists none"),
        ("6.1, TITAN X", "there are no kernels for a card of compute capability 6.1"),
        ("9.0, NVIDIA H100", "there is no compiler nvcc"),
    ],
)
def test_why_a_machine_has_no_kernels_is_told(path: Path, driver: str | None, why: str) -> None:
    if driver is not None:
        on_path(path, nvidia_smi=driver)
    assert cuda_build.told() == f"no kernels: {why}"


def test_a_card_without_clusters_has_one_block_for_a_layer() -> None:
    """And half of the shared memory: its scan runs sooner."""
    _, forward, _ = planned("lstm", 1)
    small = cuda_build.card("8.6")
    assert (small.cluster, small.architecture) == (1, "sm_86")
    assert fitted(forward, ir.Sizes(64, 88, {}), Rows.PACKED, small).layout.cluster == 1
    with pytest.raises(TooLarge, match=r"do not fit 1 of the multiprocessors of a card of comp"):
        fitted(forward, ir.Sizes(200, 88, {}), Rows.PACKED, small)
