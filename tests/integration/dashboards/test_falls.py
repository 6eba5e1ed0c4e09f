"""A counter that falls as the range begins: an exporter that lost its state, just then."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from boards import expression, fill, instant, numbers
from history_server import program, prometheus

BEGIN = 1_795_000_800
FALL = BEGIN + 300  # the last reading of before is at this moment
SCRAPE, WATTS = 15, 2


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("falls")
    name = 'gramwatt_device_energy_joules_total{job="j",instance="i",component="cpu",device="package-0"}'
    readings = [
        (at, 1000 + WATTS * (at - BEGIN) if at <= FALL else WATTS * (at - FALL))
        for at in range(BEGIN, FALL + 900, SCRAPE)
    ]
    lines = [
        "# TYPE gramwatt_device_energy_joules counter",
        *(f"{name} {value} {at}" for at, value in readings),
    ]
    (folder / "data.om").write_text("\n".join([*lines, "# EOF", ""]))
    command = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", "data.om", "tsdb"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    with prometheus(folder) as served:
        yield served


@pytest.mark.parametrize("after", [1, 7, 14])
@pytest.mark.parametrize("seconds", [60, 300, 600])
def test_what_was_gained_before_the_fall_is_not_taken_off(url: str, seconds: int, after: int) -> None:
    expr = fill(expression("gramwatt-start", "Used", "A"), seconds, SCRAPE)
    (found,) = numbers(instant(url, expr, FALL + after + seconds)).values()
    # From the first reading of the new counter to the last one in the range.
    last = (after + seconds) // SCRAPE * SCRAPE
    assert found * 3600 == pytest.approx(WATTS * (last - SCRAPE))
