"""Networks on tasks that fill inputs: each cell reads the columns that it has names for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.lang import reference
from rnnzoo.nn import introspect
from rnnzoo.nn.network import Network
from rnnzoo.tasks import Split, Task
from tests.nn.test_model_parts import LENGTHS, REAL, TIME, trial

# columns of the task: dt, x, mask
FILLS = {"dt": (0,), "mask": (3, 4)}
Array = np.ndarray[Any, Any]


def task() -> Task:
    rng = np.random.default_rng(0)
    parts = [rng.exponential(size=(4, TIME, 1)), rng.normal(size=(4, TIME, 2)),
             rng.random((4, TIME, 2)) < 0.7]  # fmt: skip
    x = (np.concatenate(parts, -1) * REAL[..., None]).astype(np.float32)
    split = Split(x, np.array([0, 1, 0, 1], np.int32), LENGTHS)
    splits = dict.fromkeys(tasks.SPLITS, split)
    return Task("task", splits, "categorical", "sequence", 2, "error", "%", fills=FILLS)


def logits(network: Network, x: Array) -> Array:
    return np.asarray(network.logits(x, REAL))


@pytest.mark.parametrize(
    ("cell", "order"),
    [
        ("tlstm", [1, 2, 3, 4, 0]),
        pytest.param("gru_d", [1, 2, 0, 3, 4], marks=pytest.mark.slow),
    ],
)
def test_a_cell_reads_x_and_then_what_it_has_names_for(cell: str, order: list[int]) -> None:
    network, x = Network(trial(cell), task()), task().splits["test"].x
    (layer,) = network.recurrent
    run = reference.run(
        layer.cell, [layer.weights_by_name()], x[..., order], layer.units, keep=REAL
    )
    kernel, bias = (np.asarray(weight) for weight in network.read_out.get_weights())
    np.testing.assert_allclose(logits(network, x), run.outputs[:, -1] @ kernel + bias, atol=1e-5)
    read = introspect.numpy_model(network.model).read(x)
    np.testing.assert_array_equal(read, x[..., order])


def test_a_cell_without_such_names_reads_all_as_they_are() -> None:
    assert Network(trial("rnn"), task()).arrange is None


def test_noise_is_on_x_alone() -> None:
    network, x = Network(trial("gru_d"), task()), np.zeros((1, 2, 5), np.float32)
    noise = np.ones_like(x)
    assert np.asarray(network.noisy(x, noise))[0, 0].tolist() == [1, 1, 0, 0, 0]
    plain = Network(trial("rnn"), task())
    assert np.asarray(plain.noisy(x, noise))[0, 0].tolist() == [1] * 5


@pytest.mark.slow
def test_each_pair_of_directions_reads_time() -> None:
    """Backwards, the time to the step that was read before."""
    given = replace(trial("tlstm", layers=2, bidirectional=True))
    network, x = Network(given, task()), task().splits["test"].x
    shifted = np.asarray(network.read(x))
    first, second = network.recurrent
    low = np.asarray(first(shifted, mask=REAL))
    high = second(np.concatenate([low, shifted[..., -1:]], -1), mask=REAL)
    kernel, bias = (np.asarray(weight) for weight in network.read_out.get_weights())
    np.testing.assert_allclose(logits(network, x), np.asarray(high) @ kernel + bias, atol=1e-5)
