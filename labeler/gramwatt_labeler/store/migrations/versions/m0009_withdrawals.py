"""Evaluations can be taken back and put back; those that came in together share an import."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """New tables, and a column that is empty in every row."""
    op.create_table(
        "withdrawals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("user_name", sa.String(256), nullable=False),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_withdrawals"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "withdrawn",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("withdrawal_id", sa.Integer(), nullable=False),
        sa.Column("evaluation_id", sa.String(128), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("replaced_by", sa.String(128), server_default="", nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["withdrawal_id"], ["withdrawals.id"], name="fk_withdrawn_withdrawal_id"),
        sa.PrimaryKeyConstraint("id", name="pk_withdrawn"),
        sqlite_autoincrement=True,
    )
    for column in ("withdrawal_id", "evaluation_id", "content_hash", "replaced_by"):
        op.create_index(f"ix_withdrawn_{column}", "withdrawn", [column])
    op.add_column("evaluations", sa.Column("import_id", sa.String(26), server_default="", nullable=False))
    for column, condition in (("import_id", "<> ''"), ("replaced_by", "IS NOT NULL")):
        filled = sa.text(f"{column} {condition}")
        op.create_index(
            f"ix_evaluations_{column}", "evaluations", [column], sqlite_where=filled, postgresql_where=filled
        )
