"""Random numbers, `d = bernoulli(p)`: where they may stand, and what their mean may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeGuard

from rnnzoo.errors import Span
from rnnzoo.lang import ir
from rnnzoo.lang.check.trees import MISTAKEN, as_written
from rnnzoo.lang.primitives import Draw
from rnnzoo.lang.tree import Call, Tree

if TYPE_CHECKING:
    from rnnzoo.lang.check.layer import Layer


def draws(tree: Tree | None) -> TypeGuard[Call]:
    """Whether an expression, the whole of an equation, is a random number."""
    return isinstance(tree, Call) and isinstance(tree.op, Draw)


def draw(layer: Layer, tree: Call) -> ir.Expr:
    """A random number, of a mean that is the same at every step."""
    (operand,) = tree.args
    mean = layer.typed(operand)
    if mean == MISTAKEN:
        return mean
    problem, fix = _wrong_mean(tree.op.name, mean, layer.shared.spec.options)
    if problem:
        layer.mistakes.add(operand.span, problem, fix)
        return MISTAKEN
    return ir.Apply(tree.op, (mean,))


def _wrong_mean(name: str, mean: ir.Expr, options: Mapping[str, float]) -> tuple[str, str]:
    """What is wrong with a mean, and the fix; empty where nothing is."""
    names = {node.name for node in ir.walk(mean) if isinstance(node, ir.Ref)}
    if not names <= options.keys():
        problem = f"the mean of {name} is a number or an option, the same at every step"
        return problem, f"write {name}(0.1), or name an option"
    value = ir.number_of(mean, options)
    if not 0 <= value <= 1:
        return f"{name} draws 0 or 1, and never with a mean of {value:g}", "write one from 0 to 1"
    return "", ""


def within(tree: Call) -> tuple[str, str]:
    """What is wrong with a random number within an expression, and the fix."""
    problem = f"{tree.op.name} stands alone, so that what it draws has a name"
    return problem, f"write `d = {as_written(tree)}` on a line of its own, and d here"


def report_kept(layer: Layer, name: str, span: Span) -> ir.Expr:
    """Report the use of a random number beyond its step and its layer."""
    problem = f"'{name}' is drawn for this step of this layer alone"
    fix = f"carry on what is made of it: `e = {name} * h[t-1]`, then e[t-1]"
    layer.mistakes.add(span, problem, fix)
    return MISTAKEN
