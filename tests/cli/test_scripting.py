"""`--json`: what scripts can rely on, whatever a command does."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from rnnzoo import cli
from rnnzoo.cli import changes
from rnnzoo.cli.parser import commands, parsed
from rnnzoo.strict_json import as_json
from tests.command import rnnzoo
from tests.samples import slow_outside_of
from tools import scripting

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/scripting.md").read_text()
WITHOUT = {
    "ui": "it serves MLflow's pages until it is ended",
    "schema": "what it prints is JSON",
}


def test_every_command_prints_json_or_has_a_reason_not_to() -> None:
    every = commands()
    without = {name for name, parser in every.items() if "--json" not in parser.format_usage()}
    assert without == {*WITHOUT}
    assert {*re.findall(r"^\| `([a-z]+)", PAGE, re.M)} == {*every} - without


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["show", "lstmm", "--json"], "no cell 'lstmm'"),
        (["list", "cels", "--json"], "'cels' cannot be listed"),
        (["plan", "nowhere.yaml", "--json"], "there is no file nowhere.yaml"),
        (["plan", "--json", "--trials", "many", "x.yaml"], "--trials: must be a whole number"),
        (["plan", "--json"], "the following arguments are required: SPEC"),
        (["plam", "--json"], "rnnzoo has no command 'plam'"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_document_and_a_message(
    words: list[str],
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 2
    printed = capsys.readouterr()
    error = json.loads(printed.out)["error"]
    assert problem in error["problem"]
    assert error["mistakes"] == []
    assert error["problem"] in printed.err
    assert error["fix"] in printed.err


def test_mistakes_in_a_file_are_in_the_document_with_their_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("experiment: bad\ntask: adding\nvariants: [lstm]\nserch: 3\n")
    assert cli.main(["plan", str(path), "--json"]) == 2
    (mistake,) = json.loads(capsys.readouterr().out)["error"]["mistakes"]
    assert (mistake["file"], mistake["line"], mistake["column"]) == (str(path), 4, 1)
    assert mistake["fix"].startswith("did you mean 'search'?")


def test_a_new_cell_is_one_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["new", "cell", "mine", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content == {"file": "experiments/cells/mine.yaml", "guessed": []}
    assert Path(content["file"]).is_file()


def test_numbers_that_json_does_not_have_are_null() -> None:
    written = as_json({"scores": [1.5, float("nan")], "hours": float("inf"), "trials": 3})
    assert json.loads(written) == {"scores": [1.5, None], "hours": None, "trials": 3}


def test_a_watched_file_is_checked_again_after_a_change_and_not_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nequations: |\n  h = tanh(W @ x + R @ h[t-1]) + q\n")
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            path.write_text("name: mine\nequations: |\n  h = tanh(W @ x + R @ h[t-1])\n")
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(changes.time, "sleep", pause)
    assert cli.main(["check", "--watch", str(path)]) == 0
    printed = capsys.readouterr().out
    assert printed.count("unknown name 'q'") == 1
    assert printed.count("cell 'mine' is right") == 1
    assert printed.index("unknown name 'q'") < printed.index("cell 'mine' is right")
    assert "\x1b" not in printed


def test_what_is_watched_is_no_single_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--watch", "--json", "x.yaml"]) == 2
    assert "--json prints one document" in capsys.readouterr().err


# ------------------------------------------------------------------ the examples of the page

# commands that look at a sweep, and those that need none; what trains or draws is left out
OF_A_SWEEP = ("best", "clean", "export", "plan", "report", "status", "sync", "watch")
OF_NONE = ("check", "cluster", "data", "demo", "list", "new", "show", "skill")


def differing(example: object, document: object, where: str = "") -> Iterator[str]:
    """Where two documents have other keys; of lists, in their first entries."""
    match example, document:
        case dict(), dict():
            yield from (f"{where}.{name}" for name in example.keys() ^ document.keys())
            for name in example.keys() & document.keys():
                yield from differing(example[name], document[name], f"{where}.{name}")
        case [first, *_], [other, *_]:
            yield from differing(first, other, f"{where}[0]")
        case dict() | list(), str() | int() | float():
            yield where
        case str() | int() | float(), dict() | list():
            yield where


def differing_from_printed(name: str, folder: Path) -> list[str]:
    """Where the example of a command has other keys than what it prints in a folder."""
    done = rnnzoo(*scripting.COMMANDS[name].split(), "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    document = scripting.cut(json.loads(done.stdout), scripting.DEPTHS.get(name, scripting.DEEP))
    return [*differing(scripting.examples(PAGE)[name], document)]


def test_every_command_that_prints_json_has_an_example() -> None:
    with_json = {*commands()} - {*WITHOUT}
    assert {*scripting.examples(PAGE)} == with_json == {*scripting.COMMANDS}
    for words in scripting.COMMANDS.values():
        parsed([*words.split(), "--json"])


def test_an_example_is_written_as_it_was_cut() -> None:
    examples = scripting.examples(PAGE)
    assert scripting.with_examples(PAGE, examples) == PAGE
    whole = {"a": [{"b": {"c": 1}}, 2], "d": 1 / 3}
    assert scripting.cut(whole, 2) == {"a": [{"b": {}}], "d": 0.333333}
    assert max(map(len, scripting.written(examples["report"]).splitlines())) <= scripting.WIDTH


@pytest.mark.parametrize("name", OF_NONE)
def test_an_example_has_the_keys_that_the_command_prints(name: str, tmp_path: Path) -> None:
    for file, text in scripting.FILES.items():
        (tmp_path / file).write_text(text)
    assert differing_from_printed(name, tmp_path) == []


@pytest.mark.parametrize("name", slow_outside_of(("report", "status"), OF_A_SWEEP))
def test_an_example_has_the_keys_that_are_printed_of_a_sweep(
    name: str, swept: Path, tmp_path: Path
) -> None:
    shutil.copytree(swept, tmp_path / "swept")
    assert differing_from_printed(name, tmp_path / "swept") == []


def test_another_key_is_told_with_its_place() -> None:
    example, document = {"a": [{"b": 1}], "c": {}}, {"a": [{"d": 1}], "c": 2}
    assert sorted(differing(example, document)) == [".a[0].b", ".a[0].d", ".c"]
