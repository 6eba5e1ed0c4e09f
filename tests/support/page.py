"""What tests of the dashboards' page share: opening one, waiting for it, finding things on it, making one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect


def show(page: Page, site: str, uid: str, query: str = "") -> None:
    """Open a dashboard, tall enough that every panel is in sight, and wait until all have answered."""
    page.set_viewport_size(
        {"width": page.viewport_size["width"] if page.viewport_size else 1440, "height": 6000}
    )
    page.goto(f"{site}/dashboards/{uid}{query}")
    settled(page)


def settled(page: Page) -> None:
    """Every panel in sight has its answer."""
    expect(page.locator(".panel").first).to_be_visible()
    page.wait_for_function(
        "() => !document.querySelector('[aria-busy]') && !document.querySelector('.wait:not(.failed)')"
    )


def panel(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title, exact=True).first


def cells(found: Locator) -> list[list[str]]:
    """The texts of a table's rows."""
    return [row.locator("td").all_inner_texts() for row in found.locator("tbody tr").all()]


def write(folder: Path, *panels: dict[str, Any], **more: Any) -> Path:
    """A dashboard called "own" with these panels one below the other."""
    for place, one in enumerate(panels):
        one.setdefault("gridPos", {"x": 0, "y": 8 * place, "w": 24, "h": 8})
        one.setdefault("id", place + 1)
    board = {"title": "Own", "time": {"from": "now-1h", "to": "now"}, "panels": list(panels), **more}
    (folder / "own.json").write_text(json.dumps(board))
    return folder


def query(expr: str, **more: Any) -> dict[str, Any]:
    """A question of a panel, of this moment."""
    return {"refId": "A", "expr": expr, "instant": True, "legendFormat": "one", **more}


def rows_of(expr: str, **more: Any) -> dict[str, Any]:
    """A question of a table."""
    return query(expr, format="table", legendFormat="", **more)


def over_time(expr: str, legend: str = "one", **more: Any) -> dict[str, Any]:
    """A question of a chart."""
    return {"refId": "A", "expr": expr, "range": True, "legendFormat": legend, **more}
