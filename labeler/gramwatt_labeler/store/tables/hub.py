"""Models of a hub as their cards describe them, what people say instead, and each sync."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from .base import METADATA, NAME

HUB_MODELS = Table(
    "hub_models",
    METADATA,
    Column("hub_id", String(NAME), primary_key=True),
    Column("sha", String(64), nullable=False),
    Column("last_modified", Float),
    Column("created", Float),
    Column("card", JSON, nullable=False),  # the front matter alone, never the text
    Column("tags", JSON, nullable=False),
    Column("task", String(NAME), nullable=False),
    Column("library", String(NAME), nullable=False),
    Column("downloads", BigInteger),
    Column("likes", BigInteger),
    Column("file_bytes", Float),
    Column("parameters", Float),
    Column("dataset_bytes", Float),
    Column("state", String(16), nullable=False),
    Column("error", Text, nullable=False, server_default=""),
    Column("fetched_at", Float, nullable=False),
    CheckConstraint("state IN ('present', 'deleted', 'failed')", name="state"),
)
Index("ix_hub_models_last_modified", HUB_MODELS.c.last_modified)

HUB_SYNCS = Table(
    "hub_syncs",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("started", Float, nullable=False),
    Column("ended", Float),
    Column("state", String(16), nullable=False),
    Column("newest", Float),  # last_modified of the newest model, once all were seen
    Column("seen", Integer, nullable=False),
    Column("created", Integer, nullable=False),
    Column("updated", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("error", Text, nullable=False, server_default=""),
    Column("by", String(NAME), nullable=False),
    CheckConstraint("state IN ('running', 'done', 'failed')", name="state"),
)

CURATION = Table(
    "curation",
    METADATA,
    Column("hub_id", String(NAME), nullable=False),
    Column("field", String(64), nullable=False),
    Column("value", String(NAME), nullable=False),  # as the form writes it; "" hides the mined value
    Column("note", String(1000), nullable=False),
    Column("by", String(NAME), nullable=False),
    Column("at", Float, nullable=False),
    PrimaryKeyConstraint("hub_id", "field"),
)

SETTINGS = Table(
    "settings",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("value", JSON, nullable=False),
    Column("by", String(NAME), nullable=False),
    Column("at", Float, nullable=False),
)
"""What managers set for all pages, such as the colours of letters."""
