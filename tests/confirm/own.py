"""Simulated studies with `settings: own`: how often they say a wrong word, by how much is searched.

python -m tests.confirm.own          prints the table of docs/judging.md: an hour
python -m tests.confirm.own 100      with so many studies each
python -m tests.confirm.own 100 2    only where two axes are searched
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from itertools import product

from tests.confirm.landscapes import VARIANTS, along
from tests.confirm.simulated import DESIGN, EFFECTS, SEARCH, rows, study

LANDSCAPES = ("forest", "own kernels", "bowls")
EQUAL = (0.0,) * len(EFFECTS)


@dataclass(frozen=True, slots=True)
class Case:
    """A row of the table.

    Attributes:
        axes: how many are searched.
        trials: of each variant.
        region: the share of the space that rounds draw settings from.
    """

    landscape: str
    axes: int
    trials: int
    region: float


CASES = (
    *(
        Case(name, axes, trials, 0.1)
        for (axes, trials), name in product(((1, 4), (1, 6), (4, 4)), LANDSCAPES)
    ),
    *(Case("own kernels", 2, trials, 0.1) for trials in (4, 8)),
    Case("own kernels", 4, 16, 0.1),
    # where good settings are two hundredths of the space, wide regions hide that they are missed
    *(Case("own kernels", 2, trials, 0.01) for trials in (4, 8, 32)),
    Case("forest", 2, 8, 0.01),
)


def shares(case: Case, studies: int) -> tuple[float, float, float]:
    """The share of studies with a wrong word where no two variants differ, that where some do, and
    right answers a study there.
    """
    # more trials in the search take nothing from the rounds
    budget = DESIGN.budget + VARIANTS * (case.trials - SEARCH)
    design = replace(DESIGN, common=False, share=case.region, pilot=1, budget=budget)
    landscape = rows()[case.landscape]()
    equal, told = [], []
    for seed in range(studies):
        whole = landscape(seed)
        searched = replace(whole, truth=along(whole.truth, case.axes))
        without = study(searched, design, EQUAL, seed, case.trials, case.axes)
        equal.append(without.wrong(EQUAL) > 0)
        told.append(study(searched, design, EFFECTS, seed, case.trials, case.axes))
    wrong = [run.wrong(EFFECTS) > 0 for run in told]
    right = [run.right(EFFECTS) for run in told]
    return sum(equal) / studies, sum(wrong) / studies, sum(right) / studies


def main(studies: int, only: int) -> None:
    print("landscape     axes  trials  region   wrong, all equal   wrong   right of 5")
    for case in CASES:
        if only in (0, case.axes):
            equal, wrong, right = shares(case, studies)
            print(
                f"{case.landscape:12} {case.axes:5} {case.trials:7} {case.region:7}"
                f"   {equal:16.3f} {wrong:7.3f} {right:12.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 100, int(sys.argv[2]) if len(sys.argv) > 2 else 0
    )
