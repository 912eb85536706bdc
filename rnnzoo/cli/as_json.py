"""What `--json` prints: one document on stdout, also after an error or a bug.

docs/scripting.md has the shape of each command's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from rnnzoo.errors import Mistake, RnnzooError, SpecError, printable
from rnnzoo.strict_json import as_json

_held: ContextVar[list[str] | None] = ContextVar("held", default=None)


@contextmanager
def one_document() -> Iterator[None]:
    """Within it, a document waits for the end of the block, and is lost where an error ends that:
    the error is the document then.
    """
    documents: list[str] = []
    token = _held.set(documents)
    try:
        yield
    finally:
        _held.reset(token)
    for document in documents:
        print(document)


def print_json(content: Any) -> None:
    """Print a command's one document; within `one_document` once that ends."""
    held = _held.get()
    if held is None:
        print(as_json(content))
    else:
        held.append(as_json(content))


def error_as_json(error: RnnzooError) -> str:
    """What kept a command from its document, in the place of that."""
    return as_json({"error": _error(error)})


def bug_as_json(raised: BaseException, told: RnnzooError) -> str:
    """Likewise, of what nobody had thought of.

    Args:
        told: whose bug it is, and where to report it.
    """
    kind = {"kind": type(raised).__name__, "message": printable(str(raised))}
    return as_json({"error": {**_error(told), "raised": kind}})


def _error(error: RnnzooError) -> dict[str, Any]:
    problem, fix = error.parts
    mistakes = error.mistakes if isinstance(error, SpecError) else ()
    return {"problem": problem, "fix": fix, "mistakes": list(map(with_place, mistakes))}


def with_place(mistake: Mistake) -> dict[str, Any]:
    """A mistake, or a warning, with its place."""
    place = {"file": mistake.span.file, "line": mistake.span.line, "column": mistake.span.column}
    return {**place, "problem": mistake.problem, "fix": mistake.fix}
