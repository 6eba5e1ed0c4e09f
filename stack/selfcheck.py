"""Is the stack really working? Targets up, samples in, and no joule lost between device and processes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests
from prometheus_client.parser import text_string_to_metric_families

from .prometheus_config import SCRAPED
from .settings import Settings, StackError


@dataclass(frozen=True)
class Sample:
    """One line of a scrape."""

    name: str
    labels: dict[str, str]
    value: float


@dataclass
class Balance:
    """Energy of one component in whole microjoules, all from the same scrape."""

    device: int = 0
    rows: int = 0
    parts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def accounted(self) -> int:
        """Process rows + idle + unattributed."""
        return self.rows + self.parts["idle"] + self.parts["unattributed"]

    @property
    def holds(self) -> bool:
        """True when every joule of the device is accounted for, once, in both ways of looking."""
        return self.device == self.accounted == sum(self.parts.values())


def scrape(url: str) -> list[Sample]:
    """Read one exposition. Raises requests.RequestException."""
    answer = requests.get(url, timeout=10)
    answer.raise_for_status()
    return [
        Sample(sample.name, dict(sample.labels), sample.value)
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    ]


def balances(samples: list[Sample]) -> dict[str, Balance]:
    """Per component, what the devices drew and where it went. Joules become microjoules, so == is exact."""
    found: dict[str, Balance] = defaultdict(Balance)
    for sample in samples:
        component = sample.labels.get("component", "")
        microjoules = round(sample.value * 1e6)
        if sample.name == "gramwatt_device_energy_joules_total":
            found[component].device += microjoules
        elif sample.name == "gramwatt_device_energy_partition_joules_total":
            found[component].parts[sample.labels["part"]] += microjoules
        elif sample.name == "gramwatt_process_energy_joules_total":
            found[component].rows += microjoules
    return dict(found)


def hottest(samples: list[Sample], count: int = 5) -> list[tuple[float, str, str, str]]:
    """(watts, pid, command, workload) of the processes that draw most."""
    power: dict[tuple[str, str, str], float] = defaultdict(float)
    for sample in samples:
        if sample.name == "gramwatt_process_power_watts" and sample.labels["pid"]:
            power[sample.labels["pid"], sample.labels["command"], sample.labels["workload"]] += sample.value
    rows = sorted(((watts, *row) for row, watts in power.items()), reverse=True)
    return rows[:count]


def query(settings: Settings, expression: str) -> list[dict[str, Any]]:
    """An instant query; the answer's ``result`` list. Raises StackError with Prometheus' own message."""
    answer = requests.get(
        settings.url("prometheus", "/api/v1/query"), params={"query": expression}, timeout=10
    )
    body = answer.json()
    if body.get("status") != "success":
        raise StackError(f"Prometheus refused {expression!r}: {body.get('error', answer.text)}")
    result: list[dict[str, Any]] = body["data"]["result"]
    return result


def wait(
    what: str, check: Callable[[], str], seconds: float, alive: Callable[[], bool] = lambda: True
) -> None:
    """Repeat ``check`` until it answers "" (good). Its text is what is still missing, shown on failure."""
    end = time.monotonic() + seconds
    missing = "no answer yet"
    while True:
        try:
            missing = check()
        except requests.RequestException as error:
            missing = f"{type(error).__name__}: {error}"
        if not missing:
            return
        if not alive():
            raise StackError(f"{what}: a service ended while the stack was starting ({missing})")
        if time.monotonic() > end:
            raise StackError(f"{what}: not within {seconds:.0f} s: {missing}")
        time.sleep(0.5)


def run(
    settings: Settings, services: list[str], seconds: float = 120, alive: Callable[[], bool] = lambda: True
) -> str:
    """Wait until everything works and return the report for the user.

    Raises StackError naming what does not work.
    """
    ready = {
        "exporter": "/-/ready",
        "prometheus": "/-/ready",
        "alertmanager": "/-/ready",
        "labeler": "/-/ready",
        "grafana": "/api/health",
    }
    for service in services:
        url = settings.url(service, ready[service])
        wait(f"{service} ready at {url}", lambda url=url: _status(url), seconds, alive)  # type: ignore[misc]
    wait("Prometheus' targets", lambda: _targets(settings), seconds, alive)
    wait("first samples in Prometheus", lambda: _first_samples(settings), seconds, alive)
    samples = scrape(settings.url("exporter", "/metrics"))
    others = elsewhere_down(_active(settings), _own(settings))
    return "\n".join(
        [*_addresses(settings, services), *others, "", *conservation(samples), "", *_hottest(samples)]
    )


def _status(url: str) -> str:
    answer = requests.get(url, timeout=5)
    return "" if answer.ok else f"HTTP {answer.status_code}: {answer.text.strip()[:200]}"


def _targets(settings: Settings) -> str:
    return own_down(_active(settings), _own(settings))


def _active(settings: Settings) -> list[dict[str, Any]]:
    """What Prometheus scrapes, as its API says it."""
    answer = requests.get(settings.url("prometheus", "/api/v1/targets"), timeout=5)
    found: list[dict[str, Any]] = answer.json()["data"]["activeTargets"]
    return found


def _own(settings: Settings) -> set[str]:
    """Addresses that this stack serves itself; prometheus/targets/ may name other machines beside them."""
    return {settings.url(service).removeprefix("http://") for service in SCRAPED}


def own_down(targets: list[dict[str, Any]], own: set[str]) -> str:
    """Which of the stack's ``own`` targets are not scraped yet; "" when all are."""
    found = {one["labels"].get("instance", ""): one for one in targets}
    missing = sorted(own - found.keys())
    down = [_named(one) for address, one in found.items() if address in own and one["health"] != "up"]
    return "; ".join([*(f"{address} is no target" for address in missing), *down])


def elsewhere_down(targets: list[dict[str, Any]], own: set[str]) -> list[str]:
    """A line for each other machine that does not answer. The stack works without it."""
    down = [one for one in targets if one["labels"].get("instance") not in own and one["health"] != "up"]
    return [f"  not answering: {_named(one)}" for one in down]


def _named(target: dict[str, Any]) -> str:
    return f"{target['scrapePool']} {target['scrapeUrl']} {target['health']} {target['lastError']}".strip()


def _first_samples(settings: Settings) -> str:
    found = query(settings, "count(gramwatt_device_power_watts)")
    return "" if found else "gramwatt_device_power_watts has no sample yet"


def _addresses(settings: Settings, services: list[str]) -> list[str]:
    about = {
        "labeler": "dashboards, windows and labels",
        "grafana": "Grafana, user admin",
        "prometheus": "Prometheus",
        "alertmanager": "alerts",
        "exporter": "exporter (/metrics)",
    }
    return [
        f"  {settings.url(service, '/'):<28}{text}" for service, text in about.items() if service in services
    ]


def conservation(samples: list[Sample]) -> list[str]:
    """The sums per component as text. Raises StackError when one does not hold."""
    found = balances(samples)
    if not found:
        raise StackError(
            "the exporter publishes no device energy; see gramwatt_sensor_up in its /metrics for why"
        )
    sources = {
        sample.labels["component"]: sample.labels["source"]
        for sample in samples
        if sample.name == "gramwatt_device_energy_joules_total"
    }
    lines = ["energy in one scrape: processes + idle + unattributed = device counter"]
    for component, balance in sorted(found.items()):
        if not balance.holds:
            raise StackError(
                f"energy is not conserved for {component}: processes {balance.rows}"
                f" + idle {balance.parts['idle']} + unattributed {balance.parts['unattributed']}"
                f" = {balance.accounted} uJ,"
                f" device counter {balance.device} uJ, its parts {sum(balance.parts.values())} uJ"
            )
        lines.append(
            f"  {component:<6} {balance.rows / 1e6:.6f} + {balance.parts['idle'] / 1e6:.6f}"
            f" + {balance.parts['unattributed'] / 1e6:.6f} = {balance.device / 1e6:.6f} J"
            f"  (source: {sources.get(component, '?')})"
        )
    return lines


def _hottest(samples: list[Sample]) -> list[str]:
    rows = [
        f"  {watts:8.3f} W  {pid:>8}  {command:<18} {workload}"
        for watts, pid, command, workload in hottest(samples)
    ]
    lines = ["hottest processes now", *(rows or ["  none has used energy since the start"])]
    if not any(sample.name == "gramwatt_grid_intensity_grams_per_kilowatt_hour" for sample in samples):
        lines += [
            "",
            "No CO2 yet: no grid zone is set. Put yours into .env and run `make up` again, such as:",
            "  GRAMWATT_INTENSITY_ZONE=FR",
        ]
    return lines
