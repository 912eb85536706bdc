"""The command that prepares a cluster: cluster."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from pathlib import Path

from rnnzoo.api import certificates
from rnnzoo.errors import argument
from rnnzoo.spec.settings import in_project, project

FOLDER = "certificates"
HOST = "HOST"
PORT = 8786


def cluster(args: argparse.Namespace) -> None:
    """Make a set of certificates, and say how a cluster is started with it."""
    folder = Path(args.folder) if args.folder else project() / FOLDER
    ends = certificates.make(folder)
    for line in _told(folder, f"{ends:%Y-%m-%d}"):
        print(line)


def _told(folder: Path, ends: str) -> Iterator[str]:
    """How to go on."""
    authority = f"{certificates.AUTHORITY}-key.pem"
    yield f"{folder} has certificates until {ends}; whoever has them can run code on the cluster."
    yield f"{authority} stays here: it could sign more."
    yield ""
    yield f"On the machine of the scheduler, with {_files(folder, 'scheduler')}:"
    yield f"  {scheduler(folder)}"
    yield f"On each machine that trains, with {_files(folder, 'worker')} (4 trials at a time):"
    yield f"  {worker(folder, 4)}"
    yield f"On this machine, with {_files(folder, 'client')}:"
    yield f"  {sweep(folder)}"


def scheduler(folder: Path) -> str:
    """The command that starts a scheduler with these certificates."""
    return (
        f"dask scheduler --protocol tls --port {PORT} --dashboard-address 127.0.0.1:8787"
        f" {_options(folder, 'scheduler')}"
    )


def worker(folder: Path, trials: int) -> str:
    """The command that starts a worker for so many trials at a time."""
    return (
        f"dask worker tls://{HOST}:{PORT} --nthreads {trials} --resources trial={trials}"
        f" --memory-limit 0 --dashboard-address 127.0.0.1:0 {_options(folder, 'worker')}"
    )


def sweep(folder: Path) -> str:
    """The command that sweeps with them."""
    named = "" if in_project(folder) == Path(FOLDER) else f" {argument('certificates', folder)}"
    return f"rnnzoo sweep SPEC --cluster tls://{HOST}:{PORT}{named}"


def _options(folder: Path, holder: str) -> str:
    certificate, key = certificates.files_of(holder)
    authority, _ = certificates.files_of(certificates.AUTHORITY)
    files = (("ca-file", authority), ("cert", certificate), ("key", key))
    return " ".join(f"--tls-{name} {shlex.quote(str(folder / file))}" for name, file in files)


def _files(folder: Path, holder: str) -> str:
    authority, _ = certificates.files_of(certificates.AUTHORITY)
    return ", ".join((authority, *certificates.files_of(holder)))
