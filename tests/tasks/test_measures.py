"""What an experiment has measured of a task, beside or instead of what the task says."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import SpecError, UsageError
from rnnzoo.nn.losses import cost_of_mean
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Outcome, Trial
from rnnzoo.sweep import open as door
from rnnzoo.tasks import Task
from tests.command import rnnzoo
from tests.results import result_of

SMALL = {"length": 12, "train": 64, "valid": 16, "test": 48}


def loaded(name: str = "temporal_order", **options: Any) -> Task:
    return tasks.load(name, {**SMALL, **options})


def test_a_baseline_is_told_in_the_metric_that_is_asked_for() -> None:
    usual, classes = loaded(), loaded(metric="cross_entropy")
    assert usual.metric == "error"
    assert classes.metric == "cross_entropy"
    train, test = (usual.splits[name].y for name in ("train", "test"))
    shares = np.bincount(train) / len(train)
    assert classes.baselines == {
        "frequencies of train": pytest.approx(-np.log(shares[test]).mean(), rel=1e-6)
    }


def test_what_the_loss_is_turned_into_keeps_all_baselines_and_what_is_solved() -> None:
    squared, root = loaded("adding"), loaded("adding", metric="rmse")
    assert root.baselines == {
        name: pytest.approx(math.sqrt(score)) for name, score in squared.baselines.items()
    }
    assert root.solved == pytest.approx(math.sqrt(squared.solved or 0.0))
    assert loaded("adding", metric="mae").solved is None


def test_what_higher_is_better_of_is_judged_by_what_it_lacks() -> None:
    wrong, right = loaded(metric="error"), loaded(metric="accuracy", also=["f1"])
    assert right.also == ("accuracy", "f1")
    assert right.unit == "1 less share of right answers"
    assert right.baselines == wrong.baselines
    assert cost_of_mean(right)(0.75) == 0.25  # type: ignore[misc]
    assert cost_of_mean(loaded(metric="f1")) is None
    assert loaded(metric="auroc").baselines == {"frequencies of train": 0.5}
    assert loaded("adding", metric="r2").baselines["mean of train"] > 1 - 1e-6


def test_a_split_of_which_a_metric_cannot_be_told_is_refused(tmp_path: Path) -> None:
    x = np.zeros((40, 3, 1))
    split = np.repeat(["train", "validation", "test"], [20, 10, 10])
    y = np.where(split == "test", 0, np.arange(40) % 2)
    np.savez(tmp_path / "a.npz", x=x, y=y, split=split)
    asked = {"file": "a.npz", "kind": "classify", "metric": "auroc"}
    with pytest.raises(UsageError, match="of the test split of 'arrays' 'auroc' cannot be told"):
        tasks.load("arrays", asked, folder=tmp_path)


def test_what_selects_is_of_a_trainings_identity_and_what_else_is_measured_is_not() -> None:
    def trial(**options: Any) -> Trial:
        return Trial(
            experiment="e", variant="rnn", cell="", task="adding", index=0, hyperparameters={},
            seed=1, training=Training(), task_options=options,
        )  # fmt: skip

    assert trial(also=["mae"]).key == trial().key
    assert trial(metric="mae").key != trial().key
    outcome = Outcome.from_dict(
        json.loads(json.dumps(replace(OUTCOME, also={"r2": 0.5}).to_dict()))
    )
    assert outcome.also == {"r2": 0.5}
    assert result_of(outcome) == result_of(OUTCOME)


OUTCOME = Outcome(kind="complete", scores={"test": 0.1})  # type: ignore[arg-type]


def test_data_are_prepared_once_for_all_metrics(cache: Path) -> None:
    usual = tasks.prepare("temporal_order", SMALL)
    other = tasks.prepare("temporal_order", {**SMALL, "metric": "bits", "also": ["f1"]})
    assert other.digest == usual.digest
    mapped = tasks.prepared("temporal_order", {**SMALL, "metric": "bits"}, usual.digest)
    assert mapped is not None
    assert (mapped.metric, mapped.also) == ("bits", ())
    assert len({path for path in (cache / "rnnzoo" / "data").iterdir() if path.is_dir()}) <= 1


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("options", "option", "words"),
    [
        ("metric: mae", "metric", "the targets of 'temporal_order' are classes, which 'mae' is"),
        ("also: [error, r2]", "also", "which 'r2' is not for"),
    ],
)
def test_a_metric_that_is_not_for_a_task_is_refused_at_its_place(
    options: str, option: str, words: str, tmp_path: Path
) -> None:
    text = (
        "experiment: e\n"
        f"task: {{name: temporal_order, length: 12, train: 64, {options}}}\n"
        "variants: [rnn]\n"
        "search: {trials: 1, space: {units: 4}}\n"
    )
    with pytest.raises(SpecError) as caught:
        door.loaded(parse_experiment(text, str(tmp_path / "e.yaml"), tmp_path), tasks.silent, list)
    (mistake,) = caught.value.mistakes
    assert words in mistake.problem
    assert text.splitlines()[1][mistake.span.column - 1 :].startswith((option, "r2"))


def test_what_only_the_data_tell_is_refused_at_its_place_when_they_are_read(
    cache: Path, tmp_path: Path
) -> None:
    np.savez(tmp_path / "bits.npz", x=np.arange(90).reshape(30, 3) % 2)
    text = (
        "experiment: e\n"
        "task: {name: arrays, label: rolls, file: bits.npz, kind: next_step, metric: error}\n"
        "variants: [rnn]\n"
    )
    experiment = parse_experiment(text, str(tmp_path / "e.yaml"), tmp_path)
    tasks.check_spec(experiment)
    with pytest.raises(SpecError, match="the targets of 'rolls' are shares, which") as caught:
        tasks.prepare_choice(experiment.tasks[0], tmp_path)
    (mistake,) = caught.value.mistakes
    assert text.splitlines()[1][mistake.span.column - 1 :].startswith("metric")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"metric": "eror"}, "no metric 'eror'"),
        ({"metric": ["error"]}, "`metric` must be a name"),
        ({"also": "f1"}, "`also` must be a list of metrics"),
        ({"also": ["f2"]}, "no metric 'f2'"),
    ],
)
def test_names_of_metrics_are_looked_at_before_data(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        loaded(**options)


def test_trials_are_judged_by_what_f1_lacks_and_told_the_rest(tmp_path: Path) -> None:
    sets = [f"task.{name}={value}" for name, value in SMALL.items()]
    sets += ["units=4", "epochs=2", "learning_rate=0.01", "task.metric=f1"]
    sets += ["task.also=[accuracy, error, cross_entropy]"]
    asked = [word for value in sets for word in ("--set", value)]
    done = rnnzoo("train", "rnn", "--task", "temporal_order", *asked, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    also = outcome["also"]
    assert list(also) == ["f1", "accuracy", "error", "cross_entropy"]
    assert outcome["scores"]["test"] == pytest.approx(1 - also["f1"])
    assert also["accuracy"] == pytest.approx(1 - also["error"])
    best = outcome["curve"][outcome["best_epoch"] - 1]
    assert outcome["scores"]["validation"] == pytest.approx(best["validation"])
