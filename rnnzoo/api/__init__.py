"""The main job from Python: what the commands do, as functions that return values and print nothing
unasked.

    run(experiment)        run what is missing of it                      as `rnnzoo sweep`
    results(experiment)    what was run of it                             as `rnnzoo export`
    report(experiment)     write its report once more                     as `rnnzoo report`
    plan(experiment)       what would run, how long, what it can decide   as `rnnzoo plan`
    evolve(experiment)     run what is missing of its search over cells   as `rnnzoo evolve`

All take an experiment as a path, as a YAML text, as a dictionary, or as `rnnzoo.load_experiment`
returns it.  Where runs go is said by the mlflow.yml of the project in which the current folder
lies, as it is for the commands.

    argument      what a caller passes as an experiment; `as_python`, fixes as it is written
    root          trackers and launchers, made as the settings say
    sweeping      a sweep from its spec to its report
    evolving      a search over cells, likewise
    telling       what a running sweep is told, and what it answers
    sources       where results are
    planning      what would run; `beforehand`, `expected` and `within`, what is said before it
                  does; `going_on`, what earlier editions spare; `together`, what populations take
    certificates  for a cluster
    again         a trial that was run, to be run again
    looking       what is in data; `beginning`, an experiment to start from on them
    value         what is returned
    demo          a finished study that comes with the package
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rnnzoo.api.argument import ExperimentLike, Overrides, Source, as_given, experiment_of, paths_of

if TYPE_CHECKING:
    from rnnzoo.api.evolving import Searched
    from rnnzoo.api.value import Plan, Report, Results
    from rnnzoo.sweep.observer import Observer
    from rnnzoo.sweep.tally import Tally
    from rnnzoo.tasks import Report as Progress

__all__ = [
    "Given",
    "Observer",
    "Overrides",
    "Plan",
    "Report",
    "Results",
    "Searched",
    "evolve",
    "plan",
    "report",
    "results",
    "run",
]


def run(
    experiment: ExperimentLike,
    *,
    overrides: Overrides = (),
    trials: int | None = None,
    workers: int | None = None,
    source: Source = (),
    again: str | Sequence[str] = (),
    only: str | Sequence[str] = (),
    shard: str | None = None,
    share: bool = False,
    hours: float | None = None,
    progress: bool | Observer = False,
) -> Results:
    """Run what is missing of an experiment, write its report, and return all its trials; with
    nothing missing, at once.

    A variant whose trials all fail is no error here: `results.best(variant)` is None.

    Args:
        overrides: keys of the experiment with other values, as `{"training.epochs": 3}`.
        trials: per study, a total.
        workers: trials at once; by default one a core.
        source: a table of `rnnzoo export`, or a list of them, or `mlflow`: the trials are taken
            over first, as by `--from`.
        again: kinds of trials that are begun once more: `failed`, `out_of_memory`, `timed_out`.
        only: labels of variants; no trials of others are run.
        shard: `2/8` runs every eighth trial of each search, from the second on; other machines have
            the others.
        share: take over trials of other experiments in the storage that are these to the bit, as
            `share: true` of the experiment.
        hours: after so many, trials that run save their state of training, and nothing is begun any
            more; the report is of what was run.
        progress: show the sweep on this terminal, or beneath the cell of this notebook; or an
            observer, as a subclass of `rnnzoo.api.Observer`.

    Raises:
        SpecError, UsageError: the experiment, or an argument, is wrong.
        TaskError: the data of a task cannot be had.
        StoreError: a storage or the machine cannot go on.
        KeyboardInterrupt: the end was asked for; the sweep is closed, and goes on when it is run
            again.
    """
    from rnnzoo.api.sweeping import Notes, prepared
    from rnnzoo.sweep.observer import Several
    from rnnzoo.sweep.parts import part_of
    from rnnzoo.sweep.tally import Tally

    read = experiment_of(experiment, overrides, trials)
    part = part_of(read, only, shard)
    kinds = [again] if isinstance(again, str) else list(again)
    tally = Tally(read.search.trials, part)
    with as_given(experiment, overrides), _watched(progress, tally) as observer:
        notes = Notes()
        told = Several(notes, observer)
        with _told(progress is True) as report:
            ready = prepared(
                read,
                workers,
                paths_of(source),
                kinds,
                told.note,
                report,
                part,
                share=share,
                hours=hours,
            )
        results = ready.run(told, tally)
        ready.publish(results, told.note)
    return results.noted([*notes.texts, *ready.told])


def evolve(
    experiment: ExperimentLike,
    *,
    overrides: Overrides = (),
    candidates: int | None = None,
    workers: int | None = None,
    hours: float | None = None,
    source: Source = (),
    again: str | Sequence[str] = (),
) -> Searched:
    """Run what is missing of an experiment's search over cells, and write its page; with nothing
    missing, at once.

    Args:
        overrides: keys of the experiment with other values.
        candidates: in all, instead of those of `search_cells:`.
        workers: trainings at once; by default one a core.
        hours: after so many nothing is begun any more.
        source: a history of the same search, or several, whose rows are taken over first.
        again: kinds of trainings that are begun once more: `failed`, `out_of_memory`, `timed_out`.

    Raises:
        SpecError, UsageError: the experiment, or an argument, is wrong.
        TaskError: the data of a task cannot be had.
        StoreError, OSError: the history or the machine cannot go on.
        KeyboardInterrupt: the end was asked for; the search goes on when it is run again.
    """
    from rnnzoo.api import evolving

    read = experiment_of(experiment, overrides)
    if candidates is not None:
        read = experiment_of(read, {"search_cells.candidates": candidates})
    kinds = [again] if isinstance(again, str) else list(again)
    with as_given(experiment, overrides):
        ready = evolving.prepared_search(read, workers, hours, paths_of(source), again=kinds)
        ready.known()
        ready.run()
    return evolving.searched(ready)


def results(
    experiment: ExperimentLike,
    *,
    overrides: Overrides = (),
    source: Source = (),
    progress: bool | Progress = False,
) -> Results:
    """The trials of an experiment that have ended; nothing is run, and nothing is written.

    Args:
        source: a table of `rnnzoo export`, or a list of them, which are pooled, or `mlflow`; by
            default the storage, else MLflow, else a table in `results/`.
        progress: show on this terminal how data is loaded; or a function of (what, how many are
            done, of how many).

    Raises:
        SpecError, UsageError: the experiment is wrong, or nothing of it was run.
        TaskError: the data of a task cannot be had.
        StoreError: a storage cannot be read.
    """
    from rnnzoo.api import sources

    notes: list[str] = []
    with as_given(experiment, overrides), _told(progress) as report:
        read = experiment_of(experiment, overrides)
        results = sources.found(
            read, paths_of(source), lambda text, warning: notes.append(text.strip()), report
        )
    return results.noted(notes)


def report(
    experiment: ExperimentLike,
    *,
    overrides: Overrides = (),
    source: Source = (),
    progress: bool | Progress = False,
) -> Report:
    """Write the report of an experiment once more, from what was run; the arguments are those of
    `results`.
    """
    return results(experiment, overrides=overrides, source=source, progress=progress).report()


def plan(
    experiment: ExperimentLike,
    *,
    overrides: Overrides = (),
    trials: int | None = None,
    workers: int | None = None,
    measure: bool = True,
    noise: float | None = None,
    hours: float | None = None,
    only: str | Sequence[str] = (),
    shard: str | None = None,
    progress: bool | Progress = False,
) -> Plan:
    """What would run, what is done, how long the rest takes, and what can be decided, as `rnnzoo
    plan --json` prints it.

    Args:
        measure: run a few training steps of each variant, to know how long they take.
        noise: standard deviation of a training's score at one setting, where it is known.
        hours: say also what a sweep of so many hours completes and decides.
        only, shard: as of `run`.

    Raises:
        SpecError, UsageError: the experiment, or an argument, is wrong.
        TaskError: the data of a task cannot be had.
        StoreError: a storage cannot be read.
    """
    from rnnzoo.api import planning, root
    from rnnzoo.api.value import Plan
    from rnnzoo.sweep.parts import part_of

    noise, hours = planning.checked_noise(noise), root.checked_hours(hours)
    with as_given(experiment, overrides), _told(progress) as report:
        read = experiment_of(experiment, overrides, trials)
        part = part_of(read, only, shard)
        return Plan(planning.planned(read, workers, measure, noise, report, part, hours))


@contextmanager
def _watched(progress: bool | Observer, tally: Tally) -> Iterator[Observer]:
    """Whoever watches a sweep."""
    from rnnzoo.sweep.observer import Observer

    if not isinstance(progress, bool):
        yield progress
    elif not progress:
        yield Observer()
    else:
        from rnnzoo.terminal.console import in_notebook, plain_console
        from rnnzoo.terminal.display import Display
        from rnnzoo.terminal.notebook import NotebookDisplay

        console = plain_console()
        shown = Display(console, tally, console.is_terminal)
        if in_notebook():
            shown = NotebookDisplay(console, tally)
        with shown as display:
            yield display


@contextmanager
def _told(progress: bool | Progress) -> Iterator[Progress]:
    """Whoever is told of work that takes long."""
    from rnnzoo.tasks import silent

    if not isinstance(progress, bool):
        yield progress
    elif not progress:
        yield silent
    else:
        from rnnzoo.terminal.bars import bars
        from rnnzoo.terminal.console import plain_console

        with bars(plain_console()) as report:
            yield report


def __getattr__(name: str) -> Any:
    """Values are imported when they are asked for: importing rnnzoo stays light."""
    if name in ("Plan", "Report", "Results"):
        from rnnzoo.api import value

        return getattr(value, name)
    if name == "Searched":
        from rnnzoo.api.evolving import Searched

        return Searched
    if name == "Observer":
        from rnnzoo.sweep.observer import Observer

        return Observer
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
