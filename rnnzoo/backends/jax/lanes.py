"""The values of many models side by side, and functions of all of them in one executable.

In: the variables of a first model, and how many models there are.  Out: `contract.Lanes`.  What is
compiled is traced once, with the variables of the first model, and mapped over the leading axis of
all values.  On an accelerator that is `vmap`: each operation is one of all models.  Where loops are
native code, models are computed one after the other within the executable: it is faster on one
core, a lane that is not asked for takes no time, and each model's numbers are those that it has
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

from rnnzoo.backends.jax import process
from rnnzoo.backends.jax.training import Compiled, on_values, options

Tensor = Any


class Together:
    """How several models of one shape share what is compiled of the first."""

    @property
    def side_by_side(self) -> bool:
        return not (process.has_native_loops() and jax.default_backend() == "cpu")

    def on(self, compiled: Callable[..., Any], variables: Sequence[Any]) -> Callable[..., Any]:
        """A compiled function, where other variables stand for its own."""
        assert isinstance(compiled, Compiled)
        return replace(compiled, variables=list(variables))

    def lanes(self, variables: Sequence[Any], size: int) -> Lanes:
        """Room for so many models."""
        return Lanes(variables, size)


class Lanes:
    """The variables of several models, each with a leading axis of lanes; 0 in lanes that were
    given no values yet.
    """

    def __init__(self, variables: Sequence[Any], size: int) -> None:
        # by identity: `==` of Keras variables compares their values, entry by entry
        self.places = {id(variable): place for place, variable in enumerate(variables)}
        self.values = [
            jnp.zeros((size, *variable.shape), variable.value.dtype) for variable in variables
        ]

    def store(self, lane: int, variables: Sequence[Any]) -> None:
        """Give a lane the values of the variables of a model."""
        self.values = _stored(self.values, lane, [variable.value for variable in variables])

    def load(self, lane: int, variables: Sequence[Any]) -> None:
        """Give the variables of a model the values of a lane."""
        for variable, value in zip(variables, _loaded(self.values, lane), strict=True):
            variable.assign(value)

    def copy(self, lanes: np.ndarray, sources: Sequence[Any], targets: Sequence[Any]) -> None:
        """In some lanes, give some variables the values of others."""
        places = self._places(targets)
        old = [self.values[place] for place in places]
        new = [self.values[place] for place in self._places(sources)]
        self._set(places, _chosen(old, lanes, new))

    def compiled(
        self, function: Callable[..., Any], variables: Sequence[Any], runs_little: bool = False
    ) -> Callable[[np.ndarray, Any, Any], Any]:
        """`function(own, shared)` for all models, in one executable."""
        traced, places = list(variables), self._places(variables)
        side_by_side = _mapped()

        # donated: else the values of all lanes would lie in memory twice
        @partial(jax.jit, donate_argnums=0, compiler_options=options(runs_little))
        def of_all(values: Sequence[Tensor], lanes: Tensor, own: Any, shared: Any) -> Any:
            def computed(values: Sequence[Tensor], own: Any) -> tuple[Any, list[Tensor]]:
                return on_values(lambda: function(own, shared), traced, values)

            def left(values: Sequence[Tensor], own: Any) -> tuple[Any, Sequence[Tensor]]:
                # the branches of `cond` must yield the same shapes; this one computes nothing
                results, _ = jax.eval_shape(computed, values, own)
                zeros = jax.tree.map(lambda result: jnp.zeros(result.shape, result.dtype), results)
                return zeros, values

            def of_lane(lane: tuple[Tensor, list[Tensor], Any]) -> Any:
                is_asked_for, *operands = lane
                # under `map` one branch is computed; under `vmap` both are, and one is chosen
                return lax.cond(is_asked_for, computed, left, *operands)

            return side_by_side(of_lane)((lanes, list(values), own))

        def run(lanes: np.ndarray, own: Any, shared: Any) -> Any:
            values = [self.values[place] for place in places]
            results, values = of_all(values, lanes, own, shared)
            self._set(places, values)
            return results

        return run

    def _places(self, variables: Sequence[Any]) -> list[int]:
        return [self.places[id(variable)] for variable in variables]

    def _set(self, places: Sequence[int], values: Sequence[Tensor]) -> None:
        for place, value in zip(places, values, strict=True):
            self.values[place] = value


def _mapped() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """How a function of one lane becomes one of all."""
    if Together().side_by_side:
        return partial(jax.vmap)
    return lambda function: partial(lax.map, function)


@partial(jax.jit, donate_argnums=0)
def _stored(values: list[Tensor], lane: int, new: list[Tensor]) -> list[Tensor]:
    return [value.at[lane].set(of_lane) for value, of_lane in zip(values, new, strict=True)]


@partial(jax.jit)
def _loaded(values: list[Tensor], lane: int) -> list[Tensor]:
    return [value[lane] for value in values]


@partial(jax.jit, donate_argnums=0)
def _chosen(old: list[Tensor], lanes: Tensor, new: list[Tensor]) -> list[Tensor]:
    return [
        # (lanes, 1, 1, ...): a lane changes as a whole
        jnp.where(lanes.reshape(-1, *(1,) * (before.ndim - 1)), after, before)
        for before, after in zip(old, new, strict=True)
    ]
