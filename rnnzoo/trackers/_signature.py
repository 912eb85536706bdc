"""A kept model as one of MLflow's: its signature, and what loads it.

In: a model's file.  Out: the text of the file `MLmodel` that stands beside it, so that
`mlflow.pyfunc.load_model("runs:/RUN/model")` has the model, and MLflow's pages say what it takes
and gives.  Shapes are read from the file itself: neither Keras nor MLflow is imported, which would
take seconds.
"""

from __future__ import annotations

import json
import platform
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

NAME = "MLmodel"
LOADER = "rnnzoo.nn.served"


def mlmodel(file: Path, run: str) -> str | None:
    """The text of `MLmodel`; None where the file is no model of ours.

    Args:
        run: in MLflow, among whose artifacts the model is kept as `model`.
    """
    signature = _signature(file)
    if signature is None:
        return None
    served = {"loader_module": LOADER, "data": file.name}
    content = {
        "artifact_path": "model",
        "flavors": {"python_function": {**served, "python_version": platform.python_version()}},
        "mlflow_version": version("mlflow"),
        "model_uuid": uuid.uuid4().hex,
        "run_id": run,
        "signature": signature,
        "utc_time_created": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}",
    }
    return json.dumps(content, indent=2)  # which is YAML too


def _signature(file: Path) -> dict[str, str] | None:
    """What the model takes and gives, as MLflow writes it: shapes with -1 for any length."""
    try:
        with zipfile.ZipFile(file) as archive:
            layers = json.loads(archive.read("config.json"))["config"]["layers"]
    except (zipfile.BadZipFile, KeyError, ValueError):
        return None
    inputs = [layer["config"] for layer in layers if layer["class_name"] == "InputLayer"]
    if len(inputs) == 1:
        inputs = [{**inputs[0], "name": ""}]  # the only one needs no name
    taken = [_tensor(of["batch_shape"], of["dtype"], of["name"]) for of in inputs]
    signature = {"inputs": json.dumps(taken)}
    last = layers[-1]
    if last["class_name"] == "Dense" and last.get("build_config"):
        shape = [*last["build_config"]["input_shape"][:-1], last["config"]["units"]]
        signature["outputs"] = json.dumps([_tensor(shape, "float32")])
    return signature


def _tensor(shape: Sequence[int | None], dtype: str, name: str = "") -> Mapping[str, Any]:
    named = {"name": name} if name else {}
    lengths = [length or -1 for length in shape]  # no axis of a model is 0 long
    return {**named, "type": "tensor", "tensor-spec": {"dtype": dtype, "shape": lengths}}
