"""Several answers of yes or no about a sequence: from a table, and from arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.cli.predictions import _text
from rnnzoo.errors import TaskError, UsageError
from rnnzoo.tasks import Task
from rnnzoo.tasks._look import form, warnings

RAIN = [1, 1, 0, 1, 0, 1, 1, 0]
WIND = ["yes", "no", "no", "yes", "no", "no", "yes", "no"]
SIDES = ["train"] * 4 + ["validation"] * 2 + ["test"] * 2


def table(
    folder: Path, rain: Sequence[Any] = RAIN, target: Mapping[str, str] | None = None
) -> Task:
    rows = [
        f"{day},{hour},{day * hour},{rain[day]},{WIND[day]},{SIDES[day]}"
        for day in range(8)
        for hour in range(3)
    ]
    (folder / "days.csv").write_text("\n".join(["day,hour,x,rain,wind,side", *rows]) + "\n")
    options = {
        "file": "days.csv", "id": "day", "order": "hour", "inputs": {"x": "number"},
        "split": "side", "target": target or {"rain": "tag", "wind": "tag"},
    }  # fmt: skip
    return tasks.load("table", options, folder=folder)


def test_tags_of_a_table_are_ones_and_zeros_with_the_loss_of_their_own(tmp_path: Path) -> None:
    task = table(tmp_path)
    assert (task.loss, task.metric, task.outputs) == ("bernoulli", "nll", 2)
    np.testing.assert_array_equal(task.splits["train"].y, [[1, 1], [1, 0], [0, 0], [1, 1]])
    np.testing.assert_array_equal(task.splits["test"].y, [[1, 1], [0, 0]])


def test_the_baseline_is_the_likelihood_of_the_shares_of_train(tmp_path: Path) -> None:
    """Shares by Krichevsky and Trofimov, half a yes and half a no more: 3.5 and 2.5 of 5."""
    rain, wind = 3.5 / 5, 2.5 / 5
    both, neither = -np.log(rain * wind), -np.log((1 - rain) * (1 - wind))
    score = table(tmp_path).baselines["frequencies of train"]
    assert score == pytest.approx((both + neither) / 2)


@pytest.mark.parametrize(
    ("rain", "target", "words"),
    [
        ([1, 1, 0, 2, 0, 1, 1, 0], {"rain": "tag"}, "a tag is yes or no, and this is '2'"),
        (RAIN, {"rain": "tag", "x": "number"}, "'x' is none: they have no common loss"),
        (RAIN, {"rain": "tag", "wind": "category"}, "a category or a text is predicted alone"),
    ],
)
def test_what_is_no_tag_is_refused(
    rain: Sequence[Any], target: Mapping[str, str], words: str, tmp_path: Path
) -> None:
    with pytest.raises((TaskError, UsageError), match=words):
        table(tmp_path, rain, target)


@pytest.mark.parametrize("gap", ["", "NA", "NaN"])
def test_a_tag_that_is_missing_is_told_as_missing(gap: str, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="row 8, column 'rain': the target is missing"):
        table(tmp_path, [1, 1, gap, *RAIN[3:]], {"rain": "tag"})


@pytest.mark.parametrize("shape", [(20, 3), (20, 5, 3)])
def test_tags_of_arrays_are_of_a_sequence_or_of_each_step(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, shape)
    task = Task.from_arrays(x=rng.normal(size=(20, 5, 2)), y=y, kind="tag")
    per = "sequence" if len(shape) == 2 else "step"
    assert (task.loss, task.per, task.outputs, task.unit) == (
        "bernoulli",
        per,
        3,
        f"nats per {per}",
    )
    assert sum(len(split) for split in task.splits.values()) == 20
    assert 0.5 < task.baselines["frequencies of train"] / (3 * np.log(2)) < 2


def test_a_number_that_is_no_tag_is_refused() -> None:
    x, y = np.zeros((9, 5, 2)), np.full((9, 3), 0.5)
    with pytest.raises(TaskError, match=r"y holds 1 for yes and 0 for no, and there is 0\.5"):
        Task.from_arrays(x=x, y=y, kind="tag")


def test_tags_of_a_table_keep_their_names(tmp_path: Path) -> None:
    task = table(tmp_path)
    assert task.classes == ("rain", "wind")
    assert form(task).endswith("2 zeros or ones (rain, wind) a sequence")


def test_predictions_of_tags_name_them(tmp_path: Path) -> None:
    assert _text(table(tmp_path), np.array([1.0, 0.25])) == "rain 1, wind 0.25"


def test_a_tag_that_is_the_same_in_all_of_train_is_a_warning(tmp_path: Path) -> None:
    task = table(tmp_path, [1, 1, 1, 1, 0, 1, 1, 0])
    (remark,) = (remark for remark in warnings(task) if "tag" in remark.problem)
    assert remark.problem.startswith("tag rain is the same in all of train")


def test_tags_of_which_each_sequence_has_exactly_one_are_a_warning() -> None:
    y = np.eye(3)[np.arange(30) % 3]
    x = np.random.default_rng(2).normal(size=(30, 5, 2))
    problems = [remark.problem for remark in warnings(Task.from_arrays(x=x, y=y, kind="tag"))]
    assert any("every sequence to predict has exactly one 1" in problem for problem in problems)
