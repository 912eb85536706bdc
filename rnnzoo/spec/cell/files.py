"""A file, and the cells that it extends -> CellSpec."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from rnnzoo.errors import Mistake, Mistakes, SpecError, UsageError
from rnnzoo.spec.cell.keys import CELL
from rnnzoo.spec.cell.names import LABEL, MAX_NAME
from rnnzoo.spec.cell.places import SHOWN_FILE, ZOO, find, named_in_spec
from rnnzoo.spec.cell.statements import check_count, read_statements
from rnnzoo.spec.cell.tables import read_init, read_initial, read_inputs, read_options, read_weights
from rnnzoo.spec.cell.values import CellSpec, Declared, Repeat, Statement, UnreadLines
from rnnzoo.spec.document import (
    MAX_TEXT,
    Listing,
    Node,
    Scalar,
    Table,
    describe,
    parse,
    read_text,
)
from rnnzoo.spec.files import missing
from rnnzoo.spec.keys import Entry

MAX_EXTENDS = 10  # cells, each of which extends the next: so many files are read for one
_T = TypeVar("_T")


def read(reference: str | Path, folder: Path | None = None) -> CellSpec:
    """The cell of a name or path.

    Args:
        reference: a built-in name, the name of a YAML file beside `folder`'s files, in its `cells/`
            or in `experiments/cells/`, or a path ending in `.yaml`.
        folder: where names and relative paths are looked up.

    Raises:
        UsageError: there is no such cell, or two.
        SpecError: mistakes in the file, or in one that it extends.
    """
    path = find(str(reference), folder or Path())
    if not os.path.lexists(path):
        raise missing(Path(reference))
    return read_file(path)


def parse_cell(text: str, file: str = "<cell>", folder: Path | None = None) -> CellSpec:
    """The cell of a YAML text."""
    return _parse(text, file, folder or Path(), ())


def read_file(path: Path, chain: tuple[Path, ...] = ()) -> CellSpec:
    """The cell of a file.

    Args:
        chain: the files that led here, each of which extends the next.
    """
    shown = SHOWN_FILE.format(path.stem) if path.parent == ZOO else str(path)
    return _parse(read_text(path, shown), shown, path.parent, (*chain, path.resolve()))


def _refuse_experiment(table: Table) -> None:
    """
    Raises:
        SpecError: a file is an experiment, which lacks all that a cell needs.
    """
    if "experiment" in table.entries and not {"name", "equations"} & {*table.entries}:
        problem, fix = "this is an experiment, and no cell", "name one of its `variants:`"
        raise SpecError(Mistake(table.keys["experiment"], problem, fix))


def _parse(text: str, file: str, folder: Path, chain: tuple[Path, ...]) -> CellSpec:
    mistakes, unread = Mistakes(), Mistakes()
    table = parse(text, file)
    _refuse_experiment(table)
    spec = _own(Entry(table, mistakes, "a cell", CELL), file, mistakes, unread)
    parent = table.entries.get("extends")
    if parent is not None:
        base = _base(parent, folder, chain, mistakes)
        if base is not None:
            spec = _merge(base, spec, mistakes)
    elif not spec.equations and "equations" not in table.entries:
        mistakes.add(
            table.span,
            "a cell needs `equations:`, or a cell that it `extends:`",
            "write `equations: |`",
        )
    if unread.collected and not mistakes.collected:
        names = (
            re.findall(r"\w+", mistake.span.text[mistake.span.column - 1 :])
            for mistake in unread.collected
        )
        raise UnreadLines(
            replace(spec, unread=frozenset(words[0] for words in names if words)), *unread.collected
        )
    mistakes.extend(unread.collected)
    mistakes.raise_if_any()
    return spec


def _own(fields: Entry, file: str, mistakes: Mistakes, unread: Mistakes) -> CellSpec:
    """The cell of this file alone, before `extends`; lines and names that cannot be read go to
    `unread`.
    """
    fields.node("extends")
    fields.need("name", "`name: my_cell`")
    name = fields.text("name", "?")
    if name != "?" and not (LABEL.fullmatch(name) and len(name) <= MAX_NAME):
        fix = (
            "use English letters, digits, `_`, `-` and `.`, a letter or digit first, at most"
            f" {MAX_NAME}"
        )
        mistakes.add(fields.span("name"), f"'{name[:60]}' cannot be the name of a cell", fix)
    shapes, masks, trainable = read_weights(fields, mistakes)
    options, option_keys = read_options(fields, mistakes, unread)
    spec = CellSpec(
        name=name,
        file=file,
        span=fields.table.span,
        title=fields.text("title"),
        source=_source(fields, mistakes),
        family=fields.value("family", "") if "family" in fields else "",
        year=fields.value("year", 0) if "year" in fields else 0,
        claim=fields.text("claim"),
        claim_span=fields.span("claim") if "claim" in fields else None,
        note=" ".join(fields.text("note").split()),
        output=fields.text("output", ""),
        output_span=fields.span("output") if "output" in fields else None,
        options=options,
        option_keys=option_keys,
        inputs=read_inputs(fields.table_at("inputs", "{dt: 1}"), mistakes, unread),
        constants=read_statements(fields.code("constants"), unread),
        equations=read_statements(fields.code("equations"), unread),
        first_layer=read_statements(fields.code("first_layer"), unread),
        shapes=shapes,
        masks=masks,
        trainable=trainable,
        init=read_init(fields.table_at("init", "{b: 1}"), mistakes),
        initial=read_initial(fields.table_at("initial", "{h: learned}"), mistakes),
    )
    fields.done()
    return spec if spec.output or "extends" in fields else replace(spec, output="h")


def _source(fields: Entry, mistakes: Mistakes) -> tuple[str, ...]:
    node = fields.node("source")
    items: Sequence[Node] = [node] if node else []
    if isinstance(node, Listing):
        items = node.items
    keys = []
    for item in items:
        if isinstance(item, Scalar) and isinstance(item.value, str) and len(item.value) <= MAX_TEXT:
            keys.append(item.value)
        elif isinstance(item, Scalar) and isinstance(item.value, str):
            mistakes.add(item.span, f"a source of more than {MAX_TEXT} characters", "shorten it")
        else:
            fix = "write source: [author2015]"
            mistakes.add(
                item.span, f"`source` is a text or a list of texts, not {describe(item)}", fix
            )
    return tuple(keys)


def _base(
    parent: Node, folder: Path, chain: tuple[Path, ...], mistakes: Mistakes
) -> CellSpec | None:
    if (
        not isinstance(parent, Scalar)
        or not isinstance(parent.value, str)
        or not LABEL.fullmatch(parent.value)
    ):
        mistakes.add(parent.span, "`extends` takes the name of a cell", "write `extends: lstm`")
        return None
    try:
        path = named_in_spec(parent.value, folder)
    except UsageError as error:
        mistakes.add(parent.span, *error.parts)
        return None
    if path.resolve() in chain:
        names = " -> ".join(file.stem for file in (*chain, path))
        mistakes.add(
            parent.span,
            f"`extends` runs in a circle: {names}",
            "write the equations of one of them out",
        )
        return None
    if len(chain) >= MAX_EXTENDS:
        problem = f"more than {MAX_EXTENDS} cells of which each extends the next"
        mistakes.add(parent.span, problem, "write the equations of one of them out")
        return None
    try:
        return read_file(path, chain)
    except UsageError as error:
        mistakes.add(parent.span, str(error), "give the name of a cell that can be read")
    except SpecError as error:
        mistakes.extend(error.mistakes)
    return None


def _check_redefined(base: CellSpec, patch: CellSpec, mistakes: Mistakes) -> None:
    """Check that no equation is redefined for upper layers alone, which the first would ignore."""
    for name, statement in patch.equations.items():
        if name in base.first_layer and name not in patch.first_layer:
            problem = f"'{name}' is redefined, but the inherited `first_layer` defines it too"
            fix = f"give `first_layer: |` with an equation of '{name}'"
            mistakes.add(statement.span, problem, fix)


def _merge(base: CellSpec, patch: CellSpec, mistakes: Mistakes) -> CellSpec:
    """The cell that `base` is with what `patch` writes."""
    _check_redefined(base, patch, mistakes)

    def inherited(entries: Mapping[str, Statement]) -> dict[str, Statement]:
        return {name: replace(statement, own=False) for name, statement in entries.items()}

    def declared(entries: Mapping[str, Declared]) -> dict[str, Declared]:
        return {name: replace(entry, own=False) for name, entry in entries.items()}

    # of one name, what the patch writes holds: an option or an equation may become an input
    option_keys = _without(base.option_keys, patch.inputs)
    inputs = _without(base.inputs, {**patch.options, **patch.equations})
    merged = replace(
        patch,
        family=patch.family or base.family,
        output=patch.output or base.output,
        output_span=patch.output_span,
        options={**_without(base.options, patch.inputs), **patch.options},
        option_keys={**declared(option_keys), **patch.option_keys},
        inputs={**declared(inputs), **patch.inputs},
        constants={**inherited(base.constants), **patch.constants},
        equations={
            **inherited(_without(base.equations, patch.inputs)),
            **repeated_likewise(patch.equations, base.equations, mistakes),
        },
        first_layer={**inherited(base.first_layer), **patch.first_layer},
        shapes={**declared(base.shapes), **patch.shapes},
        masks={**declared(base.masks), **patch.masks},
        trainable={**declared(base.trainable), **patch.trainable},
        init={**declared(base.init), **patch.init},
        initial={**declared(base.initial), **patch.initial},
        base=base,
    )
    for block in (merged.constants, merged.equations, merged.first_layer):
        check_count(block, mistakes)
    return merged


def repeated_likewise(
    patch: Mapping[str, Statement], base: Mapping[str, Statement], mistakes: Mistakes
) -> dict[str, Statement]:
    """A patch whose equations that replace repeated ones are repeated with the others of their
    block, as are those that it writes beside them.
    """
    blocks = {
        name: statement.repeat for name, statement in base.items() if statement.repeat is not None
    }
    joined: dict[Repeat, Repeat] = {}
    for name, statement in patch.items():
        block = blocks.get(name)
        if block is None or statement.repeat is None or statement.repeat in joined:
            continue
        joined[statement.repeat] = block
        if statement.repeat.head != block.head:
            problem = f"'{name}' is repeated by `{block.head}` where it is replaced"
            mistakes.add(statement.repeat.span, problem, f"write `{block.head}`")
    patched = {}
    for name, statement in patch.items():
        repeat = statement.repeat
        block = joined.get(repeat, repeat) if repeat else blocks.get(name)
        patched[name] = replace(statement, repeat=block)
    return patched


def _without(entries: Mapping[str, _T], names: Mapping[str, object]) -> dict[str, _T]:
    """The entries that have none of these names."""
    return {name: entry for name, entry in entries.items() if name not in names}
