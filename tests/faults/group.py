"""A sweep whose trials only sleep, in a process of its own that signals are sent to: `python -m
tests.faults.group FOLDER LAUNCHER`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rnnzoo.cli import INTERRUPTED
from rnnzoo.launchers import Launcher, Setup
from rnnzoo.launchers.local import LocalLauncher
from rnnzoo.launchers.population import PopulationLauncher
from rnnzoo.signals import asked_to_end
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Outcome, Trial
from rnnzoo.sweep.plan import Study, studies
from rnnzoo.sweep.run import Sweep
from rnnzoo.sweep.search import Store
from rnnzoo.trackers.memory import MemoryTracker
from tests.launchers.many import together
from tests.launchers.work import behave
from tests.sweep.loop import Quiet

SPEC = """\
experiment: group
task: adding
variants: [{name: lingering, cell: rnn}]
search: {trials: 6, space: {units: {int: [4, 64]}}}
"""


class Loud(Quiet):
    """Says when trials begin and end."""

    def started(self, study: Study, trial: Trial) -> None:
        print(f"started {trial.index}", flush=True)

    def ended(self, study: Study, trial: Trial, outcome: Outcome) -> None:
        print(f"ended {trial.index} {outcome.kind}", flush=True)


def store(folder: Path) -> Store:
    return Store(f"sqlite:///{folder}/optuna.db")


def launcher_of(name: str, log: Path) -> Launcher:
    """Two at a time, by children or by a population."""
    setup = Setup(behave, 2, ("tests.faults.slow_import",), log, many=together)
    return PopulationLauncher(setup, together, 2) if name == "population" else LocalLauncher(setup)


def main(folder: Path, name: str) -> int:
    try:
        with asked_to_end():
            experiment = parse_experiment(SPEC, str(folder / "group.yaml"), folder)
            planned = studies(experiment, {"adding": "digest"}, {"adding": 2})
            launcher = launcher_of(name, folder / "workers.log")
            tracker = MemoryTracker()
            runs = folder / "runs" / "group"
            Sweep(experiment, planned, 6, store(folder), tracker, launcher, Loud(), runs).run()
            return 0
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
