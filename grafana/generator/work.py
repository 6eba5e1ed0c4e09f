"""Recorded runs as rows: energy, work, duration of every window of the range, also of those that have ended."""

from __future__ import annotations

from collections.abc import Sequence

from .queries import GPU, OPEN, all_chosen, gauge, labelled, last

# The keys under which owners record how much work a run did, most specific first, and the unit's name.
UNITS = (("samples", "sample"), ("tokens", "token"), ("output_tokens", "token"), ("requests", "request"))


def info(labels: str = "") -> str:
    """What the runs of the range are. An exporter that moved to another address publishes the same run twice."""
    return last("window_info", labels)


def of_project(runs: str, named: str) -> str:
    """Those of ``runs`` that are in ``named`` (runs of the chosen projects) or whose parent is; with "All" every one.

    A run within another, such as an epoch, belongs to the project of that one, which alone is published with it.
    """
    of_parent = f'label_replace({named}, "parent", "$1", "window", "(.+)")'
    return (
        f"({runs} and on () {all_chosen('project')}) or ({runs} and on (window) {named}) or "
        f"({runs} and on (parent) {of_parent})"
    )


def outermost(runs: str, known: str) -> str:
    """Those of ``runs`` whose parent is not in ``known``: the energy of an epoch is in that of its run already."""
    of_parent = f'label_replace({known}, "parent", "$1", "window", "(.+)")'
    return f"group by (window) (({runs}) unless on (parent) {of_parent})"


def energy(labels: str = "") -> str:
    """Joules of each run."""
    return f"sum by (window) (max by (window, component) ({last('window_energy_joules_total', labels)}))"


def grams() -> str:
    """Grams of each run."""
    return f"sum by (window) (max by (window, component) ({last('window_emissions_grams_total')}))"


def start() -> str:
    """Unix time at which each run began."""
    return f"max by (window) ({last('window_start_timestamp_seconds')})"


def duration() -> str:
    """Seconds of each run; of an open one until now."""
    opened = f"max by (window) ({gauge('window_state', OPEN)} == 1)"
    ended = f"max by (window) ({last('window_end_timestamp_seconds')})"
    return f"(({ended} or on (window) 0 * {opened} + time()) - on (window) {start()} > 0)"


def gpu_share() -> str:
    """The share of its energy that each run used on graphics cards."""
    return f"({energy(GPU)} / on (window) ({energy()} > 0))"


def of_key(key: str) -> str:
    """What the owners recorded under ``key``."""
    matcher = f'key="{key}"'
    return f"max by (window) ({last('window_value', matcher)})"


def work(units: Sequence[tuple[str, str]] = UNITS) -> str:
    """How many units of work each run did, with the label ``unit``."""
    found = (labelled(of_key(key), "unit", unit) for key, unit in units)
    return f"(({' or on (window) '.join(found)}) > 0)"


def per_unit(amount: str) -> str:
    """``amount`` of each run for one unit of its work."""
    return f"({amount} / on (window) group_right () {work()})"
