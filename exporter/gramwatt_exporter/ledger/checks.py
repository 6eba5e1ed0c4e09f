"""Plausibility of saved totals: a negative or far too large value is damage, not energy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# 2^63 microjoules are 10 kW for 29 years; 2^63 ns are 292 years of one CPU, and there may be thousands of them.
MOST_MICROJOULES = 1 << 63
MOST_CPU_NS = (1 << 63) * 4096
# At a million g/kWh, far more than the checks let a provider report (units.py).
MOST_UNITS = MOST_MICROJOULES * 1_000_000_000
MOST_COUNT = 1 << 63


def check_accounts(saved: Mapping[str, Any]) -> None:
    """Raises ValueError naming the total, and TypeError or KeyError for damaged accounts."""
    accounts = saved.get("accounts")
    if accounts is not None:
        _check_accounts(accounts)


def check_parts(saved: Mapping[str, Any]) -> None:
    """The same check of windows and budgets."""
    windows = saved.get("windows")
    if isinstance(windows, Mapping):
        for window in windows.get("windows", ()):
            _check_window(window)
    budgets = saved.get("budgets")
    if isinstance(budgets, Mapping):
        for name, budget in budgets.get("budgets", {}).items():
            amounts = [budget["total"], *(amount for _, amount in budget["buckets"])]
            _check(f"emissions of budget {name}", amounts, MOST_UNITS)


def _check_accounts(accounts: Mapping[str, Any]) -> None:
    total = 0
    for device in accounts["devices"]:
        name = f"{device['component']} {device['name']}"
        _check(f"energy of {name}", device["energy"].values(), MOST_MICROJOULES)
        _check(f"energy of {name}", device["partition"], MOST_MICROJOULES)
        _check(f"emissions of {name}", [device["units"]], MOST_UNITS)
        total += sum(map(int, device["energy"].values()))
    for meter in accounts["meters"]:
        _check(f"energy of meter {meter['name']}", [meter["energy"]], MOST_MICROJOULES)
    for table in ("workloads", "departed_workloads"):
        for name, _, _, microjoules, amounts, cpu_nanoseconds in accounts.get(table, ()):
            _check(f"energy of workload {name}", microjoules, MOST_MICROJOULES)
            _check(f"emissions of workload {name}", amounts, MOST_UNITS)
            _check(f"CPU time of workload {name}", [cpu_nanoseconds], MOST_CPU_NS)
    for prefix in ("used", "exported"):
        _check(f"energy {prefix}", accounts[prefix], MOST_MICROJOULES)
        _check(f"emissions {prefix}", accounts[f"{prefix}_units"], MOST_UNITS)
        _check(f"CPU time {prefix}", [accounts[f"{prefix}_cpu_ns"]], MOST_CPU_NS)
    if sum(map(int, accounts["used"])) > total:
        raise ValueError("processes used more energy than all devices together")
    for provider, method, microjoules, amount in accounts["priced"]:
        _check(f"energy priced by {provider} ({method})", [microjoules], MOST_MICROJOULES)
        _check(f"emissions priced by {provider} ({method})", [amount], MOST_UNITS)
    _check("marginal emissions", (amount for *_, amount in accounts["marginal"]), MOST_UNITS)
    _check("observed exits", accounts["exits_observed"].values(), MOST_COUNT)
    _check("lost exits", [accounts["exits_lost"]], MOST_COUNT)
    _check("resets", (count for *_, count in accounts["resets"]), MOST_COUNT)


def _check_window(window: Mapping[str, Any]) -> None:
    name = window["id"]
    _check(f"energy of window {name}", window["microjoules"].values(), MOST_MICROJOULES)
    amounts = [amount for amount in window["emission_units"].values() if amount is not None]
    _check(f"emissions of window {name}", amounts, MOST_UNITS)
    _check(f"CPU time of window {name}", [window["cpu_nanoseconds"]], MOST_CPU_NS)


def _check(what: str, values: Iterable[Any], most: int) -> None:
    for value in values:
        if isinstance(value, float) or not 0 <= int(value) <= most:
            raise ValueError(f"{what}: {str(value)[:40]} is no total")
