"""MLflow's pages in a real browser: a sweep's experiment, its variants and a chart are there."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from rnnzoo.spec.trial import Kind, Outcome, Result, Trial
from rnnzoo.trackers.mlflow import MlflowTracker

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of `rnnzoo ui` over a store with two variants of three trials."""
    folder = tmp_path_factory.mktemp("ui")
    tracker = MlflowTracker(f"sqlite:///{folder}/runs/mlflow.db", str(folder / "runs/artifacts"))
    tracker.open("gates", "Which gates does an LSTM need?", {})
    for variant in ("peephole", "nfg"):
        for index in range(3):
            curve = tuple(
                {"epoch": n, "train": 3 / n, "validation": 4 / n + index, "seconds": 1.0} for n in range(1, 9)
            )
            scores = {"train": 1.0, "validation": 1.0 + index, "test": 2.0 + index}
            trial = Trial("gates", variant, f"name: {variant}", "chorales", index, {"units": 16 + index}, seed=index)
            outcome = Outcome(Kind.COMPLETE, scores, curve, {"recurrent": 100}, 8, {"total": 1.0})
            tracker.record(Result(trial, outcome, f"gates/{variant}/chorales/abc"))
            tracker.best(Result(trial, outcome, f"gates/{variant}/chorales/abc"), [])
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


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_experiment_its_variants_and_a_chart_are_in_mlflows_pages(pages: str, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(f"{pages}/#/experiments/1/runs?workflowType=machine_learning")  # as `rnnzoo ui` prints it
        page.get_by_text("peephole", exact=True).first.wait_for(timeout=60_000)
        page.get_by_text("nfg", exact=True).first.wait_for(timeout=60_000)
        folder = Path(os.environ.get("RNNZOO_SCREENSHOTS", tmp_path))
        page.screenshot(path=folder / "runs.png")
        page.goto(f"{pages}/#/experiments/1/runs?workflowType=machine_learning&compareRunsMode=CHART")
        page.locator(".main-svg, .js-plotly-plot, canvas").first.wait_for(timeout=60_000)
        page.get_by_text("validation", exact=False).first.wait_for(timeout=60_000)
        page.wait_for_timeout(2000)
        page.screenshot(path=folder / "charts.png")
        browser.close()


def test_the_pages_are_served_on_this_machine_only_and_refuse_foreign_hosts(pages: str) -> None:
    request = urllib.request.Request(f"{pages}/api/2.0/mlflow/experiments/search", headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    assert caught.value.code == 403


def test_a_port_that_is_taken_is_said_to_be_taken(pages: str, tmp_path: Path) -> None:
    port = pages.rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-m", "rnnzoo", "ui", "--port", port],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"port {port} is taken" in done.stderr
