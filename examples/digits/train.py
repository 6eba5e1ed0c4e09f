"""Trains a classifier on real handwritten digits: the 1,797 scans that come with scikit-learn (UCI "optdigits").

    gramwatt run --name digits --phase training --task image-classification -- python examples/digits/train.py

Every training image is used five times per epoch: as it is, and moved by one pixel in four directions. Prints the
loss every ten epochs, and at the end the accuracy on the quarter of the images that was kept for testing.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

EPOCHS = 90
SIDE = 8  # pixels
Images = NDArray[np.float64]


def load(seed: int) -> tuple[Images, Images, NDArray[np.int64], NDArray[np.int64]]:
    """Images (n, 64) scaled to 0..1 and their digits: for training, for testing."""
    digits = load_digits()
    train, test, train_labels, test_labels = train_test_split(
        digits.data / 16.0, digits.target, test_size=0.25, random_state=seed, stratify=digits.target
    )
    return train, test, train_labels, test_labels


def nudged(images: Images) -> Images:
    """The images and their four copies moved by one pixel; what moves in is background."""
    square = images.reshape(-1, SIDE, SIDE)
    padded = np.pad(square, ((0, 0), (1, 1), (1, 1)))
    offsets = [(1, 1), (0, 1), (2, 1), (1, 0), (1, 2)]
    moved = [padded[:, down : down + SIDE, right : right + SIDE] for down, right in offsets]
    return np.concatenate(moved).reshape(-1, SIDE * SIDE)


def train(epochs: int, seed: int) -> float:
    """Train and return the accuracy on the test images, 0 to 1."""
    images, test_images, labels, test_labels = load(seed)
    images, labels = nudged(images), np.tile(labels, 5)
    model = MLPClassifier(
        hidden_layer_sizes=(512, 256), batch_size=64, learning_rate_init=3e-4, random_state=seed
    )
    order = np.random.default_rng(seed)
    for epoch in range(1, epochs + 1):
        shuffled = order.permutation(len(images))
        model.partial_fit(images[shuffled], labels[shuffled], classes=np.arange(10))
        if epoch % 10 == 0 or epoch == epochs:
            print(f"epoch {epoch:>3}/{epochs}  loss {model.loss_:.4f}", flush=True)
    accuracy = float(model.score(test_images, test_labels))
    print(
        f"{len(images) * epochs} samples trained, accuracy {accuracy:.4f} on {len(test_images)} test images"
    )
    return accuracy


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    # The matrices are too small for several threads: on a busy machine they wait for each other in loops, and the same
    # training takes five times the CPU time.
    with threadpool_limits(limits=1):
        train(arguments.epochs, arguments.seed)


if __name__ == "__main__":
    main()
