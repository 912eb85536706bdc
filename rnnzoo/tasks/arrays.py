"""One's own data: a NumPy `.npz` file of sequences.

    x         (sequences, time, inputs), or (sequences, time) for one input
    y         `classify`: (sequences,) of classes from 0; `regress`: (sequences,) or (sequences,
              outputs); `next_step` takes none: x itself, one step on, is the target
    lengths   (sequences,): how many steps are real; without it, all
    split     (sequences,) of `train`, `validation`, `test`, or of 0, 1, 2
    group     (sequences,) of numbers or names: whose a sequence is; a group is never in two splits

Without `split`, 70, 15 and 15 % of the groups, or of the sequences, by a shuffle that is always the
same.  Other arrays of the file are not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.errors import Remark, TaskError, nearest, number_of
from rnnzoo.tasks import SPLITS, Report, Split, Task, Wrong, _npz, digest_of
from rnnzoo.tasks import _arrays_file as files

OPTIONS: dict[str, Any] = {"file": "", "kind": "classify"}
ABOUT = "your own sequences, from a .npz file: next_step, classify or regress"
KINDS = ("next_step", "classify", "regress")
SHARES = (0.7, 0.85)  # where validation begins, and test
CLASSES = 100_000  # labels above are identifiers, not classes from 0
# what else the splits are called
ALSO = {"valid": "validation", "val": "validation", "dev": "validation"}
WINDOWS = 16  # pairs of sequences that are compared for overlap
_BLOCK = 1000  # steps that are scored together
_REPORTED = {  # of each loss the metric and its unit
    "bernoulli": ("nll", "nats per step"),
    "categorical": ("error", "share of wrong answers"),
    "squared": ("mse", "mean squared error"),
}


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """What is wrong with the options, and with the form of what the file holds; its values are not
    read.
    """
    kind, file = options["kind"], options["file"]
    if kind not in KINDS:
        yield Wrong("kind", f"the task 'arrays' has no kind '{kind}'", nearest(kind, KINDS))
    if not file:
        yield Wrong(
            "file",
            "the task 'arrays' needs a file",
            "task: {name: arrays, file: my.npz, kind: classify}",
        )
    elif problem := files.unusable(file, folder):
        yield Wrong("file", *problem)
    elif kind in KINDS:
        path = files.place(file, folder)
        try:
            yield from (Wrong("file", *problem) for problem in files.misfits(path, kind))
        except (OSError, ValueError) as error:
            yield Wrong("file", *_damaged(path, error))


def _damaged(path: Path, error: Exception) -> files.Problem:
    return f"cannot read {path}: {error}", "write it once more: np.savez('my.npz', x=..., y=...)"


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Read the file.

    Raises:
        TaskError: it cannot be read, or what an array holds does not fit.
    """
    kind, path = options["kind"], files.place(options["file"], folder)
    try:
        arrays = _npz.read(
            path, [name for name in files.READ if name != "y" or kind != "next_step"]
        )
        warnings = list(_noticed(kind, arrays, _npz.headers(path)))
    except (OSError, ValueError) as error:
        problem, fix = _damaged(path, error)
        raise TaskError(problem, fix) from None
    x, lengths = _x(arrays, path)
    del arrays["x"]  # what is no longer needed makes room for the splits
    whole, loss, outputs = _targets(kind, x, lengths, arrays, path)
    del x
    split_numbers = _where(arrays, len(whole), seed, path)
    splits = {name: _rows(whole, split_numbers == number) for number, name in enumerate(SPLITS)}
    metric, unit = _REPORTED[loss]
    return Task(
        name="arrays",
        splits=splits,
        loss=loss,
        per="step" if kind == "next_step" else "sequence",
        outputs=outputs,
        metric=metric,
        unit=unit,
        baselines=_baselines(splits, loss),
        digest=digest_of(splits),
        warnings=tuple(warnings),
    )


def _refuse(path: Path, problem: str, fix: str) -> TaskError:
    return TaskError(f"{path}: {problem}", fix)


# ------------------------------------------------------------------ x


def _x(arrays: Mapping[str, np.ndarray], path: Path) -> tuple[np.ndarray, np.ndarray]:
    given = arrays["x"]
    x = given[..., None] if given.ndim == 2 else given
    lengths = arrays.get("lengths", np.full(len(x), x.shape[1]))
    if lengths.min() < 1 or lengths.max() > x.shape[1]:
        worst = lengths.min() if lengths.min() < 1 else lengths.max()
        problem = f"lengths must be from 1 to {x.shape[1]}, the steps of x, and not {worst}"
        raise _refuse(path, problem, "lengths=..., how many steps of each sequence are real")
    padding = np.arange(x.shape[1])[None, :] >= lengths[:, None]
    # What stands in the padding must not matter, NaN included.
    kept = np.where(padding[..., None], 0, x) if padding.any() else x
    fits_a_byte = x.dtype.kind in "bu" and x.max() <= 255
    exact = kept.astype(np.uint8, copy=False) if fits_a_byte else _single(kept)
    if exact.dtype == np.float32 and not np.isfinite(exact).all():
        raise _not_finite("x", kept, path, _fix_of_x(given, kept, "lengths" in arrays))
    return exact, lengths.astype(np.int32)


def _single(array: np.ndarray) -> np.ndarray:
    """As float32; what is too large for it becomes infinite, which is refused in words."""
    with np.errstate(over="ignore"):
        return array.astype(np.float32)


def _not_finite(name: str, array: np.ndarray, path: Path, fix: str) -> TaskError:
    """How many values are no numbers, and where the first is."""
    bad = ~np.isfinite(array)
    what = "NaN or infinite values"
    if not bad.any():
        bad, what = (
            ~np.isfinite(_single(array)),
            "values that are too large for single precision (3.4e38)",
        )
    first = np.argwhere(bad)[0]
    axes = ("sequence", "step", "input") if name == "x" else ("sequence", "output")
    place = ", ".join(f"{axis} {position}" for axis, position in zip(axes, first))
    return _refuse(
        path, f"{name} holds {bad.sum():,} {what}, the first in {place} (counted from 0)", fix
    )


def _fix_of_x(x: np.ndarray, kept: np.ndarray, has_lengths: bool) -> str:
    missing = np.isnan(kept).all(-1)  # a float array: whole numbers are always finite
    ends = (missing[:, :-1] <= missing[:, 1:]).all() and not missing[:, 0].any()
    if not has_lengths and missing.any() and ends and np.isfinite(kept[~missing]).all():
        axes = "x" if x.ndim == 2 else "x[..., 0]"
        return (
            f"NaN ends these sequences: lengths=(~np.isnan({axes})).sum(1) says how many steps are"
            " real"
        )
    if np.isfinite(kept).all():
        return "x=x / a number, or its logarithm"
    axes = "1" if x.ndim == 2 else "(1, 2)"
    return (
        f"fill them in, or keep = np.isfinite(x).all({axes}) and x=x[keep], the other arrays"
        " likewise"
    )


# ------------------------------------------------------------------ targets


def _targets(
    kind: str, x: np.ndarray, lengths: np.ndarray, arrays: Mapping[str, np.ndarray], path: Path
) -> tuple[Split, str, int]:
    """All sequences with their targets, the loss, and how many outputs it needs."""
    if kind == "next_step":
        return _next_step(x, lengths, path)
    y = arrays["y"]
    if kind == "regress":
        single = _single(y.reshape(len(y), -1))
        if not np.isfinite(single).all():
            finite = "np.isfinite(y)" if y.ndim == 1 else "np.isfinite(y).all(1)"
            fix = (
                f"keep = {finite} says which to keep: x=x[keep], y=y[keep], the other arrays"
                " likewise"
            )
            raise _not_finite("y", y.reshape(len(y), -1), path, fix)
        _check_squares("y", single, path)
        return Split(x, single, lengths), "squared", single.shape[1]
    for problem, fix in _no_classes(y, x.shape[1]):
        raise _refuse(
            path,
            f"to classify, y must be ({len(x)},) of whole numbers from 0 to {CLASSES - 1}:"
            f" {problem}",
            fix,
        )
    return Split(x, y.astype(np.int32), lengths), "categorical", int(y.max()) + 1


def _check_squares(name: str, targets: np.ndarray, path: Path) -> None:
    """Refuse targets whose squared error is infinite at the first step, so that every training
    would diverge.
    """
    with np.errstate(over="ignore"):
        finite = all(np.isfinite(np.square(target).sum()) for target in targets)
    if not finite:
        problem = (
            f"the squares of {name} are too large for single precision (3.4e38): no error could be"
            " computed"
        )
        raise _refuse(path, problem, f"{name}=({name} - {name}.mean()) / {name}.std()")


def _next_step(x: np.ndarray, lengths: np.ndarray, path: Path) -> tuple[Split, str, int]:
    if lengths.min() < 2:
        problem = "to predict the next step, every sequence needs at least 2 steps"
        raise _refuse(
            path, problem, f"leave out sequence {int(lengths.argmin())} and others as short"
        )
    binary = _binary(x)
    inputs = np.where(
        np.arange(x.shape[1] - 1)[None, :, None] < lengths[:, None, None] - 1, x[:, :-1], 0
    )
    target = x[:, 1:].astype(np.uint8 if binary else np.float32)
    if not binary:
        _check_squares("x", target, path)
    split = Split(inputs.astype(x.dtype, copy=False), target, lengths - 1)
    return split, "bernoulli" if binary else "squared", x.shape[-1]


def _binary(x: np.ndarray) -> bool:
    """Whether all numbers are 0 or 1; looked at sequence by sequence, since what is made for all of
    them is large.
    """
    return all(bool(((sequence == 0) | (sequence == 1)).all()) for sequence in x)


def _no_classes(y: np.ndarray, steps: int) -> Iterator[tuple[str, str]]:
    """Why these are no classes, and what makes classes of them."""
    counted = "y=np.unique(y, return_inverse=True)[1] numbers classes from 0"
    if y.ndim == 2:
        yield from _no_column(y, steps)
    elif y.dtype.kind == "f" and not np.isfinite(y).all():
        bad = ~np.isfinite(y)
        fix = (
            "keep = np.isfinite(y) says which to keep: x=x[keep], y=y[keep], the other arrays"
            " likewise"
        )
        yield (
            (
                f"{bad.sum()} of them are NaN or infinite, the first that of sequence"
                f" {int(bad.argmax())}"
            ),
            fix,
        )
    elif not np.array_equal(y, np.floor(y)):
        first = y[y != np.floor(y)][0]
        yield f"{first:g} is no whole number", "kind: regress, if y are quantities"
    elif y.min() < 0:
        yield f"the least is {y.min():g}", counted
    elif y.max() >= CLASSES:
        yield f"the largest is {y.max():g}", counted
    elif y.min() == y.max():
        yield (
            f"all are {y.max():g}, one class only: there is nothing to tell apart",
            "y=..., of two classes or more",
        )


def _no_column(y: np.ndarray, steps: int) -> Iterator[tuple[str, str]]:
    binary = bool(np.isin(y, (0, 1)).all())
    if binary and (y.sum(1) == 1).all():
        yield f"it is one-hot, {y.shape}", "y=y.argmax(1)"
    elif y.shape[1] == steps:
        fix = "a class at every step is not offered: y=y[:, -1] keeps the last one"
        yield f"it has shape {y.shape}, a class at every step", fix
    elif binary:
        fix = (
            f"several labels a sequence are not offered: kind: regress predicts {y.shape[1]}"
            " numbers"
        )
        yield f"it has shape {y.shape}, several labels a sequence", fix
    else:
        yield f"it has shape {y.shape}", "one class a sequence, or kind: regress"


# ------------------------------------------------------------------ splits


def _where(arrays: Mapping[str, np.ndarray], count: int, seed: int, path: Path) -> np.ndarray:
    """0, 1 or 2 for each sequence: its split."""
    if "split" in arrays:
        where = _given(arrays["split"], count, path)
        if "group" in arrays:
            _check_groups(arrays["group"], where, path)
    elif "group" in arrays:
        where = _by_group(arrays["group"], seed, path)
    else:
        where = np.digitize(np.random.default_rng(seed).permutation(count) / count, SHARES)
    _check_filled(where, arrays, path)
    return where


def _word(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _given(split: np.ndarray, count: int, path: Path) -> np.ndarray:
    """The splits as numbers."""
    values, place = np.unique(split, return_inverse=True)
    words = [_word(value) for value in values.tolist()]
    known: dict[str | int, int] = {
        **{name: number for number, name in enumerate(SPLITS)},
        0: 0,
        1: 1,
        2: 2,
    }
    known |= {synonym: known[name] for synonym, name in ALSO.items()}
    strange = [word for word in words if word not in known]
    if strange:
        near = nearest(str(strange[0]), [*SPLITS, *ALSO])
        cut = (
            " (an array of short texts cuts longer ones: split.astype('U10') before you write"
            " into it)"
        )
        raise _refuse(
            path,
            f"split must hold one of {', '.join(SPLITS)}, or of 0, 1, 2, for each of the {count}"
            f" sequences, and not {', '.join(map(repr, strange[:4]))}",
            near + (cut if split.dtype.kind in files.TEXTS else ""),
        )
    return np.array([known[word] for word in words])[place]


def _by_group(group: np.ndarray, seed: int, path: Path) -> np.ndarray:
    """Splits of whole groups: a shuffle of the groups, 15 % of them each for validation and test,
    at least one.
    """
    names, member = np.unique(group, return_inverse=True)
    if len(names) < len(SPLITS):
        raise _refuse(
            path,
            f"group names {len(names)} groups, and there are three splits",
            "give a `split` instead",
        )
    aside = max(1, round((1 - SHARES[1]) * len(names)))
    where = np.zeros(len(names), int)
    shuffled = np.random.default_rng(seed).permutation(len(names))
    where[shuffled[-aside:]], where[shuffled[-2 * aside : -aside]] = 2, 1
    return where[member]


def _check_groups(group: np.ndarray, where: np.ndarray, path: Path) -> None:
    names, member = np.unique(group, return_inverse=True)
    first = np.zeros(len(names), int)
    first[member] = where  # of each group, the split of one of its sequences
    torn = np.flatnonzero(first[member] != where)
    if len(torn):
        sides = sorted({int(where[torn[0]]), int(first[member[torn[0]]])})
        both = " and in ".join(SPLITS[side] for side in sides)
        raise _refuse(
            path,
            f"group {names[member[torn[0]]]!s} is in {both}",
            "leave `split` out, or keep groups whole in it",
        )


def _check_filled(split_numbers: np.ndarray, arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """Every split needs a sequence."""
    empty = [name for number, name in enumerate(SPLITS) if not (split_numbers == number).any()]
    if not empty:
        return
    problem = f"the {empty[0]} split is empty: {number_of(len(split_numbers), 'sequence')}"
    if "split" in arrays:
        raise _refuse(path, problem, _fix_of_empty(empty[0], arrays["split"]))
    are = "is" if len(split_numbers) == 1 else "are"
    raise _refuse(
        path,
        f"{problem} {are} too few for 70, 15 and 15 %",
        "`split` says where each goes, and one series can be cut into several sequences",
    )


def _fix_of_empty(name: str, split: np.ndarray) -> str:
    """What fills a split out of train."""
    if name == "train":
        return "give it most of the sequences"
    if split.dtype.kind not in files.TEXTS:
        return (
            f"take some out of train: split[np.flatnonzero(split == 0)[::5]] = {SPLITS.index(name)}"
        )
    return (
        "take some out of train: split = split.astype('U10'); split[np.flatnonzero(split =="
        f" 'train')[::5]] = '{name}'"
    )


def _rows(whole: Split, chosen: np.ndarray) -> Split:
    return Split(whole.x[chosen], whole.y[chosen], whole.lengths[chosen])


# ------------------------------------------------------------------ what is noticed


def _noticed(
    kind: str, arrays: Mapping[str, np.ndarray], headers: Mapping[str, _npz.Header]
) -> Iterator[Remark]:
    """What is probably not meant, as far as only the file can tell."""
    if "split" not in arrays and "group" not in arrays:
        yield _shuffled(arrays["x"])
    if kind == "next_step" and "y" in headers:
        yield Remark(
            "y is not used: next_step predicts x itself, one step on",
            "kind: classify or regress, if y is to be predicted",
        )
    y, steps = arrays.get("y"), arrays["x"].shape[1]
    if kind == "regress" and y is not None and y.ndim == 2 and 1 < y.shape[1] == steps:
        yield Remark(
            f"y has as many columns as x has steps: it is read as {y.shape[1]} numbers to predict"
            " at the end of a sequence, not as one at every step",
            "a number at every step is not offered: y=y[:, -1] keeps the last one",
        )


def _shuffled(x: np.ndarray) -> Remark:
    """What the split by a shuffle means."""
    step = _overlap(x)
    if step:
        return Remark(
            f"sequences are windows of one series, each begun {number_of(step, 'step')}"
            " after the one before, and they are split by a shuffle: train holds steps of test,"
            " and scores on test are too good",
            "write a `split` by time",
        )
    return Remark(
        "there is no `split` and no `group`: sequences go to train, validation and test by a"
        " shuffle",
        "give a `group` where several are of one person, machine or series: else scores on test"
        " are too good",
    )


def _overlap(x: np.ndarray) -> int:
    """By how many steps each sequence is the one before it, moved on; 0 where it is not."""
    first, second = x[:-1][:WINDOWS], x[1:][:WINDOWS]
    for step in range(1, x.shape[1]):
        shared = first[:, step:]
        varied = (shared != shared[:, :1]).any()
        if len(first) and varied and np.array_equal(shared, second[:, :-step]):
            return step
    return 0


# ------------------------------------------------------------------ baselines


def _baselines(splits: Mapping[str, Split], loss: str) -> dict[str, float]:
    """The score on test of always answering what was usual in train."""
    train, test = splits["train"], splits["test"]
    if loss == "categorical":
        usual = int(np.bincount(train.y).argmax())
        return {"most frequent class": float((test.y != usual).mean())}
    if loss == "squared":
        mean = _real(train).astype(float).mean(0)
        return {"mean of train": float(((_real(test).astype(float) - mean) ** 2).mean())}
    known, asked = _real(train), _real(test)
    likely = (known.sum(0, dtype=float) + 0.5) / (len(known) + 1.0)
    # in eight bytes a number
    blocks = [asked[start : start + _BLOCK] for start in range(0, len(asked), _BLOCK)]
    scores = [np.where(block == 1, np.log(likely), np.log1p(-likely)).sum(1) for block in blocks]
    return {"frequencies of train": float(-np.concatenate(scores).mean())}


def _real(split: Split) -> np.ndarray:
    """Targets that are not padding, (how many, outputs)."""
    if split.y.ndim < 3:
        return split.y
    return split.y[np.arange(split.y.shape[1])[None, :] < split.lengths[:, None]]
