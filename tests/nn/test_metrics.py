"""Metrics against small tables by hand, closed forms, and counting by brute force."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from rnnzoo import losses, metrics
from rnnzoo.losses import Array
from rnnzoo.nn.losses import of_all

# asked for 0 0 1 1 2, answered 0 1 1 1 0
ASKED = np.array([0, 0, 1, 1, 2])
LOGITS = np.eye(3)[[0, 1, 1, 1, 0]]
ONES = np.ones(5)


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("error", 2 / 5),
        ("accuracy", 3 / 5),
        ("balanced_accuracy", (1 / 2 + 1 + 0) / 3),
        ("f1", (2 / 4 + 4 / 5 + 0) / 3),
    ],
)
def test_of_five_answers_by_hand(name: str, score: float) -> None:
    assert of_all(metrics.load(name), ASKED, LOGITS, ONES) == pytest.approx(score)


def test_a_class_that_is_neither_asked_for_nor_answered_is_left_out() -> None:
    wider = np.pad(LOGITS, ((0, 0), (0, 2)), constant_values=-1.0)
    for name in ("f1", "balanced_accuracy", "auroc"):
        metric = metrics.load(name)
        assert of_all(metric, ASKED, wider, ONES) == pytest.approx(
            of_all(metric, ASKED, LOGITS, ONES), abs=0.02 if name == "auroc" else 1e-12
        )


def area(y: Array, share: Array) -> float:
    """The share of pairs in which the one that is asked for has more, equal ones half."""
    pairs = [*product(share[y], share[~y])]
    return sum(float(own > other) + 0.5 * float(own == other) for own, other in pairs) / len(pairs)


def test_the_area_is_the_share_of_pairs_in_the_right_order() -> None:
    rng = np.random.default_rng(0)
    y, logits = rng.integers(0, 3, 40), rng.integers(0, 3, (40, 3)).astype(float)  # with ties
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = np.mean([area(y == number, shares[:, number].round(12)) for number in range(3)])
    assert of_all(metrics.load("auroc"), y, logits, np.ones(40)) == pytest.approx(expected)


def test_there_is_no_area_where_one_class_is_all_that_is_asked_for() -> None:
    y, logits = np.zeros(4, int), np.eye(4, 2)
    assert math.isnan(of_all(metrics.load("auroc"), y, logits, np.ones(4)))


def test_whoever_knows_nothing_of_eight_classes_hesitates_among_eight() -> None:
    y, logits = np.arange(8), np.zeros((8, 8))
    assert of_all(metrics.load("perplexity"), y, logits, np.ones(8)) == pytest.approx(8)
    assert of_all(metrics.load("bits"), y, logits, np.ones(8)) == pytest.approx(3)
    assert of_all(losses.load("categorical"), y, logits, np.ones(8)) == pytest.approx(math.log(8))


def test_errors_of_numbers() -> None:
    y = np.array([[0.0, 1.0], [2.0, 5.0], [4.0, 3.0]])
    answers = y + np.array([[1.0, -2.0], [-1.0, 2.0], [1.0, 2.0]])
    weights = np.ones(3)
    assert of_all(metrics.load("mae"), y, answers, weights) == pytest.approx(1.5)
    assert of_all(metrics.load("rmse"), y, answers, weights) == pytest.approx(math.sqrt(2.5))
    # squares of errors 3 and 12, of distances from the means 8 and 8
    expected = np.mean([1 - 3 / 8, 1 - 12 / 8])
    assert of_all(metrics.load("r2"), y, answers, weights) == pytest.approx(expected)


def test_explained_variance_does_not_suffer_from_where_zero_is() -> None:
    y = np.array([[1e6], [1e6 + 1], [1e6 + 2]])
    answers = y + np.array([[0.1], [0.0], [-0.1]])
    expected = 1 - 0.02 / 2
    assert of_all(metrics.load("r2"), y, answers, np.ones(3)) == pytest.approx(expected, rel=1e-6)


def test_no_variance_can_be_explained_of_what_does_not_vary() -> None:
    y = np.ones((3, 1))
    assert math.isnan(of_all(metrics.load("r2"), y, y, np.ones(3)))
    # whose mean is not the number itself, but for rounding
    same, weights = np.full((7, 1), 0.1 * 3.7 + 5), np.array([0.1, 0.2, 0.3, 0.7, 0.9, 0.3, 0.3])
    assert math.isnan(of_all(metrics.load("r2"), same, same + 1, weights))


def test_a_loss_has_the_metrics_of_its_targets() -> None:
    assert metrics.fitting(losses.load("squared")) == ("mse", "mae", "r2", "rmse")
    assert metrics.fitting(losses.load("bernoulli")) == ("nll",)
    assert {"cross_entropy", "error", "auroc"} <= {*metrics.fitting(losses.load("categorical"))}


def test_the_cost_is_what_is_lacking_of_the_best() -> None:
    accuracy = metrics.load("accuracy")
    assert accuracy.cost(0.75) == 0.25
    assert (accuracy.cost_name, accuracy.cost_unit) == (
        "1 - accuracy", "1 less share of right answers",
    )  # fmt: skip
    assert metrics.load("mae").cost(0.75) == 0.75
    assert [metrics.cost_name(name) for name in ("mae", "mse", "f1")] == ["mae", "mse", "1 - f1"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["f1", "balanced_accuracy", "auroc"])
def test_where_nothing_counts_there_is_no_score(name: str) -> None:
    assert math.isnan(of_all(metrics.load(name), ASKED, LOGITS, 0 * ONES))
