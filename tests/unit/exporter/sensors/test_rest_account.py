"""What a meter shows beyond the devices inside it: never less than nothing, and never more than the meter."""

from __future__ import annotations

import json

import pytest
from gramwatt_exporter.model import Component, Device, EnergyStep
from gramwatt_exporter.sensors.rest_account import RestAccount, of_older_version
from gramwatt_exporter.sensors.timeline import Timeline, book, nothing
from hypothesis import given
from hypothesis import strategies as st

SECOND = 1_000_000_000
COVERS: tuple[Component, ...] = ("cpu", "dram", "gpu")
CPU = Device("cpu", "package-0", "rapl", 0.05)


def draw(devices: Timeline, microjoules: int, at_ns: int) -> None:
    """The package draws so much up to a moment."""
    amounts = nothing()
    book(amounts, EnergyStep(CPU, microjoules, 1), microjoules)
    devices.add(at_ns, amounts)


def begun() -> tuple[RestAccount, Timeline]:
    account, devices = RestAccount(), Timeline()
    devices.begin(0)
    account.mark(devices, COVERS, 0)
    return account, devices


def beyond(account: RestAccount, devices: Timeline, microjoules: int, at_ns: int) -> int:
    """The meter showed so much up to a moment; what is booked of it."""
    account.hold(microjoules, at_ns)
    settled = account.settle(devices)
    account.book(settled.beyond)
    return settled.beyond


def test_the_rest_is_the_meter_less_the_devices() -> None:
    account, devices = begun()
    draw(devices, 60, SECOND)
    assert beyond(account, devices, 100, SECOND) == 40
    draw(devices, 60, 2 * SECOND)
    assert beyond(account, devices, 100, 2 * SECOND) == 40


def test_a_slow_meter_is_compared_with_the_devices_of_its_own_moment() -> None:
    account, devices = begun()
    for second in range(1, 11):
        draw(devices, 10, second * SECOND)
    # The meter's answer is of second 5; what the devices drew later is not held against it.
    assert beyond(account, devices, 100, 5 * SECOND) == 50


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), max_size=60), st.integers(0, 60))
def test_the_rest_never_falls_and_never_exceeds_the_meter(steps: list[tuple[int, int]], cut: int) -> None:
    account, devices = begun()
    meter = booked = covered = best = 0
    for number, (device, around) in enumerate(steps, 1):
        if number == cut:  # a restart in the middle changes nothing
            account = RestAccount.restored(json.loads(json.dumps(account.state(devices))), COVERS, True)
            devices = Timeline()
        draw(devices, device, number)
        covered += device
        meter += around
        step = beyond(account, devices, around, number)
        assert step >= 0
        booked += step
        best = max(best, meter - covered)
        assert booked == best


def test_what_the_meter_did_not_see_is_not_held_against_it() -> None:
    account, devices = begun()
    account.hold(100, SECOND)
    account.begins_anew(3 * SECOND)
    account.hold(100, 4 * SECOND)
    draw(devices, 240, 4 * SECOND)  # 60 a second, in two of which the meter was away
    settled = account.settle(devices)
    assert (settled.shown, settled.inside.measured, settled.beyond) == (200, 120, 80)


def test_only_a_debt_is_left_of_a_meter_that_did_not_count_meanwhile() -> None:
    account, devices = begun()
    draw(devices, 300, SECOND)
    assert beyond(account, devices, 100, SECOND) == 0
    account = RestAccount.restored(account.state(devices), COVERS, compared=False)
    assert not account.marked
    assert account.excess == -200


def test_totals_of_an_older_version_are_a_debt() -> None:
    saved = of_older_version([2000, 500, 1900, 0], 7, None)
    assert (saved["excess"], saved["begun"]) == (-400, True)
