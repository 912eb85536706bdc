"""The way to a scheduler of Dask: its address, its certificates, and a client that is connected.

In: an address and a folder of certificates.  Out: a client, or a `UsageError` that says what to do.
Dask sends and runs pickles, and asks nobody for a password: whoever reaches an unencrypted
scheduler runs code on its workers.  So one is taken on this machine only.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import socket
import ssl
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from rnnzoo.errors import UsageError, command

PORT = 8786  # of a scheduler, where none is given
TIMEOUT = 10.0  # seconds to connect
LOGGERS = ("distributed", "distributed.client", "tornado", "tornado.application")
FILES = {
    "tls_ca_file": "ca.pem",
    "tls_client_cert": "client.pem",
    "tls_client_key": "client-key.pem",
}
_ADDRESS = re.compile(
    r"(?:(?P<protocol>[a-z]+)://)?(?P<host>\[[0-9a-f:.]+\]|[^:/\s\[\]]+)(?::(?P<port>\d+))?/?"
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


def connected(where: Address, certificates: Path) -> Any:
    """A client of the scheduler at an address.

    Args:
        certificates: the folder of this machine's; not read where the address is not encrypted.

    Raises:
        UsageError: Dask is not installed, a certificate is not there or does not fit, the host's
            name is unknown, or nobody answers.
    """
    from distributed import Client

    shown = security(certificates) if where.protocol == "tls" else None
    _require_known(where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of versions: we compare them ourselves
            return Client(
                str(where), security=shown, timeout=TIMEOUT, name="rnnzoo",
                set_as_default=False, direct_to_workers=False,
            )  # fmt: skip
    except (OSError, ValueError, TimeoutError) as error:
        raise _not_connected(where, certificates, error) from None


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


def security(folder: Path) -> Any:
    """What a client shows and trusts.

    Raises:
        UsageError: a file is not there, or cannot be read.
    """
    from distributed import Security

    for name in FILES.values():
        if not (folder / name).is_file():
            raise UsageError(
                f"no certificate {folder / name}",
                f"copy this machine's {', '.join(FILES.values())} to {folder}, or name their folder"
                f" with --certificates; {command('cluster', 'certificates')} makes a set",
            )
    paths = {key: str(folder / name) for key, name in FILES.items()}
    made = Security(require_encryption=True, **paths)
    try:
        made.get_connection_args("client")
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"the certificates in {folder} cannot be used: {error}",
            f"put the files there that belong together: {', '.join(FILES.values())}",
        ) from None
    return made


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


def _not_connected(where: Address, certificates: Path, error: BaseException) -> UsageError:
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        reason = next(str(cause) for cause in causes if isinstance(cause, ssl.SSLError))
        return UsageError(
            f"the scheduler at {where} and this machine do not trust each other: {reason}",
            f"give both certificates of one set: this machine's are in {certificates}",
        )
    return UsageError(
        f"no scheduler of Dask answers at {where}",
        "start it (docs/cluster.md says how), or mend the address; a firewall may be between",
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
