"""Every message that we print about a file: wrong files with the exact text that they must give.

`make accept` rewrites the expected texts; read the diff as a user would.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import rnnzoo
from rnnzoo import lang
from rnnzoo.errors import SpecError, UsageError
from rnnzoo.sweep.candidates import checked_search
from rnnzoo.sweep.open import checked

FOLDER = Path(__file__).parent / "bad_specs"
READERS = {
    "cells": lambda path: lang.load(path.name, path.parent),
    "experiments": rnnzoo.load_experiment,
    "tasks": lambda path: checked(rnnzoo.load_experiment(path)),
    "searches": lambda path: checked_search(rnnzoo.load_experiment(path)),
}
FILES = sorted(FOLDER.glob("*/*.yaml"))


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wrong files where no project is around them, whose cells would be among the names."""
    return Path(shutil.copytree(FOLDER, tmp_path_factory.mktemp("wrong") / "bad_specs"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_wrong_file_gives_the_expected_message(
    path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(elsewhere / path.parent.name)
    with pytest.raises((SpecError, UsageError)) as caught:
        READERS[path.parent.name](Path(path.name))
    message = str(caught.value) + "\n"
    expected = path.with_suffix(".expected")
    if os.environ.get("RNNZOO_ACCEPT"):
        expected.write_text(message)
    assert message == expected.read_text()


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_message_says_where_and_most_say_what_to_write(path: Path) -> None:
    text = path.with_suffix(".expected").read_text()
    assert f"{path.name}:" in text
    for mistake in text.split("\n\n"):
        assert "^" in mistake or path.stat().st_size < 60 or path.stem == "not_utf8"


@pytest.mark.parametrize("text", ["x" * 300_000, "name: x\n" + "a: 1\n" * 60_000])
def test_a_huge_file_is_refused_at_once(text: str, tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    path.write_text(text)
    with pytest.raises(SpecError, match="larger than 256 KiB"):
        lang.load(str(path))


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        lang.load(str(tmp_path / "nothing.yaml"))
    with pytest.raises(UsageError, match=f"no yaml file in {tmp_path}.* has a similar name"):
        lang.load(str(tmp_path / "nothing.yaml"))
    with pytest.raises(UsageError, match="; give its path from the current folder"):
        lang.load(str(tmp_path / "no" / "folder.yaml"))
    with pytest.raises(UsageError, match="File name too long"):
        lang.load("x" * 500 + ".yaml")
    with pytest.raises(UsageError, match="Is a directory"):
        rnnzoo.load_experiment(tmp_path)


def test_a_cell_of_ones_own_does_not_shadow_a_built_in_one(tmp_path: Path) -> None:
    (tmp_path / "lstm.yaml").write_text(
        "name: lstm\nequations: |\n  h = tanh(W @ x + R @ h[t-1])\n"
    )
    with pytest.raises(UsageError, match="'lstm' is a built-in cell and also"):
        lang.load("lstm", tmp_path)


def test_an_experiment_of_the_name_of_a_cell_is_no_cell(tmp_path: Path) -> None:
    path = tmp_path / "clockwork.yaml"
    path.write_text("experiment: e\ntask: adding\nvariants: [clockwork]\n")
    from rnnzoo.sweep.plan import cells

    named = cells(rnnzoo.load_experiment(path))
    assert [cell.name for cell in named.values()] == ["clockwork"]
    mine = "name: mine\nequations: |\n  h = tanh(W @ x + R @ h[t-1])\n"
    (tmp_path / "mine.yaml").write_text("experiment: e\ntask: adding\nvariants: [mine]\n")
    (tmp_path / "cells").mkdir()
    (tmp_path / "cells/mine.yaml").write_text(mine)
    assert lang.load("mine", tmp_path).name == "mine"


def test_what_extends_an_experiment_is_no_cell_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "lstm.yaml").write_text("extends: ./base.yaml\nsearch: {trials: 3}\n")
    (tmp_path / "base.yaml").write_text("extends: e.yaml\n")
    (tmp_path / "e.yaml").write_text("experiment: e\ntask: adding\nvariants: [lstm]\n")
    assert lang.load("lstm", tmp_path).name == "lstm"
    (tmp_path / "e.yaml").write_text("extends: lstm.yaml\n")  # in a circle, so it may be a cell
    with pytest.raises(UsageError, match="'lstm' is a built-in cell and also"):
        lang.load("lstm", tmp_path)


def test_a_mistake_in_a_cell_is_reported_by_the_experiment_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "name: mine\nequations: |\n  h = tanh(W @ x + R @ h[t-1]) + q\n"
    )
    path = tmp_path / "experiment.yaml"
    path.write_text("experiment: e\ntask: adding\nvariants: [lstm, mine]\n")
    from rnnzoo.sweep.plan import cells

    with pytest.raises(SpecError, match=r"mine.yaml:3:34: unknown name 'q'"):
        cells(rnnzoo.load_experiment(path))


def test_an_initialiser_of_a_weight_that_the_cell_lacks_is_shown_where_it_stands(
    tmp_path: Path,
) -> None:
    path = tmp_path / "experiment.yaml"
    path.write_text(
        "experiment: e\ntask: adding\nvariants:\n"
        "  - {name: a, cell: lstm, init: {b_f: 1, b_q: 1, '*': {normal: 0.1}}}\n"
        "  - {name: b, cell: gru, init: {b_f: 1}}\n"
    )
    from rnnzoo.sweep.plan import cells

    with pytest.raises(SpecError) as caught:
        cells(rnnzoo.load_experiment(path))
    first, second = caught.value.mistakes
    assert (first.span.line, first.span.column, first.problem) == (
        4,
        42,
        "cell 'lstm' has no weight 'b_q'",
    )
    assert first.fix.startswith("did you mean 'b_")
    assert (second.span.line, second.problem) == (5, "cell 'gru' has no weight 'b_f'")


CELL = "name: q\nequations: |\n"
GENERATED = {
    "more than 200 equations": CELL + "".join(f"  e_{n} = tanh(W @ x)\n" for n in range(201)),
    "nested too deep": CELL + f"  h = {'-' * 100}h[t-1]\n",
    "more than 20000 values in one file": f"name: q\nsource: [{'a, ' * 20_000}]\n",
    # half of a pair, which only a text made in Python can hold
    "a character that cannot be seen": "name: \ud800\n",
}


@pytest.mark.parametrize("problem", GENERATED)
def test_what_is_too_much_is_refused_in_words(problem: str) -> None:
    with pytest.raises(SpecError, match=problem) as caught:
        lang.parse_text(GENERATED[problem])
    assert all(mistake.fix for mistake in caught.value.mistakes)


def test_a_mistake_in_a_cell_that_is_extended_is_shown_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(
        "name: base\nequations: |\n  h = tanh(W @ x + R @ h[t-1]) + q\n"
    )
    (tmp_path / "child.yaml").write_text("name: child\nextends: base\n")
    with pytest.raises(SpecError, match=r"base\.yaml:3:34: unknown name 'q'"):
        lang.load("child", tmp_path)


@pytest.mark.parametrize(
    ("cell", "options", "words"),
    [
        ("clockwork", {"module": 4}, "has no option 'module'\n  fix: did you mean 'modules'"),
        ("lstm", {"beta": 1}, "has no option 'beta'\n  fix: this cell has no options"),
        (
            "clockwork",
            {"modules": "four"},
            "option 'modules' of cell 'clockwork' must be a number, not 'four'",
        ),
        ("clockwork", {"modules": float("nan")}, "must be a number, not nan"),
    ],
)
def test_a_wrong_option_is_refused_in_words(cell: str, options: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        lang.load(cell, options=options)


@pytest.mark.parametrize("reference", ["../lstm", "", "my cell", "x" * 500])
def test_what_cannot_be_the_name_of_a_cell_is_refused(reference: str) -> None:
    with pytest.raises(UsageError, match=r"is not the name of a cell; a path must end in \.yaml"):
        lang.load(reference)
