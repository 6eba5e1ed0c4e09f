"""Take over Our World in Data's carbon intensity of electricity, by country and year, into annual.csv.

Two of their files are understood: the grapher's CSV (Entity, Code, Year, one value column) and owid-energy-data
(country, year, iso_code, carbon_intensity_elec). https://ourworldindata.org/grapher/carbon-intensity-electricity
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field

from gramwatt_exporter import files
from gramwatt_exporter.intensity import checks, zones

COLUMNS = ("code", "name", "year", "grams_per_kilowatt_hour", "source")
SOURCE = "Our World in Data"
_CODE = ("code", "iso_code")
_YEAR = ("year",)
_NAME = ("entity", "country", "name")
_VALUE = ("carbon_intensity_elec", "grams_per_kilowatt_hour")
_VALUE_WORDS = (
    "carbon intensity"  # the grapher's column has a long name that changes a little from year to year
)


class ImportFailed(Exception):
    """Nothing was imported; ``str()`` says why and what is expected."""


class Report(Struct):
    """What an import did. ``problems`` are (line of the file, what is wrong); such rows were left out."""

    created: list[str] = field(default_factory=list)  # three-letter codes
    updated: list[str] = field(default_factory=list)
    unchanged: int = 0
    skipped: int = 0  # regions that are no country, and years without a value
    problems: list[tuple[int, str]] = field(default_factory=list)


class _Row(Struct, frozen=True):
    code: str
    name: str
    year: int
    grams: float
    line: int


def import_file(source: Path, target: Path) -> Report:
    """Newest year of each country of ``source`` into ``target``; a newer year that is there already stays.

    ``target`` is replaced as a whole or not at all. Raises ImportFailed when nothing usable is found.
    """
    report = Report()
    newest: dict[str, _Row] = {}
    for row in _rows(source, report):
        if row.code not in newest or row.year > newest[row.code].year:
            newest[row.code] = row
    if not newest:
        problems = "".join(f"\n  line {line}: {text}" for line, text in report.problems[:10])
        raise ImportFailed(f"{source}: no country with a value was found{problems}")
    table = _existing(target)
    for code, row in newest.items():
        entry = {
            "code": code,
            "name": row.name,
            "year": str(row.year),
            "grams_per_kilowatt_hour": f"{row.grams:g}",
            "source": SOURCE,
        }
        before = table.get(code)
        if before is not None and (int(before["year"]) > row.year or dict(before) == entry):
            report.unchanged += 1
            continue
        (report.updated if before is not None else report.created).append(code)
        table[code] = entry
    if report.created or report.updated:
        _write(target, [table[code] for code in sorted(table)])
    return report


def _rows(source: Path, report: Report) -> Iterator[_Row]:
    try:
        with source.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            columns = _columns(reader.fieldnames or (), source)
            seen: dict[tuple[str, int], int] = {}
            for fields in reader:
                line = reader.line_num
                try:
                    row = _row(fields, columns, line)
                except ValueError as error:
                    report.problems.append((line, str(error)))
                    continue
                if row is None:
                    report.skipped += 1
                    continue
                earlier = seen.setdefault((row.code, row.year), line)
                if earlier != line:
                    report.problems.append((line, f"{row.code} {row.year} is in line {earlier} already"))
                    continue
                yield row
    except OSError as error:
        raise ImportFailed(f"cannot read {source}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ImportFailed(f"{source} is not a CSV file: {error}") from None


def _columns(names: Sequence[str], source: Path) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name in names:
        word = name.strip().lower()
        for what, known in (("code", _CODE), ("year", _YEAR), ("name", _NAME), ("value", _VALUE)):
            if word in known or (what == "value" and word.startswith(_VALUE_WORDS)):
                found.setdefault(what, name)
    missing = {"code", "year", "value"} - found.keys()
    if missing:
        raise ImportFailed(
            f"{source}: no column for {', '.join(sorted(missing))} among {', '.join(names) or 'none'};"
            " expected Code, Year and 'Carbon intensity of electricity - gCO2/kWh',"
            " or iso_code, year and carbon_intensity_elec"
        )
    return found


def _row(fields: Mapping[str, str | None], columns: Mapping[str, str], line: int) -> _Row | None:
    """None for a region that is no country and for a year without a value. ValueError: what is wrong."""
    code = (fields.get(columns["code"]) or "").strip().upper()
    text = (fields.get(columns["value"]) or "").strip()
    if not code or code.startswith("OWID") or not text:
        return None
    if code not in zones.alpha2():
        raise ValueError(f"{code[:20]!r} is not a three-letter country code")
    year_text = (fields.get(columns["year"]) or "").strip()
    if not (year_text.isascii() and year_text.isdigit() and 1900 <= int(year_text[:5]) <= 2200):
        raise ValueError(f"{year_text[:20]!r} is not a year")
    try:
        grams = float(text)
    except ValueError:
        raise ValueError(f"{text[:20]!r} is not a number") from None
    if not checks.plausible(grams):
        raise ValueError(
            f"{text[:20]} g/kWh is not between {checks.LOWEST_LIFECYCLE:g} and {checks.HIGHEST:g}"
        )
    name = (fields.get(columns.get("name", "")) or code).strip()
    return _Row(code, name, int(year_text), grams, line)


def _existing(target: Path) -> dict[str, Mapping[str, str]]:
    if not target.exists():
        return {}
    try:
        with target.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(handle))
        for row in rows:
            int(row["year"]), float(row["grams_per_kilowatt_hour"])
        return {row["code"]: {column: row[column] or "" for column in COLUMNS} for row in rows}
    except (OSError, UnicodeDecodeError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise ImportFailed(f"{target} is damaged ({error}); move it away and import again") from None


def _write(target: Path, rows: Sequence[Mapping[str, str]]) -> None:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # The exporter may run as another user than the one who imports.
        files.replace(target, out.getvalue().encode(), mode=0o644)
    except OSError as error:
        raise ImportFailed(f"cannot write {target}: {error.strerror}") from None
