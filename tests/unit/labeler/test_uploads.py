"""Files that people bring: every kind, the limits, the mapping, the merge and the report by line."""

from __future__ import annotations

import json

import pytest
from gramwatt_labeler.errors import InputError
from gramwatt_labeler.forms.mistakes import Mistake
from gramwatt_labeler.uploads.mapping import EXTRA, FIELDS, ColumnMapping, Record, apply, propose
from gramwatt_labeler.uploads.merging import merge
from gramwatt_labeler.uploads.reading import read_upload
from gramwatt_labeler.uploads.rows import Row, read_rows
from gramwatt_labeler.uploads.sheet import Line, Sheet
from gramwatt_labeler.uploads.tools import Target, recognise, tools
from hypothesis import example, given, settings
from hypothesis import strategies as st
from xlsx import workbook

DEFAULTS = {"phase": "inference", "task": "text-generation"}


def rows_of(name: str, content: bytes, **defaults: str) -> list[Row]:
    """A file with the mapping that is proposed for it."""
    return read_rows(records_of(name, content, **defaults))


def records_of(name: str, content: bytes, **defaults: str) -> list[Record]:
    sheet = read_upload(name, content)
    tool = recognise(sheet.columns)
    mapping = ColumnMapping(propose(sheet, tool), tool.group, tool.reduce, tool.fixed)
    return apply(sheet, mapping, DEFAULTS | defaults)


CODECARBON = b"""timestamp,project_name,run_id,duration,emissions,energy_consumed,tracking_mode,codecarbon_version
2026-01-01T00:00:00,resnet,r1,10,0.001,0.01,machine,3.3.2
2026-01-01T00:10:00,resnet,r1,20,0.002,0.02,machine,3.3.2
2026-01-01T00:20:00,bert,r2,5,,0.005,process,3.3.2
"""


def test_codecarbons_rows_of_one_run_are_totals_and_the_last_one_counts() -> None:
    one, two = rows_of("emissions.csv", CODECARBON, phase="training")
    assert one.entry
    assert two.entry
    assert one.entry.values == {"duration": 20.0, "emissions": 2.0, "energy": 0.02 * 3.6e6}
    assert (one.entry.run, one.entry.boundary, one.line) == ("r1", "machine", 3)
    assert "emissions" not in two.entry.values  # an empty cell is not known


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b'model,energy (kWh),requests\nm,"1,5",100\n'),
        ("a.csv", b"model;energy (kWh);requests\r\nm;1,5;100\r\n"),
        ("a.tsv", b"\xef\xbb\xbfModel\tEnergy_kWh\tRequests\nm\t1.5\t100\n"),
        ("a.csv", "model,energy (kWh),requests\nm,1.5,100\n".encode("utf-16")),
        ("a.json", b'{"model": "m", "energy": 5400000, "requests": 100}'),
        ("a.json", b'[{"model": "m", "energy_kwh": 1.5, "requests": 100}]'),
        ("a.json", b'{"runs": [{"model": "m", "energy_kwh": 1.5, "requests": 100}]}'),
        ("a.jsonl", b'{"model": "m", "energy_joules": 5.4e6, "requests": 100}\n\n'),
        ("a.xlsx", workbook([["model", "energy (kWh)", "requests"], ["m", 1.5, 100]])),
        ("a.xlsx", workbook([[None], ["model", "energy (kWh)", "requests"], ["m", "1,5", 100.0]])),
    ],
)
def test_every_kind_of_file_says_the_same(name: str, content: bytes) -> None:
    (row,) = rows_of(name, content)
    assert row.wrong == ""
    assert row.entry
    assert (row.entry.model, dict(row.entry.values)) == ("m", {"energy": 5.4e6, "requests": 100.0})


def test_every_tool_is_recognised_by_its_header_and_maps_to_fields() -> None:
    for tool in tools():
        if tool.recognise:
            assert recognise([*tool.columns, *tool.recognise, "more"]) is tool
        for target in tool.columns.values():
            assert target.field in {*FIELDS, EXTRA}
    assert recognise(["a"]).name == "table"


def test_the_report_names_each_wrong_line_and_keeps_the_others() -> None:
    content = b'model,energy (kWh),accuracy\nm,1,0.9\nm,-1,0.9\n,1,\nm,"1,500",92\n'
    good, negative, nameless, both = rows_of("a.csv", content)
    assert good.entry
    assert (negative.line, negative.wrong) == (3, "column 'energy (kWh)': must not be negative")
    assert "is needed" in nameless.wrong
    assert "1500 or 1.5" in both.wrong
    assert "0.92" in both.wrong


@pytest.mark.parametrize("comma", ["0,25", "1 234,5", ",5"])
def test_a_point_beside_decimal_commas_is_asked_back_in_every_column_of_numbers(comma: str) -> None:
    content = f"model;energy (kWh);loss\nm;1.500;1.500\nm;{comma};{comma}\n".encode()
    sheet = read_upload("a.csv", content)
    mapping = ColumnMapping(propose(sheet, recognise(sheet.columns)) | {"loss": Target("extra")})
    asked, good = read_rows(apply(sheet, mapping, DEFAULTS))
    assert "column 'energy (kWh)': “1.500” can mean 1500 or 1,5" in asked.wrong
    assert "extra: loss: “1.500” can mean 1500 or 1,5" in asked.wrong
    assert good.entry, good.wrong


def test_a_slip_in_a_column_of_whole_numbers_settles_none_of_them() -> None:
    content = b"model;energy (J);samples\nm;5;60,000\nm;6;1,5\nm;7;1,200 k\n"
    for row, words in zip(
        rows_of("a.csv", content), ("60000 or 60", "whole number", "1200 or 1.2"), strict=True
    ):
        assert row.entry is None
        assert words in row.wrong
    one, two = rows_of("a.csv", b"model;energy (J);samples\nm;5;60,000\nm;6;2,5 M\n")
    assert one.entry
    assert two.entry
    assert (one.entry.values["samples"], two.entry.values["samples"]) == (60.0, 2_500_000.0)


def test_a_table_is_of_one_country_whatever_the_column() -> None:
    """Points group the digits of the samples: those of the energy may, too. A column's own decimals come first."""
    content = b"model;energy (J);samples;emissions (g)\nm;4.601;10.292.475;1.125\nm;17;28;0.5\n"
    asked, good = rows_of("a.csv", content)
    assert (
        "'energy (J)': \u201c4.601\u201d can mean 4601 or 4,601, as other lines have points between"
        in asked.wrong
    )
    assert "emissions" not in asked.wrong
    assert good.entry, good.wrong


@pytest.mark.parametrize(("reduce", "seconds"), [("sum", 9030.5), ("mean", 4515.25)])
def test_lengths_of_a_workbook_in_a_further_metric_are_added_up(reduce: str, seconds: float) -> None:
    lines = [
        Line(at, {"run": "r", "energy (J)": "1", "wait": f"{wait!r} s"})
        for at, wait in ((2, 9000.0), (3, 30.5))
    ]
    sheet = Sheet("a.xlsx", ["run", "energy (J)", "wait"], lines)
    targets = propose(sheet, recognise(sheet.columns)) | {"wait": Target(EXTRA)}
    (row,) = read_rows(apply(sheet, ColumnMapping(targets, ["run"], reduce), DEFAULTS | {"model": "m"}))
    assert row.entry, row.wrong
    assert row.entry.extra == {"wait": seconds}


@pytest.mark.parametrize(("reduce", "floor"), [("sum", 6.0), ("mean", 3.0)])
def test_what_was_not_seen_in_one_row_of_a_run_is_not_forgotten(reduce: str, floor: float) -> None:
    content = b"model,run,energy (J),duration (s),missed,floor\nm,r,50,100,60,5\nm,r,50,100,0,1\n"
    sheet = read_upload("a.csv", content)
    (row,) = read_rows(
        apply(sheet, ColumnMapping(propose(sheet, recognise(sheet.columns)), ["run"], reduce), DEFAULTS)
    )
    assert row.entry, row.wrong
    assert (row.entry.missed_ratio, row.entry.floor_joules) == (0.3, floor)


def test_files_about_one_run_are_merged() -> None:
    energy = records_of("emissions.csv", CODECARBON, phase="training")[:1]
    sheet = read_upload("scores.json", b'{"accuracy": 0.91, "samples": 60000, "loss": 0.3}')
    scores = apply(
        sheet, ColumnMapping(propose(sheet, recognise(sheet.columns)) | {"loss": Target("extra")}), DEFAULTS
    )
    (row,) = read_rows(merge([energy, scores]))
    assert row.entry
    assert row.entry.phase == "training"
    assert row.entry.values["accuracy"] == 0.91
    assert row.entry.values["energy"] == 72_000.0
    assert row.entry.extra == {"loss": 0.3}


def test_files_with_several_runs_are_merged_by_model() -> None:
    one = records_of("a.csv", b"model,energy (kWh)\nx,1\ny,2\n")
    two = records_of("b.csv", b"model,accuracy\ny,0.8\nx,0.9\n")
    rows = read_rows(merge([one, two]))
    assert [(row.entry.model, row.entry.values["accuracy"]) for row in rows if row.entry] == [
        ("x", 0.9),
        ("y", 0.8),
    ]


def test_files_that_disagree_are_told_apart() -> None:
    one = records_of("a.csv", b"model,energy (kWh)\nx,1\n")
    two = records_of("b.csv", b"model,energy (kWh)\nx,2\n")
    (mistake,) = merge([one, two])
    assert isinstance(mistake, Mistake)
    assert "a.csv (line 2)" in str(mistake)
    assert "b.csv (line 2)" in str(mistake)


def test_a_formula_is_not_evaluated_and_its_saved_value_is_read() -> None:
    (row,) = rows_of("a.xlsx", workbook([["model", "energy (J)"], ["m", "=HYPERLINK(1)"]]))
    assert row.entry
    assert row.entry.values["energy"] == 7.0


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"a,b\n", "no row"),
        ("a.csv", b"a,a\n1,2\n", "is there twice"),
        ("a.csv", b"a,b\n1,2,3\n", "line 2 has 3 fields"),
        ("a.csv", b'a,b\n"1,2\n', "quotation mark"),
        ("a.csv", b"a,b\n\xff,1\n", "not UTF-8"),
        ("a.csv", b"a,b\n\0,1\n", "NUL"),
        ("a.csv", b"x" * 10_000_001, "at most 10 MB"),
        ("a.csv", b"a\n" + b"1\n" * 100_001, "100000 rows"),
        ("a.json", b'[{"a": NaN}]', "no number of JSON"),
        ("a.json", b"[" * 100_000, "deep"),
        ("a.json", b"[1, 2]", "list of objects"),
        ("a.json", b"{}", "no object"),
        ("a.jsonl", b'{"a": 1}\n{"a": }\n', "line 2"),
        ("a.exe", b"MZ", "not read"),
        ("a.xls", b"\xd0\xcf\x11\xe0rest", "save it as XLSX"),
        ("a.xlsx", b"PK\x03\x04rest", "not an XLSX"),
        ("a.xlsx", b"text", "not an XLSX"),
        ("a.xlsx", workbook([["a"]], {"xl/media/bomb.bin": b"\0" * 30_000_000}), "times its size"),
        ("a.xlsx", workbook([["a"]]), "no row"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_why(name: str, content: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words) as raised:
        read_upload(name, content)
    assert str(raised.value).startswith(name)


@pytest.mark.slow
def test_a_damaged_workbook_is_refused_wherever_it_is_cut_or_bent() -> None:
    whole = workbook([["model", "energy (J)"], ["m", 1]])
    for at in range(4, len(whole), 29):
        for content in (whole[:at], whole[:at] + b"\xff" + whole[at + 1 :]):
            try:
                read_upload("a.xlsx", content)
            except InputError:
                continue


@pytest.mark.slow
@given(
    st.binary(max_size=300), st.sampled_from(["a.csv", "a.json", "a.jsonl", "a.tsv", "a.xlsx", "../../x.csv"])
)
@example(b'{"a":1e999}', "a.json")
@example(b'{"a":' + b"9" * 250 + b"}", "a.json")
@settings(deadline=None)
def test_any_bytes_are_rows_or_an_error_of_ours(content: bytes, name: str) -> None:
    said = ""
    try:
        rows_of(name, content)
    except InputError as error:
        said = str(error)
    assert ".." not in said.split(":")[0]  # a file is named without its folder


def test_a_number_of_json_too_large_to_be_one_is_a_mistake_of_its_line() -> None:
    (row,) = rows_of("a.json", json.dumps({"model": "m", "energy": 1}).replace("1", "1e999").encode())
    assert row.entry is None
    assert "energy" in row.wrong


SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
HEAD = '<row r="1"><c r="A1" t="inlineStr"><is><t>model</t></is></c></row>'
FAR = '<row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
MANY = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" uniqueCount="4294967295"><si/></sst>'


@pytest.mark.slow
@pytest.mark.parametrize(
    "parts",
    [
        {"xl/worksheets/sheet1.xml": SHEET.format(HEAD + FAR)},  # 17 thousand million cells, two of them used
        {
            "xl/worksheets/sheet1.xml": SHEET.format(HEAD),
            "xl/sharedStrings.xml": MANY,
        },  # texts that it does not have
    ],
)
def test_a_workbook_that_asks_for_all_memory_ends_nothing(parts: dict[str, str]) -> None:
    content = workbook([["model"]], {name: part.encode() for name, part in parts.items()})
    with pytest.raises(InputError, match=r"^a\.xlsx: the workbook takes too much memory or time to read"):
        read_upload("a.xlsx", content)
    assert read_upload("a.xlsx", workbook([["model"], ["m"]])).lines[0].cells == {"model": "m"}


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("energy_joules", "“#DIV/0!” is not a number"),
        ("missed_seconds", "“#DIV/0!” is not a number"),
        ("status", ""),
    ],
)
def test_a_cell_with_an_error_is_not_an_empty_one(column: str, words: str) -> None:
    names = ["model", "energy_joules", "duration_seconds", "missed_seconds", "status"]
    place = f"{chr(65 + names.index(column))}2"
    cells = [
        f'<c r="{place}" t="e"><v>#DIV/0!</v></c>'
        if name == column
        else f'<c r="{chr(65 + at)}2"><v>5</v></c>'
        for at, name in enumerate(names)
        if name != "status" or name == column
    ]
    head = "".join(
        f'<c r="{chr(65 + at)}1" t="inlineStr"><is><t>{name}</t></is></c>' for at, name in enumerate(names)
    )
    sheet = SHEET.format(f'<row r="1">{head}</row><row r="2">{"".join(cells)}</row>')
    (row,) = rows_of("a.xlsx", workbook([["model"]], {"xl/worksheets/sheet1.xml": sheet.encode()}))
    assert words in row.wrong
    if not words:
        assert row.entry is not None
        assert row.entry.failure == "status #DIV/0!"
