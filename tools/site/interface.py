"""The reference of the Python interface: what is documented, of which Sphinx reads docstrings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

INTRODUCTION = """\
# Python interface

What may be called from Python, from the docstrings. [From Python](../python.md) says how to use \
it.
"""
CONTRACTS = (
    "rnnzoo.testing.tasks.TaskContract",
    "rnnzoo.testing.losses.LossContract",
    "rnnzoo.testing.metrics.MetricContract",
    "rnnzoo.testing.operations.OperationContract",
    "rnnzoo.testing.launchers.LauncherContract",
    "rnnzoo.testing.trackers.TrackerContract",
)
FUNCTIONS: Mapping[str, Sequence[str]] = {
    "Cells": ("rnnzoo.cell", "rnnzoo.layer", "rnnzoo.load_model"),
    "Experiments": (
        "rnnzoo.load_experiment",
        "rnnzoo.api.run",
        "rnnzoo.api.results",
        "rnnzoo.api.report",
        "rnnzoo.api.plan",
        "rnnzoo.api.evolve",
    ),
}
CLASSES: Mapping[str, Sequence[str]] = {
    "Cells and layers": ("rnnzoo.lang.view.CellView", "rnnzoo.nn.Recurrent"),
    "Tasks": ("rnnzoo.tasks.Task", "rnnzoo.tasks.Split"),
    "What comes of an experiment": (
        "rnnzoo.api.value.Results",
        "rnnzoo.api.value.Report",
        "rnnzoo.report.summary.Summary",
        "rnnzoo.report.verdict.Verdict",
        "rnnzoo.spec.trial.Result",
        "rnnzoo.spec.trial.Trial",
        "rnnzoo.spec.trial.Outcome",
        "rnnzoo.api.evolving.Searched",
    ),
    "Observers": ("rnnzoo.sweep.observer.Observer",),
    "Errors": (
        "rnnzoo.errors.RnnzooError",
        "rnnzoo.errors.SpecError",
        "rnnzoo.errors.UsageError",
        "rnnzoo.errors.TaskError",
        "rnnzoo.errors.StoreError",
        "rnnzoo.errors.Mistake",
        "rnnzoo.errors.Span",
    ),
    "Contracts of plug-ins": CONTRACTS,
}


def page() -> str:
    """A directive of autodoc for each name."""
    functions = [_section(title, "autofunction", names) for title, names in FUNCTIONS.items()]
    classes = [_section(title, "autoclass", names) for title, names in CLASSES.items()]
    return "\n".join([INTRODUCTION, *functions, *classes])


def _section(title: str, directive: str, names: Sequence[str]) -> str:
    options = "\n   :members:\n" if directive == "autoclass" else "\n"
    directives = "\n".join(f".. {directive}:: {name}{options}" for name in names)
    return f"## {title}\n\n```{{eval-rst}}\n{directives}\n```\n"
