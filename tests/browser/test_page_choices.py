"""What a reader chooses on the page is written into its queries."""

from __future__ import annotations

import re
from typing import Any

import pytest
from page import over_time, panel, query, settled
from page_answers import Stand
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def test_a_single_choice_closes_its_menu(page: Page, own: Any) -> None:
    Stand(page).instant = lambda expr, at: [({}, 7.0)]
    choices = [
        {"name": "how", "type": "custom", "query": "Mean : avg, Sum : sum", "current": {"value": "sum"}}
    ]
    one = {"type": "stat", "title": "Asked", "targets": [query("a ${how}")]}
    page.goto(f"{own(one, templating={'list': choices})}/dashboards/own")
    settled(page)
    menu = page.locator("details[data-variable=how]")
    menu.locator("summary").click()
    menu.get_by_text("Mean", exact=True).click()
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()
    expect(menu.locator("summary")).to_contain_text("Mean")


def test_variables_of_every_kind_are_written_into_queries(page: Page, own: Any) -> None:
    stand = Stand(page, interval=30.0)
    stand.labels = ["node-a.lab:1", "node-b.lab:1", "other:2"]
    stand.instant = lambda expr, at: [({}, 7.0)]
    stand.curve = lambda expr, at: 1.0
    choices = [
        {"name": "how", "type": "custom", "query": "Mean : avg, Sum : sum", "current": {"value": "sum"}},
        {"name": "text", "type": "textbox", "query": "x.y"},
        {
            "name": "node", "type": "query", "query": "label_values(up, instance)", "regex": "/^node-(.+):1$/",
            "multi": True, "includeAll": True, "current": {"value": ["$__all"]},
        },
        {"name": "big", "type": "query", "query": {"query": "query_result(count(up))"}, "regex": "/ ([0-9]+) /"},
        {"name": "odd", "type": "adhoc"},
    ]  # fmt: skip
    asked = 'a ${how} [[how]] "${text}" ${text:regex} ~"$node" ${node:csv} ${node:pipe} ${big} $__range_s ${__range}'
    panels: list[dict[str, Any]] = [
        {"type": "stat", "title": "Asked ${how:text}", "targets": [query(asked)]},
        {"type": "stat", "title": "Of ${node}", "repeat": "node", "targets": [query("r $node")]},
        {"type": "timeseries", "title": "Rate", "targets": [over_time("rate(x[$__rate_interval])")]},
        {"type": "stat", "title": "Now", "targets": [over_time("rate(y[$__rate_interval])")]},
    ]
    page.set_viewport_size({"width": 1440, "height": 2400})
    page.goto(f"{own(*panels, templating={'list': choices})}/dashboards/own?var-node=a.lab&var-node=b.lab")
    settled(page)
    wanted = 'a sum sum "x.y" x\\.y ~"(a\\\\.lab|b\\\\.lab)" a.lab,b.lab a.lab|b.lab 7 3600 3600s'
    assert wanted in stand.queries()
    assert {"r a\\\\.lab", "r b\\\\.lab"} <= set(stand.queries())
    expect(panel(page, "Asked Sum")).to_be_visible()
    expect(panel(page, "Of a.lab")).to_be_visible()
    expect(panel(page, "Of b.lab")).to_be_visible()
    expect(page.locator("main > .note")).to_contain_text('variable "odd" of the kind "adhoc"')
    # The interval of the scrapes is learned, and "now" is a rate of four of them at every range.
    assert "rate(x[120s])" in stand.queries("query_range")
    assert "rate(y[120s])" in stand.queries()
    page.get_by_label("text", exact=True).fill("z")
    page.get_by_label("text", exact=True).press("Enter")
    page.wait_for_url(re.compile("var-text=z"))
    menu = page.locator("details[data-variable=node]")
    menu.locator("summary").click()
    menu.get_by_label("b.lab").uncheck()
    expect(panel(page, "Of b.lab")).to_have_count(0)
    expect(panel(page, "Of a.lab")).to_be_visible()
    assert "var-node=a.lab" in page.url


def test_two_that_ask_the_same_begin_with_different_answers(page: Page, own: Any) -> None:
    stand = Stand(page)
    stand.labels = ["resnet-a", "resnet-b"]
    stand.instant = lambda expr, at: [({}, 7.0)]
    runs = [
        {"name": name, "type": "query", "query": "label_values(x, name)", "current": {"value": ""}}
        for name in ("run_a", "run_b")
    ]
    one = {"type": "stat", "title": "Both", "targets": [query("$run_a $run_b")]}
    site = own(one, templating={"list": runs})
    page.goto(f"{site}/dashboards/own")
    settled(page)
    assert stand.queries() == ["resnet-a resnet-b"]
    page.goto(f"{site}/dashboards/own?var-run_a=resnet-b&var-run_b=resnet-b")
    settled(page)
    assert stand.queries()[-1] == "resnet-b resnet-b"
