"""The certificates of one machine of a cluster: which files they are, and whether they can be used.

In: a folder, and who shows them: the scheduler, a worker or the machine that sweeps.  Out: the day
on which they end, or a `UsageError` that says which file is wrong, and in what.
"""

from __future__ import annotations

import datetime
import ssl
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnzoo.errors import UsageError, command

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

AUTHORITY = "ca"
SCHEDULER, WORKER, CLIENT = "scheduler", "worker", "client"
HOLDERS = (SCHEDULER, WORKER, CLIENT)
MAKE = command("cluster", "certificates", "FOLDER")
RESTART = f"make a new set (`{MAKE}`), and start the scheduler and its workers with it"


def files_of(holder: str) -> tuple[str, str]:
    """The certificate and the key of one of a set."""
    return f"{holder}.pem", f"{holder}-key.pem"


def files(holder: str) -> tuple[str, str, str]:
    """What a holder needs: the authority's certificate, its own, and its key."""
    authority, _ = files_of(AUTHORITY)
    return (authority, *files_of(holder))


def end(folder: Path, holder: str = CLIENT) -> datetime.date:
    """The day on which a holder's certificates end, which can be used now.

    Raises:
        UsageError: a file is not there or cannot be read, its key is another's, or its time is over
            or has not begun.
    """
    authority, certificate, _ = files(holder)
    for name in files(holder):
        if not (folder / name).is_file():
            raise UsageError(
                f"no certificate {folder / name}",
                f"copy this machine's {', '.join(files(holder))} to {folder}, or name their folder"
                f" with --certificates; {command('cluster', 'certificates')} makes a set",
            )
    security(folder, holder)
    own = _read(folder, certificate, holder)[0]
    # of several authorities, one that holds is enough
    last = max(
        _read(folder, authority, holder), key=lambda certificate: certificate.not_valid_after_utc
    )
    _require_its_time(folder / authority, last)
    _require_its_time(folder / certificate, own)
    ends: datetime.date = min(own.not_valid_after_utc, last.not_valid_after_utc).date()
    return ends


def security(folder: Path, holder: str = CLIENT) -> Any:
    """What a holder shows and trusts, as Dask wants it.

    Raises:
        UsageError: a file cannot be read, or the key is another's.
    """
    from distributed import Security

    authority, certificate, key = (str(folder / name) for name in files(holder))
    own = {f"tls_{holder}_cert": certificate, f"tls_{holder}_key": key}
    made = Security(require_encryption=True, tls_ca_file=authority, **own)
    try:
        made.get_connection_args(holder)
    except ssl.SSLError as error:
        raise _unusable(folder, holder, _reason(error, holder)) from None
    except OSError as error:
        raise _unusable(folder, holder, str(error)) from None
    return made


def is_of_one_set(folder: Path, holder: str) -> bool:
    """Whether a holder's certificate is signed by the authority beside it."""
    authority, certificate, _ = files(holder)
    signers = _read(folder, authority, holder)
    # behind its own, a file may have those that lead to the authority's
    chain = _read(folder, certificate, holder)
    return any(_is_signed(link, signer) for link, signer in product(chain, signers))


def _is_signed(certificate: Certificate, signer: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        certificate.verify_directly_issued_by(signer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _read(folder: Path, name: str, holder: str) -> list[Certificate]:
    from cryptography import x509

    try:
        certificates: list[Certificate] = x509.load_pem_x509_certificates(
            (folder / name).read_bytes()
        )
    except ValueError:
        raise _unusable(folder, holder, f"{name} holds no certificate") from None
    return certificates


def _reason(error: ssl.SSLError, holder: str) -> str:
    certificate, key = files_of(holder)
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"{key} is not the key of {certificate}"
    return str(error)


def _unusable(folder: Path, holder: str, reason: str) -> UsageError:
    return UsageError(
        f"the certificates in {folder} cannot be used: {reason}",
        f"put the files there that belong together: {', '.join(files(holder))}",
    )


def _require_its_time(file: Path, certificate: Certificate) -> None:
    """
    Raises:
        UsageError: the time of a certificate is over, or has not begun.
    """
    now = datetime.datetime.now(datetime.UTC)
    if now > certificate.not_valid_after_utc:
        ended = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
        raise UsageError(f"the certificate {file} ended on {ended}", RESTART)
    if now < certificate.not_valid_before_utc:
        begins = f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M}"
        raise UsageError(
            f"the certificate {file} is not valid before {begins}, and this machine's clock says"
            f" {now:%Y-%m-%d %H:%M} (UTC)",
            "set the clock of this machine, or of the one that made the certificates",
        )
