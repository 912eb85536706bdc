"""An experiment -> what its second stage can be expected to decide, before it runs or goes on.

In: an experiment, a task, where its second stage stands, and how far scores at one setting spread.
Out: for each open claim, after how many rounds four of five studies decide it, if the two variants
truly differ by so many parts of the margin; and how many rounds the budget has.  Not in it: the
checks that can keep a claim open (lopsided, seen elsewhere), and that a region may miss the best
settings.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rnnzoo.confirm.questions import Answer, Looks, Question, Round, rounds_to_decide
from rnnzoo.confirm.stage import Design
from rnnzoo.confirm.stand import Stand, design, question, searches, too_few, undecided
from rnnzoo.spec.claims import variants_of
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.read_experiment.keys import MAX_ROUNDS
from rnnzoo.stats.sequential import Boundary, room_needed

PARTS = (0.0, 0.2, 0.5, 1.0, 2.0)  # of a claim's margin: the true differences that are asked about
USUAL = 0.5  # of the margin: a training's standard deviation where nothing is known of it
ENOUGH = 3  # rounds that a spread is taken from


@dataclass(frozen=True, slots=True)
class Case:
    """A true difference, and the rounds after which four of five studies decide; None where no
    number of rounds does.
    """

    difference: float
    rounds: int | None


@dataclass(frozen=True, slots=True)
class Expected:
    """What is to be expected of a claim.

    Attributes:
        spread: standard deviation of a difference within a round.
        measured: how many rounds the spread is from; 0 where it is given or guessed.
        cases: by true difference, while all open claims share the level.
        sees: the smallest difference that four of five studies find if this claim stays open
            longest; infinite where the budget has no look.
        decidable: whether four of five studies decide it then, where there is no difference or one
            of the margin.
    """

    claim: str
    spread: float
    measured: int
    cases: tuple[Case, ...]
    sees: float
    decidable: bool


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is to be expected of the second stage on a task.

    Attributes:
        noise: standard deviation of a training's score at one setting, where no rounds say it.
        given: whether that was given; else it is a guess.
        run: rounds that were run.
        rounds: in all, if every open claim stays open.
        longest: in all, for a claim that stays open when the others close at the next look.
        claims: the open ones.
        suffices: the fewest rounds that decide some claim, where there is no difference or one of
            the margin, even if all claims stay open, with a `most` of so many where the present one
            is less; None where no number does.
        budget: trainings in all, with which so many rounds can be run; the present one where it is
            enough.
        most: rounds at most, by the file; None without a last one.
        hours: of training, by the file, at which rounds end too; the numbers leave them out.
    """

    task: str
    noise: float
    given: bool
    run: int
    rounds: int
    longest: int
    claims: tuple[Expected, ...]
    suffices: int | None
    budget: int | None
    most: int | None
    hours: float | None


def forecast(
    experiment: Experiment,
    task: str,
    trials: int,
    now: Stand | None = None,
    noise: float | None = None,
    before: Sequence[Stand] = (),
) -> Forecast | None:
    """What is to be expected on a task; None where nothing is or can be confirmed there, or all is
    decided.

    Args:
        task: its label.
        trials: of each search.
        now: where the second stage stands, if it has begun.
        noise: standard deviation of a training's score at one setting; without it that of the
            rounds, else a guess.
        before: where the second stage stands on the tasks before.
    """
    if experiment.confirm is None or too_few(experiment, task, trials):
        return None
    how, hours = design(experiment, experiment.confirm, task), experiment.confirm.hours
    rounds = () if now is None else now.rounds
    asked = _open_questions(experiment, task, before, now)
    if not asked:
        return None
    variants = len(variants_of(asked.values()))
    spent = _spent(experiment, how, trials, variants, now)
    left, run = max(how.budget - spent, 0), len(rounds)
    usual = USUAL * how.margin if noise is None else noise
    spreads = _spreads(asked, rounds if noise is None else (), math.sqrt(2.0) * usual)
    longest = _at_most(how, _longest(how, run, left, variants))
    sharing = sum(about.levels is None for about in asked.values())
    suffices = _suffices(how, [(about, spreads[text][0]) for text, about in asked.items()])
    budget = None
    if suffices is not None:
        budget = max(how.budget, spent + max(suffices - run, 0) * variants)
    return Forecast(
        task=task,
        noise=usual,
        given=noise is not None,
        run=run,
        rounds=_at_most(how, run + left // variants),
        longest=longest,
        claims=tuple(
            _expected(text, about, how, sharing, longest, *spreads[text])
            for text, about in asked.items()
        ),
        suffices=suffices,
        budget=budget,
        most=how.most,
        hours=hours if math.isfinite(hours) else None,
    )


def _open_questions(
    experiment: Experiment, task: str, before: Sequence[Stand], now: Stand | None
) -> dict[str, Question]:
    """By claim, the questions that rounds are still to answer on a task."""
    asked = {
        claim.text: question(claim, experiment) for claim in undecided(experiment, task, before)
    }
    if now is None or not now.rounds:
        return asked
    standings = now.standings.items()
    return {text: asked[text] for text, standing in standings if standing.answer is Answer.OPEN}


def _spent(
    experiment: Experiment, how: Design, trials: int, variants: int, now: Stand | None
) -> int:
    """Trainings that are made before the next round: as counted, or else whole searches and the
    pilots of the variants that are asked about.
    """
    if now is not None and now.rounds:
        return now.trainings
    return searches(experiment, trials) + how.pilot * variants


def _at_most(how: Design, rounds: int) -> int:
    return rounds if how.most is None else min(rounds, how.most)


def _longest(how: Design, run: int, left: int, variants: int) -> int:
    """Rounds in all, where all variants train until the next look, and then two."""
    until = max(how.looks.first - run, 1)
    if left < until * variants:
        return run + left // variants
    return run + until + (left - until * variants) // 2


def _spreads(
    asked: Mapping[str, Question], rounds: Sequence[Round], usual: float
) -> dict[str, tuple[float, int]]:
    """By claim, the spread of its differences and how many it is from: of its own, else of all
    claims', else the usual.
    """
    differences = {text: _differences(about, rounds) for text, about in asked.items()}
    measured = {text: of_claim for text, of_claim in differences.items() if len(of_claim) >= ENOUGH}
    spreads = {
        text: (statistics.stdev(of_claim), len(of_claim)) for text, of_claim in measured.items()
    }
    if spreads:
        usual = math.sqrt(statistics.fmean(spread**2 for spread, _ in spreads.values()))
    return {text: spreads.get(text, (usual, 0)) for text in asked}


def _differences(asked: Question, rounds: Sequence[Round]) -> list[float]:
    paired = [scored for scored in rounds if asked.a in scored and asked.b in scored]
    differences = [scored[asked.a] - scored[asked.b] for scored in paired]
    return [difference for difference in differences if math.isfinite(difference)]


def _expected(
    text: str,
    asked: Question,
    how: Design,
    sharing: int,
    longest: int,
    spread: float,
    measured: int,
) -> Expected:
    # a claim that stays open when the others have closed has the whole level for itself
    level, last_level = asked.level(how.alpha, sharing), asked.level(how.alpha, 1)
    differences = [part * asked.margin for part in PARTS]
    cases = [
        Case(gap, rounds_to_decide(asked, gap, how.looks, spread, level)) for gap in differences
    ]
    alone = [
        rounds_to_decide(asked, difference, how.looks, spread, last_level)
        for difference in (0.0, asked.margin)
    ]
    return Expected(
        text,
        spread,
        measured,
        tuple(cases),
        asked.floor + room_needed(how.looks, spread, last_level, longest),
        any(rounds is not None and rounds <= longest for rounds in alone),
    )


def _suffices(how: Design, asked: Sequence[tuple[Question, float]]) -> int | None:
    """The fewest rounds with which some question of a spread is decided; a later last round makes
    every look wider.
    """
    rounds, most = _fewest(how, how.looks, asked), how.most
    while rounds is not None and most is not None and rounds > most:
        if rounds > MAX_ROUNDS:
            return None
        most = rounds
        rounds = _fewest(how, Boundary(how.looks.first, most), asked)
    return rounds if most == how.most else most


def _fewest(how: Design, looks: Looks, asked: Sequence[tuple[Question, float]]) -> int | None:
    sharing = sum(about.levels is None for about, _ in asked)
    counts = []
    for about, spread in asked:
        level = about.level(how.alpha, sharing)
        counts += [
            rounds_to_decide(about, gap, looks, spread, level) for gap in (0.0, about.margin)
        ]
    return min((count for count in counts if count is not None), default=None)
