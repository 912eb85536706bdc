"""What a caller passes as an experiment and as overrides -> an `Experiment`.

In: a path, a YAML text, a mapping, or what `load_experiment` has returned; `key=value` texts as
those of `--set`, or a mapping with dots for keys within keys.  Out: the experiment, with all
mistakes in it found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnnzoo.api.as_python import as_python
from rnnzoo.errors import Mistake, SpecError, UsageError, argument
from rnnzoo.spec.document import inline, yaml_text
from rnnzoo.spec.experiment import TEXT, Experiment
from rnnzoo.spec.read_experiment import parse_experiment, read
from rnnzoo.spec.read_experiment.keys import EXTENDS, MAX_TRIALS
from rnnzoo.spec.written import in_dictionary
from rnnzoo.sweep.begun import as_written

ExperimentLike = str | Path | Mapping[str, Any] | Experiment
Overrides = Mapping[str, Any] | Sequence[str]
Source = str | Path | Sequence[str | Path]
_DICTIONARY = "a dictionary, here as YAML"


def experiment_of(
    given: ExperimentLike, overrides: Overrides = (), trials: int | None = None
) -> Experiment:
    """The experiment that a caller means.

    Args:
        given: a text that has a line break is YAML, every other one is a path.
        overrides: by key, as in `{"training.epochs": 3}`, or as `--set` has them, as in
            `["training.epochs=3"]`.
        trials: per study, a total; short for the override `search.trials`.

    Raises:
        UsageError: no such file, an override that fits nothing, or a value of none of these types.
        SpecError: mistakes in the experiment, all of them.
    """
    if trials is not None and (isinstance(trials, bool) or not 1 <= trials <= MAX_TRIALS):
        raise UsageError(
            f"{argument('trials')} must be a whole number from 1 to {MAX_TRIALS:,}, not {trials}"
        )
    sets = [*_assignments(overrides), *([] if trials is None else [f"search.trials={trials}"])]
    with as_given(given, overrides):
        return _read(given, sets)


def _read(given: ExperimentLike, sets: Sequence[str]) -> Experiment:
    if isinstance(given, Experiment):
        return _overridden(given, sets)
    if isinstance(given, Mapping):
        return parse_experiment(yaml_text(_plain(given)), TEXT, Path(), sets)
    if isinstance(given, str) and "\n" in given:
        return parse_experiment(given, TEXT, Path(), sets)
    if isinstance(given, str | Path):
        return read(Path(given), sets)
    raise UsageError(
        "an experiment is a path, a text, a dictionary or what `load_experiment` returns, not"
        f" {type(given).__name__}"
    )


@contextmanager
def as_given(given: ExperimentLike, overrides: Overrides = ()) -> Iterator[None]:
    """Within it, mistakes in an experiment without a file say in which argument they stand, and
    fixes are written as that argument is: of a dictionary, in Python.

    Args:
        given, overrides: as of `experiment_of`.
    """
    is_dictionary = isinstance(given, Mapping)
    in_python = {TEXT} if is_dictionary else set()
    in_python |= {argument("overrides")} if isinstance(overrides, Mapping) else set()
    # what is wrong with data has no place: where it may be a file's that is extended, it is YAML
    is_whole = isinstance(given, Mapping) and EXTENDS not in given
    try:
        with in_dictionary() if is_whole else nullcontext():
            yield
    except SpecError as error:
        name = f"{argument('experiment')} ({_DICTIONARY if is_dictionary else 'a text'})"
        if isinstance(given, Experiment):  # what it was read from is known further out
            name = TEXT
        ours = (_in_argument(mistake, name, in_python) for mistake in error.mistakes)
        raise SpecError(*ours) from None


def _in_argument(mistake: Mistake, name: str, in_python: Collection[str]) -> Mistake:
    """A mistake; of an experiment without a file, under a name for it; and with a fix in Python
    where what it is about is written so.
    """
    file = mistake.span.file
    fix = as_python(mistake.fix) if file in in_python else mistake.fix
    span = replace(mistake.span, file=name) if file == TEXT else mistake.span
    return replace(mistake, span=span, fix=fix)


def paths_of(source: Source) -> list[str]:
    """What a caller passes as a source, as a list; an empty text is none."""
    every = [source] if isinstance(source, str | Path) else source
    return [str(path) for path in every if str(path)]


def _overridden(experiment: Experiment, sets: Sequence[str]) -> Experiment:
    """An experiment that was read before, read again with more overrides."""
    if not sets:
        return experiment
    folder = Path(experiment.file).parent
    written = parse_experiment(experiment.text, experiment.file, folder, experiment.sets)
    if not as_written(experiment, written):
        raise UsageError(
            f"the experiment '{experiment.name}' is not what its text says any more, and overrides"
            " are of its text",
            "change the rest in Python too, or give the text",
        )
    return parse_experiment(experiment.text, experiment.file, folder, [*experiment.sets, *sets])


def _assignments(overrides: Overrides) -> list[str]:
    if isinstance(overrides, str):
        raise UsageError(
            "overrides are a dictionary or a list of texts, not a text",
            f'overrides=["{overrides}"]' if "=" in overrides else "",
        )
    if isinstance(overrides, Mapping):
        return [f"{key}={inline(_plain(value))}" for key, value in overrides.items()]
    return list(overrides)


def _plain(value: Any) -> Any:
    """A value as YAML has it: Python's own numbers, texts, lists and dictionaries.

    Raises:
        UsageError: it cannot be written so.
    """
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | range):
        return [_plain(inner) for inner in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # an array, or a number out of one
        return _plain(value.tolist())
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise UsageError(
        f"{type(value).__name__} cannot stand in an experiment: {value!r}",
        "a number, a text, a list or a dictionary",
    )
