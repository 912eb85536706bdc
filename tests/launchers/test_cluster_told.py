"""What a user is told of a cluster, without one: addresses, certificates, unfit workers."""

from __future__ import annotations

import math
import queue
import socket
import ssl
import time
from dataclasses import dataclass, field, replace
from importlib import util
from pathlib import Path

import pytest

from rnnzoo.api import certificates, root
from rnnzoo.cli import main
from rnnzoo.errors import StoreError, UsageError
from rnnzoo.launchers import Remote, Setup, _address, dask
from rnnzoo.launchers._certificates import files, files_of
from rnnzoo.launchers._cluster import (
    Cluster,
    Ended,
    Gone,
    Joined,
    Left,
    Lost,
    Message,
    Stalled,
    Unfit,
    Worker,
)
from rnnzoo.launchers._node import Delivery
from rnnzoo.spec.settings import Chosen
from rnnzoo.spec.trial import Kind, Outcome
from rnnzoo.testing import work
from rnnzoo.testing.launchers import trial

# ------------------------------------------------------------------ addresses


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("tls://node1:8786", "tls://node1:8786"),
        ("node1", "tls://node1:8786"),
        ("tls://10.0.0.1:99/", "tls://10.0.0.1:99"),
        ("tcp://127.0.0.1:5", "tcp://127.0.0.1:5"),
        ("tcp://localhost:5", "tcp://localhost:5"),
        ("tcp://[::1]:5", "tcp://[::1]:5"),
        ("tls://[2001:DB8::1]:5", "tls://[2001:DB8::1]:5"),
    ],
)
def test_an_address_is_encrypted_unless_it_says_otherwise(text: str, read: str) -> None:
    assert str(_address.address(text)) == read


@pytest.mark.parametrize(
    ("text", "problem", "fix"),
    [
        ("tcp://node1:8786", "tcp://node1:8786 is not encrypted", "write tls://node1:8786"),
        ("tcp://127.evil.org:1", "not encrypted", "rnnzoo cluster certificates"),
        ("tcp://192.168.0.1", "not encrypted", "write tls://192.168.0.1:8786"),
        ("ucx://node1:8786", "not by ucx://", "write tls://node1:8786"),
        ("https://node1:8786", "not by https://", "write tls://node1:8786"),
        ("node1:0", "no address of a scheduler", "tls://HOST:8786"),
        ("node1:99999", "no address of a scheduler", "tls://HOST:8786"),
        ("two words", "no address of a scheduler", "tls://HOST:8786"),
        ("", "no address of a scheduler", "tls://HOST:8786"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_with_one_that_can(
    text: str, problem: str, fix: str
) -> None:
    with pytest.raises(UsageError) as caught:
        _address.address(text)
    assert problem in caught.value.problem
    assert fix in caught.value.fix


def test_the_cluster_of_the_command_line_goes_over_that_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert root.chosen_launcher().name == "auto"
    assert root.chosen_launcher("tcp://[::1]:1") == Chosen("dask", {"address": "tcp://[::1]:1"})
    Path("mlflow.yml").write_text(
        "launcher: {name: dask, address: tcp://localhost:2, certificates: mine, processors: any}\n"
    )
    kept = {"certificates": "mine", "processors": "any"}
    assert root.chosen_launcher().options == {"address": "tcp://localhost:2", **kept}
    assert root.chosen_launcher("tcp://[::1]:1").options == {"address": "tcp://[::1]:1", **kept}
    assert root.chosen_launcher("tcp://[::1]:1", "others").options["certificates"] == "others"
    with pytest.raises(UsageError, match="certificates is for"):
        root.chosen_launcher(None, "others")
    for cluster, folder in (("", None), ("node1", " ")):
        with pytest.raises(UsageError, match="is empty"):
            root.chosen_launcher(cluster, folder)


def test_a_sweep_that_cannot_reach_its_cluster_touches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = "experiment: e\ntask: adding\nvariants: [rnn]\nsearch: {trials: 1, space: {units: 4}}\n"
    Path("e.yaml").write_text(spec)
    for address, told in {
        "tcp://node1:8786": "tcp://node1:8786 is not encrypted",
        "tls://node1:8786": "no certificate certificates/ca.pem",
        "node 1": "'node 1' is no address of a scheduler",
    }.items():
        assert main(["sweep", "e.yaml", "--cluster", address]) == 2
        assert told in capsys.readouterr().err
    assert main(["sweep", "e.yaml", "--certificates", "mine"]) == 2
    assert "--certificates is for --cluster" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["e.yaml"]


# ------------------------------------------------------------------ connecting


def launch(**options: str) -> dask.DaskLauncher:
    return dask.launcher(Setup(work.behave, 1, options={**dask.OPTIONS, **options}))


def test_a_launcher_without_an_address_is_told_where_to_write_one() -> None:
    with pytest.raises(UsageError, match="needs the address of a scheduler") as caught:
        launch()
    assert "--cluster tls://HOST:8786" in caught.value.fix


def test_a_word_for_processors_that_is_none_is_told() -> None:
    with pytest.raises(UsageError, match="'same' or 'any', not 'some'"):
        launch(address="tls://node1:8786", processors="some")


@pytest.mark.parametrize("package", ["distributed", "cryptography"])
def test_a_package_that_is_not_installed_is_named(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        _address, "find_spec", lambda name: None if name == package else util.find_spec(name)
    )
    with pytest.raises(UsageError, match=f"'{package}', which is not installed") as caught:
        launch(address="tls://node1:8786")
    assert caught.value.fix == 'pip install "rnnzoo[cluster]"'


def test_certificates_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"no certificate {tmp_path}/ca.pem") as caught:
        launch(address="tls://node1:8786", certificates=str(tmp_path))
    assert "rnnzoo cluster certificates" in caught.value.fix


def test_certificates_that_are_none_are_told(tmp_path: Path) -> None:
    for name in files("client"):
        (tmp_path / name).write_text("nothing\n")
    with pytest.raises(UsageError, match=f"the certificates in {tmp_path} cannot be used"):
        launch(address="tls://node1:8786", certificates=str(tmp_path))


def test_where_no_scheduler_answers_the_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_address, "TIMEOUT", 0.2)
    with socket.socket() as bound:  # nobody else takes its port, and it does not listen
        bound.bind(("127.0.0.1", 0))
        where = f"tcp://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(UsageError, match=f"no scheduler of Dask answers at {where}") as caught:
            launch(address=where)
    assert "docs/cluster.md" in caught.value.fix


def test_a_name_that_is_unknown_is_told_from_a_scheduler_that_is_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def unknown(host: str, port: int) -> None:
        raise socket.gaierror(socket.EAI_NONAME, f"nobody is called {host}")

    certificates.make(tmp_path)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(UsageError, match="does not know the name 'nodeone'") as caught:
        _address.connected(_address.address("tls://nodeone:8786"), tmp_path)
    assert "(nobody is called nodeone)" in caught.value.problem
    assert "firewall" not in str(caught.value)
    assert "IP address" in caught.value.fix


# ------------------------------------------------------------------ certificates


def test_certificates_are_for_their_owner_alone_and_nothing_is_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["cluster", "certificates"]) == 0
    printed = capsys.readouterr().out
    for command in ("dask scheduler --protocol tls", "dask worker tls://HOST:8786", "rnnzoo sweep"):
        assert command in printed
    folder = tmp_path / "certificates"
    assert {file.name for file in folder.iterdir()} == set(certificates.names())
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert main(["cluster", "certificates"]) == 2
    assert "certificates has ca.pem already" in capsys.readouterr().err
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_certificates_need_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric", None)
    with pytest.raises(UsageError, match="'cryptography', which is not installed"):
        certificates.make(tmp_path / "set")
    assert not (tmp_path / "set").exists()


def context(folder: Path, holder: str, purpose: ssl.Purpose) -> ssl.SSLContext:
    """As Dask makes them, and checked as strictly as Python can."""
    made = ssl.create_default_context(purpose, cafile=str(folder / "ca.pem"))
    made.check_hostname, made.verify_mode = False, ssl.CERT_REQUIRED
    made.verify_flags |= ssl.VERIFY_X509_STRICT
    made.load_cert_chain(*(str(folder / name) for name in files_of(holder)))
    return made


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> None:
    """A handshake in memory."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True)]
    waiting = list(ends)
    for _ in range(10):
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                continue
    for end in ends:  # a refusal of the other side
        with pytest.raises(ssl.SSLWantReadError):
            end.read(1)


def test_the_holders_of_one_set_trust_each_other_and_those_of_another_do_not(
    tmp_path: Path,
) -> None:
    for name in ("ours", "theirs"):
        certificates.make(tmp_path / name)
    scheduler = context(tmp_path / "ours", "scheduler", ssl.Purpose.CLIENT_AUTH)
    for holder in ("client", "worker"):
        shake_hands(context(tmp_path / "ours", holder, ssl.Purpose.SERVER_AUTH), scheduler)
    stranger = context(tmp_path / "theirs", "client", ssl.Purpose.SERVER_AUTH)
    with pytest.raises(ssl.SSLError):
        shake_hands(stranger, scheduler)


# ------------------------------------------------------------------ workers


FACTS = {"rnnzoo": "1.0", "keras": "3.12", "processor": "Xeon"}


@dataclass
class NoCluster:
    """What a launcher asks of a cluster, remembered."""

    mail: queue.SimpleQueue[Message] = field(default_factory=queue.SimpleQueue)
    started: list[tuple[int, str]] = field(default_factory=list)
    forgotten: list[int] = field(default_factory=list)
    answered: list[tuple[int, bool]] = field(default_factory=list)

    def start(self, ticket: int, trial: object, worker: Worker, checkpoint: object) -> None:
        self.started.append((ticket, worker.address))

    def forget(self, ticket: int) -> None:
        self.forgotten.append(ticket)

    def answer(self, ticket: int, worker: Worker, go_on: bool) -> None:
        self.answered.append((ticket, go_on))

    def open(self) -> None: ...

    def drop(self, address: str) -> None: ...

    def close(self, is_there: bool = True) -> None: ...


def here() -> dict[str, str]:
    return FACTS


def waiting(notes: list[str], **options: object) -> dask.DaskLauncher:
    """A launcher that has no workers yet."""
    remote = Remote(here, local=("processor",))
    setup = Setup(work.behave, 9, note=notes.append, remote=remote)

    def nobody() -> Cluster:
        raise UsageError("no scheduler answers")

    return dask.DaskLauncher(setup, NoCluster(), nobody, **options)  # type: ignore[arg-type]


def worker(name: str = "a", slots: int = 1, **facts: str) -> Joined:
    return Joined(Worker(f"tls://{name}:1", slots, name, name, {**FACTS, **facts}))


def read(launcher: dask.DaskLauncher, *messages: Message) -> list[object]:
    """What comes of messages."""
    for message in messages:
        launcher.cluster.mail.put(message)
    events = [launcher.wait(0) for _ in messages]
    return [event.news for event in events if event is not None]


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (worker("b", keras="3.13"), "b has keras 3.13, and this machine 3.12"),
        (worker("b", rnnzoo="0.9"), "b has rnnzoo 0.9, and this machine 1.0"),
        (worker("b", processor="EPYC"), "b has processor EPYC, and a Xeon"),
        (Unfit("tls://b:1", "it has no module 'rnnzoo'"), "no module 'rnnzoo'"),
    ],
)
def test_a_worker_that_differs_is_not_used_and_it_is_said_in_what(
    other: Message, told: str
) -> None:
    notes: list[str] = []
    launcher = waiting(notes)
    read(launcher, worker(), other)
    assert launcher.capacity() == 1
    assert notes == [f"the worker at tls://b:1 is not used: {told}"] or told in notes[0]
    began = waiting([])
    for message in (worker(), other):
        began.cluster.mail.put(message)
    with pytest.raises(UsageError, match="1 worker cannot run trials") as caught:
        dask._wait_for_workers(began)
    assert told in caught.value.problem


def test_processors_may_differ_where_it_is_said() -> None:
    launcher = waiting([], any_processor=True)
    read(launcher, worker(), worker("b", processor="EPYC"))
    assert launcher.capacity() == 2
    assert launcher.machines() == {"processor": "Xeon"}


@pytest.mark.parametrize(
    ("address", "where"),
    [
        ("tcp://127.0.0.1:1", ""),
        (
            "tls://node1:1",
            "; on its machine, `rnnzoo cluster check tls://node1:1` says what keeps one away",
        ),
    ],
)
def test_it_is_said_once_that_no_worker_is_there(
    address: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask, "WAITING", -1.0)
    notes: list[str] = []
    launcher = waiting(notes)
    launcher.setup = replace(launcher.setup, options={"address": address})
    for _ in range(3):
        launcher.wait(0)
    assert notes == [f"no worker is there; waiting for `dask worker --resources trial=1`{where}"]
    assert launcher.capacity() == 0


def over(launcher: dask.DaskLauncher) -> None:
    """Let the time of the launcher's sweep be over."""
    launcher.setup = replace(launcher.setup, ends_at=time.monotonic())


def test_no_first_worker_is_waited_for_when_the_hours_are_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_address, "connected", lambda *_: None)
    monkeypatch.setattr(dask, "Cluster", lambda *_: NoCluster())
    notes: list[str] = []
    options = {**dask.OPTIONS, "address": "tcp://localhost"}
    setup = Setup(work.behave, 1, options=options, note=notes.append, ends_at=time.monotonic())
    launcher = dask.launcher(setup)
    assert launcher.capacity() == 0
    assert not notes
    assert dask._for_workers(setup).ends_at == math.inf


def test_a_scheduler_that_is_away_is_asked_again_without_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Meanwhile Ctrl-C and the hours would not be noticed."""
    waited: list[float] = []
    monkeypatch.setattr(_address, "connected", lambda *given: waited.append(given[-1]))
    monkeypatch.setattr(dask, "Cluster", lambda *_: NoCluster())
    options = {**dask.OPTIONS, "address": "tcp://localhost"}
    launcher = dask.launcher(Setup(work.behave, 1, options=options, ends_at=time.monotonic()))
    read(launcher, Gone())
    launcher.wait(0)
    assert waited == [_address.TIMEOUT, 0.0]


def test_a_trial_that_waits_for_a_worker_does_not_begin_after_the_hours() -> None:
    launcher = waiting([])
    read(launcher, worker())
    ticket = launcher.submit(trial("complete", 1))
    assert read(launcher, Ended(ticket, Delivery(knows_session=False))) == []  # it is the last
    assert launcher.wait(0) is None
    over(launcher)
    event = launcher.wait(0)
    assert event is not None
    assert event.ticket == ticket
    assert isinstance(event.news, Outcome)
    assert (event.news.kind, event.news.retried) == (Kind.INTERRUPTED, True)
    assert not launcher.flights
    read(launcher, worker("b"))
    assert len(launcher.cluster.started) == 1  # type: ignore[attr-defined]


def test_trials_go_where_there_is_room_and_no_more_than_that() -> None:
    launcher = waiting([])
    read(launcher, worker("a", 2), worker("b"))
    tickets = [launcher.submit(trial("complete", index)) for index in range(4)]
    assert launcher.capacity() == 3
    started = [address for _, address in launcher.cluster.started]  # type: ignore[attr-defined]
    assert sorted(started) == ["tls://a:1", "tls://a:1", "tls://b:1"]
    done = Outcome(Kind.COMPLETE)
    assert read(launcher, Ended(tickets[0], Delivery(done))) == [done]
    assert len(launcher.cluster.started) == 4  # type: ignore[attr-defined]


def test_a_lost_worker_interrupts_its_trials_and_what_it_still_sends_is_dropped() -> None:
    launcher = waiting([])
    read(launcher, worker("a", 2), worker("b"))
    tickets = [launcher.submit(trial("complete", index)) for index in range(3)]
    read(launcher, Left("tls://a:1"))
    lost = [launcher.wait(0), launcher.wait(0)]
    assert {event.news.kind for event in lost if event} == {Kind.INTERRUPTED}
    assert all(event.news.retried for event in lost if event)
    assert launcher.capacity() == 1
    late = Ended(lost[0].ticket, Delivery(Outcome(Kind.COMPLETE)))  # type: ignore[union-attr]
    assert read(launcher, late) == []
    assert set(tickets) - {event.ticket for event in lost if event} == set(launcher.flights)


def test_a_trial_that_loses_one_worker_after_the_other_ends_the_sweep_and_blames_no_variant() -> (
    None
):
    launcher = waiting([])
    read(launcher, worker())
    ends = []
    for _ in range(dask.LOSSES):
        ticket = launcher.submit(trial("complete", 3))
        ends += read(launcher, Lost(ticket, "its worker was lost"))
    assert [end.retried for end in ends] == [True] * (dask.LOSSES - 1) + [False]  # type: ignore[attr-defined]
    assert ends[-1].kind is Kind.INTERRUPTED  # type: ignore[attr-defined]
    assert "trial 3 of complete lost 10 workers" in ends[-1].message  # type: ignore[attr-defined]


def test_a_worker_with_a_full_disk_is_used_no_more_and_the_last_one_ends_the_sweep() -> None:
    notes: list[str] = []
    launcher = waiting(notes)
    read(launcher, worker(), worker("b"))
    full = Outcome(Kind.INTERRUPTED, message="no space left\n  fix: make room")
    first = launcher.submit(trial("complete", 1))
    (ended,) = read(launcher, Ended(first, Delivery(full)))
    assert ended.retried  # type: ignore[attr-defined]
    assert launcher.capacity() == 1
    assert "is not used: no space left" in notes[0]
    second = launcher.submit(trial("complete", 1))
    assert read(launcher, Lost(second, "no process can be started", is_fault=True)) == [
        Outcome(Kind.INTERRUPTED, message="no process can be started")
    ]


def test_a_scheduler_that_stalls_is_waited_for() -> None:
    notes: list[str] = []
    launcher = waiting(notes)
    read(launcher, worker(), Stalled(True), Stalled(False))
    assert notes == [
        "the scheduler does not answer; it is waited for",
        "the scheduler answers again",
    ]


def test_a_scheduler_that_ends_interrupts_what_ran_and_may_come_back() -> None:
    notes: list[str] = []
    launcher = waiting(notes)
    read(launcher, worker())
    for index in range(2):  # one of them waits for room
        launcher.submit(trial("complete", index))
    read(launcher, Gone())
    ends = [launcher.wait(0), launcher.wait(0)]
    assert [event.news.retried for event in ends if event] == [True, True]  # type: ignore[union-attr]
    assert launcher.capacity() == 0
    assert launcher.wait(0) is None
    launcher.connect = NoCluster  # type: ignore[assignment,method-assign]
    assert launcher.wait(0) is None
    read(launcher, worker())
    assert launcher.capacity() == 1
    assert notes == [
        "the scheduler is away; it is waited for, up to 5 minutes", "the scheduler is back",
    ]  # fmt: skip


def test_a_scheduler_that_stays_away_ends_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask, "AWAY", 0.0)
    launcher = waiting([])
    with pytest.raises(StoreError, match="the scheduler was lost: no scheduler") as caught:
        read(launcher, Gone(), Stalled(True))
    assert "give the same command again" in caught.value.fix


def test_nobody_is_answered_where_no_trial_may_be_stopped() -> None:
    launcher = waiting([])
    read(launcher, worker())
    ticket = launcher.submit(trial("reporting"))
    launcher.answer(ticket, True)
    launcher.setup = Setup(work.behave, 9, answers=False)
    launcher.answer(ticket, True)
    assert launcher.cluster.answered == [(ticket, True)]  # type: ignore[attr-defined]
