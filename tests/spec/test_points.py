"""Points as functions of the index."""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rnnzoo.spec import points, seeds
from rnnzoo.spec.experiment import Dimension, Earlier, Named, Search, Space

UNITS = Dimension("units", "int", 16, 64, log=True)
RATE = Dimension("learning_rate", "float", 1e-4, 1e-1, log=True)
DROP = Dimension("dropout", "float", 0.0, 0.5)
STEPPED = Dimension("clip", "float", 0.0, 1.0, step=0.25)
OPTIMIZER = Dimension("optimizer", "choice", choices=("adam", "sgd"))
MOMENTUM = Dimension("momentum", "float", 0.0, 0.99, when={"optimizer": ("sgd",)})
SPACE = Space((UNITS, RATE, DROP, STEPPED, OPTIMIZER, MOMENTUM), {"layers": 1})


def draw(
    name: str, count: int, variant: str = "v", draws: str = "own", seed: int = 0
) -> list[dict]:
    search = Search(sampler=Named(name), seed=seed, draws=draws, space=SPACE)
    return [points.point(search, SPACE, variant, "t", index) for index in range(count)]


@pytest.mark.parametrize("name", ["random", "qmc"])
def test_values_have_the_distribution_that_was_asked_for(name: str) -> None:
    settings = draw(name, 3000)
    rates = np.log([setting["learning_rate"] for setting in settings])
    low, high = math.log(1e-4), math.log(1e-1)
    assert stats.kstest(rates, stats.uniform(low, high - low).cdf).pvalue > 1e-3
    drops = [setting["dropout"] for setting in settings]
    assert stats.kstest(drops, stats.uniform(0, 0.5).cdf).pvalue > 1e-3
    counts = np.bincount([int(setting["clip"] * 4) for setting in settings], minlength=5)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_whole_numbers_stay_in_their_range_and_reach_both_ends() -> None:
    units = [setting["units"] for setting in draw("random", 3000)]
    assert (min(units), max(units)) == (16, 64)
    assert all(isinstance(size, int) for size in units)
    share = math.log(64.5 / 63.5) / math.log(64.5 / 15.5)
    assert np.mean(np.array(units) == 64) == pytest.approx(share, rel=0.5)


def test_a_conditional_dimension_exists_only_where_its_condition_holds() -> None:
    for setting in draw("random", 200):
        assert ("momentum" in setting) == (setting["optimizer"] == "sgd")
        assert setting["layers"] == 1


def test_common_draws_are_the_same_for_all_variants_and_own_ones_are_not() -> None:
    assert draw("random", 5, "a", "common") == draw("random", 5, "b", "common")
    assert draw("random", 5, "a") != draw("random", 5, "b")
    assert draw("random", 5, seed=0) != draw("random", 5, seed=1)


def test_a_dimension_more_leaves_the_others_as_they_were() -> None:
    search = Search()
    small, large = Space((RATE,)), Space((UNITS, RATE))
    for index in range(5):
        first, second = (points.point(search, space, "v", "t", index) for space in (small, large))
        assert first["learning_rate"] == second["learning_rate"]


GRID = Search(sampler=Named("grid"))
KNOWN = ({"units": 20, "learning_rate": 0.003}, {"optimizer": "sgd"}, {"clip": 1})


@pytest.mark.parametrize("name", ["random", "qmc"])
def test_known_points_come_first_and_leave_the_others_as_they_were(name: str) -> None:
    drawn = draw(name, 5)
    search = Search(sampler=Named(name), space=SPACE, points=KNOWN)
    known = [points.point(search, SPACE, "v", "t", index) for index in range(5)]
    assert known[3:] == drawn[3:]
    assert known[0] == {**drawn[0], **KNOWN[0]}
    assert known[1]["optimizer"] == "sgd"
    assert "momentum" in known[1]  # which the known value has brought into being
    assert (known[2]["clip"], type(known[2]["clip"])) == (1.0, float)
    assert {**known[2], "clip": drawn[2]["clip"]} == drawn[2]


def test_a_grid_follows_its_known_points() -> None:
    space = Space((Dimension("units", "int", 1, 3),))
    search = Search(sampler=Named("grid"), space=space, points=({"units": 2}, {"units": 3}))
    units = [points.point(search, space, "v", "t", index) for index in range(6)]
    assert units == [{"units": 2}, {"units": 3}, {"units": 1}, {"units": 2}, {"units": 3}, None]
    assert [points.planned(search, space, trials) for trials in (1, 4, 9)] == [1, 4, 5]


@pytest.mark.parametrize("name", ["random", "qmc"])
def test_a_widened_space_leaves_the_first_trials_where_they_were(name: str) -> None:
    wider = Space((replace(UNITS, high=256), *SPACE.dimensions[1:]), SPACE.fixed)
    search, before = Search(sampler=Named(name), space=wider), (Earlier(3, SPACE),)
    drawn = [points.point(search, wider, "v", "t", index, before) for index in range(40)]
    assert drawn[:3] == draw(name, 3)
    assert drawn[3:] == [points.point(search, wider, "v", "t", index) for index in range(3, 40)]
    assert max(setting["units"] for setting in drawn) > 64


def test_a_grid_that_grew_goes_through_what_it_had_and_then_through_what_is_new() -> None:
    small = Space((Dimension("units", "choice", choices=(4, 8)),), {"layers": 1})
    large = Space(
        (Dimension("layers", "int", 1, 2), Dimension("units", "choice", choices=(2, 4, 8)))
    )
    before = (Earlier(9, small),)
    settings = [points.point(GRID, large, "v", "t", index, before) for index in range(7)]
    assert settings[:2] == [{"layers": 1, "units": 4}, {"layers": 1, "units": 8}]
    assert settings[2:6] == [
        {"layers": layers, "units": units} for layers, units in [(1, 2), (2, 2), (2, 4), (2, 8)]
    ]
    assert settings[6] is None
    assert points.planned(GRID, large, 9, before) == 6


def test_a_grid_of_finer_steps_has_no_point_twice_that_differs_by_rounding() -> None:
    """One step of 0.3 is 0.3, and three of 0.1 are 0.30000000000000004."""
    fine = Space((Dimension("dropout", "float", 0.0, 0.6, step=0.1),))
    coarse = Space((Dimension("dropout", "float", 0.0, 0.6, step=0.3),))
    before = (Earlier(3, coarse),)
    assert points.planned(GRID, fine, 30, before) == 7
    settings = [points.point(GRID, fine, "v", "t", index, before) for index in range(7)]
    drawn = [setting["dropout"] for setting in settings if setting]
    assert drawn[:3] == [0.0, 0.3, 0.6]
    assert drawn[3:] == pytest.approx([0.1, 0.2, 0.4, 0.5])


def test_points_are_the_same_in_every_process_and_for_ever() -> None:
    """Golden: an index that drew another point would make old sweeps go on with something else."""
    first_bits = int(hashlib.sha256(b"0 v t 0 learning_rate").hexdigest()[:16], 16) >> 11
    assert seeds.uniform("0 v t 0 learning_rate") == first_bits / 2**53 == 0.5067134675088321
    program = "from rnnzoo.spec import seeds; print(repr(seeds.uniform('0 v t 0 learning_rate')))"
    for seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        )
        assert float(done.stdout) == seeds.uniform("0 v t 0 learning_rate")


def test_a_grid_visits_every_point_once_and_then_ends() -> None:
    space = Space((Dimension("layers", "int", 1, 3), OPTIMIZER, STEPPED), {"units": 8})
    size = points.planned(GRID, space, 10**6)
    assert size == 3 * 2 * 5
    search = Search(sampler=Named("grid"), space=space)
    settings = [points.point(search, space, "v", "t", index) for index in range(size)]
    assert len({tuple(sorted(setting.items())) for setting in settings}) == size
    assert points.point(search, space, "v", "t", size) is None


def test_a_grid_leaves_out_what_does_not_exist() -> None:
    space = Space(
        (
            OPTIMIZER,
            Dimension("momentum", "choice", choices=(0.1, 0.9), when={"optimizer": ("sgd",)}),
        )
    )
    assert points.planned(GRID, space, 2) == 2
    assert points.planned(GRID, space, 10) == 3  # adam; sgd with each momentum


def test_quasi_random_points_fill_the_square_more_evenly_than_random_ones() -> None:
    def emptiest(name: str) -> int:
        settings = draw(name, 256)
        places = np.array(
            [
                [setting["dropout"] * 2, (math.log10(setting["learning_rate"]) + 4) / 3]
                for setting in settings
            ]
        )
        counts, _, _ = np.histogram2d(*places.T, bins=8, range=((0, 1), (0, 1)))
        return int(counts.min())

    assert emptiest("qmc") > emptiest("random")


# ------------------------------------------------------------------ places and back


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """One to five dimensions of every kind; later ones may depend on an earlier choice."""
    so_far: list[Dimension] = []
    for number in range(draw(st.integers(1, 5))):
        choices = [dimension for dimension in so_far if dimension.kind == "choice"]
        when = {}
        if choices and draw(st.booleans()):
            above = draw(st.sampled_from(choices))
            when = {above.name: draw(st.sampled_from([above.choices[:1], above.choices[-1:]]))}
        so_far.append(draw(dimensions(f"d{number}", when)))
    return Space(tuple(so_far), {"layers": 1})


@st.composite
def dimensions(draw: st.DrawFn, name: str, when: dict) -> Dimension:
    kind = draw(st.sampled_from(["int", "float", "choice", "stepped int", "stepped float"]))
    if kind == "choice":
        values = st.one_of(st.integers(0, 99), st.sampled_from(["adam", "sgd", "rmsprop"]))
        return Dimension(
            name,
            "choice",
            choices=tuple(draw(st.lists(values, min_size=1, max_size=4, unique=True))),
            when=when,
        )
    log = draw(st.booleans())
    whole = kind.endswith("int")
    low = draw(
        st.integers(1 if log else -50, 1000) if whole else st.floats(1e-6 if log else -10.0, 10.0)
    )
    high = low + draw(st.integers(0, 5000) if whole else st.floats(1e-3, 100.0))
    if kind.startswith("stepped"):
        step = draw(st.integers(1, 7) if whole else st.sampled_from([0.1, 0.25, 0.01]))
        return Dimension(name, "int" if whole else "float", low, high, step=step, when=when)  # type: ignore[arg-type]
    return Dimension(name, kind, low, high, log, when=when)  # type: ignore[arg-type]


@given(spaces(), st.lists(st.floats(0.0, 1.0, exclude_max=True), min_size=5, max_size=5))
def test_places_lead_back_to_the_hyper_parameters(space: Space, drawn: list[float]) -> None:
    """And those that a condition leaves out stay out."""
    first = points.at(space, drawn)
    places = points.places(space, first)
    assert len(places) == len(space.dimensions)
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in places)
    second = points.at(space, places)
    assert list(second) == list(first)
    for dimension in space.dimensions:
        name = dimension.name
        if name not in first:
            assert not dimension.active(first)
            assert places[space.dimensions.index(dimension)] == 0.5
        elif isinstance(first[name], float):
            assert second[name] == pytest.approx(first[name], rel=1e-9, abs=1e-9)
        else:
            assert second[name] == first[name]
            assert type(second[name]) is type(first[name])


@given(spaces(), st.integers(0, 1000))
def test_trials_of_our_samplers_have_places(space: Space, index: int) -> None:
    for name in ("random", "qmc"):
        first = points.point(Search(sampler=Named(name), space=space), space, "v", "t", index)
        assert first is not None
        second = points.at(space, points.places(space, first))
        assert {
            key: pytest.approx(value) if isinstance(value, float) else value
            for key, value in first.items()
        } == second


@pytest.mark.parametrize("dimension", [UNITS, RATE, DROP, STEPPED, OPTIMIZER])
def test_the_ends_of_a_range_lie_at_the_ends_of_an_axis(dimension: Dimension) -> None:
    space = Space((dimension,))
    low, high = (points.at(space, [place]) for place in (0.0, 1 - 1e-12))
    assert points.places(space, low)[0] <= 0.3
    assert points.places(space, high)[0] >= 0.7
    for place, end in ((low, dimension.low), (high, dimension.high)):
        if dimension.kind != "choice":
            assert place[dimension.name] == pytest.approx(end)
