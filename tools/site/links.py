"""Links of a folder of pages that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """What a page refers to, and the places in it that can be referred to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.references.append(value)
            if name in ("id", "name") and value:
                self.places.add(value)


def broken(folder: Path) -> list[str]:
    """Each link to a file or a place that is not there, with the page that has it."""
    known = {
        path.resolve(): _Page(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")
    }
    missing = []
    for path, page in known.items():
        for reference in _inside(page.references):
            parts = urlsplit(reference)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            page_there = known.get(target)
            lacks_place = page_there is not None and parts.fragment not in {"", *page_there.places}
            if not target.exists() or lacks_place:
                missing.append(f"{path.relative_to(folder.resolve())}: {reference}")
    return missing


def _inside(references: list[str]) -> Iterator[str]:
    """Those that lead to a file of the folder, each once."""
    for reference in dict.fromkeys(references):
        parts = urlsplit(reference)
        if not parts.scheme and not parts.netloc:
            yield reference
