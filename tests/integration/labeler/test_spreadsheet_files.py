"""Tables as spreadsheets of several countries save them, over REST and the command line: read, or asked back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from api_site import Site
from gramwatt_labeler.__main__ import main
from xlsx import workbook

KWH = 3.6e6
CODECARBON = "timestamp{0}project_name{0}run_id{0}duration{0}emissions{0}energy_consumed\n"
ENDED = datetime(2026, 11, 20, 14, 5, tzinfo=UTC).timestamp()


def imported(site: Site, name: str, content: str | bytes, **fields: str) -> list[dict[str, Any]]:
    """A line of the report for each run, with what was kept of it."""
    data = content.encode() if isinstance(content, str) else content
    answer = site.client.post(
        "/api/v1/evaluations/import", files={"files": (name, data)},
        data={"phase": "training", "model": "m"} | fields, headers=site.headers(),
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    return [
        line | (site.get(f"evaluations/{line['id']}").json() if line["id"] else {})
        for line in answer.json()["lines"]
    ]


@pytest.mark.parametrize(
    ("separator", "row"),
    [
        (";", "20.11.2026 14:05;train;r1;3600,5;0,12;0,3125\n"),
        (",", "11/20/2026 2:05 PM,train,r1,3600.5,0.12,0.3125\n"),
        (",", "20/11/2026 14:05,train,r1,1:00:00.5,0.12,0.3125\n"),
        ("\t", "2026/11/20 14:05:00\ttrain\tr1\t3600,5\t0,12\t0,3125\n"),
    ],
)
def test_codecarbons_file_that_a_spreadsheet_saved_again(site: Site, separator: str, row: str) -> None:
    content = ("\ufeff" + CODECARBON.format(separator) + row).replace("\n", "\r\n")
    (line,) = imported(site, "emissions (Kopie) für Müller.csv", content)
    assert (line["outcome"], line["energy_joules"]) == ("added", 0.3125 * KWH), line["message"]
    assert (line["emissions_grams"], line["end"], line["end"] - line["start"]) == (120.0, ENDED, 3600.5)


def test_a_column_settles_its_groups_and_its_days(site: Site) -> None:
    rows = "model,energy (kWh),samples,ended\n"
    one, two = imported(
        site, "en.csv",
        rows + 'a,1.25,"60,000",11/3/2026 2:05 PM\nb,2.5,"1,200,000",11/13/2026 2:30 AM\n',
    )  # fmt: skip
    assert (one["values"], two["values"]) == ({"samples": 60_000.0}, {"samples": 1_200_000.0})
    assert one["end"] == datetime(2026, 11, 3, 14, 5, tzinfo=UTC).timestamp()
    assert two["end"] == datetime(2026, 11, 13, 2, 30, tzinfo=UTC).timestamp()
    one, two = imported(
        site, "de.csv", "model;energy (kWh);samples\na;1,25;60.000\nb;2,5;1.200.000\n", task="other"
    )
    assert (one["values"], two["values"]) == ({"samples": 60_000.0}, {"samples": 1_200_000.0})


def test_columns_that_no_form_asks_for_have_a_decimal_comma_too(site: Site) -> None:
    content = "model;energy_joules;duration_seconds;floor_joules;missed_seconds\na;100,5;10;0,5;2,5\n"
    (line,) = imported(site, "de.csv", content)
    assert (line["outcome"], line["coverage_ratio"]) == ("added", 0.75), line["message"]


def test_what_a_column_leaves_open_is_asked_back_all_at_once(site: Site) -> None:
    content = "model;energy (kWh);samples;duration;ended\na;1,25;60.000;2:30;3/11/2026\n"
    (line,) = imported(site, "de.csv", content)
    assert line["outcome"] == "not added"
    for words in (
        "column 'samples': “60.000” can mean 60000 or 60",
        "column 'duration': “2:30” can mean 2 h 30 min or 2 min 30 s",
        "column 'ended': “3/11/2026” can mean 2026-03-11 or 2026-11-03",
    ):
        assert words in line["message"]


def test_cells_of_a_workbook_are_what_they_are(site: Site) -> None:
    cells = '<c r="A2" t="inlineStr"><is><t>a</t></is></c><c r="B2"><v>1.125</v></c>'
    more = {
        "xl/styles.xml": (
            b'<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts count="1">'
            b'<numFmt numFmtId="170" formatCode="[h]:mm:ss"/></numFmts><cellXfs count="3"><xf numFmtId="0"/>'
            b'<xf numFmtId="170"/><xf numFmtId="22"/></cellXfs></styleSheet>'
        ),
        "xl/worksheets/sheet1.xml": (
            '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1">'
            + "".join(
                f'<c r="{column}1" t="inlineStr"><is><t>{name}</t></is></c>'
                for column, name in zip("ABCD", ("model", "parameters", "duration (h)", "ended"), strict=True)
            )
            + f'</row><row r="2">{cells}<c r="C2" s="1"><v>1.5</v></c><c r="D2" s="2"><v>46346.5868055556</v></c>'
            "</row></sheetData></worksheet>"
        ).encode(),
    }
    (line,) = imported(site, "a.xlsx", workbook([], more))
    assert line["outcome"] == "added", line["message"]
    assert (
        line["end"] - line["start"] == 36 * 3600
    )  # [h]:mm:ss shows 36:00:00, whatever unit the column names
    assert line["end"] == pytest.approx(ENDED, abs=1)


@pytest.mark.parametrize("name", ["accuracy (%)", "accuracy"])
def test_a_cell_shown_in_percent_is_what_it_shows(site: Site, name: str) -> None:
    """A workbook has 0.35 of 35 %."""
    main_ = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    more = {
        "xl/styles.xml": (
            f'<styleSheet xmlns="{main_}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="10"/></cellXfs>'
            "</styleSheet>"
        ).encode(),
        "xl/worksheets/sheet1.xml": (
            f'<worksheet xmlns="{main_}"><sheetData><row r="1">'
            + "".join(
                f'<c r="{column}1" t="inlineStr"><is><t>{text}</t></is></c>'
                for column, text in zip("ABC", ("model", "energy (kWh)", name), strict=True)
            )
            + '</row><row r="2"><c r="A2" t="inlineStr"><is><t>a</t></is></c><c r="B2"><v>1</v></c>'
            '<c r="C2" s="1"><v>0.35</v></c></row></sheetData></worksheet>'
        ).encode(),
    }
    (line,) = imported(site, "a.xlsx", workbook([], more))
    assert line["outcome"] == "added", line["message"]
    assert line["values"]["accuracy"] == 0.35


def test_the_command_reads_codecarbons_times_as_the_pages_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "emissions.csv"
    file.write_text(CODECARBON.format(",") + "11/3/2026 2:05 PM,p,r1,10,0.12,0.3125\n")
    words = ["import", str(file), "--phase", "training", "--data.dir", str(tmp_path / "data")]
    assert main(words) == 1
    assert "can mean 2026-11-03 or 2026-03-11; write one of these" in capsys.readouterr().err
    with file.open("a") as more:
        more.write("11/13/2026 2:05 PM,p,r2,10,0.12,0.3125\n")
    assert main(words) == 0


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_the_command_reads_the_table_of_another_country(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], encoding: str
) -> None:
    file = tmp_path / "emissions (Kopie) für Müller.csv"
    file.write_text(CODECARBON.format(";") + "20.11.2026 14:05;p;r1;3600,5;0,12;0,3125\n", encoding)
    words = ["import", str(file), "--phase", "training", "--data.dir", str(tmp_path / "data"), "--json"]
    assert main(words) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert (one["id"], one["outcome"]) == ("r1", "added")
    assert main(["import", str(tmp_path / "none.csv"), *words[2:]]) == 1
    assert "--tool" not in capsys.readouterr().err  # a file that is not there is of no tool
