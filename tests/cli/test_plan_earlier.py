"""What `plan` says of trials of earlier editions."""

from __future__ import annotations

from rnnzoo.api.going_on import plain, together
from rnnzoo.cli.plan import _earlier
from rnnzoo.sweep.longer import Ahead


def test_it_says_how_many_count_go_on_and_train_anew() -> None:
    studies = [Ahead(4, {20: 8}, {"no state was kept": 1}), Ahead(2, {20: 9, 17: 1})]
    assert list(_earlier(plain(together(studies)), confirms=True)) == [
        "of an earlier version: 6 trials count as they are; 18 trials go on from epochs 17 to 20;"
        " 1 trial trains anew: no state was kept",
        "trainings of the second stage go on where its settings come out as they were, and begin"
        " anew where they do not",
    ]
    assert list(_earlier(plain(Ahead(1, {20: 1})), confirms=False)) == [
        "of an earlier version: 1 trial counts as it is; 1 trial goes on from epoch 20"
    ]


def test_without_earlier_editions_it_says_nothing() -> None:
    assert list(_earlier(plain(together([Ahead(), Ahead()])), confirms=True)) == []
