"""The page as it is served: to this machine alone, and nothing but the page."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from rnnzoo.cli import main
from rnnzoo.errors import UsageError
from rnnzoo.live import server
from rnnzoo.live.look import Watcher
from rnnzoo.live.record import file_of
from rnnzoo.live.server import LINGER, Page, is_own_name, serving
from rnnzoo.sweep.lock import WATCHED
from rnnzoo.sweep.parts import WHOLE
from tests.sweep.told import SPEC, Clock, snapshot

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shown(tmp_path: Path, clock: Clock) -> Page:
    file = file_of(tmp_path, WHOLE)
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(snapshot(clock)))
    return Page(Watcher(tmp_path, "told", clock, clock), "told.yaml", clock)


@pytest.fixture
def port(shown: Page) -> Iterator[int]:
    made = serving(shown, None)
    thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield made.server_address[1]
    made.shutdown()
    made.server_close()


def test_a_browser_that_has_gone_away_is_no_error(
    shown: Page, capsys: pytest.CaptureFixture[str]
) -> None:
    made = serving(shown, None)
    for error in (BrokenPipeError(), ConnectionResetError(), ValueError("odd")):
        try:
            raise error
        except Exception:
            made.handle_error(None, ("127.0.0.1", 1))
        assert ("odd" in capsys.readouterr().err) == isinstance(error, ValueError)
    made.server_close()


def asked(
    port: int, path: str = "/", method: str = "GET", headers: Mapping[str, str] | None = None
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers=dict(headers or {}))
    return connection.getresponse()


def test_the_page_may_ask_nobody_but_its_server(port: int) -> None:
    answer = asked(port)
    assert answer.status == 200
    assert b"<h1>told</h1>" in answer.read()
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_what_has_not_changed_is_not_sent_again(port: int) -> None:
    first = asked(port, "/page.json")
    assert set(json.loads(first.read())["sections"]) == {
        "head", "claims", "running", "variants", "ended", "notes",
    }  # fmt: skip
    again = asked(port, "/page.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.read()) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/../../etc/passwd",
        "//etc/passwd",
        "/live.json/x",
        "/%2e%2e/sweep.json",
        "/live",
    ],
)
def test_no_path_leads_to_a_file(port: int, path: str) -> None:
    assert asked(port, path).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_sent(port: int, method: str) -> None:
    assert asked(port, "/", method).status == 501


def test_a_site_whose_name_leads_here_is_refused(port: int) -> None:
    for host, status in (
        ("evil.example", 403),
        (f"evil.example:{port}", 403),
        ("localhost:1", 200),
    ):
        assert asked(port, "/live.json", headers={"Host": host}).status == status


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1:8600", True), ("localhost", True), ("LOCALHOST:9000", True), ("[::1]:80", True),
        ("[::1]", True), ("", False), ("127.0.0.1.evil.example", False), ("localhost:x", False),
        ("127.0.0.2:8600", False), ("localhost.", False),
    ],
)  # fmt: skip
def test_names_of_this_machine(host: str, own: bool) -> None:
    assert is_own_name([host]) is own
    assert not is_own_name([host, host])


def test_the_server_listens_on_this_machine_only(shown: Page) -> None:
    made = serving(shown, None)
    assert made.server_address[0] == "127.0.0.1"
    made.server_close()


def test_a_port_that_is_asked_for_is_taken_or_said_to_be(shown: Page) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} is taken"):
            serving(shown, port)
    for wrong in (0, -1, 65536):
        with pytest.raises(UsageError, match="is no port"):
            serving(shown, wrong)


def test_the_page_ends_some_time_after_its_sweep(shown: Page, clock: Clock) -> None:
    assert shown.over_for() == 0.0
    clock.now += WATCHED + 1
    assert shown.over_for() == 0.0  # it is silent from now on
    clock.now += LINGER
    assert shown.over_for() == LINGER
    file_of(shown.watcher.runs, WHOLE).write_text(json.dumps(snapshot(clock)))
    clock.now += 1
    assert shown.over_for() == 0.0  # the sweep goes on


def test_serving_ends_by_itself(shown: Page, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    made = serving(shown, None)
    clock.now += WATCHED + 1
    shown.over_for()
    clock.now += LINGER
    server.serve(made, stay=False)
    assert made.socket.fileno() == -1


def test_the_command_prints_one_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("told.yaml").write_text(SPEC)
    assert main(["watch", "told.yaml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "not begun"
    file = file_of(Path("runs/told"), WHOLE)
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(snapshot(Clock())))
    assert main(["watch", "told.yaml", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["state"], printed["done"], printed["planned"]) == ("silent", 4, 80)
    assert main(["watch", "missing.yaml"]) == 2
    assert "there is no file" in capsys.readouterr().err


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_page_goes_on_by_itself_in_a_browser(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = {"experiment": "told", "state": "not begun", "parts": []}
    opened = server.page.whole(waiting, "told.yaml")  # before the sweep, which runs by now
    monkeypatch.setattr(server.page, "whole", lambda shown, spec: opened)
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000"]
    assert CHROMIUM is not None
    words = [CHROMIUM, *flags, "--dump-dom", f"http://127.0.0.1:{port}/"]
    dom = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout
    assert '<svg viewBox="0 0 340 170" class="plot"' in dom
    assert "<title>4/80 told: running</title>" in dom
    assert re.search(r'data-began="[\d.]+">[1-9] s<', dom)  # written as 0 s
