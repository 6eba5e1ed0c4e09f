"""Scales from files: those that come with the package, and a directory of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import ScaleError
from .grading.decoding import decode
from .grading.recorded import grade_window
from .grading.scale import AbsoluteScale, EeiScale, RatedScale, Scale
from .model import Grade, Measurement, ScaleId, Window
from .reasons import said

BUILT_IN = Path(__file__).parent / "scales"


@dataclass(frozen=True, slots=True)
class LoadedScale:
    """A scale, its identity and the file it came from."""

    scale: Scale
    id: ScaleId
    file: Path
    replaces: str = ""  # the hash of the shipped scale whose name it has
    content: bytes = b""  # the YAML it was read from

    @property
    def grades_energy(self) -> bool:
        """Whether it grades the energy of a run and nothing else."""
        return isinstance(self.scale, EeiScale | AbsoluteScale)

    @property
    def grades_windows(self) -> bool:
        """Whether a recorded window alone is enough; other scales need a population."""
        return isinstance(self.scale, EeiScale | AbsoluteScale | RatedScale)


def load_scales(directory: str = "") -> Mapping[str, LoadedScale]:
    """Built-in scales, then those of ``directory``, which win by name. Raises ScaleError naming the file."""
    files = sorted(BUILT_IN.glob("*.yml"))
    if directory:
        folder = Path(directory)
        if not folder.is_dir():
            raise ScaleError(f"grading.scales_dir: {directory} is not a directory")
        files += sorted([*folder.glob("*.yml"), *folder.glob("*.yaml")])
    found = {}
    shipped: dict[str, str] = {}
    for file in files:
        try:
            text = file.read_bytes()
        except OSError as error:
            raise ScaleError(f"cannot read {file}: {error.strerror}") from None
        scale, identity = decode(text, str(file))
        if file.parent == BUILT_IN:
            shipped[scale.name] = identity.sha256
        found[scale.name] = LoadedScale(scale, identity, file, replaced(identity, shipped), text)
    return found


def replaced(identity: ScaleId, shipped: Mapping[str, str]) -> str:
    """The hash of the shipped scale whose name this one has and whose content it has not; else ""."""
    other = shipped.get(identity.name, "")
    return "" if other == identity.sha256 else other


def pick(scales: Mapping[str, LoadedScale], names: list[str]) -> list[LoadedScale]:
    """The named scales, in order. Raises ScaleError for one that is unknown or cannot grade windows."""
    usable = ", ".join(sorted(name for name, one in scales.items() if one.grades_windows))
    picked = []
    for name in names:
        if name not in scales:
            raise ScaleError(f"grading.scales: no scale {name!r} (known: {usable})")
        if not scales[name].grades_windows:
            raise ScaleError(
                f"grading.scales: scale {name!r} does not grade recorded windows (these do: {usable})"
            )
        picked.append(scales[name])
    return picked


def with_origin(graded: Grade, loaded: LoadedScale) -> Grade:
    """The grade, saying where its scale only has the name of a shipped one."""
    if graded.letter is None or not loaded.replaces:
        return graded
    return replace(graded, notes=(*graded.notes, said("own_scale", scale=loaded.id.name)))


def grade(loaded: LoadedScale, window: Window, measurement: Measurement, hardware: str = "") -> Grade:
    """Grade a window by its energy alone; what is missing is in the grade. Raises ScaleError for other scales."""
    if isinstance(loaded.scale, EeiScale | AbsoluteScale):
        return with_origin(grade_window(loaded.scale, loaded.id, window, measurement, hardware), loaded)
    raise ScaleError(f"scale {loaded.id.name!r} does not grade by energy alone")
