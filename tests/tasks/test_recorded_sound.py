"""Pieces of a recording, against the bytes of its file."""

from __future__ import annotations

import importlib.util
import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import TaskError, UsageError
from rnnzoo.tasks import recorded_sound


def package() -> Path:
    music21 = importlib.util.find_spec("music21")
    assert music21 is not None
    assert music21.submodule_search_locations
    return Path(music21.submodule_search_locations[0])


def test_a_piece_is_the_samples_of_the_file_from_its_second_on() -> None:
    content = (package() / "audioSearch" / "test_audio.wav").read_bytes()
    begin = content.index(b"data") + 8 + 2 * round(4.0 * 44_100)
    samples = np.array(struct.unpack("<320h", content[begin : begin + 640]), float)
    task = tasks.load("recorded_sound", {"second": 4.0})
    piece = task.splits["test"].y[0, :, 0]
    np.testing.assert_allclose(piece, (samples - samples.mean()) / samples.std(), atol=1e-6)


def test_nothing_is_shown_and_all_sequences_are_the_piece() -> None:
    task = tasks.load("recorded_sound", {"train": 3, "valid": 2, "length": 100})
    for split in task.splits.values():
        assert not split.x.any()
        assert split.lengths.tolist() == [100] * len(split)
        for sequence in split.y:
            np.testing.assert_array_equal(sequence, task.splits["train"].y[0])
    assert task.baselines["always the mean"] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("second", [0.0, 1.7, 19.99, 20.0, -1.0])
def test_where_no_music_begins_the_places_are_named(second: float) -> None:
    with pytest.raises(UsageError, match=r"`second` must be from 1\.75 to 19\.98"):
        tasks.load("recorded_sound", {"second": second})


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no wave at all, but some text"])
def test_what_is_no_recording_is_named_with_its_fix(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / recorded_sound.FILE).write_bytes(content)
    monkeypatch.setattr("rnnzoo.tasks._music21.folder", lambda name: tmp_path)
    with pytest.raises(TaskError, match=r"cannot read .*test_audio\.wav") as error:
        recorded_sound.recording()
    assert "pip install music21" in str(error.value)


def test_another_recording_is_not_taken_for_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with wave.open(str(tmp_path / recorded_sound.FILE), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(b"\0\0" * 1000)
    monkeypatch.setattr("rnnzoo.tasks._music21.folder", lambda name: tmp_path)
    with pytest.raises(TaskError, match="is another recording"):
        recorded_sound.recording()
