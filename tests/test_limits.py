"""Every limit of a file: what is as large as it may be is read, what is one larger is refused with
its place and a way out.

The tables of limits in docs/language.md and docs/experiments.md are those of the code.
"""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.errors import MAX_MISTAKES, SpecError, UsageError
from rnnzoo.lang import counts, ir, parse, reference
from rnnzoo.lang.check import MAX_BLOCK, MAX_ENTRIES
from rnnzoo.lang.check.rounds import MAX_ROUNDS
from rnnzoo.lang.text import cell_text
from rnnzoo.spec import cell as cells
from rnnzoo.spec import document, hyperparameters, read_experiment, space
from rnnzoo.spec.read_experiment import keys, parse_experiment

DOCS = Path(__file__).parents[1] / "docs"
HEAD = "name: q\nequations: |\n"
CELL = HEAD + "  h = tanh(W @ x + R @ h[t-1])\n"
CONFIRM = "margin: 1\nsearch: {{space: {{dropout: {{float: [0, 0.5]}}}}}}\n"
EXPERIMENT = "experiment: e\ntask: adding\nvariants: [lstm, gru]\n"


@dataclass(frozen=True)
class Limit:
    """One row of a table in the manual.

    Attributes:
        name: as the manual calls it.
        file: the text of a file that has so many, and is right if that is not too many.
        refusal: what is said where it is.
        step: how many more are too many.
    """

    name: str
    most: int
    file: Callable[[int], str]
    refusal: str
    step: int = 1


def tree(leaves: list[str]) -> str:
    """A sum of all leaves that is as flat as can be."""
    while len(leaves) > 1:
        pairs = [f"({a}+{b})" for a, b in zip(leaves[::2], leaves[1::2])]
        leaves = pairs + leaves[2 * len(pairs) :]
    return leaves[0]


def parts(count: int) -> str:
    """An expression of so many names, numbers and operations."""
    return tree(["2"] * ((count + 1) // 2)) if count % 2 else "-" + tree(["2"] * (count // 2))


def layer(count: int) -> str:
    """Equations of so many parts in all: nine of 199, one of what is left, and their sum, which has
    21.
    """
    sizes = [*[199] * 9, count - 9 * 199 - 21]
    lines = "".join(f"  v{n} = {parts(size)}\n" for n, size in enumerate(sizes))
    return f"{HEAD}{lines}  h = {tree([f'v{n}' for n in range(10)] + ['h[t-1]'])}\n"


def chain(count: int) -> str:
    lines = "".join(f"  v{n} = v{n - 1} + 1\n" for n in range(1, count - 1))
    return f"{HEAD}  v0 = tanh(W @ x)\n{lines}  h = v{count - 2} + h[t-1]\n"


def wide(rows: int, columns: int) -> str:
    """A cell with a matrix of this shape, between two that fit it."""
    shapes = (
        f"  E: {{shape: [{columns}, inputs]}}\n"
        f"  G: {{shape: [{rows}, {columns}]}}\n"
        f"  H: {{shape: [units, {rows}]}}\n"
    )
    return f"{HEAD}  h = tanh(H @ (G @ (E @ x)) + R @ h[t-1])\nweights:\n{shapes}"


def entries(key: str, lines: list[str]) -> str:
    return f"{key}:\n" + "".join(f"  - {line}\n" for line in lines)


def nested(depth: int) -> str:
    """A file whose innermost value is so many levels below the whole."""
    return EXPERIMENT.replace(
        "adding", "{name: adding, a: " + "[" * (depth - 2) + "1" + "]" * (depth - 2) + "}"
    )


def number(where: str) -> Callable[[int], str]:
    return lambda n: EXPERIMENT + where.format(n)


OF_FILES_AND_CELLS = (
    Limit(
        "KiB of a file",
        document.MAX_BYTES // 1024,
        lambda n: CELL + "#" * (n * 1024 - len(CELL)),
        "larger than 256 KiB",
    ),
    Limit(
        "values in a file",
        document.MAX_NODES,
        lambda n: CELL + f"source: [{'a, ' * (n - 7)}]\n",
        "more than 20000 values",
    ),
    Limit(
        "lists and tables within each other",
        document.MAX_DEPTH,
        nested,
        "nested more than 16 levels deep",
    ),
    Limit(
        "characters of a key",
        document.MAX_KEY,
        lambda n: EXPERIMENT.replace("adding", f"{{name: adding, {'k' * n}: 1}}"),
        "a key of more than 100 characters",
    ),
    Limit(
        "characters of a text",
        document.MAX_TEXT,
        lambda n: f"{CELL}title: {'a' * n}\n",
        "`title` has more than 2000",
    ),
    Limit(
        "characters of a number",
        document.MAX_DIGITS,
        lambda n: f"{CELL}init: {{W: 0.{'1' * (n - 2)}}}\n",
        "a number of more than 40 characters",
    ),
    Limit(
        "characters of a name",
        cells.MAX_NAME,
        lambda n: f"{HEAD}  {'h' * n} = tanh(W @ x + {'h' * n}[t-1])\noutput: {'h' * n}\n",
        "a name of more than 40 characters",
    ),
    Limit("equations in a block", cells.MAX_EQUATIONS, chain, "more than 200 equations"),
    Limit(
        "steps of a lag",
        parse.MAX_LAG,
        lambda n: f"{HEAD}  h = tanh(W @ x + h[t-{n}])\n",
        "more than 100 steps back",
    ),
    Limit(
        "rounds of a block",
        MAX_ROUNDS,
        lambda n: f"{HEAD}  h[0] = h[t-1]\n  repeat k to {n}:\n    h = tanh(W @ x + h[k-1])\n",
        "51 is no number of rounds",
    ),
    Limit(
        "names, numbers and operations in an expression",
        parse.MAX_PARTS,
        lambda n: f"{HEAD}  h = h[t-1] + {parts(n - 2)}\n",
        "an expression of more than 500",
    ),
    Limit(
        "operations within each other",
        parse.MAX_DEPTH,
        lambda n: f"{HEAD}  h = {'-' * n}h[t-1]\n",
        "nested too deep: more than 60",
    ),
    Limit(
        "characters of an expression",
        parse.MAX_CHARACTERS,
        lambda n: f"{HEAD}  h = (h[t-1]{' ' * (n - 8)})\n",
        "an expression of more than 30000 characters",
    ),
    Limit(
        "names, numbers and operations in a block", MAX_BLOCK, layer, "equations of more than 2000"
    ),
    Limit(
        "rows or columns of a weight that stand in the file",
        cells.MAX_SIZE,
        lambda n: wide(n, 2),
        "from 1 to 100000",
    ),
    Limit(
        "entries of a weight that stand in the file",
        MAX_ENTRIES,
        lambda n: wide(n // 1000, 1000),
        "of one weight are too many",
        1000,
    ),
)
OF_EXPERIMENTS = (
    Limit(
        "characters of a label",
        keys.MAX_LABEL,
        lambda n: f"experiment: {'e' * n}\n{EXPERIMENT.partition(chr(10))[2]}",
        "cannot be the name of an experiment",
    ),
    Limit(
        "variants",
        keys.MAX_VARIANTS,
        lambda n: (
            "experiment: e\ntask: adding\n"
            + entries("variants", [f"{{name: v{number}, cell: rnn}}" for number in range(n)])
        ),
        "`variants` has more than 200 entries",
    ),
    Limit(
        "tasks",
        keys.MAX_TASKS,
        lambda n: (
            "experiment: e\nvariants: [rnn]\n"
            + entries("tasks", [f"{{name: adding, label: t{number}}}" for number in range(n)])
        ),
        "`tasks` has more than 50 entries",
    ),
    Limit(
        "claims",
        keys.MAX_CLAIMS,
        lambda n: (
            EXPERIMENT
            + entries("claims", [f"lstm same as gru within {number + 1}" for number in range(n)])
        ),
        "`claims` has more than 200 entries",
    ),
    Limit(
        "choices of a hyper-parameter",
        space.MAX_CHOICES,
        lambda n: (
            EXPERIMENT
            + (
                "search: {space: {units: {choice:"
                f" [{', '.join(map(str, range(1, n + 1)))}]}}}}}}\n"
            )
        ),
        "`choice` has more than 1000 entries",
    ),
    Limit(
        "known points of a search",
        keys.MAX_POINTS,
        lambda n: f"{EXPERIMENT}search: {{points: [{', '.join(['{units: 64}'] * n)}]}}\n",
        "`points` has more than 1000 entries",
    ),
    Limit("trials", keys.MAX_TRIALS, number("search: {{trials: {}}}\n"), "`trials` is"),
    Limit("seed", keys.MAX_SEED, number("search: {{seed: {}}}\n"), "`seed` is"),
    Limit(
        "epochs, patience",
        hyperparameters.MAX_EPOCHS,
        number("training: {{epochs: {0}, patience: {0}}}\n"),
        "`epochs` is",
    ),
    Limit(
        "replicates",
        keys.MAX_REPLICATES,
        number("select: {{replicates: {}}}\n"),
        "`replicates` is",
    ),
    Limit(
        "times that a trial is begun again",
        keys.MAX_RETRIES,
        number("resources: {{retry: {{failed: {}}}}}\n"),
        "`failed` is",
    ),
    Limit(
        "rounds of `confirm`",
        keys.MAX_ROUNDS,
        number(CONFIRM + "confirm: {{most: {}}}\n"),
        "`most` is",
    ),
    Limit(
        "pilots of `confirm`",
        keys.MAX_PILOTS,
        number(CONFIRM + "confirm: {{pilot: {}}}\n"),
        "`pilot` is",
    ),
    *(
        Limit(
            f"`{name}`",
            int(hyperparameters.HYPERPARAMETERS[name].legal.high),
            number(f"search: {{{{space: {{{{{name}: {{}}}}}}}}}}\n"),
            f"'{name}' is at most",
        )
        for name in ("units", "layers", "batch")
    ),
)


@pytest.fixture(
    params=[*OF_FILES_AND_CELLS, *OF_EXPERIMENTS],
    ids=lambda limit: limit.name.strip("`").replace(" ", "_"),
)
def limit(request: pytest.FixtureRequest) -> Limit:
    limit: Limit = request.param
    return limit


def read(text: str, folder: Path) -> None:
    path = folder / "spec.yaml"
    path.write_text(text)
    if "experiment:" in text[:20]:
        read_experiment.read(path)
    else:
        cell = lang.load(str(path))
        # printing may make it longer, as with `a+b`
        assert lang.parse_text(cell_text(cell)) == cell


def test_what_is_as_large_as_it_may_be_is_read(limit: Limit, tmp_path: Path) -> None:
    read(limit.file(limit.most), tmp_path)


def test_one_more_is_refused_with_its_place_and_what_to_do(limit: Limit, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=re.escape(limit.refusal)) as caught:
        read(limit.file(limit.most + limit.step), tmp_path)
    (mistake, *_) = [
        mistake for mistake in caught.value.mistakes if limit.refusal in mistake.problem
    ]
    assert mistake.span.line >= 1
    assert mistake.fix or "at most" in mistake.problem


OTHERS = {  # of several files, of what is made of a file, of messages
    "cells that extend each other": cells.MAX_EXTENDS,
    "entries of a mask": reference.MAX_MASK,
    "mistakes that are shown": MAX_MISTAKES,
}


PAGES = {
    "language.md": {**{limit.name: limit.most for limit in OF_FILES_AND_CELLS}, **OTHERS},
    "experiments.md": {limit.name: limit.most for limit in OF_EXPERIMENTS},
}


@pytest.mark.parametrize("page", PAGES)
def test_the_table_of_limits_in_the_manual_is_that_of_the_code(page: str) -> None:
    table = (
        (DOCS / page).read_text(encoding="utf-8").partition("<!-- limits")[2].partition("\n\n")[0]
    )
    rows = re.findall(r"^\| ([^|]+) \| ([0-9,]+) \|", table, re.MULTILINE)
    assert {name: int(most.replace(",", "")) for name, most in rows} == PAGES[page]


@pytest.mark.parametrize("length", [cells.MAX_EXTENDS, cells.MAX_EXTENDS + 1])
def test_so_many_cells_may_extend_each_other(length: int, tmp_path: Path) -> None:
    for number in range(length - 1):
        above = f"c{number + 1}" if number + 2 < length else "lstm"
        (tmp_path / f"c{number}.yaml").write_text(f"name: c{number}\nextends: {above}\n")
    if length <= cells.MAX_EXTENDS:
        assert lang.load("c0", tmp_path).states
    else:
        with pytest.raises(
            SpecError, match=r"c9\.yaml:2:10: more than 10 cells of which each extends the next"
        ):
            lang.load("c0", tmp_path)


def test_equations_that_are_inherited_count_too(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(chain(cells.MAX_EQUATIONS))
    (tmp_path / "more.yaml").write_text(
        "name: more\nextends: base\nequations: |\n  o = tanh(W @ x)\n  h = o * v198 + h[t-1]\n"
    )
    with pytest.raises(SpecError, match=r"more\.yaml:4:3: more than 200 equations"):
        lang.load("more", tmp_path)


def test_a_mask_that_is_too_large_to_be_made_is_refused_when_it_is_asked_for() -> None:
    cell = lang.parse_text(CELL + "weights:\n  R:\n    mask: row >= col\n")
    units = int(reference.MAX_MASK**0.5) + 1
    with pytest.raises(
        UsageError,
        match=r"the mask of 'R' would be 10,001 x 10,001, more than 100,000,000 entries\n"
        r"  fix: take",
    ):
        counts.weights(cell, 3, units)


def test_a_mask_that_is_made_in_parts_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = lang.load("clockwork", options={"modules": 4})
    (weight,) = [weight for weight in cell.step.weights if weight.mask is not None]
    sizes = ir.sizes(cell, 3, 13, 1)
    whole = reference.mask(cell, weight, sizes)
    monkeypatch.setattr(reference, "MASK_AT_ONCE", 30)  # two rows
    np.testing.assert_array_equal(reference.mask(cell, weight, sizes), whole)


def test_a_mask_takes_little_more_memory_than_it_has_entries() -> None:
    deep = "row * col"
    for _ in range(12):
        deep = f"row * col + ({deep})"
    cell = lang.parse_text(
        wide(MAX_ENTRIES // 1000, 1000).replace("1000]}", f"1000], mask: {deep}}}")
    )
    tracemalloc.start()
    counts.weights(cell, 3, 4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * 8 * MAX_ENTRIES


def test_a_mask_without_a_value_is_refused_as_a_constant_is() -> None:
    cell = lang.parse_text(CELL + "weights:\n  R:\n    mask: 1 / row >= col\n")
    with pytest.raises(UsageError, match=r"the mask of 'R' has no value with units=4\n  fix: "):
        counts.weights(cell, 3, 4)


def test_so_many_mistakes_are_shown_and_that_there_may_be_more() -> None:
    with pytest.raises(SpecError, match="There may be more mistakes") as caught:
        lang.parse_text(CELL + "".join(f"k{n}: 1\n" for n in range(1000)))
    assert len(caught.value.mistakes) == MAX_MISTAKES
    with pytest.raises(SpecError) as caught:
        lang.parse_text(CELL + "".join(f"k{n}: 1\n" for n in range(3)))
    assert "There may be more mistakes" not in str(caught.value)


def test_an_override_reaches_no_deeper_than_a_file() -> None:
    key = "task" + ".a" * 5000
    with pytest.raises(UsageError, match=r"write overrides=\[.key=value"):
        parse_experiment(EXPERIMENT, "e.yaml", Path(), [f"{key}=1"])
