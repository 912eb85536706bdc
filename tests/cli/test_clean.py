"""`rnnzoo clean`: says first, deletes where it is told to, and keeps what is needed."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from rnnzoo.cli.clean import sharers
from rnnzoo.spec.experiment import Search, Space
from rnnzoo.spec.trial import StudyKey
from rnnzoo.sweep import open as door
from rnnzoo.sweep.search import Store
from tests.command import rnnzoo


@pytest.fixture
def copied(swept: Path, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(swept, tmp_path / "swept"))
    file = json.dumps(str((folder / "small.yaml").resolve()))
    with closing(sqlite3.connect(folder / "runs" / "optuna.db")) as database:
        database.execute(
            "update study_user_attributes set value_json = ? where key = 'file'", [file]
        )
        database.commit()
    return folder


def models(folder: Path) -> list[Path]:
    return sorted(folder.glob("runs/small/trials/**/model.keras"))


def test_models_that_are_not_the_best_go_where_it_is_said_so(copied: Path) -> None:
    mine = copied / "runs" / "small" / "trials" / "notes.txt"
    mine.write_text("mine")
    before = models(copied)
    said = rnnzoo("clean", "small.yaml", cwd=copied)
    assert said.returncode == 0, said.stderr
    assert "models that are not the best  4 files of 4 trials" in said.stdout
    assert "nothing is deleted: `rnnzoo clean small.yaml --yes` does" in said.stdout
    assert models(copied) == before
    content = json.loads(rnnzoo("clean", "small.yaml", "--json", "--yes", cwd=copied).stdout)
    assert content["deleted"]
    assert len(content["files"]) == 4
    assert len(models(copied)) == 2
    assert mine.exists()
    for variant in ("rnn", "gated"):
        best = rnnzoo("best", "small.yaml", "--variant", variant, "--json", cwd=copied)
        assert (copied / json.loads(best.stdout)["model"]).is_file()
    again = rnnzoo("clean", "small.yaml", "--yes", cwd=copied)
    nothing, kept = again.stdout.splitlines()
    assert nothing == "nothing to delete in runs/small/trials"
    assert kept.startswith("kept: the states of 6 finished trainings, ")
    states = list(copied.glob("runs/small/trials/**/state.npz"))
    assert len(states) == 6
    without = rnnzoo("clean", "small.yaml", "--states", "--yes", cwd=copied)
    assert without.stdout.startswith("states of finished trainings  6 files of 6 trials, ")
    assert not any(file.exists() for file in states)


def test_an_experiment_that_may_go_on_from_states_is_named(copied: Path) -> None:
    store = Store(f"sqlite:///{copied / 'runs' / 'optuna.db'}")
    for name, (attributes, _) in store.editions("small").items():
        other = name.replace("small/", "other/", 1)
        store.study(other, {**attributes, "file": "/elsewhere/other.yaml"}, Search())
    said = rnnzoo("clean", "small.yaml", cwd=copied)
    assert said.stdout.splitlines()[-1] == (
        "with `sweep --share` trials of 'other' may go on from these states, too"
    )
    first = StudyKey.parse(next(iter(store.editions("small"))))
    mine = store.ended(str(first))[0]
    theirs = store.study(str(replace(first, experiment="other")), attributes, Search())
    number, _ = theirs.ask(0, mine.trial.hyperparameters, Space())
    theirs.tell(number, replace(mine.trial, seed=mine.trial.seed + 1), mine.outcome)
    assert sharers(door.opened(copied / "small.yaml"), store) == []


def test_without_a_storage_nothing_is_known_to_be_needed(tmp_path: Path, swept: Path) -> None:
    shutil.copy(swept / "small.yaml", tmp_path)
    done = rnnzoo("clean", "small.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "nothing has been run yet\n  fix: rnnzoo sweep small.yaml\n"
