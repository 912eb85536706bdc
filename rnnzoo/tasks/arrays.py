"""One's own data: a NumPy `.npz` file of sequences.

x         (sequences, time, inputs), or (sequences, time) for one input
y         `classify`: (sequences,) of classes from 0; `regress`: (sequences,) or (sequences, outputs);
          `next_step` takes none: x itself, one step on, is the target
lengths   (sequences,): how many steps are real; without it, all
split     (sequences,) of `train`, `validation`, `test`, or of 0, 1, 2; without it, 70, 15 and 15 % by a shuffle of its own
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rnnzoo.errors import TaskError
from rnnzoo.tasks import SPLITS, Report, Split, Task, _npz, digest_of

OPTIONS: dict[str, Any] = {"file": "", "kind": "classify"}
ABOUT = "your own sequences, from a .npz file: next_step, classify or regress"
KINDS = ("next_step", "classify", "regress")
SHARES = (0.7, 0.85)  # where validation begins, and test
CLASSES = 100_000  # labels above are identifiers, not classes from 0


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Read the file.

    Raises:
        TaskError: it cannot be read, or an array in it is missing or does not fit.
    """
    kind, path = options["kind"], folder / Path(options["file"]).expanduser()
    if kind not in KINDS:
        raise TaskError(f"the task 'arrays' has no kind '{kind}'\n  fix: one of: {', '.join(KINDS)}")
    if not options["file"]:
        raise TaskError("the task 'arrays' needs a file\n  fix: task: {name: arrays, file: my.npz, kind: classify}")
    arrays = _read(path)
    x, lengths = _x(arrays, path)
    whole, loss, outputs = _targets(kind, x, lengths, arrays, path)
    where = _where(arrays, len(x), seed, path)
    splits = {name: _rows(whole, where == at) for at, name in enumerate(SPLITS)}
    return Task(
        name="arrays",
        splits=splits,
        loss=loss,
        per="step" if kind == "next_step" else "sequence",
        outputs=outputs,
        metric={"bernoulli": "nll", "categorical": "error", "squared": "mse"}[loss],
        unit={"bernoulli": "nats per step", "categorical": "share of wrong answers", "squared": "mean squared error"}[
            loss
        ],
        baselines=_baselines(splits, loss),
        digest=digest_of(splits),
    )


def _read(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise TaskError(f"no file {path}\n  fix: `file:` is relative to the folder of the experiment")
    try:
        return _npz.read(path)
    except OSError as error:
        raise TaskError(f"cannot read {path}: {error.strerror}\n  fix: make it readable") from None
    except ValueError as problem:
        raise TaskError(
            f"cannot read {path}: {problem}\n  fix: write np.savez('my.npz', x=..., y=...) with arrays of numbers"
        ) from None


def _x(arrays: Mapping[str, np.ndarray], path: Path) -> tuple[np.ndarray, np.ndarray]:
    x = _array(arrays, "x", path)
    x = x[..., None] if x.ndim == 2 else x
    if x.ndim != 3 or not all(x.shape):
        raise TaskError(
            f"{path}: x has shape {x.shape}\n  fix: it must be (sequences, time, inputs), or (sequences, time)"
        )
    lengths = _array(arrays, "lengths", path) if "lengths" in arrays else np.full(len(x), x.shape[1])
    if lengths.shape != (len(x),) or lengths.dtype.kind not in "iu":
        raise TaskError(f"{path}: lengths must be {len(x)} whole numbers, one for each sequence of x")
    if lengths.min() < 1 or lengths.max() > x.shape[1]:
        raise TaskError(f"{path}: lengths must be from 1 to {x.shape[1]}, the steps of x")
    padding = np.arange(x.shape[1])[None, :] >= lengths[:, None]
    kept = np.where(padding[..., None], 0, x)  # what stands in the padding must not matter, NaN included
    exact = kept.astype(np.uint8) if x.dtype.kind in "bu" and x.max() <= 255 else _single(kept)
    return exact, lengths.astype(np.int32)


def _single(array: np.ndarray) -> np.ndarray:
    """As float32; what is too large for it becomes infinite, which the contract refuses in words."""
    with np.errstate(over="ignore"):
        return array.astype(np.float32)


def _array(arrays: Mapping[str, np.ndarray], name: str, path: Path) -> np.ndarray:
    if name not in arrays:
        raise TaskError(f"{path} has no array '{name}'\n  fix: it holds {', '.join(sorted(arrays)) or 'nothing'}")
    if arrays[name].dtype.kind not in "biuf":
        raise TaskError(f"{path}: '{name}' must hold numbers, not {arrays[name].dtype}")
    return arrays[name]


def _targets(
    kind: str, x: np.ndarray, lengths: np.ndarray, arrays: Mapping[str, np.ndarray], path: Path
) -> tuple[Split, Literal["bernoulli", "categorical", "squared"], int]:
    """All sequences with their targets, the loss, and how many outputs it needs."""
    if kind == "next_step":
        if lengths.min() < 2:
            raise TaskError(f"{path}: to predict the next step, every sequence needs at least 2 steps")
        binary = bool(np.isin(x, (0, 1)).all())
        inputs = np.where(np.arange(x.shape[1] - 1)[None, :, None] < lengths[:, None, None] - 1, x[:, :-1], 0)
        target = x[:, 1:].astype(np.uint8 if binary else np.float32)
        split = Split(inputs.astype(x.dtype), target, lengths - 1)
        return split, "bernoulli" if binary else "squared", x.shape[-1]
    y = _array(arrays, "y", path)
    if len(y) != len(x) or y.ndim > 2 or y.ndim == 0:
        raise TaskError(
            f"{path}: y has shape {y.shape}\n  fix: it needs one row for each of the {len(x)} sequences of x"
        )
    if kind == "regress":
        y = _single(y.reshape(len(y), -1))
        return Split(x, y, lengths), "squared", y.shape[1]
    if y.ndim != 1 or not np.array_equal(y, np.floor(y)) or y.min() < 0 or y.max() >= CLASSES:
        raise TaskError(f"{path}: to classify, y must be ({len(x)},) of whole numbers from 0 to {CLASSES - 1}")
    return Split(x, y.astype(np.int32), lengths), "categorical", int(y.max()) + 1


def _where(arrays: Mapping[str, np.ndarray], count: int, seed: int, path: Path) -> np.ndarray:
    """0, 1 or 2 for each sequence: its split."""
    if "split" not in arrays:
        places = np.random.default_rng(seed).permutation(count) / count
        return np.digitize(places, SHARES)
    given = arrays["split"]
    known_places: dict[str | bytes, int] = {
        **{name: at for at, name in enumerate(SPLITS)},
        **{name.encode(): at for at, name in enumerate(SPLITS)},
    }
    known = [at if isinstance(at, int) else known_places.get(at, -1) for at in given.ravel().tolist()]
    if given.shape != (count,) or not set(known) <= {0, 1, 2}:
        raise TaskError(
            f"{path}: split must hold one of {', '.join(SPLITS)}, or of 0, 1, 2, for each of the {count} sequences"
        )
    return np.array(known)


def _rows(whole: Split, chosen: np.ndarray) -> Split:
    return Split(whole.x[chosen], whole.y[chosen], whole.lengths[chosen])


def _baselines(splits: Mapping[str, Split], loss: str) -> dict[str, float]:
    """The score on test of always answering what was usual in train."""
    train, test = splits["train"], splits["test"]
    if not len(train) or not len(test):
        return {}
    if loss == "categorical":
        usual = int(np.bincount(train.y).argmax())
        return {"most frequent class": float((test.y != usual).mean())}
    mean = _real(train).mean(0)
    if loss == "squared":
        return {"mean of train": float(((_real(test) - mean) ** 2).mean())}
    likely = (_real(train).sum(0) + 0.5) / (len(_real(train)) + 1.0)
    scores = np.where(_real(test) == 1, np.log(likely), np.log1p(-likely))
    return {"frequencies of train": float(-scores.sum(1).mean())}


def _real(split: Split) -> np.ndarray:
    """Targets that are not padding, (how many, outputs)."""
    if split.y.ndim < 3:
        return split.y.astype(float)
    real = np.arange(split.y.shape[1])[None, :] < split.lengths[:, None]
    return split.y[real].astype(float)
