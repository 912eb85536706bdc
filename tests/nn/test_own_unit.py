"""Targets that were scaled: the loss compares them so, metrics in their own unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import TaskError
from rnnzoo.nn.losses import criterion, named, of_all
from rnnzoo.tasks import Task
from rnnzoo.tasks._contract import check

MIDDLE, SPREAD = 250.0, 40.0
OPTIONS = {"length": 4, "train": 8, "valid": 4, "test": 4}


@pytest.fixture(scope="module")
def plain() -> Task:
    return tasks.load("adding", OPTIONS)


@pytest.mark.parametrize(
    ("metric", "times"), [("mse", SPREAD**2), ("mae", SPREAD), ("rmse", SPREAD**2)]
)
def test_metrics_are_in_the_unit_of_the_targets_and_the_loss_is_not(
    metric: str, times: float, plain: Task
) -> None:
    task = replace(plain, metric=metric, middle=(MIDDLE,), spread=(SPREAD,))
    rng = np.random.default_rng(1)
    y, logits = rng.normal(size=(2, 5, 1)).astype(np.float32)
    loss, of_each = (np.asarray(value) for value in criterion(task)(y, logits))
    np.testing.assert_allclose(loss, np.square(y - logits)[:, 0], rtol=1e-5)
    errors = np.abs(y - logits)[:, 0]
    expected = errors if metric == "mae" else errors**2  # rmse takes the root of the mean later
    np.testing.assert_allclose(of_each, times * expected, rtol=1e-3)


def test_a_score_of_all_answers_is_that_of_unscaled_numbers(plain: Task) -> None:
    task = replace(plain, metric="r2", middle=(MIDDLE,), spread=(SPREAD,))
    rng = np.random.default_rng(2)
    y, logits = rng.normal(size=(2, 9, 1))
    exact = [MIDDLE + SPREAD * values for values in (y, logits)]
    ones = np.ones(9)
    measure = named(task, "r2")
    scaled = [task.in_own_unit(values) for values in (y, logits)]
    assert of_all(measure, *scaled, ones) == pytest.approx(of_all(measure, *exact, ones), rel=1e-5)


@pytest.mark.parametrize(
    ("middle", "spread", "words"),
    [
        ((1.0,), (0.0,), "above 0"),
        ((1.0,), (), "for each of 1 outputs"),
        ((1.0, 2.0), (1.0, 1.0), "for each of 1 outputs"),
        ((float("nan"),), (1.0,), "finite"),
    ],
)
def test_what_cannot_have_been_a_scale_is_refused(
    middle: tuple[float, ...], spread: tuple[float, ...], words: str, plain: Task
) -> None:
    with pytest.raises(TaskError, match=words):
        check(replace(plain, middle=middle, spread=spread), "mine.py")
