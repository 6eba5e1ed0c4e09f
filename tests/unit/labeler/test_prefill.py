"""What is known of a model fills the form, to the last digit."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from gramwatt_labeler.forms.entry import read_entry
from gramwatt_labeler.forms.prefill import address, of_model
from gramwatt_labeler.store.nouns import ModelFacts
from hypothesis import given
from hypothesis import strategies as st

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
