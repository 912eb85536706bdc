"""An experiment as plain values, with every default filled in."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from rnnzoo.spec.experiment import (
    CELL_SEARCH,
    CellSearch,
    Claim,
    Confirm,
    Dimension,
    Experiment,
    Filter,
    Resources,
    Rungs,
    Search,
    Select,
    Space,
    TaskChoice,
    Variant,
)
from rnnzoo.spec.hyperparameters import MODEL, TRAINING
from rnnzoo.spec.read_experiment.judging import LEAST_KEPT


def resolved(experiment: Experiment) -> dict[str, Any]:
    """The experiment as plain values with every default filled in; `yaml_text` of it reads back to
    an equal one.
    """
    settings = experiment.training.settings()
    model = {name: settings[name] for name, row in MODEL.items() if settings[name] != row.default}
    content: dict[str, Any] = {
        "experiment": experiment.name,
        "about": experiment.about,
        "tasks": list(map(_task_plain, experiment.tasks)),
        "baseline": experiment.baseline,
        "variants": [
            _variant_plain(variant, experiment.search.space)
            for variant in experiment.variants
            if variant.label != experiment.control
        ],
        "controls": True if experiment.control else None,
        "equal": experiment.equal if experiment.equal != "units" else None,
        "family": experiment.family if experiment.family != "file" else None,
        "share": True if experiment.share else None,
        "search": _search_plain(experiment.search),
        "training": {name: settings[name] for name in TRAINING},
        "model": model or None,
        "select": _select_plain(experiment.select),
        "margin": experiment.margin,
        "floor": experiment.floor,
        "confirm": _confirm_plain(experiment.confirm) if experiment.confirm else None,
        "search_cells": _cells_plain(experiment.cell_search) if experiment.cell_search else None,
        **_resources_plain(experiment.resources),
        "claims": [_claim_plain(claim) for claim in experiment.claims],
    }
    # None: there is none, or it is what a file that says nothing has
    return {key: value for key, value in content.items() if value is not None}


def _task_plain(task: TaskChoice) -> dict[str, Any]:
    return {"name": task.name, "label": task.label, **task.options}


def _cells_plain(search: CellSearch) -> dict[str, Any]:
    content = {key: getattr(search, name) for key, name in CELL_SEARCH.items()}
    content |= {name: list(content[name]) for name in ("parents", "mutations", "forbid")}
    content["unseen"] = list(map(_task_plain, search.unseen))
    content["filter"] = None
    if search.filter:
        content["filter"] = _filter_plain(search.filter)
    if math.isinf(search.hours):
        del content["hours"]
    if not search.more_settings:
        del content["more_settings"]
    # a list that is empty is written as it is read, by leaving it out
    return {key: value for key, value in content.items() if value not in (None, [])}


def _filter_plain(chosen: Filter) -> dict[str, Any]:
    settings = chosen.training.settings()
    return {
        "task": _task_plain(chosen.task),
        "space": _space_plain(chosen.space),
        "training": {name: settings[name] for name in TRAINING},
    }


def _search_plain(search: Search) -> dict[str, Any]:
    content: dict[str, Any] = {"sampler": {"name": search.sampler.name, **search.sampler.options}}
    if search.pruner:
        content["pruner"] = {"name": search.pruner.name, **search.pruner.options}
    if search.rungs:
        content["rungs"] = _rungs_plain(search.rungs)
    if search.points:
        content["points"] = [dict(point) for point in search.points]
    if search.earlier:
        content["earlier"] = [
            {"trials": before.trials, "space": _space_plain(before.space)}
            for before in search.earlier
        ]
    return content | {
        "trials": search.trials,
        "seed": search.seed,
        "draws": search.draws,
        "space": _space_plain(search.space),
    }


def _rungs_plain(rungs: Rungs) -> dict[str, Any]:
    return {"epochs": list(rungs.epochs), "keep": rungs.keep}


def _select_plain(select: Select) -> dict[str, Any]:
    content: dict[str, Any] = {"on": select.on}
    # fewer than the least are kept by default only, where trials are few: no file may say it
    if select.keep >= LEAST_KEPT or select.keep < 1:
        content["keep"] = select.keep
    return content | {"report": select.report, "replicates": select.replicates}


def _claim_plain(claim: Claim) -> str | dict[str, str]:
    return {"claim": claim.text, "note": claim.note} if claim.note else claim.text


def _confirm_plain(confirm: Confirm) -> dict[str, Any]:
    content = asdict(confirm)
    if confirm.until == "stopped":
        del content["most"]
    if math.isinf(confirm.hours):
        del content["hours"]
    return content


def _resources_plain(resources: Resources) -> dict[str, Any]:
    limits = {name: getattr(resources, name) for name in ("memory", "minutes")}
    content: dict[str, Any] = {name: limit for name, limit in limits.items() if limit < math.inf}
    content |= {"states": resources.states} if resources.states != Resources().states else {}
    content |= {"retry": dict(resources.retry)} if resources.retry else {}
    return {"resources": content} if content else {}


def _variant_plain(variant: Variant, common: Space) -> dict[str, Any]:
    """What makes this variant, over what all share."""
    searched = _space_plain(variant.space)
    shared = _space_plain(common)
    space = {name: value for name, value in searched.items() if shared.get(name) != value}
    content: dict[str, Any] = {"name": variant.label, "cell": variant.reference or variant.label}
    if variant.cell.options:
        content["options"] = dict(variant.cell.options)
    if variant.init:
        content["init"] = dict(variant.init)
    return {**content, **({"space": space} if space else {})}


def _space_plain(space: Space) -> dict[str, Any]:
    return {
        **space.fixed,
        **{dimension.name: _dimension_plain(dimension) for dimension in space.dimensions},
    }


def _dimension_plain(dimension: Dimension) -> dict[str, Any]:
    number = int if dimension.kind == "int" else float
    content: dict[str, Any] = {dimension.kind: [number(dimension.low), number(dimension.high)]}
    if dimension.kind == "choice":
        content = {"choice": list(dimension.choices)}
    if dimension.log:
        content["log"] = True
    if dimension.step:
        content["step"] = number(dimension.step)
    if dimension.when:
        content["when"] = {name: list(values) for name, values in dimension.when.items()}
    return content
