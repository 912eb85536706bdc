"""A cluster of which workers, nannies, trials, the scheduler and the sweep itself are killed at any
moment: the same command goes on, and the books balance.
"""

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

from rnnzoo.launchers import Setup
from rnnzoo.spec.trial import Kind, Outcome, Progress
from rnnzoo.testing.launchers import next_event, trial
from tests.endurance.loop import SPEC, TRIALS
from tests.endurance.test_kills import GOES, SERVER, Process, check_the_books, of_session
from tests.launchers import work
from tests.launchers.clusters import Cluster, kill, until
from tests.launchers.test_local import ends

ROOT = Path(__file__).parents[2]
WORKERS = 3
LONGEST = 20.0  # seconds between two kills
SEARCHED = 60  # trials of a variant: some seconds, in which several things can be killed
PLANNED = 2 * (SEARCHED + 3)
VICTIMS = {"worker": 6, "nanny": 3, "trial": 3, "fork server": 2, "sweep": 3, "scheduler": 1}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks in /proc"),
]


@dataclass
class Campaign:
    """A sweep on a cluster, and who kills something of both now and then."""

    folder: Path
    rng: random.Random
    cluster: Cluster
    kills: Counter[str] = field(default_factory=Counter)
    orphans: list[Process] = field(default_factory=list)

    def run(self) -> None:
        """Start the sweep until it ends by itself."""
        while True:
            sweep = self.start()
            while sweep.poll() is None:
                self.pause(sweep)
                self.kill_one(sweep)
            self.wait_for_trials()
            if sweep.returncode == 0:
                return

    def start(self) -> subprocess.Popen[bytes]:
        program = (
            "import pathlib, sys; from tests.endurance.loop import main;"
            " main(pathlib.Path(sys.argv[1]), *sys.argv[2:])"
        )
        spec = SPEC.replace(f"trials: {TRIALS}", f"trials: {SEARCHED}")
        command = [sys.executable, "-c", program, str(self.folder), "", spec, self.cluster.address]
        with (self.folder / "out.txt").open("ab") as out:
            return subprocess.Popen(
                command, cwd=ROOT, stdout=out, stderr=out, start_new_session=True
            )

    def pause(self, sweep: subprocess.Popen[bytes]) -> None:
        """Until some more trials have ended, or nothing happens for long; on a busy machine, what
        was killed takes seconds to come back.
        """
        out = self.folder / "out.txt"
        wanted = self.told(out) + self.rng.randrange(12)
        end = time.monotonic() + self.rng.uniform(0.0, LONGEST)
        while self.told(out) < wanted and time.monotonic() < end and sweep.poll() is None:
            time.sleep(0.02)

    def told(self, out: Path) -> int:
        """Lines of trials that ended."""
        return out.read_bytes().count(b" complete\n") if out.exists() else 0

    def kill_one(self, sweep: subprocess.Popen[bytes]) -> None:
        victim = self.rng.choices(list(VICTIMS), list(VICTIMS.values()))[0]
        pids = self.pids(victim, sweep)
        if not pids:
            return
        try:
            os.kill(self.rng.choice(pids), signal.SIGKILL)
        except ProcessLookupError:
            return
        self.kills[victim] += 1
        if victim == "scheduler":
            self.revive()
        for nanny in [each for each in self.cluster.workers if each.poll() is not None]:
            kill(nanny)
            self.cluster.workers.remove(nanny)
            self.cluster.add(nanny=True)

    def pids(self, victim: str, sweep: subprocess.Popen[bytes]) -> list[int]:
        nannies = {each.pid for each in self.cluster.workers}
        processes = [process for pid in nannies for process in of_session(pid)]
        workers = {
            process.pid
            for process in processes
            if process.parent in nannies and "spawn_main" in process.command
        }
        servers = {process.pid for process in processes if SERVER in process.command}
        trials = {process.pid for process in processes if process.parent in servers}
        return sorted(
            {
                "worker": workers,
                "nanny": nannies,
                "trial": trials,
                "fork server": servers - trials,
                "sweep": {sweep.pid},
                "scheduler": {self.cluster.scheduler.pid},
            }[victim]
        )

    def revive(self) -> None:
        """Another scheduler at the same address, and other workers."""
        kill(self.cluster.scheduler)
        for each in self.cluster.workers:
            kill(each)
        self.cluster.workers.clear()
        port = int(self.cluster.address.rpartition(":")[2])
        self.cluster.scheduler = self.cluster.scheduled(port)
        for _ in range(WORKERS):
            self.cluster.add(nanny=True)

    def wait_for_trials(self) -> None:
        """What trials still run some seconds after their sweep are orphans."""
        end = time.monotonic() + GOES
        while (left := list(self.trials())) and time.monotonic() < end:
            time.sleep(0.1)
        self.orphans += left

    def trials(self) -> Iterator[Process]:
        for each in self.cluster.workers:
            processes = of_session(each.pid)
            servers = {process.pid for process in processes if SERVER in process.command}
            yield from (process for process in processes if process.parent in servers)


def test_after_a_hundred_kills_on_a_cluster_the_books_balance(tmp_path: Path) -> None:
    wanted, rng = int(os.environ.get("RNNZOO_KILLS", "100")), random.Random(3)
    kills: Counter[str] = Counter()
    sweeps = 0
    with Cluster() as cluster:
        for _ in range(WORKERS):
            cluster.add(nanny=True)
        while kills.total() < wanted:
            folder = tmp_path / f"sweep{sweeps}"
            folder.mkdir()
            campaign = Campaign(folder, rng, cluster)
            campaign.run()
            assert not campaign.orphans
            check_the_books(folder, planned=PLANNED)
            kills += campaign.kills
            sweeps += 1
            print(f"{kills.total()} kills {dict(kills)} in {sweeps} sweeps", flush=True)
    print(
        f"\n{kills.total()} kills {dict(kills)} in {sweeps} sweeps of {PLANNED} trials: none lost"
        " or doubled, no trial orphaned, no run left RUNNING"
    )


def test_a_network_that_stalls_delays_a_sweep_and_changes_nothing(tmp_path: Path) -> None:
    """Workers and the scheduler are stopped for some seconds, as a cable that is pulled does."""
    rng = random.Random(5)
    with Cluster() as cluster:
        cluster.add(WORKERS)
        campaign = Campaign(tmp_path, rng, cluster)
        sweep = campaign.start()
        out = tmp_path / "out.txt"
        until(lambda: "at a time" in out.read_text(), "the sweep did not begin", 200)
        for number in range(12):
            victim = cluster.scheduler if number % 4 == 3 else rng.choice(cluster.workers)
            os.kill(victim.pid, signal.SIGSTOP)
            time.sleep(rng.uniform(0.5, 2.0))
            os.kill(victim.pid, signal.SIGCONT)
        assert sweep.wait(300) == 0, out.read_text()[-3000:]
        check_the_books(tmp_path, planned=PLANNED)
        campaign.wait_for_trials()
        assert not campaign.orphans


def test_a_worker_that_hangs_is_given_up_and_its_trial_runs_elsewhere(tmp_path: Path) -> None:
    patience = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "5 seconds"}
    with Cluster(settings=patience) as cluster:
        cluster.add(2)
        launcher = cluster.launcher(Setup(work.behave, 2), capacity=2)
        try:
            tickets = [launcher.submit(trial("telling_who")) for _ in range(2)]
            told = {event.ticket: event.news for event in map(next_event, [launcher] * 2)}
            hung = told[tickets[0]]
            assert isinstance(hung, Progress)
            os.kill(int(hung.best), signal.SIGSTOP)
            event = next_event(launcher)
            assert event.ticket == tickets[0]
            assert isinstance(event.news, Outcome)
            assert (event.news.kind, event.news.retried) == (Kind.INTERRUPTED, True)
            assert launcher.capacity() == 1
            os.kill(int(hung.best), signal.SIGCONT)  # a worker that was given up ends its trial
            assert ends(int(hung.value))
        finally:
            launcher.close()
