"""A window's uncertainty holds that of the idle draw that was kept out of its energy, and of its changes."""

from __future__ import annotations

import json
import logging
import math
import random

import pytest
from fake_package import Watched, line, vary
from gramwatt_exporter.idle import IdleBook
from gramwatt_exporter.idle.classes import ANY
from gramwatt_exporter.metrics.exposition import Exposition
from gramwatt_exporter.model import Device, EnergyStep
from gramwatt_exporter.windows import OpenRequest, Peer, Window, WindowBook, window_answer
from gramwatt_exporter.windows.idle_share import change_ratio, idle_share
from running import parse, select

J = 1_000_000
SECOND = 1_000_000_000
ROOT = Peer(0, 1, "root")


def window_of(watched: Watched, pid: int) -> Window:
    row = watched.sampler.table.find(pid)
    assert row is not None
    window = watched.sampler.windows.open(OpenRequest(name="w", phase="training", pid=pid), ROOT)
    watched.sampler.windows.add_process(window.id, (pid, row.identity.start))
    watched.sampler.membership.attach(window.id, row)
    return window


def answer(watched: Watched, window: Window) -> dict[str, object]:
    return window_answer(watched.sampler.windows.view(window))


def test_a_window_says_which_idle_it_used_and_how_sure_that_is() -> None:
    watched = Watched({"package-0": line}, 2, ANY)
    watched.run(0.4)
    pid = watched.run(1.0)
    watched.pass_time(5)
    window = window_of(watched, pid)
    watched.pass_time(60)
    told = answer(watched, window)
    known = watched.idle.known(next(iter(watched._curves)))
    assert told["idle_methods"] == {"cpu": "model"}
    assert known.microwatts is not None
    drawn = line(1.4)
    doubt = known.sigma / 1e6 / (drawn - known.microwatts / 1e6)
    assert told["uncertainty_ratio"] == pytest.approx(math.hypot(0.05, doubt), rel=0.05)
    energy = told["energy_joules"]
    assert isinstance(energy, float)
    true = 60 * 12.5
    assert abs(energy - true) < 3 * doubt * energy


def test_an_exact_idle_leaves_the_uncertainty_of_the_meter() -> None:
    watched = Watched({"package-0": line}, 2, ANY)
    pid = watched.run(0.0)
    watched.pass_time(30)
    watched.change(pid, 1.0)
    watched.pass_time(5)
    window = window_of(watched, pid)
    watched.pass_time(60)
    told = answer(watched, window)
    assert told["idle_methods"] == {"cpu": "quiet"}
    assert told["uncertainty_ratio"] == pytest.approx(math.hypot(0.05, 0.02 * 15 / 12.5), rel=1e-3)


def test_a_change_of_method_never_restates_and_is_in_the_doubt_of_open_windows(
    caplog: pytest.LogCaptureFixture,
) -> None:
    watched = Watched({"package-0": lambda busy: line(busy) + (10 if busy else 0)}, 2, ANY)
    pid = watched.run(0.4)
    vary(watched, pid, random.Random(3), 2.0)
    window = window_of(watched, pid)
    watched.change(pid, 1.5)
    watched.pass_time(60)
    before = answer(watched, window)
    known = watched.idle.known(next(iter(watched._curves)))
    watched.change(pid, 0.0)
    with caplog.at_level(logging.INFO, "gramwatt_exporter.idle"):
        watched.pass_time(30)
    after = answer(watched, window)
    assert after["energy_joules"] == before["energy_joules"]
    assert known.microwatts is not None
    assert after["idle_methods"] == before["idle_methods"] == {"cpu": "fitted"}
    off = 60 * (known.microwatts / 1e6 - 15)  # joules of idle draw that were kept out too many
    ratio, energy = after["uncertainty_ratio"], after["energy_joules"]
    ratio_before = before["uncertainty_ratio"]
    assert isinstance(ratio_before, float)
    assert isinstance(ratio, float)
    assert isinstance(energy, float)
    assert ratio > ratio_before
    assert ratio * energy == pytest.approx(math.hypot(off, energy * ratio_before), rel=0.1)
    (record,) = caplog.records
    told = record.__dict__["fields"]
    assert (told["device"], told["method"], told["watts"]) == ("cpu package-0", "quiet", "15.0")
    assert told["before"] == f"{known.microwatts / 1e6:.1f} (fitted)"


def test_what_is_in_doubt_survives_a_restart() -> None:
    watched = Watched({"package-0": line}, 2, ANY)
    pid = watched.run(1.0)
    watched.pass_time(5)
    window = window_of(watched, pid)
    watched.pass_time(30)
    again = WindowBook(watched.sampler.windows.settings)
    assert again.restore(json.loads(json.dumps(watched.sampler.windows.state())), same_boot=True) == []
    told, before = window_answer(again.view(again.get(window.id))), answer(watched, window)
    assert told["uncertainty_ratio"] == before["uncertainty_ratio"]
    assert told["idle_methods"] == before["idle_methods"]


def test_a_window_that_an_earlier_version_saved_has_no_idle_methods() -> None:
    watched = Watched({"package-0": line}, 2, ANY)
    pid = watched.run(1.0)
    watched.pass_time(5)
    window = window_of(watched, pid)
    watched.pass_time(30)
    state = json.loads(json.dumps(watched.sampler.windows.state()))
    for entry in state["windows"]:
        for name in [name for name in entry if name.startswith("idle_")]:
            del entry[name]
    again = WindowBook(watched.sampler.windows.settings)
    assert again.restore(state, same_boot=True) == []
    assert window_answer(again.view(again.get(window.id)))["idle_methods"] == {}


def test_method_sigma_and_since_are_published() -> None:
    watched = Watched({"package-0": line}, 2, ANY)
    pid = watched.run(0.4)
    vary(watched, pid, random.Random(3), 2.0)
    began = watched.machine.wall
    watched.change(pid, 0.0)
    watched.pass_time(30)
    exposition = Exposition()
    exposition.publish(watched.sampler.freeze())
    series = parse((exposition.scrape() or b"").decode())
    labels = {"component": "cpu", "device": "package-0"}
    assert [dict(key)["method"] for key in select(series, "gramwatt_idle_baseline_info", **labels)] == [
        "quiet"
    ]
    (watts,) = select(series, "gramwatt_idle_baseline_watts", **labels).values()
    assert float(watts) == pytest.approx(15)
    (sigma,) = select(series, "gramwatt_idle_baseline_uncertainty_ratio", **labels).values()
    assert float(sigma) == pytest.approx(0.02, rel=0.01)
    (since,) = select(series, "gramwatt_idle_baseline_since_timestamp_seconds", **labels).values()
    assert began < float(since) <= began + 5


def step(device: Device, watts: float, seconds: int = 5) -> EnergyStep:
    return EnergyStep(device, round(watts * seconds * J), seconds * SECOND)


def test_idle_of_several_devices_is_added_up() -> None:
    first = Device("cpu", "package-0", "rapl", 0.05, idle_watts=10.0)
    second = Device("cpu", "package-1", "rapl", 0.05, idle_watts=20.0)
    share = idle_share(IdleBook(), [step(first, 30), step(second, 60)])
    assert share.methods == ["configured"]
    assert share.ratio == pytest.approx(30 / 60)
    assert share.sigma_ratio == 0
    assert change_ratio(IdleBook(), [step(first, 30), step(second, 60)], 5 * J, 10 * J) == pytest.approx(
        5 / 25
    )


def test_a_gpu_that_was_never_quiet_is_in_doubt_by_what_it_may_draw_idle() -> None:
    gpu = Device("gpu", "GPU-a", "nvml", 0.05, max_watts=400.0)
    book = IdleBook()
    for _ in range(20):
        book.observe(gpu, 1500 * J, 5 * SECOND, None)
    assert book.of(gpu) == (None, "none")
    share = idle_share(book, [step(gpu, 300)])
    assert share.methods == ["none"]
    assert share.ratio == 0
    assert share.sigma_ratio == pytest.approx(30 / 300, rel=0.01)


def test_a_gpu_is_never_taken_to_draw_more_idle_than_it_drew_in_use() -> None:
    """Its rows may say that nobody used it while somebody did."""
    gpu = Device("gpu", "GPU-a", "nvml", 0.05, max_watts=400.0)
    book = IdleBook()
    for _ in range(20):
        book.observe(gpu, 2000 * J, 5 * SECOND, 0.0)
    assert book.of(gpu) == (400 * J, "quiet")
    for _ in range(5):
        book.observe(gpu, 500 * J, 5 * SECOND, None)
    book.observe(gpu, 2000 * J, 5 * SECOND, 0.0)
    assert book.of(gpu) == (100 * J, "quiet")


def test_memory_is_idle_by_what_is_not_in_use() -> None:
    assert IdleBook().of(Device("dram", "dram-0", "rapl", 0.05)) == (None, "residence")
