"""Who refuses whose certificate, and what is said of it: handshakes over sockets with a server that
does what a scheduler of Dask does, and in a slow test with a scheduler.
"""

from __future__ import annotations

import datetime
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from rnnzoo.api import certificates
from rnnzoo.cli import main
from rnnzoo.errors import UsageError
from rnnzoo.launchers import Setup, _address, _certificates, dask
from rnnzoo.launchers._address import Address
from rnnzoo.testing import work
from tests.launchers.clusters import Cluster
from tests.launchers.test_cluster_sweep import options

DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sets of certificates: `ours`, `theirs`, one that has ended, one that begins later, and one
    that ends in a week.  In `leaf` and `mixed` the authority's certificate is that of `ours`; the
    others have ended, or are those of `theirs`.
    """
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    folder, now = tmp_path_factory.mktemp("sets"), certificates._now
    moved = {"ours": 0, "theirs": 0, "ended": -400, "later": 5, "short": 7 - certificates.DAYS}
    with pytest.MonkeyPatch.context() as patch:
        for name, days in moved.items():
            patch.setattr(certificates, "_now", lambda days=days: now() + days * DAY)
            certificates.make(folder / name)
        patch.setattr(certificates, "_now", lambda: now() - 400 * DAY)
        own = load_pem_private_key((folder / "ours/ca-key.pem").read_bytes(), None)
        assert isinstance(own, ec.EllipticCurvePrivateKey)
        (folder / "leaf").mkdir()
        for holder in _certificates.HOLDERS:
            key = ec.generate_private_key(ec.SECP256R1())
            signed = certificates._certificate(holder, key, own)
            for name, content in certificates._named(holder, signed, key):
                (folder / "leaf" / name).write_bytes(content)
    shutil.copytree(folder / "theirs", folder / "mixed")
    for name in ("leaf", "mixed"):
        shutil.copy(folder / "ours/ca.pem", folder / name)
    return folder


@contextmanager
def scheduler(folder: Path | None) -> Iterator[Address]:
    """What answers as a scheduler of Dask does: who is let in hears something at once."""
    context: ssl.SSLContext | None = None
    if folder is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(*(folder / name for name in _certificates.files_of("scheduler")))

    def answer(plain: socket.socket) -> None:
        with suppress(OSError), plain:
            shown = context.wrap_socket(plain, server_side=True) if context else plain
            with shown:
                shown.sendall(bytes(8))
                shown.recv(1)

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=answer, args=listening.accept()[:1], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        protocol = "tls" if context else "tcp"
        yield Address(protocol, "127.0.0.1", listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)


def refusal(where: Address, folder: Path, holder: str = "client") -> UsageError:
    with pytest.raises(UsageError) as caught:
        _address.require_welcome(where, folder, holder, patience=5.0)
    return caught.value


@pytest.mark.parametrize("holder", _certificates.HOLDERS)
def test_the_holders_of_the_scheduler_s_set_are_welcome(sets: Path, holder: str) -> None:
    with scheduler(sets / "ours") as where:
        _address.require_welcome(where, sets / "ours", holder)


@pytest.mark.parametrize(
    ("there", "here", "problem", "fix"),
    [
        ("theirs", "ours", "shows a certificate that {here}/ca.pem has not signed", "use one set"),
        ("leaf", "ours", "certificate that the scheduler at {where} shows has ended", "a new set"),
        ("ours", "mixed", "not accept {here}/client.pem, which {here}/ca.pem has not", "one set"),
        ("ours", "leaf", "the certificate {here}/client.pem ended on", "make a new set"),
        ("ended", "ended", "the certificate {here}/ca.pem ended on", "make a new set"),
        ("later", "later", "the certificate {here}/ca.pem is not valid before", "set the clock"),
    ],
)
def test_it_is_said_whose_certificate_is_refused_and_why(
    there: str, here: str, problem: str, fix: str, sets: Path
) -> None:
    with scheduler(sets / there) as where:
        told = refusal(where, sets / here)
    assert problem.format(here=sets / here, where=where) in told.problem
    assert fix in told.fix
    assert "SSL" not in str(told)


def test_a_scheduler_that_trusts_another_authority_than_its_own_is_told(
    sets: Path, tmp_path: Path
) -> None:
    shutil.copytree(sets / "ours", tmp_path, dirs_exist_ok=True)
    shutil.copy(sets / "theirs/ca.pem", tmp_path)
    with scheduler(tmp_path) as where:
        told = refusal(where, sets / "ours")
    assert f"does not accept {sets / 'ours'}/client.pem" in told.problem
    assert "--tls-ca-file of the same set" in told.fix


def test_who_encrypts_and_who_does_not_is_told(sets: Path) -> None:
    with scheduler(None) as where:
        _address.require_welcome(where, sets / "nowhere")
        told = refusal(where._replace(protocol="tls"), sets / "ours")
        assert "is not encrypted" in told.problem
        assert "--protocol tls" in told.fix
    with scheduler(sets / "ours") as where:
        told = refusal(where._replace(protocol="tcp"), sets / "ours")
        assert (told.problem, told.fix) == (
            f"the scheduler at tcp://127.0.0.1:{where.port} is encrypted", f"write {where}",
        )  # fmt: skip


def test_a_key_of_another_certificate_is_told(sets: Path, tmp_path: Path) -> None:
    shutil.copytree(sets / "ours", tmp_path, dirs_exist_ok=True)
    shutil.copy(sets / "theirs/client-key.pem", tmp_path)
    told = refusal(_address.address("tls://127.0.0.1:1"), tmp_path)
    assert "client-key.pem is not the key of client.pem" in told.problem
    assert "ca.pem, client.pem, client-key.pem" in told.fix


def test_certificates_that_end_soon_are_told(sets: Path) -> None:
    notes: list[str] = []
    setup = Setup(work.behave, 1, note=notes.append)
    for name in ("ours", "short"):
        dask._tell_of_end(setup, sets / name)
    assert len(notes) == 1
    assert f"the certificates in {sets / 'short'} end on" in notes[0]
    assert "make a new set" in notes[0]


# ------------------------------------------------------------------ the command


def test_the_command_says_which_certificates_of_this_machine_a_scheduler_accepts(
    sets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in _certificates.files("worker"):
        shutil.copy(sets / "ours" / name, tmp_path)
    with scheduler(sets / "ours") as where:
        assert main(["cluster", "check", str(where), "--certificates", "."]) == 0
        told = capsys.readouterr().out
        assert told.startswith(f"{where} accepts worker.pem, which ends on 20")
        assert len(told.splitlines()) == 1
    with scheduler(sets / "theirs") as where:
        assert main(["cluster", "check", str(where), "--certificates", "."]) == 2
        assert "that ca.pem has not signed" in capsys.readouterr().err
    with scheduler(None) as where:
        assert main(["cluster", "check", str(where)]) == 0
        assert "it is not encrypted, so it needs no certificates" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["check"], "write `rnnzoo cluster check tls://HOST:8786`"),
        (["check", "tls://node1"], "certificates has none of scheduler.pem, worker.pem or client"),
        (["certificates", "--certificates", "mine"], "write `rnnzoo cluster certificates mine`"),
    ],
)
def test_what_the_command_lacks_is_told(
    words: list[str],
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["cluster", *words]) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow  # ten seconds: three schedulers of Dask
def test_a_scheduler_of_dask_refuses_and_is_refused_in_the_same_words(sets: Path) -> None:
    def secured(name: str) -> dict[str, list[str]]:
        return {"scheduler": list(options(sets / name, "scheduler", "scheduler"))}

    for there, here, problem in (
        ("theirs", "ours", "has not signed"),
        ("ours", "mixed", "does not accept"),
        ("leaf", "ours", "has ended"),
    ):
        with Cluster(secured(there)) as cluster:
            where = _address.address(cluster.address)
            assert problem in refusal(where, sets / here).problem
            if there == "ours":
                for holder in _certificates.HOLDERS:
                    _address.require_welcome(where, sets / "ours", holder)
                plain = where._replace(protocol="tcp")
                assert "is encrypted" in refusal(plain, sets / "ours").problem
