"""What to train next: pilots until every variant does as well as predicted, then rounds until the
questions are closed.

In: the trials of the search, the pilots and the rounds so far.  Out: the next trainings, or that
there are none.  A function of what was trained and of nothing else: a sweep that was interrupted,
or has more workers, asks the same and gets the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from rnnzoo.confirm.questions import Looks, Question, Round, Seen, Standing, asked, look
from rnnzoo.confirm.region import Reach, Region, Scored, regions

Array = np.ndarray[Any, Any]
REPEATS = 4  # of the pilots, of a variant that keeps doing worse than predicted
SURPRISE = 2.5  # margins, by which a pilot may do worse than predicted
Uniform = Callable[[str], float]  # words -> a number in [0, 1), the same for the same words


@dataclass(frozen=True, slots=True)
class Design:
    """How questions are answered.

    Attributes:
        common: whether all variants train at the same settings; otherwise each has a region of its
            own.
        share: the share of the space that is the region.
        pilot: trainings of each variant at points of the region, before the rounds; they enter no
            verdict.
        budget: trainings in all, those of the search included.
        alpha: the share of studies that may contain a wrong answer.
        margin: the unit in which a pilot's surprise is measured.
        reach: how far the settings of rounds may lie from what was tried; farther only in studies
            that were begun when they could.
        own_scales: whether a variant whose scores are of another level or spread has a scale of its
            own; False only in studies that were begun when all had one.
    """

    looks: Looks
    most: int | None
    share: float = 0.01
    common: bool = True
    pilot: int = 2
    budget: int = 150
    alpha: float = 0.05
    margin: float = 0.1
    reach: Reach = Reach.TRIED
    own_scales: bool = True


@dataclass(frozen=True, slots=True)
class Wanted:
    """A training to make: `index` counts a variant's pilots, or the rounds."""

    variant: str
    index: int
    point: tuple[float, ...]
    expected: float

    @property
    def key(self) -> tuple[str, int]:
        return self.variant, self.index


@dataclass(frozen=True, eq=False, slots=True)
class Tuned:
    """The outcome of search and pilots.

    Attributes:
        regions: by variant.
        wanted: pilots that are still to be trained.
        untuned: variants that kept doing worse than predicted; no claim about them is decided.
        trained: pilots that were trained, each at the point where it should have been.
    """

    regions: Mapping[str, Region]
    wanted: tuple[Wanted, ...]
    untuned: tuple[str, ...]
    trained: tuple[Wanted, ...]

    @property
    def pilots(self) -> int:
        """How many were trained."""
        return len(self.trained)


def tune(
    design: Design,
    variants: Sequence[str],
    search: Scored,
    pilots: Mapping[tuple[str, int], float],
    uniform: Uniform,
) -> Tuned:
    """The regions after these pilots, and the pilots to train next.

    Args:
        variants: those that questions are about.
        pilots: score of each, by variant and index.
    """
    trials = search
    trained: list[Wanted] = []
    surprised = tuple(variants) if design.pilot else ()  # without pilots nobody is
    for repeat in range(REPEATS):
        if not surprised:
            break
        # pilots try what was not tried yet, if scores are expected to be best there
        predicted = _regions(design, trials, variants, Reach.ANYWHERE)
        wanted = [
            _random_pilot(predicted[variant], variant, repeat, number, design, uniform)
            for variant, number in product(surprised, range(design.pilot))
        ]
        missing = tuple(pilot for pilot in wanted if pilot.key not in pilots)
        trained += [pilot for pilot in wanted if pilot.key in pilots]
        if missing:
            return Tuned(predicted, missing, (), tuple(trained))
        scores = [pilots[pilot.key] for pilot in wanted]
        points = np.array([pilot.point for pilot in wanted])
        trials = trials.with_more(
            Scored(points, tuple(pilot.variant for pilot in wanted), np.array(scores))
        )
        worse = {
            pilot.variant
            for pilot, score in zip(wanted, scores)
            if _is_surprise(pilot, score, design.margin)
        }
        surprised = tuple(variant for variant in surprised if variant in worse)
    tried = _regions(design, trials, variants, design.reach)
    return Tuned(tried, (), surprised, tuple(trained))


def _regions(
    design: Design, trials: Scored, variants: Sequence[str], reach: Reach
) -> dict[str, Region]:
    return regions(trials, variants, design.share, design.common, reach, design.own_scales)


def _is_surprise(pilot: Wanted, score: float, margin: float) -> bool:
    """Whether a pilot did so much worse than predicted; one without a score, infinite or NaN,
    did.
    """
    return not score <= pilot.expected + SURPRISE * margin


def _random_pilot(
    region: Region, variant: str, repeat: int, number: int, design: Design, uniform: Uniform
) -> Wanted:
    place = int(uniform(f"pilot {variant} {repeat} {number}") * len(region.points))
    return _training_at(region, place, variant, repeat * design.pilot + number)


def _training_at(region: Region, place: int, variant: str, index: int) -> Wanted:
    """A training at one of a region's points."""
    point, expected = region.points[place], region.expected[variant][place]
    return Wanted(variant, index, tuple(point.tolist()), float(expected))


def place_in_round(region: Region, who: str, number: int, uniform: Uniform) -> int:
    """The position of a round's point in the region: all points in a random order before any is
    repeated.
    """
    size = len(region.points)
    order = sorted(range(size), key=lambda place: uniform(f"{who} {number // size} {place}"))
    return order[number % size]


@dataclass(frozen=True, slots=True)
class RoundsSoFar:
    """Where the rounds stand.

    Attributes:
        rounds: the complete ones, from the first on and without a gap.
        standings: of each question, after these rounds.
        history: of each question, after each round.
        missing: variant and round of the trainings that come next.
        trainings: how many were made, search and pilots included, or come next.
        ended: why none comes next: `decided`, `most` (rounds) or `budget`; empty where some do.
    """

    rounds: tuple[Round, ...]
    standings: tuple[Standing, ...]
    history: tuple[tuple[Standing, ...], ...]
    missing: tuple[tuple[str, int], ...]
    trainings: int
    ended: str


def progress(
    design: Design,
    questions: Sequence[Question],
    scores: Mapping[tuple[str, int], float],
    spent: int,
    seen: Seen,
) -> RoundsSoFar:
    """Replay the rounds, and find the trainings that come next.

    Before the first look no question can close, so all rounds up to it come at once, unless a later
    round is complete already.

    Args:
        questions: about variants that are tuned.
        scores: by variant and round, of the trainings that have ended; infinite where one gave
            none.
        spent: trainings of search and pilots.
    """
    rounds: list[Round] = []
    missing: list[tuple[str, int]] = []
    standings = tuple(Standing() for _ in questions)
    history: list[tuple[Standing, ...]] = []
    ended = ""
    while True:
        variants, number = asked(questions, standings), len(rounds)
        lacking = [(variant, number) for variant in variants if (variant, number) not in scores]
        batch_is_full = bool(missing) and number >= design.looks.first
        # complete already, as after an interruption: it and what follows wait, so that rounds are
        # told without a gap
        behind_a_gap = bool(missing) and not lacking
        if batch_is_full or behind_a_gap:
            break
        ended = _ended(design, variants, number, spent)
        if ended:
            break
        spent += len(variants)
        missing += lacking
        rounds.append({variant: scores.get((variant, number), math.nan) for variant in variants})
        if not missing:
            standings = look(questions, standings, rounds, design.looks, design.alpha, seen)
            history.append(standings)
    whole = [scored for scored in rounds if not any(math.isnan(score) for score in scored.values())]
    return RoundsSoFar(
        tuple(whole), standings, tuple(history), tuple(missing), spent, "" if missing else ended
    )


def _ended(design: Design, names: Sequence[str], rounds: int, spent: int) -> str:
    if not names:
        return "decided"
    if design.most is not None and rounds >= design.most:
        return "most"
    return "budget" if spent + len(names) > design.budget else ""


def in_round(design: Design, tuned: Tuned, variant: str, number: int, uniform: Uniform) -> Wanted:
    """The training of a variant in a round."""
    region = tuned.regions[variant]
    place = place_in_round(
        region, "round" if design.common else f"round {variant}", number, uniform
    )
    return _training_at(region, place, variant, number)


def tuned_questions(questions: Sequence[Question], untuned: Sequence[str]) -> tuple[Question, ...]:
    """The questions that can be asked: those about variants that do as well as predicted."""
    return tuple(
        question
        for question in questions
        if question.a not in untuned and question.b not in untuned
    )
