"""What `make up` hands to the containers as files: the merged settings with their tokens, and secrets.

Not as environment variables, which `docker inspect` shows. The folder is readable by its owner alone; the files in it
are readable by all, so that the users inside the containers can read those that are mounted there.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from pathlib import Path

from .settings import ROOT, Settings, grafana_password

GRAFANA_PASSWORD = "grafana-admin-password"  # noqa: S105 - a file name
_LABELER_SECRETS = re.compile(r"GRAMWATT_(GRAFANA_TOKEN|LABELER_DATA_DATABASE_URL)")


def folder(settings: Settings) -> Path:
    """Of the secrets. The exporter's settings are in its folder ``exporter``."""
    return settings.var / "secrets"


def config_file(settings: Settings) -> Path:
    """The exporter's settings file on this machine."""
    return (ROOT / (settings.environ.get("STACK_CONFIG") or "stack/exporter.yml")).resolve()


def variables(settings: Settings) -> dict[str, str]:
    """Where docker-compose.yml finds the files, and a digest of those that need a restart when they change."""
    file = config_file(settings)
    digest = hashlib.sha256(file.read_bytes() if file.exists() else b"").hexdigest()[:16]
    return {
        "STACK_CONFIG_DIR": str(file.parent),
        "STACK_CONFIG_NAME": file.name,
        "STACK_CONFIG_DIGEST": digest,
        "STACK_ENVIRONMENT_DIR": str(folder(settings) / "exporter"),
        "STACK_SECRETS_DIR": str(folder(settings)),
    }


def write(settings: Settings) -> None:
    """Make the files anew."""
    secrets = folder(settings)
    for name in ("exporter", "labeler"):
        (secrets / name).mkdir(parents=True, exist_ok=True)
    secrets.chmod(0o700)
    ours = {name: value for name, value in sorted(settings.environ.items()) if name.startswith("GRAMWATT_")}
    _put(secrets / GRAFANA_PASSWORD, grafana_password(settings))
    _put(secrets / "exporter" / ".env", "".join(f"{name}={_quoted(value)}\n" for name, value in ours.items()))
    _put(
        secrets / "labeler" / "labeler.env",
        "".join(
            f"{name}={shlex.quote(value)}\n"
            for name, value in ours.items()
            if _LABELER_SECRETS.fullmatch(name)
        ),
    )


def _quoted(value: str) -> str:
    """As the exporter reads it (python-dotenv)."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _put(file: Path, text: str) -> None:
    """Replace at once, and only where something changes: readers look at inode and time."""
    if file.exists() and file.read_text() == text:
        return
    new = file.with_name(f"{file.name}.new")
    new.write_text(text)
    new.chmod(0o644)
    os.replace(new, file)  # noqa: PTH105
