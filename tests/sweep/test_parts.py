"""Parts of a sweep: all of them together are the whole, whoever runs which, and when."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from rnnzoo.errors import UsageError
from rnnzoo.report import table
from rnnzoo.report.pool import pooled
from rnnzoo.report.table import TaskMetadata, TrialTable
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Kind, Outcome
from rnnzoo.sweep.parts import Part, part_of
from rnnzoo.sweep.plan import studies
from rnnzoo.sweep.run import Sweep
from rnnzoo.sweep.status import planned, rows
from tests.report.test_report import task
from tests.sweep.inline import InlineLauncher
from tests.sweep.loop import SPEC, Quiet, by_key, sweep
from tests.sweep.work import pretend

pytestmark = pytest.mark.usefixtures("shared_fork_servers")
RANDOM = SPEC.format(sampler="random")
ALL = {("rnn", index) for index in range(4)} | {("gru", index) for index in range(4)}


def run_part(folder: Path, part: Part, spec: str = RANDOM, stop_after: int = 10**9) -> Sweep:
    folder.mkdir(exist_ok=True)
    made = sweep(folder, spec, 2, Quiet(stop_after))
    made.part, made.launcher = part, InlineLauncher(pretend)
    made.run()
    return made


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    return run_part(tmp_path_factory.mktemp("whole"), Part())


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[Sweep]:
    """Three of them, each in a folder of its own."""
    return [
        run_part(tmp_path_factory.mktemp("shard"), Part(shard=number, of=3)) for number in (1, 2, 3)
    ]


def outcomes(*sweeps: Sweep) -> dict[tuple[str, int], Outcome]:
    return {key: outcome for made in sweeps for key, (_, outcome) in by_key(made.results()).items()}


@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_every_trial_is_in_exactly_one_shard(of: int) -> None:
    shards = [Part(shard=number, of=of) for number in range(1, of + 1)]
    for index in range(20):
        assert [shard.holds("lstm", index) for shard in shards].count(True) == 1
    assert sum(shard.count("lstm", 20) for shard in shards) == 20
    assert Part(shard=2, of=8).holds("lstm", 9)


@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_the_least_trials_that_have_all_that_a_shard_has_begun(of: int) -> None:
    for number, count in itertools.product(range(1, of + 1), range(20)):
        part = Part(shard=number, of=of)
        enough = [
            fewer for fewer in range(20) if part.count("lstm", fewer) == part.count("lstm", count)
        ]
        assert part.enough_for(count) == enough[0]


def test_parts_overlap_exactly_where_they_have_a_trial_in_common() -> None:
    parts = [
        Part(only, shard, of)
        for only in ((), ("a",), ("b",), ("a", "b"))
        for of in (1, 2, 3, 4)
        for shard in range(1, of + 1)
    ]
    trials = list(itertools.product("ab", range(12)))
    for one, other in itertools.product(parts, parts):
        common = [trial for trial in trials if one.holds(*trial) and other.holds(*trial)]
        assert one.overlaps(other) == bool(common), (one, other)


def test_shards_in_folders_of_their_own_are_together_the_whole_sweep(
    whole: Sweep, shards: list[Sweep]
) -> None:
    assert [len(shard.results()) for shard in shards] == [4, 2, 2]
    assert outcomes(*shards) == outcomes(whole) == outcomes(*reversed(shards))


def test_the_pooled_tables_of_shards_are_the_table_of_the_whole_to_the_byte(
    whole: Sweep, shards: list[Sweep], tmp_path: Path
) -> None:
    def exported(ran: Sweep, name: str) -> Path:
        notes = {"adding": TaskMetadata.of(task())}
        parts = {study.identity: study.parts for study in ran.studies}
        content = TrialTable("loop", notes, parts, table.in_order(ran.results()))
        return table.write(content, tmp_path / name)

    paths = [exported(shard, f"{number}.csv") for number, shard in enumerate(shards)]
    expected = exported(whole, "whole.csv").read_bytes()
    for order in (paths, paths[::-1]):
        together = pooled({str(path): table.read(path) for path in order})
        assert table.write(together.content, tmp_path / "all.csv").read_bytes() == expected
        assert not together.repeated


@pytest.mark.parametrize("parts", [
    (Part(shard=1, of=2), Part(shard=2, of=2)),
    pytest.param(
        (Part(("gru",)), Part(("rnn",), 2, 2), Part(("rnn",), 1, 2)), marks=pytest.mark.slow
    ),
])  # fmt: skip
def test_parts_one_after_another_leave_the_whole_sweep_nothing_to_do(
    whole: Sweep, parts: tuple[Part, ...], tmp_path: Path
) -> None:
    for part in parts:
        ran = run_part(tmp_path, part)
        own = {key for key in ALL if part.holds(*key)}
        assert {(trial.variant, trial.index) for trial in ran.observer.ends} == own
        # of what the storage holds, the tracker gets what is the part's
        recorded = ran.tracker.recorded("loop")
        assert {(study.split("/")[1], index) for study, index in recorded} == own
    last = run_part(tmp_path, Part())
    assert not last.observer.ends
    assert outcomes(last) == outcomes(whole)


def test_a_shard_that_was_interrupted_goes_on_and_leaves_the_others_alone(
    whole: Sweep, tmp_path: Path
) -> None:
    part = Part(shard=1, of=2)
    with pytest.raises(KeyboardInterrupt):
        run_part(tmp_path, part, stop_after=1)
    stopped = sweep(tmp_path, RANDOM, 2, Quiet())
    study = stopped.studies[0]
    opened = stopped.store.study(study.identity, {"on": "validation"}, stopped.experiment.search)
    opened.ask(1, study.point(1), study.variant.space)  # a trial of the other part
    again = run_part(tmp_path, part)
    assert len(again.observer.ends) == 3
    assert again.store.running() == {"loop": 1}
    other = run_part(tmp_path, Part(shard=2, of=2))
    assert f"{study.label}: 1 interrupted trial will run again" in other.observer.notes
    assert outcomes(other) == outcomes(whole)


def test_given_trials_are_taken_over_as_far_as_they_are_of_the_part(
    whole: Sweep, tmp_path: Path
) -> None:
    here = sweep(tmp_path, RANDOM, 2, Quiet())
    here.part, here.given = Part(("rnn",), 1, 2), whole.results()
    here.run()
    assert not here.observer.ends
    assert by_key(here.results()).keys() == {("rnn", 0), ("rnn", 2)}


def test_given_trials_that_ended_otherwise_here_are_told(whole: Sweep, tmp_path: Path) -> None:
    here = sweep(tmp_path, RANDOM, 2, Quiet())
    first, *others = whole.results()
    scores = {**first.outcome.scores, "validation": 9.5}
    here.given = (*others, replace(first, outcome=replace(first.outcome, scores=scores)))
    here.run()
    again = sweep(tmp_path, RANDOM, 2, Quiet())
    again.given = whole.results()
    again.run()
    label = f"{first.key.variant} {first.trial.index}"
    ends = f"validation 9.5 here, validation {first.outcome.scores['validation']} there"
    told = f"1 given trial ended otherwise here, which counts; {label}: {ends}"
    assert told in again.observer.notes
    assert not any("ended otherwise" in note for note in here.observer.notes)


@pytest.mark.slow
def test_whole_searches_have_their_replicates_and_shards_have_none(tmp_path: Path) -> None:
    spec = RANDOM + "select: {keep: 3, replicates: 1}\n"
    variants = run_part(tmp_path / "only", Part(("gru",)), spec)
    assert {result.key.marked for result in variants.results()} == {"gru", "gru~1"}
    shard = run_part(tmp_path / "shard", Part(shard=1, of=2), spec)
    assert {result.key.marked for result in shard.results()} == {"rnn", "gru"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "search",
    [
        SPEC.format(sampler="{name: tpe, n_startup_trials: 2}"),
        RANDOM.replace("seed: 2", "seed: 2\n  rungs: {epochs: [1, 2], keep: 75%}"),
    ],
)
def test_a_variant_alone_is_searched_as_it_is_among_others(search: str, tmp_path: Path) -> None:
    """With one worker: what an adaptive sampler proposes depends on how many run at once."""
    of_gru = []
    for name, part in (("alone", Part(("gru",))), ("among", Part())):
        (tmp_path / name).mkdir()
        made = sweep(tmp_path / name, search, 1, Quiet())
        made.part = part
        made.run()
        of_all = outcomes(made)
        of_gru.append({key: of_all[key] for key in of_all if key[0] == "gru"})
    assert of_gru[0] == of_gru[1]
    assert len(of_gru[0]) == 4


def test_failed_trials_begin_again_in_the_part_that_asks_for_it(shards: list[Sweep]) -> None:
    made = shards[0]
    study = made.studies[0]
    opened = made.store.study(study.identity, {"on": "validation"}, made.experiment.search)
    assert opened.forget((Kind.COMPLETE,), Part(("gru",))) == 0
    assert opened.forget((Kind.COMPLETE,), Part(("rnn",), 2, 2)) == 1
    left = by_key(made.results())
    opened.study.set_user_attr("again", [])
    assert left.keys() == {("rnn", 0), ("gru", 0), ("gru", 3)}


def test_status_counts_a_part(shards: list[Sweep]) -> None:
    ran = shards[1]
    of_part = rows(ran.studies, ran.store, 4, Part(("rnn",), 2, 3))
    assert [(row.variant, row.planned, row.ended) for row in of_part] == [("rnn", 1, 1)]
    of_other = rows(ran.studies, ran.store, 4, Part(shard=1, of=3))
    assert [(row.planned, row.ended) for row in of_other] == [(2, 0), (2, 0)]
    grid = parse_experiment(SPEC.format(sampler="grid"), "loop.yaml", Path())
    of_grid = studies(grid, {"adding": "digest"}, {"adding": 2})[0]
    assert sum(planned(of_grid, 100, Part(shard=number, of=4)) for number in range(1, 5)) == 27


# ------------------------------------------------------------------ what is asked for

EXPERIMENT = parse_experiment(RANDOM, "loop.yaml", Path())


def test_variants_and_shards_are_read() -> None:
    assert part_of(EXPERIMENT, "gru", "2/8") == Part(("gru",), 2, 8)
    assert part_of(EXPERIMENT, ["gru, rnn"]) == Part()
    assert part_of(EXPERIMENT, shard="1/1").whole
    assert str(Part(("gru",), 2, 8)) == "shard 2/8 of gru"


@pytest.mark.parametrize("shard", ["", "0/8", "9/8", "2", "2/0", "-1/8", "a/b", "2/10001"])
def test_a_shard_that_is_none_is_told(shard: str) -> None:
    with pytest.raises(UsageError, match=r"names no part\n  fix: write I/N"):
        part_of(EXPERIMENT, shard=shard)


@pytest.mark.parametrize(("only", "message"), [
    ("gri", "no variant of 'loop' is called so\n  fix: did you mean 'gru'"),
    (",", "names no variant"),
    ("", "names no variant"),
])  # fmt: skip
def test_a_variant_that_is_none_is_told(only: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        part_of(EXPERIMENT, only)


@pytest.mark.parametrize(("search", "message"), [
    ("sampler: tpe", "the points of 'tpe' follow from the trials before"),
    ("pruner: median", "the pruner 'median' stops trials by what the others have reached"),
    ("rungs: {epochs: [1, 2], keep: 75%}", "which trials go on from a rung depends on all of them"),
])  # fmt: skip
def test_a_shard_whose_trials_need_the_others_is_refused_and_a_variant_is_not(
    search: str, message: str
) -> None:
    text = RANDOM.replace("  sampler: random", f"  {search}")
    experiment = parse_experiment(text, "loop.yaml", Path())
    with pytest.raises(UsageError, match=rf"{message}, so .*\n  fix: only='VARIANT' runs"):
        part_of(experiment, shard="1/2")
    assert part_of(experiment, "gru") == Part(("gru",))
    assert part_of(replace(experiment, name="x"), shard="1/1").whole
