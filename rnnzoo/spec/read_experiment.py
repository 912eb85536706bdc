"""An experiment file -> `Experiment`, or every mistake in it in one go.

In: YAML, and overrides of its keys.  Out: frozen values with every default filled in, every cell
found, every name that a claim uses known; and back again as plain values (`resolved`).  Spaces and
claims have files of their own.  What only Optuna knows (options of its samplers) and what a task's
data holds is checked where those are known.
"""

from __future__ import annotations

import math
import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from rnnzoo.errors import (
    Mistake,
    Mistakes,
    Span,
    SpecError,
    UsageError,
    argument,
    close,
    nearest,
    number_of,
)
from rnnzoo.spec import cell as cells
from rnnzoo.spec import claims as sentences
from rnnzoo.spec import plugins, points
from rnnzoo.spec import space as spaces
from rnnzoo.spec.cell import CellSpec, Init
from rnnzoo.spec.document import (
    MAX_DEPTH,
    Fields,
    Listing,
    Node,
    Scalar,
    Table,
    as_integer,
    describe,
    is_number,
    parse,
    plain,
    read_text,
)
from rnnzoo.spec.experiment import (
    NAME,
    OURS,
    PRUNERS,
    SAMPLERS,
    THIRD,
    Claim,
    Confirm,
    Dimension,
    Experiment,
    Named,
    Resources,
    Rungs,
    Search,
    Select,
    Space,
    TaskChoice,
    Variant,
)
from rnnzoo.spec.files import located
from rnnzoo.spec.follow_ups import without_follow_ups
from rnnzoo.spec.hyperparameters import (
    HYPERPARAMETERS,
    MODEL,
    NEEDED,
    OF_SCHEDULE,
    SEARCHABLE,
    TRAINING,
    Hyperparameter,
    Training,
)
from rnnzoo.spec.settings import project
from rnnzoo.spec.space import WrittenSpace
from rnnzoo.spec.trial import PATH, RETRIED

SPLITS = ("train", "validation", "test")
# Limits of an experiment: more could not be run, shown or judged.
MAX_VARIANTS = 200  # each has a line in every table and figure
MAX_TASKS = 50
MAX_CLAIMS = 200  # each is a test, and p is adjusted for all of them
MAX_TRIALS = 1_000_000
MAX_SEED = 2**63 - 1  # the largest whole number that databases hold
MAX_REPLICATES = 1000
MAX_RETRIES = 100
LEAST_KEPT = 3
# of the margin; below it more than 5 % of studies without an effect say a wrong word
LEAST_FLOOR = 0.25
LEAST_ROUNDS = 3  # before a spread can be told
MAX_ROUNDS = 200  # with a last one: each is a look, and a boundary is simulated for all of them
MAX_PILOTS = 20
LEAST_MEMORY = 300e6  # bytes
AGAIN = "_again"  # what the control is called beside its baseline
MAX_LABEL = 60
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")

# Every key that `--set` can reach by name; what is below another one (options of a task) is checked
# where it is used.
TOP = (
    "experiment", "about", "task", "tasks", "baseline", "variants", "controls", "equal", "search",
    "training", "model", "select", "margin", "floor", "confirm", "init", "resources", "claims",
    "family",
)  # fmt: skip
_KEYS: Mapping[str, Sequence[str]] = {
    "": TOP,
    "search": [setting.name for setting in fields(Search)],
    "search.space": list(SEARCHABLE),
    "training": list(TRAINING),
    "model": list(MODEL),
    "select": [setting.name for setting in fields(Select)],
    "confirm": [setting.name for setting in fields(Confirm)],
    "resources": [setting.name for setting in fields(Resources)],
}
OVERRIDES = "overrides"  # the argument that gives values beside the file
_LISTS = ("tasks", "variants", "controls", "claims")
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*%")
_BYTES = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*([KMGT]i?)?B?", re.IGNORECASE)
_UNITS = {
    "": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30,
    "ti": 2**40,
}  # fmt: skip


def read(path: Path, sets: Sequence[str] = ()) -> Experiment:
    """The experiment of a file.

    Args:
        sets: `key=value` overrides, with dots for keys within keys.

    Raises:
        UsageError: there is no such file, or an override that fits nothing.
        SpecError: mistakes in the file, or in the file of a cell that it names.
    """
    path = located(path)
    text = read_text(path)
    return parse_experiment(text, str(path), path.parent, sets)


def parse_experiment(text: str, file: str, folder: Path, sets: Sequence[str] = ()) -> Experiment:
    """The experiment of a YAML text; names of cells and paths are looked up from `folder`."""
    table = parse(text, file)

    def attempt(overrides: Sequence[str]) -> tuple[Experiment, Sequence[Mistake]]:
        changed = table
        for override in overrides:
            changed = overridden(changed, override)
        mistakes = Mistakes()
        experiment = _Reader(
            Fields(changed, mistakes, "an experiment"), mistakes, file, folder
        ).experiment(text)
        return experiment, without_follow_ups(mistakes.collected, changed, TOP)

    experiment, mistakes = attempt(sets)
    if mistakes:
        raise SpecError(*_blamed(mistakes, file, sets, lambda overrides: attempt(overrides)[1]))
    return replace(experiment, sets=tuple(sets))


def _blamed(
    mistakes: Sequence[Mistake],
    file: str,
    sets: Sequence[str],
    without: Callable[[Sequence[str]], Sequence[Mistake]],
) -> Iterator[Mistake]:
    """The mistakes, those of the file that an override makes at the place of that override."""
    of_file = [mistake for mistake in mistakes if mistake.span.file == file]
    remaining: dict[str, Sequence[Mistake]] = {}
    for override in sets if of_file else ():
        remaining[override] = without([other for other in sets if other != override])
    for mistake in mistakes:
        guilty = [
            override
            for override, left in remaining.items()
            if mistake in of_file and mistake not in left
        ]
        if guilty:
            span = Span(argument(OVERRIDES), 1, 1, guilty[0], guilty[0].find("="))
            yield Mistake(span, f"with this, {mistake.problem} ({mistake.span})", mistake.fix)
        else:
            yield mistake


def overridden(table: Table, assignment: str) -> Table:
    """The table with one value replaced, by `key=value` or `key.key=value`; the value is read as
    YAML.

    Raises:
        UsageError: it is not written so, or there is no such key.
    """
    said = _said(assignment)
    path, equals, written = assignment.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys) or "\n" in assignment or len(keys) > MAX_DEPTH:
        raise UsageError(f"{said}: write {_said('key=value')}, as in {_said('search.trials=4')}")
    _check_path(keys, assignment)
    try:
        value = parse(f"value: {written}", argument(OVERRIDES)).entries["value"]
    except SpecError as error:
        raise UsageError(f"{said}: {error.mistakes[0].problem}") from None
    value = _moved(value, len(path) + 1 - len("value: "), assignment)
    return _replaced(table, keys, value, Span(argument(OVERRIDES), 1, 1, assignment, len(path)))


def _check_path(keys: Sequence[str], assignment: str) -> None:
    if keys[0] in _LISTS and len(keys) > 1:
        problem = f"`{keys[0]}` is a list, which is replaced as a whole"
        raise UsageError(f"{_said(assignment)}: {problem}", _said(f"{keys[0]}=[..., ...]"))
    for depth, key in enumerate(keys):
        above = "".join(f"{outer}." for outer in keys[:depth])
        known = _KEYS.get(above.rstrip("."), (key,))
        if key not in known:
            same = [path for path in _paths() if path.rpartition(".")[2] == keys[-1]]
            near = nearest(key, known).replace("did you mean '", f"did you mean '{above}", 1)
            fix = f"did you mean '{same[0]}'?" if same else near
            raise UsageError(
                f"{_said(assignment)}: an experiment has no key '{'.'.join(keys)}'", fix
            )


def _said(assignment: str) -> str:
    """An override as its caller writes it."""
    option = argument(OVERRIDES)
    if option.startswith("-"):
        return f"{option} {shlex.quote(assignment)}"
    return f'{option}=["{assignment}"]'


def _paths() -> Iterator[str]:
    """Every key that `--set` can reach by name, with the keys above it."""
    for above, names in _KEYS.items():
        yield from (f"{above}.{name}".lstrip(".") for name in names)


def _moved(node: Node, by: int, text: str) -> Node:
    """The node with its places, and those of all within, moved into the text of an override."""

    def moved(span: Span) -> Span:
        return replace(span, column=span.column + by, text=text)

    if isinstance(node, Scalar):
        return replace(node, span=moved(node.span))
    if isinstance(node, Listing):
        return Listing(tuple(_moved(item, by, text) for item in node.items), moved(node.span))
    entries = {key: _moved(value, by, text) for key, value in node.entries.items()}
    return Table(entries, {key: moved(span) for key, span in node.keys.items()}, moved(node.span))


def _replaced(table: Table, keys: Sequence[str], value: Node, span: Span) -> Table:
    first, *rest = keys
    if rest:
        inner = table.entries.get(first)
        own = inner if isinstance(inner, Table) else Table({}, {}, span)
        if isinstance(inner, Scalar) and first in ("task", "sampler", "pruner"):
            # a name becomes a table for its options
            own = Table({"name": inner}, {"name": inner.span}, inner.span)
        value = _replaced(own, rest, value, span)
    return Table({**table.entries, first: value}, {**table.keys, first: span}, table.span)


def _parts(options: Table) -> dict[str, Span]:
    """Where the parts of options stand that are lists or tables: `inputs.1`, `window.length`."""
    places: dict[str, Span] = {}
    for key, value in options.entries.items():
        if isinstance(value, Table):
            places |= {f"{key}.{name}": span for name, span in value.keys.items()}
        elif isinstance(value, Listing):
            places |= {f"{key}.{number}": item.span for number, item in enumerate(value.items)}
    return places


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all variants have in common."""

    space: WrittenSpace
    init: Mapping[str, Any]
    optimizer: str
    sampler: str


class _Reader:
    """Reads one experiment; every method takes care of one key."""

    def __init__(self, top: Fields, mistakes: Mistakes, file: str, folder: Path) -> None:
        self.top, self.mistakes, self.file, self.folder = top, mistakes, file, folder
        self.places: dict[str, Span] = {}
        self.trials_refused = False

    def experiment(self, text: str) -> Experiment:
        top = self.top
        top.need("experiment", "`experiment: my_experiment`")
        name = top.text("experiment", "?")
        self.check_label(name, top.span("experiment"), "the name of an experiment")
        tasks, training = self.tasks(), self.training()
        search, space = self.search(training.epochs)
        labels = self.labels()
        baseline = self.baseline(labels)
        variants = self.variants(
            _Shared(space, self.common_init(), training.optimizer, search.sampler.name)
        )
        control = self.control(baseline, labels)
        if control:
            labels.append(control)
            variants += tuple(
                replace(variant, label=control) for variant in variants if variant.label == baseline
            )
        self.check_hidden(training, variants)
        margin = self.margin()
        confirm = self.confirm(margin)
        dimensions = chain(
            search.space.dimensions, *(variant.space.dimensions for variant in variants)
        )
        searched = {dimension.name for dimension in dimensions}
        names = {task.label: task.name for task in tasks}
        known = sentences.Known(
            labels,
            names,
            searched,
            margin,
            lambda label: solvable(names[label], self.folder),
            control,
        )
        claims = self.claims(known)
        if confirm is not None:
            self.check_spaces(confirm, claims, variants)
        select = self.select(search.trials)
        self.check_rungs(search, select, variants)
        experiment = Experiment(
            name=name,
            about=top.text("about"),
            file=self.file,
            text=text,
            tasks=tasks,
            baseline=baseline,
            variants=variants,
            search=search,
            training=training,
            select=select,
            margin=margin,
            floor=self.floor(margin),
            confirm=confirm,
            resources=self.resources(),
            claims=claims,
            control=control,
            # one of the two
            equal=top.word("equal", ("units", "weights"), "units"),  # type: ignore[arg-type]
            # one of the two
            family=top.word("family", ("file", "task"), "file"),  # type: ignore[arg-type]
            places=self.places,
        )
        top.done()
        return experiment

    def check_label(self, label: str, span: Span, role: str) -> None:
        """Labels end up in names of folders and in claims."""
        if label != "?" and not (_LABEL.fullmatch(label) and len(label) <= MAX_LABEL):
            fix = f"use letters, digits, `_`, `-`, `+` and `.`, at most {MAX_LABEL}"
            self.mistakes.add(span, f"'{label[:MAX_LABEL]}' cannot be {role}", fix)

    # -- tasks

    def tasks(self) -> tuple[TaskChoice, ...]:
        top = self.top
        if "tasks" in top and "task" in top:
            self.mistakes.add(
                top.table.keys["task"], "`task` and `tasks` are both given", "keep one of them"
            )
        nodes: tuple[Node, ...] = ()
        if "tasks" in top:
            nodes = top.listing("tasks", MAX_TASKS)
        elif node := top.node("task"):
            nodes = (node,)
        top.node("task")
        if not nodes:
            top.need("task", "`task: chorales`")
        tasks: dict[str, TaskChoice] = {}
        for node in nodes:
            task = self.task(node)
            if task is not None and task.label in tasks:
                fix = "give one of them a `label:`"
                self.mistakes.add(node.span, f"two tasks are called '{task.label}'", fix)
            elif task is not None:
                tasks[task.label] = task
        return tuple(tasks.values())

    def task(self, node: Node) -> TaskChoice | None:
        named = self.named(node, "task", extra=("label",))
        if named is None:
            return None
        span = node.entries["name"].span if isinstance(node, Table) else node.span
        is_path = plugins.is_path(named.name)
        if is_path and not self.is_task_file(named.name, span):
            return None
        if not is_path and named.name not in plugins.names("tasks"):
            self.mistakes.add(
                span, f"no task '{named.name}'", nearest(named.name, plugins.names("tasks"))
            )
            return None
        if is_path:
            named = replace(named, name=Path(named.name).as_posix())  # without `./`
        short = Path(named.name).stem if is_path else named.name
        if not isinstance(node, Table):
            self.check_label(short, span, "the label of a task")
            return TaskChoice(short, named.name, places={NAME: node.span})
        label = Fields(node, self.mistakes, "a task").text("label", short)
        self.check_label(label, node.span, "the label of a task")
        # empty: the default
        options = {key: value for key, value in named.options.items() if value is not None}
        if PATH in options:
            options[PATH] = self.from_here(options[PATH], node.entries[PATH], node.keys[PATH])
        places = {**_parts(node), **node.keys, NAME: node.entries[NAME].span}
        return TaskChoice(label, named.name, options, places)

    def is_task_file(self, name: str, span: Span) -> bool:
        """Whether there is such a file, beside the experiment or in its project: what is beyond is
        not run.
        """
        try:
            file = (self.folder / name).resolve()
            is_there = file.is_file()
        except (OSError, ValueError, RuntimeError):
            is_there = False
        if not is_there:
            beside = sorted((self.folder / name).parent.glob("*.py"))[:MAX_TASKS]
            fix = nearest(Path(name).name, [path.name for path in beside])
            problem = f"no file {name}, from the folder of the experiment"
            self.mistakes.add(span, problem, fix or "task: ./tasks/mine.py")
            return False
        homes = (self.folder.resolve(), project().resolve())
        if not any(file.is_relative_to(home) for home in homes):
            problem = f"{name} lies outside of the project, and a file of Python is run"
            self.mistakes.add(span, problem, f"copy it into {homes[0]} or a folder in it")
            return False
        return True

    def from_here(self, path: Any, node: Node, key: Span) -> Any:
        """A path of the command line, which is relative to the current folder, as the file would
        have it; or several, by name.
        """
        if isinstance(path, dict) and isinstance(node, Table):
            return {
                name: self.from_here(inner, node.entries[name], node.keys[name])
                for name, inner in path.items()
            }
        if not isinstance(path, str) or not path or key.file != argument(OVERRIDES):
            return path
        if path.startswith("~") or os.path.isabs(path) or "://" in path:
            return path
        return os.path.relpath(os.path.realpath(path), os.path.realpath(self.folder))

    def named(self, node: Node, word: str, extra: tuple[str, ...] = ()) -> Named | None:
        """Something chosen by name: `tpe`, or `{name: tpe, option: value}`."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return Named(node.value)
        if (
            isinstance(node, Table)
            and isinstance(name := node.entries.get("name"), Scalar)
            and isinstance(name.value, str)
        ):
            options = {
                key: plain(value)
                for key, value in node.entries.items()
                if key not in ("name", *extra)
            }
            return Named(name.value, options)
        fix = f"write `{word}: NAME`, or `{word}: {{name: NAME, option: value}}`"
        self.mistakes.add(
            node.span, f"a {word} is a name or a table with `name:`, not {describe(node)}", fix
        )
        return None

    # -- variants

    def labels(self) -> list[str]:
        """What the variants are called, also those with mistakes, so that claims about them are no
        further mistakes.
        """
        labels: list[str] = []
        for node in self.top.listing("variants", MAX_VARIANTS):
            label, span = self.label(node)
            self.check_label(label, span, "the name of a variant")
            if label in labels:
                fix = "give one of them another `name:` and say its `cell:`"
                self.mistakes.add(node.span, f"two variants are called '{label}'", fix)
            elif label != "?":
                labels.append(label)
        return labels

    def label(self, node: Node) -> tuple[str, Span]:
        """A variant's label and its place; `?` where it has none."""
        name = node.entries.get("name") if isinstance(node, Table) else node
        value = name.value if isinstance(name, Scalar) else None
        if not isinstance(name, Scalar) or not isinstance(value, str):
            return "?", node.span
        path = value.endswith((".yaml", ".yml")) and not isinstance(node, Table)
        return (Path(value).stem if path else value), name.span

    def variants(self, shared: _Shared) -> tuple[Variant, ...]:
        listing = self.top.node("variants")
        if listing is None:
            self.top.need("variants", "`variants: [lstm, gru]`")
        elif isinstance(listing, Listing) and not listing.items:
            self.mistakes.add(
                listing.span, "there are no variants", "write `variants: [lstm, gru]`"
            )
        variants: dict[str, Variant] = {}
        for node in self.top.listing("variants", MAX_VARIANTS):
            variant = self.variant(node, shared)
            if variant is not None:
                variants.setdefault(variant.label, variant)
        return tuple(variants.values())

    def variant(self, node: Node, shared: _Shared) -> Variant | None:
        label, span = self.label(node)
        if isinstance(node, Scalar) and isinstance(node.value, str):
            cell = self.cell(node.value, span)
            space = self.settled(WrittenSpace(), shared)
            return Variant(label, cell, space, dict(shared.init), node.value) if cell else None
        if not isinstance(node, Table):
            fix = "write the name of a cell, or {name: cw7, cell: clockwork, options: {modules: 7}}"
            self.mistakes.add(
                node.span, f"a variant is a name or a table, not {describe(node)}", fix
            )
            return None
        entry = Fields(node, self.mistakes, "a variant")
        entry.need("name", "`name: label`")
        entry.text("name")
        reference = entry.text("cell", label)
        misspelt = "cell" not in entry and any(close(key, ["cell"]) for key in node.entries)
        unknown = reference == "?" or misspelt or "cell" in entry.refused
        place = entry.span("cell") if "cell" in entry else span
        cell = None if unknown else self.cell(reference, place)
        cell = self.options(cell, entry)
        init, places = self.init(cell, entry)
        written = spaces.read(entry.table_at("space"), self.mistakes)
        space = self.settled(written, shared)
        self.places |= {f"{label}.space.{name}": span for name, span in written.spans.items()}
        entry.done()
        if cell:
            return Variant(label, cell, space, {**shared.init, **init}, reference, places)
        return None

    def settled(self, written: WrittenSpace, shared: _Shared) -> Space:
        """A variant's space, laid over the common one."""
        merged = written.over(shared.space)
        space = spaces.settled(merged, written.spans, self.mistakes)
        spaces.check_use(space, merged.spans, shared.optimizer, shared.sampler, self.mistakes)
        return space

    def cell(self, reference: str, span: Span) -> CellSpec | None:
        try:
            return cells.read_file(cells.named_in_spec(reference, self.folder))
        except UsageError as error:
            self.mistakes.add(span, *error.parts)
        except SpecError as error:
            self.mistakes.extend(error.mistakes)
        return None

    def options(self, cell: CellSpec | None, entry: Fields) -> CellSpec | None:
        table = entry.table_at("options")
        for name, node in table.entries.items() if table and cell else ():
            if cell is None or not isinstance(node, Scalar) or not is_number(node.value):
                self.mistakes.add(
                    node.span, f"option '{name}' must be a number, not {describe(node)}"
                )
            elif name not in cell.options:
                fix = nearest(name, cell.options) or "it has none"
                self.mistakes.add(node.span, f"cell '{cell.name}' has no option '{name}'", fix)
            else:
                # is_number has said so
                cell = cell.with_options({name: node.value})  # type: ignore[dict-item]
        return cell

    def init(
        self, cell: CellSpec | None, entry: Fields
    ) -> tuple[dict[str, Any], Mapping[str, Span]]:
        """Initialisers by name of a weight, and the places of these names; `*` is any weight not
        named.

        Which weights there are is not known here: `sweep.plan.cells` knows the equations, and says
        what has no weight.
        """
        table = entry.table_at("init")
        initialisers = {}
        for name, node in table.entries.items() if table else ():
            init = cells.init_of(node, self.mistakes)
            if init is not None and cell is not None:
                initialisers[name] = self.without_options(
                    init, cell.options, node.span, name == "*"
                ).plain()
        return initialisers, table.keys if table else {}

    def common_init(self) -> dict[str, Any]:
        """`init:` of the experiment is one initialiser, for all weights."""
        node = self.top.node("init")
        init = cells.init_of(node, self.mistakes) if node else None
        return {"*": self.without_options(init, {}, node.span).plain()} if init and node else {}

    def without_options(
        self, init: Init, options: Mapping[str, float], span: Span, for_all: bool = True
    ) -> Init:
        """The initialiser with the values of the cell's options in the place of their names; an
        expression, which is never for all weights, keeps them.
        """
        if init.name == cells.EXPRESSION:
            if for_all:
                problem = "an expression is for one weight, and this is for all"
                self.mistakes.add(span, problem, "name the weight, in the `init:` of a variant")
            return init
        for name in init.values:
            if isinstance(name, str) and name not in options:
                known = [*(cells.INITIALISERS if init.name == "constant" else ()), *options]
                self.mistakes.add(span, f"no initialiser or option '{name}'", nearest(name, known))

        def number(value: float | str) -> float:
            return options.get(value, 0.0) if isinstance(value, str) else value

        return replace(init, values=tuple(map(number, init.values)))

    def baseline(self, labels: Sequence[str]) -> str:
        name = self.top.text("baseline", labels[0] if labels else "?")
        if labels and name not in labels:
            problem = f"the baseline '{name}' is no variant"
            self.mistakes.add(
                self.top.span("baseline"), problem, nearest(name, labels), ("variants",)
            )
        return name

    def control(self, baseline: str, labels: Sequence[str]) -> str:
        """`controls: true` runs the baseline a second time: what differs then is the procedure's
        own false alarm.
        """
        if not self.top.flag("controls"):
            return ""
        label = baseline + AGAIN
        if label in labels:
            fix = "give that variant another name"
            self.mistakes.add(
                self.top.span("controls"), f"the control is called '{label}', as a variant is", fix
            )
        return label

    def margin(self) -> float | None:
        """The margin; where it is a mistake some number, since nothing more is to be said of it."""
        if self.top.node("margin") is None:
            return None
        margin = self.top.number("margin", low=0.0)
        return 1.0 if "margin" in self.top.refused else margin

    # -- search

    def search(self, epochs: int) -> tuple[Search, WrittenSpace]:
        """How is searched, and the common space as variants inherit it."""
        table = self.top.table_at("search")
        entry = Fields(table or Table({}, {}, self.top.span("search")), self.mistakes, "`search`")
        usual = Search()
        sampler = (
            self.known(entry, "sampler", (*OURS, *SAMPLERS, *SAMPLERS.values())) or usual.sampler
        )
        written = spaces.read(entry.table_at("space"), self.mistakes)
        if "space" in entry and not written.spans and isinstance(entry.node("space"), Table):
            fix = "write `units: {int: [16, 64], log: true}`"
            self.mistakes.add(entry.span("space"), "the search space is empty", fix)
        written = written.over(
            WrittenSpace(Space(fixed={name: getattr(Training(), name) for name in NEEDED}))
        )
        space = spaces.settled(written, written.spans, self.mistakes)
        search = Search(
            sampler=sampler,
            pruner=self.known(entry, "pruner", (*PRUNERS, *PRUNERS.values())),
            rungs=self.rungs(entry, epochs),
            trials=entry.integer("trials", usual.trials, low=1, high=MAX_TRIALS),
            seed=entry.integer("seed", usual.seed, low=0, high=MAX_SEED),
            # one of the two
            draws=entry.word("draws", ("own", "common"), usual.draws),  # type: ignore[arg-type]
            space=space,
        )
        self.places |= {f"space.{name}": span for name, span in written.spans.items()}
        self.trials_refused = "trials" in entry.refused
        self.places["rungs"] = entry.span("rungs")
        entry.done()
        return search, replace(written, space=space)

    def rungs(self, entry: Fields, epochs: int) -> Rungs | None:
        """`rungs: [10, 30]`, or a table that also says which share goes on."""
        node = entry.node("rungs")
        if node is None:
            return None
        keep, ends = THIRD, node
        if isinstance(node, Table):
            own = Fields(node, self.mistakes, "`rungs`")
            own.need("epochs", "`epochs: [10, 30]`")
            keep, ends = self.share(own, "keep", keep), own.node("epochs") or node
            own.done()
            if ends is node:
                return None
        numbers = _ascending(ends)
        if not numbers:
            problem = f"rungs are epochs in ascending order, not {_as_written(ends)}"
            self.mistakes.add(ends.span, problem, "write rungs: [10, 30]")
        elif numbers[-1] >= epochs:
            problem = f"trainings end after {number_of(epochs, 'epoch')}"
            fix = "give earlier rungs, or more `epochs` in `training:`"
            self.mistakes.add(ends.span, f"{problem}, so there is no rung at {numbers[-1]}", fix)
        else:
            return Rungs(numbers, keep)
        return None

    def check_rungs(self, search: Search, select: Select, variants: Sequence[Variant]) -> None:
        """What rungs need of the search and of what is selected."""
        rungs, add = search.rungs, self.mistakes.add
        if rungs is None:
            return
        span, sampler = self.places["rungs"], search.sampler.name
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
            sizes = [points.grid_size(variant.space, planned) for variant in variants]
            planned = min(sizes, default=planned)
            if planned < search.trials:
                more = f"give the grid more points than {planned}"
        last = rungs.going_on(len(rungs.epochs) - 1, planned)
        kept = select.count(search.trials)
        if last < kept and not self.trials_refused:
            trained = number_of(last, "trial trains", "trials train")
            problem = f"{trained} to the end, and `select` keeps {kept}"
            add(span, problem, f"{more}, or give fewer rungs or a larger `keep` of theirs")

    def known(self, entry: Fields, key: str, names: Sequence[str]) -> Named | None:
        """A sampler or a pruner, by a name that there is."""
        node = entry.node(key)
        chosen = self.named(node, key) if node else None
        if node and chosen and chosen.name not in names:
            span = node.entries["name"].span if isinstance(node, Table) else node.span
            self.mistakes.add(span, f"no {key} '{chosen.name}'", nearest(chosen.name, names))
        if node:
            self.places[key] = node.span
        return chosen

    # -- training, selection, claims

    def training(self) -> Training:
        model = self.model()
        table = self.top.table_at("training")
        if table is None:
            return model
        entry = Fields(table, self.mistakes, "`training`")
        training = replace(model, **{name: _setting(entry, row) for name, row in TRAINING.items()})
        if training.nesterov and training.optimizer not in HYPERPARAMETERS["nesterov"].optimizers:
            problem = f"the optimiser '{training.optimizer}' has no momentum that looks ahead"
            self.mistakes.add(
                entry.span("nesterov"), problem, "write `optimizer: sgd`, or delete `nesterov`"
            )
        self.check_schedule(training, entry)
        self.places |= {f"training.{name}": span for name, span in table.keys.items()}
        places = dict.fromkeys(SEARCHABLE, "write it into `space:`, under `search:`")
        entry.done({**places, **dict.fromkeys(MODEL, "write it into `model:`")})
        return training

    def check_schedule(self, training: Training, entry: Fields) -> None:
        """What only one schedule reads stands beside that one."""
        for name, schedule in OF_SCHEDULE.items():
            usual = getattr(training, name) == TRAINING[name].default  # as `resolved` writes it
            if not usual and training.schedule != schedule and not entry.refused:
                problem = f"`{name}` is for `schedule: {schedule}`"
                fix = f"write `schedule: {schedule}`, or delete `{name}`"
                self.mistakes.add(entry.span(name), problem, fix)
        if training.schedule == "cosine" and training.warm_up >= training.epochs:
            problem = f"all of the {training.epochs} epochs would warm up"
            self.mistakes.add(entry.span("warm_up"), problem, "write a smaller `warm_up`")

    def model(self) -> Training:
        """What `model:` says, all else by default."""
        table = self.top.table_at("model")
        if table is None:
            return Training()
        entry = Fields(table, self.mistakes, "`model`")
        model = Training(**{name: _setting(entry, row) for name, row in MODEL.items()})
        places = dict.fromkeys(TRAINING, "write it into `training:`")
        entry.done(
            {**places, **dict.fromkeys(SEARCHABLE, "write it into `space:`, under `search:`")}
        )
        self.places |= {f"model.{name}": span for name, span in table.keys.items()}
        return model

    def check_hidden(self, training: Training, variants: Sequence[Variant]) -> None:
        """`hidden_layers` stands beside `hidden`."""
        places = [place for place in self.places if place.endswith(".hidden_layers")]
        hidden = (variant.space.values("hidden") or (training.hidden,) for variant in variants)
        searched = any(_searches(variant.space, "hidden") for variant in variants)
        if places and not searched and not any(chain.from_iterable(hidden)):
            problem, fix = "there are no layers of `hidden` units", "write `hidden: 64`, too"
            self.mistakes.add(self.places[places[0]], problem, fix)

    def select(self, trials: int) -> Select:
        table = self.top.table_at("select")
        usual = Select(keep=min(max(LEAST_KEPT, round(trials / 10)), trials))
        if table is None:
            return usual
        entry = Fields(table, self.mistakes, "`select`")
        keep = entry.number("keep", usual.keep)
        select = Select(
            on=entry.word("on", SPLITS, usual.on),
            keep=keep,
            report=entry.word("report", SPLITS, usual.report),
            replicates=entry.integer("replicates", usual.replicates, low=0, high=MAX_REPLICATES),
        )
        entry.done()
        if (
            entry.node("keep") is not None
            and "keep" not in entry.refused
            and not self.trials_refused
        ):
            self.check_keep(keep, trials, entry.span("keep"))
        return select

    def confirm(self, margin: float | None) -> Confirm | None:
        table = self.top.table_at("confirm")
        if table is None:
            return None
        usual, entry = Confirm(), Fields(table, self.mistakes, "`confirm`")
        confirm = Confirm(
            # one of the two
            until=entry.word("until", ("decided", "stopped"), usual.until),  # type: ignore[arg-type]
            # likewise
            settings=entry.word("settings", ("common", "own"), usual.settings),  # type: ignore[arg-type]
            region=self.share(entry, "region", usual.region),
            pilot=entry.integer("pilot", usual.pilot, low=0, high=MAX_PILOTS),
            first=entry.integer("first", usual.first, low=LEAST_ROUNDS, high=MAX_ROUNDS),
            most=entry.integer("most", usual.most, low=LEAST_ROUNDS, high=MAX_ROUNDS),
            budget=entry.integer("budget", usual.budget, low=1, high=MAX_TRIALS),
            hours=entry.number("hours", usual.hours, low=0.0),
        )
        entry.done()
        self.check_confirm(confirm, entry, margin)
        return confirm

    def check_confirm(self, confirm: Confirm, entry: Fields, margin: float | None) -> None:
        """What `confirm` needs of itself and of the margin."""
        add, span = self.mistakes.add, self.top.span("confirm")
        if margin is None or margin <= 0.0:
            problem = "`confirm` needs a margin: how much difference is none?"
            add(span, problem, "give the experiment a `margin:` above 0", ("margin",))
        if confirm.hours == 0.0 and "hours" not in entry.refused:
            add(
                entry.span("hours"), "nothing is trained in 0 hours", "write hours: 8, or delete it"
            )
        if confirm.first > confirm.most and not {"first", "most"} & entry.refused:
            fix = f"write first: {confirm.most} or less"
            rounds = number_of(confirm.first, "round")
            problem = f"the first look, after {rounds}, is later than the last"
            add(entry.span("first"), problem, fix)
        if "most" in entry and confirm.until == "stopped":
            add(
                entry.span("most"),
                "`until: stopped` has no last round",
                "delete `most`, or write `until: decided`",
            )

    def check_spaces(
        self, confirm: Confirm, claims: Sequence[Claim], variants: Sequence[Variant]
    ) -> None:
        """Variants that are confirmed have a space, and where they train at common settings the
        same one.
        """
        spaces = {variant.label: variant.space.dimensions for variant in variants}
        fix = "search a hyper-parameter, as in `learning_rate: {float: [1e-3, 3e-2], log: true}`"
        if spaces and not any(spaces.values()):
            problem = "`confirm` looks for good settings, and the space has a single one"
            self.mistakes.add(self.top.span("confirm"), problem, fix, ("search", "variants"))
            return
        for claim in claims:
            a, b = spaces.get(claim.a), spaces.get(claim.b)
            if claim.form not in sentences.CONFIRMED or a is None or b is None:
                continue
            if not a or not b:
                problem = (
                    f"nothing is searched of '{claim.b if a else claim.a}', which is to be"
                    " confirmed where it does well"
                )
                self.mistakes.add(claim.span, problem, fix)
            elif a != b and confirm.settings == "common":
                self.mistakes.add(
                    claim.span,
                    f"'{claim.a}' and '{claim.b}' have no common settings: their spaces differ in"
                    f" {_differing(a, b)}",
                    "give both the same `space:`, or write `settings: own` in `confirm:`",
                )

    def share(self, entry: Fields, key: str, usual: float) -> float:
        """A share of the space: 0.01, or 1%."""
        node = entry.node(key)
        if node is None:
            return usual
        written = node.value if isinstance(node, Scalar) else None
        percent = _PERCENT.fullmatch(written) if isinstance(written, str) else None
        share = 0.0
        if percent:
            share = float(percent[1]) / 100
        elif isinstance(written, int | float):
            share = float(written)
        if not 0.0 < share < 1.0:
            self.mistakes.add(
                node.span,
                f"`{key}` is a share between 0 and 1, not {describe(node)}",
                f"write {key}: {usual:.0%}",
            )
            return usual
        return share

    def floor(self, margin: float | None) -> float | None:
        """What a difference must exceed."""
        if self.top.node("floor") is None:
            return None
        floor = self.top.number("floor", low=0.0)
        if "confirm" not in self.top:
            self.mistakes.add(
                self.top.span("floor"), "`floor` is for `confirm:`, which is not here", "delete it"
            )
        if margin and not {"floor", "margin"} & self.top.refused:
            fix = f"write floor: {margin / 2:g}, or leave it out"
            if floor > margin:
                problem = f"the floor {floor:g} is above the margin {margin:g}"
                self.mistakes.add(self.top.span("floor"), problem, fix)
            elif floor < LEAST_FLOOR * margin:
                problem = (
                    f"the floor {floor:g} is below a quarter of the margin {margin:g}: chance, and"
                    " settings that are not known better than that, would be called a difference"
                )
                self.mistakes.add(self.top.span("floor"), problem, fix)
        return floor

    def check_keep(self, keep: float, trials: int, span: Span) -> None:
        """`keep` is a count or a share of the trials; fewer than three cannot be compared."""
        add, of_trials = self.mistakes.add, number_of(trials, "trial")
        if 0 < keep < 1 and keep * trials < LEAST_KEPT:
            fix = f"keep at least {LEAST_KEPT}, or run more trials"
            add(
                span,
                f"a share of {keep:g} of {of_trials} is {keep * trials:.1f}: too few to compare",
                fix,
            )
        elif keep >= 1 and not float(keep).is_integer():
            add(
                span, f"keep {keep:g} is neither a count nor a share", "write keep: 4, or keep: 0.1"
            )
        elif keep <= 0 or 1 <= keep < LEAST_KEPT:
            add(span, f"keep {keep:g} is too few to compare", f"keep at least {LEAST_KEPT}")
        elif keep > trials:
            add(
                span,
                f"keep {keep:g} is more than the {of_trials}",
                "keep fewer, or run more",
            )

    def resources(self) -> Resources:
        table = self.top.table_at("resources")
        if table is None:
            return Resources()
        entry = Fields(table, self.mistakes, "`resources`")
        resources = Resources(
            memory=self.memory(entry),
            minutes=entry.number("minutes", math.inf, low=0.0),
            retry=self.retry(entry.table_at("retry")),
        )
        if resources.minutes == 0.0 and "minutes" not in entry.refused:
            self.mistakes.add(
                entry.span("minutes"), "no trial ends in 0 minutes", "write minutes: 30"
            )
        entry.done()
        return resources

    def memory(self, entry: Fields) -> float:
        """Bytes, from a text such as `2GB` or `1.5 GiB`."""
        node = entry.node("memory")
        if node is None:
            return math.inf
        written = _BYTES.fullmatch(str(node.value).strip()) if isinstance(node, Scalar) else None
        bytes_ = float(written[1]) * _UNITS[(written[2] or "").lower()] if written else 0.0
        if bytes_ < LEAST_MEMORY:
            fix = (
                f"write memory: 2GB; at least {LEAST_MEMORY / 10**6:.0f}MB, since TensorFlow alone"
                " takes that much"
            )
            self.mistakes.add(node.span, f"`memory` cannot be {describe(node)}", fix)
        return bytes_

    def retry(self, table: Table | None) -> dict[str, int]:
        """How often a trial is begun again, by the kind of its end."""
        entry = Fields(table or Table({}, {}, self.top.span("resources")), self.mistakes, "`retry`")
        kinds = [str(kind) for kind in RETRIED]
        retries = {
            kind: entry.integer(kind, 0, low=0, high=MAX_RETRIES) for kind in kinds if kind in entry
        }
        for kind in kinds:
            entry.node(kind)
        entry.done()
        return retries

    def claims(self, known: sentences.Known) -> tuple[Claim, ...]:
        claims: list[Claim] = []
        first: dict[tuple[str, ...], Claim] = {}  # by question
        for node in self.top.listing("claims", MAX_CLAIMS):
            claim = sentences.read(node, known, self.mistakes)
            if claim is None:
                continue
            questions = sentences.questions(claim, list(known.tasks))
            again = {question[0]: first[question] for question in questions if question in first}
            if again:
                self.asked_again(claim, again, len(questions))
            first |= {question: claim for question in questions if question not in first}
            claims.append(claim)
        return tuple(claims)

    def asked_again(self, claim: Claim, earlier: Mapping[str, Claim], of: int) -> None:
        """A claim whose question is asked before: its p would be adjusted for both.

        Args:
            earlier: the first claim that asks it, by task.
            of: how many tasks the claim is judged on.
        """
        first = next(iter(earlier.values()))
        if first.text == claim.text:
            self.mistakes.add(
                claim.span, f"the claim '{claim.text}' stands here twice", "keep one of them"
            )
            return
        where = f"on {', '.join(earlier)} this" if len(earlier) < of else "this"
        line = f" (line {first.span.line})" if first.span.file == self.file else ""
        problem = f"{where} asks what '{first.text}'{line} asks already"
        self.mistakes.add(claim.span, problem, "keep one of them: one answer decides both")


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


def _setting(entry: Fields, row: Hyperparameter) -> Any:
    """The value of a hyper-parameter in `training:`."""
    name, legal = row.name, row.legal
    default: Any = row.default
    if legal.flag:
        return entry.flag(name)
    if legal.words:
        return entry.word(name, legal.words, str(default))
    if legal.whole:
        return entry.integer(name, default, low=int(legal.low), high=int(legal.high))
    return entry.number(name, default, low=legal.low, high=legal.high)


def _differing(first: Sequence[Dimension], second: Sequence[Dimension]) -> str:
    """Names of the dimensions that two spaces do not share."""
    names = {
        dimension.name
        for dimension in (*first, *second)
        if not (dimension in first and dimension in second)
    }
    return ", ".join(sorted(names)) or "the order of their dimensions"


def _searches(space: Space, name: str) -> bool:
    return any(dimension.name == name for dimension in space.dimensions)


def solvable(task: str, folder: Path) -> bool:
    """Whether a task, by its name or path, says from which score on it is solved."""
    if plugins.is_path(task):
        return plugins.stated(folder / task).get("SOLVABLE") is True
    return bool(getattr(plugins.load("tasks", task), "SOLVABLE", False))


def resolved(experiment: Experiment) -> dict[str, Any]:
    """The experiment as plain values with every default filled in; `yaml_text` of it reads back to
    an equal one.
    """
    settings = experiment.training.settings()
    model = {name: settings[name] for name, row in MODEL.items() if settings[name] != row.default}
    content: dict[str, Any] = {
        "experiment": experiment.name,
        "about": experiment.about,
        "tasks": [
            {"name": task.name, "label": task.label, **task.options} for task in experiment.tasks
        ],
        "baseline": experiment.baseline,
        "variants": [
            _variant_plain(variant, experiment.search.space)
            for variant in experiment.variants
            if variant.label != experiment.control
        ],
        "controls": True if experiment.control else None,
        "equal": experiment.equal if experiment.equal != "units" else None,
        "family": experiment.family if experiment.family != "file" else None,
        "search": _search_plain(experiment.search),
        "training": {name: settings[name] for name in TRAINING},
        "model": model or None,
        "select": _select_plain(experiment.select),
        "margin": experiment.margin,
        "floor": experiment.floor,
        "confirm": _confirm_plain(experiment.confirm) if experiment.confirm else None,
        **_resources_plain(experiment.resources),
        "claims": [_claim_plain(claim) for claim in experiment.claims],
    }
    # None: there is none, or it is what a file that says nothing has
    return {key: value for key, value in content.items() if value is not None}


def _search_plain(search: Search) -> dict[str, Any]:
    content: dict[str, Any] = {"sampler": {"name": search.sampler.name, **search.sampler.options}}
    if search.pruner:
        content["pruner"] = {"name": search.pruner.name, **search.pruner.options}
    if search.rungs:
        content["rungs"] = _rungs_plain(search.rungs)
    return content | {
        "trials": search.trials,
        "seed": search.seed,
        "draws": search.draws,
        "space": _space_plain(search.space),
    }


def _rungs_plain(rungs: Rungs) -> dict[str, Any]:
    return {"epochs": list(rungs.epochs), "keep": rungs.keep}


def _select_plain(select: Select) -> dict[str, Any]:
    content: dict[str, Any] = {"on": select.on}
    # fewer than the least are kept by default only, where trials are few: no file may say it
    if select.keep >= LEAST_KEPT or select.keep < 1:
        content["keep"] = select.keep
    return content | {"report": select.report, "replicates": select.replicates}


def _claim_plain(claim: Claim) -> str | dict[str, str]:
    return {"claim": claim.text, "note": claim.note} if claim.note else claim.text


def _confirm_plain(confirm: Confirm) -> dict[str, Any]:
    content = asdict(confirm)
    if confirm.until == "stopped":
        del content["most"]
    if math.isinf(confirm.hours):
        del content["hours"]
    return content


def _resources_plain(resources: Resources) -> dict[str, Any]:
    limits = {name: getattr(resources, name) for name in ("memory", "minutes")}
    content: dict[str, Any] = {name: limit for name, limit in limits.items() if limit < math.inf}
    content |= {"retry": dict(resources.retry)} if resources.retry else {}
    return {"resources": content} if content else {}


def _variant_plain(variant: Variant, common: Space) -> dict[str, Any]:
    """What makes this variant, over what all share."""
    searched = _space_plain(variant.space)
    shared = _space_plain(common)
    space = {name: value for name, value in searched.items() if shared.get(name) != value}
    content: dict[str, Any] = {"name": variant.label, "cell": variant.reference or variant.label}
    if variant.cell.options:
        content["options"] = dict(variant.cell.options)
    if variant.init:
        content["init"] = dict(variant.init)
    return {**content, **({"space": space} if space else {})}


def _space_plain(space: Space) -> dict[str, Any]:
    return {
        **space.fixed,
        **{dimension.name: _dimension_plain(dimension) for dimension in space.dimensions},
    }


def _dimension_plain(dimension: Dimension) -> dict[str, Any]:
    number = int if dimension.kind == "int" else float
    content: dict[str, Any] = {dimension.kind: [number(dimension.low), number(dimension.high)]}
    if dimension.kind == "choice":
        content = {"choice": list(dimension.choices)}
    if dimension.log:
        content["log"] = True
    if dimension.step:
        content["step"] = number(dimension.step)
    if dimension.when:
        content["when"] = {name: list(values) for name, values in dimension.when.items()}
    return content
