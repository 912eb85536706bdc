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
from rnnzoo.tasks import SPLITS, omniglot
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
    small = {"small1": replace(omniglot.FILES["small1"], sha256=sha256)}
    monkeypatch.setattr(omniglot, "FILES", {**omniglot.FILES, **small})
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


def test_a_file_that_is_another_or_a_set_that_is_none_is_refused(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"more")
    with pytest.raises(TaskError, match=r"small1\.zip is not the file it should be"):
        tasks.load("omniglot")
    with pytest.raises(UsageError, match="`set` cannot be 'small'"):
        tasks.load("omniglot", {"set": "small"})


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
