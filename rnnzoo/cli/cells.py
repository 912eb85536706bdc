"""Commands about cells and files: check, list, show, gallery.

Nothing heavy is imported here.
"""

from __future__ import annotations

import argparse
import math
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from rich.console import Console

from rnnzoo import lang, losses, metrics, tasks
from rnnzoo.cli.as_json import print_json, with_place
from rnnzoo.cli.changes import at_each_change
from rnnzoo.cli.warned import print_warnings
from rnnzoo.errors import (
    Mistake,
    Remark,
    SpecError,
    UsageError,
    absent_package,
    command,
    nearest,
    number_of,
)
from rnnzoo.folding import fold
from rnnzoo.lang import ir, operations
from rnnzoo.lang import listing as programs
from rnnzoo.lang import text as texts
from rnnzoo.lang.at_start import at_start
from rnnzoo.lang.canonical import canonical_hash
from rnnzoo.lang.carriers import in_short
from rnnzoo.lang.formulas import constant_matrices
from rnnzoo.lang.lint import lint, warnings
from rnnzoo.lang.plain import LIBRARIES
from rnnzoo.lang.primitives import ELEMENTWISE, OF_MATRICES, OVER_UNITS
from rnnzoo.lang.view import CellView, view
from rnnzoo.spec import claims, plugins
from rnnzoo.spec.cell import CELL, FAMILIES, ZOO, CellSpec, built_in_names, own_files, read
from rnnzoo.spec.document import NEEDS, Table, parse, read_text
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.files import located
from rnnzoo.spec.read_experiment.extending import extended
from rnnzoo.spec.read_experiment.overrides import TOP
from rnnzoo.spec.settings import project, runs
from rnnzoo.strict_json import as_json
from rnnzoo.terminal.bars import bars
from rnnzoo.terminal.console import plain_console, told

WIDTH = 80  # of a terminal, for what is wrapped
OURS = b'class="rz"'  # in every picture and page of ours


def check(args: argparse.Namespace) -> int:
    """Every mistake of every file, and every warning; exit code 2 where there is a mistake."""
    if not args.watch:
        return _checked(args)
    if args.json:
        problem = "--watch looks again and again, and --json prints one document"
        raise UsageError(problem, "give one of them")
    return at_each_change(args.files, lambda: _checked(args))


def _checked(args: argparse.Namespace) -> int:
    files = [_looked_at(Path(name)) for name in args.files]
    if args.json:
        print_json([file.to_dict() for file in files])
    else:
        console = plain_console()
        for number, file in enumerate(files):
            if number and files[number - 1].error:
                print()
            file.show(console)
    return 2 if any(file.error for file in files) else 0


@dataclass(frozen=True, slots=True)
class _Looked:
    """What `check` found in a file.

    Attributes:
        about: what the file is, where nothing is wrong with it.
        note: what is worth knowing of it, and not odd.
        remarks: what may be meant, and is odd: of the whole file.
        warnings: likewise, each with its place.
        error: what is wrong with it.
    """

    name: str
    about: str = ""
    note: str = ""
    remarks: tuple[Remark, ...] = ()
    warnings: tuple[Mistake, ...] = ()
    error: SpecError | UsageError | None = None

    def show(self, console: Console) -> None:
        """Print it; lines of the file, with carets beneath them, stay as they are."""
        if self.error is not None:
            print(self.error)
            return
        told(console, f"{self.name}: {self.about}")
        if self.note:
            told(console, f"  note: {self.note}")
        print_warnings(self.remarks, console, style="")
        for warning in self.warnings:
            print(warning)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        mistakes = []
        if isinstance(self.error, SpecError):
            mistakes = [with_place(mistake) for mistake in self.error.mistakes]
        elif isinstance(self.error, UsageError):
            mistakes = [self._without_place(*self.error.parts)]
        warnings = [self._without_place(remark.problem, remark.fix) for remark in self.remarks]
        warnings += [with_place(mistake) for mistake in self.warnings]
        return {
            "file": self.name,
            "about": self.about,
            "note": self.note,
            "mistakes": mistakes,
            "warnings": warnings,
        }

    def _without_place(self, problem: str, fix: str) -> dict[str, Any]:
        return {"file": self.name, "line": None, "column": None, "problem": problem, "fix": fix}


def _looked_at(path: Path) -> _Looked:
    try:
        path = located(path)
        table = parse(read_text(path), str(path))
        if _kind(table) == "experiment" or _extends_experiment(table, path):
            return _looked_at_experiment(path)
        spec = lang.checkable(lambda: read(str(path) if path.suffix in (".yaml", ".yml") else path))
        cell = CellView(lang.check(spec))
        if spec.claim:
            known = [*built_in_names(), *(beside.stem for beside in path.parent.glob("*.yaml"))]
            claims.check_of_cell(spec, known, plugins.names("tasks"))
        states = ", ".join(in_short(cell.states))
        about = (
            f"{number_of(len(cell.equations), 'equation')},"
            f" {number_of(len(cell.ir.step.weights), 'weight')}, states {states}"
        )
        about = f"cell '{cell.name}' is right: {about}"
        return _Looked(str(path), about, _same_as(cell.ir, path), warnings=warnings(spec, cell.ir))
    except (SpecError, UsageError) as error:
        return _Looked(str(path), error=error)


def _looked_at_experiment(path: Path) -> _Looked:
    """
    Raises:
        SpecError: all mistakes in it.
    """
    from rnnzoo.api.beforehand import odd_starts, warned
    from rnnzoo.spec import read_experiment

    experiment = read_experiment.read(path)
    about, note, remarks = _about_experiment(experiment), "", []
    try:
        remarks = warned(experiment)
    except ModuleNotFoundError as error:
        package = absent_package(error)
        if not package:
            raise
        note = f"not checked: what its claims can decide; that needs {package}, which is missing"
    return _Looked(str(path), about, note, tuple(remarks), odd_starts(experiment))


def _same_as(cell: ir.Cell, path: Path) -> str:
    """Which built-in cell a file's is; empty where it is another, or is built in itself."""
    if path.resolve().parent == ZOO.resolve():
        return ""
    own = canonical_hash(cell)
    same = next((name for name in built_in_names() if canonical_hash(lang.load(name)) == own), "")
    return f"the same cell as {same}, but for names" if same else ""


def _kind(table: Table) -> str:
    """Whether a file is a `cell` or an `experiment`, by the keys that it has.

    Raises:
        SpecError: it has none of either.
    """
    if "experiment" in table.entries:
        return "experiment"
    counts = {
        kind: len({*keys} & {*table.entries})
        for kind, keys in (("cell", CELL), ("experiment", TOP))
    }
    if not any(counts.values()):
        place = next(iter(table.keys.values()), table.span)
        raise SpecError(Mistake(place, "this is neither a cell nor an experiment", NEEDS))
    return max(counts, key=lambda kind: counts[kind])


def _extends_experiment(table: Table, path: Path) -> bool:
    """Whether a file takes its name of an experiment, which each needs of its own, from another."""
    try:
        return "experiment" in extended(table, path.parent, [path.resolve()]).table.entries
    except (SpecError, UsageError):
        return False  # which the file is told as what its own keys say


def _about_experiment(experiment: Experiment) -> str:
    """What `check` says of an experiment without mistakes; nothing heavy is imported.

    Raises:
        SpecError: all mistakes in it.
    """
    from rnnzoo.sweep import open as door
    from rnnzoo.sweep.candidates import checked_search

    door.checked(experiment)
    if experiment.cell_search is not None:
        checked_search(experiment)
    trials = experiment.search.trials * len(experiment.variants) * len(experiment.tasks)
    counts = (
        number_of(len(experiment.variants), "variant"),
        number_of(trials, "trial"),
        number_of(len(experiment.claims), "claim"),
    )
    return f"experiment '{experiment.name}' is right: {', '.join(counts)}"


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a list.

    Attributes:
        columns: what stands between the name and what it is about, by their names in `--json`.
    """

    about: str
    columns: Mapping[str, str | int] = field(default_factory=dict)

    def to_dict(self, name: str) -> dict[str, str | int | None]:
        """Plain values, for `--json`."""
        columns = {key: value or None for key, value in self.columns.items()}
        return {"name": name, "about": self.about, **columns}


def listing(args: argparse.Namespace) -> None:
    """Names with a line about each; without a word, what can be listed."""
    if args.what and args.what not in LISTED:
        raise UsageError(f"'{args.what}' cannot be listed", nearest(args.what, LISTED))
    if args.family is not None and args.what != "cells":
        raise UsageError("only cells have a family", command("list", "cells", "--family", "lstm"))
    lines = _listed(args.what, args.family)
    if args.json:
        plain = [line.to_dict(name) for name, line in lines.items()]
        print_json(plain)
        return
    for row in _aligned(lines):
        print(row)
    if not lines:
        print(f"there are no {args.what} here")


def _listed(kind: str | None, family: str | None) -> dict[str, _Line]:
    if kind == "cells":
        return _cells(family)
    abouts = _LISTINGS[kind]() if kind else LISTED
    return {name: _Line(about) for name, about in abouts.items()}


def _aligned(lines: Mapping[str, _Line]) -> Iterator[str]:
    """A text for each line, its columns below those of the others."""
    rows = [[name, *map(str, line.columns.values())] for name, line in lines.items()]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row, line in zip(rows, lines.values()):
        columns = (f"{text:{width}}" for text, width in zip(row, widths))
        yield "  ".join([*columns, line.about])


def _cells(family: str | None) -> dict[str, _Line]:
    """The cells, of one family where it is given.

    Raises:
        UsageError: there is no such family.
    """
    if family is not None and family not in FAMILIES:
        raise UsageError(f"no family '{family}'", nearest(family, FAMILIES))
    lines = {}
    for name in built_in_names():
        cell = read(name)  # tests check that it is right, and a line needs no equations
        lines[name] = _cell_line(cell, cell.title)
    for path, own in _own():
        about = f"{own.title}  ({path})" if own else f"has mistakes: {command('check', path)}"
        lines[path.stem] = _cell_line(own, about)
    if family is None:
        return lines
    return {name: line for name, line in lines.items() if line.columns["family"] == family}


def _cell_line(cell: CellSpec | CellView | None, about: str) -> _Line:
    year, family = (cell.year, cell.family) if cell else (0, "")
    return _Line(about, {"year": year or "", "family": family})


def _own() -> Iterator[tuple[Path, CellView | None]]:
    """The cells of one's own; None for a file with mistakes."""
    for path in own_files():
        try:
            yield path, view(str(path))
        except (SpecError, UsageError):
            yield path, None


def _abouts(names: Iterable[str], about: Callable[[str], str]) -> dict[str, str]:
    """A line for each name; a file that breaks its contract is told, and keeps no other from being
    listed.
    """
    lines = {}
    for name in names:
        try:
            lines[name] = about(name)
        except UsageError as error:
            lines[name] = str(error).partition("\n")[0]
    return lines


def _tasks() -> dict[str, str]:
    return _abouts(plugins.names("tasks"), lambda name: str(tasks.module(name).ABOUT))


def _losses() -> dict[str, str]:
    return _abouts(losses.names(), lambda name: losses.load(name).about)


def _metrics() -> dict[str, str]:
    return _abouts(metrics.names(), lambda name: metrics.load(name).about)


def _operations() -> dict[str, str]:
    own = _abouts(plugins.names(operations.KIND), operations.about)
    ours = {name: operation.form() for name, operation in ELEMENTWISE.items()}
    over_units = {name: operation.form() for name, operation in OVER_UNITS.items()}
    of_matrices = {name: operation.form() for name, operation in OF_MATRICES.items()}
    return {**ours, **over_units, **of_matrices, **own}


def _studies() -> dict[str, str]:
    abouts = {}
    folders = (project() / "experiments", project() / "experiments/studies")
    for path in sorted(chain.from_iterable(folder.glob("*.yaml") for folder in folders)):
        try:
            about = parse(read_text(path), str(path)).entries.get("about")
        except SpecError:
            abouts[str(path)] = f"has mistakes: {command('check', path)}"
            continue
        abouts[str(path)] = str(getattr(about, "value", "") or "").strip()
    return abouts


LISTED = {
    "cells": "built-in cells, and those of experiments/cells",
    "tasks": "what cells can be trained on",
    "losses": "what tasks minimise",
    "metrics": "what tasks report beside their loss",
    "operations": "what equations of cells can apply",
    "studies": "the experiments of this project",
}
_LISTINGS: Mapping[str, Callable[[], dict[str, str]]] = {
    "tasks": _tasks,
    "losses": _losses,
    "metrics": _metrics,
    "operations": _operations,
    "studies": _studies,
}


def show(args: argparse.Namespace) -> None:
    """Equations, states, weights and counts; or a picture, a page, the difference to another
    cell.
    """
    cell = view(args.cell)
    other = view(args.diff) if args.diff else None
    for name in ("units", "inputs"):
        if getattr(args, name) < 1:
            raise UsageError(f"--{name} must be at least 1")
    if args.svg:
        _write(Path(args.svg), cell.diagram(highlight=cell.diff(other.ir) if other else None))
    if args.html:
        from rnnzoo.report.gallery import cell_page

        _write(Path(args.html), cell_page(cell))
    if not (args.svg or args.html):
        print(_shown(cell, other, args))


def _shown(cell: CellView, other: CellView | None, args: argparse.Namespace) -> str:
    """The one of a cell's texts that is asked for."""
    if args.latex:
        return cell.latex()
    for library in LIBRARIES:
        if getattr(args, library):
            return cell.plain(library).rstrip("\n")
    if args.engine:
        return programs.listing(cell.ir)
    if args.json:
        odd = [finding.to_dict() for finding in lint(cell.ir)]
        begun = at_start(cell.ir)
        known = cell.to_dict(args.inputs, args.units)
        content = {**known, "start": begun.to_dict() if begun else None, "warnings": odd}
        return as_json(content)
    if other is not None:
        return "\n".join(_difference(cell, other))
    description = "\n".join(_description(cell, args.inputs, args.units))
    remarks = [str(Remark(finding.text, finding.fix)) for finding in lint(cell.ir)]
    return "\n\n".join([description, *remarks])


def _write(path: Path, content: str) -> None:
    try:
        if path.exists() and OURS not in path.read_bytes():
            raise UsageError(
                f"{path} is there already, and is not a picture of rnnzoo's", "choose another file"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", "choose another file") from None
    print(f"wrote {path}")


def gallery(args: argparse.Namespace) -> None:
    """A page for each cell, and one of them all."""
    from rnnzoo.report.gallery import write

    folder = Path(args.folder or runs() / "gallery")
    if folder.exists() and not (folder / "index.html").exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} holds other files", "choose another folder, or an empty one")
    console = plain_console(args.json)
    views = [view(name) for name in built_in_names()]
    for path, cell in _own():
        if cell:
            views.append(cell)
        else:
            told(console, f"left out {path}, which has mistakes: {command('check', path)}")
    bench = Path(args.bench or runs() / "bench/results.json")
    with bars(console, lines=True) as tell:
        files = write(views, folder, bench, tell)
    if args.json:
        print_json({"pages": list(map(str, files))})
        return
    print(f"wrote {number_of(len(files), 'page')}\n  open {files[0]}")


def _difference(cell: CellView, other: CellView) -> list[str]:
    """What one would change in the other cell to have this one."""
    ours = {equation.name: line for equation, line in zip(cell.ir.step.equations, cell.equations)}
    theirs = {
        equation.name: line for equation, line in zip(other.ir.step.equations, other.equations)
    }
    names = [*ours, *(name for name in theirs if name not in ours)]
    lines = [f"{cell.name} against {other.name}"]
    for name in names:
        if ours.get(name) == theirs.get(name):
            continue
        for sign, equations in (("-", theirs), ("+", ours)):
            if name in equations:
                lines.append(f"  {sign} {equations[name]}")
    return lines if len(lines) > 1 else [f"{cell.name} and {other.name} have the same equations"]


def _description(cell: CellView, inputs: int, units: int) -> list[str]:
    """All that `show` says of a cell: where it is from, its equations, facts and weights."""
    size = f"{number_of(inputs, 'input')} and {number_of(units, 'unit')}"
    return [
        *_title(cell),
        *_sections(cell),
        *_parent(cell),
        "",
        *_facts(cell),
        "",
        f"weights with {size}",
        *_weights(cell, inputs, units),
        _totals(cell, inputs, units),
    ]


def _title(cell: CellView) -> Iterator[str]:
    """Its name and title, and the papers that it is from."""
    heading = f"{cell.name}: {cell.title}" if cell.title else cell.name
    yield from textwrap.wrap(heading, WIDTH, subsequent_indent="  ")
    for reference in cell.source:
        yield from textwrap.wrap(reference, WIDTH, initial_indent="  ", subsequent_indent="    ")


def _sections(cell: CellView) -> Iterator[str]:
    """Its constants and equations, in letters that the terminal can print."""
    equations, first_layer = cell.unicode, cell.unicode_first_layer
    if not _can_print("".join((*equations, *first_layer))):
        equations, first_layer = cell.equations, cell.first_layer
    sections = {
        "constants": cell.constants,
        "equations": equations,
        "first layer": first_layer,
    }
    for title, lines in sections.items():
        if lines:
            yield from ("", title, *(f"  {line}" for line in lines))


def _parent(cell: CellView) -> Iterator[str]:
    """The cell that it extends, and what it changes there."""
    if cell.parent is None:
        return
    changes = ", ".join(cell.changes) or "no equation"
    compared = f"(rnnzoo show {cell.name} --diff {cell.parent.name})"
    yield ""
    yield from _labelled("extends", [f"{cell.parent.name}, changes {changes}", compared])


def _facts(cell: CellView) -> Iterator[str]:
    """What is known of it, a label for each; what does not apply has none."""
    named_inputs = (
        f"{named_input.name} ({named_input.size_in_words})" for named_input in cell.ir.named_inputs
    )
    begun = at_start(cell.ir)
    known = [str(fact) for fact in (cell.family, cell.year) if fact]
    options = (f"{name} = {value:g}" for name, value in cell.options.items())
    yield from _labelled("states", [", ".join(cell.carried)])
    if cell.ir.named_inputs:
        yield from _labelled("reads", [", ".join(("x", *named_inputs))])
    yield from _labelled("kind", cell.kinds)
    yield from _labelled("scan", cell.scanned)
    yield from _labelled("start", begun.lines() if begun else ())
    if known:
        yield f"family   {', '.join(known)}"
    if cell.claim:
        yield f"claim    {cell.claim}"
    if cell.note:
        yield from _labelled("note", [cell.note])
    if cell.options:
        yield from _labelled("options", [", ".join(options)])


def _totals(cell: CellView, inputs: int, units: int) -> str:
    """How many weights there are, and what a step costs."""
    fixed = {weight.name for weight in cell.ir.first.weights if not weight.trained}
    fixed -= {*constant_matrices(cell.ir)}
    shapes = cell.weights(inputs, units)
    kept = sum(math.prod(shapes[name]) for name in fixed)
    trained = f"  {cell.count_params(inputs, units):,} "
    trained += f"are trained, {kept:,} never" if kept else "in all"
    return f"{trained}; {cell.count_multiply_adds(inputs, units):,} multiply-adds a step"


def _labelled(label: str, texts: Iterable[str]) -> Iterator[str]:
    """Texts below each other, wrapped, of which the first begins with a label."""
    indent = " " * 9
    for number, text in enumerate(texts):
        first = indent if number else f"{label:9}"
        yield from fold(text, WIDTH, first, indent).split("\n")


def _weights(cell: CellView, inputs: int, units: int) -> list[str]:
    """Each weight with its shape and how it begins."""
    shapes = {
        name: " x ".join(map(str, shape)) or "a number"
        for name, shape in cell.weights(inputs, units).items()
    }
    width, wide = max(map(len, shapes)), max(map(len, shapes.values()))
    # `weights` is of the first layer
    starts = {weight.name: _start(weight) for weight in cell.ir.first.weights}
    starts |= dict.fromkeys(constant_matrices(cell.ir), "constant")
    lines = []
    for name, shape in shapes.items():
        line = f"  {name:{width}}  {shape:{wide}}  {starts[name]}"
        lines += textwrap.wrap(line, WIDTH, subsequent_indent=" " * (width + wide + 6))
    return lines


def _start(weight: ir.Weight) -> str:
    """How a weight begins, and whether it stays so."""
    init = weight.init.plain()
    text = str(init)
    if isinstance(init, dict):
        ((name, value),) = init.items()
        values = value if isinstance(value, list) else [value]
        text = f"{name} {', '.join(map(str, values))}"
        if name == "uniform":
            low, high = values if len(values) > 1 else (f"-{values[0]}", values[0])
            text = f"uniform from {low} to {high}"
    if weight.mask is not None:
        text += f" where {texts.expression(weight.mask)}, else 0"
    return text if weight.trained else f"{text}; never trained"


def _can_print(text: str) -> bool:
    """Whether the terminal's encoding has these letters."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
