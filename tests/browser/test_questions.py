"""The questions that people ask all day, each answered by words and numbers on the page, on the history's facts."""

from __future__ import annotations

import re

import pytest
from page import cells, panel, settled, show
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_start_answers_five(page: Page, site: str) -> None:
    """At / and without a click: what burns most, is the grid dirty and when clean, will the budget last, how much is
    measured, and whether this is usual."""
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{site}/")
    settled_first = (
        "() => [...document.querySelectorAll('.is-stat')].every((one) => !one.querySelector('.wait'))"
    )
    page.wait_for_function(settled_first)
    words = {name: panel(page, name).inner_text().replace("\n", " ") for name in (
        "Power now", "Grid now", "Used", "Budget", "Measured", "Top process")}  # fmt: skip
    assert re.search(r"[\d.]+ k?W .*usual", words["Power now"]), words
    assert re.search(r"\d+ g/kWh .*dirtier than \d+ %", words["Grid now"]), words
    assert re.search(r"cleanest", words["Grid now"]), words
    assert re.search(r"[\d.]+ k?Wh .*[\d.]+ k?g", words["Used"]), words
    assert re.search(r"budget|spent", words["Budget"]), words
    assert re.search(r"\d+ ?% .*measured", words["Measured"]), words
    assert re.search(r"[\d.]+ m?W .*\(\w[\w-]*\) on [\w-]+", words["Top process"]), words


def test_what_a_user_cost_this_month(page: Page, site: str) -> None:
    show(page, site, "gramwatt-users")
    expect(page.locator("#range summary")).to_contain_text("This month")
    head = panel(page, "Users").locator("th").all_inner_texts()
    rows = {row[0]: dict(zip(head, row, strict=True)) for row in cells(panel(page, "Users"))}
    assert re.fullmatch(r"[\d.]+ k?Wh", rows["alice"]["Energy ↓" if "Energy ↓" in head else "Energy"])
    assert float(rows["alice"]["Cost"]) > float(rows["bob"]["Cost"]) > 0


def test_which_of_two_runs_was_more_efficient_and_why(page: Page, site: str) -> None:
    show(page, site, "gramwatt-compare", "?var-run_a=resnet-a&var-run_b=resnet-b")
    said = panel(page, "Energy").inner_text().replace("\n", " ")
    assert re.search(r"-\d+ ?% B used less energy per unit: power -\d+ %, time per unit -\d+ %", said), said


def test_two_runs_are_chosen_to_begin_with(page: Page, site: str) -> None:
    show(page, site, "gramwatt-compare")
    chosen = [
        page.locator(f"details[data-variable={name}] summary span").inner_text()
        for name in ("run_a", "run_b")
    ]
    assert all(chosen)
    assert chosen[0] != chosen[1]


def test_what_one_call_costs_and_which_machine_is_worst(page: Page, site: str) -> None:
    show(page, site, "gramwatt-runs")
    head = panel(page, "Runs").locator("th").all_inner_texts()
    rows = [dict(zip(head, row, strict=True)) for row in cells(panel(page, "Runs"))]
    served = next(row for row in rows if row["Name"] == "llm-serve")
    assert re.fullmatch(r"[\d.]+ [mµ]?J", served["Per unit"])
    assert re.fullmatch(r"[\d.]+ m?g", served["CO2 per 1,000 calls"])
    page.get_by_role("link", name="Machines", exact=True).click()
    settled(page)
    first = cells(panel(page, "Machines"))[0]
    assert first[0] == "lab-1:10044"
