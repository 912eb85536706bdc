"""Arithmetic, against Python's own."""

from __future__ import annotations

import re

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import UsageError
from rnnzoo.tasks import Split

SMALL = {"train": 200, "valid": 10, "test": 100}
PROBLEM = re.compile(r"(-?\d+)([+-])(-?\d+)=(-?\d+)\.")


def texts(task: tasks.Task, split: str = "train") -> list[str]:
    """What a split shows, with the point that is only asked for."""
    part = task.splits[split]
    return [
        "".join(task.classes[symbol] for symbol in [*row[:length, 0], answers[length - 1]])
        for row, answers, length in zip(part.x, part.y, part.lengths)
    ]


def counted(task: tasks.Task, part: Split) -> list[str]:
    assert part.weights is not None
    return [
        "".join(task.classes[symbol] for symbol in answers[weights > 0])
        for answers, weights in zip(part.y, part.weights)
    ]


@pytest.mark.parametrize("digits", [1, 8, 18])
def test_the_result_is_that_of_the_numbers_without_the_letters(digits: int) -> None:
    task = tasks.load("arithmetic", {**SMALL, "digits": digits})
    lengths = set()
    for text in texts(task):
        problem = PROBLEM.fullmatch(re.sub("[a-z]", "", text))
        assert problem
        first, operator, second, result = problem.groups()
        sign = 1 if operator == "+" else -1
        assert int(first) + sign * int(second) == int(result)
        lengths |= {len(first.lstrip("-")), len(second.lstrip("-"))}
        assert str(int(first)) == first
    assert lengths == set(range(1, digits + 1))


def test_only_the_result_and_its_point_count() -> None:
    task = tasks.load("arithmetic", SMALL)
    asked = counted(task, task.splits["test"])
    assert asked == [text.partition("=")[2] for text in texts(task, "test")]


def test_each_step_shows_what_the_one_before_asked_for() -> None:
    for part in tasks.load("arithmetic", SMALL).splits.values():
        for row, answers, length in zip(part.x[..., 0], part.y, part.lengths):
            np.testing.assert_array_equal(row[1:length], answers[: length - 1])


@pytest.mark.parametrize("letters", [1, 3])
def test_so_many_letters_stand_behind_a_character(letters: int) -> None:
    task = tasks.load("arithmetic", {**SMALL, "letters": letters})
    runs = re.findall(r"(?<=[^a-z])[a-z]*(?=[^a-z])", "".join(texts(task)))
    assert max(map(len, runs)) == letters
    assert all(re.fullmatch(r"-?\d+\.", answer) for answer in counted(task, task.splits["train"]))


def test_the_symbols_are_the_forty_of_the_paper_and_all_of_them_come() -> None:
    task = tasks.load("arithmetic", SMALL)
    assert task.inputs == task.outputs == task.vocabulary == 40
    assert len(np.unique(task.splits["train"].x)) == 39  # the point is only asked for


def test_numbers_of_both_signs_and_both_operators_come_equally_often() -> None:
    task = tasks.load("arithmetic", {**SMALL, "train": 2000, "letters": 1})
    plain = [re.sub("[a-z]", "", text) for text in texts(task)]
    problems = [match.groups() for match in map(PROBLEM.fullmatch, plain) if match]
    assert len(problems) == 2000
    negative = np.mean([first.startswith("-") for first, *_ in problems])
    plus = np.mean([operator == "+" for _, operator, *_ in problems])
    # half, but for zeros, which have no sign; 4 standard deviations of 2,000 draws are 0.045
    assert negative == pytest.approx(0.5 * (1 - 1 / 80), abs=0.045)
    assert plus == pytest.approx(0.5, abs=0.045)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"digits": 0}, "`digits` must be at least 1 and"),
        ({"digits": 19}, "`digits` must be at most 18, not 19"),
        ({"letters": 0}, "`letters` must be at least 1 and"),
    ],
)
def test_numbers_that_cannot_be_are_refused(options: dict[str, int], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        tasks.load("arithmetic", options)
