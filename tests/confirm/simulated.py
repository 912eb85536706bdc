"""Simulated studies: how often `confirm:` says a wrong word, and how many right ones for how many
trainings.

    python -m tests.confirm.simulated             prints the table of docs/judging.md
    python -m tests.confirm.simulated 200 forest  only rows whose name begins so, with so many
                                                  studies each
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from rnnzoo.confirm.questions import Answer, Question, Seen
from rnnzoo.confirm.region import Scored, best_expected
from rnnzoo.confirm.stage import Design, Tuned, in_round, progress, tune, tuned_questions
from rnnzoo.stats.sequential import Boundary
from tests.confirm import landscapes
from tests.confirm.landscapes import AXES, VARIANTS, Landscape

Point = tuple[float, ...]
MARGIN, FLOOR = 0.2, 0.1
BUDGETS = (150, 300)  # trainings
SEARCH = 4  # trials of each variant
# of the variants that questions are about; the rest has none
EFFECTS = (0.0, 0.15, 0.3, 0.3, 0.0, 0.0)
QUESTIONS = tuple(Question(f"v{position}", "v0", FLOOR, MARGIN) for position in range(1, 6))
DESIGN = Design(Boundary(6, 18), 18, margin=MARGIN)


@dataclass(frozen=True, slots=True)
class Told:
    """What a study said.

    Attributes:
        answers: to every question; open where a variant was not tuned.
        trainings: in all.
    """

    answers: tuple[Answer, ...]
    trainings: int

    def wrong(self, effects: Sequence[float]) -> int:
        return sum(_wrong(answer, effects[number]) for number, answer in enumerate(self.answers, 1))

    def right(self, effects: Sequence[float]) -> int:
        return sum(answer is not Answer.OPEN for answer in self.answers) - self.wrong(effects)


def _wrong(answer: Answer, effect: float) -> bool:
    if answer is Answer.WORSE:
        return effect <= 0.0
    if answer is Answer.BETTER:
        return effect >= 0.0
    return answer is Answer.SAME and abs(effect) >= MARGIN


def study(
    landscape: Landscape,
    design: Design,
    effects: Sequence[float],
    seed: int,
    trials: int = SEARCH,
    axes: int = len(AXES),
) -> Told:
    """One whole study: search, pilots, rounds.

    Args:
        trials: of each variant, in the search.
        axes: how many are searched.
    """
    rng = np.random.default_rng(seed)
    added = dict(enumerate(effects))

    def train(variant: str, points: np.ndarray) -> np.ndarray:
        number = int(variant[1:])
        return landscape.score(points, number, rng) + added.get(number, 0.0)

    def uniform(words: str) -> float:
        return float(rng.random())

    drawn = [rng.random((trials, axes)) for _ in range(VARIANTS)]
    names = [f"v{position}" for position in range(VARIANTS)]
    search = Scored(
        np.concatenate(drawn),
        tuple(name for name in names for _ in range(trials)),
        np.concatenate([train(name, points) for name, points in zip(names, drawn)]),
    )
    claimed = tuple(
        dict.fromkeys(label for question in QUESTIONS for label in (question.b, question.a))
    )
    fixed: dict[str, float] = {}

    def same(words: str) -> float:
        return fixed.setdefault(words, uniform(words))

    pilots: dict[tuple[str, int], float] = {}
    settings: dict[tuple[str, int], Point] = {}
    while (tuned := tune(design, claimed, search, pilots, same)).wanted:
        for pilot in tuned.wanted:
            pilots[pilot.variant, pilot.index] = float(
                train(pilot.variant, np.array([pilot.point]))[0]
            )
            settings[pilot.variant, pilot.index] = pilot.point
    questions = tuned_questions(QUESTIONS, tuned.untuned)
    scores: dict[tuple[str, int], float] = {}
    spent = len(search.scores) + tuned.pilots
    seen = Seen(float(search.scores.max()), best_seen(search, pilots, settings, tuned))
    while (now := progress(design, questions, scores, spent, seen)).missing:
        for variant, number in now.missing:
            wanted = in_round(design, tuned, variant, number, same)
            scores[variant, number] = float(train(variant, np.array([wanted.point]))[0])
    standings = dict(zip(questions, now.standings))
    return Told(
        tuple(
            standings[question].answer if question in standings else Answer.OPEN
            for question in QUESTIONS
        ),
        now.trainings,
    )


def best_seen(
    search: Scored,
    pilots: Mapping[tuple[str, int], float],
    settings: Mapping[tuple[str, int], Point],
    tuned: Tuned,
) -> dict[str, float]:
    """The best score of each variant at settings other than those of the rounds."""
    inside = {
        label: set(map(tuple, region.points.tolist())) for label, region in tuned.regions.items()
    }
    elsewhere = [settings[variant, number] not in inside[variant] for variant, number in pilots]
    of_pilots = Scored(
        np.array([settings[pilot] for pilot in pilots]),
        tuple(variant for variant, _ in pilots),
        np.array([*pilots.values()]),
    )
    return best_expected(search.with_more(of_pilots), [*(True for _ in search.scores), *elsewhere])


def rows() -> dict[str, Callable[[], Callable[[int], Landscape]]]:
    """By name, what makes the landscape of a study of some seed."""
    forest, kernel = landscapes.forest, landscapes.kernel
    half, whole = {1: 0.5, 3: -0.5, 4: 0.5}, {1: 1.0, 4: 1.0}

    def always(landscape: Landscape) -> Callable[[int], Landscape]:
        return lambda seed: landscape

    return {
        "forest": lambda: always(Landscape(forest(own=False))),
        "forest, noise 0.05": lambda: always(Landscape(forest(own=False), 0.05)),
        "forest, noise 0.15": lambda: always(Landscape(forest(own=False), 0.15)),
        "forest, skewed": lambda: always(Landscape(forest(own=False), skew=0.8)),
        "forest, v1 fails in 20 %": lambda: always(Landscape(forest(own=False), fails={1: 0.2})),
        "forest, cliffs": lambda: always(
            Landscape(landscapes.cliffs(forest(own=False), (1, 3, 5)))
        ),
        "forest, half a decade apart": lambda: always(
            Landscape(landscapes.apart(forest(own=False), half))
        ),
        "forest, a decade apart": lambda: always(
            Landscape(landscapes.apart(forest(own=False), whole))
        ),
        "kernel": lambda: always(Landscape(kernel(own=False))),
        "own forests": lambda: always(Landscape(forest(own=True))),
        "own kernels": lambda: always(Landscape(kernel(own=True))),
        "bowls": lambda: lambda seed: Landscape(landscapes.bowls(seed, 0.15)),
        "bowls, ripples 0.3": lambda: lambda seed: Landscape(landscapes.bowls(seed, 0.3)),
        "bowls, v5 six times as steep": lambda: (
            lambda seed: Landscape(landscapes.steeper(landscapes.bowls(seed, 0.15), 5, 6.0))
        ),
    }


def share_and_counts(
    landscape: Callable[[int], Landscape], design: Design, effects: Sequence[float], studies: int
) -> tuple[float, float, float]:
    """The share of studies with a wrong answer, right answers a study, trainings a study."""
    told = [study(landscape(seed), design, effects, seed) for seed in range(studies)]
    wrong = np.mean([run.wrong(effects) > 0 for run in told])
    return (
        float(wrong),
        float(np.mean([run.right(effects) for run in told])),
        float(np.mean([run.trainings for run in told])),
    )


def main(studies: int, only: str) -> None:
    equal = (0.0,) * 6
    print(f"{'landscape':30} {'budget':>6}  wrong, all equal   wrong   right of 5   trainings")
    chosen = {name: made() for name, made in rows().items() if name.startswith(only)}
    for budget, (name, landscape) in product(BUDGETS, chosen.items()):
        design = replace(DESIGN, budget=budget)
        null, _, _ = share_and_counts(landscape, design, equal, studies)
        wrong, right, trainings = share_and_counts(landscape, design, EFFECTS, studies)
        print(
            f"{name:30} {budget:6}  {null:16.3f}  {wrong:6.3f}  {right:11.2f}  {trainings:10.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, sys.argv[2] if len(sys.argv) > 2 else "")
