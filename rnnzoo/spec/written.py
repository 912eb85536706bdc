"""Settings in messages, in the form in which their author writes them.

    a file          window: {length: 50}
    a dictionary    'window': {'length': 50}
    a call          window={'length': 50}

In: names and plain values.  Out: text, in the form that `in_dictionary` or `in_call` has set; else
that of a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from rnnzoo.errors import listed
from rnnzoo.spec.document import inline


class _Form(NamedTuple):
    """How settings are written.

    Attributes:
        table: what a table of settings is called.
    """

    name: Callable[[str], str]
    between: str
    value: Callable[[Any], str]
    table: str


_FILE = _Form(str, ": ", inline, "table")
_DICTIONARY = _Form(repr, ": ", repr, "dictionary")
_form: ContextVar[_Form] = ContextVar("form", default=_FILE)


@contextmanager
def in_dictionary() -> Iterator[None]:
    """Within it, settings are entries of a dictionary."""
    with _written(_DICTIONARY):
        yield


@contextmanager
def in_call(others: Mapping[str, str]) -> Iterator[None]:
    """Within it, settings are arguments of a call.

    Args:
        others: by the name of a setting its argument, where that is called otherwise.
    """
    with _written(_Form(lambda name: others.get(name, name), "=", repr, "dictionary")):
        yield


@contextmanager
def _written(form: _Form) -> Iterator[None]:
    token = _form.set(form)
    try:
        yield
    finally:
        _form.reset(token)


def setting(name: str, *values: Any) -> str:
    """A setting with its value: `scale: standard`; of several values, `scale: standard or none`."""
    form = _form.get()
    return f"{form.name(name)}{form.between}{listed(map(form.value, values), 'or')}"


def as_value(plain: Any) -> str:
    """A value alone: `{length: 50}`."""
    return _form.get().value(plain)


def entry(name: str, plain: Any) -> str:
    """An entry of a table that is a value: `length: 50`, which is no argument of a call."""
    return as_value({name: plain})[1:-1]


def a_table() -> str:
    """What a table of settings is called: "a table"; of Python's, "a dictionary"."""
    return f"a {_form.get().table}"
