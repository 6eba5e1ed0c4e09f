"""What a report adds up, and what it says about what is missing."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from gramwatt_labeler.errors import InputError
from gramwatt_labeler.model import Grade, Graded, Measurement, ScaleId, Window
from gramwatt_labeler.report.asking import month_of
from gramwatt_labeler.report.content import MOST_GROUPS, Budget, Report, build
from gramwatt_labeler.report.method import method
from gramwatt_labeler.report.printing import as_pdf, budget_lines, totals_rows
from gramwatt_labeler.store.nouns import Evaluation, Listed, Origin
from pypdf import PdfReader

SCALE = ScaleId("gramwatt", "1", "2026-11-21", "ab" * 32)


def row(
    name: str,
    joules: float | None,
    grams: float | None = None,
    sigma: float | None = 0.1,
    letter: str | None = "B",
    end: float = 1_795_000_000.0,
) -> Listed:
    window = Window(
        id=name, name=name, phase="inference", start=end - 60, end=end, model=name, task="t", user="u"
    )
    measured = (
        None
        if joules is None
        else Measurement(
            joules, {"cpu": joules}, 9, 1.0, emissions_grams=grams, uncertainty_ratio=sigma, sources=("rapl",)
        )
    )
    evaluation = Evaluation(window=window, measurement=measured, origin=Origin.WINDOW, emissions_grams=grams)
    return Listed(
        evaluation, Graded(window, measured, Grade(SCALE, letter, "" if letter else "why"), end), None
    )


def report(*rows: Listed, budgets: list[Budget] | None = None) -> Report:
    return build("Title", "of all time", rows, "ABCDE", 1_795_000_000.0, budgets)


def test_sums_say_over_how_many_runs_they_are() -> None:
    made = report(row("a", 3.6e6, 10.0), row("b", 7.2e6), row("c", None, 5.0, letter=None))
    assert made.totals.joules == 10.8e6
    assert made.totals.grams == 15.0
    rows = dict(totals_rows(made))
    assert rows["Energy of 2 of the 3 runs"] == "3 kWh ±10 %"
    assert rows["CO2 equivalent of 2 of the 3 runs"] == "15 g"
    assert dict(made.letters) == {"A": 0, "B": 2, "C": 0, "D": 0, "E": 0}
    assert made.not_graded == 1


def test_nothing_known_is_not_zero() -> None:
    rows = dict(totals_rows(report(row("a", None))))
    assert rows["Energy"] == "not known"
    assert rows["CO2 equivalent"] == "not known"


def test_errors_of_one_machine_do_not_cancel() -> None:
    made = report(*(row(str(number), 100.0, sigma=0.2) for number in range(50)))
    assert made.totals.uncertainty_ratio == pytest.approx(0.2)
    assert report(row("a", 100.0), row("b", 100.0, sigma=None)).totals.uncertainty_ratio is None
    assert "1 of 2 energies is not known" in report(row("a", 1.0), row("b", 1.0, sigma=None)).uncertainty


def test_the_largest_groups_are_named_and_the_rest_is_added_up() -> None:
    made = report(*(row(f"m{number}", float(number + 1)) for number in range(40)))
    assert len(made.models) == MOST_GROUPS
    assert made.models[0].name == "m39"
    assert made.models[-1].name == f"{41 - MOST_GROUPS} others"
    assert sum(group.joules or 0 for group in made.models) == made.totals.joules
    assert sum(group.runs for group in made.models) == 40


def test_the_state_of_budgets_is_said_or_said_to_be_unknown() -> None:
    assert "not known" in budget_lines(report(row("a", 1.0)))[0]
    assert budget_lines(report(row("a", 1.0), budgets=[])) == ["No budget is set."]
    lines = budget_lines(report(row("a", 1.0), budgets=[Budget("lab", 1100.0, 1000.0)]))
    assert lines == ["lab: 1.1 kg of 1 kg used (110 %); the limit is passed"]


def test_the_method_names_sensors_and_scale() -> None:
    text = " ".join(method(report(row("a", 1.0), row("b", 1.0, letter=None))))
    assert "RAPL" in text
    assert "sha256 abababababab" in text
    assert "1 of 2 runs have none" in text


@pytest.mark.slow
def test_a_pdf_turns_its_pages_and_has_every_text() -> None:
    pages = PdfReader(
        io.BytesIO(as_pdf(report(*(row(f"model-{n:02}", 100.0 * n + 1, 1.0) for n in range(59)))))
    ).pages
    text = "\n".join(page.extract_text() for page in pages)
    assert len(pages) >= 3
    for number in range(59):
        assert f"model-{number:02}" in text
    assert f"1/{len(pages)}" in text


@pytest.mark.parametrize("text", ["", "2026", "2026-13", "2026-00", "0000-01", "9999-12", "2026-1", "x"])
def test_a_month_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="month"):
        month_of(text)


def test_a_month_ends_where_the_next_one_begins() -> None:
    assert month_of("2026-12")[1] == month_of("2027-01")[0]
    start, end = month_of("2026-02")
    assert end - start == 28 * 86400


def test_a_group_has_what_a_report_of_it_has() -> None:
    """A user who typed a run in did not use its energy, and the name of a run is no model's."""
    typed = row("run 1", 5.0)
    window = replace(typed.evaluation.window, user="", model="")
    typed = replace(typed, evaluation=replace(typed.evaluation, window=window, created_by="u"))
    made = report(row("run 1", 1.0), typed)
    assert [(one.name, one.joules) for one in made.users] == [("not stated", 5.0), ("u", 1.0)]
    assert [(one.name, one.joules) for one in made.models] == [("no model, named run 1", 5.0), ("run 1", 1.0)]


def test_sums_are_exact_in_whatever_order_the_runs_are() -> None:
    rows = [row("a", 1e16), row("b", 1.0), row("c", 1.0), row("d", 1.0)]
    made, turned = report(*rows), report(*reversed(rows))
    assert made.totals.joules == made.components["cpu"] == made.days[0][1] == 1e16 + 4
    assert (turned.totals.joules, turned.days) == (made.totals.joules, made.days)
