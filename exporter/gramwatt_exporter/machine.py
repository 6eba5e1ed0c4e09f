"""Which machine is measured: an id that stays, and a name for people. Pure but for the files it reads."""

from __future__ import annotations

import hashlib
import hmac
import os
import platform
import re
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

# machine-id(5): the id itself must not be exposed; a keyed hash with a fixed id of the application is to be.
_APPLICATION = bytes.fromhex("6f0a3cf8b1d54c1f9a3e5d2c7b84e019")
_DIGITS = 16  # 64 bits: a fleet of a million machines has two alike with a chance of 1 in 40 million
_MACHINE_ID = re.compile(r"[0-9a-f]{32}")


class MachineInfo(Struct, frozen=True):
    """``machine`` is an opaque id that stays over reboots and renaming; ``node`` is the host name."""

    machine: str
    node: str


def machine_info(procfs: str, sysfs: str, machine: str = "", node: str = "") -> MachineInfo:
    """The machine whose procfs and sysfs these are. ``machine`` and ``node`` are configured values, which win.

    The id is made of the machine's own machine-id, else of its firmware's UUID (root alone may read it), else of the
    host name. In a container the machine's own files are read, never the container's (as in processes/linux/users.py).
    """
    node = node or _node(procfs)
    return MachineInfo(machine or _hashed(_machine_id(procfs) or _firmware_id(sysfs) or node), node)


def _roots(procfs: str) -> Iterable[Path]:
    """Root directories of the machine, the best first (as for its users, see processes/linux/users.py)."""
    if os.path.normpath(procfs) == "/proc":
        return (Path("/"),)
    return Path(procfs, "1/root"), Path(procfs).parent


def _first(files: Iterable[Path]) -> str:
    for file in files:
        try:
            text = file.read_text("ascii", "replace").strip()
        except OSError:
            continue
        if text:
            return text
    return ""


def _machine_id(procfs: str) -> str:
    text = _first(root / "etc/machine-id" for root in _roots(procfs))
    return text if _MACHINE_ID.fullmatch(text) else ""  # "uninitialized" during the first boot


def _firmware_id(sysfs: str) -> str:
    text = _first([Path(sysfs, "class/dmi/id/product_uuid")]).replace("-", "").lower()
    # Boards whose maker set none have all digits alike.
    return text if _MACHINE_ID.fullmatch(text) and len(set(text)) > 1 else ""


def _node(procfs: str) -> str:
    """The host name. A container's own name is its id: where the machine's procfs is mounted elsewhere, it is read
    there."""
    own = platform.node()
    if os.path.normpath(procfs) == "/proc":
        return own
    return _first(root / "etc/hostname" for root in _roots(procfs)) or own


def _hashed(text: str) -> str:
    return hmac.new(_APPLICATION, text.encode(), hashlib.sha256).hexdigest()[:_DIGITS]
