"""`variants:`, `baseline:`, `controls:` and `init:`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rnnzoo.errors import Mistakes, Span, SpecError, UsageError, close, nearest
from rnnzoo.spec import cell as cells
from rnnzoo.spec import space as spaces
from rnnzoo.spec.cell import CellSpec, Init
from rnnzoo.spec.document import Listing, Node, Scalar, Table, describe, is_number
from rnnzoo.spec.experiment import Earlier, Space, Variant
from rnnzoo.spec.keys import Entry
from rnnzoo.spec.read_experiment.keys import VARIANT
from rnnzoo.spec.read_experiment.source import Source
from rnnzoo.spec.space import Before, WrittenSpace

AGAIN = "_again"  # what the control is called beside its baseline


@dataclass(frozen=True, slots=True)
class Shared:
    """What all variants have in common."""

    space: WrittenSpace
    earlier: Before
    init: Mapping[str, Any]
    optimizer: str
    sampler: str


def read_labels(source: Source) -> list[str]:
    """What the variants are called, also those with mistakes, so that claims about them are no
    further mistakes.
    """
    labels: list[str] = []
    for node in source.top.listing("variants"):
        label, span = _label(source, node)
        source.check_label(label, span, "the name of a variant")
        if label in labels:
            fix = "give one of them another `name:` and say its `cell:`"
            source.mistakes.add(node.span, f"two variants are called '{label}'", fix)
        elif label != "?":
            labels.append(label)
            source.places[f"{label}.cell"] = span
    return labels


def _label(source: Source, node: Node) -> tuple[str, Span]:
    """A variant's label and its place; `?` where it has none."""
    name = node.entries.get("name") if isinstance(node, Table) else node
    value = name.value if isinstance(name, Scalar) else None
    if not isinstance(name, Scalar) or not isinstance(value, str):
        return "?", node.span
    path = value.endswith((".yaml", ".yml")) and not isinstance(node, Table)
    return (Path(value).stem if path else value), name.span


def read_variants(source: Source, shared: Shared) -> tuple[Variant, ...]:
    listing = source.top.node("variants")
    if listing is None:
        source.top.need("variants", "`variants: [lstm, gru]`")
    elif isinstance(listing, Listing) and not listing.items:
        source.mistakes.add(listing.span, "there are no variants", "write `variants: [lstm, gru]`")
    variants: dict[str, Variant] = {}
    for node in source.top.listing("variants"):
        variant = _variant(source, node, shared)
        if variant is not None:
            variants.setdefault(variant.label, variant)
    return tuple(variants.values())


def _variant(source: Source, node: Node, shared: Shared) -> Variant | None:
    label, span = _label(source, node)
    if isinstance(node, Scalar) and isinstance(node.value, str):
        cell = _cell(source, node.value, span)
        space = _settled(source, WrittenSpace(), shared)
        if cell is None:
            return None
        earlier = _earlier(WrittenSpace(), space, shared)
        return Variant(label, cell, space, dict(shared.init), node.value, earlier)
    if not isinstance(node, Table):
        fix = "write the name of a cell, or {name: cw7, cell: clockwork, options: {modules: 7}}"
        source.mistakes.add(node.span, f"a variant is a name or a table, not {describe(node)}", fix)
        return None
    entry = Entry(node, source.mistakes, "a variant", VARIANT)
    entry.need("name", "`name: label`")
    entry.text("name")
    reference = entry.text("cell", label)
    misspelt = "cell" not in entry and any(close(key, ["cell"]) for key in node.entries)
    unknown = reference == "?" or misspelt or "cell" in entry.refused
    place = entry.span("cell") if "cell" in entry else span
    cell = None if unknown else _cell(source, reference, place)
    cell = _options(source, cell, entry)
    init, places = _init(source, cell, entry)
    written = spaces.read(entry.table_at("space", "{units: {int: [16, 64]}}"), source.mistakes)
    space = _settled(source, written, shared)
    source.places |= {f"{label}.space.{name}": span for name, span in written.spans.items()}
    entry.done()
    if cell:
        earlier = _earlier(written, space, shared)
        return Variant(label, cell, space, {**shared.init, **init}, reference, earlier, places)
    return None


def _settled(source: Source, written: WrittenSpace, shared: Shared) -> Space:
    """A variant's space, laid over the common one."""
    merged = written.over(shared.space)
    space = spaces.settled(merged, written.spans, source.mistakes)
    spaces.check_use(space, merged.spans, shared.optimizer, shared.sampler, source.mistakes)
    return space


def _earlier(written: WrittenSpace, space: Space, shared: Shared) -> tuple[Earlier, ...]:
    """The earlier spaces with a variant's own laid over them; without those that this makes its
    present one.
    """
    elsewhere = Mistakes()  # what is wrong with them is said of the common ones
    earlier = [
        Earlier(trials, spaces.settled(written.over(common), (), elsewhere))
        for trials, common in shared.earlier
    ]
    return tuple(before for before in earlier if before.space != space)


def _cell(source: Source, reference: str, span: Span) -> CellSpec | None:
    try:
        return cells.read_file(cells.named_in_spec(reference, source.folder))
    except UsageError as error:
        source.mistakes.add(span, *error.parts)
    except SpecError as error:
        source.mistakes.extend(error.mistakes)
    return None


def _options(source: Source, cell: CellSpec | None, entry: Entry) -> CellSpec | None:
    table = entry.table_at("options", "{rank: 8}")
    for name, node in table.entries.items() if table and cell else ():
        if cell is None or not isinstance(node, Scalar) or not is_number(node.value):
            source.mistakes.add(
                node.span,
                f"option '{name}' must be a number, not {describe(node)}",
                f"write `{name}: 1`",
            )
        elif name not in cell.options:
            fix = nearest(name, cell.options) or "it has none"
            source.mistakes.add(node.span, f"cell '{cell.name}' has no option '{name}'", fix)
        else:
            # is_number has said so
            cell = cell.with_options({name: node.value})  # type: ignore[dict-item]
    return cell


def _init(
    source: Source, cell: CellSpec | None, entry: Entry
) -> tuple[dict[str, Any], Mapping[str, Span]]:
    """Initialisers by name of a weight, and the places of these names; `*` is any weight not
    named.

    Which weights there are is not known here: `sweep.plan.cells` knows the equations, and says
    what has no weight.
    """
    table = entry.table_at("init", "{b: 1}")
    initialisers = {}
    for name, node in table.entries.items() if table else ():
        init = cells.init_of(node, source.mistakes)
        if init is not None and cell is not None:
            initialisers[name] = _without_options(
                source, init, cell.options, node.span, name == "*"
            ).plain()
    return initialisers, table.keys if table else {}


def common_init(source: Source) -> dict[str, Any]:
    """`init:` of the experiment is one initialiser, for all weights."""
    node = source.top.node("init")
    init = cells.init_of(node, source.mistakes) if node else None
    return {"*": _without_options(source, init, {}, node.span).plain()} if init and node else {}


def _without_options(
    source: Source, init: Init, options: Mapping[str, float], span: Span, for_all: bool = True
) -> Init:
    """The initialiser with the values of the cell's options in the place of their names; an
    expression, which is never for all weights, keeps them.
    """
    if init.name == cells.EXPRESSION:
        if for_all:
            problem = "an expression is for one weight, and this is for all"
            source.mistakes.add(span, problem, "name the weight, in the `init:` of a variant")
        return init
    for name in init.values:
        if isinstance(name, str) and name not in options:
            known = [*(cells.INITIALISERS if init.name == "constant" else ()), *options]
            source.mistakes.add(span, f"no initialiser or option '{name}'", nearest(name, known))

    def number(value: float | str) -> float:
        return options.get(value, 0.0) if isinstance(value, str) else value

    return replace(init, values=tuple(map(number, init.values)))


def read_baseline(source: Source, labels: Sequence[str]) -> str:
    name = source.top.text("baseline", labels[0] if labels else "?")
    if labels and name not in labels:
        problem = f"the baseline '{name}' is no variant"
        source.mistakes.add(
            source.top.span("baseline"), problem, nearest(name, labels), ("variants",)
        )
    return name


def read_control(source: Source, baseline: str, labels: Sequence[str]) -> str:
    """`controls: true` runs the baseline a second time: what differs then is the procedure's
    own false alarm.
    """
    if not source.top.value("controls", False):
        return ""
    label = baseline + AGAIN
    if label in labels:
        fix = "give that variant another name"
        source.mistakes.add(
            source.top.span("controls"), f"the control is called '{label}', as a variant is", fix
        )
    return label
