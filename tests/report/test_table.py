"""Tables of trials: written, read back, and good for the same report."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from rnnzoo import report
from rnnzoo.errors import UsageError
from rnnzoo.report import table
from rnnzoo.report.table import TaskNote, Trials
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Ending, Kind, Outcome, Result, Trial
from tests.report.test_report import SPEC, results, task

HYPERPARAMETERS = {"units": 7, "learning_rate": 0.1 + 0.2, "optimizer": "adam", "noise": 1e-17, "batch": 1}


def content() -> Trials:
    odd = Trial("gates", "lstm", "", "adding", 6, HYPERPARAMETERS, seed=0)
    failed = Outcome(Kind.FAILED, message='a "quoted", broken\nline; <b>')
    first, *others = results()
    stopped = replace(first, outcome=replace(first.outcome, ending=Ending.PATIENCE))
    found = (stopped, *others, Result(odd, failed, "gates/lstm/adding/abc"))
    run_with = ({"Python": "3.11.7", "processor": "one"}, {"Python": "3.12.1", "processor": "another"})
    return Trials("gates", {"adding": TaskNote.of(task())}, {"gates/lstm/adding/abc": {"cell": "1f"}}, found, run_with)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_a_report_needs_survives_to_the_last_bit(ending: str, tmp_path: Path) -> None:
    written = content()
    read = table.read(table.write(written, tmp_path / f"deep/trials.{ending}"))
    assert (read.experiment, read.tasks, read.parts) == (written.experiment, written.tasks, written.parts)
    assert read.provenance == written.provenance
    for one, two in zip(written.results, read.results, strict=True):
        assert (two.study, two.trial.index, two.trial.variant) == (one.study, one.trial.index, one.trial.variant)
        assert dict(two.trial.hyperparameters) == dict(one.trial.hyperparameters)
        assert {name: type(value) for name, value in two.trial.hyperparameters.items()} == {
            name: type(value) for name, value in one.trial.hyperparameters.items()
        }
        assert (two.outcome.kind, two.outcome.message) == (one.outcome.kind, one.outcome.message)
        assert (two.outcome.scores, two.outcome.best_epoch) == (one.outcome.scores, one.outcome.best_epoch)
        assert two.outcome.ending is one.outcome.ending
        assert [point["validation"] for point in two.outcome.curve] == pytest.approx(
            [point["validation"] for point in one.outcome.curve], rel=1e-3
        )


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_report_from_a_table_has_the_numbers_of_that_from_the_storage(ending: str, tmp_path: Path) -> None:
    experiment = parse_experiment(SPEC, "gates.yaml", Path())
    read = table.read(table.write(content(), tmp_path / f"t.{ending}"))
    first = report.summarise(experiment, content().results, {"adding": task()}, 7)
    second = report.summarise(experiment, read.results, read.tasks, 7)
    assert first.verdicts == second.verdicts
    assert report.numbers(first) == report.numbers(second)
    for one, two in zip(first.tables[0].rows, second.tables[0].rows, strict=True):
        assert replace(one, best=None) == replace(two, best=None)


def test_a_table_of_before_is_read_as_one_that_does_not_say_how_trainings_ended(tmp_path: Path) -> None:
    path = table.write(content(), tmp_path / "t.csv")
    note, *lines = path.read_text().splitlines()
    columns = lines[0].split(",")
    keep = [at for at, name in enumerate(columns) if name != "ending"]
    rows = csv.reader(lines)
    with path.open("w", newline="") as stream:
        stream.write(note.replace(', "solved": null', "") + "\n")
        csv.writer(stream).writerows([[row[at] for at in keep] for row in rows])
    read = table.read(path)
    assert {one.outcome.ending for one in read.results} == {Ending.UNKNOWN}
    assert read.tasks["adding"].solved is None
    assert len(read.results) == len(content().results)


def test_nothing_half_written_has_the_name_of_a_table(tmp_path: Path) -> None:
    path = table.write(content(), tmp_path / "t.csv")
    assert [one.name for one in tmp_path.iterdir()] == ["t.csv"]
    assert path.read_text().startswith(table.MARK)


@pytest.mark.parametrize("ending", ["txt", ""])
def test_another_ending_is_refused(ending: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the ending is \.csv or \.parquet"):
        table.write(content(), tmp_path / f"t.{ending}")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: "", "does not begin with `# rnnzoo trials 1`"),
        (lambda text: "a,b\n1,2\n", "does not begin with"),
        (lambda text: text.replace("# rnnzoo trials 1", "# rnnzoo trials 2"), "does not begin with"),
        (lambda text: text.replace('"experiment"', '"experiments"'), "'experiment'"),
        (lambda text: text.replace(",complete,", ",finished,", 1), "trial 1 in it: 'finished'"),
        (lambda text: text.replace(",best_epoch,", ",epoch,"), "trial 1 in it: 'best_epoch'"),
        (lambda text: text.replace(",4,", ",four,", 1), "trial 1 in it"),
        (lambda text: text.replace("{", "", 1), "is not a table of trials"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_reason(damage, words: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = table.write(content(), tmp_path / "t.csv")
    path.write_text(damage(path.read_text()))
    with pytest.raises(UsageError) as caught:
        table.read(path)
    assert words in str(caught.value)
    assert "fix:" in str(caught.value)


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "missing.csv", "missing.parquet"])
def test_what_is_no_text_or_is_not_there_is_refused(name: str, tmp_path: Path) -> None:
    for one in ("t.parquet", "t.csv"):
        (tmp_path / one).write_bytes(b"\xff\xfe\x00PAR1")
    with pytest.raises(UsageError):
        table.read(tmp_path / name)


def test_a_link_stays_a_link_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    target, link = tmp_path / "kept" / "t.csv", tmp_path / "t.csv"
    target.parent.mkdir()
    target.write_text("old")
    link.symlink_to(target)
    table.write(content(), link)
    assert link.is_symlink()
    assert table.read(target) == table.read(link)
