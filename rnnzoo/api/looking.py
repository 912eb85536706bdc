"""What is in data, before anything trains: the plain values of `rnnzoo data`.

In: a file of data, or an experiment.  Out: of a file without roles its columns or arrays, each with
what it is probably for; of an experiment its tasks as they are loaded, and a page about them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnzoo import tasks
from rnnzoo.errors import Remark, TaskError, UsageError, close
from rnnzoo.spec import plugins
from rnnzoo.spec.atomic import atomic_write
from rnnzoo.spec.experiment import TaskChoice
from rnnzoo.spec.settings import runs
from rnnzoo.tasks import Wrong, _facts, _npz, _symbols
from rnnzoo.tasks._arrays_file import place
from rnnzoo.tasks._data_folder import variable
from rnnzoo.tasks._table.files import FORMATS, TS, Source, sources
from rnnzoo.tasks._table.guess import Given, Guess
from rnnzoo.tasks._table.roles import called, no_header, same_names

if TYPE_CHECKING:
    from rnnzoo.tasks._table.read import Rows

EXPERIMENTS = (".yaml", ".yml")
ARRAYS = ".npz"
TEXT = ".txt"
LEVELS = ("character", "word")
MOST_FREQUENT = 8  # symbols that are shown
MOST_LABELS = 100  # different whole numbers that are taken for classes; more are quantities
_NUMBERS = re.compile(r"[\s,;]*[-+.\d][-+.\deE\s,;]*")  # a line of a table of numbers


@dataclass(frozen=True, slots=True)
class Looked:
    """A table whose columns were looked at.

    Attributes:
        format: `csv`, `parquet`, `arrow` or `ts`.
        columns: by name; `profile.Column.plain` is what is said of each.
        odd: what is odd about the names of columns.
    """

    file: str
    format: str
    files: int
    rows: int
    columns: dict[str, Any]
    guess: Guess
    odd: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        roles = self.guess.roles
        columns = [
            {**column.plain(), "role": roles[name].role, "why": roles[name].why}
            for name, column in self.columns.items()
        ]
        return {
            "file": self.file,
            "files": self.files,
            "rows": self.rows,
            "columns": columns,
            "sequences": self.guess.sequences,
            "lengths": list(self.guess.lengths),
            "form": self.guess.form,
            "open": [
                {"option": known.option, "problem": known.problem} for known in self.guess.open
            ],
            "odd": list(self.odd),
        }


def table(file: str, given: Given, progress: tasks.Report = tasks.silent) -> Looked:
    """The columns of a table.

    Args:
        file: a path, or a folder of tables.
        given: roles that are known.

    Raises:
        UsageError: there is no such table, or no such column.
        TaskError: it cannot be read.
    """
    from rnnzoo.tasks._table import guess, profile, read, ts

    files = _sources(file)
    names = read.header(files[0])
    if twice := same_names(names, files[0].shown):
        raise TaskError(*twice)
    rows, damaged = _rows(files, names)
    columns: dict[str, profile.Column] = {}
    for number, name in enumerate(names):
        progress(f"looking at {file}", number, len(names))
        if name in damaged:
            columns[name] = profile.unreadable(name, len(rows), damaged[name])
        else:
            (columns[name],) = profile.profile(rows, [name])
    if files[0].format == TS:
        given = Given((ts.CASE,), "", ts.LABEL)
    roles = guess.guess(list(columns.values()), rows.file, given)
    odd = tuple(filter(None, [no_header(names)]))
    return Looked(file, files[0].format, len(files), len(rows), columns, roles, odd)


def _rows(files: Sequence[Source], names: Sequence[str]) -> tuple[Rows, dict[str, TaskError]]:
    """The columns that can be read, and why the others cannot.

    Raises:
        TaskError: none can.
    """
    from rnnzoo.tasks._table import read

    try:
        return read.Rows(files, names), {}
    except read.Damaged:
        damaged = _damaged(files, names)
        if len(damaged) == len(names):
            raise
    return read.Rows(files, [name for name in names if name not in damaged]), damaged


def _damaged(files: Sequence[Source], names: Sequence[str]) -> dict[str, TaskError]:
    """Which columns cannot be read, and why; found by halves, since they are few among many."""
    from rnnzoo.tasks._table import read

    try:
        read.Rows(files, names)
    except read.Damaged as error:
        half = len(names) // 2
        if not half:
            return {names[0]: error}
        return {**_damaged(files, names[:half]), **_damaged(files, names[half:])}
    return {}


def _sources(file: str | Mapping[str, str], folder: Path = Path()) -> list[Source]:
    """
    Raises:
        UsageError: about the first that is no table.
    """
    named = sources(file, folder)
    for source in named:
        if isinstance(source, Wrong):
            raise UsageError(source.problem, source.fix)
    return [source for source in named if isinstance(source, Source)]


def arrays(file: str) -> dict[str, Any]:
    """The arrays of a `.npz` file, from their headers, and how each of them is read.

    Raises:
        UsageError: there is no such file, or it is damaged.
        TaskError: it does not fit into memory.
    """
    path = found(file)
    try:
        headers = _npz.headers(path)
        readable = [name for name, header in headers.items() if not header.dtype.hasobject]
        values = _npz.read(path, readable)
    except MemoryError as error:
        raise TaskError(f"{file} does not fit into memory: {error}", "fewer sequences") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"cannot read {file}: {reason}", "np.savez('my.npz', x=..., y=...) writes one"
        ) from None
    content = [
        {"name": name, "shape": list(header.shape), "type": str(header.dtype)}
        for name, header in headers.items()
    ]
    for number, array in enumerate(content):
        if array["name"] in values:
            content[number] = {**array, **_of_array(values[array["name"]])}
    return {"file": file, "arrays": content, "kind": kind_of(headers, values)}


def _of_array(values: np.ndarray) -> dict[str, Any]:
    """What an array holds."""
    if not values.size:
        return {"distinct": 0, "missing": 0, "low": "", "high": ""}
    if values.dtype.kind not in "biuf":
        known = np.unique(values)
        return {
            "distinct": len(known),
            "missing": 0,
            "low": str(known[0]),
            "high": str(known[-1]),
        }
    finite = values[np.isfinite(values)]
    known = np.unique(finite)
    low, high = (f"{known[0]:z.4g}", f"{known[-1]:z.4g}") if len(known) else ("", "")
    return {
        "distinct": len(known),
        "missing": int(values.size - finite.size),
        "low": low,
        "high": high,
    }


def kind_of(headers: Any, values: Any) -> tuple[str, str]:
    """The `kind` that an array `y` says, and why; empty where it cannot be told."""
    names = {name.lower(): name for name in headers}
    target = next((names[name] for name in ("y", "y_train") if name in names), "")
    if not names.keys() & {"x", "x_train"}:
        return "", "there is no x, (sequences, time, inputs)"
    if not target:
        return "next_step", "there is no y: each step is predicted from those before"
    y = values.get(target)
    if y is None:
        return "", f"'{target}' holds Python objects"
    if names.keys() & {"y_lengths", "y_lengths_train"}:
        return "transcribe", f"{names.get('y_lengths', 'y_lengths_train')} says how many labels"
    if y.ndim == 2 and y.dtype.kind in "US" and bool((y == y.dtype.type()).any()):
        return "transcribe", f"rows of {target} end with empty names"
    if y.dtype.kind in "US":
        return "classify", f"{target} holds names"
    if y.dtype.kind == "f" and not bool((y[np.isfinite(y)] == np.floor(y[np.isfinite(y)])).all()):
        return "regress", f"{target} holds numbers"
    if y.ndim == 2 and bool((y == -1).any()) and y.min() == -1:
        return "transcribe", f"rows of {target} end with -1"
    distinct = len(np.unique(y))
    if distinct <= MOST_LABELS:
        why = f"{target} holds {distinct} different whole numbers, taken for classes"
        return "classify", f"{why} (quantities would be regress)"
    return "regress", f"{target} holds {distinct} different whole numbers, taken for quantities"


def text(file: str) -> dict[str, Any]:
    """The characters and the words of a text.

    Raises:
        TaskError: it cannot be read, is empty, or is a table of numbers.
    """
    from rnnzoo.tasks import text as task

    content = task.read(found(file), file)
    lines = content.splitlines()
    if not content.strip():
        raise TaskError(f"{file} is empty", "write the text to it")
    if all(_NUMBERS.fullmatch(line) for line in lines if line.strip()):
        raise TaskError(
            f"{file} holds numbers only, which are read as a table",
            "give it a name that ends in .csv, or in .tsv where tabs are between its columns",
        )
    levels = {level: _of_symbols(task.symbols(content, level)) for level in LEVELS}
    return {"file": file, "lines": len(lines), "levels": levels}


def _of_symbols(symbols: Sequence[str]) -> dict[str, Any]:
    """How many symbols there are, and which."""
    counts = Counter(symbols)
    frequent = [_symbols.called(symbol) for symbol, _ in counts.most_common(MOST_FREQUENT)]
    return {
        "symbols": len(symbols),
        "distinct": len(counts),
        "once": sum(count == 1 for count in counts.values()),
        "often": frequent,
    }


def experiment(path: Path, sets: list[str], progress: tasks.Report) -> dict[str, Any]:
    """The tasks of an experiment, as they are loaded, and where the page about them is.

    Raises:
        SpecError, UsageError: what the user wrote is wrong.
        TaskError: the data of a task cannot be had.
        OSError: the page cannot be written.
    """
    from rnnzoo.report import data
    from rnnzoo.spec.read_experiment import read

    known = read(path, sets)
    tasks.check_spec(known)
    folder = Path(known.file).parent
    loaded = {task.label: tasks.prepare_choice(task, folder, progress) for task in known.tasks}
    facts = {label: _facts.plain(task) for label, task in loaded.items()}
    warnings = {label: tasks.warnings(task) for label, task in loaded.items()}
    gaps = {task.label: _gaps(task, folder) for task in known.tasks}
    page = runs() / "data" / f"{known.name}.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(page) as draft:
        draft.write_text(data.page(known.name, loaded, facts, warnings), encoding="utf-8")
    content = {
        label: {
            "form": tasks.form(task),
            **facts[label],
            "missing": gaps[label],
            "warnings": [*map(Remark.plain, warnings[label])],
        }
        for label, task in loaded.items()
    }
    return {"experiment": known.name, "tasks": content, "page": str(page)}


def _gaps(task: TaskChoice, folder: Path) -> dict[str, str]:
    """Of a table, the columns with roles that lack values, and how many."""
    if task.name != "table":
        return {}
    from rnnzoo.tasks._table import profile, read, roles

    options = {**roles.OPTIONS, **task.options}
    files = _sources(options["file"], folder)
    if files[0].format == TS:
        return {}
    header = read.header(files[0])
    own = roles.roles(options)
    named = {**roles.columns_of(own.inputs, header), **roles.columns_of(own.target, header)}
    rows = read.Rows(files, named)
    columns = profile.profile(rows, named)
    return {
        called(column.name, header): f"{column.missing:,} of {len(rows):,}"
        for column in columns
        if column.missing
    }


def found(file: str) -> Path:
    """Where a file of data is: from the current folder or, where nothing is there, from that of the
    data sets.
    """
    return place(file, Path())


def is_table(path: Path) -> bool:
    """Whether a path is that of a table, or of a folder of them."""
    return path.is_dir() or path.suffix.lower() in FORMATS


def unknown(path: Path) -> UsageError:
    """What is said of a path that is nothing of all this."""
    if str(path) in plugins.names("tasks") and not path.exists():
        fix = "give the file of an experiment that has this task"
        return UsageError(f"{path} is a task, and `rnnzoo data` looks into files", fix)
    if not path.exists():
        beside = [entry.name for entry in path.parent.glob("*")] if path.parent.is_dir() else []
        meant = close(path.name, beside)
        begins = f"give its path from the current folder, or from that which {variable()}"
        fix = f"did you mean '{meant[0]}'?" if meant else begins
        return UsageError(f"no file {path}", fix)
    endings = ", ".join([*FORMATS, ARRAYS, TEXT, *EXPERIMENTS])
    return UsageError(f"{path} is neither data nor an experiment", f"a name that ends in {endings}")
