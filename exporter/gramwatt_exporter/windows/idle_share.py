"""The idle part of one sample's energy, for the uncertainty of the rest. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..idle.book import IdleBook
from ..model import EnergyStep
from .model import NO_IDLE, IdleShare


def idle_share(book: IdleBook, steps: Sequence[EnergyStep]) -> IdleShare:
    """Of the steps of one component."""
    idle = sigma = dynamic = 0.0
    methods = set()
    for step in steps:
        known = book.known(step.device)
        if step.missed or (known.microwatts is None and not known.sigma):
            continue
        awake = max(0, step.nanoseconds - step.slept_ns) / 1_000_000_000
        kept = min(step.microjoules, (known.microwatts or 0) * awake)
        methods.add(known.method)
        idle += kept
        sigma += known.sigma * awake
        dynamic += step.microjoules - kept
    if not methods:
        return NO_IDLE
    # No process is charged for a sample that was all idle.
    return (
        IdleShare(sorted(methods), idle / dynamic, sigma / dynamic)
        if dynamic > 0
        else IdleShare(sorted(methods))
    )


def change_ratio(book: IdleBook, steps: Sequence[EnergyStep], before: int, after: int) -> float:
    """By how much of the idle draw of all of a component's devices it changed with that of one, in microwatts."""
    now = sum(book.known(step.device).microwatts or 0 for step in steps)
    was = now - after + before
    return (after - before) / was if was > 0 else 0.0
