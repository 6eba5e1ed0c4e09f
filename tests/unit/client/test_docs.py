"""The pages about the client say what the client is."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

import gramwatt as client
import pytest
from gramwatt import environment
from gramwatt.cli.main import parser

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs/client.md").read_text()
REFERENCE = (ROOT / "docs/api/client.md").read_text()


def _subcommands() -> dict[str, argparse.ArgumentParser]:
    for action in parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    raise AssertionError


def test_every_subcommand_and_option_is_in_the_guide() -> None:
    for name, sub in _subcommands().items():
        assert f"gramwatt {name}" in GUIDE
        for action in sub._actions:
            for option in action.option_strings:
                if option.startswith("--") and option != "--help":
                    assert option in GUIDE, f"{name} {option}"


def test_every_option_of_the_guide_exists() -> None:
    known = {
        option
        for sub in [parser(), *_subcommands().values()]
        for a in sub._actions
        for option in a.option_strings
    }
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", GUIDE)):
        assert option in known, option


def test_every_variable_is_in_the_guide() -> None:
    variables = {
        value
        for value in vars(environment).values()
        if isinstance(value, str) and value.startswith("GRAMWATT_")
    }
    assert variables == set(re.findall(r"^\| `(GRAMWATT_\w+)`", GUIDE, re.MULTILINE))


def test_every_public_name_argument_and_field_is_in_the_reference() -> None:
    for name in client.__all__:
        if name != "load_ipython_extension":
            assert name in REFERENCE, name
    for argument in inspect.signature(client.window).parameters:
        assert f"`{argument}`" in REFERENCE, argument
    fields = {field.name for field in dataclasses.fields(client.Result)}
    fields |= {name for name, member in vars(client.Result).items() if isinstance(member, property)}
    for field in fields:
        assert f"`{field}`" in REFERENCE, field
    for key in client.Result("x", "training").summary():
        assert f"`{key}`" in REFERENCE, key


@pytest.mark.slow
def test_the_readmes_example_works_when_typed(python: Any, exporter: Any) -> None:
    text = (ROOT / "client/README.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    done = python(example)
    assert done.stderr == ""
    assert done.stdout.startswith("train (training): ")
    assert "CO2e" in done.stdout
    assert exporter.names() == ["train"]
