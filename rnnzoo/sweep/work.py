"""What a launcher runs: one trial, or many at once.

A module of its own, which imports nothing: a trial's process looks the function up by its name, and
would else import the whole loop, with SciPy, before each trial.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnnzoo.launchers import Desk, Tell
    from rnnzoo.spec.trial import Outcome, Trial


def work(trial: Trial, tell: Tell) -> Outcome:
    """Run a trial; Keras is imported only where that is."""
    from rnnzoo.nn.train import work as train

    return train(trial, tell)


def together(desk: Desk, size: int) -> None:
    """Train the trials of a desk, so many of each shape at once."""
    from rnnzoo.nn.population import work as train

    train(desk, size)
