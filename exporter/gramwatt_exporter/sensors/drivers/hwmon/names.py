"""What hwmon's channels are called: each differently, and as they were called before. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from itertools import count

from msgspec.structs import replace

from ....model import Device
from .channel import Channel
from .cpu import SOCKETS


def noun(channel: Channel) -> tuple[str, str]:
    """What distinguishes one counter from another. Of several drivers that measure one package a single one counts."""
    of = channel.of
    if not isinstance(of, Device):
        return ("meter", of.name)
    return (f"cpu of {channel.chip.driver}" if of.component == "cpu" else of.component, of.name)


def name_apart(
    new: list[Channel], found: Collection[Channel], going: Collection[Channel], stopped: Collection[Channel]
) -> None:
    """Give each new channel a name of its own: its former one if it had one. ``found`` are all that stand there now.

    Those that are ``going`` keep theirs, as do those that ``stopped`` and have not come back.
    """
    wanting = Counter(noun(channel) for channel in found)
    places = {channel.chip.place for channel in new}
    former: dict[
        tuple[str, str, str], list[tuple[str, str]]
    ] = {}  # several where devices of one model are alike
    for channel in stopped:
        former.setdefault(channel.key, []).append(noun(channel))
    taken = {noun(c) for c in going} | {noun(c) for c in stopped if c.chip.place not in places}
    # By their places, which last: sockets are numbered in this order after every boot.
    new.sort(key=lambda c: (c.key not in former, len(c.chip.place), c.chip.place, _number(c)))
    for channel in new:
        kind, wanted = noun(channel)
        names_before = former.get(channel.key)
        before, name = names_before.pop(0) if names_before else ("", "")
        if before != kind:
            names = _names(channel, alone=wanting[kind, wanted] == 1)
            name = next(name for name in names if (kind, name) not in taken)
        channel.of = replace(channel.of, name=name)
        taken.add((kind, name))


def _number(channel: Channel) -> tuple[int, str]:
    """For the order of chips at one place: that of their loading. amd_hsmp makes one for each socket."""
    folder = channel.chip.folder.name
    return (len(folder), folder)


def _names(channel: Channel, alone: bool) -> Iterator[str]:
    """Names a channel may have, the best first; ``alone``: it is the only one that wants the first of them."""
    wanted, place, file = channel.of.name, channel.chip.place, channel.path.name.split("_", 1)[0]
    if alone:
        yield wanted
    if channel.chip.driver in SOCKETS:
        yield from (f"package-{socket}" for socket in count())
    yield f"{wanted}-{place}"
    yield f"{wanted}-{place}-{file}"
    yield from (f"{wanted}-{place}-{file}-{number}" for number in count(2))
