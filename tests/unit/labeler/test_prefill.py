"""What is known of a model fills the form, to the last digit."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from gramwatt_labeler.evaluate.correcting import carried, correction, is_unchanged, stated
from gramwatt_labeler.evaluate.results import evaluate, evaluation_of, fitting
from gramwatt_labeler.forms.defined import Defined
from gramwatt_labeler.forms.entry import Entry, read_entry
from gramwatt_labeler.forms.fields import PHASES, numbers
from gramwatt_labeler.forms.prefill import address, of_entry, of_model
from gramwatt_labeler.scale_files import load_scales
from gramwatt_labeler.store.nouns import ModelFacts
from hypothesis import given
from hypothesis import strategies as st

SCALES = load_scales()
OWN = [
    Defined("metric-latency", "latency", "Latency", True),
    Defined("field-1", "site", "site", False),
]
COUNTS = st.integers(1, 2**53).map(float)


@given(COUNTS, COUNTS, COUNTS)
def test_the_form_reads_what_is_known_of_a_model(size: float, parameters: float, operations: float) -> None:
    facts = ModelFacts("acme", "net", file_bytes=size, parameters=parameters, flops_per_unit=operations)
    fields = of_model("acme/net", facts)
    entry = read_entry({**fields, "phase": "inference", "energy": "1"}, ())
    assert entry.model == "acme/net"
    found = [entry.values[name] for name in ("size", "parameters", "flops")]
    for value, known in zip(found, (size, parameters, operations), strict=True):
        assert abs(value - known) <= abs(known) * 1e-15  # a decimal unit costs half a bit of a float at most


def test_a_model_reads_in_a_usual_unit_and_what_is_not_known_stays_empty() -> None:
    fields = of_model("acme/net", ModelFacts("acme", "net", file_bytes=97_812_345.0))
    assert fields == {"model": "acme/net", "size": "97.812345", "size_unit": "MB"}
    assert of_model("net", ModelFacts("", "net", flops_per_unit=99.37))["flops"] == "99.37"
    assert of_model("net", ModelFacts("", "net", parameters=0.0)) == {"model": "net"}


def test_an_address_that_is_too_long_has_the_phase_alone() -> None:
    query = parse_qs(urlsplit(address({"model": "a&b=c", "phase": "training"}, "inference")).query)
    assert query == {"model": ["a&b=c"], "phase": ["inference"]}
    assert address({"note": "n" * 5000}, "inference") == "/evaluate?phase=inference"


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """What a form can say."""
    phase = draw(st.sampled_from(PHASES))
    values = {}
    for one in numbers(phase):
        if draw(st.booleans()):
            most = 1.0 if one.kind.name == "ratio" else 1e12
            number = st.integers(1, int(most)).map(float) if one.whole else st.floats(1e-6, most)
            values[one.name] = draw(number)
    return Entry(
        phase, "acme/net", draw(st.sampled_from(["", "image-classification"])), "d",
        draw(st.sampled_from(["", "8 x NVIDIA A100", "AMD EPYC 7763"])), draw(st.sampled_from(["process", "gpu"])),
        draw(st.sampled_from(["", "fine-tuning"])) if phase == "training" else "", "a meter", "a note",
        values or {"energy": 1.0}, draw(st.sampled_from([{}, {"bleu": 31.4}, {"latency": 12.0, "bleu": 1e-5}])),
        draw(st.sampled_from([{}, {"site": "Lyon, 2: b"}])),
    )  # fmt: skip


@given(entries())
def test_the_form_of_an_entry_reads_as_the_entry(entry: Entry) -> None:
    assert read_entry(of_entry(entry, OWN), OWN) == entry


@pytest.mark.parametrize("value", [1.125, 315.064])
def test_a_count_with_three_decimals_is_not_taken_for_thousands(value: float) -> None:
    entry = replace(read_entry({"phase": "inference", "model": "m", "energy": "1"}), values={"flops": value})
    assert read_entry(of_entry(entry, ())) == entry
    assert read_entry({**of_model("net", ModelFacts("", "net", flops_per_unit=value)), "phase": "inference"})


@given(entries(), st.booleans())
def test_a_kept_entry_is_its_form_again_and_keeps_what_no_field_asks_for(entry: Entry, is_file: bool) -> None:
    fit = fitting(SCALES, "gramwatt", entry.phase)
    result = evaluate(entry, fit, 1_795_000_000.25, "runs.csv" if is_file else "", 3)
    old = evaluation_of(result, "ann")[0]
    again = read_entry(of_entry(stated(old), OWN), OWN)
    assert is_unchanged(again, old)
    # A length is kept as two times since 1970, which have few digits behind the point.
    length = {
        name: pytest.approx(value, rel=1e-9, abs=1e-6)
        for name, value in entry.values.items()
        if name == "duration"
    }
    assert again.values == {**entry.values, **length}
    assert (dict(again.extra), again.fields) == (dict(entry.extra), entry.fields)
    new = correction(evaluation_of(evaluate(carried(again, old), fit, 1_796_000_000.0), "bob")[0], old)
    assert (new.window.start, new.window.end, new.window.name) == (
        old.window.start, old.window.end, old.window.name,
    )  # fmt: skip
    assert (new.window.hardware, new.origin, new.created_by) == (old.window.hardware, old.origin, "bob")
    assert (new.detail.get("file"), new.detail.get("line")) == (
        ("runs.csv", "3") if is_file else (None, None)
    )
