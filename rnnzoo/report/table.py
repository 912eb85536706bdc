"""Results <-> one table: a line for each trial, as CSV or Parquet, that a report can be made from
again.

In: results, and what their tasks say of themselves.  Out: a file that spreadsheets, pandas and R
read, and back.  The first line of a CSV file (the schema's metadata of a Parquet file) says of
which experiment and tasks it is, so that neither the data nor a database is needed to read it.  The
only file that imports pyarrow.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rnnzoo.errors import UsageError, command
from rnnzoo.report.rows import (
    ALSO,
    BY_LENGTH,
    SPLITS,
    RowError,
    cell_of_scores,
    repeated,
    result,
)
from rnnzoo.report.summary import TaskInfo, data_of
from rnnzoo.spec.atomic import atomic_write
from rnnzoo.spec.files import missing
from rnnzoo.spec.hyperparameters import SEARCHABLE
from rnnzoo.spec.timing import Timing
from rnnzoo.spec.trial import Result

TRIALS = "# rnnzoo trials "
MARK = f"{TRIALS}1 "
KEY = b"rnnzoo"
FIRST = ("study", "task", "variant", "trial", "kind")
LAST = (
    "own_units", "weights", "weights_model", "ending", "best_epoch", "seconds", "message", "curve",
)  # fmt: skip
FIGURES = 4  # of a learning curve, which is there to be looked at


@dataclass(frozen=True, slots=True)
class TaskMetadata:
    """What a report needs to know of a task, as a table keeps it: a report from a table has no
    data.
    """

    metric: str
    unit: str
    inputs: int
    baselines: Mapping[str, float]
    note: str
    digest: str
    solved: float | None = None  # tables of before have none
    data: Mapping[str, Any] | None = None  # what is counted in it; tables of before have none

    @classmethod
    def of(cls, task: TaskInfo) -> TaskMetadata:
        return cls(
            task.metric,
            task.unit,
            task.inputs,
            dict(task.baselines),
            task.note,
            task.digest,
            task.solved,
            data_of(task),
        )


@dataclass(frozen=True, slots=True)
class TrialTable:
    """What a file holds.

    Attributes:
        tasks: by label.
        parts: what each study's identity was made of, so that a spec that has changed since can be
            told.
        provenance: where and with what the trials were run, each different set once.
        timings: how fast variants trained side by side; tables of before have none.
        stopped: when a sweep was told to stop the variants of studies, by identity; tables of
            before do not say.
        places: of each result its line, or its row, in the file that it was read from.
    """

    experiment: str
    tasks: Mapping[str, TaskMetadata]
    parts: Mapping[str, Mapping[str, str]]
    results: tuple[Result, ...]
    provenance: tuple[Mapping[str, str], ...] = ()
    timings: tuple[Timing, ...] = ()
    stopped: Mapping[str, str] = field(default_factory=dict)
    places: tuple[int, ...] = field(default=(), compare=False)


def in_order(results: Iterable[Result]) -> tuple[Result, ...]:
    """Results as a table has them, whoever ran them in which order."""

    def place(result: Result) -> tuple[str, str, int, int, str]:
        key = result.key
        return key.task, key.variant, result.trial.index, key.replicate, key.stage

    return tuple(sorted(results, key=place))


def write(content: TrialTable, path: Path, exact: bool = False) -> Path:
    """Write a table; its path's ending chooses CSV or Parquet.

    Args:
        exact: write learning curves to the last digit, as rungs need that rank trials by them.

    Raises:
        UsageError: an ending that is neither .csv nor .parquet.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise UsageError(f"cannot write {path.name}: the ending is .csv or .parquet")
    about: dict[str, Any] = {
        "experiment": content.experiment,
        "tasks": {label: asdict(task) for label, task in content.tasks.items()},
        "parts": {study: dict(parts) for study, parts in content.parts.items()},
        "provenance": [dict(setup) for setup in content.provenance],
    }
    if content.timings:
        about["timings"] = [timing.to_dict() for timing in content.timings]
    if content.stopped:
        about["stopped"] = dict(content.stopped)
    head = json.dumps(about)
    rows = [row(trial, exact) for trial in content.results]
    path = Path(os.path.realpath(path))  # write to the target of a link, so that the link stays
    with atomic_write(path) as draft:
        _WRITERS[path.suffix](draft, head, columns(content.results), rows)
    return path


def _write_csv(
    path: Path, head: str, names: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write(f"{MARK}{head}\n")
        writer = csv.DictWriter(stream, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_parquet(
    path: Path, head: str, names: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    import pyarrow
    from pyarrow import parquet

    def column(name: str) -> list[Any]:
        return [row.get(name) for row in rows]

    table = pyarrow.table({name: column(name) for name in names})
    parquet.write_table(table.replace_schema_metadata({KEY: head.encode()}), path)


_WRITERS = {".csv": _write_csv, ".parquet": _write_parquet}


def columns(results: Sequence[Result]) -> tuple[str, ...]:
    """The names of what `row` has of any of these."""
    used = {name for result in results for name in result.trial.hyperparameters}
    further = []
    if any(result.outcome.by_length for result in results):
        further.append(BY_LENGTH)
    if any(result.outcome.also for result in results):
        further.append(ALSO)
    return (*FIRST, *(name for name in SEARCHABLE if name in used), *SPLITS, *further, *LAST)


def row(result: Result, exact: bool = False) -> dict[str, Any]:
    """A result as a row of a table; what it does not have is left out, or None.

    Args:
        exact: as in `write`.
    """
    trial, outcome, key = result.trial, result.outcome, result.key
    curve = [point["validation"] for point in outcome.curve]
    validation = map(repr if exact else _short, curve)
    further = {BY_LENGTH: outcome.by_length, ALSO: outcome.also}
    return {
        "study": result.study, "task": key.task, "variant": key.marked, "trial": trial.index,
        "kind": str(outcome.kind), **trial.hyperparameters,
        **{split: outcome.scores[split] for split in SPLITS if split in outcome.scores},
        **{name: cell_of_scores(scores) for name, scores in further.items() if scores},
        "own_units": trial.own_units or None, "weights": outcome.weights.get("recurrent"),
        "weights_model": outcome.weights.get("model"), "ending": str(outcome.ending),
        "best_epoch": outcome.best_epoch, "seconds": round(outcome.seconds.get("total", 0.0), 2),
        "message": outcome.message,
        "curve": " ".join(validation),
    }  # fmt: skip


def _short(score: float) -> str:
    return f"{score:.{FIGURES}g}"


# ------------------------------------------------------------------ reading

# a row and its place in the file: of CSV the line, of Parquet the row
Numbered = tuple[int, Mapping[str, Any]]


def read(path: Path) -> TrialTable:
    """The trials of a file, each cell of which is looked at: what `export` cannot have written is
    refused.

    Raises:
        UsageError: there is no such file, it is not one of ours, or a row of it is none; says
            which.
    """
    try:
        head, rows = _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
        about = json.loads(head)
        tasks = {label: _task(label, task) for label, task in about["tasks"].items()}
        return TrialTable(
            experiment=_checked(about["experiment"], str, "its experiment"),
            tasks=tasks,
            parts={study: dict(parts) for study, parts in about["parts"].items()},
            results=tuple(_results(path, about["experiment"], tasks, rows)),
            provenance=tuple(dict(setup) for setup in about["provenance"]),
            timings=tuple(Timing.from_dict(timing) for timing in about.get("timings", ())),
            stopped={study: _moment(when) for study, when in about.get("stopped", {}).items()},
            places=tuple(place for place, _ in rows),
        )
    except FileNotFoundError:
        raise missing(path, (".csv", ".parquet"), beyond=False) from None
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        csv.Error,
        RecursionError,
    ) as error:
        problem = f"it does not say {error}" if isinstance(error, KeyError) else str(error)
        raise UsageError(
            f"{path} is not a table of trials: {problem}",
            f"make one with `{command('export', 'SPEC', path.name)}`",
        ) from None


def _checked(value: Any, kind: type | tuple[type, ...], owner: str) -> Any:
    """A value of the head, which must be of a kind, and finite.

    Args:
        owner: what the value belongs to, for the message.
    """
    wrong = isinstance(value, bool) or not isinstance(value, kind)
    if wrong or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(f"{owner} cannot be {value!r}")
    return value


def _moment(written: Any) -> str:
    """A moment of the head, as ISO 8601."""
    datetime.fromisoformat(_checked(written, str, "when a variant was stopped"))
    return str(written)


def _task(label: str, task: Mapping[str, Any]) -> TaskMetadata:
    note = TaskMetadata(**task)
    for name in ("metric", "unit", "note", "digest"):
        _checked(getattr(note, name), str, f"`{name}` of the task {label}")
    if _checked(note.inputs, int, f"`inputs` of the task {label}") < 1:
        raise ValueError(f"`inputs` of the task {label} is at least 1, not {note.inputs}")
    for name, score in {**note.baselines, "solved": note.solved}.items():
        if name != "solved" or score is not None:
            _checked(score, (int, float), f"`{name}` of the task {label}")
    if note.data is not None:
        _check_data(note.data, f"`data` of the task {label}")
    return note


def _check_data(data: Any, owner: str) -> None:
    """See that counts of data are those that a report shows."""
    _checked(data, dict, owner)
    _checked(data["hidden_classes"], int, owner)
    splits = _checked(data["splits"], dict, owner)
    if tuple(splits) != SPLITS:
        raise ValueError(f"{owner} is of {', '.join(splits)}")
    classes = list(splits["train"].get("classes", ()))
    for split in splits.values():
        _checked(split["sequences"], int, owner)
        _checked(split["padding"], (int, float), owner)
        numbers = [*split["lengths"], *split.get("range", (0, 0, 0))]
        if len(numbers) != 6 or list(split.get("classes", ())) != classes:
            raise ValueError(f"{owner} does not fit itself")
        counts = split["classes"].values() if classes else [split["answers"]]
        for number in (*numbers, *counts):
            _checked(number, (int, float), owner)


def _read_csv(path: Path) -> tuple[str, list[Numbered]]:
    text = path.read_text(encoding="utf-8-sig")  # some programs put a byte order mark before it
    first, _, rest = text.partition("\n")
    _check_beginning(first)
    if not text.endswith("\n"):
        line = text.count("\n") + 1
        raise UsageError(
            f"{path}:{line}: the last line does not end, so the file was cut off",
            "get the whole file, or make it anew with `rnnzoo export`; where nothing is missing,"
            " end the line",
        )
    reader = csv.DictReader(io.StringIO(rest), strict=True)
    _check_columns(reader.fieldnames or ())
    rows: list[Numbered] = []
    before = reader.line_num
    for row in reader:
        line = before + 2  # on which it begins, the head being the first
        if str(row[FIRST[0]]).startswith(TRIALS):
            raise UsageError(
                f"{path}:{line}: another table begins here",
                "leave tables as they are, and pool them: `rnnzoo merge OUT TABLE TABLE`",
            )
        if None in row.values():
            raise _refused(path, line, "it has fewer cells than there are columns")
        rows.append((line, row))
        before = reader.line_num
    return first.removeprefix(MARK), rows


def _check_beginning(first: str) -> None:
    """
    Raises:
        ValueError: the first line of a CSV file is not that of a table; says why.
    """
    if first.startswith(MARK):
        return
    if first.startswith(f'"{MARK}'):
        raise ValueError(
            "a program for spreadsheets has saved it, which quotes its first line and may round its"
            " scores"
        )
    if first.startswith(TRIALS):
        raise ValueError(
            f"another version of rnnzoo wrote it: it begins with `{first[: len(MARK) + 1]}`"
        )
    begins = "does not begin with" if first else "is empty, and not"
    raise ValueError(f"its first line {begins} `{MARK.strip()}`")


def _check_columns(names: Sequence[str]) -> None:
    twice = next((name for name in names if list(names).count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"it has two columns `{twice}`")
    for name in (*FIRST, *SPLITS, *LAST):
        if name not in names and name != "ending":  # tables of before have none
            raise ValueError(f"it has no column `{name}`")


def _read_parquet(path: Path) -> tuple[str, list[Numbered]]:
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
    except pyarrow.ArrowException as error:
        raise ValueError(str(error).splitlines()[0]) from None
    head = (table.schema.metadata or {}).get(KEY)
    if head is None:
        raise ValueError("its metadata does not say of which experiment it is")
    _check_columns(table.column_names)
    return head.decode(), list(enumerate(table.to_pylist(), start=1))


def _results(
    path: Path, experiment: str, tasks: Collection[str], rows: Sequence[Numbered]
) -> Sequence[Result]:
    results = []
    for place, row in rows:
        try:
            results.append(result(row, experiment, tasks))
        except RowError as error:
            raise _refused(path, place, str(error)) from None
    twice = repeated(results)
    if twice is not None:
        first, second = (rows[number][0] for number in twice)
        known = results[twice[0]]
        problem = f"trial {known.trial.index} of {known.study} is there already, at {first}"
        raise _refused(path, second, problem)
    return results


def _refused(path: Path, place: int, problem: str) -> UsageError:
    fix = "correct or delete this row, or make the table anew with `rnnzoo export`"
    return UsageError(f"{path}:{place}: {problem}", fix)
