"""Every launcher of the package: what the contract promises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

import pytest

from rnnzoo import registry
from rnnzoo.launchers import Launcher, Setup, local, make
from rnnzoo.spec.settings import Chosen
from rnnzoo.testing.launchers import LauncherContract
from tests.launchers.clusters import Cluster
from tests.launchers.many import contract


class TestLocal(LauncherContract):
    def make(self, setup: Setup) -> Launcher:
        return local.launcher(setup)


class TestPopulation(LauncherContract):
    def make(self, setup: Setup) -> Launcher:
        chosen = Chosen("population", {"size": 2})
        return make(chosen, replace(setup, many=contract))


@pytest.mark.slow  # half a minute; tests/launchers/test_dask.py has what `make test` runs
class TestDask(LauncherContract):
    cluster: ClassVar[Cluster]

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _cluster(cls) -> Iterator[None]:
        with Cluster() as cls.cluster:
            cls.cluster.add(2)
            yield

    def make(self, setup: Setup) -> Launcher:
        return self.cluster.launcher(setup, capacity=min(2, setup.workers))


def test_every_launcher_of_the_package_is_tested() -> None:
    assert set(registry.built_in("launchers")) == {"local", "population", "dask"}
