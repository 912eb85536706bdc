"""Columns -> the arrays of a task's splits: inputs, filled in, scaled or one-hot, and targets.

In: rows, pieces and their sides.  Out: `Split`s and what reports need to know of targets.  Whatever
is estimated (means, deviations) is of the train split alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np

from rnnzoo.errors import TaskError, listed
from rnnzoo.spec.written import as_value, setting
from rnnzoo.tasks._contract import SPLITS, Split, cannot_spell, steps_to_spell
from rnnzoo.tasks._table.read import NO_NUMBER, Rows
from rnnzoo.tasks._table.roles import (
    CATEGORY,
    CHARACTERS,
    GUESSED,
    MASK,
    MISSING,
    NUMBER,
    STANDARD,
    TAG,
    WORDS,
    Roles,
    refused,
)
from rnnzoo.tasks._table.sequences import Pieces, Sequences, check_same, name_of

MOST_CATEGORIES = 1000  # of an input: each is a column
_PAIRS = 20_000  # neighbours that are compared with others, to tell ids from quantities
_YES_AND_NO = {
    **dict.fromkeys(("1", "1.0", "yes", "true"), 1.0),
    **dict.fromkeys(("0", "0.0", "no", "false"), 0.0),
}  # fmt: skip
_LEAST_IDS = 5  # different values: fewer are levels


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a cell sees of each step.

    Attributes:
        values: (steps, columns) float64, NaN where one is missing.
        is_number: (columns,) whether it is scaled: categories are not.
        names: of the columns.
        elapsed: (steps,) the time since the step before; None where that is no input.
    """

    values: np.ndarray
    is_number: np.ndarray
    names: tuple[str, ...]
    elapsed: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Targets:
    """What is predicted at each step.

    Attributes:
        values: (steps,) of classes, -1 where there is none; or (steps, outputs), NaN likewise.
        classes: their names, or those of labels, the first of which is none; empty for numbers.
        columns: as the table calls them.
        are_tags: whether each is 1 for yes or 0 for no.
        scaled: whether they are divided by the deviation of train.
        weights: (steps,) how much each counts; None where all count alike.
        labels: (texts, most) of texts to transcribe, which are the classes of `values`, the labels
            of each, with zeros behind the last; None of other targets.
    """

    values: np.ndarray
    classes: tuple[str, ...]
    columns: tuple[str, ...]
    scaled: bool = False
    weights: np.ndarray | None = None
    labels: np.ndarray | None = None
    are_tags: bool = False

    @property
    def missing(self) -> np.ndarray:
        """(steps,) whether there is none."""
        if self.classes:
            return np.asarray(self.values < 0)
        return np.asarray(np.isnan(self.values).any(1))


# ------------------------------------------------------------------ inputs


def inputs(rows: Rows, whole: Sequences, columns: Mapping[str, str], own: Roles) -> Inputs:
    """The inputs of all steps.

    Raises:
        TaskError: text among numbers, ids among quantities, or a value that is missing.
    """
    parts, is_number = [], []
    names: list[str] = []
    for column, role in columns.items():
        title = rows.called(column)
        if role == CATEGORY:
            part = _one_hot(rows, whole, column)
            names += [f"{title} {name}" for name in rows.names(column).names or ("",)]
        else:
            names.append(title)
            part = rows.numbers(column)[whole.row][:, None]
            if role == GUESSED and rows.is_whole(column):
                _check_quantities(rows, whole, column, part[:, 0])
        if own.missing == "refuse":
            _check_missing(rows, whole, column, np.isnan(part[:, 0]))
        parts.append(part)
        is_number += [role != CATEGORY] * part.shape[1]
    return Inputs(np.concatenate(parts, 1), np.array(is_number), tuple(names))


def rows_as_sequences(
    rows: Rows, columns: Mapping[str, str], own: Roles
) -> tuple[Sequences, Inputs]:
    """A sequence for each row, whose inputs are its steps; gaps at the end end it.

    Raises:
        TaskError: a value is no number, or missing between others.
    """
    if CATEGORY in columns.values():
        problem = "a table without `id` has a sequence in each row, whose steps are numbers"
        raise refused(problem, "`id` names what tells sequences of several rows apart")
    values = np.stack([rows.numbers(column) for column in columns], 1)
    known = ~np.isnan(values)
    lengths = np.where(known.any(1), values.shape[1] - known[:, ::-1].argmax(1), 0)
    within = np.arange(values.shape[1]) < lengths[:, None]
    _check_filled(rows, lengths, next(iter(columns)))
    gaps = np.argwhere(within & ~known)
    if len(gaps) and own.missing == "refuse":
        row, number = map(int, gaps[0])
        raise refused(f"{rows.place(row, list(columns)[number])} is missing", _fix_of_gaps())
    whole = Sequences(np.nonzero(within)[0], np.cumsum(lengths) - lengths, lengths)
    return whole, Inputs(values[within][:, None], np.array([True]), ())


def _check_filled(rows: Rows, lengths: np.ndarray, column: str) -> None:
    empty = np.flatnonzero(lengths == 0)
    if len(empty):
        problem = f"{rows.place(int(empty[0]), column)}: the row has no step"
        raise refused(problem, "leave the row out")


def elapsed(rows: Rows, whole: Sequences, own: Roles) -> np.ndarray | None:
    """(steps,) the time since the step before, 0 at the first of a sequence, in the unit of the
    column, or of its dates; None where no column says it.

    Raises:
        TaskError: a time is missing, or earlier than the one before.
    """
    if not own.time:
        return None
    times = rows.moments(own.time)[whole.row]
    since = np.diff(times, prepend=times[:1]).astype(float)
    since[whole.starts] = 0
    if (since < 0).any():
        row = int(whole.row[since.argmin()])
        problem = f"{rows.place(row, own.time)}: the time is before that of the step before"
        order = setting("order", own.time)
        raise refused(problem, f"{order} sorts the steps of each sequence by it")
    return np.asarray(since)


def _one_hot(rows: Rows, whole: Sequences, column: str) -> np.ndarray:
    names = rows.names(column)
    count = len(names.names)
    if count > MOST_CATEGORIES:
        title = rows.called(column)
        problem = f"the column '{title}' holds {count:,} categories, and each would be an input"
        raise refused(problem, f"at most {MOST_CATEGORIES}: leave it out, or merge rare ones")
    codes = names.codes[whole.row]
    part = np.zeros((len(codes), max(1, count)))
    part[np.arange(len(codes)), codes] = 1
    part[codes < 0] = np.nan
    return part


def _check_missing(rows: Rows, whole: Sequences, column: str, missing: np.ndarray) -> None:
    if not missing.any():
        return
    row = int(whole.row[missing].min())
    count = int(missing.sum())
    more = f" ({count - 1:,} more in this column)" if count > 1 else ""
    raise refused(f"{rows.place(row, column)} is missing{more}", _fix_of_gaps())


def _fix_of_gaps() -> str:
    kinds = setting("missing", *MISSING[1:])
    return f"fill it in, leave the sequence out, or say what stands for it: {kinds}"


def _check_quantities(rows: Rows, whole: Sequences, column: str, values: np.ndarray) -> None:
    """Refuse whole numbers that name things."""
    if not names_things(values, whole.of_step):
        return
    low, high = np.nanmin(values), np.nanmax(values)
    raise refused(
        f"{rows.place(int(whole.row[0]), column)}: the column holds whole numbers from"
        f" {low:g} to {high:g} whose neighbours are no nearer to each other than"
        " others: they look like ids, and a cell would take them for quantities",
        f"say what they are: {as_value({column: CATEGORY})} makes them one-hot,"
        f" {as_value({column: NUMBER})} takes them as they are",
    )


def names_things(values: np.ndarray, of_step: np.ndarray) -> bool:
    """Whether whole numbers look like ids: dense from 0 or 1 on, and neighbours in a sequence are
    no nearer to each other than strangers.

    Args:
        of_step: the sequence of each.
    """
    known = values[~np.isnan(values)]
    distinct = np.unique(known)
    if len(distinct) < _LEAST_IDS or distinct[0] not in (0, 1):
        return False
    steps = np.flatnonzero(of_step[1:] == of_step[:-1])
    steps = steps[~np.isnan(values[steps] + values[steps + 1])]
    if len(distinct) < 0.5 * (distinct[-1] - distinct[0] + 1) or not len(steps):
        return False
    random = np.random.default_rng(0)
    steps = random.choice(steps, min(len(steps), _PAIRS), replace=False)
    near = np.abs(values[steps] - values[steps + 1]).mean()
    far = np.abs(random.permutation(values[steps]) - values[steps + 1]).mean()
    return bool(near >= 0.8 * far)


# ------------------------------------------------------------------ targets


def targets(rows: Rows, whole: Sequences, columns: Mapping[str, str], own: Roles) -> Targets:
    """The targets of all steps.

    Raises:
        TaskError: it cannot be known what a column holds, or a target changes within a sequence.
    """
    roles = {column: role or _guessed(rows, column) for column, role in columns.items()}
    names = tuple(roles)
    if own.transcribes:
        return _texts(rows, whole, own)
    if CATEGORY in roles.values():
        return _classes(rows, whole, roles, own)
    are_tags = TAG in roles.values()
    read = _tags if are_tags else Rows.numbers
    values = np.stack([read(rows, column)[whole.row] for column in names], 1)
    if _is_constant(own):
        for number, column in enumerate(names):
            _check_constant(rows, whole, column, values[:, number])
    return Targets(values, (), names, STANDARD in roles.values(), are_tags=are_tags)


def _tags(rows: Rows, column: str) -> np.ndarray:
    """(rows,) 1 for yes, 0 for no, NaN where neither is said.

    Raises:
        TaskError: something else is.
    """
    names = rows.names(column)
    meant = [_YES_AND_NO.get(name.strip().lower(), np.nan) for name in names.names]
    values = np.array([*meant, np.nan])  # behind all names, of what is missing
    is_said = ~np.isin(names.names, NO_NUMBER)
    unknown = np.flatnonzero(np.isnan(values[:-1]) & is_said)
    if len(unknown):
        row = int(np.flatnonzero(names.codes == unknown[0])[0])
        problem = f"{rows.place(row, column)}: a tag is yes or no, and this is"
        fix = f"write 1 or 0; of several names, {setting('target', {column: CATEGORY})}"
        raise refused(f"{problem} '{names.names[unknown[0]]}'", fix)
    return np.asarray(values[names.codes])


def weights(rows: Rows, whole: Sequences, own: Roles) -> np.ndarray | None:
    """(steps,) how much an answer counts that is asked for there; None where all count alike.

    Raises:
        TaskError: one is missing or not above 0, or changes within a sequence that has one target.
    """
    if not own.weight:
        return None
    with np.errstate(over="ignore"):
        values = rows.numbers(own.weight)[whole.row].astype(np.float32)
    bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if len(bad):
        row = int(whole.row[bad].min())
        told = rows.text(row, own.weight) if _has(rows, row, own.weight) else "missing"
        problem = f"{rows.place(row, own.weight)}: the weight is {told}"
        raise refused(problem, "a number above 0; leave out rows that are not to count")
    if _is_constant(own):
        _check_constant(
            rows, whole, own.weight, values, "weight", "one weight a sequence, in each of its rows"
        )
    return None if (values == values[0]).all() else values


def _is_constant(own: Roles) -> bool:
    """Whether a sequence has one target, which stands in each of its rows."""
    return own.per == "sequence" and not own.window.length and not own.window.horizon


def _guessed(rows: Rows, column: str) -> str:
    if rows.is_text(column):
        return CATEGORY
    if not rows.is_whole(column):
        return NUMBER
    if np.isnan(rows.numbers(column)).all():
        problem = f"{rows.place(0, column)}: the target is missing, here and in all other rows"
        raise refused(problem, "name a column that has targets")
    raise refused(
        f"{rows.place(0, column)}: the target is a whole number, which may be a class or a"
        " quantity",
        f"say which: {setting('target', {column: CATEGORY})}, or {as_value({column: NUMBER})}",
    )


def _classes(rows: Rows, whole: Sequences, roles: Mapping[str, str], own: Roles) -> Targets:
    if len(roles) > 1:
        texts = [column for column, role in roles.items() if role == CATEGORY]
        problem = f"the targets {listed(roles)} are several, and '{texts[0]}' is a category"
        raise refused(problem, "several targets are numbers: a category is predicted alone")
    (column,) = roles
    names = rows.names(column)
    if _is_constant(own):
        why = (
            f"a sequence has one label: `{setting('per', 'step')}` predicts one at each step; or"
            " ids of two sequences are alike"
        )
        check_same(rows, whole, own.id, column, names, why)
    if not names.names:
        problem = f"{rows.place(0, column)}: all labels are missing"
        raise refused(problem, "name a column of several classes")
    if len(names.names) < 2:
        problem = f"{rows.place(0, column)}: all labels are '{names.names[0]}'"
        raise refused(problem, "there is nothing to tell apart: name a column of several classes")
    return Targets(names.codes[whole.row], names.names, (column,))


def _check_constant(
    rows: Rows,
    whole: Sequences,
    column: str,
    values: np.ndarray,
    word: str = "target",
    fix: str = "",
) -> None:
    """Refuse a sequence in which a column of numbers changes.

    Args:
        word: what it is.
        fix: of another than a target.
    """
    began = np.repeat(values[whole.starts], whole.lengths)
    changed = np.flatnonzero((values != began) & ~(np.isnan(values) & np.isnan(began)))
    if len(changed):
        row = int(whole.row[changed[0]])
        start = int(whole.row[whole.starts[whole.of_step[changed[0]]]])
        raise refused(
            f"{rows.place(row, column)}: the {word} is {rows.text(row, column)} here, and"
            f" {rows.text(start, column)} in {rows.place(start)}, of the same sequence",
            fix or _fix_of_changes(),
        )


def _fix_of_changes() -> str:
    at_each, behind = setting("per", "step"), setting("window", {"length": 50, "horizon": 1})
    return f"`{at_each}` predicts it at each step; {behind} after each window"


def _texts(rows: Rows, whole: Sequences, own: Roles) -> Targets:
    """Texts to transcribe, one a sequence."""
    ((column, role),) = own.target.items()
    texts = rows.names(column, as_written=True)
    check_same(rows, whole, own.id, column, texts, "a sequence has one text, in each of its rows")
    split = list if role == CHARACTERS else str.split
    spelt = [split(text) for text in texts.names]
    names = ("", *sorted({*chain.from_iterable(spelt)}))
    number = {name: place for place, name in enumerate(names)}
    labels = np.zeros((len(spelt), max(1, *map(len, spelt), 1)), np.int32)
    for row, text in zip(labels, spelt):
        row[: len(text)] = [number[name] for name in text]
    return Targets(texts.codes[whole.row], names, (column,), labels=labels)


def _check_texts(rows: Rows, whole: Sequences, given: Targets, own: Roles) -> None:
    """Refuse sequences that have too few steps for their texts."""
    assert given.labels is not None
    labels = given.labels[given.values[whole.starts]]
    short = np.flatnonzero(steps_to_spell(labels) > whole.lengths)
    if len(short):
        number = int(short[0])
        row = int(whole.row[whole.starts[number]])
        name = name_of(rows, row, own.id) if own.id else "the sequence"
        problem, fix = cannot_spell(labels[number], int(whole.lengths[number]), name)
        if own.target[given.columns[0]] == CHARACTERS:
            fix = f"{setting('target', {given.columns[0]: WORDS})} needs fewer; or {fix}"
        raise refused(f"{rows.place(row, given.columns[0])}: {problem}", fix)


def check_targets(
    rows: Rows, whole: Sequences, cut: Pieces, side: np.ndarray, given: Targets, own: Roles
) -> None:
    """Refuse targets that are missing, and classes that train lacks.

    With one target a step and `missing` other than `refuse`, a step without target is a step that
    does not count.
    """
    predicted = asked(cut.chosen(side >= 0), own)
    missing = given.missing[predicted]
    if missing.any() and (own.per == "sequence" or own.missing == "refuse"):
        row = int(whole.row[predicted[missing]].min())
        if _is_constant(own):  # the sequence's first row
            row = int(whole.row[whole.starts[whole.of_step[predicted[missing]]]].min())
        lacking = [column for column in given.columns if not _has(rows, row, column)]
        fix = "leave the sequence out"
        if own.per == "step":
            marked = setting("missing", "zero", "forward", "flag")
            fix = f"{marked} makes it a step that does not count"
        where = rows.place(row, (lacking or list(given.columns))[0])
        raise refused(f"{where}: the target is missing", fix)
    _check_asked(rows, whole, cut, side, given, own)
    if given.labels is not None:
        _check_texts(rows, whole, given, own)
    if not given.classes or given.labels is not None:
        return
    learnt = np.unique(given.values[asked(cut.chosen(side == 0), own)])
    for number in (1, 2):
        steps = asked(cut.chosen(side == number), own)
        unlearnt = steps[(given.values[steps] >= 0) & ~np.isin(given.values[steps], learnt)]
        if len(unlearnt):
            raise _unlearnt(rows, int(whole.row[unlearnt].min()), given, SPLITS[number])


def _check_asked(
    rows: Rows, whole: Sequences, cut: Pieces, side: np.ndarray, given: Targets, own: Roles
) -> None:
    """Refuse a split in which no step has a target."""
    for number, name in enumerate(SPLITS):
        steps = asked(cut.chosen(side == number), own)
        if given.missing[steps].all():
            place = rows.place(int(whole.row[steps].min()), given.columns[0])
            raise refused(
                f"{place}: the target is missing, here and in all other steps of {name}",
                "a split in which train, validation and test have targets",
            )


def _has(rows: Rows, row: int, column: str) -> bool:
    return rows.text(row, column).strip() not in NO_NUMBER


def _unlearnt(rows: Rows, row: int, given: Targets, split: str) -> TaskError:
    (column,) = given.columns
    label = rows.text(row, column)
    return refused(
        f"{rows.place(row, column)}: train has no '{label}', and {split} has: it cannot be learnt",
        "a split in which train has every class; leave `split` out for one by class",
    )


def asked(cut: Pieces, own: Roles) -> np.ndarray:
    """The steps whose targets are asked for."""
    if not len(cut):
        return np.zeros(0, np.int64)
    if own.per == "sequence":
        return cut.last
    steps, real = cut.steps()
    return np.asarray(steps[real] + cut.horizon)


# ------------------------------------------------------------------ filled in and scaled


def finished(
    given: Inputs, whole: Sequences, seen: np.ndarray, own: Roles
) -> tuple[np.ndarray, tuple[str, ...], dict[str, tuple[int, ...]]]:
    """(steps, inputs) float32: scaled by train, gaps filled, and a column for each that has gaps
    where these are flagged; the names of the inputs; and which columns cells may read beside x.

    The time since the step before comes behind the columns of the table, in units of its mean in
    train; behind it what is observed.

    Args:
        seen: (steps,) which of them train sees.
    """
    values, gaps = given.values, np.isnan(given.values)
    if own.missing == "forward":
        values = _forward(values, whole)
    middle, spread = moments(values[seen], own.scale)
    middle, spread = np.where(given.is_number, middle, 0), np.where(given.is_number, spread, 1)
    scaled = np.nan_to_num((values - middle) / spread, nan=0.0)
    names = given.names
    if own.missing == "flag":
        scaled = np.concatenate([scaled, gaps[:, gaps.any(0)]], 1)
        names += tuple(f"{name} missing" for name, has in zip(names, gaps.any(0)) if has)
    fills: dict[str, tuple[int, ...]] = {}
    if given.elapsed is not None:
        usual = given.elapsed[seen & (given.elapsed > 0)]
        since = given.elapsed / (usual.mean() if len(usual) else 1)
        fills["dt"] = (scaled.shape[1],)
        scaled = np.concatenate([scaled, since[:, None]], 1)
        names += ("dt",) * bool(names)
    if own.missing == MASK:
        fills["mask"] = tuple(range(scaled.shape[1], scaled.shape[1] + gaps.shape[1]))
        scaled = np.concatenate([scaled, ~gaps], 1)
        names += tuple(f"{name} observed" for name in given.names)
    return np.asarray(scaled, np.float32), names, fills


def _forward(values: np.ndarray, whole: Sequences) -> np.ndarray:
    """Gaps filled with what was there before, within a sequence."""
    steps = np.arange(len(values))[:, None]
    begins = np.repeat(whole.starts, whole.lengths)[:, None]
    known = np.maximum.accumulate(np.where(np.isnan(values), begins, steps), 0)
    return np.take_along_axis(values, known, 0)


def moments(values: np.ndarray, scale: str) -> tuple[np.ndarray, np.ndarray]:
    """What is subtracted of each column, and what it is divided by: mean and deviation, or median
    and the distance of the quartiles; a column that does not vary is not divided.
    """
    count = values.shape[1]
    middle, spread = np.zeros(count), np.ones(count)
    known = ~np.isnan(values).all(0)
    if scale == "standard":
        middle[known] = np.nanmean(values[:, known], 0)
        spread[known] = np.nanstd(values[:, known], 0)
    elif scale == "robust":
        low, middle[known], high = np.nanpercentile(values[:, known], (25, 50, 75), 0)
        spread[known] = high - low
    # rounding may leave a little of a constant column
    flat = spread <= 1e-12 * np.abs(middle)
    return middle, np.where(flat | (spread == 0), 1, spread)


# ------------------------------------------------------------------ splits


def split(cut: Pieces, x: np.ndarray, y: np.ndarray, given: Targets, own: Roles) -> Split:
    """The arrays of some pieces.

    Args:
        x, y: of all steps.
        given: the targets, before they were scaled.
    """
    steps, real = cut.steps()
    shown = np.where(real[..., None], x[steps], np.float32(0))
    lengths = cut.lengths.astype(np.int32)
    if own.per == "sequence":
        weights = None if given.weights is None else given.weights[cut.last]
        targets = y[cut.last] if given.labels is None else given.labels[y[cut.last]]
        return Split(shown, targets, lengths, weights)
    asked = steps + cut.horizon
    counts = real & ~given.missing[asked]
    y_shown = np.where(counts if y.ndim == 1 else counts[..., None], y[asked], y.dtype.type(0))
    weights = None if np.array_equal(counts, real) else counts.astype(np.float32)
    if given.weights is not None:
        weights = np.where(counts, given.weights[asked], np.float32(0))
    return Split(shown, y_shown, lengths, weights)
