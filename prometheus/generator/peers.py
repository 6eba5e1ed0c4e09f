"""Rules that record other tools' main metrics from ours, so that their dashboards and alerts go on working.

Not loaded unless asked for: docs/coming-from.md says how, and what differs in meaning. Names and labels:

- Kepler 0.11, https://github.com/sustainable-computing-io/kepler/blob/main/docs/user/metrics.md
- Scaphandre 1.0, https://hubblo-org.github.io/scaphandre-documentation/references/metrics.html
- CodeCarbon 3, codecarbon/output_methods/metrics/prometheus.py
"""

from __future__ import annotations

from typing import Any

from .names import Rule

_TARGET = "job, instance"
_POWER_WINDOW = "1m"
# Our component -> Kepler's zone. GPUs have no zone there.
_ZONES = {"cpu": "package", "dram": "dram"}
_CPU = 'component=~"cpu|dram"'
# Kepler shares all energy above idle among processes. What no process can be charged for is counted with idle.
_ACTIVE, _IDLE = "live|exited", "idle|unattributed"


def files() -> dict[str, list[dict[str, Any]]]:
    """Name of the file -> its groups."""
    return {
        "kepler.yml": [_group("kepler", [*_kepler_node(), *_kepler_process(), *_kepler_workloads()])],
        "scaphandre.yml": [_group("scaphandre", _scaphandre())],
        "codecarbon.yml": [_group("codecarbon", _codecarbon())],
    }


def _group(peer: str, rules: list[Rule]) -> dict[str, Any]:
    return {"name": f"gramwatt-as-{peer}", "interval": "15s", "rules": rules}


def _record(name: str, expr: str, **labels: str) -> Rule:
    rule: Rule = {"record": name, "expr": expr}
    return rule | {"labels": labels} if labels else rule


def _renamed(expr: str, old: str, new: str) -> str:
    return f'label_replace({expr}, "{new}", "$1", "{old}", "(.*)")'


def _zone(expr: str) -> str:
    for component, zone in _ZONES.items():
        expr = f'label_replace({expr}, "zone", "{zone}", "component", "{component}")'
    return expr


def _on_node(expr: str) -> str:
    """With the label node_name that all of Kepler's metrics have."""
    info = 'label_replace(gramwatt_machine_info, "node_name", "$1", "node", "(.*)")'
    return f"({expr}) * on ({_TARGET}) group_left (node_name) group by ({_TARGET}, node_name) ({info})"


def _kepler_node() -> list[Rule]:
    by = f"{_TARGET}, zone"
    made = []
    for word, parts in (("", ".+"), ("active_", _ACTIVE), ("idle_", _IDLE)):
        energy = f'gramwatt_device_energy_partition_joules_total{{{_CPU},part=~"{parts}"}}'
        made.append(
            _record(f"kepler_node_cpu_{word}joules_total", _on_node(f"sum by ({by}) ({_zone(energy)})"))
        )
        power = f"sum by ({by}) ({_zone(f'rate({energy}[{_POWER_WINDOW}])')})"
        made.append(_record(f"kepler_node_cpu_{word}watts", _on_node(power)))
    return made


def _kepler_process() -> list[Rule]:
    by = f"{_TARGET}, pid, comm, zone"
    # Rows that left are Kepler's terminated processes. The row jumps when one leaves: a rate is of running ones.
    metric = "gramwatt_process_energy_joules_total"
    rows = {
        "running": f'({metric}{{{_CPU},pid!=""}} or {metric}{{{_CPU},pid="",command="other"}})',
        "terminated": f'{metric}{{{_CPU},pid="",command!="other"}}',
    }
    made = []
    for state, selected in rows.items():
        expr = f"sum by ({by}) ({_renamed(_zone(selected), 'command', 'comm')})"
        made.append(_record("kepler_process_cpu_joules_total", _on_node(expr), state=state))
    power = f"gramwatt_process_power_watts{{{_CPU}}}"
    expr = f"sum by ({by}) ({_renamed(_zone(power), 'command', 'comm')})"
    made.append(_record("kepler_process_cpu_watts", _on_node(expr), state="running"))
    seconds = _renamed("gramwatt_process_cpu_seconds_total", "command", "comm")
    made.append(
        _record("kepler_process_cpu_seconds_total", _on_node(f"sum by ({_TARGET}, pid, comm) ({seconds})"))
    )
    return made


def _kepler_workloads() -> list[Rule]:
    made = []
    for kind in ("container", "pod"):
        by = f"{_TARGET}, {kind}_name, zone"
        energy = f'gramwatt_workload_energy_joules_total{{kind="{kind}",{_CPU}}}'
        named = _renamed(_zone(energy), "workload", f"{kind}_name")
        made.append(
            _record(f"kepler_{kind}_cpu_joules_total", _on_node(f"sum by ({by}) ({named})"), state="running")
        )
        rate = _renamed(_zone(f"rate({energy}[{_POWER_WINDOW}])"), "workload", f"{kind}_name")
        made.append(_record(f"kepler_{kind}_cpu_watts", _on_node(f"sum by ({by}) ({rate})"), state="running"))
    return made


def _scaphandre() -> list[Rule]:
    power = f"gramwatt_device_power_watts{{{_CPU}}}"
    energy = f"gramwatt_device_energy_joules_total{{{_CPU}}}"
    sockets = 'label_replace({}, "socket_id", "$1", "device", "package-(.*)")'
    socket_power = sockets.format('gramwatt_device_power_watts{component="cpu",device=~"package-.+"}')
    socket_energy = sockets.format(
        'gramwatt_device_energy_joules_total{component="cpu",device=~"package-.+"}'
    )
    process = _renamed(f"gramwatt_process_power_watts{{{_CPU}}}", "command", "exe")
    dram = 'gramwatt_device_power_watts{component="dram"}'
    return [
        _record("scaph_host_power_microwatts", f"sum by ({_TARGET}) ({power}) * 1e6"),
        _record("scaph_host_energy_microjoules", f"sum by ({_TARGET}) ({energy}) * 1e6"),
        _record("scaph_socket_power_microwatts", f"sum by ({_TARGET}, socket_id) ({socket_power}) * 1e6"),
        _record("scaph_socket_energy_microjoules", f"sum by ({_TARGET}, socket_id) ({socket_energy}) * 1e6"),
        _record("scaph_domain_power_microwatts", f"sum by ({_TARGET}) ({dram}) * 1e6", domain_name="dram"),
        _record(
            "scaph_process_power_consumption_microwatts", f"sum by ({_TARGET}, pid, exe) ({process}) * 1e6"
        ),
    ]


def _codecarbon() -> list[Rule]:
    # A window is a run, and its name the project. Many runs of one project differ in the label window.
    info = _renamed("gramwatt_window_info", "name", "project_name")
    project = f"on ({_TARGET}, window) group_left (project_name) group by ({_TARGET}, window, project_name) ({info})"
    run = f"{_TARGET}, window"

    def of(expr: str) -> str:
        return f"({expr}) * {project}"

    kilowatt_hours = f"sum by ({run}) (gramwatt_window_energy_joules_total) / 3.6e6"
    start = f"max by ({run}) (gramwatt_window_start_timestamp_seconds)"
    end = f"(max by ({run}) (gramwatt_window_end_timestamp_seconds) or {start} * 0 + time())"
    kilograms = f"sum by ({run}) (gramwatt_window_emissions_grams_total) / 1000"
    made = [
        _record("codecarbon_duration", of(f"{end} - {start}")),
        _record("codecarbon_emissions", of(kilograms)),
        _record("codecarbon_emissions_rate", of(f"{kilograms} / ({end} - {start} > 0)")),
        _record("codecarbon_energy_consumed", of(kilowatt_hours)),
    ]
    for word, component in (("cpu", "cpu"), ("gpu", "gpu"), ("ram", "dram")):
        selector = f'gramwatt_window_energy_joules_total{{component="{component}"}}'
        made.append(_record(f"codecarbon_{word}_energy", of(f"sum by ({run}) ({selector}) / 3.6e6")))
        made.append(
            _record(f"codecarbon_{word}_power", of(f"sum by ({run}) (rate({selector}[{_POWER_WINDOW}]))"))
        )
    return made
