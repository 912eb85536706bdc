"""docs/coming-from.md: what stands in the column of rnnzoo is what rnnzoo has."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
from pathlib import Path

import pytest

import rnnzoo
from rnnzoo import cli
from rnnzoo.spec.document import parse, plain
from rnnzoo.spec.read_experiment import read
from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs" / "coming-from.md").read_text()
ROWS = re.findall(r"^\| (?!---)(.+) \| (.+?) \|$", PAGE.partition("## Keras")[2], re.M)
OURS = [code for _, ours in ROWS for code in re.findall(r"`([^`]+)`", ours)]
COMMANDS = [code for code in OURS if code.startswith("rnnzoo ")]
CALLS = [code for code in OURS if code.startswith("rnnzoo.")]
KEYS = [code for code in OURS if re.match(r"\w+: ", code)]
FIRST = {
    "experiment": "shown",
    "task": "adding",
    "variants": "[lstm, gru]",
    "search": "{space: {learning_rate: {float: [1e-4, 1e-2], log: true}}}",
}


def test_each_entry_is_a_command_a_call_keys_or_a_name() -> None:
    names = {*OURS} - {*COMMANDS, *CALLS, *KEYS}
    assert names == {"grid", "tpe", "mlflow.yml", "experiments/tasks/NAME.py", "runs/NAME/"}
    assert min(map(len, (COMMANDS, CALLS, KEYS))) > 3


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_read(command: str) -> None:
    cli.parsed(shlex.split(command)[1:])


@pytest.mark.parametrize("call", CALLS)
def test_each_call_names_what_exists(call: str) -> None:
    """Python names from `rnnzoo` on; what a call returns has the methods of its annotation."""
    if call.endswith(".to_frame()"):
        assert hasattr(rnnzoo.api.Results, "to_frame")
        call = call.removesuffix(".to_frame()")
    (function,) = [node.func for node in ast.walk(ast.parse(call)) if isinstance(node, ast.Call)]
    found: object = rnnzoo
    for name in ast.unparse(function).split(".")[1:]:
        found = getattr(found, name)
    assert callable(found)


@pytest.mark.parametrize("keys", KEYS)
def test_each_key_is_one_of_an_experiment(keys: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "experiments" / "gates.yaml", tmp_path)
    own = plain(parse(keys, "row"))
    assert isinstance(own, dict)
    first = {} if "extends" in own else {**FIRST}
    if "tasks" in own:
        del first["task"]
    if "embed" in own.get("model", {}):
        first["task"] = "{name: text, file: letters.txt}"
        (tmp_path / "letters.txt").write_text("To be, or not to be. " * 9)
    first.setdefault("experiment", "shown")
    lines = [f"{key}: {value}" for key, value in first.items() if key not in own]
    path = tmp_path / "shown.yaml"
    path.write_text("\n".join([*lines, keys, ""]))
    read(path)
