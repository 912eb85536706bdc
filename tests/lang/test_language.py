"""Properties of the language, on random cells and on all of the zoo."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo import lang
from rnnzoo.errors import SpecError, UsageError
from rnnzoo.lang import counts, ir, passes, reference
from rnnzoo.lang.ops import OPS
from rnnzoo.lang.text import cell_text, digest
from rnnzoo.spec.cell import ZOO, built_in_names
from tests.strategies import cell_texts

INPUTS, UNITS, BATCH, TIME = 3, 4, 2, 5


def outputs(cell: ir.Cell, layers: int = 1) -> np.ndarray:
    """What a cell computes with fixed weights, drawn by name so that the order of equations does not matter."""
    weights = []
    for number in range(1, layers + 1):
        size = ir.sizes(cell, INPUTS, UNITS, number)
        shapes = {one.name: size.shape(one.shape) for one in cell.layer(number).weights}
        shapes |= {f"initial_{state.name}": (UNITS,) for state in cell.states if state.initial == "learned"}
        weights.append({name: drawn(name, shape) for name, shape in shapes.items()})
    x = np.random.default_rng(7).normal(size=(BATCH, TIME, INPUTS))
    return reference.run(cell, weights, x, UNITS).outputs


def drawn(name: str, shape: tuple[int, ...]) -> np.ndarray:
    letters = name.replace("_renamed", "").encode()
    return np.random.default_rng(list(letters)).normal(0, 0.4, shape)


@given(cell_texts())
def test_printing_and_parsing_again_is_the_identity(text: str) -> None:
    cell = lang.parse_text(text)
    again = lang.parse_text(cell_text(cell))
    assert again == cell
    assert digest(again) == digest(cell)


@pytest.mark.parametrize("name", built_in_names())
def test_every_zoo_cell_survives_printing_and_parsing(name: str) -> None:
    cell = lang.load(name)
    assert lang.parse_text(cell_text(cell)) == cell


@given(cell_texts(), st.randoms(use_true_random=False))
def test_the_order_of_equations_does_not_matter(text: str, random: object) -> None:
    head, _, rest = text.partition("equations: |\n")
    lines = re.findall(r"^  .*\n", rest, re.M)
    tail = rest[sum(map(len, lines)) :]
    random.shuffle(lines)  # type: ignore[attr-defined]
    first, second = lang.parse_text(text), lang.parse_text(f"{head}equations: |\n{''.join(lines)}{tail}")
    assert digest(first) == digest(second)
    np.testing.assert_array_equal(outputs(first), outputs(second))


@given(cell_texts())
def test_renaming_changes_nothing_that_is_computed(text: str) -> None:
    names = {name: f"{name}_renamed" for name in ("a", "c", "e")}
    renamed = re.sub(r"(?<![\w.])([ace])(?=[\[ ,)+*\n])(?!\w*\()", lambda m: names[m[1]], text)
    renamed = re.sub(r"\b([WRbp]_\w+)", r"\1_renamed", renamed)
    first, second = lang.parse_text(text), lang.parse_text(renamed)
    np.testing.assert_allclose(outputs(first), outputs(second), atol=1e-14)
    assert counts.weights(first, INPUTS, UNITS) == counts.weights(second, INPUTS, UNITS)
    assert counts.multiply_adds(first, INPUTS, UNITS) == counts.multiply_adds(second, INPUTS, UNITS)


def by_schedule(step: ir.Step, cell: ir.Cell, size: ir.Sizes, weights: dict, x: np.ndarray) -> np.ndarray:
    """The output of one layer, computed the hoisted way in NumPy: `before` for all steps at once, then the loop."""
    plan = passes.schedule(step)
    fixed = {"constant": reference.constants(cell, size), "weight": weights}
    before: dict[str, np.ndarray] = {}
    for one in plan.before:
        value = reference.evaluate(one.expr, {**fixed, "input": {"x": x}, "value": before}, size)
        before[one.name] = np.broadcast_to(value, (*x.shape[:2], size.of(one.size)))
    state = {}
    for one in cell.states:
        value = weights[f"initial_{one.name}"] if one.initial == "learned" else float(one.initial)
        state[one.name] = np.broadcast_to(value, (len(x), size.units)).astype(float)
    rows = []
    for t in range(x.shape[1]):
        now = {name: value[:, t] for name, value in before.items()}
        for one in plan.loop:
            values = {**fixed, "value": now, "previous": state, "time": {"t": np.asarray(float(t))}}
            value = reference.evaluate(one.expr, values, size)
            now[one.name] = np.broadcast_to(value, (len(x), size.of(one.size)))
        state = {name: now[name] for name in state}
        rows.append(now[cell.output])
    return np.stack(rows, axis=1)


def hoists_nothing_wrong(cell: ir.Cell) -> None:
    size = ir.sizes(cell, INPUTS, UNITS, 1)
    weights = reference.random_weights(cell, INPUTS, UNITS, 1, np.random.default_rng(0))[0]
    for one in cell.first.weights:
        mask = reference.mask(cell, one, size)
        weights[one.name] = weights[one.name] if mask is None else weights[one.name] * mask
    x = np.random.default_rng(1).normal(size=(BATCH, TIME, INPUTS))
    expected = reference.run(cell, [weights], x, UNITS).outputs
    np.testing.assert_allclose(by_schedule(cell.first, cell, size, weights, x), expected, atol=1e-12)


@given(cell_texts())
def test_hoisting_out_of_the_loop_changes_nothing(text: str) -> None:
    hoists_nothing_wrong(lang.parse_text(text))


@pytest.mark.parametrize("name", [name for name in built_in_names() if name != "clockwork"])
def test_hoisting_out_of_the_loop_changes_no_zoo_cell(name: str) -> None:
    hoists_nothing_wrong(lang.load(name))


def test_the_input_projections_of_an_lstm_leave_the_loop() -> None:
    plan = passes.schedule(lang.load("lstm").step)
    operands = list(passes.products(plan.before))
    assert operands == [ir.Ref("input", "x", ("inputs",))]
    assert list(passes.products(plan.loop)) == [ir.Ref("previous", "h", ("units",))]


@given(cell_texts(), st.integers(0, 400), st.text(max_size=3))
@settings(max_examples=300)
def test_text_that_is_damaged_anywhere_gives_a_cell_or_a_mistake_with_a_place(text: str, at: int, junk: str) -> None:
    damaged = text[: at % len(text)] + junk + text[at % len(text) + 1 :]
    try:
        lang.parse_text(damaged, "cell.yaml")
    except SpecError as error:
        for mistake in error.mistakes:
            assert mistake.span.line >= 1
            assert mistake.span.column >= 1
            assert mistake.problem
    except UsageError:
        pass


@pytest.mark.parametrize("path", sorted(ZOO.glob("*.yaml")), ids=lambda path: path.stem)
@pytest.mark.parametrize("cut", range(10))
def test_a_zoo_file_that_is_cut_short_never_crashes(path, cut: int) -> None:
    text = path.read_text()
    try:
        lang.parse_text(text[: len(text) * cut // 10], path.name)
    except SpecError as error:
        assert str(error)


ARGUMENTS = {"where": 1}  # the condition has no derivative


@pytest.mark.parametrize("name", [name for name, op in OPS.items() if op.derivatives])
def test_every_derivative_agrees_with_differences(name: str) -> None:
    op = OPS[name]
    rng = np.random.default_rng(3)
    args = [rng.uniform(0.2, 1.8, 50) for _ in range(op.arity)]
    if op.arity == 1 and name not in ("log", "sqrt"):
        args[0] *= np.where(rng.random(50) < 0.5, 1, -1)
    if name == "where":
        args[0] = (rng.random(50) < 0.5) * 1.0
    result = op.numpy(*args)
    for at in range(ARGUMENTS.get(name, 0), op.arity):
        up, down = list(args), list(args)
        up[at], down[at] = args[at] + 1e-6, args[at] - 1e-6
        numeric = (op.numpy(*up) - op.numpy(*down)) / 2e-6
        symbolic = np.broadcast_to(derivative(op.derivatives[at], args, result), numeric.shape)
        np.testing.assert_allclose(symbolic, numeric, rtol=1e-5, atol=1e-7)


def derivative(text: str, args: list[np.ndarray], result: np.ndarray) -> np.ndarray:
    """A derivative's text, read by our own parser and evaluated by the reference."""
    from rnnzoo.errors import Mistakes
    from rnnzoo.lang import parse
    from rnnzoo.spec.document import Code, Row

    mistakes = Mistakes()
    tree = parse.expression(Code("ops", (Row(1, 1, text),), text), mistakes)
    assert not mistakes.found, mistakes.found
    values = dict(zip(("a", "b", "c"), args)) | {"y": result}

    def typed(node: parse.Tree) -> ir.Expr:
        match node:
            case parse.Literal(value=value):
                return ir.Number(value)
            case parse.Name(name=name):
                return ir.Ref("value", name)
            case parse.Call(op=op, args=inner):
                return ir.Apply(op, tuple(map(typed, inner)))
        raise AssertionError(node)

    return reference.evaluate(typed(tree), {"value": values}, ir.Sizes(1, 1, {}))


def test_no_operation_has_a_hole_in_its_row() -> None:
    for name, op in OPS.items():
        assert op.name == name
        assert op.backend
        assert "{" in op.latex
        assert not op.derivatives or len(op.derivatives) == op.arity
        assert op.latex.format(*"abc"[: op.arity])
