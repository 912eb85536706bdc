"""Fitness, gates and settings, with the paper's own table as the oracle."""

from __future__ import annotations

import math

import pytest

from rnnzoo.errors import UsageError
from rnnzoo.evolve import judge
from rnnzoo.evolve.history import History
from rnnzoo.evolve.plan import Plan
from rnnzoo.evolve.rows import Drawn, Ended, Fate, Trained, Training
from rnnzoo.evolve.settings import settings
from rnnzoo.spec.experiment import FILTER
from rnnzoo.spec.trial import Kind
from tests.evolve.worlds import plan

# accuracies of table 1 of Jozefowicz et al. 2015, and what equation 1 makes of them
TABLE = {
    "GRU": (0.89565, 0.45963, 0.09069, 1.0),
    "MUT3": (0.90728, 0.46478, 0.09161, 1.0101),
    "MUT2": (0.89735, 0.47324, 0.09036, 0.9964),
    "MUT1": (0.92135, 0.47483, 0.08968, 0.9889),
    "LSTM-b": (0.90163, 0.44434, 0.08952, 0.9667),
    "LSTM-f": (0.29292, 0.23356, 0.08808, 0.3270),
}
TASKS = """\
experiment: table
tasks: [arithmetic, xml, penn_treebank]
variants: [gru, lstm]
search_cells: {settings: 1}
"""
SETTING = {"units": 8, "learning_rate": 0.01}


def drawn(number: int, variant: str = "", parents: tuple[int, ...] = ()) -> Drawn:
    return Drawn(
        number, 0 if variant else 1, "", str(number), str(number), parents, variant=variant
    )


def of_table(of: Plan) -> History:
    """The rows of the table, GRU the first."""
    history = History()
    for number, accuracies in enumerate(TABLE.values()):
        history.add(drawn(number, "" if number else "gru"))
        for task, accuracy in zip(of.stages, accuracies, strict=False):
            training = Training(number, task, 0, SETTING)
            history.add(Trained(training, Kind.COMPLETE, 1.0 - accuracy))
    return history


def test_fitness_is_that_of_equation_1() -> None:
    of = plan(TASKS)
    history = of_table(of)
    found = [judge.fitness(of, history, number) for number in range(len(TABLE))]
    assert found == pytest.approx([row[-1] for row in TABLE.values()], abs=5e-5)


def test_who_has_less_than_the_gates_share_falls_at_the_first_such_task() -> None:
    of = plan(TASKS)
    history = of_table(of)
    fell = judge.fell_at_task(of, history, 5, "arithmetic")
    assert fell is not None
    assert fell.fate is Fate.GATED
    assert fell.reason == "33 % of gru's accuracy on arithmetic; it passes with more than 90 %"
    assert judge.fell_at_task(of, history, 5, "penn_treebank") is None
    assert judge.fell_at_task(of, history, 4, "arithmetic") is None


@pytest.mark.parametrize(("score", "is_better"), [(1.0, 0.5), (2.0, 0.25), (0.5, 1.0)])
def test_of_a_loss_the_half_is_twice_as_good(score: float, is_better: float) -> None:
    assert judge.relative(score, 0.5, None) == is_better


def test_without_a_complete_training_nothing_is_reached() -> None:
    assert judge.relative(None, 0.5, 1.0) == 0.0


@pytest.mark.parametrize(
    ("score", "baseline", "whole", "relative"),
    [
        (0.0, 0.0, None, 1.0),  # two losses without a mistake
        (0.0, 0.1, None, math.inf),
        (0.1, 0.0, None, 0.0),
        (1.0, 1.0, 1.0, 1.0),  # neither gets anything right
        (0.9, 1.0, 1.0, math.inf),
        (1.2, 1.0, 1.0, 0.0),  # as R2, which may be below 0
        (1.2, 1.1, 1.0, 0.0),
    ],
)
def test_beside_a_baseline_without_accuracy_or_a_loss_of_0_what_is_worse_is_not_better(
    score: float, baseline: float, whole: float | None, relative: float
) -> None:
    assert judge.relative(score, baseline, whole) == relative


def test_without_a_complete_training_of_the_baseline_nothing_can_be_judged() -> None:
    history = History.of([drawn(0, "gru")])
    with pytest.raises(UsageError, match="no training of the baseline gru on xml is complete"):
        judge.baseline_score(plan(TASKS), history, "xml")


@pytest.mark.parametrize(
    ("kind", "score", "fate", "reason"),
    [
        (Kind.COMPLETE, 0.5, None, ""),
        (Kind.COMPLETE, 0.7, Fate.FILTERED, "0.7 on the filter after 3 epochs; it passes with 0.5"),
        (Kind.DIVERGED, None, Fate.FILTERED, "diverged: why"),
        (Kind.FAILED, None, Fate.FAILED, "why"),
    ],
)
def test_the_filter_lets_pass_who_solves_its_task(
    kind: Kind, score: float | None, fate: Fate | None, reason: str
) -> None:
    message = "" if kind is Kind.COMPLETE else "why"
    row = Trained(Training(2, FILTER, 0, SETTING), kind, score, message=message, epochs=3)
    fell = judge.fell_at_filter(plan(), row)
    assert (fell.fate, fell.reason) == (fate, reason) if fell else fate is None


def test_the_population_is_the_best_of_the_generations_before() -> None:
    of, history = plan(population=2), History()
    for number, (generation, fitness) in enumerate([(1, 0.9), (1, 0.9), (1, 1.1), (2, 1.5)]):
        history.add(Drawn(number, generation, "", str(number), str(number)))
        history.add(Ended(number, Fate.PASSED, fitness=fitness))
    assert [each.number for each in judge.population(of, history, 2)] == [2, 0]
    assert [each.number for each in judge.population(of, history, 3)] == [3, 2]


WIDE = """\
experiment: wide
task: parity
variants: [gru, lstm]
search: {space: {units: 8, learning_rate: {float: [0.001, 0.1], log: true}}}
search_cells: {settings: 400, first: 400}
"""


def of_parent(count: int) -> tuple[Plan, History]:
    """A search whose first cells were trained 20 times each, and a parent so often."""
    of, history = plan(WIDE), History()
    for number, (variant, trainings) in enumerate([("gru", 20), ("lstm", 20), ("", count)]):
        history.add(drawn(number, variant))
        for index in range(trainings):
            rate = 0.001 + 1e-5 * index + 1e-7 * number
            training = Training(number, "parity", index, {"units": 8, "learning_rate": rate})
            history.add(Trained(training, Kind.COMPLETE, rate))
    return of, history


def shares(of: Plan, history: History) -> dict[str, float]:
    trainings = settings(of, history, drawn(3, parents=(2,)), "parity")
    sources = [training.source for training in trainings]
    return {source: sources.count(source) / len(sources) for source in set(sources)}


def test_most_settings_of_a_child_are_among_its_parents_best_where_that_has_many() -> None:
    of, history = of_parent(421)
    trainings = settings(of, history, drawn(3, parents=(2,)), "parity")
    taken = [training for training in trainings if training.source == "parent"]
    best = {
        row.training.setting["learning_rate"]
        for row in list(history.at(2, "parity").values())[:100]
    }
    assert {training.setting["learning_rate"] for training in taken} <= best
    assert len(taken) == 100  # all of them, since none is tried twice


def test_else_a_third_each_is_random_of_the_first_cells_and_of_the_parent() -> None:
    of, history = of_parent(420)
    found = shares(of, history)
    assert found["parent"] == pytest.approx(1 / 3, abs=0.08)
    assert found["best"] == pytest.approx(40 / 400)  # all that they have
    assert set(found) == {"parent", "best", "random"}


def test_no_setting_is_tried_twice_and_a_small_space_ends() -> None:
    of = plan(settings=20, first=20)
    history = History.of([drawn(0, "gru"), drawn(1, "lstm")])
    trainings = settings(of, history, drawn(2, parents=(0,)), "parity")
    assert len({str(training.setting) for training in trainings}) == len(trainings) == 6
