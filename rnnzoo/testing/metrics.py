"""What every metric promises."""

from __future__ import annotations

import numpy as np

from rnnzoo import metrics
from rnnzoo.losses import Array
from rnnzoo.metrics import Metric
from rnnzoo.nn.losses import in_float64, in_tensors
from rnnzoo.testing.answers import answers


class MetricContract:
    """Tests of a metric.

    Attributes:
        name: as a task has it; it is found in the current project or by its entry point.
        outputs: how many a read-out has.
    """

    name: str = ""
    outputs: int = 3

    def load(self) -> Metric:
        return metrics.load(self.name)

    def answers(self) -> tuple[Array, Array]:
        """Targets and logits, (2, 5) answers."""
        return answers(self.load().targets, self.outputs)

    def test_it_says_what_it_is(self) -> None:
        assert 10 < len(self.load().about) < 120

    def test_every_answer_has_a_finite_score_of_its_own(self) -> None:
        y, logits = self.answers()
        metric = self.load()
        whole = in_float64(metric, y, logits)
        assert whole.shape == (2, 5)
        assert np.isfinite(whole).all()
        for row in range(2):
            alone = in_float64(metric, y[row : row + 1], logits[row : row + 1])
            np.testing.assert_allclose(alone[0], whole[row], rtol=1e-12)

    def test_it_is_measured_as_it_is_in_float64(self) -> None:
        y, logits = self.answers()
        metric = self.load()
        expected = in_float64(metric, y, logits)
        np.testing.assert_allclose(in_tensors(metric, y, logits), expected, rtol=1e-4, atol=1e-5)
