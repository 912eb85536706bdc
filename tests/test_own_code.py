"""Losses, metrics and operations of a project: those that docs/python.md shows, and what is wrong
with others.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnzoo import lang, losses, metrics, tasks
from rnnzoo.cli import main
from rnnzoo.errors import RnnzooError, UsageError
from rnnzoo.lang import ir, javascript, operations, reference, start
from rnnzoo.lang.canonical import canonical_hash
from rnnzoo.lang.derivatives import wrong_derivatives
from rnnzoo.lang.text import cell_text, digest
from rnnzoo.nn import losses as nn_losses
from rnnzoo.nn.train import work
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Kind, Trial
from rnnzoo.sweep.plan import studies
from rnnzoo.testing.losses import LossContract
from rnnzoo.testing.metrics import MetricContract
from rnnzoo.testing.operations import OperationContract

DOCS = Path(__file__).parents[1] / "docs" / "python.md"
EXAMPLES = dict(re.findall(r"```python\n# (experiments/\S+\.py)\n(.*?)```", DOCS.read_text(), re.S))
TASK = """
import numpy as np
from rnnzoo.tasks import SPLITS, Split, Task

OPTIONS = {"count": 24}
ABOUT = "the mean of a few numbers"


def load(options, seed, folder, progress):
    rng = np.random.default_rng(seed)

    def part(count):
        x = rng.random((count, 6, 1)).astype("float32")
        return Split(x, x.mean(axis=1), np.full(count, 6, "int32"))

    splits = {name: part(options["count"]) for name in SPLITS}
    return Task("means", splits, "huber", "sequence", 1, "far_off", "share", {"always": 0.5})
"""
LOGISTIC = """
import numpy

ABOUT = "cross-entropy of one sigmoid each, in nats"
TARGETS = "shares"
METRIC = "logistic"


def value(y, logits, ops):
    return ops.sum(ops.softplus(logits) - y * logits, axis=-1)


def slope(y, logits):
    return 1 / (1 + numpy.exp(-logits)) - y
"""
CELL = "name: wavy\nequations: |\n  h = tanh(snake(W @ x + R @ h[t-1] + b))\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the files of the manual and a task that takes the loss and the metric."""
    monkeypatch.chdir(tmp_path)
    for name, text in {**EXAMPLES, "experiments/tasks/means.py": TASK}.items():
        write(tmp_path / name, text)
    return tmp_path


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


class TestHuber(LossContract):
    name = "huber"


class TestLogistic(LossContract):
    """A loss that is written in functions of `keras.ops` that NumPy lacks."""

    name = "logistic"

    @pytest.fixture(autouse=True)
    def _written(self, project: Path) -> None:
        write(project / "experiments/losses/logistic.py", LOGISTIC)


class TestFarOff(MetricContract):
    name = "far_off"


class TestSnake(OperationContract):
    name = "snake"


@pytest.mark.parametrize("name", ["softsign", "where", "sqrt"])
class TestOfThePackage(OperationContract):
    @pytest.fixture(autouse=True)
    def _named(self, name: str) -> None:
        self.name, self.low = name, 0.25

    def difference(self, operands, number):  # type: ignore[no-untyped-def]  # as above
        if self.name == "where" and number == 0:
            pytest.skip("a condition has no derivative")
        return super().difference(operands, number)


def test_the_manual_has_an_example_of_each() -> None:
    assert [Path(name).parent.name for name in EXAMPLES] == ["losses", "metrics", "operations"]


def trial(**changes: object) -> Trial:
    cell = lang.parse_text(CELL)
    content = {"units": 6, "learning_rate": 0.03}
    training = Training(epochs=6, batch=8)
    return Trial(
        "e",
        "wavy",
        cell_text(cell),
        "means",
        0,
        content,
        1,
        training,
        cell_hash=digest(cell)[:12],
        **changes,
    )


def test_a_training_learns_by_a_loss_and_reports_a_metric_with_an_operation_of_ones_own() -> None:
    outcome = work(trial(), lambda progress: True)
    assert outcome.kind is Kind.COMPLETE, outcome.message
    first, last = outcome.curve[0]["train"], outcome.curve[-1]["train"]
    assert last < 0.5 * first
    assert 0.0 <= outcome.scores["test"] <= 1.0
    # a share of 24 answers
    assert (outcome.scores["test"] * 24) % 1 == pytest.approx(0.0, abs=1e-4)


def test_the_code_of_a_loss_and_a_metric_is_part_of_the_identity_of_data(project: Path) -> None:
    before = tasks.load("means").digest
    for kind, name in (("losses", "huber"), ("metrics", "far_off")):
        file = project / f"experiments/{kind}/{name}.py"
        text = file.read_text()
        write(file, text + "\n# looked through\n")
        assert tasks.load("means").digest != before
        write(file, text)
        assert tasks.load("means").digest == before


def test_the_code_of_an_operation_is_part_of_the_identity_of_cells_that_apply_it(
    project: Path,
) -> None:
    other = lang.parse_text("name: q\nequations: |\n  h = tanh(W @ x + R @ h[t-1])\n")
    planned = trial()
    before = [(digest(cell), canonical_hash(cell)) for cell in (lang.parse_text(CELL), other)]
    file = project / "experiments/operations/snake.py"
    write(file, file.read_text().replace("** 2", "** 2 / 2"))
    after = [(digest(cell), canonical_hash(cell)) for cell in (lang.parse_text(CELL), other)]
    assert before[0][0] != after[0][0]
    assert before[0][1] != after[0][1]
    assert before[1] == after[1]
    assert work(planned, lambda progress: True).message.startswith(
        "an operation of wavy changed while the sweep ran"
    )


PLAIN = "name: q\nequations: |\n  h = tanh(W @ x + R @ h[t-1] + b)\n"
BESIDE_EQUATIONS = {  # where an operation may stand, and nothing of it is an equation
    "a mask": f"{PLAIN}weights:\n  R:\n    mask: snake(row) >= col\n",
    "a beginning": f"{PLAIN}init:\n  b: snake(unit)\n",
    "a constant": f"{PLAIN.replace('+ b', '+ k')}constants: |\n  k = snake(unit)\n",
    "a constant matrix": f"{PLAIN.replace('R @', 'A @')}constants: |\n  A = snake(row - col)\n",
}


@pytest.mark.parametrize("place", BESIDE_EQUATIONS)
def test_the_code_of_an_operation_counts_wherever_a_cell_applies_it(
    place: str, project: Path
) -> None:
    text, sizes = BESIDE_EQUATIONS[place], ir.Sizes(6, 3, {})

    def known() -> tuple[str, str, list[Any]]:
        cell = lang.parse_text(text)
        weights = start.weights(cell, 1, sizes, np.random.default_rng(0))
        values = {**weights, **reference.constants(cell, sizes)}
        masks = [reference.mask(cell, weight, sizes) for weight in cell.first.weights]
        numbers = [np.asarray(value).tolist() for value in (*values.values(), *masks)]
        return digest(cell), canonical_hash(cell), numbers

    before = known()
    file = project / "experiments/operations/snake.py"
    write(file, file.read_text().replace("** 2", "** 2 / 2").replace("a + np", "2 * a + np"))
    after = known()
    assert all(old != new for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize("place", BESIDE_EQUATIONS)
def test_a_page_without_the_operation_says_so(place: str) -> None:
    with pytest.raises(UsageError, match="a page cannot compute 'snake', an operation of one's"):
        javascript.playable(lang.parse_text(BESIDE_EQUATIONS[place]))


SPEC = """\
experiment: e
task: adding
variants: [rnn, {name: waves, cell: rnn, init: {b: snake(unit)}}]
search: {space: {units: 8}}
"""


def test_the_code_of_an_operation_counts_in_the_init_of_a_variant(project: Path) -> None:
    def identities() -> list[str]:
        experiment = parse_experiment(SPEC, "e.yaml", project / "experiments")
        return [each.identity for each in studies(experiment, {"adding": "data"}, {"adding": 2})]

    before = identities()
    file = project / "experiments/operations/snake.py"
    write(file, file.read_text().replace("** 2", "** 2 / 2"))
    after = identities()
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_a_name_of_an_operation_of_ones_own_stays_free_for_equations() -> None:
    text = "name: q\nequations: |\n  snake = W @ x\n  h = tanh(snake + R @ h[t-1])\n"
    assert [equation.name for equation in lang.parse_text(text).step.equations] == ["snake", "h"]


LOSS, METRIC, OPERATION = EXAMPLES.values()
BROKEN = {  # kind, text, what is said
    "no Python": ("losses", "def", "cannot be imported: SyntaxError"),
    "no value": ("losses", LOSS.replace("def value", "def values"),
        "it has no function `value(y, logits, ops)`"),
    "no slope": ("losses", LOSS.replace("def slope", "def slopes"),
        "it has no function `slope(y, logits)`"),
    "other targets": ("losses", LOSS.replace('"numbers"', '"reals"'),
        "its `TARGETS` is none of classes, shares, numbers, labels"),
    "no name of the loss": ("losses", LOSS.replace("METRIC", "NAME"), "it has no `METRIC`"),
    "a metric without a value": ("metrics", METRIC.replace("def value", "def values"),
        "no function `value(y, logits, ops)`"),
    "a metric of nothing": ("metrics", METRIC.replace("ABOUT", "TITLE"), "it has no `ABOUT`"),
    "no operation": ("operations", "ABOUT = 'nothing'", "it has no `operation`, an Elementwise"),
    "another name": ("operations", OPERATION.replace('"snake"', '"snail"'),
        "called 'snail', and the file 'mine'"),
    "a derivative too many": ("operations", OPERATION.replace('cos(a)",', 'cos(a)", "1",'),
        "2 `derivatives` for 1 operands"),
    "a derivative of nothing": ("operations", OPERATION.replace("cos(a)", "cos(b)"),
        "names 'b': operands are a, b and c"),
    "single braces": ("operations", OPERATION.replace("{{snake}}", "{snake}"),
        "its `latex_form` needs one `{}` for each operand, and braces of LaTeX twice"),
    "no place for the operand": ("operations", OPERATION.replace("left({}", "left("),
        "its `latex_form` needs one `{}` for each operand"),
    "no derivative": ("operations", OPERATION.replace("cos(a)", "cosine(a)"), "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_is_a_sentence_and_keeps_no_other_from_being_listed(
    case: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kind, text, words = BROKEN[case]
    named = text.replace('"snake"', '"mine"') if kind == "operations" else text
    write(project / f"experiments/{kind}/mine.py", named)
    load = {"losses": losses.load, "metrics": metrics.load, "operations": operations.load}[kind]
    with pytest.raises(RnnzooError) as caught:
        load("mine")
    assert caught.value.exit_code == 2
    assert words in str(caught.value)
    assert str(Path(f"experiments/{kind}/mine.py")) in str(caught.value)
    assert main(["list", kind]) == 0
    listed = capsys.readouterr().out
    assert words in listed
    assert {"losses": "Huber 1964", "metrics": "off by more", "operations": "Ziyin"}[kind] in listed
    assert tasks.load("means").metric == "far_off"
    assert lang.parse_text(CELL).states


def test_a_cell_that_applies_a_broken_operation_is_told_where(project: Path) -> None:
    write(project / "experiments/operations/mine.py", "ABOUT = 'nothing'")
    with pytest.raises(RnnzooError) as caught:
        lang.parse_text(CELL.replace("snake", "mine"), "wavy.yaml")
    assert "wavy.yaml:3:12: " in str(caught.value)
    assert "mine.py is no operation: it has no `operation`" in str(caught.value)


def test_check_warns_of_a_derivative_that_is_not_that_of_the_function(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project / "wavy.yaml", CELL)
    assert main(["check", "wavy.yaml"]) == 0
    assert "warning" not in capsys.readouterr().out
    file = project / "experiments/operations/snake.py"
    write(file, file.read_text().replace("1 + 2 * sin(a) * cos(a)", "1 + sin(a)"))
    assert main(["check", "wavy.yaml"]) == 0
    told = capsys.readouterr().out
    assert "wavy.yaml:3:12: warning: `1 + sin(a)` is not the derivative of 'snake' by a" in told
    match = re.search(
        r"\(experiments/operations/snake.py\): at a = (\S+) it is (\S+), and .* give (\S+)\n", told
    )
    assert match is not None
    a, derivative, difference = map(float, match.groups())
    assert derivative == pytest.approx(1 + math.sin(a), abs=0.01)
    assert difference == pytest.approx(1 + math.sin(2 * a), abs=0.02)


@pytest.mark.parametrize(
    ("function", "derivatives"),
    [
        ("lambda a: np.abs(a)", "sign(a)"),  # has a kink
        ("lambda a: np.log(a)", "1 / a"),  # has no value below 0
        ("lambda a: np.tanh(a)", "1 - y * y"),  # by its result
        ("lambda a: 3 * a", "3"),
        ("lambda a: np.exp(8 * a)", "8 * y"),  # is large
    ],
)
def test_check_does_not_warn_of_a_derivative_that_is_right(
    function: str, derivatives: str, project: Path
) -> None:
    file = project / "experiments/operations/snake.py"
    text = file.read_text().replace("lambda a: a + np.sin(a) ** 2", function)
    write(file, text.replace("1 + 2 * sin(a) * cos(a)", derivatives))
    assert not list(wrong_derivatives(lang.parse_text(CELL)))


def test_each_operand_has_a_derivative_of_its_own(project: Path) -> None:
    text = EXAMPLES["experiments/operations/snake.py"]
    text = text.replace('"snake",\n    1', '"snake",\n    2').replace(
        "lambda a: a +", "lambda a, b: b *"
    )
    text = text.replace("left({}", "left({}, {}").replace(
        "1 + 2 * sin(a) * cos(a)", "b * sin(2 * a)"
    )
    write(
        project / "experiments/operations/snake.py",
        text.replace('sin(2 * a)",', 'sin(2 * a)", "sin(a)"'),
    )
    cell = lang.parse_text(CELL.replace("W @ x + R @ h[t-1]", "W @ x, R @ h[t-1]"))
    (wrong,) = wrong_derivatives(cell)
    assert "`sin(a)` is not the derivative of 'snake' by b" in wrong.text


@pytest.mark.parametrize(
    ("kind", "name"), [("losses", "squared"), ("metrics", "error"), ("operations", "tanh")]
)
def test_a_name_of_the_packages_is_taken(kind: str, name: str, project: Path) -> None:
    text = {"losses": LOSS, "metrics": METRIC, "operations": OPERATION.replace("snake", "tanh")}[
        kind
    ]
    write(project / f"experiments/{kind}/{name}.py", text)
    load = {"losses": losses.load, "metrics": metrics.load, "operations": operations.load}[kind]
    with pytest.raises(RnnzooError, match=r"give (one of them|the file) another name"):
        load(name)


def test_a_name_of_the_packages_is_taken_in_ones_own_cells_and_nowhere_else(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Built-in cells and derivatives mean rnnzoo's operations."""
    for name in ("tanh", "sigmoid"):
        text = OPERATION.replace("snake", name)
        write(project / f"experiments/operations/{name}.py", text)
    without = "name: q\nequations: |\n  h = softplus(W @ x + R @ h[t-1] + b)\n"
    write(project / "experiments/cells/soft.yaml", without)
    write(project / "experiments/cells/squashed.yaml", without.replace("softplus", "tanh"))
    assert main(["check", "experiments/cells/soft.yaml"]) == 0
    assert main(["show", "soft", "--engine"]) == 0  # the slope of softplus is sigmoid
    assert main(["check", "experiments/cells/squashed.yaml"]) == 2
    refused = capsys.readouterr().out.splitlines()
    assert any("squashed.yaml:3:7: operation 'tanh' is one of rnnzoo's" in line for line in refused)
    lstm = lang.load("lstm")
    assert lang.parse_text(cell_text(lstm)) == lstm
    assert operations.code(lstm) == ""


MEAN = "ops.mean(ops.where(off < 1, 0.5 * off * off, off - 0.5), axis=-1)"
SHARE = "ops.max(ops.where(ops.abs(logits - y) > 0.1, 1.0, 0.0), axis=-1)"
SHAPES = {  # kind and name, what is returned, what is said
    "a loss of all answers": ("losses", "huber", "ops.mean(off)",
        r"the shape \(\), and must give \(8,\)"),
    "a loss that keeps an axis": ("losses", "huber", "off",
        r"the shape \(8, 1\), and must give \(8,\)"),
    "no loss": ("losses", "huber", "None", "NoneType, which is no tensor of numbers"),
    "a metric of all answers": ("metrics", "far_off", "1.0",
        r"the shape \(\), and must give \((8|64|None),\)"),
}  # fmt: skip


@pytest.mark.parametrize("case", SHAPES)
def test_a_loss_or_metric_of_another_shape_than_the_answers_is_not_trained(
    case: str, project: Path
) -> None:
    kind, name, returned, said = SHAPES[case]
    file = project / f"experiments/{kind}/{name}.py"
    text = file.read_text().replace(MEAN, returned).replace(SHARE, returned)
    assert text != file.read_text()
    write(file, text)
    outcome = work(trial(), lambda progress: True)
    assert outcome.kind is Kind.FAILED
    assert re.match(
        f"the {'loss' if kind == 'losses' else 'metric'} '{name}' gives {said}", outcome.message
    )
    assert "fix: give one number for each answer" in outcome.message


def test_sizes_that_are_not_known_when_a_graph_is_traced_fit() -> None:
    import tensorflow as tf

    criterion = nn_losses.criterion(tasks.load("means"))
    unknown = tf.TensorSpec([None, None, 1], tf.float32)
    values = tf.function(criterion, input_signature=[unknown, unknown])(
        tf.zeros([2, 3, 1]), tf.ones([2, 3, 1])
    )
    assert [tuple(value.shape) for value in values] == [(2, 3), (2, 3)]


RAISING = {  # kind and name, what is replaced by what, line and what is said
    "a loss": ("losses", "huber", "ops.abs(", "ops.abz(", r"line \d+: AttributeError: .*abz"),
    "a metric": ("metrics", "far_off", "ops.max(", "[][0](", r"line \d+: IndexError: list index"),
    "a lowering": (
        "operations",
        "snake",
        "ops.square(",
        "ops.sqware(",
        r"line \d+: AttributeError: .*sqware",
    ),
    "a loss that ends the program": (
        "losses",
        "huber",
        "off = ",
        "exit(3)  #",
        r"line \d+: SystemExit: 3",
    ),
}


@pytest.mark.parametrize("case", RAISING)
def test_what_own_code_raises_in_a_training_is_told_with_its_file(case: str, project: Path) -> None:
    kind, name, old, new, said = RAISING[case]
    file = project / f"experiments/{kind}/{name}.py"
    text = file.read_text()
    assert old in text
    write(file, text.replace(old, new))
    outcome = work(trial(), lambda progress: True)
    assert outcome.kind is Kind.FAILED
    assert re.match(f"{re.escape(str(file))}, {said}", outcome.message), outcome.message


def test_an_operation_that_lowers_to_what_does_not_exist_is_told_in_words(project: Path) -> None:
    file = project / "experiments/operations/snake.py"
    write(file, re.sub("lowering=.*", 'lowering="squar",', file.read_text()))
    outcome = work(trial(), lambda progress: True)
    assert outcome.kind is Kind.FAILED
    assert outcome.message.startswith(
        "the operation 'snake' lowers to keras.ops.squar, which does not exist"
    )
    assert "fix: did you mean 'square'?" in outcome.message
