"""`Recurrent`: a Keras layer for any cell of equations, in as many layers as asked for.

In: a cell and sizes.  Out: a layer with the arguments, masks and serialisation of `keras.layers.LSTM`.  There is one
registered class; the cell is its configuration.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import keras
import numpy as np

from rnnzoo import lang
from rnnzoo.errors import UsageError, nearest
from rnnzoo.lang import ir, reference
from rnnzoo.lang.text import cell_text
from rnnzoo.lang.widen import operands
from rnnzoo.nn import cache, ticked
from rnnzoo.nn.engine import Engine
from rnnzoo.spec.cell import Init

Tensor = Any


@dataclass(frozen=True, eq=False, slots=True)
class _Built:
    """One layer of the stack: its sizes, weights, masks and constants."""

    number: int
    size: ir.Sizes
    weights: Mapping[str, Any]  # keras variables, by name; matrices are kept as kernels (columns, rows)
    masks: Mapping[str, np.ndarray]
    constants: Mapping[str, np.ndarray]


@keras.saving.register_keras_serializable(package="rnnzoo")
class Recurrent(keras.layers.Layer):
    """A recurrent layer computed from a cell's equations.

    Args:
        cell: a checked cell, or its canonical text.
        units: size of the state.
        layers: how many layers, one on top of the other.
        return_sequences: return the output of every step, not of the last one only.
        return_state: return the states of all layers too, in the order of `state_names`.
        dropout: share of the inputs that is dropped in training, one mask a sequence.
        recurrent_dropout: likewise on what each recurrent product multiplies, one mask an operand; never on the carry.
        seed: drives initial weights and dropout; None draws from Keras' global generator.
        go_backwards: read the sequences from their ends; what is returned stays in that order, as in Keras.
        stateful: begin where the last call ended, with the states and the number of the step; `reset_state` begins anew.
            The batch has one size throughout.
        zero_output_for_mask: return 0 for padded steps, not the last output.
        initializers, regularizers, constraints: by name of a weight, or a pattern such as `R_*`; whatever Keras accepts.
            A matrix is seen as the kernel (columns, rows) that Keras' own layers have.

    Call arguments:
        inputs: (batch, time, inputs).
        mask: (batch, time) of bool; where False, states stay as they are and the output repeats the last one.
        training: whether dropout acts.
        initial_state: (batch, units) for each name of `state_names`.

    Returns:
        (batch, units), or (batch, time, units) with `return_sequences`; with `return_state` a list that begins with it.
    """

    def __init__(
        self,
        cell: ir.Cell | str,
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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        _check_arguments(units, layers, dropout, recurrent_dropout)
        self.cell = lang.parse_text(cell, file="<cell of a layer>") if isinstance(cell, str) else cell
        self.units, self.layers = units, layers
        self.return_sequences, self.return_state = return_sequences, return_state
        self.dropout, self.recurrent_dropout = dropout, recurrent_dropout
        self.seed = seed
        self.go_backwards, self.stateful, self.zero_output_for_mask = go_backwards, stateful, zero_output_for_mask
        self.initializers = _by_name(initializers, keras.initializers.get)
        self.regularizers = _by_name(regularizers, keras.regularizers.get)
        self.constraints = _by_name(constraints, keras.constraints.get)
        _check_names(
            self.cell, {"initializers": initializers, "regularizers": regularizers, "constraints": constraints}
        )
        self.states: list[Any] = []  # variables of a stateful layer
        self._clock: Any = None
        self.supports_masking = True
        self._stack: tuple[_Built, ...] = ()
        self._random = keras.random.SeedGenerator(seed) if dropout or recurrent_dropout else None
        self._engines: dict[tuple[int, bool, bool], Engine] = {}

    # -- what Keras asks

    def build(self, input_shape: Sequence[int | None]) -> None:
        if len(input_shape) != 3 or input_shape[-1] is None:
            raise UsageError(f"a recurrent layer reads (batch, time, inputs), not a shape {tuple(input_shape)}")
        cache.set_aside_what_is_cut()
        self._stack = tuple(self._build_layer(int(input_shape[-1]), number) for number in range(1, self.layers + 1))
        if self.stateful:
            if input_shape[0] is None:
                raise UsageError(
                    "a stateful layer needs a batch of known size\n  fix: keras.Input(batch_shape=(32, None, 88))"
                )
            self.states = [self._variable((input_shape[0], size), name) for name, size in self._named_states()]
            self._clock = self._variable((), "clock")
            self.reset_state()

    def call(
        self,
        inputs: Tensor,
        mask: Tensor | None = None,
        training: bool = False,
        initial_state: Sequence[Tensor] | Tensor | None = None,
    ) -> Tensor:
        if inputs.shape[1] == 0:
            raise UsageError("these sequences have no steps: shape (batch, time, inputs) with time at least 1")
        if self.stateful and inputs.shape[0] not in (None, self.states[0].shape[0]):
            raise UsageError(f"this stateful layer has a batch of {self.states[0].shape[0]}, not of {inputs.shape[0]}")
        if self.go_backwards:
            inputs = keras.ops.flip(inputs, axis=1)
            mask = None if mask is None else keras.ops.flip(mask, axis=1)
        start = self._start(inputs, initial_state)
        drops = self._drops(inputs) if training and self._random is not None else []
        keep = None if mask is None else keras.ops.cast(mask, self.compute_dtype)
        output, states = self._run(keras.ops.cast(inputs, self.compute_dtype), keep, start, drops)
        if self.stateful:
            for variable, state in zip(self.states, states):
                variable.assign(state)
            self._clock.assign_add(keras.ops.cast(keras.ops.shape(inputs)[1], self._clock.dtype))
        if self.zero_output_for_mask and self.return_sequences and mask is not None:
            output = keras.ops.where(keras.ops.expand_dims(mask, -1), output, 0)
        return [output, *states] if self.return_state else output

    def get_initial_state(self, batch_size: int) -> list[Tensor]:
        """What the states begin with where nothing else is said, (batch, size) each."""
        return self._initial(batch_size)

    def reset_state(self) -> None:
        """Begin anew: initial states, and the first step.

        Raises:
            UsageError: the layer is not stateful.
        """
        if not self.stateful:
            raise UsageError("this layer keeps no states between calls\n  fix: stateful=True")
        if self.states:
            for variable, value in zip(self.states, self._initial(self.states[0].shape[0])):
                variable.assign(value)
            self._clock.assign(0)

    def compute_output_shape(self, input_shape: Sequence[int | None], **_: Any) -> Any:
        size = self._output_size()
        output = (input_shape[0], input_shape[1], size) if self.return_sequences else (input_shape[0], size)
        states = [(input_shape[0], self._sizes_of(state)) for _ in range(self.layers) for state in self.cell.states]
        return [output, *states] if self.return_state else output

    def compute_mask(self, inputs: Tensor, mask: Tensor | None = None) -> Any:
        mask = mask if self.return_sequences else None
        return [mask, *(None for _ in self.state_names)] if self.return_state else mask

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
            "initializers": {key: keras.initializers.serialize(one) for key, one in self.initializers.items()},
            "regularizers": {key: keras.regularizers.serialize(one) for key, one in self.regularizers.items()},
            "constraints": {key: keras.constraints.serialize(one) for key, one in self.constraints.items()},
        }

    # -- weights and states under the names of the equations

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the states, `1.h` and so on where there are several layers."""
        return tuple(self._label(n, one.name) for n in range(1, self.layers + 1) for one in self.cell.states)

    def weights_by_name(self) -> dict[str, np.ndarray]:
        """Weights under the names of the equations and in their orientation: `R_i` acts as `R_i @ h`."""
        found = {}
        for built in self._built():
            for name, variable in built.weights.items():
                value = np.asarray(keras.ops.convert_to_tensor(variable))
                value = value * built.masks[name].T if name in built.masks else value
                found[self._label(built.number, name)] = np.ascontiguousarray(value.T)
        return found

    def set_weights_by_name(self, weights: Mapping[str, np.ndarray]) -> None:
        """Set some or all weights.

        Raises:
            UsageError: a name that no weight has, or a wrong shape.
        """
        known = {self._label(built.number, name): one for built in self._built() for name, one in built.weights.items()}
        for name, value in weights.items():
            if name not in known:
                raise UsageError(f"this layer has no weight '{name}'\n  fix: {nearest(name, known)}")
            shape = tuple(reversed(known[name].shape))
            if np.shape(value) != shape:
                raise UsageError(f"weight '{name}' has shape {shape}, not {np.shape(value)}")
        for name, value in weights.items():
            known[name].assign(np.asarray(value).T)

    def _built(self) -> tuple[_Built, ...]:
        if not self._stack:
            raise UsageError("this layer has no weights yet: call it on data, or `build` it")
        return self._stack

    def _label(self, number: int, name: str) -> str:
        return f"{number}.{name}" if self.layers > 1 else name

    # -- building

    def _build_layer(self, inputs: int, number: int) -> _Built:
        size = ir.sizes(self.cell, inputs, self.units, number)
        step = self.cell.layer(number)
        masks = {one.name: found for one in step.weights if (found := reference.mask(self.cell, one, size)) is not None}
        weights = {one.name: self._add(number, one, size) for one in step.weights}
        for state in self.cell.states:
            if state.initial == "learned":
                name = f"initial_{state.name}"
                weights[name] = self.add_weight(
                    shape=(size.of(state.size),), initializer="zeros", name=self._label(number, name)
                )
        constants = reference.constants(self.cell, size)
        return _Built(number, size, weights, masks, constants)

    def _add(self, number: int, weight: ir.Weight, size: ir.Sizes) -> Any:
        shape = tuple(reversed(size.shape(weight.shape)))
        label = self._label(number, weight.name)
        made = initializer(weight.init, size.options, self._seed_of(number, weight.name))
        return self.add_weight(
            shape=shape,
            initializer=_chosen(self.initializers, label) or made,
            regularizer=_chosen(self.regularizers, label),
            constraint=_chosen(self.constraints, label),
            name=label,
        )

    def _variable(self, shape: Sequence[int], name: str) -> Any:
        return self.add_weight(shape=shape, initializer="zeros", trainable=False, name=f"state_{name}")

    def _seed_of(self, number: int, name: str) -> int | None:
        """A seed for each weight, so that a weight more in a cell leaves the others as they were."""
        if self.seed is None:
            return None
        return int.from_bytes(hashlib.sha256(f"{self.seed} {number} {name}".encode()).digest()[:4], "big") >> 1

    # -- running

    def _start(self, inputs: Tensor, initial_state: Sequence[Tensor] | Tensor | None) -> list[Tensor]:
        """Initial states of all layers, (batch, size) each."""
        if initial_state is not None:
            given: list[Tensor] = list(initial_state) if isinstance(initial_state, list | tuple) else [initial_state]
            if len(given) != len(self.state_names):
                names = ", ".join(self.state_names)
                raise UsageError(f"initial_state needs {len(self.state_names)} tensors ({names}), not {len(given)}")
            for (name, size), one in zip(self._named_states(), given):
                if len(one.shape) != 2 or one.shape[1] != size:
                    raise UsageError(f"the initial state of '{name}' is (batch, {size}), not {tuple(one.shape)}")
            return [keras.ops.cast(one, self.compute_dtype) for one in given]
        if self.stateful:
            return [keras.ops.cast(keras.ops.convert_to_tensor(one), self.compute_dtype) for one in self.states]
        return self._initial(keras.ops.shape(inputs)[0])

    def _initial(self, batch: Tensor) -> list[Tensor]:
        found = []
        for built in self._stack:
            for state in self.cell.states:
                shape = (batch, built.size.of(state.size))
                if state.initial == "learned":
                    value = keras.ops.convert_to_tensor(built.weights[f"initial_{state.name}"])
                    found.append(keras.ops.cast(keras.ops.broadcast_to(value, shape), self.compute_dtype))
                else:
                    found.append(keras.ops.full(shape, state.initial, dtype=self.compute_dtype))
        return found

    def _drops(self, inputs: Tensor) -> list[Tensor]:
        """Dropout masks of all layers: on x, then on each recurrent operand; 0, or 1 / (1 - rate)."""
        batch = keras.ops.shape(inputs)[0]
        masks = []
        for built in self._stack:
            sizes = [(built.size.inputs, self.dropout)]
            step = self.cell.layer(built.number)
            sizes += [(built.size.of(one.shape[0]), self.recurrent_dropout) for one in operands(step)]
            for size, rate in sizes:
                ones = keras.ops.ones((batch, size), dtype=self.compute_dtype)
                masks.append(keras.random.dropout(ones, rate, seed=self._random) if rate else ones)
        return masks

    def _run(
        self,
        inputs: Tensor,
        mask: Tensor | None,
        start: Sequence[Tensor],
        drops: Sequence[Tensor],
    ) -> tuple[Tensor, list[Tensor]]:
        """The whole stack: (batch, time, size), or the last step's output; and the last states of all layers."""
        rest, masks, dtype = list(start), list(drops), self.compute_dtype
        x = keras.ops.transpose(inputs, (1, 0, 2))  # (time, batch, inputs), as the loop wants it
        keep = None if mask is None else keras.ops.expand_dims(keras.ops.transpose(mask, (1, 0)), -1)
        below: dict[str, Tensor] = {}
        states: list[Tensor] = []
        for built in self._stack:
            engine = self._engine(built, keep is not None, bool(drops))
            read = x * masks.pop(0)[None] if drops else x
            arguments = [
                read,
                *(below[name] for name in engine.below),
                *(rest.pop(0) for _ in engine.states),
                *(masks.pop(0) for _ in range(engine.drops)),
                *self._tensors(built, dtype),
                *([] if keep is None else [keep]),
                *([keras.ops.cast(keras.ops.convert_to_tensor(self._clock), dtype)] if self.stateful else []),
            ]
            found = engine.function(*arguments)
            below = dict(zip(engine.wanted, found))
            last = dict(zip(engine.carried, found[len(engine.wanted) :]))
            states += [last[name] for name in engine.states]
            x = below.get(self.cell.output)
        output = last[self.cell.output] if x is None else x
        if keep is not None:  # as in Keras: 0 before the first real step, whatever the states begin with
            begun = _begun(keep) if x is not None else keras.ops.any(keep > 0, axis=0)
            output = keras.ops.where(begun, output, 0)
        return output if x is None else keras.ops.transpose(output, (1, 0, 2)), states

    def _tensors(self, built: _Built, dtype: str) -> list[Tensor]:
        """The weights that the engine reads, masked: a mask binds the gradient too."""
        found = []
        for one in self.cell.layer(built.number).weights:
            tensor = keras.ops.cast(keras.ops.convert_to_tensor(built.weights[one.name]), dtype)
            found.append(tensor * keras.ops.cast(built.masks[one.name].T, dtype) if one.name in built.masks else tensor)
        return found

    def _engine(self, built: _Built, masked: bool, dropped: bool) -> Engine:
        key = (built.number, masked, dropped)
        if key not in self._engines:
            top = built.number == self.layers
            step = self.cell.layer(built.number)
            states = tuple(state.name for state in self.cell.states)
            above = self.cell.needs_below - {self.cell.output} if not top else frozenset()
            shown = tuple(name for name in (self.cell.output, *sorted(above)) if name not in states)
            dense = Engine(
                step=step,
                size=built.size,
                dtype=self.compute_dtype,
                constants=built.constants,
                states=states,
                shown=shown,
                wanted=() if top and not self.return_sequences else (self.cell.output, *sorted(above)),
                below=tuple(sorted({ref.name for one in step.equations for ref in ir.refs(one.expr, "below")})),
                drops=len(operands(step)) if dropped else 0,
                weights=tuple(one.name for one in step.weights),
                masked=masked,
                clocked=self.stateful,
            )
            self._engines[key] = ticked.engine(dense)
        return self._engines[key]

    def _named_states(self) -> list[tuple[str, int]]:
        sizes = [self._sizes_of(state) for _ in range(self.layers) for state in self.cell.states]
        return list(zip(self.state_names, sizes))

    def _output_size(self) -> int:
        return ir.Sizes(self.units, 0, self.cell.options).of(self.cell.output_size)

    def _sizes_of(self, state: ir.State) -> int:
        return ir.Sizes(self.units, 0, self.cell.options).of(state.size)


def _begun(keep: Tensor) -> Tensor:
    """(time, batch, 1) of bool: whether a real step has come, this one included."""
    steps = keras.ops.reshape(keras.ops.arange(keras.ops.shape(keep)[0], dtype="int32"), (-1, 1, 1))
    first = keras.ops.argmax(keep, axis=0)[None]  # linear in time, which a cumulative sum under XLA is not
    return keras.ops.logical_and(steps >= keras.ops.cast(first, "int32"), keras.ops.any(keep > 0, axis=0)[None])


def initializer(init: Init, options: Mapping[str, float], seed: int | None) -> keras.initializers.Initializer:
    values = [float(options[value]) if isinstance(value, str) else float(value) for value in init.values]
    make = keras.initializers
    match init.name, values:
        case "constant", [value]:
            return make.Constant(value)
        case "zeros", _:
            return make.Zeros()
        case "ones", _:
            return make.Ones()
        case "identity", gain:
            return make.Identity(*gain)
        case "orthogonal", gain:
            return make.Orthogonal(*gain, seed=seed)
        case "normal", [std]:
            return make.RandomNormal(0.0, std, seed=seed)
        case "uniform", [limit]:
            return make.RandomUniform(-limit, limit, seed=seed)
        case "uniform", [low, high]:
            return make.RandomUniform(low, high, seed=seed)
        case name, _:
            words = "".join(part.capitalize() for part in name.split("_"))
            return getattr(make, words)(seed=seed)


def _by_name(given: Mapping[str, Any] | None, get: Callable[[Any], Any]) -> dict[str, Any]:
    return {name: get(one) for name, one in (given or {}).items()}


def _chosen(found: Mapping[str, Any], label: str) -> Any:
    """What was asked for a weight: its name first, with its layer or without, then the first pattern that fits."""
    bare = label.rpartition(".")[2]
    for name in (label, bare):
        if name in found:
            return found[name]
    return next(
        (one for pattern, one in found.items() if fnmatchcase(bare, pattern) or fnmatchcase(label, pattern)), None
    )


def _check_names(cell: ir.Cell, given: Mapping[str, Mapping[str, Any] | None]) -> None:
    """A pattern that fits no weight is a mistake."""
    names = sorted({one.name for step in (cell.step, cell.first) for one in step.weights})
    for argument, patterns in given.items():
        for pattern in patterns or ():
            if not any(fnmatchcase(name, pattern.rpartition(".")[2]) for name in names):
                fix = nearest(pattern, names) or f"its weights are {', '.join(names)}"
                raise UsageError(f"{argument}: cell '{cell.name}' has no weight '{pattern}'\n  fix: {fix}")


def _check_arguments(units: int, layers: int, dropout: float, recurrent_dropout: float) -> None:
    for name, value in (("units", units), ("layers", layers)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise UsageError(f"{name} must be a whole number from 1, not {value!r}")
    for name, rate in (("dropout", dropout), ("recurrent_dropout", recurrent_dropout)):
        if not 0 <= rate < 1:
            raise UsageError(f"{name} must be at least 0 and below 1, not {rate!r}")
