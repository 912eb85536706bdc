"""Studies with a second stage whose trainings are made up: scores from a bowl over the learning
rate, an effect and noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from rnnzoo import report
from rnnzoo.confirm.stand import stand
from rnnzoo.report.summarising import summarise
from rnnzoo.spec import points
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.hyperparameters import Value
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Kind, Outcome, Result, StudyKey, Trial
from rnnzoo.tasks import Split, Task

TRIALS = 8
SPEC = """\
experiment: e
task: adding
baseline: lstm
variants: [lstm, gru, rnn]
search:
  trials: 8
  seed: 3
  space: {units: {int: [16, 64], log: true}, learning_rate: {float: [1e-3, 1e-1], log: true}}
training: {epochs: 40, patience: 0}
select: {keep: 3}
confirm: {budget: 150, most: 24, region: 5%}
margin: 0.2
claims: [rnn worse than lstm, gru same as lstm]
"""
Bowl = Callable[[Mapping[str, Value]], float]


def bowl(best: float = 0.0) -> Bowl:
    """Best at a learning rate of 0.01 times ten to the power of `best`, and the better the more
    units.
    """
    return lambda setting: (
        (math.log10(float(setting["learning_rate"])) + 2.0 - best) ** 2
        - 0.1 * math.log2(float(setting["units"]))
    )


class Trainings:
    """Made-up trainings of an experiment.

    Args:
        effects: by variant, how much worse than the others it is.
        fails: by variant, the share of its trainings in the rounds that give no score.
        best_epoch: of every training.
    """

    def __init__(
        self,
        experiment: Experiment,
        effects: Mapping[str, float],
        noise: float = 0.05,
        fails: Mapping[str, float] | None = None,
        best_epoch: int = 20,
        shape: Bowl | None = None,
    ) -> None:
        self.experiment, self.effects, self.noise = experiment, effects, noise
        self.fails, self.best_epoch, self.shape = fails or {}, best_epoch, shape or bowl()

    def result(self, variant: str, stage: str, index: int, setting: Mapping[str, Value]) -> Result:
        rng = np.random.default_rng([len(variant), ord(variant[0]), len(stage), index])
        score = (
            3.0
            + self.shape(setting)
            + self.effects.get(variant, 0.0)
            + self.noise * rng.standard_normal()
        )
        failed = stage == "round" and rng.random() < self.fails.get(variant, 0.0)
        scores = {} if failed else dict.fromkeys(("train", "validation", "test"), float(score))
        kind = Kind.DIVERGED if failed else Kind.COMPLETE
        curve = tuple({"epoch": epoch, "validation": 4.0 / epoch} for epoch in range(1, 5))
        trial = Trial("e", variant, "", "adding", index, dict(setting), seed=index)
        outcome = Outcome(kind, scores, curve, {"recurrent": 40}, self.best_epoch, {"total": 1.0})
        return Result(trial, outcome, str(StudyKey("e", variant, "adding", "abc", stage=stage)))

    def all(self) -> list[Result]:
        """Search, pilots and rounds, until the stage wants no more."""
        search = self.experiment.search
        results = [
            self.result(
                variant.label,
                "",
                number,
                points.point(search, variant.space, variant.label, "adding", number) or {},
            )
            for variant in self.experiment.variants
            for number in range(TRIALS)
        ]
        while wanted := stand(self.experiment, "adding", results, TRIALS).next:
            results += [
                self.result(pilot.variant, pilot.stage, pilot.index, pilot.hyperparameters)
                for pilot in wanted
            ]
        return results


def task(unit: str = "nats per step") -> Task:
    split = Split(np.zeros((1, 1, 1)), np.zeros((1, 1)), np.ones(1, np.int32))
    splits = dict.fromkeys(("train", "validation", "test"), split)
    return Task("adding", splits, "squared", "sequence", 1, "loss", unit, {"always 1": 9.5})


def experiment(spec: str = SPEC) -> Experiment:
    return parse_experiment(spec, "e.yaml", Path())


def summary(effects: Mapping[str, float], spec: str = SPEC, **how: object) -> report.Summary:
    """The report's numbers of a whole study."""
    read = experiment(spec)
    return summarise(read, Trainings(read, effects, **how).all(), {"adding": task()}, TRIALS)  # type: ignore[arg-type]
