"""What comes next is a function of what was trained: pilots, then rounds, then nothing."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.confirm.questions import Answer, Question, Seen
from rnnzoo.confirm.region import Reach, Scored, best_expected, regions
from rnnzoo.confirm.stage import (
    REPEATS,
    SURPRISE,
    Design,
    RoundsSoFar,
    Wanted,
    in_round,
    place_in_round,
    progress,
    tune,
    tuned_questions,
)
from rnnzoo.stats.sequential import Anytime, Boundary

MARGIN = 0.2
NAMES = ("base", "a", "b")
QUESTIONS = (Question("a", "base", 0.1, MARGIN), Question("b", "base", 0.1, MARGIN))
DESIGN = Design(Boundary(4, 8), 8, margin=MARGIN, budget=1000)
Scores = dict[tuple[str, int], float]


def uniform(words: str) -> float:
    return int(hashlib.sha256(words.encode()).hexdigest()[:8], 16) / 16**8


def bowl(points: np.ndarray) -> np.ndarray:
    score: np.ndarray = 4.0 * ((points - 0.4) ** 2).sum(-1)
    return score


def search(names: tuple[str, ...] = NAMES, of_each: int = 8) -> Scored:
    points = np.random.default_rng(0).random((len(names) * of_each, 2))
    return Scored(points, tuple(name for name in names for _ in range(of_each)), bowl(points))


# ------------------------------------------------------------------ regions


def test_one_lucky_seed_does_not_make_a_good_setting() -> None:
    trained = search(of_each=16)
    scores = trained.scores.copy()
    # a training of the baseline at a usual setting
    lucky = int(np.argmax(np.abs(scores - np.median(scores)) < 0.05))
    scores[lucky] = -0.5  # below the bowl's bottom, which is 0
    told = best_expected(Scored(trained.points, trained.variants, scores), [True] * len(scores))
    assert -0.35 < told["base"] < scores.max()  # drawn towards its neighbours
    unlucky = best_expected(trained, [True] * len(scores))
    assert told["a"] == pytest.approx(unlucky["a"], abs=0.1)


def test_a_setting_at_which_a_variant_did_well_again_and_again_is_good() -> None:
    trained = search()
    place = np.array([[0.9, 0.9]])  # where the bowl is 2.0
    again = Scored(
        np.repeat(place, 6, axis=0) + np.linspace(0, 0.01, 6)[:, None], ("a",) * 6, np.full(6, -0.5)
    )
    told = best_expected(trained.with_more(again), [True] * (len(trained.scores) + 6))
    assert told["a"] == pytest.approx(-0.5, abs=0.1)
    assert told["base"] > -0.2


def test_a_training_counts_as_no_better_than_its_score_and_only_if_it_counts() -> None:
    trained = search()
    everything = best_expected(trained, [True] * len(trained.scores))
    for name in NAMES:
        own = np.array([variant == name for variant in trained.variants])
        assert everything[name] >= trained.scores[own].min()
    counted = [variant == "a" for variant in trained.variants]
    assert set(best_expected(trained, counted)) == {"a"}
    assert best_expected(trained, counted)["a"] == everything["a"]


def test_the_region_lies_where_all_do_well_and_is_as_large_as_was_asked() -> None:
    fitted = regions(search(), NAMES, 0.01, common=True)
    assert fitted["a"] is fitted["b"] is fitted["base"]
    assert len(fitted["a"].points) == 20  # 1 % of 2,048
    assert bowl(fitted["a"].points).max() < 0.2
    assert set(fitted["a"].expected) == set(NAMES)
    assert len(regions(search(), NAMES, 1e-5, common=True)["a"].points) == 1


def slope(points: np.ndarray) -> np.ndarray:
    """Scores that go on improving to the end of the first axis."""
    score: np.ndarray = -2.0 * points[:, 0] + 0.1 * points[:, 1]
    return score


def test_a_region_does_not_reach_beyond_what_was_tried() -> None:
    points = 0.1 + 0.6 * search().points
    tried = Scored(points, search().variants, slope(points))
    end = points[:, 0].max()
    within = regions(tried, NAMES, 0.05, common=True)["a"].points
    assert len(within) == 102  # 5 % of 2,048
    assert end - 0.2 < within[:, 0].max() <= end
    assert (points.min(axis=0) <= within).all()
    assert (within <= points.max(axis=0)).all()
    anywhere = regions(tried, NAMES, 0.05, common=True, reach=Reach.ANYWHERE)["a"].points
    assert anywhere[:, 0].min() > end


def test_pilots_try_what_lies_beyond_and_rounds_go_as_far_as_they_went() -> None:
    tried = Scored(0.1 + 0.6 * search().points, search().variants, np.zeros(24))
    tried = replace(tried, scores=slope(tried.points))
    end = tried.points[:, 0].max()
    without = tune(replace(DESIGN, pilot=0), NAMES, tried, {}, uniform)
    assert without.regions["a"].points[:, 0].max() <= end
    first = tune(DESIGN, NAMES, tried, {}, uniform)
    points = np.array([pilot.point for pilot in first.wanted])
    assert points[:, 0].min() > end
    scores = {pilot.key: float(score) for pilot, score in zip(first.wanted, slope(points))}
    now = tune(DESIGN, NAMES, tried, scores, uniform)
    assert now.trained == first.wanted
    assert end < now.regions["a"].points[:, 0].max() <= points[:, 0].max()


def test_a_region_of_ones_own_does_not_reach_beyond_ones_own_trials() -> None:
    points = search().points
    points[:, 0] *= 0.5
    is_b = np.array([variant == "b" for variant in search().variants])
    points[is_b, 0] += 0.5  # where all improve, and only b was tried
    tried = Scored(points, search().variants, slope(points))
    own = regions(tried, NAMES, 0.05, common=False)
    assert own["a"].points[:, 0].max() <= points[~is_b, 0].max() < 0.5
    assert own["b"].points[:, 0].min() > 0.5
    by_any = regions(tried, NAMES, 0.05, common=False, reach=Reach.TRIED_BY_ANY, own_scales=False)
    assert by_any["a"].points[:, 0].min() > 0.5


def test_a_variant_without_a_score_has_the_range_of_all_trials() -> None:
    points = np.concatenate([0.1 + 0.6 * search().points, [[0.99, 0.99]]])
    scores = np.append(slope(points[:-1]), math.inf)
    tried = Scored(points, (*search().variants, "d"), scores)
    own = regions(tried, (*NAMES, "d"), 0.05, common=False)["d"].points
    assert points[:-1].min() <= own.min() < own.max() <= points[:-1].max()


def test_a_setting_without_a_score_was_not_tried() -> None:
    points = np.concatenate([0.1 + 0.6 * search().points, [[0.99, 0.99]]])
    scores = np.append(slope(points[:-1]), math.inf)
    within = regions(Scored(points, (*search().variants, "a"), scores), NAMES, 0.05, common=True)
    assert within["a"].points.max() < 0.7


def test_where_less_was_tried_than_a_region_has_it_is_what_lies_nearest() -> None:
    points = np.full((9, 2), 0.5)  # known good points, and nothing else
    trials = Scored(points, NAMES * 3, np.linspace(0.0, 0.1, 9))
    near = regions(trials, NAMES, 0.01, common=True)["a"].points
    assert len(near) == 20
    assert np.abs(near - 0.5).max() < 0.06  # half the side of a square with 1 % of the space: 0.05


def test_regions_of_ones_own_lie_where_each_does_well() -> None:
    rng = np.random.default_rng(0)
    points = rng.random((60, 2))
    left = np.arange(60) < 30
    centres = np.where(left[:, None], [[0.25, 0.5]], [[0.75, 0.5]])
    trials = Scored(points, tuple(np.where(left, "a", "b")), 4.0 * ((points - centres) ** 2).sum(1))
    fitted = regions(trials, ("a", "b"), 0.02, common=False)
    assert fitted["a"].points[:, 0].mean() < 0.4
    assert fitted["b"].points[:, 0].mean() > 0.6


# ------------------------------------------------------------------ pilots


def piloted(
    score: Callable[[Wanted], float], design: Design = DESIGN
) -> tuple[list[list[Wanted]], tuple[str, ...]]:
    """The batches of pilots that are asked for one after another, and who is not tuned at the
    end.
    """
    pilots: Scores = {}
    batches: list[list[Wanted]] = []
    while (now := tune(design, NAMES, search(), pilots, uniform)).wanted:
        batches.append(list(now.wanted))
        assert not now.untuned
        assert now.pilots == sum(map(len, batches[:-1]))
        pilots |= {(pilot.variant, pilot.index): score(pilot) for pilot in now.wanted}
    assert now.pilots == len(pilots)
    return batches, now.untuned


def as_predicted(pilot: Wanted) -> float:
    return pilot.expected


def test_pilots_that_do_as_well_as_predicted_are_trained_once() -> None:
    batches, untuned = piloted(as_predicted)
    assert [[(pilot.variant, pilot.index) for pilot in batch] for batch in batches] == [
        [(name, number) for name in NAMES for number in (0, 1)]
    ]
    assert untuned == ()


def test_better_than_predicted_is_no_surprise() -> None:
    batches, untuned = piloted(lambda pilot: pilot.expected - 100.0)
    assert (len(batches), untuned) == (1, ())


@pytest.mark.parametrize("score", [5.0, math.inf, math.nan])
def test_a_variant_that_keeps_doing_worse_repeats_its_pilots_four_times_and_is_not_tuned(
    score: float,
) -> None:
    batches, untuned = piloted(lambda pilot: score if pilot.variant == "a" else pilot.expected)
    assert len(batches) == REPEATS == 4
    assert [{pilot.variant for pilot in batch} for batch in batches] == [
        set(NAMES),
        {"a"},
        {"a"},
        {"a"},
    ]
    assert [pilot.index for batch in batches for pilot in batch if pilot.variant == "a"] == list(
        range(8)
    )
    assert untuned == ("a",)


def test_a_variant_that_is_surprised_once_comes_clean() -> None:
    """One of its two pilots is enough to repeat both."""
    batches, untuned = piloted(
        lambda pilot: (
            pilot.expected + (2.6 if (pilot.variant, pilot.index) == ("b", 1) else 0.0) * MARGIN
        )
    )
    assert [{pilot.variant for pilot in batch} for batch in batches] == [set(NAMES), {"b"}]
    assert untuned == ()


def test_a_surprise_is_measured_in_margins() -> None:
    for by, batches in ((0.99 * SURPRISE, 1), (1.01 * SURPRISE, REPEATS)):
        repeats, _ = piloted(lambda pilot, by=by: pilot.expected + by * MARGIN)
        assert len(repeats) == batches


def test_pilots_teach_the_surface() -> None:
    """Where all that is predicted to do well does badly, the region moves away."""
    before = regions(search(), NAMES, 0.01, common=True)["a"].points
    pilots: Scores = {}
    while (now := tune(DESIGN, NAMES, search(), pilots, uniform)).wanted:
        pilots |= {(pilot.variant, pilot.index): 9.0 for pilot in now.wanted}
    assert now.untuned == NAMES
    assert not np.array_equal(before, now.regions["a"].points)


def test_without_pilots_the_region_is_that_of_the_search() -> None:
    now = tune(replace(DESIGN, pilot=0), NAMES, search(), {}, uniform)
    assert (now.wanted, now.untuned, now.pilots) == ((), (), 0)
    assert np.array_equal(
        now.regions["a"].points, regions(search(), NAMES, 0.01, common=True)["a"].points
    )


def test_of_pilots_that_were_cut_off_only_those_that_lack_come_again() -> None:
    first = tune(DESIGN, NAMES, search(), {}, uniform).wanted
    some = {(pilot.variant, pilot.index): pilot.expected for pilot in first[::2]}
    again = tune(DESIGN, NAMES, search(), some, uniform)
    assert again.wanted == first[1::2]
    assert again.pilots == len(some)


def test_what_is_not_tuned_is_not_asked_about() -> None:
    assert tuned_questions(QUESTIONS, ()) == QUESTIONS
    assert tuned_questions(QUESTIONS, ("a",)) == QUESTIONS[1:]
    assert tuned_questions(QUESTIONS, ("base",)) == ()


# ------------------------------------------------------------------ rounds


def scored(name: str, number: int, effects: Mapping[str, float]) -> float:
    """A score that anybody can compute again."""
    return effects.get(name, 0.0) + 0.1 * math.sin(100.0 * uniform(f"{name} {number}"))


def now(
    scores: Mapping[tuple[str, int], float], design: Design = DESIGN, spent: int = 30
) -> RoundsSoFar:
    return progress(design, QUESTIONS, scores, spent, Seen(9.0))


def played(
    design: Design, effects: Mapping[str, float], spent: int = 30
) -> tuple[RoundsSoFar, list[tuple], Scores]:
    """The whole stage; the batches that came."""
    scores: Scores = {}
    batches = []
    while (so_far := now(scores, design, spent)).missing:
        batches.append(so_far.missing)
        for key in so_far.missing:
            assert key not in scores  # what was trained is never wanted again
            scores[key] = scored(*key, effects)
    return so_far, batches, scores


def test_all_rounds_up_to_the_first_look_come_at_once_and_then_one_by_one() -> None:
    so_far, batches, _ = played(DESIGN, {"a": 0.15, "b": 0.15})
    assert batches[0] == tuple((name, number) for number in range(4) for name in NAMES)
    assert [{number for _, number in batch} for batch in batches[1:]] == [
        {number} for number in range(4, 4 + len(batches) - 1)
    ]
    assert len(batches) > 1
    assert so_far.trainings == 30 + sum(map(len, batches))


def test_trainings_go_only_where_a_question_is_open() -> None:
    so_far, batches, _ = played(DESIGN, {"a": 3.0, "b": 0.15})
    assert so_far.standings[0].answer is Answer.WORSE
    assert so_far.standings[0].rounds == 4
    assert batches[1] == (("base", 4), ("b", 4))


def test_it_ends_when_all_is_decided() -> None:
    so_far, batches, _ = played(DESIGN, {"a": 3.0, "b": -3.0})
    assert (so_far.ended, len(so_far.rounds), len(batches)) == ("decided", 4, 1)
    assert [standing.answer for standing in so_far.standings] == [Answer.WORSE, Answer.BETTER]


def test_it_ends_with_the_last_round() -> None:
    so_far, _, _ = played(DESIGN, {"a": 0.1, "b": 0.1})
    assert (so_far.ended, len(so_far.rounds)) == ("most", 8)


def test_it_goes_on_until_the_budget_is_spent_where_there_is_no_last_round() -> None:
    so_far, _, _ = played(
        replace(DESIGN, looks=Anytime(4), most=None, budget=100), {"a": 0.1, "b": 0.1}
    )
    assert (so_far.ended, so_far.trainings) == ("budget", 99)


@given(st.integers(0, 70))
def test_the_budget_is_never_exceeded_and_a_larger_one_goes_on(budget: int) -> None:
    effects = {"a": 0.12, "b": 0.1}
    so_far, _, scores = played(replace(DESIGN, budget=budget), effects)
    assert so_far.trainings <= max(budget, 30)
    assert so_far.ended in ("budget", "most", "decided")
    assert so_far.ended != "budget" or budget - so_far.trainings < 3
    larger, _, more = played(replace(DESIGN, budget=1000), effects)
    assert scores.items() <= more.items()
    whole = now(scores, replace(DESIGN, budget=1000))
    assert set(whole.missing) <= set(more)
    assert larger.rounds[: len(so_far.rounds)] == so_far.rounds


@given(st.data())
def test_what_comes_next_depends_on_what_was_trained_and_not_on_the_order(
    data: st.DataObject,
) -> None:
    """Trained in any order, by batches or a part of one, the same trainings are made and the same
    is said.
    """
    effects = {
        "a": data.draw(st.sampled_from([0.0, 0.15, 0.5])),
        "b": data.draw(st.sampled_from([-0.3, 0.0, 0.12])),
    }
    expected, _, all_scores = played(DESIGN, effects)
    scores: Scores = {}
    while (so_far := now(scores)).missing:
        assert not set(so_far.missing) & set(scores)
        assert so_far.trainings == 30 + len(scores) + len(
            so_far.missing
        ) or so_far.trainings <= 30 + len(all_scores)
        for key in data.draw(st.lists(st.sampled_from(so_far.missing), min_size=1, unique=True)):
            scores[key] = scored(*key, effects)
    assert scores == all_scores
    assert so_far == expected


def test_rounds_are_told_without_a_gap_and_none_is_asked_for_behind_a_complete_one() -> None:
    scores = {(name, number): scored(name, number, {}) for name in NAMES for number in (0, 2)}
    so_far = now({**scores, ("a", 1): 0.0})
    assert so_far.missing == (("base", 1), ("b", 1))
    assert len(so_far.rounds) == 1
    filled = now({**scores, **{(name, 1): 0.0 for name in NAMES}})
    assert {number for _, number in filled.missing} == {3}
    assert len(filled.rounds) == 3


def test_a_training_that_is_not_asked_for_changes_nothing() -> None:
    so_far, _, scores = played(DESIGN, {"a": 3.0, "b": 0.15})
    assert now({**scores, ("a", 6): -99.0, ("other", 0): 1.0}) == so_far


def test_a_training_without_a_score_is_trained_once_and_counts_as_the_worst() -> None:
    scores = {
        (name, number): math.inf if name == "a" else 1.0 for name in NAMES for number in range(4)
    }
    so_far = now(scores)
    assert so_far.standings[0].mean == 8.0
    assert not set(so_far.missing) & set(scores)


# ------------------------------------------------------------------ settings of rounds


def test_rounds_visit_all_of_the_region_before_any_point_comes_again() -> None:
    region = regions(search(), NAMES, 0.005, common=True)["a"]
    size = len(region.points)
    order = [place_in_round(region, "round", number, uniform) for number in range(3 * size)]
    for lap in range(3):
        assert sorted(order[lap * size : (lap + 1) * size]) == list(range(size))
    assert order[:size] != order[size : 2 * size]


def test_a_round_is_at_one_setting_for_all_or_at_one_of_ones_own() -> None:
    for common in (True, False):
        design = replace(DESIGN, common=common, pilot=0)
        tuned = tune(design, NAMES, search(), {}, uniform)
        settings = [
            in_round(design, tuned, name, number, uniform).point
            for number in range(5)
            for name in NAMES
        ]
        same = [len(set(settings[3 * number : 3 * number + 3])) for number in range(5)]
        assert all(count == 1 for count in same) == common
