"""Linear algebra on one thread, as threadpoolctl sees it."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from rnnzoo.stats._scipy import linalg
from rnnzoo.stats.threads import one_thread


def threads() -> set[int]:
    """Of each library of linear algebra."""
    np.ones((2, 2)) @ np.ones((2, 2))
    return {
        library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    }


def test_linear_algebra_takes_one_thread_and_afterwards_as_many_as_before() -> None:
    _ = linalg.cholesky  # loads the library of SciPy, which counts too
    with threadpool_limits(2, "blas"):
        before = threads()
        with one_thread():
            assert threads() <= {1}
        assert threads() == before


def test_scipy_takes_one_thread_where_nothing_has_imported_it_before() -> None:
    script = """
import numpy as np
from threadpoolctl import threadpool_info
from rnnzoo.stats._scipy import linalg
from rnnzoo.stats.threads import one_thread
with one_thread():
    linalg.cholesky(np.eye(2))
    print({each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"})
"""
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "{1}"
