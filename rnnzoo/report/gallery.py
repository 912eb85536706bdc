"""Cells -> a static site: one page a cell and one of all of them, made from the YAML only.

In: cells by name.  Out: files of one folder that need nothing else: no script, no request;
equations are MathML, pictures SVG.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnzoo.lang.view import CellView
from rnnzoo.report.html import described, render

UNITS = (32, 64, 128, 256)
INPUTS = 88  # the keys of a piano, as in the chorales


def write(cells: Sequence[CellView], folder: Path, bench: Path | None = None) -> list[Path]:
    """Write the site; returns its files, the front page first.

    Args:
        bench: results of `make bench`, for the time of a training step.
    """
    times = _times(bench) if bench is not None else {}
    names = [cell.name for cell in cells]
    folder.mkdir(parents=True, exist_ok=True)
    pages = {"index.html": render("gallery.html.j2", cells=[_card(cell) for cell in cells])}
    for number, cell in enumerate(cells):
        neighbours = (
            names[number - 1] if number else "",
            names[number + 1] if number + 1 < len(names) else "",
        )
        pages[f"{cell.name}.html"] = cell_page(cell, cells, times.get(cell.name, ()), neighbours)
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

    from rnnzoo.report import figures

    equations = dict(zip((equation.name for equation in cell.ir.step.equations), cell.unicode))
    return render(
        "cell.html.j2",
        cell=described(cell.name, cell),
        view=cell,
        changes=Markup(cell.diagram(highlight=cell.changes)) if cell.changes else None,
        chain=Markup(cell.chain()),
        steps=[
            ([equations[name] for name in group], Markup(picture)) for group, picture in cell.walk()
        ],
        inputs=INPUTS,
        weights=[
            (units, cell.count_params(INPUTS, units), cell.count_multiply_adds(INPUTS, units))
            for units in UNITS
        ],
        figure=Markup(figures.weights(cell, others, INPUTS, UNITS[-1])),
        times=times,
        neighbours=neighbours,
    )


def _card(cell: CellView) -> dict[str, Any]:
    from markupsafe import Markup

    return {"name": cell.name, "title": cell.title, "diagram": Markup(cell.diagram())}


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
