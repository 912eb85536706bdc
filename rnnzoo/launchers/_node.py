"""What runs in a worker of Dask: each trial in a child of its own, by our `LocalLauncher`.

In: a session (what a sweep says once to each worker), and orders (a trial each).  Out: deliveries
(its outcome, its log and its model).  A worker has one fork server a session, which all its trials
share.  A trial ends when its sweep is gone, when the worker closes, and when Dask has cancelled its
task: Dask itself would let it run to its end.

Functions that a sweep calls by `Client.run` are coroutines: they must not hold up the worker's
loop, which answers the scheduler.
"""

from __future__ import annotations

import asyncio
import math
import queue
import shutil
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from rnnzoo.errors import StoreError
from rnnzoo.launchers import Setup, _parcel
from rnnzoo.launchers.local import LocalLauncher
from rnnzoo.spec.settings import FILE, cache_folder
from rnnzoo.spec.trial import Outcome, Progress, Trial

LOOK = 0.05  # seconds between two looks at what was asked while trials run
WATCH = 0.5  # seconds between two looks at whether a trial is still wanted
IDLE = 120.0  # seconds without a trial until a session is closed: its sweep may be gone
SHOWN = 1.0  # seconds between two messages of progress that nobody answers
TRIALS = "trials"  # the folder of a session's trials in its home


@dataclass(frozen=True, slots=True)
class Session:
    """What a sweep says to a worker before the first trial.

    Attributes:
        setup: what trials are run by and with.
        code: files of the project's own code, by path in the project.
    """

    name: str
    setup: Setup
    code: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class About:
    """A worker's answer.

    Attributes:
        host: the machine.
        site: the machine and its cache: workers with the same share their data.
        facts: what it runs trials with, by name.
    """

    host: str
    site: str
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Order:
    """A trial for a worker.

    Attributes:
        needs: folders in the cache that it reads.
    """

    session: str
    ticket: int
    trial: Trial
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of an order.

    Attributes:
        outcome: None where the trial was not run, or was stopped.
        files: what it left in its folder, by path.
        lacks: folders of the cache that are not here.
        knows_session: whether this worker knows the session; one that has begun anew does not.
    """

    outcome: Outcome | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    lacks: tuple[str, ...] = ()
    knows_session: bool = True


Box = queue.SimpleQueue[Progress | Outcome | StoreError | None]


class _Host:
    """A session in this process: a launcher, and the thread that alone calls it."""

    def __init__(self, session: Session, home: Path) -> None:
        self.session, self.home = session, home
        home.mkdir(parents=True, exist_ok=True)
        (home / FILE).write_text("{}\n")  # trials take it for their project
        _parcel.unpack(home, session.code)
        setup, remote = session.setup, session.setup.remote
        environment = setup.environment if remote.environment is None else remote.environment()
        log = home / "workers.log"
        self.launcher = LocalLauncher(replace(setup, environment=environment, home=home, log=log))
        self.boxes: dict[int, Box] = {}  # by the launcher's ticket
        self.tickets: dict[int, int] = {}  # the launcher's, by the order's
        self.requests: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.is_open = True
        self.thread = threading.Thread(target=self._serve, name="rnnzoo", daemon=True)
        self.thread.start()

    def perform(self, order: Order, is_wanted: Callable[[], bool], show: Show) -> Outcome | None:
        """Run a trial; None where it was stopped.

        Raises:
            StoreError: no process for trials can be started here.
        """
        box: Box = queue.SimpleQueue()
        self.requests.put(partial(self._begin, order, box))
        shown = looked = -math.inf
        while True:
            if time.monotonic() > looked + WATCH:
                looked = time.monotonic()
                if not is_wanted():
                    self.requests.put(partial(self._stop, order.ticket))
                    return None
            try:
                news = box.get(timeout=WATCH)
            except queue.Empty:
                if self.thread.is_alive() or not box.empty():
                    continue
                return None  # the session has closed itself since the order came
            if isinstance(news, StoreError):
                raise news
            if not isinstance(news, Progress):
                return news
            if self.session.setup.answers or time.monotonic() > shown + SHOWN:
                shown = time.monotonic()
                show(news)
            if not self.session.setup.answers:
                self.answer(order.ticket, True)

    def answer(self, ticket: int, go_on: bool) -> None:
        if ticket in self.tickets:
            self.launcher.answer(self.tickets[ticket], go_on)

    def close(self) -> None:
        """Stop all trials; returns when none is running."""
        self.requests.put(self._end)
        self.thread.join()

    # -- in the thread

    def _serve(self) -> None:
        last: StoreError | None = None
        try:
            while self.is_open:
                self._obey()
                event = self.launcher.wait(LOOK) if self.boxes else None
                if event is not None:
                    self._pass_on(event.ticket, event.news)
        except StoreError as error:
            last = error
        finally:
            self.is_open = False
            self.launcher.close()
            for box in self.boxes.values():
                box.put(last)
            if _hosts.get(self.session.name) is self:
                del _hosts[self.session.name]
            while not self.requests.empty():  # orders that came too late
                self.requests.get()()
            shutil.rmtree(self.home, ignore_errors=True)

    def _obey(self) -> None:
        """Do what was asked; while no trial runs, wait for it, though not for ever."""
        while self.is_open:
            is_idle = not self.boxes
            try:
                self.requests.get(block=is_idle, timeout=IDLE)()
            except queue.Empty:
                self.is_open = not is_idle
                return

    def _begin(self, order: Order, box: Box) -> None:
        if not self.is_open:
            box.put(None)
            return
        ticket = self.launcher.submit(order.trial)
        self.tickets[order.ticket], self.boxes[ticket] = ticket, box

    def _pass_on(self, ticket: int, news: Progress | Outcome) -> None:
        box = self.boxes[ticket]
        if isinstance(news, Outcome):
            del self.boxes[ticket]
            self.tickets = {order: own for order, own in self.tickets.items() if own != ticket}
        box.put(news)

    def _stop(self, order: int) -> None:
        ticket = self.tickets.pop(order, None)
        if ticket is not None:
            self.boxes.pop(ticket, None)
            self.launcher.stop(ticket)

    def _end(self) -> None:
        self.is_open = False


Show = Callable[[Progress], None]
_hosts: dict[str, _Host] = {}  # by name of the session


# ------------------------------------------------------------------ called by `Client.run`


async def begin(session: Session, dask_worker: Any = None) -> About:
    """Make a worker ready for a session."""
    return await asyncio.to_thread(_begin, session, Path(dask_worker.local_directory))


def _begin(session: Session, scratch: Path) -> About:
    if session.name not in _hosts:
        _hosts[session.name] = _Host(session, scratch / f"rnnzoo-{session.name}")
    host = socket.gethostname()
    site = f"{host}:{cache_folder().resolve()}"
    return About(host, site, session.setup.remote.about())


async def answer(session: str, ticket: int, go_on: bool) -> None:
    """Answer a trial's progress."""
    host = _hosts.get(session)
    if host is not None:
        host.answer(ticket, go_on)


async def end(session: str) -> None:
    """Stop a session's trials; returns when none is running."""
    host = _hosts.pop(session, None)
    if host is not None:
        await asyncio.to_thread(host.close)


async def has(name: str, expected: _parcel.Manifest) -> bool:
    """Whether the cache has a folder of this name with these files."""
    return await asyncio.to_thread(_parcel.has, cache_folder() / name, expected)


async def receive(session: str, folder: str, name: str, first: int, content: bytes) -> None:
    """Take a piece of a folder for the cache."""
    draft = _parcel.draft_of(cache_folder() / folder, session)
    await asyncio.to_thread(_parcel.write_piece, draft, name, first, content)


async def finish(session: str, name: str, expected: _parcel.Manifest) -> bool:
    """Give a folder of the cache its name; whether all of it is right."""
    return await asyncio.to_thread(_parcel.finish, cache_folder() / name, session, expected)


async def receive_for_trial(
    session: str, ticket: int, name: str, first: int, content: bytes
) -> None:
    """Take a piece of a file that a trial goes on with."""
    host = _hosts.get(session)
    if host is not None:
        folder = host.home / TRIALS / str(ticket)
        await asyncio.to_thread(_parcel.write_piece, folder, name, first, content)


# ------------------------------------------------------------------ the task


def perform(order: Order) -> Delivery:
    """Run an order's trial in this worker."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()
    host = _hosts.get(order.session)
    if host is None or not host.is_open:
        return Delivery(knows_session=False)
    lacks = [name for name in order.needs if not (cache_folder() / name).is_dir()]
    if lacks:
        return Delivery(lacks=tuple(lacks))
    folder = f"{TRIALS}/{order.ticket}" if order.trial.folder else ""
    own = replace(order, trial=replace(order.trial, folder=folder))

    def show(news: Progress) -> None:
        values = (news.step, news.of, news.value, news.best)
        worker.log_event(order.session, (order.ticket, *map(float, values)))

    try:
        outcome = host.perform(own, partial(_is_wanted, worker, key), show)
        files = _parcel.contents(host.home / folder) if folder and outcome is not None else {}
        return Delivery(outcome, files)
    finally:
        if folder:
            shutil.rmtree(host.home / folder, ignore_errors=True)


def _is_wanted(worker: Any, key: str) -> bool:
    """Whether anybody waits for a task: not where it was cancelled, as by the end of its sweep, nor
    where the worker closes.
    """
    task = worker.state.tasks.get(key)
    is_running = task is not None and task.state in ("executing", "long-running")
    return is_running and worker.status.name in ("running", "paused")
