"""Which pages the site has, and in which section each stands."""

from __future__ import annotations

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


def pages() -> list[str]:
    """The pages that are files of docs/, by their paths without ending."""
    files = [*DOCS.rglob("*.md"), *DOCS.rglob("*.ipynb")]
    return sorted(path.relative_to(DOCS).with_suffix("").as_posix() for path in files)


def navigation() -> str:
    """The sections as tables of contents, which Sphinx shows at the side of every page."""
    return "\n".join(_section(title, names) for title, names in SECTIONS.items())


def _section(title: str, names: Sequence[str]) -> str:
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {title}", "", *names, "```", ""])
