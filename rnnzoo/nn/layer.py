"""`Recurrent`: a Keras layer for any cell of equations, in as many layers as asked for.

In: a cell and sizes.  Out: a layer with the arguments, masks and serialisation of
`keras.layers.LSTM`.  There is one registered class; the cell is its configuration.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np

from rnnzoo import backends
from rnnzoo.backends.contract import (
    BEFORE,
    CLOCK,
    COUNT,
    OFFSETS,
    PADDING,
    PRECISE,
    CompiledStep,
    Fit,
    LayerStep,
    Named,
    X,
)
from rnnzoo.backends.delays import delayed
from rnnzoo.backends.exporting import is_exporting
from rnnzoo.errors import UsageError, nearest
from rnnzoo.lang import ir, reference
from rnnzoo.lang.philox import open_uniform
from rnnzoo.lang.probes import ELAPSED
from rnnzoo.lang.scans import has_nonlinear, why_a_loop
from rnnzoo.lang.start import beginning, by_columns, expressions
from rnnzoo.lang.text import cell_text
from rnnzoo.lang.view import CellView
from rnnzoo.lang.widen import operands
from rnnzoo.nn import arguments
from rnnzoo.nn.initializers import AsComputed, SideBySide, SpectralRadius, as_tensorflow
from rnnzoo.nn.packing import Packed
from rnnzoo.spec.cell import Init
from rnnzoo.spec.seeds import seed_for

Tensor = Any
STEPS = "t"  # the name under which the number of steps is handed on
CLOCK_DTYPE = "int32"
ENGINES = ("auto", "portable", "scan")


@dataclass(frozen=True, eq=False, slots=True)
class Built:
    """One layer of the stack: its sizes, weights, masks and constants."""

    number: int
    sizes: ir.Sizes
    # keras variables, by name; matrices are kept as kernels (columns, rows)
    weights: Mapping[str, Any]
    masks: Mapping[str, np.ndarray]
    constants: Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False, slots=True)
class _Memory:
    """The variables of a stateful layer, in an object that Keras does not look into: states are no
    weights.
    """

    states: tuple[Any, ...] = ()

    @property
    def batch(self) -> int | None:
        return int(self.states[0].shape[0]) if self.states else None


@dataclass(frozen=True, eq=False, slots=True)
class _StackInput:
    """What a stack is run on, time first.

    Attributes:
        x: (time, batch, inputs), the named inputs of the cell last.
        start, drops: initial states and dropout masks of all layers, (batch, size) each.
        drawn: what equations draw, (time, batch, size), by the number of the layer and by name.
        of_all_layers: what the step of every layer reads, where it is given: padding, clock, count.
    """

    x: Tensor
    start: tuple[Tensor, ...]
    drops: tuple[Tensor, ...]
    drawn: Mapping[int, Mapping[str, Tensor]]
    of_all_layers: Mapping[Named, Tensor]

    def fitted(self, fit: Fit) -> _StackInput:
        """The same in a shape that is compiled already."""
        shared_by_all = dict(self.of_all_layers)
        if PADDING in shared_by_all:
            shared_by_all[PADDING] = fit.longer(shared_by_all[PADDING], real=False)
        elif fit.counted:
            shared_by_all[COUNT] = keras.ops.convert_to_tensor(fit.time, "int32")
        if CLOCK in shared_by_all:
            shared_by_all[CLOCK] = fit.wider(shared_by_all[CLOCK])
        start = tuple(fit.wider(state) for state in self.start)
        drops = tuple(fit.wider(mask) for mask in self.drops)
        drawn = {}
        for number, of_layer in self.drawn.items():
            drawn[number] = {name: fit.longer(each) for name, each in of_layer.items()}
        return _StackInput(fit.longer(self.x), start, drops, drawn, shared_by_all)


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
        self.initializers = arguments.by_name(
            "initializers", initializers, names, keras.initializers.get
        )
        self.regularizers = arguments.by_name(
            "regularizers", regularizers, names, keras.regularizers.get
        )
        self.constraints = arguments.by_name(
            "constraints", constraints, names, keras.constraints.get
        )
        self.input_spec = keras.InputSpec(ndim=3)
        self.engine = _engine_named(engine)
        if self.engine == "scan":
            self._check_scan()
        self.supports_masking = True
        self._memory = _Memory()
        self._stack: tuple[Built, ...] = ()
        self._random = (
            keras.random.SeedGenerator(self._drop_seed())
            if self.dropout or self.recurrent_dropout or self.cell.draws
            else None
        )
        self._steps: dict[tuple[int | bool, ...], tuple[LayerStep, CompiledStep]] = {}

    # -- what Keras asks

    def build(self, input_shape: Sequence[int | None]) -> None:
        if len(input_shape) != 3 or input_shape[-1] is None:
            raise UsageError(
                f"a recurrent layer reads (batch, time, inputs), not a shape {tuple(input_shape)}"
            )
        backends.for_layers().prepare()
        features = int(input_shape[-1])
        self.cell.inputs_in(features)
        self._stack = tuple(
            self._build_layer(features, number) for number in range(1, self.layers + 1)
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
        if mask is None:  # Keras hands a mask on where x is the only tensor
            mask = getattr(inputs, "_keras_mask", None)
        mask = keras.ops.convert_to_tensor(mask) if isinstance(mask, list) else mask
        start, clock = self._start(inputs, self._checked(inputs, initial_state, mask))
        if self.go_backwards:
            mask = None if mask is None else keras.ops.flip(mask, axis=1)
            inputs = self._backwards(inputs, mask)
            if mask is not None and clock is None and self.cell.reads_time:
                clock = -_padded_first(mask)
        drops = self._drops(inputs) if training and self._drops_out else []
        drawn = self._draws(inputs) if training and self.cell.draws else {}
        keep = None if mask is None else keras.ops.cast(mask, self.compute_dtype)
        x = keras.ops.cast(inputs, self.compute_dtype)
        output, states = (
            self._run(x, keep, start, drops, drawn, clock)
            if x.shape[0] != 0
            else (self._nothing(x), start)
        )
        if self.cell.reads_time and (self.stateful or self.return_state):
            behind = self._first_step(keras.ops.shape(inputs)[0]) if clock is None else clock
            states.append(behind + keras.ops.cast(keras.ops.shape(inputs)[1], CLOCK_DTYPE))
        if self.stateful:
            for variable, state in zip(self._memory.states, states, strict=True):
                variable.assign(state)
        if self.zero_output_for_mask and self.return_sequences and mask is not None:
            output = keras.ops.where(
                keras.ops.expand_dims(keras.ops.cast(mask, "bool"), -1), output, 0
            )
        return (output, *states) if self.return_state else output

    @property
    def packs(self) -> bool:
        """Whether `of_packed` can compute it; it is built."""
        goes_on = self.go_backwards or self.stateful or self.return_state
        draws = self._drops_out or self.cell.draws
        if goes_on or draws or self.cell.reads_time or self.engine != "auto":
            return False
        steps = (self._compiled_step(built, (OFFSETS, BEFORE)) for built in self._built())
        return all(backends.for_layers().packs(compiled) for _, compiled in steps)

    def of_packed(self, rows: Tensor, packed: Packed) -> Tensor:
        """What `call` yields for sequences whose steps lie one after the other, without padding.

        Args:
            rows: (1, rows, inputs), those of all sequences at their first step, then those at their
                second, and so on; the longest sequence is the first of each step.

        Returns:
            (1, rows, units), 0 behind the last step; without `return_sequences` (batch, units), of
            the longest sequence first.
        """
        x = keras.ops.transpose(keras.ops.cast(rows, self.compute_dtype), (1, 0, 2))
        start = self._initial(packed.sequences)
        given = {OFFSETS: packed.offsets, BEFORE: packed.before}
        outputs, _ = self._layer_by_layer(_StackInput(x, tuple(start), (), {}, given), plain=False)
        return keras.ops.transpose(outputs, (1, 0, 2)) if self.return_sequences else outputs

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
            for variable, value in zip(
                self._memory.states, self.get_initial_state(batch), strict=True
            ):
                variable.assign(value)

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
            "cell": cell_text(self.cell),
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
        for built in self._built():
            for name, variable in built.weights.items():
                value = keras.ops.convert_to_numpy(variable)
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
            for built in self._built()
            for name, variable in built.weights.items()
        }
        for name in weights:
            if name not in known:
                raise UsageError(f"this layer has no weight '{name}'", nearest(name, known))
        arrays = {
            name: arguments.numbers_of(name, value, tuple(reversed(known[name].shape)))
            for name, value in weights.items()
        }
        for name, array in arrays.items():
            known[name].assign(array.T)

    def _built(self) -> tuple[Built, ...]:
        if not self._stack:
            raise UsageError("this layer has no weights yet: call it on data, or `build` it")
        return self._stack

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
        uniform = partial(self._uniform, number)
        begun = expressions(self.cell, number, sizes, constants, uniform)
        weights = {
            weight.name: self._add(number, weight, sizes, masks.get(weight.name), begun)
            for weight in step.weights
        }
        for state in self.cell.states:
            if state.initial == "learned":
                name = f"initial_{state.name}"
                weights[name] = self._add(
                    number, ir.Weight(name, (state.size,), Init("zeros")), sizes
                )
        return Built(number, sizes, weights, masks, constants)

    def _uniform(self, number: int, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Numbers between 0 and 1 for a weight of a layer."""
        drawn = keras.initializers.RandomUniform(seed=self._seed_of(number, name))
        return open_uniform(drawn.seed, shape)  # where the layer has no seed, one of Keras' choice

    def _add(
        self,
        number: int,
        weight: ir.Weight,
        sizes: ir.Sizes,
        mask: np.ndarray | None = None,
        begun: Mapping[str, np.ndarray] | None = None,
    ) -> Any:
        label = self._label(number, weight.name)
        made = self._asked(number, weight.name)
        if not made and begun and weight.name in begun:
            made = AsComputed(begun[weight.name].T)
        made = made or self._by_columns(number, weight, sizes)
        made = made or initializer(weight.init, sizes.options, self._seed_of(number, weight.name))
        variable = self.add_weight(
            shape=tuple(reversed(sizes.shape(weight.shape))),
            initializer=made if mask is None else _masked(made, mask.T),
            regularizer=self.regularizers.of(label),
            constraint=self.constraints.of(label),
            trainable=weight.trained,
            name=_variable_name(label),
        )
        # as an attribute, it is in TensorFlow's checkpoints
        setattr(self, f"weight_{label}", variable)
        return variable

    def _by_columns(self, number: int, weight: ir.Weight, sizes: ir.Sizes) -> Any:
        """The initialiser of a matrix on joined vectors, whose columns for each vector begin as a
        matrix of their own does; None of others.
        """
        blocks = []
        for place, (name, shape) in enumerate(by_columns(weight, sizes)):
            seed = self._seed_of(number, f"{weight.name}[:, {place}]")
            blocks.append((initializer(Init(name), sizes.options, seed), shape[1]))
        return SideBySide(blocks) if blocks else None

    def _asked(self, number: int, name: str) -> Any:
        """The initialiser that a user wants for a weight, or None; with a seed of the weight's own
        unless it is the only one.

        An initialiser with a seed yields the same numbers whenever it is called.
        """
        label = self._label(number, name)
        asked = self.initializers.of(label)
        config = asked.get_config() if isinstance(asked, keras.initializers.Initializer) else {}
        alone = not self.initializers.shared(label)
        if "seed" not in config or isinstance(
            config["seed"], Mapping
        ):  # a generator of seeds has another for each call
            return asked
        if config["seed"] is None:
            seed = self._seed_of(number, name)
            if seed is None and alone:
                return asked
            return type(asked).from_config({**config, "seed": seed})
        if alone:
            return asked
        return type(asked).from_config({**config, "seed": _hashed(config["seed"], number, name)})

    def _variable(self, name: str, batch: int) -> Any:
        shape = (batch, self._state_sizes()[name])
        dtype = CLOCK_DTYPE if name == STEPS else self.variable_dtype
        return keras.Variable(
            "zeros", shape=shape, dtype=dtype, trainable=False, name=f"state_{name}"
        )

    def _seed_of(self, number: int, name: str) -> int | None:
        """A seed for each weight, so that a weight more in a cell leaves the others as they were.

        Those of a layer that reads backwards are others: `keras.layers.Bidirectional` makes both
        from one configuration.
        """
        if self.seed is None:
            return None
        return _hashed(self.seed, number, f"{name} backwards" if self.go_backwards else name)

    def _check_scan(self) -> None:
        """Refuse what would be computed in a loop all the same."""
        backend = backends.for_layers()
        if not backend.scans:
            how = "engine='auto', or KERAS_BACKEND=jax before Keras is imported"
            raise UsageError(_no_scan(backend.name), how)
        states = [state.name for state in self.cell.states]
        for number in range(1, self.layers + 1):
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
        return _hashed(self.seed, 0, "backwards")

    def _weight_names(self) -> list[str]:
        """Names of all weights, before any is built."""
        learned = [
            f"initial_{state.name}" for state in self.cell.states if state.initial == "learned"
        ]
        return [
            self._label(number, name)
            for number in range(1, self.layers + 1)
            for name in (*(weight.name for weight in self.cell.layer(number).weights), *learned)
        ]

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
        columns = self.cell.columns(self._built()[0].sizes.inputs)
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
                value = self._beginning(self._built()[number - 1], state)
                states.append(
                    keras.ops.cast(keras.ops.broadcast_to(value, shape), self.compute_dtype)
                )
            else:
                states.append(keras.ops.full(shape, state.initial, dtype=self.compute_dtype))
        return states

    def _beginning(self, built: Built, state: ir.State) -> Tensor:
        """What a state whose beginning is learned begins with."""
        return keras.ops.convert_to_tensor(built.weights[f"initial_{state.name}"])

    def _first_step(self, batch: Tensor) -> Tensor:
        return keras.ops.zeros((batch, 1), dtype=CLOCK_DTYPE)

    def _drops(self, inputs: Tensor) -> list[Tensor]:
        """Dropout masks of all layers: on x, then on each recurrent operand; 0, or 1 / (1 -
        rate).
        """
        batch = keras.ops.shape(inputs)[0]
        masks = []
        for built in self._stack:
            sizes = [(built.sizes.inputs, self.dropout)]
            step = self._step(built.number, drawn=False)
            sizes += [
                (built.sizes.of(operand.shape[0]), self.recurrent_dropout)
                for operand in operands(step)
            ]
            for size, rate in sizes:
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
        for built in self._stack:
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

    def _step(self, number: int, drawn: bool) -> ir.Step:
        """The step of a layer, from 1; what it draws comes from outside, or else is the mean."""
        step = self.cell.layer(number)
        return step.with_draws_given() if drawn else step

    def _run(
        self,
        inputs: Tensor,
        mask: Tensor | None,
        start: Sequence[Tensor],
        drops: Sequence[Tensor],
        drawn: Mapping[int, Mapping[str, Tensor]],
        clock: Tensor | None,
    ) -> tuple[Tensor, list[Tensor]]:
        """The whole stack: (batch, time, size), or the last step's output; and the last states of
        all layers.
        """
        x = keras.ops.transpose(inputs, (1, 0, 2))  # (time, batch, inputs), as the loop wants it
        keep = (
            None if mask is None else keras.ops.expand_dims(keras.ops.transpose(mask, (1, 0)), -1)
        )
        plain = self.engine == "portable" or backends.for_layers().needs_plain_operations()
        fit = None if plain else backends.for_layers().fit(x)
        optional = {PADDING: keep, CLOCK: clock}
        of_all_layers = {name: tensor for name, tensor in optional.items() if tensor is not None}
        stack_input = _StackInput(x, tuple(start), tuple(drops), drawn, of_all_layers)
        output, states = self._layer_by_layer(
            stack_input if fit is None else stack_input.fitted(fit), plain
        )
        if fit is not None:
            output = fit.cut(output) if self.return_sequences else fit.narrower(output)
            states = [fit.narrower(state) for state in states]
        # as in Keras: 0 before the first real step, whatever the states begin with
        if keep is not None:
            begun = _begun(keep) if self.return_sequences else keras.ops.any(keep > 0, axis=0)
            output = keras.ops.where(begun, output, 0)
        return keras.ops.transpose(output, (1, 0, 2)) if self.return_sequences else output, states

    def _layer_by_layer(self, stack_input: _StackInput, plain: bool) -> tuple[Tensor, list[Tensor]]:
        """Run the stack: (time, batch, size), or the last step's (batch, size); and the last states
        of all layers.
        """
        starts, drops = iter(stack_input.start), iter(stack_input.drops)
        given = self.cell.split(stack_input.x)
        x, below, states = given[ir.X], dict[str, Tensor](), list[Tensor]()
        for built in self._stack:
            step, compiled = self._compiled_step(
                built,
                stack_input.of_all_layers,
                dropped=bool(stack_input.drops),
                drawn=bool(stack_input.drawn),
            )
            read = {**given, **stack_input.drawn.get(built.number, {})}
            tensors: dict[Named, Tensor] = {
                **{("input", name): read[name] for name in step.inputs},
                X: x * next(drops)[None] if stack_input.drops else x,
                **{("below", name): below[name] for name in step.below},
                **{("start", name): next(starts) for name in step.states},
                **{("drop", str(number)): next(drops) for number in range(step.drops)},
                **self._tensors(built),
                **stack_input.of_all_layers,
            }
            results = compiled.run(tensors, plain)
            below = dict(results.sequences)
            states += [results.last[name] for name in step.states]
            x = below.get(self.cell.output)
        return results.last[self.cell.output] if x is None else x, states

    def _nothing(self, x: Tensor) -> Tensor:
        """The output for no sequences at all, which TensorFlow's sums refuse to compute."""
        steps = (x.shape[1],) if self.return_sequences else ()
        return keras.ops.zeros((0, *steps, self._output_size()), dtype=x.dtype)

    def _tensors(self, built: Built) -> dict[Named, Tensor]:
        """The weights that the step reads, masked: a mask binds the gradient too."""
        tensors: dict[Named, Tensor] = {}
        for weight in self.cell.layer(built.number).weights:
            tensor = keras.ops.cast(
                keras.ops.convert_to_tensor(built.weights[weight.name]), self.compute_dtype
            )
            mask = built.masks.get(weight.name)
            tensors[weight.ref.kind, weight.name] = (
                tensor if mask is None else tensor * keras.ops.cast(mask.T, self.compute_dtype)
            )
        return tensors

    def _compiled_step(
        self,
        built: Built,
        given: Collection[Named],
        dropped: bool = False,
        drawn: bool = False,
    ) -> tuple[LayerStep, CompiledStep]:
        """A layer's step, ready to run.

        Args:
            given: what the step of every layer reads.
            dropped: whether there are masks of dropout.
            drawn: whether what the equations draw comes from outside.
        """
        masked, clocked, counted, packed = (
            name in given for name in (PADDING, CLOCK, COUNT, OFFSETS)
        )
        key = (built.number, masked, dropped, drawn, clocked, counted, packed)
        if key not in self._steps:
            top = built.number == self.layers
            step = self._step(built.number, drawn)
            states, read = tuple(state.name for state in self.cell.states), step.named_inputs
            named = [each.name for each in self.cell.named_inputs if each.name in read]
            draws = self.cell.layer(built.number).draws if drawn else {}
            above = self.cell.needs_below - {self.cell.output} if not top else frozenset()
            shown = tuple(name for name in (self.cell.output, *sorted(above)) if name not in states)
            layer_step = LayerStep(
                step=step,
                sizes=built.sizes,
                dtype=self.compute_dtype,
                constants=built.constants,
                states=states,
                shown=shown,
                wanted=()
                if top and not self.return_sequences
                else (self.cell.output, *sorted(above)),
                below=tuple(
                    sorted(
                        {
                            ref.name
                            for equation in step.equations
                            for ref in ir.refs(equation.expr, "below")
                        }
                    )
                ),
                drops=len(operands(step)) if dropped else 0,
                weights=tuple(weight.name for weight in step.weights if weight.trained),
                fixed=tuple(weight.name for weight in step.weights if not weight.trained),
                masked=masked,
                clocked=clocked,
                counted=counted,
                packed=packed,
                scanned=self.engine == "scan",
                inputs=(*named, *(name for name in draws if name in read)),
            )
            self._steps[key] = layer_step, backends.for_layers().compiled_step(layer_step)
        return self._steps[key]

    def _cell_states(self) -> Iterator[tuple[int, ir.State]]:
        """The states of each layer, with the layer's number."""
        return (
            (number, state) for number in range(1, self.layers + 1) for state in self.cell.states
        )

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
        if self._stack:
            return self._stack[number - 1].sizes
        if columns is not None:
            return ir.sizes(self.cell, columns, self.units, number)
        sizes = (*(state.size for state in self.cell.states), self.cell.output_size)
        if any("inputs" in ir.size_names(size) for size in sizes):
            raise UsageError("a state is as wide as x, and this layer has read none: `build` it")
        return ir.Sizes(self.units, 0, self.cell.options)


def _padded_first(mask: Tensor) -> Tensor:
    """(batch, 1) of int32: the steps before the first real one of each sequence."""
    first = keras.ops.argmax(keras.ops.cast(mask, "int32"), axis=1)
    return keras.ops.cast(first, CLOCK_DTYPE)[:, None]


def _begun(keep: Tensor) -> Tensor:
    """(time, batch, 1) of bool: whether a real step has come, this one included."""
    steps = keras.ops.reshape(keras.ops.arange(keras.ops.shape(keep)[0], dtype="int32"), (-1, 1, 1))
    # linear in time, which a cumulative sum under XLA is not
    first = keras.ops.argmax(keep, axis=0)[None]
    return keras.ops.logical_and(
        steps >= keras.ops.cast(first, "int32"), keras.ops.any(keep > 0, axis=0)[None]
    )


def initializer(
    init: Init, options: Mapping[str, float], seed: int | None
) -> keras.initializers.Initializer:
    """Keras' initialiser of that meaning."""
    start, make = beginning(init, options), keras.initializers
    match start.kind, start.numbers:
        case "constant", (value,):
            return as_tensorflow(make.Constant(value))
        case "identity", (gain,):
            return make.Identity(gain)
        case "orthogonal", (gain,):
            return as_tensorflow(make.Orthogonal(gain, seed=seed))
        case "normal", (deviation,):
            return as_tensorflow(make.RandomNormal(0.0, deviation, seed=seed))
        case "spectral_radius", (radius, density):
            return SpectralRadius(radius, density, seed)
        case "uniform", (low, high):
            return as_tensorflow(make.RandomUniform(low, high, seed=seed))
        case _, (scale,):
            distribution = "uniform" if start.distribution == "uniform" else "truncated_normal"
            return as_tensorflow(make.VarianceScaling(scale, start.fan, distribution, seed=seed))
    raise AssertionError(start)


def _masked(made: keras.initializers.Initializer, mask: np.ndarray) -> Callable[..., Tensor]:
    """What an initialiser yields, with 0 where a weight has no entry: a regulariser or a constraint
    sees what acts.
    """

    def masked(shape: Sequence[int], dtype: str | None = None, **options: Any) -> Tensor:
        value = made(shape, dtype=dtype, **options)
        return value * keras.ops.cast(mask, value.dtype)

    return masked


def _spread(state: Tensor, batch: Tensor) -> Tensor:
    """A state of one sequence, for all."""
    return keras.ops.broadcast_to(state, (batch, state.shape[1]))


def _variable_name(label: str) -> str:
    """A weight's name for Keras; torch has no parameters with a dot in their names."""
    return label.replace(".", "_") if keras.config.backend() == "torch" else label


def _hashed(seed: int, number: int, name: str) -> int:
    return seed_for(seed, f"{number} {name}")


def _no_scan(backend: str) -> str:
    return f"engine='scan' computes states without a loop under JAX only, and Keras runs {backend}"


def _engine_named(name: str) -> str:
    if name not in ENGINES:
        raise UsageError(
            f"engine must be 'auto', 'portable' or 'scan', not {name!r}",
            nearest(str(name), ENGINES),
        )
    return name
