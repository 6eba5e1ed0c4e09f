"""On a machine at rest the exporter wakes for a sample and for a scrape, and for nothing else.

Counted are the voluntary context switches of all its threads, which a busy machine does not add to.
"""

from __future__ import annotations

import http.client
import re
import time
from pathlib import Path
from typing import Any

from running import Exporter, exporter, total

SECONDS = 6.0
_VOLUNTARY = re.compile(r"^voluntary_ctxt_switches:\s*(\d+)", re.MULTILINE)


def wakes(running: Exporter) -> int:
    """How often its threads have gone to sleep so far."""
    count = 0
    for thread in Path(f"/proc/{running.process.pid}/task").iterdir():
        found = _VOLUNTARY.search((thread / "status").read_text())
        assert found is not None
        count += int(found[1])
    return count


def scrape(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/metrics")
    answer = connection.getresponse()
    assert answer.status == 200
    answer.read()


def test_nothing_wakes_it_between_samples_and_scrapes(tmp_path: Path, rapl: Any) -> None:
    flags = {"path.sysfs": str(rapl.root), "sampling.interval": "10s", "state.dir": str(tmp_path / "state")}
    with exporter(tmp_path, flags, GRAMWATT_INTENSITY_ZONE="FR") as running:
        # The second sample comes at once, so that there is something to show; the third after the interval.
        running.wait(lambda series: total(series, "gramwatt_samples_total") >= 2)
        connection = http.client.HTTPConnection(running.address, timeout=10)
        scrape(connection)
        time.sleep(0.5)

        before = wakes(running)
        time.sleep(SECONDS)
        quiet = wakes(running) - before

        before = wakes(running)
        for _ in range(20):
            scrape(connection)
        scraping = wakes(running) - before
        connection.close()
        assert total(running.scrape(), "gramwatt_samples_total") in (2, 3)
    assert quiet <= 2  # a sample in that time, on a machine that was slow to get here
    assert scraping <= 20 + 5


def test_a_sample_wakes_it_once(tmp_path: Path, rapl: Any) -> None:
    flags = {"path.sysfs": str(rapl.root), "sampling.interval": "500ms"}
    with exporter(tmp_path, flags) as running:
        first = total(running.wait_samples(2), "gramwatt_samples_total")
        before = wakes(running)
        time.sleep(SECONDS)
        woken = wakes(running) - before
        samples = total(running.scrape(), "gramwatt_samples_total") - first
    assert samples >= 2
    # Those scrapes that waited for the samples are before the first count, the last one is behind the second.
    assert woken <= samples + samples / 2 + 2
