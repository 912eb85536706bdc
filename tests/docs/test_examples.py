"""Every example of the pages works: specs are right, commands are read, Python runs.

docs/language.md, docs/experiments.md and docs/python.md have parts of files, too; their own tests
put them where they belong (`tests/lang/test_docs.py`, `tests/spec/test_experiment.py`,
`tests/test_own_code.py`).
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from rnnzoo import cli, lang
from rnnzoo.cli import parser
from rnnzoo.lang.view import view
from rnnzoo.spec import settings
from tests.docs.blocks import ROOT, Block, commands, fenced, mentioned
from tools import labs

CELL = re.compile(r"^(name|extends): ", re.M)
EXPERIMENT = re.compile(r"^(experiment|task):", re.M)
PROJECT = re.compile(r"^(launcher|tracker): ", re.M)
PARTS = ("docs/language.md", "docs/experiments.md")  # whose parts of files have tests of their own
YAML = fenced("yaml")
EXPERIMENTS = [block for block in YAML if EXPERIMENT.search(block.text)]
OTHERS = [block for block in YAML if block not in EXPERIMENTS and block.page not in PARTS]
TABLE = """\
patient,visit,hour,pulse,pressure,dose,lab_a,ward,outcome,minute
1,1,0,70,120,0,1.5,east,well,0
1,1,1,71,121,1,1.6,east,well,7
2,1,0,90,140,0,2.5,west,ill,0
2,1,1,95,150,0,2.6,west,ill,9
"""
OF_LABS = {name: text for lab in labs.LABS for name, text in labs.files(lab).items()}
X = np.zeros((4, 3, 2), "float32")
SERIES = "@problemName vowels\n@classLabel true 1 2\n@data\n1,2,3:4,5,6:1\n2,3:5,6:2\n"
# Blocks of Python that are not run as they stand, by their first line, and why.
TORCH = (
    "    def step(self, x: Tensor, states: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:"
)
NOT_RUN = {
    TORCH: "a part of a module; compared with the module below",
    "from rnnzoo.testing.launchers import LauncherContract": "its launcher is in test_plugins",
    "from rnnzoo.testing.losses import LossContract": "a class for pytest; test_own_code has it",
    "from rnnzoo.testing.tasks import TaskContract": "a class for pytest; test_plugins has it",
    "# experiments/losses/huber.py": "a file of a project; test_own_code runs it",
    "# experiments/metrics/far_off.py": "a file of a project; test_own_code runs it",
    "# experiments/operations/snake.py": "a file of a project; test_own_code runs it",
    "Task(..., fills={\"dt\": (8,), \"mask\": (9, 10, 11, 12, 13, 14, 15, 16)})": "a call in short",
    "# experiments/tasks/bit_parity.py": "a file of a project; test_plugins runs it",
    "# answer: conveyor_belt/by-hand-weights": "a cell of a lab; test_labs runs it",
    "# answer: conveyor_belt/own-gradient": "a cell of a lab; test_labs runs it",
    "# answer: conveyor_belt/own-half-life": "a cell of a lab; test_labs runs it",
    'layer = rnnzoo.layer("experiments/cells/leaky.yaml", units=64)': "x is the reader's",
    "from rnnzoo.tasks import PackedSplit": "it reads a file of the reader's",
}  # fmt: skip
PYTHON = [block for block in fenced("python") if block.first not in NOT_RUN]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the experiments of the repository, and with the files that pages read."""
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "experiments", folder / "experiments")
    (folder / "results").mkdir()
    for name in ("chung2014.csv", "yao2015.csv"):
        shutil.copy(ROOT / "results" / name, folder / "results")
    for name in ("visits.csv", "ward.csv"):
        (folder / name).write_text(TABLE)
    (folder / "machines.csv").write_text(
        "run,second,current,vibration,bearing,belt\n1,0,1.5,0.1,ok,ok\n1,1,1.6,0.3,worn,ok\n"
    )
    (folder / "load.csv").write_text("hour,megawatts,temperature\n0,4.5,11\n1,4.7,12\n")
    (folder / "shakespeare.txt").write_text("To be, or not to be\n")
    for name in ("JapaneseVowels_TRAIN.ts", "JapaneseVowels_TEST.ts"):
        (folder / name).write_text(SERIES)
    np.savez(folder / "my.npz", x=X, y=np.array([0, 1, 0, 1]))
    for name, text in OF_LABS.items():
        (folder / name).write_text(text)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("block", EXPERIMENTS, ids=str)
def test_every_experiment_is_right(
    block: Block, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    is_beside_others = "file: ../" in block.text or "extends: gates.yaml" in block.text
    folder = project / "experiments" if is_beside_others else project
    if "kind: transcribe" in block.text:
        np.savez("my.npz", x=X, y=np.array([0, 1, 0, 1]), y_lengths=np.array([1, 1, 1, 1]))
    (folder / "shown.yaml").write_text(whole(block.text))
    assert cli.main(["check", str(folder / "shown.yaml")]) == 0, capsys.readouterr().out


def whole(text: str) -> str:
    """An experiment of a part of one."""
    if "extends:" in text:
        return text
    rest = {
        "experiment": "experiment: shown\n",
        "task": "task: adding\n",
        "variants": "variants: [lstm]\n",
    }
    return text + "".join(
        line for key, line in rest.items() if not re.search(rf"^{key}s?:", text, re.M)
    )


@pytest.mark.parametrize("block", OTHERS, ids=str)
def test_every_cell_and_every_file_of_settings_is_right(block: Block, project: Path) -> None:
    if PROJECT.search(block.text):
        (project / "mlflow.yml").write_text(block.text)
        assert settings.read(project / "mlflow.yml").launcher.name in block.text
        return
    is_whole = CELL.search(block.text)
    assert lang.parse_text(block.text if is_whole else f"name: part\nequations: |\n{block.text}")


@pytest.mark.parametrize(("page", "words"), commands())
def test_every_command_of_a_block_is_read(page: str, words: str) -> None:
    parser.parsed(shlex.split(words, comments=True))


@pytest.mark.parametrize(("page", "words"), mentioned())
def test_a_command_in_a_sentence_exists_with_its_options(page: str, words: str) -> None:
    name, *rest = shlex.split(words)
    options = parser.commands()[name].format_help()
    for option in [word.partition("=")[0] for word in rest if word.startswith("--")]:
        assert re.search(rf"{option}\b", options), f"{page}: rnnzoo {words}"


def test_blocks_that_are_not_run_are_on_the_pages() -> None:
    assert {*NOT_RUN} <= {block.first for block in fenced("python")}


@pytest.mark.parametrize("block", fenced("python"), ids=str)
def test_every_block_of_python_can_be_read(block: Block) -> None:
    compile(textwrap.dedent(block.text), str(block), "exec")


def test_the_module_of_pytorch_on_the_page_is_the_one_that_is_written() -> None:
    (block,) = [block for block in fenced("python") if block.first == TORCH]
    assert block.text in view("lstm").plain("torch")


@pytest.mark.slow
@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_every_block_of_python_runs(block: Block, project: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", block.text],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
