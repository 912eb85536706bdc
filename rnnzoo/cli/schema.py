"""The command `schema`: what cells, experiments and mlflow.yml may hold, as JSON Schema."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rnnzoo import tasks
from rnnzoo.cli.as_json import print_json
from rnnzoo.errors import UsageError, nearest
from rnnzoo.spec import plugins
from rnnzoo.spec import schema as writer
from rnnzoo.spec.atomic import atomic_write
from rnnzoo.spec.cell import built_in_names, own_files
from rnnzoo.strict_json import as_json

WRITERS: Mapping[str, Callable[[writer.Known], writer.Schema]] = {
    "cell": writer.of_cell,
    "experiment": writer.of_experiment,
    "mlflow": writer.of_settings,
}
EDITOR = """\
Name it in the first line of a file, by its path from there:
  # yaml-language-server: $schema={schema}
or for all files in .vscode/settings.json (docs/editors.md)"""


def schema(args: argparse.Namespace) -> None:
    """Print a schema, or write all of them."""
    if (args.what is None) == (args.write is None):
        raise UsageError("which schema?", f"{', '.join(WRITERS)}; or --write FOLDER for all")
    if args.what is not None and args.what not in WRITERS:
        raise UsageError(f"there is no schema of '{args.what}'", nearest(args.what, WRITERS))
    known = _known()
    if args.what is not None:
        print_json(WRITERS[args.what](known))
        return
    folder = Path(args.write)
    folder.mkdir(parents=True, exist_ok=True)
    for what, write in WRITERS.items():
        path = folder / f"{what}.schema.json"
        with atomic_write(path) as draft:
            draft.write_text(as_json(write(known)) + "\n", encoding="utf-8")
        print(f"wrote {path}")
    print(EDITOR.format(schema=(folder / "experiment.schema.json").resolve()))


def _known() -> writer.Known:
    """What there is here to be named."""
    own = [path.stem for path in own_files()]
    return {
        "cells": dict.fromkeys([*built_in_names(), *own]),
        "tasks": dict(_with_options("tasks", _of_task)),
        "launchers": dict(_with_options("launchers", _of_plugin)),
        "trackers": dict(_with_options("trackers", _of_plugin)),
    }


def _with_options(
    kind: str, options: Callable[[Any], Mapping[str, Any]]
) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    """The names of a kind, each with its options; None of a file that cannot be imported."""
    for name in plugins.names(kind):
        try:
            yield name, options(plugins.load(kind, name))
        except UsageError:
            yield name, None


def _of_task(task: Any) -> Mapping[str, Any]:
    return {**task.OPTIONS, **tasks.MEASURED}


def _of_plugin(plugin: Any) -> Mapping[str, Any]:
    return dict(getattr(plugin, "OPTIONS", {}))
