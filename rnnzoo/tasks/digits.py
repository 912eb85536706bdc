"""Handwritten digits of 8 x 8 pixels, one pixel a step: which digit is it?

The 1,797 images of scikit-learn's `load_digits` (the test set of Optical Recognition of Handwritten
Digits, Alpaydin and Kaynak 1998), read row by row as 64 steps, as Le, Jaitly and Hinton 2015 read
MNIST.  With `permuted: true` all images are read in one other order, always the same.  Nothing is
downloaded, and scikit-learn itself is never imported.
"""

from __future__ import annotations

import importlib.util
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.errors import TaskError
from rnnzoo.tasks import SPLITS, Report, Split, Task, _symbols, _ten_digits
from rnnzoo.tasks._ten_digits import CLASSES

OPTIONS: dict[str, Any] = {"permuted": False}
ABOUT = "handwritten digits of scikit-learn, 64 pixels one by one (nothing is downloaded)"
LOSS = _ten_digits.LOSS
NOTE = (
    "1,797 images of 8 x 8 pixels: a small stand-in for sequential MNIST, whose published numbers"
    " are not comparable."
)
PIXELS, BRIGHTEST = 64, 16
# in the order of the file, so that neighbours, who may be of one hand, are in one split
_STARTS = (1197, 1497)
_FILE = Path("datasets") / "data" / "digits.csv.gz"
_INSTALL = "reinstall it: pip install scikit-learn"


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """The digits, out of the package.

    Raises:
        TaskError: the scikit-learn package or its file is missing.
    """
    table = _table()
    images, classes = table[:, :PIXELS], table[:, PIXELS].astype(np.int32)
    if options["permuted"]:
        images = images[:, np.random.default_rng(0).permutation(PIXELS)]
    parts = zip(np.split(images, _STARTS), np.split(classes, _STARTS))
    splits = {name: _split(*part) for name, part in zip(SPLITS, parts)}
    train, test = (_last_pixel(splits[name]) for name in ("train", "test"))
    baselines = _symbols.most_frequent(train, test, CLASSES, "the last pixel")
    return _ten_digits.task("digits", splits, baselines, NOTE)


def _split(images: np.ndarray, classes: np.ndarray) -> Split:
    x = (images / BRIGHTEST).astype(np.float32)[..., None]
    return Split(x, classes, np.full(len(x), PIXELS, np.int32))


def _last_pixel(split: Split) -> Split:
    """The last step only, its brightness as a symbol."""
    brightness = (split.x[:, -1:, 0] * BRIGHTEST).astype(int)
    x = _symbols.one_hot(brightness, BRIGHTEST + 1)
    return Split(x, split.y, np.ones(len(split), np.int32))


def _table() -> np.ndarray:
    """(images, 65): 64 pixels from 0 to 16, and the digit."""
    package = importlib.util.find_spec("sklearn")
    if package is None:
        raise TaskError(
            "the task 'digits' reads the scikit-learn package", "pip install scikit-learn"
        )
    for folder in package.submodule_search_locations or ():
        file = Path(folder) / _FILE
        try:
            return np.loadtxt(file, delimiter=",")
        except (OSError, ValueError, EOFError, zlib.error) as error:
            raise TaskError(f"cannot read scikit-learn's {_FILE}: {error}", _INSTALL) from None
    raise TaskError(f"scikit-learn has no {_FILE}", _INSTALL)
