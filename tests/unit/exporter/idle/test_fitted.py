"""The fit of idle draw to power at other loads, and the sums it is made from."""

from __future__ import annotations

import pytest
from gramwatt_exporter.idle.classes import ANY, LINE, IdleClass, at_load
from gramwatt_exporter.idle.device import Seen
from gramwatt_exporter.idle.fitted import fit
from gramwatt_exporter.idle.loads import LoadSums, spans
from hypothesis import given, settings
from hypothesis import strategies as st

SECOND = 1_000_000_000
STEP = IdleClass("step", 0.25, 0.2, (0, 0.2, 0.25, 0.31, 0.37, 0.44, 0.52, 0.61, 0.72, 0.85, 1.0), 0.15)


def points(of: IdleClass, full: float, share: float, loads: list[float]) -> LoadSums:
    """What a device of exactly this class shows in a minute at each load."""
    sums = LoadSums()
    for load in loads:
        watts = full * (share + (1 - share) * at_load(of.curve, load))
        sums.add(round(watts * 60e6), 60 * SECOND, load)
    return sums


@pytest.mark.slow
@settings(deadline=None)
@given(full=st.floats(5, 1000), share=st.floats(0.2, 0.32))
def test_a_device_like_its_class_is_found(full: float, share: float) -> None:
    """Also where the lowest load seen is a quarter, far above the step."""
    found = fit(points(STEP, full, share, [0.25, 0.4, 0.55, 0.7, 0.85]).points(), STEP)
    assert found.watts == pytest.approx(full * share, rel=0.15)
    assert found.sigma < 0.25


@pytest.mark.slow
@settings(deadline=None)
@given(full=st.floats(5, 1000), share=st.floats(0.1, 0.5))
def test_a_straight_device_is_found_whatever_its_class(full: float, share: float) -> None:
    line = IdleClass("line", 0.3, 0.5, LINE, 0.1)
    found = fit(points(line, full, share, [0.15, 0.35, 0.55, 0.75, 0.95]).points(), ANY)
    assert found.watts == pytest.approx(full * share, rel=0.12)


def test_one_load_alone_says_what_the_class_says_of_it() -> None:
    watts = 100 * (0.25 + 0.75 * at_load(STEP.curve, 0.55))
    found = fit([(0.55, watts, 1e12, 200)], STEP)
    assert found.watts == pytest.approx(25, rel=0.15)
    assert found.sigma > 0.15


def test_the_wider_the_loads_the_narrower_the_sigma() -> None:
    narrow = fit(points(STEP, 100, 0.25, [0.55, 0.65]).points(), ANY)
    wide = fit(points(STEP, 100, 0.25, [0.03, 0.15, 0.35, 0.55, 0.65]).points(), ANY)
    assert wide.sigma < narrow.sigma


def test_a_bin_that_an_odd_program_filled_does_not_decide() -> None:
    plain = points(STEP, 100, 0.25, [0.12, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.95])
    odd = points(STEP, 100, 0.25, [0.12, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.95])
    odd.add(200 * 60_000_000, 60 * SECOND, 0.85)
    assert fit(odd.points(), STEP).watts == pytest.approx(fit(plain.points(), STEP).watts, rel=0.15)


def test_loads_far_apart_span() -> None:
    assert not spans(points(STEP, 100, 0.25, []).points())
    assert not spans(points(STEP, 100, 0.25, [0.55, 0.59]).points())
    assert spans(points(STEP, 100, 0.25, [0.35, 0.55]).points())


@pytest.mark.parametrize("load", [0.0, 0.019, 0.02, 0.5, 0.9, 0.999, 1.0])
def test_every_load_has_a_bin(load: float) -> None:
    sums = points(STEP, 100, 0.25, [load])
    ((seen, watts, nanoseconds, _),) = sums.points()
    assert (seen, nanoseconds) == (pytest.approx(load), 60 * SECOND)
    assert watts == pytest.approx(100 * (0.25 + 0.75 * at_load(STEP.curve, load)), rel=1e-6)


def test_what_was_seen_fades_over_days_and_survives_restarts() -> None:
    sums = LoadSums()
    for _ in range(48 * 60):
        sums.add(100 * 60_000_000, 60 * SECOND, 0.5)
    for _ in range(48 * 60):
        sums.add(50 * 60_000_000, 60 * SECOND, 0.5)
    ((_, watts, _, _),) = sums.points()
    assert 60 < watts < 70  # of two days ago a half is left
    again = LoadSums()
    again.restore(sums.state())
    assert again.points()[0] == pytest.approx(sums.points()[0], rel=1e-3)


def test_forced_samples_are_added_up_until_they_are_long_enough() -> None:
    """Clients that open windows all the time must not keep the exporter from learning."""
    device = Seen()
    for _ in range(90):
        device.add(1_500_000, SECOND // 10, 0.0, quiet=True)
    assert device.quiet.state() == [[90 * SECOND // 10, 135_000_000]]
    assert device.quiet.microwatts() == 15_000_000


def test_a_stretch_of_forced_samples_that_was_not_quiet_throughout_is_not_quiet() -> None:
    device = Seen()
    for number in range(10):
        device.add(1_500_000, SECOND // 10, 0.3 if number == 4 else 0.0, quiet=number != 4)
    assert not device.quiet
    ((load, _, _, _),) = device.loads.points()
    assert load == pytest.approx(0.3 / 9, abs=0.01)


def test_an_interruption_drops_what_was_added_up() -> None:
    device = Seen()
    for _ in range(8):
        device.add(1_500_000, SECOND // 10, 0.0, quiet=True)
    device.interrupt()
    assert not device.add(1_500_000, SECOND // 10, 0.0, quiet=True)
    assert not device.quiet
