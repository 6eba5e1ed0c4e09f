"""When a counter that answers is not believed, and when it is believed again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from gramwatt_exporter.sensors.delivery import STILL_SECONDS, Delivery, PartOfWhole

S = 1_000_000_000


def run(
    delivery: Delivery, steps: Sequence[int | None], every: float = 1.0, draws: bool = True, start: int = 0
) -> list[bool]:
    """Whether each step, in joules, could be booked; None stands for one that is refused."""
    return [
        delivery.note("k", draws, (step or 0) * 1_000_000, step is None, round((start + number * every) * S))
        for number, step in enumerate(steps)
    ]


def test_a_counter_without_steps_stands_still_after_a_while() -> None:
    delivery = Delivery()
    run(delivery, [5] + [0] * STILL_SECONDS)
    assert delivery.fault("k") == ""
    run(delivery, [0, 0], start=STILL_SECONDS + 1)
    assert delivery.fault("k") == "still"


def test_two_looks_are_too_few() -> None:
    """As after a suspend of hours, or with samples far apart."""
    delivery = Delivery()
    run(delivery, [5, 0, 0], every=3600)
    assert delivery.fault("k") == ""


def test_the_step_that_ends_a_standstill_is_not_booked_and_the_next_is() -> None:
    delivery = Delivery()
    run(delivery, [5] + [0] * 30)
    assert run(delivery, [700, 5, 5], start=31) == [False, True, True]
    assert delivery.fault("k") == ""


def test_a_counter_that_is_renewed_seldom_is_known_as_such() -> None:
    delivery = Delivery()
    run(delivery, ([5] + [0] * 29) * 2)  # every 30 s: at first that is taken for a standstill
    run(delivery, ([5] + [0] * 29) * 10, start=60)
    assert delivery.fault("k") == ""


def test_one_of_which_every_step_is_refused_is_refused() -> None:
    delivery = Delivery()
    run(delivery, [None] * 25)
    assert delivery.fault("k") == "refused"
    assert delivery.faults == {"k": "refused"}
    version = delivery.version
    run(delivery, [5, 5], start=25)
    assert (delivery.faults, delivery.version) == ({}, version + 1)


def test_what_may_draw_nothing_is_never_said_to_stand_still() -> None:
    """A GPU asleep, the graphics of a package."""
    delivery = Delivery()
    assert all(run(delivery, [0] * 100, draws=False))
    assert delivery.fault("k") == ""


@pytest.mark.parametrize(("part", "below"), [(4_000_000, False), (12_000_000, True)])
def test_no_part_draws_more_than_its_whole(part: int, below: bool) -> None:
    compared = PartOfWhole()
    looks = [compared.compare("w", "p", S, 8_000_000, part) for _ in range(10)]
    assert looks == [None] * 9 + [below]


def test_a_whole_that_stands_still_is_not_compared() -> None:
    compared = PartOfWhole()
    assert [compared.compare("w", "p", S, 0, 5_000_000) for _ in range(30)] == [None] * 30
