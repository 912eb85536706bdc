"""Every tracker, and Optuna's storage as a reader: what is written comes back, all of it, once."""

from __future__ import annotations

import json
import zipfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from rnnzoo import registry
from rnnzoo.errors import StoreError
from rnnzoo.spec import stamp
from rnnzoo.spec.hyperparameters import SETTINGS, Training
from rnnzoo.spec.trial import MODEL, Result, Trial, unusual
from rnnzoo.testing.trackers import CURVE, TrackerContract, result
from rnnzoo.trackers import Tracker
from rnnzoo.trackers.memory import MemoryTracker
from rnnzoo.trackers.mlflow import MlflowTracker, _params


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture
def store(shared: Path) -> Path:
    """One for all, since a database of MLflow's takes long to make."""
    return shared


def make(store: Path) -> MlflowTracker:
    """MLflow's, which reads results in pages of seven."""
    return MlflowTracker(f"sqlite:///{store}/mlflow.db", str(store / "artifacts"), page=7)


class TestMlflow(TrackerContract):
    @pytest.fixture
    def store(self, shared: Path) -> Path:
        return shared

    def make(self, folder: Path) -> Tracker:
        return make(folder)


class TestMemory(TrackerContract):
    def make(self, folder: Path) -> Tracker:
        return MemoryTracker()


def test_every_tracker_of_the_package_is_tested() -> None:
    assert set(registry.built_in("trackers")) == {"mlflow", "memory"}


def test_mlflow_shows_what_people_filter_by(store: Path) -> None:
    tracker = make(store)
    tracker.open("shown", "about it", {})
    tracker.record(result(2))
    client = tracker.client  # type: ignore[attr-defined]  # MLflow's own
    experiment = client.get_experiment_by_name("shown")
    (run,) = client.search_runs(
        [experiment.experiment_id], "tags.variant = 'a' and tags.trial = '2'"
    )
    assert run.data.params["units"] == "4"
    assert run.data.metrics["test"] == 3.0
    assert len(run.data.metrics) <= 15
    assert len(client.get_metric_history(run.info.run_id, "curve/train")) == len(CURVE)
    visible = {name for name in run.data.tags if not name.startswith("mlflow.")}
    assert visible == {
        "variant", "cell", "cell_hash", "data", "task", "stage", "trial", "seed", "outcome",
        "message", "rnnzoo.study", "rnnzoo.role",
    }  # fmt: skip
    assert (run.data.tags["cell_hash"], run.data.tags["data"]) == ("c0ffee", "da7a")
    assert client.get_run(run.data.tags["mlflow.parentRunId"]).data.tags["rnnzoo.role"] == "study"


@pytest.mark.parametrize(
    ("marked", "stage"),
    [("a", "search"), ("a~2", "replicate"), ("a~pilot", "pilot"), ("a~round", "round")],
)
def test_mlflow_tells_the_stages_of_a_variant_and_tasks_of_one_kind_apart(
    store: Path, marked: str, stage: str
) -> None:
    tracker = make(store)
    tracker.open("stages", "", {})
    tracker.record(replace(result(2), study=f"e/{marked}/adding50/abc"))
    client = tracker.client  # type: ignore[attr-defined]  # MLflow's own
    experiment = client.get_experiment_by_name("stages")
    (run,) = client.search_runs(
        [experiment.experiment_id],
        f"tags.stage = '{stage}' and tags.task = 'adding50' and tags.variant = 'a'",
    )
    assert run.info.run_name == f"{marked} 2"
    assert run.data.params["task"] == "adding"


CHANGES: list[dict[str, Any]] = [
    {"hyperparameters": {"units": 5, "x": 0.1}},
    *({"training": replace(Training(), **{name: value})} for name, value in {
        "optimizer": "rmsprop", "batch": 8, "epochs": 3, "patience": 1, "clip": 1.0,
        "nesterov": True, "effective_rate": True, "error": "sum", "backend": "jax",
        "group_by_length": True, "embed": 4, "clip_value": 1.0, "schedule": "halve", "plateau": 3,
        "decay_from": 2, "decay_factor": 0.25, "warm_up": 1, "bidirectional": True, "pool": "mean",
        "hidden": 4, "hidden_layers": 2, "read_out_dropout": 0.5, "tie": True,
        "class_weight": "balanced", "best_by": "metric", "population": 8, "precision": "tf32",
    }.items()),
    {"task_options": {"length": 10}}, {"init": {"*": {"normal": 0.1}}}, {"init": {"R": 0.5}},
    {"own_units": 9}, {"variant": "b"}, {"task": "copy_memory"}, {"index": 1}, {"seed": 77},
    {"data": "other"}, {"cell_hash": "other"},
]  # fmt: skip


def test_the_changes_below_are_of_everything_that_a_training_depends_on() -> None:
    changed = {name for change in CHANGES for name in change}
    # MLflow's experiment, the cell's hash, and no matter: where files are, what is kept there, and
    # whether it waits
    nowhere = {"experiment", "cell", "base", "folder", "until", "keeps_state"}
    assert changed == {attribute.name for attribute in fields(Trial)} - nowhere
    trainings = [unusual(change["training"]) for change in CHANGES if "training" in change]
    assert {name for training in trainings for name in training} == {*SETTINGS}


def test_two_trials_that_differ_look_different_in_mlflow(store: Path) -> None:
    tracker = make(store)
    tracker.open("differ", "", {})

    def shown(trial: Trial) -> tuple[dict[str, str], dict[str, str]]:
        tags = tracker._tags(Result(trial, result(0).outcome, "e/a/adding/abc"))  # type: ignore[attr-defined]
        params = {param.key: param.value for param in _params(trial)}
        return params, {
            name: value for name, value in tags.items() if not name.startswith("mlflow.")
        }

    plain = result(0).trial
    for change in CHANGES:
        assert shown(replace(plain, **change)) != shown(plain), change


def test_what_the_space_decides_has_one_value_in_mlflow() -> None:
    """The study of which batch 8 and batch 32 were said to be trained with 16."""
    training = Training(optimizer="rmsprop", clip=1.0, batch=16, epochs=1, patience=0)
    for batch in (8, 32):
        chosen = {"units": 8, "learning_rate": 0.01, "batch": batch}
        trial = replace(
            result(0).trial, hyperparameters=chosen, training=training, task_options={"length": 10}
        )
        told = {param.key: param.value for param in _params(trial)}
        assert told["batch"] == told["training.batch"] == str(batch)
        expected = {
            "optimizer": "rmsprop",
            "clip": "1.0",
            "patience": "0",
            "error": "mean",
            "nesterov": "False",
        }
        assert {name: told[f"training.{name}"] for name in expected} == expected
        assert told["task.length"] == "10"


def test_a_parameter_of_mlflow_holds_what_its_pages_can_hold() -> None:
    """Two reasons for a length had one name, and parameters were cut as short as reasons."""
    file = "data/" + "x" * 600
    told = {
        param.key: param.value
        for param in _params(replace(result(0).trial, task_options={"file": file}))
    }
    assert told["task.file"] == file[:500]


def test_mlflow_hands_out_no_model_of_another_trial(store: Path, tmp_path: Path) -> None:
    tracker = make(store)
    tracker.open("models", "", {})
    for index in (0, 1):
        tracker.record(result(index))
    file = tmp_path / MODEL
    for content, words in (
        (result(1).trial, "is the model of another trial"),
        (result(0).trial, ""),
    ):
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("config.json", "{}")
        stamp.write(file, content)
        tracker.best(result(0), [file], {})
        run = tracker._parents[result(0).study]  # type: ignore[attr-defined]
        if words:
            with pytest.raises(StoreError, match=words):
                tracker.model(run, tmp_path / "got")  # type: ignore[attr-defined]
        else:
            assert tracker.model(run, tmp_path / "got")[0] == result(0).trial  # type: ignore[attr-defined]


def test_a_model_whose_trial_was_deleted_in_mlflow_is_refused_in_words(
    store: Path, tmp_path: Path
) -> None:
    tracker = make(store)
    tracker.open("deleted", "", {})
    tracker.record(result(0))
    (tmp_path / MODEL).write_bytes(b"")
    tracker.best(result(0), [tmp_path / MODEL], {})
    client = tracker.client  # type: ignore[attr-defined]  # MLflow's own
    client.delete_run(of_trial(tracker, 0).info.run_id)
    with pytest.raises(StoreError, match=r"trial 0, whose model run .* keeps, was deleted"):
        tracker.model(tracker._parents[result(0).study], tmp_path / "got")  # type: ignore[attr-defined]


def of_trial(tracker: MlflowTracker, index: int) -> Any:
    """MLflow's run of the only study's trial, as its pages read it."""
    client = tracker.client  # type: ignore[attr-defined]  # MLflow's own
    (run,) = client.search_runs([tracker._id], f"tags.trial = '{index}'")
    return run


def test_a_run_of_mlflow_begins_and_ends_when_its_training_did(store: Path) -> None:
    """However late it is written; the study's run from its first trial to its last."""
    tracker = make(store)
    tracker.open("times", "", {})
    ended = {0: 1_700_000_000.0, 1: 1_700_000_060.0}
    for index, seconds in ended.items():
        tracker.record(replace(result(index), ended=seconds))
    tracker.best(result(0), [], {})
    for index, seconds in ended.items():
        info = of_trial(tracker, index).info
        assert (info.start_time, info.end_time) == (seconds * 1000 - 1500, seconds * 1000)
    client = tracker.client  # type: ignore[attr-defined]
    study = client.get_run(tracker._parents[result(0).study]).info
    assert (study.start_time, study.end_time) == (ended[0] * 1000 - 1500, ended[1] * 1000)
    # epochs of CURVE take 0.1 s each, and the last one ends with the training
    curve = client.get_metric_history(of_trial(tracker, 0).info.run_id, "curve/train")
    times = {point.step: point.timestamp for point in curve}
    assert times[len(CURVE)] == ended[0] * 1000
    assert times[len(CURVE)] - times[len(CURVE) - 10] == pytest.approx(1000, abs=1)


def test_a_run_of_mlflow_has_its_data_as_its_input(store: Path) -> None:
    tracker = make(store)
    tracker.open("inputs", "", {})
    given = result(0)
    options = {"length": 50}
    trial = replace(given.trial, data="5f" * 32, task_options=options)
    tracker.record(Result(trial, given.outcome, "e/a/adding50/abc"))
    tracker.record(replace(given, trial=replace(given.trial, index=1, data="")))
    (data,) = of_trial(tracker, 0).inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest) == ("adding50", "5f" * 18)
    assert json.loads(data.dataset.source) == {"task": "adding", **options}
    assert [(tag.key, tag.value) for tag in data.tags] == [("mlflow.data.context", "training")]
    assert of_trial(tracker, 1).inputs.dataset_inputs == []


def test_a_run_that_a_killed_sweep_left_half_written_is_written_anew(store: Path) -> None:
    tracker = make(store)
    tracker.open("half", "", {})
    given = result(0)
    client = tracker.client  # type: ignore[attr-defined]
    # killed here
    client.create_run(tracker._id, tags=tracker._tags(given))  # type: ignore[attr-defined]
    again = make(store)
    again.open("half", "", {})
    assert again.recorded("half") == {}
    again.record(given)
    assert list(again.results("half")) == [given]


@pytest.mark.parametrize("method", ["_parent", "_report_run"])
def test_nothing_that_a_killed_sweep_left_half_written_goes_on_running(
    method: str, store: Path
) -> None:
    """Nor the run of a study or of the report: killed as it was begun, it is begun anew."""
    tracker = make(store)
    tracker.open(f"killed{method}", "", {})
    client = tracker.client  # type: ignore[attr-defined]
    for run in client.search_runs([tracker._id]):  # type: ignore[attr-defined]
        client.delete_run(run.info.run_id)
    with patch.object(type(client), "set_terminated", side_effect=KeyboardInterrupt):
        begin = getattr(tracker, method)
        with pytest.raises(KeyboardInterrupt):  # killed here
            begin(result(0)) if method == "_parent" else begin()
    again = make(store)
    again.open(f"killed{method}", "", {})
    again.record(result(0))
    runs = client.search_runs([tracker._id])  # type: ignore[attr-defined]
    assert [run.info.status for run in runs] == ["FINISHED"] * 3
    roles = sorted(run.data.tags["rnnzoo.role"] for run in runs)
    assert roles == ["report", "study", "trial"]


def test_a_store_that_cannot_be_reached_is_one_plain_message() -> None:
    with pytest.raises(StoreError, match=r"MLflow at http://127.0.0.1:9 cannot be used"):
        MlflowTracker("http://127.0.0.1:9")


def test_a_new_database_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    MlflowTracker(f"sqlite:///{tmp_path}/deep/mlflow.db", str(tmp_path / "artifacts"))
    assert not list((tmp_path / "deep").glob("aside*"))
    assert (tmp_path / "deep" / "mlflow.db").exists()


@pytest.mark.parametrize("kind", [MemoryTracker, None])
def test_a_trial_that_was_run_again_with_another_score_takes_the_place_of_the_first(
    kind: type[MemoryTracker] | None, store: Path
) -> None:
    """As a pilot that is trained at another setting, after trials of the search began again."""
    tracker: Tracker = kind() if kind else make(store)
    first = result(0)
    scores = {**first.outcome.scores, "validation": 0.5}
    second = replace(first, outcome=replace(first.outcome, scores=scores))
    tracker.open("rerun", "", {})
    tracker.record(first)
    tracker.open("rerun", "", {})
    tracker.record(second)
    assert list(tracker.results("rerun")) == [second]
    tracker.record(first)
    tracker.open("rerun", "", {})
    tracker.record(first)
    assert list(tracker.results("rerun")) == [first]


def test_mlflow_takes_the_numbers_of_variants_whatever_their_labels_are(store: Path) -> None:
    tracker = make(store)
    tracker.open("labels", "", {})
    tracker.report("labels", [], {"lstm+norm": 0.5, "adding/lstm-norm.2": 0.25})
    run = tracker.client.get_run(tracker._report_run())
    assert run.data.metrics == {"lstm plus norm": 0.5, "adding/lstm-norm.2": 0.25}
