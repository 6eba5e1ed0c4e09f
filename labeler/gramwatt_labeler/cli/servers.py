"""What short commands work with: Prometheus and where labels go. Reads the secrets; opens no database."""

from __future__ import annotations

from pathlib import Path

import httpx

from ..config import Config
from ..errors import ConfigError
from ..output import Output
from ..prometheus import Prometheus


def prometheus(config: Config) -> Prometheus:
    """The server that windows and their measurements are read from."""
    client = httpx.Client(headers=prometheus_headers(config), follow_redirects=True)
    return Prometheus(config.prometheus.url, client, config.prometheus.timeout)


def prometheus_headers(config: Config) -> dict[str, str]:
    """What every request to Prometheus carries. Raises ConfigError when its token cannot be read."""
    token = secret(config.prometheus.token_file, "prometheus.token_file")
    return {"Authorization": f"Bearer {token}"} if token else {}


def output(config: Config) -> Output:
    """Where label files go and pages are."""
    return Output(config.labels_dir, config.labels.formats, config.base_url, config.labels.parts)


def secret(file: str, key: str) -> str:
    """The content of a file that a setting names; "" where it names none. Raises ConfigError with the setting."""
    if not file:
        return ""
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise ConfigError(f"$.{key}", f"cannot read {file}: {error.strerror}") from None
