"""What every task promises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from rnnzoo import tasks
from rnnzoo.tasks import SPLITS, Task


class TaskContract:
    """Tests of a task.

    Attributes:
        name: as in a spec; it is found where a spec finds it, in the current project or by its
            entry point.
        options: over its own, as few sequences as may be.
    """

    name: str = ""
    options: ClassVar[Mapping[str, Any]] = {}

    def load(self, seed: int = 0) -> Task:
        return tasks.load(self.name, self.options, seed=seed)

    def test_it_says_what_it_is(self) -> None:
        assert 10 < len(tasks.module(self.name).ABOUT) < 120

    def test_a_task_that_can_be_solved_says_so_before_its_data_are_there(self) -> None:
        assert getattr(tasks.module(self.name), "SOLVABLE", False) == (
            self.load().solved is not None
        )

    def test_its_loss_is_the_one_that_it_states(self) -> None:
        stated = getattr(tasks.module(self.name), "LOSS", self.load().loss)
        assert stated == self.load().loss

    def test_shapes_and_lengths_fit_together(self) -> None:
        task = self.load()
        for split in (task.splits[name] for name in SPLITS):
            count, time, inputs = split.x.shape
            assert inputs == (1 if task.vocabulary else task.inputs)
            assert split.lengths.shape == (count,)
            assert split.lengths.dtype == np.int32
            expected = (count, time) if task.per == "step" else (count,)
            assert split.y.shape[: len(expected)] == expected
            if task.targets == "labels":
                assert 0 <= split.y.min() < split.y.max() < task.outputs
            elif task.targets == "classes":
                assert split.y.ndim == len(expected)
                assert 0 <= split.y.min() <= split.y.max() < task.outputs
            else:
                assert split.y.shape[-1] == task.outputs

    def test_padding_holds_nothing(self) -> None:
        for split in self.load().splits.values():
            padding = np.arange(split.x.shape[1])[None] >= split.lengths[:, None]
            assert not split.x[padding].any()

    def test_the_same_words_give_the_same_data(self) -> None:
        first = self.load().digest
        assert self.load().digest == first
        assert len(first) == 64

    def test_baselines_are_scores_of_the_metric(self) -> None:
        baselines = self.load().baselines
        assert baselines
        assert all(score > 0 for score in baselines.values())

    def test_who_learns_nothing_has_not_solved_it(self) -> None:
        task = self.load()
        assert task.solved is None or 0 < task.solved < min(task.baselines.values())
