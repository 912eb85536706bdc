"""What `plan` prints of claims that are still to be decided."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rnnzoo.api import expected as api_expected
from rnnzoo.api.planning import checked_noise
from rnnzoo.cli import expected, main
from rnnzoo.confirm.questions import Answer
from rnnzoo.confirm.stand import at_most, stand
from rnnzoo.errors import UsageError
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.terminal.console import PlainConsole
from tests.report import confirming

SPEC = """\
experiment: e
task: {name: adding, length: 10, train: 32, valid: 16, test: 16}
variants: [lstm, gru, rnn]
search: {trials: 4, space: {units: {int: [16, 64]}}}
confirm: {budget: 60}
margin: 0.2
claims: [gru worse than lstm, rnn same as lstm]
"""
PLAIN = SPEC.replace("confirm: {budget: 60}\n", "")


def read(text: str) -> Experiment:
    return parse_experiment(text, "e.yaml", Path())


def printed(content: dict[str, Any], width: int) -> str:
    out = io.StringIO()
    expected.show(content, PlainConsole(file=out, width=width))
    return out.getvalue()


def of(text: str, noise: float | None = None) -> dict[str, Any]:
    return api_expected.plain(read(text), 4, {}, noise)["adding"]


@pytest.mark.parametrize("width", [30, 40, 80, 200])
def test_it_fits_into_a_narrow_terminal_and_loses_no_number(width: int) -> None:
    content = of(SPEC)
    text = printed(content, width)
    assert max(map(len, text.splitlines())) <= width
    for claim in content["claims"]:
        for case in claim["cases"]:
            assert case["rounds"] is None or str(case["rounds"]) in text
    assert "gru worse than lstm" in " ".join(printed(content, 80).split())


def test_a_guess_is_called_one_and_a_given_noise_is_not() -> None:
    guess, given = (" ".join(printed(of(SPEC, noise), 80).split()) for noise in (None, 0.05))
    assert "It is guessed: 0.1, half the margin; --noise N where you know it" in guess
    assert "The noise of a training is 0.05, as given." in given
    assert "guess" not in given


def test_claims_that_the_budget_cannot_decide_are_named_with_what_it_finds() -> None:
    content = of(SPEC.replace("60", "45"))
    assert content["undecidable"] == ["gru worse than lstm", "rnn same as lstm"]
    text = " ".join(printed(content, 80).split())
    sees = [f"{claim['sees']:.2g}" for claim in content["claims"]]
    assert (
        f"differ by the margin: gru worse than lstm (it finds differences from {sees[0]} on),"
        " rnn same as"
    ) in text
    assert (
        f"A budget of {content['budget']}, with `most` at least {content['suffices']}, would"
        " decide one of them"
    ) in text
    assert "do not decide" in text
    assert "do not decide" not in printed(of(SPEC, noise=0.01), 80)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("", "the budget and `most: 18` allow"),
        (", most: 6", "the budget and `most: 6` allow 6 rounds"),
        (", until: stopped", "the budget allows"),
        (", hours: 0.5", "`hours: 0.5` may end it sooner"),
    ],
)  # fmt: skip
def test_what_ends_the_rounds_is_named(more: str, words: str) -> None:
    text = " ".join(printed(of(SPEC.replace("60}", "60" + more + "}")), 200).split())
    assert words in text
    assert ("`hours:" in text) == ("hours" in more)


def test_where_rounds_were_run_their_spread_stands_beside_each_claim() -> None:
    experiment = confirming.experiment(confirming.SPEC.replace("150", "60"))
    made = confirming.Trainings(experiment, {"rnn": 0.15, "gru": 0.14}, noise=0.4).all()
    now = stand(experiment, "adding", made, confirming.TRIALS)
    content = api_expected.plain(experiment, confirming.TRIALS, {"adding": now}, None)["adding"]
    text = " ".join(printed(content, 80).split())
    assert f"({len(now.rounds)} were run)" in text
    assert f"rnn worse than lstm {content['claims'][0]['spread']:.2g}" in text
    assert "The spread of a difference is that of the rounds so far." in text


def test_a_search_without_a_second_stage_is_pointed_to_it() -> None:
    (text,) = api_expected.advice(read(PLAIN), 4)
    assert "with `confirm: {}`, and a margin, fresh trainings decide them" in text
    assert api_expected.advice(read(SPEC), 4) == []
    assert api_expected.advice(read(PLAIN.replace("units: {int: [16, 64]}", "units: 16")), 4) == []


def test_a_claim_about_solving_a_task_is_told_how_many_trainings_show_a_difference() -> None:
    """About 4, 15 and 62: Cohen 1988, h of shares around a half, as his tables have them at 5 % on
    both sides.
    """
    solves = PLAIN[: PLAIN.index("claims")] + "claims: [lstm solves adding more often than rnn]\n"
    (text,) = api_expected.advice(read(solves), 8)
    assert text.startswith(
        "lstm solves adding more often than rnn: 8 trainings of each; if shares differ, it takes"
    )
    assert text.endswith("about 4 by 90, 15 by 50, 62 by 25 percentage points")


def test_plan_says_it_as_text_and_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("e.yaml").write_text(SPEC)
    assert main(["plan", "e.yaml", "--no-measure", "--noise", "0.05"]) == 0
    assert "The noise of a training is 0.05, as given." in capsys.readouterr().out
    assert main(["plan", "e.yaml", "--no-measure", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["expected"] == {"adding": json.loads(json.dumps(of(SPEC)))}
    assert content["second_stage"] == {"adding": 48}
    assert list(tmp_path.iterdir()) == [tmp_path / "e.yaml"]


def test_a_second_stage_that_has_begun_takes_what_is_left_of_it() -> None:
    experiment = confirming.experiment(confirming.SPEC)
    made = confirming.Trainings(experiment, {"rnn": 0.5}).all()
    now = stand(experiment, "adding", made, confirming.TRIALS)
    assert now.ended == "decided"
    before = at_most(experiment, "adding", confirming.TRIALS)
    assert before == min(150 - 3 * 8, 3 * (4 * 2 + 24))
    assert at_most(experiment, "adding", confirming.TRIALS, now) == 0
    one_open = {
        text: replace(standing, answer=Answer.OPEN)
        for text, standing in now.standings.items()
        if "same" in text
    }
    going_on = replace(now, ended="", standings={**now.standings, **one_open})
    assert at_most(experiment, "adding", confirming.TRIALS, going_on) == 2 * (24 - len(now.rounds))
    pilots = replace(going_on, standings={}, rounds=(), pilots=6, trainings=30)
    assert at_most(experiment, "adding", confirming.TRIALS, pilots) == min(
        150 - 30, 3 * (4 * 2 + 24) - 6
    )


SPEEDS = PLAIN[: PLAIN.index("claims")] + (
    "claims: [gru at least 1.1 times as fast as lstm, lstm at least 0.9 times as fast as gru,"
    " rnn at least 2 times as fast as gru]\n"
)


def test_plan_counts_what_claims_about_speed_measure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("e.yaml").write_text(SPEEDS)
    assert main(["plan", "e.yaml", "--no-measure"]) == 0
    assert (
        "for claims about speed: 2 pairs of variants side by side, one at a time\n"
        in capsys.readouterr().out
    )
    assert main(["plan", "e.yaml", "--no-measure", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["speed"] == {"measurements": 2, "seconds": None}


@pytest.mark.parametrize("noise", [0.0, -1.0, math.nan, math.inf])
def test_a_noise_that_is_none_is_refused(noise: float) -> None:
    with pytest.raises(UsageError, match="noise must be a number above 0, not "):
        checked_noise(noise)
