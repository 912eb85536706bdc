"""What `plan` expects of a second stage, beside stages that are played."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnzoo.confirm.forecast import Forecast, forecast
from rnnzoo.confirm.questions import Answer, Question, Seen, rounds_to_decide
from rnnzoo.confirm.stage import Design, progress
from rnnzoo.confirm.stand import claims_on, design, question, stand
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.stats.sequential import Boundary
from tests.report import confirming

SPEC = """\
experiment: e
task: adding
variants: [lstm, gru, rnn, np]
search: {trials: 4, space: {units: {int: [16, 64]}}}
confirm: {budget: BUDGET, most: 24}
margin: 0.2
claims: [gru worse than lstm, rnn worse than lstm, np better than lstm]
"""
ASKED = Question("a", "b", floor=0.1, margin=0.2)
MANY = 40  # rounds, more than any stage here runs


def experiment(budget: int) -> Experiment:
    return parse_experiment(SPEC.replace("BUDGET", str(budget)), "e.yaml", Path())


def of(budget: int, noise: float | None = None) -> Forecast:
    likely = forecast(experiment(budget), "adding", 4, noise=noise)
    assert likely is not None
    return likely


def spent_by(budget: int, effects: Mapping[str, Sequence[float]]) -> list[int]:
    """How many rounds each claim has in a stage whose scores are these, round by round; zeros for
    other variants.
    """
    read = experiment(budget)
    assert read.confirm is not None
    how = design(read, read.confirm, "adding")
    asked = [question(claim, read) for claim in claims_on(read, "adding")]
    zeros = np.zeros(MANY)
    labels = ("lstm", "gru", "rnn", "np")
    scores = {
        (label, number): float(effects.get(label, zeros)[number])
        for label in labels
        for number in range(MANY)
    }
    return [
        standing.rounds
        for standing in progress(how, asked, scores, 4 * 4 + 2 * 4, Seen(9.0)).standings
    ]


UNDECIDED = np.tile([3.0, -3.0], MANY // 2)  # no interval of such differences lies anywhere
DECIDED = 5.0 + 0.01 * np.arange(MANY)


@pytest.mark.parametrize("budget", [24, 40, 60, 90, 120, 200])
def test_a_budget_has_as_many_rounds_as_a_stage_runs_that_decides_nothing(budget: int) -> None:
    ran = spent_by(budget, {"gru": UNDECIDED, "rnn": UNDECIDED, "np": UNDECIDED})
    assert set(ran) == {of(budget).rounds}


@pytest.mark.parametrize("budget", [24, 40, 60, 90, 120, 200])
def test_the_longest_is_what_a_claim_has_when_all_others_close_at_the_first_look(
    budget: int,
) -> None:
    ran = spent_by(budget, {"gru": UNDECIDED, "rnn": DECIDED, "np": DECIDED})
    assert ran[0] == of(budget).longest


def share_decided(difference: float, spread: float, level: float, most: int, rounds: int) -> float:
    """Of played studies, those that have decided by then."""
    rng = np.random.default_rng(1)
    how = Design(Boundary(6, most), most, budget=1_000, alpha=level, margin=0.2)
    closed = 0
    for _ in range(200):
        effects = {"a": difference, "b": 0.0}
        scores = {
            (label, number): effect + spread / math.sqrt(2) * rng.standard_normal()
            for label, effect in effects.items() for number in range(rounds)
        }  # fmt: skip
        now = progress(replace(how, budget=2 * rounds), [ASKED], scores, 0, Seen(9.0))
        closed += now.standings[0].answer is not Answer.OPEN
    return closed / 200


@pytest.mark.parametrize("difference", [0.0, 0.04, 0.2, 0.4])
@pytest.mark.parametrize(("spread", "level"), [(0.07, 0.01), (0.12, 0.05)])
def test_the_rounds_to_expect_decide_in_four_of_five_studies(
    difference: float, spread: float, level: float
) -> None:
    rounds = rounds_to_decide(ASKED, difference, Boundary(6, 24), spread, level)
    assert rounds is not None
    least = 0.8 - 3 * math.sqrt(0.16 / 200)
    assert share_decided(difference, spread, level, 24, rounds) >= least
    if rounds > 6:  # and half as many do not
        assert share_decided(difference, spread, level, 24, max(rounds // 2, 6)) < 0.8


def test_what_lies_at_the_bound_itself_is_decided_by_no_number_of_rounds() -> None:
    same = replace(ASKED, floor=0.2)  # as `A same as B` has it
    assert rounds_to_decide(same, 0.2, Boundary(6, 24), 0.05, 0.05) is None


def test_without_rounds_the_noise_is_half_the_margin_unless_it_is_given() -> None:
    guess, given = of(150), of(150, noise=0.1)
    assert (guess.noise, guess.given, given.given) == (0.1, False, True)
    assert guess.claims == given.claims
    assert [claim.spread for claim in guess.claims] == pytest.approx([math.sqrt(2) * 0.1] * 3)
    louder = of(150, noise=0.2)
    for claim, with_noise in zip(guess.claims, louder.claims):
        assert claim.sees < with_noise.sees
        assert [case.rounds or 0 for case in claim.cases] <= [
            case.rounds or 9999 for case in with_noise.cases
        ]


def test_no_claim_can_be_decided_that_has_no_look() -> None:
    likely = of(40)
    assert likely.rounds == likely.longest == 4
    assert not any(claim.decidable for claim in likely.claims)
    assert all(math.isinf(claim.sees) for claim in likely.claims)


@pytest.mark.parametrize("most", [24, 8])
def test_the_budget_that_suffices_does(most: int) -> None:
    """Also where `most` must grow with it, which makes every look wider."""
    short = forecast(with_most(60, most), "adding", 4)
    assert short is not None
    assert short.budget is not None
    assert short.suffices is not None
    assert not any(claim.decidable for claim in short.claims)
    enough = forecast(with_most(short.budget, max(most, short.suffices)), "adding", 4)
    assert enough is not None
    assert enough.rounds == short.suffices
    assert any(claim.decidable for claim in enough.claims)
    needed = [
        case.rounds
        for case in enough.claims[0].cases
        if case.rounds and case.difference in (0.0, 0.2)
    ]
    assert min(needed) <= enough.rounds


def with_most(budget: int, most: int) -> Experiment:
    read = experiment(budget)
    assert read.confirm is not None
    return replace(read, confirm=replace(read.confirm, most=most))


def test_once_rounds_were_run_their_spread_counts_and_what_is_decided_is_left_out() -> None:
    spec = confirming.SPEC.replace("budget: 150", "budget: 60")
    read = confirming.experiment(spec)
    made = confirming.Trainings(read, {"rnn": 2.0, "gru": 0.1}, noise=0.15).all()
    now = stand(read, "adding", made, confirming.TRIALS)
    likely = forecast(read, "adding", confirming.TRIALS, now)
    assert likely is not None
    assert now.ended == "budget"
    assert [claim.claim for claim in likely.claims] == ["gru same as lstm"]
    differences = [scored["gru"] - scored["lstm"] for scored in now.rounds]
    assert likely.claims[0].spread == pytest.approx(np.std(differences, ddof=1))
    assert likely.claims[0].measured == likely.run == likely.rounds == len(differences)


def test_a_stage_that_goes_on_with_a_larger_budget_has_the_rounds_that_were_expected() -> None:
    shape = {"rnn": 0.15, "gru": 0.14}
    small, large = (
        confirming.SPEC.replace("budget: 150", f"budget: {budget}") for budget in (60, 90)
    )
    made = confirming.Trainings(confirming.experiment(small), shape, noise=0.4).all()
    read = confirming.experiment(large)
    expected = forecast(
        read, "adding", confirming.TRIALS, stand(read, "adding", made, confirming.TRIALS)
    )
    ran = stand(
        read, "adding", confirming.Trainings(read, shape, noise=0.4).all(), confirming.TRIALS
    )
    assert expected is not None
    assert all(standing.answer is Answer.OPEN for standing in ran.standings.values())
    assert expected.rounds == len(ran.rounds)


def test_nothing_is_expected_where_nothing_is_confirmed_or_all_is_decided() -> None:
    assert forecast(replace(experiment(150), confirm=None), "adding", 4) is None
    read = confirming.experiment()
    made = confirming.Trainings(read, {"rnn": 2.0}).all()
    now = stand(read, "adding", made, confirming.TRIALS)
    assert now.ended == "decided"
    assert forecast(read, "adding", confirming.TRIALS, now) is None
