"""Values, sliders and tiles of the pages; the power of a window from its counters."""

from __future__ import annotations

import re

import pytest
from gramwatt_labeler.evaluate.results import evaluate, fitting
from gramwatt_labeler.forms.entry import Entry
from gramwatt_labeler.grading.scale import RatedScale
from gramwatt_labeler.model import MetricGrade, Window
from gramwatt_labeler.prometheus import Series
from gramwatt_labeler.recommendations import metric_facts, recommendations
from gramwatt_labeler.render.label import render_svg, tiles
from gramwatt_labeler.render.quantity import quantity
from gramwatt_labeler.render.shorten import shortened
from gramwatt_labeler.scale_files import load_scales
from gramwatt_labeler.web.pages.drawings import letter_chip, slider
from gramwatt_labeler.web.pages.power import steps, thinned
from gramwatt_labeler.web.pages.values import band_share, metric_views

SCALES = load_scales()
NUMBERS = {"emissions": 420.0, "size": 98e6, "dataset_size": 150e9, "downloads": 120_000.0, "accuracy": 0.91}
TRAINING = Entry("training", "org/bert", values=NUMBERS)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (3.6e6, "energy", "1 kWh"),
        (233_333.0, "bytes_per_gram", "233 kB per g"),
        (4.1e9, "flops", "4.1 GFLOP"),
        (0.91, "ratio", "0.91"),
        (120_000.0, "count", "120,000"),
        (7_241_732_096.0, "count", "7.24 billion"),
        (1e15, "count", "1.00e+15"),
        (None, "mass", "not known"),
    ],
)
def test_a_quantity_in_the_unit_that_reads_best(value: float | None, kind: str, text: str) -> None:
    assert quantity(value, kind) == text


def test_every_metric_of_the_shipped_scales_is_explained() -> None:
    for loaded in SCALES.values():
        if isinstance(loaded.scale, RatedScale):
            for name in loaded.scale.metrics:
                assert name in metric_facts(), name
    for name, facts in metric_facts().items():
        assert facts.meaning.endswith("."), name
        assert facts.how_to, name


def test_the_best_letter_needs_no_advice_and_the_worst_gets_all() -> None:
    facts = metric_facts()["co2_eq_emissions"]
    assert recommendations("co2_eq_emissions", "A") == []
    assert len(recommendations("co2_eq_emissions", "E")) == len(facts.advice)
    stars = ("5", "4", "3", "2", "1")
    assert recommendations("co2_eq_emissions", "3", stars) == recommendations("co2_eq_emissions", "C")
    assert recommendations("a metric of mine", "E") == []


def test_the_mark_moves_towards_the_worse_end_with_the_value() -> None:
    scale = SCALES["gaissa-fixed"].scale
    shares = [
        band_share(scale, "co2_eq_emissions", MetricGrade(grams, None, "C")) for grams in (1.9, 3.0, 4.0, 6.8)
    ]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < 0.1
    assert 0.9 < shares[-1] <= 1
    up = [
        band_share(SCALES["gaissalabel"].scale, "performance_score", MetricGrade(v, v, "C"))
        for v in (1.08, 1.0, 0.92)
    ]
    assert up == sorted(up)


def test_a_mark_stands_inside_the_band_of_its_letter() -> None:
    for share in (0.0, 0.5, 1.0):
        at = float(re.findall(r"M([\d.]+) 9v3", slider("ABCDE", "C", share))[0])
        assert 2 * 76 < at < 3 * 76
    assert "&lt;" in letter_chip("<", ["<", "b"])


def test_a_label_of_several_metrics_has_a_letter_on_each_tile() -> None:
    result = evaluate(TRAINING, fitting(SCALES, "gramwatt", "training"), 1_795_000_000.0)
    drawn = tiles(result.on("gaissa-fixed"))
    assert [tile.letter for tile in drawn] == [
        one.letter for one in result.verdicts["gaissa-fixed"].metrics.values()
    ]
    assert len(drawn) == 5
    drawing = render_svg(result.label("gaissa-fixed"), "")
    assert "numbers from a form" in drawing
    assert ">0</text>" not in drawing  # no energy was given, so none is shown
    views = metric_views(result.on("gaissa-fixed").grade, SCALES["gaissa-fixed"].scale)
    assert all(0 <= view.share <= 1 for view in views)


def test_an_entry_without_energy_says_so_and_is_never_graded_by_it() -> None:
    result = evaluate(TRAINING, fitting(SCALES, "gramwatt", "training"), 0.0)
    assert result.measurement is None
    assert result.grades["gramwatt"].letter is None
    assert "energy" in result.grades["gramwatt"].reason


def test_long_names_keep_their_ends() -> None:
    text = shortened("organisation/" + "x" * 100 + "-final", 40)
    assert len(text) <= 40
    assert text.startswith("organisation/")
    assert text.endswith("-final")


def test_power_is_the_rise_of_the_counter_and_a_restart_is_no_power() -> None:
    window = Window(id="w", name="w", phase="", start=100.0, end=200.0)
    series = Series({}, [(110.0, 50.0), (120.0, 150.0), (130.0, 20.0), (140.0, 120.0), (210.0, 120.0)])
    found = steps(series, window)
    assert found[0] == (100.0, 110.0, 5.0)
    assert found[1] == (110.0, 120.0, 10.0)
    assert (120.0, 130.0) not in [(start, end) for start, end, _ in found]
    assert found[-1] == (140.0, 200.0, 0.0)


def test_many_points_are_thinned_and_a_hole_stays() -> None:
    points: list[tuple[float, float | None]] = [(float(at), 1.0) for at in range(5000)]
    points = [*points[:2000], (2000.0, None), *points[2000:]]
    thin = thinned(points)
    assert len(thin) < 500
    assert any(watts is None for _, watts in thin)
