"""Cells -> a static site: one page a cell and one of all of them, made from the YAML only.

In: cells by name.  Out: files of one folder that need nothing else: no request, no script but the
one in each that computes its cell (`report.playground`); equations are MathML, pictures SVG.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rnnzoo.lang.at_start import Start, at_start
from rnnzoo.lang.view import CellView
from rnnzoo.report.html import described, render
from rnnzoo.report.playground import PRESETS, playground, policy, script
from rnnzoo.spec.cell import FAMILIES
from rnnzoo.tasks import Report, silent

UNITS = (32, 64, 128, 256)
DRAWING = "drawing pages of cells"
INPUTS = 88  # the keys of a piano, as in the chorales


def write(
    cells: Sequence[CellView], folder: Path, bench: Path | None = None, tell: Report = silent
) -> list[Path]:
    """Write the site; returns its files, the front page first.

    Args:
        bench: results of `make bench`, for the time of a training step.
        tell: is told of each page.
    """
    from markupsafe import Markup

    times = _times(bench) if bench is not None else {}
    sections = families(cells)
    in_order = [cell for section in sections for cell, _ in section.cells]
    names = [cell.name for cell in in_order]
    folder.mkdir(parents=True, exist_ok=True)
    tell(DRAWING, 0, len(names))
    pages = {
        "index.html": render(
            "gallery.html.j2",
            sections=sections,
            count=len(cells),
            diagrams={cell.name: Markup(cell.diagram()) for cell in cells},
        )
    }
    for number, cell in enumerate(in_order):
        neighbours = (
            names[number - 1] if number else "",
            names[number + 1] if number + 1 < len(names) else "",
        )
        pages[f"{cell.name}.html"] = cell_page(cell, in_order, times.get(cell.name, ()), neighbours)
        tell(DRAWING, number + 1, len(names))
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in pages]


def cell_page(
    cell: CellView,
    others: Sequence[CellView] = (),
    times: Sequence[Mapping[str, Any]] = (),
    neighbours: tuple[str, str] | None = None,
) -> str:
    """The page of one cell.

    Args:
        others: cells whose weights are shown beside its own.
        times: of the training steps that were measured.
        neighbours: names of the cells before and after it on the site; None where it stands alone.
    """
    from markupsafe import Markup

    # a page that stands alone has time for a run of the cell
    begun = at_start(cell.ir) if neighbours is None else None
    equations = dict(zip((equation.name for equation in cell.ir.step.equations), cell.unicode))
    return render(
        "cell.html.j2",
        cell=described(cell.name, cell),
        view=cell,
        changes=Markup(cell.diagram(highlight=cell.changes)) if cell.changes else None,
        chain=Markup(cell.chain()),
        begun=begun.lines() if begun else [],
        **_plots(cell, others, begun),
        steps=[
            ([*map(equations.__getitem__, group)], Markup(picture))
            for group, picture in cell.walk()
        ],
        inputs=INPUTS,
        weights=[
            (units, cell.count_params(INPUTS, units), cell.count_multiply_adds(INPUTS, units))
            for units in UNITS
        ],
        times=times,
        neighbours=neighbours,
        play=playground(cell),
        presets=PRESETS,
        script=script(),
        policy=policy(),
    )


def _plots(
    cell: CellView, others: Sequence[CellView], begun: Start | None
) -> dict[str, str | None]:
    """The plots of a cell's page; None for one that has nothing to show, and for both without
    Matplotlib, which is more than all else that cells need.
    """
    from markupsafe import Markup

    if find_spec("matplotlib") is None:
        return {"forgetting": None, "growth": None}
    from rnnzoo.report import figures

    forgetting = Markup(figures.forgetting(begun)) if begun and begun.left else None
    growth = Markup(figures.weights(cell, others, INPUTS, UNITS[-1]))
    return {"forgetting": forgetting, "growth": growth}


@dataclass(frozen=True, slots=True)
class Section:
    """A family of cells on the front page.

    Attributes:
        cells: each after the one that it extends, with how many of the family it descends from.
    """

    family: str
    about: str
    cells: tuple[tuple[CellView, int], ...]


def families(cells: Sequence[CellView]) -> list[Section]:
    """The cells by family, in the order of `FAMILIES`; those without one come last."""
    sections = []
    for family, about in {**FAMILIES, "": "cells whose file names no family"}.items():
        members = [cell for cell in cells if cell.family == family]
        if members:
            sections.append(Section(family, about, tuple(_descent(members))))
    return sections


def _descent(members: Sequence[CellView]) -> Iterator[tuple[CellView, int]]:
    """The cells of a family, oldest first, each followed by what extends it."""
    names = {cell.name for cell in members}
    children: dict[str, list[CellView]] = {}
    for cell in sorted(members, key=lambda cell: (cell.year or math.inf, cell.name)):
        parent = cell.parent.name if cell.parent is not None else ""
        children.setdefault(parent if parent in names else "", []).append(cell)
    waiting = [(cell, 0) for cell in reversed(children[""])]
    while waiting:
        cell, depth = waiting.pop()
        yield cell, depth
        waiting += [(child, depth + 1) for child in reversed(children.get(cell.name, ()))]


def _times(file: Path) -> dict[str, list[dict[str, Any]]]:
    """Milliseconds of a training step by cell, from `make bench`; empty where there is no such
    file.
    """
    try:
        results = json.loads(file.read_text())["results"]
        times: dict[str, list[dict[str, Any]]] = {}
        for result in results:
            batch, steps, inputs, units = result["shape"]
            times.setdefault(result["cell"], []).append(
                {
                    "batch": batch,
                    "steps": steps,
                    "inputs": inputs,
                    "units": units,
                    "ms": float(result["ms"]["ours"]),
                }
            )
        return times
    except (OSError, ValueError, KeyError, TypeError):
        return {}
