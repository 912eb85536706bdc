"""Commands about experiments: sweep, sync, plan, status, best, ui.

Each loads what it needs when it runs; what they compute is in `rnnzoo.sweep` and `rnnzoo.report`.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from rnnzoo import lang, tasks
from rnnzoo.cli.beforehand import warnings
from rnnzoo.errors import Mistake, StoreError, UsageError, command, nearest, without_password
from rnnzoo.lang import ir
from rnnzoo.spec import settings as config
from rnnzoo.spec.cell import Init, built_in_names
from rnnzoo.spec.document import yaml_text
from rnnzoo.spec.experiment import Experiment, Resources
from rnnzoo.spec.read_experiment import resolved
from rnnzoo.spec.trial import PILOT, REPLICATE, RETRIED, ROUND, Kind, Result, Trial
from rnnzoo.spec.unused import without_effect
from rnnzoo.terminal.bars import bars
from rnnzoo.terminal.console import plain_console, told

if TYPE_CHECKING:
    from rnnzoo.cli.reports import Reported
    from rnnzoo.launchers.local import LocalLauncher
    from rnnzoo.report.summary import Summary
    from rnnzoo.sweep.open import Opened
    from rnnzoo.sweep.search import Store
    from rnnzoo.tasks import Report
    from rnnzoo.trackers import Tracker

EVERY = 10.0  # seconds between two lines about work that takes long, where there is no bar
PILOTS, ROUNDS = f"{REPLICATE}{PILOT}", f"{REPLICATE}{ROUND}"  # what studies of a second stage are called
PRELOAD = ("rnnzoo.sweep.preload",)


def checked(experiment: Experiment) -> str:
    """What `check` says of an experiment without mistakes; nothing heavy is imported.

    Raises:
        SpecError: all mistakes in it.
    """
    from rnnzoo.sweep import open as door

    door.checked(experiment)
    trials = experiment.search.trials * len(experiment.variants) * len(experiment.tasks)
    counts = f"{len(experiment.variants)} variants, {trials} trials, {len(experiment.claims)} claims"
    return f"experiment '{experiment.name}' is right: {counts}"


def warned(experiment: Experiment) -> list[str]:
    """What has no effect, and what cannot be found out so; no mistake."""
    return [*without_effect(experiment), *warnings(experiment)]


def odd_starts(experiment: Experiment) -> tuple[Mistake, ...]:
    """What is odd at the start of an experiment's cells: those of one's own, and built-in ones that begin otherwise."""
    from rnnzoo.lang.lint import warnings

    found: list[Mistake] = []
    seen: list[ir.Cell] = []
    for variant in experiment.variants:
        cell = lang.check(variant.cell)
        begun = lang.with_init(cell, {name: Init.from_plain(value) for name, value in variant.init.items()})
        as_in_the_zoo = variant.reference in built_in_names() and begun == lang.load(variant.reference)
        if as_in_the_zoo or begun in seen:
            continue
        seen.append(begun)
        for one in warnings(variant.cell, begun):
            found.append(replace(one, problem=one.problem.replace(": ", f": variant '{variant.label}': ", 1)))
    return tuple(found)


# ---------------------------------------------------------------------------------------------- sweep


def sweep(given: argparse.Namespace) -> int:
    """Run what is missing, then write the report."""
    from rnnzoo.cli import reports
    from rnnzoo.sweep.run import Sweep
    from rnnzoo.terminal.display import Display
    from rnnzoo.trackers._patient import Patient
    from rnnzoo.trackers.mlflow import MlflowTracker

    console = plain_console(unread="the sweep goes on, though nobody reads what it prints")
    settings = config.read()
    found, store = _open(given, console)
    tracker = Patient(lambda: MlflowTracker(settings.tracking, settings.artifacts), console.print)
    workers = _workers(given.workers)
    console.print(_headline(found, workers))
    if config.project() != Path():
        console.print(f"in the project at {config.project()}", style="dim")
    _print_data(found, console)
    for text in () if given.source else _elsewhere(found, store):
        console.print(text, style="yellow")
    with (
        launched(workers, found.runs, found.experiment.resources) as launcher,
        Display(console, found.trials, live=console.is_terminal) as display,
    ):
        loop = Sweep(
            found.experiment,
            found.studies,
            found.trials,
            store,
            tracker,
            launcher,
            display,
            found.runs,
            *_given(given, found),
            again=_kinds(given.again),
            texts=_texts(found.experiment),
        )
        try:
            loop.run()
        except KeyboardInterrupt:
            display.stopped()
            raise
    results = loop.results()
    tracker.catch_up()
    reports.shown(*_published(found, results, store, tracker, console), console)
    if tracker.missed or tracker.behind:
        what = f"{len(tracker.missed)} of these trials" if tracker.missed else "their report or models"
        text = f"\nMLflow lacks {what}: {command('sync', given.spec)} writes them"
        console.print(text, style="yellow")
    without = _without_a_complete_trial(found, results)
    if without:
        told(console, f"\nno complete trial: {', '.join(without)}", style="yellow")
    return 1 if without else 0


def _without_a_complete_trial(found: Opened, results: Sequence[Result]) -> list[str]:
    complete = {one.study for one in results if one.outcome.kind is Kind.COMPLETE}
    return [study.label for study in found.studies if study.identity not in complete]


def _kinds(given: Sequence[str]) -> tuple[Kind, ...]:
    """The kinds of `--again`."""
    known = [str(kind) for kind in RETRIED]
    for one in given:
        if one not in known:
            raise UsageError(f"--again {one}: no trials that are begun again\n  fix: {nearest(one, known)}")
    return tuple(Kind(one) for one in given)


def sync(given: argparse.Namespace) -> None:
    """Write to MLflow what it lacks of what the storage holds."""
    from rnnzoo.sweep import open as door
    from rnnzoo.sweep.lock import held
    from rnnzoo.sweep.run import level
    from rnnzoo.trackers.mlflow import MlflowTracker

    settings, console = config.read(), plain_console()
    with bars(console) as report:
        found = door.opened(Path(given.spec), given.set, None, report)
    store = door.existing_store(settings, found.experiment)
    results = door.results(found, store)
    print(f"asking MLflow at {without_password(settings.tracking)} what it has of {len(results)} trials", flush=True)
    tracker = MlflowTracker(settings.tracking, settings.artifacts)
    with held(found.runs / "lock", found.experiment.name), store.alone(found.experiment.name):
        tracker.open(found.experiment.name, found.experiment.about, _texts(found.experiment))
        with bars(console) as report:
            late = level(results, tracker, found.experiment.name, _now_and_then(console, report))
        print("writing the report and the best models", flush=True)
        _published(found, results, store, tracker, console)
    print(f"{late} of {len(results)} trials were written to MLflow, which has them all now: {tracker.where()}")


def _now_and_then(console: Console, report: Report) -> Callable[[int, int], None]:
    """Tells how many trials are written: in a bar, and where there is none at first and then every `EVERY` seconds."""
    told = -EVERY

    def tell(done: int, of: int) -> None:
        nonlocal told
        report("writing trials", done, of)
        if not console.is_terminal and time.monotonic() >= told + EVERY:
            told = time.monotonic()
            print(f"writing trials: {done} of {of}", flush=True)

    return tell


def _published(
    found: Opened, results: Sequence[Result], store: Store, tracker: Tracker, console: Console
) -> tuple[Reported, Summary, Sequence[Path]]:
    """Write the report, and give it and the best models to the tracker."""
    from rnnzoo.cli import reports
    from rnnzoo.report import numbers

    _keep_models(found, results, store, tracker, console)
    reported = reports.of_opened(found, results, store)
    summary, files = reports.written(reported)
    tracker.report(found.experiment.name, files, numbers(summary))
    return reported, summary, files


def _texts(experiment: Experiment) -> dict[str, str]:
    """What MLflow keeps of the spec."""
    return {"experiment.yaml": experiment.text, "resolved.yaml": yaml_text(resolved(experiment))}


def _elsewhere(found: Opened, store: Store) -> Iterator[str]:
    """Who has trials of an experiment of which the storage has none: it may have been lost."""
    from rnnzoo.cli import reports
    from rnnzoo.report import table
    from rnnzoo.spec import points

    name, sampler = found.experiment.name, found.experiment.search.sampler.name
    if store.results(name):
        return
    holders = {}
    with suppress(StoreError):  # the sweep itself says that MLflow is away
        holders[reports.MLFLOW] = reports.recorded(name)
    for path in reports.tables(name):
        with suppress(UsageError):  # a table that cannot be read is no matter of this sweep
            holders[str(path)] = [one.study for one in table.read(path).results]
    for source, studies in holders.items():
        count = sum(study in found.identities for study in studies)
        if not count:
            continue
        yield f"{source} holds {count} of its trials and the storage none: they run anew"
        if points.ours(sampler):
            yield f"  to take them over instead: {command('sweep', found.experiment.file, '--from', source)}"
        else:
            yield f"  '{sampler}' goes by what was run before and cannot take them over; another name keeps them apart"


def _given(given: argparse.Namespace, found: Opened) -> tuple[Sequence[Result], Sequence[Mapping[str, str]]]:
    """Trials of a table or of MLflow, which were run elsewhere, and where and with what, as far as it is known."""
    from rnnzoo.cli import reports
    from rnnzoo.report import table

    if not given.source:
        return (), ()
    if given.source == reports.MLFLOW:
        return reports.tracked(found.experiment.name), ()
    content = table.read(Path(given.source))
    return _of(found.experiment.name, content.results), content.provenance


def _of(experiment: str, results: Sequence[Result]) -> Sequence[Result]:
    """Trials as those of an experiment, whichever ran them: what is left of a study's identity says what its outcomes depend
    on, and a trial's seed does not depend on the experiment's name.
    """
    return [replace(result, study=f"{experiment}/{result.study.partition('/')[2]}") for result in results]


def _open(given: argparse.Namespace, console: Console) -> tuple[Opened, Any]:
    from rnnzoo.sweep import open as door

    with bars(console) as report:
        found = door.opened(Path(given.spec), given.set, given.trials, report)
    return found, door.store(config.read(), found.experiment)


def _workers(given: int | None) -> int:
    if given is not None and given < 1:
        raise UsageError(f"--workers must be at least 1, not {given}")
    from rnnzoo.sweep import machine

    return given or machine.cores()


@contextmanager
def launched(workers: int, runs: Path, limits: Resources | None = None) -> Iterator[LocalLauncher]:
    """Where trials run, with XLA's cache; whatever command compiled something, the next finds it.

    Raises:
        UsageError: KERAS_BACKEND asks for another backend than trials have; a keras.json does not reach them.
    """
    from rnnzoo.launchers.local import LocalLauncher
    from rnnzoo.sweep import compiled
    from rnnzoo.sweep.run import work

    backend, source = config.keras_backend()
    if source == "KERAS_BACKEND":
        config.check_keras_backend(backend, source)
    environment = {"KERAS_BACKEND": config.KERAS_BACKEND, **compiled.environment()}
    limits = limits or Resources()
    launcher = LocalLauncher(work, workers, PRELOAD, runs / "workers.log", environment, limits.minutes, limits.memory)
    try:
        yield launcher
    finally:
        launcher.close()
        compiled.record()


def _headline(found: Opened, workers: int) -> str:
    experiment = found.experiment
    tasks = ", ".join(task.label for task in experiment.tasks)
    return (
        f"{experiment.name}: {len(experiment.variants)} variants x {found.trials} trials on {tasks},"
        f" {workers} at a time"
    )


def _print_data(found: Opened, console: Console) -> None:
    """How the data of each task was read, and what is probably not meant in it or in the spec."""
    print_warnings(warned(found.experiment), console)
    for label, task in found.tasks.items():
        told(console, f"{label}: {tasks.form(task)}", style="dim")
        print_warnings(found.warnings[label], console)


def print_warnings(warnings: Sequence[str], console: Console) -> None:
    for text in warnings:
        told(console, f"  warning: {text}", style="yellow")


def _keep_models(found: Opened, results: Sequence[Result], store: Store, tracker: Tracker, console: Console) -> None:
    """The best model of each study goes to the tracker, where its file is that trial's."""
    from rnnzoo.sweep import open as door

    for study in found.studies:
        best = _best(found, [one for one in results if one.study == study.identity])
        if best is None:
            continue
        lost = door.lost(best, store)
        tracker.best(best, [] if lost else [best.trial.model], _about(best.trial))
        if lost:
            text = f"{study.label}: the model of its best trial, {best.trial.index}, cannot be kept: {lost}"
            told(console, text, style="yellow")


def _about(trial: Trial) -> dict[str, str]:
    """A variant's cell, as files beside its best trial."""
    from rnnzoo.lang.view import CellView

    cell = CellView(lang.parse_text(trial.cell))
    return {"cell/diagram.svg": cell.diagram(), "cell/equations.tex": cell.latex(), "cell/cell.yaml": trial.cell}


def _best(found: Opened, results: Sequence[Result]) -> Result | None:
    on = found.experiment.select.on
    complete = [one for one in results if one.outcome.kind is Kind.COMPLETE]
    return min(complete, key=lambda one: one.outcome.scores[on], default=None)


# ---------------------------------------------------------------------------------------------- plan, status


def plan(given: argparse.Namespace) -> None:
    """What would run, what is done, how long the rest takes, and what can be decided."""
    from rnnzoo.sweep import measure, status
    from rnnzoo.sweep import open as door
    from rnnzoo.sweep.search import Store

    noise = _noise(given.noise)
    console = plain_console(given.json)
    settings = config.read()
    with bars(console) as report:
        found = door.opened(Path(given.spec), given.set, given.trials, report)
    store = Store(settings.storage) if config.there(settings.storage) else None
    rows = status.rows(found.studies, store, found.trials) if store else ()
    done = {study.identity: min(row.ended, found.trials) for study, row in zip(found.studies, rows)}
    workers = _workers(given.workers)
    costs: Mapping[str, measure.Cost] = {}
    if not given.no_measure:
        with launched(workers, found.runs) as launcher, bars(console) as report:
            costs = measure.measure(found.studies, launcher, lambda at, of: report("measuring", at, of))
    content = {
        **_plan(found, done, costs, workers),
        **_expected(found, store, noise),
        **_speed(found, store, costs),
    }
    if given.json:
        print(json.dumps(content, indent=2))
    else:
        _print_data(found, console)
        _print_plan(content, console)


def _noise(given: float | None) -> float | None:
    if given is not None and not 0.0 < given < math.inf:
        raise UsageError(f"--noise must be a number above 0, not {given:g}")
    return given


def _expected(found: Opened, store: Store | None, noise: float | None) -> dict[str, Any]:
    """What can be decided of the claims, from the rounds that were run, where there are some."""
    from rnnzoo.cli import expected
    from rnnzoo.confirm.stand import at_most, stand
    from rnnzoo.sweep import open as door

    experiment = found.experiment
    results = door.results(found, store) if store and experiment.confirm else []
    begun = {one.study.split("/")[2] for one in results if one.study.split("/")[1].endswith((PILOTS, ROUNDS))}
    stands = {label: stand(experiment, label, results, found.trials) for label in begun}
    content: dict[str, Any] = {"advice": expected.advice(experiment, found.trials)}
    if experiment.confirm is not None:
        run = {label: now for label, now in stands.items() if now.rounds}
        content["expected"] = expected.plain(experiment, found.trials, run, noise)
        labels = [task.label for task in experiment.tasks]
        most = {label: at_most(experiment, label, found.trials, stands.get(label)) for label in labels}
        content["second_stage"] = most
    return content


def _plan(found: Opened, done: Mapping[str, int], costs: Mapping[str, Any], workers: int) -> dict[str, Any]:
    from rnnzoo.lang import counts
    from rnnzoo.sweep import measure, status

    rows: list[dict[str, Any]] = []
    for study in found.studies:
        small, large = (measure.corner(study.variant.space, end) for end in (0.0, 1.0))
        inputs = found.tasks[study.task.label].inputs
        weights = [counts.weights(study.cell, inputs, study.units(c), int(c.get("layers", 1))) for c in (small, large)]
        cost = costs.get(study.identity)
        total = status.planned(study, found.trials)
        left = max(0, total - done.get(study.identity, 0))
        hours = [left * seconds / 3600 for seconds in cost.trial] if cost else None
        step = list(cost.step) if cost else None
        rows.append({"variant": study.variant.label, "task": study.task.label, "planned": total, "left": left,
                     "weights": weights, "seconds_per_step": step, "core_hours": hours})  # fmt: skip
    known = [row["core_hours"] for row in rows if row["core_hours"]]
    total_hours = [sum(one[end] for one in known) / workers for end in (0, 1)] if known else None
    data = {label: {"form": tasks.form(task), "warnings": found.warnings[label]} for label, task in found.tasks.items()}
    return {
        "experiment": found.experiment.name,
        "workers": workers,
        "warnings": warned(found.experiment),
        "data": data,
        "studies": rows,
        "hours": total_hours,
    }


def _speed(found: Opened, store: Store | None, costs: Mapping[str, Any]) -> dict[str, Any]:
    """What claims about speed take, beyond what was measured."""
    from rnnzoo.sweep import speed

    wanted = speed.wanted(found.experiment, found.studies)
    if not wanted:
        return {}
    known = [(one.a, one.b) for one in store.timings(found.identities)] if store else []
    pairs = speed.missing(found.experiment, found.studies, known)
    return {"speed": {"measurements": len(pairs), "seconds": speed.seconds(pairs, costs)}}


def _print_plan(content: Mapping[str, Any], console: Console) -> None:
    from rich.table import Table

    from rnnzoo.cli import expected
    from rnnzoo.terminal.display import duration

    table = Table(box=None, pad_edge=False)
    several = len({row["task"] for row in content["studies"]}) > 1
    for name in ("variant", *(["task"] if several else []), "trials", "left", "weights", "ms a step", "a trial"):
        table.add_column(name, justify="left" if name in ("variant", "task") else "right")
    for row in content["studies"]:
        step, hours = row["seconds_per_step"], row["core_hours"]
        table.add_row(
            row["variant"], *([row["task"]] if several else []), str(row["planned"]), str(row["left"]),
            f"{row['weights'][0]:,} - {row['weights'][1]:,}",
            f"{step[0] * 1000:.1f} - {step[1] * 1000:.1f}" if step else "",
            " - ".join(duration(one * 3600 / row["left"]) for one in hours) if hours and row["left"] else "",
        )  # fmt: skip
    console.print(table)
    if content["hours"]:
        low, high = (duration(hours * 3600) for hours in sorted(content["hours"]))
        console.print(f"\n{low} to {high} with {content['workers']} at a time, if no trial stops early")
    for task, most in content.get("second_stage", {}).items():
        console.print(f"\nthen to confirm claims on {task}: {f'at most {most}' if most else 'no'} trainings more")
        if task in content.get("expected", {}):
            expected.show(content["expected"][task], console)
    if "speed" in content:
        told(console, f"\n{_measurements(**content['speed'])}")
    for text in content.get("advice", ()):
        told(console, f"\n{text}")


def _measurements(measurements: int, seconds: float | None) -> str:
    from rnnzoo.terminal.display import duration

    if not measurements:
        return "all that claims about speed need is measured"
    how_long = f", about {duration(seconds)}" if seconds is not None else ""
    count = f"{measurements} pair{'s' if measurements > 1 else ''} of variants"
    return f"at the end, for claims about speed: {count} side by side, one at a time{how_long}"


def status(given: argparse.Namespace) -> None:
    """Trials by kind and the best score, for every study."""
    from rnnzoo.sweep import open as door
    from rnnzoo.sweep import status as reader

    settings = config.read()
    found = door.opened(Path(given.spec), given.set)
    store = door.existing_store(settings, found.experiment)
    rows = reader.rows(found.studies, store, found.trials)
    if given.json:
        stores = {"tracking_uri": settings.tracking, "storage": settings.storage}
        content = {"experiment": found.experiment.name, **{at: without_password(url) for at, url in stores.items()}}
        print(json.dumps({**content, "variants": [row.to_dict() for row in rows]}, indent=2))
        return
    _print_status(rows, plain_console())


def _print_status(rows: Sequence[Any], console: Console) -> None:
    from rich.table import Table

    kinds = [kind for kind in Kind if any(row.counts.get(kind) for row in rows)]
    several = len({row.task for row in rows}) > 1
    table = Table(box=None, pad_edge=False)
    names = [
        "variant",
        *(["task"] if several else []),
        "planned",
        "running",
        *(str(k).replace("_", " ") for k in kinds),
    ]
    for name in (*names, "best"):
        table.add_column(name, justify="left" if name in ("variant", "task") else "right")
    for row in rows:
        best = "" if row.best is None else f"{row.best:.4f}"
        numbers = [str(row.planned), str(row.running), *(str(row.counts.get(kind, 0)) for kind in kinds)]
        table.add_row(row.variant, *([row.task] if several else []), *numbers, best)
    console.print(table)


def best(given: argparse.Namespace) -> None:
    """Hyper-parameters as YAML, and how to load the model."""
    top, task, lost = best_trial(given)
    model = top.trial.model
    content = {
        "variant": given.variant, "task": task, "trial": top.trial.index, "seed": top.trial.seed,
        "hyperparameters": dict(top.trial.hyperparameters), "scores": dict(top.outcome.scores),
    }  # fmt: skip
    if given.json:
        print(json.dumps({**content, "model": None if lost else str(model), "cell": top.trial.cell}, indent=2))
        return
    print(yaml_text(content))
    if lost:
        print(f"# its model cannot be had: {lost}")
        return
    print(f"# its model:\n#   import rnnzoo\n#   model = rnnzoo.load_model({str(model)!r})\n#   model.summary()")


def best_trial(given: argparse.Namespace) -> tuple[Result, str, str]:
    """The best complete trial of a variant on the task that is asked for, or on the first; that task's label; and why the
    trial's model cannot be had, empty where it can be.

    Raises:
        UsageError: no such variant or task, or none of its trials is complete.
    """
    from rnnzoo.sweep import open as door

    found = door.opened(Path(given.spec), given.set)
    labels = [variant.label for variant in found.experiment.variants]
    if given.variant not in labels:
        raise UsageError(f"no variant '{given.variant}'\n  fix: {nearest(given.variant, labels)}")
    tasks = [task.label for task in found.experiment.tasks]
    task = given.task or tasks[0]
    if task not in tasks:
        raise UsageError(f"no task '{task}' in this experiment\n  fix: {nearest(task, tasks)}")
    study = next(one for one in found.studies if (one.variant.label, one.task.label) == (given.variant, task))
    store = door.existing_store(config.read(), found.experiment)
    results = door.results(found, store)
    top = _best(found, [one for one in results if one.study == study.identity])
    if top is None:
        raise UsageError(f"no trial of '{given.variant}' is complete yet\n  fix: {command('sweep', given.spec)}")
    return top, task, door.lost(top, store)


# ---------------------------------------------------------------------------------------------- ui


def ui(given: argparse.Namespace) -> int:
    """Serve MLflow's pages."""
    import socket

    from rnnzoo.trackers.mlflow import pages, serve

    settings = config.read()
    port = given.port or settings.port
    if settings.tracking.startswith("http"):
        print(f"runs are on a server already: {without_password(settings.tracking)}")
        return 0
    with socket.socket() as probe:
        if probe.connect_ex((settings.host, port)) == 0:
            raise UsageError(
                f"port {port} is taken\n  fix: rnnzoo ui --port {port + 1}, or `ui: {{port: ...}}` in mlflow.yml"
            )
    address = f"http://{settings.host}:{port}"
    print(f"{address}  (Ctrl-C ends it)", flush=True)
    for name, link in list(pages(settings.tracking, address).items())[:9]:
        print(f"  {name}: {link}", flush=True)
    return serve(settings.tracking, settings.artifacts, settings.host, port)
