"""A tracker that keeps everything in a dictionary: for tests, notebooks, and as the contract's
plainest reading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rnnzoo.spec.trial import Kind, Result
from rnnzoo.trackers import Setup


@dataclass(slots=True)
class MemoryTracker:
    """Keeps results as long as the process lives."""

    kept: dict[str, dict[tuple[str, int], Result]] = field(default_factory=dict)
    files: dict[str, list[Path]] = field(default_factory=dict)
    models: dict[str, list[Path]] = field(default_factory=dict)
    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    _experiment: str = ""

    def open(self, experiment: str, about: str, artifacts: Mapping[str, str]) -> None:
        self._experiment = experiment
        self.kept.setdefault(experiment, {})

    def record(self, result: Result, artifacts: Sequence[Path] = ()) -> None:
        self.kept[self._experiment][result.study, result.trial.index] = result

    def recorded(self, experiment: str) -> Mapping[tuple[str, int], Kind]:
        return {key: result.outcome.kind for key, result in self.kept.get(experiment, {}).items()}

    def results(self, experiment: str) -> Sequence[Result]:
        results = self.kept.get(experiment, {}).values()
        return sorted(
            results,
            key=lambda result: (result.trial.task, result.trial.variant, result.trial.index),
        )

    def best(self, result: Result, files: Sequence[Path], texts: Mapping[str, str]) -> None:
        self.models[result.study], self.texts[result.study] = list(files), dict(texts)

    def report(self, experiment: str, files: Sequence[Path], numbers: Mapping[str, float]) -> None:
        self.files[experiment] = list(files)

    def where(self) -> str:
        return "in memory only"

    def close(self) -> None:
        pass


def tracker(setup: Setup) -> MemoryTracker:
    """What `tracker: memory` makes."""
    return MemoryTracker()
