"""A report as a PDF."""

from __future__ import annotations

from collections.abc import Sequence

from .. import units
from ..equivalents import equivalents
from ..render.quantity import quantity
from ..render.shorten import shortened
from ..render.text import clean
from ..store.nouns import Listed
from .content import Group, Report
from .method import method
from .paper import Paper
from .pictures import charts

MOST_RUNS = 60


def as_pdf(report: Report, label: str = "") -> bytes:
    """A4 pages; ``label`` is the SVG of a single run's label."""
    paper = Paper(
        f"Gramwatt, {units.moment(report.made_at)}: {shortened(report.title, 60)}, {report.subtitle}"
    )
    paper.heading(shortened(report.title, 90), 20)
    paper.text(report.subtitle, 12, "#555")
    totals = report.totals
    paper.table([("", 0.5), ("", -0.5)], totals_rows(report), 11)
    if label:
        paper.picture(label, 300, 420)
    for title, svg in charts(report):
        paper.heading(title, 12, keep=200)
        paper.picture(svg, 420, 190)
    for title, groups in (("Models", report.models), ("Tasks", report.tasks), ("Users", report.users)):
        if not report.is_of_one and groups:
            paper.heading(f"By {title.lower()[:-1]}", 13)
            paper.table(
                [(title[:-1], 0.38), ("runs", -0.08), ("energy", -0.14), ("CO2", -0.14), ("letters", 0.26)],
                [group_row(one) for one in groups],
            )
    if not report.is_of_one:
        paper.heading("Budgets", 13)
        for line in budget_lines(report):
            paper.text(line)
    paper.heading("In everyday terms", 13)
    for one in equivalents(
        totals.joules if totals.with_energy else None, totals.grams if totals.with_grams else None
    ):
        if one.amount >= 0.01:
            paper.text(f"{quantity(one.amount, 'count')} {one.what} ({one.source})", 9)
    paper.heading("Method and uncertainty", 13)
    for line in method(report):
        paper.text(line, 9)
    paper.heading("Runs", 13)
    paper.table(
        [("ended", 0.17), ("model or name", 0.4), ("task", 0.19), ("energy", -0.12), ("grade", 0.12)],
        [_run(row) for row in report.rows[:MOST_RUNS]],
        8.5,
    )
    if totals.runs > MOST_RUNS:
        paper.text(f"and {totals.runs - MOST_RUNS:,} more")
    return paper.pdf()


def totals_rows(report: Report) -> list[tuple[str, str]]:
    """The totals as name and text. A sum over some of the runs says so."""
    totals = report.totals
    sigma = totals.uncertainty_ratio
    energy = units.energy(totals.joules) + (f" ±{100 * sigma:.2g} %" if sigma is not None else "")
    return [
        ("Runs", f"{totals.runs:,}{' (the newest only)' if report.cut else ''}"),
        _partly("Energy", energy, totals.with_energy, totals.runs),
        _partly("CO2 equivalent", units.mass(totals.grams), totals.with_grams, totals.runs),
        ("Run time", units.duration(totals.seconds)),
    ]


def budget_lines(report: Report) -> list[str]:
    """The state of each budget in a sentence."""
    if report.budgets is None:
        return ["The state of the budgets is not known: Prometheus does not say."]
    if not report.budgets:
        return ["No budget is set."]
    return [
        f"{one.name}: {units.mass(one.used_grams)} of {units.mass(one.limit_grams)} used ({100 * one.share:.3g} %)"
        + ("; the limit is passed" if one.share > 1 else "")
        for one in report.budgets
    ]


def group_row(one: Group) -> Sequence[str]:
    """Name, runs, energy, CO2 and letters of a group."""
    return (
        shortened(clean(one.name), 48),
        f"{one.runs:,}",
        "not known" if one.joules is None else units.energy(one.joules),
        "not known" if one.grams is None else units.mass(one.grams),
        ", ".join(f"{letter} {count:,}" for letter, count in one.letters.items()),
    )


def _partly(name: str, text: str, known: int, runs: int) -> tuple[str, str]:
    if not known:
        return name, "not known"
    return name if known == runs else f"{name} of {known:,} of the {runs:,} runs", text


def _run(row: Listed) -> Sequence[str]:
    evaluation, graded = row.evaluation, row.graded
    window, measured = evaluation.window, evaluation.measurement
    return (
        units.moment(window.end)[:16],
        shortened(clean(window.model or window.name or window.id), 42),
        shortened(clean(window.task), 22),
        units.energy(measured.energy_joules) if measured else "",
        (graded.grade.letter or "not graded") if graded else "",
    )
