"""What so many hours bring, against schedules that are counted by hand."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rnnzoo import tasks
from rnnzoo.api import expected, planning, within
from rnnzoo.api.within import Searched
from rnnzoo.cli import within as text
from rnnzoo.errors import UsageError
from rnnzoo.spec import settings as config
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.sweep.search import Store

SPEC = """\
experiment: gates
task: {name: adding, length: 50}
variants: [lstm, gru, rnn]
search: {trials: 4, space: {learning_rate: {float: [1e-3, 1e-2], log: true}}}
confirm: {pilot: 2, first: 4, most: 10, budget: 100}
margin: 0.2
claims: [gru worse than lstm, rnn worse than lstm]
"""
HOUR = 3600.0


def read() -> Experiment:
    return parse_experiment(SPEC, "gates.yaml", Path())


def plain(
    hours: float, workers: int = 1, left: int = 4, seconds: Any = (HOUR, HOUR), noise: float = 0.02
) -> dict[str, Any]:
    experiment = read()
    searches = [Searched("adding", label, left, seconds) for label in ("lstm", "gru", "rnn")]
    forecast = expected.plain(experiment, 4, {}, noise)
    return within.plain(experiment, hours, workers, searches, forecast)


def test_epochs_that_are_behind_take_no_time() -> None:
    searches = [
        Searched("adding", "lstm", 4, (HOUR, HOUR), spared=3.5),
        Searched("adding", "gru", 4, (HOUR, HOUR)),
    ]
    content = within.plain(read(), 3, 1, searches, {})
    assert content["search"] == {"left": 8, "done": [5, 5], "hours": [4.5, 4.5]}


def rounds(content: dict[str, Any]) -> list[int]:
    counts: list[int] = content["second_stage"]["adding"]["rounds"]
    return counts


def printed(content: dict[str, Any]) -> str:
    out = io.StringIO()
    text.show(content, Console(file=out, width=80))
    return out.getvalue()


@pytest.mark.parametrize(
    ("hours", "done", "looked_at"),
    [
        (5, 5, 0),  # of twelve trials of an hour
        (12, 12, 0),  # the search alone
        (29, 12, 0),  # six pilots, and eleven of the twelve trainings until the first look
        (30, 12, 4),
        (32.9, 12, 4),
        (33, 12, 5),
        (1000, 12, 10),  # all that the file allows
    ],
)
def test_one_training_at_a_time_is_one_after_the_other(
    hours: float, done: int, looked_at: int
) -> None:
    content = plain(hours)
    assert content["search"] == {"left": 12, "done": [done, done], "hours": [12.0, 12.0]}
    assert rounds(content) == [looked_at, looked_at]


def test_a_round_waits_for_its_last_training() -> None:
    """Two at a time: 6 hours of search, 3 of pilots, 6 until the first look, and 2 a round."""
    assert [rounds(plain(hours, workers=2))[0] for hours in (14.9, 15, 16.9, 17)] == [0, 4, 4, 5]


def test_trainings_that_differ_in_length_give_a_range() -> None:
    content = plain(31, seconds=(HOUR / 2, HOUR))
    assert content["search"]["hours"] == [6.0, 12.0]
    assert rounds(content) == [4, 10]
    assert plain(6, seconds=(HOUR / 2, HOUR))["search"]["done"] == [6, 12]


def test_a_search_that_is_done_leaves_its_hours_to_the_rounds() -> None:
    content = plain(18, left=0)
    assert rounds(content) == [4, 4]
    assert "the search is done" in printed(content)


def test_a_claim_is_decided_where_its_rounds_are_reached() -> None:
    cases = {
        case["difference"]: case["rounds"]
        for case in expected.plain(read(), 4, {}, 0.05)["adding"]["claims"][0]["cases"]
    }
    claim = plain(31, seconds=(HOUR / 2, HOUR), noise=0.05)["second_stage"]["adding"]["claims"][0]
    for named, most in (("decided", 4), ("perhaps", 10)):
        within_reach = [gap for gap, count in cases.items() if count is not None and count <= most]
        assert claim[named] == within_reach
    assert set(claim["decided"]) < set(claim["perhaps"])


def test_it_says_what_it_knows_and_what_not() -> None:
    said = printed(plain(33))
    assert "within 33 hours, with 1 at a time:\n  the search ends after 12.0 h: 12 trials" in said
    assert "on adding, 5 of 10 rounds if all claims stay open" in said
    assert "    gru worse than lstm: decided in four of five where the two differ by" in said
    assert "not known: other work on the machine" in said
    assert "5 of 12 trials of the search, which takes 12.0 h" in printed(plain(5))
    assert "no round is looked at, so no claim is decided" in printed(plain(5))
    unknown = printed(plain(5, seconds=None))
    assert "not known: how long trainings of lstm, gru and rnn take" in unknown


@pytest.mark.parametrize("hours", [0.0, -1.0, float("inf"), float("nan")])
def test_hours_that_are_none_are_refused(hours: float) -> None:
    from rnnzoo.api.root import checked_hours

    with pytest.raises(UsageError, match="hours must be a number above 0"):
        checked_hours(hours)


def test_of_searches_that_never_ran_it_is_not_known_how_long_they_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    Store(config.read().storage)  # as other experiments have left it
    content = planning.planned(read(), 1, False, None, tasks.silent, hours=8)
    assert content["within"]["unknown"] == ["lstm", "gru", "rnn"]
