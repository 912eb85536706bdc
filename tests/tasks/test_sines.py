"""Sines at uneven times, and tasks that say which of their inputs cells have names for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnzoo import lang, tasks
from rnnzoo.errors import RnnzooError, TaskError, UsageError
from rnnzoo.spec.experiment import TaskChoice
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.tasks import Task, arranged, unfit


@pytest.fixture(scope="module")
def sines() -> Task:
    return tasks.load("sines", {"train": 400, "valid": 50, "test": 50})


def of_period(x: np.ndarray, length: int, period: float) -> float:
    """How much of a sequence's power a sine of a period explains, by least squares."""
    value, times = x[:length, 0], np.cumsum(x[:length, 1])
    angle = 2 * np.pi * times / period
    basis = np.stack([np.sin(angle), np.cos(angle)], 1)
    rest = value - basis @ np.linalg.lstsq(basis, value, rcond=None)[0]
    return 1 - float((rest**2).sum() / (value**2).sum())


def test_values_and_times_tell_the_period(sines: Task) -> None:
    train = sines.splits["train"]
    for x, length, label in zip(train.x[:40], train.lengths, train.y, strict=False):
        inside = max(of_period(x, length, period) for period in np.arange(5, 6, 0.005))
        assert (inside > 0.999) == (label == 1) or length < 20


def test_time_goes_on_from_0_and_padding_is_0(sines: Task) -> None:
    train = sines.splits["train"]
    assert (train.x[:, 0, 1] == 0).all()
    assert train.x[..., 1].min() >= 0
    padded = np.arange(train.width) >= train.lengths[:, None]
    assert not train.x[padded].any()
    assert 0.4 < train.y.mean() < 0.6


def test_even_sampling_has_steps_of_1() -> None:
    even = tasks.load("sines", {"sampling": "even", "train": 20, "valid": 5, "test": 5})
    split = even.splits["train"]
    real = np.arange(split.width) < split.lengths[:, None]
    assert (split.x[:, 1:, 1] == real[:, 1:]).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sampling": "odd"}, "`sampling` cannot be 'odd'"),
        ({"length": 14}, "`length` must be at least 15"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(RnnzooError, match=words):
        tasks.load("sines", options)


# ------------------------------------------------------------------ columns with names


def refusals(task: Task, name: str, training: Training | None = None) -> list[tuple[str, str]]:
    unfitting = unfit(task, training or Training(), lang.load(name))
    return [(refusal.name, refusal.problem) for refusal in unfitting]


def with_mask(task: Task) -> Task:
    """The same with its dt first, and a third input."""
    x = {
        name: np.concatenate([s.x[..., 1:], s.x[..., :1], np.ones_like(s.x[..., :1])], -1)
        for name, s in task.splits.items()
    }
    splits = {name: replace(split, x=x[name]) for name, split in task.splits.items()}
    return replace(task, splits=splits, fills={"dt": (0,), "mask": (2,)}, input_names=())


def test_a_layer_reads_x_first(sines: Task) -> None:
    assert arranged(with_mask(sines), lang.load("gru_d")) == (1, 0, 2)
    assert arranged(with_mask(sines), lang.load("tlstm")) == (1, 2, 0)
    assert arranged(with_mask(sines), lang.load("lstm")) == (0, 1, 2)


def test_what_a_task_does_not_fill_is_refused(sines: Task) -> None:
    assert refusals(sines, "phased_lstm") == []
    assert refusals(sines, "lstm") == []
    assert refusals(sines, "gru_d") == [
        ("cell", "'gru_d' reads mask beside x, and 'sines' does not say which of its inputs that is"
         ": it fills dt"),
    ]  # fmt: skip


def test_columns_of_another_number_are_refused(sines: Task) -> None:
    wide = replace(with_mask(sines), fills={"dt": (0, 1), "mask": (2,)})
    (refusal, _) = refusals(wide, "gru_d")
    assert refusal[1] == ("'gru_d' reads 'dt' (1), and 'sines' has 2 columns of that, and 0 of x")


def test_layers_that_cannot_read_a_mask_are_refused(sines: Task) -> None:
    for training in (Training(layers=2), Training(layers=2, bidirectional=True)):
        assert [name for name, _ in refusals(with_mask(sines), "gru_d", training)] == ["layers"]
        assert refusals(with_mask(sines), "tlstm", training) == []


@pytest.mark.parametrize(
    ("fills", "words"),
    [
        ({"dt": (2,)}, "names columns of x, from 0 to 1, not [2]"),
        ({"dt": (1,), "mask": (1,)}, "names a column of x twice"),
        ({"dt": (0, 1)}, "`dt` is the time since the step before, one column"),
        ({"dt": (0,), "mask": (1,)}, "leaves no column of x"),
    ],
)
def test_fills_that_cannot_be_are_refused(
    sines: Task, fills: dict[str, tuple[int, ...]], words: str
) -> None:
    with pytest.raises(TaskError) as caught:
        tasks._check_contract(replace(sines, fills=fills), "mine.py")
    assert words in str(caught.value)


def test_a_file_that_states_other_names_than_its_tasks_fill_is_refused(sines: Task) -> None:
    tasks._check_contract(sines, "mine.py", fills=("dt",))
    with pytest.raises(TaskError, match=r"it fills dt, and its file states \['mask'\]"):
        tasks._check_contract(sines, "mine.py", fills=("mask",))


def test_what_tasks_fill_is_known_without_data(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("FILLS = ('dose',)\n")
    (tmp_path / "silent.py").write_text("ABOUT = 'of a task'\n")
    table = {"file": "none.csv", "inputs": ["a"], "target": "b"}

    def known(name: str, **options: object) -> tuple[str, ...] | None:
        return tasks.filled(TaskChoice(name, name, options), tmp_path)

    assert known("adding") == known("chorales") == known("table", **table) == ()
    assert known("table", **table, time="t", missing="mask") == ("dt", "mask")
    assert (known("sines"), known("./mine.py"), known("./silent.py")) == (("dt",), ("dose",), None)


@pytest.mark.parametrize("name", ["parity", "sines", "touch_tones"])
def test_a_few_sequences_tell_the_form_of_a_generated_task(name: str) -> None:
    small = tasks.in_small(TaskChoice(name, name, {"length": 30} if name != "touch_tones" else {}),
                           Path())  # fmt: skip
    assert small is not None
    whole = tasks.load(name, {})
    assert len(small.splits["train"]) == tasks.FEW
    for attribute in ("inputs", "outputs", "vocabulary", "targets", "per", "loss", "fills"):
        assert getattr(small, attribute) == getattr(whole, attribute)
    assert tasks.in_small(TaskChoice("arrays", "arrays", {}), Path()) is None


def test_what_a_task_fills_is_a_part_of_a_studys_identity(sines: Task) -> None:
    known = {tasks._identity("sines", replace(sines, digest="", fills=fills))
             for fills in ({}, {"dt": (1,)}, {"dt": (0,)})}  # fmt: skip
    assert len(known) == 3


def test_a_task_whose_named_columns_stand_before_x_is_not_saved(
    sines: Task, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="a task that fills dt and mask so cannot be saved"):
        with_mask(sines).save(tmp_path / "sines.npz")
