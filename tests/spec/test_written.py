"""Settings in messages: as YAML, as entries of a dictionary, as arguments of a call."""

from __future__ import annotations

import ast

from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.spec.document import parse, plain
from rnnzoo.spec.written import a_table, as_value, entry, in_call, in_dictionary, setting

NAMES = st.text("abX019 .,:#-_'\"{}[]%&*", max_size=9)
VALUES = st.recursive(
    NAMES | st.integers(-99, 99) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


def test_a_setting_is_written_as_its_author_does() -> None:
    window = {"length": 50, "kind": "whole"}
    assert setting("window", window) == "window: {length: 50, kind: whole}"
    with in_dictionary():
        assert setting("window", window) == "'window': {'length': 50, 'kind': 'whole'}"
    with in_call({"split": "how"}):
        assert setting("window", window) == "window={'length': 50, 'kind': 'whole'}"
        assert setting("split", "stratified") == "how='stratified'"
    assert setting("scale", "standard", "none") == "scale: standard or none"


def test_a_part_of_a_setting_is_no_argument() -> None:
    assert (a_table(), entry("age", "number"), as_value({"age": 1})) == (
        "a table", "age: number", "{age: 1}",
    )  # fmt: skip
    with in_call({}):
        assert (a_table(), entry("age", "number"), as_value({"age": 1})) == (
            "a dictionary", "'age': 'number'", "{'age': 1}",
        )  # fmt: skip


@given(VALUES)
def test_each_form_is_read_back_as_the_value_that_it_was(value: object) -> None:
    assert plain(parse(setting("key", value), "")) == {"key": value}
    with in_dictionary():
        assert ast.literal_eval(f"{{{setting('key', value)}}}") == {"key": value}
    with in_call({}):
        (argument,) = ast.parse(f"f({setting('key', value)})", mode="eval").body.keywords  # type: ignore[attr-defined]
    assert (argument.arg, ast.literal_eval(argument.value)) == ("key", value)
