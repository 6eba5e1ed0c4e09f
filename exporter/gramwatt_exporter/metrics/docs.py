"""Writes the metric reference: ``python -m gramwatt_exporter.metrics.docs > docs/metrics.md``."""

from __future__ import annotations

from collections.abc import Iterable

from .catalogue import CATALOGUE
from .metric import Metric

# Title and how the names in it begin, without the prefix. A metric belongs to the first section that fits.
SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Devices", ("device_", "idle_", "meter_")),
    ("Processes and workloads", ("process_", "processes", "workload_")),
    ("Grid", ("grid_", "priced_", "emissions_", "marginal_")),
    ("Other factors", ("pue_", "facility_", "embodied_", "energy_", "water_")),
    ("Recorded windows", ("window_", "windows")),
    ("Budgets", ("budget_",)),
    ("The exporter itself", ("",)),
)

HEADER = """\
# Metrics

Generated from the catalogue by `python -m gramwatt_exporter.metrics.docs > docs/metrics.md`. Do not edit.

Everything `gramwatt-exporter` publishes on `/metrics`. Prometheus adds `job` and `instance`. Base units: joules,
watts, grams of CO2 equivalent, seconds, ratios. What is not known has no sample: it is never 0 or -1.

Counters end in `_total`; take `rate()` or `increase()` of them before adding up. `sum` over the devices is the
machine. In `gramwatt_process_*`, the rows without a PID are all others (`command="other"`) and those that have
left (`command="departed"`); leave the latter out of every `rate()`, for example with `{pid!=""}`.

The grades of recorded windows come from `gramwatt-labeler`, on its own `/metrics`.
"""


def render(catalogue: Iterable[Metric] = CATALOGUE) -> str:
    """The reference as Markdown."""
    sections: dict[str, list[str]] = {title: [] for title, _ in SECTIONS}
    for metric in catalogue:
        sections[_section(metric)].append(_row(metric))
    parts = [HEADER]
    for title, rows in sections.items():
        head = "| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n"
        parts.append(f"## {title}\n\n{head}" + "".join(rows))
    return "\n".join(parts)


def _section(metric: Metric) -> str:
    name = metric.name.removeprefix("gramwatt_")
    if name.startswith(("process_clock", "exit_mode")):
        return SECTIONS[-1][0]
    return next(title for title, starts in SECTIONS if name.startswith(starts))


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    text = metric.help.replace("|", "\\|")
    return f"| `{metric.name}` | {metric.kind} | {metric.unit} | {labels} | {text} |\n"


if __name__ == "__main__":
    print(render(), end="")
