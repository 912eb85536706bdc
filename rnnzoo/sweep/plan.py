"""Experiment -> studies: what would run, as data.  Pure: nothing is read, started or written here.

In: an experiment and the digest of each task's data.  Out: one `Study` for each (variant, task),
with an identity that changes exactly when its outcomes could, and the trial of every index.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import product, starmap
from pathlib import Path
from typing import Any

from rnnzoo.errors import Mistake, Mistakes, Span, SpecError, UsageError, in_percent, number_of
from rnnzoo.lang import check, counts, no_weight, operations, with_init
from rnnzoo.lang.canonical import canonical_hash
from rnnzoo.lang.check import INIT_OF
from rnnzoo.lang.ir import Cell
from rnnzoo.lang.text import cell_text
from rnnzoo.lang.text import digest as cell_digest
from rnnzoo.spec import points
from rnnzoo.spec.cell import Init
from rnnzoo.spec.experiment import Experiment, Space, TaskChoice, Variant
from rnnzoo.spec.hyperparameters import Training, Value
from rnnzoo.spec.seeds import derive_seed
from rnnzoo.spec.settings import in_project
from rnnzoo.spec.trial import PILOT, ROUND, StudyKey, Trial, digest, unusual, without_paths

# sizes that are looked at in a range of units: at its low end, where one unit is the largest share
# of a net, and over all of it
MANY = 100
SHORT = 12  # hexadecimal digits of a hash that people see
# folder of an experiment's trials, beside `report` and `lock`: a variant may be called so
TRIALS = "trials"
FORM = "form"  # under which a study's `form` is stored
# with `equal: weights`, by what share a variant's number of weights may differ from the baseline's
OFF = 0.01


@dataclass(frozen=True)
class Study:
    """The trials of one variant on one task.

    Attributes:
        identity: `key` as text, the name of Optuna's study: experiment, variant, task, and a hash
            of `parts`.
        parts: digest of everything that outcomes depend on, by what it is called when it changed.
        normal: the same with each cell in its canonical form: equal for studies whose cells differ
            in spelling only.
        data: digest of the task's data.
        equal: the baseline's cell and the size of x, where variants have equal numbers of weights.
        replicate: 0 for the search itself; from 1 on, its kept trials once more, each on a fresh
            seed.
        stage: empty for the search; `PILOT` or `ROUND` for the trainings that confirm.
    """

    experiment: Experiment
    variant: Variant
    task: TaskChoice
    cell: Cell
    parts: Mapping[str, str]
    normal: Mapping[str, str]
    data: str = ""
    equal: tuple[Cell, int] | None = None
    replicate: int = 0
    stage: str = ""

    @property
    def key(self) -> StudyKey:
        short = digest(dict(self.parts))[:SHORT]
        return StudyKey(
            self.experiment.name,
            self.variant.label,
            self.task.label,
            short,
            self.replicate,
            self.stage,
        )

    @property
    def identity(self) -> str:
        return str(self.key)

    @property
    def form(self) -> str:
        """Equal for studies whose trials may stand for each other's, however their cells are
        spelt.
        """
        return digest(dict(self.normal))

    @property
    def prefix(self) -> str:
        """What the identities of all editions of this study begin with."""
        return self.key.prefix

    @property
    def label(self) -> str:
        """The variant's label, and the task's where there are several."""
        several = f" on {self.task.label}" if len(self.experiment.tasks) > 1 else ""
        replicate = f", replicate {self.replicate}" if self.replicate else ""
        stage = f", {self.stage}" if self.stage else ""
        return self.variant.label + several + replicate + stage

    @property
    def points_are_known(self) -> bool:
        """Whether its points follow from other trials: those of kept ones, or of the region that
        the search points to.
        """
        return bool(self.replicate or self.stage)

    def point(self, index: int) -> Mapping[str, Value] | None:
        """The point of an index, where a sampler of ours chooses it; None where a grid is used
        up.
        """
        return points.point(
            self.experiment.search,
            self.variant.space,
            self.variant.label,
            self.task.label,
            index,
            self.variant.earlier,
        )

    def trial(
        self, index: int, hyperparameters: Mapping[str, Value], folder: Path | None = None
    ) -> Trial:
        """The trial of an index, once its hyper-parameters are known.

        Args:
            folder: of the experiment; the trial's own is below it, and no other trial of any
                experiment has the same.
        """
        return Trial(
            experiment=self.experiment.name,
            variant=self.variant.label,
            cell=self._cell_text,
            task=self.task.name,
            index=index,
            hyperparameters=dict(hyperparameters),
            seed=self.seed(index),
            training=self.experiment.training,
            task_options=dict(self.task.options),
            init=dict(self.variant.init),
            own_units=self.units(hyperparameters) if self.equal else 0,
            base=str(in_project(Path(self.experiment.file).parent)),
            data=self.data,
            cell_hash=self._cell_hash,
            folder=self._folder(index, folder) if folder else "",
        )

    @cached_property
    def _cell_text(self) -> str:
        """Written once: it takes a third of what a trial costs that does not train."""
        return cell_text(self.cell)

    @cached_property
    def _cell_hash(self) -> str:
        return cell_digest(self.cell)[:SHORT]

    def _folder(self, index: int, experiment: Path) -> str:
        return str(in_project(experiment) / TRIALS / self.key.rest / f"{index:04d}")

    def same(self, trial: Trial) -> bool:
        """Whether a trial of an earlier edition is this study's trial of its index, given that
        their data are the same.

        Older versions hashed what `training:` says also where the space decides it.
        """
        return (
            replace(trial, data=self.data).key == self.trial(trial.index, trial.hyperparameters).key
        )

    def is_spelt_otherwise(self, identity: str, attributes: Mapping[str, Any]) -> bool:
        """Whether a study of that identity is this one with its cell in another spelling."""
        return identity != self.identity and attributes.get(FORM) == self.form

    def same_but_for_spelling(self, trial: Trial) -> bool:
        """The same where the cell is known to be this study's in another spelling."""
        own = self.trial(trial.index, trial.hyperparameters)
        return self.same(replace(trial, cell=own.cell, cell_hash=own.cell_hash, init=own.init))

    def units(self, hyperparameters: Mapping[str, Value]) -> int:
        """Units of this variant at a point of the space."""
        training = self.experiment.training.at(hyperparameters)
        measures = (self.experiment.baseline, self.experiment.control)
        if self.equal is None or self.variant.label in measures:
            return training.units
        baseline, inputs = self.equal
        wanted = counts.weights_in(training, baseline, inputs)
        width, both = training.width(inputs), training.bidirectional
        return counts.units_for(self.cell, width, wanted, training.layers, both)

    def seed(self, index: int) -> int:
        """A trial's seed: a function of the experiment's seed, the variant, the task, the index,
        and the replicate or stage.
        """
        words = (
            f"{self.experiment.search.seed} {self.variant.label} {self.task.label} {index} trial"
        )
        if self.stage == ROUND:  # all variants of a round begin alike and see the data in one order
            words = f"{self.experiment.search.seed} {self.task.label} {index} trial"
        mark = self.stage or self.replicate
        words += f" {mark}" if mark else ""
        return derive_seed(words, 31)


def studies(
    experiment: Experiment, data: Mapping[str, str], inputs: Mapping[str, int]
) -> tuple[Study, ...]:
    """All studies of an experiment, by task and then in the order of the variants.

    Args:
        data: digest of each task's data, by the task's label.
        inputs: size of x, likewise.

    Raises:
        SpecError: mistakes in the equations of any variant's cell, all of them; or a variant that
            cannot have an equal number of weights.
        UsageError: as `cells`.
    """
    checked_cells = cells(experiment)
    forms = {
        variant.label: digest(_form(checked_cells[variant.label], variant))
        for variant in experiment.variants
    }
    same = experiment.equal == "weights"
    baseline = canonical_hash(checked_cells[experiment.baseline]) if same else ""

    def of(task: TaskChoice, variant: Variant) -> Study:
        cell = checked_cells[variant.label]
        parts = _parts(experiment, variant, task, checked_cells, data[task.label])
        normal = {**parts, "cell": forms[variant.label]}
        if same:  # the baseline's cell is part of the search, and may be spelt otherwise too
            normal["search"] = digest(_searched(experiment, baseline))
        equal = (checked_cells[experiment.baseline], inputs[task.label]) if same else None
        return Study(experiment, variant, task, cell, parts, normal, data[task.label], equal)

    planned = tuple(starmap(of, product(experiment.tasks, experiment.variants)))
    if same:
        for study in planned:
            _check_equal(study)
    return planned


def replicates(searches: Sequence[Study]) -> tuple[Study, ...]:
    """The studies in which kept trials run again, first replicates first."""
    count = searches[0].experiment.select.replicates if searches else 0
    return tuple(
        replace(study, replicate=number) for number, study in product(range(1, count + 1), searches)
    )


def confirming(searches: Sequence[Study], trials: int) -> tuple[Study, ...]:
    """The studies of the second stage, pilots first: of each variant on each task.

    Their points follow from the trials of all searches on the task, so all of these are part of
    what they are.

    Args:
        trials: of each search.
    """
    confirm = searches[0].experiment.confirm if searches else None
    if confirm is None:
        return ()
    experiment = searches[0].experiment
    design = [confirm.settings, confirm.region, confirm.pilot, experiment.margin, trials]

    parts, normal = {}, {}
    for task in experiment.tasks:
        searched = [study for study in searches if study.task.label == task.label]
        parts[task.label] = digest([design, [dict(study.parts) for study in searched]])
        normal[task.label] = digest([design, [dict(study.normal) for study in searched]])

    def confirmed(study: Study, stage: str) -> Study:
        label = study.task.label
        return replace(
            study,
            stage=stage,
            parts={**study.parts, "confirm": parts[label]},
            normal={**study.normal, "confirm": normal[label]},
        )

    return tuple(confirmed(study, stage) for stage, study in product((PILOT, ROUND), searches))


def _check_equal(study: Study) -> None:
    """Check that a variant can have as many weights as the baseline.

    Raises:
        SpecError: it cannot.
    """
    problem = unequal(study)
    if problem:
        fix = "search larger units, where one unit more or less counts for less"
        raise SpecError(Mistake(study.experiment.places["equal"], problem, fix))


def unequal(study: Study) -> str:
    """Why a variant cannot have as many weights as the baseline, or nearly so, at every size of the
    baseline's that is searched; empty where it can.
    """
    assert study.equal is not None
    baseline, inputs = study.equal
    far = []
    usual, space = study.experiment.training, study.variant.space
    for point in points.shapes(space, usual, _sizes(space)):
        training = usual.at(point)
        wanted = counts.weights_in(training, baseline, inputs)
        own = study.units(point)
        weights = counts.weights_in(replace(training, units=own), study.cell, inputs)
        off = abs(weights / wanted - 1)
        if off > OFF:
            far.append((training.units, own, off))
    if not far:
        return ""
    units, own, off = max(far)
    return (
        f"`equal: weights`: {study.label} has no size with as many weights as"
        f" {study.experiment.baseline} with {number_of(units, 'unit')}: the nearest, {own}, is"
        f" {in_percent(off, 2)} off, and {in_percent(OFF)} is allowed"
    )


def _sizes(space: Space) -> list[int]:
    """All units that a space has, or enough of them to find where sizes are too coarse: at the low
    end.
    """
    known = space.values("units")
    if known is not None:
        return [int(value) for value in known]
    (units,) = [dimension for dimension in space.dimensions if dimension.name == "units"]
    low, high = int(units.low), int(units.high)
    return sorted(
        {
            *range(low, min(low + MANY, high) + 1),
            *(low + (high - low) * part // MANY for part in range(MANY + 1)),
        }
    )


def cells(experiment: Experiment) -> dict[str, Cell]:
    """The checked cell of every variant, by label.

    Raises:
        SpecError: mistakes in the equations of any of them, and every `init` of a weight that the
            cell does not have.
        UsageError: a number of units that a cell's groups do not divide.
    """
    mistakes = Mistakes()
    checked: dict[str, Cell] = {}
    for variant in experiment.variants:
        try:
            cell = checked[variant.label] = check(variant.cell)
        except SpecError as error:
            mistakes.extend(error.mistakes)
            continue
        inits = {name: Init.from_plain(value) for name, value in variant.init.items()}
        for name, place in variant.places.items():
            problem, fix = _unfit(cell, name, inits[name])
            if problem:
                mistakes.add(place, problem, fix)
                inits.pop(name)
        for place, problem, fix in _mistaken(cell, inits, variant.places):
            mistakes.add(place, problem, fix)
    mistakes.raise_if_any()
    measures = (experiment.baseline, experiment.control)
    for variant in experiment.variants:
        # with `equal: weights`, the others have sizes that fit
        if experiment.equal != "weights" or variant.label in measures:
            _check_groups(checked[variant.label], variant, experiment.training.units)
    return checked


def _check_groups(cell: Cell, variant: Variant, usual: int) -> None:
    """Check that the groups of a cell's units divide every number of units that it may have."""
    groups, space = counts.groups(cell), variant.space
    searched = [dimension for dimension in space.dimensions if dimension.name == "units"]
    ranges = [dimension for dimension in searched if dimension.kind != "choice"]
    many = [int(value) for value in space.values("units") or (usual,)]
    said = ", ".join(map(str, many))
    for units in many:
        counts.check_sizes(cell, units)
    if ranges:
        low, high, step = int(ranges[0].low), int(ranges[0].high), int(ranges[0].step) or 1
        # of a range with one value there is no second
        many, said = [low, min(low + step, high)], f"{low} to {high}"
    if any(units % groups for units in many):
        least = -(-min(many) // groups) * groups
        most = max(least, (high if ranges else max(many)) // groups * groups)
        middle = max(least, (least + most) // 2 // groups * groups)
        fitting = list(dict.fromkeys([least, middle, most]))
        written = f"{{choice: {fitting}}}" if len(fitting) > 1 else str(least)
        raise UsageError(
            f"{variant.label} has {groups} groups of units, and {said} units, which they do not"
            " divide",
            f"take multiples of {groups}: `units: {written}` in its space",
        )


def _mistaken(
    cell: Cell, inits: Mapping[str, Init], places: Mapping[str, Span]
) -> Iterator[tuple[Span, str, str]]:
    """The mistakes in expressions that weights begin with: place, problem, fix."""
    of_files = {INIT_OF.format(name): place for name, place in places.items()}
    try:
        with_init(cell, inits)
    except SpecError as error:
        for mistake in error.mistakes:
            # an expression of the cell's own may need what a variant changes
            first = next(iter(places.values()))
            yield of_files.get(mistake.span.file, first), mistake.problem, mistake.fix


def _unfit(cell: Cell, name: str, init: Init) -> tuple[str, str]:
    """Why the weights of that name cannot begin so, and the fix; empty where they can."""
    problem, fix = no_weight(cell, name)
    shapes = {weight.name: weight.shape for weight in cell.all_weights}
    if problem or name not in shapes or init.fits(shapes[name]):
        return problem, fix
    if len(shapes[name]) == 2:
        problem = f"the initialiser '{init.name}' is for square matrices, which '{name}' is not"
        return problem, "give it to a matrix on a state, such as R"
    return (
        f"the initialiser '{init.name}' is for matrices, and '{name}' is a vector",
        "give a number",
    )


def _parts(
    experiment: Experiment,
    variant: Variant,
    task: TaskChoice,
    checked_cells: Mapping[str, Cell],
    data: str,
) -> dict[str, str]:
    """Digests of what outcomes depend on."""
    baseline = ""
    if experiment.equal == "weights":
        baseline = cell_digest(checked_cells[experiment.baseline])
    cell = checked_cells[variant.label]
    code = operations.code(initialised(cell, variant)) if variant.init else ""
    # operations of the cell are in its digest; a variant's `init` may apply others
    of_init = [code] if code not in ("", operations.code(cell)) else []
    parts: dict[str, Any] = {
        "cell": [cell_digest(cell), dict(variant.init), *of_init],
        "space": _spaces(variant),
        "task": [task.name, without_paths(task.options)],
        "data": data,
        "training": _undecided(experiment.training, variant.space),
        "search": _searched(experiment, baseline),
    }
    return {name: digest(part) for name, part in parts.items()}


def _spaces(variant: Variant) -> Any:
    """What a variant's settings are drawn from."""
    spaces = [variant.space, *(before.space for before in variant.earlier)]
    space, *earlier = (asdict(replace(known, fixed=dict(known.fixed))) for known in spaces)
    if not earlier:
        return space
    trials = [before.trials for before in variant.earlier]
    return [space, *(list(pair) for pair in zip(trials, earlier, strict=True))]


def _searched(experiment: Experiment, baseline: str) -> dict[str, Any]:
    """How points are chosen; `baseline` is a digest of the cell whose number of weights the others
    have, if they do.
    """
    search = experiment.search
    how: dict[str, Any] = {
        "sampler": asdict(search.sampler),
        "seed": search.seed,
        "draws": search.draws,
        "on": experiment.select.on,
    }
    if baseline:
        how["equal"] = baseline
    if search.points:
        how["points"] = [dict(point) for point in search.points]
    if search.rungs:  # which trials go on depends on how many there are
        how["rungs"] = [asdict(search.rungs), search.trials]
    return {**how, "pruner": asdict(search.pruner) if search.pruner else None}


def _form(cell: Cell, variant: Variant) -> str:
    """The canonical hash of a variant's cell with the initialisers that the experiment gives it."""
    return canonical_hash(initialised(cell, variant))


def initialised(cell: Cell, variant: Variant) -> Cell:
    """A variant's cell with the initialisers that the experiment gives it."""
    return with_init(cell, {name: Init.from_plain(value) for name, value in variant.init.items()})


def _undecided(training: Training, space: Space) -> dict[str, Any]:
    """What a training's outcome depends on, as far as the space does not always decide it."""
    # what `training:` says of these never comes into effect
    decided = {
        *space.fixed,
        *(dimension.name for dimension in space.dimensions if not dimension.when),
    }
    return {name: value for name, value in unusual(training).items() if name not in decided}


def changed(now: Mapping[str, str], before: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the parts that differ between two editions of a study."""
    return tuple(name for name in now if now[name] != before.get(name))


def in_turn(planned: Sequence[Study], trials: int) -> Iterator[tuple[Study, int]]:
    """All planned trials, index by index over all studies, so that an unfinished sweep compares
    like with like.
    """
    for index in range(trials):
        for study in planned:
            yield study, index
