"""Conformance suites: what every task, loss, metric, operation, tracker and launcher promises, as
classes of tests for yours.

    tasks        TaskContract: subclass it, and name the task
    losses       LossContract: subclass it, and name the loss
    metrics      MetricContract: subclass it, and name the metric
    answers      targets and logits to look at losses and metrics with
    operations   OperationContract: subclass it, and name the operation
    trackers     TrackerContract: subclass it, and say how the tracker is made
    launchers    LauncherContract: subclass it, and say how the launcher is made; `work`, what its
                 trials do

In a file of tests:

    from rnnzoo.testing.launchers import LauncherContract

    class TestPool(LauncherContract):
        def make(self, setup):
            return pool.launcher(setup)

The only part that imports pytest.
"""
