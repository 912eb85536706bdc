"""Omniglot in a small file of its form, and the true ones where they are at hand."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import TaskError, UsageError
from rnnzoo.tasks import SPLITS, Task, _pen, omniglot_words
from rnnzoo.testing.tasks import TaskContract
from tests.conftest import SHARED

Points = list[tuple[float, float]]


def strokes(character: int, drawer: int) -> list[Points]:
    """Two lines, the second as long as the drawer's number; another direction a character."""
    rng = np.random.default_rng([character, drawer])
    moves = rng.normal((character, 0), size=(4 + drawer, 2))
    points = [tuple(point) for point in moves.cumsum(0).round(3).tolist()]
    return [points[:4], points[4:]]


def text(drawn: list[Points]) -> str:
    lines = ["START"]
    for stroke in drawn:
        lines += [f"{x},{y},{time}" for time, (x, y) in enumerate(stroke)]
        lines.append("BREAK")
    return "\n".join(lines) + "\n"


@pytest.fixture
def file(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = data_folder / "strokes_background_small1.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("__MACOSX/strokes_background_small1/._Greek", "nothing")
        for character in (1, 2):
            for drawer in range(1, 21):
                name = f"Greek/character{character:02}/0{character}00_{drawer:02}.txt"
                content = text(strokes(character, drawer))
                archive.writestr(f"strokes_background_small1/{name}", content)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    small = {"small1": replace(_pen.FILES["small1"], sha256=sha256)}
    monkeypatch.setattr(_pen, "FILES", {**_pen.FILES, **small})
    return path


@pytest.mark.usefixtures("file")
class TestOmniglot(TaskContract):
    name = "omniglot"

    def test_baselines_are_scores_of_the_metric(self) -> None:
        """Two characters of other directions, which a mean tells apart."""
        assert self.load().baselines["most frequent class"] == 0.5
        assert self.load().baselines["nearest mean of the moves"] < 0.2


@pytest.mark.usefixtures("file")
def test_steps_are_moves_and_drawers_decide_the_split() -> None:
    task = tasks.load("omniglot")
    drawers = {"train": range(1, 15), "validation": range(15, 18), "test": range(18, 21)}
    every = [np.concatenate(strokes(c, d)) for c in (1, 2) for d in drawers["train"]]
    spread = np.concatenate([np.diff(p, axis=0, prepend=p[:1]) for p in every]).std()
    for split, numbers in drawers.items():
        part = task.splits[split]
        asked = [(character, drawer) for character in (1, 2) for drawer in numbers]
        assert part.y.tolist() == [character - 1 for character, _ in asked]
        for x, length, (character, drawer) in zip(part.x, part.lengths, asked):
            first, second = strokes(character, drawer)
            points = np.array(first + second)
            assert length == len(points)
            lifted = [place in (0, len(first)) for place in range(len(points))]
            np.testing.assert_array_equal(x[:length, 2], lifted)
            np.testing.assert_array_equal(x[0, :2], 0)
            np.testing.assert_allclose(
                x[1:length, :2] * spread, points[1:] - points[:-1], rtol=1e-4, atol=1e-5
            )
    assert task.classes == ("Greek 01", "Greek 02")


WORDS = {"alphabet": "Greek", "letters": 3, "train": 60, "valid": 20, "test": 20}


@pytest.mark.usefixtures("file")
class TestOmniglotWords(TaskContract):
    name = "omniglot_words"

    def load(self, seed: int = 0) -> Task:
        return tasks.load(self.name, WORDS, seed=seed)


def kept(points: Points, every: int) -> Points:
    return [point for place, point in enumerate(points) if place % every == 0] + (
        [points[-1]] if (len(points) - 1) % every else []
    )


def written(characters: list[int], drawer: int, every: int) -> tuple[np.ndarray, list[int]]:
    """The moves of a word, and the steps at which its strokes begin."""
    points: Points = []
    begins = []
    right = 0.0
    for character in characters:
        parts = [kept(stroke, every) for stroke in strokes(character, drawer)]
        left = min(x for part in parts for x, _ in part)
        for part in parts:
            begins.append(len(points))
            points += [(x - left + right, y) for x, y in part]
        right = max(x for x, _ in points) + 20
    return np.diff(points, axis=0, prepend=[points[0]]), begins


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("every", [1, 3])
def test_one_hand_writes_a_word_and_its_letters_stand_side_by_side(every: int) -> None:
    task = tasks.load("omniglot_words", {**WORDS, "every": every})
    drawers = {"train": range(1, 15), "validation": range(15, 18), "test": range(18, 21)}
    moves: dict[str, list[np.ndarray]] = {name: [] for name in SPLITS}
    hands = set()
    for name, split in task.splits.items():
        for x, y, length in zip(split.x, split.y, split.lengths):
            characters = [int(task.classes[label]) for label in y[y > 0]]
            answers = {drawer: written(characters, drawer, every) for drawer in drawers[name]}
            steps = x[:length]
            drawer = min(answers, key=lambda drawer: unlike(steps, answers[drawer][0]))
            expected, begins = answers[drawer]
            assert np.flatnonzero(steps[:, 2]).tolist() == begins
            moves[name].append(expected)
            hands.add(drawer)
    spread = np.concatenate(moves["train"]).std()
    for name, split in task.splits.items():
        for x, length, expected in zip(split.x, split.lengths, moves[name]):
            np.testing.assert_allclose(x[:length, :2] * spread, expected, rtol=1e-4, atol=1e-4)
    assert hands >= {*drawers["validation"], *drawers["test"]}
    assert set((task.splits["train"].y > 0).sum(1)) == {1, 2, 3}


def unlike(steps: np.ndarray, moves: np.ndarray) -> float:
    """How far directions are apart; infinite where there are not as many."""
    if len(steps) != len(moves):
        return np.inf
    cosine = (steps[:, :2] * moves).sum() / np.linalg.norm(steps[:, :2]) / np.linalg.norm(moves)
    return float(1 - cosine)


def test_a_file_that_is_another_or_a_set_that_is_none_is_refused(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"more")
    with pytest.raises(TaskError, match=r"small1\.zip is not the file it should be"):
        tasks.load("omniglot")
    with pytest.raises(UsageError, match="`set` cannot be 'small'"):
        tasks.load("omniglot", {"set": "small"})
    with pytest.raises(UsageError, match="`set` cannot be 'small'"):
        tasks.load("omniglot_words", {"set": "small"})
    with pytest.raises(UsageError, match="`alphabet` cannot be 'Sanskrit'"):
        tasks.load("omniglot_words", {"alphabet": "Sanskrit"})
    for option in ("letters", "every"):
        with pytest.raises(UsageError, match=f"`{option}` must be at least 1"):
            tasks.load("omniglot_words", {option: 0})


@pytest.mark.slow
@pytest.mark.parametrize(("name", "characters"), [("small1", 136), ("small2", 156)])
def test_the_true_drawings_have_their_known_figures(
    name: str, characters: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not SHARED.is_dir():
        pytest.skip("the development data (shared/data) is not here")
    monkeypatch.setenv("RNNZOO_DATA", str(SHARED / "omniglot_strokes"))
    task = tasks.load("omniglot", {"set": name})
    assert task.outputs == characters
    counts = [len(task.splits[split]) for split in SPLITS]
    assert counts == [14 * characters, 3 * characters, 3 * characters]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["small1", "small2"])
def test_the_alphabets_of_the_true_sets_are_known(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not SHARED.is_dir():
        pytest.skip("the development data (shared/data) is not here")
    monkeypatch.setenv("RNNZOO_DATA", str(SHARED / "omniglot_strokes"))
    drawings = _pen.drawings(SHARED / "omniglot_strokes" / _pen.FILES[name].file)
    assert {drawing.alphabet for drawing in drawings} == set(omniglot_words.ALPHABETS[name])
    for alphabet in omniglot_words.ALPHABETS[name]:
        sizes = {"set": name, "alphabet": alphabet, "train": 20, "valid": 10, "test": 10}
        assert tasks.load("omniglot_words", sizes).outputs > 10
