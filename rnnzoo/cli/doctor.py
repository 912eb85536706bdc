"""The command `doctor`: what a sweep needs of this machine."""

from __future__ import annotations

import argparse

from rich.table import Table
from rich.text import Text

from rnnzoo.spec import settings as config
from rnnzoo.terminal.console import plain_console


def doctor(given: argparse.Namespace) -> int:
    """Look, and say what to do; 1 where something is amiss."""
    from rnnzoo.sweep import doctor as looks

    found = list(looks.checks(config.read()))
    if given.json:
        print(looks.as_json(found))
    else:
        console, table = plain_console(), Table(box=None, pad_edge=False, show_header=False)
        for one in found:
            sign = Text("ok", style="green") if one.well else Text("look", style="bold red")
            table.add_row(sign, one.name, Text(one.found) if one.well else Text(f"{one.found}\n{one.fix}"))
        console.print(table)
    return 0 if all(one.well for one in found) else 1
