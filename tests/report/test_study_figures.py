"""What the pictures of a study show, and what they leave out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rnnzoo.report.figures import study
from rnnzoo.report.summary import Summary, Tuning
from tests.report.test_report import summary

pytestmark = pytest.mark.usefixtures("small_forests")


@pytest.fixture(scope="module")
def summarised() -> Summary:
    return summary()


def tuning(
    summarised: Summary, *curves: tuple[float, ...]
) -> tuple[list[str], tuple[float, float]]:
    """The names beside the lines of such expected scores, and from where to where the axis goes."""
    (table,) = summarised.tables
    rows = [
        replace(row, tuning=Tuning(curve, curve, curve)) for row, curve in zip(table.rows, curves)
    ]
    figure = study._tuning(summarised, table, rows)
    (axes,) = figure.axes
    legend = axes.get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()], axes.get_ylim()


def test_a_variant_that_fails_is_in_the_frame_beside_one_that_does_not(summarised: Summary) -> None:
    names, (low, high) = tuning(summarised, (0.01, 0.0), (0.7, 0.65))
    assert low < 0.0
    assert high > 0.65
    assert not any("above" in name for name in names)


def test_a_variant_that_is_far_off_does_not_squeeze_the_others_and_is_named(
    summarised: Summary,
) -> None:
    names, (_, high) = tuning(summarised, (1.0, 0.5), (1.1, 0.6), (90.0, 80.0))
    assert high == pytest.approx(1.1, abs=0.1)
    assert [name.endswith(" (above)") for name in names] == [False, False, True]


def test_first_trials_that_are_far_off_do_not_squeeze_the_rest(summarised: Summary) -> None:
    names, (_, high) = tuning(summarised, (1.0, 0.5), (1.1, 0.6), (90.0, 0.7))
    assert high == pytest.approx(1.1, abs=0.1)
    assert not any("above" in name for name in names)
