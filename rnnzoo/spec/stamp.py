"""The file of a trained model carries the key of its trial, which is checked before the model is
used.

In: a `.keras` file, which is a zip archive, and a trial.  Out: why the file is not that trial's
model.  So a folder that another experiment, another storage or an older version also wrote to
yields no wrong model.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnnzoo.spec.hyperparameters import HYPERPARAMETERS
from rnnzoo.spec.state import UNREADABLE
from rnnzoo.spec.trial import Trial

MEMBER = "rnnzoo.json"  # Keras reads the members that it knows by name
_LAYER = "Recurrent"


def write(path: Path, trial: Trial) -> None:
    """Write a trial's key into the file of its model."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(MEMBER, json.dumps({"trial": trial.key}))


def copy(path: Path, to: Path, trial: Trial) -> None:
    """Write the model of a file to another one, with the key of another trial."""
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(to, "w") as copied:
        for member in archive.infolist():
            if member.filename != MEMBER:
                copied.writestr(member, archive.read(member))
    write(to, trial)


def stamped(path: Path) -> bool:
    """Whether the file of a model holds the key of a trial; files of older versions do not."""
    with zipfile.ZipFile(path) as archive:
        return MEMBER in archive.namelist()


def problem_of(trial: Trial) -> str:
    """Why the model in a trial's own folder cannot be had, as a clause; empty if it can be."""
    if not trial.folder:
        return "it was trained elsewhere, and only its scores are here"
    return problem(trial.model, trial)


def problem(path: Path, trial: Trial) -> str:
    """Why a file is not the model of a trial, as a clause; empty if it is.

    For a file of an older version, only units, layers and dropout can be compared.
    """
    if not path.is_file():
        return f"{path} is not here"
    try:
        with zipfile.ZipFile(path) as archive:
            if MEMBER not in archive.namelist():
                return _other_size(path, json.loads(archive.read("config.json")), trial)
            key = json.loads(archive.read(MEMBER))["trial"]
    except UNREADABLE as error:
        return f"{path} is damaged ({error})"
    return "" if key in _keys(trial) else f"{path} is the model of another trial"


def _keys(trial: Trial) -> Iterator[str]:
    """A trial's key; and of one that was taken over, that under the name of the experiment whose
    folder its model is in.
    """
    yield trial.key
    above = Path(trial.folder).parents  # NAME/trials/variant/task/hash, and the index
    if len(above) > 4:
        yield replace(trial, experiment=above[4].name).key


def _other_size(path: Path, config: Any, trial: Trial) -> str:
    for layer in _layers(config):
        wanted = {
            name: value
            for name, value in trial.training.values().items()
            if HYPERPARAMETERS[name].acts == "layer"
        }
        for name, value in wanted.items():
            if layer.get(name) != value:
                return (
                    f"{path} is the model of another trial: its {name} is {layer.get(name)}, not"
                    f" {value}"
                )
    return ""


def _layers(config: Any) -> Iterator[Mapping[str, Any]]:
    """The configurations of recurrent layers of this package within the configuration of a
    model.
    """
    if isinstance(config, Mapping):
        if config.get("class_name") == _LAYER and isinstance(config.get("config"), Mapping):
            yield config["config"]
        for inner in config.values():
            yield from _layers(inner)
    elif isinstance(config, list):
        for inner in config:
            yield from _layers(inner)
