"""Writes the examples in docs/scripting.md: `python -m tools.scripting`, some minutes.

Each command that has `--json` is run in a small project, and what it prints is cut to a size that
can be read.  A test compares the keys of the examples with those that the cheap ones print.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent.parent / "docs" / "scripting.md"
WIDTH = 100  # of a line of an example
LONGEST = 70  # characters of a text
EXPERIMENT = """\
experiment: small
task: {name: adding, length: 10, train: 64, valid: 32, test: 32}
variants: [rnn, {name: gated, cell: mgu}]
search:
  trials: 3
  seed: 5
  space: {units: {choice: [4, 8]}, learning_rate: {float: [1e-3, 1e-1], log: true}}
training: {epochs: 3}
claims: [rnn worse than gated]
"""
TABLE = "patient,hour,pulse,outcome\n" + "".join(
    f"{patient},{hour},{70 + 20 * (patient % 2) + hour},{('well', 'ill')[patient % 2]}\n"
    for patient in range(40)
    for hour in range(2)
)
SEARCH = """\
experiment: cells
task: parity
variants: [gru, lstm]
search_cells:
  filter:
    task: {name: memorisation, items: 1, symbols: 2, train: 20, valid: 20, test: 20}
    space: {units: 4}
    training: {epochs: 2}
  generation: 2
  candidates: 3
  settings: 0
"""
FILES = {
    "small.yaml": EXPERIMENT,
    "longer.yaml": "experiment: longer\nextends: small.yaml\ntraining: {epochs: 4}\n",
    "cells.yaml": SEARCH,
    "visits.csv": TABLE,
    "mlflow.yml": "launcher: local\n",
}
RUNNING = "ctl"  # the command that needs a sweep to be running
# in an order in which each has what it needs
COMMANDS: Mapping[str, str] = {
    "sweep": "sweep small.yaml",
    "ctl": "ctl longer.yaml workers 1",
    "best": "best small.yaml --variant rnn",
    "check": "check small.yaml",
    "clean": "clean small.yaml",
    "cluster": "cluster certificates",
    "compare": "compare small.yaml longer.yaml",
    "data": "data visits.csv",
    "demo": "demo --out demo",
    "doctor": "doctor",
    "evolve": "evolve cells.yaml --workers 1",
    "export": "export small.yaml small.csv",
    "gallery": "gallery",
    "gradients": "gradients rnn --untrained --set task.length=10",
    "inspect": "inspect small.yaml --variant rnn",
    "list": "list cells --family clockwork",
    "merge": "merge all.csv small.csv",
    "new": "new experiment ward --data visits.csv",
    "plan": "plan small.yaml --no-measure",
    "predictions": "predictions small.yaml --variant rnn",
    "report": "report small.yaml",
    "show": "show rnn",
    "skill": "skill",
    "status": "status small.yaml",
    "sync": "sync small.yaml",
    "train": "train small.yaml --variant rnn --trial 0",
    "watch": "watch small.yaml",
}
DEPTHS = {"report": 2, "sweep": 1}  # tables within tables that are shown; else 3
DEEP = 3


def with_examples(page: str, documents: Mapping[str, Any]) -> str:
    """The page with the documents of all commands below its mark."""
    examples = "\n\n".join(_example(name, documents[name]) for name in sorted(documents))
    before, mark, _ = page.partition("<!-- examples -->\n")
    return f"{before}{mark}\n{examples}\n"


def _example(name: str, document: Any) -> str:
    shown = written(cut(document, DEPTHS.get(name, DEEP)))
    return f"### {name}\n\n```\nrnnzoo {COMMANDS[name]} --json\n```\n\n```json\n{shown}\n```"


def cut(value: Any, depth: int) -> Any:
    """A document in small: of a list the first entry, of a text its beginning, of a number six
    figures at least, and of what lies deeper nothing.
    """
    match value:
        case dict():
            if depth == 0:
                return {}
            return {name: cut(within, depth - 1) for name, within in value.items()}
        case [first, *_]:
            return [cut(first, depth)] if depth else []
        case str() if len(value) > LONGEST:
            return f"{value[: LONGEST - 3]}..."
        case float():
            return float(f"{value:.6g}") if abs(value) < 10**6 else float(round(value))
    return value


def written(value: Any, indent: int = 0, before: int = 0) -> str:
    """JSON with a line for each entry of what does not fit on one.

    Args:
        before: characters that stand before it on its line.
    """
    flat = json.dumps(value)
    if indent + before + len(flat) < WIDTH or not isinstance(value, dict | list):
        return flat
    inner = indent + 2
    if isinstance(value, dict):
        names = {name: f"{json.dumps(name)}: " for name in value}
        lines = [names[name] + written(value[name], inner, len(names[name])) for name in value]
        brackets = "{}"
    else:
        lines = [written(entry, inner) for entry in value]
        brackets = "[]"
    body = ",\n".join(" " * inner + line for line in lines)
    return f"{brackets[0]}\n{body}\n{' ' * indent}{brackets[1]}"


def examples(page: str) -> dict[str, Any]:
    """The documents on the page, by command."""
    documents = re.findall(r"^### (\w+)\n\n```\n.*?\n```\n\n```json\n(.*?)\n```", page, re.M | re.S)
    return {name: json.loads(document) for name, document in documents}


def documents(folder: Path) -> Iterator[tuple[str, Any]]:
    """What each command prints, in a project in a folder."""
    for name, text in FILES.items():
        (folder / name).write_text(text)
    for name, words in COMMANDS.items():
        printed = _while_a_sweep_runs(words, folder) if name == RUNNING else _printed(words, folder)
        yield name, json.loads(_of_no_machine(printed, folder))


def _of_no_machine(printed: str, folder: Path) -> str:
    """What is printed, without this machine's name and the folder of the project."""
    return re.sub(rf"\b{re.escape(platform.node())}\b", "host", printed.replace(str(folder), "."))


def _printed(words: str, folder: Path) -> str:
    done = _run(words, folder)
    done.check_returncode()
    return done.stdout


def _while_a_sweep_runs(words: str, folder: Path) -> str:
    command = [sys.executable, "-m", "rnnzoo", "sweep", "longer.yaml"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as sweep:
        while sweep.poll() is None:
            done = _run(words, folder, stderr=subprocess.DEVNULL)  # until it runs
            if done.returncode == 0:
                return done.stdout
            time.sleep(0.2)
    raise SystemExit(f"the sweep ended before `{words}` reached it")


def _run(words: str, folder: Path, stderr: int | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rnnzoo", *words.split(), "--json"]
    return subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=stderr, text=True, check=False
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = dict(documents(Path(folder).resolve()))
    PAGE.write_text(with_examples(PAGE.read_text(), made))


if __name__ == "__main__":
    main()
