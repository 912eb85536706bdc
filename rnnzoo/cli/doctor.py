"""The command `doctor`: what a sweep needs of this machine."""

from __future__ import annotations

import argparse

from rich.table import Table
from rich.text import Text

from rnnzoo.spec import settings as config
from rnnzoo.terminal.console import plain_console


def doctor(args: argparse.Namespace) -> int:
    """Look, and say what to do; 1 where something is amiss."""
    from rnnzoo.sweep import doctor as looks

    checks = list(looks.checks(config.read()))
    if args.json:
        print(looks.as_json(checks))
    else:
        console, table = plain_console(), Table(box=None, pad_edge=False, show_header=False)
        for check in checks:
            sign = Text("ok", style="green") if check.passed else Text("fail", style="bold red")
            table.add_row(
                sign,
                check.name,
                Text(check.detail) if check.passed else Text(f"{check.detail}\n{check.fix}"),
            )
        console.print(table)
    return 0 if all(check.passed for check in checks) else 1
