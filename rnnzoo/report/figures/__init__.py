"""Numbers -> pictures, as SVG.  The only folder that imports matplotlib.

study        of a study: distributions, tuning curves, importance
second       of a study's second stage: answers, and how each came about
several      of a study with several tasks: scores as a task grows, ranks
cells        of cells: sizes, gates at work, gradients
data         of a task's data: sequences, lengths, classes
search       of a search over cells: its course, costs and descent
comparison   of several experiments: scores side by side
convergence  of cells on several tasks: how fast each learns
glance       of several studies: their verdicts
style        what they share
axes         what stands around the axes of a study's pictures
cut          what a frame leaves out, marked
marks        dots and lines that know what they stand for
parallel     of a study: a line for each trial from axis to axis
"""

from rnnzoo.report.figures import _quiet  # noqa: F401  # before the others import matplotlib
from rnnzoo.report.figures.cells import (
    HeatMapRow,
    LagNorms,
    LayerNorms,
    by_layer,
    forgetting,
    gates,
    lags,
    saturation,
    weights,
)
from rnnzoo.report.figures.comparison import side_by_side
from rnnzoo.report.figures.convergence import CellCurves, TaskCurves, learning_curves
from rnnzoo.report.figures.data import classes, lengths, sequences
from rnnzoo.report.figures.glance import at_a_glance
from rnnzoo.report.figures.search import course, frontier, tree
from rnnzoo.report.figures.study import draw

__all__ = [
    "CellCurves", "HeatMapRow", "LagNorms", "LayerNorms", "TaskCurves", "at_a_glance", "by_layer",
    "classes", "course", "draw", "forgetting", "frontier", "gates", "lags", "learning_curves",
    "lengths", "saturation", "sequences", "side_by_side", "tree", "weights",
]  # fmt: skip
