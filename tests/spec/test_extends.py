"""`extends:` in an experiment: what is taken over, what is replaced, and where mistakes stand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rnnzoo.errors import SpecError, UsageError
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.read_experiment import parse_experiment, read, resolved
from rnnzoo.sweep.plan import studies

BASE = """\
experiment: base
about: the first one
task: {name: adding, length: 50}
variants: [lstm, gru]
search:
  sampler: {name: tpe, n_startup_trials: 5}
  trials: 6
  space: {units: {int: [16, 64], log: true}, optimizer: sgd, momentum: 0.9}
training: {epochs: 20, patience: 4}
margin: 0.1
claims: [gru worse than lstm]
"""


def of(child: str, folder: Path, base: str = BASE) -> Experiment:
    (folder / "base.yaml").write_text(base)
    (folder / "child.yaml").write_text(f"experiment: child\nextends: base.yaml\n{child}")
    return read(folder / "child.yaml")


def alone(text: str, folder: Path) -> Experiment:
    return parse_experiment(text.replace("experiment: base", "experiment: child"), "e", folder)


def test_what_is_not_changed_is_that_of_the_other_file(tmp_path: Path) -> None:
    assert of("", tmp_path) == alone(BASE, tmp_path)


CHANGES = {
    "training: {epochs: 40}": ("{epochs: 20, patience: 4}", "{epochs: 40, patience: 4}"),
    "search: {trials: 9}": ("trials: 6", "trials: 9"),
    "search: {space: {units: {choice: [8]}}}": ("{int: [16, 64], log: true}", "{choice: [8]}"),
    "search: {space: {momentum: }}": (", momentum: 0.9", ""),
    "variants: [gru, lstm, rnn]": ("[lstm, gru]", "[gru, lstm, rnn]"),
    "task: {length: 60}": ("length: 50", "length: 60"),
    "tasks: [parity]": ("task: {name: adding, length: 50}", "tasks: [parity]"),
    "task: {name: parity, train: 9}": ("{name: adding, length: 50}", "{name: parity, train: 9}"),
    "search: {sampler: {n_startup_trials: 3}}": ("n_startup_trials: 5", "n_startup_trials: 3"),
    "search: {sampler: {name: gp}}": ("{name: tpe, n_startup_trials: 5}", "gp"),
    "claims: []": ("[gru worse than lstm]", "[]"),
    "margin: ": ("margin: 0.1\n", ""),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_as_if_it_were_written_into_the_other_file(change: str, tmp_path: Path) -> None:
    assert of(f"{change}\n", tmp_path) == alone(BASE.replace(*CHANGES[change]), tmp_path)


def test_studies_are_known_by_what_they_are_and_not_by_how_they_are_written(
    tmp_path: Path,
) -> None:
    data, inputs = {"adding": "1f"}, {"adding": 2}
    written = alone(BASE.replace("epochs: 20", "epochs: 40"), tmp_path)
    extending = of("training: {epochs: 40}\n", tmp_path)
    names = [study.identity for study in studies(extending, data, inputs)]
    assert names == [study.identity for study in studies(written, data, inputs)]
    assert resolved(extending) == resolved(written)


def test_files_extend_each_other_in_a_row_and_never_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "third.yaml").write_text(
        "experiment: third\nextends: child.yaml\nsearch: {trials: 8}\n"
    )
    between = of("training: {epochs: 40}\n", tmp_path)
    third = read(tmp_path / "third.yaml")
    assert third == replace(between, name="third", search=replace(between.search, trials=8))
    with pytest.raises(SpecError) as caught:
        of("", tmp_path, BASE + "extends: child.yaml\n")
    (mistake,) = caught.value.mistakes
    assert mistake.problem == "`extends` runs in a circle: child.yaml -> base.yaml -> child.yaml"
    assert (mistake.span.file, mistake.span.line) == (str(tmp_path / "base.yaml"), 12)


def test_paths_are_relative_to_the_file_that_they_are_written_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # which is the project
    home = tmp_path / "experiments"
    (home / "studies").mkdir(parents=True)
    (home / "mine.yaml").write_text("name: mine\nequations: |\n  h = tanh(W @ x + R @ h[t-1])\n")
    variants = "[mine, {name: other, cell: ./mine.yaml}, lstm]"
    (home / "base.yaml").write_text(
        f"experiment: base\ntask: {{name: arrays, file: my.npz}}\nvariants: {variants}\n"
    )
    path = home / "studies" / "child.yaml"
    path.write_text("experiment: child\nextends: ../base.yaml\n")
    experiment = read(path)
    (task,) = experiment.tasks
    assert (path.parent / task.options["file"]).resolve() == home / "my.npz"
    assert [variant.label for variant in experiment.variants] == ["mine", "other", "lstm"]
    assert [variant.cell.name for variant in experiment.variants] == ["mine", "mine", "lstm"]
    again = parse_experiment(path.read_text(), str(path), path.parent)
    assert again == experiment


TASK = "{name: arrays, file: my.npz}"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("unseen: [%s]", "unseen"),
        ("filter: %s", "filter"),
        ("filter: {task: %s}", "filter"),
    ],
)
def test_paths_of_a_search_over_cells_are_moved_too(
    written: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # which is the project
    monkeypatch.setattr("rnnzoo.spec.read_experiment.cells.solvable", lambda *_: True)
    (tmp_path / "base.yaml").write_text(
        "experiment: base\ntask: parity\nvariants: [lstm, gru]\n"
        f"search_cells:\n  {written.replace('%s', TASK)}\n"
    )
    path = tmp_path / "studies" / "child.yaml"
    path.parent.mkdir()
    path.write_text("experiment: child\nextends: ../base.yaml\n")
    search = read(path).cell_search
    assert search is not None
    if told == "unseen":
        (task,) = search.unseen
    else:
        assert search.filter is not None
        task = search.filter.task
    assert task.options["file"] == "../my.npz"


def test_overrides_go_over_both_files_and_cannot_say_what_is_extended(tmp_path: Path) -> None:
    of("", tmp_path)
    path = tmp_path / "child.yaml"
    assert read(path, ["training.epochs=3"]).training.epochs == 3
    with pytest.raises(UsageError, match="what an experiment extends is written in its file"):
        read(path, ["extends=base.yaml"])
    with pytest.raises(SpecError) as caught:
        read(path, ["variants=[lstm, rnn]"])
    (mistake,) = caught.value.mistakes
    assert mistake.span.text == "variants=[lstm, rnn]"
    assert "base.yaml:11:10" in mistake.problem


def test_a_name_may_be_given_by_an_override(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "child.yaml").write_text("extends: base.yaml\n")
    assert read(tmp_path / "child.yaml", ["experiment=mine"]).name == "mine"
