"""Scales, the letters they gave, and the populations that relative scales compare with."""

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from .base import IDENTIFIER, METADATA, NAME

SCALES = Table(
    "scales",
    METADATA,
    Column("sha256", String(64), primary_key=True),  # of its content: what graded something never changes
    Column("name", String(64), nullable=False, index=True),
    Column("version", String(64), nullable=False),
    Column("kind", String(32), nullable=False, server_default=""),
    Column(
        "content", Text, nullable=False, server_default=""
    ),  # YAML; "" of a scale known only by its grades
    Column("state", String(16), nullable=False),
    Column("created_by", String(NAME), nullable=False, server_default=""),
    Column("created_at", Float, nullable=False),
    CheckConstraint("state IN ('draft', 'active', 'retired')", name="state"),
)

GRADES = Table(
    "grades",
    METADATA,
    Column("evaluation_id", String(IDENTIFIER), ForeignKey("evaluations.id"), primary_key=True),
    Column("scale_sha256", String(64), ForeignKey("scales.sha256"), primary_key=True),
    Column("scale", String(64), nullable=False),
    Column("is_current", Boolean, nullable=False),  # False: a newer version of the scale has graded it since
    Column("letter", String(3)),
    Column("best", String(3)),
    Column("worst", String(3)),
    Column("efficiency_index", Float),
    Column("unit", String(32), nullable=False),
    Column("per_unit_joules", Float),
    Column("per_unit_grams", Float),
    Column("reason", String(1000), nullable=False),
    Column("record", JSON, nullable=False),  # the whole Grade
    Column("graded_at", Float, nullable=False),
    Column("annotated", Boolean, nullable=False),
)
Index(
    "uq_grades_current",
    GRADES.c.evaluation_id,
    GRADES.c.scale,
    unique=True,
    sqlite_where=text("is_current"),
    postgresql_where=text("is_current"),
)
# Which letter an evaluation has on a scale is asked for many at once: a row of this is short.
Index(
    "ix_grades_evaluation_id_scale_is_current_letter",
    GRADES.c.evaluation_id,
    GRADES.c.scale,
    GRADES.c.is_current,
    GRADES.c.letter,
)
# The letter first: an index that began with the scale would be taken for the join, where the key is better.
# All that a count or an order asks for is in the index.
Index(
    "ix_grades_letter_scale_is_current_evaluation_id",
    GRADES.c.letter,
    GRADES.c.scale,
    GRADES.c.is_current,
    GRADES.c.evaluation_id,
)
Index(
    "ix_grades_per_unit_joules_scale_is_current_evaluation_id",
    GRADES.c.per_unit_joules,
    GRADES.c.scale,
    GRADES.c.is_current,
    GRADES.c.evaluation_id,
)
Index(
    "ix_grades_not_annotated",
    GRADES.c.evaluation_id,
    sqlite_where=text("NOT annotated"),
    postgresql_where=text("NOT annotated"),
)

METRIC_GRADES = Table(
    "metric_grades",
    METADATA,
    Column("evaluation_id", String(IDENTIFIER), primary_key=True),
    Column("scale_sha256", String(64), primary_key=True),
    Column("metric", String(NAME), primary_key=True),
    Column("value", Float),
    Column("metric_index", Float),
    Column("letter", String(3)),
    ForeignKeyConstraint(["evaluation_id", "scale_sha256"], ["grades.evaluation_id", "grades.scale_sha256"]),
)

POPULATIONS = Table(
    "populations",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("name", String(NAME), nullable=False),
    Column("version", String(64), nullable=False),
    Column("source", Text, nullable=False),
    Column("licence", String(NAME), nullable=False),
    Column("rows", JSON, nullable=False),
    UniqueConstraint("name", "version"),
)
