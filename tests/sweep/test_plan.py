"""Studies and their trials: what they are known by, where their files lie, and when that
changes.
"""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.errors import UsageError
from rnnzoo.report import table
from rnnzoo.spec.read_experiment import parse_experiment, read
from rnnzoo.spec.trial import Trial, digest
from rnnzoo.sweep.plan import Study, changed, replicates, studies
from tests.samples import examples

ROOT = Path(__file__).parents[2]
RUNS = Path("runs")
SPEC = """\
experiment: e
task: adding
variants: [rnn]
search: {space: {units: 8, SPACE}}
training: {batch: 16, clip: 0, optimizer: adam, epochs: 4}
"""


def planned(text: str) -> tuple[Study, ...]:
    experiment = parse_experiment(text, "e.yaml", ROOT / "experiments")
    labels = [task.label for task in experiment.tasks]
    planned_studies = studies(experiment, dict.fromkeys(labels, "digest"), dict.fromkeys(labels, 2))
    return (*planned_studies, *replicates(planned_studies))


def study(space: str, *changes: tuple[str, str]) -> Study:
    text = SPEC.replace("SPACE", space)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return planned(text)[0]


# ------------------------------------------------------------------ where files lie

LABELS = st.sampled_from(["report", "lock", "trials", "rnn", "gru", "adding", "0000", "a"])


@st.composite
def experiments(draw: st.DrawFn) -> str:
    """An experiment in which anything may be called as a part of a path is."""
    variants = draw(st.lists(LABELS, min_size=1, max_size=3, unique=True))
    tasks = draw(st.lists(LABELS, min_size=1, max_size=2, unique=True))
    content = {
        "experiment": draw(LABELS),
        "variants": [
            {"name": name, "cell": draw(st.sampled_from(["rnn", "gru"]))} for name in variants
        ],
        "tasks": [
            {"task": "adding", "name": name, "length": draw(st.integers(10, 11))} for name in tasks
        ],
        "search": {
            "seed": draw(st.integers(0, 1)),
            "space": {"units": {"int": [4, draw(st.integers(8, 9))]}},
        },
        "select": {"keep": 3, "replicates": draw(st.integers(0, 2))},
    }
    return json.dumps(content).replace('"task": "adding", "name"', '"name": "adding", "label"')


def folders(text: str) -> dict[tuple[str, int], Path]:
    """Folders of trials, by study and index, as the sweep asks for them."""
    folders_of_trials = {}
    for study in planned(text):
        for index in (0, 1, 12_345):
            trial = study.trial(
                index, {"units": 4, "learning_rate": 0.1}, RUNS / study.experiment.name
            )
            folders_of_trials[study.identity, index] = Path(trial.folder)
    return folders_of_trials


@settings(max_examples=examples(20))
@given(experiments(), experiments(), LABELS)
def test_no_two_trials_of_any_two_experiments_share_a_folder(
    first: str, second: str, name: str
) -> None:
    copied = json.dumps({**json.loads(first), "experiment": name})  # the same under another name
    all_folders = {**folders(first), **folders(second), **folders(copied)}
    assert len(set(all_folders.values())) == len(all_folders)
    places = {
        RUNS / identity.partition("/")[0] / name
        for identity, _ in all_folders
        for name in ("report", "lock")
    }
    for folder in all_folders.values():
        assert not places & {folder, *folder.parents}


def test_a_trials_key_knows_no_path_and_everything_else() -> None:
    trial = study("learning_rate: 0.1").trial(0, {"units": 8, "learning_rate": 0.1}, RUNS / "e")
    moved = replace(trial, base="/elsewhere", folder="other", task_options={"file": "/data/x.npz"})
    assert moved.key == trial.key
    for change in (
        {"experiment": "f"}, {"variant": "v"}, {"cell": "name: x"}, {"task": "copy_memory"},
        {"index": 1}, {"seed": 1}, {"hyperparameters": {"units": 9, "learning_rate": 0.1}},
        {"training": replace(trial.training, epochs=5)},
        {"task_options": {"length": 10}}, {"init": {"R": 1}}, {"own_units": 9}, {"data": "other"},
    ):  # fmt: skip
        assert replace(trial, **change).key != trial.key, change
    assert Trial.from_dict(json.loads(json.dumps(trial.to_dict()))).key == trial.key


# ------------------------------------------------------------------ identities


def test_identities_are_those_of_every_version_before() -> None:
    """Literal, as storages hold them."""
    plain = study("learning_rate: {float: [1e-3, 1e-1], log: true}")
    assert plain.identity == "e/rnn/adding/3718471a1e1e"
    assert (
        study("learning_rate: 0.1", ("batch: 16", "batch: 32"), ("clip: 0", "clip: 1")).identity
        == "e/rnn/adding/ae1ad994e62c"
    )
    assert (
        study("learning_rate: 0.1, batch: {choice: [8, 32]}").identity
        == "e/rnn/adding/4304b60ccb74"
    )


@pytest.mark.parametrize("name", ["greff2015"])
def test_committed_tables_are_of_the_specs_as_they_are(name: str) -> None:
    content = table.read(ROOT / "results" / f"{name}.csv")
    experiment = read(ROOT / "experiments" / "studies" / f"{name}.yaml")
    inputs = {label: task.inputs for label, task in content.tasks.items()}
    data = {label: task.digest for label, task in content.tasks.items()}
    recorded = {
        planned_study.identity: dict(planned_study.parts)
        for planned_study in studies(experiment, data, inputs)
    }
    assert recorded == {identity: dict(parts) for identity, parts in content.parts.items()}
    with (ROOT / "results" / f"{name}.csv").open(newline="") as stream:
        next(stream)
        assert {row["study"] for row in csv.DictReader(stream)} <= recorded.keys()


@pytest.mark.parametrize(
    ("space", "old", "new"),
    [
        ("learning_rate: 0.1, batch: {choice: [8, 32]}", "batch: 16", "batch: 64"),
        ("learning_rate: 0.1, batch: 8", "batch: 16", "batch: 64"),
        ("learning_rate: 0.1, clip: {float: [1, 2]}", "clip: 0", "clip: 3"),
        (
            "learning_rate: 0.1, optimizer: {choice: [adam, sgd]}",
            "optimizer: adam",
            "optimizer: rmsprop",
        ),
    ],
)
def test_what_the_space_decides_is_no_part_of_a_studys_identity(
    space: str, old: str, new: str
) -> None:
    assert study(space, (old, new)).identity == study(space).identity


def test_what_the_space_decides_only_sometimes_is() -> None:
    space = (
        "learning_rate: 0.1, optimizer: {choice: [adam, sgd]}, clip: {float: [1, 2], when:"
        " {optimizer: sgd}}"
    )
    assert study(space, ("clip: 0", "clip: 3")).identity != study(space).identity


def test_a_trial_has_one_training_that_its_hyper_parameters_are_in() -> None:
    chosen = {"units": 8, "learning_rate": 0.1, "batch": 8, "clip": 2, "optimizer": "sgd"}
    trial = study("learning_rate: 0.1, batch: {choice: [8, 32]}").trial(0, chosen)
    assert (trial.training.batch, trial.training.clip, trial.training.optimizer) == (8, 2.0, "sgd")
    assert trial.training.epochs == 4
    other = study("learning_rate: 0.1, batch: {choice: [8, 32]}", ("batch: 16", "batch: 64")).trial(
        0, chosen
    )
    assert other.key == trial.key


def test_known_points_are_part_of_the_search_and_of_nothing_else() -> None:
    space = "learning_rate: {float: [0.001, 0.1]}"
    known = study(space, ("search: {", "search: {points: [{learning_rate: 0.01}], "))
    plain = study(space)
    assert changed(plain.parts, known.parts) == ("search",)


def test_an_earlier_space_is_part_of_the_space_and_of_nothing_else() -> None:
    space = "learning_rate: {float: [0.001, 0.1]}"
    earlier = "search: {earlier: {trials: 4, space: {learning_rate: {float: [0.01, 0.1]}}}, "
    assert changed(study(space).parts, study(space, ("search: {", earlier)).parts) == ("space",)


def test_the_hash_of_an_identity_is_that_of_its_parts() -> None:
    planned_study = study("learning_rate: 0.1")
    assert planned_study.identity.rpartition("/")[2] == digest(dict(planned_study.parts))[:12]


# ------------------------------------------------------------------ groups of units

HEADS = """\
name: heads
options: {heads: 4}
equations: |
  h = softmax(W @ x + R @ h[t-1], heads) * mean(b, 6)
"""
OF_HEADS = """\
experiment: e
task: adding
variants: [rnn, heads]
search: {space: {units: UNITS}}
"""


def planned_with_heads(
    folder: Path, units: str, *changes: tuple[str, str], cell: str = HEADS
) -> tuple[Study, ...]:
    (folder / "cells").mkdir()
    (folder / "cells/heads.yaml").write_text(cell)
    text = OF_HEADS.replace("UNITS", units)
    for old, new in changes:
        text = text.replace(old, new)
    experiment = parse_experiment(text, "e.yaml", folder)
    return studies(experiment, {"adding": "digest"}, {"adding": 2})


@pytest.mark.parametrize(
    ("units", "fix"),
    [
        ("30", "units: 36"),
        ("{choice: [24, 64]}", "units: {choice: [24, 36, 60]}"),
        ("{int: [12, 64], log: true}", "units: {choice: [12, 36, 60]}"),
        ("{int: [12, 60], step: 4}", "units: {choice: [12, 36, 60]}"),
    ],
)
def test_units_that_groups_do_not_divide_are_refused_before_any_trial(
    tmp_path: Path, units: str, fix: str
) -> None:
    with pytest.raises(UsageError, match="heads has 12 groups of units") as caught:
        planned_with_heads(tmp_path, units)
    assert f"`{fix}` in its space" in str(caught.value)


@pytest.mark.parametrize(
    "units", ["48", "{choice: [24, 36]}", "{int: [12, 60], step: 12}", "{int: [24, 24]}"]
)
def test_units_that_groups_divide_are_not(tmp_path: Path, units: str) -> None:
    assert len(planned_with_heads(tmp_path, units)) == 2


HALVES = """\
name: heads
equations: |
  v = softmax(V @ x, 4)
  h = tanh(U @ v + R @ h[t-1])
weights: {V: {shape: [units / 2, inputs]}, U: {shape: [units, units / 2]}}
"""


def test_groups_of_a_size_that_is_computed_are_looked_at_beforehand_too(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="softmax in 'v' is taken over 4 groups, which do not"):
        planned_with_heads(tmp_path, "{choice: [16, 12]}", cell=HALVES)


def test_with_equal_weights_a_cell_with_groups_has_units_that_these_divide(tmp_path: Path) -> None:
    equal = ("variants: [rnn, heads]", "variants: [rnn, heads]\nbaseline: rnn\nequal: weights")
    _, own = planned_with_heads(tmp_path, "1000", equal)
    assert own.trial(0, {"units": 1000}).units % 12 == 0
