"""The Tracker contract: write results, and read them back.

A sweep writes to a tracker and a report only reads from one, so the tracker is the waist of the
hourglass.

A tracker is one file: of this folder, of a project's `experiments/trackers/`, or what an entry
point of the group `rnnzoo.trackers` names.  `tracker:` in mlflow.yml chooses it by the file's name.
It holds

    def tracker(setup: Setup) -> Tracker
    OPTIONS: dict[str, Any]     every option with its default; may be left out where there is none

`rnnzoo.testing.trackers.TrackerContract` tests one.  Contains: `mlflow` (MLflow's tracking store),
`memory` (a dictionary, for tests); Optuna's storage is read through the same contract by
`sweep.search`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rnnzoo.spec import plugins
from rnnzoo.spec.settings import Settings
from rnnzoo.spec.trial import Kind, Result


class Reader(Protocol):
    """The half that a report needs."""

    def results(self, experiment: str) -> Sequence[Result]:
        """Everything recorded for an experiment, over all pages, ordered by task, variant and trial
        index.
        """


class Tracker(Reader, Protocol):
    """A place to write results to and to read them from.

    The study's identity and the trial's index identify a result.  Recording is idempotent: a result
    that is recorded twice is there once.  A result with another outcome replaces the recorded one:
    the trial was run again.
    """

    def open(self, experiment: str, about: str, artifacts: Mapping[str, str]) -> None:
        """Prepare for an experiment; `artifacts` are texts by file name (resolved spec,
        equations).
        """

    def record(self, result: Result, artifacts: Sequence[Path] = ()) -> None:
        """Write one result of the open experiment, once, after its trial."""

    def recorded(self, experiment: str) -> Mapping[tuple[str, int], Kind]:
        """The kinds of outcome recorded so far, by (study, trial index)."""

    def best(self, result: Result, files: Sequence[Path], texts: Mapping[str, str]) -> None:
        """Mark a study's best trial and keep its model's files; `texts` are further files by
        name.
        """

    def report(self, experiment: str, files: Sequence[Path], numbers: Mapping[str, float]) -> None:
        """Attach a report's files and headline numbers to the experiment."""

    def where(self) -> str:
        """Where a person finds the results: a sentence or an address."""

    def close(self) -> None:
        """Release the store; nothing is written after this."""


@dataclass(frozen=True, slots=True)
class Setup:
    """The arguments of a tracker's factory.

    Attributes:
        uri: of its store: `tracking.uri` of mlflow.yml, by default that of MLflow's database in
            `runs/`.
        artifacts: the place for files of runs; None leaves it to the store.
        options: from mlflow.yml, merged into the tracker's `OPTIONS`.
    """

    uri: str
    artifacts: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def make(settings: Settings) -> Tracker:
    """The tracker that mlflow.yml names; creates its store if there is none.

    Raises:
        UsageError: the name is not that of a tracker.
        SpecError: the name is unknown, or an option is wrong.
        StoreError: the store cannot be used.
    """
    plugin = plugins.plugin("trackers", settings.tracker)
    made: Tracker = plugin.make(
        Tracker, Setup(settings.tracking, settings.artifacts, plugin.options)
    )
    if plugin.is_built_in:
        return made
    from rnnzoo.trackers._checked import CheckedTracker

    return CheckedTracker(made, plugin.loaded)
