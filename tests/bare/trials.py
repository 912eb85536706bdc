"""Trials that both trainers are asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rnnzoo import lang
from rnnzoo.lang.text import cell_text
from rnnzoo.nn.train import train
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.trial import Progress, Trial

SIZES = {"train": 80, "valid": 20, "test": 20}
# an answer a sequence, of sequences of unequal lengths; answers at some steps, of ids; numbers
OPTIONS: dict[str, dict[str, Any]] = {
    "temporal_order": {"length": 12, **SIZES},
    "arithmetic": {"digits": 2, "letters": 1, **SIZES},
    "memorisation": {"items": 3, "symbols": 4, **SIZES},
    "adding": {"length": 8, **SIZES},
}


def trial(cell: str, task: str, point: dict[str, Any] | None = None, **training: Any) -> Trial:
    """Three epochs of five updates."""
    return Trial(
        experiment="e",
        variant=cell,
        cell=cell_text(lang.load(cell)),
        task=task,
        index=0,
        hyperparameters={"units": 9, "learning_rate": 0.02, **(point or {})},
        seed=3,
        training=Training(**{"epochs": 3, "batch": 18, **training}),
        task_options=OPTIONS[task],
    )


def go_on(progress: Progress) -> bool:
    return True


def numbers(asked: Trial, run: Any) -> list[float]:
    """The curve and the scores that a trainer yields."""
    outcome = run(asked, go_on)
    curve = [row[split] for row in outcome.curve for split in ("train", "validation")]
    return [*curve, *outcome.scores.values()]


def under_keras(*trials: dict[str, Any]) -> list[list[float]]:
    """The same by `nn.train`, in whose process Keras runs what it is set to."""
    return [numbers(replace(Trial.from_dict(each)), train) for each in trials]
