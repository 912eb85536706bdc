"""`search_cells:`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rnnzoo.errors import nearest, number_of
from rnnzoo.spec import space as spaces
from rnnzoo.spec.document import Scalar, Table, describe
from rnnzoo.spec.experiment import FILTER, NAME, CellSearch, Filter, Space, TaskChoice
from rnnzoo.spec.hyperparameters import NEEDED, Training
from rnnzoo.spec.keys import Entry
from rnnzoo.spec.read_experiment.keys import CELLS, FIRST_STAGE
from rnnzoo.spec.read_experiment.source import Source
from rnnzoo.spec.read_experiment.tasks import read_list, read_task, solvable
from rnnzoo.spec.read_experiment.training import training_of
from rnnzoo.spec.space import WrittenSpace

PARENTS = ("lstm", "gru")  # from which Jozefowicz et al. began


def read_cell_search(
    source: Source, labels: Sequence[str], tasks: Collection[str]
) -> CellSearch | None:
    """The search over cells.

    Args:
        labels: of the variants.
        tasks: labels of the tasks that the search sees.
    """
    table = source.top.table_at("search_cells", "{candidates: 1000}")
    if table is None:
        return None
    entry = Entry(table, source.mistakes, "`search_cells`", CELLS)
    source.places["search_cells"] = source.top.table.keys["search_cells"]
    usual = CellSearch(tuple(name for name in PARENTS if name in labels))
    search = CellSearch(
        parents=_parents(source, entry, labels, usual.parents),
        origin=entry.value("from", usual.origin),
        population=entry.value("population", usual.population),
        generation=entry.value("generation", usual.generation),
        candidates=entry.value("candidates", usual.candidates),
        settings=entry.value("settings", usual.settings),
        first=entry.value("first", usual.first),
        more_settings=source.share(entry, "more_settings", usual.more_settings, 0.25),
        filter=_filter(source, entry),
        gate=source.share(entry, "gate", usual.gate),
        mutations=_names(source, entry, "mutations", "swap_activation"),
        forbid=_names(source, entry, "forbid", "relu"),
        nodes=entry.value("nodes", usual.nodes),
        seed=entry.value("seed", usual.seed),
        hours=entry.value("hours", usual.hours),
        unseen=_unseen(source, entry, tasks),
    )
    entry.done()
    _check(source, entry, search, tasks)
    return search


def _parents(
    source: Source, entry: Entry, labels: Sequence[str], usual: tuple[str, ...]
) -> tuple[str, ...]:
    """Labels of variants."""
    names = _names(source, entry, "parents", "lstm")
    if "parents" not in entry:
        if not usual and labels:
            problem = "`search_cells` begins from lstm and gru, and neither is a variant"
            fix = f"write `parents: [{labels[0]}]`, the variants to begin from"
            source.mistakes.add(entry.table.span, problem, fix, ("variants",))
        return usual
    for name in names:
        if labels and name not in labels:
            span = source.places[f"search_cells.parents.{name}"]
            problem = f"the parent '{name}' is no variant"
            source.mistakes.add(span, problem, nearest(name, labels), ("variants",))
    if not names and not entry.refused:
        fix = "write `parents: [lstm, gru]`"
        source.mistakes.add(entry.span("parents"), "there are no parents", fix)
    return names


def _names(source: Source, entry: Entry, key: str, example: str) -> tuple[str, ...]:
    """A list of names, each once."""
    names: list[str] = []
    for node in entry.listing(key):
        name = node.value if isinstance(node, Scalar) else None
        if not isinstance(name, str):
            entry.refused.add(key)
            problem = f"`{key}` lists names, and this is {describe(node)}"
            source.mistakes.add(node.span, problem, f"write `{key}: [{example}]`")
        elif name in names:
            problem = f"'{name}' stands twice in `{key}`"
            source.mistakes.add(node.span, problem, "delete one of them")
        else:
            names.append(name)
            source.places[f"search_cells.{key}.{name}"] = node.span
    return tuple(names)


def _filter(source: Source, entry: Entry) -> Filter | None:
    """The first gate: the name of a task, or a table."""
    chosen = _written_filter(source, entry)
    if chosen:
        source.places["search_cells.filter.task"] = chosen.task.places[NAME]
    if chosen and not solvable(chosen.task.name, source.folder):
        problem = f"the filter's task '{chosen.task.name}' does not say from when on it is solved"
        fix = "take one that does, as `filter: memorisation`"
        source.mistakes.add(chosen.task.places[NAME], problem, fix)
    return chosen


def _written_filter(source: Source, entry: Entry) -> Filter | None:
    node = entry.node("filter")
    if node is None:
        return None
    if not isinstance(node, Table) or "task" not in node.entries:
        task = read_task(source, node)
        return Filter(task, space=_space(source, None)) if task else None
    inner = Entry(node, source.mistakes, "`filter`", FIRST_STAGE)
    written = inner.node("task")
    task = read_task(source, written) if written else None
    space = _space(source, inner.table_at("space", "{units: 32}"))
    table, under = inner.table_at("training", "{epochs: 25}"), "search_cells.filter."
    training = training_of(source, table, Training(), under) if table else Training()
    inner.done()
    return Filter(task, space, training) if task else None


def _space(source: Source, table: Table | None) -> Space:
    """What the filter's settings are drawn from."""
    usual = WrittenSpace(Space(fixed={name: getattr(Training(), name) for name in NEEDED}))
    written = spaces.read(table, source.mistakes).over(usual)
    source.places |= {
        f"search_cells.filter.space.{name}": span for name, span in written.spans.items()
    }
    return spaces.settled(written, written.spans, source.mistakes)


def _unseen(source: Source, entry: Entry, tasks: Collection[str]) -> tuple[TaskChoice, ...]:
    """Tasks that the search never sees."""
    unseen = read_list(source, entry.listing("unseen"))
    for task in unseen:
        if task.label in tasks:
            problem = f"the search sees the task '{task.label}', and `unseen` lists others"
            fix = "name a task that is not in `tasks`"
            source.mistakes.add(task.places[NAME], problem, fix)
    return unseen


def _check(source: Source, entry: Entry, search: CellSearch, tasks: Collection[str]) -> None:
    """What the parts of a search say of each other."""
    add, refused = source.mistakes.add, entry.refused
    if FILTER in tasks:
        problem = f"a search over cells calls its first stage '{FILTER}', and so is a task called"
        add(entry.table.span, problem, "give that task another `label:`")
    if search.hours == 0.0 and "hours" not in refused:
        add(entry.span("hours"), "nothing is trained in 0 hours", "write hours: 8, or delete it")
    if search.settings == 0 and "filter" not in entry:
        problem = "with `settings: 0` only the filter is run, and there is none"
        add(entry.span("settings"), problem, "write `filter: memorisation`, or `settings: 20`")
    if search.settings == 0 and search.more_settings:
        problem = "with `settings: 0` no cell is trained on tasks, nor at more settings"
        add(entry.span("more_settings"), problem, "delete it, or write `settings: 20`")
    if search.settings > search.first and not {"settings", "first"} & refused:
        settings = number_of(search.settings, "setting")
        problem = f"a candidate has {settings}, and its parents have fewer: {search.first}"
        place = "first" if "first" in entry else "settings"
        add(entry.span(place), problem, f"write first: {search.settings} or more")
