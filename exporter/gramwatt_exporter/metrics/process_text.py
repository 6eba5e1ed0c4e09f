"""The per-process and per-workload families as text, written by hand.

A thousand processes are seven thousand samples: through a general client library that is 60 ms a scrape. Here the
names and labels of a family are one template, kept while the rows are the same ones, and the values of all rows are
put in by one call. Text is made and kept as bytes, in blocks of rows: one whose numbers are those of the last snapshot
is not written again, and nothing as large as the whole answer is copied twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, compress, repeat

from .. import units
from ..model import COMPONENTS, CPU, Identity
from ..snapshot import ProcessColumns, Remainder, Snapshot, WorkloadView
from .catalogue import BY_NAME

_PROCESS = (
    "gramwatt_process_energy_joules_total",
    "gramwatt_process_emissions_grams_total",
    "gramwatt_process_power_watts",
    "gramwatt_process_cpu_seconds_total",
)
_WORKLOAD = (
    "gramwatt_workload_energy_joules_total",
    "gramwatt_workload_emissions_grams_total",
    "gramwatt_workload_cpu_seconds_total",
)


BLOCK = 128  # rows that share templates

Texts = tuple[bytes, ...]
"""The lines of one view, of each family."""

Number = tuple[str, Callable[[Iterable[int]], Iterable[object]]]
"""How a number is written, and what of some rows is put there."""

# More rows than a person reads: then numbers are written with an exponent, at a third of the cost.
COMPACT_ABOVE = 2 * BLOCK


def escape(value: str) -> str:
    """A label value in the exposition format."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def joules_text(microjoules: int) -> str:
    """Microjoules as joules, exact to the last digit (a float would round)."""
    return f"{microjoules // 1_000_000}.{microjoules % 1_000_000:06d}"


def seconds_text(nanoseconds: int) -> str:
    """Nanoseconds as seconds, exact to the last digit."""
    return f"{nanoseconds // 1_000_000_000}.{nanoseconds % 1_000_000_000:09d}"


def grams_text(emission_units: int) -> str:
    """Emission units as grams, cut off at the picogram."""
    picograms = units.picograms(emission_units)
    return f"{picograms // 10**12}.{picograms % 10**12:012d}"


@cache
def header(name: str) -> str:
    """HELP and TYPE of a metric of the catalogue."""
    metric = BY_NAME[name]
    text = metric.help.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {name} {text}\n# TYPE {name} {metric.kind}\n"


class _Block:
    """Some rows that stand together: templates are kept while the rows are the same ones, texts while their
    values are."""

    __slots__ = ("_labels", "_templates", "_texts", "identities")

    def __init__(self, identities: Sequence[Identity], labels: Sequence[str]) -> None:
        self.identities = identities
        self._labels = labels
        self._templates: dict[tuple[str, str], tuple[Sequence[bool], str, bytes]] = {}
        self._texts: dict[tuple[str, str], tuple[Sequence[int], object, Sequence[bool], str, bytes]] = {}

    def fill(
        self,
        name: str,
        component: str,
        shown: Sequence[bool],
        number: Number,
        values: Sequence[int],
        given: object = None,
    ) -> bytes:
        """One family's lines of one component: a template of all of them, filled by one formatting call, if
        ``values`` of all rows, or what else is ``given``, are not those of last time."""
        key = (name, component)
        form, numbers = number
        last = self._texts.get(key)
        if last is not None and last[0] == values and last[1:4] == (given, shown, form):
            return last[4]
        kept = self._templates.get(key)
        if kept is None or kept[:2] != (shown, form):
            tail = f',component="{component}"}} {form}\n' if component else f"}} {form}\n"
            template = "".join([f"{name}{{{label}{tail}" for label in compress(self._labels, shown)])
            kept = self._templates[key] = (shown, form, template.encode())
        text = kept[2] % tuple(numbers(compress(values, shown)))
        self._texts[key] = (values, given, shown, form, text)
        return text


class ProcessText:
    """Keeps text of the last snapshot that the next one uses again."""

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._labels: dict[
            int, tuple[Identity, str]
        ] = {}  # by pid; an ended process and a new one with its pid share the entry
        self._workloads: dict[tuple[str, str, str], _Workload] = {}

    def render(self, snapshot: Snapshot) -> list[bytes]:
        """All process and workload families of a snapshot, in pieces."""
        return [*self._render_processes(snapshot), *self._render_workloads(snapshot)]

    def _render_processes(self, snapshot: Snapshot) -> Iterator[bytes]:
        columns: tuple[list[bytes], ...] = ([], [], [], [])
        self._lay_out(snapshot.processes.identities)
        for number, block in enumerate(self._blocks):
            _fill_block(block, number * BLOCK, snapshot, columns)
        microjoules, emissions, _, cpu = columns
        remainders = [("other", snapshot.other), ("departed", snapshot.departed)]
        if snapshot.processes.new:
            remainders.append(("entering", entering_processes(snapshot.processes)))
        for command, remainder in remainders:
            lines = _remainder_lines(command, remainder, snapshot)
            for column, text in zip((microjoules, emissions, cpu), lines, strict=True):
                if text:
                    column.append(text.encode())
        return _families(_PROCESS, columns)

    def _lay_out(self, identities: Sequence[Identity]) -> None:
        """Blocks for these rows: new ones where the rows are others than last time. Rows stand in the order in
        which they got their series, and the young die first, so that is mostly the last block."""
        blocks: list[_Block] = []
        for start in range(0, len(identities), BLOCK):
            rows = identities[start : start + BLOCK]
            number = len(blocks)
            if number < len(self._blocks) and self._blocks[number].identities == rows:
                blocks.append(self._blocks[number])
            else:
                blocks.append(_Block(rows, [self._label(identity) for identity in rows]))
        self._blocks = blocks
        if len(self._labels) > 2 * len(identities) + BLOCK:
            self._labels = {identity.pid: (identity, self._label(identity)) for identity in identities}

    def _label(self, identity: Identity) -> str:
        known = self._labels.get(identity.pid)
        if known is None or known[0] is not identity:
            known = self._labels[identity.pid] = (identity, _process_labels(identity))
        return known[1]

    def _render_workloads(self, snapshot: Snapshot) -> Iterator[bytes]:
        known, fresh = self._workloads, {}
        columns: list[list[bytes]] = [[], [], []]
        for view in snapshot.workloads:
            key = (view.name, view.kind, view.user)
            workload = fresh[key] = known.get(key) or _Workload(view)
            for column, text in zip(columns, workload.texts(view, snapshot.priced_ever), strict=True):
                if text:
                    column.append(text)
        self._workloads = fresh
        return _families(_WORKLOAD, columns)


class _Workload:
    """One workload: its labels are kept, and its lines while its view is the same one."""

    __slots__ = ("_labels", "_of", "_texts")

    def __init__(self, view: WorkloadView) -> None:
        self._labels = f'workload="{escape(view.name)}",kind="{view.kind}",user="{escape(view.user)}"'
        self._of: tuple[WorkloadView, bool] | None = None
        self._texts: Texts = ()

    def texts(self, view: WorkloadView, priced: bool) -> Texts:
        """Its lines of each workload family."""
        if self._of is None or self._of[0] is not view or self._of[1] != priced:
            microjoules, emissions = _energy_lines(self._labels, view, priced)
            cpu_nanoseconds = 0 if CPU in view.new else view.cpu_nanoseconds
            cpu = f"{_WORKLOAD[2]}{{{self._labels}}} {seconds_text(cpu_nanoseconds)}\n"
            self._of = (view, priced)
            self._texts = (microjoules.encode(), emissions.encode(), cpu.encode())
        return self._texts


def _families(names: Sequence[str], columns: Sequence[list[bytes]]) -> Iterator[bytes]:
    for name, lines in zip(names, columns, strict=True):
        if lines:
            yield header(name).encode()
            yield from lines


def _energy_lines(labels: str, view: WorkloadView, priced: bool) -> tuple[str, str]:
    first, second = "", ""
    for index, component in enumerate(COMPONENTS):
        microjoules, amount = view.microjoules[index], view.emission_units[index]
        if microjoules == 0 and component != "cpu":
            continue
        if index in view.new:
            microjoules = amount = 0
        tail = f'{{{labels},component="{component}"}} '
        first += f"{_WORKLOAD[0]}{tail}{joules_text(microjoules)}\n"
        if priced:
            second += f"{_WORKLOAD[1]}{tail}{grams_text(amount)}\n"
    return first, second


def _split(scale: int) -> Callable[[Iterable[int]], Iterator[int]]:
    """Whole and fractional part of each value, one after the other: exact, where a float would round."""
    return lambda values: chain.from_iterable(map(divmod, values, repeat(scale)))


def _grams(emission_units: Iterable[int]) -> Iterator[int]:
    return chain.from_iterable(map(divmod, units.picograms_of_each(emission_units), repeat(10**12)))


def _watts(interval_ns: int) -> Number:
    return "%.6g", lambda microjoules: units.watts_of_each(microjoules, interval_ns)


# Joules, grams and seconds, each exact.
_PLAIN: tuple[Number, ...] = (("%d.%06d", _split(10**6)), ("%d.%012d", _grams), ("%d.%09d", _split(10**9)))
_COMPACT: tuple[Number, ...] = (("%de-6", iter), ("%de-12", units.picograms_of_each), ("%de-9", iter))


def _fill_block(block: _Block, start: int, snapshot: Snapshot, columns: Sequence[list[bytes]]) -> None:
    """Append the block's lines of each process family."""
    processes, interval_ns = snapshot.processes, snapshot.interval_ns
    joules, grams, seconds = _COMPACT if len(processes) > COMPACT_ABOVE else _PLAIN
    microjoules, emissions, power, cpu = columns
    rows = slice(start, start + len(block.identities))
    of_block = range(start, start + len(block.identities))
    everyone = [True] * len(block.identities)
    for index, component in enumerate(COMPONENTS):
        used = processes.microjoules[index][rows]
        # Without a value no sample; only the CPU's is always there.
        shown = everyone if component == "cpu" else list(map(bool, used))
        if True not in shown:
            continue
        amounts = processes.emission_units[index][rows]
        new = [
            row - start
            for row, components in processes.new.items()
            if row in of_block and index in components
        ]
        if new:
            used, amounts = _without(used, new), _without(amounts, new)
        microjoules.append(block.fill(_PROCESS[0], component, shown, joules, used))
        if snapshot.priced_ever:
            emissions.append(block.fill(_PROCESS[1], component, shown, grams, amounts))
        if interval_ns > 0:
            drawn = processes.power[index][rows]
            over = interval_ns if any(drawn) else None  # no energy is no power over any interval
            power.append(block.fill(_PROCESS[2], component, shown, _watts(interval_ns), drawn, over))
    cpu_nanoseconds = processes.cpu_nanoseconds[rows]
    new = [row - start for row, components in processes.new.items() if row in of_block and CPU in components]
    cpu.append(
        block.fill(
            _PROCESS[3], "", everyone, seconds, _without(cpu_nanoseconds, new) if new else cpu_nanoseconds
        )
    )


def _without(values: Sequence[int], new: Iterable[int]) -> list[int]:
    """``values`` with 0 at the positions ``new``, whose series have not been scraped yet."""
    shown = list(values)
    for position in new:
        shown[position] = 0
    return shown


def entering_processes(processes: ProcessColumns) -> Remainder:
    """The hidden part of series that have not been scraped yet."""
    microjoules, amounts, cpu_nanoseconds = [0] * len(COMPONENTS), [0] * len(COMPONENTS), 0
    for row, components in processes.new.items():
        for index in components:
            microjoules[index] += processes.microjoules[index][row]
            amounts[index] += processes.emission_units[index][row]
        if CPU in components:
            cpu_nanoseconds += processes.cpu_nanoseconds[row]
    return Remainder(tuple(microjoules), tuple(amounts), cpu_nanoseconds)


def _process_labels(identity: Identity) -> str:
    """The labels of a process inside a template: a per cent sign stands twice."""
    labels = (
        f'pid="{identity.pid}",command="{escape(identity.command)}",workload="{escape(identity.workload.name)}"'
        f',user="{escape(identity.workload.user)}"'
    )
    return labels.replace("%", "%%")


def _remainder_lines(command: str, remainder: Remainder, snapshot: Snapshot) -> tuple[str, str, str]:
    labels = f'pid="",command="{command}",workload="",user=""'
    present = {COMPONENTS[index] for index in snapshot.components} - {"other"}
    first, second = [], []
    for component, microjoules, amount in zip(
        COMPONENTS, remainder.microjoules, remainder.emission_units, strict=True
    ):
        if component not in present:
            continue
        tail = f'{{{labels},component="{component}"}}'
        first.append(f"{_PROCESS[0]}{tail} {joules_text(microjoules)}\n")
        if snapshot.priced_ever:
            second.append(f"{_PROCESS[1]}{tail} {grams_text(amount)}\n")
    return (
        "".join(first),
        "".join(second),
        f"{_PROCESS[3]}{{{labels}}} {seconds_text(remainder.cpu_nanoseconds)}\n",
    )
