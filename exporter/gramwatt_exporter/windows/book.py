"""The book of recorded windows: pure state with one writer. No threads, no files, no sockets.

The sampler owns the book. It keeps which process belongs to which windows (a process inherits its parent's
at birth) and charges what each window's processes drew. A process in several windows is charged to
each of them: windows overlap, they are not a partition. A nested window therefore needs no bookkeeping here:
its processes are members of the outer one too because they descend from it, and ``parent`` is only a label.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from ..config.schema import Windows as Settings
from ..processes.linux.procfiles import TICK_NS
from .capacity import most_dispensable, share_of_user
from .checks import check_parent, check_request, check_values
from .clocks import NANOSECONDS, Ages, ClockSteps, boot_nanoseconds
from .errors import ApiError
from .ids import Ids
from .model import NO_IDLE, EndedBy, IdleShare, OpenRequest, Peer, ProcessKey, WindowView
from .persistence import dump_window, load_window, saved_windows
from .projects import ProjectTotals
from .view import view_of
from .window import SCRAPES_KEPT, Resolution, Window, WorkloadKey


class WindowBook:
    """All windows, open and recently finished.

    ``wall_clock`` gives Unix seconds, ``boot_clock`` nanoseconds that never step (durations come from it).
    Methods raise ApiError with the HTTP status, the field and what to do; nothing has changed then.
    """

    def __init__(
        self,
        settings: Settings,
        wall_clock: Callable[[], float] = time.time,
        boot_clock: Callable[[], int] = boot_nanoseconds,
        own_uid: int | None = None,
    ) -> None:
        self._knows_whole_machine = False  # whether there ever was a window over the whole machine
        self._own_uid = own_uid  # uid of the exporter, who may measure the whole machine; None: only root
        self.settings = settings  # replaced as a whole when the configuration is read again
        self._wall_clock = wall_clock
        self._boot_clock = boot_clock
        self._windows: dict[str, Window] = {}  # oldest first: ids increase
        self._open: dict[str, Window] = {}
        self._resolutions: dict[str, Resolution] = {}
        self._ids = Ids()
        self.projects = ProjectTotals()
        self._ended: list[str] = []  # ended since they were last taken
        self._sampled_ns: int | None = None  # when the last sample was taken, by the boot clock
        self._clock_steps = ClockSteps()
        self._ages = Ages()
        self._counted_ns: int | None = None  # the last one before a restart, until the first one after it
        # Window id -> the workload of this window, from its first process to its last. Stopped and dropped windows stay
        # here, so that they do not begin anew.
        self.automatic: dict[str, WorkloadKey] = {}

    def __len__(self) -> int:
        return len(self._windows)

    @property
    def open_ids(self) -> frozenset[str]:
        """Ids of the open windows."""
        return frozenset(self._open)

    # --- calls of clients

    def open(self, request: OpenRequest, owner: Peer) -> Window:
        """Begin a window. The caller then names its root process with :meth:`add_process`.

        400 for a wrong field, 403/404 for the parent, 409 when too many are open.
        """
        phase = check_request(request)
        pid = request.pid if request.pid is not None else owner.pid
        if pid <= 0:
            raise ApiError(
                400,
                "pid",
                "the caller's process cannot be seen from here (it is in another PID namespace, or asks over TCP)",
                "give the pid as the exporter sees it, or run the exporter in the host's PID namespace",
            )
        if request.whole_machine and not (owner.is_root or owner.uid == self._own_uid):
            raise ApiError(
                403,
                "whole_machine",
                "what the whole machine draws is other people's too",
                "ask as root or as the user the exporter runs as, or measure your own processes",
            )
        if request.parent:
            check_parent(request.parent, self._windows.get(request.parent), owner)
        self._make_room(owner)
        now, now_ns = self._wall_clock(), self._boot_clock()
        self._follow_clock(now, now_ns)
        window = Window(
            id=self._ids.new(now),
            name=request.name,
            phase=phase,
            model=request.model,
            task=request.task,
            dataset=request.dataset,
            parent=request.parent,
            user=owner.user,
            uid=owner.uid,
            pid=pid,
            start=now,
            start_ns=now_ns,
            tags=dict(request.tags),
            values=dict(request.values),
            whole_machine=request.whole_machine,
        )
        self._refine_floor(window)
        self._windows[window.id] = self._open[window.id] = window
        self._knows_whole_machine |= window.whole_machine
        return window

    def get(self, window_id: str, peer: Peer | None = None) -> Window:
        """A window by id. 404 when there is none, 403 when not ``peer``'s (None: the exporter asks)."""
        window = self._windows.get(window_id)
        if window is None:
            raise ApiError(
                404,
                "window",
                f"no window {window_id[:64]!r}",
                "list yours with GET /v1/windows; finished ones leave after windows.retention",
            )
        if peer is not None and not peer.is_root and peer.uid != window.uid:
            raise ApiError(
                403, "window", f"window {window_id} belongs to {window.user}", "use a window of your own"
            )
        return window

    def find(self, peer: Peer, state: str = "") -> list[Window]:
        """The windows a peer may see (root: all), newest first; ``state`` "" for any."""
        if state not in ("", "open", "finished"):
            raise ApiError(400, "state", f"{state[:64]!r} is not a state", "use open or finished")
        return [
            window
            for window in reversed(self._windows.values())
            if (peer.is_root or peer.uid == window.uid) and state in ("", window.state)
        ]

    def record(self, window_id: str, values: Mapping[str, float]) -> Window:
        """Merge values into an open window, the later ones win. 400, 404; 409 when it has finished."""
        window = self._recording(window_id)
        check_values(window.values, values)
        window.values.update(values)
        return window

    def discard(self, window_id: str) -> None:
        """Undo an :meth:`open` whose root process turned out to be unusable."""
        self._windows.pop(window_id, None)
        self._open.pop(window_id, None)

    def add_process(self, window_id: str, process: ProcessKey) -> bool:
        """One more process tree counts for a window. False when it did already; 404; 409 when finished."""
        window = self._recording(window_id)
        if process in window.processes:
            return False
        window.processes.add(process)
        window.was_asked_for = True
        return True

    def remove_process(self, window_id: str, process: ProcessKey) -> None:
        """Take a process tree out of a window. 404; does nothing for a finished window."""
        window = self.get(window_id)
        if window.is_open:
            window.processes.discard(process)
            window.left.add(process)

    def stop(
        self,
        window_id: str,
        now: float,
        ended_by: EndedBy = "stop",
        values: Mapping[str, float] | None = None,
        outcome: Mapping[str, int | str] | None = None,
        at_ns: int | None = None,
    ) -> Window:
        """End a window at Unix time ``now``, after a last sample. Stopping again changes nothing. ``outcome`` is how
        its run ended.

        ``at_ns`` is the same moment by the boot clock, where the last sample came later.
        404; 400 for wrong values, and then the window stays open.
        """
        window = self.get(window_id)
        if not window.is_open:
            return window
        if values:
            check_values(window.values, values)
            window.values.update(values)
        window.outcome = None if outcome is None else dict(outcome)
        ended_ns = self._boot_clock() if at_ns is None else at_ns
        self._follow_clock(now, ended_ns)
        window.nanoseconds = max(0, ended_ns - window.start_ns)
        self._finish(window, max(now, window.start), ended_by)
        return window

    # --- what the sampler reports

    def measured(
        self,
        component: str,
        source: str,
        uncertainty_ratio: float,
        floor_microjoules: int,
        idle: IdleShare = NO_IDLE,
    ) -> None:
        """How a component is measured from now on: source, one sigma, least energy that it resolves, and idle part.

        ``source`` joins several sensors with "+".
        """
        self._resolutions[component] = Resolution(source, uncertainty_ratio, floor_microjoules, idle)

    def idle_changed(self, component: str, ratio: float) -> None:
        """The idle draw of a component is known better now, and has changed by this ratio of its value. Charged energy
        stays, with this much more doubt."""
        for window in self._open.values():
            window.doubt_idle(component, ratio)

    def charge(self, window_id: str, component: str, microjoules: int, emission_units: int | None) -> None:
        """Energy of one of its processes; ``emission_units`` None when no intensity is known.

        Unknown and finished windows are passed over: a window may end while a tick is under way.
        """
        window = self._open.get(window_id)
        if window is not None and not window.whole_machine:
            window.charge(component, microjoules, emission_units, self._resolutions.get(component))
            self.projects.charge(window, component, microjoules, emission_units)

    def charge_machine(self, component: str, microjoules: int, emission_units: int | None) -> None:
        """Charge all energy of a device to the windows over the whole machine, idle and unattributed energy
        included."""
        if not self._knows_whole_machine:  # the usual case costs nothing at a sample
            return
        for window in self._open.values():
            if window.whole_machine:
                resolution = self._resolutions.get(component)
                if resolution is not None:  # no idle draw is kept out of it
                    resolution = msgspec.structs.replace(resolution, idle=NO_IDLE)
                window.charge(component, microjoules, emission_units, resolution)
                self.projects.charge(window, component, microjoules, emission_units)

    def missed(self, window_ids: Iterable[str], nanoseconds: int) -> None:
        """Note time in which the use of these windows is not known."""
        for window_id in window_ids:
            window = self._open.get(window_id)
            if window is not None:
                window.missed_nanoseconds += nanoseconds

    def charge_unknown(self, window_id: str, component: str, microjoules: int) -> None:
        """Note energy that may belong to one of its processes: at most so much."""
        window = self._open.get(window_id)
        if window is not None and microjoules > 0 and not window.whole_machine:
            window.charge_unknown(component, microjoules)

    def charge_cpu(self, window_id: str, nanoseconds: int) -> None:
        """Charge CPU time of one of its processes."""
        window = self._open.get(window_id)
        if window is not None:
            window.cpu_nanoseconds += nanoseconds

    def joined(self, window_id: str, processes: int = 1, start: int | None = None) -> None:
        """Count more processes that belonged to the window, however briefly.

        ``start``: when the process began, in clock ticks after boot. After a restart, a process that began before it is
        already counted.
        """
        window = self._open.get(window_id)
        if window is not None and not (self._existed(window) and self.lived_before(start)):
            window.joined += processes

    def lived_before(self, start: int | None) -> bool:
        """After a restart of the exporter, before the first sample is over: whether a process that began at
        ``start`` (clock ticks after boot) lived at the last sample before it."""
        return start is not None and self._counted_ns is not None and start * TICK_NS <= self._counted_ns

    def _existed(self, window: Window) -> bool:
        return self._counted_ns is not None and window.start_ns <= self._counted_ns

    @property
    def sampled_before_ns(self) -> int | None:
        """After a restart, before the first sample is over: when the last sample before it was taken."""
        return self._counted_ns

    @property
    def restarted(self) -> bool:
        """Whether :meth:`lived_before` can answer: after a restart, before the first sample is over."""
        return self._counted_ns is not None

    def sampled(self, now: float) -> None:
        """A sample was taken at Unix time ``now`` and all its energy charged."""
        self._sampled_ns, self._counted_ns = self._boot_clock(), None
        self._follow_clock(now, self._sampled_ns)
        for window in self._open.values():
            window.samples += 1
            window.last_sample = now
            self._refine_floor(window)

    def scraped(self, scrapes: int = 1) -> None:
        """Count scrapes of the last frozen windows."""
        for window in self._windows.values():
            if window.published:
                window.scrapes += scrapes

    def expire(self, now: float) -> list[str]:
        """Drop windows that finished longer ago than the retention and were scraped often enough. Returns their ids."""
        now_ns = self._boot_clock()
        gone = [
            window.id
            for window in self._windows.values()
            if window.end is not None
            and window.scrapes >= SCRAPES_KEPT
            and self._ages.of(window.id, window.end, now, now_ns) >= self.settings.retention
        ]
        for window_id in gone:
            del self._windows[window_id]
        self._ages.keep(self._windows)
        return gone

    # --- what others read

    def frozen(self) -> tuple[WindowView, ...]:
        """All windows at this moment, oldest first, for a snapshot."""
        for window in self._windows.values():
            if not window.is_open:
                window.published = True
        return tuple(self.view(window) for window in self._windows.values())

    def is_scraped_enough(self, window_id: str) -> bool:
        """Whether the last values of a finished window have been read by several scrapes."""
        window = self._windows.get(window_id)
        return window is not None and window.scrapes > SCRAPES_KEPT  # the first may have shown it as it began

    def counts(self) -> tuple[int, int]:
        """How many windows are held: open, finished."""
        return len(self._open), len(self._windows) - len(self._open)

    def view(self, window: Window) -> WindowView:
        """One window at this moment."""
        if window.view is not None:
            return window.view
        elapsed = measured = window.nanoseconds
        if window.is_open:
            elapsed = max(0, self._boot_clock() - window.start_ns)
            measured = max(0, (self._sampled_ns or 0) - window.start_ns)
        view = view_of(window, elapsed, measured)
        if not window.is_open:
            window.view = view
        return view

    def __iter__(self) -> Iterator[Window]:
        """Every window, oldest first."""
        return iter(self._windows.values())

    def state(self, windows: Iterable[Window] | None = None) -> dict[str, Any]:
        """Everything worth keeping over a restart, as JSON types; of windows only the given ones, where some are."""
        return {
            "version": 1,
            "windows": [dump_window(window) for window in (self if windows is None else windows)],
            "automatic": {window_id: list(key) for window_id, key in self.automatic.items()},
            "sampled_ns": self._sampled_ns,
            "projects": self.projects.state(),
        }

    def restore(self, state: Mapping[str, Any], same_boot: bool) -> list[str]:
        """Take back what :meth:`state` gave, into an empty book. Returns a line for each one dropped.

        Open windows go on after a restart of the exporter. After a reboot their processes are gone: they end
        at their last sample.
        """
        problems = []
        for entry in saved_windows(state):
            try:
                window = load_window(entry)
            except (KeyError, TypeError, ValueError) as error:
                problems.append(f"a saved window cannot be read and is dropped: {error!r}")
                continue
            self._windows[window.id] = window
            if not window.is_open:
                continue
            if same_boot:
                self._open[window.id] = window
                self._knows_whole_machine |= window.whole_machine
            else:
                self._end_with_boot(window)
        self._sort()
        if same_boot:
            problems += self._restore_automatic(state)
        try:
            self.projects.restore(state.get("projects", ()))
        except (AttributeError, TypeError, ValueError) as error:
            problems.append(f"the saved totals of projects cannot be read and begin at zero: {error!r}")
        return problems

    def replay(self, entries: Iterable[tuple[Mapping[str, Any], bool]]) -> list[str]:
        """Apply, after :meth:`restore`, the changes that were answered since (journal.py). Each entry says whether it
        is of this boot. A line for each that cannot be read.

        A known open window keeps its energy: the clocks of its processes charge it for the time since.
        """
        problems = []
        for entry, same_boot in entries:
            try:
                window = load_window(entry)
            except (KeyError, TypeError, ValueError) as error:
                problems.append(f"an answered window cannot be read and is dropped: {error!r}")
                continue
            known = self._windows.get(window.id)
            if known is not None and not known.is_open:
                continue
            if known is not None and window.is_open:
                known.values, known.processes, known.left = window.values, window.processes, window.left
                continue
            if window.is_open and not same_boot:
                self._end_with_boot(window)
            if window.is_open:  # by the clock of then, which may be a later one than that of the ledger
                self._follow_clock(window.start, window.start_ns)
            self._windows[window.id] = window
            self._open.pop(window.id, None)
            if window.is_open:
                self._open[window.id] = window
                self._knows_whole_machine |= window.whole_machine
        self._sort()
        return problems

    def _sort(self) -> None:
        self._windows = dict(sorted(self._windows.items()))
        for newest in list(self._windows)[-1:]:
            self._ids.follow(newest)

    def _restore_automatic(self, state: Mapping[str, Any]) -> list[str]:
        """What earlier versions did not save."""
        try:
            self._counted_ns = msgspec.convert(state.get("sampled_ns"), int | None)
            self.automatic = msgspec.convert(state.get("automatic", {}), dict[str, WorkloadKey])
        except msgspec.ValidationError as error:
            return [f"the saved automatic windows cannot be read and are dropped: {error}"]
        self._sampled_ns = self._counted_ns
        self._clock_steps.restored(self._open.values(), self._sampled_ns)
        return []

    # --- inside

    def _follow_clock(self, now: float, now_ns: int) -> None:
        """Where the wall clock was set, open windows keep their lengths: the later clock is the better one."""
        if step := self._clock_steps.seen(now, now_ns):
            for window in self._open.values():
                window.shift(step)

    def _recording(self, window_id: str) -> Window:
        window = self.get(window_id)
        if not window.is_open:
            raise ApiError(
                409, "window", f"window {window_id} has already finished", "open a new one; this one is final"
            )
        return window

    def _make_room(self, owner: Peer) -> None:
        """Keep the number of windows bounded: finished ones give way, open ones never do."""
        most = self.settings.max
        mine = sum(window.uid == owner.uid for window in self._open.values())
        allowed = most if owner.is_root else share_of_user(most, len(self._open))
        if mine >= allowed or len(self._open) >= most:
            count = mine if mine >= allowed else len(self._open)
            raise ApiError(
                409,
                "",
                f"{count} windows are open already",
                "stop some, or ask the operator to raise windows.max",
            )
        while len(self._windows) >= most:
            del self._windows[most_dispensable(self._windows.values()).id]

    def _finish(self, window: Window, end: float, ended_by: EndedBy) -> None:
        window.finish(end, ended_by)
        self._open.pop(window.id, None)
        self._ended.append(window.id)

    def take_ended(self) -> list[WindowView]:
        """The windows that ended since this was last asked, in that order."""
        if not self._ended:
            return []
        ended, self._ended = self._ended, []
        return [self.view(self._windows[one]) for one in ended if one in self._windows]

    def _end_with_boot(self, window: Window) -> None:
        """Its processes are gone: it ends at its last sample."""
        end = max(window.start, window.last_sample or window.start)
        window.nanoseconds = round((end - window.start) * NANOSECONDS)
        self._finish(window, end, "exit")

    def _refine_floor(self, window: Window) -> None:
        window.refine_floor(sum(resolution.floor_microjoules for resolution in self._resolutions.values()))
