"""A kept model as MLflow has it: its signature, and loaded by MLflow alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.command import rnnzoo

READ = """
import json, sys
import mlflow, numpy as np
import rnnzoo
run, file = sys.argv[1:]
mlflow.set_tracking_uri("sqlite:///runs/mlflow.db")
loaded = mlflow.pyfunc.load_model(f"runs:/{run}/model")
x = np.random.default_rng(0).normal(size=(3, 10, 2)).astype("float32")
answers, expected = loaded.predict(x), np.asarray(rnnzoo.load_model(file)(x))
signature = loaded.metadata.signature
print(json.dumps({
    "inputs": [list(spec.shape) for spec in signature.inputs],
    "outputs": [list(spec.shape) for spec in signature.outputs],
    "shape": list(answers.shape),
    "difference": float(np.abs(answers - expected).max()),
}))
"""
FIND = """
import mlflow
client = mlflow.MlflowClient("sqlite:///runs/mlflow.db")
query = "tags.variant = 'rnn' and tags.`rnnzoo.role` = 'study'"
experiment = client.get_experiment_by_name("small").experiment_id
print(client.search_runs([experiment], query)[0].info.run_id)
"""


def test_mlflow_loads_a_kept_model_by_itself_and_knows_its_shapes(swept: Path) -> None:
    def python(*arguments: str) -> str:
        command = [sys.executable, "-c", *arguments]
        done = subprocess.run(command, cwd=swept, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().splitlines()[-1]

    best = json.loads(rnnzoo("best", "small.yaml", "--variant", "rnn", "--json", cwd=swept).stdout)
    read = json.loads(python(READ, python(FIND), best["model"]))
    assert (read["inputs"], read["outputs"]) == ([[-1, -1, 2]], [[-1, 1]])
    assert read["shape"] == [3, 1]
    assert read["difference"] == 0.0
