"""Which pages the site has, and in which section each stands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FRONT = "index"
# Pages that are not files of docs/: those that the build writes, and those of the top level.
WRITTEN = ("reference/commands", "reference/keys", "reference/interface", "gallery")
TOP_LEVEL: Mapping[str, str] = {
    "changelog": "CHANGELOG.md",
    "contributing": "CONTRIBUTING.md",
    "security": "SECURITY.md",
}

SECTIONS: Mapping[str, Sequence[str]] = {
    "Tutorial": ("first-sweep", "understanding-lstms"),
    "How to": (
        "installing",
        "coming-from",
        "your-data",
        "watching",
        "parts",
        "cluster",
        "evolve",
        "editors",
    ),
    "Teaching": (
        "teaching/README",
        "teaching/conveyor_belt",
        "teaching/which_gate",
        "teaching/forgetting",
        "teaching/classroom",
        "teaching/answers",
    ),
    "Reference": (
        "language",
        "experiments",
        "tasks",
        "python",
        "scripting",
        "reference/keys",
        "reference/commands",
        "reference/interface",
        "gallery",
        "glossary",
    ),
    "Explanation": ("judging", "engine", "architecture", "reliability"),
    "Studies": (
        "studies/README",
        "studies/chung2014",
        "studies/forget_bias",
        "studies/greff2015",
        "studies/jozefowicz2015",
        "studies/koutnik2014",
        "studies/long_term",
        "studies/minimal",
        "studies/one_gate",
        "studies/timing",
        "studies/yao2015",
    ),
    "Project": ("compatibility", "contributing", "security", "changelog"),
}

_CALLED_BY_FILE = re.compile(
    r"\[`?(?P<name>[\w/.-]+\.md)`?\]\((?P<path>[\w/.-]+\.md)(?P<place>[^)]*)\)"
)


def pages() -> list[str]:
    """The pages that are files of docs/, by their paths without ending."""
    files = [*DOCS.rglob("*.md"), *DOCS.rglob("*.ipynb")]
    return sorted(path.relative_to(DOCS).with_suffix("").as_posix() for path in files)


def navigation() -> str:
    """The sections as tables of contents, which Sphinx shows at the side of every page."""
    return "\n".join(_section(title, names) for title, names in SECTIONS.items())


def _section(title: str, names: Sequence[str]) -> str:
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {title}", "", *names, "```", ""])


def with_titles(text: str, page: Path) -> str:
    """The text of a page, in which a link that is called by a page's file has that page's title.

    Args:
        page: its path, from which links lead.
    """

    def titled(link: re.Match[str]) -> str:
        target = page.parent / link["path"]
        if not target.is_file() or target.name != Path(link["name"]).name:
            return link[0]
        return f"[{_title(target)}]({link['path']}{link['place']})"

    return _CALLED_BY_FILE.sub(titled, text)


def _title(page: Path) -> str:
    """The first heading."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return next((line[2:] for line in lines if line.startswith("# ")), page.stem)
