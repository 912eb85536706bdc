"""How fast variants train side by side, as a sweep measures, keeps and reports it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rnnzoo import report
from rnnzoo.errors import UsageError
from rnnzoo.report import paper, table
from rnnzoo.report.table import TaskMetadata
from rnnzoo.spec.timing import ROUNDS, Side, Timing
from rnnzoo.sweep import speed
from rnnzoo.sweep.measure import Cost
from rnnzoo.sweep.run import Sweep
from tests.report.test_report import task
from tests.sweep.loop import Quiet, sweep
from tests.sweep.work import paced, paced_until_the_end

pytestmark = pytest.mark.usefixtures("shared_fork_servers")
SPEC = """\
experiment: loop
task: adding
variants: [lstm, rnn, gru]
search: {trials: 3, space: {units: {int: [4, 16]}, learning_rate: {float: [0.01, 0.03]}}}
training: {epochs: 2}
claims: [rnn at least 1.5 times as fast as lstm, rnn at least 2.5 times as fast as lstm]
"""


def ran(folder: Path, spec: str = SPEC, workers: int = 1) -> Sweep:
    swept = sweep(folder, spec, workers, Quiet(), work=paced)
    swept.run()
    return swept


def summary(swept: Sweep) -> report.Summary:
    kept = swept.store.timings(swept.present())
    return report.summarise(swept.experiment, swept.results(), {"adding": task()}, 3, timings=kept)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    return ran(tmp_path_factory.mktemp("speed"))


def test_only_one_of_two_trains_at_a_time_even_with_one_worker_and_each_comes_first_as_often(
    measured: Sweep,
) -> None:
    lines = (
        (Path(measured.experiment.file).parent / "epochs").read_text().split("\n")[3 * 3 * 2 * 2 :]
    )
    begun, ended = lines[0:-1:2], lines[1:-1:2]
    assert [entry.replace("begin", "end") for entry in begun] == ended
    size = 2 * (1 + ROUNDS)
    for epochs in (begun[:size], begun[size:]):  # at the smallest and at the largest size
        assert epochs[:2] == ["begin rnn", "begin lstm"]
        rounds = list(zip(epochs[2::2], epochs[3::2]))
        assert all(set(scored) == {"begin rnn", "begin lstm"} for scored in rounds)
        assert [first for first, _ in rounds].count("begin rnn") == ROUNDS // 2


def test_what_was_measured_decides_and_is_kept_for_later_reports(measured: Sweep) -> None:
    yes, no = summary(measured).verdicts
    assert (yes.word, no.word, yes.scale) == ("supported", "refuted", "times")
    assert yes.answer.startswith(
        "rnn (simple recurrent network) trains at least 1.5 times as fast as lstm"
    )
    assert no.answer.endswith("rnn trains less than 2.5 times as fast as lstm: 1.99 times")
    assert "at 4 units" in yes.detail
    assert (
        "is the median over the rounds, each of its own ratio, and not the ratio of the"
        " median times"
    ) in yes.detail
    assert "at 16 units" in yes.detail
    assert "took turns, on " in yes.detail
    assert yes.p is not None
    assert yes.p == pytest.approx(2 * 2 * 0.5**ROUNDS)  # two words, two claims
    assert re.search(r"& 1\.99 times & 1\.99 to 2\.00 times \(9\d", paper.latex(summary(measured)))
    (kept,) = measured.store.timings(measured.present())
    assert kept.of() == ("adding", "rnn", "lstm")
    assert [side.units for side in kept.sides] == [4, 16]
    # the first epoch, which compiles, is left out
    assert kept.sides[0].a[0] == pytest.approx(1.002 / 8, rel=1e-6)
    assert not kept.machine.startswith("unknown, 0")


def test_it_is_measured_once_and_anew_only_where_what_was_measured_has_changed(
    tmp_path: Path,
) -> None:
    ran(tmp_path)
    assert not ran(tmp_path).observer.notes
    identities = ran(tmp_path, SPEC.replace("claims", "margin: 0.1\nclaims")).present()
    # a claim is no part of it
    assert identities == ran(tmp_path, SPEC.partition("claims")[0]).present()
    edited = ran(tmp_path, SPEC.replace("epochs: 2", "epochs: 3"))
    assert "measuring how fast rnn trains beside lstm" in edited.observer.notes


def test_what_measuring_takes_is_told_from_what_trainings_cost(measured: Sweep) -> None:
    """Two trainings of 16 epochs at either size: 10 s to begin and 1 s an epoch; the larger twice
    that.
    """
    pairs = speed.missing(measured.experiment, measured.studies, ())
    cost = Cost((0.1, 0.2), (1.0, 2.0), (10.0 + 2 * 1.0, 20.0 + 2 * 2.0))  # of trials of 2 epochs
    costs = {study.identity: cost for study in measured.studies}
    assert speed.seconds(pairs, costs) == pytest.approx(2 * (10.0 + 16.0 + 20.0 + 32.0))
    assert speed.seconds(pairs, {}) is None
    known = [(timing.a, timing.b) for timing in measured.store.timings(measured.present())]
    assert speed.missing(measured.experiment, measured.studies, known) == []


BOTH = "claims: [rnn at least 1.5 times as fast as lstm, lstm at least 0.4 times as fast as rnn]\n"


def test_two_variants_are_measured_once_for_claims_in_either_direction(tmp_path: Path) -> None:
    swept = ran(tmp_path, SPEC.partition("claims")[0] + BOTH)
    assert [note for note in swept.observer.notes if "measuring" in note] == [
        "measuring how fast rnn trains beside lstm"
    ]
    there, back = swept.store.timings(swept.present())
    assert {there.of(), back.of()} == {("adding", "rnn", "lstm"), ("adding", "lstm", "rnn")}
    assert there.turned() == back
    assert [verdict.word for verdict in summary(swept).verdicts] == ["supported", "supported"]
    assert not ran(tmp_path, SPEC.partition("claims")[0] + BOTH).observer.notes


def test_variants_of_other_sizes_are_measured_in_either_direction(tmp_path: Path) -> None:
    own = "[lstm, {name: rnn, space: {units: {int: [8, 32]}}}, gru]"
    swept = ran(tmp_path, SPEC.partition("claims")[0].replace("[lstm, rnn, gru]", own) + BOTH)
    assert sum("measuring" in note for note in swept.observer.notes) == 2
    assert {
        tuple(side.units for side in timing.sides)
        for timing in swept.store.timings(swept.present())
    } == {
        (4, 16),
        (8, 32),
    }


def test_a_variant_that_cannot_be_trained_is_told_and_its_claim_says_how_it_is_measured(
    tmp_path: Path,
) -> None:
    swept = ran(tmp_path, SPEC.replace("2.5 times as fast as lstm", "2.5 times as fast as gru"))
    assert (
        "not measured: gru ended as diverged: the loss was nan in epoch 1" in swept.observer.notes
    )
    _, verdict = summary(swept).verdicts
    assert (verdict.word, verdict.p) == ("undecided", None)
    assert verdict.answer == "not measured: how fast rnn and gru train side by side on adding"
    assert verdict.settle == "sweep again with this claim, which measures it at the end"


def test_a_variant_that_fails_after_its_last_epoch_is_told_and_the_other_does_not_wait_on(
    tmp_path: Path,
) -> None:
    still_there = []

    class Watching(Quiet):
        def note(self, text: str) -> None:
            super().note(text)
            if "not measured" in text:
                still_there.append(len(swept.launcher.children))

    swept = sweep(tmp_path, SPEC, 1, Watching(), work=paced_until_the_end)
    swept.run()
    assert "not measured: rnn ended as failed: no memory is left for its scores" in (
        swept.observer.notes
    )
    assert still_there == [0]


def _table(swept: Sweep) -> table.TrialTable:
    timings = tuple(swept.store.timings(swept.present()))
    return table.TrialTable(
        "loop", {"adding": TaskMetadata.of(task())}, {}, tuple(swept.results()), (), timings
    )


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_carries_it(ending: str, measured: Sweep, tmp_path: Path) -> None:
    content = _table(measured)
    assert table.read(table.write(content, tmp_path / f"t.{ending}")).timings == content.timings


@pytest.mark.parametrize("wrong", ["Infinity", "-1.0", "0.0", "NaN", '"soon"'])
def test_a_time_that_cannot_have_been_measured_is_refused(
    wrong: str, measured: Sweep, tmp_path: Path
) -> None:
    content = _table(measured)
    path = table.write(content, tmp_path / "t.csv")
    first = json.dumps(content.timings[0].sides[0].a[0])
    path.write_text(path.read_text().replace(first, wrong, 1))
    with pytest.raises(UsageError, match="is not a table of trials"):
        table.read(path)


def test_speeds_that_differ_by_size_are_undecided_and_say_so(measured: Sweep) -> None:
    sides = tuple(
        Side(units, 1, (1.0,) * ROUNDS, (times,) * ROUNDS) for units, times in ((4, 1.2), (16, 1.8))
    )
    rnn, lstm = (
        next(study.identity for study in measured.studies if study.variant.label == name)
        for name in ("rnn", "lstm")
    )
    timing = Timing(rnn, lstm, "here", sides)
    summarised = report.summarise(
        measured.experiment, measured.results(), {"adding": task()}, 3, timings=[timing]
    )
    verdict = summarised.verdicts[0]
    assert (verdict.word, verdict.settle) == (
        "undecided",
        "it depends on the size: narrow the range of units",
    )
    assert verdict.answer.endswith("1.20 to 1.80 times, by its size")
