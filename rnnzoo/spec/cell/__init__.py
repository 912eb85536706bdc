"""A cell as the user wrote it, with `extends` resolved and nothing understood yet.

In: a YAML file, or the name of one.  Out: a `CellSpec`: statements (`name = text`), declarations,
and where each of them stands.  What the text of an equation means is `rnnzoo.lang`'s business.

A variant is a patch: it merges equations, constants, weights, init, inputs, options and initial by
key with the cell that it extends; a replaced equation keeps its place, a new one is appended.  The
family is inherited; name, title, source, year, claim and note are not.

    values        CellSpec, and what it is made of
    names         legal names; signs and subscripts of printed mathematics
    keys          which keys there are, and what each may hold
    statements    text of a block -> statements
    tables        options, inputs, weights, initialisers
    places        which file a name or path means; the built-in cells
    files         a file, and those that it extends -> CellSpec
"""

from __future__ import annotations

from rnnzoo.spec.cell.files import MAX_EXTENDS, parse_cell, read, read_file, repeated_likewise
from rnnzoo.spec.cell.keys import CELL, INIT, MAX_SIZE
from rnnzoo.spec.cell.names import (
    FOREIGN,
    MAX_NAME,
    SHOWN_BEFORE,
    SHOWN_DIGITS,
    SHOWN_MINUS,
    SHOWN_NOW,
    SHOWN_TRANSPOSED,
    SIGNS,
    foreign_words,
    legal_name,
    shown_words,
)
from rnnzoo.spec.cell.places import (
    ZOO,
    built_in_names,
    find,
    is_built_in,
    named_in_spec,
    own_files,
    sources,
)
from rnnzoo.spec.cell.statements import MAX_EQUATIONS
from rnnzoo.spec.cell.tables import init_of
from rnnzoo.spec.cell.values import (
    BEFORE_FIRST,
    BY_COLUMNS,
    EXPRESSION,
    FAMILIES,
    INITIALISERS,
    MEANT,
    CellSpec,
    Declared,
    Init,
    Reading,
    Repeat,
    Statement,
    UnreadLines,
)

__all__ = [
    "BEFORE_FIRST",
    "BY_COLUMNS",
    "CELL",
    "EXPRESSION",
    "FAMILIES",
    "FOREIGN",
    "INIT",
    "INITIALISERS",
    "MAX_EQUATIONS",
    "MAX_EXTENDS",
    "MAX_NAME",
    "MAX_SIZE",
    "MEANT",
    "SHOWN_BEFORE",
    "SHOWN_DIGITS",
    "SHOWN_MINUS",
    "SHOWN_NOW",
    "SHOWN_TRANSPOSED",
    "SIGNS",
    "ZOO",
    "CellSpec",
    "Declared",
    "Init",
    "Reading",
    "Repeat",
    "Statement",
    "UnreadLines",
    "built_in_names",
    "find",
    "foreign_words",
    "init_of",
    "is_built_in",
    "legal_name",
    "named_in_spec",
    "own_files",
    "parse_cell",
    "read",
    "read_file",
    "repeated_likewise",
    "shown_words",
    "sources",
]
