"""Commands about cells and files: check, list, show, new.  Nothing heavy is imported here."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from rnnzoo import lang, registry
from rnnzoo.errors import Mistakes, SpecError, UsageError
from rnnzoo.lang import listing as programs
from rnnzoo.lang.view import CellView
from rnnzoo.spec.cell import built_in_names, find, legal_name
from rnnzoo.spec.document import parse, read_text


def check(given: argparse.Namespace) -> int:
    """Every mistake of every file; exit code 2 where there is one."""
    failed = False
    for name in given.files:
        try:
            print(f"{name}: {_checked(Path(name))}")
        except (SpecError, UsageError) as error:
            failed = True
            print(f"{error}\n")
    return 2 if failed else 0


def _checked(path: Path) -> str:
    """What a file is, once nothing is wrong with it."""
    table = parse(read_text(path), str(path))
    if "experiment" in table.entries:
        from rnnzoo.cli.experiments import checked

        return checked(path)
    view = CellView(lang.load(str(path) if path.suffix in (".yaml", ".yml") else path))
    weights = len(view.ir.step.weights)
    return f"cell '{view.name}' is right: {len(view.equations)} equations, {weights} weights, states {', '.join(view.states)}"


def listing(given: argparse.Namespace) -> None:
    """Names with a line about each."""
    rows = _LISTINGS[given.what]()
    if given.json:
        print(json.dumps([{"name": name, "about": about} for name, about in rows.items()], indent=2))
        return
    width = max(map(len, rows), default=0)
    for name, about in rows.items():
        print(f"{name:{width}}  {about}")
    if not rows:
        print(f"there are no {given.what} here")


def _cells() -> dict[str, str]:
    found = {name: CellView(lang.load(name)).title for name in built_in_names()}
    for path in sorted(Path("experiments/cells").glob("*.yaml")):
        try:
            found[path.stem] = f"{CellView(lang.load(str(path))).title}  ({path})"
        except (SpecError, UsageError):
            found[path.stem] = f"has mistakes: rnnzoo check {path}"
    return found


def _tasks() -> dict[str, str]:
    return {name: str(registry.load("tasks", name).ABOUT) for name in registry.names("tasks")}


def _studies() -> dict[str, str]:
    found = {}
    for path in sorted([*Path("experiments").glob("*.yaml"), *Path("experiments/studies").glob("*.yaml")]):
        try:
            about = parse(read_text(path), str(path)).entries.get("about")
        except SpecError:
            found[str(path)] = f"has mistakes: rnnzoo check {path}"
            continue
        found[str(path)] = str(getattr(about, "value", "") or "").strip()
    return found


_LISTINGS: Mapping[str, Callable[[], dict[str, str]]] = {"cells": _cells, "tasks": _tasks, "studies": _studies}


def show(given: argparse.Namespace) -> None:
    """Equations, states, weights and counts."""
    view = CellView(lang.load(given.cell))
    for name in ("units", "inputs"):
        if getattr(given, name) < 1:
            raise UsageError(f"--{name} must be at least 1")
    if given.latex:
        print(view.latex())
    elif given.engine:
        print(programs.listing(view.ir))
    elif given.json:
        print(json.dumps(view.to_dict(given.inputs, given.units), indent=2))
    else:
        print("\n".join(_description(view, given.inputs, given.units)))


def _description(view: CellView, inputs: int, units: int) -> list[str]:
    lines = [f"{view.name}: {view.title}" if view.title else view.name]
    lines += [f"  {reference}" for reference in view.source]
    for title, found in (
        ("constants", view.constants),
        ("equations", view.equations),
        ("first layer", view.first_layer),
    ):
        if found:
            lines += ["", title, *(f"  {line}" for line in found)]
    lines += ["", f"states   {', '.join(view.states)}"]
    if view.ir.options:
        lines.append("options  " + ", ".join(f"{name} = {value:g}" for name, value in view.ir.options.items()))
    lines += ["", f"weights with {inputs} inputs and {units} units"]
    shapes = view.weights(inputs, units)
    width = max(map(len, shapes))
    lines += [f"  {name:{width}}  {' x '.join(map(str, shape)) or 'a number'}" for name, shape in shapes.items()]
    lines.append(
        f"  {view.count_params(inputs, units):,} in all; {view.count_multiply_adds(inputs, units):,} multiply-adds a step"
    )
    return lines


NEW = """\
name: {name}
title: What it is called
# source: [a key of the bibliography, or a reference]
equations: |
  z = sigmoid(W_z @ x + R_z @ h[t-1] + b_z)     # a gate: how much is written
  n = tanh(W_n @ x + R_n @ h[t-1] + b_n)        # the candidate
  h = (1 - z) * h[t-1] + z * n                  # the output, and the one state
# See docs/language.md.  Check it:  rnnzoo check {path}
"""

NEW_VARIANT = """\
name: {name}
title: What it is called
extends: {extends}
equations: |
  {equation}
# An equation here replaces the one of the same name; a new one is added.  These are the others:
{others}
# See docs/language.md.  Check it:  rnnzoo check {path}
"""


def new(given: argparse.Namespace) -> None:
    """Write a cell to start from; nothing is overwritten."""
    from rnnzoo.errors import Span

    mistakes = Mistakes()
    if not legal_name(given.name, Span("NAME", 1, 1, given.name, len(given.name)), mistakes):
        raise UsageError(f"{mistakes.found[0].problem}\n  fix: {mistakes.found[0].fix}")
    if given.name in built_in_names():
        raise UsageError(f"'{given.name}' is a built-in cell\n  fix: choose another name")
    path = Path("experiments/cells") / f"{given.name}.yaml"
    if path.exists():
        raise UsageError(f"{path} is there already\n  fix: edit it, or choose another name")
    text = _variant(given.name, given.extends, path) if given.extends else NEW.format(name=given.name, path=path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    print(f"wrote {path}\n  edit it, then: rnnzoo check {path}")


def _variant(name: str, extends: str, path: Path) -> str:
    find(extends, Path())
    equations = CellView(lang.load(extends)).equations
    others = "\n".join(f"#   {line}" for line in equations[1:])
    return NEW_VARIANT.format(name=name, extends=extends, equation=equations[0], others=others, path=path)
