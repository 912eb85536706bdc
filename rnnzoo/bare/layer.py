"""One recurrent layer: outputs for a batch, and gradients of its weights.

In: a cell and sizes.  Out: a `Layer`.  What does not depend on the step before is computed for all
steps at once, in NumPy; the loops over time are compiled; every gradient of a weight is one product
or one sum over all rows, as in `backends.jax.engine`.  Matrices are in the orientation of the
equations, (rows, columns), and lie in memory as kernels (columns, rows).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnzoo.backends.contract import LayerStep, X
from rnnzoo.bare.batches import Batch, Extent
from rnnzoo.bare.loops import DTYPE, ZERO, LayerLoops, Values, loops_of
from rnnzoo.lang import ir, reference
from rnnzoo.lang.adjoint import Adjoint, adjoint
from rnnzoo.lang.interpret import Evaluator, of_weights
from rnnzoo.lang.program import Atom, Program
from rnnzoo.lang.widen import compile_step

Array = np.ndarray[Any, Any]
NUMBER = 1  # of the layer: there is one


@dataclass(frozen=True, eq=False, slots=True)
class Run:
    """What a layer computed of a batch.

    Attributes:
        fixed, moving: what its loop read, as in `bare.loops`.
        computed: what the loop yielded.
        output: (rows, size) of the output.
    """

    extent: Extent
    fixed: Values
    moving: Values
    computed: Values
    output: Array


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer that is ready to run.

    Attributes:
        output: the name of what is read out.
        masks: of weights, in the orientation of the equations.
        starts: what each state begins with, a number; None where that is learned.
    """

    layer: LayerStep
    output: str
    masks: Mapping[str, Array]
    starts: Mapping[str, float | None]
    program: Program
    adjoint: Adjoint
    loops: LayerLoops
    parts: Mapping[str, Evaluator]

    @staticmethod
    def of(cell: ir.Cell, sizes: ir.Sizes, each_step: bool) -> Layer:
        """The first layer of a cell.

        Args:
            each_step: whether its output is wanted at each step, and not at the last one only.
        """
        layer = _layer_step(cell, sizes, each_step)
        program = compile_step(layer.step, layer.carried)
        back = adjoint(program, layer.states)
        instructions = {
            "once": program.once, "before": program.before, "fixed": back.fixed,
            "after": back.after, "gradients": back.once,
        }  # fmt: skip
        masks = {}
        for weight in layer.step.weights:
            mask = reference.mask(cell, weight, sizes)
            if mask is not None:
                masks[weight.name] = mask.astype(DTYPE)
        starts: dict[str, float | None] = {}
        for state in cell.states:
            starts[state.name] = None if state.initial == "learned" else float(state.initial)
        parts = {name: Evaluator.of(part, sizes, DTYPE) for name, part in instructions.items()}
        loops = loops_of(layer, program, back)
        return Layer(layer, cell.output, masks, starts, program, back, loops, parts)

    def run(self, kernels: Mapping[str, Array], batch: Batch, keeps: bool) -> Run:
        """The outputs of a batch.

        Args:
            kernels: weights by name, matrices as (columns, rows).
            keeps: whether `gradients` are asked for.
        """
        layer, extent = self.layer, batch.extent
        weights = {name: kernel.T for name, kernel in kernels.items()}
        constants = {
            ("constant", name): value.astype(DTYPE) for name, value in layer.constants.items()
        }
        fixed = self.parts["once"]({**of_weights(weights), **constants})
        moving = dict(fixed)
        moving[X] = batch.x
        self.parts["before"](moving)
        moving = {key: value for key, value in moving.items() if key not in fixed}
        for name in layer.carried:
            shape = (extent.sequences, layer.width(name))
            fixed["start", name] = np.broadcast_to(self._start(name, kernels), shape)
        computed = self.loops.forward(fixed, moving, extent, keeps)
        return Run(extent, fixed, moving, computed, computed["after", self.output])

    def gradients(self, run: Run, of_output: Array) -> dict[str, Array]:
        """Gradients of the trained weights, in the orientation of the equations.

        Args:
            of_output: the adjoint of the output: (rows, size), or of the last steps, (sequences,
                size), where no others are wanted.
        """
        layer, extent = self.layer, run.extent
        fixed = self.parts["fixed"](dict(run.fixed))
        moving = {**run.moving, **run.computed}
        for key, name in self.program.aliases(layer.carried).items():
            moving[key] = run.computed["after", name]
        for name in layer.states:
            both = np.concatenate([run.fixed["start", name], run.computed["after", name]])
            moving["previous", name] = both[extent.before]
        fixed |= {
            ("last", name): np.zeros((extent.sequences, layer.width(name)), DTYPE)
            for name in layer.carried
        }
        if layer.wanted:
            moving["above", self.output] = of_output
        else:
            fixed["last", self.output] = of_output
        emitted = self.loops.backward(fixed, moving, extent)
        values = {**fixed, **moving, **emitted}
        self.parts["gradients"](self.parts["after"](values))
        gradients = {name: self._gradient(name, values) for name in layer.weights}
        for name, start in self.starts.items():
            if start is None:
                gradients[ir.initial_weight(name)] = emitted["first", name].sum(axis=0)
        return gradients

    def _gradient(self, name: str, values: Values) -> Array:
        atom: Atom = self.adjoint.weights.get(name, ZERO)  # nothing may read a weight
        if isinstance(atom, ir.Number):
            return np.asarray(atom.value, DTYPE)
        value = values[atom.kind, atom.name]
        return value * self.masks[name] if name in self.masks else value

    def _start(self, name: str, kernels: Mapping[str, Array]) -> Any:
        if name not in self.starts:
            return np.float32(0)  # it is shown, and no state
        start = self.starts[name]
        return kernels[ir.initial_weight(name)] if start is None else np.float32(start)


def _layer_step(cell: ir.Cell, sizes: ir.Sizes, each_step: bool) -> LayerStep:
    step = cell.layer(NUMBER)
    states = tuple(state.name for state in cell.states)
    return LayerStep(
        step=step,
        sizes=sizes,
        dtype=DTYPE,
        constants=reference.constants(cell, sizes),
        states=states,
        shown=() if cell.output in states else (cell.output,),
        wanted=(cell.output,) if each_step else (),
        below=(),
        drops=0,
        weights=tuple(weight.name for weight in step.weights if weight.trained),
        masked=False,
        packed=True,
        fixed=tuple(weight.name for weight in step.weights if not weight.trained),
    )
