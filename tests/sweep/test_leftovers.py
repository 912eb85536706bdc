"""Which files of trials may go, and that nothing else does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rnnzoo.spec.trial import CHECKPOINT, LOG, MODEL, STATE
from rnnzoo.sweep.leftovers import STATES, Needed, delete, find, sums

PRESENT, BEFORE = "e/lstm/adding/aaaa", "e/lstm/adding/bbbb"


def written(trials: Path, study: str, index: int, *names: str) -> Path:
    folder = trials / study.partition("/")[2] / f"{index:04d}"
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("12345")
    return folder


@pytest.fixture
def trials(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "e" / "trials"


def real(*folders: Path) -> set[str]:
    return {os.path.realpath(folder) for folder in folders}


def test_each_file_may_go_for_its_own_reason(trials: Path) -> None:
    best = written(trials, PRESENT, 0, MODEL, LOG)
    worse = written(trials, PRESENT, 1, MODEL, LOG, CHECKPOINT)
    written(trials, PRESENT, 2, LOG, CHECKPOINT)  # cut off: it has no outcome
    written(trials, BEFORE, 0, MODEL, LOG)
    taken = written(trials, BEFORE, 1, MODEL, LOG)  # counts in the present edition
    shared = written(trials, BEFORE, 2, MODEL, LOG)  # counts in another experiment
    needed = Needed({PRESENT}, real(best, worse, taken), real(best), elsewhere=real(shared))
    leftovers = find("e", trials, needed)
    places = {
        (leftover.path.relative_to(trials).as_posix(), leftover.why) for leftover in leftovers
    }
    assert places == {
        ("lstm/adding/aaaa/0001/model.keras", "models that are not the best"),
        ("lstm/adding/aaaa/0001/checkpoint.npz", "half-written"),
        ("lstm/adding/aaaa/0002/log.txt", "half-written"),
        ("lstm/adding/aaaa/0002/checkpoint.npz", "half-written"),
        ("lstm/adding/bbbb/0000/model.keras", "old editions"),
        ("lstm/adding/bbbb/0000/log.txt", "old editions"),
        ("lstm/adding/bbbb/0001/model.keras", "models that are not the best"),
    }
    assert sums(leftovers) == {
        "old editions": (2, 1, 10),
        "models that are not the best": (2, 2, 10),
        "half-written": (3, 2, 15),
    }
    delete(leftovers, trials)
    left = {path.relative_to(trials).as_posix() for path in trials.rglob("*") if path.is_file()}
    assert left == {
        "lstm/adding/aaaa/0000/model.keras",
        "lstm/adding/aaaa/0000/log.txt",
        "lstm/adding/aaaa/0001/log.txt",
        "lstm/adding/bbbb/0001/log.txt",
        "lstm/adding/bbbb/0002/model.keras",
        "lstm/adding/bbbb/0002/log.txt",
    }
    assert not (trials / "lstm/adding/bbbb/0000").exists()


def test_what_runs_or_waits_is_left_alone(trials: Path) -> None:
    written(trials, PRESENT, 0, LOG, CHECKPOINT)
    assert find("e", trials, Needed({PRESENT}, (), (), unfinished={PRESENT})) == []


def test_what_is_not_ours_is_not_touched(trials: Path, tmp_path: Path) -> None:
    folder = written(trials, BEFORE, 0, MODEL, "mine.txt")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / MODEL).write_text("12345")
    (trials / "lstm/adding/bbbb/0001").symlink_to(elsewhere, target_is_directory=True)
    (folder / LOG).symlink_to(elsewhere / MODEL)
    for other in ("lstm/adding/bbbb/notes", "lstm/adding/bbbb/7", "lstm~x/adding/bbbb/0000"):
        (trials / other).mkdir(parents=True)
        (trials / other / MODEL).write_text("12345")
    leftovers = find("e", trials, Needed((), (), ()))
    assert [leftover.path for leftover in leftovers] == [folder / MODEL]
    delete(leftovers, trials)
    assert (folder / "mine.txt").exists()
    assert (elsewhere / MODEL).exists()


def test_a_folder_that_is_not_there_has_nothing(trials: Path) -> None:
    assert find("e", trials, Needed((), (), ())) == []


def test_nothing_above_the_trials_is_deleted_with_the_last_of_them(trials: Path) -> None:
    written(trials, BEFORE, 0, MODEL)
    delete(find("e", trials, Needed((), (), ())), trials)
    assert trials.is_dir()
    assert list(trials.iterdir()) == []


def test_states_of_finished_trainings_are_told_apart(trials: Path) -> None:
    """So are files of earlier editions from which trials go on that have not ended."""
    ended = written(trials, PRESENT, 0, STATE)
    begins = written(trials, BEFORE, 1, CHECKPOINT, MODEL)
    written(trials, BEFORE, 2, STATE)
    beginnings = {os.path.realpath(begins / CHECKPOINT)}
    needed = Needed({PRESENT}, real(ended), (), beginnings=beginnings)
    reasons = {
        leftover.path.relative_to(trials).as_posix(): leftover.why
        for leftover in find("e", trials, needed)
    }
    assert reasons == {
        "lstm/adding/aaaa/0000/state.npz": STATES,
        "lstm/adding/bbbb/0001/checkpoint.npz": STATES,
        "lstm/adding/bbbb/0001/model.keras": "old editions",
        "lstm/adding/bbbb/0002/state.npz": "old editions",
    }


@pytest.mark.parametrize("study", [PRESENT, BEFORE])
def test_what_another_experiment_has_taken_over_stays_with_its_state(
    trials: Path, study: str
) -> None:
    taken = written(trials, study, 0, MODEL, STATE, LOG)
    own = real(taken) if study == PRESENT else ()
    assert find("e", trials, Needed({PRESENT}, own, (), elsewhere=real(taken))) == []
