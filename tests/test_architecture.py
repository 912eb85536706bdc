"""The picture of docs/architecture.md as a test: imports point down, and one third-party library
has one home.
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "rnnzoo"

LAYERS = (  # bottom first; parts on one line do not know each other
    {"errors", "signals", "locks", "markup", "folding", "strict_json"},
    {"registry"},
    {"spec"},
    {"lang", "stats", "trackers", "launchers"},
    {"losses"},
    {"metrics"},
    {"tasks", "backends", "confirm", "evolve"},
    {"nn", "bare"},
    {"sweep", "report", "testing"},
    {"terminal", "live"},
    {"api"},
    {"cli", ""},
    {"__main__"},
)
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}
HOMES = {
    "yaml": ("spec/document.py",),
    "keras": ("nn/", "backends/"),
    "jax": ("backends/jax/",),
    "tensorflow": ("backends/tensorflow/",),
    "torch": ("backends/torch/",),
    "distributed": ("launchers/",),
    "cryptography": ("api/certificates.py", "launchers/_certificates.py"),
    "optuna": ("sweep/search.py", "sweep/database.py", "sweep/samplers.py"),
    "mlflow": ("trackers/mlflow.py",),
    "matplotlib": ("report/figures/",),
    "latex2mathml": ("report/html.py",),
    "pyarrow": ("report/table.py", "tasks/_table/read.py"),
    "sklearn": ("stats/importance.py",),
    "threadpoolctl": ("stats/threads.py",),
    "scipy": ("stats/", "tasks/_piano_rolls.py"),
    "jinja2": ("report/html.py",),
    "pandas": ("api/value.py",),
    "pooch": ("tasks/",),
    "pytest": ("testing/",),
    "IPython": ("terminal/notebook.py",),
    "rich": ("cli/", "terminal/", "report/text.py"),
}
# `load_model` is the one door to Keras in the package's front.
DOORS = {("__init__.py", "keras")}
FILES = sorted(ROOT.rglob("*.py"))


def imported(file: Path) -> Iterator[tuple[str, int]]:
    """Every imported module's full name, wherever in the file it is imported."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module, node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def part_of(inside: str) -> str:
    return "" if inside == "__init__.py" else inside.partition("/")[0].removesuffix(".py")


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_point_down_and_every_library_has_one_home(file: Path) -> None:
    inside = file.relative_to(ROOT).as_posix()
    here = part_of(inside)
    for name, line in imported(file):
        top, _, rest = name.partition(".")
        if top == "rnnzoo":
            there = rest.partition(".")[0]
            known = there if there in LEVEL else ""
            if known:
                assert there == here or LEVEL[there] < LEVEL[here], (
                    f"{inside}:{line}: {here} may not import {name}"
                )
        elif top in HOMES and (inside, top) not in DOORS:
            assert inside.startswith(HOMES[top]), (
                f"{inside}:{line}: {top} belongs to {' or '.join(HOMES[top])}"
            )


Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


def comprehensions(file: Path) -> Iterator[Comprehension]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, Comprehension):
            yield node


def elements(comprehension: Comprehension) -> list[ast.expr]:
    if isinstance(comprehension, ast.DictComp):
        return [comprehension.key, comprehension.value]
    return [comprehension.elt]


def places(having: Callable[[Comprehension], bool]) -> list[str]:
    """Where in the package there are such comprehensions."""
    return [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in FILES
        for node in comprehensions(file)
        if having(node)
    ]


def nodes_of(parts: Iterable[ast.expr]) -> Iterator[ast.AST]:
    return chain.from_iterable(map(ast.walk, parts))


def test_no_comprehension_hides_a_choice() -> None:
    """`[a if b else c for ...]` is two steps; the choice has a name of its own."""

    def has_a_choice(node: Comprehension) -> bool:
        return any(isinstance(part, ast.IfExp) for part in nodes_of(elements(node)))

    assert places(has_a_choice) == []


def test_no_comprehension_is_inside_another() -> None:
    """`[[... for ...] for ...]` is two steps too; the inner one is a function with a name.  In a
    condition, `any(... for ...)` reads as a sentence.
    """

    def has_another(node: Comprehension) -> bool:
        iterables = [generator.iter for generator in node.generators]
        inner = nodes_of([*elements(node), *iterables])
        return any(isinstance(part, Comprehension) for part in inner)

    assert places(has_another) == []


def test_every_part_of_the_package_has_a_level() -> None:
    parts = {part_of(file.relative_to(ROOT).as_posix()) for file in FILES}
    assert parts <= set(LEVEL)


PACKAGES = [file for file in FILES if file.name == "__init__.py" and file.parent != ROOT]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.parent.name)
def test_the_docstring_of_a_package_names_its_modules_and_no_others(package: Path) -> None:
    text = ast.get_docstring(ast.parse(package.read_text())) or ""
    modules = {file.stem for file in package.parent.glob("[a-z]*.py")}
    modules |= {inner.parent.name for inner in PACKAGES if inner.parent.parent == package.parent}
    first_columns = re.findall(r"^ *([a-z_]+(?:, [a-z_]+)*) {2,}\S", text, re.M)
    listed = {name for column in first_columns for name in column.split(", ")}
    # elsewhere than in a table: in a drawing with arrows, or as a name in a sentence
    drawn = {word for line in text.splitlines() if "->" in line for word in re.split(r"\W", line)}
    named = set(re.findall(r"`([a-z_0-9]+)`", text))
    assert (modules - listed - drawn - named, listed - modules) == (set(), set())
