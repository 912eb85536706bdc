"""The cell language: equations as text become an intermediate representation once, and everything
else reads that.

    parse, check       text -> trees -> `ir.Cell`, or every mistake
    tree               the nodes of those trees
    notation           notations of papers, read as what they mean
    unreadable         what is wrong with text that cannot be read
    ir, primitives     the representation; the operations, each with all of its rules
    carriers           states of several steps back, and how people see them
    operations         those of a project, beside them
    canonical          one text and one hash for all spellings of a cell
    signs              a cell without the signs that its weights can carry
    reference, counts  float64 NumPy, the oracle; weights and multiply-adds
    text, latex, unicode, greek, diagram, view     for people
    plain              cells as files of Python for PyTorch and JAX
    javascript         cells as data for a page, and the script that computes with them
    passes, program, widen     a step as a program, made by `widen.compile_step`
    delays             states that are functions of earlier inputs only, out of the loop
    scans              steps without a loop: linear states as scans, nonlinear ones for Newton
    buckets, spare     models of several sizes in layers of one; steps with spare units
    ladder             which sizes these are, and in which of them a model lies
    slopes             derivatives of states with respect to the step before, unit by unit
    formulas           what primitives have in the cell language: derivatives, and means to compute
    adjoint, listing, verify   its reverse; both as text; what both must hold
    interpret          programs in float64 NumPy, the engine's oracle
    recurrence         the kind of each group of states: linear or not, which units it joins
    memory             gradients of states against lags
    start              initial weights in NumPy
    single             a layer on one sequence, with weights that its caller gives
    philox             the random numbers that trainings begin with, which are TensorFlow's
    probes             random inputs, on which both run a cell
    rewriting          mutations of cells, and cells of a grammar: for a search
    behaviour          what a cell computes, whatever its text; why it cannot be trained
    at_start           half-lives of states and values of gates before training
    derivatives        whether those of a project's operations are right
    lint               warnings about how a cell starts, and about those derivatives

No library of its own but NumPy; `ir` reads `spec`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rnnzoo.errors import UsageError, nearest
from rnnzoo.lang import ir
from rnnzoo.lang.check import check, checkable, with_beginnings
from rnnzoo.spec.cell import EXPRESSION, Init, parse_cell, read

__all__ = ["check", "checkable", "ir", "load", "no_weight", "parse_text", "with_init"]


def load(
    reference: str | Path, folder: Path | None = None, options: Mapping[str, float] | None = None
) -> ir.Cell:
    """The cell of a name or path (`spec.cell.read`), checked.

    Raises:
        UsageError: no such cell, or no such option.
        SpecError: mistakes in its file.
    """
    spec = checkable(lambda: read(reference, folder))
    return check(spec.with_options(options) if options else spec)


def parse_text(text: str, file: str = "<cell>") -> ir.Cell:
    """The cell of a YAML text."""
    return check(checkable(lambda: parse_cell(text, file)))


def no_weight(cell: ir.Cell, name: str) -> tuple[str, str]:
    """Why an initialiser cannot be for `name`, and the fix; empty where a weight has that name or
    it stands for all, `*`.
    """
    names = {weight.name for weight in cell.all_weights}
    if name == "*" or name in names:
        return "", ""
    return f"cell '{cell.name}' has no weight '{name}'", nearest(name, names)


def with_init(cell: ir.Cell, init: Mapping[str, Init]) -> ir.Cell:
    """The same cell with other initialisers by name of a weight; `*` stands for all trained
    weights not named that it fits.

    Raises:
        UsageError: a name that no weight has.
        SpecError: mistakes in an expression.
    """
    for name in init:
        problem, fix = no_weight(cell, name)
        if problem:
            raise UsageError(problem, fix)
    common = init.get("*")

    def of(weight: ir.Weight) -> Init:
        # what is never trained is part of what the cell computes
        fits = common is not None and common.fits(weight.shape) and weight.trained
        fitting = common if common and fits else weight.init
        return init.get(weight.name, fitting)

    def patched(step: ir.Step) -> ir.Step:
        weights = tuple(replace(weight, init=of(weight)) for weight in step.weights)
        return replace(step, weights=weights)

    patched_cell = replace(cell, step=patched(cell.step), first=patched(cell.first))
    inits = [weight.init.name for weight in cell.all_weights]
    if EXPRESSION in (*inits, *(asked.name for asked in init.values())):
        return with_beginnings(patched_cell)
    return patched_cell
