"""Whole studies on landscapes whose truth is known: how often they say a wrong word.

`simulated.py` prints the table.
"""

from __future__ import annotations

import pytest
from scipy import stats

from tests.confirm.simulated import DESIGN, EFFECTS, rows, study

EQUAL = (0.0,) * 6
STUDIES = 1000
# each variant has ripples of its own, as large as the differences
WHERE_IT_ENDS = "bowls, ripples 0.3"


@pytest.mark.parametrize("row", ["bowls", pytest.param("forest", marks=pytest.mark.slow)])
def test_few_studies_without_an_effect_say_a_wrong_word(row: str) -> None:
    """8 each: where one in twenty is wrong, more than 2 are in 1 of 170."""
    landscape = rows()[row]()
    assert (
        sum(study(landscape(seed), DESIGN, EQUAL, seed).wrong(EQUAL) > 0 for seed in range(8)) <= 2
    )


def test_large_effects_are_found() -> None:
    landscape = rows()["forest"]()
    told = [study(landscape(seed), DESIGN, EFFECTS, seed) for seed in range(4)]
    assert sum(run.right(EFFECTS) for run in told) >= 4
    assert all(run.trainings <= DESIGN.budget for run in told)


@pytest.mark.slow
@pytest.mark.parametrize("row", rows())
def test_at_most_one_study_in_twenty_says_a_wrong_word(row: str) -> None:
    """The true share is at most 0.05, or this fails; by chance in 1 of 1,000.  In the row that
    docs/judging.md leaves out of that promise it is at most 0.1.
    """
    landscape = rows()[row]()
    wrong = sum(
        study(landscape(seed), DESIGN, EQUAL, seed).wrong(EQUAL) > 0 for seed in range(STUDIES)
    )
    share = 0.1 if row == WHERE_IT_ENDS else 0.05
    assert wrong <= stats.binom.isf(1e-3, STUDIES, share)
