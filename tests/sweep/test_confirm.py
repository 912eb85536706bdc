"""Both stages of a sweep with trials that do not train: what is trained and what is said, however
the sweep went on.
"""

from __future__ import annotations

import json
import math
import random
import shutil
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from scipy import stats

from rnnzoo import report
from rnnzoo.cli import main
from rnnzoo.confirm import told
from rnnzoo.confirm.forecast import forecast
from rnnzoo.confirm.stand import Stand, at_most, stand, stands
from rnnzoo.launchers import Event
from rnnzoo.report import paper, table
from rnnzoo.report.figures import study as study_figures
from rnnzoo.report.summary import Summary
from rnnzoo.report.table import TaskMetadata
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Kind, Outcome, Result, Trial
from rnnzoo.sweep import open as door
from rnnzoo.sweep.open import Opened, of_present
from rnnzoo.sweep.plan import confirming, studies
from rnnzoo.sweep.run import Sweep
from rnnzoo.sweep.search import Store, StudyStore
from rnnzoo.trackers.memory import MemoryTracker
from tests.sweep.loop import Quiet

pytestmark = pytest.mark.usefixtures("small_forests")

SPEC = """\
experiment: two_stages
task: adding
variants: [lstm, rnn, gru]
search:
  trials: 5
  seed: 3
  space:
    units: {int: [16, 64], log: true}
    learning_rate: {float: [0.001, 0.1], log: true}
margin: 0.2
confirm: {first: 3, most: 6, region: 2%, budget: 100}
claims: [rnn worse than lstm, gru same as lstm]
"""
EFFECTS = {"rnn": 1.0, "gru": 0.0}
STAGES = ("pilots", "rounds")
Score = Callable[[Trial], float]


def bowl(trial: Trial) -> float:
    """Best in the middle of the space; noise is a function of the seed, so of variant and index."""
    units, rate = (float(trial.hyperparameters[name]) for name in ("units", "learning_rate"))
    off = (math.log(units / 32) / math.log(4)) ** 2 + (math.log(rate / 0.01) / math.log(100)) ** 2
    noise = random.Random(f"{trial.seed} {trial.variant}").gauss(0.0, 0.03)
    return 2.0 * off + EFFECTS.get(trial.variant, 0.0) + noise


def fails(trial: Trial) -> float:
    return math.inf


@dataclass
class Instant:
    """A launcher without processes: trials end at once, with several at a time in an order of its
    own.
    """

    score: Score
    workers: int = 1
    waiting: deque[tuple[int, Trial]] = field(default_factory=deque)
    tickets: int = 0

    def capacity(self) -> int:
        return self.workers

    def submit(self, trial: Trial) -> int:
        self.tickets += 1
        self.waiting.append((self.tickets, trial))
        return self.tickets

    def wait(self, timeout: float) -> Event | None:
        place = random.Random(f"{self.waiting[0][0]}").randrange(len(self.waiting))
        ticket, trial = self.waiting[place]
        del self.waiting[place]
        score = self.score(trial)
        if math.isinf(score):
            return Event(ticket, Outcome(Kind.DIVERGED))
        return Event(
            ticket,
            Outcome(Kind.COMPLETE, {"train": score, "validation": score, "test": score + 0.01}),
        )

    def answer(self, ticket: int, go_on: bool) -> None: ...

    def close(self) -> None:
        self.waiting.clear()


class Observer(Quiet):
    """It keeps where the second stage stood."""

    def __init__(self, stop_after: int = 10**9) -> None:
        super().__init__(stop_after)
        self.stood: list[Stand] = []

    def stands(self, now: Stand, experiment: Experiment) -> None:
        self.stood.append(now)


def sweep(
    folder: Path,
    spec: str = SPEC,
    workers: int = 1,
    stop_after: int = 10**9,
    score: Score = bowl,
    storage: str = "",
) -> Sweep:
    experiment = parse_experiment(spec, str(folder / "two_stages.yaml"), folder)
    labels = [task.label for task in experiment.tasks]
    planned = studies(experiment, dict.fromkeys(labels, "digest"), dict.fromkeys(labels, 2))
    tracker = MemoryTracker()
    tracker.open(experiment.name, "", {})
    store = Store(storage or f"sqlite:///{folder}/optuna.db")
    runs = folder / "runs" / experiment.name
    launcher, observer = Instant(score, workers), Observer(stop_after)
    return Sweep(
        experiment, planned, experiment.search.trials, store, tracker, launcher, observer, runs
    )


def ran(folder: Path, spec: str = SPEC, **how: object) -> Sweep:
    made = sweep(folder, spec, **how)  # type: ignore[arg-type]
    made.run()
    return made


def trained(results: Sequence[Result]) -> dict[tuple[str, int], tuple]:
    return {
        (result.study, result.trial.index): (
            dict(result.trial.hyperparameters),
            result.trial.seed,
            result.outcome.scores,
        )
        for result in results
    }


def task_metadata() -> TaskMetadata:
    return TaskMetadata("MSE", "", 2, {}, "", "digest")


def summary(made: Sweep, results: Sequence[Result] | None = None) -> Summary:
    notes = {task.label: task_metadata() for task in made.experiment.tasks}
    return report.summarise(
        made.experiment, made.results() if results is None else results, notes, made.trials
    )


def verdicts(made: Sweep, results: Sequence[Result] | None = None) -> tuple:
    return summary(made, results).verdicts


def words(made: Sweep) -> list[str]:
    return [verdict.word for verdict in verdicts(made)]


def stages(made: Sweep) -> dict[str, int]:
    """How many trainings there were in the search, as pilots and in rounds."""
    counts = {"search": 0, "pilot": 0, "round": 0}
    for result in made.results():
        counts[result.study.split("/")[1].partition("~")[2] or "search"] += 1
    return counts


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    return ran(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def of_whole(whole: Sweep) -> tuple:
    return verdicts(whole)


def test_a_sweep_goes_on_until_its_claims_are_decided(whole: Sweep, of_whole: tuple) -> None:
    assert [verdict.word for verdict in of_whole] == ["supported", "supported"]
    counts = stages(whole)
    assert counts["search"] == 15
    assert counts["pilot"] >= 6
    assert 9 <= counts["round"] <= 18
    last = whole.observer.stood[-1]
    assert (last.ended, last.trainings, last.next) == ("decided", sum(counts.values()), ())
    assert all(verdict.confirmed for verdict in of_whole)


def test_status_says_how_far_it_is_and_what_each_claim_is_decided_as(
    whole: Sweep,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    opened = Opened(whole.experiment, {}, tuple(whole.studies), whole.trials)
    monkeypatch.setattr(door, "loaded", lambda *_: opened)
    monkeypatch.setattr(door, "existing_store", lambda *_: whole.store)
    file = tmp_path / "two_stages.yaml"
    file.write_text(whole.experiment.text)
    assert main(["status", str(file)]) == 0
    pilots, rounds = (stages(whole)[stage] for stage in ("pilot", "round"))
    worse, same = (int(verdict.numbers["rounds"]) for verdict in verdicts(whole))
    told_of = capsys.readouterr().out.splitlines()[-3:]
    assert told_of[0] == (
        f"second stage: {pilots} pilots and {rounds} trainings in rounds so far; all claims about"
        " scores are decided"
    )
    assert told_of[1].startswith("  rnn worse than lstm: worse (+")
    assert told_of[1].endswith(f"), after {worse} rounds")
    assert told_of[2].startswith("  gru same as lstm: the same within 0.2 (-0.")
    assert told_of[2].endswith(f"), after {same} rounds")
    assert main(["status", str(file), "--json"]) == 0
    claims = json.loads(capsys.readouterr().out)["second_stage"]["adding"]["claims"]
    assert [claim["answer"] for claim in claims.values()] == ["worse", "same"]


def test_all_variants_of_a_round_have_one_setting_and_one_seed_and_no_two_rounds_the_same(
    whole: Sweep,
) -> None:
    rounds: dict[int, list[Trial]] = {}
    for result in whole.results():
        if "~round" in result.study:
            rounds.setdefault(result.trial.index, []).append(result.trial)
    assert sorted(rounds) == list(range(len(rounds)))
    for trials in rounds.values():
        assert len({(tuple(trial.hyperparameters.items()), trial.seed) for trial in trials}) == 1
    seeds = [trials[0].seed for trials in rounds.values()]
    others = [result.trial.seed for result in whole.results() if "~round" not in result.study]
    assert len({*seeds, *others}) == len(seeds) + len(others)


def check_interruption(
    whole: Sweep, folder: Path, stop_after: int, workers: int, spec: str = SPEC
) -> None:
    """To the bit: trials, their points and seeds, verdicts with all their numbers."""
    expected = trained(whole.results())
    cut_off = sweep(folder, spec, workers=workers, stop_after=stop_after)
    with pytest.raises(KeyboardInterrupt):
        cut_off.run()
    verdicts(cut_off)  # a report can be made wherever a sweep was cut off
    last = ran(folder, spec, workers=3 - workers)
    assert trained(last.results()) == expected
    assert verdicts(last) == verdicts(whole)
    assert len(last.observer.ends) == len(expected) - stop_after  # nothing ran twice


@pytest.mark.parametrize(
    ("stop_after", "workers"), [pytest.param(17, 1, marks=pytest.mark.slow), (24, 2)]
)
def test_workers_and_interruptions_change_nothing(
    whole: Sweep, tmp_path: Path, stop_after: int, workers: int
) -> None:
    check_interruption(whole, tmp_path, stop_after, workers)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_interruptions_at_any_trial_change_nothing(
    whole: Sweep, tmp_path: Path, workers: int
) -> None:
    for stop_after in range(1, len(whole.results()) + 1):
        folder = tmp_path / f"{stop_after}"
        folder.mkdir()
        check_interruption(whole, folder, stop_after, workers)


def test_a_sweep_that_is_done_does_nothing_more(whole: Sweep) -> None:
    folder = whole.runs.parent.parent
    again = ran(folder)
    assert not again.observer.ends
    assert not again.observer.notes


def between(trial: Trial) -> float:
    """No number of rounds says whether `gru` is the same."""
    return bowl(trial) + 0.17 * (trial.variant == "gru")


def test_a_larger_budget_goes_on(tmp_path: Path) -> None:
    for name in ("at_once", "in_steps"):
        (tmp_path / name).mkdir()
    at_once = ran(tmp_path / "at_once", score=between)
    assert at_once.observer.stood[-1].ended == "most"
    budget = len(at_once.results()) - 3
    small = ran(
        tmp_path / "in_steps", SPEC.replace("budget: 100", f"budget: {budget}"), score=between
    )
    assert small.observer.stood[-1].ended == "budget"
    before = trained(small.results())
    assert len(before) == budget - 1
    large = ran(tmp_path / "in_steps", score=between)
    assert before.items() < trained(large.results()).items()
    assert trained(at_once.results()) == trained(large.results())
    assert verdicts(at_once) == verdicts(large)


def test_pilots_for_which_the_budget_has_no_room_are_not_trained(tmp_path: Path) -> None:
    short = SPEC.replace("budget: 100", "budget: 20")  # 15 of the search, and 6 pilots
    ended = ran(tmp_path, short)
    assert stages(ended) == {"search": 15, "pilot": 0, "round": 0}
    assert {verdict.detail for verdict in verdicts(ended)} == {
        "nothing was confirmed: the budget is spent"
    }
    assert stages(ran(tmp_path, SPEC.replace("budget: 100", "budget: 21"))) == {
        "search": 15, "pilot": 6, "round": 0,
    }  # fmt: skip


def test_more_trials_of_the_search_set_the_second_stage_aside_and_say_so(
    whole: Sweep, of_whole: tuple, tmp_path: Path
) -> None:
    shutil.copy(whole.runs.parents[1] / "optuna.db", tmp_path)
    later = stages(whole)
    more = ran(tmp_path, SPEC.replace("trials: 5", "trials: 6"))
    counts = stages(more)
    assert counts["search"] == 18
    notes = [note for note in more.observer.notes if "set aside" in note]
    assert notes
    assert all("search or its `confirm:` changed" in note for note in notes)
    assert (
        sum(int(note.split("; ")[1].split()[0]) for note in notes)
        == later["pilot"] + later["round"]
    )
    back = ran(tmp_path)  # and it is there again
    assert not back.observer.ends
    # the line at equal settings knows more trials
    for verdict, expected in zip(verdicts(back), of_whole, strict=True):
        assert (verdict.word, verdict.level, verdict.numbers["low"]) == (
            expected.word,
            expected.level,
            expected.numbers["low"],
        )


def test_trials_of_a_table_are_taken_over_with_both_stages(
    whole: Sweep, of_whole: tuple, tmp_path: Path
) -> None:
    notes = {"adding": task_metadata()}
    path = table.write(
        table.TrialTable("two_stages", notes, {}, tuple(whole.results())), tmp_path / "t.csv"
    )
    read = table.read(path)
    here = sweep(tmp_path)
    here.given = read.results
    here.run()
    assert not here.observer.ends
    assert trained(here.results()) == trained(whole.results())
    assert set(here.tracker.recorded("two_stages")) == set(trained(whole.results()))
    assert verdicts(here) == of_whole
    counts = stages(whole)
    assert (
        f"{counts['pilot'] + counts['round']} trials of the second stage taken over"
        in here.observer.notes
    )


def test_where_trainings_of_both_stages_were_run_is_kept_with_them(
    whole: Sweep, tmp_path: Path
) -> None:
    studies_ = {result.study for result in whole.results()}
    assert len(studies_) == 3 + 3 + 3  # searches, pilots and rounds
    assert all(whole.store.provenance({name}) == [whole.opened.provenance] for name in studies_)
    elsewhere = {"Python": "another one"}
    later = sweep(tmp_path)
    later.given, later.given_provenance = whole.results(), (elsewhere,)
    later.run()
    assert all(later.store.provenance({name}) == [elsewhere] for name in studies_)


def test_a_report_from_a_table_says_what_the_sweep_said(
    whole: Sweep, of_whole: tuple, tmp_path: Path
) -> None:
    for ending in ("csv", "parquet"):
        content = table.TrialTable(
            "two_stages", {"adding": task_metadata()}, {}, tuple(whole.results())
        )
        read = table.read(table.write(content, tmp_path / f"t.{ending}"))
        assert verdicts(whole, read.results) == of_whole


def test_a_training_of_a_table_that_was_made_at_another_setting_is_made_here(
    whole: Sweep, tmp_path: Path
) -> None:
    results = list(whole.results())
    for stage in ("~pilot", "~round"):
        place = next(number for number, result in enumerate(results) if stage in result.study)
        trial = results[place].trial
        other = replace(trial, hyperparameters={**trial.hyperparameters, "units": 17})
        results[place] = replace(results[place], trial=other)
    here = sweep(tmp_path)
    here.given = results
    here.run()
    assert len(here.observer.ends) == 2
    assert trained(here.results()) == trained(whole.results())


def test_each_task_has_a_second_stage_of_its_own(tmp_path: Path) -> None:
    spec = SPEC.replace("task: adding", "tasks: [adding, {name: adding, label: long, length: 50}]")
    made = ran(tmp_path, spec, workers=2)
    ends = {
        ended_stand.task: ended_stand.ended
        for ended_stand in made.observer.stood
        if not ended_stand.next
    }
    assert ends == {"adding": "decided", "long": "decided"}
    ends_by_task = {
        ended_stand.task: ended_stand for ended_stand in made.observer.stood if not ended_stand.next
    }
    assert ends_by_task["adding"].trainings + ends_by_task["long"].trainings == len(made.results())
    assert words(made) == ["supported"] * 4
    points = {
        result.study.split("/")[2]: result.trial.hyperparameters
        for result in made.results()
        if "~round" in result.study
    }
    assert points["adding"] != points["long"]


TWO_TASKS = SPEC.replace("task: adding", "tasks: [adding, {name: adding, label: long, length: 50}]")
ON_ALL = TWO_TASKS.replace(
    "[rnn worse than lstm, gru same as lstm]",
    "['on all tasks: rnn worse than lstm', 'on all tasks: gru worse than lstm', on adding: gru"
    " same as lstm]",
)


@pytest.fixture(scope="module")
def on_all(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    return ran(tmp_path_factory.mktemp("on_all"), ON_ALL)


@pytest.fixture(scope="module")
def summary_of_all(on_all: Sweep) -> report.Summary:
    notes = {task.label: task_metadata() for task in on_all.experiment.tasks}
    return report.summarise(on_all.experiment, on_all.results(), notes, on_all.trials)


def test_a_claim_about_several_tasks_rests_on_the_rounds_of_each(
    summary_of_all: report.Summary,
) -> None:
    first, second, third = summary_of_all.verdicts
    assert (first.word, second.word, third.word) == ("supported", "refuted", "supported")
    relations = [(part.task, part.relation, part.confirmed) for part in first.parts]
    assert relations == [("adding", "worse", True), ("long", "worse", True)]
    assert second.parts[0].relation == "same"
    assert first.numbers["adding/low"] == first.parts[0].numbers["low"] > 0.1


def test_what_one_task_decides_of_several_is_not_asked_on_the_next(
    on_all: Sweep, summary_of_all: report.Summary
) -> None:
    """That gru is the same on the first task refutes that it is worse on all, and the next asks
    about rnn alone.
    """
    rounds = {
        (result.key.task, result.key.variant)
        for result in on_all.results()
        if result.key.stage == "round"
    }
    assert rounds == {
        ("adding", "lstm"),
        ("adding", "rnn"),
        ("adding", "gru"),
        ("long", "lstm"),
        ("long", "rnn"),
    }
    refuted = summary_of_all.verdicts[1]
    assert refuted.parts[1].detail == "not asked: the tasks before decide the claim"


def test_a_page_shows_a_claim_about_several_tasks_round_by_round_on_each(
    summary_of_all: report.Summary, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the names are what counts here
    monkeypatch.setattr(study_figures, "svg", lambda figure: "")
    pictures = {name for name in study_figures.draw(summary_of_all) if name.startswith("claim")}
    assert pictures == {"claim-1-adding", "claim-1-long", "claim-2-adding", "claim-3"}


def test_a_plan_asks_for_no_training_for_what_the_tasks_before_have_decided(on_all: Sweep) -> None:
    """Of the claims on both tasks only the one about rnn is left for the second: two variants and
    not three.
    """
    experiment = on_all.experiment
    first_task = [
        result for result in on_all.results() if result.key.task == "adding" or not result.key.stage
    ]
    known = stands(experiment, first_task, on_all.trials)
    left = forecast(experiment, "long", on_all.trials, before=[known["adding"]])
    assert left is not None
    assert [claim.claim for claim in left.claims] == ["on all tasks: rnn worse than lstm"]
    assert (
        forecast(experiment, "long", on_all.trials).claims[1].claim
        == "on all tasks: gru worse than lstm"
    )
    only_gru = replace(experiment, claims=experiment.claims[1:])
    assert at_most(only_gru, "long", on_all.trials, before=[known["adding"]]) == 0
    assert at_most(only_gru, "long", on_all.trials) > 0


def test_a_claim_about_several_tasks_is_told_of_as_part_of_it(
    on_all: Sweep, summary_of_all: report.Summary
) -> None:
    (adding,) = [now for now in on_all.observer.stood if now.task == "adding" and now.ended]
    sentences = list(told.lines(adding, on_all.experiment))
    assert any(
        sentence.startswith("round 3 on adding, of `on all tasks: rnn worse than lstm`: worse (")
        for sentence in sentences
    )
    refuted = summary_of_all.verdicts[1].answer
    assert refuted.endswith("is worse than lstm on both tasks: not on adding")


def test_tables_for_papers_have_a_row_for_each_task_of_a_claim_about_several(
    summary_of_all: report.Summary,
) -> None:
    table_of_answers = paper.markdown(summary_of_all)
    rows = [
        line
        for line in table_of_answers.splitlines()
        if "rnn worse than lstm" in line and line.startswith("|")
    ]
    assert rows[0].split("|")[3].strip() == ""
    assert [row.split("|")[1].strip().split(":")[0] for row in rows] == [
        "on all tasks",
        "on adding",
        "on long",
    ]
    assert rows[1].split("|")[1].strip() == "on adding: rnn worse than lstm"
    assert all(row.split("|")[3].strip().startswith("+0.9") for row in rows[1:])


@pytest.mark.slow
@pytest.mark.parametrize(("stop_after", "workers"), [(20, 1), (50, 2)])
def test_interruptions_change_nothing_of_a_claim_about_several_tasks(
    on_all: Sweep, tmp_path: Path, stop_after: int, workers: int
) -> None:
    check_interruption(on_all, tmp_path, stop_after, workers, ON_ALL)


def test_with_settings_of_their_own_variants_train_where_each_does_well(tmp_path: Path) -> None:
    def apart(trial: Trial) -> float:
        if trial.variant != "rnn":
            return bowl(trial)
        hyperparameters = {
            **trial.hyperparameters,
            "learning_rate": float(trial.hyperparameters["learning_rate"]) * 6,
        }
        return bowl(replace(trial, hyperparameters=hyperparameters))

    made = ran(
        tmp_path,
        SPEC.replace("trials: 5", "trials: 12").replace("first: 3", "settings: own, first: 3"),
        score=apart,
    )
    rates: dict[str, list[float]] = {}
    for result in made.results():
        if "~round" in result.study:
            rates.setdefault(result.trial.variant, []).append(
                float(result.trial.hyperparameters["learning_rate"])
            )
    assert max(rates["rnn"]) < min(rates["lstm"])
    assert words(made)[0] == "supported"
    told_of = {next(told.lines(now, made.experiment)) for now in made.observer.stood if now.next}
    assert told_of == {f"confirming: {stage} where each does well itself" for stage in STAGES}


def test_common_settings_are_told_of_as_they_are_found(whole: Sweep) -> None:
    told_of = [next(told.lines(now, whole.experiment)) for now in whole.observer.stood if now.next]
    assert told_of[0].startswith("confirming: pilots where all do well: units ")
    assert told_of[-1].startswith("confirming: rounds where all do well: units ")


DIFFERENT = SPEC.replace(
    "variants: [lstm, rnn, gru]",
    "variants: [lstm, rnn, {name: gru, space: {units: {int: [24, 40]}, batch: {choice: [16,"
    " 32]}}}]",
)


def test_variants_of_different_spaces_have_settings_of_their_own(tmp_path: Path) -> None:
    made = ran(tmp_path, DIFFERENT.replace("first: 3", "settings: own, first: 3"))
    assert words(made)[0] == "supported"
    batches = {
        result.trial.variant: "batch" in result.trial.hyperparameters
        for result in made.results()
        if "~" in result.study
    }
    assert batches["gru"]
    assert made.observer.stood[-1].ended


def test_a_variant_that_no_claim_is_about_may_have_a_space_of_its_own(tmp_path: Path) -> None:
    made = ran(
        tmp_path,
        DIFFERENT.replace(
            "claims: [rnn worse than lstm, gru same as lstm]", "claims: [rnn worse than lstm]"
        ),
    )
    assert words(made) == ["supported"]
    assert not [result for result in made.results() if "gru~" in result.study]


def test_without_a_claim_about_scores_nothing_is_confirmed(tmp_path: Path) -> None:
    made = ran(
        tmp_path, SPEC[: SPEC.index("claims:")] + "claims: [weights of rnn below 90% of lstm]\n"
    )
    assert stages(made) == {"search": 15, "pilot": 0, "round": 0}
    assert [ended_stand.ended for ended_stand in made.observer.stood] == [
        "no claim is about scores"
    ]


def test_a_search_of_which_nothing_completes_ends_and_says_so(tmp_path: Path) -> None:
    made = ran(tmp_path, score=fails)
    assert stages(made) == {"search": 15, "pilot": 0, "round": 0}
    assert made.observer.stood[-1].ended == (
        "nothing can be confirmed: to predict scores takes 4 trials with a score, and there are 0"
    )
    assert words(made) == ["undecided", "undecided"]
    assert not ran(tmp_path, score=fails).observer.ends


def test_a_variant_that_fails_where_all_do_well_is_not_tuned_and_the_others_are_judged(
    tmp_path: Path,
) -> None:
    def broken(trial: Trial) -> float:
        return math.inf if trial.variant == "rnn" else bowl(trial)

    made = ran(tmp_path, score=broken)
    last = made.observer.stood[-1]
    assert last.untuned == ("rnn",)
    judged = verdicts(made)
    assert [verdict.word for verdict in judged] == ["undecided", "supported"]
    assert "not tuned: rnn does worse than predicted" in judged[0].detail
    picture = study_figures.draw(summary(made))["answers"]
    assert ">not tuned<" in picture


def test_pilots_of_a_variant_without_rounds_are_read_as_pilots(tmp_path: Path) -> None:
    """They are the same as rounds would be but for their settings."""

    def broken(trial: Trial) -> float:
        return 5.0 * (1 + trial.index) if trial.variant == "rnn" else bowl(trial)

    made = ran(tmp_path, score=broken)
    assert made.observer.stood[-1].untuned == ("rnn",)
    planned = (*made.studies, *confirming(made.studies, made.trials))
    read = of_present(made.store.results("two_stages"), planned, made.store)
    assert trained(read) == trained(made.results())
    assert verdicts(made, read) == verdicts(made)


def test_a_pilot_that_begins_again_when_asked_leaves_no_training_at_another_setting(
    tmp_path: Path,
) -> None:
    """`--again` changes what the search has found, and so where pilots and rounds belong: they are
    made anew.
    """

    def broken(trial: Trial) -> float:
        if trial.variant == "gru" and trial.index == 0 and not Path(trial.base, "mended").exists():
            return math.inf
        return bowl(trial)

    ran(tmp_path, score=broken)
    (tmp_path / "mended").touch()
    again = sweep(tmp_path, score=bowl)
    again.again = (Kind.DIVERGED,)
    again.run()
    (tmp_path / "fresh").mkdir()
    fresh = ran(tmp_path / "fresh", score=bowl)
    assert trained(again.results()) == trained(fresh.results())
    assert verdicts(again) == verdicts(fresh)


def test_a_kill_after_trials_of_the_search_are_forgotten_leaves_no_second_stage_of_theirs(
    whole: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(trial: Trial) -> float:
        return math.inf if trial.variant == "gru" and trial.index == 0 else bowl(trial)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    ran(tmp_path, score=broken)
    again = sweep(tmp_path)
    again.again = (Kind.DIVERGED,)
    with monkeypatch.context() as patched:
        patched.setattr(StudyStore, "mark_stopped", killed)  # which comes next
        with pytest.raises(KeyboardInterrupt):
            again.run()
    assert trained(ran(tmp_path).results()) == trained(whole.results())


def test_a_pilot_that_begins_again_leaves_no_training_where_it_had_pointed_to(
    whole: Sweep, tmp_path: Path
) -> None:
    def broken(trial: Trial) -> float:
        is_first_pilot = "gru~pilot" in trial.folder and trial.index == 0
        return math.inf if is_first_pilot else bowl(trial)

    before = ran(tmp_path, score=broken)
    assert trained(before.results()).keys() != trained(whole.results()).keys()
    again = sweep(tmp_path)
    again.again = (Kind.DIVERGED,)
    again.run()
    assert trained(again.results()) == trained(whole.results())


def test_the_hash_of_a_search_is_what_it_is_without_a_second_stage(tmp_path: Path) -> None:
    """A search can be confirmed later, and again with a larger budget."""
    confirmed = sweep(tmp_path)
    plain = sweep(
        tmp_path, "".join(line for line in SPEC.splitlines(True) if not line.startswith("confirm"))
    )
    assert [study.identity for study in confirmed.studies] == [
        study.identity for study in plain.studies
    ]
    assert confirming(plain.studies, 5) == ()
    larger = sweep(
        tmp_path, SPEC.replace("budget: 100", "budget: 200").replace("most: 6", "most: 20")
    )
    assert [study.identity for study in confirming(larger.studies, 5)] == [
        study.identity for study in confirming(confirmed.studies, 5)
    ]


# ------------------------------------------------------------------ one cell under many names

SIX = """\
experiment: copies
task: adding
variants: [{name: a0, cell: rnn}, {name: a1, cell: rnn}, {name: a2, cell: rnn},
  {name: a3, cell: rnn}, {name: a4, cell: rnn}, {name: a5, cell: rnn}]
search:
  trials: 4
  seed: SEED
  space:
    units: {int: [16, 64], log: true}
    learning_rate: {float: [0.001, 0.1], log: true}
margin: 0.2
confirm: {first: 6, most: 12, region: 1%, budget: 150}
claims: [a1 worse than a0, a2 better than a0, a3 worse than a0, a4 better than a0, a5 worse than a0]
"""


def noisy(trial: Trial) -> float:
    return bowl(trial) + random.Random(f"noise {trial.seed} {trial.variant}").gauss(0.0, 0.1)


def told_of_copies(seed: int) -> list[str]:
    """The answers about six copies of one cell, by the loop of a sweep without its stores."""
    experiment = parse_experiment(SIX.replace("SEED", str(seed)), "copies.yaml", Path())
    planned = studies(experiment, {"adding": "digest"}, {"adding": 2})
    later = {
        (planned_study.stage, planned_study.variant.label): planned_study
        for planned_study in confirming(planned, 4)
    }
    results: list[Result] = []

    def train(study: object, index: int, hyperparameters: object) -> None:
        trial = study.trial(index, hyperparameters)  # type: ignore[attr-defined]
        score = noisy(trial)
        scores = {"validation": score, "test": score}
        results.append(Result(trial, Outcome(Kind.COMPLETE, scores), study.identity))  # type: ignore[attr-defined]

    from rnnzoo.spec import points

    for study in planned:
        for index in range(4):
            train(
                study,
                index,
                points.point(
                    experiment.search, study.variant.space, study.variant.label, "adding", index
                ),
            )
    while (now := stand(experiment, "adding", results, 4)).next:
        for wanted in now.next:
            train(later[wanted.stage, wanted.variant], wanted.index, wanted.hyperparameters)
    return [str(standing.answer) for standing in now.standings.values()]


def check_copies(studies_: int) -> None:
    answers = [told_of_copies(seed) for seed in range(studies_)]
    wrong = sum(bool({"worse", "better"} & set(answer)) for answer in answers)
    # margin and floor make it rarer than one in twenty
    assert wrong <= stats.binom.isf(1e-3, studies_, 0.05) / 3
    # and it does not keep silent
    assert sum(answer.count("same") for answer in answers) > studies_ / 4


def test_no_difference_is_found_between_six_copies_of_one_cell() -> None:
    check_copies(4)


@pytest.mark.slow
def test_no_difference_is_found_in_many_studies_of_six_copies() -> None:
    check_copies(100)
