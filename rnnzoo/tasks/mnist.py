"""MNIST as sequences (LeCun, Bottou, Bengio and Haffner 1998; Le, Jaitly and Hinton 2015): which
digit is it?

    read      `pixels`: 784 steps of one pixel; `rows`: 28 steps of 28 pixels
    permuted  all images in one other order of their pixels: NumPy's default_rng(0).permutation(784)
    images    `all`: 50,000 and 10,000 of the train files for train and validation, 10,000 for test;
              `test`: the test files alone, 8,000, 1,000 and 1,000 of them, for a first look

The last sixth of the train files is for validation.  Pixels are numbers from 0 to 1.  Other sets in
these files are read too: Fashion-MNIST, KMNIST.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.errors import TaskError
from rnnzoo.tasks import SPLITS, Report, Split, Task, Wrong, _generated, _idx, _ten_digits
from rnnzoo.tasks._data_folder import OwnFiles
from rnnzoo.tasks._ten_digits import CLASSES

OPTIONS: dict[str, Any] = {"read": "pixels", "permuted": False, "images": "all"}
ABOUT = "MNIST, 784 pixels one by one, or 28 rows (from files of your own)"
LOSS = _ten_digits.LOSS
SIDE, BRIGHTEST = 28, 255
_STEPS = {"pixels": SIDE * SIDE, "rows": SIDE}
_KINDS = {"images": "images-idx3-ubyte", "labels": "labels-idx1-ubyte"}
_STARTS = {"all": (5 / 6,), "test": (0.8, 0.9)}  # of the splits, as shares of the first files


def _files(images: str) -> OwnFiles:
    """Those that are needed; the names are those of the archive, and those that unpacking gives."""
    prefixes = ("train", "t10k") if images == "all" else ("t10k",)
    names = {
        f"{prefix} {kind}": [f"{prefix}-{name}", f"{prefix}-{name}.gz"]
        for prefix in prefixes
        for kind, name in _KINDS.items()
    }
    return OwnFiles(
        "mnist", names, "The MNIST Database (LeCun) has four files, which may be packed (.gz)"
    )


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether words are known, and the files there."""
    wrong = [
        *_generated.not_among("read", _STEPS, options, "mnist"),
        *_generated.not_among("images", _STARTS, options, "mnist"),
    ]
    yield from wrong or _files(options["images"]).missing()


def sources(options: Mapping[str, Any], folder: Path) -> Iterator[Path]:
    """The files that are needed."""
    return _files(options["images"]).sources()


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Read the images.

    Raises:
        TaskError: a file is missing, or is not what it should be.
    """
    paths = _files(options["images"]).places()
    groups = [
        _images(paths[f"{prefix} images"], paths[f"{prefix} labels"])
        for prefix in ("train", "t10k")
        if f"{prefix} images" in paths
    ]
    parts = _divided(groups, _STARTS[options["images"]])
    splits = {name: _split(*part, options) for name, part in zip(SPLITS, parts)}
    usual = np.bincount(splits["train"].y).argmax()
    baselines = {"most frequent class": float((splits["test"].y != usual).mean())}
    return _ten_digits.task("mnist", splits, baselines)


Images = tuple[np.ndarray, np.ndarray]  # (images, 784) uint8, and (images,) int32 classes


def _images(images: Path, labels: Path) -> Images:
    pixels, classes = _idx.read(images, 3), _idx.read(labels, 1)
    if pixels.shape[1:] != (SIDE, SIDE):
        height, width = pixels.shape[1:]
        problem = f"its images are of {height} x {width} pixels"
        raise _refused(images, problem, f"images of {SIDE} x {SIDE}")
    if len(pixels) != len(classes):
        problem = f"it has {len(classes):,} labels, and {images.name} {len(pixels):,} images"
        raise _refused(labels, problem, "files that belong together")
    if len(classes) < CLASSES:
        raise _refused(images, f"it has {len(pixels)} images", f"at least {CLASSES} images")
    if classes.max() >= CLASSES:
        raise _refused(labels, f"it has a label {classes.max()}", "labels from 0 to 9")
    return pixels.reshape(-1, SIDE * SIDE), classes.astype(np.int32)


def _refused(path: Path, problem: str, fix: str) -> TaskError:
    return TaskError(f"cannot read {path}: {problem}", fix)


def _divided(groups: list[Images], shares: tuple[float, ...]) -> Iterator[Images]:
    """The first files cut at these shares of them, then the others as they are."""
    pixels, classes = groups[0]
    starts = [round(share * len(pixels)) for share in shares]
    yield from zip(np.split(pixels, starts), np.split(classes, starts))
    yield from groups[1:]


def _split(pixels: np.ndarray, classes: np.ndarray, options: Mapping[str, Any]) -> Split:
    if options["permuted"]:
        pixels = pixels[:, np.random.default_rng(0).permutation(SIDE * SIDE)]
    steps = _STEPS[options["read"]]
    x = pixels.reshape(len(pixels), steps, -1) / np.float32(BRIGHTEST)
    return Split(x, classes, np.full(len(x), steps, np.int32))
