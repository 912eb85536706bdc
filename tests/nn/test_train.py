"""The training loop: what it yields, and that it yields it again."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import rnnzoo
from rnnzoo import lang, losses, tasks
from rnnzoo.lang.text import cell_text
from rnnzoo.nn import data
from rnnzoo.nn.checkpoint import Course
from rnnzoo.nn.data import ALIKE, Data, Resident, Streamed, batches, ceil, data_of, grouped
from rnnzoo.nn.epochs import finished, of_course
from rnnzoo.nn.train import (
    EVALUATED,
    Model,
    _optimizer,
    evaluation_batch,
    train,
    work,
)
from rnnzoo.spec import stamp
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.trial import Ending, Kind, Outcome, Progress, Trial
from rnnzoo.tasks import Split, Task
from tests.results import result_of

OPTIONS = {"length": 10, "train": 96, "valid": 40, "test": 40}
TRIAL = Trial(
    "e", "gru", cell_text(lang.load("gru")), "adding", 0, {"units": 8, "learning_rate": 0.02},
    seed=3, training=Training(epochs=8, batch=16), task_options=OPTIONS,
)  # fmt: skip
SIMPLE = replace(TRIAL, cell=cell_text(lang.load("rnn")))  # which compiles in half the time


def go_on(progress: Progress) -> bool:
    return True


def losses_of(trial: Trial, epochs: int = 3) -> list[float]:
    """The loss of each epoch of a training that is not evaluated: half of what it compiles."""
    model = Model(trial, tasks.load(trial.task, trial.task_options))
    return [model.epoch() for _ in range(epochs)]


@cache
def used_up() -> Outcome:
    """A training that uses its epochs up, although its patience ends in the last one."""
    return train(replace(SIMPLE, training=Training(epochs=2, patience=0)), go_on)


def test_a_training_learns_and_yields_the_same_again_bit_for_bit(tmp_path: Path) -> None:
    trial = with_(SIMPLE, learning_rate=0.05)
    first = train(replace(trial, folder=str(tmp_path)), go_on)
    assert first.kind is Kind.COMPLETE
    assert first.curve[-1]["train"] < first.curve[0]["train"]
    assert first.scores["test"] < tasks.load("adding", OPTIONS).baselines["always 1"]
    assert first.weights == {"recurrent": 8 * (2 + 8 + 1), "model": 8 * (2 + 8 + 1) + 9}
    assert result_of(first) == result_of(train(trial, go_on))
    assert losses_of(replace(trial, seed=4), 1) != [first.curve[0]["train"]]
    assert stamp.stamped(tmp_path / "model.keras")
    assert stamp.problem(tmp_path / "model.keras", trial) == ""
    assert stamp.problem(tmp_path / "model.keras", replace(trial, seed=4)) != ""
    # the model that was saved has the weights that were scored
    model = rnnzoo.load_model(tmp_path / "model.keras")
    test = tasks.load("adding", OPTIONS).splits["test"]
    error = float(np.mean((model.predict(test.x, verbose=0) - test.y) ** 2))
    assert error == pytest.approx(first.scores["test"], rel=1e-4)


def test_the_best_weights_are_those_that_are_scored_and_patience_ends_it() -> None:
    trial = replace(
        SIMPLE,
        hyperparameters={"units": 8, "learning_rate": 0.3},
        training=Training(epochs=40, patience=2),
    )
    outcome = train(trial, go_on)
    values = [row["validation"] for row in outcome.curve]
    assert outcome.best_epoch == int(np.argmin(values)) + 1
    assert outcome.scores["validation"] == pytest.approx(min(values), rel=1e-6)
    assert len(values) == min(40, outcome.best_epoch + 2)
    assert outcome.ending is Ending.PATIENCE


def test_each_length_of_test_is_scored_as_if_it_were_alone() -> None:
    """A score at a length is that of a task whose test has no other; their mean over the steps that
    count is the score on test.
    """
    options = {"length": 6, "train": 64, "valid": 16, "test": 20}
    still = replace(
        SIMPLE,
        task="parity",
        training=Training(epochs=1),
        hyperparameters={"units": 8, "learning_rate": 1e-12},
    )
    several = train(replace(still, task_options={**options, "test_lengths": [6, 30]}), go_on)
    alone = [
        Model(still, tasks.load("parity", {**options, "test_lengths": [length]}))
        for length in (6, 30)
    ]
    assert several.by_length == {
        "6": pytest.approx(alone[0].evaluate("test").metric, abs=1e-6),
        "30": pytest.approx(alone[1].evaluate("test").metric, abs=1e-6),
    }
    mean = (6 * several.by_length["6"] + 30 * several.by_length["30"]) / 36
    assert several.scores["test"] == pytest.approx(mean, abs=1e-6)
    validation = alone[0].evaluate("validation").metric
    assert several.scores["validation"] == pytest.approx(validation, abs=1e-6)
    assert not used_up().by_length
    assert Outcome.from_dict(several.to_dict()) == several


def test_an_outcome_says_what_ended_its_epochs() -> None:
    """Patience that would end it in the last epoch ends nothing: all epochs were run."""
    late = train(
        replace(
            SIMPLE,
            hyperparameters={"units": 8, "learning_rate": 1e-12},
            training=Training(epochs=1),
        ),
        go_on,
    )
    assert {used_up().ending, late.ending} == {Ending.EPOCHS}
    assert Outcome.from_dict(used_up().to_dict()) == used_up()


def test_the_seconds_of_a_trial_are_those_of_its_parts() -> None:
    outcome = used_up()
    seconds = outcome.seconds
    parts = seconds["data"] + seconds["build"] + seconds["train"]
    assert min(seconds.values()) >= 0
    assert sum(row["seconds"] for row in outcome.curve) <= seconds["train"]
    assert parts <= seconds["total"]


def test_a_loss_that_is_not_finite_is_seen() -> None:
    cell = "name: bad\nequations: |\n  h = exp(exp(h[t-1] + W @ x + 3))\n"
    outcome = train(replace(TRIAL, cell=cell), go_on)
    assert outcome.kind is Kind.DIVERGED
    assert outcome.ending is Ending.DIVERGED
    assert not outcome.scores
    assert len(outcome.curve) == 1


def test_a_trial_that_is_told_to_stop_is_pruned() -> None:
    outcome = train(SIMPLE, lambda progress: progress.step < 2)
    assert outcome.kind is Kind.PRUNED
    assert outcome.ending is Ending.PRUNED
    assert len(outcome.curve) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"task": "nothing"}, "no task 'nothing'"),
        (
            {"hyperparameters": {"units": 8, "learning_rate": 0.1, "momentum": 0.9}},
            "has no momentum",
        ),
        ({"init": {"V": 1}}, "has no weight 'V'"),
    ],
)
def test_what_cannot_run_is_an_outcome_with_its_reason(change: dict, words: str) -> None:
    outcome = work(replace(TRIAL, **change), go_on)
    assert outcome.kind is Kind.FAILED
    assert words in outcome.message


def of_study(**change: object) -> Outcome:
    """What becomes of a trial whose study is of the data of `SIMPLE`."""
    given = replace(SIMPLE, data=tasks.load("adding", OPTIONS).digest, training=Training(epochs=1))
    return work(replace(given, **change), go_on)


@pytest.mark.parametrize("change", [{"data": "another"}, {"task_options": {"length": 11}}])
def test_data_other_than_the_studys_are_refused_and_no_variant_is_to_blame(change: dict) -> None:
    outcome = of_study(**change)
    assert not outcome.final
    assert "the data of 'adding' changed while the sweep ran: their digest is" in outcome.message
    assert "\n  fix: put back what was there" in outcome.message


def test_data_that_are_gone_while_a_sweep_runs_are_no_failure_of_a_variant(tmp_path: Path) -> None:
    gone = replace(TRIAL, task="arrays", task_options={"file": "gone.npz"}, base=str(tmp_path))
    assert work(gone, go_on).kind is Kind.FAILED  # a training by hand
    outcome = work(replace(gone, data="digest"), go_on)
    assert not outcome.final
    assert "changed while the sweep ran, gone.npz: no file" in outcome.message


CHANGES: dict[str, Callable[[Path], object]] = {
    "other data": lambda file: np.savez(file, x=np.ones((40, 3)), y=np.zeros(40, int)),
    "damaged": lambda file: file.write_bytes(b"damaged"),
    "gone": Path.unlink,
}


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("next_step", ["gone"]),
        pytest.param("next_step", ["other data", "damaged"], marks=pytest.mark.slow),
        pytest.param("classify", [*CHANGES], marks=pytest.mark.slow),
    ],
)
def test_a_file_that_changes_after_it_was_prepared_changes_no_trial(
    kind: str, changes: list[str], tmp_path: Path
) -> None:
    """Scores are those of the file as it was, to the last bit, and the file is not looked at."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, 9, 40)
    arrays = {"x": rng.normal(size=(40, 11, 2)), "y": rng.integers(0, 2, 40), "lengths": lengths}
    np.savez(tmp_path / "my.npz", **arrays)
    options = {"file": "my.npz", "kind": kind}
    trial = replace(
        SIMPLE, task="arrays", task_options=options, base=str(tmp_path), training=Training(epochs=2)
    )
    as_it_was = train(trial, go_on)
    of_study = replace(trial, data=tasks.prepare("arrays", options, folder=tmp_path).digest)
    for change in changes:
        CHANGES[change](tmp_path / "my.npz")
        assert result_of(work(of_study, go_on)) == result_of(as_it_was), change


def test_a_batch_larger_than_the_data_is_cut_to_them_and_yields_the_same() -> None:
    whole, larger = (
        losses_of(replace(SIMPLE, training=Training(batch=batch)), 2) for batch in (96, 9600)
    )
    assert larger == pytest.approx(whole, rel=1e-6)
    assert (
        Model(replace(SIMPLE, training=Training(batch=9600)), tasks.load("adding", OPTIONS)).batch
        == 96
    )


@pytest.mark.parametrize(
    "optimizer",  # what is below trains with sgd, and most of the above with adam
    [
        "nadam",
        "lion",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("sgd", "rmsprop", "adamw", "adagrad")
        ),
    ],
)
def test_every_optimiser_trains(optimizer: str) -> None:
    trial = replace(SIMPLE, training=Training(optimizer=optimizer, epochs=3, clip=1.0))
    assert train(trial, go_on).kind is Kind.COMPLETE


def test_padding_never_reaches_a_loss() -> None:
    """Two tasks that differ only in what stands in the padding, and in how much of it there is,
    score the same.
    """
    rng = np.random.default_rng(0)
    lengths = np.array([3, 5, 2, 5, 4, 1, 5, 3], np.int32)
    x = rng.normal(size=(8, 5, 2)).astype(np.float32)
    y = rng.integers(0, 2, (8, 5, 3)).astype(np.uint8)
    noisy_x, noisy_y = x.copy(), y.copy()
    padding = np.arange(5)[None] >= lengths[:, None]
    noisy_x[padding], noisy_y[padding] = 50.0, 1

    def score(inputs: np.ndarray, targets: np.ndarray, more: int) -> tuple[float, float]:
        split = Split(
            np.pad(inputs, ((0, 0), (0, more), (0, 0))),
            np.pad(targets, ((0, 0), (0, more), (0, 0))),
            lengths,
        )
        task = Task("t", dict.fromkeys(tasks.SPLITS, split), "bernoulli", "step", 3, "nll", "nats")
        model = Model(SIMPLE, task)
        before = model.evaluate("test").metric
        model.epoch()
        return before, model.evaluate("test").metric

    np.testing.assert_allclose(score(x, y, 0), score(noisy_x, noisy_y, 4), rtol=1e-5)


def test_a_batch_in_which_nothing_counts_moves_nothing() -> None:
    """As of one sequence, in a table of which no step has a target."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 4, 2)).astype(np.float32)
    y, lengths = rng.integers(0, 2, (3, 4)).astype(np.int32), np.full(3, 4, np.int32)
    counts = np.ones((3, 4), np.float32)
    counts[1] = 0

    def trained(rows: list[int]) -> list[np.ndarray]:
        split = Split(x[rows], y[rows], lengths[rows], counts[rows])
        task = Task("t", dict.fromkeys(tasks.SPLITS, split), "categorical", "step", 2, "error", "")
        model = Model(replace(SIMPLE, training=Training(batch=1, optimizer="sgd")), task)
        model.next_order = lambda: np.arange(len(rows))  # type: ignore[method-assign]
        assert math.isfinite(model.epoch())
        return [np.asarray(weight) for weight in model.weights]

    for weight, without in zip(trained([0, 1, 2]), trained([0, 2])):
        np.testing.assert_allclose(weight, without, rtol=1e-6)


def test_a_length_at_which_nothing_counts_has_no_score() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3, 4, 2)), rng.integers(0, 2, (3, 4))
    lengths, counts = np.array([4, 2, 3], np.int32), np.ones((3, 4), np.float32)
    counts[1] = 0
    split = Split(x.astype(np.float32), y.astype(np.int32), lengths, counts)
    task = Task("t", dict.fromkeys(tasks.SPLITS, split), "categorical", "step", 2, "error", "")
    by_length = Model(SIMPLE, replace(task, by_length=True)).by_length()
    assert [*by_length] == ["3", "4"]


def test_losses_are_those_of_keras_averaged_over_what_counts() -> None:
    rng = np.random.default_rng(1)
    lengths = np.array([4, 2, 3], np.int32)
    real = np.arange(4)[None] < lengths[:, None]
    x = rng.normal(size=(3, 4, 2)).astype(np.float32)
    targets = {
        "bernoulli": rng.integers(0, 2, (3, 4, 5)).astype(np.uint8),
        "categorical": rng.integers(0, 5, (3, 4)).astype(np.int32),
        "squared": rng.normal(size=(3, 4, 5)).astype(np.float32),
    }
    for loss, y in targets.items():
        split = Split(x, y, lengths)
        task = Task(
            "t",
            dict.fromkeys(tasks.SPLITS, split),
            loss,
            "step",
            5,
            losses.load(loss).metric,
            "nats",
        )
        model = Model(SIMPLE, task)
        logits = model.network.logits(x, real).numpy()
        if loss == "bernoulli":
            each = keras.losses.binary_crossentropy(
                y[..., None].astype("float32"), logits[..., None], from_logits=True
            )
            each = each.numpy().sum(-1)
        elif loss == "categorical":
            each = keras.losses.sparse_categorical_crossentropy(y, logits, from_logits=True).numpy()
        else:
            each = ((logits - y) ** 2).mean(-1)
        assert model.evaluate("test").loss == pytest.approx(float(each[real].mean()), rel=1e-5)


def as_keras_would(model: Model, clip: float, rate: float) -> keras.Model:
    """The same network of Keras' own layers with the same weights: inputs and masks -> logits."""
    units, outputs = model.network.recurrent[0].units, model.task.outputs
    x, mask = keras.Input((None, model.task.inputs)), keras.Input((None,), dtype="bool")
    recurrent, read_out = keras.layers.SimpleRNN(units), keras.layers.Dense(outputs)
    network = keras.Model([x, mask], read_out(recurrent(x, mask=mask)))
    weights = model.network.recurrent[0].weights_by_name()
    recurrent.set_weights([weights["W"].T, weights["R"].T, weights["b"]])
    read_out.set_weights(model.network.read_out.get_weights())
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(rate, global_clipnorm=clip), loss, run_eagerly=True)
    return network


def test_a_training_follows_one_of_keras_own_layers_step_by_step() -> None:
    """Padded sequences, a last batch that is smaller, clipped gradients and Adam: the same losses,
    the same answers.
    """
    rng = np.random.default_rng(2)
    lengths = rng.integers(1, 7, 22).astype(np.int32)
    real = np.arange(6)[None] < lengths[:, None]
    y = rng.integers(0, 3, 22).astype(np.int32)
    split = Split((rng.normal(size=(22, 6, 2)) + y[:, None, None]).astype(np.float32), y, lengths)
    task = Task(
        "t",
        dict.fromkeys(tasks.SPLITS, split),
        "categorical",
        "sequence",
        3,
        "cross_entropy",
        "nats",
    )
    rate, clip, batch = 0.05, 0.5, 8
    model = Model(
        replace(
            SIMPLE,
            hyperparameters={"units": 5, "learning_rate": rate},
            training=Training(batch=batch, clip=clip),
        ),
        task,
    )
    theirs, order = as_keras_would(model, clip, rate), copy.deepcopy(model.order)
    for _ in range(3):
        total, shuffled = 0.0, order.permutation(22)
        for start in range(0, 22, batch):
            chosen = shuffled[start : start + batch]
            theirs.reset_metrics()
            total += float(theirs.train_on_batch([split.x[chosen], real[chosen]], y[chosen])) * len(
                chosen
            )
        assert model.epoch() == pytest.approx(total / 22, rel=1e-4)
    loss = float(theirs.evaluate([split.x, real], y, verbose=0))
    assert model.evaluate("test").metric == pytest.approx(loss, rel=1e-4)


def test_batches_hold_every_row_once_and_the_rest_weighs_nothing() -> None:
    index, real = batches(np.arange(10, 31), 8, 4)
    assert index.shape == real.shape == (4, 8)
    assert sorted(index[real > 0]) == list(range(10, 31))
    assert (real > 0).sum() == 21


# ------------------------------------------------------------------ data in portions


def uneven(per: str, packed: bool = False, weighted: bool = False) -> Task:
    """Sequences of unequal lengths, in splits of unequal widths."""
    rng = np.random.default_rng(0)

    def split(count: int, width: int) -> Split:
        lengths = rng.integers(1, width + 1, count).astype(np.int32)
        lengths[0] = width
        real = np.arange(width) < lengths[:, None]
        y = rng.integers(0, 3, (count, width) if per == "step" else count).astype(np.int32)
        x = rng.normal(size=(count, width, 2)).astype(np.float32) * real[..., None]
        weights = rng.integers(0, 2, (count, width)).astype(np.float32) * real if weighted else None
        made = Split(x, y * real if per == "step" else y, lengths, weights)
        return tasks.packed(made, per == "step") if packed else made

    splits = {"train": split(22, 40), "validation": split(5, 9), "test": split(6, 45)}
    return Task("mine", splits, "categorical", per, 3, "error", "share")  # type: ignore[arg-type]


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """All data are too large for the device, and three of the batches below for one portion."""
    monkeypatch.setattr(data, "WHOLE", 0)
    monkeypatch.setattr(data, "PORTION", 3 * 4 * 40 * 8)


def made_of(placed: Data, split: str, rows: np.ndarray, time: int) -> list[list[np.ndarray]]:
    """The arrays of all batches of four of these rows."""
    made = []
    for portion in placed.portions(split, rows, 4, time):
        for number in range(len(portion.rows) if portion.steps is None else int(portion.steps)):
            batch = placed.batch(portion, number, time)
            tensors = (batch.x, batch.y, batch.mask, batch.weights)
            made.append([keras.ops.convert_to_numpy(tensor) for tensor in tensors])
    return made


@pytest.mark.parametrize(
    ("per", "packed", "weighted"),
    [("step", False, False), ("step", True, True), ("sequence", True, False)],
)
def test_batches_in_portions_are_those_of_data_that_stay_on_the_device(
    per: str, packed: bool, weighted: bool, request: pytest.FixtureRequest
) -> None:
    task = uneven(per, packed, weighted)
    resident = data_of(task, by_length=False)
    assert isinstance(resident, Resident)
    request.getfixturevalue("large")
    streamed = data_of(task, by_length=False)
    assert isinstance(streamed, Streamed)
    for split, time in (("train", 40), ("validation", 45), ("test", 45)):
        rows = np.random.default_rng(1).permutation(len(task.splits[split]))
        whole, portions = (made_of(placed, split, rows, time) for placed in (resident, streamed))
        assert len(whole) == len(portions) == ceil(len(rows), 4)
        for batch, other in zip(whole, portions):
            is_real = batch[2].any(axis=1)  # what else fills the batch may be any sequence
            np.testing.assert_array_equal(other[2], batch[2])
            np.testing.assert_array_equal(other[3], batch[3])
            for array, same in zip(batch[:2], other[:2]):
                np.testing.assert_array_equal(same[is_real], array[is_real], strict=True)


def test_a_training_out_of_portions_has_the_scores_of_one_on_the_device(
    request: pytest.FixtureRequest,
) -> None:
    """To the last bit: both compile the same operations."""
    task = uneven("step", packed=True)
    trial = replace(SIMPLE, training=Training(batch=4, clip=1.0))

    def curve_of(model: Model) -> list[float]:
        losses = [model.epoch() for _ in range(3)]
        return [*losses, *(model.evaluate(split).metric for split in ("train", "test"))]

    resident = Model(trial, task)
    request.getfixturevalue("large")
    streamed = Model(trial, task)
    assert isinstance(resident.data, Resident)
    assert isinstance(streamed.data, Streamed)
    assert curve_of(streamed) == curve_of(resident)


@pytest.mark.parametrize("room", [1, 2000, 4000, 10**6])
def test_portions_by_length_are_bounded_and_of_few_shapes(
    room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A portion takes no more than it may, or is one batch; and it is padded to less than twice its
    longest sequence, or to an eighth of the longest of all.
    """
    monkeypatch.setattr(data, "WHOLE", 0)
    monkeypatch.setattr(data, "PORTION", room)
    task = uneven("step", packed=True)
    split, placed = task.splits["train"], data_of(task, by_length=True)
    rows = grouped(split.lengths, 4, np.random.default_rng(0))
    shapes, done = set(), 0
    for portion in placed.portions("train", rows, 4, 40):
        x, steps = keras.ops.convert_to_numpy(portion.sequences.x), int(portion.steps)
        shapes.add(x.shape)
        batch_bytes = 4 * x.shape[1] * 12
        assert x.shape[0] == 4 * max(1, room // batch_bytes)
        lengths = split.lengths[rows[4 * done : 4 * (done + steps)]]
        assert lengths.max() <= x.shape[1] < max(2 * lengths.max(), 6)
        done += steps
    assert done == 6
    assert len(shapes) <= 4
    assert room > 1 or len(shapes) > 1


def test_fewer_sequences_are_scored_together_where_they_are_long() -> None:
    """MuseData: 4,273 steps of 88 keys, and as many answers."""
    wide = Split(np.zeros((1, 2, 88), np.uint8), np.zeros((1, 2, 88)), np.ones(1, np.int32))
    splits = dict.fromkeys(("train", "validation", "test"), wide)
    task = Task("t", splits, "bernoulli", "step", 88, "nll", "nats a frame")
    assert evaluation_batch(task, 161) == 64  # as in all studies so far
    assert evaluation_batch(task, 4273) == 16
    assert 16 * 4273 * 176 * 4 <= EVALUATED < 32 * 4273 * 176 * 4
    assert evaluation_batch(task, 10**7) == 1


# ------------------------------------------------------------------ the protocol of a study

SGD = Training(optimizer="sgd", batch=16, epochs=3, patience=0)
COPY = replace(
    SIMPLE, task="copy_memory", training=SGD, hyperparameters={"units": 8, "learning_rate": 0.1}
)


@cache
def copied() -> list[float]:
    """The losses of `COPY`."""
    return losses_of(COPY)


def with_(trial: Trial, training: dict | None = None, **chosen: float) -> Trial:
    return replace(
        trial,
        training=replace(trial.training, **(training or {})),
        hyperparameters={**trial.hyperparameters, **chosen},
    )


def test_the_sum_of_a_sequences_error_is_its_mean_times_its_length() -> None:
    length = tasks.load("copy_memory", OPTIONS).splits["train"].x.shape[1]
    by_sum = with_(COPY, {"error": "sum"}, learning_rate=0.1 / length)
    assert losses_of(by_sum) == pytest.approx(copied(), rel=1e-5)


def test_an_effective_rate_is_the_rate_times_one_minus_momentum() -> None:
    task = tasks.load("copy_memory", OPTIONS)

    def step(training: dict | None = None, **chosen: float) -> tuple[float, float]:
        """Rate and momentum of a training's optimiser."""
        optimizer = Model(with_(COPY, training, **chosen), task).update.optimizer
        return float(optimizer.learning_rate), optimizer.momentum

    assert step({"effective_rate": True}, momentum=0.75, learning_rate=0.2) == pytest.approx(
        (0.05, 0.75)
    )
    assert step(one_minus_momentum=0.25, learning_rate=0.05) == pytest.approx((0.05, 0.75))
    assert step(momentum=0.75, learning_rate=0.05) == pytest.approx((0.05, 0.75))
    assert losses_of(with_(COPY, momentum=0.75)) != copied()


def test_nesterovs_momentum_is_that_of_sutskever_and_others() -> None:
    """S13, equations 3 and 4, on a parabola: v = mu v - eps grad(theta + mu v), theta += v.

    Keras keeps theta + mu v.
    """
    optimizer = _optimizer(replace(SGD, nesterov=True).at({"learning_rate": 0.1, "momentum": 0.9}))
    variable = keras.Variable([2.0])
    theta, v = 2.0, 0.0
    for _ in range(5):
        optimizer.apply([3.0 * variable.value], [variable])
        v = 0.9 * v - 0.1 * 3.0 * (theta + 0.9 * v)
        theta += v
        assert float(variable[0]) == pytest.approx(theta + 0.9 * v, rel=1e-5)


def test_noise_disturbs_the_training_and_nothing_else() -> None:
    silent, loud = with_(COPY, noise=0.0), with_(COPY, noise=0.5)
    models = [Model(trial, tasks.load("copy_memory", OPTIONS)) for trial in (silent, loud)]
    assert models[0].evaluate("test") == models[1].evaluate("test")  # the same weights so far
    curves = [[model.epoch() for _ in range(3)] for model in models]
    assert curves[0] == copied()
    assert curves[1] == losses_of(loud) != copied()


def test_noise_has_its_standard_deviation_and_is_new_at_every_step() -> None:
    model = Model(with_(COPY, noise=0.5), tasks.load("copy_memory", OPTIONS))
    zeros = tf.zeros((8, 50, 40))
    noisy = tf.function(model._noisy, jit_compile=True)
    first = np.asarray(noisy(zeros))
    assert np.std(first) == pytest.approx(0.5, rel=0.02)
    assert abs(np.mean(first)) < 0.02
    np.testing.assert_array_equal(first, noisy(zeros))
    model.epoch()
    assert np.abs(np.asarray(noisy(zeros)) - first).mean() > 0.3


@pytest.mark.parametrize(("init", "vectors"), [({"normal": 0.1}, True), ("orthogonal", False)])
def test_an_initialiser_for_all_weights_is_for_the_read_out_too(
    init: object, vectors: bool
) -> None:
    model = Model(
        replace(COPY, init={"*": init}, hyperparameters={"units": 80, "learning_rate": 0.1}),
        tasks.load("copy_memory", OPTIONS),
    )
    kernel, bias = (np.asarray(array) for array in model.network.read_out.get_weights())
    biases = [
        np.asarray(array)
        for name, array in model.network.recurrent[0].weights_by_name().items()
        if name.startswith("b")
    ]
    assert all(bool(np.any(array)) == vectors for array in (bias, *biases))
    if vectors:
        assert np.std(np.concatenate(biases)) == pytest.approx(0.1, rel=0.3)
        assert np.std(kernel) == pytest.approx(0.1, rel=0.1)
    else:
        np.testing.assert_allclose(kernel.T @ kernel, np.eye(kernel.shape[1]), atol=1e-5)


# ------------------------------------------------------------------ batches by length


def steps_of(lengths: np.ndarray, order: np.ndarray, batch: int) -> int:
    """Steps that an epoch runs: those of the longest sequence of each batch."""
    in_order = lengths[order]
    return sum(int(in_order[first : first + batch].max()) for first in range(0, len(order), batch))


@given(st.lists(st.integers(1, 200), min_size=1, max_size=60), st.integers(1, 20))
def test_every_sequence_is_in_one_batch_by_length(lengths: list[int], batch: int) -> None:
    order = grouped(np.array(lengths), batch, np.random.default_rng(0))
    assert sorted(order) == list(range(len(lengths)))


@given(st.lists(st.integers(1, 200), min_size=1, max_size=60), st.integers(1, 20))
def test_of_two_batches_by_length_one_has_the_longer_sequences(
    lengths: list[int], batch: int
) -> None:
    """But for a tenth, within which lengths come in any order."""
    numbers = np.array(lengths)
    order = grouped(numbers, batch, np.random.default_rng(1))
    full = numbers[order[: len(order) // batch * batch]].reshape(-1, batch)
    for some, others in combinations(full, 2):
        shorter, longer = sorted((some, others), key=lambda part: part.sum())
        assert shorter.max() <= (1 + ALIKE) * longer.min()


def test_batches_by_length_run_fewer_steps_and_differ_from_epoch_to_epoch() -> None:
    lengths = np.random.default_rng(2).integers(20, 170, 200)
    order = np.random.default_rng(3)
    first, second = grouped(lengths, 16, order), grouped(lengths, 16, order)
    assert not np.array_equal(first, second)
    assert {*map(frozenset, first[:192].reshape(12, 16).tolist())} != {
        *map(frozenset, second[:192].reshape(12, 16).tolist())
    }
    shuffled = np.random.default_rng(4).permutation(200)
    assert steps_of(lengths, first, 16) < 0.7 * steps_of(lengths, shuffled, 16)
    ideal = lengths.sum() / 16
    assert steps_of(lengths, first, 16) < 1.2 * ideal


def test_the_batch_with_fewer_sequences_is_not_always_of_the_longest() -> None:
    lengths = np.arange(1, 22)
    lasts = {
        int(lengths[grouped(lengths, 8, np.random.default_rng(seed))[-1]]) for seed in range(40)
    }
    assert min(lasts) <= 8
    assert max(lasts) >= 17


def test_an_epoch_by_length_trains_on_every_sequence_once() -> None:
    """At a learning rate of almost 0 the loss of an epoch is that of the untrained model."""
    rng = np.random.default_rng(5)
    lengths = rng.integers(1, 7, 22).astype(np.int32)
    y = rng.integers(0, 2, 22).astype(np.int32)
    split = Split(rng.normal(size=(22, 6, 2)).astype(np.float32), y, lengths)
    splits = dict.fromkeys(("train", "validation", "test"), split)
    task = Task("t", splits, "categorical", "sequence", 2, "error", "share")
    still = {"units": 4, "learning_rate": 1e-12}
    training = Training(batch=4, group_by_length=True)
    by_length = Model(replace(SIMPLE, hyperparameters=still, training=training), task)
    shuffled = Model(replace(SIMPLE, hyperparameters=still, training=Training(batch=4)), task)
    assert by_length.epoch() == pytest.approx(shuffled.epoch(), rel=1e-4)


@pytest.mark.parametrize(
    ("best_by", "metrics", "kept", "last"),
    [
        ("loss", [0.3, 0.2, 0.1, 0.4, 0.5], 1, 3),
        ("metric", [0.3, 0.2, 0.1, 0.4, 0.5], 3, 5),
        ("metric", [0.3, 0.3, 0.3, 0.3, 0.3], 1, 3),
        ("metric", [math.nan, math.inf, 0.3, 0.2, 0.1], 5, 5),
    ],
)
def test_the_epoch_that_is_kept_is_the_best_by_loss_or_by_metric(
    best_by: str, metrics: list[float], kept: int, last: int
) -> None:
    class Scripted:
        """Whose losses grow from the first epoch on."""

        training = Training(epochs=5, patience=2, best_by=best_by)
        kept = 0

        def trained_epoch(self, epoch: int, losses: list[float]) -> tuple[dict[str, float], float]:
            self.number = epoch
            return {"epoch": epoch, "train": 1.0, "validation": metrics[epoch - 1]}, float(epoch)

        def keep(self) -> None:
            self.kept = self.number

    model: Any = Scripted()
    course = Course()
    finished(of_course(0, model, course, lambda: None), model, go_on)
    assert (course.best_epoch, len(course.curve)) == (kept, last)
    assert model.kept == kept
