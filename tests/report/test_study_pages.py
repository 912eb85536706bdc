"""Numbers on the pages of studies: those of the map, of results/ and of the table of engine.md."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import chain, combinations
from statistics import mean

import pytest

from rnnzoo.spec.trial import PILOT, ROUND
from tools.recorded import ROOT
from tools.studies import PAGE, STUDIES, Study

BOUNDS = re.compile(r"[+-]\d+\.\d+ to [+-]\d+\.\d+")
SOLVED = re.compile(r"(\d+) of \d+ \((\d+) % to (\d+) %\)")
MEAN = re.compile(r"(\d+\.\d+) of (\d+)")
SPENT = re.compile(r"(\d+) in the search, (\d+) pilots, (?:and )?(\d+) in ")
LATE = re.compile(
    r"(\d+) of (\d+) trainings of the rounds (?:on \S+ \S+ \S+ )?were best in the last\b"
)
# Claims whose page tells them otherwise: without a difference, or in fewer digits.
TOLD_OTHERWISE = {
    ("timing", "lstm_f same as lstm"),
    ("jozefowicz2015", "found_838 better than gru"),
}
SEVERAL = "all tasks"  # six pieces, of which the page has means


def page_of(study: Study) -> str:
    return (ROOT / f"docs/studies/{study.page}.md").read_text()


@cache
def trials(experiment: str) -> list[dict[str, str]]:
    """The lines of a table of trials."""
    with (ROOT / f"results/{experiment}.csv").open() as stream:
        return list(csv.DictReader(line for line in stream if not line.startswith("#")))


def stage_of(trial: dict[str, str]) -> str:
    return trial["variant"].partition("~")[2]


def rounds(experiment: str) -> list[dict[str, str]]:
    return [trial for trial in trials(experiment) if stage_of(trial) == ROUND]


def answers(study: Study) -> Iterator[list[str]]:
    """The cells of the map's lines about a study."""
    for line in PAGE.read_text().splitlines():
        if line.startswith(f"| [{study.page}]"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def as_pages_have_it(measured: str) -> list[str]:
    """Intervals, and of tasks that are solved how many trainings solve them."""
    solved = [f"{count} ({low} to {high} %)" for count, low, high in SOLVED.findall(measured)]
    return BOUNDS.findall(measured) + solved


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.page)
def test_what_the_map_says_of_a_claim_stands_on_the_page_of_its_study(study: Study) -> None:
    page = page_of(study)
    for _, task, claim, _, _, measured, _ in answers(study):
        if task == SEVERAL or (study.page, claim) in TOLD_OTHERWISE:
            continue
        for numbers in as_pages_have_it(measured):
            assert numbers in page, f"{claim}: {numbers}"


def shown_means(page: str) -> Iterator[tuple[str, int]]:
    """The means of fresh trainings in tables, each with how many they are."""
    is_of_means = False
    for line in page.splitlines():
        is_of_means = line.startswith("|") and (is_of_means or "fresh mean" in line)
        if is_of_means:
            for shown, count in MEAN.findall(line):
                yield shown, int(count)


def means_of_rounds(study: Study) -> list[tuple[float, int]]:
    scores: defaultdict[tuple[str, str, str], list[float]] = defaultdict(list)
    for experiment in study.experiments:
        for trial in rounds(experiment):
            scores[experiment, trial["task"], trial["variant"]].append(float(trial["test"]))
    return [(mean(of_variant), len(of_variant)) for of_variant in scores.values()]


WITH_MEANS = [study for study in STUDIES if any(shown_means(page_of(study)))]


@pytest.mark.parametrize("study", WITH_MEANS, ids=lambda study: study.page)
def test_a_mean_of_fresh_trainings_is_that_of_the_table_of_trials(study: Study) -> None:
    known = means_of_rounds(study)
    for shown, count in shown_means(page_of(study)):
        nearest = min(abs(float(shown) - score) for score, number in known if number == count)
        assert nearest < 0.50001e-3, f"{shown} of {count}"


def test_pages_that_have_means_of_fresh_trainings() -> None:
    of_rounds = {study.page for study in STUDIES if any(map(rounds, study.experiments))}
    assert {study.page for study in WITH_MEANS} == of_rounds - {"jozefowicz2015"}  # has a test


def spent(experiment: str) -> tuple[int, int, int]:
    """How many trainings the search, the pilots and the rounds took."""
    counts = Counter(map(stage_of, trials(experiment)))
    return counts[""], counts[PILOT], counts[ROUND]


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.page)
def test_trainings_that_were_spent_are_those_of_the_table_of_trials(study: Study) -> None:
    known = {spent(experiment) for experiment in study.experiments}
    for numbers in SPENT.findall(page_of(study)):
        assert tuple(map(int, numbers)) in known, numbers


def best_in_the_last_epoch(study: Study) -> set[tuple[int, int]]:
    """How many trainings of the rounds were, of how many: on each set of tasks of an experiment."""
    known = set()
    for experiment in study.experiments:
        epochs = max(len(trial["curve"].split()) for trial in trials(experiment))
        late: dict[str, list[bool]] = {}
        for trial in rounds(experiment):
            late.setdefault(trial["task"], []).append(trial["best_epoch"] == str(epochs))
        for tasks in chain.from_iterable(combinations(late, n + 1) for n in range(len(late))):
            chosen = [is_late for task in tasks for is_late in late[task]]
            known.add((sum(chosen), len(chosen)))
    return known


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.page)
def test_trainings_that_were_best_in_the_last_epoch_are_counted(study: Study) -> None:
    known = best_in_the_last_epoch(study)
    for late, count in LATE.findall(page_of(study)):
        assert (int(late), int(count)) in known, f"{late} of {count}"


def fastest(cell: str, shape: str) -> float:
    """Milliseconds of a step in the table of engine.md, under TensorFlow or JAX."""
    table = (ROOT / "docs/engine.md").read_text().partition("<!-- bench -->")[2]
    (line,) = re.findall(rf"^\| {cell} \| {shape} \| (.*)$", table, re.M)
    return float(re.findall(r"\*\*(\d+\.\d+)\*\*", line)[0])


def test_a_clockwork_takes_the_time_that_the_table_of_the_engine_has() -> None:
    page = (ROOT / "docs/studies/koutnik2014.md").read_text()
    lines = re.findall(r"^\| (\d+ x \d+ x \d+ x \d+) \| (.*) \|$", page, re.M)
    assert len(lines) == 4
    for shape, numbers in lines:
        clockwork, plain = (fastest(cell, shape.replace(" ", "")) for cell in ("clockwork", "rnn"))
        assert numbers == f"{clockwork:.2f} | {plain:.2f} | {plain / clockwork:.2f}"


def test_the_engine_tells_of_a_clockwork_what_its_table_has() -> None:
    page = (ROOT / "docs/engine.md").read_text()
    (told,) = re.findall(r"^- \*\*`clockwork`\*\* with 8 modules takes (.*)$", page, re.M)
    shares = {
        shape: fastest("clockwork", shape) / fastest("rnn", shape)
        for shape in ("32x100x128x128", "32x60x88x200", "64x200x256x256", "32x100x32x64")
    }
    assert re.findall(r"\d\.\d\d", told)[:4] == [f"{share:.2f}" for share in shares.values()]


def test_the_walk_through_the_lstm_quotes_what_pages_of_studies_say() -> None:
    pages = "".join(map(page_of, STUDIES))
    walk = (ROOT / "docs/understanding-lstms.md").read_text()
    quoted = BOUNDS.findall(walk)
    assert len(quoted) > 15
    assert not [bounds for bounds in quoted if bounds not in pages]
