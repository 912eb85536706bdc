"""The reference of commands, from the parser that reads them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping

WIDTH = 88  # of a usage; a phone scrolls it
INTRODUCTION = """\
# Commands

Each command answers `--help` with what stands here. Exit codes: 0 done, 1 the work failed, 2 what \
you wrote is wrong, 130 interrupted.
"""


def page(commands: Mapping[str, argparse.ArgumentParser]) -> str:
    """A section for each command."""
    return "\n".join([INTRODUCTION, *(_command(parser) for parser in commands.values())])


def _command(parser: argparse.ArgumentParser) -> str:
    formatter = argparse.HelpFormatter(parser.prog, width=WIDTH)
    formatter.add_usage(parser.usage, parser._actions, parser._mutually_exclusive_groups, prefix="")
    usage = formatter.format_help().strip()
    parts = [
        f"## {parser.prog}",
        f"```text\n{usage}\n```",
        parser.description or "",
        _table(parser._actions),
    ]
    if parser.epilog:
        parts.append(f"```text\n{parser.epilog}\n```")
    return "\n\n".join(parts) + "\n"


def _table(actions: Iterable[argparse.Action]) -> str:
    shown = [action for action in actions if action.help != argparse.SUPPRESS]
    lines = [f"| {_names(action)} | {_cell(action.help or '')} |" for action in shown]
    return "\n".join(["| argument | |", "| --- | --- |", *lines])


def _names(action: argparse.Action) -> str:
    takes = action.metavar or ("" if action.nargs == 0 else action.dest)
    if action.choices is not None and action.metavar is None:
        takes = " or ".join(map(str, action.choices))
    if not action.option_strings:
        return f"`{_cell(str(takes))}`"
    return ", ".join(f"`{_cell(f'{name} {takes}'.rstrip())}`" for name in action.option_strings)


def _cell(text: str) -> str:
    """Text that a table can hold."""
    return text.replace("|", "\\|")
