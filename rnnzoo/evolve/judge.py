"""How good a candidate is beside the baseline, and what becomes of it."""

from __future__ import annotations

import math

from rnnzoo.errors import UsageError, in_percent, number_of
from rnnzoo.evolve.history import History
from rnnzoo.evolve.plan import Plan
from rnnzoo.evolve.rows import Drawn, Ended, Fate, Trained
from rnnzoo.spec.experiment import FILTER
from rnnzoo.spec.trial import Kind

# kinds of ends that say nothing of a cell
OURS = (Kind.FAILED, Kind.OUT_OF_MEMORY)


def relative(score: float | None, baseline: float, whole: float | None) -> float:
    """Accuracy relative to the baseline's: 1 where both are alike, above 1 where it is better;
    infinite there where the baseline has no accuracy, or the score of a loss is 0.

    Args:
        score, baseline: costs, of which lower is better; None where there is none.
        whole: see `Plan.whole`.
    """
    if score is None:
        return 0.0
    if score == baseline:
        return 1.0
    if whole is None and score > 0.0:
        return baseline / score
    if whole is not None and baseline < whole:
        return (whole - score) / (whole - baseline)
    return math.inf if score < baseline else 0.0


def baseline_score(plan: Plan, history: History, task: str) -> float:
    """The best score of the baseline on a task.

    Raises:
        UsageError: none of its trainings is complete.
    """
    label = plan.experiment.baseline
    number = next(drawn.number for drawn in history.drawn.values() if drawn.variant == label)
    score = history.best(number, task)
    if score is None:
        raise UsageError(
            f"no training of the baseline {label} on {task} is complete, which all others are"
            " compared with",
            "see why they ended, and search other settings",
        )
    return score


def beside_baseline(plan: Plan, history: History, number: int, task: str) -> float:
    """The best accuracy of a candidate on a task, relative to the baseline's best."""
    baseline = baseline_score(plan, history, task)
    return relative(history.best(number, task), baseline, plan.whole[task])


def fitness(plan: Plan, history: History, number: int) -> float | None:
    """The least relative accuracy over all tasks (Jozefowicz et al. 2015, equation 1); None where
    only the filter is run, which all that pass have passed alike.
    """
    accuracies = (beside_baseline(plan, history, number, task) for task in plan.stages)
    return min(accuracies, default=None)


def population(plan: Plan, history: History, generation: int) -> list[Drawn]:
    """The best candidates of all generations before one, as they were judged then; of equal ones
    the earlier.
    """
    earlier = [
        history.drawn[ended.number]
        for ended in history.with_fate(Fate.PASSED)
        if history.drawn[ended.number].generation < generation
    ]
    # of the variants in the file only those have children that are named as parents
    able = [
        (history.fate_before(drawn.number, generation).fitness or 0.0, drawn)
        for drawn in earlier
        if drawn.variant in ("", *plan.search.parents)
    ]
    able.sort(key=lambda pair: (-pair[0], pair[1].number))
    return [drawn for _, drawn in able[: plan.search.population]]


def fell_at_filter(plan: Plan, row: Trained) -> Ended | None:
    """The fate of a candidate after its training on the filter; None where it passed."""
    number = row.training.candidate
    if row.kind in OURS:
        return Ended(number, Fate.FAILED, row.message)
    if row.score is None:
        why = f": {row.message}" if row.message else ""
        return Ended(number, Fate.FILTERED, f"{row.kind.words}{why}")
    if row.score <= plan.passes:
        return None
    epochs = number_of(row.epochs, "epoch")
    reason = f"{row.score:.3g} on the filter after {epochs}; it passes with {plan.passes:g}"
    return Ended(number, Fate.FILTERED, reason, {FILTER: row.score})


def fell_at_task(plan: Plan, history: History, number: int, task: str) -> Ended | None:
    """The fate of a candidate after its trainings on a task; None where it goes on."""
    share = beside_baseline(plan, history, number, task)
    if share > plan.search.gate:
        return None
    reached = scores(plan, history, number)
    trained = history.in_order(number, task)
    faults = [row for row in trained if row.kind in OURS]
    if len(faults) == len(trained):
        return Ended(number, Fate.FAILED, faults[0].message, reached)
    if all(row.score is None for row in trained):
        reason = f"none of its {len(trained)} trainings on {task} is complete"
    else:
        baseline = plan.experiment.baseline
        passes = f"it passes with more than {in_percent(plan.search.gate)}"
        reason = f"{in_percent(share)} of {baseline}'s accuracy on {task}; {passes}"
    return Ended(number, Fate.GATED, reason, reached)


def scores(plan: Plan, history: History, number: int) -> dict[str, float]:
    """The best score of a candidate in each stage that it has come to."""
    best = {stage: history.best(number, stage) for stage in (FILTER, *plan.stages)}
    return {stage: score for stage, score in best.items() if score is not None}
