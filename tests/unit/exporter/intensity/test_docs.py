"""docs/intensity.md knows every provider, option and failure reason the code has."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import msgspec
import pytest
from gramwatt_exporter.config import schema
from gramwatt_exporter.intensity.providers import failures

PAGE = (Path(__file__).parents[4] / "docs" / "intensity.md").read_text(encoding="utf-8")
PROVIDERS = typing.get_args(schema.Provider)


@pytest.mark.parametrize("struct", PROVIDERS)
def test_every_provider_and_option_has_its_place(struct: type[msgspec.Struct]) -> None:
    assert f"`{struct.__struct_config__.tag}`" in PAGE
    for info in msgspec.structs.fields(struct):
        assert f"`{info.encode_name}`" in PAGE


@pytest.mark.parametrize("info", msgspec.structs.fields(schema.IntensityConfig))
def test_every_setting_has_a_row(info: msgspec.structs.FieldInfo) -> None:
    assert f"| `intensity.{info.encode_name}` |" in PAGE


def test_every_reason_has_a_row() -> None:
    told = re.findall(r"[a-z_]+", (failures.__doc__ or "").partition("one of:")[2])
    documented = set(re.findall(r"`([a-z_]+)`", " ".join(re.findall(r"^\| (`.+?) \|", PAGE, re.MULTILINE))))
    assert {"unauthorized", "network"} <= set(told)
    assert set(told) <= documented
