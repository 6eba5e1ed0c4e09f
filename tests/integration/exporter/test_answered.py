"""What a client was answered is there after a kill -9 that follows at once, before another sample was saved."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from gramwatt_exporter.windows.journal import FILE, Journal
from running import assert_conserved, exporter

OPEN = {"name": "w", "phase": "training", "pid": os.getpid(), "values": {"samples": 1}}
SLOW = {"sampling.interval": "10s"}  # the next regular sample is far away


@pytest.fixture
def flags(tmp_path: Path) -> dict[str, str]:
    return {**SLOW, "state.dir": str(tmp_path / "state")}


def test_values_and_stops_survive_a_kill(tmp_path: Path, flags: dict[str, str]) -> None:
    with exporter(tmp_path, flags) as running:
        running.wait_samples(1)
        _, kept = running.call("POST", "/v1/windows", OPEN)
        _, stopped = running.call("POST", "/v1/windows", OPEN)
        path = f"/v1/windows/{kept['window']}"
        assert running.call("POST", f"{path}/values", {"values": {"accuracy": 0.5}})[0] == 200
        assert running.call("POST", f"{path}/values", {"values": {"accuracy": 0.75}})[0] == 200
        outcome = {"values": {"samples": 7}, "outcome": {"exit_code": 3}}
        _, final = running.call("POST", f"/v1/windows/{stopped['window']}/stop", outcome)
        running.process.kill()
        running.process.wait()
    with exporter(tmp_path, flags) as running:
        series = running.wait_samples(1)
        assert_conserved(series)
        status, again = running.call("GET", path)
        assert status == 200, again
        assert again["values"] == {"samples": 1, "accuracy": 0.75}
        assert again["state"] == "open"
        assert again["missed_seconds"] > 0  # it began after the last sample: no clocks of it had been saved
        assert running.call("GET", f"/v1/windows/{stopped['window']}") == (200, final)
        assert "Traceback" not in running.stderr


def test_a_window_of_the_ledger_takes_later_values_and_keeps_its_energy(tmp_path: Path) -> None:
    flags = {"state.dir": str(tmp_path / "state")}
    with exporter(tmp_path, flags) as running:
        running.wait_samples(1)
        _, window = running.call("POST", "/v1/windows", OPEN)
        running.wait_samples(3)
        path = f"/v1/windows/{window['window']}"
        running.call("POST", f"{path}/values", {"values": {"tokens": 42}})
        _, before = running.call("GET", path)
        running.process.kill()
        running.process.wait()
    with exporter(tmp_path, flags) as running:
        running.wait_samples(1)
        _, after = running.call("GET", path)
    assert after["values"] == {"samples": 1, "tokens": 42}
    assert after["cpu_seconds"] >= before["cpu_seconds"] - 0.5


def test_the_journal_is_begun_anew_with_every_save(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with exporter(tmp_path, {"state.dir": str(state)}) as running:
        running.wait_samples(1)
        running.call("POST", "/v1/windows", OPEN)
        running.wait_samples(2)
        assert (state / FILE).read_bytes() == b""
        assert (state / FILE).stat().st_mode & 0o777 == 0o600


def test_half_a_line_is_passed_over(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "boot")
    journal.append({"id": "a"})
    journal.append({"id": "b"})
    file = tmp_path / FILE
    file.write_bytes(file.read_bytes()[:-4])
    assert list(Journal(tmp_path, "boot").read()) == [({"id": "a"}, True)]
    assert list(Journal(tmp_path, "another").read()) == [({"id": "a"}, False)]
    journal.clear()
    assert list(journal.read()) == []
    file.unlink()
    journal.append({"id": "c"})
    assert list(journal.read()) == [({"id": "c"}, True)]


def test_a_wrong_byte_anywhere_costs_its_line_and_changes_no_number(tmp_path: Path) -> None:
    windows = [{"id": "a", "start": 1764433267.25, "microjoules": {"cpu": 1234}}, {"id": "b", "start": 2.5}]
    journal = Journal(tmp_path, "boot")
    for window in windows:
        journal.append(window)
    file = tmp_path / FILE
    whole = file.read_bytes()
    answered = [(window, True) for window in windows]
    assert list(Journal(tmp_path, "boot").read()) == answered
    for place in range(len(whole)):
        for wrong in (b"9", b"e", b"\n", b" ", b"\xff"):
            if whole[place : place + 1] != wrong:
                file.write_bytes(whole[:place] + wrong + whole[place + 1 :])
                read = list(Journal(tmp_path, "boot").read())
                assert all(entry in answered for entry in read), (place, wrong)
                assert len(read) < len(answered), (place, wrong)
