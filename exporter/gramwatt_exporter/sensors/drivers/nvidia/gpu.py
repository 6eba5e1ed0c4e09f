"""One GPU: what the looks at it say becomes readings whose users are known."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec.structs import replace

from ....model import Device, DeviceMemory, DeviceUse, EnergyReading, Meter, PowerReading, Reading
from ...power_reader import PowerReader
from ...threads import Attempt, Repeater, Worker
from . import modelled, uses
from .counter import JUDGED_NS, Counter
from .coverage import Coverage
from .history import History
from .holders import Context
from .presence import Seen
from .probe import Look, Probe, Question

COUNT_NS = 900_000_000  # between two looks that are longer apart the counter is read every second
IDLE_PERCENT = 110  # of the lowest power seen: more than that was drawn for a process


class Gpu:
    """State of one GPU. All methods are called by the sensor's reader; only the look itself runs elsewhere."""

    def __init__(
        self,
        uuid: str,
        index: int,
        handle: Any,
        device: Device,
        module: Meter | None,
        source: str,
        probe: Probe,
    ) -> None:
        self.uuid = uuid
        self.index = index  # in NVML's order, which a reset or a GPU plugged in may change
        self.handle = handle
        self.device = device
        self.module = module
        self.source = source  # counter, instant, mean, usage, utilisation, none
        self.power_source = "none"
        self.probe = probe
        self.worker = Worker(f"nvml-{uuid}")
        self.looking: Attempt[Look] | None = None
        self.looking_since_ns = 0
        self.slow = False  # its last look took longer than the sensor waits
        self.failed = ""  # reason slug while its last look failed
        self.error: Any = None  # NVML's error then
        self.power: PowerReader | None = None
        self.repeater: Repeater | None = None
        self.memory: DeviceMemory | None = None  # in use at its last look
        self.notes: list[str] = []
        self._history = History()
        self.counter = Counter(self._history)
        self._coverage = Coverage()
        self._context: Context | None = None
        self._last: list[Reading] = []
        self._counted = -1  # the last value read between two looks
        self._lowest: int | None = None  # lowest mean power of a reported time, microwatts
        self._fresh = False  # its power has begun to be read, and nothing is reported yet
        self._in_use = True  # a process used it in the time reported last

    # --- asking

    def question(self, pids_usable: bool) -> Question:
        """What the next look asks."""
        return Question(
            self.handle,
            self.source,
            self.power_source,
            self.module is not None,
            pids_usable,
            self._coverage.clock.newest_us,
            bool(self._context and self._context.holders.pids),
        )

    def begin_look(self, pids_usable: bool, now_ns: int) -> Attempt[Look]:
        """The look that is under way from now on, to be made on a thread: of a slow GPU on its own at once."""
        self.looking, self.looking_since_ns = Attempt(partial(self.look, self.question(pids_usable))), now_ns
        if self.slow:
            self.worker.put(self.looking)
        return self.looking

    def end_look(self) -> Look:
        """What the look that is done brought. Raises NVMLError."""
        assert self.looking is not None
        looking, self.looking = self.looking, None
        try:
            look = looking.result()
        except Exception as error:
            self.error = error
            raise
        self.error = None
        return look

    def note_pace(self, is_slow: bool) -> None:
        """Whether its last look took longer than the sensor waits."""
        self.slow = is_slow

    def note_silence(self) -> None:
        """Its look has not ended for so long that the GPU counts as failed."""
        self.failed = "no_answer"

    def look(self, question: Question) -> Look:
        """One look, on the thread of this GPU. Raises NVMLError where the GPU does not say what it draws."""
        look = self.probe.look(question)
        if self.repeater is not None and self.power is not None:
            self.repeater.once()
            if self.power.failed is not None:
                raise self.power.failed
        return look

    def read_power(
        self, power: Callable[[], int | None], now_ns: Callable[[], int], background: bool
    ) -> None:
        """From now on its energy is the integral of its power, read several times a second in the background."""
        self._history.clear()
        self._coverage.until_ns, self._fresh = 0, True
        self.power = PowerReader(power, now_ns, self.device.max_watts)
        self.repeater = Repeater(self.power.step, f"nvml-power-{self.uuid}", background)

    def read_count(
        self, read: Callable[[Any], int], power: Callable[[Gpu], int | None], now_ns: Callable[[], int]
    ) -> None:
        """The counter between two looks, and the power of one that did not move.

        Called on another thread; raises what ``read`` and ``power`` raise.
        """
        began = now_ns()
        if self.source != "counter" or self.slow or began - self.looking_since_ns < COUNT_NS:
            return
        millijoules = read(self.handle)
        ended = now_ns()
        if ended - began < COUNT_NS // 10:
            still, self._counted = millijoules == self._counted, millijoules
            microwatts = power(self) if still and self.power_source != "none" else None
            self.counter.counts.append(((began + ended) // 2, millijoules * 1_000, microwatts))

    def close(self) -> None:
        """No more reads of power."""
        if self.repeater is not None:
            self.repeater.stop()

    # --- what the looks say

    def take(self, look: Look) -> tuple[list[Reading], DeviceUse | None]:
        """One look: readings to report, in order, and which processes used what they show. A repeated reading says
        "not yet"."""
        self.failed = ""
        self.memory = DeviceMemory(look.memory_bytes, look.context.holders.memory if look.context else {})
        readings: list[Reading] = []
        use: DeviceUse | None = None
        anew = self._fresh
        if self.power is not None:
            self._take_points()
            if not self._history:
                return [], None
            look = replace(look, at_ns=min(look.at_ns, self._history.newest_ns))
        elif look.microjoules is not None:
            counted = look.microjoules + self.counter.offset
            look = replace(look, microjoules=counted)
            beyond = self.counter.take_counts(self.device.max_watts)
            if self.counter.stands_still(look):
                self._context = look.context
                self._coverage.take(look, self._history)
                return self._while_standing_still()
            anew = not self._goes_on(look)
            if anew and self._coverage.until_ns:
                anew = not self.counter.mend(beyond, look, self.device.max_watts)
            self.counter.looked(look)
            if anew:
                self.counter.fill()
                readings, use = self.flush()
                self._coverage.until_ns = 0
                self.counter.begin_anew(beyond, counted)
            self._history.add(look.at_ns, counted)
        self._context = look.context
        if not self._coverage.until_ns or self._history.begins:
            # After a loss, what was read before it is of another time.
            self._coverage.begin(look, self._history.oldest_ns if anew else look.at_ns)
            self._fresh = False
            readings.append(self._reading(self._coverage.until_ns))
            if use is None and self._context is not None:
                use = self._use({}, Seen(self._context.holders, idle=False, doubted=True), look.has_rows)
        else:
            self._coverage.take(look, self._history)
            if self._coverage.due or not look.has_rows or self._is_split(look):
                more, use = self._report(look.has_rows)
                readings += more
            else:
                readings += self._last
        self._last = readings[-1:]
        if self.module is not None and look.module_microwatts is not None:
            readings = [*readings, PowerReading(self.module, look.module_microwatts, look.at_ns)]
        return readings, use

    def flush(self) -> tuple[list[Reading], DeviceUse | None]:
        """All energy read so far, with what is known of its users: the next look may be long in coming."""
        if not self._history or not self._coverage.until_ns:
            return [], None
        self._coverage.give_up(self._history.newest_ns)
        return self._report(has_rows=True)

    def lost(self, reason: str) -> tuple[list[Reading], DeviceUse | None]:
        """Its look failed: report what was read before, once. Counting goes on with the next good look."""
        first, self.failed = not self.failed, reason
        self.memory = None
        if not first:
            return [], None
        repeated = self._last
        readings, use = self.flush()
        self._coverage.until_ns, self._last = 0, []
        return ([], None) if readings == repeated else (readings, use)

    @property
    def repeated(self) -> list[Reading]:
        """The last reading again, while nothing newer is known."""
        return self._last

    @property
    def known_until_ns(self) -> int:
        """Up to here energy and users are reported."""
        return self._last[-1].at_ns if self._last else 0

    @property
    def waits(self) -> bool:
        """Whether there may be energy whose users are not known yet, beyond the lowest it was ever seen to draw."""
        if self.failed or not self._coverage.until_ns:
            return False
        if self._in_use or self._coverage.named or self._lowest is None or self.looking is not None:
            return True
        elapsed = self._history.newest_ns - self.known_until_ns
        drawn = self._history.newest_microjoules - self._history.at(self.known_until_ns)
        return elapsed <= 0 or drawn * 1_000_000_000 // elapsed > self._lowest * IDLE_PERCENT // 100

    @property
    def rows_dropped(self) -> int:
        """Rows that were not believed so far."""
        return self._coverage.clock.dropped

    # --- inside

    def _is_split(self, look: Look) -> bool:
        return look.context is None or look.context.instances is not None

    def _take_points(self) -> None:
        assert self.power is not None
        for at_ns, microjoules in self.power.drain():
            self._history.add(at_ns, microjoules)
        ratio = self.power.uncertainty_ratio
        if self.source == modelled.SOURCE:
            ratio = modelled.UNCERTAINTY_RATIO
        if ratio != self.device.uncertainty_ratio:
            self.device = replace(self.device, uncertainty_ratio=ratio)

    def _while_standing_still(self) -> tuple[list[Reading], DeviceUse | None]:
        """Nothing new, until the counter is refuted: then it drew what its power says."""
        if not self.counter.refuted:
            return list(self._last), None
        self.counter.fill()
        readings, use = self.flush()
        self._last = readings[-1:]
        return readings, use

    def _goes_on(self, look: Look) -> bool:
        """Whether the counter went on from its last value. A power above the stated limit that is believed is said."""
        limit = self.device.max_watts
        goes_on, watts = self.counter.goes_on(look, limit)
        if watts is not None:
            self.notes.append(
                f"{self.uuid} draws {watts:.0f} W by its counter and by its power reading, above its limit of"
                f" {limit:.0f} W: it is believed"
            )
            self.device = replace(self.device, max_watts=round(watts * 1.1, 1))
        return goes_on

    def _reading(self, at_ns: int) -> EnergyReading:
        own = self.power is not None
        offset = 0 if own else self.counter.offset
        return EnergyReading(self.device, self._history.at(at_ns), at_ns, offset=offset, own=own)

    def _report(self, has_rows: bool) -> tuple[list[Reading], DeviceUse | None]:
        intervals, seen = self._coverage.users()
        if not intervals:
            return list(self._last), None
        at = self._history.at
        energies = [at(interval.until_ns) - at(interval.since_ns) for interval in intervals]
        weights = uses.merged(intervals, energies)
        self._observe(sum(energies), intervals[-1].until_ns - intervals[0].since_ns)
        self._in_use = bool(weights)
        reading = self._reading(intervals[-1].until_ns)
        self._history.forget_before(min(reading.at_ns, self._history.newest_ns - JUDGED_NS))
        use = self._use(weights, seen, has_rows)
        return [reading], use

    def _observe(self, energy: int, nanoseconds: int) -> None:
        if nanoseconds >= JUDGED_NS // 2:
            power = energy * 1_000_000_000 // nanoseconds
            self._lowest = power if self._lowest is None else min(self._lowest, power)

    def _use(self, weights: dict[int, int], seen: Seen, has_rows: bool) -> DeviceUse | None:
        context, holders = self._context, seen.holders
        if context is None:
            return None
        no_holder = holders.complete and not holders.pids
        if context.instances is not None:
            return uses.of_instances(self.device, context, holders, seen.idle and no_holder)
        if weights:
            return uses.of_rows(self.device, weights, context, holders)
        if not has_rows:
            return uses.of_contexts(self.device, holders, seen.idle and no_holder)
        if seen.doubted:
            return uses.of_contexts(self.device, holders, quiet=False)
        return uses.of_no_process(self.device, holders, seen.idle)
