"""docker-compose.yml as its page promises it: real containers, in the order of a stack's life."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
import requests
from compose_stack import SETTINGS, TOKEN, Stack, until
from docker_engine import Engine, size
from running import total

from stack.settings import PORTS

ROOT = Path(__file__).parents[2]
MEGABYTE = 1_000_000
BURN = "import time; end = time.process_time() + 4\nwhile time.process_time() < end: sum(range(1000))"


def test_every_target_is_up(stack: Stack) -> None:
    def up() -> bool:
        targets = stack.get("prometheus", "/api/v1/targets")["data"]["activeTargets"]
        return len(targets) == 4 and all(target["health"] == "up" for target in targets)

    assert until(up), stack.get("prometheus", "/api/v1/targets")
    assert len(stack.get("prometheus", "/api/v1/alertmanagers")["data"]["activeAlertmanagers"]) == 1


def test_every_setting_of_the_env_file_is_in_force(stack: Stack) -> None:
    shown = stack.compose(
        *("exec", "-T", "exporter", "gramwatt-exporter", "--config.file=/etc/gramwatt/exporter.yml"),
        *("--config.env-file=/etc/gramwatt-environment/.env", "--config.check"),
    )
    for name in SETTINGS:
        if not name.endswith("TOKEN"):
            assert f"# environment {name}" in " ".join(shown.split()), name
    names = {
        dict(labels).get("node") for metric, labels in stack.metrics() if metric == "gramwatt_machine_info"
    }
    assert names == {"trial"}


def test_the_token_of_the_env_file_is_read(stack: Stack) -> None:
    answer = stack.compose(
        *("exec", "-T", "exporter", "python", "-c"),
        "from gramwatt_exporter.config.env_file import with_file; import os;"
        "print(with_file(os.environ, '/etc/gramwatt-environment/.env')['GRAMWATT_CO2SIGNAL_TOKEN'])",
    )
    assert answer.strip() == TOKEN


def test_docker_inspect_shows_no_secret(stack: Stack) -> None:
    containers = stack.containers()
    assert set(containers) == set(PORTS)
    assert TOKEN not in json.dumps(containers)


def test_grafana_s_user_can_read_its_password(stack: Stack) -> None:
    user, length = requests.get(stack.url("grafana", "/api/health"), timeout=10).text.split()
    assert (user, int(length)) == ("472", len(TOKEN))


def test_rights_are_those_that_are_needed(stack: Stack) -> None:
    for name, container in stack.containers().items():
        host = container["HostConfig"]
        ours = ["CAP_DAC_READ_SEARCH", "CAP_NET_ADMIN"] if name == "exporter" else []
        assert sorted(host["CapAdd"] or []) in (ours, [each.removeprefix("CAP_") for each in ours])
        assert host["CapDrop"] == ["ALL"]
        assert host["ReadonlyRootfs"]
        assert host["Memory"] > 0
        assert host["PidsLimit"] > 0


def test_a_changed_file_of_the_exporter_is_applied(stack: Stack) -> None:
    before = stack.containers()["exporter"]["Id"]
    stack.replace("stack/exporter.yml", lambda text: f"{text}budgets: [{{name: trial, limit: 5kg}}]\n")
    stack.compose("up", "-d")
    assert until(lambda: total(stack.metrics(), "gramwatt_budget_limit_grams", budget="trial") == 5000)
    assert stack.containers()["exporter"]["Id"] == before


def test_a_changed_env_file_is_applied(stack: Stack) -> None:
    stack.replace(".env", lambda text: text.replace("GRAMWATT_PUE=1.2", "GRAMWATT_PUE=1.5"))
    stack.compose("up", "-d", "--wait")
    assert until(lambda: total(stack.metrics(), "gramwatt_pue_ratio") == Decimal("1.5"))


def test_changed_rules_and_receivers_are_applied(stack: Stack) -> None:
    (stack.folder / "prometheus" / "rules" / "mine.yml").write_text(
        "groups: [{name: mine, rules: [{record: 'mine:one', expr: 'vector(1)'}]}]\n"
    )
    stack.replace("prometheus/alertmanager.yml", lambda text: text.replace("people", "changed-receiver"))
    stack.compose("up", "-d")

    def groups() -> set[str]:
        return {group["name"] for group in stack.get("prometheus", "/api/v1/rules")["data"]["groups"]}

    def receiver() -> bool:
        return "changed-receiver" in stack.get("alertmanager", "/api/v2/status")["config"]["original"]

    assert until(lambda: "mine" in groups())
    assert until(receiver)


def test_a_window_is_recorded_from_inside_another_container(stack: Stack, images: dict[str, str]) -> None:
    """Without a network and with process ids of its own: the socket tells who asks."""
    stack.engine.docker(
        *("build", "--network", "host", "-f", "client/Dockerfile", "-t", "gramwatt:trial"),
        *("--build-arg", f"PYTHON_IMAGE={images['STACK_PYTHON_IMAGE']}", "."),
        cwd=stack.folder,
    )
    said = stack.engine.docker(
        *("run", "--rm", "--network", "none", "-v", f"{stack.run}:/run/gramwatt", "gramwatt:trial"),
        *(
            "run",
            "--name",
            "inside",
            "--phase",
            "training",
            "--summary-json",
            "-",
            "--",
            "python",
            "-c",
            BURN,
        ),
    )
    assert "inside" in said or stack.metrics()
    series = stack.metrics()
    windows = [dict(labels) for name, labels in series if name == "gramwatt_window_info"]
    (window,) = [labels for labels in windows if labels["name"] == "inside"]
    assert window["user"] == "root"
    key = {"window": window["window"], "component": "cpu"}

    # A stop publishes nothing: the counter shows the run with the next sample, which may be its first.
    assert until(lambda: total(stack.metrics(), "gramwatt_window_energy_joules_total", **key) > 0), said


def counted(stack: Stack) -> Decimal:
    return total(stack.metrics(), "gramwatt_device_energy_joules_total")


@pytest.mark.parametrize("end", ["kill", "down"])
def test_counters_windows_and_samples_survive(stack: Stack, end: str) -> None:
    before = counted(stack)
    assert before > 0
    assert until(lambda: stack.query("gramwatt_device_energy_joules_total"))
    stack.compose(end)
    stack.up()
    assert until(lambda: counted(stack) >= before)
    assert counted(stack) < 2 * before + 1000
    assert [name for name, labels in stack.metrics() if dict(labels).get("name") == "inside"]
    assert stack.query("count_over_time(gramwatt_device_energy_joules_total[1h])")


def test_an_upgrade_keeps_them_too(stack: Stack) -> None:
    before, image = counted(stack), stack.containers()["exporter"]["Image"]
    stack.replace("exporter/gramwatt_exporter/__init__.py", lambda text: f"{text}\n# a later version\n")
    stack.up()
    assert stack.containers()["exporter"]["Image"] != image
    assert until(lambda: counted(stack) >= before)
    assert [name for name, labels in stack.metrics() if dict(labels).get("name") == "inside"]


def test_another_address_is_listened_on_and_scraped(stack: Stack) -> None:
    """IPv6 in brackets, as Compose puts it before a port."""
    stack.replace(".env", lambda text: f"{text}STACK_BIND=[::1]\n")
    stack.host = "[::1]"
    stack.up()

    def up() -> bool:
        targets = stack.get("prometheus", "/api/v1/targets")["data"]["activeTargets"]
        urls = {target["scrapeUrl"] for target in targets}
        return all("[::1]" in url for url in urls) and all(target["health"] == "up" for target in targets)

    assert until(up), stack.get("prometheus", "/api/v1/targets")
    assert until(lambda: stack.query("gramwatt_device_power_watts"))
    assert requests.get(stack.url("grafana", "/api/health"), timeout=10).ok
    assert requests.get(stack.url("labeler", "/-/ready"), timeout=10).ok


def test_the_images_are_slim(stack: Stack, engine: Engine, images: dict[str, str]) -> None:
    base = size(engine, images["STACK_PYTHON_IMAGE"])
    over = {name: size(engine, f"gramwatt-{name}:0.1.0") - base for name in ("exporter", "labeler")}
    print(over)
    assert over["exporter"] <= 60 * MEGABYTE
