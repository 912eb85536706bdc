"""The settings at which a candidate is trained on a task (Jozefowicz et al. 2015, section 3.3).

Where its parent was trained at more than 420 settings, 80 % of a candidate's are among the parent's
best 100, and the rest is drawn at random.  Else a third is drawn at random, a third is among the
best 100 of the first cells, and a third is among those of the parent.  More settings, of a cell
that is in the population already, are drawn at random.  No setting is tried twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from rnnzoo.evolve.history import History
from rnnzoo.evolve.plan import Plan
from rnnzoo.evolve.rows import Drawn, Trained, Training
from rnnzoo.spec import points
from rnnzoo.spec.experiment import FILTER, Named, Search, Space
from rnnzoo.spec.hyperparameters import Value
from rnnzoo.spec.seeds import uniform

MANY = 420  # settings of a parent, above which most of a candidate's are among its best
BEST = 100
OF_PARENT = 0.8  # then
RANDOM = "random"
ATTEMPTS = 100  # to find a setting that was not tried: a small space may have no more

Setting = Mapping[str, Value]


def settings(plan: Plan, history: History, drawn: Drawn, task: str) -> list[Training]:
    """All trainings of a candidate on a task, in order; fewer than asked for where the space has no
    more settings.
    """
    if drawn.variant:
        return _of_first(plan, drawn, task)
    revisits = len(history.revisits.get(drawn.number, ()))
    if revisits:
        earlier = _tried(plan, history, drawn, task, revisits)
        return [*earlier, *_random_trainings(plan, drawn, task, earlier, revisits)]
    shares, pools = _shares(plan, history, drawn, task)
    trainings: list[Training] = []
    for index in range(plan.search.settings):
        words = f"{plan.search.seed} {drawn.number} {task} {index} setting"
        tried = [training.setting for training in trainings]
        for attempt in range(ATTEMPTS):
            source = _source(shares, uniform(f"{words} {attempt} source"))
            setting = _taken(plan, pools[source], f"{words} {attempt}")
            if setting not in tried:
                trainings.append(Training(drawn.number, task, index, setting, source))
                break
    return trainings


def settings_left(plan: Plan, history: History, drawn: Drawn, task: str) -> list[Training]:
    """The trainings that one more visit to a cell of the population would add on a task."""
    visits = len(history.revisits.get(drawn.number, ())) + 1
    return _random_trainings(plan, drawn, task, _tried(plan, history, drawn, task, visits), visits)


def _tried(plan: Plan, history: History, drawn: Drawn, task: str, visit: int) -> list[Training]:
    """The trainings of a cell before one of its visits: `settings` of them at most each time."""
    rows = history.in_order(drawn.number, task)
    return [row.training for row in rows if row.training.index < visit * plan.search.settings]


def _random_trainings(
    plan: Plan, drawn: Drawn, task: str, tried: Sequence[Training], visit: int
) -> list[Training]:
    """The trainings of a visit, at random settings that were not tried."""
    trainings: list[Training] = []
    known = [training.setting for training in tried]
    first = visit * plan.search.settings
    for index in range(first, first + plan.search.settings):
        words = f"{plan.search.seed} {drawn.number} {task} {index} setting"
        settings = (_random(plan.space, f"{words} {attempt}") for attempt in range(ATTEMPTS))
        setting = next((setting for setting in settings if setting not in known), None)
        if setting is not None:
            known.append(setting)
            trainings.append(Training(drawn.number, task, index, setting))
    return trainings


def of_filter(plan: Plan, drawn: Drawn) -> Training:
    """The training of a candidate on the filter, at one random setting.

    Raises:
        ValueError: the search has no filter.
    """
    chosen = plan.search.filter
    if chosen is None:
        raise ValueError("a search without a filter has no such training")
    setting = _random(chosen.space, f"{plan.search.seed} {drawn.number} filter")
    return Training(drawn.number, FILTER, 0, setting)


def _of_first(plan: Plan, drawn: Drawn, task: str) -> list[Training]:
    """Those of the first cells: all points of a space that has no more than `first`, else so many
    at random, the same for all of these cells.
    """
    most = plan.search.first
    grid = Search(sampler=Named("grid"))
    is_finite = all(
        dimension.kind != "float" or dimension.step for dimension in plan.space.dimensions
    )
    if is_finite and points.planned(grid, plan.space, most + 1) <= most:
        count = points.planned(grid, plan.space, most)
        in_grid: list[Setting] = [
            points.point(grid, plan.space, "", task, index) or {} for index in range(count)
        ]
        return [
            Training(drawn.number, task, index, setting, "all")
            for index, setting in enumerate(in_grid)
        ]
    seeds = (f"{plan.search.seed} {task} {index} first" for index in range(most))
    settings = (_random(plan.space, seed) for seed in seeds)
    return [Training(drawn.number, task, index, setting) for index, setting in enumerate(settings)]


def _shares(
    plan: Plan, history: History, drawn: Drawn, task: str
) -> tuple[Mapping[str, float], Mapping[str, Sequence[Setting]]]:
    """From where settings are taken: how often from each source, and what each has."""
    of_parent: list[Trained] = []
    for parent in drawn.parents:
        of_parent += _before(plan, history, parent, task, drawn.generation)
    if len(of_parent) > MANY:
        shares = {"parent": OF_PARENT, RANDOM: 1.0 - OF_PARENT}
        return shares, {"parent": _best(of_parent), RANDOM: ()}
    first = (history.drawn[number] for number in history.generations[0])
    parents = [cell.number for cell in first if cell.variant in plan.search.parents]
    of_first = [*chain.from_iterable(history.in_order(number, task) for number in parents)]
    pools = {
        RANDOM: (),
        "best": _best(of_first),
        "parent": [row.training.setting for row in of_parent],
    }
    return dict.fromkeys(pools, 1 / len(pools)), pools


def _before(plan: Plan, history: History, number: int, task: str, generation: int) -> list[Trained]:
    """The trainings of a cell that had ended when a generation began."""
    rows, revisits = history.in_order(number, task), history.revisits.get(number, ())
    earlier = [revisit for revisit in revisits if revisit < generation]
    if len(earlier) == len(revisits):
        return rows
    end = (1 + len(earlier)) * plan.search.settings
    return [row for row in rows if row.training.index < end]


def _source(shares: Mapping[str, float], place: float) -> str:
    """The source at a place in [0, 1)."""
    for source, share in shares.items():
        place -= share
        if place < 0.0:
            return source
    return RANDOM


def _taken(plan: Plan, pool: Sequence[Setting], words: str) -> Setting:
    """One of a pool, each as likely as the others; a random one where there is none."""
    if not pool:
        return _random(plan.space, words)
    return pool[int(uniform(f"{words} place") * len(pool))]


def _best(rows: Sequence[Trained]) -> list[Setting]:
    """The settings of the best trainings; of equal ones the earlier."""
    complete = [row for row in rows if row.score is not None]
    complete.sort(key=lambda row: (row.score, row.training.candidate, row.training.index))
    return [row.training.setting for row in complete[:BEST]]


def _random(space: Space, words: str) -> Setting:
    places = [uniform(f"{words} {dimension.name}") for dimension in space.dimensions]
    return points.at(space, places)
