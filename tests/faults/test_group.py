"""Signals to all processes of a sweep at once, as a terminal, `timeout`, Slurm and systemd send
them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnzoo.spec.trial import Kind
from tests.endurance.test_kills import ROOT, SERVER, of_session
from tests.faults import group

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="processes are found in /proc"
)
DESK = "launchers._desk"  # in the command of a population
COMMAND = [sys.executable, "-m", "tests.faults.group"]


def importing(session: int, told: str) -> bool:
    """The fork server runs, and is busy with its imports."""
    return "started" in told and any(SERVER in process.command for process in of_session(session))


def within_a_trial(session: int, told: str) -> bool:
    return any(
        process.parent != session and SERVER in process.command for process in of_session(session)
    )


def within_a_population(session: int, told: str) -> bool:
    return any(DESK in process.command for process in of_session(session)) and "started" in told


def between_two(session: int, told: str) -> bool:
    """A trial has just ended, and the next one is begun."""
    return "ended" in told


def heeding() -> None:
    """A job of the background inherits that SIGINT is ignored, one under `nohup` that SIGHUP is."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize(
    ("number", "moment", "launcher"),
    [
        (signal.SIGTERM, within_a_trial, "local"),
        (signal.SIGTERM, within_a_population, "population"),
        *(
            pytest.param(number, moment, "local", marks=pytest.mark.slow)
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
            for moment in (importing, within_a_trial, between_two)
        ),
        *(
            pytest.param(number, moment, "population", marks=pytest.mark.slow)
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
            for moment in (within_a_population, between_two)
        ),
    ],
)  # fmt: skip
def test_a_signal_to_the_group_interrupts_a_sweep_and_its_trials_run_again(
    number: signal.Signals, moment: Callable[[int, str], bool], launcher: str, tmp_path: Path
) -> None:
    command = [*COMMAND, str(tmp_path), launcher]
    with (tmp_path / "out.txt").open("wb") as out:
        sweep = subprocess.Popen(
            command, cwd=ROOT, stdout=out, stderr=out, start_new_session=True,
            preexec_fn=heeding,  # noqa: PLW1509
        )  # fmt: skip
    end = time.monotonic() + 60
    while not moment(sweep.pid, (tmp_path / "out.txt").read_text()):
        assert sweep.poll() is None, (tmp_path / "out.txt").read_text()
        assert time.monotonic() < end
        time.sleep(0.02)
    os.killpg(sweep.pid, number)
    assert sweep.wait(30) == 130, (tmp_path / "out.txt").read_text()
    told = (tmp_path / "out.txt").read_text()
    assert "Traceback" not in told
    assert {line.split()[2] for line in told.splitlines() if line.startswith("ended")} <= {
        "complete",
        "interrupted",
    }
    while left := of_session(sweep.pid):
        assert time.monotonic() < end, left
        time.sleep(0.02)
    (tmp_path / "hurry").touch()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    record = group.store(tmp_path).record("group")
    assert [(result.trial.index, result.outcome.kind) for result in record.results] == [
        (index, Kind.COMPLETE) for index in range(6)
    ]
    assert not record.running
