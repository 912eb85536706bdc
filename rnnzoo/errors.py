"""What can go wrong, as objects before it is text.

    RnnzooError               exit code 1: the work failed
    |- SpecError              exit code 2: what the user wrote in a file; carries every `Mistake`
    |                         with its `Span`
    |- UsageError             exit code 2: what the user wrote on the command line or passed to a
    |                         function
    |- TaskError              data that is missing, damaged or does not fit
    |- TrainingError          one training could not run; a sweep records it and goes on
    |- StoreError             Optuna's storage, MLflow's or a disk cannot be used, or is held by
    |                         somebody else
    `- StatsError             the data cannot answer the question

Everything else that escapes is a bug of ours and says so (`cli.main`).
"""

from __future__ import annotations

import difflib
import errno
import os
import re
import shlex
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from importlib.util import find_spec
from itertools import chain, takewhile
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote

FIX = "\n  fix: "  # between a problem and what to do
# of one file: more would scroll away, and each takes a search for the nearest name
MAX_MISTAKES = 50
_WIDEST_LINE = 100  # a longer line is shown around its caret
_LIKE = 0.6  # shares of its characters, in their order, that a name has in common with one meant
_LONGEST_TEXT = 500  # a problem or a fix that names what a user wrote is cut there


class RnnzooError(Exception):
    """Base of all errors that rnnzoo raises on purpose; `str(error)` is meant for the user, and
    safe on a terminal.

    Attributes:
        problem: what is wrong.
        fix: what to do instead; empty where that is in the problem, or nobody knows.
    """

    exit_code = 1
    # or Keras would wrap what a layer says in all arguments of its call, and in bold
    _keras_call_info_injected = True

    def __init__(self, problem: object = "", fix: str = "") -> None:
        super().__init__(problem, fix)
        # one text: what a process has sent, or a plug-in raises
        said, _, its_fix = str(problem).partition(FIX)
        self.problem, self.fix = said, fix or its_fix

    def __str__(self) -> str:
        return printable(worded(self.problem, self.fix))

    @property
    def parts(self) -> tuple[str, str]:
        """The problem and its fix, safe on a terminal."""
        return printable(self.problem), printable(self.fix)

    def _render_traceback_(self) -> list[str]:
        """For IPython, which asks for it: the caller's line, and the message, without the frames of
        this package, in which the caller has nothing to look for.
        """
        return [*_calling_line(self.__traceback__), f"{type(self).__name__}: {self}"]


def _calling_line(trace: TracebackType | None) -> list[str]:
    """The line that called this package, with its number; of a file, its path too."""
    package = str(Path(__file__).parent)
    frames = traceback.extract_tb(trace)
    outside = list(takewhile(lambda frame: not frame.filename.startswith(package), frames))
    if not outside:
        return []
    caller = outside[-1]
    where = f"{caller.filename}, " if Path(caller.filename).is_file() else ""
    return [f"{where}line {caller.lineno}: {caller.line}"]


_at_command_line: ContextVar[bool] = ContextVar("at_command_line", default=False)


@contextmanager
def at_command_line() -> Iterator[None]:
    """Within it, messages name arguments as the command line has them."""
    token = _at_command_line.set(True)
    try:
        yield
    finally:
        _at_command_line.reset(token)


def argument(name: str, value: object = None) -> str:
    """An argument as its caller writes it: `--workers` on the command line, `workers` in Python; or
    with its value.

    Overrides are `--set` there and `overrides` here, a table is `--from` and `source`.
    """
    if not _at_command_line.get():
        return name if value is None else f"{name}={value!r}"
    return f"--{_OPTIONS.get(name, name)}" + ("" if value is None else f" {value}")


_OPTIONS = {"overrides": "set", "source": "from"}


def worded(problem: str, fix: str) -> str:
    """A problem and what to do about it, as every message has them."""
    return f"{problem}{FIX}{fix}" if fix else problem


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a file that a user wrote.

    Attributes:
        file: the path as the user gave it.
        line: from 1.
        column: from 1, counted in characters.
        text: the whole line, without its end.
        length: how many characters the place takes, at least 1.
    """

    file: str
    line: int
    column: int
    text: str
    length: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake, or warning: where, what is wrong, what to write instead.

    Attributes:
        supposes: keys that must be right for this to be a mistake of its own.
        warning: it is probably not meant, and no mistake.
    """

    span: Span
    problem: str
    fix: str = ""
    supposes: tuple[str, ...] = field(default=(), compare=False)
    warning: bool = False

    def __str__(self) -> str:
        which = "warning: " if self.warning else ""
        lines = [f"{self.span}: {which}{_short(self.problem)}", *_draw(self.span)]
        return printable(worded("\n".join(lines), _short(self.fix)))


@dataclass(frozen=True, slots=True)
class Remark:
    """A warning about a whole file, or about data: what is probably not meant, and what to do."""

    problem: str
    fix: str = ""

    def plain(self) -> dict[str, str]:
        """As JSON has it."""
        return {"problem": self.problem, "fix": self.fix}

    def __str__(self) -> str:
        return printable(worded(f"warning: {self.problem}", self.fix))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + " ..."


def _draw(span: Span) -> list[str]:
    """The line and a caret under the place; tabs keep their width, long lines are cut around the
    caret.
    """
    if not span.text.strip():
        return []
    start = max(0, span.column - 1 - _WIDEST_LINE // 2) if len(span.text) > _WIDEST_LINE else 0
    shown = span.text[start : start + _WIDEST_LINE].rstrip()
    before = span.text[start : span.column - 1]
    pad = re.sub(r"[^\t]", " ", before).ljust(span.column - 1 - start)
    marks = "^" * max(1, min(span.length, len(shown) - len(before)))
    return [f"    {shown}", f"    {pad}{marks}"]


def printable(text: str) -> str:
    """The text as a terminal shows it: what would steer it, or change the direction of writing, is
    replaced.
    """
    return "".join(map(_printable, text))


def _printable(char: str) -> str:
    return char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}"


class SpecError(RnnzooError):
    """What the user wrote in a file is wrong; all mistakes that could be found, in the order of the
    file.
    """

    exit_code = 2

    def __init__(self, *mistakes: Mistake) -> None:
        if not mistakes:
            raise ValueError("a SpecError holds at least one mistake")
        self.mistakes = tuple(
            sorted(
                dict.fromkeys(mistakes),
                key=lambda mistake: (mistake.span.file, mistake.span.line, mistake.span.column),
            )
        )
        Exception.__init__(self, *self.mistakes)
        self.problem, self.fix = self.mistakes[0].problem, self.mistakes[0].fix

    def __str__(self) -> str:
        shown = [str(mistake) for mistake in self.mistakes[:MAX_MISTAKES]]
        if len(shown) == MAX_MISTAKES:
            shown.append("There may be more mistakes: mend these, and look again.")
        return "\n\n".join(shown)


class UsageError(RnnzooError):
    """What the user wrote on the command line, or passed to a public function, is wrong."""

    exit_code = 2


class TaskError(RnnzooError):
    """Data that is missing, damaged or does not fit; the message says where to put it or what to
    change.
    """


class TrainingError(RnnzooError):
    """One training could not run."""


class StoreError(RnnzooError):
    """A store cannot be reached or written, is from another version, or is held by another
    sweep.
    """


# What the file system of a machine may refuse, and what to do
_MACHINE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "make room on that disk"),
    **dict.fromkeys(
        (errno.EROFS, errno.EACCES, errno.EPERM), "allow writing there, or work in another folder"
    ),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "allow more open files (ulimit -n)"),
    **dict.fromkeys((errno.EIO, errno.ESTALE), "see whether that disk is well"),
}
# The same where it was said in words only, as HDF5 and TensorFlow do
_IN_WORDS = {os.strerror(number): fix for number, fix in _MACHINE.items() if number != errno.EPERM}


def machine_fault(error: BaseException | None) -> str:
    """What to do where a machine's file system is the reason of an error; empty where it is not."""
    while error is not None:
        fix = _MACHINE.get(getattr(error, "errno", None) or 0)
        fix = fix or next((fix for words, fix in _IN_WORDS.items() if words in str(error)), "")
        if fix:
            return fix
        error = error.__cause__ or error.__context__
    return ""


def in_the_way(error: OSError) -> str:
    """What to do where a file stands in the place of a folder, or a folder in that of a file, or
    where the system lets nobody make one, as in /proc; empty where that is not the reason of an
    error.
    """
    if error.errno == errno.ENOENT and _in_a_closed_folder(error.filename):
        return "nothing can be made there: choose another place"
    if error.errno not in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
        return ""
    return "move away what is there, or choose another place"


def _in_a_closed_folder(path: object) -> bool:
    """Whether a path lies in a folder that is there, and in which the system lets nobody make
    anything, as in /proc.

    It is tried, since nothing else tells.  `os.access` says of /proc that root may write there, and
    of a folder of the system that others may not, where a file was missing that is read.  The errno
    is the same for both: where folders are only to be read, it is another one (EROFS, EACCES).
    """
    if not isinstance(path, str | os.PathLike):
        return False
    folder = Path(path).parent
    tried = folder / f".rnnzoo-{os.getpid()}"
    try:
        tried.mkdir()
        tried.rmdir()
    except FileNotFoundError:
        return folder.is_dir()
    except OSError:
        pass  # it has another reason, which is that of the error if it matters
    return False


def absent_package(error: ModuleNotFoundError) -> str:
    """The third-party package that an import did not find; empty where it is a module of rnnzoo's,
    or of a package that is there.
    """
    package = (error.name or "").partition(".")[0]
    is_installed = package in ("", "rnnzoo") or find_spec(package) is not None
    return "" if is_installed else package


_OTHER_PYTHON = "on Windows work in WSL (docs/installing.md); elsewhere, use a Python that has it"


def lacking(what: str, package: str) -> RnnzooError:
    """What is said where something needs a package or module that is not there.

    Python's own are lacking on Windows, or where Python was built without them: no package index
    has those.
    """
    if package in sys.stdlib_module_names:
        return RnnzooError(f"{what} needs {package}, which this Python lacks", _OTHER_PYTHON)
    fix = "install rnnzoo with all that it needs (docs/installing.md): pip install rnnzoo"
    return RnnzooError(f"{what} needs {package}, which is not installed here", fix)


# What databases, disks and servers say, and what to do: the first that fits.
_STORE_FIXES = (
    (("locked",), "another program holds it: end that one, and give the same command again"),
    (("disk is full", "disk full", "no space left"),
     "make room on that disk, and give the same command again"),
    (("not a database", "malformed"),
     "it is damaged, or no database: move it away, or name another"),
    (("password", "authentication"),
     "set PGPASSWORD in the environment, or write the password to ~/.pgpass"),
    (("access module", "no module named"),
     "pip install 'rnnzoo[postgresql]', or the driver that the URL names"),
)  # fmt: skip
_NO_MODULE = re.compile(r"no module named '?(\w+)", re.I)


def store_error(store: str, url: str, reason: str, key: str) -> StoreError:
    """The error for what a store's database, disk or server said.

    Args:
        store: whose store it is, as in "the storage".
        key: its section of mlflow.yml.
    """
    secret = url.partition("://")[2].rpartition("@")[0]
    if secret:  # what a network says may repeat the address
        reason = reason.replace(f"{secret}@", "...@")
    fix = _fix_of_store(reason) or _fix_of_file(url) or "see that it runs and can be reached"
    problem = f"{store} at {without_password(url)} cannot be used: {reason}"
    return StoreError(problem, f"{fix} (`{key}:` in mlflow.yml names it)")


def _fix_of_store(reason: str) -> str:
    """By what the store said; empty where that is none of the known reasons."""
    module = _NO_MODULE.search(reason)
    if module and module[1] in sys.stdlib_module_names:
        return _OTHER_PYTHON
    lower = reason.lower()
    known = (fix for words, fix in _STORE_FIXES if any(word in lower for word in words))
    return next(known, "")


def _fix_of_file(url: str) -> str:
    """What is the matter with a database's file, of which SQLite says "unable to open", "readonly"
    or "no such table".
    """
    if not url.startswith("sqlite:///"):
        return ""
    path = Path(unquote(url.removeprefix("sqlite:///").partition("?")[0]))
    if path.exists() and not path.is_file():
        return "that is no file: name another"
    # its own folder may have to be made first
    nearest_folder = next(folder for folder in path.absolute().parents if folder.exists())
    if not all(os.access(place, os.W_OK) for place in (path, nearest_folder) if place.exists()):
        return "allow writing to it and to its folder"
    return "it was deleted or moved while it was in use: put it back, or begin anew"


def without_password(url: str) -> str:
    """A URL as it may be shown."""
    scheme, mark, rest = url.partition("://")
    if "@" in rest and scheme != "sqlite":
        return f"{scheme}{mark}...@{rest.rpartition('@')[2]}"
    return url


class StatsError(RnnzooError):
    """The data cannot answer the question; the message says what would."""


@dataclass(slots=True)
class Mistakes:
    """Collects mistakes, so that a file's mistakes come all in one go; raises them where there are
    `MAX_MISTAKES`.

    Example:
        mistakes = Mistakes()
        mistakes.add(span, "unknown name 'cc'", nearest("cc", names))
        mistakes.raise_if_any()
    """

    collected: list[Mistake] = field(default_factory=list)

    def add(self, span: Span, problem: str, fix: str = "", supposes: tuple[str, ...] = ()) -> None:
        self.extend([Mistake(span, problem, fix, supposes)])

    def extend(self, mistakes: Iterable[Mistake]) -> None:
        self.collected += [mistake for mistake in mistakes if mistake not in self.collected]
        if len(self.collected) >= MAX_MISTAKES:
            raise SpecError(*self.collected[:MAX_MISTAKES])

    def raise_if_any(self) -> None:
        if self.collected:
            raise SpecError(*self.collected)


def run_again(file: str, sets: Sequence[str] = ()) -> str:
    """What runs an experiment of a file, or one of Python's, as the caller writes it.

    Args:
        sets: overrides that it was read with.
    """
    if _at_command_line.get():
        return command("sweep", file, sets=sets)
    overrides = f", overrides={[*sets]}" if sets else ""
    return f"rnnzoo.run({repr(file) if file else '...'}{overrides})"


def command(*words: object, sets: Iterable[str] = ()) -> str:
    """A command of ours as a shell takes it: `rnnzoo sweep 'experiments/my spec.yaml'`.

    Args:
        sets: overrides of its experiment.
    """
    overrides = chain.from_iterable(("--set", override) for override in sets)
    return shlex.join(["rnnzoo", *map(str, words), *overrides])


def number_of(count: int, noun: str, plural: str = "") -> str:
    """A count and what is counted: "1 trial", "2 trials".

    Args:
        plural: what more than one are called, where that is not the noun with an s.
    """
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"


def in_percent(share: float, decimals: int = 0) -> str:
    """A share in print: 63 %.  In files it may be written `63%`, too."""
    return f"{100 * share:z.{decimals}f} %"


def signed(difference: float, decimals: int = 3) -> str:
    """A difference in print: +0.012.  One that rounds to nothing has a plus."""
    return f"{difference:+z.{decimals}f}"


def score_text(score: float | None) -> str:
    """A score in print, to four decimals, or four digits of a large one; nothing for None."""
    if score is None:
        return ""
    return f"{score:z.4f}" if abs(score) < 1e4 else f"{score:.4g}"


def duration(seconds: float) -> str:
    """A time span as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def size_of(bytes_: float) -> str:
    """An amount of memory or of a disk as people say it: "512 bytes", "1.5 MB"."""
    units = ("bytes", "kB", "MB", "GB", "TB")
    unit = next((number for number in range(4) if bytes_ < 1000 ** (number + 1)), 4)
    return f"{bytes_ / 1000**unit:.1f} {units[unit]}" if unit else f"{bytes_:.0f} bytes"


def moment(then: datetime, clock: str = "%H:%M", now: datetime | None = None) -> str:
    """A moment as people say it: the time, and the day where that is another one."""
    today = (now or datetime.now().astimezone()).date()
    return f"{then:{clock}}" if then.date() == today else f"{then:%Y-%m-%d %H:%M}"


def listed(names: Iterable[str], last: str = "and") -> str:
    """Names as a sentence has them: "a, b and c"."""
    *others, end = names
    return f"{', '.join(others)} {last} {end}" if others else end


def close(name: str, known: Iterable[str]) -> list[str]:
    """The known name that is probably meant, if there is one: of several with as many characters
    in common, the one that is reached by the fewest slips.
    """
    matcher = difflib.SequenceMatcher(b=name)
    ranked = []
    for other in set(known):
        matcher.set_seq1(other)
        alike = 1.0 if other.casefold() == name.casefold() else matcher.ratio()
        if alike >= _LIKE:
            ranked.append((alike, -_distance(name, other), other))
    return [max(ranked)[-1]] if ranked else []


def _distance(written: str, known: str) -> float:
    """What it costs to correct a name by inserting, deleting and replacing characters, and by
    swapping neighbours (optimal string alignment).

    Neighbours in the wrong order are one slip.  Vowels and what joins words weigh half: names here
    are often abbreviations, which leave them out, so that `nofoget` is nearer to `nfg` than `nog`.
    """
    costs = [[sum(map(_weight, known[:column])) for column in range(len(known) + 1)]]
    for row, char in enumerate(written, 1):
        costs.append([costs[-1][0] + _weight(char)])
        for column, other in enumerate(known, 1):
            replaced = 0.0 if char == other else max(_weight(char), _weight(other))
            ways = [
                costs[row - 1][column] + _weight(char),
                costs[row][column - 1] + _weight(other),
                costs[row - 1][column - 1] + replaced,
            ]
            if written[row - 2 : row] == other + known[column - 2 : column - 1] and row > 1:
                ways.append(costs[row - 2][column - 2] + 1.0)
            costs[row].append(min(ways))
    return costs[-1][-1]


def _weight(char: str) -> float:
    return 0.5 if char in "aeiou_-. " else 1.0


def nearest(name: str, known: Iterable[str]) -> str:
    """The fix for a wrong name: the nearest right one if there is one, and the list while it is
    short.
    """
    names = sorted(set(known))
    meant = close(name, names)
    listing = f"one of: {', '.join(names)}" if 0 < len(names) <= 40 else ""
    if meant:
        return f"did you mean '{meant[0]}'?" + (f"  ({listing})" if listing else "")
    return listing
