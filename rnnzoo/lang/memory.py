"""Memory of gradients: the norm of d loss_T / d state_t against the lag T - t.

In: a cell, weights, sequences of equal length, and the gradient of the last step's loss with
respect to the last output.  Out: norms by state and lag, in float64, from the same adjoint that the
engine compiles; and a bound for simple cells.

Contains: vanishing and exploding gradients (Hochreiter 1991; Bengio, Simard and Frasconi 1994;
Pascanu, Mikolov and Bengio 2013), and how the LSTM's carousel carries them (Hochreiter and
Schmidhuber 1997).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnzoo.lang import interpret, ir, reference
from rnnzoo.lang.adjoint import adjoint
from rnnzoo.lang.widen import compile_step

Array = np.ndarray[Any, Any]


def norms(
    cell: ir.Cell, weights: Mapping[str, Array], x: Array, units: int, upstream: Array
) -> dict[str, Array]:
    """Euclidean norms for every state.

    Args:
        weights: of one layer, in the orientation of the equations.
        x: (batch, time, inputs), named inputs last.
        upstream: (batch, size), d loss_T / d output_T.

    Returns:
        (lags, batch) for each state; row k is the norm of the gradient with respect to the state k
        + 1 steps before the end, down to the state before the first step.
    """
    states = [state.name for state in cell.states]
    program = compile_step(cell.first, list(dict.fromkeys([*states, cell.output])))
    batch, time, inputs = x.shape
    sizes = ir.sizes(cell, inputs, units, 1)
    masked = reference.masked(cell, cell.first, weights, sizes)
    given = interpret.of_weights({name: np.asarray(value, float) for name, value in masked.items()})
    given |= {("constant", name): value for name, value in reference.constants(cell, sizes).items()}
    parts = cell.split(np.asarray(x, float).transpose(1, 0, 2))
    given |= {("input", name): value for name, value in parts.items()}
    start = reference.start(cell, weights, sizes, batch)
    tape = interpret.run(program, states, given, start, sizes, time, batch)
    widths = {name: tape.steps[0]["result", name].shape[-1] for name in program.results}
    upstreams = {name: np.zeros((time, batch, width)) for name, width in widths.items()}
    upstreams[cell.output][-1] = upstream
    gradients = interpret.state_gradients(program, adjoint(program, states), tape, upstreams, sizes)
    return {name: np.linalg.norm(value[::-1], axis=-1) for name, value in gradients.items()}


def bound(cell: ir.Cell, weights: Mapping[str, Array], lags: int) -> Array | None:
    """The largest factor by which a gradient can have grown after 1, 2, ... `lags` steps: (gamma
    |R|)^lag.

    Pascanu, Mikolov and Bengio 2013, section 2.1, for a step `h = f(... + R @ h[t-1])` whose f
    saturates, as tanh and sigmoid do, and is steepest at 0; None for other cells.  |R| is the
    largest singular value, gamma the slope at 0.
    """
    if len(cell.first.equations) != 1:
        return None
    (equation,) = cell.first.equations
    slope = equation.expr.op.slope if isinstance(equation.expr, ir.Apply) else None
    if not isinstance(equation.expr, ir.Apply) or slope is None:
        return None
    matrix = _recurrent_matrix(equation.expr.args[0])
    if matrix is None:
        return None
    largest = float(np.linalg.norm(weights[matrix.name], 2))
    return np.power(float(slope(np.zeros(()))) * largest, np.arange(1, lags + 1))


def _recurrent_matrix(expr: ir.Expr) -> ir.Ref | None:
    """R where one term of a sum is `R @ h[t-1]` and nothing else in it reads the previous step;
    else None.
    """
    if len(list(ir.refs(expr, "previous"))) != 1:
        return None
    for term, _ in ir.terms(expr):
        if isinstance(term, ir.Apply) and term.op.is_product:
            matrix, operand = term.args
            if (
                isinstance(matrix, ir.Ref)
                and isinstance(operand, ir.Ref)
                and operand.kind == "previous"
            ):
                return matrix
    return None
