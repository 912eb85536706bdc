"""A trial that was run -> the same trial, to be run again: what a dot of a report stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnzoo.api import sources
from rnnzoo.errors import UsageError, command, nearest
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.trial import Result, Trial
from rnnzoo.sweep import open as door
from rnnzoo.sweep import provenance


@dataclass(frozen=True, slots=True)
class Again:
    """A trial that was run, to be run again.

    Attributes:
        before: what it gave.
        setups: where and with what trials of its experiment were run.
    """

    trial: Trial
    before: Result
    setups: Sequence[Mapping[str, str]]

    def differences(self) -> list[str]:
        """What is here that trials of the experiment were not run with, in words: compared with
        the setup that is most like this machine.
        """
        setup = provenance.here(Path(self.trial.home), self.trial.training)
        return min(
            (provenance.differences(then, setup) for then in self.setups), key=len, default=[]
        )


def again(
    experiment: Experiment, marked: str, label: str, index: int, tell: sources.TellSource
) -> Again:
    """A trial, and what it gave when it was run.

    Its first weights, its data and their order are those of then, so that its scores are too, on
    one kind of processor, by one version of rnnzoo and of the libraries.

    Args:
        marked: the variant; of a replicate or the second stage as tables have it, `lstm~round`.
        label: of the task; empty for the first.

    Raises:
        UsageError: there is no such variant or task, or no such trial has ended.
        TaskError: the data of the task cannot be had.
    """
    results = sources.found(experiment, (), tell)
    opened = door.loaded(results.experiment)
    task = label or opened.experiment.tasks[0].label
    studies = {(study.key.marked, study.task.label): study for study in opened.all_studies}
    for name, known, part in (("variant", marked, 0), ("task", task, 1)):
        names = list(dict.fromkeys(key[part] for key in studies))
        if known not in names:
            raise UsageError(f"no {name} '{known}' in this experiment", nearest(known, names))
    study = studies[marked, task]
    for result in results:
        if (result.key.marked, result.key.task, result.trial.index) == (marked, task, index):
            trial = study.trial(index, result.trial.hyperparameters)
            return Again(trial, result, results.provenance)
    raise UsageError(
        f"no trial {index} of '{marked}' has ended on {task}",
        command("status", experiment.file, sets=experiment.sets),
    )
