"""windows.tcp: off by default, and refused where it would be unsafe or useless; --config.check looks at its files."""

from __future__ import annotations

from pathlib import Path

import pytest
from gramwatt_exporter.__main__ import main
from gramwatt_exporter.config import load
from gramwatt_exporter.errors import ConfigError
from gramwatt_exporter.processes.linux.users import UserNames


def tcp(directory: Path, text: str) -> str:
    file = directory / "c.yml"
    file.write_text(f"windows: {{tcp: {{{text}}}}}\n")
    return str(file)


def test_by_default_nothing_listens() -> None:
    assert load().config.windows.tcp.listen_address == ""


@pytest.mark.parametrize(
    "text",
    [
        "listen_address: '127.0.0.1:10046', token_file: t",
        "listen_address: '127.8.8.8:0', token_file: t",
        "listen_address: 'localhost:10046', token_file: t",
        "listen_address: '[::1]:10046', token_file: t",
        "listen_address: '0.0.0.0:10046', token_file: t, config_file: web.yml",
        "listen_address: '172.17.0.1:10046', token_file: t, plain_http: true",
    ],
)
def test_what_is_safe_is_taken(tmp_path: Path, text: str) -> None:
    assert load(tcp(tmp_path, text)).config.windows.tcp.token_file == "t"


@pytest.mark.parametrize(
    ("text", "key", "fix"),
    [
        ("listen_address: '127.0.0.1:10046'", "token_file", "lines of USER TOKEN"),
        ("token_file: t", "listen_address", "127.0.0.1:10046"),
        ("config_file: t", "listen_address", "127.0.0.1:10046"),
        ("listen_address: '10046', token_file: t", "listen_address", "HOST:PORT"),
        ("listen_address: ':10046', token_file: t", "listen_address", "HOST:PORT"),
        ("listen_address: '127.0.0.1:x', token_file: t", "listen_address", "HOST:PORT"),
        ("listen_address: '127.0.0.1:70000', token_file: t", "listen_address", "HOST:PORT"),
        ("listen_address: '0.0.0.0:10046', token_file: t", "config_file", "tls_server_config"),
        ("listen_address: '[::]:10046', token_file: t", "config_file", "plain_http"),
        ("listen_address: 'node7:10046', token_file: t", "config_file", "127.0.0.1"),
        ("tokens: [abc]", "", "token_file"),
    ],
)
def test_what_is_not_is_refused_with_the_key_and_the_fix(
    tmp_path: Path, text: str, key: str, fix: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tcp(tmp_path, text))
    assert raised.value.path == f"$.windows.tcp.{key}".rstrip(".")
    assert fix in raised.value.message


def test_the_check_looks_at_the_file_of_tokens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tokens"
    config = tcp(tmp_path, f"listen_address: '127.0.0.1:0', token_file: '{file}'")
    check = ["--config.file", config, "--config.check"]
    assert main(check) == 2
    assert capsys.readouterr().err == (
        f"gramwatt-exporter: $.windows.tcp.token_file: cannot read {file}: No such file or directory\n"
    )
    file.write_text(f"0 {'x' * 32}\n")
    file.chmod(0o644)
    assert main(check) == 2
    assert f"chmod 600 {file}" in capsys.readouterr().err
    file.chmod(0o600)
    assert main(check) == 0
    shown = capsys.readouterr().out
    assert "windows.tcp.token_file" in shown
    assert "x" * 32 not in shown


def test_the_clients_variables_are_not_taken_for_settings() -> None:
    environ = {
        "GRAMWATT_URL": "a",
        "GRAMWATT_TOKEN": "b",
        "GRAMWATT_TOKEN_FILE": "c",
        "GRAMWATT_CA_FILE": "d",
    }
    assert load("", environ).warnings == ()


def test_users_are_found_by_name_and_by_uid(tmp_path: Path) -> None:
    machine = UserNames()
    assert machine.uid_of("root") == 0
    assert machine.uid_of("no-such-user-here") is None
    assert machine.uid_of("4711") == 4711
    assert machine.uid_of(str(2**32)) is None
    passwd = tmp_path / "passwd"
    passwd.write_text("alice:x:1234:1234::/:/bin/sh\n")
    host = UserNames(str(passwd))
    assert (host.uid_of("alice"), host.uid_of("root")) == (1234, None)  # of that machine alone
