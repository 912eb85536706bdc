"""A training that waits and goes on in another process ends as one that did not wait; and one that
has ended, and goes on with more epochs, as one that had them from the start.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.lang.text import cell_text
from rnnzoo.launchers import Tell
from rnnzoo.nn import epochs as module
from rnnzoo.nn.checkpoint import Course
from rnnzoo.nn.epochs import Ended
from rnnzoo.nn.train import train
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.trial import Ending, Kind, Outcome, Progress, Trial
from tests.results import result_of
from tests.samples import slow

# all that changes from epoch to epoch: orders, noise, the schedule, the optimiser's averages
TRAINING = Training(epochs=5, batch=16, schedule="halve", plateau=1, weight_noise=0.01, noise=0.1)
TRIAL = Trial(
    "e", "rnn", cell_text(lang.load("rnn")), "adding", 0,
    {"units": 4, "learning_rate": 0.02, "dropout": 0.2, "recurrent_dropout": 0.1},
    seed=3, training=TRAINING, task_options={"length": 8, "train": 48, "valid": 16, "test": 16},
)  # fmt: skip


def go_on(progress: Progress) -> bool:
    return True


@pytest.fixture(scope="module")
def whole() -> Outcome:
    return train(TRIAL, go_on)


@pytest.fixture(scope="module")
def trained_in_part(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A trial that waits after its second epoch."""
    trial = replace(TRIAL, folder=str(tmp_path_factory.mktemp("waiting")))
    outcome = train(replace(trial, until=2), go_on)
    assert (outcome.kind, outcome.waits, outcome.final) == (Kind.PRUNED, True, False)
    assert len(outcome.curve) == 2
    assert not outcome.scores
    return trial


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A trial that was told to stop after its second epoch."""
    trial = replace(TRIAL, folder=str(tmp_path_factory.mktemp("stopped")))
    outcome = train(trial, lambda progress: progress.step < 2)
    assert (outcome.kind, outcome.waits, len(outcome.curve)) == (Kind.PRUNED, False, 2)
    return trial


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A trial that finds the state of a training of 2 epochs."""
    trial = replace(TRIAL, folder=str(tmp_path_factory.mktemp("longer")))
    training = replace(TRAINING, epochs=2)
    short = replace(
        TRIAL, training=training, folder=str(tmp_path_factory.mktemp("short")), keeps_state=True
    )
    assert train(short, go_on).ending is Ending.EPOCHS
    shutil.copy(short.state, trial.checkpoint)
    return trial


class Killed(BaseException):
    """What ends a training that nobody has told to end."""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A long trial whose process was killed in its fourth epoch."""

    def kill(progress: Progress) -> bool:
        if progress.step == 3:
            raise Killed
        return True

    trial = replace(TRIAL, folder=str(tmp_path_factory.mktemp("killed")))
    with (
        mock.patch.object(module, "SAVED_EVERY", 0.0),
        pytest.raises(Killed),
    ):
        train(trial, kill)
    return trial


@pytest.fixture
def waiting(trained_in_part: Trial, tmp_path: Path) -> Trial:
    """The same in a folder of its own."""
    trial = replace(TRIAL, folder=str(tmp_path))
    shutil.copy(trained_in_part.checkpoint, trial.checkpoint)
    return trial


@pytest.mark.parametrize(
    "which", ["ended", slow("stopped"), slow("trained_in_part"), slow("killed")]
)
def test_it_ends_as_one_that_did_not_wait_to_the_bit(
    which: str, whole: Outcome, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting: Trial = request.getfixturevalue(which)
    told: list[int] = []

    def remember(progress: Progress) -> bool:
        told.append(progress.step)
        return True

    capsys.readouterr()
    outcome = train(waiting, remember)
    assert result_of(outcome) == result_of(whole)
    assert outcome.seconds["total"] > outcome.seconds["train"] > 0
    assert told == [3, 4, 5]
    # the log of the second part has all epochs
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch")]
    assert [line.partition(":")[0] for line in lines] == [f"epoch {n}" for n in range(1, 6)]


def test_one_that_has_come_so_far_waits_at_once(waiting: Trial) -> None:
    again = train(replace(waiting, until=2), go_on)
    assert again.waits
    assert len(again.curve) == 2


def _damaged(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:100])


def _of_another(file: Path) -> None:
    with np.load(file) as arrays:
        content = dict(arrays)
    text = content["course"].tobytes().replace(b'"key": "', b'"key": "0')
    np.savez(file, **{**content, "course": np.frombuffer(text, np.uint8)})


def _gone(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize("change", [_damaged, slow(_of_another), slow(_gone)])
def test_where_the_file_cannot_be_used_training_begins_anew_and_ends_the_same(
    change: Callable[[Path], None], whole: Outcome, waiting: Trial
) -> None:
    change(waiting.checkpoint)
    assert result_of(train(waiting, go_on)) == result_of(whole)


@pytest.mark.slow
def test_a_trial_that_keeps_nothing_begins_anew(whole: Outcome) -> None:
    assert train(replace(TRIAL, until=2), go_on).waits
    assert result_of(train(TRIAL, go_on)) == result_of(whole)


class Pretended:
    """A model whose epochs take no time."""

    def __init__(self, losses: Sequence[float], **settings: int) -> None:
        self.losses = losses
        self.training = Training(epochs=len(losses), **settings)

    def trained_epoch(self, epoch: int, _: object) -> tuple[dict[str, float], float]:
        loss = self.losses[epoch - 1]
        return {"epoch": epoch, "train": loss, "validation": loss, "seconds": 0.0}, loss

    def keep(self) -> None:
        pass


def _to_the_end(
    model: Any, tell: Tell, course: Course, save: Callable[[], None] = lambda: None
) -> Ended:
    return module.finished(module.of_course(0, model, course, save), model, tell)


@pytest.mark.parametrize("stops_at", range(1, 7))
def test_one_that_is_stopped_ends_after_the_same_epoch_as_one_that_is_not(stops_at: int) -> None:
    """Also where its patience is over at the epoch after which it is stopped."""
    model, whole, course = Pretended([4, 3, 5, 5, 5, 2, 1], patience=3), Course(), Course()
    ended = _to_the_end(model, go_on, whole)
    assert (len(whole.curve), ended.ending) == (5, Ending.PATIENCE)
    first = _to_the_end(model, lambda progress: progress.step < stops_at, course)
    assert first.stopped == (stops_at <= 5)
    assert _to_the_end(model, go_on, course) == ended
    assert course == whole


@pytest.mark.parametrize(("every", "saved"), [(0.0, [1, 2, 3]), (25.0, [3]), (600.0, [])])
def test_a_long_training_is_saved_now_and_then_and_a_short_one_never(
    every: float, saved: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, course = itertools.count(0, 10), Course()
    monkeypatch.setattr(module, "SAVED_EVERY", every)
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock)))
    epochs: list[int] = []
    model = Pretended([4, 3, 2, 1], patience=0)
    _to_the_end(model, go_on, course, lambda: epochs.append(len(course.curve)))
    assert epochs == saved


def test_what_a_trial_is_does_not_depend_on_whether_it_waits() -> None:
    assert replace(TRIAL, until=2).key == TRIAL.key
