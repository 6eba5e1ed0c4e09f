"""A metric has no picture of its own: nothing ever wrote or drew one."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The column was empty in every row."""
    op.drop_column("metrics", "icon")
