"""Every page of the labeler, found in its routes, over the worst data: by keyboard, narrow, large, dark, on paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import axe
import page_faults as faults
import pytest
from gramwatt_labeler.store import Store
from labeler_site import application, serving
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect
from site_pages import STATES, addresses
from worst_data import MANAGER, PASSWORD, fill_with_the_worst

pytestmark = pytest.mark.browser

MOST_BYTES = 120_000  # a second on a slow line
PARTS = 4
_OF_ONE = re.compile(
    r"/run-\d+|/\d+|/users|/$|\?.*"
)  # which run, which user: two runs of a model have one name
DESK: ViewportSize = {"width": 1280, "height": 900}
PAPER: ViewportSize = {"width": 688, "height": 1000}  # A4 within its margins


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """The address of the labeler, and those of its pages."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('worst') / 'labeler.db'}")
    fill_with_the_worst(store)
    app = application(store)
    with serving(app) as address:
        yield address, addresses(app)
    store.close()


@pytest.fixture(scope="module")
def manager(site: tuple[str, list[str]], chromium: Browser) -> Iterator[BrowserContext]:
    """A browser in which a manager has logged in by keyboard alone: a manager sees every form."""
    context = chromium.new_context(viewport=DESK, color_scheme="light")
    page = context.new_page()
    page.goto(f"{site[0]}/login")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type(MANAGER)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Manage")).to_be_visible()
    page.close()
    yield context
    context.close()


@pytest.fixture
def said(manager: BrowserContext, site: tuple[str, list[str]]) -> Iterator[tuple[Page, list[str]]]:
    """A page, and what the browser complains about or asks of others."""
    page = manager.new_page()
    texts: list[str] = []
    page.on("console", lambda one: texts.append(one.text) if one.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: texts.append(str(error)))
    page.on("request", lambda one: None if one.url.startswith((site[0], "data:")) else texts.append(one.url))
    yield page, texts
    page.close()


@pytest.mark.parametrize("part", range(PARTS))
def test_every_page(said: tuple[Page, list[str]], site: tuple[str, list[str]], part: int) -> None:
    page, texts = said
    found = {}
    for address in site[1][part::PARTS]:
        texts.clear()
        page.set_viewport_size(DESK)
        page.goto(site[0] + address)
        expect(page.locator("h1").first).to_be_visible()
        # The browser itself reports the answers of pages that say no; Prometheus is away.
        wrong = [*looked_at(page, address), *(one for one in texts if "status of" not in one)]
        if wrong:
            found[address] = wrong
    assert found == {}


def looked_at(page: Page, address: str) -> Iterator[str]:
    """All that is wrong with the page that is open. The dashboards have tests of their own for their panels."""
    faults.load(page)
    yield from faults.found(page, "structure")
    if not is_dashboard(address) and address not in STATES:  # a state has the controls of its page
        yield from faults.keyboard(page)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        yield from (f"{scheme}: {one}" for one in faults.found(page, "contrast"))
    page.emulate_media(color_scheme="light")
    for width in (1024, 320):
        page.set_viewport_size({"width": width, "height": 844})
        yield from (
            f"{width} pixels: {one}" for one in faults.found(page, "layout") + faults.found(page, "targets")
        )
    page.emulate_media(media="print")
    page.set_viewport_size(PAPER)
    yield from (f"printed: {one}" for one in faults.found(page, "layout") + faults.found(page, "paper"))
    page.emulate_media(media="screen")


def test_every_page_fits_with_letters_twice_as_large(
    manager: BrowserContext, site: tuple[str, list[str]], large_letters: Browser
) -> None:
    context = large_letters.new_context(storage_state=manager.storage_state(), viewport=DESK)
    page = context.new_page()
    found = {}
    for address in site[1]:
        if is_dashboard(address):  # panels are grids of pixels: the browser's own zoom enlarges them
            continue
        page.goto(site[0] + address)
        faults.load(page)
        wrong: list[str] = []
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            wrong += [f"{width} pixels: {one}" for one in faults.found(page, "layout")]
        if wrong:
            found[address] = wrong
    context.close()
    assert found == {}


def test_no_page_is_large_and_each_has_a_title_of_its_own(
    manager: BrowserContext, site: tuple[str, list[str]]
) -> None:
    sizes: dict[str, int] = {}
    titles: dict[str, str] = {}
    for address in site[1]:
        answer = manager.request.get(site[0] + address, headers={"Accept": "text/html"})
        body = answer.text()
        sizes[address] = len(body.encode())
        title = body.partition("<title>")[2].partition("</title>")[0]
        path = _OF_ONE.sub("", address)
        # Pages of errors share their titles, and the first dashboard has two addresses.
        if answer.ok and "Start" not in title:
            assert titles.setdefault(title, path) == path
    assert {address: size for address, size in sizes.items() if size > MOST_BYTES} == {}


@pytest.mark.slow
def test_no_violation(
    site: tuple[str, list[str]], manager: BrowserContext, pytestconfig: pytest.Config
) -> None:
    """With axe-core, as a manager sees it."""
    script = axe.source(Path(pytestconfig.cache.mkdir("axe")))
    browser = manager.browser
    assert browser is not None
    context = browser.new_context(bypass_csp=True, storage_state=manager.storage_state())
    page = context.new_page()
    found = {}
    for address in site[1]:
        page.goto(site[0] + address)
        found[address] = axe.violations(page, script)
    context.close()
    assert {address: one for address, one in found.items() if one} == {}


@pytest.mark.parametrize("scripts", [True, False])
def test_on_a_phone_the_pages_are_a_menu_that_escape_closes(
    site: tuple[str, list[str]], chromium: Browser, scripts: bool
) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=scripts)
    page = context.new_page()
    for address in ("/evaluations", "/dashboards/"):
        page.goto(site[0] + address)
        pages = page.get_by_role("navigation", name="Pages")
        expect(pages).to_be_hidden()
        menu = page.get_by_role("button", name="Menu")
        menu.focus()
        page.keyboard.press("Enter")
        expect(pages.get_by_role("link", name="Manage")).to_be_in_viewport()
        page.keyboard.press("Tab")
        expect(pages.get_by_role("link", name="Dashboards")).to_be_focused()
        page.keyboard.press("Escape")
        expect(pages).to_be_hidden()
        expect(menu).to_be_focused()
    context.close()


def test_a_form_that_failed_leaves_the_keyboard_at_what_is_wrong(
    said: tuple[Page, list[str]], site: tuple[str, list[str]]
) -> None:
    page, _ = said
    for address in (
        "/evaluations?since=x", "/explore?since=x", "/study?domain=x", "/report?made=1&month=x", "/compare?ids=run-0",
        "/roi?old=x&new=-2&calls_per_day=z", "/evaluations/run-2?runs=x",
    ):  # fmt: skip
        page.goto(site[0] + address)
        expect(page.locator(":focus:is([role=alert], [aria-invalid])")).to_have_count(1)
    for path, fields, button in (
        ("/evaluate", {"Model (needed)": "m", "Energy": "x"}, "Show the label"),
        ("/models", {"Model (needed)": "m", "Parameters": "x"}, "Keep"),
        ("/probe", {}, "Start"),
        ("/models/19", {"Is": "x"}, "Correct"),
        ("/manage", {"Name": "<b>viewer</b>"}, "Add"),
        ("/manage/metrics", {"Name": "9 9", "Title": "t"}, "Save"),
        (
            "/manage/tactics",
            {"Name": "a", "Title": "t", "Stage": "s", "Source": "s", "At least": "x"},
            "Save",
        ),
        ("/manage/scales/gramwatt", {"bands A, up to": "x"}, "Preview"),
    ):
        page.goto(site[0] + path)
        for label, text in fields.items():
            page.get_by_label(label, exact=True).fill(text)
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.locator(":focus:is([role=alert], [aria-invalid])")).to_have_count(1)


def is_dashboard(address: str) -> bool:
    """Whether its page is drawn by scripts."""
    return address == "/" or address.startswith("/dashboards/gramwatt")
