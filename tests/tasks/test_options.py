"""Options of tasks in an experiment: all that is wrong with them is told by `check`, with its
place, and no data is loaded.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.cli import main
from rnnzoo.errors import Mistake, SpecError
from rnnzoo.spec.read_experiment import read
from rnnzoo.sweep import open as door
from rnnzoo.sweep.open import checked


def mistakes(folder: Path, task: str, *sets: str) -> tuple[Mistake, ...]:
    """What is wrong with an experiment on a task."""
    path = folder / "spec.yaml"
    path.write_text(f"experiment: e\ntask: {task}\nvariants: [rnn]\n")
    with pytest.raises(SpecError) as caught:
        checked(read(path, sets))
    return caught.value.mistakes


@pytest.mark.parametrize(
    ("task", "marked", "problem"),
    [
        ("{name: adding, lenght: 3}", "lenght", "has no option 'lenght'"),
        ("{name: chorales, key: C}", "key", "has no option 'key'"),
        ("{name: adding, length: long}", "length", "must be a whole number"),
        ("{name: adding, train: 0}", "train", "at least 1"),
        ("{name: adding, length: 1}", "length", "at least 2"),
        ("{name: temporal_order, length: 9}", "length", "at least 10"),
        ("{name: copy_memory, length: 0}", "length", "at least 1"),
        ("{name: arrays}", "arrays", "needs a file"),
        ("{name: arrays, file: 3}", "file", "must be text"),
        ("{name: arrays, file: my.npz, kind: guess}", "kind", "no kind 'guess'"),
        ("{name: arrays, file: nothing.npz}", "file", "no file nothing.npz"),
        ("{name: arrays, file: my.npz, kind: classify}", "file", "has no array 'y'"),
    ],
)
def test_a_wrong_option_is_told_with_its_place(
    tmp_path: Path, task: str, marked: str, problem: str
) -> None:
    np.savez(tmp_path / "my.npz", x=np.zeros((30, 4, 1)))
    (mistake,) = mistakes(tmp_path, task)
    assert problem in mistake.problem
    assert mistake.span.line == 2
    assert mistake.span.text[mistake.span.column - 1 :].startswith(marked)


def test_all_of_them_come_in_one_go_with_those_of_cells(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "name: mine\nequations: |\n  h = tanh(W @ x + R @ h[t-1]) + q\n"
    )
    path = tmp_path / "spec.yaml"
    path.write_text(
        "experiment: e\n"
        "tasks: [{name: adding, lenght: 3}, {name: arrays, fiel: x, kindd: 3}]\n"
        "variants: [mine]\n"
    )
    with pytest.raises(SpecError) as caught:
        checked(read(path))
    assert [mistake.problem.split("'")[-2] for mistake in caught.value.mistakes] == [
        "q",
        "lenght",
        "fiel",
        "kindd",
    ]


def test_check_opens_no_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "my.npz", x=np.full((30, 4, 1), np.nan))
    (tmp_path / "spec.yaml").write_text(
        "experiment: e\ntask: {name: arrays, file: my.npz, kind: next_step}\nvariants: [rnn]\n"
    )
    monkeypatch.setattr(np, "load", None)
    assert main(["check", str(tmp_path / "spec.yaml")]) == 0
    assert "is right" in capsys.readouterr().out


def test_a_path_in_a_file_starts_at_the_file_and_one_of_the_command_line_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    for place, inputs in (("here", 1), ("there", 2)):
        (tmp_path / place).mkdir()
        np.savez(tmp_path / place / "my.npz", x=rng.normal(size=(30, 4, inputs)))
    spec = tmp_path / "there" / "spec.yaml"
    spec.write_text(
        "experiment: e\ntask: {name: arrays, file: my.npz, kind: next_step}\nvariants: [rnn]\n"
    )
    monkeypatch.chdir(tmp_path / "here")
    assert door.opened(spec).tasks["arrays"].inputs == 2
    ours = door.opened(spec, ["task.file=my.npz"])
    assert ours.tasks["arrays"].inputs == 1
    assert ours.experiment.tasks[0].options["file"] == os.path.join("..", "here", "my.npz")
    absolute = tmp_path / "there" / "my.npz"
    assert door.opened(spec, [f"task.file={absolute}"]).tasks["arrays"].inputs == 2


def test_an_empty_option_means_the_default(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("experiment: e\ntask: {name: adding, length: }\nvariants: [rnn]\n")
    assert read(path).tasks[0].options == {}
    checked(read(path))


def test_warnings_stand_in_the_note_of_a_report_and_beside_the_data(tmp_path: Path) -> None:
    np.savez(tmp_path / "my.npz", x=np.random.default_rng(0).normal(size=(30, 4)) * 1e3)
    path = tmp_path / "spec.yaml"
    path.write_text(
        "experiment: e\ntask: {name: arrays, file: my.npz, kind: next_step}\nvariants: [rnn]\n"
    )
    opened = door.opened(path)
    shuffled, scale = opened.warnings["arrays"]
    assert "by a shuffle" in shuffled.problem
    assert "nothing is scaled here" in scale.problem
    assert opened.tasks["arrays"].note == (
        f"Warning: {shuffled.problem}; {shuffled.fix}. Warning: {scale.problem}; {scale.fix}."
    )
    assert opened.studies[0].parts == door.opened(path).studies[0].parts
    bare = tasks.load("arrays", {"file": "my.npz", "kind": "next_step"}, folder=tmp_path)
    assert bare.note == ""
    assert bare.digest == opened.tasks["arrays"].digest


def test_names_of_classes_stand_in_the_note_of_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "experiments" / "tasks" / "signs.py"
    file.parent.mkdir(parents=True)
    file.write_text(
        """
import numpy as np
from rnnzoo.tasks import SPLITS, Split, Task

OPTIONS = {}
ABOUT = "the sign of the last number"


def load(options, seed, folder, progress):
    x = np.random.default_rng(seed).normal(size=(9, 4, 1)).astype("float32")
    split = Split(x, (np.arange(9) % 2).astype("int32"), np.full(9, 4, "int32"))
    return Task("signs", dict.fromkeys(SPLITS, split), "categorical", "sequence", 2, "error",
                "share", classes=("minus", "plus"))
"""
    )
    path = tmp_path / "spec.yaml"
    path.write_text("experiment: e\ntask: signs\nvariants: [rnn]\n")
    assert door.opened(path).tasks["signs"].note == "Classes: minus, plus."


def test_plan_says_how_data_were_read_and_what_is_probably_not_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("my.npz", x=np.random.default_rng(0).integers(0, 9, (30, 4)))
    Path("spec.yaml").write_text(
        "experiment: e\ntask: {name: arrays, file: my.npz, kind: next_step}\nvariants: [rnn]\n"
    )
    assert main(["plan", "spec.yaml", "--no-measure"]) == 0
    told = capsys.readouterr().out
    assert "21 train, 5 validation, 4 test sequences" in told
    assert told.count("warning: ") == 2
    assert "fix: if they name things" in told
