"""Merge flags, environment, file and defaults into one Config, and remember where each value came from."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct, field

from .. import yaml_files
from ..errors import ConfigError
from ..patterns import PatternError, pattern
from .address import is_loopback, split
from .scalars import Duration, Mass, Period
from .schema import Config, WindowsTcp

ENV_PREFIX = "GRAMWATT_"
# Read by providers and the client and not by this file: no spelling mistakes.
_OTHER_VARIABLES = re.compile(
    r"GRAMWATT_(.*_(TOKEN|PASSWORD)|TOKEN|TOKEN_FILE|URL|CA_FILE|CONFIG_FILE|GRAFANA_.*|LABELER_.*|PROMETHEUS_.*)"
)
_PATH = re.compile(r"^(?P<message>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)


class Loaded(Struct, frozen=True):
    """A checked configuration; ``origins`` maps a key to where its value was set, ``warnings`` are for the log."""

    config: Config
    origins: Mapping[str, str]
    file: str = ""
    warnings: tuple[str, ...] = field(default=())


def settings(struct: Any = Config, prefix: str = "") -> dict[str, Any]:
    """Every scalar key (``sampling.interval``) with its type. Lists and mappings are one key each."""
    found: dict[str, Any] = {}
    hints = typing.get_type_hints(struct, include_extras=True)
    for info in msgspec.structs.fields(struct):
        key = f"{prefix}{info.encode_name}"
        if isinstance(info.type, type) and issubclass(info.type, msgspec.Struct):
            found.update(settings(info.type, f"{key}."))
        else:
            found[key] = hints[info.name]
    return found


def load(
    file: str = "",
    environ: Mapping[str, str] = types.MappingProxyType({}),
    flags: Mapping[str, str] = types.MappingProxyType({}),
) -> Loaded:
    """Read everything once. ``flags`` maps dotted keys to text.

    Raises ConfigError naming the path of the key, what was found and what is allowed.
    """
    known = settings()
    tree: dict[str, Any] = {}
    origins = dict.fromkeys(known, "default")
    if file:
        tree = _read_file(file)
        for key in _leaves(tree, known):
            origins[key] = file
        _decode(tree, origin=file)  # the file must be right by itself, so that its errors name its keys
    names = {ENV_PREFIX + key.replace(".", "_").upper(): key for key in known}
    warnings = []
    for name, text in environ.items():
        if name in names:
            key = names[name]
            _put(tree, key, _scalar(known[key], text, name))
            origins[key] = f"environment {name}"
            _decode(tree, origin=name)
        elif name.startswith(ENV_PREFIX) and not _OTHER_VARIABLES.fullmatch(name):
            warnings.append(f"{name} is not a setting and is ignored; see --help for the names")
    for key, text in flags.items():
        _put(tree, key, _scalar(known[key], text, f"--{key.replace('_', '-')}"))
        origins[key] = f"flag --{key.replace('_', '-')}"
        _decode(tree, origin=f"--{key.replace('_', '-')}")
    config = _decode(tree, origin=file or "configuration")
    _check(config)
    return Loaded(config, origins, file, tuple(warnings))


def describe(loaded: Loaded) -> str:
    """The effective configuration as YAML-like lines with the origin of each value behind it."""
    lines = []
    for key, origin in loaded.origins.items():
        value: Any = loaded.config
        for part in key.split("."):
            value = getattr(value, part)
        shown = msgspec.json.encode(value, enc_hook=_encode_hook).decode()
        lines.append((f"{key}: {shown}", origin))
    width = min(60, max(len(text) for text, _ in lines))
    return "\n".join(f"{text:<{width}}  # {origin}" for text, origin in lines)


def _encode_hook(value: object) -> object:
    return str(value)


def _read_file(file: str) -> dict[str, Any]:
    try:
        with open(file, "rb") as handle:  # noqa: PTH123 - any path-like, also /dev/stdin
            tree = yaml_files.read(handle)
    except OSError as error:
        raise ConfigError("--config.file", f"cannot read {file}: {error.strerror}") from None
    except yaml_files.YamlError as error:
        raise ConfigError("--config.file", f"{file} is not YAML: {error}") from None
    except ValueError:
        raise ConfigError("--config.file", f"{file!r} is not the name of a file") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError("$", f"{file}: expected a mapping of settings, got {type(tree).__name__}")
    return tree


def _leaves(tree: Mapping[str, Any], known: Mapping[str, Any], prefix: str = "") -> list[str]:
    keys = []
    for name, value in tree.items():
        key = f"{prefix}{name}"
        if key in known:
            keys.append(key)
        elif isinstance(value, dict):
            keys.extend(_leaves(value, known, f"{key}."))
    return keys


def _put(tree: dict[str, Any], key: str, value: object) -> None:
    *sections, name = key.split(".")
    for section in sections:
        child = tree.get(section)
        if not isinstance(child, dict):
            child = tree[section] = {}
        tree = child
    tree[name] = value


def _scalar(hint: Any, text: str, origin: str) -> object:
    if not yaml_files.is_text(text):
        raise ConfigError(origin, f"{text!r} is not text in UTF-8")
    if hint in (str, Duration, Mass, Period):
        return text
    try:
        return yaml_files.read(text)
    except yaml_files.YamlError:
        return text


def _dec_hook(kind: type, value: object) -> object:
    if kind in (Duration, Mass, Period):
        return kind.parse(value)
    raise NotImplementedError(kind)  # what msgspec asks of a hook for a type it does not know


def _decode(tree: Mapping[str, Any], origin: str) -> Config:
    try:
        return msgspec.convert(tree, Config, dec_hook=_dec_hook)
    except msgspec.ValidationError as error:
        match = _PATH.match(str(error))
        message, path = (match["message"], match["path"] or "$") if match else (str(error), "$")
        raise ConfigError(path, f"{message} ({origin}){_allowed(path, message)}") from None


def _allowed(path: str, message: str) -> str:
    """The values allowed at ``path``, for messages that do not name them."""
    struct: Any = Config
    hint: Any = Config
    for name in re.findall(r"\.(\w+)", path):
        hint = typing.get_type_hints(struct).get(name) if isinstance(struct, type) else None
        struct = _struct_of(hint)
        if struct is None:
            break
    if "unknown field" in message and struct is not None and struct is not _ProviderUnion:
        return "; allowed here: " + ", ".join(info.encode_name for info in msgspec.structs.fields(struct))
    if path.endswith(".kind"):
        return "; allowed: " + ", ".join(sorted(_provider_kinds()))
    if "enum value" in message:
        return "; allowed: " + ", ".join(_choices(hint))
    return ""


def _choices(hint: Any) -> list[str]:
    """The words that a type hint allows, and "a whole number" where it allows numbers, too."""
    if typing.get_origin(hint) is typing.Literal:
        return [str(word) for word in typing.get_args(hint)]
    if hint is int:
        return ["a whole number"]
    return [choice for argument in typing.get_args(hint) for choice in _choices(argument)]


_ProviderUnion = object()


def _struct_of(hint: Any) -> Any:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    for argument in typing.get_args(hint):
        found = _struct_of(argument)
        if found is not None:
            return _ProviderUnion if _is_provider(found) else found
    return None


def _is_provider(struct: Any) -> bool:
    return struct is not _ProviderUnion and struct.__struct_config__.tag is not None


def _provider_kinds() -> set[str]:
    from .schema import Provider

    return {kind.__struct_config__.tag for kind in typing.get_args(Provider)}


def _check(config: Config) -> None:
    """Rules that span fields."""
    if not 0.1 <= config.sampling.interval <= 10:
        raise ConfigError(
            "$.sampling.interval",
            f"{config.sampling.interval} is out of range; allowed is 100ms to 10s"
            " (a busy package wraps its counter in minutes, and a grade needs samples)",
        )
    for name, interval in (
        ("ipmi", config.sensors.ipmi.interval),
        ("redfish", config.sensors.redfish.interval),
    ):
        if interval < 1:
            raise ConfigError(
                f"$.sensors.{name}.interval",
                f"{interval} is out of range; allowed is 1s and longer (management controllers are easily overrun)",
            )
    if config.workloads.keep < 60:
        raise ConfigError(
            "$.workloads.keep",
            f"{config.workloads.keep} is out of range; allowed is 1m and longer (last values must be scraped)",
        )
    try:
        split(config.web.listen_address)
    except ValueError as error:
        raise ConfigError("$.web.listen_address", str(error)) from None
    _check_tcp(config.windows.tcp)
    names = [budget.name for budget in config.budgets]
    for index, budget in enumerate(config.budgets):
        if names.count(budget.name) > 1:
            raise ConfigError(f"$.budgets[{index}].name", f"{budget.name!r} is used twice; names are unique")
        for label, expression in budget.match.items():
            _check_expression(f"$.budgets[{index}].match.{label}", expression)
        if budget.limit <= 0:
            raise ConfigError(f"$.budgets[{index}].limit", "a budget must be more than 0g")
    for index, rule in enumerate(config.windows.automatic):
        _check_expression(f"$.windows.automatic[{index}].match", rule.match)
    for index, provider in enumerate(config.intensity.providers):
        hourly = getattr(provider, "hourly", [])
        if hourly and len(hourly) != 24:
            raise ConfigError(
                f"$.intensity.providers[{index}].hourly",
                f"expected 24 values, one per hour, got {len(hourly)}",
            )
    for name, item in config.embodied.items():
        if item.lifetime <= 0:
            raise ConfigError(f"$.embodied.{name}.lifetime", "must be longer than 0s, such as 4y")
    if config.price.hourly and len(config.price.hourly) != 24:
        raise ConfigError(
            "$.price.hourly", f"expected 24 values, one per hour, got {len(config.price.hourly)}"
        )
    if (config.price.hourly or config.price.per_kilowatt_hour is not None) and not config.price.currency:
        raise ConfigError("$.price.currency", "a price needs its currency, such as EUR")


def _check_expression(key: str, expression: str) -> None:
    try:
        pattern(expression)
    except PatternError as error:
        raise ConfigError(key, f"{expression!r} is not a regular expression: {error}") from None


def _check_tcp(tcp: WindowsTcp) -> None:
    path = "$.windows.tcp"
    if not tcp.listen_address:
        if tcp.token_file or tcp.config_file:
            raise ConfigError(
                f"{path}.listen_address",
                "is missing, without it nothing listens; set HOST:PORT, such as 127.0.0.1:10046",
            )
        return
    try:
        host, _ = split(tcp.listen_address)
    except ValueError as error:
        raise ConfigError(f"{path}.listen_address", str(error)) from None
    if not tcp.token_file:
        raise ConfigError(
            f"{path}.token_file",
            "is missing; name a file with lines of USER TOKEN, readable by the exporter alone",
        )
    if not (is_loopback(host) or tcp.config_file or tcp.plain_http):
        raise ConfigError(
            f"{path}.config_file",
            f"is missing: {tcp.listen_address} can be reached from elsewhere, and tokens must not cross a network in"
            " plain HTTP; name a file with tls_server_config, listen on 127.0.0.1, or set plain_http: true",
        )
