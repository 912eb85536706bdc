"""Studies whose truth is known: how often the judge calls two variants different that are not, and
how often it is right.

    python -m tests.stats.alarms          prints the table of docs/judging.md

Trials are drawn from those of `results/greff2015.csv` on JSB Chorales, each variant's less their
median.  Where the two variants of a study differ in more than their name, A is moved so that the
expected means of the best `keep` are equal.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from rnnzoo.stats.compare import Comparison, Trials

TABLE = Path(__file__).parent.parent.parent / "results/greff2015.csv"
EXPLODES = "noaf"  # a third of its trials do
SIZES = ((8, 3), (20, 3), (60, 6), (200, 20))  # trials of each, and how many are kept
LOST = 0.4
# (studies, trials, 2): the score that selects and the one that is reported, for a generator and the
# numbers of both
Draw = Callable[[np.random.Generator, int, int], np.ndarray]


@cache
def real() -> np.ndarray:
    """(trials, 2) of all variants, validation and test, less the variant's median."""
    rows: dict[str, list[tuple[float, float]]] = {}
    with TABLE.open() as stream:
        stream.readline()
        for row in csv.DictReader(stream):
            if row["task"] == "jsb_chorales" and row["variant"] != EXPLODES:
                rows.setdefault(row["variant"], []).append(
                    (float(row["validation"]), float(row["test"]))
                )
    return np.concatenate(
        [np.array(variant) - np.median(variant, axis=0) for variant in rows.values()]
    )


def alike(rng: np.random.Generator, studies: int, trials: int) -> np.ndarray:
    return real()[rng.integers(len(real()), size=(studies, trials))]


def twice(rng: np.random.Generator, studies: int, trials: int) -> np.ndarray:
    return 2.0 * alike(rng, studies, trials)


def half(rng: np.random.Generator, studies: int, trials: int) -> np.ndarray:
    return 0.5 * alike(rng, studies, trials)


def bad(rng: np.random.Generator, studies: int, trials: int) -> np.ndarray:
    """The worse half is three times as bad."""
    scores = alike(rng, studies, trials)
    return np.where(scores > 0.0, 3.0 * scores, scores)


def diverging(rng: np.random.Generator, studies: int, trials: int) -> np.ndarray:
    """Two in five trials diverge, but at least three do not."""
    scores = alike(rng, studies, trials)
    lost = rng.random((studies, trials)) < LOST
    lost[:, :3] = False
    scores[rng.permuted(lost, axis=1)] = math.inf
    return scores


@dataclass(frozen=True)
class Case:
    """Two variants whose tuned means are equal."""

    a: Draw
    b: Draw


CASES = {
    "identical": Case(alike, alike),
    "A spreads twice as wide": Case(twice, alike),
    "A half as wide": Case(half, alike),
    "A: bad part three times as bad": Case(bad, alike),
    "A: 40 % of the trials diverge": Case(diverging, alike),
    "both: 40 % diverge": Case(diverging, diverging),
}


def trials(draw: Draw, rng: np.random.Generator, count: int, worse_by: float = 0.0) -> Trials:
    scores = draw(rng, 1, count)[0] + worse_by
    return Trials.of(scores[:, 0], scores[:, 1])


def tuned(scores: np.ndarray, keep: int, worst: np.ndarray) -> np.ndarray:
    """(studies,) the mean of the best `keep` of each study; what did not complete scores
    `worst`.
    """
    report = np.where(np.isfinite(scores[..., 1]), scores[..., 1], worst[:, None])
    best = np.argsort(scores[..., 0], axis=1, kind="stable")[:, :keep]
    return np.take_along_axis(report, best, axis=1).mean(axis=1)


def worst(*scores: np.ndarray) -> np.ndarray:
    """(studies,) the worst reported score that is finite."""
    both = np.concatenate([of_variant[..., 1] for of_variant in scores], axis=1)
    return np.where(np.isfinite(both), both, -math.inf).max(axis=1)


@cache
def advantage(case: str, count: int, keep: int, studies: int = 20_000) -> float:
    """How much worse A's tuned mean is than B's, by simulation."""
    rng = np.random.default_rng([count, keep])
    a, b = (draw(rng, studies, count) for draw in (CASES[case].a, CASES[case].b))
    return float((tuned(a, keep, worst(a, b)) - tuned(b, keep, worst(a, b))).mean())


def studies(case: str, count: int, keep: int, number: int) -> Iterator[tuple[Trials, Trials, int]]:
    """Pairs of searches whose tuned means are equal, and a seed for each."""
    rng = np.random.default_rng([count, keep, number])
    by = advantage(case, count, keep) if CASES[case].a is not CASES[case].b else 0.0
    for seed in range(number):
        yield trials(CASES[case].a, rng, count, -by), trials(CASES[case].b, rng, count), seed


def alarms(case: str, count: int, keep: int, number: int, draws: int = 199) -> tuple[float, float]:
    """Shares of studies that call A worse, and A better, at 5 % each."""
    worse = better = 0
    for a, b, seed in studies(case, count, keep, number):
        verdict = Comparison(a, b, keep, seed, draws).test()
        worse += verdict.worse <= 0.05
        better += verdict.better <= 0.05
    return worse / number, better / number


def welch_alarms(case: str, count: int, keep: int, number: int) -> float:
    """Share of studies that Welch's test on the kept trials calls different, two-sided at 5 %."""
    return (
        sum(
            Comparison(a, b, keep, seed, draws=1).welch().p <= 0.05
            for a, b, seed in studies(case, count, keep, number)
        )
        / number
    )


def main(number: int = 2000) -> None:
    print(f"| | {' | '.join(f'{count}/{keep}' for count, keep in SIZES)} |")
    print("| --- " * (len(SIZES) + 1) + "|")
    for case in CASES:
        shares = [alarms(case, count, keep, number) for count, keep in SIZES]
        print(
            f"| {case} | {' | '.join(f'{100 * a:.1f} / {100 * b:.1f}' for a, b in shares)} |",
            flush=True,
        )
    welch = [welch_alarms("identical", count, keep, number) for count, keep in SIZES]
    print(
        "| Welch's test, identical (both directions together) |"
        f" {' | '.join(f'{100 * rate:.1f}' for rate in welch)} |"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
