"""Sweeps that are told something while they run: what is begun changes, and no outcome does."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from rnnzoo.errors import RnnzooError
from rnnzoo.launchers import Event
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial
from rnnzoo.sweep import channel, steering
from rnnzoo.sweep.channel import Answer, Command
from rnnzoo.sweep.parts import Part
from rnnzoo.sweep.plan import Study
from rnnzoo.sweep.run import Sweep
from rnnzoo.sweep.steering import TOLD, Told
from tests.sweep import test_confirm
from tests.sweep.inline import EpochLauncher
from tests.sweep.loop import Quiet, sweep
from tests.sweep.test_hours import EPOCHS, RANDOM, RUNGS
from tests.sweep.test_parts import outcomes


@pytest.fixture(autouse=True)
def looks_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steering, "EVERY", 0.0)


@dataclass
class PatientLauncher(EpochLauncher):
    """Waits where nothing runs, and can be told how many trials it runs at once.

    Attributes:
        room: trials at once.
        idle: called where nothing runs.
    """

    room: int = 2
    idle: Iterator[object] = field(default_factory=lambda: iter(()))
    most: int = 0  # that ran at once

    def capacity(self) -> int:
        return self.room

    def resize(self, workers: int) -> None:
        self.room = workers

    def wait(self, timeout: float | None = None) -> Event | None:
        self.most = max(self.most, len(self.running))
        if self.running:
            return super().wait(timeout)
        next(self.idle)
        return None


@dataclass
class Teller(Quiet):
    """Tells the sweep something after so many epochs of all trials.

    Attributes:
        after: commands by the number of epochs.
    """

    after: dict[int, str] = field(default_factory=dict)
    heard: int = 0
    runs: Path = Path()
    names: list[str] = field(default_factory=list)
    in_force: list[Told] = field(default_factory=list)
    began: list[Trial] = field(default_factory=list)

    def progress(self, study: Study, trial: Trial, progress: Progress) -> None:
        self.heard += 1
        if self.heard in self.after:
            self.tell(self.after[self.heard])

    def tell(self, words: str) -> None:
        (running,) = channel.running(self.runs)
        self.names.append(channel.give(running, command(words)))

    def started(self, study: Study, trial: Trial) -> None:
        self.began.append(trial)

    def steered(self, told: Told) -> None:
        self.in_force.append(told)

    @property
    def answers(self) -> list[str]:
        """What the sweep said to each command."""
        return [note for note in self.notes if note.split(":")[0].split()[0] in channel.WORDS]


def command(words: str) -> Command:
    name, _, value = words.partition(" ")
    if name in channel.LEAST:
        return Command(name, number=int(value))  # type: ignore[arg-type]
    return Command(name, value)  # type: ignore[arg-type]


def prepared(
    folder: Path, spec: str = RANDOM, states: dict[str, int] | None = None, **after: object
) -> Sweep:
    """A sweep of two variants with four trials each, told something after so many epochs."""
    observer = Teller(**after)  # type: ignore[arg-type]
    made = sweep(folder, spec, 2, observer)
    observer.runs = made.runs
    made.launcher = PatientLauncher({} if states is None else states)
    return made


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    made = prepared(tmp_path_factory.mktemp("whole"))
    made.run()
    return made


def test_a_paused_sweep_begins_nothing_until_it_is_told_to_go_on(
    whole: Sweep, tmp_path: Path
) -> None:
    made = prepared(tmp_path, after={2: "pause"})
    teller, launcher = made.observer, made.launcher

    def idle() -> Iterator[object]:
        assert len(teller.ends) == len(teller.began) == 2  # those that ran have ended
        yield
        yield teller.tell("resume")
        yield

    launcher.idle = idle()
    made.run()
    assert teller.answers[0] == "pause: no trial begins any more; 2 trials that run end"
    assert teller.answers[1].startswith("resume: trials begin again, 2 at a time")
    assert [told.paused is not None for told in teller.in_force] == [True, False]
    assert outcomes(made) == outcomes(whole)
    assert made.store.provenance(made.present()) == whole.store.provenance(whole.present())


def test_a_paused_sweep_does_not_end_though_nothing_is_left(whole: Sweep, tmp_path: Path) -> None:
    made = prepared(tmp_path, after={2: "pause", 3: "trials 1"})
    teller = made.observer

    def idle() -> Iterator[object]:
        yield
        yield teller.tell("trials 4")
        yield teller.tell("resume")
        yield

    made.launcher.idle = idle()
    made.run()
    assert [answer.split(":")[1].split(",")[0] for answer in teller.answers] == [
        " no trial begins any more; 2 trials that run end",
        " 1 trial of each",
        " 4 trials of each",
        " trials begin again",
    ]
    assert outcomes(made) == outcomes(whole)
    assert not list(made.steering.last_words())


def test_the_end_that_is_asked_for_comes_in_a_pause_and_the_next_sweep_begins_unpaused(
    whole: Sweep, tmp_path: Path
) -> None:
    made = prepared(tmp_path, after={2: "pause"})

    def idle() -> Iterator[object]:
        yield signal.raise_signal(signal.SIGTERM)

    made.launcher.idle = idle()
    with pytest.raises(KeyboardInterrupt):
        made.run()
    assert not channel.running(made.runs)
    again = prepared(tmp_path)
    again.run()
    assert again.steering.told.paused is None
    assert outcomes(again) == outcomes(whole)


def test_time_that_is_over_in_a_pause_ends_the_sweep(tmp_path: Path) -> None:
    made = prepared(tmp_path, after={2: "workers 0"})

    def idle() -> Iterator[object]:
        made.loop.ends_at = time.monotonic()
        yield

    made.launcher.idle = idle()
    made.run()
    assert made.observer.notes[-1] == "the time is over, so nothing more is begun"
    assert len(made.results()) == 2


def test_of_a_stopped_variant_nothing_begins_and_what_runs_is_saved_for_the_next_sweep(
    whole: Sweep, tmp_path: Path
) -> None:
    states: dict[str, int] = {}
    made = prepared(tmp_path, states=states, after={3: "stop gru"})
    made.run()
    assert made.observer.answers == [
        "stop gru: no more trials of gru begin; 1 that runs saves its state after its epoch, or"
        " ends; the next sweep goes on with it"
    ]
    assert {trial.variant for trial in made.observer.ends} == {"rnn"}
    assert len(made.observer.ends) == 4
    assert list(made.steering.last_words()) == [
        "gru was stopped with 0 of 4 trials: verdicts about it are incomplete, and the same command"
        " goes on with it"
    ]
    (gru,) = (study for study in made.studies if study.variant.label == "gru")
    stopped = made.store.stopped(made.present())
    assert list(stopped) == [gru.identity]
    when = datetime.fromisoformat(stopped[gru.identity])
    assert abs(when - datetime.fromisoformat(made.steering.log[0]["time"])) < timedelta(seconds=9)
    again = prepared(tmp_path, states=states)
    again.run()
    assert again.store.stopped(again.present()) == {}
    assert outcomes(again) == outcomes(whole)
    assert {result.outcome.kind for result in again.results()} == {Kind.COMPLETE}
    assert made.launcher.epochs + again.launcher.epochs == 8 * EPOCHS  # no epoch twice
    told = [setup for setup in again.store.provenance(again.present()) if TOLD in setup]
    assert [setup[TOLD] for setup in told] == ["stop gru"]


def test_a_stopped_variant_goes_on_where_that_is_told_in_time(whole: Sweep, tmp_path: Path) -> None:
    made = prepared(tmp_path, after={3: "stop gru", 7: "resume gru"})
    made.run()
    assert made.observer.answers[1] == "resume gru: trials of gru begin again"
    assert made.store.stopped(made.present()) == {}
    assert outcomes(made) == outcomes(whole)
    assert made.launcher.epochs == 8 * EPOCHS


def test_a_variant_that_misses_a_rung_waits_for_the_next_sweep(tmp_path: Path) -> None:
    states: dict[str, int] = {}
    steady = prepared(tmp_path / "steady", RUNGS)
    steady.run()
    made = prepared(tmp_path / "told", RUNGS, states, after={2: "stop gru", 8: "resume gru"})
    made.run()
    assert "resume gru is refused: the search has gone on without gru" in made.observer.notes
    again = prepared(tmp_path / "told", RUNGS, states)
    again.run()
    assert outcomes(again) == outcomes(steady)
    assert made.launcher.epochs + again.launcher.epochs == steady.launcher.epochs


@pytest.mark.parametrize("words", ["trials 6", "trials 3"])
def test_another_number_of_trials_gives_the_trials_of_a_file_that_says_so(
    words: str, tmp_path: Path
) -> None:
    number = words.partition(" ")[2]
    written = prepared(tmp_path / "written", RANDOM.replace("trials: 4", f"trials: {number}"))
    written.run()
    made = prepared(tmp_path / "told", after={2: words})
    identities = made.present()
    made.run()
    assert made.observer.answers[0].startswith(f"{words}: {number} trials of each, not 4")
    assert outcomes(made) == outcomes(written)
    assert made.present() == identities == written.present()
    assert made.experiment == written.experiment
    assert list(made.steering.last_words()) == [
        f"`search: {{trials: {number}}}` was told while it ran: write it in"
        f" {made.experiment.file} to keep it"
    ]


def test_fewer_trials_than_have_begun_begin_no_more(whole: Sweep, tmp_path: Path) -> None:
    made = prepared(tmp_path, after={5 * EPOCHS: "trials 1"})
    made.run()
    assert made.observer.answers == [
        "trials 1: 3 trials of each, not 4: 3 of each are begun, and no more begin; `trials: 3` in"
        f" {made.experiment.file} keeps it for the next sweep"
    ]
    assert outcomes(made).items() <= outcomes(whole).items()
    assert len(outcomes(made)) == 6


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("trials 3", "trials 3: 3 trials of each, not 4: no more begin;"),
        ("trials 1", "trials 1: 3 trials of each, not 4: 3 of each are begun, and no more begin;"),
        ("trials 4", "trials 4: it stays at 4 trials of each"),
    ],
)
def test_a_shard_answers_for_what_it_has_begun_and_not_for_its_next_trial(
    words: str, said: str, tmp_path: Path
) -> None:
    """It has the trials 2, 6, 10 and so on, of which the first have begun."""
    made = prepared(tmp_path, after={1: words})
    made.part = Part(shard=3, of=4)
    made.run()
    assert made.observer.answers[0].startswith(said)
    assert [result.trial.index for result in made.results()] == [2, 2]


def test_trials_of_other_shards_are_none_of_a_stopped_variant(tmp_path: Path) -> None:
    others = prepared(tmp_path)
    others.part = Part(shard=1, of=2)
    others.run()
    made = prepared(tmp_path, after={1: "stop rnn"})
    made.part = Part(shard=2, of=2)
    made.run()
    (said,) = made.steering.last_words()
    assert said.startswith("rnn was stopped with 0 of 2 trials")


@pytest.mark.parametrize(
    ("spec", "words", "said"),
    [
        (RUNGS, "trials 6", "another number of trials is another search"),
        (RANDOM + "select: {keep: 4}\n", "trials 3", "keep 4 is more than the 3 trials"),
        (RANDOM, "budget 9", "this experiment has no `confirm:`"),
        (RANDOM, "stop lstm", "it has no variant 'lstm'"),
        (RANDOM, "workers 20000", "a sweep runs at most 10,000 trials at once"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(
    spec: str, words: str, said: str, tmp_path: Path
) -> None:
    made = prepared(tmp_path, spec, after={1: words})
    made.run()
    assert any(
        note.startswith(f"{words} is refused") and said in note for note in made.observer.notes
    )
    assert not made.observer.in_force
    assert len(made.results()) == 8


def test_what_is_told_twice_is_told_so(tmp_path: Path) -> None:
    after = {1: "stop gru", 2: "stop gru", 3: "resume", 4: "trials 4", 5: "resume rnn"}
    made = prepared(tmp_path, after=after)
    made.run()
    assert made.observer.answers[1:] == [
        "stop gru: gru was stopped already",
        "resume: it is not paused",
        "trials 4: it stays at 4 trials of each",
        "resume rnn: rnn is not stopped",
    ]


def test_as_many_trials_run_at_once_as_the_sweep_is_told(whole: Sweep, tmp_path: Path) -> None:
    made = prepared(tmp_path, after={2: "workers 5"})
    made.run()
    assert made.launcher.most == 5
    assert made.observer.answers == ["workers 5: 5 trials at a time, not 2"]
    assert outcomes(made) == outcomes(whole)


def test_a_launcher_that_has_no_room_runs_as_many_as_it_has(tmp_path: Path) -> None:
    made = prepared(tmp_path, after={2: "workers 5", 3: "workers 1"})
    made.launcher = Narrow()
    made.run()
    assert made.launcher.most == 2
    assert made.observer.answers == [
        "workers 5: 2 trials at a time: the launcher has room for no more than 2, by what its"
        " workers have",
        "workers 1: 1 trial at a time, not 2; 1 that runs ends first",
    ]


class Narrow(PatientLauncher):
    """A launcher that cannot be told how many trials it runs."""

    resize = None  # type: ignore[assignment]


def test_no_workers_are_a_pause_which_workers_end(whole: Sweep, tmp_path: Path) -> None:
    made = prepared(tmp_path, after={2: "workers 0"})
    teller = made.observer

    def idle() -> Iterator[object]:
        yield teller.tell("workers 1")
        yield

    made.launcher.idle = idle()
    made.run()
    assert [told.paused is not None for told in teller.in_force] == [True, False]
    assert teller.answers[1].startswith("workers 1: 1 trial at a time")
    assert outcomes(made) == outcomes(whole)


@pytest.mark.parametrize("first", ["workers 0", "pause"])
def test_workers_do_not_end_a_pause_that_was_asked_for(
    whole: Sweep, tmp_path: Path, first: str
) -> None:
    made = prepared(tmp_path, after={2: first})
    teller = made.observer

    def idle() -> Iterator[object]:
        yield teller.tell("pause" if first == "workers 0" else "workers 0")
        yield teller.tell("workers 2")
        yield
        assert made.steering.told.paused is not None
        assert len(teller.ends) == 2
        yield teller.tell("resume")
        yield

    made.launcher.idle = idle()
    made.run()
    assert teller.answers[2] == "workers 2: 2 trials at a time, once it goes on"
    assert outcomes(made) == outcomes(whole)


def test_the_sweep_says_what_it_does_and_what_it_was_told(tmp_path: Path) -> None:
    made = prepared(tmp_path, after={2: "trials 6", EPOCHS * 2 + 1: "status"})
    answers: list[Answer] = []
    made.observer.ended = lambda *_: answers.extend(read(made))  # type: ignore[method-assign]
    made.run()
    state = next(answer.state for answer in answers if not answer.text)
    assert (state["stage"], state["done"], state["planned"], state["workers"]) == (
        "search", 2, 12, 2,
    )  # fmt: skip
    assert state["told"] == Told(6).to_dict()
    assert [entry["command"] for entry in state["commands"]] == ["trials 6"]
    assert not any(note.startswith("status") for note in made.observer.notes)


def read(made: Sweep) -> Iterator[Answer]:
    """The answers that wait in the sweep's folder."""
    (running,) = channel.running(made.runs)
    for name in made.observer.names:
        answer = channel.answer(running, name)
        if answer is not None:
            yield answer


# ------------------------------------------------------------------ the second stage


class Watch(Teller):
    """Tells something when so many trainings of the second stage have ended."""

    ended_later = 0

    def ended(self, study: Study, trial: Trial, outcome: Outcome) -> None:
        super().ended(study, trial, outcome)
        self.ended_later += bool(study.stage)
        if self.ended_later in self.after and study.stage:
            self.tell(self.after.pop(self.ended_later))


def two_stages(folder: Path, after: dict[int, str], spec: str = test_confirm.SPEC) -> Sweep:
    """A sweep with `confirm:`, told something after so many trainings of the second stage."""
    made = test_confirm.sweep(folder, spec)
    made.observer = Watch(after=dict(after), runs=made.runs)
    return made


@pytest.fixture(scope="module")
def confirmed(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    return test_confirm.ran(tmp_path_factory.mktemp("confirmed"))


@pytest.mark.parametrize("after", [3, 10])  # as a pilot, and in a round
def test_the_second_stage_waits_for_a_stopped_variant_and_goes_on_to_the_bit(
    after: int, confirmed: Sweep, tmp_path: Path
) -> None:
    made = two_stages(tmp_path, {after: "stop rnn"})
    made.run()
    assert made.observer.notes[-1] == "the second stage waits for rnn, which was stopped"
    assert len(made.results()) < len(confirmed.results())
    again = test_confirm.ran(tmp_path)
    assert test_confirm.trained(again.results()) == test_confirm.trained(confirmed.results())


def test_a_part_that_runs_no_second_stage_has_no_budget(tmp_path: Path) -> None:
    made = test_confirm.sweep(tmp_path)
    made.part = Part(("rnn",))
    with pytest.raises(RnnzooError, match="rnn runs no second stage"):
        made.steering.obey(Command("budget", number=30))
    assert made.steering.told == Told(made.trials)


def test_a_budget_that_comes_after_the_second_stage_is_refused(tmp_path: Path) -> None:
    made = test_confirm.sweep(tmp_path)
    made.stage = steering.SPEEDS
    sets = ("confirm.budget=100", "training.epochs=3")
    made.experiment = replace(made.experiment, sets=sets)
    again = r"--set training.epochs=3 --set confirm.budget=300$"
    with pytest.raises(RnnzooError, match=rf"has ended\n  fix: .*two_stages.yaml {again}"):
        made.steering.obey(Command("budget", number=300))
    assert made.steering.told == Told(made.trials)


def test_a_budget_that_is_told_is_that_of_a_file(confirmed: Sweep, tmp_path: Path) -> None:
    small = test_confirm.SPEC.replace("budget: 100", "budget: 30")
    written = test_confirm.ran(tmp_path / "written", small)
    less = two_stages(tmp_path / "less", {4: "budget 30"})
    less.run()
    assert less.observer.answers[0].startswith("budget 30: 30 trainings on each task")
    assert test_confirm.trained(less.results()) == test_confirm.trained(written.results())
    assert less.experiment == written.experiment
    more = two_stages(tmp_path / "more", {2: "budget 100", 3: "trials 9"}, small)
    more.run()
    assert test_confirm.trained(more.results()) == test_confirm.trained(confirmed.results())
    assert "trials 9 is refused: the search has ended" in more.observer.notes


def test_the_second_stage_rests_on_as_many_trials_as_the_search_was_told(tmp_path: Path) -> None:
    more = test_confirm.SPEC.replace("trials: 5", "trials: 6")
    written = test_confirm.ran(tmp_path / "written", more)
    made = test_confirm.sweep(tmp_path / "told")
    made.observer = Watch(runs=made.runs)
    made.observer.begin = lambda *_: made.observer.tell("trials 6")  # type: ignore[method-assign]
    made.run()
    assert made.observer.answers[0].startswith(
        "trials 6: 6 trials of each, not 5; `confirm:` begins"
    )
    assert test_confirm.trained(made.results()) == test_confirm.trained(written.results())
