"""Importing Our World in Data's table: created, updated, left out by line, never half written."""

from __future__ import annotations

from pathlib import Path

import pytest
from gramwatt_exporter.intensity.providers import owid
from gramwatt_exporter.intensity.providers.annual import AnnualProvider
from gramwatt_exporter.intensity.providers.failures import Refused

GRAPHER = """Entity,Code,Year,Carbon intensity of electricity - gCO2/kWh
Africa,,2024,545.1
World,OWID_WRL,2024,480.9
France,FRA,2023,56.0
France,FRA,2024,44.2
France,FRA,2022,85.0
Germany,DEU,2024,344.1
Germany,DEU,2024,999.0
Atlantis,ATL,2024,1.0
Italy,ITA,twenty,288.0
Spain,ESP,2024,abc
Poland,POL,2024,99999
Norway,NOR,2024,0
Sweden,SWE,2024,
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "owid.csv"
    file.write_text("\ufeff" + GRAPHER, encoding="utf-8")
    return file


def rows(target: Path) -> dict[str, str]:
    return {line.split(",")[0]: line for line in target.read_text().splitlines()[1:]}


def test_the_newest_year_of_each_country_is_created(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "state" / "annual.csv"
    report = owid.import_file(source, target)
    assert rows(target) == {
        "DEU": "DEU,Germany,2024,344.1,Our World in Data",
        "FRA": "FRA,France,2024,44.2,Our World in Data",
    }
    assert (sorted(report.created), report.updated, report.unchanged, report.skipped) == (
        ["DEU", "FRA"],
        [],
        0,
        3,
    )
    assert [path.name for path in target.parent.iterdir()] == ["annual.csv"]


def test_every_bad_row_is_told_by_its_line(source: Path, tmp_path: Path) -> None:
    problems = dict(owid.import_file(source, tmp_path / "annual.csv").problems)
    lines = GRAPHER.splitlines()
    assert {lines[line - 1].split(",")[0] for line in problems} == {
        "Germany", "Atlantis", "Italy", "Spain", "Poland", "Norway",
    }  # fmt: skip
    assert "line 7" in problems[8]  # the duplicate names the row that counts
    assert "not a year" in problems[10]


def test_importing_again_changes_nothing_and_a_newer_file_updates(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "annual.csv"
    owid.import_file(source, target)
    before = target.stat().st_ino
    report = owid.import_file(source, target)
    assert (report.created, report.updated, report.unchanged) == ([], [], 2)
    assert target.stat().st_ino == before
    source.write_text(
        "Entity,Code,Year,Carbon intensity of electricity\nFrance,FRA,2025,40\nGermany,DEU,2020,400\n"
    )
    report = owid.import_file(source, target)
    assert (report.created, report.updated, report.unchanged) == ([], ["FRA"], 1)
    assert rows(target)["DEU"].split(",")[2] == "2024"


def test_the_large_table_is_understood_too(tmp_path: Path) -> None:
    source = tmp_path / "owid-energy-data.csv"
    source.write_text("country,year,iso_code,population,carbon_intensity_elec\nFrance,2024,FRA,68,44.2\n")
    owid.import_file(source, tmp_path / "annual.csv")
    assert rows(tmp_path / "annual.csv") == {"FRA": "FRA,France,2024,44.2,Our World in Data"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "no column for code, value, year"),
        ("", "no column"),
        ("Entity,Code,Year,Carbon intensity of electricity\nAtlantis,ATL,2024,1\n", "line 2"),
        ("Entity,Code,Year,Carbon intensity of electricity\n", "no country"),
    ],
)
def test_a_file_that_is_something_else_is_refused_whole(tmp_path: Path, content: str, message: str) -> None:
    source, target = tmp_path / "x.csv", tmp_path / "annual.csv"
    source.write_text(content)
    with pytest.raises(owid.ImportFailed, match=message):
        owid.import_file(source, target)
    assert not target.exists()


def test_a_binary_or_missing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00\x01")
    for name in ("x.csv", "missing.csv"):
        with pytest.raises(owid.ImportFailed, match=name):
            owid.import_file(tmp_path / name, tmp_path / "annual.csv")


def test_a_target_that_cannot_be_written_or_read_is_told(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(owid.ImportFailed, match="cannot write"):
        owid.import_file(source, tmp_path / "file" / "annual.csv")
    damaged = tmp_path / "annual.csv"
    damaged.write_text("code,year\nFRA,x\n")
    with pytest.raises(owid.ImportFailed, match="damaged"):
        owid.import_file(source, damaged)
    assert damaged.read_text() == "code,year\nFRA,x\n"


def test_the_imported_number_wins_and_a_new_import_is_seen_at_once(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "annual.csv"
    provider = AnnualProvider(target)
    before = provider.fetch("latest", "FR", 0.0).values[0]
    owid.import_file(source, target)
    after = provider.fetch("latest", "FR", 0.0).values[0]
    assert before.grams_per_kilowatt_hour != after.grams_per_kilowatt_hour == 44.2
    assert after.estimation == "Our World in Data 2024"
    assert (
        provider.fetch("latest", "ES", 0.0).values[0].provider == "annual"
    )  # still from the installed table


@pytest.mark.parametrize(
    "content", ["code,year\nFRA,x\n", "code,year,grams_per_kilowatt_hour,source\nFRA,2024,1e9,x\n"]
)
def test_a_damaged_table_is_said_not_passed_over(tmp_path: Path, content: str) -> None:
    target = tmp_path / "annual.csv"
    target.write_text(content)
    with pytest.raises(Refused, match=r"annual\.csv") as caught:
        AnnualProvider(target).fetch("latest", "FR", 0.0)
    assert "import" in caught.value.fix
