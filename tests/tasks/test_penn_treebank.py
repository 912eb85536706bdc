"""The Penn Treebank in small files of its form."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnzoo import tasks
from rnnzoo.errors import TaskError, UsageError
from rnnzoo.tasks import penn_treebank
from rnnzoo.testing.tasks import TaskContract

LINES = " aer banknote N <unk>\n pierre <unk> N years old\n"


@pytest.fixture
def folder(data_folder: Path) -> Path:
    inside = data_folder / "penn_treebank"
    inside.mkdir()
    for name, times in (("train", 20), ("valid", 5), ("test", 6)):
        (inside / f"ptb.{name}.txt").write_text(LINES * times)
    return inside


@pytest.mark.usefixtures("folder")
class TestPennTreebank(TaskContract):
    name = "penn_treebank"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("level", ["word", "character"])
def test_it_is_what_the_task_text_makes_of_the_files(level: str, folder: Path) -> None:
    task = tasks.load("penn_treebank", {"level": level})
    files = {"train": "ptb.train.txt", "validation": "ptb.valid.txt", "test": "ptb.test.txt"}
    same = tasks.load("text", {"file": files, "level": level, "window": 35}, folder=folder)
    assert task.name == "penn_treebank"
    assert task.digest == same.digest
    assert task.baselines == same.baselines
    words = {*LINES.split(), "end of a line"}
    assert task.vocabulary == len(words if level == "word" else set(LINES))


@pytest.mark.usefixtures("folder")
def test_words_that_are_not_those_of_mikolov_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    (remark,) = tasks.warnings(tasks.load("penn_treebank"))
    assert "the text has 8 words, ends of lines among them, and Mikolov's has 10,000" in str(remark)
    assert not tasks.warnings(tasks.load("penn_treebank", {"level": "character"}))
    monkeypatch.setattr(penn_treebank, "WORDS", 8)
    assert not tasks.warnings(tasks.load("penn_treebank"))


def test_missing_and_damaged_files_are_told(folder: Path) -> None:
    (folder / "ptb.test.txt").write_bytes(b"a\n\xe4\n")
    with pytest.raises(TaskError, match=r"ptb\.test\.txt, line 2: it is not UTF-8"):
        tasks.load("penn_treebank")
    (folder / "ptb.test.txt").unlink()
    (folder / "ptb.valid.txt").unlink()
    with pytest.raises(UsageError, match=r"needs ptb\.valid\.txt and ptb\.test\.txt") as caught:
        tasks.load("penn_treebank")
    assert "put them by hand into" in str(caught.value)
    with pytest.raises(UsageError, match="`level` cannot be 'wrd'"):
        tasks.load("penn_treebank", {"level": "wrd"})


def test_a_folder_of_data_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNZOO_DATA", "nowhere")
    with pytest.raises(UsageError, match="RNNZOO_DATA names nowhere, which is no folder"):
        tasks.load("penn_treebank")
