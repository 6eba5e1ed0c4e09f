"""What the history consists of: series of samples, and the file from which Prometheus makes its database."""

from __future__ import annotations

import subprocess
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path


class Series:
    """Samples of one series: at which of the history's moments, and the values."""

    __slots__ = ("moments", "values")

    def __init__(self) -> None:
        self.moments = array("l")
        self.values = array("d")

    def add(self, moment: int, value: float) -> None:
        """The sample at the history's moment number ``moment``; moments only rise."""
        self.moments.append(moment)
        self.values.append(value)


class History:
    """All series by name and labels, at ``times`` (Unix seconds, rising)."""

    def __init__(self, times: Sequence[float]) -> None:
        self.times = times
        self.series: dict[str, Series] = {}

    def of(self, metric: str, labels: Mapping[str, str]) -> Series:
        """The series, new or known. ``metric`` without the prefix; one with a colon or in capitals is whole."""
        name = metric if ":" in metric or metric.isupper() or metric in _WHOLE else f"gramwatt_{metric}"
        text = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels.items())
        return self.series.setdefault(f"{name}{{{text}}}", Series())

    def constant(self, metric: str, labels: Mapping[str, str], value: float, first: int, end: int) -> None:
        """The same value at the moments from ``first`` to before ``end``."""
        self.computed(metric, labels, lambda _: value, first, end)

    def computed(
        self,
        metric: str,
        labels: Mapping[str, str],
        value: Callable[[float], float],
        first: int,
        end: int,
    ) -> None:
        """A value computed from the time, at the moments from ``first`` to before ``end``."""
        series = self.of(metric, labels)
        for moment in range(max(first, 0), min(end, len(self.times))):
            series.add(moment, value(self.times[moment]))


_WHOLE = {"up", "scrape_samples_scraped", "prometheus_rule_group_last_evaluation_timestamp_seconds"}


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def blocks(history: History, folder: Path, promtool: str) -> Path:
    """Make Prometheus's database of ``history`` below ``folder``. Returns its path.

    promtool reads its whole input once for every block that it makes. So it gets a file for each block, and its blocks
    are long; a block is made while the file of the next one is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / "tsdb"
    ends = [f" {at:.3f}\n" for at in history.times]
    with ThreadPoolExecutor(1) as maker:
        made: list[Future[None]] = []
        for number, (first, end) in enumerate(_parts(history.times)):
            file = folder / f"part-{number}.om"
            with file.open("w") as out:
                for name, series in history.series.items():
                    out.write(_lines(name, series, ends, first, end))
                out.write("# EOF\n")
            made.append(maker.submit(_block, promtool, file, database))
    for one in made:
        one.result()
    return database


def _block(promtool: str, file: Path, database: Path) -> None:
    longest = ["-q", f"--max-block-duration={_BLOCK}s"]
    command = [promtool, "tsdb", "create-blocks-from", "openmetrics", *longest, str(file), str(database)]
    subprocess.run(command, check=True, capture_output=True)
    file.unlink()


_BLOCK = 54 * 3600  # seconds; Prometheus' lengths are two hours times a power of three


def _parts(times: Sequence[float]) -> Iterable[tuple[int, int]]:
    """Spans of moments, each within one block of Prometheus."""
    first = 0
    while first < len(times):
        block = int(times[first]) // _BLOCK
        end = first
        while end < len(times) and int(times[end]) // _BLOCK == block:
            end += 1
        yield first, end
        first = end


def _lines(name: str, series: Series, ends: Sequence[str], first: int, end: int) -> str:
    moments, values = series.moments, series.values
    low, high = bisect_left(moments, first), bisect_left(moments, end)
    return "".join([f"{name} {values[place]!r}{ends[moments[place]]}" for place in range(low, high)])
