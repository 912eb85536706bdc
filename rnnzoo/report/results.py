"""Results by what they are of, as the identity of their study says."""

from __future__ import annotations

from collections.abc import Sequence

from rnnzoo.spec.trial import REPLICATE, Result


def belonging(results: Sequence[Result], variant: str, task: str) -> list[Result]:
    """Those of one variant on one task."""
    return [one for one in results if _of(one) == [variant, task]]


def replicated(results: Sequence[Result], variant: str, task: str) -> list[Result]:
    """Those in which kept trials of a variant ran again on fresh seeds."""
    return [one for one in results if _replicate(_of(one)[0], variant) and _of(one)[1] == task]


def staged(results: Sequence[Result], variant: str, task: str, stage: str) -> list[Result]:
    """Those of one variant in a part of the second stage."""
    return [one for one in results if _of(one) == [f"{variant}{REPLICATE}{stage}", task]]


def _replicate(label: str, variant: str) -> bool:
    head, mark, number = label.rpartition(REPLICATE)
    return head == variant and bool(mark) and number.isdigit()


def variant(result: Result) -> str:
    """Whose it is, whatever it was for."""
    return _of(result)[0].partition(REPLICATE)[0]


def _of(result: Result) -> list[str]:
    return result.study.split("/")[1:3]
