"""What a sweep asks, printed before data is read and anything trains: its claims, and what each
variant changes in the baseline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console

from rnnzoo import lang
from rnnzoo.errors import listed, number_of
from rnnzoo.lang.view import CellView
from rnnzoo.spec.experiment import Experiment, Variant
from rnnzoo.sweep import open as door
from rnnzoo.terminal.console import told

SHOWN = 12  # claims, or variants
_FEW = 3  # equations that are named where several differ


def print_asked(experiment: Experiment, console: Console) -> None:
    """
    Raises:
        SpecError: all mistakes in it that can be found without data.
    """
    door.checked_parts(experiment)
    for text in lines(experiment):
        told(console, text)


def lines(experiment: Experiment) -> Iterator[str]:
    """What the experiment is about, its claims and its variants."""
    if experiment.about:
        yield experiment.about.strip()
    if experiment.claims:
        yield "claims, to be answered"
        yield from _indented([claim.text for claim in experiment.claims], "claim")
    yield f"variants, and what each changes in {experiment.baseline}"
    width = max(len(variant.label) for variant in experiment.variants[:SHOWN])
    baseline = experiment.variant(experiment.baseline)
    described = [
        f"{variant.label:{width}}  {described_beside(variant, baseline)}"
        for variant in experiment.variants[:SHOWN]
    ]
    described += [variant.label for variant in experiment.variants[SHOWN:]]
    yield from _indented(described, "variant")


def _indented(rows: Sequence[str], noun: str) -> Iterator[str]:
    """The first rows, and how many more there are."""
    for row in rows[:SHOWN]:
        yield f"  {row}"
    if len(rows) > SHOWN:
        yield f"  and {number_of(len(rows) - SHOWN, f'more {noun}')}"


def described_beside(variant: Variant, baseline: Variant) -> str:
    """A variant's title, and its equations that differ from the baseline's, as far as they fit a
    line.
    """
    cell = CellView(lang.check(variant.cell))
    title = cell.title or cell.name
    if variant is baseline:
        return f"{title} (the baseline)"
    change = _changed_equations(cell, lang.check(baseline.cell))
    return f"{title}: {change or _beside_equations(variant, baseline)}"


def _changed_equations(cell: CellView, baseline: lang.ir.Cell) -> str:
    """Empty where all are the same."""
    changed = cell.diff(baseline)
    if len(changed) == len(cell.equations) > 1:
        return "no equation in common"
    if len(changed) == 1:
        (name,) = changed
        return next(line for line in cell.equations if line.startswith(f"{name} = "))
    if len(changed) > _FEW:
        return f"{number_of(len(changed), 'other equation')}"
    if changed:
        return f"other equations of {listed(changed)}"
    return ""


def _beside_equations(variant: Variant, baseline: Variant) -> str:
    """What is otherwise in two variants with the same equations."""
    others = ["initial weights"] if variant.init != baseline.init else []
    for ours, theirs in (
        (variant.cell.options, baseline.cell.options),
        (_searched(variant), _searched(baseline)),
    ):
        names = dict.fromkeys((*ours, *theirs))
        others += [name for name in names if ours.get(name) != theirs.get(name)]
    return f"the same equations, other {listed(others)}" if others else "the same"


def _searched(variant: Variant) -> dict[str, object]:
    """By name, what a variant's space says of each hyper-parameter."""
    ranges = {dimension.name: dimension for dimension in variant.space.dimensions}
    return {**variant.space.fixed, **ranges}
