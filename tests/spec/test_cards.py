"""Which GPUs there are, by what a driver leaves in the file system."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnzoo.spec.cards import VISIBLE, cards, model


def with_cards(root: Path, *names: str) -> Path:
    (root / "dev").mkdir()
    for name in names:
        (root / "dev" / name).touch()
    return root


def test_a_machine_without_a_driver_has_none(tmp_path: Path) -> None:
    assert cards(tmp_path, {}) == ()
    assert cards(tmp_path, {VISIBLE: "0"}) == ()
    assert model(tmp_path) == ""


def test_what_is_beside_the_devices_is_none(tmp_path: Path) -> None:
    root = with_cards(tmp_path, "nvidiactl", "nvidia-uvm", "nvidia-caps", "nvidia0", "nvidia1")
    assert cards(root, {}) == ("0", "1")


def test_the_third_gpu_of_a_machine_is_the_first_of_a_container(tmp_path: Path) -> None:
    assert cards(with_cards(tmp_path, "nvidia2"), {}) == ("0",)


@pytest.mark.parametrize(
    ("visible", "shown"),
    [("", ()), ("-1", ()), ("1", ("1",)), ("1, 0", ("1", "0")), ("0,7,1", ("0",)),
     ("GPU-8932f937", ("GPU-8932f937",))],
)  # fmt: skip
def test_what_the_user_hides_is_hidden_as_cuda_hides_it(
    visible: str, shown: tuple[str, ...], tmp_path: Path
) -> None:
    """CUDA's guide: after the first number that is no device's, nothing is seen."""
    assert cards(with_cards(tmp_path, "nvidia0", "nvidia1"), {VISIBLE: visible}) == shown


def test_the_model_is_what_the_driver_calls_it(tmp_path: Path) -> None:
    folder = tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0"
    folder.mkdir(parents=True)
    (folder / "information").write_text("Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t 16\n")
    assert model(tmp_path) == "NVIDIA H100 80GB HBM3"
