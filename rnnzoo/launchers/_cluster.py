"""A cluster as a sweep sees it: which workers there are, what each can do, and trials on their way
to one of them.

In: a connected client.  Out: messages in `mail`, for the thread of the sweep.  All that is here
runs in the loop of the client, a thread of its own, so that a worker or a network that stalls holds
up nothing else.

Each trial is sent to one worker, and to no other: Dask decides nothing.  So none of what it does on
its own account when workers die (run a task once more, blame the tasks beside it, move tasks) can
happen to a trial, whatever the scheduler's settings are.
"""

from __future__ import annotations

import asyncio
import queue
import warnings
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rnnzoo.errors import StoreError, machine_fault, worded
from rnnzoo.launchers import _node, _parcel
from rnnzoo.launchers._node import Delivery, Order, Session
from rnnzoo.spec.settings import cache_folder
from rnnzoo.spec.trial import Trial

LOOK = 1.0  # seconds between two looks at which workers there are
PATIENCE = 30.0  # seconds for an answer of the scheduler, until we say that it stalls
ENDING = 10.0  # seconds for workers to stop their trials, at the end of a sweep
RESOURCE = "trial"  # how many trials a worker runs at once: `dask worker --resources trial=4`


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that trials can be sent to.

    Attributes:
        slots: how many it runs at once.
        host: its machine.
        site: the machine and its cache.
        facts: what it runs trials with, by name.
    """

    address: str
    slots: int
    host: str
    site: str
    facts: Mapping[str, str]


# What comes in the mail.


@dataclass(frozen=True, slots=True)
class Joined:
    worker: Worker


@dataclass(frozen=True, slots=True)
class Unfit:
    """A worker that can run nothing, and why."""

    address: str
    reason: str


@dataclass(frozen=True, slots=True)
class Left:
    address: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A trial's progress: step, of, value, best."""

    ticket: int
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    ticket: int
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Lost:
    """A trial whose worker has not answered, or that could not be run there."""

    ticket: int
    reason: str
    is_fault: bool = False  # of the worker itself, as where it cannot start processes


@dataclass(frozen=True, slots=True)
class Gone:
    """The connection to the scheduler is lost, and with it what ran."""


@dataclass(frozen=True, slots=True)
class Stalled:
    """The scheduler does not answer, or answers again."""

    now: bool


Message = Joined | Unfit | Left | Shown | Ended | Lost | Gone | Stalled


@dataclass(slots=True)
class Cluster:
    """
    Attributes:
        data: the folders of a trial's data, relative to the cache's.
        mail: messages for the sweep.
        known: addresses of workers that were looked at.
    """

    client: Any
    session: Session
    data: Callable[[Trial], Sequence[Path]]
    mail: queue.SimpleQueue[Message] = field(default_factory=queue.SimpleQueue)
    known: set[str] = field(default_factory=set)
    # by ticket: the trials that are on their way or run
    flights: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    manifests: dict[str, _parcel.Manifest] = field(default_factory=dict)  # by folder of the cache
    delivered: set[tuple[str, str]] = field(default_factory=set)  # site, folder
    locks: dict[tuple[str, str], asyncio.Lock] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    is_open: bool = True

    # -- called by the sweep

    def open(self) -> None:
        """Begin to look after the workers.  What those say that are there is in the mail when it
        returns, unless they stall.

        Raises:
            OSError: the scheduler has just ended.
        """
        self.client.subscribe_topic(self.session.name, self._shown)
        self._call(self._look_first())
        self._later(lambda: self._run(self._watch()))

    def start(self, ticket: int, trial: Trial, worker: Worker, checkpoint: Path | None) -> None:
        """Send a trial to a worker.

        Args:
            checkpoint: a file of its folder that it goes on with.
        """

        def begin() -> None:
            flight = self._run(self._fly(ticket, trial, worker, checkpoint))
            self.flights[ticket] = flight

        self._later(begin)

    def forget(self, ticket: int) -> None:
        """Nobody waits for a trial any more."""

        def end() -> None:
            flight = self.flights.pop(ticket, None)
            if flight is not None:
                flight.cancel()

        self._later(end)

    def answer(self, ticket: int, worker: Worker, go_on: bool) -> None:
        """Answer a trial's progress."""
        self._later(
            lambda: self._run(
                self._tell(worker.address, _node.answer, self.session.name, ticket, go_on)
            )
        )

    def drop(self, address: str) -> None:
        """Look at a worker anew: it has lost what it was told."""
        self._later(lambda: self.known.discard(address))

    def close(self, is_there: bool = True) -> None:
        """Stop what runs on the workers, and leave the cluster.

        Args:
            is_there: whether the scheduler is.  Where nobody answers, workers end the trials of a
                sweep that is gone by themselves.
        """
        if not self.is_open:
            return
        self.is_open = False
        if is_there:
            with suppress(Exception):
                self._call(self._end(), ENDING + 5)
        with suppress(Exception):
            self.client.close(timeout=ENDING if is_there else 1.0)

    # -- in the client's loop

    def _later(self, action: Callable[[], Any]) -> None:
        self.client.loop.add_callback(action)

    def _call(self, work: Coroutine[Any, Any, None], seconds: float | None = None) -> None:
        loop = self.client.loop.asyncio_loop
        asyncio.run_coroutine_threadsafe(work, loop).result(seconds)

    def _run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def _shown(self, event: tuple[float, Any]) -> None:
        _, (ticket, *values) = event
        self.mail.put(Shown(int(ticket), tuple(values)))

    async def _watch(self) -> None:
        stalls = False
        while self.is_open:
            await asyncio.sleep(LOOK)
            try:
                await asyncio.wait_for(self._look(), PATIENCE)
            except TimeoutError:
                if not stalls:
                    self.mail.put(Stalled(True))
                stalls = True
            except OSError:
                if self.is_open:
                    self.mail.put(Gone())
                return
            else:
                if stalls:
                    self.mail.put(Stalled(False))
                stalls = False

    async def _look_first(self) -> None:
        admissions = await self._look()
        if admissions:
            await asyncio.wait(admissions, timeout=PATIENCE)

    async def _look(self) -> list[asyncio.Task[None]]:
        """See which workers came and went; one that stalls holds up no other.

        Returns:
            Those that make the ones that came ready.
        """
        if self.client.status != "running":
            raise ConnectionError
        present = set(await self.client.scheduler.ncores())
        for address in self.known - present:
            self.known.discard(address)
            self.mail.put(Left(address))
        new = present - self.known
        if not new:
            return []
        self.known |= new
        workers = (await self.client.scheduler.identity(n_workers=-1))["workers"]
        return [
            self._run(self._admit(address, workers.get(address, {}))) for address in sorted(new)
        ]

    async def _admit(self, address: str, info: Mapping[str, Any]) -> None:
        """Make a worker ready, and see what it can do."""
        resources = info.get("resources") or {}
        slots = min(int(resources.get(RESOURCE, 0)), int(info.get("nthreads", 0)))
        if slots < 1:
            self.mail.put(Unfit(address, f"it has no resource `{RESOURCE}`"))
            return
        try:
            about = await self._ask(address, _node.begin, self.session)
        except ModuleNotFoundError as error:
            self.mail.put(Unfit(address, f"it has no module '{error.name}'"))
        except OSError:
            self.known.discard(address)  # it has just left; or it is looked at again
        except Exception as error:
            self.mail.put(Unfit(address, f"it cannot be made ready: {error!r}"))
        else:
            self.mail.put(Joined(Worker(address, slots, about.host, about.site, about.facts)))

    async def _ask(self, address: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function says in a worker.

        Raises:
            OSError: the worker does not answer.
        """
        answers = await self.client._run(function, *arguments, workers=[address])
        if address not in answers:
            raise ConnectionError(address)
        return answers[address]

    async def _tell(self, address: str, function: Callable[..., Any], *arguments: Any) -> None:
        with suppress(Exception):  # it has just left: its trials are lost, which `_look` sees
            await self._ask(address, function, *arguments)

    async def _fly(
        self, ticket: int, trial: Trial, worker: Worker, checkpoint: Path | None
    ) -> None:
        """A trial's way: its data, its checkpoint, the trial, and what came of it."""
        from distributed.scheduler import KilledWorker

        try:
            needs = await self._bring_data(worker, trial)
            if checkpoint is not None:
                await self._bring_checkpoint(worker, ticket, checkpoint)
            order = Order(self.session.name, ticket, trial, needs)
            delivery = await self._perform(worker, order)
            self.delivered -= {(worker.site, name) for name in delivery.lacks}
            self.mail.put(Ended(ticket, delivery))
        except StoreError as error:
            self.mail.put(Lost(ticket, str(error), is_fault=True))
        except OSError as error:
            fix = machine_fault(error)  # of a disk there; else the worker does not answer
            reason = worded(f"{worker.host}: {error}", fix) if fix else "its worker was lost"
            self.mail.put(Lost(ticket, reason, is_fault=bool(fix)))
        except (CancelledError, asyncio.CancelledError, KilledWorker):
            self.mail.put(Lost(ticket, "its worker was lost"))
        except Exception as error:
            self.mail.put(Lost(ticket, repr(error), is_fault=True))
        finally:
            self.flights.pop(ticket, None)

    async def _perform(self, worker: Worker, order: Order) -> Delivery:
        """What a worker delivers; Dask forgets it at once, so that it never runs it again."""
        key = f"rnnzoo-{order.session}-{order.ticket}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            future = self.client.submit(
                _node.perform, order, key=key, pure=False, retries=0, workers=[worker.address],
                allow_other_workers=False, resources={RESOURCE: 1},
            )  # fmt: skip
        try:
            delivery: Delivery = await future
            return delivery
        finally:
            future.release()

    async def _bring_data(self, worker: Worker, trial: Trial) -> tuple[str, ...]:
        """Bring the trial's data to the machine of a worker, once; returns their folders."""
        names = []
        for folder in self.data(trial):
            name = folder.as_posix()
            if not (cache_folder() / folder).is_dir():
                continue  # the sweep's own disk had no room: the trial makes it anew
            names.append(name)
            lock = self.locks.setdefault((worker.site, name), asyncio.Lock())
            async with lock:
                if (worker.site, name) not in self.delivered:
                    await self._bring(worker, name)
                    self.delivered.add((worker.site, name))
        return tuple(names)

    async def _bring(self, worker: Worker, name: str) -> None:
        folder, session = cache_folder() / name, self.session.name
        if name not in self.manifests:
            self.manifests[name] = await asyncio.to_thread(_parcel.manifest, folder)
        expected = self.manifests[name]
        if await self._ask(worker.address, _node.has, name, expected):
            return
        for path, first, content in _parcel.pieces(folder, expected):
            await self._ask(worker.address, _node.receive, session, name, path, first, content)
        if not await self._ask(worker.address, _node.finish, session, name, expected):
            raise StoreError(f"the data {name} did not arrive whole at {worker.host}")

    async def _bring_checkpoint(self, worker: Worker, ticket: int, file: Path) -> None:
        expected = {file.name: _parcel.File(0, "")}  # only the name counts
        for name, first, content in _parcel.pieces(file.parent, expected):
            await self._ask(
                worker.address,
                _node.receive_for_trial,
                self.session.name,
                ticket,
                name,
                first,
                content,
            )

    async def _end(self) -> None:
        """Stop the trials on all workers: close their pipes first, then cancel the tasks."""
        everywhere = [
            self._tell(address, _node.end, self.session.name) for address in sorted(self.known)
        ]
        # a worker that stalls ends its trials when it sees that we are gone
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*everywhere), ENDING)
        for task in list(self.tasks):
            if task is not asyncio.current_task():
                task.cancel()
