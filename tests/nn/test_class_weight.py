"""Each class counts the same in the loss, where that is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnzoo import lang, tasks
from rnnzoo.errors import SpecError
from rnnzoo.lang.text import cell_text
from rnnzoo.nn.losses import class_weights
from rnnzoo.nn.train import Model
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Trial
from rnnzoo.sweep import open as door
from rnnzoo.tasks import Task

TRAIN = np.repeat([0, 1, 2], [24, 6, 10])  # of 40 answers


@pytest.fixture
def task(tmp_path: Path) -> Task:
    rng = np.random.default_rng(0)
    y = np.concatenate([TRAIN, [0, 1, 2, 1], [2, 2, 0, 1]])
    split = np.repeat(["train", "validation", "test"], [40, 4, 4])
    np.savez(tmp_path / "a.npz", x=rng.normal(size=(48, 3, 2)), y=y, split=split)
    return tasks.load("arrays", {"file": "a.npz", "kind": "classify"}, folder=tmp_path)


def test_the_answers_of_each_class_weigh_the_same_and_one_on_average(task: Task) -> None:
    weights = class_weights(task)
    np.testing.assert_allclose(weights, [40 / (3 * 24), 40 / (3 * 6), 40 / (3 * 10)], rtol=1e-6)
    sums = np.bincount(TRAIN, weights[TRAIN])
    np.testing.assert_allclose(sums, 40 / 3, rtol=1e-6)


def test_losses_are_weighted_and_metrics_are_not(task: Task) -> None:
    def model(class_weight: str) -> Model:
        trial = Trial(
            experiment="e", variant="rnn", cell=cell_text(lang.load("rnn")), task="arrays", index=0,
            hyperparameters={"units": 3, "learning_rate": 0.01}, seed=1,
            training=Training(class_weight=class_weight),
        )  # fmt: skip
        return Model(trial, task)

    plain, balanced = model("none"), model("balanced")
    y, logits, _ = plain._answered("train", np.arange(40))
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    losses = -np.log(shares[np.arange(40), y])
    of_class = np.array([losses[y == number].mean() for number in range(3)])
    assert plain.evaluate("train").loss == pytest.approx(losses.mean(), rel=1e-5)
    assert balanced.evaluate("train").loss == pytest.approx(of_class.mean(), rel=1e-5)
    assert balanced.evaluate("train").metric == plain.evaluate("train").metric


def test_numbers_have_no_classes_to_balance(tmp_path: Path) -> None:
    text = (
        "experiment: e\ntask: {name: adding, length: 5, train: 8, valid: 4, test: 4}\n"
        "variants: [rnn]\nsearch: {trials: 1, space: {units: 4}}\n"
        "training: {class_weight: balanced}\n"
    )
    with pytest.raises(SpecError, match="`class_weight` is for classes") as caught:
        door.loaded(parse_experiment(text, str(tmp_path / "e.yaml"), tmp_path), tasks.silent, list)
    (mistake,) = caught.value.mistakes
    assert mistake.span.line == 5
