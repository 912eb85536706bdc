"""Trials that were run elsewhere: what is said of a table that does not fit."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rnnzoo.errors import UsageError
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Kind, Outcome, Result
from rnnzoo.sweep.parts import Part
from rnnzoo.sweep.plan import studies
from rnnzoo.sweep.takeover import Takeover

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
    opened: Any = SimpleNamespace(experiment=experiment, part=Part())
    takeover = Takeover(opened, Path(), given, "half.csv")
    with pytest.raises(UsageError) as caught:
        takeover.adopt([study], [study.identity], {study.identity: {}})
    assert caught.value.parts == (
        f"half.csv: trial 1 of rnn on adding has `units` {other}, and here it has {own['units']}",
        "correct it there or delete it, so that it is run here",
    )
