"""Telling a running sweep something, and waiting for what it answers.

In: the words of `rnnzoo ctl`, and the experiment's folder.  Out: a reply of each sweep that was
told; shards that run at once are told each.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from rnnzoo.errors import RnnzooError, SpecError, StoreError, UsageError, command, nearest
from rnnzoo.spec import settings as config
from rnnzoo.spec.document import Scalar, parse, read_text
from rnnzoo.spec.read_experiment import read
from rnnzoo.sweep import channel
from rnnzoo.sweep.channel import LARGEST, LEAST, Answer, Command, Running, Word
from rnnzoo.sweep.lock import holder, process_of

WAIT = 30.0  # seconds that a sweep may be busy, as with a storage that is away
TAKEN = 5.0  # seconds more for the answer to a command that was taken
LOOK = 0.1  # seconds between two looks for an answer
GIVEN: tuple[Word, ...] = tuple(word for word in get_args(Word) if word != "status")
_INSTEAD_OF_NONE = {("trials", 0): "`pause`, or `stop VARIANT`, begins no more"}
ENDED = Answer(
    False, "it ended before it answered", "what a sweep is told ends with it: the next one begins"
    " as its file says",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reply:
    """What one sweep says to a command."""

    sweep: Running
    answer: Answer


def command_of(words: Sequence[str]) -> Command:
    """The command that some words are; without any, the question what the sweep does.

    Raises:
        UsageError: they are none.
    """
    host = socket.gethostname()
    if not words:
        return Command("status", host=host)
    name, *values = words
    word = next((known for known in GIVEN if known == name), None)
    if word is None:
        raise UsageError(f"a sweep cannot be told '{name}'", nearest(name, GIVEN))
    wanted = {"stop": "stop VARIANT", "resume": "resume, or resume VARIANT"}.get(word, word)
    wanted = f"{word} N" if word in LEAST else wanted
    needs = word == "stop" or word in LEAST
    if needs > len(values) or len(values) > (needs or word == "resume"):
        raise UsageError(f"'{' '.join(words)}' is no command", f"write {wanted}")
    if word in LEAST:
        return Command(word, number=_number(word, values[0]), host=host)
    return Command(word, values[0] if values else "", host=host)


def _number(word: Word, text: str) -> int:
    """
    Raises:
        UsageError: it is no number that may follow.
    """
    number = int(text) if text.isascii() and text.isdigit() else -1
    if LEAST[word] <= number <= LARGEST:
        return number
    problem = f"`{word}` needs a whole number from {LEAST[word]} to {LARGEST:,}, not '{text}'"
    raise UsageError(problem, _INSTEAD_OF_NONE.get((word, number), f"{word} 4"))


def name_of(spec: Path, sets: Sequence[str]) -> str:
    """The name of an experiment; also where its file has mistakes, as while it is edited.

    Raises:
        SpecError, UsageError: there is none.
    """
    try:
        return read(spec, sets).name
    except SpecError:
        node = parse(read_text(spec), str(spec)).entries.get("experiment")
        if not sets and isinstance(node, Scalar) and isinstance(node.value, str) and node.value:
            return node.value
        raise


def running(name: str, spec: str) -> list[Running]:
    """The sweeps of an experiment that run in this project.

    Raises:
        RnnzooError: none does; says what to do.
    """
    folder = config.runs() / name
    sweeps = channel.running(folder)
    if sweeps:
        return sweeps
    problem = f"no sweep of '{name}' is running"
    held_by = holder(folder / "lock")
    if held_by:
        raise RnnzooError(
            f"the sweep of '{name}' cannot be told anything yet: {held_by}",
            "give the command again in a moment; `rnnzoo sync` and `rnnzoo clean` take no commands",
        )
    others = elsewhere(name, ())
    if others:
        raise RnnzooError(
            f"{problem} in this project; with the same storage: {'; '.join(others)}",
            "give the command in the folder of its project",
        )
    raise RnnzooError(problem, f"`{command('sweep', spec)}` begins it, or goes on with it")


def elsewhere(name: str, sweeps: Sequence[Running]) -> list[str]:
    """Who sweeps parts of the experiment in other projects with the same server, as far as it
    answers.

    Args:
        sweeps: those of this project.
    """
    storage = config.read().storage
    if not storage.startswith("postgresql"):
        return []
    from rnnzoo.sweep.search import Store

    running = {process_of(sweep.holder) for sweep in sweeps}
    try:
        holders = Store(storage).holders(name)
    except StoreError:
        return []
    return [holder for holder in holders if process_of(holder) not in running]


def tell(
    sweeps: Sequence[Running], given: Command, waiting: Callable[[], None] = lambda: None
) -> list[Reply]:
    """Give a command to sweeps, and wait for their answers.

    Args:
        waiting: called once, if that takes more than a few seconds.

    Raises:
        UsageError: none of them has trials of the variant.
        OSError: the folder of one cannot be written; what the others have not taken is withdrawn.
        KeyboardInterrupt: the end was asked for; likewise.
    """
    known = list(dict.fromkeys(label for sweep in sweeps for label in sweep.variants))
    if given.variant and given.variant not in known:
        problem = f"the sweep has no trials of a variant '{given.variant}'"
        raise UsageError(problem, nearest(given.variant, known))
    told = [sweep for sweep in sweeps if not given.variant or given.variant in sweep.variants]
    names: dict[Running, str] = {}
    try:
        for sweep in told:
            names[sweep] = _given_to(sweep, given)
        return [Reply(sweep, answer) for sweep, answer in _answers(names, waiting).items()]
    except BaseException:  # an interrupt too: nobody waits for an answer any more
        for sweep, name in names.items():
            if name:
                channel.withdraw(sweep, name)
        raise


def _given_to(sweep: Running, given: Command) -> str:
    """The name of the command's file; empty where the sweep has just ended."""
    try:
        return channel.give(sweep, given)
    except FileNotFoundError:
        return ""


def _answers(names: dict[Running, str], waiting: Callable[[], None]) -> dict[Running, Answer]:
    """The answer of each sweep, or what there is to say instead."""
    answers = {sweep: ENDED for sweep, name in names.items() if not name}
    began = looked = time.monotonic()
    is_told = False
    while len(answers) < len(names) and time.monotonic() < began + WAIT:
        looks = time.monotonic() > looked + 1.0
        for sweep in names.keys() - answers.keys():
            answer = channel.answer(sweep, names[sweep])
            if answer is None and looks and not sweep.is_alive:
                answer = channel.answer(sweep, names[sweep]) or ENDED
            if answer is not None:
                answers[sweep] = answer
        looked = time.monotonic() if looks else looked
        if not is_told and time.monotonic() > began + 3.0:
            is_told = True
            waiting()
        time.sleep(LOOK)
    for sweep in names.keys() - answers.keys():
        answers[sweep] = _late(sweep, names[sweep])
    return {sweep: answers[sweep] for sweep in names}  # in their order


def _late(sweep: Running, name: str) -> Answer:
    """What is said of a sweep that has not answered in time; what it has not taken is withdrawn."""
    if channel.withdraw(sweep, name):
        return Answer(
            False, f"it has not taken the command within {WAIT:g} seconds, so it was withdrawn",
            "it may be waiting for its storage: see what it prints, and give the command again",
        )  # fmt: skip
    end = time.monotonic() + TAKEN
    while time.monotonic() < end:
        answer = channel.answer(sweep, name)
        if answer is not None:
            return answer
        time.sleep(LOOK)
    if not sweep.is_alive:
        return ENDED
    return Answer(False, "it has taken the command, and not answered yet", "ask what it was told")
