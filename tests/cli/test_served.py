"""A kept model as MLflow has it: its signature, and loaded by MLflow alone."""

from __future__ import annotations

import json
from pathlib import Path

import mlflow
import numpy as np
import pytest

import rnnzoo
from rnnzoo.trackers.mlflow import MlflowTracker
from tests.command import rnnzoo as command


# of MLflow, about its own `predict`, as it is imported
@pytest.mark.filterwarnings("ignore:.*type hint is inferred as AnyType:UserWarning")
def test_mlflow_loads_a_kept_model_by_itself_and_knows_its_shapes(swept: Path) -> None:
    best = json.loads(command("best", "small.yaml", "--variant", "rnn", "--json", cwd=swept).stdout)
    client = MlflowTracker(f"sqlite:///{swept}/runs/mlflow.db").client
    experiment = client.get_experiment_by_name("small").experiment_id
    query = "tags.variant = 'rnn' and tags.`rnnzoo.role` = 'study'"
    (run,) = client.search_runs([experiment], query)
    loaded = mlflow.pyfunc.load_model(f"{run.info.artifact_uri}/model")
    signature = loaded.metadata.signature
    assert [spec.shape for spec in signature.inputs] == [(-1, -1, 2)]
    assert [spec.shape for spec in signature.outputs] == [(-1, 1)]
    x = np.random.default_rng(0).normal(size=(3, 10, 2)).astype("float32")
    answers = loaded.predict(x)
    assert answers.shape == (3, 1)
    assert np.array_equal(answers, rnnzoo.load_model(swept / best["model"])(x))
