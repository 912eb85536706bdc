"""What an experiment cannot find out, said before it runs; a warning is no mistake.

In: an experiment.  Out: sentences, each with what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rnnzoo.spec.claims import SOLVES, TESTED, approximate, judged
from rnnzoo.spec.experiment import Claim, Experiment
from rnnzoo.spec.read_experiment import solvable

FIX = "\n    fix: "  # what stands in a warning between what it says and what to do
SHORT = 1 / 3  # of the epochs: patience below it may end a training on its plateau


def warnings(experiment: Experiment) -> list[str]:
    """Warnings about an experiment whose text is right."""
    return [*_patience(experiment), *_reach(experiment), *_approximate(experiment)]


def _patience(experiment: Experiment) -> Iterator[str]:
    training = experiment.training
    plateaus = [task.label for task in experiment.tasks if solvable(task.name)]
    if plateaus and 0 < training.patience < SHORT * training.epochs:
        yield (
            f"patience {training.patience} of {training.epochs} epochs is short for {', '.join(plateaus)}: such tasks are"
            " learnt after a plateau on which no score improves, and a training that is stopped there counts as one that"
            f" fails{FIX}patience: 0, or at least {-(-training.epochs // 3)}"
        )


def _reach(experiment: Experiment) -> Iterator[str]:
    labels, trials = [task.label for task in experiment.tasks], experiment.search.trials
    paired = experiment.paired(experiment.baseline, experiment.baseline)
    found = out_of_reach(experiment.claims, labels, trials, paired)
    if found is not None:
        yield (
            f"{found.claims} of {found.tested} tested claims cannot be decided, whatever the scores: with {trials} trials of"
            f" each variant no p-value is below {2 * found.smallest:.2g}, and {found.tested} claims share 0.05"
            f"{FIX}at least {found.trials} trials, or fewer claims"
        )


def _approximate(experiment: Experiment) -> Iterator[str]:
    text = approximate(experiment.search)
    if text and experiment.claims:
        yield f"{text}{FIX}sampler random, grid or qmc and no pruner, where verdicts count"


@dataclass(frozen=True, slots=True)
class OutOfReach:
    """Claims that so few trials cannot decide, whatever their scores.

    Attributes:
        claims: how many of the tested ones.
        tested: how many are tested, and so share the level.
        smallest: the smallest one-sided p-value that the trials can have.
        trials: of each variant, from which on all of them can be decided.
    """

    claims: int
    tested: int
    smallest: float
    trials: int


def out_of_reach(claims: Sequence[Claim], tasks: Sequence[str], trials: int, paired: bool) -> OutOfReach | None:
    """What no scores can decide: the smallest p-value of both words, times the claims, is above 5 %."""
    tested = [claim for claim, _ in judged(claims, tasks) if claim.form in TESTED]
    if not tested:
        return None
    from rnnzoo.stats.compare import ALPHA, fewest_trials, holm_levels, smallest_p
    from rnnzoo.stats.shares import BOSCHLOO, more_often

    least = smallest_p(trials, paired, draws=2**31)
    most = min(trials, BOSCHLOO)
    solving = more_often(most, most, 0, most)[0] if any(one.form == SOLVES for one in tested) else 1.0
    p = [min(1.0, 2 * (solving if one.form == SOLVES else least)) for one in tested]
    failing = [one for one, limit in zip(p, holm_levels(p)) if one > limit]
    if not failing:
        return None
    return OutOfReach(len(failing), len(p), max(failing) / 2, fewest_trials(ALPHA / len(p) / 2, paired))
