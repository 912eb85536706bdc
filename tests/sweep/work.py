"""What trials do in tests of the loop: a module of its own, so that a fork server imports
little.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from rnnzoo.launchers import Desk, Tell
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial


def pretend(trial: Trial, tell: Tell) -> Outcome:
    """A score that is a function of the hyper-parameters; small networks are slow, so that the
    order of ends is mixed.
    """
    score = float(trial.hyperparameters["learning_rate"]) * int(trial.hyperparameters["units"])
    time.sleep(0.05 if trial.hyperparameters["units"] == 4 else 0.0)
    for step in range(1, 5):
        if not tell(Progress(step, 4, score / step, score / step)):
            return Outcome(Kind.PRUNED, message=f"stopped after {step}")
    return Outcome(
        Kind.COMPLETE, {"train": score, "validation": score, "test": score + trial.seed % 7}
    )


def pretend_together(desk: Desk, size: int) -> None:
    """Likewise, one after the other; scores are a little larger, by how many there might be."""
    while True:
        for ticket, trial in desk.take(wait=True):
            outcome = pretend(
                trial, lambda news, ticket=ticket: ticket in desk.tell({ticket: news})
            )  # type: ignore[misc]
            scores = {split: score + 1e-6 * size for split, score in outcome.scores.items()}
            desk.finish(ticket, replace(outcome, scores=scores))


def paced(trial: Trial, tell: Tell) -> Outcome:
    """Epochs of made-up lengths, each noted in a file as it begins and ends; the rnn is twice as
    fast, gru alone diverges.
    """
    log = Path(trial.base) / "epochs"
    curve = []
    for epoch in range(1, trial.training.epochs + 1):
        with log.open("a") as stream:
            stream.write(f"begin {trial.variant}\n")
            time.sleep(0.002)
            stream.write(f"end {trial.variant}\n")
        seconds = (
            (1.0 if trial.variant == "rnn" else 2.0) + 0.001 * epoch + (50.0 if epoch == 1 else 0.0)
        )
        curve.append({"epoch": epoch, "validation": 1.0, "seconds": seconds})
        if trial.variant == "gru" and trial.training.epochs > 4:
            return Outcome(Kind.DIVERGED, message="the loss was nan in epoch 1")
        if not tell(Progress(epoch, trial.training.epochs, 1.0, 1.0)):
            return Outcome(Kind.PRUNED)
    usual = float(np.median([row["seconds"] for row in curve[1:]]))
    return Outcome(
        Kind.COMPLETE,
        dict.fromkeys(("train", "validation", "test"), 1.0),
        tuple(curve),
        seconds={"step": usual / 8},
    )


def paced_until_the_end(trial: Trial, tell: Tell) -> Outcome:
    """Likewise, but the rnn fails after the last epoch of what is measured."""
    outcome = paced(trial, tell)
    if trial.variant == "rnn" and trial.training.epochs > 4 and outcome.kind is Kind.COMPLETE:
        return Outcome(Kind.FAILED, message="no memory is left for its scores")
    return outcome


def flaky(trial: Trial, tell: Tell) -> Outcome:
    """Fails at the first attempt."""
    marker = Path(trial.base) / f"attempted-{trial.variant}-{trial.index}"
    if not marker.exists():
        marker.touch()
        raise RuntimeError("the first attempt fails")
    return pretend(trial, tell)


def hopeless(trial: Trial, tell: Tell) -> Outcome:
    raise RuntimeError("the data is not there")


def changed_data(trial: Trial, tell: Tell) -> Outcome:
    """What a trial yields whose data are not the study's, from the second trial on."""
    if not trial.index:
        return pretend(trial, tell)
    return Outcome(
        Kind.INTERRUPTED,
        message="the data of 'adding' changed while the sweep ran\n  fix: put them back",
    )
