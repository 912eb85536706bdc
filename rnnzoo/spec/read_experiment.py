"""An experiment file -> `Experiment`, or every mistake in it in one go.

In: YAML.  Out: frozen values with every default filled in, every cell found, every name that a claim uses known.  What only
Optuna knows (names and options of its samplers) and what a task's data holds is checked where those are known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from rnnzoo import registry
from rnnzoo.errors import Mistakes, Span, SpecError, UsageError, nearest
from rnnzoo.spec import cell as cells
from rnnzoo.spec.cell import CellSpec
from rnnzoo.spec.document import (
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
from rnnzoo.spec.experiment import OURS, PRUNERS, SAMPLERS, Claim, Dimension, Experiment, Named, Search, Select, Space, TaskChoice, Variant
from rnnzoo.spec.trial import Training, Value

SPLITS = ("train", "validation", "test")
OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop", "nadam", "adagrad", "lion")
LEAST_KEPT = 3
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")


@dataclass(frozen=True, slots=True)
class Legal:
    """What a hyper-parameter may be: whole numbers or any, and from where to where; or one of some words."""

    whole: bool = False
    low: float = 0.0
    high: float = float("inf")
    open_low: bool = False  # `low` itself is not allowed
    open_high: bool = False
    words: tuple[str, ...] = ()

    def problem(self, value: object) -> str:
        """Why a value is not legal; empty where it is."""
        if self.words:
            return "" if value in self.words else f"is one of {', '.join(self.words)}"
        if not is_number(value) or (self.whole and as_integer(value) is None):
            return "is a whole number" if self.whole else "is a number"
        number = float(value)  # type: ignore[arg-type]  # it is a number
        if number < self.low or (self.open_low and number == self.low):
            return f"is {'above' if self.open_low else 'at least'} {self.low:g}"
        if number > self.high or (self.open_high and number == self.high):
            return f"is {'below' if self.open_high else 'at most'} {self.high:g}"
        return ""


HYPERPARAMETERS: Mapping[str, Legal] = {
    "units": Legal(whole=True, low=1, high=100_000),
    "layers": Legal(whole=True, low=1, high=100),
    "learning_rate": Legal(open_low=True),
    "momentum": Legal(high=1, open_high=True),
    "dropout": Legal(high=1, open_high=True),
    "recurrent_dropout": Legal(high=1, open_high=True),
    "clip": Legal(),
    "batch": Legal(whole=True, low=1, high=1_000_000),
    "optimizer": Legal(words=OPTIMIZERS),
}
DEFAULTS: Mapping[str, Value] = {"units": 64, "learning_rate": 1e-3}  # what every training needs

# What a claim can say.  V is a variant, H a hyper-parameter, N a number.
CLAIMS: Mapping[str, re.Pattern[str]] = {
    "V worse than V": re.compile(r"(?P<a>\S+) worse than (?P<b>\S+)"),
    "V better than V": re.compile(r"(?P<a>\S+) better than (?P<b>\S+)"),
    "V same as V [within N]": re.compile(r"(?P<a>\S+) same as (?P<b>\S+)( within (?P<margin>[\d.eE+-]+))?"),
    "no variant better than V": re.compile(r"no variant better than (?P<b>\S+)"),
    "importance of H above N": re.compile(r"importance of (?P<h>\S+) above (?P<n>[\d./]+%?)"),
    "interactions below N%": re.compile(r"interactions below (?P<n>[\d./]+%?)"),
    "weights of V below N% of V": re.compile(r"weights of (?P<a>\S+) below (?P<n>[\d./]+%?) of (?P<b>\S+)"),
}


def read(path: Path, sets: Sequence[str] = ()) -> Experiment:
    """The experiment of a file.

    Args:
        sets: `key=value` overrides, with dots for keys within keys.

    Raises:
        UsageError: there is no such file, or an override that fits nothing.
        SpecError: mistakes in the file, or in the file of a cell that it names.
    """
    text = read_text(path)
    return parse_experiment(text, str(path), path.parent, sets)


def parse_experiment(text: str, file: str, folder: Path, sets: Sequence[str] = ()) -> Experiment:
    """The experiment of a YAML text; names of cells and paths are looked up from `folder`."""
    table = parse(text, file)
    for one in sets:
        table = overridden(table, one)
    mistakes = Mistakes()
    experiment = _Reader(Fields(table, mistakes, "an experiment"), mistakes, file, folder).experiment(text)
    mistakes.raise_if_any()
    return experiment


def overridden(table: Table, assignment: str) -> Table:
    """The table with one value replaced, by `key=value` or `key.key=value`; the value is read as YAML."""
    path, equals, written = assignment.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise UsageError(f"--set {assignment}: write --set key=value, or --set search.trials=4")
    try:
        value = parse(f"value: {written}", "--set").entries["value"]
    except SpecError as error:
        raise UsageError(f"--set {assignment}: {error.mistakes[0].problem}") from None
    span = Span("--set", 1, len(path) + 2, assignment, max(1, len(written)))
    return _replaced(table, keys, replace(value, span=span), span)


def _replaced(table: Table, keys: Sequence[str], value: Node, span: Span) -> Table:
    first, *rest = keys
    if rest:
        inner = table.entries.get(first, Table({}, {}, span))
        if not isinstance(inner, Table):
            inner = Table({}, {}, span)  # `task: adding` becomes a mapping when its length is set
            if first == "task":
                name = table.entries[first]
                inner = Table({"name": name}, {"name": name.span}, name.span)
        value = _replaced(inner, rest, value, span)
    return Table({**table.entries, first: value}, {first: span, **table.keys}, table.span)


class _Reader:
    """Reads one experiment; every method takes care of one key."""

    def __init__(self, top: Fields, mistakes: Mistakes, file: str, folder: Path) -> None:
        self.top, self.mistakes, self.file, self.folder = top, mistakes, file, folder

    def experiment(self, text: str) -> Experiment:
        top = self.top
        top.need("experiment", "`experiment: my_experiment`")
        name = top.text("experiment", "?")
        if name != "?" and not (_LABEL.fullmatch(name) and len(name) <= 60):
            fix = "use letters, digits, `_`, `-`, `+` and `.`"
            self.mistakes.add(top.span("experiment"), f"'{name[:60]}' cannot be the name of an experiment", fix)
        tasks = self.tasks()
        search = self.search()
        variants = self.variants(search)
        labels = [variant.label for variant in variants]
        margin = top.number("margin", -1.0, low=0.0) if "margin" in top else None
        experiment = Experiment(
            name=name,
            about=top.text("about"),
            file=self.file,
            text=text,
            tasks=tasks,
            baseline=self.baseline(labels),
            variants=variants,
            search=search,
            training=self.training(),
            select=self.select(search.trials),
            margin=margin,
            claims=self.claims(labels, [task.label for task in tasks], margin),
        )
        top.done()
        return experiment

    # -- tasks

    def tasks(self) -> tuple[TaskChoice, ...]:
        top = self.top
        if "tasks" in top and "task" in top:
            self.mistakes.add(top.table.keys["task"], "`task` and `tasks` are both given", "keep one of them")
        nodes = top.listing("tasks") if "tasks" in top else [node] if (node := top.node("task")) else []
        top.node("task")
        if not nodes:
            top.need("task", "`task: chorales`")
        found: dict[str, TaskChoice] = {}
        for node in nodes:
            task = self.task(node)
            if task is not None and task.label in found:
                fix = "give one of them a `label:`"
                self.mistakes.add(node.span, f"two tasks are called '{task.label}'", fix)
            elif task is not None:
                found[task.label] = task
        return tuple(found.values())

    def task(self, node: Node) -> TaskChoice | None:
        named = self.named(node, "task", extra=("label",))
        if named is None:
            return None
        if named.name not in registry.names("tasks"):
            span = node.entries["name"].span if isinstance(node, Table) else node.span
            self.mistakes.add(span, f"no task '{named.name}'", nearest(named.name, registry.names("tasks")))
            return None
        label = (
            Fields(node, self.mistakes, "a task").text("label", named.name) if isinstance(node, Table) else named.name
        )
        if not _LABEL.fullmatch(label):
            self.mistakes.add(node.span, f"'{label[:60]}' cannot be a label", "use letters, digits, `_`, `-` and `.`")
        return TaskChoice(label, named.name, named.options)

    def named(self, node: Node, what: str, extra: tuple[str, ...] = ()) -> Named | None:
        """Something chosen by name: `tpe`, or `{name: tpe, option: value}`."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return Named(node.value)
        if (
            isinstance(node, Table)
            and isinstance(name := node.entries.get("name"), Scalar)
            and isinstance(name.value, str)
        ):
            options = {key: plain(value) for key, value in node.entries.items() if key not in ("name", *extra)}
            return Named(name.value, options)
        fix = f"write `{what}: NAME`, or `{what}: {{name: NAME, option: value}}`"
        self.mistakes.add(node.span, f"a {what} is a name or a table with `name:`, not {describe(node)}", fix)
        return None

    # -- variants

    def variants(self, search: Search) -> tuple[Variant, ...]:
        common = self.common_init()
        nodes = self.top.listing("variants")
        if not nodes and not isinstance(self.top.node("variants"), Scalar | Table):
            self.top.need("variants", "`variants: [lstm, gru]`")
            if isinstance(self.top.node("variants"), Listing):
                self.mistakes.add(self.top.span("variants"), "there are no variants", "write `variants: [lstm, gru]`")
        found: dict[str, Variant] = {}
        for node in nodes:
            variant = self.variant(node, search.space, common)
            if variant is not None and variant.label in found:
                fix = "give one of them another `name:` and say its `cell:`"
                self.mistakes.add(node.span, f"two variants are called '{variant.label}'", fix)
            elif variant is not None:
                found[variant.label] = variant
        return tuple(found.values())

    def variant(self, node: Node, space: Space, common: Mapping[str, Any]) -> Variant | None:
        if isinstance(node, Scalar) and isinstance(node.value, str):
            found = self.cell(node.value, node.span)
            label = Path(node.value).stem if node.value.endswith((".yaml", ".yml")) else node.value
            return Variant(label, found, space, dict(common), node.value) if found else None
        if not isinstance(node, Table):
            fix = "write the name of a cell, or {name: cw7, cell: clockwork, options: {modules: 7}}"
            self.mistakes.add(node.span, f"a variant is a name or a table, not {describe(node)}", fix)
            return None
        entry = Fields(node, self.mistakes, "a variant")
        entry.need("name", "`name: label`")
        label = entry.text("name", "?")
        if label != "?" and not _LABEL.fullmatch(label):
            fix = "use letters, digits, `_`, `-`, `+` and `.`"
            self.mistakes.add(entry.span("name"), f"'{label[:60]}' cannot be a variant's name", fix)
        reference = entry.text("cell", label)
        found = self.cell(reference, entry.span("cell") if "cell" in entry else entry.span("name"))
        found = self.options(found, entry)
        own = {name: init.plain() for name, one in self.inits(entry).items() if (init := one) is not None}
        own_space = self.space(entry.table_at("space")) if "space" in entry else Space()
        entry.done()
        return Variant(label, found, own_space.over(space), {**common, **own}, reference) if found else None

    def cell(self, reference: str, span: Span) -> CellSpec | None:
        try:
            return cells.read(reference, self.folder)
        except UsageError as error:
            problem, _, fix = str(error).partition("\n  fix: ")
            self.mistakes.add(span, problem, fix)
        except SpecError as error:
            self.mistakes.found.extend(error.mistakes)
        return None

    def options(self, found: CellSpec | None, entry: Fields) -> CellSpec | None:
        table = entry.table_at("options")
        for name, node in table.entries.items() if table and found else ():
            if found is None or not isinstance(node, Scalar) or not is_number(node.value):
                self.mistakes.add(node.span, f"option '{name}' must be a number, not {describe(node)}")
            elif name not in found.options:
                fix = nearest(name, found.options) or "it has none"
                self.mistakes.add(node.span, f"cell '{found.name}' has no option '{name}'", fix)
            else:
                found = found.with_options({name: node.value})  # type: ignore[dict-item]  # is_number has said so
        return found

    def inits(self, entry: Fields) -> dict[str, cells.Init | None]:
        table = entry.table_at("init")
        return {name: cells.init_of(node, self.mistakes) for name, node in (table.entries.items() if table else ())}

    def common_init(self) -> dict[str, Any]:
        """`init:` of the experiment is one initialiser, for all weights."""
        node = self.top.node("init")
        init = cells.init_of(node, self.mistakes) if node else None
        return {"*": init.plain()} if init else {}

    def baseline(self, labels: Sequence[str]) -> str:
        name = self.top.text("baseline", labels[0] if labels else "?")
        if labels and name not in labels:
            self.mistakes.add(self.top.span("baseline"), f"the baseline '{name}' is no variant", nearest(name, labels))
        return name

    # -- search

    def search(self) -> Search:
        table = self.top.table_at("search")
        if table is None:
            return Search(space=Space(fixed=dict(DEFAULTS)))
        entry = Fields(table, self.mistakes, "`search`")
        sampler = self.known(entry, "sampler", (*OURS, *SAMPLERS, *SAMPLERS.values()))
        pruner = self.known(entry, "pruner", (*PRUNERS, *PRUNERS.values()))
        space = self.space(entry.table_at("space")) if "space" in entry else Space()
        if "space" in entry and not space.dimensions and not space.fixed and not self.mistakes.found:
            self.mistakes.add(
                entry.span("space"), "the search space is empty", "write `units: {int: [16, 64], log: true}`"
            )
        found = Search(
            sampler=sampler or Named("random"),
            pruner=pruner,
            trials=entry.integer("trials", Search().trials, low=1, high=1_000_000),
            seed=entry.integer("seed", 0, low=0),
            draws=entry.word("draws", ("own", "common"), "own"),  # type: ignore[arg-type]  # one of the two
            space=space.over(Space(fixed=dict(DEFAULTS))),
        )
        if found.sampler.name == "grid":
            self.gridded(found.space, entry)
        entry.done()
        return found

    def known(self, entry: Fields, what: str, names: Sequence[str]) -> Named | None:
        """A sampler or a pruner, by a name that there is."""
        node = entry.node(what)
        found = self.named(node, what) if node else None
        if node and found and found.name not in names:
            span = node.entries["name"].span if isinstance(node, Table) else node.span
            self.mistakes.add(span, f"no {what} '{found.name}'", nearest(found.name, names))
        return found

    def gridded(self, space: Space, entry: Fields) -> None:
        for one in space.dimensions:
            if one.kind == "float" and not one.step:
                fix = "give it a `step:`, or a `choice:` of values"
                self.mistakes.add(entry.span("space"), f"a grid needs steps, and '{one.name}' has none", fix)

    def space(self, table: Table | None) -> Space:
        dimensions: dict[str, Dimension] = {}
        fixed: dict[str, Value] = {}
        for name, node in table.entries.items() if table else ():
            span = table.keys[name] if table else node.span
            if name not in HYPERPARAMETERS:
                self.mistakes.add(span, f"no hyper-parameter '{name}'", nearest(name, HYPERPARAMETERS))
            elif isinstance(node, Table):
                found = self.dimension(name, node, span)
                if found is not None:
                    dimensions[name] = found
            elif isinstance(node, Scalar) and node.value is not None and self.legal(name, node):
                fixed[name] = as_integer(node.value) or node.value if HYPERPARAMETERS[name].whole else node.value
            elif not isinstance(node, Scalar):
                fix = f"write {name}: {{choice: [...]}}, {{int: [low, high]}} or {{float: [low, high]}}"
                self.mistakes.add(node.span, f"'{name}' is a value or a range, not {describe(node)}", fix)
        return Space(self.ordered(dimensions, fixed, table), fixed)

    def legal(self, name: str, node: Scalar) -> bool:
        problem = HYPERPARAMETERS[name].problem(node.value)
        if problem:
            self.mistakes.add(node.span, f"'{name}' {problem}, not {describe(node)}")
        return not problem

    def dimension(self, name: str, table: Table, span: Span) -> Dimension | None:
        entry = Fields(table, self.mistakes, f"'{name}'")
        kinds = [kind for kind in ("int", "float", "choice") if kind in entry]
        if len(kinds) != 1:
            fix = f"write {name}: {{int: [1, 9]}}, {{float: [0.1, 1]}} or {{choice: [a, b]}}"
            self.mistakes.add(span, f"'{name}' needs one of int, float and choice", fix)
            return None
        found = self.choice(name, entry) if kinds == ["choice"] else self.range(name, kinds[0], entry)
        when = self.when(entry.table_at("when"))
        entry.done()
        return replace(found, when=when) if found else None

    def choice(self, name: str, entry: Fields) -> Dimension | None:
        nodes = entry.listing("choice")
        if not nodes:
            self.mistakes.add(entry.span("choice"), f"'{name}' has nothing to choose from", "write choice: [a, b]")
            return None
        legal = [one.value for one in nodes if isinstance(one, Scalar) and self.legal(name, one)]
        for one in nodes:
            if not isinstance(one, Scalar):
                self.mistakes.add(one.span, f"a choice is a plain value, not {describe(one)}")
        if len(set(legal)) < len(legal):
            self.mistakes.add(entry.span("choice"), f"'{name}' has the same choice twice", "delete one")
        return Dimension(name, "choice", choices=tuple(legal))  # type: ignore[arg-type]  # no None is legal

    def range(self, name: str, kind: str, entry: Fields) -> Dimension | None:
        ends = entry.listing(kind)
        log, step = entry.flag("log"), entry.number("step", 0.0)
        numbers = [one.value for one in ends if isinstance(one, Scalar) and is_number(one.value)]
        if len(ends) != 2 or len(numbers) != 2:
            self.mistakes.add(entry.span(kind), f"the range of '{name}' is two numbers", f"write {kind}: [low, high]")
            return None
        if not all(self.legal(name, one) for one in ends if isinstance(one, Scalar)):
            return None
        low, high = (float(number) for number in numbers)  # type: ignore[arg-type]  # numbers they are
        before = len(self.mistakes.found)
        self.check_range(name, kind, entry, Dimension(name, kind, low, high, log, step))  # type: ignore[arg-type]
        return Dimension(name, kind, low, high, log, step) if len(self.mistakes.found) == before else None  # type: ignore[arg-type]

    def check_range(self, name: str, kind: str, entry: Fields, one: Dimension) -> None:
        add = self.mistakes.add
        if one.low > one.high:
            add(
                entry.span(kind),
                f"low {one.low:g} is above high {one.high:g}",
                f"write {kind}: [{one.high:g}, {one.low:g}]",
            )
        if kind == "int" and not all(float(number).is_integer() for number in (one.low, one.high, one.step)):
            add(
                entry.span(kind),
                f"'{name}' is searched over whole numbers, and these are not",
                "write float: [low, high]",
            )
        if kind == "float" and HYPERPARAMETERS[name].whole:
            add(entry.span(kind), f"'{name}' is a whole number", f"write {name}: {{int: [low, high]}}")
        if one.log and one.low <= 0:
            add(entry.span("log"), "a logarithmic range begins above 0", "raise the low end, or delete `log: true`")
        if one.step < 0 or ("step" in entry and one.step == 0):
            add(entry.span("step"), "a step is above 0", "delete it, or write step: 1")
        if one.log and one.step:
            add(entry.span("step"), "a logarithmic range has no steps", "write a `choice:` of values")
        if HYPERPARAMETERS[name].words:
            add(entry.span(kind), f"'{name}' is one of {', '.join(HYPERPARAMETERS[name].words)}", "write choice: [...]")

    def when(self, table: Table | None) -> dict[str, tuple[Value, ...]]:
        found: dict[str, tuple[Value, ...]] = {}
        for name, node in table.entries.items() if table else ():
            values = plain(node) if isinstance(node, Listing) else [plain(node)]
            found[name] = tuple(values)
        return found

    def ordered(
        self, dimensions: Mapping[str, Dimension], fixed: Mapping[str, Value], table: Table | None
    ) -> tuple[Dimension, ...]:
        """Dimensions in an order in which `when` only looks back; mistakes where there is none."""
        todo, done = dict(dimensions), dict.fromkeys(fixed)
        found: list[Dimension] = []
        while todo:
            ready = [one for one in todo.values() if all(name in done for name in one.when)]
            for one in ready:
                found.append(todo.pop(one.name))
                done[one.name] = None
            if not ready:
                self.unreachable(todo, {**dict.fromkeys(dimensions), **dict.fromkeys(fixed)}, table)
                break
        self.impossible(found, fixed, table)
        return tuple(found)

    def unreachable(self, todo: Mapping[str, Dimension], known: Mapping[str, None], table: Table | None) -> None:
        for name, one in todo.items():
            span = table.keys[name] if table else self.top.table.span
            unknown = [other for other in one.when if other not in known]
            if unknown:
                self.mistakes.add(
                    span, f"`when` of '{name}' names '{unknown[0]}', which is not here", nearest(unknown[0], known)
                )
            else:
                self.mistakes.add(
                    span, f"`when` of '{name}' runs in a circle", f"these wait for each other: {', '.join(todo)}"
                )

    def impossible(self, found: Sequence[Dimension], fixed: Mapping[str, Value], table: Table | None) -> None:
        space = Space(tuple(found), fixed)
        for one in found:
            for name, values in one.when.items():
                possible = space.values(name)
                if possible is not None and not set(values) & set(possible):
                    span = table.keys[one.name] if table else self.top.table.span
                    shown = ", ".join(map(str, possible))
                    self.mistakes.add(
                        span, f"'{one.name}' never exists: '{name}' is only ever {shown}", "change its `when:`"
                    )

    # -- training, selection, claims

    def training(self) -> Training:
        table = self.top.table_at("training")
        if table is None:
            return Training()
        usual, entry = Training(), Fields(table, self.mistakes, "`training`")
        found = Training(
            optimizer=entry.word("optimizer", OPTIMIZERS, usual.optimizer),
            batch=entry.integer("batch", usual.batch, low=1, high=1_000_000),
            epochs=entry.integer("epochs", usual.epochs, low=1, high=1_000_000),
            patience=entry.integer("patience", usual.patience, low=0),
            clip=entry.number("clip", usual.clip, low=0.0),
        )
        entry.done()
        return found

    def select(self, trials: int) -> Select:
        table = self.top.table_at("select")
        usual = Select(keep=float(min(max(LEAST_KEPT, round(trials / 10)), trials)))
        if table is None:
            return usual
        entry = Fields(table, self.mistakes, "`select`")
        keep = entry.number("keep", usual.keep)
        found = Select(entry.word("on", SPLITS, usual.on), keep, entry.word("report", SPLITS, usual.report))
        count = keep * trials if keep < 1 else keep
        if keep < 1 and count < LEAST_KEPT:
            fix = f"keep at least {LEAST_KEPT}, or run more trials"
            self.mistakes.add(
                entry.span("keep"), f"a share of {keep:g} of {trials} trials is {count:.1f}: too few to compare", fix
            )
        elif keep < LEAST_KEPT:
            self.mistakes.add(entry.span("keep"), f"keep {keep:g} is too few to compare", f"keep at least {LEAST_KEPT}")
        elif keep >= 1 and not float(keep).is_integer():
            self.mistakes.add(
                entry.span("keep"), f"keep {keep:g} is neither a count nor a share", "write keep: 4, or keep: 0.1"
            )
        elif count > trials and "keep" in entry:
            self.mistakes.add(
                entry.span("keep"), f"keep {keep:g} is more than the {trials} trials", "keep fewer, or run more"
            )
        entry.done()
        return found

    def claims(self, labels: Sequence[str], tasks: Sequence[str], margin: float | None) -> tuple[Claim, ...]:
        found = []
        for node in self.top.listing("claims"):
            if not isinstance(node, Scalar) or not isinstance(node.value, str):
                fix = "quote it if it holds a colon" if isinstance(node, Table) else ""
                self.mistakes.add(node.span, f"a claim is a sentence, not {describe(node)}", fix)
                continue
            self.claim(node.value, node.span, labels, tasks, margin)
            found.append(Claim(node.value, node.span))
        return tuple(found)

    def claim(self, text: str, span: Span, labels: Sequence[str], tasks: Sequence[str], margin: float | None) -> None:
        sentence = text.strip()
        if on := re.fullmatch(r"on (\S+):\s*(.*)", sentence):
            sentence = on[2]
            if on[1] not in tasks:
                self.mistakes.add(
                    span, f"the claim is about the task '{on[1]}', which is not here", nearest(on[1], tasks)
                )
        match = next((found for form in CLAIMS.values() if (found := form.fullmatch(sentence))), None)
        if match is None:
            self.mistakes.add(span, "this is not a claim that can be judged", f"the forms are: {'; '.join(CLAIMS)}")
            return
        named = match.groupdict()
        for key in ("a", "b"):
            if named.get(key) and named[key] not in labels:
                near = nearest(named[key], labels)
                self.mistakes.add(span, f"the claim is about the variant '{named[key]}', which is not here", near)
        if "h" in named and named["h"] not in HYPERPARAMETERS:
            self.mistakes.add(span, f"no hyper-parameter '{named['h']}'", nearest(named["h"], HYPERPARAMETERS))
        if " same as " in sentence and margin is None and not named.get("margin"):
            fix = "give the experiment a `margin:`, or end the claim with `within 0.1`"
            self.mistakes.add(span, "`same as` needs a margin: how much difference is none?", fix)


def resolved(experiment: Experiment) -> dict[str, Any]:
    """The experiment as plain values with every default filled in; `yaml_text` of it reads back to an equal one."""
    search, select = experiment.search, experiment.select
    content: dict[str, Any] = {
        "experiment": experiment.name,
        "about": experiment.about,
        "tasks": [{"name": one.name, "label": one.label, **one.options} for one in experiment.tasks],
        "baseline": experiment.baseline,
        "variants": [_variant_plain(one, search.space) for one in experiment.variants],
        "search": {
            "sampler": {"name": search.sampler.name, **search.sampler.options},
            **({"pruner": {"name": search.pruner.name, **search.pruner.options}} if search.pruner else {}),
            "trials": search.trials,
            "seed": search.seed,
            "draws": search.draws,
            "space": _space_plain(search.space),
        },
        "training": {one.name: getattr(experiment.training, one.name) for one in fields(Training)},
        "select": {"on": select.on, "keep": select.keep, "report": select.report},
        **({"margin": experiment.margin} if experiment.margin is not None else {}),
        "claims": [claim.text for claim in experiment.claims],
    }
    return content


def _variant_plain(variant: Variant, common: Space) -> dict[str, Any]:
    """What makes this variant, over what all share."""
    own = _space_plain(variant.space)
    shared = _space_plain(common)
    space = {name: value for name, value in own.items() if shared.get(name) != value}
    found: dict[str, Any] = {"name": variant.label, "cell": variant.reference or variant.label}
    if variant.cell.options:
        found["options"] = dict(variant.cell.options)
    if variant.init:
        found["init"] = dict(variant.init)
    return {**found, **({"space": space} if space else {})}


def _space_plain(space: Space) -> dict[str, Any]:
    return {**space.fixed, **{one.name: _dimension_plain(one) for one in space.dimensions}}


def _dimension_plain(one: Dimension) -> dict[str, Any]:
    number = int if one.kind == "int" else float
    found: dict[str, Any] = (
        {"choice": list(one.choices)} if one.kind == "choice" else {one.kind: [number(one.low), number(one.high)]}
    )
    if one.log:
        found["log"] = True
    if one.step:
        found["step"] = number(one.step)
    if one.when:
        found["when"] = {name: list(values) for name, values in one.when.items()}
    return found
