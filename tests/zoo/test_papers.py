"""The cells of the zoo against what their papers print (`tests/zoo/papers`)."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable

import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.lang import ir, reference
from rnnzoo.lang.carriers import is_carrier
from rnnzoo.lang.probes import probes
from rnnzoo.lang.view import view
from rnnzoo.spec.cell import built_in_names
from tests.zoo import papers
from tests.zoo.papers import Values

STEPS, SEQUENCES = 7, 2
SIZES = [(3, 4), (1, 8), (5, 12)]  # inputs, units
Step = Callable[..., Values]
# The first of the zoo, which other tests compare with Keras' layers, with the sizes and properties
# that papers print, or with one another.
FIRST = (
    "cifg", "clockwork", "coupled", "depth_gated", "fgr", "gru", "gru_reset_after", "lstm", "mut1",
    "mut2", "mut3", "nfg", "niaf", "nig", "noaf", "nog", "np", "peephole", "rnn",
)  # fmt: skip


def printed() -> dict[str, Step]:
    """The cells as papers print them, by name."""
    steps: dict[str, Step] = {}
    for module in pkgutil.iter_modules(papers.__path__, f"{papers.__name__}."):
        for name, step in inspect.getmembers(importlib.import_module(module.name)):
            is_cell = inspect.isfunction(step) and step.__module__ == module.name
            if is_cell and not name.startswith("_"):
                assert name not in steps, f"{name} is there twice"
                steps[name] = step
    return steps


PRINTED = printed()


def outputs(step: Step, cell: ir.Cell, weights: reference.Values, read: Values, units: int):
    """What a step gives over one sequence, (time, units)."""
    sizes = ir.sizes(cell, cell.columns(read["x"].shape[-1]), units, 1)
    of_state = {state.name: sizes.of(state.size) for state in cell.states}
    parameters = [*inspect.signature(step).parameters.values()][2:]
    before = [
        parameter.name
        for parameter in parameters
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    asked = [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    values = {name: np.zeros(of_state.get(name, units)) for name in before}
    rows = []
    for t in range(len(read["x"])):
        now = {name: value[t] for name, value in read.items()}
        known = {**cell.options, **now, "units": units, "t": t}
        last = (values[name] for name in before)
        values = step(weights, now["x"], *last, **{name: known[name] for name in asked})
        rows.append(values[cell.output])
    return np.stack(rows)


@pytest.mark.parametrize(("inputs", "units"), SIZES)
@pytest.mark.parametrize("name", PRINTED)
def test_a_cell_is_what_its_paper_prints(name: str, inputs: int, units: int) -> None:
    is_as_printed(name, lang.load(name), inputs, units)


IN_HEADS = [name for name in PRINTED if "heads" in lang.load(name).options]


@pytest.mark.parametrize("name", IN_HEADS)
def test_a_cell_is_what_its_paper_prints_with_several_heads(name: str) -> None:
    is_as_printed(name, view(name, options={"heads": 2}).ir, 3, 10)


def is_as_printed(name: str, cell: ir.Cell, inputs: int, units: int) -> None:
    rng = np.random.default_rng(units)
    (weights,) = reference.random_weights(cell, cell.columns(inputs), units, 1, rng)
    delays = sum(is_carrier(state.name) for state in cell.states)  # so that all are read
    drawn = probes(cell, inputs, (SEQUENCES, STEPS + delays), rng)
    x = np.concatenate([*drawn.values()], -1)
    computed = reference.run(cell, [weights], x, units).outputs
    for number, output in enumerate(computed):
        read = {name: value[number] for name, value in drawn.items()}
        expected = outputs(PRINTED[name], cell, weights, read, units)
        np.testing.assert_allclose(output, expected, rtol=0, atol=1e-12)


def test_every_cell_but_the_first_is_there_as_its_paper_prints_it() -> None:
    assert sorted([*PRINTED, *FIRST]) == sorted(built_in_names())


@pytest.mark.parametrize("name", PRINTED)
def test_what_is_printed_says_where(name: str) -> None:
    said = PRINTED[name].__doc__ or ""
    assert re.search(r"\b(19|20)\d\d\b", said)
    assert "quation" in said


def test_units_that_are_no_pairs_are_rotated_too() -> None:
    is_as_printed("goru", lang.load("goru"), 3, 5)


@pytest.mark.parametrize(("name", "key"), [("slstm", "W_i"), ("rwkv4", "W_k")])
def test_the_first_step_is_read_however_little_it_weighs(name: str, key: str) -> None:
    cell, rng = lang.load(name), np.random.default_rng(0)
    (weights,) = reference.random_weights(cell, 3, 4, 1, rng)
    weights = {**weights, key: 1e3 * weights[key]}  # of whose exponentials some are 0 in float64
    x = rng.normal(size=(SEQUENCES, STEPS, 3))
    assert np.isfinite(reference.run(cell, [weights], x, 4).outputs).all()
