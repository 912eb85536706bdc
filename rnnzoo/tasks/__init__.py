"""The Task contract: sequences in, targets out, a loss, a metric, and what a model that learnt
nothing scores.

A task is one file of this folder, and its name is the name of the file.  The file holds

    OPTIONS: dict[str, Any]   every option with its default; an option's type is its default's
    ABOUT: str                one line for `rnnzoo list tasks`
    SOLVABLE: bool            whether `Task.solved` is given; may be left out where it is not
    def load(options, seed, folder, progress) -> Task
                              reads or generates the data

and, where options can be wrong in ways that their types do not tell,

    def check(options, folder) -> Iterator[Wrong]
                              what is wrong with them, found without loading the data

Contains: next-frame prediction (`chorales`, `jsb_chorales`), next-character prediction
(`folk_tunes`), one answer a sequence (`adding`, `temporal_order`, `sum_since`), one label a step
(`copy_memory`, `chorale_bass`), states that follow from all steps so far (`parity`, `modular`,
`dyck`, `word_problem`), memories that are asked now and then (`flip_flop`, `associative_recall`,
`selective_copy`), clocks (`spike_delays`, `timed_spikes`, `periodic`), images read as sequences
(`digits`), and the user's own `arrays`.  Generated data comes from the task's own generator and
`seed`, so that all variants see the same sequences.

Tables of one's own are read by `table`, whose parts are in `_table`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnnzoo import losses, metrics, registry
from rnnzoo.errors import TaskError
from rnnzoo.spec.plugins import MOST, Wrong
from rnnzoo.tasks._contract import SPLITS, Report, Split, Task, digest_of, silent
from rnnzoo.tasks._contract import check as _check_contract
from rnnzoo.tasks._look import class_names, form, warnings
from rnnzoo.tasks._options import check_spec, module, options_of

__all__ = [
    "MOST", "SPLITS", "Report", "Split", "Task", "Wrong", "check_spec", "class_names", "code",
    "digest_of", "form", "load", "module", "silent", "warnings",
]  # fmt: skip

# Studies of these tasks are known by their arrays alone; of every other task, what is computed
# counts too.
_BY_ARRAYS = (
    "adding", "arrays", "chorale_bass", "chorales", "copy_memory", "jsb_chorales", "temporal_order",
)  # fmt: skip


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
    source = module(name)
    given = options_of(name, options or {}, folder or Path())
    try:
        task: Task = source.load(given, seed, folder or Path(), progress)
    except MemoryError as error:
        what = f": {error}" if str(error) else ""
        raise TaskError(
            f"task '{name}' does not fit into memory{what}", "fewer or shorter sequences"
        ) from None
    _check_contract(task, registry.where(source))
    return replace(task, digest=_identity(name, task))


def code(task: Task) -> dict[tuple[str, str], str]:
    """Digests of a task's loss and metric where these are not the package's, by kind and name."""
    loss = losses.load(task.loss)
    digests = {("losses", task.loss): loss.digest}
    if task.metric != loss.metric:
        digests["metrics", task.metric] = metrics.load(task.metric).digest
    return {name: digest for name, digest in digests.items() if digest}


def _identity(name: str, task: Task) -> str:
    """What a study's identity holds of a task: the arrays, what is computed from them, and the code
    of one's own for it.
    """
    data = task.digest or digest_of(task.splits)
    own = " ".join(code(task).values())
    if name in _BY_ARRAYS and not own:
        return data
    words = f"{data} {task.loss} {task.per} {task.outputs} {task.metric}"
    return hashlib.sha256(f"{words} {own}".rstrip().encode()).hexdigest()
