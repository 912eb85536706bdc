"""XML, against a reader of tags and a reader that knows the grammar."""

from __future__ import annotations

import re

import numpy as np
import pytest

from rnnzoo import tasks
from rnnzoo.errors import UsageError

SMALL = {"train": 300, "valid": 10, "test": 400}


def documents(task: tasks.Task, split: str) -> list[str]:
    part = task.splits[split]
    names = {number: "\n" if len(name) > 1 else name for number, name in enumerate(task.classes)}
    return [
        "".join(names[symbol] for symbol in [row[0, 0], *answers[:length]])
        for row, answers, length in zip(part.x, part.y, part.lengths)
    ]


@pytest.mark.parametrize("turns", [2, 6, 50])
def test_tags_are_closed_in_order_and_documents_end_with_none_open(turns: int) -> None:
    sizes = set()
    for document in documents(tasks.load("xml", {**SMALL, "turns": turns}), "train"):
        assert document[0] == document[-1] == "\n"
        tags = re.findall("<[^>]*>", document)
        assert "".join(tags) == document[1:-1]
        still_open: list[str] = []
        for turn, tag in enumerate(tags):
            if tag.startswith("</"):
                assert tag == f"</{still_open.pop()}>"
            else:
                assert turn < turns
                assert re.fullmatch("<[a-z]{2,10}>", tag)
                still_open.append(tag[1:-1])
                sizes.add(len(tag) - 2)
        assert tags
        assert not still_open
    assert sizes == set(range(2, 11))


def guess(before: str, turns: int) -> str:
    """The likeliest character behind a beginning of a document, by the grammar."""
    names: list[str] = []
    whole = re.findall("<[^>]*>", before)
    for tag in whole:
        if tag.startswith("</"):
            names.pop()
        else:
            names.append(tag[1:-1])
    rest = before[before.rfind("<") :] if before.count("<") > len(whole) else ""
    if rest.startswith("</"):
        return f"{names[-1]}>"[len(rest) - 2]
    if rest:
        may_end = len(rest) - 1 >= 2
        return ">" if may_end else "/" if rest == "<" and names else "a"
    return "<" if names or len(whole) < turns else "\n"


def test_who_knows_the_grammar_errs_as_often_as_is_said() -> None:
    task = tasks.load("xml", {**SMALL, "turns": 12})
    wrong = np.concatenate(
        [
            [guess(document[:end], 12) != document[end] for end in range(1, len(document))]
            for document in documents(task, "test")
        ]
    )
    # 4 standard deviations, where errors are at most 1/4 in variance and independent
    assert wrong.mean() == pytest.approx(task.solved / 1.02, abs=4 * 0.5 / len(wrong) ** 0.5)
    assert task.solved < task.baselines["most frequent class under the symbol"]


def test_a_document_without_depth_is_refused() -> None:
    with pytest.raises(UsageError, match="`turns` must be at least 2, not 1"):
        tasks.load("xml", {"turns": 1})
