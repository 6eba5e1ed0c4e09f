"""What one provider has reported so far, and when to ask it for what. No clock, no network."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from gramwatt_exporter.config.schema import IntensityConfig
from gramwatt_exporter.errors import Fatal, NotHere, TryAgain
from gramwatt_exporter.intensity import checks
from gramwatt_exporter.model import Aspect, Fetched, ForecastPoint, Intensity, IntensityProvider, Mix

KEEP = 26 * 3600.0  # seconds of history kept; providers give 24 h
_AUXILIARY = 3600.0  # history, forecast and mix are asked for once an hour at most
_ABSENT = 86400.0  # seconds until an aspect the provider refused is tried again
_FATAL = 3600.0  # seconds until a refused token is tried again: it may have been the hourly limit
_BACKOFF_MAX = 3600.0
_RETRY_AFTER_MAX = 86400.0
_JITTER = 0.1  # delays are stretched by up to this share, so that a fleet does not call in step
_MIX_AGE = 2 * 3600.0  # seconds a share of renewables may be older or newer than the value it is put on


class Memory(Struct):
    """The part of a slot that survives a restart. Times are Unix seconds."""

    values: list[Intensity] = field(default_factory=list)
    forecast: list[ForecastPoint] = field(default_factory=list)
    mix: Mix | None = None
    asked: dict[str, float] = field(default_factory=dict)  # aspect -> last attempt
    absent: dict[str, float] = field(default_factory=dict)  # aspect -> when the provider said it has none
    asked_last: str = ""
    wait_from: float = 0.0
    wait: float = 0.0
    failures: int = 0  # in a row
    reason: str = ""
    problem: str = ""
    fix: str = ""
    good_at: float | None = None  # last answer that could be used


class ProviderMemory:
    """One provider of the chain, with its memory."""

    def __init__(
        self, provider: IntensityProvider, *, key: str, refresh: float, max_age: float, chance: random.Random
    ) -> None:
        """``refresh`` and ``max_age`` in seconds; ``key`` names the slot in the cache, its first word in logs."""
        self.provider = provider
        self.key = key
        self.name = key.partition(" ")[0]
        self.memory = Memory()
        self._refresh = refresh
        self._max_age = max_age
        self._chance = chance
        self._history: tuple[Intensity, ...] = ()
        self._forecast: tuple[ForecastPoint, ...] = ()

    @property
    def local(self) -> bool:
        """True when asking costs no network call."""
        return not self.provider.origin

    def restore(self, memory: Memory) -> None:
        """Go on from what was known before a restart or a reload."""
        self.memory = memory
        self._remember(Fetched(values=tuple(memory.values), forecast=tuple(memory.forecast)))

    def due(self, now: float) -> float:
        """When this provider may be asked again, Unix seconds."""
        # A clock set back must not stretch the wait by as much as it was ahead.
        self.memory.wait_from = min(self.memory.wait_from, now)
        return self.memory.wait_from + self.memory.wait

    def next_aspect(self, now: float) -> Aspect:
        """The value first; then, never twice in a row, the auxiliary aspect that has waited longest."""
        memory = self.memory
        if memory.asked_last != "latest" or memory.failures:
            return "latest"
        every = max(_AUXILIARY, 4 * self._refresh)
        waiting = [
            (min(memory.asked.get(aspect, 0.0), now), index, aspect)
            for index, aspect in enumerate(self.provider.aspects)
            if aspect != "latest" and not now - _ABSENT < min(memory.absent.get(aspect, 0.0), now)
        ]
        overdue = [entry for entry in waiting if entry[0] + every <= now]
        return min(overdue)[2] if overdue else "latest"

    def asking(self, aspect: Aspect, now: float) -> None:
        """Note an attempt before it is made: a crash during it must still count."""
        self.memory.asked[aspect] = now
        self.memory.asked_last = aspect
        self._wait(now, self._refresh)

    def succeeded(self, fetched: Fetched, now: float) -> None:
        """Take an answer that passed the checks."""
        # A value of days ahead (a clock that was wrong, a damaged cache) would make all that come too old to keep.
        self._history = tuple(value for value in self._history if self.local or value.at <= now + KEEP)
        self._remember(fetched)
        memory = self.memory
        if fetched.mix is not None:
            memory.mix = fetched.mix
        memory.failures, memory.reason, memory.problem, memory.fix = 0, "", "", ""
        memory.good_at = now

    def subject(self, aspect: str) -> str:
        """How a log line names this provider's value (its own name) or another aspect of it."""
        return self.name if aspect == "latest" else f"{self.name} ({aspect})"

    def failed(
        self, aspect: Aspect, error: TryAgain | Fatal | NotHere, reason: str, fix: str, now: float
    ) -> bool:
        """Take a failure. False when it only means that the provider does not have this aspect."""
        memory = self.memory
        if aspect != "latest" and isinstance(error, NotHere | Fatal):
            memory.absent[aspect] = now  # a free tier refuses forecasts, and still gives values
            return reason == "sandbox"  # not a missing aspect: the token is wrong
        memory.failures += 1
        memory.reason, memory.problem = reason, str(error)
        memory.fix = fix
        # A gap in the data passes by itself, and a call loads no server: ask at the usual pace.
        doublings = 0 if reason == "no_value" else min(memory.failures - 1, 10)
        delay = min(self._refresh * 2.0**doublings, max(_BACKOFF_MAX, self._refresh))
        if isinstance(error, TryAgain) and error.retry_after is not None:
            delay = max(delay, min(error.retry_after, _RETRY_AFTER_MAX))
        elif isinstance(error, Fatal):
            delay = max(delay, _FATAL)
        self._wait(now, delay)
        return True

    def value(self, now: float) -> Intensity | None:
        """The newest value that is in force at ``now`` and not older than ``max_age``."""
        for value in reversed(self._history):
            # The clock was set back: this value will come into force again. A yearly average holds before its year as
            # well, because the newest known year counts.
            if value.at > now and value.method != "annual":
                continue
            if self.local or now - value.at <= self._max_age:
                return self._with_mix(value)
            return None
        return None

    def newest(self) -> Intensity | None:
        """The newest value whatever its age, for a person."""
        return self._history[-1] if self._history else None

    def history(self) -> tuple[Intensity, ...]:
        """Values of the last day, newest last; the same object until something changes."""
        return () if self.local else self._history

    def forecast(self, now: float) -> tuple[ForecastPoint, ...]:
        """The forecast, from the step in force at ``now`` on. Empty when all of it has passed."""
        points = self._forecast
        begun = [index for index, point in enumerate(points) if point.at <= now]
        if begun and begun[-1] == len(points) - 1:
            return ()
        return points[begun[-1] :] if begun and begun[-1] else points

    def _with_mix(self, value: Intensity) -> Intensity:
        mix = self.memory.mix
        if mix is None or abs(mix.at - value.at) > _MIX_AGE:
            return value
        if mix.fossil_ratio is not None and not checks.consistent(
            value.grams_per_kilowatt_hour, mix.fossil_ratio
        ):
            return value  # shares of something else, or in another unit
        return replace(
            value,
            renewable_ratio=mix.renewable_ratio if value.renewable_ratio is None else value.renewable_ratio,
            fossil_ratio=mix.fossil_ratio if value.fossil_ratio is None else value.fossil_ratio,
            ways=value.ways or mix.ways,
        )

    def _remember(self, fetched: Fetched) -> None:
        if self.local:
            self._history = tuple(fetched.values)
        elif fetched.values:
            merged = {value.at: value for value in self._history}
            for value in fetched.values:
                merged[value.at] = checks.better(merged.get(value.at), value)
            oldest = max(merged) - KEEP
            # A zero that was believed while it stood alone may turn out to be a placeholder.
            history = tuple(
                checks.without_placeholders([merged[at] for at in sorted(merged) if at >= oldest])
            )
            if history != self._history:
                self._history = history
        if fetched.forecast and tuple(fetched.forecast) != self._forecast:
            self._forecast = tuple(fetched.forecast)
        if not self.local:
            self.memory.values = list(self._history)
            self.memory.forecast = list(self._forecast)

    def _wait(self, now: float, seconds: float) -> None:
        self.memory.wait_from = now
        self.memory.wait = seconds * (1.0 + self._chance.random() * _JITTER)


def keys(config: IntensityConfig, providers: Sequence[IntensityProvider]) -> list[str]:
    """Keys of the cache, one per provider. A key changes with the provider's settings, so that a cache never answers
    for other settings."""
    names = distinct_keys([provider.kind for provider in providers])
    if len(config.providers) != len(providers):
        return names
    return [
        f"{name} {hashlib.sha256(msgspec.json.encode(settings)).hexdigest()[:8]}"
        for name, settings in zip(names, config.providers, strict=True)
    ]


def distinct_keys(kinds: Sequence[str]) -> list[str]:
    """One name per provider of a chain: the kind, numbered from its second use."""
    keys: list[str] = []
    for index, kind in enumerate(kinds):
        earlier = kinds[:index].count(kind)
        keys.append(f"{kind}#{earlier + 1}" if earlier else kind)
    return keys
