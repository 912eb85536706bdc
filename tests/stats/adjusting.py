"""The comparison at equal settings, beside that of the best, on studies whose truth is known.

    python -m tests.stats.adjusting            prints the tables of docs/judging.md
    python -m tests.stats.adjusting 100        from so many studies

`real` draws trials of `results/greff2015.csv` on JSB Chorales, each variant's less the mean of its
best tenth, no trial twice, and moves A's scores.  `lower_basin` draws them likewise and moves A's
learning rates: A does at a lower rate what B does, and the two are equal when each is tuned.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from rnnzoo.spec.experiment import Dimension, Space
from rnnzoo.spec.points import places
from rnnzoo.stats.adjusted import Adjusted, Placed
from rnnzoo.stats.compare import Comparison, Trials
from tests.stats.alarms import EXPLODES, TABLE

SPACE = Space(
    (
        Dimension("units", "int", 20, 200, log=True),
        Dimension("learning_rate", "float", 1e-6, 1e-2, log=True),
        Dimension("one_minus_momentum", "float", 0.01, 1, log=True),
        Dimension("noise", "float", 0, 1),
    )
)
SIZES = ((8, 3), (20, 3), (60, 6))  # trials of each, and how many are kept
DIFFERENCES = (0.0, 0.1, 0.2, 0.5)
# of learning rates: by how much A's are lower, and how many are searched
LOWER, DECADES = 0.25, 4.0
AXES = len(SPACE.dimensions)
# generator and trials of each -> A and B
Study = Callable[[np.random.Generator, int], tuple[Placed, Placed]]


@cache
def trials() -> np.ndarray:
    """(trials, axes and 2) of all variants: the place in the unit cube, validation and test, less
    those of its best tenth.
    """
    rows: dict[str, list[list[float]]] = {}
    with TABLE.open() as stream:
        stream.readline()
        for row in csv.DictReader(stream):
            if row["task"] == "jsb_chorales" and row["variant"] != EXPLODES:
                place = places(
                    SPACE,
                    {dimension.name: float(row[dimension.name]) for dimension in SPACE.dimensions},
                )
                rows.setdefault(row["variant"], []).append(
                    [*place, float(row["validation"]), float(row["test"])]
                )
    variants = [np.array(variant) for variant in rows.values()]
    for variant in variants:
        best = np.argsort(variant[:, AXES], kind="stable")[: len(variant) // 10]
        variant[:, AXES:] -= variant[best, AXES:].mean(axis=0)
    return np.concatenate(variants)


def real(worse_by: float) -> Study:
    def study(rng: np.random.Generator, count: int) -> tuple[Placed, Placed]:
        drawn = trials()[rng.permutation(len(trials()))[: 2 * count]]
        return _placed(drawn[:count], worse_by), _placed(drawn[count:], 0.0)

    return study


def lower_basin(decades: float = LOWER) -> Study:
    """A scores at a learning rate what B scores at one that is so much higher."""
    rate = next(
        axis for axis, dimension in enumerate(SPACE.dimensions) if dimension.name == "learning_rate"
    )
    down = decades / DECADES

    def study(rng: np.random.Generator, count: int) -> tuple[Placed, Placed]:
        drawn = trials()[rng.permutation(len(trials()))]
        inside = drawn[:, rate] >= down  # where A still lies in the space
        a, b = (
            drawn[inside][:count].copy(),
            drawn[~np.isin(np.arange(len(drawn)), np.flatnonzero(inside)[:count])],
        )
        a[:, rate] -= down
        return _placed(a, 0.0), _placed(b[:count], 0.0)

    return study


def _placed(drawn: np.ndarray, worse_by: float) -> Placed:
    points, on, report = drawn[:, :AXES], drawn[:, AXES] + worse_by, drawn[:, AXES + 1] + worse_by
    return Placed(points, on, report, np.arange(len(drawn)))


@dataclass(frozen=True)
class Found:
    """Shares of studies that call A worse and better, at 5 % each, by the best and at equal
    settings.

    Attributes:
        estimate: mean difference at equal settings.
        covered: share of intervals of 95 % that hold the truth.
        different: share of studies with a two-sided p of at most 5 % at equal settings.
    """

    present: tuple[float, float]
    adjusted: tuple[float, float]
    estimate: float
    covered: float
    different: float


def measure(
    study: Study, count: int, keep: int, number: int, truth: float = 0.0, draws: int = 199
) -> Found:
    rng = np.random.default_rng([count, keep, number])
    present, adjusted, estimates, covered = [], [], [], []
    for seed in range(number):
        a, b = study(rng, count)
        best = Comparison(
            Trials.of(a.on, a.report), Trials.of(b.on, b.report), keep, seed, draws
        ).test()
        equal = Adjusted(a, b, seed, draws)
        p, (low, high) = equal.test(), equal.interval()
        present.append((best.worse <= 0.05, best.better <= 0.05))
        adjusted.append((p.worse <= 0.05, p.better <= 0.05, 2 * min(p.worse, p.better) <= 0.05))
        estimates.append(equal.difference)
        covered.append(low <= truth <= high)
    worse, better, different = np.mean(adjusted, axis=0)
    seen = np.mean(present, axis=0)
    return Found(
        (seen[0], seen[1]),
        (worse, better),
        float(np.mean(estimates)),
        float(np.mean(covered)),
        different,
    )


def main(number: int = 1000) -> None:
    print(
        "| | trials of each | A worse, by the best | at equal settings | estimate | interval"
        " covers |"
    )
    print("| --- " * 6 + "|")
    for worse_by in DIFFERENCES:
        for count, keep in SIZES:
            measured = measure(real(worse_by), count, keep, number, worse_by)
            effect = f"worse by {worse_by:g}" if worse_by else "no difference"
            print(_row(effect, count, measured), flush=True)
    print("\n| | trials of each | called different at equal settings |\n| --- | --- | --- |")
    for count, keep in SIZES:
        measured = measure(lower_basin(), count, keep, number)
        print(
            f"| equal when tuned, a quarter decade apart | {count} |"
            f" {100 * measured.different:.0f} |",
            flush=True,
        )


def _row(effect: str, count: int, measured: Found) -> str:
    shares = f"{100 * measured.present[0]:.1f} | {100 * measured.adjusted[0]:.1f}"
    covered = f"{measured.estimate:.3f} | {100 * measured.covered:.1f}"
    return f"| {effect} | {count} | {shares} | {covered} |"


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
