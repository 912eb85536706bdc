"""`rnnzoo ctl`: what it prints, and its exit codes; a thread stands for the sweep."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from rnnzoo.cli import main
from rnnzoo.sweep import channel
from rnnzoo.sweep.channel import Answer, Inbox
from rnnzoo.sweep.steering import Told

SPEC = "experiment: gates\ntask: adding\nvariants: [rnn, gru]\nsearch: {trials: 4}\n"
Begin = Callable[..., None]


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Begins what answers as a sweep does, until the test is over."""
    monkeypatch.chdir(tmp_path)
    Path("gates.yaml").write_text(SPEC)
    over, threads = Event(), []

    with ExitStack() as stack:

        def started(answer: Answer, part: str = "everything") -> None:
            about = {"part": part, "variants": ["rnn", "gru"]}
            inbox = stack.enter_context(channel.opened(Path("runs/gates"), "gates", about))
            threads.append(Thread(target=answered, args=(inbox, answer, over)))
            threads[-1].start()

        stack.callback(lambda: [thread.join() for thread in threads])
        stack.callback(over.set)
        yield started
        over.set()
        for thread in threads:
            thread.join()


def answered(inbox: Inbox, answer: Answer, over: Event) -> None:
    while not over.is_set():
        for request in inbox.take():
            inbox.answer(request, answer)
        time.sleep(0.005)


def state(told: Told, *commands: dict[str, str]) -> dict[str, Any]:
    running = [{"variant": "gru", "task": "adding", "index": 2}]
    return {
        "stage": "search", "done": 3, "planned": 8, "running": running, "workers": 2,
        "told": told.to_dict(), "commands": list(commands),
    }  # fmt: skip


def test_an_answer_is_printed(begin: Begin, capsys: pytest.CaptureFixture[str]) -> None:
    begin(Answer(True, "no trial begins any more"))
    assert main(["ctl", "gates.yaml", "pause"]) == 0
    assert capsys.readouterr() == ("no trial begins any more\n", "")


@pytest.mark.parametrize("place", [1, 2, 4])
def test_options_may_stand_anywhere(
    place: int, begin: Begin, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(Answer(True, "done"))
    words = ["ctl", "gates.yaml", "stop", "gru"]
    assert main([*words[:place], "--json", *words[place:]]) == 0
    assert json.loads(capsys.readouterr().out)["command"] == "stop gru"


def test_a_refusal_is_an_error(begin: Begin, capsys: pytest.CaptureFixture[str]) -> None:
    begin(Answer(False, "the search has ended", "give it later"))
    assert main(["ctl", "gates.yaml", "trials", "9"]) == 1
    assert capsys.readouterr() == ("", "the search has ended\n  fix: give it later\n")


def test_shards_are_told_apart(begin: Begin, capsys: pytest.CaptureFixture[str]) -> None:
    begin(Answer(True, "done"), "shard 1/2")
    begin(Answer(False, "the search has ended"), "shard 2/2")
    assert main(["ctl", "gates.yaml", "pause"]) == 1
    assert capsys.readouterr() == (
        "shard 1/2: done\n",
        "shard 2/2: the search has ended\n",
    )


def test_without_a_command_it_says_what_the_sweep_does_and_was_told(
    begin: Begin, capsys: pytest.CaptureFixture[str]
) -> None:
    paused = datetime.now().astimezone() - timedelta(minutes=5)
    moment = paused.isoformat(timespec="seconds")
    log = {"time": moment, "command": "pause", "answer": "no trial begins any more"}
    begin(Answer(True, "", state=state(Told(4, paused, ("gru",)), log)))
    assert main(["ctl", "gates.yaml"]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    when = (
        f"{paused:%H:%M}" if paused.date() == datetime.now().date() else f"{paused:%Y-%m-%d %H:%M}"
    )
    assert first.startswith("process ")
    assert rest == [
        "  3 of 8 trials of the search done, 1 running, 2 at a time",
        f"  paused since {when}: rnnzoo ctl gates.yaml resume",
        "  gru is stopped: rnnzoo ctl gates.yaml resume gru",
        f"  {when} pause: no trial begins any more",
    ]
    assert main(["ctl", "gates.yaml", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["experiment"], content["command"]) == ("gates", "status")
    (sweep,) = content["sweeps"]
    assert sweep["told"]["stopped"] == ["gru"]
    assert (sweep["part"], sweep["done"], sweep["planned"]) == ("everything", 3, 8)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 1, "no sweep of 'gates' is running\n  fix: `rnnzoo sweep gates.yaml` begins it"),
        (
            ["trials", "0"],
            2,
            "`trials` needs a whole number from 1 to 1,000,000, not '0'\n"
            "  fix: `pause`, or `stop VARIANT`, begins no more",
        ),
        (["budget", "0"], 2, "`budget` needs a whole number from 1 to 1,000,000, not '0'"),
        (["workers", "-1"], 2, "`workers` needs a whole number from 0 to 1,000,000, not '-1'"),
        (["pauze"], 2, "a sweep cannot be told 'pauze'\n  fix: did you mean 'pause'?"),
    ],
)
def test_what_cannot_be_told_is_said_at_once(
    words: list[str],
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("gates.yaml").write_text(SPEC)
    assert main(["ctl", "gates.yaml", *words]) == code
    assert capsys.readouterr().err.startswith(said)
    assert not Path("runs").exists()
