"""With more rows than a person reads numbers are written with an exponent: the same numbers, to the last digit."""

from __future__ import annotations

from decimal import Decimal

import pytest
from gramwatt_exporter.config import Config
from gramwatt_exporter.config.schema import Process
from gramwatt_exporter.metrics.exposition import Exposition
from gramwatt_exporter.metrics.process_text import COMPACT_ABOVE
from gramwatt_exporter.model import Intensity, IntensityState
from running import parse, select
from simulation import CPU, DRAM, SECOND, Machine, Rig, rig


def scraped(simulated: Rig, exposition: Exposition) -> str:
    """The text of the next sample, after checking every process's numbers in it against the snapshot."""
    simulated.machine.advance(SECOND)
    simulated.meters.draw(CPU, 87_654_321, SECOND)
    simulated.meters.draw(DRAM, 7_654_321, SECOND)
    simulated.sampler.sample()
    snapshot = simulated.sampler.freeze()
    exposition.publish(snapshot)
    text = (exposition.scrape() or b"").decode()
    series = parse(text)
    for view in snapshot.processes:
        (microjoules,) = select(
            series, "gramwatt_process_energy_joules_total", pid=str(view.pid), component="dram"
        ).values()
        assert microjoules == Decimal(view.microjoules[1]) / 10**6
        (emissions,) = select(
            series, "gramwatt_process_emissions_grams_total", pid=str(view.pid), component="dram"
        ).values()
        assert emissions == Decimal(view.emission_units[1] // 3_600) / 10**12
        (cpu,) = select(series, "gramwatt_process_cpu_seconds_total", pid=str(view.pid)).values()
        assert cpu == Decimal(view.cpu_nanoseconds) / 10**9
    return text


@pytest.mark.slow
def test_many_rows_say_what_few_say_and_back_again() -> None:
    simulated = rig(Machine(pid_max=2000), Config(process=Process(series="all", departed_scrapes=1)))
    simulated.intensity[0] = IntensityState(
        average=Intensity(56.789, "FR", "static", "average", "measured", "direct", 0.0)
    )
    machine, exposition = simulated.machine, Exposition()
    pids = []
    for number in range(COMPACT_ABOVE + 40):
        process = machine.fork(1, command=f"100%{number}", pages=1 + number)
        assert process is not None
        machine.work(process.pid, 1_000_003 * (1 + number % 7))
        pids.append(process.pid)
    simulated.sampler.sample()
    assert "e-6\n" in scraped(simulated, exposition)
    for pid in pids[: COMPACT_ABOVE // 2]:
        machine.exit(pid)
    for _ in range(4):
        simulated.sampler.scraped(1)
        text = scraped(simulated, exposition)
    assert "e-6\n" not in text
