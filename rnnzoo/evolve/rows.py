"""What the history of a search holds, one line each.

A candidate is drawn, trained, and has a fate; one of the population may be trained at more
settings, and has a fate once more.  Each row is written once and never changed.  Seconds are no
result: they differ from run to run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from rnnzoo.spec.hyperparameters import Value
from rnnzoo.spec.trial import Kind


class Fate(StrEnum):
    """What became of a candidate.

    `passed`: it has exceeded every gate.  `unfit`: it cannot be trained, and was not.  `filtered`:
    it was trained, and did not pass the filter.  `gated`: it passed the filter, and fell at a task.
    `failed`: its training ended by a fault that says nothing of the cell, which is ours to mend.
    """

    PASSED = "passed"
    UNFIT = "unfit"
    FILTERED = "filtered"
    GATED = "gated"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A candidate.

    Attributes:
        number: from 0 on, in the order in which they are drawn; the parents come first.
        generation: 0 for the parents.
        cell: its text (`lang.text.cell_text`).
        form: its canonical hash.
        print: its fingerprint: equal for cells with equal outputs; empty where it is unfit.  Both
            are of the cell without the signs that its weights can carry.
        parents: numbers of the candidates that it descends from.
        mutations: names of what was done to them, in order.
        nodes: how many operations it has.
        variant: the label of the variant that it is; empty for a candidate that was drawn.
        unfit: why it cannot be trained; empty where it can.
    """

    number: int
    generation: int
    cell: str
    form: str
    print: str = ""
    parents: tuple[int, ...] = ()
    mutations: tuple[str, ...] = ()
    nodes: int = 0
    variant: str = ""
    unfit: str = ""


@dataclass(frozen=True, slots=True)
class Revisit:
    """A cell of the population is trained at more settings, on each task (Jozefowicz et al. 2015,
    section 3.1).

    Attributes:
        generation: in which it is; the population is that of the generations before.
    """

    number: int
    generation: int


@dataclass(frozen=True, slots=True)
class Training:
    """A training that is wanted.

    Attributes:
        stage: `FILTER`, or the label of a task.
        index: from 0 on, within the stage.
        setting: the hyper-parameters.
        source: where the setting is from: `random`, `best` (of the parents of the search), or
            `parent`.
    """

    candidate: int
    stage: str
    index: int
    setting: Mapping[str, Value]
    source: str = "random"

    @property
    def key(self) -> tuple[int, str, int]:
        """What it is known by."""
        return self.candidate, self.stage, self.index


@dataclass(frozen=True, slots=True)
class Trained:
    """A training that has ended.

    Attributes:
        score: on validation, lower is better; None where it did not complete.
        test: on test, likewise.  No candidate is chosen by it.
        message: why it did not complete.
        epochs: how many were run.
        weights: of the recurrent layers.
        seconds: of the training; and of one training step.
    """

    training: Training
    kind: Kind
    score: float | None = None
    test: float | None = None
    message: str = ""
    epochs: int = 0
    weights: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """The fate of a candidate, and why.

    Attributes:
        scores: the best on validation by stage, as far as it came.
        fitness: of one that passed.
        generation: in which it was trained at more settings; None of its first fate.
    """

    number: int
    fate: Fate
    reason: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    fitness: float | None = None
    generation: int | None = None


Row = Drawn | Revisit | Trained | Ended
_KINDS: Mapping[str, type[Drawn] | type[Revisit] | type[Trained] | type[Ended]] = {
    "drawn": Drawn,
    "revisit": Revisit,
    "trained": Trained,
    "ended": Ended,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def plain(row: Row) -> dict[str, Any]:
    """A row as JSON has it; what is by default is left out."""
    content = asdict(row)
    if isinstance(row, Trained):
        content |= content.pop("training")
    kept = {name: value for name, value in content.items() if value not in ("", None, (), {})}
    return {"row": _NAMES[type(row)], **kept}


def row_of(content: Mapping[str, Any]) -> Row:
    """The row that `plain` has written.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    given = {**content}
    kind = _KINDS[given.pop("row")]
    if kind is Trained:
        names = ("candidate", "stage", "index", "setting", "source")
        training = Training(**{name: given.pop(name) for name in names if name in content})
        return Trained(training, Kind(given.pop("kind")), **given)
    if kind is Revisit:
        return Revisit(**given)
    if kind is Ended:
        return Ended(fate=Fate(given.pop("fate")), **given)
    for name in ("parents", "mutations"):
        given[name] = tuple(given.get(name, ()))
    return Drawn(**given)


def result(row: Row) -> dict[str, Any]:
    """All of a row that is a result: equal for two runs of one search."""
    content = plain(row)
    content.pop("seconds", None)
    return content
