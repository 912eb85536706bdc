"""`search:`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from rnnzoo.errors import nearest, number_of
from rnnzoo.spec import points
from rnnzoo.spec import space as spaces
from rnnzoo.spec.document import (
    Listing,
    Node,
    Table,
    as_integer,
    describe,
    plain,
)
from rnnzoo.spec.experiment import (
    OURS,
    PRUNERS,
    SAMPLERS,
    THIRD,
    Earlier,
    Named,
    Rungs,
    Search,
    Select,
    Space,
    Variant,
)
from rnnzoo.spec.hyperparameters import NEEDED, Training, Value
from rnnzoo.spec.keys import Entry
from rnnzoo.spec.read_experiment.keys import EARLIER, MAX_LABEL, MAX_TRIALS, RUNGS, SEARCH
from rnnzoo.spec.read_experiment.source import Source
from rnnzoo.spec.space import Before, WrittenSpace


def read_search(source: Source, epochs: int) -> tuple[Search, WrittenSpace, Before]:
    """How is searched; the common space, and the earlier ones, as variants inherit them."""
    table = source.top.table_at("search", "{trials: 20}")
    absent = Table({}, {}, source.top.span("search"))
    entry = Entry(table or absent, source.mistakes, "`search`", SEARCH)
    usual = Search()
    sampler = (
        _known(source, entry, "sampler", (*OURS, *SAMPLERS, *SAMPLERS.values())) or usual.sampler
    )
    written = spaces.read(entry.table_at("space", "{units: {int: [16, 64]}}"), source.mistakes)
    if "space" in entry and not written.spans and isinstance(entry.node("space"), Table):
        fix = "write `units: {int: [16, 64], log: true}`"
        source.mistakes.add(entry.span("space"), "the search space is empty", fix)
    written = written.over(
        WrittenSpace(Space(fixed={name: getattr(Training(), name) for name in NEEDED}))
    )
    space = spaces.settled(written, written.spans, source.mistakes)
    before = list(_earlier(source, entry, written))
    search = Search(
        sampler=sampler,
        pruner=_known(source, entry, "pruner", (*PRUNERS, *PRUNERS.values())),
        rungs=_rungs(source, entry, epochs),
        trials=entry.value("trials", usual.trials),
        seed=entry.value("seed", usual.seed),
        draws=entry.value("draws", usual.draws),
        points=_points(source, entry),
        earlier=tuple(Earlier(trials, inner.space) for trials, inner in before),
        space=space,
    )
    source.places |= {f"space.{name}": span for name, span in written.spans.items()}
    source.trials_refused = "trials" in entry.refused
    source.places["rungs"] = entry.span("rungs")
    entry.done()
    return search, replace(written, space=space), before


def _rungs(source: Source, entry: Entry, epochs: int) -> Rungs | None:
    """`rungs: [10, 30]`, or a table that also says which share goes on."""
    node = entry.node("rungs")
    if node is None:
        return None
    keep, ends = THIRD, node
    if isinstance(node, Table):
        own = Entry(node, source.mistakes, "`rungs`", RUNGS)
        own.need("epochs", "`epochs: [10, 30]`")
        keep, ends = source.share(own, "keep", keep), own.node("epochs") or node
        own.done()
        if ends is node:
            return None
    numbers = _ascending(ends)
    if not numbers:
        problem = f"rungs are epochs in ascending order, not {_as_written(ends)}"
        source.mistakes.add(ends.span, problem, "write rungs: [10, 30]")
    elif numbers[-1] >= epochs:
        problem = f"trainings end after {number_of(epochs, 'epoch')}"
        fix = "give earlier rungs, or more `epochs` in `training:`"
        source.mistakes.add(ends.span, f"{problem}, so there is no rung at {numbers[-1]}", fix)
    else:
        return Rungs(numbers, keep)
    return None


def _earlier(
    source: Source, entry: Entry, common: WrittenSpace
) -> Iterator[tuple[int, WrittenSpace]]:
    """`earlier: {trials: 12, space: {units: {int: [16, 32]}}}`, or a list of such; what a space
    does not name was as it is now.
    """
    node = entry.node("earlier")
    least = 1
    for part in node.items if isinstance(node, Listing) else [node] if node else []:
        if not isinstance(part, Table):
            problem = f"`earlier` is a table with `trials:` and `space:`, not {describe(part)}"
            fix = "write earlier: {trials: 12, space: {units: {int: [16, 32]}}}"
            source.mistakes.add(part.span, problem, fix)
            continue
        mistakes = len(source.mistakes.collected)
        own = Entry(part, source.mistakes, "`earlier`", EARLIER)
        own.need("trials", "`trials: 12`, as many as there were")
        own.need("space", "`space: {units: {int: [16, 32]}}`, what was otherwise")
        trials = own.integer("trials", least, low=least, high=MAX_TRIALS)
        least = trials + 1
        written = spaces.read(own.table_at("space"), source.mistakes)
        own.done()
        space = spaces.settled(written.over(common), written.spans, source.mistakes)
        if len(source.mistakes.collected) == mistakes:
            source.places[f"earlier.{trials}"] = part.keys["space"]
            yield trials, WrittenSpace(space, {**common.spans, **written.spans})


def check_earlier(source: Source, search: Search, variants: Sequence[Variant]) -> None:
    """Whether each earlier space lies within the present one, and says something."""
    for before in [] if source.space_refused else search.earlier:
        place = source.places[f"earlier.{before.trials}"]
        if search.sampler.name not in OURS:
            problem = f"the sampler '{search.sampler.name}' draws by what was run before"
            source.mistakes.add(place, problem, "`earlier` needs sampler random, grid or qmc")
            return
        if before.space == search.space:
            problem = "the earlier space is the present one"
            source.mistakes.add(place, problem, "say what was otherwise, or delete `earlier:`")
        for variant in variants:
            spaces_before = {own.trials: own.space for own in variant.earlier}
            own_before = spaces_before.get(before.trials, variant.space)
            beyond = spaces.beyond(own_before, variant.space)
            if beyond:
                own = f" of the variant '{variant.label}'" if variant.space != search.space else ""
                problem = f"the earlier space has more of '{beyond}' than the present one{own}"
                fix = "an earlier space lies within the present one: widen that, or begin anew"
                source.mistakes.add(place, problem, fix)
                break


def _points(source: Source, entry: Entry) -> tuple[Mapping[str, Value], ...]:
    """`points: [{units: 64, learning_rate: 0.003}]`; `check_points` looks whether spaces have
    them.
    """
    known: list[Mapping[str, Value]] = []
    for node in entry.listing("points"):
        if not isinstance(node, Table) or not node.entries:
            given = "nothing" if isinstance(node, Table) else describe(node)
            problem = f"a point is a table of hyper-parameters, not {given}"
            source.mistakes.add(node.span, problem, "write {units: 64, learning_rate: 0.003}")
            continue
        point = {
            name: spaces.read_value(name, inner, node.keys[name], source.mistakes)
            for name, inner in node.entries.items()
        }
        legal = {name: value for name, value in point.items() if value is not None}
        if len(legal) == len(point):
            places = {f"points.{len(known)}.{name}": span for name, span in node.keys.items()}
            source.places |= {f"points.{len(known)}.": node.span, **places}
            known.append(legal)
    return tuple(known)


def check_points(source: Source, search: Search, variants: Sequence[Variant]) -> None:
    """Whether the space of each variant has the known points."""
    whole = search.sampler.name == "grid"
    for number, point in enumerate([] if source.space_refused else search.points):
        for variant in variants:
            refusal = spaces.refusal(point, variant.space, whole)
            if refusal is not None:
                own = f" of the variant '{variant.label}'" if variant.space != search.space else ""
                problem = refusal.problem.format(space=f"the space{own}")
                place = source.places[f"points.{number}.{refusal.name}"]
                source.mistakes.add(place, problem, refusal.fix)
                break


def check_rungs(
    source: Source, search: Search, select: Select, variants: Sequence[Variant]
) -> None:
    """What rungs need of the search and of what is selected."""
    rungs, add = search.rungs, source.mistakes.add
    if rungs is None:
        return
    span, sampler = source.places["rungs"], search.sampler.name
    if search.pruner is not None:
        problem = "`rungs` and `pruner` both say which trials go on"
        add(span, problem, "keep one of them")
    if sampler not in OURS:
        problem = f"the sampler '{sampler}' learns from trials that ended; on rungs they wait"
        add(span, problem, "write `sampler: random`, or delete `rungs`")
    if select.on != "validation":
        problem = f"rungs go by the score on validation, and `select` by that on {select.on}"
        add(span, problem, "write `on: validation` in `select:`, or delete `rungs`")
    planned, more = search.trials, "run more trials"
    if sampler == "grid":
        sizes = [
            points.planned(search, variant.space, planned, variant.earlier) for variant in variants
        ]
        planned = min(sizes, default=planned)
        if planned < search.trials:
            more = f"give the grid more points than {planned}"
    last = rungs.going_on(len(rungs.epochs) - 1, planned)
    kept = select.count(search.trials)
    if last < kept and not source.trials_refused:
        trained = number_of(last, "trial trains", "trials train")
        problem = f"{trained} to the end, and `select` keeps {kept}"
        add(span, problem, f"{more}, or give fewer rungs or a larger `keep` of theirs")


def _known(source: Source, entry: Entry, key: str, names: Sequence[str]) -> Named | None:
    """A sampler or a pruner, by a name that there is."""
    node = entry.node(key)
    chosen = source.named(node, key) if node else None
    if node and chosen and chosen.name not in names:
        span = node.entries["name"].span if isinstance(node, Table) else node.span
        source.mistakes.add(span, f"no {key} '{chosen.name}'", nearest(chosen.name, names))
    if node:
        source.places[key] = node.span
    return chosen


def _ascending(node: Node) -> tuple[int, ...]:
    """The whole numbers of an ascending list from 1 on; none where it is no such list."""
    written = plain(node) if isinstance(node, Listing) else []
    numbers = [as_integer(value) for value in written]
    whole = tuple(number for number in numbers if number is not None and number >= 1)
    ascending = all(before < after for before, after in pairwise(whole))
    return whole if ascending and len(whole) == len(written) else ()


def _as_written(node: Node) -> str:
    """A short list as it is written; of all else what it is."""
    written = str(plain(node)) if isinstance(node, Listing) else ""
    return written if 0 < len(written) <= MAX_LABEL else describe(node)
