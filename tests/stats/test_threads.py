"""Linear algebra on one thread, as threadpoolctl sees it."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from rnnzoo.stats.threads import one_thread


def threads() -> set[int]:
    """Of each library of linear algebra."""
    np.ones((2, 2)) @ np.ones((2, 2))
    return {
        library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    }


def test_linear_algebra_takes_one_thread_and_afterwards_as_many_as_before() -> None:
    with threadpool_limits(2, "blas"):
        before = threads()
        with one_thread():
            assert threads() <= {1}
        assert threads() == before
