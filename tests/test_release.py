"""What is released: its version, its description, and the archives that are built of it."""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from datetime import date
from email.message import Message
from pathlib import Path

import pytest
import yaml
from packaging.version import Version

import rnnzoo
from rnnzoo.backends import facts
from rnnzoo.report import html

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
UV = Path(sys.executable).with_name("uv")


def test_a_citation_names_this_version() -> None:
    assert CITATION["version"] == rnnzoo.__version__
    assert CITATION["license"] == PROJECT["license"]
    assert {"cff-version", "message", "title", "authors"} <= {*CITATION}


def test_the_changelog_has_this_version_below_what_is_not_released() -> None:
    first, *released = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert first == "Unreleased"
    names, dates = zip(*(heading.split(" - ") for heading in released))
    assert names[0] == rnnzoo.__version__
    versions = [*map(Version, names)]
    assert versions == sorted(versions, reverse=True)
    assert [*dates] == sorted(dates, reverse=True)
    assert all(map(date.fromisoformat, dates))


def test_each_version_of_the_changelog_has_one_section_of_a_kind() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    kinds = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
    for of_version in text.split("\n## ")[1:]:
        sections = re.findall(r"^### (.+)$", of_version, re.M)
        assert sections == [kind for kind in kinds if kind in sections]


def test_pages_and_provenance_name_this_version_whenever_the_environment_was_set_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(facts, "version", lambda name: f"{name} of before")
    assert facts.versions(["rnnzoo"]) == {"rnnzoo": rnnzoo.__version__}
    page = html.render("gallery.html.j2", sections=[], count=0)
    assert f"Made by rnnzoo {rnnzoo.__version__}." in page


def test_the_classifiers_name_the_versions_of_python_that_are_allowed() -> None:
    named = {
        text.rpartition(" ")[2]
        for text in PROJECT["classifiers"]
        if text.startswith("Programming Language :: Python :: 3.")
    }
    assert PROJECT["requires-python"] == ">=3.11,<3.14"
    assert named == {"3.11", "3.12", "3.13"}


def built(folder: Path, *kinds: str, source: Path = ROOT) -> list[Path]:
    """Archives of a source, in a folder of their own."""
    targets = [word for kind in kinds for word in ("-t", kind)]
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", *targets, "-d", str(folder)],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return sorted(folder.iterdir())


def described(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist and the wheel of this checkout."""
    sdist, wheel = built(tmp_path_factory.mktemp("dist"), "sdist", "wheel")[::-1]
    return (sdist, wheel) if wheel.suffix == ".whl" else (wheel, sdist)


@pytest.mark.slow
def test_an_index_is_told_what_it_shows(archives: tuple[Path, Path]) -> None:
    _, wheel = archives
    metadata = described(wheel)
    assert metadata["Name"] == "rnnzoo"
    assert metadata["Version"] == rnnzoo.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata["Requires-Python"] == "<3.14,>=3.11"
    assert str(metadata.get_payload()).startswith("# rnnzoo\n")
    assert "Summary" in metadata
    assert len(metadata["Summary"]) < 512


@pytest.mark.slow
def test_the_wheel_of_the_sdist_is_the_wheel(archives: tuple[Path, Path], tmp_path: Path) -> None:
    sdist, wheel = archives
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    assert {"CHANGELOG.md", "CITATION.cff", "LICENSE", "README.md", "SECURITY.md"} <= {
        path.name for path in source.iterdir()
    }
    (again,) = built(tmp_path / "dist", "wheel", source=source)
    assert contents(again) == contents(wheel)


@pytest.mark.slow
def test_the_wheel_works_where_there_is_nothing_else_but_its_group(
    archives: tuple[Path, Path], tmp_path: Path
) -> None:
    _, wheel = archives
    python = tmp_path / "venv/bin/python"
    subprocess.run([UV, "venv", "-q", "-p", sys.executable, str(tmp_path / "venv")], check=True)
    install = (str(UV), "pip", "install", "-q", "-p", str(python))
    made = subprocess.run(
        [*install, "--group", f"{ROOT}/pyproject.toml:cells"],
        capture_output=True,
        text=True,
        check=False,
    )
    if "error sending request" in made.stderr or "Failed to fetch" in made.stderr:
        pytest.skip("no network")
    assert made.returncode == 0, made.stderr
    subprocess.run([*install, "--no-deps", str(wheel)], check=True)
    folder = tmp_path / "empty"
    folder.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def told(*command: str) -> str:
        return subprocess.run(
            [str(python.with_name("rnnzoo")), *command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert told("--version") == f"rnnzoo {rnnzoo.__version__}\n"
    assert told("list", "cells").count("\n") == len(list((ROOT / "rnnzoo/zoo").glob("*.yaml"))) - 1
    assert "report  " in told("demo", "--no-browser")
    assert "wrote lstm.html" in told("show", "lstm", "--html", "lstm.html")
