"""The two variants of a claim compared at equal settings, from the trials of the search.

In: an experiment, its results and its verdicts.  Out: the same verdicts, with a sentence added
where the comparison can be made.  The comparison never changes a verdict, and its p-values are not
adjusted for several claims.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rnnzoo.errors import StatsError
from rnnzoo.report.results import belonging
from rnnzoo.report.verdict import Verdict, pvalue
from rnnzoo.spec.claims import CONFIRMED, judged
from rnnzoo.spec.experiment import Claim, Experiment, Select, Space
from rnnzoo.spec.points import places, within
from rnnzoo.spec.seeds import checksum_seed
from rnnzoo.spec.trial import Result
from rnnzoo.stats.adjusted import Adjusted, Placed

SAME = "A same as B"
LIMIT = "misleads where the two do best at different settings"


def beside(
    experiment: Experiment, results: Sequence[Result], verdicts: Sequence[Verdict]
) -> tuple[Verdict, ...]:
    """The verdicts, with the comparison at equal settings added.

    Args:
        results: of the experiment's present studies; those of a second stage are ignored.
        verdicts: on the experiment's claims, in the order of `judged`.
    """
    pairs = judged(experiment.claims, [task.label for task in experiment.tasks])
    compared: dict[tuple[str, str, str], list[int]] = {}
    for place, (claim, task) in enumerate(pairs):
        if claim.form in CONFIRMED and not claim.over:
            compared.setdefault((claim.a, claim.b, task), []).append(place)
    with_adjustment = list(verdicts)
    for key, places_of_pair in compared.items():
        claims = [pairs[place][0] for place in places_of_pair]
        adjusted = _adjusted(experiment, results, *key, _shifts(claims))
        if adjusted is None:
            continue
        for place, claim in zip(places_of_pair, claims):
            with_adjustment[place] = _with_equal_settings(verdicts[place], claim, adjusted)
    return tuple(with_adjustment)


def _shifts(claims: Sequence[Claim]) -> list[float]:
    """The differences that these claims, of one pair, are tested against."""
    margins = [claim.number or 0.0 for claim in claims if claim.form == SAME]
    return [*margins, *(-margin for margin in margins)]


def _adjusted(
    experiment: Experiment,
    results: Sequence[Result],
    a: str,
    b: str,
    task: str,
    shifts: Sequence[float],
) -> Adjusted | None:
    """The comparison; None where the two were searched over different spaces, or too few trials
    completed.

    Args:
        shifts: that it will be asked for.
    """
    space = experiment.variant(a).space
    of_a, of_b = (belonging(results, label, task) for label in (a, b))
    if experiment.variant(b).space != space or not all(
        within(space, result.trial.hyperparameters) for result in (*of_a, *of_b)
    ):
        return None
    seed = checksum_seed(f"{experiment.name} equal settings {task} {a} {b}")
    placed_a, placed_b = (_placed(experiment.select, space, trials) for trials in (of_a, of_b))
    try:
        return Adjusted(placed_a, placed_b, seed, paired=experiment.paired(a, b), shifts=shifts)
    except StatsError:
        return None


def _placed(select: Select, space: Space, trials: Sequence[Result]) -> Placed:
    points = [places(space, result.trial.hyperparameters) for result in trials]
    return Placed(
        np.array(points).reshape(len(trials), len(space.dimensions)),
        np.array([result.outcome.scores.get(select.on, math.inf) for result in trials]),
        np.array([result.outcome.scores.get(select.report, math.inf) for result in trials]),
        np.array([result.trial.index for result in trials], dtype=int),
    )


def _with_equal_settings(verdict: Verdict, claim: Claim, adjusted: Adjusted) -> Verdict:
    low, high = adjusted.interval()
    if claim.form == SAME:
        margin = claim.number or 0.0
        p, words = (
            max(adjusted.test(-margin).worse, adjusted.test(margin).better),
            f"within {margin:g} with p",
        )
    else:
        seen = adjusted.test()
        p, words = min(1.0, 2 * min(seen.worse, seen.better)), "p"
    known = {"difference": adjusted.difference, "low": low, "high": high, "p": p}
    numbers = {
        f"equal_settings_{name}": number for name, number in known.items() if math.isfinite(number)
    }
    where = " in the search" if verdict.confirmed else ""
    return replace(
        verdict,
        equal_settings=(
            f"at equal settings{where}: {_in_words(adjusted.difference, low, high)}, {words}"
            f" {pvalue(p)}; {LIMIT}"
        ),
        numbers={**verdict.numbers, **numbers},
    )


def _in_words(difference: float, low: float, high: float) -> str:
    """A difference in words; its interval has the sign of the word."""
    if difference < 0:
        return f"better by {-difference:.3f} ({-high:z.3f} to {-low:z.3f})"
    return f"worse by {difference:.3f} ({low:z.3f} to {high:z.3f})"
