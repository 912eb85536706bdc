"""The commands and their options; each imports the module that runs it only when it is given.

In: the words of a command line.  Out: what they mean, as a namespace whose `run` is the command.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import TypeAlias

from rnnzoo import __version__
from rnnzoo.cli import arguments
from rnnzoo.cli.arguments import Parser, above_zero, file, from_zero, whole
from rnnzoo.errors import UsageError, nearest

# text, because argparse's own class takes no parameter when it runs
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"

MOST_PORT = 65_535
TOP = ("-h", "--help", "--version")
SKILL = ".agents/skills/rnnzoo/SKILL.md"  # where coding assistants look for it in a project
CTL = """\
commands, for this run of the sweep; the next one does what the file says:
  pause           begin no more trials; those that run end
  resume          go on
  stop VARIANT    begin no more trials of a variant
  resume VARIANT  go on with it
  trials N        plan N trials of each search, more or fewer
  workers N       run N trials at once; 0 pauses
  budget N        with `confirm:`, N trainings on each task"""


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """
    Raises:
        UsageError: no such command, or one that has not such an option.
    """
    parser, commands = _parser()
    if words[0].startswith("-") and not any(option.startswith(words[0]) for option in TOP):
        raise UsageError(f"rnnzoo has no option {words[0]}", nearest(words[0], TOP))
    if not words[0].startswith("-") and words[0] not in commands:
        raise UsageError(f"rnnzoo has no command '{words[0]}'", nearest(words[0], commands))
    _refuse_file_as_option(words)
    args, unknown = parser.parse_known_args(words)
    # argparse takes no more words behind an option, where those before it were enough
    while unknown and not any(word.startswith("-") for word in unknown):
        moved = _before_its_option(unknown[0], words)
        if moved == list(words):
            break
        words = moved
        args, unknown = parser.parse_known_args(words)
    if unknown:
        name = f"rnnzoo {words[0]}"
        wrong = next((word for word in unknown if word.startswith("-")), "")
        if not wrong:
            fix = f"see `{name} --help`"
            if "--from" in words:
                fix = f"write --from before each table: --from {unknown[0]}"
            raise UsageError(f"{name} does not take '{unknown[0]}'", fix)
        option = wrong.partition("=")[0]
        raise UsageError(
            f"{name} has no option {option}", nearest(option, _options(commands[words[0]]))
        )
    return args


def commands() -> Mapping[str, argparse.ArgumentParser]:
    """The parser of each command, by name: for whoever documents or tests them."""
    return _parser()[1]


def _refuse_file_as_option(words: Sequence[str]) -> None:
    """
    Raises:
        UsageError: a file's name begins with a dash: argparse would miss the file.
    """
    for word in takewhile(lambda word: word != "--", words):
        if re.fullmatch(r"-[^=]*\.(yaml|yml|csv|parquet|npz|keras)", word):
            raise UsageError(f"{word} begins as an option does", f"for a file write ./{word}")


def _before_its_option(word: str, words: Sequence[str]) -> list[str]:
    """A command line with a word in front of the last option that it stands behind."""
    # the last that reads so: the first may be an option's value
    place = max(number for number, argument in enumerate(words) if argument == word)
    before, behind = words[:place], words[place + 1 :]
    options = [number for number, argument in enumerate(before) if argument.startswith("-")]
    to = options[-1] if options else place
    return [*before[:to], word, *before[to:], *behind]


def _options(parser: argparse.ArgumentParser) -> list[str]:
    return ["--help", *re.findall(r"--[a-z][a-z-]*", parser.format_usage())]


def _parser() -> tuple[argparse.ArgumentParser, Mapping[str, argparse.ArgumentParser]]:
    """The parser, and those of the commands by name."""
    parser = Parser(
        prog="rnnzoo", description="Compare recurrent-network architectures, declared as equations."
    )
    parser.add_argument("--version", action="version", version=f"rnnzoo {__version__}")
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=Parser
    )
    for add_command in _IN_ORDER:
        add_command(commands)
    return parser, commands.choices


def _demo_command(commands: Commands) -> None:
    about = "the finished report of a study that comes with rnnzoo, in the browser"
    demo = _command(commands, "demo", "demo", about)
    text = "where to write it (default: a folder of the cache)"
    demo.add_argument("--out", metavar="FOLDER", help=text)
    demo.add_argument("--no-browser", action="store_true", help="write it, and open nothing")
    _json(demo)


def _sweep_command(commands: Commands) -> None:
    sweep = _command(commands, "sweep", "sweep", "run an experiment, or resume it")
    _spec(sweep)
    _budget(sweep)
    _part(sweep, "run")
    text = (
        "first take over the trials of a table of `rnnzoo export`, or of `mlflow`, as if they had"
        " been run here; may be repeated"
    )
    _source(sweep, text)
    text = (
        "take over trials of other experiments in the storage that are these to the bit, as"
        " `share: true` in the file"
    )
    sweep.add_argument("--share", action="store_true", help=text)
    _again(sweep, "trials")
    text = (
        "begin nothing more after so many hours: trials that run save their state after their epoch"
    )
    sweep.add_argument("--hours", type=above_zero, metavar="N", help=text)
    text = "after SIGTERM, so many seconds for trials to save their state (default: 20)"
    sweep.add_argument("--grace", type=from_zero, default=20.0, metavar="SECONDS", help=text)
    text = "run trials on a cluster of Dask, whose scheduler is at this address (docs/cluster.md)"
    sweep.add_argument("--cluster", metavar="ADDRESS", help=text)
    text = "this machine's certificates for the cluster (default: certificates, in the project)"
    sweep.add_argument("--certificates", metavar="FOLDER", help=text)
    _json(sweep)


def _evolve_command(commands: Commands) -> None:
    evolve = _command(commands, "evolve", "evolve", "search over cells, or resume the search")
    _spec(evolve)
    text = "candidates in all, instead of those of `search_cells:`"
    evolve.add_argument("--candidates", type=whole(1), metavar="N", help=text)
    text = "trainings at once (default: one a core)"
    evolve.add_argument("--workers", type=whole(1), metavar="N", help=text)
    text = "begin nothing more after so many hours"
    evolve.add_argument("--hours", type=above_zero, metavar="N", help=text)
    text = "first take over the history of the same search: a file of runs/, or a compressed one"
    _source(evolve, text)
    _again(evolve, "trainings")
    _force(evolve)
    _set(evolve)
    _json(evolve)


def _ctl_command(commands: Commands) -> None:
    about = "tell a running sweep to pause, or to run more or fewer trials"
    ctl = _command(commands, "ctl", "ctl", about)
    ctl.description = f"{ctl.description}\nWithout a command it says what the sweep does."
    ctl.formatter_class = argparse.RawDescriptionHelpFormatter
    ctl.epilog = CTL
    _spec(ctl)
    text = "one of those below (default: what the sweep does, and what it was told)"
    ctl.add_argument("words", nargs="*", metavar="COMMAND", help=text)
    _set(ctl)
    _json(ctl)


def _sync_command(commands: Commands) -> None:
    sync = _command(commands, "sync", "sweep", "write to MLflow the trials that are missing there")
    _spec(sync)
    _set(sync)
    _json(sync)


def _data_command(commands: Commands) -> None:
    data = _command(
        commands, "data", "data", "what is in a file of data, or in an experiment's tasks"
    )
    data.add_argument(
        "file", metavar="FILE", help="a table, a folder of tables, a .npz file, or an experiment"
    )
    _set(data)
    _json(data)


def _plan_command(commands: Commands) -> None:
    plan = _command(
        commands, "plan", "plan", "what would run, how long it would take, and what it can decide"
    )
    _spec(plan)
    _budget(plan)
    _part(plan, "plan")
    plan.add_argument(
        "--no-measure", action="store_true", help="do not measure how long a step takes"
    )
    text = (
        "standard deviation of a training's score at one setting (default: that of the rounds,"
        " else half the margin)"
    )
    plan.add_argument("--noise", type=above_zero, metavar="N", help=text)
    text = "also what a sweep of so many hours completes, and which claims it decides"
    plan.add_argument("--hours", type=above_zero, metavar="N", help=text)
    _json(plan)


def _status_command(commands: Commands) -> None:
    status = _command(commands, "status", "status", "how far an experiment has got")
    _spec(status)
    _part(status, "count")
    _set(status)
    _json(status)


def _watch_command(commands: Commands) -> None:
    watch = _command(commands, "watch", "watch", "a page in the browser that shows a running sweep")
    _spec(watch)
    text = "port on this machine (default: the first that is free, from 8600)"
    watch.add_argument("--port", type=whole(1, MOST_PORT), metavar="N", help=text)
    watch.add_argument("--open", action="store_true", help="open the page in a browser here")
    text = "keep the page after the sweep; without it, it ends 15 minutes after the sweep's end"
    watch.add_argument("--stay", action="store_true", help=text)
    _set(watch)
    text = "print what the page shows once, as JSON, and end"
    watch.add_argument("--json", action="store_true", help=text)


def _report_command(commands: Commands) -> None:
    report = _command(
        commands, "report", "reports", "write the report again from the recorded trials"
    )
    _spec(report)
    text = "read the trials from a table of `rnnzoo export`, or from `mlflow`; may be repeated"
    _source(report, text)
    _set(report)
    printed = report.add_mutually_exclusive_group()
    printed.add_argument(
        "--latex", action="store_true", help="print answers and ranking as LaTeX tables for a paper"
    )
    printed.add_argument("--markdown", action="store_true", help="print them as Markdown")
    _json(printed)


def _export_command(commands: Commands) -> None:
    export = _command(commands, "export", "reports", "the trials as a table, CSV or Parquet")
    _spec(export)
    export.add_argument(
        "file",
        nargs="?",
        type=file(".csv", ".parquet", bare=False),
        metavar="FILE",
        help="ends in .csv or .parquet (default: results/NAME.csv)",
    )
    _force(export)
    _set(export)
    _json(export)


def _compare_command(commands: Commands) -> None:
    compare = _command(
        commands, "compare", "compare", "several experiments: what differs, and scores side by side"
    )
    compare.add_argument("specs", nargs="+", metavar="SPEC", help="experiment files")
    _source(
        compare, "take the trials of one of them from a table of `rnnzoo export`; may be repeated"
    )
    text = "where to write the picture (default: runs/compare/NAMES.svg)"
    compare.add_argument("--out", type=file(".svg"), metavar="FILE", help=text)
    _force(compare)
    _json(compare)


def _clean_command(commands: Commands) -> None:
    clean = _command(
        commands,
        "clean",
        "clean",
        "list files of trials that nothing needs any more, or delete them",
    )
    _spec(clean)
    clean.add_argument(
        "--yes", action="store_true", help="delete them; without this, only list them"
    )
    clean.add_argument(
        "--states",
        action="store_true",
        help="also the states of finished trainings, from which these go on with more epochs",
    )
    _set(clean)
    _json(clean)


def _merge_command(commands: Commands) -> None:
    merge = _command(
        commands, "merge", "reports", "join the trials of several machines in one table"
    )
    out = file(".csv", ".parquet", bare=False)
    merge.add_argument("out", type=out, metavar="OUT", help="ends in .csv or .parquet")
    text = "a table of `rnnzoo export`; or a project's folder, or the URL of a storage, with --spec"
    merge.add_argument("sources", nargs="+", metavar="SOURCE", help=text)
    merge.add_argument("--spec", metavar="SPEC", help="the experiment, where storages are read")
    _force(merge)
    _set(merge)
    _json(merge)


def _best_command(commands: Commands) -> None:
    best = _command(
        commands,
        "best",
        "status",
        "the best hyper-parameters of a variant, and how to load its model",
    )
    _spec(best)
    _set(best)
    best.add_argument("--variant", metavar="V", help="label of the variant")
    _task(best)
    _json(best)


def _train_command(commands: Commands) -> None:
    train = _command(
        commands, "train", "models", "one training with its learning curve, in a minute"
    )
    text = "name of a cell, or a path to its YAML file; with --trial, an experiment file"
    train.add_argument("cell", metavar="CELL", help=text)
    train.add_argument("--task", metavar="T", help="name of a task; with --trial, its label")
    text = "run this trial of the experiment again, as it was; --set as the sweep had it"
    train.add_argument("--trial", type=whole(0), metavar="N", help=text)
    text = "of the experiment: of which variant the trial is"
    train.add_argument("--variant", metavar="V", help=text)
    _set(train)
    text = "where to write the model (.keras)"
    train.add_argument("--save", type=file(".keras", bare=False), metavar="FILE", help=text)
    _json(train)


def _inspect_command(commands: Commands) -> None:
    inspect = _command(
        commands, "inspect", "models", "a trained model's gates and states over a real sequence"
    )
    _kept(inspect)
    inspect.add_argument(
        "--sequence",
        type=whole(0),
        default=0,
        metavar="N",
        help="of the test split, from 0 (default: 0)",
    )
    inspect.add_argument(
        "--sequences",
        type=whole(1),
        default=20,
        metavar="N",
        help="of how many sequences the shares are (default: 20)",
    )
    inspect.add_argument(
        "--layer", type=whole(1), default=1, metavar="N", help="of a stack, from 1 (default: 1)"
    )
    text = "default: runs/inspect/EXPERIMENT-VARIANT.html"
    inspect.add_argument("--out", type=file(".html"), metavar="FILE", help=text)
    _set(inspect)
    _json(inspect)


def _predictions_command(commands: Commands) -> None:
    answers = _command(
        commands, "predictions", "predictions", "what a trained model answers on test"
    )
    _kept(answers)
    text = "write all answers as CSV"
    answers.add_argument("--out", type=file(".csv"), metavar="FILE", help=text)
    _force(answers)
    _set(answers)
    _json(answers)


def _gradients_command(commands: Commands) -> None:
    gradients = _command(
        commands, "gradients", "models", "how far back cells learn: gradients against the lag"
    )
    gradients.add_argument(
        "cells", nargs="+", metavar="CELL", help="name of a cell, or a path to its YAML file"
    )
    gradients.add_argument(
        "--task", default="adding", metavar="T", help="name of a task (default: adding)"
    )
    gradients.add_argument("--untrained", action="store_true", help="only at the start")
    text = "default: runs/gradients/CELLS.svg"
    gradients.add_argument("--out", type=file(".svg"), metavar="FILE", help=text)
    _set(gradients)
    _json(gradients)


def _doctor_command(commands: Commands) -> None:
    doctor = _command(
        commands,
        "doctor",
        "doctor",
        "what a sweep needs of this machine, and how to mend what is missing",
    )
    _json(doctor)


def _cluster_command(commands: Commands) -> None:
    text = "make certificates for a cluster of machines, or check those of this machine"
    cluster = _command(commands, "cluster", "cluster", text)
    text = "certificates: make a set; check: ask a scheduler whether it accepts this machine's"
    choices = ("certificates", "check")
    cluster.add_argument("what", choices=choices, metavar="|".join(choices), help=text)
    text = (
        "of certificates the folder to write to (default: certificates, in the project); of check"
        " the scheduler's address"
    )
    cluster.add_argument("where", nargs="?", metavar="FOLDER|ADDRESS", help=text)
    text = "to check: where they are (default: certificates, in the project)"
    cluster.add_argument("--certificates", metavar="FOLDER", help=text)
    _json(cluster)


def _ui_command(commands: Commands) -> None:
    ui = _command(commands, "ui", "ui", "MLflow's pages, on this machine only")
    ui.add_argument(
        "--port", type=whole(1, MOST_PORT), metavar="N", help="port, instead of that of mlflow.yml"
    )


def _check_command(commands: Commands) -> None:
    check = _command(commands, "check", "cells", "find the mistakes in cells and experiments")
    check.add_argument("files", nargs="+", metavar="FILE")
    text = "check again after each change, until Ctrl-C"
    check.add_argument("--watch", action="store_true", help=text)
    _json(check)


def _list_command(commands: Commands) -> None:
    listing = _command(
        commands,
        "list",
        "cells",
        "what there is: cells, tasks, losses, metrics, operations, studies",
    )
    listing.add_argument(
        "what",
        nargs="?",
        metavar="WHAT",
        help="cells, tasks, losses, metrics, operations or studies",
    )
    listing.add_argument(
        "--family", metavar="FAMILY", help="of cells: only those of one family, such as lstm"
    )
    _json(listing)


def _show_command(commands: Commands) -> None:
    show = _command(commands, "show", "cells", "a cell: its equations, states, weights and counts")
    show.add_argument("cell", metavar="CELL", help="name of a cell, or a path to its YAML file")
    show.add_argument(
        "--units", type=whole(1), default=64, metavar="N", help="for the counts (default: 64)"
    )
    show.add_argument(
        "--inputs", type=whole(1), default=88, metavar="N", help="for the counts (default: 88)"
    )
    show.add_argument("--latex", action="store_true", help="the equations as LaTeX, nothing else")
    text = "write the picture of one time step"
    show.add_argument("--svg", type=file(".svg"), metavar="FILE", help=text)
    text = "write a page about the cell"
    show.add_argument("--html", type=file(".html"), metavar="FILE", help=text)
    show.add_argument(
        "--diff",
        metavar="OTHER",
        help="only what differs from another cell; with --svg, highlighted",
    )
    show.add_argument(
        "--engine", action="store_true", help="what the engine runs, forward and backward"
    )
    show.add_argument(
        "--torch", action="store_true", help="an nn.Module of PyTorch that needs no rnnzoo"
    )
    show.add_argument(
        "--jax", action="store_true", help="a pure function for JAX that needs no rnnzoo"
    )
    _json(show)


def _gallery_command(commands: Commands) -> None:
    gallery = _command(
        commands, "gallery", "cells", "a page for every cell: its picture, equations and weights"
    )
    gallery.add_argument("folder", nargs="?", metavar="FOLDER", help="default: runs/gallery")
    text = (
        "results of `make bench`, for the time of a step (default: runs/bench/results.json, if"
        " there)"
    )
    gallery.add_argument("--bench", metavar="FILE", help=text)
    _json(gallery)


def _new_command(commands: Commands) -> None:
    new = _command(commands, "new", "new", "a new cell, or an experiment on your data")
    new.add_argument("what", choices=("cell", "experiment"), metavar="cell|experiment")
    new.add_argument("name", metavar="NAME")
    new.add_argument("--extends", metavar="CELL", help="of a cell: begin as a variant of this one")
    text = "of an experiment: a table, a folder of tables, or a .npz file"
    new.add_argument("--data", metavar="FILE", help=text)
    text = "the column that names a sequence; several as A,B"
    new.add_argument("--id", metavar="COLUMN", help=text)
    new.add_argument("--order", metavar="COLUMN", help="the column that orders the steps of one")
    new.add_argument("--target", metavar="COLUMN", help="the column that is predicted")
    _json(new)


def _schema_command(commands: Commands) -> None:
    schema = _command(
        commands, "schema", "schema", "what files may hold, as JSON Schema for editors"
    )
    text = "cell, experiment or mlflow (for mlflow.yml)"
    schema.add_argument("what", nargs="?", metavar="WHAT", help=text)
    text = "write all three to this folder, and say how an editor finds them"
    schema.add_argument("--write", metavar="FOLDER", help=text)


def _skill_command(commands: Commands) -> None:
    about = f"a guide for coding assistants: `rnnzoo skill > {SKILL}`"
    _json(_command(commands, "skill", "skill", about))


def _command(commands: Commands, name: str, module: str, about: str) -> argparse.ArgumentParser:
    """A subcommand; its function of the same name is imported when it is run."""

    def run(args: argparse.Namespace) -> int | None:
        import importlib

        function = getattr(
            importlib.import_module(f"rnnzoo.cli.{module}"), name.replace("list", "listing")
        )
        result: int | None = function(args)
        return result

    parser = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
    parser.register("type", None, arguments.text)  # of every argument that names none
    parser.set_defaults(run=run)
    return parser


def _source(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument(
        "--from", dest="source", action="append", default=[], metavar="FILE", help=text
    )


def _spec(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="an experiment file")


def _set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override a key; may be repeated",
    )


def _budget(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trials", type=whole(1), metavar="N", help="trials per variant, a total")
    parser.add_argument(
        "--workers", type=whole(1), metavar="N", help="trials at once (default: one a core)"
    )
    _set(parser)


def _part(parser: argparse.ArgumentParser, verb: str) -> None:
    text = f"{verb} the trials of these variants only; several with commas, or repeated"
    parser.add_argument("--only", action="append", default=[], metavar="VARIANT", help=text)
    text = (
        f"{verb} every N-th trial of each search only, from the I-th on; other machines have others"
    )
    parser.add_argument("--shard", metavar="I/N", help=text)


def _again(parser: argparse.ArgumentParser, what: str) -> None:
    text = (
        f"begin {what} that ended so once more: failed, out_of_memory or timed_out; may be repeated"
    )
    parser.add_argument("--again", action="append", default=[], metavar="KIND", help=text)


def _kept(parser: argparse.ArgumentParser) -> None:
    """Whose model it is."""
    parser.add_argument(
        "spec", metavar="SPEC", help="an experiment file, or a variant's run in MLflow"
    )
    parser.add_argument("--variant", metavar="V", help="of the experiment: its best trial")
    _task(parser)


def _task(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--task", metavar="T", help="label of the task, where there are several")


def _force(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="write over a file that is there")


def _json(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, for machines")


# as `rnnzoo --help` lists them: first the way of an experiment, then models, machine and cells
_IN_ORDER: tuple[Callable[[Commands], None], ...] = (
    _demo_command,
    _sweep_command,
    _evolve_command,
    _ctl_command,
    _sync_command,
    _data_command,
    _plan_command,
    _status_command,
    _watch_command,
    _report_command,
    _export_command,
    _compare_command,
    _clean_command,
    _merge_command,
    _best_command,
    _train_command,
    _inspect_command,
    _predictions_command,
    _gradients_command,
    _doctor_command,
    _cluster_command,
    _ui_command,
    _check_command,
    _list_command,
    _show_command,
    _gallery_command,
    _new_command,
    _schema_command,
    _skill_command,
)
