"""The paper's tables beside ours: written from results/, and the paper's numbers as printed."""

from __future__ import annotations

import csv
import math
from statistics import mean

import pytest

from tools.paper_tables import (
    ACCURACIES,
    CELLS,
    MUSIC,
    PAGE,
    ROOT,
    WORDS,
    tables,
    third_table,
    with_tables,
)

REMAKE = "python -m tools.paper_tables writes them anew"


def test_the_tables_are_what_the_trials_say() -> None:
    page = PAGE.read_text()
    assert with_tables(page, tables()) == page, REMAKE


def scores(study: str, variant: str, task: str) -> list[float]:
    """The scores of a table of trials on test, by its own lines."""
    with (ROOT / f"results/{study}.csv").open() as stream:
        trials = csv.DictReader(line for line in stream if not line.startswith("#"))
        return [
            float(trial["test"])
            for trial in trials
            if (trial["variant"], trial["task"]) == (variant, task)
        ]


def row_of(cell: str, paper: str) -> str:
    """The line of the page with a cell's name and its first number in the paper."""
    begin = f"| {cell} | {paper}"
    (line,) = (line for line in PAGE.read_text().splitlines() if line.startswith(begin))
    return line


def test_a_mean_of_rounds_is_that_of_the_table_of_trials() -> None:
    errors = scores("jozefowicz2015_gates", "mut1~round", "arithmetic")
    assert f"| {1.0 - mean(errors):.3f} of {len(errors)} |" in row_of("MUT1", "0.92135")
    nats = scores("jozefowicz2015_music", "mut1~round", "piano_midi")
    assert row_of("MUT1", "3.254").endswith(f"| {mean(nats):.3f} of {len(nats)} |")
    of_tunes = scores("jozefowicz2015_tunes", "mut1~round", "nottingham")
    assert f"| {mean(of_tunes):.3f} of {len(of_tunes)} | 3.376 |" in row_of("MUT1", "3.254")


@pytest.mark.parametrize("numbers", [ACCURACIES, MUSIC, WORDS])
def test_each_cell_of_the_paper_stands_in_each_of_its_tables(numbers: dict[str, object]) -> None:
    assert [*numbers] == [*CELLS]


@pytest.mark.parametrize("name", [name for name in CELLS if name != "LSTM-f"])
def test_a_perplexity_is_the_exponential_of_the_nats_beside_it(name: str) -> None:
    *_, nats, perplexity = WORDS[name]
    assert math.exp(nats) == pytest.approx(perplexity, rel=1.5e-3)  # nats have three decimals


def test_of_one_cell_the_paper_prints_another_perplexity_than_its_nats() -> None:
    *_, nats, perplexity = WORDS["LSTM-f"]
    assert math.exp(nats) == pytest.approx(100.1, abs=0.1)
    assert perplexity == 100.8


def test_what_was_not_trained_has_a_dash() -> None:
    assert all(line.endswith("| — |") for line in third_table().splitlines()[2:])
    assert "| — | 3.429 | — |" in row_of("MUT2", "3.372")  # Nottingham: no rounds, no dropout
