"""MLflow's pages in a real browser: a sweep's experiment, its variants and a chart are there."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rnnzoo.spec.trial import Kind, Outcome, Result, Trial
from rnnzoo.trackers.mlflow import VIEW, MlflowTracker
from tests.browser import chromium, needs_chromium
from tests.command import rnnzoo

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of `rnnzoo ui` over a store with two variants of three trials."""
    folder = tmp_path_factory.mktemp("ui")
    tracker = MlflowTracker(f"sqlite:///{folder}/runs/mlflow.db", str(folder / "runs/artifacts"))
    tracker.open("gates", "Which gates does an LSTM need?", {})
    for variant in ("peephole", "nfg"):
        for index in range(3):
            curve = tuple(
                {"epoch": n, "train": 3 / n, "validation": 4 / n + index, "seconds": 1.0}
                for n in range(1, 9)
            )
            scores = {"train": 1.0, "validation": 1.0 + index, "test": 2.0 + index}
            trial = Trial(
                "gates",
                variant,
                f"name: {variant}",
                "chorales",
                index,
                {"units": 16 + index},
                seed=index,
                data="da7a",
            )
            outcome = Outcome(Kind.COMPLETE, scores, curve, {"recurrent": 100}, 8, {"total": 1.0})
            tracker.record(Result(trial, outcome, f"gates/{variant}/chorales/abc"))
            tracker.best(Result(trial, outcome, f"gates/{variant}/chorales/abc"), [], {})
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "rnnzoo", "ui", "--port", str(port)], cwd=folder,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                with urllib.request.urlopen(f"{address}/health", timeout=2):
                    break
            except (urllib.error.URLError, OSError):
                assert server.poll() is None, "the server ended"
                time.sleep(0.5)
        yield address
    finally:
        os.killpg(server.pid, 15)
        server.wait()


def runs_page(pages: str) -> str:
    """As `rnnzoo ui` prints it."""
    return f"{pages}/#/experiments/1/runs?workflowType=machine_learning"


def keep(page: Page, name: str) -> None:
    """A screenshot, where one is asked for."""
    if "RNNZOO_SCREENSHOTS" in os.environ:
        page.screenshot(path=Path(os.environ["RNNZOO_SCREENSHOTS"], name))


@needs_chromium
def test_the_experiment_and_its_variants_are_in_mlflows_pages(pages: str) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(f"{runs_page(pages)}&viewStateShareKey={VIEW}")
        page.get_by_text("peephole", exact=True).first.wait_for(timeout=60_000)
        page.get_by_text("nfg", exact=True).first.wait_for(timeout=60_000)
        page.set_viewport_size({"width": 2200, "height": 900})  # columns out of sight are not made
        for column in ("test", "validation", "units", "task", "stage", "outcome"):
            header = page.get_by_role("columnheader", name=column, exact=True)
            header.first.wait_for(timeout=10_000)
        keep(page, "runs.png")


@pytest.mark.slow
@needs_chromium
def test_a_chart_of_the_runs_is_in_mlflows_pages(pages: str) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(f"{runs_page(pages)}&compareRunsMode=CHART")
        page.locator(".main-svg, .js-plotly-plot, canvas").first.wait_for(timeout=60_000)
        page.get_by_text("validation", exact=False).first.wait_for(timeout=60_000)
        keep(page, "charts.png")


def asked(address: str, method: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
    """MLflow's answer to a search for experiments, asked as any program could, with a browser's
    headers.
    """
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
    path = "/api/2.0/mlflow/experiments/search"
    body = json.dumps({"max_results": 1}) if method == "POST" else None
    connection.request(
        method,
        path if body else f"{path}?max_results=1",
        body,
        {"Content-Type": "application/json", **headers},
    )
    answer = connection.getresponse()
    answer.read()
    return answer


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "host", ["evil.example", "10.evil.example", "192.168.0.7:5000", "127.0.0.1.evil.example"]
)
def test_a_foreign_host_is_refused_also_one_whose_name_looks_private(
    pages: str, method: str, host: str
) -> None:
    assert asked(pages, method, {"Host": host}).status == 403


def test_a_page_of_elsewhere_can_neither_write_nor_read(pages: str) -> None:
    foreign = {"Origin": "http://evil.example"}
    assert asked(pages, "POST", foreign).status == 403
    # a browser hands an answer to another site's page only where the answer says so
    assert asked(pages, "GET", foreign).getheader("Access-Control-Allow-Origin") is None
    before = asked(pages, "OPTIONS", {**foreign, "Access-Control-Request-Method": "DELETE"})
    assert before.getheader("Access-Control-Allow-Origin") is None


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_the_pages_themselves_are_answered(pages: str, method: str, name: str) -> None:
    host = pages.removeprefix("http://").replace("127.0.0.1", name)
    assert asked(pages, method, {"Host": host, "Origin": f"http://{host}"}).status == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("host", ["localhost:8888", "127.0.0.1:8888", "[::1]:8888"])
def test_the_pages_are_answered_through_a_tunnel_on_another_port(
    pages: str, method: str, host: str
) -> None:
    assert asked(pages, method, {"Host": host, "Origin": f"http://{host}"}).status == 200


@pytest.mark.parametrize(
    "host", ["1:8888", "::8888", "localhost.evil.example:8888", "127.0.0.1.evil.example:8888"]
)
def test_what_only_begins_like_this_machine_is_refused_on_another_port_too(
    pages: str, host: str
) -> None:
    assert asked(pages, "GET", {"Host": host}).status == 403


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="sockets are found in /proc")
def test_the_pages_are_served_on_this_machine_only(pages: str) -> None:
    port = int(pages.rpartition(":")[2])
    listening = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if Path(table).exists():
            rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
            listening |= {
                row[1].partition(":")[0]
                for row in rows
                if row[3] == "0A" and row[1].endswith(f":{port:04X}")
            }
    assert listening == {"0100007F"}  # 127.0.0.1, least significant byte first


def test_a_port_that_is_taken_is_said_to_be_taken(pages: str, tmp_path: Path) -> None:
    port = pages.rpartition(":")[2]
    done = rnnzoo("ui", "--port", port, cwd=tmp_path)
    assert done.returncode == 2
    assert f"port {port} is taken" in done.stderr
