"""The dashboards, with axe-core: no violation, in light and in dark, with a menu open, on a phone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe import source, violations
from history_server import NOW
from page import show
from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BOARDS = [
    f"gramwatt-{name}" for name in ("start", "machines", "runs", "grid", "footprint")
]  # every kind of panel


@pytest.fixture(scope="session")
def axe(pytestconfig: pytest.Config) -> str:
    return source(Path(pytestconfig.cache.mkdir("axe")))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_violation(chromium: Browser, site: str, axe: str, scheme: Any) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    context.clock.install(time=NOW)
    page = context.new_page()
    found: dict[str, list[str]] = {}
    for uid in BOARDS if scheme == "light" else BOARDS[:1]:
        show(page, site, uid)
        found[uid] = violations(page, axe)
    page.locator("#range summary").click()
    page.locator(".panel").last.hover()  # the open menu covers the first
    found["a menu"] = violations(page, axe)
    page.goto(f"{site}/dashboards/")
    found["the list"] = violations(page, axe)
    context.close()
    assert {name: one for name, one in found.items() if one} == {}


def test_no_violation_on_a_phone(chromium: Browser, site: str, axe: str) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    context.clock.install(time=NOW)
    page = context.new_page()
    show(page, site, "gramwatt-start")
    assert violations(page, axe) == []
    context.close()


def test_what_is_empty_can_be_read_too(chromium: Browser, serve: Callable[..., str], axe: str) -> None:
    """Without a Prometheus, and before there is anything."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    show(page, serve("http://127.0.0.1:9"), "gramwatt-start")
    assert violations(page, axe) == []
    page.close()
