"""Results by what they are of, as their study says."""

from __future__ import annotations

from collections.abc import Sequence

from rnnzoo.spec.trial import Result


def belonging(results: Sequence[Result], variant: str, task: str) -> list[Result]:
    """Those of one variant's search on one task."""
    return [result for result in of(results, variant, task) if not (result.key.replicate or result.key.stage)]


def replicated(results: Sequence[Result], variant: str, task: str) -> list[Result]:
    """Those in which kept trials of a variant ran again on fresh seeds."""
    return [result for result in of(results, variant, task) if result.key.replicate]


def staged(results: Sequence[Result], variant: str, task: str, stage: str) -> list[Result]:
    """Those of one variant in a part of the second stage."""
    return [result for result in of(results, variant, task) if result.key.stage == stage]


def of(results: Sequence[Result], variant: str, task: str) -> list[Result]:
    """Those of one variant on one task, whatever they were for."""
    return [result for result in results if (result.key.variant, result.key.task) == (variant, task)]


def variant(result: Result) -> str:
    """Whose it is, whatever it was for."""
    return result.key.variant
