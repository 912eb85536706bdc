"""text8 in a small file of its form."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import TaskError, UsageError
from rnnzoo.tasks import SPLITS, _ngrams, text8
from rnnzoo.testing.tasks import TaskContract
from tests.tasks.zips import locked

WORDS = np.random.default_rng(0).choice(["anarchism", "originated", "as", "a", "term"], 600)
TEXT = (" " + " ".join(WORDS))[:2000]


@pytest.fixture
def file(data_folder: Path) -> Path:
    (data_folder / "text8").write_text(TEXT)
    return data_folder / "text8"


@pytest.mark.usefixtures("file")
class TestText8(TaskContract):
    name = "text8"


def read_back(task: tasks.Task, split: str) -> str:
    part = task.splits[split]
    real = np.arange(part.width) < part.lengths[:, None]
    numbers = [int(part.x[0, 0, 0]), *part.y[real].tolist()]
    return "".join(text8.SYMBOLS[number] for number in numbers)


@pytest.mark.usefixtures("file")
def test_nine_tenths_are_for_train_and_a_twentieth_each_for_the_others() -> None:
    task = tasks.load("text8")
    parts = [read_back(task, name) for name in SPLITS]
    assert "".join(parts) == TEXT
    assert [len(part) for part in parts] == [1800, 100, 100]
    assert len(task.classes) == task.vocabulary == 27
    assert task.classes[0] == "space"


def test_train_keeps_what_stands_before_validation(file: Path) -> None:
    task, whole = tasks.load("text8", {"train": 500, "window": 35}), tasks.load("text8")
    assert read_back(task, "train") == TEXT[1300:1800]
    assert task.splits["train"].width == 35
    assert read_back(task, "test") == read_back(whole, "test")


@pytest.mark.usefixtures("file")
def test_n_grams_are_those_of_the_task_text(data_folder: Path) -> None:
    names = ("a.txt", "b.txt", "c.txt")
    for name, (begin, end) in zip(names, ((0, 1800), (1800, 1900), (1900, 2000))):
        (data_folder / name).write_text(TEXT[begin:end])
    same = tasks.load("text", {"file": dict(zip(SPLITS, names))}, folder=data_folder)
    ours = tasks.load("text8").baselines
    assert list(ours) == list(same.baselines)
    # whose alphabet is smaller: that changes only what is unseen in train
    assert ours["unigram"] == pytest.approx(same.baselines["unigram"], abs=0.02)


def test_a_zip_is_the_same(file: Path) -> None:
    digest = tasks.load("text8").digest
    with zipfile.ZipFile(file.with_suffix(".zip"), "w") as archive:
        archive.write(file, "text8")
    file.unlink()
    assert tasks.load("text8").digest == digest


def test_a_folder_of_that_name_is_where_the_file_may_be(file: Path) -> None:
    digest = tasks.load("text8").digest
    content = file.read_bytes()
    file.unlink()
    file.mkdir()
    with pytest.raises(UsageError, match="needs text8"):
        tasks.load("text8")
    (file / "text8").write_bytes(content)
    assert tasks.load("text8").digest == digest


def test_a_part_of_the_text_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (remark,) = tasks.warnings(tasks.load("text8"))
    assert "the text has 2,000 characters, and text8 100,000,000" in str(remark)
    monkeypatch.setattr(text8, "WHOLE", 2000)
    assert tasks.warnings(tasks.load("text8")) == ()


@pytest.mark.usefixtures("file")
def test_a_train_split_predicts_a_character() -> None:
    assert len(read_back(tasks.load("text8", {"train": 2}), "train")) == 2
    with pytest.raises(UsageError, match="`train` must be at least 2, not 1"):
        tasks.load("text8", {"train": 1})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (TEXT[:1500] + "\n" + TEXT, r"character 1,500 is b'\\n'"),
        (TEXT[:7] + "B", "character 7 is b'B'"),
        (TEXT[:999], "it has 999 characters"),
    ],
)
def test_another_text_is_refused(file: Path, content: str, words: str) -> None:
    file.write_text(content)
    with pytest.raises(TaskError, match=words):
        tasks.load("text8")


def test_a_file_that_is_missing_or_damaged_is_told(file: Path) -> None:
    file.unlink()
    with pytest.raises(UsageError, match=r"the task 'text8' needs text8\n"):
        tasks.load("text8")
    packed = file.with_suffix(".zip")
    packed.write_bytes(b"none")
    with pytest.raises(TaskError, match=r"cannot read .*text8\.zip: File is not a zip file"):
        tasks.load("text8")
    packed.write_bytes(locked("text8", TEXT))
    with pytest.raises(TaskError, match=r"cannot read .*text8\.zip: .*password"):
        tasks.load("text8")
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("other", TEXT)
    with pytest.raises(TaskError, match="there is no text8 in it"):
        tasks.load("text8")


def test_counting_in_a_table_and_by_sorting_are_the_same(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_tables = tasks.load("text8").baselines
    monkeypatch.setattr(_ngrams, "_DENSE", 0)
    assert tasks.load("text8").baselines == in_tables
