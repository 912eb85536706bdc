"""A tracker of somebody else's, held to the contract: what it reads back is looked at before it is
used.

In: a tracker and the file that it is from.  Out: the same contract, or a `UsageError` that says
what the tracker does otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnzoo.spec import plugins
from rnnzoo.spec.trial import Kind, Result
from rnnzoo.trackers import Tracker


class CheckedTracker:
    """
    Args:
        source: what the tracker's name stands for.
    """

    def __init__(self, tracker: Tracker, source: Any) -> None:
        self.tracker, self.source = tracker, source

    def open(self, experiment: str, about: str, artifacts: Mapping[str, str]) -> None:
        self.tracker.open(experiment, about, artifacts)

    def record(self, result: Result, artifacts: Sequence[Path] = ()) -> None:
        self.tracker.record(result, artifacts)

    def recorded(self, experiment: str) -> Mapping[tuple[str, int], Kind]:
        kinds = self.tracker.recorded(experiment)
        if not isinstance(kinds, Mapping) or not all(map(_is_kept, kinds.items())):
            self._refuse(
                "recorded(experiment)", kinds, "a mapping from (study, trial index) to a Kind"
            )
        return kinds

    def results(self, experiment: str) -> Sequence[Result]:
        results = self.tracker.results(experiment)
        if not isinstance(results, Sequence) or not all(
            isinstance(result, Result) for result in results
        ):
            self._refuse("results(experiment)", results, "a sequence of Results")
        return results

    def best(self, result: Result, files: Sequence[Path], texts: Mapping[str, str]) -> None:
        self.tracker.best(result, files, texts)

    def report(self, experiment: str, files: Sequence[Path], numbers: Mapping[str, float]) -> None:
        self.tracker.report(experiment, files, numbers)

    def where(self) -> str:
        place = self.tracker.where()
        if not isinstance(place, str):
            self._refuse("where()", place, "text")
        return place

    def close(self) -> None:
        self.tracker.close()

    def _refuse(self, method: str, returned: object, wanted: str) -> None:
        """
        Raises:
            UsageError: always; it names the tracker's file.
        """
        lack = f"its `{method}` returned {plugins.shown(returned)}, not {wanted}"
        plugins.require("tracker", self.source, [lack])


def _is_kept(item: tuple[object, object]) -> bool:
    match item:
        case ((str(), int()), Kind()):
            return True
    return False
