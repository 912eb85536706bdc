"""Tables of trials: written, read back, and good for the same report."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnzoo import report
from rnnzoo.errors import UsageError
from rnnzoo.report import table
from rnnzoo.report.table import TaskMetadata, TrialTable
from rnnzoo.spec.hyperparameters import HYPERPARAMETERS
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Ending, Kind, Outcome, Result, Trial
from rnnzoo.tasks import Split
from tests.report.test_report import SPEC, results, task
from tests.samples import examples

ODD = {"units": 7, "learning_rate": 0.1 + 0.2, "optimizer": "adam", "noise": 1e-17, "batch": 1}


def content() -> TrialTable:
    odd = Trial("gates", "lstm", "", "adding", 6, ODD, seed=0)
    failed = Outcome(Kind.FAILED, message='a "quoted", broken\nline; <b>')
    first, *others = results()
    stopped = replace(first, outcome=replace(first.outcome, ending=Ending.PATIENCE))
    rows = (stopped, *others, Result(odd, failed, "gates/lstm/adding/abc"))
    run_with = (
        {"Python": "3.11.7", "processor": "one"},
        {"Python": "3.12.1", "processor": "another"},
    )
    return TrialTable(
        "gates",
        {"adding": TaskMetadata.of(task())},
        {"gates/lstm/adding/abc": {"cell": "1f"}},
        rows,
        run_with,
    )


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_scores_by_length_survive_where_there_are_any(ending: str, tmp_path: Path) -> None:
    plain = content()
    first, *others = plain.results
    scores = {"40": 0.1 + 0.2, "80": 0.0}
    long = replace(first, outcome=replace(first.outcome, by_length=scores))
    path = table.write(replace(plain, results=(long, *others)), tmp_path / f"trials.{ending}")
    read = [result.outcome.by_length for result in table.read(path).results]
    assert read == [scores, *({} for _ in others)]
    assert "by_length" in table.columns([long, *others])
    assert "by_length" not in table.columns(plain.results)


@pytest.mark.parametrize("cell", ["40:", "40", "x:0.5", "40:nan", "40:0.5 80"])
def test_scores_by_length_that_are_none_are_refused(cell: str, tmp_path: Path) -> None:
    plain = content()
    first = plain.results[0]
    long = replace(first, outcome=replace(first.outcome, by_length={"40": 0.5}))
    path = table.write(replace(plain, results=(long,)), tmp_path / "trials.csv")
    path.write_text(path.read_text().replace("40:0.5", cell))
    with pytest.raises(UsageError, match="`by_length` is lengths with finite scores"):
        table.read(path)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_a_report_needs_survives_to_the_last_bit(ending: str, tmp_path: Path) -> None:
    written = content()
    read = table.read(table.write(written, tmp_path / f"deep/trials.{ending}"))
    assert (read.experiment, read.tasks, read.parts) == (
        written.experiment,
        written.tasks,
        written.parts,
    )
    assert read.provenance == written.provenance
    for before, after in zip(written.results, read.results, strict=True):
        assert (after.study, after.trial.index, after.trial.variant) == (
            before.study,
            before.trial.index,
            before.trial.variant,
        )
        assert dict(after.trial.hyperparameters) == dict(before.trial.hyperparameters)
        assert {name: type(value) for name, value in after.trial.hyperparameters.items()} == {
            name: type(value) for name, value in before.trial.hyperparameters.items()
        }
        assert (after.outcome.kind, after.outcome.message) == (
            before.outcome.kind,
            before.outcome.message,
        )
        assert (after.outcome.scores, after.outcome.best_epoch) == (
            before.outcome.scores,
            before.outcome.best_epoch,
        )
        assert after.outcome.ending is before.outcome.ending
        assert [point["validation"] for point in after.outcome.curve] == pytest.approx(
            [point["validation"] for point in before.outcome.curve], rel=1e-3
        )


@pytest.mark.parametrize(("written", "read"), [("True", True), ("FALSE", False), ("yes", None)])
def test_true_and_false_are_read_as_spreadsheets_write_them(
    written: str, read: bool | None, tmp_path: Path
) -> None:
    path = table.write(content(), tmp_path / "t.csv")
    path.write_text(path.read_text().replace("optimizer", "tie").replace("adam", written))
    if read is None:
        with pytest.raises(UsageError, match="`tie` is true or false, not 'yes'"):
            table.read(path)
    else:
        results = table.read(path).results
        assert {result.trial.hyperparameters.get("tie") for result in results} >= {read}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_report_from_a_table_has_the_numbers_of_that_from_the_storage(
    ending: str, tmp_path: Path
) -> None:
    experiment = parse_experiment(SPEC, "gates.yaml", Path())
    read = table.read(table.write(content(), tmp_path / f"t.{ending}"))
    first = report.summarise(experiment, content().results, {"adding": task()}, 7)
    second = report.summarise(experiment, read.results, read.tasks, 7)
    assert first.verdicts == second.verdicts
    assert report.numbers(first) == report.numbers(second)
    for before, after in zip(first.tables[0].rows, second.tables[0].rows, strict=True):
        assert replace(before, best=None) == replace(after, best=None)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_says_when_a_variant_was_stopped(ending: str, tmp_path: Path) -> None:
    stopped = {"gates/gru/adding/abc": "2026-11-28T08:20:31+01:00"}
    path = table.write(replace(content(), stopped=stopped), tmp_path / f"t.{ending}")
    assert table.read(path).stopped == stopped
    assert table.read(table.write(content(), path)).stopped == {}


@pytest.mark.parametrize("when", ["yesterday", 5, None])
def test_a_moment_that_is_none_is_refused(when: object, tmp_path: Path) -> None:
    stopped = {"gates/gru/adding/abc": when}
    path = table.write(replace(content(), stopped=stopped), tmp_path / "t.csv")
    with pytest.raises(UsageError, match="not a table of trials"):
        table.read(path)


def test_a_table_of_before_is_read_as_one_that_does_not_say_how_trainings_ended(
    tmp_path: Path,
) -> None:
    path = table.write(content(), tmp_path / "t.csv")
    note, *lines = path.read_text().splitlines()
    columns = lines[0].split(",")
    keep = [number for number, name in enumerate(columns) if name != "ending"]
    rows = csv.reader(lines)
    with path.open("w", newline="") as stream:
        stream.write(note.replace(', "solved": null', "") + "\n")
        csv.writer(stream).writerows([[row[number] for number in keep] for row in rows])
    read = table.read(path)
    assert {result.outcome.ending for result in read.results} == {Ending.UNKNOWN}
    assert read.tasks["adding"].solved is None
    assert len(read.results) == len(content().results)


def test_nothing_half_written_has_the_name_of_a_table(tmp_path: Path) -> None:
    path = table.write(content(), tmp_path / "t.csv")
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.csv"]
    assert path.read_text().startswith(table.MARK)


@pytest.mark.parametrize("ending", ["txt", ""])
def test_another_ending_is_refused(ending: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the ending is \.csv or \.parquet"):
        table.write(content(), tmp_path / f"t.{ending}")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: "", "its first line is empty"),
        (lambda text: "a,b\n1,2\n", "does not begin with `# rnnzoo trials 1`"),
        (lambda text: f'"{text}', "a program for spreadsheets has saved it"),
        (lambda text: text[:-4], "the last line does not end, so the file was cut off"),
        (lambda text: text[:40], "t.csv:1: the last line does not end"),
        (
            lambda text: "".join([*text.splitlines(True)[:3], "gates/lstm/adding/abc,adding\n"]),
            "t.csv:4: it has fewer cells than there are columns",
        ),
        (
            lambda text: text.replace("# rnnzoo trials 1", "# rnnzoo trials 2"),
            "another version of rnnzoo wrote it: it begins with `# rnnzoo trials 2 {",
        ),
        (lambda text: text.replace('"experiment"', '"experiments"'), "does not say 'experiment'"),
        (
            lambda text: text.replace(",complete,", ",finished,", 1),
            "t.csv:3: `kind` cannot be 'finished'",
        ),
        (lambda text: text.replace(",best_epoch,", ",epoch,"), "it has no column `best_epoch`"),
        (
            lambda text: text.replace(",4,", ",four,", 1),
            "t.csv:3: `units` is a whole number from 0 on, not 'four'",
        ),
        (
            lambda text: text.replace('"inputs": 1', '"inputs": "1"'),
            "`inputs` of the task adding cannot be '1'",
        ),
        (lambda text: text.replace("9.5}", "NaN}"), "`always 1` of the task adding cannot be nan"),
        (
            lambda text: text.replace('"inputs": 1', '"input": 1'),
            "unexpected keyword argument 'input'",
        ),
        (lambda text: text.replace("{", "", 1), "is not a table of trials"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_reason(
    damage, words: str, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    path = table.write(content(), tmp_path / "t.csv")
    path.write_text(damage(path.read_text()))
    with pytest.raises(UsageError) as caught:
        table.read(path)
    assert words in str(caught.value)
    assert "fix:" in str(caught.value)


def test_a_byte_order_mark_is_no_part_of_a_table(tmp_path: Path) -> None:
    path = table.write(content(), tmp_path / "t.csv")
    marked = tmp_path / "marked.csv"
    marked.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert table.read(marked) == table.read(path)


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "missing.csv", "missing.parquet"])
def test_what_is_no_text_or_is_not_there_is_refused(name: str, tmp_path: Path) -> None:
    for damaged_file in ("t.parquet", "t.csv"):
        (tmp_path / damaged_file).write_bytes(b"\xff\xfe\x00PAR1")
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


# ------------------------------------------------------------------ one row that is none

BAD = {
    "index": ({"trial": "-5"}, "`trial` is a whole number from 0 on, not '-5'"),
    "half an index": ({"trial": "1.5"}, "`trial` is a whole number from 0 on, not '1.5'"),
    "a huge index": ({"trial": "9" * 16}, "`trial` is a whole number from 0 on"),
    "no units": ({"units": "0"}, "`units` is at least 1, not '0'"),
    "negative units": ({"units": "-4"}, "`units` is a whole number from 0 on, not '-4'"),
    "a negative rate": ({"learning_rate": "-0.1"}, "`learning_rate` is above 0, not '-0.1'"),
    "a rate that is none": ({"learning_rate": "nan"},
        "`learning_rate` is a finite number, not 'nan'"),
    "another optimiser": ({"optimizer": "adan"}, "`optimizer` is one of a few words, not 'adan'"),
    "an infinite score": ({"test": "inf"}, "`test` is a finite number, not 'inf'"),
    "a score beyond numbers": ({"test": "1e400"}, "`test` is a finite number, not '1e400'"),
    "a score that is missing": ({"test": ""},
        "has a score on every split, and there is none for test"),
    "scores without complete": ({"kind": "diverged"},
        "a trial that is diverged has no scores, and there is one for train"),
    "a path for a variant": (
        {"study": "gates/../../x/adding/abc", "variant": "../../x"},
        "`study` is experiment/variant/task/hash"
    ),
    "dots for a variant": ({"study": "gates/../adding/abc", "variant": ".."},
        "'..' cannot be the label of a variant"),
    "another variant": ({"variant": "gru"},
        "`variant` 'gru' is not that of the study 'gates/lstm/adding/abc'"),
    "another experiment": ({"study": "other/lstm/adding/abc"}, "is not of the experiment 'gates'"),
    "another task": ({"study": "gates/lstm/xor/abc", "task": "xor"},
        "the table does not describe the task 'xor'"),
    "a hash that is none": ({"study": "gates/lstm/adding/<b>"},
        "`study` is experiment/variant/task/hash"),
    "an ending": ({"ending": "bored"}, "`ending` cannot be 'bored'"),
    "seconds": ({"seconds": "-1"}, "`seconds` is a finite number from 0 on, not '-1'"),
    "weights": ({"weights": "many"}, "`weights` is a whole number from 0 on, not 'many'"),
    "a curve": ({"curve": "0.5 x"}, "`curve` is numbers with blanks between them"),
}  # fmt: skip


def damaged(path: Path, changes: dict[str, str], row: int = 1) -> Path:
    """A row of a table with some cells changed."""
    note, *lines = path.read_text().splitlines(keepends=True)
    rows = list(csv.DictReader(lines))
    rows[row] |= changes
    with path.open("w", newline="") as stream:
        stream.write(note)
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize("case", BAD)
def test_a_row_that_export_cannot_have_written_is_refused_with_its_line(
    case: str, tmp_path: Path
) -> None:
    changes, words = BAD[case]
    path = damaged(table.write(content(), tmp_path / "t.csv"), changes)
    with pytest.raises(UsageError) as caught:
        table.read(path)
    assert str(caught.value).startswith(f"{path}:4: ")
    assert words in str(caught.value)
    assert "\n  fix: correct or delete this row" in str(caught.value)


def test_a_row_that_is_repeated_is_refused_with_both_lines(tmp_path: Path) -> None:
    path = damaged(table.write(content(), tmp_path / "t.csv"), {"trial": "4"})
    with pytest.raises(
        UsageError, match=r"t.csv:7: trial 4 of gates/lstm/adding/abc is there already, at 4\n"
    ):
        table.read(path)


def test_two_tables_in_one_file_are_refused_where_the_second_begins(tmp_path: Path) -> None:
    text = table.write(content(), tmp_path / "t.csv").read_text()
    both = tmp_path / "both.csv"
    both.write_text(2 * text)
    with pytest.raises(UsageError) as caught:
        table.read(both)
    assert str(caught.value) == (
        f"{both}:{text.count(chr(10)) + 1}: another table begins here\n"
        "  fix: leave tables as they are, and pool them: `rnnzoo merge OUT TABLE TABLE`"
    )


def test_a_row_after_a_message_of_several_lines_is_named_by_its_own_line(tmp_path: Path) -> None:
    path = damaged(
        table.write(content(), tmp_path / "t.csv"),
        {"message": "one\ntwo\nthree", "kind": "complete"},
    )
    damaged(path, {"trial": "-1"}, row=2)
    lines = path.read_text().splitlines()
    with pytest.raises(UsageError) as caught:
        table.read(path)
    line = int(str(caught.value).partition("t.csv:")[2].partition(":")[0])
    assert lines[line - 1].startswith("gates/lstm/adding/abc,adding,lstm,-1,")


def test_a_parquet_table_is_looked_at_likewise(tmp_path: Path) -> None:
    whole = content()
    first, second, *others = whole.results
    wrong = replace(
        second,
        outcome=replace(second.outcome, scores={**second.outcome.scores, "test": float("inf")}),
    )
    path = table.write(replace(whole, results=(first, wrong, *others)), tmp_path / "t.parquet")
    with pytest.raises(UsageError, match=r"t.parquet:2: `test` is a finite number, not inf"):
        table.read(path)
    outcome = replace(first.outcome, message=7)  # type: ignore[arg-type]
    path = table.write(
        replace(whole, results=(replace(first, outcome=outcome),)), tmp_path / "t.parquet"
    )
    with pytest.raises(UsageError, match=r"t.parquet:1: `message` is a text, not 7"):
        table.read(path)
    path = table.write(replace(whole, results=(first, first)), tmp_path / "t.parquet")
    with pytest.raises(UsageError, match=r"t.parquet:2: trial 0 of .* is there already, at 1"):
        table.read(path)


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_table_that_was_changed_anywhere_is_read_to_legal_trials_or_refused_in_words(
    data: st.DataObject, tmp_path: Path
) -> None:
    path = table.write(content(), tmp_path / "t.csv")
    lines = path.read_text().splitlines(keepends=True)
    number = data.draw(st.integers(0, len(lines) - 1))
    change = data.draw(st.sampled_from(("cell", "repeat", "drop", "cut", "byte")))
    if change == "cell":
        cells_ = lines[number].rstrip("\n").split(",")
        cells_[data.draw(st.integers(0, len(cells_) - 1))] = data.draw(
            st.sampled_from(CELLS) | st.text(max_size=4)
        )
        lines[number] = ",".join(cells_) + "\n"
    elif change == "repeat":
        lines.insert(number, lines[number])
    elif change == "drop":
        del lines[number]
    elif change == "cut":
        lines = [*lines[:number], lines[number][: data.draw(st.integers(0, 60))]]
    else:
        column = data.draw(st.integers(0, max(0, min(80, len(lines[number]) - 2))))
        lines[number] = (
            lines[number][:column]
            + data.draw(st.characters(max_codepoint=255))
            + lines[number][column + 1 :]
        )
    path.write_text("".join(lines), newline="")
    try:
        read = table.read(path)
    except UsageError as error:
        assert "t.csv" in str(error)
        assert "fix:" in str(error)
        return
    keys = [(result.study, result.trial.index) for result in read.results]
    assert len(set(keys)) == len(keys)
    for result in read.results:
        assert result.trial.index >= 0
        assert bool(result.outcome.scores) == (result.outcome.kind is Kind.COMPLETE)
        assert all(math.isfinite(score) for score in result.outcome.scores.values())
        assert not any(
            HYPERPARAMETERS[name].legal.problem(value)
            for name, value in result.trial.hyperparameters.items()
        )
        assert ".." not in result.study.split("/")
    experiment = parse_experiment(SPEC, "gates.yaml", Path())
    if set(read.tasks) == {"adding"}:
        report.summarise(experiment, read.results, read.tasks, 7)


CELLS = (
    "", "-5", "0", "nan", "inf", "-inf", "1e400", "NaN", "1_000", "7.0", " 7", "../../x",
    "gates/../adding/abc", '"', "{}", "complete", "diverged", "lstm~1", "gates/lstm~1/adding/abc",
    "\u0663", "1e-400", "[]", "True",
)  # fmt: skip


def test_a_table_that_is_not_there_is_answered_with_those_of_similar_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "results/gates.csv").write_text("")
    with pytest.raises(UsageError) as caught:
        table.read(Path("gate.csv"))
    assert (caught.value.problem, caught.value.fix) == (
        "there is no file gate.csv",
        "did you mean 'results/gates.csv'?",
    )


def test_what_is_counted_in_the_data_survives_and_heads_the_report(tmp_path: Path) -> None:
    labels = np.array([0, 1, 1, 1], np.int32)
    lengths = np.array([1, 3, 2, 2], np.int32)
    split = Split(np.zeros((4, 4, 1)), labels, lengths)
    named = replace(
        task(),
        splits=dict.fromkeys(table.SPLITS, split),
        loss="categorical",
        outputs=2,
        classes=("ill", "<b>well"),
    )
    tasks = {"adding": TaskMetadata.of(named)}
    read = table.read(table.write(replace(content(), tasks=tasks), tmp_path / "trials.csv"))
    experiment = parse_experiment(SPEC, "gates.yaml", Path())
    for known in (named, read.tasks["adding"]):
        summarised = report.summarise(experiment, results(), {"adding": known}, 6)
        train = (summarised.tables[0].data or {})["splits"]["train"]
        assert train == {
            "sequences": 4,
            "steps": 8,
            "lengths": [1, 2.0, 3],
            "padding": 0.5,
            "classes": {"ill": 1, "<b>well": 3},
        }
    report.write(summarised, {}, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "<summary>Data: 4 train, 4 validation, 4 test sequences</summary>" in page
    assert "<td>&lt;b&gt;well</td><td>3</td><td>3</td><td>3</td>" in page


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"sequences": 1', '"sequences": "1"'),
        ('"padding": 0.0', '"padding": null'),
        ('"lengths": [1, 1.0, 1]', '"lengths": [1, 1.0]'),
        ('"answers": 1', '"answers": [1]'),
        ('"range": [0.0, 0.0, 0.0]', '"range": [0.0, 0.0, NaN]'),
        ('"data": {', '"data": 3, "more": {'),
        ('"validation": {"seq', '"valid": {"seq'),
    ],
)
def test_counts_of_data_that_no_report_can_show_are_refused(
    before: str, after: str, tmp_path: Path
) -> None:
    path = table.write(content(), tmp_path / "trials.csv")
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    with pytest.raises(UsageError, match="is not a table of trials"):
        table.read(path)
