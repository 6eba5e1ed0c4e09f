"""The shapes of requests and answers about what is corrected, taken back and put back."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Corrected(BaseModel):
    id: str
    corrects: str
    label: str


class WithdrawnOne(BaseModel):
    id: str
    name: str
    model: str
    origin: str
    energy_joules: float | None
    emissions_grams: float | None
    end: float | None
    created_at: float
    created_by: str
    replaced_by: str | None = Field(description="its correction")


class WithdrawalOut(BaseModel):
    """What one call took back; ``by`` is "" where Gramwatt itself did."""

    id: int
    at: float
    by: str
    reason: str
    count: int
    evaluations: list[WithdrawnOne]


class WithdrawalPage(BaseModel):
    withdrawals: list[WithdrawalOut]
    next: int | None


class TakeBackIn(BaseModel):
    """One of ``ids``, ``import_id`` and ``file``."""

    model_config = ConfigDict(
        extra="forbid", strict=True,
        json_schema_extra={"example": {"ids": ["01KARESNET"], "reason": "kWh were typed as Wh"}},
    )  # fmt: skip
    ids: list[Annotated[str, Field(min_length=1, max_length=128)]] = Field(default=[], max_length=1000)
    import_id: str = Field(default="", max_length=26)
    file: str = Field(default="", max_length=256)
    reason: str = Field(default="", max_length=1000)


class RestoreIn(BaseModel):
    """Without ``ids`` all of it."""

    model_config = ConfigDict(extra="forbid", strict=True)
    ids: list[Annotated[str, Field(min_length=1, max_length=128)]] = Field(default=[], max_length=1000)


class Restored(BaseModel):
    ids: list[str]
