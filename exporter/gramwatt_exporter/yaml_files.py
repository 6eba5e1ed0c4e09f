"""YAML that people write, read strictly: what PyYAML would drop, repeat for ever or fail on is a mistake with a line.

PyYAML takes the last of two equal keys, so a second section ``sensors:`` at the end of a file would silently drop the
first one. An alias inside its own anchor makes a tree without an end. ``\\ud800`` makes text that cannot be written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

import yaml

_MERGE = "tag:yaml.org,2002:merge"


class YamlError(Exception):
    """The text cannot be used. ``problem`` quotes no value of it, ``line`` counts from 1, None where unknown."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem if line is None else f"line {line}: {problem}")
        self.problem = problem
        self.line = line


# Not libyaml's loader: deep nesting crashes it.
class _Strict(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        own = [key for key, _ in node.value if key.tag != _MERGE]
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        seen: set[Any] = set()
        for key in own:
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise YamlError(f"the key {name!r} is given twice", key.start_mark.line + 1)
            seen.add(name)
        return mapping


def read(text: bytes | str | IO[bytes]) -> Any:
    """The tree of one document; None for an empty one. Raises YamlError; OSError where ``text`` is a file."""
    try:
        tree = yaml.load(text, _Strict)  # noqa: S506 - a SafeLoader
        _check(tree)
    except RecursionError:
        raise YamlError("nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        words = f"{error.context}: {error.problem}" if error.context and error.problem else error.problem
        mark = error.problem_mark
        raise YamlError(" ".join(str(words).split()), None if mark is None else mark.line + 1) from None
    except yaml.YAMLError:  # ReaderError, whose text shows the bytes
        raise YamlError("it has bytes or characters that are no text in UTF-8") from None
    except UnicodeDecodeError:
        raise YamlError("it has bytes or characters that are no text in UTF-8") from None
    except ValueError:  # PyYAML's own, of what looks like one: 2026-13-45, or 5,000 digits
        raise YamlError("a date or a number that does not exist; quotes make text of it") from None
    return tree


def _check(tree: Any) -> None:
    """Raises YamlError for a tree that holds itself, and for text that is none in UTF-8."""
    above: set[int] = set()
    done: set[int] = set()  # an anchor is looked at once, however often it is used

    def enter(node: Any) -> Iterator[Any] | None:
        if isinstance(node, str):
            if not is_text(node):
                raise YamlError("half of a surrogate pair or a NUL is no text")
            return None
        if not isinstance(node, (dict, list)) or id(node) in done:
            return None
        if id(node) in above:
            raise YamlError("an alias stands inside its own anchor")
        above.add(id(node))
        return iter([*node, *node.values()] if isinstance(node, dict) else node)

    stack = [(tree, enter(tree))]
    while stack:
        node, rest = stack[-1]
        child = None if rest is None else next(rest, stack)
        if rest is None or child is stack:
            stack.pop()
            above.discard(id(node))
            done.add(id(node))
        else:
            stack.append((child, enter(child)))


def is_text(text: str) -> bool:
    """Whether it can be written in UTF-8, and name a file. Bytes that are no UTF-8, as in an argument or a variable,
    make text that cannot, and no name has a NUL."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
