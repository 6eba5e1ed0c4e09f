"""Settings: one frozen Config from flags, environment, a YAML file and defaults, in that order of strength."""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
import yaml
from msgspec import Meta, Struct, field

from .decode_errors import message_and_path
from .errors import ConfigError
from .type_descriptions import described

ENV_PREFIX = "GRAMWATT_LABELER_"
# Settings that other programs of the stack share under the same name.
SHARED_VARIABLES = MappingProxyType(
    {"GRAMWATT_GRAFANA_URL": "grafana.url", "GRAMWATT_PROMETHEUS_URL": "prometheus.url"}
)
# Read by the command line for secrets and the file's name, so not spelling mistakes.
_OTHER_VARIABLES = ("GRAMWATT_LABELER_CONFIG_FILE",)
FORMATS = ("svg", "png", "pdf")

_SQLITE_FILE = re.compile(r"sqlite(?:\+\w+)?:///(?P<file>[^?]+)")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_DURATIONS = re.compile(
    rf"(?:{_DURATION.pattern})+"
)  # the whole text first: searching it for parts is quadratic
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


class Duration(float):
    """Seconds, written like Prometheus writes durations: 500ms, 5s, 10m, 1h30m, 30d."""

    @classmethod
    def parse(cls, text: object) -> Duration:
        """Raises ValueError saying what is allowed."""
        if not isinstance(text, str) or not _DURATIONS.fullmatch(text):
            raise ValueError(f"expected a duration such as 500ms, 15s, 10m or 1d, got {text!r}")
        return cls(sum(float(match[1]) * _SECONDS[match[2]] for match in _DURATION.finditer(text)))

    def __str__(self) -> str:
        for unit in ("w", "d", "h", "m", "s"):
            if self >= _SECONDS[unit] and self % _SECONDS[unit] == 0:
                return f"{int(self // _SECONDS[unit])}{unit}"
        return f"{round(self * 1000)}ms" if self else "0s"


class _Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mapping in the YAML file; unknown keys are refused."""


class PrometheusSection(_Section, frozen=True):
    """The Prometheus (or compatible) server that scrapes the exporters."""

    url: str = "http://127.0.0.1:9090"
    timeout: Duration = Duration(10)
    token_file: str = ""  # bearer token, for servers behind a proxy


class Watch(_Section, frozen=True):
    """The long-running job."""

    interval: Duration = Duration(15)
    lookback: Duration = Duration(86400)  # how far back finished windows are looked for
    patience: Duration = Duration(300)  # how long to wait for a window's last samples
    reports: bool = (
        True  # wait at the exporters for windows that end; false: learn of them from Prometheus alone
    )
    exporters: list[str] = field(default_factory=list)  # where to wait; empty: all that Prometheus scrapes


class Grading(_Section, frozen=True):
    """Which scales, and against which class of hardware."""

    scales: Annotated[list[str], Meta(min_length=1)] = field(
        default_factory=lambda: ["gramwatt"]  # the first one is on the label
    )
    scales_dir: str = ""  # more scale files; one with the name of a built-in scale replaces it
    hardware: str = ""  # empty: gpu when the window used GPU energy, else cpu


class Data(_Section, frozen=True):
    """Where results are kept."""

    dir: str = "var/labeler"
    database_url: str = ""  # any SQLAlchemy URL; empty: sqlite in data.dir


class Labels(_Section, frozen=True):
    """The rendered labels."""

    dir: str = ""  # empty: <data.dir>/labels
    formats: list[Literal["svg", "png", "pdf"]] = field(default_factory=lambda: ["svg", "png", "pdf"])
    base_url: str = ""  # what the QR code points to; empty: http://<web.listen_address>
    parts: bool = False  # also of windows inside another one, such as epochs and requests


class Web(_Section, frozen=True):
    """The HTTP door: metrics, labels, REST, dashboards."""

    listen_address: str = "127.0.0.1:10045"
    dashboards_dir: str = "grafana/dashboards"
    allowed_hosts: list[str] = field(default_factory=list)  # names beyond addresses and names without a dot


class Grafana(_Section, frozen=True):
    """Annotations in an existing Grafana. Off without an address; the token may come from GRAMWATT_GRAFANA_TOKEN."""

    url: str = ""
    token_file: str = ""
    timeout: Duration = Duration(5)


class Probe(_Section, frozen=True):
    """Which deployed models a probe may call."""

    allowed_hosts: list[str] = field(default_factory=lambda: ["localhost", "127.0.0.1", "::1"])


class HubSection(_Section, frozen=True):
    """The Hugging Face hub, whose models are read by ``study sync``. The token may come from HF_TOKEN."""

    endpoint: str = ""  # empty: https://huggingface.co, or HF_ENDPOINT
    token_file: str = ""


class Log(_Section, frozen=True):
    """What is logged, to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(_Section, frozen=True):
    """The whole configuration file."""

    prometheus: PrometheusSection = field(default_factory=PrometheusSection)
    watch: Watch = field(default_factory=Watch)
    grading: Grading = field(default_factory=Grading)
    data: Data = field(default_factory=Data)
    labels: Labels = field(default_factory=Labels)
    web: Web = field(default_factory=Web)
    grafana: Grafana = field(default_factory=Grafana)
    probe: Probe = field(default_factory=Probe)
    hub: HubSection = field(default_factory=HubSection)
    log: Log = field(default_factory=Log)

    @property
    def database_url(self) -> str:
        return self.data.database_url or f"sqlite:///{Path(self.data.dir) / 'grades.db'}"

    @property
    def database_file(self) -> Path | None:
        """The file of an SQLite database, which need not be there yet; None for a server."""
        match = _SQLITE_FILE.match(self.database_url)
        return Path(match["file"]) if match else None

    @property
    def labels_dir(self) -> Path:
        return Path(self.labels.dir) if self.labels.dir else Path(self.data.dir) / "labels"

    @property
    def base_url(self) -> str:
        return (self.labels.base_url or f"http://{self.web.listen_address}").rstrip("/")

    @property
    def listen(self) -> tuple[str, int]:
        host, _, port = self.web.listen_address.rpartition(":")
        return host.strip("[]"), int(port)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checked configuration; ``origins`` maps a key to where its value was set, ``warnings`` are for the log."""

    config: Config
    origins: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def settings() -> dict[str, Any]:
    """Every key (``watch.interval``) with its type."""
    found: dict[str, Any] = {}
    for section in msgspec.structs.fields(Config):
        hints = typing.get_type_hints(section.type, include_extras=True)
        for info in msgspec.structs.fields(section.type):
            found[f"{section.encode_name}.{info.encode_name}"] = hints[info.name]
    return found


def load(
    file: str = "",
    environ: Mapping[str, str] = MappingProxyType({}),
    flags: Mapping[str, str] = MappingProxyType({}),
) -> Loaded:
    """Read everything once. ``flags`` maps dotted keys to text.

    Raises ConfigError naming the key, what was found, where, and what is allowed.
    """
    known = settings()
    tree = _read_file(file) if file else {}
    origins = {key: file if _has(tree, key) else "default" for key in known}
    _decode(tree, file)  # the file must be right by itself, so that its errors name its keys
    names = {ENV_PREFIX + key.replace(".", "_").upper(): key for key in known}
    warnings = []
    for name, text in environ.items():
        key = names.get(name) or SHARED_VARIABLES.get(name, "")
        if key:
            if name in SHARED_VARIABLES and any(environ.get(own) for own, of in names.items() if of == key):
                continue  # the labeler's own variable is the stronger one
            _put(tree, key, _value(known[key], text))
            origins[key] = f"environment {name}"
            _decode(tree, name)
        elif name.startswith(ENV_PREFIX) and name not in _OTHER_VARIABLES:
            warnings.append(f"{name} is not a setting and is ignored; known: {', '.join(sorted(names))}")
    for key, text in flags.items():
        _put(tree, key, _value(known[key], text))
        origins[key] = f"flag --{key.replace('_', '-')}"
        _decode(tree, f"--{key.replace('_', '-')}")
    config = _decode(tree, file or "defaults")
    _check(config)
    return Loaded(config, origins, tuple(warnings))


def describe(loaded: Loaded) -> str:
    """The effective configuration, one key per line with the origin of its value behind it."""
    lines = []
    for key, origin in loaded.origins.items():
        section, name = key.split(".")
        value = getattr(getattr(loaded.config, section), name)
        lines.append((f"{key}: {msgspec.json.encode(value, enc_hook=str).decode()}", origin))
    width = min(60, max(len(text) for text, _ in lines))
    return "\n".join(f"{text:<{width}}  # {origin}" for text, origin in lines)


def _read_file(file: str) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(Path(file).read_bytes())
    except OSError as error:
        raise ConfigError("--config.file", f"cannot read {file}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError("--config.file", f"{file} is not YAML: {' '.join(str(error).split())}") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError("$", f"{file}: expected a mapping of settings, got {type(tree).__name__}")
    return tree


def _has(tree: Mapping[str, Any], key: str) -> bool:
    section, name = key.split(".")
    child = tree.get(section)
    return isinstance(child, dict) and name in child


def _put(tree: dict[str, Any], key: str, value: object) -> None:
    section, name = key.split(".")
    child = tree.get(section)
    if not isinstance(child, dict):
        child = tree[section] = {}
    child[name] = value


def _value(hint: Any, text: str) -> object:
    """Text of a flag or variable as the tree holds it: lists are written with commas."""
    base = typing.get_args(hint)[0] if typing.get_origin(hint) is Annotated else hint
    if typing.get_origin(base) is list:
        return [part.strip() for part in text.split(",") if part.strip()]
    if base is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    return text


def _dec_hook(kind: type, value: object) -> object:
    if kind is Duration:
        return Duration.parse(value)
    raise NotImplementedError(kind)  # what msgspec asks of a hook for a type it does not know


def _decode(tree: Mapping[str, Any], origin: str) -> Config:
    try:
        return msgspec.convert(tree, described(Config), dec_hook=_dec_hook)
    except msgspec.ValidationError as error:
        message, path = message_and_path(str(error))
        raise ConfigError(path, f"{message} ({origin}){_allowed(path, message)}") from None


def _allowed(path: str, message: str) -> str:
    """What may stand at ``path``, for the messages that do not say so themselves."""
    *_, last = path.split(".")
    hints = typing.get_type_hints(Config)
    if "unknown field" in message:
        struct = Config if path == "$" else hints[last]
        return "; allowed here: " + ", ".join(info.encode_name for info in msgspec.structs.fields(struct))
    if path == "$.log.level":
        return "; allowed: debug, info, warning, error"
    if path.startswith("$.labels.formats"):
        return f"; allowed: {', '.join(FORMATS)}"
    return ""


def _check(config: Config) -> None:
    """Rules beyond types."""
    address, _, port = config.web.listen_address.rpartition(":")
    if not port.isdigit() or int(port) > 65535 or not address:
        raise ConfigError("$.web.listen_address", f"expected HOST:PORT, got {config.web.listen_address!r}")
    urls = [(f"$.watch.exporters[{number}]", url) for number, url in enumerate(config.watch.exporters)]
    for path, url in (
        *urls,
        ("$.prometheus.url", config.prometheus.url),
        ("$.grafana.url", config.grafana.url),
        ("$.labels.base_url", config.labels.base_url),
        ("$.hub.endpoint", config.hub.endpoint),
    ):
        if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc):
            raise ConfigError(path, f"expected http://HOST:PORT or https://HOST, got {url!r}")
    if not config.prometheus.url:
        raise ConfigError("$.prometheus.url", "must not be empty, such as http://127.0.0.1:9090")
    if not 1 <= config.watch.interval <= 3600:
        raise ConfigError("$.watch.interval", f"{config.watch.interval} is out of range; allowed is 1s to 1h")
