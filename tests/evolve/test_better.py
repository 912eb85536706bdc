"""The search that docs/evolve.md tells of, and what is recorded of it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from rnnzoo.evolve import facts
from rnnzoo.evolve.found import best
from rnnzoo.evolve.history import History
from rnnzoo.spec.read_experiment import read
from rnnzoo.sweep.candidates import opened_search
from rnnzoo.sweep.recorded import about, check, rows_of

ROOT = Path(__file__).parents[2]
EXPERIMENT = ROOT / "experiments/better.yaml"
RECORDED = ROOT / "results/better.jsonl.gz"
PAGE = (ROOT / "docs/evolve.md").read_text()


@pytest.fixture(scope="module")
def history() -> History:
    return History.of(rows_of(RECORDED))


def test_the_page_has_the_experiment_as_it_is() -> None:
    (block,) = re.findall(r"```yaml\n(experiment: better\n.*?)```", PAGE, re.DOTALL)
    assert EXPERIMENT.read_text().endswith(block)


def test_what_is_recorded_is_of_this_experiment() -> None:
    check(RECORDED, opened_search(read(EXPERIMENT), source=[RECORDED]).plan.identity)


def test_the_page_has_the_fates_of_its_candidates(history: History) -> None:
    fates = Counter(str(ended.fate) for ended in facts.trained(history))
    for fate, count in fates.items():
        assert f"| {fate} | {count} |" in PAGE


def test_the_page_has_its_best_cells(history: History) -> None:
    for ended in best(history, 5):
        test = facts.on_test(about(RECORDED), history, ended.number)
        assert f"| `better_{ended.number}` | {ended.fitness:.3f} | {test:.3f} |" in PAGE
