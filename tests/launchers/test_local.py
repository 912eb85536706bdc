"""Trials in children: whatever happens in one ends that one and nothing else."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import time
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rnnzoo.errors import StoreError
from rnnzoo.launchers import Setup, Tell, resize
from rnnzoo.launchers._checked import CheckedLauncher
from rnnzoo.launchers.local import LocalLauncher
from rnnzoo.spec.trial import Kind, Outcome, Trial
from tests.launchers.work import behave


@pytest.fixture
def launcher() -> Iterator[LocalLauncher]:
    made = LocalLauncher(Setup(behave, workers=2))
    yield made
    made.close()


def test_it_can_be_told_how_many_trials_it_runs_at_once_also_behind_a_check(
    launcher: LocalLauncher,
) -> None:
    resize(launcher, 5)
    assert launcher.capacity() == 5
    resize(CheckedLauncher(launcher, None), 3)
    assert launcher.capacity() == 3
    resize(CheckedLauncher(types.SimpleNamespace(), None), 3)  # which cannot be told


def trial(behaviour: str, index: int = 0, folder: str = "") -> Trial:
    return Trial("e", behaviour, "name: v", "adding", index, {}, seed=0, folder=folder)


def outcome(launcher: LocalLauncher, asked: Trial) -> Outcome:
    ticket = launcher.submit(asked)
    while True:
        event = launcher.wait(30)
        assert event is not None
        assert event.ticket == ticket
        if isinstance(event.news, Outcome):
            return event.news
        launcher.answer(ticket, True)


def test_a_signal_to_the_group_ends_no_child_that_was_just_forked() -> None:
    launcher = LocalLauncher(Setup(behave, 1, ("tests.faults.early_signals",)))
    assert outcome(launcher, trial("complete")).kind is Kind.COMPLETE
    launcher.close()


@pytest.mark.parametrize(
    ("behaviour", "kind", "words"),
    [
        ("complete", Kind.COMPLETE, ""),
        ("raising", Kind.FAILED, "something broke"),
        ("crashing", Kind.FAILED, "SIGSEGV"),
        ("killed", Kind.FAILED, "SIGKILL: perhaps the machine ran out of memory"),
        ("exhausting", Kind.OUT_OF_MEMORY, "not enough memory"),
        ("reporting", Kind.COMPLETE, ""),
    ],
)
def test_however_a_trial_ends_it_is_an_outcome_of_its_kind(
    launcher: LocalLauncher, behaviour: str, kind: Kind, words: str
) -> None:
    ended = outcome(launcher, trial(behaviour))
    assert ended.kind is kind
    assert words in ended.message
    assert outcome(launcher, trial("complete")).kind is Kind.COMPLETE  # and the next one runs


def test_work_that_cannot_be_imported_any_more_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = types.ModuleType("gone")
    exec("def work(trial, tell): ...", gone.__dict__)
    monkeypatch.setitem(sys.modules, "gone", gone)  # here, and not where trials run
    launcher = LocalLauncher(Setup(gone.work, workers=1))
    try:
        ended = outcome(launcher, trial("complete"))
    finally:
        launcher.close()
    assert ended == Outcome(Kind.FAILED, message="ModuleNotFoundError: No module named 'gone'")


def test_everything_that_a_trial_prints_is_in_its_log(
    launcher: LocalLauncher, tmp_path: Path
) -> None:
    outcome(launcher, trial("printing", folder=str(tmp_path / "a" / "b")))
    text = (tmp_path / "a" / "b" / "log.txt").read_text()
    assert "said by Python" in text
    assert "said by a program" in text
    outcome(launcher, trial("raising", folder=str(tmp_path)))
    assert "Traceback" in (tmp_path / "log.txt").read_text()


def test_a_trial_has_one_thread_and_the_sweep_keeps_its_own_environment(
    launcher: LocalLauncher, monkeypatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert outcome(launcher, trial("environment")).scores["threads"] == 1
    assert "OMP_NUM_THREADS" not in os.environ


def test_no_child_goes_on_computing_for_a_sweep_that_was_killed(tmp_path: Path) -> None:
    program = f"""
from rnnzoo.launchers import Setup
from rnnzoo.launchers.local import LocalLauncher
from tests.launchers.test_local import trial
from tests.launchers.work import behave
launcher = LocalLauncher(Setup(behave, 1))
launcher.submit(trial("endless", folder={str(tmp_path)!r}))
launcher.wait()
"""
    owner = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[2])
    pid = wait_for_pid(tmp_path / "log.txt")
    assert alive(pid)
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    assert ends(pid), "the child is still running"


def test_a_moment_of_too_much_memory_is_too_much_however_often_somebody_looks() -> None:
    with_limit = LocalLauncher(Setup(behave, workers=3, memory=2.0**27))
    try:
        for index in range(3):
            with_limit.submit(trial("peaking", index))
        ends = [with_limit.wait(30) for _ in range(3)]
    finally:
        with_limit.close()
    message = "it held more than 128 MiB of memory"
    assert [event.news for event in ends if event] == [
        Outcome(Kind.OUT_OF_MEMORY, message=message)
    ] * 3


@pytest.mark.parametrize(
    "number", [errno.EROFS, errno.EACCES, errno.EIO, errno.EMFILE, errno.ENOSPC]
)
@pytest.mark.parametrize("behaviour", ["unwritable", "unwritable_in_words"])
def test_no_trial_is_blamed_for_what_its_machines_file_system_refuses(
    launcher: LocalLauncher, behaviour: str, number: int
) -> None:
    ended = outcome(launcher, replace(trial(behaviour), base=str(number)))
    assert ended.kind is Kind.INTERRUPTED
    assert os.strerror(number) in ended.message
    assert re.search(r"\n  fix: .+, and give the same command again", ended.message)


def test_a_script_without_a_main_guard_is_not_run_by_its_trials_and_a_long_tmpdir_is_no_matter(
    tmp_path: Path,
) -> None:
    """A path longer than a socket's may be (107 bytes) is what batch systems set."""
    script, long = tmp_path / "script.py", tmp_path / ("x" * 100)
    long.mkdir()
    script.write_text("""
from rnnzoo.launchers import Setup
from rnnzoo.launchers.local import LocalLauncher
from tests.launchers.test_local import outcome, trial
from tests.launchers.work import behave
print("run")
launcher = LocalLauncher(Setup(behave, 1))
for index in range(2):
    print(outcome(launcher, trial("complete", index)).kind)
launcher.close()
""")
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TMPDIR": str(long)},
    )  # fmt: skip
    assert done.stdout.split() == ["run", "complete", "complete"], done.stderr


def test_a_work_function_of_the_main_module_is_refused() -> None:
    def work(given: Trial, tell: Tell) -> Outcome:
        raise AssertionError

    work.__module__ = "__main__"
    with pytest.raises(ValueError, match="move the work function into a module of its own"):
        LocalLauncher(Setup(work, 1)).submit(trial("complete"))


def test_a_fork_server_that_is_killed_is_replaced_and_what_runs_goes_on(
    launcher: LocalLauncher,
) -> None:
    assert outcome(launcher, trial("complete")).kind is Kind.COMPLETE
    first = launcher._server
    assert first is not None
    running = launcher.submit(trial("napping"))
    while not launcher.children[running].pid:
        launcher.wait(0.01)
    first.process.kill()
    first.process.wait()
    waiting = launcher.submit(trial("complete", 1))
    ends = {}
    while len(ends) < 2:
        event = launcher.wait(30)
        assert event is not None
        ends[event.ticket] = event.news
    assert {
        ticket: news.kind for ticket, news in ends.items() if isinstance(news, Outcome)
    } == dict.fromkeys((running, waiting), Kind.COMPLETE)


def test_a_fork_server_that_cannot_live_is_told_and_not_begun_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    launcher = LocalLauncher(Setup(behave, 1))
    with pytest.raises(StoreError, match="ends before it has started one"):
        outcome(launcher, trial("complete"))
    launcher.close()


def wait_for_pid(log: Path) -> int:
    for _ in range(300):
        if log.is_file() and log.read_text().strip():
            return int(log.read_text())
        time.sleep(0.1)
    raise AssertionError("the child did not start")


def ends(pid: int) -> bool:
    """Whether a process that was told to end has ended within 10 seconds; else it is killed."""
    for _ in range(100):
        if not alive(pid):
            return True
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    return False


def alive(pid: int) -> bool:
    """A zombie has ended: only its parent has not asked yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
