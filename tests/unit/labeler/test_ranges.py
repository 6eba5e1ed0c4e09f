"""A stretch of series: its samples add up, copies count once, machines add, and nothing is invented at its edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from gramwatt_labeler.errors import InputError, NotFound, Rejected
from gramwatt_labeler.prometheus import Prometheus
from gramwatt_labeler.ranges import boundary_of, check_times, measure_range, read_selector
from gramwatt_labeler.scale_files import grade, load_scales

T = 1_700_000_000.0
Row = tuple[dict[str, str], Sequence[tuple[float, float]]]


def server(*rows: Row) -> Prometheus:
    """Prometheus with these series, by the name and the instance that are asked for."""

    def answer(request: httpx.Request) -> httpx.Response:
        query = dict(httpx.QueryParams(request.content.decode()))["query"]
        kind = "matrix" if query.endswith("ms]") else "vector"
        found: list[dict[str, Any]] = []
        for labels, samples in rows:
            is_of = "instance=" not in query or f'instance="{labels["instance"]}"' in query
            if labels["__name__"] in query and is_of:
                pairs = [[t, str(v)] for t, v in samples]
                found.append(
                    {"metric": labels, "values": pairs}
                    if kind == "matrix"
                    else {"metric": labels, "value": pairs[-1]}
                )
        return httpx.Response(200, json={"data": {"resultType": kind, "result": found}})

    return Prometheus("http://p", httpx.Client(transport=httpx.MockTransport(answer)))


def series(
    component: str = "cpu", instance: str = "a:1", name: str = "workload_energy_joules", **labels: str
) -> dict[str, str]:
    return {"__name__": f"gramwatt_{name}_total", "component": component, "instance": instance} | labels


def ramp(watts: float, first: float = 0.0, start: float = T, count: int = 11) -> list[tuple[float, float]]:
    return [(start + 10 * n, first + watts * 10 * n) for n in range(count)]


SELECTOR = 'gramwatt_workload_energy_joules_total{workload="x"}'


def test_components_and_machines_add_up_over_the_samples_inside() -> None:
    uncertain = {"__name__": "gramwatt_device_power_uncertainty_ratio"}
    prometheus = server(
        (series(), ramp(2, 1000)),
        (series("dram"), ramp(0.5)),
        (series(instance="b:1"), ramp(1, 7, T + 10, 9)),
        (series(name="workload_emissions_grams"), ramp(0.01, 3)),
        (series() | uncertain, [(T, 0.1)]),
        (series("dram") | uncertain, [(T, 0.5)]),
        (series(name="device_energy_joules", source="rapl"), [(T, 1.0)]),
    )  # fmt: skip
    found = measure_range(prometheus, SELECTOR, T - 3, T + 104)
    assert (found.start, found.end, found.instances) == (T, T + 100, ("a:1", "b:1"))
    assert found.measurement.components == {"cpu": 200 + 80, "dram": 50}
    assert found.measurement.emissions_grams == pytest.approx(1.0)
    assert found.measurement.sources == ("rapl",)
    assert found.measurement.uncertainty_ratio == pytest.approx(((28) ** 2 + 25**2) ** 0.5 / 330)
    assert (found.measurement.coverage_ratio, found.boundary) == (1.0, "process")


def test_copies_of_one_series_count_once_and_a_reset_is_left_out_of_the_coverage() -> None:
    samples = [*ramp(2, 100, count=6), *ramp(2, 0, T + 60, 5)]
    prometheus = server((series(replica="1"), samples), (series(replica="2"), samples[:-2]))
    found = measure_range(prometheus, SELECTOR, T, T + 100).measurement
    assert (found.energy_joules, found.resets) == (100 + 80, 1)
    assert found.coverage_ratio == pytest.approx(0.9)
    assert (found.emissions_grams, found.uncertainty_ratio) == (None, None)


def ticks(instance: str, *moments: float) -> Row:
    """An exporter's own counter, one a second since its start, at seconds behind T."""
    name = {"__name__": "gramwatt_samples_total", "instance": instance}
    return name, [(T + at, at - moments[0]) for at in moments]


def test_a_counter_whose_labels_change_is_one() -> None:
    """A pod is renamed, while another machine's series goes on."""
    before, after = ramp(2, 100, count=6), ramp(2, 220, T + 60, 5)
    for rows in ((before, after), (after, before)):
        renamed = [(series(pod=str(number)), samples) for number, samples in enumerate(rows)]
        found = measure_range(server(*renamed, (series(instance="b:1"), ramp(1))), SELECTOR, T, T + 100)
        assert found.measurement.energy_joules == 200 + 100
        assert found.measurement.coverage_ratio == 1.0


@pytest.mark.parametrize(
    ("moments", "covered"),
    [
        (range(0, 101, 10), 1.0),
        (range(0, 81, 10), 1.0),  # within two scrapes of the end
        (range(0, 51, 10), 0.5),  # it ended, and what went on there is not known
        (range(50, 101, 10), 0.5),
        ([*range(0, 41, 10), *range(80, 101, 10)], 1.0),  # Prometheus was away: counters go on
    ],
)
def test_an_exporter_that_ends_before_another_leaves_a_part_unseen(
    moments: Sequence[int], covered: float
) -> None:
    one = [(T + at, 2.0 * at) for at in moments]
    prometheus = server(
        (series(), one), (series(instance="b:1"), ramp(1)), ticks("a:1", *moments), ticks("b:1", *range(0, 101, 10))
    )  # fmt: skip
    found = measure_range(prometheus, SELECTOR, T, T + 100)
    assert (found.start, found.end) == (T, T + 100)
    assert found.measurement.coverage_ratio == covered


def test_a_restart_of_an_exporter_inside_the_stretch_is_not_covered() -> None:
    """Its state is kept: the counter of energy itself shows nothing."""
    name = {"__name__": "gramwatt_samples_total", "instance": "a:1"}
    counted = [(T + at, float(at if at < 50 else at - 50)) for at in range(0, 101, 10)]
    found = measure_range(server((series(), ramp(2)), (name, counted)), SELECTOR, T, T + 100)
    assert found.measurement.coverage_ratio == pytest.approx(0.9)


def test_nothing_there_and_a_stretch_that_is_none_are_said() -> None:
    with pytest.raises(NotFound, match="no sample of"):
        measure_range(server(), SELECTOR, T, T + 1)
    for start, end in ((T, T), (T + 1, T), (0.0, T)):
        with pytest.raises(InputError, match="--start: expected a moment before --end"):
            check_times(start, end, T + 10)
    with pytest.raises(InputError, match=r"^--start: 2023-11-14 22:13:21 UTC is still to come"):
        check_times(T + 1, T + 2, T)


def test_two_exporters_of_one_name_are_no_energy() -> None:
    """Their counters take turns in one series: each step down would count the whole of the other."""
    turns = [(T + 5 * n, (100.0 if n % 2 else 9000.0) + n) for n in range(21)]
    with pytest.raises(
        Rejected, match="counter of a:1 goes back 10 times in 21 samples: two exporters have this name"
    ):
        measure_range(server((series(), turns)), SELECTOR, T, T + 100)


def test_restarts_are_counted_and_said() -> None:
    twice = [(T + 10 * n, float(n % 4)) for n in range(11)]
    found = measure_range(server((series(), twice)), SELECTOR, T, T + 100).measurement
    assert found.energy_joules == 3 + 3 + 2
    assert "the energy counter went back 2 time(s)" in found.notes


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{workload="x"}', 'gramwatt_workload_energy_joules_total{workload="x"}'),
        ('{user="a", component!="gpu"}', 'gramwatt_user_energy_joules_total{user="a", component!="gpu"}'),
        ('{user="a", workload="x"}', 'gramwatt_workload_energy_joules_total{user="a", workload="x"}'),
        ('{pid="1"}', 'gramwatt_process_energy_joules_total{pid="1"}'),
        ('{window=~"a|b"}', 'gramwatt_window_energy_joules_total{window=~"a|b"}'),
        ('{device="package-0"}', 'gramwatt_device_energy_joules_total{device="package-0"}'),
        ("gramwatt_device_energy_joules_total", "gramwatt_device_energy_joules_total{}"),
        ('{workload="a}b\\"c"}', 'gramwatt_workload_energy_joules_total{workload="a}b\\"c"}'),
    ],
)
def test_a_selector_gets_the_counter_it_means(text: str, wanted: str) -> None:
    assert read_selector(text) == wanted


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "boundary"),
    [
        ('{workload="x"}', "process"),
        ("gramwatt_device_energy_joules_total", "machine"),
        ('gramwatt_device_energy_joules_total{instance="a:1"}', "machine"),
        ('gramwatt_device_energy_joules_total{component="gpu"}', "gpu"),
        ('{workload="x", component = "gpu"}', "gpu"),
        ('{workload="x", component="dram"}', "part"),
        ('{workload="x", component!="gpu"}', "part"),
        ('{workload="x", component=~"gpu|dram"}', "part"),
        ('{device="package-0"}', "part"),
        ('{device="GPU-1", component="gpu"}', "part"),
        ('gramwatt_device_energy_joules_total{source="rapl"}', "part"),
        ('{window="w1"}', "window"),
    ],
)
def test_a_part_of_the_energy_and_a_recorded_window_get_no_grade_by_a_selector(
    text: str, boundary: str, window: Any, measurement: Any
) -> None:
    assert boundary_of(read_selector(text)) == boundary
    chat = {"phase": "inference", "task": "text-generation", "values": {"tokens": 1e6}}
    graded = grade(load_scales()["comparia"], window(boundary=boundary, **chat), measurement(100.0))
    assert (graded.letter is None) == (boundary in ("part", "window"))
    assert graded.letter is not None or "boundary" in graded.reason


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{x}",
        "{x=1}",
        'up{a="b"}',
        'a{b="c"} or d',
        '{a="b"}[5m]',
        'rate({a="b"}[5m])',
        '{a="b"',
        "é",
    ],
)
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^--selector: "):
        read_selector(text)
