"""Every task that needs no file of the user's, whatever is in the folder: what the contract
promises.
"""

from __future__ import annotations

import itertools
import math
from functools import cache

import numpy as np
import pytest

from rnnzoo import registry, tasks
from rnnzoo.errors import UsageError
from rnnzoo.spec.plugins import wrong_options
from rnnzoo.tasks import SPLITS, Task, digest_of
from rnnzoo.testing.tasks import TaskContract
from tests.samples import FREE_TASKS

SMALL = {"train": 40, "valid": 20, "test": 30}


@cache
def load(name: str, seed: int = 0) -> Task:
    options = SMALL if "train" in registry.load("tasks", name).OPTIONS else {}
    return tasks.load(name, options, seed=seed)


@pytest.mark.parametrize("name", registry.built_in("tasks"))
def test_a_task_says_what_it_is_and_what_it_takes(name: str) -> None:
    module = registry.load("tasks", name)
    assert 10 < len(module.ABOUT) < 120
    assert isinstance(module.OPTIONS, dict)


@pytest.mark.parametrize("name", registry.built_in("tasks"))
def test_a_default_number_may_be_written_out(name: str) -> None:
    """As `window: 0`, by which a task means that there is none."""
    options = registry.load("tasks", name).OPTIONS
    numbers = {key: value for key, value in options.items() if type(value) is int}
    assert list(wrong_options(f"task '{name}'", numbers, options)) == []


class TestEveryTask(TaskContract):
    @pytest.fixture(params=FREE_TASKS, autouse=True)
    def _named(self, request: pytest.FixtureRequest) -> None:
        self.name = request.param

    def load(self, seed: int = 0) -> Task:
        return load(self.name, seed)

    def test_the_same_words_give_the_same_data(self) -> None:
        load.cache_clear()
        super().test_the_same_words_give_the_same_data()


@pytest.mark.parametrize("name", ["adding", "copy_memory", "temporal_order"])
def test_generated_data_differs_between_seeds_lengths_and_splits(name: str) -> None:
    assert load(name, 0).digest != load(name, 1).digest
    assert tasks.load(name, {**SMALL, "length": 30}).digest != load(name, 0).digest
    task = load(name)
    assert not np.array_equal(task.splits["train"].x[:20], task.splits["validation"].x)


def test_generated_tasks_say_when_they_are_solved_and_their_digest_does_not_depend_on_it() -> None:
    solved = {
        name: load(name).solved for name in ("adding", "temporal_order", "copy_memory", "sum_since")
    }
    assert solved["adding"] == 0.01
    assert solved["temporal_order"] == 0.05
    assert solved["sum_since"] == 0.002
    # a tenth of 10 ln 8 / (100 + 20)
    assert solved["copy_memory"] == pytest.approx(math.log(8) / 120)
    assert load("adding").digest == digest_of(load("adding").splits)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("adding", {"lenght": 3}, "did you mean 'length'"),
        ("adding", {"length": "long"}, "`length` must be a whole number"),
        ("adding", {"length": 0}, "`length` must be at least 1"),
        ("adding", {"length": True}, "`length` must be a whole number"),
        ("chorales", {"key": "C"}, "it has none"),
        ("chorals", {}, "did you mean 'chorales'"),
    ],
)
def test_wrong_options_are_refused_in_words(name: str, options: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        tasks.load(name, options)


# -------------------------------------------------------------- against closed forms and the papers


def test_adding_is_the_sum_of_the_marked_numbers() -> None:
    task = tasks.load("adding", {"length": 50, "train": 4000})
    x, y = task.splits["train"].x, task.splits["train"].y
    values, marks = x[..., 0], x[..., 1]
    np.testing.assert_allclose((values * marks).sum(1), y[:, 0], rtol=1e-6)
    assert (marks[:, :25].sum(1) == 1).all()
    assert (marks[:, 25:].sum(1) == 1).all()
    assert np.var(y) == pytest.approx(1 / 6, rel=0.05)  # two uniform numbers: 2 / 12


def test_copy_memory_repeats_what_it_saw_after_the_delimiter() -> None:
    task = tasks.load("copy_memory", {"length": 12, **SMALL})
    split = task.splits["train"]
    shown = split.x.argmax(-1)
    assert shown.shape[1] == 12 + 20
    np.testing.assert_array_equal(shown[:, :10], split.y[:, -10:])
    assert (shown[:, 10 + 11] == 9).all()  # the delimiter
    assert (shown == 9).sum() == len(shown)
    assert (split.y[:, :-10] == 8).all()
    assert tasks.load("copy_memory", {"length": 100, **SMALL}).baselines[
        "no memory"
    ] == pytest.approx(0.1733, abs=5e-5)


def test_temporal_order_is_that_of_experiment_6a() -> None:
    task = tasks.load("temporal_order", {"train": 3000})
    split = task.splits["train"]
    letters = split.x.argmax(-1)
    assert 100 <= split.lengths.min() <= split.lengths.max() <= 110
    assert (letters[:, 0] == 4).all()
    rows = np.arange(len(letters))
    assert (letters[rows, split.lengths - 1] == 5).all()
    special = np.argwhere(letters >= 6)
    places = special[:, 1].reshape(-1, 2)
    assert places[:, 0].min() >= 10
    assert places[:, 0].max() <= 20
    assert places[:, 1].min() >= 50
    assert places[:, 1].max() <= 60
    late = letters[special[:, 0], special[:, 1]].reshape(-1, 2) - 6
    np.testing.assert_array_equal(split.y, 2 * late[:, 0] + late[:, 1])
    np.testing.assert_allclose(np.bincount(split.y) / 3000, 0.25, atol=0.03)


def test_chorales_are_those_of_the_split_in_their_range() -> None:
    task = load("chorales")
    assert [len(task.splits[name]) for name in SPLITS] == [207, 64, 72]
    frames = sum(int((split.lengths + 1).sum()) for split in task.splits.values())
    assert frames == 18_750
    keys = (
        np.flatnonzero(
            sum(split.x.sum((0, 1)) + split.y.sum((0, 1)) for split in task.splits.values())
        )
        + 21
    )
    assert (keys.min(), keys.max()) == (36, 83)
    assert "not comparable" in task.note
    assert task.baselines["Markov per key"] < task.baselines["key frequencies"]


def test_the_target_of_chorales_is_the_next_frame() -> None:
    split = load("chorales").splits["train"]
    length = int(split.lengths[0])
    np.testing.assert_array_equal(split.x[0, 1:length], split.y[0, : length - 1])


def test_chorales_come_out_of_the_cache_and_a_damaged_cache_is_read_anew(
    monkeypatch, tmp_path
) -> None:
    from rnnzoo.tasks import chorales

    some = chorales.files()[::12]  # all of them take seven seconds to read
    monkeypatch.setattr(chorales, "files", lambda: some)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    told: list[str] = []
    first = tasks.load("chorales", progress=lambda label, done, of: told.append(label))
    assert told
    told.clear()
    assert (
        tasks.load("chorales", progress=lambda label, done, of: told.append(label)).digest
        == first.digest
    )
    assert not told
    (file,) = (tmp_path / "rnnzoo").glob("chorales-*.npz")
    file.write_bytes(file.read_bytes()[:1000])
    assert tasks.load("chorales").digest == first.digest


def test_chorales_agree_with_the_canonical_set_after_transposition(jsb_folder) -> None:
    import csv
    import json

    from rnnzoo.tasks import _music, chorales

    canonical = json.loads((jsb_folder / "jsb-chorales-quarter.json").read_text())
    ours = dict(
        zip(
            (name for _, name in chorales.files()),
            itertools.chain.from_iterable(chorales.rolls(tasks.silent).values()),
        )
    )
    with (jsb_folder / "bwv_split.csv").open() as stream:
        rows = [
            row
            for row in csv.DictReader(stream)
            if row["step_agreement"] and float(row["step_agreement"]) >= 0.97
        ]
    assert len(rows) > 40
    for row in rows:
        theirs = _music.roll(canonical[row["split"]][int(row["index_quarter"])])
        shifted = np.roll(ours[row["music21_file"]], int(row["transposition"]), axis=1)
        steps = min(len(theirs), len(shifted))
        assert (theirs[:steps] == shifted[:steps]).all(1).mean() >= 0.9, row["music21_file"]
