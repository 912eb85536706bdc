"""Sweeps that are killed at any moment: whatever is killed, the same command goes on and the books balance."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rnnzoo.spec.trial import Kind
from tests.endurance.loop import NAME, TRIALS, stores

ROOT = Path(__file__).parents[2]
LONGEST = 11.0  # seconds: a kill falls somewhere from the first import to the end of the sweep
GOES = 15.0  # seconds within which nothing of a killed sweep may run any more
PLANNED = 2 * (TRIALS + 3)  # two variants, their kept trials once more

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found in /proc")


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    command: str


def of_session(session: int) -> list[Process]:
    """The living processes of a session."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            state, parent, _, its = fields[0], int(fields[1]), fields[2], int(fields[3])
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (OSError, ValueError):
            continue  # it ended while we looked
        if its == session and state != "Z":
            found.append(Process(int(folder.name), parent, command))
    return found


@dataclass
class Killer:
    """Runs the sweep of a folder again and again, and kills something of it each time."""

    folder: Path
    rng: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    orphans: list[Process] = field(default_factory=list)

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.endurance.loop", str(self.folder)]
        with (self.folder / "out.txt").open("ab") as out:
            return subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, start_new_session=True)

    def kill_one(self, what: str) -> None:
        """Start, kill at a random moment; where the rest of it lives on, let it run to its end."""
        sweep = self.start()
        end = time.monotonic() + self.rng.uniform(0.0, LONGEST)
        while time.monotonic() < end and sweep.poll() is None:
            time.sleep(0.01)
        for pid in self.victims(what, sweep.pid):
            try:
                os.kill(pid, signal.SIGKILL)
                self.kills[what] += 1
            except ProcessLookupError:
                continue
        sweep.wait(timeout=120)
        self.wait_until_gone(sweep.pid)

    def victims(self, what: str, session: int) -> list[int]:
        alive = of_session(session)
        servers = {one.pid for one in alive if "forkserver" in one.command and one.parent == session}
        trials = [one.pid for one in alive if one.parent in servers]
        return {
            "sweep": [session],
            "fork server": sorted(servers),
            "trial": [self.rng.choice(trials)] if trials else [],
            "everything": [one.pid for one in alive],
        }[what]

    def wait_until_gone(self, session: int) -> None:
        """What still runs some seconds later is an orphan; it is ended, and told."""
        end = time.monotonic() + GOES
        while (left := of_session(session)) and time.monotonic() < end:
            time.sleep(0.05)
        self.orphans += left
        for one in left:
            os.kill(one.pid, signal.SIGKILL)

    def finish(self) -> str:
        """One run that is left alone."""
        sweep = self.start()
        code = sweep.wait(timeout=300)
        self.wait_until_gone(sweep.pid)
        assert code == 0, (self.folder / "out.txt").read_text()[-3000:]
        return (self.folder / "out.txt").read_text()


def check_the_books(folder: Path) -> None:
    """Every planned trial is complete exactly once, in both stores alike; nothing is left running anywhere."""
    store, tracker = stores(folder)
    results = store.results(NAME)
    keys = Counter((one.study, one.trial.index) for one in results)
    assert len(keys) == PLANNED
    assert set(keys.values()) == {1}
    assert {one.outcome.kind for one in results} == {Kind.COMPLETE}
    for study in {one.study for one in results}:
        assert store.counts(study)["running"] == 0
    tracked = tracker.results(NAME)
    assert {(one.study, one.trial.index): one for one in tracked} == {
        (one.study, one.trial.index): one for one in results
    }
    assert len(tracked) == PLANNED
    identity = tracker.client.get_experiment_by_name(NAME).experiment_id
    assert not list(tracker.client.search_runs([identity], "attributes.status = 'RUNNING'"))
    for one in results:  # scores are functions of the trial: none was taken for another's
        assert one.outcome.scores["test"] == one.trial.units / 7 + one.trial.seed % 100


WHAT = ("sweep", "fork server", "trial", "everything")


def series(folder: Path, seed: int, kills: int) -> Iterator[Killer]:
    """Series of five kills, each in a folder of its own: the first falls into the making of the databases, or may."""
    rng = random.Random(seed)
    for number in range(0, kills, 5):
        killer = Killer(folder / f"series{number}", rng)
        killer.folder.mkdir()
        for _ in range(min(5, kills - number)):
            killer.kill_one(rng.choice(WHAT))
        killer.finish()
        yield killer


def test_after_a_few_kills_the_books_balance(tmp_path: Path) -> None:
    for killer in series(tmp_path, seed=1, kills=4):
        assert not killer.orphans
        check_the_books(killer.folder)


@pytest.mark.slow
def test_after_a_hundred_kills_the_books_balance(tmp_path: Path) -> None:
    kills: Counter[str] = Counter()
    for killer in series(tmp_path, seed=2, kills=120):
        assert not killer.orphans
        check_the_books(killer.folder)
        kills += killer.kills
    print(dict(kills))
    assert kills.total() >= 100
    assert set(kills) == set(WHAT)
