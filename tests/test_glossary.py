"""docs/glossary.md names what exists, and says each word once."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/glossary.md").read_text()
NAMES = sorted(set(re.findall(r"`(rnnzoo(?:\.\w+)*)`", PAGE)))
ROWS = [line for line in PAGE.splitlines() if line.startswith("| **")]


@cache
def definitions(file: Path) -> dict[str, ast.stmt]:
    """Everything that a file defines or imports, by name; read and not imported, so that no library
    is loaded.
    """
    return members(ast.parse(file.read_text()).body)


def members(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    defined: dict[str, ast.stmt] = {}
    for statement in body:
        match statement:
            case (
                ast.ClassDef(name=name)
                | ast.FunctionDef(name=name)
                | ast.AnnAssign(target=ast.Name(id=name))
            ):
                defined[name] = statement
            case ast.Assign(targets=targets):
                for target in targets:
                    names = target.elts if isinstance(target, ast.Tuple) else [target]
                    defined |= {name.id: statement for name in names if isinstance(name, ast.Name)}
    return defined


def exists(name: str) -> bool:
    """Whether a dotted name is a module, or something that a module or a class in it defines."""
    path, parts = ROOT, name.split(".")
    while parts and (path / parts[0]).is_dir():
        path /= parts.pop(0)
    file = path / "__init__.py"
    if parts and (path / f"{parts[0]}.py").is_file():
        file = path / f"{parts.pop(0)}.py"
    if not file.is_file():
        return False
    known = definitions(file)
    for part in parts:
        if part not in known:
            return False
        statement = known[part]
        known = members(statement.body) if isinstance(statement, ast.ClassDef) else {}
    return True


@pytest.mark.parametrize("name", NAMES)
def test_everything_that_the_glossary_names_exists(name: str) -> None:
    assert exists(name)


@pytest.mark.parametrize(
    "name", ["rnnzoo.lang.ir.Cellar", "rnnzoo.lang.nowhere", "rnnzoo.lang.ir.Cell.nothing"]
)
def test_a_name_that_is_gone_is_noticed(name: str) -> None:
    assert not exists(name)


def test_every_word_is_explained_once_in_a_sentence_or_two() -> None:
    words = [word for row in ROWS for word in re.findall(r"\*\*(.+?)\*\*", row.split("|")[1])]
    assert len(words) == len(set(words))
    for row in ROWS:
        meaning = row.split("|")[2].strip()
        assert meaning.endswith("."), meaning
        assert 1 <= len(re.findall(r"[.](?: |$)", meaning)) <= 2, meaning


def test_every_word_says_where_it_lives() -> None:
    without = [row for row in ROWS if not re.search(r"`rnnzoo\.", row.split("|")[3])]
    assert not without


def test_the_words_of_every_part_are_there() -> None:
    words = {word for row in ROWS for word in re.findall(r"\*\*(.+?)\*\*", row)}
    assert words >= {
        "cell", "state", "gate", "step", "program", "instruction", "primitive", "pass", "adjoint",
        "buffer", "task", "data set", "split", "batch", "padding mask", "weight mask",
        "dropout mask", "variant", "study", "trial", "outcome", "edition", "provenance", "round",
        "question", "claim", "verdict", "margin", "floor", "storage", "tracker", "launcher",
        "backend",
    }  # fmt: skip


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_the_glossary_is_linked(page: str) -> None:
    assert "glossary.md)" in (ROOT / page).read_text()
