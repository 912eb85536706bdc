"""Plain values as a document that every reader of JSON takes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def as_json(content: Any) -> str:
    """Plain values as JSON; a number that is not finite, which JSON does not have, is null."""
    try:
        return json.dumps(content, indent=2, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(content), indent=2, allow_nan=False)


def _finite(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {name: _finite(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
