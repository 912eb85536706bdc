"""Examples of the pages: fenced blocks, indented ones, and commands within sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SKILL = ROOT / "rnnzoo" / "cli" / "skill.md"
PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    SKILL,
    *sorted((ROOT / "docs").rglob("*.md")),
)
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.M | re.S)
_INDENTED = re.compile(r"(?:^ {4}.*\n)+", re.M)
_INLINE = re.compile(r"`(?:\.venv/bin/)?rnnzoo ([^`]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        line: of its fence, from 1.
        language: as the fence says; empty where it says none.
    """

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def first(self) -> str:
        """Its first line, by which tests name it."""
        return self.text.partition("\n")[0]


def fenced(language: str) -> list[Block]:
    """The blocks of one language, of all pages."""
    return [block for page in PAGES for block in _blocks(page) if block.language == language]


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for fence in _FENCE.finditer(text):
        indent, language, content = fence.groups()
        lines = [line.removeprefix(indent) for line in content.splitlines(keepends=True)]
        number = text.count("\n", 0, fence.start()) + 1
        yield Block(str(page.relative_to(ROOT)), number, language, "".join(lines))


def commands() -> list[tuple[str, str]]:
    """The lines of blocks that call rnnzoo, each behind its page; without their comments."""
    return [(page, line) for page, text in _shown() for line in _calls(text)]


def _shown() -> Iterator[tuple[str, str]]:
    """The text of every block, fenced or indented, behind its page."""
    for page in PAGES:
        name = str(page.relative_to(ROOT))
        yield from ((name, block.text) for block in _blocks(page))
        yield from ((name, text) for text in _INDENTED.findall(_sentences(page)))


def _calls(block: str) -> Iterator[str]:
    for line in block.replace("\\\n", " ").splitlines():
        call = re.match(r"\s*(?:\w+=\S+ )*(?:\.venv/bin/)?rnnzoo (.+)", line)
        if call:
            yield call[1]


def mentioned() -> list[tuple[str, str]]:
    """What stands behind `rnnzoo` within sentences, behind its page."""
    return [
        (str(page.relative_to(ROOT)), words.replace("\\|", "|"))
        for page in PAGES
        for words in _INLINE.findall(_sentences(page))
    ]


def _sentences(page: Path) -> str:
    return _FENCE.sub("", page.read_text(encoding="utf-8"))
