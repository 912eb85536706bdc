"""One's own data: a NumPy `.npz` file of sequences.

    x         (sequences, time, inputs), or (sequences, time) for one input
    y         `classify`: (sequences,) of classes from 0 or of names, or a one-hot row for each;
              `regress`: (sequences,) or (sequences, outputs); both also at every step,
              (sequences, time) or (sequences, time, outputs); `next_step` takes none: x itself,
              one step on, is the target
    lengths   (sequences,): how many steps are real; without it, all
    split     (sequences,) of `train`, `validation`, `test`, or of 0, 1, 2
    group     (sequences,) of numbers or names: whose a sequence is; a group is never in two splits

Without `split`, 70, 15 and 15 % of the groups, or of the sequences, by a shuffle that is always the
same.  Other arrays of the file are not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.errors import Remark, TaskError, nearest, number_of
from rnnzoo.tasks import SPLITS, Report, Split, Task, Wrong, _arrays_targets, _npz, digest_of
from rnnzoo.tasks import _arrays_file as files
from rnnzoo.tasks._arrays_targets import MISSING, Targets, as_single, not_finite, real_steps, refuse

# `per` decides where the shape of y can be read in two ways
OPTIONS: dict[str, Any] = {"file": "", "kind": "classify", "per": ""}
ABOUT = "your own sequences, from a .npz file: next_step, classify or regress"
KINDS = ("next_step", "classify", "regress")
PER = ("step", "sequence")
SHARES = (0.7, 0.85)  # where validation begins, and test
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
    if options["per"] not in ("", *PER):
        yield Wrong("per", f"`per` cannot be '{options['per']}'", nearest(options["per"], PER))
    elif kind == "next_step" and options["per"] == "sequence":
        yield Wrong("per", "next_step predicts every step", "leave `per` out")
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
            yield from (
                Wrong("file", *problem) for problem in files.misfits(path, kind, options["per"])
            )
        except (OSError, ValueError) as error:
            yield Wrong("file", *_damaged(path, error))


def _damaged(path: Path, error: Exception) -> files.Problem:
    return f"cannot read {path}: {error}", "write it once more: np.savez('my.npz', x=..., y=...)"


def sources(options: Mapping[str, Any], folder: Path) -> Iterator[Path]:
    """The files that the data are read from."""
    yield files.place(options["file"], folder)


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
    whole, targets = _targets(options, x, lengths, arrays, path)
    del x
    split_numbers = _where(arrays, len(whole), seed, path)
    splits = {name: _rows(whole, split_numbers == number) for number, name in enumerate(SPLITS)}
    metric, unit = _REPORTED[targets.loss]
    return Task(
        name="arrays",
        splits=splits,
        loss=targets.loss,
        per=targets.per,
        outputs=targets.outputs,
        metric=metric,
        unit=unit,
        baselines=_baselines(splits, targets),
        digest=digest_of(splits),
        warnings=(*warnings, *_missing(targets.classes)),
        classes=targets.classes,
    )


# ------------------------------------------------------------------ x


def _x(arrays: Mapping[str, np.ndarray], path: Path) -> tuple[np.ndarray, np.ndarray]:
    given = arrays["x"]
    x = given[..., None] if given.ndim == 2 else given
    lengths = arrays.get("lengths", np.full(len(x), x.shape[1]))
    if lengths.min() < 1 or lengths.max() > x.shape[1]:
        worst = lengths.min() if lengths.min() < 1 else lengths.max()
        problem = f"lengths must be from 1 to {x.shape[1]}, the steps of x, and not {worst}"
        raise refuse(path, problem, "lengths=..., how many steps of each sequence are real")
    padding = np.arange(x.shape[1])[None, :] >= lengths[:, None]
    # What stands in the padding must not matter, NaN included.
    kept = np.where(padding[..., None], 0, x) if padding.any() else x
    fits_a_byte = x.dtype.kind in "bu" and x.max() <= 255
    exact = kept.astype(np.uint8, copy=False) if fits_a_byte else as_single(kept)
    if exact.dtype == np.float32 and not np.isfinite(exact).all():
        raise not_finite("x", kept, path, _fix_of_x(given, kept, "lengths" in arrays))
    return exact, lengths.astype(np.int32)


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
    options: Mapping[str, Any],
    x: np.ndarray,
    lengths: np.ndarray,
    arrays: Mapping[str, np.ndarray],
    path: Path,
) -> tuple[Split, Targets]:
    """All sequences with their targets, and what these are."""
    kind, per = options["kind"], options["per"]
    if kind == "next_step":
        inputs, targets = _arrays_targets.next_step(x, lengths, path)
        return Split(inputs, targets.y, lengths - 1), targets
    read = _arrays_targets.numbers if kind == "regress" else _arrays_targets.classes
    targets = read(arrays["y"], real_steps(lengths, x.shape[1]), per, path)
    return Split(x, targets.y, lengths), targets


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
        raise refuse(
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
        raise refuse(
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
        raise refuse(
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
        raise refuse(path, problem, _fix_of_empty(empty[0], arrays["split"]))
    are = "is" if len(split_numbers) == 1 else "are"
    raise refuse(
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


def _missing(classes: Sequence[str]) -> Iterator[Remark]:
    """Whether a class is what programs write where a label is missing."""
    names = [name for name in classes if name in MISSING]
    if names:
        yield Remark(
            f"a class is called {names[0]!r}, as a missing label is written",
            f"keep = y != {names[0]!r}, if it is one: x=x[keep], y=y[keep], the other arrays"
            " likewise",
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


def _baselines(splits: Mapping[str, Split], targets: Targets) -> dict[str, float]:
    """The score on test of always answering what was usual in train."""
    known, asked = (_real(splits[name], targets.per) for name in ("train", "test"))
    if targets.loss == "categorical":
        usual = int(np.bincount(known).argmax())
        return {"most frequent class": float((asked != usual).mean())}
    if targets.loss == "squared":
        mean = known.astype(float).mean(0)
        return {"mean of train": float(((asked.astype(float) - mean) ** 2).mean())}
    likely = (known.sum(0, dtype=float) + 0.5) / (len(known) + 1.0)
    # in eight bytes a number
    blocks = [asked[start : start + _BLOCK] for start in range(0, len(asked), _BLOCK)]
    scores = [np.where(block == 1, np.log(likely), np.log1p(-likely)).sum(1) for block in blocks]
    return {"frequencies of train": float(-np.concatenate(scores).mean())}


def _real(split: Split, per: str) -> np.ndarray:
    """Targets that are not padding, (how many, outputs) or (how many,)."""
    return split.y[real_steps(split.lengths, split.y.shape[1])] if per == "step" else split.y
