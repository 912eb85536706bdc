"""JSON Schemas of specs: what they accept and refuse is what the readers accept and refuse, as far
as keys and types go.
"""

from __future__ import annotations

import copy
import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rnnzoo import cli, tasks
from rnnzoo.cli.schema import WRITERS, _known
from rnnzoo.errors import Mistake, Mistakes, SpecError
from rnnzoo.spec import plugins, settings
from rnnzoo.spec.cell import CELL, ZOO, parse_cell
from rnnzoo.spec.document import parse, plain, yaml_text
from rnnzoo.spec.keys import Entry
from rnnzoo.spec.read_experiment import parse_experiment
from tests.samples import ALL

ROOT = Path(__file__).parents[2]
BAD = ROOT / "tests" / "bad_specs"
# of which a schema can tell: a wrong key, a missing one, a value of another type
TELLABLE = re.compile(
    r"has no key|needs `|must be (text|a number|a whole number|true or false|a list|a table|a name)"
    r"|cannot be '|its (least|largest) value|no hyper-parameter|is (a|a whole) number, not"
    r"|is a name or a table|is a share between 0 and 1, not (the number|true|a list|a table)"
    r"|is a sentence, not|a point is a table of hyper-parameters, not (?!nothing)"
    r"|no (sampler|pruner) "
)

EXPERIMENT = """\
experiment: whole
about: every key
tasks:
  - {name: adding, label: short, length: 10, train: 64, valid: 32, test: 32}
  - parity
variants:
  - lstm
  - {name: open, cell: lstm, init: {b_f: 3}, space: {units: 8}}
  - {name: cw, cell: clockwork, options: {modules: 4}}
baseline: lstm
equal: units
search:
  sampler: random
  trials: 32
  seed: 1
  draws: common
  rungs: {epochs: [2, 5], keep: 1/2}
  points: [{dropout: 0.1}]
  space:
    units: {int: [8, 16], log: true}
    learning_rate: {float: [1e-3, 1e-2], log: true}
    dropout: {float: [0, 0.5], step: 0.1}
    optimizer: {choice: [adam, sgd]}
    momentum: {choice: [0.5, 0.9], when: {optimizer: sgd}}
    clip: 1
training: {batch: 16, epochs: 25, patience: 5, best_by: loss, error: mean}
model: {pool: last, hidden: 8}
select: {on: validation, keep: 4, report: test, replicates: 1}
margin: 0.2
floor: 0.1
confirm:
  {until: decided, settings: own, region: 10%, pilot: 1, first: 5, most: 10, budget: 99, hours: 3}
controls: true
resources: {memory: 2GB, minutes: 30, states: 1GB, retry: {failed: 1}}
init: {normal: 0.1}
family: file
share: false
search_cells:
  parents: [lstm]
  from: parents
  candidates: 100
  generation: 10
  population: 10
  settings: 3
  first: 4
  filter: {task: memorisation, space: {units: 16}, training: {epochs: 3}}
  gate: 90%
  mutations: [swap_activation]
  forbid: [relu]
  nodes: 50
  seed: 3
  hours: 1
  unseen: [copy_memory]
claims:
  - lstm better than open
  - {claim: cw worse than lstm, note: none}
"""
CELL_FILE = """\
name: whole
title: Every key
source: [a, b]
family: simple
year: 2000
claim: whole better than lstm
note: none
output: h
options: {scale: 2}
inputs: {dt: 1}
constants: |
  k = unit * scale
equations: |
  h = tanh(W @ x + R @ h[t-1] + b + k * dt)
first_layer: |
  h = tanh(W @ x + R @ h[t-1] + b + k * dt)
weights:
  R: {mask: row >= col, trainable: true}
  W: {shape: [units, inputs]}
init: {b: 1, R: orthogonal, W: {uniform: [-0.1, 0.1]}}
initial: {h: learned}
"""
TRACKER = """\
tracking: {uri: "sqlite:///runs/mlflow.db", artifacts: files}
storage: {url: "sqlite:///runs/optuna.db"}
launcher: {name: population, size: 8}
tracker: mlflow
ui: {host: 127.0.0.1, port: 5001}
"""
WHOLE = {"experiment": EXPERIMENT, "cell": CELL_FILE, "mlflow": TRACKER}
VALUES: tuple[Any, ...] = ("word", 3, -1.5, 2e9, True, None, [], [1], ["a", "b"], {}, {"serch": 1})


@functools.cache
def schema_of(what: str) -> Any:
    return WRITERS[what](_known())


@functools.cache
def validator(what: str) -> Any:
    jsonschema.Draft202012Validator.check_schema(schema_of(what))
    return jsonschema.Draft202012Validator(schema_of(what))


def accepted(what: str, text: str) -> bool:
    return bool(validator(what).is_valid(plain(parse(text, "x.yaml"))))


def mistakes(what: str, text: str, folder: Path) -> tuple[Mistake, ...]:
    """What the reader says of a file."""
    try:
        if what == "mlflow":
            (folder / "mlflow.yml").write_text(text)
            chosen = settings.read(folder / "mlflow.yml")
            plugins.plugin("launchers", chosen.launcher)
            plugins.plugin("trackers", chosen.tracker)
        elif what == "cell":
            parse_cell(text, "x.yaml", folder)
        else:
            tasks.check_spec(parse_experiment(text, "x.yaml", folder))
    except SpecError as error:
        return error.mistakes
    return ()


def kind_of(text: str) -> str:
    return "cell" if "\nequations:" in f"\n{text}" or "\nname:" in f"\n{text}" else "experiment"


GOOD = [*ZOO.glob("*.yaml"), *(ROOT / "experiments").rglob("*.yaml"), ROOT / "mlflow.yml"]
GOOD = sorted(path for path in GOOD if path.stem != "sources")


def test_every_spec_of_the_repository_is_accepted() -> None:
    for path in GOOD:
        text = path.read_text()
        what = "mlflow" if path.suffix == ".yml" else kind_of(text)
        errors = validator(what).iter_errors(plain(parse(text, path.name)))
        assert not [error.message for error in errors], path


@pytest.mark.parametrize("what", WHOLE)
def test_a_file_with_every_key_is_read_and_accepted(what: str, tmp_path: Path) -> None:
    table = plain(parse(WHOLE[what], "x.yaml"))
    assert mistakes(what, WHOLE[what], tmp_path) == ()
    assert {*schema_of(what)["properties"]} - {*table} <= {"extends", "task"}
    assert accepted(what, WHOLE[what])


@pytest.mark.parametrize("folder", ["cells", "experiments"])
def test_a_wrong_key_or_type_in_a_bad_spec_is_refused(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(BAD / folder)
    what = folder.removesuffix("s")
    unseen = []
    for path in sorted(Path().glob("*.yaml")):
        told = path.with_suffix(".expected").read_text()
        own = [line for line in told.splitlines() if line.startswith(f"{path.name}:")]
        if not any(map(TELLABLE.search, own)):
            continue
        try:
            is_accepted = accepted(what, path.read_text())
        except (SpecError, UnicodeDecodeError):
            continue  # it is no table
        unseen += [path.stem] if is_accepted else []
    assert unseen == []


def changed(table: Any) -> Iterator[tuple[str, Any]]:
    """The table with one value replaced by another, or with a key more, again and again."""
    for path in paths(table):
        for value in VALUES:
            other = copy.deepcopy(table)
            place = functools.reduce(lambda node, key: node[key], path[:-1], other)
            if place[path[-1]] != value or type(place[path[-1]]) is not type(value):
                place[path[-1]] = value
                yield f"{'.'.join(map(str, path))}={json.dumps(value)}", other


def paths(node: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where values stand, tables and lists too."""
    entries = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in entries:
        yield (*above, key)
        if isinstance(value, dict | list):
            yield from paths(value, (*above, key))


def disagreements(what: str, changes: list[tuple[str, Any]], folder: Path) -> Iterator[str]:
    for said, table in changes:
        text = yaml_text(table)
        found = mistakes(what, text, folder)
        is_accepted = accepted(what, text)
        if not found and not is_accepted:
            (error, *_) = validator(what).iter_errors(table)
            yield f"{said}: read, and refused: {error.json_path} {error.message[:150]}"
        told = [mistake.problem for mistake in found if TELLABLE.search(mistake.problem)]
        if told and is_accepted:
            yield f"{said}: accepted, and not read: {told[0]}"


@pytest.mark.parametrize("what", WHOLE)
def test_a_changed_file_is_refused_where_the_reader_refuses_it(what: str, tmp_path: Path) -> None:
    changes = list(changed(plain(parse(WHOLE[what], "x.yaml"))))
    some = changes[:: 1 if ALL else 7]
    assert len(some) > 15
    assert list(disagreements(what, some, tmp_path)) == []


@pytest.mark.parametrize("what", WHOLE)
def test_every_key_of_a_table_is_read(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unread: dict[int, set[str]] = {}  # by the table of keys: those that no entry has asked for
    done = Entry.done

    def noted(entry: Entry, *arguments: Any) -> None:
        known = unread.setdefault(id(entry.keys), entry.unread)
        unread[id(entry.keys)] = known & entry.unread
        done(entry, *arguments)

    monkeypatch.setattr(Entry, "done", noted)
    assert mistakes(what, WHOLE[what], tmp_path) == ()
    assert unread
    assert not set().union(*unread.values())


def test_a_key_that_a_table_may_not_have_cannot_be_asked_for() -> None:
    entry = Entry(parse("name: q", "q.yaml"), Mistakes(), "a cell", CELL)
    with pytest.raises(KeyError):
        entry.node("nmae")


def test_schemas_are_written_for_an_editor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["schema", "--write", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert f"$schema={tmp_path}/experiment.schema.json" in printed
    for what in WRITERS:
        written = json.loads((tmp_path / f"{what}.schema.json").read_text())
        assert cli.main(["schema", what]) == 0
        assert json.loads(capsys.readouterr().out) == written


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "which schema?\n  fix: cell, experiment, mlflow; or --write FOLDER for all"),
        (["cell", "--write", "x"], "which schema?"),
        (["cells"], "there is no schema of 'cells'\n  fix: did you mean 'cell'?"),
    ],
)
def test_a_schema_is_asked_for_by_its_name(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["schema", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_an_editor_shows_the_sentence_the_default_and_the_words_of_a_key() -> None:
    search = schema_of("experiment")["properties"]["search"]["properties"]
    assert search["draws"]["anyOf"][0]["enum"] == ["own", "common"]
    assert (search["seed"]["default"], search["trials"]["default"]) == (0, 10)
    assert "`own`: each variant has its own points" in search["draws"]["description"]
    names = schema_of("experiment")["$defs"]["task"]["anyOf"][0]["anyOf"][0]["enum"]
    assert {"adding", "chorales", "table"} <= {*names}
    assert "lstm" in schema_of("cell")["properties"]["extends"]["examples"]
