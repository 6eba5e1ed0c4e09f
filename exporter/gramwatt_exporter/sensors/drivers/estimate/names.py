"""The generation of a CPU by its name, where its numbers are hidden or missing. Pure.

Intel's and AMD's numbering of their products is regular since 2008: the digit that counts is the generation.
"""

from __future__ import annotations

import re

# Of a Xeon: (pattern of its number, class, year). The first that matches holds.
_XEON: tuple[tuple[str, str, int], ...] = (
    (r"(?:platinum|gold|silver|bronze) [3-9]1\d\d", "skylake", 2017),
    (r"(?:platinum|gold|silver|bronze) [3-9]2\d\d", "cascadelake", 2019),
    (r"(?:platinum|gold|silver|bronze) [3-9]3\d\dhl?\b", "cooperlake", 2020),
    (r"(?:platinum|gold|silver|bronze) [3-9]3\d\d", "icelake", 2021),
    (r"(?:platinum|gold|silver|bronze|max) [3-9]4\d\d", "", 2023),
    (r"(?:platinum|gold|silver|bronze) [3-9]5\d\d", "", 2023),
    (r"\b6\d{3}[pe]\b", "", 2024),
    (r"w-3[34]\d\d|w[3579]-\d", "", 2022),
    (r"w-[23]2\d\d", "cascadelake", 2019), (r"w-[23]1\d\d|d-21\d\d", "skylake", 2017),
    (r"w-1[12]\d\d", "coffeelake", 2020), (r"w-13\d\d", "rocketlake", 2021),
    (r"\be-2[12]\d\d", "coffeelake", 2018), (r"\be-23\d\d", "rocketlake", 2021), (r"\be-24\d\d", "", 2023),
    (r"\be[357]-\d{4}[a-z]* ?v2", "ivybridge", 2013), (r"\be[357]-\d{4}[a-z]* ?v3", "haswell", 2014),
    (r"\be[357]-\d{4}[a-z]* ?v4", "broadwell", 2016), (r"\be3-\d{4}[a-z]* ?v5", "skylake", 2015),
    (r"\be3-\d{4}[a-z]* ?v6", "kabylake", 2017),
    (r"\be[35]-\d{4}|\be5-[124][46]\d\d", "sandybridge", 2012), (r"\be7-[248]8\d\d", "nehalem", 2011),
    (r"\bd-15\d\d", "broadwell", 2015),
    (r"\b[elxw]?7(?:3|4)\d\d\b", "core", 2007), (r"\b[elxw]?75\d\d\b|\b[elxw]65\d\d\b", "nehalem", 2010),
    (r"\b[elxw][35][56]\d\d\b|\b[lx]34\d\d\b|\bw3[56]\d\d\b", "nehalem", 2010),
    (r"\b[elxw]?5[1234]\d\d\b|\b[elx]?3[0123]\d\d\b|\be31\d\d\b", "core", 2007),
    (r"\b70[234]\d\b|\b71[1-5]\d[nm]?\b|\b50[2-8]\d\b|\b[23]\.\d+ ?ghz", "netburst", 2005),
)  # fmt: skip
_CORE_BY_GENERATION: dict[int, tuple[str, int]] = {
    2: ("sandybridge", 2011), 3: ("ivybridge", 2012), 4: ("haswell", 2013), 5: ("broadwell", 2015),
    6: ("skylake", 2015), 7: ("kabylake", 2017), 8: ("coffeelake", 2018), 9: ("coffeelake", 2018),
    10: ("coffeelake", 2020), 11: ("rocketlake", 2021), 12: ("", 2021), 13: ("", 2022), 14: ("", 2023),
}  # fmt: skip
_EPYC = {
    "1": ("epyc-gen1", 2017),
    "2": ("epyc-gen2", 2019),
    "3": ("epyc-gen3", 2021),
    "4": ("", 2022),
    "5": ("", 2024),
}
_RYZEN = {
    1: ("epyc-gen1", 2017), 2: ("epyc-gen1", 2018), 3: ("epyc-gen2", 2019), 4: ("epyc-gen2", 2020),
    5: ("epyc-gen3", 2020), 6: ("epyc-gen3", 2022), 7: ("", 2022), 8: ("", 2024), 9: ("", 2024),
}  # fmt: skip
# What libvirt and QEMU call a CPU whose name they hide: "Intel Xeon Processor (Skylake, IBRS)", "AMD EPYC-Rome".
_HYPERVISOR = {
    "cascadelake": "cascadelake", "cooperlake": "cooperlake", "icelake": "icelake", "skylake": "skylake",
    "broadwell": "broadwell", "haswell": "haswell", "ivybridge": "ivybridge", "sandybridge": "sandybridge",
    "westmere": "nehalem", "nehalem": "nehalem", "penryn": "core", "epyc-milan": "epyc-gen3", "epyc-rome": "epyc-gen2",
}  # fmt: skip


def plain(model: str) -> str:
    """ "Intel(R) Xeon(R) CPU E5-2660V2 @ 2.20GHz" -> "intel xeon e5-2660 v2": lower case, no frequency, no marks."""
    text = re.sub(r"\((?:r|tm|c)\)", " ", model.lower())
    text = re.sub(r"\(.*?\)|\[.*?\]|,.*$|@.*$", " ", text)
    text = re.sub(r"\b(?:cpu|processor)s?\b|\b\w+-cores?\b|\bwith\b.*$|\b\d+(?:st|nd|rd|th) gen\b", " ", text)
    if re.search(
        r"\d{3}", re.sub(r"\d+(?:\.\d+)? ?ghz", "", text)
    ):  # the name has a number besides its frequency
        text = re.sub(r"\b\d+(?:\.\d+)? ?ghz\b", " ", text)
    text = re.sub(r"(?<=\d)([a-z]?)v(\d)\b", r"\1 v\2", text)
    text = re.sub(r"(?<=\b\d{4})(he|ee|se)\b", r" \1", text)
    return " ".join(text.split())


def frequency_in(model: str) -> float | None:
    """Base frequency in MHz as the name says it."""
    match = re.search(r"(?:@ ?|\b)(\d+(?:\.\d+)?) ?([GM])Hz", model, re.IGNORECASE)
    if match is None:
        return None
    value = float(match[1]) * (1000 if match[2] in "Gg" else 1)
    return value if 200 <= value <= 6000 else None


def class_by_name(model: str, vendor: str) -> tuple[str, int | None]:
    """Class of the table, "" where it has none, and year of launch; ("", None) where the name says nothing."""
    text = plain(model)
    hidden = model.lower()
    if not re.search(r"\d{3}", text):
        for word, name in _HYPERVISOR.items():
            if word in hidden:
                return name, None
    if vendor == "amd":
        return _amd(text)
    for pattern, name, year in _XEON:
        if "xeon" in text or not re.search(r"core|pentium|celeron|atom", text):
            match = re.search(pattern, text)
            if match and (name != "netburst" or "xeon" in text):
                return name, year
    return _core(text)


def _amd(text: str) -> tuple[str, int | None]:
    if "opteron" in text or re.search(r"\bphenom|\bathlon|\bfx-", text):
        return "opteron", 2010
    match = re.search(r"epyc (?:embedded )?[3-9]\w\w(\d)", text)
    if match is not None:
        return _EPYC.get(match[1], ("", None))
    match = re.search(r"(?:ryzen|threadripper)\D* (?:\d+ )?(?:pro )?(\d)\d{3}", text)
    if match is not None:
        return _RYZEN.get(int(match[1]), ("", None))
    return ("", 2024) if "ryzen ai" in text else ("", None)


def _core(text: str) -> tuple[str, int | None]:
    match = re.search(r"\bi[3579]-(\d+)[a-z]*\d?\b", text)
    if match is None:
        if re.search(r"\bultra \d", text):
            return "", 2023
        return ("core", 2007) if re.search(r"core ?2|pentium dual", text) else ("", None)
    digits = match[1]
    if len(digits) == 3:
        return "nehalem", 2010
    generation = int(digits[:-3]) if len(digits) > 4 or digits[0] in "23456789" else int(digits[:2])
    return _CORE_BY_GENERATION.get(generation, ("", 2024))
