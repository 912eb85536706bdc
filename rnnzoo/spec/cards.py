"""The GPUs of this machine that CUDA would show to a process, without asking CUDA.

In: the environment, and what the driver puts into the file system.  Out: numbers and names.  No
library is imported and no process started, so that every command can ask.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path("/")
VISIBLE = "CUDA_VISIBLE_DEVICES"  # numbers or names, by commas; what is not in it is hidden
_DEVICE = re.compile(r"nvidia([0-9]+)")


def cards(root: Path = ROOT, environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """What `CUDA_VISIBLE_DEVICES` calls each GPU that a process of ours would see.

    As CUDA reads it, the list ends before the first number that is no GPU's, such as -1.
    """
    files = (_DEVICE.fullmatch(file.name) for file in (root / "dev").glob("nvidia*"))
    numbers = sorted(int(match[1]) for match in files if match)
    # in a container whose GPU is the third of its machine, CUDA counts from 0 all the same
    there = tuple(str(number) for number in range(len(numbers)))
    chosen = environment.get(VISIBLE)
    if chosen is None or not there:
        return there
    shown: list[str] = []
    for name in (part.strip() for part in chosen.split(",")):
        if not name or (name.lstrip("-").isdigit() and name not in there):
            break
        shown.append(name)
    return tuple(shown)


def model(root: Path = ROOT) -> str:
    """What the GPUs are, as their driver says; empty where it says nothing."""
    models = set()
    for file in sorted((root / "proc/driver/nvidia/gpus").glob("*/information")):
        try:
            lines = file.read_text().splitlines()
        except OSError:
            continue
        models |= {line.partition(":")[2].strip() for line in lines if line.startswith("Model:")}
    return ", ".join(sorted(models))
