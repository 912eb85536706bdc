"""Layers under a backend that has no engine: the loop over plain operations under TensorFlow, which
is always there; and under torch, where it is installed.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from rnnzoo import backends, lang
from rnnzoo.backends.plain import PlainStep
from rnnzoo.lang import reference
from rnnzoo.spec.cell import built_in_names
from tests.backends.in_float64 import KEEP, UNITS, Layer, computed, random_weights, read
from tests.backends.trained import predictions, small_model
from tests.closeness import check_close

EXACT, OF_GRADIENTS = 1e-12, 1e-11
SAMPLE = (("depth_gated", 2, True), ("clockwork", 1, True))
ALL = tuple(product(built_in_names(), (1, 2), (False, True)))
needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None,
    reason="torch is not installed: no lock has it; its CPU build will do",
)


def expected_outputs(layer: Layer) -> np.ndarray:
    name, _, masked = layer
    keep = KEEP if masked else None
    run = reference.run(lang.load(name), random_weights(layer), read(name), UNITS, keep=keep)
    return run.outputs


@pytest.mark.parametrize(
    "layer",
    [layer if layer in SAMPLE else pytest.param(layer, marks=pytest.mark.slow) for layer in ALL],
    ids=str,
)
def test_the_plain_loop_equals_the_reference_and_its_gradients_those_of_tensorflows_loop(
    layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, of_tensorflow = computed(layer)
    monkeypatch.setattr(backends.for_layers(), "compiled_step", PlainStep.of)
    outputs, gradients = computed(layer)
    check_close(outputs, expected_outputs(layer), EXACT, layer)
    for slope, expected in zip(gradients, of_tensorflow, strict=True):
        check_close(slope, expected, OF_GRADIENTS, layer)


def under_torch(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "KERAS_BACKEND": "torch"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_torch
@pytest.mark.slow
def test_layers_under_torch_equal_the_reference_and_their_gradients_tensorflows(
    tmp_path: Path,
) -> None:
    file = tmp_path / "computed.npz"
    under_torch(f"from tests.backends import in_float64 as f\nf.save({str(file)!r}, {ALL!r})")
    arrays = np.load(file)
    for layer in ALL:
        outputs, *gradients = (arrays[key] for key in sorted(arrays) if key.startswith(f"{layer} "))
        check_close(outputs, expected_outputs(layer), EXACT, layer)
        _, of_tensorflow = computed(layer)
        for slope, expected in zip(gradients, of_tensorflow, strict=True):
            check_close(slope, expected, OF_GRADIENTS, layer)


@needs_torch
@pytest.mark.slow
def test_a_model_saved_under_one_backend_predicts_the_same_under_torch(tmp_path: Path) -> None:
    of_tensorflow, of_torch = tmp_path / "tensorflow.keras", tmp_path / "torch.keras"
    small_model().save(of_tensorflow)
    under_torch(
        "import numpy as np\n"
        "from tests.backends.trained import predictions, small_model\n"
        f"np.save({str(tmp_path / 'first.npy')!r}, predictions({str(of_tensorflow)!r}))\n"
        f"small_model().save({str(of_torch)!r})\n"
        f"np.save({str(tmp_path / 'second.npy')!r}, predictions({str(of_torch)!r}))\n"
    )
    for file, name in ((of_tensorflow, "first.npy"), (of_torch, "second.npy")):
        np.testing.assert_allclose(
            np.load(tmp_path / name), predictions(file), rtol=1e-5, atol=1e-6
        )
