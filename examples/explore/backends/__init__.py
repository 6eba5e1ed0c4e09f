"""What trains and runs the models: NumPy, which is always there, or PyTorch."""

from __future__ import annotations

import importlib.util
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import Unusable, install
from ..models import Spec

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
NAMES = ("auto", "numpy", "torch")
DEVICES = ("auto", "cpu", "cuda", "mps")


class Classifier(Protocol):
    """A model that says which digit an image shows."""

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""

    def train_epoch(self, images: Floats, labels: Integers) -> float:
        """Every image once, in a new order. Returns the mean loss, in nats."""

    def evaluate(self, images: Floats, labels: Integers) -> tuple[float, Integers]:
        """The mean loss, in nats, and the digit that each image is taken for."""

    def tensors(self) -> dict[str, Floats]:
        """What was trained, by name."""


class Generator(Protocol):
    """A model that draws digits."""

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""

    def train_epoch(self, images: Floats, labels: Integers) -> float:
        """Every image once. Returns the mean loss; its unit is the model's own."""

    def evaluate(self, images: Floats, labels: Integers) -> float:
        """The mean loss."""

    def draw(self, labels: Integers) -> Floats:
        """An image (side * side) of each digit asked for, from 0 to 1."""

    def tensors(self) -> dict[str, Floats]:
        """What was trained, by name."""


class Backend(Protocol):
    """A library on a device. ``name`` is ``numpy`` or ``torch``, ``device`` one of ``cpu``, ``cuda``, ``mps``."""

    name: str
    device: str
    hardware: str
    software: str

    def classifier(
        self, spec: Spec, side: int, seed: int, batch: int, learning_rate: float
    ) -> Classifier: ...

    def generator(self, kind: str, side: int, seed: int, batch: int, learning_rate: float) -> Generator: ...


def has_torch() -> bool:
    """Whether PyTorch is installed; it is not loaded."""
    return importlib.util.find_spec("torch") is not None


def choose(backend: str, device: str, needs_torch: str = "", threads: int = 1) -> Backend:
    """The backend and device asked for; ``needs_torch`` names what only PyTorch can do. Raises Unusable."""
    if backend == "numpy" and needs_torch:
        raise Unusable(f"--backend numpy cannot do {needs_torch}; use --backend torch")
    if backend == "numpy" and device not in ("auto", "cpu"):
        raise Unusable(f"--device {device}: NumPy works on the CPU only; use --backend torch")
    if not has_torch() and (needs_torch or backend == "torch" or device not in ("auto", "cpu")):
        asked = needs_torch or (f"--device {device}" if device not in ("auto", "cpu") else "--backend torch")
        raise Unusable(f"{asked} needs PyTorch, which is not installed here: {install('torch')}")
    if backend == "numpy" or not has_torch():
        from .with_numpy import NumpyBackend

        return NumpyBackend()
    from .with_torch import TorchBackend

    return TorchBackend(device, threads)
