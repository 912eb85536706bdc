"""What `model:` of an experiment asks for, against NumPy from the definitions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnnzoo
from rnnzoo import lang, tasks
from rnnzoo.errors import SpecError
from rnnzoo.lang import counts, reference
from rnnzoo.lang.text import cell_text
from rnnzoo.nn import introspect
from rnnzoo.nn.network import Network
from rnnzoo.nn.parts import Pool
from rnnzoo.nn.train import Model
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Trial
from rnnzoo.sweep import open as door
from rnnzoo.tasks import Split, Task

Array = np.ndarray[Any, Any]
UNITS, INPUTS, OUTPUTS, IDS = 4, 3, 2, 5
LENGTHS = np.array([6, 2, 5, 1], np.int32)
TIME = 8  # more than any sequence has
REAL = np.arange(TIME) < LENGTHS[:, None]


def trial(cell: str = "rnn", units: int = UNITS, **settings: Any) -> Trial:
    return Trial(
        "e", cell, cell_text(lang.load(cell)), "task", 0,
        {"units": units, "learning_rate": 0.1, "layers": settings.pop("layers", 1)},
        seed=3, training=Training(batch=4, **settings),
    )  # fmt: skip


def task(per: str = "sequence", vocabulary: int = 0) -> Task:
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(4, TIME, INPUTS)).astype(np.float32)
    ids = rng.integers(0, IDS - 1, (4, TIME, 1)).astype(np.int32)  # the last one never comes
    x = (ids if vocabulary else numbers) * REAL[..., None].astype(ids.dtype)
    outputs = vocabulary or OUTPUTS
    shape = (4, TIME) if per == "step" else (4,)
    splits = dict.fromkeys(
        tasks.SPLITS, Split(x, rng.integers(0, outputs, shape).astype(np.int32), LENGTHS)
    )
    return Task("task", splits, "categorical", per, outputs, "error", "%", vocabulary=vocabulary)


def both_ways(layer: Any, x: Array) -> Array:
    """Outputs of both directions for one sequence, (time, 2 units), by the equations."""
    outputs = []
    for one_way, order in ((layer.forward_layer, 1), (layer.backward_layer, -1)):
        weights = [one_way.weights_by_name()]
        values = reference.run(one_way.cell, weights, x[None, ::order], one_way.units).values
        outputs.append(values[0][one_way.cell.output][0, ::order])
    return np.concatenate(outputs, axis=-1)


@pytest.mark.parametrize(("cell", "layers"), [("rnn", 2), ("clockwork", 1)])
def test_both_directions_of_each_layer_are_those_of_the_equations(cell: str, layers: int) -> None:
    """Backwards from the last real step, by whose number a clockwork cell is driven, too."""
    network = Network(trial(cell, 8, layers=layers, bidirectional=True), task("step"))
    x = task().splits["test"].x
    mask, read = REAL, np.asarray(x)
    for layer in network.recurrent:
        read = np.asarray(layer(read, mask=mask))
    for number, length in enumerate(LENGTHS):
        expected: Array = x[number, :length].astype(float)
        for layer in network.recurrent:
            expected = both_ways(layer, expected)
        np.testing.assert_allclose(read[number, :length], expected, atol=1e-5)


def test_what_is_read_out_of_both_directions_is_where_each_ends(tmp_path: Path) -> None:
    model = Model(trial(bidirectional=True), task())
    assert model.count() == {
        "recurrent": 2 * UNITS * (INPUTS + UNITS + 1),
        "model": 2 * UNITS * (INPUTS + UNITS + 1) + OUTPUTS * (2 * UNITS + 1),
    }
    before = model.evaluate("test").loss
    model.epoch()
    assert model.evaluate("test").loss < before
    model.save(tmp_path / "model.keras", trial())
    saved = rnnzoo.load_model(tmp_path / "model.keras")
    recurrent, read_out = saved.layers[1:]
    kernel, bias = read_out.get_weights()
    x, split = task().splits["test"].x, task().splits["test"]
    logits = []
    for sequence, length in zip(x, split.lengths):
        outputs = both_ways(recurrent, sequence[:length].astype(float))
        last = np.concatenate([outputs[-1, :UNITS], outputs[0, UNITS:]])
        logits.append(last @ kernel + bias)
    top = np.log(np.exp(logits).sum(1)) - np.array(logits)[np.arange(4), split.y]
    assert model.evaluate("test").loss == pytest.approx(top.mean(), rel=1e-5)


def test_pooling_is_over_real_steps() -> None:
    x = np.random.default_rng(0).normal(size=(4, TIME, 3)).astype("float32") - 9
    real = REAL.copy()
    real[3] = False  # a row that only fills a batch
    for name, pool in (("mean", np.mean), ("max", np.max)):
        pooled = np.asarray(Pool(name)(x, mask=real))
        expected = [pool(x[row, real[row]], axis=0) for row in range(3)]
        np.testing.assert_allclose(pooled, [*expected, np.zeros(3)], rtol=1e-6)
        np.testing.assert_allclose(np.asarray(Pool(name)(x)), pool(x, axis=1), rtol=1e-6)


def test_a_dense_read_out_of_pooled_steps_is_its_equations(tmp_path: Path) -> None:
    chosen = trial(pool="mean", hidden=5, hidden_layers=2, read_out_dropout=0.5)
    model = Model(chosen, task())
    assert model.count() == {
        "recurrent": UNITS * (INPUTS + UNITS + 1),
        "model": UNITS * (INPUTS + UNITS + 1) + 5 * (UNITS + 1) + 5 * 6 + OUTPUTS * 6,
    }
    losses = [model.epoch() for _ in range(2)]
    again = Model(chosen, task())
    assert [again.epoch() for _ in range(2)] == losses  # same seed, same bits
    model.save(tmp_path / "model.keras", chosen)
    saved = rnnzoo.load_model(tmp_path / "model.keras")
    numbers, x = introspect.numpy_model(saved), task().splits["test"].x
    outputs = introspect.values(numbers, x, np.full(4, TIME))[0]["h"]
    first, second, last = (layer.get_weights() for layer in saved.layers if "Dense" in str(layer))
    read = outputs.mean(1)
    for kernel, bias in (first, second):
        read = np.maximum(read @ kernel + bias, 0)
    logits = read @ last[0] + last[1]
    np.testing.assert_allclose(saved.predict(x, verbose=0), logits, atol=1e-5)
    np.testing.assert_allclose(introspect.predictions(numbers, outputs.mean(1)), logits, atol=1e-5)


def test_dropout_of_the_read_out_leaves_out_that_share_in_training_only() -> None:
    network = Network(trial(read_out_dropout=0.25, hidden=2000), task())
    x = task().splits["test"].x[:1]
    (drop,) = network.between[-1:]
    ones = np.ones((1, 2000), "float32")
    kept = np.asarray(drop(ones, training=True))
    assert {*np.unique(kept)} == {0.0, np.float32(1 / 0.75)}
    assert (kept == 0).mean() == pytest.approx(0.25, abs=0.05)
    first, second = (np.asarray(network.logits(x)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_tied_read_out_has_the_vectors_of_ids_as_its_weights(tmp_path: Path) -> None:
    """Also those that no input looks up learn, as answers that did not come."""
    chosen = trial(embed=6, hidden=6, tie=True)
    model = Model(chosen, task("step", IDS))
    assert model.count()["model"] == UNITS * (6 + UNITS + 1) + 6 * (UNITS + 1) + IDS * (6 + 1)
    first = introspect.numpy_model(model.network.model).vectors
    model.epoch()
    model.save(tmp_path / "model.keras", chosen)
    saved = rnnzoo.load_model(tmp_path / "model.keras")
    numbers, x = introspect.numpy_model(saved), task("step", IDS).splits["test"].x
    assert numbers.vectors is not None
    assert first is not None
    assert (np.abs(numbers.vectors - first).max(1) > 0).all()
    kernel, bias = (np.asarray(value) for value in saved.get_layer("hidden_1").get_weights())
    outputs = introspect.values(numbers, x, np.full(4, TIME))[0]["h"]
    answers = np.maximum(outputs @ kernel + bias, 0) @ numbers.vectors.T
    answers = answers + saved.get_layer("read_out").get_weights()[0]
    np.testing.assert_allclose(saved.predict(x, verbose=0), answers, atol=1e-5)
    np.testing.assert_allclose(introspect.predictions(numbers, outputs), answers, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "given", "problem", "fix"),
    [
        ({"pool": "max"}, ("step", 0), "one target a sequence", "delete `pool`"),
        ({"tie": True}, ("step", 0), "answers that are ids", "delete `tie`"),
        ({"tie": True}, ("step", IDS), "there are none", "write `embed: 4`"),
        ({"tie": True, "embed": 3}, ("step", IDS), "`embed` has 3", "`embed: 4`, or `hidden: 3`"),
        ({"tie": True, "embed": 4, "bidirectional": True}, ("step", IDS), "has 8", "`embed: 8`"),
        ({"embed": 3}, ("step", 0), "inputs of 'task' are numbers", "delete `embed`"),
    ],
)
def test_models_that_a_task_cannot_have_are_refused(
    settings: dict[str, Any], given: tuple[str, int], problem: str, fix: str
) -> None:
    (refusal,) = tasks.unfit(task(*given), trial(**settings).training, lang.load("rnn"))
    assert problem in refusal.problem
    assert fix in refusal.fix


def test_layers_that_read_a_state_of_the_one_below_have_no_two_below() -> None:
    cell, training = lang.load("depth_gated"), trial(bidirectional=True).training
    assert not [*tasks.unfit(task(), training, cell)]
    (refusal,) = tasks.unfit(task(), replace(training, layers=2), cell)
    assert "read c of the layer below" in refusal.problem


@pytest.mark.parametrize("layers", [1, 3])
def test_weights_of_both_directions_are_counted_as_in_the_closed_form(layers: int) -> None:
    lstm = lang.load("lstm")
    expected = 2 * 4 * UNITS * (INPUTS + UNITS + 1)
    expected += (layers - 1) * 2 * 4 * UNITS * (2 * UNITS + UNITS + 1)
    assert counts.weights(lstm, INPUTS, UNITS, layers, bidirectional=True) == expected
    assert counts.units_for(lstm, INPUTS, expected, layers, bidirectional=True) == UNITS


OPENING = """\
experiment: e
task: {name: temporal_order, train: 4, valid: 4, test: 4}
variants: [rnn, {name: two, cell: depth_gated, space: {layers: 2}}]
"""


@pytest.mark.parametrize(
    ("written", "place", "problem"),
    [
        ("model: {bidirectional: true}", ":4:9", "layers of 'depth_gated' read c"),
        ("search: {space: {tie: {choice: [true, false]}}}", ":4:18", "'temporal_order' has none"),
        ("model: {embed: 4, tie: true}", ":4:9", "inputs of 'temporal_order' are numbers"),
    ],
)
def test_what_a_task_or_a_cell_cannot_have_is_shown_where_it_is_asked_for(
    written: str, place: str, problem: str
) -> None:
    experiment = parse_experiment(f"{OPENING}{written}\n", "e.yaml", Path())
    with pytest.raises(SpecError) as caught:
        door.loaded(experiment, tasks.silent, list)
    assert problem in caught.value.mistakes[0].problem
    assert str(caught.value.mistakes[0].span) == f"e.yaml{place}"


def test_a_model_that_no_point_of_the_space_has_is_not_refused() -> None:
    """Both directions with one layer only, of the cell that can have them with one only."""
    space = "layers: {choice: [1, 2]}, bidirectional: {choice: [true, false], when: {layers: 1}}"
    text = OPENING.replace("layers: 2", space)
    experiment = parse_experiment(text, "e.yaml", Path())
    assert len(door.loaded(experiment, tasks.silent, list).studies) == 2


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("parity", {"length": 6}, False),
        ("copy_memory", {"length": 6}, False),
        ("dyck", {"length": 6}, False),
        ("periodic", {}, False),
        ("adding", {}, False),
        ("folk_tunes", None, True),
    ],
)
def test_a_task_of_the_next_input_foretells(
    name: str, options: dict[str, Any] | None, told: bool
) -> None:
    few = {} if options is None else {"train": 20, "valid": 2, "test": 2, **options}
    assert tasks.foretells(tasks.load(name, few)) == told


def test_what_tells_of_the_next_input_has_no_layer_that_reads_backwards() -> None:
    split = task("step", IDS).splits["train"]
    following = replace(split, y=np.roll(split.x[..., 0], -1, axis=1))
    chosen, cell = trial(bidirectional=True).training, lang.load("rnn")
    plain = task("step", IDS)
    for foretelling in (
        replace(plain, splits={"train": following}),
        replace(plain, ahead=True),
    ):
        (refusal,) = tasks.unfit(foretelling, chosen, cell)
        assert (refusal.name, "comes later" in refusal.problem) == ("bidirectional", True)
    assert not [*tasks.unfit(plain, chosen, cell)]
