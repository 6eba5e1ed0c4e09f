"""Which machine a series belongs to.

An address is no identity: a target is renamed, scraped twice, or given to another machine. Each exporter publishes
``gramwatt_machine_info{machine, node} 1``. Series of exporters without it are taken by their address.
"""

from __future__ import annotations

from .names import MACHINE, Rule, record

# Exporters whose clock differs from Prometheus' clock, or that stopped sampling.
SKEW_SECONDS = 300
SKEWED = f"(abs(gramwatt_snapshot_timestamp_seconds - time()) > {SKEW_SECONDS})"


def rules() -> list[Rule]:
    """One machine for each target: the one reported last, where an address changed hands within the last minutes."""
    return [
        record(
            MACHINE,
            """\
topk by (job, instance) (1, max by (job, instance, machine) (timestamp(gramwatt_machine_info))) * 0 + 1
or
label_replace(
  group by (job, instance) (
    up{job="gramwatt"} or gramwatt_budget_limit_grams or gramwatt_budget_emissions_grams_total
  )
  unless on (job, instance) gramwatt_machine_info,
  "machine", "$1", "instance", "(.*)"
)
""",
        )
    ]


def by_machine(expression: str, labels: str = "machine, budget") -> str:
    """``expression`` (with job and instance) once for each machine: copies of one number count once."""
    return f"max by ({labels}) (({expression}) * on (job, instance) group_left (machine) {MACHINE})"


# Machines that answered every scrape of the last five minutes.
ANSWERING = by_machine('min_over_time(up{job="gramwatt"}[5m]) == 1', "machine")
# Addresses of machines that now report their identity: what was kept under the address alone is theirs already.
RENAMED = 'label_replace(gramwatt_machine_info, "machine", "$1", "instance", "(.*)")'
