"""Make gramwatt_exporter/tables/ anew from the installed packages codecarbon and pycountry.

    python exporter/tools/tables.py [--check]

Only the columns that are read are kept. ``--check`` writes nothing, and ends with status 1 where a table differs.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import io
import json
import sys
from pathlib import Path
from typing import Any

from gramwatt_exporter.tables import FOLDER

_MIX = ("carbon_intensity", "year", "total_TWh", "renewables_TWh", "fossil_TWh")
_PART = ("emission_factor", "year")
_STATE = ("emissions", "regionCode")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = []
    for name, text in tables().items():
        file = FOLDER / name
        if file.exists() and file.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    print(("differ: " if check else "written: ") + (", ".join(stale) or "none"))
    return 1 if check and stale else 0


def tables() -> dict[str, str]:
    """File name -> text."""
    data = _package("codecarbon") / "data"
    infra = data / "private_infra"
    mix = {code: _only(entry, _MIX) for code, entry in _read(infra / "global_energy_mix.json").items()}
    nordic = {
        zone: _only(entry, _PART)
        for zone, entry in _read(infra / "nordic_emissions.json")["data"].items()
        if zone[:2] in ("SE", "NO")
    }
    states = {
        name: _only(entry, _STATE) if name != "_source" else {"year": entry["year"]}
        for name, entry in _read(infra / "2023" / "usa_emissions.json").items()
        if name != "_unit"
    }
    provinces = {
        zone: _only(entry, _PART)
        for zone, entry in _read(infra / "2023" / "china_provincial_emissions.json")["data"].items()
    }
    codes = _read(_package("pycountry") / "databases" / "iso3166-1.json")["3166-1"]
    return {
        "private_infra/global_energy_mix.json": _json(mix),
        "private_infra/nordic_emissions.json": _json({"data": nordic}, depth=2),
        "private_infra/2023/usa_emissions.json": _json(states),
        "private_infra/2023/china_provincial_emissions.json": _json({"data": provinces}, depth=2),
        "private_infra/2023/canada_energy_mix.json": _json(_read(infra / "2023" / "canada_energy_mix.json")),
        "countries.json": _json({row["alpha_2"]: row["alpha_3"] for row in codes}),
        "hardware/cpu_power.csv": _cpus(data / "hardware" / "cpu_power.csv"),
    }


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        sys.exit(f"package {name} is not installed; pip install {name}")
    return Path(spec.submodule_search_locations[0])


def _read(file: Path) -> dict[str, Any]:
    table: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return table


def _only(entry: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: entry[name] for name in names if name in entry}


def _json(table: dict[str, Any], depth: int = 1) -> str:
    """One entry a line, so that a change of one is a change of one line."""
    if depth == 2:
        (name, inner), *_ = table.items()
        return f'{{"{name}": {_json(inner).rstrip()}}}\n'
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in sorted(table.items())]
    return "{" + ",\n ".join(lines) + "}\n"


def _cpus(file: Path) -> str:
    """Name and watts; rows without a number of watts are left out."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in csv.reader(file.read_text(encoding="utf-8", errors="replace").splitlines()):
        if len(row) == 2 and row[1].replace(".", "", 1).isdigit():
            writer.writerow(row)
    return text.getvalue()


if __name__ == "__main__":
    sys.exit(main())
