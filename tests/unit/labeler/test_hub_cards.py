"""What model cards say about CO2, and what is made of it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from gramwatt_labeler.forms.mistakes import Mistake
from gramwatt_labeler.hub.amounts import amount, emissions_of, says_kilograms
from gramwatt_labeler.hub.cards import domain_of, mine
from gramwatt_labeler.hub.evaluating import corrected, curated_number
from gramwatt_labeler.store.nouns import Card, Layer
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("value", "grams"),
    [
        (12.5, 12.5), ("7.79", 7.79), ("1,500", 1500.0), ("1.500,0", 1500.0), ("1,500.25", 1500.25), ("0,5", 0.5),
        ("1 234 g", 1234.0), ("83 kg", 83_000.0), ("83kg", 83_000.0), ("12 lbs CO2", 12 * 453.59237),
        ("~5 g", 5.0), ("about 5 grams of CO2", 5.0), ("2 tonnes", 2e6), ("3e-3 kg", 3.0), ("4.5 gCO2eq", 4.5),
        ("0.3 kgCO2e", 300.0), ("1.000.000", 1e6), ("250 mg", 0.25),
    ],
)  # fmt: skip
def test_a_mass_is_read_in_grams(value: object, grams: float) -> None:
    assert amount(value).grams == pytest.approx(grams)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("3-5 g", "range"), ("3 to 5 g", "range"), ("a lot", "no number"), ("", "empty"), (0, "0 is no"), (-4, "below"),
        (math.nan, "finite"), (math.inf, "finite"), (10**400, "finite"), (True, "bool"), (1e13, "beyond"),
        ("5 kWh", "not a mass"), ("5 km", "not a mass"), ([1], "list"), (None, "NoneType"), ("1.2.3", "no number"),
    ],
)  # fmt: skip
def test_what_is_no_mass_says_why(value: object, why: str) -> None:
    found = amount(value)
    assert found.grams is None
    assert why in found.note


def test_an_object_has_its_own_unit_and_facts_beside() -> None:
    found, beside = emissions_of(
        {
            "co2_eq_emissions": {
                "emissions": 77.4491,
                "unit": "kg",
                "source": "CodeCarbon",
                "hardware_used": "A100",
            }
        }
    )
    assert found.grams == pytest.approx(77_449.1)
    assert beside == {"source": "CodeCarbon", "hardware_used": "A100"}
    assert emissions_of({"co2_eq_emissions": {"emissions": 5, "unit": "kWh"}})[0].grams is None
    assert emissions_of({"co2_eq_emissions": {}})[0].note == "an object without emissions"
    assert emissions_of({})[0].note == "not reported"


LEAVES = st.none() | st.booleans() | st.floats() | st.text() | st.integers()
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@pytest.mark.slow
@given(TREES)
def test_whatever_a_card_holds_it_is_read_or_noted(tree: Any) -> None:
    card = {"co2_eq_emissions": tree, "model-index": tree, "datasets": tree}
    found = mine(Card("a/b", card=card))
    assert found.emissions.grams is None or (
        math.isfinite(found.emissions.grams) and found.emissions.grams > 0
    )
    assert all(0 <= score <= 1 for score in found.scores.values())


def test_kilograms_in_the_text_are_those_of_the_same_number() -> None:
    assert says_kilograms(83.524, "emitted **83.524 kg** of CO2")
    assert not says_kilograms(83.524, "trained on 12 kg of text, 83.524 g")


def test_how_co2_is_reported() -> None:
    def reporting(tree: object, tags: tuple[str, ...] = ()) -> str:
        return mine(Card("a/b", card={"co2_eq_emissions": tree}, tags=tags)).reporting

    full = {"emissions": 1, "source": "CodeCarbon", "training_type": "fine-tuning", "geographical_location": "FR",
            "hardware_used": "V100"}  # fmt: skip
    assert reporting(None) == "none"
    assert reporting("3-5 g") == "unreadable"
    assert reporting(4, ("autotrain",)) == "automatic"
    assert reporting(4) == "value alone"
    assert reporting({"emissions": 4, "source": "mlco2"}) == "with method"
    assert reporting(full) == "full"


def test_the_domain_is_that_of_the_task_else_of_the_tags() -> None:
    assert domain_of("fill-mask") == "NLP"
    assert domain_of("", ["pytorch", "image-classification"]) == "Computer Vision"
    assert domain_of("", ["pytorch"]) == ""


def test_what_people_say_wins_and_hides() -> None:
    index = [{"results": [{"metrics": [{"type": "accuracy", "value": 91}, {"type": "f1", "value": 0.5}]}]}]
    card = Card("a/b", card={"co2_eq_emissions": 5, "model-index": index}, file_bytes=10.0)
    same, mined, layers = corrected(card, {})
    assert (mined.scores, layers["emissions"]) == ({"accuracy": 0.91, "f1": 0.5}, Layer.MINED)
    same, mined, layers = corrected(
        card, {"emissions": "2 kg", "f1": "", "size": "4 MB", "source": "a meter"}
    )
    assert (mined.emissions.grams, mined.scores, mined.source) == (2000.0, {"accuracy": 0.91}, "a meter")
    assert (same.file_bytes, layers["size"], mined.reporting) == (4e6, Layer.CURATED, "curated")
    assert corrected(card, {"emissions": ""})[1].emissions.grams is None
    with pytest.raises(Mistake):
        curated_number("emissions", "0")


@pytest.mark.parametrize(
    "text", ["5 Mg", "5 MG CO2", "432 g/kWh", "0.5 kg / h", "5 g CO2 per kWh", "3 kg per day"]
)
def test_a_tonne_is_no_milligram_and_a_rate_no_amount(text: str) -> None:
    found = amount(text)
    assert (found.grams, found.note) == (None, "the unit is not a mass")
    assert amount("5 mg").grams == 0.005
    assert amount("3 kg per training run").grams == amount("3 kg CO2 per run").grams == 3000.0
