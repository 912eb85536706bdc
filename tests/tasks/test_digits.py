"""Digits pixel by pixel, against scikit-learn's own loader."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_digits

from rnnzoo import tasks
from rnnzoo.errors import TaskError
from rnnzoo.tasks import SPLITS


def joined(task: tasks.Task) -> tuple[np.ndarray, np.ndarray]:
    splits = [task.splits[name] for name in SPLITS]
    x, y = ([getattr(split, array) for split in splits] for array in "xy")
    return np.concatenate(x), np.concatenate(y)


def test_images_and_digits_are_those_of_scikit_learn_in_its_order() -> None:
    x, y = joined(tasks.load("digits"))
    theirs = load_digits()
    np.testing.assert_array_equal(x[:, :, 0] * 16, theirs.data)
    np.testing.assert_array_equal(y, theirs.target)
    assert [len(tasks.load("digits").splits[name]) for name in SPLITS] == [1197, 300, 300]


def test_permuted_is_one_order_of_the_pixels_for_all_images_and_seeds() -> None:
    straight, _ = joined(tasks.load("digits"))
    permuted, _ = joined(tasks.load("digits", {"permuted": True}))
    # pixels that differ somewhere are told apart by their values in all images
    columns = {column.tobytes() for column in straight[..., 0].T}
    assert {column.tobytes() for column in permuted[..., 0].T} == columns
    assert not np.array_equal(straight, permuted)
    same = tasks.load("digits", {"permuted": True}, seed=7)
    assert same.digest == tasks.load("digits", {"permuted": True}).digest


@pytest.mark.parametrize("permuted", [False, True])
def test_no_pixel_tells_the_digit(permuted: bool) -> None:
    scores = tasks.load("digits", {"permuted": permuted}).baselines
    assert list(scores) == ["most frequent class", "most frequent class under the last pixel"]
    assert scores["most frequent class"] == pytest.approx(0.9, abs=0.02)
    assert 0.6 < scores["most frequent class under the last pixel"] <= 0.92


def test_a_package_without_its_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(name: str) -> SimpleNamespace:
        return SimpleNamespace(submodule_search_locations=[str(tmp_path)])

    monkeypatch.setattr(importlib.util, "find_spec", found)
    with pytest.raises(TaskError, match=r"cannot read scikit-learn's .*digits\.csv\.gz"):
        tasks.load("digits")
    damaged = tmp_path / "datasets" / "data" / "digits.csv.gz"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(gzip.compress(b"0," * 99)[:10] + b"\xff" * 20)
    with pytest.raises(TaskError, match=r"cannot read scikit-learn's .*digits\.csv\.gz"):
        tasks.load("digits")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TaskError, match="reads the scikit-learn package"):
        tasks.load("digits")
