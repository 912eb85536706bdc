"""Serves the page on this machine, to browsers here and at the end of a tunnel.

In: a watcher of an experiment's files.  Out: answers to GET.  A request chooses one of three
answers, and names no file.  The name that a request gives this server must be one of this machine:
a page of another site, whose name leads here, is refused (DNS rebinding).
"""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from rnnzoo import __version__
from rnnzoo.errors import UsageError, argument
from rnnzoo.live import page
from rnnzoo.live.look import OVER, Shown, Watcher

HOST = "127.0.0.1"
NAMES = (HOST, "localhost", "[::1]")  # of this machine, also at the end of a tunnel
FIRST_PORT, PORTS = 8600, 50  # the ports that are tried
LINGER = 900.0  # seconds that the page stays after the end of its sweep
FRESH = 0.5  # seconds for which what was looked at is shown to all tabs
_TIMEOUT = 60.0  # seconds that a connection may be silent


@dataclass(slots=True)
class Page:
    """What is served.

    Attributes:
        spec: the file of the experiment, as the user wrote it.
    """

    watcher: Watcher
    spec: str
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _shown: Shown | None = None
    _looked: float = 0.0
    _over_since: float | None = None

    def shown(self) -> Shown:
        """What there is to show, looked at when that was a while ago."""
        with self._lock:
            if self._shown is None or self.clock() - self._looked > FRESH:
                self._shown, self._looked = self.watcher.look(), self.clock()
                over = self._shown["state"] in OVER
                self._over_since = (self._over_since or self.clock()) if over else None
            return self._shown

    def over_for(self) -> float:
        """For how many seconds the sweep has been seen to be over; 0 while it is not."""
        self.shown()
        return 0.0 if self._over_since is None else self.clock() - self._over_since

    def answer(self, path: str) -> tuple[str, str] | None:
        """The content type and the content of an address; None where there is none."""
        match path:
            case "/":
                return "text/html", page.whole(self.shown(), self.spec)
            case "/page.json":
                return "application/json", json.dumps(self._news())
            case "/live.json":
                return "application/json", json.dumps(self.shown(), indent=2)
        return None

    def _news(self) -> dict[str, object]:
        shown = self.shown()
        return {
            "title": page.title(shown),
            "now": page.clock(shown),
            "sections": page.sections(shown, self.spec),
        }


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a tab that holds its connection open does not hold the end up
    page: Page

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that has gone away meanwhile is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = f"rnnzoo/{__version__}"
    sys_version = ""
    timeout = _TIMEOUT
    COMMON: ClassVar[Mapping[str, str]] = {
        "Cache-Control": "no-store",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }

    def do_GET(self) -> None:
        if not is_own_name(self.headers.get_all("Host", [])):
            self._send(HTTPStatus.FORBIDDEN, "text/plain", "this page is for this machine only\n")
            return
        answer = self.server.page.answer(self.path.partition("?")[0])
        if answer is None:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", "nothing is here\n")
        else:
            self._send(HTTPStatus.OK, *answer)

    def _send(self, status: HTTPStatus, kind: str, content: str) -> None:
        body = content.encode()
        tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
        if status is HTTPStatus.OK and self.headers.get("If-None-Match") == tag:
            status, body = HTTPStatus.NOT_MODIFIED, b""
        self.send_response(status)
        for name, value in {
            **self.COMMON,
            "ETag": tag,
            "Content-Security-Policy": policy(),
        }.items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a page asks every second."""


def is_own_name(hosts: list[str]) -> bool:
    """Whether what a request calls this server is a name of this machine; a tunnel has a port of
    its own.
    """
    if len(hosts) != 1:
        return False
    name, colon, port = hosts[0].strip().rpartition(":")
    if not colon or hosts[0].endswith("]"):
        name, port = hosts[0].strip(), "80"
    return name.lower() in NAMES and port.isdecimal()


@cache
def policy() -> str:
    """What the page may do: its own style and script, and ask this server."""
    style, script = (_hash(text) for text in (page.style(), page.script()))
    return (
        f"default-src 'none'; style-src '{style}'; script-src '{script}'; connect-src 'self';"
        " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def serving(shown: Page, port: int | None) -> _Server:
    """A server that listens, at a port, or at the first that is free.

    Raises:
        UsageError: the port is taken, or none.
    """
    if port is not None and not 1 <= port <= 65535:
        raise UsageError(f"{argument('port', port)} is no port", "a number from 1024 to 65535")
    ports = [port] if port is not None else [*range(FIRST_PORT, FIRST_PORT + PORTS), 0]
    for tried in ports:
        try:
            server = _Server((HOST, tried), _Handler)
        except OSError as error:
            if port is not None:
                raise _refused(port, error) from None
            continue
        server.page = shown
        return server
    raise UsageError("no port is free on this machine")


def _refused(port: int, error: OSError) -> UsageError:
    if error.errno == errno.EADDRINUSE:
        return UsageError(f"port {port} is taken", f"{argument('port', port + 1)}, or leave it out")
    if error.errno == errno.EACCES:
        return UsageError(f"port {port} is for the system", "a port from 1024 on, or leave it out")
    return UsageError(f"port {port} cannot be used: {error.strerror}", "leave it out")


def serve(server: _Server, stay: bool, clock: Callable[[], float] = time.monotonic) -> None:
    """Serve until the sweep has been over for a while, or for good."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        while stay or server.page.over_for() < LINGER:
            time.sleep(1.0)
    finally:
        server.shutdown()
        server.server_close()
