"""The parts of SciPy that statistics use, each imported when something is computed with it.

SciPy takes half a second to import and three times the room of NumPy.  Checking and drawing cells
compute no statistics, though they share modules with reports: they do without SciPy.
"""

from __future__ import annotations

import importlib
from typing import Any


class _Part:
    """A module that is imported at the first use of what it holds."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, value)
        return value


linalg: Any = _Part("scipy.linalg")
special: Any = _Part("scipy.special")
stats: Any = _Part("scipy.stats")
