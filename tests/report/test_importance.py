"""What explains the scores of an experiment: which trials are asked, and about what."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnzoo.errors import StatsError
from rnnzoo.report.importance import ImportanceModel, ImportanceSummary, searched
from rnnzoo.spec import points
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Kind, Outcome, Result, Trial
from rnnzoo.stats.importance import Share

SPEC = """\
experiment: e
task: adding
variants: [lstm, gru]
search:
  trials: 100
  space:
    units: {int: [8, 64], log: true}
    learning_rate: {float: [1e-4, 1e-1], log: true}
    batch: {choice: [8, 16]}
"""


def read(spec: str = SPEC) -> Experiment:
    return parse_experiment(spec, "e.yaml", Path())


def results(experiment: Experiment, score: Callable[[dict, int], float]) -> list[Result]:
    """Trials at the points of a random search; an infinite score is a trial that diverged."""
    made = []
    for variant in experiment.variants:
        for index in range(experiment.search.trials):
            chosen = points.point(experiment.search, variant.space, variant.label, "adding", index)
            assert chosen is not None
            value = score(chosen, index)
            scores = (
                {} if math.isinf(value) else dict.fromkeys(("train", "validation", "test"), value)
            )
            trial = Trial("e", variant.label, "", "adding", index, chosen, seed=index)
            outcome = Outcome(Kind.COMPLETE if scores else Kind.DIVERGED, scores)
            made.append(Result(trial, outcome, f"e/{variant.label}/adding/1"))
    return made


def rate(chosen: dict, index: int) -> float:
    return math.log10(chosen["learning_rate"]) ** 2 + 0.05 * (index % 7)


def test_the_hyper_parameter_that_matters_is_found_and_its_marginal_follows_it() -> None:
    experiment = read()
    importance = ImportanceModel(experiment, results(experiment, rate)).summary("adding")
    (name, share), *rest = importance.main
    assert (name, share.value > 0.9, importance.trials) == ("learning_rate", True, 200)
    assert all(share.value < 0.05 for _, share in rest)
    (curve,) = [marginal for marginal in importance.marginals if marginal.name == "learning_rate"]
    truth = np.log10(curve.values) ** 2
    assert np.corrcoef(curve.mean, truth)[0, 1] > 0.97
    assert [marginal.choices for marginal in importance.marginals if marginal.name == "batch"] == [
        ("8", "16")
    ]


def test_a_variant_that_is_worse_as_a_whole_moves_no_share() -> None:
    experiment = read()
    plain = results(experiment, rate)
    shifted = [
        Result(
            result.trial,
            Outcome(Kind.COMPLETE, {k: v + 50 for k, v in result.outcome.scores.items()}),
            result.study,
        )
        if result.trial.variant == "gru"
        else result
        for result in plain
    ]
    first, second = (
        ImportanceModel(experiment, given).summary("adding") for given in (plain, shifted)
    )
    assert [share.value for _, share in first.main] == pytest.approx(
        [share.value for _, share in second.main], abs=1e-3
    )


def test_one_trial_that_went_wrong_is_not_most_of_the_variance() -> None:
    experiment = read()
    wild = results(experiment, lambda chosen, index: 1e6 if index == 17 else rate(chosen, index))
    name, share = ImportanceModel(experiment, wild).summary("adding").main[0]
    assert (name, share.value > 0.8) == ("learning_rate", True)


def test_a_variant_whose_trials_go_wrong_by_the_dozen_is_left_out_and_named() -> None:
    experiment = read(SPEC.replace("[lstm, gru]", "[lstm, gru, rnn]"))
    plain = results(experiment, rate)
    wild = [
        replace(
            result,
            outcome=Outcome(
                Kind.COMPLETE,
                dict.fromkeys(result.outcome.scores, 10.0 ** (result.trial.index % 7)),
            ),
        )
        if result.trial.variant == "rnn" and result.trial.index % 2
        else result
        for result in plain
    ]
    importance = ImportanceModel(experiment, wild).summary("adding")
    name, share = importance.main[0]
    assert (name, share.value > 0.8, importance.predicted > 0.5) == ("learning_rate", True, True)
    assert (importance.without, importance.trials) == (("rnn",), 200)
    assert ImportanceModel(experiment, plain).summary("adding").without == ()


def exploded(result: Result) -> Result:
    """The trial, which explodes in one of seven cases: the middle half does not tell that."""
    if result.trial.index % 7:
        return result
    scores = dict.fromkeys(result.outcome.scores, 1e4)
    return replace(result, outcome=Outcome(Kind.COMPLETE, scores))


def test_a_variant_of_few_trials_and_most_of_the_variance_is_left_out_and_named() -> None:
    names = ["lstm", "gru", "rnn", "mut1", "mut2", "mut3"]
    experiment = read(SPEC.replace("[lstm, gru]", f"[{', '.join(names)}]"))
    plain = results(experiment, rate)
    wild = [exploded(result) if result.trial.variant == "rnn" else result for result in plain]
    without = [result for result in plain if result.trial.variant != "rnn"]
    importance, alone = (
        ImportanceModel(experiment, given).summary("adding") for given in (wild, without)
    )
    assert (importance.without, importance.trials) == (("rnn",), 500)
    assert importance.main == alone.main
    assert ImportanceModel(experiment, plain).summary("adding").without == ()


def test_a_variant_that_explodes_beside_three_others_stays() -> None:
    """Of few variants any may have most of the variance by chance."""
    experiment = read(SPEC.replace("[lstm, gru]", "[lstm, gru, rnn, mut1]"))
    plain = results(experiment, rate)
    wild = [exploded(result) if result.trial.variant == "rnn" else result for result in plain]
    assert ImportanceModel(experiment, wild).summary("adding").without == ()


def test_trials_that_diverged_count_as_bad_ones() -> None:
    """All that is known here is where trials diverge: at large rates."""
    experiment = read()
    lost = results(
        experiment,
        lambda chosen, index: (
            math.inf if chosen["learning_rate"] > 1e-2 else 1.0 + 0.01 * (index % 5)
        ),
    )
    importance = ImportanceModel(experiment, lost).summary("adding")
    assert importance.main[0][0] == "learning_rate"
    (curve,) = [marginal for marginal in importance.marginals if marginal.name == "learning_rate"]
    assert curve.mean[-1] > max(curve.mean[:20])


def test_noise_is_not_judged() -> None:
    experiment = read()
    rng = np.random.default_rng(0)
    model = ImportanceModel(
        experiment, results(experiment, lambda chosen, index: float(rng.normal()))
    )
    with pytest.raises(
        StatsError, match=r"at least 50 % of their variance are needed|agree on nothing"
    ):
        model.shares("adding")


def test_what_only_some_search_or_all_have_fixed_is_not_asked_about() -> None:
    own = "{name: gru, space: {units: {int: [4, 128], log: true}, learning_rate: 0.01}}"
    dimensions = searched(read(SPEC.replace("gru", own)))
    assert [(dimension.name, dimension.low, dimension.high) for dimension in dimensions] == [
        ("units", 4, 128), ("batch", 0, 0),
    ]  # fmt: skip
    assert [
        dimension.name
        for dimension in searched(
            read(SPEC.replace("[8, 16]", "[8]").replace("[8, 64]", "[64, 64]"))
        )
    ] == ["learning_rate"]
    assert [result.name for result in searched(read(SPEC.replace("gru",
        "{name: gru, space: {batch: {choice: [4, 8]}}}")))] == [
        "units", "learning_rate",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("predicted", "words"),
    [
        (-0.07, "no better than their mean does: these settings do not predict the score"),
        (math.nan, "no better than their mean does"),
        (0.3, "predicts 30 % of the variance of trials that it has not seen; below half,"),
        (0.87, "predicts 87 % of the variance of trials that it has not seen."),
    ],
)
def test_how_well_settings_predict_the_score_is_said_in_words(predicted: float, words: str) -> None:
    nothing = Share(0.0, 0.0, 0.0)
    sentence = ImportanceSummary((), (), nothing, predicted, 20, ()).prediction
    assert words in sentence
    assert "-" not in sentence
    assert sentence.endswith(".")
