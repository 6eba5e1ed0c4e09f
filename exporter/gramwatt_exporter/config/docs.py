"""docs/configuration.md, made from the schema: ``python -m gramwatt_exporter.config.docs > docs/configuration.md``."""

from __future__ import annotations

import ast
import inspect
import typing
from typing import Any

import msgspec

from . import schema
from .load import _choices, settings
from .scalars import Duration, Mass, Period

_INTRO = """# Configuration

<!-- Made from the schema by `python -m gramwatt_exporter.config.docs`; a test holds it to that. -->

One YAML file (`--config.file`, or `GRAMWATT_CONFIG_FILE`). Every key below is also an environment variable:
`sampling.interval` is `GRAMWATT_SAMPLING_INTERVAL`. Flags win over the environment, the environment over the file,
the file over the defaults. `gramwatt-exporter --config.check` prints what is in force and where each value came from.
A wrong key or value is refused with its path and what is allowed. `--config.env-file FILE` names a file of lines
`GRAMWATT_NAME=VALUE`, for variables that the environment does not set; tokens may stand there.

A changed file is read again by itself, within two samples; `SIGHUP` does so at once. `log`, `process`, `workloads`,
`intensity`, `budgets`, `windows`, `pue`, `price`, `water`, `embodied` and `sampling` change at once, the rest asks for
a restart. So does `windows.tcp`, of which only the tokens and certificates are read again.

Durations are written as in Prometheus (`500ms`, `5s`, `10m`, `30d`), masses with their unit (`500g`, `50kg`, `1.5t`).

```yaml
sampling: {interval: 5s}
intensity:
  zone: FR                       # no zone, no CO2: nothing is guessed
  providers:
    - {kind: co2signal}          # token in GRAMWATT_CO2SIGNAL_TOKEN, or token_file
    - {kind: annual}             # when the one above fails for longer than max_age
budgets:
  - {name: vision-team, match: {user: "alice|bob"}, limit: 50kg, period: 30d}
```
"""


def _comments() -> dict[tuple[str, str], str]:
    """The comment behind each field of schema.py: a setting is explained where it is declared."""
    source = inspect.getsource(schema)
    lines = source.splitlines()
    found: dict[tuple[str, str], str] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            for item in node.body:
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                    line = lines[(item.end_lineno or item.lineno) - 1]
                    _, mark, comment = line.partition("  # ")
                    found[node.name, item.target.id] = comment.strip() if mark else ""
    return found


def _type(hint: Any) -> str:
    if typing.get_origin(hint) is typing.Annotated:
        return _type(typing.get_args(hint)[0])
    names = {
        Duration: "duration",
        Mass: "mass",
        Period: "duration, day, week, month, quarter or year",
        bool: "true or false",
    }
    names |= {str: "text", float: "number", int: "whole number", type(None): ""}
    if hint in names:
        return names[hint]
    if typing.get_origin(hint) is typing.Literal:
        return ", ".join(_choices(hint))
    if typing.get_origin(hint) in (list, dict):
        return "list" if typing.get_origin(hint) is list else "mapping"
    return " or ".join(filter(None, (_type(argument) for argument in typing.get_args(hint))))


def _default(info: msgspec.structs.FieldInfo) -> str:
    if info.default is not msgspec.NODEFAULT:
        value: Any = info.default
    elif info.default_factory is not msgspec.NODEFAULT:
        value = info.default_factory()
    else:
        return "required"
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, list):
        return "`[{kind: annual}]`"
    return f"`{value}`"


def _rows(struct: Any, prefix: str, comments: dict[tuple[str, str], str]) -> list[str]:
    hints = typing.get_type_hints(struct, include_extras=True)
    rows = []
    for info in msgspec.structs.fields(struct):
        hint = hints[info.name]
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            continue
        comment = comments.get((struct.__name__, info.name), "")
        rows.append(f"| `{prefix}{info.encode_name}` | {_type(hint)} | {_default(info)} | {comment} |")
    return rows


def _table(struct: Any, prefix: str, comments: dict[tuple[str, str], str]) -> str:
    rows = _rows(struct, prefix, comments)
    return "\n".join(["| key | value | default | |", "|---|---|---|---|", *rows]) + "\n" if rows else ""


def _sections(struct: Any, prefix: str, comments: dict[tuple[str, str], str]) -> list[str]:
    parts = []
    hints = typing.get_type_hints(struct, include_extras=True)
    for info in msgspec.structs.fields(struct):
        hint = hints[info.name]
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            parts.append(f"## {prefix}{info.encode_name}\n\n{inspect.getdoc(hint)}\n")
            parts.append(_table(hint, f"{prefix}{info.encode_name}.", comments))
            parts.extend(_sections(hint, f"{prefix}{info.encode_name}.", comments))
    return [part for part in parts if part]


def page() -> str:
    """The whole page."""
    comments = _comments()
    parts = [_INTRO, "## Top level\n", _table(schema.Config, "", comments)]
    parts += _sections(schema.Config, "", comments)
    parts.append("## intensity.providers[]\n\nTried in order; the first that answers is in force.\n")
    for provider in typing.get_args(schema.Provider):
        tag = provider.__struct_config__.tag
        parts.append(f"### kind: {tag}\n\n{inspect.getdoc(provider)}\n")
        table = _table(provider, "", comments)
        if table:
            parts.append(table)
    for struct, title in (
        (schema.Budget, "budgets[]"),
        (schema.AutomaticWindow, "windows.automatic[]"),
        (schema.EmbodiedItem, "embodied.NAME"),
    ):
        parts.append(f"## {title}\n\n{inspect.getdoc(struct)}\n")
        parts.append(_table(struct, "", comments))
    return "\n".join(parts).rstrip() + "\n"


def keys() -> list[str]:
    """Every key that must have a row."""
    return list(settings())


if __name__ == "__main__":
    print(page(), end="")
