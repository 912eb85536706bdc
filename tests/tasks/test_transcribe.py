"""Labels to transcribe, as people have them: the same task whatever form they are in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.api import looking
from rnnzoo.errors import RnnzooError
from rnnzoo.tasks import SPLITS, Task
from rnnzoo.tasks._options import wrong

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 9, 2)).astype("float32")
SPLIT = np.repeat([0, 1, 2], 10)
COUNTS = RNG.integers(0, 5, 30)
WORDS = ["".join(RNG.choice(list("abd"), count)) for count in COUNTS]
LABELS = [["abd".index(letter) for letter in word] for word in WORDS]
MOST = max(COUNTS)


def rows(lists: list[list[Any]], nothing: Any) -> np.ndarray:
    return np.array([[*labels, *[nothing] * (MOST - len(labels))] for labels in lists])


NUMBERS = rows(LABELS, -1)
NAMES = rows([list(word) for word in WORDS], "")


def load(folder: Path, **arrays: np.ndarray) -> Task:
    np.savez(folder / "my.npz", **arrays)
    return tasks.load("arrays", {"file": "my.npz", "kind": "transcribe"}, folder=folder)


@pytest.mark.parametrize(
    "arrays",
    [
        {"y": NUMBERS},
        {"y": NUMBERS.astype("int8")},
        {"y": np.where(NUMBERS < 0, np.nan, NUMBERS)},
        {"y": np.where(NUMBERS < 0, 0, NUMBERS), "y_lengths": COUNTS},
        {"y": np.concatenate([np.array(labels, int) for labels in LABELS]), "y_lengths": COUNTS},
    ],
    ids=["-1 behind", "small", "NaN behind", "0 behind, and counts", "flat"],
)
def test_numbers_are_labels_from_0_in_whatever_form(tmp_path: Path, arrays: Any) -> None:
    task = load(tmp_path, x=X, split=SPLIT, **arrays)
    assert (task.loss, task.metric, task.per, task.outputs) == (
        "ctc",
        "edit_distance",
        "sequence",
        4,
    )
    for number, name in enumerate(SPLITS):
        np.testing.assert_array_equal(task.splits[name].y, NUMBERS[number == SPLIT] + 1)
        assert task.splits[name].y.dtype == np.int32


@pytest.mark.parametrize(
    "arrays",
    [
        {"y": np.array(WORDS)},
        {"y": np.array(WORDS, "S")},
        {"y": NAMES},
        {"y": np.array([*"".join(WORDS)]), "y_lengths": COUNTS},
    ],
    ids=["texts", "bytes", "names", "flat"],
)
def test_names_are_labels_in_sorted_order_in_whatever_form(tmp_path: Path, arrays: Any) -> None:
    task = load(tmp_path, x=X, split=SPLIT, **arrays)
    assert task.classes == ("", "a", "b", "d")
    np.testing.assert_array_equal(task.splits["test"].y, NUMBERS[20:] + 1)
    low, high = COUNTS.min(), COUNTS.max()
    assert tasks.form(task).endswith(f"{low} to {high} labels of 3 (a, b, d) a sequence")
    assert not any("called ''" in str(remark) for remark in tasks.warnings(task))


def test_splits_of_a_file_may_have_unequally_many_labels(tmp_path: Path) -> None:
    parts = {
        f"x_{name}": X[number == SPLIT] for number, name in enumerate(("train", "val", "test"))
    }
    parts |= {"y_train": NUMBERS[:10], "y_val": NUMBERS[10:20], "y_test": NUMBERS[20:]}
    whole = load(tmp_path, **parts)
    assert whole.digest == load(tmp_path, x=X, y=NUMBERS, split=SPLIT).digest
    parts["y_val"] = np.where(NUMBERS[10:20, :2] < 0, -1, NUMBERS[10:20, :2])
    cut = load(tmp_path, **parts)
    np.testing.assert_array_equal(cut.splits["validation"].y[:, :2], NUMBERS[10:20, :2] + 1)
    assert not cut.splits["validation"].y[:, 2:].any()


def test_lists_of_python_are_the_same_task_and_can_be_saved(tmp_path: Path) -> None:
    of_file = load(tmp_path, x=X, y=NUMBERS, split=SPLIT)
    sequences = [sequence[:length] for sequence, length in zip(X, [9] * 29 + [8])]
    for y in (LABELS, [np.array(labels) for labels in LABELS], np.array(LABELS, object), NUMBERS):
        assert Task.from_arrays(X, y, split=SPLIT, kind="transcribe").digest == of_file.digest
    named = Task.from_arrays(sequences, WORDS, split=SPLIT, kind="transcribe")
    assert named.classes == ("", "a", "b", "d")
    for number, task in enumerate((of_file, named)):
        options = task.save(tmp_path / f"{number}.npz")
        assert tasks.load(options.pop("name"), options).digest == task.digest
        assert options["kind"] == "transcribe"


def test_always_the_same_answer_scores_what_edits_cost(tmp_path: Path) -> None:
    task = load(tmp_path, x=X, y=np.array(["aab"] * 10 + ["ab"] * 20), split=SPLIT)
    assert task.baselines == {"best constant answer": 1 / 2}  # a a a for a a b, and for a b


LONG = np.full((30, 6), 1)
REFUSED: dict[str, tuple[dict[str, np.ndarray], str, str]] = {
    "flat without counts": ({"y": np.arange(40) % 3}, "which labels are whose", "y_lengths="),
    "of others": ({"y": NUMBERS[:4]}, "y has shape (4,", "of each of the 30 sequences"),
    "deep": ({"y": NUMBERS[..., None]}, "y has shape (30,", "most labels) with -1 behind"),
    "objects": ({"y": np.array([[0]] * 29 + [[0, 1]], object)}, "Python objects", "np.concatenate"),
    "dates": ({"y": NUMBERS.astype("M8[s]")}, "numbers or names", "np.concatenate"),
    "zeros behind": ({"y": np.maximum(NUMBERS + 1, 0)}, "is 0 a label, or is there", "y=y - 1"),
    "a gap": ({"y": np.array([[1, -1, 2]] * 30)}, "sequence 0 of y has a gap", "behind the last"),
    "below 0": ({"y": np.array([[1, -2]] * 30)}, "-2 stands in sequence 0, label 1", "from 0 to"),
    "broken": ({"y": np.array([[1, 0.5]] * 30)}, "0.5 stands in sequence 0", "from 0 to"),
    "nothing": ({"y": np.full((30, 2), -1)}, "y must have labels, and all are empty", "y=..."),
    "other counts": ({"y": np.arange(9), "y_lengths": COUNTS}, "y has 9 labels, and", "map(len"),
    "high counts": ({"y": NUMBERS, "y_lengths": COUNTS + 9}, "labels a sequence", "y_lengths=..."),
    "negative counts": ({"y": NUMBERS, "y_lengths": COUNTS - 9}, "below 0", "y_lengths=..."),
    "counts of floats": ({"y": NUMBERS, "y_lengths": COUNTS / 1}, "30 whole numbers", "astype"),
    "too long": (
        {"y": np.where(np.arange(6) < np.where(np.arange(30) == 4, 6, 1)[:, None], LONG, -1)},
        "sequence 4 has 6 labels and 9 steps, and needs 11: one for each label, and one between",
        "leave such sequences out",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_transcribed_is_refused_in_words(tmp_path: Path, case: str) -> None:
    arrays, problem, fix = REFUSED[case]
    with pytest.raises(RnnzooError) as caught:
        load(tmp_path, x=X, split=SPLIT, **arrays)
    assert problem in caught.value.parts[0]
    assert fix in caught.value.parts[1]


@pytest.mark.parametrize(
    ("options", "option", "words"),
    [
        ({"per": "step"}, "per", "labels to transcribe are those of a sequence"),
        ({"split": "stratified"}, "split", "needs classes, and 'transcribe' has none"),
        ({"metric": "error"}, "metric", "are labels, which 'error' is not for"),
    ],
)
def test_options_that_labels_cannot_have_are_told_by_check(
    tmp_path: Path, options: dict[str, Any], option: str, words: str
) -> None:
    np.savez(tmp_path / "my.npz", x=X, y=NUMBERS)
    given = {"file": "my.npz", "kind": "transcribe", **options}
    (mistake,) = wrong("arrays", given, tmp_path)
    assert mistake.option == option
    assert words in mistake.problem


@pytest.mark.parametrize(
    "arrays", [{"y": NUMBERS}, {"y": NAMES}, {"y": np.arange(9), "y_lengths": COUNTS}]
)
def test_data_that_look_like_labels_to_transcribe_are_taken_for_that(
    tmp_path: Path, arrays: dict[str, np.ndarray]
) -> None:
    np.savez(tmp_path / "my.npz", x=X, **arrays)
    assert looking.arrays(str(tmp_path / "my.npz"))["kind"][0] == "transcribe"


# ------------------------------------------------------------------ texts in a table

TEXTS = ["two one", "one", "six two", "two two"] * 10
STROKES = {
    "id": np.repeat(np.arange(40), 9),
    "x": RNG.normal(size=360),
    "text": np.repeat(TEXTS, 9),
    "split": np.repeat(np.repeat(["train", "validation", "test"], [20, 8, 12]), 9),
}


def of_table(role: str, strokes: Any = STROKES, **options: Any) -> Task:
    roles = {"id": "id", "split": "split", **options}
    return Task.from_frame(strokes, inputs=["x"], target={"text": role}, **roles)


@pytest.mark.parametrize(
    ("role", "labels"), [("characters", TEXTS), ("words", [text.split() for text in TEXTS])]
)
def test_a_text_of_a_table_is_transcribed_by_its_characters_or_words(
    role: str, labels: list[Any]
) -> None:
    task = of_table(role, scale="none")
    x, split = STROKES["x"].reshape(40, 9), STROKES["split"][::9]
    expected = Task.from_arrays(x, labels, split=split, kind="transcribe")
    assert (task.loss, task.metric, task.unit) == (expected.loss, expected.metric, expected.unit)
    assert (task.classes, task.baselines) == (expected.classes, expected.baselines)
    for name in SPLITS:
        np.testing.assert_array_equal(task.splits[name].y, expected.splits[name].y)
        np.testing.assert_array_equal(task.splits[name].x[..., 0], expected.splits[name].x[..., 0])


def test_a_text_without_a_split_is_not_divided_by_class() -> None:
    strokes = {name: column for name, column in STROKES.items() if name != "split"}
    task = of_table("words", strokes, split={})
    assert [len(task.splits[name]) for name in SPLITS] == [28, 6, 6]


def changed(row: int, text: str) -> dict[str, np.ndarray]:
    texts = STROKES["text"].astype("U30")
    texts[row] = text
    return {**STROKES, "text": texts}


@pytest.mark.parametrize(
    ("strokes", "options", "words"),
    [
        (changed(12, "four"), {}, "row 13, column 'text': id 1 is 'four' here, and 'one' in"),
        (changed(12, ""), {}, "row 13, column 'text': id 1 is"),
        (
            {**STROKES, "text": np.repeat(["aaaaaa", *TEXTS[1:]], 9)},
            {},
            "row 1, column 'text': id 0 has 6 labels and 9 steps, and needs 11: one for each",
        ),
        (STROKES, {"per": "step"}, "a text to transcribe is that of a sequence"),
        (STROKES, {"window": {"length": 3}}, "and not of a window of it"),
        (STROKES, {"metric": "error"}, "the targets of 'table' are labels, which 'error'"),
    ],
)
def test_what_is_no_text_to_transcribe_is_refused_with_its_row(
    strokes: Any, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(RnnzooError, match=words):
        of_table("characters", strokes, **options)


def test_a_label_that_train_lacks_is_told() -> None:
    texts = np.array(TEXTS)
    texts[-1] = "ten one"
    task = of_table("words", {**STROKES, "text": np.repeat(texts, 9)})
    assert any("train lacks label ten" in str(remark) for remark in tasks.warnings(task))
