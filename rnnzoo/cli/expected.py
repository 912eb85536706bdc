"""The text of what `plan` says of claims before they are tested.

In: the plain values of `api.expected`.  Out: lines on a console.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from rnnzoo.confirm.forecast import PARTS, USUAL

WORDS = {0.0: "none", 0.2: "1/5", 0.5: "1/2"}
_PLAIN: Mapping[str, Any] = {"markup": False, "highlight": False}


def show(expected: Mapping[str, Any], console: Console) -> None:
    """The text of what is to be expected on a task."""
    console.print(_rounds(expected), **_PLAIN)
    console.print(
        "\n"
        "rounds, each a training of both variants, that decide a claim in four of five studies,"
        " if the two truly differ by so many margins:",
        **_PLAIN,
    )
    console.print(_table(expected))
    for text in _notes(expected):
        console.print(text, **_PLAIN)


def _rounds(expected: Mapping[str, Any]) -> str:
    run = f" ({expected['run']} were run)" if expected["run"] else ""
    return (
        f"{_limits(expected)} {expected['rounds']} rounds in all{run} if all open claims stay"
        f" open, and {expected['longest']} for a claim that stays open longest"
    )


def _limits(expected: Mapping[str, Any]) -> str:
    """What there are no more rounds for."""
    if expected["most"] is None:
        return "the budget allows"
    return f"the budget and `most: {expected['most']}` allow"


def _table(expected: Mapping[str, Any]) -> Table:
    measured = any(claim["measured"] for claim in expected["claims"])
    table = Table(box=None, pad_edge=False)
    table.add_column("claim", overflow="fold")
    for name in (
        *(["spread"] if measured else []),
        *(WORDS.get(part, f"{part:g}") for part in PARTS),
    ):
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
        yield (
            "- no number of rounds: so large a difference is the bound itself, or the noise is"
            " too large"
        )
    yield _noise(expected)
    if expected["hours"] is not None:
        yield f"`hours: {expected['hours']:g}` may end it sooner, which these numbers leave out"
    hopeless = [claim for claim in expected["claims"] if not claim["decidable"]]
    if hopeless:
        claims = ", ".join(f"{claim['claim']}{_from(claim['sees'])}" for claim in hopeless)
        yield (
            "These rounds do not decide, where two variants do not differ or differ by the"
            f" margin: {claims}"
        )
    if len(hopeless) == len(expected["claims"]) and expected["budget"]:
        yield (
            f"A budget of {expected['budget']}, with `most` at least {expected['suffices']}, would"
            " decide one of them"
        )


def _from(sees: float | None) -> str:
    return "" if sees is None else f" (it finds differences from {sees:.2g} on)"


def _noise(expected: Mapping[str, Any]) -> str:
    if any(claim["measured"] for claim in expected["claims"]):
        return "The spread of a difference is that of the rounds so far."
    if expected["given"]:
        return f"The noise of a training is {expected['noise']:g}, as given."
    return (
        "The noise of a training is not known before rounds are run. It is guessed:"
        f" {expected['noise']:g}, {'half' if USUAL == 0.5 else f'{USUAL:g} of'} the margin;"
        " --noise N where you know it."
    )
