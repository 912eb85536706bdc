"""Where long lines break: an oracle that knows words, and numbers with their `%`, as one each."""

from __future__ import annotations

import re

import pytest

from rnnzoo.folding import fold

TEXT = "rnn solves it in 0 of 8 (0 % to 37 %), and 97.5 % of 40 % remain in runs/first/report.html"
TOGETHER = re.compile(r"\S*[0-9] %\S*|\S+")


@pytest.mark.parametrize("width", range(8, 60))
def test_lines_break_between_words_and_never_before_a_percent_sign(width: int) -> None:
    words = TOGETHER.findall(TEXT)
    lines = fold(TEXT, width, "- ", "  ").split("\n")
    assert TOGETHER.findall(" ".join(line[2:] for line in lines)) == words
    for line, following in zip(lines, [*lines[1:], ""]):
        assert len(line) <= width or TOGETHER.fullmatch(line[2:])
        next_word = TOGETHER.match(following[2:])
        assert not next_word or len(line) + 1 + len(next_word[0]) > width


def test_the_first_line_and_the_others_begin_as_asked() -> None:
    assert fold("one two three", 9, "> ", ". ") == "> one two\n. three"


def test_text_is_printed_with_the_spaces_that_it_has() -> None:
    assert fold("37 % of it", 80) == "37 % of it"
