"""A multi-layer perceptron in NumPy: ReLU, softmax, and Adam (https://arxiv.org/abs/1412.6980)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from . import Floats, Integers

_MOMENTUM, _SQUARES, _LEAST = 0.9, 0.999, 1e-8  # the constants that the paper of Adam proposes
_AT_ONCE = 1024  # images of an evaluation that are in memory at a time


class Perceptron:
    """``widths`` are inputs, hidden layers, outputs. The same seed trains the same model."""

    def __init__(self, widths: Sequence[int], seed: int, batch: int, learning_rate: float) -> None:
        self._random = np.random.default_rng(seed)
        self._batch, self._rate = batch, learning_rate
        self._weights: list[Floats] = []
        for inputs, outputs in pairwise(widths):
            # The scale of He et al., https://arxiv.org/abs/1502.01852: ReLU halves the variance of each layer.
            drawn = self._random.standard_normal((inputs, outputs)) * np.sqrt(2 / inputs)
            self._weights += [drawn.astype(np.float32), np.zeros(outputs, np.float32)]
        self._means = [np.zeros_like(one) for one in self._weights]
        self._squares = [np.zeros_like(one) for one in self._weights]
        self._steps = 0

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return sum(one.size for one in self._weights)

    def train_epoch(self, images: Floats, labels: Integers) -> float:
        """Every image once, in a new order. Returns the mean loss before each step, in nats."""
        order = self._random.permutation(len(images))
        lost = 0.0
        for begin in range(0, len(order), self._batch):
            chosen = order[begin : begin + self._batch]
            lost += self._step(images[chosen], labels[chosen]) * len(chosen)
        return lost / len(order)

    def evaluate(self, images: Floats, labels: Integers) -> tuple[float, Integers]:
        """The mean loss, in nats, and the digit that each image is taken for."""
        lost = 0.0
        said = []
        for begin in range(0, len(images), _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            shares = _softmax(self._layers(images[part])[-1])
            lost += float(_losses(shares, labels[part]).sum())
            said.append(shares.argmax(1))
        return lost / len(images), np.concatenate(said)

    def tensors(self) -> dict[str, Floats]:
        """``layer.0.weight`` (inputs, outputs), ``layer.0.bias``, ..."""
        names = ("weight", "bias")
        return {f"layer.{i // 2}.{names[i % 2]}": one for i, one in enumerate(self._weights)}

    def _layers(self, images: Floats) -> list[Floats]:
        """What enters each layer, and last what leaves the last one."""
        values = [images]
        last = len(self._weights) // 2 - 1
        for layer in range(last + 1):
            out = values[-1] @ self._weights[2 * layer] + self._weights[2 * layer + 1]
            values.append(out if layer == last else np.maximum(out, 0))
        return values

    def _step(self, images: Floats, labels: Integers) -> float:
        values = self._layers(images)
        shares = _softmax(values[-1])
        loss = float(_losses(shares, labels).mean())
        error = shares
        error[np.arange(len(labels)), labels] -= 1
        error /= len(labels)
        slopes: list[Floats] = [np.empty(0, np.float32)] * len(self._weights)
        for layer in reversed(range(len(self._weights) // 2)):
            slopes[2 * layer], slopes[2 * layer + 1] = values[layer].T @ error, error.sum(0)
            if layer:
                error = (error @ self._weights[2 * layer].T) * (values[layer] > 0)
        self._adam(slopes)
        return loss

    def _adam(self, slopes: list[Floats]) -> None:
        self._steps += 1
        rate = np.float32(self._rate * np.sqrt(1 - _SQUARES**self._steps) / (1 - _MOMENTUM**self._steps))
        for weights, slope, mean, square in zip(
            self._weights, slopes, self._means, self._squares, strict=True
        ):
            mean += (1 - _MOMENTUM) * (slope - mean)
            square += (1 - _SQUARES) * (slope * slope - square)
            weights -= rate * mean / (np.sqrt(square) + _LEAST)


def _softmax(values: Floats) -> Floats:
    grown = np.exp(values - values.max(1, keepdims=True))
    shares: Floats = grown / grown.sum(1, keepdims=True)
    return shares


def _losses(shares: Floats, labels: Integers) -> Floats:
    """The cross entropy of each image; a share of zero counts as the least float."""
    right = shares[np.arange(len(labels)), labels]
    losses: Floats = -np.log(np.maximum(right, np.finfo(np.float32).tiny))
    return losses
