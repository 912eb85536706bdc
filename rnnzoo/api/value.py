"""What was run, as values: `Results`, and the `Report` that is made from them; and the `Plan` of
what would run.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnzoo.errors import UsageError, duration, nearest, number_of, score_text
from rnnzoo.lang.ir import Cell
from rnnzoo.markup import join, table, tag
from rnnzoo.spec.experiment import Experiment
from rnnzoo.spec.settings import runs
from rnnzoo.spec.timing import Timing
from rnnzoo.spec.trial import Result, ranked

if TYPE_CHECKING:
    from rnnzoo.report.summary import Summary, TaskInfo


@dataclass(frozen=True, repr=False)
class Results:
    """The trials of an experiment that have ended, and all else that a report is made from.

    A sequence of `Result`: `len(results)`, `results[0].outcome.scores`, `for result in results`.

    Attributes:
        trials: each trial with its outcome, by task, variant and index; those of replicates and of
            the second stage too.
        tasks, cells: by the labels of the task and of the variant.
        planned: trials of each search.
        provenance: where and with what the trials were run.
        source: the table that they were read from; None for the storage.
        changes: what the spec says otherwise than when the trials were run.
        timings: how fast variants trained side by side.
        stopped: when a sweep was told to stop the variants of studies, by identity.
        notes: what there was to say while they were run or read.
    """

    experiment: Experiment
    trials: tuple[Result, ...]
    tasks: Mapping[str, TaskInfo]
    cells: Mapping[str, Cell]
    planned: int
    provenance: Sequence[Mapping[str, str]] = ()
    source: Path | None = None
    changes: Sequence[str] = ()
    timings: Sequence[Timing] = ()
    stopped: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.trials)

    def __iter__(self) -> Iterator[Result]:
        return iter(self.trials)

    def __getitem__(self, index: int) -> Result:
        return self.trials[index]

    def __repr__(self) -> str:
        variants = ", ".join(variant.label for variant in self.experiment.variants)
        trials = number_of(len(self), "trial")
        return f"<Results of '{self.experiment.name}': {trials} of {variants}>"

    def _repr_html_(self) -> str:
        """For a notebook: how many trials of each variant have ended, and the best of them."""
        on, reported = self.experiment.select.on, self.experiment.select.report
        rows = [
            self._shown(task.label, variant.label)
            for task, variant in product(self.experiment.tasks, self.experiment.variants)
        ]
        names = ("task", "variant", "trials", f"best on {on}", f"its score on {reported}")
        return join([tag("p", repr(self)), table(names, rows)])

    def _shown(self, task: str, variant: str) -> tuple[str, ...]:
        from rnnzoo.report.results import belonging

        count = str(len(belonging(self.trials, variant, task)))
        best = self.best(variant, task)
        if best is None:
            return task, variant, count, "none is complete", ""
        select, scores = self.experiment.select, best.outcome.scores
        return (
            task,
            variant,
            count,
            score_text(scores[select.on]),
            score_text(scores[select.report]),
        )

    @property
    def folder(self) -> Path:
        """Where the report is written."""
        return runs() / self.experiment.name / "report"

    def to_frame(self) -> Any:
        """A pandas DataFrame with a row for each trial, in the columns of `rnnzoo export`.

        Raises:
            UsageError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise UsageError(
                "a frame needs pandas, which is not installed", "pip install pandas"
            ) from None
        from rnnzoo.report import table

        return pandas.DataFrame(
            [table.row(trial) for trial in self], columns=list(table.columns(self.trials))
        )

    def best(self, variant: str, task: str = "") -> Result | None:
        """The best complete trial of a variant's search on the split that selects; `.trial.model`
        is its model's file.

        Args:
            task: the label of a task; by default the first.

        Raises:
            UsageError: the experiment has no such variant or task.
        """
        from rnnzoo.report.results import belonging

        label = task_label(self.experiment, variant, task)
        on = self.experiment.select.on
        return next(iter(ranked(belonging(self.trials, variant, label), on)), None)

    def weights(self, variant: str, task: str = "") -> dict[str, Any]:
        """The trained weights of the first layer of a variant's best trial, by name and in float64:
        what `CellView.run` takes.

        Args:
            task: as of `best`.

        Raises:
            UsageError: as of `best`; no trial is complete, or its model is not here.
        """
        from rnnzoo.launchers.local import stderr_to
        from rnnzoo.spec import stamp

        best = self.best(variant, task)
        if best is None:
            raise UsageError(f"no trial of '{variant}' is complete yet", "run the experiment first")
        problem = stamp.problem_of(best.trial)
        if problem:
            raise UsageError(f"the model of trial {best.trial.index} cannot be had: {problem}")
        with stderr_to(Path(os.devnull)):  # what TensorFlow says while it is imported
            from rnnzoo import load_model
            from rnnzoo.nn.introspect import numpy_model

            return dict(numpy_model(load_model(best.trial.model)).layers[0])

    def summary(self) -> Summary:
        """All numbers of the report: `.verdicts` on the claims, and a ranking of the variants for
        each of `.tables`.
        """
        from rnnzoo.report import summarise

        told = (self.planned, self.provenance, self.changes, self.timings, self.stopped)
        return summarise(self.experiment, self.trials, self.tasks, *told)

    def report(self) -> Report:
        """Write the report's pages, and return what is in them."""
        from rnnzoo.lang.view import CellView
        from rnnzoo.report import write

        summary = self.summary()
        views = {label: CellView(cell) for label, cell in self.cells.items()}
        return Report(summary, tuple(write(summary, views, self.folder)))

    def noted(self, notes: Sequence[str]) -> Results:
        """These, with what there was to say."""
        return dataclasses.replace(self, notes=tuple(notes))


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """A report that was written.

    Attributes:
        files: the page, its figures and `summary.json`.
    """

    summary: Summary
    files: tuple[Path, ...]

    @property
    def page(self) -> Path:
        """The page for a browser."""
        return next(path for path in self.files if path.suffix == ".html")

    def markdown(self) -> str:
        """Answers and ranking as Markdown tables."""
        from rnnzoo.report import paper

        return paper.markdown(self.summary)

    def latex(self) -> str:
        """Answers and ranking as LaTeX tables."""
        from rnnzoo.report import paper

        return paper.latex(self.summary)

    def to_dict(self) -> dict[str, Any]:
        """What `rnnzoo report --json` prints."""
        return self.summary.to_dict()

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def __repr__(self) -> str:
        return f"<Report of '{self.summary.experiment}': {self.page}>"


class Plan(dict[str, Any]):
    """What would run, with the keys of `rnnzoo plan --json`."""

    def _repr_html_(self) -> str:
        """For a notebook: the trials that are left of each variant, and how long they take."""
        rows = [
            (study["task"], study["variant"], f"{study['left']} of {study['planned']}")
            for study in self["studies"]
        ]
        shown = table(("task", "variant", "trials that are left"), rows)
        return join([tag("p", tag("b", self["experiment"]), f": {self._takes()}"), shown])

    def _takes(self) -> str:
        if not self["hours"]:
            return "how long it takes was not measured"
        low, high = (duration(3600 * hours) for hours in self["hours"])
        return low if low == high else f"{low} to {high}"


def task_label(experiment: Experiment, variant: str, task: str = "") -> str:
    """The label of a task: that which is asked for, or the first.

    Raises:
        UsageError: the experiment has no such variant or task.
    """
    variants = [known.label for known in experiment.variants]
    if variant not in variants:
        raise UsageError(f"no variant '{variant}'", nearest(variant, variants))
    labels = [known.label for known in experiment.tasks]
    if task and task not in labels:
        raise UsageError(f"no task '{task}' in this experiment", nearest(task, labels))
    return task or labels[0]
