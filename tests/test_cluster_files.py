"""The files of docs/cluster are what `dask` and a shell read."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rnnzoo.cli import cluster
from rnnzoo.launchers._certificates import files_of
from rnnzoo.launchers._cluster import RESOURCE

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "cluster"


def commands(text: str) -> list[str]:
    """The commands of Dask in a text, each on a line."""
    lines = text.replace("\\\n", " ").splitlines()
    return [line for line in lines if re.search(r"\bdask (scheduler|worker) .*--tls", line)]


def unknown_options(command: str) -> set[str]:
    """Options that Dask's own command line does not have."""
    from distributed.cli import dask_scheduler, dask_worker

    what = re.search(r"dask (scheduler|worker)", command)
    assert what
    parser = {"scheduler": dask_scheduler, "worker": dask_worker}[what[1]].main
    known = {option for parameter in parser.params for option in parameter.opts}
    return set(re.findall(r"(?<=\s)--[a-z][a-z-]+", command.partition(what[0])[2])) - known


@pytest.mark.parametrize("name", ["loopback.sh", "slurm.sh"])
def test_a_script_is_one(name: str) -> None:
    text = (FOLDER / name).read_text()
    shell = "bash" if "bash" in text.splitlines()[0] else "sh"
    subprocess.run([shell, "-n", str(FOLDER / name)], check=True)
    started = commands(text.replace("$(tls ", "--tls-ca-file $(tls "))
    assert started
    for command in started:
        assert unknown_options(command) == set()


def test_the_commands_that_are_printed_and_those_of_the_page_are_the_same_and_dask_knows_them() -> (
    None
):
    told = [cluster.scheduler(Path("certificates")), cluster.worker(Path("certificates"), 4)]
    assert commands((ROOT / "docs/cluster.md").read_text()) == [f"   {line}" for line in told]
    assert [unknown_options(line) for line in told] == [set(), set()]
    assert f"--resources {RESOURCE}=4" in told[1]


def test_the_file_for_kubernetes_starts_what_the_commands_start() -> None:
    documents = list(yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text()))
    service, *deployments = documents
    assert [each["kind"] for each in documents] == ["Service", "Deployment", "Deployment"]
    for deployment in deployments:
        template = deployment["spec"]["template"]
        labels = template["metadata"]["labels"]
        assert deployment["spec"]["selector"]["matchLabels"] == labels
        (container,) = template["spec"]["containers"]
        holder = container["name"]
        assert unknown_options(" ".join(container["command"])) == set()
        volumes = {volume["name"] for volume in template["spec"]["volumes"]}
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert volumes == set(mounts)
        files = dict(
            re.findall(r"--tls-(cert|key)=/certificates/(\S+)", " ".join(container["command"]))
        )
        assert (files["cert"], files["key"]) == files_of(holder)
    assert service["spec"]["selector"] == {"app": "rnnzoo-scheduler"}
    assert (
        f"tls://{service['metadata']['name']}:8786"
        in deployments[1]["spec"]["template"]["spec"]["containers"][0]["command"]
    )


SPEC = """\
experiment: loopback
task: {name: adding, length: 10, train: 64, valid: 16, test: 16}
variants: [rnn]
training: {epochs: 1}
search: {trials: 2, space: {units: 4}}
"""


@pytest.mark.slow  # half a minute: certificates, a scheduler, two workers and two trainings
def test_the_script_for_this_machine_sweeps_on_a_cluster(tmp_path: Path) -> None:
    binaries = Path(sys.executable).parent
    assert shutil.which("dask", path=str(binaries))
    (tmp_path / "spec.yaml").write_text(SPEC)
    done = subprocess.run(
        ["sh", str(FOLDER / "loopback.sh"), "spec.yaml"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=500,
        env={**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}", "PORT": "18786",
             "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 workers on" in done.stdout or "1 worker on" in done.stdout
    assert "[2/2] rnn" in done.stdout
    assert (tmp_path / "runs/loopback/report/report.html").is_file()
