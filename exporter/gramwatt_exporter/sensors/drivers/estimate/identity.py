"""Which class of the fitted table a CPU belongs to: by its numbers in /proc/cpuinfo, else by its name.

The numbers of CPUs that the table knows are in idle/microarchitecture.py. Here are those that are newer than the table,
which only give a year: from arch/x86/include/asm/intel-family.h, arch/x86/kernel/cpu/amd.c and
arch/arm64/include/asm/cputype.h of Linux.
"""

from __future__ import annotations

import re

from msgspec import Struct

from ....idle.microarchitecture import identify
from .names import class_by_name

# (label, year of launch) by the model of Intel's family 6.
_INTEL: dict[int, tuple[str, int]] = {
    140: ("tigerlake", 2020), 141: ("tigerlake", 2021), 138: ("lakefield", 2020), 150: ("elkhartlake", 2021),
    156: ("jasperlake", 2021), 151: ("alderlake", 2021), 154: ("alderlake", 2022), 190: ("alderlake-n", 2023),
    183: ("raptorlake", 2022), 186: ("raptorlake", 2023), 191: ("raptorlake", 2022), 170: ("meteorlake", 2023),
    172: ("meteorlake", 2023), 189: ("lunarlake", 2024), 197: ("arrowlake", 2024), 198: ("arrowlake", 2024),
    181: ("arrowlake", 2025), 204: ("pantherlake", 2026), 143: ("sapphirerapids", 2023), 207: ("emeraldrapids", 2023),
    173: ("graniterapids", 2024), 174: ("graniterapids", 2024), 175: ("sierraforest", 2024), 102: ("cannonlake", 2018),
    55: ("silvermont", 2013), 76: ("airmont", 2015), 77: ("silvermont", 2013), 92: ("goldmont", 2016),
    95: ("goldmont", 2017), 122: ("goldmont-plus", 2017), 134: ("tremont", 2020),
    28: ("bonnell", 2008), 38: ("bonnell", 2010), 54: ("saltwell", 2011),
    87: ("knightslanding", 2016), 133: ("knightsmill", 2017), 14: ("yonah", 2006), 13: ("dothan", 2004),
}  # fmt: skip
# By family and the tens of the model, as AMD numbers its CPUs: the first model of each row and those after it.
_AMD: tuple[tuple[int, range, str, int], ...] = (
    (23, range(0, 48), "zen", 2017),
    (23, range(48, 256), "zen2", 2019),
    (25, range(0, 16), "zen3", 2021),
    (25, range(16, 32), "zen4", 2022),
    (25, range(32, 96), "zen3", 2020),
    (25, range(96, 256), "zen4", 2022),
    (26, range(0, 256), "zen5", 2024),
    (20, range(0, 256), "bobcat", 2011),
    (22, range(0, 256), "jaguar", 2013),
    (18, range(0, 256), "llano", 2011),
    (24, range(0, 256), "dhyana", 2018),
)
# Arm's implementers and parts.
_ARM: dict[tuple[int, int], tuple[str, int]] = {
    (0x41, 0xD03): ("cortex-a53", 2014), (0x41, 0xD04): ("cortex-a35", 2016), (0x41, 0xD05): ("cortex-a55", 2018),
    (0x41, 0xD07): ("cortex-a57", 2014), (0x41, 0xD08): ("cortex-a72", 2016), (0x41, 0xD09): ("cortex-a73", 2017),
    (0x41, 0xD0A): ("cortex-a75", 2018), (0x41, 0xD0B): ("cortex-a76", 2019), (0x41, 0xD42): ("cortex-a78ae", 2021),
    (0x41, 0xD0C): ("neoverse-n1", 2020), (0x41, 0xD40): ("neoverse-v1", 2022), (0x41, 0xD49): ("neoverse-n2", 2022),
    (0x41, 0xD4F): ("neoverse-v2", 2023), (0x41, 0xD8E): ("neoverse-n3", 2025), (0x41, 0xD84): ("neoverse-v3", 2025),
    (0xC0, 0xAC3): ("ampere-1", 2023), (0xC0, 0xAC4): ("ampere-1a", 2024), (0x48, 0xD01): ("kunpeng-920", 2019),
    (0x43, 0x0AF): ("thunderx2", 2018), (0x43, 0x0A1): ("thunderx", 2015), (0x46, 0x001): ("a64fx", 2019),
    (0x4E, 0x004): ("carmel", 2018),
}  # fmt: skip
_FIELD = re.compile(r"^([^:\n]+?)\s*:\s*(.*?)\s*$", re.MULTILINE)
_MODEL_KEYS = ("model name", "Processor", "cpu model", "cpu", "Model", "Hardware", "uarch")


class Identity(Struct, frozen=True):
    """``table_class`` is a class of the table or "" where only vendor and year are known."""

    model: str  # as the kernel shows it
    vendor: str  # intel, amd, arm or ""
    architecture: str  # for a person: skylake, zen4, neoverse-n1; "" where nothing says it
    table_class: str
    year: int | None  # of launch, None where unknown
    how: str  # "CPUID family 6 model 85 stepping 7", "name", "Arm part 0xd0c", "nothing"


def identify_cpu(cpuinfo: str) -> Identity:
    """The first CPU of a /proc/cpuinfo."""
    first = dict(_FIELD.findall(cpuinfo.partition("\n\n")[0]))
    fields = first | {k: v for k, v in _FIELD.findall(cpuinfo) if k in _MODEL_KEYS and k not in first}
    model = next((fields[key] for key in _MODEL_KEYS if fields.get(key)), "")
    vendor = _vendor(fields, model)
    if vendor in ("intel", "amd"):
        return _x86(cpuinfo, fields, vendor, model)
    if "CPU implementer" in fields:
        return _arm(fields, model)
    return Identity(model, vendor, "", "", None, "nothing")


def _vendor(fields: dict[str, str], model: str) -> str:
    known = {"GenuineIntel": "intel", "AuthenticAMD": "amd", "HygonGenuine": "amd"}.get(
        fields.get("vendor_id", "")
    )
    if known:
        return known
    if "CPU implementer" in fields:
        return "arm"
    words = model.lower()
    if re.search(r"\bintel\b|\bxeon\b", words):
        return "intel"
    return "amd" if re.search(r"\bamd\b|\bopteron\b|\bepyc\b|\bryzen\b", words) else ""


def _x86(cpuinfo: str, fields: dict[str, str], vendor: str, model: str) -> Identity:
    family, number, stepping = (_number(fields.get(k)) for k in ("cpu family", "model", "stepping"))
    if family < 0 or number < 0:
        by_name, name_year = class_by_name(model, vendor)
        label = by_name
        return Identity(model, vendor, label, by_name, name_year, "name" if label else "nothing")
    how = f"CPUID family {family} model {number} stepping {max(0, stepping)}"
    known = identify(cpuinfo).name
    if known:
        by_name, name_year = class_by_name(model, vendor) if known in _SHARED_NUMBERS else ("", None)
        # A name that the kernel shows in full tells generations apart that share their numbers.
        if by_name in _SHARED_NUMBERS - {known}:
            return Identity(model, vendor, by_name, by_name, name_year, f"{how} and name")
        return Identity(model, vendor, known, known, YEARS.get(known), how)
    if vendor == "intel" and family == 15:
        return Identity(model, vendor, "netburst", "netburst", 2005, how)
    newer = _INTEL.get(number) if vendor == "intel" and family == 6 else None
    if vendor == "amd":
        newer = next(((n, y) for f, models, n, y in _AMD if f == family and number in models), None)
    if newer is not None:
        return Identity(model, vendor, newer[0], _AMD_CLASSES.get(newer[0], ""), newer[1], how)
    by_name, name_year = class_by_name(model, vendor)
    if by_name or name_year:
        return Identity(model, vendor, by_name, by_name, name_year, f"{how} and name")
    return Identity(model, vendor, "", "", None, how)


# Model 85 is three generations, model 158 two: a guest's host may hide the stepping that tells them apart.
_SHARED_NUMBERS = {"skylake", "cascadelake", "cooperlake", "kabylake", "coffeelake"}
_AMD_CLASSES = {"zen": "epyc-gen1", "dhyana": "epyc-gen1", "zen2": "epyc-gen2", "zen3": "epyc-gen3"}
YEARS = {
    "netburst": 2005, "core": 2007, "opteron": 2010, "nehalem": 2010, "sandybridge": 2012, "ivybridge": 2013,
    "haswell": 2014, "broadwell": 2016, "skylake": 2017, "kabylake": 2017, "coffeelake": 2018, "cascadelake": 2019,
    "cooperlake": 2020, "icelake": 2021, "rocketlake": 2021, "epyc-gen1": 2017, "epyc-gen2": 2019, "epyc-gen3": 2021,
}  # fmt: skip


def _arm(fields: dict[str, str], model: str) -> Identity:
    implementer, part = _number(fields.get("CPU implementer")), _number(fields.get("CPU part"))
    label, year = _ARM.get((implementer, part), ("", None))
    if not label and implementer == 0x61:
        label, year = "apple", 2021
    return Identity(model, "arm", label, "", year, f"Arm part 0x{max(0, part):03x}")


def is_arm_server(architecture: str) -> bool:
    """Whether an Arm CPU is one of servers: the others sit on boards."""
    return architecture.startswith(("neoverse", "ampere", "kunpeng", "thunderx", "a64fx"))


def _number(text: str | None) -> int:
    try:
        return int(text or "", 0)
    except ValueError:
        return -1
