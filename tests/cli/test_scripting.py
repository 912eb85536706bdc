"""`--json`: what scripts can rely on, whatever a command does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rnnzoo import cli
from rnnzoo.cli import changes
from rnnzoo.cli.as_json import as_json

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/scripting.md").read_text()
WITHOUT = {
    "ui": "it serves MLflow's pages until it is ended",
    "schema": "what it prints is JSON",
}


def test_every_command_prints_json_or_has_a_reason_not_to() -> None:
    _, commands = cli._parser()
    without = {name for name, parser in commands.items() if "--json" not in parser.format_usage()}
    assert without == {*WITHOUT}
    assert {*re.findall(r"^\| `([a-z]+)", PAGE, re.M)} == {*commands} - without


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
