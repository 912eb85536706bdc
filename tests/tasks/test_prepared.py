"""Data sets that are prepared once and mapped: equal to what was loaded, whole or not at all, never
larger than allowed, and never taken away from who uses them.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import TaskError
from rnnzoo.tasks import SPLITS, Split, Task, _packed, _prepared, digest_of
from rnnzoo.tasks._contract import check as _check_contract

RNG = np.random.default_rng(0)
SMALL = {"length": 12, "train": 6, "valid": 4, "test": 4}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "rnnzoo" / "data"


def uneven(seed: int = 0, per: str = "step", weighted: bool = True) -> Task:
    """Sequences of unequal lengths in splits of unequal widths, with a target at each step."""
    rng = np.random.default_rng(seed)

    def split(count: int, width: int, longest: int, weights: bool) -> Split:
        lengths = rng.integers(1, longest + 1, count).astype(np.int32)
        padding = np.arange(width) >= lengths[:, None]
        x = rng.normal(size=(count, width, 3)).astype(np.float32)
        y = rng.normal(size=(count, width, 2) if per == "step" else (count, 2))
        shares = rng.integers(0, 2, (count, width)).astype(np.float32)
        shares[:, 0] = 1
        for array in (x, y, shares) if per == "step" else (x,):
            array[padding] = 0
        return Split(x, y.astype(np.float32), lengths, shares if weights else None)

    splits = {
        "train": split(7, 9, 9, weighted and per == "step"),
        "validation": split(3, 11, 5, False),
        "test": split(4, 6, 6, weighted and per == "step"),
    }
    return Task(
        name="mine", splits=splits, loss="squared", per="step" if per == "step" else "sequence",
        outputs=2, metric="mse", unit="squared", baselines={"mean": 1 / 3}, note="a note",
        digest=digest_of(splits), solved=0.1, warnings=("one", "two"),
    )  # fmt: skip


def assert_equal(mapped: Task, task: Task) -> None:
    for name in SPLITS:
        for array in ("x", "y", "lengths", "weights"):
            given, kept = getattr(task.splits[name], array), getattr(mapped.splits[name], array)
            if given is None:
                assert kept is None
            else:
                np.testing.assert_array_equal(kept, given, strict=True)
        assert len(mapped.splits[name]) == len(task.splits[name])
    assert mapped.inputs == task.inputs
    assert digest_of(mapped.splits) == digest_of(task.splits)


def without_padding(task: Task) -> Task:
    """The same, of arrays that lie in memory end to end."""
    splits = {name: tasks.packed(task.splits[name], task.per == "step") for name in SPLITS}
    return replace(task, splits=splits)


@pytest.mark.parametrize("per", ["step", "sequence"])
def test_steps_end_to_end_are_the_same_task(per: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Padded nowhere, in blocks of a few sequences: for its digest, its check and its folder."""
    monkeypatch.setattr(_packed, "_BLOCK", 300)
    monkeypatch.setattr(_prepared, "_BLOCK", 100)
    task, given = uneven(per=per), without_padding(uneven(per=per))
    assert digest_of(given.splits) == task.digest
    _check_contract(given, "mine.py")
    monkeypatch.setattr(_packed, "padded", None)  # which would be called for padding
    kept = _prepared.keep(given, {})
    monkeypatch.undo()
    assert_equal(kept, task)


def replace_values(split: tasks.PackedSplit, last: float) -> tasks.PackedSplit:
    """With another last number of `x`."""
    values = split.values.copy()
    values[-1, -1] = last
    return tasks.PackedSplit(values, split.targets, split.lengths, per_step=split.per_step)


def test_what_is_wrong_with_steps_end_to_end_is_told() -> None:
    """As of padded arrays, by the shapes that these have."""
    right = without_padding(uneven())
    train = right.splits["train"]
    assert isinstance(train, tasks.PackedSplit)
    broken = replace(right, splits={**right.splits, "train": replace_values(train, np.nan)})
    with pytest.raises(TaskError, match="train split: x holds NaN"):
        _check_contract(broken, "mine.py")
    with pytest.raises(TaskError, match=r"y is float32, \(7, 9, 2\)"):
        _check_contract(replace(without_padding(uneven()), outputs=3), "mine.py")
    steps = int(train.lengths.sum())
    with pytest.raises(ValueError, match=f"lengths are {steps} steps in all, .* have {steps - 1}"):
        tasks.PackedSplit(train.values[1:], train.targets, train.lengths, per_step=True)
    with pytest.raises(ValueError, match="there are 7 lengths, and 6 targets"):
        tasks.PackedSplit(train.values, train.targets[:6], train.lengths, per_step=False)


@pytest.mark.parametrize("task", [uneven(), uneven(per="sequence")], ids=["step", "seq"])
def test_sequences_are_taken_as_out_of_padded_arrays(task: Task) -> None:
    """Some of them, one twice, cut to 4 steps or padded to 12; out of files or out of memory."""
    rows = np.array([2, 0, 2])
    mapped = _prepared.keep(task, {})
    for name, width in ((name, width) for name in SPLITS for width in (4, 12)):
        split = task.splits[name]

        def expected(array: np.ndarray, chosen: int = width) -> np.ndarray:
            cut = array[rows][:, :chosen]
            missing = np.zeros((3, chosen - cut.shape[1], *cut.shape[2:]), array.dtype)
            return np.concatenate([cut, missing], axis=1)

        y = expected(split.y) if task.per == "step" else split.y[rows]
        weights = None if split.weights is None else expected(split.weights)
        for given in (split, mapped.splits[name]):
            taken = tasks.take(given, rows, width, task.per == "step")
            np.testing.assert_array_equal(taken.x, expected(split.x), strict=True)
            np.testing.assert_array_equal(taken.y, y, strict=True)
            np.testing.assert_array_equal(taken.lengths, split.lengths[rows], strict=True)
            np.testing.assert_array_equal(taken.weights, weights)


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="only Linux says it")
def test_what_is_taken_out_of_files_leaves_no_memory_behind() -> None:
    x = np.ones((4, 2**18, 1), np.float32)
    split = Split(x, np.zeros(4, np.int32), np.full(4, 2**18, np.int32))
    task = Task("t", dict.fromkeys(SPLITS, split), "categorical", "sequence", 2, "error", "share")
    mapped = _prepared.keep(task, {}).splits["train"]
    assert isinstance(mapped, tasks.PackedSplit)
    before = in_memory("x.npy")
    mapped.values.sum()
    assert in_memory("x.npy") >= before + x.nbytes
    assert tasks.take(mapped, np.array([0, 1]), 2**18, per_step=False).x.sum() == 2**19
    assert in_memory("x.npy") == 0


def in_memory(name: str) -> int:
    """Bytes of the files of a name that are mapped and in this process's memory."""
    size, is_it = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split()[0]:
            is_it = line.endswith(f"/{name}")
        elif is_it and line.startswith("Rss:"):
            size += 1024 * int(line.split()[1])
    return size


@pytest.mark.parametrize(
    "task", [uneven(), uneven(per="sequence"), uneven(weighted=False)], ids=["step", "seq", "plain"]
)
def test_what_is_mapped_equals_what_was_given(task: Task) -> None:
    for mapped in (_prepared.keep(task, {}), _prepared.find("mine", {}, task.digest)):
        assert mapped is not None
        assert_equal(mapped, task)
        for field in fields(Task):
            if field.name not in ("splits", "warnings"):
                assert getattr(mapped, field.name) == getattr(task, field.name)
        assert [getattr(said, "problem", said) for said in mapped.warnings] == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "options"),
    [("adding", SMALL), ("copy_memory", SMALL), ("temporal_order", {**SMALL, "length": 20})],
)
def test_tasks_of_the_package_are_what_they_were(name: str, options: dict[str, Any]) -> None:
    task = tasks.load(name, options)
    assert_equal(tasks.prepare(name, options), task)
    mapped = tasks.prepared(name, options, task.digest)
    assert mapped is not None
    assert_equal(mapped, task)


def test_no_padding_is_on_the_disk_and_every_step_is_there_once(cache: Path) -> None:
    task = uneven()
    _prepared.keep(task, {})
    steps = sum(int(split.lengths.sum()) for split in task.splits.values())
    [folder] = cache.iterdir()
    assert np.load(folder / "x.npy").shape == (steps, 3)
    assert np.load(folder / "y.npy").shape == (steps, 2)
    in_order = np.concatenate(
        [
            row[:length]
            for split in task.splits.values()
            for row, length in zip(split.x, split.lengths)
        ]
    )
    np.testing.assert_array_equal(np.load(folder / "x.npy"), in_order)


def test_shapes_are_known_without_padding_a_mapped_split(monkeypatch: pytest.MonkeyPatch) -> None:
    task = uneven()
    mapped = _prepared.keep(task, {})

    def pads(*arrays: object) -> None:
        raise AssertionError("a whole split was padded")

    monkeypatch.setattr(_packed, "padded", pads)
    assert mapped.inputs == task.splits["train"].x.shape[-1]
    for name in SPLITS:
        count, width, inputs = task.splits[name].x.shape
        split = mapped.splits[name]
        assert (len(split), split.width, split.inputs) == (count, width, inputs)


def test_maps_are_read_only_and_of_the_files() -> None:
    task = tasks.prepare("adding", SMALL)
    values = task.splits["train"].x
    assert not values.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        values[0, 0, 0] = 1


def test_other_data_other_options_and_another_task_have_folders_of_their_own(cache: Path) -> None:
    _prepared.keep(uneven(0), {})
    _prepared.keep(uneven(1), {})
    _prepared.keep(uneven(0), {"length": 3})
    _prepared.keep(replace(uneven(0), name="other"), {})
    assert len(list(cache.iterdir())) == 4
    _prepared.keep(uneven(0), {"file": "anywhere.npz"})  # where it lies is no part of what it is
    assert len(list(cache.iterdir())) == 4


def changed(damage: str) -> Callable[[Path], None]:
    def cut(folder: Path) -> None:
        os.truncate(folder / "x.npy", 200)

    def flip(folder: Path) -> None:
        content = bytearray((folder / "x.npy").read_bytes())
        content[-1] ^= 1
        (folder / "x.npy").write_bytes(content)

    def lose(folder: Path) -> None:
        (folder / "lengths.npy").unlink()

    def words(folder: Path) -> None:
        about = (folder / "about.json").read_text()
        (folder / "about.json").write_text(about.replace('"bernoulli"', '"x"').replace("9", "8", 1))

    def empty(folder: Path) -> None:
        (folder / "about.json").write_text("")

    def gone(folder: Path) -> None:
        (folder / "about.json").unlink()

    def other(folder: Path) -> None:
        (folder / "about.json").write_text(json.dumps({"content": {}, "sha256": ""}))

    def folder_for_a_file(folder: Path) -> None:
        (folder / "y.npy").unlink()
        (folder / "y.npy").mkdir()

    return {name: function for name, function in locals().items() if name != "damage"}[damage]


@pytest.mark.parametrize(
    "damage", ["cut", "flip", "lose", "words", "empty", "gone", "other", "folder_for_a_file"]
)
def test_a_damaged_folder_is_made_anew(cache: Path, damage: str) -> None:
    task = uneven()
    _prepared.keep(task, {})
    [folder] = cache.iterdir()
    changed(damage)(folder)
    if damage != "flip":  # of which a trial reads no byte before it needs it
        assert _prepared.find("mine", {}, task.digest) is None
    assert_equal(_prepared.keep(task, {}), task)
    assert [path.name for path in cache.iterdir()] == [folder.name]


def test_an_array_of_python_objects_is_never_opened(cache: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "executed",))

    task = uneven()
    _prepared.keep(task, {})
    [folder] = cache.iterdir()
    np.save(folder / "x.npy", np.array([Bomb()], object), allow_pickle=True)
    about = json.loads((folder / "about.json").read_text())
    content = (folder / "x.npy").read_bytes()
    about["content"]["files"]["x.npy"]["bytes"] = len(content)
    about["sha256"] = _prepared.digest(about["content"])
    (folder / "about.json").write_text(json.dumps(about))
    assert _prepared.find("mine", {}, task.digest) is None
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("wrong", ["a file in the way", "no room"])
def test_a_cache_that_cannot_be_written_is_said_once_and_the_data_are_there(
    cache: Path, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if wrong == "no room":
        usage = shutil.disk_usage("/")._replace(free=1000)
        monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    else:
        cache.parent.mkdir(parents=True)
        cache.write_text("")
    said: list[str] = []
    task = tasks.prepare("adding", SMALL, note=said.append)
    assert_equal(task, tasks.load("adding", SMALL))
    [sentence] = said
    assert sentence.startswith("the data of 'adding' are read anew in each training, since the ca")
    assert tasks.prepared("adding", SMALL, task.digest) is None


def test_the_oldest_go_and_what_is_used_stays(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {}
    for seed in range(4):
        task = uneven(seed)
        kept[seed] = _prepared.keep(task, {})
        folder = _prepared.place("mine", {}, task.digest)
        os.utime(folder / "about.json", (1000 + seed, 1000 + seed))
    size = sum(file.stat().st_size for file in folder.iterdir())
    del kept[1], kept[2], kept[3]  # 0, the oldest, is in use
    monkeypatch.setattr(_prepared, "LIMIT", 2.5 * size)
    _prepared.keep(uneven(4), {})
    left = [seed for seed in range(5) if _prepared.place("mine", {}, uneven(seed).digest).exists()]
    assert left == [0, 3, 4]
    assert_equal(kept[0], uneven(0))


def test_who_still_maps_a_folder_that_was_made_anew_reads_on(cache: Path) -> None:
    task = uneven()
    before = _prepared.keep(task, {})
    [folder] = cache.iterdir()
    (folder / "lengths.npy").unlink()
    _prepared.keep(task, {})
    assert_equal(before, task)


WRITER = """
import sys
from tests.tasks.test_prepared import uneven
from rnnzoo.tasks import _prepared, digest_of
from rnnzoo.tasks._contract import check as _check_contract
task = uneven()
sys.stdin.readline()
for _ in range(int(sys.argv[1])):
    kept = _prepared.keep(task, {})
    assert digest_of(kept.splits) == digest_of(task.splits)
    del kept
    if len(sys.argv) > 2:
        place = _prepared.place("mine", {}, task.digest)
        try:
            (place / "lengths.npy").write_bytes(b"")
        except OSError:
            pass
print("done")
"""


def writers(count: int, *arguments: str) -> Iterator[subprocess.Popen]:
    for _ in range(count):
        yield subprocess.Popen(
            [sys.executable, "-c", WRITER, *arguments], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip


def test_two_processes_that_write_one_folder_at_once_both_have_it(cache: Path) -> None:
    both = list(writers(2, "20"))
    for process in both:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate()[0] for process in both] == ["done\n", "done\n"]
    assert len(list(cache.iterdir())) == 1
    task = uneven()
    mapped = _prepared.find("mine", {}, task.digest)
    assert mapped is not None
    assert_equal(mapped, task)


# who runs tests in the background may have SIGINT ignored, and children inherit that
SLOW = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from tests.tasks.test_prepared import uneven
from rnnzoo.tasks import _prepared
real = _prepared._real
def slow(*arrays):
    for block in real(*arrays):
        print("writing", flush=True)
        time.sleep(60)
        yield block
_prepared._real = slow
_prepared.keep(uneven(), {})
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_writer_that_is_ended_leaves_no_half_of_a_folder(cache: Path, number: int) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", SLOW], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert writer.stdout is not None
    writer.stdout.readline()
    writer.send_signal(number)
    writer.wait()
    writer.stdout.close()
    task = uneven()
    assert _prepared.find("mine", {}, task.digest) is None
    _prepared.keep(task, {})
    assert len(list(cache.iterdir())) == 1  # what a killed writer left is gone, too


# ------------------------------------------------------------------ what it was made from


def written(folder: Path, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    arrays = {"x": rng.normal(size=(40, 9, 2)), "y": rng.integers(0, 2, 40)}
    np.savez(folder / "my.npz", lengths=rng.integers(1, 10, 40), **arrays)
    return {"file": "my.npz", "kind": "classify"}


def test_a_file_is_read_once_and_again_when_it_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    load = tasks.load

    def counted(name: str, *arguments: Any, **named: Any) -> Task:
        read.append(name)
        return load(name, *arguments, **named)

    monkeypatch.setattr(tasks, "load", counted)
    options = written(tmp_path)
    first = tasks.prepare("arrays", options, folder=tmp_path)
    again = tasks.prepare("arrays", options, folder=tmp_path)
    assert read == ["arrays"]
    assert_equal(again, load("arrays", options, folder=tmp_path))
    assert tasks.warnings(again) == tasks.warnings(first)
    (tmp_path / "my.npz").rename(tmp_path / "moved.npz")
    moved = tasks.prepare("arrays", {**options, "file": "moved.npz"}, folder=tmp_path)
    assert moved.digest == first.digest
    assert read == ["arrays"]
    written(tmp_path, seed=1)
    changed = tasks.prepare("arrays", options, folder=tmp_path)
    assert read == ["arrays", "arrays"]
    assert changed.digest == load("arrays", options, folder=tmp_path).digest != first.digest


def test_trials_have_the_data_that_their_sweep_read_though_the_file_was_replaced(
    tmp_path: Path,
) -> None:
    options = written(tmp_path)
    read = tasks.prepare("arrays", options, folder=tmp_path)
    expected = tasks.load("arrays", options, folder=tmp_path)
    written(tmp_path, seed=1)
    tasks.prepare("arrays", options, folder=tmp_path)  # as the next command does
    of_trial = tasks.prepared("arrays", options, read.digest)
    assert of_trial is not None
    assert_equal(of_trial, expected)


def test_what_was_made_from_a_file_and_is_damaged_is_made_anew(cache: Path, tmp_path: Path) -> None:
    options = written(tmp_path)
    tasks.prepare("arrays", options, folder=tmp_path)
    [folder] = (path for path in cache.iterdir() if path.name != "sources")
    changed("flip")(folder)
    task = tasks.prepare("arrays", options, folder=tmp_path)
    assert_equal(task, tasks.load("arrays", options, folder=tmp_path))


def test_a_note_of_where_it_was_made_that_leads_elsewhere_is_not_followed(
    cache: Path, tmp_path: Path
) -> None:
    options = written(tmp_path)
    tasks.prepare("arrays", options, folder=tmp_path)
    [note] = (cache / "sources").iterdir()
    note.write_text("../../elsewhere")
    assert_equal(
        tasks.prepare("arrays", options, folder=tmp_path),
        tasks.load("arrays", options, folder=tmp_path),
    )


def test_a_note_that_is_damaged_goes(cache: Path, tmp_path: Path) -> None:
    options = written(tmp_path)
    tasks.prepare("arrays", options, folder=tmp_path)
    for name, content in (("bytes", b"\xff\xfe"), ("zeros", b"\0" * 40)):
        (cache / "sources" / name).write_bytes(content)
    tasks.prepare("arrays", options, folder=tmp_path)
    assert len([*(cache / "sources").iterdir()]) == 1


def test_warnings_of_what_is_mapped_are_those_of_what_was_loaded(tmp_path: Path) -> None:
    """Looked at without padding, of which no warning speaks."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, 9, 60)
    for kind, x, y in (
        ("classify", rng.integers(0, 50, (60, 9)), rng.integers(0, 3, 60) * 2),
        ("regress", 300 * rng.normal(size=(60, 9, 2)), 5e5 + rng.normal(size=60)),
        ("next_step", np.eye(4)[rng.integers(0, 4, (60, 9))], np.zeros(60)),
        ("next_step", rng.integers(0, 50, (60, 9)), np.zeros(60)),
    ):
        np.savez(tmp_path / "my.npz", x=x, y=y, lengths=lengths)
        options = {"file": "my.npz", "kind": kind}
        loaded = tasks.load("arrays", options, folder=tmp_path)
        mapped = tasks.prepare("arrays", options, folder=tmp_path)
        assert tasks.warnings(mapped) == tasks.warnings(loaded)
        assert len(tasks.warnings(mapped)) > 1
        assert tasks.form(mapped) == tasks.form(loaded)


PEAK = """
import sys, tracemalloc
from pathlib import Path
from rnnzoo import tasks
options = {"file": "rolls.npz", "kind": "next_step"}
tasks.prepared("arrays", options, sys.argv[1])  # what is imported is no matter of the data
tracemalloc.start()
task = tasks.prepared("arrays", options, sys.argv[1])
assert task is not None
print(tracemalloc.get_traced_memory()[1])
"""


def test_a_trial_makes_no_copy_of_its_data(tmp_path: Path) -> None:
    rolls = (RNG.random((60, 500, 88)) < 0.05).astype("uint8")
    np.savez(tmp_path / "rolls.npz", x=rolls, lengths=RNG.integers(2, 500, 60))
    options = {"file": "rolls.npz", "kind": "next_step"}
    task = tasks.prepare("arrays", options, folder=tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, task.digest], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < rolls.nbytes / 20
