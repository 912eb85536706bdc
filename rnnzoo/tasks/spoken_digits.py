"""Spoken digits (Jackson, Free Spoken Digit Dataset): which digit is said?

Ten English digits, said 50 times by each of six speakers, 8 kHz.  A recording is `0_george_12.wav`:
digit, speaker, number.  Features are those of `_speech`, each scaled to mean 0 and deviation 1 over
all frames of train.

    features      `mfcc` (13) or `log_mel` (26)
    test_speaker  test are all recordings of this speaker, validation those of the next by name;
                  where it is empty, the data set's own rule: numbers 0 to 4 are test, 5 to 9 of the
                  others validation, by all speakers

The recordings are under CC BY-SA 4.0 and are read from the folder `recordings`, or from
`recordings.zip`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnzoo.errors import TaskError, nearest, number_of
from rnnzoo.tasks import (
    SPLITS,
    Report,
    Split,
    Task,
    Wrong,
    _generated,
    _orderless,
    _speech,
    _ten_digits,
    _wave,
    _zipped,
)
from rnnzoo.tasks._data_folder import OwnFiles
from rnnzoo.tasks._packed import stacked

OPTIONS: dict[str, Any] = {"features": "mfcc", "test_speaker": ""}
ABOUT = "Free Spoken Digit Dataset: which digit is said (from files of your own)"
LOSS = _ten_digits.LOSS
RATE = 8000
LEAST = 1e-6  # of what features are divided by
NOTES = {
    False: "Each speaker is in all splits: recordings 0 to 4 are test, 5 to 9 validation.",
    True: "The speaker of test, and the one of validation, are in no other split.",
}
FILES = OwnFiles(
    "spoken_digits",
    {"recordings": ["recordings", "recordings.zip", "free-spoken-digit-dataset/recordings"]},
    "it is a folder of Jakobovski/free-spoken-digit-dataset on GitHub, or a zip of it",
)
_FEATURES: Mapping[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "mfcc": _speech.mfcc,
    "log_mel": _speech.log_mel,
}
_NAME = re.compile(r"(\d)_([^_/]+)_(\d+)\.wav")
_TESTED, _VALIDATED = range(5), range(5, 10)


@dataclass(frozen=True, slots=True, order=True)
class Recording:
    """Who says what, and which of the speaker's recordings of it this is."""

    digit: int
    speaker: str
    number: int

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.digit}_{self.speaker}_{self.number}.wav"


def check(options: Mapping[str, Any], folder: Path) -> Iterator[Wrong]:
    """Whether the features are known, and the recordings there."""
    wrong = list(_generated.not_among("features", _FEATURES, options, "spoken_digits"))
    yield from wrong or FILES.missing()


def sources(options: Mapping[str, Any], folder: Path) -> Iterator[Path | str]:
    """The recordings with their names, or the file that holds them."""
    for path in FILES.sources():
        if path.is_file():
            yield path
            continue
        for recording in sorted(path.glob("*.wav")):
            yield recording.name
            yield recording


def load(options: Mapping[str, Any], seed: int, folder: Path, progress: Report) -> Task:
    """Read the recordings.

    Raises:
        TaskError: one cannot be read, or is of another form; or there is no such speaker.
    """
    path = FILES.places()["recordings"]
    compute = _FEATURES[options["features"]]
    contents = dict(sorted(_contents(path)))
    if not contents:
        raise TaskError(f"{path} holds no recording", "files as 0_george_0.wav")
    side = _sides(list(contents), options["test_speaker"])
    frames = []
    for done, (recording, content) in enumerate(contents.items()):
        progress("computing features", done, len(contents))
        frames.append(compute(_samples(content, recording), RATE))
    progress("computing features", len(contents), len(contents))
    digits = np.array([recording.digit for recording in contents], np.int32)
    return _task(frames, digits, np.array(side), bool(options["test_speaker"]))


def _contents(path: Path) -> Iterator[tuple[Recording, bytes]]:
    """Each recording with the bytes of its file.

    Raises:
        TaskError: a file cannot be read, or its name does not say what it is.
    """
    try:
        if path.is_dir():
            for file in path.glob("*.wav"):
                yield _named(file.name), file.read_bytes()
            return
        with _zipped.opened(path) as archive:
            for name in _zipped.files(archive):
                if name.endswith(".wav"):
                    yield _named(Path(name).name), archive.read(name)
    except (OSError, ValueError) as error:
        raise TaskError(
            f"cannot read {path}: {error}", "take it anew from where it is from"
        ) from None


def _named(name: str) -> Recording:
    match = _NAME.fullmatch(name)
    if match is None:
        raise TaskError(
            f"{name} among the recordings does not say what it is", "digit_speaker_number.wav"
        )
    digit, speaker, number = match.groups()
    return Recording(int(digit), speaker, int(number))


def _samples(content: bytes, recording: Recording) -> np.ndarray:
    """From -1 to 1.

    Raises:
        TaskError: it is no recording of 8 kHz in 16 bits.
    """
    try:
        form, samples = _wave.read(io.BytesIO(content))
    except ValueError as error:
        raise TaskError(f"cannot read {recording.file}: {error}", "take it anew") from None
    if form != (1, 2, RATE):
        channels, width, rate = form
        problem = f"it has {number_of(channels, 'channel')}, {8 * width} bits and {rate} Hz"
        raise TaskError(
            f"cannot read {recording.file}: {problem}", f"1 channel, 16 bits, {RATE} Hz"
        )
    if not len(samples):
        raise TaskError(f"cannot read {recording.file}: it has no sample", "take it anew")
    return samples / 32768


def _sides(recordings: Sequence[Recording], tested: str) -> list[str]:
    """The split of each.

    Raises:
        TaskError: there is no such speaker, or no other for each split.
    """
    if not tested:
        return [_by_number(recording.number) for recording in recordings]
    speakers = sorted({recording.speaker for recording in recordings})
    if tested not in speakers:
        problem = f"task 'spoken_digits': there is no speaker '{tested}'"
        raise TaskError(problem, nearest(tested, speakers))
    if len(speakers) < len(SPLITS):
        raise TaskError(
            f"the recordings have {number_of(len(speakers), 'speaker')}, and each split needs one",
            "leave `test_speaker` out",
        )
    validated = speakers[(speakers.index(tested) + 1) % len(speakers)]
    names = {tested: "test", validated: "validation"}
    return [names.get(recording.speaker, "train") for recording in recordings]


def _by_number(number: int) -> str:
    if number in _TESTED:
        return "test"
    return "validation" if number in _VALIDATED else "train"


def _task(frames: list[np.ndarray], digits: np.ndarray, side: np.ndarray, by_speaker: bool) -> Task:
    for name in SPLITS:
        if name not in side:
            raise TaskError(
                f"the recordings have none for {name}",
                "numbers 0 to 4 are test, 5 to 9 validation, the others train",
            )
    known = np.concatenate([part for part, name in zip(frames, side) if name == "train"])
    middle, spread = known.mean(0), known.std(0)
    scaled = [((part - middle) / np.maximum(spread, LEAST)).astype(np.float32) for part in frames]
    splits = {name: _split(scaled, digits, np.flatnonzero(side == name)) for name in SPLITS}
    baselines = _orderless.baselines(splits["train"], splits["test"], "the frames")
    return _ten_digits.task("spoken_digits", splits, baselines, NOTES[by_speaker])


def _split(frames: list[np.ndarray], digits: np.ndarray, chosen: np.ndarray) -> Split:
    x, lengths = stacked([frames[number] for number in chosen])
    return Split(x, digits[chosen], lengths)
