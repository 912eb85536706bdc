"""`backend: auto` is the backend with which an experiment was begun, whoever asks, and whatever is
installed meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import rnnzoo
from rnnzoo.api import Results, root, sweeping
from rnnzoo.cli import main
from rnnzoo.report.figures import study as figures
from rnnzoo.spec import settings
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.read_experiment import parse_experiment, read
from rnnzoo.spec.settings import BACKENDS
from rnnzoo.sweep import begun
from rnnzoo.sweep import work as running
from rnnzoo.sweep.begun import Holds, settled
from rnnzoo.sweep.search import Store
from tests.sweep.work import pretend

pytestmark = pytest.mark.usefixtures("shared_fork_servers")
SPEC = """\
experiment: small
task: {name: adding, length: 10, train: 32, valid: 16, test: 16}
variants: [rnn, gru]
search: {trials: 2, seed: 1, space: {units: {choice: [4, 8]}, learning_rate: 0.01}}
training: {backend: auto, epochs: 4}
claims: [rnn worse than gru]
"""
FILE = "small.yaml"
Install = Callable[[str], None]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose trials are over at once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr(running, "work", pretend)
    monkeypatch.setattr(root, "PRELOAD", (pretend.__module__,))
    monkeypatch.setattr(figures, "svg", lambda figure: "<svg></svg>")  # nobody looks at them
    (tmp_path / FILE).write_text(SPEC)
    return tmp_path


@pytest.fixture
def fastest(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Makes a backend the one that new studies get; JAX is installed only if it is that."""

    def install(name: str) -> None:
        names = BACKENDS if name == "jax" else ("tensorflow",)
        monkeypatch.setattr(settings, "is_installed", lambda backend: backend in names)
        monkeypatch.setattr(begun, "fastest_backend", lambda: name)

    return install


def other(backend: str) -> str:
    return "jax" if backend == "tensorflow" else "tensorflow"


def trained_with(results: Results) -> set[str]:
    """The backends of the trials, and of the experiment."""
    return {result.trial.training.backend for result in results} | {
        results.experiment.training.backend
    }


def studies(project: Path) -> int:
    """How many studies the storage has, in all editions."""
    return len(Store(f"sqlite:///{project}/runs/optuna.db")._names())


def test_what_was_read_says_auto_whatever_is_installed(project: Path, fastest: Install) -> None:
    for name in BACKENDS:
        fastest(name)
        assert read(Path(FILE)).training.backend == "auto"


@pytest.mark.parametrize("installed", BACKENDS)
def test_a_new_study_is_made_with_the_fastest(
    installed: str, project: Path, fastest: Install
) -> None:
    fastest(installed)
    content = rnnzoo.run(FILE, trials=1)
    assert trained_with(content) == {installed}
    assert len(content) == 2


def test_what_was_begun_with_tensorflow_goes_on_though_jax_is_installed_now(
    project: Path, fastest: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    fastest("tensorflow")
    rnnzoo.run(FILE, trials=1)
    fastest("jax")
    assert len(rnnzoo.results(FILE)) == 2
    assert [row["left"] for row in rnnzoo.plan(FILE, measure=False)["studies"]] == [1, 1]
    assert main(["status", FILE, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["variants"]
    assert [row["complete"] for row in rows] == [1, 1]
    whole = rnnzoo.run(FILE)
    assert trained_with(whole) == {"tensorflow"}
    assert (len(whole), studies(project)) == (4, 2)
    assert whole.report().page.exists()
    assert len(rnnzoo.run(whole.experiment, overrides={"search.trials": 3})) == 6


def test_what_was_begun_with_jax_goes_on_with_it_or_says_that_it_is_missing(
    project: Path, fastest: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    fastest("jax")
    rnnzoo.run(FILE, trials=1)
    fastest("tensorflow")
    assert trained_with(rnnzoo.results(FILE)) == {"jax"}
    assert [row["left"] for row in rnnzoo.plan(FILE, measure=False)["studies"]] == [1, 1]
    assert main(["sweep", FILE]) == 2
    told = capsys.readouterr().err
    assert "this experiment trains with JAX, which is not installed\n" in told
    fix = 'pip install "rnnzoo[jax]"; or start anew with `training: {backend: tensorflow}`'
    assert f"fix: {fix}\n" in told
    assert studies(project) == 2
    anew = rnnzoo.run(FILE, trials=1, overrides={"training.backend": "tensorflow"})
    assert trained_with(anew) == {"tensorflow"}
    fastest("jax")
    mended = FILE, {"training.backend": "jax"}
    assert len(rnnzoo.run(mended[0], overrides=mended[1])) == 4


@pytest.mark.parametrize("earlier", ["jax", pytest.param("tensorflow", marks=pytest.mark.slow)])
def test_mlflow_and_tables_say_it_where_the_storage_does_not(
    earlier: str, project: Path, fastest: Install
) -> None:
    fastest(earlier)
    rnnzoo.run(FILE)
    assert main(["export", FILE, "kept.csv"]) == 0
    (project / "runs" / "optuna.db").unlink()
    fastest(other(earlier))
    of_table = rnnzoo.results(FILE, source="kept.csv")
    assert of_table.experiment.training.backend == earlier
    assert not [note for note in of_table.notes if "another training" in note]
    for results in (rnnzoo.results(FILE), rnnzoo.results(FILE, source="mlflow")):
        assert (len(results), trained_with(results)) == (4, {earlier})
    prepared = sweeping.prepared(read(Path(FILE)), 1, "", (), lambda text: None)
    assert prepared.opened.experiment.training.backend == other(earlier)
    assert any("mlflow holds 4 of its trials" in text for text in prepared.elsewhere())
    fastest("jax")
    for source in ("kept.csv", "mlflow"):
        (project / "runs" / "optuna.db").unlink(missing_ok=True)
        taken = rnnzoo.run(FILE, source=source)
        assert (len(taken), taken.experiment.training.backend) == (4, earlier)
        assert studies(project) == 2


def holding(*backends: str) -> Holds:
    def holds(experiment: Experiment) -> bool:
        return experiment.training.backend in backends

    return holds


@pytest.mark.parametrize("installed", BACKENDS)
def test_of_several_backends_or_none_it_is_the_fastest(installed: str, fastest: Install) -> None:
    fastest(installed)
    experiment = parse_experiment(SPEC, FILE, Path())
    for holders in ([holding()], [holding(*BACKENDS)], [holding(*BACKENDS), holding("jax")], []):
        assert settled(experiment, *holders).training.backend == installed
    for name in BACKENDS:
        for holders in ([holding(name)], [holding(), holding(name)]):
            assert settled(experiment, *holders, holding(other(name))).training.backend == name


def test_a_backend_with_a_name_is_never_another(fastest: Install) -> None:
    fastest("jax")
    experiment = parse_experiment(SPEC.replace("auto", "tensorflow"), FILE, Path())
    assert settled(experiment, holding("jax")) is experiment
    assert replace(experiment.training, backend="tensorflow") == experiment.training
