"""Sentences that are nearly claims, and what was meant."""

from __future__ import annotations

import pytest

from rnnzoo.spec.claims import FORMS
from rnnzoo.spec.meant import meant

NAMES = {"A": ["lstm", "gru"], "TASK": ["adding", "copy"], "NAME": ["units"]}


@pytest.mark.parametrize(
    ("sentence", "claim"),
    [
        ("lstm is worse than gru", "lstm worse than gru"),
        ("lstm is significantly worse than the gru", "lstm worse than gru"),
        ("lstm better then gru", "lstm better than gru"),
        ("gru beats lstm", "gru better than lstm"),
        ("Lstm worse than gru or so", "Lstm worse than gru"),
        ("lstm worse than", "lstm worse than B"),
        ("nfg is worse than lstm", "nfg worse than lstm"),
        ("lstm equal to gru", "lstm same as gru"),
        ("lstm equals gru within 0.1", "lstm same as gru within 0.1"),
        ("lstm faster than gru", "lstm at least N times as fast as gru"),
        ("lstm slower than gru", "gru at least N times as fast as lstm"),
        ("lstm is 2 times slower than gru", "gru at least 2 times as fast as lstm"),
        ("lstm at least 1.5 times faster than gru", "lstm at least 1.5 times as fast as gru"),
        ("the importance of units is over 20%", "importance of units above 20%"),
        ("lstm solves adding more than gru", "lstm solves adding more often than gru"),
        (
            "lstm diverges on adding more often than gru",
            "on adding: lstm diverges more often than gru",
        ),
        ("on every task: gru worse than lstm", "on all tasks: gru worse than lstm"),
        ("for adding: gru is worse than lstm", "on adding: gru worse than lstm"),
        (
            "on the majority of tasks, most: gru worse than lstm",
            "on most tasks: gru worse than lstm",
        ),
        ("no variant is better than lstm", "no variant better than lstm"),
        ("weights of gru under 80% of lstm", "weights of gru below 80% of lstm"),
    ],
)
def test_a_sentence_that_is_nearly_a_claim_is_told_the_nearest(sentence: str, claim: str) -> None:
    assert meant(sentence, FORMS, NAMES) == (claim,)


@pytest.mark.parametrize(
    ("place", "prefixes"),
    [
        ("on some tasks", ["on all tasks: ", "on most tasks: "]),
        ("on several of the tasks", ["on all tasks: ", "on most tasks: "]),
        ("on both tasks", ["on all tasks: "]),
        ("on the majority", ["on most tasks: "]),
        ("on adding, copy", ["on adding: ", "on copy: "]),
        ("there", ["on TASK: "]),
    ],
)
def test_tasks_that_are_named_in_other_words_are_told_as_claims_name_them(
    place: str, prefixes: list[str]
) -> None:
    claims = meant(f"{place}: lstm is worse than gru", FORMS, NAMES)
    assert claims == tuple(f"{prefix}lstm worse than gru" for prefix in prefixes)


@pytest.mark.parametrize("place", ["on some tasks", "on every task", "for most tasks"])
def test_where_there_is_one_task_no_claim_about_several_is_suggested(place: str) -> None:
    names = {**NAMES, "TASK": ["adding"]}
    assert meant(f"{place}: lstm is worse than gru", FORMS, names) == ("lstm worse than gru",)


@pytest.mark.parametrize(
    "sentence",
    [
        "lstm rocks",
        "lstm is not worse than gru",
        "lstm than gru",
        "",
        ":",
        "which of them is best?",
        "a: b: c",
    ],
)
def test_nothing_is_suggested_where_no_form_is_nearest(sentence: str) -> None:
    assert meant(sentence, FORMS, NAMES) == ()


@pytest.mark.parametrize("form", FORMS)
def test_a_claim_that_is_right_is_its_own_nearest(form: str) -> None:
    filled = [
        {"A": "lstm", "B": "gru", "TASK": "adding", "NAME": "units"}.get(word, word)
        for word in form.split()
    ]
    sentence = " ".join(filled).replace("N%", "20%").replace(" N", " 2")
    assert meant(sentence, FORMS, NAMES) == (sentence,)
