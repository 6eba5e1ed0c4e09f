"""The book of windows: their life, who may see them, what may be asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from gramwatt_exporter import units
from gramwatt_exporter.windows import ApiError, Peer, window_answer
from gramwatt_exporter.windows.ids import PATTERN, Ids
from window_books import ALICE, BOB, ROOT, answer, ask


def test_a_window_from_open_to_stop(book: Any, clocks: Any) -> None:
    start = clocks.wall
    window = book.open(
        ask(model="resnet", dataset="digits", values={"samples": 1}, tags={"project": "p"}), ALICE
    )
    assert book.open_ids == {window.id}
    book.add_process(window.id, (4711, 99))
    book.joined(window.id)
    book.measured("cpu", "rapl", 0.05, 100_000)
    book.measured("dram", "rapl", 0.05, 20_000)
    clocks.run(4)
    book.joined(window.id, 2)
    book.charge(window.id, "cpu", 8_000_000, units.emission_units(8_000_000, 56_000))
    book.charge(window.id, "dram", 1_000_000, units.emission_units(1_000_000, 56_000))
    book.charge_cpu(window.id, 3_900_000_000)
    book.sampled(clocks.wall)
    assert answer(book, window.id)["duration_seconds"] == 4.0
    book.record(window.id, {"samples": 60000, "accuracy": 0.98})
    clocks.run(1)
    book.stop(window.id, clocks.wall, values={"accuracy": 0.99})
    clocks.run(100)
    assert answer(book, window.id) == {
        "window": window.id,
        "name": "train",
        "phase": "training",
        "model": "resnet",
        "task": "",
        "dataset": "digits",
        "parent": "",
        "user": "alice",
        "uid": 1000,
        "pid": 4711,
        "state": "finished",
        "ended_by": "stop",
        "start": start,
        "end": start + 5,
        "duration_seconds": 5.0,
        "energy_joules": 9.0,
        "emissions_grams": pytest.approx(9 / 3.6e6 * 56),
        "mean_power_watts": 1.8,
        "components": {"cpu": 8.0, "dram": 1.0},
        "component_emissions_grams": {
            "cpu": pytest.approx(8 / 3.6e6 * 56),
            "dram": pytest.approx(1 / 3.6e6 * 56),
        },
        "cpu_seconds": 3.9,
        "processes": 3,
        "sources": {"cpu": "rapl", "dram": "rapl"},
        "unknown_joules": {},
        "uncertainty_ratio": pytest.approx(0.05),
        "idle_methods": {},
        "missed_seconds": 0.0,
        "floor_joules": 0.12,
        "below_floor": False,
        "values": {"samples": 60000, "accuracy": 0.99},
        "tags": {"project": "p"},
        "boundary": "process",
        "outcome": None,
    }
    assert book.open_ids == frozenset()


def test_nothing_is_known_before_anything_is_measured(book: Any) -> None:
    window = book.open(ask(), ALICE)
    fresh = answer(book, window.id)
    assert (fresh["energy_joules"], fresh["components"], fresh["processes"]) == (0.0, {}, 0)
    for unknown in ("emissions_grams", "uncertainty_ratio", "mean_power_watts", "end", "ended_by"):
        assert fresh[unknown] is None


def test_without_an_intensity_emissions_are_not_known(book: Any) -> None:
    window = book.open(ask(), ALICE)
    book.charge(window.id, "cpu", 1000, None)
    shown = answer(book, window.id)
    assert shown["emissions_grams"] is None
    assert shown["component_emissions_grams"] == {"cpu": None}
    book.charge(window.id, "cpu", 1000, 36 * 10**14)
    assert answer(book, window.id)["emissions_grams"] == 1.0


def test_stopping_twice_is_the_same_answer(book: Any, clocks: Any) -> None:
    window = book.open(ask(), ALICE)
    clocks.run(2)
    book.stop(window.id, clocks.wall, "exit")
    first = answer(book, window.id)
    clocks.run(2)
    book.stop(window.id, clocks.wall, "stop", {"late": 1})
    assert answer(book, window.id) == first
    assert first["ended_by"] == "exit"


def test_wrong_values_at_the_stop_leave_the_window_open(book: Any, clocks: Any) -> None:
    window = book.open(ask(), ALICE)
    with pytest.raises(ApiError) as raised:
        book.stop(window.id, clocks.wall, "stop", {"loss": math.nan, "x": 1})
    assert (raised.value.status, raised.value.field) == (400, "values.loss")
    assert answer(book, window.id)["state"] == "open"
    assert answer(book, window.id)["values"] == {}


def test_a_finished_window_is_final(book: Any, clocks: Any) -> None:
    window = book.open(ask(), ALICE)
    book.charge(window.id, "cpu", 5, 7)
    book.stop(window.id, clocks.wall)
    before = answer(book, window.id)
    calls: list[Callable[[], object]] = [
        lambda: book.record(window.id, {"x": 1}),
        lambda: book.add_process(window.id, (1, 2)),
    ]
    for late in calls:
        with pytest.raises(ApiError) as raised:
            late()
        assert raised.value.status == 409
    book.charge(window.id, "cpu", 1000, 1000)
    book.charge_cpu(window.id, 1000)
    book.joined(window.id)
    book.sampled(clocks.wall)
    assert answer(book, window.id) == before


def test_a_process_is_added_once(book: Any) -> None:
    window = book.open(ask(), ALICE)
    assert book.add_process(window.id, (5, 100))
    assert not book.add_process(window.id, (5, 100))
    assert book.add_process(window.id, (5, 101))  # the pid came again: another process


def test_a_window_opens_under_one_of_the_same_user(book: Any, clocks: Any) -> None:
    outer = book.open(ask(), ALICE)
    inner = book.open(ask(name="epoch 1", parent=outer.id), ALICE)
    assert answer(book, inner.id)["parent"] == outer.id
    with pytest.raises(ApiError) as raised:
        book.open(ask(parent=outer.id), BOB)
    assert (raised.value.status, raised.value.field) == (403, "parent")
    with pytest.raises(ApiError) as raised:
        book.open(ask(parent="nonsense"), ALICE)
    assert (raised.value.status, raised.value.field) == (404, "parent")
    book.stop(outer.id, clocks.wall)
    with pytest.raises(ApiError) as raised:
        book.open(ask(parent=outer.id), ALICE)
    assert (raised.value.status, raised.value.field) == (409, "parent")
    assert answer(book, inner.id)["state"] == "open"  # an outer window's end does not end the inner


def test_the_clock_may_step_while_a_window_is_open(book: Any, clocks: Any) -> None:
    window = book.open(ask(), ALICE)
    clocks.run(3)
    clocks.wall -= 86400
    book.stop(window.id, clocks.wall)
    shown = answer(book, window.id)
    assert shown["duration_seconds"] == 3.0
    assert shown["end"] >= shown["start"]


def test_a_source_that_changes_on_the_way_is_told(book: Any) -> None:
    window = book.open(ask(), ALICE)
    book.measured("cpu", "rapl+hwmon", 0.1, 1)
    book.charge(window.id, "cpu", 3_000, None)
    book.measured("cpu", "estimate", 0.5, 500_000)
    book.charge(window.id, "cpu", 1_000, None)
    book.measured("cpu", "rapl", 0.1, 1)
    book.charge(window.id, "cpu", 0, None)
    book.sampled(1.0)
    shown = answer(book, window.id)
    assert shown["sources"] == {"cpu": "estimate+hwmon+rapl"}
    assert shown["uncertainty_ratio"] == pytest.approx((3 * 0.1 + 1 * 0.5) / 4)


def test_below_the_floor_it_says_so(book: Any) -> None:
    book.measured("cpu", "estimate", 0.5, 100_000)
    window = book.open(ask(), ALICE)
    book.charge(window.id, "cpu", 99_999, None)
    assert answer(book, window.id)["below_floor"] is True
    assert answer(book, window.id)["floor_joules"] == 0.1
    book.charge(window.id, "cpu", 1, None)
    assert answer(book, window.id)["below_floor"] is False


def test_a_user_sees_only_their_own_windows_and_root_all(book: Any, clocks: Any) -> None:
    first = book.open(ask(), ALICE)
    second = book.open(ask(), BOB)
    third = book.open(ask(), ALICE)
    book.stop(first.id, clocks.wall)
    assert [window.id for window in book.find(ALICE)] == [third.id, first.id]
    assert [window.id for window in book.find(ALICE, "open")] == [third.id]
    assert [window.id for window in book.find(ALICE, "finished")] == [first.id]
    assert [window.id for window in book.find(ROOT)] == [third.id, second.id, first.id]
    assert book.get(second.id, ROOT).id == second.id
    with pytest.raises(ApiError) as raised:
        book.get(second.id, ALICE)
    assert raised.value.status == 403
    with pytest.raises(ApiError) as raised:
        book.get("00000000000000000000", ALICE)
    assert raised.value.status == 404


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 129}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "\x1b[2J"}, "name"),
        ({"phase": "train"}, "phase"),
        ({"phase": ""}, "phase"),
        ({"pid": 0}, "pid"),
        ({"pid": -1}, "pid"),
        ({"pid": 2**31}, "pid"),
        ({"model": "x" * 257}, "model"),
        ({"task": "\0"}, "task"),
        ({"dataset": "a\tb"}, "dataset"),
        ({"values": {"": 1.0}}, "values"),
        ({"values": {"a b": 1.0}}, "values"),
        ({"values": {"1a": 1.0}}, "values"),
        ({"values": {"x" * 65: 1.0}}, "values"),
        ({"values": {"x": math.inf}}, "values.x"),
        ({"values": {f"v{number}": 1.0 for number in range(65)}}, "values"),
        ({"tags": {f"t{number}": "" for number in range(33)}}, "tags"),
        ({"tags": {"a b": ""}}, "tags"),
        ({"tags": {"a": "x" * 257}}, "tags.a"),
        ({"tags": {"a": "x\n"}}, "tags.a"),
    ],
)
def test_a_wrong_field_is_named_with_the_fix(book: Any, fields: Any, field: Any) -> None:
    with pytest.raises(ApiError) as raised:
        book.open(ask(**fields), ALICE)
    assert (raised.value.status, raised.value.field) == (400, field)
    assert raised.value.fix
    assert len(raised.value.message) < 200
    assert len(book) == 0


def test_names_of_all_tongues_are_fine(book: Any) -> None:
    window = book.open(ask(name="\N{GREEK SMALL LETTER ALPHA}-run \N{CJK UNIFIED IDEOGRAPH-6C34}"), ALICE)
    assert answer(book, window.id)["name"].startswith("\N{GREEK SMALL LETTER ALPHA}")


def test_values_are_bounded_over_all_calls(book: Any) -> None:
    window = book.open(ask(values={f"v{number}": 1.0 for number in range(64)}), ALICE)
    book.record(window.id, {"v0": 2.0})
    with pytest.raises(ApiError) as raised:
        book.record(window.id, {"one_more": 1.0, "v0": 3.0})
    assert raised.value.status == 400
    assert answer(book, window.id)["values"]["v0"] == 2.0


def test_a_caller_that_cannot_be_seen_must_name_a_process(book: Any) -> None:
    hidden = Peer(uid=1000, pid=0, user="alice")
    with pytest.raises(ApiError) as raised:
        book.open(ask(), hidden)
    assert (raised.value.status, raised.value.field) == (400, "pid")
    assert book.open(ask(pid=5), hidden).pid == 5


def test_a_snapshot_never_changes(book: Any, clocks: Any) -> None:
    window = book.open(ask(values={"a": 1.0}, tags={"t": "x"}), ALICE)
    book.charge(window.id, "cpu", 5, 7)
    (before,) = book.frozen()
    shown = window_answer(before)
    book.charge(window.id, "cpu", 5, 7)
    book.charge(window.id, "gpu", 5, 7)
    book.record(window.id, {"b": 1.0})
    clocks.run(10)
    book.stop(window.id, clocks.wall)
    assert window_answer(before) == shown
    assert window_answer(book.frozen()[0]) != shown
    with pytest.raises(TypeError):
        before.microjoules["cpu"] = 0


def test_ids_sort_by_time_and_never_repeat() -> None:
    ids = Ids()
    times = [1e9, 1e9, 1e9, 1.5e9, 1.2e9, 1.7e9]  # standing still, stepping back
    made = [ids.new(now) for now in times for _ in range(50)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert all(PATTERN.fullmatch(made_id) for made_id in made)
    assert len({made_id[-11:] for made_id in made}) == len(made)
