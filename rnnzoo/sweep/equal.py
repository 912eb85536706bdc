"""Trials of one study that are another one's, to the bit: the same cell on the same data, from the
same setting and the same seed.

In: what was run, of whatever edition or experiment, and the trial that a study would run.  Out:
whether both are one training.  A search whose points depend on other trials, or whose trials are
stopped by what others reach, has no such trials.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rnnzoo.spec import points
from rnnzoo.spec.trial import Ending, Kind, Outcome, Result, StudyKey, Trial
from rnnzoo.sweep.plan import Study

ALIKE = ("cell", "task", "data")  # parts of a study that no trial of it is without


def has_equals(study: Study) -> bool:
    """Whether the trials of a study are functions of their index, so that others may be equal."""
    search = study.experiment.search
    alone = search.pruner is None and search.rungs is None
    return alone and points.ours(search.sampler.name) and not study.points_are_known


def may_have(study: Study, key: StudyKey, parts: Mapping[str, str]) -> bool:
    """Whether another study, by its key and parts, may have trials of a study."""
    same_names = (key.variant, key.task) == (study.variant.label, study.task.label)
    is_search = not (key.stage or key.replicate)
    return same_names and is_search and all(parts.get(name) == study.parts[name] for name in ALIKE)


def is_equal(own: Trial, result: Result) -> bool:
    """Whether a result is that of a trial, where the cell, the task and its data are the same."""
    ran, outcome = result.trial, result.outcome
    if outcome.kind not in (Kind.COMPLETE, Kind.DIVERGED):
        return False  # memory, time and machines are no functions of a trial
    if ran.seed != own.seed or dict(ran.init) != dict(own.init):
        return False
    if ran.training == own.training:
        return True
    longer = replace(ran.training, epochs=own.training.epochs)
    return longer == own.training and _ended_before(own, outcome)


def _ended_before(own: Trial, outcome: Outcome) -> bool:
    """Whether a training ended before its last epoch, and would have with another number of
    epochs.
    """
    if own.training.schedule == "cosine":  # each epoch's rate depends on how many there are
        return False
    run = len(outcome.curve)
    if outcome.kind is Kind.DIVERGED:
        return 0 < run <= own.training.epochs
    return outcome.ending is Ending.PATIENCE and run < own.training.epochs


def keeps_model(own: Trial, ran: Trial) -> bool:
    """Whether the file of a model says that it is that trial's, but for the experiment's name."""
    return replace(own, experiment=ran.experiment).key == ran.key
