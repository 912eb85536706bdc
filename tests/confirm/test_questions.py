"""Rounds of scores -> answers, in closed form: intervals of a known width, levels that are handed
on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy import stats

from rnnzoo.confirm.questions import (
    CERTAIN,
    Answer,
    Looks,
    Question,
    Round,
    Seen,
    Standing,
    asked,
    look,
    standing,
)
from rnnzoo.stats.sequential import Boundary

MARGIN, FLOOR, LEVEL, WORST = 0.2, 0.1, 0.06, 9.0
SEEN = Seen(WORST)  # and nothing of any variant


@dataclass
class Fixed:
    """Intervals whose half width is a function of the level alone; it remembers at which levels it
    was asked.
    """

    first: int = 1
    scale: float = 1.0
    levels: list[float] = field(default_factory=list)

    def half_width(self, differences: np.ndarray, level: float) -> float:
        self.levels.append(level)
        return self.scale * 0.001 / level if len(differences) >= self.first else math.inf


def question(a: str = "a", floor: float = FLOOR, margin: float = MARGIN) -> Question:
    return Question(a, "base", floor, margin)


def rounds(**differences: float) -> list[Round]:
    """Two rounds in which each variant does so much worse than the baseline."""
    return [
        {"base": 1.0 + shift, **{label: 1.0 + shift + by for label, by in differences.items()}}
        for shift in (0.0, 0.5)
    ]


def played(
    questions: Sequence[Question], scores: Sequence[Round], looks: Looks, level: float = LEVEL
) -> tuple[Standing, ...]:
    standings = tuple(Standing() for _ in questions)
    for number in range(1, len(scores) + 1):
        standings = look(questions, standings, scores[:number], looks, level, SEEN)
    return standings


@pytest.mark.parametrize(
    ("difference", "half", "answer"),
    [
        (0.16, 0.05, "worse"), (0.15, 0.0501, "open"), (-0.16, 0.05, "better"),
        (-0.15, 0.0501, "open"), (0.0, 0.139, "same"), (0.0, 0.141, "open"), (0.08, 0.059, "same"),
        (0.08, 0.061, "open"), (-0.08, 0.059, "same"), (0.12, 0.01, "worse"), (0.10, 0.005, "same"),
        (0.14, 0.03, "worse"), (0.1, 0.05, "open"), (0.0, math.inf, "open"),
    ],
)  # fmt: skip
def test_an_answer_is_where_the_whole_interval_lies(
    difference: float, half: float, answer: str
) -> None:
    answered = standing(question(), rounds(a=difference), Fixed(scale=half / 0.001), 1.0, SEEN)
    assert answered.answer == answer
    assert answered.mean == pytest.approx(difference)
    assert (answered.low, answered.high) == (
        pytest.approx(difference - half),
        pytest.approx(difference + half),
    )


def test_same_is_said_only_well_inside_the_margin() -> None:
    """An interval may end at 0.7 of it: good settings are not known exactly either."""
    for edge, answer in ((CERTAIN - 0.01, Answer.SAME), (CERTAIN + 0.01, Answer.OPEN)):
        half = edge * MARGIN - 0.05
        assert (
            standing(question(), rounds(a=0.05), Fixed(scale=half / 0.001), 1.0, SEEN).answer
            is answer
        )


def test_to_be_no_longer_the_same_two_variants_must_differ_by_more_than_the_margin() -> None:
    """A claim of `same` has the margin for its floor: between floor and margin it is neither borne
    out nor refuted.
    """
    same = question(floor=MARGIN)
    narrow = Fixed(scale=0.01 / 0.001)
    for difference, answer in (
        (0.15, "open"),
        (0.205, "open"),
        (0.22, "worse"),
        (-0.22, "better"),
        (0.1, "same"),
    ):
        assert standing(same, rounds(a=difference), narrow, 1.0, SEEN).answer == answer


def test_what_closes_hands_its_part_of_the_level_to_those_that_are_left() -> None:
    """Half widths 0.001 / level: at a third of 0.06 it is 0.05, at a half 0.033, at all of it
    0.017.
    """
    questions = [question("a"), question("b"), question("c")]
    scores = rounds(a=0.2, b=0.14, c=0.12)[:1]
    standings = played(questions, scores, Fixed())
    assert [answered.answer for answered in standings] == ["worse", "worse", "worse"]
    assert [answered.level for answered in standings] == pytest.approx([0.06 / 3, 0.06 / 2, 0.06])
    assert [answered.rounds for answered in standings] == [1, 1, 1]


def test_what_stays_open_keeps_its_equal_part() -> None:
    questions = [question("a"), question("b"), question("c")]
    standings = played(questions, rounds(a=0.3, b=0.12, c=0.05), Fixed(scale=2.0))
    assert [answered.answer for answered in standings] == ["worse", "open", "same"]
    assert [answered.level for answered in standings] == pytest.approx([0.06 / 3, 0.06, 0.06 / 2])


def test_a_closed_question_is_not_looked_at_again() -> None:
    """Later rounds, in which it may still have scores, do not move it."""
    questions = [question("a"), question("b")]
    first = played(questions, rounds(a=0.3, b=0.12)[:1], Fixed(scale=2.0))
    assert first[0].answer is Answer.WORSE
    later = look(
        questions,
        first,
        [*rounds(a=0.3, b=0.12)[:1], *rounds(a=-5.0, b=0.12)],
        Fixed(scale=2.0),
        LEVEL,
        SEEN,
    )
    assert later[0] == first[0]
    assert later[1].rounds == 3


def test_a_question_rests_on_the_rounds_that_have_both() -> None:
    scores: list[Round] = [
        {"base": 1.0, "a": 1.5},
        {"base": 1.0, "b": 9.0},
        {"base": 2.0, "a": 2.5},
    ]
    answered = standing(question(), scores, Fixed(), 1.0, SEEN)
    assert (answered.rounds, answered.mean) == (2, 0.5)
    assert standing(question("c"), scores, Fixed(), 0.3, SEEN) == Standing(level=0.3)


def test_who_is_asked_about_are_the_variants_of_open_questions_in_order() -> None:
    questions = [question("a"), question("b"), Question("b", "c", FLOOR, MARGIN)]
    open_, closed = Standing(), Standing(Answer.SAME)
    assert asked(questions, [open_, open_, open_]) == ("base", "a", "b", "c")
    assert asked(questions, [closed, open_, closed]) == ("base", "b")
    assert asked(questions, [closed, closed, open_]) == ("c", "b")
    assert asked(questions, [closed, closed, closed]) == ()


def test_a_training_without_a_score_counts_as_the_worst() -> None:
    scores: list[Round] = [{"base": 1.0, "a": math.inf}, {"base": 1.0, "a": math.inf}]
    answered = standing(question(), scores, Fixed(), 1.0, SEEN)
    assert answered.mean == WORST - 1.0
    assert answered.answer is Answer.WORSE
    both: list[Round] = [{"base": math.inf, "a": math.inf}] * 2
    assert standing(question(), both, Fixed(), 1.0, SEEN).mean == 0.0


@pytest.mark.parametrize(
    ("level", "answer"),
    [
        (0.0, Answer.OPEN),  # of the one that spreads: much better than the other
        (1.0 - 3.0 / 8, Answer.OPEN),  # the same
        (2.0, Answer.WORSE),  # further trainings that fail would only make it worse
    ],
)
def test_what_spreads_much_wider_than_the_other_may_only_be_called_worse(
    level: float, answer: Answer
) -> None:
    """As where some of its trainings fail: 3 times as wide, and wide in terms of the margin."""
    wild = [
        {"base": 1.0 + 0.02 * (number % 2), "a": level + (3.0 if number == 4 else 0.0)}
        for number in range(8)
    ]
    swapped = [{"base": scored["a"], "a": scored["base"]} for scored in wild]
    mirrored = Answer.BETTER if answer is Answer.WORSE else answer
    for rounds_, expected in ((wild, answer), (swapped, mirrored)):  # whichever of them it is
        answered = standing(question(), rounds_, Fixed(), 1.0, SEEN)
        assert (answered.answer, answered.lopsided) == (expected, expected is Answer.OPEN)


@pytest.mark.parametrize(
    ("others", "answer"),
    [
        ([3.0] * 6, Answer.WORSE),  # two of eight fail
        ([3.0] * 5 + [0.5], Answer.OPEN),  # and one does better than the other variant
        ([3.0] * 5 + [0.99 + FLOOR], Answer.OPEN),  # or as well, within the floor
        ([2.0, 3.0, 4.0, 5.0, 6.0, 7.0], Answer.OPEN),  # no few that fail: all of them scatter
    ],
)
def test_what_spreads_wider_is_worse_only_if_a_fifth_of_its_trainings_is_why(
    others: Sequence[float], answer: Answer
) -> None:
    """Otherwise settings may be what scatters, and good ones what the search has missed."""
    rounds_: list[Round] = [
        {"base": 1.0 + 0.01 * (-1) ** number, "a": score}
        for number, score in enumerate([9.0, 8.0, *others])
    ]
    answered = standing(question(), rounds_, Fixed(), 1.0, SEEN)
    assert answered.mean > 1.0 + FLOOR
    assert (answered.answer, answered.lopsided) == (answer, answer is Answer.OPEN)


def test_scores_that_spread_alike_or_little_are_not_lopsided() -> None:
    wild = [{"base": 1.0, "a": 2.0 + (3.0 if number == 4 else 0.0)} for number in range(8)]
    both = [{**scored, "base": scored["a"] - 1.0} for scored in wild]
    assert not standing(question(), both, Fixed(), 1.0, SEEN).lopsided
    little = [
        {"base": 1.0 + 1e-4 * (number % 2), "a": 2.0 + 1e-2 * (number % 2)} for number in range(8)
    ]
    # wide only beside almost nothing
    assert not standing(question(), little, Fixed(), 1.0, SEEN).lopsided


@pytest.mark.parametrize(
    ("difference", "best", "answer", "elsewhere"),
    [
        (0.3, {"a": 1.36}, "worse", "open"), (0.3, {"a": 1.34}, "open", "worse"),
        (0.3, {"base": 0.0}, "worse", "open"), (-0.3, {"base": 1.06}, "better", "open"),
        (-0.3, {"base": 1.04}, "open", "better"), (-0.3, {"a": 0.0}, "better", "open"),
        (0.0, {"a": 1.06}, "same", "open"), (0.0, {"a": 1.04}, "open", "same"),
        (0.0, {"base": 1.04}, "open", "same"),
    ],
)  # fmt: skip
def test_what_a_training_before_the_rounds_contradicts_is_not_said(
    difference: float, best: dict[str, float], answer: str, elsewhere: str
) -> None:
    """The baseline's rounds have a mean of 1.25, A's one of 1.25 and the difference; the floor is
    0.1, the margin 0.2.
    """
    answered = standing(question(), rounds(a=difference), Fixed(), 1.0, Seen(WORST, best))
    assert (answered.answer, answered.elsewhere) == (answer, elsewhere)


def test_equal_scores_are_the_same_at_the_first_look_and_not_before() -> None:
    looks = Boundary(6, 24)
    scores = [{"base": 1.0, "a": 1.0}] * 6
    assert played([question()], scores[:5], looks)[0].answer is Answer.OPEN
    assert played([question()], scores, looks)[0].answer is Answer.SAME


# ------------------------------------------------------------------ one error rate for a study


def wrong(answer: Answer, effect: float, asked_: Question) -> bool:
    if answer is Answer.WORSE:
        return effect <= asked_.floor
    if answer is Answer.BETTER:
        return effect >= -asked_.floor
    return answer is Answer.SAME and abs(effect) >= asked_.margin


def share_of_wrong_studies(
    asked_: Sequence[Question], effects: Sequence[float], noise: float, studies: int
) -> float:
    rng = np.random.default_rng(17)
    looks, bad = Boundary(6, 24), 0
    by = dict(zip([asked_question.a for asked_question in asked_], effects))
    for _ in range(studies):
        standings: tuple[Standing, ...] = tuple(Standing() for _ in asked_)
        scores: list[Round] = []
        while len(scores) < 24 and (names := asked(asked_, standings)):
            scores.append(
                {name: by.get(name, 0.0) + noise * rng.standard_normal() for name in names}
            )
            standings = look(asked_, standings, scores, looks, 0.05, SEEN)
        bad += any(
            wrong(standing.answer, effect, ask)
            for standing, effect, ask in zip(standings, effects, asked_)
        )
    return bad / studies


def five(floor: float) -> tuple[Question, ...]:
    return tuple(question(label, floor) for label in "abcde")


ROWS = {
    "at the floor": (five(0.1), [0.1] * 5),
    "at the margin": (five(0.1), [0.2] * 5),
    "the last gets all of the level": (five(0.1), [0.3, 0.3, 0.3, 0.3, 0.1]),
    "the lowest floor that a spec may have": (five(0.05), [0.05] * 5),
    "claims of same, at the margin": (five(0.2), [0.2] * 5),
    "a single one": ((question(),), [0.1]),
}


def check(row: str, studies: int) -> None:
    """A true share of 0.05 gives more in one of 1,000 tests."""
    asked_, effects = ROWS[row]
    share = share_of_wrong_studies(asked_, effects, 0.1, studies)
    assert share <= stats.binom.isf(1e-3, studies, 0.05) / studies


@pytest.mark.parametrize("row", ["at the floor", "the lowest floor that a spec may have"])
def test_at_most_one_study_in_twenty_says_a_wrong_word(row: str) -> None:
    check(row, 100)


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_at_most_one_of_many_studies_in_twenty_says_a_wrong_word(row: str) -> None:
    check(row, 3000)


def test_without_a_floor_chance_would_say_more() -> None:
    """Why a spec may not have one below a quarter of the margin: both directions are wrong then,
    and many `same` close.
    """
    assert share_of_wrong_studies(five(0.0), [0.0] * 5, 0.1, 100) > 0.06
