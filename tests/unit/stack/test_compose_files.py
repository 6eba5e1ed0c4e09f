"""What `make up` hands to the containers as files."""

from __future__ import annotations

import subprocess
from pathlib import Path

from gramwatt_exporter.config.env_file import with_file

from stack import compose_files
from stack.settings import Settings, load

TOKEN = "it's a \\ 'token' # with $everything"
SECRETS = {
    "GRAMWATT_CO2SIGNAL_TOKEN": TOKEN,
    "GRAMWATT_GRAFANA_TOKEN": TOKEN,
    "GRAMWATT_INTENSITY_ZONE": "FR",
    "GRAFANA_ADMIN_PASSWORD": "secret",
}


def written(folder: Path) -> tuple[Settings, Path]:
    settings = load(SECRETS, folder)
    compose_files.write(settings)
    return settings, folder / "var" / "secrets"


def test_the_exporter_reads_every_setting_as_it_was_given(tmp_path: Path) -> None:
    _, secrets = written(tmp_path)
    got = with_file({}, str(secrets / "exporter" / ".env"))
    assert got == {name: value for name, value in SECRETS.items() if name.startswith("GRAMWATT_")}


def test_the_labeler_s_shell_reads_its_secrets_and_no_others(tmp_path: Path) -> None:
    _, secrets = written(tmp_path)
    shown = subprocess.run(
        ["sh", "-c", f'set -a; . "{secrets}/labeler/labeler.env"; printf "%s\\n" "$GRAMWATT_GRAFANA_TOKEN"'],
        capture_output=True,
        text=True,
        check=True,
        env={},
    ).stdout
    assert shown.rstrip("\n") == TOKEN
    assert "CO2SIGNAL" not in (secrets / "labeler" / "labeler.env").read_text()


def test_only_the_owner_gets_into_the_folder_and_all_may_read_what_is_mounted(tmp_path: Path) -> None:
    _, secrets = written(tmp_path)
    assert secrets.stat().st_mode & 0o777 == 0o700
    password = secrets / compose_files.GRAFANA_PASSWORD
    assert password.stat().st_mode & 0o777 == 0o644
    assert password.read_text() == "secret"


def test_writing_again_leaves_an_unchanged_file_as_it_is(tmp_path: Path) -> None:
    settings, secrets = written(tmp_path)
    file = secrets / "exporter" / ".env"
    before = file.stat().st_ino
    compose_files.write(settings)
    assert file.stat().st_ino == before


def test_a_changed_settings_file_changes_the_digest(tmp_path: Path) -> None:
    file = tmp_path / "exporter.yml"
    file.write_text("pue: 1.1\n")
    settings = load({"STACK_CONFIG": str(file)}, tmp_path)
    first = compose_files.variables(settings)
    assert first["STACK_CONFIG_DIR"] == str(tmp_path)
    assert first["STACK_CONFIG_NAME"] == "exporter.yml"
    file.write_text("pue: 1.2\n")
    assert compose_files.variables(settings)["STACK_CONFIG_DIGEST"] != first["STACK_CONFIG_DIGEST"]
