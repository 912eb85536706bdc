"""MNIST in small files of its form, and its true test files where they are at hand."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import SpecError, TaskError, UsageError
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.testing.tasks import TaskContract
from tests.conftest import SHARED

RNG = np.random.default_rng(0)
SIZES = {"train": 60, "t10k": 20}
IMAGES = {name: RNG.integers(0, 256, (size, 28, 28), np.uint8) for name, size in SIZES.items()}
LABELS = {name: (np.arange(len(images)) % 10).astype(np.uint8) for name, images in IMAGES.items()}


def idx(array: np.ndarray) -> bytes:
    """The form as LeCun described it."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def folder(data_folder: Path) -> Path:
    for name, images in IMAGES.items():
        (data_folder / f"{name}-images-idx3-ubyte").write_bytes(idx(images))
        packed = gzip.compress(idx(LABELS[name]))
        (data_folder / f"{name}-labels-idx1-ubyte.gz").write_bytes(packed)
    return data_folder


@pytest.mark.usefixtures("folder")
class TestMnist(TaskContract):
    name = "mnist"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("read", "shape"), [("pixels", (784, 1)), ("rows", (28, 28))])
def test_images_are_read_row_by_row_and_the_last_sixth_is_for_validation(
    read: str, shape: tuple[int, int]
) -> None:
    task = tasks.load("mnist", {"read": read})
    parts = {
        "train": (IMAGES["train"][:50], LABELS["train"][:50]),
        "validation": (IMAGES["train"][50:], LABELS["train"][50:]),
        "test": (IMAGES["t10k"], LABELS["t10k"]),
    }
    for name, (images, labels) in parts.items():
        split = task.splits[name]
        np.testing.assert_allclose(split.x, images.reshape(len(images), *shape) / 255, rtol=1e-6)
        np.testing.assert_array_equal(split.y, labels)
        assert (split.lengths == shape[0]).all()
    assert task.baselines == {"most frequent class": pytest.approx(0.9)}
    assert tasks.warnings(task) == ()


@pytest.mark.usefixtures("folder")
def test_permuted_is_the_order_that_is_stated_for_all_images() -> None:
    order = np.random.default_rng(0).permutation(784)
    straight = tasks.load("mnist").splits["test"].x[..., 0]
    for read in ("pixels", "rows"):
        permuted = tasks.load("mnist", {"permuted": True, "read": read}, seed=3).splits["test"].x
        np.testing.assert_array_equal(permuted.reshape(20, 784), straight[:, order])


def test_the_test_files_alone_are_three_splits(folder: Path) -> None:
    (folder / "train-images-idx3-ubyte").unlink()
    splits = tasks.load("mnist", {"images": "test"}).splits
    assert [len(split) for split in splits.values()] == [16, 2, 2]
    np.testing.assert_array_equal(splits["test"].y, LABELS["t10k"][18:])


def test_a_missing_file_is_told_where_the_task_is_named(folder: Path) -> None:
    (folder / "train-images-idx3-ubyte").unlink()
    spec = "experiment: digits\ntask: mnist\nvariants: [lstm]\n"
    with pytest.raises(SpecError, match=r"spec\.yaml:2:7: the task 'mnist' needs train-images-"):
        tasks.check_spec(parse_experiment(spec, "spec.yaml", folder))


def cut(content: bytes) -> bytes:
    return content[:-1]


def renamed(content: bytes) -> bytes:
    return b"PK" + content


@pytest.mark.parametrize(
    ("file", "damage", "words"),
    [
        ("train-images-idx3-ubyte", cut, "47,039 numbers follow its head, which says 47,040"),
        ("train-images-idx3-ubyte", renamed, "it is no IDX file of 3 axes"),
        ("train-labels-idx1-ubyte.gz", cut, "what gzip packed is damaged"),
        ("train-labels-idx1-ubyte.gz", renamed, "what gzip packed is damaged"),
        (
            "train-images-idx3-ubyte",
            lambda content: idx(np.zeros((60, 20, 30), np.uint8)),
            "its images are of 20 x 30 pixels",
        ),
        (
            "train-images-idx3-ubyte",
            lambda content: idx(np.zeros((7, 28, 28), np.uint8)),
            "it has 60 labels, and train-images-idx3-ubyte 7 images",
        ),
        (
            "t10k-labels-idx1-ubyte.gz",
            lambda content: gzip.compress(idx(np.full(20, 26, np.uint8))),
            "it has a label 26",
        ),
    ],
)
def test_a_damaged_file_is_told(
    folder: Path, file: str, damage: Callable[[bytes], bytes], words: str
) -> None:
    (folder / file).write_bytes(damage((folder / file).read_bytes()))
    with pytest.raises(TaskError, match=f"cannot read .*: {words}"):
        tasks.load("mnist")


def test_too_few_images_are_told(folder: Path) -> None:
    for kind, array in (("images-idx3", IMAGES["t10k"][:9]), ("labels-idx1", LABELS["t10k"][:9])):
        (folder / f"t10k-{kind}-ubyte").write_bytes(idx(array))
    with pytest.raises(TaskError, match="it has 9 images"):
        tasks.load("mnist", {"images": "test"})


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("options", "words"),
    [({"read": "columns"}, "`read` cannot be 'columns'"), ({"images": "tset"}, "mean 'test'")],
)
def test_words_that_are_not_known_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        tasks.load("mnist", options)


def test_the_true_test_files_are_ten_thousand_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    if not SHARED.is_dir():
        pytest.skip("the development data (shared/data) is not here")
    monkeypatch.setenv("RNNZOO_DATA", str(SHARED / "mnist_t10k"))
    splits = tasks.load("mnist", {"images": "test", "read": "rows"}).splits
    assert [len(split) for split in splits.values()] == [8000, 1000, 1000]
    assert splits["train"].y[:5].tolist() == [7, 2, 1, 0, 4]
