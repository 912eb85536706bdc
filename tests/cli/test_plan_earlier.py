"""What `plan` says of trials of earlier editions."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from rnnzoo.api.going_on import plain, together
from rnnzoo.cli.plan import _earlier
from rnnzoo.sweep.longer import Ahead
from tests.command import before_a_trial, rnnzoo


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


def test_trials_of_a_file_that_was_moved_and_renamed_are_told_of(
    swept: Path, tmp_path: Path
) -> None:
    """Nothing tells then that it is the same experiment; `share: true` says so."""
    folder = Path(shutil.copytree(swept, tmp_path / "swept"))
    text = (folder / "small.yaml").read_text().replace("experiment: small", "experiment: moved")
    (folder / "small.yaml").unlink()
    moved = folder / "moved.yaml"
    moved.write_text(text)
    anew = planned(folder)
    assert anew["elsewhere"] == {"small": 6}
    assert [study["left"] for study in anew["studies"]] == [3, 3]
    words = "trials that are left here were run before, to the bit: 6 in 'small'"
    said = rnnzoo("plan", "moved.yaml", "--no-measure", cwd=folder).stdout
    assert f"{words}; `rnnzoo sweep --share` takes them over" in said
    printed = before_a_trial("sweep", "moved.yaml", cwd=folder)
    assert f"{words}; they run anew" in " ".join(printed.split())
    assert "to take them over instead: rnnzoo sweep moved.yaml --share" in printed
    moved.write_text(f"{text}\nshare: true\n")
    shared = planned(folder)
    assert (shared["elsewhere"], shared["earlier"]["counted"]) == ({}, 6)
    assert [study["left"] for study in shared["studies"]] == [0, 0]


def planned(folder: Path) -> dict[str, Any]:
    done = rnnzoo("plan", "moved.yaml", "--no-measure", "--json", cwd=folder)
    content: dict[str, Any] = json.loads(done.stdout)
    return content
