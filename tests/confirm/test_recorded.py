"""Second stages that were run: each keeps the settings that its trainings have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from rnnzoo.confirm.region import Scored, regions
from rnnzoo.confirm.stand import Stand, claimed, extent, stand
from rnnzoo.report import table
from rnnzoo.spec import points
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.read_experiment import read
from rnnzoo.spec.trial import PILOT, ROUND, Result

ROOT = Path(__file__).parents[2]
TASK, TRIALS = "chorales", 3


@cache
def study() -> tuple[Experiment, tuple[Result, ...]]:
    """One that was begun when a region could reach beyond what the search had tried."""
    experiment = read(ROOT / "experiments/studies/one_gate_chorales.yaml")
    return experiment, table.read(ROOT / "results/one_gate_chorales.csv").results


def stood(results: Sequence[Result], given: Sequence[Result] = ()) -> Stand:
    return stand(study()[0], TASK, results, TRIALS, given=given)


def rates(now: Stand) -> tuple[float, float]:
    """The lowest and highest learning rate of the region."""
    assert now.regions
    low, high = extent(study()[0], "lstm", now.regions["lstm"])["learning_rate"]
    assert isinstance(low, float)
    assert isinstance(high, float)
    return low, high


def of_search() -> list[Result]:
    return [result for result in study()[1] if not result.key.stage]


def tried() -> float:
    """The highest learning rate of the search."""
    return max(float(result.trial.hyperparameters["learning_rate"]) for result in of_search())


def test_a_study_that_was_run_is_told_as_it_was_run() -> None:
    now = stood(study()[1])
    assert rates(now) == (pytest.approx(0.0771, abs=1e-4), pytest.approx(0.0971, abs=1e-4))
    assert rates(now)[0] > tried()
    told = {text: round(standing.mean, 3) for text, standing in now.standings.items()}
    assert told == {"mgu same as gru": 0.121, "ugrnn same as gru": 0.444,
                    "janet better than lstm": 0.1}  # fmt: skip
    assert (len(now.rounds), now.pilots, now.ended) == (16, 5, "most")


def test_a_study_that_was_begun_goes_on_at_the_settings_that_it_had() -> None:
    """Its pilots lie where either rule has them; its rounds tell."""
    begun = [result for result in study()[1] if result.key.stage and result.trial.index < 3]
    now = stood([*of_search(), *begun])
    recorded = {
        (result.key.variant, result.trial.index): result.trial.hyperparameters
        for result in study()[1]
        if result.key.stage == ROUND
    }
    assert now.next
    for training in now.next:
        assert training.hyperparameters == recorded[training.variant, training.index]


def test_a_study_that_has_pilots_only_goes_on_within_what_was_tried() -> None:
    pilots = [result for result in study()[1] if result.key.stage == PILOT]
    now = stood([*of_search(), *pilots])
    assert {training.stage for training in now.next} == {ROUND}
    assert rates(now)[1] <= tried()


def test_rounds_that_were_run_elsewhere_tell_it_too() -> None:
    pilots = [result for result in study()[1] if result.key.stage == PILOT]
    rounds = [result for result in study()[1] if result.key.stage == ROUND]
    now = stood([*of_search(), *pilots], given=rounds)
    assert rates(now)[0] > tried()
    assert now.next  # they are no results of this study yet


def test_settings_that_no_rule_gives_change_nothing() -> None:
    strange = [
        replace(result, trial=replace(result.trial, hyperparameters={"learning_rate": math.pi}))
        for result in study()[1]
        if result.key.stage == ROUND
    ]
    pilots = [result for result in study()[1] if result.key.stage == PILOT]
    assert rates(stood([*of_search(), *pilots, *strange]))[1] <= tried()


# ------------------------------------------------------------------ settings of their own


@cache
def own_settings() -> tuple[Experiment, tuple[Result, ...]]:
    """One that was begun when a variant could be sent where only others had been tried: search,
    pilots and two rounds.
    """
    experiment = read(ROOT / "experiments/studies/minimal_tuned.yaml")
    return experiment, table.read(Path(__file__).with_name("minimal_tuned_before.csv")).results


def rates_of_gru(results: Sequence[Result]) -> list[float]:
    """The learning rates of its trainings that come next."""
    experiment, _ = own_settings()
    now = stand(experiment, TASK, results, experiment.search.trials)
    rates = [each.hyperparameters["learning_rate"] for each in now.next if each.variant == "gru"]
    return [float(rate) for rate in rates if not isinstance(rate, str)]


def test_a_variant_goes_as_far_as_its_own_trials_went() -> None:
    results = own_settings()[1]
    own = [result for result in results if result.key.variant == "gru"]
    tried = [float(result.trial.hyperparameters["learning_rate"]) for result in own
             if result.key.stage != ROUND]  # fmt: skip
    without_rounds = [result for result in results if result.key.stage != ROUND]
    rates = rates_of_gru(without_rounds)
    assert rates
    assert min(tried) <= min(rates) <= max(rates) <= max(tried)


def test_a_study_that_sent_it_farther_goes_on_there() -> None:
    results = own_settings()[1]
    rounds = [result.trial.hyperparameters["learning_rate"] for result in results
              if result.key.stage == ROUND and result.key.variant == "gru"]  # fmt: skip
    rates = rates_of_gru(results)
    assert rates
    assert max(rates) == pytest.approx(max(map(float, rounds)), rel=0.3)
    assert max(rates) < 0.0121  # the lowest that it had tried


# ------------------------------------------------------------------ a scale of one's own


@cache
def wild() -> tuple[Experiment, tuple[Result, ...]]:
    """One that was run when all variants were measured in one scale: pilots of `plain5`, a nat
    apart, hid from the others where they do well.
    """
    experiment = read(ROOT / "experiments/studies/yao2015.yaml")
    return experiment, table.read(ROOT / "results/yao2015.csv").results


def rounds_of_plain3(results: Sequence[Result]) -> tuple[float, float]:
    """The lowest and highest learning rate at which its rounds train."""
    experiment, _ = wild()
    now = stand(experiment, "folk_tunes", results, experiment.search.trials)
    assert now.regions
    low, high = extent(experiment, "plain3", now.regions["plain3"])["learning_rate"]
    assert isinstance(low, float)
    assert isinstance(high, float)
    return low, high


def test_trainings_of_one_wild_variant_do_not_hide_where_others_do_well() -> None:
    experiment, results = wild()
    tried = [result for result in results if result.key.stage != ROUND]
    space = experiment.variant("plain3").space
    places = [points.places(space, result.trial.hyperparameters) for result in tried]
    scored = Scored(
        np.array(places),
        tuple(result.key.variant for result in tried),
        np.array([result.outcome.scores.get("validation", math.inf) for result in tried]),
    )
    best = min((result for result in tried if result.key.variant == "plain3"),
               key=lambda result: result.outcome.scores["validation"])  # fmt: skip
    (best_place,) = points.places(space, best.trial.hyperparameters)

    def reaches(own_scales: bool) -> bool:
        region = regions(scored, claimed(experiment, "folk_tunes"), 0.1, False,
                         own_scales=own_scales)["plain3"].points  # fmt: skip
        return bool(region.min() <= best_place <= region.max())

    assert reaches(own_scales=True)
    assert not reaches(own_scales=False)


def test_a_study_of_one_scale_for_all_goes_on_in_it() -> None:
    assert rounds_of_plain3(wild()[1]) == (
        pytest.approx(0.0034, abs=1e-4), pytest.approx(0.0043, abs=1e-4)
    )  # fmt: skip
