"""`rnnzoo data` and `rnnzoo new experiment` on files as people have them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

from rnnzoo import tasks
from rnnzoo.api import looking
from rnnzoo.errors import RnnzooError, TaskError
from rnnzoo.spec.read_experiment import read
from rnnzoo.tasks import Task
from tests.command import rnnzoo

RNG = np.random.default_rng(0)
ROWS = [
    (person, step, round(float(RNG.normal(70, 9)), 2), ("ill", "well", "dead <b>")[person % 3])
    for person in range(60)
    for step in range(2 + person % 5)
]
NAMES = ["person", "step", "pulse", "outcome"]


def arrow() -> pa.Table:
    return pa.table(dict(zip(NAMES, map(list, zip(*ROWS)))))


def as_csv(path: Path) -> None:
    pyarrow.csv.write_csv(arrow(), path)


def as_tsv(path: Path) -> None:
    pyarrow.csv.write_csv(arrow(), path, pyarrow.csv.WriteOptions(delimiter="\t"))


def as_parquet(path: Path) -> None:
    pyarrow.parquet.write_table(arrow(), path)


def as_feather(path: Path) -> None:
    pyarrow.feather.write_feather(arrow(), str(path))


def as_ts(path: Path) -> None:
    cases = [f"{','.join(map(str, RNG.normal(size=5).round(2)))}:{'ab'[n % 2]}" for n in range(20)]
    path.write_text("@classLabel true a b\n@data\n" + "\n".join(cases) + "\n")


def as_npz(path: Path) -> None:
    np.savez(path, x=RNG.normal(size=(40, 6, 2)), y=np.array(["dog", "cat"] * 20))


def lines_within(text: str, width: int = 80) -> bool:
    return all(len(line) <= width for line in text.splitlines())


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("my.csv", as_csv),
        ("my.tsv", as_tsv),
        ("my.parquet", as_parquet),
        ("my.feather", as_feather),
        ("my.arrow", as_feather),
        ("my.ts", as_ts),
        ("my.npz", as_npz),
    ],
)
def test_an_experiment_begins_with_any_file(
    tmp_path: Path, name: str, write: Callable[[Path], None]
) -> None:
    write(tmp_path / name)
    made = rnnzoo("new", "experiment", "mine", "--data", name, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    checked = rnnzoo("check", "experiments/mine.yaml", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout
    assert "warning" not in checked.stdout
    experiment = read(tmp_path / "experiments/mine.yaml")
    task = tasks.load(
        experiment.tasks[0].name, experiment.tasks[0].options, folder=tmp_path / "experiments"
    )
    assert set(task.classes) in ({"ill", "well", "dead <b>"}, {"a", "b"}, {"dog", "cat"})


def test_what_was_guessed_stands_in_the_file_and_on_the_terminal(tmp_path: Path) -> None:
    as_csv(tmp_path / "my.csv")
    made = rnnzoo("new", "experiment", "mine", "--data", "my.csv", cwd=tmp_path)
    assert "guessed: id person (60 values; rows of a value stand together)" in made.stdout
    text = (tmp_path / "experiments/mine.yaml").read_text()
    assert "  id: person                       # 60 values; rows of a value stand together" in text
    assert "  order: step " in text
    assert "  inputs: [pulse]\n" in text
    assert "  target: outcome                  # its name; 3 classes" in text


@pytest.mark.parametrize("name", ["a" * 61, "\u00e9tude", "_mine", "a/b"])
def test_a_name_that_no_experiment_can_have_is_refused_before_there_is_a_file(
    name: str, tmp_path: Path
) -> None:
    as_csv(tmp_path / "my.csv")
    made = rnnzoo("new", "experiment", name, "--data", "my.csv", cwd=tmp_path)
    assert made.returncode == 2
    assert made.stderr == (
        f"'{name}' cannot be the name of an experiment\n"
        "  fix: use English letters, digits, `_`, `-`, `+` and `.`, a letter or digit first, at"
        " most 60\n"
    )


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    as_csv(tmp_path / "my.csv")
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments/mine.yaml").write_text("mine")
    made = rnnzoo("new", "experiment", "mine", "--data", "my.csv", cwd=tmp_path)
    assert made.returncode == 2
    assert "is there already" in made.stderr
    assert (tmp_path / "experiments/mine.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("header", "row", "words"),
    [
        (
            "person,step,a,b,c",
            "{id},{step},{a},{b},{b}",
            ["it is not clear what is to be predicted", "--target COLUMN, one of: a, b, c"],
        ),
        ("a,b", "{a},{a}", ["no column tells sequences apart", "--id COLUMN", "--order COLUMN"]),
    ],
)
def test_what_cannot_be_guessed_is_asked_for_and_nothing_is_written(
    tmp_path: Path, header: str, row: str, words: Sequence[str]
) -> None:
    values = [
        row.format(id=n // 5, step=n % 5, a=round(RNG.normal(), 3), b=n % 3) for n in range(50)
    ]
    (tmp_path / "my.csv").write_text("\n".join([header, *values]) + "\n")
    made = rnnzoo("new", "experiment", "mine", "--data", "my.csv", cwd=tmp_path)
    assert made.returncode == 2
    for words_of_one in words:
        assert words_of_one in made.stderr
    assert not (tmp_path / "experiments").exists()


def test_what_the_user_says_is_no_guess(tmp_path: Path) -> None:
    as_csv(tmp_path / "my.csv")
    asked = ("--id", "person", "--order", "step", "--target", "pulse")
    made = rnnzoo("new", "experiment", "mine", "--data", "my.csv", *asked, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "guessed" not in made.stdout.partition("look at")[0]
    text = (tmp_path / "experiments/mine.yaml").read_text()
    assert "  target: {pulse: standard} " in text
    assert "  per: step " in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("cell", "mine", "--data", "my.csv"), "--data is not for `rnnzoo new cell`"),
        (("experiment", "mine", "--extends", "lstm"), "--extends is not for"),
        (("experiment", "mine"), "on which data?"),
        (("experiment", "../mine", "--data", "my.csv"), "cannot be the name of an experiment"),
        (("experiment", "mine", "--data", "your.csv"), "did you mean 'my.csv'?"),
        (("experiment", "mine", "--data", "my.xls"), "neither data nor an experiment"),
        (("experiment", "mine", "--data", "my.npz", "--id", "a"), "holds arrays, without columns"),
        (("experiment", "mine", "--data", "my.txt", "--id", "a"), "holds text, without columns"),
    ],
)
def test_wrong_arguments_are_told(tmp_path: Path, arguments: Sequence[str], words: str) -> None:
    as_csv(tmp_path / "my.csv")
    as_npz(tmp_path / "my.npz")
    (tmp_path / "my.txt").write_text(TEXT)
    (tmp_path / "my.xls").write_text("x")
    made = rnnzoo("new", *arguments, cwd=tmp_path)
    assert made.returncode == 2
    assert words in made.stderr


# ------------------------------------------------------------------ data


def test_a_table_is_shown_with_probable_roles(tmp_path: Path) -> None:
    as_csv(tmp_path / "my.csv")
    shown = rnnzoo("data", "my.csv", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert f"my.csv: {len(ROWS)} rows, 4 columns" in shown.stdout
    assert "a sequence is what has the same person: 60 of 2 to 6 rows" in shown.stdout
    assert "rnnzoo new experiment NAME --data my.csv" in shown.stdout
    assert lines_within(shown.stdout)
    content = json.loads(rnnzoo("data", "my.csv", "--json", cwd=tmp_path).stdout)
    assert [column["role"] for column in content["columns"]] == ["id", "order", "input", "target"]
    assert content["rows"] == len(ROWS)


def test_arrays_are_shown(tmp_path: Path) -> None:
    x = RNG.normal(size=(40, 6))
    x[3, 2] = np.nan
    np.savez(tmp_path / "my.npz", x=x, y=np.arange(40) % 3, odd=np.array([None, {}]))
    shown = rnnzoo("data", "my.npz", cwd=tmp_path)
    assert "40 x 6" in shown.stdout
    assert "probably: kind: classify (y holds 3 different whole numbers" in shown.stdout
    content = json.loads(rnnzoo("data", "my.npz", "--json", cwd=tmp_path).stdout)
    by_name = {array["name"]: array for array in content["arrays"]}
    assert by_name["x"]["missing"] == 1
    assert "distinct" not in by_name["odd"]


TEXT = "to be, or not to be:\nthat is the question\n" * 30


def test_a_text_is_shown_by_its_characters_and_words(tmp_path: Path) -> None:
    (tmp_path / "my.txt").write_text(TEXT + "Z")
    shown = rnnzoo("data", "my.txt", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "my.txt: 61 lines of text" in shown.stdout
    assert "rnnzoo new experiment NAME --data my.txt" in shown.stdout
    levels = json.loads(rnnzoo("data", "my.txt", "--json", cwd=tmp_path).stdout)["levels"]
    characters, words = levels["character"], levels["word"]
    assert characters["symbols"] == len(TEXT) + 1
    assert characters["distinct"] == len(set(TEXT)) + 1
    assert characters["once"] == 1
    assert words["symbols"] == len(TEXT.split()) + TEXT.count("\n") + 1
    assert words["distinct"] == len({*TEXT.split(), "\n", "Z"})
    assert set(words["often"][:2]) == {"to", "end of a line"}


def test_an_experiment_on_a_text_begins_with_its_characters(tmp_path: Path) -> None:
    (tmp_path / "my.txt").write_text(TEXT)
    made = rnnzoo("new", "experiment", "mine", "--data", "my.txt", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    path = tmp_path / "experiments/mine.yaml"
    task = read(path).tasks[0]
    assert (task.name, task.options["level"]) == ("text", "character")
    assert "or word, of which there are 10:" in path.read_text()
    shown = rnnzoo("data", str(path), cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "one id of" in shown.stdout
    assert "deviation" not in shown.stdout  # of ids means nothing
    assert "Inputs, as a cell sees them" not in (tmp_path / "runs/data/mine.html").read_text()


def spec(folder: Path, task: str) -> Path:
    path = folder / "my.yaml"
    path.write_text(f"experiment: mine\ntask: {task}\nvariants: [lstm, rnn]\n")
    return path


def test_an_experiment_is_shown_as_it_is_loaded(tmp_path: Path) -> None:
    as_csv(tmp_path / "my.csv")
    roles = "file: my.csv, id: person, order: step, inputs: [pulse], target: outcome"
    spec(tmp_path, f"{{name: table, {roles}}}")
    shown = rnnzoo("data", "my.yaml", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "most frequent class: " in shown.stdout
    task: Task = tasks.load("table", read(tmp_path / "my.yaml").tasks[0].options, folder=tmp_path)
    content = json.loads(rnnzoo("data", "my.yaml", "--json", cwd=tmp_path).stdout)
    facts = content["tasks"]["table"]
    train = task.splits["train"]
    assert facts["splits"]["train"]["sequences"] == len(train)
    assert facts["splits"]["train"]["lengths"] == [2, float(np.median(train.lengths)), 6]
    share = 1 - train.lengths.sum() / (len(train) * train.x.shape[1])
    assert facts["splits"]["train"]["padding"] == pytest.approx(share)
    counts = np.bincount(train.y)
    assert facts["splits"]["train"]["classes"] == dict(zip(task.classes, counts.tolist()))
    page = (tmp_path / "runs/data/mine.html").read_text()
    assert page.count("<svg") == 3
    assert "dead &lt;b&gt;" in page
    assert "<b>" not in page


def test_the_next_command_asks_for_the_columns_that_are_not_known(tmp_path: Path) -> None:
    days = [f"2025-{month:02d}-{day:02d}" for month in (1, 2, 3) for day in range(1, 29)]
    rows = [f"{day},{RNG.normal():.3f}" for day in [*days, days[0]]]  # one day comes twice
    (tmp_path / "my.csv").write_text("\n".join(["day,sales", *rows]))
    shown = rnnzoo("data", "my.csv", cwd=tmp_path).stdout
    asked = "rnnzoo new experiment NAME --data my.csv --id COLUMN --target COLUMN"
    assert f"  {asked}\n  of one series, --order COLUMN in place of --id COLUMN\n" in shown
    refused = rnnzoo("new", "experiment", "mine", "--data", "my.csv", cwd=tmp_path)
    assert "--id COLUMN" in refused.stderr


def test_no_command_is_offered_for_a_table_that_cells_cannot_read(tmp_path: Path) -> None:
    table = "patient;hour;pulse;class\n1;0;3,5;a\n1;1;4,5;a\n2;0;1,5;b\n2;1;;b\n"
    (tmp_path / "my.csv").write_text(table)
    shown = rnnzoo("data", "my.csv", cwd=tmp_path).stdout
    assert "open      inputs: no column is left" in shown
    assert "rnnzoo new" not in shown


def test_what_looks_wrong_in_data_is_said(tmp_path: Path) -> None:
    np.savez(tmp_path / "my.npz", x=255 * RNG.random((40, 6)), y=np.arange(40.0) * 1e6)
    spec(tmp_path, "{name: arrays, file: my.npz, kind: regress}")
    shown = rnnzoo("data", "my.yaml", cwd=tmp_path)
    assert "cells learn from numbers near 1" in " ".join(shown.stdout.split())
    assert "mean of train" in shown.stdout
    assert "targets" in shown.stdout


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none.csv", "no file none.csv"),
        ("adding", "fix: give the file of an experiment that has this task"),
        ("empty.txt", "empty.txt is empty"),
        ("numbers.txt", "holds numbers only, which are read as a table"),
        ("my.pdf", "neither data nor an experiment"),
        ("empty.csv", "empty.csv is empty"),
        ("broken.npz", "cannot read broken.npz: it is no .npz file"),
        ("damaged.npz", "cannot read damaged.npz: it is damaged"),
        ("twice.csv", "has two columns 'a'"),
        ("blank.csv", "blank.csv has no header: its first line is empty"),
        ("mark.csv", "mark.csv has no header: its first line is empty"),
        ("below.csv", "below.csv has no header: its first line is empty"),
        ("folder", "holds no table"),
        ("parts", "parts/a.csv is empty\n  fix: write the table to it, or delete it"),
        ("pieces", "pieces/b.csv is no file, but a folder, a device"),
    ],
)
def test_files_that_are_no_data_are_told(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "empty.txt").write_text("\n ")
    (tmp_path / "numbers.txt").write_text("1.5 2 -3\n\n4,5e-3;6\n")
    (tmp_path / "my.pdf").write_text("x")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "broken.npz").write_text("x")
    np.savez_compressed(tmp_path / "damaged.npz", x=RNG.random((40, 6)))
    content = bytearray((tmp_path / "damaged.npz").read_bytes())
    content[len(content) // 2] ^= 0xFF  # behind the headers, which tell nothing of it
    (tmp_path / "damaged.npz").write_bytes(content)
    (tmp_path / "twice.csv").write_text("a,a\n1,2\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "blank.csv").write_text("\n\n")
    (tmp_path / "mark.csv").write_text("\ufeff", encoding="utf-8")
    (tmp_path / "below.csv").write_text("\na,b\n1,2\n")
    (tmp_path / "pieces/b.csv").mkdir(parents=True)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/a.csv").touch()
    shown = rnnzoo("data", name, cwd=tmp_path)
    assert shown.returncode in (1, 2)
    assert words in shown.stderr
    assert "Traceback" not in shown.stderr


@pytest.mark.parametrize(
    ("name", "write"),
    [("my.csv", as_csv), ("my.npz", as_npz), ("my_TRAIN.ts", as_ts)],
)
def test_data_that_lie_in_the_folder_of_data_sets_are_named_from_there(
    tmp_path: Path, name: str, write: Callable[[Path], None]
) -> None:
    data, project = tmp_path / "data sets", tmp_path / "project"
    (data / "load").mkdir(parents=True)
    project.mkdir()
    write(data / "load" / name)
    write(data / "load" / name.replace("TRAIN", "TEST"))
    given = f"load/{name}"
    shown = rnnzoo("data", given, cwd=project, RNNZOO_DATA=str(data))
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith(f"{given}: ")
    made = rnnzoo("new", "experiment", "mine", "--data", given, cwd=project, RNNZOO_DATA=str(data))
    assert made.returncode == 0, made.stderr
    file = read(project / "experiments/mine.yaml").tasks[0].options["file"]
    test = given.replace("TRAIN", "TEST")
    assert file == (given if test == given else {"train": given, "test": test})


def test_what_the_folder_of_data_sets_is_stands_where_a_file_is_missing(tmp_path: Path) -> None:
    as_csv(tmp_path / "my.csv")
    rnnzoo("new", "experiment", "mine", "--data", "my.csv", cwd=tmp_path)
    (tmp_path / "my.csv").unlink()
    for command in (("data", "my.csv"), ("check", "experiments/mine.yaml")):
        for named, told in (("my.yaml", "my.yaml, which is no folder"), (".", str(tmp_path))):
            done = rnnzoo(*command, cwd=tmp_path, RNNZOO_DATA=named)
            assert f"variable RNNZOO_DATA names (here {told})" in done.stdout + done.stderr


def test_arrays_that_do_not_fit_into_memory_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise MemoryError("'x' takes 900.0 GB")

    np.savez(tmp_path / "my.npz", x=RNG.random((40, 6)))
    monkeypatch.setattr(looking._npz, "read", no_room)
    with pytest.raises(TaskError, match=r"does not fit into memory: 'x' takes 900.0 GB"):
        looking.arrays(str(tmp_path / "my.npz"))


def test_overrides_are_of_experiments_only(tmp_path: Path) -> None:
    as_csv(tmp_path / "my.csv")
    shown = rnnzoo("data", "my.csv", "--set", "task.per=step", cwd=tmp_path)
    assert "my.csv is no experiment" in shown.stderr


def test_gaps_of_a_table_are_counted(tmp_path: Path) -> None:
    lines = [",".join(map(str, row)) for row in ROWS]
    lines[3] = lines[3].replace(str(ROWS[3][2]), "")
    (tmp_path / "my.csv").write_text("\n".join([",".join(NAMES), *lines]) + "\n")
    roles = "file: my.csv, id: person, inputs: [pulse], target: outcome, missing: zero"
    spec(tmp_path, f"{{name: table, {roles}}}")
    shown = rnnzoo("data", "my.yaml", cwd=tmp_path)
    assert f"missing in the table: pulse 1 of {len(ROWS)}\n" in shown.stdout


ODD = {
    "lists": [[row] for row in range(60)],
    "tables": [{"a": row} for row in range(60)],
    "bytes": [b"\xff"] * 60,
    "infinite": [*range(59), float("inf")],
    "times of day": [time(row % 24) for row in range(60)],
    "durations": [timedelta(row) for row in range(60)],
}


def ward(**more: list[Any]) -> pa.Table:
    return pa.table({
        "person": [row // 3 for row in range(60)], "step": [row % 3 for row in range(60)],
        "pulse": [row % 7 / 8 for row in range(60)], **more,
        "label": ["ab"[row // 3 % 2] for row in range(60)],
    })  # fmt: skip


@pytest.mark.parametrize("kind", ODD)
def test_a_column_that_cannot_be_used_hides_none_of_the_others(tmp_path: Path, kind: str) -> None:
    pyarrow.parquet.write_table(ward(odd=ODD[kind]), tmp_path / "my.parquet")
    pyarrow.parquet.write_table(ward(), tmp_path / "plain.parquet")
    done = rnnzoo("data", "my.parquet", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    columns = {column["name"]: column for column in json.loads(done.stdout)["columns"]}
    plain = json.loads(rnnzoo("data", "plain.parquet", "--json", cwd=tmp_path).stdout)["columns"]
    odd = columns.pop("odd")
    assert [*columns.values()] == plain
    assert (odd["holds"], odd["role"]) == ("unreadable", "not used")
    assert odd["wrong"]["problem"].startswith("my.parquet, row ")
    assert "column 'odd'" in odd["wrong"]["problem"]
    shown = rnnzoo("data", "my.parquet", cwd=tmp_path).stdout
    assert f"  warning: {odd['wrong']['problem']}\n    fix: {odd['wrong']['fix']}\n" in shown
    assert "  not used  odd: it cannot be read\n" in shown


def test_a_task_refuses_a_column_that_cannot_be_used_where_it_needs_it(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(ward(odd=ODD["lists"]), tmp_path / "my.parquet")
    made = rnnzoo("new", "experiment", "mine", "--data", "my.parquet", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    text = (tmp_path / "experiments/mine.yaml").read_text()
    assert "  # not used: odd (it cannot be read)\n" in text
    options = read(tmp_path / "experiments/mine.yaml").tasks[0].options
    tasks.load("table", options, folder=tmp_path / "experiments")
    with pytest.raises(TaskError, match="column 'odd': it holds list"):
        tasks.load("table", {**options, "inputs": ["odd"]}, folder=tmp_path / "experiments")
    asked = ("--data", "my.parquet", "--target", "odd")
    refused = rnnzoo("new", "experiment", "other", *asked, cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.startswith("my.parquet, row 1, column 'odd': it holds list")
    assert "(--target)" in refused.stderr


def test_text_of_another_encoding_is_that_of_its_column(tmp_path: Path) -> None:
    rows = [
        f"{number // 3},{number % 3},{number / 7},{'ab'[number // 3 % 2]},caf\u00e9"
        for number in range(60)
    ]
    text = "\n".join(["person,step,pulse,label,note", *rows])
    (tmp_path / "my.csv").write_text(text, encoding="latin-1")
    done = rnnzoo("data", "my.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "  not used  note: it cannot be read\n" in done.stdout
    assert "  warning: my.csv is not UTF-8 text\n    fix: save it as UTF-8\n" in done.stdout
    options = {"file": "my.csv", "id": "person", "inputs": ["pulse"], "target": "label"}
    assert tasks.load("table", options, folder=tmp_path).classes == ("a", "b")
    with pytest.raises(TaskError, match=r"my\.csv is not UTF-8 text"):
        tasks.load("table", {**options, "split": {"by": "note"}}, folder=tmp_path)
    (tmp_path / "all.csv").write_text("caf\u00e9,b\n1,2\n", encoding="latin-1")
    refused = rnnzoo("data", "all.csv", cwd=tmp_path)
    assert (refused.returncode, refused.stderr) == (
        1, "all.csv is not UTF-8 text\n  fix: save it as UTF-8\n",
    )  # fmt: skip


def test_a_column_without_a_name_is_called_by_its_place(tmp_path: Path) -> None:
    rows = [f"{row},{row // 5},{row % 5 / 7},{row % 3}" for row in range(50)]
    (tmp_path / "my.csv").write_text("\n".join([",person,a,b", *rows]))
    shown = rnnzoo("data", "my.csv", cwd=tmp_path).stdout
    assert "\ncolumn 1 (no name)  whole numbers" in shown
    assert "column 1 (no name): " in shown.partition("probably:")[2]
    asked = rnnzoo("new", "experiment", "mine", "--data", "my.csv", cwd=tmp_path).stderr
    assert "--target COLUMN, one of: column 1 (no name), a, b" in asked
    for options, fix in (
        ({"inputs": ["a"]}, "columns of: column 1 (no name), person, a, b"),
        ({"inputs": ["x"], "target": "b"}, "one of: a, b, column 1 (no name), person"),
    ):
        with pytest.raises(RnnzooError) as caught:
            tasks.load("table", {"file": "my.csv", "id": "person", **options}, folder=tmp_path)
        assert caught.value.fix == fix
    rows[7] = "x,1,0.1,1"
    (tmp_path / "my.csv").write_text("\n".join([",person,a,b", *rows]))
    options = {"file": "my.csv", "id": "person", "inputs": [""], "target": {"b": "category"}}
    with pytest.raises(TaskError, match=r"^my\.csv, row 9, column 1 \(no name\) holds 'x'"):
        tasks.load("table", options, folder=tmp_path)
