"""Runs the labs of docs/teaching with the answers of their page for teachers, and draws the
pictures that stand there: `python -m tools.labs [LAB...]`.

In: docs/teaching/*.ipynb, and the blocks of answers.md that begin with `# answer: LAB/CELL`.  Out:
docs/teaching/pictures/LAB-CELL.svg, one for each cell that is tagged `picture`; how long each lab
took is printed.
"""

from __future__ import annotations

import argparse
import re
import resource
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat

from tools.site.notebooks import WRITES

TEACHING = Path(__file__).parents[1] / "docs" / "teaching"
LABS = {path.stem: path for path in sorted(TEACHING.glob("*.ipynb"))}
PICTURES = TEACHING / "pictures"
_ANSWER = re.compile(r"^```\w+\n# answer: (\w+)/(\S+)\n(.*?)^```$", re.M | re.S)
# drawings that are equal where numbers are
_AS_SVG = """
import os
import matplotlib
%config InlineBackend.figure_formats = ['svg']
matplotlib.rcParams |= {'svg.hashsalt': 'rnnzoo', 'svg.fonttype': 'none'}
os.environ['SOURCE_DATE_EPOCH'] = '0'
"""
LONGEST = 1200  # seconds for a cell


def answers(lab: str) -> dict[str, str]:
    """What a teacher writes into the exercises of a lab, by the ids of their cells."""
    page = (TEACHING / "answers.md").read_text(encoding="utf-8")
    return {cell: text for of_lab, cell, text in _ANSWER.findall(page) if of_lab == lab}


def tagged(notebook: Any, tag: str) -> list[Any]:
    """The cells of a notebook with a tag."""
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", ())]


def solved(lab: str, parameters: Mapping[str, object] | None = None) -> Any:
    """A lab whose exercises are answered, and whose parameters have other values where given.

    Raises:
        KeyError: an exercise without an answer.
    """
    notebook = nbformat.read(LABS[lab], as_version=4)
    known = answers(lab)
    for cell in tagged(notebook, "exercise"):
        first = cell.source.partition("\n")[0]
        kept = f"{first}\n" if first.startswith(WRITES) else ""
        cell.source = kept + known[cell.id].rstrip("\n")
    (cell,) = tagged(notebook, "parameters")
    cell.source += "".join(f"\n{name} = {value!r}" for name, value in (parameters or {}).items())
    return notebook


def files(lab: str) -> dict[str, str]:
    """The files that a solved lab writes, by name."""
    cells = [cell.source.partition("\n") for cell in solved(lab).cells]
    return {
        first.removeprefix(WRITES).strip(): text
        for first, _, text in cells
        if first.startswith(WRITES)
    }


def executed(notebook: Any, folder: Path, check: str = "", setup: str = "") -> Any:
    """The notebook with its outputs, run in a folder.

    Args:
        setup, check: Python that runs before the first cell and behind the last one.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell has failed.
    """
    from nbclient import NotebookClient

    (folder / "mlflow.yml").touch()  # a project of its own
    before, behind = (nbformat.v4.new_code_cell(source) for source in (setup, check))
    notebook.cells = [before, *notebook.cells, behind]
    place = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=LONGEST, startup_timeout=LONGEST, resources=place).execute()
    notebook.cells = notebook.cells[1:-1]
    return notebook


def pictures(notebook: Any) -> dict[str, str]:
    """The last drawing of each cell that is tagged `picture`, as SVG, by the id of the cell."""
    drawn = {}
    for cell in tagged(notebook, "picture"):
        drawings = [output.data for output in cell.outputs if "data" in output]
        (drawn[cell.id],) = [data["image/svg+xml"] for data in drawings if "image/svg+xml" in data]
    return drawn


def _computed() -> float:
    """Seconds of processors that this process's children took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.labs", description=__doc__)
    parser.add_argument("labs", nargs="*", choices=[*LABS, []], metavar="LAB")
    for lab in parser.parse_args(words).labs or LABS:
        began, computed = time.monotonic(), _computed()
        with tempfile.TemporaryDirectory() as folder:
            notebook = executed(solved(lab), Path(folder), setup=_AS_SVG)
        took = f"{time.monotonic() - began:.0f} seconds"
        print(f"{lab}: {took}, of processors {_computed() - computed:.0f}", flush=True)
        for cell, drawing in pictures(notebook).items():
            PICTURES.mkdir(exist_ok=True)
            (PICTURES / f"{lab}-{cell}.svg").write_text(drawing, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
