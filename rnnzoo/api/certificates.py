"""Certificates for a cluster: an authority of its own, and what it has signed for the scheduler,
the workers and the machine that sweeps.

In: a folder.  Out: files in it that nobody else can read, none of them over one that is there.
Whoever has one of the signed ones can run code on the cluster.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rnnzoo.errors import UsageError
from rnnzoo.launchers._certificates import AUTHORITY, HOLDERS, files_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate

DAYS = 365  # that they are valid
MODE = 0o600


def names() -> tuple[str, ...]:
    """The files of a set."""
    return tuple(name for holder in (AUTHORITY, *HOLDERS) for name in files_of(holder))


def make(folder: Path) -> datetime.date:
    """Write a set into a folder; returns the day on which it ends.

    Raises:
        UsageError: `cryptography` is not installed, or one of the files is there.
        OSError: the folder cannot be written.
    """
    existing = [name for name in names() if os.path.lexists(folder / name)]
    if existing:
        raise UsageError(
            f"{folder} has {existing[0]} already, and nothing is written over it",
            "name another folder; or delete the old set, with which the cluster then runs no more",
        )
    contents = dict(_contents())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, content in contents.items():
        _write(folder / name, content)
    return (_now() + datetime.timedelta(DAYS)).date()


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)


def _contents() -> Iterator[tuple[str, bytes]]:
    """The files of a set with what is in them."""
    try:
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        raise UsageError(
            "certificates are made by the package 'cryptography', which is not installed",
            'pip install "rnnzoo[cluster]"',
        ) from None
    own = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate(AUTHORITY, own, own)
    yield from _named(AUTHORITY, authority, own)
    for holder in HOLDERS:
        key = ec.generate_private_key(ec.SECP256R1())
        yield from _named(holder, _certificate(holder, key, own), key)


def _named(
    holder: str, certificate: Certificate, key: EllipticCurvePrivateKey
) -> Iterator[tuple[str, bytes]]:
    from cryptography.hazmat.primitives import serialization as form

    of_certificate, of_key = files_of(holder)
    yield of_certificate, certificate.public_bytes(form.Encoding.PEM)
    yield (
        of_key,
        key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()),
    )


def _certificate(
    holder: str, key: EllipticCurvePrivateKey, authority: EllipticCurvePrivateKey
) -> Certificate:
    """A certificate of a key; that of the authority is signed by itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    is_authority = holder == AUTHORITY
    identifier = x509.SubjectKeyIdentifier.from_public_key
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key
    return (
        x509.CertificateBuilder()
        .subject_name(_name(holder))
        .issuer_name(_name(AUTHORITY))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - datetime.timedelta(hours=1))  # clocks differ
        .not_valid_after(_now() + datetime.timedelta(DAYS))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**_usage(is_authority)), critical=True)
        .add_extension(identifier(key.public_key()), critical=False)
        .add_extension(issuer(authority.public_key()), critical=False)
        .sign(authority, hashes.SHA256())
    )


def _usage(is_authority: bool) -> Mapping[str, bool]:
    return {
        "digital_signature": True,
        "content_commitment": False,
        "key_encipherment": False,
        "data_encipherment": False,
        "key_agreement": not is_authority,
        "key_cert_sign": is_authority,
        "crl_sign": is_authority,
        "encipher_only": False,
        "decipher_only": False,
    }


def _name(holder: str):  # type: ignore[no-untyped-def]  # of a library that may be absent
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"rnnzoo cluster {holder}")])


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
