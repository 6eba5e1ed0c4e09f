"""Whole-machine power from the management controller: IPMI DCMI through ipmitool or FreeIPMI's ipmi-dcmi.

A call takes up to seconds and the controller is easily overrun, so it runs on a thread of its own.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from ....errors import Denied, NotHere, TryAgain
from ....model import Meter, PowerReading, Sample
from ...threads import Poller
from . import dcmi

# DCMI promises no accuracy; the reading is in whole watts and lags by a second or more.
UNCERTAINTY_RATIO = 0.1
TIMEOUT_SECONDS = 20.0

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
        answer = dcmi.parse(run.stdout)
        watts, why = dcmi.judge(answer)
        if watts is not None:
            return Sample([PowerReading(self._meter, round(watts * 1e6), self._now())])
        text = " ".join((run.stderr or run.stdout).split())[:200]
        name = Path(self._command[0]).name
        if answer.watts is not None:
            if answer.off:
                raise NotHere(f"{name}: {why}")
            raise TryAgain(f"{name}: {why}")
        if _DENIED.search(text):
            raise Denied(
                f"{name}: {text}", "let the exporter open /dev/ipmi0 (root, or a udev rule for its group)"
            )
        if _ABSENT.search(text):
            raise NotHere(f"{name}: {text}")
        raise TryAgain(f"{name} ended with {run.returncode}: {text}")
