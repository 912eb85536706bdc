"""Properties of the language, on random cells and on all of the zoo."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo import lang
from rnnzoo.errors import SpecError, UsageError
from rnnzoo.lang import counts, ir, passes, reference
from rnnzoo.lang.formulas import formula
from rnnzoo.lang.primitives import ELEMENTWISE, where
from rnnzoo.lang.primitives.base import OPERANDS
from rnnzoo.lang.probes import probes
from rnnzoo.lang.text import cell_text, digest
from rnnzoo.spec.cell import ZOO, built_in_names
from tests.samples import cells, compiled, examples
from tests.strategies import cell_texts

INPUTS, UNITS, BATCH, TIME = 3, 4, 2, 5
RENAMED = "_q"


def outputs(cell: ir.Cell, layers: int = 1) -> np.ndarray:
    """What a cell computes with fixed weights, drawn by name so that the order of equations does
    not matter.
    """
    weights = []
    for number in range(1, layers + 1):
        sizes = ir.sizes(cell, INPUTS, UNITS, number)
        shapes = {weight.name: sizes.shape(weight.shape) for weight in cell.layer(number).weights}
        shapes |= {
            f"initial_{state.name}": (sizes.of(state.size),)
            for state in cell.states
            if state.initial == "learned"
        }
        weights.append({name: drawn(name, shape) for name, shape in shapes.items()})
    x = np.random.default_rng(7).normal(size=(BATCH, TIME, INPUTS))
    return reference.run(cell, weights, x, UNITS).outputs


def drawn(name: str, shape: tuple[int, ...]) -> np.ndarray:
    letters = name.replace(RENAMED, "").encode()
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
def test_the_order_of_equations_does_not_matter(text: str, random: Random) -> None:
    shuffled = re.sub(
        r"(?<=\|\n)(  \w+ = .*\n)+", lambda block: in_other_order(block[0], random), text
    )
    first, second = lang.parse_text(text), lang.parse_text(shuffled)
    assert digest(first) == digest(second)
    np.testing.assert_array_equal(outputs(first, 2), outputs(second, 2))


def in_other_order(block: str, random: Random) -> str:
    lines = block.splitlines(keepends=True)
    return "".join(random.sample(lines, len(lines)))


@given(cell_texts())
def test_renaming_changes_nothing_that_is_computed(text: str) -> None:
    first = lang.parse_text(text)
    steps = (first.step, first.first)
    names = {part.name for step in steps for part in (*step.equations, *step.weights)}
    names |= {constant.name for constant in first.constants} | set(first.options)
    renamed = re.sub(rf"\b({'|'.join(names)})\b(?!_)", rf"\1{RENAMED}", text)
    second = lang.parse_text(renamed)
    np.testing.assert_array_equal(outputs(first, 2), outputs(second, 2))
    for count in (counts.weights, counts.multiply_adds):
        assert count(first, INPUTS, UNITS, 2) == count(second, INPUTS, UNITS, 2)
    assert digest(first) != digest(second)


def by_schedule(
    step: ir.Step, cell: ir.Cell, sizes: ir.Sizes, weights: dict, x: np.ndarray
) -> np.ndarray:
    """The output of one layer, computed the hoisted way in NumPy: `before` for all steps at once,
    then the loop.
    """
    plan = passes.schedule(step)
    constants = reference.constants(cell, sizes)
    fixed = {"constant": constants, "weight": weights, "fixed": weights}
    before: dict[str, np.ndarray] = {}
    for equation in plan.before:
        value = reference.evaluate(
            equation.expr, {**fixed, "input": cell.split(x), "value": before}, sizes
        )
        before[equation.name] = np.broadcast_to(value, (*x.shape[:2], sizes.of(equation.size)))
    state = reference.start(cell, weights, sizes, len(x))
    rows = []
    for t in range(x.shape[1]):
        now = {name: value[:, t] for name, value in before.items()}
        for equation in plan.loop:
            values = {**fixed, "value": now, "previous": state, "time": {"t": np.asarray(float(t))}}
            value = reference.evaluate(equation.expr, values, sizes)
            now[equation.name] = np.broadcast_to(value, (len(x), sizes.of(equation.size)))
        state = {name: now[name] for name in state}
        rows.append(now[cell.output])
    return np.stack(rows, axis=1)


def hoists_nothing_wrong(cell: ir.Cell) -> None:
    columns = cell.columns(INPUTS)
    sizes = ir.sizes(cell, columns, UNITS, 1)
    weights = reference.random_weights(cell, columns, UNITS, 1, np.random.default_rng(0))[0]
    masks = {weight.name: reference.mask(cell, weight, sizes) for weight in cell.first.weights}
    weights |= {name: weights[name] * mask for name, mask in masks.items() if mask is not None}
    drawn = probes(cell, INPUTS, (BATCH, TIME), np.random.default_rng(1))
    x = np.concatenate([*drawn.values()], -1)
    expected = reference.run(cell, [weights], x, UNITS).outputs
    np.testing.assert_allclose(
        by_schedule(cell.first, cell, sizes, weights, x), expected, atol=1e-12
    )


@given(cell_texts())
def test_hoisting_out_of_the_loop_changes_nothing(text: str) -> None:
    hoists_nothing_wrong(lang.parse_text(text))


@pytest.mark.parametrize("name", built_in_names())
def test_hoisting_out_of_the_loop_changes_no_zoo_cell(name: str) -> None:
    hoists_nothing_wrong(lang.load(name, options={"modules": 2} if name == "clockwork" else None))


def test_a_state_that_needs_no_state_leaves_the_loop_and_is_still_carried() -> None:
    cell = lang.parse_text("name: q\nequations: |\n  u = tanh(W @ x)\n  h = tanh(R @ u[t-1])\n")
    assert [equation.name for equation in passes.schedule(cell.step).before] == ["u"]
    hoists_nothing_wrong(cell)


def test_matrices_of_one_name_begin_alike_in_all_layers() -> None:
    """`V` multiplies a state in the upper layers only; the text must bring the same initialiser
    back for both.
    """
    text = "name: q\nequations: |\n  e = tanh(W @ x + R @ h[t-1])\n  h = V @ e\n"
    cell = lang.parse_text(text + "first_layer: |\n  e = tanh(W @ x)\n  h = V @ e + h[t-1]\n")
    starts = {
        weight.init.name
        for step in (cell.step, cell.first)
        for weight in step.weights
        if weight.name == "V"
    }
    assert starts == {"orthogonal"}
    assert lang.parse_text(cell_text(cell)) == cell


def test_an_option_that_nothing_needs_any_more_is_not_part_of_a_variant(tmp_path: Path) -> None:
    (tmp_path / "leak.yaml").write_text(
        "name: leak\noptions: {k: 0.5}\nequations: |\n  h = tanh(W @ x + k * h[t-1])\n"
    )
    (tmp_path / "full.yaml").write_text(
        "name: full\nextends: leak\nequations: |\n  h = tanh(W @ x + h[t-1])\n"
    )
    assert lang.load("leak", tmp_path).options == {"k": 0.5}
    assert lang.load("full", tmp_path).options == {}
    again = lang.load("leak", tmp_path, options={"k": 0.25})
    assert digest(again) != digest(lang.load("leak", tmp_path))


def test_neither_is_one_that_only_a_constant_named_which_is_gone(tmp_path: Path) -> None:
    (tmp_path / "slow.yaml").write_text(
        "name: slow\noptions: {k: 0.5}\nconstants: |\n  T = k * unit\n"
        "equations: |\n  h = tanh(W @ x + T * h[t-1])\n"
    )
    (tmp_path / "heir.yaml").write_text(
        "name: heir\nextends: slow\nequations: |\n  h = tanh(W @ x + h[t-1])\n"
    )
    cell = lang.load("heir", tmp_path)
    assert (cell.constants, cell.options) == ((), {})
    assert lang.parse_text(cell_text(cell)) == cell


def test_the_input_projections_of_an_lstm_leave_the_loop() -> None:
    plan = passes.schedule(lang.load("lstm").step)
    assert multiplied(plan.before) == {ir.Ref("input", "x", ("inputs",))}
    assert multiplied(plan.loop) == {ir.Ref("previous", "h", ("units",))}


def multiplied(equations: Iterable[ir.Equation]) -> set[ir.Expr]:
    """What the products of these equations multiply with a matrix."""
    return {product.args[1] for equation in equations for product in ir.products(equation.expr)}


JUNK = st.one_of(
    st.text(max_size=3),
    st.sampled_from(
        ["[t-1]", " @ ", "(", ")", "\n", ": ", "below.", "- ", "|", "x", "1e9", "#", "  "]
    ),
)


@given(
    cell_texts(),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 4), JUNK), min_size=1, max_size=4),
)
@settings(max_examples=examples(300))
def test_damaged_text_gives_a_cell_or_mistakes_with_a_place_and_nothing_else(
    text: str, damages: list[tuple[int, int, str]]
) -> None:
    for position, length, junk in damages:
        start = position % max(len(text), 1)
        text = text[:start] + junk + text[start + length :]
    reads_or_says_where(text)


@pytest.mark.parametrize("name", ["sources", *cells(compiled())])
def test_a_zoo_file_that_is_cut_short_or_lacks_a_line_never_crashes(name: str) -> None:
    text = (ZOO / f"{name}.yaml").read_text()
    lines = text.splitlines(keepends=True)
    for cut in range(10):
        reads_or_says_where(text[: len(text) * cut // 10])
    for gone in range(len(lines)):
        reads_or_says_where("".join(lines[:gone] + lines[gone + 1 :]))


def reads_or_says_where(text: str) -> None:
    """Either a cell that survives printing, or mistakes; anything else that is raised is a bug."""
    try:
        cell = lang.parse_text(text, "cell.yaml")
    except UsageError as error:
        assert str(error)
        return
    except SpecError as error:
        mistakes = error.mistakes
        assert mistakes
        lines = text.split("\n")
        for mistake in mistakes:
            assert mistake.problem
            # a cell that it extends may have an equation that no longer fits
            if mistake.span.file == "cell.yaml":
                assert 1 <= mistake.span.line <= len(lines) + 1
            assert mistake.span.column >= 1
        return
    assert lang.parse_text(cell_text(cell)) == cell


NESTED = {
    "parentheses": "(" * 300 + "x" + ")" * 300,
    "signs": "-" * 1500 + "x",
    "a long sum": "+".join(["h[t-1]"] * 200),
    "powers": "2 ** " * 300 + "2",
    "calls": "tanh(" * 200 + "x" + ")" * 200,
    "brackets of all kinds": "([{" * 100,
}


@pytest.mark.parametrize("expression", NESTED.values(), ids=NESTED)
def test_an_expression_without_end_is_refused(expression: str) -> None:
    with pytest.raises(SpecError):
        lang.parse_text(f"name: q\nequations: |\n  h = {expression}\n")


def test_sizes_that_contradict_each_other_are_refused_and_end() -> None:
    """`a` would be of size units if `a2` is of size inputs, and the other way round: inference must
    not go on for ever.
    """
    text = (
        "name: q\n"
        "equations: |\n"
        "  k = 1\n"
        "  a = a2 + x\n"
        "  a2 = a[t-1] + p\n"
        "  h = tanh(W @ a) + k * h[t-1]\n"
    )
    with pytest.raises(SpecError, match="the operands of '\\+' differ in size"):
        lang.parse_text(text)


ARGUMENTS = {"where": 1}  # the condition has no derivative


@pytest.mark.parametrize("name", [name for name, op in ELEMENTWISE.items() if op.derivatives])
def test_every_derivative_agrees_with_differences(name: str) -> None:
    op = ELEMENTWISE[name]
    rng = np.random.default_rng(3)
    args = [rng.uniform(0.2, 1.8, 50) for _ in range(op.arity)]
    if op.arity == 1 and name not in ("log", "sqrt"):
        args[0] *= np.where(rng.random(50) < 0.5, 1, -1)
    if name == "where":
        args[0] = (rng.random(50) < 0.5) * 1.0
    result = op.numpy(*args)
    for number in range(ARGUMENTS.get(name, 0), op.arity):
        up, down = list(args), list(args)
        up[number], down[number] = args[number] + 1e-6, args[number] - 1e-6
        numeric = (op.numpy(*up) - op.numpy(*down)) / 2e-6
        symbolic = np.broadcast_to(derivative(op.derivatives[number], args, result), numeric.shape)
        np.testing.assert_allclose(symbolic, numeric, rtol=1e-5, atol=1e-7)


def derivative(text: str, args: list[np.ndarray], result: np.ndarray) -> np.ndarray:
    """A derivative's text, read as the engine reads it and evaluated by the reference."""
    values = dict(zip(OPERANDS, args)) | {"y": result}
    return reference.evaluate(formula(text), {"value": values}, ir.Sizes(1, 1, {}))


def test_no_operation_has_a_hole_in_its_row() -> None:
    for name, op in ELEMENTWISE.items():
        assert op.name == name
        assert op.lowering
        # choices have LaTeX for those within each other, too (`lang.latex`)
        form = "{} {} {}" if op is where else op.latex_form
        assert "{" in form
        assert not op.derivatives or len(op.derivatives) == op.arity
        assert form.format(*"abc"[: op.arity])


def slips(line: str) -> Iterator[str]:
    """The line of an equation with one slip, of each kind and at each place."""
    for pattern, slipped in (
        (r" @ ", (" * ", " ", " / ", " + ", " ** ")),
        (r" \* ", (" @ ", " ", " . ", " \N{MIDDLE DOT} ")),
        (r"\[t-1\]", ("", "[t]", "[t-2]", "_prev")),
        (r"\b[A-Za-z]\w*", ("foo", "Foo")),
        (r"[()]", ("",)),
    ):
        for match in re.finditer(pattern, line):
            yield from (line[: match.start()] + text + line[match.end() :] for text in slipped)
    for match in re.finditer(r"\b[A-Za-z]\w*", line):
        yield f"{line[: match.end()]}_t{line[match.end() :]}"


def test_a_slip_in_an_equation_is_at_most_one_message() -> None:
    lines = [line.partition("#")[0] for line in (ZOO / "lstm.yaml").read_text().split("\n")]
    wrong = 0
    for number, line in enumerate(lines):
        for slipped in slips(line) if " = " in line else ():
            try:
                lang.parse_text("\n".join([*lines[:number], slipped, *lines[number + 1 :]]))
            except SpecError as error:
                assert len(error.mistakes) == 1, f"{slipped}\n{error}"
                wrong += 1
    assert wrong > 100
