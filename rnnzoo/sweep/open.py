"""What every command on an experiment begins with: the spec, its tasks' data, its studies, its
stores.

In: a spec file, overrides, settings.  Out: an `Opened` experiment.  Data is loaded here once, for
its digest, its baselines and so that it is in the cache before the first trial asks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain
from pathlib import Path

from rnnzoo import tasks
from rnnzoo.errors import Mistakes, Remark, SpecError, UsageError, without_password
from rnnzoo.spec import points, stamp
from rnnzoo.spec import settings as config
from rnnzoo.spec.document import read_text
from rnnzoo.spec.experiment import Experiment, Search
from rnnzoo.spec.read_experiment import read
from rnnzoo.spec.settings import POPULATION, Chosen, Settings, exists, runs
from rnnzoo.spec.trial import Result, StudyKey
from rnnzoo.sweep import samplers, search
from rnnzoo.sweep.begun import among, possible, settled, ways
from rnnzoo.sweep.fit import check_model, check_read, foresee
from rnnzoo.sweep.plan import Study, cells, confirming, replicates, studies
from rnnzoo.tasks import Report, Task


@dataclass(frozen=True, slots=True)
class Opened:
    """An experiment with its data and studies; how it was begun is settled.

    Attributes:
        tasks: by the label that the experiment gives them.
        trials: per study, a total: that of the command line, else that of the spec.
        warnings: what is probably not meant in the data, by the task's label.
        otherwise: its studies as they would be had it been begun otherwise: under another backend,
            which `backend: auto` could have meant, or in populations of another size.
        notes: what a sweep says of how its trials get their data.
    """

    experiment: Experiment
    tasks: Mapping[str, Task]
    studies: tuple[Study, ...]
    trials: int
    warnings: Mapping[str, tuple[Remark, ...]] = field(default_factory=dict)
    otherwise: tuple[Study, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def all_studies(self) -> tuple[Study, ...]:
        """The studies, their replicates, and the second stage."""
        return (*self.studies, *replicates(self.studies), *confirming(self.studies, self.trials))

    @property
    def identities(self) -> set[str]:
        return {study.identity for study in self.all_studies}

    @property
    def runs(self) -> Path:
        """Folder of this experiment's logs, models and report."""
        return runs() / self.experiment.name


def checked_without_data(experiment: Experiment) -> None:
    """Check all that `checked` does but the tasks: a report from a table needs no data.

    Raises:
        SpecError: all mistakes in it.
        UsageError: as `plan.cells`.
    """
    _all_of(experiment, _check_search, cells)


def checked(experiment: Experiment) -> None:
    """Check that all that a spec names is there and fits: sampler and pruner, options of tasks,
    files of data, cells, and what follows from these without data.

    Raises:
        SpecError: all mistakes in it.
        UsageError: as `plan.cells`.
    """
    checked_parts(experiment)
    foresee(experiment)


def checked_parts(experiment: Experiment) -> None:
    """Check, before any data is loaded, that sampler, pruner, options of tasks and cells are right.

    Raises:
        SpecError: all mistakes in them.
        UsageError: as `plan.cells`.
    """
    _all_of(experiment, _check_search, tasks.check_spec, cells)


def _all_of(experiment: Experiment, *looks: Callable[[Experiment], object]) -> None:
    """The mistakes of several looks in one go."""
    mistakes = Mistakes()
    for look in looks:
        try:
            look(experiment)
        except SpecError as error:
            mistakes.extend(error.mistakes)
    mistakes.raise_if_any()


def _check_search(experiment: Experiment) -> None:
    """Check that sampler and pruner take their options; Optuna is imported only where one of its
    own is named.
    """
    mistakes = Mistakes()
    for role in ("sampler", "pruner"):
        named = getattr(experiment.search, role)
        if named is None or (points.ours(named.name) and not named.options):
            continue
        try:
            samplers.check(replace(Search(), **{role: named}))
        except UsageError as error:
            mistakes.add(experiment.places[role], *error.parts)
    mistakes.raise_if_any()


def opened(path: Path, sets: Sequence[str] = (), progress: Report = tasks.silent) -> Opened:
    """The experiment of a file, with its data: see `loaded`."""
    return loaded(read(path, sets), progress)


def loaded(
    experiment: Experiment,
    progress: Report = tasks.silent,
    *known: Callable[[], Collection[str]],
    chosen: Chosen | None = None,
) -> Opened:
    """An experiment with its data.

    Args:
        known: who may hold studies of it, and say so by their identities: by them it is known how
            it was begun.  By default the storage, where there is one.
        chosen: the launcher with which trials are to be run now; None: nothing is to be run.

    Raises:
        SpecError, UsageError: what the user wrote is wrong.
        TaskError: the data of a task cannot be had.
        StoreError: the storage, which must be asked, cannot be used.
    """
    checked_parts(experiment)
    folder = Path(experiment.file).parent
    notes: list[str] = []
    loaded = {
        task.label: tasks.prepare_choice(task, folder, progress, notes.append)
        for task in experiment.tasks
    }
    warnings = {label: tasks.warnings(task) for label, task in loaded.items()}
    digests = {label: task.digest for label, task in loaded.items()}
    inputs = {label: task.inputs for label, task in loaded.items()}
    check_read(experiment, loaded)
    # they are asked for marks, and then which way they hold: a storage is read once for both
    asked = [cache(holder) for holder in known or [lambda: stored(experiment.name)]]
    marks = chain.from_iterable(holder() for holder in asked)
    launcher = chosen or config.read().launcher
    lanes = possible(experiment, launcher, marks, strict=chosen is not None)
    planned = {way.training: studies(way, digests, inputs) for way in ways(experiment, lanes)}
    check_model(next(iter(planned.values())), loaded)
    holders = [among(holder, lambda way: planned[way.training]) for holder in asked]
    written, experiment = experiment, settled(experiment, *holders, lanes=lanes)
    if chosen is not None:
        _check_precision(written, experiment)
    own = planned.pop(experiment.training)
    noted = {label: _noted(task, warnings[label]) for label, task in loaded.items()}
    others = tuple(chain.from_iterable(planned.values()))
    trials = experiment.search.trials
    return Opened(experiment, noted, own, trials, warnings, others, tuple(notes))


def _check_precision(written: Experiment, begun: Experiment) -> None:
    """Refuse a precision that would be passed over: only populations have one.

    Raises:
        SpecError: it is written, and each trial trains by itself.
    """
    precision = written.training.precision
    if begun.training.population or precision == begun.training.precision:
        return
    mistakes = Mistakes()
    mistakes.add(
        written.places["training.precision"],
        f"`precision: {precision}` is of populations, and here each trial trains by itself",
        f"leave it out; or write `launcher: {POPULATION}` into mlflow.yml, or `population:` beside"
        " it",
    )
    mistakes.raise_if_any()


def stored(experiment: str) -> Collection[str]:
    """What the storage knows the studies of an experiment by; nothing where there is none."""
    storage = config.read().storage
    return search.Store(storage).marks(experiment) if exists(storage) else ()


def _noted(task: Task, warnings: Sequence[Remark]) -> Task:
    """The task with the names of its classes and its warnings in its note, which every report and
    table of its trials shows.
    """
    names = tasks.class_names(task)
    word = "Labels" if task.targets == "labels" else "Classes"
    sentences = [f"{word}: {names}."] if names else []
    for remark in warnings:
        fix = f"; {remark.fix}" if remark.fix else ""
        sentences.append(f"Warning: {remark.problem}{fix}.")
    return replace(task, note=" ".join([task.note, *sentences]).strip())


def store(settings: Settings, experiment: Experiment) -> search.Store:
    """The storage, once it is sure that no other spec file uses the experiment's name.

    Raises:
        UsageError: another file does, or MLflow has the same database.
        StoreError: the storage cannot be used.
    """
    if settings.storage == settings.tracking:
        raise UsageError(
            f"Optuna and MLflow cannot share a database: {without_password(settings.storage)}",
            "give `tracking:` and `storage:` in mlflow.yml a database each",
        )
    opened_store = search.Store(settings.storage)
    for file in sorted(opened_store.files(experiment.name)):
        if (
            Path(file) != Path(experiment.file).resolve()
            and Path(file).exists()
            and not _is_copy(Path(file), experiment)
            and _name_in(Path(file)) == experiment.name
        ):
            raise UsageError(
                f"the experiment '{experiment.name}' of {experiment.file} has runs of another"
                f" file: {file}",
                "give one of them another `experiment:` name",
            )
    return opened_store


def existing_store(settings: Settings, experiment: Experiment) -> search.Store:
    """The storage, for commands that only read; a storage that is not there is not made.

    Raises:
        UsageError, StoreError: nothing was ever run; or as `store`.
    """
    if not exists(settings.storage):
        raise UsageError("nothing has been run yet", experiment.how_to_run)
    return store(settings, experiment)


def results(opened: Opened, storage: search.Store) -> list[Result]:
    """Results of the present editions of the studies."""
    return of_present(storage.results(opened.experiment.name), opened.all_studies, storage)


def of_present(
    results: Sequence[Result], studies: Sequence[Study], storage: search.Store
) -> list[Result]:
    """The results that belong to these studies.

    A study that has none counts those of editions whose cell is its own in another spelling, as the
    next sweep will; of two of one index, as where one edition has taken over those of another, the
    first.
    """
    present = {study.identity for study in studies}
    earlier = _spelt_otherwise(results, studies, storage)
    of_trials: dict[tuple[str, int], Result] = {}
    for result in results:
        study = earlier.get(result.study, result.study)
        if study in present:
            of_trials.setdefault((study, result.trial.index), replace(result, study=study))
    return list(of_trials.values())


def _spelt_otherwise(
    results: Sequence[Result], studies: Sequence[Study], storage: search.Store
) -> dict[str, str]:
    """By identity of an edition, that of the study without results which is the same but for the
    spelling of its cell; several editions may be so.
    """
    begun = {result.study for result in results}
    # The pilots and the rounds of a variant have one form, so the stage, in the prefix, counts too.
    missing = {
        (study.prefix, study.form): study.identity
        for study in studies
        if study.identity not in begun
    }
    if not missing or not results:
        return {}
    earlier = {}
    for identity, form in storage.forms(studies[0].experiment.name).items():
        same = (StudyKey.parse(identity).prefix, form)
        if same in missing:
            earlier[identity] = missing[same]
    return earlier


def named_before(opened: Opened, storage: search.Store) -> list[str]:
    """Other names under which the file of an experiment was swept."""
    name, file = opened.experiment.name, Path(opened.experiment.file)
    # what Python hands over without a file is no file that was renamed
    return storage.named_before(str(file.resolve()), name) if file.is_file() else []


def sharing(opened: Opened, storage: search.Store, share: bool = False) -> list[str]:
    """Names of the experiments whose equal trials are taken over: those that this file was called
    before, or, where it shares its trials, all in the storage.
    """
    if share or opened.experiment.share:
        name = opened.experiment.name
        return [other for other in storage.experiments() if other != name]
    return named_before(opened, storage)


def lost(result: Result, storage: search.Store) -> str:
    """Why the model of a trial cannot be had, as a clause; empty where it can be."""
    trial = result.trial
    problem = stamp.problem_of(trial)
    if problem or stamp.stamped(trial.model):
        return problem
    for name in storage.namesakes(result.study):
        for other in storage.results(StudyKey.parse(name).experiment):
            same_folder = other.study == name and other.trial.folder == trial.folder
            if same_folder and other.trial.hyperparameters != trial.hyperparameters:
                return (
                    f"{trial.model} may be that of '{other.trial.experiment}': an older version"
                    " gave both one folder"
                )
    return ""


def _is_copy(file: Path, experiment: Experiment) -> bool:
    """Whether an experiment's file says the very same as another; once one of them is edited, the
    other is refused.
    """
    try:
        return Path(experiment.file).is_file() and read_text(file) == experiment.text
    except (SpecError, UsageError):
        return False


def _name_in(file: Path) -> str:
    try:
        return read(file).name
    except Exception:  # a file with mistakes claims no name
        return ""
