"""An experiment file -> `Experiment`, or every mistake in it in one go.

In: YAML, and overrides of its keys.  Out: frozen values with every default filled in, every cell
found, every name that a claim uses known; and back again as plain values (`resolved`).  Spaces and
claims have files of their own.  What only Optuna knows (options of its samplers) and what a task's
data holds is checked where those are known.

    keys        which there are, and what each may hold
    overrides   `--set key=value`
    extending   `extends: other.yaml`
    source      the file's keys, mistakes and places
    tasks, variants, search, cells, training, judging    a reader for each part
    resolved    and back again
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from rnnzoo.errors import Mistake, Mistakes, SpecError
from rnnzoo.spec import claims as sentences
from rnnzoo.spec.cell import CELL
from rnnzoo.spec.document import Table, parse, read_text
from rnnzoo.spec.experiment import TEXT, Experiment, Search, TaskChoice, Variant
from rnnzoo.spec.files import located
from rnnzoo.spec.follow_ups import without_follow_ups
from rnnzoo.spec.keys import Entry
from rnnzoo.spec.read_experiment.cells import read_cell_search
from rnnzoo.spec.read_experiment.extending import Extended, extended
from rnnzoo.spec.read_experiment.judging import (
    check_spaces,
    read_claims,
    read_confirm,
    read_floor,
    read_margin,
    read_select,
)
from rnnzoo.spec.read_experiment.keys import EXPERIMENT, EXTENDS
from rnnzoo.spec.read_experiment.overrides import TOP, blamed, check_once, overridden
from rnnzoo.spec.read_experiment.resolved import resolved
from rnnzoo.spec.read_experiment.search import check_earlier, check_points, check_rungs, read_search
from rnnzoo.spec.read_experiment.source import Source
from rnnzoo.spec.read_experiment.tasks import read_tasks, solvable
from rnnzoo.spec.read_experiment.training import check_hidden, read_resources, read_training
from rnnzoo.spec.read_experiment.variants import (
    Shared,
    common_init,
    read_baseline,
    read_control,
    read_labels,
    read_variants,
)

__all__ = ["parse_experiment", "read", "resolved"]


def read(path: Path, sets: Sequence[str] = ()) -> Experiment:
    """The experiment of a file.

    Args:
        sets: `key=value` overrides, with dots for keys within keys.

    Raises:
        UsageError: there is no such file, an override that fits nothing, or two of one key.
        SpecError: mistakes in the file, or in the file of a cell that it names.
    """
    check_once(sets)
    path = located(path)
    text = read_text(path)
    return parse_experiment(text, str(path), path.parent, sets)


def parse_experiment(text: str, file: str, folder: Path, sets: Sequence[str] = ()) -> Experiment:
    """The experiment of a YAML text; names of cells and paths are looked up from `folder`."""
    chain = [] if file == TEXT else [Path(file).resolve()]
    written = extended(parse(text, file), folder, chain)
    _refuse_cell(written.table)

    def attempt(overrides: Sequence[str]) -> tuple[Experiment, Sequence[Mistake]]:
        changed = written.table
        for override in overrides:
            changed = overridden(changed, override)
        mistakes = Mistakes()
        keys = Entry(changed, mistakes, "an experiment", EXPERIMENT)
        _check_own_name(written, changed, mistakes)
        experiment = _experiment(Source(keys, mistakes, file, folder), text)
        causes = without_follow_ups(mistakes.collected, changed, written.files, TOP)
        return experiment, [_of_base(mistake, written) for mistake in causes]

    experiment, mistakes = attempt(sets)
    if mistakes:
        raise SpecError(
            *blamed(mistakes, written.names, sets, lambda overrides: attempt(overrides)[1])
        )
    return replace(experiment, sets=tuple(sets))


def _refuse_cell(table: Table) -> None:
    """
    Raises:
        SpecError: a file is a cell, which lacks all that an experiment needs.
    """
    is_cell = "equations" in table.entries and not ({*EXPERIMENT} - {*CELL}) & {*table.entries}
    if is_cell:
        problem = "this is a cell, and no experiment"
        fix = "write an experiment that has it among its `variants:`"
        raise SpecError(Mistake(table.keys["equations"], problem, fix))


def _check_own_name(written: Extended, table: Table, mistakes: Mistakes) -> None:
    """Check that an experiment has not the name of the one that it extends."""
    place = table.keys.get("experiment")
    if place is not None and place.file in written.names[1:]:
        problem = f"this is another experiment than {place.file}, and needs a name of its own"
        fix = "write `experiment: my_experiment`, under which its trials are kept"
        mistakes.add(written.files[0].keys[EXTENDS], problem, fix)


def _of_base(mistake: Mistake, written: Extended) -> Mistake:
    """A mistake; one in a file that is extended says which file extends it."""
    own, *bases = written.names
    if mistake.span.file not in bases:
        return mistake
    return replace(mistake, problem=f"{mistake.problem} (as {own} extends it)")


def _experiment(source: Source, text: str) -> Experiment:
    top = source.top
    top.node(EXTENDS)  # is a key, and has been read
    top.need("experiment", "`experiment: my_experiment`")
    name = top.text("experiment", "?")
    source.check_label(name, top.span("experiment"), "the name of an experiment")
    tasks, training = read_tasks(source), read_training(source)
    search, space, before = read_search(source, training.epochs)
    shared = Shared(space, before, common_init(source), training.optimizer, search.sampler.name)
    compared = _compared(source, shared)
    check_hidden(source, training, compared.variants)
    margin = read_margin(source)
    confirm = read_confirm(source, margin)
    claims = read_claims(source, _known_to_claims(source, tasks, search, compared, margin))
    if confirm is not None:
        check_spaces(source, confirm, claims, compared.variants)
    check_points(source, search, compared.variants)
    check_earlier(source, search, compared.variants)
    select = read_select(source, search.trials)
    check_rungs(source, search, select, compared.variants)
    source.places["equal"] = top.span("equal")
    experiment = Experiment(
        name=name,
        about=top.text("about"),
        file=source.file,
        text=text,
        tasks=tasks,
        baseline=compared.baseline,
        variants=compared.variants,
        search=search,
        training=training,
        select=select,
        margin=margin,
        floor=read_floor(source, margin),
        confirm=confirm,
        resources=read_resources(source),
        claims=claims,
        control=compared.control,
        equal=top.value("equal", "units"),
        family=top.value("family", "file"),
        share=top.value("share", False),
        cell_search=read_cell_search(source, compared.labels, {task.label for task in tasks}),
        places=source.places,
    )
    top.done()
    return experiment


@dataclass(frozen=True, slots=True)
class _Compared:
    """What an experiment compares.

    Attributes:
        labels: of the variants, also of those that have mistakes: claims may name them.
        control: the label of the baseline once more; empty where it is not asked for.
    """

    labels: Sequence[str]
    baseline: str
    variants: tuple[Variant, ...]
    control: str


def _compared(source: Source, shared: Shared) -> _Compared:
    labels = read_labels(source)
    baseline = read_baseline(source, labels)
    variants = read_variants(source, shared)
    control = read_control(source, baseline, labels)
    if control:
        labels.append(control)
        variants += _copies(variants, baseline, control)
    return _Compared(labels, baseline, variants, control)


def _copies(variants: Iterable[Variant], label: str, copy: str) -> tuple[Variant, ...]:
    """The variant of a label once more, under another one; none where it has a mistake."""
    return tuple(replace(variant, label=copy) for variant in variants if variant.label == label)


def _known_to_claims(
    source: Source,
    tasks: Sequence[TaskChoice],
    search: Search,
    compared: _Compared,
    margin: float | None,
) -> sentences.Known:
    """What claims may name."""
    names = {task.label: task.name for task in tasks}
    return sentences.Known(
        compared.labels,
        names,
        _searched(search, compared.variants),
        margin,
        lambda label: solvable(names[label], source.folder),
        compared.control,
    )


def _searched(search: Search, variants: Iterable[Variant]) -> set[str]:
    """Names of the hyper-parameters that are searched of any variant."""
    own = (variant.space.dimensions for variant in variants)
    return {dimension.name for dimension in chain(search.space.dimensions, *own)}
