"""What `check` says of files of which it has to find out first what they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rnnzoo.cli import main
from rnnzoo.spec.cell import ZOO
from rnnzoo.spec.document import NEEDS


def checked(text: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    (folder / "x.yaml").write_text(text)
    assert main(["check", str(folder / "x.yaml")]) == 2
    return capsys.readouterr().out


@pytest.mark.parametrize("text", ["{}", "", "# nothing yet", "answer: 42"])
def test_a_file_that_is_neither_a_cell_nor_an_experiment_is_told_what_each_needs(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = checked(text, tmp_path, capsys)
    assert printed.count("fix:") == 1
    assert f"fix: {NEEDS}" in printed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("task: adding\nvariants: [lstm]\n", "x.yaml:1:1: an experiment needs `experiment:`"),
        (
            "init: 0.1\ntask: adding\nvariants: [lstm]\n",
            "x.yaml:1:1: an experiment needs `experiment:`",
        ),
        (
            "title: mine\nequations: |\n  h = tanh(W @ x + R @ h[t-1])\n",
            "x.yaml:1:1: a cell needs `name:`",
        ),
    ],
)
def test_a_file_is_looked_at_as_what_most_of_its_keys_are_of(
    text: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = checked(text, tmp_path, capsys)
    assert problem in printed
    assert printed.count("fix:") == 1


@pytest.mark.parametrize("own", ["", "about: longer\n"])
def test_a_file_that_extends_an_experiment_is_one(
    own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "base.yaml").write_text("experiment: base\ntask: adding\nvariants: [lstm]\n")
    (tmp_path / "middle.yaml").write_text("extends: base.yaml\n")
    printed = checked(f"extends: middle.yaml\n{own}", tmp_path, capsys)
    assert "this is another experiment than" in printed
    assert "fix: write `experiment: my_experiment`" in printed
    assert printed.count("fix:") == 1


def test_a_cell_that_is_a_built_in_one_by_other_names_is_noted_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    renamed = "name: elman\nequations: |\n  out = tanh(b_q + U @ out[t-1] + V @ x)\noutput: out\n"
    (tmp_path / "elman.yaml").write_text(renamed)
    assert main(["check", str(tmp_path / "elman.yaml")]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n  note: the same cell as rnn, but for names\n") == 1
    assert "warning" not in printed
    (tmp_path / "elman.yaml").write_text(renamed.replace("tanh", "relu"))
    main(["check", str(tmp_path / "elman.yaml")])
    assert "note" not in capsys.readouterr().out
    assert main(["check", "--json", str(ZOO / "rnn.yaml")]) == 0
    assert json.loads(capsys.readouterr().out)[0]["note"] == ""


def test_mistakes_have_their_problem_fix_and_place_as_fields(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.yaml").write_text("name: bad\nequations: |\n  h = tanh(W * x + R @ h[t-1])\n")
    assert main(["check", "--json", str(tmp_path / "bad.yaml"), str(tmp_path / "bed.yaml")]) == 2
    first, second = json.loads(capsys.readouterr().out)
    (mistake,) = first["mistakes"]
    assert (mistake["line"], mistake["column"], mistake["fix"]) == (3, 14, "write W @ x")
    assert (second["mistakes"][0]["line"], second["mistakes"][0]["fix"]) == (
        None,
        f"did you mean '{tmp_path}/bad.yaml'?",
    )


def test_what_a_search_over_cells_would_be_refused_for_is_told_before_it_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "experiment: small\ntask: parity\nvariants: [gru, lstm]\nsearch_cells: {UNSEEN}\n"
    (tmp_path / "right.yaml").write_text(text.replace("UNSEEN", "unseen: [copy_memory]"))
    assert main(["check", str(tmp_path / "right.yaml")]) == 0
    capsys.readouterr()
    printed = checked(
        text.replace("UNSEEN", "unseen: [{name: adding, lenth: 9}]"), tmp_path, capsys
    )
    assert "task 'adding' has no option 'lenth'" in printed
    assert printed.count("fix:") == 1


def test_a_file_that_is_not_there_is_told_beside_the_others_and_keeps_none_from_its_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.yaml").write_text((ZOO / "lstm.yaml").read_text())
    assert main(["check", str(tmp_path / "nothing.yaml"), str(tmp_path / "mine.yaml")]) == 2
    printed = capsys.readouterr()
    assert "there is no file" in printed.out
    assert "is right" in printed.out
    assert printed.err == ""


def test_an_empty_line_parts_a_mistake_from_the_next_file_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check", "none.yaml", "nor.yaml"]) == 2
    printed = capsys.readouterr().out
    assert "\n\nthere is no file nor.yaml" in printed
    assert not printed.endswith("\n\n")
