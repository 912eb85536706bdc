"""The commands as a user types them, in an empty folder."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow.entities import ViewType

from rnnzoo.api import sources, sweeping
from rnnzoo.cli.parser import parsed
from rnnzoo.report import table
from rnnzoo.spec.cell import built_in_names
from rnnzoo.spec.read_experiment import read
from rnnzoo.spec.trial import Kind, Outcome
from rnnzoo.sweep.open import loaded
from rnnzoo.sweep.search import Store
from rnnzoo.trackers.mlflow import MlflowTracker
from tests.command import before_a_trial, rnnzoo
from tests.faults.disks import fill, make_room, small
from tests.keras_process import printed
from tests.results import result_of

ROOT = Path(__file__).parents[2]
SPEC = """\
experiment: small
about: Two cells <script>alert(1)</script> on a small adding problem.
task: {name: adding, length: 10, train: 64, valid: 32, test: 32}
variants: [rnn, {name: gated, cell: mgu}]
search:
  trials: 3
  seed: 5
  space: {units: {choice: [4, 8]}, learning_rate: {float: [1e-3, 1e-1], log: true}}
training: {epochs: 3}
claims: [rnn worse than gated]
"""


def outcomes(folder: Path) -> dict[tuple[str, int], Outcome]:
    store = Store(f"sqlite:///{folder}/runs/optuna.db")
    return {
        (result.trial.variant, result.trial.index): result.outcome
        for result in store.results("small")
    }


def copy_database(file: Path, to: Path) -> None:
    """Of a database that this process has open, a part may stand in another file."""
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)


def test_a_sweep_prints_the_ranking_and_where_to_look(swept: Path) -> None:
    told = (swept / "printed.txt").read_text()
    assert "2 variants x 3 trials on adding, 1 at a time" in told
    assert re.search(r"\[6/6\]", told)
    for words in (
        "mean of 3",
        "always 1",
        "report  runs/small/report/report.html",
        "make ui",
        "answers",
        "worse than gated",
    ):
        assert words in told
    assert max(map(len, told[told.index("answers") :].splitlines())) <= 80


# in short: tests/sweep/test_run.py of workers and interruptions, tests/faults/test_group.py of
# signals
@pytest.mark.slow
def test_two_workers_and_an_interruption_give_the_same_outcomes_to_the_bit(
    swept: Path, tmp_path: Path
) -> None:
    (tmp_path / "small.yaml").write_text(SPEC)
    command = [sys.executable, "-m", "rnnzoo", "sweep", "small.yaml", "--workers", "2"]
    running = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # a background job may ignore it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )  # fmt: skip
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith("[2/6]"):
            running.send_signal(signal.SIGINT)
            break
    out, error = running.communicate(timeout=60)
    assert running.returncode == 130, error
    assert "the same command goes on" in out
    before = len(outcomes(tmp_path))
    assert 2 <= before < 6

    again = rnnzoo("sweep", "small.yaml", "--workers", "2", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert f"{before} of 6 trials are done already" in again.stdout
    mine, other = outcomes(tmp_path), outcomes(swept)
    assert mine.keys() == other.keys()
    assert len(mine) == 6
    for key, outcome in mine.items():
        assert result_of(outcome) == result_of(other[key]), key


def test_a_second_sweep_has_nothing_to_do_and_more_trials_add_to_the_others(swept: Path) -> None:
    before = outcomes(swept)
    began = time.monotonic()
    assert rnnzoo("sweep", "small.yaml", cwd=swept).returncode == 0
    assert outcomes(swept) == before
    assert time.monotonic() - began < 120
    status = json.loads(rnnzoo("status", "small.yaml", "--json", cwd=swept).stdout)
    assert [row["complete"] for row in status["variants"]] == [3, 3]


def test_status_has_the_keys_of_the_contract(swept: Path) -> None:
    status = json.loads(rnnzoo("status", "small.yaml", "--json", cwd=swept).stdout)
    assert set(status) == {"experiment", "tracking_uri", "storage", "variants"}
    assert set(status["variants"][0]) == {
        "variant", "task", "planned", "complete", "diverged", "pruned", "out_of_memory",
        "timed_out", "interrupted", "failed", "running", "waiting", "best",
    }  # fmt: skip
    assert "gated" in rnnzoo("status", "small.yaml", cwd=swept).stdout


def test_the_best_model_loads_with_the_three_lines_that_are_printed(
    swept: Path, tmp_path: Path
) -> None:
    done = rnnzoo("best", "small.yaml", "--variant", "gated", cwd=swept)
    assert "learning_rate:" in done.stdout
    lines = [
        line.removeprefix("#").strip()
        for line in done.stdout.splitlines()
        if line.startswith("#   ")
    ]
    assert len(lines) == 3
    there = f"import os\nos.chdir({str(swept)!r})\n"
    assert "recurrent" in printed(there + "\n".join(lines), tmp_path)
    wrong = rnnzoo("best", "small.yaml", "--variant", "gate", cwd=swept)
    assert wrong.returncode == 2
    assert "did you mean 'gated'" in wrong.stderr


def test_a_model_of_another_trial_is_not_handed_out(swept: Path) -> None:
    """As where two experiments of an older version shared a folder, or a folder was copied."""
    best = json.loads(
        rnnzoo("best", "small.yaml", "--variant", "gated", "--json", cwd=swept).stdout
    )
    model = swept / best["model"]
    assert model.parent.parent.parent.parent.parent == swept / "runs" / "small" / "trials"
    other = next(path for path in model.parents[1].glob("*/model.keras") if path != model)
    kept = model.read_bytes()
    try:
        model.write_bytes(other.read_bytes())
        told = rnnzoo("best", "small.yaml", "--variant", "gated", cwd=swept)
        assert "# its model cannot be had" in told.stdout
        assert "load_model" not in told.stdout
        refused = rnnzoo("inspect", "small.yaml", "--variant", "gated", cwd=swept)
        assert (refused.returncode, "is the model of another trial" in refused.stderr) == (2, True)
    finally:
        model.write_bytes(kept)


TPE = """\
experiment: NAME
task: {name: adding, length: 10, train: 64, valid: 32, test: 32}
variants: [rnn]
search:
  sampler: {name: tpe, n_startup_trials: 2}
  trials: 3
  space: {units: {int: [4, 40]}, learning_rate: 0.01}
training: {epochs: 1, batch: 16, patience: 0}
"""


@pytest.mark.slow
def test_two_experiments_of_one_variant_leave_each_others_models_alone(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / f"{name}.yaml").write_text(TPE.replace("NAME", name))
    assert rnnzoo("sweep", "first.yaml", cwd=tmp_path).returncode == 0
    models = {
        path: path.read_bytes() for path in (tmp_path / "runs" / "first").rglob("model.keras")
    }
    assert len(models) == 3
    assert rnnzoo("sweep", "second.yaml", cwd=tmp_path).returncode == 0
    assert all(path.read_bytes() == content for path, content in models.items())
    again = rnnzoo("sweep", "first.yaml", cwd=tmp_path)  # which only publishes
    assert "3 of 3 trials are done already" in again.stdout
    best = json.loads(
        rnnzoo("best", "first.yaml", "--variant", "rnn", "--json", cwd=tmp_path).stdout
    )
    (uploaded,) = (tmp_path / "runs" / "artifacts" / "first").rglob("model.keras")
    assert uploaded.read_bytes() == models[tmp_path / best["model"]]


@pytest.mark.slow
def test_a_sweep_whose_variant_never_completes_ends_with_1_and_says_how_to_go_on(
    tmp_path: Path,
) -> None:
    spec = tmp_path / "small.yaml"
    plain = SPEC.replace("claims: [rnn worse than gated]", "").replace("trials: 3", "trials: 1")
    spec.write_text(plain + "resources: {memory: 300MB}\n")
    low = rnnzoo("sweep", "small.yaml", cwd=tmp_path)
    assert (low.returncode, "no complete trial: rnn, gated" in low.stdout) == (1, True), (
        low.stdout + low.stderr
    )
    spec.write_text(plain)
    still = rnnzoo("sweep", "small.yaml", cwd=tmp_path)
    assert still.returncode == 1
    assert (
        "2 of them are out of memory; `--again out_of_memory` begins these once more"
        in still.stdout
    )
    wrong = rnnzoo("sweep", "small.yaml", "--again", "diverged", cwd=tmp_path)
    assert (
        wrong.returncode,
        "--again diverged: no trials that are begun again" in wrong.stderr,
    ) == (2, True)
    done = rnnzoo("sweep", "small.yaml", "--again", "out_of_memory", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {outcome.kind for outcome in outcomes(tmp_path).values()} == {Kind.COMPLETE}


def test_the_report_is_one_page_that_asks_for_nothing_and_escapes_what_specs_say(
    swept: Path,
) -> None:
    page = (swept / "runs/small/report/report.html").read_text()
    assert "&lt;script&gt;" in page
    assert re.findall("<script[^>]*>", page) == ["<script>"]  # ours, and none of the spec
    assert not re.search(r"(src|href)\s*=\s*[\"']?https?:", page)
    for words in ("gated", "<math", "<svg", "always 1", "95 % interval", "Answers"):
        assert words in page
    summary = json.loads((swept / "runs/small/report/summary.json").read_text())
    assert summary["tables"][0]["baselines"]["always 1"] > 0


def test_a_report_can_be_made_once_more(swept: Path) -> None:
    path = swept / "runs/small/report/report.html"
    path.unlink()
    assert rnnzoo("report", "small.yaml", cwd=swept).returncode == 0
    assert path.exists()


def test_mlflow_holds_the_same_results_as_the_storage(swept: Path) -> None:
    tracker = MlflowTracker(f"sqlite:///{swept}/runs/mlflow.db")
    recorded = {
        (result.trial.variant, result.trial.index): result.outcome
        for result in tracker.results("small")
    }
    assert recorded == outcomes(swept)
    client = tracker.client
    experiment = client.get_experiment_by_name("small")
    runs = client.search_runs([experiment.experiment_id])
    roles = [run.data.tags["rnnzoo.role"] for run in runs]
    assert sorted(roles) == sorted(["trial"] * 6 + ["study"] * 2 + ["report"])
    (report,) = [run for run in runs if run.data.tags["rnnzoo.role"] == "report"]
    assert {"report.html", "resolved.yaml"} <= {
        file.path for file in client.list_artifacts(report.info.run_id)
    }
    for run in runs:
        if run.data.tags["rnnzoo.role"] == "study":
            kept = {file.path for file in client.list_artifacts(run.info.run_id, "model")}
            assert {"model/MLmodel", "model/model.keras"} <= kept


def test_an_edited_spec_sets_old_trials_aside_and_says_so(swept: Path, tmp_path: Path) -> None:
    shutil.copytree(swept, tmp_path / "copy")
    spec = tmp_path / "copy" / "small.yaml"
    spec.write_text(SPEC.replace("choice: [4, 8]", "choice: [4]").replace("epochs: 3", "epochs: 1"))
    (swept / "small.yaml").rename(swept / "moved.yaml")  # or the name would be held by another file
    try:
        told = before_a_trial("sweep", "small.yaml", "--trials", "1", cwd=tmp_path / "copy")
        status = json.loads(rnnzoo("status", "small.yaml", "--json", cwd=tmp_path / "copy").stdout)
    finally:
        (swept / "moved.yaml").rename(swept / "small.yaml")
    assert "rnn: the space and training changed; 3 trials run before are set aside" in told
    assert [row["complete"] for row in status["variants"]] == [0, 0]
    assert len(Store(f"sqlite:///{tmp_path}/copy/runs/optuna.db").results("small")) == 6


def test_two_files_with_one_experiments_name_are_refused(swept: Path) -> None:
    (swept / "other.yaml").write_text(SPEC.replace("trials: 3", "trials: 4"))
    done = rnnzoo("status", "other.yaml", cwd=swept)
    assert done.returncode == 2
    assert "has runs of another file" in done.stderr
    (swept / "other.yaml").write_text(SPEC)
    copied = rnnzoo("status", "other.yaml", cwd=swept)
    assert copied.returncode == 0, copied.stderr
    (swept / "other.yaml").unlink()


def test_plan_says_what_would_run_and_what_is_done(swept: Path) -> None:
    both = json.loads(
        rnnzoo("plan", "small.yaml", "--json", "--no-measure", "--trials", "5", cwd=swept).stdout
    )
    assert [row["left"] for row in both["studies"]] == [2, 2]
    only_rnn = ("--set", "variants=[rnn]", "--set", "claims=[]")
    plan = json.loads(
        rnnzoo("plan", "small.yaml", "--json", "--trials", "5", *only_rnn, cwd=swept).stdout
    )
    assert [row["left"] for row in plan["studies"]] == [2]
    assert plan["studies"][0]["weights"] == [4 * (2 + 4 + 1), 8 * (2 + 8 + 1)]
    # which end takes longer is for a clock to say, at sizes as small as these
    assert min(plan["hours"]) > 0
    assert 0 < plan["studies"][0]["seconds_per_step"][0] < 1


def test_one_training_shows_its_curve(tmp_path: Path) -> None:
    sets = ["units=4", "training.epochs=2", "task.length=8", "task.train=32"]
    done = rnnzoo(
        "train", "rnn", "--task", "adding", *(f"--set={setting}" for setting in sets), cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "epoch   2/2  validation" in done.stdout
    assert (tmp_path / "runs/train/rnn/model.keras").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["sweep", "nothing.yaml"], 2, "there is no file nothing.yaml"),
        (["sweep", "spce.yaml"], 2, "did you mean 'spec.yaml'?"),
        (
            ["sweep", "spec.yaml", "--trails", "3"],
            2,
            "rnnzoo sweep has no option --trails\n  fix: did you mean '--trials'?",
        ),
        (
            ["sweep", "spec.yaml", "--trials", "0"],
            2,
            "--trials: must be a whole number from 1 on, not 0",
        ),
        (["sweep", "spec.yaml", "more.yaml"], 2, "rnnzoo sweep does not take 'more.yaml'"),
        (
            ["report", "spec.yaml", "--from", "a.csv", "b.csv"],
            2,
            "rnnzoo report does not take 'b.csv'\n"
            "  fix: write --from before each table: --from b.csv",
        ),
        (
            ["sweep", "spec.yaml", "--set", "training.epochs=few"],
            2,
            "--set:1:17: `epochs` must be a whole number",
        ),
        (["sweeep"], 2, "rnnzoo has no command 'sweeep'\n  fix: did you mean 'sweep'?"),
        (["--verison"], 2, "rnnzoo has no option --verison\n  fix: did you mean '--version'?"),
        (["list", "cell"], 2, "'cell' cannot be listed\n  fix: did you mean 'cells'?"),
        (["show", "experiments/lstn.yaml"], 2, "there is no file experiments/lstn.yaml"),
        (["status", "spec.yaml"], 2, "nothing has been run yet"),
        (["best", "spec.yaml", "--variant", "rnn"], 2, "nothing has been run yet"),
        (
            ["sweep", "spec.yaml", "--workers", "0"],
            2,
            "--workers: must be a whole number from 1 on, not 0",
        ),
        (["sweep", "spec.yaml", "--set", "search.trails=3"], 2, "did you mean 'search.trials'"),
        (["sweep", "spec.yaml", "--set", "trials"], 2, "write --set key=value"),
        (["sweep", "spec.yaml", "--set", "search.sampler=gp"], 2, "pip install torch"),
        (["show", "lstn"], 2, "did you mean 'lstm'"),
        (["new"], 2, "the following arguments are required: cell|experiment, NAME"),
        (["cluster"], 2, "the following arguments are required: certificates|check"),
        (["show", "lstm", "--html"], 2, "--html: expected one argument\n  fix: --html FILE"),
        (["show", "lstm", "--units", "0"], 2, "--units: must be a whole number from 1 on, not 0"),
        (
            ["train", "rnn", "--task", "addin"],
            2,
            "--task addin: no such task\n  fix: did you mean 'adding'?",
        ),
        (
            ["train", "rnn", "--task", "spec.yaml"],
            2,
            "fix: of an experiment, `rnnzoo train spec.yaml --variant NAME --trial N`",
        ),
        (["train", "rnn"], 2, "which task?\n  fix: --task NAME"),
        (["train", "spec.yaml", "--trial", "0"], 2, "fix: --variant NAME, one of: rnn"),
        (["best", "spec.yaml"], 2, "which variant?\n  fix: --variant NAME, one of: rnn"),
        (
            ["train", "spec.yaml", "--trial", "0", "--variant", "rnn", "--set", "units=3"],
            2,
            "did you mean 'search.space.units'?",
        ),
        (["train", "spec.yaml", "--trial=0", "--variant=rnn"], 2, "nothing has been run yet"),
        (["ui", "--port", "x"], 2, "--port: must be a whole number, not 'x'"),
        (["frobnicate"], 2, "rnnzoo has no command 'frobnicate'\n  fix: one of: best, check,"),
        (["new", "cell", "lstm"], 2, "is a built-in cell"),
        (["new", "cell", "a/b"], 2, "cannot be a name"),
    ],
)
def test_a_mistake_is_a_message_and_exit_code_2(
    tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    done = rnnzoo(*arguments, cwd=tmp_path)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [
    "sweep SPEC --shard", "plan SPEC --shard", "status SPEC --shard", "sweep SPEC --only",
    "sweep SPEC --from", "sweep SPEC --cluster", "sweep SPEC --again", "sweep SPEC --set",
    "report SPEC --from", "compare SPEC SPEC --out", "best SPEC --task", "export SPEC",
    "merge OUT.csv", "sweep",
])  # fmt: skip
def test_an_empty_text_chooses_no_default(command: str, tmp_path: Path) -> None:
    """Of a variable of the shell that is not set: `--shard "$SHARD"` is not the whole sweep."""
    done = rnnzoo(*command.split(), "", cwd=tmp_path)
    assert done.returncode == 2
    name = command.rsplit(maxsplit=1)[-1] if "--" in command else "(SPEC|FILE|SOURCE)"
    assert re.match(rf"{name}: nothing is given\n  fix: say which, or leave it out", done.stderr)


@pytest.mark.parametrize(("arguments", "told"), [
    ("sweep SPEC --shard 1/2 --shard 2/2", "--shard: given twice, as 1/2 and as 2/2"),
    ("plan SPEC --trials=3 --trials 4", "--trials: given twice, as 3 and as 4"),
    ("inspect SPEC --sequence 0 --sequence 5", "--sequence: given twice, as 0 and as 5"),
    ("report SPEC --set search.trials=3 --set search.trials=4",
        "--set search.trials is given twice, as 3 and as 4"),
    ("plan SPEC --set search.trials=3 --trials 4",
        "--set search.trials is given twice, as 3 and as 4"),
    ("plan SPEC --shard -1/8", "--shard -1/8 names no part"),
])  # fmt: skip
def test_of_two_values_of_one_option_none_is_lost(
    arguments: str, told: str, tmp_path: Path
) -> None:
    (tmp_path / "SPEC").write_text(SPEC)
    done = rnnzoo(*arguments.split(), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{told}\n  fix: ")


@pytest.mark.parametrize(("arguments", "told"), [
    ("compare a.yaml b.yaml --out x.png", "--out: x.png does not end in .svg"),
    ("gradients rnn --out x.png", "--out: x.png does not end in .svg"),
    ("show rnn --svg x.png", "--svg: x.png does not end in .svg"),
    ("show rnn --html x.htm", "--html: x.htm does not end in .html"),
    ("inspect a.yaml --out x.pdf", "--out: x.pdf does not end in .html"),
    ("predictions a.yaml --out x.xlsx", "--out: x.xlsx does not end in .csv"),
    ("train rnn --task adding --save x.h5", "--save: x.h5 does not end in .keras"),
    ("train rnn --task adding --save x", "--save: x does not end in .keras"),
    ("merge x.txt a.csv", "OUT: x.txt does not end in .csv or .parquet"),
    ("export a.yaml x.xlsx", "FILE: x.xlsx does not end in .csv or .parquet"),
])  # fmt: skip
def test_a_name_that_promises_another_format_is_refused_before_anything_is_read(
    arguments: str, told: str, tmp_path: Path
) -> None:
    done = rnnzoo(*arguments.split(), cwd=tmp_path)
    assert done.returncode == 2
    right = told.rpartition(" in ")[2].partition(" ")[0]
    assert done.stderr == f"{told}\n  fix: name it x{right}\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        ["export", "spec.yaml", "table.csv", "--set", "search.seed=2", "--force"],
        ["export", "spec.yaml", "--set", "search.seed=2", "table.csv", "--force"],
        ["export", "--set", "search.seed=2", "spec.yaml", "--force", "table.csv"],
        ["export", "spec.yaml", "--set", "search.seed=2", "--force", "table.csv"],
    ],
)
def test_words_and_options_come_in_any_order(words: list[str]) -> None:
    args = parsed(words)
    assert (args.spec, args.file, args.set) == ("spec.yaml", "table.csv", ["search.seed=2"])
    assert args.force


def test_a_word_that_reads_like_an_options_value_is_still_the_word() -> None:
    args = parsed(["export", "spec.yaml", "--set", "a.csv", "a.csv"])
    assert (args.file, args.set) == ("a.csv", ["a.csv"])


def test_an_option_may_say_the_same_twice(tmp_path: Path) -> None:
    done = rnnzoo("show", "rnn", "--units", "3", "--units", "3", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_without_a_command_four_are_named(tmp_path: Path) -> None:
    done = rnnzoo(cwd=tmp_path)
    assert done.returncode == 2
    assert len([line for line in done.stderr.splitlines() if line.startswith("  rnnzoo ")]) == 4


def test_list_without_a_word_says_what_can_be_listed(tmp_path: Path) -> None:
    done = rnnzoo("list", cwd=tmp_path)
    assert done.returncode == 0
    listed = [line.split()[0] for line in done.stdout.splitlines()]
    assert listed == ["cells", "tasks", "losses", "metrics", "operations", "studies"]


def test_a_file_named_from_the_project_is_found_in_a_folder_below_and_one_here_comes_first(
    tmp_path: Path,
) -> None:
    (tmp_path / "mlflow.yml").write_text("ui: {port: 5000}\n")
    (tmp_path / "experiments/cells").mkdir(parents=True)
    (tmp_path / "experiments/spec.yaml").write_text(SPEC)
    mine = "name: mine\nequations: |\n  h = tanh(W @ x + R @ h[t-1])\n"
    (tmp_path / "experiments/cells/mine.yaml").write_text(mine)
    below = tmp_path / "notes/deep"
    below.mkdir(parents=True)
    assert (
        "../../experiments/spec.yaml: experiment"
        in rnnzoo("check", "experiments/spec.yaml", cwd=below).stdout
    )
    for command in (("show",), ("check",)):
        assert "mine" in rnnzoo(*command, "experiments/cells/mine.yaml", cwd=below).stdout
    (below / "experiments/cells").mkdir(parents=True)
    (below / "experiments/cells/mine.yaml").write_text(mine.replace("mine", "nearer"))
    assert rnnzoo("show", "experiments/cells/mine.yaml", cwd=below).stdout.startswith("nearer")
    done = rnnzoo("check", "experiments/spce.yaml", cwd=below)
    assert "there is no file experiments/spce.yaml here, nor in the project at ../.." in done.stdout
    assert "fix: did you mean '../../experiments/spec.yaml'?" in done.stdout


def test_help_version_and_check_import_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    heavy = "{'keras', 'tensorflow', 'optuna', 'mlflow', 'matplotlib', 'pandas'}"
    commands = [
        ["--help"],
        ["--version"],
        ["check", "spec.yaml"],
        ["list", "cells"],
        ["show", "gru"],
        ["skill"],
    ]
    program = f"""
import contextlib, sys
from rnnzoo.cli import main
for arguments in {commands!r}:
    with contextlib.suppress(SystemExit):
        main(arguments)
    print(arguments, sorted({heavy} & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines() == [f"{arguments} []" for arguments in commands]
    assert done.stdout.strip()


def test_check_finds_all_mistakes_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(SPEC)
    (tmp_path / "bad.yaml").write_text(
        SPEC.replace("mgu", "mguu").replace("trials: 3", "trials: 0")
    )
    done = rnnzoo("check", "good.yaml", "bad.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "good.yaml: experiment 'small' is right: 2 variants, 6 trials, 1 claim" in done.stdout
    assert "bad.yaml:4:" in done.stdout
    assert "bad.yaml:6:" in done.stdout


def test_a_new_cell_checks_and_is_never_overwritten(tmp_path: Path) -> None:
    for arguments in (["new", "cell", "mine"], ["new", "cell", "variant", "--extends", "peephole"]):
        assert rnnzoo(*arguments, cwd=tmp_path).returncode == 0
        path = tmp_path / "experiments" / "cells" / f"{arguments[2]}.yaml"
        assert rnnzoo("check", str(path), cwd=tmp_path).returncode == 0
        again = rnnzoo(*arguments, cwd=tmp_path)
        assert again.returncode == 2
        assert "is there already" in again.stderr
    assert "mine" in rnnzoo("list", "cells", cwd=tmp_path).stdout


def test_show_prints_what_a_reader_wants_to_know(tmp_path: Path) -> None:
    text = rnnzoo("show", "depth_gated", cwd=tmp_path, PYTHONIOENCODING="utf-8").stdout
    for words in (
        "= σ(W_d xₜ + p_d ⊙ cₜ₋₁ + p_l ⊙ below.cₜ + b_d)",  # noqa: RUF001
        "first layer",
        "Yao",
        "W_d",
        "in all",
    ):
        assert words in text
    content = json.loads(
        rnnzoo("show", "lstm", "--json", "--units", "3", "--inputs", "2", cwd=tmp_path).stdout
    )
    assert content["count_params"] == 4 * 3 * (2 + 3 + 1)
    assert r"\begin{aligned}" in rnnzoo("show", "lstm", "--latex", cwd=tmp_path).stdout


def test_lists_have_a_line_for_everything(tmp_path: Path) -> None:
    assert len(rnnzoo("list", "cells", cwd=tmp_path).stdout.splitlines()) == len(built_in_names())
    assert "chorales" in rnnzoo("list", "tasks", cwd=tmp_path).stdout
    assert "there are no studies here" in rnnzoo("list", "studies", cwd=tmp_path).stdout
    assert "experiments/gates.yaml" in rnnzoo("list", "studies", cwd=ROOT).stdout


# in short: tests/sweep/test_run.py of a cell of one's own whose file is written anew,
# tests/nn/test_train.py of a training of a cell by its text
@pytest.mark.slow
def test_cells_of_ones_own_run_in_a_sweep_with_nothing_but_their_files_added(
    tmp_path: Path,
) -> None:
    (tmp_path / "experiments/cells").mkdir(parents=True)
    shutil.copy(ROOT / "experiments/cells/cifg_noaf.yaml", tmp_path / "experiments/cells")
    spec = SPEC.replace("[rnn, {name: gated, cell: mgu}]", "[cifg_noaf]").replace(
        "trials: 3", "trials: 1"
    )
    (tmp_path / "experiments/own.yaml").write_text(
        spec.replace("claims: [rnn worse than gated]\n", "")
    )
    done = rnnzoo("sweep", "experiments/own.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {key: outcome.kind for key, outcome in outcomes(tmp_path).items()} == {
        ("cifg_noaf", 0): "complete"
    }


# ------------------------------------------------------------------ tables of trials

WITHOUT_TENSORFLOW = """
import sys
sys.modules.update(dict.fromkeys(("tensorflow", "keras"), None))
from rnnzoo.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def elsewhere(swept: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the spec and a table of its trials, where nothing was run."""
    done = rnnzoo("export", "small.yaml", cwd=swept)
    assert (done.returncode, done.stdout.strip()) == (
        0,
        "results/small.csv: 6 trials of 2 studies",
    ), done.stderr
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "small.yaml").write_text(SPEC)
    (folder / "results").mkdir()
    (folder / "results/small.csv").write_bytes((swept / "results/small.csv").read_bytes())
    return folder


def test_a_report_from_a_table_needs_neither_runs_nor_tensorflow_and_says_the_same(
    swept: Path, elsewhere: Path
) -> None:
    stored = json.loads(rnnzoo("report", "small.yaml", "--json", cwd=swept).stdout)
    bare = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, "report", "small.yaml", "--json",
         "--from", "results/small.csv"],
        cwd=elsewhere, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert bare.returncode == 0, bare.stderr
    assert "from results/small.csv: 6 trials" in bare.stderr
    content = json.loads(bare.stdout)
    assert content["verdicts"] == stored["verdicts"]
    for row, stored_row in zip(
        content["tables"][0]["rows"], stored["tables"][0]["rows"], strict=True
    ):
        assert {**row, "best": None, "seconds": None} == {
            **stored_row,
            "best": None,
            "seconds": None,
        }
    assert (elsewhere / "runs/small/report/report.html").exists()
    assert not (elsewhere / "runs/optuna.db").exists()


def test_a_model_whose_scores_alone_were_taken_over_is_not_looked_for_in_mlflow(
    elsewhere: Path, tmp_path: Path
) -> None:
    (tmp_path / "small.yaml").write_text(SPEC)
    taken = rnnzoo(
        "sweep", "small.yaml", "--from", str(elsewhere / "results/small.csv"), cwd=tmp_path
    )
    assert taken.returncode == 0, taken.stderr
    assert "cannot be kept: it was trained elsewhere" in taken.stdout
    for command in ("predictions", "inspect"):
        refused = rnnzoo(command, "small.yaml", "--variant", "rnn", cwd=tmp_path)
        assert refused.returncode == 2
        assert refused.stderr == (
            "the model of trial 1 cannot be had: it was trained elsewhere, and only its scores are"
            " here\n  fix: give this command where the trial was trained; `rnnzoo train small.yaml"
            " --variant rnn --trial 1` makes its model anew, for `rnnzoo.load_model`\n"
        )


def test_where_the_storage_is_lost_the_report_comes_from_mlflow(
    swept: Path, tmp_path: Path
) -> None:
    stored = json.loads(rnnzoo("report", "small.yaml", "--json", cwd=swept).stdout)
    (tmp_path / "small.yaml").write_text(SPEC)
    (tmp_path / "runs").mkdir()
    copy_database(swept / "runs/mlflow.db", tmp_path / "runs/mlflow.db")
    done = rnnzoo("report", "small.yaml", "--json", cwd=tmp_path)
    assert "from MLflow" in done.stderr, done.stderr
    for reported in (done, rnnzoo("report", "small.yaml", "--json", "--from", "mlflow", cwd=swept)):
        assert json.loads(reported.stdout)["verdicts"] == stored["verdicts"]
    assert not (tmp_path / "runs/optuna.db").exists()
    (tmp_path / "runs/mlflow.db").unlink()
    for arguments in (["--from", "mlflow"], []):
        nothing = rnnzoo("report", "small.yaml", *arguments, cwd=tmp_path)
        assert (nothing.returncode, "fix:" in nothing.stderr) == (2, True), nothing.stderr
    assert not list((tmp_path / "runs").glob("*.db"))


def test_a_trial_that_another_sweep_ends_meanwhile_is_not_one_that_the_storage_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "small.yaml").write_text(SPEC)
    opened = loaded(read(tmp_path / "small.yaml"))
    monkeypatch.setattr(sources, "recorded", lambda name: list(opened.identities))
    monkeypatch.setattr(sources, "tables", lambda name: [])

    class Storage:
        """What it holds, each time that it is asked."""

        def __init__(self, *held: list[str]) -> None:
            self.held = list(held)

        def results(self, name: str) -> list[str]:
            return self.held.pop(0)

    lost = list(sweeping._elsewhere(opened, Storage([], [])))  # type: ignore[arg-type]
    assert "mlflow holds 2 of its trials and the storage none: they run anew" in lost
    assert not list(sweeping._elsewhere(opened, Storage([], ["a trial"])))  # type: ignore[arg-type]


def test_a_sweep_whose_storage_was_lost_says_who_has_its_trials_and_takes_them_over(
    swept: Path, tmp_path: Path
) -> None:
    (tmp_path / "small.yaml").write_text(SPEC)
    (tmp_path / "runs").mkdir()
    copy_database(swept / "runs/mlflow.db", tmp_path / "runs/mlflow.db")
    told = before_a_trial("sweep", "small.yaml", cwd=tmp_path)
    assert "mlflow holds 6 of its trials and the storage none: they run anew" in told
    assert "rnnzoo sweep small.yaml --from mlflow" in told

    (tmp_path / "runs/optuna.db").unlink()
    taken = rnnzoo("sweep", "small.yaml", "--from", "mlflow", cwd=tmp_path)
    assert taken.returncode == 0, taken.stderr
    assert "6 of 6 trials taken over" in taken.stdout
    assert "they run anew" not in taken.stdout
    assert outcomes(tmp_path) == outcomes(swept)
    tracker = MlflowTracker(f"sqlite:///{tmp_path}/runs/mlflow.db")
    runs = tracker.client.search_runs(
        [tracker.client.get_experiment_by_name("small").experiment_id], "", ViewType.ALL
    )
    # none doubled, none deleted
    assert sum(run.data.tags["rnnzoo.role"] == "trial" for run in runs) == 6


def test_an_export_writes_over_nothing_unless_it_is_told_to(swept: Path, elsewhere: Path) -> None:
    again = rnnzoo("export", "small.yaml", cwd=swept)
    assert (again.returncode, "is there already" in again.stderr, "--force" in again.stderr) == (
        2,
        True,
        True,
    )
    assert rnnzoo("export", "small.yaml", "--force", cwd=swept).returncode == 0
    assert rnnzoo("export", "small.yaml", "other.parquet", cwd=swept).returncode == 0
    of_table = rnnzoo("report", "small.yaml", "--from", "other.parquet", cwd=swept)
    assert of_table.returncode == 0
    last = "it is of what --from names; that of the trials here: rnnzoo report small.yaml"
    assert of_table.stdout.splitlines()[-1] == last
    assert (
        "nothing has been run yet"
        in rnnzoo("export", "small.yaml", "new.csv", cwd=elsewhere).stderr
    )


def test_a_report_and_a_table_that_there_is_no_room_for_are_told_plainly_and_old_ones_stay_whole(
    swept: Path, elsewhere: Path, tmp_path: Path
) -> None:
    with small(tmp_path / "disk", "4m") as disk:
        shutil.copytree(elsewhere / "results", disk / "results")
        shutil.copy(elsewhere / "small.yaml", disk)
        kept = disk / "results/small.csv"
        before = kept.read_bytes()
        fill(disk)
        table, report = (
            rnnzoo("export", "small.yaml", str(kept), "--force", cwd=swept),
            rnnzoo("report", "small.yaml", cwd=disk),
        )
        assert kept.read_bytes() == before
        for full in (table, report):
            assert (full.returncode, "Traceback" in full.stderr) == (1, False), full.stderr
            assert "No space left on device" in full.stderr
            assert "fix: make room on that disk, and give the same command again" in full.stderr
        assert not (disk / "runs/small/report/report.html").exists()
        make_room(disk)
        assert rnnzoo("report", "small.yaml", cwd=disk).returncode == 0
        assert (disk / "runs/small/report/report.html").exists()


def test_a_table_of_another_experiment_is_refused_and_one_of_another_edition_is_told(
    elsewhere: Path,
) -> None:
    (elsewhere / "other.yaml").write_text(SPEC.replace("experiment: small", "experiment: other"))
    done = rnnzoo("report", "other.yaml", "--from", "results/small.csv", cwd=elsewhere)
    assert (done.returncode, "holds trials of 'small'" in done.stderr) == (2, True)
    (elsewhere / "later.yaml").write_text(SPEC.replace("epochs: 3", "epochs: 4"))
    done = rnnzoo("report", "later.yaml", "--from", "results/small.csv", cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    assert "these trials were run with another training, in every study" in done.stdout


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("search.seed=2", "search"), ("search.sampler=qmc", "search"),
        ("search.space.learning_rate=0.1", "space"), ("training.batch=7", "training"),
        ("task.length=11", "task"), ("init={normal: 0.2}", "cell"),
    ],
)  # fmt: skip
def test_every_part_that_was_run_otherwise_is_told(key: str, part: str, elsewhere: Path) -> None:
    content = table.read(elsewhere / "results/small.csv")
    (told,) = sources._changes(read(elsewhere / "small.yaml", [key]), content)
    assert told.startswith(f"these trials were run with another {part}, in every study")
    assert sources._changes(read(elsewhere / "small.yaml"), content) == []
    (told,) = sources._changes(read(elsewhere / "small.yaml"), replace(content, parts={}))
    assert told.startswith("the table does not say how the trials of every study were run")


def test_trials_that_were_run_otherwise_are_told_on_the_terminal_and_on_the_page(
    elsewhere: Path,
) -> None:
    done = rnnzoo(
        "report",
        "small.yaml",
        "--set",
        "search.seed=2",
        "--from",
        "results/small.csv",
        cwd=elsewhere,
    )
    words = (
        "hese trials were run with another search, in every study: what this file says of it is"
        " not what was run"
    )
    assert words in " ".join(done.stdout.split())
    assert words in (elsewhere / "runs/small/report/report.html").read_text()


def test_claims_about_a_task_that_a_table_does_not_have_are_left_out(elsewhere: Path) -> None:
    more = SPEC.replace(
        "task: {name: adding, length: 10, train: 64, valid: 32, test: 32}",
        "tasks: [{name: adding, length: 10, train: 64, valid: 32, test: 32}, copy_memory]",
    ).replace(
        "claims: [rnn",
        'claims: ["on copy_memory: rnn worse than gated", "on adding: rnn worse than gated"] # [',
    )
    (elsewhere / "more.yaml").write_text(more)
    done = rnnzoo("report", "more.yaml", "--from", "results/small.csv", cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    assert "nothing in it on copy_memory" in done.stdout
    assert done.stdout.count("rnn worse than gated") == 1


# in short: tests/sweep/test_run.py of trials of elsewhere, and above, of those that MLflow has
@pytest.mark.slow
def test_a_sweep_goes_on_from_the_table_of_another_machine(swept: Path, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SPEC)
    assert rnnzoo("export", "small.yaml", "half.csv", "--force", cwd=swept).returncode == 0
    lines = (swept / "half.csv").read_text().splitlines(keepends=True)
    head = lines[0].replace('"Python": "', '"Python": "an older ', 1)
    (tmp_path / "half.csv").write_text("".join([head, *lines[1:-2]]))
    done = rnnzoo("sweep", "small.yaml", "--workers", "2", "--from", "half.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "4 of 4 trials taken over" in done.stdout
    assert "4 of 6 trials are done already" in done.stdout
    mine, other = outcomes(tmp_path), outcomes(swept)
    assert mine.keys() == other.keys()
    assert {key: outcome.scores for key, outcome in mine.items()} == {
        key: outcome.scores for key, outcome in other.items()
    }
    run_with = json.loads(rnnzoo("report", "small.yaml", "--json", cwd=tmp_path).stdout)[
        "provenance"
    ]
    assert [setup["Python"].startswith("an older ") for setup in run_with] == [True, False]
    again = rnnzoo("sweep", "small.yaml", "--from", "half.csv", cwd=tmp_path)
    assert "0 of 4 trials taken over" in again.stdout
    (tmp_path / "renamed.yaml").write_text(SPEC.replace("experiment: small", "experiment: renamed"))
    renamed = rnnzoo("sweep", "renamed.yaml", "--trials", "2", "--from", "half.csv", cwd=tmp_path)
    # a trial does not depend on the name of its experiment
    assert "4 of 4 trials taken over" in renamed.stdout
    # trials of another edition, or with other hyper-parameters than this sweep would give them, are
    # not taken for ours
    edition = ("--set", "training.epochs=1", "--trials", "1")
    assert "4 are of another edition" in before_a_trial(
        "sweep", "small.yaml", *edition, "--from", "half.csv", cwd=tmp_path
    )
    (tmp_path / "bent.csv").write_text("".join(lines).replace(",8,", ",4,"))
    (tmp_path / "runs/optuna.db").unlink()
    bent = rnnzoo("sweep", "small.yaml", "--from", "bent.csv", cwd=tmp_path)
    assert bent.returncode == 2, bent.stdout
    assert re.match(
        r"bent\.csv: trial \d of \w+ on adding has `units` 4, and here it has 8\n"
        r"  fix: correct it there or delete it, so that it is run here",
        bent.stderr,
    )


def test_a_sweep_goes_on_without_mlflow_and_sync_brings_it_level(
    swept: Path, tmp_path: Path
) -> None:
    (tmp_path / "small.yaml").write_text(SPEC)
    done = rnnzoo(
        "sweep",
        "small.yaml",
        "--trials",
        "1",
        cwd=tmp_path,
        MLFLOW_TRACKING_URI="http://127.0.0.1:9",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("MLflow at http://127.0.0.1:9 cannot be used") == 1
    assert "MLflow lacks 2 of these trials: rnnzoo sync small.yaml" in done.stdout.replace(
        "\n", " "
    )
    mine, other = outcomes(tmp_path), outcomes(swept)
    assert len(mine) == 2
    assert all(result_of(outcome) == result_of(other[key]) for key, outcome in mine.items())
    refused = rnnzoo("sync", "small.yaml", cwd=tmp_path, MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert (refused.returncode, "cannot be used" in refused.stderr) == (1, True), refused.stderr
    first, second = (rnnzoo("sync", "small.yaml", cwd=tmp_path) for _ in range(2))
    assert "2 of 2 trials written to MLflow, which lacked them" in first.stdout, first.stderr
    assert "nothing to write: MLflow already has 2 trials" in second.stdout, second.stderr
    content = json.loads(
        rnnzoo("report", "small.yaml", "--json", "--from", "mlflow", cwd=tmp_path).stdout
    )
    assert (
        content["tables"][0]["rows"]
        == json.loads(rnnzoo("report", "small.yaml", "--json", cwd=tmp_path).stdout)["tables"][0][
            "rows"
        ]
    )
