"""Beside single steps: an epoch against its steps, `fit`, the first step cold and from the cache,
memory, a sweep against a script.

`python -m benchmarks.training`; one core, one thread.  Prints a line of JSON for each measurement.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks.user_script import SPEC
from rnnzoo.backends.tensorflow.cache import XLA_CACHE
from rnnzoo.spec.settings import BACKENDS, is_installed

ROOT = Path(__file__).parent.parent
CORE = int(os.environ.get("BENCH_CORE", (os.cpu_count() or 1) - 1))
SCRIPT = "script"
PIN = ["taskset", "-c", str(CORE)] if sys.platform == "linux" else []
EPOCH = """
import json, resource, statistics, time
import numpy as np, tensorflow as tf
from rnnzoo import lang, tasks
from rnnzoo.lang.text import cell_text
from rnnzoo import backends
from rnnzoo.nn.train import Model
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.trial import Trial
backends.current().one_thread()
task = tasks.load("chorales", {})
training = Training(epochs=1, patience=0)
trial = Trial(**{**SIMPLE, "cell": cell_text(lang.load("lstm")), "training": training})
model = Model(trial, task)
steps = model.steps
rows = np.arange(model.data.sizes["train"])
[portion] = model.data.portions("train", rows, 16, model.longest)
parts = [portion._replace(rows=portion.rows[step:step + 1], real=portion.real[step:step + 1])
         for step in range(steps)]
totals = [tf.zeros(())] * 2
began = time.perf_counter(); model.epoch(); first = time.perf_counter() - began
float(model._epoch(parts[0], totals)[0])
whole, single = [], []
for _ in range(12):
    at = time.perf_counter()
    float(model._epoch(portion, totals)[0])
    whole.append(time.perf_counter() - at)
    at = time.perf_counter()
    for part in parts:
        float(model._epoch(part, totals)[0])
    single.append(time.perf_counter() - at)
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"epoch_s": statistics.median(whole), "steps_s": statistics.median(single),
                  "steps": steps, "first_epoch_s": first, "memory_mb": memory}))
"""

FIT = """
import json, statistics, time
import keras, numpy as np, tensorflow as tf
import rnnzoo
from benchmarks.keras_cells import CELLS
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
steps, batch, time_, inputs, units = 30, 32, 100, 32, 64
rng = np.random.default_rng(0)
x = rng.standard_normal((steps * batch, time_, inputs)).astype("float32")
y = rng.integers(0, 10, steps * batch)
layers = {
    "ours": lambda: rnnzoo.layer("lstm", units),
    "keras": lambda: keras.layers.LSTM(units),
    "cell": lambda: keras.layers.RNN(CELLS["lstm"](units)),
}
models = {}
for name, make in layers.items():
    for jit in ("auto", True):
        model = keras.Sequential([keras.Input((None, inputs)), make(), keras.layers.Dense(10)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss, jit_compile=jit)
        model.fit(x, y, batch_size=batch, epochs=1, verbose=0)
        models[name + ("_jit" if jit is True else "")] = model
times = {name: [] for name in models}
for _ in range(5):
    for name, model in models.items():
        # on the core: TensorFlow's threads wait for each other in turns of the kernel's clock
        at = time.process_time()
        model.fit(x, y, batch_size=batch, epochs=1, verbose=0)
        times[name].append((time.process_time() - at) / steps * 1e3)
print(json.dumps({"fit_ms_" + name: statistics.median(one) for name, one in times.items()}))
"""


def fit() -> dict:
    """Milliseconds on the core of a step of `model.fit`, an LSTM at 32 x 100 x 32 x 64: our layer,
    Keras' own, the cell by hand.
    """
    return dict(json.loads(_python(FIT)))


def epoch() -> dict:
    """An epoch of the LSTM on the chorales in one call, against the same steps one call each."""
    simple = {
        "experiment": "speed", "variant": "lstm", "task": "chorales", "index": 0, "seed": 1,
        "hyperparameters": {"units": 64, "learning_rate": 0.01},
    }  # fmt: skip
    return dict(json.loads(_python(EPOCH.replace("SIMPLE", repr(simple)))))


def first_step(cache: Path) -> dict:
    """The first step of an LSTM, with an empty cache and then with what the first run left
    there.
    """
    ask = json.dumps({"make": ["ours", "lstm", 32, 100, 32, 64]}) + "\n"
    environment = {**os.environ, "TF_XLA_FLAGS": f"{XLA_CACHE}={cache}"}
    medians = {}
    for name in ("cold", "cached"):
        times = []
        for _ in range(1 if name == "cold" else 3):
            command = [*PIN, sys.executable, "-m", "benchmarks.tensorflow_worker"]
            done = subprocess.run(
                command,
                input=ask,
                env=environment,
                capture_output=True,
                text=True,
                cwd=ROOT,
                check=True,
            )
            times.append(json.loads(done.stdout)["first_ms"] / 1e3)
        medians[f"first_step_{name}_s"] = statistics.median(times)
    return medians


def sweep(folder: Path, few: int = 8, many: int = 24) -> dict:
    """Seconds of a sweep under each backend and of the script, all from the start of the program
    on, one worker: of a short one, and of a long one.  Their difference is what a trial takes, the
    rest what it takes to begin and to report.
    """
    (folder / "speed.yaml").write_text(SPEC)
    backends = [name for name in BACKENDS if is_installed(name)]
    runs = {name: partial(_sweep, name) for name in backends} | {SCRIPT: _script}
    seconds: dict[str, dict[int, float]] = {name: {} for name in runs}
    for trials in (few, many):
        for name, run in runs.items():
            place = folder / f"{name}-{trials}"
            place.mkdir()
            seconds[name][trials] = run(place, folder / "speed.yaml", trials)
    figures = {}
    for name, of in seconds.items():
        trial = (of[many] - of[few]) / (many - few)
        figures |= {
            f"{name}_{few}_s": of[few],
            f"{name}_{many}_s": of[many],
            f"{name}_trial_s": trial,
        }
    for name in backends:
        for measure in (f"{few}_s", f"{many}_s", "trial_s"):
            ratio = figures[f"{SCRIPT}_{measure}"] / figures[f"{name}_{measure}"]
            figures[f"{name}_{measure.removesuffix('_s')}_times"] = ratio
    return figures


def _sweep(backend: str, folder: Path, spec: Path, trials: int) -> float:
    (folder / spec.name).write_text(spec.read_text())
    command = [
        *PIN,
        sys.executable,
        "-m",
        "rnnzoo",
        "sweep",
        spec.name,
        "--workers",
        "1",
        "--trials",
        str(trials),
        "--set",
        f"training.backend={backend}",
    ]
    # a cache of its own: a long sweep would find compiled what a short one left there
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
    return time.perf_counter() - began


def _script(folder: Path, spec: Path, trials: int) -> float:
    command = [*PIN, sys.executable, "-m", "benchmarks.user_script", str(folder), str(trials)]
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return time.perf_counter() - began


def _python(program: str) -> str:
    done = subprocess.run(
        [*PIN, sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for figures in (epoch(), fit(), first_step(folder / "xla"), sweep(folder)):
            print(json.dumps({key: round(value, 3) for key, value in figures.items()}), flush=True)


if __name__ == "__main__":
    main()
