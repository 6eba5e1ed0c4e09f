"""The book of windows: who may do what, what is charged, what stays, what survives a restart."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from gramwatt_exporter import units
from gramwatt_exporter.config import Duration
from gramwatt_exporter.config.schema import Windows
from gramwatt_exporter.windows import ApiError, OpenRequest, Peer, WindowBook, window_answer
from gramwatt_exporter.windows.ids import PATTERN, Ids
from hypothesis import given
from hypothesis import strategies as st

ALICE = Peer(uid=1000, pid=4711, user="alice")
BOB = Peer(uid=1001, pid=4712, user="bob")
ROOT = Peer(uid=0, pid=1, user="root")


class Clocks:
    """Time of day and time since boot, moved by hand."""

    def __init__(self) -> None:
        self.wall = 1_763_700_000.0
        self.boot = 5_000_000_000

    def run(self, seconds: float) -> None:
        self.wall += seconds
        self.boot += round(seconds * 1e9)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


MakeBook = Callable[..., WindowBook]


@pytest.fixture
def make_book(clocks: Clocks) -> MakeBook:
    def make(most: int = 1000, retention: float = 3600) -> WindowBook:
        settings = Windows(max=most, retention=Duration(retention))
        return WindowBook(settings, lambda: clocks.wall, lambda: clocks.boot)

    return make


@pytest.fixture
def book(make_book: MakeBook) -> WindowBook:
    return make_book()


def ask(**fields: Any) -> OpenRequest:
    return OpenRequest(**({"name": "train", "phase": "training"} | fields))


def answer(book: WindowBook, window_id: str) -> dict[str, Any]:
    return window_answer(book.view(book.get(window_id)))


# --- the life of a window


def test_a_window_from_open_to_stop(book, clocks):
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
        "uncertainty_ratio": pytest.approx(0.05),
        "floor_joules": 0.12,
        "below_floor": False,
        "values": {"samples": 60000, "accuracy": 0.99},
        "tags": {"project": "p"},
    }
    assert book.open_ids == frozenset()


def test_nothing_is_known_before_anything_is_measured(book):
    window = book.open(ask(), ALICE)
    fresh = answer(book, window.id)
    assert (fresh["energy_joules"], fresh["components"], fresh["processes"]) == (0.0, {}, 0)
    for unknown in ("emissions_grams", "uncertainty_ratio", "mean_power_watts", "end", "ended_by"):
        assert fresh[unknown] is None


def test_without_an_intensity_emissions_are_not_known(book):
    window = book.open(ask(), ALICE)
    book.charge(window.id, "cpu", 1000, None)
    shown = answer(book, window.id)
    assert shown["emissions_grams"] is None
    assert shown["component_emissions_grams"] == {"cpu": None}
    book.charge(window.id, "cpu", 1000, 36 * 10**14)
    assert answer(book, window.id)["emissions_grams"] == 1.0


def test_stopping_twice_is_the_same_answer(book, clocks):
    window = book.open(ask(), ALICE)
    clocks.run(2)
    book.stop(window.id, clocks.wall, "exit")
    first = answer(book, window.id)
    clocks.run(2)
    book.stop(window.id, clocks.wall, "stop", {"late": 1})
    assert answer(book, window.id) == first
    assert first["ended_by"] == "exit"


def test_wrong_values_at_the_stop_leave_the_window_open(book, clocks):
    window = book.open(ask(), ALICE)
    with pytest.raises(ApiError) as raised:
        book.stop(window.id, clocks.wall, "stop", {"loss": math.nan, "x": 1})
    assert (raised.value.status, raised.value.field) == (400, "values.loss")
    assert answer(book, window.id)["state"] == "open"
    assert answer(book, window.id)["values"] == {}


def test_a_finished_window_is_final(book, clocks):
    window = book.open(ask(), ALICE)
    book.charge(window.id, "cpu", 5, 7)
    book.stop(window.id, clocks.wall)
    before = answer(book, window.id)
    for late in (
        lambda: book.record(window.id, {"x": 1}),
        lambda: book.add_process(window.id, (1, 2)),
    ):
        with pytest.raises(ApiError) as raised:
            late()
        assert raised.value.status == 409
    book.charge(window.id, "cpu", 1000, 1000)
    book.charge_cpu(window.id, 1000)
    book.joined(window.id)
    book.sampled(clocks.wall)
    assert answer(book, window.id) == before


def test_a_process_is_added_once(book):
    window = book.open(ask(), ALICE)
    assert book.add_process(window.id, (5, 100))
    assert not book.add_process(window.id, (5, 100))
    assert book.add_process(window.id, (5, 101))  # the pid came again: another process


def test_a_window_opens_under_one_of_the_same_user(book, clocks):
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


def test_the_clock_may_step_while_a_window_is_open(book, clocks):
    window = book.open(ask(), ALICE)
    clocks.run(3)
    clocks.wall -= 86400
    book.stop(window.id, clocks.wall)
    shown = answer(book, window.id)
    assert shown["duration_seconds"] == 3.0
    assert shown["end"] >= shown["start"]


def test_a_source_that_changes_on_the_way_is_told(book):
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


def test_below_the_floor_it_says_so(book):
    book.measured("cpu", "estimate", 0.5, 100_000)
    window = book.open(ask(), ALICE)
    book.charge(window.id, "cpu", 99_999, None)
    assert answer(book, window.id)["below_floor"] is True
    assert answer(book, window.id)["floor_joules"] == 0.1
    book.charge(window.id, "cpu", 1, None)
    assert answer(book, window.id)["below_floor"] is False


# --- whose it is


def test_a_user_sees_only_their_own_windows_and_root_all(book, clocks):
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


# --- what may be asked for


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
def test_a_wrong_field_is_named_with_the_fix(book, fields, field):
    with pytest.raises(ApiError) as raised:
        book.open(ask(**fields), ALICE)
    assert (raised.value.status, raised.value.field) == (400, field)
    assert raised.value.fix
    assert len(raised.value.message) < 200
    assert len(book) == 0


def test_names_of_all_tongues_are_fine(book):
    window = book.open(ask(name="\N{GREEK SMALL LETTER ALPHA}-run \N{CJK UNIFIED IDEOGRAPH-6C34}"), ALICE)
    assert answer(book, window.id)["name"].startswith("\N{GREEK SMALL LETTER ALPHA}")


def test_values_are_bounded_over_all_calls(book):
    window = book.open(ask(values={f"v{number}": 1.0 for number in range(64)}), ALICE)
    book.record(window.id, {"v0": 2.0})
    with pytest.raises(ApiError) as raised:
        book.record(window.id, {"one_more": 1.0, "v0": 3.0})
    assert raised.value.status == 400
    assert answer(book, window.id)["values"]["v0"] == 2.0


def test_a_caller_that_cannot_be_seen_must_name_a_process(book):
    hidden = Peer(uid=1000, pid=0, user="alice")
    with pytest.raises(ApiError) as raised:
        book.open(ask(), hidden)
    assert (raised.value.status, raised.value.field) == (400, "pid")
    assert book.open(ask(pid=5), hidden).pid == 5


# --- how many


def test_open_windows_are_never_pushed_out(make_book, clocks):
    book = make_book(4)
    mine = [book.open(ask(), ALICE).id for _ in range(2)]
    with pytest.raises(ApiError) as raised:
        book.open(ask(), ALICE)  # half is the most for one user
    assert raised.value.status == 409
    his = [book.open(ask(), BOB).id for _ in range(2)]
    with pytest.raises(ApiError) as raised:
        book.open(ask(), ROOT)
    assert raised.value.status == 409
    assert book.open_ids == {*mine, *his}
    book.stop(mine[0], clocks.wall)
    assert book.open(ask(), ROOT).id in book.open_ids
    assert len(book) == 4


def test_the_user_with_most_finished_windows_gives_way(make_book, clocks):
    book = make_book(6)
    his = book.open(ask(), BOB)
    book.stop(his.id, clocks.wall)
    for _ in range(40):
        book.stop(book.open(ask(), ALICE).id, clocks.wall)
    assert [window.id for window in book.find(BOB)] == [his.id]
    assert len(book) == 6


def test_windows_that_were_scraped_enough_give_way_first(make_book, clocks):
    book = make_book(3)
    seen = book.open(ask(), ALICE)
    book.stop(seen.id, clocks.wall)
    book.frozen()
    book.scraped(5)
    for _ in range(2):
        book.stop(book.open(ask(), BOB).id, clocks.wall)
    book.open(ask(), BOB)
    assert seen.id not in {window.id for window in book.find(ROOT)}
    assert len(book) == 3


def test_a_finished_window_leaves_after_retention_and_five_scrapes(make_book, clocks):
    book = make_book(retention=60)
    window = book.open(ask(), ALICE)
    still = book.open(ask(), ALICE)
    book.scraped(100)
    book.stop(window.id, clocks.wall)
    book.scraped(100)  # of snapshots in which it was still open
    book.frozen()
    clocks.run(3600)
    for _ in range(4):
        book.scraped()
        assert book.expire(clocks.wall) == []
    book.scraped()
    assert book.expire(clocks.wall) == [window.id]
    assert [view.id for view in book.frozen()] == [still.id]


def test_a_window_that_was_scraped_stays_for_the_retention(make_book, clocks):
    book = make_book(retention=60)
    window = book.open(ask(), ALICE)
    book.stop(window.id, clocks.wall)
    book.frozen()
    book.scraped(1000)
    clocks.run(59)
    assert book.expire(clocks.wall) == []
    clocks.run(1)
    assert book.expire(clocks.wall) == [window.id]


# --- snapshots


def test_a_snapshot_never_changes(book, clocks):
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
        before.microjoules["cpu"] = 0  # type: ignore[index]


# --- restarts


def restart(book: WindowBook, make_book: MakeBook, same_boot: bool = True) -> WindowBook:
    other = make_book()
    assert other.restore(json.loads(json.dumps(book.state())), same_boot) == []
    return other


def test_an_open_window_goes_on_after_a_restart(book, make_book, clocks):
    window = book.open(ask(), ALICE)
    book.add_process(window.id, (4711, 99))
    book.measured("cpu", "rapl", 0.05, 100)
    book.charge(window.id, "cpu", 10**9, 10**30)
    book.sampled(clocks.wall)
    clocks.run(5)
    book = restart(book, make_book)
    assert book.open_ids == {window.id}
    assert book.get(window.id).processes == {(4711, 99)}
    book.measured("cpu", "rapl", 0.05, 100)
    book.charge(window.id, "cpu", 1, 1)
    clocks.run(5)
    book.stop(window.id, clocks.wall)
    view = book.view(book.get(window.id))
    assert (view.microjoules["cpu"], view.emission_units["cpu"]) == (10**9 + 1, 10**30 + 1)
    assert view.nanoseconds == 10 * 10**9
    assert view.sources == {"cpu": "rapl"}


def test_after_a_reboot_open_windows_end_at_their_last_sample(book, make_book, clocks):
    window = book.open(ask(), ALICE)
    clocks.run(7)
    book.sampled(clocks.wall)
    clocks.run(600)
    clocks.boot = 10_000_000
    book = restart(book, make_book, same_boot=False)
    shown = answer(book, window.id)
    assert (shown["state"], shown["ended_by"], shown["duration_seconds"]) == ("finished", "exit", 7.0)
    assert shown["end"] == shown["start"] + 7


def test_damaged_entries_are_dropped_one_by_one(book, make_book, clocks):
    kept = [book.open(ask(), ALICE).id, book.open(ask(), BOB).id]
    state = json.loads(json.dumps(book.state()))
    good = state["windows"][0]
    state["windows"][1:1] = [
        7, {}, {**good, "id": "../x"}, {**good, "microjoules": {"cpu": "x"}}, {**good, "emission_units": {"cpu": "x"}},
        {**good, "state": "odd"}, {**good, "emission_units": None},
    ]  # fmt: skip
    other = make_book()
    assert len(other.restore(state, True)) == 7
    assert [view.id for view in other.frozen()] == kept
    assert make_book().restore({"windows": "x"}, True) == []


# --- ids


def test_ids_sort_by_time_and_never_repeat():
    ids = Ids()
    times = [1e9, 1e9, 1e9, 1.5e9, 1.2e9, 1.7e9]  # standing still, stepping back
    made = [ids.new(now) for now in times for _ in range(50)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert all(PATTERN.fullmatch(made_id) for made_id in made)
    assert len({made_id[-11:] for made_id in made}) == len(made)


# --- properties

events = st.lists(
    st.tuples(
        st.sampled_from(["open", "charge", "cpu", "stop", "sample", "scrape", "expire", "restart", "freeze"]),
        st.integers(0, 5),
        st.integers(0, 10**15),
        st.one_of(st.none(), st.integers(0, 10**25)),
    ),
    max_size=80,
)


@given(events)
def test_whatever_happens_energies_are_exact_and_monotonic(steps):
    clocks = Clocks()
    settings = Windows(max=4, retention=Duration(10))
    book = WindowBook(settings, lambda: clocks.wall, lambda: clocks.boot)
    truth: dict[str, list[Any]] = {}  # id -> energy, emissions, still open
    ids: list[str] = []
    for kind, which, amount, emissions in steps:
        clocks.run(amount % 7)
        target = ids[which % len(ids)] if ids else "none"
        if kind == "open":
            if len(book.open_ids) == 4:
                with pytest.raises(ApiError):
                    book.open(ask(), ROOT)
                continue
            window = book.open(ask(), ROOT)
            ids.append(window.id)
            truth[window.id] = [0, None, True]
        elif kind == "charge":
            book.charge(target, "cpu", amount, emissions)
            if target in truth and truth[target][2]:
                truth[target][0] += amount
                if emissions is not None:
                    truth[target][1] = (truth[target][1] or 0) + emissions
        elif kind == "stop" and target in truth and truth[target][2]:
            book.stop(target, clocks.wall)
            truth[target][2] = False
        elif kind == "sample":
            book.sampled(clocks.wall)
        elif kind == "scrape":
            book.scraped(which)
        elif kind == "expire":
            book.expire(clocks.wall)
        elif kind == "restart":
            state = json.loads(json.dumps(book.state()))
            book = WindowBook(settings, lambda: clocks.wall, lambda: clocks.boot)
            assert book.restore(state, True) == []
        views = {view.id: view for view in book.frozen()}
        assert len(views) <= 4
        assert book.open_ids == {window_id for window_id, (_, _, is_open) in truth.items() if is_open}
        assert book.open_ids <= views.keys()
        for window_id, view in views.items():
            energy, grams, is_open = truth[window_id]
            assert view.total_microjoules == energy
            assert view.total_emission_units == grams
            assert (view.state == "open") == is_open
            assert view.nanoseconds >= 0
