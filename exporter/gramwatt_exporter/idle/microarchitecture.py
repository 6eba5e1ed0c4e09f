"""Which microarchitecture a CPU is, by the numbers in /proc/cpuinfo.

A guest shows them even where its host hides the name ("AMD EPYC Processor"). Numbers are those of the kernel's
arch/x86/include/asm/intel-family.h and of AMD's revision guides; Arm's of arch/arm64/include/asm/cputype.h.
"""

from __future__ import annotations

import re

from msgspec import Struct

_FIELD = re.compile(r"^([^:\n]+?)\s*:\s*(.*?)\s*$", re.MULTILINE)

# Family 6, by model. Steppings distinguish the generations of model 85.
_INTEL = {
    15: "core", 22: "core", 23: "core", 29: "core",
    26: "nehalem", 30: "nehalem", 31: "nehalem", 46: "nehalem",
    37: "nehalem", 44: "nehalem", 47: "nehalem",  # Westmere, its shrink
    42: "sandybridge", 45: "sandybridge",
    58: "ivybridge", 62: "ivybridge",
    60: "haswell", 63: "haswell", 69: "haswell", 70: "haswell",
    61: "broadwell", 71: "broadwell", 79: "broadwell", 86: "broadwell",
    78: "skylake", 94: "skylake", 85: "skylake",
    142: "kabylake", 158: "kabylake", 165: "coffeelake", 166: "coffeelake",
    106: "icelake", 108: "icelake", 125: "icelake", 126: "icelake",
    167: "rocketlake",
}  # fmt: skip
_CASCADE_LAKE, _COOPER_LAKE = range(5, 10), range(10, 16)  # steppings of model 85
_COFFEE_LAKE = range(10, 16)  # steppings of model 158
_AMD = {
    (23, 1): "epyc-gen1", (23, 8): "epyc-gen1", (23, 17): "epyc-gen1", (23, 24): "epyc-gen1",
    (23, 49): "epyc-gen2", (23, 96): "epyc-gen2", (23, 104): "epyc-gen2", (23, 113): "epyc-gen2",
    (25, 1): "epyc-gen3", (25, 33): "epyc-gen3", (25, 80): "epyc-gen3",
}  # fmt: skip
_OPTERON = (15, 16, 21)


class Cpu(Struct, frozen=True):
    """``name`` is "" where the numbers are not known; ``vendor`` is intel, amd, arm or "". ``model`` is the text the
    kernel shows, for a person."""

    vendor: str
    name: str
    model: str


def identify(cpuinfo: str) -> Cpu:
    """The first CPU of a /proc/cpuinfo."""
    fields = dict(_FIELD.findall(cpuinfo.partition("\n\n")[0]))
    model = fields.get("model name", "")
    vendor = {"GenuineIntel": "intel", "AuthenticAMD": "amd"}.get(fields.get("vendor_id", ""), "")
    if not vendor:
        return Cpu("arm" if "CPU implementer" in fields else "", "", model)
    family, number, stepping = (_number(fields.get(key)) for key in ("cpu family", "model", "stepping"))
    return Cpu(vendor, _x86(vendor, family, number, stepping), model)


def _x86(vendor: str, family: int, model: int, stepping: int) -> str:
    if vendor == "amd":
        return "opteron" if family in _OPTERON else _AMD.get((family, model), "")
    if family != 6:
        return ""
    if model == 85 and stepping in _CASCADE_LAKE:
        return "cascadelake"
    if model == 85 and stepping in _COOPER_LAKE:
        return "cooperlake"
    if model == 158 and stepping in _COFFEE_LAKE:
        return "coffeelake"
    return _INTEL.get(model, "")


def _number(text: str | None) -> int:
    try:
        return int(text or "")
    except ValueError:
        return -1
