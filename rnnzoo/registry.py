"""What a name in YAML stands for: a file of the package, of the user's project, or of a package
that is installed.

In: a kind of thing (`tasks`, `losses`, `metrics`, `operations`, `trackers`, `launchers`), a name
(`chorales`), the project's folder for that kind.  Out: the module, imported only now.  There is no
list to edit: the package's folder and the project's are looked into, and so are the entry points of
the group `rnnzoo.tasks` (`rnnzoo.losses`, ...).  A name stands for one thing only.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from importlib.machinery import SourceFileLoader
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from rnnzoo.errors import UsageError, nearest

_ROOT = Path(__file__).parent
_OWN = "rnnzoo_own"  # begins the name of each module that is a file of a project
_packages: set[str] = set()  # of which an entry point was loaded, by the name that is imported


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a name was found.

    Attributes:
        words: for a message.
        load: imports what is there.
    """

    words: str
    load: Callable[[], Any]


def singular(kind: str) -> str:
    """What one of a kind is called: `loss` for `losses`."""
    return kind.removesuffix("es") if kind.endswith("sses") else kind.removesuffix("s")


@cache
def built_in(kind: str) -> tuple[str, ...]:
    """Names of everything in a folder of the package, sorted; files that begin with `_` are
    private.
    """
    return tuple(sorted(path.stem for path in (_ROOT / kind).glob("[a-z]*.py")))


def names(kind: str, own: Path | None = None) -> tuple[str, ...]:
    """All names of a kind, sorted.

    Args:
        own: the project's folder for that kind.
    """
    return tuple(
        sorted({*built_in(kind), *_files(own), *(point.name for point in _installed(kind))})
    )


def load(kind: str, name: str, own: Path | None = None) -> Any:
    """What a name stands for: a module, or whatever else an entry point names.

    Raises:
        UsageError: nothing, and the message suggests the nearest name; several things; or it cannot
            be imported.
    """
    places = list(_places(kind, name, own))
    word = singular(kind)
    if not places:
        fix = _to_be_moved(kind, name, own) or nearest(name, names(kind, own))
        raise UsageError(f"no {word} '{name}'", fix)
    if len(places) > 1:
        where = " and also ".join(place.words for place in places)
        raise UsageError(f"{word} '{name}' is {where}", "give one of them another name")
    return _imported(places[0])


def _to_be_moved(kind: str, name: str, own: Path | None) -> str:
    """The fix where the project has a file of that name, and not where it is looked for."""
    if own is None:
        return ""
    folders = (own.parent, own.parent.parent / kind, own.parent.parent)
    files = (folder / f"{name}.py" for folder in folders)
    return next((f"move {file} into {own}" for file in files if os.path.isfile(file)), "")


def load_file(kind: str, file: Path) -> ModuleType:
    """A file that stands in no folder of its kind, as a module.

    Raises:
        UsageError: there is none, or it cannot be imported.
    """
    if not file.is_file():
        raise UsageError(f"no file {file}", f"a {singular(kind)} by its path ends in .py")
    place = _Place(str(file), lambda: _own_module(kind, file, file.stat().st_mtime_ns))
    module: ModuleType = _imported(place)
    return module


def _imported(place: _Place) -> Any:
    try:
        return place.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a file does when it is run, `sys.exit()` too
        line = error.lineno if isinstance(error, SyntaxError) else _blamed(error)[1]
        in_line = f", line {line}" if line else ""
        raise UsageError(f"{place.words}{in_line} cannot be imported: {_said(error)}") from error


def told(error: BaseException) -> str:
    """An error that arose in a plug-in, in one line with its file; empty where no plug-in is to
    blame.

    A plug-in is to blame where its code was called by rnnzoo and has not called rnnzoo, whatever
    else it has called.
    """
    file, line = _blamed(error)
    return f"{file}, line {line}: {_said(error)}" if file else ""


def _blamed(error: BaseException) -> tuple[str, int]:
    """The file and the line of the plug-in that is to blame; `("", 0)` where none is."""
    place = "", 0
    for frame, line in traceback.walk_tb(error.__traceback__):
        file, module = frame.f_code.co_filename, str(frame.f_globals.get("__name__", ""))
        if Path(file).is_relative_to(_ROOT):
            place = "", 0
        elif module.startswith(_OWN) or module.partition(".")[0] in _packages:
            place = file, line
    return place


def trace(error: BaseException) -> str:
    """The traceback of an error that arose in a plug-in, from where rnnzoo called it."""
    start = frame = error.__traceback__
    while frame is not None:
        if Path(frame.tb_frame.f_code.co_filename).is_relative_to(_ROOT):
            start = frame.tb_next
        frame = frame.tb_next
    return "".join(traceback.format_exception(type(error), error, start))


def _said(error: BaseException) -> str:
    """The type of an error and what it says, without all the arguments of a layer's call that Keras
    writes around it.
    """
    in_bold = re.search(r"\x1b\[1m(.*?)\x1b\[0m", str(error), re.DOTALL)
    return f"{type(error).__name__}: {in_bold[1] if in_bold else error}".removesuffix(": ")


def digest(kind: str, name: str, own: Path | None = None) -> str:
    """SHA-256 of the code that a name stands for; empty for the package's own, whose versions
    studies know otherwise.

    Of an installed package it is that of the file that the entry point names, or whose object.

    Raises:
        UsageError: as `load`; or it is of no file.
    """
    if name in built_in(kind):
        return ""
    file = _file(load(kind, name, own))
    if not file:
        problem = f"{singular(kind)} '{name}' is of no file, so that nothing tells when it changes"
        raise UsageError(problem, "an entry point that names a module")
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def where(plug_in: Any) -> str:
    """The file of what a name stands for, for a message: its path from the current folder, where it
    lies in that.
    """
    file = _file(plug_in)
    if file and Path(file).is_relative_to(Path.cwd()):
        return str(Path(file).relative_to(Path.cwd()))
    return str(file or getattr(plug_in, "__module__", None) or plug_in)


def _file(plug_in: Any) -> str:
    """The file of a module, or of that in which an object's class or a function stands; empty where
    there is none.
    """
    module = sys.modules.get(getattr(plug_in, "__module__", ""), plug_in)
    return getattr(plug_in, "__file__", None) or getattr(module, "__file__", None) or ""


def _places(kind: str, name: str, own: Path | None) -> Iterator[_Place]:
    if name in built_in(kind):
        yield _Place(
            str(_ROOT / kind / f"{name}.py"),
            lambda: importlib.import_module(f"rnnzoo.{kind}.{name}"),
        )
    file = _files(own).get(name)
    if file is not None:
        yield _Place(str(file), lambda: _own_module(kind, file, file.stat().st_mtime_ns))
    for point in _installed(kind):
        if point.name == name:
            of = f" of the package {point.dist.name}" if point.dist else ""
            yield _Place(f"`{point.value}`{of}", partial(_of_package, point))


def _files(own: Path | None) -> dict[str, Path]:
    """The files of a project's folder, by name."""
    return {path.stem: path for path in own.glob("[a-z]*.py")} if own is not None else {}


def _installed(kind: str) -> tuple[EntryPoint, ...]:
    """The entry points of a kind."""
    return _entry_points(kind, tuple(sys.path))


@cache
def _entry_points(kind: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Those of packages on a path, which takes a twentieth of a second; what is found twice counts
    once.
    """
    return tuple(dict.fromkeys(entry_points(group=f"rnnzoo.{kind}")))


def _of_package(point: EntryPoint) -> Any:
    """What an entry point names."""
    _packages.add(point.module.partition(".")[0])
    return point.load()


class _FromSource(SourceFileLoader):
    """Runs what the file says now, and leaves no `__pycache__` beside it.

    Bytecode on the disk counts as current where a file was changed within the second to one of the
    same size.
    """

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code


@cache
def _own_module(kind: str, file: Path, changed: int) -> ModuleType:
    """A file of a project as a module; one that was changed since is imported anew.

    Args:
        changed: when the file was changed last.
    """
    name = f"{_OWN}_{kind}_{file.stem}"
    loader = _FromSource(name, str(file.absolute()))
    spec = importlib.util.spec_from_file_location(name, file, loader=loader)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module
