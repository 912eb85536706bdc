"""Several experiments side by side: what differs between them, and their scores."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from rnnzoo.errors import UsageError
from rnnzoo.report import table
from rnnzoo.report.comparison import Comparison, Ran, compared
from rnnzoo.report.table import TaskMetadata, TrialTable
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Result
from tests.command import rnnzoo
from tests.report.test_report import results, task

FIRST = """\
experiment: gates
task: {name: adding, length: 50}
variants: [lstm, gru, {name: broken, cell: rnn}]
search:
  trials: 6
  space: {units: {int: [16, 64], log: true}, learning_rate: {float: [1e-3, 1e-2], log: true}}
select: {keep: 3}
"""
SECOND = """\
experiment: longer
task: {name: adding, length: 50}
variants: [gru, lstm, rnn]
search: {trials: 6, space: {units: {choice: [16, 32]}, optimizer: adam}}
training: {epochs: 50}
select: {keep: 3}
"""


def results_of(name: str, shift: float = 0.0) -> tuple[Result, ...]:
    """Those of `test_report`, as an experiment of that name would have them, with worse scores."""
    return tuple(_moved(result, name, shift) for result in results())


def _moved(result: Result, name: str, shift: float) -> Result:
    scores = {split: score + shift for split, score in result.outcome.scores.items()}
    return replace(
        result,
        trial=replace(result.trial, experiment=name),
        outcome=replace(result.outcome, scores=scores),
        study=result.study.replace("gates/", f"{name}/"),
    )


def ran(spec: str, shift: float = 0.0, metric: str = "mse", digest: str = "1f") -> Ran:
    experiment = parse_experiment(spec, "e.yaml", Path())
    tasks = {"adding": replace(TaskMetadata.of(task()), metric=metric, digest=digest)}
    return Ran(experiment, results_of(experiment.name, shift), tasks, {}, 6)


def comparison() -> Comparison:
    return compared([ran(FIRST), ran(SECOND, shift=0.5)])


def test_scores_are_means_of_the_trials_that_each_experiment_keeps() -> None:
    (adding,) = comparison().tasks
    by_row = {row.label: row.scores for row in adding.rows}
    # `results` makes trial i of a variant score 1 + i / 10 on validation, and 10 minus that on test
    kept = np.mean([10 - 1.0, 10 - 1.1, 10 - 1.2])
    assert by_row["lstm"]["gates"].mean == pytest.approx(kept)
    assert by_row["lstm"]["longer"].mean == pytest.approx(kept + 0.5)
    assert by_row["lstm"]["gates"].trainings == 3
    assert list(by_row["rnn"]) == ["longer"]  # the other has no such variant
    assert "broken" not in by_row  # none of its trials is complete


def test_what_differs_is_said_in_words_and_once() -> None:
    assert [str(difference) for difference in comparison().differences] == [
        "baseline: lstm in gates; gru in longer",
        "variants: lstm, gru and broken in gates; gru, lstm and rnn in longer",
        "search.space.units: 16 to 64, logarithmic in gates; 16 or 32 in longer",
        "search.space.learning_rate: 0.001 to 0.01, logarithmic in gates; 0.001 in longer",
        "training.epochs: 25 in gates; 50 in longer",
        "search.space.optimizer: not given in gates; adam in longer",
    ]


def test_experiments_that_agree_stand_together() -> None:
    third = SECOND.replace("longer", "again")
    epochs = compared([ran(FIRST), ran(SECOND), ran(third)]).differences[-2]
    assert str(epochs) == "training.epochs: 25 in gates; 50 in longer and again"


def test_data_that_differ_are_said_and_another_metric_is_not_compared() -> None:
    other = compared([ran(FIRST), ran(SECOND, digest="2e")])
    assert other.tasks[0].other_data
    assert str(other.differences[0]).startswith("the data of adding: version 1f in gates")
    three = compared([ran(FIRST), ran(SECOND), ran(SECOND.replace("longer", "c"), metric="mae")])
    assert three.tasks[0].experiments == ("gates", "longer")
    assert "only c has adding by mae on test (mean squared error)" in three.apart


def test_experiments_that_share_nothing_say_so() -> None:
    with pytest.raises(UsageError) as caught:
        compared([ran(FIRST), ran(SECOND, metric="mae")])
    assert str(caught.value) == (
        "gates and longer share no task that is scored by one metric: only gates has adding by mse"
        " on test (mean squared error); only longer has adding by mae on test (mean squared"
        " error)\n  fix: compare experiments that have a task in common"
    )


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A folder with two experiments and their tables."""
    for spec, shift in ((FIRST, 0.0), (SECOND, 0.5)):
        name = spec.split()[1]
        (tmp_path / f"{name}.yaml").write_text(spec)
        tasks = {"adding": TaskMetadata.of(task())}
        content = TrialTable(name, tasks, {}, results_of(name, shift))
        table.write(content, tmp_path / "results" / f"{name}.csv")
    return tmp_path


@pytest.mark.parametrize("columns", [40, 80])
def test_the_table_fits_the_terminal(exported: Path, columns: int) -> None:
    done = rnnzoo("compare", "gates.yaml", "longer.yaml", cwd=exported, COLUMNS=str(columns))
    assert done.returncode == 0, done.stderr
    table_lines = done.stdout.partition("adding: mse")[2].split("\n\n")[0].splitlines()[1:]
    assert len(table_lines) >= 4
    assert all(len(line) <= columns for line in table_lines)
    assert "8.900" in done.stdout
    assert "9.400" in done.stdout
    assert "\u2026" not in done.stdout
    picture = (exported / "runs/compare/gates-longer.svg").read_text()
    assert "longer" in "".join(ElementTree.fromstring(picture).itertext())


def test_that_data_differ_is_said_before_the_scores(exported: Path) -> None:
    file = exported / "results" / "longer.csv"
    content = table.read(file)
    other = {label: replace(task, digest="2e") for label, task in content.tasks.items()}
    table.write(replace(content, tasks=other), file)
    said = rnnzoo("compare", "gates.yaml", "longer.yaml", cwd=exported).stdout
    caution = "the data of adding differ between gates and longer: these are scores on different"
    order = [caution, "adding: mse", "8.900", "no test is made", "what differs", "the data of"]
    places = [said.index(words) for words in order[:-1]]
    assert places == sorted(places)
    assert said.rindex(order[-1]) > places[-1]


def test_compare_prints_json_from_a_table_that_is_named(exported: Path) -> None:
    (exported / "results" / "longer.csv").rename(exported / "elsewhere.csv")
    arguments = ("compare", "gates.yaml", "longer.yaml", "--from", "elsewhere.csv", "--json")
    done = rnnzoo(*arguments, cwd=exported)
    content = json.loads(done.stdout)
    row = next(row for row in content["tasks"][0]["rows"] if row["variant"] == "lstm")
    assert row["scores"]["longer"]["mean"] == pytest.approx(9.4)
    assert content["experiments"] == ["gates", "longer"]
    assert (exported / content["picture"]).is_file()


REFUSED = {
    ("gates.yaml",): "one experiment alone\n  fix: rnnzoo compare gates.yaml ANOTHER",
    ("gates.yaml", "gates.yaml"): "two of these files are the experiment 'gates'\n"
    "  fix: give each experiment once",
    ("gates.yaml", "longer.yaml", "--from", "third.csv"): "--from third.csv holds trials of"
    " 'third', which is not compared\n  fix: give the file of that experiment too; compared are"
    " gates and longer",
    ("gates.yaml", "longer.yaml", *("--from", "results/gates.csv") * 2): "results/gates.csv and"
    " results/gates.csv both hold trials of 'gates'\n  fix: give one of them",
    ("gates.yaml", "longer.yaml", "--out", "mine.svg"): "mine.svg is there already\n"
    "  fix: another name, or --force to write over it",
}


@pytest.mark.parametrize("arguments", REFUSED, ids=" ".join)
def test_what_cannot_be_compared_is_refused(arguments: tuple[str, ...], exported: Path) -> None:
    (exported / "mine.svg").write_text("mine")
    third = TrialTable("third", {}, {}, ())
    table.write(third, exported / "third.csv")
    done = rnnzoo("compare", *arguments, cwd=exported)
    assert (done.returncode, done.stderr) == (2, f"{REFUSED[arguments]}\n")
    assert (exported / "mine.svg").read_text() == "mine"
