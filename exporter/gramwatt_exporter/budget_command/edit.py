"""Edits the list ``budgets`` of a configuration file in place: every other byte stays, comments too.

PyYAML's marks say where a node stands in the text, so only the lines of one budget are added or cut. The result is
read again and compared with what was asked for: an edit that would change anything else is refused.
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from .. import yaml_files
from ..errors import ConfigError

Item = Mapping[str, Any]
_BY_HAND = "edit the list budgets in the file by hand; docs/budgets.md shows its form"


def added(text: str, item: Item) -> str:
    """``text`` with one more budget at the end of its list. Raises ConfigError."""
    key, node = _budgets(text)
    line = yaml.safe_dump(
        dict(item), default_flow_style=True, sort_keys=False, allow_unicode=True, width=math.inf
    ).strip()
    if key is None:
        gap = "" if not text or text.endswith("\n") else "\n"
        new = f"{text}{gap}budgets:\n  - {line}\n"
    elif isinstance(node, yaml.SequenceNode) and not node.flow_style:
        last = node.value[-1]
        at = _line_end(text, _last_index(last))
        indent = " " * _dash_column(text, last)
        start = text[:at] + ("" if text[:at].endswith("\n") else "\n")
        new = f"{start}{indent}- {line}\n{text[at:]}"
    elif isinstance(node, yaml.SequenceNode) and node.value:
        at = _last_index(node.value[-1])
        new = f"{text[:at]}, {line}{text[at:]}"
    elif isinstance(node, yaml.SequenceNode):
        at, end = node.start_mark.index, node.end_mark.index
        new = f"{text[:at]}[{line}]{text[end:]}"
    elif _is_null(node):
        at, end = node.start_mark.index, node.end_mark.index
        space = "" if text[at - 1 : at].isspace() else " "
        new = f"{text[:at]}{space}[{line}]{text[end:]}"
    else:
        raise ConfigError("$.budgets", f"is no list; {_BY_HAND}")
    return _checked(text, new, [*_items(text), dict(item)])


def removed(text: str, name: str) -> str:
    """``text`` without the budget of this name. Raises ConfigError."""
    items = _items(text)
    names = [item.get("name") if isinstance(item, dict) else None for item in items]
    if name not in names:
        known = ", ".join(str(each) for each in names if each is not None)
        raise ConfigError("$.budgets", f"there is no budget {name!r}; there are: {known or 'none'}")
    index = names.index(name)
    _, node = _budgets(text)
    if not isinstance(node, yaml.SequenceNode):
        raise ConfigError("$.budgets", f"is not written out as a list in this file; {_BY_HAND}")
    each = node.value[index]
    if len(items) == 1:
        new = _emptied(text, node)
    elif node.flow_style:
        before = _last_index(node.value[index - 1]) if index else each.start_mark.index
        after = _last_index(each) if index else node.value[1].start_mark.index
        new = text[:before] + text[after:]
    else:
        start = text.rindex("-", 0, each.start_mark.index)
        start = text.rfind("\n", 0, start) + 1
        new = text[:start] + text[_line_end(text, _last_index(each)) :]
    return _checked(text, new, items[:index] + items[index + 1 :])


def write(path: Path, text: str) -> None:
    """Replace the file at once, with its mode and owner. Where it is a mount of its own, write into it.

    Raises ConfigError.
    """
    path = path.resolve()
    data = text.encode()
    temporary = path.with_name(f".{path.name}.new")
    try:
        try:
            temporary.write_bytes(data)
            _like(path, temporary)
            temporary.replace(path)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            with path.open("r+b" if path.exists() else "wb") as file:
                file.write(data)
                file.truncate()
    except OSError as error:
        raise ConfigError(
            "--config.file",
            f"cannot write {path}: {error.strerror}; run this as a user who may, and where the file is not read-only"
            " (the stack's containers: make budget)",
        ) from None


def _like(path: Path, temporary: Path) -> None:
    if path.exists():
        old = path.stat()
        temporary.chmod(stat.S_IMODE(old.st_mode))
        os.chown(temporary, old.st_uid, old.st_gid)


def _emptied(text: str, node: yaml.SequenceNode) -> str:
    if node.flow_style:
        return f"{text[: node.start_mark.index]}[]{text[node.end_mark.index :]}"
    colon = text.rindex(":", 0, node.start_mark.index)
    start = text.rfind("\n", 0, node.start_mark.index) + 1
    end = _line_end(text, _last_index(node))
    return f"{text[: colon + 1]} []{text[colon + 1 : start]}{text[end:]}"


def _tree(text: str) -> Any:
    try:
        return yaml_files.read(text)
    except yaml_files.YamlError as error:
        raise ConfigError("--config.file", f"is not YAML: {error}") from None


def _items(text: str) -> list[Any]:
    tree = _tree(text)
    items = tree.get("budgets") if isinstance(tree, dict) else None
    return list(items) if isinstance(items, list) else []


def _budgets(text: str) -> tuple[Any, Any]:
    """Key and value node of ``budgets``; (None, None) where the file has no such key."""
    root = yaml.compose(text, Loader=yaml.SafeLoader) if _tree(text) is not None else None
    if root is None:
        return None, None
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise ConfigError("$", f"the file is not a block of lines KEY: VALUE; {_BY_HAND}")
    return next(((key, value) for key, value in root.value if key.value == "budgets"), (None, None))


def _is_null(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _last_index(node: Any) -> int:
    """Where the text of a node ends. The end mark of a block is where the next token begins, after comments."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_index(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _line_end(text: str, index: int) -> int:
    """Behind the line that holds ``index``. A block scalar ends at the start of the next line."""
    if index and text[index - 1] == "\n":
        return index
    end = text.find("\n", index)
    return len(text) if end < 0 else end + 1


def _dash_column(text: str, item: Any) -> int:
    dash = text.rindex("-", 0, item.start_mark.index)
    return dash - (text.rfind("\n", 0, dash) + 1)


def _checked(old: str, new: str, budgets: list[Any]) -> str:
    """``new`` if it says what ``old`` says, but for these budgets."""
    wanted = _tree(old) or {}
    wanted["budgets"] = budgets
    try:
        found = yaml_files.read(new)
    except yaml_files.YamlError:
        found = None
    if found != wanted:
        raise ConfigError("$.budgets", f"cannot be changed without changing the rest of the file; {_BY_HAND}")
    return new
