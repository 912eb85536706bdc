"""Results by variant, task and stage, as the key of their study says."""

from __future__ import annotations

from collections.abc import Sequence

from rnnzoo.spec.trial import Result


def belonging(results: Sequence[Result], variant: str, task: str) -> list[Result]:
    """The results of the search of one variant on one task."""
    return [
        result
        for result in of(results, variant, task)
        if not (result.key.replicate or result.key.stage)
    ]


def staged(results: Sequence[Result], variant: str, task: str, stage: str) -> list[Result]:
    """The results of one variant in a stage: `PILOT` or `ROUND`."""
    return [result for result in of(results, variant, task) if result.key.stage == stage]


def of(results: Sequence[Result], variant: str, task: str) -> list[Result]:
    """All results of one variant on one task: search, replicates and second stage."""
    return [
        result for result in results if (result.key.variant, result.key.task) == (variant, task)
    ]


def variant(result: Result) -> str:
    """The label of the variant, without the mark of a replicate or a stage."""
    return result.key.variant
