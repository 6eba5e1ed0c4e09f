"""The files of a hwmon or IIO directory: text, labels, and which of them together measure one channel.

Units are the kernel's: hwmon power in microwatts, energy in microjoules, voltage in millivolts, current in milliamperes
(https://docs.kernel.org/hwmon/sysfs-interface.html); IIO power in milliwatts (Documentation/ABI/testing/sysfs-bus-iio).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

MOST_PRODUCTS = 16  # channels of volts times amperes on one chip: each costs two transfers on a slow bus

# Drivers of power monitors: voltage and current of one rail have one number, with or without labels. ina3221 has three
# rails; in4 to in7 are shunt voltages and their sum (https://docs.kernel.org/hwmon/ina3221.html).
_MONITORS = ("ina", "ltc", "isl28", "sq52", "lm5066", "lm25066")
_HIGHEST_CHANNEL = {"ina3221": 3}
_CHANNEL = re.compile(r"^(energy|power)(\d+)_(input|average)$")
_CURRENT = re.compile(r"^curr(\d+)_input$")
_RANK = {("energy", "input"): 0, ("power", "average"): 1, ("power", "input"): 2}
_IIO = re.compile(r"^in_power(\d*)_(?:input|raw)$")
# "vout1", "v_out +12v", "iout1", "curr +12v", "pout1", "power +12v": what is left after the quantity is the rail.
_QUANTITY = re.compile(
    r"^(?:volt(?:age)?s?|curr(?:ent)?s?|power|[vip](?=(?:_?in|_?out)))[ _-]*", re.IGNORECASE
)
# A sum of shunt voltages is no rail, and what a charger's contract says does not flow.
_NO_RAIL = re.compile(r"^sum of\b|\bcontract\b|\blimit\b|\bmax(?:imum)?\b", re.IGNORECASE)
_UNCONNECTED = ("nc", "n/c", "not connected")
_WRONG_UNIT = 100  # power this many times below volts times amperes is in another unit than microwatts
_ONE_WATT = 1_000_000


class Source(Struct, frozen=True):
    """One channel: ``path`` (times ``amperes``), its number and its label. ``scale`` makes microwatts of the value."""

    name: str  # power1, in1
    path: Path
    label: str = ""
    energy: bool = False
    amperes: Path | None = None
    scale: float = 1
    witness: Path | None = None  # the same channel's power beside its energy


def text(path: Path) -> str:
    """What a file says, without the space around it; "" where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def number(path: Path) -> int | None:
    """The whole number in a file; None where there is none."""
    try:
        return int(text(path))
    except ValueError:
        return None


def watts(path: Path) -> float:
    """Watts of a file in microwatts; 0 where it says nothing."""
    return max(0, number(path) or 0) / 1e6


def sources(folder: Path, driver: str) -> list[Source]:
    """The best file of each channel of a chip; those of older drivers sit under ``device/``."""
    if folder.name.startswith("iio:"):
        return _iio(folder)
    for place in (folder, folder / "device"):
        try:
            names = sorted(entry.name for entry in place.iterdir())
        except OSError:
            continue
        found = _direct(place, names)
        found += _products(place, names, driver, found)
        if found:
            return found
    return []


def _direct(folder: Path, names: list[str]) -> list[Source]:
    """Energy and power channels. energy1 and power1 are two views of one channel: the energy counter is better."""
    best: dict[tuple[str, str], tuple[int, str]] = {}  # by kind and number
    for name in names:
        match = _CHANNEL.match(name)
        if match is None:
            continue
        kind, channel, what = match.groups()
        rank = _RANK.get((kind, what))
        if rank is None or text(folder / f"{kind}{channel}_enable") == "0":
            continue
        if (kind, channel) not in best or rank < best[kind, channel][0]:
            best[kind, channel] = (rank, name)
    files = {key: name for key, (_, name) in best.items()}
    found: list[Source] = []
    counted: set[str] = set()
    for kind, channel in sorted(files, key=lambda key: (key[0], len(key[1]), key[1])):  # energy comes first
        label = _label(folder, f"{kind}{channel}")
        if kind == "energy":
            power = files.get(("power", channel))
            same = power is not None and _label(folder, f"power{channel}") in ("", label)
            witness = folder / power if power is not None and same else None
            found.append(
                Source(f"energy{channel}", folder / files[kind, channel], label, True, witness=witness)
            )
            counted.add(label)
        elif not _counted(folder, files, channel, label, counted):
            found.append(Source(f"power{channel}", folder / files[kind, channel], label))
    return sorted(found, key=lambda source: int(re.sub(r"\D", "", source.name)))


def _counted(
    folder: Path, files: dict[tuple[str, str], str], channel: str, label: str, counted: set[str]
) -> bool:
    """Whether an energy counter shows the same as this power channel: by its number, or by a label of its own."""
    if label and label in counted:
        return True
    twin = _label(folder, f"energy{channel}") if ("energy", channel) in files else None
    return twin is not None and (not label or not twin or twin == label)


def _products(folder: Path, names: list[str], driver: str, direct: list[Source]) -> list[Source]:
    """Channels of volts times amperes, where the chip has no power file for them."""
    found = []
    known = {_rail(source.label) for source in direct if source.label}
    numbers = {source.name.removeprefix("energy").removeprefix("power") for source in direct}
    for volts, amperes in _pairs(folder, names, driver):
        label = _label(folder, volts) or _label(folder, amperes)
        if _NO_RAIL.search(label) or label.lower() in _UNCONNECTED:
            continue
        if any(text(folder / f"{channel}_enable") == "0" for channel in (volts, amperes)):
            continue
        power = next((s for s in direct if not s.energy and _same_rail(s, label, amperes)), None)
        product = Source(volts, folder / f"{volts}_input", label, amperes=folder / f"{amperes}_input")
        if power is not None and _in_another_unit(power, product):
            direct.remove(power)
        elif _rail(label) in known if label else volts[2:] in numbers:
            continue
        found.append(product)
    return found[:MOST_PRODUCTS]


def _pairs(folder: Path, names: list[str], driver: str) -> Iterator[tuple[str, str]]:
    """Names of the voltage and the current of each rail ("in1", "curr1")."""
    have = set(names)
    currents = [int(match[1]) for match in map(_CURRENT.match, names) if match is not None]
    if driver.startswith(_MONITORS):
        for channel in sorted(currents):
            if f"in{channel}_input" in have and channel <= _HIGHEST_CHANNEL.get(driver, channel):
                yield f"in{channel}", f"curr{channel}"
        return
    rails: dict[str, str] = {}
    for name in names:
        if name.startswith("in") and name.endswith("_input"):
            volts = name.removesuffix("_input")
            label = _label(folder, volts)
            if label:
                rails.setdefault(_rail(label), volts)
    for current in sorted(currents):
        label = _label(folder, f"curr{current}")
        volts_of = rails.get(_rail(label)) if label else None
        if volts_of is not None:
            yield volts_of, f"curr{current}"


def _same_rail(power: Source, label: str, amperes: str) -> bool:
    if power.label and label:
        return _rail(power.label) == _rail(label)
    return power.name.removeprefix("power") == amperes.removeprefix("curr")


def _in_another_unit(power: Source, product: Source) -> bool:
    """Whether a power file says a hundredth or less of what volts times amperes make: milliwatts, not microwatts."""
    assert product.amperes is not None
    said, volts, amperes = number(power.path), number(product.path), number(product.amperes)
    if said is None or volts is None or amperes is None:
        return False
    return volts * amperes > _ONE_WATT and 0 < said * _WRONG_UNIT < volts * amperes


def _rail(label: str) -> str:
    """What distinguishes the rails of one chip: "vout1" and "iout1" are one, "v_in" and "curr in" another."""
    rest = _QUANTITY.sub("", label.lower().strip(), count=1)
    rest = re.sub(r"[ _-]*(?:voltage|current|power)$|[ _-][va]$", "", rest)
    rest = re.sub(r"[^a-z0-9+.]+", "", rest)
    return rest.removeprefix("out") if rest.startswith("out") else rest


def _iio(folder: Path) -> list[Source]:
    """Power channels of an IIO device: NVIDIA's ina3221x of JetPack 4 names its rails in ``rail_name_N``."""
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return []
    found = []
    for name in names:
        match = _IIO.match(name)
        if match is None:
            continue
        label = text(folder / f"rail_name_{match[1]}") or text(folder / f"in_power{match[1]}_label")
        scale = 1.0
        if name.endswith("_raw"):
            if f"in_power{match[1]}_input" in names:
                continue
            try:
                scale = float(text(folder / f"in_power{match[1]}_scale") or text(folder / "in_power_scale"))
            except ValueError:
                continue
        if label.lower() not in _UNCONNECTED:
            found.append(Source(f"power{match[1]}", folder / name, label, scale=1000 * scale))
    return found


def _label(folder: Path, channel: str) -> str:
    return text(folder / f"{channel}_label")
