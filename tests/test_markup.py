"""All text is escaped, and nothing else can be written."""

from __future__ import annotations

from jinja2 import Environment

from rnnzoo.markup import Markup, join, prose, tag


def test_text_is_escaped_and_markup_is_not() -> None:
    assert tag("p", "a < b", Markup("<b>c</b>"), class_='"x"') == (
        '<p class="&quot;x&quot;">a &lt; b<b>c</b></p>'
    )
    assert tag("meta", name="x", hidden=True, lang=None) == '<meta name="x" hidden>'
    assert join(["a", tag("br")], " & ") == "a &amp; <br>"


def test_what_stands_between_backticks_is_code_and_escaped() -> None:
    written = "write `a < b`, or `c`; <b> and ` alone"
    expected = "write <code>a &lt; b</code>, or <code>c</code>; &lt;b&gt; and ` alone"
    assert prose(written) == expected
    assert prose(prose(written)) == expected
    template = Environment(autoescape=True).from_string("{{ text }}")
    assert template.render(text=prose(written)) == expected
