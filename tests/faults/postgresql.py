"""A PostgreSQL server of the tests' own, on loopback; it ends with the process that started it,
however that ends.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

USER, PASSWORD = "rnnzoo", "correct horse"
UP = 60.0  # seconds until a server must answer
# The shell waits for the end of its input, which comes with the end of who holds the other end
WATCHED = '"$@" >log.txt 2>&1 & server=$!; read _; kill -INT $server 2>/dev/null; wait $server'


def missing() -> str:
    """Why there can be no server here; empty where there can."""
    if importlib.util.find_spec("psycopg") is None:
        return "psycopg is not installed"
    if _binary("initdb") is None:
        return "PostgreSQL is not installed"
    if os.geteuid() or _unprivileged():
        return ""
    return "PostgreSQL does not run as root, and there is no other user"


def _binary(name: str) -> str | None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name) or next(
        (str(folder / name) for folder in folders if (folder / name).exists()), None
    )


def _unprivileged() -> str:
    """A user that is not root, where we are."""
    names = {user.pw_name for user in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), "")


@dataclass(slots=True)
class Server:
    """A server with its data; `stop` and `start` may follow each other as often as one likes."""

    folder: Path
    port: int
    fsync: str
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def made(cls, fsync: str = "off") -> Server:
        """A new one, running.

        Args:
            fsync: `on` where it is to wait for the disk, as a server does that is not for tests.
        """
        folder = Path(tempfile.mkdtemp(prefix="rnnzoo-postgresql-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            server = cls(folder, probe.getsockname()[1], fsync)
        if not os.geteuid():
            shutil.chown(folder, _unprivileged())
        (folder / "password").write_text(PASSWORD)
        initdb = [
            _binary("initdb"),
            "-D",
            "data",
            "-U",
            USER,
            "-A",
            "scram-sha-256",
            "--pwfile=password",
            "-E",
            "UTF8",
        ]
        subprocess.run(
            [*initdb, "--locale=C", "--no-sync"],
            **server._as_user(),
            check=True,
            capture_output=True,
        )
        server.start()
        return server

    def _as_user(self) -> dict[str, object]:
        return {
            "cwd": self.folder,
            **({} if os.geteuid() else {"user": _unprivileged(), "extra_groups": []}),
        }

    def start(self) -> None:
        settings = {
            "fsync": self.fsync,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "port": self.port,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = ["sh", "-c", WATCHED, "sh", _binary("postgres"), "-D", "data", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, **self._as_user())
        end = time.monotonic() + UP
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                self.execute("select 1")
                return
            except Exception:
                time.sleep(0.1)
        raise AssertionError((self.folder / "log.txt").read_text())

    def stop(self) -> None:
        """As an administrator stops it: at once, whoever is connected."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)

    def execute(self, statement: str, database: str = "postgres") -> object:
        """The first value that a statement gives, if any."""
        import psycopg

        with psycopg.connect(
            self.url(database, PASSWORD), connect_timeout=5, autocommit=True
        ) as connection:
            cursor = connection.execute(statement)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None

    def database(self, name: str) -> str:
        """URL of a new, empty database, without a password, as mlflow.yml wants it."""
        self.execute(f"create database {name}")
        return self.url(name)

    def url(self, database: str, password: str = "") -> str:
        user = f"{USER}:{password.replace(' ', '%20')}" if password else USER
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)
