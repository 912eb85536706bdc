"""What a user hands to a layer: plain values of the right types, or a `UsageError` that says what
to write instead.

In: arguments of `Recurrent` and of its calls, as they were given.  Out: the same, checked.  Nothing
is accepted that would have no effect.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import keras
import numpy as np

from rnnzoo.backends.contract import NO_STEPS
from rnnzoo.errors import UsageError, nearest
from rnnzoo.lang import ir, parse_text
from rnnzoo.lang.view import CellView

Tensor = Any
ENGINES = ("auto", "portable", "scan")
MOST_SEED = 2**32  # what Keras' generator keeps of a seed

# Keras' words for what is a matter of the cell or the names of its weights here.
_IN_EQUATIONS = (
    "it is part of the cell's equations: write them into a file of your own (`rnnzoo new cell`)"
)
_KERAS_WORDS = {
    "activation": _IN_EQUATIONS,
    "recurrent_activation": _IN_EQUATIONS,
    "use_bias": f"{_IN_EQUATIONS} without `+ b`",
    "reset_after": "take the cell `gru_reset_after`, or `gru`",
    "unit_forget_bias": "`initializers={'b_f': 'ones'}`, or 'zeros'",
    "kernel_initializer": "`initializers={'W*': ...}`",
    "recurrent_initializer": "`initializers={'R*': ...}`",
    "bias_initializer": "`initializers={'b*': ...}`",
    "kernel_regularizer": "`regularizers={'W*': ...}`",
    "recurrent_regularizer": "`regularizers={'R*': ...}`",
    "bias_regularizer": "`regularizers={'b*': ...}`",
    "kernel_constraint": "`constraints={'W*': ...}`",
    "recurrent_constraint": "`constraints={'R*': ...}`",
    "bias_constraint": "`constraints={'b*': ...}`",
    "unroll": "leave it out: the loop is compiled as it is",
    "use_cudnn": "leave it out: every cell is compiled",
    "implementation": "leave it out: products are stacked anyway",
    "time_major": "leave it out, and transpose the inputs to (batch, time, inputs)",
    "batch_first": "leave it out: inputs are (batch, time, inputs)",
    "num_layers": "`layers=`",
    "hidden_size": "`units=`",
    "input_size": "leave it out: it is read from the inputs",
    "bidirectional": "`keras.layers.Bidirectional(rnnzoo.layer(...))`",
    "initial_state": "give it to the call: `layer(x, initial_state=...)`",
    "mask": "give it to the call: `layer(x, mask=...)`",
    "options": "give it to `rnnzoo.layer` or `rnnzoo.cell`, with the name of the cell",
}
_OF_KERAS = (
    "name", "dtype", "trainable", "autocast", "activity_regularizer", "input_shape", "input_dim",
)  # fmt: skip


_GETTERS: Mapping[str, Callable[[Any], Any]] = {
    "initializers": keras.initializers.get,
    "regularizers": keras.regularizers.get,
    "constraints": keras.constraints.get,
}


# ------------------------------------------------------------------ arguments of a layer


def cell(given: ir.Cell | CellView | str) -> ir.Cell:
    """A checked cell, from itself, its view, or its canonical text."""
    if isinstance(given, ir.Cell):
        return given
    if isinstance(given, CellView):
        return given.ir
    if not isinstance(given, str):
        raise UsageError(
            f"a layer is made of a cell, not of {_shown(given)}", "rnnzoo.layer('lstm', units=64)"
        )
    if "\n" not in given:
        raise UsageError(
            f"'{given}' is not the text of a cell",
            f"rnnzoo.layer('{given}', ...) looks a name or a path up",
        )
    return parse_text(given, file="<cell of a layer>")


def known(given: Mapping[str, Any], names: Sequence[str]) -> None:
    """Refuse what neither this layer nor Keras' own `Layer` knows."""
    for name in given:
        if name in _KERAS_WORDS:
            raise UsageError(f"this layer has no argument '{name}'", _KERAS_WORDS[name])
        if name not in _OF_KERAS:
            raise UsageError(
                f"this layer has no argument '{name}'", nearest(name, (*names, *_OF_KERAS))
            )


def whole(name: str, value: Any, least: int = 1) -> int:
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < least:
        raise UsageError(f"{name} must be a whole number from {least}, not {_shown(value)}")
    return int(value)


def seed(value: Any) -> int | None:
    if value is None:
        return None
    if whole("seed", value, 0) >= MOST_SEED:
        raise UsageError(f"seed must be below {MOST_SEED:,}, not {value:,}")
    return int(value)


def flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise UsageError(f"{name} must be True or False, not {_shown(value)}")
    return bool(value)


def rate(name: str, value: Any) -> float:
    """A share of what is dropped."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool) or not 0 <= float(value) < 1:
        fix = "0 drops nothing" if value is None else ""
        raise UsageError(f"{name} must be at least 0 and below 1, not {_shown(value)}", fix)
    return float(value)


def engine(name: Any) -> str:
    if name not in ENGINES:
        raise UsageError(
            f"engine must be 'auto', 'portable' or 'scan', not {name!r}",
            nearest(str(name), ENGINES),
        )
    return str(name)


def computes(dtype: str) -> None:
    """Refuse a dtype in which nothing can be learnt."""
    if not keras.backend.is_float_dtype(dtype):
        raise UsageError(
            f"a recurrent layer computes in a floating dtype, not in {dtype}", "dtype='float32'"
        )


# ------------------------------------------------------- what is said of weights by name or pattern


@dataclass(frozen=True, eq=False, slots=True)
class ByName:
    """Initialisers, regularisers or constraints by name of a weight, or by a pattern of names.

    Attributes:
        given: key -> as the user gave it.
        keys: name of a weight -> the key that is for it: the weight's own name, or the first
            pattern that fits.
        get: Keras' way from what a user gives to an object.
    """

    given: Mapping[str, Any]
    keys: Mapping[str, str]
    get: Callable[[Any], Any]

    def of(self, weight: str) -> Any:
        """The object for a weight, or None; made anew for each weight, but for an object that the
        user made.
        """
        return self.get(self.given[self.keys[weight]]) if weight in self.keys else None

    def shared(self, weight: str) -> bool:
        """Whether what is for this weight is for others, too."""
        return sum(1 for key in self.keys.values() if key == self.keys.get(weight)) > 1

    def config(self, serialize: Callable[[Any], Any]) -> dict[str, Any]:
        return {key: serialize(self.get(value)) for key, value in self.given.items()}


def by_name(argument: str, given: Any, weights: Sequence[str]) -> ByName:
    """What a user gives as `initializers`, `regularizers` or `constraints`.

    Args:
        argument: which of the three.
        weights: names of all weights, with the number of their layer where there are several
            layers.

    Raises:
        UsageError: it is no mapping; Keras does not know a value; a key is for no weight.
    """
    get = _GETTERS[argument]
    if given is None:
        given = {}
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise UsageError(
            f"{argument} must say for which weights, not {_shown(given)}",
            f"{argument}={{'R_*': ...}}, by name or pattern",
        )
    for key, value in given.items():
        try:
            get(value)
        except (ValueError, TypeError) as error:
            raise UsageError(
                f"{argument}: Keras knows nothing by {_shown(value)}, which is for '{key}'"
            ) from error
    keys = {name: key for name in weights if (key := _key_for(name, given)) is not None}
    for key in given:
        if key not in keys.values():
            _refuse_key(argument, key, weights, keys)
    return ByName(dict(given), keys, get)


def _key_for(weight: str, given: Mapping[str, Any]) -> str | None:
    """The weight's name, with its layer or without; else the first pattern that fits."""
    for name in (weight, _without_layer(weight)):
        if name in given:
            return name
    return next((pattern for pattern in given if _fits(pattern, weight)), None)


def _fits(pattern: str, weight: str) -> bool:
    return fnmatchcase(_without_layer(weight), pattern) or fnmatchcase(weight, pattern)


def _without_layer(weight: str) -> str:
    return weight.rpartition(".")[2]


def _refuse_key(argument: str, key: str, weights: Sequence[str], keys: Mapping[str, str]) -> None:
    fitting = [name for name in weights if _fits(key, name)]
    if fitting:
        first = keys[fitting[0]]
        raise UsageError(
            f"{argument}: '{key}' has no effect, since '{first}' is for the same weights",
            f"put '{key}' before '{first}'",
        )
    names = sorted({*weights, *map(_without_layer, weights)})
    fix = nearest(key, names) or f"its weights are {', '.join(names[:40])}"
    raise UsageError(f"{argument}: the cell has no weight '{key}'", fix)


def numbers_of(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """An array of real numbers of this shape, for a weight."""
    array = np.asarray(value)
    if array.shape != shape:
        raise UsageError(f"weight '{name}' has shape {shape}, not {array.shape}")
    # which NumPy does not know to be a number
    if array.dtype.kind not in "fiub" and array.dtype.name != "bfloat16":
        raise UsageError(f"weight '{name}' holds real numbers, not {array.dtype}")
    return array


# -------------------------------------------- arguments of a call: tensors, or symbols with a shape


def sequences(inputs: Tensor, features: int, batch: int | None) -> None:
    """Refuse what is not (batch, time, features) of real numbers.

    Args:
        batch: how many sequences a stateful layer was built for; None for any number.
    """
    shape = tuple(inputs.shape)
    if len(shape) != 3:
        raise UsageError(f"a recurrent layer reads (batch, time, inputs), not a shape {shape}")
    if shape[-1] not in (None, features):
        raise UsageError(f"this layer was built for {features} inputs a step, not for {shape[-1]}")
    if shape[1] == 0:
        raise UsageError(NO_STEPS)
    if batch is not None and shape[0] not in (None, batch):
        raise UsageError(
            f"this stateful layer has a batch of {batch}, not of {shape[0]}",
            "a layer of that batch size, with these weights (`get_weights`, `set_weights`)",
        )
    _real("the inputs", inputs)


def padding(mask: Tensor, inputs: Tensor) -> None:
    """Refuse a mask that does not say of each step whether it is real."""
    shape, wanted = tuple(mask.shape), tuple(inputs.shape)[:2]
    if len(shape) != 2 or not _agree(shape, wanted):
        fix = "mask[..., 0]" if len(shape) == 3 and shape[-1] == 1 else ""
        raise UsageError(
            f"the mask is (batch, time), here {_text(wanted)}, not {_text(shape)}", fix
        )
    _real("the mask", mask)


def states(given: Any, sizes: Mapping[str, int], clock: str, batch: int | None) -> list[Tensor]:
    """The tensors of an `initial_state` in order: given as a list, by name, or as the only one.

    Args:
        sizes: name -> size of each state.
        clock: the name among them that counts steps, or "".
        batch: how many sequences there are, where that is known.
    """
    tensors = _in_order(given, sizes, clock)
    for (name, size), tensor in zip(sizes.items(), tensors):
        _check_state(name, size, tensor, batch)
        if name == clock and _dtype(tensor) in ("float16", "bfloat16"):
            raise UsageError(
                f"'{name}' counts steps: {_dtype(tensor)} cannot, beyond a few", "int32"
            )
        _real(f"the initial state of '{name}'", tensor)
    return tensors


def _in_order(given: Any, sizes: Mapping[str, int], clock: str) -> list[Tensor]:
    """As many tensors as there are states, in the order of the states."""
    names = ", ".join(sizes)
    if isinstance(given, Mapping):
        unknown = [name for name in given if name not in sizes]
        missing = [name for name in sizes if name not in given]
        if unknown or missing:
            fault = f"has no '{unknown[0]}'" if unknown else f"lacks {', '.join(missing)}"
            raise UsageError(f"initial_state needs {names} by name; what is given {fault}")
        return [given[name] for name in sizes]
    tensors = list(given) if isinstance(given, list | tuple) else [given]
    if len(tensors) != len(sizes):
        more = ""
        if clock:
            more = f"; {clock} is how many steps each sequence has behind it, (batch, 1) of int32"
        raise UsageError(
            f"initial_state needs {len(sizes)} tensors ({names}), not {len(tensors)}{more}"
        )
    return tensors


def _check_state(name: str, size: int, tensor: Tensor, batch: int | None) -> None:
    """Refuse a tensor that cannot be the initial state of that name."""
    called, shape = f"the initial state of '{name}'", tuple(tensor.shape)
    if len(shape) != 2 or shape[1] not in (None, size):
        raise UsageError(f"{called} is (batch, {size}), not {_text(shape)}")
    # one row is for all sequences; a size that is None is known when the model runs
    if None not in (shape[0], batch) and shape[0] not in (1, batch):
        raise UsageError(f"{called} is for {shape[0]} sequences, and there are {batch}")
    if _dtype(tensor) == "bool":
        raise UsageError(f"{called} is of bool", "a mask is given as mask=...")


def _agree(shape: Sequence[int | None], other: Sequence[int | None]) -> bool:
    return all(None in pair or pair[0] == pair[1] for pair in zip(shape, other))


def _real(subject: str, tensor: Tensor) -> None:
    dtype = _dtype(tensor)
    if "complex" in dtype or dtype == "string":
        raise UsageError(f"{subject} must be real numbers, not {dtype}")


def _dtype(tensor: Tensor) -> str:
    # torch says `torch.float32`
    return str(getattr(tensor.dtype, "name", tensor.dtype)).rpartition(".")[2]


def _text(shape: Sequence[int | None]) -> str:
    """A shape, with `?` for what is not known yet."""
    sizes = ", ".join(map(str, shape)).replace("None", "?")
    return f"({sizes},)" if len(shape) == 1 else f"({sizes})"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + " ..."
