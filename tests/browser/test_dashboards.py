"""The dashboards in a real browser: what a person sees, chooses, and is told when something is missing."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import page as support
import pytest
import requests
from page import cells, panel, query, settled, write
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
BOARDS = {
    path.stem: json.loads(path.read_text())
    for path in sorted((ROOT / "grafana" / "dashboards").glob("*.json"))
}


START = "gramwatt-start"


def show(page: Page, site: str, uid: str = START, query: str = "") -> None:
    support.show(page, site, uid, query)


def value(url: str, expr: str) -> float:
    """One number straight from Prometheus."""
    answer = requests.get(f"{url}/api/v1/query", params={"query": expr}, timeout=10).json()
    return float(answer["data"]["result"][0]["value"][1])


def number(found: Locator) -> float:
    """The big number of a panel, without its unit."""
    return float(found.locator(".big").first.inner_text().split()[0].replace("%", ""))


@pytest.mark.parametrize("uid", BOARDS)
def test_every_panel_is_drawn(page: Page, site: str, uid: str) -> None:
    """With its numbers, or with what its file says where there are none; nothing is unknown to the page."""
    show(page, site, uid)
    assert page.locator(".note:visible").all_inner_texts() == []
    assert "${" not in page.locator("main").inner_text()
    for one in BOARDS[uid]["panels"]:
        if one["type"] == "row":
            expect(page.get_by_role("heading", name=one["title"], level=2)).to_be_visible()
            continue
        found = page.locator(f'section[aria-label="{one["title"]}"]').first
        expect(found, one["title"]).to_be_visible()
        text = found.inner_text()
        assert "This panel failed" not in text, one["title"]
        assert "Nothing matches" not in text, one["title"]
        empty = found.locator(".empty").count()
        if empty:
            assert one["fieldConfig"]["defaults"]["noValue"][:15] in text.replace("\n", " "), one["title"]
        elif one["type"] == "timeseries":
            assert found.locator("canvas").count() == 1, one["title"]
            assert found.locator(".legend tbody tr").count() >= 1, one["title"]


def test_the_numbers_are_those_of_prometheus(page: Page, site: str, prometheus_url: str) -> None:
    show(page, site)
    watts = value(prometheus_url, "sum(gramwatt_device_power_watts)")
    assert number(panel(page, "Power now")) == pytest.approx(watts, rel=0.05)
    measured = value(prometheus_url, 'sum(gramwatt_device_power_watts{source!="estimate"})') / watts
    assert number(panel(page, "Measured")) == pytest.approx(100 * measured, abs=3)
    rows = {row[0]: row for row in cells(panel(page, "Drawing most now"))}
    powers = [float(row[1].split()[0]) for row in rows.values()]
    assert powers == sorted(powers, reverse=True)
    alerts = [row[1] for row in cells(panel(page, "Alerts"))]
    assert "GramwattExporterDown" in alerts


def test_choosing_a_machine(page: Page, site: str) -> None:
    show(page, site)
    menu = page.locator("details[data-variable=instance]")
    menu.locator("summary").click()
    menu.get_by_label("lab-2:10044").check()
    expect(menu.locator("summary")).to_contain_text("lab-2:10044")
    settled(page)
    assert "lab-1" not in panel(page, "Drawing most now").inner_text()
    assert number(panel(page, "Measured")) == 0
    assert "var-instance=lab-2" in page.url
    page.reload()
    settled(page)
    assert number(panel(page, "Measured")) == 0
    link = page.get_by_role("link", name="Runs", exact=True).get_attribute("href") or ""
    assert link.endswith("gramwatt-runs" + page.url[page.url.index("?") :])


def test_choosing_a_time_range_and_dragging_another(page: Page, site: str) -> None:
    show(page, site)
    time_range = page.locator("#range")
    time_range.locator("summary").click()
    time_range.get_by_role("button", name="Last 6 hours").click()
    settled(page)
    assert "from=now-6h" in page.url
    box = panel(page, "Power").locator(".u-over").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile(r"from=\d{13}&to=\d{13}"))
    begin, end = (int(found) for found in re.findall(r"(?:from|to)=(\d{13})", page.url))
    assert end - begin == pytest.approx(6 * 3600 * 1000 / 4, rel=0.05)
    settled(page)
    expect(time_range.locator("summary")).to_contain_text(" to ")


def test_a_chart_names_its_values_and_hides_a_series(page: Page, site: str) -> None:
    show(page, site)
    chart = panel(page, "Power")
    box = chart.locator(".u-over").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 50)
    tip = chart.locator(".tip")
    expect(tip).to_be_visible()
    assert re.search(r"gpu [\d.]+ W", tip.inner_text())
    button = chart.get_by_role("button", name="gpu")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(chart.get_by_role("button", name="gpu")).to_have_attribute("aria-pressed", "false")
    expect(chart.locator("tr.off")).to_have_count(1)
    picture = chart.locator(".plot")
    assert picture.get_attribute("role") == "img"
    assert re.search(r"Last values: .+ [-\d.]+", picture.get_attribute("aria-label") or "")
    assert page.locator("h1").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(chromium: Browser, site: str, scheme: Any) -> None:
    """Contrast of every number, name and note against its card, by WCAG's formula."""
    context = chromium.new_context(viewport={"width": 1440, "height": 6000}, color_scheme=scheme)
    page = context.new_page()
    show(page, site)
    contrasts = page.evaluate(
        """() => {
          const light = (text) => {
            const most = text.startsWith('color(') ? 1 : 255;
            const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map((v) => v / most)
              .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const read = '.big, .big small, .badge, .panel td, .panel th button, .bars .name, h2, h3';
          return [...document.querySelectorAll(read)]
            .map((one) => {
              let card = one;
              const ground = (e) => getComputedStyle(e).backgroundColor;
              while (ground(card) === 'rgba(0, 0, 0, 0)') card = card.parentElement;
              const [a, b] = [light(getComputedStyle(one).color), light(ground(card))].sort((x, y) => y - x);
              return [(a + 0.05) / (b + 0.05), one.className + ': ' + one.textContent];
            });
        }"""
    )
    assert len(contrasts) > 50
    # Numbers are large, for which WCAG asks 3; everything else 4.5.
    weak = [text for ratio, text in contrasts if ratio < (3 if text.startswith("big") else 4.5)]
    assert weak == []
    context.close()


def test_a_phone_scrolls_in_one_direction_only(chromium: Browser, site: str) -> None:
    context = chromium.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = context.new_page()
    show(page, site)
    width, needed = page.evaluate("() => [innerWidth, document.documentElement.scrollWidth]")
    assert (width, needed) == (360, 360)
    for one in page.locator(".panel").all():
        box = one.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
    context.close()


def test_prometheus_down_is_said(page: Page, serve: Callable[..., str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = serve(f"http://127.0.0.1:{taken.getsockname()[1]}")
        page.goto(f"{url}/dashboards/{START}")
        banner = page.get_by_role("alert")
        expect(banner).to_contain_text("does not answer")
        expect(panel(page, "Power now")).to_contain_text("No answer from Prometheus")
        assert "No exporter" not in page.locator("#dashboard").inner_text(), (
            "not knowing is not having nothing"
        )


def test_what_was_known_stays_but_is_marked_when_prometheus_goes(page: Page, site: str) -> None:
    show(page, site)
    page.route(
        "**/api/v1/**",
        lambda route: route.fulfill(
            status=502,
            json={"status": "error", "errorType": "unavailable", "error": "Prometheus does not answer"},
        ),
    )
    page.get_by_role("button", name="Refresh", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("What is shown may be old")
    expect(page.locator(".panel.stale").first).to_be_visible()
    assert number(panel(page, "Power now")) > 0
    page.unroute("**/api/v1/**")
    page.get_by_role("button", name="Refresh", exact=True).click()
    settled(page)
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(page.locator(".panel.stale")).to_have_count(0)


def test_no_data_says_why(page: Page, prometheus_url: str, serve: Callable[..., str], tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {"type": "stat", "title": "Missing", "targets": [query("sum(gramwatt_nothing_total)")]},
        {
            "type": "stat",
            "title": "Nothing left",
            "targets": [query('gramwatt_processes{instance="nobody"}')],
        },
        {"type": "stat", "title": "Wrong", "targets": [query("sum(")]},
        {"type": "geomap", "title": "Unknown", "targets": [query("up")]},
        {
            "type": "table",
            "title": "Good news",
            "targets": [query('ALERTS{alertname="None"}')],
            "fieldConfig": {"defaults": {"noValue": "No alert fires."}, "overrides": []},
        },
    )
    page.set_viewport_size({"width": 1440, "height": 2500})
    page.goto(f"{serve(prometheus_url, folder)}/dashboards/own")
    expect(panel(page, "Missing")).to_contain_text(
        "Prometheus has no gramwatt_nothing_total in this time range"
    )
    expect(panel(page, "Nothing left")).to_contain_text("Nothing matches the choice above")
    expect(panel(page, "Wrong")).to_contain_text("This panel failed: ")
    expect(panel(page, "Wrong")).to_contain_text("parse error")
    expect(panel(page, "Good news").locator(".body")).to_have_text("No alert fires.")
    expect(panel(page, "Unknown")).to_contain_text('Only Grafana draws here: panel of the kind "geomap"')


def test_gauges_texts_and_folded_rows(
    page: Page, prometheus_url: str, serve: Callable[..., str], tmp_path: Path
) -> None:
    gauge = {
        "type": "gauge",
        "title": "Share",
        "targets": [query("vector(0.42)")],
        "fieldConfig": {"defaults": {"unit": "percentunit", "min": 0, "max": 1}, "overrides": []},
    }
    words = {
        "type": "text",
        "title": "Note",
        "options": {"content": "Use **care** and `code` <i>x</i>\n\n- one\n- two"},
    }
    inner = {"type": "stat", "title": "Folded", "targets": [query("vector(7)")]}
    inner["gridPos"] = {"x": 0, "y": 20, "w": 24, "h": 4}
    row = {
        "type": "row",
        "title": "More",
        "collapsed": True,
        "panels": [inner],
        "gridPos": {"x": 0, "y": 19, "w": 24, "h": 1},
    }
    page.goto(f"{serve(prometheus_url, write(tmp_path, gauge, words, row))}/dashboards/own")
    expect(panel(page, "Share")).to_contain_text("42 %")
    note = panel(page, "Note")
    expect(note.locator("strong")).to_have_text("care")
    expect(note.locator("code")).to_have_text("code")
    expect(note.locator("li")).to_have_count(2)
    expect(note).to_contain_text("<i>x</i>")
    expect(panel(page, "Folded")).to_be_hidden()
    page.get_by_role("heading", name="More").click()
    expect(panel(page, "Folded")).to_contain_text("7")


COLOURED = """([chart, share]) => {
  const canvas = chart.querySelector('canvas');
  const over = chart.querySelector('.u-over').getBoundingClientRect();
  const x = (over.left - canvas.getBoundingClientRect().left + share * over.width) * devicePixelRatio;
  const column = canvas.getContext('2d').getImageData(Math.round(x), 0, 1, canvas.height).data;
  let found = 0;
  for (let i = 0; i < column.length; i += 4) {
    const [r, g, b, a] = column.slice(i, i + 4);
    if (a > 100 && Math.max(r, g, b) - Math.min(r, g, b) > 60) found += 1;
  }
  return found;
}"""


def test_a_gap_is_a_gap(page: Page, prometheus_url: str, serve: Callable[..., str], tmp_path: Path) -> None:
    """Where there is no sample nothing is drawn, and a number that is not from now says so."""
    now = time.time()
    between = f"vector(time()) < {now - 2400:.0f} or vector(time()) > {now - 1200:.0f} < {now - 600:.0f}"
    expr = f"sum(gramwatt_processes) and on () ({between})"
    curve = {"type": "timeseries", "title": "Curve", "targets": [query(expr, instant=False, range=True)]}
    late = {"type": "stat", "title": "Late", "targets": [query(expr, instant=False, range=True)]}
    page.goto(f"{serve(prometheus_url, write(tmp_path, curve, late))}/dashboards/own")
    expect(panel(page, "Late")).to_contain_text("as of ")
    chart = panel(page, "Curve")
    expect(chart.locator("canvas")).to_be_visible()
    settled(page)
    coloured = [
        page.evaluate(COLOURED, [chart.element_handle(), share]) > 0 for share in (0.15, 0.5, 0.75, 0.95)
    ]
    assert coloured == [True, False, True, False]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "watt", "0 W"),
        (0.0042, "watt", "4.2 mW"),
        (314.159, "watt", "314 W"),
        (999.96, "watt", "1 kW"),
        (2_345_678, "joule", "2.35 MJ"),
        (0.5, "massg", "500 mg"),
        (50_000, "massg", "50 kg"),
        (2_500_000, "massg", "2.5 t"),
        (0.865, "percentunit", "86.5 %"),
        (0.0000012, "percentunit", "<0.01 %"),
        (90, "s", "1.5 min"),
        (0.0123, "s", "12.3 ms"),
        (259_200, "s", "3 d"),
        (12_345, "short", "12.3 k"),
        (56.04, "suffix: g/kWh", "56 g/kWh"),
        (-12.5, "watt", "-12.5 W"),
    ],
)
def test_units(page: Page, site: str, value: float, unit: str, text: str) -> None:
    page.goto(f"{site}/dashboards/")
    shown = page.evaluate(
        "async ([value, unit]) => (await import('/dashboards/static/format.js')).text(value, unit)",
        [value, unit],
    )
    assert shown.replace("%", " %").replace("  ", " ") == text
