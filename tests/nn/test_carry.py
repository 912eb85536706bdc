"""States that are carried from window to window of a text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnzoo import lang, tasks
from rnnzoo.errors import SpecError
from rnnzoo.lang.text import cell_text
from rnnzoo.nn.carry import side_by_side
from rnnzoo.nn.train import Model
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Trial
from rnnzoo.sweep import open as door
from rnnzoo.tasks import Task

tf = pytest.importorskip("tensorflow")

UNITS, WINDOW = 4, 6


def text(folder: Path, window: int = WINDOW, carry: bool = True) -> Task:
    """Of 42 + 11 + 11 characters: no split is whole windows."""
    letters = "".join(np.random.default_rng(1).choice([*"abcd"], 64))
    (folder / "my.txt").write_text(letters)
    options = {"file": "my.txt", "validation": 0.18, "test": 0.18, "window": window}
    return tasks.load("text", {**options, "carry": carry}, folder=folder)


def trial(cell: str = "rnn", units: int = UNITS, rate: float = 0.1, **settings: Any) -> Trial:
    space = {"units": units, "learning_rate": rate}
    settings = {"batch": 2, "optimizer": "sgd", **settings}
    return Trial("e", cell, cell_text(lang.load(cell)), "text", 0, space, 3, Training(**settings))


@pytest.mark.parametrize(("windows", "streams"), [(7, 3), (6, 2), (2, 2), (5, 1)])
def test_streams_lie_side_by_side_each_in_the_order_of_the_text(windows: int, streams: int) -> None:
    order = side_by_side(windows, streams)
    of_streams = [order[stream::streams] for stream in range(streams)]
    np.testing.assert_array_equal(np.concatenate(of_streams), np.arange(windows))


@pytest.mark.parametrize("cell", [pytest.param("lstm", marks=pytest.mark.slow), "clockwork"])
def test_windows_that_carry_score_as_one_long_window(cell: str, tmp_path: Path) -> None:
    """A clockwork cell counts steps on, too; and each evaluation begins anew."""
    carried = Model(trial(cell, 8), replace(text(tmp_path), also=("perplexity",)))
    whole = Model(trial(cell, 8), text(tmp_path, 1000, carry=False))
    for split in ("train", "test", "train"):
        expected = whole.evaluate(split).loss
        assert carried.evaluate(split).loss == pytest.approx(expected, rel=1e-5)
    perplexity = np.exp(whole.evaluate("test").loss)
    assert carried.also() == {"perplexity": pytest.approx(perplexity, rel=1e-5)}


def by_hand(model: Model, task: Task, epochs: int, rate: float) -> tuple[list[float], list[Any]]:
    """Losses and last weights of plain updates, for two streams: from the equations of the cell."""
    order = ("W", "R", "b")
    (layer,) = model.network.recurrent
    named = layer.weights_by_name()
    weights = [tf.Variable(named[name]) for name in order]
    weights += [tf.Variable(value) for value in model.network.read_out.get_weights()]
    x, y, lengths = (task.splits["train"].__getattribute__(n) for n in ("x", "y", "lengths"))
    half = -(-len(x) // 2)
    losses = []
    for _ in range(epochs):
        states, total, counted = [tf.zeros(UNITS), tf.zeros(UNITS)], 0.0, 0
        for window in range(half):
            with tf.GradientTape() as tape:
                inputs, recurrent, bias, kernel, offset = weights
                errors = []
                for stream in (0, 1):
                    row = window + stream * half
                    if row >= len(x):
                        continue
                    h = tf.stop_gradient(states[stream])
                    for step in range(lengths[row]):
                        h = tf.tanh(
                            inputs[:, x[row, step, 0]] + tf.linalg.matvec(recurrent, h) + bias
                        )
                        logits = tf.linalg.matvec(kernel, h, transpose_a=True) + offset
                        errors.append(-tf.nn.log_softmax(logits)[y[row, step]])
                    states[stream] = h
                loss = tf.add_n(errors) / len(errors)
            for weight, slope in zip(weights, tape.gradient(loss, weights)):
                weight.assign_sub(rate * slope)
            total, counted = total + float(loss) * len(errors), counted + len(errors)
        losses.append(total / counted)
    return losses, weights


def test_training_carries_states_and_no_gradients(tmp_path: Path) -> None:
    """From empty memories on in each epoch; the last batch is one window, the last one is short."""
    task = text(tmp_path)
    assert task.splits["train"].lengths.tolist() == [6] * 6 + [5]
    model = Model(trial(rate=0.5), task)
    losses, weights = by_hand(model, task, 2, 0.5)
    assert [model.epoch() for _ in range(2)] == pytest.approx(losses, rel=1e-5)
    (layer,) = model.network.recurrent
    np.testing.assert_allclose(layer.weights_by_name()["R"], weights[1].numpy(), atol=1e-6)
    np.testing.assert_allclose(
        model.network.read_out.get_weights()[0], weights[3].numpy(), atol=1e-6
    )


def test_what_goes_on_comes_in_its_order_and_is_read_forwards(tmp_path: Path) -> None:
    """And what asks for another order is shown at its place."""
    cell, task = lang.load("rnn"), text(tmp_path)
    written = (
        "experiment: e\ntask: {name: text, file: my.txt, carry: true}\nvariants: [rnn]\n"
        "training: {group_by_length: true}\n"
    )
    file = str(tmp_path / "e.yaml")
    with pytest.raises(SpecError, match="go on in one another, and come in their order") as caught:
        door.loaded(parse_experiment(written, file, tmp_path), tasks.silent, list)
    assert str(caught.value.mistakes[0].span) == f"{file}:4:12"
    for name in ("group_by_length", "bidirectional"):
        (refusal,) = tasks.unfit(task, Training(**{name: True}), cell)
        assert refusal.name == name
