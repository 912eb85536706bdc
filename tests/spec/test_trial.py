"""Trials and outcomes: what they are as plain values, and what older versions wrote."""

from __future__ import annotations

import pytest

from rnnzoo.spec.trial import Ending, Kind, Outcome, Result, StudyKey, Trial

TRIAL = Trial("e", "rnn", "name: rnn", "adding", 3, {"units": 4, "learning_rate": 0.1}, seed=1)


def test_an_outcome_of_an_older_version_ended_nobody_knows_how() -> None:
    content = Outcome(Kind.COMPLETE, {"test": 0.5}, ending=Ending.EPOCHS).to_dict()
    del content["ending"]
    outcome = Outcome.from_dict(content)
    assert outcome.ending is Ending.UNKNOWN
    assert outcome.scores == {"test": 0.5}


def test_what_computed_loops_is_written_where_it_was_not_what_the_study_says() -> None:
    """Versions before read no such entry."""
    usual = Outcome(Kind.COMPLETE, {"test": 0.5})
    assert "loops" not in usual.to_dict()
    other = Outcome(Kind.COMPLETE, {"test": 0.5}, loops="XLA: no room")
    assert Outcome.from_dict(other.to_dict()) == other != usual


def test_a_result_packed_is_the_same_unpacked() -> None:
    result = Result(
        TRIAL, Outcome(Kind.PRUNED, message="stopped", ending=Ending.PRUNED), "e/rnn/adding/0"
    )
    assert Result.unpack(result.pack()) == result


KEYS = {
    "e/lstm/adding/0a1b": StudyKey("e", "lstm", "adding", "0a1b"),
    "e/lstm~2/adding/0a1b": StudyKey("e", "lstm", "adding", "0a1b", replicate=2),
    "e/lstm~pilot/adding/0a1b": StudyKey("e", "lstm", "adding", "0a1b", stage="pilot"),
    "e/a.b-c_again~round/copy-2/0a1b": StudyKey(
        "e", "a.b-c_again", "copy-2", "0a1b", stage="round"
    ),
}


@pytest.mark.parametrize("text", KEYS)
def test_a_study_is_known_by_the_text_that_it_always_had(text: str) -> None:
    key = KEYS[text]
    assert (str(key), StudyKey.parse(text)) == (text, key)
    experiment, marked, task, digest = text.split("/")
    assert (key.marked, key.prefix, key.rest) == (
        marked,
        f"e/{marked}/{task}/",
        f"{marked}/{task}/{digest}",
    )
    assert experiment == key.experiment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "e",
        "e/lstm/adding",
        "e/lstm/adding/0a1b/x",
        "e//adding/0a1b",
        "no-name-6a1f",
        "e/lstm~/adding/0a1b",
        "e/~pilot/adding/0a1b",
    ]
    + [f"e/lstm{mark}/adding/0a1b" for mark in ("~0", "~02", "~x", "~1~2", "~-1", "~pilots", "~²")],
)
def test_what_names_no_study_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"study is experiment/variant/task/hash|is no variant"):
        StudyKey.parse(text)
    assert StudyKey.find(text) is None
