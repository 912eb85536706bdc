"""What a training asks of JAX: compiled functions, loops over batches, gradients, noise.

Keras' variables are objects with a value, and JAX compiles functions of values.  So each function
here is traced within a scope of Keras', in which reading a variable yields a value that was handed
in, and writing one is remembered and handed out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
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
# of the function that is traced
_variables: ContextVar[Sequence[Any]] = ContextVar("variables", default=())


def one_thread() -> None:
    """One training a core; JAX's own threads are set by the environment of a trial's process."""


def tensor(array: np.ndarray | int) -> Tensor:
    """An array as it is on the device; Keras would have a program compiled for its shape."""
    return jax.device_put(np.asarray(array))


def compiled(
    function: Callable[..., Any], variables: Sequence[Any], runs_little: bool = False
) -> Callable[..., Any]:
    """A function of tensors, compiled as a whole with all layers that it calls."""
    variables = list(variables)
    options = QUICKLY if runs_little and jax.default_backend() == "cpu" else None

    @partial(jax.jit, compiler_options=options)
    def of_values(values: Sequence[Tensor], *tensors: Tensor) -> tuple[Any, list[Tensor]]:
        with _traced(variables):
            return _scoped(lambda: function(*tensors), values)

    def run(*tensors: Tensor) -> Any:
        results, values = of_values([variable.value for variable in variables], *tensors)
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return results

    return run


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
    scale = norm * jnp.minimum(1.0 / whole, 1.0 / norm)
    return [gradient * scale for gradient in gradients]


def noise(shape: Tensor, seed: int, step: Tensor) -> Tensor:
    """Normal numbers that are a function of a seed and the number of an update."""
    return jax.random.normal(jax.random.fold_in(jax.random.key(seed), step), shape, jnp.float32)


@contextmanager
def _traced(variables: Sequence[Any]) -> Iterator[None]:
    token = _variables.set(variables)
    try:
        yield
    finally:
        _variables.reset(token)


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
