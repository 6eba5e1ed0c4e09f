"""Whole-machine power from the management controller: IPMI DCMI through ipmitool or FreeIPMI's ipmi-dcmi.

A call takes up to seconds and the controller is easily overrun, so it runs on a thread of its own.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from ..errors import Denied, NotHere, TryAgain
from ..model import Meter, PowerReading, Sample
from .background import Poller

# DCMI promises no accuracy; the reading is in whole watts and lags by a second or more.
UNCERTAINTY_RATIO = 0.1
TIMEOUT_SECONDS = 20.0

_IPMITOOL = re.compile(r"Instantaneous power reading:\s*(\d+)\s*Watts", re.IGNORECASE)
_FREEIPMI = re.compile(r"^Current Power\s*:\s*(\d+)\s*Watts", re.IGNORECASE | re.MULTILINE)
_OFF = re.compile(
    r"(?:power reading state is|power measurement)\s*:\s*(?:deactivated|not active|inactive)", re.IGNORECASE
)
_DENIED = re.compile(r"permission denied|must be root|insufficient privilege", re.IGNORECASE)
_ABSENT = re.compile(r"no such file or directory|could not open device|could not find|command not supported"
                     r"|invalid command|not supported|driver.*not|BMC.*not found", re.IGNORECASE)  # fmt: skip
_PROGRAMS = (
    ("ipmitool", ("dcmi", "power", "reading")),
    ("ipmi-dcmi", ("--get-system-power-statistics",)),
)


class Ipmi:
    """The meter ``ipmi`` around the whole machine, in watts.

    Raises NotHere (no program, no controller, no DCMI), Denied, TryAgain.
    """

    name = "ipmi"
    slow_open = True

    def __init__(self, boottime_ns: Callable[[], int], interval_seconds: float) -> None:
        self._now = boottime_ns
        self._meter = Meter("ipmi", self.name, None, ("cpu", "dram", "gpu"), UNCERTAINTY_RATIO, 20_000.0)
        self._poller = Poller(self._fetch, interval_seconds, self.name)
        self._interval = interval_seconds
        self._command: tuple[str, ...] = ()

    def open(self) -> None:
        """Find a program, ask once, then go on asking in the background."""
        self.close()
        for program, arguments in _PROGRAMS:
            path = shutil.which(program)
            if path is not None:
                self._command = (path, *arguments)
                break
        else:
            raise NotHere("neither ipmitool nor ipmi-dcmi is installed")
        first = self._fetch()
        self._poller = Poller(self._fetch, self._interval, self.name)
        self._poller.put(first)
        self._poller.start()

    def read(self) -> Sample:
        """The last answer; never waits."""
        return self._poller.latest()

    def close(self) -> None:
        """End the thread."""
        self._poller.stop()

    def _fetch(self) -> Sample:
        try:
            run = subprocess.run(
                self._command,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
                errors="replace",
            )
        except subprocess.TimeoutExpired:
            raise TryAgain(f"{self._command[0]} gave no answer within {TIMEOUT_SECONDS:g} s") from None
        except OSError as error:
            raise TryAgain(f"{self._command[0]}: {error}") from None
        match = _IPMITOOL.search(run.stdout) or _FREEIPMI.search(run.stdout)
        if match is not None and not _OFF.search(run.stdout):
            watts = int(match[1])
            if watts == 0:
                raise TryAgain("the controller says 0 W for a running machine")
            return Sample([PowerReading(self._meter, watts * 1_000_000, self._now())])
        text = " ".join((run.stderr or run.stdout).split())[:200]
        name = Path(self._command[0]).name
        if _OFF.search(run.stdout):
            raise NotHere(f"{name}: power reading is switched off in the controller")
        if _DENIED.search(text):
            raise Denied(
                f"{name}: {text}", "let the exporter open /dev/ipmi0 (root, or a udev rule for its group)"
            )
        if _ABSENT.search(text):
            raise NotHere(f"{name}: {text}")
        raise TryAgain(f"{name} ended with {run.returncode}: {text}")
