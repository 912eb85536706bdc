"""Native loops against float64: of cells, forward and backward, with padding and in many sizes; and
every operation on lanes and on doubles against its NumPy function.
"""

from __future__ import annotations

import ctypes
import errno
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from itertools import product
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from rnnzoo import backends, lang
from rnnzoo.backends.native import build, operations, write
from rnnzoo.backends.native.plan import Plan
from rnnzoo.backends.native.planner import Loops
from rnnzoo.lang import interpret
from rnnzoo.lang.primitives import ELEMENTWISE, Elementwise
from rnnzoo.spec.cell import built_in_names
from tests.backends.native_loops import Array, called, loops_of
from tests.lang import test_adjoint
from tests.lang.test_adjoint import Problem
from tests.samples import ALL

pytestmark = pytest.mark.skipif(
    shutil.which(build.COMPILER) is None, reason=f"needs {build.COMPILER}"
)
NEAR = 1e-5  # relative to the largest number of a value
STEEP = {"phased_lstm": 1e-4}  # a gate that opens within a fortieth of a period
# two states; a clock, in doubles; a sum of softmax, on groups
SAMPLE = ("lstm", "clockwork", "on_lstm")


def layers(names: tuple[str, ...]) -> list[tuple[str, int]]:
    """Every layer of these cells that differs."""
    cells = {name: lang.load(name) for name in names}
    return [(name, 1) for name in names] + [
        (name, 2) for name, cell in cells.items() if cell.first != cell.step
    ]


def planned(name: str, number: int) -> tuple[Loops, Plan, Plan]:
    problem = Problem(lang.load(name), number)
    sizes = {each: problem.step.equation(each).size for each in problem.program.results}
    loops = loops_of(problem.program, problem.back, sizes)
    return loops, loops.forward(), loops.backward()


@cache
def library(names: tuple[str, ...]) -> ctypes.CDLL:
    """The loops of all these cells, which take a mask, and every operation, in one translation unit
    that `make test` does not have optimised.
    """
    functions = {}
    for name, number in layers(names):
        _, forward, backward = planned(name, number)
        functions[f"{name}_{number}_forward"] = forward
        functions[f"{name}_{number}_backward"] = backward
    every = product(ELEMENTWISE.items(), KINDS)
    alone = [function(name, primitive, kind) for (name, primitive), kind in every]
    source = "\n".join(
        [write.written(functions, write.Layout.MASKED), *(alone if names == SAMPLE else ())]
    )
    flags = build.FLAGS if ALL else ("-O1", *build.FLAGS[1:])
    with mock.patch.object(build, "FLAGS", flags):
        return build.load(source)


class Case:
    """A layer's loops with what they read, and what they are to write."""

    def __init__(self, name: str, number: int, compiled: ctypes.CDLL) -> None:
        self.problem = problem = Problem(lang.load(name), number)
        self.name, self.compiled, self.sizes = f"{name}_{number}", compiled, problem.sizes
        self.loops, self.forward, self.backward = planned(name, number)
        self.tape = problem.tape()
        self.batch = problem.values["input", "x"].shape[1]
        fixed = interpret.evaluate(problem.back.fixed, dict(self.tape.once), self.sizes)
        self.values = {**fixed, **self.tape.before}
        for each, size in self.loops.carried.items():
            zeros = np.zeros((self.batch, self.sizes.of(size)))
            self.values["start", each] = problem.values.get(("start", each), zeros)
            self.values["last", each] = zeros
            self.values["above", each] = problem.upstream[each]
            self.values["after", each] = self.steps("result", each)
        for ref in problem.back.saved:
            self.values[ref.kind, ref.name] = self.steps(ref.kind, ref.name)

    def steps(self, kind: str, name: str) -> Array:
        rows = [step[kind, name] for step in self.tape.steps]
        return np.stack([np.broadcast_to(row, (self.batch, row.shape[-1])) for row in rows])

    def run(self, direction: str, values: Mapping, real: Array | None = None) -> dict:
        plan = self.forward if direction == "forward" else self.backward
        time, batch = values["above", next(iter(self.loops.carried))].shape[:2]
        function = f"{self.name}_{direction}"
        real = np.ones((time, batch)) if real is None else real
        return called(self.compiled, function, plan, values, self.sizes, (time, batch), real)


def check(case: Case, tolerance: float = NEAR) -> None:
    """Both loops against the interpreter, relative to the largest number of each value."""
    for key, value in case.run("forward", case.values).items():
        assert_near(value, case.values[key], key, tolerance)
    rows, entering = interpret._backward(
        case.problem.program, case.problem.back, case.tape, case.problem.upstream, case.sizes
    )
    for key, value in case.run("backward", case.values).items():
        kind, name = key
        is_state = name in case.problem.back.previous
        first = entering[0][name] if kind == "first" and is_state else np.zeros_like(value)
        assert_near(
            value,
            first if kind == "first" else np.stack([row[key] for row in rows]),
            key,
            tolerance,
        )


def assert_near(value: Array, expected: Array, key: object, tolerance: float) -> None:
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(value / scale, expected / scale, atol=tolerance, err_msg=str(key))


@pytest.mark.parametrize(("name", "number"), layers(SAMPLE))
@pytest.mark.parametrize(("units", "batch"), [(9, 2), (32, 1), (37, 69)])
def test_loops_equal_the_interpreter_in_every_size(
    name: str, number: int, units: int, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "on_lstm":
        units = units // 8 * 8  # its chunks
    monkeypatch.setattr(test_adjoint, "UNITS", units)
    monkeypatch.setattr(test_adjoint, "BATCH", batch)
    check(Case(name, number, library(SAMPLE)))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "number"), layers(tuple(built_in_names())))
def test_loops_of_every_cell_equal_the_interpreter(name: str, number: int) -> None:
    check(Case(name, number, library((name,))), STEEP.get(name, NEAR))


def known(text: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a cell that is written in a test, which is loaded by any name then."""
    cell = lang.parse_text(text)
    monkeypatch.setattr(lang, "load", lambda name: cell)
    return cell.name


def check_written(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the native loops of a cell that is written in a test compute what it says."""
    name = known(text, monkeypatch)
    _, forward, backward = planned(name, 1)
    functions = {f"{name}_1_forward": forward, f"{name}_1_backward": backward}
    check(Case(name, 1, build.load(write.written(functions, write.Layout.MASKED))))


TIMED = """\
name: timed
options: {rate: 1000000.3}
equations: |
  h = tanh(W @ x + R @ h[t-1]) * cos(rate * t)
"""


def test_an_option_that_meets_the_number_of_the_step_is_a_double(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The nearest float is off by 0.01, and its angle at step 4 by 0.05."""
    check_written(TIMED, monkeypatch)


ONE_NUMBER = """\
name: one_number
options: {proj: 3, never: 1e300}
constants: |
  last = max(unit)                     # a vector of one number, and no number
  T = 2 ** unit
equations: |
  p = tanh(V @ x + P @ h[t-1]) * (t % (last + 1))
  g = where(t % never == 0, 0.5, cos(last * t))
  h = tanh(U @ p + R @ h[t-1]) * g + where((t % (1 + last)) % T == 0, 0.5, h[t-1])
weights:
  V: {shape: [proj, inputs]}
  P: {shape: [proj, units]}
  U: {shape: [units, proj]}
"""


def test_every_unit_reads_a_constant_of_one_number_and_one_that_no_float_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check_written(ONE_NUMBER, monkeypatch)


OF_NUMBERS = """\
name: of_numbers
constants: |
  T = 2 ** unit
equations: |
  s = exp(-a * t) + where(t % 4 == 0, b, 0.5)    # one number, which no state enters
  g = s * (t % T) + sum(h[t-1]) * s
  h = tanh(W @ x + s * (R @ h[t-1]) + c * s + g)
weights:
  a: {shape: []}
  b: {shape: []}
  c: {shape: []}
"""


def test_a_number_of_scalar_weights_and_the_step_has_native_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check_written(OF_NUMBERS, monkeypatch)


# at the front, in the middle, at the end, everywhere
REAL = np.array([[0, 1, 1, 1, 1], [1, 0, 0, 1, 1], [1, 1, 1, 0, 0], [0, 0, 0, 0, 0]]).T


def test_padding_repeats_what_is_carried_and_hands_its_adjoint_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(test_adjoint, "BATCH", 4)
    case = Case("lstm", 1, library(SAMPLE))
    alone = Case("lstm", 1, library(SAMPLE))
    rng = np.random.default_rng(3)
    for name in case.loops.carried:
        case.values["last", name] = rng.normal(size=(4, case.sizes.units))
    forward = case.run("forward", case.values, REAL)
    values = {**case.values, **forward}
    backward = case.run("backward", values, REAL)
    for sequence in range(4):
        check_padding(case, alone, values, forward, backward, sequence)


def check_padding(
    case: Case, alone: Case, values: dict, forward: dict, backward: dict, sequence: int
) -> None:
    """One sequence against itself without its padding, which runs without a mask."""
    steps = np.flatnonzero(REAL[:, sequence])
    sequences = ("input", "after", "above", "value")
    own = {
        key: value[:, sequence : sequence + 1] if value.ndim == 3 else value
        for key, value in values.items()
    }
    for key, value in own.items():
        if key[0] in ("start", "last"):
            own[key] = value[sequence : sequence + 1]
    short = {
        key: value[steps] if key[0] in sequences and value.ndim == 3 else value
        for key, value in own.items()
    }
    handed_on = {}
    for name in case.loops.carried:
        # what comes from above at padding goes to the last real step before it, or to the start
        above = own["above", name].copy()
        handed_on[name] = np.zeros((1, case.sizes.units))
        for step in np.flatnonzero(REAL[:, sequence] == 0):
            before = steps[steps < step]
            target = above[before[-1]] if len(before) else handed_on[name]
            target += own["above", name][step]
        short["above", name] = above[steps]
    expected = alone.run("forward", short)
    for key, value in forward.items():
        rows = value[:, sequence]
        np.testing.assert_allclose(rows[steps], expected[key][:, 0], atol=1e-6)
        for step in np.flatnonzero(REAL[:, sequence] == 0):
            old = rows[step - 1] if step else own["start", key[1]][0] if key[0] == "after" else 0
            np.testing.assert_array_equal(rows[step], np.float32(old if key[0] == "after" else 0))
    expected = alone.run("backward", short)
    for key, value in backward.items():
        if key[0] == "first":
            first = expected[key] + handed_on[key[1]]
            np.testing.assert_allclose(value[sequence], first[0], atol=1e-5)
        else:
            np.testing.assert_allclose(value[steps, sequence], expected[key][:, 0], atol=1e-5)
            np.testing.assert_array_equal(value[REAL[:, sequence] == 0, sequence], 0)


def test_adjoints_that_have_faded_are_0() -> None:
    """They would be denormal numbers, which take a hundred times as long."""
    case = Case("lstm", 1, library(SAMPLE))
    faded = {
        key: value * 1e-40 if key[0] in ("above", "last") else value
        for key, value in case.values.items()
    }
    for value in case.run("backward", faded).values():
        assert not value.any()


def function(name: str, primitive: Elementwise, kind: str) -> str:
    """An operation on every element of arrays, in lanes or in doubles."""
    names = "abc"[: primitive.arity]
    form = operations.elementwise(primitive)
    assert form is not None, name
    arrays = "".join(f"const {kind}* {each}, " for each in names)
    if kind == "float":
        value = form.format(*(f"load({each} + i)" for each in names))
        body = f"for (long i = 0; i < n; i += LANES) store(y + i, {value});"
    else:
        value = form.format(*(f"{each}[i]" for each in names))
        body = f"for (long i = 0; i < n; i++) y[i] = {value};"
    return f'extern "C" void {name}_{kind}({arrays}{kind}* y, long n) {{ {body} }}'


KINDS = {"float": (np.float32, 4e-7), "double": (np.float64, 1e-15)}
CANCEL = ("hard_sigmoid", "gelu")  # near 0 they are a difference of larger numbers


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_an_operation_is_its_function_also_of_what_is_no_number(name: str, kind: str) -> None:
    primitive = ELEMENTWISE[name]
    dtype, tolerance = KINDS[kind]
    rng = np.random.default_rng(5)
    grid = np.concatenate([
        [0.0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 88, -88, 100, -100, 1e-30, -1e-30, 1e30, 3, -3],
        np.linspace(-12, 12, 1008), rng.normal(0, 1e-3, 512), rng.normal(0, 40, 512),
    ])  # fmt: skip
    operands = [rng.permutation(grid).astype(dtype) for _ in range(primitive.arity)]
    value = np.empty(len(grid), dtype)
    arrays = [ctypes.c_void_p(array.ctypes.data) for array in (*operands, value)]
    getattr(library(SAMPLE), f"{name}_{kind}")(*arrays, ctypes.c_long(len(grid)))
    with np.errstate(all="ignore"):
        expected = primitive.function(*(operand.astype(float) for operand in operands))
        expected = np.asarray(expected).astype(dtype)
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(np.isfinite(value), finite)
    # sigmoid ends where floats have fewer digits
    atol = np.finfo(dtype).eps if name in CANCEL else 200 * np.finfo(np.float32).tiny
    np.testing.assert_allclose(value[finite], expected[finite], rtol=tolerance, atol=atol)


ANSWER = 'extern "C" int answer() { return 42; }'


@pytest.fixture
def cache_of_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_what_is_compiled_is_kept_and_what_is_damaged_compiled_anew(cache_of_test: Path) -> None:
    assert build.load(ANSWER).answer() == 42
    (entry,) = build.folder().iterdir()
    whole = entry.read_bytes()
    written = entry.stat().st_ino
    build.load(ANSWER)
    assert entry.stat().st_ino == written
    entry.unlink()  # this process has it in memory
    entry.write_bytes(whole[: len(whole) // 2])
    assert build.load(ANSWER).answer() == 42
    assert entry.read_bytes() == whole
    assert [*build.folder().iterdir()] == [entry]


def test_a_library_of_another_user_is_used(
    cache_of_test: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError("not yours")

    build.load(ANSWER)
    monkeypatch.setattr(build.os, "utime", refused)
    assert build.load(ANSWER).answer() == 42


def test_a_library_that_another_process_deletes_meanwhile_costs_nothing(
    cache_of_test: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "LIMIT", 1)
    build.folder().mkdir(parents=True)
    (build.folder() / "gone.so").symlink_to("nowhere")  # listed, and not there
    assert build.load(ANSWER).answer() == 42
    assert len([*build.folder().iterdir()]) == 1


def test_why_there_is_no_native_code_is_said(
    cache_of_test: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(build.Missing, match=r"compiler failed: .*error"):
        build.load("no C++")
    build.folder().rmdir()
    build.folder().write_text("in the way")
    with pytest.raises(build.Missing, match=str(build.folder())):
        build.load(ANSWER)
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(build.Missing, match="there is no compiler no-such-compiler"):
        build.load(ANSWER)
    monkeypatch.setenv("CXX", "g++ '-O1")
    with pytest.raises(build.Missing, match="CXX=g\\+\\+ '-O1: No closing quotation"):
        build.load(ANSWER)
    monkeypatch.setenv(build.SWITCH, build.SCAN)
    with pytest.raises(build.Missing, match="RNNZOO_LOOPS=scan"):
        build.load(ANSWER)


FAILING = """#!/bin/sh
case "$*" in *--version*) echo "c {times}"; exit 0;; esac
echo once >> {folder}/calls
[ $(wc -l < {folder}/calls) -gt {times} ] && exec g++ "$@"
{fails}
"""
FAILURES = {  # how a compiler fails, and how often it is called if it does twice
    "is killed": ("kill -9 $$", 2),
    "its part is killed": (
        "echo 'g++: fatal error: Killed signal terminated program cc1plus' >&2; exit 1", 2
    ),
    "finds a mistake": ("echo '<stdin>:1: error: no C++' >&2; echo second >&2; exit 1", 1),
    "prints Latin-1": (r"printf 'g++: \351: error: no file\n' >&2; exit 1", 1),
}  # fmt: skip


@pytest.mark.parametrize("how", FAILURES)
def test_a_compiler_that_fails_for_a_moment_is_asked_once_more(
    how: str,
    cache_of_test: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    fails, calls = FAILURES[how]
    monkeypatch.setattr(build, "WAIT", 0.0)
    for times, succeeds in ((1, calls == 2), (2, False)):
        compiler = cache_of_test / f"compiler{times}"
        compiler.write_text(FAILING.format(folder=cache_of_test, times=times, fails=fails))
        compiler.chmod(0o755)
        monkeypatch.setenv("CXX", str(compiler))
        if succeeds:
            assert build.load(ANSWER).answer() == 42
        else:
            with pytest.raises(build.Missing, match="the compiler failed"):
                build.load(ANSWER)
        told = capfd.readouterr().err
        assert ("asked once more" in told, "XLA has the loops" in told) == (
            calls == 2,
            not succeeds,
        )
        assert ("second" in told) == (how == "finds a mistake")
        assert len((cache_of_test / "calls").read_text().splitlines()) == calls
        (cache_of_test / "calls").unlink()


def test_a_compiler_that_takes_too_long_is_told_in_few_words(
    cache_of_test: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = cache_of_test / "compiler"
    slow = 'case "$*" in *--version*) echo c 1; exit 0;; esac\nexec sleep 60\n'
    compiler.write_text(f"#!/bin/sh\n{slow}")
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    build.compiler()
    monkeypatch.setattr(build, "LONGEST", 0.2)
    with pytest.raises(build.Failed, match=r"^the compiler failed: it took longer than 0\.2 s$"):
        build.load(ANSWER)


def test_a_process_that_cannot_be_started_is_tried_once_more(
    cache_of_test: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        started.append(command)
        if len(started) == 1:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        return subprocess.CompletedProcess(command, 0, "c 1", "")

    monkeypatch.setattr(build, "WAIT", 0.0)
    monkeypatch.setattr(build.subprocess, "run", run)
    assert build.version.__wrapped__(("c++",)) == "c 1"
    started.clear()
    monkeypatch.setattr(build, "_is_for_a_moment", lambda error: False)
    with pytest.raises(build.Missing, match=r"does not run: .+temporarily"):
        build.version.__wrapped__(("c++",))


def test_a_compiler_may_be_called_with_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = build.compiler()
    monkeypatch.setenv("CXX", f"env {build.COMPILER}")
    assert build.compiler() == plain


def test_what_a_compiler_is_called_with_is_part_of_what_is_kept(
    cache_of_test: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for answer in (41, 42):
        monkeypatch.setenv("CXX", f"{build.COMPILER} -DANSWER={answer}")
        assert build.load(ANSWER.replace("42", "ANSWER")).answer() == answer


def test_arrays_are_joined_and_cut_as_numpy_does(cache_of_test: Path) -> None:
    source = Path(backends.__file__).with_name("jax").joinpath("pieces.cc").read_text()
    called = 'extern "C" void {0}_(void* const* in, void* const* out) {{ {0}(in, out); }}'
    compiled = build.load("\n".join([source, called.format("join"), called.format("cut")]))
    rows, widths = 3, (4, 1, 2)
    pieces = [np.random.default_rng(0).normal(size=(rows, each)) for each in widths]
    pieces = [piece.astype(np.float32) for piece in pieces]

    def run(name: str, sizes: tuple[int, ...], given: list[Array], out: list[Array]) -> list[Array]:
        arrays = [np.array(sizes, np.int32), *given]
        pointers = ([each.ctypes.data for each in group] for group in (arrays, out))
        getattr(compiled, f"{name}_")(*((ctypes.c_void_p * len(each))(*each) for each in pointers))
        return out

    (whole,) = run("join", (rows, 7, 0, 3, *widths), pieces, [np.zeros((rows, 7), np.float32)])
    np.testing.assert_array_equal(whole, np.concatenate(pieces, axis=1))
    second, third = (np.zeros((rows, each), np.float32) for each in widths[1:])
    run("cut", (rows, 7, 4, 2, *widths[1:]), [whole], [second, third])
    np.testing.assert_array_equal(second, pieces[1])
    np.testing.assert_array_equal(third, pieces[2])
