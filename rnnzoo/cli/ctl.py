"""The command that tells a running sweep something: ctl."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from rnnzoo.cli.as_json import print_json
from rnnzoo.errors import command, moment, number_of, printable, worded
from rnnzoo.terminal.console import plain_console, told

if TYPE_CHECKING:
    from rnnzoo.api.telling import Reply

SHOWN = 10  # commands of those that a sweep was told


def ctl(args: argparse.Namespace) -> int:
    """Tell the running sweep something, or ask what it does; 1 where one did not obey."""
    from rnnzoo.api import telling

    given = telling.command_of(args.words)
    name = telling.name_of(Path(args.spec), args.set)
    sweeps = telling.running(name, args.spec)

    def waiting() -> None:
        print("waiting for the sweep to answer ...", file=sys.stderr, flush=True)

    replies = telling.tell(sweeps, given, waiting)
    if args.json:
        content: dict[str, Any] = {"experiment": name, "command": str(given)}
        content |= {"sweeps": [_plain(reply) for reply in replies]}
        print_json({**content, "elsewhere": telling.elsewhere(name, sweeps)})
    else:
        _print(replies, given.word == "status", len(sweeps) > 1, args.spec)
        for other in telling.elsewhere(name, sweeps):
            # told last: its storage may take long to answer
            problem = f"not told: {other}, which runs in another project with the same storage"
            told(plain_console(stderr=True), worded(problem, "give the command in its folder, too"))
    return 0 if all(reply.answer.obeyed for reply in replies) else 1


def _plain(reply: Reply) -> dict[str, Any]:
    answer, sweep = reply.answer, reply.sweep
    return {
        "part": sweep.part, "process": sweep.holder, "obeyed": answer.obeyed, "answer": answer.text,
        "fix": answer.fix, **answer.state,
    }  # fmt: skip


def _print(replies: Sequence[Reply], is_status: bool, several: bool, spec: str) -> None:
    console, errors = plain_console(), plain_console(stderr=True)
    for reply in replies:
        whose = f"{reply.sweep.part}: " if several else ""
        if not reply.answer.obeyed:
            text = worded(f"{whose}{reply.answer.text}", reply.answer.fix)
            told(errors, printable(text))
        elif is_status:
            _print_status(reply, whose, spec, console)
        else:
            told(console, printable(f"{whose}{reply.answer.text}"))


def _print_status(reply: Reply, whose: str, spec: str, console: Console) -> None:
    told(console, printable(f"{whose}{reply.sweep.holder}"))
    for line in _lines(reply.answer.state, spec):
        told(console, printable(line))


def _lines(state: Mapping[str, Any], spec: str) -> Iterator[str]:
    """What a sweep does, and what it was told."""
    running, in_force = state["running"], state["told"]
    trials = number_of(state["planned"], "trial")
    stage = "" if state["stage"] == "search" else f"; now {state['stage']}"
    yield (
        f"  {state['done']} of {trials} of the search done, {len(running)} running,"
        f" {state['workers']} at a time{stage}"
    )
    if in_force["paused"]:
        since = _time(in_force["paused"])
        yield f"  paused since {since}: {command('ctl', spec, 'resume')}"
    for variant in in_force["stopped"]:
        yield f"  {variant} is stopped: {command('ctl', spec, 'resume', variant)}"
    if not state["commands"]:
        yield "  it was told nothing so far"
    elif len(state["commands"]) > SHOWN:
        yield f"  it was told {len(state['commands'])} times; the last {SHOWN}:"
    for entry in state["commands"][-SHOWN:]:
        yield f"  {_time(entry['time'])} {entry['command']}: {entry['answer']}"


def _time(written: str) -> str:
    return moment(datetime.fromisoformat(written))
