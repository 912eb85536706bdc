"""Commands about results: report, export.

A report is made from the storage, or from a table of trials, and then needs neither the data nor TensorFlow.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from rnnzoo.errors import UsageError, command
from rnnzoo.lang.ir import Cell
from rnnzoo.spec import points
from rnnzoo.spec import settings as config
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.settings import project, runs
from rnnzoo.spec.timing import Timing
from rnnzoo.spec.trial import REPLICATE, Result
from rnnzoo.terminal.console import plain_console

if TYPE_CHECKING:
    from rnnzoo.report.summary import Described, Summary
    from rnnzoo.report.table import Trials
    from rnnzoo.sweep.open import Opened
    from rnnzoo.sweep.plan import Study
    from rnnzoo.sweep.search import Store
    from rnnzoo.trackers.mlflow import MlflowTracker

RESULTS = Path("results")  # tables that are kept with a project


@dataclass(frozen=True, slots=True)
class Reported:
    """All that a report is made from.

    Attributes:
        tasks, cells: by the labels of the task and of the variant.
        provenance: where and with what the trials were run.
        source: the table that it was read from; None for the storage.
        changes: what the spec says otherwise than when the trials were run.
        timings: how fast variants trained side by side.
    """

    experiment: Experiment
    results: Sequence[Result]
    tasks: Mapping[str, Described]
    cells: Mapping[str, Cell]
    trials: int
    provenance: Sequence[Mapping[str, str]] = ()
    source: Path | None = None
    changes: Sequence[str] = ()
    timings: Sequence[Timing] = ()

    @property
    def folder(self) -> Path:
        return runs() / self.experiment.name / "report"


def report(given: argparse.Namespace) -> None:
    """The report once more, from what is recorded."""
    from rnnzoo.report import paper

    console = plain_console(given.json or given.latex or given.markdown)
    found = _found(given, console)
    summary, files = written(found)
    if given.json:
        print(json.dumps(summary.to_dict(), indent=2))
    elif given.latex or given.markdown:
        print(paper.latex(summary) if given.latex else paper.markdown(summary))
    else:
        shown(found, summary, files, console)


def written(found: Reported) -> tuple[Summary, list[Path]]:
    """Write the pages."""
    from rnnzoo import report as pages
    from rnnzoo.lang.view import CellView

    told = (found.trials, found.provenance, found.changes, found.timings)
    summary = pages.summarise(found.experiment, found.results, found.tasks, *told)
    views = {label: CellView(cell) for label, cell in found.cells.items()}
    return summary, pages.write(summary, views, found.folder)


def shown(found: Reported, summary: Summary, files: Sequence[Path], console: Console) -> None:
    """Print the ranking and the verdicts, and where to look."""
    from rnnzoo import report as pages

    pages.show(summary, console)
    page = next(path for path in files if path.suffix == ".html")
    console.print(f"\nreport  {page}")
    if found.source is None:
        console.print("runs    make ui  (MLflow's pages)")
        rows = [row for one in summary.tables for row in one.rows if row.best]
        if rows:
            console.print(f"best    {command('best', found.experiment.file, '--variant', rows[0].variant)}")


def of_opened(found: Opened, results: Sequence[Result], store: Store | None = None) -> Reported:
    """Of an experiment with its data; a storage knows more than the results."""
    cells = {study.variant.label: study.cell for study in found.studies}
    reported = Reported(found.experiment, results, found.tasks, cells, found.trials)
    if store is None:
        return reported
    known = found.identities
    return replace(reported, provenance=store.provenance(known), timings=store.timings(known))


# ---------------------------------------------------------------------------------------------- where results are

MLFLOW = "mlflow"  # for --from


def _found(given: argparse.Namespace, console: Console) -> Reported:
    """From where the user says; else from the storage, MLflow, or the table in `results/`: the first that has trials."""
    from rnnzoo.spec.read_experiment import read

    if given.source == MLFLOW:
        return _from_mlflow(given)
    if given.source:
        return _from_table(given, Path(given.source), console)
    name = read(Path(given.spec), given.set).name
    if not _ran(name):
        if _tracked(name):
            console.print("the storage has none of its trials: from MLflow", style="dim")
            return _from_mlflow(given)
        kept = tables(name)
        if kept:
            return _from_table(given, kept[0], console)
        raise UsageError(f"nothing has been run yet\n  fix: {command('sweep', given.spec)}")
    return _from_storage(given)


def tables(name: str) -> list[Path]:
    """Tables of an experiment's trials that are kept with the project."""
    return [path for path in (project() / RESULTS / f"{name}{end}" for end in (".csv", ".parquet")) if path.is_file()]


def _ran(name: str) -> bool:
    """Whether the storage has trials of an experiment."""
    from rnnzoo.sweep.search import Store

    storage = config.read().storage
    return config.there(storage) and bool(Store(storage).results(name))


def _tracked(name: str) -> bool:
    """Whether MLflow has trials of an experiment, in a database here; a server is asked only when it is named."""
    return (
        config.read().tracking.startswith("sqlite")
        and config.there(config.read().tracking)
        and bool(_tracker().recorded(name))
    )


def tracked(name: str) -> Sequence[Result]:
    """What MLflow holds of an experiment.

    Raises:
        UsageError: MLflow has no database.
    """
    return _tracker().results(name)


def recorded(name: str) -> list[str]:
    """The study of each trial that MLflow holds of an experiment.

    Raises:
        StoreError: MLflow cannot be reached.
    """
    there = config.there(config.read().tracking)
    return [study for study, _ in _tracker().recorded(name)] if there else []


def _tracker() -> MlflowTracker:
    from rnnzoo.trackers.mlflow import MlflowTracker

    settings = config.read()
    if not config.there(settings.tracking):
        raise UsageError(f"MLflow has no database at {settings.tracking}\n  fix: see `tracking:` in mlflow.yml")
    return MlflowTracker(settings.tracking, settings.artifacts)


def _from_storage(given: argparse.Namespace) -> Reported:
    from rnnzoo.sweep import open as door

    found = door.opened(Path(given.spec), given.set)
    store = door.existing_store(config.read(), found.experiment)
    return of_opened(found, door.results(found, store), store)


def _from_mlflow(given: argparse.Namespace) -> Reported:
    from rnnzoo.sweep import open as door

    found = door.opened(Path(given.spec), given.set)
    results = tracked(found.experiment.name)
    return of_opened(found, [one for one in results if one.study in found.identities])


def _from_table(given: argparse.Namespace, path: Path, console: Console) -> Reported:
    from rnnzoo.report import table
    from rnnzoo.sweep import open as door
    from rnnzoo.sweep.plan import cells

    content = table.read(path)
    experiment = door.experiment(Path(given.spec), given.set)
    if content.experiment != experiment.name:
        raise UsageError(
            f"{path} holds trials of '{content.experiment}', and {given.spec} is '{experiment.name}'\n"
            f"  fix: rnnzoo report FILE --from {path}, with the file of that experiment"
        )
    console.print(f"from {path}: {len(content.results)} trials", style="dim")
    experiment = _limited(experiment, content, console)
    changes = _changes(experiment, content)
    _check_settings(experiment, content, path)
    for text in changes:
        console.print(f"  {text}", style="yellow", markup=False, highlight=False)
    told = (cells(experiment), experiment.search.trials, content.provenance, path, changes, content.timings)
    return Reported(experiment, content.results, content.tasks, *told)


def _limited(experiment: Experiment, content: Trials, console: Console) -> Experiment:
    """The experiment as far as the table has its tasks; claims about another task cannot be judged."""
    tasks = tuple(task for task in experiment.tasks if task.label in content.tasks)
    missing = [task.label for task in experiment.tasks if task not in tasks]
    if missing:
        console.print(f"  nothing in it on {', '.join(missing)}", style="yellow")
    if not tasks:
        raise UsageError("the table has none of the experiment's tasks")
    claims = tuple(claim for claim in experiment.claims if not {claim.task, *claim.tasks} & {*missing})
    return replace(experiment, tasks=tasks, claims=claims)


def _planned(experiment: Experiment, content: Trials) -> list[Study]:
    """The studies of an experiment that a table has trials of, in whatever edition."""
    from rnnzoo.sweep.plan import studies

    ran = {result.study for result in content.results}
    inputs = {label: task.inputs for label, task in content.tasks.items()}
    every = studies(experiment, dict.fromkeys(inputs, ""), inputs)
    return [study for study in every if any(name.startswith(study.prefix) for name in ran)]


def _changes(experiment: Experiment, content: Trials) -> list[str]:
    """What the spec says otherwise than when the trials were run, as far as it can be told without the data."""
    from rnnzoo.sweep.plan import changed

    found: dict[str, list[str]] = {}
    planned = _planned(experiment, content)
    for study in planned:
        before = next((parts for name, parts in content.parts.items() if name.startswith(study.prefix)), None)
        if before is None:
            found.setdefault("", []).append(study.label)
        else:
            for part in changed({**study.parts, "data": before.get("data", "")}, before):
                found.setdefault(part, []).append(study.label)
    return [_changed(part, labels, len(planned)) for part, labels in found.items()]


def _check_settings(experiment: Experiment, content: Trials, path: Path) -> None:
    """Whether trials stand in the space that their search had, where that is known: where it is the file's.

    Raises:
        UsageError: one does not, so that somebody has changed its row.
    """
    spaces = {}
    for study in _planned(experiment, content):
        ran = [parts for name, parts in content.parts.items() if name.startswith(study.prefix)]
        if ran and all(parts.get("space") == study.parts["space"] for parts in ran):
            spaces[study.variant.label, study.task.label] = study.variant.space
    for result in content.results:
        label, task = result.study.split("/")[1:3]
        space = spaces.get((label.partition(REPLICATE)[0], task))
        chosen = result.trial.hyperparameters
        name = points.outside(space, chosen) if space else ""
        if name:
            raise UsageError(
                f"{path}: trial {result.trial.index} of {label} on {task} has `{name}` {chosen[name]}, which its search"
                f" cannot have\n  fix: correct or delete this row, or make the table anew with `rnnzoo export`"
            )


def _changed(part: str, labels: Sequence[str], of: int) -> str:
    whose = "every study" if len(labels) == of else ", ".join(labels)
    if not part:
        return f"the table does not say how the trials of {whose} were run: this file may be another"
    return f"these trials were run with another {part}, in {whose}: what this file says of it is not what was run"


# ---------------------------------------------------------------------------------------------- export


def export(given: argparse.Namespace) -> None:
    """The trials as a table."""
    from rnnzoo.report import table
    from rnnzoo.sweep import open as door

    found = door.opened(Path(given.spec), given.set)
    path = Path(given.file) if given.file else project() / RESULTS / f"{found.experiment.name}.csv"
    if path.exists() and not given.force:
        raise UsageError(f"{path} is there already\n  fix: another name, or --force to write over it")
    store = door.existing_store(config.read(), found.experiment)
    results = door.results(found, store)
    if not results:
        raise UsageError(f"no trial of '{found.experiment.name}' has ended yet\n  fix: {command('sweep', given.spec)}")
    ran = {one.study.split("/")[2] for one in results}
    content: Any = table.Trials(
        experiment=found.experiment.name,
        tasks={label: table.TaskNote.of(task) for label, task in found.tasks.items() if label in ran},
        parts={study.identity: study.parts for study in found.studies if study.task.label in ran},
        results=tuple(results),
        provenance=tuple(store.provenance(found.identities)),
        timings=tuple(store.timings(found.identities)),
    )
    table.write(content, path)
    print(f"{path}: {len(results)} trials of {len({one.study for one in results})} studies")
