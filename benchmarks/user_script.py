"""What a user would write today: Optuna, `keras.layers.RNN(cell)`, `model.fit`, MLflow.

`-m benchmarks.user_script FOLDER TRIALS` does the work of a sweep of rnnzoo over `SPEC`: the same
data, cell, sizes, epochs and number of trials, one thread.
"""

from __future__ import annotations

import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

EPOCHS, BATCH, UNITS = 10, 16, 64
SPEC = f"""\
experiment: speed
task: chorales
variants: [peephole]
baseline: peephole
search:
  sampler: random
  trials: 8
  seed: 1
  space:
    units: {UNITS}
    learning_rate: {{float: [1e-3, 1e-2], log: true}}
training: {{optimizer: adam, batch: {BATCH}, epochs: {EPOCHS}}}
"""


def main(folder: str, trials: int) -> None:
    began = time.perf_counter()
    import keras
    import mlflow
    import numpy as np
    import optuna
    import tensorflow as tf

    from benchmarks.keras_cells import CELLS
    from rnnzoo import tasks

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.set_experiment("speed")
    data = tasks.load("chorales", {})
    longest = max(split.x.shape[1] for split in data.splits.values())

    def arrays(name: str):  # type: ignore[no-untyped-def]
        split = data.splits[name]
        pad = [(0, 0), (0, longest - split.x.shape[1]), (0, 0)]
        x, y = (np.pad(array, pad).astype("float32") for array in (split.x, split.y))
        return x, y, (np.arange(longest)[None] < split.lengths[:, None]).astype("float32")

    sets = {name: arrays(name) for name in ("train", "validation", "test")}

    def objective(trial: optuna.Trial) -> float:
        rate = trial.suggest_float("learning_rate", 1e-3, 1e-2, log=True)
        with mlflow.start_run():
            mlflow.log_params({"units": UNITS, "learning_rate": rate})
            inputs = keras.Input((longest, data.inputs))
            hidden = keras.layers.RNN(CELLS["peephole"](UNITS), return_sequences=True)(inputs)
            model = keras.Model(
                inputs, keras.layers.Dense(data.outputs, activation="sigmoid")(hidden)
            )
            model.compile(keras.optimizers.Adam(rate), "binary_crossentropy")
            x, y, weights = sets["train"]
            validation = sets["validation"]
            history = model.fit(
                x,
                y,
                sample_weight=weights,
                batch_size=BATCH,
                epochs=EPOCHS,
                validation_data=validation,
                verbose=0,
            )
            for epoch, value in enumerate(history.history["val_loss"]):
                mlflow.log_metric("val_loss", value, step=epoch)
            mlflow.log_metric(
                "test_loss",
                model.evaluate(*sets["test"][:2], sample_weight=sets["test"][2], verbose=0),
            )
            return float(min(history.history["val_loss"]))

    study = optuna.create_study(
        storage=f"sqlite:///{folder}/optuna.db", sampler=optuna.samplers.RandomSampler(seed=1)
    )
    study.optimize(objective, n_trials=trials)
    print(f"{trials} trials in {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
