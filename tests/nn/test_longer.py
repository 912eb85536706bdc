"""A finished training that goes on with more epochs ends as one that had them from the start: under
both backends, with a cell that draws random numbers.  `test_checkpoint.py` has a sample.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from rnnzoo import lang
from rnnzoo.lang.text import cell_text
from rnnzoo.nn.train import train
from rnnzoo.spec import state as files
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.trial import Ending, Kind, Progress, Trial
from tests.keras_process import printed
from tests.nn.test_other_backends import there
from tests.results import result_of

# what changes from epoch to epoch: orders, dropout, noise, the schedule, the optimiser's averages
TRAINING = Training(
    epochs=4, batch=16, schedule="decay", decay_from=2, weight_noise=0.01, noise=0.1
)
TRIAL = Trial(
    "e", "zoneout", cell_text(lang.load("zoneout_lstm")), "adding", 0,
    {"units": 3, "learning_rate": 0.02, "dropout": 0.2, "recurrent_dropout": 0.1},
    seed=3, training=TRAINING, task_options={"length": 6, "train": 40, "valid": 16, "test": 16},
)  # fmt: skip
PROGRAM = """
import json
from pathlib import Path
from dataclasses import replace
from tests.nn import test_longer
trial = test_longer.TRIAL
trial = replace(trial, training=replace(trial.training, backend="jax"))
print(json.dumps(test_longer.compared(trial, Path({folder!r}))))
"""


def of_epochs(trial: Trial, epochs: int, folder: Path) -> Trial:
    training = replace(trial.training, epochs=epochs)
    return replace(trial, training=training, folder=str(folder), keeps_state=True)


def compared(trial: Trial, folder: Path) -> dict[str, object]:
    """What comes of 2 epochs that go on for 4, beside 4 from the start."""
    told: list[int] = []

    def tell(progress: Progress) -> bool:
        told.append(progress.step)
        return True

    short, long = of_epochs(trial, 2, folder / "short"), of_epochs(trial, 4, folder / "long")
    first = train(short, tell)
    long.checkpoint.parent.mkdir(parents=True)
    shutil.copy(short.state, long.checkpoint)
    second = train(long, tell)
    whole = train(of_epochs(trial, 4, folder / "whole"), lambda progress: True)
    same = [
        result_of(second) == result_of(whole),
        second.ending is Ending.EPOCHS,
        len(first.curve) == 2,
    ]
    states = [asdict(files.read(of.state)) for of in (short, long)]
    spent = second.seconds["train"] > first.seconds["train"] > 0
    return {"same": same, "told": told, "states": states, "spent": spent}


def check(content: dict[str, object], backend: str) -> None:
    assert content["same"] == [True, True, True]
    assert content["told"] == [1, 2, 3, 4]
    assert content["spent"]
    assert [(state["epoch"], state["backend"]) for state in content["states"]] == [
        (2, backend),
        (4, backend),
    ]


@pytest.mark.slow
def test_it_goes_on_to_the_bit(tmp_path: Path) -> None:
    check(compared(TRIAL, tmp_path), "tensorflow")


@pytest.mark.slow
@there("jax")
def test_it_goes_on_to_the_bit_under_jax(tmp_path: Path) -> None:
    program = PROGRAM.format(folder=str(tmp_path))
    check(json.loads(printed(program, tmp_path, backend="jax").splitlines()[-1]), "jax")


@pytest.mark.slow
def test_of_one_that_ended_by_patience_more_patience_goes_on(tmp_path: Path) -> None:
    def trained(patience: int, folder: str) -> Trial:
        training = replace(TRAINING, epochs=8, patience=patience, decay_factor=1e-9)
        return replace(TRIAL, training=training, folder=str(tmp_path / folder), keeps_state=True)

    short, long = trained(1, "short"), trained(3, "long")
    first = train(short, lambda progress: True)
    assert (first.kind, first.ending) == (Kind.COMPLETE, Ending.PATIENCE)
    long.checkpoint.parent.mkdir(parents=True)
    shutil.copy(short.state, long.checkpoint)
    whole = train(replace(long, folder=str(tmp_path / "whole")), lambda progress: True)
    second = train(long, lambda progress: True)
    assert result_of(second) == result_of(whole)
    assert len(second.curve) > len(first.curve)
