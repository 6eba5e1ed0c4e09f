"""A GPU's energy, its groups of processes that cannot be told apart, and what nobody can tell."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from gramwatt_exporter.ledger.gpu_booking import share
from gramwatt_exporter.ledger.gpu_unknown import GpuUnknown
from gramwatt_exporter.model import Device, DeviceUse, EnergyStep, Group, Identity, MergedSample, Workload
from gramwatt_exporter.processes.row import Row, WorkloadAccount
from hypothesis import given
from hypothesis import strategies as st

DEVICE = Device("gpu", "GPU-a", "nvml", 0.05)
SECOND = 1_000_000_000


def _row(pid: int, account: WorkloadAccount | None = None, *windows: str) -> Row:
    workload = Workload(f"job-{pid}", "command", "alice")
    row = Row(Identity(pid, 1, 1, 1000, "train", workload), account or WorkloadAccount(workload))
    row.windows = frozenset(windows)
    return row


def _none(pid: int) -> tuple[Row, bool] | None:
    """No process is known."""


def _find(*rows: Row) -> dict[int, tuple[Row, bool]]:
    return {row.identity.pid: (row, True) for row in rows}


def _parts(use: DeviceUse, rows: dict[int, tuple[Row, bool]], energy: int = 1000) -> dict[int, int]:
    shares = share(energy, 100, use, rows.get)
    assert shares.idle + sum(part for _, _, part in shares.users) + shares.unattributed == energy
    return {row.identity.pid: part for row, _, part in shares.users if part}


def test_processes_of_one_window_share_what_they_used_together() -> None:
    rows = _find(_row(10, None, "w"), _row(11, None, "w"))
    use = DeviceUse(DEVICE, {}, frozenset({10, 11}), "slices", groups=(Group(3, frozenset({10, 11})),))
    assert _parts(use, rows) == {10: 450, 11: 450}


def test_processes_of_one_workload_share_it_too() -> None:
    account = WorkloadAccount(Workload("train.service", "unit", "alice"))
    rows = _find(_row(10, account), _row(11, account))
    use = DeviceUse(DEVICE, {}, frozenset({10, 11}), "none", groups=(Group(1, frozenset({10, 11})),))
    assert _parts(use, rows) == {10: 450, 11: 450}


def test_strangers_never_share_what_nobody_can_tell() -> None:
    for rows in (
        _find(_row(10), _row(11)),
        _find(_row(10, None, "w"), _row(11)),
        _find(_row(10, None, "w"), _row(11, None, "w", "v")),
        _find(_row(10, None, "w")),
    ):
        use = DeviceUse(DEVICE, {}, frozenset({10, 11}), "none", groups=(Group(1, frozenset({10, 11})),))
        assert _parts(use, rows) == {}


def test_a_group_weighs_as_a_whole() -> None:
    rows = _find(_row(10, None, "w"), _row(11, None, "w"), _row(12))
    use = DeviceUse(DEVICE, {12: 4}, groups=(Group(3, frozenset({10, 11})), Group(2, frozenset({13, 14}))))
    assert _parts(use, rows, 1000) == {10: 150, 11: 150, 12: 400}


@pytest.mark.slow
@given(
    st.integers(0, 10**12),
    st.integers(0, 10**12),
    st.dictionaries(st.integers(1, 9), st.integers(0, 1000), max_size=5),
    st.lists(st.tuples(st.integers(0, 1000), st.frozensets(st.integers(1, 9), max_size=4)), max_size=3),
)
def test_nothing_is_lost(
    energy: int, idle: int, weights: dict[int, int], groups: list[tuple[int, frozenset[int]]]
) -> None:
    rows = _find(*(_row(pid, None, "w") for pid in range(1, 7)))
    use = DeviceUse(DEVICE, weights, groups=tuple(Group(*group) for group in groups))
    shares = share(energy, idle, use, rows.get)
    assert shares.idle + sum(part for _, _, part in shares.users) + shares.unattributed == energy
    assert shares.unattributed >= 0
    assert all(part >= 0 for _, _, part in shares.users)


# --- what may be a window's own


class _Windows:
    def __init__(self, *open_ids: str) -> None:
        self.open_ids = frozenset(open_ids)
        self.unknown: dict[str, int] = {}

    def charge_unknown(self, window_id: str, component: str, microjoules: int) -> None:
        assert component == "gpu"
        self.unknown[window_id] = self.unknown.get(window_id, 0) + microjoules


def _booked(
    windows: _Windows, use: DeviceUse | None, rows: dict[int, tuple[Row, bool]], energy: int = 1000
) -> GpuUnknown:
    unknown = GpuUnknown(windows)
    unknown.booked("GPU-a", energy, SECOND, use, share(energy, 100, use, rows.get), rows.get)
    return unknown


def test_what_two_holders_used_may_be_of_the_windows_of_both() -> None:
    windows = _Windows("w", "v", "other")
    use = DeviceUse(DEVICE, {}, frozenset({10, 11}), "none", groups=(Group(1, frozenset({10, 11})),))
    _booked(windows, use, _find(_row(10, None, "w"), _row(11, None, "v")))
    assert windows.unknown == {"w": 900, "v": 900}


def test_what_a_process_nobody_knows_used_may_be_of_every_window() -> None:
    windows = _Windows("w", "v")
    _booked(windows, DeviceUse(DEVICE, {99: 5}, method="utilisation"), {})
    assert windows.unknown == {"w": 900, "v": 900}


def test_where_the_driver_says_nothing_the_least_it_draws_is_of_nobody() -> None:
    windows = _Windows("w")
    unknown = _booked(windows, None, {}, 1000)
    assert windows.unknown == {}
    unknown.booked("GPU-a", 1090, SECOND, None, share(1090, 0, None, _none), _none)
    assert windows.unknown == {}  # an idle GPU's power wanders
    unknown.booked("GPU-a", 5000, SECOND, None, share(5000, 0, None, _none), _none)
    assert windows.unknown == {"w": 4000}


def test_a_gpu_that_was_never_seen_to_draw_little_may_have_worked_all_the_time() -> None:
    windows = _Windows("w")
    energy, limit = 300_000_000, 400.0
    shares = share(energy, 0, None, _none)
    GpuUnknown(windows).booked("GPU-a", energy, SECOND, None, shares, _none, limit)
    assert windows.unknown == {"w": energy}


def test_a_process_that_came_and_went_between_two_looks_may_be_anybody() -> None:
    windows = _Windows("w")
    unknown = _booked(windows, DeviceUse(DEVICE, method="utilisation", quiet=True), {}, 1000)
    use = DeviceUse(DEVICE, method="utilisation", quiet=True)
    unknown.booked("GPU-a", 5000, SECOND, use, share(5000, 1000, use, _none), _none)
    assert windows.unknown == {"w": 4000}


def test_what_is_known_is_not_unknown() -> None:
    windows = _Windows("w")
    _booked(windows, DeviceUse(DEVICE, {10: 5}, frozenset({10}), "utilisation"), _find(_row(10, None, "w")))
    assert windows.unknown == {}


def test_a_gpu_that_cannot_be_read_may_draw_what_it_ever_drew() -> None:
    windows = _Windows("w", "other")
    rows = _find(_row(10, None, "w"))
    unknown = _booked(windows, DeviceUse(DEVICE, {10: 5}, frozenset({10}), "utilisation"), rows, 3000)
    step = EnergyStep(DEVICE, 3000, SECOND)
    unknown.sampled(MergedSample([step], (), (), ()), 10 * SECOND, rows.get)
    for now in (11, 12):
        unknown.sampled(MergedSample((), (), (), ()), now * SECOND, rows.get)
    assert windows.unknown == {"w": 6000}
    # Its counter went on meanwhile: that is charged already.
    unknown.missed("GPU-a", 5000, rows.get)
    assert windows.unknown == {"w": 6000}
    waits = MergedSample((), (), (), (), waiting=(DEVICE,), known_until=MappingProxyType({"GPU-a": 0}))
    unknown.sampled(waits, 13 * SECOND, rows.get)
    assert windows.unknown == {"w": 6000}  # it only waits for its rows
    unknown.cut("w", {"GPU-a": 11 * SECOND}, 12 * SECOND)
    assert windows.unknown == {"w": 9000}


def test_a_lost_gpu_of_unclear_users_may_have_been_anybodys() -> None:
    windows = _Windows("w")
    unknown = _booked(windows, DeviceUse(DEVICE), {}, 3000)
    unknown.sampled(MergedSample([EnergyStep(DEVICE, 3000, SECOND)], (), (), ()), 10 * SECOND, _none)
    before = windows.unknown.get("w", 0)
    unknown.sampled(MergedSample((), (), (), ()), 11 * SECOND, _none)
    assert windows.unknown["w"] == before + 3000
