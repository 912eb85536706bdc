"""The Task contract: sequences in, targets out, a loss, a metric, and what a model that learnt
nothing scores.

A task is one file of this folder, and its name is the name of the file.  The file holds

    OPTIONS: dict[str, Any]   every option with its default; an option's type is its default's
    ABOUT: str                one line for `rnnzoo list tasks`
    SOLVABLE: bool            whether `Task.solved` is given; may be left out where it is not
    LOSS: str                 `Task.loss`, so that what is wrong with a metric is known before data
                              are; may be left out
    def load(options, seed, folder, progress) -> Task
                              reads or generates the data

and, where options can be wrong in ways that their types do not tell,

    def check(options, folder) -> Iterator[Wrong]
                              what is wrong with them, found without loading the data

and, where options decide which loss it is,

    def loss_of(options) -> str
                              instead of `LOSS`; empty where only the data tell

likewise what cells may read beside x, by name (`Task.fills`)

    FILLS: tuple[str, ...]    or  def fills_of(options, folder) -> Collection[str] | None

and, in this folder, where data are read from files,

    def sources(options, folder) -> Iterable[Path | str]
                              these files: what was once made from them is not made again

Contains: next-frame prediction (`chorales`, `jsb_chorales`, `piano_midi`, `muse_data`,
`nottingham`), next-symbol prediction (`folk_tunes`, `arithmetic`, `xml`, `penn_treebank`, `text8`),
one answer a sequence (`adding`, `temporal_order`, `sum_since`, `japanese_vowels`, `spoken_digits`,
`omniglot`), one label a step (`copy_memory`, `memorisation`, `chorale_bass`), states that follow
from all steps so far (`parity`, `modular`, `dyck`, `word_problem`), memories that are asked now and
then (`flip_flop`, `associative_recall`, `selective_copy`, `embedded_reber`), labels without their
places (`touch_tones`, `omniglot_words`; `_transcription` has what `arrays` shares with it), clocks
(`spike_delays`, `timed_spikes`, `periodic`), curves from nothing (`waveforms`,
`recorded_sound`), steps at uneven
times (`sines`), images read as sequences (`digits`, `mnist`), and the user's own `arrays`.
Generated data comes from the task's own generator and `seed`, so that all variants see the same
sequences.  Files of known data sets are looked for by `_data_folder`.

Tables of one's own are read by `table`, whose parts are in `_table`, and texts by `text`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnnzoo import registry
from rnnzoo.errors import Mistakes, SpecError, TaskError, UsageError
from rnnzoo.spec.experiment import TaskChoice
from rnnzoo.spec.plugins import MOST, Wrong, is_path
from rnnzoo.spec.settings import cache_folder
from rnnzoo.tasks import _measures, _prepared
from rnnzoo.tasks._contract import SPLITS, Report, Split, Task, code, digest_of, silent
from rnnzoo.tasks._contract import check as _check_contract
from rnnzoo.tasks._facts import facts
from rnnzoo.tasks._look import class_names, form, warnings
from rnnzoo.tasks._measures import MEASURED, Unmeasurable
from rnnzoo.tasks._models import Refusal, arranged, foretells, lacking, too_deep, unfit, unread
from rnnzoo.tasks._options import (
    check_spec,
    filled,
    module,
    options_of,
    place_of,
    stated_fills,
    stated_loss,
)
from rnnzoo.tasks._packed import PackedSplit, packed, take, to_width

__all__ = [
    "MEASURED", "MOST", "SPLITS", "PackedSplit", "Refusal", "Report", "Split", "Task",
    "Unmeasurable", "Wrong",
    "arranged", "check_spec", "class_names", "code", "digest_of", "facts", "filled", "foretells",
    "form", "in_small", "lacking", "load", "module", "packed", "place_of_prepared", "prepare",
    "prepare_choice", "prepared", "silent", "take", "to_width", "too_deep", "unfit",
    "unread", "warnings",
]  # fmt: skip

# Studies of these tasks are known by their arrays alone; of every other task, what is computed
# counts too.
_BY_ARRAYS = (
    "adding", "arrays", "chorale_bass", "chorales", "copy_memory", "jsb_chorales", "temporal_order",
)  # fmt: skip

_COUNTS = ("train", "valid", "test")  # options of generated tasks: sequences of each split
FEW = 20  # of each split, by which the form of a generated task is known


def load(
    name: str,
    options: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    folder: Path | None = None,
    progress: Report = silent,
) -> Task:
    """Load a task by its name.

    Args:
        options: over the task's defaults.
        seed: for generated data.
        folder: paths in options are relative to this folder (that of the experiment).
        progress: told about long work.

    Raises:
        UsageError: no such task, or an option that it does not have or cannot take.
        TaskError: data missing, damaged or of a wrong form; or a task that breaks its contract.
    """
    source = module(name, folder or Path())
    own, asked = _measures.divided(options or {})
    measures = _measures.measures(asked)
    given = options_of(name, own, folder or Path())
    try:
        task: Task = source.load(given, seed, folder or Path(), progress)
    except MemoryError as error:
        detail = f": {error}" if str(error) else ""
        raise TaskError(
            f"task '{name}' does not fit into memory{detail}", "fewer or shorter sequences"
        ) from None
    stated = stated_loss(source, given), stated_fills(source, given, folder or Path())
    _check_contract(task, registry.where(source), *stated)
    known = replace(task, digest=_identity(name, task))
    if is_path(name):
        known = replace(known, name=name)  # by which trials know it
    return _measures.measured(known, measures)


def in_small(choice: TaskChoice, folder: Path) -> Task | None:
    """A generated task of an experiment with a few sequences, to know the form of all of them; None
    of a task whose data are read.
    """
    if choice.name not in registry.built_in("tasks"):
        return None
    own, _ = _measures.divided(choice.options)
    counts = dict.fromkeys(_COUNTS, FEW)
    if not counts.keys() <= module(choice.name, folder).OPTIONS.keys():
        return None
    try:
        return load(choice.name, {**own, **counts}, folder=folder)
    except (UsageError, TaskError):  # of sequences so few
        return None


def prepare(
    name: str,
    options: Mapping[str, Any] | None = None,
    *,
    folder: Path | None = None,
    progress: Report = silent,
    note: Callable[[str], None] = lambda said: None,
) -> Task:
    """Load a task for trainings: its arrays are written to the cache, from where `prepared` maps
    them in every process.

    Args:
        options, folder, progress: as for `load`.
        note: told where the cache cannot be used; each training then loads the task by itself.

    Raises:
        UsageError, TaskError: as `load`.
    """
    own, asked = _measures.divided(options or {})
    measures = _measures.measures(asked)
    return _measures.measured(_prepare(name, own, folder, progress, note), measures)


def prepare_choice(
    choice: TaskChoice,
    folder: Path,
    progress: Report = silent,
    note: Callable[[str], None] = lambda said: None,
) -> Task:
    """`prepare` a task of an experiment.

    Raises:
        SpecError: a metric is not for the data; with its place.
        UsageError, TaskError: as `load`.
    """
    own, asked = _measures.divided(choice.options)
    measures = _measures.measures(asked)
    task = _prepare(choice.name, own, folder, progress, note)
    try:
        return _measures.measured(task, measures, choice.label)
    except Unmeasurable as error:
        mistakes = Mistakes()
        mistakes.add(place_of(choice, error.option), *error.parts)
        raise SpecError(*mistakes.collected) from None


def _prepare(
    name: str,
    given: dict[str, Any],
    folder: Path | None,
    progress: Report,
    note: Callable[[str], None],
) -> Task:
    """`prepare` with a task's own options and measures."""
    source = _source(name, given, folder or Path())
    known = _prepared.made_from(source) if source else None
    if known is not None:
        return known
    task = load(name, given, folder=folder, progress=progress)
    try:
        kept = _prepared.keep(task, given)
        if source and source == _source(name, given, folder or Path()):  # not written meanwhile
            _prepared.remember(source, task, given)
        return kept
    except (OSError, TypeError, ValueError) as error:  # or a field that JSON does not know
        note(
            f"the data of '{name}' are read anew in each training, since the cache cannot be"
            f" written: {error}"
        )
        return task


def _source(name: str, given: Mapping[str, Any], folder: Path) -> str:
    """A digest of all that a task's data follow from; empty where that is not known."""
    if name not in registry.built_in("tasks"):
        return ""
    sources = getattr(module(name), "sources", None)
    if sources is None:
        return ""
    options = options_of(name, given, folder)
    try:
        return _prepared.source(name, given, sources(options, folder))
    except OSError:  # which loading tells in words
        return ""


def of_study(name: str, options: Mapping[str, Any], digest: str, folder: Path | None) -> Task:
    """A task as its study's own process left it, whatever its files hold now; loaded where there is
    nothing that can be used.

    Args:
        digest: of the study's data; empty for a trial of no study.

    Raises:
        UsageError, TaskError: as `load`.
    """
    task = prepared(name, options, digest) if digest else None
    return load(name, options, folder=folder) if task is None else task


def prepared(name: str, options: Mapping[str, Any], digest: str) -> Task | None:
    """What `prepare` wrote of the data with this digest, mapped into memory; None where there is
    nothing that can be used.
    """
    own, asked = _measures.divided(options)
    task = _prepared.find(name, own, _measures.of_data(digest))
    return task and _measures.measured(task, _measures.measures(asked))


def place_of_prepared(name: str, options: Mapping[str, Any], digest: str) -> Path:
    """The folder, relative to the cache's, in which `prepare` wrote the data with this digest."""
    own, _ = _measures.divided(options)
    place = _prepared.place(name, own, _measures.of_data(digest))
    return place.relative_to(cache_folder())


def _identity(name: str, task: Task) -> str:
    """What a study's identity holds of a task: the arrays, what is computed from them, and the code
    of one's own for it.
    """
    data = task.digest or digest_of(task.splits)
    if task.fills:
        filled = sorted((name, [*columns]) for name, columns in task.fills.items())
        data = hashlib.sha256(f"{data} {filled}".encode()).hexdigest()
    own = " ".join(code(task).values())
    if name in _BY_ARRAYS and not own:
        return data
    words = f"{data} {task.loss} {task.per} {task.outputs} {task.metric}"
    words += f" {task.vocabulary}" if task.vocabulary else ""
    words += " carry" if task.carry else ""
    return hashlib.sha256(f"{words} {own}".rstrip().encode()).hexdigest()
