"""An experiment: cells x tasks x a search space, a budget, and claims.

The words only: what `rnnzoo.spec.read_experiment` makes of a YAML file, frozen, every name in it
resolved and every number checked.  What does not change an experiment (the text, and where a claim
stands) does not count when two are compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any, Literal

from rnnzoo.errors import Span, run_again
from rnnzoo.markup import join, tag
from rnnzoo.spec.cell import CellSpec
from rnnzoo.spec.document import inline
from rnnzoo.spec.hyperparameters import Training, Value

# stands for the file of one that has none; paths in it are relative to the current folder
TEXT = "<experiment>"
NAME = "name"  # key of a task's name among its options
OURS = ("random", "grid", "qmc")  # samplers whose points are functions of the index
# Names that a spec may use, and Optuna's class for each; a class's own name does too.
SAMPLERS: Mapping[str, str] = {
    "tpe": "TPESampler",
    "cmaes": "CmaEsSampler",
    "gp": "GPSampler",
    "nsgaii": "NSGAIISampler",
    "nsgaiii": "NSGAIIISampler",
    "bruteforce": "BruteForceSampler",
}
FILTER = "filter"  # of a search over cells, the stage before the tasks
THIRD = 1 / 3  # goes on from a rung, where nothing is said
PRUNERS: Mapping[str, str] = {
    "median": "MedianPruner",
    "hyperband": "HyperbandPruner",
    "halving": "SuccessiveHalvingPruner",
    "percentile": "PercentilePruner",
    "patient": "PatientPruner",
    "threshold": "ThresholdPruner",
    "wilcoxon": "WilcoxonPruner",
    "none": "NopPruner",
}


@dataclass(frozen=True, slots=True)
class Dimension:
    """One searched hyper-parameter.

    Attributes:
        kind: `int` and `float` use low, high (both included), log and step (0: none); `choice` uses
            choices.
        when: the dimension exists only where each of these earlier dimensions (or fixed values) has
            one of these values.
    """

    name: str
    kind: Literal["int", "float", "choice"]
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    step: float = 0.0
    choices: tuple[Value, ...] = ()
    when: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)

    def active(self, chosen: Mapping[str, Value]) -> bool:
        """Whether the dimension exists, given what was chosen before it."""
        return all(chosen.get(name) in values for name, values in self.when.items())


@dataclass(frozen=True, slots=True)
class Space:
    """What is searched, in an order in which `when` only looks back, and what is fixed."""

    dimensions: tuple[Dimension, ...] = ()
    fixed: Mapping[str, Value] = field(default_factory=dict)

    def over(self, base: Space) -> Space:
        """This space laid over another: a name given here replaces the other's and keeps its
        place.
        """
        dimensions = {
            dimension.name: dimension for dimension in (*base.dimensions, *self.dimensions)
        }
        searched = {dimension.name for dimension in self.dimensions}
        return Space(
            tuple(dimension for name, dimension in dimensions.items() if name not in self.fixed),
            {**{k: v for k, v in base.fixed.items() if k not in searched}, **self.fixed},
        )

    def values(self, name: str) -> tuple[Value, ...] | None:
        """All values that a name can take: fixed, or a choice; None for a range, and for an absent
        name.
        """
        if name in self.fixed:
            return (self.fixed[name],)
        for dimension in self.dimensions:
            if dimension.name == name and dimension.kind == "choice":
                return dimension.choices
        return None


@dataclass(frozen=True, slots=True)
class Earlier:
    """A space that lies within the present one, from which the first trials of a search were drawn
    before it was widened.

    Attributes:
        trials: of each search: those with an index below it that no space before has.
    """

    trials: int
    space: Space


@dataclass(frozen=True, slots=True)
class Named:
    """Something chosen by name, with its options: a sampler, a pruner, a task."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rungs:
    """Successive halving within each search (Jamieson and Talwalkar 2016, arXiv:1502.07943).

    All trials of a search train to a rung and wait there; the best of them go on to the next.

    Attributes:
        epochs: of the rungs, in ascending order.
        keep: the share of a search's trials that goes on from each rung to the next.
    """

    epochs: tuple[int, ...]
    keep: float = THIRD

    def going_on(self, rung: int, trials: int) -> int:
        """How many of so many trials go on from a rung, counted from 0."""
        return max(1, math.ceil(round(trials * self.keep ** (rung + 1), 9)))

    def trainings(self, trials: int, epochs: int) -> int:
        """How many whole trainings cost as many epochs as so many trials, at most."""
        ends = [*self.epochs, epochs]
        run, training = ends[0] * trials, trials
        for rung, (before, end) in enumerate(pairwise(ends)):
            training = min(training, self.going_on(rung, trials))
            run += (end - before) * training
        return math.ceil(round(run / epochs, 9))


@dataclass(frozen=True, slots=True)
class Search:
    """How hyper-parameters are searched.

    Attributes:
        sampler: `random`, `grid`, `qmc` (our own, functions of the index), or any of Optuna's by
            name (`tpe`, `TPESampler`).
        pruner: one of Optuna's by name (`median`, `HyperbandPruner`), or None.
        rungs: at which trials wait for each other, and the best go on; None where each trial trains
            to its end.
        trials: per (variant, task), a total.
        draws: `own`: each variant has its own points; `common`: all variants get the same.
        points: known good ones, which the first trials of each variant take; what one leaves open
            is drawn as ever.
        earlier: narrower spaces, the narrowest first, from which the first trials are drawn.
    """

    sampler: Named = Named("random")
    pruner: Named | None = None
    rungs: Rungs | None = None
    trials: int = 10
    seed: int = 0
    draws: Literal["own", "common"] = "own"
    points: tuple[Mapping[str, Value], ...] = ()
    earlier: tuple[Earlier, ...] = ()
    space: Space = field(default_factory=Space)

    def known(self, index: int) -> Mapping[str, Value]:
        """What a known point says of the trial of an index; nothing where it has none."""
        return self.points[index] if index < len(self.points) else {}

    def trainings(self, trials: int, epochs: int) -> int:
        """How many whole trainings so many trials of one search cost, at most."""
        return self.rungs.trainings(trials, epochs) if self.rungs else trials


@dataclass(frozen=True, slots=True)
class Select:
    """Which trials are compared: the best `keep` (a count, or a share below 1) on one split,
    reported on another.

    Attributes:
        replicates: how often each kept trial is run again on a fresh seed, to see what was luck.
    """

    on: str = "validation"
    keep: float = 0.1
    report: str = "test"
    replicates: int = 0

    def count(self, trials: int) -> int:
        """How many of so many trials are kept: never fewer than 3."""
        return max(3, round(self.keep * trials)) if self.keep < 1 else int(self.keep)


@dataclass(frozen=True, slots=True)
class Confirm:
    """The second stage of a sweep: fresh trainings where the search says that all do well, until
    claims are decided.

    Not part of a search's identity: a search can be confirmed later, and again with a larger
    budget.

    Attributes:
        until: `decided`: looks after each round, of which `most` is the last; `stopped`: no last
            round, with the wider intervals that hold however long one goes on.
        settings: `common`: all variants train at the same settings; `own`: each in a region of its
            own.
        region: the best share of the space, in which settings are drawn.
        pilot: trainings of each variant in the region before the rounds; they enter no verdict.
        first: the round after which verdicts may fall.
        most: rounds at most.
        budget: trainings on each task, those of the search included.
        hours: of training on each task, of all workers together and those of the search included;
            once they are spent no round begins.
    """

    until: Literal["decided", "stopped"] = "decided"
    settings: Literal["common", "own"] = "common"
    region: float = 0.01
    pilot: int = 2
    first: int = 6
    most: int = 18
    budget: int = 150
    hours: float = math.inf


@dataclass(frozen=True, slots=True)
class Resources:
    """What a trial may take, and how often one that failed is begun again.

    Not part of a study's identity.

    Attributes:
        memory: bytes of resident memory; beyond, a trial is ended as out of memory.
        minutes: beyond, it is ended as timed out.
        states: bytes of all states of finished trainings that are kept, from which these go on with
            more epochs.
        retry: how often a trial is begun again, by the kind of its end.
    """

    memory: float = math.inf
    minutes: float = math.inf
    states: float = 100e6
    retry: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TaskChoice:
    """A task of the experiment.

    Attributes:
        label: its name in studies and claims.
        places: where the spec has each option; under `NAME` the task's name.
    """

    label: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, Span] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Filter:
    """The first gate of a search over cells: one short training, after which a candidate goes on or
    is dropped.

    Attributes:
        task: one that can be solved; a candidate passes when it has solved it.
        space: what the setting of that training is drawn from.
        training: its settings beside those of the space.
    """

    task: TaskChoice
    space: Space = field(default_factory=Space)
    training: Training = field(default_factory=Training)


@dataclass(frozen=True, slots=True)
class CellSearch:
    """A search over cells (Jozefowicz, Zaremba and Sutskever 2015, section 3).

    Attributes:
        parents: labels of the variants from whose cells the search begins.
        origin: whether a candidate is a mutated parent, or drawn from a grammar of gated cells.
        population: of how many best cells the next candidates are children.
        generation: how many candidates are drawn before the population is renewed.
        candidates: how many are trained in all, without the parents.  No candidate depends on it.
        settings: trainings of a candidate on each task; 0: only the filter is run.
        first: trainings of each parent, and of the baseline, on each task: all points of the space
            where there are no more.
        filter: None where candidates go to the tasks at once.
        more_settings: in which share of its steps a search trains a cell of the population at
            `settings` more settings on each task, instead of drawing a candidate.
        gate: the share of the baseline's best accuracy that a candidate must exceed on a task
            before it is trained on the next.
        mutations: names of those that are made; empty: all.
        forbid: operations that no candidate may have.
        nodes: the most operations of a candidate; an LSTM has 25.
        hours: after which nothing is begun any more.  No candidate depends on it.
        unseen: tasks on which what is found is confirmed.  The search never sees them.
    """

    parents: tuple[str, ...]
    origin: Literal["parents", "grammar"] = "parents"
    population: int = 100
    generation: int = 50
    candidates: int = 10_000
    settings: int = 20
    first: int = 100
    more_settings: float = 0.0
    filter: Filter | None = None
    gate: float = 0.9
    mutations: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    nodes: int = 60
    seed: int = 0
    hours: float = math.inf
    unseen: tuple[TaskChoice, ...] = ()


# keys of `search_cells:`, each the name of an attribute but for `from`, a word of Python
CELL_SEARCH: Mapping[str, str] = {
    {"origin": "from"}.get(setting.name, setting.name): setting.name
    for setting in fields(CellSearch)
}


@dataclass(frozen=True, slots=True)
class Variant:
    """A cell in the comparison.

    Attributes:
        label: its name in studies and claims.
        cell: with the variant's options in it.
        space: already laid over the common one.
        init: how weights begin, by name, as `Init.plain` writes it; `*` stands for all weights not
            named.
        earlier: those of the search with its own space laid over them; without those that are then
            its space.
        reference: the cell's name or path, as the user wrote it.
        places: where the spec names each weight of `init`.
    """

    label: str
    cell: CellSpec
    space: Space
    init: Mapping[str, Any] = field(default_factory=dict)
    reference: str = ""
    earlier: tuple[Earlier, ...] = ()
    places: Mapping[str, Span] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence about variants, judged on the runs; the names in it are checked when the spec is
    read.

    Attributes:
        form: one of `spec.claims.FORMS`, without its margin.
        task: what it is limited to; empty for all tasks, each by itself.
        a, b: variants.
        name: a searched hyper-parameter.
        number: the margin, or the share, that it compares with; None in a form that has none where
            no `margin:` is given.
        note: where it is from, in the user's words.
        over: `all` or `most` where it is one claim about several tasks; empty otherwise.
        tasks: those that it is about then.
    """

    text: str
    span: Span = field(compare=False)
    form: str = ""
    task: str = ""
    a: str = ""
    b: str = ""
    name: str = ""
    number: float | None = None
    note: str = ""
    over: str = ""
    tasks: tuple[str, ...] = ()

    @property
    def needed(self) -> int:
        """On how many of its tasks it must hold."""
        return len(self.tasks) if self.over == "all" else len(self.tasks) // 2 + 1


@dataclass(frozen=True, slots=True)
class Experiment:
    """A whole experiment file.

    Attributes:
        file: where it was read; paths in it are relative to its folder.
        text: the file as the user wrote it.
        variants: with the control as the last one, where there is one.
        control: label of the baseline's second run, under other draws; empty where there is none.
        margin: what "same as" means, in the metric's unit: the largest difference that counts as
            none; None where no claim needs it.
        floor: what a difference must exceed to be confirmed; half the margin where it is not given.
        sets: overrides of the text, as `--set` has them; all else here is what both say.
        places: where the spec names the sampler and the pruner, and what is in `model:`, in
            `training:` and in a `space:`.
        equal: what variants have in common at one point of the space: their `units`, or their
            number of `weights`, which is then that of the baseline with these units.
        family: which claims share an error rate: all of the `file`, or those on each `task`, and
            those about several tasks, each by themselves.  No trial depends on it.
        share: whether trials of other experiments in the storage that are these to the bit are
            taken over.  No trial depends on it.
        cell_search: the search over cells that `rnnzoo evolve` runs; None where there is none.  No
            trial of a sweep depends on it.
    """

    name: str
    about: str
    file: str = field(compare=False)
    text: str = field(compare=False)
    tasks: tuple[TaskChoice, ...]
    baseline: str
    variants: tuple[Variant, ...]
    search: Search = field(default_factory=Search)
    training: Training = field(default_factory=Training)
    select: Select = field(default_factory=Select)
    margin: float | None = None
    floor: float | None = None
    confirm: Confirm | None = None
    resources: Resources = field(default_factory=Resources)
    claims: tuple[Claim, ...] = ()
    control: str = ""
    equal: Literal["units", "weights"] = "units"
    family: Literal["file", "task"] = "file"
    share: bool = False
    cell_search: CellSearch | None = None
    sets: tuple[str, ...] = field(default=(), compare=False)
    places: Mapping[str, Span] = field(default_factory=dict, compare=False)

    @property
    def how_to_run(self) -> str:
        """What a user writes to run it."""
        return run_again("" if self.file == TEXT else self.file, self.sets)

    def variant(self, label: str) -> Variant:
        return next(variant for variant in self.variants if variant.label == label)

    def title(self, label: str) -> str:
        """The title of a variant's cell.  Where other variants have the same cell, what of it is
        otherwise there, options, fixed hyper-parameters and how weights begin: nothing else may
        tell them apart.
        """
        named = self.variant(label)
        twins = [
            variant
            for variant in self.variants
            if variant.label != label
            and (variant.cell.title or variant.cell.name) == (named.cell.title or named.cell.name)
        ]

        def told_apart(of: Callable[[Variant], Mapping[str, Any]]) -> dict[str, Any]:
            return {
                name: value
                for name, value in of(named).items()
                if any(of(twin).get(name) != value for twin in twins)
            }

        numbers = {
            **told_apart(lambda variant: variant.cell.options),
            **told_apart(lambda variant: variant.space.fixed),
        }
        begins = told_apart(lambda variant: variant.init)
        suffixes = [f"{name} {inline(value)}" for name, value in numbers.items()]
        suffixes += [f"init {inline(begins)}"] if begins else []
        return ", ".join(filter(None, (named.cell.title, *suffixes)))

    def place(self, variant: str, name: str) -> Span:
        """Where the spec says what a hyper-parameter is, or the `cell`, for a variant."""
        variant = self.baseline if variant == self.control else variant
        where = (
            f"{variant}.space.{name}", f"space.{name}", f"model.{name}", f"training.{name}",
            f"{variant}.{name}",
        )  # fmt: skip
        return next(self.places[place] for place in where if place in self.places)

    def _repr_html_(self) -> str:
        """For a notebook: what is compared, on what, how it is searched, and what is claimed."""
        searched = [dimension.name for dimension in self.variant(self.baseline).space.dimensions]
        over = f", over {', '.join(searched)}" if searched else ""
        rows = {
            "tasks": ", ".join(task.label for task in self.tasks),
            "variants": ", ".join(variant.label for variant in self.variants),
            "search": f"{self.search.sampler.name}, {self.search.trials} trials of each{over}",
            "claims": "; ".join(claim.text for claim in self.claims) or "none",
        }
        about = f": {self.about}" if self.about else ""
        lines = [
            tag("tr", tag("th", key, scope="row"), tag("td", row)) for key, row in rows.items()
        ]
        return join([tag("p", tag("b", self.name), about), tag("table", *lines)])

    def paired(self, a: str, b: str) -> bool:
        """Whether trials of two variants with one index are drawn at one point of the space."""
        if self.search.sampler.name == "grid":
            return self.variant(a).space == self.variant(b).space
        return self.search.sampler.name in OURS and self.search.draws == "common"
