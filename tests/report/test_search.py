"""The page of a search over cells."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rnnzoo.evolve import facts
from rnnzoo.evolve.history import History
from rnnzoo.evolve.plan import About
from rnnzoo.evolve.rows import Drawn, Ended, Fate, Trained, Training
from rnnzoo.lang import load
from rnnzoo.report import search
from rnnzoo.report.figures import frontier
from rnnzoo.spec.trial import Kind
from tests.evolve.worlds import plan, searched


@pytest.fixture(scope="module")
def history() -> History:
    return History.of(searched(plan(candidates=20)))


@pytest.fixture(scope="module")
def page(history: History) -> str:
    return search.page(plan().about, history, Path("experiments/found"))


def test_the_page_says_how_many_were_trained_and_which_are_best(
    page: str, history: History
) -> None:
    assert "20 candidates were trained" in re.sub(r"\s+", " ", page)
    best = max(
        (each for each in facts.trained(history) if each.fitness is not None),
        key=lambda each: each.fitness or 0.0,
    )
    assert f"<td>candidate_{best.number}</td><td>{best.fitness:.3f}</td>" in page
    assert f"small_{best.number}.yaml" in page


def test_the_page_says_whether_what_was_found_was_confirmed(
    history: History, tmp_path: Path
) -> None:
    folder, about = tmp_path / "small" / "report", plan().about
    folder.mkdir(parents=True)
    text = search.write(about, history, folder, Path("found")).read_text()
    assert "rnnzoo sweep found/small_confirmed.yaml" in text
    report = tmp_path / "small_confirmed" / "report" / "report.html"
    report.parent.mkdir(parents=True)
    report.touch()
    text = search.write(about, history, folder, Path("found")).read_text()
    assert "no confirming sweep" not in text
    (link,) = re.findall('href="([^"]*report.html)"', text)
    assert (folder / link).resolve() == report


def test_the_page_says_of_a_fitness_of_the_baseline_plus_nothing(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "on_test", lambda *_: 1.0 - 1e-6)
    text = search.page(plan().about, history, Path("experiments/found"))
    assert "and test +0.0&nbsp;%." in text
    assert "-0.0" not in text


def test_the_page_needs_nothing_else(page: str) -> None:
    assert "<script" not in page
    assert not re.findall(r"(?:src|href)=\"http", page)


def test_where_only_the_filter_was_run_the_page_is_of_those_that_passed() -> None:
    of = plan(settings=0)
    page = search.page(of.about, History.of(searched(of)), Path("found"))
    assert "<h2>The best cells" not in page
    assert "What the last that passed share" in page


def test_a_history_that_has_just_begun_has_a_page() -> None:
    assert "0 candidates were trained" in search.page(plan().about, History(), Path("found"))


def test_progress_never_falls(history: History) -> None:
    steps = facts.progress(history)
    assert [step.trained for step in steps] == list(range(1, 21))
    best = [step.best for step in steps if step.best is not None]
    assert best == sorted(best)
    assert steps[-1].passed == sum(1 for each in facts.trained(history) if each.fate is Fate.PASSED)


def test_parts_are_named_by_what_an_operation_is_applied_to() -> None:
    parts = list(facts.parts_of(load("gru")))
    assert "mul(h[t-1], sigmoid)" in parts
    assert "matmul(matrix, x)" in parts
    assert "mul(sigmoid, tanh)" in parts


def drawn(number: int, parents: tuple[int, ...], cell: str = "") -> Drawn:
    return Drawn(number, number, cell, str(number), str(number), parents, ("replace",))


def test_the_tree_has_the_best_and_all_their_parents_and_nobody_else() -> None:
    history = History()
    for number, parents in enumerate([(), (), (0,), (2,), (1,)]):
        history.add(drawn(number, parents))
        history.add(Ended(number, Fate.PASSED, fitness=1.0 if number == 3 else 0.9))
    assert [each.number for each in facts.descent(history, 1)] == [0, 2, 3]


def test_on_test_a_lead_that_was_luck_is_gone() -> None:
    about = About("small", "gru", ("parity",), {"parity": 1.0})
    history = History()
    history.add(Drawn(0, 0, "", "a", variant="gru"))
    history.add(drawn(1, (0,)))
    for number, index, validation, test in [(0, 0, 0.2, 0.2), (1, 0, 0.1, 0.2), (1, 1, 0.3, 0.1)]:
        training = Training(number, "parity", index, {})
        history.add(Trained(training, Kind.COMPLETE, validation, test))
    assert facts.on_test(about, history, 1) == pytest.approx(1.0)


def test_who_is_slower_and_no_better_is_not_on_the_frontier() -> None:
    history = History()
    for number, (step, fitness) in enumerate([(0.1, 0.9), (0.2, 0.8), (0.3, 1.1)]):
        history.add(drawn(number, ()))
        training = Training(number, "parity", 0, {})
        history.add(Trained(training, Kind.COMPLETE, 0.1, weights=9, seconds={"step": step}))
        history.add(Ended(number, Fate.PASSED, fitness=fitness))
    assert [cost.on_frontier for cost in facts.costs(history)] == [True, False, True]


def test_a_cell_that_the_search_began_with_is_named_beside_its_dot() -> None:
    costs = [facts.Cost(0, 1.0, 9, 0.2, False), facts.Cost(1, 1.1, 9, 0.1, True),
        facts.Cost(2, 0.9, 9, 0.3, False)]  # fmt: skip
    shown = frontier(costs, {0: "gru", 1: "cell_1", 2: "cell_2"}, {0})
    assert re.findall(r"<text[^>]*>(gru|cell_\d)</text>", shown) == ["gru", "cell_1"]


def test_names_of_dots_that_lie_close_stand_on_two_sides() -> None:
    costs = [facts.Cost(0, 1.02, 9, 0.00300, True), facts.Cost(1, 1.021, 9, 0.00303, True),
        facts.Cost(2, 0.9, 9, 0.009, False)]  # fmt: skip
    shown = frontier(costs, {0: "cell_10", 1: "cell_11"})
    sides = dict(re.findall(r"text-anchor: (\w+)[^>]*>(cell_\d+)<", shown))
    assert {name: side for side, name in sides.items()} == {"cell_10": "start", "cell_11": "end"}


def test_reasons_are_counted_without_their_numbers() -> None:
    history = History()
    for number, loss in enumerate((0.3, 1e-05)):
        history.add(Ended(number, Fate.FILTERED, f"the loss was {loss} after epoch {number}"))
    assert facts.reasons(history) == [("filtered: the loss was # after epoch #", 2)]


def test_a_reason_counts_as_one_however_a_history_writes_its_shares() -> None:
    history = History()
    for number, share in enumerate(("63 %", "71 %", "63%")):
        history.add(Ended(number, Fate.GATED, f"{share} of mut1's accuracy on xml"))
    assert facts.reasons(history) == [("gated: # % of mut1's accuracy on xml", 3)]
