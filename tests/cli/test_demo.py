"""`rnnzoo demo`: a finished report, which is what its results say."""

from __future__ import annotations

import html
import json
import os
import webbrowser
from pathlib import Path

import pytest

from rnnzoo.api import demo
from rnnzoo.cli import main


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Pages that a browser was asked to open, on a machine that has one."""
    pages: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda page: pages.append(page) or True)
    monkeypatch.setenv("BROWSER", "some")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return pages


def test_the_report_opens_and_its_answers_are_told(
    opened: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo"]) == 0
    printed = capsys.readouterr().out
    (page,) = (tmp_path / "cache/rnnzoo").glob("demo-*/report.html")
    assert opened == [page.as_uri()]
    assert f"report  {page}\n" in printed
    assert "supported: rnn (simple recurrent network) is worse than peephole" in printed
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


@pytest.mark.parametrize("option", ["--no-browser", "--json"])
def test_no_browser_opens_where_none_is_wanted(option: str, opened: list[str]) -> None:
    assert main(["demo", option]) == 0
    assert opened == []


def test_no_browser_opens_on_a_terminal_without_windows(
    opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert main(["demo"]) == 0
    assert opened == []


def test_a_program_is_told_where_everything_is(
    opened: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--json", "--out", "here"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["page"] == str(tmp_path / "here/report.html")
    assert all(Path(told[name]).is_file() for name in ("page", "spec", "table"))
    assert {"claim", "word", "answer"} == {*told["answers"][0]}


def test_the_same_folder_is_written_again_and_no_other(
    opened: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--out", "here"]) == 0
    (tmp_path / "here/runs").mkdir()  # of `rnnzoo report` there
    assert main(["demo", "--out", "here"]) == 0
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").touch()
    assert main(["demo", "--out", "mine"]) == 2
    assert capsys.readouterr().err == (
        "mine holds other files\n  fix: choose another folder, or a new one\n"
    )
    assert os.listdir(tmp_path / "mine") == ["thesis.tex"]


@pytest.mark.parametrize("name", ["report.html", "gates.yaml", "gates.csv"])
def test_a_file_of_the_users_with_a_name_of_the_studys_stays(
    name: str, opened: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--out", "here"]) == 0
    own = tmp_path / "here" / name
    own.write_text("edited")
    capsys.readouterr()
    assert main(["demo", "--out", "here"]) == 2
    assert capsys.readouterr().err == (
        f"here/{name} is there already, and is not that of the study\n"
        "  fix: choose another folder, or a new one\n"
    )
    assert own.read_text() == "edited"


def test_a_place_that_cannot_be_written_is_told(
    opened: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["demo", "--out", "file/below"]) == 2
    assert capsys.readouterr().err == (
        "cannot write to file/below: Not a directory\n"
        "  fix: choose another folder with --out FOLDER\n"
    )


def test_the_page_has_the_answers_and_no_path_of_a_machine(tmp_path: Path) -> None:
    written = demo.write(tmp_path / "demo")
    page = html.unescape(written.page.read_text(encoding="utf-8"))
    assert len(written.answers) == 6
    for said in written.answers:
        assert said.answer in page
    assert "/home/" not in page
    assert "/tmp/" not in page


def test_the_page_was_made_from_the_templates_of_today() -> None:
    from tools.demo import made_from

    content = json.loads((demo.KEPT / demo.ANSWERS).read_text(encoding="utf-8"))
    assert content["made_from"] == made_from(), "make demo-page"


def test_a_digest_is_of_a_template_and_all_that_it_includes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from tools import demo as tool

    monkeypatch.setattr(tool, "TEMPLATES", tmp_path)
    (tmp_path / "a.j2").write_text('{% from "b.j2" import c %}\n')
    (tmp_path / "b.j2").write_text('{% include "a.css" %}')
    digests = set()
    for style in ("p {}", "p { margin: 0; }"):
        (tmp_path / "a.css").write_text(style)
        digests.add(tool.made_from("a.j2"))
    assert len(digests) == 2


@pytest.mark.slow
def test_the_answers_are_what_the_table_says_today() -> None:
    from tools.demo import answers, results

    with results() as kept:
        assert answers(kept.summary()) == [*demo.write().answers], "make demo-page"
