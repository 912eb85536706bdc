"""The four sets of Boulanger-Lewandowski et al. 2012: their known figures, files of the same form,
and files that are missing or are not what they should be.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from rnnzoo import registry, tasks
from rnnzoo.errors import TaskError
from rnnzoo.tasks import SPLITS
from rnnzoo.testing.tasks import TaskContract
from tests.conftest import SHARED

MATLAB = ("muse_data", "nottingham", "piano_midi")
FOUR = ("jsb_chorales", *MATLAB)
# pieces of train, validation and test; key frequencies and Markov chain on test, computed apart
KNOWN = {
    "jsb_chorales": ([229, 76, 77], 11.091, 10.491),
    "piano_midi": ([87, 12, 25], 11.052, 8.265),
    "nottingham": ([694, 173, 170], 10.261, 5.153),
    "muse_data": ([524, 135, 124], 11.514, 8.559),
}
PARTS = {"traindata": "train", "validdata": "validation", "testdata": "test"}


def pieces(count: int, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [(rng.random((length, 88)) < 0.05).astype(np.uint8) for length in range(3, 3 + count)]


@pytest.fixture
def small(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[np.ndarray]]:
    """Piano-midi.de with a few pieces: a file of its form, whose checksum is taken for its own."""
    parts = {name: pieces(count, count) for name, count in zip(PARTS, (6, 2, 3))}
    cells = {name: np.empty((1, len(rolls)), object) for name, rolls in parts.items()}
    for name, rolls in parts.items():
        cells[name][0, :] = rolls
    path = data_folder / "Piano_midi.mat"
    scipy.io.savemat(path, cells)
    module = registry.load("tasks", "piano_midi")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(module, "FILE", replace(module.FILE, sha256=sha256))
    return parts


@pytest.mark.usefixtures("small")
class TestPianoMidi(TaskContract):
    name = "piano_midi"


def test_frames_are_those_of_the_file_and_targets_the_next_ones(
    small: dict[str, list[np.ndarray]],
) -> None:
    task = tasks.load("piano_midi")
    for name, split in PARTS.items():
        part = task.splits[split]
        assert len(part) == len(small[name])
        for x, y, length, piece in zip(part.x, part.y, part.lengths, small[name]):
            np.testing.assert_array_equal(x[:length], piece[:-1])
            np.testing.assert_array_equal(y[:length], piece[1:])


@pytest.mark.parametrize("window", [1, 3, 200])
def test_windows_of_train_predict_each_frame_once_from_the_one_before(
    window: int, small: dict[str, list[np.ndarray]]
) -> None:
    task, whole = tasks.load("piano_midi", {"window": window}), tasks.load("piano_midi")
    train = task.splits["train"]
    assert max(train.lengths) <= window
    assert min(train.lengths) >= 1
    pairs = [(x[:length], y[:length]) for x, y, length in zip(train.x, train.y, train.lengths)]
    given, predicted = (np.concatenate(frames) for frames in zip(*pairs))
    pieces = small["traindata"]
    np.testing.assert_array_equal(given, np.concatenate([piece[:-1] for piece in pieces]))
    np.testing.assert_array_equal(predicted, np.concatenate([piece[1:] for piece in pieces]))
    assert task.baselines == whole.baselines  # which look one frame back
    for split in ("validation", "test"):
        np.testing.assert_array_equal(task.splits[split].x, whole.splits[split].x)


@pytest.mark.usefixtures("small")
def test_without_a_window_data_are_those_of_before_there_was_one() -> None:
    assert tasks.load("piano_midi", {"window": 0}).digest == tasks.load("piano_midi").digest
    assert tasks.load("piano_midi", {"window": 3}).digest != tasks.load("piano_midi").digest


def test_a_file_is_found_in_the_folder_of_its_task_and_in_the_cache(
    data_folder: Path, small: dict[str, list[np.ndarray]]
) -> None:
    digest = tasks.load("piano_midi").digest
    for place in (data_folder / "piano_midi", data_folder.parent / "cache" / "rnnzoo"):
        place.mkdir(parents=True)
        (data_folder / "Piano_midi.mat").rename(place / "Piano_midi.mat")
        assert tasks.load("piano_midi").digest == digest
        (place / "Piano_midi.mat").rename(data_folder / "Piano_midi.mat")


@pytest.mark.parametrize("name", FOUR)
def test_another_file_of_that_name_is_refused(name: str, data_folder: Path) -> None:
    module = registry.load("tasks", name)
    (data_folder / module.FILE.file).write_text(json.dumps({"train": []}))
    with pytest.raises(TaskError, match="is not the file it should be") as caught:
        tasks.load(name)
    assert module.FILE.url in str(caught.value)


@pytest.mark.parametrize("name", FOUR)
def test_without_a_network_the_message_says_where_to_put_the_file(
    name: str, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = registry.load("tasks", name)
    elsewhere = replace(module.FILE, url=f"http://127.0.0.1:9/{module.FILE.file}")
    monkeypatch.setattr(module, "FILE", elsewhere)
    with pytest.raises(TaskError, match="put it by hand into") as caught:
        tasks.load(name)
    assert str(data_folder.parent / "cache" / "rnnzoo") in str(caught.value)
    assert f"the environment variable RNNZOO_DATA names, or into the folder {name} in" in str(
        caught.value
    )


def test_a_folder_of_data_that_is_none_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNNZOO_DATA", str(tmp_path / "data"))
    with pytest.raises(TaskError, match=r"RNNZOO_DATA names .*data, which is no folder"):
        tasks.load("nottingham")
    monkeypatch.setenv("RNNZOO_DATA", "x" * 5000)  # no system has such a name
    with pytest.raises(TaskError, match=r"RNNZOO_DATA names x+, which is no folder"):
        tasks.load("nottingham")


@pytest.mark.parametrize("name", FOUR)
def test_the_canonical_sets_have_their_known_figures(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {"muse_data": "musedata"}
    folder = SHARED / folders.get(name, name)
    if not folder.is_dir():
        pytest.skip("the development data (shared/data) is not here")
    monkeypatch.setenv("RNNZOO_DATA", str(folder))
    task = tasks.load(name)
    counts, frequencies, markov = KNOWN[name]
    assert [len(task.splits[split]) for split in SPLITS] == counts
    assert task.baselines["key frequencies"] == pytest.approx(frequencies, abs=6e-4)
    assert task.baselines["Markov per key"] == pytest.approx(markov, abs=6e-4)
