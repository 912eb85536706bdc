"""Commands about results: report, export, merge.

A report is made from the storage, or from a table of trials, and then needs neither the data nor
TensorFlow.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from rnnzoo.cli.as_json import print_json
from rnnzoo.cli.warned import of_source
from rnnzoo.errors import UsageError, argument, command, number_of
from rnnzoo.spec import settings as config
from rnnzoo.spec.settings import project
from rnnzoo.terminal.console import plain_console, told

if TYPE_CHECKING:
    from rnnzoo.api.value import Report, Results
    from rnnzoo.report.table import TrialTable


@contextmanager
def _garbage_kept() -> Iterator[None]:
    """While this lasts, Python looks for no garbage in cycles; also a decorator.

    A report makes millions of small objects that live until its end: looking through them again and
    again takes an eighth of its time and frees a tenth of its memory.
    """
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


@_garbage_kept()
def report(args: argparse.Namespace) -> None:
    """The report once more, from what is recorded."""
    from rnnzoo.api import sources
    from rnnzoo.api.argument import experiment_of

    console = plain_console(args.json or args.latex or args.markdown)
    experiment = experiment_of(Path(args.spec), args.set)
    if experiment.cell_search is not None and not args.source:
        from rnnzoo.cli.evolve import searched

        begun = searched(experiment, console)
        if begun and not sources.ran(experiment.name):
            if args.json:
                print_json({"experiment": experiment.name, "search": begun})
            return
    results = sources.found(experiment, args.source, of_source(console))
    made = results.report()
    if args.json:
        print_json(made.to_dict())
    elif args.latex or args.markdown:
        print(made.latex() if args.latex else made.markdown())
    else:
        shown(results, made, console)
        if results.source is not None and (results.folder.parent / "trials").is_dir():
            again = command("report", args.spec, sets=args.set)
            told(
                console,
                f"\nit is of what {argument('source')} names; that of the trials here: {again}",
            )


def shown(results: Results, made: Report, console: Console) -> None:
    """Print the ranking and the verdicts, and where to look."""
    from rnnzoo.report import show

    show(made.summary, console)
    told(console, f"\nreport  {made.page}")
    if results.source is None:
        told(console, "runs    make ui  (MLflow's pages)")
        rows = [row for row in made.summary.rows if row.best]
        if rows:
            known = results.experiment
            best = command("best", known.file, "--variant", rows[0].variant, sets=known.sets)
            told(console, f"best    {best}")


def export(args: argparse.Namespace) -> None:
    """The trials as a table."""
    from rnnzoo.api import sources
    from rnnzoo.report import table
    from rnnzoo.spec.files import RESULTS
    from rnnzoo.sweep import open as door

    opened = door.opened(Path(args.spec), args.set)
    path = Path(args.file) if args.file else project() / RESULTS / f"{opened.experiment.name}.csv"
    if path.exists() and not args.force:
        raise UsageError(f"{path} is there already", "another name, or --force to write over it")
    store = door.existing_store(config.read(), opened.experiment)
    content = sources.table_of(opened, store)
    if not content.results:
        raise UsageError(
            f"no trial of '{opened.experiment.name}' has ended yet",
            command("sweep", args.spec, sets=args.set),
        )
    table.write(content, path, exact=opened.experiment.search.rungs is not None)
    if args.json:
        print_json({"file": str(path), **_counts(content)})
        return
    print(f"{path}: {_counted(content)}")


def merge(args: argparse.Namespace) -> None:
    """One table of several."""
    from rnnzoo.api import sources
    from rnnzoo.report import table

    out = Path(args.out)
    if any(out.resolve() == Path(source).resolve() for source in args.sources):
        raise UsageError(
            f"{out} would be written, and is among the tables that are pooled",
            "name another file to write, or other sources: `*.csv` may have taken it in",
        )
    if out.exists() and not args.force:
        raise UsageError(
            f"{out} is there already",
            "first the name of the table that is written, then those that are pooled; --force"
            " writes over it",
        )
    pool, exact = sources.merged(args.sources, args.spec, args.set)
    table.write(pool.content, out, exact)
    if args.json:
        pooled = {"repeated": pool.repeated, "recovered": list(pool.recovered)}
        print_json({"file": str(out), **_counts(pool.content), **pooled})
        return
    sources_read = number_of(len({*args.sources}), "source")
    print(f"{out}: {_counted(pool.content)}, of {sources_read}")
    if pool.repeated:
        have = number_of(pool.repeated, "trial is", "trials are")
        print(f"{have} in more than one, and once in {out}")
    if pool.recovered:
        print(f"not complete in one, and so in another, which counts: {'; '.join(pool.recovered)}")


def _counted(content: TrialTable) -> str:
    counts = _counts(content)
    studies = number_of(counts["studies"], "study", "studies")
    return f"{number_of(counts['trials'], 'trial')} of {studies}"


def _counts(content: TrialTable) -> dict[str, int]:
    studies = {result.study for result in content.results}
    return {"trials": len(content.results), "studies": len(studies)}
