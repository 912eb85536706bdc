"""What a backend is asked for, and the values that pass between it and `rnnzoo.nn`.

A backend compiles the program of a step and its adjoint into a function of tensors, and lends a
training the few things that Keras' operations do not have.  It need not know cells, layers, tasks
or trials.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from rnnzoo.lang import ir

Tensor = Any
Named = tuple[str, str]  # (kind, name), as of an `ir.Ref`

X: Named = ("input", "x")
# Arguments that only some steps have.
PADDING: Named = ("given", "padding")  # (time, batch, 1): 0 where a step is padding
CLOCK: Named = ("given", "clock")  # (batch, 1) of int32: how many steps each sequence has behind it
COUNT: Named = ("given", "count")  # a scalar of int32: how many steps to run
# Where sequences are packed, these two say where their steps are.  (steps + 1,) of int32: the first
# row of each step, and the row behind the last one.
OFFSETS: Named = ("given", "offsets")
# (rows,) of int32: the row of the step before, counted through the initial states and then the rows
BEFORE: Named = ("given", "before")

PRECISE = ("float32", "float64")  # in which changes of a state show whether it has settled
NO_STEPS = "these sequences have no steps: shape (batch, time, inputs) with time at least 1"


@dataclass(frozen=True)
class LayerStep:
    """A layer's step, and what is wanted of it.

    Attributes:
        states: names of the carried states; `shown` of other values that are wanted, carried so
            that padding repeats them.
        wanted: whose values at every step are results.
        inputs: names of what the step reads beside x.
        below, weights, fixed: names of what the step reads: of the layer below, weights, and
            weights that are never trained.
        drops: how many masks of recurrent dropout it reads.
        masked: whether some steps are padding.
        clocked: whether each sequence's steps are counted from a number that is given.
        counted: whether the number of steps is given, and what lies behind them is not run.
        packed: whether arrays with a row for each step and sequence, (rows, 1, size), have none for
            padding: the rows of all sequences at the first step, then those at the second, and so
            on, the longest sequence first.  Rows behind the last step are not run.
        scanned: whether its states are to be computed without a loop over time, as `lang.scans` can
            take them apart; asked of backends with `scans` only.
    """

    step: ir.Step
    sizes: ir.Sizes
    dtype: str
    constants: Mapping[str, np.ndarray]
    states: tuple[str, ...]
    shown: tuple[str, ...]
    wanted: tuple[str, ...]
    below: tuple[str, ...]
    drops: int
    weights: tuple[str, ...]
    masked: bool
    clocked: bool = False
    counted: bool = False
    packed: bool = False
    fixed: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    scanned: bool = False

    @property
    def carried(self) -> tuple[str, ...]:
        return (*self.states, *self.shown)

    @cached_property
    def arguments(self) -> tuple[Named, ...]:
        """What its function reads, in this order: the one place that knows it."""
        optional = {
            PADDING: self.masked,
            CLOCK: self.clocked,
            COUNT: self.counted,
            OFFSETS: self.packed,
            BEFORE: self.packed,
        }
        return (
            X,
            *(("input", name) for name in self.inputs),
            *(("below", name) for name in self.below),
            *(("start", name) for name in self.states),
            *(("drop", str(number)) for number in range(self.drops)),
            *(("weight", name) for name in self.weights),
            *(("fixed", name) for name in self.fixed),
            *(argument for argument, is_read in optional.items() if is_read),
        )

    def width(self, name: str) -> int:
        """The size of an equation's value."""
        return self.sizes.of(self.step.equation(name).size)


@dataclass(frozen=True, slots=True)
class Results:
    """What a step computed over whole sequences.

    Attributes:
        sequences: wanted values at every step, (time, batch, size), by name.
        last: what is carried at the end, (batch, size), by name.
    """

    sequences: Mapping[str, Tensor]
    last: Mapping[str, Tensor]


class CompiledStep(Protocol):
    """A step that is ready to run."""

    def run(self, given: Mapping[Named, Tensor], plain: bool) -> Results:
        """Compute a layer over whole sequences.

        Args:
            given: a tensor for each of the step's `arguments`: sequences are (time, batch, size),
                states (batch, size), matrices kernels (columns, rows).
            plain: as plain operations, which any runtime has and the library differentiates as
                often as is asked for.
        """


class Fit(Protocol):
    """How sequences are padded to a shape that is compiled already."""

    @property
    def time(self) -> Any:
        """How many steps there are."""

    @property
    def counted(self) -> bool:
        """Whether the number of steps is a value of run time."""

    def longer(self, rows: Tensor, real: bool = True) -> Tensor:
        """(time, batch, size) -> with the steps and sequences that are added; zeros for steps that
        are not real.
        """

    def wider(self, rows: Tensor, axis: int = 0) -> Tensor:
        """(batch, size) -> with the sequences that are added."""

    def cut(self, rows: Tensor) -> Tensor:
        """(time, batch, size) -> what belongs to the steps and sequences that there are."""

    def narrower(self, rows: Tensor, axis: int = 0) -> Tensor:
        """(batch, size) -> what belongs to the sequences that there are."""


class Processes(Protocol):
    """A library in the processes of a sweep, which itself does not import it.

    Attributes:
        PACKAGES: on whose versions outcomes depend.
        POPULATIONS: whether it trains many models in one executable (`Backend.together`).
    """

    PACKAGES: tuple[str, ...]
    POPULATIONS: bool

    def environment(self, precision: str = "") -> Mapping[str, str]:
        """Variables that a trial's process has beside ours.

        Args:
            precision: of the products of a population, whose process it is; empty: of one trial's.
        """

    def uses_cards(self) -> bool:
        """Whether populations would train on a GPU here; one trial trains on the processor."""

    def loops(self, on_card: bool | None = None) -> str:
        """What computes loops over time here: outcomes of two such differ in their last digits.

        Args:
            on_card: on a GPU; None: as this process computes.
        """

    def fell_back(self) -> str:
        """What computes loops in this process in place of what `loops` says of a new one, and why,
        as where a compiler failed; empty where nothing does.
        """

    def has_native_loops(self) -> bool:
        """Whether loops over time are native code here."""

    def ended(self) -> None:
        """A sweep has ended: keep what is of use for the next one."""


class ForLayers(Protocol):
    """A library that computes layers.

    Attributes:
        name: as `KERAS_BACKEND` has it.
        scans: whether it computes states without a loop over time where that is asked for.
    """

    name: str
    scans: bool

    def prepare(self) -> None:
        """Called before weights are made: look after caches."""

    def compiled_step(self, layer: LayerStep) -> CompiledStep:
        """A step that is ready to run; equal steps may share one."""

    def packs(self, step: CompiledStep) -> bool:
        """Whether a step can be `packed`."""

    def needs_plain_operations(self) -> bool:
        """Whether what runs now must do without compiled code, as where a model is exported."""

    def fit(self, x: Tensor) -> Fit | None:
        """How to pad (time, batch, size); None where its shape is compiled as it is."""


class Joining(Protocol):
    """Weights as one vector."""

    def join(self, weights: Sequence[Tensor]) -> Tensor:
        """All their numbers, one weight after the other."""

    def cut(self, vector: Tensor, shapes: Sequence[Sequence[int]]) -> list[Tensor]:
        """Weights of these shapes from their numbers."""


class Lanes(Protocol):
    """The variables of several models of one shape, side by side on the device: each variable's
    values have a leading axis of lanes, one for each model.
    """

    def store(self, lane: int, variables: Sequence[Any]) -> None:
        """Give a lane the values of the variables of a model."""

    def load(self, lane: int, variables: Sequence[Any]) -> None:
        """Give the variables of a model the values of a lane."""

    def copy(self, lanes: np.ndarray, sources: Sequence[Any], targets: Sequence[Any]) -> None:
        """In some lanes, give some variables the values of others.

        Args:
            lanes: (lanes,) of bool.
            sources, targets: variables of the first model.
        """

    def compiled(
        self, function: Callable[..., Any], variables: Sequence[Any], runs_little: bool = False
    ) -> Callable[[np.ndarray, Any, Any], Any]:
        """`function(own, shared)` for all models, in one executable: called with (lanes,) of bool,
        with what each lane has of its own, and with what all share.

        What is a lane's own, and the results, have a leading axis of lanes.  Of a lane that is not
        among those asked for, the values stay as they are, and results mean nothing.

        Args:
            function: of the first model.
            variables: all that it reads or writes.
            runs_little: as for `Backend.compiled`.
        """


class Together(Protocol):
    """How several models of one shape share what is compiled of the first.

    Attributes:
        side_by_side: whether each operation is one of all models, not of one after the other.
    """

    @property
    def side_by_side(self) -> bool: ...

    def on(self, compiled: Callable[..., Any], variables: Sequence[Any]) -> Callable[..., Any]:
        """What `Backend.compiled` yielded, where those of another model stand for its variables."""

    def lanes(self, variables: Sequence[Any], size: int) -> Lanes:
        """Room for so many models.

        Args:
            variables: of the first model, all that differs between models.
        """


class Backend(ForLayers, Protocol):
    """A library that computes layers and trains them.

    Attributes:
        joining: how weights become one vector, which is updated as a whole; None where each is
            updated by itself.
        together: how several models share what is compiled; None where each has its own.
        operations: what losses and metrics are computed with: `keras.ops`, or what stands for it.
    """

    joining: Joining | None
    together: Together | None
    operations: Any

    def one_thread(self) -> None:
        """One training a core: two threads on one training are slower than two trainings."""

    def tensor(self, array: np.ndarray | int) -> Tensor:
        """An array where the training computes."""

    def compiled(
        self, function: Callable[..., Any], variables: Sequence[Any], runs_little: bool = False
    ) -> Callable[..., Any]:
        """A function of tensors, compiled as a whole with all layers that it calls.

        Args:
            variables: all that it reads or writes.
            runs_little: to compile it in less time counts for more than to run it in less.
        """

    def repeat(
        self, count: Tensor, step: Callable[..., Sequence[Tensor]], start: Sequence[Tensor]
    ) -> tuple[Tensor, ...]:
        """`step(number, *totals) -> totals` for number = 0 .. count - 1, from these totals on, in
        compiled code.
        """

    def gradients(
        self, loss: Callable[[], tuple[Tensor, Any]], variables: Sequence[Any]
    ) -> tuple[Any, list[Tensor]]:
        """What else a loss yields, and its gradients with respect to variables."""

    def clipped(self, gradients: Sequence[Tensor], norm: float) -> list[Tensor]:
        """Gradients whose norm, all together, is at most that."""

    def noise(self, shape: Tensor, seed: Tensor, step: Tensor) -> Tensor:
        """Normal numbers that are a function of a seed and the number of an update."""
