"""What the machine is made of: CPU and GPU models with their number, from files alone. Pure but for reading them.

Read once: models do not change while a machine runs, and a GPU that is added needs its driver loaded anew.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

_MODEL = re.compile(r"^(?:model name|Processor|cpu model|Model)\s*:\s*(.+)$", re.MULTILINE)
_PACKAGE = re.compile(r"^physical id\s*:\s*(\d+)$", re.MULTILINE)
_NVIDIA = re.compile(r"^Model:\s*(.+)$", re.MULTILINE)
_LONGEST = 96
_AMD_VENDOR = "0x1002"


class Part(Struct, frozen=True):
    """Devices of one model: ``component`` as in the metrics, ``devices`` how many the machine has."""

    component: str
    model: str
    devices: int


def hardware(procfs: str, sysfs: str) -> tuple[Part, ...]:
    """The CPUs and GPUs of the machine whose procfs and sysfs these are. Devices without a name are left out."""
    return (*_cpus(Path(procfs)), *_gpus(Path(procfs), Path(sysfs)))


def _cpus(procfs: Path) -> Sequence[Part]:
    text = _text(procfs / "cpuinfo")
    match = _MODEL.search(text)
    if match is None:
        return ()
    return (Part("cpu", _clean(match[1]), max(1, len(set(_PACKAGE.findall(text))))),)


def _gpus(procfs: Path, sysfs: Path) -> Sequence[Part]:
    """NVIDIA's driver and AMD's each name their boards in files that everybody may read."""
    models: Counter[str] = Counter()
    for file in sorted(procfs.glob("driver/nvidia/gpus/*/information")):
        if match := _NVIDIA.search(_text(file)):
            models[_clean(match[1])] += 1
    for card in sorted(sysfs.glob("class/drm/card*/device/product_name")):
        name = _clean(_text(card))
        if name and _text(card.parent / "vendor").strip() == _AMD_VENDOR:
            models[name] += 1
    return [Part("gpu", model, count) for model, count in sorted(models.items())]


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace")
    except OSError:
        return ""


def _clean(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:_LONGEST]
