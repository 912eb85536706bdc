"""The filter ends a training as soon as it is known whether a candidate passes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rnnzoo.bare import filter as filtering
from rnnzoo.bare.train import train
from rnnzoo.spec.trial import Ending, Kind, Trial
from tests.bare.trials import go_on, trial

# two of three symbols, which rnn learns in a few of these epochs
EASY = {"items": 2, "symbols": 3, "train": 400, "valid": 50, "test": 50}


def candidate(cell: str, rate: float, **training: int) -> Trial:
    asked = trial(cell, "memorisation", {"units": 16, "learning_rate": rate}, **training)
    return replace(asked, task_options=EASY)


def test_a_candidate_that_passes_is_trained_no_longer() -> None:
    asked = candidate("rnn", 0.002, epochs=20, patience=0)
    outcome = filtering.work(asked, go_on)
    assert (outcome.kind, outcome.ending) == (Kind.COMPLETE, Ending.SOLVED)
    scores = [row["validation"] for row in outcome.curve]
    assert scores[-1] <= 0.05
    assert all(score > 0.05 for score in scores[:-1])
    assert outcome.scores == {"validation": pytest.approx(scores[-1])}
    assert 1 < len(scores) < 20


def test_its_training_is_the_beginning_of_the_whole_one() -> None:
    asked = candidate("rnn", 0.002, epochs=20, patience=0)
    rows = [(row["train"], row["validation"]) for row in filtering.work(asked, go_on).curve]
    whole = [(row["train"], row["validation"]) for row in train(asked, go_on).curve]
    assert whole[: len(rows)] == rows


def test_a_candidate_that_does_not_move_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filtering, "GIVE_UP", ((800, 0.9), (1200, 0.1)))
    outcome = filtering.work(candidate("rnn", 1e-9, epochs=9, patience=0), go_on)
    assert (outcome.kind, outcome.ending, len(outcome.curve)) == (Kind.PRUNED, Ending.PRUNED, 2)
    loss = outcome.curve[-1]["train"]
    assert outcome.message == (
        f"given up after epoch 2: the loss was {loss:.3g}, and what passes has less than 0.99 by"
        " then"
    )


def test_one_that_neither_passes_nor_is_given_up_uses_all_epochs() -> None:
    outcome = filtering.work(candidate("rnn", 1e-9, epochs=3, patience=0), go_on)
    assert (outcome.kind, outcome.ending, len(outcome.curve)) == (Kind.COMPLETE, Ending.EPOCHS, 3)
    assert outcome.scores["validation"] > 0.05


def test_the_rule_is_for_the_task_that_it_was_measured_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filtering, "GIVE_UP", ((0, 0.0),))
    outcome = filtering.work(trial("rnn", "temporal_order", epochs=2), go_on)
    assert outcome.kind is Kind.COMPLETE


def test_limits_fall_from_look_to_look() -> None:
    reads, shares = zip(*filtering.GIVE_UP)
    assert list(reads) == sorted(set(reads))
    assert list(shares) == sorted(set(shares), reverse=True)
