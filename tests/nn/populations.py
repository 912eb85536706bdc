"""What tests/nn/test_population.py asks of a process in which Keras is set to JAX: trials that
train together, and the same ones each by itself.
"""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from unittest import mock

import keras
import numpy as np

from rnnzoo import backends, lang, tasks
from rnnzoo.lang.text import cell_text
from rnnzoo.nn import data as placing
from rnnzoo.nn import packing, population, train
from rnnzoo.nn.train import Model
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.shape import Shape, shape_of
from rnnzoo.spec.trial import Outcome, Progress, Trial
from tests.results import result_of

SIZES = {"train": 40, "valid": 12, "test": 12}
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "adding": {"length": 8, **SIZES},
    "arithmetic": {"digits": 4, "letters": 2, **SIZES},  # unequal lengths, answers at each step
    "flip_flop": {"length": 8, **SIZES},
}
LANES = 8


@dataclass
class Desk:
    """All trials at once, some of which are told to stop after an epoch; one that waits goes on at
    once.

    Attributes:
        is_over: whether one that waits does not go on.
        most: how many were told of at a time.
    """

    trials: Sequence[Trial]
    stop: Mapping[int, int] = field(default_factory=dict)
    outcomes: dict[int, list[Outcome]] = field(default_factory=dict)
    most: int = 0
    is_over: bool = False

    def __post_init__(self) -> None:
        self.submitted = list(enumerate(self.trials))

    def take(self, wait: bool) -> Sequence[tuple[int, Trial]]:
        taken, self.submitted = self.submitted, []
        return taken

    def tell(self, news: Mapping[int, Progress]) -> frozenset[int]:
        self.most = max(self.most, len(news))
        return frozenset(number for number in news if self.goes_on(number, news[number]))

    def goes_on(self, number: int, progress: Progress) -> bool:
        return progress.step != self.stop.get(number)

    def finish(self, ticket: int, outcome: Outcome) -> None:
        self.outcomes.setdefault(ticket, []).append(outcome)
        if outcome.waits and not self.is_over:
            self.submitted.append((ticket, replace(self.trials[ticket], until=0)))


class OneByOne(Desk):
    """Each trial after the end of the one before."""

    def take(self, wait: bool) -> Sequence[tuple[int, Trial]]:
        return [self.submitted.pop(0)] if wait and self.submitted else []


def compiled(batches: Sequence[int], kept: int) -> int:
    """How many populations are made for trials of these batches, one after the other, where so
    many are kept without a trial.
    """
    trials = [trial(0, training={"batch": batch}) for batch in batches]
    with (
        mock.patch.object(population, "IDLE", kept),
        mock.patch.object(population, "Population", wraps=population.Population) as made,
    ):
        population.work(OneByOne(trials), LANES)
    return made.call_count


def trial(number: int, task: str = "arithmetic", **changes: Any) -> Trial:
    """One of several that train together: each with a learning rate, a momentum, a schedule, a
    patience and a number of epochs of its own.
    """
    training = Training(
        epochs=2 + number % 3,
        patience=1 + number % 2,
        schedule=("constant", "decay", "halve", "cosine")[number % 4],
        decay_from=2,
        plateau=1,
        optimizer="sgd",
        batch=16,
        clip=1.0,
        best_by=("loss", "metric")[number % 2],
    )
    searched = {"units": 4, "learning_rate": 0.02 * (1 + number), "momentum": 0.5 + 0.04 * number}
    made = Trial(
        "e", "rnn", cell_text(lang.load("rnn")), task, number, searched,
        seed=number, training=training, task_options=OPTIONS[task],
    )  # fmt: skip
    searched |= changes.pop("searched", {})
    searched = {name: value for name, value in searched.items() if value is not None}
    training = replace(training, **changes.pop("training", {}))
    return replace(made, hyperparameters=searched, training=training, **changes)


def one_of_each_kind(folder: str) -> list[Trial]:
    """Twelve trials of one shape with packed batches and noise on weights, more than there are
    lanes: the fourth is stopped, and of the others one diverges, one waits and goes on, one cannot
    be trained, one has other data than its study and one stays as it begins.
    """
    noise = {"weight_noise": 0.05}
    trials = [trial(number, searched=noise) for number in range(12)]
    trials[5] = trial(5, searched={**noise, "learning_rate": 3e38})
    trials[6] = trial(6, searched=noise, training={"epochs": 4}, until=2, folder=folder)
    trials[7] = trial(7, searched=noise, training={"tie": True})
    trials[8] = trial(8, searched=noise, data="0" * 64)
    still = {**noise, "learning_rate": 1e-30}
    trials[9] = trial(9, searched=still, training={"epochs": 4, "patience": 1})
    assert _packs(trials[0]) == backends.processes("jax").has_native_loops()
    return trials


def with_little_room(folder: str) -> list[Trial]:
    """Some of whose epochs have batches for which packed ones have no room."""
    packing.ABOVE = 0.7
    trials = [trial(number, training={"epochs": 6, "patience": 0}) for number in range(8)]
    assert _packs(trials[0]) == backends.processes("jax").has_native_loops()
    return trials


def _packs(trial: Trial) -> bool:
    return Model(trial, tasks.load(trial.task, trial.task_options)).room > 0


def of_several_shapes(folder: str) -> list[Trial]:
    """Two of each: noise on inputs, and dropout; another optimiser, and dropout before the
    read-out; sequences of nearly one length; a metric of all answers together, and another one
    beside it.
    """
    shapes: list[dict[str, Any]] = [
        {
            "task": "adding",
            "searched": {"noise": 0.1, "dropout": 0.1, "recurrent_dropout": 0.2},
        },
        {
            "task": "adding",
            "training": {"optimizer": "rmsprop", "hidden": 3},
            "searched": {"weight_decay": 0.1, "read_out_dropout": 0.1},
        },
        {
            "training": {"group_by_length": True, "optimizer": "adamw"},
            "searched": {"momentum": None},
        },
        {"task": "flip_flop", "task_options": {**OPTIONS["flip_flop"], "metric": "f1"}},
    ]
    trials = [trial(number, **copy.deepcopy(shapes[number // 2])) for number in range(8)]
    options = trials[7].task_options
    digest = tasks.load("flip_flop", options).digest
    trials[6] = replace(trials[6], data=digest)
    trials[7] = replace(trials[7], data=digest, task_options={**options, "also": ["accuracy"]})
    return trials


def of_several_sizes(folder: str) -> list[Trial]:
    """Eight of which six share a bucket, with clipping, weight decay and a hidden layer; one of
    them waits and goes on.
    """
    more = {"optimizer": "adamw", "hidden": 3}
    trials = [
        trial(
            number, training=more,
            searched={"units": 3 + number, "weight_decay": 0.1, "momentum": None},
        )
        for number in range(8)
    ]  # fmt: skip
    trials[2] = replace(trials[2], training=replace(trials[2].training, epochs=4))
    trials[2] = replace(trials[2], until=2, folder=folder)
    return trials


def that_trains_by_itself(folder: str) -> list[Trial]:
    """Two whose data are larger than what stays on the device."""
    placing.WHOLE = 1000
    return [trial(number, "adding", folder=f"{folder}/{number}") for number in range(2)]


def compared(
    kind: str, folder: str, shares: bool = True, stop: Mapping[int, int] | None = None
) -> Any:
    """The outcomes of trials that train together, and by themselves, and how many trained at once.

    Args:
        kind: a function of this module that makes the trials.
        shares: whether those by themselves share executables, which saves compiling them.
    """
    trials = globals()[kind](folder)
    desk, alone = (
        Desk(trials, stop or {}),
        Desk([_elsewhere(trial) for trial in trials], stop or {}),
    )
    models: dict[Shape, Model] = {}

    def model(trial: Trial, task: tasks.Task) -> Model:
        if (like := models.get(shape_of(trial))) is None:
            like = models.setdefault(shape_of(trial), Model(trial, task))
        return Model(trial, task, like.data, like)

    with contextlib.redirect_stdout(io.StringIO()):
        population.work(desk, LANES)
        with mock.patch.object(train, "Model", model if shares else Model):
            _each(alone)
    return _contents(desk), _contents(alone), desk.most


def going_on_elsewhere(folder: str) -> list[bool]:
    """Whether a training that waits in a population goes on by itself as one that never waited, and
    the other way about; and whether the model and the state that are written are the same.
    """
    whole, left, entered = (
        trial(4, training={"epochs": 4}, folder=f"{folder}/{name}", keeps_state=True)
        for name in ("whole", "left", "entered")
    )
    with contextlib.redirect_stdout(io.StringIO()):
        expected = train.work(whole, _always)
        population.work(Desk([replace(left, until=2)], is_over=True), LANES)
        outcomes = [train.work(left, _always)]
        train.work(replace(entered, until=2), _always)
        desk = Desk([entered])
        population.work(desk, LANES)
        outcomes += desk.outcomes[0]
    return [
        *(result_of(outcome) == result_of(expected) for outcome in outcomes),
        *(_written(other) == _written(whole) for other in (left, entered)),
    ]


def _always(progress: Progress) -> bool:
    return True


def _written(trial: Trial) -> list[Any]:
    """The numbers in the files of a trial's model and state."""
    model = keras.saving.load_model(trial.model)
    with np.load(trial.state) as state:
        arrays = [state[name] for name in sorted(state.files) if name.isdigit()]
    return [array.tolist() for array in (*model.get_weights(), *arrays)]


def programs(name: str, values: Sequence[float]) -> list[bool]:
    """Whether trainings with these values of a hyper-parameter run the program of the first."""
    texts = [_program(trial(0, "adding", searched={name: value})) for value in values]
    return [text == texts[0] for text in texts]


def _program(trial: Trial) -> str:
    """An epoch as it is given to XLA."""
    task = tasks.load(trial.task, trial.task_options)
    model = Model(trial, task)
    order = np.arange(model.data.sizes["train"])
    (portion,) = model.data.portions("train", order, model.batch, model.longest)
    values = [variable.value for variable in model.read_in_training]
    zeros = [np.zeros((), np.float32)] * 2
    epoch: Any = model._epoch
    return str(epoch.of_values.lower(values, portion, zeros).as_text())


def _each(desk: Desk) -> None:
    """Train the trials of a desk one after the other."""
    while taken := desk.take(wait=True):
        for number, trial in taken:

            def tell(progress: Progress, number: int = number) -> bool:
                return desk.goes_on(number, progress)

            desk.finish(number, train.work(trial, tell))


def _elsewhere(trial: Trial) -> Trial:
    return replace(trial, folder=f"{trial.folder}_alone") if trial.folder else trial


def _contents(desk: Desk) -> list[list[dict[str, Any]]]:
    """What trials yielded, in which seconds are none."""
    return [
        [_content(outcome) for outcome in desk.outcomes[number]]
        for number in range(len(desk.trials))
    ]


def _content(outcome: Outcome) -> dict[str, Any]:
    content = outcome.to_dict()
    del content["seconds"]
    content["curve"] = [[row["train"], row["validation"]] for row in outcome.curve]
    return content
