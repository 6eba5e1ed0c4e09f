"""The label: valid SVG, every name escaped, readable without colour, and PNG and PDF made from it."""

from __future__ import annotations

import dataclasses
import os
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from grade_on import grade_on
from gramwatt_labeler.errors import NotFound
from gramwatt_labeler.grading.facts import Facts, grade_facts
from gramwatt_labeler.grading.recorded import grade_of
from gramwatt_labeler.model import Graded, Hardware
from gramwatt_labeler.render.content import name_of
from gramwatt_labeler.render.files import convert, file_stem, write_labels
from gramwatt_labeler.render.label import LAYOUTS, alt_text, render_svg, tiles
from gramwatt_labeler.render.palette import colours
from gramwatt_labeler.render.text import clean, fit, fit_middle, held, joined, largest, width, wrap
from gramwatt_labeler.render.words import LANGUAGES, words
from hypothesis import given
from hypothesis import strategies as st
from known import known

GOLDEN = Path(__file__).parents[2] / "golden" / "labels"
SVG = "{http://www.w3.org/2000/svg}"
URL = "https://labels.example.org/labels/w1"


@pytest.fixture(scope="session")
def graded(scale: Any, window: Any, measurement: Any) -> Graded:
    recorded = window(model="net-18", dataset="digits", values={"samples": 100.0, "accuracy": 0.9733})
    measured = measurement(
        45.0,
        uncertainty_ratio=0.2,
        emissions_grams=0.0021,
        sources=("estimate",),
        components={"cpu": 40.0, "dram": 5.0},
    )
    return Graded(recorded, measured, grade_on(recorded, measured, *scale), 1_700_000_090.0)


def texts(svg: str) -> str:
    return " ".join(" ".join(node.itertext()).strip() for node in ET.fromstring(svg).iter(f"{SVG}text"))


def golden(svg: str, name: str) -> None:
    file = GOLDEN / f"{name}.svg"
    if os.environ.get("GRAMWATT_UPDATE_GOLDEN"):
        file.write_text(svg)
    assert svg == file.read_text()


@pytest.fixture(scope="session")
def refused(scale: Any, window: Any, measurement: Any) -> Graded:
    recorded = window(task="")
    return Graded(recorded, measurement(), grade_on(recorded, measurement(), *scale), 1_700_000_090.0)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_label_is_the_golden_one(graded: Any, layout: Any) -> None:
    golden(render_svg(graded, URL, layout), "graded" if layout == "full" else f"graded-{layout}")


@pytest.mark.parametrize("layout", ["full", "compact", "badge"])
def test_the_label_of_a_refused_window_is_the_golden_one(refused: Any, layout: Any) -> None:
    golden(render_svg(refused, URL, layout), "refused" if layout == "full" else f"refused-{layout}")


def test_a_refused_label_has_no_arrows_and_its_whole_reason(refused: Any) -> None:
    svg = render_svg(refused, URL)
    assert not list(ET.fromstring(svg).iter(f"{SVG}polygon"))
    assert "not graded" in texts(svg)
    assert " ".join(refused.grade.reason.split()) in " ".join(texts(svg).split())


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("layout", ["full", "neutral", "compact", "a4"])
def test_a_font_a_third_wider_overruns_nothing(graded: Any, refused: Any, language: Any, layout: Any) -> None:
    """A text keeps its length in Liberation Sans, or has the room to be a third longer. W is the widest letter."""
    long = "W" * 60 + "/" + "M" * 200
    worst = replace_window(graded, model=long, task=long, dataset=long, software=long, name=long, id=long)
    for one in (graded, worst, refused, replace_window(refused, task=long, name=long, model=long)):
        svg = ET.fromstring(render_svg(one, URL, layout, language))
        widest = float(svg.get("width") or 0)
        for node in svg.iter(f"{SVG}text"):
            size, text = float(node.get("font-size") or 0), "".join(node.itertext())
            natural = width(text, size, node.get("font-weight") == "bold")
            length = float(node.get("textLength") or natural * 4 / 3)
            assert abs(length - natural) < 0.06 or node.get("textLength") is None
            x, anchor = float(node.get("x") or 0), node.get("text-anchor")
            left = x - length if anchor == "end" else x - length / 2 if anchor == "middle" else x
            assert left >= 0
            assert left + length <= widest, (text, size)


def test_a_long_tile_gets_a_smaller_font_before_it_meets_its_letter(graded: Any) -> None:
    assert largest("480", [22, 17, 13], 82, True) == 22
    assert largest("123,456.7 M", [22, 17, 13], 82, True) == 13
    assert held("480", 22, 82, True) == ""
    assert 'textLength="' in held("W" * 20, 11, 200)
    assert held("漢字" * 20, 11, 200) == ""  # its length is an estimate


@pytest.mark.parametrize("layout", LAYOUTS[:-2])
def test_every_layout_says_that_it_is_no_label_of_the_eu(graded: Any, layout: Any) -> None:
    assert "not an EU energy label" in texts(render_svg(graded, URL, layout))
    assert "2017/1369" in texts(render_svg(graded, URL, "a4"))


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_have_every_text(graded: Any, refused: Any, language: Any) -> None:
    said, english = words(language), words("en")
    for name in ("units", "many", "phases", "metrics"):
        assert set(getattr(said, name)) == set(getattr(english, name))
    for layout in LAYOUTS:
        for one in (graded, refused):
            ET.fromstring(render_svg(one, URL, layout, language))
    assert said.title in texts(render_svg(graded, URL, "full", language))
    assert language == "en" or alt_text(graded, language) != alt_text(graded)


def test_numbers_are_written_as_the_language_does(graded: Any) -> None:
    assert words("de").number("1,240.5 J per 3 h") == "1.240,5 J per 3 h"
    assert words("fr").number("1,240.5") == "1 240,5"
    assert "0,45" in texts(render_svg(graded, URL, "full", "de")) or "450" in texts(
        render_svg(graded, URL, "full", "de")
    )
    with pytest.raises(NotFound, match="there are ca, de, en, es, fr"):
        render_svg(graded, URL, "full", "xx")


@pytest.mark.parametrize(
    ("url", "is_drawn"),
    [
        (URL, True), ("https://10.0.0.7/labels/w1", True), ("http://[2001:db8::1]/x", True), ("", False),
        ("http://127.0.0.1:10045/labels/w1", False), ("http://localhost/x", False), ("http://[::1]/x", False),
        ("http://0.0.0.0:1/x", False), ("http://[x/", False),
    ],
)  # fmt: skip
def test_no_qr_code_leads_to_loopback(graded: Any, url: Any, is_drawn: Any) -> None:
    assert ("scale(" in render_svg(graded, url)) == is_drawn


def test_hardware_counts_and_grid_are_on_the_label(graded: Any) -> None:
    hardware = Hardware((("NVIDIA H100 80GB HBM3", 8),), (("AMD EPYC 9654", 2),))
    window = dataclasses.replace(
        graded.window, model="org/net-18", hardware=hardware, values={"samples": 1.2e6}, failure=""
    )
    measured = dataclasses.replace(
        graded.measurement,
        components={"gpu": 45.0},
        zone="FR",
        intensity_method="annual",
        emissions_grams=0.0007,
    )
    grade = dataclasses.replace(graded.grade, units=1.2e6)
    shown = texts(
        render_svg(dataclasses.replace(graded, window=window, measurement=measured, grade=grade), URL)
    )
    for part in ("8 x NVIDIA H100 80GB HBM3", "1.2 M samples", "FR 56 g/kWh (annual)", "org net-18"):
        assert all(word in shown for word in part.split()), part


def test_software_and_what_does_not_fit_in_one_line_get_a_second(graded: Any) -> None:
    one = replace_window(graded, software="vLLM 0.9.1")
    assert "CPU" in texts(render_svg(one, URL))
    assert "vLLM 0.9.1 · estimate" in texts(render_svg(one, URL))
    long = replace_window(
        graded,
        software="vLLM 0.9.1, Transformers 4.52.0",
        hardware=Hardware((("NVIDIA H100 80GB HBM3", 8),), ()),
    )
    long = dataclasses.replace(
        long, measurement=dataclasses.replace(known(long.measurement), zone="FR", intensity_method="annual")
    )
    svg = render_svg(long, URL)
    lines = [node.text for node in ET.fromstring(svg).iter(f"{SVG}text") if node.get("font-size") == "13"]
    assert "8 x NVIDIA H100 80GB HBM3 · vLLM 0.9.1, Transformers 4.52.0" in lines
    assert any(line and "FR 168 g/kWh (annual)" in line and line.endswith("train") for line in lines)
    assert f'y="{190 + 18}"' not in render_svg(one, URL)


def replace_window(graded: Graded, **changes: Any) -> Graded:
    return dataclasses.replace(graded, window=dataclasses.replace(graded.window, **changes))


@pytest.mark.slow
@given(st.lists(st.text(max_size=120), max_size=6), st.floats(100, 700))
def test_parts_of_a_line_fit_and_the_longest_is_cut(parts: list[str], room: float) -> None:
    line = joined(parts, 13, room)
    assert width(line, 13) <= room
    whole = " · ".join(part for part in parts if part)
    assert line == whole or width(whole, 13) > room


def test_the_ends_of_every_part_stay() -> None:
    line = joined(["inference", "text-generation", "a-data-set-" * 20 + "v2"], 16, 540)
    assert line.startswith("inference · text-generation · a-data-set-")
    assert line.endswith("set-v2")
    assert "…" in line


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("a task", "missing: a task"),
        ("no reference for task x", "no reference"),
        ("internal: KeyError", "internal: K"),
    ],
)
def test_a_reason_that_is_no_thing_is_not_called_missing(refused: Any, reason: str, said: str) -> None:
    one = dataclasses.replace(refused, grade=dataclasses.replace(refused.grade, reason=reason))
    for layout in ("full", "compact"):
        text = texts(render_svg(one, URL, layout))
        assert said in text
        assert ("missing:" in text) == said.startswith("missing")


def test_every_graded_metric_has_a_tile_with_its_letter(graded: Any, built_in: Any) -> None:
    loaded = built_in["gaissa"]
    facts = Facts(
        metrics={"co2_eq_emissions": (10.0, "g"), "downloads": (1.0, ""), "performance_score": (0.9, "")}
    )
    grade = grade_of(grade_facts(loaded.scale, facts), loaded.id, 10.0)
    drawn = tiles(dataclasses.replace(graded, grade=grade))
    letters = {tile.caption: tile.letter for tile in drawn if tile.letter}
    assert letters == {"CO2 of the training": "A", "downloads": "E", "performance": "B"}


@pytest.mark.slow
@given(st.text(alphabet=st.characters(min_codepoint=32), max_size=120), st.floats(40, 400))
def test_names_are_cut_in_the_middle(text: Any, room: Any) -> None:
    shown = fit_middle(clean(text), 12, room)
    assert width(shown, 12) <= room or shown == "…"
    if shown != clean(text):
        assert "…" in shown


def test_both_ends_of_a_long_name_stay() -> None:
    shown = fit_middle("Qwen2.5-72B-Instruct-an-extraordinarily-long-name-awq-int4", 27, 400)
    assert shown.startswith("Qwen2.5-72B")
    assert shown.endswith("int4")


def test_a_name_in_another_script_asks_for_its_font(graded: Any) -> None:
    named = dataclasses.replace(graded, window=dataclasses.replace(graded.window, model="通义千问 🚀"))
    assert 'font-family="Noto Sans CJK SC' in render_svg(named, URL)


def test_pictures_are_drawn_once(graded: Any) -> None:
    svg = render_svg(graded, URL, "badge")
    assert convert(svg, "png") is convert(svg, "png")


def test_the_label_says_everything_in_words(graded: Any) -> None:
    shown = texts(render_svg(graded, URL))
    for part in ("net-18", "training", "image-classification", "digits", "CPU", "estimate", "2023-11-14 22:14 UTC",
                 "C-D within ±1σ", "450 mJ", "mJ per sample", "21 µg", "accuracy", "EEI 0.9", "500 mJ per sample",
                 graded.grade.scale.short_hash, "Scale test 1, 2026-01-01", "±20 %", "Window w1"):  # fmt: skip
        assert part.split()[0] in shown, part
        assert all(word in shown for word in part.split()), part
    for letter in "ABCDE":  # each arrow carries its letter: colour is never the only sign
        assert letter in shown.split()


def test_alt_text_is_the_title_and_names_grade_span_and_numbers(graded: Any) -> None:
    text = alt_text(graded)
    assert text == (
        "Energy label of net-18 (training of image-classification): grade C on a scale from A (best) to E (worst),"
        " C to D within the uncertainty; 450 mJ per sample; 45 J in all, 2.1 mg of CO2 equivalent."
    )
    root = ET.fromstring(render_svg(graded, URL))
    assert known(root.find(f"{SVG}title")).text == text
    assert root.attrib["role"] == "img"


def test_missing_co2_is_said_and_never_zero(graded: Any) -> None:
    unknown = dataclasses.replace(
        graded,
        measurement=dataclasses.replace(graded.measurement, emissions_grams=None),
        grade=dataclasses.replace(graded.grade, emissions_per_unit_grams=None),
    )
    assert [(tile.value, tile.caption) for tile in tiles(unknown) if "CO2" in tile.caption] == [
        ("–", "CO2: no grid zone")
    ]
    assert "CO2" not in alt_text(unknown)


@pytest.mark.slow
@given(st.text(max_size=200))
def test_any_name_gives_valid_svg_and_no_markup(graded: Any, name: Any) -> None:
    hostile = dataclasses.replace(
        graded, window=dataclasses.replace(graded.window, model=name, name=name, task=name, dataset=name)
    )
    root = ET.fromstring(render_svg(hostile, URL))
    assert {node.tag.removeprefix(SVG) for node in root.iter()} <= {
        "svg", "title", "rect", "path", "text", "tspan", "polygon", "g", "circle"
    }  # fmt: skip
    assert not any(
        key.startswith("on") or key.endswith("href") for node in root.iter() for key in node.attrib
    )


@pytest.mark.parametrize(
    "name",
    [
        '<script>alert("x")</script>',
        "\"/><image href='http://evil'/>",
        "]]>&<!--",
        "a\x00b\x1bc\u202ed",
        "{{ 7*7 }}",
    ],
)
def test_hostile_names_are_shown_not_obeyed(graded: Any, name: Any) -> None:
    hostile = dataclasses.replace(graded, window=dataclasses.replace(graded.window, model=name))
    svg = render_svg(hostile, URL)
    assert "<script" not in svg
    assert "<image" not in svg
    assert "\u202e" not in svg
    assert name_of(hostile)[1] in texts(svg)


@pytest.mark.slow
def test_png_and_pdf_come_from_the_svg(graded: Any, tmp_path: Path) -> None:
    written = write_labels(graded, URL, tmp_path / "labels", ["svg", "png", "pdf"])
    assert [path.name for path in written] == ["w1.svg", "w1.png", "w1.pdf"]
    svg, png, pdf = (path.read_bytes() for path in written)
    root = ET.fromstring(svg)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(png[16:20]) == 2 * int(root.attrib["width"])
    assert int.from_bytes(png[20:24]) == 2 * int(root.attrib["height"])
    assert pdf.startswith(b"%PDF-")
    assert sorted(path.name for path in (tmp_path / "labels").iterdir()) == ["w1.pdf", "w1.png", "w1.svg"]
    assert convert(svg.decode(), "svg") == svg


@pytest.mark.slow
@given(st.text(max_size=300))
def test_file_names_stay_inside_their_folder(window: Any) -> None:
    stem = file_stem(window)
    assert stem
    assert set(stem) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert len(stem) <= 100


@pytest.mark.slow
@given(st.text(max_size=100), st.floats(20, 400))
def test_text_fits_its_room(text: Any, room: Any) -> None:
    shown = fit(clean(text), 12, room)
    assert width(shown, 12) <= room or shown == "…"
    lines = wrap(clean(text), 12, room, 3)
    assert len(lines) <= 3
    assert all(width(line, 12) <= room or line == "…" for line in lines)


def test_colours_for_any_number_of_letters() -> None:
    assert colours(5) == ["#639b30", "#b8ac2b", "#f8b830", "#ef7d29", "#e52421"]
    assert len(set(colours(7))) == 7
    assert (colours(6)[0], colours(6)[-1], colours(1)) == ("#639b30", "#e52421", ["#639b30"])


def test_long_texts_take_no_longer_than_their_length(graded: Any) -> None:
    """Counted in letters that are looked at, not in seconds: a text of strangers must not take the square of it."""
    from gramwatt_labeler.render import text

    looked = 0
    original = text._em

    def counting(one: str, is_bold: bool = False) -> float:
        nonlocal looked
        looked += 1
        return original(one)

    text._em = counting
    try:
        length = 200_000
        assert fit("x" * length, 11, 400).endswith("…")
        assert wrap("word " * (length // 5), 11, 400, 4)[-1].endswith("…")
        assert len(wrap("x" * length, 11, 400, 4)) == 1
    finally:
        text._em = original
    assert looked < 20_000


def test_moments_of_no_calendar_are_a_question_mark(graded: Any) -> None:
    for end in (1e30, -1e30, float("nan"), float("inf")):
        window = dataclasses.replace(graded.window, end=end)
        assert "?" in texts(render_svg(dataclasses.replace(graded, window=window), URL))
