"""Classifiers in PyTorch."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from ..models import Spec
from . import Floats, Integers
from .torch_devices import on, wait

_AT_ONCE = 1024  # images of an evaluation that are on the device at a time


def layers(spec: Spec, side: int) -> nn.Sequential:
    """The layers of a model for images (n, 1, side, side). A convolution of a CNN halves the image."""
    parts: list[nn.Module] = []
    if spec.kind == "cnn":
        channels, size = 1, side
        for width in spec.widths:
            parts += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            channels, size = width, size // 2
        return nn.Sequential(*parts, nn.Flatten(), nn.Linear(channels * size * size, 10))
    inputs = side * side
    parts.append(nn.Flatten())
    for width in spec.widths:
        parts += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*parts, nn.Linear(inputs, 10))


class Network:
    """``model``, on its device, trained by Adam."""

    def __init__(self, model: nn.Sequential, side: int, seed: int, batch: int, learning_rate: float) -> None:
        self._model, self._side, self._batch = model, side, batch
        self._random = np.random.default_rng(seed)
        self._adam = torch.optim.Adam(model.parameters(), lr=learning_rate)
        self._device = next(model.parameters()).device.type

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return sum(one.numel() for one in self._model.parameters())

    def train_epoch(self, images: Floats, labels: Integers) -> float:
        """Every image once, in a new order. Returns the mean loss before each step, in nats."""
        self._model.train()
        order = self._random.permutation(len(images))
        inputs, wanted = self._square(images[order]), on(self._device, labels[order])
        lost = torch.zeros((), device=self._device)
        for begin in range(0, len(order), self._batch):
            part = slice(begin, begin + self._batch)
            self._adam.zero_grad()
            loss = nn.functional.cross_entropy(self._model(inputs[part]), wanted[part])
            loss.backward()
            self._adam.step()
            lost += loss.detach() * len(wanted[part])
        wait(self._device)
        return float(lost) / len(order)

    def evaluate(self, images: Floats, labels: Integers) -> tuple[float, Integers]:
        """The mean loss, in nats, and the digit that each image is taken for."""
        self._model.eval()
        inputs, wanted = self._square(images), on(self._device, labels)
        lost = 0.0
        said = []
        with torch.no_grad():
            for begin in range(0, len(images), _AT_ONCE):
                part = slice(begin, begin + _AT_ONCE)
                values = self._model(inputs[part])
                lost += float(nn.functional.cross_entropy(values, wanted[part], reduction="sum"))
                said.append(values.argmax(1).cpu().numpy())
        return lost / len(images), np.concatenate(said)

    def tensors(self) -> dict[str, Floats]:
        """As PyTorch names them."""
        return {name: one.detach().cpu().numpy() for name, one in self._model.state_dict().items()}

    def _square(self, images: Floats) -> torch.Tensor:
        return on(self._device, images.reshape(-1, 1, self._side, self._side))
