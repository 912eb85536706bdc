"""`training:`, `model:` and `resources:`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from rnnzoo.spec.document import Node, Scalar, Table, describe
from rnnzoo.spec.experiment import Resources, Space, Variant
from rnnzoo.spec.hyperparameters import (
    HYPERPARAMETERS,
    MODEL,
    OF_SCHEDULE,
    SEARCHABLE,
    TRAINING,
    Hyperparameter,
    Training,
)
from rnnzoo.spec.keys import Entry
from rnnzoo.spec.read_experiment.keys import BUILT, BYTES, RESOURCES, RETRY, TRAINED
from rnnzoo.spec.read_experiment.source import Source
from rnnzoo.spec.trial import RETRIED

LEAST_MEMORY = 300e6  # bytes
_UNITS = {
    "": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30,
    "ti": 2**40,
}  # fmt: skip


def read_training(source: Source) -> Training:
    model = _model(source)
    table = source.top.table_at("training", "{epochs: 25}")
    if table is None:
        return model
    return training_of(source, table, model)


def training_of(source: Source, table: Table, model: Training, under: str = "") -> Training:
    """A model with what a table of `training:` says.

    Args:
        under: where the table stands, with a dot behind; at the top of the file by default.
    """
    entry = Entry(table, source.mistakes, "`training`", TRAINED)
    training = replace(model, **_settings(entry, TRAINING))
    if training.nesterov and training.optimizer not in HYPERPARAMETERS["nesterov"].optimizers:
        problem = f"the optimiser '{training.optimizer}' has no momentum that looks ahead"
        source.mistakes.add(
            entry.span("nesterov"), problem, "write `optimizer: sgd`, or delete `nesterov`"
        )
    _check_schedule(source, training, entry)
    source.places |= {f"{under}training.{name}": span for name, span in table.keys.items()}
    places = dict.fromkeys(SEARCHABLE, "write it into `space:`, under `search:`")
    entry.done({**places, **dict.fromkeys(MODEL, "write it into `model:`")})
    return training


def _check_schedule(source: Source, training: Training, entry: Entry) -> None:
    """What only one schedule reads stands beside that one."""
    for name, schedule in OF_SCHEDULE.items():
        usual = getattr(training, name) == TRAINING[name].default  # as `resolved` writes it
        if not usual and training.schedule != schedule and not entry.refused:
            problem = f"`{name}` is for `schedule: {schedule}`"
            fix = f"write `schedule: {schedule}`, or delete `{name}`"
            source.mistakes.add(entry.span(name), problem, fix)
    if training.schedule == "cosine" and training.warm_up >= training.epochs:
        problem = f"all of the {training.epochs} epochs would warm up"
        source.mistakes.add(entry.span("warm_up"), problem, "write a smaller `warm_up`")


def _model(source: Source) -> Training:
    """What `model:` says, all else by default."""
    table = source.top.table_at("model", "{pool: mean}")
    if table is None:
        return Training()
    entry = Entry(table, source.mistakes, "`model`", BUILT)
    model = Training(**_settings(entry, MODEL))
    places = dict.fromkeys(TRAINING, "write it into `training:`")
    entry.done({**places, **dict.fromkeys(SEARCHABLE, "write it into `space:`, under `search:`")})
    source.places |= {f"model.{name}": span for name, span in table.keys.items()}
    return model


def check_hidden(source: Source, training: Training, variants: Sequence[Variant]) -> None:
    """`hidden_layers` stands beside `hidden`."""
    places = [place for place in source.places if place.endswith(".hidden_layers")]
    hidden = (variant.space.values("hidden") or (training.hidden,) for variant in variants)
    searched = any(_searches(variant.space, "hidden") for variant in variants)
    if places and not searched and not any(chain.from_iterable(hidden)):
        problem, fix = "there are no layers of `hidden` units", "write `hidden: 64`, too"
        source.mistakes.add(source.places[places[0]], problem, fix)


def read_resources(source: Source) -> Resources:
    table = source.top.table_at("resources", "{minutes: 30}")
    if table is None:
        return Resources()
    entry = Entry(table, source.mistakes, "`resources`", RESOURCES)
    resources = Resources(
        memory=_memory(source, entry),
        minutes=entry.value("minutes", math.inf),
        states=_states(source, entry),
        retry=_retry(source, entry.table_at("retry", "{failed: 1}")),
    )
    if resources.minutes == 0.0 and "minutes" not in entry.refused:
        source.mistakes.add(
            entry.span("minutes"), "no trial ends in 0 minutes", "write minutes: 30"
        )
    entry.done()
    return resources


def _memory(source: Source, entry: Entry) -> float:
    """Bytes, from a text such as `2GB` or `1.5 GiB`."""
    node = entry.node("memory")
    if node is None:
        return math.inf
    bytes_ = _bytes(node)
    if bytes_ is None or bytes_ < LEAST_MEMORY:
        fix = (
            f"write memory: 2GB; at least {LEAST_MEMORY / 10**6:.0f}MB, since TensorFlow alone"
            " takes that much"
        )
        source.mistakes.add(node.span, f"`memory` cannot be {describe(node)}", fix)
    return bytes_ or math.inf


def _states(source: Source, entry: Entry) -> float:
    """Likewise, how much room states of finished trainings may take; 0 keeps none."""
    node = entry.node("states")
    if node is None:
        return Resources().states
    bytes_ = _bytes(node)
    if bytes_ is None:
        fix = "write states: 1GB, how much room the states of all its trainings may take; or 0"
        source.mistakes.add(node.span, f"`states` cannot be {describe(node)}", fix)
    return bytes_ or 0.0


def _bytes(node: Node) -> float | None:
    """How many bytes a text says; None where it says none."""
    written = BYTES.fullmatch(str(node.value)) if isinstance(node, Scalar) else None
    return float(written[1]) * _UNITS[(written[2] or "").lower()] if written else None


def _retry(source: Source, table: Table | None) -> dict[str, int]:
    """How often a trial is begun again, by the kind of its end."""
    absent = Table({}, {}, source.top.span("resources"))
    entry = Entry(table or absent, source.mistakes, "`retry`", RETRY)
    kinds = [str(kind) for kind in RETRIED]
    retries = {kind: entry.value(kind, 0) for kind in kinds if kind in entry}
    for kind in kinds:
        entry.node(kind)
    entry.done()
    return retries


def _settings(entry: Entry, table: Mapping[str, Hyperparameter]) -> dict[str, Any]:
    """What a file says of hyper-parameters, or their defaults, by name."""
    return {name: entry.value(name, row.default) for name, row in table.items()}


def _searches(space: Space, name: str) -> bool:
    return any(dimension.name == name for dimension in space.dimensions)
