"""What every operation promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from rnnzoo import lang
from rnnzoo.lang import adjoint, derivatives, interpret, ir, operations, reference
from rnnzoo.lang.primitives import CALLS, Elementwise
from rnnzoo.lang.primitives.base import OPERANDS
from rnnzoo.lang.widen import compile_step
from rnnzoo.losses import Array

STEP = 1e-6  # of differences
UNITS, INPUTS, BATCH, TIME = 3, 2, 2, 4
# operands of the cell that applies it
PARTS = ("W @ x + R @ h[t-1] + b", "V @ x + R @ h[t-1]", "tanh(U @ x) + 2")


class OperationContract:
    """Tests of an operation.

    Attributes:
        name: as cells have it; it is found in the current project or by its entry point.
        low, high: between which its operands may lie.
    """

    name: str = ""
    low: float = -2.0
    high: float = 2.0

    def load(self) -> Elementwise:
        operation = operations.named(self.name, file="")
        assert isinstance(operation, Elementwise)
        return operation

    def operands(self) -> list[Array]:
        rng = np.random.default_rng(3)
        return [rng.uniform(self.low, self.high, 50) for _ in range(self.load().arity)]

    def cell(self) -> ir.Cell:
        """A cell that applies it to what is trained, squashed into its range."""
        middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        names = OPERANDS[: self.load().arity]
        lines = [
            f"{name} = {middle!r} + {half!r} * tanh({part})" for name, part in zip(names, PARTS)
        ]
        equations = [*lines, f"h = 0.5 * tanh({self.name}({', '.join(names)})) + 0.5 * h[t-1]"]
        return lang.parse_text(
            "name: applies\nequations: |\n" + "\n".join(f"  {line}" for line in equations) + "\n"
        )

    def test_it_says_what_it_is(self) -> None:
        if self.name not in CALLS:
            assert 10 < len(operations.about(self.name)) < 120

    def test_its_result_is_finite_and_of_its_range(self) -> None:
        operation = self.load()
        result = operation.numpy(*self.operands())
        least, largest = operation.range
        assert np.isfinite(result).all()
        assert least <= result.min() <= result.max() <= largest

    def test_each_derivative_is_that_of_its_result(self) -> None:
        operation, operands = self.load(), self.operands()
        for number in range(len(operation.derivatives)):
            difference = self.difference(operands, number)
            derivative = derivatives.by_formula(operation, operands, number)
            np.testing.assert_allclose(derivative, difference, rtol=1e-5, atol=1e-6)

    def difference(self, operands: Sequence[Array], number: int) -> Array:
        """d result / d operand by differences."""
        return derivatives.by_differences(self.load(), operands, number, STEP)

    def test_a_compiled_cell_that_applies_it_is_as_in_numpy(self) -> None:
        """Its lowering, in float64."""
        from rnnzoo.nn.introspect import outputs

        cell, weights, x = self.problem()
        expected = reference.run(cell, [weights], x, UNITS).outputs
        np.testing.assert_allclose(
            outputs(cell, weights, x, UNITS), expected, rtol=1e-9, atol=1e-11
        )

    def test_gradients_of_a_cell_that_applies_it_are_those_of_differences(self) -> None:
        """Its transposition, within a program and through time."""
        if not self.load().differentiable:
            return
        cell, weights, x = self.problem()
        rng = np.random.default_rng(6)
        upstream = rng.normal(size=(BATCH, TIME, UNITS))
        gradients = self.gradients(cell, weights, x, upstream)

        def loss(named: Mapping[str, Array]) -> float:
            return float((reference.run(cell, [named], x, UNITS).outputs * upstream).sum())

        for name, weight in weights.items():
            direction = rng.normal(size=weight.shape)
            above, below = ({**weights, name: weight + sign * STEP * direction} for sign in (1, -1))
            slope = (loss(above) - loss(below)) / (2 * STEP)
            assert float((gradients[name] * direction).sum()) == pytest.approx(
                slope, rel=1e-5, abs=1e-6
            ), name

    def problem(self) -> tuple[ir.Cell, dict[str, Array], Array]:
        """A cell, its weights and sequences."""
        cell, rng = self.cell(), np.random.default_rng(5)
        (weights,) = reference.random_weights(cell, INPUTS, UNITS, 1, rng)
        return cell, weights, rng.normal(size=(BATCH, TIME, INPUTS))

    @staticmethod
    def gradients(
        cell: ir.Cell, weights: Mapping[str, Array], x: Array, upstream: Array
    ) -> Mapping[str, Array]:
        """By the program and its adjoint, in float64 NumPy."""
        program, size = compile_step(cell.step, ["h"]), ir.Sizes(UNITS, INPUTS, cell.options)
        back = adjoint.adjoint(program, ["h"])
        values: interpret.Values = {("weight", name): weight for name, weight in weights.items()}
        values["input", "x"] = x.transpose(1, 0, 2)
        tape = interpret.run(
            program, ["h"], values, {"h": np.zeros((BATCH, UNITS))}, size, TIME, BATCH
        )
        return interpret.gradients(
            program, back, tape, {"h": upstream.transpose(1, 0, 2)}, size
        ).weights
