"""The loop of a search over cells, and the file of its history."""

from __future__ import annotations

import gzip
import json
import re
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from rnnzoo.api.evolving import PreparedSearch
from rnnzoo.errors import SpecError, StoreError, UsageError
from rnnzoo.evolve.advance import Course
from rnnzoo.evolve.draw import first_cells
from rnnzoo.evolve.history import History
from rnnzoo.evolve.rows import Ended, Fate, Row, Trained, row_of
from rnnzoo.evolve.tally import Tally
from rnnzoo.launchers import Event, Launcher, Tell
from rnnzoo.report import search
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.seeds import uniform
from rnnzoo.spec.trial import Kind, Outcome, Trial
from rnnzoo.sweep.candidates import OpenedSearch, opened_search, unconfirmed
from rnnzoo.sweep.evolution import Evolution
from rnnzoo.sweep.recorded import (
    Recorder,
    about,
    begin_again,
    check,
    identity_of,
    left_behind,
    newest,
    others,
    rows_of,
)
from tests.faults.disks import fill, make_room, small
from tests.sweep.inline import InlineLauncher

SPEC = """\
experiment: cells
task: {name: parity, length: 4, train: 20, valid: 20, test: 20}
variants: [gru, lstm]
equal: weights
search: {space: {units: {choice: [14, 21]}, learning_rate: {choice: [0.001, 0.003]}}}
search_cells:
  filter: {task: {name: memorisation, train: 20, valid: 20, test: 20}, space: {units: 12}}
  generation: 3
  candidates: 5
  settings: 1
"""


def pretend(trial: Trial, tell: Tell) -> Outcome:
    """Scores by the cell; half of the candidates solve the filter."""
    score = 0.1 * uniform(trial.cell_hash + trial.task)
    scores = dict.fromkeys(("validation", "test"), score)
    return Outcome(
        Kind.COMPLETE, scores, weights={"recurrent": trial.units}, seconds={"total": 1.0}
    )


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenedSearch:
    monkeypatch.chdir(tmp_path)
    return opened_search(parse_experiment(SPEC, "cells.yaml", tmp_path))


@dataclass
class Killed(Exception):
    """What a kill is in this process."""


def evolution(opened: OpenedSearch, after: int = -1, launcher: Launcher | None = None) -> Evolution:
    """A run of the search, as it goes on.

    Args:
        after: rows, after which it is killed.
    """
    course = Course(opened.plan)
    if opened.history.exists():
        for row in rows_of(opened.history, opened.plan.identity):
            course.take(row)
    left = [after]

    def observe(row: Row) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    @contextmanager
    def launched(is_filter: bool) -> Iterator[Launcher]:
        yield launcher or InlineLauncher(pretend)

    recorder = Recorder.of(opened.history, opened.plan)
    return Evolution(opened, course, recorder, launched, observe)


def results(opened: OpenedSearch) -> list[dict[str, object]]:
    return History.of(rows_of(opened.history)).results()


@pytest.fixture
def whole(opened: OpenedSearch) -> list[dict[str, object]]:
    """The results of a search that nothing interrupted; its file is gone."""
    evolution(opened).run()
    found = results(opened)
    opened.history.unlink()
    return found


def test_a_search_killed_at_any_row_has_the_history_of_one_that_was_not(
    opened: OpenedSearch, whole: list[dict[str, object]]
) -> None:
    done, kills = False, 0
    while not done:
        try:
            evolution(opened, after=4).run()
            done = True
        except Killed:
            kills += 1
    assert kills > 3
    assert results(opened) == whole


def test_a_search_killed_at_each_of_its_first_rows_goes_on(
    opened: OpenedSearch, whole: list[dict[str, object]]
) -> None:
    for _ in range(12):
        with pytest.raises(Killed):
            evolution(opened, after=1).run()
    evolution(opened).run()
    assert results(opened) == whole


def test_a_line_that_was_cut_off_is_removed_and_run_again(
    opened: OpenedSearch, whole: list[dict[str, object]]
) -> None:
    evolution(opened).run()
    text = opened.history.read_bytes()
    for cut in (1, 40, 400):
        opened.history.write_bytes(text[:-cut])
        evolution(opened).run()
        assert results(opened) == whole


def test_a_history_that_is_left_behind_replaces_none_before_it_though_one_was_deleted(
    opened: OpenedSearch,
) -> None:
    evolution(opened).run()
    text = opened.history.read_bytes()
    for number in (1, 2):
        begin_again(opened.history, opened.plan, [])
        opened.history.write_bytes(text + b"\n" * number)
    first, second = reversed(left_behind(opened.history))
    first.unlink()
    kept = second.read_bytes()
    begin_again(opened.history, opened.plan, [])
    newest, other = left_behind(opened.history)
    assert (other, other.read_bytes()) == (second, kept)
    assert newest.read_bytes() == text + b"\n\n"


def test_a_line_that_is_damaged_is_named(opened: OpenedSearch) -> None:
    evolution(opened).run()
    lines = opened.history.read_text().splitlines()
    lines[4] = lines[4][:20]
    opened.history.write_text("\n".join(lines) + "\n")
    with pytest.raises(StoreError, match=r"line 5 of .*\.jsonl is no row of a search"):
        list(rows_of(opened.history))


def test_a_line_that_is_lost_is_named_or_made_good_where_anything_follows_from_it(
    opened: OpenedSearch,
) -> None:
    evolution(opened).run()
    lines = opened.history.read_text().splitlines(keepends=True)
    whole = History.of(rows_of(opened.history))
    refused: Counter[str] = Counter()
    for lost in range(1, len(lines)):
        opened.history.write_text("".join(lines[:lost] + lines[lost + 1 :]))
        row = row_of(json.loads(lines[lost]))
        try:
            evolution(opened).run()
        except StoreError as error:
            refused[type(row).__name__] += 1
            assert re.match(r"line \d+ of .* follows lines that are lost", str(error))
        else:
            assert results(opened) == whole.results() or is_matched(row, whole)
    assert refused["Drawn"] == len(whole.drawn)
    assert refused["Ended"]
    assert refused["Trained"]


def is_matched(row: Row, history: History) -> bool:
    """Whether it is a training of which another one of its stage is as good."""
    if not isinstance(row, Trained):
        return False
    stage = history.in_order(row.training.candidate, row.training.stage)
    return [each.score for each in stage].count(row.score) > 1


def test_a_history_that_has_lost_trainings_beside_the_best_has_a_page(
    opened: OpenedSearch,
) -> None:
    evolution(opened).run()
    rows = list(rows_of(opened.history))
    kept = [row for row in rows if not (isinstance(row, Trained) and row.training.index)]
    assert len(kept) < len(rows)
    assert Tally.of(History.of(kept))
    assert search.page(opened.plan.about, History.of(kept), Path("found"))


def test_a_history_without_a_whole_first_line_has_not_begun_and_the_search_begins_there(
    opened: OpenedSearch, whole: list[dict[str, object]]
) -> None:
    for begun in (b"", b'{"search": {"na'):
        opened.history.write_bytes(begun)
        assert newest(opened.runs) is None
        evolution(opened).run()
        assert results(opened) == whole


def test_a_full_disk_leaves_whole_lines_and_with_room_the_search_goes_on(
    opened: OpenedSearch, whole: list[dict[str, object]], tmp_path: Path
) -> None:
    with small(tmp_path / "runs" / "cells" / "cells", "200k") as disk:
        run = evolution(opened)
        fill(disk)
        with pytest.raises(OSError, match="No space left"):
            run.run()
        assert opened.history.read_bytes().endswith(b"\n")
        make_room(disk)
        evolution(opened).run()
        assert results(opened) == whole


def test_a_second_run_trains_nothing(opened: OpenedSearch) -> None:
    evolution(opened).run()
    again = evolution(opened, launcher=NoLauncher())
    again.run()
    assert not again.ran_out


class NoLauncher(InlineLauncher):
    """Refuses trials."""

    def __init__(self) -> None:
        super().__init__(pretend)

    def submit(self, trial: Trial) -> int:
        raise AssertionError("a trial was begun")


def test_when_its_time_is_over_nothing_begins_any_more(opened: OpenedSearch) -> None:
    run = evolution(opened, launcher=NoLauncher())
    run.ends_at = 0.0
    run.run()
    assert run.ran_out


@dataclass
class Away(InlineLauncher):
    """Has no room until it was waited for so many times, as a cluster that workers join later."""

    comes_after: int = 2
    asked: int = 0  # in vain

    def capacity(self) -> int:
        if not self.comes_after:
            return super().capacity()
        self.asked += 1
        assert self.asked < 100, "it is asked for room, and not waited for"
        return 0

    def wait(self, timeout: float | None = None) -> Event | None:
        if self.submitted:
            return super().wait(timeout)
        assert timeout is not None
        self.comes_after -= 1
        return None


@dataclass
class AskedToEnd(Away):
    """Nobody ever comes, and the end is asked for meanwhile."""

    comes_after: int = 10**9

    def wait(self, timeout: float | None = None) -> Event | None:
        signal.raise_signal(signal.SIGINT)
        return super().wait(timeout)


def test_a_search_waits_for_a_cluster_that_has_no_workers(
    opened: OpenedSearch, whole: list[dict[str, object]]
) -> None:
    evolution(opened, launcher=Away(pretend)).run()
    assert results(opened) == whole


def test_the_end_that_is_asked_for_comes_while_a_search_waits_for_workers(
    opened: OpenedSearch,
) -> None:
    with pytest.raises(KeyboardInterrupt):
        evolution(opened, launcher=AskedToEnd(pretend)).run()


def test_a_training_that_the_machine_interrupts_is_tried_again_and_at_last_ends_the_search(
    opened: OpenedSearch, whole: list[dict[str, object]]
) -> None:
    begun: set[str] = set()

    def interrupted(trial: Trial, tell: Tell) -> Outcome:
        if trial.key not in begun:
            begun.add(trial.key)
            return Outcome(Kind.INTERRUPTED, message="the disk is full\n  fix: make room")
        return pretend(trial, tell)

    evolution(opened, launcher=InlineLauncher(interrupted)).run()
    assert results(opened) == whole
    opened.history.unlink()
    always = Outcome(Kind.INTERRUPTED, message="the disk is full\n  fix: make room")
    with pytest.raises(StoreError, match="the disk is full"):
        evolution(opened, launcher=InlineLauncher(lambda trial, tell: always)).run()


def test_a_training_that_loses_workers_is_begun_again_each_time(
    opened: OpenedSearch, whole: list[dict[str, object]]
) -> None:
    begun: Counter[str] = Counter()

    def losing(trial: Trial, tell: Tell) -> Outcome:
        begun[trial.key] += 1
        if begun[trial.key] <= 5:
            return Outcome(Kind.INTERRUPTED, message="its worker was lost", retried=True)
        return pretend(trial, tell)

    evolution(opened, launcher=InlineLauncher(losing)).run()
    assert results(opened) == whole


def candidate_3_fails(trial: Trial, tell: Tell) -> Outcome:
    if trial.variant == "candidate_3":
        return Outcome(Kind.FAILED, message="ValueError: no")
    return pretend(trial, tell)


def test_a_training_that_fails_is_the_fate_of_its_candidate_and_of_nothing_else(
    opened: OpenedSearch,
) -> None:
    evolution(opened, launcher=InlineLauncher(candidate_3_fails)).run()
    failed = [
        row for row in rows_of(opened.history) if isinstance(row, Ended) and row.fate is Fate.FAILED
    ]
    assert [(row.number, row.reason) for row in failed] == [(3, "ValueError: no")]


def test_what_is_to_begin_again_is_not_taken_from_a_history_that_is_given(
    opened: OpenedSearch, tmp_path: Path
) -> None:
    evolution(opened, launcher=InlineLauncher(candidate_3_fails)).run()
    given = opened.history.rename(tmp_path / "given.jsonl")
    ready = PreparedSearch(opened, 1, source=[str(given)], again=(Kind.FAILED,))
    taken: list[Row] = []
    ready._take_over(Recorder.of(opened.history, opened.plan), taken.append)
    assert taken
    assert not any(isinstance(row, Trained) and row.kind is Kind.FAILED for row in taken)
    assert not any(isinstance(row, Ended) and row.number == 3 for row in taken)


def test_all_cells_have_as_many_weights_as_the_baseline(opened: OpenedSearch) -> None:
    run = evolution(opened)
    run.run()
    trainings = [row.training for row in run.course.history.in_order(0, "parity")]
    lstm = opened.trial(trainings[0], run.course.history.drawn[0])
    gru = opened.trial(trainings[0], run.course.history.drawn[1])
    assert (lstm.variant, gru.variant) == ("lstm", "gru")
    assert gru.units == trainings[0].setting["units"]
    assert lstm.units < gru.units  # it has four matrices where the GRU has three


def test_a_compressed_history_reads_as_the_file_does(opened: OpenedSearch, tmp_path: Path) -> None:
    evolution(opened).run()
    packed = tmp_path / "cells.jsonl.gz"
    packed.write_bytes(gzip.compress(opened.history.read_bytes()))
    assert list(rows_of(packed)) == list(rows_of(opened.history))


def test_a_history_of_another_search_is_refused(opened: OpenedSearch) -> None:
    evolution(opened).run()
    with pytest.raises(UsageError, match="is the history of another search"):
        list(rows_of(opened.history, "another"))
    with pytest.raises(UsageError, match=r"no file nowhere\.jsonl"):
        list(rows_of(Path("nowhere.jsonl")))


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("empty.jsonl", b"", "empty.jsonl is no history of a search over cells"),
        ("spec.yaml", b"experiment: small\n", "spec.yaml is no history of a search over cells"),
        ("other.json", b'{"a": 1}\n', "other.json is no history of a search over cells"),
        ("plain.jsonl.gz", b"no gzip\n", "plain.jsonl.gz is not a whole file of gzip"),
        ("cut.jsonl.gz", gzip.compress(b"{}\n" * 1000)[:25], "is not a whole file of gzip"),
        ("bytes.jsonl", b"\xff\xfe\n", "bytes.jsonl is not a text in UTF-8"),
        ("", b"", "no file"),
    ],
)
def test_a_file_that_is_no_history_is_refused(
    name: str, content: bytes, told: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if name:
        path.write_bytes(content)
    with pytest.raises((StoreError, UsageError), match=told):
        check(path, "")
    with pytest.raises((StoreError, UsageError), match=told):  # read before, to know its format
        identity_of(path)


def test_a_search_that_was_changed_begins_another_history(
    opened: OpenedSearch, tmp_path: Path
) -> None:
    evolution(opened).run()
    text = SPEC.replace("generation: 3", "generation: 2")
    changed = opened_search(parse_experiment(text, "cells.yaml", tmp_path))
    assert others(changed.history) == [opened.history]
    assert newest(opened.runs) == opened.history
    assert about(opened.history) == opened.plan.about


def test_an_experiment_without_a_search_over_cells_is_refused(tmp_path: Path) -> None:
    text = SPEC.partition("search_cells:")[0]
    with pytest.raises(UsageError, match="the experiment 'cells' searches no cells"):
        opened_search(parse_experiment(text, "cells.yaml", tmp_path))


def test_a_search_that_cannot_begin_is_refused_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    everything = "  parents: [gru]\n  forbid: [matmul]\n"
    with pytest.raises(SpecError, match=r"cells\.yaml:11:13: none of 300 mutants of cell 'gru'"):
        opened_search(parse_experiment(SPEC + everything, "cells.yaml", tmp_path))
    grammar = "  from: grammar\n  forbid: [matmul]\n"
    with pytest.raises(SpecError, match=r"cells\.yaml:6:1: none of 300 cells of the grammar"):
        opened_search(parse_experiment(SPEC + grammar, "cells.yaml", tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_sizes_that_the_confirming_sweep_refuses_are_refused_before_the_search(
    tmp_path: Path,
) -> None:
    text = SPEC.replace("[14, 21]", "[14, 16]")
    refused = r"cells\.yaml:4:8: `equal: weights`: lstm has no size .* with 16 units"
    with pytest.raises(SpecError, match=refused):
        opened_search(parse_experiment(text, "cells.yaml", tmp_path))
    text = SPEC + "  unseen: [{name: copy_memory, length: 10}]\n"
    with pytest.raises(SpecError, match=r"cells\.yaml:4:8: `equal: weights`: lstm on copy_memory"):
        opened_search(parse_experiment(text, "cells.yaml", tmp_path))


def test_a_cell_without_a_size_of_equal_weights_is_not_confirmed(
    opened: OpenedSearch, tmp_path: Path
) -> None:
    coarse = parse_experiment(SPEC.replace("[14, 21]", "[14, 16]"), "cells.yaml", tmp_path)
    of_coarse = replace(opened, plan=replace(opened.plan, experiment=coarse))
    lstm = next(first_cells(opened.plan))
    assert unconfirmed(opened, lstm, "cells_7") == ""
    assert "cells_7 has no size with as many" in unconfirmed(of_coarse, lstm, "cells_7")


def test_a_mutation_and_a_forbidden_part_that_mean_nothing_are_mistakes(tmp_path: Path) -> None:
    text = SPEC + "  mutations: [swap]\n  forbid: [tahn]\n"
    with pytest.raises(Exception, match="'swap' is not a mutation") as caught:
        opened_search(parse_experiment(text, "cells.yaml", tmp_path))
    assert "'tahn' is no operation" in str(caught.value)
    assert "cells.yaml:12:12" in str(caught.value)
