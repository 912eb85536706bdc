"""HTML and SVG in which all text is escaped, because nothing else can be written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from html import escape

VOID = ("br", "col", "link", "meta")  # elements that have no end
_CODE = re.compile(r"`([^`]+)`")


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()

    def __html__(self) -> str:
        """By which templates know that it is."""
        return self


def tag(name: str, /, *children: str, **attributes: object) -> Markup:
    """An element.

    Args:
        children: markup as it is; any other text is escaped.
        attributes: `class_` and `data_began` stand for `class` and `data-began`; what is None or
            False is left out, True is an attribute without a value.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def join(children: Iterable[str], between: str = "") -> Markup:
    """Several one after the other, with a text between them."""
    return Markup(text(between).join(map(text, children)))


def table(names: Iterable[str], rows: Iterable[Iterable[str]]) -> Markup:
    """A table with a head."""
    head = tag("tr", *(tag("th", name, scope="col") for name in names))
    cell = partial(tag, "td")
    body = [tag("tr", *map(cell, row)) for row in rows]
    return tag("table", tag("thead", head), tag("tbody", *body))


def text(content: str) -> Markup:
    """A text as markup; markup stays as it is."""
    return content if isinstance(content, Markup) else Markup(escape(content))


def prose(sentence: str) -> Markup:
    """A sentence as it is printed on a terminal; what stands between backticks is code."""
    return Markup(_CODE.sub(r"<code>\1</code>", text(sentence)))


def _attribute(key: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
