"""The engine with kernels on a CPU, through XLA: what tests/backends/test_cuda.py asks of a process
in which Keras is set to JAX.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any
from unittest import mock

import jax
import keras
import numpy as np
from jax.sharding import AbstractDevice, AbstractMesh

from rnnzoo import lang
from rnnzoo.backends.cuda.kernel import Kernel
from rnnzoo.backends.cuda.layout import H100, Card
from rnnzoo.backends.cuda.write import Machine
from rnnzoo.backends.jax import backend
from rnnzoo.backends.jax.cuda import CudaEngine
from rnnzoo.backends.jax.engine import _shared
from rnnzoo.backends.native.build import Tool, for_processor
from rnnzoo.nn import Recurrent
from tests import samples
from tests.backends import under_jax

FLAGS = ("-O0", "-std=c++17", "-shared", "-fPIC", "-x", "c++")
SIZE = {"batch": 3, "time": 6, "inputs": 3, "units": 8}


class HostEngine(CudaEngine):
    """Its kernels run on a CPU."""

    machine, platform = Machine.CPU, "cpu"

    def why_not(self) -> str:
        return self.why_no_loops()

    @property
    def card(self) -> Card:
        return H100

    @cached_property
    def kernels(self) -> tuple[Kernel, Kernel]:
        """With one number of sequences a block, which are less to compile."""
        forward, backward = (
            replace(kernel, layout=replace(kernel.layout, rows=(2,))) for kernel in super().kernels
        )
        return forward, backward

    @property
    def tool(self) -> Tool:
        return replace(for_processor(), flags=FLAGS)


class Untied(CudaEngine):
    """Its kernels are lowered, and never run: nothing is compiled."""

    def why_not(self) -> str:
        return self.why_no_loops()

    @property
    def targets(self) -> tuple[str, str]:
        return "rnnzoo_forward", "rnnzoo_backward"


def layers(*asked: tuple[str, int, bool]) -> list[tuple[float, float]]:
    """How far outputs are from the reference, and gradients from JAX's own."""
    with mock.patch.object(backend, "_loops", return_value=HostEngine):
        errors = [under_jax._layer(*layer, dtype="float32") for layer in asked]
    assert all(isinstance(step, HostEngine) for step in _shared.values())
    return errors


def packed_layers(*asked: tuple[str, int]) -> list[tuple[float, float] | None]:
    """How far packed sequences are from those with padding."""
    with mock.patch.object(backend, "_loops", return_value=HostEngine):
        return under_jax.packed_layers(*asked)


def models(name: str, count: int, is_masked: bool) -> list[float]:
    """How far outputs and gradients of several models at once are from those of each alone."""
    with mock.patch.object(backend, "_loops", return_value=HostEngine):
        loss, values, x = _loss(name, is_masked)
        rng = np.random.default_rng(3)
        of_models = [
            np.stack([value, 0.5 * value, rng.normal(size=value.shape)]) for value in values
        ]
        of_models = [each[:count].astype("float32") for each in of_models]
        both = jax.value_and_grad(loss)
        together = jax.jit(jax.vmap(both, in_axes=(0, None)))(of_models, x)
        alone = [both([each[model] for each in of_models], x) for model in range(count)]
    together = jax.tree.leaves(together)
    apart = zip(together, zip(*map(jax.tree.leaves, alone), strict=True), strict=True)
    return [float(np.abs(each - np.stack(others)).max()) for each, others in apart]


def lowered(name: str, units: int) -> str:
    """What JAX hands to XLA for the gradient of a layer of many models on an H100."""
    card = AbstractDevice(device_kind="NVIDIA H100 80GB HBM3", num_cores=132, platform="gpu")
    mesh = AbstractMesh((), (), abstract_device=card)
    with mock.patch.object(backend, "_loops", return_value=Untied):
        loss, values, x = _loss(name, is_masked=False, units=units)
        of_models = [np.stack([value] * 4) for value in values]
        step = jax.jit(jax.vmap(jax.grad(loss), in_axes=(0, None)))
        with jax.sharding.use_abstract_mesh(mesh):
            return str(step.trace(of_models, x).lower(lowering_platforms=("cuda",)).as_text())


def _loss(
    name: str, is_masked: bool, units: int = SIZE["units"]
) -> tuple[Callable[[list[Any], Any], Any], list[Any], Any]:
    """A number of a layer's weights, the weights, and what it reads."""
    cell = lang.load(name)
    layer = Recurrent(cell, units, return_sequences=True, seed=1)
    shape = SIZE["batch"], SIZE["time"]
    x = samples.inputs_of(cell, SIZE["inputs"], shape, 1).astype("float32")
    layer.build(x.shape)
    variables = layer.trainable_variables
    mask = np.arange(SIZE["time"]) < np.array([[6], [4], [1]]) if is_masked else None

    def loss(values: list[Any], x: Any) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            outputs = layer(x, mask=None if mask is None else keras.ops.convert_to_tensor(mask))
        return (outputs**2).sum()

    return loss, [np.asarray(variable.value) for variable in variables], x
