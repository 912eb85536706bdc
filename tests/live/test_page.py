"""The page: whole without its script, escaped, and in the colours of reports."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from rnnzoo.live import page
from rnnzoo.live.look import together
from rnnzoo.markup import VOID
from rnnzoo.report.figures.style import COLOURS
from tests.sweep.told import HOSTILE, Clock, snapshot

STATES = ("running", "paused", "silent", "failed", "stopped", "ended")
STANDING = {"answer": "open", "rounds": 2, "mean": 0.1, "low": -0.2, "high": 0.4}
CLAIM = {
    "claim": "rnn worse than lstm", "a": "rnn", "b": "lstm", "floor": 0.05, "inside": 0.07,
    "margin": 0.1, **STANDING, "history": [STANDING],
}  # fmt: skip
SECOND = {
    "lines": ["second stage: 4 pilots"], "ended": "", "next": 2, "at_most": 20, "untuned": ["gru"],
    "claims": [CLAIM],
}  # fmt: skip


def shown(state: str = "running", **more: Any) -> dict[str, Any]:
    whole = snapshot(Clock())
    ended = {"how": "done", "text": HOSTILE, "time": 1_000_000.0}
    return {**together([{**whole, "state": state, "silent": 1.0, "ended": ended}]), **more}


class Reader(HTMLParser):
    """Checks that every element is closed, and keeps what is read."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("state", STATES)
def test_the_page_says_the_state_and_is_whole_without_its_script(state: str) -> None:
    read = Reader(page.whole(shown(state, second_stage={"adding": SECOND}), "my spec.yaml"))
    text = " ".join(read.texts)
    assert page.WORDS.get(state, state) in text
    assert ("rnnzoo sweep 'my spec.yaml'" in text) == (state in ("silent", "stopped"))
    assert "lstm 0" in text  # which has ended
    assert ("Running" in text) == (state in ("running", "paused"))


def test_a_sweep_whose_hours_are_over_is_not_told_as_one_that_is_done() -> None:
    said = "its hours are over; 4 trials are left"
    over = shown("ended", ended={"how": "done", "text": said, "time": 1_000_000.0})
    assert f"; {said}. The report: " in "".join(Reader(page.whole(over, "spec.yaml")).texts)


def test_what_a_spec_says_is_text() -> None:
    hostile = shown("failed", notes=[{"time": 1.0, "text": HOSTILE}])
    hostile["ended_last"][0].update(message=HOSTILE, place=HOSTILE)
    hostile["parts"][0]["host"] = HOSTILE
    read = Reader(page.whole(hostile, f"{HOSTILE}.yaml"))
    assert [name for name, _ in read.tags].count("script") == 1
    assert " ".join(read.texts).count("<script>alert(1)</script>") >= 4


def test_the_page_asks_nobody_else() -> None:
    read = Reader(page.whole(shown(second_stage={"adding": SECOND}), "told.yaml"))
    for _, attributes in read.tags:
        for name in ("src", "href", "action", "style"):
            assert (attributes.get(name) or "data:").startswith("data:")
    assert not re.search(r"https?:|@import|url\(", page.style() + page.script())


def test_more_trials_than_cards_are_listed() -> None:
    (trial,) = shown()["running"]
    many = [{**trial, "index": index} for index in range(page.CARDS + 7)]
    read = Reader(page.sections(shown(running=many), "told.yaml")["running"])
    assert [name for name, _ in read.tags].count("svg") == page.CARDS
    assert f"rnn {page.CARDS + 6}" in read.texts


def test_what_ctl_has_told_is_shown_while_it_is_in_force() -> None:
    told = {
        "trials": 40, "paused": "2026-11-28T04:50:00+00:00", "stopped": ["gru"], "workers": 1,
        "budget": None,
    }  # fmt: skip
    head = " ".join(Reader(page.sections(shown("paused", told=told), "told.yaml")["head"]).texts)
    assert "rnnzoo ctl told.yaml resume" in head
    assert "no more trials of gru; 1 trial at a time." in head
    assert "Told" not in page.sections(shown(), "told.yaml")["head"]


def test_before_the_sweep_the_page_says_how_it_begins() -> None:
    waiting = {"experiment": "told", "state": "not begun", "parts": []}
    assert "rnnzoo sweep told.yaml" in page.whole(waiting, "told.yaml")
    assert page.title(waiting) == "told: not begun"


def test_times_go_on_only_while_the_sweep_does() -> None:
    assert page.clock(shown("running")) == 1_000_000.0
    assert page.clock(shown("silent")) is None


def test_curves_have_the_blue_of_reports() -> None:
    assert f"--own: {COLOURS[0].lower()}" in page.style()


def test_what_notes_and_messages_quote_is_code() -> None:
    said = "`trials: 6` was told: `a < b`"
    quoted = shown("failed", notes=[{"time": 1.0, "text": said}])
    quoted["ended"]["text"] = quoted["ended_last"][0]["message"] = said
    written = page.whole(quoted, "told.yaml")
    assert written.count("<code>trials: 6</code> was told: <code>a &lt; b</code>") == 3
    assert "`" not in written.partition("<body")[2].partition("<script")[0]
