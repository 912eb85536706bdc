"""What the pictures of a study show, and what they leave out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.markers import CARETUPBASE

from rnnzoo.report.figures import cut, study
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
    assert [" (above" in name for name in names] == [False, False, True]
    assert names[2].endswith(" (above: 80.000)")


def test_first_trials_that_are_far_off_do_not_squeeze_the_rest(summarised: Summary) -> None:
    names, (_, high) = tuning(summarised, (1.0, 0.5), (1.1, 0.6), (90.0, 0.7))
    assert high == pytest.approx(1.1, abs=0.1)
    assert not any("above" in name for name in names)


def test_first_trials_are_shown_where_they_squeeze_nothing(summarised: Summary) -> None:
    _, (low, high) = tuning(summarised, (0.0, 0.0), (0.72, 0.47))
    assert low < 0.0
    assert high > 0.72


def arrows(axes: Axes) -> list[float]:
    """Where arrows stand at the upper edge, as shares of the width."""
    drawn = [line for line in axes.get_lines() if line.get_marker() == CARETUPBASE]
    assert all(line.get_ydata() == [1.0] for line in drawn)
    return sorted(float(line.get_xdata()[0]) for line in drawn)


def test_an_arrow_stands_where_a_line_crosses_the_edge_of_its_frame() -> None:
    axes = Figure().subplots()
    axes.plot([0.0, 4.0], [3.0, 1.0])  # leaves at 2
    axes.plot([0.0, 1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 1.0, 3.0, 1.0])  # at 0.5, 1.5, 2.5 and 3.5
    axes.plot([0.0, 4.0], [1.0, 1.5])
    axes.plot([0.0, 4.0], [5.0, 6.0])
    axes.set(xlim=(0.0, 4.0), ylim=(0.0, 2.0))
    cut.mark_cut(axes)
    assert arrows(axes) == pytest.approx([0.125, 0.5, 0.875])


def test_an_arrow_stands_rightly_on_a_logarithmic_axis() -> None:
    axes = Figure().subplots()
    axes.plot([1.0, 100.0], [3.0, 1.0])
    axes.set(xscale="log", xlim=(1.0, 100.0), ylim=(0.0, 2.0))
    cut.mark_cut(axes)
    assert arrows(axes) == pytest.approx([0.5])


def curves(summarised: Summary, kept: int, *scores: tuple[float, ...]) -> Axes:
    """The picture of such learning curves, of which the weights of an epoch are kept."""
    (table,) = summarised.tables
    rows = []
    for row, values in zip(table.rows, scores):
        assert row.best is not None
        points = tuple(
            {"epoch": epoch, "validation": value} for epoch, value in enumerate(values, start=1)
        )
        rows.append(replace(row, best=replace(row.best, curve=points, epoch=kept)))
    (axes,) = study._curves(summarised, table, rows).axes
    return axes


def test_a_dot_marks_the_epoch_whose_weights_are_kept(summarised: Summary) -> None:
    axes = curves(summarised, 2, (3.0, 1.0, 1.5, 2.0), (3.0, 0.5, 0.75, 1.0))
    dots = [line for line in axes.get_lines() if line.get_marker() == "o"]
    assert [line.get_xydata().tolist() for line in dots] == [[[2.0, 1.0]], [[2.0, 0.5]]]
    (table,) = summarised.tables
    lstm = next(row for row in table.rows if row.variant == "lstm")
    assert lstm.best is not None
    assert lstm.best.epoch == 5  # as its outcome says


def test_a_curve_that_is_far_off_is_named_with_its_lowest_score(summarised: Summary) -> None:
    long = tuple(np.linspace(2.0, 1.0, 200))
    axes = curves(summarised, 1, long, long, (90.0, 80.0))
    legend = axes.get_legend()
    assert legend is not None
    assert [" (above: 80.000)" in text.get_text() for text in legend.get_texts()] == [
        False, False, True,
    ]  # fmt: skip


def test_a_curve_that_is_not_far_off_comes_into_the_frame(summarised: Summary) -> None:
    long = tuple(np.linspace(2.0, 1.0, 200))
    axes = curves(summarised, 2, long, (90.0, 3.0))
    assert 3.0 < axes.get_ylim()[1] < 4.0
    assert len(arrows(axes)) == 1


def test_a_baseline_and_a_mean_beyond_the_frame_are_named_at_its_edge(summarised: Summary) -> None:
    (table,) = summarised.tables
    rows = [row for row in table.rows if row.points]
    far = [replace(point, score=900.0) for point in rows[-1].points]
    table = replace(table, baselines={"near": 9.0, "always 1": 800.0})
    rows[-1] = replace(rows[-1], points=(*far,), mean=900.0)
    (axes,) = study._distribution(summarised, table, rows).axes
    texts = [text.get_text() for text in axes.texts]
    assert "always 1 800.000 \N{RIGHTWARDS ARROW}" in texts
    assert f"{len(far)} more, mean 900.000 \N{RIGHTWARDS ARROW}" in texts
    assert "near" in texts
