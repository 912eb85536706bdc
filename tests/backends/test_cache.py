"""The caches of compiled code: switched on for trials, checked, capped, never worth an error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rnnzoo.backends import cache, processes
from rnnzoo.backends.jax import process as of_jax
from rnnzoo.backends.tensorflow import cache as xla
from rnnzoo.backends.tensorflow.cache import XLA_CACHE
from rnnzoo.spec.hyperparameters import Training
from tests.faults.disks import read_only
from tests.keras_process import printed


def test_the_cache_is_switched_on_beside_flags_of_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_clustering_debug")
    flags = xla.environment(tmp_path / "xla")["TF_XLA_FLAGS"]
    assert flags == f"--tf_xla_clustering_debug {XLA_CACHE}={tmp_path / 'xla'}"


def test_the_folder_of_a_cache_may_have_a_space_in_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TensorFlow's flags end at a space where they are not in double quotation marks."""
    place = tmp_path / 'a "cache" \\ more'
    flags = xla.environment(place)["TF_XLA_FLAGS"]
    assert flags == f'{XLA_CACHE}="{tmp_path}/a \\"cache\\" \\\\ more"'
    monkeypatch.setenv("TF_XLA_FLAGS", f"--tf_xla_clustering_debug {flags}")
    assert [*xla.folders()] == [place]
    monkeypatch.setenv("TF_XLA_FLAGS", f"{XLA_CACHE}=/a'b")
    assert [*xla.folders()] == [Path("/a'b")]


def test_a_cache_of_the_users_own_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_XLA_FLAGS", f"{XLA_CACHE}=/elsewhere")
    assert xla.environment(tmp_path) == {}


def test_entries_that_were_recorded_stay_and_others_go(tmp_path: Path) -> None:
    for name in ("whole", "damaged", "cut"):
        (tmp_path / name).write_bytes(b"code" * 100)
    cache.record(tmp_path)
    (tmp_path / "damaged").write_bytes(b"Code" + b"code" * 99)
    (tmp_path / "cut").write_bytes(b"code" * 50)
    (tmp_path / "unknown").write_bytes(b"of a sweep that was killed")
    assert cache.is_usable(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"whole", cache.INDEX}


def test_what_was_made_longest_ago_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "LIMIT", 250)
    for age, name in enumerate(("new", "old", "oldest")):
        (tmp_path / name).write_bytes(bytes(100))
        os.utime(tmp_path / name, (1_000_000 - age, 1_000_000 - age))
    cache.record(tmp_path)
    assert cache.is_usable(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"new", "old", cache.INDEX}


def test_a_folder_that_cannot_be_made_means_no_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert not cache.is_usable(tmp_path / "file" / "xla")
    cache.record(tmp_path / "file" / "xla")


def test_a_damaged_index_is_no_index(tmp_path: Path) -> None:
    (tmp_path / "entry").write_bytes(b"code")
    (tmp_path / cache.INDEX).write_text("{ half")
    assert cache.is_usable(tmp_path)
    assert not (tmp_path / "entry").exists()


PROGRAM = """
import numpy as np, rnnzoo, tensorflow as tf
layer = rnnzoo.layer("rnn", 8, seed=1)
print(np.asarray(layer(tf.ones((2, 5, 3)))).tobytes().hex())
"""


def test_what_comes_out_of_the_cache_is_the_same_bit_for_bit(tmp_path: Path) -> None:
    entries = tmp_path / "xla"
    outputs = []
    for _ in range(2):
        bits = printed(PROGRAM, tmp_path, xla.environment(entries))
        cache.record(entries)
        outputs.append((bits, {path.name for path in entries.iterdir()}))
    assert outputs[0] == outputs[1]  # nothing was compiled anew either
    assert len(outputs[0][1]) > 1


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_whatever_command_compiled_something_records_it(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rnnzoo.api import root

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    place = {"tensorflow": xla.folder, "jax": of_jax.folder}[backend]()
    with root.launched(1, tmp_path, Training(backend=backend)):
        (place / "entry").write_bytes(b"code of a trial")
    processes(backend).environment()
    assert (place / "entry").exists()


def test_all_words_for_xla_are_flags() -> None:
    """It reads no flag behind a word that is none: a flag of ours had no effect for that."""
    assert all(word.startswith("--") for word in of_jax.FLAGS.split())


def test_jax_has_its_cache_and_the_users_flags_and_a_cache_of_the_users_own_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=dumped")
    variables = of_jax.environment()
    assert variables[of_jax.CACHE] == str(of_jax.folder())
    assert variables["XLA_FLAGS"] == f"{of_jax.FLAGS} --xla_dump_to=dumped"
    monkeypatch.setenv(of_jax.CACHE, "/elsewhere")
    assert of_jax.CACHE not in of_jax.environment()


def test_a_cache_on_a_disk_that_is_read_only_is_left_out_and_no_trial_meets_it(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "cache"
    assert xla.environment(folder)
    with read_only(folder):
        assert not cache.is_usable(folder)
        assert xla.environment(folder) == {}
    assert [path.name for path in folder.iterdir()] == []
