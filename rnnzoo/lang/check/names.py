"""A name has one meaning."""

from __future__ import annotations

from collections.abc import Mapping

from rnnzoo.errors import Mistakes
from rnnzoo.lang.check.trees import RESERVED
from rnnzoo.lang.primitives import CALLS
from rnnzoo.spec.cell import CellSpec, Statement


def check_names(spec: CellSpec, mistakes: Mistakes) -> None:
    """A name has one meaning."""
    taken: dict[str, str] = dict.fromkeys(spec.options, "an option")
    _check_input_names(spec, taken, mistakes)
    taken |= dict.fromkeys(spec.inputs, "an input")
    _check_option_names(spec, mistakes)
    for statement in (
        *spec.constants.values(),
        *spec.equations.values(),
        *spec.first_layer.values(),
    ):
        _check_statement_name(statement, spec, taken, mistakes)
    _check_weight_names(spec, taken, mistakes)
    if spec.output not in spec.equations and spec.output not in spec.unread:
        _no_output(spec, mistakes)


def _check_input_names(spec: CellSpec, taken: Mapping[str, str], mistakes: Mistakes) -> None:
    for name, declared in spec.inputs.items():
        if name in RESERVED or name in CALLS:
            problem = f"'{name}' cannot be the name of an input: it means something already"
            mistakes.add(declared.span, problem, f"write {name}_")
        elif name in taken:
            problem = f"'{name}' is {taken[name]} already"
            mistakes.add(declared.span, problem, "choose another letter")


def _check_option_names(spec: CellSpec, mistakes: Mistakes) -> None:
    for name, key in spec.option_keys.items():
        if name in RESERVED or name in CALLS:
            mistakes.add(
                key.span,
                f"'{name}' cannot be the name of an option: it means something already",
                f"write {name}_",
            )


def _check_weight_names(spec: CellSpec, taken: Mapping[str, str], mistakes: Mistakes) -> None:
    for name, declared in spec.shapes.items():
        if name in RESERVED or name in CALLS or name.startswith("initial_"):
            mistakes.add(
                declared.span, f"'{name}' cannot be the name of a weight", "choose another letter"
            )
        elif name in taken or name in spec.constants:
            mistakes.add(
                declared.span,
                f"'{name}' is {taken.get(name, 'a constant')} already",
                "choose another letter",
            )


def _check_statement_name(
    statement: Statement, spec: CellSpec, taken: Mapping[str, str], mistakes: Mistakes
) -> None:
    """The name of a constant or an equation has no other meaning; `taken` are names with their
    meanings.
    """
    name, span = statement.name, statement.span
    is_constant_too = name in spec.constants and statement is not spec.constants[name]
    if name in RESERVED:
        mistakes.add(span, f"'{name}' is reserved", f"reserved are {', '.join(sorted(RESERVED))}")
    elif name in CALLS or name == "matmul":
        mistakes.add(span, f"'{name}' is an operation and cannot be a name", f"write {name}_")
    elif name in taken or is_constant_too:
        mistakes.add(
            span, f"'{name}' is {taken.get(name, 'a constant')} already", "choose another letter"
        )
    elif name in spec.shapes:
        mistakes.add(span, f"'{name}' is declared as a weight already", "choose another letter")


def _no_output(spec: CellSpec, mistakes: Mistakes) -> None:
    """Report that no equation computes the output; papers often call it h_t."""
    span = spec.output_span or spec.span
    if f"{spec.output}_t" in spec.equations:
        span = spec.equations[f"{spec.output}_t"].span
        fix = (
            f"write `{spec.output} = ...`: a bare name is this step's value; or `output:"
            f" {spec.output}_t`"
        )
    else:
        last = [*spec.equations, "y"][len(spec.equations) - 1]
        fix = f"write an equation for it, or name the output: `output: {last}`"
    mistakes.add(span, f"the output '{spec.output}' has no equation", fix)
