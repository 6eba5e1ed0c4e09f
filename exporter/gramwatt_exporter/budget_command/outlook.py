"""What a budget means for this machine: what it can reach at most, and what would have been spent lately."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

from ..budgets import period_at
from ..config import Config
from ..config.schema import Budget
from ..errors import GramwattError
from ..model import Device

Fetch = Callable[[str], str]  # URL -> text; raises OSError
_TIMEOUT = 5  # seconds
_MONTH = 30 * 86400
# Labels of gramwatt_workload_emissions_grams_total. Emissions are not kept by the other labels a budget may match.
_RECORDED = ("user", "workload", "kind")


def fetch(url: str) -> str:
    """The text at a URL of this machine or its network, never through a proxy. Raises OSError."""
    with build_opener(ProxyHandler({})).open(url, timeout=_TIMEOUT) as answer:
        return str(answer.read().decode())


def metric(exposition: str, name: str, **labels: str) -> float | None:
    """The first sample of a metric with these labels, from the text a scrape gets."""
    for line in exposition.splitlines():
        found = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
        if found and all(f'{key}="{_escaped(value)}"' in (found[1] or "") for key, value in labels.items()):
            return float(found[2])
    return None


def most_watts(config: Config) -> float | None:
    """What the CPUs, memory and GPUs of this machine draw at most, by their data sheets; None where none is known."""
    from ..sensors.registry import build  # imports the drivers

    watts: dict[tuple[str, str], float] = {}
    for sensor in build(config, time.monotonic_ns):
        if sensor.name not in ("estimate", "nvml", "amdsmi"):
            continue
        with suppress(GramwattError):
            sensor.open()
            for device in (reading.of for reading in sensor.read().readings):
                if (
                    isinstance(device, Device)
                    and device.max_watts
                    and (device.component == "gpu") == (sensor.name != "estimate")
                ):
                    watts[device.component, device.name] = device.max_watts
        sensor.close()
    return sum(watts.values()) or None


def at_most(budget: Budget, watts: float | None, intensity: float | None, pue: float = 1.0) -> str:
    """A line: the emissions of this machine at full power for one whole period."""
    if watts is None or intensity is None:
        missing = "no grid intensity" if watts is not None else "no figure of its full power"
        return (
            f"at most: unknown, there is {missing}; the exporter of this machine has to run with a grid zone"
        )
    seconds = period_at(budget.period, time.time())[1]
    grams = watts * pue * seconds / 3.6e6 * intensity
    share = grams / float(budget.limit)
    verdict = "this machine alone cannot spend it" if share < 1 else f"{share:.1f} times the limit"
    return f"at most: {mass(grams)} in a period, at {watts:.0f} W day and night and {intensity:.0f} g/kWh: {verdict}"


def last_month(budget: Budget, prometheus: str, get: Fetch = fetch) -> str:
    """A line: what matching workloads emitted in the last 30 days, by Prometheus, for a period of this length."""
    other = sorted(set(budget.match) - set(_RECORDED))
    if other:
        return f"last 30 days: unknown, emissions are not kept by {' and '.join(other)}"
    metric_name = (
        "gramwatt_workload_emissions_grams_total" if budget.match else "gramwatt_device_emissions_grams_total"
    )
    matchers = ",".join(f"{label}=~{json.dumps(text)}" for label, text in sorted(budget.match.items()))
    series = f"{metric_name}{{{matchers}}}"
    grams = _query(f"sum(increase({series}[30d]))", prometheus, get)
    days = _query(f"count_over_time(group({series})[30d:1h])", prometheus, get)
    if grams is None or not days:
        return (
            f"last 30 days: unknown, Prometheus at {prometheus} has no matching emissions or does not answer"
        )
    seconds = min(_MONTH, max(3600.0, days * 3600))
    period = period_at(budget.period, time.time())[1]
    scaled = grams * period / seconds
    return (
        f"last {seconds / 86400:.1f} days: {mass(grams)} on all machines; a whole period at that pace is"
        f" {mass(scaled)}, {scaled / float(budget.limit):.0%} of the limit"
    )


def mass(grams: float) -> str:
    """``12.3 kg``."""
    for size, unit in ((1e6, "t"), (1e3, "kg"), (1.0, "g")):
        if grams >= size:
            return f"{grams / size:.3g} {unit}"
    return f"{grams * 1e3:.3g} mg"


def _query(expression: str, prometheus: str, get: Fetch) -> float | None:
    url = f"{prometheus.rstrip('/')}/api/v1/query?{urlencode({'query': expression})}"
    try:
        answer: Mapping[str, object] = json.loads(get(url))
        data = answer["data"]
        result = data["result"]  # type: ignore[index]  # checked by the except below
        return float(result[0]["value"][1]) if result else None
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
