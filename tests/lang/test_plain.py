"""Cells as files for PyTorch and JAX against the float64 reference.

The files for PyTorch run with a stand-in in NumPy (`numpy_as_torch`), and with torch itself where
it is installed.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from rnnzoo import lang
from rnnzoo.cli import main
from rnnzoo.errors import UsageError
from rnnzoo.lang import ir, reference, start
from rnnzoo.lang.plain import plain_text
from rnnzoo.lang.plain.dialects import JAX, MATRICES, TORCH
from rnnzoo.lang.primitives import CALLS, PRIMITIVES
from rnnzoo.lang.probes import probes
from rnnzoo.lang.view import CellView, view
from rnnzoo.spec.cell import INITIALISERS, built_in_names
from tests.lang import numpy_as_torch
from tests.lang.over_groups import OVER_GROUPS
from tests.lang.test_matrices import ONE_NUMBER
from tests.samples import cells, examples
from tests.strategies import cell_texts

UNITS, INPUTS, BATCH, TIME = 9, 4, 2, 5
MASK = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]], bool)
Values = dict[str, np.ndarray]


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    modules = numpy_as_torch.modules()
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return modules["torch"]


def executed(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(text, "<written>", "exec"), names)
    return names


def module_of(text: str, **options: float) -> Any:
    """The one module that a text for torch defines."""
    (name,) = (node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef))
    return executed(text)[name](INPUTS, UNITS, **options)


def run_torch(
    torch: ModuleType, text: str, weights: Values, read: Values, mask: np.ndarray | None
) -> tuple[np.ndarray, Values]:
    module = module_of(text)
    module.load_state_dict({name: torch.tensor(value) for name, value in weights.items()})
    given_mask = None if mask is None else torch.tensor(mask)
    outputs, states = module(*map(torch.tensor, read.values()), mask=given_mask)
    return outputs.detach().numpy(), {
        name: value.detach().numpy() for name, value in states.items()
    }


def run_jax(
    text: str, weights: Values, read: Values, mask: np.ndarray | None
) -> tuple[np.ndarray, Values]:
    jax = pytest.importorskip("jax")
    *_, name = (node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))
    with jax.enable_x64(True):
        names = executed(text)
        shapes = {key: value.shape for key, value in weights.items()}
        began = names["init"](jax.random.key(0), INPUTS, UNITS)
        assert {key: value.shape for key, value in began.items()} == shapes
        function = jax.jit(lambda p, read, mask: names[name](p, *read, units=UNITS, mask=mask))
        outputs, states = function(weights, [*read.values()], mask)
        return np.asarray(outputs), {key: np.asarray(value) for key, value in states.items()}


def runner(library: str, torch: ModuleType) -> Callable[..., Any]:
    """What runs the code of a cell that is written for a library."""
    return partial(run_torch, torch) if library == "torch" else run_jax


def agrees(
    cell: ir.Cell, text: str, run: Callable[..., tuple[np.ndarray, Values]], masked: bool
) -> None:
    """A file computes what the reference does."""
    assert "rnnzoo" not in text.partition("import")[2]
    rng = np.random.default_rng(7)
    (weights,) = reference.random_weights(cell, cell.columns(INPUTS), UNITS, 1, rng)
    read, mask = probes(cell, INPUTS, (BATCH, TIME), rng), MASK if masked else None
    side_by_side = np.concatenate([*read.values()], -1)
    expected = reference.run(cell, [weights], side_by_side, UNITS, keep=mask)
    outputs, states = run(text, weights, read, mask)
    np.testing.assert_allclose(outputs, expected.outputs, atol=1e-11)
    assert states.keys() == expected.states[0].keys()
    for name, value in expected.states[0].items():
        np.testing.assert_allclose(states[name], value, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", built_in_names())
def test_the_module_of_every_zoo_cell_computes_what_the_reference_does(
    name: str, torch: ModuleType
) -> None:
    cell = view(name)
    text = cell.plain("torch")
    assert max(map(len, text.splitlines())) <= 100
    for masked in (False, True):
        agrees(cell.ir, text, partial(run_torch, torch), masked)


@pytest.mark.parametrize("name", cells(("clockwork", "s4d")))
def test_the_function_of_every_zoo_cell_computes_what_the_reference_does(name: str) -> None:
    cell = view(name)
    text = cell.plain("jax")
    assert max(map(len, text.splitlines())) <= 100
    agrees(cell.ir, text, run_jax, masked=True)


def parsed(text: str) -> CellView:
    return CellView(lang.parse_text(text))


@given(cell_texts())
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_the_module_of_any_cell_computes_what_the_reference_does(text: str) -> None:
    cell = parsed(text)
    with pytest.MonkeyPatch.context() as patched:
        modules = numpy_as_torch.modules()
        for name, module in modules.items():
            patched.setitem(sys.modules, name, module)
        agrees(cell.ir, cell.plain("torch"), partial(run_torch, modules["torch"]), True)


@pytest.mark.slow
@given(cell_texts())
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_the_function_of_any_cell_computes_what_the_reference_does(text: str) -> None:
    cell = parsed(text)
    agrees(cell.ir, cell.plain("jax"), run_jax, masked=True)


JOINED = """\
name: joined
constants: |
  T = 2 ** floor(unit / 2)
equations: |
  g = sigmoid(W_g @ [h[t-1], x, b] + b + p)
  h = tanh(W @ [x, g * h[t-1]] + R' @ h[t-1] + R @ h[t-1])
weights:
  R:
    mask: row >= 1
init:
  p: b * 2
  b: log(1 + unit) + 0 * T
  R: random / sqrt(units) + 0 * (row - col)
"""


def test_joined_vectors_and_beginnings_that_are_expressions_are_written(
    torch: ModuleType,
) -> None:
    cell = parsed(JOINED)
    text = cell.plain("torch")
    agrees(cell.ir, text, partial(run_torch, torch), True)
    begun = {name: np.asarray(v.detach()) for name, v in module_of(text).state_dict().items()}
    check_joined(begun)


def check_joined(begun: Values) -> None:
    np.testing.assert_allclose(begun["b"], np.log(1 + np.arange(UNITS)), atol=1e-6)
    np.testing.assert_allclose(begun["p"], 2 * begun["b"], atol=1e-6)
    assert 0 < begun["R"].min() < begun["R"].max() < 1 / 3
    on_state, on_input = begun["W_g"][:, :UNITS], begun["W_g"][:, UNITS : UNITS + INPUTS]
    np.testing.assert_allclose(on_state @ on_state.T, np.eye(UNITS), atol=1e-5)
    assert 0.3 < np.abs(on_input).max() < np.sqrt(6 / (UNITS + INPUTS))


@pytest.mark.parametrize("library", ["torch", pytest.param("jax", marks=pytest.mark.slow)])
def test_a_mask_that_reads_a_constant_of_one_number_is_written(
    library: str, torch: ModuleType
) -> None:
    cell = parsed(ONE_NUMBER)
    agrees(cell.ir, cell.plain(library), runner(library, torch), masked=True)


SIZED = """\
name: sized
options: {share: 3}
equations: |
  s = 0.5 * s[t-1] + V @ [h[t-1], x]
  h = tanh(W @ x + U @ s + b)
initial: {s: learned}
weights:
  V: {shape: [units / share, units + inputs]}
  U: {shape: [units, units / share]}
"""


@pytest.mark.parametrize("library", ["torch", pytest.param("jax", marks=pytest.mark.slow)])
def test_sizes_that_are_computed_are_written(library: str, torch: ModuleType) -> None:
    cell = parsed(SIZED)
    if library == "torch":
        assert module_of(cell.plain("torch"), share=9).U.shape == (UNITS, 1)
    agrees(cell.ir, cell.plain(library), runner(library, torch), masked=True)


def test_constant_matrices_begin_as_they_are(torch: ModuleType) -> None:
    cell = view("lmu")
    (weights,) = reference.random_weights(cell.ir, INPUTS, UNITS, 1, np.random.default_rng(0))
    begun = module_of(cell.plain("torch")).state_dict()
    for name in "AB":
        np.testing.assert_allclose(begun[name].detach().numpy(), weights[name], rtol=1e-12)
    assert "        B = (2 * row + 1) * (-1) ** row / theta\n" in cell.plain("jax")


@pytest.mark.slow
def test_joined_vectors_and_beginnings_that_are_expressions_are_written_for_jax() -> None:
    jax = pytest.importorskip("jax")
    cell = parsed(JOINED)
    agrees(cell.ir, cell.plain("jax"), run_jax, masked=True)
    begun = executed(cell.plain("jax"))["init"](jax.random.key(0), INPUTS, UNITS)
    check_joined({name: np.asarray(value) for name, value in begun.items()})


def test_reductions_and_numbers_that_fill_vectors_are_written(torch: ModuleType) -> None:
    cell = parsed(OVER_GROUPS)
    agrees(cell.ir, cell.plain("torch"), partial(run_torch, torch), True)


@pytest.mark.parametrize("reduction", ["sum", "mean", "max", "norm", "softmax", "layer_norm"])
def test_reductions_within_groups_are_broken_over_lines(reduction: str, torch: ModuleType) -> None:
    gate, value = (f"(W_{n} @ x + R_{n} @ h[t-1] + b_{n})" for n in ("gate", "value"))
    cell = parsed(f"name: q\nequations: |\n  h = {reduction}(sigmoid{gate} * tanh{value}, 3)\n")
    text = cell.plain("torch")
    assert re.search(r"in_groups\(\n +lambda a: ", text)
    agrees(cell.ir, text, partial(run_torch, torch), True)


@pytest.mark.slow
def test_reductions_and_numbers_that_fill_vectors_are_written_for_jax() -> None:
    cell = parsed(OVER_GROUPS)
    agrees(cell.ir, cell.plain("jax"), run_jax, masked=True)


@pytest.mark.parametrize("dialect", [TORCH, JAX], ids=lambda dialect: dialect.library)
def test_every_operation_is_written(dialect: Any) -> None:
    written = {*dialect.calls, *dialect.forms, *MATRICES, "where", "clip"}
    # diag is written as what it scales, and what is drawn as its mean
    assert {*CALLS} - written == {"bernoulli", "diag"}
    assert written <= {*PRIMITIVES}


@pytest.mark.parametrize("name", INITIALISERS)
def test_weights_begin_as_the_cell_says(name: str, torch: ModuleType) -> None:
    check_beginnings(name)


def check_beginnings(name: str) -> None:
    kind = INITIALISERS[name]
    shape, operand, pair = "[units, inputs]", "x", [-0.1, 0.2]
    if name == "spectral_radius":
        shape, operand, pair = "[units, units]", "h[t-1]", [0.9, 0.5]
    for values in ([], [0.3], pair)[kind.least : kind.most + 1]:
        begin = {name: values[0] if len(values) == 1 else values} if values else name
        cell = parsed(
            f"name: mine\nequations: |\n  h = tanh(W @ {operand} + b) * h[t-1]\n"
            f"weights: {{W: {{shape: {shape}}}}}\ninit: {{W: {begin}}}\n"
        )
        state = module_of(cell.plain("torch")).state_dict()
        same_spread(state["W"].detach().numpy(), cell.ir)


def same_spread(values: np.ndarray, cell: ir.Cell) -> None:
    """Numbers of a matrix of 9 rows and 4 columns spread as those that rnnzoo draws."""
    (weight,) = (each for each in cell.step.weights if each.name == "W")
    rng = np.random.default_rng(1)
    drawn = np.stack([start.draw(weight.init, values.shape, {}, rng) for _ in range(200)])
    if weight.init.name == "spectral_radius":
        radii = (np.abs(np.linalg.eigvals(matrix)).max() for matrix in (values, drawn[0]))
        assert next(radii) == pytest.approx(next(radii))
    elif weight.init.name == "orthogonal":
        np.testing.assert_allclose(values.T @ values, drawn[0].T @ drawn[0], atol=1e-12)
    elif drawn.std(axis=0).max() < 1e-12:
        np.testing.assert_allclose(values, drawn[0], atol=1e-12)
    else:
        assert drawn.min() * 1.3 <= values.min() < values.max() <= drawn.max() * 1.3
        assert values.std() == pytest.approx(drawn.std(), rel=0.35)


@pytest.mark.slow
def test_jax_begins_weights_as_the_cell_says() -> None:
    jax = pytest.importorskip("jax")
    for name in ("orthogonal", "lecun_normal", "{uniform: [-0.1, 0.2]}", "{identity: 0.3}"):
        cell = parsed(
            f"name: mine\nequations: |\n  h = tanh(W @ x) * h[t-1]\ninit: {{W: {name}}}\n"
            "weights: {W: {shape: [units, inputs]}}\n"
        )
        with jax.enable_x64(True):
            began = executed(cell.plain("jax"))["init"](jax.random.key(2), INPUTS, UNITS)
        same_spread(np.asarray(began["W"]), cell.ir)


def test_files_run_with_torch_itself() -> None:
    torch = pytest.importorskip("torch")
    written = [*map(view, built_in_names())]
    written += map(parsed, (OVER_GROUPS, JOINED, SIZED, NAMES.replace("half", "u")))
    torch.set_default_dtype(torch.float64)
    try:
        for cell in written:
            agrees(cell.ir, cell.plain("torch"), partial(run_torch, torch), True)
        for name in INITIALISERS:
            check_beginnings(name)
    finally:
        torch.set_default_dtype(torch.float32)


def test_equations_keep_their_order_names_and_comments() -> None:
    text = view("lru").plain("torch")
    assert "r = torch.exp(-torch.exp(self.p_nu))  # modulus of each eigenvalue, below 1\n" in text
    step = text.partition("def step")[2]
    assert step.index("  r = ") < step.index("  u = ") < step.index("  h = a @ self.C_a.T")
    assert 'h = jnp.where(t % fixed["T"] == 0, ' in view("clockwork").plain("jax")
    assert "The equations of a further one differ" in view("depth_gated").plain("torch")


def test_the_docs_show_what_is_written() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "language.md").read_text()
    shown = page.partition("## Taking a cell elsewhere")[2].partition("```python\n")[2]
    assert shown.partition("```")[0] in view("lstm").plain("torch")


def test_options_are_arguments(torch: ModuleType) -> None:
    cell = view("scrn")
    assert module_of(cell.plain("torch"), slow=3).W_s.shape == (3, INPUTS)
    assert "slow: int = 40" in cell.plain("jax")
    assert "alpha: float = 0.95" in cell.plain("jax")


def test_steps_go_on_where_the_last_call_ended(torch: ModuleType) -> None:
    cell = view("clockwork").ir
    (weights,) = reference.random_weights(cell, INPUTS, UNITS, 1, np.random.default_rng(7))
    x = torch.tensor(np.random.default_rng(8).normal(size=(BATCH, TIME, INPUTS)))
    module = module_of(view("clockwork").plain("torch"))
    module.load_state_dict({name: torch.tensor(value) for name, value in weights.items()})
    whole, _ = module(x)
    _, states = module(x[:, :3])
    rest, _ = module(x[:, 3:], states, first=3)
    np.testing.assert_allclose(rest.detach().numpy(), whole.detach().numpy()[:, 3:], atol=1e-12)


NAMES = """\
name: class
equations: |
  states = tanh(W @ x + R @ h[t-1] + half)
  h_prev = states + F @ h[t-1]
  p = h_prev * scale
  h = p
weights: {half: {shape: [units]}, F: {shape: [units, units], mask: row >= col}, scale: {shape: []}}
"""


@pytest.mark.parametrize("library", ["torch", pytest.param("jax", marks=pytest.mark.slow)])
def test_names_that_a_file_has_itself_are_kept_apart(library: str, torch: ModuleType) -> None:
    cell = parsed(NAMES.replace("half", "u"))
    agrees(cell.ir, cell.plain(library), runner(library, torch), masked=True)


def option_called(name: str) -> str:
    equation = f"h = {name} * h[t-1] + W @ x"
    return f"name: mine\noptions: {{{name}: 0.5}}\nequations: |\n  {equation}\n"


# `h[t-1]` is called h_prev in a file, `states` states_, and the mask of F F_mask; a buffer of a
# module cannot be called half
OTHER_NAMES = """\
name: taken
inputs: {h_prev: 1, value: 1}
constants: |
  half = unit / 2
  F_mask = 1 + unit
equations: |
  states = tanh(W @ x + R @ h[t-1] + h_prev * half)
  states_ = states + F @ h[t-1] + F_mask
  value_ = value * states
  h = tanh(states_ - value_ + states)
weights: {F: {shape: [units, units], mask: row >= col}}
"""


@pytest.mark.parametrize("library", ["torch", pytest.param("jax", marks=pytest.mark.slow)])
def test_names_that_are_given_are_none_that_a_cell_has(library: str, torch: ModuleType) -> None:
    cell = parsed(OTHER_NAMES)
    agrees(cell.ir, cell.plain(library), runner(library, torch), masked=True)


@pytest.mark.parametrize(
    ("library", "text", "words"),
    [
        ("torch", NAMES, "'half' of cell 'class' has another meaning in that file"),
        (
            "jax",
            "name: mine\noptions: {key: 1}\nequations: |\n  h = key * h[t-1] + W @ x\n",
            "'key' of cell 'mine' has another meaning in that file\n  fix: rename it",
        ),
        # a function has it as an argument, and the loop within another value
        *(("jax", option_called(name), f"'{name}' of cell") for name in ("time", "output", "step")),
        ("torch", option_called("mask"), "'mask' of cell"),
    ],
)
def test_a_name_that_has_another_meaning_is_refused(library: str, text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        parsed(text).plain(library)
    assert words in str(caught.value)


@pytest.mark.parametrize(("library", "called"), [("torch", "PyTorch"), ("jax", "JAX")])
def test_an_operation_without_a_function_there_is_refused(library: str, called: str) -> None:
    cell = lang.load("rnn")
    (equation,) = cell.first.equations
    assert isinstance(equation.expr, ir.Apply)
    soft = replace(equation.expr, op=replace(equation.expr.op, name="soft"))  # type: ignore[type-var]
    first = replace(cell.first, equations=(replace(equation, expr=soft),))
    with pytest.raises(UsageError) as caught:
        plain_text(library, replace(cell, first=first), {}, ())
    assert f"uses the operation 'soft', which is not written in {called} yet" in str(caught.value)


def test_the_command_prints_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    for library, words in (("torch", "class Lstm(nn.Module):"), ("jax", "def lstm(")):
        assert main(["show", "lstm", f"--{library}"]) == 0
        printed = capsys.readouterr().out
        assert words in printed
        ast.parse(printed)
