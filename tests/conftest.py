"""What all tests share: quiet libraries, one thread, a cache folder of their own, and the real data where it is at hand."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")
# What is compiled here runs for milliseconds: `make test-all` has it optimised as a sweep has, which takes twice as long.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false")

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"  # development data; tests that need it skip without it

settings.register_profile("steady", deadline=None, derandomize=True, print_blob=False)
settings.load_profile("steady")


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No test reads or fills the user's own cache."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["XDG_CACHE_HOME"] = str(folder)
    os.environ.pop("RNNZOO_DATA", None)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    return folder


@pytest.fixture(scope="session", autouse=True)
def fork_servers() -> Iterator[None]:
    """Those that commands of tests share end with the tests."""
    yield
    if "tests.command" in sys.modules:
        sys.modules["tests.command"].end_fork_servers()


@pytest.fixture
def jsb_folder() -> Path:
    """The folder with the canonical JSB Chorales."""
    folder = SHARED / "jsb_chorales"
    if not folder.is_dir():
        pytest.skip("the development data (shared/data) is not here")
    return folder
