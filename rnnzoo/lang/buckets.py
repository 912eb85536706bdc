"""Where the units of a model lie in a layer that has more: the bucket's.

In: a cell, the sizes of a model's layer and those of the bucket's.  Out: positions along each axis,
arrays of the model among entries that are spare, and the way back.

A size such as `units` is cut into as many parts as it is read in groups, as heads are; the units of
a model are the first so many of each part, and the rest are spare.  So groups stay groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np

from rnnzoo.lang import ir

Array = np.ndarray[Any, Any]
Tensor = Any
Spare = Literal["copies", "zeros"]  # what spare entries along an axis are: of a real one, or 0


class NoSpare(Exception):
    """Why the layers of a cell, or one of this size, cannot have spare units."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which sizes of a layer have spare units, and where these lie.

    Attributes:
        parts: such a size -> in how many parts of equal length its units lie.
    """

    parts: Mapping[str, int]

    def spares(self, size: ir.Size) -> bool:
        """Whether a size has spare units."""
        return any(plain in self.parts for plain in plain_sizes(size))

    def index(self, shape: ir.Shape, model: ir.Sizes, bucket: ir.Sizes) -> tuple[Array, ...]:
        """What takes the entries of a model out of an array of the bucket's.

        Raises:
            NoSpare: the bucket has no room for them.
        """
        return np.ix_(*(self.positions(size, model, bucket) for size in shape))

    def placed(
        self, array: Array, shape: ir.Shape, model: ir.Sizes, bucket: ir.Sizes, spare: float = 0.0
    ) -> Array:
        """An array of a model with spare entries.

        Raises:
            NoSpare: the bucket has no room for it.
        """
        whole = np.full(bucket.shape(shape), spare, np.asarray(array).dtype)
        whole[self.index(shape, model, bucket)] = array
        return whole

    def positions(self, size: ir.Size, model: ir.Sizes, bucket: ir.Sizes) -> Array:
        """Where the entries of an axis lie in that of the bucket.

        Raises:
            NoSpare: the bucket has no room for them.
        """
        if isinstance(size, tuple):
            starts = np.cumsum([0, *map(bucket.of, size)])
            members = [self.positions(member, model, bucket) for member in size]
            return np.concatenate([start + member for start, member in zip(starts, members)])
        if isinstance(size, ir.Grid):
            return self._of_matrix(size, model, bucket)
        count, length = model.of(size), bucket.of(size)
        if size not in self.parts:
            return np.arange(count)
        parts = self.parts[str(size)]
        if count > length or count % parts or length % parts:
            raise NoSpare(f"{count} of {size} do not lie in {length} of them, in {parts} parts")
        part, number = np.divmod(np.arange(count), count // parts)
        return part * (length // parts) + number

    def _of_matrix(self, grid: ir.Grid, model: ir.Sizes, bucket: ir.Sizes) -> Array:
        heads, rows, columns = bucket.grid(grid)
        of_rows = self.positions(grid.rows, model, bucket).reshape(heads, -1, 1) % rows
        of_columns = self.positions(grid.columns, model, bucket).reshape(heads, 1, -1) % columns
        head = np.arange(heads).reshape(-1, 1, 1)
        return np.ravel((head * rows + of_rows) * columns + of_columns)

    def filled(
        self,
        ops: Any,
        tensor: Tensor,
        axis: int,
        size: ir.Size,
        spare: Spare,
        real: Mapping[str, Tensor],
        bucket: ir.Sizes,
    ) -> Tensor:
        """A tensor whose spare entries along an axis are what they are to be.

        Args:
            ops: NumPy, or a library with its functions.
            real: a size -> 1 for each real unit of it, and 0 for each spare one.
        """
        if not self.spares(size):
            return tensor
        if isinstance(size, tuple):
            ends = np.cumsum([bucket.of(member) for member in size])[:-1]
            members = ops.split(tensor, ends.tolist(), axis=axis)
            filled = [
                self.filled(ops, member, axis, count, spare, real, bucket)
                for member, count in zip(members, size, strict=True)
            ]
            return ops.concatenate(filled, axis=axis)
        behind = prod(tensor.shape[axis:][1:])
        for plain, *view in self._views(size, behind, bucket):
            if plain in self.parts:
                tensor = _filled(ops, tensor, view, spare, real[plain])
        return tensor

    def _views(
        self, size: str | int | ir.Grid, behind: int, bucket: ir.Sizes
    ) -> Iterator[tuple[str, tuple[int, ...], tuple[int, ...]]]:
        """The plain sizes along an axis, each with a shape of tensors, and one of what says which
        units are real, in which the units of a part are the last axis but one.

        Args:
            behind: how many numbers there are along the axes behind it.
        """
        if not isinstance(size, ir.Grid):
            view = self._in_parts(str(size), bucket)
            yield str(size), (-1, *view, behind), (*view, 1)
            return
        heads, rows, columns = bucket.grid(size)
        # the rows of all heads lie one after the other, and so do their parts
        view = self._in_parts(str(size.rows), bucket)
        yield str(size.rows), (-1, *view, columns * behind), (*view, 1)
        parts, length = self._in_parts(str(size.columns), bucket)
        view = parts // heads, length
        yield str(size.columns), (-1, heads, rows, *view, behind), (heads, 1, *view, 1)

    def _in_parts(self, size: str, bucket: ir.Sizes) -> tuple[int, int]:
        """How many parts a size has, and how many units each of them."""
        parts = self.parts.get(size, 1)
        return parts, bucket.of(int(size) if size.isdigit() else size) // parts


def _filled(
    ops: Any, tensor: Tensor, view: list[tuple[int, ...]], spare: Spare, real: Tensor
) -> Tensor:
    of_tensor, of_real = view
    parts = ops.reshape(tensor, of_tensor)
    instead = 0.0 if spare == "zeros" else parts[..., :1, :]
    filled = ops.where(ops.reshape(real, of_real) > 0, parts, instead)
    return ops.reshape(filled, ops.shape(tensor))


def layout_of(cell: ir.Cell, number: int = 1, parts_of_inputs: int = 0) -> Layout:
    """The layout of layer `number` of a cell, from 1.

    Args:
        parts_of_inputs: in how many parts the inputs of the first layer lie, where these are
            outputs of layers with spare units; else 0.

    Raises:
        NoSpare: units are read in groups that do not lie within each other, or whose number depends
            on that of units; or a further layer reads its inputs in more groups than the layer
            below has laid them in.
    """
    counts = _groups(cell)
    symbols = {"units"}
    if number > 1 and _depends(cell.output_size, symbols):
        parts_of_inputs = max(counts.get(str(cell.output_size), {1}))
    if parts_of_inputs:
        symbols.add("inputs")
        counts["inputs"] = counts.get("inputs", {1}) | {parts_of_inputs}
        if max(counts["inputs"]) > parts_of_inputs:
            raise NoSpare(
                f"a further layer reads its inputs in {max(counts['inputs'])} groups, and the layer"
                f" below has them in {parts_of_inputs}"
            )
    plain = {plain_size for size in _sizes_in(cell) for plain_size in plain_sizes(size)}
    spare = sorted(size for size in {*plain, "units"} if _depends(size, symbols))
    parts = {size: max(counts.get(size, {1})) for size in spare}
    for size, most in parts.items():
        for count in counts.get(size, ()):
            if most % count:
                raise NoSpare(
                    f"groups of {size} in {count} and {most} do not lie within each other"
                )
    return Layout(parts)


def parts_of_pair(cell: ir.Cell) -> int:
    """In how many parts the outputs of a pair of layers, one a direction, lie; 0 where none of them
    is spare.
    """
    return 2 * layout_of(cell).parts.get(str(cell.output_size), 0)


def plain_sizes(size: ir.Size) -> Iterator[str]:
    """The sizes that a size is made of, each a symbol or an expression of such."""
    if isinstance(size, str):
        yield size
    members = size if isinstance(size, tuple) else ()
    if isinstance(size, ir.Grid):
        members = size.rows, size.columns
    for member in members:
        yield from plain_sizes(member)


def _depends(size: ir.Size, symbols: set[str]) -> bool:
    return not symbols.isdisjoint(ir.size_names(size))


def _equations(cell: ir.Cell) -> Iterator[ir.Equation]:
    yield from (*cell.first.equations, *cell.step.equations)


def _sizes_in(cell: ir.Cell) -> Iterator[ir.Size]:
    """The sizes of all that a cell computes or reads."""
    for equation in _equations(cell):
        yield equation.size
        for node in ir.walk(equation.expr):
            yield from node.shape
    for weight in (*cell.first.weights, *cell.step.weights):
        yield from weight.shape


def _groups(cell: ir.Cell) -> dict[str, set[int]]:
    """Size -> in how many groups it is read.

    Raises:
        NoSpare: a number of groups depends on that of units.
    """
    counts: dict[str, set[int]] = {}
    for equation in _equations(cell):
        for operation, size, groups in ir.grouped(equation.expr):
            if any(True for _ in ir.refs(groups, "size", "constant")):
                raise NoSpare(
                    f"the number of groups of '{operation.name}' in '{equation.name}' depends on"
                    " the number of units"
                )
            counts.setdefault(str(size), {1}).add(int(ir.number_of(groups, cell.options)))
    for size in _sizes_in(cell):
        if isinstance(size, ir.Grid):
            heads = ir.Sizes(0, 0, cell.options).of(size.heads)
            for plain in plain_sizes(size):
                counts.setdefault(plain, {1}).add(heads)
    return counts
