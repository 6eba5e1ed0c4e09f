"""The live view of ``gramwatt top`` (textual, extra ``gramwatt[top]``)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar, Optional

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Footer, Input, Static
from textual.worker import get_current_worker

from ..api import Api
from ..errors import GramwattError
from .board import Section, sections, summary


class Board(App[None]):
    """Tables that refresh every ``interval`` seconds. A worker thread asks the exporter, so that keys react at once."""

    TITLE = "gramwatt top"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #summary { padding: 0 1; text-style: bold; }
    #problem { padding: 0 1; color: $error; display: none; }
    #filter { display: none; }
    .title { padding: 0 1; color: $accent; }
    DataTable { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "sort('power')", "power"),
        Binding("e", "sort('energy')", "energy"),
        Binding("c", "sort('cpu')", "CPU time"),
        Binding("n", "sort('name')", "name"),
        Binding("slash", "filter", "filter"),
        Binding("escape", "no_filter", "no filter", show=False),
        Binding("space", "pause", "pause"),
        Binding("q", "quit", "quit"),
    ]

    def __init__(self, api: Api, sort: str, pattern: str, count: int, interval: float) -> None:
        super().__init__()
        self._api = api
        self._sort = sort
        self._pattern = pattern
        self._count = count
        self._interval = interval
        self._paused = False
        self._asking = False
        self._top: Mapping[str, Any] = {}

    def compose(self) -> ComposeResult:
        """Summary on top, one table per section below, the filter and the keys at the bottom."""
        yield Static("", id="summary", markup=False)
        yield Static("", id="problem", markup=False)
        with VerticalScroll():
            for name in ("devices", "budgets", "workloads", "processes"):
                yield Static(name.capitalize(), classes="title", id=f"title-{name}")
                yield DataTable(id=name, cursor_type="none", zebra_stripes=True)
        yield Input(self._pattern, placeholder="part of a name, user or pid", id="filter")
        yield Footer()

    def on_mount(self) -> None:
        """Ask once now, then every ``interval`` seconds."""
        self.refresh_board()
        self.set_interval(self._interval, self.refresh_board)

    def refresh_board(self) -> None:
        """Ask again, unless the view is paused or the last answer has not come (a slow exporter must not get more
        calls)."""
        if not self._paused and not self._asking:
            self._asking = True
            self._ask()

    @work(thread=True)
    def _ask(self) -> None:
        """Ask the exporter and show the answer. Without one, show the reason above the last answer."""
        try:
            top, problem = self._api.top(self._count, self._count), ""
        except GramwattError as error:
            top, problem = {}, str(error)
        if not get_current_worker().is_cancelled:
            self.call_from_thread(self._answered, top, problem)

    def _answered(self, top: Mapping[str, Any], problem: str) -> None:
        self._asking = False
        line = self.query_one("#problem", Static)
        line.update(problem)
        line.display = bool(problem)
        if not problem:
            self._top = top
            self._draw()

    def _draw(self) -> None:
        state = " (paused)" if self._paused else ""
        self.query_one("#summary", Static).update(summary(self._top, time.time()) + state)
        shown = {section.title.lower(): section for section in sections(self._top, self._sort, self._pattern)}
        for name in ("devices", "budgets", "workloads", "processes"):
            self._fill(name, shown.get(name))

    def _fill(self, name: str, section: Optional[Section]) -> None:
        table: DataTable[Text] = self.query_one(f"#{name}", DataTable)
        title = self.query_one(f"#title-{name}", Static)
        table.display = title.display = section is not None
        table.clear(columns=True)
        if section is None:
            return
        for i, head in enumerate(section.header):
            table.add_column(Text(head, justify="right" if i in section.right else "left"))
        for row in section.rows:
            table.add_row(
                *(Text(cell, justify="right" if i in section.right else "left") for i, cell in enumerate(row))
            )

    def action_sort(self, order: str) -> None:
        """Sort workloads and processes."""
        self._sort = order
        self._draw()

    def action_filter(self) -> None:
        """Type a filter."""
        box = self.query_one("#filter", Input)
        box.display = True
        self.set_focus(box)  # at once: the next key already belongs to the filter

    def action_no_filter(self) -> None:
        """Show everything again."""
        box = self.query_one("#filter", Input)
        box.value = ""
        box.display = False
        self._pattern = ""
        self._draw()

    def action_pause(self) -> None:
        """Pause the view, or resume it."""
        self._paused = not self._paused
        self._draw()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        self._pattern = event.value
        self._draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the tables, the filter stays."""
        event.input.display = False
        self.set_focus(None)
