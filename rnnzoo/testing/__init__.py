"""Conformance suites: what every task, tracker and launcher promises, as classes of tests for yours.

    tasks        TaskContract: subclass it, and name the task
    trackers     TrackerContract: subclass it, and say how the tracker is made
    launchers    LauncherContract: subclass it, and say how the launcher is made; `work`, what its trials do

In a file of tests:

    from rnnzoo.testing.launchers import LauncherContract

    class TestPool(LauncherContract):
        def make(self, setup):
            return pool.launcher(setup)

The only part that imports pytest.
"""
