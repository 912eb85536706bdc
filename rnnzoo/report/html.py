"""Numbers, pictures and equations -> one page that needs nothing else: no script, no request, prints well.

Everything that comes from a spec is escaped by the template; the pictures are our own SVG, the equations MathML made from
our own LaTeX.  The only file that imports jinja2 and latex2mathml.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rnnzoo.lang import latex
from rnnzoo.lang.view import CellView
from rnnzoo.report.summary import Summary
from rnnzoo.report.text import number, pvalue
from rnnzoo.spec.document import yaml_text


def page(summary: Summary, cells: Mapping[str, CellView], pictures: Mapping[str, str]) -> str:
    """The whole page."""
    from jinja2 import Environment, StrictUndefined

    template = Path(__file__).with_name("template.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["number"] = number
    environment.filters["pvalue"] = pvalue
    environment.filters["words"] = lambda text: str(text).replace("_", " ")
    from markupsafe import Markup

    return environment.from_string(template).render(
        summary=summary,
        pictures={name: Markup(text) for name, text in pictures.items()},
        several=len(summary.tables) > 1,
        cells=[_cell(label, view) for label, view in cells.items()],
        spec=yaml_text(dict(summary.spec)),
        sources=_sources(cells),
        replicates=summary.spec["select"]["replicates"],
        version=version("rnnzoo"),
        best=_best_variant(summary),
    )


def _cell(label: str, view: CellView) -> dict[str, Any]:
    """What the page says of a variant's cell."""
    from markupsafe import Markup

    return {
        "label": label,
        "title": view.title,
        "source": view.source,
        "options": dict(view.ir.options),
        "constants": [Markup(mathml(line)) for line in latex.constants(view.ir)],
        "equations": [Markup(mathml(line)) for line in latex.equations(view.ir)],
        "first_layer": [Markup(mathml(line)) for line in latex.first_layer(view.ir)],
    }


def mathml(text: str) -> str:
    """MathML of one line of our LaTeX; browsers show it without a script."""
    from latex2mathml.converter import convert

    return str(convert(text))


def _sources(cells: Mapping[str, CellView]) -> dict[str, list[str]]:
    """Every reference, with the variants that have it."""
    found: dict[str, list[str]] = {}
    for label, view in cells.items():
        for source in view.source:
            found.setdefault(source, []).append(label)
    return dict(sorted(found.items()))


def _best_variant(summary: Summary) -> str:
    rows = [row for table in summary.tables for row in table.rows if row.best is not None]
    return rows[0].variant if rows else summary.baseline
