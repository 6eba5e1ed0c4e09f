"""Keeps the grid's intensity current: asks providers from its own thread, remembers, backs off, falls back.

Chain, per basis (average, marginal): the first provider in the configured order that has a value not older
than ``max_age`` is in force. A provider further down is asked only while all before it have none. Nothing is
ever asked during a scrape, and a reader never waits: the whole state is one reference that is swapped.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

from gramwatt_exporter.config.schema import IntensityConfig
from gramwatt_exporter.errors import Fatal, NotHere, TryAgain
from gramwatt_exporter.model import Basis, Intensity, IntensityProvider, IntensityState

from . import clocks, zones
from .announcements import Announcements
from .cache import Cache, Contents
from .checks import checked, duration
from .provider_memory import Memory, ProviderMemory, keys
from .providers import annual
from .providers.failures import Unavailable
from .quota import EXPORTER_LIMIT, Budget

_log = logging.getLogger(__name__)

NO_ZONE = (
    "no grid zone is configured, so no CO2 is published:"
    " set intensity.zone (GRAMWATT_INTENSITY_ZONE=FR) or intensity.cloud (aws:eu-west-3)"
)
# Seconds to wait after a failure, and where only the thread can notice a jump of the wall clock.
_LONGEST_SLEEP = 30.0
_JUMP = 30.0  # seconds of the wall clock beyond those that passed
_BASES: tuple[Basis, ...] = ("average", "marginal")


class ProviderStatus(Struct, frozen=True):
    """One provider, for a person. Times are Unix seconds; ``value`` is its newest, whatever its age."""

    name: str
    value: Intensity | None
    good_at: float | None
    reason: str
    problem: str
    fix: str
    next_call: float | None


class Refresher:
    """Owner of the providers. ``start`` runs it in a daemon thread; tests call ``refresh_once``."""

    def __init__(
        self,
        config: IntensityConfig,
        providers: Sequence[IntensityProvider],
        cache_dir: Path | None,
        clock: Callable[[], float],
        *,
        steady: Callable[[], float] | None = None,
        chance: random.Random | None = None,
        limit: int = EXPORTER_LIMIT,
    ) -> None:
        """``clock`` gives Unix seconds; ``limit`` is calls an hour and host; ``chance`` drives the jitter.

        ``steady`` (time.monotonic) gives seconds that never jump: with it the limit holds even while the clock is
        set forward. Raises ConfigError when the configured zone or cloud region is unknown. Makes no call: values
        from the cache and from local providers are in force at once.
        """
        self._clock = clock
        self._steady = steady
        self._budget = Budget(limit, steady)
        self._chance = chance or random.Random()  # noqa: S311 - jitter, not cryptography
        self._cache = Cache(cache_dir)
        self._failures: dict[tuple[str, str], int] = {}
        self._announcements = Announcements()
        self._pending: tuple[IntensityConfig, Sequence[IntensityProvider], str] | None = None
        self._wake = threading.Event()
        self._asleep_since: tuple[float, float] | None = None  # of the wall clock and of the steady one
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._state = IntensityState()
        self._adopt(config, providers, zones.in_force(config.zone, config.cloud), self._cache.load())
        self._ask_local(clock())
        self._publish(clock())

    def current(self) -> IntensityState:
        """The present state. Never blocks, never makes a call."""
        asleep_since = self._asleep_since
        if asleep_since is not None and self._steady is not None:
            wall, steady = asleep_since
            if abs((self._clock() - wall) - (self._steady() - steady)) > _JUMP:
                self._wake.set()
        return self._state

    def providers(self) -> Sequence[ProviderStatus]:
        """The state of each provider, in the configured order."""
        now = self._clock()
        return [
            ProviderStatus(
                name=slot.name,
                value=slot.value(now) or slot.newest(),
                good_at=slot.memory.good_at,
                reason=slot.memory.reason,
                problem=slot.memory.problem,
                fix=slot.memory.fix,
                next_call=None if slot.local else self._due(slot, now),
            )
            for slot in self._slots
        ]

    @property
    def cache_problem(self) -> str:
        """Why no value was known at the start, in words for a person; "" if one was."""
        return self._cache.problem

    def start(self) -> None:
        """Begin to refresh in a thread of its own."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="intensity", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """End the thread; one that hangs in a call is left behind after ``timeout`` seconds."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def reload(self, config: IntensityConfig, providers: Sequence[IntensityProvider]) -> None:
        """Use a new configuration from the next refresh on. Values, call counts and back-offs are kept.

        Returns at once. Raises ConfigError, and changes nothing, when the new zone is unknown.
        """
        zone = zones.in_force(config.zone, config.cloud)
        self._pending = (config, providers, zone)
        self._wake.set()

    def refresh_once(self, now: float) -> IntensityState:
        """Ask every provider that is due and needed, at most one call each; then swap the state."""
        pending, self._pending = self._pending, None
        if pending is not None:
            self._adopt(*pending, self._contents())
        self._ask_local(now)
        asked = False
        for basis in _BASES:
            for slot in self._chain(basis):
                if not slot.local and self._due(slot, now) <= now:
                    self._ask(slot, now)
                    asked = True
                if slot.value(now) is not None:
                    break
        if asked:
            self._cache.save(self._contents())
        return self._publish(now)

    # --- asking

    def _ask(self, slot: ProviderMemory, now: float) -> None:
        aspect = slot.next_aspect(now)
        slot.asking(aspect, now)
        if not slot.local:
            self._budget.spend(slot.provider.origin, now)
            # Saved before the call as well: a machine that crashes in a loop must not call in a loop.
            self._cache.save(self._contents())
        try:
            fetched = slot.provider.fetch(aspect, self._zone, now)
            if not slot.local:
                usual = annual.usual((each.provider for each in self._slots), self._zone, now)
                fetched = checked(fetched, self._zone, now, slot.history(), usual)
            slot.succeeded(fetched, now)
            if aspect == "latest":
                self._check_age(slot, now)
        except (TryAgain, Fatal, NotHere) as error:
            self._failed(slot, error, getattr(error, "reason", "internal"), now)
        except Exception as error:
            _log.exception("intensity provider %s failed unexpectedly", slot.name)
            self._failed(slot, Unavailable("internal", type(error).__name__), "internal", now)
        else:
            self._announcements.works(slot.subject(aspect))

    def _check_age(self, slot: ProviderMemory, now: float) -> None:
        newest = slot.newest()
        if newest is None:
            raise Unavailable("no_value", "the provider has no value for now")
        if slot.value(now) is None and not slot.local:
            age = duration(now - newest.at)
            raise Unavailable("stale", f"the newest value is {age} old, older than intensity.max_age")

    def _failed(
        self, slot: ProviderMemory, error: TryAgain | Fatal | NotHere, reason: str, now: float
    ) -> None:
        aspect = slot.memory.asked_last
        fix = clocks.fix(reason, slot.provider) or getattr(error, "fix", "")
        if not slot.failed(aspect, error, reason, fix, now):  # type: ignore[arg-type]
            _log.debug("intensity provider %s has no %s: %s", slot.name, aspect, error)
            return
        text = f"{error}; {fix}" if fix else str(error)
        if self._announcements.failed(slot.subject(aspect), text) or not slot.local:
            key = (slot.provider.kind, reason)
            self._failures[key] = self._failures.get(key, 0) + 1

    def _ask_local(self, now: float) -> None:
        for slot in self._slots:
            if slot.local:
                self._ask(slot, now)

    def _due(self, slot: ProviderMemory, now: float) -> float:
        return max(slot.due(now), self._budget.next_at(slot.provider.origin, now))

    # --- state

    def _adopt(
        self, config: IntensityConfig, providers: Sequence[IntensityProvider], zone: str, contents: Contents
    ) -> None:
        self._config = config
        self._zone = zone
        kept = contents.slots if contents.zone == zone else {}
        self._budget.restore(contents.calls)
        self._slots: list[ProviderMemory] = []
        for provider, key in zip(providers, keys(config, providers), strict=True):
            if not zone and provider.kind != "static":
                continue  # without a zone there is nothing to ask for; only a configured number needs none
            slot = ProviderMemory(
                provider,
                key=key,
                refresh=float(config.refresh),
                max_age=float(config.max_age),
                chance=self._chance,
            )
            slot.restore(kept.get(key, Memory()))
            self._slots.append(slot)
        kinds = [slot.name for slot in self._chain("average")]
        if "annual" in kinds[:-1]:
            never = ", ".join(kinds[kinds.index("annual") + 1 :])
            _log.warning(
                "intensity providers after annual are asked only for zones it does not know: %s", never
            )

    def _contents(self) -> Contents:
        return Contents(
            zone=self._zone,
            slots={slot.key: slot.memory for slot in self._slots if not slot.local},
            calls=self._budget.calls(),
        )

    def _chain(self, basis: Basis) -> list[ProviderMemory]:
        return [slot for slot in self._slots if slot.provider.basis == basis]

    def _publish(self, now: float) -> IntensityState:
        in_force: dict[Basis, tuple[ProviderMemory, Intensity] | None] = {}
        due: list[float] = []
        for basis in _BASES:
            in_force[basis] = None
            for slot in self._chain(basis):
                if not slot.local:
                    due.append(self._due(slot, now))
                value = slot.value(now)
                if value is not None:
                    in_force[basis] = (slot, value)
                    break
        average, marginal = in_force["average"], in_force["marginal"]
        state = IntensityState(
            average=average[1] if average else None,
            marginal=marginal[1] if marginal else None,
            forecast=average[0].forecast(now) if average else (),
            history=average[0].history() if average else (),
            marginal_forecast=marginal[0].forecast(now) if marginal else (),
            refresh_failures=MappingProxyType(dict(self._failures)),
            next_refresh=min(due) if due else None,
            message="" if average else self._message(),
        )
        self._announcements.in_force(state.average, self._zone, state.message)
        self._state = state
        return state

    def _message(self) -> str:
        if not self._zone and not self._slots:
            return NO_ZONE
        if not self._chain("average"):
            return "no provider of average intensity is configured; add one, such as {kind: annual}"
        problems = [
            f"{slot.name}: {slot.memory.problem}" + (f" ({slot.memory.fix})" if slot.memory.fix else "")
            for slot in self._chain("average")
            if slot.memory.problem
        ]
        return f"no intensity for {self._zone} yet: " + (
            "; ".join(problems) or "waiting for the first answer"
        )

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            now = self._clock()
            try:
                state = self.refresh_once(now)
                due = state.next_refresh
            except Exception:
                _log.exception("refreshing grid intensity failed; trying again")
                due = now + _LONGEST_SLEEP
            to_the_hour = 3600.0 - now % 3600.0  # schedules change at full hours
            wait = min(to_the_hour, *([max(due - now, 0.2)] if due is not None else [3600.0]))
            if (
                self._steady is not None
            ):  # a jump of the wall clock is noticed by the reader of the current state
                self._asleep_since = (self._clock(), self._steady())
            else:
                wait = min(wait, _LONGEST_SLEEP)
            self._wake.wait(wait)
            self._asleep_since = None
