"""rnnzoo: a declarative experiment platform for comparing recurrent-network architectures.

    rnnzoo.cell("lstm")                     a cell: its equations, states, LaTeX and counts
    rnnzoo.layer("lstm", units=64)          a Keras layer, also from a path to a YAML file
    rnnzoo.load_model(path)                 a saved Keras model with such layers
    rnnzoo.load_experiment(path)            an experiment file, checked
    rnnzoo.run(experiment)                  run what is missing of it
    rnnzoo.results(experiment)              what was run: `.to_frame()`, `.best("lstm")`,
                                            `.summary()`
    rnnzoo.report(experiment)               write its report once more
    rnnzoo.plan(experiment)                 what would run, and how long it would take
    rnnzoo.Task.from_frame(frame, ...)      a task of data that Python holds; `from_arrays` too

Importing rnnzoo imports neither Keras nor Optuna nor MLflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnzoo.api import plan, report, results, run
    from rnnzoo.lang.view import CellView
    from rnnzoo.spec.experiment import Experiment
    from rnnzoo.tasks import Task

__version__ = "1.0.0rc2"
__all__ = [
    "Task", "cell", "layer", "load_experiment", "load_model", "plan", "report", "results", "run",
]  # fmt: skip


def cell(reference: str | Path, options: Mapping[str, float] | None = None) -> CellView:
    """A cell by its name or path: `.equations`, `.states`, `.latex()`, `.diagram()`,
    `.count_params(inputs, units)`.

    Raises:
        UsageError: there is no such cell.
        SpecError: mistakes in its file, all of them.
    """
    from rnnzoo.lang.view import view

    return view(reference, options=options)


def layer(
    reference: str | Path | CellView,
    units: int,
    options: Mapping[str, float] | None = None,
    **arguments: Any,
) -> Any:
    """A Keras layer of a cell: `rnnzoo.nn.Recurrent`, which has the arguments.

    Args:
        reference: the cell's name, the path of its file, or what `rnnzoo.cell` returned.
        options: for a name or a path; `rnnzoo.cell` takes them itself.

    Example:
        layer = rnnzoo.layer("peephole", 64, return_sequences=True)
        keras.Sequential([keras.Input((None, 88)), layer])

    Raises:
        UsageError: no such cell or option, or an argument out of range.
        SpecError: mistakes in the cell's file.
    """
    from rnnzoo import lang
    from rnnzoo.errors import UsageError
    from rnnzoo.lang.view import CellView
    from rnnzoo.nn import Recurrent

    if isinstance(reference, str | Path):
        return Recurrent(lang.load(reference, options=options), units, **arguments)
    if options and isinstance(reference, CellView):
        raise UsageError(
            "this cell has its options", f"rnnzoo.cell('{reference.name}', options=...)"
        )
    return Recurrent(reference, units, **arguments)


def load_model(path: str | Path) -> Any:
    """A model saved as `.keras`; for plain `keras.saving.load_model`, `import rnnzoo.nn` first."""
    import keras

    import rnnzoo.nn  # noqa: F401  # registers the layer

    return keras.saving.load_model(path)


def load_experiment(path: str | Path) -> Experiment:
    """An experiment file, checked.

    Raises:
        UsageError: no such file.
        SpecError: mistakes in it, all of them.
    """
    from rnnzoo.spec.read_experiment import read

    return read(Path(path))


def __getattr__(name: str) -> Any:
    """What is imported when it is asked for: the functions of `rnnzoo.api`, and modules.

    `report` is a package, which can be called as that function.
    """
    import importlib

    if name in ("plan", "results", "run"):
        return getattr(importlib.import_module("rnnzoo.api"), name)
    if name == "Task":
        return importlib.import_module("rnnzoo.tasks").Task
    if name in ("api", "report"):
        return importlib.import_module(f"rnnzoo.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
