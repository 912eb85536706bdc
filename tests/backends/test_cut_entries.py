"""XLA's persistent cache under Keras' `fit`: an entry that was cut short does no harm."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rnnzoo.backends.tensorflow import cut_entries
from rnnzoo.backends.tensorflow.cache import XLA_CACHE

VARINT, EIGHT, BYTES, FOUR = (
    b"\x08\x96\x01",
    b"\x11" + bytes(8),
    b"\x1a\xac\x02" + bytes(300),
    b"\x25" + bytes(4),
)

FIT = """
import json, keras, numpy as np, rnnzoo
keras.utils.set_random_seed(0)
x, y = np.random.default_rng(0).normal(size=(8, 5, 3)), np.arange(8) % 2
model = keras.Sequential([keras.Input((None, 3)), rnnzoo.layer("rnn", 4), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, y, batch_size=4, epochs=2, verbose=0)
print(json.dumps([weight.tolist() for weight in model.get_weights()]))
"""


@pytest.mark.parametrize(
    "whole", [VARINT, EIGHT, BYTES, FOUR, BYTES + VARINT + EIGHT + FOUR + BYTES]
)
def test_a_buffer_is_whole_with_its_last_byte_and_cut_without_it(
    whole: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "entry"
    file.write_bytes(whole)
    assert cut_entries.is_whole(file)
    for count in range(1, min(len(whole), 5)):
        file.write_bytes(whole[:-count])
        assert not cut_entries.is_whole(file)


@pytest.mark.parametrize("content", [b"", b"\x80", b"\xff" * 40, b"neither", bytes(1000) + b"\x07"])
def test_what_is_no_buffer_is_not_whole(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "entry").write_bytes(content)
    assert not cut_entries.is_whole(tmp_path / "entry")


@pytest.mark.slow
def test_fit_trains_the_same_weights_when_entries_are_cut(tmp_path: Path) -> None:
    cold = _fit(tmp_path)
    entries = sorted(tmp_path.glob(cut_entries.PATTERN))
    assert len(entries) == 2  # the forward and the backward loop
    for entry, share in zip(entries, (2, 3)):
        entry.write_bytes(entry.read_bytes()[: entry.stat().st_size // share])
    again = _fit(tmp_path)
    assert again.stdout == cold.stdout
    for entry in entries:
        assert f"{entry}{cut_entries.ASIDE}" in again.stderr
        assert cut_entries.is_whole(entry)  # made anew


def _fit(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TF_XLA_FLAGS": f"{XLA_CACHE}={folder}"}
    return subprocess.run(
        [sys.executable, "-c", FIT], env=environment, capture_output=True, text=True, check=True
    )
