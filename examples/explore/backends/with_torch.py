"""PyTorch as a backend, on the CPU or a GPU: MLPs, CNNs, and conditional variational autoencoders (CVAE)."""

from __future__ import annotations

import torch

from ..errors import Unusable
from ..models import Spec
from . import Classifier, Generator
from .autoencoder import Autoencoder
from .machine import processor
from .networks import Network, layers
from .simple_generators import PixelGenerator, PrincipalComponents


class TorchBackend:
    """``device`` is ``auto``, ``cpu``, ``cuda`` or ``mps``. Raises Unusable for one that is not there."""

    name = "torch"

    def __init__(self, device: str, threads: int) -> None:
        self.device = _found(device)
        self.hardware = torch.cuda.get_device_name() if self.device == "cuda" else processor()
        self.software = f"PyTorch {torch.__version__}"
        torch.set_num_threads(threads)

    def classifier(self, spec: Spec, side: int, seed: int, batch: int, learning_rate: float) -> Classifier:
        """An MLP or a CNN on the device."""
        torch.manual_seed(seed)
        return Network(layers(spec, side).to(self.device), side, seed, batch, learning_rate)

    def generator(self, kind: str, side: int, seed: int, batch: int, learning_rate: float) -> Generator:
        """``cvae-mlp`` or ``cvae-cnn`` on the device; ``pca`` and ``pixel`` by NumPy. Raises Unusable."""
        if kind in ("pca", "pixel"):
            return PrincipalComponents(seed) if kind == "pca" else PixelGenerator(seed)
        torch.manual_seed(seed)
        return Autoencoder(kind, side, seed, batch, learning_rate, self.device)


def _found(device: str) -> str:
    there = ["cpu"]
    if torch.cuda.is_available():
        there.append("cuda")
    if torch.backends.mps.is_available():
        there.append("mps")
    if device == "auto":
        return there[-1]
    if device not in there:
        raise Unusable(f"--device {device} is not on this machine; PyTorch finds {' and '.join(there)}")
    return device
