"""Trials and outcomes: what they are as plain values, and what older versions wrote."""

from __future__ import annotations

from rnnzoo.spec.trial import Ending, Kind, Outcome, Result, Trial

TRIAL = Trial("e", "rnn", "name: rnn", "adding", 3, {"units": 4, "learning_rate": 0.1}, seed=1)


def test_an_outcome_of_an_older_version_ended_nobody_knows_how() -> None:
    content = Outcome(Kind.COMPLETE, {"test": 0.5}, ending=Ending.EPOCHS).to_dict()
    del content["ending"]
    found = Outcome.from_dict(content)
    assert found.ending is Ending.UNKNOWN
    assert found.scores == {"test": 0.5}


def test_a_result_packed_is_the_same_unpacked() -> None:
    result = Result(TRIAL, Outcome(Kind.PRUNED, message="stopped", ending=Ending.PRUNED), "e/rnn/adding/0")
    assert Result.unpack(result.pack()) == result
