"""A training in a population is the training that it would be by itself; each test asks a process
in which Keras is set to JAX.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnnzoo
from rnnzoo.backends.native import build
from rnnzoo.spec.trial import MODEL
from tests.keras_process import printed

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is not installed"
)
compiler = pytest.mark.skipif(
    shutil.which(build.COMPILER) is None, reason=f"needs {build.COMPILER}"
)
SINGLE = 1e-6  # in float32, over a few epochs
OF_WEIGHTS = 1e-5  # Adam divides a gradient by its size, also where that is nearly 0
STOPPED = {3: 1}  # the fourth, after its first epoch
Asked = Callable[..., Any]


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    """What a function of `populations` returns."""

    def ask(call: str, environment: Mapping[str, str] | None = None) -> Any:
        program = (
            f"import json\nfrom tests.nn import populations\nprint(json.dumps(populations.{call}))"
        )
        return json.loads(printed(program, tmp_path, environment, backend="jax").splitlines()[-1])

    return ask


def kinds(outcomes: list[list[dict[str, Any]]]) -> list[str]:
    return [outcome["kind"] for attempts in outcomes for outcome in attempts]


@compiler
def test_trials_end_together_as_they_do_by_themselves_bit_for_bit(
    asked: Asked, tmp_path: Path
) -> None:
    """With native loops, where models are computed one after the other."""
    together, alone, most = asked(
        f"compared('one_of_each_kind', {str(tmp_path / 'kept')!r}, stop={STOPPED})"
    )
    assert together == alone
    assert most == 8
    assert kinds(together) == [
        "complete", "complete", "complete", "pruned", "complete", "diverged", "pruned", "complete",
        "failed", "interrupted", "complete", "complete", "complete",
    ]  # fmt: skip
    endings = {outcome["ending"] for attempts in together for outcome in attempts}
    assert endings == {"epochs", "patience", "pruned", "diverged", "unknown"}


@pytest.mark.slow
@compiler
@pytest.mark.parametrize("kind", ["of_several_shapes", "with_little_room"])
def test_trials_of_other_kinds_end_together_as_they_do_by_themselves(
    kind: str, asked: Asked, tmp_path: Path
) -> None:
    shares = kind == "with_little_room"
    together, alone, _ = asked(f"compared({kind!r}, {str(tmp_path / 'kept')!r}, shares={shares})")
    assert together == alone
    assert set(kinds(together)) == {"complete"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["one_of_each_kind", "of_several_shapes"])
def test_scans_of_many_models_at_once_yield_what_one_yields(
    kind: str, asked: Asked, tmp_path: Path
) -> None:
    """As on a GPU: each operation is one of all models."""
    together, alone, _ = asked(
        f"compared({kind!r}, {str(tmp_path / 'kept')!r}, stop={STOPPED})",
        {build.SWITCH: build.SCAN},
    )
    assert [_without_numbers(each) for each in together] == [
        _without_numbers(each) for each in alone
    ]
    for ours, expected in zip(_numbers(together), _numbers(alone), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=SINGLE, atol=SINGLE)


def _without_numbers(attempts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = ("kind", "ending", "best_epoch", "message", "waits", "weights")
    return [{name: outcome[name] for name in names} for outcome in attempts]


def _numbers(outcomes: list[list[dict[str, Any]]]) -> list[list[float]]:
    return [
        [*np.ravel(outcome["curve"]), *outcome["scores"].values()]
        for attempts in outcomes
        for outcome in attempts
    ]


@pytest.mark.slow
@compiler
def test_a_training_goes_on_in_a_population_and_out_of_one(asked: Asked, tmp_path: Path) -> None:
    assert asked(f"going_on_elsewhere({str(tmp_path / 'kept')!r})") == [True] * 4


@pytest.mark.slow
def test_models_of_several_sizes_share_a_program(asked: Asked, tmp_path: Path) -> None:
    """In a bucket, as on a GPU; of eight, six have at most its size."""
    together, alone, most = asked(
        f"compared('of_several_sizes', {str(tmp_path / 'kept')!r}, shares=False)",
        {build.SWITCH: build.SCAN},
    )
    assert most == 6
    assert [_without_numbers(each) for each in together] == [
        _without_numbers(each) for each in alone
    ]
    for ours, expected in zip(_numbers(together), _numbers(alone), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=SINGLE, atol=SINGLE)
    # files are of the model's own size
    saved, expected_model = (
        rnnzoo.load_model(tmp_path / name / MODEL).get_weights() for name in ("kept", "kept_alone")
    )
    for weights, exact in zip(saved, expected_model, strict=True):
        np.testing.assert_allclose(weights, exact, rtol=0, atol=OF_WEIGHTS)


@pytest.mark.slow
def test_what_shares_no_program_trains_by_itself_and_its_log_says_why(
    asked: Asked, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    together, alone, most = asked(f"compared('that_trains_by_itself', {str(folder)!r})")
    assert together == alone
    assert most == 1
    log = (folder / "0" / "log.txt").read_text()
    assert log.startswith("trains by itself: its data are larger than what stays on the device\n")
    assert "epoch 1: train" in log


@pytest.mark.slow
def test_the_shape_that_was_not_asked_for_longest_is_forgotten(asked: Asked) -> None:
    """For a third shape it is the second, and not the first, which a trial has had since."""
    assert asked("compiled([8, 12, 8, 16, 8], 2)") == 3


@pytest.mark.parametrize(
    ("name", "values", "same"),
    [
        ("momentum", [0.5, 0.9, 0.0], [True, True, False]),
        ("weight_noise", [0.0, 0.3], [True, True]),
    ],
)
def test_what_is_read_at_run_time_is_not_in_a_program(
    name: str, values: list[float], same: list[bool], asked: Asked
) -> None:
    assert asked(f"programs({name!r}, {values})") == same
