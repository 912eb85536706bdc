"""A task by the path of its file: `task: ./tasks/mine.py`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import pytest

from rnnzoo import tasks
from rnnzoo.cli import main
from rnnzoo.cli.models import single_trial
from rnnzoo.errors import SpecError, UsageError
from rnnzoo.spec.read_experiment import read
from rnnzoo.sweep import open as door

MINE = '''\
"""Whether the first bit is set."""

import pathlib

import numpy as np

from rnnzoo.tasks import Split, Task

pathlib.Path("was_run").touch()
OPTIONS = {"length": 5}
ABOUT = "whether the first bit is set"
SOLVABLE = True


def load(options, seed, folder, progress):
    rng = np.random.default_rng(seed)

    def split(count):
        x = rng.integers(0, 2, (count, options["length"], 1)).astype("float32")
        lengths = np.full(count, options["length"], np.int32)
        return Split(x, x[:, 0, 0].astype("int32"), lengths)

    splits = {"train": split(20), "validation": split(8), "test": split(8)}
    return Task("another name", splits, "categorical", "sequence", 2, "error", "share", solved=0.0)
'''
SPEC = "experiment: e\ntask: {task}\nvariants: [rnn, lstm]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments/tasks").mkdir(parents=True)
    (tmp_path / "experiments/own").mkdir()
    (tmp_path / "experiments/own/mine.py").write_text(MINE)
    return tmp_path


def spec(folder: Path, task: str) -> Path:
    path = folder / "experiments/e.yaml"
    path.write_text(SPEC.format(task=task))
    return path


def test_a_path_names_a_task_and_trials_find_its_data(folder: Path) -> None:
    opened = door.loaded(read(spec(folder, "./own/mine.py")))
    task = opened.tasks["mine"]
    assert task.splits["train"].x.shape == (20, 5, 1)
    trial = opened.studies[0].trial(0, {}, folder)
    assert tasks.prepared(trial.task, trial.task_options, trial.data) is not None


def test_one_path_is_one_task_however_it_is_written(folder: Path) -> None:
    plain = door.loaded(read(spec(folder, "own/mine.py")))
    dotted = door.loaded(read(spec(folder, "{name: ./own/mine.py, length: 5}")))
    assert plain.tasks["mine"].digest == dotted.tasks["mine"].digest
    assert plain.experiment.tasks[0].name == dotted.experiment.tasks[0].name == "own/mine.py"


def test_other_code_that_makes_other_data_is_another_task(folder: Path) -> None:
    before = door.loaded(read(spec(folder, "./own/mine.py"))).studies[0].identity
    (folder / "experiments/own/mine.py").write_text(MINE.replace("x[:, 0, 0]", "x[:, 1, 0]"))
    assert door.loaded(read(spec(folder, "./own/mine.py"))).studies[0].identity != before


def test_a_file_that_changed_within_a_second_to_one_of_the_same_size_is_read_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    file = folder / "experiments/own/mine.py"
    identities = []
    for step in (1, 2):
        file.write_text(MINE.replace("x[:, 0, 0]", f"x[:, {step}, 0]"))
        os.utime(file, ns=(10**18 + step, 10**18 + step))  # nanoseconds apart
        identities.append(door.loaded(read(spec(folder, "./own/mine.py"))).studies[0].identity)
    assert identities[0] != identities[1]
    assert not file.with_name("__pycache__").exists()


def test_check_runs_no_file_and_looks_at_its_options(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = spec(folder, "{name: ./own/mine.py, lenght: 5}")
    assert main(["check", str(path)]) == 2
    said = capsys.readouterr().out
    assert "task 'mine' has no option 'lenght'" in said
    assert "did you mean 'length'?" in said
    path = spec(folder, "{name: ./own/mine.py, length: 7}")
    assert main(["check", str(path)]) == 0
    assert not (folder / "was_run").exists()
    door.loaded(read(path))
    assert (folder / "was_run").exists()


def test_a_file_says_whether_it_can_be_solved_without_being_run(folder: Path) -> None:
    path = spec(folder, "./own/mine.py\nclaims: [rnn solves mine more often than lstm]")
    assert read(path).claims[0].task == "mine"
    assert not (folder / "was_run").exists()
    unsolved = folder / "experiments/own/mine.py"
    unsolved.write_text(MINE.replace("SOLVABLE = True", ""))
    with pytest.raises(SpecError, match="mine"):
        read(path)


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("./own/mnie.py", "no file ./own/mnie.py"),
        ("./own/mnie.py", "did you mean 'own/mine.py'?"),
        ("nowhere/x.py", "task: ./tasks/mine.py"),
        ("./experiments/own/e.py", "task: ./tasks/mine.py"),
        ("tasks/top.py", "did you mean '../tasks/top.py'?"),
        ("top", "write its path, ../tasks/top.py: a name is looked for in experiments/tasks"),
        ("{name: beside, length: 5}", "write its path, ./beside.py: a name"),
        ("../../outside.py", "lies outside of the project"),
    ],
)
def test_a_path_that_names_no_task_is_told_with_its_place(
    folder: Path, task: str, words: str
) -> None:
    (folder / "tasks").mkdir()
    for path in ("../outside.py", "tasks/top.py", "experiments/beside.py"):
        (folder / path).write_text(MINE)
    with pytest.raises(SpecError) as raised:
        read(spec(folder, task))
    assert words in str(raised.value)
    assert "experiments/e.yaml:2:" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def load(:\n", "own/mine.py, line 1 cannot be read"),
        (MINE.replace("OPTIONS", "OPTION"), "it has no `OPTIONS`"),
        (MINE.replace("import numpy as np", "import numpyy as np"), "cannot be imported"),
    ],
)
def test_a_file_that_is_no_task_is_told(folder: Path, text: str, words: str) -> None:
    (folder / "experiments/own/mine.py").write_text(text)
    path = spec(folder, "./own/mine.py")
    assert main(["plan", str(path), "--no-measure"]) == 2
    with pytest.raises(Exception, match=words.replace("(", r"\(")):
        door.loaded(read(path))


def test_one_training_takes_a_path_from_the_current_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = argparse.Namespace(task="own/mine.py", cell="lstm", set=["task.length=7"])
    monkeypatch.chdir(folder / "experiments")
    trial = single_trial(asked, "")
    assert (trial.task, trial.task_options) == ("own/mine.py", {"length": 7})
    (folder / "experiments/my.csv").touch()
    asked.task = "my.csv"
    with pytest.raises(UsageError, match=r"`rnnzoo new experiment NAME --data my.csv`"):
        single_trial(asked, "")
    asked.task = "own/mnie.py"
    with pytest.raises(UsageError, match=r"own/mnie.py: no such file"):
        single_trial(asked, "")


def test_what_a_file_states_of_its_loss_decides_which_metrics_are_for_it(folder: Path) -> None:
    (folder / "experiments/own/mine.py").write_text(MINE + '\nLOSS = "categorical"\n')
    with pytest.raises(SpecError, match="the targets of 'mine' are classes, which 'mae' is not"):
        tasks.check_spec(read(spec(folder, "{name: ./own/mine.py, metric: mae}")))
    assert not (folder / "was_run").exists()
