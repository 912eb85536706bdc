"""The command `evolve`, in a project of its own: trainings of the filter, which are real."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest

from rnnzoo import api, launchers
from rnnzoo.api import evolving
from rnnzoo.evolve import found
from rnnzoo.evolve.history import History
from rnnzoo.evolve.rows import Trained
from rnnzoo.launchers import Tell
from rnnzoo.launchers.local import LocalLauncher
from rnnzoo.spec import settings as config
from rnnzoo.spec.experiment import Resources
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Kind, Outcome, Trial
from rnnzoo.sweep.candidates import OpenedSearch
from rnnzoo.sweep.recorded import rows_of
from rnnzoo.sweep.search import Store
from rnnzoo.trackers.memory import MemoryTracker
from tests.cli.test_commands import SPEC as OTHER
from tests.command import before_a_trial, during_a_trial, rnnzoo
from tests.evolve.worlds import SPEC, plan, searched
from tests.sweep.inline import InlineLauncher
from tests.sweep.test_evolution import SPEC as CELLS
from tests.sweep.test_evolution import pretend

SMALL = """\
experiment: small
task: parity
variants: [gru, lstm]
search_cells:
  filter:
    task: {name: memorisation, items: 1, symbols: 2, train: 20, valid: 20, test: 20}
    space: {units: 4}
    training: {epochs: 2}
  generation: 2
  candidates: 3
  settings: 0
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(SMALL)
    return tmp_path


def test_a_search_runs_says_where_to_look_and_is_done_the_second_time(folder: Path) -> None:
    first = rnnzoo("evolve", "small.yaml", "--workers", "1", cwd=folder)
    assert first.returncode == 0, first.stderr
    assert "small: 3 candidates from lstm and gru, through the filter, 1 at a time" in first.stdout
    assert "3 trained" in first.stdout
    (history,) = (folder / "runs/small/cells").glob("*.jsonl")
    kinds = {row.kind for row in rows_of(history) if isinstance(row, Trained)}
    assert Kind.FAILED not in kinds
    assert (folder / "runs/small/report/search.html").is_file()
    with mock.patch.object(LocalLauncher, "submit", side_effect=AssertionError("a training")):
        again = rnnzoo("evolve", "small.yaml", "--json", cwd=folder)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["trained"] == 3
    assert "3 candidates done already" in again.stderr
    with mock.patch.object(LocalLauncher, "submit", side_effect=AssertionError("a training")):
        fewer = rnnzoo("evolve", "small.yaml", "--candidates", "2", cwd=folder)
    assert fewer.returncode == 0, fewer.stderr
    told = re.sub(r"\s+", " ", fewer.stdout)
    assert "3 candidates done already, more than 2, so that nothing is trained" in told
    assert "`--candidates 4` or more goes on" in told


def test_status_and_report_say_how_far_a_search_is(folder: Path) -> None:
    before_a_trial("evolve", "small.yaml", cwd=folder)
    for command in ("status", "report"):
        done = rnnzoo(command, "small.yaml", cwd=folder)
        assert done.returncode == 0, done.stderr
        assert "search over cells: 0 of 3 candidates, generation 1" in done.stdout


def test_the_report_of_a_search_needs_no_sweep_of_its_own_where_others_were_run(
    folder: Path,
) -> None:
    before_a_trial("evolve", "small.yaml", cwd=folder)
    storage = folder / "runs/optuna.db"
    Store(f"sqlite:///{storage}")
    assert storage.is_file()
    done = rnnzoo("report", "small.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "page: runs/small/report/search.html" in done.stdout


def test_ctrl_c_says_how_to_go_on(folder: Path) -> None:
    said = before_a_trial("evolve", "small.yaml", cwd=folder)
    assert "rnnzoo evolve small.yaml goes on" in said


def test_ctrl_c_says_what_begins_anew(folder: Path) -> None:
    told = during_a_trial("evolve", "small.yaml", "--workers", "1", cwd=folder)
    assert "1 training that ran begins anew; rnnzoo evolve small.yaml goes on" in re.sub(
        r"\s+", " ", told
    )


def test_a_history_that_another_search_went_on_with_while_it_was_read_stays_as_it_is(
    folder: Path,
) -> None:
    assert rnnzoo("evolve", "small.yaml", cwd=folder).returncode == 0
    (history,) = (folder / "runs/small/cells").glob("*.jsonl")
    complete = history.read_bytes()
    history.write_bytes(b"".join(complete.splitlines(keepends=True)[:-1]))

    @contextmanager
    def later(*_: object) -> Iterator[None]:
        history.write_bytes(complete)  # another search ends, and lets the lock go
        yield

    with mock.patch.object(evolving, "held", later):
        done = rnnzoo("evolve", "small.yaml", cwd=folder)
    assert done.returncode == 1
    assert re.sub(r"\s+", " ", done.stderr).endswith(
        "has written to runs/small/cells/"
        f"{history.name} while it was read fix: give the same command again "
    )
    assert history.read_bytes() == complete


def test_more_candidates_are_a_total(folder: Path) -> None:
    said = before_a_trial("evolve", "small.yaml", "--candidates", "7", cwd=folder)
    assert "small: 7 candidates" in said


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--hours", "0"], "--hours: must be a number above 0, not '0'"),
        (["--workers", "0"], "--workers: must be a whole number from 1 on, not 0"),
        (["--candidates", "0"], "--candidates: must be a whole number from 1 on, not 0"),
        (["--from", "nowhere.jsonl"], "no file nowhere.jsonl"),
        (["--from", "small.yaml"], "small.yaml is no history of a search over cells"),
        (["--again", "faild"], "--again faild: no trials that are begun again"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    folder: Path, words: list[str], problem: str
) -> None:
    done = rnnzoo("evolve", "small.yaml", *words, cwd=folder)
    assert done.returncode == 2
    assert problem in done.stderr


def test_an_experiment_without_a_search_is_told_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(OTHER)
    done = rnnzoo("evolve", "other.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "searches no cells" in done.stderr


def test_files_of_the_best_cells_are_never_written_over_others_and_over_our_own_when_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    of = plan(SPEC)
    ready = mock.Mock()
    ready.opened.plan = of
    course = evolving.Course(of)
    for row in searched(of):
        course.take(row)
    ready.course = course
    paths, left = evolving.written(ready, lambda path: False)
    assert not left
    mine, other, *_ = paths
    own = mine.read_text()
    mine.write_text(own + "# changed\n")
    other.write_text("name: of_somebody\n")
    _, left = evolving.written(ready, lambda path: False)
    assert left == [
        f"{mine} stays as it is; --force writes over it",
        f"{other} is not of this search, and stays as it is",
    ]
    evolving.written(ready, lambda path: True)
    assert mine.read_text() == own
    assert other.read_text() == "name: of_somebody\n"
    out = found.best(course.history)[0].number
    with mock.patch.object(
        evolving, "unconfirmed", lambda opened, drawn, label: "no" * (drawn.number == out)
    ):
        paths, left = evolving.written(ready, lambda path: True)
    assert "not in the sweep that confirms: no" in left
    assert f"cell: small_{out}.yaml" not in paths[-1].read_text()
    assert (paths[-1].parent / f"small_{out}.yaml").is_file()


def test_the_tracker_has_the_survivors_and_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kept = MemoryTracker()
    monkeypatch.setattr(evolving.root, "tracker", lambda settings: kept)
    read = parse_experiment(SPEC, "small.yaml", tmp_path)
    opened = OpenedSearch(
        plan(SPEC),
        {task: mock.Mock(digest="", inputs=2) for task in ("parity", "adding")},
        {task.label: task for task in read.tasks},
    )
    ready = mock.Mock(opened=opened, course=evolving.Course(opened.plan))
    for row in searched(opened.plan):
        ready.course.take(row)
    assert evolving.track(ready) == "in memory only"
    evolving.track(ready)  # a second time it has them
    best = found.best(ready.course.history, opened.plan.search.population)
    recorded = [(each.trial.variant, each.key.task) for each in kept.results("small_cells")]
    assert sorted(recorded) == sorted(
        (f"candidate_{each.number}", task) for each in best for task in ("parity", "adding")
    )
    scores = {each.trial.variant: each.outcome.scores for each in kept.results("small_cells")}
    assert all(set(given) == {"validation", "test"} for given in scores.values())


def test_from_python_a_search_returns_what_it_has_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    @contextmanager
    def launched(**_: object) -> Iterator[InlineLauncher]:
        yield InlineLauncher(pretend)

    monkeypatch.setattr(evolving.root, "launched_filter", launched)
    monkeypatch.setattr(evolving.root, "launched", launched)
    first = api.evolve(CELLS)
    assert first.is_done
    assert first.page is not None
    assert first.page.is_file()
    assert list(first.fitness.values()) == sorted(first.fitness.values(), reverse=True)
    name, cell = next(iter(first.best.items()))
    assert cell.ir.name == name
    more = api.evolve(CELLS, candidates=7)
    assert more.file == first.file
    assert len(more.history.drawn) > len(first.history.drawn)


def test_trainings_that_failed_begin_once_more_and_nothing_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trained: list[str] = []
    hit = "candidate_3"  # of the first generation of two

    def faulty(trial: Trial, tell: Tell) -> Outcome:
        trained.append(trial.variant)
        if trial.variant == hit and is_broken:
            return Outcome(Kind.FAILED, message="a fault of ours")
        return pretend(trial, tell)

    @contextmanager
    def launched(**_: object) -> Iterator[InlineLauncher]:
        yield InlineLauncher(faulty)

    monkeypatch.setattr(evolving.root, "launched_filter", launched)
    monkeypatch.setattr(evolving.root, "launched", launched)
    (tmp_path / "cells.yaml").write_text(CELLS)
    is_broken = False
    whole = api.evolve("cells.yaml")
    whole.file.unlink()
    is_broken = True
    failed = rnnzoo("evolve", "cells.yaml", cwd=tmp_path)
    assert "1 training is failed; `--again failed` begins it once more" in failed.stdout
    is_broken = False
    trained.clear()
    mended = rnnzoo("evolve", "cells.yaml", "--again", "failed", cwd=tmp_path)
    assert "1 training begins once more; the history as it was stays beside it" in mended.stdout
    assert trained.count(hit) >= 1
    assert len(trained) < len([row for row in rows_of(whole.file) if isinstance(row, Trained)])
    assert History.of(rows_of(whole.file)).results() == whole.history.results()
    (left_behind,) = whole.file.parent.glob("*.earlier-1")
    kinds = {row.kind for row in rows_of(left_behind) if isinstance(row, Trained)}
    assert Kind.FAILED in kinds
    trained.clear()
    api.evolve("cells.yaml", again="failed")
    assert not trained
    assert len([*whole.file.parent.glob("*.earlier-*")]) == 1


def test_machines_of_a_cluster_are_compared_by_what_the_filter_computes_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[launchers.Setup] = []

    def made(chosen: object, setup: launchers.Setup) -> InlineLauncher:
        given.append(setup)
        return InlineLauncher(pretend)

    monkeypatch.setattr(launchers, "make", made)
    with evolving.root.launched_filter(1, tmp_path, Resources(), config.LOCAL):
        about = given[0].remote.about()
    assert {"numpy", "processor", "Python", "system"} <= set(about)
    assert not {"tensorflow", "keras", "jax"} & set(about)
    assert pickle.loads(pickle.dumps(given[0].remote.about))() == about
