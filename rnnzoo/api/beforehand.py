"""What an experiment cannot find out, said before it runs; a warning is no mistake.

In: an experiment.  Out: sentences, each with what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rnnzoo import lang
from rnnzoo.confirm.forecast import forecast
from rnnzoo.confirm.region import region_size
from rnnzoo.confirm.stand import claimed, confirmed, left
from rnnzoo.errors import Mistake
from rnnzoo.lang import ir
from rnnzoo.spec.cell import Init, built_in_names
from rnnzoo.spec.claims import FASTER, SHARES, TESTED, approximate, family, judged
from rnnzoo.spec.experiment import Claim, Experiment
from rnnzoo.spec.read_experiment import solvable
from rnnzoo.spec.timing import ROUNDS
from rnnzoo.spec.unused import without_effect

FIX = "\n    fix: "  # what stands in a warning between what it says and what to do
SHORT = 1 / 3  # of the epochs: patience below it may end a training on its plateau


def warned(experiment: Experiment) -> list[str]:
    """What has no effect, and what cannot be found out so; no mistake."""
    return [*without_effect(experiment), *warnings(experiment)]


def odd_starts(experiment: Experiment) -> tuple[Mistake, ...]:
    """What is odd at the start of an experiment's cells: those of one's own, and built-in ones that
    begin otherwise.
    """
    from rnnzoo.lang import lint

    mistakes: list[Mistake] = []
    seen: list[ir.Cell] = []
    for variant in experiment.variants:
        cell = lang.check(variant.cell)
        begun = lang.with_init(
            cell, {name: Init.from_plain(value) for name, value in variant.init.items()}
        )
        as_in_the_zoo = variant.reference in built_in_names() and begun == lang.load(
            variant.reference
        )
        if as_in_the_zoo or begun in seen:
            continue
        seen.append(begun)
        for mistake in lint.warnings(variant.cell, begun):
            problem = mistake.problem.replace(": ", f": variant '{variant.label}': ", 1)
            mistakes.append(replace(mistake, problem=problem))
    return tuple(mistakes)


def warnings(experiment: Experiment) -> list[str]:
    """Warnings about an experiment whose text is right."""
    return [
        *_patience(experiment),
        *_reach(experiment),
        *_second_stage(experiment),
        *_approximate(experiment),
    ]


def _patience(experiment: Experiment) -> Iterator[str]:
    training = experiment.training
    plateaus = [task.label for task in experiment.tasks if solvable(task.name)]
    if plateaus and 0 < training.patience < SHORT * training.epochs:
        yield (
            f"patience {training.patience} of {training.epochs} epochs is short for"
            f" {', '.join(plateaus)}: such tasks are learnt after a plateau on which no score"
            " improves, and a training that is stopped there counts as one that"
            f" fails{FIX}patience: 0, or at least {-(-training.epochs // 3)}"
        )


def _reach(experiment: Experiment) -> Iterator[str]:
    labels, trials = [task.label for task in experiment.tasks], experiment.search.trials
    paired = experiment.paired(experiment.baseline, experiment.baseline)
    pairs = judged(experiment.claims, labels)
    # what rounds decide is not up to the search, and has its share of the level
    if experiment.confirm is not None:
        pairs = [(claim, where) for claim, where in pairs if not confirmed(claim)]
    for own in dict.fromkeys(family(where, experiment.family) for _, where in pairs):
        members = [claim for claim, where in pairs if family(where, experiment.family) == own]
        share = left(experiment, labels if experiment.confirm else (), own)
        beyond = out_of_reach(members, ("",), trials, paired, share) if share > 0 else None
        if beyond is None:
            continue
        where = f" on {own}" if own else ""
        yield (
            f"{beyond.claims} of {beyond.tested} tested claims{where} cannot be decided, whatever"
            f" the scores: with {trials} trials of each variant no p-value is below"
            f" {2 * beyond.smallest:.2g}, and {beyond.tested} claims share 0.05{FIX}at least"
            f" {beyond.trials} trials, or fewer claims"
        )


def _second_stage(experiment: Experiment) -> Iterator[str]:
    """A budget that ends before the first look or decides nothing, and a region that is a single
    point.
    """
    confirm = experiment.confirm
    if confirm is None:
        return
    if not any(claimed(experiment, task.label) for task in experiment.tasks):
        yield (
            "`confirm` has nothing to decide: none of the claims compares the scores of two"
            f" variants{FIX}claim `A worse than B`, `A better than B` or `A same as B`, or delete"
            " `confirm:`"
        )
    for task in experiment.tasks:
        variants = len(claimed(experiment, task.label))
        searched = experiment.search.trials * len(experiment.variants)
        pilots, rounds = confirm.pilot * variants, confirm.first * variants
        needed = searched + pilots + rounds
        if variants and confirm.budget < needed:
            most = confirm.most if confirm.until == "decided" else 3 * confirm.first
            more = min(2 * rounds, max(most - confirm.first, 0) * variants)
            yield (
                f"nothing can be confirmed on {task.label} with a budget of {confirm.budget}: the"
                f" search takes {searched} trainings, the pilots at least {pilots}, and the"
                f" {confirm.first} rounds before the first look {rounds}{FIX}budget:"
                f" {needed + more}, or fewer variants, trials or claims; at least {needed}"
            )
        elif variants:
            yield from _too_little(experiment, task.label)
    if region_size(confirm.region) == 1:
        yield (
            f"the region of {confirm.region:.3g} of the space is one setting, at which all rounds"
            f" train: what they find holds for that setting alone{FIX}region: 1%"
        )


def _too_little(experiment: Experiment, task: str) -> Iterator[str]:
    """A budget that decides no claim, whether variants do not differ or differ by the margin."""
    likely, confirm = forecast(experiment, task, experiment.search.trials), experiment.confirm
    if likely is None or confirm is None or any(claim.decidable for claim in likely.claims):
        return
    sees = min(claim.sees for claim in likely.claims)
    more = [f"budget: {likely.budget}"] if likely.budget and likely.budget > confirm.budget else []
    more += (
        [f"most: {likely.suffices}"] if likely.suffices and likely.suffices > confirm.most else []
    )
    enough = f"{' and '.join(more)}, " if more else ""
    yield (
        f"a budget of {confirm.budget} decides no claim on {task} in four of five studies, where"
        f" variants do not differ or differ by the margin: it finds differences from {sees:.2g}"
        f" on, with at most {likely.longest} rounds and a training's noise of {likely.noise:g},"
        f" which is a guess: `rnnzoo plan SPEC --noise N` where you know it{FIX}{enough}a larger"
        " margin, or fewer claims"
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


def out_of_reach(
    claims: Sequence[Claim], tasks: Sequence[str], trials: int, paired: bool, share: float = 1.0
) -> OutOfReach | None:
    """What no scores can decide: the smallest p-value of both words, times the claims, is above 5
    %.

    Args:
        share: of the 5 %, that these claims have.
    """
    tested = [claim for claim, _ in judged(claims, tasks) if claim.form in TESTED]
    if not tested:
        return None
    from rnnzoo.stats.compare import ALPHA, fewest_trials, holm_levels, smallest_p
    from rnnzoo.stats.shares import BOSCHLOO, more_often

    least = smallest_p(trials, paired, draws=2**31)
    most = min(trials, BOSCHLOO)
    shares = (
        more_often(most, most, 0, most)[0] if any(claim.form in SHARES for claim in tested) else 1.0
    )
    smallest = {**dict.fromkeys(SHARES, shares), FASTER: 0.5**ROUNDS}
    # over tasks that may fail
    spread = [len(claim.tasks) - claim.needed + 1 if claim.over else 1 for claim in tested]
    p = [
        min(1.0, 2 * times * smallest.get(claim.form, least) / share)
        for claim, times in zip(tested, spread)
    ]
    failing = [p_value for p_value, limit in zip(p, holm_levels(p)) if p_value > limit]
    if not failing:
        return None
    return OutOfReach(
        len(failing),
        len(p),
        share * max(failing) / 2,
        fewest_trials(share * ALPHA / len(p) / max(spread) / 2, paired),
    )
