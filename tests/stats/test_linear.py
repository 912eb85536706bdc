"""Slopes and means against SciPy's and a simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rnnzoo.errors import StatsError
from rnnzoo.stats.linear import mean_interval, slopes


def test_one_slope_and_its_p_value_are_those_of_a_simple_regression() -> None:
    rng = np.random.default_rng(0)
    points = rng.random(12)
    scores = 3.0 - 0.4 * points + 0.2 * rng.standard_normal(12)
    fitted, expected = (
        slopes(points[:, None], scores),
        stats.linregress(points, scores, alternative="less"),
    )
    assert (fitted.slope[0], fitted.error[0]) == pytest.approx((expected.slope, expected.stderr))
    assert fitted.p(0, 1.0) == pytest.approx(expected.pvalue)
    assert fitted.p(0, -1.0) == pytest.approx(1.0 - expected.pvalue)


def test_each_slope_is_that_of_its_axis_with_the_others_held() -> None:
    rng = np.random.default_rng(1)
    first = rng.random(200)
    points = np.column_stack([first, first + 0.1 * rng.random(200)])  # nearly one axis
    fitted = slopes(points, 2.0 * points[:, 0] - points[:, 1] + 0.01 * rng.standard_normal(200))
    assert fitted.slope == pytest.approx([2.0, -1.0], abs=4 * fitted.error.max())


def test_a_slope_that_is_not_there_is_clear_in_as_many_samples_as_its_p_value_says() -> None:
    rng = np.random.default_rng(2)
    p = [slopes(rng.random((10, 2)), rng.standard_normal(10)).p(1, 1.0) for _ in range(2000)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=4 * (0.05 * 0.95 / 2000) ** 0.5)


@pytest.mark.parametrize(
    "points", [np.zeros((5, 2)), np.column_stack([np.arange(9.0), np.arange(9.0)])]
)
def test_too_few_scores_or_points_on_a_line_give_no_slopes(points: np.ndarray) -> None:
    with pytest.raises(StatsError):
        slopes(points, np.arange(float(len(points))))


def test_an_interval_of_a_mean_is_students() -> None:
    scores = np.array([0.1, 0.4, 0.2])
    assert mean_interval(scores, 0.9) == pytest.approx(
        stats.t.interval(0.9, 2, scores.mean(), stats.sem(scores))
    )
    assert mean_interval(scores[:1], 0.9) is None


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("rise", "p"), [(0.0, 0.5), (-0.25, 0.0), (0.25, 1.0)])
def test_scores_without_noise_have_a_p_value_too(rise: float, p: float) -> None:
    """As where all trainings solve a task: nothing falls, and no division by an error of 0 is
    warned of.
    """
    points = np.arange(8.0)[:, None] / 8
    assert slopes(points, rise * points[:, 0]).p(0, 1) == pytest.approx(p, abs=1e-9)
