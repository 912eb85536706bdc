"""What would run, what is done, how long the rest takes, and what can be decided: the plain values
of `rnnzoo plan`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rnnzoo import tasks
from rnnzoo.api import expected, going_on, root, together, within
from rnnzoo.api.beforehand import warned
from rnnzoo.errors import Remark, UsageError, argument
from rnnzoo.spec import settings as config
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.settings import Chosen
from rnnzoo.spec.trial import Kind, Result
from rnnzoo.sweep import measure, speed, status
from rnnzoo.sweep import open as door
from rnnzoo.sweep.longer import Ahead
from rnnzoo.sweep.open import Opened
from rnnzoo.sweep.parts import WHOLE, Part
from rnnzoo.sweep.plan import Study
from rnnzoo.sweep.search import Store


def planned(
    experiment: Experiment,
    workers: int | None,
    measured: bool,
    noise: float | None,
    progress: tasks.Report,
    part: Part = WHOLE,
    hours: float | None = None,
) -> dict[str, Any]:
    """The content of a plan.

    Args:
        measured: measure how long a training step takes.
        noise: standard deviation of a training's score at one setting.
        progress: told about long work.
        part: which trials are planned; what follows the search is no matter of a part.
        hours: that a sweep may take, where it is asked what they bring.

    Raises:
        SpecError, UsageError: what the user wrote is wrong.
        TaskError: the data of a task cannot be had.
        StoreError: the storage cannot be used.
    """
    settings = config.read()
    opened = door.loaded(experiment, progress, chosen=settings.launcher)
    chosen = root.settled_launcher(settings.launcher, opened.experiment)
    store = Store(settings.storage) if config.exists(settings.storage) else None
    own = [study for study in opened.studies if part.has(study.variant.label)]
    unended = going_on.left_in(opened, store, own, part) if store else {}
    earlier = going_on.look(opened, store, own, unended)
    left = _left(opened, store, own, part, earlier)
    is_together = chosen.name == config.POPULATION
    count = together.at_once(chosen) if is_together else root.workers(workers, chosen)
    costs: Mapping[str, measure.Cost] = {}
    samples = _samples(opened, store, left, part) if measured else []
    if samples:
        costs, count = _measured(opened, samples, count, chosen, progress)
    content = _plan(opened, left, costs, count, part, earlier, chosen)
    if is_together:
        content["population"] = together.plain(opened, own, chosen)
    content["elsewhere"] = going_on.run_elsewhere(opened, store, part, unended) if store else {}
    if not part.whole:
        content["part"] = str(part)
    else:
        content |= {**_expected(opened, store, noise), **_speed(opened, store, costs)}
    if hours is not None:
        searches = _searches(opened, store, own, left, costs, earlier)
        ahead = content.get("expected", {})
        content["within"] = within.plain(opened.experiment, hours, count, searches, ahead)
    return content


def _left(
    opened: Opened,
    store: Store | None,
    own: Sequence[Study],
    part: Part,
    earlier: Mapping[str, Ahead],
) -> dict[str, int]:
    """How many trials are left to run, by identity of the study."""
    left = {study.identity: status.planned(study, opened.trials, part) for study in own}
    rows = status.rows(own, store, opened.trials, part) if store else ()
    for study, row in zip(own, rows):
        left[study.identity] = max(0, left[study.identity] - row.ended)
    for study in own:
        left[study.identity] -= earlier[study.identity].counted
    return left


def _measured(
    opened: Opened,
    samples: Sequence[measure.Sample],
    count: int,
    chosen: Chosen,
    progress: tasks.Report,
) -> tuple[Mapping[str, measure.Cost], int]:
    """What trainings cost, by identity of the study; and how many run at once."""
    is_together = chosen.name == config.POPULATION
    # in one process, one would wait while another's program is compiled
    at_once = 1 if is_together else count
    training = opened.experiment.training
    with root.launched(at_once, opened.runs, training, chosen=chosen) as launcher:
        if not is_together:
            count = launcher.capacity()  # a cluster's, or that of one of the user's own
        costs = measure.measure(
            samples, launcher, lambda ended, of: progress("measuring trainings", ended, of)
        )
    return costs, count


def _searches(
    opened: Opened,
    store: Store | None,
    own: Sequence[Study],
    left: Mapping[str, int],
    costs: Mapping[str, measure.Cost],
    earlier: Mapping[str, Ahead],
) -> list[within.Searched]:
    """What is left of each search."""
    ran = door.results(opened, store) if store else []
    searches = []
    for study in own:
        searched = _searched(study, left[study.identity], ran, costs)
        searches.append(dataclasses.replace(searched, spared=_spared(study, earlier)))
    return searches


def _spared(study: Study, earlier: Mapping[str, Ahead]) -> float:
    """How many whole trainings the epochs are worth that trials of a search have behind them."""
    return earlier[study.identity].epochs / study.experiment.training.epochs


def _searched(
    study: Study, left: int, ran: Iterable[Result], costs: Mapping[str, measure.Cost]
) -> within.Searched:
    """What is left of a search, and how long its trainings take: as long as those that were run,
    else as was measured.
    """
    own = [result.outcome for result in ran if result.study == study.identity]
    complete = [outcome for outcome in own if outcome.kind is Kind.COMPLETE]
    recorded = [outcome.seconds["total"] for outcome in complete if "total" in outcome.seconds]
    seconds: within.Seconds | None = None
    if recorded:
        mean = sum(recorded) / len(recorded)
        seconds = (mean, mean)
    elif study.identity in costs:
        low, high = sorted(costs[study.identity].trial)
        seconds = (low, high)
    return within.Searched(study.task.label, study.variant.label, left, seconds)


def _samples(
    opened: Opened, store: Store | None, left: Mapping[str, int], part: Part
) -> list[measure.Sample]:
    """What is measured: the studies whose speed is compared, and those that have trials left."""
    pairs = _unmeasured(opened, store) if part.whole else []
    compared = {study.identity for pair in pairs for study in pair}
    samples = []
    for study in opened.studies:
        if study.identity in compared:
            samples.append(measure.timed(study))
        elif left.get(study.identity):
            samples.append(measure.sample(study, left[study.identity]))
    return samples


def data(opened: Opened) -> dict[str, Any]:
    """By task, how its data was read, and what is probably not meant in it."""
    return {
        label: {"form": tasks.form(task), "warnings": [*map(Remark.plain, opened.warnings[label])]}
        for label, task in opened.tasks.items()
    }


def checked_noise(noise: float | None) -> float | None:
    """
    Raises:
        UsageError: it is no standard deviation.
    """
    if noise is not None and not 0.0 < noise < math.inf:
        raise UsageError(f"{argument('noise')} must be a number above 0, not {noise:g}")
    return noise


def _expected(opened: Opened, store: Store | None, noise: float | None) -> dict[str, Any]:
    """What can be decided of the claims, from the rounds that were run, where there are some."""
    from rnnzoo.confirm.stand import at_most, earlier, stands

    experiment = opened.experiment
    results = door.results(opened, store) if store and experiment.confirm else []
    begun = {result.key.task for result in results if result.key.stage}
    known = stands(experiment, results, opened.trials) if begun else {}
    content: dict[str, Any] = {"advice": expected.advice(experiment, opened.trials)}
    if experiment.confirm is not None:
        content["expected"] = expected.plain(experiment, opened.trials, known, noise)
        now = {label: stand for label, stand in known.items() if label in begun}
        stages = content["second_stage"] = {}
        for label in (task.label for task in experiment.tasks):
            before = earlier(known, label)
            stages[label] = at_most(experiment, label, opened.trials, now.get(label), before)
    return content


def _plan(
    opened: Opened,
    left_of: Mapping[str, int],
    costs: Mapping[str, Any],
    workers: int,
    part: Part,
    earlier: Mapping[str, Ahead],
    chosen: Chosen,
) -> dict[str, Any]:
    """A row for each study of which the part has trials.

    Args:
        left_of: trials that are left to run, by identity of the study.
        earlier: what earlier editions are worth, likewise.
    """
    rows: list[dict[str, Any]] = []
    for study in opened.studies:
        if study.identity in left_of:
            left, cost = left_of[study.identity], costs.get(study.identity)
            rows.append(_row(opened, study, left, cost, part, earlier))
    return {
        "experiment": opened.experiment.name,
        # how many a cluster has room for is known where it was measured
        "workers": None if workers == root.UNLIMITED else workers,
        "warnings": [*map(Remark.plain, warned(opened.experiment))],
        "data": data(opened),
        "studies": rows,
        "hours": _hours_of_all(rows, workers, chosen),
        "shares": opened.experiment.share,
        "earlier": going_on.plain(going_on.together(earlier.values())),
    }


def _row(
    opened: Opened,
    study: Study,
    left: int,
    cost: measure.Cost | None,
    part: Part,
    earlier: Mapping[str, Ahead],
) -> dict[str, Any]:
    """What is planned of one study, and what the rest of it takes."""
    planned = status.planned(study, opened.trials, part)
    hours = None
    if cost is not None:
        hours = _hours(cost, _trainings(study, planned, left, earlier), study)
    return {
        "variant": study.variant.label,
        "task": study.task.label,
        "planned": planned,
        "left": left,
        "weights": _weights(study, opened.tasks[study.task.label].inputs),
        "seconds_per_step": list(cost.step) if cost is not None and cost.step else None,
        "core_hours": hours,
    }


def _weights(study: Study, inputs: int) -> list[int]:
    """The number of weights at the low end of the search space, and at its high end."""
    from rnnzoo.lang import counts

    weights = []
    for end in (0.0, 1.0):
        point = measure.corner(study.variant.space, end)
        training = study.experiment.training.at(point)
        sized = dataclasses.replace(training, units=study.units(point))
        weights.append(counts.weights_in(sized, study.cell, inputs))
    return weights


def _trainings(study: Study, planned: int, left: int, earlier: Mapping[str, Ahead]) -> float:
    """How many whole trainings the trials that are left are worth."""
    search, epochs = study.experiment.search, study.experiment.training.epochs
    share = search.trainings(planned, epochs) / max(planned, 1)  # of the epochs of as many trials
    goes_on = earlier[study.identity].longer  # those of a search with rungs are past them
    return (left - goes_on) * share + goes_on - _spared(study, earlier)


def _hours_of_all(
    rows: Sequence[Mapping[str, Any]], workers: int, chosen: Chosen
) -> list[float] | None:
    """How many hours all of it takes, low and high; None where nothing was measured."""
    known = [row["core_hours"] for row in rows if row["core_hours"]]
    if not known:
        return None
    at_once = min(workers, max(1, sum(row["left"] for row in rows)))
    if chosen.name == config.POPULATION:
        at_once = together.processes(chosen)
    low, high = zip(*known)
    return [sum(low) / at_once, sum(high) / at_once]


def _hours(cost: measure.Cost, trainings: float, study: Study) -> list[float]:
    """How many hours so many trainings of a study take, low and high: of a core, or of a process
    that trains populations.
    """
    training = study.experiment.training
    if training.population:
        return together.hours(cost, trainings, training.epochs, training.population)
    return [trainings * seconds / 3600 for seconds in sorted(cost.trial)]


def _speed(opened: Opened, store: Store | None, costs: Mapping[str, Any]) -> dict[str, Any]:
    """What claims about speed take, beyond what was measured."""
    wanted = speed.wanted(opened.experiment, opened.studies)
    if not wanted:
        return {}
    pairs = _unmeasured(opened, store)
    return {"speed": {"measurements": len(pairs), "seconds": speed.seconds(pairs, costs)}}


def _unmeasured(opened: Opened, store: Store | None) -> list[tuple[Study, Study]]:
    """The pairs that claims about speed compare, and that were not measured yet."""
    if not speed.wanted(opened.experiment, opened.studies):
        return []
    known = [(timing.a, timing.b) for timing in store.timings(opened.identities)] if store else []
    return speed.missing(opened.experiment, opened.studies, known)
