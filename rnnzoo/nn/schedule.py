"""How the learning rate changes from epoch to epoch.

In: a training's hyper-parameters, and the validation losses so far.  Out: what the learning rate is
multiplied by in an epoch.  It is a value of run time, so that nothing is compiled again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rnnzoo.spec.hyperparameters import Training


def factor(training: Training, losses: Sequence[float]) -> float:
    """The share of `learning_rate` that the next epoch has.

    Args:
        losses: on validation, of the epochs that were run.
    """
    epoch = len(losses) + 1
    match training.schedule:
        case "halve":
            return 0.5 ** _plateaus(losses, training.plateau)
        case "decay":
            return training.decay_factor ** max(0, epoch - training.decay_from + 1)
        case "cosine" if epoch <= training.warm_up:
            return epoch / (training.warm_up + 1)
        case "cosine":
            begun = epoch - training.warm_up - 1
            return 0.5 * (1 + math.cos(math.pi * begun / (training.epochs - training.warm_up)))
    return 1.0


def _plateaus(losses: Sequence[float], patience: int) -> int:
    """How often so many epochs in a row were not better than the best one before them."""
    best, waited, plateaus = math.inf, 0, 0
    for loss in losses:
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited == patience:
            plateaus, waited = plateaus + 1, 0
    return plateaus
