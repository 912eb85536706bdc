"""What a sweep prints as it begins, and when it is stopped."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path

import pytest

from rnnzoo.errors import duration
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Kind, Outcome, Progress
from rnnzoo.sweep.observer import Observer, Several
from rnnzoo.sweep.plan import Study, replicates, studies
from rnnzoo.sweep.steering import Told
from rnnzoo.sweep.tally import Tally
from rnnzoo.terminal.console import PlainConsole
from rnnzoo.terminal.display import STARTING, Display, span

SPEC = "experiment: e\ntask: adding\nvariants: [rnn]\nsearch: {trials: 3, space: {units: 4}}\n"


def shown(
    out: io.StringIO, trials: int = 3, live: bool = False, **console: object
) -> tuple[Display, Observer]:
    """A display that prints into `out`, and whoever is told for it."""
    tally = Tally(trials)
    display = Display(PlainConsole(file=out, **console), tally, live)
    return display, Several(tally, display)


def only_study(spec: str = SPEC) -> Study:
    (study,) = studies(
        parse_experiment(spec, "e.yaml", Path()), {"adding": "digest"}, {"adding": 2}
    )
    return study


@pytest.mark.parametrize(
    ("done", "words"),
    [
        (0, f"{STARTING}\n"),
        (2, f"2 of 3 trials are done already; going on with the rest\n{STARTING}\n"),
        (3, "3 of 3 trials are done already\n"),
    ],
)
def test_a_rest_is_told_of_only_where_there_is_one(done: int, words: str) -> None:
    study, out = only_study(), io.StringIO()
    display, told = shown(out)
    with display:
        told.begin([study], {study.identity: done}, {})
    assert out.getvalue() == words


def test_of_an_experiment_that_confirms_the_search_is_told_of() -> None:
    spec = SPEC.replace("units: 4", "units: {int: [4, 8]}") + "margin: 0.1\nconfirm: {}\n"
    study, out = only_study(spec), io.StringIO()
    display, told = shown(out)
    with display:
        told.begin([study], {study.identity: 3}, {})
    assert out.getvalue() == "3 of 3 trials of the search are done already\n"


def test_a_sweep_that_is_stopped_counts_its_trials_only_once_it_knows_them() -> None:
    study, out = only_study(), io.StringIO()
    display, told = shown(out)
    display.stopped()
    told.begin([study], {study.identity: 1}, {})
    display.stopped()
    assert out.getvalue().splitlines() == [
        "stopped; no trial was begun, and the same command goes on",
        "1 of 3 trials are done already; going on with the rest",
        STARTING,
        "stopped; 1 of 3 trials are done, and the same command goes on",
    ]


def test_until_a_first_epoch_is_over_each_training_says_what_it_compiles() -> None:
    study, out = only_study(), io.StringIO()
    first, second, third = (
        study.trial(index, {"units": 4, "learning_rate": 0.01}) for index in range(3)
    )
    _, told = shown(out)
    told.begin([study], {}, {})
    told.started(study, first)
    told.started(study, second)
    told.progress(study, first, Progress(1, 2, 0.5, 0.5))
    told.started(study, third)
    assert out.getvalue().splitlines() == [
        STARTING,
        "rnn 0: compiling rnn, 4 units",
        "rnn 1: compiling rnn, 4 units",
    ]


def test_a_training_without_an_epoch_is_shown_as_compiling_on_a_terminal() -> None:
    study, out = only_study(), io.StringIO()
    display, told = shown(out, width=80)
    trial = study.trial(0, {"units": 4})
    told.begin([study], {}, {})
    told.started(study, trial)
    display.console.print(display)
    assert "  rnn 0: compiling rnn, 4 units" in out.getvalue()
    told.progress(study, trial, Progress(1, 2, 0.5, 0.5))
    display.console.print(display)
    assert "rnn 0: epoch 1/2, 0.5000" in out.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [([2.0, 5.0], "2 s to 5 s"), ([5.0, 2.0], "2 s to 5 s"), ([2.1, 1.9], "2 s"), ([7.0], "7 s")],
)
def test_a_range_is_in_order_and_one_number_where_its_ends_look_alike(
    seconds: list[float], text: str
) -> None:
    assert span(seconds, duration) == text


@pytest.mark.parametrize("live", [False, True])
def test_a_paused_sweep_says_since_when_and_what_ends_that(live: bool) -> None:
    study, out = only_study(), io.StringIO()
    paused, file = datetime.now().astimezone(), study.experiment.file
    display, told = shown(out, width=80)
    told.begin([study], {}, {})
    told.steered(Told(5, paused))
    told.steered(Told(5, paused, ("rnn",)))
    if live:
        out.truncate(0)
        display.console.print(display)
        assert "stopped" in out.getvalue()
        assert "0 of 5 trials, 0 running, paused" in out.getvalue()
    assert out.getvalue().count(f"paused since {paused:%H:%M}: rnnzoo ctl {file} resume") == 1
    told.steered(Told(5))
    display.console.print(display)
    assert out.getvalue().endswith("0 of 5 trials, 0 running, measuring the pace\n")
    display.tally.close("stopped")
    display.console.print(display)
    assert out.getvalue().endswith("0 of 5 trials, 0 running, ended\n")


def test_a_trial_that_is_lost_begins_again_unless_its_variant_was_stopped() -> None:
    study, out = only_study(), io.StringIO()
    _, told = shown(out)
    told.begin([study], {}, {})
    lost = Outcome(Kind.INTERRUPTED, message="its worker was lost", retried=True)
    for index in range(2):
        told.ended(study, study.trial(index, {"units": 4}), lost)
        told.steered(Told(3, stopped=("rnn",)))
    assert out.getvalue().splitlines()[1:] == [
        "rnn 0: interrupted, begun again: its worker was lost",
        "rnn 1: interrupted, begins again once rnn goes on: its worker was lost",
    ]


def test_a_sweep_is_told_from_its_search_to_its_replicates(tmp_path: Path) -> None:
    """Trials are counted on; the table shows the studies that run."""
    spec = SPEC + "select: {keep: 3, replicates: 1}\n"
    study, out = only_study(spec), io.StringIO()
    (again,) = replicates([study])
    display, told = shown(out, width=80)
    complete = Outcome(Kind.COMPLETE, {"train": 0.5, "validation": 0.25, "test": 0.5})
    told.begin([study], {study.identity: 2}, {study.identity: 0.5})
    trial = study.trial(2, {"units": 4})
    told.started(study, trial)
    told.ended(study, trial, complete)
    told.begin([again], {}, {})
    told.started(again, again.trial(0, {"units": 4}))
    told.ended(again, again.trial(0, {"units": 4}), complete)
    lines = [line for line in out.getvalue().splitlines() if line.startswith("[")]
    assert [line.partition(":")[0] for line in lines] == [
        "[3/3] rnn 2",
        "[4/6] rnn, replicate 1 0",
    ]
    assert lines[0].endswith("(units=4; 0 s; no trials left)")
    assert lines[1].endswith("s left)")
    out.truncate(0)
    display.console.print(display)
    assert [line.split()[-2:] for line in out.getvalue().splitlines() if "rnn" in line] == [
        ["1/3", "0.2500"]
    ]
    assert "4 of 6 trials, 0 running, about 0 s left" in out.getvalue()
