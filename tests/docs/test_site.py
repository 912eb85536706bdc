"""The docs site: where pages stand, the pages that are made, and links that lead nowhere."""

from __future__ import annotations

import argparse
import json
import re
from itertools import chain
from pathlib import Path

import pytest

from rnnzoo import cli
from tools.site import __main__ as site
from tools.site import commands, contents, interface, links, notebooks


def test_every_page_of_the_docs_stands_in_one_section() -> None:
    named = list(chain.from_iterable(contents.SECTIONS.values()))
    made = [*contents.WRITTEN, *contents.TOP_LEVEL]
    assert sorted(named) == sorted({*named}), "a page stands in two sections"
    assert {*named} == {*contents.pages(), *made} - {contents.FRONT}, "tools/site/contents.py"


def test_the_front_page_leads_to_pages_that_there_are() -> None:
    front = (contents.DOCS / "index.md").read_text()
    for target in re.findall(r"\]\(([^)]+)\)", front):
        assert (contents.DOCS / target).is_file(), target


def test_the_reference_of_commands_has_every_command_and_every_option() -> None:
    parsers = cli.commands()
    page = commands.page(parsers)
    assert re.findall(r"^## rnnzoo (\S+)$", page, re.M) == [*parsers]
    for parser in parsers.values():
        section = page.partition(f"## {parser.prog}\n")[2].partition("\n## ")[0]
        for option in chain.from_iterable(action.option_strings for action in parser._actions):
            assert f"`{option}" in section, f"{parser.prog} {option}"


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
    ]
    notebook = tmp_path / "lab.ipynb"
    notebook.write_text(json.dumps({"cells": cells}))
    page = notebooks.page(notebook)
    assert page.startswith("# A lab\nWhat is it?\n")
    assert "```python\nimport rnnzoo\nrnnzoo.cell('lstm')\n```" in page
    assert "href='lab.ipynb'" in page


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_no_link_leads_nowhere(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sphinx", reason="the site needs Sphinx: `make setup`")
    assert site.main(["--no-gallery", str(tmp_path)]) == 0, capfd.readouterr().err
    search = (tmp_path / "html" / "search.html").read_text()
    assert "search-results" in search  # the page that searches, and not one of ours
