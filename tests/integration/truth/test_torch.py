"""Real PyTorch on the CPU, against getrusage: its threads outlive Python's first, and its workers are processes.

PyTorch is large and no dependency of Gramwatt. `make test-torch` puts its CPU build into an environment of its own;
without one these tests are skipped. TORCH_PYTHON names another interpreter that has it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bystanders import charged_by_used
from running import Exporter

TOLERANCE = 0.03
BOUND = 0.2  # CPU seconds, of everything on this machine
OURS = Path(__file__).parents[3] / ".torch/bin/python"
PYTHON = os.environ.get("TORCH_PYTHON") or (str(OURS) if OURS.exists() else sys.executable)
FIND = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"

TRAINING = """
import os, sys, torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

def main():
    torch.manual_seed(0)
    torch.set_num_threads(2)
    data = TensorDataset(torch.randn(512, 3, 32, 32), torch.randint(0, 10, (512,)))
    workers = int(sys.argv[1])
    loader = DataLoader(data, batch_size=64, num_workers=workers,
                        multiprocessing_context="spawn" if workers else None)
    model = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(),
                          nn.Flatten(), nn.Linear(16 * 32 * 32, 10))
    step = torch.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(int(sys.argv[2])):
        for images, labels in loader:
            step.zero_grad()
            nn.functional.cross_entropy(model(images), labels).backward()
            step.step()
    if sys.argv[3] == "at once":
        os._exit(0)

if __name__ == "__main__":
    main()
"""


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> str:
    if subprocess.run([PYTHON, "-c", FIND], check=False).returncode != 0:
        pytest.skip("PyTorch is not installed; make test-torch installs its CPU build")
    program = tmp_path_factory.mktemp("torch") / "training.py"
    program.write_text(TRAINING)
    return str(program)


@pytest.fixture(params=["listening", "falling_back"])
def running(request: pytest.FixtureRequest) -> Exporter:
    """With exit messages, and with what parents waited for alone."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Exporter)
    return found


@pytest.mark.parametrize(
    ("workers", "epochs", "end"), [(0, 6, "at leisure"), (0, 6, "at once"), (2, 1, "at leisure")]
)
def test_a_training_run_is_charged_once(
    running: Exporter, training: str, workers: int, epochs: int, end: str
) -> None:
    share = charged_by_used(running, [[PYTHON, training, str(workers), str(epochs), end]])
    assert share.codes == [0]
    assert share.programs == pytest.approx(1, abs=TOLERANCE)
    assert share.bystander == pytest.approx(1, abs=TOLERANCE)
    assert share.overbooked < BOUND
