"""One's own table: what its columns become, against arrays made by hand, and what is said of what
does not fit, with file, row and column.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

from rnnzoo import tasks
from rnnzoo.cli import main
from rnnzoo.errors import RnnzooError, TaskError
from rnnzoo.spec.read_experiment import parse_experiment, read
from rnnzoo.tasks import Split, Task
from rnnzoo.tasks._table import profile, roles
from rnnzoo.tasks._table.files import UNSAID, Source
from rnnzoo.tasks._table.read import Rows

RNG = np.random.default_rng(0)
PEOPLE = 40
LENGTHS = RNG.integers(2, 7, PEOPLE)
VALUES = [RNG.normal(size=(length, 2)).round(3) for length in LENGTHS]
LABELS = [("dog", "cat", "eel")[person % 3] for person in range(PEOPLE)]
CLINICS = ["pqrstuv"[person % 7] for person in range(PEOPLE)]
SPLITS = ["train"] * 26 + ["val"] * 6 + ["test"] * 8
ROLES = {"id": "person", "order": "step", "inputs": ["a", "b"], "target": "label"}
RAW = {**ROLES, "scale": "none"}


def lines() -> Iterator[str]:
    """The table by hand."""
    yield "person,step,a,b,label,clinic,split"
    for person in range(PEOPLE):
        for step, (a, b) in enumerate(VALUES[person]):
            yield (f"n{person},{step},{a},{b},{LABELS[person]},{CLINICS[person]},{SPLITS[person]}")


def write(folder: Path, text: Sequence[str], name: str = "my.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(text) + "\n")
    return path


def load(folder: Path, options: dict[str, Any], file: Any = "my.csv") -> Task:
    return tasks.load("table", {"file": file, **options}, folder=folder)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    write(tmp_path, list(lines()))
    return tmp_path


def real(split: Split) -> list[np.ndarray]:
    """Sequences without padding, which is zero."""
    for x, length in zip(split.x, split.lengths):
        assert not x[length:].any()
    return [x[:length] for x, length in zip(split.x, split.lengths)]


def people_of(task: Task, name: str) -> list[int]:
    """Whose the sequences of a split are, by their values."""
    whose = {values.astype("float32").tobytes(): person for person, values in enumerate(VALUES)}
    return [whose[x.tobytes()] for x in real(task.splits[name])]


# ------------------------------------------------------------------ what a table becomes


def test_rows_become_sequences_with_labels_by_name(table: Path) -> None:
    task = load(table, {**RAW, "split": "split"})
    assert (task.loss, task.per, task.metric, task.outputs) == (
        "categorical", "sequence", "error", 3,
    )  # fmt: skip
    assert task.classes == ("cat", "dog", "eel")
    people = {"train": range(26), "validation": range(26, 32), "test": range(32, 40)}
    for name, expected in people.items():
        assert people_of(task, name) == list(expected)
        labels = [task.classes[y] for y in task.splits[name].y]
        assert labels == [LABELS[person] for person in expected]
    usual = max(["cat", "dog", "eel"], key=LABELS[:26].count)
    wrong = sum(label != usual for label in LABELS[32:]) / 8
    assert task.baselines == {"most frequent class": wrong}


def as_parquet(folder: Path) -> str:
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(folder / "my.csv"), folder / "my.parquet")
    return "my.parquet"


def as_feather(folder: Path) -> str:
    pyarrow.feather.write_feather(pyarrow.csv.read_csv(folder / "my.csv"), folder / "my.feather")
    return "my.feather"


def as_arrow_stream(folder: Path) -> str:
    rows = pyarrow.csv.read_csv(folder / "my.csv")
    with pa.ipc.new_stream(folder / "my.arrow", rows.schema) as stream:
        stream.write_table(rows)
    return "my.arrow"


def as_polars(folder: Path) -> str:
    """Texts are views, as polars writes them."""
    rows = pyarrow.csv.read_csv(folder / "my.csv")
    views = pa.table({
        name: values.cast(pa.string_view()) if pa.types.is_string(values.type) else values
        for name, values in zip(rows.column_names, rows.columns)
    })  # fmt: skip
    with pa.ipc.new_file(folder / "views.arrow", views.schema) as file:
        file.write_table(views)
    return "views.arrow"


def as_folder(folder: Path) -> str:
    header, *rows = lines()
    (folder / "parts").mkdir()
    for number in range(3):
        write(folder / "parts", [header, *rows[number * 60 : number * 60 + 60]], f"{number}.csv")
    return "parts"


def as_shuffled(folder: Path) -> str:
    header, *rows = lines()
    firsts = [row for row in rows if row.split(",")[1] == "0"]
    others = [row for row in rows if row not in firsts]
    write(folder, [header, *firsts, *np.random.default_rng(1).permutation(others)], "mixed.csv")
    return "mixed.csv"


def as_semicolons(folder: Path) -> str:
    write(folder, [row.replace(",", ";") for row in lines()], "semicolons.csv")
    return "semicolons.csv"


def as_tabs(folder: Path) -> str:
    text = "\ufeff" + "\r\n".join(row.replace(",", "\t") for row in lines()) + "\r\n"
    (folder / "tabs.tsv").write_bytes(text.encode())
    return "tabs.tsv"


FORMS = (
    as_parquet, as_feather, as_arrow_stream, as_polars, as_folder, as_shuffled, as_semicolons,
    as_tabs,
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_the_same_table_is_the_same_data_in_every_form(
    table: Path, form: Callable[[Path], str]
) -> None:
    options = {**RAW, "split": "split"}
    assert load(table, options, form(table)).digest == load(table, options).digest


def of_type(values: pa.Array) -> pa.Table:
    """24 sequences of four steps, with a column of a type that CSV does not have."""
    return pa.table({
        "s": [row // 4 for row in range(96)], "v": [row % 7 / 8 for row in range(96)],
        "label": ["ab"[row // 4 % 2] for row in range(96)], "odd": values,
    })  # fmt: skip


def test_numbers_of_two_bytes_are_read_as_they_are(tmp_path: Path) -> None:
    halves = np.arange(96) % 5 / 4
    loaded = []
    for values in (halves, halves.astype(np.float16)):
        pyarrow.feather.write_feather(of_type(pa.array(values)), str(tmp_path / "my.feather"))
        options = {"id": "s", "inputs": ["v", "odd"], "target": "label"}
        loaded.append(load(tmp_path, options, "my.feather").digest)
    assert loaded[0] == loaded[1]


@pytest.mark.parametrize(
    "values", [[[row] for row in range(96)], [{"a": row} for row in range(96)], [b"\xff"] * 96]
)
@pytest.mark.parametrize(
    "options", [{"inputs": {"v": "number", "odd": "category"}}, {"split": {"by": "odd"}}]
)
def test_what_cannot_be_a_name_is_refused(
    tmp_path: Path, values: list[Any], options: dict[str, Any]
) -> None:
    pyarrow.feather.write_feather(of_type(pa.array(values)), str(tmp_path / "my.feather"))
    with pytest.raises(TaskError, match=r"row 1, column 'odd': it holds .*, and no names"):
        load(tmp_path, {"id": "s", "inputs": ["v"], "target": "label", **options}, "my.feather")


def test_whole_numbers_too_large_to_be_counted_stay_different_names(tmp_path: Path) -> None:
    labels = pa.array([1e20 * (1 + row // 4 % 2) for row in range(96)])
    pyarrow.feather.write_feather(of_type(labels), str(tmp_path / "my.feather"))
    task = load(tmp_path, {"id": "s", "inputs": ["v"], "target": {"odd": "category"}}, "my.feather")
    assert task.outputs == 2


def test_steps_are_ordered_by_numbers_of_64_bits_without_a_sign(tmp_path: Path) -> None:
    order = np.uint64(2**63) - np.arange(96, dtype=np.uint64) * np.uint64(2**40)
    loaded = []
    for values in (order, order.astype(float)):
        pyarrow.feather.write_feather(of_type(pa.array(values)), str(tmp_path / "my.feather"))
        options = {"id": "s", "order": "odd", "inputs": ["v"], "target": "label"}
        loaded.append(load(tmp_path, options, "my.feather").digest)
    assert loaded[0] == loaded[1]


BACK = pa.array([-row for row in range(96)])


def in_order(folder: Path, order: pa.Array) -> Task:
    """The sequences of `of_type` in an order of their steps."""
    pyarrow.feather.write_feather(of_type(order), str(folder / "my.feather"))
    options = {"id": "s", "order": "odd", "inputs": ["v"], "target": "label"}
    return load(folder, options, "my.feather")


@pytest.mark.parametrize("first", [1_600_000_000_123_000_065, 2**62])
def test_steps_are_ordered_by_whole_numbers_that_no_float_has(tmp_path: Path, first: int) -> None:
    order = pa.array([first - row for row in range(96)])
    expected = in_order(tmp_path, BACK).digest
    assert in_order(tmp_path, order).digest == expected
    assert in_order(tmp_path, order.cast(pa.string())).digest == expected


@pytest.mark.parametrize("as_text", [False, True])
def test_steps_are_ordered_by_nanoseconds(tmp_path: Path, as_text: bool) -> None:
    moments = np.datetime64("2024-01-01T00:00:00.000000000") - np.arange(96)
    held = pa.array(moments.astype(str)) if as_text else pa.array(moments)
    expected = in_order(tmp_path, BACK).digest
    assert in_order(tmp_path, held).digest == expected
    column = rows_of(tmp_path / "my.feather")
    assert (column.holds, column.high) == ("dates", "2024-01-01")


def rows_of(path: Path) -> profile.Column:
    """The column `odd` of a file, looked at."""
    (column,) = profile.profile(Rows([Source(path, path.name, UNSAID)], ["odd"]), ["odd"])
    return column


def test_what_is_no_number_is_no_name_either(tmp_path: Path) -> None:
    """NaN, which pandas writes as a value that is missing, and NumPy and polars as NaN."""
    labels = np.where(np.arange(96) % 3 == 0, np.nan, np.arange(96) // 4 % 2)
    pyarrow.feather.write_feather(of_type(pa.array(labels)), str(tmp_path / "my.feather"))
    options = {"id": "s", "inputs": ["v"], "target": {"odd": "category"}}
    task = load(tmp_path, {**options, "per": "step", "missing": "zero"}, "my.feather")
    assert task.classes == ("0", "1")
    assert sum(int(split.weights.sum()) for split in task.splits.values()) == 64
    with pytest.raises(TaskError, match="row 1, column 'odd' is empty"):
        load(tmp_path, {"id": "odd", "inputs": ["v"], "target": "label"}, "my.feather")
    assert rows_of(tmp_path / "my.feather").holds == "whole numbers"


def test_a_zero_below_zero_is_no_name_of_its_own(tmp_path: Path) -> None:
    labels = np.array([0.0, -0.0, 0.5])[np.arange(96) // 4 % 3]
    pyarrow.feather.write_feather(of_type(pa.array(labels)), str(tmp_path / "my.feather"))
    task = load(tmp_path, {"id": "s", "inputs": ["v"], "target": {"odd": "category"}}, "my.feather")
    assert task.classes == ("0", "0.5")


def test_whole_numbers_are_one_name_as_pandas_writes_them_beside_a_gap_and_without(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    for part, end in enumerate(("", ".0")):
        rows = [f"{20 * part + row},{row}.5,{row % 2}{end}" for row in range(20)]
        write(folder, ["s,v,label", *rows], f"{part}.csv")
    options = {"id": "s", "inputs": ["v"], "target": {"label": "category"}}
    assert load(tmp_path, options, "parts").classes == ("0", "1")


@pytest.mark.parametrize("ending", ["csv", "arrow"])
def test_two_columns_of_one_name_are_refused_in_each_file(tmp_path: Path, ending: str) -> None:
    (tmp_path / "parts").mkdir()
    for part, names in enumerate((["s", "v", "label"], ["s", "v", "label", "v"])):
        columns = [pa.array([part] * 3), pa.array([0.5, 1.5, 2.5]), pa.array(["a"] * 3)]
        rows = pa.Table.from_arrays([*columns, columns[1]][: len(names)], names)
        path = tmp_path / "parts" / f"{part}.{ending}"
        if ending == "csv":
            pyarrow.csv.write_csv(rows, path)
            continue
        with pa.ipc.new_file(path, rows.schema) as file:
            file.write_table(rows)
    with pytest.raises(TaskError, match=rf"1\.{ending} has two columns 'v'"):
        load(tmp_path, {"id": "s", "inputs": ["v"], "target": "label"}, "parts")


def test_a_file_for_each_split_is_the_same_as_a_column(table: Path) -> None:
    header, *rows = lines()
    for split in ("train", "val", "test"):
        own = [row for row in rows if row.endswith(f",{split}")]
        write(table, [header, *own], f"{split}.csv")
    files = {split: f"{split}.csv" for split in ("train", "val", "test")}
    whole = load(table, {**RAW, "split": "split"})
    assert load(table, RAW, files).digest == whole.digest
    without = load(table, RAW, {"train": "train.csv", "test": "test.csv"})
    assert people_of(without, "test") == people_of(whole, "test")
    others = [*people_of(without, "train"), *people_of(without, "validation")]
    assert sorted(others) == list(range(26))


def test_the_split_that_is_drawn_has_every_class_in_its_share(table: Path) -> None:
    task = load(table, RAW)
    counts = {name: np.bincount(split.y).tolist() for name, split in task.splits.items()}
    # of 14 dogs, 13 cats and 13 eels 15 % each
    assert counts == {"train": [9, 10, 9], "validation": [2, 2, 2], "test": [2, 2, 2]}
    everyone = [person for name in task.splits for person in people_of(task, name)]
    assert sorted(everyone) == list(range(PEOPLE))
    assert load(table, RAW).digest == task.digest


def test_a_group_is_on_one_side_only(table: Path) -> None:
    task = load(table, {**RAW, "split": {"by": "clinic"}})
    clinics = [{CLINICS[person] for person in people_of(task, name)} for name in task.splits]
    assert [len(side) for side in clinics] == [5, 1, 1]
    assert len(set.union(*clinics)) == 7


def test_several_columns_can_name_a_sequence(table: Path) -> None:
    header, *rows = lines()
    write(table, [f"{header},visit", *(f"{row},1" for row in rows), *(f"{row},2" for row in rows)])
    task = load(table, {**RAW, "id": ["person", "visit"]})
    assert sum(map(len, task.splits.values())) == 2 * PEOPLE


def test_inputs_are_scaled_by_train_alone(table: Path) -> None:
    seen = np.concatenate(VALUES[:26])
    low, middle, high = np.percentile(seen, (25, 50, 75), 0)
    by_hand = {
        "standard": (seen.mean(0), seen.std(0)),
        "robust": (middle, high - low),
    }
    for scale, (center, spread) in by_hand.items():
        task = load(table, {**ROLES, "split": "split", "scale": scale})
        for person, x in zip(range(32, 40), real(task.splits["test"])):
            np.testing.assert_allclose(x, (VALUES[person] - center) / spread, rtol=1e-5, atol=1e-6)
    assert (
        load(table, {**ROLES, "split": "split"}).digest
        == load(table, {**ROLES, "split": "split", "scale": "standard"}).digest
    )


def test_a_column_that_never_varies_is_not_divided_by_nothing(table: Path) -> None:
    header, *rows = lines()
    write(table, [f"{header},c", *(f"{row},0.1" for row in rows)])
    task = load(table, {**ROLES, "inputs": ["a", "c"]})
    assert all(np.allclose(x[..., 1], 0, atol=1e-6) for x in real(task.splits["train"]))


def test_categories_are_one_hot_and_never_scaled(table: Path) -> None:
    task = load(table, {**RAW, "inputs": {"a": "number", "clinic": "category"}, "split": "split"})
    assert task.inputs == 1 + 7
    for person, x in zip(range(32, 40), real(task.splits["test"])):
        expected = np.eye(7)["pqrstuv".index(CLINICS[person])]
        np.testing.assert_array_equal(x[:, 1:], np.tile(expected, (LENGTHS[person], 1)))


def test_true_and_false_are_one_and_zero_in_every_form(table: Path) -> None:
    header, *rows = lines()
    for name, words in (("words.csv", ("False", "True")), ("numbers.csv", ("0", "1"))):
        write(table, [f"{header},on", *(f"{row},{words[len(row) % 2]}" for row in rows)], name)
    rows_of_arrow = pyarrow.csv.read_csv(table / "words.csv")
    assert pa.types.is_boolean(rows_of_arrow["on"].type)
    pyarrow.parquet.write_table(rows_of_arrow, table / "words.parquet")
    options = {**RAW, "inputs": ["a", "on"]}
    digests = {
        load(table, options, file).digest for file in ("words.csv", "numbers.csv", "words.parquet")
    }
    assert len(digests) == 1


def test_an_empty_text_names_no_column(table: Path) -> None:
    for option in ("inputs", "target"):
        with pytest.raises(RnnzooError, match=f"needs `{option}`"):
            load(table, {**RAW, option: ""})
    with pytest.raises(RnnzooError, match="has no column ''"):
        load(table, {**RAW, "inputs": ["a", ""]})
    assert load(table, {**RAW, "split": "", "window": {}}).digest == load(table, RAW).digest


def test_a_pattern_names_columns_in_their_order(table: Path) -> None:
    assert load(table, {**RAW, "inputs": "[ab]*"}).digest == load(table, RAW).digest


def test_one_label_a_step(table: Path) -> None:
    task = load(table, {**RAW, "per": "step", "target": "clinic", "split": "split"})
    test = task.splits["test"]
    assert (task.per, test.y.shape) == ("step", test.x.shape[:2])
    for person, y in zip(range(32, 40), test.y):
        length = LENGTHS[person]
        assert {task.classes[number] for number in y[:length]} == {CLINICS[person]}
        assert not y[length:].any()
    assert test.weights is None


def test_numbers_to_predict_and_what_the_mean_of_train_scores(table: Path) -> None:
    header, *rows = lines()
    totals = {person: values.sum() * 1e5 for person, values in enumerate(VALUES)}
    prices = [f"{row},{totals[int(row[1 : row.index(',')])]:.3f}" for row in rows]
    write(table, [f"{header},price", *prices])
    options = {**RAW, "target": "price", "split": "split"}
    task = load(table, options)
    assert (task.loss, task.metric, task.unit) == ("squared", "mse", "mean squared error")
    train, test = (
        np.array([round(totals[person], 3) for person in people])
        for people in (range(26), range(32, 40))
    )
    np.testing.assert_allclose(task.splits["test"].y[:, 0], test, rtol=1e-6)
    score = np.square(test - train.mean()).mean()
    assert task.baselines["mean of train"] == pytest.approx(score, rel=1e-5)
    scaled = load(table, {**options, "target": {"price": "standard"}})
    assert scaled.unit == "mean squared error"
    expected = (test - train.mean()) / train.std()
    np.testing.assert_allclose(scaled.splits["test"].y[:, 0], expected, rtol=1e-5, atol=1e-6)
    # scores are in the unit of the target, whatever the loss compares
    assert scaled.baselines["mean of train"] == pytest.approx(score, rel=1e-5)
    np.testing.assert_allclose(scaled.in_own_unit(scaled.splits["test"].y[:, 0]), test, rtol=1e-5)
    rooted = load(table, {**options, "target": {"price": "standard"}, "metric": "rmse"})
    assert rooted.baselines["mean of train"] == pytest.approx(np.sqrt(score), rel=1e-5)


# ------------------------------------------------------------------ windows


def series(folder: Path, count: int = 200) -> np.ndarray:
    values = np.random.default_rng(2).normal(size=count).cumsum().round(4)
    days = (np.datetime64("2020-01-01") + np.arange(count)).astype(str)
    rows = [f"{day},{value}" for day, value in zip(days, values)]
    write(folder, ["day,level", *rows], "series.csv")
    return values


FORECAST = {
    "order": "day", "inputs": "level", "target": "level", "scale": "none",
    "split": {"time": "day"}, "window": {"length": 5, "step": 2, "horizon": 3},
}  # fmt: skip


def test_windows_of_one_series_with_a_horizon_split_by_time(tmp_path: Path) -> None:
    values = series(tmp_path)
    task = load(tmp_path, FORECAST, "series.csv")
    begins = [0, 140, 170, 200]
    place = {value: position for position, value in enumerate(values.astype("float32"))}
    total = 0
    for number, name in enumerate(tasks.SPLITS):
        split = task.splits[name]
        total += len(split)
        for x, y in zip(split.x, split.y):
            start = place[x[0, 0]]
            assert start % 2 == 0
            np.testing.assert_array_equal(x[:, 0], values[start : start + 5].astype("float32"))
            assert y[0] == np.float32(values[start + 4 + 3])
            # a window with its target is on one side of a cut in time
            assert begins[number] <= start
            assert start + 4 + 3 < begins[number + 1]
    every = range(0, 200 - 7, 2)
    assert total == sum(
        any(begin <= start and start + 7 < end for begin, end in itertools.pairwise(begins))
        for start in every
    )
    # of cumulated noise, the value 3 steps ago is nearer than the mean
    starts = [place[x[0, 0]] for x in task.splits["test"].x]
    errors = [values[start + 7] - values[start + 4] for start in starts]
    assert task.baselines["last value"] == pytest.approx(np.square(errors).mean(), rel=1e-5)
    (remark,) = task.warnings
    assert f"{len(every) - total} windows lie on two sides" in str(remark)


def test_of_few_steps_a_small_share_is_the_last_one(tmp_path: Path) -> None:
    rows = (f"{day},{day / 2},{day / 4}" for day in range(20))
    (tmp_path / "few.csv").write_text("\n".join(["day,level,next", *rows]) + "\n")
    split = {"time": "day", "validation": 0.1, "test": 0.01}
    options = {**FORECAST, "target": {"next": "number"}, "split": split, "window": {"length": 1}}
    task = load(tmp_path, options, "few.csv")
    assert [len(task.splits[name]) for name in tasks.SPLITS] == [18, 1, 1]
    assert task.splits["test"].x.ravel().tolist() == [9.5]


def test_a_target_some_steps_later_at_each_step(tmp_path: Path) -> None:
    values = series(tmp_path)
    options = {**FORECAST, "per": "step", "window": {"length": 5, "step": 5, "horizon": 1}}
    task = load(tmp_path, options, "series.csv")
    split = task.splits["train"]
    assert task.ahead
    assert not load(tmp_path, FORECAST, "series.csv").ahead  # its last step is read before
    np.testing.assert_array_equal(split.x[:, 1:], split.y[:, :-1])
    np.testing.assert_array_equal(split.y[0, :, 0], values[1:6].astype("float32"))


def test_windows_of_one_sequence_are_all_in_one_split(table: Path) -> None:
    task = load(table, {**RAW, "window": {"length": 2, "step": 1}})
    whose = {
        tuple(pair.astype("float32").ravel()): person
        for person, values in enumerate(VALUES)
        for pair in map(np.stack, itertools.pairwise(values))
    }
    sides = [{whose[tuple(x.ravel())] for x in split.x} for split in task.splits.values()]
    assert sum(map(len, sides)) == len(set.union(*sides)) == PEOPLE


def test_without_id_and_order_a_row_is_a_sequence(tmp_path: Path) -> None:
    """Cells that are empty at the end of a row are no steps."""
    random = np.random.default_rng(4)
    values = [random.normal(size=3 + row % 3).round(3) for row in range(30)]
    text = ["label,t0,t1,t2,t3,t4"]
    for row, steps in enumerate(values):
        cells = [*map(str, steps), *[""] * (5 - len(steps))]
        text.append(",".join(["xy"[row % 2], *cells]))
    write(tmp_path, text)
    options = {"inputs": "t*", "target": "label", "scale": "none"}
    task = load(tmp_path, options)
    assert task.inputs == 1
    rows = {steps.astype("float32").tobytes(): "xy"[row % 2] for row, steps in enumerate(values)}
    shown = {
        x.tobytes(): task.classes[y]
        for split in task.splits.values()
        for x, y in zip(real(split), split.y)
    }
    assert shown == rows
    scaled = load(tmp_path, {**options, "scale": "standard"})
    seen = np.concatenate(real(scaled.splits["train"]))
    np.testing.assert_allclose([seen.mean(), seen.std()], [0, 1], atol=1e-6)
    write(tmp_path, [*text[:4], text[4].replace(str(values[3][0]), ""), *text[5:]])
    with pytest.raises(TaskError, match="row 5, column 't0' is missing"):
        load(tmp_path, options)


def test_without_id_each_file_of_a_folder_is_a_series(tmp_path: Path) -> None:
    header, *rows = lines()
    (tmp_path / "series").mkdir()
    for person in range(PEOPLE):
        own = [row for row in rows if row.startswith(f"n{person},")]
        write(tmp_path / "series", [header, *own], f"{person:02}.csv")
    write(tmp_path, [header, *rows])
    options = {**RAW, "split": "split"}
    assert load(tmp_path, {**options, "id": []}, "series").digest == load(tmp_path, options).digest


# ------------------------------------------------------------------ missing


def with_gaps(folder: Path) -> list[np.ndarray]:
    """The table without `a` in its first step where this is odd, and in its second."""
    header, *rows = lines()
    text = [header]
    for row in rows:
        person, step, _, *rest = row.split(",")
        gap = step == "1" or (step == "0" and int(person[1:]) % 2)
        text.append(",".join([person, step, "NA", *rest]) if gap else row)
    write(folder, text)
    known = [values.copy() for values in VALUES]
    for person, values in enumerate(known):
        values[1, 0] = np.nan
        if person % 2:
            values[0, 0] = np.nan
    return known


def test_what_is_missing_is_filled_as_is_said(table: Path) -> None:
    known = with_gaps(table)
    filled: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "zero": np.nan_to_num,
        "forward": forward,
        "flag": lambda values: np.column_stack([np.nan_to_num(values), np.isnan(values[:, 0])]),
    }
    for missing, by_hand in filled.items():
        task = load(table, {**RAW, "split": "split", "missing": missing})
        for person, x in zip(range(26), real(task.splits["train"])):
            np.testing.assert_array_equal(x, by_hand(known[person]).astype("float32"))
    with pytest.raises(TaskError, match=r"my\.csv, row 3, column 'a' is missing \(\d+ more"):
        load(table, RAW)


def forward(values: np.ndarray) -> np.ndarray:
    filled = values.copy()
    for step in range(1, len(filled)):
        gaps = np.isnan(filled[step])
        filled[step, gaps] = filled[step - 1, gaps]
    return np.nan_to_num(filled)


def test_a_scaled_gap_is_the_mean_of_train(table: Path) -> None:
    known = np.concatenate(with_gaps(table)[:26])
    task = load(table, {**ROLES, "split": "split", "missing": "zero"})
    first = real(task.splits["train"])[0]
    expected = (VALUES[0][0] - np.nanmean(known, 0)) / np.nanstd(known, 0)
    np.testing.assert_allclose(first[0], expected, rtol=1e-5)
    assert first[1, 0] == 0


def test_a_step_without_a_target_does_not_count(table: Path) -> None:
    header, *rows = lines()
    write(table, [header, *(row.replace("dog", "") for row in rows)])
    options = {**RAW, "per": "step", "split": "split"}
    task = load(table, {**options, "missing": "zero"})
    assert task.classes == ("cat", "eel")
    weights = task.splits["test"].weights
    assert weights is not None
    for person, weight in zip(range(32, 40), weights):
        expected = 0 if LABELS[person] == "dog" else LENGTHS[person]
        assert weight.sum() == expected
    with pytest.raises(TaskError, match="row 2, column 'label': the target is missing"):
        load(table, options)


def test_a_class_that_is_called_as_a_missing_label_is_told(table: Path) -> None:
    header, *rows = lines()
    write(table, [header, *(row.replace("dog", "nan") for row in rows)])
    (remark,) = load(table, RAW).warnings
    assert "a class is called 'nan', as a missing label is written" in str(remark)


# ------------------------------------------------------------------ .ts

TS = """#comment
@problemName Tiny
@classLabel true b a
@data
"""


def cases(folder: Path, name: str, count: int) -> list[np.ndarray]:
    """A file of cases of 2 channels and unequal lengths."""
    random = np.random.default_rng(len(name))
    values = [random.normal(size=(2 + case % 3, 2)).round(4) for case in range(count)]
    texts = [
        ":".join(",".join(map(str, channel)) for channel in case.T) + f":{'ab'[number % 2]}"
        for number, case in enumerate(values)
    ]
    (folder / name).write_text(TS + "\n".join(texts) + "\n")
    return values


def test_ts_files_need_no_roles(tmp_path: Path) -> None:
    train, test = cases(tmp_path, "T_TRAIN.ts", 20), cases(tmp_path, "T_TEST.ts", 10)
    files = {"train": "T_TRAIN.ts", "test": "T_TEST.ts"}
    task = load(tmp_path, {"scale": "none", "split": {"validation": 0.2}}, files)
    assert task.classes == ("a", "b")
    assert [len(split) for split in task.splits.values()] == [16, 4, 10]
    for x, case in zip(real(task.splits["test"]), test):
        np.testing.assert_array_equal(x, case.astype("float32"))
    np.testing.assert_array_equal(task.splits["test"].y, np.arange(10) % 2)
    others = [*real(task.splits["train"]), *real(task.splits["validation"])]
    assert {x.tobytes() for x in others} == {case.astype("float32").tobytes() for case in train}
    alone = load(tmp_path, {"scale": "none", "inputs": "dim_1"}, files)
    np.testing.assert_array_equal(real(alone.splits["test"])[0][:, 0], test[0][:, 1].astype("f4"))


def test_ts_files_of_two_folders_may_be_called_alike(tmp_path: Path) -> None:
    files = {split: f"{split}/T.ts" for split in ("train", "test")}
    for split, count in (("train", 20), ("test", 10)):
        (tmp_path / split).mkdir()
        cases(tmp_path, files[split], count)
    task = load(tmp_path, {"split": {"validation": 0.2}}, files)
    assert [len(split) for split in task.splits.values()] == [16, 4, 10]


def test_which_split_a_file_is_for_is_part_of_what_data_are_made_from(tmp_path: Path) -> None:
    cases(tmp_path, "T_TRAIN.ts", 20)
    cases(tmp_path, "T_TEST.ts", 10)
    for_test, for_validation = (
        tasks.prepare(
            "table", {"file": {"train": "T_TRAIN.ts", split: "T_TEST.ts"}}, folder=tmp_path
        )
        for split in ("test", "validation")
    )
    counts = [len(task.splits["test"]) for task in (for_test, for_validation)]
    assert counts == [10, 4]  # of each class 2
    again = tasks.prepare(
        "table", {"file": {"train": "T_TRAIN.ts", "test": "T_TEST.ts"}}, folder=tmp_path
    )
    assert again.digest == for_test.digest
    (tmp_path / "T_TRAIN.ts").unlink()
    assert tasks.prepared(
        "table", {"file": {"train": "T_TRAIN.ts", "test": "T_TEST.ts"}}, for_test.digest
    )


@pytest.mark.parametrize(
    ("name", "folder", "steps"),
    [("JapaneseVowels", "japanese_vowels", 29), ("PenDigits", "pen_digits", 8)],
)
def test_a_set_of_the_archive_is_what_its_lines_say(
    name: str, folder: str, steps: int, jsb_folder: Path
) -> None:
    """Against a conversion by hand, as everyone had to write it before."""
    data = jsb_folder.parent / folder
    files = {"train": f"{name}_TRAIN.ts", "test": f"{name}_TEST.ts"}
    task = tasks.load("table", {"file": files, "scale": "none"}, folder=data)
    known = {split: by_hand(data / file) for split, file in files.items()}
    labels = sorted({label for _, label in known["train"]})
    assert task.classes == tuple(labels)
    test = task.splits["test"]
    assert test.x.shape[1] == max(len(case) for case, _ in known["test"])
    for x, y, (case, label) in zip(real(test), test.y, known["test"], strict=True):
        np.testing.assert_array_equal(x, case)
        assert labels[y] == label
    rest = [
        (x.tobytes(), labels[y])
        for split in ("train", "validation")
        for x, y in zip(real(task.splits[split]), task.splits[split].y)
    ]
    assert sorted(rest) == sorted((case.tobytes(), label) for case, label in known["train"])
    assert max(split.x.shape[1] for split in task.splits.values()) == steps


def by_hand(path: Path) -> list[tuple[np.ndarray, str]]:
    sequences = []
    lines = path.read_text().partition("@data\n")[2].splitlines()
    for line in filter(None, lines):
        *channels, label = line.split(":")
        values = np.array([[float(value) for value in channel.split(",")] for channel in channels])
        sequences.append((values.T.astype("float32"), label))
    return sequences


def test_check_reads_headers_and_no_values(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(table, [row.replace("dog", "").replace("n0,1", "n0,0") for row in lines()])
    spec = (
        "experiment: e\nvariants: [rnn]\ntask: {name: table, file: my.csv, id: person, order: step,"
        " inputs: [a, b], target: label}\n"
    )
    (table / "spec.yaml").write_text(spec)
    monkeypatch.setattr("rnnzoo.tasks._table.read.Rows", None)
    assert main(["check", str(table / "spec.yaml")]) == 0
    assert "is right" in capsys.readouterr().out


def test_paths_of_the_command_line_start_where_it_stands(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the experiment's file, beside them in one option, start at that file."""
    (table / "here").mkdir()
    spec = table / "spec.yaml"
    spec.write_text("experiment: e\nvariants: [rnn]\ntask: {name: table, file: {train: my.csv}}\n")
    monkeypatch.chdir(table / "here")
    (choice,) = read(spec, ["task.file.test=test.csv"]).tasks
    assert choice.options["file"] == {"train": "my.csv", "test": str(Path("here", "test.csv"))}


# ------------------------------------------------------------------ the manual

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_the_manuals_table_and_experiment_fit_each_other_and_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines_of_python, *_ = blocks("your-data.md", "python")
    exec(lines_of_python, {})
    (tmp_path / "visits.csv").write_text(capsys.readouterr().out)
    (tmp_path / "experiments").mkdir()
    spec, *_ = blocks("your-data.md", "yaml")
    monkeypatch.chdir(tmp_path)
    Path("experiments/ward.yaml").write_text(spec)
    shown = (DOCS / "your-data.md").read_text()
    assert main(["check", "experiments/ward.yaml"]) == 0
    assert capsys.readouterr().out.strip() in shown
    (choice,) = read(Path("experiments/ward.yaml")).tasks
    task = tasks.load("table", choice.options, folder=Path("experiments"))
    assert f"table: {tasks.form(task)}" in shown
    assert f"most frequent class: {task.baselines['most frequent class']:.3f}" in shown
    head = Path("visits.csv").read_text().splitlines()[:3]
    assert "\n".join(head) in shown
    rows = Path("visits.csv").read_text().splitlines()
    write(tmp_path, at(57, rows[56].split(",")[2], "n/k")(rows), "visits.csv")
    with pytest.raises(TaskError) as caught:
        tasks.load("table", choice.options, folder=Path("experiments"))
    assert str(caught.value) in shown


def test_the_experiments_of_the_manual_have_right_options() -> None:
    section = (DOCS / "tasks.md").read_text().partition("## Your own table")[2]
    section = section.partition("\n## ")[0]
    specs = re.findall(r"^```yaml\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    assert len(specs) == 3
    for spec in specs:
        (choice,) = parse_experiment(spec, "spec.yaml", Path()).tasks
        options = {**roles.OPTIONS, **choice.options}
        assert list(roles.wrong(options)) == []
        assert roles.roles(options).scale == "standard"
        assert len(spec.splitlines()) <= 12


# ------------------------------------------------------------------ what is refused

Change = Callable[[list[str]], list[str]]


def at(row: int, old: str, new: str) -> Change:
    """The table with a change in a row, counted as an editor does."""

    def change(text: list[str]) -> list[str]:
        assert old in text[row - 1]
        return [*text[: row - 1], text[row - 1].replace(old, new, 1), *text[row:]]

    return change


A = str(VALUES[0][0, 0])  # of row 2
TOKENS = np.random.default_rng(3).integers(0, 30, sum(LENGTHS))


def tokens(text: list[str]) -> list[str]:
    return [f"{text[0]},token", *(f"{row},{t}" for row, t in zip(text[1:], TOKENS))]


# what is wrong: the change, the options, the problem, and the fix
REFUSED: dict[str, tuple[Change, dict[str, Any], str, str]] = {
    "a label that changes": (
        at(3, "dog", "cat"), {},
        "my.csv, row 3, column 'label': person n0 is 'cat' here, and 'dog' in my.csv, row 2",
        "per: step",
    ),
    "text among numbers": (
        at(3, str(VALUES[0][1, 0]), "high"), {},
        "my.csv, row 3, column 'a' holds 'high', which is no number", "{a: category, OTHER",
    ),
    "a decimal comma": (
        at(3, str(VALUES[0][1, 0]), '"0,5"'), {},
        "my.csv, row 3, column 'a' holds '0,5'", "with a point: 0.5",
    ),
    "an infinite number": (
        at(3, str(VALUES[0][1, 0]), "inf"), {}, "my.csv, row 3, column 'a' is infinite", "empty",
    ),
    "a gap": (at(2, A, ""), {}, "my.csv, row 2, column 'a' is missing", "missing: zero"),
    "a step twice": (
        at(3, "n0,1", "n0,0"), {},
        "my.csv, row 3, column 'step': person n0 has step 0 twice, first in my.csv, row 2",
        "an id and an order name one step",
    ),
    "an id that comes again": (
        lambda text: [text[0], *text[2:], text[1]],
        {"order": ""}, "comes again, after others", "give `order`",
    ),
    "no id": (at(2, "n0,0", ",0"), {}, "my.csv, row 2, column 'person' is empty", "fill it in"),
    "an order that is none": (
        at(2, "n0,0", "n0,early"), {}, "my.csv, row 2, column 'step' holds 'early'", "2020-12-31",
    ),
    "no label": (
        lambda text: [row.replace("dog", "") for row in text], {},
        "my.csv, row 2, column 'label': the target is missing", "leave the sequence out",
    ),
    "a class of test only": (
        lambda text: [r.replace("cat", "fox") if r.endswith("test") else r for r in text],
        {"split": "split"}, "train has no 'fox', and test has", "train has every class",
    ),
    "no label at all": (
        lambda text: [text[0], *(re.sub("dog|cat|eel", "", row) for row in text[1:])],
        {"target": {"label": "category"}},
        "my.csv, row 2, column 'label': all labels are missing", "a column of several classes",
    ),
    "no label at all, of a column without a role": (
        lambda text: [text[0], *(re.sub("dog|cat|eel", "", row) for row in text[1:])], {},
        "my.csv, row 2, column 'label': the target is missing, here and in all other rows",
        "a column that has targets",
    ),
    "no label in test": (
        lambda text: [re.sub("dog|cat|eel", "", r) if r.endswith("test") else r for r in text],
        {"split": "split", "per": "step", "missing": "zero"},
        "column 'label': the target is missing, here and in all other steps of test",
        "train, validation and test have targets",
    ),
    "no number in train": (
        lambda text: [f"{text[0]},n", *(f"{r},{'' if 'train' in r else 0.5}" for r in text[1:])],
        {"split": "split", "per": "step", "missing": "zero", "target": {"n": "standard"}},
        "my.csv, row 2, column 'n': the target is missing, here and in all other steps of train",
        "train, validation and test have targets",
    ),
    "one class": (
        lambda text: [r.replace("cat", "dog").replace("eel", "dog") for r in text], {},
        "all labels are 'dog'", "nothing to tell apart",
    ),
    "a split misspelt": (
        at(2, ",train", ",trian"), {"split": "split"},
        "my.csv, row 2, column 'split' holds 'trian', which is no split", "did you mean 'train'",
    ),
    "a sequence on two sides": (
        at(3, ",train", ",test"), {"split": "split"},
        "my.csv, row 3, column 'split': person n0 is 'test' here, and 'train' in my.csv, row 2",
        "a sequence is in one split",
    ),
    "a group on two sides": (
        lambda text: text, {"split": {"column": "split", "by": "clinic"}},
        "is in validation, and also in train", "a group is in one split",
    ),
    "a group that changes": (
        at(3, "p", "q"), {"split": {"by": "clinic"}},
        "my.csv, row 3, column 'clinic': person n0 is 'q' here", "of one group",
    ),
    "ids of tokens": (
        tokens, {"inputs": ["a", "token"]},
        "my.csv, row 2, column 'token': the column holds whole numbers from 0 to 29",
        "{token: category} makes them one-hot",
    ),
    "a whole number to predict": (
        tokens, {"target": "token", "per": "step"},
        "my.csv, row 2, column 'token': the target is a whole number",
        "target: {token: category}",
    ),
    "a whole number as pandas writes it beside gaps": (
        lambda text: [f"{text[0]},c", *(f"{row},{len(row) % 3}.0" for row in text[1:])],
        {"target": "c", "per": "step"}, "the target is a whole number", "{c: category}",
    ),
    "a category where a row is a sequence": (
        lambda text: text, {"id": "", "order": "", "inputs": {"a": "category"}},
        "a sequence in each row, whose steps are numbers", "`id` names",
    ),
    "a target that changes": (
        lambda text: text, {"inputs": "a", "target": "b"}, "my.csv, row 3, column 'b': the target",
        "`per: step`",
    ),
    "no row": (lambda text: text[:1], {}, "my.csv has a header and no rows", ""),
    "a row too short": (
        at(3, ",train", ""), {}, "my.csv, row 3: it has 6 columns, and the header 7", "1,,3",
    ),
    "a row of a text without its end": (
        lambda text: [*text, '"0'], {}, "it has 1 column, and the header 7", "close each quote",
    ),
    "a text without its end before many others": (
        lambda text: [*text[:3], '"0', *text[3:] * 40], {},
        "row 4: it has 1 column, and the header 7", "close each quote",
    ),
    "a row too long": (
        at(3, ",train", ",train,1"), {}, "row 3: it has 8 columns, and the header 7",
        "quote values",
    ),
    "a window too long": (
        lambda text: text, {"window": {"length": 7}}, "no window fits: the longest sequence has 6",
        "smaller `length`",
    ),
    "one series without time": (
        lambda text: text,
        {"id": [], "target": "clinic", "window": {"length": 5}, "order": ""},
        "1 sequence: too few sequences for train, validation and test", "{time: column}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_said_with_row_and_column(tmp_path: Path, case: str) -> None:
    change, options, problem, fix = REFUSED[case]
    write(tmp_path, change(list(lines())))
    with pytest.raises(TaskError) as caught:
        load(tmp_path, {**RAW, **options})
    assert problem in caught.value.problem
    assert fix in caught.value.fix


@pytest.mark.parametrize("inputs", [{"token": "number"}, {"token": "category"}])
def test_whole_numbers_are_taken_where_it_is_said_what_they_are(
    tmp_path: Path, inputs: dict[str, str]
) -> None:
    write(tmp_path, tokens(list(lines())))
    task = load(tmp_path, {**RAW, "inputs": inputs})
    assert task.inputs == (1 if "number" in inputs.values() else len(set(TOKENS)))


def test_rows_are_counted_as_an_editor_counts_lines(tmp_path: Path) -> None:
    """Texts over two lines, and empty lines."""
    header, *rows = lines()
    quoted = rows[0].replace(",p,", ',"p\nq",')
    write(tmp_path, [header, quoted, "", rows[1].replace("dog", "cat"), *rows[2:]])
    with pytest.raises(TaskError, match=r"my\.csv, row 5, column 'label': .* in my\.csv, row 2"):
        load(tmp_path, RAW)


def test_an_id_in_two_splits_is_refused_with_both_rows(table: Path) -> None:
    header, *rows = lines()
    write(table, [header, *rows[:20]], "test.csv")
    with pytest.raises(TaskError) as caught:
        load(table, {**RAW, "order": ""}, {"train": "my.csv", "test": "test.csv"})
    assert "test.csv, row 2: person n0 comes again" in caught.value.problem
    write(table, [header, *rows[1:20]], "test.csv")
    write(table, [header, rows[0], *rows[20:]], "train.csv")
    with pytest.raises(TaskError) as caught:
        load(table, RAW, {"train": "train.csv", "test": "test.csv"})
    assert "test.csv, row 2: person n0 is in test, and also in train" in caught.value.problem


TS_WRONG = {
    "no data": ("@classLabel true a b\n", "my.ts has no line @data"),
    "no labels": ("@classLabel false\n@data\n1,2:3,4\n", "has no labels"),
    "times": ("@timeStamps true\n@classLabel true a\n@data\n(0,1):a\n", "a time with each value"),
    "nothing": (TS, "has no case"),
    "a word": (TS + "1,2:3,x:a\n", "my.ts, row 5, column 'dim_1' holds 'x'"),
    "channels": (TS + "1,2:3,4:a\n1,2:b\n", "my.ts, row 6: it has 1 channels"),
    "no colon": (TS + "1,2\n", "my.ts, row 5: it has one part"),
}


@pytest.mark.parametrize("case", TS_WRONG)
def test_a_wrong_ts_file_is_refused_with_its_line(tmp_path: Path, case: str) -> None:
    text, problem = TS_WRONG[case]
    (tmp_path / "my.ts").write_text(text)
    with pytest.raises(RnnzooError) as caught:
        load(tmp_path, {}, "my.ts")
    assert problem in caught.value.problem


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("my.csv", b"", "my.csv is empty"),
        ("my.csv", b"a,b\n\xff,1\n", "my.csv is not UTF-8"),
        ("my.parquet", b"no parquet", "cannot read my.parquet"),
        ("my.arrow", b"no arrow, but a few bytes", "cannot read my.arrow"),
        ("my.csv", b"a,b,a\n1,2,x\n", "my.csv has two columns 'a'"),
        ("my.npz", b"PK", "my.npz is no table"),
    ],
)
def test_a_file_that_is_no_table_is_refused(
    tmp_path: Path, name: str, content: bytes, problem: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RnnzooError) as caught:
        load(tmp_path, {"inputs": "b", "target": "a"}, name)
    assert problem in caught.value.problem


@pytest.mark.parametrize("other", [2**30, -1])
def test_a_place_in_an_arrow_file_that_lies_outside_is_refused(tmp_path: Path, other: int) -> None:
    rows = pa.table({"a": list("xyz" * 10), "b": list(range(30))})
    pyarrow.feather.write_feather(rows, str(tmp_path / "my.arrow"), compression="uncompressed")
    content = (tmp_path / "my.arrow").read_bytes()
    places = np.arange(31, dtype=np.int32)  # where the texts of `a` begin and end
    changed = np.where(places == 7, np.int32(other), places).astype(np.int32)
    assert places.tobytes() in content
    (tmp_path / "my.arrow").write_bytes(content.replace(places.tobytes(), changed.tobytes()))
    with pytest.raises(RnnzooError, match=r"cannot read my\.arrow"):
        load(tmp_path, {"inputs": "b", "target": "a"}, "my.arrow")


def test_a_parquet_table_with_texts_of_another_encoding_is_refused(tmp_path: Path) -> None:
    rows = pa.table({"a": ["<here>", "b"] * 10, "b": list(range(20))})
    pyarrow.parquet.write_table(rows, tmp_path / "my.parquet", compression="none")
    content = (tmp_path / "my.parquet").read_bytes()
    (tmp_path / "my.parquet").write_bytes(content.replace(b"<here>", b"<h\xe9re>"))
    with pytest.raises(RnnzooError, match=r"my\.parquet is not UTF-8"):
        load(tmp_path, {"inputs": "b", "target": "a"}, "my.parquet")


def test_files_that_are_not_there_or_hold_nothing(table: Path) -> None:
    (table / "empty").mkdir()
    write(table, list(lines()), "my.tsv")
    as_parquet(table)
    for file, problem in (
        ("gone.csv", "no file gone.csv"),
        ("empty", "the folder empty holds no table"),
        ({"train": "my.csv", "test": "my.parquet"}, "files of several kinds: csv, parquet"),
        ({"test": "my.csv"}, "no file is for train"),
        ("https://example.org/my.csv", "is an address"),
    ):
        with pytest.raises(RnnzooError) as caught:
            load(table, RAW, file)
        assert problem in caught.value.problem


def test_a_file_without_a_header_is_told_where_it_is_named(tmp_path: Path) -> None:
    write(tmp_path, [f"{row},0.{row + 11},1.{row + 11}" for row in range(9)])
    task = "{name: table, file: my.csv, inputs: [a], target: b}"
    (tmp_path / "e.yaml").write_text(f"experiment: e\ntask: {task}\nvariants: [rnn]\n")
    with pytest.raises(RnnzooError) as raised:
        tasks.check_spec(read(tmp_path / "e.yaml"))
    (mistake,) = raised.value.mistakes  # type: ignore[attr-defined]
    assert mistake.problem == "my.csv has no header, as it seems: 0, ..."
    assert mistake.fix.startswith("the first row holds numbers")
    assert mistake.span.line == 2
