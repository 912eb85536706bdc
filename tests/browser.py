"""Chromium for tests of pages, without a display, and axe-core, which looks for what keeps people
out.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa")  # versions 2.0 and 2.1, levels A and AA
OF_COLOURS = ["color-contrast", "link-in-text-block"]
WIDTHS = {"wide": 1280, "phone": 390}
# What Chromium says where a page that was opened as a file asks for another one, as that of a sweep
# does for news.
BETWEEN_FILES = ("Access to ", "Failed to load resource: net::ERR_FAILED")
LOOKS = [*product(WIDTHS, ("light", "dark"))]
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, which ends with the block."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def recorded_complaints(page: Page) -> list[str]:
    """What a page says on its console that is no mere information, and what its scripts throw: a
    list that goes on while the page is used.
    """
    complaints: list[str] = []

    def record(message: ConsoleMessage) -> None:
        is_own = not message.text.startswith(BETWEEN_FILES)
        if is_own and message.type in ("warning", "error"):
            complaints.append(f"console: {message.text}")

    page.on("console", record)
    page.on("pageerror", lambda error: complaints.append(f"thrown: {error}"))
    return complaints


def barriers(browser: Browser, file: Path, look: tuple[str, str], tags: Iterable[str]) -> list[str]:
    """What axe-core finds against its rules of these tags on a page with all of its details open:
    the rule, the element, and what is wrong with it; and what the page's own code complains of.

    Args:
        look: a key of `WIDTHS`, and light or dark; what is dark differs in its colours alone.
    """
    from axe_playwright_python.sync_playwright import Axe

    width, scheme = look
    size: Any = {"width": WIDTHS[width], "height": 900}
    page = browser.new_page(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
    complaints = recorded_complaints(page)
    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    rules = OF_COLOURS if scheme == "dark" else [*tags]
    options = {"runOnly": rules, "resultTypes": ["violations"]}
    own = [*complaints]  # axe complains as well, of styles that it may not fetch
    violations = Axe().run(page, options=options).response["violations"]
    page.close()
    return own + [
        f"{violation['id']}: {node['html'][:200]}: {node['failureSummary']}"
        for violation in violations
        for node in violation["nodes"]
    ]
