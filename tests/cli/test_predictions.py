"""What a trained model answers: against answers that are known, of a model that is none."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnnzoo
from rnnzoo import tasks
from rnnzoo.cli import main
from rnnzoo.cli import predictions as command
from rnnzoo.errors import UsageError
from rnnzoo.nn import predictions as of_model
from rnnzoo.spec.trial import Trial
from rnnzoo.tasks import Task

SMALL = {"train": 20, "valid": 8, "test": 12}
OPTIONS: dict[str, dict[str, Any]] = {
    "flip_flop": {"length": 8, **SMALL},  # classes, of steps some of which count
    "parity": {"length": 6, "answer": "sequence", **SMALL},  # of sequences of unequal lengths
    "touch_tones": {"digits": 3, "noise": 0, **SMALL},
    "adding": {"length": 5, **SMALL},
    "word_problem": {"length": 5, "group": "S4", **SMALL},  # more classes than fit a table
}


def logits(task: Task) -> Any:
    """What a model says that knows nothing but its inputs: numbers that follow from each step."""
    weights = np.random.default_rng(1).normal(size=(task.inputs, task.outputs))

    def model(x: Any) -> np.ndarray:
        steps = np.asarray(x, float) @ weights
        return steps if task.answers_steps else steps.sum(1)

    return model


@pytest.mark.parametrize("name", OPTIONS)
def test_each_answer_is_that_of_its_sequence_alone(name: str) -> None:
    task = tasks.load(name, OPTIONS[name])
    split, model = task.splits["test"], logits(task)
    answers = of_model.predictions(model, task)
    assert [answer.sequence for answer in answers] == [*range(len(split))]
    for answer in answers:
        length = split.lengths[answer.sequence]
        alone = model(split.x[answer.sequence : answer.sequence + 1, :length])[0]
        counts = np.array([length - 1])
        if task.per == "step":
            weights = np.ones(length) if split.weights is None else split.weights[answer.sequence]
            counts = np.flatnonzero(weights)
            alone = alone[counts]
        np.testing.assert_array_equal(answer.steps, counts)
        if task.targets == "classes":
            np.testing.assert_array_equal(answer.answered, np.atleast_1d(alone.argmax(-1)))
        elif task.targets == "numbers":
            np.testing.assert_allclose(answer.answered[0], alone)


def test_what_is_heard_without_noise_is_spelt_as_it_is_dialled() -> None:
    task = tasks.load("touch_tones", {**OPTIONS["touch_tones"], "train": 300})
    keys: dict[bytes, int] = {}  # the label of what sounds
    train = task.splits["train"]
    for x, y in zip(train.x, train.y):
        sounds = [key for key, _ in groupby(map(np.ndarray.tobytes, x)) if any(key)]
        keys |= zip(sounds, y.tolist())

    def model(x: Any) -> np.ndarray:
        paths = [[keys.get(step.tobytes(), 0) for step in sequence] for sequence in np.asarray(x)]
        return np.eye(task.outputs)[paths]

    for answer in of_model.predictions(model, task):
        (heard,), (dialled,) = answer.answered, answer.asked
        np.testing.assert_array_equal(heard[heard > 0], dialled[dialled > 0])


def test_states_that_are_carried_are_refused() -> None:
    task = replace(tasks.load("flip_flop", OPTIONS["flip_flop"]), carry=True)
    with pytest.raises(UsageError, match="carries states from window to window"):
        of_model.predictions(logits(task), task)


@pytest.fixture(params=OPTIONS)
def task(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Task:
    """Of which a model is asked."""
    name = request.param
    loaded = tasks.load(name, OPTIONS[name])
    trial = Trial("e", "lstm", "", name, 3, {}, seed=1, task_options=OPTIONS[name])
    monkeypatch.setattr(command, "kept_model", lambda args, folder: (trial, folder / "m.keras"))
    monkeypatch.setattr(rnnzoo, "load_model", lambda file: logits(loaded))
    monkeypatch.chdir(tmp_path)
    return loaded


def rows_of_table(shown: str) -> list[str]:
    """The rows of the table that is shown, which stands between two empty lines."""
    _, *rows = shown.split("\n\n")[1].splitlines()
    return [row for row in rows if not row.startswith("  and ")]


def distinct(rows: list[dict[str, str]], task: Task) -> list[Any]:
    """What the table of a task has a row for."""
    if task.targets != "classes":
        return rows
    if task.outputs <= command.MOST_CLASSES:
        return [*range(task.outputs)]
    pairs = {(row["asked"], row["answered"]) for row in rows}
    return [pair for pair in pairs if pair[0] != pair[1]]


def test_they_are_shown_and_written_for_each_kind_of_target(
    task: Task, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["predictions", "e.yaml", "--variant", "lstm"]
    assert main(asked) == 0
    assert "\n--out FILE writes all answers, a row for each\n" in capsys.readouterr().out
    assert main([*asked, "--out", "all.csv"]) == 0
    shown = capsys.readouterr().out
    assert f"lstm on {task.name}, trial 3: " in shown
    assert max(map(len, shown.splitlines())) <= 80
    with Path("all.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert f"{len(rows)} answers on test" in shown
    assert "\nall answers  all.csv\n" in shown
    left_out = len(rows_of_table(shown)) < len(distinct(rows, task))
    assert ("  and " in shown and " more\n" in shown) == left_out
    if left_out:
        (more,) = re.findall(r"^  and (\d+) (?:answers?|kinds? of mistake) more$", shown, re.M)
        assert int(more) + len(rows_of_table(shown)) == len(distinct(rows, task))
    assert main([*asked, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [row["answered"] for row in rows] == [
        answer["answered"] for answer in content["answers"]
    ]
    if task.targets == "classes":
        right = sum(row["asked"] == row["answered"] for row in rows)
        assert f"{right} of {len(rows)} are right" in shown
        assert np.trace(content["counts"]) == right
        assert np.sum(content["counts"]) == len(rows)
    assert main([*asked, "--out", "all.csv"]) == 2
    assert "all.csv is there already" in capsys.readouterr().err
    assert main([*asked, "--out", "all.csv", "--force"]) == 0
