"""Trials on a cluster of Dask: each in a child of the worker that it was sent to.

In: trials.  Out: events.  Workers come and go while a sweep runs; how many trials one runs at once
is its resource `trial`.  A worker that is lost interrupts its trials, which run again on their
seeds: of a trial, the first outcome counts, and what comes later from a worker that was given up is
dropped.  rnnzoo starts no cluster: docs/cluster.md shows how one is started.

    launcher: {name: dask, address: tls://host:8786, certificates: certificates}
"""

from __future__ import annotations

import datetime
import math
import queue
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rnnzoo.errors import StoreError, UsageError, command, listed, machine_fault, number_of, worded
from rnnzoo.launchers import Event, Remote, Setup, _address, _certificates, _parcel, silent
from rnnzoo.launchers._cluster import (
    RESOURCE,
    Cluster,
    Ended,
    Gone,
    Joined,
    Left,
    Lost,
    Message,
    Shown,
    Stalled,
    Unfit,
    Worker,
)
from rnnzoo.launchers._node import Delivery, Session
from rnnzoo.spec import plugins
from rnnzoo.spec.settings import project
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial

OPTIONS: Mapping[str, Any] = {
    "address": "",  # of the scheduler: tls://host:8786
    "certificates": "certificates",  # a folder, relative to the project's
    "processors": "same",  # `any`: trials may run on different ones, and differ in last digits
}
OWN_CODE = ("tasks", "losses", "metrics", "operations")  # kinds whose files a trial may import
LOSSES = 10  # workers that one trial may lose, until the sweep stops
RERUN = "give the same command again: what has ended is kept"
WAITING = 3.0  # seconds without a worker, until we say that we wait
AWAY = 300.0  # seconds that the scheduler may be away
SOON = datetime.timedelta(days=14)  # in which it is told that certificates end


@dataclass(slots=True)
class _Flight:
    """A trial that was submitted; without a worker it waits for one."""

    trial: Trial
    worker: Worker | None = None

    @property
    def address(self) -> str:
        return self.worker.address if self.worker else ""


@dataclass(slots=True)
class DaskLauncher:
    """Runs as many trials at once as the workers have room for."""

    setup: Setup
    cluster: Cluster
    connect: Callable[[], Cluster]
    any_processor: bool = False
    workers: dict[str, Worker] = field(default_factory=dict)  # by address
    flights: dict[int, _Flight] = field(default_factory=dict)  # by ticket
    waiting: deque[int] = field(default_factory=deque)  # tickets without a worker
    losses: Counter[str] = field(default_factory=Counter)  # workers lost, by key of the trial
    unfit: dict[str, str] = field(default_factory=dict)  # why a worker is not used, by address
    _next: int = 0
    _ends: deque[Event] = field(default_factory=deque)  # that are not told yet
    _away_since: float = 0.0  # when the scheduler was lost; 0: it is there
    _idle_since: float = 0.0
    _told: bool = False  # that we wait for workers
    _reference: Worker | None = None  # the first: others must have its processor

    def capacity(self) -> int:
        return min(self.setup.workers, sum(worker.slots for worker in self.workers.values()))

    def resize(self, workers: int) -> None:
        """Run at most so many trials at once; how many there is room for, the workers say."""
        self.setup = replace(self.setup, workers=workers)

    def machines(self) -> Mapping[str, str]:
        """What the machines are: see `rnnzoo.launchers.elsewhere`."""
        facts = self._reference.facts if self._reference else {}
        return {name: facts[name] for name in self.setup.remote.local if name in facts}

    def place(self, trial: Trial) -> str:
        """Where a trial runs: see `rnnzoo.launchers.place`."""
        flights = [flight for flight in self.flights.values() if flight.trial is trial]
        return flights[0].worker.host if flights and flights[0].worker else ""

    def submit(self, trial: Trial) -> int:
        self._next += 1
        self.flights[self._next] = _Flight(trial)
        self.waiting.append(self._next)
        self._place()
        return self._next

    def wait(self, timeout: float | None = None) -> Event | None:
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            self._begin_no_more()
            if self._ends:
                return self._ends.popleft()
            if self._away_since:
                self._look_for_scheduler()
            self._tell_of_waiting()
            left = 1.0 if end is None else max(0.0, min(1.0, end - time.monotonic()))
            try:
                event = self._read(self.cluster.mail.get(timeout=left))
            except queue.Empty:
                event = None
            if event is not None or (end is not None and time.monotonic() >= end):
                return event

    def answer(self, ticket: int, go_on: bool) -> None:
        flight = self.flights.get(ticket)
        if self.setup.answers and flight is not None and flight.worker is not None:
            self.cluster.answer(ticket, flight.worker, go_on)

    def close(self) -> None:
        self.cluster.close()
        self.flights.clear()
        self.waiting.clear()

    def welcome(self) -> None:
        """Say which workers there are."""
        hosts = sorted({worker.host for worker in self.workers.values()})
        where = listed(hosts) if len(hosts) < 4 else f"{len(hosts)} machines"
        workers, trials = number_of(len(self.workers), "worker"), self.capacity()
        self.setup.note(f"{workers} on {where}: {number_of(trials, 'trial')} at a time")

    # -- what comes in the mail

    def _read(self, message: Message) -> Event | None:
        match message:
            case Joined(worker):
                self._join(worker)
            case Unfit(address, reason):
                self._refuse(address, reason)
            case Left(address):
                self._leave(address)
            case Shown(ticket, (step, of, value, best)):
                if ticket in self.flights:
                    return Event(ticket, Progress(int(step), int(of), value, best))
            case Ended(ticket, delivery):
                return self._take(ticket, delivery)
            case Lost(ticket, reason, is_fault):
                return self._lose(ticket, reason, is_fault)
            case Stalled(now):
                self.setup.note(
                    "the scheduler does not answer; it is waited for"
                    if now
                    else "the scheduler answers again"
                )
            case Gone():
                self._lose_scheduler()
        return None

    def _lose_scheduler(self) -> None:
        """All that ran is lost; the scheduler may come back."""
        self.setup.note(f"the scheduler is away; it is waited for, up to {AWAY / 60:.0f} minutes")
        self._away_since = time.monotonic()
        self.cluster.close(is_there=False)
        self.workers.clear()
        for ticket in list(self.flights):
            event = self._lose(ticket, "the scheduler was lost", is_fault=False)
            self._ends += [event] if event else []
        self.waiting.clear()

    def _look_for_scheduler(self) -> None:
        """
        Raises:
            StoreError: it has been away for too long.
        """
        try:
            self.cluster = self.connect()
        except (UsageError, OSError) as error:
            if time.monotonic() < self._away_since + AWAY:
                return
            raise StoreError(
                f"the scheduler was lost: {error}", f"start it and its workers, and {RERUN}"
            ) from None
        self._away_since = 0.0
        self.setup.note("the scheduler is back")

    def _join(self, worker: Worker) -> None:
        differences = list(self._differences(worker))
        if differences:
            self._refuse(worker.address, "; ".join(differences))
            return
        self._reference = self._reference or worker
        self.unfit.pop(worker.address, None)
        self.workers[worker.address] = worker
        self._place()

    def _refuse(self, address: str, reason: str) -> None:
        self.unfit[address] = reason
        self.setup.note(f"the worker at {address} is not used: {reason}")

    def _leave(self, address: str) -> None:
        self.unfit.pop(address, None)
        self.workers.pop(address, None)
        flights = self.flights.items()
        for ticket in [ticket for ticket, flight in flights if flight.address == address]:
            self.cluster.forget(ticket)
            self.cluster.mail.put(Lost(ticket, "its worker was lost"))

    def _differences(self, worker: Worker) -> Iterator[str]:
        """What a worker runs trials with that differs from the sweep's own, or from the first
        worker's.
        """
        remote = self.setup.remote
        for name, own in remote.about().items():
            actual = worker.facts.get(name, "nothing")
            if name not in remote.local:
                if actual != own:
                    yield f"{worker.host} has {name} {actual}, and this machine {own}"
            elif self._reference is not None and not self.any_processor:
                first, host = self._reference.facts.get(name, "nothing"), self._reference.host
                if actual != first:
                    yield f"{worker.host} has {name} {actual}, and {host} {first}"

    # -- trials

    def _place(self) -> None:
        """Send trials that wait to workers with room."""
        taken = Counter(flight.worker.address for flight in self.flights.values() if flight.worker)
        while self.waiting:
            free = {
                address: worker.slots - taken[address] for address, worker in self.workers.items()
            }
            most = max(free, key=lambda address: free[address], default="")
            if not most or free[most] < 1:
                return
            ticket = self.waiting.popleft()
            flight, worker = self.flights[ticket], self.workers[most]
            flight.worker = worker
            taken[most] += 1
            checkpoint = flight.trial.checkpoint if flight.trial.folder else None
            if checkpoint is not None and not checkpoint.is_file():
                checkpoint = None
            self.cluster.start(ticket, flight.trial, worker, checkpoint)

    def _take(self, ticket: int, delivery: Delivery) -> Event | None:
        """A worker has delivered."""
        if ticket not in self.flights:
            return None  # it was given up: another outcome of this trial counts
        flight, outcome = self.flights[ticket], delivery.outcome
        if outcome is None:
            if not delivery.knows_session:
                self.workers.pop(flight.address, None)
                self.cluster.drop(flight.address)
            self._again(ticket)
            return None
        if outcome.kind is Kind.INTERRUPTED:
            return self._lose(ticket, outcome.message, is_fault=True)
        del self.flights[ticket]
        self._place()
        return Event(ticket, self._kept(flight.trial, delivery.files) or outcome)

    def _kept(self, trial: Trial, files: Mapping[str, bytes]) -> Outcome | None:
        """Write what a trial left into its folder here; an outcome where that cannot be done."""
        if not trial.folder:
            return None
        try:
            _parcel.unpack(project() / trial.folder, files)
        except OSError as error:
            fix = f"{machine_fault(error) or 'see to it'}, and give the same command again"
            return Outcome(Kind.INTERRUPTED, message=worded(str(error), fix))
        return None

    def _again(self, ticket: int) -> None:
        """Send a trial that was not run."""
        self.flights[ticket].worker = None
        self.waiting.append(ticket)
        self._place()

    def _lose(self, ticket: int, reason: str, is_fault: bool) -> Event | None:
        """A trial was interrupted with its worker, or by it; it is begun again."""
        if ticket not in self.flights:
            return None
        flight = self.flights.pop(ticket)
        trial, again = flight.trial, True
        self.losses[trial.key] += 1
        if is_fault:
            self.workers.pop(flight.address, None)
            again = bool(self.workers)
            if again:
                self._refuse(flight.address, reason)
        elif self.losses[trial.key] >= LOSSES:
            again = False
            problem = f"trial {trial.index} of {trial.variant} lost {LOSSES} workers"
            reason = worded(problem, f"see what they say of it, and {RERUN}")
        self._place()
        return Event(ticket, Outcome(Kind.INTERRUPTED, message=reason, retried=again))

    def _begin_no_more(self) -> None:
        """After the sweep's time, trials that wait for a worker are interrupted."""
        if time.monotonic() < self.setup.ends_at:
            return
        while self.waiting:
            ticket = self.waiting.popleft()
            del self.flights[ticket]
            outcome = Outcome(Kind.INTERRUPTED, message="no worker had room for it", retried=True)
            self._ends.append(Event(ticket, outcome))

    def _tell_of_waiting(self) -> None:
        """Say that no worker is there, once."""
        if self.workers:
            self._idle_since, self._told = 0.0, False
            return
        now = time.monotonic()
        self._idle_since = self._idle_since or now
        if not self._told and now > self._idle_since + WAITING:
            self._told = True
            waits = f"no worker is there; waiting for `dask worker --resources {RESOURCE}=1`"
            self.setup.note(f"{waits}{self._where_to_look()}")

    def _where_to_look(self) -> str:
        """What a machine is asked whose worker does not come; none beyond this one is awaited where
        nothing is encrypted.
        """
        address = str(self.setup.options.get("address", ""))
        if not address or address.startswith("tcp:"):
            return ""
        return (
            f"; on its machine, `{command('cluster', 'check', address)}` says what keeps one away"
        )


def checked(options: Mapping[str, Any]) -> tuple[_address.Address, Path]:
    """The scheduler's address and the folder of certificates, as far as they can be checked here.

    Raises:
        UsageError: something is wrong with them.
    """
    if not options["address"]:
        raise UsageError(
            "the launcher 'dask' needs the address of a scheduler",
            "write `launcher: {name: dask, address: tls://HOST:8786}` in mlflow.yml, or give"
            " --cluster tls://HOST:8786",
        )
    where = _address.address(options["address"])
    certificates = project() / options["certificates"]
    if options["processors"] not in ("same", "any"):
        raise UsageError(
            f"`processors` is 'same' or 'any', not {options['processors']!r}", "see docs/cluster.md"
        )
    _address.require_installed()
    if where.protocol == "tls":
        _certificates.end(certificates)
    return where, certificates


def launcher(setup: Setup) -> DaskLauncher:
    """What `launcher: dask` makes: a launcher that is connected, its workers looked at; without a
    worker, where none came before the sweep's time was over.

    Raises:
        UsageError: there is no scheduler at the address, or a worker runs other versions.
    """
    options = setup.options
    where, certificates = checked(options)
    _address.log_to(setup.log.with_name("cluster.log") if setup.log else None)
    name, own_code = uuid.uuid4().hex[:12], dict(_own_code())

    def connect(patience: float = 0.0) -> Cluster:
        client = _address.connected(where, certificates, patience)
        cluster = Cluster(client, Session(name, _for_workers(setup), own_code), setup.remote.data)
        try:
            cluster.open()
        except BaseException:
            cluster.close()
            raise
        return cluster

    connected = connect(_address.TIMEOUT)
    if where.protocol == "tls":
        _tell_of_end(setup, certificates)
    made = DaskLauncher(setup, connected, connect, options["processors"] == "any")
    try:
        _wait_for_workers(made)
        if made.workers:
            made.welcome()
    except BaseException:
        made.close()
        raise
    return made


def _tell_of_end(setup: Setup, folder: Path) -> None:
    """Say that this machine's certificates end soon: a cluster then lets in nobody new."""
    ends = _certificates.end(folder)
    if ends <= datetime.date.today() + SOON:
        setup.note(f"the certificates in {folder} end on {ends}: {_certificates.RESTART}")


def _wait_for_workers(made: DaskLauncher) -> None:
    """Wait until there is one that can be used, or the sweep's time is over.

    Raises:
        UsageError: some are there that cannot.
    """
    while True:
        while not made.cluster.mail.empty():
            made.wait(0.0)
        if made.unfit:
            reasons = sorted(set(made.unfit.values()))
            raise UsageError(
                f"{number_of(len(made.unfit), 'worker')} cannot run trials: {listed(reasons)}",
                "docs/cluster.md says how workers are started",
            )
        if made.workers or time.monotonic() >= made.setup.ends_at:
            return
        made.wait(0.2)


def _for_workers(setup: Setup) -> Setup:
    """What workers are told of how trials are run."""
    remote = replace(setup.remote, data=Remote().data)
    # another machine's clock says something else
    return replace(setup, log=None, options={}, note=silent, remote=remote, ends_at=math.inf)


def _own_code() -> Iterator[tuple[str, bytes]]:
    """The files of the project that trials may import, by path in the project."""
    for kind in OWN_CODE:
        folder = plugins.folder(kind)
        for file in sorted(folder.rglob("*.py")):
            yield Path(file).relative_to(project()).as_posix(), file.read_bytes()
