"""A search over cells -> a page, made from its history alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnzoo.evolve import facts
from rnnzoo.evolve.draw import cell_of, name_of
from rnnzoo.evolve.found import best, cell_name, confirming_name
from rnnzoo.evolve.history import History
from rnnzoo.evolve.plan import About
from rnnzoo.evolve.rows import Fate, Trained
from rnnzoo.lang.view import CellView
from rnnzoo.report.html import described, render
from rnnzoo.report.selection import Selection
from rnnzoo.spec.atomic import atomic_write

DRAWN = 3  # cells that have a picture


@dataclass(frozen=True, slots=True)
class Leader:
    """A cell among the best.

    Attributes:
        fitness: by validation, which it was chosen by.
        on_test: by test, at the same settings; None where that is not known.
    """

    name: str
    fitness: float
    on_test: float | None
    nodes: int
    generation: int


def write(
    about: About,
    history: History,
    folder: Path,
    cells: Path,
    selections: Sequence[Selection] = (),
) -> Path:
    """Write the page of a search; returns its file.

    Args:
        cells: the folder of the files of its best cells.
        selections: as `page`.
    """
    path = folder / "search.html"
    with atomic_write(path) as draft:
        text = page(about, history, cells, _confirming(about, folder), selections)
        draft.write_text(text, encoding="utf-8")
    return path


def _confirming(about: About, folder: Path) -> str:
    """The page of the sweep that confirms what was found, from a folder; empty where there is
    none.
    """
    page = Path("..") / ".." / confirming_name(about.name) / "report" / "report.html"
    return page.as_posix() if (folder / page).is_file() else ""


def page(
    about: About,
    history: History,
    cells: Path,
    confirming: str = "",
    selections: Sequence[Selection] = (),
) -> str:
    """The page.

    Args:
        confirming: the page of the sweep that confirms what was found; empty where none was run.
        selections: of its best cells, as far as that sweep has trained them afresh.
    """
    from markupsafe import Markup

    from rnnzoo.report import figures

    names, leaders = _names(about, history), best(history)
    steps, costs = facts.progress(history), facts.costs(history)
    descent = facts.descent(history)
    fates = Counter(ended.fate for ended in facts.trained(history))
    unfit = sum(1 for ended in history.ended.values() if ended.fate is Fate.UNFIT)
    return render(
        "search.html.j2",
        about=about,
        trained=len(steps),
        unfit=unfit,
        generations=history.generation,
        fates=[(str(fate), fates[fate]) for fate in Fate if fates[fate]],
        reasons=facts.reasons(history),
        leaders=_leaders(about, history),
        selections=selections,
        fresh_tasks=_fresh_tasks(selections),
        survivals=facts.survivals(history),
        parts=facts.parts(history),
        sample=facts.SAMPLE,
        course=Markup(figures.course(steps)) if steps else None,
        frontier=Markup(figures.frontier(costs, names, _first(history))) if costs else None,
        tree=Markup(figures.tree(descent, names)) if descent else None,
        cells=_pictures(about, history),
        minutes=_minutes(history),
        confirming=confirming,
        confirmed=cells / f"{confirming_name(about.name)}.yaml",
        file=cells / f"{cell_name(about.name, leaders[0].number)}.yaml" if leaders else None,
    )


def _names(about: About, history: History) -> dict[int, str]:
    return {number: drawn.variant or name_of(number) for number, drawn in history.drawn.items()}


def _first(history: History) -> set[int]:
    """The cells that the search began with: variants of its experiment."""
    return {number for number, drawn in history.drawn.items() if drawn.variant}


def _leaders(about: About, history: History) -> list[Leader]:
    rows = []
    for ended in best(history, 10):
        drawn = history.drawn[ended.number]
        test = facts.on_test(about, history, ended.number)
        fitness = ended.fitness or 0.0
        rows.append(Leader(name_of(ended.number), fitness, test, drawn.nodes, drawn.generation))
    return rows


def _fresh_tasks(selections: Sequence[Selection]) -> list[tuple[str, bool]]:
    """The tasks with fresh trainings, and whether the search saw each."""
    every = (fresh for row in selections for fresh in row.fresh)
    return list({fresh.task: (fresh.task, fresh.is_seen) for fresh in every}.values())


def _pictures(about: About, history: History) -> list[dict[str, Any]]:
    leaders = facts.leaders(history, DRAWN)
    return [described(name_of(leader.number), CellView(cell_of(leader.cell))) for leader in leaders]


def _minutes(history: History) -> float:
    """Of all trainings, one after the other."""
    trained = (row for row in history.rows() if isinstance(row, Trained))
    return sum(row.seconds.get("total", 0.0) for row in trained) / 60
