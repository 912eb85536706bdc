"""One's own data: a NumPy `.npz` file of sequences.

    x         (sequences, time, inputs), or (sequences, time) for one input
    y         `classify`: (sequences,) of classes from 0 or of names, or a one-hot row for each;
              `tag`: (sequences, tags) of 1 for yes and 0 for no; `regress`: (sequences,) or
              (sequences, outputs); all also at every step, (sequences, time) or (sequences, time,
              outputs); `next_step` takes none: x itself, one step on, is the target
              to `transcribe`, labels in their order: (sequences,) of texts, (sequences, labels)
              with -1 or '' behind the last, or all of them behind each other
    y_lengths (sequences,): how many labels each has, where y does not say it
    lengths   (sequences,): how many steps are real; without it, all
    split     (sequences,) of `train`, `validation`, `test`, or of 0, 1, 2
    group     (sequences,) of numbers or names: whose a sequence is; a group is never in two splits
    weights   (sequences,) above 0: how much a sequence counts, in the loss and in scores
    dt, mask  or others that the option `fills` names, (sequences, time, columns): what cells may
              read beside x

or each of them for each split, but `split`: `X_train`, `y_train`, `X_test`, `y_test`, and `X_val`,
`y_val`; letters may be large or small.

Without `split`, 70, 15 and 15 % of the groups, or of the sequences, by a shuffle that is always the
same; with train and test only, a share of train is for validation.  Other arrays of the file are
not read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.errors import Remark, TaskError, nearest, number_of
from rnnzoo.spec.written import setting
from rnnzoo.tasks import (
    SPLITS,
    Report,
    Split,
    Task,
    Wrong,
    _arrays_labels,
    _arrays_named,
    _arrays_parts,
    _arrays_splits,
    _arrays_targets,
    _npz,
    _transcription,
    digest_of,
)
from rnnzoo.tasks import _arrays_file as files
from rnnzoo.tasks._arrays_targets import (
    Targets,
    as_single,
    called_missing,
    not_finite,
    real_steps,
    refuse,
)
from rnnzoo.tasks._packed import packed
from rnnzoo.tasks._usual import WEIGHED, mean_of_train, most_frequent, shares_of_train

# `per` decides where the shape of y can be read in two ways
OPTIONS: dict[str, Any] = {
    "file": "",
    "kind": "classify",
    "per": "",
    "split": "shuffle",
    "validation": _arrays_splits.VALIDATION,
    "fills": (),  # names of arrays that cells may read beside x
}
ABOUT = "your own sequences, from a .npz file: next_step, classify, tag, regress or transcribe"
KINDS = ("next_step", "classify", "tag", "regress", "transcribe")
PER = ("step", "sequence")
_UNLABELLED = "keep = y != {name!r}, if it is one: x=x[keep], y=y[keep], the other arrays likewise"
WINDOWS = 16  # pairs of sequences that are compared for overlap
_LOSSES = {  # that of `next_step` depends on what x holds
    "classify": "categorical",
    "tag": "bernoulli",
    "regress": "squared",
    "transcribe": _transcription.LOSS,
}
_READERS = {
    "classify": _arrays_targets.classes,
    "tag": _arrays_targets.tags,
    "regress": _arrays_targets.numbers,
}
_REPORTED = {  # of each loss the metric and its unit
    "bernoulli": ("nll", "nats per {per}"),
    "categorical": ("error", "share of wrong answers"),
    "squared": ("mse", "mean squared error"),
    _transcription.LOSS: (_transcription.METRIC, _transcription.UNIT),
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
    elif kind == "transcribe" and options["per"] == "step":
        yield Wrong(
            "per",
            "labels to transcribe are those of a sequence, whose steps are not told",
            f"leave `per` out; of a class at each step, {setting('kind', 'classify')}",
        )
    yield from _wrong_split(options)
    misnamed = list(_arrays_named.wrong(options["fills"]))
    yield from misnamed
    if not file:
        yield Wrong(
            "file",
            "the task 'arrays' needs a file",
            setting("task", {"name": "arrays", "file": "my.npz", "kind": "classify"}),
        )
    elif problem := files.unusable(file, folder):
        yield Wrong("file", *problem)
    elif kind in KINDS and not misnamed:
        path, fills = files.place(file, folder), _arrays_named.names(options["fills"])
        try:
            problems = list(_arrays_parts.misfits(path, kind, options["per"], fills))
            yield from (Wrong("file", *problem) for problem in problems)
            if options["split"] == "stratified" and not problems:
                yield from _split_already(_npz.headers(path))
        except (OSError, ValueError) as error:
            yield Wrong("file", *_damaged(path, error))


def loss_of(options: Mapping[str, Any]) -> str:
    """The loss of a kind; that of `next_step` depends on what x holds."""
    return _LOSSES.get(options["kind"], "")


def fills_of(options: Mapping[str, Any], folder: Path) -> tuple[str, ...]:
    """What cells may read beside x."""
    return _arrays_named.names(options["fills"])


def _wrong_split(options: Mapping[str, Any]) -> Iterator[Wrong]:
    how, share = options["split"], options["validation"]
    if how not in _arrays_splits.HOW:
        yield Wrong("split", f"`split` cannot be '{how}'", nearest(how, _arrays_splits.HOW))
    elif how == "stratified" and options["kind"] in ("next_step", "tag", "regress", "transcribe"):
        stratified = setting("split", "stratified")
        problem = f"`{stratified}` needs classes, and '{options['kind']}' has none"
        yield Wrong("split", problem, "leave it out, or give a `split` in the file")
    if not 0 < share < 1:
        problem = f"`validation` must be a share of train between 0 and 1, not {share}"
        yield Wrong("validation", problem, f"its default is {_arrays_splits.VALIDATION}")


def _split_already(in_file: Mapping[str, _npz.Header]) -> Iterator[Wrong]:
    """Whether the file itself says which sequences are together."""
    for name in sorted({"split", "group"} & _arrays_parts.given(in_file)):
        problem = f"the file has a `{name}`, and `{setting('split', 'stratified')}` makes one"
        yield Wrong("split", problem, "leave it out")


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
    path = files.place(options["file"], folder)
    arrays, warnings = _read(options, path)
    whole, targets, columns = _whole(options, arrays, path)
    split_numbers, remarks = _arrays_splits.numbers(arrays, targets, options, seed, path)
    splits = {name: _rows(whole, split_numbers == number) for number, name in enumerate(SPLITS)}
    del whole  # the splits are copies, and baselines and digest need room
    # a label of a transcription may be called anything
    names = () if targets.loss == _transcription.LOSS else targets.classes
    metric, unit = _REPORTED[targets.loss]
    unit = unit.format(per=targets.per)
    return Task(
        name="arrays",
        splits=splits,
        loss=targets.loss,
        per=targets.per,
        outputs=targets.outputs,
        metric=metric,
        unit=unit,
        note=WEIGHED if splits["train"].weights is not None else "",
        baselines=_baselines(splits, targets),
        digest=digest_of(splits),
        warnings=(*warnings, *remarks, *called_missing(names, _UNLABELLED)),
        classes=targets.classes,
        fills=columns,
        # of what a model must not have read, where that is more than x one step on
        ahead=options["kind"] == "next_step" and bool(options["fills"]),
    )


def _read(options: Mapping[str, Any], path: Path) -> tuple[dict[str, np.ndarray], list[Remark]]:
    """The arrays of the file under the names of this module's text, and what is probably not meant.

    Raises:
        TaskError: it cannot be read.
    """
    fills = _arrays_named.names(options["fills"])
    try:
        arrays = _arrays_parts.read(path, options["kind"], fills)
        warnings = list(_noticed(options, arrays, _arrays_parts.given(_npz.headers(path))))
    except (OSError, ValueError) as error:
        problem, fix = _damaged(path, error)
        raise TaskError(problem, fix) from None
    return arrays, warnings


def _whole(
    options: Mapping[str, Any], arrays: dict[str, np.ndarray], path: Path
) -> tuple[Split, Targets, _arrays_named.Fills]:
    """All sequences with their targets; what these are; and the columns that cells may read beside
    x.

    Args:
        arrays: x is taken out of them.
    """
    fills = _arrays_named.names(options["fills"])
    arrays["x"] = _arrays_named.with_gaps_filled(arrays, fills)
    x, lengths = _x(arrays, path)
    named = list(_arrays_named.columns(arrays, fills, lengths, path))
    columns = _arrays_named.filled(x.shape[-1], fills, named)
    del arrays["x"]  # as large as all else: what is no longer needed makes room for the splits
    whole, targets = _targets(options, x, lengths, arrays, path)
    if fills:
        whole = replace(whole, x=_arrays_named.beside(whole, named))
    if "weights" in arrays:
        whole = replace(whole, weights=_weights(arrays["weights"], whole, targets.per, path))
    return whole, targets, columns


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
    fits_a_byte = x.dtype.kind in "bu" and x.max() <= 255
    exact = x.astype(np.uint8, copy=False) if fits_a_byte else as_single(x)
    # What stands in the padding must not matter, NaN included; in place, since copies are large.
    exact[padding] = 0
    if exact.dtype == np.float32 and not np.isfinite(exact).all():
        kept = np.where(padding[..., None], 0, x)
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
    if kind == "transcribe":
        targets = _arrays_labels.labels(arrays["y"], arrays.get("y_lengths"), lengths, path)
        return Split(x, targets.y, lengths), targets
    targets = _READERS[kind](arrays["y"], real_steps(lengths, x.shape[1]), per, path)
    return Split(x, targets.y, lengths), targets


def _weights(given: np.ndarray, whole: Split, per: str, path: Path) -> np.ndarray | None:
    """How much each answer counts; None where all count alike."""
    weights = as_single(given)
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights > 0)))
    if len(bad):
        problem = f"the weight of sequence {bad[0]} is {given[bad[0]]:g}"
        raise refuse(path, problem, "a number above 0; leave out sequences that are not to count")
    if (weights == weights[0]).all():
        return None
    if per == "sequence":
        return weights
    return np.where(real_steps(whole.lengths, whole.width), weights[:, None], np.float32(0))


# ------------------------------------------------------------------ splits


def _rows(whole: Split, chosen: np.ndarray) -> Split:
    weights = None if whole.weights is None else whole.weights[chosen]
    return Split(whole.x[chosen], whole.y[chosen], whole.lengths[chosen], weights)


# ------------------------------------------------------------------ what is noticed


def _noticed(
    options: Mapping[str, Any], arrays: Mapping[str, np.ndarray], given: Collection[str]
) -> Iterator[Remark]:
    """What is probably not meant, as far as only the file can tell.

    Args:
        given: what the file says of its sequences, read or not.
    """
    if "split" not in arrays and "group" not in arrays:
        yield _shuffled(arrays["x"], options["split"])
    if options["kind"] == "next_step" and "y" in given:
        yield Remark(
            "y is not used: next_step predicts x itself, one step on",
            f"{setting('kind', *KINDS[1:])}, if y is to be predicted",
        )


def _shuffled(x: np.ndarray, how: str) -> Remark:
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
        f" shuffle{' of each class' if how == 'stratified' else ''}",
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
    if targets.loss == _transcription.LOSS:
        return _transcription.baselines(splits)
    train, test = (packed(splits[name], targets.per == "step") for name in ("train", "test"))
    if targets.loss == "categorical":
        return most_frequent(train, test)
    if targets.loss == "squared":
        return mean_of_train(train, test)
    return shares_of_train(train, test)
