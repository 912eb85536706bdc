"""Every tracker, and Optuna's storage as a reader: what is written comes back, all of it, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnzoo import registry
from rnnzoo.errors import StoreError
from rnnzoo.spec.trial import Kind, Outcome, Result, Trial
from rnnzoo.trackers import Tracker
from rnnzoo.trackers.memory import MemoryTracker
from rnnzoo.trackers.mlflow import MlflowTracker

CURVE = tuple({"epoch": n, "train": 1 / n, "validation": 2 / n, "seconds": 0.1} for n in range(1, 200))


def result(index: int, kind: Kind = Kind.COMPLETE, variant: str = "a") -> Result:
    scores = {"train": 1.0, "validation": 2.0 + index / 3, "test": 3.0} if kind is Kind.COMPLETE else {}
    outcome = Outcome(
        kind, scores, CURVE, {"recurrent": 10, "model": 12}, 3, {"total": 1.5, "step": 0.1}, "why\nit ended"
    )
    trial = Trial(
        "e", variant, "name: lstm\nequations: |\n  h = 1\n" * 100, "adding", index, {"units": 4, "x": 0.1}, seed=index
    )
    return Result(trial, outcome, f"e/{variant}/adding/abc")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


def make(name: str, store: Path) -> Tracker:
    if name == "memory":
        return MemoryTracker()
    assert name == "mlflow", f"tell this test how to make the tracker '{name}'"
    return MlflowTracker(f"sqlite:///{store}/mlflow.db", str(store / "artifacts"), page=7)


@pytest.fixture(params=registry.names("trackers"))
def tracker(request: pytest.FixtureRequest, store: Path) -> Tracker:
    made = make(request.param, store)
    return made


def test_results_come_back_exactly_over_all_pages(tracker: Tracker) -> None:
    tracker.open("back", "about it", {"spec.yaml": "x: 1"})
    written = [result(index, kind, variant) for variant in "ab" for index, kind in enumerate(Kind) if kind.final]
    for one in written:
        tracker.record(one)
    assert list(tracker.results("back")) == written
    assert tracker.recorded("back") == {(one.study, one.trial.index) for one in written}


def test_recorded_twice_is_there_once(tracker: Tracker) -> None:
    tracker.open("twice", "", {})
    tracker.record(result(0))
    tracker.record(result(0))
    tracker.open("twice", "", {})
    tracker.record(result(0))
    assert len(tracker.results("twice")) == 1


def test_an_experiment_that_was_never_opened_has_no_results(tracker: Tracker) -> None:
    assert list(tracker.results("never")) == []
    assert tracker.recorded("never") == set()


def test_models_and_reports_are_kept(tracker: Tracker, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text("<p>")
    tracker.open("kept", "", {})
    tracker.best(result(0), [file], {"cell/equations.tex": "h = x"})
    tracker.report("kept", [file], {"a": 1.5})
    assert tracker.where()
    tracker.close()


def test_mlflow_shows_what_people_filter_by(store: Path) -> None:
    tracker = make("mlflow", store)
    tracker.open("shown", "about it", {})
    tracker.record(result(2))
    client = tracker.client  # type: ignore[attr-defined]  # MLflow's own
    experiment = client.get_experiment_by_name("shown")
    (run,) = client.search_runs([experiment.experiment_id], "tags.variant = 'a' and tags.trial = '2'")
    assert run.data.params["units"] == "4"
    assert run.data.metrics["test"] == 3.0
    assert len(run.data.metrics) <= 15
    assert len(client.get_metric_history(run.info.run_id, "curve/train")) == len(CURVE)
    visible = {name for name in run.data.tags if not name.startswith("mlflow.")}
    assert visible == {
        "variant", "cell", "cell_hash", "task", "trial", "seed", "outcome", "message", "rnnzoo.study",
        "rnnzoo.role",
    }  # fmt: skip
    assert client.get_run(run.data.tags["mlflow.parentRunId"]).data.tags["rnnzoo.role"] == "study"


def test_a_run_that_a_killed_sweep_left_half_written_is_written_anew(store: Path) -> None:
    tracker = make("mlflow", store)
    tracker.open("half", "", {})
    one = result(0)
    client = tracker.client  # type: ignore[attr-defined]
    client.create_run(tracker._id, tags=tracker._tags(one))  # type: ignore[attr-defined]  # killed here
    again = make("mlflow", store)
    again.open("half", "", {})
    assert again.recorded("half") == set()
    again.record(one)
    assert list(again.results("half")) == [one]


def test_a_store_that_cannot_be_reached_is_one_plain_message() -> None:
    with pytest.raises(StoreError, match=r"MLflow at http://127.0.0.1:9 cannot be used"):
        MlflowTracker("http://127.0.0.1:9")


def test_a_new_database_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    MlflowTracker(f"sqlite:///{tmp_path}/deep/mlflow.db", str(tmp_path / "artifacts"))
    assert not list((tmp_path / "deep").glob("aside*"))
    assert (tmp_path / "deep" / "mlflow.db").exists()
