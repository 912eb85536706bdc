"""The command `skill`: what a coding assistant should know of rnnzoo."""

from __future__ import annotations

import argparse
from pathlib import Path

from rnnzoo.cli.as_json import print_json
from rnnzoo.cli.parser import SKILL

GUIDE = Path(__file__).with_name("skill.md")


def skill(args: argparse.Namespace) -> None:
    """Print the guide, in the form of a skill: https://agentskills.io/specification."""
    text = GUIDE.read_text(encoding="utf-8")
    if args.json:
        print_json({"path": SKILL, "text": text})
        return
    print(text, end="")
