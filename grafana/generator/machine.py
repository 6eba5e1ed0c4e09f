"""Machine: the devices of one machine, where their power goes, how it is known, and what its meters lack."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from .boards import board, marks
from .common import (
    ENERGY,
    ENERGY_RATE,
    MEASURED_POWER,
    NO_EXPORTER,
    NO_PROCESSES,
    POWER,
    PROCESS_POWER,
    SIGMA,
)
from .panels import PART_COLOURS, lines, link, now, number, over_time, rows, rows_of, steps
from .queries import GPU, LISTED, either, gained, gauge, labelled, leading, mean, rate, top

_DEVICE = "instance, component, device"
NO_GPU_MEMORY = "No memory of a GPU is in use, or its driver does not say it: see docs/sensors.md"
NO_GPU = "No GPU is metered here. With NVIDIA's or AMD's driver: see `gramwatt-exporter sensors` and docs/sensors.md"


def build() -> dashboard.Dashboard:
    """The dashboard ``gramwatt-machine``."""
    page = marks(
        board(
            "gramwatt-machine",
            "Gramwatt / Machine",
            "One machine: its devices, where their power goes, its graphics cards, its idle draw and its "
            "meters.",
            "now-1h",
            one_machine=True,
        )
    )
    return _meters(_gpus(_devices(_head(page))))


def _head(page: dashboard.Dashboard) -> dashboard.Dashboard:
    total = f"sum({POWER})"
    measured = f"(sum({MEASURED_POWER}) or 0 * {total}) / {total}"
    return page.with_panel(
        number(
            "Power now",
            "What all devices of the machine draw, as the mean of the last sampling interval, and what "
            "they draw while no process uses them, which is charged to no process.",
            "watt",
            now(
                either(
                    labelled(total, "what", "power"),
                    labelled(f"sum({gauge('idle_baseline_watts')})", "what", "of it idle"),
                ),
                "{{what}}",
            ),
            empty=NO_EXPORTER,
            width=12,
        )
    ).with_panel(
        number(
            "Measured",
            "Share of the power that sensors measure, the rest is a model's estimate; and one sigma of the "
            "power: about 5 % where measured, up to 50 % where estimated.",
            "percentunit",
            now(
                either(
                    labelled(measured, "what", "measured"),
                    labelled(f"sum({SIGMA}) / {total}", "what", "uncertainty"),
                ),
                "{{what}}",
            ),
            decimals=0,
            empty=NO_EXPORTER,
            width=12,
        )
    )


def _devices(page: dashboard.Dashboard) -> dashboard.Dashboard:
    partition = rate("device_energy_partition_joules_total")
    methods = f"max by ({_DEVICE}, method) ({gauge('idle_baseline_info')})"
    return (
        page.with_row(dashboard.Row("Devices"))
        .with_panel(
            rows(
                "Devices",
                "Each device with the source of its number, its share of uncertainty, and how its idle "
                "draw is known.",
                "watt",
                rows_of(f"sum by ({_DEVICE}, source) ({POWER})"),
                rows_of(f"sum by ({_DEVICE}) ({ENERGY}) / 3600"),
                rows_of(f"max by ({_DEVICE}) ({gauge('device_power_uncertainty_ratio')})"),
                rows_of(f"max by ({_DEVICE}) ({gauge('idle_baseline_watts')})"),
                rows_of(methods),
                columns={
                    "device": "Device",
                    "component": "Component",
                    "Value #A": "Power",
                    "Value #B": "Energy",
                    "Value #C": "Uncertainty",
                    "Value #D": "Idle",
                    "method": "Idle known by",
                    "source": "Source",
                },
                hidden=["instance", "Value #E"],
                units={"Energy": "watth", "Uncertainty": "percentunit"},
                decimals={"Uncertainty": 0},
                thresholds={"Uncertainty": steps((None, "green"), (0.1, "yellow"), (0.3, "orange"))},
                sort_by="Power",
                empty=NO_EXPORTER,
                width=24,
                height=8,
            )
        )
        .with_panel(
            lines(
                "Power by device",
                "The eight devices that used most in the chosen time range.",
                "watt",
                over_time(
                    top(8, "device, source", ENERGY_RATE, "device_energy_joules_total"),
                    "{{device}} ({{source}})",
                ),
                stacked=True,
                empty=NO_EXPORTER,
            )
        )
        .with_panel(
            lines(
                "Where the power goes",
                "The idle machine, running processes, processes that have ended, and what no process can be "
                "charged for. The parts add up to the machine.",
                "watt",
                over_time(f"sum by (part) ({partition})", "{{part}}"),
                stacked=True,
                colours=PART_COLOURS,
                empty=NO_EXPORTER,
            )
        )
        .with_panel(
            rows(
                "Processes",
                "The twenty processes of this machine that draw most at this moment, all their devices "
                "together.",
                "watt",
                rows_of(f"topk(20, sum by (pid, command, user, workload) ({PROCESS_POWER}))"),
                columns={
                    "command": "Command",
                    "Value": "Power",
                    "user": "User",
                    "workload": "Workload",
                    "pid": "PID",
                },
                links={"User": link("Open this user", "gramwatt-users", user="User")},
                sort_by="Power",
                empty=NO_PROCESSES,
                width=24,
                height=8,
            )
        )
    )


def _gpus(page: dashboard.Dashboard) -> dashboard.Dashboard:
    user = "command, user"
    curve = rate("process_energy_joules_total", 'pid!="",component="gpu"')
    drawn = f"sum by (device) ({gauge('device_power_watts', GPU)})"
    models = f"max by (device, model) ({gauge('gpu_info')})"
    used, held = gauge("gpu_memory_used_bytes"), gauge("process_gpu_memory_bytes", LISTED)
    return (
        page.with_row(dashboard.Row("Graphics cards"))
        .with_panel(
            rows(
                "Graphics cards",
                "Each card: what it draws against its power limit, its energy in the chosen time range, "
                "and the share of its memory that is in use.",
                "watt",
                rows_of(f"({drawn} * on (device) group_left (model) {models}) or on (device) {drawn}"),
                rows_of(f"max by (device) ({gauge('gpu_power_limit_watts')})"),
                rows_of(f"sum by (device) ({gained('device_energy_joules_total', GPU)}) / 3600"),
                rows_of(
                    f"max by (device) ({used}) / on (device) max by (device) ({gauge('gpu_memory_bytes')})"
                ),
                columns={
                    "device": "Card",
                    "model": "Model",
                    "Value #A": "Power",
                    "Value #B": "Limit",
                    "Value #C": "Energy",
                    "Value #D": "Memory used",
                },
                units={"Energy": "watth", "Memory used": "percentunit"},
                decimals={"Memory used": 0},
                sort_by="Power",
                empty=NO_GPU,
                width=24,
                height=6,
            )
        )
        .with_panel(
            lines(
                "Graphics cards by process",
                "The seven users of the cards with the most energy in the chosen time range.",
                "watt",
                over_time(
                    top(7, user, curve, "process_energy_joules_total", 'pid!="",component="gpu"'),
                    "{{command}} ({{user}})",
                ),
                stacked=True,
                empty=NO_GPU,
            )
        )
        .with_panel(
            lines(
                "Memory of graphics cards",
                "What is in use of each card's memory, as its driver says it: of the eight cards that use most.",
                "bytes",
                over_time(leading(8, f"max by (device) ({used})"), "{{device}}"),
                empty=NO_GPU_MEMORY,
            )
        )
        .with_panel(
            rows(
                "Memory of graphics cards by process",
                "The twenty processes that hold most memory of the cards at this moment, whether or not they work.",
                "bytes",
                rows_of(f"topk(20, sum by (device, pid, command, user, workload) ({held}))"),
                columns={
                    "command": "Command",
                    "Value": "Memory",
                    "user": "User",
                    "workload": "Workload",
                    "device": "Card",
                    "pid": "PID",
                },
                links={"User": link("Open this user", "gramwatt-users", user="User")},
                sort_by="Memory",
                empty=NO_GPU_MEMORY,
                width=24,
                height=6,
            )
        )
    )


def _meters(page: dashboard.Dashboard) -> dashboard.Dashboard:
    return (
        page.with_row(dashboard.Row("Meters"))
        .with_panel(
            rows(
                "Sensors",
                "Which meters deliver, and why the others do not. Absent and disabled are normal; denied, "
                "error and lost are not, and `gramwatt-exporter sensors` says what to do.",
                "short",
                rows_of(f"max by (sensor, reason) ({gauge('sensor_up')})"),
                columns={"sensor": "Sensor", "Value": "State", "reason": "Why not"},
                colours={
                    "State": {"1": ("up", "green"), "0": ("down", "text")},
                    "Why not": {
                        "denied": ("denied", "orange"),
                        "error": ("error", "red"),
                        "lost": ("lost", "red"),
                        "refused": ("refused", "orange"),
                        "stale": ("stale", "orange"),
                        "still": ("still", "orange"),
                    },
                },
                sort_by="State",
                empty=NO_EXPORTER,
                height=9,
            )
        )
        .with_panel(
            rows(
                "Meters that overlap",
                "Meters inside or around the devices, such as a core inside its package. They are shown "
                "and never added.",
                "watt",
                rows_of(f"sum by (meter, source, relation) ({mean('meter_energy_joules_total')})"),
                columns={"meter": "Meter", "Value": "Power", "relation": "Relation", "source": "Source"},
                sort_by="Power",
                empty="No meter overlaps with another here.",
                height=9,
            )
        )
    )
