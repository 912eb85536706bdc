"""What every loss promises."""

from __future__ import annotations

import numpy as np

from rnnzoo import losses
from rnnzoo.losses import Array, Loss
from rnnzoo.nn.losses import in_float64, in_tensors
from rnnzoo.testing.answers import answers

STEP = 1e-6  # of differences


class LossContract:
    """Tests of a loss.

    Attributes:
        name: as a task has it; it is found in the current project or by its entry point.
        outputs: how many a read-out has.
    """

    name: str = ""
    outputs: int = 3

    def load(self) -> Loss:
        return losses.load(self.name)

    def answers(self) -> tuple[Array, Array]:
        """Targets and logits, (2, 5) answers."""
        return answers(self.load().targets, self.outputs)

    def test_it_says_what_it_is(self) -> None:
        assert 10 < len(self.load().about) < 120

    def test_every_answer_has_a_finite_loss_of_its_own(self) -> None:
        y, logits = self.answers()
        loss = self.load()
        whole = in_float64(loss, y, logits)
        assert whole.shape == (2, 5)
        assert np.isfinite(whole).all()
        for row in range(2):
            np.testing.assert_allclose(
                in_float64(loss, y[row : row + 1], logits[row : row + 1])[0], whole[row], rtol=1e-12
            )

    def test_the_slope_is_that_of_the_value(self) -> None:
        y, logits = self.answers()
        loss = self.load()
        slope = loss.slope(y, logits)
        assert slope.shape == logits.shape
        for output in range(self.outputs):
            step = STEP * (np.arange(self.outputs) == output)
            difference = (
                in_float64(loss, y, logits + step) - in_float64(loss, y, logits - step)
            ) / (2 * STEP)
            given = slope[..., output]
            if loss.targets == "labels":  # whose answers are of several steps
                given = given.sum(-1)
            np.testing.assert_allclose(given, difference, rtol=1e-5, atol=1e-7)

    def test_it_is_trained_as_it_is_in_float64(self) -> None:
        y, logits = self.answers()
        loss = self.load()
        np.testing.assert_allclose(
            in_tensors(loss, y, logits), in_float64(loss, y, logits), rtol=1e-4, atol=1e-5
        )
