"""What a caller passes as an experiment and as overrides -> an `Experiment`.

In: a path, a YAML text, a mapping, or what `load_experiment` has returned; `key=value` texts as
those of `--set`, or a mapping with dots for keys within keys.  Out: the experiment, with all
mistakes in it found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnnzoo.errors import Mistake, SpecError, UsageError, argument
from rnnzoo.spec.document import inline, parse, plain, yaml_text
from rnnzoo.spec.experiment import TEXT, Experiment
from rnnzoo.spec.read_experiment import parse_experiment, read
from rnnzoo.spec.read_experiment.keys import MAX_TRIALS
from rnnzoo.sweep.begun import as_written

ExperimentLike = str | Path | Mapping[str, Any] | Experiment
Overrides = Mapping[str, Any] | Sequence[str]
Source = str | Path | Sequence[str | Path]
_SHARES = re.compile(r"\b(\w+: )[0-9.]+%, ([0-9.]+) or [0-9]+/[0-9]+")  # one share in three forms
_YAML = re.compile(
    r"`(?P<quoted>[^`]+)`|(?<=^write )(?P<bare>\{.*\}|\w+: (?:\[[^]]*\]|\{.*\}|[^,;`]+))"
)


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
    if isinstance(given, Experiment):
        return _overridden(given, sets)
    if isinstance(given, Mapping):
        with _placed("a dictionary, here as YAML", as_python):
            return parse_experiment(yaml_text(_plain(given)), TEXT, Path(), sets)
    if isinstance(given, str) and "\n" in given:
        with _placed("a text"):
            return parse_experiment(given, TEXT, Path(), sets)
    if isinstance(given, str | Path):
        return read(Path(given), sets)
    raise UsageError(
        "an experiment is a path, a text, a dictionary or what `load_experiment` returns, not"
        f" {type(given).__name__}"
    )


@contextmanager
def _placed(what: str, in_its_form: Callable[[str], str] = str) -> Iterator[None]:
    """Within it, mistakes in an experiment without a file say in which argument they stand.

    Args:
        what: the argument is.
        in_its_form: writes a fix as the argument is written.
    """
    try:
        yield
    except SpecError as error:
        name = f"{argument('experiment')} ({what})"
        ours = (_in_argument(mistake, name, in_its_form) for mistake in error.mistakes)
        raise SpecError(*ours) from None


def _in_argument(mistake: Mistake, name: str, in_its_form: Callable[[str], str]) -> Mistake:
    """A mistake; of a text without a file, under a name for it, and with a fix in its form."""
    if mistake.span.file != TEXT:
        return mistake
    span = replace(mistake.span, file=name)
    return replace(mistake, span=span, fix=in_its_form(mistake.fix))


def as_python(fix: str) -> str:
    """A fix for an experiment that is a dictionary: what it says to write is not YAML, but Python,
    `'variants': ['lstm', 'gru']` for `variants: [lstm, gru]`.
    """
    return _YAML.sub(_entries, _SHARES.sub(r"\1\2", fix))


def _entries(fragment: re.Match[str]) -> str:
    """A fragment of YAML as entries of a dictionary; what is none, as an equation, as it is."""
    yaml = fragment["quoted"] or fragment["bare"]
    if yaml.endswith(("|", ":")):  # the beginning of an entry
        return fragment[0]
    try:
        entries = plain(parse(yaml, TEXT))
    except SpecError:
        return fragment[0]
    python = repr(entries) if yaml.startswith("{") else repr(entries)[1:-1]
    return f"`{python}`" if fragment["quoted"] else python


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
