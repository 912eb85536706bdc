"""Intervals of a median that count, and the sign test."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rnnzoo.stats.medians import median_interval, median_tests


def test_the_interval_is_that_of_the_tables() -> None:
    # Conover 1999, table A3: of 15, the 4th and the 12th at 96.5 %
    values = [float(number) for number in range(1, 16)]
    assert median_interval(values, 0.95) == (4.0, 12.0)
    assert median_interval(values, 0.99) == (3.0, 13.0)
    assert median_interval(values[:6], 0.95) == (1.0, 6.0)
    assert median_interval(values[:5], 0.95) == (-math.inf, math.inf)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99, 0.999])
def test_the_interval_lies_on_one_side_exactly_where_the_test_says_so(level: float) -> None:
    rng = np.random.default_rng(5)
    for _ in range(200):
        values, limit = rng.normal(0.5, 1.0, 15).round(1).tolist(), 0.0
        low, high = median_interval(values, level)
        above, below = median_tests(values, limit)
        assert (low >= limit) == (above <= (1 - level) / 2)
        assert (high < limit) == (below <= (1 - level) / 2)


def test_it_covers_the_median_of_skewed_values_at_least_as_often_as_it_says() -> None:
    rng = np.random.default_rng(6)
    intervals = [median_interval(rng.exponential(1.0, 15).tolist(), 0.95) for _ in range(2_000)]
    assert np.mean([low <= math.log(2) <= high for low, high in intervals]) > 0.95
