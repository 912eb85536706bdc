"""What an experiment cannot find out, said before it runs; a warning is no mistake.

In: an experiment.  Out: remarks, each with what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from rnnzoo import lang
from rnnzoo.confirm.forecast import forecast
from rnnzoo.confirm.own_settings import ENOUGH, may_miss
from rnnzoo.confirm.region import region_size
from rnnzoo.confirm.stand import claimed, confirmed, left, searches, too_few
from rnnzoo.errors import Mistake, Remark, listed, number_of
from rnnzoo.lang import ir
from rnnzoo.spec.cell import Init, built_in_names
from rnnzoo.spec.claims import FASTER, SHARES, TESTED, approximate, family, judged
from rnnzoo.spec.experiment import Claim, Confirm, Experiment
from rnnzoo.spec.read_experiment.tasks import solvable
from rnnzoo.spec.timing import ROUNDS
from rnnzoo.spec.unused import without_effect
from rnnzoo.stats.scales import FEWEST

Said = TypeVar("Said")
SHORT = 1 / 3  # of the epochs: patience below it may end a training on its plateau


def warned(experiment: Experiment) -> list[Remark]:
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
            problem = f"variant '{variant.label}': {mistake.problem}"
            mistakes.append(replace(mistake, problem=problem))
    return tuple(mistakes)


def warnings(experiment: Experiment) -> list[Remark]:
    """Warnings about an experiment whose text is right."""
    return [
        *_patience(experiment),
        *_reach(experiment),
        *_second_stage(experiment),
        *_approximate(experiment),
    ]


def _patience(experiment: Experiment) -> Iterator[Remark]:
    training, folder = experiment.training, Path(experiment.file).parent
    plateaus = [task.label for task in experiment.tasks if solvable(task.name, folder)]
    if plateaus and 0 < training.patience < SHORT * training.epochs:
        yield Remark(
            f"patience {training.patience} of {training.epochs} epochs is short for"
            f" {listed(plateaus)}: such tasks are learnt after a plateau on which no score"
            " improves, and a training that is stopped there counts as one that fails",
            f"patience: 0, or at least {-(-training.epochs // 3)}",
        )


def _reach(experiment: Experiment) -> Iterator[Remark]:
    labels, trials = [task.label for task in experiment.tasks], experiment.search.trials
    paired = experiment.paired(experiment.baseline, experiment.baseline)
    pairs = judged(experiment.claims, labels)
    # what rounds decide is not up to the search, and has its share of the level
    if experiment.confirm is not None:
        pairs = [(claim, where) for claim, where in pairs if not confirmed(claim)]

    def beyond(own: str) -> OutOfReach | None:
        members = [claim for claim, where in pairs if family(where, experiment.family) == own]
        share = left(experiment, labels if experiment.confirm else (), own)
        return out_of_reach(members, ("",), trials, paired, share) if share > 0 else None

    families = dict.fromkeys(family(where, experiment.family) for _, where in pairs)
    for lost, tasks in _alike(families, beyond).items():
        each = " each" if len(tasks) > 1 else ""
        where = f"{each} {listed(f'on {task}' for task in tasks)}" if any(tasks) else ""
        yield Remark(
            f"{lost.claims} of {number_of(lost.tested, 'tested claim')}{where} cannot be decided,"
            f" whatever the scores: with {number_of(trials, 'trial')} of each variant no p-value is"
            f" below {2 * lost.smallest:.2g}, and {_sharing(lost)}",
            f"at least {number_of(lost.trials, 'trial')}, or fewer claims",
        )


def _sharing(lost: OutOfReach) -> str:
    have = f"{lost.tested} claims share" if lost.tested > 1 else "1 claim has"
    rest = "" if lost.share == 1.0 else ", as those that rounds decide have the rest of 0.05"
    return f"{have} {0.05 * lost.share:.2g}{rest}"


def _alike(labels: Iterable[str], said: Callable[[str], Said | None]) -> dict[Said, list[str]]:
    """What there is to say of tasks, each with the tasks of which the same is said."""
    alike: dict[Said, list[str]] = {}
    for label in labels:
        statement = said(label)
        if statement is not None:
            alike.setdefault(statement, []).append(label)
    return alike


def _second_stage(experiment: Experiment) -> Iterator[Remark]:
    """Searches too short to say where cells do well, a budget that ends before the first look or
    decides nothing, and a region that is a single point.
    """
    confirm = experiment.confirm
    if confirm is None:
        return
    labels = [task.label for task in experiment.tasks]
    if not any(claimed(experiment, label) for label in labels):
        yield Remark(
            "`confirm` has nothing to decide: none of the claims compares the scores of two"
            " variants",
            "claim `A worse than B`, `A better than B` or `A same as B`, or delete `confirm:`",
        )
    yield from _too_few(experiment, labels)
    trials = experiment.search.trials
    budgets = {
        label: _Budget.of(experiment, label, confirm)
        for label in labels
        if not too_few(experiment, label, trials)
    }
    yield from _too_short(confirm, budgets)
    yield from _too_little(
        experiment, confirm, [label for label, budget in budgets.items() if budget.reaches_a_look]
    )
    rounds_of = {variant for label in labels for variant in claimed(experiment, label)}
    missed = may_miss(experiment, rounds_of)
    if missed:
        yield Remark(
            f"`settings: own`: {missed}",
            f"`settings: common`, or one searched hyper-parameter and at least {ENOUGH} trials",
        )
    if region_size(confirm.region) == 1:
        yield Remark(
            f"the region of {confirm.region:.3g} of the space is one setting, at which all rounds"
            " train: what they find holds for that setting alone",
            "region: 1%",
        )


def _too_few(experiment: Experiment, labels: Iterable[str]) -> Iterator[Remark]:
    """Searches that cannot say where variants do well, whatever their scores."""
    trials = experiment.search.trials
    for variants, tasks in _alike(labels, lambda label: too_few(experiment, label, trials)).items():
        if not variants:
            continue
        enough = [
            more
            for more in range(trials + 1, FEWEST + 1)
            if not any(too_few(experiment, task, more) for task in tasks)
        ]
        yield Remark(
            f"nothing can be confirmed on {listed(tasks, 'or')} with"
            f" {number_of(trials, 'trial')} of each variant: where {listed(variants)} can do well"
            f" is predicted from the trials of all variants with the same space, of which there"
            f" must be at least {FEWEST}",
            f"at least {number_of(enough[0], 'trial')}" if enough else "a grid of more points",
        )


@dataclass(frozen=True, slots=True)
class _Budget:
    """What a budget is spent on before claims about scores are first judged, in trainings.

    Attributes:
        variants: that such claims compare on the task.
    """

    variants: int
    budget: int
    searched: int
    pilots: int
    rounds: int

    @classmethod
    def of(cls, experiment: Experiment, task: str, confirm: Confirm) -> _Budget:
        variants = len(claimed(experiment, task))
        return cls(
            variants=variants,
            budget=confirm.budget,
            searched=searches(experiment, experiment.search.trials),
            pilots=confirm.pilot * variants,
            rounds=confirm.first * variants,
        )

    @property
    def needed(self) -> int:
        return self.searched + self.pilots + self.rounds

    @property
    def reaches_a_look(self) -> bool:
        return self.variants > 0 and self.budget >= self.needed

    @property
    def ends_before_it(self) -> bool:
        return self.variants > 0 and self.budget < self.needed


def _too_short(confirm: Confirm, budgets: Mapping[str, _Budget]) -> Iterator[Remark]:
    """A budget that ends before the first look."""
    short = [label for label, budget in budgets.items() if budget.ends_before_it]
    most = confirm.most if confirm.until == "decided" else 3 * confirm.first
    for budget, tasks in _alike(short, lambda label: budgets[label]).items():
        more = min(2 * budget.rounds, max(most - confirm.first, 0) * budget.variants)
        on_each = "on each, " if len(tasks) > 1 else ""
        yield Remark(
            f"nothing can be confirmed on {listed(tasks, 'or')} with a budget of"
            f" {confirm.budget}: {on_each}the search takes"
            f" {number_of(budget.searched, 'training')}, the pilots at least {budget.pilots}, and"
            f" the {number_of(confirm.first, 'round')} before the first look {budget.rounds}",
            f"budget: {budget.needed + more}, or fewer variants, trials or claims; at least"
            f" {budget.needed}",
        )


def _too_little(
    experiment: Experiment, confirm: Confirm, labels: Iterable[str]
) -> Iterator[Remark]:
    """A budget that decides no claim, whether variants do not differ or differ by the margin."""
    for lacking, tasks in _alike(labels, lambda label: _Lacking.of(experiment, label)).items():
        yield Remark(
            f"a budget of {confirm.budget} decides no claim on {listed(tasks, 'or')} in four of"
            " five studies, where variants do not differ or differ by the margin: it finds"
            f" differences from {lacking.sees:.2g} on, with at most"
            f" {number_of(lacking.longest, 'round')} and a training's noise of"
            f" {lacking.noise:g}, which is a guess: `rnnzoo plan SPEC --noise N` where you know it",
            lacking.fix(confirm),
        )


@dataclass(frozen=True, slots=True)
class _Lacking:
    """What a budget that decides no claim on a task can do, and what would decide one.

    Attributes:
        sees: the smallest difference that it finds.
        longest: rounds for a claim that stays open longest.
        noise: of a training, as it is guessed.
        budget, most: that would decide a claim; 0 where none is known.
    """

    sees: float
    longest: int
    noise: float
    budget: int
    most: int

    @classmethod
    def of(cls, experiment: Experiment, task: str) -> _Lacking | None:
        """None where the budget decides a claim, or nothing can be foretold."""
        likely = forecast(experiment, task, experiment.search.trials)
        if likely is None or any(claim.decidable for claim in likely.claims):
            return None
        sees = min(claim.sees for claim in likely.claims)
        enough = (likely.budget or 0, likely.suffices or 0)
        return cls(sees, likely.longest, likely.noise, *enough)

    def fix(self, confirm: Confirm) -> str:
        enough = []
        if self.budget > confirm.budget:
            enough.append(f"budget: {self.budget}")
        if self.most > confirm.most:
            enough.append(f"most: {self.most}")
        or_else = "a larger margin, or fewer claims"
        return f"{listed(enough)}, {or_else}" if enough else or_else


def _approximate(experiment: Experiment) -> Iterator[Remark]:
    remark = approximate(experiment)
    if remark and experiment.claims:
        yield remark


@dataclass(frozen=True, slots=True)
class OutOfReach:
    """Claims that so few trials cannot decide, whatever their scores.

    Attributes:
        claims: how many of the tested ones.
        tested: how many are tested, and so share the level.
        smallest: the smallest one-sided p-value that the trials can have.
        trials: of each variant, from which on all of them can be decided.
        share: of the 5 %, that the tested claims have.
    """

    claims: int
    tested: int
    smallest: float
    trials: int
    share: float


def _spread(claim: Claim) -> int:
    """Among how many tasks a claim's error is shared: it may fail on the others."""
    return len(claim.tasks) - claim.needed + 1 if claim.over else 1


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
    of_shares = any(claim.form in SHARES for claim in tested)
    shares = more_often(most, most, 0, most)[0] if of_shares else 1.0
    smallest = {**dict.fromkeys(SHARES, shares), FASTER: 0.5**ROUNDS}
    spread = [_spread(claim) for claim in tested]
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
        share,
    )
