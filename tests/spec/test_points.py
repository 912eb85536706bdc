"""Points as functions of the index."""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from rnnzoo.spec import points
from rnnzoo.spec.experiment import Dimension, Named, Search, Space

UNITS = Dimension("units", "int", 16, 64, log=True)
RATE = Dimension("learning_rate", "float", 1e-4, 1e-1, log=True)
DROP = Dimension("dropout", "float", 0.0, 0.5)
STEPPED = Dimension("clip", "float", 0.0, 1.0, step=0.25)
OPTIMIZER = Dimension("optimizer", "choice", choices=("adam", "sgd"))
MOMENTUM = Dimension("momentum", "float", 0.0, 0.99, when={"optimizer": ("sgd",)})
SPACE = Space((UNITS, RATE, DROP, STEPPED, OPTIMIZER, MOMENTUM), {"layers": 1})


def draw(name: str, count: int, variant: str = "v", draws: str = "own", seed: int = 0) -> list[dict]:
    search = Search(sampler=Named(name), seed=seed, draws=draws, space=SPACE)
    return [points.point(search, SPACE, variant, "t", index) for index in range(count)]


@pytest.mark.parametrize("name", ["random", "qmc"])
def test_values_have_the_distribution_that_was_asked_for(name: str) -> None:
    found = draw(name, 3000)
    rates = np.log([one["learning_rate"] for one in found])
    low, high = math.log(1e-4), math.log(1e-1)
    assert stats.kstest(rates, stats.uniform(low, high - low).cdf).pvalue > 1e-3
    drops = [one["dropout"] for one in found]
    assert stats.kstest(drops, stats.uniform(0, 0.5).cdf).pvalue > 1e-3
    counts = np.bincount([int(one["clip"] * 4) for one in found], minlength=5)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_whole_numbers_stay_in_their_range_and_reach_both_ends() -> None:
    units = [one["units"] for one in draw("random", 3000)]
    assert (min(units), max(units)) == (16, 64)
    assert all(isinstance(one, int) for one in units)
    share = math.log(64.5 / 63.5) / math.log(64.5 / 15.5)
    assert np.mean(np.array(units) == 64) == pytest.approx(share, rel=0.5)


def test_a_conditional_dimension_exists_only_where_its_condition_holds() -> None:
    for one in draw("random", 200):
        assert ("momentum" in one) == (one["optimizer"] == "sgd")
        assert one["layers"] == 1


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


def test_points_are_the_same_in_every_process_and_for_ever() -> None:
    """Golden: an index that drew another point would make old sweeps go on with something else."""
    first_bits = int(hashlib.sha256(b"0 v t 0 learning_rate").hexdigest()[:16], 16) >> 11
    assert points.uniform("0 v t 0 learning_rate") == first_bits / 2**53 == 0.5067134675088321
    program = "from rnnzoo.spec import points; print(repr(points.uniform('0 v t 0 learning_rate')))"
    for seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        )
        assert float(done.stdout) == points.uniform("0 v t 0 learning_rate")


def test_a_grid_visits_every_point_once_and_then_ends() -> None:
    space = Space((Dimension("layers", "int", 1, 3), OPTIMIZER, STEPPED), {"units": 8})
    size = points.grid_size(space)
    assert size == 3 * 2 * 5
    search = Search(sampler=Named("grid"), space=space)
    found = [points.point(search, space, "v", "t", index) for index in range(size)]
    assert len({tuple(sorted(one.items())) for one in found}) == size
    assert points.point(search, space, "v", "t", size) is None


def test_a_grid_leaves_out_what_does_not_exist() -> None:
    space = Space((OPTIMIZER, Dimension("momentum", "choice", choices=(0.1, 0.9), when={"optimizer": ("sgd",)})))
    assert points.grid_size(space) == 3  # adam; sgd with each momentum


def test_quasi_random_points_fill_the_square_more_evenly_than_random_ones() -> None:
    def emptiest(name: str) -> int:
        found = draw(name, 256)
        at = np.array([[one["dropout"] * 2, (math.log10(one["learning_rate"]) + 4) / 3] for one in found])
        counts, _, _ = np.histogram2d(*at.T, bins=8, range=((0, 1), (0, 1)))
        return int(counts.min())

    assert emptiest("qmc") > emptiest("random")
