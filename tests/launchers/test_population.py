"""Trials that train together in one process: what ends it is found, and nobody else is blamed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rnnzoo.errors import SpecError, StoreError, UsageError
from rnnzoo.launchers import Many, Setup, make
from rnnzoo.launchers._halving import Suspects
from rnnzoo.launchers.local import outcome_of_exit
from rnnzoo.launchers.population import PopulationLauncher
from rnnzoo.spec.settings import Chosen
from rnnzoo.spec.trial import Kind, Outcome, Progress, Trial
from rnnzoo.testing.launchers import next_event, outcome
from tests.launchers.many import dying, hasty, in_step, together, unable
from tests.launchers.test_local import alive, ends, trial
from tests.launchers.work import behave

Start = Callable[..., PopulationLauncher]


@pytest.fixture
def start() -> Iterator[Start]:
    made: list[PopulationLauncher] = []

    def started(
        many: Many, size: int = 4, processes: int = 1, **given: object
    ) -> PopulationLauncher:
        setup = Setup(behave, size * processes, many=many, **given)  # type: ignore[arg-type]
        made.append(PopulationLauncher(setup, many, size, ("",) * processes))
        return made[-1]

    yield started
    for launcher in made:
        launcher.close()


def run(
    launcher: PopulationLauncher, *trials: Trial
) -> tuple[dict[Trial, Outcome], Counter[Trial]]:
    """The outcomes of trials, and how often each was retried, as a sweep runs them: as many at once
    as may run, those that are retried first.
    """
    waiting, running = list(trials), {}
    outcomes: dict[Trial, Outcome] = {}
    retries: Counter[Trial] = Counter()
    while waiting or running:
        while waiting and len(running) < launcher.capacity():
            begun = waiting.pop(0)
            running[launcher.submit(begun)] = begun
        event = next_event(launcher)
        if isinstance(event.news, Progress):
            launcher.answer(event.ticket, True)
            continue
        ended = running.pop(event.ticket)
        if event.news.retried:
            assert event.news.kind is Kind.INTERRUPTED
            retries[ended.index] += 1
            waiting.insert(0, ended)
        else:
            outcomes[ended.index] = event.news
    return outcomes, retries


def test_more_trials_than_lanes_train_in_one_process_and_each_has_its_own_outcome(
    start: Start,
) -> None:
    launcher = start(in_step)
    outcomes, retries = run(launcher, *(trial("good", index) for index in range(10)))
    scores = {index: ended.scores["validation"] for index, ended in outcomes.items()}
    assert scores == {index: float(index) for index in range(10)}
    assert not retries
    assert len(launcher._processes) == 1


def test_lanes_are_spread_over_as_many_processes_as_there_are_cards(start: Start) -> None:
    launcher = start(in_step, size=2, processes=3)
    trials = [trial("good", index) for index in range(6)]
    for each in trials:
        launcher.submit(each)
    places = Counter(launcher.place(each) for each in trials)
    assert sorted(places.values()) == [2, 2, 2]
    assert launcher.place(trial("another")) == ""


def test_of_many_trials_the_one_that_ends_the_process_is_blamed_and_no_other(start: Start) -> None:
    told: list[str] = []
    launcher = start(in_step, size=8, note=told.append)
    trials = [trial("poison" if index == 5 else "good", index) for index in range(12)]
    outcomes, retries = run(launcher, *trials)
    kinds = {index: ended.kind for index, ended in outcomes.items()}
    assert kinds == {**dict.fromkeys(range(12), Kind.COMPLETE), 5: Kind.FAILED}
    assert outcomes[5].message == "its process ended with exit code 3"
    # eight, four, two, and then it is alone
    assert retries[5] == max(retries.values()) == 3
    assert retries.total() == 8 + 4 + 2
    assert told[0] == (
        "the process that trained 8 trials ended (its process ended with exit code 3): they begin"
        " again, half of them at a time"
    )


def test_a_kill_from_outside_is_blamed_on_nobody(start: Start) -> None:
    launcher = start(together)
    tickets = [launcher.submit(trial("napping", index)) for index in range(4)]
    while launcher._processes[0].taken != set(tickets):
        launcher.wait(0.01)
    os.kill(launcher._processes[0].process.pid, signal.SIGKILL)
    lost = [next_event(launcher) for _ in tickets]
    assert {event.ticket for event in lost} == set(tickets)
    assert {event.news.retried for event in lost if isinstance(event.news, Outcome)} == {True}
    outcomes, retries = run(launcher, *(trial("napping", index) for index in range(4)))
    assert {ended.kind for ended in outcomes.values()} == {Kind.COMPLETE}
    assert not retries


def test_a_trial_that_the_process_had_not_taken_yet_goes_to_the_next_one(start: Start) -> None:
    launcher = start(hasty)
    first = launcher.submit(trial("good"))
    while not launcher._processes[0].taken:
        launcher.wait(0.01)
    second = launcher.submit(trial("good", 1))
    launcher._processes[0].process.kill()
    event = next_event(launcher)
    assert (event.ticket, event.news) == (first, outcome_of_exit(-signal.SIGKILL))
    while not (launcher._processes and launcher._processes[0].taken):
        assert launcher.wait(0.01) is None
    assert launcher._processes[0].taken == {second}


def test_a_function_that_cannot_begin_is_told_and_no_trial_is_blamed(
    start: Start, tmp_path: Path
) -> None:
    launcher = start(unable, log=tmp_path / "workers.log")
    launcher.submit(trial("good"))
    with pytest.raises(StoreError, match="RuntimeError: there is no device"):
        next_event(launcher)
    assert "Traceback" in (tmp_path / "workers.log").read_text()


def test_a_process_that_never_takes_a_trial_is_not_begun_for_ever(start: Start) -> None:
    launcher = start(dying)
    launcher.submit(trial("good"))
    with pytest.raises(StoreError, match="ends before it has taken a trial"):
        next_event(launcher)


def test_a_trial_that_takes_too_long_ends_after_its_epoch_and_the_others_go_on(
    start: Start,
) -> None:
    launcher = start(in_step, minutes=1.0)
    late = launcher.submit(trial("good", 0))
    event = next_event(launcher)
    launcher.begun[late] -= 61.0  # a minute ago
    launcher.wait(0.0)
    launcher._checked -= 2.0
    launcher.wait(0.0)
    in_time = launcher.submit(trial("good", 1))
    launcher.answer(event.ticket, True)
    ended: dict[int, Outcome] = {}
    while len(ended) < 2:
        event = next_event(launcher)
        if isinstance(event.news, Outcome):
            ended[event.ticket] = event.news
        else:
            launcher.answer(event.ticket, True)
    assert ended[late] == Outcome(Kind.TIMED_OUT, message="it took longer than 1 minutes")
    assert ended[in_time].kind is Kind.COMPLETE


def test_time_in_which_the_sweep_was_busy_elsewhere_is_no_trials_time(start: Start) -> None:
    """As where its storage was away: trials wait for answers meanwhile."""
    launcher = start(in_step, minutes=1.0)
    ticket = launcher.submit(trial("good"))
    assert isinstance(next_event(launcher).news, Progress)
    launcher.wait(0.0)
    launcher._checked -= 3600.0  # an hour ago
    launcher.begun[ticket] -= 3600.0
    launcher._processes[0].heard_at -= 3600.0
    launcher.wait(0.0)
    launcher.answer(ticket, True)
    while isinstance(news := next_event(launcher).news, Progress):
        launcher.answer(ticket, True)
    assert news.kind is Kind.COMPLETE


def test_where_nobody_answers_trials_do_not_wait_and_yet_stop_when_they_are_told_to(
    start: Start,
) -> None:
    """As where a sweep that is to end lets its trials save themselves; it hears of no epoch of
    theirs after that.
    """
    launcher = start(together, answers=False)
    launcher.submit(trial("reporting"))
    events = [next_event(launcher)]
    while isinstance(events[-1].news, Progress):
        events.append(next_event(launcher))  # and never an answer
    assert events[-1].news.kind is Kind.COMPLETE

    ticket = launcher.submit(trial("patient"))
    assert isinstance(next_event(launcher).news, Progress)
    launcher.answer(ticket, False)
    stopped = next_event(launcher).news
    assert isinstance(stopped, Outcome)
    assert stopped.kind is Kind.PRUNED


def test_the_memory_of_the_process_is_what_counts(start: Start) -> None:
    launcher = start(together, memory=2.0**29)
    launcher.submit(trial("greedy"))
    assert outcome(launcher) == Outcome(
        Kind.OUT_OF_MEMORY, message="it held more than 512 MiB of memory"
    )


def test_no_population_goes_on_computing_for_a_sweep_that_was_killed(tmp_path: Path) -> None:
    program = """
from tests.launchers.test_population import PopulationLauncher, Setup, behave, together, trial
launcher = PopulationLauncher(Setup(behave, 2), together, 2)
launcher.submit(trial("endless"))
while not (launcher._processes and launcher._processes[0].taken):
    launcher.wait(0.1)
print(launcher._processes[0].process.pid, flush=True)
launcher.wait()
"""
    owner = subprocess.Popen(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    assert alive(pid)
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    assert ends(pid), "the population still trains"


def test_signals_to_the_group_are_left_to_the_sweep(start: Start) -> None:
    launcher = start(together)
    launcher.submit(trial("napping"))
    while not launcher._processes[0].taken:
        launcher.wait(0.01)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(launcher._processes[0].process.pid, number)
    assert outcome(launcher).kind is Kind.COMPLETE


def test_a_function_of_the_main_module_is_refused() -> None:
    def many(desk: object, size: int) -> None:
        raise AssertionError

    many.__module__ = "__main__"
    with pytest.raises(ValueError, match="move the function into a module of its own"):
        PopulationLauncher(Setup(behave, 1), many, 1).submit(trial("good"))


def test_what_is_wrong_with_its_options_is_said() -> None:
    setup = Setup(behave, 2, many=in_step)
    with pytest.raises(UsageError, match="nothing here trains many trials at once"):
        make(Chosen("population"), replace(setup, many=None))
    with pytest.raises(SpecError, match="`precision` is float32 or tf32, not 'bf16'"):
        make(Chosen("population", {"precision": "bf16"}), setup)
    with pytest.raises(SpecError, match="`size` is at most 100000, not 100001"):
        make(Chosen("population", {"size": 100_001}), setup)
    with pytest.raises(SpecError, match="`size` must be at least 1"):
        make(Chosen("population", {"size": 0}), setup)


@pytest.mark.parametrize("count", [2, 3, 64, 100])
def test_halving_finds_those_that_end_a_process_in_few_ends(count: int) -> None:
    """The groups that it forms are run as a launcher does, one after the other."""
    rng = random.Random(count)
    for culprits in (1, 2):
        keys = [str(number) for number in range(count)]
        guilty = set(rng.sample(keys, culprits))
        suspects, found, process_ends = Suspects(), set(), 1
        assert suspects.accuse(keys) is False
        while True:
            left = [group for group in suspects.groups if not group <= found]
            if not left:
                break
            together = sorted(left[0], key=keys.index)
            if not guilty & set(together):
                suspects.clear(together)
                continue
            process_ends += 1
            if suspects.accuse(together):
                found |= set(together)
        assert found == guilty
        assert process_ends <= 1 + culprits * (count - 1).bit_length()


def test_who_ended_a_process_alone_stays_alone_until_it_ends_well() -> None:
    suspects = Suspects()
    assert suspects.accuse(["a"])
    assert suspects.group("a") == {"a"}
    suspects.clear(["a"])
    assert suspects.group("a") == frozenset()
