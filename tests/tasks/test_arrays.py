"""One's own data: what fits, and what is said of what does not."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.lib.format
import pytest

from rnnzoo import tasks
from rnnzoo.errors import RnnzooError, TaskError, UsageError
from rnnzoo.tasks._options import wrong

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 7, 2)).astype("float32")
Y = RNG.integers(0, 3, 30)


def load(folder: Path, kind: str = "classify", per: str = "", **arrays: np.ndarray) -> tasks.Task:
    return load_with(folder, {"kind": kind, "per": per}, **arrays)


def load_with(folder: Path, options: dict[str, Any], **arrays: np.ndarray) -> tasks.Task:
    np.savez(folder / "my.npz", **arrays)
    return tasks.load("arrays", {"file": "my.npz", **options}, folder=folder)


def test_a_file_to_classify(tmp_path: Path) -> None:
    task = load(tmp_path, x=X, y=Y)
    assert (task.loss, task.per, task.outputs, task.metric) == (
        "categorical",
        "sequence",
        3,
        "error",
    )
    assert sum(map(len, task.splits.values())) == 30


def test_a_split_of_ones_own_is_kept(tmp_path: Path) -> None:
    split = np.array(["train"] * 20 + ["validation"] * 4 + ["test"] * 6)
    task = load(tmp_path, x=X, y=Y, split=split)
    assert [len(task.splits[name]) for name in tasks.SPLITS] == [20, 4, 6]
    np.testing.assert_array_equal(task.splits["test"].y, Y[24:])
    usual = np.bincount(Y[:20]).argmax()
    assert task.baselines["most frequent class"] == (Y[24:] != usual).mean()


def test_to_regress_one_number_or_several(tmp_path: Path) -> None:
    assert load(tmp_path, "regress", x=X, y=X.sum((1, 2))).outputs == 1
    task = load(tmp_path, "regress", x=X, y=X.sum(1))
    assert (task.outputs, task.metric) == (2, "mse")


def test_next_step_takes_zeros_and_ones_for_bernoulli_and_numbers_for_squares(
    tmp_path: Path,
) -> None:
    binary = (X > 0).astype("uint8")
    task = load(tmp_path, "next_step", x=binary)
    assert (task.loss, task.per, task.outputs) == ("bernoulli", "step", 2)
    assert load(tmp_path, "next_step", x=X).loss == "squared"


def test_lengths_cut_and_nan_in_the_padding_does_not_matter(tmp_path: Path) -> None:
    lengths = np.array([3, 7] * 15)
    x = X.copy()
    x[lengths == 3, 3:] = np.nan
    task = load(tmp_path, "next_step", x=x, lengths=lengths)
    for split in task.splits.values():
        assert set(split.lengths) <= {2, 6}
        assert np.isfinite(split.x).all()


WORDS = np.array(["cat", "dog", "eel"])
SPLIT = np.array(["train"] * 20 + ["validation"] * 4 + ["test"] * 6)
HOLES = np.where(np.arange(7)[None, :, None] == 4, np.nan, X)
HOLES[:5] = X[:5]

# what somebody wrote -> the problem, and what to write instead
REFUSED: dict[str, tuple[dict[str, np.ndarray], str, str, str]] = {
    "no y": ({"x": X}, "classify", "has no array 'y'", "it holds x"),
    "no x": ({"y": Y}, "classify", "has no array 'x'", "it holds y"),
    "capitals": ({"X": X, "Y": Y}, "classify", "has no array 'x'", "names are small letters"),
    "no names": (
        {"arr_0": X, "arr_1": Y},
        "classify",
        "has no array 'x'",
        "give them names: np.savez('my.npz', x=x, y=y)",
    ),
    "x of one sequence": (
        {"x": X[0, 0], "y": Y},
        "classify",
        "x has shape",
        "cut it into sequences",
    ),
    "one series": ({"x": X.reshape(-1)}, "next_step", "one series", "reshape(-1, 50)"),
    "x empty": ({"x": X[:0], "y": Y[:0]}, "classify", "x has shape", "none of them 0"),
    "x text": ({"x": X.astype(str), "y": Y}, "classify", "must hold numbers", "x.astype(float)"),
    "x complex": (
        {"x": X.astype(complex), "y": Y},
        "classify",
        "must hold numbers",
        "np.stack([x.real, x.imag], -1)",
    ),
    "x dates": ({"x": X.astype("M8[s]"), "y": Y}, "classify", "must hold numbers", "timedelta64"),
    "x ragged": (
        {"x": np.array([{}] * 30, dtype=object), "y": Y},
        "classify",
        "'x' holds Python objects",
        "pad sequences",
    ),
    "y of others": (
        {"x": X, "y": Y[:5]},
        "classify",
        "y has shape (5,)",
        "one row for each of the 30 sequences",
    ),
    "x by time": (
        {"x": X.transpose(1, 0, 2), "y": Y},
        "classify",
        "y has shape",
        "x.transpose(1, 0, 2)",
    ),
    "y a number": (
        {"x": X, "y": np.int64(3)},
        "classify",
        "y is a single number",
        "one row for each",
    ),
    "y without columns": (
        {"x": X, "y": np.zeros((30, 0))},
        "regress",
        "nothing to predict",
        "one number or more",
    ),
    "y of pandas": (
        {"x": X, "y": WORDS[Y].astype(object)},
        "classify",
        "'y' holds Python objects",
        "y=y.astype(str)",
    ),
    "y numbers as text": ({"x": X, "y": Y.astype(str)}, "regress", "not <U", "y=y.astype(float)"),
    "y broken": ({"x": X, "y": Y + 0.5}, "classify", "no whole number", "kind: regress"),
    "y below 0": ({"x": X, "y": Y - 1}, "classify", "the least is -1", "np.unique"),
    "y huge": (
        {"x": X, "y": np.full(30, 2**63, np.uint64)},
        "classify",
        "the largest is 9.2",
        "np.unique",
    ),
    "y with a hole": (
        {"x": X, "y": np.where(Y[0] == Y, np.nan, Y)},
        "classify",
        "NaN or infinite",
        "keep = np.isfinite(y)",
    ),
    "one class": ({"x": X, "y": Y * 0}, "classify", "one class only", "two classes or more"),
    "several labels": (
        {"x": X, "y": np.eye(3)[Y] + np.eye(3)[0] > 0},
        "classify",
        "several labels",
        "kind: regress",
    ),
    "one name only": (
        {"x": X, "y": np.full(30, "cat")},
        "classify",
        "all are 'cat', one class only",
        "two classes or more",
    ),
    "several labels a step": (
        {"x": X, "y": np.ones((30, 7, 3))},
        "classify",
        "not one 1 among zeros at each step",
        "kind: regress predicts 3 numbers",
    ),
    "names in columns": (
        {"x": X, "y": WORDS[[Y, Y]].T},
        "classify",
        "it has shape (30, 2)",
        "one at each of the 7 steps",
    ),
    "a hole at a step": (
        {"x": X, "y": np.where(np.arange(7) == 4, np.nan, Y[:, None])},
        "classify",
        "30 of them are NaN or infinite, the first that of sequence 0, step 4",
        "np.isfinite(y).all(1)",
    ),
    "one-hot or at every step": (
        {"x": X[:, :3], "y": np.eye(3)[Y]},
        "classify",
        "one-hot classes of a sequence, or a class at every step?",
        "per: sequence, or per: step",
    ),
    "numbers or one at every step": (
        {"x": X, "y": X[..., 0]},
        "regress",
        "7 numbers to predict at the end of a sequence, or one at every step?",
        "per: sequence, or per: step",
    ),
    "a number missing at a step": (
        {"x": X, "y": np.where(X[..., :1] == X[3, 2, 0], np.nan, X[..., :1])},
        "regress",
        "y holds 1 NaN or infinite values, the first in sequence 3, step 2, output 0",
        "np.isfinite(y).all((1, 2))",
    ),
    "y deep": (
        {"x": X, "y": np.zeros((30, 2, 2))},
        "regress",
        "more than (sequences, outputs)",
        "y.reshape(30, -1)",
    ),
    "y infinite": (
        {"x": X, "y": np.where(Y == 1, np.inf, 1.0)},
        "regress",
        "y holds",
        "np.isfinite(y)",
    ),
    "long": (
        {"x": X, "y": Y, "lengths": np.full(30, 9)},
        "classify",
        "from 1 to 7, the steps of x, and not 9",
        "lengths=",
    ),
    "short": (
        {"x": X, "y": Y, "lengths": np.full(30, 0)},
        "classify",
        "from 1 to 7, the steps of x, and not 0",
        "lengths=",
    ),
    "lengths of pandas": (
        {"x": X, "y": Y, "lengths": np.full(30, 7.0)},
        "classify",
        "whole numbers",
        "lengths.astype(int)",
    ),
    "lengths in a column": (
        {"x": X, "y": Y, "lengths": np.full((30, 1), 7)},
        "classify",
        "(30, 1)",
        "lengths[:, 0]",
    ),
    "split of pandas": (
        {"x": X, "y": Y, "split": SPLIT.astype(object)},
        "classify",
        "'split' holds",
        "split.astype(str)",
    ),
    "split misspelt": (
        {"x": X, "y": Y, "split": np.array(["trian"] * 30)},
        "classify",
        "and not 'trian'",
        "'train'",
    ),
    "split of floats": (
        {"x": X, "y": Y, "split": np.repeat([0.0, 1, 2], 10)},
        "classify",
        "not float64",
        "split.astype(int)",
    ),
    "split of two": (
        {"x": X, "y": Y, "split": Y == 0},
        "classify",
        "no names of splits",
        "np.where(split",
    ),
    "no train": (
        {"x": X, "y": Y, "split": np.repeat(["test", "val"], 15)},
        "classify",
        "the train split is empty",
        "most of the sequences",
    ),
    "one sequence of train": (
        {"x": X, "y": Y, "split": np.array(["train"] + ["test"] * 29)},
        "classify",
        "the validation split is empty, and train has one sequence only",
        "'validation'",
    ),
    "one group of train": (
        {"x": X, "y": Y, "split": np.repeat(["train", "test"], 15), "group": np.repeat([0, 1], 15)},
        "classify",
        "train has one group only",
        "'validation'",
    ),
    "no test": (
        {"x": X, "y": Y, "split": np.repeat([0, 1], 15)},
        "classify",
        "the test split is empty",
        "split == 0)[::5]] = 2; where 1 means test, split=2 * split",
    ),
    "few": (
        {"x": X[:4], "y": np.arange(4) % 2},
        "classify",
        "4 sequences are too few",
        "`split` says",
    ),
    "one group": (
        {"x": X, "y": Y, "group": Y * 0},
        "classify",
        "group names 1 group, and",
        "`split`",
    ),
    "two groups": ({"x": X, "y": Y, "group": Y > 0}, "classify", "group names 2 groups", "`split`"),
    "a torn group": (
        {"x": X, "y": Y, "split": SPLIT, "group": np.arange(30) // 15},
        "classify",
        "group 1 is in train and in test",
        "keep groups whole",
    ),
    "holes": (
        {"x": HOLES, "y": Y},
        "classify",
        "x holds 50 NaN or infinite values, the first in sequence 5, step 4, input 0",
        "keep =",
    ),
    "open ends": (
        {"x": np.where(np.arange(7)[None, :, None] < 3, X, np.nan), "y": Y},
        "classify",
        "x holds 240",
        "lengths=(~np.isnan(x[..., 0])).sum(1)",
    ),
    "too large": (
        {"x": X.astype(float) * 1e300, "y": Y},
        "classify",
        "too large for single precision",
        "x=x / a number",
    ),
    "targets too large to be squared": (
        {"x": X, "y": X[:, 0, 0].astype(float) * 1e30},
        "regress",
        "the squares of y are too large",
        "y=(y - y.mean()) / y.std()",
    ),
    "steps too large to be squared": (
        {"x": X.astype(float) * 1e30},
        "next_step",
        "the squares of x are too large",
        "x=(x - x.mean()) / x.std()",
    ),
    "no kind": ({"x": X, "y": Y}, "clasify", "no kind 'clasify'", "did you mean 'classify'"),
    "one step": ({"x": X[:, :1]}, "next_step", "at least 2 steps", "leave out"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_said_with_what_to_write_instead(tmp_path: Path, case: str) -> None:
    arrays, kind, problem, fix = REFUSED[case]
    with pytest.raises(RnnzooError) as caught:
        load(tmp_path, kind, **arrays)
    told, _, mended = str(caught.value).partition("\n  fix: ")
    assert problem in told
    assert fix in mended


TRAIN, TEST = slice(20), slice(20, 30)
PARTS = {"X_train": X[TRAIN], "y_train": Y[TRAIN], "X_test": X[TEST], "y_test": Y[TEST]}
REFUSED |= {
    "train only": (
        {"X_train": X, "y_train": Y},
        "classify",
        "has no array 'x'",
        "X_train, y_train, X_test and y_test",
    ),
    "no labels of test": (
        {name: array for name, array in PARTS.items() if name != "y_test"},
        "classify",
        "it has X_test, and no y_test",
        "y_test=...",
    ),
    "no labels at all": (
        {"X_train": X, "X_test": X},
        "classify",
        "it has X_train, and no y_train",
        "y_train=...",
    ),
    "labels of nothing": (
        {**PARTS, "y_val": Y},
        "classify",
        "it has y_val, and no x_validation",
        "x_validation=...",
    ),
    "validation twice": (
        {**PARTS, "X_val": X, "X_valid": X, "y_val": Y},
        "classify",
        "X_val and X_valid are of the same split",
        "one of them",
    ),
    "lengths of train only": (
        {**PARTS, "lengths_train": np.full(20, 7)},
        "classify",
        "it has X_test, and no lengths_test",
        "lengths_test=...",
    ),
    "other inputs in test": (
        {**PARTS, "X_test": X[TEST, :, :1]},
        "classify",
        "X_train has shape (20, 7, 2), and X_test (10, 7, 1)",
        "nothing else",
    ),
    "names in test": (
        {**PARTS, "y_test": WORDS[Y[TEST]]},
        "classify",
        "y_train holds int64, and y_test <U3",
        "y_test=y_test.astype(y_train.dtype)",
    ),
    "one-hot in test": (
        {**PARTS, "y_test": np.eye(3)[Y[TEST]]},
        "classify",
        "y_train has shape (20,), and y_test (10, 3)",
        "nothing else",
    ),
    "labels of others in test": (
        {**PARTS, "y_test": Y[:9]},
        "classify",
        "y_test has shape (9,)",
        "one row for each of the 10 sequences",
    ),
    "objects in train": (
        {**PARTS, "y_train": WORDS[Y[TRAIN]].astype(object)},
        "classify",
        "'y_train' holds Python objects",
        "y_train=y_train.astype(str)",
    ),
    "text in test": (
        {**PARTS, "X_test": X[TEST].astype(str)},
        "classify",
        "'X_test' must hold numbers",
        "X_test=X_test.astype(float)",
    ),
}

# and with an option `per`
REFUSED_PER: dict[str, tuple[dict[str, np.ndarray], str, str, str, str]] = {
    "no such place": ({"x": X, "y": Y}, "classify", "steps", "cannot be 'steps'", "'step'"),
    "next step of a sequence": (
        {"x": X},
        "next_step",
        "sequence",
        "next_step predicts every step",
        "leave `per` out",
    ),
    "one label": (
        {"x": X, "y": Y},
        "classify",
        "step",
        "y has shape (30,), and with `per: step` it is (30, 7) or (30, 7, outputs)",
        "leave `per` out",
    ),
    "labels of steps": (
        {"x": X, "y": np.repeat(Y[:, None], 7, 1)},
        "classify",
        "sequence",
        "it has shape (30, 7), a class at every step",
        "y=y[:, -1]",
    ),
    "tags of a sequence or of steps": (
        {"x": X, "y": (X[..., 0] > 0).astype(int)},
        "tag",
        "",
        "y has shape (30, 7), and x has 7 steps: 7 tags of a sequence, or one at every step?",
        "per: sequence, or per: step",
    ),
    "numbers of steps": (
        {"x": X, "y": X},
        "regress",
        "sequence",
        "a target at every step, and not one a sequence",
        "y=y[:, -1]",
    ),
}


@pytest.mark.parametrize("case", REFUSED_PER)
def test_per_says_what_the_shape_leaves_open_and_nothing_else(tmp_path: Path, case: str) -> None:
    arrays, kind, per, problem, fix = REFUSED_PER[case]
    with pytest.raises(RnnzooError) as caught:
        load(tmp_path, kind, per, **arrays)
    told, _, mended = str(caught.value).partition("\n  fix: ")
    assert problem in told
    assert fix in mended


REFUSED_OPTIONS: dict[str, tuple[dict[str, Any], dict[str, np.ndarray], str, str]] = {
    "no such split": ({"split": "random"}, {}, "`split` cannot be 'random'", "shuffle, stratified"),
    "all for validation": ({"validation": 1.0}, {}, "between 0 and 1, not 1.0", "0.15"),
    "nothing to stratify by": (
        {"split": "stratified", "kind": "regress"},
        {},
        "needs classes, and 'regress' has none",
        "leave it out",
    ),
    "no class of a sequence": (
        {"split": "stratified"},
        {"y": np.repeat(Y[:, None], 7, 1)},
        "needs one class a sequence",
        "leave it out",
    ),
    "split twice": (
        {"split": "stratified"},
        {"split": SPLIT},
        "the file has a `split`",
        "leave it out",
    ),
    "split by group": (
        {"split": "stratified"},
        {"group": np.arange(30)},
        "the file has a `group`",
        "leave it out",
    ),
    "two of a class": (
        {"split": "stratified"},
        {"y": WORDS[np.array([2, 2] + [0, 1] * 14)]},
        "class 'eel' has 2 sequences, and there are three splits",
        "leave the class out",
    ),
}


@pytest.mark.parametrize("case", REFUSED_OPTIONS)
def test_an_option_that_does_not_fit_is_said(tmp_path: Path, case: str) -> None:
    options, arrays, problem, fix = REFUSED_OPTIONS[case]
    with pytest.raises(RnnzooError) as caught:
        load_with(tmp_path, options, **{"x": X, "y": Y, **arrays})
    told, _, mended = str(caught.value).partition("\n  fix: ")
    assert problem in told
    assert fix in mended


# ------------------------------------------------------------------ splits

VALIDATION = {"X_val": X[:5], "y_val": Y[:5]}


@pytest.mark.parametrize("write", [str, str.lower, str.upper])
@pytest.mark.parametrize("called", ["val", "valid", "validation", "dev"])
def test_a_file_that_is_split_already_is_one_with_split(
    tmp_path: Path, write: Callable[[str], str], called: str
) -> None:
    parts = {**PARTS, f"X_{called}": X[:5], f"y_{called}": Y[:5], "lengths": np.zeros(3)}
    task = load(tmp_path, **{write(name): array for name, array in parts.items()})
    split = np.repeat(["train", "validation", "test"], [20, 5, 10])
    x, y = (np.concatenate([array[TRAIN], array[:5], array[TEST]]) for array in (X, Y))
    assert task.digest == load(tmp_path, x=x, y=y, split=split).digest
    assert not any("shuffle" in str(remark) for remark in task.warnings)


def test_splits_of_other_lengths_are_padded(tmp_path: Path) -> None:
    at_steps = X[..., :1]
    parts = {
        "x_train": X[TRAIN],
        "y_train": at_steps[TRAIN],
        "x_valid": X[TRAIN, :4],
        "y_valid": at_steps[TRAIN, :4],
        "x_test": X[TEST, :5],
        "y_test": at_steps[TEST, :5],
    }
    task = load(tmp_path, "regress", **parts)
    assert [set(task.splits[name].lengths) for name in tasks.SPLITS] == [{7}, {4}, {5}]
    np.testing.assert_array_equal(task.splits["test"].y[:, :5], at_steps[TEST, :5])
    assert not task.splits["test"].y[:, 5:].any()
    assert load(tmp_path, "next_step", **parts).splits["test"].lengths.max() == 4


def test_without_validation_a_share_of_train_is_taken_in_proportion_to_the_classes(
    tmp_path: Path,
) -> None:
    x = np.arange(480.0).reshape(120, 4) / 480
    y = np.repeat([0, 1, 2], [60, 40, 20])
    split = np.where(np.arange(120) % 6 == 5, "test", "train")
    task = load(tmp_path, x=x, y=y, split=split)
    train = np.bincount(y[split == "train"])
    assert list(train) == [50, 34, 16]
    assert list(np.bincount(task.splits["validation"].y)) == [8, 5, 2]  # of 7.5, 5.1 and 2.4
    told = next(remark for remark in task.warnings if "validation" in remark.problem)
    assert "15 % of train, 15 sequences, are taken for it, in proportion to" in told.problem
    np.testing.assert_array_equal(task.splits["test"].y, y[split == "test"])
    assert task.digest == load(tmp_path, x=x, y=y, split=split).digest
    both = [task.splits[name].x[:, 0, 0] for name in ("train", "validation")]
    np.testing.assert_array_equal(
        np.sort(np.concatenate(both)), x[split == "train", 0].astype("float32")
    )
    half = load_with(tmp_path, {"validation": 0.5}, x=x, y=y, split=split)
    assert list(np.bincount(half.splits["validation"].y)) == [25, 17, 8]
    apart = {"x_train": x[split == "train"], "y_train": y[split == "train"]}
    apart |= {"x_test": x[split == "test"], "y_test": y[split == "test"]}
    assert load(tmp_path, **apart).digest == task.digest


def test_validation_out_of_train_tears_no_group(tmp_path: Path) -> None:
    group, split = np.arange(30) // 2, np.repeat(["train", "test"], [20, 10])
    x = np.repeat(group[:, None, None] / 30, 7, 1)
    task = load(tmp_path, x=x, y=Y, split=split, group=group)
    groups = [set(task.splits[name].x[:, 0, 0]) for name in tasks.SPLITS]
    assert [len(names) for names in groups] == [8, 2, 5]
    assert not groups[0] & groups[1]


def test_a_stratified_split_has_every_class_everywhere(tmp_path: Path) -> None:
    y = np.repeat([0, 1, 2], [97, 20, 3])
    x = np.arange(480.0).reshape(120, 4) / 480
    task = load_with(tmp_path, {"split": "stratified"}, x=x, y=y)
    counts = [list(np.bincount(task.splits[name].y)) for name in tasks.SPLITS]
    assert counts == [[67, 14, 1], [15, 3, 1], [15, 3, 1]]
    assert any("by a shuffle of each class" in str(remark) for remark in task.warnings)


def test_a_share_of_validation_that_is_not_used_is_told(tmp_path: Path) -> None:
    task = load_with(tmp_path, {"validation": 0.3}, x=X, y=Y, split=SPLIT)
    assert any("`validation` is not used" in str(remark) for remark in task.warnings)


NUMBERED = np.array([2, 0, 1] * 10)
LABELS = {  # the same classes, however they are written
    "a column": NUMBERED[:, None],
    "one-hot": np.eye(3)[NUMBERED],
    "one-hot true and false": np.eye(3, dtype=bool)[NUMBERED],
    "floats": NUMBERED.astype(float),
    "names": WORDS[NUMBERED],
    "bytes": WORDS[NUMBERED].astype("S"),
    "a column of names": WORDS[NUMBERED][:, None],
}


@pytest.mark.parametrize("form", LABELS)
def test_classes_are_the_same_however_they_are_written(tmp_path: Path, form: str) -> None:
    task = load(tmp_path, x=X, y=LABELS[form])
    assert task.digest == load(tmp_path, x=X, y=NUMBERED).digest
    assert (task.per, task.outputs) == ("sequence", 3)
    names = ("cat", "dog", "eel") if LABELS[form].dtype.kind in "US" else ()
    assert task.classes == names


LENGTHS = np.arange(30) % 5 + 3
AT_STEPS = np.cumsum(X[..., 0] > 0, 1) % 3
PADDING = np.arange(7) >= LENGTHS[:, None]
STEP_LABELS = {
    "numbers": np.where(PADDING, -1, AT_STEPS),
    "floats with nothing in the padding": np.where(PADDING, np.nan, AT_STEPS),
    "a column": np.where(PADDING, -1, AT_STEPS)[..., None],
    "one-hot": np.where(PADDING[..., None], 9, np.eye(3)[AT_STEPS]),
    "names": np.where(PADDING, "", WORDS[AT_STEPS]),
}


@pytest.mark.parametrize("form", STEP_LABELS)
def test_a_class_at_every_step_however_it_is_written(tmp_path: Path, form: str) -> None:
    task = load(tmp_path, x=X, y=STEP_LABELS[form], lengths=LENGTHS, split=SPLIT)
    assert (task.loss, task.per, task.outputs, task.metric) == ("categorical", "step", 3, "error")
    assert task.classes == (("cat", "dog", "eel") if form == "names" else ())
    np.testing.assert_array_equal(
        np.concatenate([task.splits[name].y for name in tasks.SPLITS]),
        np.where(PADDING, 0, AT_STEPS),
    )
    usual = np.bincount(AT_STEPS[:20][~PADDING[:20]]).argmax()
    others = (usual != AT_STEPS)[24:][~PADDING[24:]]
    assert task.baselines["most frequent class"] == others.mean()


def test_numbers_at_every_step(tmp_path: Path) -> None:
    y = np.where(PADDING[..., None], np.nan, X)
    task = load(tmp_path, "regress", x=X, y=y, lengths=LENGTHS, split=SPLIT)
    assert (task.loss, task.per, task.outputs, task.metric) == ("squared", "step", 2, "mse")
    np.testing.assert_array_equal(task.splits["test"].y, np.where(PADDING[..., None], 0, X)[24:])
    mean = X[:20][~PADDING[:20]].astype(float).mean(0)
    errors = (X.astype(float) - mean)[24:][~PADDING[24:]] ** 2
    assert task.baselines["mean of train"] == pytest.approx(errors.mean(), rel=1e-12)


def test_per_decides_where_a_shape_can_be_read_in_two_ways(tmp_path: Path) -> None:
    y = X[..., 0]
    assert load(tmp_path, "regress", "sequence", x=X, y=y).outputs == 7
    at_steps = load(tmp_path, "regress", "step", x=X, y=y)
    assert at_steps.outputs == 1
    assert at_steps.digest == load(tmp_path, "regress", x=X, y=y[..., None]).digest
    few, one_hot = X[:, :3], np.eye(3)[NUMBERED]
    assert load(tmp_path, "classify", "sequence", x=few, y=one_hot).outputs == 3
    assert load(tmp_path, "classify", "step", x=few, y=one_hot).outputs == 2
    single = X[:, :1]
    assert load(tmp_path, "regress", x=single, y=single[..., 0]).per == "sequence"
    assert load(tmp_path, "regress", "step", x=single, y=single[..., 0]).per == "step"


def test_a_class_that_is_called_as_a_missing_label_is_told(tmp_path: Path) -> None:
    task = load(tmp_path, x=X, y=np.array(["cat", "dog", "nan"])[NUMBERED])
    assert any("a class is called 'nan'" in str(remark) for remark in task.warnings)


@pytest.mark.parametrize("x", [X[0, 0], np.array([{}] * 30), X[:, :0]])
def test_what_only_follows_from_a_wrong_x_is_not_said(tmp_path: Path, x: np.ndarray) -> None:
    np.savez(tmp_path / "my.npz", x=x, y=Y, lengths=Y[:3])
    (mistake,) = wrong("arrays", {"file": "my.npz"}, tmp_path)
    assert mistake.problem.partition(": ")[2].startswith(("x has shape", "'x' holds"))


MENDED: dict[str, Callable[[], dict[str, np.ndarray]]] = {
    "y of pandas": lambda: {"x": X, "y": WORDS[Y].astype(object).astype(str)},
    "split of pandas": lambda: {"x": X, "y": Y, "split": SPLIT.astype(object).astype(str)},
    "holes": lambda: {
        "x": HOLES[np.isfinite(HOLES).all((1, 2))],
        "y": [0, 1, 0, 1, 0],
        "split": [0, 0, 0, 1, 2],
    },
    "no test": lambda: {"x": X, "y": Y, "split": taken_out(np.repeat([0, 1], 15))},
    "targets too large to be squared": lambda: {
        "x": X,
        "y": (Y * 1e30 - (Y * 1e30).mean()) / (Y * 1e30).std(),
    },
    "one series": lambda: {"x": np.arange(990.0)[: 990 // 50 * 50].reshape(-1, 50)},
}


def taken_out(split: np.ndarray) -> np.ndarray:
    """What the message says to do where a split is empty."""
    if split.dtype.kind == "i":
        split[np.flatnonzero(split == 0)[::5]] = 2
        return split
    split = split.astype("U10")
    split[np.flatnonzero(split == "train")[::5]] = "validation"
    return split


@pytest.mark.parametrize("case", MENDED)
def test_what_is_to_be_written_instead_is_taken(tmp_path: Path, case: str) -> None:
    kind = REFUSED[case][1]
    task = load(
        tmp_path, kind, **{name: np.asarray(array) for name, array in MENDED[case]().items()}
    )
    assert all(len(split) for split in task.splits.values())


def test_arrays_that_nobody_asks_for_are_not_read(tmp_path: Path) -> None:
    names = np.array([f"person {number}" for number in range(30)], dtype=object)
    assert load(tmp_path, x=X, y=Y, names=names).digest == load(tmp_path, x=X, y=Y).digest


@pytest.mark.parametrize("name", ["valid", "val", "dev", "validation"])
def test_validation_goes_by_all_its_usual_names(tmp_path: Path, name: str) -> None:
    split = np.array(["train"] * 20 + [name] * 4 + ["test"] * 6)
    assert len(load(tmp_path, x=X, y=Y, split=split).splits["validation"]) == 4


def test_validation_that_numpy_has_cut_short_is_still_validation(tmp_path: Path) -> None:
    split = np.array(["train"] * 30)
    split[20:24], split[24:] = "validation", "test"  # an array of five letters keeps `valid`
    assert len(load(tmp_path, x=X, y=Y, split=split).splits["validation"]) == 4


def test_groups_are_never_torn(tmp_path: Path) -> None:
    group = np.array([f"person {number % 7}" for number in range(30)])
    marked = X.copy()
    marked[:, 0, 0] = np.arange(30) % 7
    task = load(tmp_path, x=marked, y=Y, group=group)
    sides = [set(split.x[:, 0, 0]) for split in task.splits.values()]
    assert sum(map(len, sides)) == 7
    assert set.union(*sides) == set(range(7))
    assert [len(side) for side in sides] == [5, 1, 1]
    assert not any("shuffle" in str(remark) for remark in task.warnings)
    assert load(tmp_path, x=marked, y=Y, group=group).digest == task.digest


def test_a_file_of_earlier_versions_is_the_same_data(tmp_path: Path) -> None:
    """A study's identity holds this digest: it is that of the version before groups and checks of
    form.
    """
    x = (np.arange(240).reshape(40, 6) % 7 / 8).astype("float32")
    task = load(tmp_path, x=x, y=np.arange(40) % 3, lengths=np.arange(40) % 5 + 2)
    assert task.digest == "f49ba52adf49962bc960393744df422d4b7f58006f8856e2c946eb8e648e2aae"
    assert (
        load(tmp_path, "next_step", x=x > 0.3).digest
        == "9319e3f8e931c0c94fdd17494b57cde8a5b0e3a70616f2b626c09a969a471863"
    )


# ------------------------------------------------------------------ files


@pytest.mark.parametrize(
    ("file", "problem", "fix"),
    [
        ("nothing.npz", "no file nothing.npz: No such file",
         "relative to the folder of the experiment"),
        ("text.npz", "it is no .npz file", "np.savez"),
        ("table.csv", "it is no .npz file, but text", "Your own table"),
        ("words.txt", "it is no .npz file, but text", "the task `text` predicts"),
        ("array.npy", "it is no .npz file, but one array", "x=np.load('array.npy')"),
        ("empty.npz", "it is no .npz file, but empty", "np.savez"),
        ("folder.npz", "it is a folder", "name a .npz file in it"),
        ("pipe.npz", "it is a device or a pipe", "to a file"),
        ("loop.npz", "no file loop.npz", "relative to"),
        ("https://example.org/x.npz", "is an address", "download it"),
        ("~nosuchuser/x.npz", "no file ~nosuchuser/x.npz", "relative to"),
        ("a" * 300 + ".npz", "File name too long", "relative to"),
        ("a\0b.npz", "not a name of a file", "relative to"),
        ("two_bytes.npz", "it is damaged", "write it once more"),
        ("huge.npz", "4,000,000,000,000 bytes, and holds 0", "write it once more"),
        ("negative.npz", "promises an array (-5, 6, 2)", "write it once more"),
        ("", "needs a file", "{name: arrays, file: my.npz, kind: classify}"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_arrays_is_said(
    tmp_path: Path, file: str, problem: str, fix: str
) -> None:
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "table.csv").write_text("id,t,a\n")
    (tmp_path / "words.txt").write_text("once upon a time")
    (tmp_path / "empty.npz").touch()
    (tmp_path / "two_bytes.npz").write_bytes(b"PK")
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "loop.npz").symlink_to("loop.npz")
    os.mkfifo(tmp_path / "pipe.npz")
    np.save(tmp_path / "array.npy", X)
    promise(tmp_path / "huge.npz", (10**6, 10**4, 100), b"")
    promise(tmp_path / "negative.npz", (-5, 6, 2), bytes(480))
    with pytest.raises(UsageError) as caught:
        tasks.load("arrays", {"file": file}, folder=tmp_path)
    told, _, mended = str(caught.value).partition("\n  fix: ")
    assert problem in told.replace("\N{REPLACEMENT CHARACTER}", "\0")
    assert fix in mended


def promise(path: Path, shape: tuple[int, ...], content: bytes) -> None:
    """A file whose header says `shape`, whatever it holds."""
    header = io.BytesIO()
    numpy.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": shape}
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", header.getvalue() + content)


def test_too_little_memory_is_no_damage(tmp_path: Path) -> None:
    """Read in a process that may hold little more than it holds already."""
    np.savez_compressed(tmp_path / "large.npz", x=np.zeros((1000, 40_000)), y=Y)
    program = """
import resource, sys
from pathlib import Path
from rnnzoo import tasks
import rnnzoo.tasks.arrays
held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 200_000_000, held + 200_000_000))
try:
    tasks.load("arrays", {"file": "large.npz", "kind": "next_step"}, folder=Path(sys.argv[1]))
except Exception as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "does not fit into memory: 'x' takes 0.3 GB" in done.stdout
    assert "damaged" not in done.stdout


def peak_of_loading(folder: Path, kind: str, **arrays: np.ndarray) -> float:
    """Arrays at the height of loading, in copies of the file's x."""
    few = {name: array[:10] for name, array in arrays.items()}
    load(folder, kind, **few)  # what is imported is no matter of the data
    np.savez(folder / "my.npz", **arrays)
    tracemalloc.start()
    tasks.load("arrays", {"file": "my.npz", "kind": kind}, folder=folder)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / arrays["x"].nbytes


def test_piano_rolls_take_no_eightfold_memory(tmp_path: Path) -> None:
    """Inputs and targets, whole and split, are four copies; one in eight bytes is eight."""
    rolls = (RNG.random((100, 400, 88)) < 0.05).astype("uint8")
    assert peak_of_loading(tmp_path, "next_step", x=rolls) < 5


def test_padding_is_cleared_in_place(tmp_path: Path) -> None:
    """Doubles, and singles of them whole and split, are two copies; one without padding a third."""
    x = RNG.normal(size=(400, 100, 20))
    y, lengths = np.arange(400) % 3, np.arange(400) % 50 + 20
    assert peak_of_loading(tmp_path, "classify", x=x, y=y, lengths=lengths) < 2


def test_a_split_may_be_numbers_too(tmp_path: Path) -> None:
    task = load(tmp_path, x=X, y=Y, split=np.array([0] * 20 + [1] * 4 + [2] * 6))
    assert [len(task.splits[name]) for name in tasks.SPLITS] == [20, 4, 6]
    with pytest.raises(TaskError, match="or of 0, 1, 2"):
        load(tmp_path, x=X, y=Y, split=np.full(30, 3))


def test_a_split_in_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"split must hold one of .* and not 'entra\\\\xeenement'"):
        load(tmp_path, x=X, y=Y, split=np.full(30, b"entra\xeenement"))


def test_a_file_whose_inside_is_damaged_is_said_to_be(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "my.npz", x=X, y=Y)
    content = bytearray((tmp_path / "my.npz").read_bytes())
    # within the compressed numbers: the archive's own directory is whole
    content[200:260] = bytes(60)
    (tmp_path / "my.npz").write_bytes(content)
    with pytest.raises(RnnzooError, match="it is damaged"):
        tasks.load("arrays", {"file": "my.npz", "kind": "classify"}, folder=tmp_path)


@pytest.mark.parametrize(
    ("name", "least"), [("adding", 2), ("temporal_order", 10), ("sum_since", 4)]
)
def test_a_length_without_room_for_the_task_is_refused(name: str, least: int) -> None:
    with pytest.raises(UsageError, match=f"`length` must be at least {least}, not {least - 1}"):
        tasks.load(name, {"length": least - 1})
