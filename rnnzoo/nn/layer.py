"""`Recurrent`: a Keras layer for any cell of equations, in as many layers as asked for.

In: a cell and sizes.  Out: a layer with the arguments, masks and serialisation of
`keras.layers.LSTM`.  There is one registered class; the cell is its configuration.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from rnnzoo import backends
from rnnzoo.backends.contract import PRECISE
from rnnzoo.backends.delays import delayed
from rnnzoo.backends.exporting import is_exporting
from rnnzoo.errors import UsageError, nearest
from rnnzoo.lang import ir, reference
from rnnzoo.lang.probes import ELAPSED
from rnnzoo.lang.scans import has_nonlinear, why_a_loop
from rnnzoo.lang.text import cell_text
from rnnzoo.lang.view import CellView
from rnnzoo.lang.widen import operands
from rnnzoo.nn import arguments
from rnnzoo.nn.initial import InitialWeights, masked, seed_of
from rnnzoo.nn.packing import Packed
from rnnzoo.nn.stack import Built, Stack

Tensor = Any
STEPS = "t"  # the name under which the number of steps is handed on
CLOCK_DTYPE = "int32"


@dataclass(frozen=True, eq=False, slots=True)
class _Memory:
    """The variables of a stateful layer, in an object that Keras does not look into: states are no
    weights.
    """

    states: tuple[Any, ...] = ()

    @property
    def batch(self) -> int | None:
        return int(self.states[0].shape[0]) if self.states else None


@keras.saving.register_keras_serializable(package="rnnzoo")
class Recurrent(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """A recurrent layer computed from a cell's equations.

    Args:
        cell: a checked cell, or its canonical text.
        units: size of the state.
        layers: how many layers, one on top of the other.
        return_sequences: return the output of every step, not of the last one only.
        return_state: return the states of all layers too, in the order of `state_names`.
        dropout: share of the inputs that is dropped in training, one mask a sequence.
        recurrent_dropout: likewise on what each recurrent product multiplies, one mask an operand;
            never on the carry.
        seed: drives initial weights and dropout; None draws from Keras' global generator.
        go_backwards: read the sequences from their ends; what is returned stays in that order, as
            in Keras.  Steps are counted from the last real one on.
        stateful: begin where the last call ended; `reset_state` begins anew.  The batch has one
            size throughout.  States are not weights: a model of another batch size takes the
            weights over.
        zero_output_for_mask: return 0 for padded steps, not the last output.
        initializers, regularizers, constraints: by name of a weight, or a pattern such as `R_*`;
            whatever Keras accepts.  A matrix is seen as the kernel (columns, rows) that Keras' own
            layers have.  Weights that share an initialiser begin differently all the same: each has
            a seed of its own.
        engine: "auto" compiles the layer, and takes plain operations where a model is exported, as
            to TFLite, and under torch; "portable" takes them always, as `tape.jacobian` and other
            runtimes need it; "scan" computes linear states, and nonlinear ones whose units read
            themselves alone, without a loop, under JAX only: it is slower on a CPU.  All compute
            the same.

    Call arguments:
        inputs: (batch, time, inputs).  Of a cell with named inputs, x and these side by side in the
            last axis, in the order in which the cell names them; every layer of a stack reads them
            beside its x.  Read backwards, `dt` is the time to the step that comes after, which was
            read before.
        initial_state: (batch, units) for each name of `state_names`, as a list or by name; or (1,
            units), for all sequences.  A cell that reads the number of the step, `t`, has it among
            its states, as the last one: (batch, 1) of int32, how many steps each sequence has
            behind it.
        mask: (batch, time) of bool; where False, states stay as they are and the output repeats the
            last one.  Where none is given, the one that a layer below made, such as
            `keras.layers.Masking`; with `initial_state` too.
        training: whether dropout acts.

    Returns:
        (batch, units), or (batch, time, units) with `return_sequences`; with `return_state` a tuple
        that begins with it.
    """

    def __init__(
        self,
        cell: ir.Cell | CellView | str,
        units: int,
        layers: int = 1,
        return_sequences: bool = False,
        return_state: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        go_backwards: bool = False,
        stateful: bool = False,
        zero_output_for_mask: bool = False,
        initializers: Mapping[str, Any] | None = None,
        regularizers: Mapping[str, Any] | None = None,
        constraints: Mapping[str, Any] | None = None,
        engine: str = "auto",
        **kwargs: Any,
    ) -> None:
        arguments.known(kwargs, list(inspect.signature(Recurrent.__init__).parameters)[1:-1])
        super().__init__(**kwargs)
        arguments.computes(self.compute_dtype)
        self.cell = arguments.cell(cell)
        self.units, self.layers = arguments.whole("units", units), arguments.whole("layers", layers)
        self.cell.check_layers(self.layers)
        self.return_sequences = arguments.flag("return_sequences", return_sequences)
        self.return_state = arguments.flag("return_state", return_state)
        self.dropout = arguments.rate("dropout", dropout)
        self.recurrent_dropout = arguments.rate("recurrent_dropout", recurrent_dropout)
        self.seed = arguments.seed(seed)
        self.go_backwards = arguments.flag("go_backwards", go_backwards)
        self.stateful = arguments.flag("stateful", stateful)
        self.zero_output_for_mask = arguments.flag("zero_output_for_mask", zero_output_for_mask)
        names = self._weight_names()
        self.initializers = arguments.by_name("initializers", initializers, names)
        self.regularizers = arguments.by_name("regularizers", regularizers, names)
        self.constraints = arguments.by_name("constraints", constraints, names)
        self.input_spec = keras.InputSpec(ndim=3)
        self.engine = arguments.engine(engine)
        if self.engine == "scan":
            self._check_scan()
        self.supports_masking = True
        self._memory = _Memory()
        self._initial_weights = InitialWeights(self.initializers, self.seed, self.go_backwards)
        self._stack: Stack | None = None
        self._random: keras.random.SeedGenerator | None = None
        if self.dropout or self.recurrent_dropout or self.cell.draws:
            self._random = keras.random.SeedGenerator(self._drop_seed())

    # -- what Keras asks

    def build(self, input_shape: Sequence[int | None]) -> None:
        if len(input_shape) != 3 or input_shape[-1] is None:
            raise UsageError(
                f"a recurrent layer reads (batch, time, inputs), not a shape {tuple(input_shape)}"
            )
        backends.for_layers().prepare()
        features = int(input_shape[-1])
        self.cell.inputs_in(features)
        self._stack = Stack(
            cell=self.cell,
            layers=tuple(self._build_layer(features, number) for number in self._numbers),
            dtype=self.compute_dtype,
            each_step=self.return_sequences,
            scanned=self.engine == "scan",
        )
        self.input_spec = keras.InputSpec(ndim=3, axes={-1: features})
        if self.stateful:
            if input_shape[0] is None:
                raise UsageError(
                    "a stateful layer needs a batch of known size",
                    "keras.Input(batch_shape=(32, None, 88))",
                )
            self._memory = _Memory(
                tuple(self._variable(name, int(input_shape[0])) for name in self.state_names)
            )
            self.reset_state()

    def call(
        self,
        inputs: Tensor,
        initial_state: Sequence[Tensor] | Mapping[str, Tensor] | Tensor | None = None,
        mask: Tensor | None = None,
        training: bool = False,
    ) -> Tensor:
        mask = _mask_of(inputs, mask)
        start, clock = self._start(inputs, self._checked(inputs, initial_state, mask))
        if self.go_backwards:
            inputs, mask, clock = self._from_the_end(inputs, mask, clock)
        drops = self._drops(inputs) if training and self._drops_out else []
        drawn = self._draws(inputs) if training and self.cell.draws else {}
        keep = None if mask is None else keras.ops.cast(mask, self.compute_dtype)
        x = keras.ops.cast(inputs, self.compute_dtype)
        plain = self.engine == "portable" or backends.for_layers().needs_plain_operations()
        output, states = self._built().run(x, keep, start, drops, drawn, clock, plain)
        if self.cell.reads_time and (self.stateful or self.return_state):
            states.append(self._clock_after(inputs, clock))
        if self.stateful:
            self._remember(states)
        if self.zero_output_for_mask and self.return_sequences and mask is not None:
            output = _zero_at_padding(output, mask)
        return (output, *states) if self.return_state else output

    @property
    def packs(self) -> bool:
        """Whether `of_packed` can compute it; it is built."""
        goes_on = self.go_backwards or self.stateful or self.return_state
        draws = self._drops_out or self.cell.draws
        if goes_on or draws or self.cell.reads_time or self.engine != "auto":
            return False
        return self._built().packs

    def of_packed(self, rows: Tensor, packed: Packed) -> Tensor:
        """What `call` yields for sequences whose steps lie one after the other, without padding.

        Args:
            rows: (1, rows, inputs), those of all sequences at their first step, then those at their
                second, and so on; the longest sequence is the first of each step.

        Returns:
            (1, rows, units), 0 behind the last step; without `return_sequences` (batch, units), of
            the longest sequence first.
        """
        rows = keras.ops.cast(rows, self.compute_dtype)
        return self._built().run_packed(rows, packed, self._initial(packed.sequences))

    @property
    def states(self) -> list[Any]:
        """What a stateful layer keeps between calls, as variables in the order of `state_names`;
        they are no weights.
        """
        return list(self._memory.states)

    @property
    def state_size(self) -> list[int]:
        """The size of each state, in the order of `state_names`.

        Raises:
            UsageError: a state is as wide as the inputs, and the layer is not built.
        """
        return list(self._state_sizes().values())

    def get_initial_state(self, batch_size: int) -> list[Tensor]:
        """What the states begin with where nothing else is said, (batch, size) each in the order of
        `state_names`.
        """
        first_step = [self._first_step(batch_size)] if self.cell.reads_time else []
        return [*self._initial(batch_size), *first_step]

    def reset_state(self) -> None:
        """Begin anew: initial states, and the first step.

        Raises:
            UsageError: the layer is not stateful.
        """
        if not self.stateful:
            raise UsageError("this layer keeps no states between calls", "stateful=True")
        batch = self._memory.batch
        if batch is not None:
            self._remember(self.get_initial_state(batch))

    def _remember(self, states: Sequence[Tensor]) -> None:
        for variable, state in zip(self._memory.states, states, strict=True):
            variable.assign(state)

    def reset_states(self) -> None:
        """`reset_state`, under the name that Keras has for it too."""
        self.reset_state()

    def compute_output_shape(self, input_shape: Sequence[int | None], **_: Any) -> Any:
        size = self._output_size(input_shape[-1])
        output = (
            (input_shape[0], input_shape[1], size)
            if self.return_sequences
            else (input_shape[0], size)
        )
        states = [(input_shape[0], width) for width in self._state_sizes(input_shape[-1]).values()]
        return (output, *states) if self.return_state else output

    def compute_output_spec(
        self,
        inputs: Tensor,
        initial_state: Any = None,
        mask: Tensor | None = None,
        training: bool = False,
    ) -> Any:
        """Symbols of what `call` returns; what is wrong with its arguments is said here already."""
        self._checked(inputs, initial_state, mask)
        shapes = self.compute_output_shape(inputs.shape)
        if not self.return_state:
            return keras.KerasTensor(shapes, dtype=self.compute_dtype)
        dtypes = [self.compute_dtype, *(self._state_dtype(name) for name in self.state_names)]
        return tuple(
            keras.KerasTensor(shape, dtype=dtype)
            for shape, dtype in zip(shapes, dtypes, strict=True)
        )

    def compute_mask(self, inputs: Tensor, mask: Tensor | None = None) -> Any:
        mask = mask if self.return_sequences else None
        # Keras asks for one for each output; states have no steps to mask
        return [mask, *(None for _ in self.state_names)] if self.return_state else mask

    def load_own_variables(self, store: Any) -> None:
        """Load the weights; older versions stored the states and the clock of a stateful layer
        behind them.
        """
        weights = len(self.weights)
        with_states = weights + sum(1 for _ in self._cell_states()) + 1
        if self.stateful and len(store.keys()) == with_states:
            store = {str(number): store[str(number)] for number in range(weights)}
        super().load_own_variables(store)

    def _trackable_children(self, save_type: str = "checkpoint", **options: Any) -> Any:
        """What TensorFlow saves: in a SavedModel the states too, which its functions write to;
        never in a checkpoint.
        """
        children = super()._trackable_children(save_type, **options)
        if save_type == "savedmodel":
            children |= {
                f"state_{name}": state for name, state in zip(self.state_names, self._memory.states)
            }
        return children

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "cell": cell_text(self.cell),  # and no path: a model is loaded where no file is
            "units": self.units,
            "layers": self.layers,
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "seed": self.seed,
            "go_backwards": self.go_backwards,
            "stateful": self.stateful,
            "zero_output_for_mask": self.zero_output_for_mask,
            "engine": self.engine,
            "initializers": self.initializers.config(keras.initializers.serialize),
            "regularizers": self.regularizers.config(keras.regularizers.serialize),
            "constraints": self.constraints.config(keras.constraints.serialize),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Recurrent:
        """The layer of such a configuration.

        One that was made for JAX with engine="scan" has the loop where nothing else is there, and
        says so.
        """
        backend = backends.for_layers()
        if config.get("engine") == "scan" and not backend.scans:
            warnings.warn(f"{_no_scan(backend.name)}: this layer has the loop here", stacklevel=2)
            config = {**config, "engine": "auto"}
        layer: Recurrent = super().from_config(config)
        return layer

    # -- weights and states under the names of the equations

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the states, `1.h` and so on where there are several layers; `t` last, where the
        cell reads it.
        """
        names = [self._label(number, state.name) for number, state in self._cell_states()]
        return (*names, STEPS) if self.cell.reads_time else tuple(names)

    def weights_by_name(self) -> dict[str, np.ndarray]:
        """Weights under the names of the equations and in their orientation: `R_i` acts as `R_i @
        h`.
        """
        named = {}
        for built in self._built().layers:
            for name, variable in built.weights.items():
                value = keras.ops.convert_to_numpy(variable)
                # as the step reads it, whatever the variable holds where the mask is 0
                value = value * built.masks[name].T if name in built.masks else value
                named[self._label(built.number, name)] = np.ascontiguousarray(value.T)
        return named

    def set_weights_by_name(self, weights: Mapping[str, np.ndarray]) -> None:
        """Set some or all weights.

        Raises:
            UsageError: a name that no weight has, a wrong shape, or what is no real number.
        """
        known = {
            self._label(built.number, name): variable
            for built in self._built().layers
            for name, variable in built.weights.items()
        }
        for name in weights:
            if name not in known:
                raise UsageError(f"this layer has no weight '{name}'", nearest(name, known))
        # all are checked before the first is set: a mistake leaves the layer as it was
        arrays = {
            name: arguments.numbers_of(name, value, tuple(reversed(known[name].shape)))
            for name, value in weights.items()
        }
        for name, array in arrays.items():
            known[name].assign(array.T)

    def _built(self) -> Stack:
        if self._stack is None:
            raise UsageError("this layer has no weights yet: call it on data, or `build` it")
        return self._stack

    @property
    def _numbers(self) -> range:
        """The numbers of the layers in the stack, the lowest first."""
        return range(1, self.layers + 1)

    def _label(self, number: int, name: str) -> str:
        return f"{number}.{name}" if self.layers > 1 else name

    # -- building

    def _build_layer(self, inputs: int, number: int) -> Built:
        sizes = ir.sizes(self.cell, inputs, self.units, number)
        step = self.cell.layer(number)
        constants = reference.constants(self.cell, sizes)
        masks = {
            weight.name: mask
            for weight in step.weights
            if (mask := reference.mask(self.cell, weight, sizes)) is not None
        }
        computed = self._initial_weights.computed(self.cell, number, sizes, constants)
        weights = {
            weight.name: self._add(number, weight, sizes, masks.get(weight.name), computed)
            for weight in step.weights
        }
        for weight in self.cell.learned:
            weights[weight.name] = self._add(number, weight, sizes)
        return Built(number, step, sizes, weights, masks, constants)

    def _add(
        self,
        number: int,
        weight: ir.Weight,
        sizes: ir.Sizes,
        mask: np.ndarray | None = None,
        computed: Mapping[str, np.ndarray] | None = None,
    ) -> Any:
        label = self._label(number, weight.name)
        made = self._initial_weights.of(label, number, weight, sizes, computed or {})
        variable = self.add_weight(
            shape=tuple(reversed(sizes.shape(weight.shape))),
            initializer=made if mask is None else masked(made, mask.T),
            regularizer=self.regularizers.of(label),
            constraint=self.constraints.of(label),
            trainable=weight.trained,
            name=_variable_name(label),
        )
        # as an attribute, it is in TensorFlow's checkpoints
        setattr(self, f"weight_{label}", variable)
        return variable

    def _variable(self, name: str, batch: int) -> Any:
        shape = (batch, self._state_sizes()[name])
        dtype = CLOCK_DTYPE if name == STEPS else self.variable_dtype
        return keras.Variable(
            "zeros", shape=shape, dtype=dtype, trainable=False, name=f"state_{name}"
        )

    def _check_scan(self) -> None:
        """Refuse what would be computed in a loop all the same."""
        backend = backends.for_layers()
        if not backend.scans:
            how = "engine='auto', or KERAS_BACKEND=jax before Keras is imported"
            raise UsageError(_no_scan(backend.name), how)
        states = [state.name for state in self.cell.states]
        for number in self._numbers:
            step = self.cell.layer(number)
            if reason := why_a_loop(step, states):
                raise UsageError(
                    f"engine='scan' computes states without a loop, and '{self.cell.name}' needs"
                    f" one: {reason}",
                    "engine='auto'",
                )
            if self.compute_dtype not in PRECISE and has_nonlinear(step, states):
                raise UsageError(
                    f"engine='scan' finds the nonlinear states of '{self.cell.name}' in"
                    f" {' and '.join(PRECISE)}, not in {self.compute_dtype}",
                    "engine='auto', or dtype='float32'",
                )
            if self.recurrent_dropout and operands(step):
                raise UsageError(
                    "recurrent_dropout acts in the loop, which engine='scan' does without",
                    "engine='auto'",
                )

    def _drop_seed(self) -> int | None:
        if self.seed is None or not self.go_backwards:
            return self.seed
        # the two layers of `keras.layers.Bidirectional` have one seed, and are not to drop alike
        return seed_of(self.seed, 0, "backwards")

    def _weight_names(self) -> list[str]:
        """Names of all weights, before any is built."""
        names = []
        for number in self._numbers:
            weights = (*self.cell.layer(number).weights, *self.cell.learned)
            names += [self._label(number, weight.name) for weight in weights]
        return names

    # -- running

    def _checked(
        self, inputs: Tensor, initial_state: Any, mask: Tensor | None
    ) -> list[Tensor] | None:
        """The tensors of an initial state, in order; what is wrong with a call is refused."""
        backend = keras.config.backend()
        if self.stateful and backend != "tensorflow" and is_exporting():
            raise UsageError(
                f"under {backend}, Keras exports a stateful layer without its states",
                "model.save(...) as .keras, and export what KERAS_BACKEND=tensorflow loads of it",
            )
        columns = self.cell.columns(self._built().layers[0].sizes.inputs)
        arguments.sequences(inputs, columns, self._memory.batch)
        if mask is not None:
            arguments.padding(mask, inputs)
        if initial_state is None:
            return None
        clock = STEPS if self.cell.reads_time else ""
        return arguments.states(initial_state, self._state_sizes(), clock, inputs.shape[0])

    def _start(
        self, inputs: Tensor, initial_state: list[Tensor] | None
    ) -> tuple[list[Tensor], Tensor | None]:
        """Initial states of all layers, (batch, size) each; and the steps behind each sequence,
        None where they begin.
        """
        batch = keras.ops.shape(inputs)[0]
        if initial_state is not None:
            states = list(initial_state)
            for number, state in enumerate(states):
                if state.shape[0] != inputs.shape[0]:
                    states[number] = _spread(state, batch)
        elif self.stateful:
            states = [keras.ops.convert_to_tensor(state) for state in self._memory.states]
        else:
            return self._initial(batch), None
        clock = keras.ops.cast(states.pop(), CLOCK_DTYPE) if self.cell.reads_time else None
        return [keras.ops.cast(state, self.compute_dtype) for state in states], clock

    def _from_the_end(
        self, inputs: Tensor, mask: Tensor | None, clock: Tensor | None
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Inputs, padding mask and clock of sequences that are read from their ends."""
        mask = None if mask is None else keras.ops.flip(mask, axis=1)
        if mask is not None and self.cell.reads_time:
            # padding is read first now: the clock begins so far below what it is to be at the first
            # real step
            padded = _padded_first(mask)
            clock = -padded if clock is None else clock - padded
        return self._backwards(inputs, mask), mask, clock

    def _backwards(self, inputs: Tensor, mask: Tensor | None) -> Tensor:
        """Sequences from their ends.  What `dt` says of a step is the time since the one before it,
        which is now read after it: so it moves on to the next step that is real.

        Args:
            mask: from the end, too; what padding says of time does not count.
        """
        parts = self.cell.split(keras.ops.flip(inputs, axis=1))
        if ELAPSED not in parts:
            return keras.ops.flip(inputs, axis=1)
        elapsed = keras.ops.transpose(parts[ELAPSED], (1, 0, 2))
        real = None if mask is None else keras.ops.transpose(mask, (1, 0))[..., None]
        real = None if real is None else keras.ops.cast(real, elapsed.dtype)
        moved = delayed(elapsed, keras.ops.zeros_like(elapsed[0]), real)
        parts[ELAPSED] = keras.ops.transpose(moved, (1, 0, 2))
        return keras.ops.concatenate([*parts.values()], axis=-1)

    def _initial(self, batch: Tensor) -> list[Tensor]:
        states = []
        for number, state in self._cell_states():
            shape = (batch, self._sizes(number).of(state.size))
            if state.initial == "learned":
                value = self._built().layers[number - 1].beginning(state)
                states.append(
                    keras.ops.cast(keras.ops.broadcast_to(value, shape), self.compute_dtype)
                )
            else:
                states.append(keras.ops.full(shape, state.initial, dtype=self.compute_dtype))
        return states

    def _first_step(self, batch: Tensor) -> Tensor:
        return keras.ops.zeros((batch, 1), dtype=CLOCK_DTYPE)

    def _clock_after(self, inputs: Tensor, clock: Tensor | None) -> Tensor:
        """(batch, 1): how many steps each sequence has behind it after these."""
        batch, steps = keras.ops.shape(inputs)[0], keras.ops.shape(inputs)[1]
        behind = self._first_step(batch) if clock is None else clock
        return behind + keras.ops.cast(steps, CLOCK_DTYPE)

    def _drops(self, inputs: Tensor) -> list[Tensor]:
        """Dropout masks of all layers: on x, then on each recurrent operand; 0, or 1 / (1 -
        rate).
        """
        batch = keras.ops.shape(inputs)[0]
        masks = []
        for built in self._built().layers:
            sizes = [(built.sizes.inputs, self.dropout)]
            sizes += [
                (built.sizes.of(operand.shape[0]), self.recurrent_dropout)
                for operand in operands(built.step)
            ]
            for size, rate in sizes:
                # a step that reads masks reads all of them, also where nothing is dropped
                ones = keras.ops.ones((batch, size), dtype=self.compute_dtype)
                masks.append(keras.random.dropout(ones, rate, seed=self._random) if rate else ones)
        return masks

    @property
    def _drops_out(self) -> bool:
        return bool(self.dropout or self.recurrent_dropout)

    def _draws(self, inputs: Tensor) -> dict[int, dict[str, Tensor]]:
        """What the equations of all layers draw: 0 or 1, (time, batch, size)."""
        batch, steps = keras.ops.shape(inputs)[0], keras.ops.shape(inputs)[1]
        drawn: dict[int, dict[str, Tensor]] = {}
        for built in self._built().layers:
            of_layer = drawn.setdefault(built.number, {})
            for name, equation in self.cell.layer(built.number).draws.items():
                shape = (steps, batch, built.sizes.of(equation.size))
                mean = self.cell.mean_of(equation)
                ones = keras.ops.full(shape, float(mean > 0), dtype=self.compute_dtype)
                if 0 < mean < 1:
                    kept = keras.random.dropout(ones, 1 - mean, seed=self._random)
                    ones = keras.ops.cast(kept > 0, self.compute_dtype)
                of_layer[name] = ones
        return drawn

    def _cell_states(self) -> Iterator[tuple[int, ir.State]]:
        """The states of each layer, with the layer's number."""
        return ((number, state) for number in self._numbers for state in self.cell.states)

    def _state_sizes(self, columns: int | None = None) -> dict[str, int]:
        """Name -> size of all that is handed on from call to call.

        Args:
            columns: how many numbers the layer reads at a step, where it is not built.
        """
        sizes = {
            self._label(number, state.name): self._sizes(number, columns).of(state.size)
            for number, state in self._cell_states()
        }
        return {**sizes, STEPS: 1} if self.cell.reads_time else sizes

    def _state_dtype(self, name: str) -> str:
        return CLOCK_DTYPE if name == STEPS else self.compute_dtype

    def _output_size(self, columns: int | None = None) -> int:
        return self._sizes(self.layers, columns).of(self.cell.output_size)

    def _sizes(self, number: int, columns: int | None = None) -> ir.Sizes:
        """The sizes of layer `number`, from 1."""
        if self._stack is not None:
            return self._stack.layers[number - 1].sizes
        if columns is not None:
            return ir.sizes(self.cell, columns, self.units, number)
        sizes = (*(state.size for state in self.cell.states), self.cell.output_size)
        if any("inputs" in ir.size_names(size) for size in sizes):
            raise UsageError("a state is as wide as x, and this layer has read none: `build` it")
        return ir.Sizes(self.units, 0, self.cell.options)  # none of which x decides


def _mask_of(inputs: Tensor, mask: Tensor | None) -> Tensor | None:
    """The mask of a call."""
    if mask is None:
        # Keras hands the mask of the layer below on only where x is the one tensor of the call
        mask = getattr(inputs, "_keras_mask", None)
    return keras.ops.convert_to_tensor(mask) if isinstance(mask, list) else mask


def _padded_first(mask: Tensor) -> Tensor:
    """(batch, 1) of int32: the steps before the first real one of each sequence."""
    first = keras.ops.argmax(keras.ops.cast(mask, "int32"), axis=1)
    return keras.ops.cast(first, CLOCK_DTYPE)[:, None]


def _zero_at_padding(output: Tensor, mask: Tensor) -> Tensor:
    is_real = keras.ops.expand_dims(keras.ops.cast(mask, "bool"), -1)
    return keras.ops.where(is_real, output, 0)


def _spread(state: Tensor, batch: Tensor) -> Tensor:
    """A state of one sequence, for all."""
    return keras.ops.broadcast_to(state, (batch, state.shape[1]))


def _variable_name(label: str) -> str:
    """A weight's name for Keras; torch has no parameters with a dot in their names."""
    return label.replace(".", "_") if keras.config.backend() == "torch" else label


def _no_scan(backend: str) -> str:
    return f"engine='scan' computes states without a loop under JAX only, and Keras runs {backend}"
