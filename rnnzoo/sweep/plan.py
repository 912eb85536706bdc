"""Experiment -> studies: what would run, as data.  Pure: nothing is read, started or written here.

In: an experiment and the digest of each task's data.  Out: one `Study` for each (variant, task), with an identity that
changes exactly when its outcomes could, and the trial of every index.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rnnzoo.errors import Mistakes, SpecError
from rnnzoo.lang import check, with_init
from rnnzoo.lang.ir import Cell
from rnnzoo.lang.text import cell_text
from rnnzoo.lang.text import digest as cell_digest
from rnnzoo.spec.cell import Init
from rnnzoo.spec.experiment import Experiment, TaskChoice, Variant
from rnnzoo.spec.trial import Training, Trial, Value, digest


@dataclass(frozen=True, slots=True)
class Study:
    """The trials of one variant on one task.

    Attributes:
        identity: name of Optuna's study: experiment, variant, task, and a hash of `parts`.
        parts: digest of everything that outcomes depend on, by what it is called when it changed.
    """

    experiment: Experiment
    variant: Variant
    task: TaskChoice
    cell: Cell
    parts: Mapping[str, str]

    @property
    def identity(self) -> str:
        short = digest(dict(self.parts))[:12]
        return f"{self.experiment.name}/{self.variant.label}/{self.task.label}/{short}"

    @property
    def prefix(self) -> str:
        """What the identities of all editions of this study begin with."""
        return self.identity.rpartition("/")[0] + "/"

    @property
    def label(self) -> str:
        """The variant's label, and the task's where there are several."""
        several = len(self.experiment.tasks) > 1
        return f"{self.variant.label} on {self.task.label}" if several else self.variant.label

    def trial(self, index: int, hyperparameters: Mapping[str, Value], folder: Path | None = None) -> Trial:
        """The trial of an index, once its hyper-parameters are known."""
        return Trial(
            experiment=self.experiment.name,
            variant=self.variant.label,
            cell=cell_text(self.cell),
            task=self.task.name,
            index=index,
            hyperparameters=dict(hyperparameters),
            seed=self.seed(index),
            training=self.experiment.training,
            task_options=dict(self.task.options),
            init=dict(self.variant.init),
            base=str(Path(self.experiment.file).parent),
            folder=str(folder / self.identity.partition("/")[2] / f"{index:04d}") if folder else "",
        )

    def seed(self, index: int) -> int:
        """A trial's seed: a function of the experiment's seed, the variant, the task and the index."""
        words = f"{self.experiment.search.seed} {self.variant.label} {self.task.label} {index} trial"
        return int.from_bytes(hashlib.sha256(words.encode()).digest()[:4], "big") >> 1


def studies(experiment: Experiment, data: Mapping[str, str]) -> tuple[Study, ...]:
    """All studies of an experiment, by task and then in the order of the variants.

    Args:
        data: digest of each task's data, by the task's label.

    Raises:
        SpecError: mistakes in the equations of any variant's cell, all of them.
    """
    found = cells(experiment)
    return tuple(
        Study(experiment, variant, task, found[variant.label], _parts(experiment, variant, task, found, data))
        for task in experiment.tasks
        for variant in experiment.variants
    )


def cells(experiment: Experiment) -> dict[str, Cell]:
    """The checked cell of every variant, by label.

    Raises:
        SpecError: mistakes in the equations of any of them, all of them.
        UsageError: a variant's `init` names a weight that its cell does not have.
    """
    mistakes = Mistakes()
    found: dict[str, Cell] = {}
    for variant in experiment.variants:
        try:
            cell = check(variant.cell)
            with_init(cell, {name: Init.from_plain(value) for name, value in variant.init.items()})
            found[variant.label] = cell
        except SpecError as error:
            mistakes.found.extend(error.mistakes)
    mistakes.raise_if_any()
    return found


def _parts(
    experiment: Experiment, variant: Variant, task: TaskChoice, found: Mapping[str, Cell], data: Mapping[str, str]
) -> dict[str, str]:
    search = experiment.search
    how = {"sampler": asdict(search.sampler), "seed": search.seed, "draws": search.draws, "on": experiment.select.on}
    parts: dict[str, Any] = {
        "cell": [cell_digest(found[variant.label]), dict(variant.init)],
        "space": asdict(replace(variant.space, fixed=dict(variant.space.fixed))),
        "task": [task.name, {key: value for key, value in task.options.items() if key != "file"}],
        "data": data[task.label],
        "training": _chosen(experiment.training),
        "search": {**how, "pruner": asdict(search.pruner) if search.pruner else None},
    }
    return {name: digest(part) for name, part in parts.items()}


def _chosen(training: Training) -> dict[str, Any]:
    """What differs from the defaults: a key that a later version adds leaves the studies of this one as they are."""
    usual = asdict(Training())
    return {key: value for key, value in asdict(training).items() if value != usual[key]}


def changed(now: Mapping[str, str], before: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the parts that differ between two editions of a study."""
    return tuple(name for name in now if now[name] != before.get(name))


def in_turn(found: Sequence[Study], trials: int) -> Iterator[tuple[Study, int]]:
    """All planned trials, index by index over all studies, so that an unfinished sweep compares like with like."""
    for index in range(trials):
        for study in found:
            yield study, index
