"""Products of permutations, against products of matrices."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import UsageError

SMALL = {"train": 30, "valid": 10, "test": 30}
ORDERS = {"S3": 6, "S4": 24, "S5": 120, "A4": 12, "A5": 60}


def matrices(group: str) -> list[np.ndarray]:
    """Permutation matrices in lexicographic order of the permutations; of `A...` those of
    determinant 1.
    """
    points = int(group[1:])
    every = [
        np.eye(points, dtype=int)[:, list(places)]
        for places in itertools.permutations(range(points))
    ]
    return [matrix for matrix in every if group[0] == "S" or round(np.linalg.det(matrix)) == 1]


@pytest.mark.parametrize("group", ORDERS)
def test_every_class_is_the_product_of_the_matrices_so_far(group: str) -> None:
    task = tasks.load("word_problem", {**SMALL, "group": group, "length": 12})
    numbered = matrices(group)
    assert task.inputs == task.outputs == len(numbered) == ORDERS[group]
    split = task.splits["test"]
    for shown, states in zip(split.x.argmax(-1), split.y):
        product = np.eye(int(group[1:]), dtype=int)
        for element, state in zip(shown, states):
            product = numbered[element] @ product  # the first is applied first
            assert (product == numbered[state]).all()


def test_whoever_sees_one_step_knows_the_first_product_only() -> None:
    sizes = {"train": 2000, "valid": 1, "test": 2000}
    scores = tasks.load("word_problem", {**sizes, "length": 10}).baselines
    under = scores["most frequent class under the symbol"]
    assert under == pytest.approx((1 - 1 / 6) * 0.9, abs=0.02)


def test_a_group_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match=r"`group` cannot be 'S6'(?s:.*)A4, A5, S3, S4, S5"):
        tasks.load("word_problem", {"group": "S6"})
