"""Which keys a cell has, and what may stand under each."""

from __future__ import annotations

from collections.abc import Mapping

from rnnzoo.spec.cell.names import LABEL, MAX_NAME
from rnnzoo.spec.cell.values import FAMILIES, INITIALISERS
from rnnzoo.spec.document import MAX_TEXT
from rnnzoo.spec.keys import NUMBER, Either, Items, Key, Keys, Legal, Names, Shared, Text

MAX_SIZE = 100_000  # of one side of a weight that stands in the file
_YEARS = Legal(whole=True, low=1940, high=2100)  # of a cell
_SIZE = Legal(whole=True, low=1, high=MAX_SIZE)
_ONE_TEXT = Text(most=MAX_TEXT)


def _initialiser() -> Either:
    """A number, a name, an option, an expression, or `{normal: 0.1}`."""
    number_or_text = Either((NUMBER, Text()))
    holds = Either((number_or_text, Items(number_or_text)))
    rows = {
        name: Key(initialiser.about, holds, may_be_empty=False)
        for name, initialiser in INITIALISERS.items()
    }
    alone = tuple(name for name, kind in INITIALISERS.items() if kind.least == 0)
    return Either((NUMBER, Text(known=alone), Keys(rows, single=True)))


INIT = Shared("initialiser", _initialiser())
WEIGHT: Mapping[str, Key] = {
    "shape": Key(
        "its sizes: `units`, `inputs`, an option, a whole number, or computed from these",
        Items(Either((_SIZE, Text(known=("units", "inputs"))))),
        "what its use says",
    ),
    "mask": Key(
        "an expression of `row` and `col`: where it is 0, the weight is 0 for good",
        Text(),
        "none",
        may_be_empty=False,
    ),
    "trainable": Key("`false`: it stays as it begins", Legal(flag=True), "`true`"),
}
CELL: Mapping[str, Key] = {
    "name": Key("what the cell is called", Text(LABEL.pattern, most=MAX_NAME), needed=True),
    "extends": Key(
        "the cell that this one is a patch of: an equation here replaces the one of its name",
        Text(LABEL.pattern, names="cells"),
        "none",
        may_be_empty=False,
    ),
    "title": Key("what people call it", _ONE_TEXT, "empty"),
    "source": Key(
        "where it is from: keys of `rnnzoo/zoo/sources.yaml`, or free text",
        Either((_ONE_TEXT, Items(_ONE_TEXT))),
        "none",
    ),
    "family": Key(
        "what kind of cell it is",
        Legal(words=tuple(FAMILIES)),
        "that of the cell it extends",
        may_be_empty=False,
    ),
    "year": Key(
        "of its first publication, be it a preprint", _YEARS, "not said", may_be_empty=False
    ),
    "claim": Key(
        "what its paper says of it, as a line of an experiment's `claims:`", _ONE_TEXT, "none"
    ),
    "note": Key("in what it differs from its source", _ONE_TEXT, "empty"),
    "output": Key("the equation that is the layer's output", _ONE_TEXT, "`h`"),
    "options": Key("numbers that an experiment may set for a variant", Names(NUMBER), "none"),
    "inputs": Key(
        "what equations read beside `x`, each with its size: a whole number, or `inputs`",
        Names(Either((_SIZE, Legal(words=("inputs",))))),
        "none",
    ),
    "constants": Key("equations that are computed once, when a layer is built", Text(), "none"),
    "equations": Key(
        "one `name = expression` a line, in a literal block (`|`); `h[t-1]` is the value of the"
        " step before, `W @ x` a product with a trained matrix",
        Text(),
        "those of the cell that it extends",
    ),
    "first_layer": Key(
        "a patch of the equations for the first of several layers, which has none below",
        Text(),
        "none",
    ),
    "weights": Key("what is to be declared of weights, by name", Names(Keys(WEIGHT)), "none"),
    "init": Key("how weights begin, by name", Names(INIT), "by convention"),
    "initial": Key(
        "what states start from, by name: a number, or `learned`",
        Names(Either((NUMBER, Legal(words=("learned",))))),
        "0",
    ),
}
