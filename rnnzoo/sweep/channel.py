"""How a running sweep is reached: a folder of small files beside its lock.

In: commands, written on this machine or on one that shares the folder.  Out: an answer to each.

    runs/NAME/ctl/3f2a9c1e/       a running sweep; the folder goes with it
        lock                      held while it runs
        sweep.json                which part it runs, and of which variants
        commands/ID.json          written by `rnnzoo ctl`
        taken/ID.json             where the sweep moves a command before it obeys
        answers/ID.json           written by the sweep, deleted by who has read it
    runs/NAME/ctl/set-aside/      what lay among the commands and is none

Files, and no socket: they need no port, reach where the sweep's other files reach, and who may
write them is who may write to the project.  A command is moved by one rename, so it is either taken
or withdrawn by who gave it, and never both.  What is read is data, checked as a spec is.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from rnnzoo.errors import Mistakes, RnnzooError
from rnnzoo.spec.document import Fields, parse, read_text
from rnnzoo.sweep import lock

FOLDER = "ctl"  # in the experiment's folder, beside its lock
LOCK, ABOUT, SET_ASIDE = "lock", "sweep.json", "set-aside"
Word = Literal["status", "pause", "resume", "stop", "trials", "workers", "budget"]
WORDS: tuple[Word, ...] = get_args(Word)
# words that a number follows, and the least that it may be
LEAST: Mapping[Word, int] = {"trials": 1, "workers": 0, "budget": 1}
LARGEST = 1_000_000
_NAME = re.compile(r"([0-9a-f]{12})\.json")
_SWEEP = re.compile(r"[0-9a-f]{8}")
_DAY = 86400.0
_EMPTY = '{"command": "pause"}'


@dataclass(frozen=True, slots=True)
class Command:
    """What a sweep is told.

    Attributes:
        variant: a label, after `stop`, and perhaps `resume`.
        number: after the words of `LEAST`.
        host: the machine on which it was given.
    """

    word: Word
    variant: str = ""
    number: int = 0
    host: str = ""

    def __str__(self) -> str:
        rest = str(self.number) if self.word in LEAST else self.variant
        return f"{self.word} {rest}".strip()

    def text(self) -> str:
        """As a file has it."""
        content: dict[str, object] = {"command": self.word, "host": self.host}
        if self.variant:
            content["variant"] = self.variant
        if self.word in LEAST:
            content["number"] = self.number
        return json.dumps(content)


def read_command(path: Path) -> Command:
    """The command in a file.

    Raises:
        SpecError, UsageError: it is none.
    """
    mistakes = Mistakes()
    entry = Fields(parse(read_text(path), path.name, _EMPTY), mistakes, "a command")
    entry.need("command", "`command: pause`")
    word: Word = entry.word("command", WORDS, "status")  # type: ignore[assignment]
    if word == "stop":
        entry.need("variant", "`variant: gru`")
    if word in LEAST:
        entry.need("number", "`number: 4`")
    variant = entry.text("variant") if word in ("stop", "resume") else ""
    number = entry.integer("number", low=LEAST[word], high=LARGEST) if word in LEAST else 0
    host = entry.text("host")
    entry.done()
    mistakes.raise_if_any()
    return Command(word, variant, number, host)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a sweep says to a command.

    Attributes:
        obeyed: whether it was done.
        text: what follows from it, or why not.
        fix: what to do instead.
        state: what the sweep does and was told, as JSON has it.
    """

    obeyed: bool
    text: str
    fix: str = ""
    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """A command that was taken, by the name of its file; `mistake` where the file holds none."""

    name: str
    command: Command | None
    mistake: RnnzooError | None = None


# ------------------------------------------------------------------ the sweep's end


@dataclass(frozen=True, slots=True)
class Inbox:
    """The folder of a running sweep.

    Attributes:
        about: what `sweep.json` says.
    """

    folder: Path
    about: Mapping[str, Any]

    def make(self) -> None:
        """Make what is missing of it."""
        for name in ("commands", "taken", "answers"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        if not (self.folder / ABOUT).exists():
            _put(self.folder / ABOUT, json.dumps(self.about))

    def take(self) -> Iterator[Request]:
        """The commands that came, the oldest first.

        What is no command is set aside.
        """
        try:
            # opened anew each time: a network folder is asked only then
            with os.scandir(self.folder / "commands") as entries:
                present = [entry for entry in entries if not entry.name.startswith(".")]
        except FileNotFoundError:  # deleted under the sweep
            self.make()
            return
        # as they were given: of `pause` and `resume`, the later one counts
        for entry in sorted(present, key=_age):
            request = self._taken(entry)
            if request is not None:
                yield request

    def _taken(self, entry: os.DirEntry[str]) -> Request | None:
        """What one file says; None where it was withdrawn meanwhile."""
        match, path = _NAME.fullmatch(entry.name), self.folder / "taken" / entry.name
        if match is None or not entry.is_file(follow_symlinks=False):
            return Request("", None, self._foreign(Path(entry.path)))
        try:
            # a rename has one winner: this sweep, or `ctl`, which withdraws what nobody takes
            os.rename(entry.path, path)
        except FileNotFoundError:
            return None
        try:
            command = read_command(path)
        except RnnzooError as error:
            self._set_aside(path)
            return Request(entry.name, None, error)
        path.unlink(missing_ok=True)
        return Request(entry.name, command)

    def _foreign(self, path: Path) -> RnnzooError:
        where = self._set_aside(path)
        return RnnzooError(f"{path.name} is no command of `rnnzoo ctl`", f"it is in {where} now")

    def _set_aside(self, path: Path) -> Path:
        """Move what is no command to where nobody looks for one; its new place."""
        place = self.folder.parent / SET_ASIDE / f"{uuid.uuid4().hex[:8]}-{path.name}"
        place.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            os.rename(path, place)
        return place

    def answer(self, request: Request, answer: Answer) -> None:
        """Answer a command."""
        if request.name:
            content = {
                "obeyed": answer.obeyed, "text": answer.text, "fix": answer.fix,
                "state": dict(answer.state),
            }  # fmt: skip
            _put(self.folder / "answers" / request.name, json.dumps(content))


@contextmanager
def opened(runs: Path, experiment: str, about: Mapping[str, Any]) -> Iterator[Inbox]:
    """The folder of a sweep, while the block runs.

    Args:
        runs: the experiment's folder.
        about: what others are to know of the sweep.

    Raises:
        OSError: the folder cannot be written.
        StoreError: files cannot be locked there.
    """
    channels = runs / FOLDER
    _tidy(channels)
    folder = channels / uuid.uuid4().hex[:8]
    # before `sweep.json`: who finds that finds the lock held
    with lock.held(folder / LOCK, experiment):
        inbox = Inbox(folder, about)
        try:
            inbox.make()
            yield inbox
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)  # the lock may have been made anew meanwhile


def _tidy(channels: Path) -> None:
    """Delete what sweeps have left that were killed; another machine's only after a day, for our
    lock may not reach it.
    """
    for folder in _folders(channels):
        file = folder / LOCK
        try:
            is_reached = not lock.is_of_another_machine(file)
            is_old = time.time() - file.stat().st_mtime > _DAY
        except OSError:
            continue
        if not lock.holder(file) and (is_reached or is_old):
            shutil.rmtree(folder, ignore_errors=True)


# ------------------------------------------------------------------ who tells it


@dataclass(frozen=True, slots=True)
class Running:
    """A sweep that runs, as another process sees it.

    Attributes:
        part: which trials it runs, in words; `everything`.
        variants: labels of those that it has trials of.
        holder: its process, machine and beginning.
    """

    folder: Path
    part: str
    variants: tuple[str, ...]
    holder: str

    @property
    def is_alive(self) -> bool:
        """Whether it runs still, as far as that is seen at once."""
        file = self.folder / LOCK
        try:
            return bool(lock.holder(file)) or lock.is_of_another_machine(file)
        except OSError:
            return False


def running(runs: Path) -> list[Running]:
    """The sweeps of an experiment that run now; one of another machine is watched for a while where
    its lock does not reach this one.
    """
    sweeps = []
    for folder in _folders(runs / FOLDER):
        try:
            about = json.loads((folder / ABOUT).read_text())
            holder = lock.holder(folder / LOCK) or lock.held_elsewhere(folder / LOCK)
        except (OSError, ValueError):
            continue
        if holder and isinstance(about, dict):
            variants = tuple(map(str, about.get("variants", ())))
            sweeps.append(Running(folder, str(about.get("part", "")), variants, holder))
    return sorted(sweeps, key=lambda sweep: (sweep.part, sweep.folder))


def give(sweep: Running, command: Command) -> str:
    """Give a command to a sweep; returns the name of its file.

    Raises:
        OSError: the folder cannot be written, or is gone with its sweep.
    """
    name = f"{uuid.uuid4().hex[:12]}.json"
    _put(sweep.folder / "commands" / name, command.text())
    return name


def withdraw(sweep: Running, name: str) -> bool:
    """Take a command back; False where the sweep has taken it, or is gone."""
    try:
        (sweep.folder / "commands" / name).unlink()
    except FileNotFoundError:
        return False
    return True


def answer(sweep: Running, name: str) -> Answer | None:
    """The answer to a command, which is deleted with that; None where there is none yet."""
    folder = sweep.folder / "answers"
    try:
        if name not in os.listdir(folder):  # a network folder keeps in mind what was not there
            return None
        content = json.loads((folder / name).read_text())
        (folder / name).unlink(missing_ok=True)
    except FileNotFoundError:
        return None
    except ValueError:
        return Answer(False, "what the sweep answered cannot be read")
    state = content.get("state")
    return Answer(
        content.get("obeyed") is True,
        str(content.get("text", "")),
        str(content.get("fix", "")),
        state if isinstance(state, dict) else {},
    )


def _folders(channels: Path) -> list[Path]:
    """The folders of sweeps, dead ones among them."""
    try:
        with os.scandir(channels) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    return [channels / name for name in sorted(names) if _SWEEP.fullmatch(name)]


def _age(entry: os.DirEntry[str]) -> tuple[int, str]:
    try:
        return entry.stat(follow_symlinks=False).st_mtime_ns, entry.name
    except FileNotFoundError:
        return 0, entry.name


def _put(path: Path, text: str) -> None:
    """Write a file that appears whole.

    Not by `spec.atomic`, which tidies up after processes of this machine only: here two machines
    write into one folder.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    draft.write_text(text)
    os.replace(draft, path)
