"""Every launcher of the package: what the contract promises."""

from __future__ import annotations

from rnnzoo import registry
from rnnzoo.launchers import Launcher, Setup, local
from rnnzoo.testing.launchers import LauncherContract


class TestLocal(LauncherContract):
    def make(self, setup: Setup) -> Launcher:
        return local.launcher(setup)


def test_every_launcher_of_the_package_is_tested() -> None:
    assert set(registry.built_in("launchers")) == {"local"}
