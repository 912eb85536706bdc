"""The engine with its loops as generated kernels, on a GPU.

In: a step.  Out: the same engine whose two loops over time are kernels of `backends.cuda`; under
`vmap`, one launch has the loops of all models.  What is computed for all steps at once stays XLA's:
products before and after the loops.  Where a kernel does not fit the card, the scan runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import jax
import numpy as np

from rnnzoo.backends.contract import Named
from rnnzoo.backends.cuda import build
from rnnzoo.backends.cuda.kernel import Kernel, fitted
from rnnzoo.backends.cuda.layout import Card
from rnnzoo.backends.cuda.write import Machine, written
from rnnzoo.backends.emit import Emitter
from rnnzoo.backends.jax.calls import registered
from rnnzoo.backends.jax.engine import emitter_of
from rnnzoo.backends.jax.native import NAMES, Extent, NativeEngine
from rnnzoo.backends.native.build import Tool
from rnnzoo.backends.native.plan import Plan
from rnnzoo.backends.step import Given

Tensor = Any
HANDLER = Path(__file__).with_name("kernel_handler.cc")


@dataclass(frozen=True)
class CudaEngine(NativeEngine):
    """A layer's step with kernels."""

    machine: ClassVar[Machine] = Machine.CARD
    platform: ClassVar[str] = "CUDA"

    def why_not(self) -> str:
        """Why its loops are left to the scan; empty where they are not."""
        if jax.default_backend() != "gpu":
            return f"JAX computes on {jax.default_backend()}"
        return self.why_no_loops()

    @property
    def identity(self) -> tuple[Any, ...]:
        return "cuda", *super().identity

    @property
    def card(self) -> Card:
        """What kernels are laid out for."""
        return build.card(jax.devices()[0].compute_capability)

    @property
    def tool(self) -> Tool:
        """What compiles them."""
        return build.for_card(self.card.architecture)

    @cached_property
    def kernels(self) -> tuple[Kernel, Kernel]:
        """Forward and backward.

        Raises:
            TooLarge: they do not fit.
        """
        forward, backward = (
            fitted(plan, self.sizes, self.rows_are, self.card) for plan in self.loops
        )
        return forward, backward

    @cached_property
    def targets(self) -> tuple[str, str]:
        """Under which names XLA calls the kernels."""
        source = written(dict(zip(NAMES, self.kernels, strict=True)), self.machine)
        forward, backward = registered(source, NAMES, HANDLER, self.tool, self.platform)
        return forward, backward

    def emitter(self, given: Given) -> Emitter:
        return emitter_of(given)

    def _called(
        self,
        target: str,
        plan: Plan,
        given: Given,
        values: Mapping[Named, Tensor],
        keeps: bool = True,
    ) -> dict[Named, Tensor]:
        """What a kernel writes, by key; unless it `keeps`, nothing of what is saved."""
        extent = Extent.of(given)
        arguments = self._read(plan, given, values, extent)
        shapes = self._written(plan, extent, keeps)
        counts = [extent.steps, extent.sequences, int(np.prod(extent.rows)), keeps]
        ranks = [len(array.shape) for array in (*arguments, *shapes)]
        call = jax.ffi.ffi_call(target, shapes, vmap_method="expand_dims")
        outputs = call(
            *arguments, counts=np.array(counts, np.int32), ranks=np.array(ranks, np.int32)
        )
        return dict(zip((output.key for output in plan.outputs), outputs, strict=True))
