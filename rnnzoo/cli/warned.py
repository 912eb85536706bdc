"""How data was read, and what is probably not meant in it or in a spec, as `sweep`, `plan` and
`train` print it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from rnnzoo.terminal.console import told


def print_data(warnings: Sequence[str], data: Mapping[str, Any], console: Console) -> None:
    """
    Args:
        warnings: about the spec.
        data: what `api.planning.data` says of each task.
    """
    print_warnings(warnings, console)
    for label, read in data.items():
        told(console, f"{label}: {read['form']}", style="dim")
        print_warnings(read["warnings"], console)


def print_warnings(warnings: Sequence[str], console: Console) -> None:
    for text in warnings:
        told(console, f"  warning: {text}", style="yellow")
