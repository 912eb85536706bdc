"""The command that prepares a cluster, and says what keeps a machine from it: cluster."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from pathlib import Path

from rnnzoo.api import certificates
from rnnzoo.cli.as_json import print_json
from rnnzoo.errors import UsageError, argument, command, listed
from rnnzoo.launchers import _address
from rnnzoo.launchers._certificates import AUTHORITY, HOLDERS, end, files, files_of
from rnnzoo.spec.settings import in_project, project

CHECK = "check"
FOLDER = "certificates"
HOST = "HOST"
PATIENCE = 2.0  # seconds that a scheduler may take to answer


def cluster(args: argparse.Namespace) -> None:
    """Make a set of certificates, or check those of this machine."""
    (_check if args.what == CHECK else _make)(args)


def _make(args: argparse.Namespace) -> None:
    """Make a set of certificates, and say how a cluster is started with it."""
    if args.certificates is not None:
        written = command("cluster", "certificates", args.certificates)
        raise UsageError(f"{argument('certificates')} is for `{CHECK}`", f"write `{written}`")
    folder = Path(args.where) if args.where else project() / FOLDER
    ends = certificates.make(folder)
    if args.json:
        print_json({"folder": str(folder), "ends": f"{ends:%Y-%m-%d}"})
        return
    for line in _told(folder, f"{ends:%Y-%m-%d}"):
        print(line)


def _check(args: argparse.Namespace) -> None:
    """Say whether the scheduler accepts this machine's certificates, and this machine those of it.

    Raises:
        UsageError: one of both does not, or nobody answers.
    """
    if not args.where:
        asked = command("cluster", CHECK, f"tls://{HOST}:{_address.PORT}")
        raise UsageError("which scheduler is meant is not said", f"write `{asked}`")
    where = _address.address(args.where)
    _address.require_installed()
    folder = Path(args.certificates) if args.certificates else project() / FOLDER
    if where.protocol == "tcp":
        _address.require_welcome(where, folder, patience=PATIENCE)
        if args.json:
            print_json({"address": str(where), "encrypted": False, "accepted": []})
            return
        print(f"{where} answers; it is not encrypted, so it needs no certificates")
        return
    existing = [holder for holder in HOLDERS if (folder / files_of(holder)[0]).exists()]
    if not existing:
        names = listed([files_of(holder)[0] for holder in HOLDERS], "or")
        raise UsageError(
            f"{folder} has none of {names}",
            "copy those of this machine's part there, with ca.pem and its key; or name their folder"
            f" with {argument('certificates')}",
        )
    accepted = []
    for holder in existing:
        ends = end(folder, holder)
        _address.require_welcome(where, folder, holder, PATIENCE)
        own, _ = files_of(holder)
        accepted.append({"certificate": str(folder / own), "ends": str(ends)})
        if not args.json:
            print(f"{where} accepts {folder / own}, which ends on {ends}")
    if args.json:
        print_json({"address": str(where), "encrypted": True, "accepted": accepted})


def _told(folder: Path, ends: str) -> Iterator[str]:
    """How to go on."""
    _, authority = files_of(AUTHORITY)
    yield f"{folder} has certificates until {ends}; whoever has them can run code on the cluster."
    yield f"{authority} stays here: it could sign more."
    yield ""
    yield f"On the machine of the scheduler, with {_files('scheduler')}:"
    yield f"  {scheduler(folder)}"
    yield f"On each machine that trains, with {_files('worker')} (4 trials at a time):"
    yield f"  {worker(folder, 4)}"
    yield f"On this machine, with {_files('client')}:"
    yield f"  {sweep(folder)}"


def scheduler(folder: Path) -> str:
    """The command that starts a scheduler with these certificates."""
    return (
        f"dask scheduler --protocol tls --port {_address.PORT} --dashboard-address 127.0.0.1:8787"
        f" {_options(folder, 'scheduler')}"
    )


def worker(folder: Path, trials: int) -> str:
    """The command that starts a worker for so many trials at a time."""
    return (
        f"dask worker tls://{HOST}:{_address.PORT} --nthreads {trials} --resources trial={trials}"
        f" --memory-limit 0 --dashboard-address 127.0.0.1:0 {_options(folder, 'worker')}"
    )


def sweep(folder: Path) -> str:
    """The command that sweeps with them."""
    named = "" if in_project(folder) == Path(FOLDER) else f" {argument('certificates', folder)}"
    return f"rnnzoo sweep SPEC --cluster tls://{HOST}:{_address.PORT}{named}"


def _options(folder: Path, holder: str) -> str:
    named = zip(("ca-file", "cert", "key"), files(holder), strict=True)
    return " ".join(f"--tls-{name} {shlex.quote(str(folder / file))}" for name, file in named)


def _files(holder: str) -> str:
    return ", ".join(files(holder))
