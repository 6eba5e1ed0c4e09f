"""A report in the first seconds of a month: the newest samples are of the month before."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from gramwatt_labeler.model import Measurement, Window
from gramwatt_labeler.prometheus import Prometheus
from gramwatt_labeler.report.asking import Asked, report_of
from gramwatt_labeler.report.printing import budget_lines
from gramwatt_labeler.scale_files import load_scales
from gramwatt_labeler.store import Evaluation, Origin, Store
from history_server import program, prometheus

MARCH = datetime(2026, 3, 1, tzinfo=UTC).timestamp()
SCRAPES = (-20, -10, 7, 17)  # seconds from the beginning of March
GRAMS = {-20: 900.0, -10: 950.0, 7: 1.0, 17: 2.0}


@pytest.fixture(scope="module", params=["machines", "rules"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    used, limit = "gramwatt_budget_period_emissions_grams", "gramwatt_budget_limit_grams"
    if request.param == "rules":
        used, limit = f"budget:{used}:sum", f"budget:{limit}:max"
    lines = [f'{limit}{{budget="lab"}} 1000 {MARCH + at}' for at in SCRAPES]
    lines += [f'{used}{{budget="lab"}} {GRAMS[at]} {MARCH + at}' for at in SCRAPES]
    (folder / "data.om").write_text("\n".join([*lines, "# EOF", ""]))
    command = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", "data.om", "tsdb"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    with prometheus(folder) as url, httpx.Client() as client:
        yield Prometheus(url, client)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """With a run that ended as March began, and one just before."""
    made = Store(f"sqlite:///{tmp_path / 'labeler.db'}")
    used = Measurement(5.0, {"cpu": 5.0}, 9, 1.0)
    for name, end in (("old", MARCH - 1), ("new", MARCH)):
        window = Window(name, name, "training", end - 60, end, model="m", task="t")
        made.add_evaluation(Evaluation(window=window, measurement=used, origin=Origin.WINDOW), [])
    yield made
    made.close()


@pytest.mark.parametrize(
    ("month", "seconds", "runs", "said"),
    [
        ("2026-03", 0.5, ["new"], "The state of the budgets is not known: Prometheus does not say."),
        ("2026-03", 8.0, ["new"], "lab: 1 g of 1 kg used (0.1 %)"),
        ("2026-02", 0.5, ["old"], "lab: 950 g of 1 kg used (95 %)"),
        ("2026-02", -0.5, ["old"], "lab: 950 g of 1 kg used (95 %)"),
    ],
)
def test_a_report_counts_the_runs_and_budgets_of_its_month(
    server: Prometheus, store: Store, month: str, seconds: float, runs: list[str], said: str
) -> None:
    scale = load_scales()["gramwatt"]
    report = report_of(Asked(month=month), store, scale, MARCH + seconds, server, lambda _: None)
    assert [row.evaluation.id for row in report.rows] == runs
    assert budget_lines(report) == [said]
