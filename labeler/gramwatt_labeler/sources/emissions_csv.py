"""CodeCarbon's ``emissions.csv`` and ``emissions_<experiment>_<run>.csv`` (tasks), from version 1.1 on.

What CodeCarbon writes, read in the sources of 1.2, 2.0, 2.3 and 3.3 and in files they wrote:

- ``flush()`` appends a row with the totals of the run so far, under the same ``run_id``: the rows of a run are readings
  of one counter, the last one is the result and their sum is nothing. (``on_csv_write="update"`` replaces the row.)
- ``start()`` after ``stop()`` goes on with the energy of the run, but since 3.0 counts its duration anew.
- 1.x has no ``run_id`` and no ``flush()``: every row is a run.
- A task file has a row per task with what that task alone used; it is written anew each time. Columns without any value
  are left out of it.
- Times are local, without a zone. Energy is kWh and includes the PUE where one was set; emissions are kg.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from itertools import pairwise
from pathlib import Path

from ..errors import InputError
from ..grading.hardware import split_count
from ..model import Hardware, Imported, Measurement, Window
from ..moments import OddMoment, moment, settled
from ..outcomes import failure_text
from ..units import JOULES_PER_KILOWATT_HOUR, grams_of_kilograms
from .table import Row, Table, read_table

REQUIRED = ("timestamp", "duration", "energy_consumed", "emissions")
_OPTIONAL = (
    "project_name", "run_id", "experiment_id", "task_name", "cpu_energy", "gpu_energy", "ram_energy",
    "country_name", "country_iso_code", "region", "cloud_provider", "cloud_region", "codecarbon_version",
    "tracking_mode", "pue", "cpu_model", "gpu_model", "gpu_count",
)  # fmt: skip
FACTS = ("phase", "model", "task", "dataset", "user", "software")
"""What CodeCarbon's files do not have and a window needs: from columns of these names, or from options."""
VALUES = ("samples", "dataset_samples", "epochs", "tokens", "output_tokens", "requests", "accuracy")
"""Columns of these names are values of the window; others need to be named."""
PHASES = ("training", "inference")
OUTCOMES = ("outcome", "exit_code", "status")
"""Columns of these names say how a run ended. CodeCarbon writes none of them."""

_MEASURED = ("energy_consumed", "duration")  # empty where nothing was measured
_COMPONENTS = (("cpu", "cpu_energy"), ("gpu", "gpu_energy"), ("dram", "ram_energy"))
_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Options:
    """What the file does not say, or calls by other names.

    ``columns`` maps a field (of CodeCarbon, of FACTS, or any other word: a value) to the column that has it. ``facts``
    and ``values`` hold for every row whose own cell is empty or missing. ``zone`` is where the times are from.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    zone: tzinfo | None = None  # None: of this machine
    runs: Sequence[str] = ()  # only these run_id; empty: all


@dataclass(frozen=True, slots=True)
class Result:
    """One run or task of a file."""

    window: Window
    measurement: Measurement


@dataclass(frozen=True, slots=True)
class _Reading:
    """One row, checked. Joules, grams, seconds, Unix seconds."""

    row: Row
    at: float
    seconds: float
    joules: float
    grams: float | None


def read_emissions(
    path: Path, options: Options | None = None, left_out: Callable[[str], None] = lambda _: None
) -> list[Result]:
    """The runs (or tasks) of a file, in the order of their first rows.

    A row without energy or duration was not measured (the tracker, or the exporter behind ``--emissions-csv``, was
    away): it is named to ``left_out`` and costs the others nothing.

    Raises:
        InputError: naming file, line, column and fix. Nothing of such a file is usable.
    """
    return _File(read_table(path), options or Options()).results(left_out)


class _File:
    """A table with the names of its columns settled."""

    def __init__(self, table: Table, options: Options) -> None:
        self._table = table
        self._options = options
        self._columns = self._settle()
        self._times = settled(self._cell(row, "timestamp") for row in table.rows)

    def results(self, left_out: Callable[[str], None]) -> list[Result]:
        groups: dict[tuple[str, str], list[_Reading]] = {}
        seen = set()
        for row in self._table.rows:
            run = self._cell(row, "run_id")
            if self._options.runs and run not in self._options.runs:
                continue
            seen.add(run)
            unknown = next((name for name in _MEASURED if not self._cell(row, name)), "")
            if unknown:
                column = self._columns[unknown]
                left_out(
                    f"{self._table.path}: line {row.line}: column {column!r} is empty: it was not measured"
                )
                continue
            key = (run or _hash(row), self._cell(row, "task_name"))
            groups.setdefault(key, []).append(self._reading(row))
        missing = set(self._options.runs) - seen
        if missing:
            raise InputError(f"{self._table.path}: no row with run_id {sorted(missing)[0]!r} (--run)")
        return [self._result(run, task, readings) for (run, task), readings in groups.items()]

    def _settle(self) -> dict[str, str]:
        """Field -> column of this file."""
        path, present = self._table.path, self._table.columns
        settled = {
            name: name for name in (*REQUIRED, *_OPTIONAL, *FACTS, *VALUES, *OUTCOMES) if name in present
        }
        for name, column in self._options.columns.items():
            if column not in present:
                raise InputError(
                    f"{path}: line 1: no column {column!r} (--column {name}={column}); there are: {_list(present)}"
                )
            settled[name] = column
        for name in REQUIRED:
            if name not in settled:
                raise InputError(
                    f"{path}: line 1: no column {name!r}, which CodeCarbon writes; if it has another name here, say "
                    f"--column {name}=NAME; there are: {_list(present)}"
                )
        return settled

    def _cell(self, row: Row, name: str) -> str:
        """The text of a field; "" where the file has no such column or nothing in it."""
        column = self._columns.get(name)
        return row.cells[column] if column is not None else ""

    def _bad(self, row: Row, name: str, problem: str) -> InputError:
        return InputError(
            f"{self._table.path}: line {row.line}: column {self._columns.get(name, name)!r}: {problem}"
        )

    def _number(self, row: Row, name: str, *, signed: bool = False) -> float | None:
        text = self._cell(row, name)
        if not text:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or (number < 0 and not signed):
            kind = "a number" if signed else "a number that is not negative"
            raise self._bad(row, name, f"{text!r} is not {kind}; correct or remove the line")
        return number

    def _needed(self, row: Row, name: str) -> float:
        number = self._number(row, name)
        if number is None:
            raise self._bad(row, name, "the cell is empty; fill it in or remove the line")
        return number

    def _time(self, row: Row) -> float:
        text = self._cell(row, "timestamp")
        try:
            return moment(self._times.get(text, text), self._options.zone)
        except OddMoment as odd:
            raise self._bad(row, "timestamp", f"{odd}; correct or remove the line") from None

    def _reading(self, row: Row) -> _Reading:
        kilograms = self._number(row, "emissions")
        joules = self._needed(row, "energy_consumed") * JOULES_PER_KILOWATT_HOUR
        grams = None if kilograms is None else grams_of_kilograms(kilograms)
        for name, value in (("energy_consumed", joules), ("emissions", grams or 0.0)):
            if not math.isfinite(value):
                raise self._bad(row, name, f"{self._cell(row, name)!r} is beyond every measurement")
        return _Reading(
            row=row,
            at=self._time(row),
            seconds=self._needed(row, "duration"),
            joules=joules,
            grams=grams,
        )

    def _result(self, run: str, task: str, unordered: Sequence[_Reading]) -> Result:
        readings = self._cumulative(run, unordered)
        last = readings[-1]
        seconds = _total_seconds(readings)
        identity = run if _SAFE_ID.fullmatch(run) else "csv-" + _sha256(run)[:32]
        name = self._cell(last.row, "project_name") or self._table.path.stem
        window = Window(
            id=f"{identity}-{_sha256(task)[:12]}" if task else identity,
            name=task or name,
            start=last.at - seconds,
            end=last.at,
            parent=identity if task else "",
            values=self._values(last.row),
            failure=self._failure(last.row),
            hardware=self._hardware(last),
            boundary="",  # as the file says: see Imported.mode
            **self._facts(last.row),
        )
        imported = self._provenance(last.row)
        measurement = Measurement(
            energy_joules=last.joules,
            components=self._components(last),
            samples=None,
            coverage_ratio=None,
            emissions_grams=last.grams,
            sources=("codecarbon" if imported.tool else "emissions.csv",),
            zone=imported.country_code,
            notes=self._notes(last.row, imported),
            imported=imported,
        )
        return Result(window, measurement)

    def _cumulative(self, run: str, readings: Sequence[_Reading]) -> Sequence[_Reading]:
        """The readings in the order in which their energy never falls: that of the file, else that of time."""
        for ordered in (readings, sorted(readings, key=lambda one: one.at)):
            if all(one.joules <= two.joules for one, two in pairwise(ordered)):
                return ordered
        one, two = next((one, two) for one, two in pairwise(readings) if one.joules > two.joules)
        raise self._bad(
            two.row,
            "energy_consumed",
            f"less than in line {one.row.line} of the same run_id {run!r}, but the rows of a run are totals since its "
            "start; give rows of different runs different run_id, or remove those that are not totals",
        )

    def _components(self, reading: _Reading) -> dict[str, float]:
        """Joules by component. 0 is how CodeCarbon writes that there is none, or that it was not measured."""
        found = {}
        for component, column in _COMPONENTS:
            number = self._number(reading.row, column)
            if number:
                found[component] = number * JOULES_PER_KILOWATT_HOUR
        return found

    def _hardware(self, reading: _Reading) -> Hardware:
        """The models CodeCarbon found: ``gpu_model`` is "8 x NVIDIA A100", of several kinds joined."""
        gpus = []
        for text in self._cell(reading.row, "gpu_model").split(" | "):
            count, model = split_count(text)
            if model:
                gpus.append((model, count))
        cpu = self._cell(reading.row, "cpu_model")
        return Hardware(tuple(gpus), ((cpu, 1),) if cpu else ())

    def _facts(self, row: Row) -> dict[str, str]:
        facts = {name: self._cell(row, name) or self._options.facts.get(name, "") for name in FACTS}
        if facts["phase"] not in ("", *PHASES):
            raise self._bad(row, "phase", f"{facts['phase']!r} is not {' or '.join(PHASES)}")
        return facts

    def _values(self, row: Row) -> dict[str, float]:
        known = {*REQUIRED, *_OPTIONAL, *FACTS, *OUTCOMES}
        found = dict(self._options.values)
        for name in self._columns.keys() - known:
            number = self._number(row, name, signed=True)
            if number is not None:
                found[name] = number
        return dict(sorted(found.items()))

    def _failure(self, row: Row) -> str:
        """How the run failed; "" where it did not, or where the file does not say."""
        told = ((name, self._cell(row, name)) for name in OUTCOMES)
        return next((words for name, text in told if (words := failure_text(name, text))), "")

    def _provenance(self, row: Row) -> Imported:
        version = self._cell(row, "codecarbon_version")
        # A column that is there and empty: another program wrote the file, such as `gramwatt run --emissions-csv`.
        codecarbon = bool(version) or "codecarbon_version" not in self._columns
        return Imported(
            tool="CodeCarbon" if codecarbon else "",
            version=version,
            mode=self._cell(row, "tracking_mode"),
            country=self._cell(row, "country_name"),
            country_code=self._cell(row, "country_iso_code"),
            region=self._cell(row, "region"),
            cloud=" ".join(
                filter(None, (self._cell(row, "cloud_provider"), self._cell(row, "cloud_region")))
            ),
            run=self._cell(row, "run_id"),
            outcome=next(filter(None, (self._cell(row, name) for name in OUTCOMES)), ""),
            file=self._table.path.name,
            line=row.line,
        )

    def _notes(self, row: Row, imported: Imported) -> tuple[str, ...]:
        notes = []
        if imported.mode == "machine":
            notes.append("machine mode: the energy is that of the whole machine, not of the run alone")
        pue = self._number(row, "pue")
        if pue is not None and pue < 1:
            raise self._bad(
                row,
                "pue",
                f"{pue:g} is below 1: energy that was multiplied by it is less than what was used; give the energy "
                "without it and 1 as the pue",
            )
        if pue is not None and pue != 1:
            notes.append(f"the energy includes a PUE of {pue:g}")
        return tuple(notes)


def _total_seconds(readings: Sequence[_Reading]) -> float:
    """A duration that falls began anew; what was counted until then is added."""
    total = readings[-1].seconds
    return total + sum(one.seconds for one, two in pairwise(readings) if two.seconds < one.seconds)


def _hash(row: Row) -> str:
    """The identity of a row without run_id: its content. The same row again is the same run."""
    return "\n".join(f"{column}={cell}" for column, cell in sorted(row.cells.items()))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _list(columns: Sequence[str]) -> str:
    shown = ", ".join(columns[:40])
    return shown if len(columns) <= 40 else shown + ", ..."
