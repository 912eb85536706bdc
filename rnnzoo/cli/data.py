"""The command `data`: what is in a file of data, or in the tasks of an experiment, before anything
trains.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from rnnzoo.cli.as_json import print_json
from rnnzoo.cli.grids import add, cut, grid
from rnnzoo.cli.warned import print_warnings
from rnnzoo.errors import Remark, UsageError, command, in_percent, number_of
from rnnzoo.spec.files import located
from rnnzoo.tasks._table.roles import called
from rnnzoo.terminal.bars import bars
from rnnzoo.terminal.console import plain_console, told

MOST_COLUMNS = 60  # of a table, that are shown
MOST_INPUTS = 8  # of a task
_WITH_ROLES = "an experiment to start from, with these roles in it"


def data(args: argparse.Namespace) -> None:
    """Print what there is, as text or JSON."""
    from rnnzoo.api import looking

    path = looking.found(args.file)
    console = plain_console(args.json)
    if args.set and path.suffix not in looking.EXPERIMENTS:
        raise UsageError(f"{path} is no experiment, and --set is for these", "leave it out")
    with bars(console) as report:
        if path.suffix in looking.EXPERIMENTS:
            content = looking.experiment(located(Path(args.file)), args.set, report)
            show: Any = _experiment
        elif path.suffix == looking.ARRAYS and path.exists():
            content, show = looking.arrays(args.file), _arrays
        elif path.suffix.lower() == looking.TEXT and path.is_file():
            content, show = looking.text(args.file), _text
        elif path.exists() and looking.is_table(path):
            from rnnzoo.tasks._table.guess import Given

            content, show = looking.table(args.file, Given(), report).plain(), _table
        else:
            raise looking.unknown(path)
    if args.json:
        print_json(content)
    else:
        show(content, console)


# ------------------------------------------------------------------ a table


def _table(content: Mapping[str, Any], console: Console) -> None:
    columns = content["columns"]
    of = f" in {content['files']} files" if content["files"] > 1 else ""
    size = f"{content['rows']:,} rows, {number_of(len(columns), 'column')}{of}"
    told(console, f"{content['file']}: {size}\n")
    header = [column["name"] for column in columns]
    table = grid("column", "holds", ">missing", ">values", "range", "role")
    for column in columns[:MOST_COLUMNS]:
        missing = f"{column['missing']:,}" if column["missing"] else ""
        values = f"{column['distinct']:,}" if column["wrong"] is None else ""
        known = (missing, values, _range(column), column["role"])
        add(table, cut(called(column["name"], header)), column["holds"], *known)
    console.print(table)
    if len(columns) > MOST_COLUMNS:
        told(console, f"  and {len(columns) - MOST_COLUMNS} columns more (--json has them)")
    _roles(content, console)


def _range(column: Mapping[str, Any]) -> str:
    """From the least to the largest; of names, the most frequent."""
    if column["often"]:
        names = [cut(name, 10) for name in column["often"][:3]]
        more = ", ..." if column["distinct"] > len(names) else ""
        return ", ".join(names) + more
    return f"{column['low']} to {column['high']}" if column["low"] else ""


def _roles(content: Mapping[str, Any], console: Console) -> None:
    told(console, "\nprobably:")
    header = [column["name"] for column in content["columns"]]
    by_role: dict[tuple[str, str], list[str]] = {}
    for column in content["columns"]:
        name = called(column["name"], header)
        by_role.setdefault((column["role"], column["why"]), []).append(name)
    lengths = content["lengths"]
    if content["form"]:
        many = f": {content['sequences']:,} of {_span(lengths)} rows" if lengths[1] > 1 else ""
        told(console, f"  {content['form']}{many}")
    for (role, why), names in by_role.items():
        told(console, f"  {role:9} {_names(names)}: {why}")
    for known in content["open"]:
        told(console, f"  open      {known['option']}: {known['problem']}", style="yellow")
    wrong = [column["wrong"] for column in content["columns"] if column["wrong"]]
    odd = [Remark(text) for text in content["odd"]]
    print_warnings([*odd, *(Remark(**said) for said in wrong)], console)
    unknown = [known["option"] for known in content["open"]]
    if unknown == ["inputs"]:
        return  # no option of `new` would help
    _print_next_commands(content["file"], console, unknown=unknown)


def _span(ends: Sequence[int]) -> str:
    return f"{ends[0]:,}" if ends[0] == ends[1] else f"{ends[0]:,} to {ends[1]:,}"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(cut(name) for name in names[:5]) + more


def _print_next_commands(
    file: str, console: Console, heading: str = _WITH_ROLES, unknown: Sequence[str] = ()
) -> None:
    """
    Args:
        unknown: roles for which the command must be given a column, or nothing would be written.
    """
    asked: list[str] = []
    for role in unknown:
        if role != "inputs":
            asked += [f"--{role}", "COLUMN"]
    told(console, f"\n{heading}:")
    told(console, f"  {command('new', 'experiment', 'NAME', '--data', file, *asked)}")
    if "id" in unknown:
        told(console, "  of one series, --order COLUMN in place of --id COLUMN")


# ------------------------------------------------------------------ arrays


def _arrays(content: Mapping[str, Any], console: Console) -> None:
    told(console, f"{content['file']}: {number_of(len(content['arrays']), 'array')}\n")
    table = grid("array", "shape", "type", ">missing", ">values", "range")
    for array in content["arrays"]:
        shape = " x ".join(map(str, array["shape"])) or "one value"
        missing = f"{array['missing']:,}" if array.get("missing") else ""
        known = f"{cut(array['low'], 12)} to {cut(array['high'], 12)}" if "low" in array else ""
        values = f"{array['distinct']:,}" if "distinct" in array else ""
        add(table, cut(array["name"]), shape, array["type"], missing, values, known)
    console.print(table)
    kind, why = content["kind"]
    told(console, f"\nprobably: kind: {kind or '?'} ({why})")
    _print_next_commands(content["file"], console)


# ------------------------------------------------------------------ a text


def _text(content: Mapping[str, Any], console: Console) -> None:
    told(console, f"{content['file']}: {number_of(content['lines'], 'line')} of text\n")
    table = grid("level", ">symbols", ">different", ">only once", "most frequent")
    for level, known in content["levels"].items():
        counts = (f"{known[name]:,}" for name in ("symbols", "distinct", "once"))
        add(table, level, *counts, ", ".join(cut(name, 14) for name in known["often"]))
    console.print(table)
    told(console, "\nprobably: the next character is to be predicted (level: word, the next word)")
    _print_next_commands(content["file"], console, "an experiment to start from")


# ------------------------------------------------------------------ an experiment


def _experiment(content: Mapping[str, Any], console: Console) -> None:
    for label, task in content["tasks"].items():
        _task(label, task, console)
    told(console, f"page    {content['page']}")


def _task(label: str, task: Mapping[str, Any], console: Console) -> None:
    told(console, f"{label}: {task['form']}\n")
    console.print(_splits(task))
    console.print()
    console.print(_targets(task))
    if task["hidden_classes"]:
        words = "labels" if task["targets"] == "labels" else "classes"
        told(console, f"  and {task['hidden_classes']} {words} more, rarer in train")
    if task["ranges"]:
        console.print()
        console.print(_inputs(task["ranges"]))
    if len(task["ranges"]) > MOST_INPUTS:
        told(console, f"  and {len(task['ranges']) - MOST_INPUTS} inputs more")
    if task["missing"]:
        gaps = ", ".join(f"{cut(name)} {count}" for name, count in task["missing"].items())
        told(console, f"\nmissing in the table: {gaps}")
    if task["baselines"]:
        told(console, f"\nbaselines that learn nothing, on test, {task['unit']}:")
        for name, score in task["baselines"].items():
            told(console, f"  {name}: {score:z.4g}")
    print()
    print_warnings([Remark(**warning) for warning in task["warnings"]], console)
    if task["warnings"]:
        print()


def _splits(task: Mapping[str, Any]) -> Table:
    table = grid("split", ">sequences", ">least steps", ">median", ">most", ">padding")
    for name, split in task["splits"].items():
        least, median, most = split["lengths"]
        numbers = (f"{split['sequences']:,}", f"{least:,}", f"{median:,.0f}", f"{most:,}")
        add(table, name, *numbers, in_percent(split["padding"]))
    return table


def _targets(task: Mapping[str, Any]) -> Table:
    """How often each class is asked for, or what numbers are."""
    splits = task["splits"]
    if "classes" not in splits["train"]:
        table = grid("targets", ">answers", ">least", ">mean", ">largest")
        for name, split in splits.items():
            add(table, name, f"{split['answers']:,}", *map("{:z.4g}".format, split["range"]))
        return table
    word = "label" if task["targets"] == "labels" else "class"
    table = grid(word, *(f">{name}" for name in splits))
    for known in splits["train"]["classes"]:
        counts = (f"{split['classes'][known]:,}" for split in splits.values())
        add(table, cut(known), *counts)
    return table


def _inputs(ranges: Sequence[Mapping[str, Any]]) -> Table:
    table = grid("input, as a cell sees it", ">least", ">mean", ">deviation", ">largest")
    for known in ranges[:MOST_INPUTS]:
        values = (known[name] for name in ("low", "mean", "deviation", "high"))
        add(table, cut(known["name"]), *map("{:z.4g}".format, values))
    return table
