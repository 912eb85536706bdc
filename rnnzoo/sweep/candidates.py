"""A search over cells with its data: its plan, the trial of each training, and what came out as a
row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rnnzoo import metrics, tasks
from rnnzoo.bare import able
from rnnzoo.errors import Mistakes, Span, UsageError
from rnnzoo.evolve.draw import cell_of, name_of
from rnnzoo.evolve.found import confirming
from rnnzoo.evolve.plan import FORMATS, Plan
from rnnzoo.evolve.rows import Drawn, Trained, Training
from rnnzoo.lang import counts, with_init
from rnnzoo.lang.ir import Cell
from rnnzoo.lang.rewriting import Rules, child, from_grammar
from rnnzoo.lang.text import digest as cell_digest
from rnnzoo.spec import points
from rnnzoo.spec.cell import Init
from rnnzoo.spec.experiment import FILTER, CellSearch, Experiment, Filter, TaskChoice
from rnnzoo.spec.hyperparameters import Training as Settings
from rnnzoo.spec.seeds import derive_seed
from rnnzoo.spec.settings import in_project, runs
from rnnzoo.spec.trial import Kind, Outcome, Trial
from rnnzoo.sweep.begun import settled
from rnnzoo.sweep.fit import check_read, foresee, foresee_read
from rnnzoo.sweep.open import checked_parts
from rnnzoo.sweep.plan import Study, cells, studies, unequal
from rnnzoo.sweep.recorded import identity_of, place
from rnnzoo.tasks import Report, Task

ACCURACIES: Mapping[str, float] = {"error": 1.0}  # costs that are no metric's lack, and their best


@dataclass(frozen=True)
class OpenedSearch:
    """A search with its data.

    Attributes:
        tasks: by label; the filter's under `FILTER`.
    """

    plan: Plan
    tasks: Mapping[str, Task]
    choices: Mapping[str, TaskChoice]

    @property
    def experiment(self) -> Experiment:
        return self.plan.experiment

    @property
    def runs(self) -> Path:
        """Folder of the experiment."""
        return runs() / self.experiment.name

    @property
    def history(self) -> Path:
        """The file of its history."""
        return place(self.runs, self.plan.identity)

    def trial(self, training: Training, drawn: Drawn) -> Trial:
        """The trial of a training."""
        choice, task = self.choices[training.stage], self.tasks[training.stage]
        words = f"{self.plan.search.seed} {training.candidate} {training.stage} {training.index}"
        return Trial(
            experiment=self.experiment.name,
            variant=drawn.variant or name_of(drawn.number),
            cell=drawn.cell,
            task=choice.name,
            index=training.index,
            hyperparameters=dict(training.setting),
            seed=derive_seed(f"{words} trial", 31),
            training=self._settings(training.stage),
            task_options=dict(choice.options),
            own_units=self._units(training, drawn, task.inputs),
            base=str(in_project(Path(self.experiment.file).parent)),
            data=task.digest,
            cell_hash=cell_digest(cell_of(drawn.cell))[:12],
        )

    def _settings(self, stage: str) -> Settings:
        """What holds for all trainings of a stage."""
        chosen = self.plan.search.filter
        return chosen.training if stage == FILTER and chosen else self.experiment.training

    def _units(self, training: Training, drawn: Drawn, inputs: int) -> int:
        """Units of a cell that has as many weights as the baseline; 0: those of the setting."""
        if self.experiment.equal != "weights" or drawn.variant == self.experiment.baseline:
            return 0
        settings = self._settings(training.stage).at(training.setting)
        baseline = self.plan.first[self.experiment.baseline]
        wanted = counts.weights_in(settings, baseline, inputs)
        width, both = settings.width(inputs), settings.bidirectional
        return counts.units_for(cell_of(drawn.cell), width, wanted, settings.layers, both)


def unconfirmed(opened: OpenedSearch, drawn: Drawn, label: str) -> str:
    """Why the sweep that confirms what was found would refuse a cell: it has no size with as many
    weights as the baseline; empty where it would not, or where a task has to be loaded to know.

    Args:
        label: of the cell in that sweep.
    """
    plan = opened.plan
    experiment = confirming(plan.experiment, plan.search, plan.first)
    if experiment.equal != "weights":
        return ""
    baseline, folder = experiment.baseline, Path(experiment.file).parent
    variant = replace(experiment.variant(baseline), label=label)
    for choice in experiment.tasks:
        task = opened.tasks.get(choice.label) or tasks.in_small(choice, folder)
        if task is None:
            continue
        equal = plan.first[baseline], task.inputs
        study = Study(experiment, variant, choice, cell_of(drawn.cell), {}, {}, equal=equal)
        problem = unequal(study)
        if problem:
            return problem
    return ""


def trained(training: Training, outcome: Outcome) -> Trained:
    """What came out of a training, as a row."""
    complete = outcome.kind is Kind.COMPLETE
    return Trained(
        training,
        outcome.kind,
        outcome.scores.get("validation") if complete else None,
        outcome.scores.get("test") if complete else None,
        outcome.message,
        len(outcome.curve),
        outcome.weights.get("recurrent", 0),
        {
            name: round(outcome.seconds[name], 6)
            for name in ("total", "step")
            if name in outcome.seconds
        },
    )


def opened_search(
    experiment: Experiment, progress: Report = tasks.silent, source: Sequence[str | Path] = ()
) -> OpenedSearch:
    """The search over cells of an experiment, with its data.

    Args:
        source: histories of it from elsewhere.

    Raises:
        UsageError: it has none, or what the user wrote is wrong.
        SpecError: likewise, in its file.
        TaskError: the data of a task cannot be had.
    """
    search = checked_search(experiment)
    seen, folder = _seen(experiment, search), Path(experiment.file).parent
    loaded = {
        stage: tasks.prepare_choice(choice, folder, progress) for stage, choice in seen.items()
    }
    check_read(experiment, loaded)
    if FILTER in loaded:
        _refuse(experiment, _lacks_of_task(loaded[FILTER]))
    if search.settings:
        confirmed = confirming(experiment, search, _labels(experiment, search))
        _check_weights(replace(confirmed, tasks=experiment.tasks), loaded)

    def planned(named: Experiment) -> Plan:
        return _plan(named, search, loaded)

    home = runs() / experiment.name
    given = {identity_of(Path(path)) for path in source}

    def is_begun(plan: Plan) -> bool:
        return place(home, plan.identity).exists() or plan.identity in given

    named = settled(experiment, lambda named: any(map(is_begun, formats(planned(named)))))
    plans = formats(planned(named))
    # a history goes on in the format in which it was begun
    return OpenedSearch(next(filter(is_begun, plans), plans[0]), loaded, seen)


def checked_search(experiment: Experiment) -> CellSearch:
    """What an experiment says of its search over cells, once all of it is checked that can be
    without data.

    Raises:
        UsageError: it has no search over cells, or what the user wrote is wrong.
        SpecError: likewise, in its file.
    """
    search = experiment.cell_search
    if search is None:
        raise UsageError(
            f"the experiment '{experiment.name}' searches no cells",
            "write `search_cells: {candidates: 1000}` into it, as docs/evolve.md says",
        )
    seen = _seen(experiment, search)
    confirmed = confirming(experiment, search, _labels(experiment, search))
    checked_parts(replace(confirmed, tasks=(*seen.values(), *search.unseen)))
    _check_descent(experiment, search)
    foresee_read(replace(experiment, tasks=tuple(seen.values())))
    if search.settings:
        foresee(confirmed)
    if search.filter:
        folder = Path(experiment.file).parent
        of_task = _lacks_of_task(tasks.in_small(search.filter.task, folder))
        _refuse(experiment, _lacks_of_filter(experiment, search, search.filter) | of_task)
    return search


def formats(plan: Plan) -> list[Plan]:
    """A plan with each format that its history may have, the newest first."""
    return [replace(plan, format=number) for number in FORMATS]


def _seen(experiment: Experiment, search: CellSearch) -> dict[str, TaskChoice]:
    """The tasks that a search sees, by stage."""
    seen = {FILTER: search.filter.task} if search.filter else {}
    return seen | ({task.label: task for task in experiment.tasks} if search.settings else {})


def _check_weights(experiment: Experiment, loaded: Mapping[str, Task]) -> None:
    """Check, by data, that variants can have equal numbers of weights.

    Raises:
        SpecError: one cannot; the sweep that confirms what is found would refuse it.
    """
    studies(
        experiment,
        {task.label: loaded[task.label].digest for task in experiment.tasks},
        {task.label: loaded[task.label].inputs for task in experiment.tasks},
    )


def _plan(experiment: Experiment, search: CellSearch, loaded: Mapping[str, Task]) -> Plan:
    solved = loaded[FILTER].solved if FILTER in loaded else None
    return Plan(
        experiment,
        search,
        _first(experiment, search),
        {stage: task.digest for stage, task in loaded.items()},
        {stage: whole_of(task.metric) for stage, task in loaded.items()},
        math.inf if solved is None else solved,
        _rules(experiment, search),
    )


def _labels(experiment: Experiment, search: CellSearch) -> list[str]:
    """Of the first cells: the parents and the baseline."""
    return list(dict.fromkeys((*search.parents, experiment.baseline)))


def _first(experiment: Experiment, search: CellSearch) -> dict[str, Cell]:
    """The parents and the baseline, named as their variants, beginning as these say."""
    checked, first = cells(experiment), {}
    for label in _labels(experiment, search):
        inits = experiment.variant(label).init.items()
        cell = with_init(checked[label], {name: Init.from_plain(value) for name, value in inits})
        first[label] = replace(cell, name=label)
    return first


def _rules(experiment: Experiment, search: CellSearch) -> Rules:
    """What a candidate may be.

    Raises:
        SpecError: a mutation or a forbidden part that means nothing, with its place.
    """
    mistakes = Mistakes()
    makers: Mapping[str, Callable[[str], Rules]] = {
        "mutations": lambda name: Rules(mutations=(name,)),
        "forbid": lambda name: Rules(forbidden=(name,)),
    }
    for key, make in makers.items():
        for name in getattr(search, key):
            try:
                make(name)
            except UsageError as error:
                mistakes.add(experiment.places[f"search_cells.{key}.{name}"], *error.parts)
    mistakes.raise_if_any()
    mutations = search.mutations or Rules().mutations
    return Rules(search.nodes, mutations=mutations, forbidden=search.forbid)


def _check_descent(experiment: Experiment, search: CellSearch) -> None:
    """Check that the search can begin: that each parent, or the grammar, has a child.

    Raises:
        SpecError: one has none, with the place of what forbids it; or the rules mean nothing.
    """
    first, rules = _first(experiment, search), _rules(experiment, search)
    rng, mistakes = np.random.default_rng(0), Mistakes()
    is_grammar = search.origin == "grammar"
    for label in search.parents[:1] if is_grammar else search.parents:
        try:
            if is_grammar:
                from_grammar(rng, rules)
            else:
                child([first[label]], rng, rules)
        except UsageError as error:
            mistakes.add(_place(experiment, f"parents.{label}"), *error.parts)
    mistakes.raise_if_any()


def _lacks_of_filter(experiment: Experiment, search: CellSearch, given: Filter) -> dict[str, str]:
    """By the part of the search that asks for it, what the trainer of the filter cannot do, as far
    as it is known without the task.
    """
    lacks: dict[str, str] = {}
    names = [dimension.name for dimension in given.space.dimensions]
    for point in points.corners(given.space, names):
        for name, reason in able.of_training(given.training.at(point)):
            where = "space" if name in point else "training"
            lacks.setdefault(f"filter.{where}.{name}", reason)
    first = _first(experiment, search)
    for label in search.parents if search.origin == "parents" else ():
        for reason in able.of_cell(first[label]):
            lacks.setdefault(f"parents.{label}", reason)
    return lacks


def _lacks_of_task(task: Task | None) -> dict[str, str]:
    """Likewise what it cannot do of the task; nothing of one that is not known yet."""
    reasons = able.of_task(task) if task is not None else iter(())
    reason = next(reasons, "")
    return {"filter.task": reason} if reason else {}


def _refuse(experiment: Experiment, lacks: Mapping[str, str]) -> None:
    """
    Raises:
        SpecError: the trainer of the filter lacks something.
    """
    mistakes = Mistakes()
    for where, reason in lacks.items():
        problem = f"the filter trains without Keras, by a trainer that can do less: {reason}"
        mistakes.add(_place(experiment, where), problem, "write it otherwise, or delete `filter:`")
    mistakes.raise_if_any()


def _place(experiment: Experiment, written: str) -> Span:
    """Where the spec has a part of the search, or the search where that is by default."""
    places = experiment.places
    return places.get(f"search_cells.{written}", places["search_cells"])


def whole_of(metric: str) -> float | None:
    """The accuracy of which a score is what it lacks; None where it is a loss."""
    if metrics.is_higher_better(metric):
        return metrics.load(metric).best
    return ACCURACIES.get(metric)
