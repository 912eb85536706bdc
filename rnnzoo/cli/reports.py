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

from rnnzoo.errors import UsageError
from rnnzoo.lang.ir import Cell
from rnnzoo.spec import settings as config
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.settings import RUNS
from rnnzoo.spec.trial import Result

if TYPE_CHECKING:
    from rnnzoo.report.summary import Described, Summary
    from rnnzoo.report.table import Trials
    from rnnzoo.sweep.open import Opened

RESULTS = Path("results")  # tables that are kept with a project


@dataclass(frozen=True, slots=True)
class Reported:
    """All that a report is made from.

    Attributes:
        tasks, cells: by the labels of the task and of the variant.
        source: the table that it was read from; None for the storage.
    """

    experiment: Experiment
    results: Sequence[Result]
    tasks: Mapping[str, Described]
    cells: Mapping[str, Cell]
    trials: int
    source: Path | None = None

    @property
    def folder(self) -> Path:
        return RUNS / self.experiment.name / "report"


def report(given: argparse.Namespace) -> None:
    """The report once more, from what is recorded."""
    console = Console(stderr=given.json)
    table = Path(given.source) if given.source else _kept_table(given)
    found = _from_table(given, table, console) if table else _from_storage(given)
    summary, files = written(found)
    if given.json:
        print(json.dumps(summary.to_dict(), indent=2))
    else:
        shown(found, summary, files, console)


def written(found: Reported) -> tuple[Summary, list[Path]]:
    """Write the pages."""
    from rnnzoo import report as pages
    from rnnzoo.lang.view import CellView

    summary = pages.summarise(found.experiment, found.results, found.tasks, found.trials)
    views = {label: CellView(cell) for label, cell in found.cells.items()}
    return summary, pages.write(summary, views, found.folder)


def shown(found: Reported, summary: Summary, files: Sequence[Path], console: Console) -> None:
    """Print the ranking and the verdicts, and where to look."""
    from rnnzoo import report as pages

    pages.show(summary, console)
    page = next(path for path in files if path.suffix == ".html")
    console.print(f"\nreport  {page}", highlight=False)
    if found.source is None:
        console.print("runs    make ui  (MLflow's pages)", highlight=False)
        rows = [row for one in summary.tables for row in one.rows if row.best]
        if rows:
            console.print(f"best    rnnzoo best {found.experiment.file} --variant {rows[0].variant}", highlight=False)


def of_opened(found: Opened, results: Sequence[Result]) -> Reported:
    cells = {study.variant.label: study.cell for study in found.studies}
    return Reported(found.experiment, results, found.tasks, cells, found.trials)


# ---------------------------------------------------------------------------------------------- where results are


def _from_storage(given: argparse.Namespace) -> Reported:
    from rnnzoo.sweep import open as door

    found = door.opened(Path(given.spec), given.set)
    store = door.existing_store(config.read(), found.experiment)
    return of_opened(found, door.results(found, store))


def _kept_table(given: argparse.Namespace) -> Path | None:
    """The table in `results/`, where nothing of this experiment was run here."""
    from rnnzoo.spec.read_experiment import read

    name = read(Path(given.spec), given.set).name
    tables = [path for ending in ("csv", "parquet") if (path := RESULTS / f"{name}.{ending}").is_file()]
    return tables[0] if tables and not _ran(name) else None


def _ran(name: str) -> bool:
    """Whether the storage has trials of an experiment."""
    from rnnzoo.sweep.search import Store

    storage = config.read().storage
    path = storage.removeprefix("sqlite:///")
    there = path == storage or Path(path).exists()
    return there and bool(Store(storage).results(name))


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
    console.print(f"from {path}: {len(content.results)} trials", style="dim", highlight=False)
    experiment = _limited(experiment, content, console)
    for text in _changes(experiment, content):
        console.print(f"  {text}", style="yellow", highlight=False)
    return Reported(experiment, content.results, content.tasks, cells(experiment), experiment.search.trials, path)


def _limited(experiment: Experiment, content: Trials, console: Console) -> Experiment:
    """The experiment as far as the table has its tasks; claims about another task cannot be judged."""
    tasks = tuple(task for task in experiment.tasks if task.label in content.tasks)
    missing = [task.label for task in experiment.tasks if task not in tasks]
    if missing:
        console.print(f"  nothing in it on {', '.join(missing)}", style="yellow", highlight=False)
    if not tasks:
        raise UsageError("the table has none of the experiment's tasks")
    claims = tuple(claim for claim in experiment.claims if claim.task not in missing)
    return replace(experiment, tasks=tasks, claims=claims)


def _changes(experiment: Experiment, content: Trials) -> list[str]:
    """What the spec says otherwise than when the trials were run, as far as it can be told without the data."""
    from rnnzoo.sweep.plan import changed, studies

    found: dict[str, list[str]] = {}
    for study in studies(experiment, {task.label: "" for task in experiment.tasks}):
        before = next((parts for name, parts in content.parts.items() if name.startswith(study.prefix)), None)
        if before is not None:
            for part in changed({**study.parts, "data": before["data"]}, before):
                found.setdefault(part, []).append(study.label)
    return [f"since these trials, the {part} of {', '.join(labels)} changed" for part, labels in found.items()]


# ---------------------------------------------------------------------------------------------- export


def export(given: argparse.Namespace) -> None:
    """The trials as a table."""
    from rnnzoo.report import table
    from rnnzoo.sweep import open as door

    found = door.opened(Path(given.spec), given.set)
    path = Path(given.file) if given.file else RESULTS / f"{found.experiment.name}.csv"
    if path.exists() and not given.force:
        raise UsageError(f"{path} is there already\n  fix: another name, or --force to write over it")
    results = door.results(found, door.existing_store(config.read(), found.experiment))
    if not results:
        raise UsageError(f"no trial of '{found.experiment.name}' has ended yet\n  fix: rnnzoo sweep {given.spec}")
    ran = {one.study.split("/")[2] for one in results}
    content: Any = table.Trials(
        experiment=found.experiment.name,
        tasks={label: table.TaskNote.of(task) for label, task in found.tasks.items() if label in ran},
        parts={study.identity: study.parts for study in found.studies if study.task.label in ran},
        results=tuple(results),
    )
    table.write(content, path)
    print(f"{path}: {len(results)} trials of {len({one.study for one in results})} studies")
