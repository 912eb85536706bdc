"""TensorFlow in the processes of a sweep: this module is a `Processes`.

It imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Mapping

from rnnzoo.backends import cache
from rnnzoo.backends.tensorflow.cache import environment as cache_switched_on
from rnnzoo.backends.tensorflow.cache import folder

PACKAGES: tuple[str, ...] = ("tensorflow", "keras")
POPULATIONS = False


def environment(precision: str = "") -> Mapping[str, str]:
    """Variables that a trial's process has beside ours."""
    return {"KERAS_BACKEND": "tensorflow", **cache_switched_on()}


def uses_cards() -> bool:
    """No trial does."""
    return False


def loops(on_card: bool | None = None) -> str:
    """XLA compiles them with all else."""
    return "XLA"


def fell_back() -> str:
    """Nothing stands in for XLA."""
    return ""


def has_native_loops() -> bool:
    """They are XLA's."""
    return False


def ended() -> None:
    """A sweep has ended: what its trials compiled is there for the next one."""
    cache.record(folder())
