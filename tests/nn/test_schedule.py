"""Learning rates from epoch to epoch, and what else acts on an update."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.nn.schedule import factor
from rnnzoo.nn.train import Model, _optimizer, train
from rnnzoo.spec.hyperparameters import OPTIMIZERS, Training
from tests.nn.test_train import COPY, OPTIONS, copied, go_on, losses_of, with_


def factors(training: Training, losses: list[float]) -> list[float]:
    return [factor(training, losses[:epochs]) for epochs in range(len(losses))]


def test_zaremba_and_others_halve_the_rate_from_the_fifth_epoch_on() -> None:
    """Zaremba et al. 2014, without regularisation: four epochs, then half after each epoch."""
    rates = factors(Training(schedule="decay"), [1.0] * 7)
    assert rates == [1, 1, 1, 1, 0.5, 0.25, 0.125]


def test_a_rate_is_halved_after_each_plateau() -> None:
    losses = [5.0, 4.0, 4.0, 4.0, 3.0, 3.0, 3.5, 3.0, 3.0, 2.0]
    rates = factors(Training(schedule="halve", plateau=2), losses)
    assert rates == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]


def test_a_cosine_falls_after_it_has_warmed_up() -> None:
    rates = factors(Training(schedule="cosine", warm_up=3, epochs=11), [1.0] * 11)
    falling = 0.5 * (1 + np.cos(np.linspace(0, np.pi, 9)))[:-1]
    assert rates == pytest.approx([0.25, 0.5, 0.75, *falling])


def test_a_rate_is_followed_without_compiling_again() -> None:
    """A rate of almost 0 from the second epoch on leaves the weights as they are."""
    still = with_(COPY, {"schedule": "decay", "decay_from": 2, "decay_factor": 1e-12})
    first, *others = (row["validation"] for row in train(still, go_on).curve)
    assert others == pytest.approx([first] * len(others), rel=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_decay_is_decoupled_under_every_optimiser(name: str) -> None:
    """Where the gradient is 0, w = w - rate * decay * w, biases too."""
    given = Training(optimizer=name).at({"learning_rate": 0.1, "weight_decay": 0.5})
    optimizer, weight = _optimizer(given), keras.Variable([2.0, -1.0])
    optimizer.apply([np.zeros(2, np.float32)], [weight])
    np.testing.assert_allclose(weight, np.array([2.0, -1.0]) * (1 - 0.1 * 0.5), rtol=1e-6)


def test_numbers_of_a_gradient_are_cut() -> None:
    """With sgd, one update changes no weight by more than rate * clip_value."""
    trial = with_(COPY, {"clip_value": 1e-3, "batch": 96}, learning_rate=0.1)
    model = Model(trial, tasks.load("copy_memory", OPTIONS))
    before = [weight.numpy() for weight in model.weights]
    model.epoch()
    change = np.concatenate(
        [(now.numpy() - old).ravel() for now, old in zip(model.weights, before)]
    )
    assert np.abs(change).max() == pytest.approx(1e-4, rel=1e-2)


def test_noise_on_weights_acts_on_gradients_and_leaves_weights() -> None:
    """Without a learning rate nothing of it stays; with one, the training is another."""
    loud = with_(COPY, weight_noise=0.5, learning_rate=1e-12)
    model = Model(loud, tasks.load("copy_memory", OPTIONS))
    before = [weight.numpy() for weight in model.weights]
    losses = model.epoch(), model.epoch()
    assert losses[0] != losses[1]
    for weight, old in zip(model.weights, before):
        np.testing.assert_allclose(weight, old, atol=1e-9)
    assert losses_of(with_(COPY, weight_noise=0.0), 1) == copied()[:1]
