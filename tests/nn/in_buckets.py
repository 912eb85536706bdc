"""What tests/nn/test_buckets.py asks of a process in which Keras is set to JAX."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import keras
import numpy as np

from rnnzoo import backends, tasks
from rnnzoo.nn.buckets import InBucket
from rnnzoo.nn.network import Network
from rnnzoo.nn.train import _optimizer
from rnnzoo.nn.update import updating
from rnnzoo.spec.hyperparameters import WITH_MOMENTUM
from rnnzoo.spec.trial import Trial
from tests.backends.trained import trial as trial_of
from tests.closeness import apart

UNITS, SIZE, BATCH, TIME = 8, 12, 3, 6
UPDATES, CLIP = 4, 0.1  # which every gradient here exceeds
OPTIONS = {"length": 10, "train": 48, "valid": 20, "test": 20}
REAL = np.arange(TIME) < np.array([TIME, 4, 1])[:, None]
Asked = tuple[str, dict[str, Any]]  # a cell, and what differs of the training


def trial(cell: str, training: dict[str, Any]) -> Trial:
    made = trial_of(cell)
    return replace(made, hyperparameters={"units": UNITS, **training})


def networks(*asked: Asked) -> list[list[float]]:
    """How far a network in a bucket is from the trial's own, in float64: logits and gradients; and
    how large gradients of spare entries are.
    """
    jax.config.update("jax_enable_x64", True)
    keras.config.set_dtype_policy("float64")
    return [_network(*each) for each in asked]


def native_networks(*asked: Asked) -> list[list[float]]:
    """The same in float32, where the loops are native code."""
    return [_network(*each) for each in asked]


def trained(*optimizers: str) -> list[list[float]]:
    """How far weights are from those of the trial's own network after some updates by clipped
    gradients, with momentum and decay where an optimiser has them; and how large spare ones are.
    """
    return [_trained(optimizer) for optimizer in optimizers]


def _trained(optimizer: str) -> list[float]:
    momentum = {"momentum": 0.5} if optimizer in WITH_MOMENTUM else {}
    settings = {"optimizer": optimizer, "weight_decay": 0.1, "learning_rate": 0.01, **momentum}
    inside = InBucket(trial("lstm", settings), tasks.load("adding", OPTIONS), SIZE)
    x = np.random.default_rng(0).normal(size=(BATCH, TIME, inside.inputs)).astype("float32")
    exact = _after_updates(inside.alone, x)
    vector = _after_updates(inside, x)
    own = vector[inside.fitting.trained]
    vector[inside.fitting.trained] = 0
    return [apart(own, exact), float(np.abs(vector).max())]


def _after_updates(network: Network, x: np.ndarray) -> np.ndarray:
    """All trained weights after some updates, one after the other."""
    backend, weights = backends.current(), network.model.trainable_variables
    update = updating(_optimizer(network.training), weights, backend.joining)
    for _ in range(UPDATES):
        _, slopes = _computed(network, x)
        update.apply(backend.clipped([keras.ops.convert_to_tensor(slopes)], CLIP))
    return np.concatenate([np.ravel(np.asarray(weight)) for weight in weights])


def _network(cell: str, training: dict[str, Any]) -> list[float]:
    task = tasks.load("adding", OPTIONS)
    inside = InBucket(trial(cell, training), task, SIZE)
    rng = np.random.default_rng(0)
    begun = [np.asarray(variable) for variable in inside.alone.model.variables]
    weights = [
        value + rng.normal(0, 0.3, value.shape).astype(value.dtype) * variable.trainable
        for variable, value in zip(inside.alone.model.variables, begun, strict=True)
    ]
    _assign(inside.alone, weights)
    _assign(inside, inside.fitting.to_bucket(weights))
    back = inside.fitting.from_bucket(
        [np.asarray(variable) for variable in inside.model.variables],
        [value.shape for value in weights],
    )
    assert all(map(np.array_equal, back, weights))
    x = rng.normal(size=(BATCH, TIME, task.inputs)).astype(inside.model.compute_dtype)
    alone, exact = _computed(inside.alone, x)
    logits, slopes = _computed(inside, x)
    spare = slopes.copy()
    spare[inside.fitting.trained] = 0
    return [
        apart(logits, alone),
        apart(slopes[inside.fitting.trained], exact),
        float(np.abs(spare).max()),
    ]


def _assign(network: Network, values: list[np.ndarray]) -> None:
    for variable, value in zip(network.model.variables, values, strict=True):
        variable.assign(value)


def _computed(network: Network, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and the gradients of all weights of a loss, one after the other."""
    variables = network.model.trainable_variables

    def loss(values: Any) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            logits = network.logits(x, keras.ops.convert_to_tensor(REAL))
        return (logits**2 + logits).sum(), logits

    values = [variable.value for variable in variables]
    slopes, logits = jax.jit(jax.grad(loss, has_aux=True))(values)
    return np.asarray(logits), np.concatenate([np.ravel(slope) for slope in slopes])
