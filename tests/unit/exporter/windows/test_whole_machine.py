"""A window over the whole machine: all energy of every device, idle included, and only for who may know it."""

from __future__ import annotations

from typing import Any

import pytest
from gramwatt_exporter.config.schema import Windows
from gramwatt_exporter.windows import ApiError, OpenRequest, Peer, WindowBook, window_answer
from gramwatt_exporter.windows.model import ROOT

OWNER, OTHER = Peer(uid=1000, pid=7, user="owner"), Peer(uid=1001, pid=8, user="other")
ASKED = OpenRequest(name="n", phase="training", pid=7, whole_machine=True)


def book() -> WindowBook:
    made = WindowBook(Windows(), lambda: 100.0, lambda: 10**9, own_uid=1000)
    made.measured("cpu", "rapl", 0.05, 1)
    return made


@pytest.mark.parametrize(("peer", "may"), [(ROOT, True), (OWNER, True), (OTHER, False)])
def test_only_root_and_the_exporters_user_may(peer: Any, may: Any) -> None:
    if may:
        assert window_answer(book().view(book_with(peer)))["boundary"] == "machine"
        return
    with pytest.raises(ApiError) as caught:
        book().open(ASKED, peer)
    assert (caught.value.status, caught.value.field) == (403, "whole_machine")


def book_with(peer: Peer) -> Any:
    return book().open(ASKED, peer)


def test_it_is_charged_with_devices_and_not_with_its_processes() -> None:
    windows = book()
    whole = windows.open(ASKED, ROOT)
    own = windows.open(OpenRequest(name="own", phase="training", pid=7), OTHER)
    windows.charge_machine("cpu", 1_000, 5)
    for window in (whole, own):
        windows.charge(window.id, "cpu", 300, 1)
        windows.charge_unknown(window.id, "gpu", 50)
    assert (whole.microjoules, own.microjoules) == ({"cpu": 1_000}, {"cpu": 300})
    assert (whole.emission_units, whole.unknown_microjoules) == ({"cpu": 5}, {})
    assert own.unknown_microjoules == {"gpu": 50}
    assert whole.sources == {"cpu": {"rapl"}}
    assert window_answer(windows.view(own))["boundary"] == "process"


def test_it_goes_on_after_a_restart() -> None:
    before = book()
    whole = before.open(ASKED, ROOT)
    before.charge_machine("cpu", 1_000, None)
    after = book()
    after.restore(before.state(), same_boot=True)
    after.charge_machine("cpu", 500, None)
    assert after.get(whole.id).microjoules == {"cpu": 1_500}
