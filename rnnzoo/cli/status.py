"""Commands that look at what was run: status, best."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from rnnzoo.cli.as_json import print_json
from rnnzoo.errors import UsageError, command, score_text, without_password
from rnnzoo.spec import settings as config
from rnnzoo.spec.document import yaml_text
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.read_experiment import read
from rnnzoo.spec.trial import Kind, Result
from rnnzoo.terminal.console import plain_console

if TYPE_CHECKING:
    from rnnzoo.confirm.stand import Stand
    from rnnzoo.sweep.open import Opened
    from rnnzoo.sweep.search import Store


def status(args: argparse.Namespace) -> None:
    """Trials by kind and the best score, for every study; and how far a second stage is."""
    from rnnzoo.confirm import told
    from rnnzoo.sweep import open as door
    from rnnzoo.sweep import status as reader
    from rnnzoo.sweep.parts import part_of

    settings = config.read()
    experiment = read(Path(args.spec), args.set)
    part = part_of(experiment, args.only, args.shard)
    searched = _searched(experiment, args.json)
    if searched and not config.exists(settings.storage):
        if args.json:
            print_json({"experiment": experiment.name, "search": searched})
        return
    opened = door.loaded(experiment)
    store = door.existing_store(settings, opened.experiment)
    rows = reader.rows(opened.studies, store, opened.trials, part)
    stood = _stood(opened, store)
    if args.json:
        stores = {"tracking_uri": settings.tracking, "storage": settings.storage}
        content: dict[str, Any] = {
            "experiment": opened.experiment.name,
            **{store: without_password(url) for store, url in stores.items()},
        }
        content["variants"] = [row.to_dict() for row in rows]
        content |= {"search": searched} if searched else {}
        if stood:
            content["second_stage"] = {label: told.plain(now) for label, now in stood.items()}
        print_json(content)
        return
    console = plain_console()
    _print_status(rows, console)
    for now in stood.values():
        for line in told.standing_lines(now, opened.experiment):
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def _searched(experiment: Experiment, as_json: bool) -> dict[str, Any]:
    """Say how far the search over cells is; the same for JSON, empty where none has begun."""
    from rnnzoo.cli.evolve import searched

    return searched(experiment, plain_console(as_json)) if experiment.cell_search else {}


def _stood(opened: Opened, store: Store) -> dict[str, Stand]:
    """Where the second stage stands, on each task that it has come to."""
    from rnnzoo.confirm.stand import stands
    from rnnzoo.sweep import open as door

    if opened.experiment.confirm is None:
        return {}
    results = door.results(opened, store)
    begun = {result.key.task for result in results if result.key.stage}
    if not begun:
        return {}
    return {
        label: now
        for label, now in stands(opened.experiment, results, opened.trials).items()
        if label in begun
    }


def _print_status(rows: Sequence[Any], console: Console) -> None:
    from rich.table import Table

    kinds = [kind for kind in Kind if any(row.counts.get(kind) for row in rows)]
    waits = any(row.waiting for row in rows)
    several = len({row.task for row in rows}) > 1
    table = Table(box=None, pad_edge=False)
    names = [
        "variant",
        *(["task"] if several else []),
        "planned",
        "running",
        *(["waiting"] if waits else []),
        *(str(k).replace("_", " ") for k in kinds),
    ]
    for name in (*names, "best"):
        table.add_column(name, justify="left" if name in ("variant", "task") else "right")
    for row in rows:
        numbers = [
            str(row.planned),
            str(row.running),
            *([str(row.waiting)] if waits else []),
            *(str(row.counts.get(kind, 0)) for kind in kinds),
        ]
        table.add_row(row.variant, *([row.task] if several else []), *numbers, score_text(row.best))
    console.print(table)


def best(args: argparse.Namespace) -> None:
    """Hyper-parameters as YAML, and how to load the model."""
    top, task, lost = best_trial(args)
    model = top.trial.model
    content = {
        "variant": args.variant, "task": task, "trial": top.trial.index, "seed": top.trial.seed,
        "hyperparameters": dict(top.trial.hyperparameters), "scores": dict(top.outcome.scores),
    }  # fmt: skip
    if args.json:
        print_json({**content, "model": None if lost else str(model), "cell": top.trial.cell})
        return
    print(yaml_text(content))
    if lost:
        print(f"# its model cannot be had: {lost}")
        return
    print(
        "# its model:\n"
        "#   import rnnzoo\n"
        f"#   model = rnnzoo.load_model({str(model)!r})\n"
        "#   model.summary()"
    )


def which_variant(experiment: Experiment) -> UsageError:
    """What a command says that needs one variant of an experiment and was given none."""
    names = ", ".join(variant.label for variant in experiment.variants)
    return UsageError("which variant?", f"--variant NAME, one of: {names}")


def best_trial(args: argparse.Namespace) -> tuple[Result, str, str]:
    """The best complete trial of a variant on the task that is asked for, or on the first; that
    task's label; and why the trial's model cannot be had, empty where it can be.

    Raises:
        UsageError: no variant is given, there is no such variant or task, or none of its trials is
            complete.
    """
    from rnnzoo.api import sources
    from rnnzoo.api.value import task_label
    from rnnzoo.sweep import open as door

    opened = door.opened(Path(args.spec), args.set)
    if not args.variant:
        raise which_variant(opened.experiment)
    task = task_label(opened.experiment, args.variant, args.task or "")
    store = door.existing_store(config.read(), opened.experiment)
    top = sources.of_opened(opened, door.results(opened, store)).best(args.variant, task)
    if top is None:
        raise UsageError(
            f"no trial of '{args.variant}' is complete yet",
            command("sweep", args.spec, sets=args.set),
        )
    return top, task, door.lost(top, store)
