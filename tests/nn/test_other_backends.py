"""The tests of the layer that say nothing of TensorFlow, in a process in which Keras is set to
another backend.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.keras_process import printed

HERE = Path(__file__).parent
FILES = tuple(
    str(HERE / f"test_{name}.py")
    for name in ("keras_conformance", "keras_equality", "layer", "saving", "states")
)
SAMPLE = (
    "number_of_steps_of_its_own or learns_what_fit"  # states of whole numbers, and Keras' `fit`
)
OPTIONS = ("-q", "--noconftest", "-p", "no:cacheprovider", "-W", "ignore", "--tb=short")
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # no plug-in takes part that pytest finds by itself


def there(library: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        importlib.util.find_spec(library) is None, reason=f"{library} is not installed"
    )


def check_under_jax(folder: Path, *arguments: str) -> None:
    program = f"import pytest\nprint(int(pytest.main({[*OPTIONS, *arguments, *FILES]!r})))"
    told = printed(program, folder, ALONE, backend="jax")
    assert told.splitlines()[-1] == "0", told  # the exit status


@there("jax")
def test_a_sample_passes_under_jax(tmp_path: Path) -> None:
    check_under_jax(tmp_path, "-k", SAMPLE)


@pytest.mark.slow
@there("jax")
def test_they_pass_under_jax(tmp_path: Path) -> None:
    check_under_jax(tmp_path)


def check_under_torch(*arguments: str) -> None:
    plugin = ("-p", "tests.nn.under_torch")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *OPTIONS, *plugin, *arguments, *FILES],
        env={**os.environ, **ALONE, "KERAS_BACKEND": "torch"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@there("torch")
def test_they_pass_under_torch() -> None:
    """The environment of development has no torch: install its CPU build to run this."""
    check_under_torch()
