"""Groups of hardware, from what a device calls itself. Pure names: nothing here knows how fast anything is.

A group is a GPU model of data centres (H100), ``consumer-gpu``, ``cpu-server`` or ``cpu-small``; several of one GPU are
written 8xA100. A group belongs to a class, ``gpu`` or ``cpu``. What no rule knows is in the class alone.
"""

from __future__ import annotations

import re

from ..model import Hardware

_COUNT = re.compile(r"^\s*(\d{1,4})\s*[x×*]\s*(.+)$", re.IGNORECASE)
# Names as NVML, ROCm and /proc/cpuinfo write them, and as people do.
_DATA_CENTRE = re.compile(
    r"\b(GB?300|GB?200|B300|B200|B100|GH200|H200|H100|H800|H20|A100|A800|A40|A30|A16|A10G?|A2|V100|P100|P40|T4|L40S|L40"
    r"|L4|MI\d{3}[AX]?)(?![0-9])",
    re.IGNORECASE,
)
_CONSUMER = re.compile(
    r"geforce|\bgtx\b|\brtx\s*(20|30|40|50)\d\d|\btitan\b|radeon\s*(rx|vii|pro\s*w?)?|\barc\b.*\b[ab]\d{3}|consumer-gpu",
    re.IGNORECASE,
)
_WORKSTATION = re.compile(
    r"quadro|\brtx\s*(a\d{4}|pro)|\brtx\s*\d{4}\s*ada|tesla|instinct|nvidia|\bgpu\b", re.IGNORECASE
)
_SERVER_CPU = re.compile(
    r"\bepyc\b|\bxeon\b|neoverse|graviton|ampere|\bthunderx|power(8|9|10)\b|cpu-server", re.IGNORECASE
)
_SMALL_CPU = re.compile(
    r"\bcore\b|\bryzen\b|threadripper|celeron|pentium|\batom\b|cortex|raspberry|apple m\d|\bn\d{3}\b|cpu-small",
    re.IGNORECASE,
)
_CPU = re.compile(r"\bcpu\b|processor|intel|amd|arm", re.IGNORECASE)
CLASSES = ("gpu", "cpu")


def split_count(text: str) -> tuple[int, str]:
    """``8 x A100`` -> 8 and ``A100``."""
    match = _COUNT.match(text[:200])
    return (max(1, int(match[1])), match[2].strip()) if match else (1, text.strip())


def group_of(text: str) -> str:
    """The group of a device by its name, with its count: ``8xA100``; "" for a name that says nothing."""
    count, name = split_count(text)
    one = _group(name)
    return f"{count}x{one}" if one and count > 1 and one not in CLASSES else one


def _group(name: str) -> str:
    if name.lower() in CLASSES:
        return name.lower()
    if found := {match[1].upper() for match in _DATA_CENTRE.finditer(name)}:
        return found.pop() if len(found) == 1 else "gpu"  # of several it is not known which one did the work
    for pattern, group in ((_CONSUMER, "consumer-gpu"), (_WORKSTATION, "gpu"), (_SERVER_CPU, "cpu-server"),
                           (_SMALL_CPU, "cpu-small"), (_CPU, "cpu")):  # fmt: skip
        if pattern.search(name):
            return group
    return ""


def class_of(group: str) -> str:
    """``gpu``, ``cpu``, or "" where the group is not known."""
    _, one = split_count(group)
    if not one:
        return ""
    if one in CLASSES:
        return one
    if one in ("cpu-server", "cpu-small"):
        return "cpu"
    return "gpu" if one == "consumer-gpu" or _DATA_CENTRE.fullmatch(one) else ""


def chain(hardware: str) -> list[str]:
    """The groups a piece of hardware belongs to, the narrowest first: 8xA100, A100, gpu."""
    group = group_of(hardware) or hardware.strip()
    _, one = split_count(group)
    return [name for name in dict.fromkeys((group, one, class_of(one))) if name]


def group_of_parts(parts: Hardware, is_gpu: bool) -> str:
    """The group of the devices that a window used: its GPUs where it used them, else its CPUs."""
    groups = {_group(model): count for model, count in (parts.gpus if is_gpu else parts.cpus)}
    if len(groups) != 1:
        return "gpu" if is_gpu else "cpu"
    (group, count) = next(iter(groups.items()))
    if not group or class_of(group) != ("gpu" if is_gpu else "cpu"):
        return "gpu" if is_gpu else "cpu"
    return f"{count}x{group}" if is_gpu and count > 1 and group not in CLASSES else group
