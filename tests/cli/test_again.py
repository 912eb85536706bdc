"""`rnnzoo train SPEC --variant V --trial N`: what a dot of a report stands for, run again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rnnzoo.api.again import again
from rnnzoo.errors import UsageError
from rnnzoo.spec.read_experiment import read
from tests.command import rnnzoo


def test_a_trial_trains_again_to_the_scores_that_it_had(swept: Path) -> None:
    best = json.loads(rnnzoo("best", "small.yaml", "--variant", "rnn", "--json", cwd=swept).stdout)
    number = str(best["trial"])
    done = rnnzoo("train", "small.yaml", "--variant=rnn", "--trial", number, "--json", cwd=swept)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["scores"] == best["scores"]
    assert (swept / f"runs/train/small-rnn-{number}/model.keras").is_file()


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
