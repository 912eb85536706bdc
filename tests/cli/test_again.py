"""`rnnzoo train SPEC --variant V --trial N`: what a dot of a report stands for, run again."""

from __future__ import annotations

import io
import json
import shutil
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rnnzoo.api.again import again
from rnnzoo.cli import models
from rnnzoo.errors import UsageError
from rnnzoo.spec.read_experiment import read
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial
from rnnzoo.terminal.console import PlainConsole
from tests.command import rnnzoo


def test_an_epoch_is_the_best_so_far_where_its_weights_are_kept() -> None:
    lines: list[str] = []
    console: Any = SimpleNamespace(print=lines.append)
    for score in (0.5, 0.4):  # the second epoch has the lower score, and the higher loss
        models._print_epoch(Progress(1, 2, score, best=0.5), console)
    assert [line.endswith("  best so far") for line in lines] == [True, False]


def test_what_a_training_gave_is_a_line_for_programs_that_look_for_one() -> None:
    trial = Trial("e", "lstm", "", "adding", 0, {}, seed=1, folder="runs/train/of/a/long/name")
    outcome = Outcome(Kind.COMPLETE, scores={"validation": 0.25, "test": 0.5}, best_epoch=7)
    console = PlainConsole(file=io.StringIO(), width=40)
    args = Namespace(save=None, json=False)
    assert models._show_outcome(outcome, trial, args, console) == 0
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]  # a StringIO
    assert lines[1].startswith("lstm on adding: validation 0.2500, test 0.5000  (weights of epoch")
    assert lines[2:] == [f"model   {trial.model}"]


def test_a_trial_trains_again_to_the_scores_that_it_had(swept: Path) -> None:
    best = json.loads(rnnzoo("best", "small.yaml", "--variant", "rnn", "--json", cwd=swept).stdout)
    number = str(best["trial"])
    done = rnnzoo("train", "small.yaml", "--variant=rnn", "--trial", number, "--json", cwd=swept)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["scores"] == best["scores"]
    assert (swept / f"runs/train/small-rnn-{number}/model.keras").is_file()


def test_a_trial_says_what_it_was_run_with_that_is_not_here(
    swept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(swept)
    known = again(read(Path("small.yaml")), "rnn", "", 0, lambda text, warning: None)
    assert known.setups
    assert known.differences() == []
    (setup, *_) = known.setups
    of_then = {**setup, "processor": "Z80, 1 core", "commit": "f00", "valves": "12"}
    older = replace(known, setups=[{**of_then, "Python": "2.7"}, of_then])
    assert older.differences() == [f"processor Z80, 1 core then, {setup['processor']} here"]


CHANGED = ("--set", "task.length=6", "--set", "search.trials=1")


def test_a_trial_of_a_changed_experiment_is_found_among_the_studies_that_this_names(
    swept: Path, tmp_path: Path
) -> None:
    swept = shutil.copytree(swept, tmp_path / "again")
    missing = rnnzoo("train", "small.yaml", "--variant=rnn", "--trial=0", *CHANGED, cwd=swept)
    assert missing.returncode == 2
    assert missing.stderr == (
        "no trial 0 of 'rnn' has ended on adding\n"
        "  fix: rnnzoo status small.yaml --set task.length=6 --set search.trials=1\n"
    )
    assert rnnzoo("sweep", "small.yaml", *CHANGED, cwd=swept).returncode == 0
    best = rnnzoo("best", "small.yaml", "--variant=rnn", "--json", *CHANGED, cwd=swept)
    done = rnnzoo(
        "train", "small.yaml", "--variant=rnn", "--trial=0", "--json", *CHANGED, cwd=swept
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["scores"] == json.loads(best.stdout)["scores"]
    plain = rnnzoo("train", "small.yaml", "--variant=rnn", "--trial=0", "--json", cwd=swept)
    assert json.loads(plain.stdout)["scores"] != json.loads(best.stdout)["scores"]


@pytest.mark.parametrize(
    ("variant", "task", "index", "problem"),
    [
        ("rnm", "", 0, "no variant 'rnm' in this experiment"),
        ("rnn~round", "", 0, "no variant 'rnn~round' in this experiment"),
        ("rnn", "addin", 0, "no task 'addin' in this experiment"),
        ("rnn", "", 99, "no trial 99 of 'rnn' has ended on adding"),
    ],
)
def test_a_trial_that_was_not_run_is_said_to_be_none(
    swept: Path,
    monkeypatch: pytest.MonkeyPatch,
    variant: str,
    task: str,
    index: int,
    problem: str,
) -> None:
    monkeypatch.chdir(swept)
    with pytest.raises(UsageError, match=problem):
        again(read(Path("small.yaml")), variant, task, index, lambda text, warning: None)


def test_a_variant_without_a_trial_is_not_passed_over(tmp_path: Path) -> None:
    done = rnnzoo("train", "small.yaml", "--variant", "rnn", "--task", "adding", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "which trial of that variant?\n  fix: --trial N; a cell alone has no variants\n"
    )
