"""Results <-> one table: a line for each trial, as CSV or Parquet, that a report can be made from again.

In: results, and what their tasks say of themselves.  Out: a file that spreadsheets, pandas and R read, and back.  The first
line of a CSV file (the schema's metadata of a Parquet file) says of which experiment and tasks it is, so that neither the
data nor a database is needed to read it.  The only file that imports pyarrow.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rnnzoo.errors import UsageError, command
from rnnzoo.report.summary import Described
from rnnzoo.spec.space import HYPERPARAMETERS
from rnnzoo.spec.trial import Ending, Kind, Outcome, Result, Trial, Value

MARK = "# rnnzoo trials 1 "
KEY = b"rnnzoo"
FIRST = ("study", "task", "variant", "trial", "kind")
SPLITS = ("train", "validation", "test")
LAST = ("own_units", "weights", "weights_model", "ending", "best_epoch", "seconds", "message", "curve")
FIGURES = 4  # of a learning curve, which is there to be looked at


@dataclass(frozen=True, slots=True)
class TaskNote:
    """What a report needs to know of a task whose data it does not have."""

    metric: str
    unit: str
    inputs: int
    baselines: Mapping[str, float]
    note: str
    digest: str
    solved: float | None = None  # tables of before have none

    @classmethod
    def of(cls, task: Described) -> TaskNote:
        return cls(task.metric, task.unit, task.inputs, dict(task.baselines), task.note, task.digest, task.solved)


@dataclass(frozen=True, slots=True)
class Trials:
    """What a file holds.

    Attributes:
        tasks: by label.
        parts: what each study's identity was made of, so that a spec that has changed since can be told.
        provenance: where and with what the trials were run, each different set once.
    """

    experiment: str
    tasks: Mapping[str, TaskNote]
    parts: Mapping[str, Mapping[str, str]]
    results: tuple[Result, ...]
    provenance: tuple[Mapping[str, str], ...] = ()


def write(content: Trials, path: Path) -> Path:
    """Write a table, aside first; the ending says the form.

    Raises:
        UsageError: an ending that is neither .csv nor .parquet.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise UsageError(f"cannot write {path.name}: the ending is .csv or .parquet")
    head = json.dumps(
        {
            "experiment": content.experiment,
            "tasks": {label: asdict(task) for label, task in content.tasks.items()},
            "parts": {study: dict(parts) for study, parts in content.parts.items()},
            "provenance": [dict(one) for one in content.provenance],
        }
    )
    used = {name for one in content.results for name in one.trial.hyperparameters}
    columns = (*FIRST, *(name for name in HYPERPARAMETERS if name in used), *SPLITS, *LAST)
    rows = [_row(one) for one in content.results]
    path = Path(os.path.realpath(path))  # a link stays, and what it leads to is written
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"aside-{path.name}")
    _WRITERS[path.suffix](aside, head, columns, rows)
    return aside.replace(path)


def _write_csv(path: Path, head: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write(f"{MARK}{head}\n")
        writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_parquet(path: Path, head: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table({name: [row.get(name) for row in rows] for name in columns})
    parquet.write_table(table.replace_schema_metadata({KEY: head.encode()}), path)


_WRITERS = {".csv": _write_csv, ".parquet": _write_parquet}


def _row(result: Result) -> dict[str, Any]:
    trial, outcome = result.trial, result.outcome
    curve = [point["validation"] for point in outcome.curve]
    _, variant, task, _ = result.study.split("/")
    return {
        "study": result.study, "task": task, "variant": variant, "trial": trial.index, "kind": str(outcome.kind),
        **trial.hyperparameters, **{split: outcome.scores[split] for split in SPLITS if split in outcome.scores},
        "own_units": trial.own_units or None,
        "weights": outcome.weights.get("recurrent"), "weights_model": outcome.weights.get("model"),
        "ending": str(outcome.ending), "best_epoch": outcome.best_epoch, "seconds": round(outcome.seconds.get("total", 0.0), 2),
        "message": outcome.message, "curve": " ".join(f"{value:.{FIGURES}g}" for value in curve),
    }  # fmt: skip


# ---------------------------------------------------------------------------------------------- reading


def read(path: Path) -> Trials:
    """The trials of a file.

    Raises:
        UsageError: there is no such file, or it is not one of ours.
    """
    try:
        head, rows = _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
        about = json.loads(head)
        return Trials(
            experiment=about["experiment"],
            tasks={label: TaskNote(**task) for label, task in about["tasks"].items()},
            parts=about["parts"],
            results=tuple(_results(about["experiment"], rows)),
            provenance=tuple(about["provenance"]),
        )
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}") from None
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise UsageError(
            f"{path} is not a table of trials: {error}\n  fix: make one with `{command('export', 'SPEC', path.name)}`"
        ) from None


def _read_csv(path: Path) -> tuple[str, list[dict[str, Any]]]:
    text = path.read_text(encoding="utf-8")
    first, _, rest = text.partition("\n")
    if not first.startswith(MARK):
        raise ValueError(f"its first line does not begin with `{MARK.strip()}`")
    return first.removeprefix(MARK), list(csv.DictReader(io.StringIO(rest)))


def _read_parquet(path: Path) -> tuple[str, list[dict[str, Any]]]:
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
    except pyarrow.ArrowException as error:
        raise ValueError(str(error).splitlines()[0]) from None
    head = (table.schema.metadata or {}).get(KEY)
    if head is None:
        raise ValueError("its metadata does not say of which experiment it is")
    return head.decode(), table.to_pylist()


def _results(experiment: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[Result]:
    for number, row in enumerate(rows):
        try:
            yield Result(_trial(experiment, row), _outcome(row), row["study"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"trial {number + 1} in it: {error}") from None


def _trial(experiment: str, row: Mapping[str, Any]) -> Trial:
    """As much of a trial as a table has: not its cell, nor how it was trained, which the spec says."""
    chosen = {name: _value(name, row[name]) for name in HYPERPARAMETERS if row.get(name) not in (None, "")}
    own = int(row["own_units"] or 0)
    return Trial(experiment, row["variant"], "", row["task"], int(row["trial"]), chosen, seed=0, own_units=own)


def _value(name: str, written: Any) -> Value:
    legal = HYPERPARAMETERS[name]
    return str(written) if legal.words else int(written) if legal.whole else float(written)


def _outcome(row: Mapping[str, Any]) -> Outcome:
    curve = [{"epoch": at, "validation": float(one)} for at, one in enumerate((row["curve"] or "").split(), start=1)]
    weights = {"recurrent": row["weights"], "model": row["weights_model"]}
    return Outcome(
        kind=Kind(row["kind"]),
        scores={split: float(row[split]) for split in SPLITS if row[split] not in (None, "")},
        curve=tuple(curve),
        weights={name: int(one) for name, one in weights.items() if one not in (None, "")},
        best_epoch=int(row["best_epoch"]),
        seconds={"total": float(row["seconds"])},
        message=row["message"] or "",
        ending=Ending(row.get("ending") or Ending.UNKNOWN),  # tables of before have none
    )
