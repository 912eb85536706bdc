"""An experiment and its results -> where its second stage stands: what is decided, and what to
train next.

In: the experiment, a task, and all results of its present studies.  Out: a `Stand`.  A sweep reads
from it what to train, a report what to say.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, takewhile

import numpy as np

from rnnzoo.confirm import several
from rnnzoo.confirm.questions import Answer, Question, Round, Seen, Standing
from rnnzoo.confirm.region import Reach, Region, Scored, best_expected
from rnnzoo.confirm.stage import (
    REPEATS,
    Design,
    Tuned,
    Wanted,
    in_round,
    progress,
    tune,
    tuned_questions,
)
from rnnzoo.errors import StatsError
from rnnzoo.spec import points
from rnnzoo.spec.claims import CONFIRMED, TESTED, family, judged, tasks_of, variants_of
from rnnzoo.spec.experiment import Claim, Confirm, Experiment, Space
from rnnzoo.spec.hyperparameters import Value
from rnnzoo.spec.seeds import uniform
from rnnzoo.spec.trial import PILOT, ROUND, Kind, Outcome, Result
from rnnzoo.stats.scales import FEWEST as FEWEST_SCORES
from rnnzoo.stats.sequential import Anytime, Boundary
from rnnzoo.stats.threads import one_thread

ALPHA = 0.05  # the share of studies that may contain a wrong word
# How settings were chosen in versions before, the latest first: how far rounds could reach, while
# all variants were measured in one scale
EARLIER_REACH = (Reach.TRIED, Reach.TRIED_BY_ANY, Reach.ANYWHERE)
SEVERAL_TASKS = "all tasks"  # where a claim about several is judged, to ask for its family


@dataclass(frozen=True, slots=True)
class NextTraining:
    """A training that comes next."""

    stage: str
    variant: str
    index: int
    hyperparameters: Mapping[str, Value]


@dataclass(frozen=True, eq=False, slots=True)
class Stand:
    """The state of the second stage of an experiment on a task.

    Attributes:
        standings: by claim; only claims that are about scores and whose variants are tuned.
        untuned: variants that do worse than predicted in the region; no claim about them is
            decided.
        rounds: the complete ones.
        searched, pilots, trainings: how many trainings were made in the search, as pilots, and in
            all; on rungs, trials that ended early count together as whole trainings of as many
            epochs.
        regions: by variant.
        history: by claim, where it stood after each round.
        next: the trainings that come next; none at the end; also none, with `ended` empty, while
            the search has not come to every variant.
        ended: why none comes next: `decided`, `most`, `budget`, `hours`, or in words why nothing
            can be confirmed.
    """

    task: str
    standings: Mapping[str, Standing]
    untuned: tuple[str, ...] = ()
    rounds: tuple[Round, ...] = ()
    searched: int = 0
    pilots: int = 0
    trainings: int = 0
    regions: Mapping[str, Region] | None = None
    history: Mapping[str, tuple[Standing, ...]] = field(default_factory=dict)
    next: tuple[NextTraining, ...] = ()
    ended: str = ""


def confirmed(claim: Claim) -> bool:
    """Whether the second stage decides a claim, rather than the trials of the search."""
    return claim.form in CONFIRMED


def claims_on(experiment: Experiment, task: str) -> list[Claim]:
    """The claims that rounds on a task are about: those about it alone, and those about several
    tasks.
    """
    return [
        claim for claim in experiment.claims if confirmed(claim) and task in tasks_of(claim, [task])
    ]


def undecided(experiment: Experiment, task: str, before: Sequence[Stand]) -> list[Claim]:
    """The claims that rounds on a task are about, without those about several tasks that the tasks
    before have decided.
    """
    claims = claims_on(experiment, task)
    return [claim for claim in claims if not claim.over or holds_over(claim, before) is None]


def earlier(stands: Mapping[str, Stand], task: str) -> list[Stand]:
    """Where the second stage stands on the tasks before one, of all tasks in their order."""
    return [stands[label] for label in takewhile(lambda label: label != task, stands)]


def claimed(experiment: Experiment, task: str) -> tuple[str, ...]:
    """The variants that rounds on a task are about."""
    return variants_of(claims_on(experiment, task))


def question(claim: Claim, experiment: Experiment) -> Question:
    """The question of a claim about two variants.

    `A same as B` is refuted only by a difference above the margin.
    """
    margin = experiment.margin or 0.0
    floor = margin / 2 if experiment.floor is None else experiment.floor
    within = margin if claim.number is None else claim.number
    levels = several.levels(claim, level_over(experiment)) if claim.over else None
    return Question(
        claim.a, claim.b, within if claim.form == "A same as B" else floor, within, levels
    )


def level_over(experiment: Experiment) -> float:
    """The level of each confirmed claim about several tasks."""
    return ALPHA / _sharing(experiment, SEVERAL_TASKS)


def _sharing(experiment: Experiment, where: str) -> int:
    """How many tested claims share the error rate of the family of those judged on `where`; at
    least 1.
    """
    pairs = judged(experiment.claims, [choice.label for choice in experiment.tasks])
    family_name = family(where, experiment.family)
    in_family = [claim for claim, on in pairs if family(on, experiment.family) == family_name]
    return max(1, sum(claim.form in TESTED for claim in in_family))


def part(experiment: Experiment, task: str) -> float:
    """The share of its family's error rate that belongs to the claims that are confirmed on a task
    alone.
    """
    return sum(not claim.over for claim in claims_on(experiment, task)) / _sharing(experiment, task)


def part_of_several(experiment: Experiment) -> float:
    """The share of its family's error rate that belongs to the confirmed claims about several
    tasks.
    """
    over_tasks = [claim for claim in experiment.claims if claim.over and confirmed(claim)]
    return len(over_tasks) / _sharing(experiment, SEVERAL_TASKS)


def left(experiment: Experiment, tasks: Iterable[str], family_name: str) -> float:
    """The share of a family's error rate that is left for the claims that the search decides.

    Args:
        tasks: the tasks that have a second stage.
        family_name: of the family, as `family` gives it.
    """
    labels = list(tasks)
    spent = sum(
        part(experiment, task) for task in labels if family(task, experiment.family) == family_name
    )
    if labels and family(SEVERAL_TASKS, experiment.family) == family_name:
        spent += part_of_several(experiment)
    return 1.0 - spent


def design(experiment: Experiment, confirm: Confirm, task: str) -> Design:
    """How the claims on a task are decided."""
    until = confirm.until == "decided"
    return Design(
        Boundary(confirm.first, confirm.most) if until else Anytime(confirm.first),
        confirm.most if until else None,
        confirm.region,
        confirm.settings == "common",
        confirm.pilot,
        confirm.budget,
        ALPHA * part(experiment, task),
        experiment.margin or 0.0,
    )


def stands(experiment: Experiment, results: Sequence[Result], trials: int) -> dict[str, Stand]:
    """The state of the second stage on every task, in their order; the arguments are those of
    `stand`.
    """
    by_task: dict[str, Stand] = {}
    for task in experiment.tasks:
        by_task[task.label] = stand(experiment, task.label, results, trials, list(by_task.values()))
    return by_task


@one_thread()
def stand(
    experiment: Experiment,
    task: str,
    results: Sequence[Result],
    trials: int,
    before: Sequence[Stand] = (),
    given: Sequence[Result] = (),
) -> Stand:
    """The state of the second stage on a task.

    Args:
        task: its label.
        results: of the experiment's present studies.
        trials: of each search.
        before: where it stands on the tasks before: what these have decided of several tasks is not
            asked again.
        given: trainings of this second stage that were run elsewhere and are not among the results
            yet.
    """
    confirm = experiment.confirm
    if confirm is None or not claims_on(experiment, task):
        return Stand(task, {}, ended="no claim is about scores")
    now = _Stage(experiment, confirm, task, results, trials, before, given).stand()
    if now.next and _hours(results, task) >= confirm.hours:
        return replace(now, next=(), ended="hours")
    return now


def at_most(
    experiment: Experiment,
    task: str,
    trials: int,
    now: Stand | None = None,
    before: Sequence[Stand] = (),
) -> int:
    """The most trainings that the second stage on a task may still take.

    Args:
        trials: of each search.
        now: where it stands, if it has begun.
        before: where it stands on the tasks before.
    """
    confirm, claims = experiment.confirm, undecided(experiment, task, before)
    if confirm is None or not claims or (now is not None and now.ended):
        return 0
    if too_few(experiment, task, trials):
        return 0
    spent = searches(experiment, trials)
    pilots = REPEATS * confirm.pilot * len(claimed(experiment, task))
    rounds = confirm.most if confirm.until == "decided" else confirm.budget
    if now is not None:
        spent, pilots = max(spent, now.trainings), pilots - now.pilots
    if now is not None and now.standings:  # all pilots are trained
        still_open = {
            text for text, standing in now.standings.items() if standing.answer is Answer.OPEN
        }
        claims = [claim for claim in claims if claim.text in still_open]
        pilots, rounds = 0, rounds - len(now.rounds)
    variants = len(variants_of(claims))
    return min(max(confirm.budget - spent, 0), pilots + variants * rounds)


def _hours(results: Sequence[Result], task: str) -> float:
    """Recorded hours of training on a task, summed over all workers; no clock is read."""
    outcomes = [result.outcome for result in results if result.key.task == task]
    return sum(outcome.seconds.get("total", 0.0) for outcome in outcomes) / 3600.0


def searches(experiment: Experiment, trials: int) -> int:
    """How many trainings all searches on a task cost, at most.

    Args:
        trials: of each search.
    """
    of_one = experiment.search.trainings(trials, experiment.training.epochs)
    return of_one * len(experiment.variants)


def too_few(experiment: Experiment, task: str, trials: int) -> tuple[str, ...]:
    """The variants that rounds on a task are about whose searches are too short: a surface goes
    through the trials of all variants that share a space, and theirs are fewer than it takes.

    Args:
        task: its label.
        trials: of each search.
    """

    def searched_with(label: str) -> int:
        dimensions = experiment.variant(label).space.dimensions
        alike = [other for other in experiment.variants if other.space.dimensions == dimensions]
        return sum(
            points.planned(experiment.search, other.space, trials, other.earlier) for other in alike
        )

    return tuple(
        label for label in claimed(experiment, task) if searched_with(label) < FEWEST_SCORES
    )


def extent(experiment: Experiment, variant: str, region: Region) -> dict[str, tuple[Value, Value]]:
    """The lowest and highest value of each searched hyper-parameter in a region; of a choice, the
    first and last.
    """
    space = experiment.variant(variant).space
    settings = _settings(space, region)
    ends: dict[str, tuple[Value, Value]] = {}
    for dimension in space.dimensions:
        values = sorted(
            {setting[dimension.name] for setting in settings if dimension.name in setting},
            # by type first: values of a choice may be of types that do not compare
            key=lambda value: (str(type(value)), value),
        )
        if values:
            ends[dimension.name] = (values[0], values[-1])
    return ends


def _settings(space: Space, region: Region) -> list[dict[str, Value]]:
    """The hyper-parameters at each of a region's points."""
    return [points.at(space, place.tolist()) for place in region.points]


def holds_over(claim: Claim, stands: Iterable[Stand]) -> bool | None:
    """Whether a claim about several tasks holds, by where these stand; None where it is open."""
    standings = [now.standings[claim.text] for now in stands if claim.text in now.standings]
    return several.holds(claim, [standing.answer for standing in standings])


class _Stage:
    """The second stage on one task."""

    def __init__(
        self,
        experiment: Experiment,
        confirm: Confirm,
        task: str,
        results: Sequence[Result],
        trials: int,
        before: Sequence[Stand],
        given: Sequence[Result],
    ) -> None:
        self.experiment, self.task, self.trials = experiment, task, trials
        self.claims = undecided(experiment, task, before)
        self.design = design(experiment, confirm, task)
        self.of: dict[tuple[str, str], list[Result]] = {}
        for result in results:
            key = result.key
            if key.task == task and not key.replicate:
                self.of.setdefault((key.variant, key.stage), []).append(result)
        # trainings of this stage, by stage, variant and index, with their settings
        self.settings = {
            (result.key.stage, result.key.variant, result.trial.index): dict(
                result.trial.hyperparameters
            )
            # of a training that is in both, the results hold: they come last
            for result in (*given, *results)
            if result.key.task == task and result.key.stage
        }

    def stand(self) -> Stand:
        variants = claimed(self.experiment, self.task)
        count = self.spent_on_search()
        if not self.claims:
            return Stand(self.task, {}, searched=count, trainings=count, ended="decided")
        if not all(self.searched(label) for label in variants):
            # the search has not come to all of them yet
            return Stand(self.task, {}, searched=count, trainings=count)
        try:
            how, tuned = self.tuned(variants)
            if not tuned.wanted:
                return self.rounds(how, tuned, count)
        except StatsError as error:
            return Stand(
                self.task,
                {},
                searched=count,
                trainings=count,
                ended=f"nothing can be confirmed: {error}",
            )
        spent = (count, tuned.pilots, count + tuned.pilots)
        if spent[-1] + len(tuned.wanted) > self.design.budget:
            return Stand(self.task, {}, (), (), *spent, tuned.regions, ended="budget")
        wanted = tuple(self.training(PILOT, pilot) for pilot in tuned.wanted)
        return Stand(self.task, {}, (), (), *spent, tuned.regions, next=wanted)

    def rounds(self, how: Design, tuned: Tuned, searched: int) -> Stand:
        """
        Args:
            how: the design that the study was begun with.

        Raises:
            StatsError: too few trainings have a score.
        """
        asked = {claim.text: question(claim, self.experiment) for claim in self.claims}
        questions = tuned_questions(list(asked.values()), tuned.untuned)
        question_index = {
            text: questions.index(of_claim)
            for text, of_claim in asked.items()
            if of_claim in questions
        }
        scores = self.scores(tuned.regions, ROUND, self.experiment.select.report)
        seen = self.seen(how, tuned.regions)
        now = progress(how, questions, scores, searched + tuned.pilots, seen)
        wanted = [
            in_round(how, tuned, variant, number, self.uniform) for variant, number in now.missing
        ]
        courses = list(zip(*now.history)) or [()] * len(questions)  # of each question
        return Stand(
            self.task,
            {text: now.standings[number] for text, number in question_index.items()},
            tuned.untuned,
            now.rounds,
            searched,
            tuned.pilots,
            now.trainings - len(wanted),
            tuned.regions,
            {text: courses[number] for text, number in question_index.items()},
            tuple(self.training(ROUND, training) for training in wanted),
            now.ended,
        )

    def training(self, stage: str, wanted: Wanted) -> NextTraining:
        space = self.experiment.variant(wanted.variant).space
        return NextTraining(stage, wanted.variant, wanted.index, points.at(space, wanted.point))

    def uniform(self, words: str) -> float:
        return uniform(f"{self.experiment.search.seed} {self.task} {words}")

    def scores(
        self, variants: Iterable[str], stage: str, split: str
    ) -> dict[tuple[str, int], float]:
        """Scores by variant and index; infinite where a training gave none."""
        of_stage = self.of_stage(variants, stage)
        return {
            (label, result.trial.index): result.outcome.scores.get(split, math.inf)
            for label, result in of_stage
        }

    def tuned(self, variants: Sequence[str]) -> tuple[Design, Tuned]:
        """The outcome of search and pilots, and the design that gives it.

        A study that was begun by a rule of before goes on so: its pilots and rounds tell, which lie
        where that rule has them.
        """
        pilots = self.scores(variants, PILOT, self.experiment.select.on)
        tried: list[tuple[int, int, Design, Tuned]] = []
        for place, how in self.likeliest_first(variants):
            tuned = self.tuned_by(how, variants, pilots)
            elsewhere = self.elsewhere(how, tuned)
            tried.append((elsewhere, place, how, tuned))
            if not elsewhere:
                break
        _, _, how, tuned = min(tried, key=lambda design: design[:2])
        return how, tuned

    def likeliest_first(self, variants: Sequence[str]) -> Iterator[tuple[int, Design]]:
        """The designs that a study can have been begun with, numbered from the present one on.

        Those that would have begun with other pilots come last: the first pilots need one surface,
        where all that follows from a design needs up to five.
        """
        earlier = (replace(self.design, reach=reach, own_scales=False) for reach in EARLIER_REACH)
        others = []
        for place, how in enumerate((self.design, *earlier)):
            first = self.tuned_by(how, variants, {})
            if self.elsewhere_among(first.wanted):
                others.append((place, how))
            else:
                yield place, how
        yield from others

    def elsewhere_among(self, pilots: Sequence[Wanted]) -> bool:
        """Whether some of these pilots were trained with other settings."""
        planned = [(pilot.key, self.training(PILOT, pilot).hyperparameters) for pilot in pilots]
        return any(
            self.settings.get((PILOT, *key), settings) != settings for key, settings in planned
        )

    def elsewhere(self, how: Design, tuned: Tuned) -> int:
        """How many trainings of the stage have other settings than a design gives them."""
        planned = {(PILOT, *pilot.key): pilot for pilot in (*tuned.trained, *tuned.wanted)}
        for stage, variant, number in self.settings:
            if stage == ROUND and not tuned.wanted and variant in tuned.regions:
                wanted = in_round(how, tuned, variant, number, self.uniform)
                planned[stage, variant, number] = wanted
        return sum(
            training not in planned
            or self.training(training[0], planned[training]).hyperparameters != settings
            for training, settings in self.settings.items()
        )

    def tuned_by(
        self, how: Design, variants: Sequence[str], pilots: Mapping[tuple[str, int], float]
    ) -> Tuned:
        """The outcome of search and pilots, by a design.

        Variants with different spaces have no common settings and no common surface, so each space
        is tuned by itself.
        """
        tunings = [
            tune(how, group, self.searched_points(group[0]), pilots, self.uniform)
            for group in self.of_one_space(variants)
        ]
        return Tuned(
            dict(chain.from_iterable(tuning.regions.items() for tuning in tunings)),
            tuple(chain.from_iterable(tuning.wanted for tuning in tunings)),
            tuple(chain.from_iterable(tuning.untuned for tuning in tunings)),
            tuple(chain.from_iterable(tuning.trained for tuning in tunings)),
        )

    def of_one_space(self, variants: Sequence[str]) -> list[list[str]]:
        """The variants, those that share a space together."""
        spaces = {label: self.experiment.variant(label).space.dimensions for label in variants}
        groups: list[list[str]] = []  # spaces cannot be hashed
        for label in variants:
            group = next((group for group in groups if spaces[group[0]] == spaces[label]), None)
            if group is None:
                groups.append([label])
            else:
                group.append(label)
        return groups

    def searched_with(self, variant: str) -> list[tuple[str, Result]]:
        """The search trials of all variants that share the space of `variant`, each with its
        variant's label.
        """
        dimensions = self.experiment.variant(variant).space.dimensions
        variants = self.experiment.variants
        alike = {other.label for other in variants if other.space.dimensions == dimensions}
        return [(label, result) for label, result in self.all_searched() if label in alike]

    def searched_points(self, variant: str) -> Scored:
        """Where these search trials lie, and their scores on the split that is selected on."""
        return self.scored(
            variant, self.placed(variant, self.searched_with(variant)), self.experiment.select.on
        )

    def of_stage(self, variants: Iterable[str], stage: str) -> list[tuple[str, Result]]:
        """The trainings of variants in a stage, each with its variant's label."""
        return [(label, result) for label in variants for result in self.of.get((label, stage), [])]

    def placed(
        self, variant: str, labelled: Iterable[tuple[str, Result]]
    ) -> list[tuple[str, Result]]:
        """The trainings that the space of `variant` still holds."""
        space = self.experiment.variant(variant).space
        return [
            (label, result)
            for label, result in labelled
            if points.within(space, result.trial.hyperparameters)
        ]

    def scored(self, variant: str, results: Sequence[tuple[str, Result]], split: str) -> Scored:
        """The points of trainings in the space of `variant`, and their scores on a split."""
        space = self.experiment.variant(variant).space
        places = [points.places(space, result.trial.hyperparameters) for _, result in results]
        return Scored(
            np.array(places).reshape(len(results), len(space.dimensions)),
            tuple(label for label, _ in results),
            np.array([self.score(result.outcome, split) for _, result in results]),
        )

    def score(self, outcome: Outcome, split: str) -> float:
        """The score of a training; of one that ended at a rung, the best on validation until there,
        which says that its setting is a poor one and how poor.
        """
        if self.experiment.search.rungs and outcome.kind is Kind.PRUNED:
            return outcome.best_until(len(outcome.curve))
        return outcome.scores.get(split, math.inf)

    def all_searched(self) -> list[tuple[str, Result]]:
        """The planned trials of all searches, each with its variant's label."""
        labels = [variant.label for variant in self.experiment.variants]
        return [(label, result) for label in labels for result in self.searched(label)]

    def spent_on_search(self) -> int:
        """How many trainings the searches took; on rungs, as many as have that many epochs."""
        results = [result for _, result in self.all_searched()]
        if not self.experiment.search.rungs:
            return len(results)
        epochs = self.experiment.training.epochs
        pruned = [result.outcome for result in results if result.outcome.kind is Kind.PRUNED]
        run = sum(len(outcome.curve) for outcome in pruned) / epochs
        return len(results) - len(pruned) + math.ceil(round(run, 9))

    def searched(self, label: str) -> list[Result]:
        """The planned trials of a variant's search, by index."""
        search = [
            result for result in self.of.get((label, ""), []) if result.trial.index < self.trials
        ]
        return sorted(search, key=lambda result: result.trial.index)

    def seen(self, how: Design, regions: Mapping[str, Region]) -> Seen:
        """Scores on the reported split of search trials, and of pilots outside of a variant's
        region.

        Raises:
            StatsError: too few trainings have a score.
        """
        best: dict[str, float] = {}
        for group in self.of_one_space(list(regions)):
            results = self.placed(
                group[0], [*self.searched_with(group[0]), *self.of_stage(group, PILOT)]
            )
            inside = {
                label: _settings(self.experiment.variant(label).space, regions[label])
                for label in group
            }
            elsewhere = [
                dict(result.trial.hyperparameters) not in inside.get(label, ())
                for label, result in results
            ]
            best |= best_expected(
                self.scored(group[0], results, self.experiment.select.report),
                elsewhere,
                how.own_scales,
            )
        report = self.experiment.select.report
        scores = [
            trial.outcome.scores[report]
            for _, trial in self.all_searched()
            if report in trial.outcome.scores
        ]
        return Seen(max(scores, default=0.0), best)
