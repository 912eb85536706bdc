"""What a notebook shows of values and of errors: `_repr_html_` and `_render_traceback_`, by which
Jupyter asks for it.
"""

from __future__ import annotations

import re
import runpy
from dataclasses import replace
from pathlib import Path

import pytest

import rnnzoo
from rnnzoo.api.value import Plan, Results
from rnnzoo.errors import UsageError
from rnnzoo.report.verdict import Verdict
from rnnzoo.spec.read_experiment import parse_experiment
from tests.report.test_report import SPEC, results

STUDIES = [
    {"task": "adding", "variant": "lstm", "left": 4, "planned": 6},
    {"task": "adding", "variant": "gru", "left": 0, "planned": 6},
]


def rows(shown: str) -> list[list[str]]:
    """The text of each cell of a table's rows."""
    lines = re.findall(r"<tr>(.*?)</tr>", shown)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line) for line in lines]


def test_a_cell_shows_its_equations_at_a_prompt() -> None:
    assert repr(rnnzoo.cell("rnn")) == (
        "rnn: Simple recurrent network\n  h = tanh(W @ x + R @ h[t-1] + b)"
    )


def test_an_experiment_says_what_it_compares_and_claims() -> None:
    experiment = parse_experiment(SPEC, "gates.yaml", Path())
    assert rows(experiment._repr_html_()) == [
        ["tasks", "adding"],
        ["variants", "lstm, gru, rnn, broken"],
        ["search", "random, 6 trials of each"],
        ["claims", "rnn worse than lstm"],
    ]
    assert "<td>none</td>" in replace(experiment, claims=())._repr_html_()


def test_results_show_trials_and_the_best_of_each_variant() -> None:
    experiment = parse_experiment(SPEC, "gates.yaml", Path())
    shown = Results(experiment, tuple(results()), {}, {}, 6)._repr_html_()
    assert rows(shown) == [
        ["task", "variant", "trials", "best on validation", "its score on test"],
        ["adding", "lstm", "6", "1.0000", "9.0000"],
        ["adding", "gru", "6", "1.0000", "9.0000"],
        ["adding", "rnn", "6", "1.0000", "9.0000"],
        ["adding", "broken", "6", "none is complete", ""],
    ]


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        ([0.1, 2.0], "6 min to 2.0 h"),
        ([0.01, 0.01], "36 s"),
        (None, "how long it takes was not measured"),
    ],
)
def test_a_plan_shows_what_is_left_and_how_long_it_takes(
    hours: list[float] | None, words: str
) -> None:
    shown = Plan(experiment="gates", studies=STUDIES, hours=hours)._repr_html_()
    assert shown.startswith(f"<p><b>gates</b>: {words}</p>")
    assert rows(shown)[1:] == [["adding", "lstm", "4 of 6"], ["adding", "gru", "0 of 6"]]


def test_a_verdict_shows_its_word_before_its_answer() -> None:
    verdict = Verdict(
        "rnn worse than lstm", "adding", "undecided", "two trials are too few", "none"
    )
    assert verdict._repr_html_() == (
        "<p><b>undecided</b>: rnn worse than lstm</p><p><small>two trials are too few</small></p>"
    )


def test_an_undecided_verdict_shows_what_would_settle_it() -> None:
    verdict = Verdict(
        "rnn worse than lstm", "adding", "undecided", "too few", "none", settle="about 5 trials"
    )
    assert verdict._repr_html_().endswith("<p><small>to settle it: about 5 trials</small></p>")


def test_an_error_shows_the_line_of_the_cell_and_its_message_alone() -> None:
    cell = 'import rnnzoo\n\nrnnzoo.cell("lstmm")'
    with pytest.raises(UsageError) as raised:
        exec(compile(cell, "/nowhere/ipykernel_1/cell.py", "exec"), {})
    line, message = raised.value._render_traceback_()
    assert line.startswith("line 3: ")
    assert message == f"UsageError: {raised.value}"
    assert "did you mean 'lstm'?" in message


def test_an_error_of_a_module_of_ones_own_shows_its_file(tmp_path: Path) -> None:
    module = tmp_path / "mine.py"
    module.write_text('import rnnzoo\nrnnzoo.cell("lstmm")\n')
    with pytest.raises(UsageError) as raised:
        runpy.run_path(str(module))
    assert raised.value._render_traceback_()[0] == f'{module}, line 2: rnnzoo.cell("lstmm")'


def test_an_error_that_nobody_raised_shows_its_message() -> None:
    assert UsageError("no file", "write it")._render_traceback_() == [
        "UsageError: no file\n  fix: write it"
    ]
