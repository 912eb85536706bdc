"""What a training asks of JAX: compiled functions, loops over batches, gradients, noise.

Keras' variables are objects with a value, and JAX compiles functions of values.  So each function
here is traced within a scope of Keras', in which reading a variable yields a value that was handed
in, and writing one is remembered and handed out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import keras
import numpy as np
from jax import lax
from jax import numpy as jnp

Tensor = Any
# XLA's earlier way to write a fusion: evaluation is compiled in 0.65 of the time, and runs as fast
# or up to 1.2 times as long.  Of epochs, that would be more than it saves.
QUICKLY = {"xla_cpu_use_fusion_emitters": False}
GONE = (0, 11, 1)  # the version of JAX that has no such option any more, and refuses it
# of the function that is traced
_variables: ContextVar[Sequence[Any]] = ContextVar("variables", default=())


def one_thread() -> None:
    """One training a core; JAX's own threads are set by the environment of a trial's process."""


def tensor(array: np.ndarray | int) -> Tensor:
    """An array as it is on the device; Keras would have a program compiled for its shape."""
    return jax.device_put(np.asarray(array))


def compiled(
    function: Callable[..., Any], variables: Sequence[Any], runs_little: bool = False
) -> Compiled:
    """A function of tensors, compiled as a whole with all layers that it calls."""
    traced = list(variables)

    @partial(jax.jit, compiler_options=options(runs_little))
    def of_values(values: Sequence[Tensor], *tensors: Tensor) -> tuple[Any, list[Tensor]]:
        return on_values(lambda: function(*tensors), traced, values)

    return Compiled(of_values, traced)


@dataclass(frozen=True, eq=False, slots=True)
class Compiled:
    """A compiled function of values and tensors, and the variables whose values it is given."""

    of_values: Callable[..., tuple[Any, list[Tensor]]]
    variables: Sequence[Any]

    def __call__(self, *tensors: Tensor) -> Any:
        values = [variable.value for variable in self.variables]
        results, values = self.of_values(values, *tensors)
        for variable, value in zip(self.variables, values, strict=True):
            variable.assign(value)
        return results


def options(runs_little: bool) -> Mapping[str, Any] | None:
    """How XLA compiles a function."""
    is_known = jax.__version_info__ < GONE and jax.default_backend() == "cpu"
    return QUICKLY if runs_little and is_known else None


def on_values(
    function: Callable[[], Any], variables: Sequence[Any], values: Sequence[Tensor]
) -> tuple[Any, list[Tensor]]:
    """What a function yields that is traced where variables have these values; and their values
    afterwards.
    """
    token = _variables.set(variables)
    try:
        return _scoped(function, values)
    finally:
        _variables.reset(token)


def repeat(
    count: Tensor, step: Callable[..., Sequence[Tensor]], start: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    """`step(number, *totals) -> totals` for number = 0 .. count - 1, from these totals on, in
    compiled code.
    """

    def body(number: Tensor, carried: tuple[Any, Any]) -> tuple[Any, Any]:
        totals, values = carried
        new, values = _scoped(lambda: step(number, *totals), values)
        return tuple(new), values

    first = tuple(jnp.asarray(total, jnp.float32) for total in start)
    totals, values = lax.fori_loop(0, count, body, (first, _values()))
    _write(values)
    yielded: tuple[Tensor, ...] = totals
    return yielded


def gradients(
    loss: Callable[[], tuple[Tensor, Any]], variables: Sequence[Any]
) -> tuple[Any, list[Tensor]]:
    """What else a loss yields, and its gradients with respect to variables."""
    everything = _values()
    places = {id(variable): place for place, variable in enumerate(_variables.get())}
    trained = [places[id(variable)] for variable in variables]

    def of_trained(values: Sequence[Tensor]) -> tuple[Tensor, tuple[Any, list[Tensor]]]:
        replaced = list(everything)
        for place, value in zip(trained, values, strict=True):
            replaced[place] = value
        (error, others), written = _scoped(loss, replaced)
        return error, (others, written)

    slopes, (others, written) = jax.grad(of_trained, has_aux=True)(
        [everything[place] for place in trained]
    )
    _write(written)  # of these the loss writes the state of generators of random numbers only
    return others, slopes


def clipped(gradients: Sequence[Tensor], norm: float) -> list[Tensor]:
    """Gradients whose norm, all together, is at most that."""
    whole = jnp.sqrt(sum(jnp.sum(jnp.square(gradient)) for gradient in gradients))
    # Keras' formula, by which gradients of norm 0 stay 0
    scale = norm * jnp.minimum(1.0 / whole, 1.0 / norm)
    return [gradient * scale for gradient in gradients]


def noise(shape: Tensor, seed: Tensor, step: Tensor) -> Tensor:
    """Normal numbers that are a function of a seed and the number of an update."""
    return jax.random.normal(jax.random.fold_in(jax.random.key(seed), step), shape, jnp.float32)


def _values() -> list[Tensor]:
    return [variable.value for variable in _variables.get()]


def _write(values: Sequence[Tensor]) -> None:
    for variable, value in zip(_variables.get(), values, strict=True):
        variable.assign(value)


def _scoped(function: Callable[[], Any], values: Sequence[Tensor]) -> tuple[Any, list[Tensor]]:
    """What a function yields where the variables have these values, and their values afterwards."""
    variables = _variables.get()
    with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))) as scope:
        results = function()
        written = [scope.get_current_value(variable) for variable in variables]
    return results, written
