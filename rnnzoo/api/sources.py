"""Where results are: the storage, MLflow, or a table of trials; a report from a table needs neither
data nor a database.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rnnzoo.api import root
from rnnzoo.api.value import Results
from rnnzoo.errors import UsageError, absent_package, argument, number_of, without_password
from rnnzoo.spec import points
from rnnzoo.spec import settings as config
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.files import RESULTS
from rnnzoo.spec.settings import AUTO_LAUNCHER, project
from rnnzoo.spec.trial import Result
from rnnzoo.tasks import Report as Progress
from rnnzoo.tasks import silent

if TYPE_CHECKING:
    from rnnzoo.report.pool import Pool
    from rnnzoo.report.table import TrialTable
    from rnnzoo.sweep.open import Opened
    from rnnzoo.sweep.plan import Study
    from rnnzoo.sweep.search import Store

MLFLOW = "mlflow"  # stands for a file
TellSource = Callable[[str, bool], None]  # (text, whether it is a warning)


def found(
    experiment: Experiment, source: Sequence[str], tell: TellSource, progress: Progress = silent
) -> Results:
    """From where the user says; else from the storage, MLflow, or the table in `results/`: the
    first that has trials.  Where a library is missing that reads the first two, it is the table.

    Raises:
        UsageError: nothing was run yet, or the source is none of this experiment.
        ModuleNotFoundError: a library is missing, and there is no table.
    """
    if is_tracker(source):
        return _from_mlflow(experiment, progress)
    if source:
        return _from_tables(experiment, source, tell)
    kept = [str(path) for path in tables(experiment.name)[:1]]
    try:
        recorded = _from_record(experiment, tell, progress)
    except ModuleNotFoundError as error:
        package = absent_package(error)
        if not kept or not package:
            raise
        tell(f"trials that were run here are not read: {package} is not installed", True)
        recorded = None
    if recorded is not None:
        return recorded
    if kept:
        return _from_tables(experiment, kept, tell)
    raise UsageError("nothing has been run yet", _where_trials_are(experiment))


def _where_trials_are(experiment: Experiment) -> str:
    """What to do where the current folder's project has no trials; that of the experiment's file
    may be another, and have some.
    """
    for folder in Path(experiment.file).resolve().parents:
        for path in _tables_in(folder / RESULTS, experiment.name):
            table = path.relative_to(folder)
            return f"go to {folder}, where {table} has its trials, or {experiment.how_to_run}"
    return experiment.how_to_run


def of_opened(opened: Opened, results: Sequence[Result], store: Store | None = None) -> Results:
    """Of an experiment with its data; a storage knows more than the results."""
    cells = {study.variant.label: study.cell for study in opened.studies}
    made = Results(opened.experiment, tuple(results), opened.tasks, cells, opened.trials)
    if store is None:
        return made
    known = opened.identities
    return replace(
        made,
        provenance=store.provenance(known),
        timings=store.timings(known),
        stopped=store.stopped(known),
    )


def is_tracker(source: Sequence[str]) -> bool:
    """Whether `mlflow` is named, and not tables.

    Raises:
        UsageError: both are.
    """
    if MLFLOW in source and len(source) > 1:
        raise UsageError(
            f"trials are read from {MLFLOW} or from tables, not from both",
            "give tables only",
        )
    return list(source) == [MLFLOW]


def read(paths: Sequence[str]) -> dict[str, TrialTable]:
    """The tables at some paths, by path.

    Raises:
        UsageError: one is none.
    """
    from rnnzoo.report import table

    return {path: table.read(Path(path)) for path in paths}


def table_of(opened: Opened, store: Store) -> TrialTable:
    """What a storage holds of an experiment, as `rnnzoo export` writes it."""
    from rnnzoo.report import table
    from rnnzoo.sweep import open as door

    results = door.results(opened, store)
    ran = {result.key.task for result in results}
    tasks = {label: task for label, task in opened.tasks.items() if label in ran}
    return table.TrialTable(
        experiment=opened.experiment.name,
        tasks={label: table.TaskMetadata.of(task) for label, task in tasks.items()},
        parts={study.identity: study.parts for study in opened.studies if study.task.label in ran},
        results=table.in_order(results),
        provenance=tuple(store.provenance(opened.identities)),
        timings=tuple(store.timings(opened.identities)),
        stopped=store.stopped(opened.identities),
    )


def merged(sources: Sequence[str], spec: str | None, sets: Sequence[str]) -> tuple[Pool, bool]:
    """Tables and storages pooled, and whether learning curves are kept to the last digit.

    Args:
        spec: the experiment, where a storage is among the sources.

    Raises:
        UsageError: a source is none, or they cannot be pooled.
    """
    from rnnzoo.report.pool import is_exact, pooled

    written = {source: source for source in sources if not _is_storage(source)}
    tables = read(list(written))
    exact = any(map(is_exact, tables.values()))
    stored = {source: _storage_url(source) for source in sources if source not in written}
    if stored:
        opened = _opened_for(list(stored), spec, sets)
        exact = exact or opened.experiment.search.rungs is not None
        tables |= {source: _stored_in(source, url, opened) for source, url in stored.items()}
    named = {without_password(source): tables[source] for source in dict.fromkeys(sources)}
    return pooled(named), exact


def _is_storage(source: str) -> bool:
    """Whether a source is a storage: a folder, a file of SQLite's, or a URL."""
    return "://" in source or source.endswith(".db") or Path(source).is_dir()


def _opened_for(stored: Sequence[str], spec: str | None, sets: Sequence[str]) -> Opened:
    from rnnzoo.sweep import open as door

    if spec is None:
        raise UsageError(
            f"{without_password(stored[0])} is a storage, which does not say what its tasks are",
            "name the experiment, `--spec SPEC`; or pool tables of `rnnzoo export`",
        )
    return door.opened(Path(spec), sets)


def _storage_url(source: str) -> str:
    """
    Raises:
        UsageError: there is no such storage; opening a file that is none would make one of it.
    """
    from rnnzoo.sweep.database import is_foreign

    if "://" in source:
        url = source
    elif Path(source).is_dir():
        url = config.sqlite_url((Path(source) / config.RUNS / config.DATABASES[0]).resolve())
    else:
        url = config.sqlite_url(Path(source).resolve())
    if not config.exists(url):
        file = os.path.relpath(config.sqlite_file(url))
        fix = "give a project's folder with its runs/optuna.db, such a file, or its URL"
        if any(Path(source).glob("*.csv")):
            fix = f"tables in it are named one by one, as by {Path(source) / '*.csv'}"
        raise UsageError(f"{without_password(source)} is no storage: there is no file {file}", fix)
    if is_foreign(url):
        raise UsageError(
            f"{without_password(source)} is a database without trials",
            "name the one that a sweep has written: it is runs/optuna.db, unless `storage:` in"
            " mlflow.yml says otherwise",
        )
    return url


def _stored_in(source: str, url: str, opened: Opened) -> TrialTable:
    """
    Raises:
        UsageError: a storage has no trial of the experiment as it is.
    """
    from rnnzoo.sweep.search import Store

    content = table_of(opened, Store(url))
    if not content.results:
        raise UsageError(
            f"{without_password(source)} has no trial of '{opened.experiment.name}' as"
            f" {opened.experiment.file} has it now",
            "name the file, and the `--set`, that were run there",
        )
    return content


def tables(name: str) -> list[Path]:
    """Tables of an experiment's trials that are kept with the project."""
    return _tables_in(project() / RESULTS, name)


def _tables_in(folder: Path, name: str) -> list[Path]:
    paths = (folder / f"{name}{end}" for end in (".csv", ".parquet"))
    return [path for path in paths if path.is_file()]


def studies_of(results: Sequence[Result]) -> set[str]:
    """The studies of results, by identity."""
    return {result.study for result in results}


def tracked(name: str) -> Sequence[Result]:
    """What MLflow holds of an experiment, in the order of a table, so that a report is the same
    whatever it is made from: a tracker need not keep a pilot and a round of one index in order.

    Raises:
        UsageError: MLflow has no database.
        StoreError: it cannot be reached.
    """
    from rnnzoo.report.table import in_order

    return in_order(root.existing_tracker(config.read()).results(name))


def recorded(name: str) -> list[str]:
    """The study of each trial that MLflow holds of an experiment.

    Raises:
        StoreError: MLflow cannot be reached.
    """
    settings = config.read()
    if root.has_tracker(settings):
        return [study for study, _ in root.tracker(settings).recorded(name)]
    return []


def ran(name: str) -> bool:
    """Whether the storage has trials of an experiment."""
    from rnnzoo.sweep.search import Store

    storage = config.read().storage
    return config.exists(storage) and bool(Store(storage).results(name))


def _tracked(name: str) -> bool:
    """Whether the tracker has trials of an experiment; a server of MLflow's is asked only when it
    is named.
    """
    settings = config.read()
    asked = settings.tracker != config.MLFLOW or settings.tracking.startswith("sqlite")
    return asked and bool(recorded(name))


def _from_record(experiment: Experiment, tell: TellSource, progress: Progress) -> Results | None:
    """Of what was run here: from the storage, or else from MLflow; None where neither has any."""
    if ran(experiment.name):
        return _from_storage(experiment, progress)
    if _tracked(experiment.name):
        tell(f"the storage has none of its trials: from {config.read().tracker_title}", False)
        return _from_mlflow(experiment, progress)
    return None


def _from_storage(experiment: Experiment, progress: Progress) -> Results:
    from rnnzoo.sweep import open as door

    opened = door.loaded(experiment, progress)
    store = door.existing_store(config.read(), experiment)
    return of_opened(opened, door.results(opened, store), store)


def _from_mlflow(experiment: Experiment, progress: Progress) -> Results:
    from rnnzoo.sweep import open as door
    from rnnzoo.sweep.begun import marks_of

    results = tracked(experiment.name)
    tracker = partial(marks_of, results)
    opened = door.loaded(experiment, progress, tracker, partial(door.stored, experiment.name))
    return of_opened(opened, [result for result in results if result.study in opened.identities])


def _from_tables(experiment: Experiment, paths: Sequence[str], tell: TellSource) -> Results:
    from rnnzoo.report.pool import pooled
    from rnnzoo.sweep import open as door
    from rnnzoo.sweep.begun import marks_of, possible, settled
    from rnnzoo.sweep.plan import cells

    tables = read(paths)
    door.checked_without_data(experiment)
    for path, held in tables.items():
        if held.experiment != experiment.name:
            raise UsageError(
                f"{path} holds trials of '{held.experiment}', and {experiment.file} is"
                f" '{experiment.name}'",
                f"give the file of that experiment beside {argument('source')} {path}",
            )
        tell(f"from {path}: {number_of(len(held.results), 'trial')}", False)
    content = pooled(tables).content
    marks = marks_of(content.results, content.provenance)
    lanes = possible(experiment, AUTO_LAUNCHER, marks, strict=False)
    limited = _limited(experiment, content, tell)
    experiment = settled(limited, partial(_trained_so, content), lanes=lanes)
    changes = _changes(experiment, content)
    for path, held in tables.items():
        described = replace(held, tasks=content.tasks, parts=content.parts)
        _check_settings(experiment, described, Path(path))
    for text in changes:
        tell(f"  {text}", True)
    told = (
        cells(experiment),
        experiment.search.trials,
        content.provenance,
        Path(paths[0]),
        changes,
        content.timings,
    )
    return Results(experiment, content.results, content.tasks, *told, stopped=content.stopped)


def _limited(experiment: Experiment, content: TrialTable, tell: TellSource) -> Experiment:
    """The experiment as far as the table has its tasks; claims about another task cannot be
    judged.
    """
    tasks = tuple(task for task in experiment.tasks if task.label in content.tasks)
    missing = [task.label for task in experiment.tasks if task not in tasks]
    if missing:
        tell(f"  nothing in it on {', '.join(missing)}", True)
    if not tasks:
        raise UsageError("the table has none of the experiment's tasks")
    claims = tuple(
        claim for claim in experiment.claims if not {claim.task, *claim.tasks} & {*missing}
    )
    return replace(experiment, tasks=tasks, claims=claims)


def _planned(experiment: Experiment, content: TrialTable) -> list[Study]:
    """The studies of an experiment that a table has trials of, in whatever edition."""
    from rnnzoo.sweep.plan import studies

    ran = studies_of(content.results)
    inputs = {label: task.inputs for label, task in content.tasks.items()}
    every = studies(experiment, dict.fromkeys(inputs, ""), inputs)
    return [study for study in every if any(name.startswith(study.prefix) for name in ran)]


def _trained_so(content: TrialTable, experiment: Experiment) -> bool:
    """Whether a table has trials that were trained as an experiment says."""
    for study in _planned(experiment, content):
        editions = (parts for name, parts in content.parts.items() if name.startswith(study.prefix))
        if any(parts.get("training") == study.parts["training"] for parts in editions):
            return True
    return False


def _changes(experiment: Experiment, content: TrialTable) -> list[str]:
    """What the spec says otherwise than when the trials were run, as far as it can be told without
    the data.
    """
    from rnnzoo.sweep.plan import changed

    labels: dict[str, list[str]] = {}
    planned = _planned(experiment, content)
    for study in planned:
        before = next(
            (parts for name, parts in content.parts.items() if name.startswith(study.prefix)), None
        )
        if before is None:
            labels.setdefault("", []).append(study.label)
        else:
            for part in changed({**study.parts, "data": before.get("data", "")}, before):
                labels.setdefault(part, []).append(study.label)
    return [_changed(part, whose, len(planned)) for part, whose in labels.items()]


def _check_settings(experiment: Experiment, content: TrialTable, path: Path) -> None:
    """Check that trials lie in the space that their search had, where that is known: where it is
    the file's.

    Raises:
        UsageError: one does not, so that somebody has changed its row.
    """
    spaces = {}
    for study in _planned(experiment, content):
        ran = [parts for name, parts in content.parts.items() if name.startswith(study.prefix)]
        if ran and all(parts.get("space") == study.parts["space"] for parts in ran):
            spaces[study.variant.label, study.task.label] = study.variant.space
    for result in content.results:
        key = result.key
        space = spaces.get((key.variant, key.task))
        chosen = result.trial.hyperparameters
        name = points.outside(space, chosen) if space else ""
        if name:
            raise UsageError(
                f"{path}: trial {result.trial.index} of {key.marked} on {key.task} has `{name}`"
                f" {chosen[name]}, which its search cannot have",
                "correct or delete this row, or make the table anew with `rnnzoo export`",
            )


def _changed(part: str, labels: Sequence[str], of: int) -> str:
    whose = "every study" if len(labels) == of else ", ".join(labels)
    if not part:
        return (
            f"the table does not say how the trials of {whose} were run: this file may be another"
        )
    return (
        f"these trials were run with another {part}, in {whose}: what this file says of it is not"
        " what was run"
    )
