"""What is probably not meant in one's data, and is said before training begins; and that nothing is
said of what is meant.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import Remark
from rnnzoo.tasks import Split, Task
from tests.samples import FREE_TASKS

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 8, 2)).astype("float32")
Y = np.arange(60) % 3
SPLIT = np.repeat(["train", "validation", "test"], 20)


def remarks(folder: Path, kind: str = "classify", **arrays: np.ndarray) -> tuple[Remark, ...]:
    """All warnings about a file."""
    np.savez(folder / "my.npz", **arrays)
    return tasks.warnings(tasks.load("arrays", {"file": "my.npz", "kind": kind}, folder=folder))


def told(folder: Path, kind: str = "classify", **arrays: np.ndarray) -> str:
    """The same as text."""
    return "\n".join(map(str, remarks(folder, kind, **arrays)))


def test_a_sentence_of_a_task_is_a_warning_without_a_fix() -> None:
    given = ("these are two numbers", Remark("they are odd", "add one"))
    task = replace(tasks.load("adding", {"length": 4}), warnings=given)
    assert tasks.warnings(task) == (Remark("these are two numbers"), given[1])


@pytest.mark.parametrize("name", FREE_TASKS)
def test_nothing_is_said_of_the_tasks_that_come_with_it(name: str) -> None:
    assert tasks.warnings(tasks.load(name)) == ()


def test_nothing_is_said_of_data_as_they_should_be(tmp_path: Path) -> None:
    assert not told(tmp_path, x=X, y=Y, split=SPLIT)
    assert not told(tmp_path, "regress", x=X, y=X.sum((1, 2)), split=SPLIT)
    assert not told(tmp_path, "next_step", x=X > 0, split=SPLIT)


def test_a_test_set_of_six_says_what_it_can_tell(tmp_path: Path) -> None:
    split = np.repeat(["train", "validation", "test"], [34, 20, 6])
    (remark,) = remarks(tmp_path, x=X, y=Y, split=split)
    # 1 - 0.025 ** (1 / 6), Clopper and Pearson 1934
    assert remark.problem == (
        "test has 6 sequences: of a model that is wrong on none of them, the true share of wrong"
        " answers may be anything up to 46 %"
    )
    assert remark.fix == "more sequences, or a larger share of them in test"
    assert not told(tmp_path, "regress", x=X, y=X.sum((1, 2)), split=split)


def test_a_split_by_a_shuffle_is_said_to_be_one(tmp_path: Path) -> None:
    assert (
        "no `split` and no `group`: sequences go to train, validation and test by a shuffle"
        in told(tmp_path, x=X, y=Y)
    )
    assert not told(tmp_path, x=X, y=Y, group=np.arange(60) // 3)


@pytest.mark.parametrize("step", [1, 3])
def test_windows_of_one_series_are_recognised(tmp_path: Path, step: int) -> None:
    series = RNG.normal(size=400)
    windows = np.lib.stride_tricks.sliding_window_view(series, 8)[::step]
    text = told(tmp_path, x=windows, y=np.arange(len(windows)) % 2)
    assert f"windows of one series, each begun {step} step" in text
    assert "a `split` by time" in text
    apart = series.reshape(-1, 8)
    assert "windows" not in told(tmp_path, x=apart, y=np.arange(len(apart)) % 2)
    still = np.ones((60, 8))
    assert "windows" not in told(tmp_path, x=still, y=Y)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ((RNG.random((60, 8, 2)) * 255).astype("uint8"), "of x has mean 12"),
        (X * 1e-4, "of x has mean"),
        (X + np.array([0, 500]), "column 1 of x has mean 500"),
        (X * 1e9, "single precision keeps only 7 digits"),
    ],
)
def test_inputs_far_from_1_are_told_with_what_to_write(
    tmp_path: Path, x: np.ndarray, words: str
) -> None:
    text = told(tmp_path, x=x, y=Y, split=SPLIT)
    assert words in text
    assert "\n  fix: (x - mean) / deviation, both taken from train" in text


def test_only_real_steps_of_train_count(tmp_path: Path) -> None:
    x = X.copy()
    x[:, 5:] = 1e6
    assert not told(tmp_path, x=x, y=Y, split=SPLIT, lengths=np.full(60, 5))
    x = X.copy()
    x[20:] *= 1e6
    assert not told(tmp_path, x=x, y=Y, split=SPLIT)


def test_targets_far_from_1_are_told(tmp_path: Path) -> None:
    text = told(tmp_path, "regress", x=X, y=X.sum((1, 2)) * 2e5 + 5e5, split=SPLIT)
    assert "y has mean" in text
    assert "scores are in the units of y, squared" in text


def test_the_deviation_is_that_of_numpy(tmp_path: Path) -> None:
    y = RNG.normal(size=(60, 3)) * [1, 50, 20] + [0, 100, 0]
    text = told(tmp_path, "regress", x=X, y=y, split=SPLIT)
    train = y[:20, 1].astype("float32").astype(float)
    assert (
        f"column 1 of y has mean {train.mean():.4g} and standard deviation {train.std():.4g}"
        in text
    )


def test_whole_numbers_that_may_be_ids_are_told(tmp_path: Path) -> None:
    ids = RNG.integers(0, 50, (60, 8))
    ids[0, 0] = 49
    ids[-1] = 0
    text = told(tmp_path, "next_step", x=ids, split=SPLIT)
    assert "whole numbers from 0 to 49" in text
    assert "predicts them by squared error" in text
    (remark,) = remarks(tmp_path, x=ids, y=Y, split=SPLIT)
    assert "x=np.eye(50)[x]" in remark.fix
    assert "whole numbers" not in told(tmp_path, x=ids + 0.5, y=Y, split=SPLIT)
    assert "whole numbers" not in told(tmp_path, x=ids - 25, y=Y, split=SPLIT)


def test_one_hot_ids_are_said_to_be_predicted_column_by_column(tmp_path: Path) -> None:
    text = told(tmp_path, "next_step", x=np.eye(5)[RNG.integers(0, 5, (60, 8))], split=SPLIT)
    assert "exactly one 1: its 5 columns are predicted each by itself" in text


def test_a_class_that_a_split_lacks_is_told(tmp_path: Path) -> None:
    in_test = np.where(SPLIT == "test", Y, Y % 2)
    assert "train lacks class 2, which validation or test has" in told(
        tmp_path, x=X, y=in_test, split=SPLIT
    )
    in_train = np.where(SPLIT == "train", Y, Y % 2)
    text = told(tmp_path, x=X, y=in_train, split=SPLIT)
    assert "test lacks class 2, which train has" in text
    assert "validation lacks class 2, which train has" in text
    alone = np.where(SPLIT == "train", 0, Y % 2)
    assert "train has one class only, class 0" in told(tmp_path, x=X, y=alone, split=SPLIT)


def test_a_step_that_does_not_count_has_no_class() -> None:
    """What stands there is 0, which is no class of the data."""
    y = np.tile(np.array([0, 1, 2], np.int32), (20, 1))
    counts = np.tile(np.array([0, 1, 1], np.float32), (20, 1))
    split = Split(X[:20, :3], y, np.full(20, 3, np.int32), counts)
    task = Task("mine", dict.fromkeys(tasks.SPLITS, split), "categorical", "step", 3, "error", "")
    assert "there is no class 0" in "\n".join(map(str, tasks.warnings(task)))
    of_table = "\n".join(map(str, tasks.warnings(replace(task, name="table"))))
    assert "a smaller `step` in `window`" in of_table
    assert "y=" not in of_table
    numbers = np.where(counts > 0, np.float32(500), np.float32(0))[..., None]
    split = replace(split, y=numbers)
    task = Task("mine", dict.fromkeys(tasks.SPLITS, split), "squared", "step", 1, "mse", "")
    assert "y has mean 500 and standard deviation 0" in "\n".join(map(str, tasks.warnings(task)))


def test_labels_that_do_not_count_from_0_are_told(tmp_path: Path) -> None:
    text = told(tmp_path, x=X, y=Y + 1, split=SPLIT)
    assert "there is no class 0, and the read-out has a unit for it" in text
    assert "np.unique(y, return_inverse=True)[1]" in text
    text = told(tmp_path, x=X, y=np.where(Y == 2, 99_999, Y), split=SPLIT)
    assert "there are no classes 2, 3, " in text
    assert "and 99,992 more, and the read-out has a unit for each" in text


def test_a_target_that_is_not_used_is_told(tmp_path: Path) -> None:
    assert "y is not used" in told(tmp_path, "next_step", x=X, y=Y, split=SPLIT)


def test_the_scale_of_targets_at_every_step_is_told_unless_they_are_the_inputs(
    tmp_path: Path,
) -> None:
    text = told(tmp_path, "regress", x=X, y=X * 1000, split=SPLIT)
    assert "column 1 of y has mean" in text or "column 0 of y has mean" in text
    assert "of y" not in told(tmp_path, "next_step", x=X * 1000, split=SPLIT)


def test_how_data_were_read_fits_into_a_line(tmp_path: Path) -> None:
    np.savez(tmp_path / "my.npz", x=X, y=Y, split=SPLIT, lengths=np.arange(60) % 4 + 5)
    task = tasks.load("arrays", {"file": "my.npz"}, folder=tmp_path)
    expected = (
        "20 train, 20 validation, 20 test sequences; 5 to 8 steps, 2 inputs; one class of 3 a"
        " sequence"
    )
    assert tasks.form(task) == expected


def test_classes_go_by_their_names_where_they_have_them(tmp_path: Path) -> None:
    split, y = SPLIT.copy(), Y.copy()
    y[split == "test"] = 0
    np.savez(tmp_path / "my.npz", x=X, y=y, split=split)
    task = tasks.load("arrays", {"file": "my.npz"}, folder=tmp_path)
    named = replace(task, classes=("cat", "dog\x1b[31m", "e" * 99))
    names = f"dog\N{REPLACEMENT CHARACTER}[31m, {'e' * 21}..."
    assert tasks.form(named).endswith(f"one class of 3 (cat, {names}) a sequence")
    assert any(f"test lacks classes {names}, which" in str(r) for r in tasks.warnings(named))
    many = replace(task, outputs=9, classes=tuple("abcdefghi"))
    assert tasks.form(many).endswith("one class of 9 (a, b, c, d, e and 4 more) a sequence")


def test_time_on_the_last_axis_is_told_and_on_its_own_is_not(tmp_path: Path) -> None:
    smooth = np.cumsum(RNG.normal(size=(60, 40, 3)), 1).astype("float32") / 6
    swapped = told(tmp_path, x=smooth.transpose(0, 2, 1), y=Y, split=SPLIT)
    assert "x has 3 steps of 40 inputs" in swapped
    assert "x.transpose(0, 2, 1)" in swapped
    assert not told(tmp_path, x=smooth, y=Y, split=SPLIT)
    noise = RNG.normal(size=(60, 3, 40))
    assert not told(tmp_path, x=noise, y=Y, split=SPLIT)
