"""The page of a report at work, in a browser: tables that sort, dots that speak, and no mouse."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rnnzoo import report
from rnnzoo.cli.parser import parsed
from rnnzoo.lang.view import view
from rnnzoo.report import gallery
from rnnzoo.report.html import mathml
from rnnzoo.report.trials import listed
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Kind, Result
from tests.browser import LOOKS, WCAG, barriers, chromium, needs_chromium
from tests.report.test_report import SPEC, cells, results, task
from tests.samples import slow_outside_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.usefixtures("small_forests")
LONG = "W" * 300  # a word that no line can hold
STAGED = "gates/gru~round/adding/abc"
NAMES = """elements => elements.filter(each => each.offsetParent).map(each =>
    each.ariaLabel || each.labels?.[0]?.textContent || each.textContent.trim())"""


def searched(copies: int = 1) -> list[Result]:
    """The trials of `test_report`, each at a setting of its own; and a round of the second
    stage.
    """
    rng = np.random.default_rng(1)
    made = []
    for result in results():
        for copy in range(copies):
            setting = {"units": int(rng.integers(8, 64)), "learning_rate": float(rng.random())}
            index = result.trial.index + 6 * copy
            trial = replace(result.trial, hyperparameters=setting, index=index)
            made.append(replace(result, trial=trial))
    first = next(result for result in made if result.outcome.kind is Kind.COMPLETE)
    confirming = replace(first.trial, variant="gru", index=2)
    return [*made, Result(confirming, first.outcome, STAGED)]


def summary(copies: int = 1) -> report.Summary:
    experiment = parse_experiment(SPEC, "a b/gates.yaml", Path())
    return report.summarise(experiment, searched(copies), {"adding": task()}, 6 * copies)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    report.write(replace(summary(), about=LONG, provenance=({"loops": LONG},)), cells(), folder)
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser: Any, file: Path) -> Iterator[Page]:
    """The page; a test fails where its script does, or where it asks for anything."""
    shown = browser.new_page(viewport={"width": 1200, "height": 900})
    said: list[str] = []
    asked: list[str] = []
    shown.on("pageerror", lambda error: said.append(str(error)))
    shown.on("console", lambda message: said.append(message.text))
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto(file.as_uri())
    yield shown
    assert (said, asked) == ([], [file.as_uri()])
    shown.close()


def texts(page: Page, table: str, column: int) -> list[str]:
    rows = page.locator(f"{table} tbody tr:visible")
    return [row.locator("td").nth(column).inner_text().split("\n")[0] for row in rows.all()]


RANKING = "#ranking > div:first-of-type table"
TRIALS = "table.filterable"


def test_all_trials_are_listed_in_the_order_that_dots_know_them_by(file: Path) -> None:
    text = file.read_text()
    body = text[text.index("data-command") :].partition("<tbody>")[2].partition("</tbody>")[0]
    rows = [row.strip().split("<td>")[1:] for row in body.split("<tr>")[1:]]
    trials = listed(summary().tables[0])
    assert len(rows) == len(trials) == 25
    assert [row[:4] for row in rows] == [
        [trial.variant, trial.stage, str(trial.index), trial.state] for trial in trials
    ]
    assert {row[3] for row in rows} == {"complete", "diverged", "pruned", "failed"}
    path = re.search(r'class="dots" data-trials="([\d ]+)"[^>]*? d="([^"]*)"', text)
    assert path is not None
    drawn = [trials[int(number)] for number in path[1].split()]
    assert len({trial.variant for trial in drawn}) == 1
    assert not any(trial.kept or trial.stage for trial in drawn)
    across = [float(x) for x in re.findall(r"M([\d.]+) ", path[2])]
    assert np.corrcoef(across, [trial.score for trial in drawn])[0, 1] == pytest.approx(1.0)


def test_the_command_of_a_trial_repeats_what_was_set(file: Path, tmp_path: Path) -> None:
    sets = ("training.epochs=2", "search.space.units={choice: [4, 8]}")
    report.write(replace(summary(), sets=sets), cells(), tmp_path)
    of_file, of_sets = (
        shlex.split(unescape(re.findall('data-command="([^"]*)"', path.read_text())[0]))
        for path in (file, tmp_path / "report.html")
    )
    assert of_sets == [*of_file, "--set", sets[0], "--set", sets[1]]


def test_every_picture_says_what_is_to_be_seen(file: Path) -> None:
    labels = re.findall(
        r'class="picture" role="img" tabindex="0" aria-label="([^"]*)"', file.read_text()
    )
    assert len(labels) == 4
    assert all(re.search(r"lstm \d", label) or "units" in label for label in labels)
    row = next(row for row in summary().tables[0].rows if row.variant == "lstm")
    assert f"lstm {row.mean:.3f} (8.500 to 9.000)" in labels[0]


def test_a_trial_more_makes_a_page_little_longer(file: Path, tmp_path: Path) -> None:
    """A sample of the next: 2,000 trials of 400 bytes."""
    larger = summary(copies=5)
    added = len(listed(larger.tables[0])) - len(listed(summary().tables[0]))
    report.write(larger, cells(), tmp_path)
    longer = (tmp_path / "report.html").stat().st_size - file.stat().st_size
    assert added > 80
    assert longer < 400 * added


@pytest.mark.slow
def test_two_thousand_trials_make_a_page_of_less_than_two_megabytes(tmp_path: Path) -> None:
    large = summary(copies=111)
    assert len(listed(large.tables[0])) > 2000
    report.write(large, cells(), tmp_path)
    assert (tmp_path / "report.html").stat().st_size < 1e6


@needs_chromium
def test_a_table_sorts_up_down_and_back_from_the_keyboard(page: Page) -> None:
    came = texts(page, RANKING, 1)
    header = page.locator(RANKING).get_by_role("button", name="mean of 3")
    orders = []
    for _ in range(3):
        header.focus()
        page.keyboard.press("Enter")
        sort = header.locator("xpath=..").get_attribute("aria-sort")
        orders.append((sort, texts(page, RANKING, 1)))
    up, rest = sorted(came[:3], key=lambda text: float(text.partition(" (")[0])), came[3:]
    assert rest == ["", "9.500"]  # without a mean; and what learns nothing
    down = up[::-1]
    assert orders == [("ascending", up + rest), ("descending", down + rest), (None, came)]


@needs_chromium
def test_trials_are_filtered_by_text_variant_and_state(page: Page) -> None:
    page.get_by_text("All 25 trials").click()
    page.get_by_label("variant", exact=True).select_option("gru")
    assert set(texts(page, TRIALS, 0)) == {"gru"}
    page.get_by_label("state", exact=True).select_option("diverged")
    assert texts(page, TRIALS, 3) == ["diverged"] * 2
    assert page.locator(".filters .count").inner_text() == "2 of 25"
    page.get_by_label("state", exact=True).select_option("all")
    page.get_by_label("find", exact=True).fill("ROUND complete")
    assert texts(page, TRIALS, 1) == ["round"]


@needs_chromium
def test_a_dot_says_its_trial_and_a_command_that_parses(page: Page) -> None:
    picture = page.locator("#ranking .picture").first
    x, y = picture.evaluate(
        """picture => {
            const path = picture.querySelector("path.dots[data-trials]");
            const [, x, y] = path.getAttribute("d").match(/M([0-9.]+) ([0-9.]+)h0/);
            const spot = new DOMPoint(x, y).matrixTransform(path.ownerSVGElement.getScreenCTM());
            return [spot.x, spot.y + window.scrollY];
        }"""
    )
    page.evaluate("y => window.scrollTo(0, y - 300)", y)
    page.mouse.move(x, y - page.evaluate("window.scrollY"))
    title, text, command = page.locator(".tip > *").all_inner_texts()
    number = int(picture.locator("path.dots").first.get_attribute("data-trials").split()[0])  # type: ignore[union-attr]
    trial = listed(summary().tables[0])[number]
    assert title == f"{trial.variant}, trial {trial.index}"
    assert f"test {trial.score:.3f}" in text
    assert f"units {trial.setting['units']}" in text
    args = parsed(shlex.split(command)[1:])
    assert command.startswith("rnnzoo train ")
    assert (args.cell, args.variant, args.trial) == ("a b/gates.yaml", trial.variant, trial.index)


@needs_chromium
def test_dots_are_reached_and_left_by_keys(page: Page) -> None:
    picture = page.locator("#ranking .picture").first
    picture.focus()
    trials = [trial for trial in listed(summary().tables[0]) if trial.score and not trial.stage]
    keys = {"Home": trials[0], "ArrowRight": trials[1], "End": trials[-1], "ArrowLeft": trials[-2]}
    for key, trial in keys.items():
        page.keyboard.press(key)
        title = page.locator(".tip strong").inner_text()
        assert title == f"{trial.variant}, trial {trial.index}", key
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    assert page.locator(".tip strong").inner_text().split(",")[0] != trials[0].variant
    page.keyboard.press("Escape")
    assert page.locator(".tip").is_hidden()


@needs_chromium
def test_lines_of_one_variant_can_be_shown_alone(page: Page) -> None:
    brush = page.locator(".brush").get_by_role("button", name="rnn")
    lines = page.locator("[data-variant]")
    everything = lines.count()
    brush.click()
    shown = page.locator("[data-variant]:not(.away)")
    assert {line.get_attribute("data-variant") for line in shown.all()} == {"rnn"}
    brush.click()
    assert shown.count() == everything


@needs_chromium
def test_what_can_be_used_has_a_name_and_the_page_has_landmarks(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    usable = "button, input, select, a[href], summary, [tabindex]"
    names = page.locator(usable).evaluate_all(NAMES)
    assert len(names) > 20
    assert all(names)
    for landmark in ("header", "main", "nav"):
        assert page.locator(f"body {landmark}").count() == 1
    levels = page.locator("h1, h2, h3").evaluate_all("all => all.map(each => +each.tagName[1])")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    targets = page.locator("nav a").evaluate_all("all => all.map(each => each.hash)")
    assert all(page.locator(target).count() == 1 for target in targets)


@needs_chromium
@pytest.mark.parametrize("look", slow_outside_of({("phone", "light")}, LOOKS))
def test_axe_finds_no_barrier(browser: Any, file: Path, look: tuple[str, str]) -> None:
    assert barriers(browser, file, look, [*WCAG, "best-practice"]) == []


@needs_chromium
def test_nothing_is_wider_than_a_phone_but_what_scrolls(browser: Any, file: Path) -> None:
    phone = browser.new_page(viewport={"width": 390, "height": 800})
    phone.goto(file.as_uri())
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    phone.close()


@needs_chromium
def test_a_picture_that_is_cut_off_fades_there_until_its_end_is_seen(
    browser: Any, file: Path
) -> None:
    phone = browser.new_page(viewport={"width": 390, "height": 800})
    phone.goto(file.as_uri())
    picture = phone.locator("figure .picture").first
    picture.scroll_into_view_if_needed()
    fades = "picture => getComputedStyle(picture).maskImage !== 'none'"
    assert picture.evaluate("picture => picture.scrollWidth > picture.clientWidth")
    assert picture.evaluate(fades)
    picture.evaluate("picture => picture.scrollTo(picture.scrollWidth, 0)")
    phone.wait_for_timeout(100)  # a frame, in which the animation follows
    assert not picture.evaluate(fades)
    phone.set_viewport_size({"width": 1280, "height": 800})
    assert not picture.evaluate(fades)
    phone.close()


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_without_scroll_timelines_room_behind_a_picture_fades_at_its_end(
    browser: Any, file: Path, tmp_path: Path, scheme: str
) -> None:
    html = file.read_text(encoding="utf-8")
    without = html.replace("animation-timeline: scroll(self inline)", "")
    without = without.replace("@supports not (animation-timeline: scroll())", "@supports (top: 0)")
    as_in_firefox = tmp_path / "without.html"
    as_in_firefox.write_text(without, encoding="utf-8")
    phone = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    phone.goto(as_in_firefox.as_uri())
    picture = phone.locator("figure .picture").first
    assert picture.evaluate("picture => getComputedStyle(picture).maskImage !== 'none'")
    picture.evaluate("picture => picture.scrollTo(picture.scrollWidth, 0)")
    behind = picture.evaluate(
        """picture => {
            const svg = picture.querySelector("svg"), edge = picture.getBoundingClientRect().right;
            const drawn = svg.getScreenCTM(), view = svg.viewBox.baseVal;
            return edge - (drawn.a * (view.x + view.width) + drawn.e);
        }"""
    )
    assert behind == pytest.approx(3 * 16, abs=1)
    phone.close()


@needs_chromium
def test_pictures_of_the_zoo_are_whole_on_a_phone(browser: Any, tmp_path: Path) -> None:
    front = gallery.write([view("rnn"), view("mlstm")], tmp_path)[0]
    phone = browser.new_page(viewport={"width": 390, "height": 800})
    phone.goto(front.as_uri())
    cut = "all => all.filter(each => each.scrollWidth > each.clientWidth).length"
    assert phone.locator(".diagram").evaluate_all("all => all.length") == 2
    assert phone.locator(".diagram").evaluate_all(cut) == 0
    phone.close()


@needs_chromium
def test_an_index_stands_as_low_below_one_letter_as_below_another(browser: Any) -> None:
    page = browser.new_page()
    page.set_content(mathml("i_{t} g_{t} f_{t} q_{t}"))
    bottoms = "all => all.map(each => Math.round(each.getBoundingClientRect().bottom))"
    indices = page.locator("msub > :last-child").evaluate_all(bottoms)
    assert len(indices) == 4
    assert len({*indices}) == 1
    page.close()


@needs_chromium
def test_on_paper_a_head_has_words_that_chromium_repeats(page: Page) -> None:
    page.emulate_media(media="print")
    shown = page.locator("th button").evaluate_all(
        "all => all.map(each => getComputedStyle(each).display)"
    )
    assert {*shown} == {"contents"}


@needs_chromium
def test_on_paper_and_without_a_script_everything_is_there(browser: Any, file: Path) -> None:
    still = browser.new_context(java_script_enabled=False).new_page()
    still.goto(file.as_uri())
    still.emulate_media(media="print")
    assert still.locator("details table td:visible").count() > 25
    assert still.locator(".filters, .tip").count() == 0
    assert still.locator("details.aside > summary:visible").count() == 1
    assert still.locator("details.aside td:visible").count() == 0
    head = still.locator("thead").first
    assert head.evaluate("head => getComputedStyle(head).display") == "table-header-group"
    row = still.locator("tbody tr").first
    assert row.evaluate("row => getComputedStyle(row).breakInside") == "avoid"
    still.close()
