"""A claim about several tasks: levels in closed form, and how often its words are wrong, by
simulation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from rnnzoo.confirm.questions import Answer, Question, Round, Seen, Standing, asked, look
from rnnzoo.confirm.several import holds, levels
from rnnzoo.confirm.stand import ALPHA, left, question
from rnnzoo.spec.experiment import Claim, Experiment
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.stats.sequential import Boundary

WORSE, BETTER, SAME, OPEN = Answer.WORSE, Answer.BETTER, Answer.SAME, Answer.OPEN
MARGIN, FLOOR, NOISE = 0.2, 0.1, 0.1
SEEN = Seen(9.0)


def experiment(claims: str, tasks: int = 3, more: str = "") -> Experiment:
    listed = ", ".join(
        f"{{name: adding, label: t{number}, length: {10 + number}}}" for number in range(tasks)
    )
    text = (
        "experiment: e\n"
        f"tasks: [{listed}]\n"
        "variants: [lstm, rnn, gru]\n"
        f"margin: {MARGIN}\n"
        "confirm: {}\n"
        "search: {space: {learning_rate: {float: [0.001, 0.1]}}}\n"
        f"claims: [{claims}]\n"
        f"{more}"
    )
    return parse_experiment(text, "e.yaml", Path())


def claim(text: str, tasks: int = 3) -> Claim:
    return experiment(f"'{text}'", tasks).claims[0]


@pytest.mark.parametrize(
    ("text", "tasks", "expected"),
    [
        # one test refutes it, so each has a third
        ("on all tasks: rnn worse than lstm", 3, (0.06, 0.02, 0.02)),
        ("on all tasks: rnn better than lstm", 2, (0.03, 0.06, 0.03)),
        ("on most tasks: rnn worse than lstm", 3, (0.03, 0.03, 0.03)),  # two of three, either way
        ("on most tasks: rnn worse than lstm", 5, (0.02, 0.02, 0.02)),
        ("on most tasks: rnn same as lstm", 4, (0.02, 0.02, 0.03)),  # three of four; two refute it
    ],
)
def test_each_task_has_the_level_of_a_partial_conjunction(
    text: str, tasks: int, expected: tuple[float, float, float]
) -> None:
    of = levels(claim(text, tasks), 0.06)
    assert [of[answer] for answer in (WORSE, BETTER, SAME)] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "answers", "expected"),
    [
        ("on all tasks: rnn worse than lstm", [WORSE, WORSE, WORSE], True),
        ("on all tasks: rnn worse than lstm", [WORSE, WORSE, OPEN], None),
        ("on all tasks: rnn worse than lstm", [WORSE, WORSE], None),
        ("on all tasks: rnn worse than lstm", [SAME], False),
        ("on all tasks: rnn better than lstm", [OPEN, WORSE], False),
        ("on most tasks: rnn worse than lstm", [WORSE, OPEN, WORSE], True),
        ("on most tasks: rnn worse than lstm", [WORSE, BETTER], None),
        ("on most tasks: rnn worse than lstm", [SAME, BETTER], False),
        ("on most tasks: rnn same as lstm", [SAME, WORSE, SAME], True),
        ("on all tasks: rnn worse than lstm", [], None),
    ],
)
def test_a_claim_holds_or_not_as_soon_as_the_tasks_left_cannot_change_it(
    text: str, answers: Sequence[Answer], expected: bool | None
) -> None:
    assert holds(claim(text), answers) is expected


def test_claims_about_several_tasks_share_the_error_rate_as_one_claim_each() -> None:
    claims = (
        "on t0: gru worse than lstm, 'on all tasks: rnn worse than lstm', gru diverges more often"
        " than lstm"
    )
    by_file = experiment(claims)
    assert question(by_file.claims[1], by_file).level(1.0, 1) == pytest.approx(ALPHA / 5 / 3)
    # of the three about diverging
    assert left(by_file, ["t0", "t1", "t2"], "") == pytest.approx(3 / 5)
    by_task = experiment(claims, more="family: task\n")
    assert question(by_task.claims[1], by_task).level(1.0, 1) == pytest.approx(ALPHA / 3)
    assert left(by_task, ["t0", "t1", "t2"], "several tasks") == pytest.approx(0.0)
    assert left(by_task, ["t0", "t1", "t2"], "t0") == pytest.approx(1 / 2)


def test_levels_of_its_own_are_neither_divided_nor_handed_on() -> None:
    own = Question("a", "base", FLOOR, MARGIN, dict.fromkeys((WORSE, BETTER, SAME), 0.01))
    shared = [Question(label, "base", FLOOR, MARGIN) for label in "bc"]
    scores = [
        {"base": 0.0, "a": 0.5, "b": 0.12 + 0.3 * number, "c": 0.14 + 0.3 * number}
        for number in (-1, 0, 1)
    ]
    standings = look([own, *shared], [Standing()] * 3, scores, Boundary(3, 6), 0.04, SEEN)
    assert [standing.answer for standing in standings] == [WORSE, OPEN, OPEN]
    assert [standing.level for standing in standings] == pytest.approx([0.01, 0.02, 0.02])


# ------------------------------------------------------------------ how often a word is wrong


def answer_on_a_task(of: Question, effect: float, rng: np.random.Generator) -> Answer:
    """What the rounds on one task say, where A is so much worse."""
    looks, standings, scores = Boundary(6, 24), (Standing(),), list[Round]()
    while len(scores) < 24 and asked([of], standings):
        scores.append(
            {of.a: effect + NOISE * rng.standard_normal(), of.b: NOISE * rng.standard_normal()}
        )
        standings = look([of], standings, scores, looks, ALPHA, SEEN)
    return standings[0].answer


def share_of_words(text: str, effects: Sequence[float], studies: int) -> dict[bool | None, float]:
    """How often a claim is borne out, refuted and left open, where A is so much worse on each
    task.
    """
    about = claim(text, len(effects))
    of = replace(Question("a", "base", FLOOR, MARGIN), levels=levels(about, ALPHA))
    rng = np.random.default_rng(23)
    words = [
        holds(about, [answer_on_a_task(of, effect, rng) for effect in effects])
        for _ in range(studies)
    ]
    return {word: words.count(word) / studies for word in (True, False, None)}


# Claims that are false, or true, by as little as can be: on so many tasks that one more, or less,
# would turn them around.
JUST_FALSE = {
    "all, one is at the floor": ("on all tasks: a worse than b", [0.4, 0.4, FLOOR]),
    "all, each is at the floor": ("on all tasks: a worse than b", [FLOOR, FLOOR, FLOOR]),
    "most, two are at the floor": ("on most tasks: a worse than b", [0.4, FLOOR, FLOOR]),
    "most, all are at the floor": ("on most tasks: a worse than b", [FLOOR] * 5),
    "all the same, one is at the margin": ("on all tasks: a same as b", [0.0, 0.0, MARGIN]),
}
JUST_TRUE = {
    "all, each is at the margin": ("on all tasks: a worse than b", [MARGIN] * 3),
    "most, two are at the margin": ("on most tasks: a worse than b", [MARGIN, MARGIN, 0.0]),
}


def most(studies: int) -> float:
    """A true share of 0.05 gives more in one of 1,000 tests."""
    return float(stats.binom.isf(1e-3, studies, ALPHA) / studies)


def named(text: str) -> str:
    return (
        text.replace("a worse", "rnn worse")
        .replace("a same", "rnn same")
        .replace("than b", "than lstm")
        .replace("as b", "as lstm")
    )


def check(row: str, studies: int) -> None:
    text, effects = {**JUST_FALSE, **JUST_TRUE}[row]
    wrong_word = row in JUST_FALSE
    assert share_of_words(named(text), effects, studies)[wrong_word] <= most(studies)


@pytest.mark.parametrize("row", ["all, one is at the floor", "all, each is at the margin"])
def test_a_claim_about_several_tasks_is_wrong_in_at_most_5_percent(row: str) -> None:
    check(row, 100)


@pytest.mark.slow
@pytest.mark.parametrize("row", [*JUST_FALSE, *JUST_TRUE])
def test_a_claim_about_several_tasks_is_wrong_in_at_most_5_percent_of_many(row: str) -> None:
    check(row, 2000)


def test_a_clear_difference_on_all_tasks_is_borne_out_and_one_that_lacks_refutes_it() -> None:
    text = "on all tasks: rnn worse than lstm"
    assert share_of_words(text, [0.4, 0.4, 0.4], 40)[True] == 1.0
    assert share_of_words(text, [0.4, 0.4, 0.0], 40)[False] >= 0.8
