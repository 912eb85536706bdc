"""The folder is the registry: a name in YAML is the name of a file, and there is no list to edit.

In: a kind of thing (`"tasks"`) and a name (`"chorales"`).  Out: the module, imported only now.
Contains: tasks; the tests of the contract find trackers so, too.
"""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from types import ModuleType

from rnnzoo.errors import UsageError, nearest

_ROOT = Path(__file__).parent


@cache
def names(folder: str) -> tuple[str, ...]:
    """Names of everything in a folder of the package, sorted; files that begin with `_` are private."""
    return tuple(sorted(path.stem for path in (_ROOT / folder).glob("[a-z]*.py")))


def load(folder: str, name: str) -> ModuleType:
    """The module of that name.

    Raises:
        UsageError: there is none, and the message suggests the nearest; or its file cannot be imported.
    """
    if name not in names(folder):
        raise UsageError(f"no {folder.removesuffix('s')} '{name}'\n  fix: {nearest(name, names(folder))}")
    try:
        return importlib.import_module(f"rnnzoo.{folder}.{name}")
    except Exception as error:  # whatever a file does when it is run
        file = _ROOT / folder / f"{name}.py"
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise UsageError(f"{file}{line} cannot be imported: {type(error).__name__}: {error}") from error
