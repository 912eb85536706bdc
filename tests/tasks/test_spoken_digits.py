"""Spoken digits: features against SciPy's transforms, small recordings of the set's form, and the
true ones where they are at hand.
"""

from __future__ import annotations

import io
import wave
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.fft
import scipy.signal

from rnnzoo import tasks
from rnnzoo.errors import TaskError, UsageError
from rnnzoo.tasks import SPLITS, _speech
from rnnzoo.testing.tasks import TaskContract
from tests.conftest import SHARED
from tests.tasks.zips import locked

SPEAKERS = ("anna", "ben", "carl")
NUMBERS = (0, 4, 5, 9, 10, 11)
RATE = 8000


def tone(pitch: float, seconds: float = 0.1, rate: int = RATE) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate)


def wav(samples: np.ndarray, rate: int = RATE, channels: int = 1, width: int = 2) -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return stream.getvalue()


@pytest.fixture
def folder(data_folder: Path) -> Path:
    """Digits are tones; recordings differ in length."""
    inside = data_folder / "recordings"
    inside.mkdir()
    for digit in range(3):
        for place, speaker in enumerate(SPEAKERS):
            for number in NUMBERS:
                samples = tone(400 * (digit + 1) + 20 * place, 0.1 + 0.01 * number)
                (inside / f"{digit}_{speaker}_{number}.wav").write_bytes(wav(samples))
    return inside


class TestSpokenDigits(TaskContract):
    name = "spoken_digits"

    @pytest.fixture(autouse=True)
    def _one_sounds_like_another(self, folder: Path) -> None:
        (folder / "0_anna_3.wav").write_bytes(wav(tone(1200)))


# ------------------------------------------------------------------ features


def test_power_is_that_of_scipy_and_bands_are_triangles_in_mel() -> None:
    samples = np.random.default_rng(0).normal(size=1000) / 4
    _, _, spectrum = scipy.signal.stft(
        samples, RATE, "hann", 200, 120, 256, boundary=None, padded=False, scaling="spectrum"
    )
    power = np.abs(spectrum.T * scipy.signal.get_window("hann", 200).sum()) ** 2
    expected = np.zeros((len(power), 26))
    edges = np.linspace(0, 2595 * np.log10(1 + RATE / 1400), 28)
    for column in range(129):
        frequency = column * RATE / 256
        for band in range(26):
            low, middle, high = 700 * (10 ** (edges[band : band + 3] / 2595) - 1)
            share = np.interp(frequency, [low, middle, high], [0, 1, 0])
            expected[:, band] += share * power[:, column]
    np.testing.assert_allclose(_speech.log_mel(samples, RATE), np.log(expected), rtol=1e-4)


def test_coefficients_are_the_cosine_transform_of_the_bands() -> None:
    samples = np.random.default_rng(1).normal(size=900) / 4
    bands = _speech.log_mel(samples, RATE).astype(float)
    expected = scipy.fft.dct(bands, norm="ortho")[:, :13]
    np.testing.assert_allclose(_speech.mfcc(samples, RATE), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("samples", "frames"), [(1, 1), (200, 1), (279, 1), (280, 2), (359, 2), (360, 3)]
)
def test_a_frame_begins_every_ten_milliseconds(samples: int, frames: int) -> None:
    assert _speech.log_mel(np.ones(samples) / 2, RATE).shape == (frames, 26)


def test_silence_is_a_number() -> None:
    np.testing.assert_allclose(_speech.log_mel(np.zeros(400), RATE), np.log(1e-10), rtol=1e-6)


# ------------------------------------------------------------------ splits


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("features", "inputs"), [("mfcc", 13), ("log_mel", 26)])
def test_numbers_decide_which_split_a_recording_is_in(features: str, inputs: int) -> None:
    task = tasks.load("spoken_digits", {"features": features})
    assert task.inputs == inputs
    for split in task.splits.values():
        assert split.y.tolist() == [digit for digit in range(3) for _ in range(6)]
    # 0.1 s and 0.01 s for each number: frames of 25 ms, every 10 ms
    expected = {"test": (8, 12), "validation": (13, 17), "train": (18, 19)}
    for name, lengths in expected.items():
        assert set(task.splits[name].lengths.tolist()) == set(lengths)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("speaker", SPEAKERS)
def test_a_speaker_who_is_tested_is_in_no_other_split(speaker: str) -> None:
    task = tasks.load("spoken_digits", {"test_speaker": speaker})
    raw = _speech.mfcc(wav_read(tone(400 + 20 * SPEAKERS.index(speaker))), RATE)
    known = np.concatenate([
        _speech.mfcc(wav_read(tone(400 * (digit + 1) + 20 * place, 0.1 + 0.01 * number)), RATE)
        for digit in range(3)
        for place in [(SPEAKERS.index(speaker) + 2) % 3]  # the other is validation
        for number in NUMBERS
    ])  # fmt: skip
    expected = (raw - known.mean(0)) / known.std(0)
    np.testing.assert_allclose(task.splits["test"].x[0, : len(raw)], expected, rtol=1e-3, atol=1e-3)
    assert [len(task.splits[name]) for name in SPLITS] == [18, 18, 18]
    assert "in no other split" in task.note


def wav_read(samples: np.ndarray) -> np.ndarray:
    """What a file of 16 bits keeps of them."""
    return (samples * 32767).astype("<i2") / 32768


def test_a_zip_is_the_same_as_its_folder(folder: Path) -> None:
    digest = tasks.load("spoken_digits").digest
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        for file in sorted(folder.iterdir(), reverse=True):
            archive.writestr(f"recordings/{file.name}", file.read_bytes())
            file.unlink()
    folder.rmdir()
    assert tasks.load("spoken_digits").digest == digest


@pytest.mark.usefixtures("folder")
def test_tones_are_told_apart_without_their_order() -> None:
    baselines = tasks.load("spoken_digits").baselines
    assert baselines["most frequent class"] == pytest.approx(2 / 3)
    assert baselines["nearest mean of the frames"] == 0


# ------------------------------------------------------------------ what is refused

LONGER_THAN_ITS_FILE = b"RIFF\x14\0\0\0WAVELIST\xe8\3\0\0" + bytes(8)  # a chunk of 1,000 bytes


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("0_anna_0.wav", b"RIFF", "cannot read 0_anna_0.wav: it ends too soon"),
        ("0_anna_0.wav", b"text that is none", "cannot read 0_anna_0.wav: file does not start"),
        ("0_anna_0.wav", wav(tone(400), 16000), "it has 1 channel, 16 bits and 16000 Hz"),
        ("0_anna_0.wav", wav(tone(400), channels=2), "it has 2 channels, 16 bits and 8000 Hz"),
        ("0_anna_0.wav", wav(np.zeros(3), width=1)[:-1], "it has 1 channel, 8 bits and 8000 Hz"),
        ("0_anna_0.wav", wav(tone(400))[:-1], "cannot read 0_anna_0.wav: it ends too soon"),
        ("0_anna_0.wav", wav(tone(400))[:-400], "cannot read 0_anna_0.wav: it ends too soon"),
        ("0_anna_0.wav", LONGER_THAN_ITS_FILE, "cannot read 0_anna_0.wav: it ends too soon"),
        ("0_anna_0.wav", wav(np.zeros(0)), "it has no sample"),
        ("zero.wav", wav(tone(400)), "zero.wav among the recordings does not say what it is"),
    ],
)
def test_a_recording_of_another_form_is_refused(
    folder: Path, name: str, content: bytes, words: str
) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(TaskError, match=words):
        tasks.load("spoken_digits")


def test_recordings_that_are_missing_or_damaged_are_told(folder: Path) -> None:
    for file in folder.glob("*_4.wav"):
        file.unlink()
    for file in folder.glob("*_0.wav"):
        file.unlink()
    with pytest.raises(TaskError, match="the recordings have none for test"):
        tasks.load("spoken_digits")
    for file in folder.iterdir():
        file.unlink()
    with pytest.raises(TaskError, match="holds no recording"):
        tasks.load("spoken_digits")
    folder.rmdir()
    with pytest.raises(UsageError, match=r"needs recordings\n  fix: put it by hand"):
        tasks.load("spoken_digits")
    folder.with_suffix(".zip").write_bytes(b"none")
    with pytest.raises(TaskError, match=r"cannot read .*recordings\.zip: File is not a zip file"):
        tasks.load("spoken_digits")
    folder.with_suffix(".zip").write_bytes(locked("0_anna_0.wav", "none"))
    with pytest.raises(TaskError, match=r"cannot read .*recordings\.zip: .*password"):
        tasks.load("spoken_digits")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"features": "mel"}, "`features` cannot be 'mel'"),
        ({"test_speaker": "karl"}, "there is no speaker 'karl'\n  fix: did you mean 'carl'"),
    ],
)
def test_words_that_are_not_known_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises((TaskError, UsageError), match=words):
        tasks.load("spoken_digits", options)


def test_two_speakers_are_too_few(folder: Path) -> None:
    for file in folder.glob("*_ben_*"):
        file.unlink()
    with pytest.raises(TaskError, match="the recordings have 2 speakers, and each split needs one"):
        tasks.load("spoken_digits", {"test_speaker": "anna"})


@pytest.mark.slow
def test_the_true_recordings_have_their_known_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    if not SHARED.is_dir():
        pytest.skip("the development data (shared/data) is not here")
    monkeypatch.setenv("RNNZOO_DATA", str(SHARED / "fsdd"))
    task = tasks.load("spoken_digits")
    assert [len(task.splits[name]) for name in SPLITS] == [2400, 300, 300]
    assert task.baselines["most frequent class"] == pytest.approx(0.9)
