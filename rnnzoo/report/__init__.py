"""Results -> what a person reads: verdicts, a ranking, pictures, one page.

    results -> evidence, importance -> judge -+
    results + experiment + tasks -------------+-> summary -+-> text     verdicts and ranking on a
                                                                        terminal
                                                           +-> figures  SVG
                                                           +-> html     one self-contained page
    results <-> table    CSV or Parquet, from which all of that can be made again; `rows`, one row
                         of it, checked; `pool`, several of them as one

    summarising  a summary, made of results; `ranking`, the rows of its tables
    verdict      what the judge says of a claim on a task
    answers      a verdict as the sentence that is read first
    confirmed    what the second stage decided; `second`, what is said of it beside the verdicts
    equal        the trials of the search at equal settings
    methods      how verdicts were judged, in sentences
    stopped      variants that a sweep was told to stop
    learnt       scores beside those of baselines without memory
    trials       all trials of a task in one order, by which dots know them
    alt          what is to be seen in each picture, for those who do not see it
    scaling      tasks that are one task at several lengths
    paper        answers and ranking as tables for a paper
    gallery      cells -> a page each; `playground`, the part in which one can be tried
    comparison   several experiments: what differs, and scores side by side
    search       a search over cells -> a page
    selection    what is left of the fitness of found cells in fresh trainings
    activations  a trained cell -> its gates over a sequence
    data         a task's data -> a page, before anything trains

A report only reads: it needs neither Keras nor Optuna, and can be made again next year.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from rnnzoo.lang.view import CellView
from rnnzoo.report.summarising import summarise
from rnnzoo.report.summary import Summary, numbers
from rnnzoo.report.text import show
from rnnzoo.spec.atomic import atomic_write
from rnnzoo.strict_json import as_json

__all__ = ["Summary", "numbers", "show", "summarise", "write"]


def write(summary: Summary, cells: Mapping[str, CellView], folder: Path) -> list[Path]:
    """Write report.html, summary.json and the figures; returns their paths.

    Args:
        cells: by the label of the variant.
    """
    from rnnzoo.report import figures, html

    pictures = figures.draw(summary)
    files = {f"{name}.svg": text for name, text in pictures.items()}
    files["summary.json"] = as_json(summary.to_dict())
    files["report.html"] = html.page(summary, cells, pictures)
    return [_write(folder / name, text) for name, text in files.items()]


def _write(path: Path, text: str) -> Path:
    """Write a file whole: a report that is open in a browser is never seen half-written."""
    with atomic_write(path) as draft:
        draft.write_text(text, encoding="utf-8")
    return path


class _Callable(ModuleType):
    """This package as the function `rnnzoo.report`: importing it gives it that name in the
    package's front.
    """

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        import rnnzoo

        return rnnzoo.api.report(*arguments, **options)


sys.modules[__name__].__class__ = _Callable
