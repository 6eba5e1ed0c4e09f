"""Models of a hub, and what managers set for all pages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """New tables alone."""
    op.create_table(
        "hub_models",
        sa.Column("hub_id", sa.String(256), nullable=False),
        sa.Column("sha", sa.String(64), nullable=False),
        sa.Column("last_modified", sa.Float()),
        sa.Column("created", sa.Float()),
        sa.Column("card", sa.JSON(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("task", sa.String(256), nullable=False),
        sa.Column("library", sa.String(256), nullable=False),
        sa.Column("downloads", sa.BigInteger()),
        sa.Column("likes", sa.BigInteger()),
        sa.Column("file_bytes", sa.Float()),
        sa.Column("parameters", sa.Float()),
        sa.Column("dataset_bytes", sa.Float()),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("fetched_at", sa.Float(), nullable=False),
        sa.CheckConstraint("state IN ('present', 'deleted', 'failed')", name="ck_hub_models_state"),
        sa.PrimaryKeyConstraint("hub_id", name="pk_hub_models"),
    )
    op.create_index("ix_hub_models_last_modified", "hub_models", ["last_modified"])
    op.create_table(
        "hub_syncs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("started", sa.Float(), nullable=False),
        sa.Column("ended", sa.Float()),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("newest", sa.Float()),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("created", sa.Integer(), nullable=False),
        sa.Column("updated", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("by", sa.String(256), nullable=False),
        sa.CheckConstraint("state IN ('running', 'done', 'failed')", name="ck_hub_syncs_state"),
        sa.PrimaryKeyConstraint("id", name="pk_hub_syncs"),
    )
    op.create_table(
        "curation",
        sa.Column("hub_id", sa.String(256), nullable=False),
        sa.Column("field", sa.String(64), nullable=False),
        sa.Column("value", sa.String(256), nullable=False),
        sa.Column("note", sa.String(1000), nullable=False),
        sa.Column("by", sa.String(256), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("hub_id", "field", name="pk_curation"),
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(256), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_settings"),
    )
