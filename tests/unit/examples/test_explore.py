"""The example that trains several small models: what it measures, what it keeps, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.slow
pytest.importorskip("sklearn", reason="the example needs scikit-learn: group demo")


def explored(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"GRAMWATT_SOCKET_PATH": str(folder / "none.sock")}
    command = [
        sys.executable,
        str(ROOT / "examples/digits/explore.py"),
        "--runs",
        str(folder / "runs"),
        *arguments,
    ]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=300, cwd=folder)


def test_without_an_exporter_it_trains_says_so_and_keeps_nothing(tmp_path: Path) -> None:
    done = explored(tmp_path, "--models", "mlp:8", "mlp:16", "--epochs", "2")
    assert done.returncode == 0, done.stderr
    small, large = done.stdout.strip().splitlines()[-2:]
    assert (small.split()[0], large.split()[0]) == ("mlp:8", "mlp:16")
    assert small.split()[1] == "610"  # 64 x 8 + 8 + 8 x 10 + 10
    assert "not measured" in small
    assert done.stdout.count("epoch 2/2") == 2
    assert not (tmp_path / "runs").exists()


def test_a_kept_run_is_read_and_not_trained(tmp_path: Path) -> None:
    asked = "import explore; print(*(explore.key('mlp:8', epochs, 1) for epochs in (2, 3)))"
    keys = subprocess.run(
        [sys.executable, "-c", asked],
        capture_output=True,
        text=True,
        cwd=ROOT / "examples/digits",
        check=True,
    ).stdout.split()
    assert len(set(keys)) == 2  # other work is another run
    folder = tmp_path / "runs" / keys[0]
    folder.mkdir(parents=True)
    summary = {
        "model": "mlp:8",
        "parameters": 610,
        "accuracy": 0.9,
        "joules": 1.5,
        "grams": None,
        "when": "today",
    }
    (folder / "summary.json").write_text(json.dumps(summary))
    done = explored(tmp_path, "--models", "mlp:8", "--epochs", "2")
    assert "mlp:8: kept run of today; its energy is not spent again" in done.stdout
    assert "epoch" not in done.stdout
    assert "1.5 J" in done.stdout


@pytest.mark.parametrize("model", ["mlp:0", "cnn:3", "mlp:", "mlp:64;rm"])
def test_a_model_that_is_none_is_named_before_anything_trains(tmp_path: Path, model: str) -> None:
    done = explored(tmp_path, "--models", "mlp:8", model)
    assert done.returncode == 2
    assert "write mlp: and the widths of its layers" in done.stderr
    assert done.stdout == ""
