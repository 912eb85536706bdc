"""One's own text: what is predicted, what is known, and what is refused."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import TaskError, UsageError
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.tasks import SPLITS, Task, text
from rnnzoo.testing.tasks import TaskContract
from tests.tasks.zips import damaged, locked, packed

LINES = "the cat sat on the mat\nthe dog sat on the log\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.txt").write_text(LINES * 10)
    return tmp_path


def load(file: Any = "my.txt", **options: Any) -> Task:
    return tasks.load("text", {"file": file, **options})


class TestText(TaskContract):
    def load(self, seed: int = 0) -> Task:
        return load()

    name = "text"


def read_back(task: Task, split: str) -> list[str]:
    """The symbols of a split by name: the first that is read, and all that are predicted."""
    part = task.splits[split]
    real = np.arange(part.width) < part.lengths[:, None]
    numbers = [int(part.x[0, 0, 0]), *part.y[real].tolist()]
    return [task.classes[number] for number in numbers]


SHOWN = {"\n": "end of a line", " ": "space"}


@pytest.mark.parametrize("window", [1, 7, 100, 10_000])
def test_every_symbol_but_the_first_is_predicted_once(window: int) -> None:
    text, task = LINES * 10, load(window=window)
    test = validation = len(text) // 10
    ends = {"train": (0, len(text) - validation - test), "test": (len(text) - test, len(text))}
    for split, (begin, end) in ends.items():
        shown = [SHOWN.get(character, character) for character in text[begin:end]]
        assert read_back(task, split) == shown


def test_what_is_read_in_a_window_is_what_was_predicted_before() -> None:
    for split in (load(window=7).splits[name] for name in SPLITS):
        for x, y, length in zip(split.x, split.y, split.lengths):
            np.testing.assert_array_equal(x[1:length, 0], y[: length - 1])
        np.testing.assert_array_equal(split.x[1:, 0, 0], split.y[:-1, -1])


def test_words_are_what_stands_between_spaces_and_ends_of_lines() -> None:
    task = load(level="word", window=5)
    assert set(task.classes) == {*LINES.split(), "end of a line"}
    first = ["the", "cat", "sat", "on", "the", "mat", "end of a line"]
    assert read_back(task, "train")[:7] == first
    assert task.unit == "nats per word"
    assert task.inputs == task.outputs == len(task.classes)


def test_the_most_frequent_are_known_and_the_rest_is_unknown() -> None:
    task = load(level="word", vocabulary=2)
    assert task.classes == ("the", "end of a line", "<unk>")
    assert read_back(task, "train")[:4] == ["the", "<unk>", "<unk>", "<unk>"]


def test_what_train_lacks_is_unknown(folder: Path) -> None:
    (folder / "a.txt").write_text("abab" * 9)
    (folder / "b.txt").write_text("abz")
    task = load({"train": "a.txt", "val": "b.txt", "test": "a.txt"})
    assert task.classes == ("a", "b", "<unk>")
    assert read_back(task, "validation") == ["a", "b", "<unk>"]


def test_no_symbol_is_unknown_where_train_has_all() -> None:
    assert "<unk>" not in load().classes


def test_nothing_is_said_of_symbols_that_are_rare() -> None:
    assert tasks.warnings(load(validation=0.01, test=0.01)) == ()


def test_the_best_baseline_is_the_last() -> None:
    scores = list(load(level="word").baselines.values())
    assert scores == sorted(scores, reverse=True)


def test_a_longer_memory_predicts_a_text_that_repeats_itself_better() -> None:
    scores = load().baselines
    assert scores["unigram"] > scores["bigram"] > scores["5-gram"] > 0


def test_windows_files_and_marks_of_order_are_no_symbols(folder: Path) -> None:
    """Ends of lines are one symbol on every system, and a byte order mark is none."""
    (folder / "their.txt").write_bytes(
        b"\xef\xbb\xbf" + (LINES * 10).replace("\n", "\r\n").encode()
    )
    assert load("their.txt").digest == load().digest


def test_a_text_is_read_once_and_again_when_it_was_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    first = tasks.prepare("text", {"file": "my.txt"})
    mapped = tasks.prepared("text", {"file": "my.txt"}, first.digest)
    assert mapped is not None
    assert mapped.classes == first.classes
    assert mapped.splits["test"].y.dtype == np.int32
    (folder / "my.txt").write_text(LINES * 9)
    assert tasks.prepare("text", {"file": "my.txt"}).digest != first.digest


def test_a_text_may_stay_packed(folder: Path) -> None:
    (folder / "my.txt").write_text(LINES)
    with zipfile.ZipFile(folder / "my.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / "my.txt", "books/my.txt")
    assert text.read(folder / "my.zip", "my.zip") == LINES


@pytest.mark.parametrize("names", [[], ["a.txt", "b.txt"]])
def test_a_zip_of_none_or_several_files_is_refused(folder: Path, names: list[str]) -> None:
    with zipfile.ZipFile(folder / "my.zip", "w") as archive:
        for name in names:
            archive.writestr(name, LINES)
    with pytest.raises(TaskError, match=f"my.zip holds {len(names)} files, not one text"):
        text.read(folder / "my.zip", "my.zip")


def test_what_macos_adds_to_a_zip_is_no_text(folder: Path) -> None:
    with zipfile.ZipFile(folder / "my.zip", "w") as archive:
        archive.writestr("my.txt", LINES)
        archive.writestr("__MACOSX/._my.txt", "its attributes")
    assert text.read(folder / "my.zip", "my.zip") == LINES


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 and no more",
        locked("my.txt", LINES),
        damaged("my.txt", LINES * 9),
        packed("\u00e9.txt", LINES).replace("\u00e9".encode(), b"\xff\xff"),
    ],
    ids=["no archive", "locked", "damaged", "a name that is none"],
)
def test_a_damaged_zip_is_refused(folder: Path, content: bytes) -> None:
    (folder / "my.zip").write_bytes(content)
    with pytest.raises(TaskError, match=r"my\.zip cannot be unpacked: (?!None)."):
        text.read(folder / "my.zip", "my.zip")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"good\nb\xe4d\n" * 9, "my.txt, line 2: it is not UTF-8"),
        (b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "the train split has no symbol but 'a'"),
        (b"abcdefgh", "the validation split has 0 characters of text, and needs 2"),
    ],
)
def test_a_text_that_does_not_do_is_refused(folder: Path, content: bytes, words: str) -> None:
    (folder / "my.txt").write_bytes(content)
    with pytest.raises(TaskError, match=words):
        load()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"file": {}}, "the task 'text' needs a file"),
        ({"file": "no.txt"}, "no file no.txt: No such file or directory"),
        ({"file": "https://example.org/a.txt"}, "is an address, and nothing is downloaded"),
        ({"file": "."}, r"no file \.: it is a folder"),
        ({"file": "nothing.txt"}, "nothing.txt is empty"),
        ({"file": {"test": "my.txt"}}, "no file is for train"),
        ({"file": {"trian": "my.txt"}}, "there is no split 'trian'"),
        ({"file": {"train": 3}}, "text"),
        ({"level": "letter"}, "`level` cannot be 'letter'"),
        ({"window": 0}, "`window` must be at least 1"),
        ({"test": 0.0}, "`test` must be a share"),
        ({"validation": 0.5, "test": 0.5}, "nothing is left for train"),
    ],
)
def test_wrong_options_are_refused(folder: Path, options: dict[str, Any], words: str) -> None:
    (folder / "nothing.txt").touch()
    with pytest.raises(UsageError, match=words):
        tasks.load("text", {"file": "my.txt", **options})


def test_a_path_is_looked_for_beside_the_experiment_then_in_the_folder_of_data_sets(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = folder / "data"
    for path, content in {"my.txt": "another " * 90, "load/theirs.txt": LINES * 20}.items():
        (data / path).parent.mkdir(exist_ok=True, parents=True)
        (data / path).write_text(content)
    monkeypatch.setenv("RNNZOO_DATA", str(data))
    whole = {"x": load("data/load/theirs.txt").digest, "y": load("my.txt").digest}
    assert whole == {"x": load("load/theirs.txt").digest, "y": load(str(folder / "my.txt")).digest}
    for nowhere in ("load", "theirs.txt", "nosuch/my.txt"):
        with pytest.raises(UsageError, match=f"no file {nowhere}"):
            load(nowhere)


def test_a_link_to_nothing_beside_the_experiment_is_told_and_no_other_file_is_taken(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = folder / "data"
    data.mkdir(exist_ok=True)
    for name in ("gone.txt", "circle.txt"):
        (data / name).write_text(LINES * 20)
        (folder / name).symlink_to("circle.txt" if name == "circle.txt" else "nosuch.txt")
    monkeypatch.setenv("RNNZOO_DATA", str(data))
    for name in ("gone.txt", "circle.txt"):
        with pytest.raises(UsageError, match=f"no file {name}"):
            load(name)


def test_a_folder_of_data_sets_that_is_not_there_hides_no_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RNNZOO_DATA", "nosuch")
    assert load("my.txt").outputs > 2
    with pytest.raises(UsageError, match=r"no file its\.txt(.|\n)*RNNZOO_DATA names"):
        load("its.txt")


def test_the_experiment_of_the_manual_is_right(folder: Path) -> None:
    manual = Path(__file__).parents[2] / "docs/tasks.md"
    section = manual.read_text().partition("## Your own text")[2].partition("\n## ")[0]
    [spec] = re.findall(r"^```yaml\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    assert len(spec.splitlines()) <= 12
    (folder / "shakespeare.txt").write_text(LINES * 10)
    (choice,) = parse_experiment(spec, "spec.yaml", folder).tasks
    assert tasks.load(choice.name, choice.options, folder=folder).outputs > 2
