"""Sequences that count unequally: one with weight 2 is two sequences, in the loss and in scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnzoo import lang, tasks
from rnnzoo.errors import RnnzooError
from rnnzoo.lang.text import cell_text
from rnnzoo.nn.data import data_of
from rnnzoo.nn.losses import class_weights, mean_weight
from rnnzoo.nn.train import Model
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.trial import Trial
from rnnzoo.tasks import SPLITS, Task

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 5, 2)).astype("float32")
LENGTHS = RNG.integers(2, 6, 40)
SPLIT = np.repeat([0, 1, 2], [20, 8, 12])
WEIGHTS = RNG.integers(1, 4, 40)
TARGETS: Mapping[str, tuple[str, Any]] = {
    "classes": ("classify", RNG.integers(0, 3, 40)),
    "numbers": ("regress", RNG.normal(size=(40, 2))),
    "classes of steps": ("classify", RNG.integers(0, 3, (40, 5))),
    "zeros and ones": ("next_step", None),
    "labels": ("transcribe", RNG.integers(0, 3, (40, 2))),
}


def both(name: str) -> tuple[Task, Task]:
    """With weights, and with each sequence as often as its weight."""
    kind, y = TARGETS[name]
    arrays = {"x": X > 0 if y is None else X, "lengths": LENGTHS, "split": SPLIT}
    arrays |= {} if y is None else {"y": y}
    if kind == "transcribe":
        arrays["lengths"] = LENGTHS * 0 + 5
    again = {role: np.repeat(array, WEIGHTS, axis=0) for role, array in arrays.items()}
    return (
        Task.from_arrays(**arrays, weights=WEIGHTS, kind=kind),
        Task.from_arrays(**again, kind=kind),
    )


@pytest.mark.parametrize("name", TARGETS)
def test_baselines_are_those_of_sequences_that_come_so_often(name: str) -> None:
    weighted, repeated = both(name)
    (label, score), *_ = weighted.baselines.items()
    assert score == pytest.approx(repeated.baselines[label], rel=1e-6)
    assert "weighted means" in weighted.note


@pytest.mark.parametrize(
    ("name", "metric"),
    [("classes", "f1"), ("classes", "cross_entropy"), ("numbers", "r2"), ("numbers", "mae")],
)
def test_baselines_of_another_metric_too(name: str, metric: str, tmp_path: Path) -> None:
    scores = []
    for number, task in enumerate(both(name)):
        options = task.save(tmp_path / f"{number}.npz")
        measured = tasks.load(options.pop("name"), {**options, "metric": metric})
        scores += measured.baselines.values()
    assert scores[0] == pytest.approx(scores[1], rel=1e-6)


@pytest.mark.parametrize("name", ["classes", "classes of steps"])
def test_batches_carry_them_from_memory_and_from_files(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    weighted, _ = both(name)
    mapped = tasks._prepared.keep(weighted, {})
    rows = np.array([3, 0, 19])
    expected = WEIGHTS[rows]
    if weighted.per == "step":
        expected = expected[:, None] * (np.arange(5) < LENGTHS[rows][:, None])
    for task in (weighted, mapped):
        data = data_of(task, by_length=False)
        (portion,) = data.portions("train", rows, 3, 5)
        batch = data.batch(portion, 0)
        np.testing.assert_array_equal(batch.weights, expected)
    assert tasks.digest_of(mapped.splits) == weighted.digest


def test_classes_are_balanced_by_what_their_sequences_count() -> None:
    weighted, repeated = both("classes")
    np.testing.assert_allclose(class_weights(weighted), class_weights(repeated), rtol=1e-6)
    assert mean_weight(weighted) == pytest.approx(WEIGHTS[:20].mean())
    assert mean_weight(repeated) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["classes", "labels"])
def test_an_update_and_scores_are_those_of_sequences_that_come_so_often(name: str) -> None:
    ends = []
    for task in both(name):
        trial = Trial(
            experiment="e", variant="rnn", cell=cell_text(lang.load("rnn")), task="arrays", index=0,
            hyperparameters={"units": 3, "learning_rate": 0.1}, seed=1,
            training=Training(batch=100, optimizer="sgd"),
        )  # fmt: skip
        model = Model(trial, task)
        scores = [model.epoch(), model.evaluate("test").loss, model.evaluate("test").metric]
        ends.append([*scores, *(np.asarray(weight) for weight in model.weights)])
    for ours, theirs in zip(*ends):
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=1e-6)


def test_those_that_are_all_alike_change_nothing() -> None:
    plain = Task.from_arrays(X, TARGETS["classes"][1], split=SPLIT)
    assert Task.from_arrays(X, TARGETS["classes"][1], split=SPLIT, weights=[3] * 40).digest == (
        plain.digest
    )
    assert not plain.note


def test_a_saved_task_keeps_them(tmp_path: Path) -> None:
    weighted, _ = both("classes")
    options = weighted.save(tmp_path / "my.npz")
    again = tasks.load(options.pop("name"), options)
    for name in SPLITS:
        np.testing.assert_array_equal(again.splits[name].weights, weighted.splits[name].weights)


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan, np.inf])
def test_one_that_is_not_above_0_is_refused_with_its_sequence(weight: float) -> None:
    weights = np.where(np.arange(40) == 7, weight, 1.0)
    with pytest.raises(RnnzooError, match=f"the weight of sequence 7 is {weight:g}"):
        Task.from_arrays(X, TARGETS["classes"][1], weights=weights)


def test_those_of_a_task_are_looked_at() -> None:
    weighted, _ = both("classes")
    train = weighted.splits["train"]
    for weights, words in (
        (np.zeros(20, np.float32), "weights of sequences must be above 0"),
        (np.ones((20, 5), np.float32), r"weights is float32, \(20, 5\)"),
    ):
        splits = {**weighted.splits, "train": replace(train, weights=weights)}
        with pytest.raises(RnnzooError, match=words):
            tasks._check_contract(replace(weighted, splits=splits), "mine.py")


# ------------------------------------------------------------------ a column of a table


def table(per: str, weights: Any) -> dict[str, Any]:
    of_row = np.repeat(np.arange(40), 5)
    label = np.array(["a", "b"])[np.arange(200) % 2 if per == "step" else of_row % 2]
    return {
        "id": of_row, "x": X[..., 0].ravel(), "label": label, "weight": weights,
        "split": np.array(["train", "validation", "test"])[SPLIT][of_row],
    }  # fmt: skip


def of_table(per: str, weights: Any, **options: Any) -> Task:
    roles = {"id": "id", "split": "split", "per": per, "weight": "weight", **options}
    return Task.from_frame(table(per, weights), inputs=["x"], target="label", **roles)


def test_a_column_weighs_sequences_or_steps() -> None:
    of_sequence = of_table("sequence", np.repeat(WEIGHTS, 5))
    np.testing.assert_array_equal(of_sequence.splits["test"].weights, WEIGHTS[28:])
    of_step = of_table("step", np.arange(200) + 1.0)
    np.testing.assert_array_equal(
        of_step.splits["test"].weights, 1 + np.arange(140, 200).reshape(12, 5)
    )
    targets = of_step.splits["test"].y
    usual = np.bincount(of_step.splits["train"].y.ravel(), np.arange(100) + 1).argmax()
    expected = np.average(targets.ravel() != usual, weights=np.arange(140, 200) + 1)
    assert of_step.baselines["most frequent class"] == pytest.approx(expected)
    assert of_table("sequence", np.ones(200)).splits["test"].weights is None


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (np.where(np.arange(200) == 9, 0, 1.0), "row 10, column 'weight': the weight is 0"),
        (np.where(np.arange(200) == 9, -2, 1.0), "row 10, column 'weight': the weight is -2"),
        (np.where(np.arange(200) == 9, np.nan, 1.0), "row 10, column 'weight': the weight is miss"),
        (np.arange(200) + 1.0, r"the weight is 2.0 here, and 1.0 in .*row 1, of the same sequence"),
    ],
)
def test_a_column_that_is_no_weight_is_refused_with_its_row(weights: Any, words: str) -> None:
    with pytest.raises(RnnzooError, match=words):
        of_table("sequence", weights)


def test_a_column_that_is_not_there_is_told() -> None:
    with pytest.raises(RnnzooError, match="has no column 'wait'"):
        of_table("sequence", np.ones(200), weight="wait")
