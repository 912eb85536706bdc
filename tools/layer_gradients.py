"""Draws how large the gradients of the layers are in the stacks of experiments/studies/yao2015.yaml
at the start and after two epochs, into docs/figures/yao2015-gradients.svg, and prints the numbers.
`KERAS_BACKEND=jax python -m tools.layer_gradients`, a minute of one core.

A stack is the best trial of its search in results/yao2015.csv, begun anew.  What is measured is the
Euclidean norm of the gradient with respect to all weights of a layer, of the mean loss over the
first 100 characters of some tunes of validation, before any clipping.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np

from rnnzoo import backends, losses, tasks
from rnnzoo.api.value import Results
from rnnzoo.nn import train
from rnnzoo.report import figures
from rnnzoo.report.figures import LayerNorms
from rnnzoo.tasks import Split
from tools.models import begun_anew
from tools.recorded import ROOT, results_of

NAME = "yao2015"
PICTURE = ROOT / f"docs/figures/{NAME}-gradients.svg"
TUNES, CHARACTERS = 32, 100
EPOCHS = 2


def stacks() -> list[LayerNorms]:
    """All stacks of the study."""
    results = results_of(NAME)
    return [_stack(results, variant.label) for variant in results.experiment.variants]


def _stack(results: Results, variant: str) -> LayerNorms:
    best = results.best(variant)
    assert best is not None
    model = begun_anew(results, variant, best.trial.index)
    norms = norms_of(model, _shown(model.task.splits["validation"]))
    start = norms()
    for _ in range(EPOCHS):
        model.epoch()
    return LayerNorms(variant, variant.startswith("gated"), start, norms())


def _shown(split: Split) -> Split:
    long_enough = np.flatnonzero(split.lengths >= CHARACTERS)
    return tasks.take(split, long_enough[:TUNES], CHARACTERS, per_step=True)


def norms_of(model: train.Model, split: Split) -> Callable[[], tuple[float, ...]]:
    """What computes the norms of a model's layers with its weights of then."""
    backend = backends.current()
    network = model.network.model
    x, y = backend.tensor(split.x), backend.tensor(split.y)
    (recurrent,) = model.network.recurrent
    weights = recurrent.trainable_weights
    layers = np.array([_layer(weight) for weight in weights])
    loss = losses.load(model.task.loss)

    def error() -> tuple[object, None]:
        return keras.ops.mean(loss.value(y, network(x), keras.ops)), None

    slopes = backend.compiled(lambda: backend.gradients(error, weights)[1], network.variables)

    def norms() -> tuple[float, ...]:
        squares = np.array([np.sum(np.square(slope)) for slope in slopes()])
        return tuple(float(np.sqrt(squares[layers == layer].sum())) for layer in np.unique(layers))

    return norms


def _layer(weight: keras.Variable) -> int:
    """The layer that a weight such as `recurrent/2.W_i` belongs to."""
    return int(weight.path.rpartition("/")[2].partition(".")[0])


def table(measured: Sequence[LayerNorms]) -> str:
    """The norms in words."""
    rows = []
    for stack in measured:
        for moment, norms in (("start", stack.start), (f"{EPOCHS} epochs", stack.trained)):
            numbers = " ".join(f"{norm:8.4f}" for norm in norms)
            rows.append(f"{stack.stack:8} {moment:9} {numbers}")
    return "\n".join(rows)


if __name__ == "__main__":
    measured = stacks()
    PICTURE.write_text(figures.by_layer(measured, "after two epochs"))
    print(table(measured))
