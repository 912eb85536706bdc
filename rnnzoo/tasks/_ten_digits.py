"""Which of ten digits is it?  The task of `digits`, `mnist` and `spoken_digits`: one class a
sequence.
"""

from __future__ import annotations

from collections.abc import Mapping

from rnnzoo.tasks._contract import Split, Task

LOSS = "categorical"
CLASSES = 10


def task(
    name: str, splits: Mapping[str, Split], baselines: Mapping[str, float], note: str = ""
) -> Task:
    """Of these sequences, each with its digit."""
    return Task(
        name=name,
        splits=splits,
        loss=LOSS,
        per="sequence",
        outputs=CLASSES,
        metric="error",
        unit="share of wrong answers",
        baselines=baselines,
        note=note,
        classes=tuple(map(str, range(CLASSES))),
    )
