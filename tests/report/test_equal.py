"""What stands beside a verdict: the trials of the search, compared at equal settings."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from rnnzoo import lang, report
from rnnzoo.lang.view import CellView
from rnnzoo.report.equal import LIMIT, beside
from rnnzoo.report.text import show
from rnnzoo.report.verdict import Verdict
from rnnzoo.spec import points
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Kind, Outcome, Result, Trial
from tests.report import confirming

pytestmark = pytest.mark.usefixtures("small_forests")

SPEC = """\
experiment: e
task: adding
variants: [lstm, gru, rnn]
search:
  trials: 16
  space: {units: {int: [16, 64]}, learning_rate: {float: [1e-3, 1e-1], log: true}}
select: {keep: 3}
claims: [rnn worse than lstm, rnn better than gru, gru same as lstm within 0.3]
"""
EFFECTS = {"lstm": 0.0, "gru": 0.0, "rnn": 0.3}


def searched(spec: str = SPEC, trials: int = 16) -> list[Result]:
    """A bowl over the learning rate, an effect and noise."""
    experiment, rng = parse_experiment(spec, "e.yaml", Path()), np.random.default_rng(0)
    results = []
    for variant in experiment.variants:
        for index in range(trials):
            setting = points.point(experiment.search, variant.space, variant.label, "adding", index)
            assert setting is not None
            quality = (math.log10(float(setting["learning_rate"])) + 2.0) ** 2 + EFFECTS.get(
                variant.label, 0.0
            )
            scores = {
                split: quality + rng.normal(0, 0.05) for split in ("train", "validation", "test")
            }
            trial = Trial("e", variant.label, "", "adding", index, setting, seed=index)
            outcome = Outcome(Kind.COMPLETE, scores, (), {"recurrent": 40}, 5, {"total": 2.0})
            results.append(Result(trial, outcome, f"e/{variant.label}/adding/abc"))
    return results


def told(spec: str = SPEC, results: list[Result] | None = None) -> list[Verdict]:
    """Verdicts that say nothing yet, with what stands beside them."""
    experiment = parse_experiment(spec, "e.yaml", Path())
    bare = [Verdict(claim.text, "adding", "undecided", "", "none") for claim in experiment.claims]
    return list(beside(experiment, searched(spec) if results is None else results, bare))


def summary(spec: str = SPEC) -> report.Summary:
    task = replace(confirming.task("mean squared error"), metric="mse")
    experiment = parse_experiment(spec, "e.yaml", Path())
    return report.summarise(experiment, searched(spec), {"adding": task}, 16)


def test_a_claim_about_two_variants_has_a_line_with_its_numbers_and_its_limit() -> None:
    worse, better, same = told()
    for verdict in (worse, better):
        assert verdict.equal_settings.startswith("at equal settings: worse by 0.")
        assert verdict.equal_settings.endswith(f", p below 0.001; {LIMIT}")
        assert verdict.numbers["equal_settings_low"] > 0.1
        assert abs(verdict.numbers["equal_settings_difference"] - 0.3) < 0.1
    assert ", within 0.3 with p below 0.001; " in same.equal_settings
    assert same.numbers["equal_settings_low"] <= 0.0 <= same.numbers["equal_settings_high"]
    assert worse.word == better.word == same.word == "undecided"


def test_a_difference_is_told_from_the_side_where_it_lies() -> None:
    (verdict,) = told(SPEC[: SPEC.index("claims")] + "claims: [lstm worse than rnn]\n")
    low, high = (verdict.numbers[f"equal_settings_{name}"] for name in ("low", "high"))
    assert verdict.equal_settings.startswith(
        f"at equal settings: better by {-verdict.numbers['equal_settings_difference']:.3f}"
        f" ({-high:.3f} to {-low:.3f}), p "
    )
    assert high < 0


def test_it_changes_no_verdict() -> None:
    with_it = summary().verdicts
    assert all(verdict.equal_settings for verdict in with_it)
    bare = [replace(verdict, equal_settings="") for verdict in with_it]
    experiment = parse_experiment(SPEC, "e.yaml", Path())
    again = beside(experiment, searched(), bare)
    assert [(verdict.word, verdict.p, verdict.detail, verdict.settle) for verdict in again] == [
        (verdict.word, verdict.p, verdict.detail, verdict.settle) for verdict in with_it
    ]


SPACE = "space: {units: {int: [16, 64]}, learning_rate: {float: [1e-3, 1e-1], log: true}}"


@pytest.mark.parametrize(
    "spec",
    [
        SPEC.replace(SPACE, "space: {units: 16, learning_rate: 0.01}"),
        SPEC.replace(
            "gru, rnn]", "{name: gru, space: {units: 20}}, {name: rnn, space: {units: 24}}]"
        ),
    ],
    ids=["nothing searched", "spaces differ"],
)
def test_where_it_cannot_be_said_nothing_is(spec: str) -> None:
    assert spec != SPEC
    assert [verdict.equal_settings for verdict in told(spec)] == ["", "", ""]
    assert all("equal_settings_p" not in verdict.numbers for verdict in told(spec))


def test_few_trials_and_trials_of_another_space_say_nothing() -> None:
    assert [verdict.equal_settings for verdict in told(results=searched(trials=3))] == [
        "",
        "",
        "",
    ]
    units = {"units": 4, "learning_rate": 0.01}
    elsewhere = [
        replace(result, trial=replace(result.trial, hyperparameters=units))
        for result in searched(trials=1)
    ]
    rest = [result for result in searched() if result.trial.index]
    assert [verdict.equal_settings for verdict in told(results=[*elsewhere, *rest])] == [
        "",
        "",
        "",
    ]


def test_other_claims_have_no_line() -> None:
    spec = (
        SPEC[: SPEC.index("claims")]
        + "margin: 0.1\nclaims: [no variant better than lstm, weights of gru below 90% of lstm]\n"
    )
    assert [verdict.equal_settings for verdict in told(spec)] == ["", ""]


def test_trainings_of_the_second_stage_are_left_out() -> None:
    fresh = [
        replace(
            result,
            study=result.study.replace("/rnn/", "/rnn@round/"),
            outcome=replace(result.outcome, scores={}),
        )
        for result in searched()
        if "/rnn/" in result.study
    ]
    assert told(results=[*searched(), *fresh]) == told()


def test_terminal_page_and_json_say_it(tmp_path: Path) -> None:
    summarised = summary()
    line = summarised.verdicts[0].equal_settings
    console = Console(width=300, record=True, file=io.StringIO())
    show(summarised, console)
    assert line in console.export_text()
    report.write(
        summarised, {name: CellView(lang.load(name)) for name in ("lstm", "gru", "rnn")}, tmp_path
    )
    assert f"A{line[1:]}." in (tmp_path / "report.html").read_text()
    assert (
        json.loads((tmp_path / "summary.json").read_text())["verdicts"][0]["equal_settings"] == line
    )


def test_beside_a_confirmed_claim_it_says_that_it_is_about_the_search() -> None:
    experiment = parse_experiment(SPEC, "e.yaml", Path())
    bare = [
        Verdict(claim.text, "adding", "supported", "", "t", confirmed=True)
        for claim in experiment.claims
    ]
    judged = beside(experiment, searched(), bare)
    assert all(
        verdict.equal_settings.startswith("at equal settings in the search: ") for verdict in judged
    )
