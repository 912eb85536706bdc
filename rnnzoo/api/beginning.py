"""Data of one's own -> an experiment to start from, with what was guessed said in its comments.

In: a file, and what the user says of its columns.  Out: the text of an experiment, whose data were
loaded once, so that `check`, `plan` and `sweep` take it.  What cannot be told is asked for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnzoo import tasks
from rnnzoo.api import looking
from rnnzoo.errors import UsageError, listed
from rnnzoo.spec.document import inline
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.read_experiment.keys import LABEL_FIX, is_label
from rnnzoo.tasks._table import guess
from rnnzoo.tasks._table.files import TS
from rnnzoo.tasks._table.guess import Given, Guess
from rnnzoo.tasks._table.roles import CATEGORY, NUMBER, called

_SHOWN = 12  # columns that a message lists
_WIDTH = 34  # characters before a comment
_LONG = 60  # characters of a line whose comment stands above it
_PLAN = """\

variants: [lstm, gru, rnn]     # `rnnzoo list cells` has others
search:
  trials: {trials:<21}# of each variant
  space:
    learning_rate: {{float: [1e-3, 3e-2], log: true}}
    units: {units}
training: {training}
claims:
  - lstm better than rnn
"""
_SEQUENCES = {
    "trials": "10",
    "units": "{choice: [16, 32, 64]}",
    "training": "{batch: 32, epochs: 20, patience: 10}",
}
# a text is long: few trainings, of a size that learns more than n-grams do
_TEXTS = {
    "trials": "4",
    "units": "128",
    "training": "{batch: 32, epochs: 10, clip: 5}",
}


@dataclass(frozen=True, slots=True)
class Begun:
    """An experiment that was begun.

    Attributes:
        text: YAML.
        form: of its data, in a line.
        guessed: what was, in sentences.
    """

    text: str
    form: str
    guessed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the table `task`."""

    text: str
    comment: str = ""

    def __str__(self) -> str:
        if not self.comment:
            return self.text
        if len(self.text) > _LONG:
            indent = " " * (len(self.text) - len(self.text.lstrip()))
            return f"{indent}# {self.comment}\n{self.text}"
        return f"{self.text:{_WIDTH}} # {self.comment}"


def check_name(name: str) -> None:
    """
    Raises:
        UsageError: it is no name of an experiment.
    """
    if not is_label(name):
        raise UsageError(f"'{name}' cannot be the name of an experiment", LABEL_FIX)


def experiment(
    name: str, file: str, given: Given, folder: Path, progress: tasks.Report = tasks.silent
) -> Begun:
    """The experiment on a file of data.

    Args:
        given: what is known of columns.
        folder: where the experiment will be; paths in it are relative to it.

    Raises:
        UsageError: there is no such file, or what it is for cannot be told; says what to add.
        TaskError: the data do not fit; nothing is written then.
    """
    path, plan = looking.found(file), _SEQUENCES
    if path.suffix.lower() == looking.ARRAYS and path.is_file():
        lines, guessed = _arrays(file, given, folder)
    elif path.suffix.lower() == looking.TEXT and path.is_file():
        lines, guessed, plan = *_text(file, given, folder), _TEXTS
    elif path.exists() and looking.is_table(path):
        lines, guessed = _table(file, given, folder, progress)
    else:
        raise looking.unknown(path)
    text = "\n".join([
        f"experiment: {inline(name)}",
        f"# Begun by `rnnzoo new experiment` from {path.name}: what it guessed stands behind #.",
        "task:",
        *map(str, lines),
    ])  # fmt: skip
    text += f"\n{_PLAN.format(**plan)}"
    known = parse_experiment(text, str(folder / f"{name}.yaml"), folder)
    tasks.check_spec(known)
    choice = known.tasks[0]
    task = tasks.prepare(choice.name, choice.options, folder=folder, progress=progress)
    return Begun(text, tasks.form(task), tuple(guessed))


def _from(folder: Path, file: str | Path) -> str:
    """A path as the experiment has it: relative where the data lie in its project, as it was given
    where they lie in the folder of the data sets.
    """
    if looking.found(str(file)) != Path(file):
        return str(file)
    path, root = Path(os.path.realpath(file)), Path(os.path.realpath(folder))
    return os.path.relpath(path, root) if path.is_relative_to(root.parent) else str(path)


# ------------------------------------------------------------------ tables


def _table(
    file: str, given: Given, folder: Path, progress: tasks.Report
) -> tuple[list[_Line], list[str]]:
    looked = looking.table(file, given, progress)
    guessed = looked.guess
    if looked.odd:
        raise UsageError(f"{file}: {looked.odd[0]}", f"{guessed.form}" if guessed.form else "")
    header = [*looked.columns]
    for lacking in guessed.open:
        raise _asked(file, lacking, guessed, header)
    if looked.format == TS:
        return _archive(file, folder), []
    options = guess.options(guessed, looked.columns)
    lines = [_Line("  name: table"), _Line(f"  file: {inline(_from(folder, file))}")]
    lines += _of_options(options, guessed)
    for column in guessed.of(guess.UNUSED):
        said = f"{called(column, header)} ({guessed.roles[column].why})"
        lines.append(_Line(f"  # not used: {said}"))
    return lines, list(_guessed(guessed, header))


def _asked(file: str, lacking: guess.Open, guessed: Guess, header: Sequence[str]) -> UsageError:
    """What is said where columns do not tell."""
    problem = f"{file}: {lacking.problem}"
    candidates = [called(name, header) for name in lacking.candidates[:_SHOWN]]
    names = ", ".join(candidates) or "none is left"
    if lacking.option == "inputs":
        return UsageError(problem, "numbers or categories beside id, order and target")
    if lacking.option == "target":
        where = f"; {guessed.form}" if guessed.form else ""
        return UsageError(f"{problem}{where}", f"--target COLUMN, one of: {names}")
    fix = f"--{lacking.option} COLUMN, one of: {names}"
    if lacking.option == "id":
        fix += "; of one series that windows are cut of: --order COLUMN"
    return UsageError(problem, fix)


def _guessed(guessed: Guess, header: Sequence[str]) -> Iterator[str]:
    for role in (guess.ID, guess.ORDER, guess.TARGET, guess.SPLIT, guess.GROUP):
        for name in guessed.of(role):
            if not guessed.roles[name].why.startswith("as you say"):
                yield f"{role} {called(name, header)} ({guessed.roles[name].why})"


def _of_options(options: Mapping[str, Any], guessed: Guess) -> Iterator[_Line]:
    for option, value in options.items():
        if option == "inputs":
            yield from _inputs(value, guessed)
        else:
            yield _Line(f"  {option}: {inline(value)}", _why(option, guessed))


def _why(option: str, guessed: Guess) -> str:
    """Why an option has this value."""
    if option == "per":
        return "the target changes within a sequence"
    if option == "missing":
        return "a gap is 0, and an input more says so"
    if option == "window":
        horizon = "; the target stands a step behind" if "horizon" in guessed.window else ""
        return f"one series is cut into windows{horizon}"
    if option == "split" and guessed.window:
        return "what is latest is for test"
    roles = {"id": guess.ID, "order": guess.ORDER, "target": guess.TARGET}
    role = roles.get(option, guess.SPLIT if guessed.of(guess.SPLIT) else guess.GROUP)
    return listed(dict.fromkeys(guessed.roles[name].why for name in guessed.of(role)))


def _inputs(inputs: Mapping[str, str], guessed: Guess) -> Iterator[_Line]:
    if len(set(inputs.values())) == 1 and next(iter(inputs.values())) == NUMBER:
        whole = f"  inputs: {inline(list(inputs))}"
        if len(whole) <= 90 and not any("ids" in guessed.roles[name].why for name in inputs):
            yield _Line(whole)
            return
    yield _Line("  inputs:")
    for name, kind in inputs.items():
        why = guessed.roles[name].why if kind == CATEGORY else ""
        yield _Line(f"    {inline(name)}: {kind}", why)


def _archive(file: str, folder: Path) -> list[_Line]:
    """A file of the UCR and UEA archives says its roles itself; the other half of a pair is
    beside it.
    """
    path = Path(file)
    lines = [_Line("  name: table")]
    train, test = (
        path.with_name(re.sub(r"(?i)_(train|test)(?=\.ts$)", half, path.name))
        for half in ("_TRAIN", "_TEST")
    )
    halves = [looking.found(str(half)) for half in (train, test)]
    if train != test and all(half.is_file() for half in halves):
        pair = {"train": _from(folder, train), "test": _from(folder, test)}
        why = "the other half of the pair stands beside it"
        return [*lines, _Line(f"  file: {inline(pair)}", why)]
    return [*lines, _Line(f"  file: {inline(_from(folder, file))}")]


# ------------------------------------------------------------------ arrays


def _no_columns(file: str, held: str, given: Given) -> None:
    """
    Raises:
        UsageError: something is said of columns, which a file of this kind lacks.
    """
    if given != Given():
        problem = f"{file} holds {held}, without columns"
        raise UsageError(problem, "leave --id, --order and --target out")


def _text(file: str, given: Given, folder: Path) -> tuple[list[_Line], list[str]]:
    _no_columns(file, "text", given)
    words = looking.text(file)["levels"]["word"]["distinct"]
    why = f"or word, of which there are {words:,}: then add `model: {{embed: 64}}`"
    lines = [
        _Line("  name: text"),
        _Line(f"  file: {inline(_from(folder, file))}"),
        _Line("  level: character", why),
        _Line("  window: 100", "memory begins anew after so many"),
    ]
    return lines, ["level character (each letter is predicted from those before it)"]


def _arrays(file: str, given: Given, folder: Path) -> tuple[list[_Line], list[str]]:
    _no_columns(file, "arrays", given)
    kind, why = looking.arrays(file)["kind"]
    if not kind:
        raise UsageError(f"{file}: {why}", "np.savez('my.npz', x=..., y=...) of numbers or texts")
    lines = [
        _Line("  name: arrays"),
        _Line(f"  file: {inline(_from(folder, file))}"),
        _Line(f"  kind: {kind}", why),
    ]
    return lines, [f"kind {kind} ({why})"]
