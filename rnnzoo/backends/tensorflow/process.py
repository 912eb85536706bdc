"""TensorFlow in the processes of a sweep: this module is a `Processes`.

It imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Mapping

from rnnzoo.backends.tensorflow import cache
from rnnzoo.spec.settings import KERAS_BACKEND

PACKAGES: tuple[str, ...] = ("tensorflow", "keras")


def environment() -> Mapping[str, str]:
    """Variables that a trial's process has beside ours."""
    return {"KERAS_BACKEND": KERAS_BACKEND, **cache.environment()}


def ended() -> None:
    """A sweep has ended: what its trials compiled is there for the next one."""
    cache.record()
