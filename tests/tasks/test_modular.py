"""Running sums modulo a number and running parity, against loops over the steps."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import UsageError

SMALL = {"train": 300, "valid": 20, "test": 300}


@pytest.mark.parametrize(
    ("options", "step"),
    [
        ({"modulus": 5}, lambda state, shown: (state + shown) % 5),
        ({"modulus": 3, "kind": "counting"}, lambda state, shown: (0, 1, 2, 0)[state + shown]),
    ],
)
def test_every_answer_is_the_position_on_the_ring_after_the_step(options, step) -> None:
    split = tasks.load("modular", {**SMALL, **options, "length": 20}).splits["train"]
    for digits, positions in zip(split.x.argmax(-1).tolist(), split.y.tolist()):
        assert list(itertools.accumulate(digits, step, initial=0))[1:] == positions


def test_digits_are_all_those_of_the_modulus_and_bits_are_bits() -> None:
    addition = tasks.load("modular", SMALL).splits["train"].x
    counting = tasks.load("modular", {**SMALL, "kind": "counting"}).splits["train"].x
    np.testing.assert_allclose(addition.mean((0, 1)), [0.2] * 5, atol=0.02)
    np.testing.assert_allclose(counting.mean((0, 1)), [0.5, 0.5], atol=0.02)


def test_running_parity_is_that_of_the_binary_number_of_its_bits() -> None:
    split = tasks.load("parity", SMALL).splits["test"]
    for bits, answers in zip(split.x.argmax(-1), split.y):
        number = "".join(map(str, bits))
        ones = [number[:end].count("1") for end in range(1, len(number) + 1)]
        assert [count & 1 for count in ones] == answers.tolist()


def test_parity_of_the_whole_counts_all_real_bits_and_nothing_behind_them() -> None:
    split = tasks.load("parity", {**SMALL, "answer": "sequence", "length": 12}).splits["train"]
    assert set(split.lengths.tolist()) == set(range(1, 13))
    assert split.y.tolist() == [int(ones) % 2 for ones in split.x[..., 1].sum(1)]
    np.testing.assert_array_equal(split.x.sum((1, 2)), split.lengths)


@pytest.mark.parametrize(
    ("task", "options", "expected"),
    [
        # 1 - 1/m of the answers but the first, which is the digit itself
        ("modular", {"modulus": 4, "length": 10}, 0.75 * 0.9),
        ("parity", {"length": 10}, 0.5 * 0.9),
        ("parity", {"length": 10, "answer": "sequence"}, 0.5 * 0.9),
    ],
)
def test_whoever_sees_one_step_knows_the_first_answer_only(task, options, expected) -> None:
    sizes = {"train": 3000, "valid": 1, "test": 3000}
    scores = tasks.load(task, {**sizes, **options}).baselines
    assert scores["most frequent class under the symbol"] == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize(
    ("task", "options", "words"),
    [
        ("modular", {"modulus": 1}, "`modulus` must be at least 2, not 1"),
        ("modular", {"length": 1}, "`length` must be at least 2, not 1"),
        ("modular", {"kind": "adition"}, "`kind` cannot be 'adition'.*did you mean 'addition'"),
        ("parity", {"answer": "end"}, "`answer` cannot be 'end'.*one of: sequence, step"),
    ],
)
def test_what_makes_no_task_is_refused(task, options, words) -> None:
    with pytest.raises(UsageError, match=f"(?s){words}"):
        tasks.load(task, options)
