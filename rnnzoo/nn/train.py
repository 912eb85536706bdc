"""Trial -> Outcome: the training loop, ours and compiled, not `model.fit`.

In: a trial, and whom to tell after every epoch.  Out: what it yielded.  An epoch is one call of one
XLA executable: its steps, the backward passes and the optimiser's updates are a loop within it,
over data that stays on the device; or a few such calls, each over a portion of large data.  All
batches have one shape, or one of four with batches by length; evaluation of any split is a second
executable.  Nothing else is compiled in a trial, but what yields answers where further metrics are
asked for.
"""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from rnnzoo import backends, registry, tasks
from rnnzoo.errors import (
    RnnzooError,
    TaskError,
    TrainingError,
    UsageError,
    machine_fault,
    nearest,
    worded,
)
from rnnzoo.launchers import Tell
from rnnzoo.nn import checkpoint
from rnnzoo.nn.buckets import InBucket
from rnnzoo.nn.carry import Streams, side_by_side
from rnnzoo.nn.checkpoint import Course
from rnnzoo.nn.data import Batch, Portion, Resident, Streamed, ceil, data_of, dealt, grouped
from rnnzoo.nn.epochs import Score, Trained, finished, flow, log
from rnnzoo.nn.losses import (
    blank_padding,
    class_weights,
    cost_of_all,
    cost_of_mean,
    criterion,
    has_answers,
    joined,
    mean_weight,
    named,
    of_all,
)
from rnnzoo.nn.network import Network, seed_of
from rnnzoo.nn.packing import is_worth_it, room, room_of
from rnnzoo.nn.schedule import factor
from rnnzoo.nn.update import settings_of, updating
from rnnzoo.spec import stamp
from rnnzoo.spec.atomic import atomic_write
from rnnzoo.spec.hyperparameters import HYPERPARAMETERS, OPTIMIZERS, Training
from rnnzoo.spec.trial import PATH, Kind, Outcome, Trial
from rnnzoo.tasks import SPLITS, Task

Tensor = Any
EVALUATION_BATCH = 64  # at most, of every trial: scores do not depend on its own batch
LEAST = float(np.finfo(np.float32).tiny)
EVALUATED = 2**26  # bytes of inputs and answers that are in memory together where a split is scored


def train(trial: Trial, tell: Tell) -> Outcome:
    """Run one trial in this process: one thread, seeds from the trial.

    Raises:
        RnnzooError: the data or the cell cannot be had.
    """
    backends.current().one_thread()
    began = time.perf_counter()
    task, problem = data_for(trial)
    if task is None:
        return Outcome(Kind.INTERRUPTED, message=problem)
    loaded = time.perf_counter()
    model = Model(trial, task)
    return finished(flow(trial, model, began, {"data": loaded - began}), model, tell)


def data_for(trial: Trial) -> tuple[Task | None, str]:
    """The trial's task; or why its data are not those of its study, for which no variant is to
    blame.

    Raises:
        RnnzooError: the data cannot be had, and the trial is of no study that had them.
    """
    file = trial.task_options.get(PATH)
    again = f"the data of '{trial.task}' changed while the sweep ran{f', {file}' if file else ''}"
    fix = (
        "put back what was there; or give the same command again, which begins anew with the data"
        " as they are now"
    )
    try:
        task = tasks.of_study(trial.task, trial.task_options, trial.data, trial.home)
    except (TaskError, UsageError) as error:
        # where the study had them, what is wrong now has changed since
        if not trial.data:
            raise
        reason = error.parts[0].partition("\n")[0]
        return None, worded(f"{again}: {reason}", fix)
    if trial.data in ("", task.digest):
        return task, ""
    digests = (
        f"their digest is {task.digest[:12]} now, and was {trial.data[:12]} when the sweep began"
    )
    return None, worded(f"{again}: {digests}", fix)


class Model:
    """A trial's network, its optimiser, its data, and the two executables.

    Args:
        data: the task's, where they are on the device already.
        like: a model of the same shape (`spec.shape.shape_of`), whose data and executables this
            one shares; of a backend whose models can.
        size: units of its bucket (`nn.buckets`); 0 for a network of the trial's own size.
    """

    def __init__(
        self,
        trial: Trial,
        task: Task,
        data: Resident | Streamed | None = None,
        like: Model | None = None,
        size: int = 0,
    ) -> None:
        self.task = task
        self.criterion = criterion(task)
        self.cost_of_mean = cost_of_mean(task)
        self.training = trial.training
        self.class_weights: np.ndarray | None = None
        if trial.training.class_weight == "balanced":
            self.class_weights = class_weights(task)
        self.mean_weight = mean_weight(task)
        # a batch may have no answer that counts
        self.may_count_nothing = not has_answers(task.splits["train"], task.per == "step").all()
        self.network = InBucket(trial, task, size) if size else Network(trial, task)
        self.size = size
        self.weights = self.network.model.trainable_variables
        self.noise = _untrained(self.training.noise)
        self.weight_noise = _untrained(self.training.weight_noise)
        self.noise_seed, *self.weight_seeds = _seeds(trial, len(self.weights))
        self.data = data_of(task, self.training.group_by_length) if data is None else data
        # often shorter than what is evaluated
        self.longest = int(task.splits["train"].lengths.max())
        self.order = np.random.default_rng(seed_of(trial, "order"))
        self.best = [keras.Variable(weight, trainable=False) for weight in self.weights]
        # more would only be padding
        self.batch = min(self.training.batch, self.data.sizes["train"])
        self.steps = ceil(self.data.sizes["train"], self.batch)
        self.evaluated = evaluation_batch(task, self.data.time)
        self.most = ceil(max(self.data.sizes.values()), self.evaluated)
        self.room, self.evaluation_room = self._room()
        self.streams = self._streams()
        self.backend = backends.current()
        self.update = updating(_optimizer(self.training), self.weights, self.backend.joining)
        self.rate = float(self.update.optimizer.learning_rate)  # before any schedule
        read = [*self.network.model.variables, *self.update.variables]
        self.variables = [*read, *self.best]  # all that training changes
        self.kept = self.network.kept(self.update.variables, self.best)
        settings = self._settings()
        self.state = [*self.variables, *settings]  # all that differs from models of the same shape
        carried = {training: streams.variables for training, streams in self.streams.items()}
        self.read_in_training = [*read, *settings, *carried.get(True, ())]
        self.read_in_evaluation = [*self.network.model.variables, *carried.get(False, ())]
        self._epoch, self._scores, self._answers = self._compiled(like)

    def _streams(self) -> dict[bool, Streams]:
        """What is carried from batch to batch, of training and of evaluation; empty where sequences
        begin anew.
        """
        if not self.task.carry:
            return {}
        (layer,) = self.network.recurrent
        return {True: Streams(layer, self.batch), False: Streams(layer, self.evaluated)}

    def _compiled(self, like: Model | None) -> list[Callable[..., Any]]:
        """An epoch, evaluation, and what yields answers."""
        trained, evaluated = self.read_in_training, self.read_in_evaluation
        if like is not None:
            together = self.backend.together
            assert together is not None
            return [
                together.on(like._epoch, trained),
                together.on(like._scores, evaluated),
                together.on(like._answers, evaluated),
            ]
        return [
            self.backend.compiled(self.train_on, trained),
            self.backend.compiled(self.score_on, evaluated, runs_little=True),
            self.backend.compiled(self._answer, evaluated, runs_little=True),
        ]

    def _settings(self) -> list[keras.Variable]:
        """What a training reads at run time, and leaves as it is."""
        settings: list[keras.Variable] = []
        if self.backend.together is not None:  # elsewhere it would only change the last digits
            settings += settings_of(self.update.optimizer)
        if self.noise is not None:
            settings += [self.noise, self.noise_seed]
        if self.weight_noise is not None:
            settings += [self.weight_noise, *self.weight_seeds]
        return settings

    def _room(self) -> tuple[int, int]:
        """For how many rows packed batches of training and evaluation have room; 0 where they are
        padded.
        """
        data, task = self.data, self.task
        needs_padding = task.targets == "labels" or task.carry or self.noise is not None
        if not isinstance(data, Resident) or needs_padding:
            return 0, 0
        rows = room(task.splits["train"].lengths, self.batch)
        if not is_worth_it(rows, self.batch, self.longest) or not self.network.packs:
            return 0, 0
        evaluated = []
        for split in SPLITS:
            lengths = task.splits[split].lengths
            numbers, real = dealt(np.arange(len(lengths)), lengths, self.evaluated, self.most)
            evaluated.append(room_of(np.where(real > 0, lengths[numbers], 0)))
        return rows, max(evaluated)

    # -- what the loop asks

    def begin(self, trial: Trial) -> Course:
        """The course of the trial's training, from its beginning or from where it waits."""
        course = checkpoint.load(trial, self.kept)
        if course.curve:
            self.order.bit_generator.state = course.order
        for row in course.curve:  # its log begins anew
            log(row)
        return course

    def save_checkpoint(self, trial: Trial, course: Course) -> None:
        """Write all that the training needs to go on, where the trial keeps anything."""
        if trial.folder:
            course = replace(course, order=self.order.bit_generator.state)
            checkpoint.save(trial, course, self.kept)

    def keep_state(self, trial: Trial, course: Course) -> None:
        """Write the same at the end of the training, which more epochs would go on from."""
        if trial.folder and trial.keeps_state:
            course = replace(course, order=self.order.bit_generator.state)
            checkpoint.keep(trial, course, self.kept)

    def trained_epoch(self, epoch: int, losses: Sequence[float]) -> Trained:
        """Run an epoch.

        Args:
            losses: on validation, of the epochs before.
        """
        began = time.perf_counter()
        self.follow_schedule(losses)
        loss = self.epoch()
        validation = self.evaluate("validation")
        row = {
            "epoch": epoch,
            "train": loss,
            "validation": validation.metric,
            "seconds": time.perf_counter() - began,
        }
        return Trained(row, validation.loss)

    def epoch(self) -> float:
        """One pass over the training split in a new order, or in its own where states are carried;
        returns the mean loss before each update.
        """
        if self.streams:
            self.streams[True].begin()
        portions = self.data.portions(
            "train", self.next_order(), self.batch, self.longest, room=self.room
        )
        total, count = _totals(self._epoch, portions, 2)
        return float(total / count)

    def next_order(self) -> np.ndarray:
        """The sequences of train in the order of the next epoch."""
        if self.streams:
            return side_by_side(self.data.sizes["train"], self.batch)
        if self.training.group_by_length:
            return grouped(self.task.splits["train"].lengths, self.batch, self.order)
        return self.order.permutation(self.data.sizes["train"])

    def follow_schedule(self, losses: Sequence[float]) -> None:
        """Set the learning rate of the next epoch, after these losses on validation."""
        if self.training.schedule != "constant":
            self.update.optimizer.learning_rate = self.next_rate(losses)

    def next_rate(self, losses: Sequence[float]) -> float:
        """The learning rate of the next epoch, after these losses on validation."""
        return self.rate * factor(self.training, losses)

    def evaluate(self, split: str) -> Score:
        """Loss and metric of a split, averaged over all that counts."""
        if self.streams:
            self.streams[False].begin()
        return self._score(split, self._in_order(split))

    def _in_order(self, split: str) -> np.ndarray:
        """The sequences of a split in the order in which they are evaluated."""
        lengths = self.task.splits[split].lengths
        if self.streams:
            return np.arange(len(lengths))
        # a batch runs as many steps as its longest sequence has
        return np.argsort(-lengths, kind="stable")

    def by_length(self) -> dict[str, float]:
        """The metric of the sequences of `test` of each length, the shortest first; none of a
        length at which no answer counts.
        """
        test = self.task.splits["test"]
        lengths = test.lengths
        return {
            str(length): self._score("test", np.flatnonzero(lengths == length)).metric
            for length in np.unique(lengths[has_answers(test, self.task.per == "step")])
        }

    def _score(self, split: str, rows: np.ndarray) -> Score:
        """Loss and metric of some sequences of a split."""
        loss, metric, counted = map(float, _totals(self._scores, self.portions(split, rows), 3))
        if self.cost_of_mean is not None:
            return self.score_of(loss, metric, counted)
        # such a metric is of all answers together, which the sums above do not hold
        if self.streams:
            self.streams[False].begin()
        return Score(loss / counted, cost_of_all(self.task, *self._answered(split, rows)))

    def score_of(self, loss: float, metric: float, counted: float) -> Score:
        """The score that sums over all that counts make, of a metric that is a mean."""
        assert self.cost_of_mean is not None
        return Score(loss / counted, self.cost_of_mean(metric / counted))

    def portions(self, split: str, rows: np.ndarray | None = None) -> Iterator[Portion]:
        """What is evaluated: all of a split, or some sequences of it."""
        return self.data.portions(
            split,
            self._in_order(split) if rows is None else rows,
            self.evaluated,
            self.data.time,
            self.most,
            self.evaluation_room,
        )

    def also(self) -> dict[str, float]:
        """The other metrics of `test` that are asked for, where they can be told."""
        if self.streams:
            self.streams[False].begin()
        answered = self._answered("test", np.arange(self.data.sizes["test"]))
        scores = {name: of_all(named(self.task, name), *answered) for name in self.task.also}
        return {name: score for name, score in scores.items() if math.isfinite(score)}

    def _answered(self, split: str, rows: np.ndarray) -> list[np.ndarray]:
        """Of some sequences all that counts: targets and logits as metrics compare them, and how
        much each counts.
        """
        parts: list[tuple[np.ndarray, ...]] = []
        for portion in self.data.portions(split, rows, self.evaluated, self.data.time):
            parts += (self._answered_in(portion, number) for number in range(len(portion.rows)))
        y, logits, weights = (joined(arrays) for arrays in zip(*parts))
        return [*map(self.task.in_own_unit, (y, logits)), weights]

    def _answered_in(self, portion: Portion, number: int) -> tuple[np.ndarray, ...]:
        """The same of one batch."""
        alone = slice(number, number + 1)
        given = portion._replace(rows=portion.rows[alone], real=portion.real[alone])
        y, logits, weights = map(keras.ops.convert_to_numpy, self._answers(given))
        counts = weights > 0
        return y[counts], logits[counts], weights[counts]

    def keep(self) -> None:
        """Remember the weights as they are."""
        for kept, variable in zip(self.best, self.weights):
            kept.assign(variable)

    def restore(self) -> None:
        """Go back to the weights that were kept last."""
        for kept, variable in zip(self.best, self.weights):
            variable.assign(kept)

    def count(self) -> dict[str, int]:
        """Trained numbers of the recurrent layer, and of the whole model."""
        return self.network.count()

    def save(self, path: Path, trial: Trial) -> None:
        """Write the model as `.keras`, with the key of its trial."""
        with atomic_write(path) as draft:
            self.network.own().model.save(draft)
            stamp.write(draft, trial)

    # -- what is compiled

    def train_on(self, portion: Portion, totals: Sequence[Tensor]) -> tuple[Tensor, ...]:
        def step(number: Tensor, total: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
            real = portion.real[number]
            batch = self.data.batch(portion, number, self.longest)

            def error() -> tuple[Tensor, tuple[Tensor, Tensor]]:
                loss, _, counted = self._losses(batch, training=True)
                divisor = self._divisor(batch, counted, real)
                if self.may_count_nothing:  # of such a batch the loss is 0, and moves nothing
                    divisor = keras.ops.maximum(divisor, LEAST)
                return loss / divisor, (loss, counted)

            # the gradient is that at the weights with noise; it moves the weights without
            exact = self._disturbed()
            (loss, counted), gradients = self.backend.gradients(error, self.weights)
            for weight, value in zip(self.weights, exact):
                weight.assign(value)
            joined = self.update.joined(gradients)
            if self.training.clip_value:
                most = self.training.clip_value
                joined = [keras.ops.clip(gradient, -most, most) for gradient in joined]
            if self.training.clip:
                joined = self.backend.clipped(joined, self.training.clip)
            self.update.apply(joined)
            return total + loss, count + counted

        steps = portion.rows.shape[0] if portion.steps is None else portion.steps
        return self.backend.repeat(steps, step, totals)

    def _divisor(self, batch: Batch, counted: Tensor, real: Tensor) -> Tensor:
        """By what the loss of a batch is divided: how many answers it has, or sequences.

        Answers that count unequally are counted at their mean in train: divided by what they count
        in the batch, one alone in it would count like any other.
        """
        answers = counted if self.training.error == "mean" else keras.ops.sum(real)
        if self.mean_weight is None:
            return answers
        if self.training.error == "mean":
            answers = keras.ops.sum(keras.ops.cast(batch.weights > 0, "float32"))
        return self.mean_weight * answers

    def score_on(self, portion: Portion, totals: Sequence[Tensor]) -> tuple[Tensor, ...]:
        def step(number: Tensor, *totals: Tensor) -> tuple[Tensor, ...]:
            batch = self.data.batch(portion, number)
            new = self._losses(batch, training=False)
            return tuple(total + value for total, value in zip(totals, new))

        return self.backend.repeat(portion.steps, step, totals)

    def _answer(self, portion: Portion) -> tuple[Tensor, Tensor, Tensor]:
        """Targets, logits and weights of a portion's only batch."""
        batch = self.data.batch(portion, 0)
        logits = self._logits(self.network.read(batch.x), batch, training=False)
        return batch.y, logits, batch.weights

    def _losses(self, batch: Batch, training: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Sum of the loss, sum of the metric, and how much was counted."""
        x = self.network.read(batch.x)
        x = self._noisy(x) if training and self.noise is not None else x
        logits = self._logits(x, batch, training)
        losses, metrics = self.criterion(batch.y, logits)
        weights = batch.weights
        if self.class_weights is not None:
            losses *= keras.ops.take(self.class_weights, keras.ops.cast(batch.y, "int32"), axis=0)
        return (
            keras.ops.sum(losses * weights),
            keras.ops.sum(metrics * weights),
            keras.ops.sum(weights),
        )

    def _logits(self, x: Tensor, batch: Batch, training: bool) -> Tensor:
        """Answers, from an empty memory on or from what each stream has in it."""
        mask = batch.mask
        if not self.streams:
            logits = self.network.answer(x, mask, training, batch.packed)
            return blank_padding(logits, mask) if self.task.targets == "labels" else logits
        streams = self.streams[training]
        logits, states = self.network.go_on(x, mask, training, streams.start())
        streams.keep(states)
        return logits

    def _disturbed(self) -> list[Tensor]:
        """Put noise on all weights; returns what they were, or nothing where there is no noise."""
        if self.weight_noise is None:
            return []
        # copies: TensorFlow would hand on the variables, which change below
        exact = [keras.ops.copy(weight) for weight in self.weights]
        for weight, value, seed in zip(self.weights, exact, self.weight_seeds, strict=True):
            noise = self.backend.noise(tuple(weight.shape), seed.value, self.update.count.value)
            weight.assign(value + self.weight_noise * noise)
        return exact

    def _noisy(self, x: Tensor) -> Tensor:
        """Inputs with Gaussian noise, other noise at every step."""
        seed, count = self.noise_seed.value, self.update.count.value
        noise = self.backend.noise(keras.ops.shape(x), seed, count)
        return self.network.noisy(x, self.noise * noise)


def evaluation_batch(task: Task, time: int) -> int:
    """How many sequences are scored together: the task alone says it.  One, where states are
    carried from each to the next.

    Args:
        time: to how many steps they are padded.
    """
    numbers = task.inputs + (task.outputs if task.answers_steps else 0)
    batch = 1 if task.carry else EVALUATION_BATCH
    while batch > 1 and 4 * batch * time * numbers > EVALUATED:
        batch //= 2
    return batch


def _totals(
    compiled: Callable[..., Sequence[Tensor]], portions: Iterable[Portion], count: int
) -> list[np.ndarray]:
    """So many sums over all portions, each of which goes on from those before it, and is waited
    for: no two of them are in memory.
    """
    totals = [np.zeros((), np.float32)] * count
    for portion in portions:
        totals = [np.array(float(total), np.float32) for total in compiled(portion, totals)]
    return totals


def _untrained(value: float | None) -> keras.Variable | None:
    """A value as a variable, so that trainings with another share what is compiled."""
    return None if value is None else keras.Variable(value, trainable=False)


def _seeds(trial: Trial, weights: int) -> list[keras.Variable]:
    """Seeds of the noise on inputs, and of that on each weight; variables for the same reason."""
    purposes = ["noise", *(f"weight noise {number}" for number in range(weights))]
    seeds = [seed_of(trial, purpose) for purpose in purposes]
    return [keras.Variable(seed, trainable=False, dtype="int32") for seed in seeds]


def _optimizer(training: Training) -> keras.optimizers.Optimizer:
    name, rate, momentum = training.optimizer, training.learning_rate, training.momentum
    if name not in OPTIMIZERS:
        raise TrainingError(f"no optimiser '{name}'", nearest(name, OPTIMIZERS))
    arguments: dict[str, Any] = {}
    if momentum is not None:
        if name not in HYPERPARAMETERS["momentum"].optimizers:
            raise TrainingError(
                f"the optimiser '{name}' has no momentum", "search it `when: {optimizer: sgd}`"
            )
        arguments["momentum"] = momentum
        # while gradients stay the same, momentum makes steps 1 / (1 - momentum) times as long
        rate *= 1 - momentum if training.effective_rate else 1
        if training.nesterov and name in HYPERPARAMETERS["nesterov"].optimizers:
            arguments["nesterov"] = True
    if training.weight_decay is not None:
        arguments["weight_decay"] = training.weight_decay
    made: keras.optimizers.Optimizer = keras.optimizers.get(
        {"class_name": name, "config": {"learning_rate": rate, **arguments}}
    )
    return made


def look_for_other_libraries() -> None:
    """Have Keras look now for the libraries that it looks for once, when a model is saved."""
    keras.saving.serialize_keras_object(keras.layers.Dense(1))


def work(trial: Trial, tell: Tell) -> Outcome:
    """`train` for a launcher: what cannot run is an outcome, with the reason in the user's
    words.
    """
    try:
        return train(trial, tell)
    except (Exception, SystemExit) as error:  # the latter of code of one's own
        refusal = refused(error)
        if refusal is None:
            raise  # for the launcher to tell
        return refusal


def refused(error: BaseException) -> Outcome | None:
    """The outcome where what a user wrote cannot be trained; None where something else is the
    reason, such as the machine, for which no trial is to blame.
    """
    if machine_fault(error) or isinstance(error, MemoryError):
        return None
    if isinstance(error, RnnzooError):
        return Outcome(Kind.FAILED, message=str(error))
    of_plugin = registry.told(error)
    if not of_plugin:
        return None
    traceback.print_exception(error)  # to the trial's log
    return Outcome(Kind.FAILED, message=of_plugin)
