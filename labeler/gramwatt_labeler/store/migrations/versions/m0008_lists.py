"""Lists by data set, origin or parent, their counts and searches follow an index on both databases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gramwatt_labeler.store import searching

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None
_LISTED = (
    "id", "parent", "phase", "task", "origin", "user_name", "model_id", "dataset_id", "host_id", "search",
)  # fmt: skip


def upgrade() -> None:
    """SQLite reads one index in place of whole rows; PostgreSQL has one of groups of letters where the role may."""
    newest = sa.text("ended DESC")
    op.create_index("ix_evaluations_dataset_id_ended", "evaluations", ["dataset_id", "ended"])
    op.create_index(
        "ix_evaluations_parent_ended_id",
        "evaluations",
        ["parent", newest, "id"],
        sqlite_where=sa.text("parent != ''"),
    )
    columns = ["evaluation_id", "scale", "is_current", "letter"]
    op.create_index("ix_grades_evaluation_id_scale_is_current_letter", "grades", columns)
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_evaluations_ended_id_search", "evaluations")
        op.create_index("ix_evaluations_listed", "evaluations", [newest, *_LISTED])
    else:
        op.create_index("ix_evaluations_origin_ended", "evaluations", ["origin", "ended"])
        searching.put_index(op.get_bind())
        for table in ("evaluations", "grades"):  # so that the first lists are planned for the rows there are
            op.execute(f"ANALYZE {table}")
