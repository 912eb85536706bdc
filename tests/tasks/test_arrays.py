"""One's own data: what fits, and what is said of what does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import TaskError, UsageError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 7, 2)).astype("float32")
Y = RNG.integers(0, 3, 30)


def load(folder: Path, kind: str = "classify", **arrays: np.ndarray) -> tasks.Task:
    np.savez(folder / "my.npz", **arrays)
    return tasks.load("arrays", {"file": "my.npz", "kind": kind}, folder=folder)


def test_a_file_to_classify(tmp_path: Path) -> None:
    task = load(tmp_path, x=X, y=Y)
    assert (task.loss, task.per, task.outputs, task.metric) == ("categorical", "sequence", 3, "error")
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


def test_next_step_takes_zeros_and_ones_for_bernoulli_and_numbers_for_squares(tmp_path: Path) -> None:
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


@pytest.mark.parametrize(
    ("arrays", "kind", "words"),
    [
        ({"x": X}, "classify", "has no array 'y'"),
        ({"y": Y}, "classify", "has no array 'x'"),
        ({"x": X[0, 0], "y": Y}, "classify", "x has shape"),
        ({"x": X, "y": Y[:5]}, "classify", "needs one row for each of the 30 sequences"),
        ({"x": X, "y": Y + 0.5}, "classify", "whole numbers from 0"),
        ({"x": X, "y": Y - 1}, "classify", "whole numbers from 0"),
        ({"x": X, "y": Y, "lengths": np.full(30, 9)}, "classify", "lengths must be from 1 to 7"),
        ({"x": X, "y": Y, "lengths": np.full(30, 0)}, "classify", "lengths must be from 1 to 7"),
        ({"x": X, "y": Y, "split": np.array(["train"] * 30)}, "classify", "the validation split is empty"),
        ({"x": X, "y": Y, "split": np.array(["trian"] * 30)}, "classify", "split must hold one of"),
        ({"x": np.full_like(X, np.nan), "y": Y}, "classify", "NaN or infinite"),
        ({"x": X.astype(str), "y": Y}, "classify", "must hold numbers"),
        ({"x": np.array([{}, {}], dtype=object), "y": Y[:2]}, "classify", "holds Python objects"),
        ({"x": X, "y": Y}, "guess", "no kind 'guess'"),
        ({"x": X[:, :1]}, "next_step", "at least 2 steps"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path: Path, arrays: dict, kind: str, words: str) -> None:
    with pytest.raises(TaskError, match=words):
        load(tmp_path, kind, **arrays)


def test_a_file_that_is_missing_or_is_none(tmp_path: Path) -> None:
    for file, words in (("nothing.npz", "no file"), ("text.npz", "it is no .npz file"), ("", "needs a file")):
        (tmp_path / "text.npz").write_text("hello")
        with pytest.raises(TaskError, match=words):
            tasks.load("arrays", {"file": file}, folder=tmp_path)


def test_a_split_may_be_numbers_too(tmp_path: Path) -> None:
    task = load(tmp_path, x=X, y=Y, split=np.array([0] * 20 + [1] * 4 + [2] * 6))
    assert [len(task.splits[name]) for name in tasks.SPLITS] == [20, 4, 6]
    with pytest.raises(TaskError, match="or of 0, 1, 2"):
        load(tmp_path, x=X, y=Y, split=np.full(30, 3))


def test_a_file_whose_inside_is_damaged_is_said_to_be(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "my.npz", x=X, y=Y)
    content = bytearray((tmp_path / "my.npz").read_bytes())
    content[200:260] = bytes(60)  # within the compressed numbers: the archive's own directory is whole
    (tmp_path / "my.npz").write_bytes(content)
    with pytest.raises(TaskError, match="it is damaged"):
        tasks.load("arrays", {"file": "my.npz", "kind": "classify"}, folder=tmp_path)


@pytest.mark.parametrize(("name", "least"), [("adding", 2), ("temporal_order", 10)])
def test_a_length_without_room_for_the_task_is_refused(name: str, least: int) -> None:
    with pytest.raises(UsageError, match=f"`length` must be at least {least}, not {least - 1}"):
        tasks.load(name, {"length": least - 1})
