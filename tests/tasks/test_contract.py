"""A task file that breaks its contract is refused in words before a trial begins, and is in nobody
else's way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.cli import main
from rnnzoo.errors import RnnzooError
from rnnzoo.tasks import SPLITS, Split, Task

COUNT, STEPS = 6, 4
FILE = """
import numpy as np
from rnnzoo.tasks import SPLITS, Split, Task, digest_of

OPTIONS = {"n": 6}
ABOUT = "bit_parity of bits"


def load(options, seed, folder, progress):
    rng = np.random.default_rng(seed)

    def part(count):
        x = rng.integers(0, 2, (count, 8, 1)).astype("uint8")
        return Split(x, (np.cumsum(x[..., 0], 1) % 2).astype("int32"), np.full(count, 8, "int32"))

    splits = {name: part(options["n"]) for name in SPLITS}
    return Task("bit_parity", splits, "categorical", "step", 2, "error", "share", {"half": 0.5},
                digest=digest_of(splits))
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a task `bit_parity` of a project."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "experiments" / "tasks" / "bit_parity.py"
    path.parent.mkdir(parents=True)

    def written(text: str) -> Path:
        path.write_text(text)
        return path

    return written


def test_a_file_of_twenty_lines_in_a_project_is_a_task(write: Write) -> None:
    write(FILE)
    task = tasks.load("bit_parity", {"n": 9})
    assert (len(task.splits["test"]), task.loss, task.metric) == (9, "categorical", "error")


BROKEN = {
    "no line about it": (FILE.replace("ABOUT", "_ABOUT"), "it has no `ABOUT`"),
    "no options": (FILE.replace("OPTIONS", "_OPTIONS"), "it has no `OPTIONS`"),
    "no load": (FILE.replace("def load", "def loud"), "it has no function `load("),
    "a set for a default": (
        FILE.replace('{"n": 6}', '{"n": {6}}'),
        "the default of its option 'n' is {6}",
    ),
    "no Python": (FILE.replace("def load", "fed load"), "SyntaxError"),
    "an import that fails": (f"import nothing_of_that_name\n{FILE}", "ModuleNotFoundError"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_is_no_task_is_named_and_breaks_no_list(
    write: Write, case: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text, words = BROKEN[case]
    file = write(text)
    with pytest.raises(RnnzooError) as caught:
        tasks.load("bit_parity")
    assert words in str(caught.value)
    assert "bit_parity.py" in str(caught.value)
    assert main(["list", "tasks"]) == 0
    listed = capsys.readouterr().out
    assert "adding " in listed
    assert words in next(line for line in listed.splitlines() if line.startswith("bit_parity"))
    assert main(["check", str(spec(tmp_path))]) == 2
    told = capsys.readouterr().out
    assert words in told
    assert "spec.yaml:2:7" in told
    assert file.exists()


def spec(folder: Path) -> Path:
    path = folder / "spec.yaml"
    path.write_text("experiment: e\ntask: bit_parity\nvariants: [rnn]\n")
    return path


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            '"error", "share"',
            '"f9", "share"',
            "the metric 'f9' of the loss 'categorical' is not computed",
        ),
        ('"categorical"', '"hinge"', "there is no loss 'hinge'"),
        ('"step", 2,', '"step", 1,', "y holds classes from 0 to 1\n  fix: with outputs=1"),
        ("OPTIONS =", 'LOSS = "squared"\nOPTIONS =', "it states the loss 'squared', and its loss"),
        ("return Task(", "return 3 or Task(", "`load` returned int, not a Task"),
        ('"step", 2,', '"sequence", 2,', "takes int32, (6,)"),
    ],
)
def test_a_task_that_breaks_its_contract_is_refused_with_its_file(
    write: Write, before: str, after: str, words: str
) -> None:
    assert before in FILE
    write(FILE.replace(before, after))
    with pytest.raises(RnnzooError) as caught:
        tasks.load("bit_parity")
    assert words in str(caught.value)
    assert "bit_parity.py" in str(caught.value)


def test_what_is_computed_is_part_of_the_identity_with_and_without_a_digest(write: Write) -> None:
    def identity(text: str) -> str:
        write(text)
        return tasks.load("bit_parity").digest

    bare = FILE.replace(", digest=digest_of(splits)", "")
    metric = ('"error", "share"', '"cross_entropy", "nats"')
    zeros = ("rng.integers(0, 2, (count, 8, 1))", "np.zeros((count, 8, 1))")
    texts = [FILE, FILE.replace(*metric), FILE.replace(*zeros)]
    texts += [text.replace(", digest=digest_of(splits)", "") for text in texts]
    digests = [identity(text) for text in texts]
    assert digests[:3] == digests[3:]
    assert len(set(digests[:3])) == 3
    assert identity(bare) == identity(bare)
    assert all(len(digest) == 64 for digest in digests)


def right(per: str = "step", loss: str = "categorical") -> Task:
    """A task that keeps its contract."""
    x = np.zeros((COUNT, STEPS, 2), np.float32)
    where = (COUNT, STEPS) if per == "step" else (COUNT,)
    y = np.zeros(where, np.int32) if loss == "categorical" else np.zeros((*where, 3), np.float32)
    split = Split(x, y, np.full(COUNT, STEPS, np.int32))
    metric = {"categorical": "error", "squared": "mse", "bernoulli": "nll"}[loss]
    return Task("right", dict.fromkeys(tasks.SPLITS, split), loss, per, 3, metric, "share")  # type: ignore[arg-type]


def broken(task: Task, **changes: Any) -> Task:
    """The task with its test split changed."""
    return replace(task, splits={**task.splits, "test": replace(task.splits["test"], **changes)})


def of_ids() -> Task:
    """A task that keeps its contract, of ids below 3."""
    x = np.zeros((COUNT, STEPS, 1), np.int32)
    split = replace(right().splits["test"], x=x)
    return replace(right(), splits=dict.fromkeys(tasks.SPLITS, split), vocabulary=3)


def test_ids_are_as_many_inputs_as_they_are_ids() -> None:
    tasks._check_contract(of_ids(), "right.py")
    assert of_ids().inputs == 3
    assert "one id of 3" in tasks.form(of_ids())
    assert tasks._identity("ids", of_ids()) != tasks._identity(
        "ids", replace(of_ids(), vocabulary=4)
    )


@pytest.mark.parametrize("per", ["step", "sequence"])
@pytest.mark.parametrize("loss", ["categorical", "squared", "bernoulli"])
def test_every_loss_at_every_place_can_keep_the_contract(per: str, loss: str) -> None:
    tasks._check_contract(right(per, loss), "right.py")


NUMBERS = np.zeros((COUNT, STEPS), np.float32)


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (replace(right(), metric="wit"), "the metric 'wit'"),
        (replace(right(loss="squared"), metric="error"), "write mse"),
        (replace(right(loss="bernoulli"), metric="error"), "write nll"),
        (replace(right(), per="word"), "`per` cannot be 'word'"),
        (replace(right(), outputs=0), "`outputs` must be a whole number from 1"),
        (replace(right(), baselines={"none": float("nan")}), "the baseline 'none' is nan"),
        (replace(right(), splits={}), "the train split is empty"),
        (replace(right(), classes=("cat", "dog")), "it names 2 classes of 3"),
        (replace(right(), classes=("cat", "dog", "cat")), "two of its classes are called 'cat'"),
        (replace(right(), classes=["cat", "dog", "eel"]), "must be a tuple of names"),
        (replace(right(), classes=(0, 1, 2)), "must be a tuple of names, not (0, 1, 2)"),
        (
            replace(right(loss="squared"), classes=("cat", "dog", "eel")),
            "it names classes, and the loss 'squared' has none",
        ),
        (broken(right(), x=NUMBERS), "x is float32, (6, 4)"),
        (
            broken(right(), x=np.zeros((COUNT, STEPS, 3), np.float32)),
            "another number of inputs in each split",
        ),
        (broken(right(), x=np.full((COUNT, STEPS, 2), np.nan, np.float32)), "x holds NaN"),
        (broken(right(), y=NUMBERS), "takes int32, (6, 4)"),
        (broken(right(), y=np.full((COUNT, STEPS), 3, np.int32)), "classes from 3 to 3"),
        (broken(right(), y=np.full((COUNT, STEPS), -1, np.int32)), "classes from -1 to -1"),
        (broken(right(loss="squared"), y=NUMBERS), "takes numbers, (6, 4, 3)"),
        (
            broken(right(loss="bernoulli"), y=np.full((COUNT, STEPS, 3), 2, np.uint8)),
            "no probabilities",
        ),
        (broken(right(), lengths=np.full(COUNT, STEPS + 1)), "lengths must be from 1 to 4"),
        (broken(right(), lengths=np.full(COUNT, 2.0)), "lengths is float64"),
        (replace(right(), vocabulary=-1), "`vocabulary` must be a whole number from 0, not -1"),
        (replace(right(), carry=True, by_length=True), "sequences go on in one another"),
        (replace(right(), vocabulary=3), "with a vocabulary, ids: int32, (sequences, time, 1)"),
        (broken(of_ids(), x=np.full((COUNT, STEPS, 1), 3, np.int32)), "x holds ids from 3 to 3"),
        (replace(right(), input_names=("a", "b", "c")), "it names 3 inputs of"),
        (replace(right(), input_names=["a"]), "`input_names` must be a tuple of names"),
        (broken(right(), weights=NUMBERS[:, :2]), "weights is float32, (6, 2)"),
        (broken(right(), weights=NUMBERS), "nor all zero"),
        (broken(right("sequence"), weights=NUMBERS), "weights is float32, (6, 4)"),
    ],
)
def test_each_promise_is_looked_at(task: Task, words: str) -> None:
    with pytest.raises(RnnzooError, match=r"right\.py") as caught:
        tasks._check_contract(task, "right.py")
    assert words in str(caught.value)


def test_names_of_classes_are_no_part_of_a_studys_identity(write: Write) -> None:
    write(FILE)
    nameless = tasks.load("bit_parity")
    write(FILE.replace("digest=", 'classes=("even", "odd"), digest='))
    named = tasks.load("bit_parity")
    assert named.classes == ("even", "odd")
    assert nameless.classes == ()
    assert named.digest == nameless.digest


def test_only_a_few_lengths_are_scored_by_themselves() -> None:
    steps = 51
    x, y = np.zeros((steps, steps, 2), np.float32), np.zeros((steps, steps), np.int32)
    many = broken(right(), x=x, y=y, lengths=np.arange(1, steps + 1))
    tasks._check_contract(many, "right.py")
    with pytest.raises(
        RnnzooError, match=r"each of the 51 lengths of test(?s:.*)at most 50 lengths"
    ):
        tasks._check_contract(replace(many, by_length=True), "right.py")
    few = broken(many, lengths=np.arange(1, steps + 1).clip(2))
    tasks._check_contract(replace(few, by_length=True), "right.py")


def of_labels(y: list[list[int]], **changes: Any) -> Task:
    """Labels to transcribe: of four steps each, and three labels."""
    targets = np.array(y, np.int32)
    split = Split(
        np.ones((len(y), STEPS, 2), np.float32), targets, np.full(len(y), STEPS, np.int32)
    )
    task = Task(
        "t", dict.fromkeys(SPLITS, split), "ctc", "sequence", 4, "edit_distance", "label error rate"
    )
    return replace(task, **changes)


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (of_labels([[1, 2], [3, 0]]), ""),
        (of_labels([[1, 2], [0, 0]]), ""),
        (
            of_labels([[1, 4], [3, 0]]),
            "y holds labels from 0 to 4\n  fix: with outputs=4, they are",
        ),
        (of_labels([[0, 0], [0, 0]]), "y holds labels from 0 to 0"),
        (of_labels([[1, 2], [0, 3]]), "sequence 1 of y has a 0 between labels"),
        (of_labels([[1, 2, 1], [3, 3, 3]]), "sequence 1 has 3 labels and 4 steps, and needs 5"),
        (of_labels([[1, 2]], per="step"), "labels are those of a sequence"),
        (of_labels([[1, 2]], metric="error"), "the metric 'error' of the loss 'ctc'"),
        (of_labels([[1, 2]], classes=("", "a", "b")), "it names 3 classes of 4"),
    ],
)
def test_labels_are_looked_at(task: Task, words: str) -> None:
    told = ""
    try:
        tasks._check_contract(task, "mine.py")
    except RnnzooError as error:
        told = str(error)
    assert words in told
    assert bool(words) == bool(told)
