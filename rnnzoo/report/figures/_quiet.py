"""Matplotlib does not say where it keeps its cache: imported before it.

Where the home folder cannot be written, as on a shared machine, each command that draws would begin
with its advice.
"""

from __future__ import annotations

import logging

# parts of what it says of that folder
_OF_CACHE = ("cache directory", "mkdir -p failed", "is not a writable directory")


def _other(record: logging.LogRecord) -> bool:
    """Whether a message is about something else than the folder of the cache."""
    return not any(words in record.msg for words in _OF_CACHE)


logging.getLogger("matplotlib").addFilter(_other)
