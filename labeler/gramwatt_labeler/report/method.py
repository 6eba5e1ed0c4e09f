"""How the numbers of a report came about, in sentences."""

from __future__ import annotations

from ..store.nouns import Origin
from .content import Report

_SENSORS = {
    "rapl": "RAPL, the energy counters of the processor",
    "nvml": "NVML, the energy counters of NVIDIA GPUs",
    "amdsmi": "AMD SMI, the energy counters of AMD GPUs",
    "hwmon": "hwmon, power sensors of the board",
    "estimate": "an estimate from use and data sheets",
    "codecarbon": "CodeCarbon, taken over as it wrote them",
}


def method(report: Report) -> list[str]:
    """Sentences: what was counted, by what, against what, and how sure it is."""
    named = [
        f"{_SENSORS.get(name, name)} ({count} {'run' if count == 1 else 'runs'})"
        for name, count in report.sources
    ]
    found = [
        "Energy is that of the runs themselves; a run inside another one that counts here is not counted again."
    ]
    if not any(row.evaluation.origin is Origin.HUB for row in report.rows):
        found.append("What cards of the Hugging Face hub state is not counted: others ran those models.")
    if named:
        found.append("Measured by: " + "; ".join(named) + ".")
    found.append(report.uncertainty)
    found.append(
        "CO2 equivalent is energy times the carbon intensity of the grid at the time, as the exporter or the file had "
        "it; a run without a known intensity has no CO2 and is left out of its sum."
    )
    found.append(_letters(report))
    if report.cut:
        found.append(f"Only the newest {report.totals.runs:,} runs are in this report.")
    return found


def _letters(report: Report) -> str:
    runs = report.totals.runs
    given = ", ".join(f"{name} ({count:,}, sha256 {sha256[:12]})" for name, sha256, count in report.scales)
    if not given:
        return (
            "No run has a letter; its page says why."
            if runs > 1
            else "The run has no letter; its page says why."
        )
    none = f"; {report.not_graded:,} of {runs:,} runs have none" if report.not_graded else ""
    return f"Letters are those of the labels, by scale: {given}{none}."
