"""One sensor and its state: opens, reads, closes and retries it, and logs each change of its state."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from ..errors import Denied, Fatal, NotHere, TryAgain
from ..model import Sample, Sensor, SensorState
from .disabled import Disabled
from .repeats import WINDOW_SECONDS, Repeats
from .threads import Attempt, Worker, once

HANGING_READ_WAIT_SECONDS = 1.0  # seconds that a tick waits, once, for a driver that may hang
FIRST_READ_WAIT_SECONDS = 5.0  # the same for the first read of any other driver; a busy machine starts late
FAILURES_BEFORE_REOPEN = 3
# Short while its devices are expected back (claims.HOLD_SECONDS): a gap that ends in that time is booked.
RETRY_SECONDS = (1, 2, 5, 10, 10, 10, 30, 30, 60)
RETRY_LATER_SECONDS = 60  # for absent and denied sensors: an operator may load a driver or grant a right
RETRY_FATAL_SECONDS = 600
STALE_SECONDS = 60  # an older reading is stale, if it is also older than three intervals of its source
_MORE = f"comes and goes: more of it within {WINDOW_SECONDS // 60} minutes is counted, not logged"
_SECOND = 1_000_000_000


class Logger(Protocol):
    """The log that sensors use."""

    def debug(self, message: str, **fields: object) -> None: ...

    def info(self, message: str, **fields: object) -> None: ...

    def warning(self, message: str, **fields: object) -> None: ...


class _Hanging(Exception):
    """A read is still under way."""


class Supervisor:
    """Keeps one sensor alive. A sensor may have these attributes besides the protocol's:

    ``slow_open``: its open may take seconds and is made in the background. ``may_hang``: its read calls a driver
    that may never come back; False where it cannot. Without it the first read shows.
    ``refused``: what was read and not believed, as totals by reason.
    ``notes``: what it has to say to a person; ``notes_by_component``: the same, of
    interest only where it is the one that measures that component.
    """

    def __init__(self, sensor: Sensor, order: int, log: Logger, wanted: bool = False) -> None:
        self.sensor = sensor
        self.name = sensor.name
        self.order = order  # smaller is preferred
        self.up = False  # open, to be read
        self.reason = "absent"  # "" while it delivers
        self.message = ""  # for a person, why it does not deliver
        self.fix = ""  # and what helps
        self.broken: Mapping[str, str] = {}  # device -> reason, of those that could not be read last time
        self._log = log
        self._wanted = wanted  # the user switched it on: its absence is worth a warning
        self._fault = ""  # why none of its readings can be used
        self._newest_ns = 0  # of its newest reading
        self._period_ns = 0  # the longest time between two
        self._worker = Worker(f"sensor-{sensor.name}")  # its thread exists only for sensors that need one
        self._opening: Attempt[None] | None = None
        self._reading: Attempt[Sample] | None = None
        self._has_read = False  # since it was opened
        self._opens = 0  # since it last delivered
        self._retry_ns: int | None = None
        self._errors_in_a_row = 0
        self._read_seconds = 0.0
        self._failures: dict[str, int] = {}
        self._logged: tuple[str, str] | None = None  # state and text last logged
        self._announced = False  # that it delivers
        self._noted: set[str] = set()
        self._repeats = Repeats()

    @property
    def surely_gone(self) -> bool:
        """Whether it does not measure, and will not soon."""
        return self.reason in ("absent", "denied", "disabled")

    @property
    def pending(self) -> bool:
        """Whether it may still deliver for the first time: it is being opened, not read yet, or tried again soon."""
        return (
            self._opening is not None
            or (self._logged is None and not self.surely_gone)
            or self.reason == "error"
        )

    def state(self) -> SensorState:
        """Health for the snapshot; failures are totals since the start."""
        reason = self.reason or self._fault
        failures = {**self._failures, **getattr(self.sensor, "refused", {})}
        return SensorState(self.name, self.up and not reason, reason, self._read_seconds, failures)

    def judge(self, faults: Collection[str], all_of_it: bool) -> None:
        """Set which of its readings cannot be used, and whether these are all."""
        for fault in faults:
            self._failures[fault] = self._failures.get(fault, 0) + 1
        self._fault = next(iter(faults)) if all_of_it and faults else ""

    # --- opening

    @property
    def opens_slowly(self) -> bool:
        """Whether its ``open`` may take long, as it declares."""
        return bool(getattr(self.sensor, "slow_open", False))

    def open(self, now_ns: int, first: bool = False) -> None:
        """Open it, or begin to when that may take long: for the ``first`` time any may, because nothing is known of
        its driver yet and all others wait."""
        self._retry_ns, self._has_read = None, False
        if isinstance(self.sensor, Disabled):
            self.reason = "disabled"
            return
        self._opens += 1
        if self.opens_slowly:
            self._opening = self._worker.submit(self.sensor.open)
        elif first:
            self._opening = once(self.sensor.open, f"open-{self.name}")
        else:
            self._settle(self.sensor.open, now_ns)

    def await_open(self, timeout_seconds: float, now_ns: int) -> None:
        """Take the outcome of an open in the background, waiting at most so long."""
        if self._opening is not None and self._opening.done(timeout_seconds):
            opening, self._opening = self._opening, None
            self._settle(opening.result, now_ns)

    def revive(self, now_ns: int) -> None:
        """While down: take up an open in the background, or open again when it is time. Never waits."""
        if self._opening is not None:
            self.await_open(0.0, now_ns)
        elif self._retry_ns is not None and now_ns >= self._retry_ns:
            self.open(now_ns)

    def close(self) -> None:
        """Close it, unless it is stuck in its driver."""
        if self.up and self._reading is None:
            self._close()
        self.up = False

    def _settle(self, outcome: Callable[[], None], now_ns: int) -> None:
        try:
            outcome()
        except Exception as error:
            self._down(error, now_ns)
        else:
            # Its first read shows whether it delivers; the log line waits for that.
            self.up, self.reason, self._errors_in_a_row = True, "", 0

    def _close(self) -> None:
        try:
            self.sensor.close()
        except Exception as error:
            self._log.debug("sensor did not close", sensor=self.name, error=repr(error))

    # --- reading

    def read(self, now_ns: int) -> Sample | None:
        """One read; None when it failed, which is then noted. Never raises."""
        began = time.perf_counter()
        try:
            sample = self.sensor.read() if self._is_trusted else self._guarded()
        except _Hanging as error:
            self._down(TryAgain(str(error)), now_ns)
            self._stay_open()  # not closed and not opened again while a call is inside its driver
            return None
        except (NotHere, Denied, Fatal) as error:
            self._close()
            self._down(error, now_ns, lost=True)
            return None
        except Exception as error:
            self._errors_in_a_row += 1
            self._down(error, now_ns)
            if self._errors_in_a_row < FAILURES_BEFORE_REOPEN:
                self._stay_open()  # read again next tick
            else:
                self._close()
            return None
        finally:
            self._read_seconds = time.perf_counter() - began
        self._delivered(sample, now_ns)
        return sample

    @property
    def _is_trusted(self) -> bool:
        """Whether it is read on the caller's thread: one read has returned, or it declares that it never hangs."""
        may_hang = getattr(self.sensor, "may_hang", None)
        return not may_hang and (self._has_read or may_hang is False)

    def _guarded(self) -> Sample:
        """Read on another thread: a wedged driver must not stop the tick. Raises _Hanging."""
        wait = 0.0
        if self._reading is None:
            if getattr(self.sensor, "may_hang", False):
                self._reading = self._worker.submit(self.sensor.read)
                wait = HANGING_READ_WAIT_SECONDS
            else:
                self._reading = once(self.sensor.read, f"read-{self.name}")
                wait = FIRST_READ_WAIT_SECONDS
        if not self._reading.done(wait):
            raise _Hanging("a read has not come back")
        reading, self._reading = self._reading, None
        self._has_read = True
        return reading.result()

    def _stay_open(self) -> None:
        self._retry_ns, self.up = None, True

    def _delivered(self, sample: Sample, now_ns: int) -> None:
        self._errors_in_a_row = self._opens = 0
        self.reason, self.message, self.fix = self._stale(sample, now_ns), "", ""
        if self._logged is None or self._logged[0] != "up":
            was_logged = self._logged is None or self._repeats.went(self._logged[0])
            self._logged, self._announced = ("up", ""), self._announced and not was_logged
        for device, reason in sample.failures.items():
            self._failures[reason] = self._failures.get(reason, 0) + 1
            if self.broken.get(device) != reason:
                say = self._repeats.came((device, reason), now_ns)
            else:
                say = "say" if self._repeats.lasts((device, reason), now_ns) else ""
            if say:
                more = {"note": _MORE} if say == "last" else {}
                self._log.warning(
                    "device not readable", sensor=self.name, device=device, reason=reason, **more
                )
        for device, reason in self.broken.items():
            if device not in sample.failures and self._repeats.went((device, reason)):
                self._log.info("device readable again", sensor=self.name, device=device)
        self.broken = dict(sample.failures)

    def _stale(self, sample: Sample, now_ns: int) -> str:
        """ "stale" when a slow source gives the same old answer for longer than it ever took, else ""."""
        # A sensor reads everything at about one time.
        newest = sample.readings[-1].at_ns if sample.readings else now_ns
        if newest > self._newest_ns:
            if self._newest_ns:
                self._period_ns = max(self._period_ns, newest - self._newest_ns)
            self._newest_ns = newest
        late = now_ns - newest
        return "stale" if late > STALE_SECONDS * _SECOND and late > 3 * self._period_ns else ""

    # --- talking

    def announce(self, measures: Collection[str], shows: Collection[str]) -> None:
        """Log once that it delivers, and for what; a sensor without a use is not logged."""
        if self._announced or not (measures or shows) or self._logged is None or self._logged[0] != "up":
            return
        self._announced = True
        more: dict[str, object] = {"measures": ", ".join(sorted(measures))} if measures else {}
        if shows:
            more["shows"] = ", ".join(sorted(shows))
        self._log.info("sensor delivers", sensor=self.name, **more)

    @property
    def has_notes(self) -> bool:
        """Whether it has notes to log."""
        return bool(getattr(self.sensor, "notes", ()) or getattr(self.sensor, "notes_by_component", ()))

    def pass_on_notes(self, measures: Collection[str]) -> None:
        """Log the notes of the sensor, each once; notes of a component only if it measures that."""
        notes = list(getattr(self.sensor, "notes", ()))
        for component, more in getattr(self.sensor, "notes_by_component", {}).items():
            if component in measures:
                notes += more
        for note in notes:
            if note not in self._noted:
                self._noted.add(note)
                self._log.info(note, sensor=self.name)

    def _down(self, error: Exception, now_ns: int, lost: bool = False) -> None:
        """Note why it does not deliver and when to try again; log it when that is news."""
        self.up = False
        pause: float = RETRY_SECONDS[min(max(self._opens, 1), len(RETRY_SECONDS)) - 1]
        text, fix = str(error), ""
        self.reason = "error"
        if isinstance(error, NotHere):
            self.reason = "lost" if lost else "absent"
            pause = pause if lost else RETRY_LATER_SECONDS
        elif isinstance(error, Denied):
            self.reason, fix, pause = "denied", error.fix, RETRY_LATER_SECONDS
        elif isinstance(error, Fatal):
            fix, pause = error.fix, RETRY_FATAL_SECONDS
        elif isinstance(error, TryAgain):
            pause = pause if error.retry_after is None else error.retry_after
        else:
            text = f"{type(error).__name__}: {error}"
        self.message, self.fix = text, fix
        self._retry_ns = now_ns + round(pause * _SECOND)
        if self.reason in ("error", "lost"):
            self._failures[self.reason] = self._failures.get(self.reason, 0) + 1
        self._say_down(text, fix, now_ns, fatal=isinstance(error, Fatal))

    def _say_down(self, text: str, fix: str, now_ns: int, fatal: bool) -> None:
        """At warning where it is news, without one line for each of many short failures."""
        lasts = self._repeats.lasts(self.reason, now_ns)
        if self._logged == (self.reason, text) and not lasts:
            return
        # A fix for the operator is logged, whatever was logged before.
        news = self._logged is None or self._logged[0] != self.reason or fatal
        say = self._repeats.came(self.reason, now_ns) if news else "say"
        self._logged = (self.reason, text)
        more = {"fix": fix} if fix else {}
        if say == "last":
            more["note"] = _MORE
        warns = lasts or (news and say and (self.reason != "absent" or self._wanted))
        line = self._log.warning if warns else self._log.debug
        line("sensor down", sensor=self.name, reason=self.reason, error=text, **more)
