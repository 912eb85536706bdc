"""The way to a scheduler of Dask: its address, and a client that is connected.

In: an address and a folder of certificates.  Out: a client, or a `UsageError` that says what to do.
Dask sends and runs pickles, and asks nobody for a password: whoever reaches an unencrypted
scheduler runs code on its workers.  So one is taken on this machine only.

Dask tells of a refused connection in the words of OpenSSL, or not at all.  So we shake hands with
the scheduler ourselves before Dask does, and say who refused whom.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import socket
import ssl
import time
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from rnnzoo.errors import UsageError, command
from rnnzoo.launchers import _certificates
from rnnzoo.launchers._certificates import CLIENT, SCHEDULER

PORT = 8786  # of a scheduler, where none is given
TIMEOUT = 10.0  # seconds to connect
AGAIN = 0.2  # seconds between two attempts
SILENCE = 1.0  # seconds for the first word of an unencrypted scheduler, which speaks at once
LOGGERS = ("distributed", "distributed.client", "tornado", "tornado.application")
# OpenSSL's numbers of what is wrong with a certificate
_ENDED, _NOT_BEGUN = 10, 9
_ADDRESS = re.compile(
    r"(?:(?P<protocol>[a-z]+)://)?(?P<host>\[[0-9a-fA-F:.]+\]|[^:/\s\[\]]+)(?::(?P<port>\d+))?/?"
)


class Address(NamedTuple):
    """Where a scheduler listens."""

    protocol: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.protocol}://{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        host = self.host.strip("[]")
        try:
            return host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False


def address(text: str) -> Address:
    """The address that is written so; without a protocol it is encrypted.

    Raises:
        UsageError: it is none, or one that is not encrypted and not on this machine.
    """
    match = _ADDRESS.fullmatch(text.strip())
    if not match or not 0 < int(match["port"] or PORT) < 2**16:
        raise UsageError(
            f"'{text}' is no address of a scheduler", f"write tls://HOST:{PORT}, with its port"
        )
    scheduler = Address(match["protocol"] or "tls", match["host"], int(match["port"] or PORT))
    encrypted = scheduler._replace(protocol="tls")
    if scheduler.protocol not in ("tls", "tcp"):
        raise UsageError(
            f"{text}: a cluster is reached by tls://, not by {scheduler.protocol}://",
            f"write {encrypted}",
        )
    if scheduler.protocol == "tcp" and not scheduler.is_loopback:
        raise UsageError(
            f"{scheduler} is not encrypted: whoever reaches it could run code on its workers",
            f"make certificates ({command('cluster', 'certificates')}), start the scheduler and"
            f" its workers with them, and write {encrypted}",
        )
    return scheduler


def connected(where: Address, certificates: Path, patience: float = TIMEOUT) -> Any:
    """A client of the scheduler at an address.

    Args:
        certificates: the folder of this machine's; not read where the address is not encrypted.
        patience: seconds for a scheduler that is not there yet.

    Raises:
        UsageError: a certificate is not there or is refused, the host's name is unknown, or nobody
            answers.
    """
    from distributed import Client

    require_welcome(where, certificates, patience=patience)
    shown = _certificates.security(certificates) if where.protocol == "tls" else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of versions: we compare them ourselves
            return Client(
                str(where), security=shown, timeout=TIMEOUT, name="rnnzoo",
                set_as_default=False, direct_to_workers=False,
            )  # fmt: skip
    except (OSError, ValueError, TimeoutError):
        raise _nobody(where) from None


def require_welcome(
    where: Address, certificates: Path, holder: str = CLIENT, patience: float = TIMEOUT
) -> None:
    """Shake hands with a scheduler.

    Args:
        holder: whose certificate is shown.
        patience: seconds for a scheduler that is not there yet.

    Raises:
        UsageError: nobody answers, or one of both does not accept the other's certificate.
    """
    context: ssl.SSLContext | None = None
    if where.protocol == "tls":
        _certificates.end(certificates, holder)
        shown = _certificates.security(certificates, holder)
        context = shown.get_connection_args(holder)["ssl_context"]
    _require_known(where)
    place, end = (where.host.strip("[]"), where.port), time.monotonic() + patience
    while True:
        try:
            with socket.create_connection(place, max(patience, SILENCE)) as plain:
                if context is None:
                    _require_plain(where, plain)
                else:
                    _require_trust(where, plain, context, certificates, holder)
            return
        except OSError:  # nobody is there, or it does not answer
            if time.monotonic() > end:
                raise _nobody(where) from None
            time.sleep(AGAIN)


def require_installed() -> None:
    """
    Raises:
        UsageError: Dask is not installed.
    """
    for package in ("distributed", "cryptography"):
        if find_spec(package) is None:
            raise UsageError(
                f"a cluster needs the package '{package}', which is not installed",
                'pip install "rnnzoo[cluster]"',
            )


def log_to(file: Path | None) -> None:
    """Write what Dask has to say to a file, or nowhere, and not between the lines of a sweep."""
    import distributed  # noqa: F401  # which gives these loggers handlers of its own

    handler: logging.Handler = logging.NullHandler()
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(file, delay=True)
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s"))
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False


def _require_known(where: Address) -> None:
    """
    Raises:
        UsageError: this machine knows no address of the host.
    """
    try:
        socket.getaddrinfo(where.host.strip("[]"), where.port)
    except (OSError, UnicodeError) as error:
        raise UsageError(
            f"{where}: this machine does not know the name '{where.host}' ({_reason(error)})",
            "mend the name, or write the machine's IP address in its place",
        ) from None


def _reason(error: OSError | UnicodeError) -> str:
    """What is said of an error, without its number."""
    return getattr(error, "strerror", None) or str(error)


def _nobody(where: Address) -> UsageError:
    return UsageError(
        f"no scheduler of Dask answers at {where}",
        "start it (docs/cluster.md says how), or mend the address; a firewall may be between",
    )


def _require_plain(where: Address, plain: socket.socket) -> None:
    """
    Raises:
        UsageError: what answers is encrypted.
    """
    plain.settimeout(SILENCE)
    try:
        plain.recv(1)
        return
    except TimeoutError:  # who expects a handshake says nothing before it
        pass
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    try:
        anybody.wrap_socket(plain).close()
    except OSError:  # Dask itself says what it thinks of it
        return
    raise UsageError(
        f"the scheduler at {where} is encrypted", f"write {where._replace(protocol='tls')}"
    )


def _require_trust(
    where: Address, plain: socket.socket, context: ssl.SSLContext, folder: Path, holder: str
) -> None:
    """
    Raises:
        UsageError: what answers is not encrypted, or one of both does not accept the other's
            certificate.
        OSError: it does not answer.
    """
    try:
        encrypted = context.wrap_socket(plain, server_hostname=where.host.strip("[]"))
    except ssl.SSLCertVerificationError as error:
        raise _mistrusted(where, folder, error) from None
    except ssl.SSLError as error:
        raise UsageError(
            f"what answers at {where} is not encrypted ({error.reason or error})",
            "start the scheduler with --protocol tls and its certificates (docs/cluster.md says"
            " how), or mend the address",
        ) from None
    with encrypted:
        # With TLS 1.3 a server looks at the client's certificate after the handshake.  Dask speaks
        # first, to whom it lets in.
        try:
            if encrypted.recv(1):
                return
            reason = ""
        except (ssl.SSLError, ConnectionResetError) as error:
            reason = getattr(error, "reason", None) or ""
    raise _refused(where, folder, holder, reason)


def _mistrusted(where: Address, folder: Path, error: ssl.SSLCertVerificationError) -> UsageError:
    """This machine does not accept the scheduler's certificate."""
    certificate, _ = _certificates.files_of(SCHEDULER)
    authority, _ = _certificates.files_of(_certificates.AUTHORITY)
    if error.verify_code == _ENDED:
        return UsageError(
            f"the certificate that the scheduler at {where} shows has ended", _certificates.RESTART
        )
    if error.verify_code == _NOT_BEGUN:
        return UsageError(
            f"by this machine's clock, the certificate that the scheduler at {where} shows has not"
            " begun",
            "set the clock of this machine, or of the one that made the certificates",
        )
    return UsageError(
        f"the scheduler at {where} shows a certificate that {folder / authority} has not signed"
        f" ({error.verify_message})",
        f"use one set on all machines: start the scheduler with the {certificate} of this one, or"
        f" copy the scheduler's set here",
    )


def _refused(where: Address, folder: Path, holder: str, reason: str) -> UsageError:
    """The scheduler does not accept this machine's certificate, whose time is not over."""
    authority, own, _ = _certificates.files(holder)
    refused = f"the scheduler at {where} does not accept {folder / own}"
    if not _certificates.is_of_one_set(folder, holder):
        return UsageError(
            f"{refused}, which {folder / authority} has not signed",
            f"copy {', '.join(_certificates.files(holder))} of one set, that of the scheduler",
        )
    return UsageError(
        f"{refused} ({reason})" if reason else refused,
        f"start the scheduler with --tls-ca-file of the same set, {authority}; and see that the"
        " clock of its machine is right",
    )
