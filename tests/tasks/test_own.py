"""Tasks of arrays and frames that Python holds: the same as out of files."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pytest

import rnnzoo
from rnnzoo import tasks
from rnnzoo.errors import RnnzooError, UsageError
from rnnzoo.tasks import SPLITS, Task
from rnnzoo.tasks._facts import ranges
from rnnzoo.tasks._own import from_arrays

DOCS = Path(__file__).parents[2] / "docs"
RNG = np.random.default_rng(0)
LENGTHS = RNG.integers(2, 7, 40)
SEQUENCES = [RNG.normal(size=(length, 2)).astype("float32") for length in LENGTHS]
LABELS = np.array(["dog", "cat"] * 20)
FRAME = pd.DataFrame(
    {
        "person": np.repeat(np.arange(40), LENGTHS),
        "a": np.concatenate(SEQUENCES)[:, 0],
        "label": np.repeat(LABELS, LENGTHS),
    }
)
ROLES: dict[str, Any] = {"id": "person", "inputs": ["a"], "target": "label"}


def padded() -> np.ndarray:
    x = np.zeros((40, 6, 2), np.float32)
    for row, sequence in zip(x, SEQUENCES):
        row[: len(sequence)] = sequence
    return x


def test_a_list_of_unequal_arrays_is_what_padding_by_hand_makes(tmp_path: Path) -> None:
    np.savez(tmp_path / "my.npz", x=padded(), y=LABELS, lengths=LENGTHS)
    of_file = tasks.load("arrays", {"file": "my.npz"}, folder=tmp_path)
    for labels in (LABELS, LABELS.tolist(), LABELS.astype(object)):
        assert Task.from_arrays(SEQUENCES, labels).digest == of_file.digest
    assert Task.from_arrays(padded(), LABELS, lengths=LENGTHS).digest == of_file.digest
    assert of_file.classes == Task.from_arrays(SEQUENCES, LABELS).classes == ("cat", "dog")


def test_unequal_arrays_may_predict_their_next_step() -> None:
    listed = Task.from_arrays(SEQUENCES, kind="next_step")
    whole = Task.from_arrays(padded(), lengths=LENGTHS, kind="next_step")
    assert listed.digest == whole.digest


def test_targets_at_every_step_may_be_a_list_too() -> None:
    y = [sequence.sum(1) for sequence in SEQUENCES]
    task = Task.from_arrays(SEQUENCES, y, kind="regress", per="step")
    for split in task.splits.values():
        np.testing.assert_allclose(split.y[..., 0], split.x.sum(-1), rtol=1e-6)


@pytest.mark.parametrize(
    "frame",
    [FRAME, pa.Table.from_pandas(FRAME), FRAME.to_dict("list"), FRAME.set_index(FRAME.index[::-1])],
    ids=["pandas", "arrow", "dictionary", "pandas with an index"],
)
def test_a_frame_is_what_its_file_is(tmp_path: Path, frame: Any) -> None:
    pyarrow.csv.write_csv(pa.Table.from_pandas(FRAME, preserve_index=False), tmp_path / "my.csv")
    of_file = tasks.load("table", {"file": "my.csv", **ROLES}, folder=tmp_path)
    of_frame = Task.from_frame(frame, **ROLES)
    for name in SPLITS:
        np.testing.assert_allclose(of_frame.splits[name].x, of_file.splits[name].x, atol=1e-6)
        np.testing.assert_array_equal(of_frame.splits[name].y, of_file.splits[name].y)
    assert of_frame.classes == of_file.classes


def test_a_frame_that_only_speaks_the_interchange_protocol_is_read() -> None:
    class Other:
        def __dataframe__(self, **how: Any) -> Any:
            return pa.Table.from_pandas(FRAME).__dataframe__(**how)

    assert Task.from_frame(Other(), **ROLES).digest == Task.from_frame(FRAME, **ROLES).digest


def test_a_saved_task_is_the_same_task(tmp_path: Path) -> None:
    task = Task.from_frame(FRAME, **ROLES)
    options = task.save(tmp_path / "my.npz")
    name, given = options.pop("name"), options
    again = tasks.load(name, given)
    for split in SPLITS:
        before, after = task.splits[split], again.splits[split]
        width = before.x.shape[1]
        np.testing.assert_array_equal(after.x[:, :width], before.x)
        np.testing.assert_array_equal(after.y, before.y)
        np.testing.assert_array_equal(after.lengths, before.lengths)
    assert again.classes == task.classes


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "my.npz"
    Task.from_frame(FRAME, **ROLES).save(path)
    written = path.read_bytes()
    Task.from_frame(FRAME, **ROLES).save(path)  # the same
    other = Task.from_arrays(SEQUENCES, LABELS)
    with pytest.raises(UsageError, match=r"is there already.*\n.*overwrite=True"):
        other.save(path)
    assert path.read_bytes() == written
    other.save(path, overwrite=True)
    assert path.read_bytes() != written
    assert [entry.name for entry in tmp_path.iterdir()] == ["my.npz"]


def test_names_of_classes_survive_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    options = Task.from_frame(FRAME, **ROLES).save(tmp_path / "my.npz")
    del options["name"]
    kept = tasks.prepare("arrays", options)
    mapped = tasks.prepared("arrays", options, kept.digest)
    assert mapped is not None
    assert mapped.classes == kept.classes == ("cat", "dog")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Task.from_arrays([[1.0, 2], [[3.0]]], ["a", "b"]), "sequence 1 of x"),
        (lambda: Task.from_arrays(SEQUENCES, LABELS, lengths=LENGTHS), "leave `lengths` out"),
        (
            lambda: Task.from_arrays(
                SEQUENCES, [np.zeros(2 + n % 2) for n in range(40)], per="step"
            ),
            r"has \d steps in x and \d in y",
        ),
        (lambda: Task.from_arrays(None, LABELS), "x is None"),
        (lambda: Task.from_arrays((x for x in padded()), LABELS), "x is no array, but a generator"),
        (
            lambda: Task.from_arrays(padded(), [[1], [1, 2]] * 20),
            "y is no array: its parts have different shapes",
        ),
        (
            lambda: Task.from_arrays(SEQUENCES, [1, [1, 2]] * 20, per="step"),
            r"has \d steps in x and \d in y",
        ),
        (
            lambda: Task.from_arrays(SEQUENCES, [[[1], [2, 3]]] * 40, per="step"),
            "y is no array: its parts have different shapes",
        ),
        (
            lambda: Task.from_arrays(SEQUENCES, LABELS, fills={"dt": None}),
            "dt has no sequences",
        ),
        (lambda: Task.from_arrays(padded() * np.nan, LABELS), r"^the arrays: x holds 480 NaN"),
        (
            lambda: Task.from_arrays(SEQUENCES, [*range(40)], kind="transcribe"),
            "which labels are whose is not said",
        ),
        (lambda: Task.from_frame(3, inputs="a", target="b"), "pandas, polars or Arrow, not int"),
        (lambda: Task.from_frame(FRAME, **{**ROLES, "id": "persn"}), "did you mean 'person'"),
        (
            lambda: Task.from_frame(pd.concat([FRAME, FRAME[["a"]]], axis=1), **ROLES),
            "a frame of DataFrame cannot be read: Duplicate column names",
        ),
        (
            lambda: Task.from_frame({"a": [1, 2], "b": [1]}, inputs="a", target="b"),
            "a frame of dict cannot be read",
        ),
        (
            lambda: Task.from_frame(FRAME.assign(a=FRAME.a.where(FRAME.a < 2)), **ROLES),
            r"^the frame, row \d+, column 'a' is missing",
        ),
    ],
    ids=range(16),
)
def test_what_does_not_fit_is_told_without_a_folder_of_ours(make: Any, words: str) -> None:
    with pytest.raises(RnnzooError, match=words) as raised:
        make()
    assert "rnnzoo-" not in str(raised.value)


WHOLE = FRAME.assign(stage=FRAME.person % 3, ward="a")
CHANGING = FRAME.assign(price=np.arange(len(FRAME)) / 7)


@pytest.mark.parametrize(
    ("frame", "changed", "argument"),
    [
        (WHOLE, {"target": "stage"}, "target={'stage': 'category'}"),
        (CHANGING, {"target": "price"}, "per='step'"),
        (CHANGING, {"target": "price"}, "window={'length': 50, 'horizon': 1}"),
        (WHOLE, {"inputs": ["ward"]}, "{'ward': 'category', 'OTHER': 'number'}"),
        (FRAME, {"window": {"step": 3}}, "window={'length': 50, 'step': 10}"),
        (FRAME, {"window": 3}, "text, or a dictionary of `'key': 'value'`"),
        (FRAME, {"split": {"test": 3}}, "split={'test': 0.15}"),
        (FRAME, {"also": "mae"}, "also=['accuracy']"),
        (FRAME.assign(a=FRAME.a.where(FRAME.a < 2)), {},
         "missing='zero', 'forward', 'flag' or 'mask'"),
    ],
)  # fmt: skip
def test_a_fix_for_a_frame_is_an_argument(
    frame: pd.DataFrame, changed: dict[str, Any], argument: str
) -> None:
    with pytest.raises(RnnzooError) as caught:
        Task.from_frame(frame, **{**ROLES, **changed})
    assert argument in str(caught.value)
    options = r"\b(id|order|inputs|target|per|split|window|scale|missing|weight|time|also): "
    assert not re.search(options, caught.value.fix)


def test_what_a_fix_for_a_frame_says_is_taken() -> None:
    with pytest.raises(RnnzooError) as caught:
        Task.from_frame(WHOLE, **{**ROLES, "target": "stage"})
    said = re.match(r"say which: (target=\{.*?\})", caught.value.fix)
    assert said
    changed = eval(f"dict({said[1]})")
    assert Task.from_frame(WHOLE, **{**ROLES, **changed}).classes == ("0", "1", "2")


@pytest.mark.parametrize(
    ("y", "options", "words"),
    [
        (np.arange(40) + 0.5, {}, "kind='regress', if y are quantities"),
        (np.eye(6)[np.arange(40) % 6], {}, "per='sequence', or per='step'"),
        (None, {}, "kind='next_step'"),
        (np.arange(40.0), {"kind": "regress", "how": "stratified"},
         "`how='stratified'` needs classes"),
        (LABELS, {"also": 3}, "also=['accuracy']"),
    ],
)  # fmt: skip
def test_a_fix_for_arrays_is_an_argument(y: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(RnnzooError) as caught:
        Task.from_arrays(padded(), y, **options)
    assert words in str(caught.value)
    assert not re.search(r"\b(kind|per|split|validation|also): ", str(caught.value))


def test_a_warning_about_arrays_is_told_as_an_argument() -> None:
    split = np.where(np.arange(40) % 5, "train", "test")
    task = Task.from_arrays(padded(), LABELS, split=split)
    assert "`validation=0.2` for another share" in "\n".join(map(str, task.warnings))


@pytest.mark.parametrize("columns", [("a",), np.array(["a"]), FRAME.columns[1:2], {"a": "number"}])
def test_columns_of_a_frame_are_named_as_python_has_names(columns: Any) -> None:
    task = Task.from_frame(FRAME, **{**ROLES, "inputs": columns})
    assert task.digest == Task.from_frame(FRAME, **ROLES).digest


def test_a_task_that_arrays_cannot_say_is_not_saved(tmp_path: Path) -> None:
    rolls = from_arrays({"x": (padded() > 0).astype("uint8")}, {"kind": "next_step"})
    with pytest.raises(UsageError, match="bernoulli with error cannot be saved"):
        replace(rolls, metric="error").save(tmp_path / "my.npz")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"vocabulary": 5}, "a task of ids cannot be saved: `arrays` takes whole numbers for"),
        ({"ahead": True}, "a task of targets of later steps cannot be saved"),
        ({"carry": True}, "a task of states that are carried on cannot be saved"),
    ],
)
def test_a_task_that_would_be_another_in_a_file_is_not_saved(
    change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    rolls = from_arrays({"x": (padded() > 0).astype("uint8")}, {"kind": "next_step"})
    with pytest.raises(UsageError, match=words):
        replace(rolls, **change).save(tmp_path / "my.npz")
    assert not (tmp_path / "my.npz").exists()


def test_what_is_masked_is_not_read_as_what_it_hides() -> None:
    hidden = np.ma.masked_array(padded(), mask=padded() > 1)
    count = int((padded() > 1).sum())
    with pytest.raises(UsageError, match=f"{count} values of x are masked"):
        Task.from_arrays(hidden, LABELS)
    shown = np.ma.masked_array(padded(), mask=False)
    assert Task.from_arrays(shown, LABELS).digest == Task.from_arrays(padded(), LABELS).digest


def test_a_prediction_of_yes_and_no_at_each_step_is_saved_as_tags(tmp_path: Path) -> None:
    rolls = from_arrays({"x": (padded() > 0).astype("uint8")}, {"kind": "next_step"})
    path = tmp_path / "my.npz"
    rolls.save(path)
    again = tasks.load("arrays", {"file": str(path), "kind": "tag"})
    assert (again.loss, again.per, again.baselines) == (rolls.loss, "step", rolls.baselines)
    for name, split in rolls.splits.items():
        np.testing.assert_array_equal(again.splits[name].y, split.y)


def test_the_example_of_the_manual_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (DOCS / "python.md").read_text()
    section = text.partition("## Data that Python holds")[2].partition("\n## ")[0]
    (example,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    seen: list[Any] = []
    monkeypatch.setattr("rnnzoo.api.run", lambda experiment, **_: seen.append(experiment))
    exec(example, {})
    task = seen[0]["task"]
    assert rnnzoo.api.experiment_of(seen[0]).tasks[0].options["file"] == task["file"]
    assert (tmp_path / task["file"]).exists()


def test_inputs_of_a_table_are_called_by_their_columns() -> None:
    number = np.arange(60)
    frame = {
        "id": number, "pulse": np.where(number % 7, number, np.nan), "ward": number % 2,
        "label": np.array(["x", "y"])[number % 2],
    }  # fmt: skip
    inputs = {"pulse": "number", "ward": "category"}
    task = Task.from_frame(frame, id="id", inputs=inputs, target="label", missing="flag")
    names = ("pulse", "ward 0", "ward 1", "pulse missing")
    assert task.input_names == names
    assert tuple(row["name"] for row in ranges(task)) == names
    unnamed = Task.from_arrays(SEQUENCES, LABELS)
    assert [row["name"] for row in ranges(unnamed)] == ["0", "1"]


def test_a_metric_that_is_not_for_the_targets_is_refused_in_words() -> None:
    with pytest.raises(UsageError, match="the targets of 'arrays' are classes, which 'r2' is not"):
        Task.from_arrays(SEQUENCES, LABELS, metric="r2")
