"""Connectionist temporal classification against a sum over all paths, and the label error rate
against a recursion over prefixes.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import groupby, product

import keras
import numpy as np
import pytest

from rnnzoo import lang, losses, metrics, tasks
from rnnzoo.lang.text import cell_text
from rnnzoo.losses import Array
from rnnzoo.metrics import edit_distance
from rnnzoo.nn.losses import blank_padding, in_float64, in_tensors, joined, of_all
from rnnzoo.nn.train import Model, train
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.trial import Trial

CTC = losses.load("ctc")
RNG = np.random.default_rng(0)


def spelt(path: tuple[int, ...]) -> tuple[int, ...]:
    """Repeated outputs made one, and blanks deleted."""
    return tuple(output for output, _ in groupby(path) if output)


def probabilities(logits: Array) -> dict[tuple[int, ...], float]:
    """Of all that can be spelt: the sum over every path, (time, outputs) of logits."""
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    sums: dict[tuple[int, ...], float] = {}
    for path in product(range(logits.shape[1]), repeat=len(logits)):
        of_path = float(np.prod(shares[np.arange(len(logits)), path]))
        sums[spelt(path)] = sums.get(spelt(path), 0.0) + of_path
    return sums


def padded(labels: tuple[int, ...], width: int) -> list[int]:
    return [*labels, *[0] * (width - len(labels))]


@pytest.mark.parametrize(("time", "outputs"), [(1, 2), (2, 3), (4, 3), (5, 2), (3, 4)])
def test_the_loss_of_all_that_can_be_spelt_is_that_of_the_sum_over_paths(
    time: int, outputs: int
) -> None:
    logits = 2 * RNG.normal(size=(time, outputs))
    known = probabilities(logits)
    y = np.array([padded(labels, time) for labels in known])
    given = np.repeat(logits[None], len(y), axis=0)
    expected = [-np.log(share) for share in known.values()]
    np.testing.assert_allclose(in_float64(CTC, y, given), expected, rtol=1e-12)
    np.testing.assert_allclose(in_tensors(CTC, y, given), expected, rtol=2e-5)
    assert np.exp(-in_float64(CTC, y, given)).sum() == pytest.approx(1.0)


def test_the_slope_is_that_of_the_sum_over_paths() -> None:
    logits, labels, step = RNG.normal(size=(4, 3)), (1, 1), 1e-6
    slope = CTC.slope(np.array([labels]), logits[None])[0]
    for place in np.ndindex(logits.shape):
        moved = np.zeros_like(logits)
        moved[place] = step
        after, before = (probabilities(logits + sign * moved)[labels] for sign in (1, -1))
        assert slope[place] == pytest.approx(
            (np.log(before) - np.log(after)) / (2 * step), rel=1e-6
        )


def test_what_cannot_be_spelt_in_so_few_steps_has_no_finite_loss() -> None:
    y = np.array([[1, 1, 0], [1, 2, 1]])
    losses_of = in_float64(CTC, y, RNG.normal(size=(2, 2, 3)))
    np.testing.assert_array_equal(losses_of, [np.inf, np.inf])
    assert np.isfinite(CTC.slope(y, RNG.normal(size=(2, 2, 3)))).all()


def test_steps_that_are_padding_change_neither_loss_nor_slope_nor_spelling() -> None:
    logits, y = RNG.normal(size=(1, 5, 3)), np.array([[2, 1, 0]])
    longer = np.pad(logits, ((0, 0), (0, 4), (0, 0)), constant_values=7.0)
    mask = np.arange(9)[None] < 5
    answers = np.asarray(blank_padding(keras.ops.convert_to_tensor(longer, "float32"), mask), float)
    rate = metrics.load("edit_distance")
    np.testing.assert_allclose(in_float64(CTC, y, answers), in_float64(CTC, y, logits), rtol=1e-6)
    np.testing.assert_allclose(CTC.slope(y, answers)[:, :5], CTC.slope(y, logits), atol=1e-6)
    np.testing.assert_allclose(CTC.slope(y, answers)[:, 5:], 0, atol=1e-12)
    assert of_all(rate, y, answers, np.ones(1)) == of_all(rate, y, logits, np.ones(1))


def test_answers_of_unequal_lengths_are_joined_with_blanks() -> None:
    whole = joined([np.ones((2, 3, 4)), np.full((1, 5, 4), 2.0)])
    assert whole.shape == (3, 5, 4)
    np.testing.assert_array_equal(whole[:2, :3], 1)
    assert (whole[:2, 3:].argmax(-1) == 0).all()
    np.testing.assert_array_equal(whole[2], 2)


# ------------------------------------------------------------------ the label error rate


@cache
def distance(first: tuple[int, ...], second: tuple[int, ...]) -> int:
    """The fewest insertions, deletions and replacements, by what is done to the last labels."""
    if not first or not second:
        return len(first) + len(second)
    replaced = distance(first[:-1], second[:-1]) + (first[-1] != second[-1])
    return min(replaced, distance(first[:-1], second) + 1, distance(first, second[:-1]) + 1)


def test_edits_are_those_of_the_recursion() -> None:
    paths = RNG.integers(0, 4, (60, 9))
    labels = [tuple(RNG.integers(1, 4, RNG.integers(0, 6))) for _ in paths]
    y = np.array([padded(answer, 6) for answer in labels])
    expected = [distance(spelt(tuple(path)), answer) for path, answer in zip(paths, labels)]
    np.testing.assert_array_equal(edit_distance.edits(y, edit_distance.spelt(paths)), expected)


def test_the_rate_is_all_edits_over_all_labels_and_not_the_mean_of_rates() -> None:
    """Answered 1 1 blank 2 for 1 2, without an edit; blank 3 3 for 1 2 3, with two of them."""
    paths = np.array([[1, 1, 0, 2], [0, 3, 3, 0]])
    y, logits = np.array([[1, 2, 0], [1, 2, 3]]), np.eye(4)[paths]
    rate = metrics.load("edit_distance")
    assert of_all(rate, y, logits, np.ones(2)) == pytest.approx(2 / 5)
    assert of_all(rate, y, logits, np.array([1.0, 3.0])) == pytest.approx(6 / 11)
    assert of_all(rate, y, np.eye(4)[[[0] * 4] * 2], np.ones(2)) == 1.0


# ------------------------------------------------------------------ in a training


def trial(**training: object) -> Trial:
    return Trial(
        experiment="e", variant="lstm", cell=cell_text(lang.load("lstm")), task="touch_tones",
        index=0, hyperparameters={"units": 24, "learning_rate": 0.02}, seed=1,
        training=Training(batch=16, **training),  # type: ignore[arg-type]
        task_options={"digits": 2, "noise": 0.1, "train": 400, "valid": 60, "test": 60},
    )  # fmt: skip


def test_a_split_is_scored_as_its_sequences_are_without_padding() -> None:
    known = replace(trial(), cell=cell_text(lang.load("rnn")))  # which compiles in half the time
    model = Model(known, tasks.load(known.task, {**known.task_options, "test": 3}))
    split = model.task.splits["test"]
    expected = []
    for number, length in enumerate(split.lengths):
        x = keras.ops.convert_to_tensor(split.x[number : number + 1, :length])
        logits = np.asarray(model.network.logits(x), float)
        expected.append(in_float64(CTC, split.y[number : number + 1], logits)[0])
    score = model.evaluate("test")
    assert score.loss == pytest.approx(np.mean(expected), rel=1e-4)
    y, logits, weights = model._answered("test", np.arange(3))
    assert score.metric == of_all(metrics.load("edit_distance"), y, logits, weights)


@pytest.mark.slow
@pytest.mark.parametrize("bidirectional", [False, True])
def test_touch_tones_are_learnt_in_seconds(bidirectional: bool) -> None:
    outcome = train(trial(epochs=12, bidirectional=bidirectional), lambda progress: True)
    assert outcome.scores["test"] < 0.1
    assert (
        outcome.scores["test"] < 0.2 * tasks.load("touch_tones").baselines["best constant answer"]
    )
