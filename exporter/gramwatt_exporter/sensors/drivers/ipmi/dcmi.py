"""What ipmitool and FreeIPMI's ipmi-dcmi print of a DCMI power reading, judged by its numbers. Pure.

The command Get Power Reading of DCMI 1.5 (chapter 6.6.1) gives four 16-bit figures and a bit that says whether it
measures. OpenBMC gives the figures and never sets the bit (openbmc/phosphor-host-ipmid issue 167): the figures decide.
"""

from __future__ import annotations

import re

from msgspec import Struct

MOST_WATTS = 20_000  # of one machine; 65,535 is a register that nobody filled in
_NO_FIGURE = {0xFFFF, 0x7FFF, 0xFFFE}
_SLACK = 0.1  # the statistics are of other moments than the reading

_LINE = re.compile(r"^\s*(?P<name>[A-Za-z][^:\n]*?)\s*:\s*(?P<value>[^\n]*?)\s*$", re.MULTILINE)
_WATTS = re.compile(r"^(-?\d+(?:\.\d+)?)\s*(k?)W(?:atts?)?\.?$", re.IGNORECASE)
_OFF = re.compile(r"^(?:deactivated|not\s*active|inactive|disabled|off)$", re.IGNORECASE)


class Answer(Struct, frozen=True):
    """The figures of an answer in watts, None where they are missing; ``off``: it says that it does not measure."""

    watts: float | None
    least: float | None
    most: float | None
    mean: float | None
    off: bool


def parse(text: str) -> Answer:
    """Take the figures out of what either program prints."""
    figures: dict[str, float] = {}
    off = False
    for match in _LINE.finditer(text):
        name, value = match["name"].lower(), match["value"]
        if name in ("power reading state is", "power measurement"):
            off = bool(_OFF.match(value))
            continue
        figure = _WATTS.match(value)
        kind = _kind(name)
        if figure is not None and kind:
            figures.setdefault(kind, float(figure[1]) * (1000 if figure[2] else 1))
    get = figures.get
    return Answer(get("watts"), get("least"), get("most"), get("mean"), off)


def _kind(name: str) -> str:
    if name in ("instantaneous power reading", "current power"):
        return "watts"
    return {"minimum": "least", "maximum": "most", "average": "mean"}.get(name.split(" ", 1)[0], "")


def judge(answer: Answer) -> tuple[float | None, str]:
    """The reading in watts, else None and why there is none."""
    watts = answer.watts
    if watts is None:
        return None, "the controller states no power"
    if watts in _NO_FIGURE or not 0 <= watts <= MOST_WATTS:
        return None, f"the controller says {watts:g} W, which is no reading"
    if watts == 0:
        return None, (
            "power reading is switched off in the controller"
            if answer.off
            else "the controller says 0 W for a running machine"
        )
    if answer.off and not _consistent(answer):
        return None, "power reading is switched off in the controller, and what it says is inconsistent"
    return watts, ""


def _consistent(answer: Answer) -> bool:
    """Whether minimum and maximum are around reading and mean, as they are where something is measured.

    Statistics that are missing or 0 contradict nothing.
    """
    values = [value for value in (answer.watts, answer.mean) if value]
    least, most = answer.least, answer.most
    above = not least or all(value >= least * (1 - _SLACK) for value in values)
    below = not most or (most not in _NO_FIGURE and all(value <= most * (1 + _SLACK) for value in values))
    return above and below
