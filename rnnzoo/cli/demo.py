"""The command `demo`: a finished report, before anything is trained."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from rnnzoo.api import demo as kept
from rnnzoo.cli.as_json import print_json
from rnnzoo.errors import command
from rnnzoo.terminal.console import plain_console, told

BROWSERS = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")


def demo(args: argparse.Namespace) -> None:
    """Write the study that comes with the package, print its answers, and open its page."""
    written = kept.write(Path(args.out) if args.out else None)
    if args.json:
        print_json(written.to_dict())
        return
    console = plain_console()
    told(console, written.about)
    for said in written.answers:
        told(console, f"\n  {said.word}: {said.answer}\n  claim: {said.claim}")
    told(console, f"\nreport  {written.page}")
    again = command("report", written.spec.name, "--from", written.table.name)
    told(console, f"again   in {written.page.parent}: {again}")
    if not args.no_browser and _opened(written.page):
        told(console, "\nIt opens in the browser.")


def _opened(page: Path) -> bool:
    """Whether a browser has a window to open a page in; on a terminal alone it would take over."""
    if sys.platform.startswith("linux") and not any(map(os.environ.get, BROWSERS)):
        return False
    import webbrowser

    return webbrowser.open(page.as_uri())
