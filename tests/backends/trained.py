"""Trainings that every backend is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rnnzoo import lang
from rnnzoo.lang.text import cell_text
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.trial import Trial

OPTIONS = {"length": 10, "train": 48, "valid": 20, "test": 20}


def trial(cell: str) -> Trial:
    """Three epochs on the adding problem, without dropout or noise: those draw other numbers under
    each backend.
    """
    return Trial(
        experiment="e",
        variant=cell,
        cell=cell_text(lang.load(cell)),
        task="adding",
        index=0,
        hyperparameters={"units": 8, "learning_rate": 0.02},
        seed=3,
        training=Training(epochs=3, batch=16, clip=1.0),
        task_options=OPTIONS,
    )


def predictions(file: Path) -> list[float]:
    """What a saved model says of fixed inputs."""
    import rnnzoo

    x = np.random.default_rng(0).normal(size=(4, 10, 2)).astype("float32")
    predicted: list[float] = np.asarray(rnnzoo.load_model(file)(x)).ravel().tolist()
    return predicted
