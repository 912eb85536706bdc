"""Where results are: the storage, MLflow, or a table of trials; a report from a table needs neither
data nor a database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rnnzoo.api import root
from rnnzoo.api.value import Results
from rnnzoo.errors import UsageError, argument, number_of
from rnnzoo.spec import points
from rnnzoo.spec import settings as config
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.files import RESULTS
from rnnzoo.spec.settings import project
from rnnzoo.spec.trial import Result
from rnnzoo.tasks import Report as Progress
from rnnzoo.tasks import silent

if TYPE_CHECKING:
    from rnnzoo.report.table import TrialTable
    from rnnzoo.sweep.open import Opened
    from rnnzoo.sweep.plan import Study
    from rnnzoo.sweep.search import Store

MLFLOW = "mlflow"  # stands for a file
TellSource = Callable[[str, bool], None]  # (text, whether it is a warning)


def found(
    experiment: Experiment, source: str, tell: TellSource, progress: Progress = silent
) -> Results:
    """From where the user says; else from the storage, MLflow, or the table in `results/`: the
    first that has trials.

    Raises:
        UsageError: nothing was run yet, or the source is none of this experiment.
    """
    if source == MLFLOW:
        return _from_mlflow(experiment, progress)
    if source:
        return _from_table(experiment, Path(source), tell)
    if _ran(experiment.name):
        return _from_storage(experiment, progress)
    if _tracked(experiment.name):
        tell(f"the storage has none of its trials: from {config.read().tracker_title}", False)
        return _from_mlflow(experiment, progress)
    kept = tables(experiment.name)
    if kept:
        return _from_table(experiment, kept[0], tell)
    raise UsageError("nothing has been run yet", experiment.how_to_run)


def of_opened(opened: Opened, results: Sequence[Result], store: Store | None = None) -> Results:
    """Of an experiment with its data; a storage knows more than the results."""
    cells = {study.variant.label: study.cell for study in opened.studies}
    made = Results(opened.experiment, tuple(results), opened.tasks, cells, opened.trials)
    if store is None:
        return made
    known = opened.identities
    return replace(made, provenance=store.provenance(known), timings=store.timings(known))


def tables(name: str) -> list[Path]:
    """Tables of an experiment's trials that are kept with the project."""
    return [
        path
        for path in (project() / RESULTS / f"{name}{end}" for end in (".csv", ".parquet"))
        if path.is_file()
    ]


def studies_of(results: Sequence[Result]) -> set[str]:
    """The studies of results, by identity."""
    return {result.study for result in results}


def tracked(name: str) -> Sequence[Result]:
    """What MLflow holds of an experiment.

    Raises:
        UsageError: MLflow has no database.
    """
    return root.existing_tracker(config.read()).results(name)


def recorded(name: str) -> list[str]:
    """The study of each trial that MLflow holds of an experiment.

    Raises:
        StoreError: MLflow cannot be reached.
    """
    settings = config.read()
    if root.has_tracker(settings):
        return [study for study, _ in root.tracker(settings).recorded(name)]
    return []


def _ran(name: str) -> bool:
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


def _from_storage(experiment: Experiment, progress: Progress) -> Results:
    from rnnzoo.sweep import open as door

    opened = door.loaded(experiment, progress)
    store = door.existing_store(config.read(), experiment)
    return of_opened(opened, door.results(opened, store), store)


def _from_mlflow(experiment: Experiment, progress: Progress) -> Results:
    from rnnzoo.sweep import open as door

    results = tracked(experiment.name)
    tracker = partial(studies_of, results)
    opened = door.loaded(experiment, progress, tracker, partial(door.stored, experiment.name))
    return of_opened(opened, [result for result in results if result.study in opened.identities])


def _from_table(experiment: Experiment, path: Path, tell: TellSource) -> Results:
    from rnnzoo.report import table
    from rnnzoo.sweep import open as door
    from rnnzoo.sweep.begun import settled
    from rnnzoo.sweep.plan import cells

    content = table.read(path)
    door.checked_without_data(experiment)
    if content.experiment != experiment.name:
        raise UsageError(
            f"{path} holds trials of '{content.experiment}', and {experiment.file} is"
            f" '{experiment.name}'",
            f"give the file of that experiment beside {argument('source')} {path}",
        )
    tell(f"from {path}: {number_of(len(content.results), 'trial')}", False)
    experiment = settled(_limited(experiment, content, tell), partial(_trained_so, content))
    changes = _changes(experiment, content)
    _check_settings(experiment, content, path)
    for text in changes:
        tell(f"  {text}", True)
    told = (
        cells(experiment),
        experiment.search.trials,
        content.provenance,
        path,
        changes,
        content.timings,
    )
    return Results(experiment, content.results, content.tasks, *told)


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
    return any(
        parts.get("training") == study.parts["training"]
        for study in _planned(experiment, content)
        for name, parts in content.parts.items()
        if name.startswith(study.prefix)
    )


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
    """Whether trials stand in the space that their search had, where that is known: where it is the
    file's.

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
