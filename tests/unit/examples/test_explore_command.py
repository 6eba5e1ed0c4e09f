"""The exploration's command without an exporter: what it trains, what it says, what it refuses."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.slow
pytest.importorskip("sklearn", reason="the example needs scikit-learn: group demo")
NO_TORCH = pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="PyTorch is installed")


def explored(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """The command as a user runs it, with no exporter to be found."""
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GRAMWATT_")},
        "GRAMWATT_SOCKET_PATH": str(folder / "none.sock"), "EXPLORE_RUNS": str(folder / "runs"), "COLUMNS": "100",
        "PYTHONPATH": str(ROOT / "examples"), **more,
    }  # fmt: skip
    command = [sys.executable, "-m", "explore", *arguments]
    return subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=300, cwd=folder, check=False
    )


def test_without_an_exporter_it_trains_says_so_and_keeps_nothing(tmp_path: Path) -> None:
    done = explored(tmp_path, "--models", "mlp:8", "mlp:16", "--epochs", "2")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("gramwatt: windows are not measured: ")
    assert len(done.stderr.splitlines()) == 1
    lines = done.stdout.splitlines()
    assert lines[-1].startswith("not measured, not kept: no exporter answered.")
    small, large = (line.split() for line in lines[-4:-2])
    assert (small[:2], large[0]) == (["mlp:8", "610"], "mlp:16")  # 64 x 8 + 8 + 8 x 10 + 10
    assert done.stdout.count("not measured") == 2 * 4 + 1  # train, eval, energy, CO2 of both
    for epoch in ("0/2", "1/2", "2/2"):
        assert done.stdout.count(f"epoch {epoch}") == 2
    assert all(len(line) <= 100 for line in lines)
    assert not (tmp_path / "runs").exists()


def test_a_terminal_of_plain_letters_is_enough(tmp_path: Path) -> None:
    done = explored(tmp_path, "--models", "mlp:8", "--epochs", "1", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "test images of 8 ? 8" in done.stdout


def test_generators_draw_without_an_exporter(tmp_path: Path) -> None:
    done = explored(tmp_path, "generate", "--images", "20")
    assert done.returncode == 0, done.stderr
    assert "pca        20 images drawn" in done.stdout
    pca = next(
        line.split() for line in done.stdout.splitlines() if line.startswith("pca ") and "7,600" in line
    )
    assert float(pca[2]) > 0.5  # the share that is recognised; guessing is right for a tenth


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--models", "mlp:8", "mlp:0"], "--models 'mlp:0' is no model: write mlp: and the widths"),
        (["--epochs", "0"], "argument --epochs: '0' is not a whole number from 1 to 10,000"),
        (["--learning-rate", "nan"], "argument --learning-rate: 'nan' is not a number above 0 and up to 1"),
        (["--data", "cifar"], "argument --data: invalid choice: 'cifar' (choose from"),
        (["--backend", "numpy", "--models", "cnn:4"], "--backend numpy cannot do cnn:4; use --backend torch"),
        (["--backend", "numpy", "--device", "cuda"], "--device cuda: NumPy works on the CPU only"),
        (["generate", "--kind", "gan"], "argument --kind: invalid choice: 'gan' (choose from"),
        (["generate", "--device", "cuda"], "--device cuda: pca and pixel work on the CPU only"),
        (["text", "--max-new-tokens", "0"], "argument --max-new-tokens: '0' is not a whole number from 1"),
        (["plot"], "no run is kept: run `python -m explore classify` first"),
        (["floor", "--most", "1e99"], "argument --most: '1e99' is not a whole number from 100"),
        (["paint"], "invalid choice: 'paint'"),
    ],
)
def test_what_cannot_be_used_is_named_before_anything_trains(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = explored(tmp_path, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@NO_TORCH
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--models", "cnn:16,32"], "cnn:16,32 needs PyTorch, which is not installed here: "),
        (["--device", "mps"], "--device mps needs PyTorch"),
        (["generate", "--kind", "cvae-cnn"], "cvae-cnn needs PyTorch"),
        (["text"], "text needs torch"),
    ],
)
def test_a_missing_package_is_one_line_that_installs_it(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = explored(tmp_path, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "-m pip install torch" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_floor_without_an_exporter_is_no_floor(tmp_path: Path) -> None:
    done = explored(tmp_path, "floor", "--most", "1e3", "--repeats", "1")
    assert done.returncode == 0
    assert "nothing was measured, so there is no floor to see" in done.stdout


def test_make_explore_hands_its_words_on(tmp_path: Path) -> None:
    environ = os.environ | {
        "GRAMWATT_SOCKET_PATH": str(tmp_path / "none.sock"),
        "EXPLORE_RUNS": str(tmp_path / "runs"),
    }
    command = [sys.executable, "-m", "stack.explore", "--models", "mlp:4", "--epochs", "1"]
    done = subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=120, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "mlp:4            epoch 1/1" in done.stdout
    refused = subprocess.run([*command, "--seed", "x"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert refused.returncode == 2
    assert "argument --seed" in refused.stderr
