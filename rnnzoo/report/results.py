"""Results by what they are of.  A study's identity is experiment/variant/task/hash."""

from __future__ import annotations

from collections.abc import Sequence

from rnnzoo.spec.trial import Result


def belonging(results: Sequence[Result], variant: str, task: str) -> list[Result]:
    """Those of one variant on one task."""
    return [one for one in results if one.study.split("/")[1:3] == [variant, task]]
