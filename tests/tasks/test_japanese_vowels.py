"""Japanese Vowels in small files of its form, and the true ones where they are at hand."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import TaskError
from rnnzoo.tasks import SPLITS, japanese_vowels
from rnnzoo.testing.tasks import TaskContract
from tests.conftest import SHARED

FILES = {"train": "JapaneseVowels_TRAIN.ts", "test": "JapaneseVowels_TEST.ts"}


def written(path: Path, cases: int) -> str:
    """A file of so many cases of 12 channels; its SHA-256."""
    rng = np.random.default_rng(cases)
    lines = ["@classLabel true 1 2 3", "@data"]
    for case in range(cases):
        channels = rng.normal(size=(12, 5 + case % 4)).round(3)
        lines.append(":".join([*(",".join(map(str, row)) for row in channels), str(1 + case % 3)]))
    path.write_text("\n".join(lines) + "\n")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def folder(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {
        name: replace(japanese_vowels.FILES[name], sha256=written(data_folder / file, 12 + number))
        for number, (name, file) in enumerate(FILES.items())
    }
    monkeypatch.setattr(japanese_vowels, "FILES", files)
    return data_folder


@pytest.mark.usefixtures("folder")
class TestJapaneseVowels(TaskContract):
    name = "japanese_vowels"


def test_it_is_what_the_task_table_makes_of_the_files(folder: Path) -> None:
    task = tasks.load("japanese_vowels")
    same = tasks.load("table", {"file": FILES}, folder=folder)
    assert task.name == "japanese_vowels"
    assert task.digest == same.digest
    assert task.baselines == same.baselines
    assert task.classes == ("1", "2", "3")


def test_another_file_is_refused(folder: Path) -> None:
    written(folder / FILES["test"], 30)
    with pytest.raises(TaskError, match=r"JapaneseVowels_TEST\.ts is not the file it should be"):
        tasks.load("japanese_vowels")


def test_the_true_files_have_their_known_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    if not SHARED.is_dir():
        pytest.skip("the development data (shared/data) is not here")
    monkeypatch.setenv("RNNZOO_DATA", str(SHARED))
    task = tasks.load("japanese_vowels")
    counts = {name: len(task.splits[name]) for name in SPLITS}
    assert counts["train"] + counts["validation"] == 270
    assert counts["test"] == 370
    assert task.inputs == 12
    assert task.outputs == 9
    assert max(split.lengths.max() for split in task.splits.values()) == 29
