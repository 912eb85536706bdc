"""Initial weights of a cell in NumPy: the initialisers of `spec.cell`, defined as in Keras.

In: a cell and the sizes of a layer.  Out: weights by name, in the orientation of the equations.
The random numbers differ from those of Keras.  Unlike Keras' `glorot_normal` and similar, normal
ones are not truncated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnzoo.lang import ir, reference
from rnnzoo.lang.formulas import formula, names_in
from rnnzoo.lang.primitives import OfConstants, Primitive
from rnnzoo.lang.primitives.layout import members
from rnnzoo.spec.cell import BY_COLUMNS, EXPRESSION, Init

Array = np.ndarray[Any, Any]


def weights(
    cell: ir.Cell, layer: int, sizes: ir.Sizes, rng: np.random.Generator
) -> dict[str, Array]:
    """The initial weights of one layer (from 1), including learned initial states.

    Raises:
        UsageError: a constant, or an expression that a weight begins with, has no finite value at
            these sizes.
    """
    constants = reference.constants(cell, sizes)
    values = expressions(cell, layer, sizes, constants, lambda name, shape: rng.random(shape))
    for weight in cell.layer(layer).weights:
        if weight.name not in values:
            values[weight.name] = drawn(weight, sizes, rng)
    for weight in cell.learned:
        values[weight.name] = np.zeros(sizes.shape(weight.shape))
    return values


def expressions(
    cell: ir.Cell,
    layer: int,
    sizes: ir.Sizes,
    constants: Mapping[str, Array],
    random: Callable[[str, tuple[int, ...]], Array],
) -> dict[str, Array]:
    """The weights of one layer (from 1) that begin with an expression, in the orientation of the
    equations.

    Args:
        random: from the name and the shape of a weight to numbers from 0 to 1.

    Raises:
        UsageError: an expression has no finite value at these sizes, or a number of groups does not
            divide that of entries.
    """
    weights = {weight.name: weight for weight in cell.layer(layer).weights}
    values: dict[str, Array] = {}

    def value(name: str) -> Array:
        weight = weights[name]
        shape = sizes.shape(weight.shape)
        if weight.init.name != EXPRESSION:  # a number
            return draw(weight.init, shape, sizes.options, np.random.default_rng(0))
        if name not in values:
            names = names_in(weight.init)
            read = {other: value(other) for other in names if other in weights}
            numbers = random(name, shape) if "random" in names else None

            def entries(expr: ir.Expr, shape: tuple[int, ...]) -> Array:
                """An expression for each entry of a matrix or vector of this shape."""
                known = {**_known(shape, sizes, constants), **read}
                if numbers is not None:
                    known["random"] = numbers
                return reference.evaluate(expr, {"value": known}, sizes)

            expr = formula(str(weight.init.values[0]))
            with reference.finite(cell, f"the beginning of '{name}'", sizes):
                for operation, operand, groups in _grouped(expr):
                    subject = f"{operation.name} in the beginning of '{name}'"
                    count = int(ir.number_of(groups, sizes.options))
                    reference.check_division(cell, subject, count, len(entries(operand, shape)))
                computed = _computed(expr, shape, entries)
            values[name] = np.broadcast_to(computed, shape).astype(float)
        return values[name]

    for name, weight in weights.items():
        if weight.init.name == EXPRESSION:
            value(name)
    return values


def _grouped(expr: ir.Expr) -> Iterator[tuple[Primitive, ir.Expr, ir.Expr]]:
    """The operations over groups of units in an expression, each with its first operand and the
    number of groups; inner ones first.
    """
    for node in ir.walk(expr):
        if isinstance(node, ir.Apply) and node.op.over_units and len(node.args) != node.op.arity:
            yield node.op, node.args[0], node.args[-1]


def _computed(
    expr: ir.Expr, shape: tuple[int, ...], entries: Callable[[ir.Expr, tuple[int, ...]], Array]
) -> Array:
    """What a weight begins with, given what computes an expression entry by entry."""
    if not isinstance(expr, ir.Apply) or not isinstance(expr.op, OfConstants):
        return entries(expr, shape)
    shapes = [(shape[0], shape[0]), shape]
    operands = [
        np.broadcast_to(entries(arg, of_operand), of_operand)
        for arg, of_operand in zip(expr.args, shapes)
    ]
    return expr.op.numpy(*operands)


def _known(
    shape: tuple[int, ...], sizes: ir.Sizes, constants: Mapping[str, Array]
) -> dict[str, Array]:
    """What the expression of a weight's beginning may read, but for random numbers and weights."""
    numbers = {**sizes.options, "units": sizes.units, "inputs": sizes.inputs}
    known = {name: np.asarray(float(number)) for name, number in numbers.items()}
    known |= constants
    if len(shape) == 1:
        known["unit"] = np.arange(shape[0], dtype=float)
    if len(shape) == 2:
        known["row"] = np.arange(shape[0], dtype=float)[:, None]
        known["col"] = np.arange(shape[1], dtype=float)[None, :]
        for name, vector in constants.items():
            known |= {f"{name}[row]": vector[..., None], f"{name}[col]": vector[None]}
    return known


@dataclass(frozen=True, slots=True)
class Beginning:
    """The definition of an initialiser with all its numbers.

    Attributes:
        kind: `constant`, `identity`, `orthogonal`, `normal`, `uniform`, `spectral_radius`, or
            `scaled`, whose variance depends on the size of the matrix.
        numbers: the value of `constant`; the gain of `identity` and `orthogonal`; the standard
            deviation of `normal`, around 0; the lower and upper bound of `uniform`; the variance
            times the fan of `scaled`; the radius and the density of `spectral_radius`.
        fan: of `scaled`: `fan_in`, the number of inputs, or `fan_avg`, the mean of the numbers of
            inputs and outputs.
        distribution: of `scaled`: `uniform` or `normal`.
    """

    kind: str
    numbers: tuple[float, ...]
    fan: str = ""
    distribution: str = ""


SCALED = {"glorot": (1.0, "fan_avg"), "he": (2.0, "fan_in"), "lecun": (1.0, "fan_in")}


def _number(value: float | str, options: Mapping[str, float]) -> float:
    """A value of an initialiser, which may be the name of an option."""
    return float(options[value]) if isinstance(value, str) else float(value)


def beginning(init: Init, options: Mapping[str, float]) -> Beginning:
    """The definition of an initialiser, for NumPy and Keras: the one place that says what each name
    means.

    Args:
        options: values of the options that an initialiser may name.
    """
    values = tuple(_number(value, options) for value in init.values)
    match init.name, values:
        case "zeros", _:
            return Beginning("constant", (0.0,))
        case "ones", _:
            return Beginning("constant", (1.0,))
        case "identity" | "orthogonal", ():
            return Beginning(init.name, (1.0,))
        case "uniform", (limit,):
            return Beginning("uniform", (-limit, limit))
        case "spectral_radius", (radius, *density):
            return Beginning(init.name, (radius, *(density or [1.0])))
        case "constant" | "identity" | "orthogonal" | "normal" | "uniform", _:
            return Beginning(init.name, values)
    family, _, distribution = init.name.partition("_")
    scale, fan = SCALED[family]
    return Beginning("scaled", (scale,), fan, distribution)


def drawn(weight: ir.Weight, sizes: ir.Sizes, rng: np.random.Generator) -> Array:
    """An initial weight that does not begin with an expression."""
    blocks = [
        draw(Init(name), shape, sizes.options, rng) for name, shape in by_columns(weight, sizes)
    ]
    if blocks:
        return np.concatenate(blocks, axis=1)
    return draw(weight.init, sizes.shape(weight.shape), sizes.options, rng)


def by_columns(weight: ir.Weight, sizes: ir.Sizes) -> list[tuple[str, tuple[int, ...]]]:
    """The initialiser and the shape of the columns for each of the joined vectors that a matrix
    multiplies; none where it begins as a whole.
    """
    if weight.init.name != BY_COLUMNS:
        return []
    rows, columns = weight.shape
    shapes = [sizes.shape((rows, size)) for size in members((columns,))]
    return list(zip(map(str, weight.init.values), shapes, strict=True))


def draw(
    init: Init, shape: tuple[int, ...], options: Mapping[str, float], rng: np.random.Generator
) -> Array:
    """An initial weight, drawn as its initialiser says."""
    definition = beginning(init, options)
    match definition.kind, definition.numbers:
        case "constant", (value,):
            return np.full(shape, value)
        case "identity", (gain,):
            return np.eye(shape[0], shape[1]) * gain
        case "orthogonal", (gain,):
            return _orthogonal(shape, rng) * gain
        case "normal", (deviation,):
            return rng.normal(0.0, deviation, shape)
        case "uniform", (low, high):
            return rng.uniform(low, high, shape)
        case "spectral_radius", (radius, density):
            return reservoir(rng.normal(size=shape), rng.random(shape), radius, density)
        case _, (scale,):
            rows, columns = (shape[0], shape[-1]) if shape else (1, 1)
            variance = scale / (columns if definition.fan == "fan_in" else (rows + columns) / 2)
            if definition.distribution == "uniform":
                limit = np.sqrt(3.0 * variance)  # numbers between -a and a have variance a^2 / 3
                return rng.uniform(-limit, limit, shape)
            return rng.normal(0.0, np.sqrt(variance), shape)
    raise AssertionError(definition)


def reservoir(entries: Array, shares: Array, radius: float, density: float) -> Array:
    """A sparse random matrix of a spectral radius, as echo state networks begin with (Jaeger 2001).

    Args:
        entries: normal numbers.
        shares: numbers from 0 to 1; where one is below `density`, the entry stays.
        radius: the largest absolute value of an eigenvalue.  A matrix whose eigenvalues are all 0,
            as a very sparse small one, stays as it is.
    """
    sparse = np.where(shares < density, entries, 0.0).astype(float)
    largest = np.abs(np.linalg.eigvals(sparse)).max()
    # eigenvalues that should be 0 are found to be as large as a root of the precision
    return sparse * (radius / largest if largest > NILPOTENT else 1.0)


NILPOTENT = 1e-3


def _orthogonal(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    rows, columns = shape
    q, r = np.linalg.qr(rng.normal(size=(max(shape), min(shape))))
    # with r's diagonal positive, every orthogonal matrix is as likely (Mezzadri 2007)
    q *= np.sign(np.diag(r))
    return q if rows >= columns else q.T
