"""Linear algebra on one thread.

NumPy and SciPy share a product of matrices out to all cores.  A report takes thousands of products
of a few hundred rows each, and threads that wait for the next one keep their cores busy: on a
machine that has other work the reports of studies took up to seven times as many seconds of the
processor.  On one thread the last digits do not depend on the number of cores, either.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

from rnnzoo.stats._scipy import linalg


@contextmanager
def one_thread() -> Iterator[None]:
    """While this lasts, NumPy and SciPy compute on one thread; also a decorator."""
    _ = linalg.cholesky  # imports SciPy: a library that is loaded later would not be limited
    with threadpool_limits(limits=1, user_api="blas"):
        yield
