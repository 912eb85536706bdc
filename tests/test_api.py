"""The main job from Python: what `rnnzoo.run`, `results`, `report` and `plan` return, and that they
print nothing unasked.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import rnnzoo
from rnnzoo.api import Observer, Results, root
from rnnzoo.api.argument import experiment_of
from rnnzoo.api.as_python import as_python
from rnnzoo.cli import main
from rnnzoo.errors import SpecError, TaskError, UsageError
from rnnzoo.report.figures import study as figures
from rnnzoo.spec.document import parse, plain, yaml_text
from rnnzoo.spec.read_experiment import read, resolved
from rnnzoo.spec.trial import Kind, Outcome, Trial
from rnnzoo.sweep import work as running
from rnnzoo.sweep.plan import Study
from tests.sweep.work import pretend

pytestmark = pytest.mark.usefixtures("shared_fork_servers")
ROOT = Path(__file__).parents[1]
SPEC = """\
experiment: small
task: {name: adding, length: 10, train: 32, valid: 16, test: 16}
variants: [rnn, lstm]
search: {trials: 2, seed: 1, space: {units: {choice: [4, 8]}, learning_rate: 0.01}}
training: {epochs: 4}
claims: [rnn worse than lstm]
"""
Printed = pytest.CaptureFixture[str]


class Watcher(Observer):
    """An observer that counts, and asks for the end after so many trials."""

    def __init__(self, stop_after: int = 0) -> None:
        self.stop_after = stop_after
        self.ends = 0

    def ended(self, study: Study, trial: Trial, outcome: Outcome) -> None:
        self.ends += outcome.final
        if self.ends == self.stop_after:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("project")
    (made / "small.yaml").write_text(SPEC)
    return made


@pytest.fixture
def project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that these tests share; its trials are over at once."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(running, "work", pretend)
    monkeypatch.setattr(root, "PRELOAD", (pretend.__module__,))
    monkeypatch.setattr(figures, "svg", lambda figure: "<svg></svg>")  # nobody looks at them
    return folder


@pytest.fixture
def ran(project: Path) -> Results:
    """The results of its experiment, which the first test that asks for them runs."""
    if not (project / "runs" / "small" / "report").exists():
        return rnnzoo.run("small.yaml", workers=2)
    return rnnzoo.results("small.yaml")


@pytest.fixture
def heard() -> Iterator[None]:
    """Ctrl-C is heard, also where these tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_nothing_was_run_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(SPEC)
    with pytest.raises(
        UsageError, match=r"nothing has been run yet\n  fix: rnnzoo.run\('small.yaml'\)"
    ):
        rnnzoo.results("small.yaml")
    with pytest.raises(UsageError, match=re.escape("fix: rnnzoo.run(...)")):
        rnnzoo.results(SPEC)
    assert not Path("runs").exists()


def test_where_another_project_has_the_trials_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, mine = tmp_path / "their zoo", tmp_path / "mine"
    for folder in (theirs / "experiments", theirs / "results", mine):
        folder.mkdir(parents=True)
    spec = theirs / "experiments/small.yaml"
    spec.write_text(SPEC)
    monkeypatch.chdir(mine)
    with pytest.raises(UsageError, match=re.escape(f"fix: rnnzoo.run({str(spec)!r})")):
        rnnzoo.results(spec)
    (theirs / "results/small.csv").touch()
    told = f"fix: go to {theirs}, where results/small.csv has its trials, or rnnzoo.run("
    with pytest.raises(UsageError, match=re.escape(told)):
        rnnzoo.results(spec)


def test_a_run_returns_every_trial_and_a_second_one_has_nothing_to_do(
    ran: Results, project: Path
) -> None:
    assert [(result.trial.variant, result.trial.index) for result in ran] == [
        ("lstm", 0),
        ("lstm", 1),
        ("rnn", 0),
        ("rnn", 1),
    ]
    assert {result.outcome.kind for result in ran} == {Kind.COMPLETE}
    assert (project / "runs" / "small" / "report" / "report.html").is_file()
    page = json.loads((project / "runs" / "small" / "live" / "sweep.json").read_text())
    assert (page["ended"]["how"], page["done"], page["planned"]) == ("done", 4, 4)
    watcher = Watcher()
    assert rnnzoo.run(Path("small.yaml"), progress=watcher).trials == ran.trials
    assert watcher.ends == 0
    with pytest.raises(
        UsageError, match="the experiment 'small' of <experiment> has runs of another file"
    ):
        rnnzoo.run(SPEC)


def test_ctrl_c_ends_a_run_that_goes_on_when_it_is_run_again(project: Path, heard: None) -> None:
    own = {"experiment": "ended", "search.seed": 9}  # another search, which shares no trial
    with pytest.raises(KeyboardInterrupt):
        rnnzoo.run("small.yaml", overrides=own, workers=1, progress=Watcher(stop_after=2))
    assert len(rnnzoo.results("small.yaml", overrides=own)) == 2
    watcher = Watcher()
    assert len(rnnzoo.run("small.yaml", overrides=own, trials=3, progress=watcher)) == 6
    assert watcher.ends == 4


def test_nothing_is_printed_unless_it_is_asked_for(ran: Results, capfd: Printed) -> None:
    again = rnnzoo.run("small.yaml")
    rnnzoo.plan("small.yaml", measure=False)
    rnnzoo.report("small.yaml")
    assert capfd.readouterr() == ("", "")
    # these trials keep none
    assert any("the model of its best trial" in note for note in again.notes)
    own = {"experiment": "shown", "search.seed": 10}
    rnnzoo.run("small.yaml", overrides=own, progress=True)
    assert "[4/4] " in capfd.readouterr().out


def test_an_experiment_is_a_path_a_text_a_dictionary_or_what_was_loaded(project: Path) -> None:
    expected = resolved(read(Path("small.yaml")))
    given = [
        "small.yaml",
        Path("small.yaml"),
        SPEC,
        plain(parse(SPEC, "")),
        rnnzoo.load_experiment("small.yaml"),
    ]
    assert [resolved(experiment_of(experiment)) for experiment in given] == [expected] * 5
    with pytest.raises(UsageError, match="not int"):
        experiment_of(3)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=r"experiment \(a text\):2:\d+: no task 'addnig'"):
        experiment_of(SPEC.replace("adding", "addnig"))


@pytest.mark.parametrize("key", ["task", "variants"])
def test_what_a_dictionary_lacks_is_said_of_the_argument(key: str) -> None:
    written = plain(parse(SPEC, ""))
    lacking = {name: value for name, value in written.items() if name != key}
    where = r"experiment \(a dictionary, here as YAML\):1:1"
    with pytest.raises(SpecError, match=f"^{where}: an experiment needs `{key}:`"):
        experiment_of(lacking)


@pytest.mark.parametrize(
    ("yaml", "python"),
    [
        ("write `variants: [lstm, gru]`", "write `'variants': ['lstm', 'gru']`"),
        ("write keep: 33%, 0.33 or 1/3", "write 'keep': 0.33"),
        ("write hours: 8, or delete it", "write 'hours': 8, or delete it"),
        ("write memory: 2GB; at least 300MB", "write 'memory': '2GB'; at least 300MB"),
        ("write {units: 64, log: true}", "write {'units': 64, 'log': True}"),
        ("write `h = ...`, or `output: h_t`", "write `h = ...`, or `'output': 'h_t'`"),
        ("write `equations: |` and a line", "write `equations: |` and a line"),
        ("write W @ x", "write W @ x"),
        ("did you mean 'search.trials'?", "did you mean 'search.trials'?"),
        # several in one sentence
        (
            "write units: {choice: [...]}, {int: [low, high]} or {float: [low, high]}",
            "write 'units': {'choice': [...]}, {'int': [low, high]} or {'float': [low, high]}",
        ),
        ("write keep: 4, or keep: 33%, 0.33 or 1/3", "write 'keep': 4, or 'keep': 0.33"),
        ("give it `when: {x: [sgd]}`, or write step: 1",
         "give it `'when': {'x': ['sgd']}`, or write 'step': 1"),
        ("the name of a cell, or {name: a, cell: b}",
         "the name of a cell, or {'name': 'a', 'cell': 'b'}"),
        # a value, and what the sentence says of it
        ("write first: 30 or more", "write 'first': 30 or more"),
        ('put it in quotes: about: "3"', "put it in quotes: 'about': '3'"),
        ("write a share above 0, as 80%", "write a share above 0, as 0.8"),
        # a colon of the sentence, and one of a claim
        ("if it names things: {pulse: category}", "if it names things: {'pulse': 'category'}"),
        ("compare scores, as in `on chorales: A better than B`",
         "compare scores, as in `on chorales: A better than B`"),
        ("write one of: A worse than B; on TASK: A same as B",
         "write one of: A worse than B; on TASK: A same as B"),
        # of another file
        ("write `launcher: population` into mlflow.yml",
         "write `launcher: population` into mlflow.yml"),
        # Python already
        ("write {'dt': [8]}, or x=x[keep, 0]", "write {'dt': [8]}, or x=x[keep, 0]"),
        ("write [40, 80]", "write [40, 80]"),
        # what cannot be read
        ("write {units: 64, log", "write {units: 64, log"),
        ("write `keep: {a", "write `keep: {a"),
        ("write {a, b}", "write {a, b}"),
        ("write keep: ]", "write keep: ]"),
        ("write `variants:`, and entries below", "write `variants:`, and entries below"),
    ],
)  # fmt: skip
def test_a_fix_for_a_dictionary_is_written_as_python(yaml: str, python: str) -> None:
    assert as_python(yaml) == python
    assert as_python(python) == python


def test_no_fix_for_a_dictionary_has_a_table_of_yaml() -> None:
    goldens = sorted((ROOT / "tests/bad_specs/experiments").glob("*.expected"))
    fixes = [fix for path in goldens for fix in re.findall("fix: (.*)", path.read_text())]
    assert len(fixes) > 100
    assert any(re.search(r"\b[a-z_]+: [{[]", fix) for fix in fixes)
    assert [fix for fix in map(as_python, fixes) if re.search(r"(?<!')\b[a-z_]+: [{[]", fix)] == []


def test_a_mistake_in_a_dictionary_has_its_fix_in_python_and_one_in_a_text_in_yaml() -> None:
    written = plain(parse(SPEC, "")) | {"select": {"keep": "400%"}}
    with pytest.raises(SpecError, match=r"fix: write 'keep': 0\.1$"):
        experiment_of(written)
    with pytest.raises(SpecError, match=r"fix: write keep: 10%, 0\.1 or 1/10$"):
        experiment_of(f"{SPEC}select: {{keep: 400%}}\n")


def test_a_mistake_in_an_override_has_its_fix_as_it_is_given(project: Path) -> None:
    with pytest.raises(SpecError, match=r"fix: write 'units': \{'choice': \[\.\.\.\]\}"):
        experiment_of("small.yaml", {"search.space.units": [4, 8]})
    with pytest.raises(SpecError, match=r"fix: write units: \{choice: \[\.\.\.\]\}"):
        experiment_of("small.yaml", ["search.space.units=[4, 8]"])


def test_what_is_wrong_with_a_task_is_said_of_the_dictionary_that_has_it(project: Path) -> None:
    written = plain(parse(SPEC, "")) | {"task": {"name": "text"}}
    fix = "'task': {'name': 'text', 'file': 'my.txt', 'level': 'character'}"
    for asked in (rnnzoo.plan, rnnzoo.run, rnnzoo.results):
        with pytest.raises(
            SpecError, match=r"^experiment \(a dictionary, here as YAML\):"
        ) as caught:
            asked(written)
        assert caught.value.fix == fix
    with pytest.raises(SpecError, match=r"^experiment \(a text\):") as caught:
        rnnzoo.plan(
            SPEC.replace(
                "task: {name: adding, length: 10, train: 32, valid: 16, test: 16}", "task: text"
            )
        )
    assert caught.value.fix == "task: {name: text, file: my.txt, level: character}"


def test_what_is_wrong_with_data_has_its_fix_as_the_task_is_given(project: Path) -> None:
    rows = [f"{person},{step / 7},{person % 3}" for person in range(30) for step in range(3)]
    Path("ward.csv").write_text("\n".join(["person,pulse,stage", *rows]))
    task = {
        "name": "table",
        "file": "ward.csv",
        "id": "person",
        "inputs": "pulse",
        "target": "stage",
    }
    written = plain(parse(SPEC, "")) | {"task": task}
    for given, fix in (
        (written, "say which: 'target': {'stage': 'category'}, or {'stage': 'number'}"),
        (yaml_text(written), "say which: target: {stage: category}, or {stage: number}"),
    ):
        with pytest.raises(TaskError) as caught:
            rnnzoo.run(given)
        assert caught.value.fix == fix


def test_overrides_are_those_of_set(project: Path) -> None:
    sets = [
        "training.epochs=2",
        "search.space.units={int: [4, 8], log: true}",
        "variants=[gru, rnn]",
        "about='a: b'",
    ]
    by_key = {
        "training.epochs": np.int64(2), "search.space.units": {"int": (4, 8), "log": True},
        "variants": ["gru", "rnn"], "about": "a: b", "claims": [],
    }  # fmt: skip
    expected = read(Path("small.yaml"), [*sets, "claims=[]", "search.space.learning_rate=1e-05"])
    last = {"search.space.learning_rate": 1e-05}
    assert experiment_of("small.yaml", {**by_key, **last}) == expected
    loaded = experiment_of("small.yaml", [*sets, "claims=[]"])
    assert experiment_of(loaded, last) == expected  # over those that it has
    with pytest.raises(UsageError, match=r"did you mean 'search\.trials'"):
        experiment_of("small.yaml", {"search.trails": 3})
    with pytest.raises(UsageError, match=re.escape('fix: overrides=["training.epochs=2"]')):
        experiment_of("small.yaml", "training.epochs=2")
    with pytest.raises(UsageError, match="object cannot stand in an experiment"):
        experiment_of("small.yaml", {"about": object()})


def test_an_experiment_that_was_changed_in_python_takes_no_overrides_of_its_text(
    project: Path,
) -> None:
    changed = replace(rnnzoo.load_experiment("small.yaml"), margin=0.5)
    assert experiment_of(changed) is changed
    with pytest.raises(UsageError, match="is not what its text says any more"):
        experiment_of(changed, trials=3)


def test_a_frame_has_the_rows_and_columns_of_an_exported_table(ran: Results) -> None:
    import pandas

    assert main(["export", "small.yaml", "trials.csv", "--force"]) == 0
    exported = pandas.read_csv("trials.csv", skiprows=1)
    frame = ran.to_frame()
    assert list(frame.columns) == list(exported.columns)
    assert frame.test.tolist() == exported.test.tolist()
    assert frame.groupby("variant").size().to_dict() == {"lstm": 2, "rnn": 2}
    again = rnnzoo.results("small.yaml", source="trials.csv")
    assert again.to_frame().validation.tolist() == frame.validation.tolist()
    assert again.notes == ("from trials.csv: 4 trials",)


def test_without_pandas_a_frame_is_refused_in_a_sentence(
    ran: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match="needs pandas"):
        ran.to_frame()


def test_the_best_trial_is_that_of_the_command(ran: Results, capsys: Printed) -> None:
    best = ran.best("lstm")
    assert best is not None
    assert main(["best", "small.yaml", "--variant", "lstm", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["trial"], told["scores"]) == (best.trial.index, dict(best.outcome.scores))
    scores = [
        result.outcome.scores["validation"] for result in ran if result.trial.variant == "lstm"
    ]
    assert best.outcome.scores["validation"] == min(scores)
    with pytest.raises(UsageError, match="did you mean 'lstm'"):
        ran.best("lsmt")


def test_weights_are_of_a_model_that_is_here(ran: Results) -> None:
    with pytest.raises(UsageError, match="no trial of 'rnn' is complete yet"):
        replace(ran, trials=()).weights("rnn")
    elsewhere = [replace(each, trial=replace(each.trial, folder="gone")) for each in ran]
    with pytest.raises(UsageError, match=r"of trial \d cannot be had: gone.* is not here"):
        replace(ran, trials=tuple(elsewhere)).weights("rnn")
    of_a_table = [replace(each, trial=replace(each.trial, folder="")) for each in ran]
    with pytest.raises(UsageError, match="it was trained elsewhere, and only its scores are here"):
        replace(ran, trials=tuple(of_a_table)).weights("rnn")


def test_report_and_plan_hold_what_the_commands_print(ran: Results, capsys: Printed) -> None:
    assert main(["report", "small.yaml", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    report = rnnzoo.report("small.yaml")
    assert json.loads(json.dumps(report.to_dict())) == printed
    assert report.page.read_text().startswith("<!")
    assert "rnn worse than lstm" in report.markdown()
    assert main(["plan", "small.yaml", "--no-measure", "--json"]) == 0
    assert rnnzoo.plan("small.yaml", measure=False) == json.loads(capsys.readouterr().out)


SCRIPT = """\
import sys

sys.path.insert(0, {root!r})
print("from its top")
import rnnzoo
from rnnzoo.api import root
from rnnzoo.sweep import work
from tests.sweep.work import pretend

work.work, root.PRELOAD = pretend, (pretend.__module__,)
results = rnnzoo.run("small.yaml", overrides={{"experiment": "script"}}, workers=2)
print(len(results), rnnzoo.report("small.yaml", overrides=["experiment=script"]).page)
"""


def test_a_script_without_a_main_guard_runs_once(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SPEC)
    # MLflow takes five seconds to import and to begin
    (tmp_path / "mlflow.yml").write_text("tracker: memory\n")
    (tmp_path / "script.py").write_text(SCRIPT.format(root=str(ROOT)))
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("from its top\n4 runs/script/report/report.html\n", "")


def test_the_readme_s_code_for_experiments_runs(project: Path, capsys: Printed) -> None:
    readme = (ROOT / "README.md").read_text()
    section = readme[readme.index("## From Python") :].partition("\n## ")[0]
    _, code = re.findall(r"```python\n(.*?)```", section, re.S)
    (project / "experiments").mkdir()
    (project / "experiments" / "first.yaml").write_text(SPEC.replace("small", "first"))
    exec(code, {})
    assert "rnn worse than lstm" in capsys.readouterr().out
