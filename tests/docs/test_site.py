"""The docs site: where pages stand, the pages that are made, and links that lead nowhere."""

from __future__ import annotations

import argparse
import json
import re
import warnings
from itertools import chain
from pathlib import Path

import pytest

from rnnzoo.cli.parser import commands as parsers_of_commands
from rnnzoo.spec import schema
from tests.browser import LOOKS, WCAG, barriers, chromium, needs_chromium
from tools.site import __main__ as site
from tools.site import commands, conf, contents, interface, keys, links, notebooks


def test_every_page_of_the_docs_stands_in_one_section() -> None:
    named = list(chain.from_iterable(contents.SECTIONS.values()))
    made = [*contents.WRITTEN, *contents.TOP_LEVEL]
    assert sorted(named) == sorted({*named}), "a page stands in two sections"
    assert {*named} == {*contents.pages(), *made} - {contents.FRONT}, "tools/site/contents.py"


def test_the_front_page_leads_to_pages_that_there_are() -> None:
    front = (contents.DOCS / "index.md").read_text()
    for target in re.findall(r"\]\(([^)]+)\)", front):
        assert (contents.DOCS / target).is_file(), target


def test_a_link_that_is_called_by_a_file_has_the_title_of_its_page(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "judging.md").write_text("# How claims are judged\n\nText.\n")
    page = tmp_path / "studies/gates.md"
    text = "[judging.md](../judging.md#floor), [it](../judging.md), [gone.md](gone.md)"
    assert contents.with_titles(text, page) == (
        "[How claims are judged](../judging.md#floor), [it](../judging.md), [gone.md](gone.md)"
    )


def test_a_picture_that_stands_by_itself_is_reached_by_keys_where_it_scrolls() -> None:
    alone, within = '<p><img alt="a" src="a.svg" /></p>', '<p>See <img src="a.svg" />.</p>'
    context = {"body": alone + within}
    conf._usable_without_a_mouse(None, "", "", context, None)
    assert context["body"] == (
        '<p class="picture" tabindex="0"><img alt="a" src="a.svg" /></p>' + within
    )


def test_the_reference_of_commands_has_every_command_and_every_option() -> None:
    parsers = parsers_of_commands()
    page = commands.page(parsers)
    assert re.findall(r"^## rnnzoo (\S+)$", page, re.M) == [*parsers]
    for parser in parsers.values():
        section = page.partition(f"## {parser.prog}\n")[2].partition("\n## ")[0]
        for option in chain.from_iterable(action.option_strings for action in parser._actions):
            assert f"`{option}" in section, f"{parser.prog} {option}"


def of_schemas() -> set[str]:
    """Every key of every table, as an editor knows it."""
    known: schema.Known = {kind: {} for kind in ("cells", "tasks", "launchers", "trackers")}
    waiting: list[object] = [
        write(known) for write in (schema.of_cell, schema.of_experiment, schema.of_settings)
    ]
    names: set[str] = set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            names |= {*part.get("properties", ())}
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return names


def test_the_reference_of_keys_has_those_that_an_editor_knows_each_once_in_a_table() -> None:
    page = keys.page()
    named = re.findall(r"^\| `([\w]+)` \|", page, re.M)
    assert {*named} == of_schemas()
    for section in re.split(r"^##+ ", page, flags=re.M)[1:]:
        rows = re.findall(r"^\| `([\w]+)` \|", section, re.M)
        assert len(rows) == len({*rows}) > 0, section.partition("\n")[0]
    sections = re.findall(r"^### (.+)$", page, re.M)
    assert len(sections) == len({*sections})
    targets = {link.replace("-", " ") for link in re.findall(r"\]\(#([\w-]+)\)", page)}
    assert targets <= {*sections}


def test_the_reference_of_keys_says_what_holds_without_a_key() -> None:
    page = keys.page()
    assert "| `trials` | whole, from 1 to 1,000,000 | for each variant on each task" in page
    assert "| `region` | above 0, below 1; or `10%` or `1/10` |" in page
    assert re.search(r"^\| `name` \| a text \| what the cell is called \| needed \|$", page, re.M)
    assert re.search(r"^\| `output` .* \| `h` \|$", page, re.M)


def test_a_bar_in_a_sentence_does_not_end_a_cell_of_the_table() -> None:
    parser = argparse.ArgumentParser(prog="rnnzoo x")
    parser.add_argument("where", metavar="FOLDER|ADDRESS", help="this | that")
    assert r"| `FOLDER\|ADDRESS` | this \| that |" in commands.page({"x": parser})


@pytest.mark.parametrize(
    "name",
    [*chain.from_iterable([*interface.FUNCTIONS.values(), *interface.CLASSES.values()])],
)
def test_what_the_reference_of_the_interface_names_exists_and_is_documented(name: str) -> None:
    import importlib

    module, _, last = name.rpartition(".")
    assert getattr(importlib.import_module(module), last).__doc__


def test_links_that_lead_nowhere_are_told_with_their_page(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.html").write_text(
        "<h1 id='top'></h1><a href='sub/b.html#here'></a><a href='#top'></a>"
        "<a href='https://example.org/x'></a><a href='sub/b.html#gone'></a><img src='no.svg'>"
    )
    (tmp_path / "sub" / "b.html").write_text("<p id='here'><a href='../a.html#top'>a</a>")
    assert links.broken(tmp_path) == ["a.html: sub/b.html#gone", "a.html: no.svg"]


def test_a_notebook_becomes_a_page_with_its_text_its_code_and_a_link(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# A lab\n", "What is it?"]},
        {"cell_type": "code", "source": ["import rnnzoo\n", "rnnzoo.cell('lstm')"]},
        {"cell_type": "code", "source": ["%%writefile mine.yaml\n", "name: mine"]},
        {"cell_type": "markdown", "source": ["Go on with [two](two.ipynb)."]},
    ]
    notebook = tmp_path / "lab.ipynb"
    notebook.write_text(json.dumps({"cells": cells}))
    page = notebooks.page(notebook)
    assert page.startswith("# A lab\nWhat is it?\n")
    assert "```python\nimport rnnzoo\nrnnzoo.cell('lstm')\n```" in page
    assert "The file `mine.yaml`:\n\n```yaml\nname: mine\n```" in page
    assert "href='lab.ipynb'" in page
    assert page.endswith("Go on with [two](two.md).\n")


@pytest.mark.parametrize("made", site.MADE)
def test_a_folder_of_somebody_elses_is_not_deleted(
    made: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / made).mkdir()
    (tmp_path / made / "mine.txt").write_text("mine")
    assert site.main(["--no-gallery", str(tmp_path)]) == 2
    told = f"{tmp_path / made} is there, and not of this command\n  fix: move it away, or name"
    assert capsys.readouterr().err.startswith(told)
    assert (tmp_path / made / "mine.txt").read_text() == "mine"


def test_what_an_earlier_build_has_left_is_made_anew(tmp_path: Path) -> None:
    site.clear(tmp_path)
    (tmp_path / "html").mkdir()
    site.clear(tmp_path)
    assert not (tmp_path / "html").exists()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site without its gallery; its building takes half a minute."""
    pytest.importorskip("sphinx", reason="the site needs Sphinx: `make setup`")
    folder = tmp_path_factory.mktemp("site")
    with warnings.catch_warnings():
        # Sphinx's own extensions still use what its next version but one will not have
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        assert site.main(["--no-gallery", str(folder)]) == 0  # what is wrong is printed
    return folder / "html"


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_no_link_leads_nowhere(built: Path) -> None:
    search = (built / "search.html").read_text()
    assert "search-results" in search  # the page that searches, and not one of ours


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("page", ["index", "language", "reference/commands", "search"])
def test_axe_finds_no_barrier_on_a_page_of_the_site(built: Path, page: str) -> None:
    with chromium() as browser:
        for look in LOOKS:
            assert barriers(browser, built / f"{page}.html", look, WCAG) == [], look
