"""Of which trials the state of a training is the beginning."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnzoo.spec import state
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.state import State
from rnnzoo.spec.trial import Trial

TRIAL = Trial("e", "lstm", "", "adding", 0, {"units": 4}, seed=1, training=Training(epochs=20))
STATE = State(TRIAL.key, TRIAL.course_key, "tensorflow", 5, 20, {"keras": "3"})


def trial(**changes: Any) -> Trial:
    return replace(TRIAL, training=replace(TRIAL.training, **changes))


@pytest.mark.parametrize(
    ("own", "begins"),
    [
        (TRIAL, True),
        (trial(epochs=40), True),
        (trial(epochs=40, patience=9), True),
        (trial(epochs=40, patience=0), True),
        (trial(epochs=40, patience=4), False),  # it might have ended before
        (trial(epochs=19), False),
        (trial(epochs=40, batch=8), False),
        (trial(epochs=40, schedule="cosine"), False),
        (trial(epochs=40, backend="jax"), False),
        (replace(TRIAL, seed=2), False),
        (replace(TRIAL, data="other"), False),
        (replace(TRIAL, hyperparameters={"units": 5}), False),
        (replace(TRIAL, task_options={"metric": "accuracy"}), False),  # `best_by` may read it
        (replace(TRIAL, task_options={"also": ["accuracy"]}), True),
        (replace(TRIAL, experiment="renamed", variant="other", base="elsewhere"), True),
        (replace(TRIAL, until=3, keeps_state=True), True),
    ],
)
def test_it_is_that_of_trials_that_go_the_same_way_for_longer(own: Trial, begins: bool) -> None:
    assert STATE.begins(own) is begins


def test_under_a_cosine_the_number_of_epochs_is_part_of_the_way() -> None:
    ways = {trial(schedule="cosine", epochs=epochs).course_key for epochs in (20, 40)}
    assert len(ways) == 2


def test_one_without_patience_began_none_that_has_some() -> None:
    without = replace(STATE, patience=0)
    assert without.begins(trial(epochs=40, patience=0))
    assert not without.begins(trial(epochs=40))


def test_whichever_byte_is_another_a_file_is_read_or_unreadable(tmp_path: Path) -> None:
    file = tmp_path / "state.npz"
    course = {"key": "a", "backend": "jax", "curve": [1, 2]}
    np.savez(file, course=np.frombuffer(json.dumps(course).encode(), np.uint8))
    assert state.read(file).epoch == 2
    assert state.is_whole(file)
    whole = file.read_bytes()
    for place, byte in enumerate(whole):
        for other in (0, byte ^ 1, byte ^ 8, 255):
            file.write_bytes(whole[:place] + bytes([other]) + whole[place + 1 :])
            with suppress(*state.UNREADABLE):
                state.read(file)
            assert state.is_whole(file) in (True, False)


def test_what_is_not_as_it_was_is_said_with_both_values() -> None:
    assert STATE.differences({"keras": "3"}) == []
    assert STATE.differences({"keras": "4", "jax": "1"}) == [
        "keras was 3 and is 4",
        "jax was unknown and is 1",
    ]


def test_whether_its_state_is_kept_is_no_part_of_a_trial() -> None:
    assert replace(TRIAL, keeps_state=True).key == TRIAL.key
