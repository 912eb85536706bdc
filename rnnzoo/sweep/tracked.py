"""Trials in the tracker: those that have ended, and those that it lacks.

In: results.  Out: a tracker that has them all, each with the log of its trial.  The storage is the
truth, so a tracker that missed trials is brought level from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rnnzoo.spec.trial import Kind, Result, Trial
from rnnzoo.trackers import Tracker

_Key = tuple[str, int]  # study, and index of the trial


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
    kinds = tracker.recorded(experiment)
    # by how it ended: one that failed there may have been begun once more, and be complete, or
    # have failed for another reason
    told = _messages(results, kinds, tracker, experiment)
    late = []
    for result in results:
        key, outcome = _key(result), result.outcome
        is_there = kinds.get(key) is outcome.kind
        if not is_there or told.get(key, outcome.message) != outcome.message:
            late.append(result)
    for done, result in enumerate(late):
        report(done, len(late))
        record(result, tracker)
    return len(late)


def _messages(
    results: Sequence[Result], kinds: Mapping[_Key, Kind], tracker: Tracker, experiment: str
) -> dict[_Key, str]:
    """Why trials ended as they did, as a tracker has it; read only where one of them says why, and
    has ended so there too.
    """
    said = [result for result in results if result.outcome.message]
    if not any(kinds.get(_key(result)) is result.outcome.kind for result in said):
        return {}
    return {_key(result): result.outcome.message for result in tracker.results(experiment)}


def _key(result: Result) -> _Key:
    return result.study, result.trial.index


def _files(trial: Trial) -> list[Path]:
    return [trial.log] if trial.folder and trial.log.is_file() else []
