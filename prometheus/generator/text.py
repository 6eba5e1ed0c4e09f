"""YAML as it is committed: expressions of several lines as literal blocks, everything else as YAML likes it."""

from __future__ import annotations

import yaml


class _Dumper(yaml.SafeDumper):
    pass


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def dump(tree: object) -> str:
    """``tree`` as YAML."""
    body: str = yaml.dump(tree, Dumper=_Dumper, sort_keys=False, width=10_000)
    return body
