"""Models of trials of a study, begun anew."""

from __future__ import annotations

from rnnzoo.api.again import again
from rnnzoo.api.value import Results
from rnnzoo.nn import train


def begun_anew(results: Results, variant: str, index: int) -> train.Model:
    """The model of a trial as it was before its first epoch.

    Args:
        variant: with the mark of its stage, as `gru~round`.
    """
    trial = again(results.experiment, variant, "", index, lambda *_: None).trial
    task, problem = train.data_for(trial)
    assert task is not None, problem
    return train.Model(trial, task)
