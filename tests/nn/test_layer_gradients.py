"""Gradients of a stack's layers, against numeric differentiation."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from rnnzoo import losses
from rnnzoo.nn.train import Model
from rnnzoo.report.figures import LayerNorms, by_layer
from rnnzoo.tasks import Split
from tests.nn.test_model_parts import TIME, task, trial
from tools.layer_gradients import norms_of, table

STEP = 1e-2


@pytest.mark.slow
def test_norms_are_those_of_numeric_differentiation() -> None:
    known = task("step")
    model = Model(trial("rnn", 2, layers=2), known)
    whole = known.splits["test"]
    split = Split(whole.x, whole.y, np.full(len(whole), TIME, np.int32))
    (recurrent,) = model.network.recurrent

    def loss() -> float:
        logits = np.asarray(model.network.model(split.x), np.float64)
        return float(losses.load("categorical").numpy(split.y, logits).mean())

    slopes: dict[int, list[float]] = {1: [], 2: []}
    for weight in recurrent.trainable_weights:
        value = np.asarray(keras.ops.convert_to_numpy(weight))
        for place in np.ndindex(value.shape):
            sides = []
            for step in (STEP, -STEP):
                moved = value.copy()
                moved[place] += step
                weight.assign(moved)
                sides.append(loss())
            weight.assign(value)
            layer = int(weight.path.rpartition("/")[2][0])
            slopes[layer].append((sides[0] - sides[1]) / (2 * STEP))
    expected = [np.linalg.norm(slopes[layer]) for layer in (1, 2)]
    np.testing.assert_allclose(norms_of(model, split)(), expected, rtol=2e-3)


def test_a_stack_has_a_mark_for_each_layer_on_either_side() -> None:
    stacks = [
        LayerNorms("plain2", False, (0.1, 0.2), (0.3, 0.4)),
        LayerNorms("gated3", True, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)),
    ]
    drawn = by_layer(stacks, "after two epochs")
    assert "plain2" in drawn
    assert "after two epochs" in drawn
    assert drawn.count("<use") >= 2 * (2 + 3)
    assert table(stacks).splitlines()[3].split() == [
        "gated3",
        "2",
        "epochs",
        "0.4000",
        "0.5000",
        "0.6000",
    ]
