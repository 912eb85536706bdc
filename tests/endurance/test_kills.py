"""Sweeps that are killed at any moment: whatever is killed, the same command goes on and the books
balance.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rnnzoo.spec.trial import Kind, Outcome, StudyKey
from tests.endurance.loop import BOTH, NAME, SPEC, TRIALS, stores

ROOT = Path(__file__).parents[2]
LONGEST = 30.0  # seconds until there must be something to kill
# Seconds from the moment that it is there: the sweep's from its first import on, over the making of
# the databases
MOMENTS = {"sweep": 8.0, "everything": 8.0, "fork server": 1.5, "trial": 0.15}
SERVER = "launchers._server"  # in the command of a fork server
GOES = 15.0  # seconds within which nothing of a killed sweep may run any more
PLANNED = 2 * (TRIALS + 3)  # two variants, their kept trials once more

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="processes are found in /proc"
)


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    command: str


def of_session(session: int) -> list[Process]:
    """The living processes of a session."""
    processes = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            state, parent, _, its = fields[0], int(fields[1]), fields[2], int(fields[3])
            command = (
                (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            )
        except (OSError, ValueError):
            continue  # it ended while we looked
        if its == session and state != "Z":
            processes.append(Process(int(folder.name), parent, command))
    return processes


@dataclass
class Killer:
    """Runs the sweep of a folder again and again, and kills something of it each time."""

    folder: Path
    rng: random.Random
    storage: str = ""
    spec: str = SPEC
    kills: Counter[str] = field(default_factory=Counter)
    orphans: list[Process] = field(default_factory=list)

    def start(self) -> subprocess.Popen[bytes]:
        program = (
            "import pathlib, sys; from tests.endurance.loop import main;"
            " main(pathlib.Path(sys.argv[1]), *sys.argv[2:])"
        )
        command = [sys.executable, "-c", program, str(self.folder), self.storage, self.spec]
        with (self.folder / "out.txt").open("ab") as out:
            return subprocess.Popen(
                command, cwd=ROOT, stdout=out, stderr=out, start_new_session=True
            )

    def kill_one(self, victim: str) -> bool:
        """Start, kill at a random moment, let what lives on run to its end; False where it had
        ended before.
        """
        sweep = self.start()
        self.wait_for(sweep, lambda: bool(self.victims(victim, sweep.pid)), LONGEST)
        self.wait_for(sweep, lambda: False, self.rng.uniform(0.0, MOMENTS[victim]))
        victims = self.victims(victim, sweep.pid)
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        sweep.wait(timeout=120)
        self.wait_until_gone(sweep.pid)
        self.kills[victim] += bool(victims)
        return bool(victims)

    def wait_for(
        self, sweep: subprocess.Popen[bytes], until: Callable[[], bool], seconds: float
    ) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and sweep.poll() is None and not until():
            time.sleep(0.01)

    def victims(self, victim: str, session: int) -> list[int]:
        alive = of_session(session)
        servers = {
            process.pid
            for process in alive
            if SERVER in process.command and process.parent == session
        }
        trials = [process.pid for process in alive if process.parent in servers]
        return {
            "sweep": [session],
            "fork server": sorted(servers),
            "trial": [self.rng.choice(trials)] if trials else [],
            "everything": [process.pid for process in alive],
        }[victim]

    def wait_until_gone(self, session: int) -> None:
        """What still runs some seconds later is an orphan; it is ended, and told."""
        end = time.monotonic() + GOES
        while (left := of_session(session)) and time.monotonic() < end:
            time.sleep(0.05)
        self.orphans += left
        for process in left:
            os.kill(process.pid, signal.SIGKILL)

    def finish(self) -> str:
        """One run that is left alone."""
        sweep = self.start()
        code = sweep.wait(timeout=300)
        self.wait_until_gone(sweep.pid)
        assert code == 0, (self.folder / "out.txt").read_text()[-3000:]
        return (self.folder / "out.txt").read_text()


def check_the_books(folder: Path, storage: str = "", planned: int = PLANNED) -> None:
    """Every planned trial is complete exactly once, in both stores alike; nothing is left running
    anywhere.
    """
    store, tracker = stores(folder, storage)
    record = store.record(NAME)
    results = record.results
    keys = Counter((result.study, result.trial.index) for result in results)
    assert len(keys) == planned
    assert set(keys.values()) == {1}
    assert {result.outcome.kind for result in results} == {Kind.COMPLETE}
    assert not record.running
    tracked = tracker.results(NAME)
    assert {(result.study, result.trial.index): result for result in tracked} == {
        (result.study, result.trial.index): result for result in results
    }
    assert len(tracked) == planned
    identity = tracker.client.get_experiment_by_name(NAME).experiment_id
    assert not list(tracker.client.search_runs([identity], "attributes.status = 'RUNNING'"))
    for result in results:  # scores are functions of the trial: none was taken for another's
        assert result.outcome.scores["test"] == result.trial.units / 7 + result.trial.seed % 100


def series(folder: Path, seed: int, kills: int, made: bool = False) -> Iterator[Killer]:
    """Series of up to four kills, each series in a folder of its own, so that some fall into the
    making of the databases, unless they are `made` before.

    A series ends with a run that is left alone; one in which nothing was left to kill is another
    such run.
    """
    rng, done, number = random.Random(seed), 0, 0
    while done < kills:
        killer = Killer(folder / f"series{number}", rng)
        killer.folder.mkdir()
        if made:
            stores(killer.folder)
        number += 1
        for _ in range(min(4, kills - done)):
            if not killer.kill_one(rng.choice(list(MOMENTS))):
                break
        done += killer.kills.total()
        killer.finish()
        yield killer


def test_after_a_kill_the_books_balance(tmp_path: Path) -> None:
    for killer in series(tmp_path, seed=1, kills=1, made=True):
        assert not killer.orphans
        check_the_books(killer.folder)


@pytest.mark.slow
def test_after_a_hundred_kills_the_books_balance(tmp_path: Path) -> None:
    kills: Counter[str] = Counter()
    sweeps = 0
    for killer in series(tmp_path, seed=2, kills=int(os.environ.get("RNNZOO_KILLS", "100"))):
        assert not killer.orphans
        check_the_books(killer.folder)
        kills += killer.kills
        sweeps += 1
    print(
        "\n"
        f"{kills.total()} kills {dict(kills)} in {sweeps} sweeps of {PLANNED} trials: none lost or"
        " doubled, no process orphaned, no run left RUNNING"
    )
    assert set(kills) == set(MOMENTS)


@pytest.mark.slow
def test_kills_on_rungs_and_in_the_second_stage_change_no_outcome(tmp_path: Path) -> None:
    check_both_stages(tmp_path, kills=int(os.environ.get("RNNZOO_KILLS", "100")) // 4, seed=4)


def check_both_stages(folder: Path, kills: int, seed: int) -> None:
    """A sweep that is killed so often has the outcomes of one left alone, in both stores."""
    alone = Killer(folder / "alone", random.Random(seed), spec=BOTH)
    alone.folder.mkdir()
    alone.finish()
    expected = outcomes(alone.folder)
    stages = Counter(StudyKey.parse(study).stage for study, _ in expected)
    assert set(stages) == {"", "pilot", "round"}
    done = number = 0
    while done < kills:
        killer = Killer(folder / f"killed{number}", random.Random(seed + number), spec=BOTH)
        killer.folder.mkdir()
        while done + killer.kills.total() < kills and killer.kill_one(
            killer.rng.choice(["sweep", "everything", "trial"])
        ):
            pass
        done, number = done + killer.kills.total(), number + 1
        killer.finish()
        assert not killer.orphans
        assert outcomes(killer.folder) == expected


def outcomes(folder: Path) -> dict[tuple[str, int], Outcome]:
    """By study and index, in the storage and in MLflow alike."""
    store, tracker = stores(folder)
    record = store.record(NAME)
    assert not record.running
    kept = {(result.study, result.trial.index): result.outcome for result in record.results}
    assert len(kept) == len(record.results)
    assert {(r.study, r.trial.index): r.outcome for r in tracker.results(NAME)} == kept
    return kept
