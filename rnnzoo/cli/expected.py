"""What `plan` says of claims before they are tested: what it takes to decide them, and which the budget cannot decide.

In: an experiment, and where its second stage stands.  Out: plain values for `--json`, and their text.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from rnnzoo.confirm.forecast import PARTS, USUAL, Forecast, forecast
from rnnzoo.confirm.stand import Stand
from rnnzoo.spec.claims import CONFIRMED, SHARES, TESTED, family, judged
from rnnzoo.spec.experiment import Experiment

DIFFERENCES = (0.9, 0.5, 0.25)  # differences between shares for which advice is given
WORDS = {0.0: "none", 0.2: "1/5", 0.5: "1/2"}
_PLAIN: Mapping[str, Any] = {"markup": False, "highlight": False}


def plain(
    experiment: Experiment, trials: int, stands: Mapping[str, Stand], noise: float | None
) -> dict[str, dict[str, Any]]:
    """By task, what is to be expected of its second stage.

    Args:
        trials: of each search.
        stands: by task, where a second stage stands that has begun.
        noise: of a training; None where the user gave none.
    """
    labels = [task.label for task in experiment.tasks]
    forecasts = {label: forecast(experiment, label, trials, stands.get(label), noise) for label in labels}
    return {label: _plain(expected) for label, expected in forecasts.items() if expected is not None}


def _plain(expected: Forecast) -> dict[str, Any]:
    claims = [{**asdict(claim), "sees": _finite(claim.sees)} for claim in expected.claims]
    undecidable = [claim.claim for claim in expected.claims if not claim.decidable]
    return {**asdict(expected), "claims": claims, "undecidable": undecidable}


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def advice(experiment: Experiment, trials: int) -> list[str]:
    """What can be said of claims that the trials of the search decide, from the design alone."""
    from rnnzoo.stats.compare import ALPHA
    from rnnzoo.stats.shares import trials_for_shares

    pairs = judged(experiment.claims, [task.label for task in experiment.tasks])
    families = Counter(family(where, experiment.family) for claim, where in pairs if claim.form in TESTED)
    found = []
    for claim in experiment.claims:
        if claim.form in SHARES:
            tested = max(families[family(where, experiment.family)] for other, where in pairs if other is claim)
            each = [f"{trials_for_shares(one, ALPHA / tested)} if shares differ by {one:.0%}" for one in DIFFERENCES]
            found.append(f"{claim.text}: {trials} trainings of each; it takes about {', '.join(each)}")
    searched = any(variant.space.dimensions for variant in experiment.variants)
    if experiment.confirm is None and searched and any(claim.form in CONFIRMED for claim in experiment.claims):
        found.append(
            "claims about scores rest on the trials of the search, whose spread is mostly the luck of their draws and not known"
            " beforehand; with `confirm: {}`, and a margin, fresh trainings decide them, and `plan` says how many it takes"
        )
    return found


def show(expected: Mapping[str, Any], console: Console) -> None:
    """The text of what is to be expected on a task."""
    console.print(_rounds(expected), **_PLAIN)
    console.print(
        "\nrounds, each a training of both variants, that decide a claim in four of five studies, if the two truly differ by"
        " so many margins:",
        **_PLAIN,
    )
    console.print(_table(expected))
    for text in _notes(expected):
        console.print(text, **_PLAIN)


def _rounds(expected: Mapping[str, Any]) -> str:
    run = f" ({expected['run']} were run)" if expected["run"] else ""
    return (
        f"{_limits(expected)} {expected['rounds']} rounds in all{run} if all open claims stay open, and"
        f" {expected['longest']} for a claim that stays open longest"
    )


def _limits(expected: Mapping[str, Any]) -> str:
    """What there are no more rounds for."""
    return "the budget allows" if expected["most"] is None else f"the budget and `most: {expected['most']}` allow"


def _table(expected: Mapping[str, Any]) -> Table:
    measured = any(claim["measured"] for claim in expected["claims"])
    table = Table(box=None, pad_edge=False)
    table.add_column("claim", overflow="fold")
    for name in (*(["spread"] if measured else []), *(WORDS.get(part, f"{part:g}") for part in PARTS)):
        table.add_column(name, justify="right", no_wrap=True)
    for claim in expected["claims"]:
        cells = [_cell(case["rounds"], expected["rounds"]) for case in claim["cases"]]
        table.add_row(claim["claim"], *([f"{claim['spread']:.2g}"] if measured else []), *cells)
    return table


def _cell(rounds: int | None, there: int) -> str:
    return "-" if rounds is None else f"{rounds}{'*' if rounds > there else ''}"


def _notes(expected: Mapping[str, Any]) -> Iterator[str]:
    shown = [case["rounds"] for claim in expected["claims"] for case in claim["cases"]]
    if any(rounds is not None and rounds > expected["rounds"] for rounds in shown):
        yield "* more than are allowed while all claims are open"
    if None in shown:
        yield "- no number of rounds: so large a difference is the bound itself, or the noise is too large"
    yield _noise(expected)
    if expected["hours"] is not None:
        yield f"`hours: {expected['hours']:g}` may end it sooner, which these numbers leave out"
    hopeless = [claim for claim in expected["claims"] if not claim["decidable"]]
    if hopeless:
        each = ", ".join(f"{claim['claim']}{_from(claim['sees'])}" for claim in hopeless)
        yield f"These rounds do not decide, where two variants do not differ or differ by the margin: {each}"
    if len(hopeless) == len(expected["claims"]) and expected["budget"]:
        yield f"A budget of {expected['budget']}, with `most` at least {expected['suffices']}, would decide one of them"


def _from(sees: float | None) -> str:
    return "" if sees is None else f" (it finds differences from {sees:.2g} on)"


def _noise(expected: Mapping[str, Any]) -> str:
    if any(claim["measured"] for claim in expected["claims"]):
        return "The spread of a difference is that of the rounds so far."
    if expected["given"]:
        return f"The noise of a training is {expected['noise']:g}, as given."
    return (
        f"The noise of a training is not known before rounds are run. It is guessed: {expected['noise']:g},"
        f" {'half' if USUAL == 0.5 else f'{USUAL:g} of'} the margin; --noise N where you know it."
    )
