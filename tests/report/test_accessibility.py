"""Nothing on a page keeps anyone out: axe-core's rules for WCAG 2.1, A and AA, and good practice;
and all of it is reached by keys.

`test_page` and `test_playground` have a sample of it.
"""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnzoo.api import looking
from rnnzoo.evolve.history import History
from rnnzoo.lang.view import view
from rnnzoo.live import page as live
from rnnzoo.live.look import Watcher
from rnnzoo.live.record import file_of
from rnnzoo.report import activations, gallery, search
from rnnzoo.sweep.parts import WHOLE
from rnnzoo.tasks import silent
from tests.browser import LOOKS, WCAG, WIDTHS, barriers, chromium, needs_chromium
from tests.evolve.worlds import plan, searched
from tests.sweep.told import Clock, snapshot

pytestmark = [pytest.mark.slow, needs_chromium]
PACKAGE = Path(search.__file__).parents[1]
TIMES = [{"batch": 32, "steps": 100, "inputs": 88, "units": 128, "ms": 12.3}]
OWN = """\
experiment: own
tasks:
  - {name: temporal_order, length: 20, train: 32, valid: 16, test: 16}
  - {name: adding, length: 20, train: 32, valid: 16, test: 16}
variants: [rnn]
search: {trials: 3, space: {units: {choice: [4, 8]}}}
"""


STOP = """() => {
  const stop = document.activeElement;
  if (stop === document.body || stop.dataset.passed) return null;
  stop.dataset.passed = "yes";
  const box = stop.getBoundingClientRect(), style = getComputedStyle(stop);
  const isSeen = box.width > 0 && box.bottom > 0 && box.top < innerHeight;
  const isMarked = style.outlineStyle !== "none" && style.outlineWidth !== "0px";
  return isSeen && isMarked ? "" : stop.outerHTML.slice(0, 200);
}"""
USED = "a[href], button, input, select, summary, [tabindex]"
LEFT_OUT = f"""() => [...document.querySelectorAll("{USED}")]
  .filter((each) => each.checkVisibility() && !each.dataset.passed && each.tabIndex >= 0)
  .map((each) => each.outerHTML.slice(0, 200))"""


def of_the_zoo(folder: Path) -> Path:
    gallery.write([view("phased_lstm"), view("coupled")], folder)
    return folder / "index.html"


def of_a_cell(folder: Path) -> Path:
    cell = view("phased_lstm")
    file = folder / "phased_lstm.html"
    file.write_text(gallery.cell_page(cell, [cell], TIMES, ("", "gru")))
    return file


def of_a_variant_alone(folder: Path) -> Path:
    file = folder / "coupled.html"
    file.write_text(gallery.cell_page(view("coupled")))
    return file


def of_gates_at_work(folder: Path) -> Path:
    cell, rng = view("gru"), np.random.default_rng(0)
    values = {equation.name: rng.random((2, 9, 4)) for equation in cell.ir.step.equations}
    inputs = ("x", rng.random((9, 3)))
    text, _ = activations.page(cell, 0, "two", inputs, values, np.ones((2, 9), bool), 0)
    file = folder / "gru.html"
    file.write_text(text)
    return file


def of_data(folder: Path) -> Path:
    (folder / "own.yaml").write_text(OWN)
    with contextlib.chdir(folder):
        return Path(looking.experiment(folder / "own.yaml", [], silent)["page"]).absolute()


def of_a_search(folder: Path) -> Path:
    of = plan(candidates=20)
    return search.write(of.about, History.of(searched(of)), folder, Path("found"))


def of_the_demo(folder: Path) -> Path:
    file = folder / "report.html"
    file.write_bytes(gzip.decompress((PACKAGE / "demo/report.html.gz").read_bytes()))
    return file


def of_a_sweep_that_runs(folder: Path) -> Path:
    clock = Clock()
    recorded = file_of(folder, WHOLE)
    recorded.parent.mkdir(parents=True)
    recorded.write_text(json.dumps(snapshot(clock)))
    file = folder / "live.html"
    file.write_text(live.whole(Watcher(folder, "told", clock, clock).look(), "told.yaml"))
    return file


PAGES: list[Callable[[Path], Path]] = [
    of_the_zoo, of_a_cell, of_a_variant_alone, of_gates_at_work, of_data, of_a_search, of_the_demo,
    of_a_sweep_that_runs,
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as made:
        yield made


@pytest.mark.parametrize("made", PAGES, ids=lambda made: made.__name__)
def test_axe_finds_no_barrier_on_a_page(
    browser: Any, tmp_path: Path, made: Callable[[Path], Path]
) -> None:
    file = made(tmp_path)
    for look in LOOKS:
        assert barriers(browser, file, look, [*WCAG, "best-practice"]) == [], look


@pytest.mark.parametrize("made", PAGES, ids=lambda made: made.__name__)
def test_the_tab_key_reaches_all_that_can_be_used_and_shows_where_it_is(
    browser: Any, tmp_path: Path, made: Callable[[Path], Path]
) -> None:
    page = browser.new_page(viewport={"width": WIDTHS["phone"], "height": 800})
    page.goto(made(tmp_path).as_uri())
    page.keyboard.press("Tab")
    stops = []
    while (stop := page.evaluate(STOP)) is not None:
        stops.append(stop)
        page.keyboard.press("Tab")
    assert stops
    assert [stop for stop in stops if stop] == []  # hidden, or without an outline
    assert page.evaluate(LEFT_OUT) == []
    page.close()
