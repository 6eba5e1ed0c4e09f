"""The dashboards in a real browser: what a person sees, chooses, and is shown when something is missing."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import page as support
import pytest
from boards import BOARDS
from history_server import NOW
from page import cells, panel, query, settled, write
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

# Empty when all is well.
MAY_BE_EMPTY = {("gramwatt-health", "Meters that repeat or reset")}


def show(page: Page, site: str, uid: str = "gramwatt-start", query: str = "") -> None:
    support.show(page, site, uid, query)


def test_every_panel_of_every_dashboard_is_drawn(page: Page, site: str) -> None:
    """In one browser, one after another: no panel fails or is empty that has data, in any of the eleven."""
    wrong = []
    for uid, board in BOARDS.items():
        show(page, site, uid, "?var-run_a=resnet-a&var-run_b=resnet-b" if uid == "gramwatt-compare" else "")
        for one in board["panels"]:
            if one["type"] == "row":
                expect(page.get_by_role("heading", name=one["title"], level=2)).to_be_visible()
                continue
            found = panel(page, one["title"])
            empty = (one.get("fieldConfig") or {}).get("defaults", {}).get("noValue", "")
            if not found.is_visible():
                wrong.append(f"{uid}: {one['title']} is not to be seen")
                continue
            text = found.inner_text()
            if "failed" in text.splitlines()[1:2] or "This panel failed" in text or "No data" in text:
                wrong.append(f"{uid}: {one['title']}: {text}")
            if empty and empty.replace("`", "") in text and (uid, one["title"]) not in MAY_BE_EMPTY:
                wrong.append(f"{uid}: {one['title']} is empty")
            drawn = found.locator("canvas").count() == 1 and found.locator(".legend tbody tr").count() > 0
            if one["type"] == "timeseries" and not drawn and (uid, one["title"]) not in MAY_BE_EMPTY:
                wrong.append(f"{uid}: {one['title']} has no curve")
    assert wrong == []


def test_the_eight_questions_are_answered(page: Page, site: str) -> None:
    """Each by text that stands on a page."""
    show(page, site)
    top = panel(page, "Top process").inner_text()
    assert re.search(r"1\d\d W", top), "what burns most now"
    assert "python3 (carol) on lab-1:10044" in top
    grid = panel(page, "Grid now").inner_text()
    assert re.search(r"DE: dirtier than \d+ % of the last 7 days", grid), "is the grid dirty now"
    assert re.search(r"cleanest 3 hours begin, \d+ % cleaner than now", grid), "and when is it clean"
    assert "lasts until" in panel(page, "Budget").inner_text(), "will the budget last"
    measured = panel(page, "Measured").inner_text()
    assert re.search(r"\d\d ?%.*measured by sensors; ±\d+ %", measured, re.S), "how much is measured"
    show(page, site, "gramwatt-users", "?from=now-7d&to=now")
    users = {row[0]: row for row in cells(panel(page, "Users"))}
    assert re.search(r"Wh", users["alice"][1]), "what did a user use"
    assert re.search(r"g", users["alice"][2])
    assert re.fullmatch(r"[\d.]+", users["alice"][3]), "and cost"
    show(page, site, "gramwatt-compare", "?var-run_a=resnet-a&var-run_b=resnet-b")
    verdict = panel(page, "Energy").inner_text()
    assert "resnet-b used less energy per unit than resnet-a: power -11 %, time per unit -22 %" in verdict, (
        "which was better and why"
    )
    show(page, site, "gramwatt-runs", "?from=now-24h&to=now")
    short = panel(page, "In short").inner_text()
    assert re.search(r"[\d.]+ J\s+for one call of llm-serve and [\d.]+ g CO2 for 1,000 calls", short), short
    runs = panel(page, "Runs")
    assert runs.get_by_role("columnheader", name="CO2 per 1,000 calls").count() == 1, "what does a call cost"
    show(page, site, "gramwatt-machines")
    machines = cells(panel(page, "Machines"))
    assert machines[0][0] == "lab-1:10044", "which machine is worst"
    down = next(row for row in machines if row[0] == "old-1:10044")
    assert "down" in down


def test_the_first_line_of_a_dashboard_is_its_answer(page: Page, site: str) -> None:
    for uid, title, answer in (
        ("live", "Draws most now", r"1\d\d W\s+python3 \(carol\) on lab-1:10044, \d+ % of all power"),
        ("machines", "Draws most now", r"W\s+lab-1:10044, \d+ % of all power; 3 of 4 machines answer"),
        ("users", "Used most", r"kWh\s+by alice: \d+ % of what all chosen users used"),
        ("budgets", "Budget", r"budget vision-team lasts until then"),
        ("footprint", "All CO2", r"kg\s+with cooling and manufacturing: as much as a car emits in \d+ km"),
        ("health", "Machines", r"3\s+of 4 machines answer; alerts: 3; meters that fail: 1"),
    ):
        show(page, site, f"gramwatt-{uid}")
        assert re.search(answer, panel(page, title).inner_text()), panel(page, title).inner_text()


def test_a_day_and_a_month_that_have_just_begun_have_used_nothing(chromium: Browser, site: str) -> None:
    """Before the first scrape of the first day: 0 is shown, and no exporter is said to be missing.

    In Nepal, whose midnight falls between two scrapes of the laboratory.
    """
    context = chromium.new_context(timezone_id="Asia/Kathmandu")
    context.clock.install(time=NOW)
    page = context.new_page()
    page.clock.set_fixed_time(datetime.fromisoformat("2026-11-01T00:00:20+05:45"))
    for uid, title in (
        ("gramwatt-start", "Used"),
        ("gramwatt-footprint", "In this time range"),
        ("gramwatt-users", "Charged"),
    ):
        show(page, site, uid)
        numbers = panel(page, title).locator(".big").all_inner_texts()
        assert len(numbers) >= 2, title
        assert {number.split()[0] for number in numbers} == {"0"}, (title, numbers)
    context.close()


def test_a_time_range_goes_along_when_it_was_chosen(page: Page, site: str) -> None:
    """Otherwise the bill of this month would be that of Start's today."""
    show(page, site)
    onward = page.locator("a[data-board]", has_text="Users and projects")
    assert "from=" not in str(onward.get_attribute("href"))
    page.locator("#range summary").click()
    page.locator("#range").get_by_role("button", name="Last 15 minutes").click()
    settled(page)
    assert "from=now-15m" in str(onward.get_attribute("href"))


def test_processes_have_a_curve_and_name_their_run(page: Page, site: str) -> None:
    show(page, site, "gramwatt-live")
    table = panel(page, "Processes")
    assert table.locator("svg.curve path").count() >= 6
    row = next(one for one in cells(table) if one[0] == "python3")
    assert "bert-finetune" in row
    assert "slurm" in row


def test_two_runs_are_drawn_from_their_own_start(page: Page, site: str) -> None:
    show(page, site, "gramwatt-compare", "?var-run_a=resnet-a&var-run_b=resnet-b")
    chart = panel(page, "Power since the start")
    chart.locator(".plot").focus()
    page.keyboard.press("End")
    assert re.match(r"1\.\d+ h", chart.locator(".tip p").first.inner_text()), (
        "hours since the start of the longer"
    )
    page.keyboard.press("Home")
    page.keyboard.press("PageDown")
    assert {"A: resnet-a", "B: resnet-b"} <= {
        text.rsplit(" ", 2)[0] for text in chart.locator(".tip p").all_inner_texts()
    }


def test_alerts_what_is_missing_and_what_to_do(page: Page, site: str) -> None:
    show(page, site)
    alerts = cells(panel(page, "Alerts"))
    assert ["critical", "GramwattExporterDown", "old-1:10044", ""] in alerts
    assert ["info", "GramwattBudgetNearlySpent", "", "vision-team"] in alerts
    steps = {row[1]: row for row in cells(panel(page, "Set up"))}
    assert steps["CO2 is known"][0] == "done"


def test_hottest_first_and_the_rest_named(page: Page, site: str) -> None:
    show(page, site, "gramwatt-live")
    rows = cells(panel(page, "Processes"))
    assert rows[0][0] == "python3"
    assert [row[0] for row in rows].count("other") >= 3
    head = panel(page, "Processes").locator("th", has_text="Command")
    head.get_by_role("button").click()
    expect(panel(page, "Processes").locator("th[aria-sort=ascending]")).to_have_text("Command")
    names = [row[0] for row in cells(panel(page, "Processes"))]
    assert names == sorted(names, key=str.lower)


def test_names_of_processes_are_text_and_never_markup(
    page: Page, prometheus_url: str, serve: Callable[..., str], tmp_path: Path
) -> None:
    expr = 'label_replace(vector(1), "command", "<b>bold</b>", "", "")'
    table = {"type": "table", "title": "Names", "targets": [query(expr, format="table")]}
    show(page, serve(prometheus_url, write(tmp_path, table)), "own")
    assert "<b>bold</b>" in panel(page, "Names").inner_text()
    assert page.locator("#dashboard b", has_text="bold").count() == 0


def test_choosing_a_machine(page: Page, site: str) -> None:
    show(page, site, "gramwatt-health")
    assert panel(page, "Machines").locator(".big").inner_text() == "3"
    menu = page.locator("details[data-variable=instance]")
    menu.locator("summary").click()
    menu.get_by_label("lab-2:10044").check()
    expect(menu.locator("summary")).to_contain_text("lab-2:10044")
    settled(page)
    assert panel(page, "Machines").locator(".big").inner_text() == "1"
    assert "lab-1" not in panel(page, "How it works here").inner_text()
    assert "var-instance=lab-2" in page.url
    page.reload()
    settled(page)
    assert panel(page, "Machines").locator(".big").inner_text() == "1"


def test_choosing_a_time_range_and_dragging_another(page: Page, site: str) -> None:
    show(page, site)
    time_range = page.locator("#range")
    time_range.locator("summary").click()
    time_range.get_by_role("button", name="Last 15 minutes").click()
    settled(page)
    assert "from=now-15m" in page.url
    box = panel(page, "Power").locator(".u-over").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile(r"from=\d{13}&to=\d{13}"))
    begin, end = (int(found) for found in re.findall(r"(?:from|to)=(\d{13})", page.url))
    assert end - begin == pytest.approx(15 * 60 * 1000 / 4, rel=0.05)
    settled(page)
    expect(time_range.locator("summary")).to_contain_text(" to ")


def test_a_chart_names_values_hides_series_and_can_be_read_without_being_seen(page: Page, site: str) -> None:
    show(page, site)
    chart = panel(page, "Power")
    box = chart.locator(".u-over").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 50)
    tip = chart.locator(".tip")
    expect(tip).to_be_visible()
    assert re.search(r"gpu [\d.]+ W", tip.inner_text())
    button = chart.get_by_role("button", name="gpu")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(chart.get_by_role("button", name="gpu")).to_have_attribute("aria-pressed", "false")
    expect(chart.locator("tr.off")).to_have_count(1)
    for picture in page.locator(".plot").all():
        label = picture.get_attribute("aria-label") or ""
        assert picture.get_attribute("role") == "img"
        assert re.search(r"Last values: .+ [-\d.]+", label), label
    assert page.locator("h1").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(chromium: Browser, site: str, scheme: Any) -> None:
    """Contrast of every number, name and note against its card, by WCAG's formula."""
    context = chromium.new_context(viewport={"width": 1440, "height": 6000}, color_scheme=scheme)
    context.clock.install(time=NOW)
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
    context.clock.install(time=NOW)
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


def test_names_as_long_as_a_kernel_has_them_leave_the_pid_in_sight_at_1280_pixels(
    chromium: Browser, site: str
) -> None:
    """A command has at most 15 letters, and a PID at most seven digits; a unit of systemd has a long name."""
    row = {
        "pid": "4194304",
        "command": "gnome-control-c",
        "user": "somebody",
        "workload": "user@1000.service",
    }
    labels = row | {"instance": "laptop-7:10044"}
    result = [{"metric": labels, "value": [NOW, "31.4"]}]
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.clock.install(time=NOW)
    page = context.new_page()
    page.route(
        lambda url: "topk" in url and "workload" in url,
        lambda route: route.fulfill(
            json={"status": "success", "data": {"resultType": "vector", "result": result}}
        ),
    )
    show(page, site)
    found = panel(page, "Drawing most now")
    expect(found.get_by_role("cell", name="4194304")).to_be_visible()
    widths = "(one) => [one.clientWidth, one.scrollWidth]"
    shown, needed = found.locator(".scroll").evaluate(widths)
    assert needed <= shown
    context.close()


def test_prometheus_down_is_said_and_recovered_from(
    page: Page, prometheus_url: str, serve: Callable[..., str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = serve(f"http://127.0.0.1:{taken.getsockname()[1]}")
        page.goto(f"{url}/dashboards/gramwatt-start")
        banner = page.get_by_role("alert")
        expect(banner).to_contain_text("does not answer")
        expect(panel(page, "Power now")).to_contain_text("No answer from Prometheus")
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
    assert re.search(r"\d", panel(page, "Power now").locator(".big").inner_text())
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
    inner: dict[str, Any] = {"type": "stat", "title": "Folded", "targets": [query("vector(7)")]}
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
    now = NOW
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
        (7.4e-10, "massg", "740 pg"),
        (2e-9, "joule", "2 nJ"),
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
