"""Draws how fast the units of experiments/studies/chung2014.yaml and of its like learn, into
docs/figures/chung2014-convergence.svg, and prints the numbers.
`RNNZOO_DATA=folder KERAS_BACKEND=tensorflow python -m tools.convergence`, three minutes of a core.

Curves are those of the trainings in the rounds, from results/.  What an update takes is measured
anew, one cell after the other in turns, with the settings of its first training in the rounds: the
time that the process had a core for, so that other work on the machine does not count.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rnnzoo.api.value import Results
from rnnzoo.nn import train
from rnnzoo.report import figures
from rnnzoo.report.figures import CellCurves, TaskCurves
from rnnzoo.report.results import staged
from rnnzoo.spec.trial import ROUND
from tools.models import begun_anew
from tools.recorded import ROOT, results_of

STUDIES: Mapping[str, str] = {
    "chung2014": "JSB Chorales",
    "chung2014_piano": "Piano-midi",
    "chung2014_muse": "MuseData",
    "chung2014_nottingham": "Nottingham",
}
PICTURE: Path = ROOT / "docs/figures/chung2014-convergence.svg"
UNIT = "nats a frame, validation"
TURNS = 5
"""In each of which every cell trains an epoch; the first is not counted, since it compiles."""


def task_curves(study: str, title: str) -> TaskCurves:
    """The cells of a study."""
    results = results_of(study)
    names = [variant.label for variant in results.experiment.variants]
    models = {name: begun_anew(results, f"{name}~{ROUND}", 0) for name in names}
    seconds = _seconds_of_updates(models)
    cells = [
        CellCurves(name, models[name].steps, seconds[name], curves_of_rounds(results, name))
        for name in names
    ]
    return TaskCurves(title, UNIT, tuple(cells))


def curves_of_rounds(results: Results, variant: str) -> tuple[tuple[float, ...], ...]:
    """Of a variant's trainings in the rounds."""
    (task,) = results.experiment.tasks
    rounds = staged(results, variant, task.label, ROUND)
    return tuple(_validation(result.outcome.curve) for result in rounds)


def _validation(curve: Sequence[Mapping[str, float]]) -> tuple[float, ...]:
    return tuple(point["validation"] for point in curve)


def _seconds_of_updates(models: Mapping[str, train.Model]) -> dict[str, float]:
    """The median of the turns, of each model."""
    turns: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(1 + TURNS):
        for name, model in models.items():
            began = time.process_time()
            model.epoch()
            turns[name].append((time.process_time() - began) / model.steps)
    return {name: float(np.median(times[1:])) for name, times in turns.items()}


def first_at(curves: CellCurves, score: float) -> tuple[int, float] | None:
    """Updates and seconds after which the median is at a score or below; None where never."""
    for epoch, median in enumerate(curves.median(), start=1):
        if median <= score:
            updates = epoch * curves.updates
            return updates, updates * curves.seconds
    return None


def table(tasks: Sequence[TaskCurves]) -> str:
    """Of each cell: what an update takes, and when it is where the slowest cell ends."""
    lines = []
    for task in tasks:
        score = max(min(curves.median()) for curves in task.cells)
        lines.append(f"{task.task}, to {score:.3f} {task.unit}")
        for curves in task.cells:
            reached = first_at(curves, score)
            assert reached is not None, "the slowest cell sets the score"
            updates, seconds = reached
            lines.append(
                f"  {curves.cell:6} {1e3 * curves.seconds:6.2f} ms an update,"
                f" {updates:6,} updates, {seconds:6.1f} s"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    drawn = [task_curves(study, title) for study, title in STUDIES.items()]
    PICTURE.write_text(figures.learning_curves(drawn))
    print(table(drawn))
