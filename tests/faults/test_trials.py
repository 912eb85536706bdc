"""Trials that fail in every way there is, from the spec's limits to what MLflow keeps of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rnnzoo.launchers import Setup
from rnnzoo.launchers.local import LocalLauncher
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Kind
from rnnzoo.sweep.plan import studies
from rnnzoo.sweep.run import Sweep
from rnnzoo.sweep.search import Store
from rnnzoo.trackers.mlflow import MlflowTracker
from tests.command import rnnzoo
from tests.launchers.work import behave
from tests.sweep.loop import Quiet

# what a trial does: what becomes of it, why, and what its log says
ENDS = {
    "complete": (Kind.COMPLETE, "", ""),
    "raising": (Kind.FAILED, "RuntimeError: something broke", "Traceback"),
    "crashing": (Kind.FAILED, "its process was ended by SIGSEGV", "Segmentation fault"),
    "exhausting": (Kind.OUT_OF_MEMORY, "there was not enough memory", "MemoryError"),
    "greedy": (Kind.OUT_OF_MEMORY, "it held more than 477 MiB of memory", "takes a gigabyte"),
    "endless": (Kind.TIMED_OUT, "it took longer than 0.08 minutes", ""),
    "diverging": (
        Kind.DIVERGED,
        "the loss became NaN in epoch 1",
        "the loss is no number any more",
    ),
}
SPEC = f"""\
experiment: ends
task: adding
variants: [{", ".join(f"{{name: {name}, cell: rnn}}" for name in ENDS)}]
search: {{trials: 1, space: {{units: 4}}}}
resources: {{memory: 500MB, minutes: 0.08}}
"""


def test_every_way_to_fail_is_an_outcome_of_its_kind_whose_reason_and_log_are_in_mlflow(
    tmp_path: Path,
) -> None:
    experiment = parse_experiment(SPEC, str(tmp_path / "ends.yaml"), tmp_path)
    tracker = MlflowTracker(f"sqlite:///{tmp_path}/mlflow.db", str(tmp_path / "artifacts"))
    limits = experiment.resources
    launcher = LocalLauncher(
        Setup(behave, 2, ("tests.launchers.work",), minutes=limits.minutes, memory=limits.memory)
    )
    planned = studies(experiment, {"adding": "digest"}, {"adding": 2})
    store = Store(f"sqlite:///{tmp_path}/optuna.db")
    Sweep(
        experiment, planned, 1, store, tracker, launcher, Quiet(), tmp_path / "runs" / "ends"
    ).run()

    identity = tracker.client.get_experiment_by_name("ends").experiment_id
    runs = {
        run.data.tags["variant"]: run
        for run in tracker.client.search_runs([identity], "tags.trial = '0'")
    }
    assert runs.keys() == ENDS.keys()
    for result in store.results("ends"):
        (kind, reason, logged), run = ENDS[result.trial.variant], runs[result.trial.variant]
        assert (result.outcome.kind, run.data.tags["outcome"]) == (kind, kind)
        assert (result.outcome.message, run.data.tags.get("message", "")) == (reason, reason)
        assert run.info.status == (
            "FAILED" if kind not in (Kind.COMPLETE, Kind.DIVERGED) else "FINISHED"
        )
        kept = Path(tracker.client.download_artifacts(run.info.run_id, "log.txt", str(tmp_path)))
        assert logged in kept.read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "kind"), [("memory: 300MB", "out_of_memory"), ("minutes: 0.03", "timed_out")]
)
def test_a_limit_in_the_spec_of_a_real_training_is_kept(
    limit: str, kind: str, tmp_path: Path
) -> None:
    """The command ends with 1, for no trial is complete; it says why after three."""
    (tmp_path / "small.yaml").write_text(f"""\
experiment: small
task: {{name: adding, length: 200, train: 2000, valid: 500, test: 500}}
variants: [rnn]
search: {{trials: 3, space: {{units: 64}}}}
training: {{epochs: 1000, patience: 0}}
resources: {{{limit}}}
""")
    done = rnnzoo("sweep", "small.yaml", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert (
        f"rnn: its first 3 trials all ended as {kind.replace('_', ' ')}: it "
        in done.stdout.replace("\n", " ")
    )
    (row,) = json.loads(rnnzoo("status", "small.yaml", "--json", cwd=tmp_path).stdout)["variants"]
    assert row[kind] == 3
    tracker = MlflowTracker(f"sqlite:///{tmp_path}/runs/mlflow.db")
    identity = tracker.client.get_experiment_by_name("small").experiment_id
    for run in tracker.client.search_runs([identity], "tags.`rnnzoo.role` = 'trial'"):
        assert [artifact.path for artifact in tracker.client.list_artifacts(run.info.run_id)] == [
            "log.txt"
        ]
