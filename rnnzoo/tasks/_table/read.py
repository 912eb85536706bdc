"""CSV, Parquet and Arrow files -> columns that know in which row of which file each value stands.

In: `Source`s.  Out: `Rows`, whose columns are numbers, names or moments as NumPy arrays.  What is
no such thing is refused with its row, counted as an editor counts lines: the header of a CSV file
is row 1.  The only file of the tasks that imports pyarrow.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.feather
import pyarrow.interchange
import pyarrow.ipc
import pyarrow.parquet

from rnnzoo.errors import TaskError, UsageError, number_of
from rnnzoo.spec.written import as_value
from rnnzoo.tasks._table import ts
from rnnzoo.tasks._table.files import CSV, PARQUET, Source
from rnnzoo.tasks._table.roles import CATEGORY, NUMBER, called, quoted, refused, same_names

# of text, what stands for a number that is missing
NO_NUMBER = ("", "NA", "N/A", "#N/A", "NaN", "nan", "NAN", "null", "NULL", "None", "<NA>", "?")
_NUMBER = r"^[-+]?(\d+\.?\d*([eE][-+]?\d+)?|\.\d+([eE][-+]?\d+)?|inf|Inf|infinity|Infinity)$"
_FIRST = 1000  # rows
_DATES = "numbers, or dates and times as 2020-12-31 and 2020-12-31T23:59:00"
_WHOLE = r"^[-+]?\d+(\.0)?$"
_COUNTED = r"^-?\d+$"
_LONGEST_VALUE = 2**31 - 1  # characters
_TRUTHS = {"True": "1", "true": "1", "TRUE": "1", "False": "0", "false": "0", "FALSE": "0"}
_UNREADABLE = (
    OSError, UnicodeError, csv.Error, pa.ArrowInvalid, pa.ArrowNotImplementedError,
)  # fmt: skip
# columns in a row
_TOO_FEW = "leave the place of a missing value empty, as in 1,,3; close each quote in its row"
_TOO_MANY = "quote values that hold the sign between columns"


@dataclass(frozen=True, slots=True)
class Names:
    """A column of names.

    Attributes:
        codes: (rows,) of each row its name's number; -1 where it has none.
        names: sorted, as numbers if all of them are.
    """

    codes: np.ndarray
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows of one file; `line` is the row of the file in which one of them stands."""

    source: Source
    table: pa.Table
    line: Callable[[int], int]


class Rows:
    """The rows of all files, end to end."""

    def __init__(self, sources: Sequence[Source], columns: Iterable[str]) -> None:
        """Read some columns of all files.

        Raises:
            TaskError: a file cannot be read, or has no row.
        """
        wanted = list(dict.fromkeys(columns))
        self._parts = [_part(source, wanted) for source in sources]
        self._starts = np.cumsum([0, *(part.table.num_rows for part in self._parts)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @cached_property
    def file(self) -> np.ndarray:
        """(rows,) of each row the number of its file."""
        return np.repeat(np.arange(len(self._parts)), np.diff(self._starts))

    @property
    def has_series(self) -> bool:
        """Whether there are several files of one split, so that each may be a sequence."""
        sides = [part.source.side for part in self._parts]
        return len(set(sides)) < len(sides)

    @property
    def side(self) -> np.ndarray:
        """(rows,) of each row the split of its file."""
        return np.asarray(np.array([part.source.side for part in self._parts])[self.file])

    def place(self, row: int, column: str | None = None) -> str:
        """Where a value stands, or a row, for a message."""
        number = int(self.file[row])
        part = self._parts[number]
        where = f"{part.source.shown}, row {part.line(int(row - self._starts[number]))}"
        return where if column is None else f"{where}, {quoted(column, header(part.source))}"

    def called(self, column: str) -> str:
        """A column as messages call it."""
        return column if column.strip() else called(column, header(self._parts[0].source))

    def text(self, row: int, column: str) -> str:
        """A value as a message shows it."""
        number = int(self.file[row])
        value = self._parts[number].table[column][int(row - self._starts[number])]
        try:
            return str(value.as_py())
        except (OverflowError, ValueError):  # a time that Python has no word for
            return str(value.cast(pa.string()))

    def is_text(self, column: str) -> bool:
        """Whether a column holds names, or true and false, and no numbers."""
        return any(_is_text(part.table[column]) for part in self._parts)

    def is_truth(self, column: str) -> bool:
        """Whether a column holds true and false, and nothing else."""
        return all(_is_truth(part.table[column]) for part in self._parts)

    def is_whole(self, column: str) -> bool:
        """Whether a column holds whole numbers, also such as 1.0."""
        return all(_is_whole(part.table[column]) for part in self._parts)

    def numbers(self, column: str) -> np.ndarray:
        """(rows,) float64; NaN where there is none.

        Raises:
            TaskError: some are no numbers; it names the first.
        """
        return np.concatenate([self._numbers(number, column) for number in range(len(self._parts))])

    def _numbers(self, number: int, column: str, fix: str = "") -> np.ndarray:
        values = _plain(self._parts[number].table[column])
        start = int(self._starts[number])
        if _is_string(values.type):
            values = self._of_texts(start, column, _without_missing(values), fix)
        elif not _is_number(values.type):
            problem = f"{self.place(start, column)}: it holds {values.type}, and no numbers"
            raise refused(problem, "name another column, or write numbers")
        numbers = values.cast(pa.float64(), safe=False).to_numpy()
        infinite = np.flatnonzero(np.isinf(numbers))
        if len(infinite):
            problem = f"{self.place(start + infinite[0], column)} is infinite"
            raise refused(problem, "leave it empty if it is not known")
        return np.asarray(numbers, float)

    def _of_texts(
        self, start: int, column: str, texts: pa.ChunkedArray, fix: str
    ) -> pa.ChunkedArray:
        """Texts as numbers; what is wrong with them is looked for only where something is."""
        try:
            return texts.cast(pa.float64())
        except pa.ArrowInvalid:
            texts = _truths(texts)
            bad = pc.invert(pc.match_substring_regex(texts, _NUMBER))
            self._refuse_text(start, column, bad, fix)
            return texts.cast(pa.float64())

    def _refuse_text(self, start: int, column: str, bad: pa.ChunkedArray, fix: str) -> None:
        first = pc.index(bad, pa.scalar(True)).as_py()
        if first < 0:
            return
        row = start + first
        value = self.text(row, column)
        kinds = as_value({column: CATEGORY, "OTHER": NUMBER})
        fix = fix or f"if it names things: {kinds}; if it is missing, leave it empty"
        if _is_decimal_comma(value):
            fix = f"numbers are written with a point: {value.replace(',', '.')}"
        raise refused(f"{self.place(row, column)} holds '{value}', which is no number", fix)

    def names(self, column: str, as_written: bool = False) -> Names:
        """A column as names.

        Args:
            as_written: whether 1.0 beside 1 is another name.

        Raises:
            TaskError: it holds what cannot be written as a text.
        """
        chunks: list[pa.Array] = []
        for start, part in zip(self._starts, self._parts):
            try:
                chunks += _texts(part.table[column]).chunks
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                holds = part.table[column].type
                problem = f"{self.place(int(start), column)}: it holds {holds}, and no names"
                raise refused(problem, "name another column, or write texts or numbers") from None
        texts = pa.chunked_array(chunks, pa.string())
        if not as_written and _some_end_with_0(texts) and self.is_whole(column):
            texts = pc.replace_substring_regex(texts, r"\.0$", "")
        encoded = texts.combine_chunks().dictionary_encode()
        names = encoded.dictionary.to_pylist()
        codes = np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int64)
        order = sorted(range(len(names)), key=_natural(names))
        rank = np.empty(len(names) + 1, np.int64)
        rank[order], rank[-1] = np.arange(len(names)), -1
        return Names(rank[codes], tuple(names[number] for number in order))

    def dates(self, column: str) -> np.ndarray | None:
        """(rows,) datetime64, NaT where there is none; None where a column holds no dates."""
        parts = [_dates(_plain(part.table[column])) for part in self._parts]
        known = [part for part in parts if part is not None]
        return np.concatenate(known) if len(known) == len(parts) else None

    def moments(self, column: str) -> np.ndarray:
        """(rows,) of numbers that can be sorted: as they stand, or of dates and times.

        Raises:
            TaskError: some are neither, or missing; it names the first.
        """
        parts = []
        for number, known in enumerate(_moments_of([part.table[column] for part in self._parts])):
            parts.append(self._numbers(number, column, _DATES) if known is None else known)
        joined = np.concatenate(parts)
        missing = np.isnan(joined) if joined.dtype.kind == "f" else np.zeros(len(joined), bool)
        if missing.any():
            problem = f"{self.place(int(missing.argmax()), column)} is missing"
            raise refused(problem, "every step needs its place in the order")
        return joined


# ------------------------------------------------------------------ columns


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Without dictionaries, true and false as 1 and 0, texts of one type, NaN as what is missing,
    and no numbers of two bytes, with which Arrow does not compute.
    """
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_float16(values.type):
        values = values.cast(pa.float32())
    if pa.types.is_floating(values.type):
        return pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    if pa.types.is_boolean(values.type):
        return values.cast(pa.int8())
    return values.cast(pa.string()) if _is_string(values.type) else values


def _is_string(kind: pa.DataType) -> bool:
    is_plain = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return bool(is_plain or pa.types.is_string_view(kind))  # the latter is how polars writes texts


def _is_number(kind: pa.DataType) -> bool:
    is_exact = pa.types.is_decimal(kind) or pa.types.is_null(kind)
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or is_exact)


def _without_missing(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    trimmed = pc.utf8_trim_whitespace(texts)
    absent = pc.is_in(trimmed, value_set=pa.array(NO_NUMBER))
    return pc.if_else(absent, pa.scalar(None, pa.string()), trimmed)


def _is_text(values: pa.ChunkedArray) -> bool:
    if pa.types.is_boolean(values.type):
        return True
    values = _plain(values)
    if not _is_string(values.type):
        return False
    return not _matches(values, _NUMBER)


def _matches(texts: pa.ChunkedArray, pattern: str) -> bool:
    """Whether all texts that are there match."""
    matched = pc.match_substring_regex(_without_missing(texts), pattern)
    return bool(pc.all(matched, min_count=0).as_py())


def _is_whole(values: pa.ChunkedArray) -> bool:
    values = _plain(values)
    if _is_string(values.type):
        first = values.slice(0, _FIRST)  # which tells of most columns
        return all(_matches(texts, _WHOLE) for texts in (first, values))
    if pa.types.is_floating(values.type):
        return bool(pc.all(pc.equal(values, pc.floor(values)), min_count=0).as_py())
    return bool(pa.types.is_integer(values.type))


def _truths(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """True and false as 1 and 0, where there is nothing else."""
    position = pc.index_in(texts, value_set=pa.array(list(_TRUTHS)))
    if not pc.all(pc.or_(pc.is_valid(position), pc.is_null(texts)), min_count=0).as_py():
        return texts
    return pc.take(pa.chunked_array([list(_TRUTHS.values())], pa.string()), position)


def _is_truth(values: pa.ChunkedArray) -> bool:
    if not _is_string(values.type):
        return bool(pa.types.is_boolean(values.type))
    known = pc.is_in(
        _without_missing(_plain(values)).drop_null(), value_set=pa.array(list(_TRUTHS))
    )
    return bool(len(known) and pc.all(known).as_py())


def _texts(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """As text, null where there is none."""
    if not pa.types.is_boolean(values.type):
        values = _plain(values)
    if pa.types.is_floating(values.type):
        whole = pc.equal(values, pc.floor(values))
        fits = pc.less(pc.abs(values), 2.0**63)  # else several would become one
        # 1.0 is class 1, as pandas writes it beside NaN
        if pc.all(pc.and_(whole, fits), min_count=0).as_py():
            values = values.cast(pa.int64(), safe=False)
        else:
            values = pc.add(values, pa.scalar(0.0, values.type))  # -0.0 is 0
    texts = pc.utf8_trim_whitespace(values.cast(pa.string()))
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _some_end_with_0(texts: pa.ChunkedArray) -> bool:
    """Whether some are such as 1.0 and others are not: pandas writes whole numbers so in a file
    that lacks one of them.
    """
    ends = pc.ends_with(texts, ".0")
    return bool(pc.any(ends).as_py()) and not pc.all(ends).as_py()


def _natural(names: Sequence[str]) -> Callable[[int], tuple[float, str]]:
    """The key that sorts names, as numbers if all of them are."""
    try:
        numbers = [float(name) for name in names]
    except ValueError:
        numbers = [0.0] * len(names)
    return lambda number: (numbers[number], names[number])


def _moments_of(parts: Sequence[pa.ChunkedArray]) -> list[np.ndarray | None]:
    """`_moments` of each part of a column, all of them in one unit."""
    plain = list(map(_plain, parts))
    known = [_moments(values, "us") for values in plain]
    if all(moments is not None for moments in known):
        return known
    finer = [_moments(values, "ns") for values in plain]
    return finer if all(moments is not None for moments in finer) else known


def _moments(values: pa.ChunkedArray, unit: str) -> np.ndarray | None:
    """Whole numbers of 64 bits exactly, dates and times in a unit; None for other numbers and
    texts, and for times that the unit is too long for.
    """
    if values.null_count:
        return None
    if pa.types.is_integer(values.type):
        try:
            return np.asarray(values.cast(pa.int64()).to_numpy())
        except pa.ArrowInvalid:  # of 64 bits without a sign
            return None
    if _is_string(values.type):
        values = pc.utf8_trim_whitespace(values)
        if pc.all(pc.match_substring_regex(values, _COUNTED), min_count=0).as_py():
            with suppress(pa.ArrowInvalid):  # of more than 64 bits
                return np.asarray(values.cast(pa.int64()).to_numpy())
    is_time = pa.types.is_temporal(values.type) and not pa.types.is_duration(values.type)
    if not (is_time or _is_string(values.type)):
        return None
    for kind in (pa.timestamp(unit), pa.timestamp(unit, "UTC")):
        try:
            return np.asarray(values.cast(kind).cast(pa.int64()).to_numpy())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            continue
    return None


def _dates(values: pa.ChunkedArray) -> np.ndarray | None:
    """Dates and times; None where there is something else, or nothing."""
    if _is_string(values.type):
        values = _without_missing(values)
    elif not pa.types.is_temporal(values.type) or pa.types.is_duration(values.type):
        return None
    if values.null_count == len(values):
        return None
    for unit, zone in product(("us", "ns"), (None, "UTC")):
        try:
            moments = values.cast(pa.timestamp(unit, zone)).cast(pa.timestamp("us"), safe=False)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            continue
        return np.asarray(moments.to_numpy(), "datetime64[us]")
    return None


def _is_decimal_comma(value: str) -> bool:
    whole, comma, rest = value.partition(",")
    return bool(comma) and whole.lstrip("-").isdigit() and rest.isdigit()


# ------------------------------------------------------------------ files


def header(source: Source) -> tuple[str, ...]:
    """The names of a file's columns; its values are not read.

    Raises:
        TaskError: it cannot be read.
    """
    if source.format == ts.FORMAT:
        return ts.header(source)
    try:
        if source.format == CSV:
            return _csv_header(source)
        if source.format == PARQUET:
            return tuple(pyarrow.parquet.read_schema(source.path).names)
        with pyarrow.memory_map(str(source.path)) as file:
            return tuple(_arrow_reader(file).schema.names)
    except _UNREADABLE as error:
        raise _damaged(source, error) from None


class Damaged(TaskError):
    """Columns of a file cannot be read; others may be."""


def _csv_header(source: Source) -> tuple[str, ...]:
    """
    Raises:
        TaskError: the first line is empty.
        UnicodeError: a name is no UTF-8 text; what stands below is not looked at.
    """
    path = source.path
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        names = tuple(next(csv.reader(stream, delimiter=_delimiter(path)), ()))
    if not names:
        raise refused(
            f"{source.shown} has no header: its first line is empty",
            "write the names of the columns into the first line",
        )
    "".join(names).encode()
    return names


def _damaged(source: Source, error: Exception) -> Damaged:
    if isinstance(error, UnicodeError) or "UTF8" in str(error):
        return Damaged(f"{source.shown} is not UTF-8 text", "save it as UTF-8")
    reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
    return Damaged(f"cannot read {source.shown}: {reason}", "write it once more")


def _delimiter(path: Path) -> str:
    """A tab in `.tsv`; else a comma, or the semicolon of countries with a decimal comma."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        first = stream.readline()
    return ";" if ";" in first and "," not in first else ","


def _part(source: Source, columns: Sequence[str]) -> _Part:
    there = header(source)
    known = frozenset(there)  # of rows that are sequences, there are many
    lacking = [name for name in columns if name not in known]
    if lacking:
        name = f"column '{lacking[0]}'" if lacking[0].strip() else "column without a name"
        raise refused(
            f"{source.shown} has no {name}, which another file of the table has",
            "all files of a table have the same columns",
        )
    if twice := same_names(there, source.shown):
        raise refused(*twice)
    if source.format == ts.FORMAT:
        cases = ts.read(source)
        table = pa.table({name: cases.columns[name] for name in columns})
        part = _Part(source, table, lambda row: int(cases.lines[row]))
    elif source.format == CSV:
        part = _Part(source, _csv(source, columns), lambda row: _line(source.path, row))
    else:
        part = _Part(source, _binary(source, columns), lambda row: row + 1)
    if not part.table.num_rows:
        raise refused(f"{source.shown} has a header and no rows", "write the table to it")
    return part


def _csv(source: Source, columns: Sequence[str]) -> pa.Table:
    """All columns as text: what they hold depends on their role."""
    try:
        return pyarrow.csv.read_csv(
            source.path,
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=_delimiter(source.path), newlines_in_values=True
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=list(columns),
                column_types=dict.fromkeys(columns, pa.string()),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        raise _uneven(source) or _damaged(source, error) from None


def _uneven(source: Source) -> TaskError | None:
    """Which row has another number of columns than the header."""
    with _rows_of(source.path) as reader:
        count = len(next(reader))
        end = reader.line_num
        for values in reader:
            start, end = end + 1, reader.line_num
            if values and len(values) != count:
                problem = (
                    f"{source.shown}, row {start}: it has {number_of(len(values), 'column')}, and"
                    f" the header {count}"
                )
                return refused(problem, _TOO_FEW if len(values) < count else _TOO_MANY)
    return None


@contextmanager
def _rows_of(path: Path) -> Iterator[Any]:
    """A reader of a CSV file's rows, also of one with a quote that no other closes, where the rest
    of the file is a value.
    """
    usual = csv.field_size_limit(_LONGEST_VALUE)
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            yield csv.reader(stream, delimiter=_delimiter(path))
    finally:
        csv.field_size_limit(usual)


def _line(path: Path, row: int) -> int:
    """The line of a CSV file on which a row begins; quoted texts may hold ends of lines, and empty
    lines are no rows.
    """
    with _rows_of(path) as reader:
        end, count = 0, -2
        for values in reader:
            start, end = end + 1, reader.line_num
            count += bool(values)
            if count == row:
                return start
    return row + 2


def _binary(source: Source, columns: Sequence[str]) -> pa.Table:
    try:
        if source.format == PARQUET:
            table = pyarrow.parquet.read_table(
                source.path, columns=list(columns), partitioning=None
            )
        else:
            with pyarrow.memory_map(str(source.path)) as file:
                table = _arrow_reader(file).read_all().select(list(columns))
        # Arrow trusts a file: a place that is changed would end the process where it is used
        table.validate(full=True)
        return table
    except _UNREADABLE as error:
        raise _damaged(source, error) from None


def _arrow_reader(file: pa.NativeFile) -> pa.RecordBatchReader | pa.RecordBatchFileReader:
    """Of both forms of Arrow's files."""
    try:
        return pyarrow.ipc.open_file(file)
    except pa.ArrowInvalid:
        file.seek(0)
        return pyarrow.ipc.open_stream(file)


def write(frame: Any, path: Path) -> None:
    """A frame of pandas, polars or Arrow, or a dictionary of columns, as a Feather file.

    Raises:
        UsageError: it is none of these, or its columns have no common length.
    """
    try:
        table = _arrow(frame)
    except (ValueError, TypeError, pa.ArrowNotImplementedError) as error:  # as most of Arrow's are
        reason = str(error).partition("\n")[0]
        raise UsageError(f"a frame of {type(frame).__name__} cannot be read: {reason}") from None
    if table is None:
        raise UsageError(
            f"a frame is one of pandas, polars or Arrow, not {type(frame).__name__}",
            "a dictionary of columns is taken too",
        )
    pyarrow.feather.write_feather(table, str(path))


def _arrow(frame: Any) -> pa.Table | None:
    if isinstance(frame, Mapping):
        return pa.table(dict(frame))
    if isinstance(frame, pa.Table):
        return frame
    if hasattr(frame, "__arrow_c_stream__"):
        table = pa.table(frame)
        index = [name for name in table.column_names if name.startswith("__index_level_")]
        return table.drop_columns(index)
    if hasattr(frame, "to_arrow"):
        return frame.to_arrow()
    if hasattr(frame, "__dataframe__"):
        return pyarrow.interchange.from_dataframe(frame)
    return None
