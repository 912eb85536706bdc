"""From results to numbers, pictures and a page."""

from __future__ import annotations

import html
import io
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from xml.etree import ElementTree

import numpy as np
import pytest
from rich.console import Console

from rnnzoo import lang, report
from rnnzoo.lang.view import CellView
from rnnzoo.report import figures, paper
from rnnzoo.report import text as report_text
from rnnzoo.report.alt import alt_texts
from rnnzoo.report.html import page as as_html
from rnnzoo.report.learnt import Nothing, exhausted, nothing
from rnnzoo.signals import asked_to_end
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Ending, Kind, Outcome, Result, Trial
from rnnzoo.stats.ranks import rank
from rnnzoo.tasks import Task
from tests.report import confirming

pytestmark = pytest.mark.usefixtures("small_forests")

USUAL = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
EVIL = "<script>alert('x')</script>"
SPEC = f"""\
experiment: gates
about: "{EVIL} & more"
task: adding
variants: [lstm, gru, rnn, {{name: "broken", cell: rnn}}]
search: {{trials: 6}}
select: {{keep: 3}}
claims: [rnn worse than lstm]
"""


def results(spec: str = SPEC) -> list[Result]:
    """lstm: six complete; gru: two diverged; rnn: two complete; broken: none."""
    made = []
    rng = np.random.default_rng(0)
    for variant, kinds in {
        "lstm": [Kind.COMPLETE] * 6,
        "gru": [Kind.COMPLETE] * 4 + [Kind.DIVERGED] * 2,
        "rnn": [Kind.COMPLETE] * 2 + [Kind.PRUNED] * 4,
        "broken": [Kind.FAILED] * 6,
    }.items():
        for index, kind in enumerate(kinds):
            score = 1.0 + 0.1 * index
            scores = (
                {"train": 0.5, "validation": score, "test": 10 - score}
                if kind is Kind.COMPLETE
                else {}
            )
            curve = tuple(
                {"epoch": n, "train": 3 / n, "validation": 3 / n + rng.random(), "seconds": 0.1}
                for n in range(1, 6)
            )
            trial = Trial(
                "gates",
                variant,
                "",
                "adding",
                index,
                {"units": 4, "learning_rate": 0.1},
                seed=index,
            )
            outcome = Outcome(
                kind,
                scores,
                curve,
                {"recurrent": 40},
                5,
                {"total": 2.0 + index},
                "" if scores else "because",
            )
            made.append(Result(trial, outcome, f"gates/{variant}/adding/abc"))
    return made


def task() -> Task:
    made = confirming.task("mean squared error")
    return replace(made, metric="mse", note=f"note {EVIL}")


def summary(given: list[Result] | None = None) -> report.Summary:
    experiment = parse_experiment(SPEC, "gates.yaml", Path())
    return report.summarise(
        experiment, results() if given is None else given, {"adding": task()}, 6
    )


def cells() -> dict[str, CellView]:
    return {
        name: CellView(lang.load(cell))
        for name, cell in (("lstm", "lstm"), ("gru", "gru"), ("rnn", "clockwork"))
    }


def test_the_best_are_chosen_on_validation_and_reported_on_test() -> None:
    rows = {row.variant: row for row in summary().tables[0].rows}
    lstm = rows["lstm"]  # validation 1.0 ... 1.5, test 9.0 ... 8.5: the choice is not by test
    assert lstm.mean == pytest.approx((9.0 + 8.9 + 8.8) / 3)
    assert lstm.best is not None
    assert (lstm.best.selected_by, lstm.best.score) == (1.0, 9.0)
    assert [point.kept for point in lstm.points] == [True] * 3 + [False] * 3
    assert lstm.interval is not None
    assert lstm.interval[0] <= lstm.mean <= lstm.interval[1]
    assert lstm.seconds == pytest.approx(4.5)


def test_a_cell_on_the_page_has_the_title_of_its_variant() -> None:
    made = summary()
    (table,) = made.tables
    title = "Long short-term memory, init {b_f: 0}"
    rows = tuple(replace(row, title=title) if row.variant == "lstm" else row for row in table.rows)
    page = as_html(replace(made, tables=(replace(table, rows=rows),)), cells(), {})
    (card,) = re.findall(r"<h3>lstm</h3>\n<p[^>]*>(.*?)</p>", page)
    assert card == title


def test_every_trial_counts_in_its_kind() -> None:
    rows = {row.variant: row for row in summary().tables[0].rows}
    assert all(sum(row.counts.values()) == 6 for row in rows.values())
    assert rows["gru"].counts["diverged"] == 2
    assert rows["rnn"].counts["pruned"] == 4
    assert rows["broken"].counts["failed"] == 6


def test_the_page_says_how_many_trials_the_first_and_the_last_variant_has() -> None:
    uneven = [
        result for result in results() if (result.trial.variant, result.trial.index) != ("gru", 5)
    ]
    for given, words in ((results(), "6"), (uneven, "5 to 6"), ([], "0")):
        page = as_html(summary(given), cells(), {})
        assert f"\n{words} trials each, searched by" in page


@pytest.mark.parametrize("trials", [6, 8])
def test_a_variant_that_was_stopped_says_so_where_trials_are_left_of_it(
    trials: int, tmp_path: Path
) -> None:
    """Its row, on the page and on a terminal: when, after how many trials, what goes on."""
    experiment = parse_experiment(SPEC, "gates.yaml", Path())
    when = "2026-11-28T08:20:31+00:00"
    stopped = {"gates/gru/adding/abc": when}
    made = report.summarise(experiment, results(), {"adding": task()}, trials, stopped=stopped)
    rows = {row.variant: row.stopped for row in made.tables[0].rows}
    assert [label for label, stop in rows.items() if stop] == (["gru"] if trials == 8 else [])
    report.write(made, cells(), tmp_path)
    page, out = (tmp_path / "report.html").read_text(), io.StringIO()
    report.show(made, Console(file=out, width=80))
    printed = " ".join(out.getvalue().split())
    said = (
        "stopped by {0}rnnzoo ctl{1} on 2026-11-28 08:20, after 6 of 8 trials, so verdicts about it"
        " are incomplete; the next {0}rnnzoo.run(&#x27;gates.yaml&#x27;){1} goes on with it"
    )
    assert (said.format("<code>", "</code>") in page) == (trials == 8)
    terminal = said.format("`", "`").replace("&#x27;", "'")
    assert (f"gru: {terminal}" in printed) == (trials == 8)


def test_too_few_complete_trials_have_no_interval_and_none_have_no_rank() -> None:
    rows = summary().tables[0].rows
    assert [row.variant for row in rows][-1] == "broken"
    named = {row.variant: row for row in rows}
    assert named["rnn"].kept == 2
    assert named["rnn"].interval is None
    assert named["rnn"].mean is not None
    assert named["broken"].mean is None


def test_the_share_that_solves_a_task_counts_every_trial_with_its_exact_interval(
    tmp_path: Path,
) -> None:
    experiment = parse_experiment(
        SPEC.replace("rnn worse than", "rnn solves adding more often than"), "g.yaml", Path()
    )
    summarised = report.summarise(
        experiment, results(), {"adding": replace(task(), solved=8.75)}, 6
    )
    rows = {row.variant: row.solved for row in summarised.tables[0].rows}  # test 9.0, 8.9, ..., 8.5
    assert {name: (solved.count, solved.trials) for name, solved in rows.items() if solved} == {
        "lstm": (3, 6), "gru": (1, 6), "rnn": (0, 6), "broken": (0, 6)
    }  # fmt: skip
    assert rows["broken"] is not None
    assert (rows["broken"].low, rows["broken"].high) == pytest.approx((0.0, 1 - 0.025 ** (1 / 6)))
    (verdict,) = summarised.verdicts
    assert verdict.detail.startswith(
        "rnn solves it in 0 of 6 (0 % to 46 %), lstm solves it in 3 of 6 (12 % to 88 %): 50"
        " percentage points less"
    )
    console = Console(width=80, record=True, file=io.StringIO())
    report.show(summarised, console)
    assert "gru: 1 of 6 (0 % to 64 %)" in console.export_text()
    report.write(summarised, cells(), tmp_path)
    assert '3 of 6 <span class="note">12 to 88 %</span>' in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("width", [60, 71, 80, 93])
def test_answers_on_a_terminal_break_at_no_percent_sign_and_end_without_spaces(width: int) -> None:
    text = SPEC.replace("rnn worse than", "rnn solves adding more often than")
    experiment = parse_experiment(text, "g.yaml", Path())
    tasks = {"adding": replace(task(), solved=8.75)}
    out = io.StringIO()
    report.show(report.summarise(experiment, results(), tasks, 6), Console(file=out, width=width))
    answers = out.getvalue().partition("adding: ")[0].splitlines()
    assert "rnn solves it in 0 of 6 (0 % to 46 %), lstm solves" in " ".join(
        " ".join(answers).split()
    )
    for line in answers:
        assert len(line) <= width
        assert line == line.rstrip()
        assert not line.lstrip().startswith("%")


def test_scores_by_length_are_means_of_the_kept_trials_on_the_terminal_and_on_the_page(
    tmp_path: Path,
) -> None:
    def scored(result: Result) -> Result:
        scores = {"40": 0.1 * (result.trial.index + 1), "320": 0.5, "80": 0.25}
        complete = result.outcome.kind is Kind.COMPLETE
        return replace(
            result, outcome=replace(result.outcome, by_length=scores if complete else {})
        )

    assert not any(table.lengths for table in summary().tables)
    summarised = summary([scored(result) for result in results()])
    (table,) = summarised.tables
    rows = {row.variant: row.by_length for row in table.rows}
    assert table.lengths == ["40", "80", "320"]
    assert rows["lstm"] == pytest.approx({"40": (0.1 + 0.2 + 0.3) / 3, "80": 0.25, "320": 0.5})
    assert rows["rnn"]["40"] == pytest.approx((0.1 + 0.2) / 2)
    assert rows["broken"] == {}
    console = Console(width=80, record=True, file=io.StringIO())
    report.show(summarised, console)
    lines = [line.split() for line in console.export_text().splitlines()]
    assert ["length", "40", "80", "320"] in lines
    assert ["lstm", "0.200", "0.250", "0.500"] in lines
    report.write(summarised, cells(), tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert '<th scope="col">40</th><th scope="col">80</th><th scope="col">320</th>' in page
    assert "<td>0.200</td><td>0.250</td><td>0.500</td>" in page
    (told,) = re.findall('mse on test from the shortest to the longest sequences: ([^"]*)', page)
    assert "lstm 0.200, 0.500; " in told


def test_a_claim_about_diverging_counts_what_diverged_or_completed_and_answers_in_a_sentence(
    tmp_path: Path,
) -> None:
    experiment = parse_experiment(
        SPEC.replace("rnn worse than", "gru diverges more often than"), "g.yaml", Path()
    )
    summarised = report.summarise(experiment, results(), {"adding": task()}, 6)
    (verdict,) = summarised.verdicts
    assert (
        verdict.numbers["diverged_a"],
        verdict.numbers["trials_a"],
        verdict.numbers["diverged_b"],
    ) == (2, 6, 0)
    assert verdict.answer == (
        "Whether gru (gated recurrent unit, reset before the product) diverges more often than"
        " lstm (long short-term memory) stays open: 2 of 6 trainings against 0 of 6"
    )
    assert "& +33 &" in paper.latex(summarised)
    assert "\\+33" not in paper.markdown(summarised)
    assert "less the second, in percentage points of trainings;" in paper.latex(summarised)
    report.write(summarised, cells(), tmp_path)
    assert verdict.answer in (tmp_path / "report.html").read_text()
    assert json.loads((tmp_path / "summary.json").read_text())["verdicts"][0]["scale"] == "share"
    pruned = parse_experiment(
        SPEC.replace("rnn worse than", "rnn diverges more often than"), "g.yaml", Path()
    )
    (verdict,) = report.summarise(pruned, results(), {"adding": task()}, 6).verdicts
    assert "rnn diverged in 0 of 2 (0 % to 84 %)" in verdict.detail
    assert verdict.detail.endswith("not counted of rnn: 4 pruned")


def test_a_page_explains_the_tests_that_it_used_and_no_others(tmp_path: Path) -> None:
    explained = {
        "gru worse than": "exchanging the labels of all trials",
        "rnn diverges more often than": "Boschloo 1970",
        "weights of rnn below 90% of": "",
    }
    for form, words in explained.items():
        text = SPEC.replace("rnn worse than", form)
        summarised = report.summarise(
            parse_experiment(text, "g.yaml", Path()), results(), {"adding": task()}, 6
        )
        report.write(summarised, cells(), tmp_path)
        page = (tmp_path / "report.html").read_text()
        assert [other for other in explained.values() if other and other in page] == [words] * bool(
            words
        )
        assert ("Holm 1979" in page) == bool(words)


def test_no_interval_of_a_share_of_wrong_answers_leaves_0_to_1() -> None:
    experiment = parse_experiment(SPEC, "g.yaml", Path())
    small = []
    for result in results():
        scores = {split: score / 9.0 for split, score in result.outcome.scores.items()}
        small.append(replace(result, outcome=replace(result.outcome, scores=scores)))
    highest = {}
    for metric in ("mse", "error"):
        summarised = report.summarise(
            experiment, small, {"adding": replace(task(), metric=metric)}, 6
        )
        intervals = [row.interval for row in summarised.tables[0].rows if row.interval]
        assert min(low for low, _ in intervals) >= 0.0
        highest[metric] = max(high for _, high in intervals)
    assert highest["mse"] > 1.0
    assert highest["error"] == 1.0


def test_rows_of_other_units_each_say_theirs_in_a_table_for_papers() -> None:
    claims = (
        "claims: [gru worse than lstm, gru diverges more often than lstm, weights of gru below"
        " 90% of lstm]\n"
    )
    experiment = parse_experiment(SPEC[: SPEC.index("claims")] + claims, "g.yaml", Path())
    summarised = report.summarise(experiment, results(), {"adding": task()}, 6)
    timing = replace(
        summarised.verdicts[0], scale="times", numbers={"ratio_lowest": 1.5, "ratio_highest": 1.5}
    )
    table = paper.latex(replace(summarised, verdicts=(*summarised.verdicts, timing)))
    rows = [
        line.split(" & ")
        for line in table.splitlines()
        if line.startswith(("gru worse", "gru diverges", "weights of"))
    ]
    assert [row[4] for row in rows] == [
        "mean squared error",
        "percentage points of trainings",
        "",
        "times",
    ]
    assert [row[2] for row in rows][1:] == ["+33", "", "1.50 times"]
    assert "less the second, in the unit of each row; lower" in table
    assert "in mean squared error" not in table.partition("\\end{table}")[0]
    assert "| claim | verdict | difference | interval | unit | trainings |" in paper.markdown(
        summarised
    )
    alone = paper.latex(replace(summarised, verdicts=(timing,)))
    assert "Differences are" not in alone
    assert "How many times as fast is the median over the rounds." in alone


def test_who_is_not_better_than_what_learns_nothing_is_marked_and_counted(tmp_path: Path) -> None:
    stopped = [
        replace(result, outcome=replace(result.outcome, ending=Ending.PATIENCE))
        if result.trial.index < 2
        else result
        for result in results()
    ]
    experiment = parse_experiment(SPEC, "gates.yaml", Path())
    summarised = report.summarise(
        experiment, stopped, {"adding": replace(task(), baselines={"key": 8.95, "other": 9.9})}, 6
    )
    # test 9.0, 8.9, 8.8, ...; 8.95 less 1 % is 8.86
    rows = {row.variant: row for row in summarised.tables[0].rows}
    assert {name: (row.idle, row.never, row.never_by_patience) for name, row in rows.items()} == {
        "lstm": (True, 2, 2), "gru": (True, 2, 2), "rnn": (True, 2, 2), "broken": (False, 0, 0)
    }  # fmt: skip
    console = Console(width=80, record=True, file=io.StringIO())
    report.show(summarised, console)
    text = console.export_text()
    assert "gru: 2 diverged, 2 trials never better than key (2 ended by patience there)" in text
    assert "lstm: not clearly better than key, which learns nothing" in text
    narrow = Console(width=50, record=True, file=io.StringIO())
    report.show(summarised, narrow)
    folded = "  lstm: not clearly better than key, which learns\n    nothing\n"
    assert folded in narrow.export_text()
    report.write(summarised, cells(), tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert page.count('<span class="idle">not clearly better than key</span>') == 3
    assert '<th scope="col">ended by patience there</th>' in page


def test_whoever_might_have_learnt_nothing_by_its_interval_is_marked() -> None:
    lstm, *_ = summary().tables[0].rows
    assert lstm.mean is not None
    assert lstm.interval is not None
    between = (lstm.mean + lstm.interval[1]) / 2
    for baseline, marked in ((1.02 * lstm.interval[1], False), (between / 0.98, True)):
        summarised = report.summarise(
            parse_experiment(SPEC, "gates.yaml", Path()),
            results(),
            {"adding": replace(task(), baselines={"key": baseline})},
            6,
        )
        row, *_ = summarised.tables[0].rows
        assert row.mean < summarised.tables[0].nothing.score
        assert row.idle is marked
        assert summarised.to_dict()["tables"][0]["rows"][0]["idle"] is marked


@pytest.mark.parametrize(
    ("intervals", "clearly"),
    [
        ([(0.392, 0.912)], False),  # of a mean of 0.652
        ([(0.592, 0.712)], True),
        ([(0.392, 0.912), (0.6, 0.7)], True),  # that of the rounds tells
        ([(0.592, 0.712), (0.4, 0.9)], True),
        ([None, None], True),
        ([], True),
    ],
)
def test_the_interval_says_whether_a_baseline_is_clearly_beaten(
    intervals: list[tuple[float, float] | None], clearly: bool
) -> None:
    assert Nothing("most frequent class", 0.736).clearly_beaten(0.652, *intervals) is clearly
    assert not Nothing("most frequent class", 0.736).clearly_beaten(0.74)


@pytest.mark.parametrize(
    ("baselines", "solved", "score"),
    [({"always 1": 0.165}, 0.01, 0.01), ({"a": 0.5, "b": 0.25}, None, 0.00025), ({}, None, 0.0)],
)
def test_a_task_is_exhausted_where_it_is_solved_or_almost_nothing_is_left(
    baselines: dict[str, float], solved: float | None, score: float
) -> None:
    assert exhausted(baselines, solved) == score


def test_who_is_better_than_what_learns_nothing_is_not_marked() -> None:
    assert not any(row.idle or row.never for row in summary().tables[0].rows)


@pytest.mark.parametrize(
    ("baseline", "solved", "score", "beaten"),
    [
        (0.160, 0.01, 0.158, False), (0.160, 0.01, 0.14, True), (0.736, 0.05, 0.712, False),
        (0.520, 0.052, 0.446, True), (10.49, None, 10.45, False), (10.49, None, 10.3, True),
    ],
)  # fmt: skip
def test_a_score_on_the_plateau_does_not_beat_what_learns_nothing(
    baseline: float, solved: float | None, score: float, beaten: bool
) -> None:
    best = nothing({"worse": 99.0, "best": baseline}, solved)
    assert best is not None
    assert (best.name, best.beaten(score)) == ("best", beaten)


def test_the_interval_of_a_variant_redraws_its_search_and_not_only_the_kept_trials() -> None:
    lstm = next(row for row in summary().tables[0].rows if row.variant == "lstm")
    kept = [point.score for point in lstm.points if point.kept]
    assert lstm.interval is not None
    assert lstm.interval[1] - lstm.interval[0] > max(kept) - min(kept)


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ("{trials: 6, sampler: tpe}", "'tpe' goes by the trials before"),
        ("{trials: 6, pruner: median}", "'median' prunes by the trials before"),
        ("{trials: 6}", ""),
    ],
)
def test_trials_that_depend_on_each_other_are_told_beside_the_verdicts(
    search: str, words: str, tmp_path: Path
) -> None:
    experiment = parse_experiment(SPEC.replace("{trials: 6}", search), "gates.yaml", Path())
    summarised = report.summarise(experiment, results(), {"adding": task()}, 6)
    console = Console(width=300, record=True, file=io.StringIO())
    report.show(summarised, console)
    text = console.export_text()
    assert ("warning:" in text) == bool(words)
    assert words in text
    report.write(summarised, cells(), tmp_path)
    assert words in html.unescape((tmp_path / "report.html").read_text())


def test_results_of_another_task_or_variant_are_left_out() -> None:
    stray = [
        Result(result.trial, result.outcome, "gates/other/adding/abc") for result in results()[:3]
    ]
    assert summary([*results(), *stray]) == summary()


def test_the_ranking_reads_in_80_columns_and_says_what_did_not_complete() -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    report.show(summary(), console)
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 80
    for words in (
        "mean of 3",
        "8.950 of 2",  # of rnn, which has no third
        "always 1: 9.500",
        "gru: 2 diverged",
        "rnn: only 2 complete",
        "broken: 6 failed",
        "rnn worse than lstm",
    ):
        assert words in text


def test_the_page_stands_alone_and_escapes_what_specs_say(tmp_path: Path) -> None:
    files = report.write(summary(), cells(), tmp_path)
    names = {path.name for path in files}
    assert names == {"report.html", "summary.json", "distribution.svg", "curves.svg", "tuning.svg"}
    page = (tmp_path / "report.html").read_text()
    assert EVIL not in page
    assert page.count("&lt;script&gt;") >= 2
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "<math" in page
    for kind in ("diverged", "pruned", "failed"):
        assert f">{kind}<" in page
    assert ">8.950 (of 2)<" in page  # of rnn, where others have a mean of 3
    assert json.loads((tmp_path / "summary.json").read_text())["tables"][0]["keep"] == 3


def test_pictures_are_svg_with_text_and_tell_how_many_lie_beyond_the_edge() -> None:
    far = [
        Result(
            result.trial,
            Outcome(Kind.COMPLETE, {**result.outcome.scores, "test": 1e6}, result.outcome.curve),
            result.study,
        )
        if result.trial.variant == "lstm" and result.trial.index == 5
        else result
        for result in results()
    ]
    pictures = figures.draw(summary(far))
    assert set(pictures) == {"distribution", "curves", "tuning"}
    for text in pictures.values():
        ElementTree.fromstring(text)
        assert ">lstm<" in text
    assert "1 more" in pictures["distribution"]
    assert ">always 1<" in pictures["distribution"]


def test_a_text_for_a_picture_lists_true_and_false_and_gives_numbers_a_range() -> None:
    given = [
        replace(
            result,
            trial=replace(
                result.trial,
                hyperparameters={"bidirectional": bool(number % 2), "units": 4 + number},
            ),
        )
        for number, result in enumerate(results())
    ]
    text = alt_texts(summary(given))["parallel"]
    assert "bidirectional False, True" in text
    assert "units 4 to 17" in text


def test_without_any_complete_trial_there_is_a_page_and_no_picture(tmp_path: Path) -> None:
    failed = [result for result in results() if result.trial.variant == "broken"]
    assert figures.draw(summary(failed)) == {}
    report.write(summary(failed), cells(), tmp_path)
    assert "No trial is complete yet" in (tmp_path / "report.html").read_text()
    report.write(summary([]), cells(), tmp_path / "empty")


def test_a_single_trial_can_be_drawn() -> None:
    assert figures.draw(summary(results()[:1]))["curves"].startswith("<svg")


def test_kept_trials_on_fresh_seeds_stand_beside_the_search_and_not_in_it(tmp_path: Path) -> None:
    again = [
        Result(
            Trial("gates", "lstm", "", "adding", index, {"units": 4}, seed=99 + number),
            Outcome(
                Kind.COMPLETE if index else Kind.DIVERGED, {"test": 9.5 + number} if index else {}
            ),
            f"gates/lstm~{number}/adding/abc",
        )
        for number in (1, 2)
        for index in range(3)
    ]
    summarised = summary([*results(), *again])
    row = next(row for row in summarised.tables[0].rows if row.variant == "lstm")
    plain = next(row for row in summary().tables[0].rows if row.variant == "lstm")
    assert (row.points, row.counts, row.mean) == (plain.points, plain.counts, plain.mean)
    assert row.again is not None
    assert (row.again.mean, row.again.runs, row.again.complete) == (pytest.approx(11.0), 6, 4)
    console = Console(width=80, record=True, file=io.StringIO())
    report.show(summarised, console)
    assert "the same trials on fresh seeds: lstm 11.000" in console.export_text()
    experiment = parse_experiment(
        SPEC.replace("keep: 3", "keep: 3, replicates: 2"), "gates.yaml", Path()
    )
    report.write(
        report.summarise(experiment, [*results(), *again], {"adding": task()}, 6), cells(), tmp_path
    )
    page = (tmp_path / "report.html").read_text()
    assert "on fresh seeds" in page
    assert "11.000 (4 of 6)" in page


def test_headline_numbers_are_the_means() -> None:
    numbers = report.numbers(summary())
    assert set(numbers) == {"lstm", "gru", "rnn"}
    assert numbers["lstm"] == pytest.approx(8.9)


# as for a user who is not root
READ_ONLY = "import os; os.access = lambda *_, **__: False; "


@pytest.mark.slow  # Matplotlib looks for all fonts anew
@pytest.mark.parametrize(
    ("name", "first"), [("file", ""), ("folder", READ_ONLY)], ids=["file", "folder"]
)
def test_pictures_are_drawn_without_a_word_where_the_home_folder_cannot_be_written(
    name: str, first: str, tmp_path: Path
) -> None:
    """Matplotlib would say where its cache is, and advise."""
    nowhere = str(tmp_path / name)
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    environment = {
        **os.environ,
        "HOME": nowhere,
        "XDG_CACHE_HOME": nowhere,
        "XDG_CONFIG_HOME": nowhere,
    }
    environment.pop("MPLCONFIGDIR", None)
    done = subprocess.run(
        [sys.executable, "-c", f"{first}import rnnzoo.report.figures"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""


def test_before_the_first_trial_the_page_has_no_empty_table(tmp_path: Path) -> None:
    report.write(summary([]), cells(), tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "None has ended yet." in page
    assert "Best hyper-parameters" not in page
    assert not re.search(r"<tbody>\s*</tbody>", page)


def test_an_interval_whose_ends_look_alike_is_one_number(tmp_path: Path) -> None:
    experiment = parse_experiment(SPEC, "g.yaml", Path())
    alike = []
    for result in results():
        scores = dict.fromkeys(result.outcome.scores, 0.25)
        alike.append(replace(result, outcome=replace(result.outcome, scores=scores)))
    summarised = report.summarise(experiment, alike, {"adding": task()}, 6)
    assert next(row.interval for row in summarised.tables[0].rows if row.variant == "lstm") == (
        0.25,
        0.25,
    )
    console = Console(width=80, record=True, file=io.StringIO())
    report.show(summarised, console)
    report.write(summarised, cells(), tmp_path)
    page = (tmp_path / "report.html").read_text()
    for text in (console.export_text(), page, paper.latex(summarised), paper.markdown(summarised)):
        assert "0.250" in text
        assert "0.250 - 0.250" not in text
        assert "0.250 to 0.250" not in text


@pytest.mark.parametrize(
    ("bounds", "shown"),
    [
        ((0.00599, 0.0234), "0.006 to 0.023"),
        ((-0.004, 0.5), "-0.004 to 0.500"),
        ((1e-5, 2e-4), "0.000010 to 0.000200"),
        ((1e-6, 2e-5), "1.00e-06 to 2.00e-05"),
        ((0.0, 0.02), "0.000 to 0.020"),
        ((0.0, 0.002), "0.00000 to 0.00200"),
        (None, ""),
    ],
)
def test_both_ends_of_an_interval_are_written_in_one_form(
    bounds: tuple[float, float] | None, shown: str
) -> None:
    assert report_text.interval(bounds) == shown


def test_the_numbers_of_a_report_are_json_also_where_a_statistic_is_infinite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnnzoo.report.figures.draw", lambda _: {})
    monkeypatch.setattr("rnnzoo.report.html.page", lambda *_: "")
    alike = rank(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), ["a", "b", "c"])
    assert alike.f == np.inf  # they rank alike on both tasks
    report.write(replace(summary(), ranks=alike), cells(), tmp_path)
    written = json.loads((tmp_path / "summary.json").read_text(), parse_constant=pytest.fail)
    assert written["ranks"]["f"] is None
    assert written["ranks"]["average"] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_report_that_is_ended_while_it_is_written_has_whole_files_and_is_written_anew(
    number: int, place: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["curves.svg", "report.html", "summary.json"]
    for name in names:
        (tmp_path / name).write_text("old")
    monkeypatch.setattr("rnnzoo.report.figures.draw", lambda _: {"curves": "new"})
    monkeypatch.setattr("rnnzoo.report.html.page", lambda *_: "new")
    summary = cast("report.Summary", SimpleNamespace(to_dict=lambda: "new"))
    written, whole = iter(range(len(names))), Path.write_text

    def half(path: Path, text: str, encoding: str) -> int:
        if next(written) == place:
            whole(path, text[:1], encoding)
            os.kill(os.getpid(), number)
        return whole(path, text, encoding)

    before = signal.signal(number, USUAL[number])  # a test run of the background ignores SIGINT
    try:
        monkeypatch.setattr(Path, "write_text", half)
        with pytest.raises(KeyboardInterrupt), asked_to_end():
            report.write(summary, {}, tmp_path)
    finally:
        monkeypatch.setattr(Path, "write_text", whole)
        signal.signal(number, before)
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    texts = [(tmp_path / name).read_text().strip('"') for name in names]
    assert sorted(texts) == sorted(["new"] * place + ["old"] * (len(names) - place))
    report.write(summary, {}, tmp_path)
    assert {(tmp_path / name).read_text().strip('"') for name in names} == {"new"}
