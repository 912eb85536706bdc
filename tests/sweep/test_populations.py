"""The size of a population is part of what a study is: it is fixed when the study is made, and who
changes it is told before anything is trained.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import rnnzoo
from rnnzoo.api import Results, root, sweeping, together
from rnnzoo.backends.jax import process as jax
from rnnzoo.cli import main
from rnnzoo.errors import SpecError, UsageError
from rnnzoo.report.figures import study as figures
from rnnzoo.spec import cards, settings
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.read_experiment import parse_experiment, read
from rnnzoo.spec.settings import AUTO_LAUNCHER, LOCAL, Chosen
from rnnzoo.sweep import begun, doctor
from rnnzoo.sweep import work as running
from rnnzoo.sweep.begun import Lanes, wanted
from rnnzoo.sweep.measure import Cost
from rnnzoo.sweep.plan import studies
from rnnzoo.sweep.search import Store
from tests.sweep.work import pretend, pretend_together

pytestmark = pytest.mark.usefixtures("shared_fork_servers")
SPEC = """\
experiment: small
task: {name: adding, length: 10, train: 32, valid: 16, test: 16}
variants: [rnn, gru]
search: {trials: 2, seed: 1, space: {units: {choice: [4, 8]}, learning_rate: 0.01}}
training: {backend: jax, epochs: 4}
"""
FILE = "small.yaml"
LaunchedBy = Callable[[str], None]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose trials are over at once, on a machine without a GPU."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr(running, "work", pretend)
    monkeypatch.setattr(running, "together", pretend_together)
    monkeypatch.setattr(root, "PRELOAD", (pretend.__module__,))
    monkeypatch.setattr(figures, "svg", lambda figure: "<svg></svg>")
    monkeypatch.setattr(settings, "is_installed", lambda backend: True)
    monkeypatch.setattr(jax, "uses_cards", lambda: False)
    (tmp_path / FILE).write_text(SPEC)
    return tmp_path


@pytest.fixture
def launched_by(project: Path) -> LaunchedBy:
    """Writes mlflow.yml."""

    def write(launcher: str) -> None:
        (project / "mlflow.yml").write_text(f"launcher: {launcher}\n" if launcher else "{}\n")

    return write


def sizes(results: Results) -> set[int]:
    return {result.trial.training.population for result in results}


def notes(**changes: object) -> list[str]:
    """What a sweep says."""
    seen = sweeping.Notes()
    ready = sweeping.prepared(read(Path(FILE)), None, "", (), seen.note)
    ready.run(seen, sweeping.Tally(ready.opened.trials))
    return seen.texts


def test_a_study_trained_one_by_one_is_known_as_it_always_was() -> None:
    experiment = parse_experiment(SPEC.replace("jax", "tensorflow"), FILE, Path())
    (first, _) = studies(experiment, {"adding": "digest"}, {"adding": 2})
    assert first.identity == "small/rnn/adding/b024d65e432d"  # before there were populations
    together = replace(experiment, training=replace(experiment.training, population=8))
    (other, _) = studies(together, {"adding": "digest"}, {"adding": 2})
    assert {name for name in first.parts if first.parts[name] != other.parts[name]} == {"training"}
    tf32 = replace(experiment, training=replace(together.training, precision="tf32"))
    assert len({each.identity for each in (first, other, *studies(
        tf32, {"adding": "digest"}, {"adding": 2})[:1])}) == 3  # fmt: skip


@pytest.mark.slow
def test_the_size_is_that_of_the_launcher_and_every_trial_says_so(
    launched_by: LaunchedBy, project: Path
) -> None:
    launched_by("{name: population, size: 8}")
    whole = rnnzoo.run(FILE)
    assert sizes(whole) == {8}
    assert whole.experiment.training.precision == "float32"
    assert len(whole) == 4
    store = Store(f"sqlite:///{project}/runs/optuna.db")
    assert Lanes(8).mark in store.marks("small")
    (provenance,) = {json.dumps(each, sort_keys=True) for each in whole.provenance}
    assert json.loads(provenance)["lanes"] == "population 8 float32"


def test_what_was_begun_in_populations_goes_on_so_where_no_launcher_is_named(
    launched_by: LaunchedBy, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    launched_by("{name: population, size: 8, precision: tf32}")
    rnnzoo.run(FILE, trials=1)
    launched_by("")
    assert [row["left"] for row in rnnzoo.plan(FILE, measure=False)["studies"]] == [1, 1]
    assert main(["status", FILE, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["variants"]
    assert [row["complete"] for row in rows] == [1, 1]
    whole = rnnzoo.run(FILE)
    assert (len(whole), sizes(whole)) == (4, {8})
    assert whole.experiment.training.precision == "tf32"
    assert len(rnnzoo.run(whole.experiment, overrides={"search.trials": 3})) == 6


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        pytest.param(
            "{name: population, size: 8}", "{name: population, size: 4}",
            "before in populations of 8, now in populations of 4", marks=pytest.mark.slow),
        pytest.param(
            "{name: population, size: 8}", "local",
            "before in populations of 8, now each trial by itself", marks=pytest.mark.slow),
        ("local", "{name: population, size: 8, precision: tf32}",
         "before each trial by itself, now in populations of 8 in tf32"),
    ],
)  # fmt: skip
def test_another_size_sets_trials_aside_and_says_so(
    before: str, now: str, words: str, launched_by: LaunchedBy, project: Path
) -> None:
    launched_by(before)
    assert len(rnnzoo.run(FILE, trials=1)) == 2
    launched_by(now)
    told = notes()
    assert f"rnn: the training changed ({words}); 1 trial run before is set aside" in told
    launched_by(before)
    assert not any("set aside" in text for text in notes())  # what was set aside is there still


@pytest.mark.slow
def test_what_was_begun_one_by_one_goes_on_so_though_there_is_a_gpu_now(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sizes(rnnzoo.run(FILE, trials=1)) == {0}
    monkeypatch.setattr(jax, "uses_cards", lambda: True)
    assert sizes(rnnzoo.run(FILE)) == {0}


def test_a_new_study_trains_in_populations_where_there_is_a_gpu(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = read(Path(FILE))
    assert wanted(experiment, AUTO_LAUNCHER) == Lanes(0)
    monkeypatch.setattr(jax, "uses_cards", lambda: True)
    assert wanted(experiment, AUTO_LAUNCHER) == Lanes(64, "float32")
    assert wanted(experiment, LOCAL) == Lanes(0)
    assert wanted(experiment, Chosen("dask")) == Lanes(0)
    of_tensorflow = replace(experiment, training=Training(backend="tensorflow"))
    assert wanted(of_tensorflow, AUTO_LAUNCHER) == Lanes(0)
    compared = parse_experiment(
        f"{SPEC}claims: [gru at least 2 times as fast as rnn]", FILE, Path()
    )
    assert wanted(compared, AUTO_LAUNCHER) == Lanes(0)
    for learns in ("sampler: tpe", "pruner: median"):
        learning = parse_experiment(SPEC.replace("seed: 1", learns), FILE, Path())
        assert wanted(learning, AUTO_LAUNCHER) == Lanes(0)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert wanted(experiment, AUTO_LAUNCHER) == Lanes(0)


def test_an_experiment_may_say_its_size_itself(
    launched_by: LaunchedBy, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / FILE).write_text(SPEC.replace("epochs: 4", "epochs: 4, population: 3"))
    launched_by("{name: population, size: 8}")
    assert sizes(rnnzoo.run(FILE)) == {3}
    launched_by("local")
    assert main(["sweep", FILE]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "this experiment trains in populations of 3, and the launcher 'local' each" in told


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (SPEC.replace("jax", "tensorflow"), "TensorFlow trains no populations"),
        (f"{SPEC}claims: [gru at least 2 times as fast as rnn]",
         "a claim compares the speed of trainings, and those in populations of 64 share"),
    ],
)  # fmt: skip
def test_what_cannot_train_in_populations_is_refused(
    spec: str, problem: str, launched_by: LaunchedBy, project: Path
) -> None:
    (project / FILE).write_text(spec)
    launched_by("population")
    with pytest.raises(UsageError, match=problem):
        rnnzoo.run(FILE)
    with pytest.raises(UsageError, match=problem):
        rnnzoo.plan(FILE, measure=False)


@pytest.mark.parametrize("options", ["size: text", "size: 0", "precision: half"])
def test_a_wrong_option_is_shown_in_its_place(options: str, launched_by: LaunchedBy) -> None:
    launched_by(f"{{name: population, {options}}}")
    for command in (rnnzoo.plan, rnnzoo.run):
        with pytest.raises(SpecError) as caught:
            command(FILE)
        (mistake,) = caught.value.mistakes
        assert (mistake.span.file, mistake.span.column) == ("mlflow.yml", 30)


def test_a_precision_without_a_population_is_refused(
    launched_by: LaunchedBy, project: Path
) -> None:
    """Else each trial would train in float32, and nobody would know."""
    (project / FILE).write_text(SPEC.replace("epochs: 4", "epochs: 4, precision: tf32"))
    for launcher in ("", "local"):
        launched_by(launcher)
        for command in (rnnzoo.plan, rnnzoo.run):
            with pytest.raises(SpecError) as caught:
                command(FILE)
            (mistake,) = caught.value.mistakes
            assert mistake.problem.startswith("`precision: tf32` is of populations")
            assert (mistake.span.line, mistake.span.column) == (5, 37)
    launched_by("{name: population, size: 2}")
    trainings = {result.trial.training.precision for result in rnnzoo.run(FILE)}
    assert trainings == {"tf32"}


@pytest.mark.slow
def test_with_auto_as_its_backend_a_population_trains_with_jax(
    launched_by: LaunchedBy, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / FILE).write_text(SPEC.replace("jax", "auto"))
    monkeypatch.setattr(begun, "fastest_backend", lambda: "tensorflow")
    launched_by("{name: population, size: 2}")
    whole = rnnzoo.run(FILE)
    assert whole.experiment.training.backend == "jax"
    assert sizes(whole) == {2}


@pytest.mark.slow
def test_tables_and_mlflow_say_the_size_where_the_storage_does_not(
    launched_by: LaunchedBy, project: Path
) -> None:
    launched_by("{name: population, size: 8}")
    rnnzoo.run(FILE)
    assert main(["export", FILE, "kept.csv"]) == 0
    (project / "runs" / "optuna.db").unlink()
    launched_by("")
    for source in ("kept.csv", "mlflow"):
        known = rnnzoo.results(FILE, source=source)
        assert (len(known), known.experiment.training.population) == (4, 8)
        assert not [note for note in known.notes if "another training" in note]
        taken = rnnzoo.run(FILE, source=source)
        assert (len(taken), taken.experiment.training.population) == (4, 8)
        (project / "runs" / "optuna.db").unlink()


def test_a_population_that_is_not_written_may_hold_one_trial_of_each_lane_and_study() -> None:
    chosen = Chosen("population", {"size": 8})
    assert root.workers(None, chosen, studies=3) == 24
    assert root.workers(5, chosen, studies=3) == 5


def test_the_process_of_a_population_computes_the_same_bits_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jax, "uses_cards", lambda: True)
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_autotune_level=2")
    variables = jax.environment("float32")
    *ours, last = variables["XLA_FLAGS"].split()
    assert {"--xla_gpu_autotune_level=0", "--xla_gpu_deterministic_ops=true"} <= set(ours)
    assert last == "--xla_gpu_autotune_level=2"  # of two, XLA takes the last
    assert variables["JAX_PLATFORMS"] == "cuda,cpu"
    assert variables[jax.PRECISION] == "float32"
    assert jax.environment("tf32")[jax.PRECISION] == "tensorfloat32"
    assert "gpu" not in jax.environment()["XLA_FLAGS"].replace("xla_gpu_autotune_level=2", "")
    assert jax.environment()["JAX_PLATFORMS"] == "cpu"
    monkeypatch.setattr(jax, "uses_cards", lambda: False)
    assert "deterministic" not in jax.environment("float32")["XLA_FLAGS"]


def test_a_gpu_counts_where_jax_has_cuda_and_is_not_set_to_something_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    there, installed = ["0"], {"jax_cuda13_plugin"}
    monkeypatch.setattr(jax, "cards", lambda: tuple(there))
    monkeypatch.setattr(jax, "is_installed", lambda name: name in installed)
    assert jax.uses_cards()
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    assert not jax.uses_cards()
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    assert jax.uses_cards()
    installed.clear()
    assert not jax.uses_cards()
    installed.add("jax_cuda12_plugin")
    there.clear()
    assert not jax.uses_cards()


def test_a_plan_says_the_size_and_how_many_programs_are_compiled(
    launched_by: LaunchedBy, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two cells; units of 4 and of 200 are two shapes, and each search tries one or both."""
    (project / FILE).write_text(SPEC.replace("[4, 8]", "[4, 200]"))
    assert "population" not in rnnzoo.plan(FILE, measure=False)
    launched_by("{name: population, size: 8}")
    known = rnnzoo.plan(FILE, measure=False)["population"]
    shapes = {
        (study.variant.label, (study.point(index) or {})["units"])
        for study in studies(read(Path(FILE)), {"adding": ""}, {"adding": 2})
        for index in range(2)
    }
    assert known == {
        "size": 8, "precision": "float32", "processes": 1, "device": "the processor",
        "programs": len(shapes),
    }  # fmt: skip
    assert main(["plan", FILE, "--no-measure"]) == 0
    said = f"in populations of 8 on the processor: {len(shapes)} programs, one for each shape"
    assert said in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(("native", "programs"), [(True, 4), (False, 2)])
def test_a_plan_counts_programs_of_buckets_where_models_are_computed_side_by_side(
    native: bool, programs: int, launched_by: LaunchedBy, project: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Both of 50 and 60 units lie in 64, with each of two cells."""
    monkeypatch.setattr(jax, "has_native_loops", lambda: native)
    grid = SPEC.replace("trials: 2", "trials: 2, sampler: grid").replace("[4, 8]", "[50, 60]")
    (project / FILE).write_text(grid)
    launched_by("{name: population, size: 8}")
    assert rnnzoo.plan(FILE, measure=False)["population"]["programs"] == programs


def test_an_epoch_takes_as_long_for_one_lane_as_for_all() -> None:
    """2 s of compiling and the like, and 10 epochs of 0.5 s."""
    cost = Cost(step=None, epoch=(0.5, 0.5), trial=(7.0, 7.0))
    assert together.hours(cost, 64, 10, 64) == pytest.approx([7 / 3600] * 2)
    assert together.hours(cost, 1, 10, 64) == pytest.approx([7 / 3600] * 2)
    assert together.hours(cost, 128, 10, 64) == pytest.approx([12 / 3600] * 2)
    assert together.hours(cost, 0, 10, 64) == [0.0, 0.0]


@pytest.mark.parametrize(
    ("there", "cuda", "said"),
    [
        ((), False, "none, and none is needed"),
        (("0",), False, "NVIDIA H100, which trials do not use: a population needs JAX with CUDA"),
        (("0", "1"), True, "2 GPUs, NVIDIA H100: new experiments train in populations of 64"),
    ],
)
def test_doctor_says_what_a_population_needs(
    there: tuple[str, ...], cuda: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cards, "cards", lambda: there)
    monkeypatch.setattr(cards, "model", lambda: "NVIDIA H100")
    monkeypatch.setattr(jax, "uses_cards", lambda: cuda)
    check = doctor._graphics()
    assert check.passed
    assert check.detail.startswith(said)
