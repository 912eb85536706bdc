"""Tables whose steps lie at uneven times, and lack values: `time:`, and `missing: mask`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import RnnzooError, TaskError
from rnnzoo.tasks import Task

# four sequences of three steps, in no order; b is missing at times
ROWS = [(name, time, side) for name, side in zip("pqrs", ("train", "train", "valid", "test"))
        for time in (0, 1, 4)]  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    lines = ["who,when,a,b,y,split,back"]
    for number, (who, time, side) in enumerate(ROWS):
        b = "" if number % 3 == 1 else str(number)
        lines.append(
            f"{who},{10 * time},{number * number % 7}.5,{b},{'xy'[number // 3 % 2]},{side},{-time}"
        )
    first, *others = lines
    path = tmp_path / "ward.csv"
    path.write_text("\n".join([first, *reversed(others)]) + "\n")
    return path


def table(file: Path, **options: Any) -> Task:
    given = {"file": file.name, "id": "who", "inputs": ["a", "b"], "target": {"y": "category"},
             "split": "split", "missing": "zero", **options}  # fmt: skip
    return tasks.load("table", given, folder=file.parent)


def test_the_time_since_the_step_before_is_an_input_in_units_of_trains_mean(file: Path) -> None:
    task = table(file, time="when")
    assert task.input_names == ("a", "b", "dt")
    assert task.fills == {"dt": (2,)}
    for split in task.splits.values():  # gaps of 10 and 30 are 20 in the mean
        np.testing.assert_allclose(split.x[..., 2], [[0, 0.5, 1.5]] * len(split))


def test_times_order_the_steps_where_nothing_else_does(file: Path) -> None:
    by_order = table(file, order="when").splits["train"].x
    np.testing.assert_array_equal(table(file, time="when").splits["train"].x[..., :2], by_order)


def test_dates_are_times(file: Path) -> None:
    dates = {"0": "2024-01-01", "10": "2024-01-02", "40": "2024-01-05", "when": "when"}
    rows = [line.split(",") for line in file.read_text().splitlines()]
    file.write_text("\n".join(",".join([who, dates[when], *rest]) for who, when, *rest in rows))
    x = table(file, time="when").splits["train"].x
    np.testing.assert_allclose(x[..., 2], [[0, 0.5, 1.5]] * 2)


def test_a_mask_says_of_each_input_whether_it_is_observed(file: Path) -> None:
    task = table(file, time="when", missing="mask")
    assert task.input_names == ("a", "b", "dt", "a observed", "b observed")
    assert task.fills == {"dt": (2,), "mask": (3, 4)}
    x = task.splits["train"].x
    np.testing.assert_array_equal(x[..., 3], np.ones((2, 3)))
    np.testing.assert_array_equal(x[..., 4], [[1, 0, 1]] * 2)
    assert (x[..., 1][x[..., 4] == 0] == 0).all()


def test_a_window_begins_with_the_time_since_the_step_before_it(file: Path) -> None:
    task = table(file, time="when", window={"length": 2, "step": 1})
    np.testing.assert_allclose(np.sort(task.splits["test"].x[..., 2], 0), [[0, 0.5], [0.5, 1.5]])


def test_what_cannot_be_is_refused(file: Path) -> None:
    with pytest.raises(TaskError, match="the time is before that of the step before"):
        table(file, time="when", order="back")
    with pytest.raises(RnnzooError, match="no column 'whenn'"):
        table(file, time="whenn")
