"""Fixes for an experiment in a file, which are YAML -> the same for a dictionary.

In: `write variants: [lstm, gru]`.  Out: `write 'variants': ['lstm', 'gru']`.

A fix is a sentence with YAML in it, between backticks or bare.  What cannot be read as such stays
as it is; so does Python, which is read as YAML and written as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from rnnzoo.errors import SpecError
from rnnzoo.spec import settings
from rnnzoo.spec.claims import CLAIM
from rnnzoo.spec.document import parse, plain
from rnnzoo.spec.experiment import TEXT
from rnnzoo.spec.hyperparameters import HYPERPARAMETERS, MODEL, SEARCHABLE
from rnnzoo.spec.read_experiment import keys
from rnnzoo.spec.space import KINDS

_FORMS = re.compile(r"[0-9.]+%, ([0-9.]+) or [0-9]+/[0-9]+")  # one share in three forms
_PERCENT = re.compile(r"(?<![\w.'])([0-9]+(?:\.[0-9]+)?)%(?!\w)")
_BETWEEN_BACKTICKS = re.compile(r"(`[^`]*`)")
# a table or a list, alone or behind its key; not the index of an array
_BRACKET = re.compile(r"(?:(?<![\w'\"])(?P<key>[a-z_]+): )?(?<![\w\])'\"])[\[{]")
# a value behind its key, in a place where a sentence has what to write
_SCALAR = re.compile(
    r"(?P<before>^|\b(?:write|or|quotes:) )(?P<key>[a-z_]+): "
    r"(?P<value>\"[^\"]*\"|'[^']*'|[^\s,;()\[\]{}'\"]+)"
)
_CLOSING = {"[": "]", "{": "}"}
_PLACES = re.compile(r"'(\.\.\.|low|high)'")  # which stand for a value, and are no text


def as_python(fix: str) -> str:
    """A fix for an experiment that is a dictionary."""
    fix = _PERCENT.sub(_as_number, _FORMS.sub(r"\1", fix))
    parts = _BETWEEN_BACKTICKS.split(fix)
    if any("`" in sentence for sentence in parts[::2]):  # one that nothing closes
        return fix
    parts[::2] = map(_sentence, parts[::2])
    parts[1::2] = map(_quoted, parts[1::2])
    return "".join(parts)


def _as_number(percent: re.Match[str]) -> str:
    return f"{float(percent[1]) / 100:g}"


@cache
def _known() -> frozenset[str]:
    """The keys of an experiment: of other words a colon may be one of the sentence."""
    tables = (
        keys.EXPERIMENT, keys.VARIANT, keys.SEARCH, keys.RUNGS, keys.EARLIER, keys.SELECT,
        keys.CONFIRM, keys.RESOURCES, keys.RETRY, keys.CELLS, keys.FIRST_STAGE, HYPERPARAMETERS,
        SEARCHABLE, MODEL, CLAIM,
    )  # fmt: skip
    return frozenset({*KINDS, "log", "step", "when", "label"}.union(*tables))


def _quoted(fragment: str) -> str:
    """What stands between backticks, if it is entries, a table or a list."""
    yaml = fragment[1:-1]
    if yaml.startswith(("{", "[")):
        return f"`{_value(yaml) or yaml}`"
    entries = _read(yaml)
    # of a claim, `on TASK: A better than B`, what is before the colon is no key
    are_entries = entries and all(map(str.isidentifier, entries))
    if not are_entries or entries.keys() & {*settings.KEYS}:  # which stand in mlflow.yml
        return fragment
    return f"`{_literal(entries)[1:-1]}`"


def _sentence(text: str) -> str:
    """What stands beside backticks: tables and lists in it, and values behind their keys."""
    parts, rest = [], 0
    for start, end, python in _tables(text):
        parts += [_SCALAR.sub(_scalar, text[rest:start]), python]
        rest = end
    return "".join([*parts, _SCALAR.sub(_scalar, text[rest:])])


def _tables(text: str) -> Iterator[tuple[int, int, str]]:
    """Where each table or list of a sentence begins, with its key, and ends; and it as Python."""
    rest = 0
    for opens in _BRACKET.finditer(text):
        start = opens.end() - 1
        end = _end(text, start)
        python = _value(text[start:end])
        if start < rest or not python:
            continue
        rest = end
        if opens["key"] in _known():
            yield opens.start(), end, f"'{opens['key']}': {python}"
        else:
            yield start, end, python


def _end(text: str, start: int) -> int:
    """The place behind the bracket that closes the one at a place; that place if there is none."""
    waiting: list[str] = []
    for place in range(start, len(text)):
        if text[place] in _CLOSING:
            waiting.append(_CLOSING[text[place]])
        elif waiting and text[place] == waiting[-1]:
            waiting.pop()
        if not waiting:
            return place + 1
    return start


def _scalar(found: re.Match[str]) -> str:
    """A value behind its key, as the entry of a dictionary."""
    python = _value(found["value"])
    if found["key"] not in _known() or not python:
        return found[0]
    return f"{found['before']}'{found['key']}': {python}"


def _value(yaml: str) -> str:
    """A value as Python; empty where it is none, or where a part of it would be nothing."""
    entries = _read(f"value: {yaml}")
    return _literal(entries["value"]) if entries else ""


def _read(yaml: str) -> dict[str, Any]:
    """The entries of a table; none where it is no table, or a part of it is nothing."""
    try:
        entries = plain(parse(yaml, TEXT))
    except SpecError:
        return {}
    return {} if _lacks(entries) else dict(entries)


def _lacks(value: Any) -> bool:
    """Whether a value, or one within it, is nothing, as behind the key of a block."""
    if isinstance(value, dict):
        return any(map(_lacks, value.values()))
    if isinstance(value, list):
        return any(map(_lacks, value))
    return value in (None, "")


def _literal(value: Any) -> str:
    return _PLACES.sub(r"\1", repr(value))
