"""What a model has beside its recurrent layers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import rnnzoo
from rnnzoo import lang, tasks
from rnnzoo.errors import SpecError, TrainingError
from rnnzoo.lang.text import cell_text
from rnnzoo.nn import introspect
from rnnzoo.nn.network import Network
from rnnzoo.nn.train import Model
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Trial
from rnnzoo.sweep import open as door
from rnnzoo.tasks import Split, Task

IDS, UNITS = 7, 4
LENGTHS = np.array([5, 2, 4, 3, 5, 1], np.int32)
RNN = Trial(
    "e", "rnn", cell_text(lang.load("rnn")), "ids", 0, {"units": UNITS, "learning_rate": 0.1},
    seed=3, training=Training(batch=4),
)  # fmt: skip


def task(one_hot: bool = False) -> Task:
    rng = np.random.default_rng(0)
    real = (np.arange(5) < LENGTHS[:, None])[..., None]
    ids = (rng.integers(0, IDS, (6, 5, 1)) * real).astype(np.int32)
    x = (np.eye(IDS)[ids[..., 0]] * real).astype(np.float32) if one_hot else ids
    y = rng.integers(0, 3, (6, 5)).astype(np.int32)
    splits = dict.fromkeys(tasks.SPLITS, Split(x, y, LENGTHS))
    vocabulary = 0 if one_hot else IDS
    return Task("ids", splits, "categorical", "step", 3, "error", "%", vocabulary=vocabulary)


def with_(**settings: object) -> Trial:
    return replace(RNN, training=replace(RNN.training, **settings))


def test_ids_are_read_as_one_hot_numbers_are() -> None:
    ids, numbers = Model(RNN, task()), Model(RNN, task(one_hot=True))
    assert ids.count() == numbers.count()
    for _ in range(2):
        assert ids.epoch() == pytest.approx(numbers.epoch(), rel=1e-6)


def test_an_embedding_is_the_row_of_each_id_and_is_trained(tmp_path: Path) -> None:
    """Of a saved model too: the same logits, from its rows by NumPy."""
    model = Model(with_(embed=2), task())
    assert model.count() == {
        "recurrent": UNITS * (2 + UNITS + 1),
        "model": UNITS * (2 + UNITS + 1) + 3 * (UNITS + 1) + 2 * IDS,
    }
    first = introspect.numpy_model(model.network.model).vectors
    assert first is not None
    assert np.abs(first).max() <= 0.05
    model.epoch()
    model.save(tmp_path / "model.keras", RNN)
    saved = rnnzoo.load_model(tmp_path / "model.keras")
    numbers, x = introspect.numpy_model(saved), task().splits["test"].x
    assert numbers.vectors is not None
    used = np.isin(np.arange(IDS), x)
    assert (np.abs(numbers.vectors - first)[used] > 0).all()
    output = introspect.values(numbers, x, np.full(6, 5))[0]["h"]
    np.testing.assert_allclose(
        saved.predict(x, verbose=0), introspect.predictions(numbers, output), atol=1e-5
    )


def test_an_embedding_of_numbers_is_refused() -> None:
    with pytest.raises(TrainingError, match="the inputs of 'ids' are numbers"):
        Network(with_(embed=2), task(one_hot=True))


@pytest.mark.parametrize(
    ("written", "place"),
    [("model: {embed: 4}", ":4:9"), ("search: {space: {embed: {int: [0, 4]}}}", ":4:18")],
)
def test_an_embedding_of_numbers_is_refused_before_anything_runs(written: str, place: str) -> None:
    text = f"experiment: e\ntask: {{name: adding, train: 4}}\nvariants: [rnn]\n{written}\n"
    with pytest.raises(SpecError, match="an embedding is for ids") as caught:
        door.loaded(parse_experiment(text, "e.yaml", Path()), tasks.silent, list)
    assert f"e.yaml{place}" in str(caught.value)


def test_all_layers_that_models_are_saved_with_are_known_where_the_package_is_imported() -> None:
    """In another process than that which trained: its front imports their modules."""
    folder = Path(rnnzoo.__file__).parent / "nn"
    front = (folder / "__init__.py").read_text()
    defining = [file.stem for file in folder.glob("*.py") if "(keras.layers." in _classes(file)]
    assert {"layer", "parts"} <= {*defining}
    assert [name for name in defining if f"rnnzoo.nn.{name} " not in front] == []


def _classes(file: Path) -> str:
    return "\n".join(line for line in file.read_text().splitlines() if line.startswith("class "))
