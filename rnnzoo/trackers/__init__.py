"""The Tracker contract: write results, and read them back.

A sweep writes to a tracker and a report only reads from one, so the tracker is the waist of the hourglass.
Contains: `mlflow` (MLflow's tracking store), `memory` (a dictionary, for tests and notebooks); Optuna's storage is read
through the same contract by `sweep.search`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from rnnzoo.spec.trial import Kind, Result


class Reader(Protocol):
    """The half that a report needs."""

    def results(self, experiment: str) -> Sequence[Result]:
        """Everything recorded for an experiment, over all pages, ordered by task, variant and trial index."""


class Tracker(Reader, Protocol):
    """Both halves.  A result is known by its study's identity and its trial's index; recorded twice, it is there once.

    One that ended otherwise than what is recorded of it was run again, and takes its place.
    """

    def open(self, experiment: str, about: str, artifacts: Mapping[str, str]) -> None:
        """Make ready for an experiment; `artifacts` are texts by file name (resolved spec, equations)."""

    def record(self, result: Result, artifacts: Sequence[Path] = ()) -> None:
        """Write one result of the open experiment, once, after its trial."""

    def recorded(self, experiment: str) -> Mapping[tuple[str, int], Kind]:
        """What is recorded already: how a trial ended, by (study, trial index)."""

    def best(self, result: Result, files: Sequence[Path], texts: Mapping[str, str]) -> None:
        """Show a study's best trial beside those of other studies, and keep its model's files; texts by file name."""

    def report(self, experiment: str, files: Sequence[Path], numbers: Mapping[str, float]) -> None:
        """Attach a report's files and headline numbers to the experiment."""

    def where(self) -> str:
        """Where a person finds the results: a sentence or an address."""

    def close(self) -> None:
        """Nothing more will be written."""
