"""Cells and experiments as an adversary would write them: each is read, or refused with a place;
nothing else happens.

`RNNZOO_FUZZ` is how many files the long form makes (`mutate.spec` makes the one of each number),
`RNNZOO_FUZZ_FROM` the first number, so that a finding is run at once.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnzoo import lang, registry
from rnnzoo.errors import SpecError, UsageError
from rnnzoo.spec import read_experiment
from rnnzoo.spec.cell import built_in_names
from rnnzoo.spec.document import yaml_text
from tests.fuzz.mutate import MUTATIONS, ROOT, WORDS, spec
from tests.fuzz.reading import (
    Memory,
    Watch,
    cut_off,
    look_at,
    read_whole_experiment,
    reads_or_says_where,
)
from tests.samples import examples
from tests.strategies import cell_texts

SHORT, LONG = examples(400), 100_000
FIRST = int(os.environ.get("RNNZOO_FUZZ_FROM", "0"))
GROWTH = 200e6  # bytes that no file may take to read
SHOWN = 12  # findings that are told in full


@pytest.fixture(scope="module")
def watch() -> Watch:
    """A watch that begins when all has been imported that is imported late."""
    for name in built_in_names():
        look_at(lang.load(name))
    for name in registry.built_in("tasks"):
        registry.load("tasks", name)
    read_whole_experiment(ROOT / "experiments" / "gates.yaml")
    return Watch()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to work in, with cells of one's own and with traps: links out of it and in a circle,
    what is no file.
    """
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "experiments" / "cells", folder / "cells")
    (tmp_path / "secret.yaml").write_text(
        "name: secret\nequations: |\n  h = tanh(W @ x + h[t-1])\n"
    )
    (folder / "cells" / "outside.yaml").symlink_to(tmp_path / "secret.yaml")
    (folder / "cells" / "loop.yaml").symlink_to(folder / "cells" / "loop.yaml")
    (folder / "cells" / "folder.yaml").mkdir()
    os.mkfifo(folder / "cells" / "pipe.yaml")
    for number in range(40):  # each extends the next
        (folder / "cells" / f"deep_{number}.yaml").write_text(
            f"name: deep_{number}\nextends: deep_{number + 1}\n"
        )
    monkeypatch.chdir(folder)
    yield folder
    assert {path.name for path in tmp_path.iterdir()} == {"project", "secret.yaml"}
    assert {path.name for path in folder.iterdir()} <= {"cells", "spec.yaml"}


@dataclass
class Fuzz:
    """A series of files, with what was found."""

    project: Path
    watch: Watch
    weighed: bool = False  # whether the memory that each takes is looked at
    right: int = 0
    slowest: tuple[float, int] = (0.0, 0)  # seconds, and which it was
    largest: tuple[int, int] = (0, 0)  # bytes
    findings: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def run(self, numbers: range) -> None:
        for number in numbers:
            self.read(number)

    def read(self, number: int) -> None:
        """Make and read one file."""
        made = spec(number)
        path = Path("spec.yaml")
        path.write_bytes(made.data)
        memory = Memory() if self.weighed else None
        began = time.perf_counter()
        try:
            with cut_off(), self.watch.over(self.project):
                self.right += reads_or_says_where(path, made.kind)
            self.largest = max(self.largest, (memory.growth() if memory else 0, number))
            assert self.largest[0] < GROWTH, "too much memory"
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.note(number, error, f"{made.kind}, {', '.join(made.made_by)}")
        self.slowest = max(self.slowest, (time.perf_counter() - began, number))

    def note(self, number: int, error: BaseException, kind: str) -> None:
        """One finding for each place in the code and kind of error."""
        place, trace = "", error.__traceback__
        while trace is not None:
            name = trace.tb_frame.f_code.co_filename
            if "rnnzoo" in name or "fuzz" in name:
                place = f"{Path(name).name}:{trace.tb_lineno}"
            trace = trace.tb_next
        key = f"{type(error).__name__} at {place}"
        self.counts[key] = self.counts.get(key, 0) + 1
        self.findings.setdefault(
            key, f"{key}: {str(error)[:300]}\n    RNNZOO_FUZZ_FROM={number} ({kind})"
        )

    def report(self) -> str:
        told = [
            f"{text} ({self.counts[key]} times)"
            for key, text in list(self.findings.items())[:SHOWN]
        ]
        return "\n".join([f"{len(self.findings)} findings", *told])


def test_a_hostile_file_is_read_or_refused_with_a_place_and_nothing_else_happens(
    project: Path, watch: Watch
) -> None:
    fuzz = Fuzz(project, watch)
    fuzz.run(range(FIRST, FIRST + SHORT))
    assert not fuzz.findings, fuzz.report()


# Trees of the words that files know, in any place, with any value.
LEAVES = st.one_of(
    st.sampled_from(WORDS),
    st.integers(-3, 10**20),
    st.floats(),
    st.booleans(),
    st.none(),
    st.text(max_size=3),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=12,
)
TOP = {
    "cell": [
        "name",
        "title",
        "source",
        "extends",
        "options",
        "constants",
        "equations",
        "first_layer",
        "weights",
        "init",
        "initial",
        "output",
    ],
    "experiment": [
        "experiment",
        "about",
        "task",
        "tasks",
        "baseline",
        "variants",
        "controls",
        "equal",
        "search",
        "training",
        "select",
        "margin",
        "init",
        "resources",
        "claims",
        "share",
    ],
    "settings": ["tracking", "storage", "ui"],
}
GOOD = {
    "cell": {"name": "q", "equations": "h = tanh(W @ x + R @ h[t-1])\n"},
    "experiment": {"experiment": "e", "task": "adding", "variants": ["lstm", "gru"]},
    "settings": {},
}


@st.composite
def trees(draw: st.DrawFn) -> tuple[str, str]:
    """A kind of file, and the text of one whose keys are right and whose values may be anything."""
    kind = draw(st.sampled_from(sorted(TOP)))
    content = {**GOOD[kind], **draw(st.dictionaries(st.sampled_from(TOP[kind]), TREES, max_size=3))}
    return kind, yaml_text(content)


@st.composite
def damaged_cells(draw: st.DrawFn) -> tuple[str, str]:
    """A cell of the grammar, and what one or two mutations make of it."""
    text, random = draw(cell_texts()), draw(st.randoms(use_true_random=False))
    for name in draw(st.lists(st.sampled_from(sorted(MUTATIONS)), min_size=1, max_size=2)):
        text = MUTATIONS[name](random, text)
    return "cell", text


@given(st.one_of(trees(), damaged_cells()))
@settings(
    max_examples=examples(150),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_what_a_grammar_makes_is_read_or_refused_with_a_place(
    project: Path, watch: Watch, made: tuple[str, str]
) -> None:
    kind, text = made
    path = Path("spec.yaml")
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with cut_off(), watch.over(project):
        reads_or_says_where(path, kind)


KEYS = (
    "search.trials",
    "search.space.units",
    "task",
    "task.length",
    "task.file",
    "variants",
    "claims",
    "init",
    "training",
    "",
)


@given(st.sampled_from(KEYS), st.one_of(st.sampled_from(WORDS), st.text(max_size=8)), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_override_of_any_key_with_any_value_is_taken_or_refused(
    project: Path, watch: Watch, key: str, word: str, turned: bool
) -> None:
    with cut_off(), watch.over(project), contextlib.suppress(SpecError, UsageError):
        text = yaml_text(GOOD["experiment"])
        read_experiment.parse_experiment(
            text, "e.yaml", Path(), [f"{word}={key}" if turned else f"{key}={word}"]
        )


@pytest.mark.parametrize("name", ["outside", "beyond"])
def test_whether_a_file_outside_is_an_experiment_is_not_looked_up(
    name: str, project: Path, watch: Watch
) -> None:
    """A name may be that of a cell or of an experiment, and files are opened to tell."""
    (project / "cells" / "beyond.yaml").write_text("extends: ../../secret.yaml\n")
    (project / "spec.yaml").write_text(f"name: q\nextends: {name}\n")
    with watch.over(project), pytest.raises(SpecError, match=r"\.yaml:"):
        lang.load("spec.yaml")


@pytest.mark.slow
def test_a_hundred_thousand_hostile_files_change_nothing(project: Path, watch: Watch) -> None:
    count = int(os.environ.get("RNNZOO_FUZZ", LONG))
    fuzz = Fuzz(project, watch, weighed=True)
    fuzz.run(range(FIRST, FIRST + count))
    (seconds, slow), (held, large) = fuzz.slowest, fuzz.largest
    print(
        f"{count} files, {fuzz.right} right; slowest {seconds:.2f} s ({slow}); most"
        f" {held / 1e6:.0f} MB ({large})"
    )
    assert not fuzz.findings, fuzz.report()
