"""Trials on a cluster: a scheduler and workers on loopback, each a process."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from rnnzoo.launchers import Setup
from rnnzoo.spec.trial import Kind, Outcome, Progress
from rnnzoo.testing.launchers import next_event, outcome, trial
from tests.launchers import work
from tests.launchers.clusters import Cluster, until
from tests.launchers.test_local import ends


def test_trials_run_on_workers_that_come_and_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All in one test, since a scheduler and workers take seconds to start."""
    monkeypatch.chdir(tmp_path)
    with Cluster() as cluster:
        cluster.add(2)
        launcher = cluster.launcher(Setup(work.behave, 2), capacity=2)
        try:
            # outcomes belong to their trials, and what they left comes along
            tickets = {
                launcher.submit(trial("printing", index, folder=f"runs/{index}")): index
                for index in range(3)
            }
            for _ in tickets:
                event = next_event(launcher)
                assert isinstance(event.news, Outcome)
                index = tickets[event.ticket]
                assert event.news.scores["validation"] == index
                assert "said by Python" in Path(f"runs/{index}/log.txt").read_text()
            # progress goes up, and answers go down
            ticket = launcher.submit(trial("reporting"))
            for go_on in (True, False):
                assert isinstance(next_event(launcher).news, Progress)
                launcher.answer(ticket, go_on)
            assert outcome(launcher).message == "stopped after 2"
            # a worker that is lost interrupts its trial, and is no longer counted
            launcher.submit(trial("telling_who"))
            told = next_event(launcher).news
            assert isinstance(told, Progress)
            lost = next(each for each in cluster.workers if each.pid == int(told.best))
            os.kill(lost.pid, signal.SIGKILL)
            ended = outcome(launcher)
            assert (ended.kind, ended.retried) == (Kind.INTERRUPTED, True)
            assert ends(int(told.value)), "its trial runs on"
            until(lambda: launcher.wait(0.05) is None and launcher.capacity() == 1, "it counts")
            launcher.submit(trial("complete", 7))
            assert outcome(launcher).scores["validation"] == 7
        finally:
            launcher.close()
