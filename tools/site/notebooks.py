"""A notebook as a page: its text as it is, its code as code, and a link to the file."""

from __future__ import annotations

import json
from pathlib import Path

WRITES = "%%writefile "  # a cell of which this is the beginning writes a spec


def page(notebook: Path) -> str:
    """A notebook's cells as Markdown."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    title, *rest = [_cell(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    link = f"The notebook: <a href='{notebook.name}' download>{notebook.name}</a>."
    return "\n\n".join([title, link, *rest]) + "\n"


def with_pages(text: str) -> str:
    """Markdown whose links to notebooks lead to their pages."""
    return text.replace(".ipynb)", ".md)")


def _cell(kind: str, source: str) -> str:
    if kind != "code":
        return with_pages(source)
    if source.startswith(WRITES):
        first, _, text = source.partition("\n")
        return f"The file `{first.removeprefix(WRITES)}`:\n\n```yaml\n{text}\n```"
    return f"```python\n{source}\n```"
