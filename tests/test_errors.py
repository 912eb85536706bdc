"""Errors are a problem and a fix before they are text, and name arguments as their caller writes
them.
"""

from __future__ import annotations

import errno
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rnnzoo
from rnnzoo import errors
from rnnzoo.cli import main
from rnnzoo.errors import (
    RnnzooError,
    Span,
    SpecError,
    StoreError,
    TaskError,
    UsageError,
    store_error,
)
from rnnzoo.spec.cell import built_in_names

ROOT = Path(rnnzoo.__file__).parent
SPEC = """\
experiment: small
task: {name: adding, length: 5}
variants: [rnn]
search: {trials: 3, space: {units: 4}}
"""


@pytest.mark.parametrize("kind", [RnnzooError, UsageError, TaskError, StoreError])
def test_an_error_has_its_problem_and_its_fix_also_in_another_process(
    kind: type[RnnzooError],
) -> None:
    error = pickle.loads(pickle.dumps(kind("it is wrong", "mend it")))
    assert (error.problem, error.fix) == ("it is wrong", "mend it")
    assert str(error) == "it is wrong\n  fix: mend it"
    assert str(kind("it is wrong")) == "it is wrong"


def test_what_arrives_as_one_text_is_taken_apart() -> None:
    error = StoreError("it is wrong\n  fix: mend it")
    assert (error.problem, error.fix) == ("it is wrong", "mend it")
    assert str(error) == "it is wrong\n  fix: mend it"


def test_a_spec_error_has_the_fields_of_its_first_mistake() -> None:
    first, second = (
        errors.Mistake(Span("a.yaml", line, 1, "x"), f"wrong {line}", "mend") for line in (1, 2)
    )
    error = pickle.loads(pickle.dumps(SpecError(second, first)))
    assert (error.problem, error.fix, error.mistakes) == ("wrong 1", "mend", (first, second))


def test_problem_and_fix_become_text_in_one_place() -> None:
    joins = re.compile(r"\\n *fix: ")
    joined = [path for path in ROOT.rglob("*.py") if joins.search(path.read_text())]
    assert joined == [ROOT / "errors.py"]


def test_what_is_no_mistake_is_called_a_warning_where_it_becomes_text() -> None:
    span = Span("a.yaml", 1, 1, "x")
    told = str(errors.Mistake(span, "it is odd", "mend it", warning=True))
    assert told.startswith("a.yaml:1:1: warning: it is odd\n")
    assert str(errors.Remark("it is odd", "mend it")) == "warning: it is odd\n  fix: mend it"
    called = [path for path in ROOT.rglob("*.py") if '"warning: ' in path.read_text()]
    assert called == [ROOT / "errors.py"]


def test_counts_and_lists_read_as_a_sentence_has_them() -> None:
    counts = [errors.number_of(count, "trial") for count in (0, 1, 2)]
    assert counts == ["0 trials", "1 trial", "2 trials"]
    assert errors.number_of(2, "study", "studies") == "2 studies"
    assert errors.listed(["a"]) == "a"
    assert errors.listed(["a", "b", "c"], "or") == "a, b or c"


def test_what_rounds_to_nothing_has_no_minus() -> None:
    assert [errors.signed(number) for number in (-0.0004, 0.0, -0.0006)] == [
        "+0.000", "+0.000", "-0.001",
    ]  # fmt: skip
    assert [errors.signed(number, 0) for number in (-0.4, 12.0)] == ["+0", "+12"]
    assert [errors.in_percent(number) for number in (-0.004, -0.0, 0.63)] == ["0 %", "0 %", "63 %"]
    assert [errors.score_text(number) for number in (-0.00004, -0.25, 2.7e11, None)] == [
        "0.0000", "-0.2500", "2.7e+11", "",
    ]  # fmt: skip


def test_every_sign_in_print_is_left_out_where_a_number_rounds_to_nothing() -> None:
    files = [path for kind in ("*.py", "*.j2") for path in ROOT.rglob(kind)]
    assert [path for path in files if re.search(r":\+[.,\d{]", path.read_text())] == []


@pytest.mark.parametrize(
    ("arguments", "python", "command_line"),
    [
        ({"workers": 0}, "workers must be at least 1, not 0", "--workers: must be a whole number"),
        (
            {"trials": 1_000_001},
            "trials must be a whole number from 1 to 1,000,000, not 1000001",
            "--trials must be a whole number from 1 to 1,000,000, not 1000001",
        ),
        (
            {"overrides": ["search.trails=2"]},
            'overrides=["search.trails=2"]: an',
            "--set search.trails=2: an",
        ),
        ({"overrides": ["search"]}, 'write overrides=["key=value"]', "write --set key=value"),
        ({"overrides": ["training.epochs=x"]}, "overrides:1:17: `epochs`", "--set:1:17: `epochs`"),
        ({"again": "faild"}, "again='faild': no trials", "--again faild: no trials"),
    ],
)
def test_an_argument_is_named_as_its_caller_writes_it(
    arguments: dict[str, object],
    python: str,
    command_line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(SPEC)
    with pytest.raises(RnnzooError) as caught:
        rnnzoo.run("spec.yaml", **arguments)  # type: ignore[arg-type]
    assert python in str(caught.value)
    assert "--" not in str(caught.value)
    words = []
    for name, value in arguments.items():
        given = value[0] if isinstance(value, list) else value
        words += [{"overrides": "--set"}.get(name, f"--{name}"), str(given)]
    assert main(["sweep", "spec.yaml", *words]) == 2
    assert command_line in capsys.readouterr().err


def test_a_file_in_the_place_of_a_folder_is_no_bug_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a file").touch()
    for words in (["schema", "--write", "a file"], ["gallery", "a file"]):
        assert main(words) == 1
        told = capsys.readouterr().err
        assert told.startswith("a file: ")
        assert "fix: move away what is there, or choose another place" in told


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder in which none is made")
def test_a_folder_that_nobody_can_make_is_no_bug_of_ours(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["schema", "--write", "/proc/schemas"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("/proc/schemas: No such file or directory\n")
    assert "fix: nothing can be made there: choose another place" in told
    with pytest.raises(FileNotFoundError) as caught:
        Path("/proc/schema.json").write_text("")
    assert errors.in_the_way(caught.value) == "nothing can be made there: choose another place"


def test_a_file_that_is_missing_is_not_taken_for_one_that_cannot_be_made(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path / "no folder" / "missing"):
        with pytest.raises(FileNotFoundError) as caught:
            path.read_text()
        assert errors.in_the_way(caught.value) == ""
    assert errors.in_the_way(FileNotFoundError(errno.ENOENT, "a file of ours is missing")) == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("words", "code"),
    [("list tasks", 0), ("show nowhere --json", 2), ("--help", 0)],
)
def test_a_reader_that_has_left_changes_no_exit_code_and_is_no_bug(
    words: str, code: int, unbuffered: str
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    command = [sys.executable, "-m", "rnnzoo", *words.split()]
    with open(writer, "w") as left:
        done = subprocess.run(
            command, check=False, env=environment, stdout=left, stderr=subprocess.PIPE
        )
    told = done.stderr.decode()
    assert (done.returncode, "Error" in told, "BrokenPipe" in told) == (code, False, False), told


def test_a_disk_that_is_full_is_told_where_output_is_kept_back() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}
    command = [sys.executable, "-m", "rnnzoo", "list", "tasks"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command, check=False, env=environment, stdout=full, stderr=subprocess.PIPE
        )
    assert done.returncode == 1
    assert done.stderr.decode().endswith(
        "fix: make room on that disk, and give the same command again\n"
    )


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("nofoget", "nfg"),  # `nog` has as many characters of it
        ("gur", "gru"),  # a swap is one slip, where `sgu` needs two
        ("lsmt", "lstm"),
        ("lstn", "lstm"),
        ("peepholes", "peephole"),
        ("mamab", "mamba"),
        ("reset_after", "gru_reset_after"),
        ("LSTM", "lstm"),
        ("vanilla", None),
    ],
)
def test_the_cell_that_a_slip_means_is_named(slip: str, meant: str | None) -> None:
    assert errors.close(slip, built_in_names()) == ([meant] if meant else [])


def test_a_swap_of_neighbours_is_nearer_than_another_letter() -> None:
    assert errors.close("mea", ["mse", "mae", "mad"]) == ["mae"]
    assert errors.close("tset", ["test", "seat", "sets"]) == ["test"]


@pytest.mark.parametrize(
    ("reason", "fix"),
    [
        ("No module named 'psycopg2'", "pip install 'rnnzoo[postgresql]'"),
        ("No module named '_sqlite3'", "use a Python that has it"),
        ("database is locked", "another program holds it"),
        ("the moon is full", "see that it runs and can be reached"),
    ],
)
def test_what_a_storage_says_has_a_fix_that_fits(reason: str, fix: str) -> None:
    assert fix in str(store_error("the storage", "mysql://db/x", reason, "storage"))
