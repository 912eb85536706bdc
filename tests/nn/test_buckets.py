"""Models in networks of a bucket's size: which size, and that they compute the same."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from rnnzoo import lang
from rnnzoo.backends.native import build
from rnnzoo.lang.ladder import bucket_of, ladder, why_own_size
from rnnzoo.spec.cell import built_in_names
from rnnzoo.spec.hyperparameters import OPTIMIZERS, Training
from tests.keras_process import returned

INPUTS = 4
EXACT, SINGLE = 1e-10, 2e-6  # beside the largest number
# an update by the sign of a gradient near 0 may go the other way; none of these do
OF_UPDATES = 1e-5
of_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
PAIRS = {"bidirectional": True, "layers": 2, "hidden": 5, "pool": "mean"}


def size(units: int, cell: str = "lstm", **options: float) -> int:
    return bucket_of(Training(units=units), lang.load(cell, options=options), INPUTS)


def test_sizes_are_powers_of_two_and_half_of_the_way_to_the_next() -> None:
    assert list(islice(ladder(), 8)) == [8, 12, 16, 24, 32, 48, 64, 96]


def test_a_model_lies_in_the_next_larger_size() -> None:
    assert [size(units) for units in (3, 8, 9, 33, 64, 65)] == [8, 8, 12, 48, 64, 96]


def test_a_bucket_has_less_than_half_as_many_units_again() -> None:
    assert all(size(units) < 1.5 * units for units in range(16, 257))


def test_what_docs_say_that_buckets_waste() -> None:
    units = range(16, 257)
    sizes = [size(each) for each in units]
    assert len(set(sizes)) == 9
    waste = sum(padded / each for padded, each in zip(sizes, units)) / len(units)
    products = sum((padded / each) ** 2 for padded, each in zip(sizes, units)) / len(units)
    assert (round(waste, 2), round(products, 2)) == (1.18, 1.4)


def test_heads_take_a_size_that_they_divide() -> None:
    assert size(18, "mlstm", heads=3) == 24
    assert size(27, "mlstm", heads=3) == 48
    assert size(20, "mlstm", heads=5) == 0  # none of the sizes


def test_units_that_a_cell_cannot_have_are_left_to_who_builds_it() -> None:
    assert size(6, "clockwork") == 0  # fewer than its modules


def test_every_cell_can_lie_in_a_bucket_but_one_that_draws() -> None:
    reasons = {name: why_own_size(Training(), lang.load(name)) for name in built_in_names()}
    refused = {name: reason for name, reason in reasons.items() if reason}
    assert refused == {"zoneout_lstm": "what 'zoneout_lstm' draws depends on the number of units"}


@pytest.mark.parametrize(
    ("training", "reason"),
    [
        ({"recurrent_dropout": 0.1}, "recurrent_dropout depends on the number of units"),
        ({"read_out_dropout": 0.1}, "read_out_dropout depends on the number of units"),
        ({"weight_noise": 0.1}, "weight_noise depends on the number of units"),
        ({"dropout": 0.1, "layers": 2}, "dropout between layers depends on the number of units"),
        ({"dropout": 0.1}, ""),
        ({"noise": 0.1}, ""),
        ({"tie": True}, "its units are those of its embedding"),
    ],
)
def test_what_is_drawn_by_the_number_of_units_keeps_its_own(
    training: dict[str, Any], reason: str
) -> None:
    asked, cell = Training(units=33, **training), lang.load("lstm")
    assert why_own_size(asked, cell).startswith(reason)
    assert bucket_of(asked, cell, INPUTS) == (0 if reason else 48)


def test_layers_that_read_units_of_one_below_in_other_groups_keep_their_size() -> None:
    cell = lang.parse_text("name: made\nequations: |\n  h = tanh(W @ softmax(x, 4) + R @ h[t-1])\n")
    assert bucket_of(Training(units=9), cell, INPUTS) == 12
    for stacked in (Training(units=9, layers=2), Training(units=9, **PAIRS)):
        assert why_own_size(stacked, cell).startswith("a further layer reads its inputs in 4")
        assert bucket_of(stacked, cell, INPUTS) == 0


def asked_for(tmp_path: Path, function: str, asked: Sequence[Any]) -> list[list[float]]:
    """What a function of `in_buckets` returns."""
    errors: list[list[float]] = returned(f"tests.nn.in_buckets.{function}", asked, tmp_path)
    return errors


def check(tmp_path: Path, function: str, asked: Sequence[Any], most: float) -> None:
    errors = asked_for(tmp_path, function, asked)
    wrong = [
        each
        for each in zip(asked, errors, strict=True)
        if not (each[1][0] <= most and each[1][1] <= most and each[1][2] == 0)
    ]
    assert not wrong


@of_jax
def test_a_network_in_a_bucket_computes_the_same(tmp_path: Path) -> None:
    """A clock, and two pairs of layers of both directions below others."""
    check(tmp_path, "networks", [("clockwork", {}), ("rnn", PAIRS)], EXACT)


@pytest.mark.slow
@of_jax
def test_every_optimiser_leaves_spare_weights_at_zero_and_trains_the_others_alike(
    tmp_path: Path,
) -> None:
    """Clipped by norm, and with weight decay."""
    errors = dict(zip(OPTIMIZERS, asked_for(tmp_path, "trained", OPTIMIZERS), strict=True))
    assert not {name: both for name, both in errors.items() if both[0] > OF_UPDATES or both[1] > 0}


@pytest.mark.slow
@of_jax
@pytest.mark.parametrize("first", range(0, len(built_in_names()), 12))
def test_networks_of_all_cells_in_buckets_compute_the_same(tmp_path: Path, first: int) -> None:
    names = [name for name in built_in_names() if not lang.load(name).named_inputs]
    check(tmp_path, "networks", [(name, {}) for name in names[first : first + 12]], EXACT)


@pytest.mark.slow
@of_jax
@pytest.mark.skipif(shutil.which(build.COMPILER) is None, reason=f"needs {build.COMPILER}")
def test_native_loops_in_a_bucket_compute_the_same(tmp_path: Path) -> None:
    names = ("lstm", "clockwork", "mlstm", "exprnn", "retnet", "on_lstm")
    check(tmp_path, "native_networks", [(name, {}) for name in names], SINGLE)
