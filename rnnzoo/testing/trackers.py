"""What every tracker promises: what is written comes back, all of it, once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rnnzoo.spec.trial import Kind, Outcome, Result, Trial
from rnnzoo.trackers import Tracker

CURVE = tuple(
    {"epoch": n, "train": 1 / n, "validation": 2 / n, "seconds": 0.1} for n in range(1, 200)
)


def result(index: int, kind: Kind = Kind.COMPLETE, variant: str = "a") -> Result:
    """A result of a long training."""
    scores = (
        {"train": 1.0, "validation": 2.0 + index / 3, "test": 3.0} if kind is Kind.COMPLETE else {}
    )
    weights = {"recurrent": 10, "model": 12}
    outcome = Outcome(kind, scores, CURVE, weights, 3, {"total": 1.5, "step": 0.1}, "why\nit ended")
    cell = "name: lstm\nequations: |\n  h = 1\n" * 100
    trial = Trial(
        "e",
        variant,
        cell,
        "adding",
        index,
        {"units": 4, "x": 0.1},
        seed=index,
        data="da7a",
        cell_hash="c0ffee",
    )
    return Result(trial, outcome, f"e/{variant}/adding/abc")


class TrackerContract:
    """Tests of a tracker, each on a store of its own; the fixture `store` may be another, for one
    that takes long to make.
    """

    def make(self, folder: Path) -> Tracker:
        """Your tracker, with its store in a folder."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, tmp_path: Path) -> Path:
        return tmp_path / "store"

    @pytest.fixture
    def tracker(self, store: Path) -> Tracker:
        return self.make(store)

    def test_results_come_back_exactly_over_all_pages(self, tracker: Tracker) -> None:
        tracker.open("back", "about it", {"spec.yaml": "x: 1"})
        kinds = [kind for kind in Kind if kind.final]
        written = [
            result(index, kind, variant) for variant in "ab" for index, kind in enumerate(kinds)
        ]
        for entry in written:
            tracker.record(entry)
        assert list(tracker.results("back")) == written
        assert tracker.recorded("back") == {
            (entry.study, entry.trial.index): entry.outcome.kind for entry in written
        }

    def test_recorded_twice_is_there_once(self, tracker: Tracker) -> None:
        tracker.open("twice", "", {})
        tracker.record(result(0))
        tracker.record(result(0))
        tracker.open("twice", "", {})
        tracker.record(result(0))
        assert len(tracker.results("twice")) == 1

    def test_a_trial_that_was_run_again_takes_the_place_of_the_one_that_failed(
        self, tracker: Tracker
    ) -> None:
        tracker.open("again", "", {})
        for entry in (result(0, Kind.FAILED), result(1), result(0)):
            tracker.record(entry)
        assert list(tracker.results("again")) == [result(0), result(1)]
        tracker.open("again", "", {})
        assert set(tracker.recorded("again").values()) == {Kind.COMPLETE}

    def test_a_trial_that_failed_again_says_why_it_did_the_last_time(
        self, tracker: Tracker
    ) -> None:
        tracker.open("again", "", {})
        first, other = result(0, Kind.FAILED), result(1, Kind.FAILED)
        last = replace(first, outcome=replace(first.outcome, message="another reason"))
        for entry in (first, other, last):
            tracker.record(entry)
        assert list(tracker.results("again")) == [last, other]
        tracker.open("again", "", {})
        tracker.record(last)
        assert list(tracker.results("again")) == [last, other]

    def test_an_experiment_that_was_never_opened_has_no_results(self, tracker: Tracker) -> None:
        assert list(tracker.results("never")) == []
        assert dict(tracker.recorded("never")) == {}

    def test_models_and_reports_are_kept(self, tracker: Tracker, tmp_path: Path) -> None:
        file = tmp_path / "report.html"
        file.write_text("<p>")
        tracker.open("kept", "", {})
        tracker.record(result(0))
        tracker.best(result(0), [file], {"cell/equations.tex": "h = x"})
        tracker.report("kept", [file], {"a": 1.5})
        assert tracker.where()
        assert len(tracker.results("kept")) == 1  # and they are no results
        tracker.close()
