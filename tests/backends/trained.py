"""Trainings that every backend is asked for."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

import rnnzoo
from rnnzoo import lang
from rnnzoo.lang.text import cell_text
from rnnzoo.nn.train import train
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.trial import Trial

SIZES = {"train": 48, "valid": 20, "test": 20}
OPTIONS = {"adding": {"length": 10, **SIZES}, "touch_tones": {"digits": 3, **SIZES}}


def trial(cell: str, task: str = "adding", optimizer: str = "adam") -> Trial:
    """Three epochs on a task of `OPTIONS`, without dropout or noise: those draw other numbers under
    each backend.
    """
    return Trial(
        experiment="e",
        variant=cell,
        cell=cell_text(lang.load(cell)),
        task=task,
        index=0,
        hyperparameters={"units": 8, "learning_rate": 0.02},
        seed=3,
        training=Training(epochs=3, batch=16, clip=1.0, optimizer=optimizer),
        task_options=OPTIONS[task],
    )


def curves(optimizer: str, *names: str) -> dict[str, list[float]]:
    """By cell, the training and validation losses of three epochs."""
    return {name: curve(trial(name, optimizer=optimizer)) for name in names}


def curve(asked: Trial) -> list[float]:
    outcome = train(asked, lambda progress: True)
    return [row[column] for row in outcome.curve for column in ("train", "validation")]


def small_model() -> keras.Model:
    """A stack with most of what a layer can be told, after a step of `fit`."""
    layer = rnnzoo.layer(
        "peephole", 5, layers=2, go_backwards=True, dropout=0.1, regularizers={"R_*": "l2"}
    )
    model = keras.Sequential(
        [keras.Input((None, 2)), keras.layers.Masking(), layer, keras.layers.Dense(2)]
    )
    model.compile("adam", "mse")
    x = np.random.default_rng(1).normal(size=(4, 6, 2)).astype("float32")
    model.fit(x, np.ones((4, 2)), verbose=0)
    return model


def predictions(file: Path) -> list[float]:
    """What a saved model says of fixed inputs."""
    x = np.random.default_rng(0).normal(size=(4, 10, 2)).astype("float32")
    predicted = keras.ops.convert_to_numpy(rnnzoo.load_model(file)(x))
    numbers: list[float] = predicted.ravel().tolist()
    return numbers
