"""NumPy as a backend: multi-layer perceptrons, and the two generators that need no gradient."""

from __future__ import annotations

import numpy as np

from ..errors import Unusable
from ..models import Spec
from . import Classifier, Generator
from .machine import processor
from .perceptron import Perceptron
from .simple_generators import PixelGenerator, PrincipalComponents


class NumpyBackend:
    """Works on the CPU."""

    name = "numpy"
    device = "cpu"

    def __init__(self) -> None:
        self.hardware = processor()
        self.software = f"NumPy {np.__version__}"

    def classifier(self, spec: Spec, side: int, seed: int, batch: int, learning_rate: float) -> Classifier:
        """A multi-layer perceptron. Raises Unusable for any other model."""
        if spec.kind != "mlp":
            raise Unusable(f"--backend numpy cannot do {spec}; use --backend torch")
        return Perceptron((side * side, *spec.widths, 10), seed, batch, learning_rate)

    def generator(self, kind: str, side: int, seed: int, batch: int, learning_rate: float) -> Generator:  # noqa: ARG002
        """``pca`` or ``pixel``; both are computed in one pass, without batches. Raises Unusable."""
        if kind == "pca":
            return PrincipalComponents(seed)
        if kind == "pixel":
            return PixelGenerator(seed)
        raise Unusable(f"--backend numpy cannot do {kind}; use --backend torch")
