"""Data sets of many forms, each by a few lines of YAML: the same arrays, and the same scores of a
training, as conversions that are written by hand.

The data are those of the development folder; without it, nothing is tested.
"""

from __future__ import annotations

import gzip
import io
import json
import wave
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from rnnzoo import lang, tasks
from rnnzoo.lang.text import cell_text
from rnnzoo.nn.train import Model
from rnnzoo.spec.hyperparameters import Training
from rnnzoo.spec.read_experiment import parse_experiment
from rnnzoo.spec.trial import Trial
from rnnzoo.tasks import SPLITS, Split, Task
from tests.conftest import SHARED

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SHARED.is_dir(), reason="the development data are not here"),
]
Sequence_ = tuple[np.ndarray, np.ndarray]  # (steps, inputs), and its target or (steps, ...)
Converted = dict[str, list[Sequence_]]  # by split


# ------------------------------------------------------------------ conversions by hand


def cases(path: Path) -> list[tuple[np.ndarray, str]]:
    """Of a file of the UCR and UEA archives, the channels and the label of each line."""
    read = []
    for line in path.read_text().partition("@data\n")[2].split():
        *channels, label = line.split(":")
        values = [[float(value) for value in channel.split(",")] for channel in channels]
        read.append((np.array(values).T, label))
    return read


def archive(name: str) -> Callable[[Path], Converted]:
    def convert(folder: Path) -> Converted:
        known = {side: cases(folder / f"{name}_{side}.ts") for side in ("TRAIN", "TEST")}
        labels = sorted({label for _, label in known["TRAIN"]})

        def numbered(x: np.ndarray, label: str) -> Sequence_:
            return x.astype("float32"), np.array(labels.index(label), "int32")

        # validation is drawn out of train
        sides = {"train": known["TRAIN"], "test": known["TEST"]}
        return {name: [numbered(*line) for line in read] for name, read in sides.items()}

    return convert


def next_frames(rolls: Sequence[np.ndarray]) -> list[Sequence_]:
    return [(roll[:-1], roll[1:]) for roll in rolls]


def matlab(file: str) -> Callable[[Path], Converted]:
    def convert(folder: Path) -> Converted:
        content = scipy.io.loadmat(folder / file)
        keys = zip(SPLITS, ("traindata", "validdata", "testdata"))
        return {name: next_frames(content[key][0]) for name, key in keys}

    return convert


def chorales(folder: Path) -> Converted:
    content = json.loads((folder / "jsb-chorales-quarter.json").read_text())
    converted = {}
    for name, key in zip(SPLITS, ("train", "valid", "test")):
        rolls = []
        for piece in content[key]:
            roll = np.zeros((len(piece), 88), "uint8")
            for step, notes in enumerate(piece):
                for note in notes:
                    roll[step, note - 21] = 1
            rolls.append(roll)
        converted[name] = next_frames(rolls)
    return converted


def digits(folder: Path) -> Converted:
    images, labels = (
        gzip.decompress((folder / f"t10k-{kind}-ubyte.gz").read_bytes())
        for kind in ("images-idx3", "labels-idx1")
    )
    x = np.frombuffer(images, "uint8", offset=16).reshape(10_000, 28, 28).astype("float32") / 255
    y = np.frombuffer(labels, "uint8", offset=8).astype("int32")
    ends = {"train": (0, 8000), "validation": (8000, 9000), "test": (9000, 10_000)}
    return {name: list(zip(x[start:end], y[start:end])) for name, (start, end) in ends.items()}


def mel(frequency: float) -> float:
    return float(2595 * np.log10(1 + frequency / 700))


def bands(samples: np.ndarray) -> np.ndarray:
    """26 triangles of power, in frames of 200 samples, each begun 80 after the one before."""
    window = np.hanning(201)[:200]
    edges = np.linspace(0, mel(4000), 28)
    mels = np.array([mel(number * 8000 / 256) for number in range(129)])
    hertz = 700 * (10 ** (edges / 2595) - 1)
    shares = np.stack([
        np.interp(700 * (10 ** (mels / 2595) - 1), hertz[band : band + 3], [0, 1, 0])
        for band in range(26)
    ])  # fmt: skip
    rows = []
    for start in range(0, max(1, len(samples) - 199), 80):
        frame = np.zeros(200)
        part = samples[start : start + 200]
        frame[: len(part)] = part
        power = np.abs(np.fft.rfft(frame * window, 256)) ** 2
        rows.append(np.log(np.maximum(shares @ power, 1e-10)))
    return np.array(rows)


def speech(folder: Path) -> Converted:
    of_splits: dict[str, list[tuple[np.ndarray, int]]] = {name: [] for name in SPLITS}
    with zipfile.ZipFile(folder / "recordings.zip") as archive:
        for name in archive.namelist():
            if not name.endswith(".wav"):
                continue
            with wave.open(io.BytesIO(archive.read(name))) as file:
                samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
            digit, _, number = Path(name).stem.split("_")
            side = "test" if int(number) < 5 else "validation" if int(number) < 10 else "train"
            of_splits[side].append((bands(samples), int(digit)))
    known = np.concatenate([frames for frames, _ in of_splits["train"]])
    mean, spread = known.mean(0), known.std(0)

    def finished(frames: np.ndarray, digit: int) -> Sequence_:
        return ((frames - mean) / spread).astype("float32"), np.array(digit, "int32")

    return {side: [finished(*said) for said in read] for side, read in of_splits.items()}


def pen(folder: Path) -> Converted:
    of_splits: dict[str, list[tuple[np.ndarray, str]]] = {name: [] for name in SPLITS}
    with zipfile.ZipFile(folder / "strokes_background_small1.zip") as archive:
        for name in archive.namelist():
            if not name.endswith(".txt"):
                continue
            _, alphabet, character, file = name.split("/")
            drawer = int(file.removesuffix(".txt").split("_")[1])
            side = "train" if drawer <= 14 else "validation" if drawer <= 17 else "test"
            steps, before, lifted = [], None, 1.0
            for line in archive.read(name).decode().split():
                if line in ("START", "BREAK"):
                    lifted = 1.0
                    continue
                place = np.array([float(number) for number in line.split(",")[:2]])
                moved = np.zeros(2) if before is None else place - before
                steps.append([*moved, lifted])
                before, lifted = place, 0.0
            of_splits[side].append((np.array(steps), f"{alphabet}/{character}"))
    spread = np.concatenate([steps[:, :2] for steps, _ in of_splits["train"]]).std()
    every = chain.from_iterable(of_splits.values())
    names = sorted({label for _, label in every})

    def finished(steps: np.ndarray, label: str) -> Sequence_:
        scale = np.array([spread, spread, 1.0])
        return (steps / scale).astype("float32"), np.array(names.index(label), "int32")

    return {side: [finished(*drawing) for drawing in read] for side, read in of_splits.items()}


def windows(parts: dict[str, Sequence[str]], most: int = 0, window: int = 100) -> Converted:
    """Symbols by their rank in train, each with the one behind it."""
    counts = Counter(parts["train"])
    ranked = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))
    if most:
        ranked = ranked[:most]
    if "<unk>" not in ranked and set().union(*parts.values()) - set(ranked):
        ranked.append("<unk>")
    rank = {symbol: number for number, symbol in enumerate(ranked)}
    converted = {}
    for name, symbols in parts.items():
        unknown = rank.get("<unk>", -1)
        ids = np.array([rank.get(symbol, unknown) for symbol in symbols], "int32")
        shown, asked = ids[:-1, None], ids[1:]
        cuts = [slice(start, start + window) for start in range(0, len(asked), window)]
        converted[name] = [(shown[cut], asked[cut]) for cut in cuts]
    return converted


def characters(folder: Path) -> Converted:
    text = (folder / "input.txt").read_text()
    tenth = len(text) // 10
    first, last = len(text) - 2 * tenth, len(text) - tenth
    return windows({"train": text[:first], "validation": text[first:last], "test": text[last:]})


def plays(folder: Path) -> Converted:
    files = {"train": "hamlet", "validation": "dream", "test": "macbeth"}
    return windows({name: (folder / f"{play}.xml").read_text() for name, play in files.items()})


def words(folder: Path) -> Converted:
    def read(file: str) -> list[str]:
        lines = (folder / file).read_text().splitlines()
        return [*chain.from_iterable([*line.split(), "\n"] for line in lines)]

    known, test = map(read, ("valid.txt", "test.txt"))
    tenth = int(len(known) * 0.1)
    train, validation = known[:-tenth], known[-tenth:]
    parts = {"train": train, "validation": validation, "test": test}
    return windows(parts, most=5000, window=35)


# ------------------------------------------------------------------ the same by YAML


@dataclass(frozen=True)
class Case:
    """A data set.

    Attributes:
        folder: below the development data.
        task: what an experiment says.
        by_hand: the conversion.
        exact: whether numbers are the same to the last digit.
        trained: whether an epoch is cheap.
    """

    folder: str
    task: str
    by_hand: Callable[[Path], Converted]
    exact: bool = True
    trained: bool = True


TS = "{{name: table, scale: none, file: {{train: {0}_TRAIN.ts, test: {0}_TEST.ts}}}}"
CASES = [
    Case("japanese_vowels", TS.format("JapaneseVowels"), archive("JapaneseVowels")),
    Case("pen_digits", TS.format("PenDigits"), archive("PenDigits")),
    Case("jsb_chorales", "jsb_chorales", chorales),
    Case("piano_midi", "piano_midi", matlab("Piano_midi.mat")),
    Case("musedata", "muse_data", matlab("MuseData.mat"), trained=False),
    Case("mnist_t10k", "{name: mnist, images: test, read: rows}", digits),
    Case("fsdd", "{name: spoken_digits, features: log_mel}", speech, exact=False),
    Case("omniglot_strokes", "omniglot", pen),
    Case("tiny_shakespeare", "{name: text, file: input.txt}", characters),
    Case(
        "shakespeare_xml",
        "{name: text, file: {train: hamlet.xml, validation: dream.xml, test: macbeth.xml}}",
        plays,
    ),
    Case(
        "wikitext2",
        "{name: text, level: word, vocabulary: 5000, window: 35,"
        " file: {train: valid.txt, test: test.txt}}",
        words,
        trained=False,
    ),
]


@pytest.fixture(params=CASES, ids=lambda case: case.folder)
def case(request: pytest.FixtureRequest) -> Case:
    known: Case = request.param
    return known


@pytest.fixture
def folder(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data = SHARED / case.folder
    monkeypatch.setenv("RNNZOO_DATA", str(data))
    if case.folder != "shakespeare_xml":
        return data
    with zipfile.ZipFile(data / "shakespeare.zip") as packed:  # as its owner unpacks it
        packed.extractall(tmp_path)
    return tmp_path / "shakespeare"


def test_a_set_is_what_a_conversion_by_hand_makes_of_it(case: Case, folder: Path) -> None:
    spec = f"experiment: mine\ntask: {case.task}\nvariants: [lstm, gru]\n"
    (choice,) = parse_experiment(spec, str(folder / "mine.yaml"), folder).tasks
    task = tasks.prepare_choice(choice, folder)
    expected = by_split(case, task, case.by_hand(folder))
    for name in SPLITS:
        split = task.splits[name]
        assert len(split) == len(expected[name]), name
        for number, (x, y) in enumerate(expected[name]):
            (given_x,), (given_y,) = of_one(task, split, number)
            check = np.testing.assert_array_equal if case.exact else nearly_equal
            check(given_x, x)
            np.testing.assert_array_equal(given_y, y)
    if case.trained:
        ours, theirs = (scores(known) for known in (task, made_by_hand(task, expected)))
        np.testing.assert_allclose(ours, theirs, rtol=0 if case.exact else 1e-3)


def nearly_equal(given: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(given, expected, rtol=1e-3, atol=1e-3)


def of_one(task: Task, split: Split, number: int) -> tuple[np.ndarray, np.ndarray]:
    """A sequence without padding, and its targets."""
    length = int(split.lengths[number])
    taken = tasks.take(split, np.array([number]), length, task.per == "step")
    return taken.x, taken.y


def by_split(case: Case, task: Task, converted: Converted) -> Converted:
    """The sequences in the order in which the task has them, and where validation is drawn out of
    train, in its split.
    """
    if case.folder in ("fsdd", "omniglot_strokes"):  # archives, whose order is nobody's
        return {name: like(task, name, read) for name, read in converted.items()}
    if "validation" in converted:
        return converted
    sides: Converted = {"train": [], "validation": []}
    drawn = task.splits["validation"]
    members = Counter(key(*of_one(task, drawn, number)) for number in range(len(drawn)))
    for x, y in converted["train"]:
        is_validation = members[key(x, y)] > 0
        members[key(x, y)] -= is_validation
        sides["validation" if is_validation else "train"].append((x, y))
    return {**sides, "test": converted["test"]}


def key(x: np.ndarray, y: np.ndarray) -> tuple[bytes, int]:
    return np.ascontiguousarray(x).tobytes(), int(np.ravel(y)[0])


def like(task: Task, name: str, read: list[Sequence_]) -> list[Sequence_]:
    """Sequences in the order of a task's, by the nearest of the same class and length."""
    waiting: dict[tuple[int, int], list[Sequence_]] = {}
    for x, y in read:
        waiting.setdefault((int(y), len(x)), []).append((x, y))
    ordered = []
    for number in range(len(task.splits[name])):
        (x,), (y,) = of_one(task, task.splits[name], number)
        candidates = waiting[int(y), len(x)]
        nearest = int(np.argmin([np.abs(other - x).max() for other, _ in candidates]))
        ordered.append(candidates.pop(nearest))
    return ordered


def made_by_hand(task: Task, expected: Converted) -> Task:
    """The task of these arrays, padded; ids are one-hot."""
    splits = {}
    for name, read in expected.items():
        lengths = np.array([len(x) for x, _ in read], np.int32)
        parts, targets = map(list, zip(*read))
        if task.vocabulary:
            parts = [np.eye(task.vocabulary, dtype="uint8")[ids[:, 0]] for ids in parts]
        y = padded(targets, lengths) if task.per == "step" else np.array(targets)
        splits[name] = Split(padded(parts, lengths), y, lengths)
    return replace(task, splits=splits, vocabulary=0, digest="")


def padded(parts: Sequence[np.ndarray], lengths: np.ndarray) -> np.ndarray:
    whole = np.zeros((len(parts), lengths.max(), *parts[0].shape[1:]), parts[0].dtype)
    for row, part in zip(whole, parts):
        row[: len(part)] = part
    return whole


def scores(task: Task) -> list[float]:
    """The loss of an epoch of training, and loss and metric of test behind it."""
    trial = Trial(
        experiment="e", variant="rnn", cell=cell_text(lang.load("rnn")), task=task.name, index=0,
        hyperparameters={"units": 8, "learning_rate": 0.01}, seed=1, training=Training(batch=64),
    )  # fmt: skip
    model = Model(trial, task)
    loss = model.epoch()
    test = model.evaluate("test")
    return [loss, test.loss, test.metric]
