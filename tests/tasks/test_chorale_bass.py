"""The bass from the soprano: what is asked, what is shown, and what the baselines score."""

from __future__ import annotations

import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.tasks import SPLITS, Split, Task, _music, _musicxml, chorale_bass, chorales
from rnnzoo.tasks.chorale_bass import SILENCE
from tests.tasks.zips import damaged, packed

CHORD, UNISON, REST = [48, 55, 64, 72], [62], []  # a chord of C, a D, and nothing


@cache
def load() -> Task:
    return tasks.load("chorale_bass")


def test_the_answer_is_the_pitch_class_of_the_lowest_note() -> None:
    roll = _music.roll([CHORD, UNISON, REST, [21, 108], [47, 59]])
    np.testing.assert_array_equal(chorale_bass.bass(roll), [0, 2, SILENCE, 9, 11])


def test_the_input_is_the_highest_note_in_its_range_and_silence_is_the_first_column() -> None:
    roll = _music.roll([CHORD, UNISON, REST, [108], [40]])
    shown = chorale_bass.soprano(roll, 60, 76)
    assert shown.shape == (5, 18)
    assert (shown.sum(1) == 1).all()
    # beyond it: the nearest
    np.testing.assert_array_equal(shown.argmax(1), [72 - 59, 62 - 59, 0, 76 - 59, 60 - 59])


def test_the_input_does_not_depend_on_the_notes_below() -> None:
    alone, above_others = _music.roll([[72], [74]]), _music.roll([CHORD, [41, 65, 74]])
    np.testing.assert_array_equal(
        chorale_bass.soprano(alone, 60, 76), chorale_bass.soprano(above_others, 60, 76)
    )


def test_the_baselines_are_those_counted_by_hand() -> None:
    # the last frame is padding: 7 is the most frequent
    train = split([1, 1, 1, 2, 2], [7, 7, 0, 4, 4], 4)
    test = split([1, 2, 3, 3, 1], [7, 4, 7, 0, 0], 5)  # column 3 is new: there the answer is 7
    baselines = chorale_bass.baselines(train, test)
    assert baselines == pytest.approx(
        {"most frequent class": 3 / 5, "most frequent class under the soprano": 2 / 5}
    )


def split(columns: list[int], classes: list[int], length: int) -> Split:
    """One sequence; what is behind its length is padding to the task."""
    return Split(
        np.eye(4, dtype=np.uint8)[[columns]],
        np.array([classes], np.int32),
        np.array([length], np.int32),
    )


def test_the_frames_are_all_those_of_the_chorales() -> None:
    rolls = chorales.rolls(tasks.silent)
    for name in SPLITS:
        frames = load().splits[name]
        assert frames.lengths.tolist() == [len(piece) for piece in rolls[name]]
        real = np.arange(frames.x.shape[1]) < frames.lengths[:, None]
        assert (frames.x[real].sum(-1) == 1).all()
        np.testing.assert_array_equal(
            frames.y[real], chorale_bass.bass(np.concatenate(rolls[name]))
        )
        # silence is seen as it is asked
        np.testing.assert_array_equal(frames.x[real][:, 0] == 1, frames.y[real] == SILENCE)


def test_the_range_is_that_of_the_training_split() -> None:
    assert load().inputs == 1 + (83 - 57 + 1)
    shown = load().splits["train"].x.any((0, 1))
    assert shown[1]
    assert shown[-1]


def test_the_second_baseline_is_the_better_one() -> None:
    scores = load().baselines
    assert list(scores) == ["most frequent class", "most frequent class under the soprano"]
    first, second = scores.values()
    assert 0.5 < second < first < 1


SCORE = """<score-partwise><part><measure>
<note><pitch><step>A</step><octave>4</octave></pitch><duration>2</duration></note>
</measure></part></score-partwise>"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<step>A", "<step>X"),
        ("<measure>", "<measure><attributes><divisions>0</divisions></attributes>"),
    ],
)
def test_a_score_that_no_music_has_is_told_in_words(old: str, new: str, tmp_path: Path) -> None:
    score = tmp_path / "bwv1.xml"
    score.write_text(SCORE.replace(old, new))
    with pytest.raises(ValueError, match=r"bwv1\.xml is damaged"):
        _musicxml.frames(score)


def test_a_packed_score_that_is_damaged_is_told_in_words(tmp_path: Path) -> None:
    score = tmp_path / "bwv1.mxl"
    score.write_bytes(packed("bwv1.xml", SCORE, zipfile.ZIP_BZIP2))
    assert _musicxml.frames(score) == [[69], [69]]
    score.write_bytes(damaged("bwv1.xml", SCORE))
    with pytest.raises(ValueError, match="Invalid data stream"):
        _musicxml.frames(score)
