"""What a search found, as files: the best cells, and an experiment that confirms them.

The best of thousands look better than they are: their scores were what they were chosen by.  So
they are trained again, on fresh seeds and on tasks that the search never saw, beside the cells that
it began from, which are tuned as much.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rnnzoo.evolve.draw import cell_of, name_of
from rnnzoo.evolve.history import History
from rnnzoo.evolve.plan import Plan
from rnnzoo.evolve.rows import Drawn, Ended, Fate
from rnnzoo.lang.rewriting import Child, cell_file
from rnnzoo.spec.cell.names import MAX_NAME
from rnnzoo.spec.cell.places import built_in_names
from rnnzoo.spec.document import yaml_text
from rnnzoo.spec.experiment import NAME, CellSearch, Experiment, TaskChoice, Variant
from rnnzoo.spec.plugins import is_path
from rnnzoo.spec.read_experiment.keys import MAX_LABEL
from rnnzoo.spec.trial import PATH

BEST = 5  # cells of which there are files
MARK = "found by `rnnzoo evolve` for the experiment"  # in each of them: who may write over it
CONFIRMED = "_confirmed"


@dataclass(frozen=True, slots=True)
class Found:
    """A file of what was found.

    Attributes:
        name: of the file.
        text: YAML.
        number: of the candidate; None of the experiment.
    """

    name: str
    text: str
    number: int | None = None


def best(history: History, count: int = BEST) -> list[Ended]:
    """The best candidates by fitness, none of the first cells; of equal ones the earlier."""
    passed = [
        ended
        for ended in history.with_fate(Fate.PASSED)
        if ended.fitness is not None and not history.drawn[ended.number].variant
    ]
    return sorted(passed, key=lambda ended: (-(ended.fitness or 0.0), ended.number))[:count]


def label_of(plan: Plan, number: int) -> str:
    """What the cell of a candidate is called, in its file and in experiments."""
    return cell_name(plan.experiment.name, number)


def cell_name(experiment: str, number: int) -> str:
    """The same, by the name of the experiment: this may be longer than a cell's, and have a `+`."""
    behind = f"_{number}"
    return experiment.replace("+", "-")[: MAX_NAME - len(behind)] + behind


def confirming_name(experiment: str) -> str:
    """What the experiment is called that confirms what another one found."""
    return experiment[: MAX_LABEL - len(CONFIRMED)] + CONFIRMED


def is_own(text: str, plan: Plan) -> bool:
    """Whether a file was written for this search."""
    return any(
        line.startswith("#") and line.endswith(f"{MARK} {plan.experiment.name}")
        for line in text.splitlines()
    )


def found(
    plan: Plan, history: History, spec: str, refused: Collection[int] = ()
) -> Iterator[Found]:
    """The files of a search: of its best cells, and the experiment that confirms them; nothing
    where no task was run.

    Args:
        spec: the experiment's file, from the folder of these.
        refused: candidates that the experiment cannot have.
    """
    cells = best(history)
    for ended in cells:
        drawn = history.drawn[ended.number]
        yield Found(
            f"{label_of(plan, ended.number)}.yaml", _cell(plan, drawn, ended, history), ended.number
        )
    labels = [label_of(plan, ended.number) for ended in cells if ended.number not in refused]
    if labels:
        text = _experiment(plan, labels, spec)
        yield Found(f"{confirming_name(plan.experiment.name)}.yaml", text)


def _cell(plan: Plan, drawn: Drawn, ended: Ended, history: History) -> str:
    cell = replace(cell_of(drawn.cell), name=label_of(plan, drawn.number))
    parents = tuple(history.drawn[parent].variant or name_of(parent) for parent in drawn.parents)
    remarks = [
        f"{MARK} {plan.experiment.name}",
        f"fitness {ended.fitness:.4f}: the least of its accuracies relative to those of"
        f" {plan.experiment.baseline}, by which it was chosen",
    ]
    return cell_file(Child(cell, parents, drawn.mutations), remarks=remarks)


def confirming(experiment: Experiment, search: CellSearch, first: Iterable[str]) -> Experiment:
    """An experiment as it is where found cells are confirmed, without these: its tasks and those
    that the search does not see; the first cells, and variants of the same equations, as with
    another bias.

    Args:
        first: labels of the first cells.
    """
    files = {experiment.variant(label).cell.file for label in first}
    beside = tuple(variant for variant in experiment.variants if variant.cell.file in files)
    return replace(experiment, variants=beside, tasks=(*experiment.tasks, *search.unseen))


def _experiment(plan: Plan, labels: Sequence[str], spec: str) -> str:
    """The experiment in which these cells are confirmed."""
    experiment, search = plan.experiment, plan.search
    confirmed = confirming(experiment, search, plan.first)
    beside = confirmed.variants
    content = {
        "extends": spec,
        "experiment": confirming_name(experiment.name),
        "about": f"What the search of {experiment.name} found, on fresh seeds",
        "tasks": [_task(task, spec) for task in confirmed.tasks],
        "baseline": experiment.baseline,
        "variants": [
            *(_variant(variant, experiment, spec) for variant in beside),
            *({"name": label, "cell": f"{label}.yaml"} for label in labels),
        ],
        "search_cells": None,
        **_confirm(experiment, len(beside) + len(labels)),
        "claims": _claims(labels, experiment.baseline, [variant.label for variant in beside]),
    }
    tasks = "the tasks of the search" + ", and on others" * bool(search.unseen)
    comments = [
        f"# {MARK} {experiment.name}",
        f"# Its best cells beside those that it began from, on fresh seeds: on {tasks}.",
        "# margin: is in the unit of a task's score; give it where tasks have others.",
    ]
    return "\n".join([*comments, yaml_text(content)])


def _claims(labels: Sequence[str], baseline: str, beside: Sequence[str]) -> list[str]:
    """Each cell against the baseline, and the best one against all of the first cells.

    All claims share one error rate, so that each one more makes the others harder to decide.
    """
    others = [variant for variant in beside if variant != baseline]
    return [
        *(f"{label} better than {baseline}" for label in labels),
        *(f"{labels[0]} better than {variant}" for variant in others),
    ]


def _confirm(experiment: Experiment, variants: int) -> dict[str, Any]:
    """A budget that lasts for all rounds of all variants, where that of the search does not: it was
    meant for the experiment's own, which are fewer.
    """
    confirm = experiment.confirm
    if confirm is None or confirm.until == "stopped":  # the latter has no last round
        return {}
    search = experiment.search.trainings(experiment.search.trials, experiment.training.epochs)
    lasts = variants * (search + confirm.pilot + confirm.most)
    return {"confirm": {"budget": lasts}} if lasts > confirm.budget else {}


def _variant(variant: Variant, experiment: Experiment, spec: str) -> dict[str, Any]:
    reference = variant.reference or variant.label
    content: dict[str, Any] = {"name": variant.label, "cell": reference}
    if reference not in built_in_names():
        home = os.path.dirname(experiment.file)
        file = Path(os.path.relpath(variant.cell.file, home or ".")).as_posix()
        content["cell"] = _moved(file, spec)
    return content | ({"init": dict(variant.init)} if variant.init else {})


def _task(task: TaskChoice, spec: str) -> dict[str, Any]:
    name = _moved(task.name, spec) if is_path(task.name) else task.name
    content = {NAME: name, "label": task.label, **task.options}
    file = task.options.get(PATH)
    if isinstance(file, str):
        content[PATH] = _moved(file, spec)
    elif isinstance(file, Mapping):  # several, by name
        content[PATH] = {part: _moved(path, spec) for part, path in file.items()}
    return content


def _moved(path: str, spec: str) -> str:
    """A path from the experiment's folder, as it is from the folder of these files."""
    if path.startswith("~") or os.path.isabs(path) or "://" in path:
        return path
    return posixpath.normpath(posixpath.join(posixpath.dirname(spec), path))
