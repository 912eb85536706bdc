"""Commands about single models: train, inspect, gradients."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

from rnnzoo import lang, tasks
from rnnzoo.api import root
from rnnzoo.api.root import launched
from rnnzoo.cli.as_json import print_json
from rnnzoo.cli.grids import add, cut, grid
from rnnzoo.cli.status import best_trial, which_variant
from rnnzoo.cli.warned import of_source, print_warnings
from rnnzoo.errors import (
    TrainingError,
    UsageError,
    command,
    in_percent,
    listed,
    nearest,
    number_of,
    score_text,
)
from rnnzoo.lang.text import cell_text
from rnnzoo.lang.view import CellView
from rnnzoo.launchers.local import stderr_to
from rnnzoo.spec import plugins
from rnnzoo.spec import settings as config
from rnnzoo.spec.files import ENDINGS
from rnnzoo.spec.hyperparameters import HYPERPARAMETERS, MODEL, SEARCHABLE
from rnnzoo.spec.settings import RUNS, in_project, runs
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial
from rnnzoo.tasks import Task
from rnnzoo.terminal.console import plain_console, told

if TYPE_CHECKING:
    from rnnzoo.nn.introspect import NumpyModel
    from rnnzoo.report.figures import LagNorms

NOWHERE = Path(os.devnull)  # for what native libraries say while they are loaded
SEQUENCES = 32  # for gradients
SHOWN_LAGS = (1, 10, 20, 50, 100, 200, 500)


def train(args: argparse.Namespace) -> int:
    """One training in this process's child, with a learning curve as it goes."""
    console = plain_console(args.json)
    if args.trial is not None:
        return _train_again(args, console)
    if args.variant:
        raise UsageError("which trial of that variant?", "--trial N; a cell alone has no variants")
    cell = cell_text(lang.load(args.cell))
    if not args.task:
        raise UsageError("which task?", "--task NAME; `rnnzoo list tasks` has them")
    trial = single_trial(args, cell)
    trial, task = _with_data(trial, console)
    print_warnings(tasks.warnings(task), console)
    return _show_outcome(trained(trial, console), trial, args, console)


def _train_again(args: argparse.Namespace, console: Console) -> int:
    """A trial of an experiment once more, and what it gave when it was run; with `--set`, of the
    studies that the changed experiment names, which a sweep with the same `--set` has run.
    """
    from rnnzoo.api.again import again
    from rnnzoo.api.argument import experiment_of

    experiment = experiment_of(Path(args.cell), args.set)
    if not args.variant:
        raise which_variant(experiment)
    known = again(experiment, args.variant, args.task or "", args.trial, of_source(console))
    folder = RUNS / "train" / f"{known.trial.experiment}-{args.variant}-{args.trial}"
    trial, before = replace(known.trial, folder=str(folder)), known.before.outcome
    outcome = trained(trial, console)
    code = _show_outcome(outcome, trial, args, console)
    scores = ", ".join(f"{split} {score_text(score)}" for split, score in before.scores.items())
    console.print(f"then    {scores or before.kind.words}")
    if outcome.scores != before.scores:
        reasons = listed(known.differences()) or "with the same processor and versions"
        console.print(f"scores differ: {reasons}")
    return code


def _with_data(trial: Trial, console: Console) -> tuple[Trial, Task]:
    """The trial with the digest of its data, which its process finds in the cache, and the data."""
    task = tasks.prepare(trial.task, trial.task_options, folder=trial.home, note=console.print)
    return replace(trial, data=task.digest), task


def trained(trial: Trial, console: Console) -> Outcome:
    """Run one trial in a child process, with a line for every epoch."""
    with launched(1, runs() / "train", trial.training) as launcher:
        launcher.submit(trial)
        while True:
            event = launcher.wait()
            if event is None:
                continue
            if isinstance(event.news, Outcome):
                return event.news
            launcher.answer(event.ticket, True)
            _print_epoch(event.news, console)


# `--set units=64` is short for `--set search.space.units=64`, and `--set epochs=9` for `--set
# training.epochs=9`
_TRAIN_KEYS = {
    **dict.fromkeys(HYPERPARAMETERS, "training."),
    **dict.fromkeys(MODEL, "model."),
    **dict.fromkeys(SEARCHABLE, "search.space."),
    "seed": "search.",
}


def _instead_of_task(name: str, known: Sequence[str]) -> str:
    """What to write for a name that no task has, or for an experiment or a file of data."""
    if Path(name).is_file() and name.endswith(ENDINGS):
        again = command("train", name, "--variant", "NAME", "--trial", "N")
        return f"of an experiment, `{again}`"
    if Path(name).is_file():
        return f"of a file of data, `{command('new', 'experiment', 'NAME', '--data', name)}`"
    return nearest(name, known)


def single_trial(args: argparse.Namespace, cell: str) -> Trial:
    """A trial from `--set`: hyper-parameters, `training.KEY`, `task.KEY` and `seed`."""
    from rnnzoo.spec.read_experiment import parse_experiment
    from rnnzoo.sweep.begun import settled

    known = plugins.names("tasks")
    folder = Path(args.cell).parent
    task_name = args.task
    if plugins.is_path(task_name):
        if not Path(task_name).is_file():
            raise UsageError(f"--task {task_name}: no such file", "a path from the current folder")
        task_name = os.path.relpath(os.path.realpath(task_name), os.path.realpath(folder))
    elif task_name not in known:
        raise UsageError(f"--task {task_name}: no such task", _instead_of_task(task_name, known))
    sets = [f"{_TRAIN_KEYS.get(override.partition('=')[0], '')}{override}" for override in args.set]
    for override in sets:
        name = override.partition("=")[0]
        if "." not in name:
            raise UsageError(
                f"--set {override}: no '{name}' in a training", nearest(name, _TRAIN_KEYS)
            )
    text = (
        "experiment: train\n"
        f"task: {json.dumps(task_name)}\n"
        f"variants: [{{name: cell, cell: {json.dumps(args.cell)}}}]\n"
    )
    experiment = settled(parse_experiment(text, str(folder / "rnnzoo train"), folder, sets))
    if experiment.search.space.dimensions:
        raise UsageError(
            "a training has no search: give every hyper-parameter one value, as in --set units=64"
        )
    task = experiment.tasks[0]
    return Trial(
        experiment="", variant=Path(args.cell).stem, cell=cell, task=task.name, index=0,
        hyperparameters=experiment.search.space.fixed, seed=experiment.search.seed,
        training=experiment.training, task_options=dict(task.options), base=str(in_project(folder)),
        folder=str(RUNS / "train" / Path(args.cell).stem),
    )  # fmt: skip


def _print_epoch(progress: Progress, console: Console) -> None:
    best = "  best so far" if progress.value == progress.best else ""
    console.print(
        f"epoch {progress.step:3}/{progress.of}  validation {score_text(progress.value)}{best}"
    )


def _show_outcome(
    outcome: Outcome, trial: Trial, args: argparse.Namespace, console: Console
) -> int:
    model = trial.model
    if args.save and model.is_file():
        Path(args.save).parent.mkdir(parents=True, exist_ok=True)
        Path(args.save).write_bytes(model.read_bytes())
        model = Path(args.save)
    if args.json:
        print_json({**outcome.to_dict(), "hyperparameters": dict(trial.hyperparameters)})
    elif outcome.kind is Kind.COMPLETE:
        scores = ", ".join(
            f"{split} {score_text(score)}" for split, score in outcome.scores.items()
        )
        told(
            console,
            f"\n{trial.variant} on {trial.task}: {scores}  (weights of epoch {outcome.best_epoch}:"
            f" best {trial.training.best_by} on validation)",
        )
        if outcome.by_length:
            parts = (
                f"{length}: {score_text(score)}" for length, score in outcome.by_length.items()
            )
            told(console, f"test by length: {', '.join(parts)}")
        if outcome.also:
            parts = (f"{metric} {score_text(score)}" for metric, score in outcome.also.items())
            told(console, f"test by other metrics: {', '.join(parts)}")
        told(console, f"model   {model}")
    else:
        print(
            f"{trial.variant} on {trial.task}: {outcome.kind}: {outcome.message}", file=sys.stderr
        )
    return 0 if outcome.kind is Kind.COMPLETE else 1


# ------------------------------------------------------------------ inspect


def inspect(args: argparse.Namespace) -> None:
    """Every gate and state of a trained model over real sequences."""
    with tempfile.TemporaryDirectory() as folder:
        trial, file = kept_model(args, Path(folder))
        task = tasks.load(trial.task, trial.task_options, folder=trial.home)
        layers, sequences = trial.training.layers, len(task.splits["test"])
        if not 1 <= args.layer <= layers:
            wanted = "1: there is one layer" if layers == 1 else f"from 1 to {layers}"
            raise UsageError(f"--layer must be {wanted}")
        if not 0 <= args.sequence < sequences:
            raise UsageError(
                f"--sequence must be from 0 to {sequences - 1}: the test split has {sequences}"
                " sequences"
            )
        model = _weights(file)
    _show_work(args, trial, model, task)


def _show_work(args: argparse.Namespace, trial: Trial, model: NumpyModel, task: Task) -> None:
    from rnnzoo.nn import introspect
    from rnnzoo.report import activations

    taken = _sequences(args, task)
    x, lengths = taken.x, taken.lengths
    values = introspect.values(model, x, lengths)[args.layer - 1]
    layers = f", layer {args.layer} of {len(model.layers)}" if len(model.layers) > 1 else ""
    title = (
        f"{trial.variant} on {trial.task}, trial {trial.index}:"
        f" {number_of(model.units, 'unit')}{layers}, test sequence {args.sequence}"
    )
    text, rows = activations.page(
        CellView(model.cell),
        args.layer,
        title,
        (_input_name(task), x[0]),
        values,
        introspect.real(x, lengths),
        0,
    )
    out = Path(
        args.out or runs() / "inspect" / f"{trial.experiment or 'model'}-{trial.variant}.html"
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    if args.json:
        print_json({"page": str(out), "values": rows})
        return
    console = plain_console()
    told(console, f"{title}\n")
    _print_values(rows, console)
    told(console, f"\npage    {out}")


def _sequences(args: argparse.Namespace, task: Task) -> tasks.Split:
    """The test sequence that is shown; behind it others, so that shares are of `--sequences`."""
    split = task.splits["test"]
    others = (index for index in range(len(split)) if index != args.sequence)
    chosen = np.array([args.sequence, *islice(others, max(args.sequences - 1, 0))])
    return tasks.take(split, chosen, split.width, task.per == "step")


def _print_values(rows: Sequence[Mapping[str, Any]], console: Console) -> None:
    """A row for each equation: whether it is of a gate, the mean of its values, and how many are
    near 0 or 1.
    """
    table = grid("value", "kind", ">mean", ">below 0.1", ">above 0.9")
    for row in rows:
        kind = "gate" if row["gate"] else ""
        shut, wide = in_percent(row["shut"]), in_percent(row["open"])
        add(table, row["name"], kind, f"{row['mean']:z.3f}", shut, wide)
    console.print(table)
    told(console, f"\n{_about_gates([row['name'] for row in rows if row['gate']])}")


def _about_gates(names: Sequence[str]) -> str:
    """How to read the shares of the gates with these names, and those of other values."""
    if not names:
        return "gates   none: the shares are of magnitudes"
    return f"gates   {', '.join(names)}: shut below 0.1, open above 0.9; others by magnitude"


def _input_name(task: Task) -> str:
    return "keys" if task.loss == "bernoulli" else "input"


def kept_model(args: argparse.Namespace, folder: Path) -> tuple[Trial, Path]:
    """The trial and the file of its model: the best one of a variant, or that of a run."""
    if args.spec.endswith(".keras"):
        raise UsageError(
            f"{args.spec} is a model's file, which does not say what data it was trained on",
            "give the experiment's file, and --variant",
        )
    if not args.spec.endswith((".yaml", ".yml")):
        settings = config.read()
        model = getattr(root.tracker(settings), "model", None)
        if model is None:
            raise UsageError(
                f"{settings.tracker_title} keeps no models",
                "give the experiment's file, and --variant",
            )
        trial, file = model(args.spec, folder)
        return trial, file
    top, _, lost = best_trial(args)
    if lost:
        raise UsageError(
            f"the model of trial {top.trial.index} cannot be had: {lost}",
            _had_otherwise(args, top.trial),
        )
    return top.trial, top.trial.model


def _had_otherwise(args: argparse.Namespace, trial: Trial) -> str:
    """What to do where the file of a trial's model cannot be had."""
    if trial.folder:
        return "give the variant's run in MLflow, where it is kept too"
    # of a trial that a table brought, MLflow has only the scores, too
    fix = "give this command where the trial was trained"
    task = ["--task", args.task] if args.task else []
    of_trial = ["--variant", args.variant, *task, "--trial", trial.index]
    again = command("train", args.spec, *of_trial, sets=args.set)
    return f"{fix}; `{again}` makes its model anew, for `rnnzoo.load_model`"


def _weights(file: Path) -> NumpyModel:
    with stderr_to(NOWHERE):
        import rnnzoo
        from rnnzoo.nn import introspect

        return introspect.numpy_model(rnnzoo.load_model(file))


# ------------------------------------------------------------------ gradients


def gradients(args: argparse.Namespace) -> None:
    """How far back each cell learns, before and after a training."""
    console = plain_console(args.json)
    curves: list[LagNorms] = []
    for reference in args.cells:
        curves += _lags(reference, args, console)
    from rnnzoo.report import figures

    out = Path(
        args.out
        or runs()
        / "gradients"
        / f"{'-'.join(Path(reference).stem for reference in args.cells)[:80]}.svg"
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(figures.lags(curves), encoding="utf-8")
    if args.json:
        print_json({"picture": str(out), "norms": [_plain(curve) for curve in curves]})
        return
    _print_lags(curves, console)
    told(console, f"\npicture {out}")


def _lags(reference: str, args: argparse.Namespace, console: Console) -> list[LagNorms]:
    from rnnzoo.lang import memory
    from rnnzoo.report.figures import LagNorms

    of_cell = argparse.Namespace(**{**vars(args), "cell": reference})
    trial = single_trial(of_cell, cell_text(lang.load(reference)))
    trial, task = _with_data(trial, console)
    if task.targets == "labels":
        raise UsageError(
            f"gradients are drawn from the last step, and '{task.name}' asks for all together",
            "--task adding, or another whose answers have targets of their own",
        )
    with stderr_to(NOWHERE):
        from rnnzoo.nn import introspect, train

        begun = introspect.numpy_model(train.Model(trial, task).network.model)
    start = _norms(begun, task)
    after: dict[str, np.ndarray] = {}
    if not args.untrained:
        console.print(f"{trial.variant} on {trial.task}")
        outcome = trained(trial, console)
        if outcome.kind is not Kind.COMPLETE:
            raise TrainingError(f"{trial.variant}: {outcome.kind}: {outcome.message}")
        after = _norms(_weights(trial.model), task)
    lags = len(next(iter(start.values())))
    bound = memory.bound(begun.cell, begun.layers[0], lags)
    first = {name: norms[0] for name, norms in start.items()}
    lags_of_states = []
    for name, norms in start.items():
        scaled = None if bound is None else bound / bound[0] * first[name]
        lags_of_states.append(LagNorms(trial.variant, name, norms, after.get(name), scaled))
    return lags_of_states


def _norms(model: NumpyModel, task: Task) -> dict[str, np.ndarray]:
    """Median norms by state over sequences of the test split, cut to one length."""
    from rnnzoo.nn import introspect

    split = task.splits["test"]
    length = int(np.median(split.lengths))
    chosen = np.flatnonzero(split.lengths >= length)[:SEQUENCES]
    per_step = task.per == "step"
    taken = tasks.take(split, chosen, length, per_step)
    y = taken.y[:, -1] if per_step else taken.y
    norms = introspect.gradients(model, task.loss, taken.x, y)
    return {name: np.median(value, axis=1) for name, value in norms.items()}


def _print_lags(curves: Sequence[LagNorms], console: Console) -> None:
    lags = [lag for lag in SHOWN_LAGS if lag <= len(curves[0].start)]
    table = grid("cell", "state", "weights", *(f">lag {lag}" for lag in lags))
    for curve in curves:
        for weights, norms in (("start", curve.start), ("trained", curve.trained)):
            if norms is not None:
                of_lags = (f"{norms[lag - 1]:.1e}" for lag in lags)
                add(table, cut(curve.cell), curve.state, weights, *of_lags)
    console.print()
    console.print(table)


def _plain(curve: LagNorms) -> dict[str, Any]:
    return {
        "cell": curve.cell, "state": curve.state, "start": curve.start.tolist(),
        "trained": None if curve.trained is None else curve.trained.tolist(),
        "bound": None if curve.bound is None else curve.bound.tolist(),
    }  # fmt: skip
