"""Numbers, pictures and equations -> one page that needs nothing else: no request, prints well, and
reads without its own small script, which sorts tables and says what a dot stands for.

Everything that comes from a spec is escaped by the template; the pictures are our own SVG, the
equations MathML made from our own LaTeX.  The only file that imports jinja2 and latex2mathml.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from rnnzoo import __version__
from rnnzoo.confirm.questions import CERTAIN
from rnnzoo.errors import command, signed
from rnnzoo.lang import latex
from rnnzoo.lang.view import CellView
from rnnzoo.markup import prose
from rnnzoo.report.alt import alt_texts
from rnnzoo.report.methods import methods
from rnnzoo.report.scaling import scaling_curves
from rnnzoo.report.second import LOOKS, PROMISE, box
from rnnzoo.report.summary import Summary, TaskTable
from rnnzoo.report.text import interval, number
from rnnzoo.report.trials import hyperparameters, listed
from rnnzoo.report.verdict import pvalue
from rnnzoo.spec.document import yaml_text
from rnnzoo.spec.hyperparameters import value_text

_BASE = re.compile("(<msub>|<msubsup>)(<mi>[^<]*</mi>)")  # of an index: the letter before it


def page(summary: Summary, cells: Mapping[str, CellView], pictures: Mapping[str, str]) -> str:
    """The whole report."""
    from markupsafe import Markup

    titles = {row.variant: row.title for row in summary.rows}
    return render(
        "report.html.j2",
        summary=summary,
        pictures={name: Markup(text) for name, text in pictures.items()},
        alt=alt_texts(summary),
        train=partial(_train, summary),
        several=len(summary.tables) > 1,
        scaling_curves=scaling_curves(summary),
        cells=[
            described(label, view, cells.get(summary.baseline))
            | {"title": titles.get(label, view.title)}
            for label, view in cells.items()
        ],
        spec=yaml_text(dict(summary.spec)),
        sources=_sources(cells),
        replicates=summary.spec["select"]["replicates"],
        best=_best_variant(summary),
        promise=PROMISE,
        looks=LOOKS,
        certain=CERTAIN,
    )


def _train(summary: Summary, table: TaskTable) -> str:
    """The command that trains a trial of a task again, but for the variant and the trial."""
    several = ("--task", table.task) if len(summary.tables) > 1 else ()
    return command("train", summary.file or "SPEC", *several, sets=summary.sets)


def render(template: str, **values: Any) -> str:
    """One of our pages."""
    return str(_templates().get_template(template).render(version=__version__, **values))


@cache
def _templates() -> Any:
    """Our templates: each is compiled once, for however many pages."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("pages")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    environment.filters["setting"] = value_text
    environment.filters["signed"] = signed
    environment.filters["listed"] = listed
    environment.filters["hyperparameters"] = hyperparameters
    environment.filters["interval"] = interval
    environment.filters["pvalue"] = pvalue
    environment.filters["box"] = box
    environment.filters["methods"] = methods
    environment.filters["prose"] = prose
    environment.filters["words"] = lambda text: str(text).replace("_", " ")
    return environment


def described(label: str, view: CellView, against: CellView | None = None) -> dict[str, Any]:
    """What a page says of a cell; its picture in full colour where it differs from another one."""
    from markupsafe import Markup

    lit = view.diff(against.ir) if against is not None else {}
    shared = len(lit) < len(view.equations)  # a cell that has nothing in common is shown as it is
    return {
        "label": label,
        "title": view.title,
        "source": view.source,
        "options": view.options,
        "lit": lit if shared else {},
        "diagram": Markup(view.diagram(highlight=lit if lit and shared else None)),
        "constants": [Markup(mathml(line)) for line in latex.constants(view.ir)],
        "equations": [Markup(mathml(line)) for line in latex.equations(view.ir)],
        "first_layer": [Markup(mathml(line)) for line in latex.first_layer(view.ir)],
    }


def mathml(text: str) -> str:
    """MathML of one line of our LaTeX; browsers show it without a script."""
    from latex2mathml.converter import convert

    # Chromium sets an index lower below a letter that reaches below the line, as g and q do
    return _BASE.sub(r'\1<mpadded depth="0">\2</mpadded>', str(convert(text)))


def _sources(cells: Mapping[str, CellView]) -> dict[str, list[str]]:
    """Every reference, with the variants that have it."""
    labels: dict[str, list[str]] = {}
    for label, view in cells.items():
        for source in view.source:
            labels.setdefault(source, []).append(label)
    return dict(sorted(labels.items()))


def _best_variant(summary: Summary) -> str:
    rows = [row for row in summary.rows if row.best is not None]
    return rows[0].variant if rows else summary.baseline
