"""Trials of one study that are another one's, to the bit: the same cell on the same data, from the
same setting and the same seed.

In: what was run, of whatever edition or experiment, and the trial that a study would run.  Out:
whether both are one training.  A search whose points depend on other trials, or whose trials a
pruner stops, has no such trials.  Those on rungs are compared with those of the same search alone,
where all decisions are the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from rnnzoo.spec import points
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.trial import Ending, Kind, Outcome, Result, StudyKey, Trial
from rnnzoo.sweep.plan import Study

# ends that are functions of a trial; memory, time and machines are none
OWN_ENDS = (Kind.COMPLETE, Kind.DIVERGED, Kind.PRUNED)
ALIKE = ("cell", "task", "data")  # parts of a study that no trial of it is without


def by_index(study: Study) -> bool:
    """Whether a study's search has trials that are functions of their index: no other trial decides
    their point, nor when they are stopped, but at a rung.
    """
    search = study.experiment.search
    return search.pruner is None and points.ours(search.sampler.name)


def has_equals(study: Study) -> bool:
    """Whether other studies may have trials that are those of a study by their index."""
    return by_index(study) and not study.points_are_known


def may_have(study: Study, key: StudyKey, parts: Mapping[str, str]) -> bool:
    """Whether another study, by its key and parts, may have trials of a study, or the beginnings of
    these.
    """
    same_names = (key.marked, key.task) == (study.key.marked, study.key.task)
    return same_names and all(parts.get(name) == study.parts[name] for name in alike(study))


def alike(study: Study) -> Sequence[str]:
    """Parts that studies have in common whose trials may be the same: on rungs, all that decides
    which trials go on.
    """
    if study.experiment.search.rungs is None or study.points_are_known:
        return ALIKE
    return [name for name in study.parts if name != "training"]


def is_own(study: Study, result: Result) -> bool:
    """Whether a result is that of the study's trial of its index, where the studies are alike."""
    index, rungs = result.trial.index, study.experiment.search.rungs
    point = study.point(index)
    if point is None:
        return False
    return is_equal(study.trial(index, point), result, rungs.epochs if rungs else ())


def is_equal(own: Trial, result: Result, rungs: Collection[int] = ()) -> bool:
    """Whether a result is that of a trial, where the studies are alike.

    Args:
        rungs: epochs of those of the search.
    """
    ran, outcome = result.trial, result.outcome
    if outcome.kind not in OWN_ENDS:
        return False
    if ran.seed != own.seed or dict(ran.init) != dict(own.init):
        return False
    if ran.training == own.training and outcome.kind is not Kind.PRUNED:
        return True
    same_way = replace(ran.training, epochs=own.training.epochs, patience=own.training.patience)
    if same_way != own.training:
        return False
    if rungs and ran.training.patience != own.training.patience:
        return False  # it decides who goes on
    return _ends_alike(own.training, ran.training, outcome, rungs)


def _ends_alike(own: Training, ran: Training, outcome: Outcome, rungs: Collection[int]) -> bool:
    """Whether a training ended where it would have with another number of epochs, or more
    patience.
    """
    if own.schedule == "cosine" and own.epochs != ran.epochs:
        return False  # each epoch's rate depends on how many there are
    run = len(outcome.curve)
    match outcome.ending:
        case Ending.DIVERGED:
            return 0 < run <= own.epochs and own.outlasts(ran.patience)
        case Ending.EPOCHS:
            return own.epochs == ran.epochs and own.outlasts(ran.patience)
        case Ending.PATIENCE:
            return run < own.epochs and own.patience == ran.patience
        case Ending.PRUNED:
            return run in rungs
    return False


def keeps_model(own: Trial, ran: Trial) -> bool:
    """Whether the file of a model says that it is that trial's, but for the experiment's name."""
    return replace(own, experiment=ran.experiment).key == ran.key
