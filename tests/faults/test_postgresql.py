"""Sweeps whose storage is in PostgreSQL: whole ones, and ones whose server goes away."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import event

from rnnzoo.api import telling
from rnnzoo.errors import StoreError
from rnnzoo.spec.trial import Outcome, Result, Trial
from rnnzoo.sweep import _retry, lock
from rnnzoo.sweep.channel import Running
from rnnzoo.sweep.parts import Part
from rnnzoo.sweep.plan import Study
from rnnzoo.sweep.run import Sweep
from rnnzoo.sweep.search import Store
from rnnzoo.trackers.memory import MemoryTracker
from tests.endurance import test_kills
from tests.endurance.test_kills import Killer
from tests.faults import postgresql
from tests.faults.postgresql import PASSWORD, Server
from tests.sweep.inline import InlineLauncher
from tests.sweep.loop import SPEC, Quiet, by_key, sweep
from tests.sweep.work import pretend

RANDOM = SPEC.format(sampler="random")
NUMBERS = itertools.count()  # of databases
Outcomes = Mapping[tuple[str, int], Outcome]

pytestmark = [
    pytest.mark.skipif(bool(postgresql.missing()), reason=postgresql.missing() or "it is there"),
    pytest.mark.usefixtures("shared_fork_servers"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server.made()
    yield made
    made.remove()


@pytest.fixture
def url(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database for each test."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    return server.database(f"test{next(NUMBERS)}")


@dataclass
class Administrator(Quiet):
    """Stops the server when some trials have ended, and starts it some seconds later."""

    server: Server | None = None
    stops_at: int = 4
    away: float = 2.0
    starting: threading.Thread | None = None

    def ended(self, study: Study, trial: Trial, outcome: Outcome) -> None:
        super().ended(study, trial, outcome)
        if len(self.ends) == self.stops_at and self.server is not None:
            self.server.stop()
            self.starting = threading.Timer(self.away, self.server.start)
            self.starting.start()


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What a sweep with SQLite gives."""
    plain = sweep(tmp_path_factory.mktemp("plain"), RANDOM, 2, Quiet())
    plain.run()
    return outcomes(plain.results())


def outcomes(results: Sequence[Result]) -> Outcomes:
    return {key: outcome for key, (_, outcome) in by_key(results).items()}


def check_the_books(ran: Sweep, url: str, expected: Outcomes) -> None:
    """Every trial is complete once, nothing is running, and all is as in a sweep with SQLite."""
    store = Store(url)
    results = store.results("loop")
    assert outcomes(results) == expected
    assert len(results) == 8
    assert not store.running()
    assert set(ran.tracker.recorded("loop")) == {
        (result.study, result.trial.index) for result in results
    }


def test_a_whole_sweep_gives_the_same_outcomes_as_with_sqlite_also_over_an_interruption(
    url: str, expected: Outcomes, tmp_path: Path
) -> None:
    tracker = MemoryTracker()
    with pytest.raises(KeyboardInterrupt):
        sweep(tmp_path, RANDOM, 2, Quiet(stop_after=5), tracker, storage=url).run()
    ran = sweep(tmp_path, RANDOM, 2, Quiet(), tracker, storage=url)
    ran.run()
    check_the_books(ran, url, expected)


def test_a_server_that_is_restarted_in_the_middle_is_waited_for(
    server: Server, url: str, expected: Outcomes, tmp_path: Path
) -> None:
    observer = Administrator(server=server)
    ran = sweep(tmp_path, RANDOM, 2, observer, storage=url)
    ran.run()
    assert observer.starting is not None
    observer.starting.join()
    assert [note.partition(" (")[0] for note in observer.notes] == [
        "the storage is away",
        "the storage is back",
    ]
    check_the_books(ran, url, expected)


def test_a_server_that_stays_away_ends_the_sweep_with_one_message_and_the_same_command_goes_on(
    server: Server, url: str, expected: Outcomes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_retry, "LONGEST", 1.0)
    tracker, observer = MemoryTracker(), Administrator(server=server, away=4.0)
    stopped = sweep(tmp_path, RANDOM, 2, observer, tracker, storage=url)
    began = time.monotonic()
    with pytest.raises(
        StoreError, match=r"the storage at .* cannot be used: .*\n  fix: see that it runs"
    ):
        stopped.run()
    assert time.monotonic() - began < 4.0
    assert not stopped.launcher.children
    assert observer.starting is not None
    observer.starting.join()
    ran = sweep(tmp_path, RANDOM, 2, Quiet(), tracker, storage=url)
    ran.run()
    check_the_books(ran, url, expected)


# in short: the server that is restarted, above
def test_a_connection_that_is_cut_when_its_turn_ends_holds_nobody_up(
    server: Server, url: str, tmp_path: Path
) -> None:
    """What was done in the turn is done, and the server has let go of the lock itself."""
    database = url.rpartition("/")[2]
    store = sweep(tmp_path, RANDOM, 2, Quiet(), storage=url).store
    with store.in_turn("e"):
        server.execute(
            "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity where datname ="
            f" '{database}'"
        )
    with store.in_turn("e"):
        pass


@pytest.mark.slow
def test_connections_that_are_cut_now_and_then_lose_nothing_and_double_nothing(
    server: Server, url: str, expected: Outcomes, tmp_path: Path
) -> None:
    database, rng, over = url.rpartition("/")[2], random.Random(1), threading.Event()
    cut = (
        "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname ="
        f" '{database}'"
    )

    def vandal() -> None:
        while not over.wait(rng.uniform(0.1, 0.5)):
            server.execute(cut)

    ran = sweep(tmp_path, RANDOM, 2, Quiet(), storage=url)
    statements = itertools.count()

    @event.listens_for(ran.store.storage.engine, "before_cursor_execute")
    def surely_once(*_: object) -> None:
        """On a busy machine all others may fall between two statements, where a new connection is
        made without a word.
        """
        if next(statements) == 100:
            server.execute(cut)

    thread = threading.Thread(target=vandal)
    thread.start()
    try:
        ran.run()
    finally:
        over.set()
        thread.join()
    assert "the storage is back" in ran.observer.notes
    check_the_books(ran, url, expected)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found in /proc")
def test_sweeps_that_are_killed_go_on_from_the_server_and_the_books_balance(
    url: str, tmp_path: Path
) -> None:
    killer = Killer(tmp_path, random.Random(3), url)
    for victim in ("sweep", "everything", "trial", "sweep"):
        killer.kill_one(victim)
    killer.finish()
    assert not killer.orphans
    test_kills.check_the_books(tmp_path, url)


# ------------------------------------------------------------------ two machines


def elsewhere(url: str, tmp_path: Path) -> Sweep:
    """The sweep of another machine: it shares the storage, and no folder."""
    (tmp_path / "elsewhere").mkdir(exist_ok=True)
    return sweep(tmp_path / "elsewhere", RANDOM, 2, Quiet(), storage=url)


def test_two_machines_that_share_a_storage_exclude_each_other_and_say_who_runs(
    url: str, expected: Outcomes, tmp_path: Path
) -> None:
    ran = sweep(tmp_path, RANDOM, 2, Quiet(), storage=url)
    with ran.store.alone("loop"):
        with pytest.raises(
            StoreError, match=rf"another sweep of 'loop' .* process {os.getpid()} on .*, since 20"
        ):
            elsewhere(url, tmp_path).run()
        with Store(url).alone("another"):
            pass
        assert f"process {os.getpid()} on" in Store(url).holders("loop")[0]
    assert not Store(url).holders("loop")
    ran.run()
    elsewhere(url, tmp_path).run()  # the lock went with its holder; nothing is left to do
    check_the_books(ran, url, expected)


FIRST, SECOND = Part(shard=1, of=2), Part(shard=2, of=2)
VARIANTS = ("rnn", "gru")


def test_parts_without_a_common_trial_run_at_once_and_all_others_are_refused(url: str) -> None:
    store, other = Store(url), Store(url)
    mine = rf"process {os.getpid()} on .*"
    taken = rf"another sweep of 'loop' has trials of this part: shard 1/2 of (rnn|gru), {mine}"
    with store.alone("loop", FIRST, VARIANTS) as still_alone:
        with other.alone("loop", SECOND, VARIANTS), other.alone("loop", Part(("cfn",)), ("cfn",)):
            still_alone()
        for part in (FIRST, Part(shard=3, of=4), Part(shard=1, of=3), Part(("gru",))):
            lock = other.alone("loop", part, part.only or VARIANTS)
            with pytest.raises(StoreError, match=taken + r"\n  fix: wait, end it, or take"), lock:
                pass
        with pytest.raises(StoreError, match="is running: " + mine), other.alone("loop"):
            pass
        assert f"process {os.getpid()} on" in store.holders("loop")[0]
        assert not store.holders("another")
    refused = pytest.raises(StoreError, match="is running: " + mine)
    with other.alone("loop"), refused, store.alone("loop", FIRST, VARIANTS):
        pass
    with store.alone("loop", FIRST, VARIANTS):
        pass


def test_who_runs_parts_in_other_projects_is_known(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of those that `rnnzoo ctl` reaches, the folder says the same, with more of the name."""
    monkeypatch.setattr(telling.config, "read", lambda: SimpleNamespace(storage=url))
    with (
        Store(url).alone("loop", FIRST, VARIANTS),
        Store(url).alone("loop", SECOND, VARIANTS),
        lock.held(tmp_path / "lock", "loop"),
    ):
        both = telling.elsewhere("loop", ())
        assert len(both) == 2
        assert all(f"process {os.getpid()} on" in holder for holder in both)
        here = Running(tmp_path, "shard 1/2", VARIANTS, lock.holder(tmp_path / "lock"))
        assert telling.elsewhere("loop", [here]) == []
        assert telling.elsewhere("loop", [replace(here, holder="process 1 on x")]) == both
    assert telling.elsewhere("loop", ()) == []


def test_the_lock_of_a_part_that_was_lost_is_taken_again_unless_another_sweep_has_its_trials(
    server: Server, url: str
) -> None:
    store, other = Store(url), Store(url)
    cut = "select count(pg_terminate_backend(pid)) from pg_locks where locktype = 'advisory'"
    with store.alone("loop", FIRST, VARIANTS) as still_alone:
        server.execute(cut)
        still_alone()
        server.execute(cut)
        with other.alone("loop", SECOND, VARIANTS):
            still_alone()
        server.execute(cut)
        with (
            other.alone("loop", Part(("gru",)), ("gru",)),
            pytest.raises(StoreError, match="has trials of this part: gru"),
        ):
            still_alone()


def test_shards_that_run_at_once_against_one_storage_leave_every_trial_complete_once(
    url: str, expected: Outcomes, tmp_path: Path
) -> None:
    ran: list[Sweep] = []
    for number, part in enumerate((FIRST, SECOND)):
        (tmp_path / str(number)).mkdir()
        shard = sweep(tmp_path / str(number), RANDOM, 1, Quiet(), storage=url)
        shard.part, shard.launcher = part, InlineLauncher(pretend)
        ran.append(shard)
    threads = [threading.Thread(target=shard.run) for shard in ran]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(shard.observer.ends) for shard in ran] == [4, 4]
    whole = sweep(tmp_path / "0", RANDOM, 1, Quiet(), storage=url)
    whole.run()
    assert not whole.observer.ends
    check_the_books(whole, url, expected)
    (setup,) = whole.store.provenance(whole.present())  # neither has written over the other's
    assert setup["processor"]


def test_the_lock_of_a_sweep_that_was_killed_is_gone_with_it(url: str) -> None:
    program = f"""
import time
from rnnzoo.sweep.search import Store
with Store({url!r}).alone("loop"):
    print("alone", flush=True)
    time.sleep(600)
"""
    sweeping = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert sweeping.stdout is not None
    assert sweeping.stdout.readline() == b"alone\n"
    store = Store(url)
    assert f"process {sweeping.pid} on" in store.holders("loop")[0]
    sweeping.kill()
    sweeping.wait()
    end = time.monotonic() + 10
    while store.holders("loop") and time.monotonic() < end:
        time.sleep(0.05)
    with store.alone("loop"):
        pass


def test_a_lock_that_was_lost_with_its_connection_is_taken_again_unless_another_sweep_has_it(
    server: Server, url: str
) -> None:
    store, other = Store(url), Store(url)
    # at most 5 s, until the connection is ended and its lock is free
    cut = "select count(pg_terminate_backend(pid, 5000)) from pg_locks where locktype = 'advisory'"
    with store.alone("loop") as still_alone:
        server.execute(cut)
        still_alone()
        assert store.holders("loop")
        server.execute(cut)
        with (
            other.alone("loop"),
            pytest.raises(StoreError, match="another sweep of 'loop' is running"),
        ):
            still_alone()


def test_a_wrong_password_and_a_server_that_is_not_there_are_told_at_once_without_the_password(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "wrong horse")
    with pytest.raises(StoreError, match="set PGPASSWORD in the environment") as refused:
        Store(server.url("postgres"))
    with pytest.raises(StoreError, match="see that it runs and can be reached") as away:
        Store(f"postgresql://rnnzoo:{PASSWORD.replace(' ', '%20')}@127.0.0.1:9/nothing")
    for caught in (refused, away):
        assert "horse" not in str(caught.value)
