"""What a launcher runs.

A module of its own, which imports nothing: a trial's process looks the function up by its name, and
would else import the whole loop, with SciPy, before each trial.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnnzoo.launchers import Tell
    from rnnzoo.spec.trial import Outcome, Trial


def work(trial: Trial, tell: Tell) -> Outcome:
    """Run a trial; Keras is imported only where that is."""
    from rnnzoo.nn.train import work as train

    return train(trial, tell)
