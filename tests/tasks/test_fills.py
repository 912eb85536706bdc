"""Arrays that cells read beside x, by name: `fills` of `arrays` and of `Task.from_arrays`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnzoo import lang, tasks
from rnnzoo.errors import RnnzooError, UsageError
from rnnzoo.spec.experiment import TaskChoice
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.tasks import Task, arranged, unfit

COUNT, STEPS, INPUTS = 20, 5, 2
RNG = np.random.default_rng(0)
X, DOSE = RNG.normal(size=(COUNT, STEPS, INPUTS)), RNG.normal(size=(COUNT, STEPS, 3))
MASK = RNG.random(X.shape) < 0.7
DT = RNG.random((COUNT, STEPS)) * (np.arange(STEPS) > 0)
Y = np.arange(COUNT) % 2
SPLIT = np.arange(COUNT) % 3
LENGTHS = 2 + np.arange(COUNT) % 4
GAP = np.where(DOSE[1, 2, 0] == DOSE, np.inf, DOSE)
FILLS = {"dt": DT, "mask": MASK, "dose": DOSE}


def whole(task: Task) -> np.ndarray:
    """The inputs of all sequences, in the order of the file."""
    x = np.empty((COUNT, STEPS, task.inputs))
    for number, name in enumerate(("train", "validation", "test")):
        x[number == SPLIT] = task.splits[name].x
    return x


def test_named_arrays_stand_behind_x_and_what_a_mask_leaves_out_is_0() -> None:
    gaps = np.where(MASK, X, np.nan)
    task = Task.from_arrays(gaps, Y, split=SPLIT, fills=FILLS)
    expected = np.concatenate([np.where(MASK, X, 0), DT[..., None], MASK, DOSE], -1)
    np.testing.assert_array_equal(whole(task), expected.astype(np.float32))
    assert task.fills == {"dt": (2,), "mask": (3, 4), "dose": (5, 6, 7)}
    assert arranged(task, lang.load("tlstm")) == (0, 1, 3, 4, 5, 6, 7, 2)
    assert not any(unfit(task, Training(), lang.load("lstm")))
    both = Task.from_arrays(X, Y, split=SPLIT, fills={"dt": DT, "mask": MASK})
    assert not any(unfit(both, Training(), lang.load("gru_d")))


def test_padding_holds_nothing_of_them() -> None:
    task = Task.from_arrays(X, Y, split=SPLIT, lengths=LENGTHS, fills=FILLS)
    padding = np.arange(STEPS) >= LENGTHS[:, None]
    assert not whole(task)[padding].any()
    assert whole(task)[~padding].any(-1).all()


def test_sequences_in_a_list_have_lists_of_them() -> None:
    def cut(array: np.ndarray) -> list[np.ndarray]:
        return [sequence[:length] for sequence, length in zip(array, LENGTHS)]

    listed = Task.from_arrays(cut(X), Y, split=SPLIT, fills={"dt": cut(DT), "dose": cut(DOSE)})
    padded = Task.from_arrays(X, Y, split=SPLIT, lengths=LENGTHS, fills={"dt": DT, "dose": DOSE})
    assert listed.digest == padded.digest
    with pytest.raises(UsageError, match=r"has 2 steps in x and 5 in dt"):
        Task.from_arrays(cut(X), Y, fills={"dt": [*DT]})
    with pytest.raises(UsageError, match="dt has 3 sequences, and x 20"):
        Task.from_arrays(cut(X), Y, fills={"dt": cut(DT)[:3]})


def test_the_next_step_is_one_of_x_alone_and_is_not_read_backwards() -> None:
    task = Task.from_arrays(X, kind="next_step", lengths=LENGTHS, split=SPLIT, fills={"dt": DT})
    assert (task.inputs, task.outputs) == (INPUTS + 1, INPUTS)
    first = task.splits["train"]
    np.testing.assert_allclose(first.y[0, : LENGTHS[0] - 1], X[0, 1 : LENGTHS[0]], rtol=1e-6)
    assert not first.x[0, LENGTHS[0] - 1 :].any()
    refused = unfit(task, Training(bidirectional=True), lang.load("lstm"))
    assert [refusal.name for refusal in refused] == ["bidirectional"]


def test_a_file_that_is_split_has_them_for_each_split(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {"split": SPLIT, "x": X, "y": Y, "dt": DT, "Dose": DOSE}
    np.savez(tmp_path / "whole.npz", **arrays)
    parts = {
        f"{name}_{part}": array[number == SPLIT]
        for name, array in arrays.items()
        for number, part in enumerate(("train", "val", "test"))
        if name != "split"
    }
    np.savez(tmp_path / "parts.npz", **parts)
    options = {"kind": "classify", "fills": ["dt", "Dose"]}
    loaded = [
        tasks.load("arrays", {"file": file, **options}, folder=tmp_path)
        for file in ("whole.npz", "parts.npz")
    ]
    assert loaded[0].digest == loaded[1].digest
    assert loaded[1].fills == {"dt": (2,), "Dose": (3, 4, 5)}
    del parts["dt_test"]
    np.savez(tmp_path / "parts.npz", **parts)
    with pytest.raises(UsageError, match="it has x_test, and no dt_test"):
        tasks.load("arrays", {"file": "parts.npz", **options}, folder=tmp_path)


def test_check_knows_them_without_data(tmp_path: Path) -> None:
    choice = TaskChoice("mine", "arrays", {"file": "none.npz", "fills": "dt"})
    assert tasks.filled(choice, tmp_path) == ("dt",)


def test_a_task_that_was_saved_fills_the_same(tmp_path: Path) -> None:
    task = Task.from_arrays(X, Y, split=SPLIT, fills=FILLS)
    saved = task.save(tmp_path / "mine.npz")
    name = saved.pop("name")
    assert tasks.load(name, saved).digest == task.digest
    assert tasks.load(name, saved).fills == task.fills


REFUSED: dict[str, tuple[dict[str, np.ndarray], str, str]] = {
    "another array": ({"Lengths": DT}, "'Lengths' is read as something else", "such as `dose`"),
    "no name": ({"2x": DT}, "'2x' cannot be the name of an input of cells", "a letter first"),
    "twice": ({"dose": DT, "Dose": DT}, "names an array twice", "once"),
    "a start": ({"dt": DT + 1}, "dt of sequence 0 (counted from 0) begins with 1", "dt[:, 0] = 0"),
    "back in time": ({"dt": -DT}, "dt is below 0 in sequence 0, step 1", "np.diff(times"),
    "no mask": ({"mask": MASK * 2}, "mask holds other numbers than 0 and 1", "~np.isnan(x)"),
    "narrow": ({"mask": MASK[..., :1]}, "mask has shape (20, 5, 1)", "(20, 5, 2): 1 where"),
    "wide": ({"dt": DOSE}, "dt has shape (20, 5, 3)", "(20, 5, 1): the time since"),
    "short": ({"dose": DOSE[:, 1:]}, "dose has shape (20, 4, 3)", "(20, 5, 3), as x has"),
    "text": ({"dose": DT.astype(str)}, "'dose' must hold numbers", "dose.astype(float)"),
    "a gap": ({"dose": GAP}, "in sequence 1, step 2, column 0", "nan_to_num"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_so_is_refused_in_words(name: str) -> None:
    fills, problem, fix = REFUSED[name]
    with pytest.raises(RnnzooError) as caught:
        Task.from_arrays(X, Y, fills=fills)
    assert problem in caught.value.problem
    assert fix in caught.value.fix


def test_a_file_without_the_array_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", x=X, y=Y)
    with pytest.raises(UsageError, match="has no array 'dt'") as caught:
        tasks.load("arrays", {"file": "mine.npz", "fills": ["dt"]}, folder=tmp_path)
    assert "leave it out of `fills`" in caught.value.fix
    with pytest.raises(UsageError, match="a list of names of arrays, not a table"):
        tasks.load("arrays", {"file": "mine.npz", "fills": {"dt": 1}}, folder=tmp_path)
