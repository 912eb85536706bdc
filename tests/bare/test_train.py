"""The bare trainer trains as `nn.train` does under JAX, without what that imports."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from rnnzoo import lang, tasks
from rnnzoo.backends.native import build
from rnnzoo.bare.able import HAS, why_not
from rnnzoo.bare.batches import MOST_KNOWN, Extent, batch_of
from rnnzoo.bare.layer import Layer
from rnnzoo.bare.train import train, work
from rnnzoo.lang import ir
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.trial import Ending, Kind, Progress, Trial
from rnnzoo.tasks import Split, Task
from tests.bare.trials import go_on, numbers, trial
from tests.keras_process import printed

SINGLE = 1e-5  # over the first epochs in float32
SGD = {"optimizer": "sgd", "clip": 0.5}
TRIALS = (
    trial("gru_reset_after", "temporal_order"),
    trial("lstm", "memorisation", {"momentum": 0.9, "learning_rate": 0.5}, **SGD, nesterov=True),
)
MORE = (
    trial("mut1", "arithmetic", {"momentum": 0.5}, optimizer="rmsprop", error="sum"),
    trial("peephole", "adding", clip_value=0.01, clip=0.02, best_by="metric"),
    trial("mut2", "memorisation", optimizer="sgd"),
    trial("mut3", "temporal_order", {"momentum": 0.9}, **SGD, effective_rate=True),
    trial("ugrnn", "arithmetic", optimizer="rmsprop"),
    trial("layer_norm_gru", "adding"),  # which divides
    trial("indrnn", "temporal_order"),  # whose weights are vectors
    trial("antisymmetric", "memorisation"),  # one weight in two products
    trial("echo_state", "adding", optimizer="sgd"),  # weights that are never trained
    trial("slstm_heads", "temporal_order"),  # weight masks
)


def test_what_is_known_of_lengths_that_hardly_come_twice_is_not_kept() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 40, 600).astype(np.int32)
    split = Split(np.zeros((600, 40, 1), np.float32), np.zeros((600, 1)), lengths)
    task = Task("t", dict.fromkeys(tasks.SPLITS, split), "squared", "sequence", 1, "mse", "")
    known: dict[bytes, Extent] = {}
    for _ in range(2 * MOST_KNOWN):
        numbers = rng.permutation(600)[:8]
        batch = batch_of(task, split, numbers, known)
        assert batch.extent.lengths.tolist() == sorted(lengths[numbers], reverse=True)
        assert len(known) <= MOST_KNOWN


def check_equal(trials: Sequence[Trial], folder: Path) -> None:
    asked = ", ".join(repr(each.to_dict()) for each in trials)
    program = (
        "import json\nfrom tests.bare.trials import under_keras\n"
        f"print(json.dumps(under_keras({asked})))"
    )
    backend = "jax" if importlib.util.find_spec("jax") else "tensorflow"
    expected = json.loads(printed(program, folder, backend=backend).splitlines()[-1])
    for each, wanted in zip(trials, expected, strict=True):
        np.testing.assert_allclose(
            numbers(each, train), wanted, rtol=SINGLE, atol=SINGLE, err_msg=each.variant
        )


def test_curves_and_scores_are_those_of_the_trainer_with_keras(tmp_path: Path) -> None:
    check_equal(TRIALS, tmp_path)


@pytest.mark.slow
def test_so_they_are_for_other_cells_optimisers_and_tasks(tmp_path: Path) -> None:
    check_equal(MORE, tmp_path)


def test_loops_that_are_interpreted_yield_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = TRIALS[0]
    compiled = numbers(asked, train)
    monkeypatch.setenv(build.SWITCH, build.SCAN)
    cell = lang.parse_text(asked.cell)
    assert not Layer.of(cell, ir.sizes(cell, 4, 9, 1), each_step=False).loops.compiled
    np.testing.assert_allclose(numbers(asked, train), compiled, rtol=SINGLE, atol=SINGLE)


def test_nothing_heavy_is_imported() -> None:
    program = "import sys, rnnzoo.bare.filter; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert not {"keras", "tensorflow", "jax", "torch", "scipy"} & {*done.stdout.decode().split()}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"layers": 2}, "it has no `layers: 2`"),
        ({"dropout": 0.5}, "it has no `dropout: 0.5`"),
        ({"schedule": "halve"}, "it has no `schedule: halve`"),
        ({"optimizer": "lion"}, "it has no optimiser 'lion', but adam, rmsprop, sgd"),
    ],
)
def test_what_a_training_asks_for_in_vain_is_said(change: dict[str, Any], reason: str) -> None:
    asked = TRIALS[0]
    training = replace(asked.training, **change)
    point = {**asked.hyperparameters, **{name: change[name] for name in change}}
    asked = replace(asked, training=training, hyperparameters=point)
    outcome = work(asked, go_on)
    assert outcome.kind is Kind.FAILED
    assert f"the bare trainer cannot do this: {reason}" in outcome.message


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("gru_d", "it hands 'gru_d' no inputs beside x"),
        ("zoneout_lstm", "it does not draw what 'zoneout_lstm' draws"),
        ("clockwork", "it does not count the steps that 'clockwork' reads"),
    ],
)
def test_what_a_cell_asks_for_in_vain_is_said(cell: str, reason: str) -> None:
    task = tasks.load("adding", {"train": 4, "valid": 2, "test": 2})
    assert reason in why_not(TRIALS[0], task, lang.load(cell))


def of_arrays(**options: Any) -> Task:
    rng = np.random.default_rng(0)
    return Task.from_arrays(rng.normal(size=(40, 5, 2)), rng.integers(0, 2, 40), **options)


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        (
            lambda: tasks.load("touch_tones", {"train": 4, "valid": 2, "test": 2}),
            "it has no loss 'ctc', which is of labels without their places",
        ),
        (
            lambda: of_arrays(metric="auroc"),
            "it has no metric 'auroc', which is of all answers together",
        ),
        (
            lambda: of_arrays(weights=np.linspace(1, 2, 40)),
            "answers count by unequal weights",
        ),
        (
            lambda: replace(of_arrays(), carry=True),
            "it does not carry states from one sequence to the next",
        ),
        (lambda: replace(of_arrays(), spread=(2.0,), middle=(0.0,)), "it does not scale targets"),
    ],
)  # fmt: skip
def test_what_a_task_asks_for_in_vain_is_said(task: Any, reason: str) -> None:
    assert reason in why_not(TRIALS[0], task(), lang.load("gru"))


def test_a_training_that_is_to_wait_is_refused() -> None:
    asked = replace(TRIALS[0], until=1)
    assert "it does not wait at a rung" in work(asked, go_on).message


def test_data_that_changed_are_no_failure_of_the_cell() -> None:
    outcome = work(replace(TRIALS[0], data="0" * 64), go_on)
    assert outcome.kind is Kind.INTERRUPTED
    assert "the data of 'temporal_order' changed while the sweep ran" in outcome.message


def test_a_loss_that_is_no_number_ends_the_training() -> None:
    outcome = train(trial("indrnn", "adding", {"learning_rate": 1e30}, optimizer="sgd"), go_on)
    assert (outcome.kind, outcome.ending) == (Kind.DIVERGED, Ending.DIVERGED)


def test_whoever_is_told_may_stop_it() -> None:
    heard: list[Progress] = []

    def tell(progress: Progress) -> bool:
        heard.append(progress)
        return progress.step < 2

    outcome = train(TRIALS[0], tell)
    assert (outcome.kind, len(outcome.curve), len(heard)) == (Kind.PRUNED, 2, 2)


def test_patience_ends_it_and_the_best_weights_are_scored() -> None:
    asked = trial("rnn", "temporal_order", {"learning_rate": 0.3}, epochs=30, patience=2)
    outcome = train(asked, go_on)
    assert outcome.ending is Ending.PATIENCE
    assert len(outcome.curve) == outcome.best_epoch + 2
    best = outcome.curve[outcome.best_epoch - 1]["validation"]
    assert outcome.scores["validation"] == pytest.approx(best, abs=1e-6)


def test_what_it_has_of_a_training_are_hyperparameters() -> None:
    assert set(HAS) <= set(Training().values())


def test_a_training_computes_on_one_thread_and_leaves_the_others_as_they_were() -> None:
    seen: list[int] = []

    def tell(_: Progress) -> bool:
        seen.extend(threads())
        return True

    with threadpool_limits(limits=2, user_api="blas"):
        train(trial("rnn", "memorisation", optimizer="sgd"), tell)
        assert {2} == set(threads())
    assert set(seen) == {1}


def threads() -> list[int]:
    return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]
