"""The hyper-parameters: what each may be, what it is where nothing is said, where it acts.

In: nothing.  Out: `Training`, a training's hyper-parameters all together, each field of which is
one row of the table; and the table, read from it.  The space, `training:`, defaults, suggestions,
columns of tables, MLflow's parameters and the tables of docs/experiments.md follow from these rows.
To add a hyper-parameter, add a field, and use it where it acts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from rnnzoo.spec.keys import Legal
from rnnzoo.spec.settings import BACKENDS

Value = float | int | str | bool
Acts = Literal[
    "model", "layer", "inputs", "optimiser", "gradient", "weights", "batches", "epochs", "all"
]
OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop", "nadam", "adagrad", "lion")
WITH_MOMENTUM = ("sgd", "rmsprop")
WITH_NESTEROV = ("sgd",)
SCHEDULES = ("constant", "halve", "decay", "cosine")
POOLS = ("last", "mean", "max")
BEST_BY = ("loss", "metric")
CLASS_WEIGHTS = ("none", "balanced")
PRECISIONS = ("float32", "tf32")  # of products on a GPU
MOST_LANES = 100_000  # of a population
# what only one schedule reads
OF_SCHEDULE = {
    "plateau": "halve",
    "decay_from": "decay",
    "decay_factor": "decay",
    "warm_up": "cosine",
}
MOMENTUM = ("momentum", "one_minus_momentum")  # two names of one thing
MAX_EPOCHS = 1_000_000
AUTO = "auto"  # a backend that is chosen when a study is made


def value_text(value: object) -> str:
    """A value as a line about a trial has it: four digits are enough to tell trials apart."""
    return f"{value:z.4g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """A row of the table.

    Attributes:
        default: what a training has where nothing is said; None where it then does without.
        unit: what is counted; empty where the name or the help says it.
        acts: on which part of a training.
        in_space: whether it may stand in `space:`, with a value or a range.
        in_training: whether it may stand in `training:`.
        in_model: whether it may stand in `model:`.
        optimizers: the optimisers that have it; empty for all of them.
        help: one line.
    """

    name: str
    legal: Legal
    default: Value | None
    unit: str
    acts: Acts
    in_space: bool
    in_training: bool
    in_model: bool
    optimizers: tuple[str, ...]
    help: str

    @property
    def without(self) -> str:
        """What holds where nothing is said, as the manual and an editor show it."""
        if self.default is None:
            return "none"
        if self.legal.flag or self.legal.words:
            return f"`{str(self.default).lower()}`"
        return f"{self.default:g} {self.unit}".rstrip()


def _row(
    help: str,  # as the field that it fills
    legal: Legal,
    acts: Acts,
    *places: Literal["space", "training", "model"],
    unit: str = "",
    optimizers: tuple[str, ...] = (),
) -> Mapping[str, Any]:
    """What a field of `Training` has beside its name and its default."""
    return {
        "help": help,
        "legal": legal,
        "acts": acts,
        "in_space": "space" in places,
        "in_training": "training" in places,
        "in_model": "model" in places,
        "unit": unit,
        "optimizers": optimizers,
    }


_SHARE = Legal(high=1, open_high=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """All hyper-parameters of a training: the fields are the rows of the table, and
    `HYPERPARAMETERS` says what they mean.

    That of an experiment has what its `training:` and `model:` say; that of a trial is resolved,
    also from the point of the space, and is what runs and what trackers show.
    """

    units: int = field(
        default=64,
        metadata=_row(
            "units of each layer", Legal(whole=True, low=1, high=100_000), "layer", "space"
        ),
    )
    layers: int = field(
        default=1,
        metadata=_row(
            "layers, one above the other", Legal(whole=True, low=1, high=100), "layer", "space"
        ),
    )
    embed: int = field(
        default=0,
        metadata=_row(  # as in Bengio et al. 2003
            "size of the trained vector that stands for each id, of tasks whose inputs are ids; 0"
            " reads them one-hot",
            Legal(whole=True, high=100_000),
            "model",
            "space",
            "model",
        ),
    )
    bidirectional: bool = field(
        default=False,
        metadata=_row(  # Schuster and Paliwal 1997
            "each layer reads the sequence in both directions, with weights for each, and the next"
            " one reads the outputs of both",
            Legal(flag=True),
            "model",
            "space",
            "model",
        ),
    )
    pool: str = field(
        default="last",
        metadata=_row(
            "what is read out where a sequence has one target: the output of its last step, or the"
            " mean or the maximum over its steps",
            Legal(words=POOLS),
            "model",
            "space",
            "model",
        ),
    )
    hidden: int = field(
        default=0,
        metadata=_row(
            "units of a dense layer of rectified units before the read-out; 0 has none",
            Legal(whole=True, high=100_000),
            "model",
            "space",
            "model",
        ),
    )
    hidden_layers: int = field(
        default=1,
        metadata=_row(
            "so many of these dense layers, one above the other",
            Legal(whole=True, low=1, high=100),
            "model",
            "space",
            "model",
        ),
    )
    read_out_dropout: float = field(
        default=0.0,
        metadata=_row(  # as Zaremba et al. 2014 drop below the softmax
            "share of what the read-out reads that training leaves out, others at each step",
            _SHARE,
            "model",
            "space",
            "model",
        ),
    )
    tie: bool = field(
        default=False,
        metadata=_row(  # Press and Wolf 2017
            "the vectors of `embed` are the weights of the read-out, too, of tasks whose answer is"
            " an id",
            Legal(flag=True),
            "model",
            "space",
            "model",
        ),
    )
    learning_rate: float = field(
        default=1e-3,
        metadata=_row("how far an update goes", Legal(open_low=True), "optimiser", "space"),
    )
    momentum: float | None = field(
        default=None,
        metadata=_row(
            "share of the last update that the next one keeps",
            _SHARE,
            "optimiser",
            "space",
            optimizers=WITH_MOMENTUM,
        ),
    )
    one_minus_momentum: float | None = field(
        default=None,
        metadata=_row(
            "1 - momentum, which can be searched logarithmically",
            Legal(high=1, open_low=True),
            "optimiser",
            "space",
            optimizers=WITH_MOMENTUM,
        ),
    )
    noise: float | None = field(
        default=None,
        metadata=_row(
            "standard deviation of Gaussian noise on the inputs, in training only",
            Legal(),
            "inputs",
            "space",
        ),
    )
    dropout: float = field(
        default=0.0,
        metadata=_row(
            "share of the inputs of a layer that training leaves out", _SHARE, "layer", "space"
        ),
    )
    recurrent_dropout: float = field(
        default=0.0,
        metadata=_row(
            "share of what recurrent weights multiply that training leaves out",
            _SHARE,
            "layer",
            "space",
        ),
    )
    clip: float = field(
        default=0.0,
        metadata=_row(
            "largest norm of the whole gradient; 0 does not clip",
            Legal(),
            "gradient",
            "space",
            "training",
        ),
    )
    clip_value: float = field(
        default=0.0,
        metadata=_row(  # as Graves 2013 clips
            "largest size of each number of the gradient, cut before `clip`; 0 does not clip",
            Legal(),
            "gradient",
            "space",
            "training",
        ),
    )
    batch: int = field(
        default=16,
        metadata=_row(
            "sequences in an update; an epoch's last batch may have fewer",
            Legal(whole=True, low=1, high=1_000_000),
            "batches",
            "space",
            "training",
            unit="sequences",
        ),
    )
    group_by_length: bool = field(
        default=False,
        metadata=_row(
            "sequences of nearly one length share a batch, so that little of it is padding",
            Legal(flag=True),
            "batches",
            "training",
        ),
    )
    class_weight: str = field(
        default="none",
        metadata=_row(
            "`balanced`: each class counts the same in the loss, however rare it is in train, and"
            " as much as all its answers did on average; no metric is changed",
            Legal(words=CLASS_WEIGHTS),
            "gradient",
            "training",
        ),
    )
    optimizer: str = field(
        default="adam",
        metadata=_row(
            "how weights follow a gradient",
            Legal(words=OPTIMIZERS),
            "optimiser",
            "space",
            "training",
        ),
    )
    weight_decay: float | None = field(
        default=None,
        metadata=_row(  # Loshchilov and Hutter 2019, decoupled
            "share of every weight, times the learning rate, that an update takes off; without it,"
            " 0.004 with `adamw` and nothing else",
            Legal(),
            "optimiser",
            "space",
        ),
    )
    weight_noise: float | None = field(
        default=None,
        metadata=_row(  # Graves 2011; Chung et al. 2014
            "standard deviation of Gaussian noise on all weights, other noise in each update; the"
            " gradient is taken there, and the noise is gone before the update",
            Legal(),
            "weights",
            "space",
        ),
    )
    schedule: str = field(
        default="constant",
        metadata=_row(  # `decay`: Zaremba et al. 2014; `cosine`: Loshchilov and Hutter 2017
            "how the learning rate changes from epoch to epoch",
            Legal(words=SCHEDULES),
            "optimiser",
            "training",
        ),
    )
    plateau: int = field(
        default=2,
        metadata=_row(  # as Mikolov et al. 2011 halve it
            "`halve`: so many epochs without a better validation loss halve the learning rate",
            Legal(whole=True, low=1, high=MAX_EPOCHS),
            "optimiser",
            "training",
            unit="epochs",
        ),
    )
    decay_from: int = field(
        default=5,
        metadata=_row(  # Zaremba et al. 2014
            "`decay`: the first epoch whose learning rate is lowered, as that of each one after it",
            Legal(whole=True, low=1, high=MAX_EPOCHS),
            "optimiser",
            "training",
        ),
    )
    decay_factor: float = field(
        default=0.5,
        metadata=_row(  # Zaremba et al. 2014
            "`decay`: what each of these epochs multiplies the learning rate by",
            Legal(open_low=True, high=1),
            "optimiser",
            "training",
        ),
    )
    warm_up: int = field(
        default=0,
        metadata=_row(  # Goyal et al. 2017
            "`cosine`: so many epochs first in which the learning rate rises in a line",
            Legal(whole=True, high=MAX_EPOCHS),
            "optimiser",
            "training",
            unit="epochs",
        ),
    )
    epochs: int = field(
        default=25,
        metadata=_row(
            "at most so many passes over the training data",
            Legal(whole=True, low=1, high=MAX_EPOCHS),
            "epochs",
            "training",
            unit="epochs",
        ),
    )
    patience: int = field(
        default=5,
        metadata=_row(
            "stop after so many epochs without a better one on validation; 0 never stops early",
            Legal(whole=True, high=MAX_EPOCHS),
            "epochs",
            "training",
            unit="epochs",
        ),
    )
    best_by: str = field(
        default="loss",
        metadata=_row(
            "by what of validation an epoch is the best, whose weights are kept and scored: the"
            " `loss`, or the `metric` that trials are judged by",
            Legal(words=BEST_BY),
            "epochs",
            "training",
        ),
    )
    nesterov: bool = field(
        default=False,
        metadata=_row(  # Sutskever et al. 2013, equations 3 and 4
            "momentum that looks ahead",
            Legal(flag=True),
            "optimiser",
            "training",
            optimizers=WITH_NESTEROV,
        ),
    )
    effective_rate: bool = field(
        default=False,
        metadata=_row(  # Greff et al. 2015
            "the step is `learning_rate` x (1 - momentum), so that the two can be searched apart",
            Legal(flag=True),
            "optimiser",
            "training",
        ),
    )
    error: Literal["mean", "sum"] = field(
        default="mean",
        metadata=_row(
            "whose gradient an update follows: the `mean` over all steps of the batch, or the"
            " `sum` over the steps of each sequence, averaged over sequences",
            Legal(words=("mean", "sum")),
            "gradient",
            "training",
        ),
    )
    backend: str = field(
        default=BACKENDS[0],
        metadata=_row(
            "the library that computes; `auto` is the one with which the experiment was begun, else"
            " `jax` where it is installed beside a C++ compiler, else `tensorflow`",
            Legal(words=(AUTO, *BACKENDS)),
            "all",
            "training",
        ),
    )

    population: int = field(
        default=0,
        metadata=_row(
            "so many trials of one shape train at once in one program, on which last digits depend;"
            " 0: as `launcher` in mlflow.yml says, else each by itself",
            Legal(whole=True, high=MOST_LANES),
            "all",
            "training",
            unit="trials",
        ),
    )
    precision: str = field(
        default=PRECISIONS[0],
        metadata=_row(
            "of a population: whether products on a GPU are of `float32`, or of `tf32`, which has"
            " 10 bits of fraction instead of 23",
            Legal(words=PRECISIONS),
            "all",
            "training",
        ),
    )

    def at(self, point: Mapping[str, Value]) -> Training:
        """This training at a point of the space: resolved.

        Args:
            point: values by name.  What may stand in `space:` only, and is not in it, is as by
                default.
        """
        given = {**self.settings(), **{name: point[name] for name in SEARCHABLE if name in point}}
        if "one_minus_momentum" in given:
            given["momentum"] = 1.0 - float(given["one_minus_momentum"])
        return Training(
            **{name: HYPERPARAMETERS[name].legal.typed(value) for name, value in given.items()}
        )

    def outlasts(self, patience: int) -> bool:
        """Whether its patience ends no training before one of so much would have; 0 never does."""
        return not self.patience or 0 < patience <= self.patience

    def width(self, inputs: int) -> int:
        """The size of what the first layer reads at a step.

        Args:
            inputs: of the task, ids one-hot.
        """
        return self.embed or inputs

    def settings(self) -> dict[str, Any]:
        """What may stand in `training:` and `model:`, by name."""
        return {name: getattr(self, name) for name in SETTINGS}

    def values(self) -> dict[str, Any]:
        """All of it by name, in the order of the table."""
        return {name: getattr(self, name) for name in HYPERPARAMETERS}


HYPERPARAMETERS: Mapping[str, Hyperparameter] = {
    row.name: Hyperparameter(name=row.name, default=getattr(Training(), row.name), **row.metadata)
    for row in fields(Training)
}
SEARCHABLE: Mapping[str, Hyperparameter] = {
    name: row for name, row in HYPERPARAMETERS.items() if row.in_space
}
SETTINGS: Mapping[str, Hyperparameter] = {
    name: row for name, row in HYPERPARAMETERS.items() if row.in_training or row.in_model
}
MODEL: Mapping[str, Hyperparameter] = {name: row for name, row in SETTINGS.items() if row.in_model}
TRAINING: Mapping[str, Hyperparameter] = {
    name: row for name, row in SETTINGS.items() if row.in_training
}
SIZES = ("units", "layers")  # of models
# on which a number of weights depends, beside the units
SHAPE = ("layers", "embed", "bidirectional")
NEEDED = ("units", "learning_rate")  # every point of a space has them, so that tables show them


def resolved(point: Mapping[str, Value]) -> Training:
    """The training at a point, with all settings at their defaults."""
    return Training().at(point)
