"""What could make the difference of two trainings less noisy, measured on real trainings.

    python -m tests.confirm.noise sum_since [PAIRS]
    python -m tests.confirm.noise chorales [PAIRS]

Pairs of trainings of two cells at one setting, one seed a pair, as in a round.  Printed are
standard deviations over pairs: of each cell's test score, of their difference, and what that would
be if the seeds of a pair had nothing in common.  With parts of the test split, and with the mean of
the weights of the best epoch and those before it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import keras
import numpy as np

from rnnzoo import lang, tasks
from rnnzoo.lang.text import cell_text
from rnnzoo.nn.train import Model
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.trial import Trial
from rnnzoo.tasks import Task

CELLS = ("peephole", "cifg")
FIRST_SEED = 100


@dataclass(frozen=True)
class Case:
    """Trainings of a task.

    Attributes:
        sizes: of the parts of the test split that are scored beside the whole, in sequences.
        epochs: whose mean weights are scored.
    """

    options: Mapping[str, Any]
    training: Training
    point: Mapping[str, float]
    sizes: Sequence[int]
    epochs: Sequence[int]


CASES = {
    "sum_since": Case(
        {"length": 40, "train": 1000, "valid": 200, "test": 8000},
        Training(optimizer="adam", batch=32, epochs=15, patience=0, clip=1.0),
        {"units": 16, "learning_rate": 0.01},
        (125, 500, 2000),
        (2, 3, 5),
    ),
    "chorales": Case(  # as in experiments/gates.yaml
        {},
        Training(optimizer="adam", batch=16, epochs=60, patience=10, clip=1.0),
        {"units": 32, "learning_rate": 0.03},
        (10, 20, 40),
        (3, 5, 10),
    ),
}


def scored(case: Case, task: Task, cell: str, seed: int) -> dict[str, float]:
    """The scores of one training, by how they were taken."""
    trial = Trial(
        "", cell, cell_text(lang.load(cell)), task.name, 0, case.point, seed=seed,
        training=case.training, task_options=case.options,
    )  # fmt: skip
    model = Model(trial, task)
    weights: list[list[np.ndarray]] = []
    losses: list[float] = []
    best = 0
    patience = case.training.patience or case.training.epochs
    while len(losses) < min(case.training.epochs, best + patience):
        model.epoch()
        weights.append([keras.ops.convert_to_numpy(value).copy() for value in model.weights])
        losses.append(model.evaluate("validation").loss)
        best = int(np.argmin(losses)) + 1

    def score(epochs: int, sequences: int) -> float:
        for variable, values in zip(model.weights, zip(*weights[max(0, best - epochs) : best])):
            variable.assign(np.mean(values, axis=0))
        return model._score("test", np.arange(sequences)).metric

    whole = len(task.splits["test"].lengths)
    return {
        **{f"best epoch, {size:,} of test": score(1, size) for size in (*case.sizes, whole)},
        **{f"mean of {epochs} epochs": score(epochs, whole) for epochs in case.epochs},
    }


def lines(pairs: Sequence[tuple[dict[str, float], dict[str, float]]]) -> Iterator[str]:
    """A line for each way to take a score."""
    yield f"{'':28} {CELLS[0]:>11} {CELLS[1]:>11}  difference independent"
    for how in pairs[0][0]:
        a, b = np.array([(first[how], second[how]) for first, second in pairs]).T
        spread_a, spread_b, spread = (scores.std(ddof=1) for scores in (a, b, a - b))
        spreads = (spread_a, spread_b, spread, np.hypot(spread_a, spread_b))
        yield f"{how:28} " + " ".join(f"{value:11.6f}" for value in spreads)


def main(name: str, count: int) -> None:
    case = CASES[name]
    task = tasks.load(name, case.options)
    scores: dict[tuple[int, str], dict[str, float]] = {}
    for seed, cell in product(range(FIRST_SEED, FIRST_SEED + count), CELLS):
        scores[seed, cell] = scored(case, task, cell, seed)
        print(seed, cell, scores[seed, cell], flush=True)
    seeds = dict.fromkeys(seed for seed, _ in scores)
    pairs = [(scores[seed, CELLS[0]], scores[seed, CELLS[1]]) for seed in seeds]
    print("\n".join(lines(pairs)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 24)
