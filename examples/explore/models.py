"""What a model is called: ``mlp:256,128`` and ``cnn:16,32`` are the widths of its layers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import Unusable

_WRITTEN = re.compile(r"(mlp|cnn):(\d{1,4}(?:,\d{1,4}){0,4})")
_WIDEST = 4096
ALLOWED = (
    "mlp: and the widths of 1 to 5 layers, such as mlp:64 or mlp:256,128, "
    f"or cnn: and its channels, such as cnn:16,32; each from 1 to {_WIDEST}"
)


@dataclass(frozen=True)
class Spec:
    """One model. ``widths`` are neurons of an MLP's hidden layers, or channels of a CNN's convolutions."""

    kind: str
    widths: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.kind}:{','.join(map(str, self.widths))}"

    @property
    def needs_torch(self) -> bool:
        """Whether only PyTorch can train it here."""
        return self.kind == "cnn"

    def fits(self, side: int) -> None:
        """Raises Unusable where the images, of ``side`` pixels, are too small: each convolution halves them."""
        if self.kind == "cnn" and side >> len(self.widths) < 1:
            most = side.bit_length() - 1
            raise Unusable(
                f"--models {self}: each of its {len(self.widths)} layers halves images of {side} pixels; "
                f"give at most {most}"
            )


def read(text: str) -> Spec:
    """The model that a text names. Raises Unusable."""
    found = _WRITTEN.fullmatch(text)
    widths = tuple(int(one) for one in found[2].split(",")) if found else ()
    if found is None or not all(1 <= one <= _WIDEST for one in widths):
        raise Unusable(f"--models {text!r} is no model: write {ALLOWED}")
    return Spec(found[1], widths)
