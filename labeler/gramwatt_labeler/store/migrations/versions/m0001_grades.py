"""The one table of the first versions: a row for each window and scale."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A database that has the table already was made before there were migrations."""
    if sa.inspect(op.get_bind()).has_table("grades"):
        return
    op.create_table(
        "grades",
        sa.Column("window", sa.String(128), nullable=False),
        sa.Column("scale", sa.String(64), nullable=False),
        sa.Column("scale_version", sa.String(64), nullable=False),
        sa.Column("scale_sha256", sa.String(64), nullable=False),
        sa.Column("letter", sa.String(3)),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("phase", sa.String(32), nullable=False),
        sa.Column("model", sa.String(256), nullable=False),
        sa.Column("task", sa.String(256), nullable=False),
        sa.Column("dataset", sa.String(256), nullable=False),
        sa.Column("window_start", sa.Float, nullable=False),
        sa.Column("window_end", sa.Float, nullable=False),
        sa.Column("energy_joules", sa.Float),
        sa.Column("emissions_grams", sa.Float),
        sa.Column("energy_per_unit_joules", sa.Float),
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("efficiency_index", sa.Float),
        sa.Column("graded_at", sa.Float, nullable=False),
        sa.Column("annotated", sa.Boolean, nullable=False),
        sa.Column("record", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("window", "scale", name="pk_grades_0001"),
    )
