"""One's own table: a row for each step, in CSV, Parquet or Arrow files, or `.ts` files of the UCR
and UEA archives.

    file      my.csv, a folder of tables, or a file for each split: {train: a.csv, test: b.csv}
    id        the column, or columns, that name a sequence; without one, each file of a folder is a
              sequence, or what is cut into windows; or each row, and its inputs are the steps
    order     the column by which its steps are sorted; without one, as in the file
    inputs    columns: numbers, or {weekday: category}, which is one-hot; `dim_*` names several
    target    a column of names, or {price: number}, or several numbers
    per       one target a `sequence` (it stands in each of its rows), or one a `step`
    split     a column of train, validation and test; {by: patient}; {time: date}; by default drawn,
              whole sequences, as equally out of each class as can be
    window    {length: 50, step: 10, horizon: 1}: pieces of sequences, and a target some steps later
    scale     `standard`, `robust` or `none`: the inputs, by the train split alone
    missing   `refuse`; `zero` (the mean, where inputs are scaled); `forward`; `flag`: zero, and an
              input that says so; `mask`: zero, and an input for each that says whether it is there
    time      the column that says when a step is: the time since the step before is an input, `dt`
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rnnzoo.errors import Remark, TaskError, number_of
from rnnzoo.tasks import SPLITS, Report, Split, Task, Wrong, _transcription, digest_of, packed
from rnnzoo.tasks._arrays_targets import called_missing
from rnnzoo.tasks._packed import weighted_mean
from rnnzoo.tasks._table import arrays, files, read, roles, ts
from rnnzoo.tasks._table.files import Source
from rnnzoo.tasks._table.roles import Roles
from rnnzoo.tasks._table.sequences import Pieces, Sequences, pieces, sequences
from rnnzoo.tasks._table.split import LEFT_OUT, sides
from rnnzoo.tasks._usual import WEIGHED, mean_of_train, most_frequent, shares_of_train

OPTIONS: dict[str, Any] = roles.OPTIONS
ABOUT = "your own table: CSV, Parquet, Arrow or .ts; classes or numbers, a sequence or a step"


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """What is wrong with the options, with the files that there are, and with their headers; no
    values are read.
    """
    entries = files.sources(options["file"], folder)
    mistakes = [source for source in entries if isinstance(source, Wrong)]
    mistakes += roles.wrong(options)
    yield from mistakes
    if mistakes:
        return
    sources = [source for source in entries if isinstance(source, Source)]
    try:
        header = read.header(sources[0])
        given = _with_defaults(options, sources[0])
    except TaskError as error:
        yield Wrong("file", *error.parts)
        return
    yield from roles.wrong_columns(given, header, sources[0].shown)
    if roles.roles(given).split.column and sources[0].side != files.UNSAID:
        yield Wrong("split", "files say already which split a sequence is in", "leave it out")


def loss_of(options: Mapping[str, Any]) -> str:
    """What the roles of targets say; without roles, only the columns tell."""
    own = roles.roles(options)
    said = own.target
    if own.transcribes:
        return _transcription.LOSS
    if roles.CATEGORY in said.values():
        return "categorical"
    if roles.TAG in said.values():
        return "bernoulli"
    return "squared" if len(said) > 1 or any(said.values()) else ""


def fills_of(options: Mapping[str, Any], folder: Path) -> tuple[str, ...]:
    """What cells may read beside x."""
    own = roles.roles(options)
    return ("dt",) * bool(own.time) + ("mask",) * (own.missing == roles.MASK)


def _with_defaults(options: Mapping[str, Any], source: Source) -> dict[str, Any]:
    """The options, with those that a format knows by itself."""
    if source.format != ts.FORMAT:
        return dict(options)
    known = ts.defaults(ts.predicts_number(source))
    return {name: value or known.get(name, value) for name, value in options.items()}


def sources(options: Mapping[str, Any], folder: Path) -> Iterator[Path | str]:
    """The files that the data are read from, and how: which split each is for, and as what."""
    for source in files.sources(options["file"], folder):
        if isinstance(source, Source):
            yield source.path
            yield f"{source.side} {source.path.suffix.lower()}"


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Read the files.

    Raises:
        TaskError: one cannot be read, or what a row holds does not fit.
    """
    entries = files.sources(options["file"], folder)
    sources = [source for source in entries if isinstance(source, Source)]
    header = read.header(sources[0])
    own = roles.roles(_with_defaults(options, sources[0]))
    inputs, target = roles.columns_of(own.inputs, header), roles.columns_of(own.target, header)
    split = own.split
    marks = (*own.id, own.order, own.time, split.column, split.by, split.time, own.weight)
    rows = read.Rows(sources, [*inputs, *target, *filter(None, marks)])
    whole, x = _inputs(rows, inputs, own)
    cut, short = pieces(rows, whole, own)
    y = arrays.targets(rows, whole, target, own)
    y = replace(y, weights=arrays.weights(rows, whole, own))
    has_classes = y.classes and y.labels is None and own.per == "sequence"
    classes = y.values[cut.last] if has_classes else None
    side = sides(rows, whole, cut, own, classes, seed)
    arrays.check_targets(rows, whole, cut, side, y, own)
    left_out = _left_out(short, int((side == LEFT_OUT).sum()), own)
    names = () if y.labels is not None else y.classes
    fix = "leave the places of labels that are missing empty"
    remarks = (*left_out, *called_missing(names, fix))
    x = replace(x, elapsed=arrays.elapsed(rows, whole, own))
    return _task(own, whole, cut, side, x, y, remarks)


def _inputs(
    rows: read.Rows, columns: Mapping[str, str], own: Roles
) -> tuple[Sequences, arrays.Inputs]:
    """The steps of all sequences; of a table that names none, each row is one."""
    series = own.id or own.order or own.window.length or own.window.horizon or rows.has_series
    if not series and own.per == "sequence":
        return arrays.rows_as_sequences(rows, columns, own)
    whole = sequences(rows, own)
    return whole, arrays.inputs(rows, whole, columns, own)


def _left_out(short: int, torn: int, own: Roles) -> Iterator[Remark]:
    if short:
        counted = number_of(short, "sequence is", "sequences are")
        yield Remark(f"{counted} too short for a window, and left out", "a smaller `length`")
    if torn:
        unit = "window" if own.window.length else "sequence"
        yield Remark(
            f"{number_of(torn, unit)} lie{'s' if torn == 1 else ''} on two sides of the split, and"
            f" {'is' if torn == 1 else 'are'} left out: train holds no step of test"
        )


def _task(
    own: Roles,
    whole: Sequences,
    cut: Pieces,
    side: np.ndarray,
    x: arrays.Inputs,
    y: arrays.Targets,
    remarks: tuple[Remark, ...],
) -> Task:
    seen = _seen(cut.chosen(side == 0), len(whole.row))
    inputs, names, fills = arrays.finished(x, whole, seen, own)
    scale = _scale(y, cut.chosen(side == 0), own)
    numbers, unit = _predicted(y, scale)
    last = {} if y.classes or y.are_tags else _last_value(numbers, y, cut.chosen(side == 2), own)
    splits = {
        name: arrays.split(cut.chosen(side == number), inputs, numbers, y, own)
        for number, name in enumerate(SPLITS)
    }
    loss, metric = _measured(y)
    baselines = {**_baselines(splits, own.per, loss), **last}
    task = Task(
        name="table",
        splits=splits,
        loss=loss,
        per="step" if own.per == "step" else "sequence",
        outputs=len(y.classes) or numbers.shape[1],
        metric=metric,
        unit=unit,
        baselines=baselines,
        digest=digest_of(splits),
        note=WEIGHED if y.weights is not None else "",
        warnings=remarks,
        classes=y.columns if y.are_tags else y.classes,
        input_names=names,
        ahead=own.per == "step" and own.window.horizon > 0,
        fills=fills,
    )
    return _in_own_unit(task, scale)


def _in_own_unit(task: Task, scale: Scale | None) -> Task:
    """The task with scores in the unit of its target, where it has one and that is scaled."""
    if scale is None or len(scale.spread) > 1:
        return task
    (middle,), (spread,) = scale.middle.tolist(), scale.spread.tolist()
    told = f"{task.digest} in its own unit"  # scores of before were in another
    return replace(
        task,
        middle=(middle,),
        spread=(spread,),
        baselines={name: score * spread**2 for name, score in task.baselines.items()},
        digest=hashlib.sha256(told.encode()).hexdigest(),
    )


def _measured(y: arrays.Targets) -> tuple[str, str]:
    """The loss and the metric."""
    if y.labels is not None:
        return _transcription.LOSS, _transcription.METRIC
    if y.are_tags:
        return "bernoulli", "nll"
    return ("categorical", "error") if y.classes else ("squared", "mse")


def _seen(train: Pieces, count: int) -> np.ndarray:
    """(steps,) whether train sees it."""
    edges = np.zeros(count + 1, np.int64)
    np.add.at(edges, train.starts, 1)
    np.add.at(edges, train.starts + train.lengths, -1)
    return np.asarray(np.cumsum(edges)[:-1] > 0)


class Scale(NamedTuple):
    """What is subtracted of each target, and what it is divided by."""

    middle: np.ndarray
    spread: np.ndarray


def _scale(y: arrays.Targets, train: Pieces, own: Roles) -> Scale | None:
    """By the targets of train; None where they stay as they are."""
    if not y.scaled:
        return None
    return Scale(*arrays.moments(y.values[arrays.asked(train, own)], "standard"))


def _predicted(y: arrays.Targets, scale: Scale | None) -> tuple[np.ndarray, str]:
    """Targets of all steps as they are predicted, and the unit of the metric."""
    if y.labels is not None:
        return y.values, _transcription.UNIT
    if y.classes:
        return y.values.astype(np.int32), "share of wrong answers"
    if y.are_tags:
        return y.values.astype(np.float32), "nats, of all tags together"
    if scale is None:
        return y.values.astype(np.float32), "mean squared error"
    several = ", in variances of train" if len(scale.spread) > 1 else ""
    numbers = ((y.values - scale.middle) / scale.spread).astype(np.float32)
    return numbers, f"mean squared error{several}"


def _baselines(splits: Mapping[str, Split], per: str, loss: str) -> dict[str, float]:
    """The score on test of always answering what was usual in train."""
    if loss == _transcription.LOSS:
        return _transcription.baselines(splits)
    train, test = (packed(splits[name], per == "step") for name in ("train", "test"))
    if loss == "categorical":
        return most_frequent(train, test)
    if loss == "bernoulli":
        return shares_of_train(train, test)
    return mean_of_train(train, test)


def _last_value(
    numbers: np.ndarray, y: arrays.Targets, test: Pieces, own: Roles
) -> dict[str, float]:
    """The score on test of always answering that nothing changes until the target's step."""
    asked = arrays.asked(test, own)
    asked = asked[~y.missing[asked] & ~y.missing[asked - own.window.horizon]]
    if not own.window.horizon or not len(asked):
        return {}
    errors = numbers[asked].astype(float) - numbers[asked - own.window.horizon]
    weights = None if y.weights is None else y.weights[asked]
    return {"last value": float(weighted_mean(np.square(errors).mean(1), weights))}
