"""Numbers of the dashboards against raw counters: young series, three scrape intervals, every range, replicas."""

from __future__ import annotations

import re
from typing import Any

import pytest
from boards import BOARDS, expression, fill, instant, numbers, over_time, panels, target_of, targets
from young import EPOCH_JOULES, INTERVALS, NOW, SPAN, Worlds

pytestmark = pytest.mark.slow

DAY = 86400.0
RANGES = (3.0, 900.0, 3600.0, 30 * DAY)

# Panel, query, the counter behind it, the labels it is shown by, what the counter is divided by, and other matchers.
GAINED: list[tuple[str, str, str, str, tuple[str, ...], float, dict[str, str]]] = [
    ("start", "Used", "A", "device_energy_joules_total", (), 3600, {}),
    ("start", "Used", "B", "device_emissions_grams_total", (), 1, {}),
    ("start", "Used", "C", "energy_cost_total", ("currency",), 1, {}),
    ("live", "Users", "B", "user_energy_joules_total", ("user",), 3600, {}),
    ("machines", "Machines", "E", "device_energy_joules_total", ("instance",), 3600, {}),
    ("machines", "Machines", "F", "device_emissions_grams_total", ("instance",), 1, {}),
    ("machines", "Machines", "G", "energy_cost_total", ("instance",), 1, {}),
    ("machine", "Devices", "B", "device_energy_joules_total", ("instance", "component", "device"), 3600, {}),
    ("machine", "Graphics cards", "C", "device_energy_joules_total", ("device",), 3600, {"component": "gpu"}),
    ("users", "Charged", "A", "user_energy_joules_total", (), 3600, {}),
    ("users", "Charged", "B", "user_emissions_grams_total", (), 1, {}),
    ("users", "Charged to no user", "A", "device_energy_partition_joules_total", ("part",), 3600, {}),
    ("users", "Users", "A", "user_energy_joules_total", ("user",), 3600, {}),
    ("users", "Users", "B", "user_emissions_grams_total", ("user",), 1, {}),
    ("users", "Top jobs", "A", "workload_energy_joules_total", ("workload", "kind", "user"), 3600, {}),
    ("users", "Top jobs", "B", "workload_emissions_grams_total", ("workload", "kind", "user"), 1, {}),
    ("users", "Projects", "A", "project_energy_joules_total", ("project",), 3600, {}),
    ("users", "Projects", "B", "project_emissions_grams_total", ("project",), 1, {}),
    ("budgets", "Who spends it", "A", "budget_emissions_grams_total", ("budget", "instance"), 1, {}),
    ("footprint", "In this time range", "A", "device_energy_joules_total", (), 3600, {}),
    ("footprint", "In this time range", "B", "device_emissions_grams_total", (), 1, {}),
    ("footprint", "In this time range", "C", "energy_cost_total", ("currency",), 1, {}),
    ("footprint", "In this time range", "D", "water_litres_total", (), 1, {}),
    ("footprint", "CO2 by cause", "A", "device_emissions_grams_total", (), 1, {}),
    ("footprint", "CO2 by cause", "B", "facility_overhead_emissions_grams_total", (), 1, {}),
    ("footprint", "CO2 by cause", "C", "embodied_emissions_grams_total", ("part",), 1, {}),
]


def test_every_gain_of_a_range_is_in_the_table() -> None:
    """So that a new panel is not forgotten. Shares, projections and the like are made of those in the table."""
    derived = {
        ("live", "Processes"), ("live", "Workloads"), ("live", "Users"), ("users", "Users"), ("users", "Charged"),
        ("budgets", "Who spends it"), ("footprint", "Projected for a year"), ("footprint", "Comparable to"),
        ("footprint", "All CO2"), ("users", "Used most"), ("users", "Projects"), ("health", "Exits lost"),
        ("health", "Failed samples"), ("health", "Grid providers"),
    }  # fmt: skip
    known = {(board, title, ref) for board, title, ref, *_ in GAINED}
    for uid, panel, target in targets():
        board = uid.removeprefix("gramwatt-")
        if "min_over_time(" in target["expr"] and "[$__range])" in target["expr"] and target.get("instant"):
            assert (board, panel["title"], target["refId"]) in known or (board, panel["title"]) in derived, (
                uid,
                panel["title"],
                target["refId"],
            )


@pytest.mark.parametrize("interval", INTERVALS)
def test_what_was_gained_is_what_the_counters_gained(worlds: Worlds, interval: int) -> None:
    job = f"every-{interval}"
    wrong: list[str] = []
    for board, title, ref, metric, by, per, only in GAINED:
        expr = expression(f"gramwatt-{board}", title, ref)
        for seconds in RANGES:
            choice = {"job": job} | ({"instance": f"old-{job}"} if board == "machine" else {})
            found = numbers(instant(worlds.url, fill(expr, seconds, interval, None, **choice), NOW), *by)
            wanted = worlds.gained(job, metric, seconds, *by, **only)
            if board == "machine":
                wanted = worlds.gained(job, metric, seconds, *by, **only, instance=f"old-{job}")
            for key, value in wanted.items():
                if len(found) >= 20 and key not in found:
                    continue  # a table of the twenty largest
                if title == "Charged to no user" and key[0] not in ("idle", "unattributed"):
                    continue
                shown = found.get(key, 0.0) * per
                if abs(shown - value) > 0.01 * abs(value) + 1e-9:
                    wrong.append(f"{board} {title} {ref} over {seconds:.0f} s {key}: {shown} for {value}")
    assert wrong == []


# Curves of rates: panel, query, the counter behind it, the labels it is shown by.
RATES: list[tuple[str, str, str, str, tuple[str, ...], dict[str, str]]] = [
    ("start", "Power", "A", "device_energy_joules_total", ("component",), {}),
    ("machines", "Machine by time", "A", "device_energy_joules_total", ("instance",), {}),
    ("machines", "Power by machine", "A", "device_energy_joules_total", ("instance",), {}),
    ("machine", "Power by device", "A", "device_energy_joules_total", ("device", "source"), {}),
    ("machine", "Where the power goes", "A", "device_energy_partition_joules_total", ("part",), {}),
    ("users", "Power by user", "A", "user_energy_joules_total", ("user",), {}),
    (
        "grid",
        "Energy by the intensity that priced it",
        "A",
        "priced_energy_joules_total",
        ("provider", "method"),
        {},
    ),
]


@pytest.mark.parametrize("interval", INTERVALS)
def test_a_curve_is_as_steep_as_its_counters(worlds: Worlds, interval: int) -> None:
    job = f"every-{interval}"
    wrong: list[str] = []
    for board, title, ref, metric, by, only in RATES:
        expr = expression(f"gramwatt-{board}", title, ref)
        one = {"instance": f"old-{job}"} if board == "machine" else {}
        for seconds in (900.0, 3600.0):
            step = max(seconds / 500, interval)
            query = fill(expr, seconds, interval, step, job=job, **one)
            # One step before now: the last rate of all series.
            curves = over_time(worlds.url, query, NOW - step, NOW, step)
            found = {
                tuple(c["metric"].get(name, "") for name in by): float(c["values"][-1][1]) for c in curves
            }
            window = max(step + interval, 4 * interval)
            for key, value in worlds.speed(job, metric, window, *by, **only, **one).items():
                if value and abs(found.get(key, 0.0) - value) > 0.01 * value:
                    wrong.append(f"{board} {title} over {seconds:.0f} s {key}: {found.get(key)} for {value}")
    assert wrong == []


@pytest.mark.parametrize("interval", INTERVALS)
def test_sentences_say_what_the_counters_say(worlds: Worlds, interval: int) -> None:
    job = f"every-{interval}"

    def said(board: str, title: str, seconds: float) -> tuple[float, dict[str, str]]:
        expr = fill(expression(f"gramwatt-{board}", title), seconds, interval, job=job)
        found = instant(worlds.url, expr, NOW)
        return float(found[0]["value"][1]), found[0]["metric"]

    for seconds in RANGES:
        causes = ("device_emissions", "facility_overhead_emissions", "embodied_emissions")
        grams = sum(sum(worlds.gained(job, f"{cause}_grams_total", seconds).values()) for cause in causes)
        assert said("footprint", "All CO2", seconds)[0] == pytest.approx(grams, rel=0.01)
        users = worlds.gained(job, "user_energy_joules_total", seconds, "user")
        most, labels = said("users", "Used most", seconds)
        assert most * 3600 == pytest.approx(max(users.values()), rel=0.01)
        assert labels["user"] == max(users, key=users.__getitem__)[0]
        assert float(labels["share"]) == pytest.approx(100 * max(users.values()) / sum(users.values()), abs=1)
    power, labels = said("live", "Draws most now", 900)
    assert (labels["command"], labels["user"]) == ("python3", "bob")
    assert power == pytest.approx(0.94 * 120, rel=0.01), "all but its children that are too short for a row"
    assert said("machines", "Draws most now", 900)[1]["instance"] == f"old-{job}"
    sentences = _run_sentences(worlds, job, interval)
    most, words = next(one for one in sentences if "which used most" in one[1])
    energies = worlds.gained(job, "window_energy_joules_total", SPAN, "window")
    del energies[f"{job}-epoch",]  # it is in the energy of its run already
    assert most == pytest.approx(max(energies.values()), rel=0.01)
    assert f"{100 * most / sum(energies.values()):.0f} % of all {len(energies)} runs" in words
    finished = next(one for one in _run_sentences(worlds, job, interval) if "call of" in one[1])
    # It is open: its 40 requests are not recorded yet; resnet-a has ended and has.
    assert "resnet-a" in finished[1]
    assert finished[0] == pytest.approx(170 * 900 / 40, rel=0.01)


def _run_sentences(worlds: Worlds, job: str, interval: int) -> list[tuple[float, str]]:
    expr = fill(expression("gramwatt-runs", "In short"), 3600, interval, job=job)
    return [(float(one["value"][1]), one["metric"]["said"]) for one in instant(worlds.url, expr, NOW)]


@pytest.mark.parametrize("interval", INTERVALS)
def test_the_headline_is_the_sum_of_its_stack(worlds: Worlds, interval: int) -> None:
    job = f"every-{interval}"
    stack = target_of("gramwatt-start", "Power")
    learned = instant(worlds.url, fill(_variable("scrape"), 3600, job=job), NOW)
    scrape = float(learned[0]["value"][1])
    assert scrape == pytest.approx(interval, abs=1)
    assert stack["interval"] == "${scrape}s"
    for seconds in (900.0, 3600.0):
        step = max(seconds / 500, scrape)
        curves = over_time(
            worlds.url, fill(stack["expr"], seconds, scrape, step, job=job), NOW - seconds, NOW, step
        )
        total = sum(float(curve["values"][-1][1]) for curve in curves)
        headline = instant(worlds.url, fill("sum(" + _power() + ")", seconds, scrape, job=job), NOW)
        # One job of the world begins in the window of the rate: its power is as young.
        assert total == pytest.approx(float(headline[0]["value"][1]), rel=0.05)


def _variable(name: str) -> str:
    variables = BOARDS["gramwatt-start"]["templating"]["list"]
    query: str = next(one for one in variables if one["name"] == name)["query"]
    return re.fullmatch(r"query_result\((.*)\)", query)[1]  # type: ignore[index]


def _power() -> str:
    found = re.search(
        r"avg without \([a-z_, ]+\) \(gramwatt_device_power_watts\{[^}]*\}\)",
        expression("gramwatt-start", "Power now", "B"),
    )
    assert found
    return found[0]


def test_now_is_of_now_at_every_range(worlds: Worlds) -> None:
    """A query of one moment looks back as far as it says, and not as far as the range."""
    for uid, panel, target in targets():
        if not target.get("instant"):
            continue
        where = (uid, panel["title"], target["refId"])
        assert "$__rate_interval" not in target["expr"], where
        assert "$__interval" not in target["expr"], where
        if "$__range" in target["expr"] or uid == "gramwatt-compare":
            continue
        short, long = (
            instant(worlds.url, fill(target["expr"], seconds, 15, job="every-15"), NOW)
            for seconds in (900.0, 365 * DAY)
        )
        assert short == long, where


def test_the_power_of_a_young_job_is_over_its_own_age(worlds: Worlds) -> None:
    for interval in INTERVALS:
        job = f"every-{interval}"
        expr = fill(expression("gramwatt-live", "Workloads"), 3600, interval, job=job)
        power = numbers(instant(worlds.url, expr, NOW), "workload")
        # It began eight scrapes ago, and its first reading is one scrape late.
        assert power[("slurm-2",)] == pytest.approx(120, rel=0.01), interval
        assert power[("postgres.service",)] == pytest.approx(9, rel=0.01), interval
        assert ("slurm-1",) not in power, "it has ended"


def test_a_run_that_has_ended_has_no_power(worlds: Worlds) -> None:
    expr = expression("gramwatt-runs", "Power of runs")
    curves = over_time(worlds.url, fill(expr, 3600, 5, 15, job="every-5"), NOW - 3600, NOW, 15)
    by_name = {curve["metric"]["name"]: curve["values"] for curve in curves}
    finished = [float(value) for at, value in by_name["resnet-a"]]
    assert by_name["resnet-a"][-1][0] <= NOW - 1500 + 15, "its curve ends where it did"
    assert sorted(finished)[len(finished) // 2] == pytest.approx(170, rel=0.02)
    table = numbers(
        instant(worlds.url, fill(expression("gramwatt-runs", "Runs", "K"), 3600, 5, job="every-5"), NOW),
        "window",
    )
    assert table[("every-5-resnet-a",)] == pytest.approx(170, rel=0.01)


@pytest.mark.parametrize("interval", INTERVALS)
def test_memory_of_graphics_cards_is_what_the_driver_says(worlds: Worlds, interval: int) -> None:
    job = f"every-{interval}"

    def shown(title: str, ref: str, *by: str) -> dict[tuple[str, ...], float]:
        expr = fill(expression("gramwatt-machine", title, ref), 900, interval, job=job, instance=f"old-{job}")
        return numbers(instant(worlds.url, expr, NOW), *by)

    used = worlds.latest(job, "gpu_memory_used_bytes", "device")
    assert used
    of_all = {key: value / (24 * 2**30) for key, value in used.items()}
    assert shown("Graphics cards", "D", "device") == pytest.approx(of_all)
    holders = worlds.latest(job, "process_gpu_memory_bytes", "pid", "device")
    assert holders.keys() == {("13", "GPU-1")}, "slurm-1 has ended"
    assert shown("Memory of graphics cards by process", "A", "pid", "device") == holders
    curve = fill(expression("gramwatt-machine", "Memory of graphics cards"), 900, interval, job=job)
    (found,) = over_time(worlds.url, curve, NOW - 900, NOW, interval)
    assert float(found["values"][-1][1]) == used["GPU-1",]


@pytest.mark.parametrize("interval", INTERVALS)
def test_runs_of_a_project_are_its_windows(worlds: Worlds, interval: int) -> None:
    job = f"every-{interval}"

    def shown(title: str, ref: str, by: str, **choice: str) -> dict[tuple[str, ...], float]:
        expr = fill(expression("gramwatt-runs", title, ref), 3600, interval, None, job=job, **choice)
        return numbers(instant(worlds.url, expr, NOW), by)

    chosen: dict[str, str]
    raw = worlds.gained(job, "window_energy_joules_total", 3600, "window")
    first, second, epoch = (f"{job}-resnet-a",), (f"{job}-resnet-b",), (f"{job}-epoch",)
    assert raw.keys() == {first, second, epoch}
    raw[epoch] = EPOCH_JOULES
    for chosen, runs in (
        ({}, [first, second, epoch]),
        ({"project": "of-alice"}, [first, epoch]),
        ({"project": "of-bob"}, [second]),
        ({"project": "(of-alice|of-bob)"}, [first, second, epoch]),
        ({"project": "of-carol"}, []),
    ):
        assert shown("Runs", "A", "window", **chosen).keys() == set(runs), chosen
        wanted = {run: raw[run] for run in runs}
        assert shown("Runs", "D", "window", **chosen) == pytest.approx(wanted, rel=0.01), chosen
        values = shown("Recorded values", "A", "name", **chosen)
        assert {name for (name,) in values} == {"resnet-a"} & {run[0].removeprefix(f"{job}-") for run in runs}
    device = fill(expression("gramwatt-runs", "Power by device"), 900, interval, job=job, project="of-bob")
    curves = over_time(worlds.url, device, NOW - 900, NOW, interval)
    power = {curve["metric"]["component"]: float(curve["values"][-1][1]) for curve in curves}
    assert power == pytest.approx({"cpu": 21, "gpu": 99}, rel=0.01)
    none = fill(expression("gramwatt-runs", "Power by device"), 900, interval, job=job, project="of-alice")
    assert not [
        c for c in over_time(worlds.url, none, NOW - 900, NOW, interval) if c["values"][-1][0] > NOW - 60
    ]


@pytest.mark.parametrize("interval", INTERVALS)
def test_what_is_derived_of_gains(worlds: Worlds, interval: int) -> None:
    """Comparisons are of the same CO2 as the sentence above them."""
    job = f"every-{interval}"

    def shown(board: str, title: str, ref: str, seconds: float, *by: str) -> dict[tuple[str, ...], float]:
        expr = fill(expression(f"gramwatt-{board}", title, ref), seconds, interval, job=job)
        return numbers(instant(worlds.url, expr, NOW), *by)

    for seconds in RANGES:
        causes = ("device_emissions", "facility_overhead_emissions", "embodied_emissions")
        grams = sum(sum(worlds.gained(job, f"{cause}_grams_total", seconds).values()) for cause in causes)
        joules = sum(worlds.gained(job, "device_energy_joules_total", seconds).values())
        assert shown("footprint", "Comparable to", "A", seconds, "what") == pytest.approx(
            {
                ("kilometres by car",): grams / 248.5,
                ("years of a tree",): grams / 22000,
                ("charges of a phone",): joules / 54000,
                ("hours of an LED bulb",): joules / 36000,
            },
            rel=0.01,
        )


def test_budgets_that_overlap_are_never_added(worlds: Worlds) -> None:
    """Whatever shows grams of budgets shows which budget."""
    for _, panel, target in targets():
        expr = target["expr"]
        if "gramwatt_budget_emissions_grams_total" not in expr:
            continue
        found = instant(worlds.url, fill(expr, 3600, 5, job="every-5"), NOW)
        assert all("budget" in one["metric"] for one in found), panel["title"]
    speed = expression("gramwatt-budgets", "Speed by machine")
    found = instant(worlds.url, fill(speed, 3600, 5, job="every-5"), NOW)
    by_budget = {one["metric"]["budget"] for one in found}
    assert {"whole-lab", "bob-daily"} <= by_budget


def test_what_rows_hold_back_is_in_no_rate() -> None:
    """Rows that jump when a series leaves or begins are never in a rate or a gain."""
    for uid, panel, target in targets():
        expr = target["expr"]
        assert "_departed_" not in expr, (uid, panel["title"])
        for selector in re.findall(r"gramwatt_process_\w+\{[^}]*\}", expr):
            assert 'pid!=""' in selector or 'command="other"' in selector, (uid, panel["title"], selector)
            if 'command="other"' in selector:
                assert "_watts{" in selector, (uid, panel["title"], selector)


def test_copies_of_replicas_count_once(worlds: Worlds) -> None:
    """Every query of the world that two replicas collected gives what it gives of the same world with one."""
    for uid, panel, target in targets():
        if not target.get("instant"):
            continue
        one, two = (
            _values(instant(worlds.url, fill(target["expr"], 3600, 15, job=job), NOW), job)
            for job in ("alone", "every-15")
        )
        where = (uid, panel["title"], target["refId"])
        assert one.keys() == two.keys(), where
        for key, value in one.items():
            assert two[key] == pytest.approx(value, rel=1e-6, abs=1e-9), (*where, key)


def _values(found: list[dict[str, Any]], job: str) -> dict[str, float]:
    """By labels without the name of the world."""
    return {
        str(
            sorted((name, text.replace(job, "")) for name, text in one["metric"].items() if name != "job")
        ): float(one["value"][1])
        for one in found
    }


def test_panels_are_found() -> None:
    assert len(list(targets())) > 150
    assert all(list(panels(board)) for board in BOARDS.values())
