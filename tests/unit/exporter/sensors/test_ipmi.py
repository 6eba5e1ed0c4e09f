"""IPMI: real subprocesses of a stand-in program on PATH, answers as the real ones print them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.errors import Denied, NotHere, TryAgain
from gramwatt_exporter.model import PowerReading
from gramwatt_exporter.sensors.drivers.ipmi.ipmi import Ipmi

READING = """
    Instantaneous power reading:                   {watts} Watts
    Minimum during sampling period:                 18 Watts
    Maximum during sampling period:                372 Watts
    Average power reading over sample period:      200 Watts
    IPMI timestamp:                           Fri Nov 21 07:00:00 2025
    Sampling period:                          00000001 Seconds.
    Power reading state is:                   {state}
"""
FREEIPMI = """Current Power                        : 164 Watts
Minimum Power over sampling duration : 20 watts
Power Measurement                    : Active
"""


class Program:
    """An executable that prints a file and ends with a code."""

    def __init__(self, folder: Path, name: str) -> None:
        self.out, self.err, self.code = folder / "out", folder / "err", folder / "code"
        self.say("")
        script = folder / name
        script.write_text(f"#!/bin/sh\ncat {self.out}\ncat {self.err} >&2\nexit $(cat {self.code})\n")
        script.chmod(0o755)

    def say(self, out: str, err: str = "", code: int = 0) -> None:
        for path, text in ((self.out, out), (self.err, err), (self.code, f"{code}\n")):
            spare = path.with_suffix(".new")
            spare.write_text(text)
            spare.replace(path)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


@pytest.fixture
def ipmitool(folder: Path) -> Program:
    return Program(folder, "ipmitool")


def watts(sensor: Ipmi) -> int:
    (reading,) = sensor.read().readings
    assert isinstance(reading, PowerReading)
    return reading.microwatts // 1_000_000


def read_for_ten_seconds(sensor: Ipmi) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        sensor.read()
        time.sleep(0.01)


def test_ipmitool(ipmitool: Program, clock: Any) -> None:
    ipmitool.say(READING.format(watts=220, state="activated"))
    sensor = Ipmi(clock, 0.01)
    sensor.open()
    assert watts(sensor) == 220
    assert sensor.read().readings[0].at_ns == clock.ns
    clock.advance(5)
    ipmitool.say(READING.format(watts=230, state="activated"))
    deadline = time.monotonic() + 10
    while watts(sensor) != 230:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert sensor.read().readings[0].at_ns == clock.ns
    sensor.close()


def test_freeipmi_where_there_is_no_ipmitool(
    folder: Path, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Program(folder, "ipmi-dcmi")
    program.say(FREEIPMI)
    tools = folder / "tools"
    tools.mkdir()
    (tools / "cat").symlink_to("/bin/cat")
    monkeypatch.setenv("PATH", f"{folder}:{tools}")  # without the machine's own ipmitool, if it has one
    sensor = Ipmi(clock, 10)
    sensor.open()
    assert watts(sensor) == 164
    sensor.close()


@pytest.mark.parametrize(
    ("out", "err", "code", "kind"),
    [
        (READING.format(watts=0, state="deactivated"), "", 0, NotHere),
        (READING.format(watts=9000, state="deactivated"), "", 0, NotHere),  # beyond its own maximum
        (READING.format(watts=65_535, state="activated"), "", 0, TryAgain),  # a register nobody filled in
        (READING.format(watts=40_000, state="activated"), "", 0, TryAgain),
        (READING.format(watts=0, state="activated"), "", 0, TryAgain),
        ("", "Could not open device at /dev/ipmi0 or /dev/ipmi/0: No such file or directory", 1, NotHere),
        ("", "Could not open device at /dev/ipmi0: Permission denied", 1, Denied),
        ("", "DCMI request failed because: Invalid command (c1)", 1, NotHere),
        ("", "Error: no response from the controller", 1, TryAgain),
        ("garbage", "", 0, TryAgain),
    ],
)
def test_what_can_go_wrong(
    ipmitool: Program, clock: Any, out: str, err: str, code: int, kind: type[Exception]
) -> None:
    ipmitool.say(out, err, code)
    with pytest.raises(kind):
        Ipmi(clock, 10).open()


@pytest.mark.parametrize(
    "answer",
    [
        READING.format(watts=220, state="deactivated"),
        READING.format(watts=220, state="not active"),
        FREEIPMI.replace("164", "220").replace(": Active", ": Not Active"),
        # Without statistics, as phosphor-host-ipmid shows them where it keeps none.
        "Instantaneous power reading: 220 Watts\nMinimum during sampling period: 0 Watts\n"
        "Maximum during sampling period: 0 Watts\nPower reading state is: deactivated\n",
    ],
)
def test_figures_count_more_than_the_bit_beside_them(ipmitool: Program, clock: Any, answer: str) -> None:
    ipmitool.say(answer)
    sensor = Ipmi(clock, 10)
    sensor.open()
    assert watts(sensor) == 220
    sensor.close()


def test_an_error_in_the_background_reaches_the_reader(ipmitool: Program, clock: Any) -> None:
    ipmitool.say(READING.format(watts=220, state="activated"))
    sensor = Ipmi(clock, 0.01)
    sensor.open()
    ipmitool.say("", "no response", 1)
    with pytest.raises(TryAgain, match="no response"):
        read_for_ten_seconds(sensor)
    sensor.close()


def test_no_program_is_normal(tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotHere, match="installed"):
        Ipmi(clock, 10).open()
