"""Simulated studies with `settings: own`: how often they say a wrong word, by how much is searched.

python -m tests.confirm.own        prints the table of docs/judging.md: half an hour
python -m tests.confirm.own 100    with so many studies each
"""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import product

from tests.confirm.landscapes import VARIANTS, along
from tests.confirm.simulated import DESIGN, EFFECTS, SEARCH, rows, study

LANDSCAPES = ("forest", "own kernels", "bowls")
SEARCHES = ((1, 4), (1, 6), (4, 4))  # axes, trials of each variant
EQUAL = (0.0,) * len(EFFECTS)


def shares(name: str, axes: int, trials: int, studies: int) -> tuple[float, float, float]:
    """The share of studies with a wrong word where no two variants differ, that where some do, and
    right answers a study there.
    """
    # more trials in the search take nothing from the rounds
    budget = DESIGN.budget + VARIANTS * (trials - SEARCH)
    design = replace(DESIGN, common=False, share=0.1, pilot=1, budget=budget)
    landscape = rows()[name]()
    equal, told = [], []
    for seed in range(studies):
        whole = landscape(seed)
        searched = replace(whole, truth=along(whole.truth, axes))
        equal.append(study(searched, design, EQUAL, seed, trials, axes).wrong(EQUAL) > 0)
        told.append(study(searched, design, EFFECTS, seed, trials, axes))
    wrong = [run.wrong(EFFECTS) > 0 for run in told]
    right = [run.right(EFFECTS) for run in told]
    return sum(equal) / studies, sum(wrong) / studies, sum(right) / studies


def main(studies: int, only: int) -> None:
    print("landscape     axes  trials   wrong, all equal   wrong   right of 5")
    chosen = [search for search in SEARCHES if only in (0, search[0])]
    for (axes, trials), name in product(chosen, LANDSCAPES):
        equal, wrong, right = shares(name, axes, trials, studies)
        print(
            f"{name:12} {axes:5} {trials:7}   {equal:16.3f} {wrong:7.3f} {right:12.2f}", flush=True
        )


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 100, int(sys.argv[2]) if len(sys.argv) > 2 else 0
    )
