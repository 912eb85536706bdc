"""A session on a worker, without a cluster."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from rnnzoo.launchers import Remote, Setup, _node
from rnnzoo.launchers._node import Order, Session
from rnnzoo.spec.settings import project
from rnnzoo.spec.trial import Kind, Outcome, Progress
from rnnzoo.testing import work
from rnnzoo.testing.launchers import trial


def begun(folder: Path, setup: Setup) -> _node._Host:
    """A session that has begun in this process."""
    code = {"experiments/losses/mine.py": b"TARGETS = 1\n"}
    _node._begin(Session("testing", setup, code), folder)
    return _node._hosts["testing"]


def test_a_session_that_nobody_uses_closes_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_node, "IDLE", 0.05)
    host = begun(tmp_path, Setup(work.behave, 1))
    host.thread.join(10)
    assert not host.is_open
    assert "testing" not in _node._hosts
    assert not list(tmp_path.iterdir())


def test_an_order_that_comes_as_a_session_closes_is_not_waited_for(tmp_path: Path) -> None:
    host = begun(tmp_path, Setup(work.behave, 1))
    host.close()
    looks: list[bool] = []

    def is_wanted() -> bool:
        looks.append(True)
        return len(looks) < 5

    order = Order("testing", 1, trial("environment"))
    assert host.perform(order, is_wanted, lambda progress: None) is None
    assert len(looks) < 5


def test_trials_find_the_project_s_code_and_the_machine_s_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = Remote(environment=here)
    host = begun(tmp_path, Setup(work.behave, 1, environment={work.VARIABLE: "7"}, remote=remote))
    try:
        monkeypatch.chdir(host.home)
        assert project() == Path()
        assert Path("experiments/losses/mine.py").read_bytes() == b"TARGETS = 1\n"
        order = Order("testing", 1, trial("environment"))
        ended = host.perform(order, lambda: True, lambda progress: None)
        assert ended == Outcome(Kind.COMPLETE, {"validation": 9.0})
        # without a pruner, nobody is asked, and little is told
        host.session = Session("testing", Setup(work.behave, 1, answers=False))
        told: list[Progress] = []
        ended = host.perform(Order("testing", 2, trial("reporting")), lambda: True, told.append)
        assert ended is not None
        assert ended.kind is Kind.COMPLETE
        assert len(told) == 1
        # what nobody waits for any more is stopped
        began = time.monotonic()
        assert (
            host.perform(Order("testing", 3, trial("endless")), lambda: False, told.append) is None
        )
        assert time.monotonic() - began < 30
    finally:
        host.close()
    assert "testing" not in _node._hosts


def here() -> dict[str, str]:
    return {work.VARIABLE: "9"}
