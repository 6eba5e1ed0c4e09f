"""What the page does by itself, on dashboards made for each test: patching, choosing, marking, saving, keys, paper."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from page import cells, over_time, panel, query, rows_of, settled
from page_answers import Stand
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser


def refresh(page: Page) -> None:
    page.get_by_role("button", name="Refresh", exact=True).click()
    settled(page)


def test_a_table_stays_where_it_is_over_a_refresh(page: Page, own: Any) -> None:
    """Scroll position, focus and marked text are the person's, also when the order of the rows changes."""
    stand = Stand(page)
    turn = [1.0]
    stand.instant = lambda expr, at: [
        ({"command": f"job-{n:02}", "user": f"u{n % 3}"}, (n * turn[0]) % 61 + 0.5) for n in range(60)
    ]
    one = {
        "type": "table",
        "title": "Rows",
        "targets": [rows_of("x")],
        "options": {"sortBy": [{"displayName": "Value", "desc": True}]},
    }
    page.goto(f"{own(one)}/dashboards/own")
    settled(page)
    page.evaluate(
        """() => {
          document.querySelector('.scroll').scrollTop = 300;
          document.querySelectorAll('tbody tr').forEach((row) => { row.mine = row.cells[0].textContent; });
          document.querySelectorAll('thead button')[1].focus();
          getSelection().selectAllChildren(document.querySelectorAll('tbody tr')[20].cells[0]);
        }"""
    )
    marked = page.evaluate("() => String(getSelection())")
    before = cells(panel(page, "Rows"))
    turn[0] = 7.0
    refresh_by_timer = "() => document.querySelector('button.again').onclick()"
    page.evaluate(refresh_by_timer)
    expect(panel(page, "Rows").locator("tbody tr").first).not_to_contain_text(before[0][0])
    settled(page)
    after = cells(panel(page, "Rows"))
    assert [row[0] for row in after] != [row[0] for row in before]
    values = [float(row[2]) for row in after]
    assert values == sorted(values, reverse=True)
    kept = page.evaluate(
        """() => ({
          scroll: document.querySelector('.scroll').scrollTop,
          focus: document.activeElement.textContent,
          marked: String(getSelection()),
          same: [...document.querySelectorAll('tbody tr')].every((row) => row.mine === row.cells[0].textContent),
        })"""
    )
    assert kept == {"scroll": 300, "focus": "user", "marked": marked, "same": True}
    panel(page, "Rows").get_by_role("searchbox").fill("job-07")
    assert [row[0] for row in cells(panel(page, "Rows"))] == ["job-07"]


def test_first_and_value_column_stay_in_sight(page: Page, own: Any) -> None:
    stand = Stand(page)
    labels = {f"label_{n:02}": "a long text for a column" for n in range(12)}
    stand.instant = lambda expr, at: [({"aa": f"row {n}", **labels}, float(n)) for n in range(9)]
    one = {"type": "table", "title": "Wide", "targets": [rows_of("x")]}
    page.set_viewport_size({"width": 900, "height": 700})
    page.goto(f"{own(one)}/dashboards/own")
    settled(page)
    page.evaluate("() => { document.querySelector('.scroll').scrollLeft = 99999; }")
    room = panel(page, "Wide").bounding_box()
    first = panel(page, "Wide").locator("tbody td:first-child").first.bounding_box()
    value = panel(page, "Wide").locator("tbody td.value").first.bounding_box()
    assert room
    assert first
    assert value
    assert first["x"] - room["x"] < 4
    assert room["x"] + first["width"] - 4 < value["x"] < room["x"] + room["width"]


def test_rows_are_cards_on_a_phone_value_first(chromium: Browser, own: Any) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    stand = Stand(page)
    stand.instant = lambda expr, at: [
        ({"command": f"<b>job</b>-{n}", "user": "alice", "workload": ""}, 2.0 * n) for n in range(4)
    ]
    one = {
        "type": "table",
        "title": "Rows",
        "targets": [rows_of("x")],
        "fieldConfig": {"defaults": {"unit": "watt"}, "overrides": []},
    }
    page.goto(f"{own(one)}/dashboards/own")
    settled(page)
    row = panel(page, "Rows").locator("tbody tr").last
    place = {name: row.locator(name).bounding_box() for name in ("td:first-child", "td.value", "td >> nth=1")}
    first, value, other = place.values()
    assert first
    assert value
    assert other
    assert abs(first["y"] - value["y"]) < 8 < other["y"] - first["y"]
    assert value["x"] > first["x"] + first["width"] - 1
    assert row.locator("td.value").inner_text() == "6 W"
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390
    # Names of processes are text and never markup; a table is still a table to who hears it.
    assert row.locator("td:first-child").inner_text() == "<b>job</b>-3"
    assert panel(page, "Rows").get_by_role("row").count() == 5
    context.close()


def test_two_rows_stand_side_by_side_on_a_phone(chromium: Browser, own: Any) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    stand = Stand(page)
    labels = {f"label_{n}": f"text {n}" for n in range(9)}
    stand.instant = lambda expr, at: [({"aa": f"row {n}", **labels}, float(n)) for n in range(2)]
    page.goto(f"{own({'type': 'table', 'title': 'Pair', 'targets': [rows_of('x')]})}/dashboards/own")
    settled(page)
    first, second = panel(page, "Pair").locator("tbody tr").all()
    for place in range(10):
        left, right = (row.locator("td").nth(place).bounding_box() for row in (first, second))
        assert left
        assert right
        assert abs(left["y"] - right["y"]) < 2
        assert left["x"] + left["width"] <= right["x"] + 1
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390
    context.close()


def test_now_is_now_at_every_range_and_an_old_number_says_of_when(page: Page, own: Any) -> None:
    stand = Stand(page)
    gone = [False]
    stand.instant = lambda expr, at: [] if gone[0] else [({"instance": "a"}, 16.0)]
    stand.curve = lambda expr, at: 89.0
    one = {
        "type": "stat",
        "title": "Power",
        "targets": [over_time("power")],
        "options": {"graphMode": "area"},
        "fieldConfig": {"defaults": {"unit": "watt"}, "overrides": []},
    }
    site = own(one)
    for start in ("now-15m", "now-365d"):
        page.goto(f"{site}/dashboards/own?from={start}&to=now")
        settled(page)
        assert panel(page, "Power").locator(".big").inner_text() == "16 W"
    gone[0] = True
    page.goto(f"{site}/dashboards/own?from=now-7d&to=now")
    settled(page)
    assert panel(page, "Power").locator(".big").inner_text() == "89 W"
    expect(panel(page, "Power").locator(".late")).to_have_text(re.compile(r"as of .*\d\d:\d\d$"))


MOMENTS = {
    "now": "2026-03-30T10:30:00",
    "now-6h": "2026-03-30T04:30:00",
    "now/d": "2026-03-30T00:00:00",
    "now-1d/d": "2026-03-29T00:00:00",
    "now/w": "2026-03-30T00:00:00",
    "now-1w/w": "2026-03-23T00:00:00",
    "now/M": "2026-03-01T00:00:00",
    "now-1M/M": "2026-02-01T00:00:00",
    "now-1M": "2026-02-28T10:30:00",
    "now-1y/y": "2025-01-01T00:00:00",
    "now/h": "2026-03-30T10:00:00",
    "now+2h": "2026-03-30T12:30:00",
    "2026-01-05": "2026-01-05T00:00:00",
    "2026-01-05 14:00": "2026-01-05T14:00:00",
    "2026-01-05T14:00:00Z": "2026-01-05T15:00:00",
    "1767621600000": "2026-01-05T15:00:00",
}


def test_grafanas_time_syntax(chromium: Browser, own: Any) -> None:
    """In Berlin on the day after the clocks went forward: a day is a day of the calendar."""
    context = chromium.new_context(timezone_id="Europe/Berlin")
    page = context.new_page()
    page.goto(f"{own()}/dashboards/")
    found = page.evaluate(
        """async (texts) => {
          const { moment } = await import('/dashboards/static/time.js');
          const now = new Date(2026, 2, 30, 10, 30).getTime() / 1000;
          const said = (at) => new Date((at - new Date(at * 1000).getTimezoneOffset() * 60) * 1000)
            .toISOString().slice(0, 19);
          return [Object.fromEntries(texts.map((text) => [text, said(moment(text, now))])),
            said(moment('now-1M/M', now, true)), said(moment('now-1d/d', now, true)),
            ['yesterday', 'now-', 'now/x', '', null].map((text) => moment(text, now))];
        }""",
        list(MOMENTS),
    )
    assert found == [MOMENTS, "2026-02-28T23:59:59", "2026-03-29T23:59:59", [None] * 5]
    context.close()


def test_choosing_a_range_of_ones_own(page: Page, own: Any) -> None:
    stand = Stand(page)
    stand.instant = lambda expr, at: [({}, 1.0)]
    page.goto(f"{own({'type': 'stat', 'title': 'One', 'targets': [query('x')]})}/dashboards/own")
    settled(page)
    menu = page.locator("#range")
    menu.locator("summary").click()
    menu.get_by_label("Search in Time").fill("month")
    expect(menu.locator(".option:visible")).to_have_text(["This month", "Last month"])
    menu.get_by_label("From", exact=True).fill("2026-03-02 10:00")
    menu.get_by_label("To", exact=True).fill("2026-03-01")
    menu.get_by_role("button", name="Show this range").click()
    expect(menu.get_by_role("alert")).to_contain_text("From must be before To")
    menu.get_by_label("To", exact=True).fill("2026-03-03 12:30")
    menu.get_by_label("To", exact=True).press("Enter")
    page.wait_for_url(re.compile(r"from=\d{13}&to=\d{13}"))
    expect(menu.locator("summary")).to_contain_text("2026-03-02 10:00 to 2026-03-03 12:30")
    menu.locator("summary").click()
    expect(menu).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    assert page.evaluate("() => document.activeElement.closest('details')?.id") == "range"
    page.goto(page.url.split("?")[0] + "?from=now-1d/d&to=now-1d/d")
    expect(menu.locator("summary")).to_contain_text("Yesterday")


def test_mappings_links_and_what_is_unknown(page: Page, own: Any) -> None:
    stand = Stand(page)
    stand.instant = lambda expr, at: [
        ({"name": "a b&c", "state": "1", "code": "E-42", "pid": "19459"}, 12.0),
        ({"name": "javascript", "state": "0", "code": "none", "pid": "7"}, 700.0),
    ]

    def override(name: str, *pairs: tuple[str, Any]) -> dict[str, Any]:
        properties = [{"id": key, "value": value} for key, value in pairs]
        return {"matcher": {"id": "byName", "options": name}, "properties": properties}

    words = {"type": "value", "options": {"1": {"text": "open", "color": "green"}, "0": {"text": "closed"}}}
    regex = {"type": "regex", "options": {"pattern": "/^E-(\\d+)$/", "result": {"text": "error $1"}}}
    span = {"type": "range", "options": {"from": 500, "to": 900, "result": {"text": "hot", "color": "red"}}}
    to = {"title": "Open", "url": '/d/gramwatt-runs/x?${__url_time_range}&var-name=${__data.fields["Name"]}'}
    evil = {"title": "Run", "url": "javascript:alert(1)"}
    one = {
        "type": "table",
        "title": "Rows",
        "targets": [rows_of("x")],
        "transformations": [
            {"id": "organize", "options": {
                "renameByName": {"name": "Name"},
                "indexByName": {"name": 0, "state": 1, "code": 2, "pid": 3}}},
            {"id": "spatial", "options": {}},
        ],
        "fieldConfig": {
            "defaults": {"unit": "watt"},
            "overrides": [
                {"matcher": {"id": "byType", "options": "string"}, "properties": [{"id": "unit", "value": "string"}]},
                override("Name", ("links", [to])),
                override("pid", ("links", [evil])),
                override("state", ("mappings", [words]), ("custom.cellOptions", {"type": "color-background"})),
                override("code", ("mappings", [regex])),
                override("Value", ("mappings", [span])),
                {"matcher": {"id": "byCloud", "options": ""}, "properties": []},
            ],
        },
    }  # fmt: skip
    page.goto(f"{own(one)}/dashboards/own?from=now-2h&to=now")
    settled(page)
    found = panel(page, "Rows")
    assert cells(found) == [
        ["a b&c", "open", "error 42", "19459", "12 W"],
        ["javascript", "closed", "none", "7", "hot"],
    ]
    links = [link.get_attribute("href") for link in found.locator("tbody a").all()]
    base = "/dashboards/gramwatt-runs?from=now-2h&to=now&var-name="
    assert links == [base + "a%20b%26c", base + "javascript"]
    expect(found.locator(".note")).to_contain_text('transformation "spatial"')
    expect(found.locator(".note")).to_contain_text('matcher "byCloud"')


def test_bars_heat_and_marks_by_keys(page: Page, own: Any) -> None:
    """Everything drawn can be walked through by arrow keys, and says its values as text."""
    stand = Stand(page)
    stand.instant = lambda expr, at: [({"horizon": str(n)}, 100.0 + n) for n in (1, 2, 3)]
    stand.curve = lambda expr, at: (None if at % 1200 else 1.0) if expr == "mark" else at % 100
    unit = {"defaults": {"unit": "watt"}, "overrides": []}
    panels: list[dict[str, Any]] = [
        {"type": "barchart", "title": "Bars", "targets": [rows_of("b")], "fieldConfig": unit},
        {
            "type": "heatmap",
            "title": "Heat",
            "targets": [over_time("h", "{{instance}}")],
            "fieldConfig": unit,
        },
        {"type": "timeseries", "title": "Curve", "targets": [over_time("c", "curve")], "fieldConfig": unit},
    ]
    marks = {
        "list": [
            {"name": "Runs begin", "expr": "mark", "titleFormat": "run on {{instance}}", "iconColor": "red"}
        ]
    }
    page.set_viewport_size({"width": 1440, "height": 1600})
    page.goto(f"{own(*panels, annotations=marks)}/dashboards/own")
    settled(page)
    for title, picture, wanted in (
        ("Bars", "svg", r"^1\s*101 W$"), ("Heat", "canvas", r"a \d+ W"), ("Curve", ".plot", r"curve \d+ W"),
    ):  # fmt: skip
        drawn = panel(page, title).locator(f".body {picture}").first
        assert drawn.get_attribute("role") == "img"
        assert re.search(r"\d+ W", drawn.get_attribute("aria-label") or ""), title
        drawn.focus()
        page.keyboard.press("Home")
        tip = panel(page, title).locator(".tip")
        expect(tip).to_be_visible()
        assert re.search(wanted, tip.inner_text()), title
        at_first = tip.inner_text()
        page.keyboard.press("ArrowRight")
        expect(tip).not_to_have_text(at_first)
        page.keyboard.press("Escape")
        expect(tip).to_be_hidden()
    assert panel(page, "Bars").locator("svg rect").count() == 4
    assert "run on a at" in (panel(page, "Curve").locator(".plot").get_attribute("aria-label") or "")


def test_a_panel_is_saved_as_numbers_and_as_a_picture(page: Page, own: Any) -> None:
    stand = Stand(page)
    stand.instant = lambda expr, at: [({"name": '=cmd|"x"', "user": "a,b"}, 12.5)]
    stand.curve = lambda expr, at: 3.0
    fields = {"defaults": {"unit": "watt"}, "overrides": []}
    table = {"type": "table", "title": "Rows now", "targets": [rows_of("x")], "fieldConfig": fields}
    chart = {"type": "timeseries", "title": "Curve", "targets": [over_time("y")], "fieldConfig": fields}
    page.goto(f"{own(table, chart)}/dashboards/own")
    settled(page)

    def saved(title: str, kind: str) -> tuple[str, bytes]:
        one = panel(page, title)
        one.hover()
        one.locator("details.take summary").click()
        with page.expect_download() as waiting:
            one.get_by_role("button", name=kind).click()
        return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()

    name, body = saved("Rows now", "Numbers")
    assert name == "Rows-now.csv"
    assert body.decode("utf-8-sig") == 'name,user,Value (watt)\r\n"\'=cmd|""x""","a,b",12.5\r\n'
    name, body = saved("Curve", "Numbers")
    lines = body.decode("utf-8-sig").split("\r\n")
    assert lines[0] == "Time,one (watt)"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z,3", lines[1])
    for title in ("Rows now", "Curve"):
        name, body = saved(title, "Picture")
        assert (name.split(".")[1], body[:4], len(body) > 3000) == ("png", b"\x89PNG", True)


def test_keyboard_and_paper(page: Page, own: Any) -> None:
    stand = Stand(page)
    stand.instant = lambda expr, at: [({"name": f"n{n}"}, float(n)) for n in range(40)]
    one = {"type": "table", "title": "Rows", "targets": [rows_of("x")], "description": "Of *what*."}
    page.goto(f"{own(one)}/dashboards/own")
    settled(page)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    assert (skip.bounding_box() or {"y": -1})["y"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.id") == "main"
    panel(page, "Rows").hover()
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, summary, select, input, nav a')]
          .filter((one) => one.checkVisibility() && !one.closest('details:not([open]) > .card'))
          .map((one) => [one.getBoundingClientRect(), one.outerHTML.slice(0, 80)])
          .filter(([{ width, height }]) => width && (width < 24 || height < 24)).map(([, text]) => text)"""
    )
    assert small == []
    page.emulate_media(media="print")
    expect(page.locator(".controls")).to_be_hidden()
    expect(page.locator(".bar")).to_be_hidden()
    assert page.evaluate("() => getComputedStyle(document.querySelector('.scroll')).overflowY") == "visible"
    sheet = panel(page, "Rows").bounding_box()
    last = panel(page, "Rows").locator("tbody tr").last.bounding_box()
    assert sheet
    assert last
    assert last["y"] + last["height"] <= sheet["y"] + sheet["height"] + 1


def test_a_definition_may_be_odd(page: Page, own: Any) -> None:
    """A dashboard of somebody else: without rows, titles, targets, or with what only Grafana has."""
    stand = Stand(page)
    stand.instant = lambda expr, at: [({}, 1.0)]
    panels = [
        {"type": "stat"},
        {"type": "news", "title": "News"},
        {"type": "stat", "title": "Odd", "targets": [query("x")], "options": {"reduceOptions": {"calcs": ["magic"]}}},
        {"type": "stat", "title": "Shifted", "timeFrom": "7d", "targets": [query("y[$__range]")]},
    ]  # fmt: skip
    page.set_viewport_size({"width": 1440, "height": 1600})
    page.goto(f"{own(*panels)}/dashboards/own")
    settled(page)
    expect(panel(page, "News")).to_contain_text('panel of the kind "news"')
    expect(panel(page, "Odd")).to_contain_text('calculation "magic"')
    assert f"y[{7 * 86400}s]" in stand.queries()


def test_a_range_of_its_own_is_a_second_long_at_the_days_first_moment(page: Page, own: Any) -> None:
    """Prometheus refuses a range of no length."""
    page.clock.set_fixed_time(datetime(2026, 11, 1).astimezone())
    stand = Stand(page)
    stand.instant = lambda expr, at: [({}, 1.0)]
    one = {"type": "stat", "title": "Today", "timeFrom": "now/d", "targets": [query("y[$__range]")]}
    page.goto(f"{own(one)}/dashboards/own")
    settled(page)
    assert "y[1s]" in stand.queries()
