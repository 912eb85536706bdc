"""What specs and tasks say is text wherever it is shown: on pages, on terminals, in pictures, in
MLflow.
"""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from markupsafe import escape
from rich.console import Console

from rnnzoo import lang, report
from rnnzoo.api.going_on import plain
from rnnzoo.api.value import Plan
from rnnzoo.cli import main
from rnnzoo.cli.plan import _print_plan
from rnnzoo.lang.view import CellView
from rnnzoo.report import figures
from rnnzoo.report.gallery import cell_page
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.sweep.longer import Ahead
from rnnzoo.terminal.console import plain_console
from rnnzoo.trackers.mlflow import NOTE, MlflowTracker, markdown
from tests.report.test_report import results, task

TAG, STYLE, LINK = "<script>alert(1)</script>", "[red]x[/red]", "[/]"
HOSTILE = f"{TAG} & {STYLE} {LINK} \\"
CELL = f"""\
name: evil
title: '{HOSTILE}'
source: ['{HOSTILE}']
equations: |
  h = tanh(W @ x + R @ h[t-1])
"""
SPEC = f"""\
experiment: gates
about: '{HOSTILE}'
task: adding
variants: [lstm, gru, rnn, {{name: broken, cell: rnn}}]
search: {{trials: 6}}
select: {{keep: 3}}
claims: [{{claim: rnn worse than lstm, note: '{HOSTILE}'}}]
"""


@pytest.fixture
def summary() -> report.Summary:
    """A summary in which all that can be said is hostile, also what only a task's author says."""
    experiment = parse_experiment(SPEC, "gates.yaml", Path())
    hostile = replace(task(), metric=HOSTILE, unit=HOSTILE, note=HOSTILE, baselines={HOSTILE: 9.5})
    summary = report.summarise(experiment, results(), {"adding": hostile}, 6)
    (table,) = summary.tables
    rows = tuple(replace(row, title=HOSTILE) for row in table.rows)
    return replace(summary, tables=(replace(table, rows=rows),))


@pytest.fixture
def cells() -> dict[str, CellView]:
    return dict.fromkeys(("lstm", "gru", "rnn", "broken"), CellView(lang.parse_text(CELL)))


def test_a_cell_or_an_experiment_is_no_part_of_a_page(
    summary: report.Summary, cells: dict[str, CellView], tmp_path: Path
) -> None:
    report.write(summary, cells, tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<script") == 1  # our own, which takes what it shows from the page's text
    assert TAG not in page
    text = escape(HOSTILE)
    for place in (
        f'<p class="lead">{text}</p>',  # about
        f"({text})",  # the note of a claim
        f"<td>{text}</td>",  # a baseline
        f'.5rem">{text}</p>',  # a title
        f"<li>{text} <span",  # a source
    ):
        assert place in page


def test_what_is_known_of_a_cell_is_no_part_of_its_page() -> None:
    cell = CellView(lang.parse_text(CELL), claim=HOSTILE, note=HOSTILE, comments={"h": HOSTILE})
    page = cell_page(cell)
    assert page.count("<script") == 2  # what the page computes with, and its data
    assert page.count("alert(1)") == page.count("&lt;script&gt;alert(1)")
    text = escape(HOSTILE)
    for place in (
        f'aria-label="The claim as YAML">{text}<',
        f"<p>{text}</p>",
        f"<li>{text}</li>",
        f'class="soft">{text}</span>',
    ):
        assert place in page


def test_pictures_hold_it_as_text(summary: report.Summary) -> None:
    for picture in figures.draw(summary).values():
        drawn = ElementTree.fromstring(picture)
        assert not [element for element in drawn.iter() if element.tag.endswith("script")]
        assert TAG in "".join(drawn.itertext())


def test_a_notebook_shows_it_as_text(cells: dict[str, CellView]) -> None:
    shown = cells["lstm"]._repr_html_()
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


def test_a_notebook_shows_experiments_plans_and_verdicts_as_text(summary: report.Summary) -> None:
    experiment = parse_experiment(SPEC, "gates.yaml", Path())
    study = {"task": HOSTILE, "variant": HOSTILE, "left": 1, "planned": 2}
    plan = Plan(experiment=HOSTILE, studies=[study], hours=None)
    verdict = replace(summary.verdicts[0], answer=HOSTILE, detail=HOSTILE)
    for value in (experiment, plan, verdict):
        shown = value._repr_html_()
        assert TAG not in shown
        assert escape(HOSTILE) in shown


def test_the_ranking_on_a_terminal_reads_no_markup_in_it(summary: report.Summary) -> None:
    file = io.StringIO()
    report.show(summary, Console(file=file, width=400, force_terminal=True, color_system=None))
    assert file.getvalue().count(STYLE) >= 4


def test_commands_print_it_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    row = {
        "variant": STYLE,
        "task": LINK,
        "planned": 1,
        "left": 1,
        "weights": [1, 2],
        "seconds_per_step": None,
        "core_hours": None,
    }
    content = {
        "studies": [row, {**row, "task": STYLE}],
        "hours": None,
        "workers": 1,
        "earlier": plain(Ahead()),
        "elsewhere": {STYLE: 1},
        "shares": False,
    }
    _print_plan(content, plain_console())
    plain_console().print(f"report {STYLE}{LINK}")
    shown = capsys.readouterr().out
    assert shown.count(STYLE) == 5
    assert shown.count(LINK) == 2


def test_show_prints_a_title_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "evil.yaml"
    path.write_text(CELL)
    assert main(["show", str(path)]) == 0
    assert capsys.readouterr().out.startswith(f"evil: {HOSTILE}\n  {HOSTILE}\n")


MARKDOWN = {
    "*a* _b_ `c`": r"\*a\* \_b\_ \`c\`",
    "![x](http://example.org/x.png)": r"!\[x\](http://example.org/x.png)",
    TAG: "&lt;script&gt;alert(1)&lt;/script&gt;",
    "# a": r"\# a",
    "- a\n- b": r"\- a - b",
    "12. a": r"12\. a",
    "| a | b |": r"\| a \| b \|",
    "Which gates does an LSTM need? A small Greff et al. 2015.": (
        "Which gates does an LSTM need? A small Greff et al. 2015."
    ),
}


@pytest.mark.parametrize(("text", "escaped"), MARKDOWN.items())
def test_markdown_in_a_sentence_is_a_sentence(text: str, escaped: str) -> None:
    assert markdown(text) == escaped


def test_a_long_sentence_still_fits_into_a_note() -> None:
    assert len(markdown("&" * 2000)) == NOTE


def test_mlflow_gets_a_description_that_it_shows_as_it_is(tmp_path: Path) -> None:
    tracker = MlflowTracker(f"sqlite:///{tmp_path}/mlflow.db", str(tmp_path / "artifacts"))
    for about in (HOSTILE, "&" * 2000):
        tracker.open("evil", about, {})
        tags = tracker.client.get_experiment_by_name("evil").tags
        assert tags["mlflow.note.content"] == markdown(about)
