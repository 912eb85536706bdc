"""What tests/backends/test_jax.py asks of a process in which Keras is set to JAX."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jax
import keras
import numpy as np

import rnnzoo
from rnnzoo import lang
from rnnzoo.backends.jax import backend, newton, process
from rnnzoo.backends.jax.engine import _shared
from rnnzoo.backends.jax.native import NativeEngine
from rnnzoo.backends.native.build import SCAN, SWITCH
from rnnzoo.errors import UsageError
from rnnzoo.lang import reference
from rnnzoo.nn import Recurrent
from rnnzoo.nn.packing import Packed, packed
from rnnzoo.nn.train import Model, train
from tests import samples
from tests.backends.trained import curve, curves, predictions, trial
from tests.closeness import apart

SIZE = {"batch": 2, "time": 6, "inputs": 3, "units": 8}
X_SEED, KEPT_SEED = 1, 2
NO_LOOP_KEEP = np.array([[1] * 8 + [0] * 4, [0, 1, 1, 0, 1, 1, 0, 0, 1, 1, 1, 1], [1] * 12], bool)
PACKED_LENGTHS, PACKED_ROWS = (7, 7, 4, 2, 0), 32
# the derivative is up to 4, and the states stay where they are as large
CHAOTIC = """
name: chaotic
title: Without a loop, a chaotic cell has to be looped over
equations: |
  h = sin(4 * h[t-1] + W @ x)
"""


def layers(*asked: tuple[str, int, bool]) -> list[tuple[float, float]]:
    """How far outputs are from the reference, and gradients from JAX's own, in float64.

    Args:
        asked: cell, number of layers, and whether some steps are padding.
    """
    jax.config.update("jax_enable_x64", True)
    return [_layer(*layer) for layer in asked]


def native_layers(*asked: tuple[str, int, bool]) -> list[tuple[float, float]]:
    """The same in float32, where the loops are native code."""
    errors = [_layer(*layer, dtype="float32") for layer in asked]
    assert all(isinstance(step, NativeEngine) for step in _shared.values())
    return errors


def packed_layers(*asked: tuple[str, int]) -> list[tuple[float, float] | None]:
    """How far outputs and gradients of packed sequences are from those of padded ones, each beside
    the largest number; None for a cell whose sequences are not packed.

    Args:
        asked: cell, and number of layers.
    """
    return [_packed_layer(*layer) for layer in asked]


def _packed_layer(name: str, count: int) -> tuple[float, float] | None:
    cell = lang.load(name)
    count = samples.layers_at_most(cell, count)
    batch, time = len(PACKED_LENGTHS), max(PACKED_LENGTHS)
    layer = Recurrent(cell, SIZE["units"], layers=count, return_sequences=True, seed=1)
    x = samples.inputs_of(cell, SIZE["inputs"], (batch, time), X_SEED).astype("float32")
    layer.build(x.shape)
    if not layer.packs:
        return None
    packing = packed(np.arange(batch)[None], np.array([PACKED_LENGTHS]), time, time, PACKED_ROWS)
    assert packing is not None
    steps, before, offsets = (each[0] for each in packing)
    used = int(offsets[-1])
    mask = np.arange(time) < np.array(PACKED_LENGTHS)[:, None]
    upstream = np.random.default_rng(KEPT_SEED).normal(size=(batch, time, 1)).astype("float32")
    upstream *= mask[..., None]
    in_a_row = x.reshape(batch * time, -1)[steps]
    variables = layer.trainable_variables

    def padded(values: Any) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            outputs = layer(x, mask=keras.ops.convert_to_tensor(mask))
        return (outputs * upstream).sum(), outputs.reshape(batch * time, -1)[steps[:used]]

    def without_padding(values: Any) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            outputs = layer.of_packed(in_a_row[None], Packed(before, offsets, batch))[0]
        of_rows = upstream.reshape(batch * time, 1)[steps[:used]]
        return (outputs[:used] * of_rows).sum(), outputs

    values = [variable.value for variable in variables]
    both = [jax.jit(jax.grad(loss, has_aux=True))(values) for loss in (without_padding, padded)]
    (ours, outputs), (slopes, expected) = both
    assert not np.any(outputs[used:])
    outputs = outputs[:used]
    return _furthest([outputs], [expected]), _furthest(ours, slopes)


def packed_trainings(cell: str, is_of_steps: bool) -> list[list[float]]:
    """The scores of trainings on sequences of unequal lengths: packed, packed where batches have no
    room, and padded.

    Args:
        is_of_steps: whether there is an answer at each step, or one a sequence.
    """
    task = _uneven(is_of_steps)
    packs, small, padded = (Model(trial(cell), task) for _ in range(3))
    assert packs.room
    assert packs.evaluation_room
    small.room, small.evaluation_room = 16, 16
    padded.room, padded.evaluation_room = 0, 0
    return [_scores(model) for model in (packs, small, padded)]


def _uneven(is_of_steps: bool) -> rnnzoo.Task:
    """Which of two inputs was larger, on average until now, or in the end."""
    rng = np.random.default_rng(0)
    sequences = [rng.normal(size=(length, 2)) for length in rng.integers(1, 30, 88)]
    answers = [((x[:, 0] - x[:, 1]).cumsum() > 0).astype(int) for x in sequences]
    last = np.array([answer[-1] for answer in answers])
    return rnnzoo.Task.from_arrays(sequences, answers if is_of_steps else last)


def _scores(model: Model) -> list[float]:
    losses = [model.epoch() for _ in range(3)]
    return [*losses, *(model.evaluate(split).loss for split in ("train", "validation", "test"))]


def layers_of_due_units(*asked: tuple[str, int, bool]) -> list[tuple[float, float]]:
    """The same, where units that are not due are left out however few there are."""
    backend.DUE_FROM = 1
    errors = layers(*asked)
    assert any(step.units.blocks for step in _shared.values())
    return errors


def _layer(name: str, count: int, masked: bool, dtype: str = "float64") -> tuple[float, float]:
    cell = lang.load(name)
    count, columns = samples.layers_at_most(cell, count), cell.columns(SIZE["inputs"])
    rng = np.random.default_rng(0)
    weights = reference.random_weights(cell, columns, SIZE["units"], count, rng)
    layer = Recurrent(
        cell, SIZE["units"], layers=count, return_sequences=True, dtype=dtype,
        initializers={"*": "zeros"},
    )  # fmt: skip
    x = samples.inputs_of(cell, SIZE["inputs"], (SIZE["batch"], SIZE["time"]), X_SEED)
    x = x.astype(dtype)
    layer.build(x.shape)
    for number, of_layer in enumerate(weights, start=1):
        prefix = f"{number}." if count > 1 else ""
        layer.set_weights_by_name({prefix + key: value for key, value in of_layer.items()})
    keep = np.array([[1, 1, 0, 1, 1, 0], [1] * 6], bool) if masked else None
    mask = None if keep is None else keras.ops.convert_to_tensor(keep)
    # op by op, what follows takes ten times as long
    outputs = jax.jit(lambda x: layer(x, mask=mask))(x)
    expected = reference.run(cell, weights, x, SIZE["units"], keep=keep).outputs
    upstream = np.random.default_rng(KEPT_SEED).normal(size=outputs.shape).astype(dtype)
    variables = layer.trainable_variables

    def loss(values: Any, x: Any, engine: str) -> Any:
        layer.engine = engine
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return (layer(x, mask=mask) * upstream).sum()

    values = [variable.value for variable in variables]
    slopes = jax.jit(jax.grad(loss, (0, 1)), static_argnums=2)
    ours, plain = (jax.tree.leaves(slopes(values, x, engine)) for engine in ("auto", "portable"))
    return _furthest([outputs], [expected]), _furthest(ours, plain)


def without_loops(*asked: tuple[str, bool, bool, str]) -> list[float]:
    """How far outputs, states and gradients are from JAX's own of a loop, with initial states.

    Args:
        asked: cell by name or text, whether some steps are padding, whether it reads backwards, and
            the type of its numbers.
    """
    jax.config.update("jax_enable_x64", True)
    return [_without_loop(*layer) for layer in asked]


def without_rounds(*asked: tuple[str, bool, bool, str]) -> list[float]:
    """The same, where no state settles in time and the loop has to compute it."""
    newton.MOST_ROUNDS = 1
    return without_loops(*asked)


def _without_loop(named: str, masked: bool, backwards: bool, dtype: str) -> float:
    layer = _with_engine_scan(named, return_state=True, dtype=dtype, go_backwards=backwards)
    batch, time = NO_LOOP_KEEP.shape
    rng = np.random.default_rng(X_SEED)
    mask = keras.ops.convert_to_tensor(NO_LOOP_KEEP) if masked else None
    variables = layer.trainable_variables
    given = [variable.value for variable in variables]
    given += [rng.normal(size=(batch, time, SIZE["inputs"])).astype(dtype)]
    sizes, reads_time = layer._state_sizes(), layer.cell.reads_time
    names = layer.state_names[:-1] if reads_time else layer.state_names
    given += [rng.normal(size=(batch, sizes[name])).astype(dtype) for name in names]
    behind = [np.full((batch, 1), 5, "int32")] if reads_time else []

    def computed(engine: str) -> Any:
        def loss(given: Any) -> Any:
            layer.engine = engine
            values, (x, *states) = given[: len(variables)], given[len(variables) :]
            with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
                results = layer(x, mask=mask, initial_state=[*states, *behind])
            return sum((result**2).sum() for result in results), results

        return jax.jit(jax.grad(loss, has_aux=True))(given)

    without, looped = map(jax.tree.leaves, (computed("scan"), computed("portable")))
    return _furthest(without, looped)


def _with_engine_scan(named: str, **options: Any) -> Recurrent:
    """A layer without a loop, whose weights are random."""
    cell = lang.parse_text(named) if "\n" in named else lang.load(named)
    layer = Recurrent(cell, SIZE["units"], return_sequences=True, engine="scan", **options)
    layer.build((None, None, SIZE["inputs"]))
    rng = np.random.default_rng(0)
    (weights,) = reference.random_weights(cell, SIZE["inputs"], SIZE["units"], 1, rng)
    layer.set_weights_by_name(weights)
    return layer


def chaos() -> tuple[float, float]:
    """Of a cell that Newton's method does not settle: how far its states are from what its equation
    makes of those before, and its gradient from the one of these states, relatively.
    """
    jax.config.update("jax_enable_x64", True)
    layer = _with_engine_scan(CHAOTIC, dtype="float64")
    x = np.random.default_rng(X_SEED).normal(size=(2, 200, SIZE["inputs"]))
    slopes, h = jax.jit(jax.grad(lambda x: (layer(x).sum(), layer(x)), has_aux=True))(x)
    h, W = np.asarray(h), layer.weights_by_name()["W"]
    before = np.concatenate([np.zeros_like(h[:, :1]), h[:, :-1]], axis=1)
    inner = 4 * before + x @ W.T
    arriving, of_x = np.zeros_like(h[:, 0]), np.zeros_like(x)
    for t in reversed(range(x.shape[1])):
        of_inner = (1 + arriving) * np.cos(inner[:, t])
        arriving, of_x[:, t] = 4 * of_inner, of_inner @ W
    return _furthest([h], [np.sin(inner)]), _furthest([slopes / of_x], [np.ones_like(of_x)])


def derivatives_without_loop(name: str) -> tuple[float, float]:
    """How far a second derivative, and a layer that is mapped over an axis, are from a loop's."""
    jax.config.update("jax_enable_x64", True)
    return _derivatives(_with_engine_scan(name, dtype="float64"), "scan")


def native_derivatives(name: str) -> tuple[float, float]:
    """How far apart native loops and what JAX derives are, in float32: a second derivative, and a
    layer that is mapped over an axis.
    """
    layer = rnnzoo.layer(name, SIZE["units"])
    errors = _derivatives(layer, "auto")
    assert all(isinstance(step, NativeEngine) for step in _shared.values())
    return errors


def _derivatives(layer: Recurrent, engine: str) -> tuple[float, float]:
    shape = 3, 2, 4, SIZE["inputs"]
    x = np.random.default_rng(X_SEED).normal(size=shape).astype(layer.compute_dtype)
    layer(x[0])

    def of(engine: str) -> tuple[Any, Any]:
        layer.engine = engine

        def penalty(x: Any) -> Any:
            return (jax.grad(lambda x: (layer(x) ** 2).sum())(x) ** 2).sum()

        return jax.jit(jax.grad(penalty))(x[0]), jax.jit(jax.vmap(layer))(x)

    ours, plain = of(engine), of("portable")
    return _furthest(ours[:1], plain[:1]), _furthest(ours[1:], plain[1:])


def what_computes(name: str) -> list[str]:
    """What computes a layer's loops without a compiler, with one, and where none are wanted any
    more.
    """
    names = []
    for variable, value in (("CXX", "no-such-compiler"), ("CXX", ""), (SWITCH, SCAN)):
        os.environ[variable] = value
        _shared.clear()
        rnnzoo.layer(name, SIZE["units"])(np.zeros((2, 3, 4), "float32"))
        names.append(" ".join(type(step).__name__ for step in _shared.values()))
    return names


def with_compiler(compiler: str) -> list[str]:
    """What a training with a compiler has computed its loops with; and what this process says of
    them before it, and after.
    """
    os.environ["CXX"] = compiler
    before = process.loops()
    outcome = train(trial("rnn"), lambda progress: True)
    return [outcome.loops, before, process.loops()]


def of_sigmoids() -> tuple[float, float, float]:
    """How far the loss of sigmoids, and its derivatives by the logit and by the target, are from
    their definition in float64.
    """
    logit = np.linspace(-30, 30, 121, dtype=np.float32)
    target = np.linspace(0, 1, 121, dtype=np.float32)

    def loss(target: Any, logit: Any) -> Any:
        return backend.operations.binary_crossentropy(target, logit, from_logits=True)

    slopes = jax.vmap(jax.grad(loss, (1, 0)))(target, logit)
    exact = logit.astype(float)
    sigmoid = 1 / (1 + np.exp(-exact))
    expected = np.logaddexp(0, exact) - exact * target, sigmoid - target, -exact
    computed = (loss(target, logit), *slopes)
    return tuple(_furthest([value], [other]) for value, other in zip(computed, expected))


def _furthest(arrays: Iterable[Any], others: Iterable[Any]) -> float:
    differences = [apart(array, other) for array, other in zip(arrays, others, strict=True)]
    return float(np.max(differences, initial=0.0))  # Python's `max` may leave out what is no number


def on_task(name: str, task: str) -> list[float]:
    """The training and validation losses of one cell on another task."""
    return curve(trial(name, task))


def trainings_with_cache(cache: str, *names: str) -> dict[str, list[float]]:
    """Those of cells, where compiled code is kept in a folder."""
    jax.config.update("jax_compilation_cache_dir", cache)
    return curves("adam", *names)


def saved(folder: str, name: str) -> tuple[list[float], list[float]]:
    """Train and save a model; its losses, and what it predicts for some inputs."""
    losses = curve(replace(trial(name), folder=folder))
    return losses, predictions(Path(folder) / "model.keras")


def saves_without_tensorflow() -> bool:
    """Whether a model is saved, and TensorFlow was not imported for that."""
    with TemporaryDirectory() as folder:
        model = keras.Sequential([keras.Input((None, 2)), rnnzoo.layer("rnn", 4)])
        model.save(Path(folder) / "model.keras")
        return (Path(folder) / "model.keras").is_file() and "tensorflow" not in sys.modules


def exports(folder: str) -> tuple[list[float], str]:
    """What three exports end with: one of a stack, by Keras; one by JAX; and one of a stateful
    layer.
    """
    return [*_exported(folder), _exported_by_jax()], _refused_stateful_export(f"{folder}_stateful")


def _exported(folder: str) -> list[float]:
    """How far a SavedModel is from the model that it was exported of, at two shapes."""
    import tensorflow as tf

    layer = rnnzoo.layer("peephole", 4, layers=2, go_backwards=True, dropout=0.2)
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.Masking(), layer])
    model.export(folder, verbose=False)
    of_export = tf.saved_model.load(folder)
    shapes = (2, 6, 3), (1, 9, 3)
    inputs = [np.random.default_rng(0).normal(size=shape).astype("float32") for shape in shapes]
    inputs[0][0, 3:] = 0.0  # padding
    return [_furthest([of_export.serve(x)], [model(x)]) for x in inputs]


def _exported_by_jax() -> float:
    """How far a layer is from what JAX wrote of it, which has no native code."""
    from jax import export

    layer = rnnzoo.layer("rnn", 4)
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    expected = layer(x)
    written = export.export(jax.jit(layer))(jax.ShapeDtypeStruct(x.shape, x.dtype))
    return _furthest([export.deserialize(written.serialize()).call(x)], [expected])


def _refused_stateful_export(folder: str) -> str:
    """What the export of a stateful layer ends with."""
    layer = rnnzoo.layer("gru", 4, stateful=True)
    model = keras.Sequential([keras.Input(batch_shape=(2, None, 3)), layer])
    try:
        model.export(folder, verbose=False)
    except UsageError as error:
        return str(error)
    return ""


def loaded(file: str) -> list[float]:
    """What a saved model predicts for the same inputs."""
    return predictions(Path(file))
