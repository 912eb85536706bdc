"""Trials in the tracker: those that have ended, and those that it lacks.

In: results.  Out: a tracker that has them all, each with the log of its trial.  The storage is the
truth, so a tracker that missed trials is brought level from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rnnzoo.spec.trial import Result, Trial
from rnnzoo.trackers import Tracker


def record(result: Result, tracker: Tracker) -> None:
    """Write a trial that has ended to a tracker."""
    tracker.record(result, _files(result.trial))


def level(
    results: Sequence[Result],
    tracker: Tracker,
    experiment: str,
    report: Callable[[int, int], None] = lambda done, of: None,
) -> int:
    """Write to a tracker what it lacks; returns how many trials that were.

    Args:
        report: told before each of them how many are done, of how many.
    """
    recorded = tracker.recorded(experiment)
    late = [
        result
        for result in results
        # by how it ended: one that failed there may have been begun once more, and be complete
        if recorded.get((result.study, result.trial.index)) is not result.outcome.kind
    ]
    for done, result in enumerate(late):
        report(done, len(late))
        record(result, tracker)
    return len(late)


def _files(trial: Trial) -> list[Path]:
    return [trial.log] if trial.folder and trial.log.is_file() else []
