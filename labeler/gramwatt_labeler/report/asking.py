"""Which runs a report is about, and the budgets as Prometheus knows them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ..errors import InputError, LabelerError, NotFound, TakenBack
from ..evaluate.listed import Shown, with_letters
from ..grading.scale import letters_of
from ..prometheus import Prometheus, selector
from ..render.text import clean
from ..scale_files import LoadedScale
from ..store import Store
from ..store.nouns import Filters, Listed
from .content import MOST_ROWS, Budget, Report, build

_MONTH = re.compile(r"(\d{4})-(\d{2})")
_PAGE = 500
# What the rules make of all machines, those included that are switched off.
_LIMIT = "budget:gramwatt_budget_limit_grams:max"
_USED = "budget:gramwatt_budget_period_emissions_grams:sum"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is asked for; "" and None do not narrow. ``month`` is such as ``2026-11`` (UTC)."""

    window: str = ""
    model: str = ""
    user: str = ""
    month: str = ""
    task: str = ""


def month_of(text: str) -> tuple[float, float]:
    """Unix seconds of a month's beginning and of the next one's. Raises InputError."""
    match = _MONTH.fullmatch(text)
    try:
        year, month = (int(match[1]), int(match[2])) if match else (0, 0)
        start = datetime(year, month, 1, tzinfo=UTC)
        end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        return start.timestamp(), end.timestamp()
    except (ValueError, OverflowError):
        raise InputError(f"month: {clean(text)[:20]!r} is not a month such as 2026-11") from None


def report_of(
    asked: Asked,
    store: Store,
    scale: LoadedScale,
    now: float,
    prometheus: Prometheus | None,
    shown: Shown,
) -> Report:
    """The report, each run with the letter of its label. ``scale`` is the main one; ``shown`` finds that of a label.

    Raises InputError for a month that is none and when no run fits.
    """
    if asked.window:
        return _of_one(asked, store, scale, now, shown)
    filters = Filters(
        model=asked.model, user=asked.user, task=asked.task, outermost=True, own=not asked.model
    )
    since, until = -math.inf, now
    if asked.month:
        since, end = month_of(asked.month)
        filters = replace(filters, since=since, until=end)
        until = min(now, end - 1)
    rows, cut = _rows(store, filters, scale.id.name)
    rows = with_letters(rows, store, shown)
    if not rows:
        raise InputError(f"there is no run {subtitle_of(asked)}")
    title = "Energy and CO2 of AI runs"
    if asked.model:
        title = f"Energy and CO2 of {clean(asked.model)}"
    budgets = _budgets(prometheus, since, until)
    return build(title, subtitle_of(asked), rows, letters_of(scale.scale), now, budgets, cut)


def _of_one(
    asked: Asked,
    store: Store,
    scale: LoadedScale,
    now: float,
    shown: Shown,
) -> Report:
    """Of a single run, with the letter of its page. Budgets are not about one run."""
    try:
        stored = store.evaluation(asked.window)
    except TakenBack as error:
        raise InputError(clean(str(error))) from None
    except NotFound:
        raise InputError(f"there is no evaluation {clean(asked.window)[:80]!r}") from None
    graded = shown(stored.grades)
    grade = graded.grade if graded else None
    window = stored.evaluation.window
    subtitle = " · ".join(filter(None, map(clean, (window.phase, window.task, window.dataset))))
    return build(
        clean(window.model or window.name or window.id),
        subtitle,
        [Listed(stored.evaluation, graded, None)],
        grade.letters if grade else letters_of(scale.scale),
        now,
        [],
        is_of_one=True,
    )


def subtitle_of(asked: Asked) -> str:
    """Such as ``of alice in November 2026``."""
    words = []
    if asked.model:
        words.append(f"of model {clean(asked.model)}")
    if asked.task:
        words.append(f"of task {clean(asked.task)}")
    if asked.user:
        words.append(f"of user {clean(asked.user)}")
    if asked.month:
        start, _ = month_of(asked.month)
        words.append(datetime.fromtimestamp(start, UTC).strftime("in %B %Y"))
    return " ".join(words) or "of all time"


def _rows(store: Store, filters: Filters, scale: str) -> tuple[list[Listed], bool]:
    found: list[Listed] = []
    cursor = ""
    while True:
        page = store.page(filters, scale, "-ended", cursor, _PAGE, counted=False)
        found += _outermost(page.rows, store, filters)
        cursor = page.next
        if not cursor:
            return found, False
        if len(found) >= MOST_ROWS:
            return found, True


def _outermost(rows: Sequence[Listed], store: Store, filters: Filters) -> list[Listed]:
    """Those that are not far inside a run that counts: the list itself looks one run further out."""
    parts = [row.evaluation.id for row in rows if row.evaluation.window.parent]
    within = store.within(parts, filters) if parts else set()
    return [row for row in rows if row.evaluation.id not in within]


def _budgets(prometheus: Prometheus | None, since: float, at: float) -> list[Budget] | None:
    """The budgets at a moment, by samples from ``since`` on; None when Prometheus does not say.

    In the first seconds of a month the newest samples are of the month before.
    """
    if prometheus is None:
        return None
    try:
        limits = _most(prometheus, selector("gramwatt_budget_limit_grams"), at)
        limits |= _most(prometheus, selector(_LIMIT), at)
        used = _of_machines(prometheus, since, at) | _most(prometheus, _after(since, _USED), at)
    except LabelerError:
        return None
    if limits and not used:
        return None
    return [Budget(name, used[name], limits[name]) for name in sorted(limits) if name in used]


def _after(since: float, metric: str) -> str:
    """The metric by samples of ``since`` and later."""
    select = selector(metric)
    return f"{select} and timestamp({select}) >= {since:.0f}" if math.isfinite(since) else select


def _most(prometheus: Prometheus, query: str, at: float) -> dict[str, float]:
    """The largest value by budget: that of every machine is the same, and so are the copies of two servers."""
    found: dict[str, float] = {}
    for series in prometheus.instant(query, at):
        name = series.labels.get("budget", "")
        found[name] = max(found.get(name, 0.0), series.samples[-1][1])
    return found


def _of_machines(prometheus: Prometheus, since: float, at: float) -> dict[str, float]:
    """Grams of the period by budget, where the rules that remember them are not loaded: a sum over the machines.

    A budget of one name is one budget for all machines. A machine that is scraped twice counts once.
    """
    machines = {
        series.target: series.labels.get("machine", "")
        for series in prometheus.instant(selector("gramwatt_machine_info"), at)
    }
    own: dict[tuple[str, str], float] = {}
    for series in prometheus.instant(_after(since, "gramwatt_budget_period_emissions_grams"), at):
        machine = machines.get(series.target) or series.labels.get("instance", "")
        key = series.labels.get("budget", ""), machine
        own[key] = max(own.get(key, 0.0), series.samples[-1][1])
    return {name: math.fsum(grams for (one, _), grams in own.items() if one == name) for name, _ in own}
