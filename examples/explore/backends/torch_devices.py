"""Values on their way to a device of PyTorch, and the end of its work."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


def wait(device: str) -> None:
    """Until the GPU has done what it was asked for: its work is charged to the window that asked."""
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()


def on(device: str, values: NDArray[Any]) -> torch.Tensor:
    """The values as a tensor on the device."""
    return torch.from_numpy(np.ascontiguousarray(values)).to(device)
