"""What a plan promises, against studies that are run."""

from __future__ import annotations

import numpy as np

from rnnzoo.confirm.expect import expect
from rnnzoo.confirm.questions import Answer, Question, standing
from rnnzoo.stats.sequential import Boundary

LOOKS = Boundary(6, 16)
ASKED = Question("a", "b", floor=0.1, margin=0.2)
LEVEL, NOISE = 0.01, 0.08


def played(difference: float, studies: int) -> list[int]:
    """The rounds that studies take which decide, each of them run and looked at round by round."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(studies):
        rounds = [
            {"a": difference + NOISE * rng.standard_normal(), "b": NOISE * rng.standard_normal()} for _ in range(16)
        ]
        answers = [standing(ASKED, rounds[:count], LOOKS, LEVEL, 9.0) for count in range(6, 17)]
        closed = [one.rounds for one in answers if one.answer is not Answer.OPEN]
        found += closed[:1]
    return found


def test_what_is_expected_is_what_studies_find_out() -> None:
    for difference in (0.0, 0.1, 0.2, 0.3):
        expected, ran = expect(ASKED, LOOKS, LEVEL, NOISE, difference), played(difference, 150)
        assert abs(expected.decided - len(ran) / 150) < 0.12, difference
        if expected.rounds is not None:
            assert abs(expected.rounds - float(np.median([*ran, *[np.inf] * (150 - len(ran))]))) <= 1.0, difference


def test_a_difference_between_floor_and_margin_is_the_hardest_to_decide() -> None:
    shares = {difference: expect(ASKED, LOOKS, LEVEL, NOISE, difference).decided for difference in (0.0, 0.12, 0.4)}
    assert shares[0.12] < 0.2
    assert shares[0.4] > 0.9
    assert shares[0.12] < shares[0.0]


def test_more_noise_decides_less_and_takes_longer() -> None:
    quiet, loud = (expect(ASKED, LOOKS, LEVEL, noise, 0.3) for noise in (0.05, 0.15))
    assert quiet.decided > loud.decided
    assert quiet.rounds is not None
    assert loud.rounds is None or loud.rounds > quiet.rounds
