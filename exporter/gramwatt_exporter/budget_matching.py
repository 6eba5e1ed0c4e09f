"""Which budgets a process counts for: by its own labels, and by those of the windows it is in."""

from __future__ import annotations

from collections.abc import Mapping

from .budgets import BudgetBook
from .processes.row import Row
from .windows import ApiError, WindowBook


class BudgetMatching:
    """Budgets that match everything are left out here: the whole machine is charged to them."""

    def __init__(self, budgets: BudgetBook, windows: WindowBook) -> None:
        self.budgets = budgets
        self._windows = windows

    def replace(self, budgets: BudgetBook) -> None:
        """Use other budgets from now on. The caller matches all rows again."""
        self.budgets = budgets

    def of_row(self, row: Row) -> tuple[str, ...]:
        """Budgets that match the process, or one of the windows it is in."""
        if not self.budgets:
            return ()
        workload = row.identity.workload
        labels = {
            "user": workload.user,
            "workload": workload.name,
            "kind": workload.kind,
            "command": row.identity.command,
        }
        matched = dict.fromkeys(self.budgets.matches(labels))
        for window_id in row.windows:
            try:
                window = self._windows.get(window_id)
            except ApiError:  # the window ended with the process and is no longer kept
                continue
            inside: Mapping[str, str] = {
                **labels,
                "model": window.model,
                "project": window.tags.get("project", ""),
            }
            matched.update(dict.fromkeys(self.budgets.matches(inside)))
        everything = self.budgets.matches({})
        return tuple(name for name in matched if name not in everything)
