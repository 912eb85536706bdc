"""The folder through which a running sweep is told: what is taken, once, and what is set aside."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from rnnzoo.api import telling
from rnnzoo.api.telling import ENDED, tell
from rnnzoo.errors import RnnzooError, UsageError
from rnnzoo.sweep import channel, lock
from rnnzoo.sweep.channel import Answer, Command, Inbox, Request, Running

ABOUT = {"part": "everything", "variants": ["rnn", "gru"]}
PAUSE = Command("pause")


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    with channel.opened(tmp_path, "loop", ABOUT) as made:
        yield made


def the_sweep(runs: Path) -> Running:
    (running,) = channel.running(runs)
    return running


def obeying(inbox: Inbox, seconds: float = 5.0, count: int = 1) -> Thread:
    """A thread that does what a sweep does with so many commands."""

    def obey() -> None:
        taken, end = 0, time.monotonic() + seconds
        while taken < count and time.monotonic() < end:
            for request in inbox.take():
                inbox.answer(request, Answer(True, str(request.command)))
                taken += 1
            time.sleep(0.005)

    thread = Thread(target=obey)
    thread.start()
    return thread


@pytest.mark.parametrize(
    "given",
    [
        PAUSE,
        Command("stop", "gru"),
        Command("resume", "gru", host="login"),
        Command("workers", number=8),
    ],
)
def test_a_command_arrives_as_it_was_given_once(given: Command, inbox: Inbox) -> None:
    running = the_sweep(inbox.folder.parent.parent)
    name = channel.give(running, given)
    assert [request.command for request in inbox.take()] == [given]
    assert not list(inbox.take())
    assert channel.answer(running, name) is None
    inbox.answer(Request(name, given), Answer(True, "done", state={"done": 3}))
    assert channel.answer(running, name) == Answer(True, "done", state={"done": 3})
    assert channel.answer(running, name) is None
    assert not channel.withdraw(running, name)


def test_who_finds_a_sweep_knows_its_part_and_its_process(inbox: Inbox) -> None:
    running = the_sweep(inbox.folder.parent.parent)
    assert (running.part, running.variants) == ("everything", ("rnn", "gru"))
    assert running.holder.startswith(f"process {os.getpid()} on {socket.gethostname()}, since ")
    assert running.is_alive


def test_what_was_withdrawn_is_not_taken(inbox: Inbox) -> None:
    running = the_sweep(inbox.folder.parent.parent)
    assert channel.withdraw(running, channel.give(running, PAUSE))
    assert not list(inbox.take())


def test_the_oldest_command_is_taken_first(inbox: Inbox) -> None:
    running = the_sweep(inbox.folder.parent.parent)
    given = [Command("workers", number=number) for number in range(5)]
    for age, command in enumerate(given):
        path = running.folder / "commands" / channel.give(running, command)
        os.utime(path, ns=(age, age))
    assert [request.command for request in inbox.take()] == given


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the file is empty"),
        ("{", "this is not YAML"),
        ('{"command": "pauze"}', "`command` cannot be 'pauze'"),
        ('{"command": "trials"}', "a command needs `number:`"),
        ('{"command": "trials", "number": -1}', "below its least value 1"),
        ('{"command": "trials", "number": 1e99}', "above its largest value"),
        ('{"command": "pause", "then": "rm"}', "a command has no key 'then'"),
        ('{"command": !!python/object/apply:os.system ["true"]}', "is not allowed"),
        ("x" * 300_000, "larger than 256 KiB"),
    ],
)
def test_a_damaged_command_is_set_aside_with_what_is_wrong(
    text: str, problem: str, inbox: Inbox
) -> None:
    name = "0123456789ab.json"
    (inbox.folder / "commands" / name).write_text(text)
    (request,) = inbox.take()
    assert request.command is None
    assert problem in str(request.mistake)
    assert not list(inbox.take())
    (aside,) = (inbox.folder.parent / channel.SET_ASIDE).iterdir()
    assert aside.read_text() == text


def test_foreign_files_are_set_aside_and_not_read(inbox: Inbox, tmp_path: Path) -> None:
    commands = inbox.folder / "commands"
    (commands / "notes.txt").write_text("mine")
    (commands / "folder").mkdir()
    os.mkfifo(commands / "0123456789ab.json")  # reading it would wait for ever
    secret = tmp_path / "secret"
    secret.write_text('{"command": "pause"}')
    (commands / "ba9876543210.json").symlink_to(secret)
    (commands / ".0123456789ab.json.12345678").write_text("half written")
    requests = list(inbox.take())
    assert [request.command for request in requests] == [None] * 4
    assert all("is no command of `rnnzoo ctl`" in str(request.mistake) for request in requests)
    assert not list(inbox.take())
    assert len(list((inbox.folder.parent / channel.SET_ASIDE).iterdir())) == 4
    assert secret.exists()


def test_a_folder_that_is_deleted_under_a_sweep_is_made_anew(inbox: Inbox) -> None:
    runs = inbox.folder.parent.parent
    for path in inbox.folder.iterdir():
        path.rename(runs / path.name)
    inbox.folder.rmdir()
    assert not list(inbox.take())
    for name in ("taken", "answers"):
        assert (inbox.folder / name).is_dir()


def test_a_sweep_that_has_ended_leaves_nothing(tmp_path: Path) -> None:
    with channel.opened(tmp_path, "loop", ABOUT):
        running = the_sweep(tmp_path)
    assert not running.is_alive
    assert not channel.running(tmp_path)
    assert not list((tmp_path / channel.FOLDER).iterdir())
    with pytest.raises(FileNotFoundError):
        channel.give(running, PAUSE)


def test_what_a_killed_sweep_has_left_goes_with_the_next_and_other_machines_are_left_alone(
    tmp_path: Path,
) -> None:
    folders = {host: tmp_path / "ctl" / host for host in ("a" * 8, "b" * 8)}
    for host, folder in folders.items():
        folder.mkdir(parents=True)
        name = socket.gethostname() if host == "a" * 8 else "another"
        (folder / "lock").write_text(json.dumps({"host": name, "pid": 1, "since": "now"}))
    (tmp_path / "ctl" / "mine").mkdir()
    with channel.opened(tmp_path, "loop", ABOUT):
        assert [folder.exists() for folder in folders.values()] == [False, True]
        assert (tmp_path / "ctl" / "mine").exists()


def test_shards_that_run_at_once_are_told_each(tmp_path: Path) -> None:
    only_gru = {"part": "gru", "variants": ["gru"]}
    with (
        channel.opened(tmp_path, "loop", ABOUT) as first,
        channel.opened(tmp_path, "loop", only_gru) as second,
    ):
        sweeps = channel.running(tmp_path)
        assert [sweep.part for sweep in sweeps] == ["everything", "gru"]
        threads = [obeying(first, count=2), obeying(second)]
        assert [reply.answer.text for reply in tell(sweeps, PAUSE)] == ["pause", "pause"]
        replies = tell(sweeps, Command("stop", "rnn"))
        assert [reply.sweep.part for reply in replies] == ["everything"]
        for thread in threads:
            thread.join()


def test_two_who_tell_a_sweep_at_once_are_answered_both(inbox: Inbox) -> None:
    running = the_sweep(inbox.folder.parent.parent)
    given = [Command("workers", number=number) for number in range(1, 9)]
    said: dict[int, str] = {}

    def give(command: Command) -> None:
        (reply,) = tell([running], command)
        said[command.number] = reply.answer.text

    threads = [Thread(target=give, args=(command,)) for command in given]
    sweep = obeying(inbox, count=len(given))
    for thread in threads:
        thread.start()
    for thread in (*threads, sweep):
        thread.join()
    assert said == {number: f"workers {number}" for number in range(1, 9)}


def test_a_variant_that_no_sweep_has_is_told_at_once(inbox: Inbox) -> None:
    sweeps = channel.running(inbox.folder.parent.parent)
    with pytest.raises(
        UsageError, match="no trials of a variant 'gruu'\n  fix: did you mean 'gru'"
    ):
        tell(sweeps, Command("stop", "gruu"))


def test_a_busy_sweep_has_the_command_withdrawn(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "WAIT", 0.05)
    (reply,) = tell(channel.running(inbox.folder.parent.parent), PAUSE)
    assert not reply.answer.obeyed
    assert "it was withdrawn" in reply.answer.text
    assert not list(inbox.take())


def test_a_sweep_whose_folder_cannot_be_written_leaves_no_command_with_the_others(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = channel.running(inbox.folder.parent.parent)
    second = replace(first, part="gru")
    give = channel.give

    def refuses(sweep: Running, command: Command) -> str:
        if sweep == second:
            raise PermissionError("read-only")
        return give(sweep, command)

    monkeypatch.setattr(channel, "give", refuses)
    with pytest.raises(PermissionError):
        tell([first, second], PAUSE)
    assert not list(inbox.take())


KILLED = """\
import sys, time
from pathlib import Path
from rnnzoo.sweep import channel
with channel.opened(Path(sys.argv[1]), "loop", {"part": "everything", "variants": []}) as inbox:
    print("ready", flush=True)
    while not (taken := list(inbox.take())):
        time.sleep(0.01)
    print("taken", flush=True)
    time.sleep(60)
"""


def test_a_sweep_that_is_killed_before_its_answer_is_told_so(tmp_path: Path) -> None:
    sweep = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert sweep.stdout is not None
        assert sweep.stdout.readline() == "ready\n"
        running = the_sweep(tmp_path)

        def kill() -> None:
            assert sweep.stdout is not None
            sweep.stdout.readline()
            sweep.send_signal(signal.SIGKILL)

        killer = Thread(target=kill)
        killer.start()
        (reply,) = tell([running], PAUSE)
        killer.join()
    finally:
        sweep.kill()
        sweep.communicate()
    assert reply.answer == ENDED
    assert not channel.running(tmp_path)
    with channel.opened(tmp_path, "loop", ABOUT) as inbox:
        assert not list(inbox.take())
        assert not running.folder.exists()


def test_who_tells_and_is_killed_leaves_a_command_that_is_obeyed_once(inbox: Inbox) -> None:
    running = the_sweep(inbox.folder.parent.parent)
    name = channel.give(running, PAUSE)  # and nobody waits for the answer
    (request,) = inbox.take()
    inbox.answer(request, Answer(True, "paused"))
    assert not list(inbox.take())
    assert (inbox.folder / "answers" / name).exists()


def test_a_sweep_on_another_machine_is_watched_where_its_lock_does_not_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "ctl" / "0123abcd"
    folder.mkdir(parents=True)
    (folder / "sweep.json").write_text(json.dumps(ABOUT))
    (folder / "lock").write_text(json.dumps({"host": "node7", "pid": 7, "since": "04:12"}))
    monkeypatch.setattr(lock, "_beats", lambda path: True)
    assert the_sweep(tmp_path).holder == "process 7 on node7, since 04:12"
    monkeypatch.setattr(lock, "_beats", lambda path: False)
    assert not channel.running(tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pauze"], "a sweep cannot be told 'pauze'\n  fix: did you mean 'pause'?"),
        (["stop"], "'stop' is no command\n  fix: write stop VARIANT"),
        (["pause", "gru"], "'pause gru' is no command\n  fix: write pause"),
        (["trials"], "'trials' is no command\n  fix: write trials N"),
        (["trials", "many"], "`trials` needs a whole number from 1 to 1,000,000, not 'many'"),
        (["workers", "-1"], "`workers` needs a whole number"),
        (["stop", "gru", "rnn"], "'stop gru rnn' is no command\n  fix: write stop VARIANT"),
    ],
)
def test_words_that_are_no_command_are_refused(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        telling.command_of(words)
    assert said in str(raised.value)


def test_without_a_sweep_it_is_said_at_once_what_begins_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RnnzooError) as raised:
        telling.running("loop", "loop.yaml")
    assert raised.value.exit_code == 1
    assert str(raised.value).startswith(
        "no sweep of 'loop' is running\n  fix: `rnnzoo sweep loop.yaml` begins it"
    )
    with (
        lock.held(tmp_path / "runs" / "loop" / "lock", "loop"),
        pytest.raises(RnnzooError, match="cannot be told anything yet: process"),
    ):
        telling.running("loop", "loop.yaml")


def test_a_file_that_is_being_edited_names_its_sweep_still(tmp_path: Path) -> None:
    file = tmp_path / "loop.yaml"
    file.write_text("experiment: loop\ntask: addin\nvariants: [rnn\n]\n")
    assert telling.name_of(file, ()) == "loop"
