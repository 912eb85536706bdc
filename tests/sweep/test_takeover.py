"""Trials that were run elsewhere: what is said of a table that does not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rnnzoo.errors import UsageError
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import PILOT, Kind, Outcome, Result
from rnnzoo.sweep.parts import Part
from rnnzoo.sweep.plan import Study, studies
from rnnzoo.sweep.takeover import KnownTrial, Takeover

SPEC = """\
experiment: e
task: adding
variants: [rnn]
search: {trials: 3, seed: 1, space: {units: {choice: [4, 8]}, learning_rate: 0.01}}
"""


def test_an_edited_table_is_refused_with_the_trial_and_its_two_values() -> None:
    experiment = parse_experiment(SPEC, "e.yaml", Path())
    (study,) = studies(experiment, {"adding": "digest"}, {"adding": 2})
    own = dict(study.point(1) or {})
    other = {4: 8, 8: 4}[own["units"]]  # type: ignore[index]  # units are whole numbers
    trial = study.trial(1, {**own, "units": other})
    given = [Result(trial, Outcome(Kind.COMPLETE, {"test": 0.5}), study.identity)]
    opened: Any = SimpleNamespace(experiment=experiment, part=Part(), again=())
    takeover = Takeover(opened, Path(), given, "half.csv")
    with pytest.raises(UsageError) as caught:
        takeover.adopt([study], [study.identity], {study.identity: {}})
    assert caught.value.parts == (
        f"half.csv: trial 1 of rnn on adding has `units` {other}, and here it has {own['units']}",
        "correct it there or delete it, so that it is run here",
    )


def ended_as(study: Study, kind: Kind, index: int) -> Result:
    trial = study.trial(index, study.point(index) or {})
    return Result(trial, Outcome(kind, {"validation": 0.5}), study.identity)


def test_a_given_trial_that_is_to_begin_again_is_left_to_be_run_here() -> None:
    experiment = parse_experiment(SPEC, "e.yaml", Path())
    (study,) = studies(experiment, {"adding": "digest"}, {"adding": 2})
    failed, notes = ended_as(study, Kind.FAILED, 1), list[str]()
    opened: Any = SimpleNamespace(
        experiment=experiment, part=Part(), again=(Kind.FAILED,), note=notes.append
    )
    takeover, done = Takeover(opened, Path(), [failed], "given.csv"), {study.identity: {}}
    takeover.adopt([study], [study.identity], done)
    assert notes == ["0 of 1 trial taken over"]
    known = KnownTrial(study, 1, failed.trial.hyperparameters)
    assert takeover.adopt_known([known], done) == []
    assert done == {study.identity: {}}


def test_pilots_of_another_experiment_that_failed_there_are_no_pilots_of_this_one() -> None:
    experiment = parse_experiment(SPEC, "e.yaml", Path())
    (study,) = studies(experiment, {"adding": "digest"}, {"adding": 2})
    pilots = replace(study, stage=PILOT)
    kinds = [Kind.COMPLETE, Kind.FAILED, Kind.DIVERGED, Kind.OUT_OF_MEMORY, Kind.TIMED_OUT]
    ended = [ended_as(pilots, kind, index) for index, kind in enumerate(kinds)]
    store = SimpleNamespace(ended=lambda edition: ended)
    opened: Any = SimpleNamespace(store=store, provenance_elsewhere={})
    takeover = Takeover(opened, Path())
    takeover.offer([pilots], {f"other/{pilots.key.rest}": ({}, len(ended))})
    assert [index for _, index in takeover.by_index] == [0, 2]
