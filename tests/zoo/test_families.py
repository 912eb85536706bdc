"""What the zoo says of its cells beside their equations: family, year, claim and note."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rnnzoo import lang
from rnnzoo.cli import main
from rnnzoo.errors import SpecError
from rnnzoo.lang.canonical import canonical_hash
from rnnzoo.lang.view import view
from rnnzoo.report.gallery import cell_page, families
from rnnzoo.spec import plugins
from rnnzoo.spec.cell import FAMILIES, ZOO, built_in_names, parse_cell, sources
from rnnzoo.spec.claims import check_of_cell

NAMES = built_in_names()
ROOT = Path(__file__).parents[2]
CELL = "name: mine\nextends: lstm\n{}equations: |\n  f = 1 - i\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_of_the_zoo_has_a_title_a_family_and_the_year_of_one_of_its_sources(
    name: str,
) -> None:
    cell = view(name)
    assert cell.title
    assert cell.family in FAMILIES
    known = [
        re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", key + sources()[key]) for key in cell.ir.source
    ]
    assert str(cell.year) in {year for years in known for year in years}


@pytest.mark.parametrize("name", NAMES)
def test_a_claim_of_the_zoo_is_one_that_an_experiment_can_ask(name: str) -> None:
    spec = parse_cell((ZOO / f"{name}.yaml").read_text(), folder=ZOO)
    check_of_cell(spec, NAMES, plugins.names("tasks"))
    assert not spec.claim or name in spec.claim


# What a paper does not compare, nobody can ask of its cell.
WITHOUT_A_CLAIM = {
    "coupled": "its sources make theirs of `cifg`, which couples its gates the other way round",
    "ctrnn": "its paper proves what it approximates, and compares it with no other cell",
    "echo_state": "its report shows what it can do, and compares it with no other cell",
    "gru_reset_after": "it is `gru` as libraries compute it, which no paper compares with it",
    "lmu_zoh": "it is `lmu`, which has the claim of the paper, discretised otherwise",
    "mclstm_static": "it is a part of `mclstm` taken away; that has the claim of the paper",
    "rnn": "it was the first: there was nothing to compare it with",
    "sgrn": "its paper could not be read, and what it is better than is not known",
}


def test_a_cell_has_the_claim_of_its_paper_or_a_reason_for_none() -> None:
    assert {name for name in NAMES if not view(name).claim} == WITHOUT_A_CLAIM.keys()


@pytest.mark.parametrize(
    "facts", ["family: gru\n", "year: 2026\n", "claim: mine same as lstm\n", "note: Ours.\n"]
)
def test_what_is_known_of_a_cell_does_not_change_its_identity(facts: str) -> None:
    bare, told = (lang.parse_text(CELL.format(text)) for text in ("", facts))
    assert canonical_hash(told) == canonical_hash(bare)
    assert lang.text.digest(told) == lang.text.digest(bare)
    assert lang.text.cell_text(told) == lang.text.cell_text(bare)


def test_a_family_is_inherited_and_other_facts_are_not() -> None:
    heir = parse_cell("name: heir\nextends: gru_d\n")
    assert (heir.family, heir.year, heir.claim, heir.note) == ("gru", 0, "", "")
    assert parse_cell(CELL.format("family: gru\n")).family == "gru"


WRONG = {
    "mine worse than lstmm": "the claim is about the variant 'lstmm'",
    "mine is great": "this is not a claim that can be judged",
    "'on parityy: mine worse than lstm'": "the claim is about the task 'parityy'",
}


@pytest.mark.parametrize(("claim", "problem"), WRONG.items())
def test_check_finds_the_mistake_in_a_claim(
    claim: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.yaml").write_text(CELL.format(f"claim: {claim}\n"))
    assert main(["check", str(tmp_path / "mine.yaml")]) == 2
    printed = capsys.readouterr().out
    assert "mine.yaml:3:" in printed
    assert problem in printed


def test_a_claim_may_name_a_cell_beside_its_own(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("name: other\nextends: gru\n")
    (tmp_path / "mine.yaml").write_text(CELL.format("claim: mine same as other within 0.1\n"))
    assert main(["check", str(tmp_path / "mine.yaml")]) == 0


def test_cells_of_one_family_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "experiments" / "cells"
    own.mkdir(parents=True)
    (own / "mine.yaml").write_text(CELL.format("title: Mine\n"))
    (own / "bad.yaml").write_text("name: bad\n")
    monkeypatch.chdir(tmp_path)
    assert main(["list", "cells", "--family", "lstm", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    in_zoo = [name for name in NAMES if view(name).family == "lstm"]
    assert [line["name"] for line in listed] == [*in_zoo, "mine"]
    (nfg,) = [line for line in listed if line["name"] == "nfg"]
    assert nfg == {"name": "nfg", "year": 2015, "family": "lstm", "about": "No forget gate (NFG)"}
    assert listed[-1]["year"] is None
    assert main(["list", "cells"]) == 0
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == len(NAMES) + 2
    assert re.search(r"^nfg +2015  lstm +No forget gate \(NFG\)$", printed, re.M)
    assert re.search(
        r"^bad +has mistakes: rnnzoo check experiments/cells/bad\.yaml$", printed, re.M
    )


SHOWN = {  # lines of what `show` prints
    "gru_d": ["states   h, q [inputs], last [inputs]", "  w_x  88       uniform from 0 to 0.1"],
    "mlstm": ["states   m, C [heads, units / heads, units / heads], n"],
    "narx": ["states   h, h_lag1 to h_lag3"],
    "clockwork": ["  R  64 x 64  orthogonal where T[col] >= T[row], else 0"],
    "echo_state": [
        "  W  64 x 88  uniform from -scale to scale; never trained",
        "  0 are trained, 9,728 never; 9,728 multiply-adds a step",
    ],
}


@pytest.mark.parametrize("name", SHOWN)
def test_what_a_reader_needs_to_know_of_states_and_weights_is_shown(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", name]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert {*SHOWN[name]} <= {*printed}
    assert all(len(line) <= 80 for line in printed[1 : printed.index("")])  # the sources


def test_states_that_do_not_start_at_zero_say_so() -> None:
    text = "name: q\nequations: |\n  h = tanh(W @ x + R @ h[t-1] + c[t-1])\n  c = c[t-1] * h\n"
    cell = lang.view.CellView(lang.parse_text(f"{text}initial: {{h: learned, c: 0.5}}\n"))
    assert cell.carried == ("h (its start is learned)", "c (starts at 0.5)")


def test_what_is_known_of_a_cell_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "nfg"]) == 0
    printed = capsys.readouterr().out
    assert "family   lstm, 2015\nclaim    nfg worse than peephole\n" in printed
    kind = "nonlinear in h and c together, all units together: one step after another"
    wrapped = kind.replace(" another", "\n         another")  # within 80 columns
    assert f"states   h, c\nkind     {wrapped}\n" in printed
    assert "\nstart    half-life in steps: h over 200, c over 200\n" in printed
    assert "\n         gates, 0 shut and 1 open: i 0.50, o 0.51\n" in printed
    assert main(["show", "nfg", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["start"]["half_lives"] == {"h": None, "c": None}
    facts = ("lstm", 2015, "nfg worse than peephole")
    assert (content["family"], content["year"], content["claim"]) == facts
    page = cell_page(view("nfg"))
    assert "Family: lstm; published in 2015" in page
    assert f"<li>{kind}</li>" in page
    assert 'aria-label="The claim as YAML">nfg worse than peephole</pre>' in page


def test_a_note_is_shown_in_lines_and_told_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "retnet"]) == 0
    printed = capsys.readouterr().out
    assert "\nnote     Angles are those of xPos" in printed
    assert max(map(len, printed.partition("\nnote")[2].partition("\noptions")[0].split("\n"))) <= 80
    assert main(["show", "retnet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["note"] == view("retnet").note
    assert view("lstm").to_dict(3, 4)["note"] is None


def test_sources_name_their_code_by_owner_and_repository() -> None:
    codes = [text.partition("; code at ")[2] for text in sources().values()]
    named = [code for code in codes if code]
    assert len(named) > 40
    wrong = [code for code in named if not re.fullmatch(r"github\.com/[\w-]+/[\w.-]+", code)]
    assert not wrong


def test_cells_that_ran_beside_their_authors_code_have_a_source_that_names_it() -> None:
    page = (ROOT / "docs/language.md").read_text().partition("### Whether a cell is its paper's")[2]
    ran = re.findall(r"`(\w+)`", page.partition("Both were also run")[2].partition("\n")[0])
    assert ran == sorted(ran)
    without = [name for name in ran if not any("; code at " in text for text in view(name).source)]
    assert not without


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cells", "--family", "lst"], "no family 'lst'\n  fix: did you mean 'lstm'?"),
        (["tasks", "--family", "lstm"], "only cells have a family"),
        (["--family", "lstm"], "only cells have a family"),
    ],
)
def test_a_family_that_is_not_there_is_said(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_a_cell_stands_behind_the_one_that_it_extends() -> None:
    sections = {section.family: section.cells for section in families([*map(view, NAMES)])}
    assert [*sections] == [family for family in FAMILIES if family in sections]
    lineage = [(cell.name, depth) for cell, depth in sections["lstm"]]
    names = [name for name, _ in lineage]
    assert sorted(names) == [name for name in NAMES if view(name).family == "lstm"]
    depths = dict(lineage)
    for cell, depth in sections["lstm"]:
        if cell.parent is not None and cell.parent.name in depths:
            assert depth == depths[cell.parent.name] + 1
            assert names.index(cell.name) > names.index(cell.parent.name)
        else:
            assert depth == 0


def test_cells_without_a_family_come_last() -> None:
    own = lang.parse_text("name: own\nequations: |\n  h = tanh(W @ x + R @ h[t-1] + b)\n")
    sections = families([lang.view.CellView(own), view("rnn")])
    assert [section.family for section in sections] == ["simple", ""]


def test_every_family_is_in_the_docs() -> None:
    page = (ROOT / "docs/language.md").read_text().partition("### Families")[2]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|$", page.partition("\n## ")[0], re.M))
    assert rows == FAMILIES


def test_a_family_or_a_year_that_cannot_be_is_a_mistake() -> None:
    with pytest.raises(SpecError) as caught:
        parse_cell(CELL.format("family: lstn\nyear: 97\n"))
    assert [mistake.problem for mistake in caught.value.mistakes] == [
        "`family` cannot be 'lstn'",
        "`year` is 97, below its least value 1940",
    ]
