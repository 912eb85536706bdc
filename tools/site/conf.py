"""Settings of Sphinx for the docs site.  The pages are those that `tools.site` has laid out."""

from __future__ import annotations

import re
from typing import Any

import rnnzoo

project = "rnnzoo"
release = rnnzoo.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "index"
default_role = "code"  # a word between backticks in a docstring is code
myst_heading_anchors = 4  # as GitHub has them, so that links work in both
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Call arguments", "params_style")]  # of layers, as Keras has them

highlight_language = "none"  # of blocks that name none: they are commands and what these print

# a drawing that is all of a paragraph
PICTURE = re.compile(r'<p>(<img [^>]*src="[^"]*\.svg"[^>]*>)</p>')

html_theme = "furo"
html_title = f"rnnzoo {release}"
html_copy_source = False
html_show_copyright = False
html_extra_path = ["../extra"]
html_static_path = ["_static"]
html_css_files = ["site.css"]


def setup(app: Any) -> None:
    # before napoleon, which takes the code of an example for prose
    app.connect("autodoc-process-docstring", _examples_are_code, priority=400)
    # behind the theme, which writes its navigation then
    app.connect("html-page-context", _usable_without_a_mouse, priority=900)


def _examples_are_code(
    app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    lines[:] = ["Example::" if line == "Example:" else line for line in lines]
    for place in reversed([number for number, line in enumerate(lines) if line == "Example::"]):
        lines.insert(place + 1, "")


def _usable_without_a_mouse(
    app: Any, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """What scrolls can be reached by keys, and the captions of the navigation have a level.  A
    picture that stands by itself scrolls on a narrow screen, where its letters would be too small.
    """
    for name, plain, marked in (
        ("body", "<pre>", '<pre tabindex="0">'),
        ("body", '<div class="table-wrapper', '<div tabindex="0" class="table-wrapper'),
        ("furo_navigation_tree", 'role="heading"', 'role="heading" aria-level="2"'),
    ):
        if name in context:
            context[name] = context[name].replace(plain, marked)
    if "body" in context:
        context["body"] = PICTURE.sub(r'<p class="picture" tabindex="0">\1</p>', context["body"])
