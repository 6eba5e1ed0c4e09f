"""Settings of the stack: where they come from and how mistakes are named."""

from pathlib import Path

import pytest

from stack.settings import PORTS, StackError, load


def test_defaults_listen_on_loopback(tmp_path: Path) -> None:
    settings = load({}, tmp_path)
    assert settings.bind == "127.0.0.1"
    assert settings.ports == {service: port for service, (_, port) in PORTS.items()}
    assert settings.url("exporter", "/metrics") == "http://127.0.0.1:10044/metrics"
    assert settings.var == tmp_path / "var"


def test_environment_wins_over_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("STACK_PROMETHEUS_PORT=9191\nSTACK_GRAFANA_PORT=3001\n# a comment\n")
    settings = load({"STACK_PROMETHEUS_PORT": "9292"}, tmp_path)
    assert settings.ports["prometheus"] == 9292
    assert settings.ports["grafana"] == 3001


def test_env_file_reaches_the_exporter(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GRAMWATT_INTENSITY_ZONE=FR\n")
    settings = load({}, tmp_path)
    assert settings.zone == "FR"
    assert settings.environ["GRAMWATT_INTENSITY_ZONE"] == "FR"


def test_empty_means_not_set(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GRAMWATT_INTENSITY_ZONE=\nSTACK_MODE=\n")
    settings = load({"STACK_EXPORTER_PORT": ""}, tmp_path)
    assert settings.mode == "auto"
    assert settings.ports["exporter"] == 10044
    assert "GRAMWATT_INTENSITY_ZONE" not in settings.environ


def test_the_example_file_is_the_defaults(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    (tmp_path / ".env").write_text((root / ".env.example").read_text())
    assert load({}, tmp_path).ports == load({}, tmp_path / "without").ports


@pytest.mark.parametrize("text", ["0", "65536", "http", "-1", "80.5"])
def test_a_wrong_port_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(StackError, match=r"STACK_LABELER_PORT.*port from 1 to 65535"):
        load({"STACK_LABELER_PORT": text}, tmp_path)


def test_one_port_for_two_services_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="STACK_EXPORTER_PORT and STACK_LABELER_PORT are both 10044"):
        load({"STACK_LABELER_PORT": "10044"}, tmp_path)


def test_a_wrong_mode_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="auto, native and docker"):
        load({"STACK_MODE": "podman"}, tmp_path)


def test_listening_everywhere_is_reached_by_loopback(tmp_path: Path) -> None:
    assert load({"STACK_BIND": "0.0.0.0"}, tmp_path).url("prometheus") == "http://127.0.0.1:9090"


@pytest.mark.parametrize(
    ("bind", "listen", "url"),
    [
        ("::1", "[::1]", "http://[::1]:9090"),
        ("[::1]", "[::1]", "http://[::1]:9090"),
        ("::", "[::]", "http://[::1]:9090"),
        ("192.0.2.7", "192.0.2.7", "http://192.0.2.7:9090"),
        ("[2001:db8::7]", "[2001:db8::7]", "http://[2001:db8::7]:9090"),
    ],
)
def test_every_kind_of_address_can_be_listened_on(tmp_path: Path, bind: str, listen: str, url: str) -> None:
    settings = load({"STACK_BIND": bind}, tmp_path)
    assert settings.listen_host == listen
    assert settings.url("prometheus") == url


def test_a_name_is_no_address(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"STACK_BIND='lab-1': expected an address"):
        load({"STACK_BIND": "lab-1"}, tmp_path)
