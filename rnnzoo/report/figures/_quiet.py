"""Matplotlib does not say where it keeps its cache: imported before it.

Where the home folder cannot be written, as on a shared machine, each command that draws would begin
with its advice.
"""

from __future__ import annotations

import logging


def _other(record: logging.LogRecord) -> bool:
    """Whether a message is about something else than the folder of the cache."""
    return "cache directory" not in record.msg and "mkdir -p failed" not in record.msg


logging.getLogger("matplotlib").addFilter(_other)
