"""How large the samples of tests are: `make test` takes a part of what `make test-all` takes."""

from __future__ import annotations

import os

ALL = bool(os.environ.get("RNNZOO_TEST_ALL"))  # set by `make test-all`


def examples(count: int) -> int:
    """How many examples of a property are looked at, of this many; `make test` takes the first
    quarter.
    """
    return count if ALL else -(-count // 4)
