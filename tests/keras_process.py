"""Programs that use Keras in a process of their own, without its import of eight seconds: forks of
a sweep's fork server.

What is about the import itself starts an interpreter.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from rnnzoo.api import root
from rnnzoo.launchers import Tell
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.trial import Kind, Outcome, Trial
from rnnzoo.sweep import work as running
from tests import fork_servers


def printed(
    program: str,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    backend: str = "tensorflow",
) -> str:
    """What a Python program prints; with variables of the environment that are set before the
    backend looks at them.
    """
    work = json.dumps({"program": program, "environment": dict(environment or {})})
    log = folder / "program"
    with (
        fork_servers.shared(),
        mock.patch.object(running, "work", execute),
        mock.patch.dict(os.environ, {"KERAS_BACKEND": backend}),
        root.launched(1, folder, Training(backend=backend)) as launcher,
    ):
        launcher.submit(Trial("program", "program", work, "", 0, {}, seed=0, folder=str(log)))
        while (event := launcher.wait()) is None or not isinstance(event.news, Outcome):
            pass
    assert event.news.kind is Kind.COMPLETE, (log / "log.txt").read_text()
    return event.news.message


def returned(function: str, arguments: Iterable[object], folder: Path, backend: str = "jax") -> Any:
    """What a function returns in a process of its own, as JSON has it.

    Args:
        function: its name behind that of its module.
        arguments: what Python writes as it is read.
    """
    module, _, name = function.rpartition(".")
    call = f"{name}({', '.join(map(repr, arguments))})"
    program = f"import json\nfrom {module} import {name}\nprint(json.dumps({call}))"
    return json.loads(printed(program, folder, backend=backend).splitlines()[-1])


def execute(trial: Trial, tell: Tell) -> Outcome:
    work = json.loads(trial.cell)
    os.environ.update(work["environment"])
    with contextlib.redirect_stdout(io.StringIO()) as stream:
        exec(work["program"], {"__name__": "__main__"})
    return Outcome(Kind.COMPLETE, message=stream.getvalue())
