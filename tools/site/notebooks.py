"""A notebook as a page: its text as it is, its code as code, and a link to the file."""

from __future__ import annotations

import json
from pathlib import Path


def page(notebook: Path) -> str:
    """A notebook's cells as Markdown."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    title, *rest = [_cell(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    link = f"The notebook: <a href='{notebook.name}' download>{notebook.name}</a>."
    return "\n\n".join([title, link, *rest]) + "\n"


def _cell(kind: str, source: str) -> str:
    return f"```python\n{source}\n```" if kind == "code" else source
