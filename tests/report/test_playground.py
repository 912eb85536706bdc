"""The page of a cell in a browser: what a reader does there, and that it needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rnnzoo import lang
from rnnzoo.lang.view import CellView, view
from rnnzoo.report.gallery import cell_page
from rnnzoo.report.playground import playground
from tests.browser import LOOKS, WCAG, barriers, chromium, needs_chromium
from tests.samples import slow_outside_of

pytestmark = needs_chromium
PHONE = {"width": 390, "height": 800}
CELLS = ("lstm", "phased_lstm", "clockwork", "mlstm")
LEAKY = "name: leaky\nequations: |\n  h = 0.9 * h[t-1] + tanh(W @ x)\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of some cells, each standing alone but for what is drawn by Matplotlib."""
    folder = tmp_path_factory.mktemp("pages")
    for name in CELLS:
        (folder / f"{name}.html").write_text(cell_page(view(name), neighbours=("", "")))
    leaky = CellView(lang.parse_text(LEAKY))
    (folder / "leaky.html").write_text(cell_page(leaky, neighbours=("", "")))
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


class Reader:
    """Opens pages, and takes note of what they ask for and complain about."""

    def __init__(self, browser: Any, folder: Path) -> None:
        self.browser, self.folder = browser, folder
        self.asked: list[str] = []
        self.complaints: list[str] = []

    def open(self, name: str, **context: Any) -> Any:
        page = self.browser.new_context(**context).new_page()
        address = (self.folder / f"{name}.html").as_uri()
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(address)
        self.asked.remove(address)
        return page


@pytest.fixture
def reader(browser: Any, folder: Path) -> Iterator[Reader]:
    reader = Reader(browser, folder)
    yield reader
    assert reader.asked == []
    assert reader.complaints == []


def values(page: Any, name: str) -> list[list[float]]:
    found: list[list[float]] = page.evaluate(f"values['{name}']")
    return found


def pixels(page: Any, canvas: str) -> Any:
    return page.evaluate(f"document.querySelector('{canvas}').toDataURL()")


def test_the_slider_moves_through_the_sequence_by_keys(reader: Reader) -> None:
    page = reader.open("lstm")
    page.locator("#step").fill("0")
    before = pixels(page, "[data-bars=f]")
    page.locator("#step").focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    assert page.locator("#where").inner_text() == "step 6 of 39"
    assert pixels(page, "[data-bars=f]") != before
    (now,) = [page.locator("[data-bars=f]").get_attribute("aria-label")]
    assert now.startswith("f now: ")
    shown = [float(number) for number in now.removeprefix("f now: ").split(", ")]
    assert shown == pytest.approx(values(page, "f")[6], rel=5e-3)


def test_the_slider_begins_where_something_comes_in(reader: Reader) -> None:
    page = reader.open("phased_lstm")
    step = page.evaluate("here()")
    assert page.evaluate("sequences[0]")[: step + 1] == [0, 0, 0, 0, 1]
    page.locator("[data-typed='0']").fill("0 0 -1 0")
    assert page.locator("#where").inner_text() == "step 2 of 3"


def test_play_goes_to_the_end_and_stops(reader: Reader) -> None:
    page = reader.open("leaky", reduced_motion="no-preference")
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    page.locator("#step").fill("30")
    page.get_by_role("button", name="play").click()
    assert page.locator("#play").inner_text() == "stop"
    page.clock.run_for(150 * 9)
    assert page.locator("#where").inner_text() == "step 39 of 39"
    assert page.locator("#play").inner_text() == "play"


def test_who_asks_for_less_motion_gets_a_step_a_second(reader: Reader) -> None:
    page = reader.open("leaky", reduced_motion="reduce")
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    page.get_by_role("button", name="play").click()
    page.clock.run_for(999)
    assert page.locator("#where").inner_text() == "step 4 of 39"
    page.clock.run_for(1)
    assert page.locator("#where").inner_text() == "step 5 of 39"


def test_a_forget_gate_that_is_held_open_keeps_what_is_there(reader: Reader) -> None:
    page = reader.open("lstm")
    page.locator("[data-preset='0']").select_option("impulse")
    page.locator("[data-hold=i]").select_option("0")
    assert values(page, "c")[39] == [0] * 8
    page.locator("[data-hold=i]").select_option("")
    page.locator("[data-hold=f]").select_option("0")
    forgotten = values(page, "c")[39]
    page.locator("[data-hold=f]").select_option("1")
    assert max(map(abs, values(page, "c")[39])) > 10 * max(map(abs, forgotten))
    assert values(page, "f")[39] == [1] * 8
    page.get_by_role("button", name="as it was").click()
    page.wait_for_function("held().f === undefined && values.f[0][0] !== 1")


def test_a_number_of_an_equation_can_be_changed(reader: Reader) -> None:
    page = reader.open("leaky")
    page.locator("[data-typed='0']").fill("1 0")
    first, second = values(page, "h")
    assert second == pytest.approx([0.9 * unit for unit in first])
    page.get_by_label("a number of h").fill("0.25")
    first, second = values(page, "h")
    assert second == pytest.approx([0.25 * unit for unit in first])
    page.get_by_label("a number of h").fill("")  # while it is typed anew
    assert values(page, "h")[1] == pytest.approx([0.9 * unit for unit in first])


def test_a_sequence_can_be_typed_and_a_mistake_in_it_is_said(reader: Reader) -> None:
    page = reader.open("leaky")
    page.locator("[data-typed='0']").fill("0.5, -1 2e-1")
    assert page.evaluate("sequences") == [[0.5, -1, 0.2]]
    assert len(values(page, "h")) == 3
    assert page.locator("#where").inner_text() == "step 0 of 2"
    for text, problem in (
        ("0.5 two", "'two' is no number"),
        (" ", "write numbers with spaces between them, one a step"),
        ("1 " * 201, "write at most 200 numbers"),
    ):
        page.locator("[data-typed='0']").fill(text)
        assert page.locator("#wrong-0").inner_text() == problem
        assert page.evaluate("sequences") == [[0.5, -1, 0.2]]
    page.locator("[data-typed='0']").fill("1")
    assert page.locator("#wrong-0").inner_text() == ""


def test_a_sequence_can_be_drawn_with_the_pointer_and_by_keys(reader: Reader) -> None:
    page = reader.open("leaky")
    canvas = page.locator("[data-strip='0']")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 20.5 / 40, box["y"] + box["height"] / 4)
    page.mouse.down()
    page.mouse.up()
    assert page.evaluate("sequences[0][20]") == pytest.approx(1, abs=0.1)
    assert page.locator("#where").inner_text() == "step 20 of 39"
    assert page.locator("[data-preset='0']").input_value() == "your own"
    canvas.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    assert page.evaluate("sequences[0][21]") == pytest.approx(-0.2)
    assert canvas.get_attribute("aria-valuenow") == "-0.2"


def test_inputs_beside_x_have_strips_of_their_own_and_stay_as_long(reader: Reader) -> None:
    page = reader.open("phased_lstm")
    page.locator("[data-typed='0']").fill("1 2 3")
    assert page.evaluate("sequences") == [[1, 2, 3], [1, 1, 1]]
    assert [row[0] for row in values(page, "time")] == [1, 2, 3]
    page.locator("[data-typed='1']").fill("0.5 0.5 2 4")
    assert page.evaluate("sequences") == [[1, 2, 3, 0], [0.5, 0.5, 2, 4]]
    assert [row[0] for row in values(page, "time")] == [0.5, 1, 3, 7]


def test_what_is_to_be_copied_is_selected_when_keys_reach_it(reader: Reader) -> None:
    page = reader.open("leaky")
    yaml = page.get_by_label("The cell as YAML")
    yaml.focus()
    assert page.evaluate("getSelection().toString()").strip() == yaml.inner_text().strip()


def test_other_weights_are_drawn_and_come_back_with_their_seed(reader: Reader) -> None:
    page = reader.open("lstm")
    begun = values(page, "h")
    page.get_by_role("button", name="draw others").click()
    assert page.locator("#seed").input_value() == "2"
    assert values(page, "h") != begun
    page.locator("#seed").fill("1")
    assert values(page, "h") == begun


def test_values_that_are_not_finite_are_said_to_be_so(reader: Reader) -> None:
    page = reader.open("leaky")
    page.get_by_label("a number of h").fill("1e300")
    page.locator("#step").fill("39")
    assert "not finite" in page.locator("[data-bars=h]").get_attribute("aria-label")


PHONES = [(name, scheme) for name in CELLS for scheme in ("light", "dark")]


@pytest.mark.parametrize("shown", slow_outside_of({("lstm", "dark"), ("mlstm", "light")}, PHONES))
def test_a_phone_shows_all_of_it_without_scrolling_sideways(
    reader: Reader, shown: tuple[str, str]
) -> None:
    name, scheme = shown
    page = reader.open(name, viewport=PHONE, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    paper = page.evaluate("palette().paper")
    assert paper == {"light": "#ffffff", "dark": "#15181c"}[scheme]


def test_pictures_are_drawn_anew_for_dark_mode_and_for_print(reader: Reader) -> None:
    page = reader.open("lstm", color_scheme="light")
    light = pixels(page, "[data-map=f]")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "(light) => document.querySelector('[data-map=f]').toDataURL() !== light", arg=light
    )
    page.emulate_media(color_scheme="light", media="print")
    assert not page.get_by_role("button", name="play").is_visible()
    assert page.locator("[data-map=f]").is_visible()


def test_every_control_has_a_name(reader: Reader) -> None:
    page = reader.open("phased_lstm")
    controls = page.locator("#player :is(input, select, button, canvas)")
    unnamed = controls.evaluate_all(
        """(all) => all.filter((one) => !one.ariaLabel && !one.textContent && !one.labels?.length)
            .map((one) => one.outerHTML)"""
    )
    assert unnamed == []


@pytest.mark.parametrize("look", slow_outside_of({("phone", "light")}, LOOKS))
def test_axe_finds_no_barrier(browser: Any, folder: Path, look: tuple[str, str]) -> None:
    assert barriers(browser, folder / "leaky.html", look, [*WCAG, "best-practice"]) == []


def test_no_script_runs_but_ours(browser: Any, folder: Path) -> None:
    """The policy of a page holds also where something were not escaped."""
    text = (folder / "leaky.html").read_text()
    path = folder / "attacked.html"
    path.write_text(text.replace("<h1>", "<script>window.attacked = true</script><h1>"))
    page = browser.new_page()
    page.goto(path.as_uri())
    assert page.evaluate("window.attacked") is None
    assert page.locator("#player").is_visible()


def test_without_a_script_the_page_says_so(browser: Any, folder: Path) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto((folder / "lstm.html").as_uri())
    assert page.locator("noscript").inner_text() == "This part needs JavaScript."
    assert not page.locator("#player").is_visible()


def test_gates_come_first_and_have_the_words_of_the_file() -> None:
    play = playground(view("lstm"))
    assert not isinstance(play, str)
    assert [row.name for row in play.rows] == ["i", "f", "o", "g", "c", "h"]
    assert [row.about for row in play.rows if row.gate] == [
        "input gate", "forget gate", "output gate",
    ]  # fmt: skip


def test_numbers_stand_where_the_equation_has_them() -> None:
    play = playground(CellView(lang.parse_text(LEAKY)))
    assert not isinstance(play, str)
    ((before, number), (after, none)) = play.rows[0].pieces
    assert (before, after, none) == ("hₜ = ", " ⊙ hₜ₋₁ + tanh(W xₜ)", "")
    assert play.numbers[number] == 0.9


def test_data_of_a_cell_end_no_element_of_a_page() -> None:
    play = playground(view("lstm"))
    assert not isinstance(play, str)
    assert "<" not in play.data
    assert json.loads(play.data)["units"] == 8


def test_a_cell_that_a_page_cannot_compute_has_the_reason_there() -> None:
    large = CellView(lang.load("lmu", options={"order": 300}))
    assert playground(large) == "it has too many weights for a page"
    page = cell_page(large, neighbours=("", ""))
    assert "Not on this page: it has too many weights for a page." in page
    assert "<script" not in page
