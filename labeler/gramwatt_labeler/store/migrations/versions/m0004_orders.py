"""Lists in the order of letters and of the energy per unit, and their counts, follow an index."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two indexes in place of one, which the first databases of version 0003 have by another name."""
    for name in ("ix_grades_letter_scale", "ix_grades_scale_letter"):
        op.drop_index(name, "grades", if_exists=True)
    for column in ("letter", "per_unit_joules"):
        op.create_index(
            f"ix_grades_{column}_scale_is_current_evaluation_id",
            "grades",
            [column, "scale", "is_current", "evaluation_id"],
        )
