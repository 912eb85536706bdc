"""The command `new`: a cell to start from, or an experiment on data of one's own; nothing is
overwritten.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rnnzoo import lang
from rnnzoo.cli.as_json import print_json
from rnnzoo.errors import Mistakes, Span, UsageError, command
from rnnzoo.lang.view import CellView
from rnnzoo.spec.cell import built_in_names, find, legal_name
from rnnzoo.spec.settings import EXPERIMENTS, project
from rnnzoo.terminal.bars import bars
from rnnzoo.terminal.console import plain_console, told

CELL = """\
name: {name}
title: What it is called
# source: [a key of the bibliography, or a reference]
equations: |
  z = sigmoid(W_z @ x + R_z @ h[t-1] + b_z)     # a gate: how much is written
  n = tanh(W_n @ x + R_n @ h[t-1] + b_n)        # the candidate
  h = (1 - z) * h[t-1] + z * n                  # the output, and the one state
# See docs/language.md.  Check it:  rnnzoo check {path}
"""

VARIANT = """\
name: {name}
title: What it is called
extends: {extends}
equations: |
  {equation}
# An equation here replaces the one of the same name; a new one is added.  These are the others:
{others}
# See docs/language.md.  Check it:  rnnzoo check {path}
"""
_OF_CELLS, _OF_EXPERIMENTS = ("extends",), ("data", "id", "order", "target")


def new(args: argparse.Namespace) -> None:
    """Write a file to start from."""
    strange = _OF_EXPERIMENTS if args.what == "cell" else _OF_CELLS
    for option in strange:
        if getattr(args, option) is not None:
            problem = f"--{option} is not for `rnnzoo new {args.what}`"
            raise UsageError(problem, "see `rnnzoo new --help`")
    if args.what == "cell":
        _cell(args)
    else:
        _experiment(args)


# ------------------------------------------------------------------ cells


def _cell(args: argparse.Namespace) -> None:
    mistakes = Mistakes()
    if not legal_name(args.name, Span("NAME", 1, 1, args.name, len(args.name)), mistakes):
        raise UsageError(mistakes.collected[0].problem, mistakes.collected[0].fix)
    if args.name in built_in_names():
        raise UsageError(f"'{args.name}' is a built-in cell", "choose another name")
    path = _free(project() / EXPERIMENTS / "cells" / f"{args.name}.yaml")
    text = CELL.format(name=args.name, path=path)
    if args.extends:
        text = _variant(args.name, args.extends, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if args.json:
        print_json({"file": str(path), "guessed": []})
        return
    print(f"wrote {path}\n  edit it, then: {command('check', path)}")


def _free(path: Path) -> Path:
    """
    Raises:
        UsageError: there is something already.
    """
    if path.exists() or path.is_symlink():
        raise UsageError(f"{path} is there already", "edit it, or choose another name")
    return path


def _variant(name: str, extends: str, path: Path) -> str:
    find(extends, Path())
    equations = CellView(lang.load(extends)).equations
    others = "\n".join(f"#   {line}" for line in equations[1:])
    return VARIANT.format(
        name=name, extends=extends, equation=equations[0], others=others, path=path
    )


# ------------------------------------------------------------------ experiments


@contextmanager
def _folder(path: Path) -> Iterator[None]:
    """A folder that is there; where nothing comes of it, it goes again."""
    is_new = not path.exists()
    path.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        if is_new:
            path.rmdir()
        raise


def _experiment(args: argparse.Namespace) -> None:
    from rnnzoo.api import beginning
    from rnnzoo.tasks._table.guess import Given

    if not args.data:
        raise UsageError(
            "on which data?", f"{command('new', 'experiment', args.name)} --data my.csv"
        )
    beginning.check_name(args.name)
    path = _free(project() / EXPERIMENTS / f"{args.name}.yaml")
    ids = tuple(filter(None, (args.id or "").split(",")))
    given = Given(ids, args.order or "", args.target or "")
    console = plain_console(args.json)
    with _folder(path.parent), bars(console) as report:
        begun = beginning.experiment(args.name, args.data, given, path.parent, report)
    with path.open("x", encoding="utf-8") as stream:  # somebody else's, written meanwhile, stays
        stream.write(begun.text)
    told(console, f"wrote {path}")
    told(console, f"  {begun.form}")
    for text in begun.guessed:
        told(console, f"  guessed: {text}")
    told(console, "  look at what was guessed, then:")
    told(console, f"    {command('data', path)}")
    told(console, f"    {command('plan', path)}")
    told(console, f"    {command('sweep', path)}")
    if args.json:
        print_json({"file": str(path), "guessed": list(begun.guessed)})
