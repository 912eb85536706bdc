"""Tables of several machines as one."""

from __future__ import annotations

import contextlib
import math
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from rnnzoo.api import sources
from rnnzoo.errors import UsageError
from rnnzoo.report import table
from rnnzoo.report.pool import is_exact, pooled, renamed
from rnnzoo.report.table import TrialTable
from rnnzoo.spec.settings import sqlite_url
from rnnzoo.spec.trial import Ending, Kind, Outcome, Result
from rnnzoo.sweep.database import is_foreign
from rnnzoo.sweep.search import Store
from tests.command import rnnzoo
from tests.report.test_table import content


def part(number: int, of: int) -> TrialTable:
    """A shard of the table."""
    whole = content()
    own = [result for result in whole.results if result.trial.index % of == number]
    return replace(whole, results=tuple(own))


def written(folder: Path, **tables: TrialTable) -> dict[str, TrialTable]:
    """Tables as they are read again, by path."""
    paths = [table.write(held, folder / f"{name}.csv") for name, held in tables.items()]
    return {str(path): table.read(path) for path in paths}


def with_first(held: TrialTable, **changes: object) -> TrialTable:
    """A table whose first result has another outcome."""
    first, *others = held.results
    return replace(
        held, results=(replace(first, outcome=replace(first.outcome, **changes)), *others)
    )


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_shards_together_are_the_whole_table_in_whatever_order(ending: str, tmp_path: Path) -> None:
    whole = content()
    ordered = replace(whole, results=table.in_order(whole.results))
    expected = table.write(ordered, tmp_path / f"whole.{ending}").read_bytes()
    paths = [table.write(part(number, 3), tmp_path / f"{number}.{ending}") for number in range(3)]
    for order in (paths, paths[::-1]):
        tables = {str(path): table.read(path) for path in order}
        assert sum(len(held.results) for held in tables.values()) == len(whole.results)
        pool = pooled(tables)
        out = table.write(pool.content, tmp_path / f"out.{ending}")
        assert out.read_bytes() == expected
        assert (pool.repeated, pool.recovered) == (0, ())


def test_trials_that_two_tables_have_are_there_once(tmp_path: Path) -> None:
    whole = content()
    pool = pooled(written(tmp_path, a=whole, b=part(0, 2)))
    assert len(pool.content.results) == len(whole.results)
    assert pool.repeated == len(part(0, 2).results)
    assert pool.content.provenance == whole.provenance


def test_what_one_machine_could_not_run_counts_as_another_ended_it(tmp_path: Path) -> None:
    failed = Outcome(Kind.OUT_OF_MEMORY, message="it held more than 500 MiB of memory")
    whole = content()
    first, *others = whole.results
    poor = replace(whole, results=(replace(first, outcome=failed), *others))
    for tables in ({"a": poor, "b": whole}, {"a": whole, "b": poor}):
        pool = pooled(written(tmp_path, **tables))
        assert pool.recovered == ("trial 0 of lstm on adding",)
        (counted,) = (r for r in pool.content.results if (r.study, r.trial.index) == key(first))
        assert counted.outcome.kind is Kind.COMPLETE


def test_a_trial_that_two_machines_could_not_run_is_told_once(tmp_path: Path) -> None:
    failed = Outcome(Kind.OUT_OF_MEMORY, message="it held more than 500 MiB of memory")
    whole = content()
    first, *others = whole.results
    poor = replace(whole, results=(replace(first, outcome=failed), *others))
    pool = pooled(written(tmp_path, a=whole, b=poor, c=poor))
    assert pool.recovered == ("trial 0 of lstm on adding",)


def key(result: Result) -> tuple[str, int]:
    return result.study, result.trial.index


@pytest.mark.parametrize(("changes", "said"), [
    ({"scores": {"train": 0.1, "validation": 0.25, "test": 0.3}}, "validation"),
    ({"best_epoch": 99}, "best_epoch"),
    ({"kind": Kind.DIVERGED, "scores": {}}, "kind"),
    ({"ending": Ending.EPOCHS}, "ending"),
    ({"weights": {"recurrent": 9, "model": 99}}, "weights"),
    ({"weights": {"recurrent": 40, "model": 99}}, "weights_model"),
    ({"message": "not among the best 3"}, "message"),
    ({"curve": ({"validation": 0.72}, {"validation": 0.0})}, "a curve of"),
])  # fmt: skip
def test_two_outcomes_of_one_trial_are_told_with_both_values_and_places(
    changes: Mapping[str, object], said: str, tmp_path: Path
) -> None:
    whole = content()
    other = with_first(whole, **changes)
    names = {"train": "train", **{said: said}}
    with pytest.raises(UsageError) as caught:
        pooled(written(tmp_path, a=replace(whole, results=whole.results[::-1]), b=other))
    text = str(caught.value)
    last = len(whole.results) + 2  # the head, and the names of the columns
    assert "1 trial has different outcomes in two tables" in text
    assert any(f"trial 0 of lstm on adding: {name} " in text for name in names)
    assert f"in {tmp_path}/a.csv:" in text
    assert f"in {tmp_path}/b.csv:3\n" in text
    assert table.read(tmp_path / "a.csv").places[-1] >= last


def test_two_curves_of_one_trial_are_compared_to_the_digits_that_all_tables_have() -> None:
    whole = with_first(content(), curve=({"validation": 0.7234567}, {"validation": math.nan}))
    rounded = with_first(whole, curve=({"validation": 0.7235}, {"validation": math.nan}))
    for tables in ({"a": whole, "b": rounded}, {"a": rounded, "b": whole}):
        (first,) = (r for r in pooled(tables).content.results if key(r) == key(whole.results[0]))
        assert first.outcome.curve[0]["validation"] == 0.7234567
    other = with_first(whole, curve=({"validation": 0.7235}, {"validation": 0.5}))
    with pytest.raises(UsageError, match=r"curve at epoch 2: nan in a, 0\.5 in b"):
        pooled({"a": whole, "b": other})


def test_what_a_table_of_before_does_not_say_is_taken_from_another() -> None:
    whole = with_first(content(), also={"f1": 0.5})
    before = with_first(whole, ending=Ending.UNKNOWN, also={})
    for tables in ({"a": whole, "b": before}, {"a": before, "b": whole}):
        (first,) = (r for r in pooled(tables).content.results if key(r) == key(whole.results[0]))
        assert (first.outcome.ending, first.outcome.also) == (Ending.PATIENCE, {"f1": 0.5})
    with pytest.raises(UsageError, match=r"f1 0\.5 in a, 0\.4 in b"):
        pooled({"a": whole, "b": with_first(whole, also={"f1": 0.4})})


def test_of_many_conflicts_some_are_shown(tmp_path: Path) -> None:
    whole = content()
    complete = [result for result in whole.results if result.outcome.kind is Kind.COMPLETE]
    other = [replace(result, outcome=replace(result.outcome, best_epoch=99)) for result in complete]
    with pytest.raises(UsageError, match=f"{len(other)} trials have different .*") as caught:
        pooled({"a": whole, "b": replace(whole, results=tuple(other))})
    assert str(caught.value).count("best_epoch") == 5
    assert f"and {len(other) - 5} more" in str(caught.value)


def test_tables_of_two_experiments_are_refused_unless_one_is_renamed() -> None:
    whole = content()
    other = renamed(whole, "doors")
    assert {result.key.experiment for result in other.results} == {"doors"}
    with pytest.raises(UsageError, match=r"a holds trials of 'gates', and b of 'doors'"):
        pooled({"a": whole, "b": other})
    assert pooled({"a": whole, "b": renamed(other, "gates")}).content.results


@pytest.mark.parametrize(("parts", "said"), [
    ({"cell": "1f", "data": "22", "training": "3"}, "data and training"),
    (None, "experiment"),
])  # fmt: skip
def test_tables_of_two_editions_are_refused_with_what_differs(
    parts: Mapping[str, str] | None, said: str
) -> None:
    study, other = "gates/lstm/adding/abc", "gates/lstm/adding/def"
    whole = replace(content(), parts={study: {"cell": "1f", "data": "2", "training": "33"}})
    own = [replace(r, study=other) for r in whole.results if r.study == study]
    edited = replace(whole, results=tuple(own), parts={other: parts} if parts else {})
    with pytest.raises(
        UsageError, match=f"a and b hold trials of lstm on adding .* another {said}"
    ):
        pooled({"a": whole, "b": edited})


def test_curves_stay_as_exact_as_they_were(tmp_path: Path) -> None:
    curve = ({"epoch": 1, "validation": 0.123456789},)
    exact = with_first(content(), curve=curve)
    for digits in (True, False):
        path = table.write(exact, tmp_path / "t.csv", exact=digits)
        assert is_exact(table.read(path)) is digits
    diverged = with_first(content(), curve=({"epoch": 1, "validation": math.nan},))
    assert not is_exact(replace(diverged, results=diverged.results[:1]))


# ------------------------------------------------------------------ the command


def test_merge_writes_a_table_and_says_what_it_holds(tmp_path: Path) -> None:
    written(tmp_path, a=part(0, 2), b=part(1, 2), c=part(0, 2))
    done = rnnzoo("merge", "all.csv", "a.csv", "b.csv", "c.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    whole = content().results
    studies = len({result.study for result in whole})
    assert done.stdout.splitlines() == [
        f"all.csv: {len(whole)} trials of {studies} studies, of 3 sources",
        f"{len(part(0, 2).results)} trials are in more than one, and once in all.csv",
    ]
    before = (tmp_path / "all.csv").read_bytes()
    refused = rnnzoo("merge", "all.csv", "a.csv", cwd=tmp_path)
    assert refused.returncode == 2
    assert "all.csv is there already\n  fix: first the name" in refused.stderr
    assert (tmp_path / "all.csv").read_bytes() == before
    assert rnnzoo("merge", "all.csv", "a.csv", "--force", cwd=tmp_path).returncode == 0


def test_a_table_that_is_read_is_not_written_over(tmp_path: Path) -> None:
    written(tmp_path, a=part(0, 2), b=part(1, 2))
    before = (tmp_path / "a.csv").read_bytes()
    refused = rnnzoo("merge", "./a.csv", "a.csv", "b.csv", "--force", cwd=tmp_path)
    assert refused.returncode == 2
    assert "a.csv would be written, and is among the tables that are pooled" in refused.stderr
    assert (tmp_path / "a.csv").read_bytes() == before


@pytest.mark.parametrize(("arguments", "said"), [
    (("no.csv",), "no file no.csv"),
    ((".",), ". is a storage, which does not say what its tasks are\n  fix: name the experiment"),
])  # fmt: skip
def test_a_source_that_is_none_is_told(
    arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    (tmp_path / "runs").mkdir()
    with contextlib.closing(sqlite3.connect(tmp_path / "runs/optuna.db")) as storage:
        storage.executescript("create table studies (name text); create table trials (name text)")
    done = rnnzoo("merge", "all.csv", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "all.csv").exists()


@pytest.mark.parametrize(("source", "said"), [
    ("sqlite:///nope.db", "is no storage: there is no file nope.db"),
    ("nope.db", "nope.db is no storage: there is no file nope.db"),
    ("folder", "folder is no storage: there is no file folder/runs/optuna.db"),
    ("sqlite:///other.db", "other.db is a database without trials"),
    ("empty.db", "empty.db is a database without trials"),
])  # fmt: skip
def test_a_storage_that_is_none_is_told_and_nothing_is_made(
    source: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.db").touch()
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("create table cats (name text)")
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    done = rnnzoo("merge", "all.csv", source, "--spec", "small.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == before


def test_of_a_folder_with_tables_their_names_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/a.csv").touch()
    done = rnnzoo("merge", "all.csv", "tables", "--spec", "small.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "fix: tables in it are named one by one, as by tables/*.csv\n" in done.stderr


def test_a_storage_of_ours_is_not_foreign(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "a%b.db")
    Store(url)
    assert not is_foreign(url)


def test_mlflow_is_read_by_itself() -> None:
    assert sources.is_tracker(["mlflow"])
    assert not sources.is_tracker(["a.csv", "b.csv"])
    with pytest.raises(UsageError, match="from mlflow or from tables, not from both"):
        sources.is_tracker(["a.csv", "mlflow"])


def test_what_a_tracker_holds_is_read_in_the_order_of_a_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pilot and a round of one index have one trial's place for a tracker."""
    first = content().results[0]
    ordered = [
        replace(first, study=f"{first.key.experiment}/a{mark}/{first.key.task}/abc")
        for mark in ("", "~pilot", "~round", "~1")
    ]
    tracker = SimpleNamespace(results=lambda name: [*reversed(ordered)])
    monkeypatch.setattr("rnnzoo.api.root.existing_tracker", lambda settings: tracker)
    assert [*sources.tracked(first.key.experiment)] == ordered
