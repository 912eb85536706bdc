"""Which trials share a program: those that differ only in what is read at run time.

In: a trial.  Out: its shape, equal for trials that can train together (`nn.population`).
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, NamedTuple

from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.trial import Trial, without_paths

# settings of a training that its program reads at run time, or that only the loop over epochs reads
AT_RUN_TIME = (
    "learning_rate", "one_minus_momentum", "effective_rate",
    "schedule", "plateau", "decay_from", "decay_factor", "warm_up",
    "epochs", "patience", "best_by",
)  # fmt: skip
# likewise, but a program is another one without them
OR_WITHOUT = ("noise", "weight_noise")
OR_ZERO = ("momentum", "weight_decay")


class Shape(NamedTuple):
    """What a trial's program is compiled for.

    Attributes:
        training: without what is read at run time.
    """

    cell: str
    init: str
    task: str
    data: str
    training: Training


def shape_of(trial: Trial) -> Shape:
    """Trials of one shape train in one program."""
    training, usual = trial.training, Training()
    changes: dict[str, Any] = {name: getattr(usual, name) for name in AT_RUN_TIME}
    for name in OR_WITHOUT:
        changes[name] = None if getattr(training, name) is None else 0.0
    for name in OR_ZERO:
        value = getattr(training, name)
        changes[name] = value if not value else 0.5
    return Shape(
        trial.cell,
        json.dumps(dict(trial.init), sort_keys=True),
        json.dumps([trial.task, without_paths(trial.task_options)], sort_keys=True),
        trial.data or str(trial.home),
        replace(training, **changes),
    )
