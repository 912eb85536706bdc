"""How data was read, what is probably not meant in it or in a spec, and where results come from, as
several commands print it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console

from rnnzoo.errors import Remark
from rnnzoo.terminal.console import told

if TYPE_CHECKING:
    from rnnzoo.api.sources import TellSource


def print_data(warnings: Iterable[Remark], data: Mapping[str, Any], console: Console) -> None:
    """
    Args:
        warnings: about the spec.
        data: what `api.planning.data` says of each task.
    """
    print_warnings(warnings, console)
    for label, read in data.items():
        told(console, f"{label}: {read['form']}", style="dim")
        remarks = [Remark(**warning) for warning in read["warnings"]]
        print_warnings(remarks, console)


def of_source(console: Console) -> TellSource:
    """Prints where results come from, and what is to be said of that."""
    return lambda text, warning: told(console, text, style="yellow" if warning else "dim")


def print_warnings(warnings: Iterable[Remark], console: Console, style: str = "yellow") -> None:
    for remark in warnings:
        told(console, textwrap.indent(str(remark), "  "), style=style)
