"""The dashboards in a real browser: what a person sees, chooses, and is told when something is missing."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
BOARDS = {
    path.stem: json.loads(path.read_text())
    for path in sorted((ROOT / "grafana" / "dashboards").glob("*.json"))
}


def show(page: Page, site: str, uid: str = "gramwatt-overview", query: str = "") -> None:
    """Open a dashboard, tall enough that every panel is in sight, and wait until all have answered."""
    page.set_viewport_size(
        {"width": page.viewport_size["width"] if page.viewport_size else 1440, "height": 6000}
    )
    page.goto(f"{site}/dashboards/{uid}{query}")
    settled(page)


def settled(page: Page) -> None:
    expect(page.locator(".panel").first).to_be_visible()
    page.wait_for_function(
        "() => !document.querySelector('[aria-busy]') && !document.querySelector('.wait:not(.failed)')"
    )


def panel(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title, exact=True).first


def cells(found: Locator) -> list[list[str]]:
    return [row.locator("td").all_inner_texts() for row in found.locator("tbody tr").all()]


@pytest.mark.parametrize("uid", BOARDS)
def test_every_panel_is_drawn(page: Page, site: str, uid: str) -> None:
    show(page, site, uid, "?from=now-5m&to=now" if uid == "gramwatt-budgets" else "")
    for one in BOARDS[uid]["panels"]:
        if one["type"] == "row":
            expect(page.get_by_role("heading", name=one["title"], level=2)).to_be_visible()
            continue
        found = panel(page, one["title"])
        expect(found, one["title"]).to_be_visible()
        text = found.inner_text()
        assert "failed" not in text, one["title"]
        assert "No data" not in text, one["title"]
        if one["type"] == "timeseries":
            assert found.locator("canvas").count() == 1, one["title"]
            assert found.locator(".legend tbody tr").count() >= 1, one["title"]


def test_the_numbers_are_those_of_the_machines(page: Page, site: str) -> None:
    show(page, site)
    energy = panel(page, "Energy").locator(".big").inner_text()
    assert re.fullmatch(r"31[3-5] Wh", energy)  # 314 W for an hour
    assert panel(page, "Measured").locator(".big").inner_text() == "89 %"
    assert panel(page, "Uncertainty").locator(".big").inner_text() == "10 %"
    assert panel(page, "Machines reporting").locator(".big").inner_text() == "2"
    users = {row[0]: row[1:] for row in cells(panel(page, "Users"))}
    assert users["alice"][0] == "160 Wh"
    windows = {row[0]: row for row in cells(panel(page, "Windows"))}
    assert windows["resnet-train"][:6] == [*("resnet-train", "training", "resnet50", "alice", "B", "B")]
    assert windows["resnet-train"][7:10] == ["225 kJ", "3.5 g", "25 min"]
    assert windows["bert-serve"][4] == "E"


def test_firing_alerts_are_shown_with_what_they_are_about(page: Page, site: str) -> None:
    show(page, site)
    alerts = cells(panel(page, "Firing alerts"))
    assert ["warning", "GramwattSensorDown", "lab-1:10044", ""] in alerts
    assert ["info", "GramwattBudgetNearlySpent", "", "vision-team"] in alerts
    assert "GramwattExporterDown" not in {row[1] for row in alerts}


def test_hottest_first_and_the_rest_named(page: Page, site: str) -> None:
    show(page, site)
    rows = cells(panel(page, "Ranking processes"))
    assert rows[0][0] == "python3"
    assert [row[0] for row in rows].count("other") == 2
    head = panel(page, "Ranking processes").locator("th", has_text="Command")
    head.get_by_role("button").click()
    expect(panel(page, "Ranking processes").locator("th[aria-sort=ascending]")).to_have_text("Command")
    names = [row[0] for row in cells(panel(page, "Ranking processes"))]
    assert names == sorted(names, key=str.lower)


def test_names_of_processes_are_text_and_never_markup(page: Page, site: str) -> None:
    show(page, site)
    assert "<b>bold</b>" in panel(page, "Ranking processes").inner_text()
    assert page.locator("#dashboard b", has_text="bold").count() == 0


def test_choosing_a_machine(page: Page, site: str) -> None:
    show(page, site)
    menu = page.locator("details[data-variable=instance]")
    menu.locator("summary").click()
    menu.get_by_label("lab-2:10044").check()
    expect(menu.locator("summary")).to_contain_text("lab-2:10044")
    settled(page)
    assert panel(page, "Machines reporting").locator(".big").inner_text() == "1"
    assert panel(page, "Measured").locator(".big").inner_text() == "0 %"
    assert "lab-1" not in panel(page, "Power by device").inner_text()
    assert "var-instance=lab-2" in page.url
    page.reload()
    settled(page)
    assert panel(page, "Machines reporting").locator(".big").inner_text() == "1"
    link = page.get_by_role("link", name="Windows and grades").get_attribute("href") or ""
    assert link.endswith("gramwatt-windows" + page.url[page.url.index("?") :])


def test_choosing_a_time_range_and_dragging_another(page: Page, site: str) -> None:
    show(page, site)
    page.get_by_label("Time", exact=True).select_option("15m")
    settled(page)
    assert re.fullmatch(r"7\d\.\d Wh", panel(page, "Energy").locator(".big").inner_text())  # a whole swing
    assert "from=now-15m" in page.url
    box = panel(page, "Power by component").locator(".u-over").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile(r"from=\d{13}&to=\d{13}"))
    begin, end = (int(found) for found in re.findall(r"(?:from|to)=(\d{13})", page.url))
    assert end - begin == pytest.approx(15 * 60 * 1000 / 4, rel=0.05)
    settled(page)
    expect(page.get_by_label("Time", exact=True)).to_contain_text(" to ")


def test_pointing_at_a_chart_names_the_values(page: Page, site: str) -> None:
    show(page, site)
    chart = panel(page, "Power by component")
    box = chart.locator(".u-over").bounding_box()
    assert box
    page.mouse.move(box["x"] + 200, box["y"] + 50)
    tip = chart.locator(".tip")
    expect(tip).to_be_visible()
    assert re.search(r"gpu [\d.]+ W", tip.inner_text())


def test_hiding_a_series(page: Page, site: str) -> None:
    show(page, site)
    chart = panel(page, "Power by component")
    button = chart.get_by_role("button", name="gpu")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(chart.get_by_role("button", name="gpu")).to_have_attribute("aria-pressed", "false")
    expect(chart.locator("tr.off")).to_have_count(1)


def test_charts_can_be_read_without_seeing_them(page: Page, site: str) -> None:
    show(page, site)
    for picture in page.locator(".plot").all():
        label = picture.get_attribute("aria-label") or ""
        assert picture.get_attribute("role") == "img"
        assert re.search(r"Last values: .+ [-\d.]+", label), label
    assert page.locator("h1").count() == 1
    assert page.locator("table:not(.u-legend) thead th").count() > 20


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


def test_prometheus_down_is_said_and_recovered_from(
    page: Page, prometheus_url: str, serve: Callable[..., str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = serve(f"http://127.0.0.1:{taken.getsockname()[1]}")
        page.goto(f"{url}/dashboards/gramwatt-overview")
        banner = page.get_by_role("alert")
        expect(banner).to_contain_text("does not answer")
        expect(panel(page, "Power")).to_contain_text("No answer from Prometheus")
        assert "No data" not in page.locator("#dashboard").inner_text(), "not knowing is not having nothing"


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
    assert re.search(r"\d", panel(page, "Power").locator(".big").inner_text())
    page.unroute("**/api/v1/**")
    page.get_by_role("button", name="Refresh", exact=True).click()
    settled(page)
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(page.locator(".panel.stale")).to_have_count(0)


def write(folder: Path, *panels: dict[str, Any], **more: Any) -> Path:
    """A dashboard called "own" with these panels one below the other."""
    for place, one in enumerate(panels):
        one.setdefault("gridPos", {"x": 0, "y": 8 * place, "w": 24, "h": 8})
    board = {"title": "Own", "time": {"from": "now-1h", "to": "now"}, "panels": list(panels), **more}
    (folder / "own.json").write_text(json.dumps(board))
    return folder


def query(expr: str, **more: Any) -> dict[str, Any]:
    return {"refId": "A", "expr": expr, "instant": True, "legendFormat": "one", **more}


def test_no_data_says_why(page: Page, prometheus_url: str, serve: Callable[..., str], tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {"type": "stat", "title": "Missing", "targets": [query("sum(gramwatt_water_litres_total)")]},
        {
            "type": "stat",
            "title": "Nothing left",
            "targets": [query('gramwatt_processes{instance="nobody"}')],
        },
        {"type": "stat", "title": "Wrong", "targets": [query("sum(")]},
        {"type": "heatmap", "title": "Unknown", "targets": [query("up")]},
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
        "Prometheus has no gramwatt_water_litres_total in this time range"
    )
    expect(panel(page, "Nothing left")).to_contain_text("Nothing matches the choice above")
    expect(panel(page, "Wrong")).to_contain_text("This panel failed: ")
    expect(panel(page, "Wrong")).to_contain_text("parse error")
    expect(panel(page, "Good news").locator(".body")).to_have_text("No alert fires.")
    expect(panel(page, "Unknown")).to_contain_text("drawn only by Grafana")


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
