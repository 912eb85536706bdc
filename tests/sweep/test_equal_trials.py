"""Trials of earlier editions and of other experiments that are a study's own to the bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.trial import Ending, Kind, Outcome, Result, Trial
from rnnzoo.sweep import equal
from rnnzoo.sweep.search import Store, StudyStore
from tests.sweep.loop import RANDOM, Quiet, by_key, sweep

pytestmark = pytest.mark.usefixtures("shared_fork_servers")
NARROWER = RANDOM.replace("choice: [4, 8, 16]", "choice: [4, 8]")
RENAMED = RANDOM.replace("experiment: loop", "experiment: renamed")


def test_trials_that_an_edit_leaves_as_they_were_count(
    ran_before: Callable[[Path], None], tmp_path: Path
) -> None:
    """The same places in other choices are partly the same settings."""
    ran_before(tmp_path)
    edited = sweep(tmp_path, NARROWER, 2, Quiet())
    edited.run()
    (tmp_path / "fresh").mkdir()
    fresh = sweep(tmp_path / "fresh", NARROWER, 2, Quiet())
    fresh.run()
    taken = len(fresh.observer.ends) - len(edited.observer.ends)
    assert 0 < taken < 8
    assert by_key(edited.results()) == by_key(fresh.results())
    notes = [note for note in edited.observer.notes if "of an earlier version" in note]
    assert sum(int(note.split()[1]) for note in notes) == taken
    again = sweep(tmp_path, NARROWER, 2, Quiet())
    again.run()
    assert (again.observer.ends, again.observer.notes) == ([], [])


def test_known_points_leave_the_trials_behind_them(
    ran_before: Callable[[Path], None], tmp_path: Path
) -> None:
    ran_before(tmp_path)
    point = "points: [{units: 16, learning_rate: 0.01, optimizer: adam}]"
    known = sweep(tmp_path, RANDOM.replace("  seed: 2", f"  seed: 2\n  {point}"), 2, Quiet())
    known.run()
    assert [end.index for end in known.observer.ends] == [0, 0]
    assert len(known.results()) == 8


def test_a_renamed_experiment_keeps_its_trials_and_replicates(tmp_path: Path) -> None:
    kept = "select: {keep: 3, replicates: 1}\n"
    before = sweep(tmp_path, RANDOM + kept, 2, Quiet())
    before.run()
    renamed = sweep(tmp_path, RENAMED + kept, 2, Quiet())
    renamed.shared = renamed.store.named_before(str(tmp_path / "loop.yaml"), "renamed")
    assert renamed.shared == ["loop"]
    renamed.run()
    assert not renamed.observer.ends
    assert renamed.observer.notes == [
        f"{name}: 4 trials of 'loop' are the same here, and count" for name in ("rnn", "gru")
    ]
    now = [(result.key.rest, result.trial.index, result.outcome) for result in renamed.results()]
    assert now == [
        (result.key.rest, result.trial.index, result.outcome) for result in before.results()
    ]
    setups = renamed.store.provenance(renamed.present())
    assert setups == before.store.provenance(before.present())


def test_a_kill_leaves_no_trial_of_another_experiment_without_where_it_was_run(
    ran_before: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    ran_before(tmp_path)
    first, renamed = (sweep(tmp_path, RENAMED, 2, Quiet()) for _ in range(2))
    first.shared = renamed.shared = ["loop"]
    with monkeypatch.context() as patched:
        patched.setattr(StudyStore, "add_provenance", killed)
        with pytest.raises(KeyboardInterrupt):
            first.run()
    renamed.run()
    assert not renamed.observer.ends
    setups = [renamed.store.provenance({study.identity}) for study in renamed.studies]
    assert len(setups) == 2
    assert all(setups)


def test_trials_that_depend_on_others_are_not_shared(
    ran_before: Callable[[Path], None], tmp_path: Path
) -> None:
    ran_before(tmp_path)
    pruned = RENAMED.replace("  seed: 2", "  seed: 2\n  pruner: median")
    other = sweep(tmp_path, pruned, 2, Quiet())
    other.shared = other.store.experiments()
    other.run()
    assert len(other.observer.ends) == 8


def test_another_seed_has_no_trial_in_common(
    ran_before: Callable[[Path], None], tmp_path: Path
) -> None:
    ran_before(tmp_path)
    other = sweep(tmp_path, RENAMED.replace("seed: 2", "seed: 3"), 2, Quiet())
    other.shared = ["loop"]
    other.run()
    assert len(other.observer.ends) == 8


WIDER = RANDOM.replace("choice: [4, 8, 16]", "choice: [4, 8, 16, 32, 64]").replace(
    "  seed: 2", "  seed: 2\n  earlier: {trials: 4, space: {units: {choice: [4, 8, 16]}}}"
)


def test_a_widened_search_keeps_its_trials_and_goes_on_in_the_wider_space(
    ran_before: Callable[[Path], None], tmp_path: Path
) -> None:
    ran_before(tmp_path)
    before = by_key(Store(f"sqlite:///{tmp_path}/optuna.db").results("loop"))
    wider = sweep(tmp_path, WIDER.replace("trials: 4\n", "trials: 9\n"), 2, Quiet())
    wider.run()
    assert sorted({end.index for end in wider.observer.ends}) == [4, 5, 6, 7, 8]
    assert before.items() <= by_key(wider.results()).items()
    assert any(end.hyperparameters["units"] > 16 for end in wider.observer.ends)


# ------------------------------------------------------------------ other numbers of epochs


def ran(epochs: int, ending: Ending, run: int, kind: Kind = Kind.COMPLETE) -> Result:
    curve = tuple({"epoch": number} for number in range(1, run + 1))
    outcome = Outcome(kind, {"validation": 1.0}, curve, ending=ending)
    return Result(trial(epochs), outcome, "e/lstm/adding/1")


def trial(epochs: int, schedule: str = "constant") -> Trial:
    training = Training(epochs=epochs, schedule=schedule)
    return Trial("e", "lstm", "", "adding", 0, {"units": 4}, seed=1, training=training)


@pytest.mark.parametrize(
    ("now", "before", "same"),
    [
        (trial(50), ran(25, Ending.PATIENCE, 12), True),
        (trial(10), ran(25, Ending.PATIENCE, 12), False),  # would have ended before
        (trial(12), ran(25, Ending.PATIENCE, 12), False),  # there `epochs` would have ended it
        (trial(13), ran(25, Ending.PATIENCE, 12), True),
        (trial(50), ran(25, Ending.EPOCHS, 25), False),  # it might have gone on
        (trial(25), ran(25, Ending.EPOCHS, 25), True),
        (trial(50), ran(25, Ending.UNKNOWN, 12), False),
        (trial(50), ran(25, Ending.DIVERGED, 3, Kind.DIVERGED), True),
        (trial(2), ran(25, Ending.DIVERGED, 3, Kind.DIVERGED), False),
        (trial(25), ran(25, Ending.UNKNOWN, 3, Kind.FAILED), False),
    ],
)
def test_a_training_that_patience_ended_is_the_same_with_other_epochs(
    now: Trial, before: Result, same: bool
) -> None:
    assert equal.is_equal(now, before) is same


def test_under_a_cosine_every_epoch_depends_on_how_many_there_are() -> None:
    before = ran(25, Ending.PATIENCE, 12)
    cosine = replace(before, trial=trial(25, "cosine"))
    assert equal.is_equal(trial(25, "cosine"), cosine)
    assert not equal.is_equal(trial(50, "cosine"), cosine)
