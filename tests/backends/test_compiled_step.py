"""What XLA makes of the engine: no sequence is copied whole, and no epoch compiles anew."""

import re
from pathlib import Path

import keras
import pytest
import tensorflow as tf

import rnnzoo
from rnnzoo.backends.tensorflow.cache import XLA_CACHE
from rnnzoo.backends.tensorflow.scan import inside_compiled_code
from tests.keras_process import printed
from tests.samples import slow_outside_of

TIME, BATCH, INPUTS, UNITS = 100, 32, 8, 64


@pytest.mark.parametrize("cell", slow_outside_of(("peephole",), ("lstm", "gru", "peephole")))
def test_no_step_of_a_loop_copies_a_sequence(cell: str) -> None:
    layer, read_out = rnnzoo.layer(cell, UNITS), keras.layers.Dense(3)
    x, mask = tf.random.normal((BATCH, TIME, INPUTS)), tf.sequence_mask([TIME - 3] * BATCH, TIME)
    read_out(layer(x))
    weights = [weight.value for weight in layer.trainable_variables + read_out.trainable_variables]

    @tf.function(jit_compile=True, autograph=False)
    def gradients():  # type: ignore[no-untyped-def]
        with inside_compiled_code(), tf.GradientTape() as tape:
            loss = tf.reduce_sum(read_out(layer(x, mask=mask)))
        return tape.gradient(loss, weights)

    text = gradients.experimental_get_compiler_ir()(stage="optimized_hlo")
    bodies = [
        computation
        for computation in re.split(r"\n(?=%|ENTRY)", text)
        if "dynamic-update-slice" in computation and " while(" not in computation
    ]
    assert len(bodies) > 2
    copy = re.compile(rf"\[10[01],{BATCH},(\d+)\]\S* copy\(")
    assert not [line for body in bodies for line in body.splitlines() if copy.search(line)]
    assert not [
        width for width in copy.findall(text) if int(width) > UNITS
    ]  # nor are the gates copied between the loops


EPOCHS = """
from pathlib import Path
from rnnzoo import lang, tasks
from rnnzoo.lang.text import cell_text
from rnnzoo.nn.train import Model
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.trial import Trial
sizes = {"length": 60, "train": 64, "valid": 32, "test": 32}
settings = {"units": 16, "learning_rate": 0.01}
trial = Trial("few", "rnn", cell_text(lang.load("rnn")), "adding", 0, settings, 1,
              Training(epochs=1, patience=0), sizes)
model = Model(trial, tasks.load("adding", sizes))
for _ in range(3):
    model.epoch()
    model.evaluate("validation")
    print(len(list(Path("ENTRIES").iterdir())), end=" ")
"""


def test_one_compilation_serves_every_epoch(tmp_path: Path) -> None:
    entries = tmp_path / "xla"
    entries.mkdir()
    told = printed(
        EPOCHS.replace("ENTRIES", str(entries)),
        tmp_path,
        {"TF_XLA_FLAGS": f"{XLA_CACHE}={entries}"},
    )
    assert told.split() == ["2", "2", "2"]  # one for an epoch, one for evaluation
