"""The files that describe the stack keep what the docs promise."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from gramwatt_exporter.config.load import settings

from stack.settings import PORTS

ROOT = Path(__file__).parents[3]


class Strict(yaml.SafeLoader):
    """Compose refuses a key that stands twice in a mapping; PyYAML would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value]
        assert len(names) == len(set(names)), f"a key stands twice{node.start_mark}"
        return super().construct_mapping(node, deep)


COMPOSE = yaml.load((ROOT / "docker-compose.yml").read_text(), Loader=Strict)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def defaults(text: str) -> str:
    """What Compose makes of ``${NAME:-default}`` when nothing is set."""
    before = ""
    while text != before:  # one may stand inside another
        before, text = text, re.sub(r"\$\{\w+(?::-([^${}]*))?\}", lambda match: match[1] or "", text)
    return text


def procfile() -> dict[str, str]:
    lines = (ROOT / "Procfile").read_text().splitlines()
    return {name: command for name, _, command in (line.partition(": ") for line in lines)}


def test_containers_and_procfile_run_the_same_services() -> None:
    assert set(SERVICES) == set(procfile()) == set(PORTS)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_container_has_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service.get("cap_add", []) == (["DAC_READ_SEARCH", "NET_ADMIN"] if name == "exporter" else [])
    assert service.get("pid") == ("host" if name == "exporter" else None)
    assert "privileged" not in service


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_container_comes_back_and_says_how_it_is(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_images_are_pinned(name: str) -> None:
    image, _, tag = defaults(SERVICES[name]["image"]).rpartition(":")
    assert image
    assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag)


@pytest.mark.parametrize("folder", ["client", "exporter", "labeler"])
def test_base_images_are_pinned(folder: str) -> None:
    text = (ROOT / folder / "Dockerfile").read_text()
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.\d+\.\d+-slim-\w+$", text, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"${PYTHON_IMAGE}"}
    assert "-c constraints.txt" in text


def test_only_loopback_is_listened_on() -> None:
    text = defaults((ROOT / "docker-compose.yml").read_text())
    listens = re.findall(r"listen[-_]address=(\S+)", text, re.IGNORECASE)
    expected = [f"127.0.0.1:{port}" for service, (_, port) in PORTS.items() if service != "grafana"]
    assert sorted(listens) == sorted(expected)
    assert SERVICES["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"] == "${STACK_BIND:-127.0.0.1}"
    assert not any("ports" in service for service in SERVICES.values())


def test_grafana_has_no_anonymous_user_and_no_default_password() -> None:
    environment = SERVICES["grafana"]["environment"]
    assert environment["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert environment["GF_SECURITY_ADMIN_PASSWORD__FILE"] == "/run/secrets/grafana-admin-password"
    assert SERVICES["grafana"]["secrets"] == ["grafana-admin-password"], "nothing starts without the file"


def test_samples_are_kept_400_days() -> None:
    assert "--storage.tsdb.retention.time=400d" in SERVICES["prometheus"]["command"]
    assert "--storage.tsdb.retention.time=400d" in procfile()["prometheus"]


def test_the_machine_is_mounted_read_only() -> None:
    mounts = SERVICES["exporter"]["volumes"]
    assert "/proc:/host/proc:ro" in mounts
    assert "/sys:/host/sys:ro" in mounts
    assert {"--path.procfs=/host/proc", "--path.sysfs=/host/sys"} <= set(SERVICES["exporter"]["command"])


def names_of(environment: Any) -> set[str]:
    return {entry.partition("=")[0] for entry in environment}


def test_every_setting_of_the_exporter_is_handed_on_but_secrets() -> None:
    """By flag, or by name; tokens reach it in a file, because `docker inspect` shows the environment."""
    flags = {
        word.removeprefix("--").partition("=")[0].replace("-", "_")
        for word in SERVICES["exporter"]["command"]
    }
    wanted = {f"GRAMWATT_{key.replace('.', '_').upper()}" for key in settings() if key not in flags}
    assert names_of(SERVICES["exporter"]["environment"]) == wanted
    assert "--config.env-file=/etc/gramwatt-environment/.env" in SERVICES["exporter"]["command"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_secret_stands_in_a_container_s_environment(name: str) -> None:
    environment = SERVICES[name].get("environment", [])
    secret = re.compile(r"(TOKEN|PASSWORD|SECRET|DATABASE_URL)$")
    assert not [entry for entry in names_of(environment) if secret.search(entry)]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_configuration_is_mounted_by_folder(name: str) -> None:
    """A single file that is mounted stays the old one when an editor puts a new one in its place."""
    for mount in SERVICES[name]["volumes"]:
        source, target = defaults(mount).split(":")[:2]
        if source.startswith("."):
            assert (ROOT / source).is_dir() or source.startswith("./secrets/"), mount
        assert not target.endswith((".yml", ".yaml", "/passwd")), mount


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_memory_and_processes_have_a_limit(name: str) -> None:
    assert re.fullmatch(r"\d+[mg]", defaults(SERVICES[name]["mem_limit"]))
    assert SERVICES[name]["pids_limit"] > 0


def test_base_images_can_be_chosen_in_the_env_file() -> None:
    for name in ("exporter", "labeler"):
        assert SERVICES[name]["build"]["args"]["PYTHON_IMAGE"].startswith("${STACK_PYTHON_IMAGE:-python:")


def compose_config(*words: str) -> dict[str, Any]:
    if not shutil.which("docker"):
        pytest.skip("needs docker with Compose v2")
    version = subprocess.run(["docker", "compose", "version"], capture_output=True, text=True, check=False)
    if version.returncode != 0 or "Docker Compose version" not in version.stdout:
        pytest.skip("this docker has no Compose v2")
    done = subprocess.run(
        ["docker", "compose", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(yaml.safe_load(done.stdout))


def test_compose_accepts_the_override_for_gpus() -> None:
    merged = compose_config("-f", "docker-compose.yml", "-f", "compose.gpu.yml", "config")["services"][
        "exporter"
    ]
    devices = merged["deploy"]["resources"]["reservations"]["devices"]
    assert [(device["driver"], device["count"]) for device in devices] == [("nvidia", -1)]
    assert merged["environment"]["NVIDIA_VISIBLE_DEVICES"] == "all"
    assert "GRAMWATT_INTENSITY_ZONE" in merged["environment"], "the override adds to the settings"
    assert sorted(merged["cap_add"]) == ["DAC_READ_SEARCH", "NET_ADMIN"]


def test_gpus_are_reserved_only_where_asked() -> None:
    gpu = yaml.safe_load((ROOT / "compose.gpu.yml").read_text())
    devices = gpu["services"]["exporter"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices[0]["driver"] == "nvidia"
    assert "deploy" not in SERVICES["exporter"]


def test_every_setting_of_the_example_has_its_row_in_the_docs() -> None:
    named = set(re.findall(r"^([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    rows = "\n".join(
        line for line in (ROOT / "docs/install.md").read_text().splitlines() if line.startswith("| `")
    )
    assert named - set(re.findall(r"`([A-Z][A-Z0-9_]+)`", rows)) == set()


def test_constraints_pin_versions_and_name_no_registry() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.!+]+", line) for line in lines)
    names = {line.partition("==")[0].lower() for line in lines}
    assert "torch" not in names
    assert {"pytest", "codecarbon", "honcho"} <= names


def test_continuous_integration_runs_what_the_readme_says() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert "make test" in script.read_text()
    assert "make test" in (ROOT / "README.md").read_text()


def test_every_night_continuous_integration_runs_every_repetition() -> None:
    nightly = yaml.safe_load((ROOT / ".github" / "workflows" / "nightly.yml").read_text())
    steps = [step.get("run", "") for job in nightly["jobs"].values() for step in job["steps"]]
    assert "schedule" in nightly[True], "YAML 1.1 reads `on` as true"
    assert "make test-all" in steps
    assert "stack/test-all.sh" in (ROOT / "Makefile").read_text()
