"""Two generators without a gradient: independent pixels, and principal components. Each learns a digit by itself."""

from __future__ import annotations

import numpy as np

from . import Floats, Integers

_COMPONENTS = 24  # of the pixels' 64 or 784 directions


class PixelGenerator:
    """Each pixel of each digit is drawn by itself, by the mean and the deviation that it has in the training images.

    Loss: the mean squared difference to the digit's mean image.
    """

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._means = self._deviations = np.zeros((10, 0), np.float32)

    @property
    def parameters(self) -> int:
        """A mean and a deviation for each pixel of each digit."""
        return self._means.size + self._deviations.size

    def train_epoch(self, images: Floats, labels: Integers) -> float:
        """Means and deviations; a second time gives the same."""
        self._means = np.stack([images[labels == digit].mean(0) for digit in range(10)])
        self._deviations = np.stack([images[labels == digit].std(0) for digit in range(10)])
        return self.evaluate(images, labels)

    def evaluate(self, images: Floats, labels: Integers) -> float:
        """The mean squared difference; before the training, to blank paper."""
        means = self._means if self._means.size else np.zeros((10, images.shape[1]), np.float32)
        return float(((images - means[labels]) ** 2).mean())

    def draw(self, labels: Integers) -> Floats:
        """An image of each digit asked for."""
        noise = self._random.standard_normal((len(labels), self._means.shape[1])).astype(np.float32)
        drawn: Floats = np.clip(self._means[labels] + noise * self._deviations[labels], 0, 1)
        return drawn

    def tensors(self) -> dict[str, Floats]:
        """``mean`` and ``deviation`` (10, pixels)."""
        return {"mean": self._means, "deviation": self._deviations}


class PrincipalComponents:
    """Images are points of the space that their principal components span; each digit is a normal distribution there.

    Unlike independent pixels, pixels that are dark together are drawn together.
    Loss: the mean squared difference between an image and its nearest point of that space.
    """

    def __init__(self, seed: int, components: int = _COMPONENTS) -> None:
        self._random = np.random.default_rng(seed)
        self._count = components
        self._mean = np.zeros(0, np.float32)
        self._components = np.zeros((components, 0), np.float32)
        self._places = np.zeros((10, components), np.float32)
        self._spreads = np.zeros((10, components, components), np.float32)

    @property
    def parameters(self) -> int:
        """The mean image, the components, and of each digit its place and its spread."""
        return sum(one.size for one in self.tensors().values())

    def train_epoch(self, images: Floats, labels: Integers) -> float:
        """Components by eigenvectors of the covariance; a second time gives the same."""
        self._mean = images.mean(0)
        centred = images - self._mean
        _, vectors = np.linalg.eigh(centred.T @ centred / len(images))
        self._components = np.ascontiguousarray(vectors[:, ::-1][:, : self._count].T)
        places = centred @ self._components.T
        for digit in range(10):
            mine = places[labels == digit]
            self._places[digit] = mine.mean(0)
            # A root of the covariance turns independent noise into noise of this covariance. The small number keeps
            # it positive where a direction has no spread.
            covariance = np.cov(mine.T) + 1e-6 * np.eye(self._components.shape[0])
            self._spreads[digit] = np.linalg.cholesky(covariance)
        return self.evaluate(images, labels)

    def evaluate(self, images: Floats, labels: Integers) -> float:  # noqa: ARG002 - as every generator
        """The mean squared difference; before the training, to blank paper."""
        if not self._mean.size:
            return float((images**2).mean())
        centred = images - self._mean
        return float(((centred - centred @ self._components.T @ self._components) ** 2).mean())

    def draw(self, labels: Integers) -> Floats:
        """An image of each digit asked for."""
        noise = self._random.standard_normal((len(labels), self._components.shape[0])).astype(np.float32)
        places = self._places[labels] + np.einsum("nij,nj->ni", self._spreads[labels], noise)
        drawn: Floats = np.clip(places @ self._components + self._mean, 0, 1)
        return drawn

    def tensors(self) -> dict[str, Floats]:
        """``mean`` (pixels), ``components`` (count, pixels), ``place`` (10, count), ``spread`` (10, count, count)."""
        return {
            "mean": self._mean, "components": self._components, "place": self._places, "spread": self._spreads,
        }  # fmt: skip
