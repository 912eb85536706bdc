"""Every way in which Keras and TensorFlow save a layer: what comes back computes the same."""

from __future__ import annotations

import copy
import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

import rnnzoo

if keras.config.backend() == "tensorflow":
    import tensorflow as tf

X = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
# written by the code of commit f337a96; the .npy hold predictions on X
OLDER = Path(__file__).parent / "older"
needs_tensorflow = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="TensorFlow saves it"
)


def sequential(layer: keras.layers.Layer, batch: int | None = None) -> keras.Model:
    return keras.Sequential([keras.Input(batch_shape=(batch, 5, 3)), layer])


class Nested(keras.Model):
    """A layer inside a model of the user's own."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = rnnzoo.layer("gru", 4)

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs)


MAKERS: dict[str, Callable[[], keras.Model]] = {
    "one layer": lambda: sequential(rnnzoo.layer("lstm", 4)),
    "a stack": lambda: sequential(rnnzoo.layer("depth_gated", 4, layers=2)),
    "both directions": lambda: sequential(keras.layers.Bidirectional(rnnzoo.layer("rnn", 4))),
    "in a model": Nested,
}


@needs_tensorflow
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_checkpoint_of_tensorflow_holds_every_weight(
    make: Callable[[], keras.Model], tmp_path: Path
) -> None:
    saved, other = make(), make()
    for model in (saved, other):
        if not model.built:
            model(X)
    path = tf.train.Checkpoint(model=saved).save(tmp_path / "checkpoint")
    tf.train.Checkpoint(model=other).restore(path).assert_consumed()
    for ours, theirs in zip(saved.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(saved.get_weights()) > 2


@needs_tensorflow
def test_a_checkpoint_is_restored_into_a_layer_that_is_built_later(tmp_path: Path) -> None:
    saved, other = rnnzoo.layer("gru", 4), rnnzoo.layer("gru", 4)
    saved.build((2, 5, 3))
    tf.train.Checkpoint(layer=other).restore(
        tf.train.Checkpoint(layer=saved).save(tmp_path / "checkpoint")
    )
    other.build((2, 5, 3))
    for ours, theirs in zip(saved.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_states_are_no_weights_and_other_batch_sizes_take_the_weights_over(tmp_path: Path) -> None:
    trained, loaded = (
        sequential(rnnzoo.layer("clockwork", 8, stateful=True), batch) for batch in (2, 1)
    )
    plain = sequential(rnnzoo.layer("clockwork", 8))
    assert trained.count_params() == plain.count_params()
    for model in (loaded, plain):
        model.set_weights(trained.get_weights())
    trained.save_weights(tmp_path / "trained.weights.h5")
    loaded.load_weights(tmp_path / "trained.weights.h5")
    expected = np.asarray(trained(X))
    np.testing.assert_allclose(loaded(X[:1]), expected[:1], atol=1e-6)
    states = [np.asarray(state) for state in trained.layers[0].states]
    trained.set_weights(trained.get_weights())
    for state, its in zip(trained.layers[0].states, states, strict=True):
        np.testing.assert_array_equal(state, its)


@needs_tensorflow
def test_a_checkpoint_is_restored_for_another_batch_size(tmp_path: Path) -> None:
    trained, loaded = (
        sequential(rnnzoo.layer("clockwork", 8, stateful=True), batch) for batch in (2, 1)
    )
    path = tf.train.Checkpoint(model=trained).save(tmp_path / "checkpoint")
    tf.train.Checkpoint(model=loaded).restore(path).assert_consumed()
    np.testing.assert_allclose(loaded(X[:1]), np.asarray(trained(X))[:1], atol=1e-6)


@needs_tensorflow
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        pytest.param("clockwork", {}, marks=pytest.mark.slow),
        ("clockwork", {"stateful": True}),
        ("rnn", {"layers": 2, "go_backwards": True}),
        pytest.param("peephole", {"layers": 2, "go_backwards": True}, marks=pytest.mark.slow),
    ],
)
def test_a_saved_model_computes_the_same(
    name: str, arguments: dict[str, Any], tmp_path: Path
) -> None:
    model = sequential(rnnzoo.layer(name, 8, **arguments), 2)
    model.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    served = exported.serve(X)
    np.testing.assert_allclose(served, model(X), atol=1e-6)


@pytest.mark.parametrize(
    "duplicate",
    [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
    ids=["copy", "pickle"],
)
def test_a_model_is_copied_with_its_weights(
    duplicate: Callable[[keras.Model], keras.Model],
) -> None:
    model = sequential(
        rnnzoo.layer("lstm", 4, regularizers={"R_*": "l2"}, initializers={"R_*": "orthogonal"})
    )
    for ours, theirs in zip(model.get_weights(), duplicate(model).get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", ["lstm", "clockwork"])
def test_a_file_of_an_older_version_loads_and_predicts_the_same(name: str) -> None:
    model = rnnzoo.load_model(OLDER / f"{name}.keras")
    np.testing.assert_allclose(model(X), np.load(OLDER / f"{name}.npy"), atol=1e-6)


def test_a_stateful_file_of_an_older_version_gives_its_weights_and_begins_anew() -> None:
    """It holds the states among the weights, behind them."""
    model = rnnzoo.load_model(OLDER / "stateful_gru.keras")
    content = zipfile.ZipFile(OLDER / "stateful_gru.keras").read("model.weights.h5")
    with h5py.File(io.BytesIO(content)) as file:
        (stored,) = (
            group["vars"] for name, group in file["layers"].items() if name.startswith("recurrent")
        )
        kept = model.layers[0].get_weights()
        assert len(stored) == len(kept) + 2
        for number, weight in enumerate(kept):
            np.testing.assert_array_equal(weight, stored[str(number)])
    assert not np.asarray(model.layers[0].states[0]).any()
