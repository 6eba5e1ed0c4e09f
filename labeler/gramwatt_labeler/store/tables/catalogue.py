"""What managers define: metrics, tools and their columns, extra fields, tactics; and what analyses came to."""

from sqlalchemy import JSON, Boolean, CheckConstraint, Column, Float, ForeignKey, Integer, String, Table, Text

from .base import IDENTIFIER, METADATA, NAME

METRICS = Table(
    "metrics",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("title", String(NAME), nullable=False),
    Column("phases", JSON, nullable=False),
    Column("unit", String(32), nullable=False),
    Column("direction", String(8), nullable=False),
    Column("description", Text, nullable=False),
    Column("how_to", Text, nullable=False),
    Column("recommendations", JSON, nullable=False),  # letter -> list of texts
    Column("enabled", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    CheckConstraint("direction IN ('lower', 'higher')", name="direction"),
)

TOOLS = Table(
    "tools",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(NAME), nullable=False, unique=True),
    Column("description", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
)

TOOL_COLUMNS = Table(
    "tool_columns",
    METADATA,
    Column("tool_id", Integer, ForeignKey("tools.id"), primary_key=True),
    Column("column_name", String(NAME), primary_key=True),
    Column("field", String(64), primary_key=True),
    Column("unit", String(32), nullable=False),
    Column("reduce", String(8), nullable=False),
    CheckConstraint("reduce IN ('last', 'first', 'sum', 'mean')", name="reduce"),
)

EXTRA_FIELDS = Table(
    "extra_fields",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(NAME), nullable=False, unique=True),
    Column("phase", String(32), nullable=False),  # "" is both
    Column("choices", JSON),  # NULL: any text
    Column("description", Text, nullable=False),
)

EXTRA_VALUES = Table(
    "extra_values",
    METADATA,
    Column("evaluation_id", String(IDENTIFIER), ForeignKey("evaluations.id"), primary_key=True),
    Column("field_id", Integer, ForeignKey("extra_fields.id"), primary_key=True),
    Column("value", String(1000), nullable=False),
)

TACTICS = Table(
    "tactics",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(NAME), nullable=False, unique=True),
    Column("stage", String(64), nullable=False),
    Column("description", Text, nullable=False),
    Column("sources", JSON, nullable=False),
    Column("metrics", JSON, nullable=False),
)

REDUCTIONS = Table(
    "reductions",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("tactic_id", Integer, ForeignKey("tactics.id"), nullable=False, index=True),
    Column("option", String(NAME), nullable=False),
    Column("architecture", String(NAME), nullable=False),
    Column("metric", String(64), nullable=False),
    Column("low", Float),
    Column("expected", Float, nullable=False),
    Column("high", Float),
    Column("source", Text, nullable=False),
)

ROI_ANALYSES = Table(
    "roi_analyses",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("title", String(NAME), nullable=False),
    Column("baseline_evaluation_id", String(IDENTIFIER), ForeignKey("evaluations.id")),
    Column("after_evaluation_id", String(IDENTIFIER), ForeignKey("evaluations.id")),
    Column("input", JSON, nullable=False),
    Column("created_by", String(NAME), nullable=False),
    Column("created_at", Float, nullable=False),
)

INTENSITIES = Table(
    "intensities",
    METADATA,
    Column("zone", String(64), primary_key=True),
    Column("year", Integer, primary_key=True),
    Column("source", String(NAME), primary_key=True),
    Column("grams_per_kwh", Float, nullable=False),
    Column("imported_at", Float, nullable=False),
)
