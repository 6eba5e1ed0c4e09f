"""Searches, lists by name and lists of a host follow an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """SQLite searches an index in place of whole rows; PostgreSQL's indexes hold no text of this length."""
    op.create_index("ix_evaluations_host_id_ended", "evaluations", ["host_id", "ended"])
    op.create_index("ix_evaluations_lower_name_id", "evaluations", [sa.text("lower(name)"), "id"])
    if op.get_bind().dialect.name == "sqlite":
        name = "ix_evaluations_ended_id_search"
        op.create_index(name, "evaluations", [sa.text("ended DESC"), "id", "search"])
