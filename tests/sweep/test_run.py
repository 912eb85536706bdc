"""The loop, with trials that do not train: who runs what, how often, and what is kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from rnnzoo.errors import StoreError, UsageError
from rnnzoo.launchers import Event, Tell, Work
from rnnzoo.spec import plugins
from rnnzoo.spec.trial import Kind, Outcome, Trial, digest, ranked
from rnnzoo.sweep.editions import CODE, OpenStudies
from rnnzoo.sweep.lock import held
from rnnzoo.sweep.open import of_present
from rnnzoo.sweep.plan import Study
from rnnzoo.sweep.run import Sweep
from rnnzoo.sweep.search import StudyStore
from rnnzoo.sweep.status import rows
from rnnzoo.trackers.memory import MemoryTracker
from tests.samples import slow
from tests.sweep.inline import InlineLauncher
from tests.sweep.loop import RANDOM, SPEC, Quiet, by_key, sweep
from tests.sweep.work import changed_data, flaky, hopeless, pretend

pytestmark = pytest.mark.usefixtures("shared_fork_servers")


@pytest.mark.parametrize("sampler", ["random", slow("grid"), slow("qmc")])
def test_workers_and_interruptions_change_no_trial_and_no_outcome(
    sampler: str, tmp_path: Path
) -> None:
    spec = SPEC.format(sampler=sampler)
    (tmp_path / "one").mkdir()
    (tmp_path / "three").mkdir()
    whole = sweep(tmp_path / "one", spec, 1, Quiet())
    whole.run()
    expected = by_key(whole.results())
    assert len(expected) == 8

    for stop_after in (2, 3):
        with pytest.raises(KeyboardInterrupt):
            sweep(tmp_path / "three", spec, 3, Quiet(stop_after)).run()
    last = sweep(tmp_path / "three", spec, 3, Quiet())
    last.run()
    outcomes = by_key(last.results())
    assert {key: outcome for key, (_, outcome) in outcomes.items()} == {
        key: outcome for key, (_, outcome) in expected.items()
    }
    assert len(last.observer.ends) == 8 - 5  # nothing that was complete ran again


def test_more_trials_add_to_those_that_are_there(tmp_path: Path) -> None:
    spec = SPEC.format(sampler="random")
    first = sweep(tmp_path, spec, 2, Quiet())
    first.run()
    before = by_key(first.results())
    more = sweep(tmp_path, spec.replace("trials: 4", "trials: 6"), 2, Quiet())
    more.run()
    assert sorted(end.index for end in more.observer.ends) == [4, 4, 5, 5]
    assert before.items() <= by_key(more.results()).items()


def test_a_variant_added_later_leaves_the_others_untouched(
    ran_before: Callable[[Path], None], tmp_path: Path
) -> None:
    ran_before(tmp_path)
    added = sweep(tmp_path, RANDOM.replace("[rnn, gru]", "[rnn, gru, lstm]"), 2, Quiet())
    added.run()
    assert {end.variant for end in added.observer.ends} == {"lstm"}
    assert not added.observer.notes


def test_a_label_that_is_changed_begins_anew_and_what_is_under_the_old_one_is_told(
    ran_before: Callable[[Path], None], tmp_path: Path
) -> None:
    ran_before(tmp_path)
    text = RANDOM.replace("[rnn, gru]", "[rnn, {name: gated, cell: gru}]")
    renamed = sweep(tmp_path, text, 2, Quiet())
    renamed.run()
    assert {end.variant for end in renamed.observer.ends} == {"gated"}
    name = renamed.experiment.name
    assert renamed.observer.notes == [
        f"{name} has no variant 'gru' any more; trials of that name are kept, and count under it"
        " alone"
    ]
    again = sweep(tmp_path, text, 2, Quiet())
    again.run()
    assert not again.observer.notes


def test_an_edited_space_sets_the_old_trials_aside_and_does_not_mix_them(
    ran_before: Callable[[Path], None], tmp_path: Path
) -> None:
    ran_before(tmp_path)
    edited = sweep(tmp_path, RANDOM.replace("choice: [4, 8, 16]", "choice: [5, 9]"), 2, Quiet())
    edited.run()
    assert edited.observer.notes == [
        f"{name}: the space changed; 4 trials run before are set aside" for name in ("rnn", "gru")
    ]
    assert len(edited.results()) == 8
    assert {result.trial.hyperparameters["units"] for result in edited.results()} <= {5, 9}
    back = sweep(
        tmp_path, RANDOM, 2, Quiet()
    )  # and they are there again when the edit is taken back
    back.run()
    assert not back.observer.ends


def test_what_the_storage_has_and_the_tracker_lacks_is_written_at_the_next_start(
    ran_before: Callable[[Path], None], tmp_path: Path
) -> None:
    ran_before(tmp_path)
    fresh = MemoryTracker()
    again = sweep(tmp_path, RANDOM, 2, Quiet(), fresh)
    again.run()
    assert fresh.results("loop") == again.results()
    assert len(fresh.recorded("loop")) == 8


def test_the_tracker_has_why_a_trial_failed_the_last_time(tmp_path: Path) -> None:
    """It was away while those that had failed were begun anew, and failed once more."""
    tracker = MemoryTracker()
    first = sweep(tmp_path, RANDOM, 2, Quiet(), tracker, work=hopeless)
    first.run()
    away = sweep(tmp_path, RANDOM, 2, Quiet(), work=otherwise_hopeless)
    away.again = frozenset({Kind.FAILED})
    away.run()
    back = sweep(tmp_path, RANDOM, 2, Quiet(), tracker)
    back.run()
    assert tracker.results("loop") == back.results()
    assert {result.outcome.message for result in back.results()} == {"another reason"}
    back = sweep(tmp_path, RANDOM, 2, Quiet(), tracker)
    back.run()
    assert not any("level" in note for note in back.observer.notes)


def otherwise_hopeless(trial: Trial, tell: Tell) -> Outcome:
    return Outcome(Kind.FAILED, message="another reason")


def test_tpe_and_hyperband_and_a_conditional_space_work_together(tmp_path: Path) -> None:
    pruner = "pruner: {name: hyperband, min_resource: 1, max_resource: 4, reduction_factor: 2}"
    spec = SPEC.format(sampler="{name: tpe, n_startup_trials: 4}").replace(
        "  seed: 2", f"  seed: 2\n  {pruner}"
    )
    ran = sweep(tmp_path, spec.replace("trials: 4", "trials: 14"), 2, Quiet())
    ran.run()
    results = ran.results()
    assert len(results) == 28
    kinds = [result.outcome.kind for result in results]
    assert kinds.count(Kind.PRUNED) >= 2
    assert kinds.count(Kind.COMPLETE) >= 8
    for result in results:
        chosen = result.trial.hyperparameters
        assert ("momentum" in chosen) == (chosen["optimizer"] == "sgd")


def test_two_sweeps_of_one_experiment_exclude_each_other_and_say_who_runs(tmp_path: Path) -> None:
    running = sweep(tmp_path, SPEC.format(sampler="random"), 1, Quiet())
    with (
        held(running.runs / "lock", "loop"),
        pytest.raises(StoreError, match=r"another sweep of 'loop' .* process \d+ on"),
    ):
        running.run()
    running.run()  # the lock went with its holder
    assert len(running.results()) == 8


def test_a_grid_ends_when_it_is_used_up(tmp_path: Path) -> None:
    spec = (
        SPEC.format(sampler="grid")
        .replace("trials: 4", "trials: 100")
        .replace("[rnn, gru]", "[rnn]")
    )
    ran = sweep(tmp_path, spec, 3, Quiet())
    ran.run()
    assert len(ran.results()) == 3 * 3 * 3  # units x rates x (adam, sgd at either momentum)
    points = {tuple(sorted(result.trial.hyperparameters.items())) for result in ran.results()}
    assert len(points) == 27


# ------------------------------------------------------------------ replicates, trials of elsewhere

AGAIN = "select: {keep: 3, replicates: 2}\n"


@pytest.mark.parametrize("sampler", [slow("random"), "tpe"])
def test_kept_trials_run_again_on_fresh_seeds_also_after_an_interruption(
    sampler: str, tmp_path: Path
) -> None:
    spec = SPEC.format(sampler=sampler) + AGAIN
    with pytest.raises(KeyboardInterrupt):
        sweep(tmp_path, spec, 2, Quiet(stop_after=8 + 5)).run()
    last = sweep(tmp_path, spec, 2, Quiet())
    last.run()
    assert len(last.observer.ends) == 2 * 3 * 2 - 5
    results = last.results()
    assert len(results) == 8 + 2 * 3 * 2
    for variant in ("rnn", "gru"):
        search = [result for result in results if result.study.startswith(f"loop/{variant}/")]
        best = {result.trial.index: result.trial for result in ranked(search, "validation")[:3]}
        seeds = {result.trial.seed for result in search}
        for number in (1, 2):
            again = [
                result.trial
                for result in results
                if result.study.startswith(f"loop/{variant}~{number}/")
            ]
            assert {trial.index: trial.hyperparameters for trial in again} == {
                index: trial.hyperparameters for index, trial in best.items()
            }
            assert not seeds & {trial.seed for trial in again}
            seeds |= {trial.seed for trial in again}
    once_more = sweep(tmp_path, spec, 2, Quiet())
    once_more.run()
    assert not once_more.observer.ends
    assert not once_more.observer.notes


def test_trials_of_elsewhere_are_taken_over_with_their_replicates(tmp_path: Path) -> None:
    spec = SPEC.format(sampler="random") + AGAIN
    (tmp_path / "there").mkdir()
    (tmp_path / "here").mkdir()
    there = sweep(tmp_path / "there", spec, 2, Quiet())
    there.run()
    here = sweep(tmp_path / "here", spec, 2, Quiet())
    here.given = there.results()
    here.run()
    assert not here.observer.ends
    mine, theirs = (
        {
            (result.study, result.trial.index): (result.trial.key, result.outcome)
            for result in of.results()
        }
        for of in (here, there)
    )
    assert mine == theirs
    assert len(mine) == 8 + 2 * 3 * 2
    assert set(here.tracker.recorded("loop")) == set(mine)


def test_a_replicate_that_a_killed_sweep_had_only_written_is_in_the_tracker_too(
    tmp_path: Path,
) -> None:
    spec = SPEC.format(sampler="random") + AGAIN
    killed = sweep(tmp_path, spec, 2, Quiet())
    killed.run()
    with sqlite3.connect(tmp_path / "optuna.db") as database:  # as between `tell`'s two writes
        database.execute(
            "update trials set state = 'RUNNING' where study_id in (select study_id from studies"
            " where study_name like 'loop/gru~2/%')"
        )
    tracker = MemoryTracker()
    again = sweep(tmp_path, spec, 2, Quiet(), tracker)
    again.run()
    assert not again.observer.ends
    assert len(tracker.results("loop")) == 8 + 2 * 3 * 2
    assert tracker.results("loop") == again.results()


def test_trials_of_an_adaptive_search_are_not_taken_over(
    ran_before: Callable[[Path], None], tmp_path: Path
) -> None:
    ran_before(tmp_path)
    here = sweep(tmp_path, SPEC.format(sampler="tpe"), 2, Quiet())
    here.given = here.store.results("loop")
    with pytest.raises(UsageError, match="depend on what was run before"):
        here.run()


# ------------------------------------------------------------------ trials of older versions

OLDER = SPEC.replace("training: {{epochs: 4}}", "training: {{epochs: 4, optimizer: rmsprop}}")


def as_older_versions_hashed(folder: Path, spec: str) -> Sweep:
    """The sweep of a version that hashed also what the space decides."""
    made = sweep(folder, spec, 2, Quiet())
    hashed = {"training": digest({"epochs": 4, "optimizer": "rmsprop"})}
    made.studies = tuple(replace(study, parts={**study.parts, **hashed}) for study in made.studies)
    return made


@pytest.mark.parametrize("sampler", [slow("random"), "{name: tpe, n_startup_trials: 2}"])
def test_trials_whose_hash_had_what_the_space_decides_are_found_again(
    sampler: str, tmp_path: Path
) -> None:
    spec = OLDER.format(sampler=sampler)
    before = as_older_versions_hashed(tmp_path, spec)
    before.run()
    now = sweep(tmp_path, spec.replace("rmsprop", "adam"), 2, Quiet())
    now.run()
    assert not now.observer.ends
    assert now.observer.notes == [
        f"{name}: 4 trials of an older version are these, and count" for name in ("rnn", "gru")
    ]
    assert by_key(now.results()) == by_key(before.results())
    again = sweep(tmp_path, spec, 2, Quiet())
    again.run()
    assert (again.observer.ends, again.observer.notes) == ([], [])
    assert len(again.results()) == 8


def test_trials_of_another_training_are_set_aside_although_the_space_decides_some_of_it(
    tmp_path: Path,
) -> None:
    spec = OLDER.format(sampler="random")
    as_older_versions_hashed(tmp_path, spec).run()
    now = sweep(tmp_path, spec.replace("epochs: 4", "epochs: 5"), 2, Quiet())
    now.run()
    assert len(now.observer.ends) == 8
    assert now.observer.notes == [
        f"{name}: {change}"
        for change in (
            "the training changed; 4 trials run before are set aside",
            "4 trials train anew: no state was kept",
        )
        for name in ("rnn", "gru")
    ]


# ------------------------------------------------------------------ trials that go wrong

RETRY = "resources: {retry: {failed: 2}}\n"


def test_a_trial_that_failed_is_begun_again_and_only_its_last_attempt_counts(
    tmp_path: Path,
) -> None:
    spec = SPEC.format(sampler="random")
    ran = sweep(tmp_path, spec + RETRY, 3, Quiet(), work=flaky)
    ran.run()
    results = ran.results()
    assert [result.outcome.kind for result in results] == [Kind.COMPLETE] * 8
    assert len({(result.study, result.trial.index) for result in results}) == 8
    assert set(ran.tracker.recorded("loop")) == {
        (result.study, result.trial.index) for result in results
    }
    assert {
        identity: opened.attempts().total() for identity, opened in ran.opened.stores.items()
    } == dict.fromkeys(ran.opened.stores, 4)
    assert not ran.observer.notes
    (tmp_path / "plain").mkdir()
    plain = sweep(tmp_path / "plain", spec, 3, Quiet())
    plain.run()
    first, second = (
        {key: outcome for key, (_, outcome) in by_key(of.results()).items()} for of in (ran, plain)
    )
    assert first == second


def test_a_trial_is_begun_again_as_often_as_stated_also_over_interruptions(tmp_path: Path) -> None:
    spec = SPEC.format(sampler="random") + RETRY
    with pytest.raises(KeyboardInterrupt):
        sweep(tmp_path, spec, 1, Quiet(stop_after=3), work=hopeless).run()
    last = sweep(tmp_path, spec, 2, Quiet(), work=hopeless)
    last.run()
    assert [result.outcome.kind for result in last.results()] == [Kind.FAILED] * 8
    for opened in last.opened.stores.values():
        assert opened.attempts() == dict.fromkeys(range(4), 2)


@dataclass
class Losing(InlineLauncher):
    """Has no room at first, and loses each trial with its machine the first time."""

    rooms: list[int] = field(default_factory=lambda: [0, 0])
    lost: set[str] = field(default_factory=set)

    def capacity(self) -> int:
        return self.rooms.pop() if self.rooms else 2

    def wait(self, timeout: float | None = None) -> Event | None:
        if not self.submitted:
            return None
        ticket, trial = self.submitted[0]
        if trial.key in self.lost:
            return InlineLauncher.wait(self, timeout)
        self.lost.add(trial.key)
        self.submitted.popleft()
        return Event(ticket, Outcome(Kind.INTERRUPTED, message="it was lost", retried=True))


def test_a_trial_that_was_lost_with_its_machine_runs_again_and_uses_up_no_attempt(
    tmp_path: Path,
) -> None:
    spec = SPEC.format(sampler="random")
    ran = sweep(tmp_path, spec, 1, Quiet(), work=flaky)
    ran.launcher = Losing(pretend)
    ran.run()
    assert [result.outcome.kind for result in ran.results()] == [Kind.COMPLETE] * 8
    assert len({result.trial.key for result in ran.results()}) == 8
    assert len(ran.launcher.lost) == 8
    assert not any(opened.attempts() for opened in ran.opened.stores.values())


SPELT = """\
name: mine
equations: |
  f = sigmoid(W_f @ x + R_f @ h[t-1] + b_f)
  h = f * h[t-1] + (1 - f) * tanh(W_h @ x + R_h @ h[t-1])
"""
OTHERWISE = """\
name: mine
equations: |
  n = tanh(R_n @ h[t-1] + W_n @ x)
  gate = sigmoid(R_g @ h[t-1] + (W_g @ x + b_g))
  h = n * (1 - gate) + h[t-1] * gate
"""


def test_trials_are_found_again_when_their_cell_is_spelt_otherwise_not_when_it_computes_otherwise(
    tmp_path: Path,
) -> None:
    spec = SPEC.format(sampler="random").replace("[rnn, gru]", "[rnn, mine.yaml]")
    cell = tmp_path / "mine.yaml"
    cell.write_text(SPELT)
    sweep(tmp_path, spec, 2, Quiet()).run()

    cell.write_text(OTHERWISE)
    again = sweep(tmp_path, spec, 2, Quiet())
    # also before the next sweep
    assert len(of_present(again.store.results("loop"), again.studies, again.store)) == 8
    assert [row.ended for row in rows(again.studies, again.store, again.trials)] == [4, 4]
    again.run()
    assert not again.observer.ends
    assert (
        "mine: 4 trials of another spelling of the cell are these, and count"
        in again.observer.notes
    )
    assert not any("set aside" in note for note in again.observer.notes)

    # a third spelling: two editions have the trials now, and each counts once
    cell.write_text(OTHERWISE.replace("gate", "z"))
    third = sweep(tmp_path, spec, 2, Quiet())
    assert len(of_present(third.store.results("loop"), third.studies, third.store)) == 8
    assert [row.ended for row in rows(third.studies, third.store, third.trials)] == [4, 4]

    cell.write_text(OTHERWISE.replace("(1 - gate)", "(1 + gate)"))
    other = sweep(tmp_path, spec, 2, Quiet())
    other.run()
    assert len(other.observer.ends) == 4
    assert any(
        "changed; the trials of 2 earlier versions, at most 4 of each, are" in note
        for note in other.observer.notes
    )


MINE = RANDOM.replace("[rnn, gru]", "[mine.yaml]")


def spelt(folder: Path, text: str, work: Work = pretend) -> Sweep:
    """A sweep of a cell that is written so."""
    (folder / "mine.yaml").write_text(text)
    made = sweep(folder, MINE, 2, Quiet())
    made.launcher = InlineLauncher(work)
    return made


def first_fails(trial: Trial, tell: Tell) -> Outcome:
    return Outcome(Kind.FAILED, message="no") if not trial.index else pretend(trial, tell)


def is_killed(trial: Trial, tell: Tell) -> Outcome:
    raise KeyboardInterrupt


def test_a_trial_that_is_to_begin_again_does_not_come_back_from_another_spelling(
    tmp_path: Path,
) -> None:
    spelt(tmp_path, SPELT, first_fails).run()
    spelt(tmp_path, OTHERWISE).run()  # which takes over the one that failed
    again = spelt(tmp_path, OTHERWISE, is_killed)
    again.again = (Kind.FAILED,)
    with pytest.raises(KeyboardInterrupt):
        again.run()
    last = spelt(tmp_path, OTHERWISE)
    last.run()
    assert [trial.index for trial in last.observer.ends] == [0]
    assert {result.outcome.kind for result in last.results()} == {Kind.COMPLETE}


def test_what_is_begun_anew_takes_over_nothing_of_another_spelling(tmp_path: Path) -> None:
    spelt(tmp_path, SPELT).run()
    made = spelt(tmp_path, OTHERWISE)
    edition = OpenStudies(made.experiment, made.store, made.observer.note)
    (study,) = made.studies
    edition.begin_anew(study, made.experiment.search)
    assert edition.open([study], made.experiment.search) == {study.identity: {}}
    assert not made.observer.notes


def test_a_kill_leaves_no_trial_of_another_spelling_without_where_it_was_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = spelt(tmp_path, SPELT)
    before.run()
    first = spelt(tmp_path, OTHERWISE)
    with monkeypatch.context() as patched:
        patched.setattr(StudyStore, "add_provenance", killed)
        with pytest.raises(KeyboardInterrupt):
            first.run()
    again = spelt(tmp_path, OTHERWISE)
    again.run()
    assert not again.observer.ends
    setups = before.store.provenance(before.present())
    assert again.store.provenance(again.present()) == setups != []


def falls_back(trial: Trial, tell: Tell) -> Outcome:
    """The compiler fails in one trial."""
    outcome = pretend(trial, tell)
    is_first = (trial.variant, trial.index) == ("rnn", 0)
    return replace(outcome, loops="XLA: the compiler failed") if is_first else outcome


def test_provenance_says_with_what_loops_a_trial_ran_that_could_not_compile_its_own(
    tmp_path: Path,
) -> None:
    made = sweep(tmp_path, RANDOM, 2, Quiet())
    made.launcher = InlineLauncher(falls_back)
    made.run()
    setups = {
        study.variant.label: made.store.provenance({study.identity}) for study in made.studies
    }
    (planned,) = setups["gru"]
    assert setups["rnn"] == [planned, {**planned, "loops": "XLA: the compiler failed"}]


def killed(*_: object) -> None:
    raise KeyboardInterrupt


OPERATION = """\
from rnnzoo.lang.primitives import Elementwise

ABOUT = "one number for all"
operation = Elementwise("twice", 1, lambda a: 2 * a, lambda ops, a: 2 * a, "2{}", ("2",))
"""


def test_all_earlier_trials_are_set_aside_in_one_line_that_names_the_files_that_were_edited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = SPEC.format(sampler="random").replace("[rnn, gru]", "[rnn, mine.yaml]")
    (tmp_path / "mine.yaml").write_text(SPELT.replace("tanh(", "twice("))
    file = tmp_path / "experiments" / "operations" / "twice.py"
    file.parent.mkdir(parents=True)
    earlier: dict[str, tuple[dict[str, object], int]] = {}
    for number, huber in enumerate("aab"):
        file.write_text(f"{OPERATION}# edition {number}\n")
        made = sweep(tmp_path, spec, 2, Quiet())
        edition = OpenStudies(made.experiment, made.store, made.observer.note)
        rnn, mine = made.studies
        assert CODE not in edition.attributes(rnn)
        edition.code = {"adding": {("losses", "huber"): huber}}
        if number < 2:
            earlier[mine.identity] = edition.attributes(mine), 3
    assert len(earlier) == 2
    monkeypatch.setattr(plugins, "file", lambda kind, name: f"{kind}/{name}.py")
    edition.set_aside(mine, earlier, ())
    # which kept no digests
    older = {"of an older version": ({"parts": {**mine.parts, "cell": "another"}}, 2)}
    edition.set_aside(mine, older, ())
    assert made.observer.notes == [
        "mine: the cell changed (losses/huber.py, operations/twice.py);"
        " the trials of 2 earlier versions, at most 3 of each, are set aside",
        "mine: the cell changed; 2 trials run before are set aside",
    ]


@pytest.mark.parametrize("sampler", [slow("random"), "tpe"])
def test_trials_that_failed_begin_once_more_when_it_is_asked_for(
    sampler: str, tmp_path: Path
) -> None:
    spec = SPEC.format(sampler=sampler)
    failed = sweep(tmp_path, spec, 2, Quiet(), work=hopeless)
    failed.run()
    tracker = failed.tracker
    quiet = sweep(tmp_path, spec, 2, Quiet(), tracker)
    quiet.run()
    assert not quiet.observer.ends
    assert quiet.observer.notes == ["8 of them are failed; `again='failed'` begins these once more"]
    other = sweep(tmp_path, spec, 2, Quiet(), tracker)
    other.again = (Kind.TIMED_OUT,)
    other.run()
    assert not other.observer.ends
    again = sweep(tmp_path, spec, 2, Quiet(stop_after=5), tracker)
    again.again = (Kind.FAILED,)
    with pytest.raises(KeyboardInterrupt):
        again.run()
    # what was begun goes on without being asked again
    last = sweep(tmp_path, spec, 2, Quiet(), tracker)
    last.run()
    assert len(last.observer.ends) == 3
    assert [result.outcome.kind for result in last.results()] == [Kind.COMPLETE] * 8
    assert tracker.results("loop") == last.results()
    record = last.store.record("loop")
    # those that the interruption cut off, and none of those that failed
    assert sum(record.interrupted.values()) <= 2


def test_data_that_change_end_the_sweep_and_are_booked_against_nobody(tmp_path: Path) -> None:
    spec = SPEC.format(sampler="random")
    ran = sweep(tmp_path, spec, 2, Quiet(), work=changed_data)
    with pytest.raises(
        StoreError, match=r"data of 'adding' changed while the sweep ran\n  fix: put them back$"
    ):
        ran.run()
    assert {result.outcome.kind for result in ran.results()} <= {Kind.COMPLETE}
    later = sweep(tmp_path, spec, 2, Quiet())
    later.run()
    assert [result.outcome.kind for result in later.results()] == [Kind.COMPLETE] * 8


@pytest.mark.parametrize(
    ("work", "now"),
    [
        (changed_data, "B = 1"),
        (hopeless, "B ="),
        (hopeless, None),
        slow(changed_data, "B ="),
        slow(changed_data, None),
        slow(hopeless, "B = 1"),
    ],
)
def test_a_loss_that_is_edited_while_a_sweep_runs_is_named(
    work: Work, now: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = Path("experiments/losses/mine.py")
    file.parent.mkdir(parents=True)
    file.write_text("A = 1")
    here = sweep(tmp_path, SPEC.format(sampler="random"), 2, Quiet(), work=work)
    here.code = {"adding": {("losses", "mine"): plugins.digest("losses", "mine")}}
    if now is None:
        file.unlink()
    else:
        file.write_text(now)
    with pytest.raises(StoreError, match=r"losses/mine.py changed while the sweep ran\n  fix: put"):
        here.run()
    assert {result.outcome.kind for result in here.results()} <= {Kind.COMPLETE}


def test_a_sweep_whose_own_code_changes_is_stopped_and_goes_on_with_the_same_seeds(
    tmp_path: Path,
) -> None:
    spec = SPEC.format(sampler="random")
    whole = sweep(tmp_path / "whole", spec, 2, Quiet())
    whole.run()
    edited = sweep(tmp_path, spec, 2, Quiet(), work=hopeless)
    edited.package = {**edited.package, "nn/train.py": (0, 0)}
    with pytest.raises(
        StoreError, match=r"^rnnzoo/nn/train.py changed while the sweep ran\n  fix: give the same"
    ):
        edited.run()
    assert not edited.results()
    later = sweep(tmp_path, spec, 2, Quiet())
    later.run()
    assert by_key(later.results()) == by_key(whole.results())


def test_a_variant_that_only_fails_is_told_after_three_trials_and_once(tmp_path: Path) -> None:
    ran = sweep(tmp_path, SPEC.format(sampler="random"), 1, Quiet(), work=hopeless)
    ran.run()
    told = "its first 3 trials all ended as failed: RuntimeError: the data is not there"
    assert sorted(ran.observer.notes) == [f"gru: {told}", f"rnn: {told}"]


class Vandal(Quiet):
    """Damages the storage after some trials."""

    path: Path = Path()

    def ended(self, study: Study, trial: Trial, outcome: Outcome) -> None:
        super().ended(study, trial, outcome)
        if len(self.ends) == 3:
            for path in self.path.parent.glob("optuna.db*"):
                path.write_bytes(b"this is no database" * 1000)


def test_a_storage_that_breaks_in_the_middle_is_told_plainly_and_nothing_runs_on(
    tmp_path: Path,
) -> None:
    vandal = Vandal()
    vandal.path = tmp_path / "optuna.db"
    ran = sweep(tmp_path, SPEC.format(sampler="random"), 2, vandal)
    with pytest.raises(
        StoreError, match=r"the storage at .* cannot be used: .*\n  fix: it is damaged"
    ):
        ran.run()
    assert not ran.launcher.children


def test_a_sweep_that_is_refused_leaves_the_tracker_of_the_one_that_runs_alone(
    tmp_path: Path,
) -> None:
    """What the running one is just writing looks like what a dead one left half written, and would
    be deleted.
    """

    class Untouched(MemoryTracker):
        def open(self, experiment: str, about: str, artifacts: Mapping[str, str]) -> None:
            raise AssertionError

    refused = sweep(tmp_path, SPEC.format(sampler="random"), 1, Quiet(), Untouched())
    with (
        held(refused.runs / "lock", "loop"),
        pytest.raises(StoreError, match="another sweep of 'loop' is running"),
    ):
        refused.run()
