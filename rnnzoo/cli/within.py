"""The text of what `plan --hours` says of a budget in hours.

In: the plain values of `api.within`.  Out: lines on a console.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console

from rnnzoo.errors import duration, listed, number_of
from rnnzoo.terminal.console import told
from rnnzoo.terminal.display import span

LEFT_OUT = (
    "not known: other work on the machine, which makes it less; trials that end early, and claims"
    " that close and leave their trainings to others, which make it more"
)


def show(within: Mapping[str, Any], console: Console) -> None:
    """The text of what so many hours bring."""
    console.print()
    for text in _lines(within):
        told(console, text)


def _lines(within: Mapping[str, Any]) -> Iterator[str]:
    hours = f"{within['hours']:g} {'hour' if within['hours'] == 1 else 'hours'}"
    yield f"within {hours}, with {within['workers']} at a time:"
    if within["unknown"]:
        yield (
            f"  not known: how long trainings of {listed(within['unknown'])} take; none was run,"
            " and none could be measured or --no-measure forbade it"
        )
        return
    yield f"  {_search(within)}"
    for task, of_task in within["second_stage"].items():
        yield f"  on {task}, {_rounds(of_task)}"
        for claim in of_task["claims"]:
            yield f"    {claim['claim']}: {_decided(claim)}"
    yield LEFT_OUT


def _search(within: Mapping[str, Any]) -> str:
    left, done = within["search"]["left"], within["search"]["done"]
    if not left:
        return "the search is done"
    ends = span([3600 * end for end in within["search"]["hours"]], duration)
    trials = number_of(left, "trial")
    if done[0] == left:
        return f"the search ends after {ends}: {trials}"
    many = span(sorted(set(done)), str)
    return f"{many} of {trials} of the search, which takes {ends}"


def _rounds(of_task: Mapping[str, Any]) -> str:
    low, high = of_task["rounds"]
    if not high:
        return "no round is looked at, so no claim is decided"
    many = f"{low} to {high}" if low != high else str(low)
    return f"{many} of {number_of(of_task['of'], 'round')} if all claims stay open"


def _decided(claim: Mapping[str, Any]) -> str:
    """In four of five studies, by the true difference."""
    surely, perhaps = claim["decided"], claim["perhaps"]
    more = [number for number in perhaps if number not in surely]
    if not perhaps:
        return "open, whatever the difference"
    parts = []
    if surely:
        parts.append(f"decided in four of five where the two differ by {_numbers(surely)}")
    if more:
        parts.append(f"perhaps {'also ' if surely else 'decided '}by {_numbers(more)}")
    return "; ".join(parts)


def _numbers(differences: list[float]) -> str:
    return listed(list(map(_number, differences)), "or")


def _number(difference: float) -> str:
    return f"{difference:.3g}" if difference else "nothing"
