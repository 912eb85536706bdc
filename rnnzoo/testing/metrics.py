"""What every metric promises."""

from __future__ import annotations

import numpy as np

from rnnzoo import metrics
from rnnzoo.losses import Array
from rnnzoo.metrics import Metric
from rnnzoo.nn.losses import in_float64, in_tensors, of_all
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
        if metric.value is None:
            return
        whole = in_float64(metric, y, logits)
        assert whole.shape == (2, 5)
        assert np.isfinite(whole).all()
        for row in range(2):
            alone = in_float64(metric, y[row : row + 1], logits[row : row + 1])
            np.testing.assert_allclose(alone[0], whole[row], rtol=1e-12)

    def test_it_is_measured_as_it_is_in_float64(self) -> None:
        y, logits = self.answers()
        metric = self.load()
        if metric.value is None:
            return
        expected = in_float64(metric, y, logits)
        np.testing.assert_allclose(in_tensors(metric, y, logits), expected, rtol=1e-4, atol=1e-5)

    def test_its_score_is_finite_and_the_order_of_answers_does_not_matter(self) -> None:
        y, logits = self.flat()
        weights, backwards = np.linspace(0.5, 2.0, len(y)), slice(None, None, -1)
        score = of_all(self.load(), y, logits, weights)
        assert np.isfinite(score)
        again = of_all(self.load(), y[backwards], logits[backwards], weights[backwards])
        np.testing.assert_allclose(again, score, rtol=1e-9)

    def test_an_answer_that_counts_twice_is_two_answers(self) -> None:
        y, logits = self.flat()
        twice = np.repeat(np.arange(len(y)), 1 + np.arange(len(y)) % 2)
        weights = 1.0 + np.arange(len(y)) % 2
        score = of_all(self.load(), y, logits, weights)
        repeated = of_all(self.load(), y[twice], logits[twice], np.ones(len(twice)))
        np.testing.assert_allclose(repeated, score, rtol=1e-9)

    def test_what_the_mean_is_turned_into_grows_with_it(self) -> None:
        finished = [self.load().finish(mean) for mean in (0.1, 0.5, 1.0, 2.0)]
        assert sorted(finished) == finished

    def flat(self) -> tuple[Array, Array]:
        """Targets and logits of ten answers."""
        y, logits = self.answers()
        return y.reshape(-1, *y.shape[2:]), logits.reshape(-1, *logits.shape[2:])
