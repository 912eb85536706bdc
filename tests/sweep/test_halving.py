"""Rungs, with trials that do not train: which trials go on, however the sweep went on."""

from __future__ import annotations

import math
import random
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from rnnzoo.confirm.stand import stand
from rnnzoo.launchers import Event
from rnnzoo.report import table
from rnnzoo.report.table import TaskMetadata
from rnnzoo.spec.experiment import Rungs
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Ending, Kind, Outcome, Result, Trial
from rnnzoo.sweep.plan import studies
from rnnzoo.sweep.run import Sweep
from rnnzoo.sweep.search import Store
from rnnzoo.sweep.status import rows
from rnnzoo.trackers.memory import MemoryTracker
from tests.report.test_report import task
from tests.samples import slow
from tests.sweep.loop import Quiet

EPOCHS, TRIALS = 12, 18
SPEC = f"""\
experiment: rungs
task: adding
variants: [rnn, gru]
search:
  trials: {TRIALS}
  seed: 2
  rungs: {{epochs: [2, 6], keep: 50%}}
  space:
    units: {{int: [4, 64]}}
    learning_rate: {{float: [0.001, 0.1], log: true}}
training: {{epochs: {EPOCHS}, patience: 3}}
margin: 0.2
confirm: {{budget: 60}}
claims: [gru better than rnn]
"""
STOPPED_EARLY, DIVERGES = 3, 5  # of each variant, the trials that end by themselves


def curve(trial: Trial) -> list[dict[str, float]]:
    """A loss that falls, from where the seed says to where the hyper-parameters say."""
    draw = random.Random(trial.seed)
    begin, end = draw.uniform(1.0, 2.0), abs(math.log10(trial.hyperparameters["learning_rate"]) + 2)
    rate = draw.uniform(0.2, 0.9)
    return [
        {"epoch": epoch, "validation": end + begin * math.exp(-rate * epoch), "seconds": 1.0}
        for epoch in range(1, EPOCHS + 1)
    ]


def trained(trial: Trial) -> Outcome:
    """What a training of as many epochs as it is to have yields."""
    whole = curve(trial)
    if trial.index == DIVERGES and not 0 < trial.until < 4:
        return Outcome(Kind.DIVERGED, curve=tuple(whole[:4]), message="the loss was nan")
    last = 4 if trial.index == STOPPED_EARLY else EPOCHS
    if 0 < trial.until < last:
        run = tuple(whole[: trial.until])
        return Outcome(Kind.PRUNED, curve=run, waits=True, ending=Ending.PRUNED, message="waits")
    score = whole[last - 1]["validation"]
    return Outcome(
        Kind.COMPLETE, dict.fromkeys(("train", "validation", "test"), score), tuple(whole[:last])
    )


@dataclass
class Instant:
    """A launcher without processes: trials end at once, with several at a time in another order."""

    workers: int = 1
    waiting: deque[tuple[int, Trial]] = field(default_factory=deque)
    ran: list[Trial] = field(default_factory=list)

    def capacity(self) -> int:
        return self.workers

    def submit(self, trial: Trial) -> int:
        self.ran.append(trial)
        self.waiting.append((len(self.ran), trial))
        return len(self.ran)

    def wait(self, timeout: float) -> Event:
        self.waiting.rotate(self.waiting[0][0])
        ticket, trial = self.waiting.popleft()
        return Event(ticket, trained(trial))

    def answer(self, ticket: int, go_on: bool) -> None: ...

    def close(self) -> None:
        self.waiting.clear()


class Dying(MemoryTracker):
    """The sweep is killed while the tracker records."""

    def record(self, result: Result, artifacts: Sequence[Path] = ()) -> None:
        raise RuntimeError("killed")


class Stopping(Quiet):
    """It stops the sweep after so many trainings, those that wait at a rung among them."""

    heard = 0

    def ended(self, study: object, trial: Trial, outcome: Outcome) -> None:
        self.heard += 1
        if self.heard == self.stop_after:
            raise KeyboardInterrupt


SMALL = """\
experiment: rungs
task: adding
variants: [gru]
search:
  trials: 6
  rungs: {epochs: [2], keep: 50%}
  space: {learning_rate: {float: [0.001, 0.1], log: true}}
training: {epochs: 12, patience: 3}
"""
GRID = SMALL.replace("trials: 6", "trials: 18\n  sampler: grid").replace(
    "{float: [0.001, 0.1], log: true}", "{choice: [0.001, 0.002, 0.01, 0.02, 0.1]}"
)


def sweep(folder: Path, workers: int = 1, stop_after: int = 10**9, spec: str = SPEC) -> Sweep:
    experiment = parse_experiment(spec, str(folder / "rungs.yaml"), folder)
    experiment = replace(experiment, confirm=None)  # the search only
    planned = studies(experiment, {"adding": "digest"}, {"adding": 2})
    return Sweep(
        experiment,
        planned,
        experiment.search.trials,
        Store(f"sqlite:///{folder}/optuna.db"),
        MemoryTracker(),
        Instant(workers),
        Stopping(stop_after),
        folder / "runs",
    )


def ends(swept: Sweep) -> dict[tuple[str, int], Outcome]:
    return {
        (result.trial.variant, result.trial.index): result.outcome for result in swept.results()
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    swept = sweep(tmp_path_factory.mktemp("whole"))
    swept.run()
    return swept


def expected(swept: Sweep, variant: str) -> dict[int, int]:
    """How many epochs each trial of a variant has in the end, worked out on arrays."""
    (study,) = [study for study in swept.studies if study.variant.label == variant]
    points = [study.point(index) for index in range(TRIALS)]
    losses = np.array(
        [
            [row["validation"] for row in curve(study.trial(index, {**points[index]}))]
            for index in range(TRIALS)
        ]
    )
    alive, epochs = np.arange(TRIALS), np.full(TRIALS, EPOCHS)
    epochs[STOPPED_EARLY], epochs[DIVERGES] = 4, 4
    for rung, best in ((2, 9), (6, 5)):
        lost = alive[np.argsort(losses[alive, :rung].min(1))][best:]
        stop = [index for index in lost if epochs[index] > rung]
        epochs[stop] = rung
        gone = [index for index in alive if index in lost]
        alive = np.array([index for index in alive if index not in gone])
        if rung == 2:  # one that has diverged does not come to the second rung
            alive = alive[alive != DIVERGES]
    return dict(enumerate(epochs.tolist()))


@pytest.mark.parametrize("variant", ["rnn", "gru"])
def test_the_best_share_of_a_search_goes_on_from_each_rung(whole: Sweep, variant: str) -> None:
    run = {index: len(end.curve) for (label, index), end in ends(whole).items() if label == variant}
    assert run == expected(whole, variant)


def test_every_trial_has_one_end_and_says_why_it_did_not_go_on(whole: Sweep) -> None:
    outcomes = ends(whole)
    assert len(outcomes) == 2 * TRIALS
    stopped = [end for end in outcomes.values() if end.kind is Kind.PRUNED]
    assert {end.message for end in stopped} == {
        "after 2 epochs, not among the best 9 of 18",
        "after 6 epochs, not among the best 5 of 18",
    }
    assert not any(end.waits for end in outcomes.values())
    told = Counter(note for note in whole.observer.notes)
    assert told["after 2 epochs, the best 9 of 18 trials of each search go on"] == 1


def test_no_epoch_is_asked_for_twice(whole: Sweep) -> None:
    parts = Counter((trial.variant, trial.index, trial.until) for trial in whole.launcher.ran)
    assert set(parts.values()) == {1}


@pytest.mark.parametrize(
    "stops", [(7, 40), slow((7, 20, 3)), slow((36, 1, 1)), slow((40, 9)), slow((52, 1, 5))]
)
def test_workers_and_interruptions_change_nothing(
    whole: Sweep, stops: tuple[int, ...], tmp_path: Path
) -> None:
    for workers, stop_after in enumerate(stops, start=1):
        with pytest.raises(KeyboardInterrupt):
            sweep(tmp_path, workers, stop_after).run()
    last = sweep(tmp_path, 3)
    last.run()
    assert ends(last) == ends(whole)


@pytest.mark.slow
def test_of_a_grid_with_fewer_points_than_trials_the_share_of_its_points_goes_on(
    tmp_path: Path,
) -> None:
    swept = sweep(tmp_path, spec=GRID)
    swept.run()
    assert sum(len(end.curve) == 2 for end in ends(swept).values()) == 2
    assert "after 2 epochs, the best 3 of 5 trials of each search go on" in swept.observer.notes


def test_a_table_of_trials_on_rungs_keeps_their_curves_to_the_bit(tmp_path: Path) -> None:
    """Elsewhere, others are ranked beside these."""
    scores = [0.15625, 0.1 + 0.2, 2.0]
    curve = tuple({"epoch": epoch, "validation": score} for epoch, score in enumerate(scores, 1))
    trial = Trial("rungs", "gru", "", "adding", 0, {"units": 4}, seed=0)
    result = Result(trial, Outcome(Kind.PRUNED, curve=curve), "rungs/gru/adding/abc")
    content = table.TrialTable("rungs", {"adding": TaskMetadata.of(task())}, {}, (result,))
    file = table.write(content, tmp_path / "trials.csv", exact=True)
    (read,) = table.read(file).results
    assert [row["validation"] for row in read.outcome.curve] == scores


def waiting_files(begun: Sweep) -> list[Path]:
    """Write the files that the trainings of a sweep leave where they wait."""
    files = [trial.checkpoint for trial in begun.launcher.ran]
    for file in files:
        file.parent.mkdir(parents=True)
        file.touch()
    return files


@pytest.mark.slow
def test_no_file_of_a_training_that_waited_is_left(tmp_path: Path) -> None:
    """Neither by a sweep that is killed as trials end, nor where they were run elsewhere."""
    begun = sweep(tmp_path, stop_after=6, spec=SMALL)
    with pytest.raises(KeyboardInterrupt):
        begun.run()
    files = waiting_files(begun)
    killed = sweep(tmp_path, spec=SMALL)
    killed.tracker = Dying()
    with pytest.raises(RuntimeError, match="killed"):
        killed.run()
    assert sum(file.exists() for file in files) == 5
    last = sweep(tmp_path, spec=SMALL)
    last.run()
    assert not any(file.exists() for file in files)

    elsewhere = sweep(tmp_path / "elsewhere", stop_after=2, spec=SMALL)
    with pytest.raises(KeyboardInterrupt):
        elsewhere.run()
    files = waiting_files(elsewhere)
    given = sweep(tmp_path / "elsewhere", spec=SMALL)
    given.given = last.results()
    given.run()
    assert not given.launcher.ran
    assert not any(file.exists() for file in files)


def test_a_sweep_that_is_done_does_nothing_more(whole: Sweep) -> None:
    again = sweep(Path(whole.store.url.removeprefix("sqlite:///")).parent)
    again.run()
    assert not again.launcher.ran


def test_status_counts_no_trial_that_waits_as_interrupted(tmp_path: Path) -> None:
    begun = sweep(tmp_path, stop_after=20)
    with pytest.raises(KeyboardInterrupt):
        begun.run()
    states = rows(begun.studies, begun.store, TRIALS)
    assert sum(state.counts[Kind.INTERRUPTED] for state in states) == 0
    assert sum(state.ended for state in states) == 0
    assert sum(state.waiting for state in states) == 20


def test_another_number_of_trials_is_another_search() -> None:
    few, many = (
        parse_experiment(SPEC.replace("trials: 18", f"trials: {trials}"), "rungs.yaml", Path())
        for trials in (18, 24)
    )
    first, second = (
        {study.identity for study in studies(experiment, {"adding": "digest"}, {"adding": 2})}
        for experiment in (few, many)
    )
    assert not first & second


def test_what_ended_at_a_rung_says_to_the_second_stage_how_poor_its_setting_is(
    whole: Sweep,
) -> None:
    experiment = parse_experiment(SPEC, "rungs.yaml", Path())
    now = stand(experiment, "adding", whole.results(), TRIALS)
    run = sum(len(end.curve) for end in ends(whole).values() if end.kind is Kind.PRUNED)
    others = sum(end.kind is not Kind.PRUNED for end in ends(whole).values())
    assert now.searched == others + math.ceil(run / EPOCHS) < 2 * TRIALS
    # the region is where curves end low, at a learning rate of 0.01
    rates = [training.hyperparameters["learning_rate"] for training in now.next]
    assert rates
    assert all(0.005 < rate < 0.02 for rate in rates)


def test_what_a_pruner_stopped_says_nothing_to_the_second_stage(whole: Sweep) -> None:
    """As before there were rungs: confirmed studies with a pruner keep their regions."""
    experiment = parse_experiment(SPEC, "rungs.yaml", Path())
    pruning = replace(experiment, search=replace(experiment.search, rungs=None))
    results = whole.results()
    without_curves = [
        replace(result, outcome=replace(result.outcome, curve=())) for result in results
    ]
    first, second = (stand(pruning, "adding", some, TRIALS) for some in (results, without_curves))
    assert first.next == second.next
    assert first.searched == len(results)


@pytest.mark.parametrize(
    ("rungs", "trials", "epochs", "trainings"),
    [
        (Rungs((10, 30)), 27, 90, 8),  # (27 x 10 + 9 x 20 + 3 x 60) / 90 = 7
        (Rungs((1,), 0.5), 8, 10, 5),  # (8 x 1 + 4 x 9) / 10 = 4.4
        (Rungs((5,), 0.01), 1, 10, 1),
    ],
)
def test_a_search_on_rungs_costs_as_many_trainings_as_it_has_epochs(
    rungs: Rungs, trials: int, epochs: int, trainings: int
) -> None:
    ends_at = [*rungs.epochs, epochs]
    left = [trials, *(rungs.going_on(rung, trials) for rung in range(len(rungs.epochs)))]
    run = sum(count * (end - begin) for count, begin, end in zip(left, [0, *ends_at], ends_at))
    assert rungs.trainings(trials, epochs) == math.ceil(run / epochs) <= trainings
